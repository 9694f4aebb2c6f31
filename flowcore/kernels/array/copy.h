/* Copying between strided layouts: what transposes, slices, pads, tiles and broadcasts have in common. */
#ifndef FLOWCORE_ARRAY_COPY_H
#define FLOWCORE_ARRAY_COPY_H

#include <string.h>

#include "../../_kernel.h"

/* Bytes worth handing to another thread. */
#define FC_COPY_GRAIN 65536

/* Moves items as `copy` says on the tensors' device; strings, resources and variants get their references
 * (the destination must hold none before). Offsets are in bytes. The axes are merged in place. */
int fc_copy_nd(fc_ctx *ctx, fc_copy *copy, const fc_tensor *dst, int64_t dst_offset, const fc_tensor *src,
               int64_t src_offset);
/* Every element of `dst` becomes that of `value`, a single one, or the host bytes at `pattern` where it is
 * NULL. Takes no references. */
int fc_fill(fc_ctx *ctx, const fc_tensor *dst, const fc_tensor *value, const void *pattern);
static inline int fc_clear(fc_ctx *ctx, const fc_tensor *dst) {
    static const char zero[16] = {0};
    return fc_fill(ctx, dst, NULL, zero);
}

/* A copy of `ndim` axes, whose sizes and strides are still to be set: no zeros for all that might be. */
static inline void fc_begin_copy(fc_copy *copy, int ndim, int64_t item) {
    copy->ndim = ndim;
    copy->item = item;
}

/* Row-major byte strides of a shape. */
static inline void fc_strides(int ndim, const int64_t *shape, int64_t item, int64_t *strides) {
    for (int d = ndim - 1; d >= 0; d--) {
        strides[d] = item;
        item *= shape[d];
    }
}

/* An axis argument, which counts from the end when negative: 0 and the result in *axis, or a status. */
static inline int fc_axis(fc_ctx *ctx, const char *what, int64_t value, int ndim, int *axis) {
    *axis = 0;
    if (value < -ndim || value >= ndim)
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "%s = %lld is not in [%d, %d)", what,
                              (long long)value, -ndim, ndim);
    *axis = (int)(value < 0 ? value + ndim : value);
    return FC_OK;
}

/* Reads an index vector of `count` entries (-1: any, up to FC_MAX_DIMS) into `values`. */
static inline int fc_vector(fc_ctx *ctx, int input, const char *what, int64_t count, int64_t *values) {
    const fc_tensor *t = ctx->in[input];
    char found[128];
    if (t->ndim > 1 || (count >= 0 && t->size != count) || t->size > FC_MAX_DIMS)
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT,
                              "%s must be a vector of %s%lld entries, found shape %s", what,
                              count < 0 ? "at most " : "", (long long)(count < 0 ? FC_MAX_DIMS : count),
                              fc_shape_str(t, found, sizeof found));
    for (int64_t i = 0; i < t->size; i++) values[i] = fc_int_at(t, i);
    return FC_OK;
}

#endif
