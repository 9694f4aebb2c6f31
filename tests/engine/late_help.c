/* A parallel loop that begins while the only other thread is busy, and goes on when that thread is free.
 * Compiled by test_parallel_loops.py. */
#include <unistd.h>

#include "../../flowcore/kernels/_module.h"

enum { PIECES = 40, WAIT_MS = 20000 };

/* the other thread is busy; the loop has begun; the thread is free */
static int held, begun, released;
static int here, elsewhere, done[PIECES];
static __thread int begins_the_loop;

static int wait_for(int *flag) {
    for (int ms = 0; ms < WAIT_MS && !__atomic_load_n(flag, __ATOMIC_SEQ_CST); ms++) usleep(1000);
    return __atomic_load_n(flag, __ATOMIC_SEQ_CST);
}

static PyObject *hold(PyObject *module, PyObject *unused) {
    (void)module, (void)unused;
    Py_BEGIN_ALLOW_THREADS __atomic_store_n(&held, 1, __ATOMIC_SEQ_CST);
    wait_for(&begun);
    __atomic_store_n(&released, 1, __ATOMIC_SEQ_CST);
    Py_END_ALLOW_THREADS Py_RETURN_NONE;
}

static void piece(void *arg, int64_t begin, int64_t end) {
    (void)arg;
    __atomic_store_n(&begun, 1, __ATOMIC_SEQ_CST);
    wait_for(&released);
    usleep(5000);
    __atomic_fetch_add(begins_the_loop ? &here : &elsewhere, 1, __ATOMIC_SEQ_CST);
    for (int64_t i = begin; i < end; i++) __atomic_fetch_add(&done[i], 1, __ATOMIC_SEQ_CST);
}

static int loop(fc_ctx *ctx) {
    if (!wait_for(&held)) return ctx->api->fail(ctx, FC_INTERNAL, "no other thread took the other node");
    begins_the_loop = 1;
    ctx->api->parallel_for(ctx, PIECES, 1, piece, NULL);
    begins_the_loop = 0;
    for (int i = 0; i < PIECES; i++)
        if (done[i] != 1) return ctx->api->fail(ctx, FC_INTERNAL, "piece %d ran %d times", i, done[i]);
    return FC_OK;
}

static PyObject *pieces(PyObject *module, PyObject *unused) {
    (void)module, (void)unused;
    return Py_BuildValue("(ii)", here, elsewhere);
}
static const fc_kernel_def defs[] = {{"Loop", "", "", FC_SYNC, 0, 0, loop}};
static const fc_kernel_table table = {FC_ABI, "CPU", 1, defs};
static PyMethodDef methods[] = {
    {"hold", hold, METH_NOARGS, NULL}, {"pieces", pieces, METH_NOARGS, NULL}, {NULL, NULL, 0, NULL}};
static const fc_kernel_table *tables[] = {&table};
FC_KERNEL_MODULE(late_help, tables, methods)
