/* The ops on rows of variables, but for their loops: arguments, locks, checks; indices in host memory.
 * Included by the unit of each device, which provides the three functions declared below. */
#ifndef FLOWCORE_ROW_OPS_H
#define FLOWCORE_ROW_OPS_H

#include <string.h>

#include "../_rows.h"
#include "variable.h"

enum {
    FC_SCATTER_UPDATE,
    FC_SCATTER_ADD,
    FC_SCATTER_SUB,
    FC_SCATTER_MUL,
    FC_SCATTER_DIV,
    FC_SCATTER_MIN,
    FC_SCATTER_MAX
};

/* Under the lock: makes the variable's buffer its own, to be written to. */
static int fc_own_value(fc_ctx *ctx, fc_variable *v);
/* out[0], which is made and not empty, becomes the rows of `value` at `indices`, `inner` elements each. */
static int fc_gather_rows(fc_ctx *ctx, const fc_tensor *value, const fc_tensor *indices, int64_t inner);
/* Under the lock: changes rows of `value` by rows of `x`, or by the one element of a scalar; repeated rows in
 * their order. Neither is empty. */
static int fc_scatter_rows(fc_ctx *ctx, const fc_tensor *value, const fc_tensor *indices, const fc_tensor *x,
                           int64_t inner, int op);

static int resource_gather(fc_ctx *ctx) {
    int rc;
    fc_variable *v = fc_variable_at(ctx, 0, &rc);
    const fc_tensor *indices = ctx->in[1];
    int64_t shape[2 * FC_MAX_DIMS], inner = 1;
    int ndim = 0;
    if (!rc) rc = fc_expect_dtype(ctx, v, ctx->attrs[0].i);
    if (rc) return rc;
    fc_take_lock(ctx, &v->lock);
    fc_tensor t = v->value;
    rc = fc_initialized(ctx, v);
    if (!rc) fc_retain(t.buffer);
    pthread_mutex_unlock(&v->lock);
    if (rc) return rc;
    if (t.ndim < 1)
        rc = ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "variable '%s' is a scalar: it has no rows",
                            v->base.name);
    if (!rc) rc = fc_check_rows(ctx, indices, fc_dims(&t)[0]);
    if (!rc) {
        for (int d = 0; d < indices->ndim; d++) shape[ndim++] = fc_dims(indices)[d];
        for (int d = 1; d < t.ndim; d++) inner *= shape[ndim++] = fc_dims(&t)[d];
        rc = ctx->api->alloc(ctx, 0, t.dtype, ndim, shape);
        if (!rc && ctx->out[0].size) rc = fc_gather_rows(ctx, &t, indices, inner);
    }
    fc_release(t.buffer);
    return rc;
}

/* Of integers: zero is refused before anything is written. Integers are in host memory, other numbers are not
 * looked at. */
static int divides_by_zero(const fc_tensor *t) {
    int64_t item = fc_item_size(t->dtype);
    int integer = t->dtype == FC_INT8 || t->dtype == FC_UINT8 || t->dtype == FC_INT16 ||
                  t->dtype == FC_UINT16 || t->dtype == FC_INT32 || t->dtype == FC_UINT32 ||
                  t->dtype == FC_INT64 || t->dtype == FC_UINT64;
    static const char zero[8] = {0};
    for (int64_t i = 0; integer && i < t->size; i++)
        if (!memcmp((const char *)fc_data(t) + i * item, zero, (size_t)item)) return 1;
    return 0;
}

static int scatter(fc_ctx *ctx, int op) {
    int rc;
    fc_variable *v = fc_variable_at(ctx, 0, &rc);
    const fc_tensor *indices = ctx->in[1], *x = ctx->in[2];
    char a[128];
    if (!rc) rc = fc_expect_dtype(ctx, v, x->dtype);
    if (rc) return rc;
    if (op != FC_SCATTER_UPDATE && (x->dtype == FC_BOOL || !fc_is_plain(x->dtype)))
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT,
                              "the rows of variable '%s' of dtype %s can be replaced only", v->base.name,
                              fc_dtype_name(v->dtype));
    if ((op == FC_SCATTER_MIN || op == FC_SCATTER_MAX) &&
        (x->dtype == FC_COMPLEX64 || x->dtype == FC_COMPLEX128))
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "complex numbers have no order, so no %s either",
                              op == FC_SCATTER_MIN ? "least" : "greatest");
    if (op == FC_SCATTER_DIV && divides_by_zero(x))
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "Integer division by zero");
    fc_take_lock(ctx, &v->lock);
    rc = fc_initialized(ctx, v);
    if (!rc && v->value.ndim < 1)
        rc = ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "variable '%s' is a scalar: it has no rows",
                            v->base.name);
    int64_t inner = 1;
    for (int d = 1; !rc && d < v->value.ndim; d++) inner *= fc_dims(&v->value)[d];
    if (!rc && x->ndim) {
        int same = x->ndim == indices->ndim + v->value.ndim - 1 &&
                   !memcmp(fc_dims(x), fc_dims(indices), (size_t)indices->ndim * sizeof(int64_t)) &&
                   !memcmp(fc_dims(x) + indices->ndim, fc_dims(&v->value) + 1,
                           (size_t)(v->value.ndim - 1) * sizeof(int64_t));
        if (!same)
            rc = ctx->api->fail(
                ctx, FC_INVALID_ARGUMENT,
                "updates must have the shape of indices followed by that of a row of '%s', found %s",
                v->base.name, fc_shape_str(x, a, sizeof a));
    }
    if (!rc) rc = fc_check_rows(ctx, indices, fc_dims(&v->value)[0]);
    if (!rc) rc = fc_own_value(ctx, v);
    if (!rc && inner && indices->size) rc = fc_scatter_rows(ctx, &v->value, indices, x, inner, op);
    pthread_mutex_unlock(&v->lock);
    return rc;
}
static int scatter_update(fc_ctx *ctx) { return scatter(ctx, FC_SCATTER_UPDATE); }
static int scatter_add(fc_ctx *ctx) { return scatter(ctx, FC_SCATTER_ADD); }
static int scatter_sub(fc_ctx *ctx) { return scatter(ctx, FC_SCATTER_SUB); }
static int scatter_mul(fc_ctx *ctx) { return scatter(ctx, FC_SCATTER_MUL); }
static int scatter_div(fc_ctx *ctx) { return scatter(ctx, FC_SCATTER_DIV); }
static int scatter_min(fc_ctx *ctx) { return scatter(ctx, FC_SCATTER_MIN); }
static int scatter_max(fc_ctx *ctx) { return scatter(ctx, FC_SCATTER_MAX); }

#endif
