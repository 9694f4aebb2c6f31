/* Large values that change hands between host and device without a copy, where both have one memory.
 *
 * A block changes hands as a whole, and only where the copy's node is its sole user: what was enqueued for it
 * before comes before the map in the queue, and nobody is left who could read or write it on the other side.
 * So whoever gets it may write to it and keep it, like a block of its own: host kernels, variables, queues,
 * the caller who fetched it. Any other value is copied.
 *
 * Device to host: the block is mapped, and a view stands for it on the host; the last release unmaps it and
 * gives it back to the pool. Host to device: the block becomes an OpenCL buffer over the same addresses
 * (memory.c); a view of this very device is unmapped instead. */
#include "shared.h"

#include <stdlib.h>
#include <unistd.h>

typedef struct {
    fc_buffer base;   /* `data`: where it is mapped, or NULL */
    fc_buffer *block; /* the device's; nobody else has a reference to it */
    cl_mem mem;
    int64_t offset; /* of what is mapped, in the block */
    pid_t process;
} view;

static void unmap(view *v) {
    ocl_device *d = (ocl_device *)v->block->device;
    if (v->base.data) cl.clEnqueueUnmapMemObject(d->queue, v->mem, v->base.data, 0, NULL, NULL);
    v->base.data = NULL;
}

static void release_view(fc_buffer *buffer) {
    view *v = (view *)buffer;
    if (v->process != getpid()) return; /* the device does not work in a forked child */
    unmap(v);
    /* The queue is in order: what takes the block next comes after it. */
    fc_release(v->block);
    free(v);
}

static fc_device lender = {.abi = FC_ABI, .release = release_view};

/* Whether input 0 is this node's alone, and worth more than a copy of it. */
static int may_change_hands(fc_ctx *ctx, const ocl_device *d) {
    const fc_tensor *x = ctx->in[0];
    size_t bytes = (size_t)(x->size * fc_item_size(x->dtype));
    return d->share_alignment && bytes >= OCL_SHARED_BYTES && bytes >= x->buffer->capacity / 2 &&
           ctx->api->sole(ctx, 0);
}

/* Output 0 becomes input 0's value in `buffer`, whose reference it takes. */
static int put_out(fc_ctx *ctx, fc_buffer *buffer, int64_t offset) {
    fc_tensor value = *ctx->in[0];
    value.buffer = buffer;
    value.offset = offset;
    int rc = ctx->api->share(ctx, 0, &value, 0, value.dtype, value.ndim, fc_dims(&value));
    fc_release(buffer);
    return rc;
}

int ocl_lend_to_host(fc_ctx *ctx, ocl_device *d) {
    const fc_tensor *x = ctx->in[0];
    view *v = may_change_hands(ctx, d) ? calloc(1, sizeof *v) : NULL;
    if (!v) return 0;
    v->base = (fc_buffer){.refs = 1,
                          .flags = FC_BUF_LENT,
                          .capacity = (size_t)(x->size * fc_item_size(x->dtype)),
                          .device = ctx->device,
                          .owner = &lender};
    v->mem = ocl_place_of(x).mem;
    v->offset = x->offset;
    v->process = getpid();
    fc_retain(v->block = x->buffer);
    ocl_lent(v->block, 1);
    return put_out(ctx, &v->base, 0) == FC_OK;
}

cl_int ocl_map(ocl_device *d, const fc_tensor *from, const fc_tensor *to, cl_event *event) {
    view *v = (view *)to->buffer;
    cl_int error = CL_SUCCESS;
    __atomic_fetch_add(&d->shared, 1, __ATOMIC_RELAXED);
    v->base.data = cl.clEnqueueMapBuffer(d->queue, v->mem, 0, CL_MAP_READ | CL_MAP_WRITE,
                                         ocl_place_of(from).at, v->base.capacity, 0, NULL, event, &error);
    return error;
}

int ocl_take_from_host(fc_ctx *ctx, ocl_device *d) {
    const fc_tensor *x = ctx->in[0];
    if (!may_change_hands(ctx, d)) return 0;
    fc_buffer *block;
    /* GPUs map whole lines */
    int64_t offset = 0, bytes = (x->size * fc_item_size(x->dtype) + 63) & ~(int64_t)63,
            room = (int64_t)x->buffer->capacity - x->offset;
    view *v = x->buffer->owner == &lender ? (view *)x->buffer : NULL;
    if (v && v->block->device == &d->base) {
        unmap(v);
        fc_retain(block = v->block);
        ocl_lent(block, 0);
        offset = v->offset + x->offset;
    } else if ((uintptr_t)fc_data(x) % (uintptr_t)d->share_alignment ||
               !(block = ocl_block_over(d, x->buffer, fc_data(x), (size_t)(bytes < room ? bytes : room)))) {
        return 0;
    }
    __atomic_fetch_add(&d->shared, 1, __ATOMIC_RELAXED);
    d->base.name_block(block, ctx->name);
    return put_out(ctx, block, offset) == FC_OK;
}
