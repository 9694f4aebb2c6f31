"""Queues: FIFOQueue and RandomShuffleQueue as session resources, their ops as asynchronous kernels.

How a queue op runs
-------------------
Each op is a request: so many elements to put in, or to take out. Under the queue's lock it is tried
at once when no request of its side waits already. What cannot finish is parked: a waiter with the
token, what it holds so far, and its place in line (FIFO per side). A thread that changes the queue
calls `serve`, which lets the first of each side go on until neither can; finished waiters are
collected, and completed after the lock is released (the engine's rule: never complete a token under
a resource's lock). A dequeue_many takes elements as they come, which lets it be larger than the
queue's capacity; when it is cancelled or the queue closes under it, they go back to the front, in
order: the ring keeps their places (`reserved`), so that this needs no memory. Its own memory grows
with what it has taken, not with what it asks for.

A FIFO queue that batches of small elements are taken from makes them ahead: an enqueue copies its
element, under the lock, to the next row of a batch of the size asked for last, and what lies in the
queue is a view of that row. So it is copied while it is in that core's cache, its own memory is
free at once for the next one, and a dequeue of just these rows gets the batch as it is. A dequeue
of others copies, as from any queue.

A reader (_reader.pyx) takes one element like a dequeue, and is handed it (`use`) in place of
outputs: it may still give it back.

Longer than other files because queue and request share their structs and the waiting protocol.

Elements whose buffer belongs to a fed array are copied when they come in, because they outlive the
step. Must never import the engine or anything above it.
"""

from cpython.pycapsule cimport PyCapsule_New
from libc.stdint cimport int32_t, int64_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memcpy, memset

from flowcore._allocate cimport fc_calloc, fc_count_allocations, fc_malloc, fc_strdup
from flowcore._buffer cimport allocations
from flowcore._kernel cimport (
    FC_ABI, FC_ASYNC, FC_BOOL, FC_BUF_EXTERNAL, FC_CANCELLED, FC_INT32, FC_INVALID_ARGUMENT,
    FC_MAX_DIMS, FC_OK, FC_OUT_OF_RANGE, FC_PENDING, FC_RES_QUEUE, FC_RESOURCE,
    FC_RESOURCE_EXHAUSTED, FC_STATEFUL, FC_STRING, fc_attr, fc_buffer, fc_ctx, fc_data, fc_dims,
    fc_int_at, fc_is_plain, fc_item_size, fc_keep_elements, fc_kernel, fc_kernel_def, fc_kernel_table,
    fc_mul_overflow, fc_park_status, fc_release, fc_resource, fc_retain, fc_set_dims, fc_take_lock,
    fc_tensor, fc_token, pthread_mutex_t,
)
from flowcore._list cimport (
    fc_link, fc_list_first, fc_list_init, fc_list_next, fc_list_push_back, fc_list_remove,
)

cdef extern from "<pthread.h>" nogil:
    int pthread_mutex_init(pthread_mutex_t *, void *)
    int pthread_mutex_destroy(pthread_mutex_t *)
    int pthread_mutex_lock(pthread_mutex_t *)
    int pthread_mutex_unlock(pthread_mutex_t *)

cdef extern from *:
    """
    #include "_kernel.h"
    static inline int fc_fits_shape(const fc_tensor *a, int ndim, const int64_t *shape) {
        if (ndim < 0) return 1;
        if (a->ndim != ndim) return 0;
        for (int d = 0; d < ndim; d++)
            if (shape[d] >= 0 && fc_dims(a)[d] != shape[d]) return 0;
        return 1;
    }
    static int fc_fail_closed(fc_ctx *ctx, const char *kind, const char *name) {
        return ctx->api->fail(ctx, FC_CANCELLED, "%s '%s' is closed.", kind, name);
    }
    static int fc_fail_cancelled(fc_ctx *ctx, const char *kind, const char *name) {
        return ctx->api->fail(ctx, FC_CANCELLED, "the wait for %s '%s' was cancelled", kind, name);
    }
    static int fc_fail_empty(
        fc_ctx *ctx, const char *kind, const char *name, long long wanted, long long size) {
        return ctx->api->fail(
            ctx, FC_OUT_OF_RANGE,
            "%s '%s' is closed and has insufficient elements (requested %lld, current size %lld)", kind, name,
            wanted, size);
    }
    static int fc_fail_element(fc_ctx *ctx, const char *name, int component, const fc_tensor *t, int ndim,
                               const int64_t *shape) {
        fc_tensor declared = {0};
        char a[128], b[128];
        fc_set_dims(&declared, ndim < 0 ? 0 : ndim, shape);
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT,
                              "Shape mismatch in tuple component %d of queue '%s'. Expected %s, got %s",
                              component, name, fc_shape_str(&declared, a, sizeof a),
                              fc_shape_str(t, b, sizeof b));
    }
    static int fc_fail_type(fc_ctx *ctx, const char *name, int component, int64_t expected, int64_t found) {
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT,
                              "Type mismatch in tuple component %d of queue '%s'."
                              " The queue has %s, this node %s",
                              component, name, fc_dtype_name(expected), fc_dtype_name(found));
    }
    static int fc_fail_parts(fc_ctx *ctx, const char *name, int64_t expected, int64_t found) {
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT,
                              "queue '%s' has %lld components, this node is for %lld", name,
                              (long long)expected, (long long)found);
    }
    static int fc_fail_plain(fc_ctx *ctx, int status, const char *message, const char *name) {
        return ctx->api->fail(ctx, status, message, name);
    }
    static int fc_fail_count(fc_ctx *ctx, const char *message, long long a, long long b) {
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, message, a, b);
    }
    """
    bint fc_fits_shape(const fc_tensor *, int, const int64_t *) noexcept nogil
    int fc_fail_closed(fc_ctx *, const char *, const char *) noexcept nogil
    int fc_fail_cancelled(fc_ctx *, const char *, const char *) noexcept nogil
    int fc_fail_empty(fc_ctx *, const char *, const char *, long long, long long) noexcept nogil
    int fc_fail_element(fc_ctx *, const char *, int, const fc_tensor *, int, const int64_t *) noexcept nogil
    int fc_fail_type(fc_ctx *, const char *, int, int64_t, int64_t) noexcept nogil
    int fc_fail_parts(fc_ctx *, const char *, int64_t, int64_t) noexcept nogil
    int fc_fail_plain(fc_ctx *, int, const char *, const char *) noexcept nogil
    int fc_fail_count(fc_ctx *, const char *, long long, long long) noexcept nogil

