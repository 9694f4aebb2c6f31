/* Cumsum and Cumprod along an axis: exclusive and reverse as attributes. */
#include <complex.h>
#include <string.h>

#include "../../_kernel.h"
#include "../_types.h"
#include "axes.h"

typedef struct {
    char *out;
    const char *in;
    int64_t length, inner;
    int exclusive, reverse;
} cumulate_job;

/* Column j of row block `outer`: walks the axis forwards or backwards. */
#define CUMULATE(NAME, T, C, LOAD, STORE, name, START, OP) \
    static void name##_##NAME(void *arg, int64_t begin, int64_t end) { \
        const cumulate_job *job = arg; \
        for (int64_t k = begin; k < end; k++) { \
            int64_t base = k / job->inner * job->length * job->inner + k % job->inner; \
            C total = START; \
            for (int64_t i = 0; i < job->length; i++) { \
                int64_t at = base + (job->reverse ? job->length - 1 - i : i) * job->inner; \
                C x = LOAD(((const T *)job->in)[at]); \
                if (job->exclusive) ((T *)job->out)[at] = STORE(total); \
                total = (C)(total OP x); \
                if (!job->exclusive) ((T *)job->out)[at] = STORE(total); \
            } \
        } \
    }
#define SUMS(NAME, T, C, LOAD, STORE) CUMULATE(NAME, T, C, LOAD, STORE, cumsum, 0, +)
#define PRODUCTS(NAME, T, C, LOAD, STORE) CUMULATE(NAME, T, C, LOAD, STORE, cumprod, 1, *)
FC_NUMBER_TYPES(SUMS)
FC_NUMBER_TYPES(PRODUCTS)

typedef void (*loop)(void *, int64_t, int64_t);

static int cumulate(fc_ctx *ctx, const loop *loops) {
    const fc_tensor *x = ctx->in[0];
    fc_run run;
    int rc = fc_begin_cumulation(ctx, &run);
    if (rc || !x->size) return rc;
    if (!loops[x->dtype]) return ctx->api->fail(ctx, FC_UNIMPLEMENTED, "this dtype is not supported");
    cumulate_job job = {.in = fc_data(x),
                        .length = run.reduced,
                        .inner = run.inner,
                        .exclusive = ctx->attrs[0].i != 0,
                        .reverse = ctx->attrs[1].i != 0};
    job.out = fc_data(&ctx->out[0]);
    ctx->api->parallel_for(ctx, run.outer * run.inner, job.length >= 16384 ? 1 : 16384 / job.length,
                           loops[x->dtype], &job);
    return FC_OK;
}

#define SUM_ENTRY(NAME, T, C, LOAD, STORE) [FC_##NAME] = cumsum_##NAME,
#define PRODUCT_ENTRY(NAME, T, C, LOAD, STORE) [FC_##NAME] = cumprod_##NAME,
static int cumsum(fc_ctx *ctx) {
    static const loop loops[FC_NUM_DTYPES] = {FC_NUMBER_TYPES(SUM_ENTRY)};
    return cumulate(ctx, loops);
}
static int cumprod(fc_ctx *ctx) {
    static const loop loops[FC_NUM_DTYPES] = {FC_NUMBER_TYPES(PRODUCT_ENTRY)};
    return cumulate(ctx, loops);
}

static const fc_kernel_def defs[] = {
    {"Cumsum", "", "exclusive reverse", FC_SYNC, 2, 0, cumsum},
    {"Cumprod", "", "exclusive reverse", FC_SYNC, 2, 0, cumprod},
};
const fc_kernel_table fc_cumulate_kernels = {FC_ABI, "CPU", sizeof defs / sizeof defs[0], defs};
