/* Joining and splitting along an axis: Concat, ConcatV2, ConcatOffset, Split, SplitV, Pack, Unpack.
 * All see a tensor as [outer, along the axis, inner] and move blocks of `inner` items times what lies along
 * the axis. */
#include "copy.h"

typedef struct {
    int64_t outer, inner;
} split_at;

static split_at around(const fc_tensor *t, int axis, int64_t item) {
    split_at s = {1, item};
    for (int d = 0; d < axis; d++) s.outer *= fc_dims(t)[d];
    for (int d = axis + 1; d < t->ndim; d++) s.inner *= fc_dims(t)[d];
    return s;
}

/* `bytes` of each of `rows` rows, from one row length to another. Elements get their references. */
static int move_rows(fc_ctx *ctx, int64_t rows, int64_t bytes, const fc_tensor *dst, int64_t dst_offset,
                     int64_t dst_row, const fc_tensor *src, int64_t src_offset, int64_t src_row) {
    int64_t item = fc_item_size(dst->dtype);
    if (!rows || !bytes) return FC_OK;
    fc_copy copy;
    fc_begin_copy(&copy, 2, item);
    copy.shape[0] = rows, copy.dst[0] = dst_row, copy.src[0] = src_row;
    copy.shape[1] = bytes / item, copy.dst[1] = copy.src[1] = item;
    return fc_copy_nd(ctx, &copy, dst, dst_offset, src, src_offset);
}

/* Inputs first .. first + n - 1 along `axis_value`. */
static int concat(fc_ctx *ctx, int first, int n, const fc_tensor *axis_input) {
    const fc_tensor *lead = ctx->in[first];
    int64_t shape[FC_MAX_DIMS];
    int axis, rc;
    char a[128], b[128];
    if (axis_input->size != 1) return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "the axis must be a scalar");
    if (lead->ndim == 0)
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "scalars cannot be concatenated; use stack");
    rc = fc_axis(ctx, "the axis", fc_int_at(axis_input, 0), lead->ndim, &axis);
    if (rc) return rc;
    memcpy(shape, fc_dims(lead), (size_t)lead->ndim * sizeof *shape);
    shape[axis] = 0;
    for (int i = 0; i < n; i++) {
        const fc_tensor *t = ctx->in[first + i];
        int same = t->ndim == lead->ndim && t->dtype == lead->dtype;
        for (int d = 0; same && d < t->ndim; d++) same = d == axis || fc_dims(t)[d] == fc_dims(lead)[d];
        if (!same)
            return ctx->api->fail(
                ctx, FC_INVALID_ARGUMENT,
                "Dimensions of inputs should match along all axes but %d: values[0] is %s, values[%d] is %s",
                axis, fc_shape_str(lead, a, sizeof a), i, fc_shape_str(t, b, sizeof b));
        if (__builtin_add_overflow(shape[axis], fc_dims(t)[axis], &shape[axis]))
            return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "the result is too long");
    }
    if (n == 1) return ctx->api->share(ctx, 0, lead, 0, lead->dtype, lead->ndim, fc_dims(lead));
    rc = ctx->api->alloc(ctx, 0, lead->dtype, lead->ndim, shape);
    if (rc || !ctx->out[0].size) return rc;
    split_at s = around(lead, axis, fc_item_size(lead->dtype));
    int64_t offset = 0;
    for (int i = 0; !rc && i < n; i++) {
        const fc_tensor *t = ctx->in[first + i];
        int64_t bytes = fc_dims(t)[axis] * s.inner;
        rc = move_rows(ctx, s.outer, bytes, &ctx->out[0], offset, shape[axis] * s.inner, t, 0, bytes);
        offset += bytes;
    }
    return rc;
}
static int concat_v1(fc_ctx *ctx) { return concat(ctx, 1, ctx->n_in - 1, ctx->in[0]); }
static int concat_v2(fc_ctx *ctx) { return concat(ctx, 0, ctx->n_in - 1, ctx->in[ctx->n_in - 1]); }

