/* What Select and AddN ask of their inputs, and the errors where those do not fit. Shared by every device's
 * kernels. */
#ifndef FLOWCORE_SELECT_CHECKS_H
#define FLOWCORE_SELECT_CHECKS_H

#include <string.h>

#include "../../_kernel.h"

/* Select (version 1): `condition` is input 0 in a shape that broadcasts to that of the values. `room` is
 * where its sizes may lie, of FC_MAX_DIMS. */
static inline int fc_select_condition(fc_ctx *ctx, fc_tensor *condition, int64_t *room) {
    const fc_tensor *c = ctx->in[0], *x = ctx->in[1], *y = ctx->in[2];
    char a[128], b[128];
    if (!fc_same_shape(x, y) || x->dtype != y->dtype)
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT,
                              "'t' and 'e' must have the same shape, found %s and %s",
                              fc_shape_str(x, a, sizeof a), fc_shape_str(y, b, sizeof b));
    *condition = *c;
    if (c->ndim == 1 && x->ndim > 1 && fc_dims(c)[0] == fc_dims(x)[0]) { /* one decision per row */
        room[0] = c->size;
        for (int d = 1; d < x->ndim; d++) room[d] = 1;
        fc_set_dims(condition, x->ndim, room);
    } else if (c->ndim != 0 && !fc_same_shape(c, x)) {
        return ctx->api->fail(
            ctx, FC_INVALID_ARGUMENT,
            "'condition' %s must be a scalar, a vector with one entry per row, or of the shape of 't' %s",
            fc_shape_str(c, a, sizeof a), fc_shape_str(x, b, sizeof b));
    }
    return FC_OK;
}

/* AddN: all inputs are alike. */
static inline int fc_add_n_check(fc_ctx *ctx) {
    const fc_tensor *first = ctx->in[0];
    char a[128], b[128];
    for (int k = 1; k < ctx->n_in; k++)
        if (!fc_same_shape(first, ctx->in[k]) || first->dtype != ctx->in[k]->dtype)
            return ctx->api->fail(ctx, FC_INVALID_ARGUMENT,
                                  "inputs[0] has shape %s and inputs[%d] shape %s; all must be alike",
                                  fc_shape_str(first, a, sizeof a), k, fc_shape_str(ctx->in[k], b, sizeof b));
    return FC_OK;
}

#endif
