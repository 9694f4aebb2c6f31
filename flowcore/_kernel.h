/* The contract between the engine and every kernel: the only header that a kernel includes.
 *
 * Owns: the layout of buffers, tensors, attributes and the kernel context; status codes; the kernel table.
 * Must never include Python.h, and nothing here may need the GIL.
 *
 * A kernel is `int kernel(fc_ctx *ctx)`: it reads ctx->in[], allocates and fills ctx->out[], and returns
 * FC_OK, or the code that ctx->api->fail() returned. It needs no GIL, runs on any thread, several instances
 * at once, and never keeps a pointer into ctx after it returns, except for an asynchronous kernel, which
 * parks (see fc_api.park).
 */
#ifndef FLOWCORE_KERNEL_H
#define FLOWCORE_KERNEL_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "_counting.h"
#include "_pause.h"

/* The version of this contract: a major number in the upper 16 bits, a minor one in the lower. fc_api, fc_ctx
 * and fc_device grow at their ends only, which raises the minor number; any other change of a struct raises
 * the major one and begins at minor 0 again. Tables and devices of the same major and the same or an older
 * minor number load: whoever reads a member that a minor number brought looks at `abi` first. */
#define FC_ABI 0x70000
#define FC_ABI_MAJOR(abi) ((abi) >> 16)
#define FC_ABI_MINOR(abi) ((abi) & 0xffffu)
/* What NumPy's arrays have, too: every tensor may be fed and fetched. Sizes of up to FC_INLINE_DIMS
 * dimensions lie in the tensor itself. */
#define FC_MAX_DIMS 64
#define FC_INLINE_DIMS 8
#define FC_ALIGN 64

// clang-format off: tables
/* Numbers of TensorFlow's DataType enum, so that a GraphDef needs no translation. */
enum {
    FC_FLOAT32 = 1, FC_FLOAT64 = 2, FC_INT32 = 3, FC_UINT8 = 4, FC_INT16 = 5, FC_INT8 = 6, FC_STRING = 7,
    FC_COMPLEX64 = 8, FC_INT64 = 9, FC_BOOL = 10, FC_BFLOAT16 = 14, FC_UINT16 = 17, FC_COMPLEX128 = 18,
    FC_FLOAT16 = 19, FC_RESOURCE = 20, FC_VARIANT = 21, FC_UINT32 = 22, FC_UINT64 = 23, FC_NUM_DTYPES = 24
};

/* Numbers of the canonical status codes; FC_PENDING is returned by a kernel that has parked. */
enum {
    FC_PENDING = -1, FC_OK = 0, FC_CANCELLED = 1, FC_UNKNOWN = 2, FC_INVALID_ARGUMENT = 3,
    FC_DEADLINE_EXCEEDED = 4, FC_NOT_FOUND = 5, FC_ALREADY_EXISTS = 6, FC_PERMISSION_DENIED = 7,
    FC_RESOURCE_EXHAUSTED = 8, FC_FAILED_PRECONDITION = 9, FC_ABORTED = 10, FC_OUT_OF_RANGE = 11,
    FC_UNIMPLEMENTED = 12, FC_INTERNAL = 13,
    FC_UNAVAILABLE = 14, FC_DATA_LOSS = 15, FC_UNAUTHENTICATED = 16
};
// clang-format on

typedef struct fc_device fc_device;
typedef struct fc_buffer fc_buffer;
typedef struct fc_tensor fc_tensor;
typedef union fc_string fc_string;
typedef struct fc_resource fc_resource;
typedef struct fc_variant fc_variant;
typedef struct fc_attr fc_attr;
typedef struct fc_ctx fc_ctx;
typedef struct fc_token fc_token;
typedef struct fc_api fc_api;
typedef struct fc_copy fc_copy;

/* ---- memory ---------------------------------------------------------------------------------- */

