/* The optimisers' updates: one pass over variable, slots and gradient. Formulas: opencl_kernels/optimizers.def. */
#include <math.h>
#include <string.h>

#include "../../../opencl_kernels/optimizers.def"
#include "../_float16.h"
#include "variable.h"

typedef struct {
    void *data[3]; /* the variable, then its slots */
    const void *grad;
    double scalar[4];
    int flag;
} update;
typedef void (*update_fn)(void *arg, int64_t begin, int64_t end);

#define PASTE2(a, b) a##_##b
#define PASTE(a, b) PASTE2(a, b)
#define FN(name) PASTE(name, TYPE)
#define FC_SQRT sqrtf
#define TYPE float32
#define T float
#define C float
#define LOAD
#define STORE
#include "optimizer_rows.h"
#undef TYPE
#undef T
#undef LOAD
#undef STORE
#define TYPE float16
#define T fc_half
#define LOAD fc_from_half
#define STORE fc_to_half
#include "optimizer_rows.h"
#undef TYPE
#undef T
#undef LOAD
#undef STORE
#define TYPE bfloat16
#define T fc_bfloat16
#define LOAD fc_from_bfloat16
#define STORE fc_to_bfloat16
#include "optimizer_rows.h"
#undef TYPE
#undef T
#undef C
#undef LOAD
#undef STORE
#undef FC_SQRT
#define FC_SQRT sqrt
#define TYPE float64
#define T double
#define C double
#define LOAD
#define STORE
#include "optimizer_rows.h"

#define BY_FLOAT(dtype, name)                                                                                                   \
    ((dtype) == FC_FLOAT32 ? name##_float32 : (dtype) == FC_FLOAT64 ? name##_float64 : (dtype) == FC_FLOAT16 ? name##_float16   \
     : (dtype) == FC_BFLOAT16 ? name##_bfloat16 : NULL)

/* Input i as a number. */
static int scalar_at(fc_ctx *ctx, int i, const char *what, double *value) {
    const fc_tensor *t = ctx->in[i];
    char found[128];
    if (t->size != 1 || t->ndim != 0)
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "%s must be a scalar, found shape %s", what, fc_shape_str(t, found, sizeof found));
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
        if (known) return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "variable '%s' is given twice", v[i]->base.name);
        while (at < *count && order[at] < v[i]) at++;
        for (int k = (*count)++; k > at; k--) order[k] = order[k - 1];
        order[at] = v[i];
    }
    for (int k = 0; k < *count; k++) pthread_mutex_lock(&order[k]->lock);
    return FC_OK;
}

/* `n` variables at inputs 0..n-1, the gradient at input `grad`; with `indices` >= 0 its rows belong to those rows of the variables. */
static int apply(fc_ctx *ctx, int n, int grad, int indices, update_fn fn, update *u) {
    fc_variable *v[3], *order[3];
    int count, rc = lock_all(ctx, n, v, order, &count);
    const fc_tensor *g = ctx->in[grad];
    char a[128], b[128];
    if (rc) return rc;
    for (int i = 0; !rc && i < n; i++) {
        fc_tensor *t = &v[i]->value;
        rc = fc_initialized(ctx, v[i]);
        if (rc) break;
        if (t->dtype != g->dtype || !fn) rc = ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "variable '%s' and its gradient differ in dtype, or are not floating-point", v[i]->base.name);
        else if (i > 0 && (t->ndim != v[0]->value.ndim || memcmp(t->shape, v[0]->value.shape, (size_t)t->ndim * sizeof(int64_t))))
            rc = ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "'%s' has shape %s, its variable '%s' shape %s", v[i]->base.name, fc_shape_str(t, a, sizeof a),
                                v[0]->base.name, fc_shape_str(&v[0]->value, b, sizeof b));
        if (!rc) rc = fc_make_writable(ctx, v[i], 0);
        if (!rc) u->data[i] = fc_data(&v[i]->value);
    }
    fc_tensor *w = &v[0]->value;
    u->grad = fc_data(g);
    if (!rc && indices < 0) {
        if (g->ndim != w->ndim || memcmp(g->shape, w->shape, (size_t)w->ndim * sizeof(int64_t)))
            rc = ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "variable '%s' has shape %s and its gradient shape %s", v[0]->base.name, fc_shape_str(w, a, sizeof a),
                                fc_shape_str(g, b, sizeof b));
        else ctx->api->parallel_for(ctx, w->size, 32768, fn, u);
    } else if (!rc) {
        const fc_tensor *rows = ctx->in[indices];
        int64_t inner = 1, item = fc_item_size(w->dtype);
        for (int d = 1; d < w->ndim; d++) inner *= w->shape[d];
        if (w->ndim < 1 || rows->ndim != 1 || g->ndim != w->ndim || g->shape[0] != rows->shape[0] ||
            memcmp(g->shape + 1, w->shape + 1, (size_t)(w->ndim - 1) * sizeof(int64_t)))
            rc = ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "the rows of the gradient %s do not fit variable '%s' of shape %s", fc_shape_str(g, a, sizeof a),
                                v[0]->base.name, fc_shape_str(w, b, sizeof b));
        for (int64_t i = 0; !rc && i < rows->size; i++) {
            int64_t row = fc_int_at(rows, i);
            if (row < 0 || row >= w->shape[0])
                rc = ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "indices[%lld] = %lld is not in [0, %lld)", (long long)i, (long long)row, (long long)w->shape[0]);
        }
        for (int64_t i = 0; !rc && inner && i < rows->size; i++) {
            update part = *u;
            for (int k = 0; k < n; k++) part.data[k] = (char *)u->data[k] + fc_int_at(rows, i) * inner * item;
            part.grad = (const char *)u->grad + i * inner * item;
            fn(&part, 0, inner);
        }
    }
    for (int k = count - 1; k >= 0; k--) pthread_mutex_unlock(&order[k]->lock);
    return rc;
}

