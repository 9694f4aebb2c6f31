/* Sum, Mean, Prod, Max, Min, All, Any, L2Loss, BiasAddGrad: one launch for each run of neighbouring reduced
 * axes, two where there are few long ones. */
#include "../kernels/nn/checks.h"
#include "pieces.h"

typedef struct {
    const char *op;
    int square, divide; /* reduces squares; divides by `count` at the end */
    int64_t count;
} rule;

static int launch(fc_ctx *ctx, const rule *r, const fc_tensor *out, const fc_tensor *in, const fc_run *run,
                  int64_t piece, int64_t pieces) {
    const ocl_device *d = ocl_of(ctx);
    int64_t results = run->outer * pieces;
    int by_group = !d->is_cpu && piece >= (run->inner == 1 ? 64 : 16);
    const char *kernel = by_group          ? "by_group"
                         : run->inner == 1 ? "rows"
                         : d->is_cpu       ? "wide_columns"
                                           : "columns";
    ocl_call call;
    int rc = ocl_begin(&call, ctx, "reduce", kernel, "T=%s R=%s OP=%s SQUARE=%d DIVIDE=%d",
                       ocl_type(in->dtype), ocl_type(out->dtype), r->op, r->square, r->divide);
    if (rc) return rc;
    ocl_reduction(&call, out, in, run, piece, pieces, r->count);
    if (by_group) {
        const int64_t width = ocl_columns(run);
        ocl_long(&call, width);
        return ocl_run_trees(&call, results * ((run->inner + width - 1) / width), piece * width,
                             fc_item_size(ocl_computed(in->dtype)));
    }
    if (run->inner == 1) return ocl_run_parts(&call, results, piece);
    return d->is_cpu ? ocl_run_parts(&call, results * ((run->inner + 63) / 64), piece * 64)
                     : ocl_run(&call, results * run->inner);
}

static int reduce_run(fc_ctx *ctx, const rule *r, const fc_tensor *out, const fc_tensor *in,
                      const fc_run *run) {
    int64_t piece = ocl_piece(ocl_of(ctx), run, 1), pieces = ocl_pieces(run, piece);
    if (pieces == 1) return launch(ctx, r, out, in, run, piece, 1);
    fc_tensor partial = {.dtype = ocl_computed(in->dtype)};
    rule first = {r->op, r->square, 0, 0}, second = {r->op, 0, r->divide, r->count};
    int rc = ocl_buffer_new(ctx, partial.dtype, run->outer * pieces * run->inner, &partial.buffer);
    if (!rc) rc = launch(ctx, &first, &partial, in, run, piece, pieces);
    if (!rc) rc = launch(ctx, &second, out, &partial, &(fc_run){run->outer, pieces, run->inner}, pieces, 1);
    fc_release(partial.buffer);
    return rc;
}

int ocl_reduce_run(fc_ctx *ctx, const char *op, int divide, int64_t count, const fc_tensor *out,
                   const fc_tensor *in, const fc_run *run) {
    return reduce_run(ctx, &(rule){op, 0, divide, count}, out, in, run);
}

/* Fills out[0] by the runs of `r`. */
static int reduce_all(fc_ctx *ctx, const char *op, int mean, const fc_reduction *r) {
    const fc_tensor *x = ctx->in[0];
    int rc = ctx->api->alloc(ctx, 0, x->dtype, r->ndim, r->shape);
    if (rc || !ctx->out[0].size) return rc;
    fc_tensor in = x->size ? *x : ctx->out[0]; /* an empty input has no memory; none of this is read */
    for (int i = 0; !rc && i < r->count; i++) {
        int last = i == r->count - 1;
        fc_tensor out = last ? ctx->out[0] : (fc_tensor){.dtype = ocl_computed(x->dtype)};
        if (!last) rc = ocl_buffer_new(ctx, out.dtype, r->runs[i].outer * r->runs[i].inner, &out.buffer);
        if (!rc) rc = reduce_run(ctx, &(rule){op, 0, mean, r->runs[i].reduced}, &out, &in, &r->runs[i]);
        if (i) fc_release(in.buffer);
        in = out;
        if (rc && !last) fc_release(out.buffer);
    }
    return rc;
}