enum {
    /* memory of a fed array: never written to, never kept beyond the step (copy instead) */
    FC_BUF_EXTERNAL = 1,
    /* elements of the dtype in the flags' upper 16 bits own something: released with the buffer */
    FC_BUF_ELEMENTS = 2,
    /* host memory that a device has lent: `owner` is an fc_device, which releases it */
    FC_BUF_LENT = 4
};
#define FC_BUF_DTYPE(flags) ((int)((flags) >> 16))

/* A reference-counted block. A device may embed this as the first member of a larger struct of its own. */
struct fc_buffer {
    int32_t refs; /* use fc_retain / fc_release only */
    uint32_t flags;
    void *data;      /* host address, or the device's own handle (never dereferenced by the host) */
    size_t capacity; /* bytes */
    fc_device *device;
    void *owner; /* of the allocator: pool class, Python object, device event */
};

/* Where buffers live. `alloc` returns one reference, or a status with no buffer. `release` is called at count
 * zero. */
struct fc_device {
    uint32_t abi;
    const char *name; /* "/device:CPU:0" */
    const char *type; /* "CPU", "GPU" ...: the key of the kernel table */
    int (*alloc)(fc_device *self, size_t bytes, fc_buffer **out);
    void (*release)(fc_buffer *buffer);
    void *self;
    /* For FC_BY_COPY kernels on this device's own tensors; NULL on the host and where there are none. `fill`:
     * every element of `dst` becomes the single one of `value`, or the host bytes at `pattern` where that is
     * NULL. Byte offsets count from where the tensors begin. */
    int (*copy)(fc_ctx *ctx, const fc_copy *copy, const fc_tensor *dst, int64_t dst_offset,
                const fc_tensor *src, int64_t src_offset);
    int (*fill)(fc_ctx *ctx, const fc_tensor *dst, const fc_tensor *value, const void *pattern);
    /* Optional: remembers for which node a block was taken; and, for messages when memory runs out, says
     * which blocks are the largest. */
    void (*name_block)(fc_buffer *buffer, const char *node);
    void (*describe)(fc_device *self, char *text, size_t size);
    /* Optional, since 6.1: kernels that are run on single elements of lists, each in a context of its own
     * without attributes and state. Those of the copies between host and device, which may park; and the sum
     * of two tensors of one shape and dtype, which may not, and takes over the memory of the first where
     * forward gives it. Lists live on a device that has all three, a copy and a fill. */
    int (*from_host)(fc_ctx *ctx);
    int (*to_host)(fc_ctx *ctx);
    int (*add)(fc_ctx *ctx);
};

/* Whether lists may live on a device that is not the host. */
static inline int fc_keeps_lists(const fc_device *d) {
    return d->abi >= 0x60001 && d->copy && d->fill && d->from_host && d->to_host && d->add;
}

static inline void fc_retain(fc_buffer *b) {
    if (!b) return;
    FC_WRITE(&b->refs);
    __atomic_fetch_add(&b->refs, 1, __ATOMIC_RELAXED);
}
static inline void fc_release(fc_buffer *b) {
    if (!b) return;
    FC_WRITE(&b->refs);
    if (__atomic_fetch_sub(&b->refs, 1, __ATOMIC_ACQ_REL) == 1) b->device->release(b);
}

/* Elements moved from one strided layout to another. Strides are in bytes and may be zero (source) or
 * negative. */
struct fc_copy {
    int ndim;
    int64_t item;
    int64_t shape[FC_MAX_DIMS], dst[FC_MAX_DIMS], src[FC_MAX_DIMS];
};

/* A dense, row-major value. No buffer when it has no elements. `offset` lets a reshape or a leading slice
 * share.
 *
 * Tensors are copied bit by bit. So the sizes of one with more than FC_INLINE_DIMS dimensions, which lie
 * outside it, belong to nobody: those of what alloc, forward and share make, and of what is fed, lie in a
 * block that lives as long as the process and is never written to again, one for all tensors of that shape.
 */
