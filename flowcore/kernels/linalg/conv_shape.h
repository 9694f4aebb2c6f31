/* What the convolution ops say: attributes, shapes, paddings, and their errors. Shared by every device's
 * kernels. */
#ifndef FLOWCORE_CONV_SHAPE_H
#define FLOWCORE_CONV_SHAPE_H

#include <string.h>

#include "../../_kernel.h"

/* Attributes, in the order of the kernel tables. */
enum { FC_CONV_STRIDES, FC_CONV_PADDING, FC_CONV_EXPLICIT_PADDINGS, FC_CONV_DATA_FORMAT, FC_CONV_DILATIONS };

/* Index 0 is the height, 1 the width. */
typedef struct {
    int64_t batch, in[2], out[2], in_channels, out_channels, kernel[2], stride[2], dilation[2], pad[2];
    int channels_first;
} fc_conv;

static inline int fc_conv_axis(fc_ctx *ctx, fc_conv *g, int i, int axis) {
    const fc_attr *explicit = &ctx->attrs[FC_CONV_EXPLICIT_PADDINGS];
    const char *padding = ctx->attrs[FC_CONV_PADDING].s ? ctx->attrs[FC_CONV_PADDING].s : "",
               *name = i ? "width" : "height";
    int64_t before = 0, after = 0, stride = g->stride[i];
    int other = i ? axis - 1 : axis + 1;
    /* All below 2^31, and a tensor's sizes below 2^60: no sum or product here overflows. */
    int64_t span = (g->kernel[i] - 1) * g->dilation[i] + 1;
    if (g->kernel[i] < 1) span = 0;
    if (!strcmp(padding, "SAME")) {
        g->out[i] = (g->in[i] + stride - 1) / stride;
        before = (g->out[i] - 1) * stride + span - g->in[i];
        g->pad[i] = before > 0 ? before / 2 : 0;
        return FC_OK;
    }
    if (!strcmp(padding, "EXPLICIT")) {
        if (explicit->n != 8)
            return ctx->api->fail(ctx, FC_INVALID_ARGUMENT,
                                  "explicit_paddings must hold 8 numbers, found %lld",
                                  (long long)explicit->n);
        for (int d = 0; d < 8; d++)
            if (explicit->ints[d] < 0 || explicit->ints[d] > INT32_MAX ||
                (explicit->ints[d] && d / 2 != axis && d / 2 != other))
                return ctx->api->fail(ctx, FC_INVALID_ARGUMENT,
                                      "explicit_paddings[%d] = %lld: paddings must not be negative, and are "
                                      "for height and width only",
                                      d, (long long)explicit->ints[d]);
        before = explicit->ints[2 * axis], after = explicit->ints[2 * axis + 1];
    } else if (strcmp(padding, "VALID")) {
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "padding must be SAME, VALID or EXPLICIT, found '%s'",
                              padding);
    }
    int64_t room = g->in[i] + before + after - span + stride;
    if (room < 0 || !span)
        return ctx->api->fail(
            ctx, FC_INVALID_ARGUMENT,
            "Computed output size would be negative: the filter spans %lld of a padded %s of %lld",
            (long long)span, name, (long long)(g->in[i] + before + after));
    g->out[i] = room / stride;
    g->pad[i] = before;
    return FC_OK;
}

