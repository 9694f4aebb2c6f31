/* Ops that make values: Fill, ZerosLike, OnesLike, Range, LinSpace; and BroadcastGradientArgs, which makes
 * axes. */
#include <math.h>

#include "../_float16.h"
#include "copy.h"

static int fill(fc_ctx *ctx) {
    const fc_tensor *dims = ctx->in[0], *value = ctx->in[1];
    int64_t shape[FC_MAX_DIMS];
    char a[128];
    if (dims->ndim != 1)
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "dims must be a vector, found shape %s",
                              fc_shape_str(dims, a, sizeof a));
    if (value->ndim != 0)
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "value must be a scalar, found shape %s",
                              fc_shape_str(value, a, sizeof a));
    int rc = fc_vector(ctx, 0, "dims", -1, shape);
    if (!rc) rc = ctx->api->alloc(ctx, 0, value->dtype, (int)dims->size, shape);
    if (rc || !ctx->out[0].size) return rc;
    rc = fc_fill(ctx, &ctx->out[0], value, NULL);
    return rc ? rc : fc_keep_elements(ctx, &ctx->out[0], value);
}

/* Each kind of variant says what its zeros are; that of an empty one is an empty one. */
static int variant_zeros(fc_ctx *ctx, const fc_tensor *x) {
    fc_variant **to = fc_data(&ctx->out[0]), *const *from = fc_data(x);
    for (int64_t i = 0; i < x->size; i++) {
        if (!from[i]) continue;
        if (!from[i]->type->zeros_like)
            return ctx->api->fail(ctx, FC_UNIMPLEMENTED, "a variant that holds a %s has no zeros",
                                  from[i]->type->name);
        int rc = from[i]->type->zeros_like(ctx, from[i], &to[i]);
        if (rc) return rc;
    }
    return FC_OK;
}

static int zeros_like(fc_ctx *ctx) {
    const fc_tensor *x = ctx->in[0];
    int rc = ctx->api->alloc(ctx, 0, x->dtype, x->ndim, fc_dims(x));
    if (rc || x->dtype == FC_STRING) return rc; /* strings start empty */
    if (x->dtype == FC_RESOURCE)
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "handles of resources have no zeros");
    return x->dtype == FC_VARIANT ? variant_zeros(ctx, x) : fc_clear(ctx, &ctx->out[0]);
}

static int ones_like(fc_ctx *ctx) {
    const fc_tensor *x = ctx->in[0];
    union {
        int8_t i1;
        int16_t i2;
        int32_t i4;
        int64_t i8;
        float f4[2];
        double f8[2];
        fc_half h;
        fc_bfloat16 b;
    } one = {0};
    int rc = ctx->api->alloc(ctx, 0, x->dtype, x->ndim, fc_dims(x));
    if (rc) return rc;
    switch (x->dtype) {
    case FC_FLOAT32:
    case FC_COMPLEX64: one.f4[0] = 1; break;
    case FC_FLOAT64:
    case FC_COMPLEX128: one.f8[0] = 1; break;
    case FC_FLOAT16: one.h = fc_to_half(1); break;
    case FC_BFLOAT16: one.b = fc_to_bfloat16(1); break;
    default: one.i8 = 1; /* little-endian: the low bytes are those of every narrower integer */
    }
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "integers of ones_like assume a little-endian processor"
#endif
    return fc_fill(ctx, &ctx->out[0], NULL, &one);
}