struct fc_tensor {
    fc_buffer *buffer;
    int64_t offset; /* bytes into the buffer; a multiple of the item size */
    int64_t size;   /* number of elements, the product of the ndim sizes */
    int32_t dtype;
    int32_t ndim; /* -1: no value yet */
    union {
        int64_t here[FC_INLINE_DIMS];
        const int64_t *away;
    } sizes; /* read through fc_dims, written through fc_set_dims */
};

/* The `ndim` sizes. */
static inline const int64_t *fc_dims(const fc_tensor *t) {
    return t->ndim > FC_INLINE_DIMS ? t->sizes.away : t->sizes.here;
}
/* Gives a tensor that is no output of a kernel its rank and sizes. More than FC_INLINE_DIMS are not copied,
 * and have to stay where they are as long as a copy of the tensor is used: the sizes of another tensor do,
 * from any of them on, and a local array for one that is not kept; else see fc_api.set_dims. */
static inline void fc_set_dims(fc_tensor *t, int ndim, const int64_t *dims) {
    t->ndim = ndim;
    if (ndim > FC_INLINE_DIMS) t->sizes.away = dims;
    else
        for (int d = 0; d < ndim; d++) t->sizes.here[d] = dims[d];
}
/* Whether two tensors have one shape. */
static inline int fc_same_shape(const fc_tensor *a, const fc_tensor *b) {
    return a->ndim == b->ndim && !memcmp(fc_dims(a), fc_dims(b), (size_t)a->ndim * sizeof(int64_t));
}

static inline void *fc_data(const fc_tensor *t) {
    return t->buffer ? (char *)t->buffer->data + t->offset : (void *)0;
}
#define FC_IN(ctx, i, type) ((const type *)fc_data((ctx)->in[i]))
#define FC_OUT(ctx, i, type) ((type *)fc_data(&(ctx)->out[i]))

typedef struct {
    const char *data; /* of an attribute: with a closing zero behind its `size` bytes */
    int64_t size;
} fc_bytes;

/* An element of dtype FC_STRING: 16 bytes; all of them zero is the empty string. Up to 15 bytes lie in the
 * element itself, and its last byte is their number. The bytes of a longer one lie in an arena, where a zero
 * follows them; the last byte of the element is 0xff then. A buffer of strings holds a reference to each
 * arena that any of its elements points into, once, however many these are: so elements are copied bit by
 * bit, and whoever has copied some to another buffer calls fc_api.keep or adopt. New ones are made by
 * fc_api.string_put. */
#define FC_STRING_SHORT 15
#define FC_STRING_LONG 0xff
union fc_string {
    struct {
        char bytes[FC_STRING_SHORT];
        uint8_t size;
    } here;
    struct {
        const char *data;
        uint64_t size; /* in the lower 7 bytes */
    } away;
};
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the size of a long string lies in the lower bytes of its second half"
#endif

static inline int fc_is_long(const fc_string *s) { return s->here.size == FC_STRING_LONG; }
/* The bytes of an element, which live as long as its buffer. No zero follows those of a short one. */
static inline fc_bytes fc_bytes_of(const fc_string *s) {
    fc_bytes b = {s->here.bytes, s->here.size};
    if (fc_is_long(s)) b.data = s->away.data, b.size = (int64_t)(s->away.size & 0xffffffffffffff);
    return b;
}

// clang-format off: a table
static inline int64_t fc_item_size(int dtype) {
    switch (dtype) {
    case FC_INT8: case FC_UINT8: case FC_BOOL: return 1;
    case FC_INT16: case FC_UINT16: case FC_FLOAT16: case FC_BFLOAT16: return 2;
    case FC_INT32: case FC_UINT32: case FC_FLOAT32: return 4;
    case FC_INT64: case FC_UINT64: case FC_FLOAT64: case FC_COMPLEX64: return 8;
    case FC_RESOURCE: case FC_VARIANT: return (int64_t)sizeof(void *);
    case FC_COMPLEX128: case FC_STRING: return 16;
    default: return 0;
    }
}
// clang-format on

