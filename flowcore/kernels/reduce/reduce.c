/* Sum, Mean, Prod, Max, Min, All, Any, ArgMax, ArgMin, L2Loss.
 *
 * The axes are brought into the form [outer, reduced, inner]: runs of neighbouring axes merge; where the reduced axes are not neighbours, the
 * reduction goes one run after the other, innermost first (an exact regrouping for all but the rounding of sums, and fixed by the shape). A large
 * reduction to few results is cut along the reduced axis into pieces whose number depends on the shape alone. */
#include <complex.h>
#include <float.h>
#include <math.h>
#include <string.h>

#include "../../_kernel.h"
#include "../_float16.h"

#define COLUMNS 64

typedef struct reduce_job {
    void (*loop)(const struct reduce_job *job, void *out, const void *in, int64_t n);
    char *out;
    const char *in;
    int64_t outer, reduced, inner, piece; /* piece: reduced elements per piece, when cut */
    int64_t in_item, out_item;
    int index_dtype;
} reduce_job;

#define PASTE2(a, b) a##_##b
#define PASTE(a, b) PASTE2(a, b)
#define FN(name) PASTE(name, TYPE)
#define MEAN(total, n) (C)((total) / (n))

#define CLONES FC_CLONES
#define TYPE FLOAT32
#define T float
#define C float
#define LOAD
#define STORE
#define LOWEST -INFINITY
#define HIGHEST INFINITY
#include "loops.h"
#undef TYPE
#undef T
#undef C
#define TYPE FLOAT64
#define T double
#define C double
#include "loops.h"
#undef TYPE
#undef T
#undef C
#undef LOAD
#undef STORE
#define TYPE FLOAT16
#define T fc_half
#define C float
#define LOAD fc_from_half
#define STORE fc_to_half
#include "loops.h"
#undef TYPE
#undef T
#undef LOAD
#undef STORE
#define TYPE BFLOAT16
#define T fc_bfloat16
#define LOAD fc_from_bfloat16
#define STORE fc_to_bfloat16
#include "loops.h"
#undef TYPE
#undef T
#undef C
#undef LOAD
#undef STORE
#undef LOWEST
#undef HIGHEST
#undef MEAN
#define MEAN(total, n) (C)((n) ? (total) / (n) : 0) /* integers have no NaN for the mean of nothing */
#undef CLONES
#define CLONES
#define LOAD
#define STORE
#define C T
#define TYPE INT8
#define T int8_t
#define LOWEST INT8_MIN
#define HIGHEST INT8_MAX
#include "loops.h"
#undef TYPE
#undef T
#undef LOWEST
#undef HIGHEST
#define TYPE INT16
#define T int16_t
#define LOWEST INT16_MIN
#define HIGHEST INT16_MAX
#include "loops.h"
#undef TYPE
#undef T
#undef LOWEST
#undef HIGHEST
#define TYPE INT32
#define T int32_t
#define LOWEST INT32_MIN
#define HIGHEST INT32_MAX
#include "loops.h"
#undef TYPE
#undef T
#undef LOWEST
#undef HIGHEST
#define TYPE INT64
#define T int64_t
#define LOWEST INT64_MIN
#define HIGHEST INT64_MAX
#include "loops.h"
#undef TYPE
#undef T
#undef LOWEST
#undef HIGHEST
#define LOWEST 0
#define TYPE UINT8
#define T uint8_t
#define HIGHEST UINT8_MAX
#include "loops.h"
#undef TYPE
#undef T
#undef HIGHEST
#define TYPE UINT16
#define T uint16_t
#define HIGHEST UINT16_MAX
#include "loops.h"
#undef TYPE
#undef T
#undef HIGHEST
#define TYPE UINT32
#define T uint32_t
#define HIGHEST UINT32_MAX
#include "loops.h"
#undef TYPE
#undef T
#undef HIGHEST
#define TYPE UINT64
#define T uint64_t
#define HIGHEST UINT64_MAX
#include "loops.h"
#undef TYPE
#undef T
#undef HIGHEST
#undef LOWEST
#undef MEAN
#define MEAN(total, n) (C)((total) / (n))
#define TYPE COMPLEX64
#define T float complex
#include "loops.h"
#undef TYPE
#undef T
#define TYPE COMPLEX128
#define T double complex
#include "loops.h"
#undef TYPE
#undef T

