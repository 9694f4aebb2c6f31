/* Sum, Mean, Prod, Max, Min, All, Any, ArgMax, ArgMin, L2Loss.
 *
 * The axes are brought into the form [outer, reduced, inner]: runs of neighbouring axes merge; where the
 * reduced axes are not neighbours, the reduction goes one run after the other, innermost first (an exact
 * regrouping for all but the rounding of sums, and fixed by the shape). A large reduction to few results is
 * cut along the reduced axis into pieces whose number depends on the shape alone. */
#include <complex.h>
#include <math.h>
#include <string.h>

#include "../../_kernel.h"
#include "../_types.h"
#include "rows.h"

#define COLUMNS 64

typedef struct reduce_job {
    void (*loop)(const struct reduce_job *job, void *out, const void *in, int64_t n);
    const fc_row_loops *rows; /* instead of `loop` where inner == 1, if there are any */
    char *out;
    const char *in;
    int64_t outer, reduced, inner, piece; /* piece: reduced elements per piece, when cut */
    int64_t in_item, out_item;
    int index_dtype;
} reduce_job;

#define FC_TEMPLATE "reduce/loops.h"
#include "../_each_type.h"

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
#define REALS(p) \
    [FC_FLOAT16] = p##_FLOAT16, [FC_BFLOAT16] = p##_BFLOAT16, [FC_FLOAT32] = p##_FLOAT32, \
    [FC_FLOAT64] = p##_FLOAT64, [FC_INT8] = p##_INT8, [FC_INT16] = p##_INT16, [FC_INT32] = p##_INT32, \
    [FC_INT64] = p##_INT64, [FC_UINT8] = p##_UINT8, [FC_UINT16] = p##_UINT16, [FC_UINT32] = p##_UINT32, \
    [FC_UINT64] = p##_UINT64
#define NUMBERS(p) REALS(p), [FC_COMPLEX64] = p##_COMPLEX64, [FC_COMPLEX128] = p##_COMPLEX128

static inline void run_rows(const reduce_job *job, void *out, const void *in, int64_t n, int64_t count) {
    if (job->rows && job->inner == 1) {
        job->rows->rows(out, in, n, count);
        return;
    }
    for (int64_t i = 0; i < count; i++)
        job->loop(job, (char *)out + i * job->inner * job->out_item,
                  (const char *)in + i * n * job->inner * job->in_item, n);
}

static void outer_piece(void *arg, int64_t begin, int64_t end) {
    const reduce_job *job = arg;
    run_rows(job, job->out + begin * job->inner * job->out_item,
             job->in + begin * job->reduced * job->inner * job->in_item, job->reduced, end - begin);
}

/* Pieces of the reduced axis of one outer row: each writes a row of partial results. */
static void reduced_piece(void *arg, int64_t begin, int64_t end) {
    const reduce_job *job = arg;
    for (int64_t i = begin; i < end; i++) {
        int64_t from = i * job->piece,
                n = job->reduced - from < job->piece ? job->reduced - from : job->piece;
        run_rows(job, job->out + i * job->inner * job->out_item, job->in + from * job->inner * job->in_item,
                 n, 1);
    }
}

/* One run of axes. `associative`: partial results may be reduced again by the same loop. */
static int run_job(fc_ctx *ctx, reduce_job *job, int associative) {
    int64_t row = job->reduced * job->inner;
    job->piece = fc_piece(&(fc_run){job->outer, job->reduced, job->inner}, associative);
    if (job->piece < job->reduced) {
        int64_t pieces = (job->reduced + job->piece - 1) / job->piece;
        void *partial;
        int rc = ctx->api->scratch(ctx, (size_t)(pieces * job->inner * job->out_item), &partial);
        if (rc) return rc;
        for (int64_t o = 0; o < job->outer; o++) {
            reduce_job part = *job;
            part.in = job->in + o * row * job->in_item;
            part.out = partial;
            ctx->api->parallel_for(ctx, pieces, 1, reduced_piece, &part);
            run_rows(job, job->out + o * job->inner * job->out_item, partial, pieces, 1);
        }
        return FC_OK;
    }
    ctx->api->parallel_for(ctx, job->outer, row >= FC_REDUCE_GRAIN || !row ? 1 : FC_REDUCE_GRAIN / row,
                           outer_piece, job);
    return FC_OK;
}

#define INTEGER_AT(NAME, T, C, LOAD, STORE) \
    case FC_##NAME: return ((const T *)data)[i];
#define PUT_INTEGER(NAME, T, C, LOAD, STORE) \
    case FC_##NAME: ((T *)data)[i] = (T)value; break;

static __int128 integer_at(const void *data, int dtype, int64_t i) {
    switch (dtype) {
        FC_INTEGER_TYPES(INTEGER_AT)
    default: return 0;
    }
}

static void put_integer(void *data, int dtype, int64_t i, __int128 value) {
    switch (dtype) { FC_INTEGER_TYPES(PUT_INTEGER) }
}

