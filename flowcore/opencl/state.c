/* Variables on the device: updates in place. Reading and assigning move no element and are the CPU's
 * (FC_ANY_DEVICE). */
#include "../kernels/_rows.h"
#include "../kernels/state/optimizer_ops.h"
#include "own_value.h"
#include "rows.h"

static int fc_run_update(fc_ctx *ctx, const fc_update *u, int n_variables, fc_variable **v,
                         const fc_tensor *g, const fc_tensor *rows) {
    static const struct {
        const char *name;
        int scalars, nesterov;
    } rules[] = {[FC_RULE_GRADIENT_DESCENT] = {"gradient_descent", 1, 0},
                 [FC_RULE_MOMENTUM] = {"momentum", 2, 1},
                 [FC_RULE_ADAM] = {"adam", 4, 1},
                 [FC_RULE_ADAGRAD] = {"adagrad", 1, 0},
                 [FC_RULE_RMSPROP] = {"rmsprop", 4, 0}};
    ocl_call call;
    ocl_row_table table = {0};
    int rc = rows ? fc_check_rows(ctx, rows, fc_dims(&v[0]->value)[0]) : FC_OK;
    if (!rc && rows) rc = ocl_sort_rows(ctx, rows, &table);
    if (!rc)
        rc = ocl_begin(&call, ctx, "optimizers", rules[u->rule].name, "T=%s ROWS=%d", ocl_type(g->dtype),
                       rows != NULL);
    if (!rc) {
        int64_t inner = rows ? g->size / fc_dims(g)[0] : 0, n = rows ? table.count * inner : g->size;
        for (int i = 0; i < n_variables; i++) ocl_tensor(&call, &v[i]->value);
        ocl_tensor(&call, g);
        if (rows) {
            ocl_tensor(&call, &table.table);
            ocl_long(&call, table.count);
        }
        ocl_long(&call, rows ? inner : n);
        for (int i = 0; i < rules[u->rule].scalars; i++) ocl_scalar(&call, g->dtype, u->scalar[i]);
        if (rules[u->rule].nesterov) ocl_bytes(&call, &u->flag, sizeof(int32_t));
        rc = ocl_run(&call, n);
    }
    fc_release(table.table.buffer);
    return rc;
}

static int assign_op(fc_ctx *ctx, const char *op) {
    int rc;
    fc_variable *v = fc_variable_at(ctx, 0, &rc);
    const fc_tensor *x = ctx->in[1];
    if (!rc) rc = fc_expect_dtype(ctx, v, x->dtype);
    if (rc) return rc;
    fc_take_lock(ctx, &v->lock);
    rc = fc_expect_addend(ctx, v, x);
    if (!rc) rc = fc_own_value(ctx, v);
    if (!rc && x->size) {
        ocl_call call;
        rc = ocl_begin(&call, ctx, "elementwise", "binary", "FORMULA=%s T=%s R=%s", op, ocl_type(x->dtype),
                       ocl_type(x->dtype));
        if (!rc) {
            ocl_tensor(&call, &v->value);
            ocl_tensor(&call, &v->value);
            ocl_tensor(&call, x);
            ocl_long(&call, x->size);
            ocl_long(&call, 1);
            ocl_long(&call, 1);
            rc = ocl_run(&call, x->size);
        }
    }
    pthread_mutex_unlock(&v->lock);
    return rc;
}
static int assign_add(fc_ctx *ctx) { return assign_op(ctx, "Add"); }
static int assign_sub(fc_ctx *ctx) { return assign_op(ctx, "Sub"); }

#define NUMBERS "dtype:float32,float64,float16,bfloat16,int8,int16,int32,int64,uint8,uint16,uint32,uint64"
#define FLOATS "T:float32,float64,float16,bfloat16"
static const fc_kernel_def defs[] = {
    {"AssignAddVariableOp", NUMBERS, "", FC_STATEFUL, 0, 0, assign_add},
    {"AssignSubVariableOp", NUMBERS, "", FC_STATEFUL, 0, 0, assign_sub},
    {"ResourceApplyGradientDescent", FLOATS, "", FC_STATEFUL, 2, 0, gradient_descent},
    {"ResourceApplyMomentum", FLOATS, "use_nesterov", FC_STATEFUL, 20, 0, dense_momentum},
    {"ResourceSparseApplyMomentum", FLOATS, "use_nesterov", FC_STATEFUL, 52, 0, sparse_momentum},
    {"ResourceApplyAdam", FLOATS, "use_nesterov", FC_STATEFUL, 0x1f8, 0, adam},
    {"ResourceApplyAdagrad", FLOATS, "", FC_STATEFUL, 4, 0, dense_adagrad},
    {"ResourceSparseApplyAdagrad", FLOATS, "", FC_STATEFUL, 20, 0, sparse_adagrad},
    {"ResourceApplyRMSProp", FLOATS, "", FC_STATEFUL, 0x78, 0, rmsprop},
};
const fc_kernel_table ocl_state_table = {FC_ABI, "GPU", sizeof defs / sizeof defs[0], defs};
