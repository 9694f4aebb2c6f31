/* Life, kernels and launches of an OpenCL device. */
#include "device.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "build.h"

struct ocl_entry {
    char *key; /* "file kernel options" */
    cl_program program;
    const char *name;   /* into key */
    cl_kernel idle[16]; /* kernel objects that nobody sets arguments of just now */
    int n_idle;
    int64_t max_group; /* of this kernel on this device */
    ocl_entry *next;
};

static pthread_mutex_t serial;
static pthread_once_t serial_once = PTHREAD_ONCE_INIT;
static void make_serial(void) {
    pthread_mutexattr_t recursive;
    pthread_mutexattr_init(&recursive);
    pthread_mutexattr_settype(&recursive, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&serial, &recursive);
}
void ocl_enter(const ocl_device *d) {
    if (d->is_serial) pthread_mutex_lock(&serial);
}
void ocl_leave(const ocl_device *d) {
    if (d->is_serial) pthread_mutex_unlock(&serial);
}

/* ---- life ------------------------------------------------------------------------------------ */

ocl_device *ocl_open(const char *name, cl_context context, cl_device_id id, cl_int *error) {
    ocl_device *d = calloc(1, sizeof *d);
    *error = CL_OUT_OF_HOST_MEMORY;
    if (!d) return NULL;
    d->queue = cl.clCreateCommandQueue(context, id, 0, error);
    if (!d->queue) {
        free(d);
        return NULL;
    }
    snprintf(d->name, sizeof d->name, "%s", name);
    d->context = context;
    d->id = id;
    cl.clRetainContext(context);
    pthread_mutex_init(&d->lock, NULL);
    pthread_cond_init(&d->transfer_came, NULL);
    pthread_once(&serial_once, make_serial);
    d->base = (fc_device){.abi = FC_ABI,
                          .name = d->name,
                          .type = "GPU",
                          .self = d,
                          .copy = ocl_move,
                          .fill = ocl_fill,
                          .from_host = ocl_from_host,
                          .to_host = ocl_to_host,
                          .add = ocl_add_n};
    ocl_open_memory(d);
    return d;
}

/* ---- kernels --------------------------------------------------------------------------------- */

static uint32_t hash(const char *s) { /* FNV-1a */
    uint32_t h = 2166136261u;
    for (; *s; s++) h = (h ^ (uint8_t)*s) * 16777619u;
    return h % OCL_BUCKETS;
}

static int take_kernel(ocl_call *call, ocl_entry *e) {
    ocl_device *d = call->device;
    cl_int error = CL_SUCCESS;
    pthread_mutex_lock(&d->lock);
    call->kernel = e->n_idle ? e->idle[--e->n_idle] : NULL;
    pthread_mutex_unlock(&d->lock);
    call->entry = e;
    ocl_enter(d);
    if (!call->kernel) call->kernel = cl.clCreateKernel(e->program, e->name, &error);
    ocl_leave(d);
    if (!call->kernel)
        return call->ctx->api->fail(call->ctx, FC_INTERNAL, "%s has no kernel '%s': %s", d->name, e->name,
                                    fc_cl_error(error));
    if (!__atomic_load_n(&e->max_group, __ATOMIC_RELAXED)) {
        size_t size = 0;
        cl.clGetKernelWorkGroupInfo(call->kernel, d->id, CL_KERNEL_WORK_GROUP_SIZE, sizeof size, &size, NULL);
        __atomic_store_n(&e->max_group, size ? (int64_t)size : 1, __ATOMIC_RELAXED);
    }
    return FC_OK;
}

