/* Elementwise drivers: splitting over threads, taking buffers over. Knows no formula. */
#include "loops.h"

#include <string.h>

typedef struct {
    fc_unary_loop unary;
    fc_binary_loop binary;
    char *out;
    const char *x, *y;
    int64_t out_item, in_item;
    const fc_walk *walk;
} fc_job;

static void unary_piece(void *arg, int64_t begin, int64_t end) {
    const fc_job *job = arg;
    job->unary(job->out + begin * job->out_item, job->x + begin * job->in_item, end - begin);
}

int fc_unary(fc_ctx *ctx, const fc_unary_loop *loops, int out_dtype) {
    const fc_tensor *x = ctx->in[0];
    int dtype = out_dtype ? out_dtype : x->dtype;
    int rc = ctx->api->forward(ctx, 0, 0, dtype, x->ndim, fc_dims(x));
    if (rc || !x->size) return rc;
    fc_unary_loop loop = loops[x->dtype];
    if (!loop) return ctx->api->fail(ctx, FC_UNIMPLEMENTED, "this dtype is not supported");
    if (x->size <= FC_GRAIN) {
        loop(fc_data(&ctx->out[0]), fc_data(x), x->size);
        return FC_OK;
    }
    fc_job job = {.unary = loop,
                  .out = fc_data(&ctx->out[0]),
                  .x = fc_data(x),
                  .out_item = fc_item_size(dtype),
                  .in_item = fc_item_size(x->dtype)};
    ctx->api->parallel_for(ctx, x->size, FC_GRAIN, unary_piece, &job);
    return FC_OK;
}

/* One merged axis: elements [begin, end) of it. */
static void flat_piece(void *arg, int64_t begin, int64_t end) {
    const fc_job *job = arg;
    int64_t sx = job->walk->stride[0][0], sy = job->walk->stride[1][0];
    job->binary(job->out + begin * job->out_item, job->x + begin * sx * job->in_item,
                job->y + begin * sy * job->in_item, end - begin, sx, sy);
}

/* Several axes: rows [begin, end) of the innermost. */
static void row_piece(void *arg, int64_t begin, int64_t end) {
    const fc_job *job = arg;
    const fc_walk *w = job->walk;
    int last = w->ndim - 1;
    int64_t n = w->shape[last], at[FC_MAX_DIMS], rest = begin, x = 0, y = 0;
    for (int d = last - 1; d >= 0; d--) {
        at[d] = rest % w->shape[d];
        rest /= w->shape[d];
        x += at[d] * w->stride[0][d];
        y += at[d] * w->stride[1][d];
    }
    for (int64_t row = begin; row < end; row++) {
        job->binary(job->out + row * n * job->out_item, job->x + x * job->in_item, job->y + y * job->in_item,
                    n, w->stride[0][last], w->stride[1][last]);
        for (int d = last - 1; d >= 0; d--) {
            x += w->stride[0][d];
            y += w->stride[1][d];
            if (++at[d] < w->shape[d]) break;
            x -= at[d] * w->stride[0][d];
            y -= at[d] * w->stride[1][d];
            at[d] = 0;
        }
    }
}

int fc_alloc_over(fc_ctx *ctx, int n_in, int dtype, int ndim, const int64_t *shape) {
    int64_t size = 1;
    for (int d = 0; d < ndim; d++) size *= shape[d];
    for (int i = 0; i < n_in; i++) {
        const fc_tensor *in = ctx->in[i];
        if (in->size != size || !size || fc_item_size(dtype) != fc_item_size(in->dtype)) continue;
        if (__atomic_load_n(&in->buffer->refs, __ATOMIC_ACQUIRE) != 1 || in->buffer->flags & FC_BUF_EXTERNAL)
            continue;
        /* of an input before, which a node after this one still reads */
        fc_buffer *fresh = ctx->out[0].buffer;
        int rc = ctx->api->forward(ctx, i, 0, dtype, ndim, shape);
        fc_release(fresh);
        if (rc || ctx->out[0].buffer == in->buffer) return rc;
    }
    return ctx->out[0].buffer ? FC_OK : ctx->api->alloc(ctx, 0, dtype, ndim, shape);
}

int fc_binary(fc_ctx *ctx, const fc_binary_loop *loops, int out_dtype) {
    const fc_tensor *x = ctx->in[0], *y = ctx->in[1];
    int64_t shape[FC_MAX_DIMS];
    int ndim;
    if (x->dtype != y->dtype) return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "the inputs differ in dtype");
    int dtype = out_dtype ? out_dtype : x->dtype;
    int rc = fc_broadcast(ctx, 2, &ndim, shape);
    if (!rc) rc = fc_alloc_over(ctx, 2, dtype, ndim, shape);
    int64_t size = ctx->out[0].size;
    if (rc || !size) return rc;
    fc_binary_loop loop = loops[x->dtype];
    if (!loop) return ctx->api->fail(ctx, FC_UNIMPLEMENTED, "this dtype is not supported");
    /* most small nodes: no walk to prepare */
    if (size <= FC_GRAIN && (fc_same_shape(x, y) || x->size == 1 || y->size == 1)) {
        loop(fc_data(&ctx->out[0]), fc_data(x), fc_data(y), size, x->size == size, y->size == size);
        return FC_OK;
    }
    fc_walk walk;
    fc_job job = {.binary = loop,
                  .out = fc_data(&ctx->out[0]),
                  .x = fc_data(x),
                  .y = fc_data(y),
                  .out_item = fc_item_size(dtype),
                  .in_item = fc_item_size(x->dtype),
                  .walk = &walk};
    fc_walk_init(&walk, 2, ctx->in, ndim, shape);
    if (walk.ndim == 1) {
        if (size <= FC_GRAIN) flat_piece(&job, 0, size);
        else ctx->api->parallel_for(ctx, size, FC_GRAIN, flat_piece, &job);
        return FC_OK;
    }
    int64_t inner = walk.shape[walk.ndim - 1];
    if (size <= FC_GRAIN) row_piece(&job, 0, size / inner);
    else ctx->api->parallel_for(ctx, size / inner, inner >= FC_GRAIN ? 1 : FC_GRAIN / inner, row_piece, &job);
    return FC_OK;
}
