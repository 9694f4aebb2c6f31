/* The optimisers' updates: one pass over variable, slots and gradient. Formulas:
 * opencl_kernels/optimizers.def. */
#include "../../../opencl_kernels/optimizers.def"
#include "../_rows.h"
#include "optimizer_ops.h"

typedef struct {
    void *data[3]; /* the variable, then its slots */
    const void *grad;
    const double *scalar;
    int flag;
} update;
typedef void (*update_fn)(void *arg, int64_t begin, int64_t end);

#define FC_SQRT(x) _Generic((x), float: sqrtf, double: sqrt)(x)
#define FC_TEMPLATE "state/optimizer_rows.h"
#define FC_TEMPLATE_FLOATS
#include "../_each_type.h"

static update_fn loop_for(int rule, int dtype) {
#define BY_TYPE(name) \
    (dtype == FC_FLOAT32   ? name##_FLOAT32 \
     : dtype == FC_FLOAT64 ? name##_FLOAT64 \
     : dtype == FC_FLOAT16 ? name##_FLOAT16 \
                           : name##_BFLOAT16)
    switch (rule) {
    case FC_RULE_GRADIENT_DESCENT: return BY_TYPE(gradient_descent);
    case FC_RULE_MOMENTUM: return BY_TYPE(momentum);
    case FC_RULE_ADAM: return BY_TYPE(adam);
    case FC_RULE_ADAGRAD: return BY_TYPE(adagrad);
    default: return BY_TYPE(rmsprop);
    }
}

static int fc_own_value(fc_ctx *ctx, fc_variable *v) { return fc_make_writable(ctx, v, 0); }

static int fc_run_update(fc_ctx *ctx, const fc_update *u, int n, fc_variable **v, const fc_tensor *g,
                         const fc_tensor *rows) {
    const fc_tensor *w = &v[0]->value;
    update all = {.grad = fc_data(g), .scalar = u->scalar, .flag = u->flag};
    update_fn fn = loop_for(u->rule, w->dtype);
    for (int k = 0; k < n; k++) all.data[k] = fc_data(&v[k]->value);
    if (!rows) {
        ctx->api->parallel_for(ctx, w->size, 32768, fn, &all);
        return FC_OK;
    }
    int64_t inner = g->size / fc_dims(g)[0], item = fc_item_size(w->dtype);
    int rc = fc_check_rows(ctx, rows, fc_dims(w)[0]);
    if (rc) return rc;
    for (int64_t i = 0; i < rows->size; i++) {
        update part = all;
        for (int k = 0; k < n; k++) part.data[k] = (char *)all.data[k] + fc_int_at(rows, i) * inner * item;
        part.grad = (const char *)all.grad + i * inner * item;
        fn(&part, 0, inner);
    }
    return FC_OK;
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
