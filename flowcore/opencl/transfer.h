/* Copies between host and device that are under way. For copy.c and flag.c. */
#ifndef FLOWCORE_OPENCL_TRANSFER_H
#define FLOWCORE_OPENCL_TRANSFER_H

#include "device.h"

/* What must outlive a copy, and who waits for it. Made by ocl_transfer_new; belongs to ocl_transfer_end once
 * the copy has been enqueued. */
struct ocl_transfer {
    const fc_api *api;
    ocl_device *device;
    fc_token *token;    /* a node that waits for the copy, or NULL */
    fc_buffer *host;    /* kept until the runtime has read it */
    void *staged;       /* freed with it */
    ocl_pinned *pinned; /* given back with it */
    /* where `bytes` bytes of the pinned block go once they have been read, or NULL */
    void *into;
    size_t bytes;
    cl_int raised; /* a word read back: not zero, the node fails with `message` */
    const char *message;
    cl_event event;
    ocl_transfer *next; /* in the order of the queue */
};

ocl_transfer *ocl_transfer_new(fc_ctx *ctx, ocl_device *d);
/* Parks the node until the copy is done and gives its lasting context, or frees `t` and returns NULL: the
 * step was cancelled. */
fc_ctx *ocl_transfer_park(fc_ctx *ctx, ocl_transfer *t);
/* After enqueueing, with its error and event: sees to it that `t` ends with the copy. The result is the
 * node's. */
int ocl_transfer_end(fc_ctx *ctx, ocl_transfer *t, cl_int error, cl_event event);
/* Gives back what a copy that was never enqueued holds. */
void ocl_transfer_free(ocl_transfer *t);

/* A pinned block for so many bytes, or NULL: none is free, or the device has no use for them. */
ocl_pinned *ocl_pinned_take(ocl_device *d, size_t bytes);
void *ocl_pinned_data(const ocl_pinned *p);
void ocl_pinned_give(ocl_device *d, ocl_pinned *p);

#endif
