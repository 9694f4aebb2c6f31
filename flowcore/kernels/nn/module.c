/* The neural-network kernels: softmax and cross-entropies, pooling, bias. */
#include "../_module.h"

int fc_softmax(fc_ctx *ctx), fc_log_softmax(fc_ctx *ctx), fc_softmax_xent(fc_ctx *ctx),
    fc_sparse_softmax_xent(fc_ctx *ctx);
int fc_max_pool(fc_ctx *ctx), fc_max_pool_grad(fc_ctx *ctx), fc_max_pool_grad_grad(fc_ctx *ctx);
int fc_avg_pool(fc_ctx *ctx), fc_avg_pool_grad(fc_ctx *ctx);
int fc_bias_add(fc_ctx *ctx), fc_bias_add_grad(fc_ctx *ctx);

#define FLOATS "T:float16,bfloat16,float32,float64"
#define POOL_ATTRS "ksize strides padding data_format"
#define BIAS \
    "T:float16,bfloat16,float32,float64,int8,uint8,int16,uint16,int32,uint32,int64,uint64,complex64," \
    "complex128"

static const fc_kernel_def defs[] = {
    {"Softmax", FLOATS, "", FC_SYNC, 0, 0, fc_softmax},
    {"LogSoftmax", FLOATS, "", FC_SYNC, 0, 0, fc_log_softmax},
    {"SoftmaxCrossEntropyWithLogits", FLOATS, "", FC_SYNC, 0, 0, fc_softmax_xent},
    {"SparseSoftmaxCrossEntropyWithLogits", FLOATS, "", FC_SYNC, 0, 0, fc_sparse_softmax_xent},
    {"MaxPool", FLOATS, POOL_ATTRS, FC_SYNC, 0, 0, fc_max_pool},
    {"MaxPoolGrad", FLOATS, POOL_ATTRS, FC_SYNC, 0, 0, fc_max_pool_grad},
    {"MaxPoolGradGrad", FLOATS, POOL_ATTRS, FC_SYNC, 0, 0, fc_max_pool_grad_grad},
    {"AvgPool", FLOATS, POOL_ATTRS, FC_SYNC, 0, 0, fc_avg_pool},
    {"AvgPoolGrad", FLOATS, POOL_ATTRS, FC_SYNC, 1, 0, fc_avg_pool_grad},
    {"BiasAdd", BIAS, "data_format", FC_SYNC, 0, 0, fc_bias_add},
    {"BiasAddGrad", BIAS, "data_format", FC_SYNC, 0, 0, fc_bias_add_grad},
};
const fc_kernel_table fc_nn_kernels = {FC_ABI, "CPU", sizeof defs / sizeof defs[0], defs};

static const fc_kernel_table *tables[] = {&fc_nn_kernels};
FC_KERNEL_MODULE(_nn, tables, NULL)
