/* What the random ops of every device share: a node's state, the checks of their inputs, the order of a
 * shuffle. */
#ifndef FLOWCORE_RANDOM_H
#define FLOWCORE_RANDOM_H

#include "../_functions.h"
#include "../../_kernel.h"

#define U64 uint64_t
#include "../../../opencl_kernels/philox.def"

typedef struct {
    fc_resource base;
    uint64_t key, runs; /* runs: how often the node has run */
} fc_rng;

/* Claims the next run of the node. */
static inline void fc_rng_next(fc_resource *state, uint64_t *key, uint64_t *run) {
    fc_rng *rng = (fc_rng *)state;
    *key = rng->key;
    *run = __atomic_fetch_add(&rng->runs, 1, __ATOMIC_RELAXED);
}

/* out[0] is made, of the shape that input 0 says. */
static inline int fc_begin_random(fc_ctx *ctx, int dtype) {
    const fc_tensor *t = ctx->in[0];
    int64_t shape[FC_MAX_DIMS];
    char found[128];
    if (t->ndim != 1 || t->size > FC_MAX_DIMS)
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT,
                              "shape must be a vector of at most %d sizes, found shape %s", FC_MAX_DIMS,
                              fc_shape_str(t, found, sizeof found));
    for (int64_t d = 0; d < t->size; d++) shape[d] = fc_int_at(t, d);
    return ctx->api->alloc(ctx, 0, dtype, (int)t->size, shape);
}

/* The greatest values below one of the narrow types: what rounds to one becomes these. */
#define FC_UNIFORM_MOST_16 0.99951171875f
#define FC_UNIFORM_MOST_B16 0.99609375f

/* Integers from `low` on, `span` of them. out[0] is made. */
static inline int fc_begin_random_int(fc_ctx *ctx, int64_t *low, uint64_t *span) {
    *low = 0, *span = 0;
    if (ctx->in[1]->ndim || ctx->in[2]->ndim)
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "minval and maxval must be scalars");
    int64_t from = fc_int_at(ctx->in[1], 0), to = fc_int_at(ctx->in[2], 0);
    if (from >= to)
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "Need minval < maxval, got %lld >= %lld",
                              (long long)from, (long long)to);
    *low = from, *span = (uint64_t)to - (uint64_t)from;
    return fc_begin_random(ctx, ctx->in[1]->dtype);
}

/* The high half of word * span: even over the range up to one part in 2^64 / span. */
static inline uint64_t fc_below(uint32_t high, uint32_t low, uint64_t span) {
    return (uint64_t)(((unsigned __int128)((uint64_t)high << 32 | low) * span) >> 64);
}

/* Fisher and Yates. */
static inline void fc_shuffled(int64_t n, uint64_t key, uint64_t run, int64_t *order) {
    for (int64_t i = 0; i < n; i++) order[i] = i;
    for (int64_t i = n - 1; i > 0; i--) {
        fc_philox_words w = fc_philox(key, (uint64_t)i, run);
        int64_t k = (int64_t)fc_below(w.v[0], w.v[1], (uint64_t)(i + 1)), t = order[i];
        order[i] = order[k];
        order[k] = t;
    }
}

#endif