static int reduce(fc_ctx *ctx, const char *op, int mean) {
    const fc_tensor *x = ctx->in[0];
    fc_reduction r;
    int rc = fc_plan_reduction(ctx, &r);
    if (rc) return rc;
    return r.count ? reduce_all(ctx, op, mean, &r) : ctx->api->share(ctx, 0, x, 0, x->dtype, r.ndim, r.shape);
}
static int sum(fc_ctx *ctx) { return reduce(ctx, "Sum", 0); }
static int mean(fc_ctx *ctx) { return reduce(ctx, "Sum", 1); }
static int integer_mean(fc_ctx *ctx) {
    const fc_tensor *x = ctx->in[0];
    fc_reduction r;
    int rc = fc_plan_reduction(ctx, &r);
    if (rc) return rc;
    return r.count ? ocl_integer_mean(ctx, &r) : ctx->api->share(ctx, 0, x, 0, x->dtype, r.ndim, r.shape);
}
static int prod(fc_ctx *ctx) { return reduce(ctx, "Prod", 0); }
static int max(fc_ctx *ctx) { return reduce(ctx, "Max", 0); }
static int min(fc_ctx *ctx) { return reduce(ctx, "Min", 0); }
static int all(fc_ctx *ctx) { return reduce(ctx, "All", 0); }
static int any(fc_ctx *ctx) { return reduce(ctx, "Any", 0); }

static int l2_loss(fc_ctx *ctx) {
    const fc_tensor *x = ctx->in[0];
    int rc = ctx->api->alloc(ctx, 0, x->dtype, 0, NULL);
    if (rc) return rc;
    return reduce_run(ctx, &(rule){"Sum", 1, 1, 2}, &ctx->out[0], x->size ? x : &ctx->out[0],
                      &(fc_run){1, x->size, 1});
}

static int bias_add_grad(fc_ctx *ctx) {
    fc_bias_view view;
    int rc = fc_view_for_bias(ctx, &view);
    if (rc) return rc;
    fc_reduction r = {.ndim = 1, .shape = {view.channels}};
    if (ctx->in[0]->size && view.inner > 1)
        r.runs[r.count++] = (fc_run){view.outer * view.channels, view.inner, 1};
    r.runs[r.count++] = (fc_run){1, ctx->in[0]->size ? view.outer : 0, view.channels};
    return reduce_all(ctx, "Sum", 0, &r);
}

#define INTEGERS "T:int8,int16,int32,int64,uint8,uint16,uint32,uint64"
#define FLOATS "T:float32,float64,float16,bfloat16"
#define REALS "T:float32,float64,float16,bfloat16,int8,int16,int32,int64,uint8,uint16,uint32,uint64"
static const fc_kernel_def defs[] = {
    {"Sum", REALS, "keep_dims", FC_SYNC, 2, 0, sum},
    {"Mean", FLOATS, "keep_dims", FC_SYNC, 2, 0, mean},
    {"Mean", INTEGERS, "keep_dims", FC_SYNC, 2, 0, integer_mean},
    {"Prod", REALS, "keep_dims", FC_SYNC, 2, 0, prod},
    {"Max", REALS, "keep_dims", FC_SYNC, 2, 0, max},
    {"Min", REALS, "keep_dims", FC_SYNC, 2, 0, min},
    {"All", "", "keep_dims", FC_SYNC, 2, 0, all},
    {"Any", "", "keep_dims", FC_SYNC, 2, 0, any},
    {"BiasAddGrad", REALS, "data_format", FC_SYNC, 0, 0, bias_add_grad},
    {"L2Loss", FLOATS, "", FC_SYNC, 0, 0, l2_loss},
};
const fc_kernel_table ocl_reduce_table = {FC_ABI, "GPU", sizeof defs / sizeof defs[0], defs};
