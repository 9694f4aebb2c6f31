/* The optimisers' ops, but for their loops: arguments, locks, checks. Included by the unit of each device,
 * which provides the two functions declared below. Formulas: opencl_kernels/optimizers.def. */
#ifndef FLOWCORE_OPTIMIZER_OPS_H
#define FLOWCORE_OPTIMIZER_OPS_H

#include <math.h>
#include <string.h>

#include "../_float16.h"
#include "variable.h"

enum { FC_RULE_GRADIENT_DESCENT, FC_RULE_MOMENTUM, FC_RULE_ADAM, FC_RULE_ADAGRAD, FC_RULE_RMSPROP };

typedef struct {
    int rule, flag;   /* flag: Nesterov's form */
    double scalar[4]; /* in the order of the formula's arguments */
} fc_update;

/* Under the locks: makes the variable's buffer its own, to be written to. */
static int fc_own_value(fc_ctx *ctx, fc_variable *v);
/* Under the locks: the loop. `rows`: which rows of the variables those of `g` belong to, or NULL. */
static int fc_run_update(fc_ctx *ctx, const fc_update *u, int n, fc_variable **v, const fc_tensor *g,
                         const fc_tensor *rows);

/* Input i as a number. */
static int scalar_at(fc_ctx *ctx, int i, const char *what, double *value) {
    const fc_tensor *t = ctx->in[i];
    char found[128];
    if (t->size != 1 || t->ndim != 0)
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "%s must be a scalar, found shape %s", what,
                              fc_shape_str(t, found, sizeof found));
    switch (t->dtype) {
    case FC_FLOAT32: *value = *FC_IN(ctx, i, float); return FC_OK;
    case FC_FLOAT64: *value = *FC_IN(ctx, i, double); return FC_OK;
    case FC_FLOAT16: *value = fc_from_half(*FC_IN(ctx, i, fc_half)); return FC_OK;
    case FC_BFLOAT16: *value = fc_from_bfloat16(*FC_IN(ctx, i, fc_bfloat16)); return FC_OK;
    default: return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "%s must be a floating-point number", what);
    }
}

/* Locks the variables at inputs 0 .. n-1 in the order of their addresses, each once. */
static int lock_all(fc_ctx *ctx, int n, fc_variable **v, fc_variable **order, int *count) {
    int rc;
    *count = 0;
    for (int i = 0; i < n; i++) {
        v[i] = fc_variable_at(ctx, i, &rc);
        if (rc) return rc;
        int at = 0, known = 0;
        for (int k = 0; k < *count; k++) known |= order[k] == v[i];
        if (known)
            return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "variable '%s' is given twice", v[i]->base.name);
        while (at < *count && order[at] < v[i]) at++;
        for (int k = (*count)++; k > at; k--) order[k] = order[k - 1];
        order[at] = v[i];
    }
    for (int k = 0; k < *count; k++) fc_take_lock(ctx, &order[k]->lock);
    return FC_OK;
}

/* Applies rule `u` to `n` variables at inputs 0..n-1 and the gradient at input `grad`; with `indices` >= 0
 * its rows belong to those rows of the variables. */
static int apply(fc_ctx *ctx, int n, int grad, int indices, const fc_update *u) {
    fc_variable *v[3], *order[3];
    int count, rc = lock_all(ctx, n, v, order, &count);
    const fc_tensor *g = ctx->in[grad], *rows = indices < 0 ? NULL : ctx->in[indices];
    char a[128], b[128];
    if (rc) return rc;
    for (int i = 0; !rc && i < n; i++) {
        fc_tensor *t = &v[i]->value;
        rc = fc_initialized(ctx, v[i]);
        if (rc) break;
        if (t->dtype != g->dtype || (t->dtype != FC_FLOAT32 && t->dtype != FC_FLOAT64 &&
                                     t->dtype != FC_FLOAT16 && t->dtype != FC_BFLOAT16))
            rc = ctx->api->fail(ctx, FC_INVALID_ARGUMENT,
                                "variable '%s' and its gradient differ in dtype, or are not floating-point",
                                v[i]->base.name);
        else if (i > 0 && !fc_same_shape(t, &v[0]->value))
            rc = ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "'%s' has shape %s, its variable '%s' shape %s",
                                v[i]->base.name, fc_shape_str(t, a, sizeof a), v[0]->base.name,
                                fc_shape_str(&v[0]->value, b, sizeof b));
        else if (t->buffer && t->buffer->device != ctx->device)
            rc = ctx->api->fail(ctx, FC_INVALID_ARGUMENT,
                                "variable '%s' lives on %s and this update runs on %s; create its slots "
                                "under the same device",
                                v[i]->base.name, t->buffer->device->name, ctx->device->name);
        if (!rc) rc = fc_own_value(ctx, v[i]);
    }
    const fc_tensor *w = &v[0]->value;
    if (!rc && !rows && !fc_same_shape(g, w))
        rc = ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "variable '%s' has shape %s and its gradient shape %s",
                            v[0]->base.name, fc_shape_str(w, a, sizeof a), fc_shape_str(g, b, sizeof b));
    if (!rc && rows &&
        (w->ndim < 1 || rows->ndim != 1 || g->ndim != w->ndim || fc_dims(g)[0] != fc_dims(rows)[0] ||
         memcmp(fc_dims(g) + 1, fc_dims(w) + 1, (size_t)(w->ndim - 1) * sizeof(int64_t))))
        rc = ctx->api->fail(ctx, FC_INVALID_ARGUMENT,
                            "the rows of the gradient %s do not fit variable '%s' of shape %s",
                            fc_shape_str(g, a, sizeof a), v[0]->base.name, fc_shape_str(w, b, sizeof b));
    if (!rc && g->size) rc = fc_run_update(ctx, u, n, v, g, rows);
    for (int k = count - 1; k >= 0; k--) pthread_mutex_unlock(&order[k]->lock);
    return rc;
}

