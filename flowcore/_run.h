/* What the engine needs of C for a run: messages of fixed size, and the GIL that a short run keeps.
 *
 * Must only be included by the engine.
 */
#ifndef FLOWCORE_RUN_H
#define FLOWCORE_RUN_H

#include <Python.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>

#include "_kernel.h"

/* The head of the struct that the scheduler keeps behind ctx->engine: where messages go. */
typedef struct {
    char *message;
} fc_run_head;
enum { FC_MESSAGE_SIZE = 1024 };
static int fc_api_fail(fc_ctx *ctx, int status, const char *format, ...) {
    va_list args;
    va_start(args, format);
    vsnprintf(((fc_run_head *)ctx->engine)->message, FC_MESSAGE_SIZE, format, args);
    va_end(args);
    return status;
}
static inline void fc_message(char *to, const char *text) { snprintf(to, FC_MESSAGE_SIZE, "%s", text); }
static inline void fc_memory_message(char *to, fc_device *device, long long bytes, int ndim,
                                     const int64_t *shape) {
    fc_tensor t = {0};
    char text[256];
    int used;
    fc_set_dims(&t, ndim, shape);
    used = snprintf(to, FC_MESSAGE_SIZE, "out of memory: an output of shape %s takes %lld bytes",
                    fc_shape_str(&t, text, sizeof text), bytes);
    if (device && device->describe) device->describe(device, to + used, (size_t)(FC_MESSAGE_SIZE - used));
}
static inline void fc_index_message(char *to, const char *format, long long a, long long b) {
    if (a == b && a < 0) snprintf(to, FC_MESSAGE_SIZE, "%s", format);
    else snprintf(to, FC_MESSAGE_SIZE, format, a, b);
}
/* Where the state of this thread goes when its run releases the GIL; NULL: it has done so, or has not
 * got it. */
static __thread PyThreadState **fc_kept;
static int32_t fc_returning; /* threads whose run is over and that wait for the GIL */
static int32_t fc_returned;  /* how often one of them has got it */
static inline void fc_let_go(void) {
    PyThreadState **state = fc_kept;
    if (!state || !PyGILState_Check()) return;
    fc_kept = NULL;
    *state = PyEval_SaveThread();
}
static inline PyThreadState **fc_keep(PyThreadState **state) {
    PyThreadState **outer = fc_kept;
    *state = NULL;
    fc_kept = state;
    return outer;
}
static inline void fc_come_back(PyThreadState *state, PyThreadState **outer) {
    fc_kept = outer;
    if (!state) return;
    __atomic_add_fetch(&fc_returning, 1, __ATOMIC_RELAXED);
    PyEval_RestoreThread(state);
    __atomic_sub_fetch(&fc_returning, 1, __ATOMIC_RELAXED);
    __atomic_add_fetch(&fc_returned, 1, __ATOMIC_RELAXED);
}
static void fc_none_returning(void) { fc_returning = 0; }
static inline void fc_watch_returning(void) { pthread_atfork(NULL, NULL, fc_none_returning); }
/* What decides a branch or a loop: a number that is not zero, a text that is not empty; of what is no scalar,
 * that it has elements. */
static inline int fc_is_true(const fc_tensor *t) {
    const void *data = fc_data(t);
    if (t->ndim) return t->size > 0;
    switch (t->dtype) {
    case FC_BOOL: return *(const uint8_t *)data != 0;
    case FC_FLOAT32: return *(const float *)data != 0;
    case FC_FLOAT64: return *(const double *)data != 0;
    case FC_FLOAT16:
    case FC_BFLOAT16: return (*(const uint16_t *)data & 0x7fff) != 0;
    case FC_STRING: return fc_bytes_of((const fc_string *)data).size > 0;
    default:
        for (int64_t i = 0; i < fc_item_size(t->dtype); i++)
            if (((const uint8_t *)data)[i]) return 1;
        return 0;
    }
}

#endif
