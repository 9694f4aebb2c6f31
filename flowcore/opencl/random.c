/* Random numbers: the CPU's, from the same formulas (opencl_kernels/random.def). A shuffle's order is found
 * on the host. */
#include "../kernels/random/random.h"
#include "rows.h"

/* `kind`: uniform, normal or truncated. */
static int floats(fc_ctx *ctx, const char *kind, float most16, float mostb16) {
    int dtype = (int)ctx->attrs[0].i, is_double = dtype == FC_FLOAT64;
    uint64_t key, run;
    ocl_call call;
    int rc = fc_begin_random(ctx, dtype);
    if (rc) return rc;
    fc_rng_next(ctx->state, &key, &run);
    int64_t size = ctx->out[0].size;
    if (!size) return FC_OK;
    rc = ocl_begin(&call, ctx, "random", "floats", "T=%s FOUR=fc_%s_four_%c DOUBLE=%d", ocl_type(dtype), kind,
                   is_double ? 'd' : 'f', is_double);
    if (rc) return rc;
    ocl_tensor(&call, &ctx->out[0]);
    ocl_long(&call, size);
    ocl_bytes(&call, &key, sizeof key);
    ocl_bytes(&call, &run, sizeof run);
    ocl_scalar(&call, dtype, dtype == FC_FLOAT16 ? most16 : dtype == FC_BFLOAT16 ? mostb16 : INFINITY);
    return ocl_run(&call, (size + 3) / 4);
}
static int uniform(fc_ctx *ctx) { return floats(ctx, "uniform", FC_UNIFORM_MOST_16, FC_UNIFORM_MOST_B16); }
static int normal(fc_ctx *ctx) { return floats(ctx, "normal", INFINITY, INFINITY); }
static int truncated_normal(fc_ctx *ctx) { return floats(ctx, "truncated", INFINITY, INFINITY); }

static int integers(fc_ctx *ctx) {
    int64_t low;
    uint64_t span, key, run;
    ocl_call call;
    int rc = fc_begin_random_int(ctx, &low, &span);
    if (rc) return rc;
    fc_rng_next(ctx->state, &key, &run);
    int64_t size = ctx->out[0].size;
    if (!size) return FC_OK;
    rc = ocl_begin(&call, ctx, "random", "integers", "T=%s", ocl_type(ctx->out[0].dtype));
    if (rc) return rc;
    ocl_tensor(&call, &ctx->out[0]);
    ocl_long(&call, size);
    ocl_bytes(&call, &key, sizeof key);
    ocl_bytes(&call, &run, sizeof run);
    ocl_bytes(&call, &low, sizeof low);
    ocl_bytes(&call, &span, sizeof span);
    return ocl_run(&call, (size + 1) / 2);
}

static int shuffle(fc_ctx *ctx) {
    const fc_tensor *x = ctx->in[0];
    uint64_t key, run;
    int64_t *order;
    fc_rng_next(ctx->state, &key, &run);
    if (x->ndim == 0 || fc_dims(x)[0] <= 1)
        return ctx->api->share(ctx, 0, x, 0, x->dtype, x->ndim, fc_dims(x));
    int64_t n = fc_dims(x)[0];
    int rc = ctx->api->alloc(ctx, 0, x->dtype, x->ndim, fc_dims(x));
    if (rc || !x->size) return rc;
    rc = ctx->api->scratch(ctx, sizeof(int64_t) * (size_t)n, (void **)&order);
    if (rc) return rc;
    fc_shuffled(n, key, run, order);
    return ocl_gather(ctx, &ctx->out[0], x, FC_INT64, n, order, 1, n, x->size / n);
}

#define FLOATS "dtype:float32,float64,float16,bfloat16"
static const fc_kernel_def defs[] = {
    {"RandomUniform", FLOATS, "dtype", FC_STATEFUL, 1, 0, uniform},
    {"RandomStandardNormal", FLOATS, "dtype", FC_STATEFUL, 1, 0, normal},
    {"TruncatedNormal", FLOATS, "dtype", FC_STATEFUL, 1, 0, truncated_normal},
    {"RandomUniformInt", "Tout:int32,int64", "", FC_STATEFUL, 7, 0, integers},
    {"RandomShuffle", "", "", FC_STATEFUL, 0, 0, shuffle},
};
const fc_kernel_table ocl_random_table = {FC_ABI, "GPU", sizeof defs / sizeof defs[0], defs};