fc_count_allocations(allocations())


cdef enum:
    MAX_COMPONENTS = 64
    PUT = 0
    TAKE = 1
    SMALL_BYTES = 4096  # an element up to this may be copied under the lock
    MOST_BYTES = 1 << 22  # of a batch made ahead: a dequeue_up_to may ask for far more than there is
    FIRST_ROOM = 256  # elements: more room is made when they are there

cdef struct component_t:
    int32_t dtype
    int32_t ndim      # -1: any shape
    int64_t *shape    # of the queue; -1: any size

cdef struct waiter_t:
    fc_link link      # in its line
    waiter_t *next    # of those that are finished
    int32_t kind
    fc_token *token
    fc_ctx *ctx
    int64_t wanted    # elements
    int64_t done      # put so far, or taken so far
    bint batched      # many: a leading dimension
    bint up_to
    int32_t status
    bint few          # `held` has one element and is no block of its own
    # TAKE: what was taken, done x components; PUT: the components to put, which are the inputs' own
    # buffers or copies of fed ones
    fc_tensor *held
    int64_t room      # TAKE: elements that `held` has memory for
    use_element use   # what gets the one element instead of the outputs, or NULL
    cancel_token cancel
    int64_t left      # in the queue when a request for more than there will be was refused

cdef struct line_t:   # waiters, first come first served
    fc_link waiters
    int64_t count

cdef struct queue_t:
    fc_resource base
    pthread_mutex_t lock
    const char *kind
    int32_t n
    component_t parts[64]
    int64_t capacity  # -1: without limit
    int64_t least     # RandomShuffleQueue: elements that stay
    bint shuffle
    int64_t element_bytes  # -1: not known, or more than bytes
    int64_t batch     # how many were asked for last
    int64_t rows      # of the batch that is being made ahead, with room for so many
    int64_t filled    # rows of it that are written
    fc_buffer **ahead  # its components' buffers; NULL where none is being made
    bint closed
    uint64_t random
    fc_tensor *ring   # slots x n
    int64_t slots
    int64_t head
    int64_t count
    # places of the ring that are kept for elements that requests have taken and may give back
    int64_t reserved
    line_t putting
    line_t taking

# ---- elements ------------------------------------------------------------------------------------

cdef fc_tensor *element(queue_t *q, int64_t i) noexcept nogil:
    cdef int64_t at = q.head + i
    if at >= q.slots:
        at -= q.slots
    return q.ring + at * q.n


cdef bint grow(queue_t *q) noexcept nogil:
    """Room for one more element, beside those that may come back. False without memory."""
    cdef int64_t slots, i
    cdef fc_tensor *ring
    if q.count + q.reserved < q.slots:
        return True
    slots = q.slots * 2 if q.slots else 16
    ring = <fc_tensor *>fc_malloc(<size_t>(slots * q.n) * sizeof(fc_tensor))
    if ring == NULL:
        return False
    for i in range(q.count):
        memcpy(ring + i * q.n, element(q, i), <size_t>q.n * sizeof(fc_tensor))
    free(q.ring)
    q.ring = ring
    q.slots = slots
    q.head = 0
    return True


cdef void push_back(queue_t *q, const fc_tensor *parts) noexcept nogil:
    memcpy(element(q, q.count), parts, <size_t>q.n * sizeof(fc_tensor))
    q.count += 1


cdef void push_front(queue_t *q, const fc_tensor *parts) noexcept nogil:
    q.head = q.head - 1 if q.head > 0 else q.slots - 1
    memcpy(q.ring + q.head * q.n, parts, <size_t>q.n * sizeof(fc_tensor))
    q.count += 1


cdef void pop(queue_t *q, fc_tensor *parts) noexcept nogil:
    """Takes the first element, or any one."""
    cdef int64_t i
    if q.shuffle and q.count > 1:
        # SplitMix64: order is all that is needed of it
        q.random += 0x9E3779B97F4A7C15u
        i = <int64_t>(mix(q.random) % <uint64_t>q.count)
        memcpy(parts, element(q, i), <size_t>q.n * sizeof(fc_tensor))
        memcpy(element(q, i), element(q, 0), <size_t>q.n * sizeof(fc_tensor))
    else:
        memcpy(parts, element(q, 0), <size_t>q.n * sizeof(fc_tensor))
    q.count -= 1
    # an empty queue begins again in lines that are in some cache
    q.head = 0 if q.count == 0 or q.head + 1 == q.slots else q.head + 1


