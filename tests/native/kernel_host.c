/* The smallest host that can run one kernel: lets a kernel be tested alone, without the engine, under
 * sanitizers too. Synchronous kernels only. Compiled together with the kernel's C file into a shared library
 * (see kernel_host.py). */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "../../flowcore/_kernel.h"
#include "../../flowcore/_shapes.h"
#include "../../flowcore/_strings.h"

#define MAX_ARGS 64
#define MAX_SCRATCH 16

typedef struct {
    char message[1024];
    void *scratch[MAX_SCRATCH];
    int n_scratch;
    const int *last_use; /* per input: 1 where forward() may take the buffer */
} host_call;

int64_t host_live_buffers;

static int device_alloc(fc_device *self, size_t bytes, fc_buffer **out) {
    fc_buffer *b = calloc(1, sizeof(fc_buffer));
    b->refs = 1;
    b->capacity = bytes;
    b->device = self;
    if (posix_memalign(&b->data, FC_ALIGN, bytes ? bytes : 1)) {
        free(b);
        return FC_RESOURCE_EXHAUSTED;
    }
    memset(b->data, 0xCD, bytes); /* uninitialised memory shows itself */
    host_live_buffers++;
    *out = b;
    return FC_OK;
}
static void device_release(fc_buffer *b) {
    fc_arenas_release(fc_arenas_of(b)); /* strings: this host has no other elements that own something */
    free(b->data);
    free(b);
    host_live_buffers--;
}
static fc_device cpu = {FC_ABI, "/device:CPU:0", "CPU", device_alloc, device_release, NULL};

static int fail(fc_ctx *ctx, int status, const char *format, ...) {
    va_list args;
    va_start(args, format);
    vsnprintf(((host_call *)ctx->engine)->message, 1024, format, args);
    va_end(args);
    return status;
}

static int buffer_new(fc_ctx *ctx, int dtype, int64_t size, fc_buffer **out) {
    size_t bytes = (size_t)(size * fc_item_size(dtype));
    (void)ctx;
    *out = NULL;
    if (!size) return FC_OK;
    int rc = device_alloc(&cpu, bytes, out);
    if (!rc && dtype == FC_STRING) {
        memset((*out)->data, 0, bytes);
        (*out)->flags |= FC_BUF_ELEMENTS | FC_STRING << 16;
    }
    return rc;
}

static int set_dims(fc_ctx *ctx, fc_tensor *t, int ndim, const int64_t *dims) {
    if (ndim > FC_INLINE_DIMS && !(dims = fc_keep_shape(ndim, dims)))
        return fail(ctx, FC_RESOURCE_EXHAUSTED, "out of memory");
    fc_set_dims(t, ndim, dims);
    return FC_OK;
}

static int set_shape(fc_ctx *ctx, fc_tensor *t, int dtype, int ndim, const int64_t *shape) {
    if (ndim < 0 || ndim > FC_MAX_DIMS)
        return fail(ctx, FC_INVALID_ARGUMENT, "rank %d is out of range", ndim);
    t->dtype = dtype;
    t->size = 1;
    for (int d = 0; d < ndim; d++) {
        if (shape[d] < 0)
            return fail(ctx, FC_INVALID_ARGUMENT, "dimension %d is negative: %lld", d, (long long)shape[d]);
        if (__builtin_mul_overflow(t->size, shape[d], &t->size) || t->size > INT64_MAX / 16)
            return fail(ctx, FC_INVALID_ARGUMENT, "shape has too many elements");
    }
    return set_dims(ctx, t, ndim, shape);
}

