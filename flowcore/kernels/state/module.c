/* The state kernels as an extension module, and the factory of variables. */
#include "../_module.h"

#include <stdlib.h>
#include <string.h>

#include "variable.h"

extern const fc_kernel_table fc_variable_kernels, fc_optimizer_kernels;

static void destroy(fc_resource *self) {
    fc_variable *v = (fc_variable *)self;
    if (v->value.ndim >= 0) fc_release(v->value.buffer);
    pthread_mutex_destroy(&v->lock);
    free((char *)self->name);
    free(v);
}

/* (name, {"dtype": number, "shape": sizes with -1, or None}) -> capsule. */
static PyObject *create_variable(PyObject *module, PyObject *args) {
    const char *name;
    PyObject *attrs, *dtype = NULL, *shape = NULL, *result = NULL;
    (void)module;
    if (!PyArg_ParseTuple(args, "sO", &name, &attrs)) return NULL;
    fc_variable *v = calloc(1, sizeof(fc_variable));
    if (!v) return PyErr_NoMemory();
    v->base.refs = 1;
    v->base.kind = FC_RES_VARIABLE;
    v->base.destroy = destroy;
    v->base.name = strdup(name);
    v->value.ndim = v->ndim = -1;
    pthread_mutex_init(&v->lock, NULL);
    dtype = PyMapping_GetItemString(attrs, "dtype");
    shape = dtype ? PyMapping_GetItemString(attrs, "shape") : NULL;
    if (shape) {
        v->dtype = (int)PyLong_AsLong(dtype);
        if (shape != Py_None) {
            PyObject *sizes = PySequence_Fast(shape, "shape must be a list");
            v->ndim = sizes ? (int)PySequence_Fast_GET_SIZE(sizes) : 0;
            if (v->ndim > FC_MAX_DIMS)
                PyErr_SetString(PyExc_ValueError, "a variable has too many dimensions");
            for (int d = 0; sizes && d < v->ndim && !PyErr_Occurred(); d++)
                v->shape[d] = PyLong_AsLongLong(PySequence_Fast_GET_ITEM(sizes, d));
            Py_XDECREF(sizes);
        }
        if (!PyErr_Occurred()) result = PyCapsule_New(v, FC_RESOURCE_CAPSULE, NULL);
    }
    Py_XDECREF(dtype);
    Py_XDECREF(shape);
    if (!result) destroy(&v->base);
    return result;
}

static PyMethodDef methods[] = {{"create_VarHandleOp", create_variable, METH_VARARGS, NULL},
                                {NULL, NULL, 0, NULL}};
static const fc_kernel_table *tables[] = {&fc_variable_kernels, &fc_optimizer_kernels};
FC_KERNEL_MODULE(_state, tables, methods)