/* Where each input of a concatenation starts: output i is the begin vector of input i. */
static int concat_offset(fc_ctx *ctx) {
    int axis, n = ctx->n_in - 1, ndim = (int)ctx->in[1]->size;
    if (ctx->in[0]->size != 1 || ctx->in[1]->ndim != 1 || ndim > FC_MAX_DIMS)
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "concat_dim must be a scalar, and shapes vectors");
    int rc = fc_axis(ctx, "concat_dim", fc_int_at(ctx->in[0], 0), ndim, &axis);
    int64_t length = ndim, offset = 0;
    for (int i = 0; !rc && i < n; i++) {
        const fc_tensor *shape = ctx->in[1 + i];
        if (shape->ndim != 1 || shape->size != ndim)
            return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "input %d should contain %d elements", i, ndim);
        rc = ctx->api->alloc(ctx, i, FC_INT32, 1, &length);
        if (rc || !ndim) continue;
        for (int d = 0; d < ndim; d++) {
            if (d != axis && fc_int_at(shape, d) != fc_int_at(ctx->in[1], d))
                return ctx->api->fail(
                    ctx, FC_INVALID_ARGUMENT,
                    "All dimensions except %d must match: input %d has %lld in dimension %d", axis, i,
                    (long long)fc_int_at(shape, d), d);
            FC_OUT(ctx, i, int32_t)[d] = d == axis ? (int32_t)offset : 0;
        }
        offset += fc_int_at(shape, axis);
    }
    return rc;
}

/* Output i takes lengths[i] along the axis. */
static int split(fc_ctx *ctx, const fc_tensor *x, int axis, const int64_t *lengths) {
    int64_t shape[FC_MAX_DIMS], item = fc_item_size(x->dtype);
    split_at s = around(x, axis, item);
    memcpy(shape, fc_dims(x), (size_t)x->ndim * sizeof *shape);
    int64_t offset = 0;
    for (int i = 0; i < ctx->n_out; i++) {
        shape[axis] = lengths[i];
        int rc = s.outer == 1 ? ctx->api->share(ctx, i, x, offset, x->dtype, x->ndim, shape)
                              : ctx->api->alloc(ctx, i, x->dtype, x->ndim, shape);
        if (rc) return rc;
        int64_t bytes = lengths[i] * s.inner;
        if (s.outer != 1 && ctx->out[i].size) {
            rc = move_rows(ctx, s.outer, bytes, &ctx->out[i], 0, bytes, x, offset,
                           fc_dims(x)[axis] * s.inner);
            if (rc) return rc;
        }
        offset += bytes;
    }
    return FC_OK;
}

static int split_lengths(fc_ctx *ctx, int64_t **lengths) {
    return ctx->api->scratch(ctx, sizeof(int64_t) * (size_t)ctx->n_out, (void **)lengths);
}

static int split_even(fc_ctx *ctx) {
    const fc_tensor *x = ctx->in[1];
    int64_t *lengths;
    int axis;
    if (ctx->in[0]->size != 1) return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "split_dim must be a scalar");
    int rc = fc_axis(ctx, "split_dim", fc_int_at(ctx->in[0], 0), x->ndim, &axis);
    if (!rc && fc_dims(x)[axis] % ctx->n_out)
        rc = ctx->api->fail(ctx, FC_INVALID_ARGUMENT,
                            "Number of ways to split should evenly divide the split dimension, but got "
                            "split_dim %d (size = %lld) and num_split %d",
                            axis, (long long)fc_dims(x)[axis], ctx->n_out);
    if (!rc) rc = split_lengths(ctx, &lengths);
    if (rc) return rc;
    for (int i = 0; i < ctx->n_out; i++) lengths[i] = fc_dims(x)[axis] / ctx->n_out;
    return split(ctx, x, axis, lengths);
}

static int split_sizes(fc_ctx *ctx) {
    const fc_tensor *x = ctx->in[0], *sizes = ctx->in[1];
    int64_t *lengths, sum = 0;
    int axis, open = -1;
    if (ctx->in[2]->size != 1 || sizes->ndim != 1 || sizes->size != ctx->n_out)
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT,
                              "size_splits must be a vector of %d sizes and split_dim a scalar", ctx->n_out);
    int rc = fc_axis(ctx, "split_dim", fc_int_at(ctx->in[2], 0), x->ndim, &axis);
    if (!rc) rc = split_lengths(ctx, &lengths);
    if (rc) return rc;
    for (int i = 0; i < ctx->n_out; i++) {
        lengths[i] = fc_int_at(sizes, i);
        if (lengths[i] == -1 && open < 0) open = i;
        else if (lengths[i] < 0 || lengths[i] > fc_dims(x)[axis])
            return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "size_splits[%d] = %lld is out of range", i,
                                  (long long)lengths[i]);
        else sum += lengths[i];
    }
    if (open >= 0 && sum <= fc_dims(x)[axis]) sum += lengths[open] = fc_dims(x)[axis] - sum;
    if (sum != fc_dims(x)[axis])
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT,
                              "size_splits must add up to the size %lld of dimension %d, found %lld",
                              (long long)fc_dims(x)[axis], axis, (long long)sum);
    return split(ctx, x, axis, lengths);
}