static int gradient_descent(fc_ctx *ctx) {
    update u = {0};
    int rc = scalar_at(ctx, 1, "alpha", &u.scalar[0]);
    return rc ? rc : apply(ctx, 1, 2, -1, BY_FLOAT(ctx->in[2]->dtype, gradient_descent), &u);
}
static int momentum(fc_ctx *ctx, int indices) {
    update u = {.flag = ctx->attrs[0].i != 0};
    int rc = scalar_at(ctx, 2, "lr", &u.scalar[0]);
    if (!rc) rc = scalar_at(ctx, indices < 0 ? 4 : 5, "momentum", &u.scalar[1]);
    return rc ? rc : apply(ctx, 2, 3, indices, BY_FLOAT(ctx->in[3]->dtype, momentum), &u);
}
static int dense_momentum(fc_ctx *ctx) { return momentum(ctx, -1); }
static int sparse_momentum(fc_ctx *ctx) { return momentum(ctx, 4); }

static int adam(fc_ctx *ctx) {
    update u = {.flag = ctx->attrs[0].i != 0};
    static const char *const names[6] = {"beta1_power", "beta2_power", "lr", "beta1", "beta2", "epsilon"};
    double s[6];
    for (int i = 0; i < 6; i++) {
        int rc = scalar_at(ctx, 3 + i, names[i], &s[i]);
        if (rc) return rc;
    }
    u.scalar[0] = s[2] * sqrt(1 - s[1]) / (1 - s[0]);
    memcpy(&u.scalar[1], &s[3], 3 * sizeof(double));
    return apply(ctx, 3, 9, -1, BY_FLOAT(ctx->in[9]->dtype, adam), &u);
}
static int dense_adagrad(fc_ctx *ctx) {
    update u = {0};
    int rc = scalar_at(ctx, 2, "lr", &u.scalar[0]);
    return rc ? rc : apply(ctx, 2, 3, -1, BY_FLOAT(ctx->in[3]->dtype, adagrad), &u);
}
static int sparse_adagrad(fc_ctx *ctx) {
    update u = {0};
    int rc = scalar_at(ctx, 2, "lr", &u.scalar[0]);
    return rc ? rc : apply(ctx, 2, 3, 4, BY_FLOAT(ctx->in[3]->dtype, adagrad), &u);
}
static int rmsprop(fc_ctx *ctx) {
    update u = {0};
    static const char *const names[4] = {"lr", "rho", "momentum", "epsilon"};
    for (int i = 0; i < 4; i++) {
        int rc = scalar_at(ctx, 3 + i, names[i], &u.scalar[i]);
        if (rc) return rc;
    }
    return apply(ctx, 3, 7, -1, BY_FLOAT(ctx->in[7]->dtype, rmsprop), &u);
}

static const fc_kernel_def defs[] = {
    {"ResourceApplyGradientDescent", "", "", FC_STATEFUL, 2, 0, gradient_descent},
    {"ResourceApplyMomentum", "", "use_nesterov", FC_STATEFUL, 20, 0, dense_momentum},
    {"ResourceSparseApplyMomentum", "", "use_nesterov", FC_STATEFUL, 36, 0, sparse_momentum},
    {"ResourceApplyAdam", "", "use_nesterov", FC_STATEFUL, 0x1f8, 0, adam},
    {"ResourceApplyAdagrad", "", "", FC_STATEFUL, 4, 0, dense_adagrad},
    {"ResourceSparseApplyAdagrad", "", "", FC_STATEFUL, 4, 0, sparse_adagrad},
    {"ResourceApplyRMSProp", "", "", FC_STATEFUL, 0x78, 0, rmsprop},
};
const fc_kernel_table fc_optimizer_kernels = {FC_ABI, "CPU", sizeof defs / sizeof defs[0], defs};
