/* Several elementwise ops in one kernel, as flowcore/runtime/fuse.py put them together. */
#include "../kernels/_fused.h"
#include "device.h"

/* How the element of input i is found (ACCESS of fused_text.py): f, it has the output's shape; s, it is a single one; r and c, it is broadcast along some
 * axes, the innermost not among them, or among them. */
static char access_of(const fc_ctx *ctx, const fc_walk *walk, int i) {
    if (ctx->in[i]->size == ctx->out[0].size) return 'f';
    if (ctx->in[i]->size == 1) return 's';
    return walk->stride[i][walk->ndim - 1] ? 'r' : 'c';
}

/* The axes of the output and how far one step along each leads in the inputs that are broadcast. All know the steps along the innermost. */
static void pass_axes(ocl_call *call, const fc_walk *walk, const char *access) {
    if (!strpbrk(access, "rc")) return; /* it is all one row */
    for (int d = 1; d < walk->ndim; d++) ocl_long(call, walk->shape[d]);
    for (int i = 0; access[i]; i++)
        for (int d = 0; (access[i] == 'r' || access[i] == 'c') && d < walk->ndim - 1; d++) ocl_long(call, walk->stride[i][d]);
}

/* Attributes: the option FUSED, the dtypes of the inputs and of the output, and the steps. */
static int fused(fc_ctx *ctx) {
    const int64_t *dtypes = ctx->attrs[1].ints;
    const int n_steps = (int)(ctx->attrs[2].n * (int64_t)sizeof(int64_t) / (int64_t)sizeof(fc_fused_step));
    const fc_tensor *shapes[FC_FUSED_VALUES];
    fc_tensor made[FC_FUSED_STEPS];
    if (ctx->n_in > FC_MAX_INPUTS || n_steps < 1 || n_steps > FC_FUSED_STEPS) return ctx->api->fail(ctx, FC_INTERNAL, "the fused node is too large");
    for (int i = 0; i < ctx->n_in; i++)
        if (ctx->in[i]->dtype != dtypes[i]) return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "the inputs differ in dtype");
    int rc = fc_fused_shapes(ctx, n_steps, (const fc_fused_step *)ctx->attrs[2].ints, shapes, made);
    if (rc) return rc;
    const fc_tensor *shape = shapes[ctx->n_in + n_steps - 1];
    rc = ctx->api->alloc(ctx, 0, (int)dtypes[ctx->n_in], shape->ndim, shape->shape);
    int64_t size = ctx->out[0].size;
    if (rc || !size) return rc;
    fc_walk walk;
    fc_walk_init(&walk, ctx->n_in, ctx->in, shape->ndim, shape->shape);
    char access[FC_MAX_INPUTS + 1] = {0};
    for (int i = 0; i < ctx->n_in; i++) access[i] = access_of(ctx, &walk, i);
    ocl_call call;
    rc = ocl_begin(&call, ctx, "fused", "fused", "FUSED=%s ACCESS=%s AXES=%d", ctx->attrs[0].s, access, walk.ndim);
    if (rc) return rc;
    ocl_tensor(&call, &ctx->out[0]);
    for (int i = 0; i < ctx->n_in; i++) ocl_tensor(&call, ctx->in[i]);
    ocl_long(&call, size);
    pass_axes(&call, &walk, access);
    return ocl_run_light(&call, size);
}

static const fc_kernel_def defs[] = {
    {"_Fused", "", "program dtypes steps", FC_SYNC, 0, 0, fused},
};
const fc_kernel_table ocl_fused_table = {FC_ABI, "GPU", sizeof defs / sizeof defs[0], defs};
