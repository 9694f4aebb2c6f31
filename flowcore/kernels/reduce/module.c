/* The reductions as an extension module. */
#include "../_module.h"
#include "rows.h"

extern const fc_kernel_table fc_reduce_kernels, fc_cumulate_kernels;

static PyObject *find_row_loops(PyObject *self, PyObject *args) {
    const char *op;
    int dtype;
    (void)self;
    if (!PyArg_ParseTuple(args, "si", &op, &dtype)) return NULL;
    return PyLong_FromSsize_t((Py_ssize_t)fc_find_row_loops(op, dtype));
}

static PyMethodDef methods[] = {
    {"find_row_loops", find_row_loops, METH_VARARGS,
     "The address of the loops for rows of a reduction of a dtype (rows.h), 0 where there are none."},
    {NULL, NULL, 0, NULL},
};
static const fc_kernel_table *tables[] = {&fc_reduce_kernels, &fc_cumulate_kernels};
FC_KERNEL_MODULE(_reduce, tables, methods)
