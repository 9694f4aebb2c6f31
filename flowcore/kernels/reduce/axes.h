/* The axes of reductions, brought into the form [outer, reduced, inner]: checks and shapes, for kernels of
 * any device. */
#ifndef FLOWCORE_REDUCE_AXES_H
#define FLOWCORE_REDUCE_AXES_H

#include "../../_kernel.h"

/* Neighbouring axes that are reduced together, with what lies before and behind them. */
typedef struct {
    int64_t outer, reduced, inner;
} fc_run;

typedef struct {
    int ndim;
    int64_t shape[FC_MAX_DIMS]; /* of the result */
    /* 0: no element is touched, the result is the input in another shape */
    int count;
    /* one after the other, innermost first; the next reads what the one before has made */
    fc_run runs[FC_MAX_DIMS];
} fc_reduction;

/* The axes that input 1 names, a bit for each. */
static inline int fc_reduced_axes(fc_ctx *ctx, uint64_t *reduced) {
    const fc_tensor *x = ctx->in[0], *axes = ctx->in[1];
    *reduced = 0;
    if (axes->ndim > 1)
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "reduction_indices must be a scalar or a vector");
    for (int64_t i = 0; i < axes->size; i++) {
        int64_t axis = fc_int_at(axes, i);
        if (axis < -x->ndim || axis >= x->ndim)
            return ctx->api->fail(ctx, FC_INVALID_ARGUMENT,
                                  "Invalid reduction dimension (%lld for input with %d dimension(s))",
                                  (long long)axis, x->ndim);
        if (axis < 0) axis += x->ndim;
        if (*reduced >> axis & 1)
            return ctx->api->fail(ctx, FC_INVALID_ARGUMENT,
                                  "Invalid reduction arguments: Axes contains duplicate dimension: %lld",
                                  (long long)axis);
        *reduced |= (uint64_t)1 << axis;
    }
    return FC_OK;
}

/* Inputs (x, axes), attribute 0 `keep_dims`. Axes of size one join their neighbours. */
static inline int fc_plan_reduction(fc_ctx *ctx, fc_reduction *r) {
    const fc_tensor *x = ctx->in[0];
    const int64_t *dims = fc_dims(x);
    uint64_t reduced;
    int rc = fc_reduced_axes(ctx, &reduced), inside = 0;
    int64_t inner = 1, outer = 1, kept = 1;
    if (rc) return rc;
    r->ndim = r->count = 0;
    for (int d = 0; d < x->ndim; d++) {
        if (!(reduced >> d & 1)) r->shape[r->ndim++] = dims[d], kept *= dims[d];
        else if (ctx->attrs[0].i) r->shape[r->ndim++] = 1;
        outer *= dims[d];
    }
    if (!x->size) { /* nothing to reduce into each result: one empty run */
        for (int d = 0; d < x->ndim; d++) r->count |= reduced >> d & 1 && dims[d] != 1;
        r->runs[0] = (fc_run){1, 0, kept};
        return FC_OK;
    }
    for (int d = x->ndim - 1; d >= 0; d--) {
        const int is_reduced = reduced >> d & 1;
        if (dims[d] == 1) continue;
        outer /= dims[d];
        if (is_reduced && inside) r->runs[r->count - 1].reduced *= dims[d];
        else if (is_reduced) r->runs[r->count++] = (fc_run){outer, dims[d], inner};
        else inner *= dims[d];
        inside = is_reduced;
        if (inside) r->runs[r->count - 1].outer = outer;
    }
    return FC_OK;
}

/* The run along one axis. */
static inline fc_run fc_run_along(const fc_tensor *x, int axis) {
    fc_run run = {1, fc_dims(x)[axis], 1};
    for (int d = 0; d < axis; d++) run.outer *= fc_dims(x)[d];
    for (int d = axis + 1; d < x->ndim; d++) run.inner *= fc_dims(x)[d];
    return run;
}

/* ArgMax, ArgMin: out[0] is made, of the dtype of attribute 0. */
static inline int fc_begin_arg(fc_ctx *ctx, fc_run *run) {
    const fc_tensor *x = ctx->in[0];
    int64_t shape[FC_MAX_DIMS];
    int ndim = 0;
    *run = (fc_run){0, 0, 0};
    if (ctx->in[1]->size != 1) return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "dimension must be a scalar");
    int64_t axis = fc_int_at(ctx->in[1], 0);
    if (axis < -x->ndim || axis >= x->ndim)
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT,
                              "Expected dimension in the range [%d, %d), but got %lld", -x->ndim, x->ndim,
                              (long long)axis);
    if (axis < 0) axis += x->ndim;
    for (int d = 0; d < x->ndim; d++)
        if (d != axis) shape[ndim++] = fc_dims(x)[d];
    *run = fc_run_along(x, (int)axis);
    if (run->outer > 0 && run->inner > 0 && !run->reduced)
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "Reduction axis %lld is empty in the input",
                              (long long)axis);
    return ctx->api->alloc(ctx, 0, ctx->attrs[0].i == FC_INT32 ? FC_INT32 : FC_INT64, ndim, shape);
}

/* Cumsum, Cumprod: out[0] is made. */
static inline int fc_begin_cumulation(fc_ctx *ctx, fc_run *run) {
    const fc_tensor *x = ctx->in[0];
    *run = (fc_run){0, 0, 0};
    if (ctx->in[1]->size != 1) return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "axis must be a scalar");
    int64_t axis = fc_int_at(ctx->in[1], 0);
    if (axis < -x->ndim || axis >= x->ndim)
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "axis = %lld is not in [%d, %d)", (long long)axis,
                              -x->ndim, x->ndim);
    *run = fc_run_along(x, (int)(axis < 0 ? axis + x->ndim : axis));
    return ctx->api->alloc(ctx, 0, x->dtype, x->ndim, fc_dims(x));
}

#endif