/* ---- Range: start, start + delta, ... below (above) limit ------------------------------------ */
static int range_error(fc_ctx *ctx, int problem) {
    return ctx->api->fail(ctx, FC_INVALID_ARGUMENT,
                          problem == 1   ? "Requires delta != 0"
                          : problem == 2 ? "start, limit and delta must point the same way: start <= limit "
                                           "for a positive delta, start >= limit for a negative one"
                                         : "the range has too many elements or is not finite");
}
#define RANGE_INT(NAME, T) \
    static int range_##NAME(fc_ctx *ctx) { \
        T start = *FC_IN(ctx, 0, T), limit = *FC_IN(ctx, 1, T), delta = *FC_IN(ctx, 2, T); \
        if (delta == 0) return range_error(ctx, 1); \
        if (delta > 0 ? start > limit : start < limit) return range_error(ctx, 2); \
        uint64_t span = delta > 0 ? (uint64_t)limit - (uint64_t)start : (uint64_t)start - (uint64_t)limit; \
        uint64_t step = delta > 0 ? (uint64_t)delta : 0 - (uint64_t)delta; \
        uint64_t count = span / step + (span % step != 0); \
        if (count > INT64_MAX / 16) return range_error(ctx, 3); \
        int64_t size = (int64_t)count; \
        int rc = ctx->api->alloc(ctx, 0, ctx->in[0]->dtype, 1, &size); \
        for (int64_t i = 0; !rc && i < size; i++) \
            FC_OUT(ctx, 0, T)[i] = (T)((uint64_t)start + (uint64_t)i * (uint64_t)delta); \
        return rc; \
    }
RANGE_INT(int32, int32_t)
RANGE_INT(int64, int64_t)
#define RANGE_FLOAT(NAME, T) \
    static int range_##NAME(fc_ctx *ctx) { \
        T start = *FC_IN(ctx, 0, T), limit = *FC_IN(ctx, 1, T), delta = *FC_IN(ctx, 2, T); \
        if (delta == 0) return range_error(ctx, 1); \
        if (delta > 0 ? start > limit : start < limit) return range_error(ctx, 2); \
        /* in T itself: in float (1 - 0) / 0.01 is 100, in double the same numbers give a little more */ \
        T quotient = (T)((T)(limit - start) / delta); \
        double count = ceil(fabs((double)quotient)); \
        if (!(count < 1e15)) return range_error(ctx, 3); \
        int64_t size = (int64_t)count; \
        int rc = ctx->api->alloc(ctx, 0, ctx->in[0]->dtype, 1, &size); \
        for (int64_t i = 0; !rc && i < size; i++) FC_OUT(ctx, 0, T)[i] = (T)(start + (T)i * delta); \
        return rc; \
    }
RANGE_FLOAT(float32, float)
RANGE_FLOAT(float64, double)

static int range(fc_ctx *ctx) {
    for (int i = 0; i < 3; i++)
        if (ctx->in[i]->size != 1 || ctx->in[i]->dtype != ctx->in[0]->dtype)
            return ctx->api->fail(ctx, FC_INVALID_ARGUMENT,
                                  "start, limit and delta must be scalars of one dtype");
    switch (ctx->in[0]->dtype) {
    case FC_INT32: return range_int32(ctx);
    case FC_INT64: return range_int64(ctx);
    case FC_FLOAT32: return range_float32(ctx);
    default: return range_float64(ctx);
    }
}

static int lin_space(fc_ctx *ctx) {
    if (ctx->in[0]->size != 1 || ctx->in[1]->size != 1 || ctx->in[2]->size != 1)
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "start, stop and num must be scalars");
    int64_t n = fc_int_at(ctx->in[2], 0);
    if (n <= 0) return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "Requires num > 0: %lld", (long long)n);
    int is_float = ctx->in[0]->dtype == FC_FLOAT32;
    double start = is_float ? *FC_IN(ctx, 0, float) : *FC_IN(ctx, 0, double),
           stop = is_float ? *FC_IN(ctx, 1, float) : *FC_IN(ctx, 1, double);
    int rc = ctx->api->alloc(ctx, 0, ctx->in[0]->dtype, 1, &n);
    for (int64_t i = 0; !rc && i < n; i++) {
        double x = i == n - 1 && n > 1 ? stop
                                       : start + (n > 1 ? (stop - start) / (double)(n - 1) * (double)i : 0);
        if (is_float) FC_OUT(ctx, 0, float)[i] = (float)x;
        else FC_OUT(ctx, 0, double)[i] = x;
    }
    return rc;
}

