/* A second device that proves the kernel contract: memory of its own that the host cannot touch, launches
 * that return at once and run in order on a thread of its own, copies as nodes. Not an OpenCL device, but
 * shaped like one. Compiled by test_fake_device.py. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../flowcore/kernels/_module.h"

/* A device address is the real one with these bits flipped: whoever follows it on the host crashes. */
#define POISON ((uintptr_t)0x7a5a000000000000u)
static void *flip(void *p) { return (void *)((uintptr_t)p ^ POISON); }

typedef struct command {
    void (*run)(struct command *c);
    fc_buffer *keep[3];
    char *out;
    const char *in[2];
    int64_t n;
    fc_copy layout;
    char pattern[16];
    fc_token *token;
    const fc_api *api;
    struct command *next;
} command;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t wake = PTHREAD_COND_INITIALIZER;
static command *first, *last;
static int started, depth, deepest, delay_us;
static long launches, copies, live;

static void *device_main(void *unused) {
    (void)unused;
    for (;;) {
        pthread_mutex_lock(&lock);
        while (!first) pthread_cond_wait(&wake, &lock);
        command *c = first;
        first = c->next;
        if (!first) last = NULL;
        int pause = delay_us;
        pthread_mutex_unlock(&lock);
        if (pause) usleep((unsigned)pause);
        c->run(c);
        pthread_mutex_lock(&lock);
        depth--;
        pthread_mutex_unlock(&lock);
        for (int i = 0; i < 3; i++) fc_release(c->keep[i]);
        if (c->token) c->api->complete(c->token, FC_OK);
        free(c);
    }
    return NULL;
}

static void launch(command *c) {
    pthread_mutex_lock(&lock);
    if (!started) {
        pthread_t thread;
        started = !pthread_create(&thread, NULL, device_main, NULL);
    }
    if (last) last->next = c;
    else first = c;
    last = c;
    if (++depth > deepest) deepest = depth;
    pthread_cond_signal(&wake);
    pthread_mutex_unlock(&lock);
}

static int device_alloc(fc_device *self, size_t bytes, fc_buffer **out) {
    fc_buffer *b = calloc(1, sizeof(fc_buffer));
    if (bytes > (size_t)1 << 30) {
        free(b);
        return FC_RESOURCE_EXHAUSTED;
    }
    b->refs = 1;
    b->capacity = bytes;
    b->device = self;
    b->data = flip(malloc(bytes));
    __atomic_fetch_add(&live, 1, __ATOMIC_RELAXED);
    *out = b;
    return FC_OK;
}
static void device_release(fc_buffer *b) {
    free(flip(b->data));
    free(b);
    __atomic_fetch_sub(&live, 1, __ATOMIC_RELAXED);
}
static int from_host(fc_ctx *ctx);
static int to_host(fc_ctx *ctx);
static int add(fc_ctx *ctx);
static int move(fc_ctx *ctx, const fc_copy *copy, const fc_tensor *dst, int64_t dst_offset,
                const fc_tensor *src, int64_t src_offset);
static int fill(fc_ctx *ctx, const fc_tensor *dst, const fc_tensor *value, const void *pattern);
static fc_device device = {.abi = FC_ABI,
                           .name = "/device:FAKE:0",
                           .type = "FAKE",
                           .alloc = device_alloc,
                           .release = device_release,
                           .copy = move,
                           .fill = fill,
                           .from_host = from_host,
                           .to_host = to_host,
                           .add = add};

static const char *device_data(const fc_tensor *t) {
    return t->buffer ? (char *)flip(t->buffer->data) + t->offset : NULL;
}

static void run_copy(command *c) { memcpy(c->out, c->in[0], (size_t)c->n); }
static void run_add(command *c) {
    for (int64_t i = 0; i < c->n; i++)
        ((float *)c->out)[i] = ((const float *)c->in[0])[i] + ((const float *)c->in[1])[i];
}
static void run_neg(command *c) {
    for (int64_t i = 0; i < c->n; i++) ((float *)c->out)[i] = -((const float *)c->in[0])[i];
}

static command *prepare(fc_ctx *ctx, void (*run)(command *)) {
    command *c = calloc(1, sizeof(command));
    c->run = run;
    c->api = ctx->api;
    for (int i = 0; i < ctx->n_in && i < 2; i++) {
        c->keep[i] = ctx->in[i]->buffer;
        fc_retain(c->keep[i]);
    }
    c->keep[2] = ctx->out[0].buffer;
    fc_retain(c->keep[2]);
    return c;
}

static int elementwise(fc_ctx *ctx, void (*run)(command *)) {
    const fc_tensor *x = ctx->in[0];
    for (int i = 0; i < ctx->n_in; i++) {
        if (ctx->in[i]->buffer && ctx->in[i]->buffer->device != &device)
            return ctx->api->fail(ctx, FC_INTERNAL, "input %d is not on this device", i);
        if (ctx->in[i]->size != x->size)
            return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "this device wants equal shapes");
    }
    int rc = ctx->api->alloc(ctx, 0, x->dtype, x->ndim, fc_dims(x));
    if (rc || !x->size) return rc;
    command *c = prepare(ctx, run);
    for (int i = 0; i < ctx->n_in; i++) c->in[i] = device_data(ctx->in[i]);
    c->out = (char *)device_data(&ctx->out[0]);
    c->n = x->size;
    __atomic_fetch_add(&launches, 1, __ATOMIC_RELAXED);
    launch(c);
    return FC_OK;
}
static int add(fc_ctx *ctx) { return elementwise(ctx, run_add); }
static int neg(fc_ctx *ctx) { return elementwise(ctx, run_neg); }