int ocl_begin(ocl_call *call, fc_ctx *ctx, const char *file, const char *name, const char *format, ...) {
    /* the options of a fused node hold its whole program, and messages hold them */
    char key[2048], text[4096];
    va_list arguments;
    *call = (ocl_call){.ctx = ctx, .device = ocl_of(ctx)};
    ocl_device *d = call->device;
    int at = snprintf(key, sizeof key, "%s %s ", file, name);
    va_start(arguments, format);
    int more = vsnprintf(key + at, sizeof key - (size_t)at, format, arguments);
    va_end(arguments);
    if (at + more >= (int)sizeof key)
        return ctx->api->fail(ctx, FC_INTERNAL, "the build options of kernel '%s' are too long", name);
    uint32_t bucket = hash(key);
    pthread_mutex_lock(&d->lock);
    ocl_entry *e = d->kernels[bucket];
    while (e && strcmp(e->key, key)) e = e->next;
    pthread_mutex_unlock(&d->lock);
    if (e) return take_kernel(call, e);
    /* Two threads may both build it; the second entry then waits behind the first, unused and harmless. */
    ocl_enter(d);
    cl_program program = ocl_build(d->build, file, key + at, text, sizeof text);
    ocl_leave(d);
    if (!program) return ctx->api->fail(ctx, FC_INTERNAL, "%s", text);
    e = calloc(1, sizeof *e);
    char *copy = strdup(key);
    if (!e || !copy) {
        free(e);
        free(copy);
        return ctx->api->fail(ctx, FC_RESOURCE_EXHAUSTED, "no memory for a kernel");
    }
    e->key = copy;
    e->name = name;
    e->program = program;
    pthread_mutex_lock(&d->lock);
    e->next = d->kernels[bucket];
    d->kernels[bucket] = e;
    pthread_mutex_unlock(&d->lock);
    return take_kernel(call, e);
}

void ocl_bytes(ocl_call *call, const void *value, size_t size) {
    ocl_enter(call->device);
    cl_int error = cl.clSetKernelArg(call->kernel, call->count++, size, value);
    ocl_leave(call->device);
    if (error && !call->error) call->error = error;
}
void ocl_long(ocl_call *call, int64_t value) { ocl_bytes(call, &value, sizeof value); }
void ocl_float(ocl_call *call, float value) { ocl_bytes(call, &value, sizeof value); }
void ocl_scalar(ocl_call *call, int dtype, double value) {
    if (dtype == FC_FLOAT64) ocl_bytes(call, &value, sizeof value);
    else ocl_float(call, (float)value);
}
void ocl_tensor(ocl_call *call, const fc_tensor *t) {
    ocl_place place = ocl_place_of(t);
    ocl_bytes(call, &place.mem, sizeof place.mem);
    ocl_long(call, (int64_t)place.at / fc_item_size(t->dtype));
}

static int end_call(ocl_call *call, int axes, const size_t *global, const size_t *local) {
    ocl_device *d = call->device;
    ocl_entry *e = call->entry;
    cl_int error = call->error;
    ocl_enter(d);
    if (!error)
        error = cl.clEnqueueNDRangeKernel(d->queue, call->kernel, (cl_uint)axes, NULL, global, local, 0, NULL,
                                          NULL);
    ocl_leave(d);
    pthread_mutex_lock(&d->lock);
    d->launches++;
    cl_kernel extra = NULL;
    if (e->n_idle < (int)(sizeof e->idle / sizeof e->idle[0])) e->idle[e->n_idle++] = call->kernel;
    else extra = call->kernel;
    pthread_mutex_unlock(&d->lock);
    if (extra) cl.clReleaseKernel(extra);
    if (!error) return FC_OK;
    int status = error == CL_MEM_OBJECT_ALLOCATION_FAILURE || error == CL_OUT_OF_RESOURCES ||
                         error == CL_OUT_OF_HOST_MEMORY
                     ? FC_RESOURCE_EXHAUSTED
                     : FC_INTERNAL;
    return call->ctx->api->fail(call->ctx, status, "%s refused to run kernel '%s': %s", d->name, e->name,
                                fc_cl_error(error));
}

static int64_t largest_group(const ocl_call *call) {
    return __atomic_load_n(&call->entry->max_group, __ATOMIC_RELAXED);
}

static int run_items(ocl_call *call, int64_t n, int64_t group, int64_t most) {
    while (group > largest_group(call)) group /= 2;
    if (group < 1) group = 1;
    int64_t groups = (n + group - 1) / group;
    if (groups > most) groups = most;
    size_t local = (size_t)group, global = (size_t)(groups * group);
    return end_call(call, 1, &global, &local);
}

