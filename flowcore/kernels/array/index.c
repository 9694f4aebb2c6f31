/* Ops with index tensors: Gather, GatherV2, UnsortedSegmentSum, OneHot, InvertPermutation, Unique, InTopK. */
#include <complex.h>
#include <stdlib.h>

#include "../_types.h"
#include "copy.h"

static const char *const OUT_OF_RANGE = "indices[%lld] = %lld is not in [0, %lld)";

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
        memcpy(job->out + i * job->inner, job->params + (outer * job->rows + row) * job->inner, (size_t)job->inner);
    }
}

static int gather(fc_ctx *ctx) {
    const fc_tensor *params = ctx->in[0], *indices = ctx->in[1];
    int64_t shape[2 * FC_MAX_DIMS], outer = 1;
    int axis = 0, rc = FC_OK, ndim = 0;
    if (params->ndim < 1) return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "params must be at least 1 dimensional");
    if (ctx->n_in == 3) {
        if (ctx->in[2]->size != 1) return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "axis must be a scalar");
        rc = fc_axis(ctx, "axis", fc_int_at(ctx->in[2], 0), params->ndim, &axis);
        if (rc) return rc;
    }
    for (int d = 0; d < axis; d++) outer *= shape[ndim++] = params->shape[d];
    for (int d = 0; d < indices->ndim; d++) shape[ndim++] = indices->shape[d];
    gather_job job = {.params = fc_data(params), .indices = indices, .rows = params->shape[axis], .inner = fc_item_size(params->dtype)};
    for (int d = axis + 1; d < params->ndim; d++) job.inner *= shape[ndim++] = params->shape[d];
    for (int64_t i = 0; i < indices->size; i++) {
        int64_t row = fc_int_at(indices, i);
        if (row < 0 || row >= job.rows) return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, OUT_OF_RANGE, (long long)i, (long long)row, (long long)job.rows);
    }
    rc = ctx->api->alloc(ctx, 0, params->dtype, ndim, shape);
    if (rc || !ctx->out[0].size) return rc;
    job.out = fc_data(&ctx->out[0]);
    ctx->api->parallel_for(ctx, outer * indices->size, job.inner >= FC_COPY_GRAIN ? 1 : FC_COPY_GRAIN / job.inner, gather_piece, &job);
    if (params->dtype == FC_STRING) fc_retain_strings(&ctx->out[0]);
    return FC_OK;
}

/* ---- UnsortedSegmentSum: row i of data is added to row segment_ids[i] of the result; negative ids are left out ---- */
#define ADD_ROW(NAME, T, C, LOAD, STORE)                                              \
    static void add_row_##NAME(void *to, const void *from, int64_t n) {               \
        T *a = to;                                                                    \
        const T *b = from;                                                            \
        for (int64_t i = 0; i < n; i++) a[i] = STORE((C)(LOAD(a[i]) + LOAD(b[i])));   \
    }
FC_NUMBER_TYPES(ADD_ROW)

static int unsorted_segment_sum(fc_ctx *ctx) {
    static void (*const add[FC_NUM_DTYPES])(void *, const void *, int64_t) = {
#define ADD_ENTRY(NAME, T, C, LOAD, STORE) [FC_##NAME] = add_row_##NAME,
        FC_NUMBER_TYPES(ADD_ENTRY)};
    const fc_tensor *data = ctx->in[0], *ids = ctx->in[1];
    int64_t shape[FC_MAX_DIMS], inner = 1, item = fc_item_size(data->dtype);
    int ndim = 0;
    char a[128], b[128];
    if (ctx->in[2]->size != 1 || fc_int_at(ctx->in[2], 0) < 0) return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "num_segments must be a scalar of at least 0");
    if (ids->ndim > data->ndim || memcmp(ids->shape, data->shape, (size_t)ids->ndim * sizeof(int64_t)))
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "data.shape = %s does not start with segment_ids.shape = %s", fc_shape_str(data, a, sizeof a),
                              fc_shape_str(ids, b, sizeof b));
    shape[ndim++] = fc_int_at(ctx->in[2], 0);
    for (int d = ids->ndim; d < data->ndim; d++) inner *= data->shape[d];
    for (int d = ids->ndim; d < data->ndim; d++) {
        if (ndim == FC_MAX_DIMS) return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "the result has too many dimensions");
        shape[ndim++] = data->shape[d];
    }
    for (int64_t i = 0; i < ids->size; i++)
        if (fc_int_at(ids, i) >= shape[0])
            return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "segment_ids[%lld] = %lld is not in [0, %lld)", (long long)i, (long long)fc_int_at(ids, i),
                                  (long long)shape[0]);
    int rc = ctx->api->alloc(ctx, 0, data->dtype, ndim, shape);
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
    int64_t shape[FC_MAX_DIMS + 1], depth, outer = 1, inner = 1, item = fc_item_size(on->dtype);
    int axis, ndim = indices->ndim + 1;
    if (ctx->in[1]->size != 1 || on->size != 1 || off->size != 1)
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "depth, on_value and off_value must be scalars");
    depth = fc_int_at(ctx->in[1], 0);
    if (depth < 0) return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "depth must be non-negative, got: %lld", (long long)depth);
    int rc = fc_axis(ctx, "axis", ctx->attrs[0].i, ndim, &axis);
    if (rc) return rc;
    for (int d = 0, from = 0; d < ndim; d++) {
        shape[d] = d == axis ? depth : indices->shape[from++];
        if (d < axis) outer *= shape[d];
        if (d > axis) inner *= shape[d];
    }
    rc = ctx->api->alloc(ctx, 0, on->dtype, ndim, shape);
    if (rc || !ctx->out[0].size) return rc;
    char *out = fc_data(&ctx->out[0]);
    const char *yes = fc_data(on), *no = fc_data(off);
    for (int64_t i = 0; i < ctx->out[0].size; i++) memcpy(out + i * item, no, (size_t)item);
    for (int64_t i = 0; i < indices->size; i++) {
        int64_t at = indices->dtype == FC_UINT8 ? ((const uint8_t *)fc_data(indices))[i] : fc_int_at(indices, i);
        if (at >= 0 && at < depth) memcpy(out + ((i / inner * depth + at) * inner + i % inner) * item, yes, (size_t)item);
    }
    (void)outer;
    if (on->dtype == FC_STRING) fc_retain_strings(&ctx->out[0]);
    return FC_OK;
}