// clang-format off: a table
/* As in dtypes.py, for messages. */
static inline const char *fc_dtype_name(int64_t dtype) {
    switch (dtype) {
    case FC_FLOAT32: return "float32";
    case FC_FLOAT64: return "float64";
    case FC_INT32: return "int32";
    case FC_UINT8: return "uint8";
    case FC_INT16: return "int16";
    case FC_INT8: return "int8";
    case FC_STRING: return "string";
    case FC_COMPLEX64: return "complex64";
    case FC_INT64: return "int64";
    case FC_BOOL: return "bool";
    case FC_BFLOAT16: return "bfloat16";
    case FC_UINT16: return "uint16";
    case FC_COMPLEX128: return "complex128";
    case FC_FLOAT16: return "float16";
    case FC_RESOURCE: return "resource";
    case FC_VARIANT: return "variant";
    case FC_UINT32: return "uint32";
    case FC_UINT64: return "uint64";
    default: return "an unknown dtype";
    }
}
// clang-format on

/* Whether elements are no more than their bytes. Others own what they point to, live on the host (also those
 * that a node of a device allocates), and are copied bit by bit only where fc_api.keep or retain follows. */
static inline int fc_is_plain(int dtype) {
    return dtype != FC_STRING && dtype != FC_RESOURCE && dtype != FC_VARIANT;
}

/* r = a b; whether it overflows. */
static inline int fc_mul_overflow(int64_t a, int64_t b, int64_t *r) {
    return __builtin_mul_overflow(a, b, r);
}

/* ---- resources: what outlives a step --------------------------------------------------------- */

enum { FC_RES_VARIABLE = 1, FC_RES_QUEUE = 2, FC_RES_RNG = 3, FC_RES_READER = 4, FC_RES_OTHER = 100 };

/* Owned by the session and by every handle. The value of a handle op (VarHandleOp, FIFOQueueV2 ...) is a
 * scalar of dtype FC_RESOURCE: a pointer that owns a reference, or NULL. Embedded as the first member of the
 * concrete struct. */
struct fc_resource {
    int32_t refs;
    int32_t kind;
    const char *name; /* owned by the resource: the node's name or shared_name */
    void (*destroy)(fc_resource *self);
};

static inline void fc_resource_retain(fc_resource *r) {
    if (r) __atomic_fetch_add(&r->refs, 1, __ATOMIC_RELAXED);
}
static inline void fc_resource_release(fc_resource *r) {
    if (r && __atomic_fetch_sub(&r->refs, 1, __ATOMIC_ACQ_REL) == 1) r->destroy(r);
}

/* ---- variants: values that are objects ------------------------------------------------------- */

/* What a kind of variant can do. `destroy` is called at count zero, from any thread. The others give one
 * reference to a new object, which has not been seen by anyone yet, or a status that they reported; NULL
 * where the kind has no such thing. */
typedef struct {
    const char *name; /* for messages: "TensorList" */
    void (*destroy)(fc_variant *self);
    int (*copy)(fc_ctx *ctx, fc_variant *self, fc_variant **out);
    int (*zeros_like)(fc_ctx *ctx, fc_variant *self, fc_variant **out);
    int (*add)(fc_ctx *ctx, fc_variant *a, fc_variant *b, fc_variant **out);
    /* a += b, where `a` has one owner; NULL: `add` does it */
    int (*add_to)(fc_ctx *ctx, fc_variant *a, fc_variant *b);
} fc_variant_type;

/* An element of dtype FC_VARIANT is a pointer that owns a reference; NULL is the empty variant. Immutable
 * while it has more than one owner. Embedded as the first member of the concrete struct; fc_api.variant_init
 * comes first, fc_api.variant_release last. */
struct fc_variant {
    int32_t refs;
    const fc_variant_type *type;
};

