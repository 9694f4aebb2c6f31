/* Select, SelectV2, AddN, CheckNumerics: elementwise ops that are no formula of one or two numbers. */
#include <complex.h>
#include <math.h>
#include <string.h>

#include "../_types.h"
#include "../_variants.h"
#include "loops.h"
#include "select_checks.h"

/* ---- Select: works on bits of the item's size ------------------------------------------------ */
typedef struct {
    char *out;
    const char *x, *y;
    const uint8_t *condition;
    int64_t item;
    const fc_walk *walk;
} select_job;

typedef struct {
    uint64_t word[2];
} sixteen_bytes;

/* Loops whose strides are known, and that load both values whatever the condition, vectorise. */
#define CHOOSE(U, V) \
    for (int64_t i = 0; i < n; i++) { \
        const value u = U, v = V; \
        to[i] = c[i] ? u : v; \
    }
#define SELECT_LOOP(T) \
    { \
        typedef T value; \
        value *to = o; \
        const value *a = x, *b = y, first_x = *a, first_y = *b; \
        if (sc == 1 && sx == 1 && sy == 1) CHOOSE(a[i], b[i]) \
        else if (sc == 1 && sx == 1 && sy == 0) CHOOSE(a[i], first_y) \
        else if (sc == 1 && sx == 0 && sy == 1) CHOOSE(first_x, b[i]) \
        else \
            for (int64_t i = 0; i < n; i++) to[i] = c[i * sc] ? a[i * sx] : b[i * sy]; \
        break; \
    }

FC_CLONES void fc_select_loop(void *o, const void *condition, const void *x, const void *y, int64_t n,
                              int64_t sc, int64_t sx, int64_t sy, int64_t item) {
    const uint8_t *c = condition;
    switch (item) {
    case 1: SELECT_LOOP(uint8_t)
    case 2: SELECT_LOOP(uint16_t)
    case 4: SELECT_LOOP(uint32_t)
    case 8: SELECT_LOOP(uint64_t)
    default: SELECT_LOOP(sixteen_bytes)
    }
}

static void select_rows(void *arg, int64_t begin, int64_t end) {
    const select_job *job = arg;
    const fc_walk *w = job->walk;
    int last = w->ndim - 1;
    int64_t n = w->shape[last];
    for (int64_t row = begin; row < end; row++) {
        int64_t rest = row, at[3] = {0, 0, 0};
        for (int d = last - 1; d >= 0; d--) {
            int64_t i = rest % w->shape[d];
            rest /= w->shape[d];
            for (int k = 0; k < 3; k++) at[k] += i * w->stride[k][d];
        }
        fc_select_loop(job->out + row * n * job->item, job->condition + at[0], job->x + at[1] * job->item,
                       job->y + at[2] * job->item, n, w->stride[0][last], w->stride[1][last],
                       w->stride[2][last], job->item);
    }
}

static int run_select(fc_ctx *ctx, const fc_tensor *const *in, int ndim, const int64_t *shape) {
    const fc_tensor *x = in[1];
    int rc = ctx->api->alloc(ctx, 0, x->dtype, ndim, shape);
    if (rc || !ctx->out[0].size) return rc;
    fc_walk walk;
    select_job job = {.out = fc_data(&ctx->out[0]),
                      .condition = fc_data(in[0]),
                      .x = fc_data(x),
                      .y = fc_data(in[2]),
                      .item = fc_item_size(x->dtype),
                      .walk = &walk};
    fc_walk_init(&walk, 3, in, ndim, shape);
    int64_t inner = walk.shape[walk.ndim - 1];
    ctx->api->parallel_for(ctx, ctx->out[0].size / inner, inner >= FC_GRAIN ? 1 : FC_GRAIN / inner,
                           select_rows, &job);
    return fc_is_plain(x->dtype) ? FC_OK : ctx->api->keep(ctx, &ctx->out[0], 2, in + 1);
}

static int select_v1(fc_ctx *ctx) {
    fc_tensor condition;
    int64_t room[FC_MAX_DIMS];
    int rc = fc_select_condition(ctx, &condition, room);
    const fc_tensor *in[3] = {&condition, ctx->in[1], ctx->in[2]};
    return rc ? rc : run_select(ctx, in, in[1]->ndim, fc_dims(in[1]));
}

static int select_v2(fc_ctx *ctx) {
    int64_t shape[FC_MAX_DIMS];
    int ndim, rc = fc_broadcast(ctx, 3, &ndim, shape);
    if (!rc && ctx->in[1]->dtype != ctx->in[2]->dtype)
        rc = ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "'t' and 'e' differ in dtype");
    return rc ? rc : run_select(ctx, ctx->in, ndim, shape);
}

/* ---- AddN ------------------------------------------------------------------------------------ */
typedef struct {
    void (*loop)(void *out, const void *const *in, int count, int64_t begin, int64_t end);
    void *out;
    const void **in;
    int count;
} sum_job;