int ocl_run(ocl_call *call, int64_t n) {
    const ocl_device *d = call->device;
    if (d->wide_items) return ocl_run_parts(call, n, 1);
    /* Runtimes on processors compile a kernel once more for each local size, so there are two: one for short
     * tensors. */
    return d->is_cpu ? run_items(call, n, n <= 1024 ? 64 : 512, d->units * 4)
                     : run_items(call, n, 256, d->units * 16);
}

int ocl_run_light(ocl_call *call, int64_t n) {
    const ocl_device *d = call->device;
    /* Neighbouring groups take neighbouring elements: a processor that strides over the grid leaves a page
     * with each step (measured: 3 times the time). */
    return d->is_cpu && !d->wide_items ? run_items(call, n, n <= 1024 ? 64 : 512, INT64_MAX)
                                       : ocl_run(call, n);
}

int ocl_run_parts(ocl_call *call, int64_t n, int64_t cost) {
    const ocl_device *d = call->device;
    int64_t group = d->is_cpu ? 1 : 64, groups = (n + group - 1) / group;
    if (d->is_cpu) { /* neither more than keep its cores busy, nor for less work than a thread is worth */
        int64_t most = d->units * 4, worth = 1 + (int64_t)((double)n * (double)cost / 8192);
        if (most > worth) most = worth;
        if (groups > most) groups = most;
    }
    while (group > largest_group(call)) group /= 2, groups *= 2;
    return ocl_run_groups(call, 1, &groups, &group);
}

int ocl_run_trees(ocl_call *call, int64_t groups, int64_t length, int64_t item) {
    int64_t group = 64, most = call->device->units * 64;
    while (group < 256 && group * 4 < length) group *= 2;
    while (group > largest_group(call)) group /= 2;
    if (groups > most) groups = most;
    ocl_bytes(call, NULL, (size_t)(group * item));
    return ocl_run_groups(call, 1, &groups, &group);
}

int ocl_run_squares(ocl_call *call, int64_t groups, int64_t group) {
    while (group > largest_group(call)) group /= 2;
    if (groups > 65535) groups = 65535;
    return ocl_run_groups(call, 1, &groups, &group);
}

int ocl_run_groups(ocl_call *call, int axes, const int64_t *groups, const int64_t *group_size) {
    size_t global[3], local[3];
    for (int i = 0; i < axes; i++) {
        local[i] = (size_t)group_size[i];
        global[i] = (size_t)(groups[i] * group_size[i]);
    }
    return end_call(call, axes, global, local);
}

int ocl_copy(fc_ctx *ctx, const fc_tensor *from, int64_t from_offset, const fc_tensor *to, int64_t to_offset,
             int64_t bytes) {
    ocl_device *d = ocl_of(ctx);
    if (!bytes) return FC_OK;
    ocl_place source = ocl_place_of(from), target = ocl_place_of(to);
    ocl_enter(d);
    cl_int error = cl.clEnqueueCopyBuffer(d->queue, source.mem, target.mem, source.at + (size_t)from_offset,
                                          target.at + (size_t)to_offset, (size_t)bytes, 0, NULL, NULL);
    ocl_leave(d);
    return error ? ctx->api->fail(ctx, FC_INTERNAL, "%s refused a copy: %s", d->name, fc_cl_error(error))
                 : FC_OK;
}

const char *ocl_type(int dtype) {
    static const char *const names[FC_NUM_DTYPES] = {
        [FC_FLOAT32] = "float32",   [FC_FLOAT64] = "float64", [FC_FLOAT16] = "float16",
        [FC_BFLOAT16] = "bfloat16", [FC_INT8] = "int8",       [FC_UINT8] = "uint8",
        [FC_INT16] = "int16",       [FC_UINT16] = "uint16",   [FC_INT32] = "int32",
        [FC_UINT32] = "uint32",     [FC_INT64] = "int64",     [FC_UINT64] = "uint64",
        [FC_BOOL] = "bool"};
    return dtype >= 0 && dtype < FC_NUM_DTYPES && names[dtype] ? names[dtype] : "unknown";
}
