/* Ops with index tensors: Gather, GatherV2, UnsortedSegmentSum, OneHot, InvertPermutation, Unique, InTopK. */
#include <complex.h>
#include <stdlib.h>

#include "../_types.h"
#include "index_checks.h"

typedef struct {
    char *out;
    const char *params;
    const fc_tensor *indices;
    int64_t rows, inner; /* size of the axis; bytes behind it */
} gather_job;

/* Pieces count over outer x indices. */
static void gather_piece(void *arg, int64_t begin, int64_t end) {
    const gather_job *job = arg;
    int64_t n = job->indices->size;
    for (int64_t i = begin; i < end; i++) {
        int64_t outer = i / n, row = fc_int_at(job->indices, i % n);
        memcpy(job->out + i * job->inner, job->params + (outer * job->rows + row) * job->inner,
               (size_t)job->inner);
    }
}

static int gather(fc_ctx *ctx) {
    const fc_tensor *params = ctx->in[0], *indices = ctx->in[1];
    fc_gather_view view;
    int rc = fc_begin_gather(ctx, &view);
    if (rc || !ctx->out[0].size) return rc;
    gather_job job = {fc_data(&ctx->out[0]), fc_data(params), indices, view.rows,
                      view.inner * fc_item_size(params->dtype)};
    ctx->api->parallel_for(ctx, view.outer * indices->size,
                           job.inner >= FC_COPY_GRAIN ? 1 : FC_COPY_GRAIN / job.inner, gather_piece, &job);
    return fc_keep_elements(ctx, &ctx->out[0], params);
}

/* ---- UnsortedSegmentSum: row i of data is added to row segment_ids[i] of the result; negative ids are left
 * out ---- */
#define ADD_ROW(NAME, T, C, LOAD, STORE) \
    static void add_row_##NAME(void *to, const void *from, int64_t n) { \
        T *a = to; \
        const T *b = from; \
        for (int64_t i = 0; i < n; i++) a[i] = STORE((C)(LOAD(a[i]) + LOAD(b[i]))); \
    }
FC_NUMBER_TYPES(ADD_ROW)

static int unsorted_segment_sum(fc_ctx *ctx) {
    static void (*const add[FC_NUM_DTYPES])(void *, const void *, int64_t) = {
#define ADD_ENTRY(NAME, T, C, LOAD, STORE) [FC_##NAME] = add_row_##NAME,
        FC_NUMBER_TYPES(ADD_ENTRY)};
    const fc_tensor *data = ctx->in[0], *ids = ctx->in[1];
    int64_t inner, item = fc_item_size(data->dtype);
    if (!add[data->dtype])
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "data must be numbers, found %s",
                              fc_dtype_name(data->dtype));
    int rc = fc_begin_segment_sum(ctx, &inner);
    if (rc || !ctx->out[0].size) return rc;
    char *out = fc_data(&ctx->out[0]);
    const char *in = fc_data(data);
    memset(out, 0, (size_t)(ctx->out[0].size * item));
    for (int64_t i = 0; i < ids->size; i++) {
        int64_t to = fc_int_at(ids, i);
        if (to >= 0 && inner) add[data->dtype](out + to * inner * item, in + i * inner * item, inner);
    }
    return FC_OK;
}

static int one_hot(fc_ctx *ctx) {
    const fc_tensor *indices = ctx->in[0], *on = ctx->in[2], *off = ctx->in[3];
    int64_t depth, inner, item = fc_item_size(on->dtype);
    int rc = fc_begin_one_hot(ctx, &depth, &inner);
    if (rc || !ctx->out[0].size) return rc;
    char *out = fc_data(&ctx->out[0]);
    const char *yes = fc_data(on), *no = fc_data(off);
    for (int64_t i = 0; i < ctx->out[0].size; i++) memcpy(out + i * item, no, (size_t)item);
    for (int64_t i = 0; i < indices->size; i++) {
        int64_t at = indices->dtype == FC_UINT8 ? ((const uint8_t *)fc_data(indices))[i]
                                                : fc_int_at(indices, i);
        if (at >= 0 && at < depth)
            memcpy(out + ((i / inner * depth + at) * inner + i % inner) * item, yes, (size_t)item);
    }
    return ctx->api->keep(ctx, &ctx->out[0], 2, &ctx->in[2]);
}

static int invert_permutation(fc_ctx *ctx) {
    const fc_tensor *x = ctx->in[0];
    if (x->ndim != 1)
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "invert_permutation expects a 1D vector.");
    int rc = ctx->api->alloc(ctx, 0, x->dtype, 1, fc_dims(x));
    if (rc || !x->size) return rc;
    memset(fc_data(&ctx->out[0]), 0xff, (size_t)(x->size * fc_item_size(x->dtype)));
    for (int64_t i = 0; i < x->size; i++) {
        int64_t to = fc_int_at(x, i);
        if (to < 0 || to >= x->size)
            return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "%lld is not between 0 and %lld", (long long)to,
                                  (long long)x->size);
        if (fc_int_at(&ctx->out[0], to) >= 0)
            return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "%lld is duplicated in the input.",
                                  (long long)to);
        if (x->dtype == FC_INT32) FC_OUT(ctx, 0, int32_t)[to] = (int32_t)i;
        else FC_OUT(ctx, 0, int64_t)[to] = i;
    }
    return FC_OK;
}

