/* Ops with index tensors: Gather, GatherV2, UnsortedSegmentSum, OneHot, InTopK. Indices that must be in range
 * are read and checked on the host. */
#include "../kernels/array/index_checks.h"
#include "rows.h"

static int gather(fc_ctx *ctx) {
    fc_gather_view view;
    int rc = fc_begin_gather(ctx, &view);
    if (rc || !ctx->out[0].size) return rc;
    const fc_tensor *indices = ctx->in[1];
    return ocl_gather(ctx, &ctx->out[0], ctx->in[0], indices->dtype, indices->size, fc_data(indices),
                      view.outer, view.rows, view.inner);
}

static int unsorted_segment_sum(fc_ctx *ctx) {
    static const char zero[8];
    int64_t inner;
    int rc = fc_begin_segment_sum(ctx, &inner);
    if (!rc) rc = ocl_fill(ctx, &ctx->out[0], NULL, zero);
    if (rc || !ctx->out[0].size || !ctx->in[0]->size) return rc;
    fc_tensor data = *ctx->in[0];
    fc_set_dims(&data, 1, &data.size); /* one id for a scalar, too, is one row */
    return ocl_scatter(ctx, "Add", &ctx->out[0], &data, ctx->in[1], inner);
}

static int one_hot(fc_ctx *ctx) {
    const fc_tensor *indices = ctx->in[0], *on = ctx->in[2], *off = ctx->in[3];
    int64_t depth, inner;
    ocl_call call;
    int rc = fc_begin_one_hot(ctx, &depth, &inner);
    if (!rc) rc = ocl_fill(ctx, &ctx->out[0], off, NULL);
    if (rc || !ctx->out[0].size) return rc;
    rc = ocl_begin(&call, ctx, "one_hot", "one_hot", "T=%s I=%s", ocl_item_type(fc_item_size(on->dtype)),
                   ocl_type(indices->dtype));
    if (rc) return rc;
    ocl_tensor(&call, &ctx->out[0]);
    ocl_tensor(&call, indices);
    ocl_tensor(&call, on);
    ocl_long(&call, indices->size);
    ocl_long(&call, depth);
    ocl_long(&call, inner);
    return ocl_run(&call, indices->size);
}

static int in_top_k(fc_ctx *ctx) {
    const fc_tensor *p = ctx->in[0], *targets = ctx->in[1];
    static const char no = 0;
    int64_t k;
    ocl_call call;
    int rc = fc_begin_in_top_k(ctx, &k);
    if (rc || !targets->size) return rc;
    if (!p->size) return ocl_fill(ctx, &ctx->out[0], NULL, &no);
    rc = ocl_begin(&call, ctx, "in_top_k", "in_top_k", "I=%s", ocl_type(targets->dtype));
    if (rc) return rc;
    ocl_tensor(&call, &ctx->out[0]);
    ocl_tensor(&call, p);
    ocl_tensor(&call, targets);
    ocl_long(&call, targets->size);
    ocl_long(&call, fc_dims(p)[1]);
    ocl_long(&call, k);
    return ocl_run_parts(&call, targets->size, fc_dims(p)[1]);
}

#define REALS "T:float32,float64,float16,bfloat16,int8,int16,int32,int64,uint8,uint16,uint32,uint64"
static const fc_kernel_def defs[] = {
    {"Gather", "", "", FC_SYNC, 2, 0, gather},
    {"GatherV2", "", "", FC_SYNC, 6, 0, gather},
    {"UnsortedSegmentSum", REALS, "", FC_SYNC, 6, 0, unsorted_segment_sum},
    {"OneHot", "", "axis", FC_SYNC, 2, 0, one_hot},
    {"InTopK", "T:int32,int64", "k", FC_SYNC, 0, 0, in_top_k},
    {"InTopKV2", "T:int32,int64", "", FC_SYNC, 4, 0, in_top_k},
};
const fc_kernel_table ocl_index_table = {FC_ABI, "GPU", sizeof defs / sizeof defs[0], defs};
