/* Memory of an OpenCL device: a pool of blocks by size class.
 *
 * A large block is a buffer of the driver's. A small one is cut from a slab, a buffer for many: a driver
 * rounds each of its buffers up to pages, and keeps books on it at every launch. What nodes give back is
 * handed out again; the driver gets idle blocks and idle slabs back when memory runs out. */
#include "device.h"

#include <stdlib.h>
#include <string.h>

/* Blocks up to SMALL bytes come from slabs. Offsets in a slab are multiples of GRAIN, enough for the widest
 * vector that a kernel reads. */
enum { GRAIN = 256, SMALL = 64 * 1024, SLAB = 1024 * 1024 };

struct ocl_slab {
    cl_mem mem;
    size_t cut; /* bytes from its beginning that have become blocks */
    int in_use; /* of these blocks */
    ocl_slab *next;
};

struct ocl_buffer {
    fc_buffer base;
    cl_mem mem;
    size_t at;      /* where it begins in `mem`: not 0 in a slab only */
    ocl_slab *slab; /* or NULL: `mem` is its own */
    int size_class;
    int lent;                    /* the host has it: it is no live one */
    int over_host;               /* its memory is the host's, which gets it back */
    ocl_buffer *next, *previous; /* among the idle ones of its class, or the live ones of the device */
    char node[48];               /* for whom it was taken, as much as fits */
};

ocl_place ocl_place_of(const fc_tensor *t) {
    const ocl_buffer *b = (const ocl_buffer *)t->buffer;
    return (ocl_place){b->mem, b->at + (size_t)t->offset};
}

/* GRAIN times 1, 2, 3, 4, then four classes to each doubling. */
static int size_class_of(size_t bytes, size_t *rounded) {
    size_t units = bytes ? (bytes - 1) / GRAIN + 1 : 1;
    int shift = units > 4 ? 61 - __builtin_clzll(units - 1) : 0;
    size_t quarters = (units - 1) >> shift;
    *rounded = ((quarters + 1) << shift) * GRAIN;
    return 4 * shift + (int)quarters;
}

/* Under the device's lock, like all that follows until device_alloc. */
static cl_mem new_mem(ocl_device *d, size_t bytes) {
    cl_int error = CL_SUCCESS;
    /* mapped without a copy */
    cl_bitfield flags = CL_MEM_READ_WRITE |
                        (d->share_alignment && bytes >= OCL_SHARED_BYTES ? CL_MEM_ALLOC_HOST_PTR : 0);
    cl_mem mem = cl.clCreateBuffer(d->context, flags, bytes, NULL, &error);
    if (mem) d->buffers++, d->bytes_idle += (int64_t)bytes;
    return mem;
}

static void free_mem(ocl_device *d, cl_mem mem, size_t bytes) {
    d->buffers--, d->bytes_idle -= (int64_t)bytes;
    cl.clReleaseMemObject(mem); /* the runtime keeps it until its queues have passed it */
}

/* Gives idle blocks and slabs back to the driver. */
static void free_idle(ocl_device *d) {
    ocl_pinned_free_idle(d);
    for (int c = 0; c < OCL_SIZE_CLASSES; c++)
        for (ocl_buffer **link = &d->idle[c], *b; (b = *link);) {
            if (b->slab && b->slab->in_use) {
                link = &b->next;
                continue;
            }
            *link = b->next;
            if (!b->slab) free_mem(d, b->mem, b->base.capacity);
            free(b);
        }
    for (ocl_slab **link = &d->slabs, *slab; (slab = *link);) {
        if (slab->in_use) {
            link = &slab->next;
            continue;
        }
        *link = slab->next;
        free_mem(d, slab->mem, SLAB);
        free(slab);
    }
}

/* The slab to cut the next `bytes` from, or NULL where there is no room for another one. A slab's memory
 * counts as idle until it is cut. */
static ocl_slab *slab_for(ocl_device *d, size_t bytes) {
    if (d->slabs && d->slabs->cut + bytes <= SLAB) return d->slabs;
    if (d->bytes_live + d->bytes_idle + SLAB > d->memory_limit) return NULL;
    ocl_slab *slab = calloc(1, sizeof *slab);
    if (slab && !(slab->mem = new_mem(d, SLAB))) {
        free(slab);
        slab = NULL;
    }
    if (!slab) return NULL;
    slab->next = d->slabs;
    return d->slabs = slab;
}

