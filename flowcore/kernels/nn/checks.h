/* What the softmaxes, the cross-entropies and the bias ops ask of their inputs, and the shapes of their
 * results: for kernels of any device. */
#ifndef FLOWCORE_NN_CHECKS_H
#define FLOWCORE_NN_CHECKS_H

#include <string.h>

#include "../../_kernel.h"

/* Softmax, LogSoftmax: out[0] is made. */
static inline int fc_begin_softmax(fc_ctx *ctx) {
    const fc_tensor *logits = ctx->in[0];
    if (logits->ndim < 1)
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT,
                              "logits must have at least one dimension, not be a scalar");
    return ctx->api->forward(ctx, 0, 0, logits->dtype, logits->ndim, fc_dims(logits));
}

/* SoftmaxCrossEntropyWithLogits: both outputs are made, [rows] and [rows, columns]. An input of one row
 * counts for every row. */
static inline int fc_begin_xent(fc_ctx *ctx, int64_t *rows, int64_t *columns) {
    const fc_tensor *logits = ctx->in[0], *labels = ctx->in[1];
    char a[128], b[128];
    *rows = *columns = 0;
    if (logits->ndim != 2 || labels->ndim != 2 || fc_dims(logits)[1] != fc_dims(labels)[1] ||
        (fc_dims(logits)[0] != fc_dims(labels)[0] && fc_dims(logits)[0] != 1 && fc_dims(labels)[0] != 1))
        return ctx->api->fail(
            ctx, FC_INVALID_ARGUMENT,
            "features and labels must be matrices of one shape (or of one row), found %s and %s",
            fc_shape_str(logits, a, sizeof a), fc_shape_str(labels, b, sizeof b));
    if (logits->dtype != labels->dtype)
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "features and labels differ in dtype");
    int64_t shape[2] = {fc_dims(logits)[0] == 1 ? fc_dims(labels)[0] : fc_dims(logits)[0],
                        fc_dims(logits)[1]};
    *rows = shape[0], *columns = shape[1];
    int rc = ctx->api->alloc(ctx, 0, logits->dtype, 1, shape);
    return rc ? rc : ctx->api->alloc(ctx, 1, logits->dtype, 2, shape);
}

/* SparseSoftmaxCrossEntropyWithLogits, labels in host memory: both outputs are made. */
static inline int fc_begin_sparse_xent(fc_ctx *ctx) {
    const fc_tensor *logits = ctx->in[0], *labels = ctx->in[1];
    char a[128], b[128];
    if (logits->ndim != 2 || labels->ndim != 1 || fc_dims(logits)[0] != fc_dims(labels)[0])
        return ctx->api->fail(
            ctx, FC_INVALID_ARGUMENT,
            "features must be a matrix and labels a vector with one entry per row, found %s and %s",
            fc_shape_str(logits, a, sizeof a), fc_shape_str(labels, b, sizeof b));
    int64_t columns = fc_dims(logits)[1];
    if (labels->size && !columns)
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "features must have at least one class, found %s",
                              fc_shape_str(logits, a, sizeof a));
    for (int64_t i = 0; i < labels->size; i++) {
        int64_t label = fc_int_at(labels, i);
        if (label < 0 || label >= columns)
            return ctx->api->fail(ctx, FC_INVALID_ARGUMENT,
                                  "labels[%lld] = %lld is outside the valid range [0, %lld)", (long long)i,
                                  (long long)label, (long long)columns);
    }
    int rc = ctx->api->alloc(ctx, 0, logits->dtype, 1, fc_dims(logits));
    return rc ? rc : ctx->api->alloc(ctx, 1, logits->dtype, 2, fc_dims(logits));
}

/* A value as [outer, channels, inner]: inner is 1 channels-last, the image channels-first. */
typedef struct {
    int64_t outer, channels, inner;
} fc_bias_view;

/* By attribute 0, data_format. */
static inline int fc_view_for_bias(fc_ctx *ctx, fc_bias_view *view) {
    const fc_tensor *value = ctx->in[0];
    int nchw = ctx->attrs[0].s && !strcmp(ctx->attrs[0].s, "NCHW");
    char found[128];
    *view = (fc_bias_view){1, 0, 1};
    if (value->ndim < (nchw ? 3 : 1) || (value->ndim < 2 && ctx->n_in == 2))
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT,
                              "the value must have at least %d dimensions, found shape %s", nchw ? 3 : 2,
                              fc_shape_str(value, found, sizeof found));
    int axis = nchw ? 1 : value->ndim - 1;
    for (int d = 0; d < axis; d++) view->outer *= fc_dims(value)[d];
    view->channels = fc_dims(value)[axis];
    for (int d = axis + 1; d < value->ndim; d++) view->inner *= fc_dims(value)[d];
    return FC_OK;
}

/* BiasAdd: what it asks of its inputs. */
static inline int fc_bias_add_check(fc_ctx *ctx, fc_bias_view *view) {
    const fc_tensor *value = ctx->in[0], *bias = ctx->in[1];
    char v[128], s[128];
    int rc = fc_view_for_bias(ctx, view);
    if (!rc && (bias->ndim != 1 || fc_dims(bias)[0] != view->channels))
        rc = ctx->api->fail(
            ctx, FC_INVALID_ARGUMENT,
            "bias must be a vector with one entry for each of the %lld channels of value %s, found shape %s",
            (long long)view->channels, fc_shape_str(value, v, sizeof v), fc_shape_str(bias, s, sizeof s));
    return rc;
}

/* BiasAdd: out[0] is made. */
static inline int fc_begin_bias_add(fc_ctx *ctx, fc_bias_view *view) {
    const fc_tensor *value = ctx->in[0];
    int rc = fc_bias_add_check(ctx, view);
    return rc ? rc : ctx->api->forward(ctx, 0, 0, value->dtype, value->ndim, fc_dims(value));
}

#endif
