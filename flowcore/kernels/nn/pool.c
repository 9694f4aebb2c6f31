/* MaxPool, MaxPoolGrad, MaxPoolGradGrad, AvgPool, AvgPoolGrad over height and width, SAME or VALID, NHWC or NCHW.
 * A channels-first image is, to pooling, so many channels-last images of one channel: one code serves both. */
#include "types.h"

/* Channels summed at once in local memory. */
#define CHANNEL_BLOCK 64

typedef struct {
    const void *in, *grad_out; /* image; gradient that arrives (output-shaped, or input-shaped in MaxPoolGradGrad) */
    void *out, *grad_in;       /* pooled values; gradient that leaves */
    void *sums;                /* float sums for stored types that are narrower; NULL otherwise */
    int64_t batch, in_h, in_w, channels, out_h, out_w;
    int64_t window_h, window_w, stride_h, stride_w, pad_h, pad_w;
} fc_pool;

typedef struct { int64_t begin, end; } window;

/* Input rows (or columns) under output `at`: clipped to the image, never empty. */
static inline window window_at(int64_t at, int64_t stride, int64_t pad, int64_t size, int64_t limit) {
    int64_t begin = at * stride - pad, end = begin + size;
    window w = {begin > 0 ? begin : 0, end < limit ? end : limit};
    return w;
}

#define FC_TEMPLATE "pool_rows.h"
#include "for_each_float.h"
#undef FC_TEMPLATE

enum { KSIZE, STRIDES, PADDING, DATA_FORMAT };

/* Output length and leading padding along one axis; a status where no window fits. */
static int axis_geometry(fc_ctx *ctx, const char *axis, int64_t in, int64_t size, int64_t stride, int same, int64_t *out,
                         int64_t *pad) {
    if (size < 1 || stride < 1)
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "ksize and strides must be positive, found %lld and %lld along the %s",
                              (long long)size, (long long)stride, axis);
    if (size > INT32_MAX || stride > INT32_MAX)
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "ksize or strides are too large along the %s", axis);
    if (same) {
        *out = (in + stride - 1) / stride;
        int64_t total = (*out - 1) * stride + size - in;
        *pad = total > 0 ? total / 2 : 0;
        return FC_OK;
    }
    if (in < size)
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "a window of %lld does not fit into the %s of %lld without padding",
                              (long long)size, axis, (long long)in);
    *out = (in - size) / stride + 1;
    *pad = 0;
    return FC_OK;
}

/* Fills the geometry from the attributes and the image's shape; out_shape is the pooled shape. */
static int geometry(fc_ctx *ctx, int ndim, const int64_t *in_shape, fc_pool *p, int64_t *out_shape) {
    const fc_attr *ksize = &ctx->attrs[KSIZE], *strides = &ctx->attrs[STRIDES], *format = &ctx->attrs[DATA_FORMAT];
    int nchw = format->s && !strcmp(format->s, "NCHW");
    int h = nchw ? 2 : 1, w = h + 1, c = nchw ? 1 : 3;
    if (ndim != 4) return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "input must have 4 dimensions, found %d", ndim);
    if (format->s && !nchw && strcmp(format->s, "NHWC"))
        return ctx->api->fail(ctx, FC_UNIMPLEMENTED, "data_format %s is not supported; use NHWC or NCHW", format->s);
    if (ksize->n != 4 || strides->n != 4)
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "ksize and strides must have 4 entries, found %lld and %lld",
                              (long long)ksize->n, (long long)strides->n);
    if (ksize->ints[0] != 1 || strides->ints[0] != 1 || ksize->ints[c] != 1 || strides->ints[c] != 1)
        return ctx->api->fail(ctx, FC_UNIMPLEMENTED, "pooling over the batch or the channels is not supported");
    int same = ctx->attrs[PADDING].s && !strcmp(ctx->attrs[PADDING].s, "SAME");
    if (!same && (!ctx->attrs[PADDING].s || strcmp(ctx->attrs[PADDING].s, "VALID")))
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "padding must be SAME or VALID");
    p->in_h = in_shape[h], p->in_w = in_shape[w];
    p->window_h = ksize->ints[h], p->window_w = ksize->ints[w];
    p->stride_h = strides->ints[h], p->stride_w = strides->ints[w];
    int rc = axis_geometry(ctx, "height", p->in_h, p->window_h, p->stride_h, same, &p->out_h, &p->pad_h);
    if (!rc) rc = axis_geometry(ctx, "width", p->in_w, p->window_w, p->stride_w, same, &p->out_w, &p->pad_w);
    if (rc) return rc;
    p->batch = nchw ? in_shape[0] * in_shape[1] : in_shape[0];
    p->channels = nchw ? 1 : in_shape[3];
    memcpy(out_shape, in_shape, 4 * sizeof(int64_t));
    out_shape[h] = p->out_h, out_shape[w] = p->out_w;
    return FC_OK;
}

