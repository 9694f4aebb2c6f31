/* A variable: session state that holds a tensor. The lock orders writers; a reader takes a reference and
 * never sees a torn value, because whoever writes while somebody holds the buffer writes into a new one. */
#ifndef FLOWCORE_VARIABLE_H
#define FLOWCORE_VARIABLE_H

#include <pthread.h>
#include <string.h>

#include "../../_kernel.h"

typedef struct {
    fc_resource base;
    pthread_mutex_t lock;
    fc_tensor value; /* ndim -1: not initialised */
    int dtype;
    int ndim;                   /* static rank, -1: unknown */
    int64_t shape[FC_MAX_DIMS]; /* static sizes, -1: unknown */
} fc_variable;

/* The variable behind input i, or NULL after reporting what is wrong; *rc then holds the status. */
static inline fc_variable *fc_variable_at(fc_ctx *ctx, int i, int *rc) {
    const fc_tensor *t = ctx->in[i];
    fc_resource *r = t->dtype == FC_RESOURCE && t->size == 1 ? *(fc_resource *const *)fc_data(t) : NULL;
    *rc = FC_OK;
    if (r && r->kind == FC_RES_VARIABLE) return (fc_variable *)r;
    *rc = ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "input %d is not the handle of a variable", i);
    return NULL;
}

/* FC_OK, or a report that the variable behind a handle has not the dtype that the node was made for: a handle
 * may come from anywhere, and what the node's readers index by dtype was chosen by the graph's. */
static inline int fc_expect_dtype(fc_ctx *ctx, const fc_variable *v, int64_t dtype) {
    if (v->dtype == dtype) return FC_OK;
    return ctx->api->fail(ctx, FC_INVALID_ARGUMENT,
                          "variable '%s' has dtype %s, and this node was made for one of dtype %s",
                          v->base.name, fc_dtype_name(v->dtype), fc_dtype_name(dtype));
}

/* Under the lock: FC_OK, or a report that the variable has no value, or has it in the memory of another
 * device. */
static inline int fc_initialized(fc_ctx *ctx, const fc_variable *v) {
    const fc_buffer *buffer = v->value.buffer;
    if (buffer && buffer->device != ctx->device)
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT,
                              "variable '%s' has its value on %s and is used on %s; its handles must ask for "
                              "one device, and its slots for the same",
                              v->base.name, buffer->device->name, ctx->device->name);
    if (v->value.ndim >= 0) return FC_OK;
    return ctx->api->fail(ctx, FC_FAILED_PRECONDITION,
                          "variable '%s' has no value yet: run its initializer first, for instance "
                          "sess.run(flowcore.global_variables_initializer())",
                          v->base.name);
}
/* Under the lock: FC_OK, or a report that x cannot be added to the variable's value, or that there is none.
 */
static inline int fc_expect_addend(fc_ctx *ctx, const fc_variable *v, const fc_tensor *x) {
    char a[128], b[128];
    int rc = fc_initialized(ctx, v);
    if (rc || fc_same_shape(&v->value, x)) return rc;
    return ctx->api->fail(ctx, FC_INVALID_ARGUMENT,
                          "variable '%s' has shape %s and the update shape %s; they must be equal",
                          v->base.name, fc_shape_str(&v->value, a, sizeof a), fc_shape_str(x, b, sizeof b));
}
/* On the host, under the lock: makes the value's buffer this variable's alone, with the old contents unless
 * `fresh`. */
int fc_make_writable(fc_ctx *ctx, fc_variable *v, int fresh);

#endif
