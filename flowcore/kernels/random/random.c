/* Random values from Philox. The key is made of the seeds, the counter of (element group, run of the node):
 * the numbers do not depend on the number of threads or the order in which they are made. */
#include <math.h>
#include <string.h>

#include "random.h"

#include "../../../opencl_kernels/random.def"
#define FC_SQRT sqrt
#define AS_DOUBLE fc_bits_double
#define AS_ULONG fc_double_bits
static inline double fc_bits_double(uint64_t u) {
    double d;
    memcpy(&d, &u, sizeof d);
    return d;
}
static inline uint64_t fc_double_bits(double d) {
    uint64_t u;
    memcpy(&u, &d, sizeof u);
    return u;
}
#include "../../../opencl_kernels/random_double.def"

#define GRAIN 8192

typedef struct {
    void *out;
    uint64_t key, run, span;
    int64_t low, size;
    int dtype;
} job;

/* Groups of four. Rounding to a narrow type must not reach the open end of the uniform range: `most`, or what
 * no value exceeds. */
#define GROUPS(name, most16, mostb16) \
    static void name##_groups(void *arg, int64_t begin, int64_t end) { \
        const job *j = arg; \
        for (int64_t g = begin; g < end; g++) { \
            int64_t at = g * 4, n = j->size - at < 4 ? j->size - at : 4; \
            if (j->dtype == FC_FLOAT64) { \
                double four[4]; \
                fc_##name##_four_d(j->key, (uint64_t)g, j->run, four); \
                memcpy((double *)j->out + at, four, (size_t)n * sizeof(double)); \
                continue; \
            } \
            float four[4]; \
            fc_##name##_four_f(j->key, (uint64_t)g, j->run, four); \
            for (int64_t i = 0; i < n; i++) { \
                float x = four[i]; \
                if (j->dtype == FC_FLOAT32) ((float *)j->out)[at + i] = x; \
                else if (j->dtype == FC_FLOAT16) \
                    ((fc_half *)j->out)[at + i] = fc_to_half(x > most16 ? most16 : x); \
                else ((fc_bfloat16 *)j->out)[at + i] = fc_to_bfloat16(x > mostb16 ? mostb16 : x); \
            } \
        } \
    }
GROUPS(uniform, FC_UNIFORM_MOST_16, FC_UNIFORM_MOST_B16)
GROUPS(normal, INFINITY, INFINITY)
GROUPS(truncated, INFINITY, INFINITY)

static void int_groups(void *arg, int64_t begin, int64_t end) {
    const job *j = arg;
    for (int64_t g = begin; g < end; g++) {
        fc_philox_words w = fc_philox(j->key, (uint64_t)g, j->run);
        for (int i = 0; i < 2 && g * 2 + i < j->size; i++) {
            uint64_t at = fc_below(w.v[2 * i], w.v[2 * i + 1], j->span);
            if (j->dtype == FC_INT32) ((int32_t *)j->out)[g * 2 + i] = (int32_t)((uint64_t)j->low + at);
            else ((int64_t *)j->out)[g * 2 + i] = (int64_t)((uint64_t)j->low + at);
        }
    }
}

static int floats(fc_ctx *ctx, void (*groups)(void *, int64_t, int64_t)) {
    job j = {.dtype = (int)ctx->attrs[0].i};
    int rc = fc_begin_random(ctx, j.dtype);
    if (rc) return rc;
    fc_rng_next(ctx->state, &j.key, &j.run);
    j.size = ctx->out[0].size, j.out = fc_data(&ctx->out[0]);
    ctx->api->parallel_for(ctx, (j.size + 3) / 4, GRAIN / 4, groups, &j);
    return FC_OK;
}
int fc_random_uniform(fc_ctx *ctx) { return floats(ctx, uniform_groups); }
int fc_random_normal(fc_ctx *ctx) { return floats(ctx, normal_groups); }
int fc_truncated_normal(fc_ctx *ctx) { return floats(ctx, truncated_groups); }

int fc_random_int(fc_ctx *ctx) {
    job j = {.dtype = ctx->in[1]->dtype};
    int rc = fc_begin_random_int(ctx, &j.low, &j.span);
    if (rc) return rc;
    fc_rng_next(ctx->state, &j.key, &j.run);
    j.size = ctx->out[0].size, j.out = fc_data(&ctx->out[0]);
    ctx->api->parallel_for(ctx, (j.size + 1) / 2, GRAIN / 2, int_groups, &j);
    return FC_OK;
}

int fc_random_shuffle(fc_ctx *ctx) {
    const fc_tensor *x = ctx->in[0];
    uint64_t key, run;
    fc_rng_next(ctx->state, &key, &run);
    if (x->ndim == 0 || fc_dims(x)[0] <= 1)
        return ctx->api->share(ctx, 0, x, 0, x->dtype, x->ndim, fc_dims(x));
    int64_t n = fc_dims(x)[0], row = x->size / n * fc_item_size(x->dtype), *order;
    int rc = ctx->api->scratch(ctx, sizeof(int64_t) * (size_t)n, (void **)&order);
    if (!rc) rc = ctx->api->alloc(ctx, 0, x->dtype, x->ndim, fc_dims(x));
    if (rc) return rc;
    fc_shuffled(n, key, run, order);
    for (int64_t i = 0; i < n && row; i++)
        memcpy(FC_OUT(ctx, 0, char) + i * row, (const char *)fc_data(x) + order[i] * row, (size_t)row);
    return fc_keep_elements(ctx, &ctx->out[0], x);
}