/* Input by input over short blocks, so that each loop vectorises and the running sums stay close. */
#define ADD_N_BLOCK 512
#define ADD_N_LOOP(NAME, T, C, LOAD, STORE) \
    FC_CLONES static void add_n_##NAME(void *out, const void *const *in, int count, int64_t begin, \
                                       int64_t end) { \
        C sum[ADD_N_BLOCK]; \
        for (int64_t at = begin; at < end; at += ADD_N_BLOCK) { \
            const int64_t n = end - at < ADD_N_BLOCK ? end - at : ADD_N_BLOCK; \
            const T *first = (const T *)in[0] + at; \
            for (int64_t i = 0; i < n; i++) sum[i] = LOAD(first[i]); \
            for (int k = 1; k < count; k++) { \
                const T *next = (const T *)in[k] + at; \
                for (int64_t i = 0; i < n; i++) sum[i] = (C)(sum[i] + LOAD(next[i])); \
            } \
            for (int64_t i = 0; i < n; i++) ((T *)out)[at + i] = STORE(sum[i]); \
        } \
    }
FC_NUMBER_TYPES(ADD_N_LOOP)

static void add_n_piece(void *arg, int64_t begin, int64_t end) {
    const sum_job *job = arg;
    job->loop(job->out, job->in, job->count, begin, end);
}

/* The sums of variants, each kind's own. An empty variant adds nothing. */
static int add_variants(fc_ctx *ctx) {
    const fc_tensor *first = ctx->in[0];
    int rc = fc_add_n_check(ctx), sole = -1;
    if (!rc && first->dtype != FC_VARIANT)
        rc = ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "inputs must be variants, found %s",
                            fc_dtype_name(first->dtype));
    for (int k = 0; k < ctx->n_in && k < 2 && sole < 0;
         k++) /* a third one would change the order of the sum */
        if (ctx->api->sole(ctx, k)) sole = k;
    if (!rc && sole >= 0) /* whose elements become the sums */
        rc = ctx->api->share(ctx, 0, ctx->in[sole], 0, first->dtype, first->ndim, fc_dims(first));
    else if (!rc) rc = ctx->api->alloc(ctx, 0, first->dtype, first->ndim, fc_dims(first));
    fc_variant **out = fc_data(&ctx->out[0]);
    for (int64_t i = 0; !rc && i < first->size; i++)
        for (int k = 0; !rc && k < ctx->n_in; k++)
            if (k != sole) rc = fc_add_variant(ctx, &out[i], ((fc_variant *const *)fc_data(ctx->in[k]))[i]);
    return rc;
}

static int add_n(fc_ctx *ctx) {
    static void (*const loops[FC_NUM_DTYPES])(void *, const void *const *, int, int64_t, int64_t) = {
#define ADD_N_ENTRY(NAME, T, C, LOAD, STORE) [FC_##NAME] = add_n_##NAME,
        FC_NUMBER_TYPES(ADD_N_ENTRY)};
    const fc_tensor *first = ctx->in[0];
    int rc = fc_add_n_check(ctx);
    if (rc) return rc;
    sum_job job = {.loop = loops[first->dtype], .count = ctx->n_in};
    if (!job.loop) return ctx->api->fail(ctx, FC_UNIMPLEMENTED, "this dtype is not supported");
    void *pointers;
    rc = ctx->api->scratch(ctx, sizeof(void *) * (size_t)ctx->n_in, &pointers);
    if (!rc) rc = ctx->api->forward(ctx, 0, 0, first->dtype, first->ndim, fc_dims(first));
    if (rc || !first->size) return rc;
    job.in = pointers;
    job.out = fc_data(&ctx->out[0]);
    for (int k = 0; k < ctx->n_in; k++) job.in[k] = fc_data(ctx->in[k]);
    ctx->api->parallel_for(ctx, first->size, FC_GRAIN, add_n_piece, &job);
    return FC_OK;
}

/* ---- CheckNumerics --------------------------------------------------------------------------- */
#define COUNT_BAD(T, LOAD) \
    for (int64_t i = 0; i < x->size; i++) { \
        double v = (double)LOAD(((const T *)data)[i]); \
        nans += v != v; \
        infinities += v == INFINITY || v == -INFINITY; \
    }
static int check_numerics(fc_ctx *ctx) {
    const fc_tensor *x = ctx->in[0];
    const void *data = fc_data(x);
    int64_t nans = 0, infinities = 0;
    switch (x->dtype) {
    case FC_FLOAT32: COUNT_BAD(float, ) break;
    case FC_FLOAT64: COUNT_BAD(double, ) break;
    case FC_FLOAT16: COUNT_BAD(fc_half, fc_from_half) break;
    default: COUNT_BAD(fc_bfloat16, fc_from_bfloat16)
    }
    if (nans || infinities)
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "%s : Tensor had %s%s%s values",
                              ctx->attrs[0].s ? ctx->attrs[0].s : "", infinities ? "Inf" : "",
                              nans && infinities ? " and " : "", nans ? "NaN" : "");
    return ctx->api->share(ctx, 0, x, 0, x->dtype, x->ndim, fc_dims(x));
}

static const fc_kernel_def defs[] = {
    {"Select", "", "", FC_SYNC, 0, 0, select_v1},
    {"SelectV2", "", "", FC_SYNC, 0, 0, select_v2},
    {"AddN",
     "T:float16,bfloat16,float32,float64,int8,uint8,int16,uint16,int32,uint32,int64,uint64,complex64,"
     "complex128",
     "", FC_SYNC, 0, 0, add_n},
    {"AddN", "T:variant", "", FC_SYNC | FC_OF_LISTS, 0, 0, add_variants},
    {"CheckNumerics", "T:float16,bfloat16,float32,float64", "message", FC_SYNC, 0, 0, check_numerics},
};
const fc_kernel_table fc_select_kernels = {FC_ABI, "CPU", sizeof defs / sizeof defs[0], defs};