static int pack(fc_ctx *ctx) {
    const fc_tensor *x = ctx->in[0];
    int64_t shape[FC_MAX_DIMS + 1];
    int axis, rc = fc_axis(ctx, "axis", ctx->attrs[0].i, x->ndim + 1, &axis);
    char a[128], b[128];
    if (rc) return rc;
    for (int i = 1; i < ctx->n_in; i++)
        if (ctx->in[i]->dtype != x->dtype || !fc_same_shape(ctx->in[i], x))
            return ctx->api->fail(
                ctx, FC_INVALID_ARGUMENT,
                "Shapes of all inputs must match: values[0].shape = %s != values[%d].shape = %s",
                fc_shape_str(x, a, sizeof a), i, fc_shape_str(ctx->in[i], b, sizeof b));
    for (int d = 0, from = 0; d <= x->ndim; d++) shape[d] = d == axis ? ctx->n_in : fc_dims(x)[from++];
    rc = ctx->api->alloc(ctx, 0, x->dtype, x->ndim + 1, shape);
    if (rc || !ctx->out[0].size) return rc;
    split_at s = around(&ctx->out[0], axis, fc_item_size(x->dtype));
    for (int i = 0; !rc && i < ctx->n_in; i++)
        rc = move_rows(ctx, s.outer, s.inner, &ctx->out[0], i * s.inner, s.inner * ctx->n_in, ctx->in[i], 0,
                       s.inner);
    return rc;
}

static int unpack(fc_ctx *ctx) {
    const fc_tensor *x = ctx->in[0];
    int64_t shape[FC_MAX_DIMS];
    int axis, rc = fc_axis(ctx, "axis", ctx->attrs[0].i, x->ndim, &axis);
    if (!rc && fc_dims(x)[axis] != ctx->n_out)
        rc = ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "Input shape axis %d must equal %d, got %lld", axis,
                            ctx->n_out, (long long)fc_dims(x)[axis]);
    if (rc) return rc;
    for (int d = 0, to = 0; d < x->ndim; d++)
        if (d != axis) shape[to++] = fc_dims(x)[d];
    split_at s = around(x, axis, fc_item_size(x->dtype));
    for (int i = 0; i < ctx->n_out; i++) {
        rc = s.outer == 1 ? ctx->api->share(ctx, i, x, i * s.inner, x->dtype, x->ndim - 1, shape)
                          : ctx->api->alloc(ctx, i, x->dtype, x->ndim - 1, shape);
        if (rc) return rc;
        if (s.outer == 1 || !ctx->out[i].size) continue;
        rc = move_rows(ctx, s.outer, s.inner, &ctx->out[i], 0, s.inner, x, i * s.inner, s.inner * ctx->n_out);
        if (rc) return rc;
    }
    return FC_OK;
}

static const fc_kernel_def defs[] = {
    {"Concat", "", "", FC_SYNC | FC_BY_COPY, 1, 0, concat_v1},
    {"ConcatV2", "", "", FC_SYNC | FC_BY_COPY | FC_LAST_ON_HOST, 0, 0, concat_v2},
    {"ConcatOffset", "", "", FC_SYNC | FC_ANY_DEVICE, ~0u, ~0u, concat_offset},
    {"Split", "", "", FC_SYNC | FC_BY_COPY, 1, 0, split_even},
    {"SplitV", "", "", FC_SYNC | FC_BY_COPY, 6, 0, split_sizes},
    {"Pack", "", "axis", FC_SYNC | FC_BY_COPY, 0, 0, pack},
    {"Unpack", "", "axis", FC_SYNC | FC_BY_COPY, 0, 0, unpack},
};
const fc_kernel_table fc_join_kernels = {FC_ABI, "CPU", sizeof defs / sizeof defs[0], defs};
