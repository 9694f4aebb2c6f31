/* Random values from Philox. The key is made of the seeds, the counter of (element group, run of the node): the numbers do not depend on
 * the number of threads or the order in which they are made. */
#include <math.h>
#include <string.h>

#include "random.h"
#include "../_functions.h"

#define U64 uint64_t
#include "../../../opencl_kernels/philox.def"

#define GRAIN 8192
#define TWO_PI 6.283185307179586476925286766559

enum { UNIFORM, NORMAL, TRUNCATED };

typedef struct {
    void *out;
    uint64_t key, run, span;
    int64_t low, size;
    int kind, dtype;
} job;

static double uniform53(uint32_t a, uint32_t b) { return (double)(((uint64_t)a << 32 | b) >> 11) * 0x1p-53; }

/* Two independent normal values (Box and Muller) from two words. */
static void normal_pair(uint32_t a, uint32_t b, float *x, float *y) {
    float u = ((float)(a >> 8) + 1.0f) * 5.9604644775390625e-8f; /* (0, 1] */
    float r = sqrtf(-2.0f * fc_log_f(u)), angle = (float)TWO_PI * fc_uniform_f(b);
    *x = r * cosf(angle);
    *y = r * sinf(angle);
}

/* Group g of four elements: four floats. Attempts beyond the first (truncation) use further counters of the same element. */
static void group32(const job *j, int64_t g, float *v) {
    fc_philox_words w = fc_philox(j->key, (uint64_t)g, j->run);
    if (j->kind == UNIFORM) {
        for (int i = 0; i < 4; i++) v[i] = fc_uniform_f(w.v[i]);
        return;
    }
    normal_pair(w.v[0], w.v[1], &v[0], &v[1]);
    normal_pair(w.v[2], w.v[3], &v[2], &v[3]);
    for (int i = 0; j->kind == TRUNCATED && i < 4; i++)
        for (uint64_t attempt = 1; fabsf(v[i]) > 2.0f; attempt++) {
            float spare;
            w = fc_philox(j->key ^ 0x5851f42d4c957f2du, (uint64_t)g * 4 + (uint64_t)i, j->run << 16 | attempt);
            normal_pair(w.v[0], w.v[1], &v[i], &spare);
        }
}

static void group64(const job *j, int64_t g, double *v) {
    for (int half = 0; half < 2; half++) {
        fc_philox_words w = fc_philox(j->key, (uint64_t)g * 2 + (uint64_t)half, j->run);
        double a = uniform53(w.v[0], w.v[1]), b = uniform53(w.v[2], w.v[3]);
        if (j->kind == UNIFORM) {
            v[2 * half] = a, v[2 * half + 1] = b;
            continue;
        }
        double r = sqrt(-2.0 * log(1.0 - a));
        v[2 * half] = r * cos(TWO_PI * b), v[2 * half + 1] = r * sin(TWO_PI * b);
    }
    for (int i = 0; j->kind == TRUNCATED && i < 4; i++)
        for (uint64_t attempt = 1; fabs(v[i]) > 2.0; attempt++) {
            fc_philox_words w = fc_philox(j->key ^ 0x5851f42d4c957f2du, (uint64_t)g * 4 + (uint64_t)i, j->run << 16 | attempt);
            v[i] = sqrt(-2.0 * log(1.0 - uniform53(w.v[0], w.v[1]))) * cos(TWO_PI * uniform53(w.v[2], w.v[3]));
        }
}

static void float_groups(void *arg, int64_t begin, int64_t end) {
    const job *j = arg;
    for (int64_t g = begin; g < end; g++) {
        int64_t at = g * 4, n = j->size - at < 4 ? j->size - at : 4;
        if (j->dtype == FC_FLOAT64) {
            double v[4];
            group64(j, g, v);
            memcpy((double *)j->out + at, v, (size_t)n * sizeof(double));
            continue;
        }
        float v[4];
        group32(j, g, v);
        for (int64_t i = 0; i < n; i++) {
            float x = v[i];
            /* Rounding to a narrow type must not reach the open end. */
            if (j->dtype == FC_FLOAT32) ((float *)j->out)[at + i] = x;
            else if (j->dtype == FC_FLOAT16) ((fc_half *)j->out)[at + i] = fc_to_half(j->kind == UNIFORM && x > 0.99951171875f ? 0.99951171875f : x);
            else ((fc_bfloat16 *)j->out)[at + i] = fc_to_bfloat16(j->kind == UNIFORM && x > 0.99609375f ? 0.99609375f : x);
        }
    }
}

