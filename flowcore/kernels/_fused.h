/* Fused nodes: several elementwise ops in one, and perhaps a reduction of what they yield. Their steps as the
 * runtime packs them, the shape of each step's value, and the errors where shapes do not fit, in the words of
 * the op alone. For kernels of any device. */
#ifndef FLOWCORE_KERNEL_FUSED_H
#define FLOWCORE_KERNEL_FUSED_H

#include <stdarg.h>

#include "_walk.h"
#include "elementwise/select_checks.h"
#include "nn/checks.h"
#include "reduce/axes.h"

/* The most that runtime/fuse.py puts into one node. */
#define FC_FUSED_INPUTS 32
#define FC_FUSED_STEPS 64
#define FC_FUSED_VALUES (FC_FUSED_INPUTS + FC_FUSED_STEPS)

/* What a step asks of its operands' shapes: to broadcast; to be alike (AddN); what Select and BiasAdd ask.
 * Numbers as in runtime/fused_steps.py. */
enum { FC_RULE_BROADCAST = 0, FC_RULE_ALIKE = 1, FC_RULE_SELECT = 2, FC_RULE_BIAS = 3 };

/* Values are numbered: the node's inputs, then the steps' results in their order. */
typedef struct {
    int64_t op; /* whose step it is, among the ops of the node */
    int64_t rule;
    int64_t number;     /* AddN: which of its inputs is operand 1 */
    int64_t operand[3]; /* values, -1: none */
} fc_fused_step;

/* Messages begin with "#<op>: ", from which runtime/step_errors.py knows the op. */
#define FC_FUSED_MARK "#%d: "

/* A step seen as a node of its own, for the checks that nodes share. */
typedef struct {
    fc_ctx ctx;
    fc_ctx *node;
    int op;
} fc_step_ctx;

static int fc_fail_in_step(fc_ctx *ctx, int status, const char *format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 3, 4)))
#endif
    ;
static int fc_fail_in_step(fc_ctx *ctx, int status, const char *format, ...) {
    fc_step_ctx *step = (fc_step_ctx *)ctx;
    char text[768];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return step->node->api->fail(step->node, status, FC_FUSED_MARK "%s", step->op, text);
}

static inline int fc_same_sizes(const fc_tensor *a, const fc_tensor *b) {
    return a == b || fc_same_shape(a, b);
}

/* The shape of a step whose operands differ in theirs, as `made`. */
static inline int fc_fused_unlike(fc_ctx *ctx, const fc_fused_step *step, const fc_tensor *const *operands,
                                  int count, fc_tensor *made) {
    static const fc_api api = {.fail = fc_fail_in_step};
    fc_step_ctx s = {.ctx = {.api = &api, .in = operands, .name = ctx->name, .n_in = count},
                     .node = ctx,
                     .op = (int)step->op};
    made->buffer = NULL;
    if (step->rule == FC_RULE_BROADCAST) {
        int64_t shape[FC_MAX_DIMS];
        int ndim, rc = fc_broadcast(&s.ctx, count, &ndim, shape);
        if (rc) return rc;
        made->size = 1;
        for (int d = 0; d < ndim; d++) made->size *= shape[d];
        if (ndim > FC_INLINE_DIMS) return ctx->api->set_dims(ctx, made, ndim, shape);
        fc_set_dims(made, ndim, shape);
        return FC_OK;
    }
    const fc_tensor *all[FC_FUSED_STEPS + 1]; /* AddN: as many as its message counts */
    fc_tensor copies[3];
    /* shapes alone: tensors of one shape stand for each other here, whatever their dtypes */
    for (int i = 0; i < count; i++) {
        copies[i] = *operands[i];
        copies[i].dtype = 0;
        all[i] = &copies[i];
    }
    const fc_tensor *like = operands[step->rule == FC_RULE_SELECT];
    made->size = like->size;
    fc_set_dims(made, like->ndim, fc_dims(like));
    s.ctx.in = all;
    if (step->rule == FC_RULE_SELECT) {
        fc_tensor condition;
        int64_t room[FC_MAX_DIMS];
        return fc_select_condition(&s.ctx, &condition, room);
    }
    if (step->rule == FC_RULE_BIAS) {
        fc_attr layout = {.s = NULL};
        fc_bias_view view;
        s.ctx.attrs = &layout;
        return fc_bias_add_check(&s.ctx, &view);
    }
    for (int i = 1; i <= step->number; i++) all[i] = &copies[i == step->number];
    s.ctx.n_in = (int)step->number + 1;
    return fc_add_n_check(&s.ctx);
}

