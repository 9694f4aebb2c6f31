/* Rows of variables on the device: ResourceGather, the ResourceScatter ops. */
#include "own_value.h"
#include "rows.h"

#include "../kernels/state/row_ops.h"

static int fc_gather_rows(fc_ctx *ctx, const fc_tensor *value, const fc_tensor *indices, int64_t inner) {
    return ocl_gather(ctx, &ctx->out[0], value, indices->dtype, indices->size, fc_data(indices), 1,
                      fc_dims(value)[0], inner);
}

static int fc_scatter_rows(fc_ctx *ctx, const fc_tensor *value, const fc_tensor *indices, const fc_tensor *x,
                           int64_t inner, int op) {
    static const char *const ops[] = {[FC_SCATTER_UPDATE] = "Update", [FC_SCATTER_ADD] = "Add",
                                      [FC_SCATTER_SUB] = "Sub",       [FC_SCATTER_MUL] = "Mul",
                                      [FC_SCATTER_DIV] = "Div",       [FC_SCATTER_MIN] = "Min",
                                      [FC_SCATTER_MAX] = "Max"};
    fc_tensor from = *x;
    if (!x->size) return FC_OK;
    int in_host_memory = x->buffer->device != ctx->device;
    if (in_host_memory) {
        int rc = ocl_upload(ctx, x->dtype, x->size, fc_data(x), &from);
        if (rc) return rc;
        fc_set_dims(&from, x->ndim, fc_dims(x));
    }
    int rc = ocl_scatter(ctx, ops[op], value, &from, indices, inner);
    if (in_host_memory) fc_release(from.buffer);
    return rc;
}

#define FLOATS "float32,float64,float16,bfloat16"
#define INTEGERS "int8,int16,int32,int64,uint8,uint16,uint32,uint64"
#define NUMBERS "dtype:" FLOATS "," INTEGERS
static const fc_kernel_def defs[] = {
    {"ResourceGather", "", "dtype", FC_STATEFUL, 2, 0, resource_gather},
    {"ResourceScatterUpdate", NUMBERS ",bool", "", FC_STATEFUL, 2, 0, scatter_update},
    {"ResourceScatterAdd", NUMBERS, "", FC_STATEFUL, 2, 0, scatter_add},
    {"ResourceScatterSub", NUMBERS, "", FC_STATEFUL, 2, 0, scatter_sub},
    {"ResourceScatterMul", NUMBERS, "", FC_STATEFUL, 2, 0, scatter_mul},
    {"ResourceScatterDiv", "dtype:" FLOATS, "", FC_STATEFUL, 2, 0, scatter_div},
    {"ResourceScatterDiv", "dtype:" INTEGERS, "", FC_STATEFUL, 6, 0, scatter_div},
    {"ResourceScatterMin", NUMBERS, "", FC_STATEFUL, 2, 0, scatter_min},
    {"ResourceScatterMax", NUMBERS, "", FC_STATEFUL, 2, 0, scatter_max},
};
const fc_kernel_table ocl_variable_rows_table = {FC_ABI, "GPU", sizeof defs / sizeof defs[0], defs};