/* The device's own copy and fill, for kernels that only move elements. */
static void run_move(command *c) {
    for (int64_t i = 0; i < c->n; i++) {
        int64_t to = 0, from = 0, rest = i;
        for (int d = c->layout.ndim - 1; d >= 0; d--) {
            to += rest % c->layout.shape[d] * c->layout.dst[d];
            from += rest % c->layout.shape[d] * c->layout.src[d];
            rest /= c->layout.shape[d];
        }
        memcpy(c->out + to, c->in[0] + from, (size_t)c->layout.item);
    }
}
static void run_fill(command *c) {
    const char *value = c->in[0] ? c->in[0] : c->pattern;
    for (int64_t i = 0; i < c->n; i++) memcpy(c->out + i * c->layout.item, value, (size_t)c->layout.item);
}
static command *prepare_move(fc_ctx *ctx, void (*run)(command *), const fc_tensor *dst, int64_t dst_offset,
                             const fc_tensor *src, int64_t src_offset) {
    command *c = calloc(1, sizeof(command));
    c->run = run;
    c->api = ctx->api;
    c->out = (char *)device_data(dst) + dst_offset;
    if (src) c->in[0] = device_data(src) + src_offset;
    fc_retain(c->keep[0] = dst->buffer);
    if (src) fc_retain(c->keep[1] = src->buffer);
    return c;
}
static int move(fc_ctx *ctx, const fc_copy *copy, const fc_tensor *dst, int64_t dst_offset,
                const fc_tensor *src, int64_t src_offset) {
    command *c = prepare_move(ctx, run_move, dst, dst_offset, src, src_offset);
    c->layout = *copy;
    c->n = 1;
    for (int d = 0; d < copy->ndim; d++) c->n *= copy->shape[d];
    launch(c);
    return FC_OK;
}
static int fill(fc_ctx *ctx, const fc_tensor *dst, const fc_tensor *value, const void *pattern) {
    command *c = prepare_move(ctx, run_fill, dst, 0, value, 0);
    c->layout.item = fc_item_size(dst->dtype);
    c->n = dst->size;
    if (!value) memcpy(c->pattern, pattern, (size_t)c->layout.item);
    launch(c);
    return FC_OK;
}

/* Only its shape argument is read here, and that is host memory. */
static int from_host(fc_ctx *ctx) {
    const fc_tensor *x = ctx->in[0];
    int rc = ctx->api->alloc(ctx, 0, x->dtype, x->ndim, fc_dims(x));
    if (rc || !x->size) return rc;
    command *c = prepare(ctx, run_copy);
    c->in[0] = fc_data(x);
    c->out = (char *)device_data(&ctx->out[0]);
    c->n = x->size * fc_item_size(x->dtype);
    __atomic_fetch_add(&copies, 1, __ATOMIC_RELAXED);
    launch(c);
    return FC_OK;
}

/* the copy ends soon and completes the token */
static void ignore_cancel(fc_token *token, void *arg) {
    (void)token;
    (void)arg;
}

/* The host waits here, parked, until the copy is through the queue. */
static int to_host(fc_ctx *ctx) {
    const fc_tensor *x = ctx->in[0];
    fc_device *host = ctx->device;
    fc_buffer *b = NULL;
    (void)host;
    int rc = x->size ? ctx->api->buffer_new(ctx, x->dtype, x->size, &b) : FC_OK;
    if (rc) return rc;
    ctx->out[0] = *x;
    ctx->out[0].buffer = b;
    ctx->out[0].offset = 0;
    if (!x->size) return FC_OK;
    command *c = prepare(ctx, run_copy);
    c->in[0] = device_data(x);
    c->out = fc_data(&ctx->out[0]);
    c->n = x->size * fc_item_size(x->dtype);
    c->token = ctx->api->park(ctx, ignore_cancel, NULL);
    if (!c->token) {
        for (int i = 0; i < 3; i++) fc_release(c->keep[i]);
        free(c);
        return FC_CANCELLED;
    }
    __atomic_fetch_add(&copies, 1, __ATOMIC_RELAXED);
    launch(c);
    return FC_PENDING;
}

static const fc_kernel_def defs[] = {
    {"AddV2", "T:float32", "", FC_SYNC, 0, 0, add},
    {"Neg", "T:float32", "", FC_SYNC, 0, 0, neg},
    {"_HostToDevice", "", "", FC_SYNC, 1, 0, from_host},
    {"_DeviceToHost", "", "", FC_ASYNC, 0, 1, to_host},
};
static const fc_kernel_table table = {FC_ABI, "FAKE", sizeof defs / sizeof defs[0], defs};

static PyObject *get_device(PyObject *module, PyObject *unused) {
    (void)module, (void)unused;
    return PyCapsule_New(&device, "flowcore.device", NULL);
}
static PyObject *counters(PyObject *module, PyObject *unused) {
    (void)module, (void)unused;
    pthread_mutex_lock(&lock);
    PyObject *result = Py_BuildValue("{s:l,s:l,s:i,s:l}", "launches", launches, "copies", copies, "deepest",
                                     deepest, "live", live);
    pthread_mutex_unlock(&lock);
    return result;
}
static PyObject *set_delay(PyObject *module, PyObject *arg) {
    (void)module;
    delay_us = (int)PyLong_AsLong(arg);
    Py_RETURN_NONE;
}
static PyMethodDef methods[] = {{"device", get_device, METH_NOARGS, NULL},
                                {"counters", counters, METH_NOARGS, NULL},
                                {"set_delay", set_delay, METH_O, NULL},
                                {NULL, NULL, 0, NULL}};

static const fc_kernel_table *tables[] = {&table};
FC_KERNEL_MODULE(fake_device, tables, methods)
