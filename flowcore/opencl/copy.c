/* Copies between host and device. */
#include <stdlib.h>
#include <string.h>

#include "device.h"

/* A fed array up to this size is copied first, so that its owner may change it and nobody has to wait. */
#define STAGED_BYTES (256 * 1024)

typedef struct {
    fc_buffer *host;     /* kept until the runtime has read it */
    void *staged;
    fc_token *token;     /* a node that waits for the copy, or NULL */
    const fc_api *api;
    const char *name;
} transfer;

static cl_int injected;
void ocl_fail_next_copy(int code) { __atomic_store_n(&injected, code, __ATOMIC_RELAXED); }

static void transferred(cl_event event, cl_int status, void *arg) {
    transfer *t = arg;
    (void)event;
    if (t->token) {
        status += __atomic_exchange_n(&injected, 0, __ATOMIC_RELAXED);
        if (status < 0) {
            fc_ctx *ctx = t->api->token_ctx(t->token);
            status = t->api->fail(ctx, FC_UNAVAILABLE, "%s failed while it computed or copied this value: %s", t->name, fc_cl_error(status));
        } else {
            status = FC_OK;
        }
        t->api->complete(t->token, status);
    }
    fc_release(t->host);
    free(t->staged);
    free(t);
}

static void let_it_end(fc_token *token, void *arg) { (void)token, (void)arg; } /* the copy ends by itself, soon, and completes the token */

/* After a copy was enqueued: has `t` freed when it is done. */
static int when_done(fc_ctx *ctx, ocl_device *d, cl_int error, cl_event event, transfer *t) {
    if (!error) error = cl.clSetEventCallback(event, CL_COMPLETE, transferred, t);
    if (error) {
        int rc = ctx->api->fail(ctx, FC_INTERNAL, "%s refused a copy: %s", d->name, fc_cl_error(error));
        fc_token *token = t->token;
        const fc_api *api = t->api;
        if (event) cl.clFinish(d->queue); /* the memory must outlive a copy that was enqueued */
        fc_release(t->host);
        free(t->staged);
        free(t);
        if (!token) return rc;
        api->complete(token, rc);
        return FC_PENDING;
    }
    int pending = t->token != NULL;
    cl.clReleaseEvent(event);
    cl.clFlush(d->queue);
    return pending ? FC_PENDING : FC_OK;
}

static transfer *new_transfer(fc_ctx *ctx, ocl_device *d) {
    transfer *t = calloc(1, sizeof *t);
    if (t) *t = (transfer){.api = ctx->api, .name = d->name};
    return t;
}

/* Enqueues a copy to `to`; `source` stays readable until it is done. */
static int write_block(fc_ctx *ctx, ocl_device *d, const fc_tensor *to, size_t bytes, const void *source, transfer *t) {
    cl_event event = NULL;
    __atomic_fetch_add(&d->copies, 1, __ATOMIC_RELAXED);
    ocl_enter(d);
    cl_int error = cl.clEnqueueWriteBuffer(d->queue, ((ocl_buffer *)to->buffer)->mem, 0, (size_t)to->offset, bytes, source, 0, NULL, &event);
    int rc = when_done(ctx, d, error, event, t);
    ocl_leave(d);
    return rc;
}

/* The same of a copy of `data`, which may change at once. */
static int write_staged(fc_ctx *ctx, ocl_device *d, const fc_tensor *to, size_t bytes, const void *data) {
    transfer *t = new_transfer(ctx, d);
    if (t) t->staged = malloc(bytes);
    if (t && t->staged) return write_block(ctx, d, to, bytes, memcpy(t->staged, data, bytes), t);
    free(t);
    return ctx->api->fail(ctx, FC_RESOURCE_EXHAUSTED, "no memory for a copy of %lld bytes", (long long)bytes);
}

static int from_host(fc_ctx *ctx) {
    ocl_device *d = ocl_of(ctx);
    const fc_tensor *x = ctx->in[0];
    int rc = ctx->api->alloc(ctx, 0, x->dtype, x->ndim, x->shape), fed = x->buffer && x->buffer->flags & FC_BUF_EXTERNAL;
    if (rc || !x->size) return rc;
    size_t bytes = (size_t)(x->size * fc_item_size(x->dtype));
    const void *source = fc_data(x);
    fc_tensor to = ctx->out[0];
    if (fed && bytes <= STAGED_BYTES) return write_staged(ctx, d, &to, bytes, source);
    transfer *t = new_transfer(ctx, d);
    if (!t) return ctx->api->fail(ctx, FC_RESOURCE_EXHAUSTED, "no memory for a copy");
    if (fed) {
        t->token = ctx->api->park(ctx, let_it_end, NULL);
        if (!t->token) {
            free(t);
            return FC_CANCELLED;
        }
        ctx = ctx->api->token_ctx(t->token);
    } else {
        fc_retain(t->host = x->buffer);
    }
    return write_block(ctx, d, &to, bytes, source, t);
}

int ocl_upload(fc_ctx *ctx, int dtype, int64_t size, const void *data, fc_tensor *to) {
    *to = (fc_tensor){.dtype = dtype, .ndim = 1, .size = size, .shape = {size}};
    int rc = ocl_buffer_new(ctx, dtype, size, &to->buffer);
    if (rc) return rc;
    rc = write_staged(ctx, ocl_of(ctx), to, (size_t)(size * fc_item_size(dtype)), data);
    if (rc) fc_release(to->buffer);
    return rc;
}

static int to_host(fc_ctx *ctx) {
    const fc_tensor *x = ctx->in[0];
    int rc = ctx->api->alloc(ctx, 0, x->dtype, x->ndim, x->shape);
    if (rc || !x->size) return rc;
    ocl_device *d = (ocl_device *)x->buffer->device;
    transfer *t = new_transfer(ctx, d);
    if (!t) return ctx->api->fail(ctx, FC_RESOURCE_EXHAUSTED, "no memory for a copy");
    t->token = ctx->api->park(ctx, let_it_end, NULL);
    if (!t->token) {
        free(t);
        return FC_CANCELLED;
    }
    ctx = ctx->api->token_ctx(t->token);
    x = ctx->in[0];
    __atomic_fetch_add(&d->copies, 1, __ATOMIC_RELAXED);
    cl_event event = NULL;
    ocl_enter(d);
    cl_int error = cl.clEnqueueReadBuffer(d->queue, ((ocl_buffer *)x->buffer)->mem, 0, (size_t)x->offset, (size_t)(x->size * fc_item_size(x->dtype)),
                                          fc_data(&ctx->out[0]), 0, NULL, &event);
    rc = when_done(ctx, d, error, event, t);
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
    return rc ? rc : ctx->api->share(ctx, 0, &c->value, 0, x->dtype, x->ndim, x->shape);
}

static const fc_kernel_def defs[] = {
    {"_HostToDevice", "", "", FC_ASYNC, 1, 0, from_host},
    {"_DeviceToHost", "", "", FC_ASYNC, 0, 1, to_host},
    {"_ConstantToDevice", "", "", FC_STATEFUL, 1, 0, constant_to_device},
};
const fc_kernel_table ocl_copy_table = {FC_ABI, "GPU", sizeof defs / sizeof defs[0], defs};
