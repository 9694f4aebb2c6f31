# What kernels ask the engine for: fc_api.

cdef int keep_dims(run_t *run, fc_tensor *t, int ndim, const int64_t *dims) noexcept nogil:
    if ndim > FC_INLINE_DIMS:
        dims = buf.keep_shape(ndim, dims)
        if dims == NULL:
            fc_message(run.message, b"out of memory: the sizes of a tensor cannot be kept")
            return FC_RESOURCE_EXHAUSTED
    fc_set_dims(t, ndim, dims)
    return FC_OK


cdef int api_set_dims(fc_ctx *ctx, fc_tensor *t, int ndim, const int64_t *dims) noexcept nogil:
    return keep_dims(<run_t *>ctx.engine, t, ndim, dims)


cdef int set_shape(run_t *run, fc_tensor *t, int dtype, int ndim, const int64_t *shape) noexcept nogil:
    cdef int d
    cdef int64_t item = fc_item_size(dtype), bytes = 0
    if ndim < 0 or ndim > FC_MAX_DIMS:
        fc_index_message(
            run.message, b"an output would have %lld dimensions; at most %lld are supported",
            ndim, FC_MAX_DIMS)
        return FC_INVALID_ARGUMENT
    if item == 0:
        fc_message(run.message, b"an output has an unknown dtype")
        return FC_INTERNAL
    t.size = 1
    for d in range(ndim):
        if shape[d] < 0:
            fc_index_message(run.message, b"dimension %lld of an output would be negative: %lld", d, shape[d])
            return FC_INVALID_ARGUMENT
        if fc_mul_overflow(t.size, shape[d], &t.size) or fc_mul_overflow(t.size, item, &bytes):
            fc_message(run.message, b"an output has too many elements: its size overflows 64 bits")
            return FC_INVALID_ARGUMENT
    t.dtype = dtype
    t.offset = 0
    return keep_dims(run, t, ndim, shape)


cdef int api_alloc(fc_ctx *ctx, int out, int dtype, int ndim, const int64_t *shape) noexcept nogil:
    cdef run_t *run = <run_t *>ctx.engine
    cdef fc_tensor *t = &ctx.out[out]
    cdef int rc = set_shape(run, t, dtype, ndim, shape)
    if rc != FC_OK or t.size == 0:
        return rc
    cdef fc_device *device = NULL
    if t.size * fc_item_size(dtype) > LARGE_BYTES:
        fc_let_go()
    cdef bint on_host = ctx.device == cpu_device() or not fc_is_plain(dtype)
    if on_host or (run.frame.plan.nodes[run.node].host_out >> min(out, 31)) & 1:
        rc = new_buffer(dtype, t.size, &t.buffer)
    else:
        device = ctx.device
        rc = device.alloc(device, <size_t>(t.size * fc_item_size(dtype)), &t.buffer)
        if rc == FC_OK and device.name_block != NULL:
            device.name_block(t.buffer, ctx.name)
    if rc != FC_OK:
        t.buffer = NULL
        fc_memory_message(run.message, device, t.size * fc_item_size(dtype), ndim, shape)
    return rc


cdef int api_share(
    fc_ctx *ctx, int out, const fc_tensor *src, int64_t offset, int dtype, int ndim, const int64_t *shape
) noexcept nogil:
    cdef run_t *run = <run_t *>ctx.engine
    cdef fc_tensor *t = &ctx.out[out]
    cdef int rc = set_shape(run, t, dtype, ndim, shape)
    if rc != FC_OK:
        return rc
    if t.size:
        t.buffer = src.buffer
        t.offset = src.offset + offset
        fc_retain(t.buffer)
    return FC_OK


cdef int api_sole(fc_ctx *ctx, int i) noexcept nogil:
    cdef run_t *run = <run_t *>ctx.engine
    cdef fc_buffer *b = ctx.inputs[i].buffer
    cdef int32_t slot = run.frame.plan.in_slots[run.frame.plan.nodes[run.node].first_in + i]
    if b == NULL or b.flags & FC_BUF_EXTERNAL or run.frame.plan.uses[slot] == 0:
        return False
    return fc_load32(&run.frame.uses[slot]) == 1 and fc_load32(&b.refs) == 1


cdef int api_forward(fc_ctx *ctx, int i, int out, int dtype, int ndim, const int64_t *shape) noexcept nogil:
    cdef const fc_tensor *src = ctx.inputs[i]
    cdef int64_t size = 1
    cdef int d
    if fc_is_plain(dtype) and fc_is_plain(src.dtype) and api_sole(ctx, i) and src.buffer.device == ctx.device:
        for d in range(ndim):
            size *= shape[d]
        if size * fc_item_size(dtype) == src.size * fc_item_size(src.dtype):
            return api_share(ctx, out, src, 0, dtype, ndim, shape)
    return api_alloc(ctx, out, dtype, ndim, shape)


