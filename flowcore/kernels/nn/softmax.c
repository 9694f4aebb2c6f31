/* Softmax, LogSoftmax, SoftmaxCrossEntropyWithLogits, SparseSoftmaxCrossEntropyWithLogits. */
#include "types.h"

typedef struct {
    const void *logits, *labels;
    const fc_tensor *label_tensor;
    void *out, *loss;
    int64_t cols, logit_rows, label_rows;
    int log;
} fc_softmax_job;

#define FC_TEMPLATE "softmax_rows.h"
#include "for_each_float.h"
#undef FC_TEMPLATE

/* About what an exponential costs, in units of an element's plain arithmetic. */
#define EXP_COST 8

static int softmax(fc_ctx *ctx, int log) {
    const fc_tensor *logits = ctx->in[0];
    if (logits->ndim < 1)
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "logits must have at least one dimension, not be a scalar");
    int rc = ctx->api->forward(ctx, 0, 0, logits->dtype, logits->ndim, logits->shape);
    if (rc || !logits->size) return rc;
    int64_t cols = logits->shape[logits->ndim - 1];
    fc_softmax_job job = {.logits = fc_data(logits), .out = fc_data(&ctx->out[0]), .cols = cols, .log = log};
    ctx->api->parallel_for(ctx, logits->size / cols, fc_rows_per_piece(cols * EXP_COST), FC_BY_FLOAT(logits->dtype, softmax),
                           &job);
    return FC_OK;
}
int fc_softmax(fc_ctx *ctx) { return softmax(ctx, 0); }
int fc_log_softmax(fc_ctx *ctx) { return softmax(ctx, 1); }

int fc_softmax_xent(fc_ctx *ctx) {
    const fc_tensor *logits = ctx->in[0], *labels = ctx->in[1];
    char a[128], b[128];
    if (logits->ndim != 2 || labels->ndim != 2 || logits->shape[1] != labels->shape[1] ||
        (logits->shape[0] != labels->shape[0] && logits->shape[0] != 1 && labels->shape[0] != 1))
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT,
                              "features and labels must be matrices of one shape (or of one row), found %s and %s",
                              fc_shape_str(logits, a, sizeof a), fc_shape_str(labels, b, sizeof b));
    if (logits->dtype != labels->dtype)
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "features and labels differ in dtype");
    int64_t rows = logits->shape[0] == 1 ? labels->shape[0] : logits->shape[0], cols = logits->shape[1];
    int64_t shape[2] = {rows, cols};
    int rc = ctx->api->alloc(ctx, 0, logits->dtype, 1, shape);
    if (!rc) rc = ctx->api->alloc(ctx, 1, logits->dtype, 2, shape);
    if (rc || !rows) return rc;
    fc_softmax_job job = {.logits = fc_data(logits), .labels = fc_data(labels), .loss = fc_data(&ctx->out[0]),
                          .out = fc_data(&ctx->out[1]), .cols = cols, .logit_rows = logits->shape[0],
                          .label_rows = labels->shape[0]};
    if (logits->shape[0] == rows) job.logit_rows = 0;
    if (labels->shape[0] == rows) job.label_rows = 0;
    ctx->api->parallel_for(ctx, rows, fc_rows_per_piece(cols * EXP_COST), FC_BY_FLOAT(logits->dtype, dense_xent), &job);
    return FC_OK;
}

int fc_sparse_softmax_xent(fc_ctx *ctx) {
    const fc_tensor *logits = ctx->in[0], *labels = ctx->in[1];
    char a[128], b[128];
    if (logits->ndim != 2 || labels->ndim != 1 || logits->shape[0] != labels->shape[0])
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT,
                              "features must be a matrix and labels a vector with one entry per row, found %s and %s",
                              fc_shape_str(logits, a, sizeof a), fc_shape_str(labels, b, sizeof b));
    int64_t rows = logits->shape[0], cols = logits->shape[1];
    if (rows && !cols) return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "features must have at least one class, found %s", a);
    for (int64_t i = 0; i < rows; i++) {
        int64_t label = fc_int_at(labels, i);
        if (label < 0 || label >= cols)
            return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "labels[%lld] = %lld is outside the valid range [0, %lld)",
                                  (long long)i, (long long)label, (long long)cols);
    }
    int rc = ctx->api->alloc(ctx, 0, logits->dtype, 1, logits->shape);
    if (!rc) rc = ctx->api->alloc(ctx, 1, logits->dtype, 2, logits->shape);
    if (rc || !rows) return rc;
    fc_softmax_job job = {.logits = fc_data(logits), .label_tensor = labels, .loss = fc_data(&ctx->out[0]),
                          .out = fc_data(&ctx->out[1]), .cols = cols};
    ctx->api->parallel_for(ctx, rows, fc_rows_per_piece(cols * EXP_COST), FC_BY_FLOAT(logits->dtype, sparse_xent), &job);
    return FC_OK;
}