cdef uint64_t mix(uint64_t x) noexcept nogil:
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu
    return x ^ (x >> 31)


cdef void drop(fc_tensor *parts, int64_t count) noexcept nogil:
    cdef int64_t i
    for i in range(count):
        fc_release(parts[i].buffer)


# ---- requests ------------------------------------------------------------------------------------

cdef bint attempt(queue_t *q, waiter_t *w) noexcept nogil:
    """Goes on with a request under the lock. True when it is finished, with w.status set."""
    cdef int64_t available
    cdef int i
    cdef fc_tensor row[64]
    if w.kind == PUT:
        while w.done < w.wanted and (q.capacity < 0 or q.count < q.capacity):
            if not grow(q):
                w.status = FC_RESOURCE_EXHAUSTED
                return True
            for i in range(q.n):
                row[i] = w.held[i]
                if w.batched:
                    row_of(&row[i], w.done)
            if not w.batched and makes_ahead(q, w.ctx):
                write_ahead(q, row)
            for i in range(q.n):
                fc_retain(row[i].buffer)
            push_back(q, row)
            w.done += 1
        if q.rows and q.filled == q.rows:
            end_ahead(q)
        w.status = FC_OK
        return w.done == w.wanted
    available = q.count if q.closed and q.putting.count == 0 else q.count - q.least
    while w.done < w.wanted and available > 0:
        if w.done == w.room and not widen(q, w):
            put_back(q, w)
            w.status = FC_RESOURCE_EXHAUSTED
            return True
        pop(q, w.held + w.done * q.n)
        w.done += 1
        q.reserved += 1
        available -= 1
    w.status = FC_OK
    if w.done < w.wanted and not (q.closed and q.putting.count == 0):
        return False
    if w.done == w.wanted or (w.up_to and w.done > 0):
        if w.use == NULL:
            q.reserved -= w.done
        return True
    put_back(q, w)
    w.left = q.count
    w.status = FC_OUT_OF_RANGE
    return True


cdef bint widen(queue_t *q, waiter_t *w) noexcept nogil:
    """Room for more elements taken. False without memory; the old room is as it was."""
    cdef int64_t room = min(w.wanted, 2 * w.room)
    cdef fc_tensor *held = <fc_tensor *>fc_malloc(<size_t>(room * q.n) * sizeof(fc_tensor))
    if held == NULL:
        return False
    memcpy(held, w.held, <size_t>(w.done * q.n) * sizeof(fc_tensor))
    free(w.held)
    w.held = held
    w.room = room
    return True


cdef bint makes_ahead(queue_t *q, fc_ctx *ctx) noexcept nogil:
    """Whether there is a row for the next element.

    Where it is the first that anybody will take, it begins a batch, so that batches fit those asked
    for.
    """
    cdef int i
    cdef waiter_t *taker = first_of(&q.taking)
    cdef bint first = q.count == 0 and (taker == NULL or taker.done == 0)
    if q.rows and (q.filled == 0 or not first):
        return True
    end_ahead(q)
    if q.batch < 2 or q.shuffle or not 0 < q.element_bytes <= SMALL_BYTES:
        return False
    if q.batch > MOST_BYTES // q.element_bytes:
        return False
    for i in range(q.n):
        if ctx.api.buffer_new(ctx, q.parts[i].dtype, q.batch * known_size(&q.parts[i]), &q.ahead[i]) != FC_OK:
            end_ahead(q)
            return False
    q.rows = q.batch
    return True


cdef void write_ahead(queue_t *q, fc_tensor *row) noexcept nogil:
    """Copies an element to the next row, and makes it a view of that."""
    cdef int i
    cdef int64_t size
    for i in range(q.n):
        size = row[i].size * fc_item_size(row[i].dtype)
        if size:
            memcpy(<char *>q.ahead[i].data + q.filled * size, fc_data(&row[i]), <size_t>size)
            row[i].buffer = q.ahead[i]
            row[i].offset = q.filled * size
    q.filled += 1


cdef void end_ahead(queue_t *q) noexcept nogil:
    """The batch has its rows; they keep it."""
    cdef int i
    for i in range(q.n):
        fc_release(q.ahead[i])
        q.ahead[i] = NULL
    q.rows = q.filled = 0


cdef void row_of(fc_tensor *t, int64_t i) noexcept nogil:
    """Element i of a batch, as a view."""
    cdef const int64_t *dims = fc_dims(t)
    t.size = t.size // dims[0] if dims[0] else 0
    t.offset += i * t.size * fc_item_size(t.dtype)
    fc_set_dims(t, t.ndim - 1, dims + 1)
    if t.size == 0:
        t.buffer = NULL


cdef waiter_t *first_of(line_t *line) noexcept nogil:
    return <waiter_t *>fc_list_first(&line.waiters)


cdef void append(line_t *line, waiter_t *w) noexcept nogil:
    fc_list_push_back(&line.waiters, &w.link)
    line.count += 1


cdef void leave(line_t *line, waiter_t *w) noexcept nogil:
    fc_list_remove(&w.link)
    line.count -= 1
    w.next = NULL