/* shapes[v]: of value v, those of the inputs given by ctx->in. `made`: room for one a step. Equal shapes are
 * mostly one pointer. */
static inline int fc_fused_shapes(fc_ctx *ctx, int n_steps, const fc_fused_step *steps,
                                  const fc_tensor **shapes, fc_tensor *made) {
    for (int i = 0; i < ctx->n_in; i++) {
        shapes[i] = ctx->in[i];
        for (int k = 0; k < i; k++)
            if (shapes[k] == ctx->in[k] && fc_same_shape(ctx->in[k], ctx->in[i])) {
                shapes[i] = ctx->in[k];
                break;
            }
    }
    for (int k = 0; k < n_steps; k++) {
        const fc_fused_step *step = &steps[k];
        const fc_tensor *operands[3], *shape = operands[0] = shapes[step->operand[0]];
        int count = 1, plain = 1;
        for (; count < 3 && step->operand[count] >= 0; count++) {
            const fc_tensor *other = operands[count] = shapes[step->operand[count]];
            if ((fc_same_sizes(shape, other) && step->rule != FC_RULE_BIAS) ||
                (step->rule == FC_RULE_BROADCAST && !other->ndim))
                continue;
            if (step->rule == FC_RULE_BIAS && shape->ndim > 1 && other->ndim == 1 &&
                fc_dims(other)[0] == fc_dims(shape)[shape->ndim - 1])
                continue;
            if (shape->ndim ||
                (step->rule != FC_RULE_BROADCAST && (step->rule != FC_RULE_SELECT || count > 1)))
                plain = 0;
            shape = other;
        }
        if (!plain) {
            int rc = fc_fused_unlike(ctx, step, operands, count, &made[k]);
            if (rc) return rc;
            shape = &made[k];
            for (int i = 0; i < count; i++)
                if (fc_same_sizes(operands[i], shape)) shape = operands[i];
        }
        shapes[ctx->n_in + k] = shape;
    }
    return FC_OK;
}

/* The reduction at the end of a node, of values of shape `x`, by the attribute [..., its op, keep_dims, axes
 * ...] of which `skip` numbers are the device's own. A run is left to be done, or none, and it is one along
 * rows: the axes are the last. */
static inline int fc_fused_reduction(fc_ctx *ctx, const fc_tensor *x, const fc_attr *attr, int skip,
                                     fc_reduction *r) {
    static const fc_api api = {.fail = fc_fail_in_step};
    fc_buffer numbers = {.data = (void *)(attr->ints + skip + 2)};
    const fc_tensor axes = {.buffer = &numbers,
                            .dtype = FC_INT64,
                            .ndim = 1,
                            .size = attr->n - skip - 2,
                            .sizes.here = {attr->n - skip - 2}};
    const fc_attr keep_dims = {.i = attr->ints[skip + 1]};
    const fc_tensor *in[2] = {x, &axes};
    fc_step_ctx s = {.ctx = {.api = &api, .in = in, .attrs = &keep_dims, .name = ctx->name, .n_in = 2},
                     .node = ctx,
                     .op = (int)attr->ints[skip]};
    int rc = fc_plan_reduction(&s.ctx, r);
    if (rc) return rc;
    if (x->size && (r->count > 1 || (r->count && r->runs[0].inner > 1)))
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT,
                              "the input has %d dimensions, not as many as its shape was set to have",
                              x->ndim);
    return FC_OK;
}

#endif