static int alloc(fc_ctx *ctx, int out, int dtype, int ndim, const int64_t *shape) {
    fc_tensor *t = &ctx->out[out];
    int rc = set_shape(ctx, t, dtype, ndim, shape);
    t->offset = 0;
    if (!rc && t->size > ((int64_t)1 << 32)) rc = fail(ctx, FC_RESOURCE_EXHAUSTED, "out of memory");
    return rc ? rc : buffer_new(ctx, dtype, t->size, &t->buffer);
}
static int share(fc_ctx *ctx, int out, const fc_tensor *src, int64_t offset, int dtype, int ndim,
                 const int64_t *shape) {
    fc_tensor *t = &ctx->out[out];
    int rc = set_shape(ctx, t, dtype, ndim, shape);
    if (rc) return rc;
    t->buffer = t->size ? src->buffer : NULL;
    t->offset = src->offset + offset;
    fc_retain(t->buffer);
    return FC_OK;
}
static int sole(fc_ctx *ctx, int in) {
    const fc_buffer *b = ctx->in[in]->buffer;
    return ((host_call *)ctx->engine)->last_use[in] && b && b->refs == 1;
}
static int forward(fc_ctx *ctx, int in, int out, int dtype, int ndim, const int64_t *shape) {
    const fc_tensor *src = ctx->in[in];
    int64_t size = 1;
    for (int d = 0; d < ndim; d++) size *= shape[d];
    if (sole(ctx, in) && size * fc_item_size(dtype) == src->size * fc_item_size(src->dtype))
        return share(ctx, out, src, 0, dtype, ndim, shape);
    return alloc(ctx, out, dtype, ndim, shape);
}
static int scratch(fc_ctx *ctx, size_t bytes, void **ptr) {
    host_call *call = ctx->engine;
    if (call->n_scratch == MAX_SCRATCH || posix_memalign(ptr, FC_ALIGN, bytes ? bytes : 1))
        return fail(ctx, FC_RESOURCE_EXHAUSTED, "out of scratch memory");
    call->scratch[call->n_scratch++] = *ptr;
    return FC_OK;
}
static void parallel_for(fc_ctx *ctx, int64_t n, int64_t grain, void (*fn)(void *, int64_t, int64_t),
                         void *arg) {
    (void)ctx;
    if (grain < 1) grain = 1;
    for (int64_t i = 0; i < n; i += grain) fn(arg, i, i + grain < n ? i + grain : n);
}
static int cancelled(fc_ctx *ctx) {
    (void)ctx;
    return 0;
}
static fc_token *park(fc_ctx *ctx, void (*cancel)(fc_token *, void *), void *arg) {
    (void)ctx;
    (void)cancel;
    (void)arg;
    return NULL;
}
static fc_ctx *token_ctx(fc_token *token) {
    (void)token;
    return NULL;
}
static void complete(fc_token *token, int status) {
    (void)token;
    (void)status;
}
static void retain(int dtype, void *first, int64_t n, int64_t step) {
    (void)dtype;
    (void)first;
    (void)n;
    (void)step;
}
static int adopt(fc_ctx *ctx, fc_buffer *dst, const fc_buffer *src) {
    (void)ctx;
    return !src || fc_strings_adopt(dst, src) ? FC_OK : FC_RESOURCE_EXHAUSTED;
}
static int keep(fc_ctx *ctx, const fc_tensor *dst, int n, const fc_tensor *const *src) {
    for (int i = 0; dst->dtype == FC_STRING && dst->buffer && i < n; i++)
        adopt(ctx, dst->buffer, src[i]->buffer);
    return FC_OK;
}
static int string_put(fc_ctx *ctx, fc_buffer *b, fc_string *to, const char *bytes, int64_t size) {
    (void)ctx;
    return fc_string_store(b, to, bytes, size) ? FC_OK : FC_RESOURCE_EXHAUSTED;
}
static void variant_init(fc_variant *v, const fc_variant_type *type) {
    v->refs = 1;
    v->type = type;
}
static void variant_release(fc_variant *v) {
    if (v && __atomic_fetch_sub(&v->refs, 1, __ATOMIC_ACQ_REL) == 1) v->type->destroy(v);
}
static void may_wait(fc_ctx *ctx) { (void)ctx; }

static const fc_api api = {.abi = FC_ABI,
                           .alloc = alloc,
                           .forward = forward,
                           .sole = sole,
                           .share = share,
                           .scratch = scratch,
                           .fail = fail,
                           .parallel_for = parallel_for,
                           .cancelled = cancelled,
                           .park = park,
                           .token_ctx = token_ctx,
                           .complete = complete,
                           .string_put = string_put,
                           .buffer_new = buffer_new,
                           .set_dims = set_dims,
                           .keep = keep,
                           .adopt = adopt,
                           .retain = retain,
                           .release = retain,
                           .tidy = fc_strings_tidy,
                           .variant_init = variant_init,
                           .variant_release = variant_release,
                           .may_wait = may_wait};

/* Inputs arrive as tensors whose buffer is NULL and whose data is in `data`: copied into buffers of the
 * host's own. Outputs stay alive until host_release. */
int host_run(const fc_kernel_def *def, int n_in, const fc_tensor *in, const void *const *data,
             const int *last_use, int n_out, fc_tensor *out, const fc_attr *attrs, fc_resource *state,
             char *message) {
    fc_tensor tensors[MAX_ARGS];
    const fc_tensor *pointers[MAX_ARGS];
    host_call call = {.last_use = last_use};
    fc_ctx ctx = {&api, pointers, out, attrs, state, &cpu, "node", n_in, n_out, &call};
    int rc = FC_OK;
    for (int i = 0; i < n_in; i++) {
        tensors[i] = in[i];
        pointers[i] = &tensors[i];
        buffer_new(&ctx, in[i].dtype, in[i].size, &tensors[i].buffer);
        if (in[i].size)
            memcpy(tensors[i].buffer->data, data[i], (size_t)(in[i].size * fc_item_size(in[i].dtype)));
    }
    for (int i = 0; i < n_out; i++) {
        memset(&out[i], 0, sizeof(fc_tensor));
        out[i].ndim = -1;
    }
    rc = def->fn(&ctx);
    for (int i = 0; i < call.n_scratch; i++) free(call.scratch[i]);
    for (int i = 0; i < n_in; i++) fc_release(tensors[i].buffer);
    memcpy(message, call.message, sizeof call.message);
    return rc;
}
void host_release(int n_out, fc_tensor *out) {
    for (int i = 0; i < n_out; i++) fc_release(out[i].buffer);
}
