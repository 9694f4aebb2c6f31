/* What the convolution ops say: attributes, shapes, paddings, and their errors. See conv.h. */
#include "conv.h"

enum { STRIDES, PADDING, EXPLICIT_PADDINGS, DATA_FORMAT, DILATIONS };

static int axis_geometry(fc_ctx *ctx, fc_conv *g, int i, int axis) {
    const fc_attr *explicit = &ctx->attrs[EXPLICIT_PADDINGS];
    const char *padding = ctx->attrs[PADDING].s ? ctx->attrs[PADDING].s : "", *name = i ? "width" : "height";
    int64_t before = 0, after = 0, stride = g->stride[i];
    int other = i ? axis - 1 : axis + 1;
    /* All below 2^31, and a tensor's sizes below 2^60: no sum or product here overflows. */
    int64_t span = (g->kernel[i] - 1) * g->dilation[i] + 1;
    if (g->kernel[i] < 1) span = 0;
    if (!strcmp(padding, "SAME")) {
        g->out[i] = ceil_div(g->in[i], stride);
        g->pad[i] = max64((g->out[i] - 1) * stride + span - g->in[i], 0) / 2;
        return FC_OK;
    }
    if (!strcmp(padding, "EXPLICIT")) {
        if (explicit->n != 8)
            return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "explicit_paddings must hold 8 numbers, found %lld", (long long)explicit->n);
        for (int d = 0; d < 8; d++)
            if (explicit->ints[d] < 0 || explicit->ints[d] > INT32_MAX || (explicit->ints[d] && d / 2 != axis && d / 2 != other))
                return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "explicit_paddings[%d] = %lld: paddings must not be negative, and are "
                                      "for height and width only", d, (long long)explicit->ints[d]);
        before = explicit->ints[2 * axis], after = explicit->ints[2 * axis + 1];
    } else if (strcmp(padding, "VALID")) {
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "padding must be SAME, VALID or EXPLICIT, found '%s'", padding);
    }
    int64_t room = g->in[i] + before + after - span + stride;
    if (room < 0 || !span)
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT,
                              "Computed output size would be negative: the filter spans %lld of a padded %s of %lld",
                              (long long)span, name, (long long)(g->in[i] + before + after));
    g->out[i] = room / stride;
    g->pad[i] = before;
    return FC_OK;
}

int fc_conv_describe(fc_ctx *ctx, const int64_t *image, const int64_t *filter, fc_conv *g, int64_t *out_shape) {
    const fc_attr *strides = &ctx->attrs[STRIDES], *dilations = &ctx->attrs[DILATIONS], *format = &ctx->attrs[DATA_FORMAT];
    static const int64_t ones[4] = {1, 1, 1, 1};
    const int64_t *dilation = dilations->n <= 0 ? ones : dilations->ints;
    g->channels_first = format->s && !strcmp(format->s, "NCHW");
    if (format->s && !g->channels_first && strcmp(format->s, "NHWC"))
        return ctx->api->fail(ctx, FC_UNIMPLEMENTED, "data_format %s is not supported; use NHWC or NCHW", format->s);
    int h = g->channels_first ? 2 : 1, c = g->channels_first ? 1 : 3;
    if (strides->n != 4) return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "strides must have 4 entries, found %lld", (long long)strides->n);
    if (dilations->n > 0 && dilations->n != 4)
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "dilations must have 4 entries, found %lld", (long long)dilations->n);
    if (strides->ints[0] != 1 || strides->ints[c] != 1)
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "strides in the batch and depth dimensions must be 1");
    if (dilation[0] != 1 || dilation[c] != 1)
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "dilations in the batch and depth dimensions must be 1");
    g->batch = image[0], g->in_channels = image[c], g->out_channels = filter[3];
    if (image[c] != filter[2])
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "input depth %lld and the filter's input depth %lld must be equal",
                              (long long)image[c], (long long)filter[2]);
    for (int i = 0; i < 2; i++) {
        g->in[i] = image[h + i], g->kernel[i] = filter[i], g->stride[i] = strides->ints[h + i], g->dilation[i] = dilation[h + i];
        if (g->stride[i] < 1 || g->stride[i] > INT32_MAX)
            return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "strides must be positive 32-bit numbers, found %lld", (long long)g->stride[i]);
        if (g->dilation[i] < 1 || g->dilation[i] > INT32_MAX)
            return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "dilations must be positive 32-bit numbers, found %lld",
                                  (long long)g->dilation[i]);
        if (g->kernel[i] > INT32_MAX || g->in[i] > INT64_MAX >> 4)
            return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "filter or input is too large: %lld of %lld", (long long)g->kernel[i],
                                  (long long)g->in[i]);
        int rc = axis_geometry(ctx, g, i, h + i);
        if (rc) return rc;
    }
    out_shape[0] = g->batch, out_shape[c] = g->out_channels, out_shape[h] = g->out[0], out_shape[h + 1] = g->out[1];
    return FC_OK;
}

