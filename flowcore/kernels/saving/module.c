/* The kernels of checkpoints as an extension module, and what Python asks of a file by itself: which tensors
 * a checkpoint has, and their values. The GIL is released while files are read.
 */
#include "../_module.h"

#include "checkpoint.h"
#include "crc32c.h"
#include "snappy.h"

#define READER "flowcore.checkpoint"
extern const fc_kernel_table fc_saving_kernels;

/* What fails is returned, not raised: (status, message). Python makes it the exception of that status. */
static PyObject *report(const fc_work *w) {
    PyObject *text = PyUnicode_DecodeUTF8(w->text, (Py_ssize_t)strlen(w->text), "replace");
    return text ? Py_BuildValue("(iN)", w->status, text) : NULL;
}

static fc_checkpoint *checkpoint_of(PyObject *capsule) { return PyCapsule_GetPointer(capsule, READER); }

static void release_reader(PyObject *capsule) {
    fc_checkpoint *c = checkpoint_of(capsule);
    fc_close_checkpoint(c);
    free(c);
}

static PyObject *open_reader(PyObject *module, PyObject *arg) {
    char *prefix, path[FC_PREFIX_MAX];
    Py_ssize_t size;
    fc_work w = {0};
    (void)module;
    if (PyBytes_AsStringAndSize(arg, &prefix, &size)) return NULL;
    fc_checkpoint *c = malloc(sizeof *c);
    if (!c) return PyErr_NoMemory();
    Py_BEGIN_ALLOW_THREADS if (!fc_as_path(&w, (fc_bytes){prefix, size}, path))
        fc_open_checkpoint(&w, path, c);
    Py_END_ALLOW_THREADS PyObject *capsule = w.status ? NULL : PyCapsule_New(c, READER, release_reader);
    if (!capsule) free(c);
    return w.status ? report(&w) : capsule;
}

static PyObject *list_extents(const fc_entry *e) {
    PyObject *parts = PyList_New(e->n_parts);
    for (int64_t i = 0; parts && i < e->n_parts; i++) {
        PyObject *part = PyTuple_New(e->ndim);
        for (int d = 0; part && d < e->ndim; d++) {
            const fc_extent *x = &e->parts[i * e->ndim + d];
            PyObject *pair = Py_BuildValue("(LL)", (long long)x->start, (long long)fc_length(x, e->dims[d]));
            if (pair) PyTuple_SET_ITEM(part, d, pair);
            else Py_CLEAR(part);
        }
        if (part) PyList_SET_ITEM(parts, i, part);
        else Py_CLEAR(parts);
    }
    return parts;
}

static PyObject *describe(const fc_entry *e) {
    char dtype[40];
    PyObject *parts = list_extents(e), *dims = parts ? PyTuple_New(e->ndim) : NULL;
    for (int d = 0; dims && d < e->ndim; d++) {
        PyObject *size = PyLong_FromLongLong(e->dims[d]);
        if (size) PyTuple_SET_ITEM(dims, d, size);
        else Py_CLEAR(dims);
    }
    if (!dims) {
        Py_XDECREF(parts);
        return NULL;
    }
    return Py_BuildValue("(y#isNN)", e->name.data, (Py_ssize_t)e->name.size, e->dtype,
                         fc_stored_dtype_name(e->dtype, dtype, sizeof dtype), dims, parts);
}

/* (version, [(name, number of dtype, its name, shape, parts)]), without the entries that parts have. */
static PyObject *list_tensors(PyObject *module, PyObject *capsule) {
    const fc_checkpoint *c = checkpoint_of(capsule);
    PyObject *list = c ? PyList_New(0) : NULL;
    (void)module;
    for (int64_t i = 0; list && i < c->count; i++) {
        if (!fc_is_tensor(&c->entries[i])) continue;
        PyObject *described = describe(&c->entries[i]);
        if (!described || PyList_Append(list, described)) Py_CLEAR(list);
        Py_XDECREF(described);
    }
    return list ? Py_BuildValue("(iN)", c->version, list) : NULL;
}

static const fc_entry *entry_of(fc_work *w, const fc_checkpoint *c, const char *name, Py_ssize_t size) {
    char shown[FC_SHOWN];
    const fc_entry *e = fc_find_entry(c, (fc_bytes){name, size});
    if (!e || !fc_is_tensor(e)) {
        fc_blame(w, FC_NOT_FOUND, "checkpoint %.400s has no tensor '%s'", c->prefix,
                 fc_shown((fc_bytes){name, size}, shown));
        return NULL;
    }
    return fc_expect_readable(w, c, e, NULL) ? NULL : e;
}

/* Whether a tensor can be read: None, or what is wrong. Before memory for it is taken. */
static PyObject *expect_readable(PyObject *module, PyObject *args) {
    PyObject *capsule;
    const char *name;
    Py_ssize_t size;
    fc_work w = {0};
    (void)module;
    if (!PyArg_ParseTuple(args, "Oy#", &capsule, &name, &size)) return NULL;
    const fc_checkpoint *c = checkpoint_of(capsule);
    if (!c) return NULL;
    if (!entry_of(&w, c, name, size)) return report(&w);
    Py_RETURN_NONE;
}