static void all_BOOL(const reduce_job *job, void *out, const void *in, int64_t n) {
    for (int64_t j = 0; j < job->inner; j++) {
        uint8_t r = 1;
        for (int64_t i = 0; i < n; i++) r &= ((const uint8_t *)in)[i * job->inner + j];
        ((uint8_t *)out)[j] = r;
    }
}
static void any_BOOL(const reduce_job *job, void *out, const void *in, int64_t n) {
    for (int64_t j = 0; j < job->inner; j++) {
        uint8_t r = 0;
        for (int64_t i = 0; i < n; i++) r |= ((const uint8_t *)in)[i * job->inner + j];
        ((uint8_t *)out)[j] = r;
    }
}

typedef void (*reduce_loop)(const reduce_job *, void *, const void *, int64_t);
#define REALS(p)                                                                                                          \
    [FC_FLOAT16] = p##_FLOAT16, [FC_BFLOAT16] = p##_BFLOAT16, [FC_FLOAT32] = p##_FLOAT32, [FC_FLOAT64] = p##_FLOAT64,     \
    [FC_INT8] = p##_INT8, [FC_INT16] = p##_INT16, [FC_INT32] = p##_INT32, [FC_INT64] = p##_INT64, [FC_UINT8] = p##_UINT8, \
    [FC_UINT16] = p##_UINT16, [FC_UINT32] = p##_UINT32, [FC_UINT64] = p##_UINT64
#define NUMBERS(p) REALS(p), [FC_COMPLEX64] = p##_COMPLEX64, [FC_COMPLEX128] = p##_COMPLEX128

/* Work (elements) that is worth a piece of its own. */
#define GRAIN 65536

static void outer_piece(void *arg, int64_t begin, int64_t end) {
    const reduce_job *job = arg;
    for (int64_t i = begin; i < end; i++)
        job->loop(job, job->out + i * job->inner * job->out_item, job->in + i * job->reduced * job->inner * job->in_item, job->reduced);
}

/* Pieces of the reduced axis of one outer row: each writes a row of partial results. */
static void reduced_piece(void *arg, int64_t begin, int64_t end) {
    const reduce_job *job = arg;
    for (int64_t i = begin; i < end; i++) {
        int64_t from = i * job->piece, n = job->reduced - from < job->piece ? job->reduced - from : job->piece;
        job->loop(job, job->out + i * job->inner * job->out_item, job->in + from * job->inner * job->in_item, n);
    }
}

/* One run of axes. `associative`: partial results may be reduced again by the same loop. */
static int run_job(fc_ctx *ctx, reduce_job *job, int associative) {
    int64_t row = job->reduced * job->inner;
    if (associative && job->outer < 4 && job->reduced >= 2 && row >= 4 * GRAIN && job->inner <= 1024) {
        int64_t pieces = row / GRAIN < 64 ? row / GRAIN : 64;
        void *partial;
        job->piece = (job->reduced + pieces - 1) / pieces;
        pieces = (job->reduced + job->piece - 1) / job->piece;
        int rc = ctx->api->scratch(ctx, (size_t)(pieces * job->inner * job->out_item), &partial);
        if (rc) return rc;
        for (int64_t o = 0; o < job->outer; o++) {
            reduce_job part = *job;
            part.in = job->in + o * row * job->in_item;
            part.out = partial;
            ctx->api->parallel_for(ctx, pieces, 1, reduced_piece, &part);
            job->loop(job, job->out + o * job->inner * job->out_item, partial, pieces);
        }
        return FC_OK;
    }
    ctx->api->parallel_for(ctx, job->outer, row >= GRAIN || !row ? 1 : GRAIN / row, outer_piece, job);
    return FC_OK;
}

static int find_axes(fc_ctx *ctx, int *reduced) {
    const fc_tensor *x = ctx->in[0], *axes = ctx->in[1];
    if (axes->ndim > 1) return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "reduction_indices must be a scalar or a vector");
    for (int64_t i = 0; i < axes->size; i++) {
        int64_t axis = fc_int_at(axes, i);
        if (axis < -x->ndim || axis >= x->ndim)
            return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "Invalid reduction dimension (%lld for input with %d dimension(s))", (long long)axis, x->ndim);
        if (axis < 0) axis += x->ndim;
        if (reduced[axis]++) return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "Invalid reduction arguments: Axes contains duplicate dimension: %lld", (long long)axis);
    }
    return FC_OK;
}

