/* MaxPool, MaxPoolGrad, MaxPoolGradGrad, AvgPool, AvgPoolGrad. */
#include "../kernels/nn/pool_shape.h"
#include "device.h"

/* Whether no pixel is in two windows. */
static int windows_apart(const fc_pool *p) {
    return p->stride_h >= p->window_h && p->stride_w >= p->window_w;
}

/* Inputs first_in and following are the kernel's arguments after the result, of which an item makes the
 * channels of a pixel: of `pixels` in all. */
static int run(fc_ctx *ctx, const char *kernel, const fc_pool *p, int dtype, const int64_t *shape,
               int64_t pixels, int first_in, int n_in) {
    static const int64_t zero[2] = {0, 0};
    int rc = ctx->api->alloc(ctx, 0, dtype, 4, shape);
    if (rc || !ctx->out[0].size) return rc;
    for (int i = first_in; i < first_in + n_in; i++) /* nothing was pooled: no gradient */
        if (!ctx->in[i]->size) return ocl_fill(ctx, &ctx->out[0], NULL, zero);
    if (!strcmp(kernel, "max_pool_grad") && windows_apart(p)) {
        kernel = "max_pool_grad_apart", pixels = p->out_h * p->out_w;
        rc = ocl_fill(ctx, &ctx->out[0], NULL, zero);
        if (rc) return rc;
    }
    int block = ocl_of(ctx)->is_cpu && p->channels >= 8 ? 16 : 1;
    ocl_call call;
    rc = ocl_begin(&call, ctx, "pool", kernel, "T=%s BLOCK=%d", ocl_type(dtype), block);
    if (rc) return rc;
    ocl_tensor(&call, &ctx->out[0]);
    for (int i = first_in; i < first_in + n_in; i++) ocl_tensor(&call, ctx->in[i]);
    ocl_bytes(&call, p, sizeof *p);
    int64_t items = p->batch * pixels * ((p->channels + block - 1) / block);
    return block > 1 ? ocl_run_parts(&call, items, block * p->window_h * p->window_w) : ocl_run(&call, items);
}

static int forward_pool(fc_ctx *ctx, const char *kernel) {
    const fc_tensor *in = ctx->in[0];
    fc_pool p;
    int64_t shape[4];
    int rc = fc_pool_shape(ctx, in->ndim, fc_dims(in), &p, shape);
    return rc ? rc : run(ctx, kernel, &p, in->dtype, shape, p.out_h * p.out_w, 0, 1);
}
static int max_pool(fc_ctx *ctx) { return forward_pool(ctx, "max_pool"); }
static int avg_pool(fc_ctx *ctx) { return forward_pool(ctx, "avg_pool"); }

static int max_gradient(fc_ctx *ctx, int second) {
    const fc_tensor *in = ctx->in[0];
    fc_pool p;
    int64_t shape[4];
    int rc = fc_pool_shape(ctx, in->ndim, fc_dims(in), &p, shape);
    if (!rc) rc = fc_pool_expect(ctx, 1, "orig_output", shape);
    if (!rc) rc = fc_pool_expect(ctx, 2, "grad", second ? fc_dims(in) : shape);
    if (rc) return rc;
    return second ? run(ctx, "max_pool_grad_grad", &p, in->dtype, shape, p.out_h * p.out_w, 0, 3)
                  : run(ctx, "max_pool_grad", &p, in->dtype, fc_dims(in), p.in_h * p.in_w, 0, 3);
}
static int max_pool_grad(fc_ctx *ctx) { return max_gradient(ctx, 0); }
static int max_pool_grad_grad(fc_ctx *ctx) { return max_gradient(ctx, 1); }

static int avg_pool_grad(fc_ctx *ctx) {
    fc_pool p;
    int64_t in_shape[4], shape[4];
    int rc = fc_pool_read_sizes(ctx, in_shape);
    if (!rc) rc = fc_pool_shape(ctx, 4, in_shape, &p, shape);
    if (!rc) rc = fc_pool_expect(ctx, 1, "grad", shape);
    return rc ? rc : run(ctx, "avg_pool_grad", &p, ctx->in[1]->dtype, in_shape, p.in_h * p.in_w, 1, 1);
}

#define FLOATS "T:float16,bfloat16,float32,float64"
#define ATTRS "ksize strides padding data_format"
static const fc_kernel_def defs[] = {
    {"MaxPool", FLOATS, ATTRS, FC_SYNC, 0, 0, max_pool},
    {"MaxPoolGrad", FLOATS, ATTRS, FC_SYNC, 0, 0, max_pool_grad},
    {"MaxPoolGradGrad", FLOATS, ATTRS, FC_SYNC, 0, 0, max_pool_grad_grad},
    {"AvgPool", FLOATS, ATTRS, FC_SYNC, 0, 0, avg_pool},
    {"AvgPoolGrad", FLOATS, ATTRS, FC_SYNC, 1, 0, avg_pool_grad},
};
const fc_kernel_table ocl_pool_table = {FC_ABI, "GPU", sizeof defs / sizeof defs[0], defs};