static inline void fc_variant_retain(fc_variant *v) {
    if (v) __atomic_fetch_add(&v->refs, 1, __ATOMIC_RELAXED);
}

/* ---- a kernel's view of its node ------------------------------------------------------------- */

typedef struct {
    int64_t ndim; /* -1: unknown */
    const int64_t *sizes;
} fc_sizes;

/* One attribute, in the order in which the kernel's table entry names them. */
struct fc_attr {
    int64_t i;     /* int, bool, type */
    double f;      /* float */
    const char *s; /* string, or the name of a func: `n` bytes and a closing zero */
    /* length of s or of a list; -1 for a shape of unknown rank or an absent attribute */
    int64_t n;
    const int64_t *ints;      /* list(int), list(type), list(bool), shape (-1: unknown dimension) */
    const double *floats;     /* list(float) */
    const fc_bytes *strings;  /* list(string), list(func) */
    const fc_sizes *shapes;   /* list(shape) */
    const fc_tensor *tensors; /* tensor (one, n = 1), list(tensor); they live as long as the plan */
};

struct fc_ctx {
    const fc_api *api;
    const fc_tensor *const *in;
    /* n_out tensors without a value: fill each through api->alloc, forward or share */
    fc_tensor *out;
    const fc_attr *attrs;
    /* the node's own session-wide state (handle ops, random counters), or NULL */
    fc_resource *state;
    fc_device *device; /* where the outputs are to live */
    const char *name;  /* the node's name */
    int32_t n_in, n_out;
    void *engine; /* the engine's own */
};

struct fc_api {
    uint32_t abi;
    /* Gives out[i] a dtype, a shape and uninitialised memory on ctx->device (strings: zeroed). Checks
     * negative dimensions, rank, overflow and memory, and reports them: `int rc = api->alloc(...); if (rc)
     * return rc;` */
    int (*alloc)(fc_ctx *ctx, int out, int dtype, int ndim, const int64_t *shape);
    /* The same, but takes over the buffer of in[i] where this node is its last reader and the bytes are as
     * many. Never that of strings, resources and variants, whose elements would have to be released first. */
    int (*forward)(fc_ctx *ctx, int in, int out, int dtype, int ndim, const int64_t *shape);
    /* Whether this node is the last reader of in[i] and nobody else holds its buffer, nor owns its memory: it
     * may do with it what it likes. */
    int (*sole)(fc_ctx *ctx, int in);
    /* out[i] becomes a view of `src` (any tensor with a buffer reference held now) from byte `offset` of it
     * on. */
    int (*share)(fc_ctx *ctx, int out, const fc_tensor *src, int64_t offset, int dtype, int ndim,
                 const int64_t *shape);
    /* Host scratch, 64-byte aligned, freed when the kernel returns. */
    int (*scratch)(fc_ctx *ctx, size_t bytes, void **ptr);
    /* Formats the message and returns `status`. The engine adds the node's name, type and the user's line. */
    int (*fail)(fc_ctx *ctx, int status, const char *format, ...)
#if defined(__GNUC__)
        __attribute__((format(printf, 3, 4)))
#endif
        ;
    /* Calls fn(arg, begin, end) over [0, n) in pieces of at least `grain`, on this thread and idle workers of
     * the step's pool; returns when all are done. Piece borders depend on n and grain alone, never on the
     * thread count. */
    void (*parallel_for)(fc_ctx *ctx, int64_t n, int64_t grain,
                         void (*fn)(void *arg, int64_t begin, int64_t end), void *arg);
    /* non-zero once the step has failed or was cancelled: long kernels may stop early */
    int (*cancelled)(fc_ctx *ctx);