/* A block of `rounded` bytes that nobody had before, idle; NULL: no memory. */
static ocl_buffer *new_block(ocl_device *d, size_t rounded) {
    ocl_buffer *b = calloc(1, sizeof *b);
    if (!b) return NULL;
    /* a simulator checks the bounds of its own buffers only */
    b->slab = rounded <= SMALL && !d->is_serial ? slab_for(d, rounded) : NULL;
    if (b->slab) {
        b->mem = b->slab->mem;
        b->at = b->slab->cut;
        b->slab->cut += rounded;
    } else {
        if (d->bytes_live + d->bytes_idle + (int64_t)rounded > d->memory_limit) free_idle(d);
        if (d->bytes_live + d->bytes_idle + (int64_t)rounded <= d->memory_limit &&
            !(b->mem = new_mem(d, rounded))) {
            /* what is idle may be in the way; what was given back is freed once the queue has passed it */
            free_idle(d);
            cl.clFinish(d->queue);
            b->mem = new_mem(d, rounded);
        }
        if (!b->mem) {
            free(b);
            return NULL;
        }
    }
    b->base.capacity = rounded;
    b->base.device = &d->base;
    b->base.data = b->mem;
    return b;
}

static void enter_live(ocl_device *d, ocl_buffer *b) {
    d->bytes_live += (int64_t)b->base.capacity;
    b->previous = NULL;
    b->next = d->live;
    if (d->live) d->live->previous = b;
    d->live = b;
}

static void leave_live(ocl_device *d, ocl_buffer *b) {
    d->bytes_live -= (int64_t)b->base.capacity;
    if (b->next) b->next->previous = b->previous;
    if (b->previous) b->previous->next = b->next;
    else d->live = b->next;
}

static int take_block(ocl_device *d, size_t bytes, fc_buffer **out) {
    size_t rounded;
    if ((int64_t)bytes > d->max_buffer) return FC_RESOURCE_EXHAUSTED;
    int c = size_class_of(bytes, &rounded);
    if ((int64_t)rounded > d->max_buffer) rounded = (size_t)d->max_buffer;
    pthread_mutex_lock(&d->lock);
    ocl_buffer *b = NULL;
    if (d->bytes_live + (int64_t)rounded <= d->memory_limit) {
        if ((b = d->idle[c])) d->idle[c] = b->next;
        else b = new_block(d, rounded);
    }
    if (!b) {
        pthread_mutex_unlock(&d->lock);
        return FC_RESOURCE_EXHAUSTED;
    }
    d->bytes_idle -= (int64_t)b->base.capacity;
    if (b->slab) b->slab->in_use++;
    b->size_class = c;
    b->node[0] = 0;
    enter_live(d, b);
    pthread_mutex_unlock(&d->lock);
    b->base.refs = 1;
    b->base.flags = 0;
    *out = &b->base;
    return FC_OK;
}

static int device_alloc(fc_device *self, size_t bytes, fc_buffer **out) {
    *out = NULL; /* what stood there may be another tensor's, and callers release what they find */
    ocl_enter((ocl_device *)self);
    int rc = take_block((ocl_device *)self, bytes, out);
    ocl_leave((ocl_device *)self);
    return rc;
}

static void device_release(fc_buffer *buffer) {
    ocl_buffer *b = (ocl_buffer *)buffer;
    ocl_device *d = (ocl_device *)buffer->device;
    pthread_mutex_lock(&d->lock);
    if (!b->lent) leave_live(d, b);
    if (b->slab) b->slab->in_use--;
    /* What callers fetched was not counted against the limit, and may come back all at once. */
    int kept = !b->over_host && !(b->lent && d->bytes_idle > d->memory_limit / 8);
    if (kept) {
        d->bytes_idle += (int64_t)b->base.capacity;
        b->lent = 0;
        b->next = d->idle[b->size_class];
        d->idle[b->size_class] = b;
    } else {
        d->buffers--;
    }
    pthread_mutex_unlock(&d->lock);
    if (kept) return;
    /* not under the lock: the host's block that comes free with it may be mapped from another device */
    cl.clReleaseMemObject(b->mem);
    free(b);
}

