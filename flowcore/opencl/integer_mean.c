/* Mean of integers: exact sums, as pairs of 64 bits, over one run of axes after the other. */
#include "pieces.h"

typedef struct {
    int dtype;
    int64_t count;
} rule;

static int launch(fc_ctx *ctx, const rule *r, const fc_tensor *out, const fc_tensor *in, const fc_run *run,
                  int64_t piece, int64_t pieces, int first, int last) {
    const char *type = ocl_type(r->dtype);
    ocl_call call;
    int rc = ocl_begin(&call, ctx, "integer_mean", "mean", "T=%s R=%s W=%s FIRST=%d LAST=%d", type, type,
                       r->dtype == FC_UINT64 ? "ulong" : "long", first, last);
    if (rc) return rc;
    ocl_reduction(&call, out, in, run, piece, pieces, r->count);
    return ocl_run_parts(&call, run->outer * pieces * run->inner, piece);
}

/* A buffer of `size` pairs. */
static int new_pairs(fc_ctx *ctx, int64_t size, fc_tensor *pairs) {
    *pairs = (fc_tensor){.dtype = FC_INT64};
    return ocl_buffer_new(ctx, FC_INT64, 2 * size, &pairs->buffer);
}

int ocl_integer_mean(fc_ctx *ctx, const fc_reduction *r) {
    const fc_tensor *x = ctx->in[0];
    rule mean = {.dtype = x->dtype, .count = 1};
    int rc = ctx->api->alloc(ctx, 0, x->dtype, r->ndim, r->shape);
    if (rc || !ctx->out[0].size) return rc;
    for (int i = 0; i < r->count; i++) mean.count *= r->runs[i].reduced;
    fc_tensor in = x->size ? *x : ctx->out[0], held = {0}; /* nothing is read of an empty input */
    for (int i = 0; !rc && i < r->count; i++) {
        fc_run run = r->runs[i];
        int64_t piece = ocl_piece(ocl_of(ctx), &run, 1), pieces = ocl_pieces(&run, piece);
        for (int step = 0; !rc && step < (pieces > 1 ? 2 : 1); step++) {
            int first = i == 0 && step == 0, last = i == r->count - 1 && (step == 1 || pieces == 1);
            int64_t parts = step == 0 ? pieces : 1;
            fc_tensor out = ctx->out[0];
            if (!last) rc = new_pairs(ctx, run.outer * parts * run.inner, &out);
            if (!rc)
                rc = launch(ctx, &mean, &out, &in, &run, step == 0 ? piece : run.reduced, parts, first, last);
            fc_release(held.buffer);
            held = last ? (fc_tensor){0} : out;
            in = out;
            run.reduced = pieces;
        }
    }
    fc_release(held.buffer);
    return rc;
}