    /* Asynchronous kernels. `park` gives a token whose ctx (fc_token_ctx) stays valid, inputs included, until
     * `complete`. It returns NULL where the step is over already or memory has run out, with a message:
     * return what fc_park_status says then. After parking, the kernel returns FC_PENDING and touches only
     * token's ctx. `complete` may come from any thread, also before the kernel has returned, and exactly one
     * of racing calls counts (the first). `cancel` is called at most once, from any thread, holding no engine
     * lock, and leads to `complete(token, FC_CANCELLED)` unless somebody else completes it. The token stays
     * readable during `cancel`, even where it was completed meanwhile. Lock order: a resource's lock may be
     * held around park, never around complete. */
    fc_token *(*park)(fc_ctx *ctx, void (*cancel)(fc_token *token, void *arg), void *arg);
    fc_ctx *(*token_ctx)(fc_token *token);
    void (*complete)(fc_token *token, int status);

    /* Makes an element of a buffer that was made for strings, which no other thread changes meanwhile.
     * The bytes are copied. FC_RESOURCE_EXHAUSTED, after a report, without memory. */
    int (*string_put)(fc_ctx *ctx, fc_buffer *buffer, fc_string *element, const char *bytes, int64_t size);
    /* A buffer of its own for a resource (a variable's new value, a queue's element); host memory, zeroed for
     * strings. */
    int (*buffer_new)(fc_ctx *ctx, int dtype, int64_t size, fc_buffer **out);
    /* fc_set_dims for a tensor that is kept, of any sizes: FC_RESOURCE_EXHAUSTED, after a report, where there
     * is no memory for them. */
    int (*set_dims)(fc_ctx *ctx, fc_tensor *t, int ndim, const int64_t *dims);
    /* All elements of `dst` were copied bit by bit from those of the `n` tensors `src`, any number of times
     * each: takes the references that they now stand for. Nothing for plain dtypes. */
    int (*keep)(fc_ctx *ctx, const fc_tensor *dst, int n, const fc_tensor *const *src);
    /* The same where only some elements of `dst` came from there, in two parts: for the buffer as a whole
     * (strings), and for single elements, `step` bytes apart (resources, variants). */
    int (*adopt)(fc_ctx *ctx, fc_buffer *dst, const fc_buffer *src);
    void (*retain)(int dtype, void *first, int64_t n, int64_t step);
    /* Single elements are about to be overwritten. */
    void (*release)(int dtype, void *first, int64_t n, int64_t step);
    /* Strings of a buffer that lives long were overwritten: drops arenas that are mostly unused. */
    void (*tidy)(fc_buffer *buffer);
    /* One reference, which is the caller's. */
    void (*variant_init)(fc_variant *v, const fc_variant_type *type);
    void (*variant_release)(fc_variant *v);
    /* To be called before anything that may wait: a lock that is taken, a file. A short run keeps Python's
     * lock, and lets it go here at the latest. */
    void (*may_wait)(fc_ctx *ctx);
};

/* The status of a kernel whose park gave no token. */
static inline int fc_park_status(fc_ctx *ctx) {
    return ctx->api->cancelled(ctx) ? FC_CANCELLED : FC_RESOURCE_EXHAUSTED;
}

/* Takes a resource's lock. Its holder may wait for the GIL, so a thread that has the GIL must not wait for
 * this one. Most are held for less than putting a thread to sleep and waking it takes (5 us), and a sleeper
 * makes the holder's unlock a system call, in which the next ones run into the lock: so this tries for about
 * 1 us first, ever less often because each try takes the line from the holder. */
static inline void fc_take_lock(fc_ctx *ctx, pthread_mutex_t *lock) {
    if (!pthread_mutex_trylock(lock)) return;
    for (int pauses = 1; pauses <= 16; pauses *= 2) {
        for (int i = 0; i < pauses; i++) fc_pause();
        if (!pthread_mutex_trylock(lock)) return;
    }
    ctx->api->may_wait(ctx);
    pthread_mutex_lock(lock);
}

/* fc_api.keep for one source. */
static inline int fc_keep_elements(fc_ctx *ctx, const fc_tensor *dst, const fc_tensor *src) {
    return fc_is_plain(dst->dtype) ? FC_OK : ctx->api->keep(ctx, dst, 1, &src);
}

