/* Cumsum and Cumprod. A long axis goes in pieces: what each comes to, the running totals of these, and then
 * each piece from where it starts. */
#include "../kernels/reduce/axes.h"
#include "device.h"

typedef struct {
    const char *op;
    int start, exclusive, reverse;
} rule;

/* The number of pieces: as many as keep the device busy, but no more than their own walk is worth. */
static int64_t pieces_of(const ocl_device *d, const fc_run *run) {
    int64_t columns = run->outer * run->inner, pieces = 1;
    if (d->is_cpu) return columns < d->units && run->reduced >= 65536 ? d->units * 4 : 1;
    while (pieces * pieces * 16 < run->reduced && pieces * columns < d->units * 512) pieces *= 2;
    return pieces;
}

static int begin(ocl_call *call, fc_ctx *ctx, const char *kernel, const rule *r, const fc_tensor *out,
                 const fc_tensor *in) {
    int rc = ocl_begin(call, ctx, "cumulate", kernel, "T=%s R=%s OP=%s START=%d", ocl_type(in->dtype),
                       ocl_type(out->dtype), r->op, r->start);
    if (rc) return rc;
    ocl_tensor(call, out);
    ocl_tensor(call, in);
    return FC_OK;
}

static int run_pieces(ocl_call *call, const fc_run *run, int64_t piece, int64_t pieces) {
    return ocl_run_parts(call, run->outer * pieces * run->inner, piece);
}

static void sizes(ocl_call *call, const fc_run *run, int64_t piece, int64_t pieces) {
    ocl_long(call, run->outer);
    ocl_long(call, run->reduced);
    ocl_long(call, run->inner);
    ocl_long(call, piece);
    ocl_long(call, pieces);
}

static int totals(fc_ctx *ctx, const rule *r, const fc_tensor *out, const fc_tensor *in, const fc_run *run,
                  int64_t piece, int64_t pieces) {
    ocl_call call;
    int rc = begin(&call, ctx, "totals", r, out, in);
    if (rc) return rc;
    sizes(&call, run, piece, pieces);
    ocl_bytes(&call, &r->reverse, sizeof(int32_t));
    return run_pieces(&call, run, piece, pieces);
}

static int walk(fc_ctx *ctx, const rule *r, const fc_tensor *out, const fc_tensor *in,
                const fc_tensor *starts, const fc_run *run, int64_t piece, int64_t pieces) {
    ocl_call call;
    int rc = begin(&call, ctx, "cumulate", r, out, in);
    if (rc) return rc;
    ocl_tensor(&call, starts);
    sizes(&call, run, piece, pieces);
    ocl_bytes(&call, &r->exclusive, sizeof(int32_t));
    ocl_bytes(&call, &r->reverse, sizeof(int32_t));
    return run_pieces(&call, run, piece, pieces);
}

static int cumulate(fc_ctx *ctx, const char *op, int start) {
    const fc_tensor *x = ctx->in[0];
    fc_run run;
    rule r = {op, start, ctx->attrs[0].i != 0, ctx->attrs[1].i != 0};
    int rc = fc_begin_cumulation(ctx, &run);
    if (rc || !x->size) return rc;
    int64_t pieces = pieces_of(ocl_of(ctx), &run), piece = (run.reduced + pieces - 1) / pieces;
    pieces = (run.reduced + piece - 1) / piece;
    if (pieces == 1) return walk(ctx, &r, &ctx->out[0], x, x, &run, piece, 1);
    fc_tensor each = {.dtype = ocl_computed(x->dtype)}, starts = each;
    fc_run across = {run.outer, pieces, run.inner};
    int64_t size = run.outer * pieces * run.inner;
    rc = ocl_buffer_new(ctx, each.dtype, size, &each.buffer);
    if (!rc) rc = ocl_buffer_new(ctx, starts.dtype, size, &starts.buffer);
    if (!rc) rc = totals(ctx, &r, &each, x, &run, piece, pieces);
    if (!rc) rc = walk(ctx, &(rule){op, start, 1, 0}, &starts, &each, &each, &across, pieces, 1);
    if (!rc) rc = walk(ctx, &r, &ctx->out[0], x, &starts, &run, piece, pieces);
    fc_release(each.buffer);
    fc_release(starts.buffer);
    return rc;
}
static int cumsum(fc_ctx *ctx) { return cumulate(ctx, "+", 0); }
static int cumprod(fc_ctx *ctx) { return cumulate(ctx, "*", 1); }

#define REALS "T:float32,float64,float16,bfloat16,int8,int16,int32,int64,uint8,uint16,uint32,uint64"
static const fc_kernel_def defs[] = {
    {"Cumsum", REALS, "exclusive reverse", FC_SYNC, 2, 0, cumsum},
    {"Cumprod", REALS, "exclusive reverse", FC_SYNC, 2, 0, cumprod},
};
const fc_kernel_table ocl_cumulate_table = {FC_ABI, "GPU", sizeof defs / sizeof defs[0], defs};