static int invert_permutation(fc_ctx *ctx) {
    const fc_tensor *x = ctx->in[0];
    if (x->ndim != 1) return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "invert_permutation expects a 1D vector.");
    int rc = ctx->api->alloc(ctx, 0, x->dtype, 1, x->shape);
    if (rc || !x->size) return rc;
    memset(fc_data(&ctx->out[0]), 0xff, (size_t)(x->size * fc_item_size(x->dtype)));
    for (int64_t i = 0; i < x->size; i++) {
        int64_t to = fc_int_at(x, i);
        if (to < 0 || to >= x->size) return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "%lld is not between 0 and %lld", (long long)to, (long long)x->size);
        if (fc_int_at(&ctx->out[0], to) >= 0) return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "%lld is duplicated in the input.", (long long)to);
        if (x->dtype == FC_INT32) FC_OUT(ctx, 0, int32_t)[to] = (int32_t)i;
        else FC_OUT(ctx, 0, int64_t)[to] = i;
    }
    return FC_OK;
}

/* ---- Unique: distinct values in the order of their first appearance, and for each element where its value went ---- */
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
    if (!rc) rc = ctx->api->alloc(ctx, 1, idx_dtype, 1, x->shape);
    if (rc) return rc;
    memset(table, 0xff, sizeof(int64_t) * (size_t)capacity);
    const char *data = fc_data(x);
    for (int64_t i = 0; i < x->size; i++) {
        const char *key = data + i * item;
        int64_t n = item;
        if (strings) {
            const fc_string *s = *(fc_string *const *)key;
            key = s ? s->bytes : "", n = s ? s->size : 0;
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
                const fc_string *s = *(fc_string *const *)other;
                other = s ? s->bytes : "", m = s ? s->size : 0;
            }
            if (m == n && !memcmp(other, key, (size_t)n)) break;
        }
        if (idx_dtype == FC_INT32) FC_OUT(ctx, 1, int32_t)[i] = (int32_t)table[slot];
        else FC_OUT(ctx, 1, int64_t)[i] = table[slot];
    }
    rc = ctx->api->alloc(ctx, 0, x->dtype, 1, &count);
    if (rc || !count) return rc;
    for (int64_t i = 0; i < count; i++) memcpy(FC_OUT(ctx, 0, char) + i * item, data + firsts[i] * item, (size_t)item);
    if (strings) fc_retain_strings(&ctx->out[0]);
    return FC_OK;
}

static int in_top_k(fc_ctx *ctx) {
    const fc_tensor *p = ctx->in[0], *targets = ctx->in[1];
    int64_t k = ctx->n_in == 3 ? (ctx->in[2]->size == 1 ? fc_int_at(ctx->in[2], 0) : -1) : ctx->attrs[0].i;
    char a[128], b[128];
    if (ctx->n_in == 3 && ctx->in[2]->size != 1) return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "k must be a scalar");
    if (p->ndim != 2 || targets->ndim != 1 || p->shape[0] != targets->shape[0])
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "predictions must be a matrix and targets a vector with one entry per row, found %s and %s",
                              fc_shape_str(p, a, sizeof a), fc_shape_str(targets, b, sizeof b));
    int rc = ctx->api->alloc(ctx, 0, FC_BOOL, 1, targets->shape);
    for (int64_t i = 0; !rc && i < targets->size; i++) {
        const float *row = FC_IN(ctx, 0, float) + i * p->shape[1];
        int64_t target = fc_int_at(targets, i), better = 0;
        int usable = target >= 0 && target < p->shape[1];
        for (int64_t j = 0; usable && j < p->shape[1]; j++) {
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
    if (at < 0 || at >= ctx->n_in - 1) return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "index = %lld is not in [0, %d)", (long long)at, ctx->n_in - 1);
    const fc_tensor *x = ctx->in[at + 1];
    return ctx->api->share(ctx, 0, x, 0, x->dtype, x->ndim, x->shape);
}

#define NUMBERS "T:float16,bfloat16,float32,float64,int8,uint8,int16,uint16,int32,uint32,int64,uint64,complex64,complex128"
static const fc_kernel_def defs[] = {
    {"Gather", "", "", FC_SYNC, 0, 0, gather},
    {"GatherV2", "", "", FC_SYNC, 4, 0, gather},
    {"UnsortedSegmentSum", NUMBERS, "", FC_SYNC, 4, 0, unsorted_segment_sum},
    {"OneHot", "", "axis", FC_SYNC, 2, 0, one_hot},
    {"RefSelect", "", "", FC_SYNC, 1, 0, ref_select},
    {"InvertPermutation", "T:int32,int64", "", FC_SYNC | FC_ANY_DEVICE, 1, 1, invert_permutation},
    {"Unique", "", "out_idx", FC_SYNC, 0, 0, unique},
    {"InTopK", "T:int32,int64", "k", FC_SYNC, 0, 0, in_top_k},
    {"InTopKV2", "T:int32,int64", "", FC_SYNC, 4, 0, in_top_k},
};
const fc_kernel_table fc_index_kernels = {FC_ABI, "CPU", sizeof defs / sizeof defs[0], defs};