typedef int (*fc_kernel)(fc_ctx *ctx);

enum {
    FC_SYNC = 0,      /* runs to its end on the calling thread */
    FC_ASYNC = 1,     /* may park */
    FC_STATEFUL = 16, /* never folded, merged or pruned because its value is known */
    /* The kernel dereferences no tensor's memory but that of the inputs in host_in and the outputs in
       host_out; what it makes otherwise comes from alloc, forward or share. So it gives the right result
       where ctx->device has addresses that the host cannot read, and planning uses the CPU's entry for
       every device. */
    FC_ANY_DEVICE = 32,
    /* Touches elements through copy and fill of fc_device alone: serves every device that has them. Strings,
       resources and variants lie on the host whatever the device. */
    FC_BY_COPY = 64,
    FC_LAST_ON_HOST = 128, /* the last input lives in host memory, like those of host_in */
    /* The kernel may keep in ctx->state what it computes from input 1. Planning makes such a state, by the
       new_kept() of a unit, for each node on the host whose input 1 has one value for all runs of its plan;
       for other nodes ctx->state is NULL. All runs of a node give the same bits for the same inputs, the
       first of them, which fills the state, too. A node without a state may take another algorithm: its
       outputs agree within the op's rounding errors. */
    FC_KEEPS_CONSTANT = 256,
    /* Touches elements of lists through kernels of fc_device alone: serves every device on which lists live
       (fc_keeps_lists). The lists themselves lie on the host. */
    FC_OF_LISTS = 512
};

/* One line of a kernel table. */
typedef struct {
    const char *op; /* "MatMul" */
    /* "T:float32,float64;Tidx:int32": the types it is for; "" for any. Names as in dtypes.py */
    const char *types;
    /* "transpose_a transpose_b": the attributes packed into ctx->attrs, in this order */
    const char *attrs;
    uint32_t flags;
    /* bit i: input i lives in host memory whatever the device (shapes, axes, resource handles) */
    uint32_t host_in;
    uint32_t host_out;
    fc_kernel fn;
} fc_kernel_def;

typedef struct {
    uint32_t abi;       /* FC_ABI of the header that it was compiled with */
    const char *device; /* device type */
    int64_t count;
    const fc_kernel_def *defs;
} fc_kernel_table;

/* ---- helpers that every kernel needs --------------------------------------------------------- */

/* "[2, 3]" into buf, for messages; "[2, 2, ...]" where `size`, at least 16, is too small for all. */
static inline const char *fc_shape_str(const fc_tensor *t, char *buf, size_t size) {
    const int64_t *dims = fc_dims(t);
    size_t used = (size_t)snprintf(buf, size, "[");
    for (int d = 0; d < t->ndim; d++) {
        char one[32];
        size_t length = (size_t)snprintf(one, sizeof one, d ? ", %lld" : "%lld", (long long)dims[d]);
        if (used + length + sizeof ", ...]" > size) {
            used += (size_t)snprintf(buf + used, size - used, d ? ", ..." : "...");
            break;
        }
        memcpy(buf + used, one, length);
        used += length;
    }
    snprintf(buf + used, size - used, "]");
    return buf;
}

/* Element i of an int32 or int64 tensor: the type of all shape, axis and index arguments. */
static inline int64_t fc_int_at(const fc_tensor *t, int64_t i) {
    return t->dtype == FC_INT32 ? (int64_t)((const int32_t *)fc_data(t))[i]
                                : ((const int64_t *)fc_data(t))[i];
}

/* Several compilations of one function, chosen at run time; empty where the compiler or platform has none.
 * All give the same bits: contraction is off for every unit, and fma is only ever explicit. */
#if defined(__x86_64__) && defined(__linux__) && defined(__GLIBC__) && !defined(__clang__) && \
    !defined(FC_NO_CLONES)
#define FC_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define FC_CLONES
#endif

#endif