/* Checks attributes and both shapes; fills the geometry and the shape of the result. */
static inline int fc_conv_describe(fc_ctx *ctx, const int64_t *image, const int64_t *filter, fc_conv *g,
                                   int64_t *out_shape) {
    const fc_attr *strides = &ctx->attrs[FC_CONV_STRIDES], *dilations = &ctx->attrs[FC_CONV_DILATIONS],
                  *format = &ctx->attrs[FC_CONV_DATA_FORMAT];
    static const int64_t ones[4] = {1, 1, 1, 1};
    const int64_t *dilation = dilations->n <= 0 ? ones : dilations->ints;
    g->channels_first = format->s && !strcmp(format->s, "NCHW");
    if (format->s && !g->channels_first && strcmp(format->s, "NHWC"))
        return ctx->api->fail(ctx, FC_UNIMPLEMENTED, "data_format %s is not supported; use NHWC or NCHW",
                              format->s);
    int h = g->channels_first ? 2 : 1, c = g->channels_first ? 1 : 3;
    if (strides->n != 4)
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "strides must have 4 entries, found %lld",
                              (long long)strides->n);
    if (dilations->n > 0 && dilations->n != 4)
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "dilations must have 4 entries, found %lld",
                              (long long)dilations->n);
    if (strides->ints[0] != 1 || strides->ints[c] != 1)
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT,
                              "strides in the batch and depth dimensions must be 1");
    if (dilation[0] != 1 || dilation[c] != 1)
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT,
                              "dilations in the batch and depth dimensions must be 1");
    g->batch = image[0], g->in_channels = image[c], g->out_channels = filter[3];
    if (image[c] != filter[2])
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT,
                              "input depth %lld and the filter's input depth %lld must be equal",
                              (long long)image[c], (long long)filter[2]);
    for (int i = 0; i < 2; i++) {
        g->in[i] = image[h + i], g->kernel[i] = filter[i], g->stride[i] = strides->ints[h + i],
        g->dilation[i] = dilation[h + i];
        if (g->stride[i] < 1 || g->stride[i] > INT32_MAX)
            return ctx->api->fail(ctx, FC_INVALID_ARGUMENT,
                                  "strides must be positive 32-bit numbers, found %lld",
                                  (long long)g->stride[i]);
        if (g->dilation[i] < 1 || g->dilation[i] > INT32_MAX)
            return ctx->api->fail(ctx, FC_INVALID_ARGUMENT,
                                  "dilations must be positive 32-bit numbers, found %lld",
                                  (long long)g->dilation[i]);
        if (g->kernel[i] > INT32_MAX || g->in[i] > INT64_MAX >> 4)
            return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "filter or input is too large: %lld of %lld",
                                  (long long)g->kernel[i], (long long)g->in[i]);
        int rc = fc_conv_axis(ctx, g, i, h + i);
        if (rc) return rc;
    }
    out_shape[0] = g->batch, out_shape[c] = g->out_channels, out_shape[h] = g->out[0],
    out_shape[h + 1] = g->out[1];
    return FC_OK;
}

/* Input i has 4 dimensions and this dtype. */
static inline int fc_conv_expect_images(fc_ctx *ctx, int i, const char *what, int dtype) {
    char found[160];
    if (ctx->in[i]->dtype != dtype)
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "%s has another dtype than the first operand", what);
    if (ctx->in[i]->ndim == 4) return FC_OK;
    return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "%s must be 4-dimensional, found shape %s", what,
                          fc_shape_str(ctx->in[i], found, sizeof found));
}

/* A shape given as a tensor of four sizes. */
static inline int fc_conv_read_sizes(fc_ctx *ctx, int i, const char *what, int64_t *shape) {
    const fc_tensor *t = ctx->in[i];
    char found[160];
    int64_t elements = 1;
    if (t->ndim != 1 || t->size != 4 || (t->dtype != FC_INT32 && t->dtype != FC_INT64))
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "%s must be a vector of 4 sizes, found shape %s",
                              what, fc_shape_str(t, found, sizeof found));
    for (int d = 0; d < 4; d++) {
        shape[d] = fc_int_at(t, d);
        if (shape[d] < 0 || __builtin_mul_overflow(elements, shape[d] ? shape[d] : 1, &elements))
            return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "%s[%d] = %lld is not a usable size", what, d,
                                  (long long)shape[d]);
    }
    return FC_OK;
}

/* The shape of out_backprop, input 2. */
static inline int fc_conv_expect_gradient(fc_ctx *ctx, const int64_t *shape) {
    const fc_tensor *t = ctx->in[2];
    char found[160];
    if (!memcmp(fc_dims(t), shape, 4 * sizeof(int64_t))) return FC_OK;
    return ctx->api->fail(
        ctx, FC_INVALID_ARGUMENT,
        "Size of out_backprop doesn't match computed: expected [%lld, %lld, %lld, %lld], found %s",
        (long long)shape[0], (long long)shape[1], (long long)shape[2], (long long)shape[3],
        fc_shape_str(t, found, sizeof found));
}

#endif