/* `keep_dims` is attribute 0. */
static int reduce(fc_ctx *ctx, const reduce_loop *loops, int associative) {
    const fc_tensor *x = ctx->in[0];
    int reduced[FC_MAX_DIMS] = {0}, ndim = 0, runs = 0, any = 0;
    int64_t shape[FC_MAX_DIMS], item = fc_item_size(x->dtype);
    int rc = find_axes(ctx, reduced);
    if (rc) return rc;
    if (!loops[x->dtype]) return ctx->api->fail(ctx, FC_UNIMPLEMENTED, "this dtype is not supported");
    for (int d = 0; d < x->ndim; d++) {
        if (!reduced[d]) shape[ndim++] = x->shape[d];
        else if (ctx->attrs[0].i) shape[ndim++] = 1;
        any |= reduced[d];
        if (reduced[d] && x->shape[d] != 1) {
            int e = d - 1;
            while (e >= 0 && x->shape[e] == 1) e--;
            runs += e < 0 || !reduced[e];
        }
    }
    if (runs == 0) { /* axes of size one, or none: the values stay (a mean of one, too) */
        (void)any;
        return ctx->api->share(ctx, 0, x, 0, x->dtype, ndim, shape);
    }
    rc = ctx->api->alloc(ctx, 0, x->dtype, ndim, shape);
    if (rc || !ctx->out[0].size) return rc;
    const char *in = fc_data(x);
    int64_t inner = 1, outer = 1;
    int d = x->ndim - 1;
    for (int e = 0; e < x->ndim; e++) outer *= x->shape[e];
    if (!x->size) { /* nothing to reduce into each result: one empty run */
        reduce_job job = {.loop = loops[x->dtype], .in = in, .out = fc_data(&ctx->out[0]), .outer = 1, .reduced = 0, .inner = ctx->out[0].size,
                          .in_item = item, .out_item = item};
        job.loop(&job, job.out, in, 0);
        return FC_OK;
    }
    for (; runs > 0; runs--) {
        int64_t n = 1;
        while (!(reduced[d] && x->shape[d] != 1)) inner *= x->shape[d--];
        while (d >= 0 && (reduced[d] || x->shape[d] == 1)) n *= x->shape[d--];
        outer = 1;
        for (int e = 0; e <= d; e++) outer *= x->shape[e];
        void *to = fc_data(&ctx->out[0]);
        if (runs > 1) {
            rc = ctx->api->scratch(ctx, (size_t)(outer * inner * item), &to);
            if (rc) return rc;
        }
        reduce_job job = {.loop = loops[x->dtype], .in = in, .out = to, .outer = outer, .reduced = n, .inner = inner, .in_item = item, .out_item = item};
        rc = run_job(ctx, &job, associative);
        if (rc) return rc;
        in = to;
    }
    return FC_OK;
}

#define KERNEL(name, associative, ...)                                      \
    static int kernel_##name(fc_ctx *ctx) {                                 \
        static const reduce_loop loops[FC_NUM_DTYPES] = {__VA_ARGS__};      \
        return reduce(ctx, loops, associative);                             \
    }
KERNEL(sum, 1, NUMBERS(sum))
KERNEL(mean, 0, NUMBERS(mean))
KERNEL(prod, 1, NUMBERS(prod))
KERNEL(max, 1, REALS(max))
KERNEL(min, 1, REALS(min))
KERNEL(all, 1, [FC_BOOL] = all_BOOL)
KERNEL(any, 1, [FC_BOOL] = any_BOOL)