void ocl_lent(fc_buffer *block, int lent) {
    ocl_buffer *b = (ocl_buffer *)block;
    ocl_device *d = (ocl_device *)block->device;
    pthread_mutex_lock(&d->lock);
    b->lent = lent;
    (lent ? leave_live : enter_live)(d, b);
    pthread_mutex_unlock(&d->lock);
}

static void give_back_host(cl_mem mem, void *host) { (void)mem, fc_release(host); }

fc_buffer *ocl_block_over(ocl_device *d, fc_buffer *host, void *data, size_t bytes) {
    cl_int error = CL_SUCCESS;
    pthread_mutex_lock(&d->lock);
    int fits = (int64_t)bytes <= d->max_buffer && d->bytes_live + (int64_t)bytes <= d->memory_limit;
    pthread_mutex_unlock(&d->lock);
    ocl_buffer *b = fits ? calloc(1, sizeof *b) : NULL;
    if (!b) return NULL;
    b->mem = cl.clCreateBuffer(d->context, CL_MEM_READ_WRITE | CL_MEM_USE_HOST_PTR, bytes, data, &error);
    if (b->mem && cl.clSetMemObjectDestructorCallback(b->mem, give_back_host, host)) {
        cl.clReleaseMemObject(b->mem);
        b->mem = NULL;
    }
    if (!b->mem) {
        free(b);
        return NULL;
    }
    fc_retain(host);
    b->over_host = 1;
    b->base = (fc_buffer){.refs = 1, .data = b->mem, .capacity = bytes, .device = &d->base};
    pthread_mutex_lock(&d->lock);
    d->buffers++;
    enter_live(d, b);
    pthread_mutex_unlock(&d->lock);
    return &b->base;
}

static void name_block(fc_buffer *buffer, const char *node) {
    ocl_buffer *b = (ocl_buffer *)buffer;
    ocl_device *d = (ocl_device *)buffer->device;
    /* the end of a long name says more than its beginning */
    size_t length = strlen(node), most = sizeof b->node - 1;
    pthread_mutex_lock(&d->lock);
    memcpy(b->node, length > most ? node + (length - most) : node, (length > most ? most : length) + 1);
    pthread_mutex_unlock(&d->lock);
}

/* ". /device:GPU:0 holds 812 MB of 1024 MB; the largest: ..." */
static void describe(fc_device *self, char *text, size_t size) {
    ocl_device *d = (ocl_device *)self;
    enum { SHOWN = 8 };
    const ocl_buffer *largest[SHOWN] = {NULL};
    size_t used = 0;
    pthread_mutex_lock(&d->lock);
    for (const ocl_buffer *b = d->live; b; b = b->next)
        for (int i = 0; i < SHOWN; i++)
            if (!largest[i] || b->base.capacity > largest[i]->base.capacity) {
                memmove(largest + i + 1, largest + i, (size_t)(SHOWN - 1 - i) * sizeof *largest);
                largest[i] = b;
                break;
            }
    used += (size_t)snprintf(
        text, size, ". %s has %lld bytes in use of %lld (at most %lld at once). Largest tensors:", d->name,
        (long long)d->bytes_live, (long long)d->memory_limit, (long long)d->max_buffer);
    for (int i = 0; i < SHOWN && largest[i] && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, "\n  %12lld  %s",
                                 (long long)largest[i]->base.capacity,
                                 *largest[i]->node ? largest[i]->node : "working memory");
    pthread_mutex_unlock(&d->lock);
}

int ocl_buffer_new(fc_ctx *ctx, int dtype, int64_t size, fc_buffer **out) {
    int64_t bytes;
    if (__builtin_mul_overflow(size, fc_item_size(dtype), &bytes)) bytes = INT64_MAX;
    int rc = device_alloc(&ocl_of(ctx)->base, (size_t)bytes, out);
    if (!rc) {
        name_block(*out, ctx->name);
        return FC_OK;
    }
    char text[768];
    describe(&ocl_of(ctx)->base, text, sizeof text);
    return ctx->api->fail(ctx, rc, "out of memory: no room for %lld bytes more%s", (long long)bytes, text);
}

void ocl_open_memory(ocl_device *d) {
    d->base.alloc = device_alloc;
    d->base.release = device_release;
    d->base.name_block = name_block;
    d->base.describe = describe;
}