static int expect_shape(fc_ctx *ctx, int i, const char *what, const int64_t *shape) {
    const fc_tensor *t = ctx->in[i];
    char found[128];
    if (t->ndim == 4 && !memcmp(t->shape, shape, 4 * sizeof(int64_t))) return FC_OK;
    return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "%s must have shape [%lld, %lld, %lld, %lld], found %s", what,
                          (long long)shape[0], (long long)shape[1], (long long)shape[2], (long long)shape[3],
                          fc_shape_str(t, found, sizeof found));
}

static int64_t window_cost(const fc_pool *p) {
    int64_t h = p->window_h < p->in_h ? p->window_h : p->in_h, w = p->window_w < p->in_w ? p->window_w : p->in_w;
    return h * w;
}

static int forward_pool(fc_ctx *ctx, int max) {
    const fc_tensor *in = ctx->in[0];
    fc_pool p = {.in = fc_data(in)};
    int64_t shape[4];
    int rc = geometry(ctx, in->ndim, in->shape, &p, shape);
    if (!rc) rc = ctx->api->alloc(ctx, 0, in->dtype, 4, shape);
    if (rc || !ctx->out[0].size) return rc;
    p.out = fc_data(&ctx->out[0]);
    ctx->api->parallel_for(ctx, p.batch * p.out_h, fc_rows_per_piece(p.out_w * p.channels * window_cost(&p)),
                           max ? FC_BY_FLOAT(in->dtype, max_pool) : FC_BY_FLOAT(in->dtype, avg_pool), &p);
    return FC_OK;
}
int fc_max_pool(fc_ctx *ctx) { return forward_pool(ctx, 1); }
int fc_avg_pool(fc_ctx *ctx) { return forward_pool(ctx, 0); }

/* Allocates the gradient of the image, zeroed where no window reaches, and runs `fn` image by image. */
static int image_gradient(fc_ctx *ctx, fc_pool *p, int dtype, const int64_t *shape, void (*fn)(void *, int64_t, int64_t)) {
    int rc = ctx->api->alloc(ctx, 0, dtype, 4, shape);
    if (rc || !ctx->out[0].size) return rc;
    p->grad_in = fc_data(&ctx->out[0]);
    if (fc_item_size(dtype) == 2) {
        rc = ctx->api->scratch(ctx, (size_t)ctx->out[0].size * sizeof(float), &p->sums);
        if (rc) return rc;
    }
    ctx->api->parallel_for(ctx, p->batch, fc_rows_per_piece(p->out_h * p->out_w * p->channels * window_cost(p)), fn, p);
    return FC_OK;
}

int fc_max_pool_grad(fc_ctx *ctx) {
    const fc_tensor *in = ctx->in[0];
    fc_pool p = {.in = fc_data(in), .out = fc_data(ctx->in[1]), .grad_out = fc_data(ctx->in[2])};
    int64_t shape[4];
    int rc = geometry(ctx, in->ndim, in->shape, &p, shape);
    if (!rc) rc = expect_shape(ctx, 1, "orig_output", shape);
    if (!rc) rc = expect_shape(ctx, 2, "grad", shape);
    return rc ? rc : image_gradient(ctx, &p, in->dtype, in->shape, FC_BY_FLOAT(in->dtype, max_pool_grad));
}

int fc_max_pool_grad_grad(fc_ctx *ctx) {
    const fc_tensor *in = ctx->in[0];
    fc_pool p = {.in = fc_data(in), .out = fc_data(ctx->in[1]), .grad_out = fc_data(ctx->in[2])};
    int64_t shape[4];
    int rc = geometry(ctx, in->ndim, in->shape, &p, shape);
    if (!rc) rc = expect_shape(ctx, 1, "orig_output", shape);
    if (!rc) rc = expect_shape(ctx, 2, "grad", in->shape);
    if (!rc) rc = ctx->api->alloc(ctx, 0, in->dtype, 4, shape);
    if (rc || !ctx->out[0].size) return rc;
    p.grad_in = fc_data(&ctx->out[0]);
    ctx->api->parallel_for(ctx, p.batch * p.out_h, fc_rows_per_piece(p.out_w * p.channels * window_cost(&p)),
                           FC_BY_FLOAT(in->dtype, max_pool_grad_grad), &p);
    return FC_OK;
}

int fc_avg_pool_grad(fc_ctx *ctx) {
    const fc_tensor *sizes = ctx->in[0], *grad = ctx->in[1];
    fc_pool p = {.grad_out = fc_data(grad)};
    int64_t in_shape[4], shape[4], elements = 1;
    char found[128];
    if (sizes->ndim != 1 || sizes->size != 4)
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "orig_input_shape must be a vector of 4 sizes, found shape %s",
                              fc_shape_str(sizes, found, sizeof found));
    for (int d = 0; d < 4; d++) {
        in_shape[d] = fc_int_at(sizes, d);
        if (in_shape[d] < 0 || __builtin_mul_overflow(elements, in_shape[d], &elements))
            return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "orig_input_shape[%d] = %lld is not a usable size", d,
                                  (long long)in_shape[d]);
    }
    int rc = geometry(ctx, 4, in_shape, &p, shape);
    if (!rc) rc = expect_shape(ctx, 1, "grad", shape);
    return rc ? rc : image_gradient(ctx, &p, grad->dtype, in_shape, FC_BY_FLOAT(grad->dtype, avg_pool_grad));
}
