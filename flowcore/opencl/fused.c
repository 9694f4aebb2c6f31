/* Several elementwise ops in one kernel, as flowcore/runtime/fuse.py put them together. */
#include "../kernels/_walk.h"
#include "device.h"

typedef struct {
    int64_t ndim, shape[8], stride[FC_MAX_INPUTS][8];
} axes; /* fused_axes of fused.cl */

/* The letters of ACCESS, and the axes of the inputs that are walked. Returns how many these are. */
static int find_access(fc_ctx *ctx, int ndim, const int64_t *shape, char *access, axes *a) {
    int64_t size = 1;
    int walks = 0;
    fc_walk walk;
    for (int d = 0; d < ndim; d++) size *= shape[d];
    fc_walk_init(&walk, ctx->n_in, ctx->in, ndim, shape);
    a->ndim = walk.ndim;
    memcpy(a->shape, walk.shape, sizeof a->shape);
    for (int i = 0; i < ctx->n_in; i++) {
        if (ctx->in[i]->size == size) access[i] = 'f';
        else if (ctx->in[i]->size == 1) access[i] = 's';
        else {
            access[i] = walk.stride[i][walk.ndim - 1] ? 'r' : 'c';
            memcpy(a->stride[walks++], walk.stride[i], sizeof a->stride[0]);
        }
    }
    access[ctx->n_in] = 0;
    return walks;
}

/* Attributes: the option FUSED, and the dtypes of the inputs and of the output. */
static int fused(fc_ctx *ctx) {
    const char *program = ctx->attrs[0].s;
    const int64_t *dtypes = ctx->attrs[1].ints;
    int64_t shape[FC_MAX_DIMS];
    int ndim;
    for (int i = 0; i < ctx->n_in; i++)
        if (ctx->in[i]->dtype != dtypes[i]) return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "the inputs differ in dtype");
    int rc = fc_broadcast(ctx, ctx->n_in, &ndim, shape);
    if (!rc) rc = ctx->api->alloc(ctx, 0, (int)dtypes[ctx->n_in], ndim, shape);
    int64_t size = ctx->out[0].size;
    if (rc || !size) return rc;
    char access[FC_MAX_INPUTS + 1];
    axes a = {0};
    int walks = find_access(ctx, ndim, shape, access, &a);
    ocl_call call;
    rc = ocl_begin(&call, ctx, "fused", "fused", "FUSED=%s ACCESS=%s", program, access);
    if (rc) return rc;
    ocl_tensor(&call, &ctx->out[0]);
    for (int i = 0; i < ctx->n_in; i++) ocl_tensor(&call, ctx->in[i]);
    ocl_long(&call, size);
    if (walks) ocl_bytes(&call, &a, offsetof(axes, stride) + (size_t)walks * sizeof a.stride[0]);
    return ocl_run(&call, size);
}

static const fc_kernel_def defs[] = {
    {"_Fused", "", "program dtypes", FC_SYNC, 0, 0, fused},
};
const fc_kernel_table ocl_fused_table = {FC_ABI, "GPU", sizeof defs / sizeof defs[0], defs};
