"""The C contract of kernels (_kernel.h) for Cython units."""

from libc.stdint cimport int32_t, int64_t, uint32_t


cdef extern from "<pthread.h>" nogil:
    ctypedef struct pthread_mutex_t:
        pass


cdef extern from "_kernel.h" nogil:
    enum:
        FC_ABI
        FC_MAX_DIMS
        FC_INLINE_DIMS
        FC_ALIGN
        FC_STRING
        FC_RESOURCE
        FC_VARIANT
        FC_BOOL
        FC_INT32
        FC_INT64
        FC_BFLOAT16
        FC_NUM_DTYPES
        FC_PENDING
        FC_OK
        FC_CANCELLED
        FC_UNKNOWN
        FC_INVALID_ARGUMENT
        FC_DEADLINE_EXCEEDED
        FC_RESOURCE_EXHAUSTED
        FC_FAILED_PRECONDITION
        FC_OUT_OF_RANGE
        FC_UNIMPLEMENTED
        FC_INTERNAL
        FC_NOT_FOUND
        FC_BUF_EXTERNAL
        FC_BUF_ELEMENTS
        FC_BUF_LENT
        FC_ASYNC
        FC_STATEFUL
        FC_RES_QUEUE
        FC_RES_READER

    struct fc_buffer:
        int32_t refs
        uint32_t flags
        void *data
        size_t capacity
        fc_device *device
        void *owner

    struct fc_device:
        uint32_t abi
        const char *name
        const char *type
        int (*alloc)(fc_device *self, size_t bytes, fc_buffer **out) noexcept nogil
        void (*release)(fc_buffer *buffer) noexcept nogil
        void *self
        void *copy
        void *fill
        void (*name_block)(fc_buffer *buffer, const char *node) noexcept nogil
        void (*describe)(fc_device *self, char *text, size_t size) noexcept nogil
        void *from_host
        void *to_host
        void *add

    struct fc_tensor:
        fc_buffer *buffer
        int64_t offset
        int64_t size
        int32_t dtype
        int32_t ndim

    union fc_string:
        pass

    ctypedef struct fc_bytes:
        const char *data
        int64_t size

    struct fc_resource:
        int32_t refs
        int32_t kind
        const char *name
        void (*destroy)(fc_resource *self) noexcept nogil

    ctypedef struct fc_variant_type:
        const char *name
        void (*destroy)(fc_variant *) noexcept nogil

    struct fc_variant:
        int32_t refs
        const fc_variant_type *type

    ctypedef struct fc_sizes:
        int64_t ndim
        const int64_t *sizes

    struct fc_attr:
        int64_t i
        double f
        const char *s
        int64_t n
        const int64_t *ints
        const double *floats
        const fc_bytes *strings
        const fc_sizes *shapes
        const fc_tensor *tensors

    struct fc_token:
        pass

    struct fc_ctx:
        const fc_api *api
        const fc_tensor **inputs "in"
        fc_tensor *out
        const fc_attr *attrs
        fc_resource *state
        fc_device *device
        const char *name
        int32_t n_in
        int32_t n_out
        void *engine

    struct fc_api:
        uint32_t abi
        int (*alloc)(fc_ctx *, int, int, int, const int64_t *) noexcept nogil
        int (*forward)(fc_ctx *, int, int, int, int, const int64_t *) noexcept nogil
        int (*sole)(fc_ctx *, int) noexcept nogil
        int (*share)(fc_ctx *, int, const fc_tensor *, int64_t, int, int, const int64_t *) noexcept nogil
        int (*scratch)(fc_ctx *, size_t, void **) noexcept nogil
        int (*fail)(fc_ctx *, int, const char *, ...) noexcept nogil
        void (*parallel_for)(
            fc_ctx *, int64_t, int64_t, void (*)(void *, int64_t, int64_t) noexcept nogil, void *
        ) noexcept nogil
        int (*cancelled)(fc_ctx *) noexcept nogil
        fc_token *(*park)(fc_ctx *, void (*)(fc_token *, void *) noexcept nogil, void *) noexcept nogil
        fc_ctx *(*token_ctx)(fc_token *) noexcept nogil
        void (*complete)(fc_token *, int) noexcept nogil
        int (*string_put)(fc_ctx *, fc_buffer *, fc_string *, const char *, int64_t) noexcept nogil
        int (*buffer_new)(fc_ctx *, int, int64_t, fc_buffer **) noexcept nogil
        int (*set_dims)(fc_ctx *, fc_tensor *, int, const int64_t *) noexcept nogil
        int (*keep)(fc_ctx *, const fc_tensor *, int, const fc_tensor *const *) noexcept nogil
        int (*adopt)(fc_ctx *, fc_buffer *, const fc_buffer *) noexcept nogil
        void (*retain)(int, void *, int64_t, int64_t) noexcept nogil
        void (*release)(int, void *, int64_t, int64_t) noexcept nogil
        void (*tidy)(fc_buffer *) noexcept nogil
        void (*variant_init)(fc_variant *, const fc_variant_type *) noexcept nogil
        void (*variant_release)(fc_variant *) noexcept nogil
        void (*may_wait)(fc_ctx *) noexcept nogil

    ctypedef int (*fc_kernel)(fc_ctx *) noexcept nogil

    ctypedef struct fc_kernel_def:
        const char *op
        const char *types
        const char *attrs
        uint32_t flags
        uint32_t host_in
        uint32_t host_out
        fc_kernel fn

    ctypedef struct fc_kernel_table:
        uint32_t abi
        const char *device
        int64_t count
        const fc_kernel_def *defs

    void fc_retain(fc_buffer *)
    void fc_release(fc_buffer *)
    void *fc_data(const fc_tensor *)
    const int64_t *fc_dims(const fc_tensor *)
    void fc_set_dims(fc_tensor *, int, const int64_t *)
    int64_t fc_item_size(int)
    int64_t fc_int_at(const fc_tensor *, int64_t)
    const char *fc_dtype_name(int64_t)
    int fc_park_status(fc_ctx *)
    bint fc_mul_overflow(int64_t, int64_t, int64_t *)
    bint fc_is_plain(int)
    bint fc_keeps_lists(const fc_device *)
    int fc_keep_elements(fc_ctx *, const fc_tensor *, const fc_tensor *)
    int FC_BUF_DTYPE(uint32_t)
    uint32_t FC_ABI_MAJOR(uint32_t)
    uint32_t FC_ABI_MINOR(uint32_t)
    void fc_resource_retain(fc_resource *)
    void fc_resource_release(fc_resource *)
    void fc_variant_retain(fc_variant *)
    bint fc_is_long(const fc_string *)
    fc_bytes fc_bytes_of(const fc_string *)
    const char *fc_shape_str(const fc_tensor *, char *, size_t)
    int64_t fc_int_at(const fc_tensor *, int64_t)
    void fc_take_lock(fc_ctx *, pthread_mutex_t *)
