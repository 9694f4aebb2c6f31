/* Pooling over height and width: what the ops say, and their errors. Shared by every device's kernels.
 * A channels-first image is, to pooling, so many channels-last images of one channel: one code serves both.
 */
#ifndef FLOWCORE_POOL_SHAPE_H
#define FLOWCORE_POOL_SHAPE_H

#include <string.h>

#include "../../_kernel.h"

/* The geometry of one pooling. */
typedef struct {
    int64_t batch, in_h, in_w, channels, out_h, out_w;
    int64_t window_h, window_w, stride_h, stride_w, pad_h, pad_w;
} fc_pool;

/* Attributes, in the order of the kernel tables. */
enum { FC_POOL_KSIZE, FC_POOL_STRIDES, FC_POOL_PADDING, FC_POOL_FORMAT };

/* Output length and leading padding along one axis; a status where no window fits. */
static inline int fc_pool_axis(fc_ctx *ctx, const char *axis, int64_t in, int64_t size, int64_t stride,
                               int same, int64_t *out, int64_t *pad) {
    if (size < 1 || stride < 1)
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT,
                              "ksize and strides must be positive, found %lld and %lld along the %s",
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
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT,
                              "a window of %lld does not fit into the %s of %lld without padding",
                              (long long)size, axis, (long long)in);
    *out = (in - size) / stride + 1;
    *pad = 0;
    return FC_OK;
}

/* Fills the geometry from the attributes and the image's shape; out_shape is the pooled shape. */
static inline int fc_pool_shape(fc_ctx *ctx, int ndim, const int64_t *in_shape, fc_pool *p,
                                int64_t *out_shape) {
    const fc_attr *ksize = &ctx->attrs[FC_POOL_KSIZE], *strides = &ctx->attrs[FC_POOL_STRIDES],
                  *format = &ctx->attrs[FC_POOL_FORMAT];
    int nchw = format->s && !strcmp(format->s, "NCHW");
    int h = nchw ? 2 : 1, w = h + 1, c = nchw ? 1 : 3;
    if (ndim != 4)
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "input must have 4 dimensions, found %d", ndim);
    if (format->s && !nchw && strcmp(format->s, "NHWC"))
        return ctx->api->fail(ctx, FC_UNIMPLEMENTED, "data_format %s is not supported; use NHWC or NCHW",
                              format->s);
    if (ksize->n != 4 || strides->n != 4)
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT,
                              "ksize and strides must have 4 entries, found %lld and %lld",
                              (long long)ksize->n, (long long)strides->n);
    if (ksize->ints[0] != 1 || strides->ints[0] != 1 || ksize->ints[c] != 1 || strides->ints[c] != 1)
        return ctx->api->fail(ctx, FC_UNIMPLEMENTED,
                              "pooling over the batch or the channels is not supported");
    int same = ctx->attrs[FC_POOL_PADDING].s && !strcmp(ctx->attrs[FC_POOL_PADDING].s, "SAME");
    if (!same && (!ctx->attrs[FC_POOL_PADDING].s || strcmp(ctx->attrs[FC_POOL_PADDING].s, "VALID")))
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "padding must be SAME or VALID");
    p->in_h = in_shape[h], p->in_w = in_shape[w];
    p->window_h = ksize->ints[h], p->window_w = ksize->ints[w];
    p->stride_h = strides->ints[h], p->stride_w = strides->ints[w];
    int rc = fc_pool_axis(ctx, "height", p->in_h, p->window_h, p->stride_h, same, &p->out_h, &p->pad_h);
    if (!rc) rc = fc_pool_axis(ctx, "width", p->in_w, p->window_w, p->stride_w, same, &p->out_w, &p->pad_w);
    if (rc) return rc;
    p->batch = nchw ? in_shape[0] * in_shape[1] : in_shape[0];
    p->channels = nchw ? 1 : in_shape[3];
    memcpy(out_shape, in_shape, 4 * sizeof(int64_t));
    out_shape[h] = p->out_h, out_shape[w] = p->out_w;
    return FC_OK;
}

static inline int fc_pool_expect(fc_ctx *ctx, int i, const char *what, const int64_t *shape) {
    const fc_tensor *t = ctx->in[i];
    char found[128];
    if (t->ndim == 4 && !memcmp(fc_dims(t), shape, 4 * sizeof(int64_t))) return FC_OK;
    return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "%s must have shape [%lld, %lld, %lld, %lld], found %s",
                          what, (long long)shape[0], (long long)shape[1], (long long)shape[2],
                          (long long)shape[3], fc_shape_str(t, found, sizeof found));
}

/* AvgPoolGrad's input 0: the shape of the image. */
static inline int fc_pool_read_sizes(fc_ctx *ctx, int64_t *in_shape) {
    const fc_tensor *sizes = ctx->in[0];
    int64_t elements = 1;
    char found[128];
    if (sizes->ndim != 1 || sizes->size != 4)
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT,
                              "orig_input_shape must be a vector of 4 sizes, found shape %s",
                              fc_shape_str(sizes, found, sizeof found));
    for (int d = 0; d < 4; d++) {
        in_shape[d] = fc_int_at(sizes, d);
        if (in_shape[d] < 0 || __builtin_mul_overflow(elements, in_shape[d], &elements))
            return ctx->api->fail(ctx, FC_INVALID_ARGUMENT,
                                  "orig_input_shape[%d] = %lld is not a usable size", d,
                                  (long long)in_shape[d]);
    }
    return FC_OK;
}

#endif