static int apply_rule(fc_ctx *ctx, int n, int grad, int indices, int rule, fc_update *u) {
    u->rule = rule;
    return apply(ctx, n, grad, indices, u);
}

/* Half precision rounds the usual epsilons, 1e-8 and 1e-10, and squares of small gradients to zero, and a
 * step would be divided by nothing. So epsilon is at least the root of the least number that a second moment
 * can hold (`squared`: that number itself). */
static double least_epsilon(const fc_tensor *epsilon, double value, int squared) {
    const double least = squared ? 0x1p-24 : 0x1p-12;
    return epsilon->dtype == FC_FLOAT16 && value < least ? least : value;
}

static int gradient_descent(fc_ctx *ctx) {
    fc_update u = {0};
    int rc = scalar_at(ctx, 1, "alpha", &u.scalar[0]);
    return rc ? rc : apply_rule(ctx, 1, 2, -1, FC_RULE_GRADIENT_DESCENT, &u);
}
static int momentum(fc_ctx *ctx, int indices) {
    fc_update u = {.flag = ctx->attrs[0].i != 0};
    int rc = scalar_at(ctx, 2, "lr", &u.scalar[0]);
    if (!rc) rc = scalar_at(ctx, indices < 0 ? 4 : 5, "momentum", &u.scalar[1]);
    return rc ? rc : apply_rule(ctx, 2, 3, indices, FC_RULE_MOMENTUM, &u);
}
static int dense_momentum(fc_ctx *ctx) { return momentum(ctx, -1); }
static inline int sparse_momentum(fc_ctx *ctx) { return momentum(ctx, 4); }

static int adam(fc_ctx *ctx) {
    fc_update u = {.flag = ctx->attrs[0].i != 0};
    static const char *const names[6] = {"beta1_power", "beta2_power", "lr", "beta1", "beta2", "epsilon"};
    double s[6];
    for (int i = 0; i < 6; i++) {
        int rc = scalar_at(ctx, 3 + i, names[i], &s[i]);
        if (rc) return rc;
    }
    u.scalar[0] = s[2] * sqrt(1 - s[1]) / (1 - s[0]);
    memcpy(&u.scalar[1], &s[3], 3 * sizeof(double));
    u.scalar[3] = least_epsilon(ctx->in[8], u.scalar[3], 0);
    return apply_rule(ctx, 3, 9, -1, FC_RULE_ADAM, &u);
}
static int dense_adagrad(fc_ctx *ctx) {
    fc_update u = {0};
    int rc = scalar_at(ctx, 2, "lr", &u.scalar[0]);
    return rc ? rc : apply_rule(ctx, 2, 3, -1, FC_RULE_ADAGRAD, &u);
}
static inline int sparse_adagrad(fc_ctx *ctx) {
    fc_update u = {0};
    int rc = scalar_at(ctx, 2, "lr", &u.scalar[0]);
    return rc ? rc : apply_rule(ctx, 2, 3, 4, FC_RULE_ADAGRAD, &u);
}
static int rmsprop(fc_ctx *ctx) {
    fc_update u = {0};
    static const char *const names[4] = {"lr", "rho", "momentum", "epsilon"};
    for (int i = 0; i < 4; i++) {
        int rc = scalar_at(ctx, 3 + i, names[i], &u.scalar[i]);
        if (rc) return rc;
    }
    u.scalar[3] = least_epsilon(ctx->in[6], u.scalar[3], 1);
    return apply_rule(ctx, 3, 7, -1, FC_RULE_RMSPROP, &u);
}

#endif