cdef bint advance(queue_t *q, line_t *line, waiter_t ***tail) noexcept nogil:
    """Lets the first of a line go on.

    One that is finished leaves it for the end of the list at `tail`. Whether anything moved.
    """
    cdef waiter_t *w = first_of(line)
    cdef int64_t before
    if w == NULL:
        return False
    before = w.done
    if not attempt(q, w):
        return w.done != before
    leave(line, w)
    tail[0][0] = w
    tail[0] = &w.next
    return True


cdef waiter_t *serve(queue_t *q) noexcept nogil:
    """Lets waiters go on until none can. Returns those that are finished, in order."""
    cdef waiter_t *finished = NULL
    cdef waiter_t **tail = &finished
    cdef bint moved = True
    while moved:
        moved = advance(q, &q.putting, &tail)
        moved = advance(q, &q.taking, &tail) or moved
    return finished


cdef void put_back(queue_t *q, waiter_t *w) noexcept nogil:
    """Elements that a request took and cannot use return to the front, where their places were kept."""
    q.reserved -= w.done
    while w.done > 0:
        w.done -= 1
        push_front(q, w.held + w.done * q.n)


cdef int deliver(queue_t *q, waiter_t *w, fc_ctx *ctx) noexcept nogil:
    """Turns a finished request into outputs, or into its error.

    Not under the lock. FC_PENDING: it is used elsewhere first.
    """
    cdef int rc = w.status
    if w.kind == PUT:
        if rc == FC_RESOURCE_EXHAUSTED:
            return fc_fail_plain(ctx, rc, b"no memory for an element of queue '%s'", q.base.name)
        if rc == FC_CANCELLED:
            return fc_fail_closed(ctx, q.kind, q.base.name)
        return rc
    if rc == FC_OUT_OF_RANGE:
        return fc_fail_empty(ctx, q.kind, q.base.name, w.wanted, w.left)
    if rc == FC_RESOURCE_EXHAUSTED:
        return fc_fail_plain(ctx, rc, b"no memory for a batch from queue '%s'", q.base.name)
    if rc == FC_CANCELLED:
        return fc_fail_cancelled(ctx, q.kind, q.base.name)
    if w.use != NULL:
        return w.use(ctx, w.token, &q.base, w.held)
    if w.batched:
        rc = batch(q, w, ctx)
    else:
        memcpy(ctx.out, w.held, <size_t>q.n * sizeof(fc_tensor))  # with the references
        return FC_OK
    drop(w.held, w.done * q.n)
    return rc


cdef int batch(queue_t *q, waiter_t *w, fc_ctx *ctx) noexcept nogil:
    """Assembles the taken elements straight into one output per component."""
    cdef int i, d, rc, ndim
    cdef int64_t k, size
    cdef int64_t shape[FC_MAX_DIMS + 1]
    cdef fc_tensor *part
    for i in range(q.n):
        shape[0] = w.done
        ndim = q.parts[i].ndim if w.done == 0 else w.held[i].ndim
        for d in range(ndim):
            shape[d + 1] = q.parts[i].shape[d] if w.done == 0 else fc_dims(&w.held[i])[d]
            if shape[d + 1] < 0:
                shape[d + 1] = 0
        for k in range(1, w.done):
            part = &w.held[k * q.n + i]
            if not fc_fits_shape(part, ndim, &shape[1]):
                return fc_fail_element(ctx, q.base.name, i, part, ndim, &shape[1])
        if made_ahead(q, w, i):
            rc = ctx.api.share(ctx, i, &w.held[i], 0, q.parts[i].dtype, ndim + 1, shape)
            if rc != FC_OK:
                return rc
            continue
        rc = ctx.api.alloc(ctx, i, q.parts[i].dtype, ndim + 1, shape)
        if rc != FC_OK:
            return rc
        if ctx.out[i].size == 0:
            continue
        size = ctx.out[i].size // w.done * fc_item_size(q.parts[i].dtype)
        for k in range(w.done):
            memcpy(<char *>fc_data(&ctx.out[i]) + k * size, fc_data(&w.held[k * q.n + i]), <size_t>size)
        rc = keep_batch(q, w, ctx, i)
        if rc != FC_OK:
            return rc
    return FC_OK


cdef int keep_batch(queue_t *q, waiter_t *w, fc_ctx *ctx, int i) noexcept nogil:
    """Component i of a batch owns what the elements own that were copied to it."""
    cdef int64_t k
    cdef int rc = FC_OK
    if q.parts[i].dtype != FC_STRING:
        return fc_keep_elements(ctx, &ctx.out[i], &w.held[i])
    for k in range(w.done):
        if rc == FC_OK:
            rc = ctx.api.adopt(ctx, ctx.out[i].buffer, w.held[k * q.n + i].buffer)
    return rc


cdef bint made_ahead(queue_t *q, const waiter_t *w, int i) noexcept nogil:
    """Whether the elements taken are all the rows of one buffer, in order.

    Less would leave parts of it that others hold.
    """
    cdef const fc_tensor *first = &w.held[i]
    cdef const fc_tensor *part
    cdef int64_t k, size
    if w.done < 2 or first.size == 0 or first.offset != 0 or q.element_bytes < 0:
        return False
    size = first.size * fc_item_size(first.dtype)
    if first.buffer.capacity > 2 * <size_t>(w.done * size):
        return False
    for k in range(1, w.done):
        part = &w.held[k * q.n + i]
        if part.buffer != first.buffer or part.offset != k * size:
            return False
    return True


