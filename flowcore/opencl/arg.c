/* ArgMax and ArgMin. */
#include "pieces.h"

static int launch(fc_ctx *ctx, const char *order, const fc_tensor *out, const fc_run *run, int64_t piece,
                  int64_t pieces) {
    const ocl_device *d = ocl_of(ctx);
    const fc_tensor *x = ctx->in[0];
    int by_group = !d->is_cpu && run->inner == 1 && piece >= 64;
    int of_rows = run->inner == 1 && piece >= 64, of_columns = run->inner > 1;
    const char *kernel = by_group     ? "arg_by_group"
                         : !d->is_cpu ? "arg"
                         : of_rows    ? "arg_of_rows"
                         : of_columns ? "arg_of_columns"
                                      : "arg";
    ocl_call call;
    int rc = ocl_begin(&call, ctx, "arg", kernel, "T=%s R=%s ORDER=%s", ocl_type(x->dtype),
                       ocl_type(out->dtype), order);
    if (rc) return rc;
    ocl_tensor(&call, out);
    ocl_tensor(&call, x);
    ocl_long(&call, run->outer);
    ocl_long(&call, run->reduced);
    ocl_long(&call, run->inner);
    ocl_long(&call, piece);
    ocl_long(&call, pieces);
    int64_t results = run->outer * pieces * run->inner;
    if (by_group) return ocl_run_trees(&call, results, piece, sizeof(int64_t));
    return d->is_cpu && of_columns
               ? ocl_run_parts(&call, results / run->inner * ((run->inner + 63) / 64), piece * 64)
               : ocl_run_parts(&call, results, piece);
}

static int best_of_pieces(fc_ctx *ctx, const char *order, const fc_tensor *found, const fc_run *run,
                          int64_t pieces) {
    ocl_call call;
    int rc = ocl_begin(&call, ctx, "arg", "arg_of_pieces", "T=%s R=%s ORDER=%s", ocl_type(ctx->in[0]->dtype),
                       ocl_type(found->dtype), order);
    if (rc) return rc;
    ocl_tensor(&call, &ctx->out[0]);
    ocl_tensor(&call, ctx->in[0]);
    ocl_tensor(&call, found);
    ocl_long(&call, run->outer);
    ocl_long(&call, run->reduced);
    ocl_long(&call, run->inner);
    ocl_long(&call, pieces);
    return ocl_run_parts(&call, run->outer * run->inner, pieces);
}

static int arg(fc_ctx *ctx, const char *order) {
    fc_run run;
    int rc = fc_begin_arg(ctx, &run);
    if (rc || !ctx->out[0].size) return rc;
    int64_t piece = ocl_piece(ocl_of(ctx), &run, 1), pieces = ocl_pieces(&run, piece);
    if (pieces == 1) return launch(ctx, order, &ctx->out[0], &run, piece, 1);
    fc_tensor found = {.dtype = ctx->out[0].dtype};
    rc = ocl_buffer_new(ctx, found.dtype, run.outer * pieces * run.inner, &found.buffer);
    if (rc) return rc;
    rc = launch(ctx, order, &found, &run, piece, pieces);
    if (!rc) rc = best_of_pieces(ctx, order, &found, &run, pieces);
    fc_release(found.buffer);
    return rc;
}
static int argmax(fc_ctx *ctx) { return arg(ctx, ">"); }
static int argmin(fc_ctx *ctx) { return arg(ctx, "<"); }

#define REALS "T:float32,float64,float16,bfloat16,int8,int16,int32,int64,uint8,uint16,uint32,uint64"
static const fc_kernel_def defs[] = {
    {"ArgMax", REALS, "output_type", FC_SYNC, 2, 0, argmax},
    {"ArgMin", REALS, "output_type", FC_SYNC, 2, 0, argmin},
};
const fc_kernel_table ocl_arg_table = {FC_ABI, "GPU", sizeof defs / sizeof defs[0], defs};
