/* Blocks of host memory that a device copies from and to by itself, in the background ("pinned"), where its
 * memory is not the host's. A driver makes a copy of anything else first, often on the calling thread.
 *
 * A few blocks of one size, made as they are needed and mapped once; who finds none free takes ordinary
 * memory. The device's lock guards the list. */
#include "transfer.h"

#include <stdlib.h>

struct ocl_pinned {
    cl_mem mem;
    void *data;
    ocl_pinned *next;
};

/* A map waits for all that is in its queue, and is wanted at once: on a queue that is always empty. */
static int map_block(ocl_device *d, ocl_pinned *p) {
    cl_int error = CL_SUCCESS;
    pthread_mutex_lock(&d->lock);
    if (!d->map_queue) d->map_queue = cl.clCreateCommandQueue(d->context, d->id, 0, &error);
    pthread_mutex_unlock(&d->lock);
    if (!d->map_queue) return error;
    p->mem = cl.clCreateBuffer(d->context, CL_MEM_READ_WRITE | CL_MEM_ALLOC_HOST_PTR, OCL_STAGED_BYTES, NULL,
                               &error);
    if (p->mem)
        p->data = cl.clEnqueueMapBuffer(d->map_queue, p->mem, 1, CL_MAP_READ | CL_MAP_WRITE, 0,
                                        OCL_STAGED_BYTES, 0, NULL, NULL, &error);
    if (p->mem && !p->data) cl.clReleaseMemObject(p->mem);
    return p->data ? CL_SUCCESS : error;
}

ocl_pinned *ocl_pinned_take(ocl_device *d, size_t bytes) {
    if (!ocl_apart(d) || bytes > OCL_STAGED_BYTES) return NULL;
    pthread_mutex_lock(&d->lock);
    ocl_pinned *p = d->pinned;
    int room = !p && d->n_pinned < OCL_PINNED_BLOCKS;
    if (p) d->pinned = p->next;
    d->n_pinned += room;
    pthread_mutex_unlock(&d->lock);
    if (!room) return p;
    p = calloc(1, sizeof *p);
    if (p && !map_block(d, p)) return p;
    free(p);
    pthread_mutex_lock(&d->lock);
    d->n_pinned--;
    pthread_mutex_unlock(&d->lock);
    return NULL;
}

void *ocl_pinned_data(const ocl_pinned *p) { return p->data; }

void ocl_pinned_give(ocl_device *d, ocl_pinned *p) {
    pthread_mutex_lock(&d->lock);
    p->next = d->pinned;
    d->pinned = p;
    pthread_mutex_unlock(&d->lock);
}

void ocl_pinned_free_idle(ocl_device *d) {
    for (ocl_pinned *p; (p = d->pinned);) {
        d->pinned = p->next;
        d->n_pinned--;
        cl.clEnqueueUnmapMemObject(d->map_queue, p->mem, p->data, 0, NULL, NULL);
        cl.clReleaseMemObject(p->mem);
        free(p);
    }
}