static void int_groups(void *arg, int64_t begin, int64_t end) {
    const job *j = arg;
    for (int64_t g = begin; g < end; g++) {
        fc_philox_words w = fc_philox(j->key, (uint64_t)g, j->run);
        for (int i = 0; i < 2 && g * 2 + i < j->size; i++) {
            uint64_t word = (uint64_t)w.v[2 * i] << 32 | w.v[2 * i + 1];
            /* The high half of word * span: even over the range up to one part in 2^64 / span. */
            uint64_t at = (uint64_t)(((unsigned __int128)word * j->span) >> 64);
            if (j->dtype == FC_INT32) ((int32_t *)j->out)[g * 2 + i] = (int32_t)((uint64_t)j->low + at);
            else ((int64_t *)j->out)[g * 2 + i] = (int64_t)((uint64_t)j->low + at);
        }
    }
}

static int read_shape(fc_ctx *ctx, int dtype) {
    const fc_tensor *t = ctx->in[0];
    int64_t shape[FC_MAX_DIMS];
    char found[128];
    if (t->ndim != 1 || t->size > FC_MAX_DIMS)
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "shape must be a vector of at most %d sizes, found shape %s", FC_MAX_DIMS,
                              fc_shape_str(t, found, sizeof found));
    for (int64_t d = 0; d < t->size; d++) shape[d] = fc_int_at(t, d);
    return ctx->api->alloc(ctx, 0, dtype, (int)t->size, shape);
}

static int floats(fc_ctx *ctx, int kind) {
    job j = {.kind = kind, .dtype = (int)ctx->attrs[0].i};
    int rc = read_shape(ctx, j.dtype);
    if (rc) return rc;
    fc_rng_next(ctx->state, &j.key, &j.run);
    j.size = ctx->out[0].size, j.out = fc_data(&ctx->out[0]);
    ctx->api->parallel_for(ctx, (j.size + 3) / 4, GRAIN / 4, float_groups, &j);
    return FC_OK;
}
int fc_random_uniform(fc_ctx *ctx) { return floats(ctx, UNIFORM); }
int fc_random_normal(fc_ctx *ctx) { return floats(ctx, NORMAL); }
int fc_truncated_normal(fc_ctx *ctx) { return floats(ctx, TRUNCATED); }

int fc_random_int(fc_ctx *ctx) {
    const fc_tensor *low = ctx->in[1], *high = ctx->in[2];
    if (low->ndim || high->ndim) return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "minval and maxval must be scalars");
    int64_t from = fc_int_at(low, 0), to = fc_int_at(high, 0);
    if (from >= to) return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "Need minval < maxval, got %lld >= %lld", (long long)from, (long long)to);
    int rc = read_shape(ctx, low->dtype);
    if (rc) return rc;
    job j = {.low = from, .span = (uint64_t)to - (uint64_t)from, .dtype = low->dtype, .size = ctx->out[0].size, .out = fc_data(&ctx->out[0])};
    fc_rng_next(ctx->state, &j.key, &j.run);
    ctx->api->parallel_for(ctx, (j.size + 1) / 2, GRAIN / 2, int_groups, &j);
    return FC_OK;
}

/* Fisher and Yates over the rows. */
int fc_random_shuffle(fc_ctx *ctx) {
    const fc_tensor *x = ctx->in[0];
    uint64_t key, run;
    fc_rng_next(ctx->state, &key, &run);
    if (x->ndim == 0 || x->shape[0] <= 1) return ctx->api->share(ctx, 0, x, 0, x->dtype, x->ndim, x->shape);
    int64_t n = x->shape[0], row = x->size / n * fc_item_size(x->dtype), *order;
    int rc = ctx->api->scratch(ctx, sizeof(int64_t) * (size_t)n, (void **)&order);
    if (!rc) rc = ctx->api->alloc(ctx, 0, x->dtype, x->ndim, x->shape);
    if (rc) return rc;
    for (int64_t i = 0; i < n; i++) order[i] = i;
    for (int64_t i = n - 1; i > 0; i--) {
        fc_philox_words w = fc_philox(key, (uint64_t)i, run);
        int64_t k = (int64_t)(((unsigned __int128)((uint64_t)w.v[0] << 32 | w.v[1]) * (uint64_t)(i + 1)) >> 64), t = order[i];
        order[i] = order[k];
        order[k] = t;
    }
    for (int64_t i = 0; i < n && row; i++) memcpy(FC_OUT(ctx, 0, char) + i * row, (const char *)fc_data(x) + order[i] * row, (size_t)row);
    if (x->dtype == FC_STRING) fc_retain_strings(&ctx->out[0]);
    return FC_OK;
}