cdef void finish(queue_t *q, waiter_t *w) noexcept nogil:
    """Completes finished waiters. Not under the lock. The queue lives as long as its session."""
    cdef waiter_t *following
    cdef int rc
    while w != NULL:
        following = w.next
        rc = deliver(q, w, w.ctx)
        let_go(q, w, w.ctx)
        if rc != FC_PENDING:
            w.ctx.api.complete(w.token, rc)
        free(w)
        w = following


cdef void let_go(queue_t *q, waiter_t *w, fc_ctx *ctx) noexcept nogil:
    """Releases what belongs to a request that is over."""
    cdef int i
    if w.kind == PUT:
        for i in range(q.n):
            if w.held[i].buffer != ctx.inputs[i + 1].buffer:
                fc_release(w.held[i].buffer)
    if not w.few:
        free(w.held)


cdef void cancel_wait(fc_token *token, void *arg) noexcept nogil:
    """The step gave up: out of the line, and what it held goes back."""
    cancel_take(<fc_resource *>arg, token)


cdef waiter_t *leave_by_token(line_t *line, fc_token *token) noexcept nogil:
    """Takes the waiter with this token out of the line; NULL where it is not in it."""
    cdef waiter_t *w = first_of(line)
    while w != NULL and w.token != token:
        w = <waiter_t *>fc_list_next(&line.waiters, &w.link)
    if w != NULL:
        leave(line, w)
    return w


cdef int request(fc_ctx *ctx, queue_t *q, waiter_t *draft) noexcept nogil:
    """Runs a request, or parks it. What `draft` holds is the request's."""
    cdef line_t *line = &q.putting if draft.kind == PUT else &q.taking
    cdef waiter_t *others = NULL
    cdef waiter_t *w
    cdef int rc
    draft.ctx = ctx
    fc_take_lock(ctx, &q.lock)
    if draft.kind != PUT:
        q.batch = draft.wanted
    if draft.kind == PUT and q.closed:
        pthread_mutex_unlock(&q.lock)
        let_go(q, draft, ctx)
        return fc_fail_closed(ctx, q.kind, q.base.name)
    if line.count == 0 and attempt(q, draft):
        if q.putting.count or q.taking.count:
            others = serve(q)
        pthread_mutex_unlock(&q.lock)
        rc = deliver(q, draft, ctx)
        let_go(q, draft, ctx)
        finish(q, others)
        return rc
    w = <waiter_t *>fc_malloc(sizeof(waiter_t) + (<size_t>q.n * sizeof(fc_tensor) if draft.few else 0))
    if w != NULL:
        memcpy(w, draft, sizeof(waiter_t))
        if w.few:
            w.held = <fc_tensor *>(w + 1)
            memcpy(w.held, draft.held, <size_t>q.n * sizeof(fc_tensor))
        w.token = ctx.api.park(ctx, cancel_wait if w.cancel == NULL else w.cancel, q)
    if w == NULL or w.token == NULL:
        free(w)
        if draft.kind != PUT:
            put_back(q, draft)
        others = serve(q)
        pthread_mutex_unlock(&q.lock)
        let_go(q, draft, ctx)
        finish(q, others)
        if fc_park_status(ctx) == FC_CANCELLED:
            return fc_fail_cancelled(ctx, q.kind, q.base.name)
        return fc_fail_plain(
            ctx, FC_RESOURCE_EXHAUSTED, b"out of memory: this node cannot wait for queue '%s'", q.base.name)
    w.ctx = ctx.api.token_ctx(w.token)
    append(line, w)
    others = serve(q)  # what the attempt moved may let the other side go on
    pthread_mutex_unlock(&q.lock)
    finish(q, others)
    return FC_PENDING


cdef int64_t known_size(const component_t *part) noexcept nogil:
    """Of an element. -1: not known."""
    cdef int64_t size = 1
    cdef int d
    for d in range(part.ndim):
        if part.shape[d] < 0 or fc_mul_overflow(size, part.shape[d], &size):
            return -1
    return size if 0 <= part.ndim < FC_MAX_DIMS else -1  # a batch has a dimension more


cdef int64_t known_bytes(const queue_t *q) noexcept nogil:
    """Of an element with all its components. -1: not known, or more than bytes."""
    cdef int64_t bytes = 0, size
    cdef int i
    for i in range(q.n):
        size = known_size(&q.parts[i])
        if size < 0 or size > MOST_BYTES or not fc_is_plain(q.parts[i].dtype):
            return -1
        bytes += size * fc_item_size(q.parts[i].dtype)
    return bytes


# ---- kernels -------------------------------------------------------------------------------------

cdef queue_t *queue_at(fc_ctx *ctx, int i, int *rc) noexcept nogil:
    cdef const fc_tensor *t = ctx.inputs[i]
    cdef fc_resource *r = NULL
    if t.dtype == FC_RESOURCE and t.size == 1:
        r = (<fc_resource **>fc_data(t))[0]
    if r != NULL and r.kind == FC_RES_QUEUE:
        rc[0] = FC_OK
        return <queue_t *>r
    rc[0] = fc_fail_plain(ctx, FC_INVALID_ARGUMENT, b"the input is not the handle of a queue%s", b"")
    return NULL