int fc_conv_expect_images(fc_ctx *ctx, int i, const char *what, int dtype) {
    char found[160];
    if (ctx->in[i]->dtype != dtype) return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "%s has another dtype than the first operand", what);
    if (ctx->in[i]->ndim == 4) return FC_OK;
    return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "%s must be 4-dimensional, found shape %s", what,
                          fc_shape_str(ctx->in[i], found, sizeof found));
}

int fc_conv_read_sizes(fc_ctx *ctx, int i, const char *what, int64_t *shape) {
    const fc_tensor *t = ctx->in[i];
    char found[160];
    int64_t elements = 1;
    if (t->ndim != 1 || t->size != 4 || (t->dtype != FC_INT32 && t->dtype != FC_INT64))
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "%s must be a vector of 4 sizes, found shape %s", what,
                              fc_shape_str(t, found, sizeof found));
    for (int d = 0; d < 4; d++) {
        shape[d] = fc_int_at(t, d);
        if (shape[d] < 0 || __builtin_mul_overflow(elements, max64(shape[d], 1), &elements))
            return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "%s[%d] = %lld is not a usable size", what, d, (long long)shape[d]);
    }
    return FC_OK;
}

int fc_conv_expect_gradient(fc_ctx *ctx, const int64_t *shape) {
    const fc_tensor *t = ctx->in[2];
    char found[160];
    if (!memcmp(t->shape, shape, 4 * sizeof(int64_t))) return FC_OK;
    return ctx->api->fail(ctx, FC_INVALID_ARGUMENT,
                          "Size of out_backprop doesn't match computed: expected [%lld, %lld, %lld, %lld], found %s",
                          (long long)shape[0], (long long)shape[1], (long long)shape[2], (long long)shape[3],
                          fc_shape_str(t, found, sizeof found));
}

fc_images fc_conv_images(const fc_tensor *t, const fc_conv *g) {
    int h = g->channels_first ? 2 : 1;
    return (fc_images){fc_data(t), t->shape[h], t->shape[h + 1], t->shape[g->channels_first ? 1 : 3], t->dtype, g->channels_first};
}

void fc_conv_use_type(int dtype, const fc_gemm **gemm, int64_t *item) {
    *gemm = dtype == FC_FLOAT64 ? fc_gemm_float64() : fc_gemm_float32();
    *item = dtype == FC_FLOAT64 ? 8 : 4;
}

void fc_conv_zero(fc_tensor *t) {
    if (t->size) memset(fc_data(t), 0, (size_t)(t->size * fc_item_size(t->dtype)));
}

int fc_conv_forward_axis(fc_ctx *ctx, const fc_conv *g, int i, fc_axis *axis) {
    *axis = (fc_axis){g->out[i], 0, 1, g->stride[i], g->in[i], g->kernel[i], NULL};
    int rc = ctx->api->scratch(ctx, (size_t)g->kernel[i] * sizeof(fc_tap), (void **)&axis->taps);
    for (int64_t k = 0; !rc && k < g->kernel[i]; k++) axis->taps[k] = (fc_tap){k, k * g->dilation[i] - g->pad[i]};
    return rc;
}
