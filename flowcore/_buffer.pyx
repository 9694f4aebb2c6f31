"""Buffers: the memory of tensors, on the host, and its two-way street with NumPy.

Blocks are 64-byte aligned, large ones 128-byte for devices that use them where they lie,
reference-counted and kept for reuse by size class (_blocks.h). Header and data are one allocation.
Resources and variants are reference-counted objects; a buffer of such elements owns a reference for
each, and this file has the one pair of functions that takes and drops them. A buffer of strings owns
the arenas that its long ones lie in (_strings.h).

A fed NumPy array becomes an external buffer that holds the array: never written to, never kept
beyond a step. Must never import anything above it.
"""

from cpython.ref cimport Py_DECREF, Py_INCREF, Py_XDECREF, PyObject
from libc.stdint cimport int32_t, int64_t, uint32_t
from libc.stdlib cimport free
from libc.string cimport memcpy, memset

cimport numpy as cnp
import numpy as np

from flowcore._allocate cimport (
    fc_aligned, fc_allocations, fc_count_allocations, fc_malloc, fc_refuses,
)
from flowcore._kernel cimport (
    FC_ABI, FC_BUF_EXTERNAL, FC_BUF_LENT, FC_BUF_DTYPE, FC_BUF_ELEMENTS, FC_BFLOAT16,
    FC_INLINE_DIMS, FC_MAX_DIMS, FC_OK, FC_RESOURCE, FC_RESOURCE_EXHAUSTED, FC_STRING, FC_VARIANT,
    fc_buffer, fc_bytes,
    fc_bytes_of, fc_ctx,
    fc_data, fc_device, fc_dims, fc_is_plain, fc_item_size, fc_release, fc_resource, fc_resource_release,
    fc_resource_retain, fc_retain, fc_set_dims, fc_string, fc_tensor, fc_variant, fc_variant_retain,
    fc_variant_type,
)
from flowcore.arguments import as_bytes

cnp.import_array()

cdef extern from "_blocks.h" nogil:
    int fc_size_class(size_t, size_t *)
    fc_buffer *fc_take_block(int)
    void fc_give_block(fc_buffer *, int, long long)
    void fc_free_blocks()
    void fc_count_used(long long, long long)
    void fc_used(long long *, long long *, long long *)
    void fc_watch_forks()

cdef extern from *:
    """
    #include <stdlib.h>
    #include <unistd.h>
    static inline long long fc_count(long long *p, long long d) {
        return __atomic_add_fetch(p, d, __ATOMIC_RELAXED);
    }
    static inline size_t fc_physical_memory(void) {
        long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
        return pages > 0 && size > 0 ? (size_t)pages * (size_t)size : ~(size_t)0 >> 1;
    }
    static inline void set_counting(fc_allocations *a, int on) {
        __atomic_store_n(&a->counting, on, __ATOMIC_RELEASE);
    }
    """
    void set_counting(fc_allocations *, bint) noexcept nogil
    long long fc_count(long long *, long long) noexcept nogil
    size_t fc_physical_memory() noexcept nogil

cdef extern from "_shapes.h" nogil:
    int64_t fc_kept_shapes
    const int64_t *fc_keep_shape(int ndim, const int64_t *dims)

cdef extern from "Python.h":
    int Py_IsInitialized() nogil

fc_watch_forks()

cdef extern from *:
    """
    /* Steals a reference to the dtype. */
    #define fc_new_array(dtype, ndim, shape, data, flags) \
        PyArray_NewFromDescr(&PyArray_Type, (PyArray_Descr *)(dtype), ndim, shape, NULL, data, flags, NULL)
    """
    object fc_new_array(PyObject *dtype, int ndim, cnp.npy_intp *shape, void *data, int flags)

cdef extern from *:
    """
    static inline PyObject *fc_new_bytes(const char *data, int64_t size) {
        PyObject *made = PyBytes_FromStringAndSize(data, (Py_ssize_t)size);
        if (!made) PyErr_Clear();
        return made;
    }
    """
    PyObject *fc_new_bytes(const char *data, int64_t size)

