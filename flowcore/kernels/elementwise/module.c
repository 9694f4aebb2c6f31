/* The elementwise unit as an extension module. */
#include "../_module.h"
#include "loops.h"

extern const fc_kernel_table fc_cast_kernels, fc_select_kernels, fc_string_kernels, fc_fused_kernels;
#define GROUP_TABLE(name) &fc_##name##_formulas.kernels,

static PyObject *find_formula(PyObject *self, PyObject *args) {
    const char *op;
    int dtype;
    (void)self;
    if (!PyArg_ParseTuple(args, "si", &op, &dtype)) return NULL;
    return PyLong_FromLong(fc_find_formula(op, dtype));
}

static PyMethodDef methods[] = {
    {"find_formula", find_formula, METH_VARARGS,
     "The number of the formula for an op of a dtype, -1 where there is none."},
    {NULL, NULL, 0, NULL},
};
static const fc_kernel_table *tables[] = {&fc_cast_kernels, &fc_select_kernels, &fc_string_kernels,
                                          &fc_fused_kernels, FC_FORMULA_GROUPS(GROUP_TABLE)};
FC_KERNEL_MODULE(_elementwise, tables, methods)
