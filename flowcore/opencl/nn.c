/* Softmax, LogSoftmax, the cross-entropies, BiasAdd. Labels that are class numbers come to the host, are
 * checked there, and go on to the device. */
#include "../kernels/nn/checks.h"
#include "device.h"

/* What an exponential costs, in units of an element's plain arithmetic. */
#define EXP_COST 16

/* Rows to groups whose items share the columns, or to items: where compilers make vectors of loops, or rows
 * are too short to share. */
static int shared_rows(const fc_ctx *ctx, int64_t columns) {
    return !ocl_of(ctx)->wide_items && columns >= 64;
}

static int run_rows(ocl_call *call, int dtype, int64_t rows, int64_t columns) {
    if (shared_rows(call->ctx, columns))
        return ocl_run_trees(call, rows, columns, fc_item_size(ocl_computed(dtype)));
    return columns < 64 ? ocl_run(call, rows) : ocl_run_parts(call, rows, columns * EXP_COST);
}

static int softmax(fc_ctx *ctx, const char *kernel) {
    const fc_tensor *logits = ctx->in[0];
    ocl_call call;
    int rc = fc_begin_softmax(ctx);
    if (rc || !logits->size) return rc;
    int64_t columns = fc_dims(logits)[logits->ndim - 1], rows = logits->size / columns;
    rc = ocl_begin(&call, ctx, "softmax", kernel, "T=%s BY_GROUP=%d", ocl_type(logits->dtype),
                   shared_rows(ctx, columns));
    if (rc) return rc;
    ocl_tensor(&call, &ctx->out[0]);
    ocl_tensor(&call, logits);
    ocl_long(&call, rows);
    ocl_long(&call, columns);
    return run_rows(&call, logits->dtype, rows, columns);
}
static int plain_softmax(fc_ctx *ctx) { return softmax(ctx, "softmax"); }
static int log_softmax(fc_ctx *ctx) { return softmax(ctx, "log_softmax"); }

static int dense_xent(fc_ctx *ctx) {
    const fc_tensor *logits = ctx->in[0], *labels = ctx->in[1];
    int64_t rows, columns;
    ocl_call call;
    int rc = fc_begin_xent(ctx, &rows, &columns);
    if (rc || !rows) return rc;
    if (!columns) { /* the sum over no classes */
        static const char zero[8];
        return ocl_fill(ctx, &ctx->out[0], NULL, zero);
    }
    rc = ocl_begin(&call, ctx, "softmax", "dense_xent", "T=%s BY_GROUP=%d", ocl_type(logits->dtype),
                   shared_rows(ctx, columns));
    if (rc) return rc;
    ocl_tensor(&call, &ctx->out[0]);
    ocl_tensor(&call, &ctx->out[1]);
    ocl_tensor(&call, logits);
    ocl_tensor(&call, labels);
    ocl_long(&call, rows);
    ocl_long(&call, columns);
    ocl_long(&call, fc_dims(logits)[0] == rows ? columns : 0);
    ocl_long(&call, fc_dims(labels)[0] == rows ? columns : 0);
    return run_rows(&call, logits->dtype, rows, columns);
}

static int sparse_xent(fc_ctx *ctx) {
    const fc_tensor *logits = ctx->in[0];
    fc_tensor labels;
    ocl_call call;
    int rc = fc_begin_sparse_xent(ctx);
    if (rc || !ctx->in[1]->size) return rc;
    int64_t rows = fc_dims(logits)[0], columns = fc_dims(logits)[1];
    rc = ocl_upload(ctx, ctx->in[1]->dtype, rows, fc_data(ctx->in[1]), &labels);
    if (rc) return rc;
    rc = ocl_begin(&call, ctx, "softmax", "sparse_xent", "T=%s L=%s BY_GROUP=%d", ocl_type(logits->dtype),
                   ocl_type(labels.dtype), shared_rows(ctx, columns));
    if (!rc) {
        ocl_tensor(&call, &ctx->out[0]);
        ocl_tensor(&call, &ctx->out[1]);
        ocl_tensor(&call, logits);
        ocl_tensor(&call, &labels);
        ocl_long(&call, rows);
        ocl_long(&call, columns);
        rc = run_rows(&call, logits->dtype, rows, columns);
    }
    fc_release(labels.buffer);
    return rc;
}

static int bias_add(fc_ctx *ctx) {
    const ocl_device *d = ocl_of(ctx);
    const fc_tensor *value = ctx->in[0];
    fc_bias_view view;
    ocl_call call;
    int rc = fc_begin_bias_add(ctx, &view);
    if (rc || !value->size) return rc;
    rc = ocl_begin(&call, ctx, "bias",
                   !d->is_cpu        ? "bias_elements"
                   : view.inner == 1 ? "bias_rows"
                                     : "bias_planes",
                   "T=%s", ocl_type(value->dtype));
    if (rc) return rc;
    ocl_tensor(&call, &ctx->out[0]);
    ocl_tensor(&call, value);
    ocl_tensor(&call, ctx->in[1]);
    ocl_long(&call, view.outer);
    ocl_long(&call, view.channels);
    ocl_long(&call, view.inner);
    if (!d->is_cpu) return ocl_run(&call, value->size);
    return view.inner == 1 ? ocl_run_parts(&call, view.outer, view.channels)
                           : ocl_run_parts(&call, view.outer * view.channels, view.inner);
}

#define FLOATS "T:float32,float64,float16,bfloat16"
#define REALS FLOATS ",int8,int16,int32,int64,uint8,uint16,uint32,uint64"
static const fc_kernel_def defs[] = {
    {"Softmax", FLOATS, "", FC_SYNC, 0, 0, plain_softmax},
    {"LogSoftmax", FLOATS, "", FC_SYNC, 0, 0, log_softmax},
    {"SoftmaxCrossEntropyWithLogits", FLOATS, "", FC_SYNC, 0, 0, dense_xent},
    {"SparseSoftmaxCrossEntropyWithLogits", FLOATS, "", FC_SYNC, 2, 0, sparse_xent},
    {"BiasAdd", REALS, "data_format", FC_SYNC, 0, 0, bias_add},
};
const fc_kernel_table ocl_nn_table = {FC_ABI, "GPU", sizeof defs / sizeof defs[0], defs};
