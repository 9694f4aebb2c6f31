/* An OpenCL device as the engine sees it, and how a kernel is launched on it. A launcher includes this header
 * only.
 *
 * Order: each device has one in-order queue. The engine starts a node when those before it have been
 * enqueued, so the queue's own order is the order of the data, and memory that a node gives back may be
 * handed to the next one at once. The host waits for nothing but copies back to it, which park their node
 * until the runtime says that they are done.
 *
 * Adding a kernel: a function in opencl_kernels/<file>.cl, a launcher here (ocl_begin, arguments in order,
 * ocl_run), a line in a table. */
#ifndef FLOWCORE_OPENCL_DEVICE_H
#define FLOWCORE_OPENCL_DEVICE_H

#include <pthread.h>

#include "../_kernel.h"
#include "cl_api.h"

/* Values from this size on change hands where host and device have one memory: a map costs as much as copying
 * this. */
#define OCL_SHARED_BYTES (256 * 1024)
/* Copies up to this size go through pinned blocks where memory is apart, and fed arrays through a copy, so
 * that their owner may change them and nobody waits. */
#define OCL_STAGED_BYTES (256 * 1024)
#define OCL_PINNED_BLOCKS 16
#define OCL_SIZE_CLASSES 200
#define OCL_BUCKETS 256

typedef struct ocl_buffer ocl_buffer;
typedef struct ocl_slab ocl_slab;
typedef struct ocl_pinned ocl_pinned;
typedef struct ocl_entry ocl_entry;
typedef struct ocl_transfer ocl_transfer;

typedef struct {
    fc_device base; /* first: the engine's view */
    char name[64];
    cl_context context;
    cl_device_id id;
    cl_command_queue queue;
    /* what the device can do */
    int64_t units, max_group, local_memory, max_buffer, memory_limit, vector_bytes;
    int is_serial; /* a simulator, whose calls must not overlap */
    /* host and device have one memory, and blocks at multiples of this may be used by both; 0: they have not
     * (shared.c) */
    int64_t share_alignment;
    /* work items are loop iterations: no local memory of its own, few groups */
    int is_cpu;
    /* the compiler makes vectors of a kernel's loops, not of neighbouring items (FOR_EACH in prelude.cl) */
    int wide_items;
    int tile_rows, tile_vectors, tile_side; /* measured choices for gemm.cl (MR, NV; SIDE), 0: none */
    /* memory that is free to be used again, by size class, and what is handed out (memory.c); `bytes_idle`:
     * what the driver gave, in so many buffers, and no node has */
    pthread_mutex_t lock;
    ocl_buffer *idle[OCL_SIZE_CLASSES];
    ocl_buffer *live;
    ocl_slab *slabs; /* small blocks are cut from the first */
    int64_t bytes_live, bytes_idle, buffers, launches, copies, shared;
    /* host memory for copies (pinned.c): blocks that are free, and how many there are */
    ocl_pinned *pinned;
    int64_t n_pinned;
    cl_command_queue map_queue;
    /* copies under way that a thread of our own waits for, in the queue's order (transfer.c) */
    ocl_transfer *transfers;
    pthread_cond_t transfer_came;
    int waits; /* the thread is there */
    /* kernels built so far */
    ocl_entry *kernels[OCL_BUCKETS];
    void *build; /* PyObject: (file, options) -> address of a cl_program */
} ocl_device;

/* Whether copies between host and device go from one memory to another. */
static inline int ocl_apart(const ocl_device *d) { return !d->share_alignment && !d->is_serial; }

/* Around calls of the OpenCL interface that work on a queue or take memory. Runtimes take them from all
 * threads; simulators do not. A runtime may call back within. Lock order: this one, then the device's. */
void ocl_enter(const ocl_device *d);
void ocl_leave(const ocl_device *d);

/* The device of a node that runs on one. */
static inline ocl_device *ocl_of(const fc_ctx *ctx) { return (ocl_device *)ctx->device; }

/* ---- memory ---------------------------------------------------------------------------------- */
/* Where a tensor of the device begins: a block of the driver's, and bytes into it. There is no other way to
 * it: several tensors share one block. */
typedef struct {
    cl_mem mem;
    size_t at;
} ocl_place;
ocl_place ocl_place_of(const fc_tensor *t);
/* A fresh block on the device, as buffer_new of fc_api is for the host; NULL where that fails. */
int ocl_buffer_new(fc_ctx *ctx, int dtype, int64_t size, fc_buffer **out);
/* A block over `bytes` bytes at `data` in host memory, of which `host` is to be kept until the device has
 * passed the block's last use; NULL: not possible. */
fc_buffer *ocl_block_over(ocl_device *d, fc_buffer *host, void *data, size_t bytes);
/* A block that the host has is not counted as the device's: whether it has one from now on. */
void ocl_lent(fc_buffer *block, int lent);
void ocl_open_memory(ocl_device *d);
/* Gives the pinned blocks that no copy uses back to the driver. Under the device's lock. */
void ocl_pinned_free_idle(ocl_device *d);

/* ---- launching ------------------------------------------------------------------------------- */
typedef struct {
    fc_ctx *ctx;
    ocl_device *device;
    ocl_entry *entry;
    cl_kernel kernel;
    cl_uint count;
    cl_int error;
} ocl_call;

