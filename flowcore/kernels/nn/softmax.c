/* Softmax, LogSoftmax, SoftmaxCrossEntropyWithLogits, SparseSoftmaxCrossEntropyWithLogits. */
#include "checks.h"
#include "types.h"

typedef struct {
    const void *logits, *labels;
    const fc_tensor *label_tensor;
    void *out, *loss;
    int64_t cols, logit_rows, label_rows;
    int log;
} fc_softmax_job;

/* Exponentials of a row up to so long are computed once. */
#define FC_KEPT 1024

#define EXP(x) _Generic((x), float: fc_exp_f, double: exp)(x)
#define LOG(x) _Generic((x), float: fc_log_f, double: log)(x)
#define FC_TEMPLATE "nn/softmax_rows.h"
#define FC_TEMPLATE_FLOATS
#include "../_each_type.h"

/* About what an exponential costs, in units of an element's plain arithmetic. */
#define EXP_COST 8

static int softmax(fc_ctx *ctx, int log) {
    const fc_tensor *logits = ctx->in[0];
    int rc = fc_expect_float(ctx, logits->dtype);
    if (!rc) rc = fc_begin_softmax(ctx);
    if (rc || !logits->size) return rc;
    int64_t cols = fc_dims(logits)[logits->ndim - 1];
    fc_softmax_job job = {.logits = fc_data(logits), .out = fc_data(&ctx->out[0]), .cols = cols, .log = log};
    ctx->api->parallel_for(ctx, logits->size / cols, fc_rows_per_piece(cols * EXP_COST),
                           FC_BY_FLOAT(logits->dtype, softmax), &job);
    return FC_OK;
}
int fc_softmax(fc_ctx *ctx) { return softmax(ctx, 0); }
int fc_log_softmax(fc_ctx *ctx) { return softmax(ctx, 1); }

int fc_softmax_xent(fc_ctx *ctx) {
    const fc_tensor *logits = ctx->in[0], *labels = ctx->in[1];
    int64_t rows, cols;
    int rc = fc_expect_float(ctx, logits->dtype);
    if (!rc) rc = fc_begin_xent(ctx, &rows, &cols);
    if (rc || !rows) return rc;
    fc_softmax_job job = {.logits = fc_data(logits),
                          .labels = fc_data(labels),
                          .loss = fc_data(&ctx->out[0]),
                          .out = fc_data(&ctx->out[1]),
                          .cols = cols,
                          .logit_rows = fc_dims(logits)[0],
                          .label_rows = fc_dims(labels)[0]};
    if (fc_dims(logits)[0] == rows) job.logit_rows = 0;
    if (fc_dims(labels)[0] == rows) job.label_rows = 0;
    ctx->api->parallel_for(ctx, rows, fc_rows_per_piece(cols * EXP_COST),
                           FC_BY_FLOAT(logits->dtype, dense_xent), &job);
    return FC_OK;
}

int fc_sparse_softmax_xent(fc_ctx *ctx) {
    const fc_tensor *logits = ctx->in[0], *labels = ctx->in[1];
    int rc = fc_expect_float(ctx, logits->dtype);
    if (!rc) rc = fc_begin_sparse_xent(ctx);
    if (rc || !labels->size) return rc;
    int64_t cols = fc_dims(logits)[1];
    fc_softmax_job job = {.logits = fc_data(logits),
                          .label_tensor = labels,
                          .loss = fc_data(&ctx->out[0]),
                          .out = fc_data(&ctx->out[1]),
                          .cols = cols};
    ctx->api->parallel_for(ctx, labels->size, fc_rows_per_piece(cols * EXP_COST),
                           FC_BY_FLOAT(logits->dtype, sparse_xent), &job);
    return FC_OK;
}