/* (reader, name, writable buffer of the tensor's size): None, or what is wrong. */
static PyObject *read_into(PyObject *module, PyObject *args) {
    PyObject *capsule;
    const char *name;
    Py_ssize_t size;
    Py_buffer buffer;
    fc_work w = {0};
    (void)module;
    if (!PyArg_ParseTuple(args, "Oy#w*", &capsule, &name, &size, &buffer)) return NULL;
    const fc_checkpoint *c = checkpoint_of(capsule);
    const fc_entry *e = c ? entry_of(&w, c, name, size) : NULL;
    if (e && (e->dtype == FC_STRING || buffer.len != fc_count(e->ndim, e->dims) * fc_item_size(e->dtype)))
        fc_blame(&w, FC_INTERNAL, "the memory for a tensor has another size");
    else if (e) {
        Py_BEGIN_ALLOW_THREADS fc_read_tensor(&w, c, e, NULL, buffer.buf);
        Py_END_ALLOW_THREADS
    }
    PyBuffer_Release(&buffer);
    if (!c) return NULL;
    if (w.status) return report(&w);
    Py_RETURN_NONE;
}

static int put_text(fc_work *w, void *list, int64_t i, fc_bytes text) {
    PyObject *bytes = PyBytes_FromStringAndSize(text.data, (Py_ssize_t)text.size);
    if (!bytes || PyList_SetItem(list, (Py_ssize_t)i, bytes)) {
        PyErr_Clear();
        return fc_no_memory(w, (size_t)text.size);
    }
    return FC_OK;
}

/* (reader, name): a list of the strings, or what is wrong. */
static PyObject *read_strings(PyObject *module, PyObject *args) {
    PyObject *capsule;
    const char *name;
    Py_ssize_t size;
    fc_work w = {0};
    (void)module;
    if (!PyArg_ParseTuple(args, "Oy#", &capsule, &name, &size)) return NULL;
    const fc_checkpoint *c = checkpoint_of(capsule);
    if (!c) return NULL;
    const fc_entry *e = entry_of(&w, c, name, size);
    PyObject *list = e ? PyList_New((Py_ssize_t)fc_count(e->ndim, e->dims)) : NULL;
    if (e && !list) return NULL;
    for (Py_ssize_t i = 0; list && i < PyList_GET_SIZE(list);
         i++) { /* parts may leave some out, as an error */
        Py_INCREF(Py_None);
        PyList_SET_ITEM(list, i, Py_None);
    }
    if (e) fc_read_strings(&w, c, e, NULL, put_text, list);
    if (!w.status) return list;
    Py_XDECREF(list);
    return report(&w);
}

/* (bytes, sum so far, by the portable way): for tests, and for files of other formats. */
static PyObject *crc32c(PyObject *module, PyObject *args) {
    Py_buffer data;
    unsigned int crc = 0;
    int portable = 0;
    (void)module;
    if (!PyArg_ParseTuple(args, "y*|Ip", &data, &crc, &portable)) return NULL;
    Py_BEGIN_ALLOW_THREADS crc = portable ? fc_crc32c_portable(crc, data.buf, (size_t)data.len)
                                          : fc_crc32c(crc, data.buf, (size_t)data.len);
    Py_END_ALLOW_THREADS PyBuffer_Release(&data);
    return PyLong_FromUnsignedLong(crc);
}

static PyObject *crc32c_join(PyObject *module, PyObject *args) {
    unsigned int a, b;
    unsigned long long length;
    (void)module;
    if (!PyArg_ParseTuple(args, "IIK", &a, &b, &length)) return NULL;
    return PyLong_FromUnsignedLong(fc_crc32c_join(a, b, length));
}

/* The bytes that a snappy block holds, or None where it is none. */
static PyObject *snappy(PyObject *module, PyObject *arg) {
    char *from;
    Py_ssize_t n;
    size_t tokens = 0;
    (void)module;
    if (PyBytes_AsStringAndSize(arg, &from, &n)) return NULL;
    int64_t size = fc_snappy_size((const uint8_t *)from, (size_t)n, &tokens);
    if (size < 0) Py_RETURN_NONE;
    PyObject *bytes = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)size);
    if (bytes && !fc_snappy_expand((const uint8_t *)from + tokens, (size_t)n - tokens,
                                   (uint8_t *)PyBytes_AS_STRING(bytes), (size_t)size)) {
        Py_DECREF(bytes);
        Py_RETURN_NONE;
    }
    return bytes;
}

static PyMethodDef methods[] = {{"open_reader", open_reader, METH_O, NULL},
                                {"list_tensors", list_tensors, METH_O, NULL},
                                {"expect_readable", expect_readable, METH_VARARGS, NULL},
                                {"read_into", read_into, METH_VARARGS, NULL},
                                {"read_strings", read_strings, METH_VARARGS, NULL},
                                {"crc32c", crc32c, METH_VARARGS, NULL},
                                {"crc32c_join", crc32c_join, METH_VARARGS, NULL},
                                {"snappy", snappy, METH_O, NULL},
                                {NULL, NULL, 0, NULL}};

static const fc_kernel_table *tables[] = {&fc_saving_kernels};
FC_KERNEL_MODULE(_saving, tables, methods)