/* A mean of integers over axes that are no neighbours: a mean of means would be rounded twice. */
static int scattered_integer_mean(fc_ctx *ctx, const fc_reduction *r) {
    const fc_tensor *x = ctx->in[0];
    const fc_tensor *out = &ctx->out[0];
    void *scratch;
    int rc = ctx->api->scratch(ctx, (size_t)out->size * sizeof(__int128), &scratch);
    if (rc) return rc;
    __int128 *totals = scratch;
    memset(totals, 0, (size_t)out->size * sizeof *totals);
    for (int64_t i = 0; i < x->size; i++) {
        int64_t at = i;
        for (int k = 0; k < r->count; k++) {
            const fc_run *run = &r->runs[k];
            at = at / (run->reduced * run->inner) * run->inner + at % run->inner;
        }
        totals[at] += integer_at(fc_data(x), x->dtype, i);
    }
    int64_t count = x->size / out->size;
    for (int64_t i = 0; i < out->size; i++)
        put_integer(fc_data(out), x->dtype, i, count ? totals[i] / count : 0);
    return FC_OK;
}

static int is_integer(int dtype) {
    switch (dtype) {
#define IS_INTEGER(NAME, T, C, LOAD, STORE) case FC_##NAME:
        FC_INTEGER_TYPES(IS_INTEGER) return 1;
    default: return 0;
    }
}

static int reduce(fc_ctx *ctx, const reduce_loop *loops, const fc_row_loops *const *rows, int mean) {
    const fc_tensor *x = ctx->in[0];
    fc_reduction r;
    int rc = fc_plan_reduction(ctx, &r);
    if (rc) return rc;
    if (!loops[x->dtype]) return ctx->api->fail(ctx, FC_UNIMPLEMENTED, "this dtype is not supported");
    /* a mean of one, too */
    if (!r.count) return ctx->api->share(ctx, 0, x, 0, x->dtype, r.ndim, r.shape);
    rc = ctx->api->alloc(ctx, 0, x->dtype, r.ndim, r.shape);
    if (rc || !ctx->out[0].size) return rc;
    if (mean && r.count > 1 && is_integer(x->dtype)) return scattered_integer_mean(ctx, &r);
    int64_t item = fc_item_size(x->dtype);
    const char *in = fc_data(x);
    for (int i = 0; i < r.count; i++) {
        void *to = fc_data(&ctx->out[0]);
        if (i < r.count - 1) {
            rc = ctx->api->scratch(ctx, (size_t)(r.runs[i].outer * r.runs[i].inner * item), &to);
            if (rc) return rc;
        }
        reduce_job job = {.loop = loops[x->dtype],
                          .rows = rows ? rows[x->dtype] : NULL,
                          .in = in,
                          .out = to,
                          .outer = r.runs[i].outer,
                          .reduced = r.runs[i].reduced,
                          .inner = r.runs[i].inner,
                          .in_item = item,
                          .out_item = item};
        rc = run_job(ctx, &job, !mean);
        if (rc) return rc;
        in = to;
    }
    return FC_OK;
}

#define KERNEL(name, TYPES) \
    static const fc_row_loops *const name##_rows[FC_NUM_DTYPES] = {TYPES(&name##_loops)}; \
    static int kernel_##name(fc_ctx *ctx) { \
        static const reduce_loop loops[FC_NUM_DTYPES] = {TYPES(name)}; \
        return reduce(ctx, loops, name##_rows, !name##_rows[FC_FLOAT32]->associative); \
    }
KERNEL(sum, NUMBERS)
KERNEL(mean, NUMBERS)
KERNEL(prod, NUMBERS)
KERNEL(max, REALS)
KERNEL(min, REALS)
static int kernel_all(fc_ctx *ctx) {
    static const reduce_loop loops[FC_NUM_DTYPES] = {[FC_BOOL] = all_BOOL};
    return reduce(ctx, loops, NULL, 0);
}
static int kernel_any(fc_ctx *ctx) {
    static const reduce_loop loops[FC_NUM_DTYPES] = {[FC_BOOL] = any_BOOL};
    return reduce(ctx, loops, NULL, 0);
}

const fc_row_loops *fc_find_row_loops(const char *op, int dtype) {
    static const struct {
        const char *op;
        const fc_row_loops *const *loops;
    } all[] = {
        {"Sum", sum_rows}, {"Mean", mean_rows}, {"Prod", prod_rows}, {"Max", max_rows}, {"Min", min_rows}};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        if (!strcmp(all[i].op, op)) return dtype >= 0 && dtype < FC_NUM_DTYPES ? all[i].loops[dtype] : NULL;
    return NULL;
}

static int arg(fc_ctx *ctx, const reduce_loop *loops) {
    const fc_tensor *x = ctx->in[0];
    fc_run run;
    int rc = fc_begin_arg(ctx, &run);
    if (rc || !ctx->out[0].size) return rc;
    if (!loops[x->dtype]) return ctx->api->fail(ctx, FC_UNIMPLEMENTED, "this dtype is not supported");
    reduce_job job = {.loop = loops[x->dtype],
                      .in = fc_data(x),
                      .out = fc_data(&ctx->out[0]),
                      .outer = run.outer,
                      .reduced = run.reduced,
                      .inner = run.inner,
                      .in_item = fc_item_size(x->dtype),
                      .out_item = fc_item_size(ctx->out[0].dtype),
                      .index_dtype = ctx->out[0].dtype};
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
