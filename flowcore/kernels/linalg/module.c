/* The linear-algebra kernels: matrix products and convolutions; and what flowcore/kernels/blas.py calls. */
#include "../_module.h"
#include "blas.h"
#include "gemm.h"

int fc_matmul(fc_ctx *ctx), fc_batch_matmul(fc_ctx *ctx), fc_batch_matmul_v2(fc_ctx *ctx);
fc_resource *fc_new_kept_filter(void);
int fc_conv2d(fc_ctx *ctx), fc_conv2d_backprop_input(fc_ctx *ctx), fc_conv2d_backprop_filter(fc_ctx *ctx);

#define NUMBERS "T:float16,bfloat16,float32,float64,int32,int64,complex64,complex128"
#define FLOATS "T:float16,bfloat16,float32,float64"
#define CONV_ATTRS "strides padding explicit_paddings data_format dilations"

static const fc_kernel_def defs[] = {
    {"MatMul", NUMBERS, "transpose_a transpose_b", FC_SYNC, 0, 0, fc_matmul},
    {"BatchMatMul", NUMBERS, "adj_x adj_y", FC_SYNC, 0, 0, fc_batch_matmul},
    {"BatchMatMulV2", NUMBERS, "adj_x adj_y", FC_SYNC, 0, 0, fc_batch_matmul_v2},
    {"Conv2D", FLOATS, CONV_ATTRS, FC_SYNC | FC_KEEPS_CONSTANT, 0, 0, fc_conv2d},
    {"Conv2DBackpropInput", FLOATS, CONV_ATTRS, FC_SYNC, 1, 0, fc_conv2d_backprop_input},
    {"Conv2DBackpropFilter", FLOATS, CONV_ATTRS, FC_SYNC, 2, 0, fc_conv2d_backprop_filter},
};
const fc_kernel_table fc_linalg_kernels = {FC_ABI, "CPU", sizeof defs / sizeof defs[0], defs};

/* set_blas(addresses of sgemm, dgemm, cgemm, zgemm or 0, whether integers have 64 bits): before any kernel
 * runs. */
static PyObject *set_blas(PyObject *self, PyObject *args) {
    unsigned long long address[4];
    void *gemm[4];
    int wide;
    (void)self;
    if (!PyArg_ParseTuple(args, "(KKKK)p:set_blas", &address[0], &address[1], &address[2], &address[3],
                          &wide))
        return NULL;
    for (int i = 0; i < 4; i++) gemm[i] = (void *)(uintptr_t)address[i];
    fc_blas_set(gemm, wide);
    Py_RETURN_NONE;
}

/* simd() -> name of the instruction set that the own kernels use. */
static PyObject *simd(PyObject *self, PyObject *args) {
    (void)self, (void)args;
    return PyUnicode_FromString(fc_gemm_float32()->name);
}

static PyObject *new_kept(PyObject *self, PyObject *args) {
    (void)self, (void)args;
    fc_resource *state = fc_new_kept_filter();
    return state ? PyCapsule_New(state, "flowcore.resource", NULL) : PyErr_NoMemory();
}

static PyMethodDef methods[] = {
    {"set_blas", set_blas, METH_VARARGS,
     "set_blas((sgemm, dgemm, cgemm, zgemm), wide): addresses of a CBLAS, 0 for own kernels."},
    {"simd", simd, METH_NOARGS,
     "The instruction set that the own kernels use: 'avx512', 'avx2', 'neon' or 'baseline'."},
    {"new_kept", new_kept, METH_NOARGS,
     "new_kept() -> capsule\n\nThe state of a node that keeps what it made of a constant. The engine's "
     "Resource owns it."},
    {NULL, NULL, 0, NULL},
};

static const fc_kernel_table *tables[] = {&fc_linalg_kernels};
FC_KERNEL_MODULE(_linalg, tables, methods)