cdef extern from "Python.h":
    bint PyBytes_Check(PyObject *)
    const char *PyBytes_AS_STRING(PyObject *)
    Py_ssize_t PyBytes_GET_SIZE(PyObject *)
    bint PyUnicode_Check(PyObject *)
    bint PyUnicode_IS_ASCII(PyObject *)
    const char *PyUnicode_AsUTF8AndSize(PyObject *, Py_ssize_t *) except NULL

cdef extern from "_strings.h" nogil:
    ctypedef struct fc_arenas:
        pass

    long long fc_live_arenas
    fc_arenas *fc_arenas_of(const fc_buffer *)
    void fc_arenas_release(fc_arenas *)
    bint fc_string_store(fc_buffer *, fc_string *, const char *, int64_t)
    bint fc_strings_adopt(fc_buffer *, const fc_buffer *)
    bint fc_strings_keep(fc_buffer *, fc_string *, int64_t, const fc_buffer *)
    void fc_strings_tidy(fc_buffer *)


cdef long long live_variants = 0
cdef size_t physical = fc_physical_memory()
cdef long long cache_limit = <long long>(physical // 8)
cdef fc_device cpu
cdef fc_allocations counted

fc_count_allocations(&counted)


cdef fc_allocations *allocations() noexcept nogil:
    """The count that all units of the execution column share."""
    return &counted


cdef const int64_t *keep_shape(int ndim, const int64_t *dims) noexcept nogil:
    """Sizes that stay as long as the process (_shapes.h). NULL without memory."""
    return fc_keep_shape(ndim, dims)


# A processor's OpenCL runtime takes no less than 128. Not pages: rows of a table that begins at one
# were gathered at half the speed.
cdef enum: LARGE = 262144, LARGE_ALIGNMENT = 128


cdef int cpu_alloc(fc_device *self, size_t size, fc_buffer **out) noexcept nogil:
    cdef size_t rounded = 0, header
    cdef int size_class
    cdef fc_buffer *b
    out[0] = NULL
    if fc_refuses():  # also where a kept block would do
        return FC_RESOURCE_EXHAUSTED
    if size > physical:  # the system might promise it all the same, and kill the process at the first touch
        return FC_RESOURCE_EXHAUSTED
    size_class = fc_size_class(size, &rounded)
    b = fc_take_block(size_class)
    if b == NULL:
        header = LARGE_ALIGNMENT if rounded >= LARGE else 64
        b = <fc_buffer *>fc_aligned(rounded + header, header)
        if b == NULL:
            fc_free_blocks()
            b = <fc_buffer *>fc_aligned(rounded + header, header)
            if b == NULL:
                return FC_RESOURCE_EXHAUSTED
        b.data = <char *>b + header
        b.capacity = rounded
        b.device = &cpu
    b.refs = 1
    b.flags = 0
    b.owner = NULL
    fc_count_used(1, <long long>rounded)
    out[0] = b
    return FC_OK


cdef void cpu_release(fc_buffer *b) noexcept nogil:
    cdef size_t rounded = 0
    cdef int dtype
    if b.flags & FC_BUF_EXTERNAL:
        release_external(b)
        return
    if b.flags & FC_BUF_LENT:
        (<fc_device *>b.owner).release(b)
        return
    if b.flags & FC_BUF_ELEMENTS:
        dtype = FC_BUF_DTYPE(b.flags)
        if dtype == FC_STRING:
            fc_arenas_release(fc_arenas_of(b))
        release_elements(
            dtype, b.data, <int64_t>b.capacity // fc_item_size(dtype), fc_item_size(dtype))
    fc_count_used(-1, -<long long>b.capacity)
    fc_give_block(b, fc_size_class(b.capacity, &rounded), cache_limit)


cdef void release_external(fc_buffer *b) noexcept nogil:
    cdef PyObject *owner = <PyObject *>b.owner
    fc_count_used(-1, 0)
    free(b)
    if Py_IsInitialized():
        with gil:
            Py_DECREF(<object>owner)


cpu.abi = FC_ABI
cpu.name = b"/device:CPU:0"
cpu.type = b"CPU"
cpu.alloc = cpu_alloc
cpu.release = cpu_release
cpu.self = NULL


cdef fc_device *cpu_device() noexcept nogil:
    return &cpu


cdef int new_buffer(int dtype, int64_t size, fc_buffer **out) noexcept nogil:
    """A host buffer for `size` elements; none (NULL) for zero.

    Strings, resources and variants start empty.
    """
    cdef int rc
    out[0] = NULL
    if size <= 0:
        return FC_OK
    rc = cpu_alloc(&cpu, <size_t>(size * fc_item_size(dtype)), out)
    if rc == FC_OK and not fc_is_plain(dtype):
        memset(out[0].data, 0, out[0].capacity)
        out[0].flags |= FC_BUF_ELEMENTS | <uint32_t>dtype << 16
    return rc


# ---- elements that are more than their bytes -----------------------------------------------------


cdef extern from *:
    """
    static inline int fc_drop(int32_t *refs) { return __atomic_sub_fetch(refs, 1, __ATOMIC_ACQ_REL) == 0; }
    """
    int fc_drop(int32_t *) noexcept nogil


cdef void variant_init(fc_variant *v, const fc_variant_type *type) noexcept nogil:
    v.refs = 1
    v.type = type
    fc_count(&live_variants, 1)


cdef void variant_release(fc_variant *v) noexcept nogil:
    if v != NULL and fc_drop(&v.refs):
        fc_count(&live_variants, -1)
        v.type.destroy(v)


cdef void retain_elements(int dtype, void *first, int64_t n, int64_t step) noexcept nogil:
    """Takes a reference for each of `n` elements, `step` bytes apart; strings have none of their own."""
    cdef char *at = <char *>first
    cdef int64_t _i
    if dtype != FC_RESOURCE and dtype != FC_VARIANT:
        return
    for _i in range(n):
        if dtype == FC_RESOURCE:
            fc_resource_retain((<fc_resource **>at)[0])
        else:
            fc_variant_retain((<fc_variant **>at)[0])
        at += step


cdef void release_elements(int dtype, void *first, int64_t n, int64_t step) noexcept nogil:
    """The other half of `retain_elements`."""
    cdef char *at = <char *>first
    cdef int64_t _i
    if dtype != FC_RESOURCE and dtype != FC_VARIANT:
        return
    for _i in range(n):
        if dtype == FC_RESOURCE:
            fc_resource_release((<fc_resource **>at)[0])
        else:
            variant_release((<fc_variant **>at)[0])
        at += step


cdef int no_memory_for_text(fc_ctx *ctx) noexcept nogil:
    return ctx.api.fail(ctx, FC_RESOURCE_EXHAUSTED, b"no memory for strings")


cdef int keep_elements(fc_ctx *ctx, const fc_tensor *dst, int n, const fc_tensor *const *src) noexcept nogil:
    """fc_api.keep."""
    cdef int i
    cdef bint kept = True
    if dst.buffer == NULL:
        return FC_OK
    if dst.dtype != FC_STRING:
        retain_elements(dst.dtype, fc_data(dst), dst.size, fc_item_size(dst.dtype))
        return FC_OK
    for i in range(n):
        if src[i].buffer == NULL:
            continue
        if n == 1:
            kept = fc_strings_keep(dst.buffer, <fc_string *>fc_data(dst), dst.size, src[i].buffer)
        else:
            kept = kept and fc_strings_adopt(dst.buffer, src[i].buffer)
    return FC_OK if kept else no_memory_for_text(ctx)


cdef int adopt_elements(fc_ctx *ctx, fc_buffer *dst, const fc_buffer *src) noexcept nogil:
    """fc_api.adopt."""
    if not dst.flags & FC_BUF_ELEMENTS or FC_BUF_DTYPE(dst.flags) != FC_STRING or src == NULL:
        return FC_OK
    return FC_OK if fc_strings_adopt(dst, src) else no_memory_for_text(ctx)


cdef int string_put(
    fc_ctx *ctx, fc_buffer *buffer, fc_string *element, const char *data, int64_t size
) noexcept nogil:
    """fc_api.string_put."""
    return FC_OK if fc_string_store(buffer, element, data, size) else no_memory_for_text(ctx)


cdef void tidy_strings(fc_buffer *buffer) noexcept nogil:
    """fc_api.tidy."""
    if buffer != NULL and FC_BUF_DTYPE(buffer.flags) == FC_STRING:
        fc_strings_tidy(buffer)


# ---- NumPy ---------------------------------------------------------------------------------------

cdef dict number_of = {
    np.dtype(np.float32): 1, np.dtype(np.float64): 2, np.dtype(np.int32): 3, np.dtype(np.uint8): 4,
    np.dtype(np.int16): 5, np.dtype(np.int8): 6, np.dtype(object): 7, np.dtype(np.complex64): 8,
    np.dtype(np.int64): 9, np.dtype(np.bool_): 10, np.dtype(np.uint16): 17,
    np.dtype(np.complex128): 18, np.dtype(np.float16): 19, np.dtype(np.uint32): 22, np.dtype(np.uint64): 23,
}
cdef dict dtype_of = {number: dtype for dtype, number in number_of.items()}


cdef enum: BUILTIN_TYPES = 24, NUMBERS = 32
cdef int number_of_builtin[BUILTIN_TYPES]  # by NumPy's own numbers; 0: what the dictionary says
memset(number_of_builtin, 0, sizeof(number_of_builtin))
for _dtype, _number in number_of.items():
    number_of_builtin[<int>_dtype.num] = _number
cdef PyObject *dtype_at[NUMBERS]  # borrowed from `dtype_of`, which never loses one
memset(dtype_at, 0, sizeof(dtype_at))
for _number, _dtype in dtype_of.items():
    dtype_at[<int>_number] = <PyObject *>_dtype


cdef object numpy_dtype(int dtype):
    if 0 <= dtype < NUMBERS and dtype_at[dtype] != NULL:
        return <object>dtype_at[dtype]
    found = dtype_of.get(dtype)
    if found is None and dtype == FC_BFLOAT16:
        import ml_dtypes  # the caller has said what to install when it is missing
        found = dtype_of[dtype] = np.dtype(ml_dtypes.bfloat16)
        number_of[found] = FC_BFLOAT16
    if found is None:
        raise TypeError(f"tensors of dtype number {dtype} have no NumPy counterpart")
    return found


cdef int dtype_number(object dtype) except -1:
    found = number_of.get(dtype)
    if found is None:
        if getattr(dtype, "name", "") == "bfloat16":
            return FC_BFLOAT16
        if dtype.kind in "SU":
            return FC_STRING
        if dtype.byteorder in "<>" and not dtype.isnative:
            return dtype_number(dtype.newbyteorder("="))
        raise TypeError(f"arrays of dtype {dtype} are not supported")
    return found


cdef enum: SMALL = 1024  # bytes up to which a copy is cheaper than sharing


cdef int tensor_from_array(object value, fc_tensor *out, bint keep) except -1:
    """Makes a tensor of an array: shares its memory where it can, copies otherwise.

    `keep`: must copy, the tensor may outlive the array's use.

    Raises TypeError, ValueError or MemoryError; `out` holds no buffer then.
    """
    cdef cnp.ndarray array = value
    cdef int d
    cdef int type_num = cnp.PyArray_TYPE(array)
    cdef int dtype = number_of_builtin[type_num] if 0 <= type_num < BUILTIN_TYPES else 0
    if dtype == 0:
        dtype = dtype_number(array.dtype)
    cdef fc_buffer *b
    cdef size_t size
    cdef int64_t dims[FC_MAX_DIMS]
    cdef const int64_t *kept
    out.buffer = NULL
    if array.ndim > FC_MAX_DIMS:
        raise ValueError(f"a tensor has at most {FC_MAX_DIMS} dimensions, found {array.ndim}")
    for d in range(array.ndim):
        dims[d] = array.shape[d]
    kept = dims
    if array.ndim > FC_INLINE_DIMS:
        kept = keep_shape(array.ndim, dims)
        if kept == NULL:
            raise MemoryError(f"no memory for the sizes of a tensor of {array.ndim} dimensions")
    fc_set_dims(out, array.ndim, kept)
    out.dtype = dtype
    out.offset = 0
    out.size = array.size
    if out.size == 0:
        return 0
    if dtype == FC_STRING:
        return strings_from_array(array, out)
    if not cnp.PyArray_ISCARRAY_RO(array):  # not contiguous, not aligned or foreign byte order
        array = np.array(array, dtype=array.dtype.newbyteorder("="), order="C")
        if not keep:
            return share(array, out)
    size = <size_t>(out.size * fc_item_size(dtype))
    if not keep and size > SMALL:
        return share(array, out)
    if new_buffer(dtype, out.size, &b) != FC_OK:
        raise MemoryError(f"no memory for a tensor of shape {list(value.shape)} ({size} bytes)")
    memcpy(b.data, cnp.PyArray_DATA(array), size)
    out.buffer = b
    return 0


cdef int share(cnp.ndarray array, fc_tensor *out) except -1:
    cdef fc_buffer *b = <fc_buffer *>fc_malloc(sizeof(fc_buffer))
    if b == NULL:
        raise MemoryError
    b.refs = 1
    b.flags = FC_BUF_EXTERNAL
    b.data = cnp.PyArray_DATA(array)
    b.capacity = <size_t>cnp.PyArray_NBYTES(array)
    b.device = &cpu
    b.owner = <void *>array
    Py_INCREF(array)
    fc_count_used(1, 0)
    out.buffer = b
    return 0


cdef int strings_from_array(object value, fc_tensor *out) except -1:
    """A buffer of the bytes and texts of an array of objects, or of NumPy's own strings."""
    cdef cnp.ndarray array = np.ascontiguousarray(value, dtype=object)
    cdef PyObject **items = <PyObject **>cnp.PyArray_DATA(array)
    cdef fc_buffer *b
    cdef fc_string *to
    cdef int64_t i
    if new_buffer(FC_STRING, out.size, &b) != FC_OK:
        raise MemoryError(f"no memory for {out.size} strings")
    to = <fc_string *>b.data
    try:
        for i in range(out.size):
            put_object(b, to + i, items[i])
    except BaseException:
        fc_release(b)
        raise
    out.buffer = b
    return 0


def holds_texts(value):
    """Whether an array of objects holds bytes and texts of ASCII alone, which need no second look."""
    cdef cnp.ndarray array = np.ascontiguousarray(value, dtype=object)
    cdef PyObject **items = <PyObject **>cnp.PyArray_DATA(array)
    cdef int64_t i
    for i in range(array.size):
        if items[i] == NULL:
            return False
        if not PyBytes_Check(items[i]) and not (PyUnicode_Check(items[i]) and PyUnicode_IS_ASCII(items[i])):
            return False
    return True


cdef int put_object(fc_buffer *b, fc_string *to, PyObject *item) except -1:
    cdef const char *data
    cdef Py_ssize_t size
    cdef bytes encoded
    if item == NULL:
        raise TypeError("a string tensor takes bytes and str, found an empty place")
    if PyBytes_Check(item):
        data = PyBytes_AS_STRING(item)
        size = PyBytes_GET_SIZE(item)
    elif PyUnicode_Check(item) and PyUnicode_IS_ASCII(item):
        data = PyUnicode_AsUTF8AndSize(item, &size)
    elif PyUnicode_Check(item):  # not PyUnicode_AsUTF8AndSize, which would keep the bytes with the text
        encoded = as_bytes(<object>item, "a string tensor")
        data = encoded
        size = len(encoded)
    else:
        raise TypeError(f"a string tensor takes bytes and str, found {type(<object>item).__name__}")
    if not fc_string_store(b, to, data, size):
        raise MemoryError("no memory for a string")
    return 0


cdef class _Owner:
    """Keeps a buffer alive as long as an array looks at it."""

    cdef fc_buffer *buffer

    def __dealloc__(self):
        fc_release(self.buffer)


cdef object array_from_tensor(fc_tensor *t, bint hand_over):
    """The tensor as an array.

    `hand_over`: the array takes the buffer where nobody else holds it, and is writable; otherwise
    it is a copy.

    Without `hand_over`: a read-only view that keeps the buffer alive (small ones are copied).
    """
    cdef cnp.npy_intp shape[FC_MAX_DIMS]
    cdef const int64_t *dims = fc_dims(t)
    cdef int d
    cdef cnp.ndarray array
    cdef _Owner owner
    cdef object dtype
    cdef bint sole
    cdef int flags
    cdef size_t size = <size_t>(t.size * fc_item_size(t.dtype))
    if t.dtype == FC_RESOURCE or t.dtype == FC_VARIANT:
        raise TypeError(opaque(t))
    for d in range(t.ndim):
        shape[d] = dims[d]
    if t.dtype == FC_STRING:
        return strings_to_array(t, tuple([shape[d] for d in range(t.ndim)]))
    dtype = numpy_dtype(t.dtype)
    sole = hand_over and t.buffer != NULL and t.buffer.refs == 1
    if sole and (t.buffer.flags & FC_BUF_EXTERNAL or t.buffer.capacity >= 4 * size):
        sole = False
    if size <= SMALL or (hand_over and not sole):
        Py_INCREF(dtype)
        array = fc_new_array(<PyObject *>dtype, t.ndim, shape, NULL, 0)
        if size:
            memcpy(cnp.PyArray_DATA(array), fc_data(t), size)
        if not hand_over:
            cnp.PyArray_CLEARFLAGS(array, cnp.NPY_ARRAY_WRITEABLE)
        return array
    owner = _Owner.__new__(_Owner)
    fc_retain(t.buffer)
    owner.buffer = t.buffer
    Py_INCREF(dtype)
    flags = cnp.NPY_ARRAY_CARRAY if hand_over else cnp.NPY_ARRAY_CARRAY_RO
    array = fc_new_array(<PyObject *>dtype, t.ndim, shape, fc_data(t), flags)
    cnp.set_array_base(array, owner)
    return array


cdef object strings_to_array(fc_tensor *t, tuple shape):
    cdef fc_string *items = <fc_string *>fc_data(t)
    cdef cnp.ndarray result = np.empty(shape, dtype=object)
    cdef PyObject **to = <PyObject **>cnp.PyArray_DATA(result)
    cdef PyObject *old
    cdef fc_bytes text
    cdef int64_t i
    for i in range(t.size):
        text = fc_bytes_of(items + i)
        old = to[i]
        to[i] = fc_new_bytes(text.data, text.size)
        if to[i] == NULL:
            to[i] = old
            raise MemoryError("no memory for a string")
        Py_XDECREF(old)
    return result


cdef str opaque(const fc_tensor *t):
    """What is said where a value that has no array would become one."""
    cdef fc_variant *v = NULL
    if t.dtype == FC_RESOURCE:
        return (
            "a handle of a resource cannot leave the graph: it has no NumPy counterpart; read what it stands"
            " for with an op, for instance the value of a variable")
    if t.size:
        v = (<fc_variant **>fc_data(t))[0]
    kind = "an empty variant" if v == NULL else f"a {v.type.name.decode()}"
    return (
        f"a value of dtype variant cannot leave the graph: it has no NumPy counterpart; this one is {kind}."
        " Read it with an op, for instance a list with TensorListStack")


def live_counts():
    """Buffers, arenas of strings and variants alive now, with their bytes, and bytes kept for reuse."""
    cdef long long blocks, used, kept
    fc_used(&blocks, &used, &kept)
    return {"buffers": blocks, "bytes": used, "arenas": fc_live_arenas, "variants": live_variants,
            "cached_bytes": kept}


def kept_shapes():
    """How many shapes of more dimensions than fit into a tensor there have been so far."""
    return fc_kept_shapes


def _fail_allocations(int64_t first, int64_t count=1):
    """For tests: from now on the `first` allocation (counted from 1) and those after it, `count` in
    all, fail.

    0 ends that. Returns how many were asked for since the last call.
    """
    made = counted.made
    set_counting(&counted, False)
    counted.made = 0
    counted.first = first
    counted.last = first + count - 1
    set_counting(&counted, first > 0)
    return made


def release_cached():
    """Gives cached memory back to the system."""
    fc_free_blocks()
