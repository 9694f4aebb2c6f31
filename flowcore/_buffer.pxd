from flowcore._allocate cimport fc_allocations
from flowcore._kernel cimport (
    fc_buffer, fc_ctx, fc_device, fc_string, fc_tensor, fc_variant, fc_variant_type,
)
from libc.stdint cimport int64_t

cdef fc_allocations *allocations() noexcept nogil
cdef fc_device *cpu_device() noexcept nogil
cdef const int64_t *keep_shape(int ndim, const int64_t *dims) noexcept nogil
cdef int new_buffer(int dtype, int64_t size, fc_buffer **out) noexcept nogil
cdef int string_put(
    fc_ctx *ctx, fc_buffer *buffer, fc_string *element, const char *data, int64_t size) noexcept nogil
cdef void tidy_strings(fc_buffer *buffer) noexcept nogil
cdef int adopt_elements(fc_ctx *ctx, fc_buffer *dst, const fc_buffer *src) noexcept nogil
cdef void retain_elements(int dtype, void *first, int64_t n, int64_t step) noexcept nogil
cdef void release_elements(int dtype, void *first, int64_t n, int64_t step) noexcept nogil
cdef int keep_elements(fc_ctx *ctx, const fc_tensor *dst, int n, const fc_tensor *const *src) noexcept nogil
cdef void variant_init(fc_variant *v, const fc_variant_type *type) noexcept nogil
cdef void variant_release(fc_variant *v) noexcept nogil
cdef int tensor_from_array(object array, fc_tensor *out, bint keep) except -1
cdef object array_from_tensor(fc_tensor *t, bint hand_over)
cdef int dtype_number(object dtype) except -1
cdef object numpy_dtype(int dtype)