/* Names kernel `name` of opencl_kernels/<file>.cl, built with `options`: "NAME=value" words, see
 * flowcore/opencl/programs.py. The first time, builds it. */
int ocl_begin(ocl_call *call, fc_ctx *ctx, const char *file, const char *name, const char *options, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 5, 6)))
#endif
    ;
/* Arguments, in order. A tensor takes two: its memory and its first element's index (long). An empty one is
 * not to be passed. */
void ocl_tensor(ocl_call *call, const fc_tensor *t);
void ocl_long(ocl_call *call, int64_t value);
void ocl_float(ocl_call *call, float value);
/* As a float or a double, whatever `dtype`, a floating-point one, is computed in. */
void ocl_scalar(ocl_call *call, int dtype, double value);
void ocl_bytes(ocl_call *call, const void *value, size_t size);
/* Enqueues it. `ocl_run`: over n independent elements (FOR_EACH); `ocl_run_groups`: so many groups of so many
 * items, per axis. */
int ocl_run(ocl_call *call, int64_t n);
/* As ocl_run, where a work item has nothing to prepare (no struct among its arguments), so that an item may
 * be as little as one element. */
int ocl_run_light(ocl_call *call, int64_t n);
/* Over n elements in contiguous parts (FOR_PART), each element's step about `cost` elementary ones: few items
 * on a processor, one to an element elsewhere. */
int ocl_run_parts(ocl_call *call, int64_t n, int64_t cost);
/* So many groups that each work on `length` values together, with a last argument of its own: local memory,
 * `item` bytes to each item of a group. The items of a group are a power of two. */
int ocl_run_trees(ocl_call *call, int64_t groups, int64_t length, int64_t item);
/* So many groups of `group` items, or fewer where the kernel has no room for as many. */
int ocl_run_squares(ocl_call *call, int64_t groups, int64_t group);
int ocl_run_groups(ocl_call *call, int axes, const int64_t *groups, const int64_t *group_size);
/* What fc_quotient of prelude.cl divides numbers below `most` by `size` with, both at least 1; 0 where they
 * are not all small. From "Division by Invariant Integers using Multiplication", Granlund and Montgomery
 * 1994: with l = ceil(log2 size), x / size = (high half of m x + x) >> l, where m = 2^32 (2^l - size) / size
 * + 1. */
static inline int64_t ocl_divisor(int64_t size, int64_t most) {
    if (most > INT32_MAX || size > INT32_MAX || size < 1) return 0;
    int l = size == 1 ? 0 : 64 - __builtin_clzll((uint64_t)size - 1);
    return (int64_t)l << 32 | ((((int64_t)1 << l) - size) * ((int64_t)1 << 32) / size + 1);
}
/* Copies `bytes` bytes between tensors of this device. */
int ocl_copy(fc_ctx *ctx, const fc_tensor *from, int64_t from_offset, const fc_tensor *to, int64_t to_offset,
             int64_t bytes);

/* A word of device memory, zero at first, in which a kernel says that it met a value that it must refuse.
 * `ocl_flag_end` comes after the node's last launch and its result is the node's: it parks the node until the
 * word can be read, and fails it with `message` where it is not zero. With an error in `rc` it only gives the
 * word back and returns the error. The node's table line says FC_ASYNC. */
int ocl_flag_new(fc_ctx *ctx, fc_tensor *flag);
int ocl_flag_end(fc_ctx *ctx, fc_tensor *flag, int rc, const char *message);
/* `to` = a vector on the device of what lies at `data` in host memory, which may change at once. Not empty;
 * release its buffer after enqueueing. */
int ocl_upload(fc_ctx *ctx, int dtype, int64_t size, const void *data, fc_tensor *to);

/* Those of fc_device. */
int ocl_move(fc_ctx *ctx, const fc_copy *copy, const fc_tensor *dst, int64_t dst_offset, const fc_tensor *src,
             int64_t src_offset);
int ocl_fill(fc_ctx *ctx, const fc_tensor *dst, const fc_tensor *value, const void *pattern);

int ocl_from_host(fc_ctx *ctx);
int ocl_to_host(fc_ctx *ctx);
int ocl_add_n(fc_ctx *ctx);

/* The name of a dtype in build options: "float32". */
const char *ocl_type(int dtype);
/* Likewise for what is only moved: a type of that many bytes. */
const char *ocl_item_type(int64_t item);
/* The dtype that `dtype` is computed in. */
static inline int ocl_computed(int dtype) {
    return dtype == FC_FLOAT16 || dtype == FC_BFLOAT16 ? FC_FLOAT32 : dtype;
}

/* For tests: the next copy that a node waits for reports this error. */
void ocl_fail_next_copy(int code);

/* The state of a node "_ConstantToDevice". NULL: no memory. */
fc_resource *ocl_new_constant(void);

/* ---- life ------------------------------------------------------------------------------------ */
ocl_device *ocl_open(const char *name, cl_context context, cl_device_id id, cl_int *error);

/* The launchers, a table per file. */
extern const fc_kernel_table ocl_copy_table, ocl_elementwise_table, ocl_fused_table, ocl_state_table,
    ocl_reduce_table, ocl_arg_table, ocl_cumulate_table, ocl_nn_table, ocl_index_table,
    ocl_variable_rows_table, ocl_random_table, ocl_matmul_table, ocl_conv_table, ocl_pool_table;

#endif
