/* Several elementwise ops in one kernel, as flowcore/runtime/fuse.py put them together, and perhaps the
 * reduction of what they yield. */
#include "../kernels/_fused.h"
#include "flat.h"
#include "pieces.h"

/* How the element of input i is found (ACCESS of fused_text.py): f, it has the shape of what is computed, of
 * so many elements; s, it is a single one; r and c, it is broadcast along some axes, the innermost not among
 * them, or among them. */
static char access_of(const fc_tensor *in, const fc_walk *walk, int64_t size, int i) {
    if (in->size == size) return 'f';
    if (in->size == 1) return 's';
    return walk->stride[i][walk->ndim - 1] ? 'r' : 'c';
}

/* The axes of what is computed, of `size` elements, and how far one step along each leads in the inputs that
 * are broadcast. All know the steps along the innermost. */
static void pass_axes(ocl_call *call, const fc_walk *walk, int64_t size, const char *access) {
    if (!strpbrk(access, "rc")) return; /* it is all one row */
    for (int d = 1; d < walk->ndim; d++) {
        ocl_long(call, walk->shape[d]);
        ocl_long(call, ocl_divisor(walk->shape[d], size));
    }
    for (int i = 0; access[i]; i++)
        for (int d = 0; (access[i] == 'r' || access[i] == 'c') && d < walk->ndim - 1; d++)
            ocl_long(call, walk->stride[i][d]);
}

/* What the steps work on, once it is known that their shapes fit. */
typedef struct {
    fc_tensor made[FC_FUSED_STEPS];
    const fc_tensor *shapes[FC_FUSED_VALUES];
    const fc_tensor *shape; /* of the last step's value */
    int dtype;
    fc_walk walk;
    ocl_flat flat;
    char access[FC_MAX_INPUTS + 1];
} steps;

/* Attributes: the option FUSED, the dtypes of the inputs and of the last step's value, and the steps. */
static int begin(fc_ctx *ctx, steps *s) {
    const int64_t *dtypes = ctx->attrs[1].ints;
    const int n_steps = (int)(ctx->attrs[2].n * (int64_t)sizeof(int64_t) / (int64_t)sizeof(fc_fused_step));
    s->flat.count = 0;
    if (ctx->n_in > FC_MAX_INPUTS || n_steps < 1 || n_steps > FC_FUSED_STEPS)
        return ctx->api->fail(ctx, FC_INTERNAL, "the fused node is too large");
    for (int i = 0; i < ctx->n_in; i++)
        if (ctx->in[i]->dtype != dtypes[i])
            return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "the inputs differ in dtype");
    int rc = fc_fused_shapes(ctx, n_steps, (const fc_fused_step *)ctx->attrs[2].ints, s->shapes, s->made);
    if (rc) return rc;
    s->shape = s->shapes[ctx->n_in + n_steps - 1];
    s->dtype = (int)dtypes[ctx->n_in];
    if (s->shape->size)
        rc = ocl_flat_walk(ctx, ctx->n_in, ctx->in, s->shape->ndim, fc_dims(s->shape), &s->walk, &s->flat);
    if (rc || !s->shape->size) return rc;
    memset(s->access, 0, sizeof s->access);
    for (int i = 0; i < ctx->n_in; i++) s->access[i] = access_of(s->flat.in[i], &s->walk, s->shape->size, i);
    return FC_OK;
}

static void pass_inputs(ocl_call *call, const steps *s, const fc_tensor *out) {
    ocl_tensor(call, out);
    for (int i = 0; i < call->ctx->n_in; i++) ocl_tensor(call, s->flat.in[i]);
    ocl_long(call, s->shape->size);
    pass_axes(call, &s->walk, s->shape->size, s->access);
}

/* Fills `out` with the last step's value. */
static int compute(fc_ctx *ctx, const steps *s, const fc_tensor *out) {
    ocl_call call;
    int rc = ocl_begin(&call, ctx, "fused", "fused", "FUSED=%s ACCESS=%s AXES=%d", ctx->attrs[0].s, s->access,
                       s->walk.ndim);
    if (rc) return rc;
    pass_inputs(&call, s, out);
    return ocl_run_light(&call, s->shape->size);
}

static int fused(fc_ctx *ctx) {
    steps s;
    int rc = begin(ctx, &s);
    if (!rc) rc = ctx->api->alloc(ctx, 0, s.dtype, s.shape->ndim, fc_dims(s.shape));
    if (!rc && s.shape->size) rc = compute(ctx, &s, &ctx->out[0]);
    ocl_flat_end(&s.flat);
    return rc;
}

