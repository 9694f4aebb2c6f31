/* Copies between host and device. */
#include <stdlib.h>
#include <string.h>

#include "shared.h"
#include "transfer.h"

/* Enqueues a copy to `to`; `source` stays readable until it is done. */
static int write_block(fc_ctx *ctx, ocl_device *d, const fc_tensor *to, size_t bytes, const void *source,
                       ocl_transfer *t) {
    cl_event event = NULL;
    __atomic_fetch_add(&d->copies, 1, __ATOMIC_RELAXED);
    ocl_place place = ocl_place_of(to);
    ocl_enter(d);
    cl_int error = cl.clEnqueueWriteBuffer(d->queue, place.mem, 0, place.at, bytes, source, 0, NULL, &event);
    int rc = ocl_transfer_end(ctx, t, error, event);
    ocl_leave(d);
    return rc;
}

/* The same of a copy of `data`, which may change at once. */
static int write_staged(fc_ctx *ctx, ocl_device *d, const fc_tensor *to, size_t bytes, const void *data) {
    ocl_transfer *t = ocl_transfer_new(ctx, d);
    if (t && !(t->pinned = ocl_pinned_take(d, bytes))) t->staged = malloc(bytes);
    void *copy = !t ? NULL : t->pinned ? ocl_pinned_data(t->pinned) : t->staged;
    if (copy) return write_block(ctx, d, to, bytes, memcpy(copy, data, bytes), t);
    free(t);
    return ctx->api->fail(ctx, FC_RESOURCE_EXHAUSTED, "no memory for a copy of %lld bytes", (long long)bytes);
}

int ocl_from_host(fc_ctx *ctx) {
    ocl_device *d = ocl_of(ctx);
    const fc_tensor *x = ctx->in[0];
    if (x->size && ocl_take_from_host(ctx, d)) return FC_OK;
    int rc = ctx->api->alloc(ctx, 0, x->dtype, x->ndim, fc_dims(x)),
        fed = x->buffer && x->buffer->flags & FC_BUF_EXTERNAL;
    if (rc || !x->size) return rc;
    size_t bytes = (size_t)(x->size * fc_item_size(x->dtype));
    const void *source = fc_data(x);
    fc_tensor to = ctx->out[0];
    if (bytes <= OCL_STAGED_BYTES && (fed || ocl_apart(d))) return write_staged(ctx, d, &to, bytes, source);
    ocl_transfer *t = ocl_transfer_new(ctx, d);
    if (!t) return ctx->api->fail(ctx, FC_RESOURCE_EXHAUSTED, "no memory for a copy");
    fc_ctx *writing = ctx;
    if (!fed) fc_retain(t->host = x->buffer);
    else if (!(writing = ocl_transfer_park(ctx, t))) return fc_park_status(ctx);
    return write_block(writing, d, &to, bytes, source, t);
}

int ocl_upload(fc_ctx *ctx, int dtype, int64_t size, const void *data, fc_tensor *to) {
    *to = (fc_tensor){.dtype = dtype, .ndim = 1, .size = size, .sizes.here = {size}};
    int rc = ocl_buffer_new(ctx, dtype, size, &to->buffer);
    if (rc) return rc;
    rc = write_staged(ctx, ocl_of(ctx), to, (size_t)(size * fc_item_size(dtype)), data);
    if (rc) fc_release(to->buffer);
    return rc;
}

/* Enqueues a copy of `from` to `target`, which a pinned block may lie before. */
static cl_int read_block(ocl_device *d, const fc_tensor *from, void *target, ocl_transfer *t,
                         cl_event *event) {
    ocl_place place = ocl_place_of(from);
    size_t bytes = (size_t)(from->size * fc_item_size(from->dtype));
    __atomic_fetch_add(&d->copies, 1, __ATOMIC_RELAXED);
    if ((t->pinned = ocl_pinned_take(d, bytes))) {
        t->into = target;
        t->bytes = bytes;
        target = ocl_pinned_data(t->pinned);
    }
    return cl.clEnqueueReadBuffer(d->queue, place.mem, 0, place.at, bytes, target, 0, NULL, event);
}

int ocl_to_host(fc_ctx *ctx) {
    const fc_tensor *x = ctx->in[0];
    if (!x->size) return ctx->api->alloc(ctx, 0, x->dtype, x->ndim, fc_dims(x));
    ocl_device *d = (ocl_device *)x->buffer->device;
    int lent = ocl_lend_to_host(ctx, d),
        rc = lent ? FC_OK : ctx->api->alloc(ctx, 0, x->dtype, x->ndim, fc_dims(x));
    if (rc) return rc;
    ocl_transfer *t = ocl_transfer_new(ctx, d);
    if (!t) return ctx->api->fail(ctx, FC_RESOURCE_EXHAUSTED, "no memory for a copy");
    fc_ctx *parked = ocl_transfer_park(ctx, t);
    if (!parked) return fc_park_status(ctx);
    ctx = parked;
    cl_event event = NULL;
    ocl_enter(d);
    cl_int error = lent ? ocl_map(d, ctx->in[0], &ctx->out[0], &event)
                        : read_block(d, ctx->in[0], fc_data(&ctx->out[0]), t, &event);
    rc = ocl_transfer_end(ctx, t, error, event);
    ocl_leave(d);
    return rc;
}

/* A constant goes to the device once per plan: the node's state keeps it there. */
typedef struct {
    fc_resource base;
    pthread_mutex_t lock;
    fc_tensor value;
} constant;

static void destroy_constant(fc_resource *self) {
    constant *c = (constant *)self;
    fc_release(c->value.buffer);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

fc_resource *ocl_new_constant(void) {
    constant *c = calloc(1, sizeof *c);
    if (!c) return NULL;
    c->base = (fc_resource){1, FC_RES_OTHER, "constant", destroy_constant};
    c->value.ndim = -1;
    pthread_mutex_init(&c->lock, NULL);
    return &c->base;
}

static int constant_to_device(fc_ctx *ctx) {
    constant *c = (constant *)ctx->state;
    const fc_tensor *x = ctx->in[0];
    int rc = FC_OK;
    pthread_mutex_lock(&c->lock);
    if (c->value.ndim < 0) {
        fc_tensor value = *x, uploaded = {.buffer = NULL};
        value.offset = 0;
        if (x->size) rc = ocl_upload(ctx, x->dtype, x->size, fc_data(x), &uploaded);
        value.buffer = uploaded.buffer;
        if (!rc) c->value = value;
    }
    pthread_mutex_unlock(&c->lock);
    return rc ? rc : ctx->api->share(ctx, 0, &c->value, 0, x->dtype, x->ndim, fc_dims(x));
}

static const fc_kernel_def defs[] = {
    {"_HostToDevice", "", "", FC_ASYNC, 1, 0, ocl_from_host},
    {"_DeviceToHost", "", "", FC_ASYNC, 0, 1, ocl_to_host},
    {"_ConstantToDevice", "", "", FC_STATEFUL, 1, 0, constant_to_device},
};
const fc_kernel_table ocl_copy_table = {FC_ABI, "GPU", sizeof defs / sizeof defs[0], defs};