cdef int api_scratch(fc_ctx *ctx, size_t size, void **ptr) noexcept nogil:
    cdef run_t *run = <run_t *>ctx.engine
    cdef fc_buffer *block = NULL
    ptr[0] = NULL
    if size == 0:
        size = 1
    if size > LARGE_BYTES:
        fc_let_go()
    if cpu_device().alloc(cpu_device(), size, &block) != FC_OK:
        fc_index_message(run.message, b"out of memory: %lld bytes of working memory", <long long>size, 0)
        return FC_RESOURCE_EXHAUSTED
    block.owner = run.scratch
    run.scratch = block
    ptr[0] = block.data
    return FC_OK


cdef int api_cancelled(fc_ctx *ctx) noexcept nogil:
    return fc_load32(&(<run_t *>ctx.engine).step.failed)


cdef int api_buffer_new(fc_ctx *ctx, int dtype, int64_t size, fc_buffer **out) noexcept nogil:
    cdef int64_t bytes = 0
    out[0] = NULL
    if size > LARGE_BYTES // 8:  # as if of eight bytes each: the product may overflow
        fc_let_go()
    if fc_mul_overflow(size, fc_item_size(dtype), &bytes) or new_buffer(dtype, size, out) != FC_OK:
        fc_index_message(
            (<run_t *>ctx.engine).message, b"out of memory: %lld elements of %lld bytes",
            size, fc_item_size(dtype))
        return FC_RESOURCE_EXHAUSTED
    return FC_OK


cdef fc_token *api_park(fc_ctx *ctx, cancel_fn cancel, void *arg) noexcept nogil:
    cdef run_t *run = <run_t *>ctx.engine
    cdef step_t *step = run.step
    cdef token_t *token = <token_t *>fc_malloc(sizeof(token_t))
    if token == NULL:
        fc_message(run.message, b"out of memory: this node cannot wait for what it needs")
        return NULL
    memcpy(&token.run, run, sizeof(run_t))
    token.run.message = &token.run.text[0]
    token.run.ctx.engine = &token.run
    token.run.thread = 0
    run.scratch = NULL  # belongs to the token now
    token.refs = 1
    token.state = 0
    token.cancel = cancel
    token.arg = arg
    if not step.shared:
        step.shared = True
    pthread_mutex_lock(&step.lock)
    if fc_load32(&step.failed):
        pthread_mutex_unlock(&step.lock)
        run.scratch = token.run.scratch
        free(token)
        return NULL
    fc_list_push_front(&step.tokens, &token.link)
    fc_add32(&step.visitors, 1)
    pthread_mutex_unlock(&step.lock)
    fc_bump(&live_tokens, 1)
    return <fc_token *>token


cdef void api_may_wait(fc_ctx *ctx) noexcept nogil:
    fc_let_go()


cdef fc_ctx *api_token_ctx(fc_token *token) noexcept nogil:
    return &(<token_t *>token).run.ctx


cdef void drop_token(token_t *token) noexcept nogil:
    if fc_add32(&token.refs, -1) == 1:
        fc_bump(&live_tokens, -1)
        free(token)


cdef void api_complete(fc_token *t, int status) noexcept nogil:
    cdef token_t *token = <token_t *>t
    cdef step_t *step = token.run.step
    if not fc_cas32(&token.state, 0, 1):
        return
    pthread_mutex_lock(&step.lock)
    fc_list_remove(&token.link)
    pthread_mutex_unlock(&step.lock)
    if step.trace != NULL and token.run.started:  # what it waited for too
        record(step.trace, token.run.frame, token.run.node, 0, token.run.started, fc_now_ns())
    end_node(&token.run, status, True)
    drop_token(token)
    fc_add32(&step.visitors, -1)  # the last touch


#: The version of the kernels' interface that this build has.
ABI = FC_ABI

cdef fc_api api
api.abi = FC_ABI
api.alloc = api_alloc
api.forward = api_forward
api.sole = api_sole
api.share = api_share
api.scratch = api_scratch
api.fail = fc_api_fail
api.parallel_for = api_parallel_for
api.cancelled = api_cancelled
api.park = api_park
api.token_ctx = api_token_ctx
api.complete = api_complete
api.string_put = buf.string_put
api.buffer_new = api_buffer_new
api.set_dims = api_set_dims
api.keep = buf.keep_elements
api.adopt = buf.adopt_elements
api.tidy = buf.tidy_strings
api.retain = buf.retain_elements
api.release = buf.release_elements
api.variant_init = buf.variant_init
api.variant_release = buf.variant_release
api.may_wait = api_may_wait
