/* BiasAdd and BiasAddGrad. */
#include <complex.h>

#include "../_types.h"
#include "checks.h"
#include "types.h"

typedef struct {
    const void *value, *bias;
    void *out;
    int64_t outer, channels, inner, pieces;
} fc_bias;

/* Rows are summed in pieces of fixed length, then the pieces in order: the same bits for any number of
 * threads. */
#define SUM_ROWS 256

#define BIAS_KERNELS(NAME, T, C, LOAD, STORE) \
    static void bias_add_##NAME(void *arg, int64_t begin, int64_t end) { \
        const fc_bias *b = arg; \
        const T *bias = b->bias; \
        for (int64_t i = begin; i < end; i++) { \
            const T *in = (const T *)b->value + i * b->channels * b->inner; \
            T *out = (T *)b->out + i * b->channels * b->inner; \
            if (b->inner == 1) \
                for (int64_t c = 0; c < b->channels; c++) \
                    out[c] = (T)STORE((C)LOAD(in[c]) + (C)LOAD(bias[c])); \
            else \
                for (int64_t c = 0; c < b->channels; c++) \
                    for (int64_t j = c * b->inner; j < (c + 1) * b->inner; j++) \
                        out[j] = (T)STORE((C)LOAD(in[j]) + (C)LOAD(bias[c])); \
        } \
    } \
    static void bias_sum_##NAME(void *arg, int64_t begin, int64_t end) { \
        const fc_bias *b = arg; \
        for (int64_t piece = begin; piece < end; piece++) { \
            C *sums = (C *)b->out + piece * b->channels; \
            int64_t last = (piece + 1) * SUM_ROWS < b->outer ? (piece + 1) * SUM_ROWS : b->outer; \
            for (int64_t c = 0; c < b->channels; c++) sums[c] = 0; \
            for (int64_t i = piece * SUM_ROWS; i < last; i++) { \
                const T *in = (const T *)b->value + i * b->channels * b->inner; \
                if (b->inner == 1) \
                    for (int64_t c = 0; c < b->channels; c++) sums[c] += (C)LOAD(in[c]); \
                else \
                    for (int64_t c = 0; c < b->channels; c++) { \
                        C sum = 0; \
                        for (int64_t j = c * b->inner; j < (c + 1) * b->inner; j++) sum += (C)LOAD(in[j]); \
                        sums[c] += sum; \
                    } \
            } \
        } \
    } \
    static void bias_total_##NAME(const fc_bias *b, void *to) { \
        const C *sums = b->out; \
        for (int64_t c = 0; c < b->channels; c++) { \
            C total = 0; \
            for (int64_t piece = 0; piece < b->pieces; piece++) total += sums[piece * b->channels + c]; \
            ((T *)to)[c] = (T)STORE(total); \
        } \
    }
FC_NUMBER_TYPES(BIAS_KERNELS)

static const struct {
    void (*add)(void *, int64_t, int64_t);
    void (*sum)(void *, int64_t, int64_t);
    void (*total)(const fc_bias *, void *);
    size_t sum_size;
} by_dtype[FC_NUM_DTYPES] = {
#define BIAS_ENTRY(NAME, T, C, LOAD, STORE) \
    [FC_##NAME] = {bias_add_##NAME, bias_sum_##NAME, bias_total_##NAME, sizeof(C)},
    FC_NUMBER_TYPES(BIAS_ENTRY)};

static int expect_number(fc_ctx *ctx) {
    int dtype = ctx->in[0]->dtype;
    if (by_dtype[dtype].add) return FC_OK;
    return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "expected numbers, found %s", fc_dtype_name(dtype));
}

int fc_bias_add(fc_ctx *ctx) {
    const fc_tensor *value = ctx->in[0], *bias = ctx->in[1];
    fc_bias_view view;
    int rc = expect_number(ctx);
    if (!rc) rc = fc_begin_bias_add(ctx, &view);
    if (rc || !value->size) return rc;
    fc_bias b = {
        fc_data(value), fc_data(bias), fc_data(&ctx->out[0]), view.outer, view.channels, view.inner, 0};
    ctx->api->parallel_for(ctx, b.outer, fc_rows_per_piece(b.channels * b.inner), by_dtype[value->dtype].add,
                           &b);
    return FC_OK;
}

int fc_bias_add_grad(fc_ctx *ctx) {
    const fc_tensor *value = ctx->in[0];
    fc_bias_view view;
    int rc = expect_number(ctx);
    if (!rc) rc = fc_view_for_bias(ctx, &view);
    if (!rc) rc = ctx->api->alloc(ctx, 0, value->dtype, 1, &view.channels);
    if (rc || !view.channels) return rc;
    fc_bias b = {fc_data(value), NULL, NULL, value->size ? view.outer : 0, view.channels, view.inner, 0};
    b.pieces = (b.outer + SUM_ROWS - 1) / SUM_ROWS;
    rc = ctx->api->scratch(ctx, (size_t)(b.pieces * b.channels) * by_dtype[value->dtype].sum_size, &b.out);
    if (rc) return rc;
    int64_t row = b.channels * b.inner * SUM_ROWS;
    ctx->api->parallel_for(ctx, b.pieces, fc_rows_per_piece(row), by_dtype[value->dtype].sum, &b);
    by_dtype[value->dtype].total(&b, fc_data(&ctx->out[0]));
    return FC_OK;
}