/* For two shapes that broadcast: the axes along which each was repeated, over which its gradient is to be
 * summed. */
static int broadcast_gradient_args(fc_ctx *ctx) {
    int n[2], ndim;
    int64_t s[2][FC_MAX_DIMS], axes[2][FC_MAX_DIMS], count[2] = {0, 0};
    for (int i = 0; i < 2; i++) {
        int rc = fc_vector(ctx, i, i ? "s1" : "s0", -1, s[i]);
        if (rc) return rc;
        n[i] = (int)ctx->in[i]->size;
    }
    ndim = n[0] > n[1] ? n[0] : n[1];
    for (int d = 0; d < ndim; d++) {
        int at[2] = {d - (ndim - n[0]), d - (ndim - n[1])};
        int64_t size[2] = {at[0] < 0 ? 1 : s[0][at[0]], at[1] < 0 ? 1 : s[1][at[1]]};
        if (size[0] != size[1] && size[0] != 1 && size[1] != 1)
            return ctx->api->fail(ctx, FC_INVALID_ARGUMENT,
                                  "Incompatible shapes: sizes %lld and %lld of dimension %d do not broadcast",
                                  (long long)size[0], (long long)size[1], d);
        for (int i = 0; i < 2; i++)
            if (at[i] < 0 || (size[i] == 1 && size[1 - i] != 1)) axes[i][count[i]++] = d;
    }
    for (int i = 0; i < 2; i++) {
        int rc = ctx->api->alloc(ctx, i, ctx->in[i]->dtype, 1, &count[i]);
        if (rc) return rc;
        for (int64_t k = 0; k < count[i]; k++) {
            if (ctx->in[i]->dtype == FC_INT32) FC_OUT(ctx, i, int32_t)[k] = (int32_t)axes[i][k];
            else FC_OUT(ctx, i, int64_t)[k] = axes[i][k];
        }
    }
    return FC_OK;
}

/* What a branch yields in place of a value that another one computes. Nothing reads its elements, but lists
 * that keep it, and their gradients, know its shape. */
static int fake(fc_ctx *ctx) {
    const fc_attr *known = &ctx->attrs[1];
    int64_t shape[FC_MAX_DIMS] = {0}, ndim = known->n < 0 ? 1 : known->n;
    for (int64_t d = 0; d < known->n && d < FC_MAX_DIMS; d++)
        shape[d] = known->ints[d] < 0 ? 0 : known->ints[d];
    return ctx->api->alloc(ctx, 0, (int)ctx->attrs[0].i, (int)ndim, shape);
}

static const fc_kernel_def defs[] = {
    {"FakeParam", "", "dtype shape", FC_SYNC | FC_ANY_DEVICE, 0, 0, fake},
    {"Fill", "", "", FC_SYNC | FC_BY_COPY, 1, 0, fill},
    {"ZerosLike", "", "", FC_SYNC | FC_BY_COPY, 0, 0, zeros_like},
    {"OnesLike",
     "T:float16,bfloat16,float32,float64,int8,uint8,int16,uint16,int32,uint32,int64,uint64,complex64,"
     "complex128,bool",
     "", FC_SYNC | FC_BY_COPY, 0, 0, ones_like},
    {"Range", "Tidx:int32,int64,float32,float64", "", FC_SYNC | FC_ANY_DEVICE, 7, 1, range},
    {"LinSpace", "T:float32,float64", "", FC_SYNC | FC_ANY_DEVICE, 7, 1, lin_space},
    {"BroadcastGradientArgs", "T:int32,int64", "", FC_SYNC | FC_ANY_DEVICE, 3, 3, broadcast_gradient_args},
};
const fc_kernel_table fc_generate_kernels = {FC_ABI, "CPU", sizeof defs / sizeof defs[0], defs};
