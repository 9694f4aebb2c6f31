/* The Python face of this unit: opening devices. Devices live as long as the process. */
#include "../kernels/_module.h"
#include "build.h"
#include "device.h"

cl_program ocl_build(void *build, const char *file, const char *options, char *text, size_t size) {
    PyGILState_STATE gil = PyGILState_Ensure();
    PyObject *result = PyObject_CallFunction(build, "ss", file, options);
    void *program = result ? PyLong_AsVoidPtr(result) : NULL;
    if (PyErr_Occurred()) {
        PyObject *type, *value, *trace;
        PyErr_Fetch(&type, &value, &trace);
        PyObject *message = value ? PyObject_Str(value) : NULL;
        const char *utf8 = message ? PyUnicode_AsUTF8(message) : NULL;
        snprintf(text, size, "%s", utf8 ? utf8 : "building an OpenCL program failed");
        PyErr_Clear();
        Py_XDECREF(message);
        Py_XDECREF(type);
        Py_XDECREF(value);
        Py_XDECREF(trace);
        program = NULL;
    }
    Py_XDECREF(result);
    PyGILState_Release(gil);
    return program;
}

static PyObject *load(PyObject *module, PyObject *arg) {
    (void)module;
    const char *path = PyUnicode_AsUTF8(arg);
    if (!path) return NULL;
    const char *missing = fc_cl_load(path);
    if (missing)
        return PyErr_Format(PyExc_ImportError, "the OpenCL loader that pyopencl uses lacks %s", missing);
    Py_RETURN_NONE;
}

static PyObject *open_device(PyObject *module, PyObject *args, PyObject *keywords) {
    static char *names[] = {"name",         "context",      "device",    "build",           "is_cpu",
                            "wide_items",   "units",        "max_group", "local_memory",    "max_buffer",
                            "memory_limit", "vector_bytes", "is_serial", "share_alignment", NULL};
    const char *name;
    unsigned long long context, id;
    PyObject *build;
    int is_cpu, wide_items, is_serial;
    long long units, max_group, local_memory, max_buffer, memory_limit, vector_bytes, share_alignment;
    cl_int error;
    (void)module;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "sKKOppLLLLLLpL", names, &name, &context, &id, &build,
                                     &is_cpu, &wide_items, &units, &max_group, &local_memory, &max_buffer,
                                     &memory_limit, &vector_bytes, &is_serial, &share_alignment))
        return NULL;
    if (!cl.clFinish) return PyErr_Format(PyExc_RuntimeError, "load() comes first");
    ocl_device *d = ocl_open(name, (cl_context)(uintptr_t)context, (cl_device_id)(uintptr_t)id, &error);
    if (!d) return PyErr_Format(PyExc_RuntimeError, "no command queue on %s: %s", name, fc_cl_error(error));
    Py_INCREF(build);
    d->build = build;
    d->is_cpu = is_cpu;
    d->is_serial = is_serial;
    d->wide_items = wide_items;
    d->units = units;
    d->max_group = max_group;
    d->local_memory = local_memory;
    d->max_buffer = max_buffer;
    d->memory_limit = memory_limit;
    d->vector_bytes = vector_bytes;
    d->share_alignment = share_alignment;
    return PyCapsule_New(d, "flowcore.device", NULL);
}

static PyObject *counters(PyObject *module, PyObject *capsule) {
    (void)module;
    ocl_device *d = PyCapsule_GetPointer(capsule, "flowcore.device");
    if (!d) return NULL;
    pthread_mutex_lock(&d->lock);
    long long live = d->bytes_live, idle = d->bytes_idle, buffers = d->buffers, pinned = d->n_pinned,
              launches = d->launches;
    pthread_mutex_unlock(&d->lock);
    return Py_BuildValue("{s:L,s:L,s:L,s:L,s:L,s:L,s:L}", "bytes_live", live, "bytes_idle", idle, "buffers",
                         buffers, "pinned", pinned, "launches", launches, "copies",
                         (long long)__atomic_load_n(&d->copies, __ATOMIC_RELAXED), "shared",
                         (long long)__atomic_load_n(&d->shared, __ATOMIC_RELAXED));
}

