/* Makes a plain C kernel unit importable: a module whose KERNELS is a capsule around its kernel table(s). */
#ifndef FLOWCORE_KERNEL_MODULE_H
#define FLOWCORE_KERNEL_MODULE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "../_kernel.h"

#define FC_KERNEL_CAPSULE "flowcore.kernel_table"
#define FC_RESOURCE_CAPSULE "flowcore.resource"

/* `tables`: an array of `const fc_kernel_table *`; `methods`: PyMethodDef array or NULL. */
#define FC_KERNEL_MODULE(name, tables, methods) \
    static struct PyModuleDef fc_module_def = { \
        PyModuleDef_HEAD_INIT, #name, NULL, -1, methods, NULL, NULL, NULL, NULL}; \
    PyMODINIT_FUNC PyInit_##name(void) { \
        PyObject *module = PyModule_Create(&fc_module_def); \
        PyObject *list = module ? PyList_New(0) : NULL; \
        size_t count = sizeof(tables) / sizeof(tables[0]); \
        for (size_t i = 0; list && i < count; i++) { \
            PyObject *capsule = PyCapsule_New((void *)tables[i], FC_KERNEL_CAPSULE, NULL); \
            if (!capsule || PyList_Append(list, capsule) < 0) Py_CLEAR(list); \
            Py_XDECREF(capsule); \
        } \
        if (!list || PyModule_AddObject(module, "KERNELS", list) < 0) { \
            Py_XDECREF(list); \
            Py_XDECREF(module); \
            return NULL; \
        } \
        return module; \
    }

#endif
