/* MaxPool, MaxPoolGrad, MaxPoolGradGrad, AvgPool, AvgPoolGrad over height and width, SAME or VALID, NHWC or
 * NCHW. */
#include "pool_shape.h"
#include "types.h"

/* Channels summed at once in local memory. */
#define CHANNEL_BLOCK 64

typedef struct {
    fc_pool shape;
    /* image; gradient that arrives (output-shaped, or input-shaped in MaxPoolGradGrad) */
    const void *in, *grad_out;
    void *out, *grad_in; /* pooled values; gradient that leaves */
    void *sums;          /* float sums for stored types that are narrower; NULL otherwise */
} pool_job;

typedef struct {
    int64_t begin, end;
} window;

/* Input rows (or columns) under output `at`: clipped to the image, never empty. */
static inline window window_at(int64_t at, int64_t stride, int64_t pad, int64_t size, int64_t limit) {
    int64_t begin = at * stride - pad, end = begin + size;
    window w = {begin > 0 ? begin : 0, end < limit ? end : limit};
    return w;
}

#define FC_TEMPLATE "nn/pool_rows.h"
#define FC_TEMPLATE_FLOATS
#include "../_each_type.h"

static int64_t window_cost(const fc_pool *p) {
    int64_t h = p->window_h < p->in_h ? p->window_h : p->in_h,
            w = p->window_w < p->in_w ? p->window_w : p->in_w;
    return h * w;
}

static int forward_pool(fc_ctx *ctx, int max) {
    const fc_tensor *in = ctx->in[0];
    pool_job p = {.in = fc_data(in)};
    int64_t shape[4];
    int rc = fc_expect_float(ctx, in->dtype);
    if (!rc) rc = fc_pool_shape(ctx, in->ndim, fc_dims(in), &p.shape, shape);
    if (!rc) rc = ctx->api->alloc(ctx, 0, in->dtype, 4, shape);
    if (rc || !ctx->out[0].size) return rc;
    p.out = fc_data(&ctx->out[0]);
    ctx->api->parallel_for(ctx, p.shape.batch * p.shape.out_h,
                           fc_rows_per_piece(p.shape.out_w * p.shape.channels * window_cost(&p.shape)),
                           max ? FC_BY_FLOAT(in->dtype, max_pool) : FC_BY_FLOAT(in->dtype, avg_pool), &p);
    return FC_OK;
}
int fc_max_pool(fc_ctx *ctx) { return forward_pool(ctx, 1); }
int fc_avg_pool(fc_ctx *ctx) { return forward_pool(ctx, 0); }

/* Allocates the gradient of the image, zeroed where no window reaches, and runs `fn` image by image. */
static int image_gradient(fc_ctx *ctx, pool_job *p, int dtype, const int64_t *shape,
                          void (*fn)(void *, int64_t, int64_t)) {
    int rc = ctx->api->alloc(ctx, 0, dtype, 4, shape);
    if (rc || !ctx->out[0].size) return rc;
    p->grad_in = fc_data(&ctx->out[0]);
    if (fc_item_size(dtype) == 2) {
        rc = ctx->api->scratch(ctx, (size_t)ctx->out[0].size * sizeof(float), &p->sums);
        if (rc) return rc;
    }
    ctx->api->parallel_for(
        ctx, p->shape.batch,
        fc_rows_per_piece(p->shape.out_h * p->shape.out_w * p->shape.channels * window_cost(&p->shape)), fn,
        p);
    return FC_OK;
}

/* Of max pooling, but for the gradient that arrives; `shape` becomes that of the pooled values. */
static int describe_gradient(fc_ctx *ctx, pool_job *p, int64_t *shape) {
    const fc_tensor *in = ctx->in[0];
    *p = (pool_job){.in = fc_data(in), .out = fc_data(ctx->in[1]), .grad_out = fc_data(ctx->in[2])};
    int rc = fc_expect_float(ctx, in->dtype);
    if (!rc) rc = fc_pool_shape(ctx, in->ndim, fc_dims(in), &p->shape, shape);
    return rc ? rc : fc_pool_expect(ctx, 1, "orig_output", shape);
}

int fc_max_pool_grad(fc_ctx *ctx) {
    const fc_tensor *in = ctx->in[0];
    pool_job p;
    int64_t shape[4];
    int rc = describe_gradient(ctx, &p, shape);
    if (!rc) rc = fc_pool_expect(ctx, 2, "grad", shape);
    return rc ? rc : image_gradient(ctx, &p, in->dtype, fc_dims(in), FC_BY_FLOAT(in->dtype, max_pool_grad));
}

int fc_max_pool_grad_grad(fc_ctx *ctx) {
    const fc_tensor *in = ctx->in[0];
    pool_job p;
    int64_t shape[4];
    int rc = describe_gradient(ctx, &p, shape);
    if (!rc) rc = fc_pool_expect(ctx, 2, "grad", fc_dims(in));
    if (!rc) rc = ctx->api->alloc(ctx, 0, in->dtype, 4, shape);
    if (rc || !ctx->out[0].size) return rc;
    p.grad_in = fc_data(&ctx->out[0]);
    ctx->api->parallel_for(ctx, p.shape.batch * p.shape.out_h,
                           fc_rows_per_piece(p.shape.out_w * p.shape.channels * window_cost(&p.shape)),
                           FC_BY_FLOAT(in->dtype, max_pool_grad_grad), &p);
    return FC_OK;
}

int fc_avg_pool_grad(fc_ctx *ctx) {
    const fc_tensor *grad = ctx->in[1];
    pool_job p = {.grad_out = fc_data(grad)};
    int64_t in_shape[4], shape[4];
    int rc = fc_expect_float(ctx, grad->dtype);
    if (!rc) rc = fc_pool_read_sizes(ctx, in_shape);
    if (!rc) rc = fc_pool_shape(ctx, 4, in_shape, &p.shape, shape);
    if (!rc) rc = fc_pool_expect(ctx, 1, "grad", shape);
    return rc ? rc : image_gradient(ctx, &p, grad->dtype, in_shape, FC_BY_FLOAT(grad->dtype, avg_pool_grad));
}
