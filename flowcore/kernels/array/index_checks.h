/* What the ops with index tensors ask of their inputs, and the shapes of their results: for kernels of any
 * device. */
#ifndef FLOWCORE_ARRAY_INDEX_CHECKS_H
#define FLOWCORE_ARRAY_INDEX_CHECKS_H

#include "../_rows.h"
#include "copy.h"

/* The gathered axis in [outer, rows, inner]. */
typedef struct {
    int64_t outer, rows, inner;
} fc_gather_view;

/* Gather, GatherV2, indices in host memory: out[0] is made. */
static inline int fc_begin_gather(fc_ctx *ctx, fc_gather_view *view) {
    const fc_tensor *params = ctx->in[0], *indices = ctx->in[1];
    int64_t shape[2 * FC_MAX_DIMS];
    int axis = 0, rc = FC_OK, ndim = 0;
    *view = (fc_gather_view){1, 0, 1};
    if (params->ndim < 1)
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "params must be at least 1 dimensional");
    if (ctx->n_in == 3) {
        if (ctx->in[2]->size != 1) return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "axis must be a scalar");
        rc = fc_axis(ctx, "axis", fc_int_at(ctx->in[2], 0), params->ndim, &axis);
        if (rc) return rc;
    }
    for (int d = 0; d < axis; d++) view->outer *= shape[ndim++] = fc_dims(params)[d];
    for (int d = 0; d < indices->ndim; d++) shape[ndim++] = fc_dims(indices)[d];
    for (int d = axis + 1; d < params->ndim; d++) view->inner *= shape[ndim++] = fc_dims(params)[d];
    view->rows = fc_dims(params)[axis];
    rc = fc_check_rows(ctx, indices, view->rows);
    return rc ? rc : ctx->api->alloc(ctx, 0, params->dtype, ndim, shape);
}

/* UnsortedSegmentSum, segment_ids in host memory: out[0] is made. `inner`: elements of a row. */
static inline int fc_begin_segment_sum(fc_ctx *ctx, int64_t *inner) {
    const fc_tensor *data = ctx->in[0], *ids = ctx->in[1];
    int64_t shape[FC_MAX_DIMS];
    int ndim = 0;
    char a[128], b[128];
    *inner = 1;
    if (ctx->in[2]->size != 1 || fc_int_at(ctx->in[2], 0) < 0)
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "num_segments must be a scalar of at least 0");
    if (ids->ndim > data->ndim || memcmp(fc_dims(ids), fc_dims(data), (size_t)ids->ndim * sizeof(int64_t)))
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT,
                              "data.shape = %s does not start with segment_ids.shape = %s",
                              fc_shape_str(data, a, sizeof a), fc_shape_str(ids, b, sizeof b));
    shape[ndim++] = fc_int_at(ctx->in[2], 0);
    for (int d = ids->ndim; d < data->ndim; d++) {
        if (ndim == FC_MAX_DIMS)
            return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "the result would have more than %d dimensions",
                                  FC_MAX_DIMS);
        *inner *= shape[ndim++] = fc_dims(data)[d];
    }
    for (int64_t i = 0; i < ids->size; i++)
        if (fc_int_at(ids, i) >= shape[0])
            return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "segment_ids[%lld] = %lld is not in [0, %lld)",
                                  (long long)i, (long long)fc_int_at(ids, i), (long long)shape[0]);
    return ctx->api->alloc(ctx, 0, data->dtype, ndim, shape);
}

/* OneHot: out[0] is made, [outer, depth, inner] for indices [outer, inner]. */
static inline int fc_begin_one_hot(fc_ctx *ctx, int64_t *depth, int64_t *inner) {
    const fc_tensor *indices = ctx->in[0], *on = ctx->in[2], *off = ctx->in[3];
    int64_t shape[FC_MAX_DIMS + 1];
    int axis, ndim = indices->ndim + 1;
    *depth = 0, *inner = 1;
    if (ctx->in[1]->size != 1 || on->size != 1 || off->size != 1)
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "depth, on_value and off_value must be scalars");
    *depth = fc_int_at(ctx->in[1], 0);
    if (*depth < 0)
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "depth must be non-negative, got: %lld",
                              (long long)*depth);
    int rc = fc_axis(ctx, "axis", ctx->attrs[0].i, ndim, &axis);
    if (rc) return rc;
    for (int d = 0, from = 0; d < ndim; d++) {
        shape[d] = d == axis ? *depth : fc_dims(indices)[from++];
        if (d > axis) *inner *= shape[d];
    }
    return ctx->api->alloc(ctx, 0, on->dtype, ndim, shape);
}

/* InTopK, InTopKV2, k in host memory: out[0] is made. */
static inline int fc_begin_in_top_k(fc_ctx *ctx, int64_t *k) {
    const fc_tensor *p = ctx->in[0], *targets = ctx->in[1];
    char a[128], b[128];
    *k = 0;
    if (ctx->n_in == 3 && ctx->in[2]->size != 1)
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "k must be a scalar");
    *k = ctx->n_in == 3 ? fc_int_at(ctx->in[2], 0) : ctx->attrs[0].i;
    if (p->ndim != 2 || targets->ndim != 1 || fc_dims(p)[0] != fc_dims(targets)[0])
        return ctx->api->fail(
            ctx, FC_INVALID_ARGUMENT,
            "predictions must be a matrix and targets a vector with one entry per row, found %s and %s",
            fc_shape_str(p, a, sizeof a), fc_shape_str(targets, b, sizeof b));
    return ctx->api->alloc(ctx, 0, FC_BOOL, 1, fc_dims(targets));
}

#endif