/* ---- Unique: distinct values in the order of their first appearance, and for each element where its value
 * went ---- */
static uint64_t hash_bytes(const char *data, int64_t n) {
    uint64_t h = 0xcbf29ce484222325u; /* FNV-1a */
    for (int64_t i = 0; i < n; i++) h = (h ^ (uint8_t)data[i]) * 0x100000001b3u;
    return h;
}
static int unique(fc_ctx *ctx) {
    const fc_tensor *x = ctx->in[0];
    int64_t item = fc_item_size(x->dtype), capacity = 16, count = 0, *table, *firsts;
    int idx_dtype = (int)ctx->attrs[0].i, strings = x->dtype == FC_STRING;
    if (x->ndim != 1) return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "unique expects a 1D vector.");
    while (capacity < 2 * x->size) capacity *= 2;
    int rc = ctx->api->scratch(ctx, sizeof(int64_t) * (size_t)capacity, (void **)&table);
    if (!rc) rc = ctx->api->scratch(ctx, sizeof(int64_t) * (size_t)(x->size + 1), (void **)&firsts);
    if (!rc) rc = ctx->api->alloc(ctx, 1, idx_dtype, 1, fc_dims(x));
    if (rc) return rc;
    memset(table, 0xff, sizeof(int64_t) * (size_t)capacity);
    const char *data = fc_data(x);
    for (int64_t i = 0; i < x->size; i++) {
        const char *key = data + i * item;
        int64_t n = item;
        if (strings) {
            fc_bytes s = fc_bytes_of((const fc_string *)key);
            key = s.data, n = s.size;
        }
        uint64_t slot = hash_bytes(key, n) & (uint64_t)(capacity - 1);
        for (;; slot = (slot + 1) & (uint64_t)(capacity - 1)) {
            if (table[slot] < 0) {
                table[slot] = count;
                firsts[count++] = i;
                break;
            }
            const char *other = data + firsts[table[slot]] * item;
            int64_t m = item;
            if (strings) {
                fc_bytes s = fc_bytes_of((const fc_string *)other);
                other = s.data, m = s.size;
            }
            if (m == n && !memcmp(other, key, (size_t)n)) break;
        }
        if (idx_dtype == FC_INT32) FC_OUT(ctx, 1, int32_t)[i] = (int32_t)table[slot];
        else FC_OUT(ctx, 1, int64_t)[i] = table[slot];
    }
    rc = ctx->api->alloc(ctx, 0, x->dtype, 1, &count);
    if (rc || !count) return rc;
    for (int64_t i = 0; i < count; i++)
        memcpy(FC_OUT(ctx, 0, char) + i * item, data + firsts[i] * item, (size_t)item);
    return fc_keep_elements(ctx, &ctx->out[0], x);
}

static int in_top_k(fc_ctx *ctx) {
    const fc_tensor *p = ctx->in[0], *targets = ctx->in[1];
    int64_t k;
    int rc = fc_begin_in_top_k(ctx, &k);
    for (int64_t i = 0; !rc && i < targets->size; i++) {
        const float *row = FC_IN(ctx, 0, float) + i * fc_dims(p)[1];
        int64_t target = fc_int_at(targets, i), better = 0;
        int usable = target >= 0 && target < fc_dims(p)[1];
        for (int64_t j = 0; usable && j < fc_dims(p)[1]; j++) {
            usable = row[j] - row[j] == 0; /* a row with NaN or infinities has no ranking */
            better += usable && row[j] > row[target];
        }
        FC_OUT(ctx, 0, uint8_t)[i] = usable && better < k;
    }
    return rc;
}

/* The input that the index names: how a queue is chosen at run time. */
static int ref_select(fc_ctx *ctx) {
    if (ctx->in[0]->size != 1) return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "index must be a scalar");
    int64_t at = fc_int_at(ctx->in[0], 0);
    if (at < 0 || at >= ctx->n_in - 1)
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "index = %lld is not in [0, %d)", (long long)at,
                              ctx->n_in - 1);
    const fc_tensor *x = ctx->in[at + 1];
    return ctx->api->share(ctx, 0, x, 0, x->dtype, x->ndim, fc_dims(x));
}

#define NUMBERS \
    "T:float16,bfloat16,float32,float64,int8,uint8,int16,uint16,int32,uint32,int64,uint64,complex64," \
    "complex128"
static const fc_kernel_def defs[] = {
    {"Gather", "", "", FC_SYNC, 0, 0, gather},
    {"GatherV2", "", "", FC_SYNC, 4, 0, gather},
    {"UnsortedSegmentSum", NUMBERS, "", FC_SYNC, 4, 0, unsorted_segment_sum},
    {"OneHot", "", "axis", FC_SYNC, 2, 0, one_hot},
    {"RefSelect", "", "", FC_SYNC, 1, 0, ref_select},
    {"InvertPermutation", "T:int32,int64", "", FC_SYNC | FC_ANY_DEVICE, 1, 1, invert_permutation},
    {"Unique", "", "out_idx", FC_SYNC | FC_ANY_DEVICE, 1, 3, unique},
    {"InTopK", "T:int32,int64", "k", FC_SYNC, 0, 0, in_top_k},
    {"InTopKV2", "T:int32,int64", "", FC_SYNC, 4, 0, in_top_k},
};
const fc_kernel_table fc_index_kernels = {FC_ABI, "CPU", sizeof defs / sizeof defs[0], defs};
