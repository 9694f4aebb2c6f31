/* Broadcasting: the common shape of several inputs, and the fewest axes that walk them together. For kernels
 * of any device. */
#ifndef FLOWCORE_KERNEL_WALK_H
#define FLOWCORE_KERNEL_WALK_H

#include <string.h>

#include "../_kernel.h"

/* A strided walk over several inputs: shapes are broadcast, unit axes dropped, neighbouring axes merged. */
#define FC_MAX_INPUTS 8
typedef struct {
    int ndim; /* at least 1 */
    int64_t shape[FC_MAX_DIMS];
    int64_t stride[FC_MAX_INPUTS][FC_MAX_DIMS]; /* in elements, 0 along a broadcast axis */
} fc_walk;

/* The broadcast shape of the inputs, or an error that names two of them that do not go together. */
static inline int fc_broadcast(fc_ctx *ctx, int n_in, int *ndim, int64_t *shape) {
    *ndim = 0;
    for (int i = 0; i < n_in; i++)
        if (ctx->in[i]->ndim > *ndim) *ndim = ctx->in[i]->ndim;
    for (int d = 0; d < *ndim; d++) {
        int first = 0; /* the input that the size along this axis is from */
        shape[d] = 1;
        for (int i = 0; i < n_in; i++) {
            const fc_tensor *t = ctx->in[i];
            int at = d - (*ndim - t->ndim);
            int64_t size = at < 0 ? 1 : fc_dims(t)[at];
            if (size == 1 || size == shape[d]) continue;
            if (shape[d] != 1) {
                char a[128], b[128];
                return ctx->api->fail(
                    ctx, FC_INVALID_ARGUMENT, "Incompatible shapes: %s vs. %s do not broadcast",
                    fc_shape_str(ctx->in[first], a, sizeof a), fc_shape_str(t, b, sizeof b));
            }
            shape[d] = size;
            first = i;
        }
    }
    return FC_OK;
}

static inline void fc_walk_init(fc_walk *walk, int n_in, const fc_tensor *const *in, int ndim,
                                const int64_t *shape) {
    int64_t stride[FC_MAX_INPUTS][FC_MAX_DIMS];
    for (int i = 0; i < n_in; i++) {
        const int64_t *dims = fc_dims(in[i]);
        int64_t step = 1;
        for (int d = ndim - 1; d >= 0; d--) {
            int at = d - (ndim - in[i]->ndim);
            int64_t size = at < 0 ? 1 : dims[at];
            stride[i][d] = size == 1 ? 0 : step;
            step *= size;
        }
    }
    walk->ndim = 0;
    for (int d = 0; d < ndim; d++) {
        if (shape[d] == 1) continue;
        int merge = walk->ndim > 0;
        for (int i = 0; merge && i < n_in; i++)
            merge = walk->stride[i][walk->ndim - 1] == stride[i][d] * shape[d];
        int to = merge ? walk->ndim - 1 : walk->ndim++;
        walk->shape[to] = merge ? walk->shape[to] * shape[d] : shape[d];
        for (int i = 0; i < n_in; i++) walk->stride[i][to] = stride[i][d];
    }
    if (!walk->ndim) {
        walk->ndim = 1;
        walk->shape[0] = 1;
        for (int i = 0; i < n_in; i++) walk->stride[i][0] = 0;
    }
}

#endif