cdef int put(fc_ctx *ctx, bint many) noexcept nogil:
    cdef int rc = FC_OK, i, j
    cdef queue_t *q = queue_at(ctx, 0, &rc)
    cdef waiter_t w
    cdef fc_tensor held[64]
    cdef fc_tensor row
    cdef const fc_tensor *one
    cdef const fc_tensor *x
    if q == NULL:
        return rc
    if ctx.n_in - 1 != q.n:
        return fc_fail_parts(ctx, q.base.name, q.n, ctx.n_in - 1)
    memset(&w, 0, sizeof(waiter_t))
    w.kind = PUT
    w.batched = many
    w.wanted = 1
    for i in range(q.n):
        x = ctx.inputs[i + 1]
        one = x
        if x.dtype != q.parts[i].dtype:
            return fc_fail_type(ctx, q.base.name, i, q.parts[i].dtype, x.dtype)
        if many:
            if x.ndim < 1:
                return fc_fail_count(
                    ctx, b"component %lld of enqueue_many must have a leading dimension, found rank %lld",
                    i, x.ndim)
            if i == 0:
                w.wanted = fc_dims(x)[0]
            elif fc_dims(x)[0] != w.wanted:
                return fc_fail_count(
                    ctx,
                    b"All components of enqueue_many must have one size in dimension 0, found %lld and %lld",
                    w.wanted, fc_dims(x)[0])
            row = x[0]
            row_of(&row, 0)
            one = &row
        if not fc_fits_shape(one, q.parts[i].ndim, q.parts[i].shape):
            return fc_fail_element(ctx, q.base.name, i, one, q.parts[i].ndim, q.parts[i].shape)
    w.held = held
    w.few = True
    for i in range(q.n):
        x = ctx.inputs[i + 1]
        w.held[i] = x[0]
        if x.buffer != NULL and x.buffer.flags & FC_BUF_EXTERNAL:
            rc = ctx.api.buffer_new(ctx, x.dtype, x.size, &w.held[i].buffer)
            if rc != FC_OK:
                for j in range(i, q.n):
                    w.held[j].buffer = ctx.inputs[j + 1].buffer
                let_go(q, &w, ctx)
                return rc
            w.held[i].offset = 0
            memcpy(w.held[i].buffer.data, fc_data(x), <size_t>(x.size * fc_item_size(x.dtype)))
    return request(ctx, q, &w)


cdef int enqueue(fc_ctx *ctx) noexcept nogil:
    return put(ctx, False)


cdef int enqueue_many(fc_ctx *ctx) noexcept nogil:
    return put(ctx, True)


cdef int fits_types(fc_ctx *ctx, const queue_t *q) noexcept nogil:
    """Whether a dequeue was made for the queue behind its handle, which is known at run time only."""
    cdef const fc_attr *types = &ctx.attrs[0]
    cdef int i
    if types.n != q.n or ctx.n_out != q.n:
        return fc_fail_parts(ctx, q.base.name, q.n, ctx.n_out)
    for i in range(q.n):
        if types.ints[i] != q.parts[i].dtype:
            return fc_fail_type(ctx, q.base.name, i, q.parts[i].dtype, types.ints[i])
    return FC_OK


cdef int take(fc_ctx *ctx, queue_t *q, int64_t n, bint batched, bint up_to) noexcept nogil:
    cdef waiter_t w
    cdef fc_tensor held[64]
    cdef int rc = fits_types(ctx, q)
    if rc != FC_OK:
        return rc
    memset(&w, 0, sizeof(waiter_t))
    w.kind = TAKE
    w.wanted = n
    w.batched = batched
    w.up_to = up_to
    w.few = n <= 1
    w.room = min(n, <int64_t>FIRST_ROOM)
    w.held = &held[0]
    if not w.few:
        w.held = <fc_tensor *>fc_malloc(<size_t>(w.room * q.n) * sizeof(fc_tensor))
    if w.held == NULL:
        return fc_fail_plain(
            ctx, FC_RESOURCE_EXHAUSTED, b"no memory for a batch from queue '%s'", q.base.name)
    return request(ctx, q, &w)


cdef int dequeue(fc_ctx *ctx) noexcept nogil:
    cdef int rc = FC_OK
    cdef queue_t *q = queue_at(ctx, 0, &rc)
    return rc if q == NULL else take(ctx, q, 1, False, False)


cdef int take_many(fc_ctx *ctx, bint up_to) noexcept nogil:
    cdef int rc = FC_OK, i
    cdef queue_t *q = queue_at(ctx, 0, &rc)
    cdef int64_t n
    if q == NULL:
        return rc
    if ctx.inputs[1].size != 1:
        return fc_fail_count(ctx, b"n must be a scalar, found %lld elements%.0lld", ctx.inputs[1].size, 0)
    n = fc_int_at(ctx.inputs[1], 0)
    if n < 0:
        return fc_fail_count(ctx, b"n must be at least 0, found %lld%.0lld", n, 0)
    for i in range(q.n):
        if q.parts[i].ndim < 0:
            return fc_fail_plain(
                ctx, FC_INVALID_ARGUMENT,
                b"dequeue_many needs the components' shapes: give queue '%s' shapes=", q.base.name)
    return take(ctx, q, n, True, up_to)


cdef int dequeue_many(fc_ctx *ctx) noexcept nogil:
    return take_many(ctx, False)


cdef int dequeue_up_to(fc_ctx *ctx) noexcept nogil:
    return take_many(ctx, True)


