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

/* Copies the declared shape, sizes with -1 or None; -1 with an exception set. */
static int read_shape(fc_variable *v, PyObject *shape) {
    if (shape == Py_None) return 0;
    PyObject *sizes = PySequence_Fast(shape, "the shape of a variable must be a list of sizes");
    if (!sizes) return -1;
    Py_ssize_t ndim = PySequence_Fast_GET_SIZE(sizes);
    if (ndim > FC_MAX_DIMS)
        PyErr_Format(PyExc_ValueError, "shape has %zd dimensions; a tensor has at most %d", ndim,
                     FC_MAX_DIMS);
    for (Py_ssize_t d = 0; d < ndim && !PyErr_Occurred(); d++) {
        v->shape[d] = PyLong_AsLongLong(PySequence_Fast_GET_ITEM(sizes, d));
        if (v->shape[d] < -1 && !PyErr_Occurred())
            PyErr_Format(PyExc_ValueError,
                         "shape[%zd] is %lld; a size is at least 0, or -1 where it is unknown", d,
                         (long long)v->shape[d]);
    }
    Py_DECREF(sizes);
    if (PyErr_Occurred()) return -1;
    v->ndim = (int)ndim;
    return 0;
}

static int read_attributes(fc_variable *v, PyObject *attrs) {
    PyObject *dtype = PyMapping_GetItemString(attrs, "dtype"),
             *shape = dtype ? PyMapping_GetItemString(attrs, "shape") : NULL;
    int rc = -1;
    if (shape) {
        long number = PyLong_AsLong(dtype);
        if (number < 0 || number >= FC_NUM_DTYPES || !fc_item_size((int)number)) {
            if (!PyErr_Occurred())
                PyErr_Format(PyExc_ValueError, "dtype is %ld, which is no dtype of tensors", number);
        } else {
            v->dtype = (int)number;
            rc = read_shape(v, shape);
        }
    }
    Py_XDECREF(dtype);
    Py_XDECREF(shape);
    return rc;
}

/* (name, {"dtype": number, "shape": sizes with -1, or None}) -> capsule. */
static PyObject *create_variable(PyObject *module, PyObject *args) {
    const char *name;
    PyObject *attrs, *result = NULL;
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
    if (!v->base.name) PyErr_NoMemory();
    else if (!read_attributes(v, attrs)) result = PyCapsule_New(v, FC_RESOURCE_CAPSULE, NULL);
    if (!result) destroy(&v->base);
    return result;
}

static PyMethodDef methods[] = {{"create_VarHandleOp", create_variable, METH_VARARGS, NULL},
                                {NULL, NULL, 0, NULL}};
static const fc_kernel_table *tables[] = {&fc_variable_kernels, &fc_optimizer_kernels};
FC_KERNEL_MODULE(_state, tables, methods)