/* Whether rows of so many elements are reduced by the kernel that computes them. A whole group, or as many
 * running values, would be started for each short one (measured: rows of 7 take 5 times as long). A
 * processor's compiler that makes vectors of neighbouring items makes none of a row (Intel's: a hyperbolic
 * tangent takes 2 to 3 times as long, a group to a row 1.4 to 3 times on the whole). */
static int joins_rows(const ocl_device *d, int64_t size) {
    return d->is_cpu ? d->wide_items && size >= 32 : size >= 64;
}

/* Rows of the last step's value, in pieces, to `out`. */
static int reduce(fc_ctx *ctx, const steps *s, const char *op, int divide, int64_t count,
                  const fc_tensor *out, const fc_run *run, int64_t piece, int64_t pieces, int64_t cost) {
    const int by_group = !ocl_of(ctx)->is_cpu;
    ocl_call call;
    int rc = ocl_begin(&call, ctx, "fused_reduce", by_group ? "fused_rows_by_group" : "fused_rows",
                       "FUSED=%s ACCESS=%s AXES=%d R=%s OP=%s DIVIDE=%d", ctx->attrs[0].s, s->access,
                       s->walk.ndim, ocl_type(out->dtype), op, divide);
    if (rc) return rc;
    pass_inputs(&call, s, out);
    ocl_long(&call, run->outer);
    ocl_long(&call, run->reduced);
    ocl_long(&call, piece);
    ocl_long(&call, pieces);
    ocl_long(&call, count);
    return by_group ? ocl_run_trees(&call, run->outer * pieces, piece, fc_item_size(ocl_computed(s->dtype)))
                    : ocl_run_parts(&call, run->outer * pieces, piece * cost);
}

/* Attribute 3: the reduction's op in the group, keep_dims, axes; 4 and 5: what it is on the device, and
 * whether it divides. */
static int compute_reduced(fc_ctx *ctx, steps *s) {
    const char *op = ctx->attrs[4].s;
    const int divide = (int)ctx->attrs[5].i;
    fc_reduction r;
    int rc = fc_fused_reduction(ctx, s->shape, &ctx->attrs[3], 0, &r);
    if (!rc) rc = ctx->api->alloc(ctx, 0, s->dtype, r.ndim, r.shape);
    if (rc || !ctx->out[0].size) return rc;
    const fc_tensor *out = &ctx->out[0];
    if (!r.count) return compute(ctx, s, out);
    const fc_run *run = &r.runs[0];
    /* none of it is read */
    if (!s->shape->size) return ocl_reduce_run(ctx, op, divide, run->reduced, out, out, run);
    const int64_t cost = ctx->attrs[2].n * (int64_t)sizeof(int64_t) / (int64_t)sizeof(fc_fused_step) + 1;
    const int64_t piece = ocl_piece(ocl_of(ctx), run, cost), pieces = ocl_pieces(run, piece);
    const int joins = joins_rows(ocl_of(ctx), run->reduced);
    if (joins && pieces == 1) return reduce(ctx, s, op, divide, run->reduced, out, run, piece, 1, cost);
    fc_tensor between = {.dtype = joins ? ocl_computed(s->dtype) : s->dtype};
    rc = ocl_buffer_new(ctx, between.dtype, run->outer * (joins ? pieces : run->reduced), &between.buffer);
    if (!rc)
        rc = joins ? reduce(ctx, s, op, 0, 0, &between, run, piece, pieces, cost) : compute(ctx, s, &between);
    if (!rc)
        rc = ocl_reduce_run(ctx, op, divide, run->reduced, out, &between,
                            &(fc_run){run->outer, joins ? pieces : run->reduced, 1});
    fc_release(between.buffer);
    return rc;
}

static int fused_reduction(fc_ctx *ctx) {
    steps s;
    int rc = begin(ctx, &s);
    if (!rc) rc = compute_reduced(ctx, &s);
    ocl_flat_end(&s.flat);
    return rc;
}

static const fc_kernel_def defs[] = {
    {"_Fused", "", "program dtypes steps", FC_SYNC, 0, 0, fused},
    {"_FusedReduction", "", "program dtypes steps reduction op divide", FC_SYNC, 0, 0, fused_reduction},
};
const fc_kernel_table ocl_fused_table = {FC_ABI, "GPU", sizeof defs / sizeof defs[0], defs};