cdef int close_queue(fc_ctx *ctx) noexcept nogil:
    cdef int rc = FC_OK
    cdef queue_t *q = queue_at(ctx, 0, &rc)
    cdef waiter_t *cancelled = NULL
    cdef waiter_t **tail
    cdef waiter_t *w
    cdef waiter_t *others
    if q == NULL:
        return rc
    fc_take_lock(ctx, &q.lock)
    q.closed = True
    if ctx.attrs[0].i:
        tail = &cancelled
        w = first_of(&q.putting)
        while w != NULL:
            leave(&q.putting, w)
            w.status = FC_CANCELLED
            tail[0] = w
            tail = &w.next
            w = first_of(&q.putting)
    others = serve(q)
    pthread_mutex_unlock(&q.lock)
    finish(q, cancelled)
    finish(q, others)
    return FC_OK


cdef int queue_size(fc_ctx *ctx) noexcept nogil:
    cdef int rc = FC_OK
    cdef queue_t *q = queue_at(ctx, 0, &rc)
    if q == NULL:
        return rc
    rc = ctx.api.alloc(ctx, 0, FC_INT32, 0, NULL)
    if rc == FC_OK:
        fc_take_lock(ctx, &q.lock)
        (<int32_t *>fc_data(&ctx.out[0]))[0] = <int32_t>q.count
        pthread_mutex_unlock(&q.lock)
    return rc


cdef int is_closed(fc_ctx *ctx) noexcept nogil:
    cdef int rc = FC_OK
    cdef queue_t *q = queue_at(ctx, 0, &rc)
    if q == NULL:
        return rc
    rc = ctx.api.alloc(ctx, 0, FC_BOOL, 0, NULL)
    if rc == FC_OK:
        fc_take_lock(ctx, &q.lock)
        (<char *>fc_data(&ctx.out[0]))[0] = q.closed
        pthread_mutex_unlock(&q.lock)
    return rc


# ---- for readers ---------------------------------------------------------------------------------

cdef fc_resource *queue_of_strings(fc_ctx *ctx, int i, int *rc) noexcept nogil:
    """The queue behind input `i`, or NULL after reporting that it is none of single strings."""
    cdef queue_t *q = queue_at(ctx, i, rc)
    if q == NULL or (q.n == 1 and q.parts[0].dtype == FC_STRING):
        return <fc_resource *>q
    rc[0] = fc_fail_plain(
        ctx, FC_INVALID_ARGUMENT,
        b"a reader takes work from a queue of one string component; '%s' is not", q.base.name)
    return NULL


cdef int take_for_use(fc_ctx *ctx, fc_resource *queue, use_element use, cancel_token cancel) noexcept nogil:
    """Takes one element, waiting for it if need be, and hands it to `use`."""
    cdef waiter_t w
    cdef fc_tensor held[64]
    memset(&w, 0, sizeof(waiter_t))
    w.kind = TAKE
    w.wanted = 1
    w.few = True
    w.room = 1
    w.held = &held[0]
    w.use = use
    w.cancel = cancel
    return request(ctx, <queue_t *>queue, &w)


cdef bint cancel_take(fc_resource *queue, fc_token *token) noexcept nogil:
    """Ends the wait of a request. False: it waits no more, it may have its element."""
    cdef queue_t *q = <queue_t *>queue
    cdef waiter_t *found
    cdef waiter_t *others
    pthread_mutex_lock(&q.lock)
    found = leave_by_token(&q.putting, token)
    if found == NULL:
        found = leave_by_token(&q.taking, token)
        if found != NULL:
            put_back(q, found)
    if found != NULL:
        found.status = FC_CANCELLED
    others = serve(q)
    pthread_mutex_unlock(&q.lock)
    finish(q, found)
    finish(q, others)
    return found != NULL


cdef void end_use(fc_ctx *ctx, fc_resource *queue, fc_tensor *element) noexcept nogil:
    """The element is done with."""
    cdef queue_t *q = <queue_t *>queue
    fc_take_lock(ctx, &q.lock)
    q.reserved -= 1
    pthread_mutex_unlock(&q.lock)
    drop(element, 1)


cdef void give_back(fc_ctx *ctx, fc_resource *queue, fc_tensor *element) noexcept nogil:
    """The element was not used: it is the queue's first again."""
    cdef queue_t *q = <queue_t *>queue
    cdef waiter_t *others
    fc_take_lock(ctx, &q.lock)
    q.reserved -= 1
    push_front(q, element)
    others = serve(q)
    pthread_mutex_unlock(&q.lock)
    finish(q, others)


# ---- resources -----------------------------------------------------------------------------------

cdef void destroy_queue(fc_resource *r) noexcept nogil:
    cdef queue_t *q = <queue_t *>r
    cdef int64_t i
    cdef int j
    for i in range(q.count):
        drop(element(q, i), q.n)
    end_ahead(q)
    for j in range(q.n):
        free(q.parts[j].shape)
    free(q.ahead)
    free(q.ring)
    pthread_mutex_destroy(&q.lock)
    free(<void *>q.base.name)
    free(q)