static PyObject *set_memory_limit(PyObject *module, PyObject *args) {
    PyObject *capsule;
    long long bytes;
    (void)module;
    if (!PyArg_ParseTuple(args, "OL:set_memory_limit", &capsule, &bytes)) return NULL;
    ocl_device *d = PyCapsule_GetPointer(capsule, "flowcore.device");
    if (!d) return NULL;
    pthread_mutex_lock(&d->lock);
    d->memory_limit = bytes;
    pthread_mutex_unlock(&d->lock);
    Py_RETURN_NONE;
}

static PyObject *set_tiles(PyObject *module, PyObject *args) {
    PyObject *capsule;
    int rows, vectors, side;
    (void)module;
    if (!PyArg_ParseTuple(args, "Oiii:set_tiles", &capsule, &rows, &vectors, &side)) return NULL;
    ocl_device *d = PyCapsule_GetPointer(capsule, "flowcore.device");
    if (!d) return NULL;
    if (rows < 0 || rows > 16 || (vectors && vectors != 2 && vectors != 4) ||
        (side && side != 8 && side != 16) || (int64_t)side * side > d->max_group)
        return PyErr_Format(PyExc_ValueError,
                            "no kernel has tiles of %d rows, %d vectors, side %d on this device", rows,
                            vectors, side);
    d->tile_rows = rows, d->tile_vectors = vectors, d->tile_side = side;
    Py_RETURN_NONE;
}

static PyObject *fail_next_copy(PyObject *module, PyObject *code) {
    (void)module;
    long value = PyLong_AsLong(code);
    if (value == -1 && PyErr_Occurred()) return NULL;
    ocl_fail_next_copy((int)value);
    Py_RETURN_NONE;
}

static PyObject *new_constant(PyObject *module, PyObject *nothing) {
    (void)module, (void)nothing;
    fc_resource *state = ocl_new_constant();
    return state ? PyCapsule_New(state, "flowcore.resource", NULL) : PyErr_NoMemory();
}

static PyObject *divisor(PyObject *module, PyObject *args) {
    long long size, most;
    (void)module;
    return PyArg_ParseTuple(args, "LL:divisor", &size, &most) ? PyLong_FromLongLong(ocl_divisor(size, most))
                                                              : NULL;
}

static PyMethodDef methods[] = {
    {"load", load, METH_O,
     "load(path)\n\nTakes the OpenCL functions from the loaded library at `path`. Raises ImportError where "
     "one is missing."},
    {"open_device", (PyCFunction)(void (*)(void))open_device, METH_VARARGS | METH_KEYWORDS,
     "open_device(...) -> capsule\n\nA queue and a memory pool on a device."},
    {"counters", counters, METH_O,
     "counters(capsule) -> dict\n\nBytes in use and kept, buffers of the driver that they lie in, pinned "
     "blocks of the host, launches, copies, values that changed hands without one."},
    {"set_memory_limit", set_memory_limit, METH_VARARGS,
     "set_memory_limit(capsule, bytes)\n\nThe most that may be in use; what is in use already stays."},
    {"set_tiles", set_tiles, METH_VARARGS,
     "set_tiles(capsule, rows, vectors, side)\n\nThe tiles of matrix products, 0 for those chosen by the "
     "device's limits. Raises ValueError for others than gemm.cl has."},
    {"new_constant", new_constant, METH_NOARGS,
     "new_constant() -> capsule\n\nThe state of a node _ConstantToDevice. The engine's Resource owns it."},
    {"fail_next_copy", fail_next_copy, METH_O,
     "fail_next_copy(code)\n\nFor tests: the next copy that a node waits for reports this OpenCL error."},
    {"divisor", divisor, METH_VARARGS,
     "divisor(size, most) -> int\n\nWhat fc_quotient of prelude.cl divides numbers below `most` by `size` "
     "with; 0: it divides."},
    {NULL, NULL, 0, NULL}};

static const fc_kernel_table *const tables[] = {&ocl_copy_table,  &ocl_elementwise_table,   &ocl_fused_table,
                                                &ocl_state_table, &ocl_variable_rows_table, &ocl_reduce_table,
                                                &ocl_arg_table,   &ocl_cumulate_table,      &ocl_nn_table,
                                                &ocl_index_table, &ocl_random_table,        &ocl_matmul_table,
                                                &ocl_conv_table,  &ocl_pool_table};
FC_KERNEL_MODULE(_opencl, tables, methods)