static int arg(fc_ctx *ctx, const reduce_loop *loops) {
    const fc_tensor *x = ctx->in[0];
    int64_t shape[FC_MAX_DIMS], axis;
    int ndim = 0, out_dtype = ctx->attrs[0].i == FC_INT32 ? FC_INT32 : FC_INT64;
    if (ctx->in[1]->size != 1) return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "dimension must be a scalar");
    axis = fc_int_at(ctx->in[1], 0);
    if (axis < -x->ndim || axis >= x->ndim)
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "Expected dimension in the range [%d, %d), but got %lld", -x->ndim, x->ndim, (long long)axis);
    if (axis < 0) axis += x->ndim;
    reduce_job job = {.loop = loops[x->dtype], .in = fc_data(x), .outer = 1, .reduced = x->shape[axis], .inner = 1, .in_item = fc_item_size(x->dtype),
                      .out_item = fc_item_size(out_dtype), .index_dtype = out_dtype};
    if (!job.loop) return ctx->api->fail(ctx, FC_UNIMPLEMENTED, "this dtype is not supported");
    for (int d = 0; d < x->ndim; d++) {
        if (d == axis) continue;
        shape[ndim++] = x->shape[d];
        if (d < axis) job.outer *= x->shape[d];
        else job.inner *= x->shape[d];
    }
    if (job.outer > 0 && job.inner > 0 && !job.reduced) return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "Reduction axis %lld is empty in the input", (long long)axis);
    int rc = ctx->api->alloc(ctx, 0, out_dtype, ndim, shape);
    if (rc || !ctx->out[0].size) return rc;
    job.out = fc_data(&ctx->out[0]);
    return run_job(ctx, &job, 0);
}
static int kernel_argmax(fc_ctx *ctx) {
    static const reduce_loop loops[FC_NUM_DTYPES] = {REALS(argmax)};
    return arg(ctx, loops);
}
static int kernel_argmin(fc_ctx *ctx) {
    static const reduce_loop loops[FC_NUM_DTYPES] = {REALS(argmin)};
    return arg(ctx, loops);
}

/* sum(x^2) / 2, blockwise like the sums. */
static int l2_loss(fc_ctx *ctx) {
    const fc_tensor *x = ctx->in[0];
    double total = 0;
    for (int64_t i = 0; i < x->size; i += 1024) {
        double block = 0;
        int64_t end = i + 1024 < x->size ? i + 1024 : x->size;
        for (int64_t k = i; k < end; k++) {
            double v = x->dtype == FC_FLOAT32   ? (double)FC_IN(ctx, 0, float)[k]
                       : x->dtype == FC_FLOAT64 ? FC_IN(ctx, 0, double)[k]
                       : x->dtype == FC_FLOAT16 ? (double)fc_from_half(FC_IN(ctx, 0, fc_half)[k])
                                                : (double)fc_from_bfloat16(FC_IN(ctx, 0, fc_bfloat16)[k]);
            block += v * v;
        }
        total += block;
    }
    total /= 2;
    int rc = ctx->api->alloc(ctx, 0, x->dtype, 0, NULL);
    if (rc) return rc;
    switch (x->dtype) {
    case FC_FLOAT32: *FC_OUT(ctx, 0, float) = (float)total; break;
    case FC_FLOAT64: *FC_OUT(ctx, 0, double) = total; break;
    case FC_FLOAT16: *FC_OUT(ctx, 0, fc_half) = fc_to_half((float)total); break;
    default: *FC_OUT(ctx, 0, fc_bfloat16) = fc_to_bfloat16((float)total);
    }
    return FC_OK;
}

#define REAL_TYPES "T:float16,bfloat16,float32,float64,int8,uint8,int16,uint16,int32,uint32,int64,uint64"
static const fc_kernel_def defs[] = {
    {"Sum", REAL_TYPES ",complex64,complex128", "keep_dims", FC_SYNC, 2, 0, kernel_sum},
    {"Mean", REAL_TYPES ",complex64,complex128", "keep_dims", FC_SYNC, 2, 0, kernel_mean},
    {"Prod", REAL_TYPES ",complex64,complex128", "keep_dims", FC_SYNC, 2, 0, kernel_prod},
    {"Max", REAL_TYPES, "keep_dims", FC_SYNC, 2, 0, kernel_max},
    {"Min", REAL_TYPES, "keep_dims", FC_SYNC, 2, 0, kernel_min},
    {"All", "", "keep_dims", FC_SYNC, 2, 0, kernel_all},
    {"Any", "", "keep_dims", FC_SYNC, 2, 0, kernel_any},
    {"ArgMax", REAL_TYPES, "output_type", FC_SYNC, 2, 0, kernel_argmax},
    {"ArgMin", REAL_TYPES, "output_type", FC_SYNC, 2, 0, kernel_argmin},
    {"L2Loss", "T:float16,bfloat16,float32,float64", "", FC_SYNC, 0, 0, l2_loss},
};
const fc_kernel_table fc_reduce_kernels = {FC_ABI, "CPU", sizeof defs / sizeof defs[0], defs};