cdef int read_component(component_t *part, int i, object dtype, object shape) except -1:
    """Checks and copies what a queue's node says of component `i`. `shape`: sizes with -1, None for any."""
    cdef int d, ndim
    part.dtype = dtype
    part.ndim = -1
    if fc_item_size(part.dtype) == 0:
        raise ValueError(f"component_types[{i}] is {dtype}, which is no dtype of tensors")
    if shape is None:
        return 0
    if len(shape) > FC_MAX_DIMS:
        raise ValueError(f"shapes[{i}] has {len(shape)} dimensions; a tensor has at most {FC_MAX_DIMS}")
    ndim = len(shape)
    part.shape = <int64_t *>fc_calloc(ndim + 1, sizeof(int64_t))
    if part.shape == NULL:
        raise MemoryError("no memory for a queue")
    for d in range(ndim):
        if shape[d] < -1:
            raise ValueError(
                f"shapes[{i}][{d}] is {shape[d]}; a size is at least 0, or -1 where it is unknown")
        part.shape[d] = shape[d]
    part.ndim = ndim
    return 0


cdef object new_queue(str name, attrs, const char *kind, bint shuffle):
    """A queue as a capsule. Raises ValueError for attributes that cannot be, and MemoryError."""
    cdef queue_t *q
    cdef int i
    types = attrs["component_types"]
    shapes = attrs.get("shapes") or [None] * len(types)
    capacity = attrs.get("capacity", -1)
    if not 0 < len(types) <= MAX_COMPONENTS:
        raise ValueError(
            f"component_types has {len(types)} entries; a queue has 1 to {MAX_COMPONENTS} components")
    if len(shapes) != len(types):
        raise ValueError(
            f"shapes has {len(shapes)} entries and component_types {len(types)}; give one shape per"
            " component, or none")
    q = <queue_t *>fc_calloc(1, sizeof(queue_t))
    if q == NULL:
        raise MemoryError("no memory for a queue")
    pthread_mutex_init(&q.lock, NULL)
    fc_list_init(&q.putting.waiters)
    fc_list_init(&q.taking.waiters)
    try:
        data = name.encode()
        q.base.name = fc_strdup(data)
        q.base.refs = 1
        q.base.kind = FC_RES_QUEUE
        q.base.destroy = destroy_queue
        q.kind = kind
        q.ahead = <fc_buffer **>fc_calloc(len(types), sizeof(fc_buffer *))
        if q.ahead == NULL or q.base.name == NULL:
            raise MemoryError("no memory for a queue")
        q.n = len(types)
        q.capacity = capacity if capacity > 0 else -1
        q.shuffle = shuffle
        q.least = attrs.get("min_after_dequeue", 0) if shuffle else 0
        first_seed = attrs.get("seed", 0) & 0xffffffffffffffff
        second_seed = attrs.get("seed2", 0) & 0xffffffffffffffff
        q.random = <uint64_t><size_t>q * 0x9E3779B97F4A7C15u
        if first_seed or second_seed:
            q.random = mix(<uint64_t>first_seed * 2 + <uint64_t>second_seed)
        for i in range(q.n):
            read_component(&q.parts[i], i, types[i], shapes[i])
        q.element_bytes = known_bytes(q)
        return PyCapsule_New(q, "flowcore.resource", NULL)
    except BaseException:
        destroy_queue(&q.base)
        raise


def create_FIFOQueueV2(str name, attrs):
    """The state of a FIFOQueueV2 node, as a capsule."""
    return new_queue(name, attrs, b"FIFOQueue", False)


def create_RandomShuffleQueueV2(str name, attrs):
    """The state of a RandomShuffleQueueV2 node, as a capsule."""
    return new_queue(name, attrs, b"RandomShuffleQueue", True)


def queue_info(size_t address):
    """What a queue holds and how many requests wait for it; `address` is that of its Resource."""
    cdef queue_t *q = <queue_t *>address
    pthread_mutex_lock(&q.lock)
    info = (q.count, q.capacity, q.closed, q.least, q.putting.count, q.taking.count)
    pthread_mutex_unlock(&q.lock)
    names = ("size", "capacity", "closed", "min_after_dequeue", "enqueuers", "dequeuers")
    return dict(zip(names, info)) | {"kind": q.kind.decode(), "name": q.base.name.decode()}


# ---- the kernel table ----------------------------------------------------------------------------

cdef fc_kernel_def defs[8]
cdef fc_kernel_table table


cdef void define(int i, const char *op, const char *attrs, int flags, unsigned int host_in, fc_kernel fn):
    defs[i].op = op
    defs[i].types = b""
    defs[i].attrs = attrs
    defs[i].flags = FC_STATEFUL | flags
    defs[i].host_in = host_in
    defs[i].host_out = 0xffffffff
    defs[i].fn = fn


define(0, b"QueueEnqueueV2", b"", FC_ASYNC, 0xffffffff, enqueue)
define(1, b"QueueEnqueueManyV2", b"", FC_ASYNC, 0xffffffff, enqueue_many)
define(2, b"QueueDequeueV2", b"component_types", FC_ASYNC, 0xffffffff, dequeue)
define(3, b"QueueDequeueManyV2", b"component_types", FC_ASYNC, 0xffffffff, dequeue_many)
define(4, b"QueueDequeueUpToV2", b"component_types", FC_ASYNC, 0xffffffff, dequeue_up_to)
define(5, b"QueueCloseV2", b"cancel_pending_enqueues", 0, 0xffffffff, close_queue)
define(6, b"QueueSizeV2", b"", 0, 0xffffffff, queue_size)
define(7, b"QueueIsClosedV2", b"", 0, 0xffffffff, is_closed)
table.abi = FC_ABI
table.device = b"CPU"
table.count = 8
table.defs = defs

KERNELS = [PyCapsule_New(&table, "flowcore.kernel_table", NULL)]
