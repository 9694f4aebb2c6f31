/* Ops that look at shapes, or change nothing but the shape: views, never a copy. */
#include "copy.h"

static int identity(fc_ctx *ctx) {
    for (int i = 0; i < ctx->n_in; i++) {
        const fc_tensor *x = ctx->in[i];
        int rc = ctx->api->share(ctx, i, x, 0, x->dtype, x->ndim, fc_dims(x));
        if (rc) return rc;
    }
    return FC_OK;
}

static int no_op(fc_ctx *ctx) {
    (void)ctx;
    return FC_OK;
}

/* Puts integers into output i as int32 or int64, whichever attribute 0 says. */
static int put_integers(fc_ctx *ctx, int i, int ndim, int64_t count, const int64_t *values) {
    int dtype = (int)ctx->attrs[0].i;
    int rc = ctx->api->alloc(ctx, i, dtype, ndim, &count);
    if (rc) return rc;
    for (int64_t k = 0; k < count; k++) {
        if (dtype == FC_INT64) FC_OUT(ctx, i, int64_t)[k] = values[k];
        else if (values[k] > INT32_MAX)
            return ctx->api->fail(ctx, FC_INVALID_ARGUMENT,
                                  "size %lld does not fit int32; ask for out_type=int64",
                                  (long long)values[k]);
        else FC_OUT(ctx, i, int32_t)[k] = (int32_t)values[k];
    }
    return FC_OK;
}

static int shape(fc_ctx *ctx) {
    for (int i = 0; i < ctx->n_in; i++) {
        int rc = put_integers(ctx, i, 1, ctx->in[i]->ndim, fc_dims(ctx->in[i]));
        if (rc) return rc;
    }
    return FC_OK;
}
static int size(fc_ctx *ctx) { return put_integers(ctx, 0, 0, 1, &ctx->in[0]->size); }
static int rank(fc_ctx *ctx) {
    int64_t one = 1;
    int rc = ctx->api->alloc(ctx, 0, FC_INT32, 0, &one);
    if (!rc) FC_OUT(ctx, 0, int32_t)[0] = ctx->in[0]->ndim;
    return rc;
}

static int reshape(fc_ctx *ctx) {
    const fc_tensor *x = ctx->in[0];
    int64_t to[FC_MAX_DIMS], known = 1;
    int open = -1, ndim = (int)ctx->in[1]->size;
    char a[128];
    if (ctx->in[1]->ndim > 1 || ctx->in[1]->size > FC_MAX_DIMS) /* a single number is a vector of one */
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT,
                              "shape must be a vector of at most %d sizes, found shape %s", FC_MAX_DIMS,
                              fc_shape_str(ctx->in[1], a, sizeof a));
    for (int d = 0; d < ndim; d++) {
        to[d] = fc_int_at(ctx->in[1], d);
        if (to[d] == -1) {
            if (open >= 0)
                return ctx->api->fail(ctx, FC_INVALID_ARGUMENT,
                                      "only one size may be -1, found it at %d and %d", open, d);
            open = d;
        } else if (to[d] < 0) {
            return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "size %d must be at least 0 (or -1), found %lld",
                                  d, (long long)to[d]);
        } else if (__builtin_mul_overflow(known, to[d], &known)) {
            return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "the sizes overflow 64 bits");
        }
    }
    if (open >= 0) {
        if (known == 0 && x->size)
            return ctx->api->fail(
                ctx, FC_INVALID_ARGUMENT,
                "cannot infer the size -1: another size is 0, but the input has %lld values",
                (long long)x->size);
        if (known && x->size % known)
            return ctx->api->fail(ctx, FC_INVALID_ARGUMENT,
                                  "Input to reshape is a tensor with %lld values, but the requested shape "
                                  "requires a multiple of %lld",
                                  (long long)x->size, (long long)known);
        to[open] = known ? x->size / known : 0;
        known *= to[open];
    }
    if (known != x->size)
        return ctx->api->fail(
            ctx, FC_INVALID_ARGUMENT,
            "Input to reshape is a tensor %s with %lld values, but the requested shape has %lld",
            fc_shape_str(x, a, sizeof a), (long long)x->size, (long long)known);
    return ctx->api->share(ctx, 0, x, 0, x->dtype, ndim, to);
}

static int expand_dims(fc_ctx *ctx) {
    const fc_tensor *x = ctx->in[0];
    int64_t to[FC_MAX_DIMS + 1];
    int axis;
    if (ctx->in[1]->size != 1) return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "dim must be a single number");
    int rc = fc_axis(ctx, "dim", fc_int_at(ctx->in[1], 0), x->ndim + 1, &axis);
    if (rc) return rc;
    for (int d = 0, from = 0; d <= x->ndim; d++) to[d] = d == axis ? 1 : fc_dims(x)[from++];
    return ctx->api->share(ctx, 0, x, 0, x->dtype, x->ndim + 1, to);
}

static int squeeze(fc_ctx *ctx) {
    const fc_tensor *x = ctx->in[0];
    const fc_attr *dims = &ctx->attrs[0];
    int64_t to[FC_MAX_DIMS];
    uint64_t drop = 0; /* a bit for each axis */
    int ndim = 0, axis;
    for (int64_t i = 0; i < dims->n; i++) {
        int rc = fc_axis(ctx, "squeeze_dims", dims->ints[i], x->ndim, &axis);
        if (rc) return rc;
        if (fc_dims(x)[axis] != 1)
            return ctx->api->fail(ctx, FC_INVALID_ARGUMENT,
                                  "Can not squeeze dim[%d], expected a dimension of 1, got %lld", axis,
                                  (long long)fc_dims(x)[axis]);
        drop |= (uint64_t)1 << axis;
    }
    for (int d = 0; d < x->ndim; d++)
        if (!(dims->n > 0 ? drop >> d & 1 : fc_dims(x)[d] == 1)) to[ndim++] = fc_dims(x)[d];
    return ctx->api->share(ctx, 0, x, 0, x->dtype, ndim, to);
}

static int bitcast(fc_ctx *ctx) {
    const fc_tensor *x = ctx->in[0];
    int to = (int)ctx->attrs[0].i, ndim = x->ndim;
    int64_t shape[FC_MAX_DIMS + 1], from_item = fc_item_size(x->dtype), to_item = fc_item_size(to);
    memcpy(shape, fc_dims(x), (size_t)ndim * sizeof *shape);
    if (!to_item || !fc_is_plain(to) || !fc_is_plain(x->dtype))
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "only numbers can be bitcast");
    if (from_item > to_item) shape[ndim++] = from_item / to_item;
    else if (from_item < to_item) {
        if (!ndim || shape[ndim - 1] != to_item / from_item)
            return ctx->api->fail(ctx, FC_INVALID_ARGUMENT,
                                  "the last dimension must be %lld to become one wider element",
                                  (long long)(to_item / from_item));
        ndim--;
    }
    return ctx->api->share(ctx, 0, x, 0, to, ndim, shape);
}

static const fc_kernel_def defs[] = {
    {"Identity", "", "", FC_SYNC | FC_ANY_DEVICE, 0, 0, identity},
    {"IdentityN", "", "", FC_SYNC | FC_ANY_DEVICE, 0, 0, identity},
    {"StopGradient", "", "", FC_SYNC | FC_ANY_DEVICE, 0, 0, identity},
    {"PreventGradient", "", "", FC_SYNC | FC_ANY_DEVICE, 0, 0, identity},
    {"Snapshot", "", "", FC_SYNC | FC_ANY_DEVICE, 0, 0, identity},
    {"PlaceholderWithDefault", "", "", FC_SYNC | FC_ANY_DEVICE, 0, 0, identity},
    {"NoOp", "", "", FC_SYNC | FC_ANY_DEVICE, 0, 0, no_op},
    {"Shape", "", "out_type", FC_SYNC | FC_ANY_DEVICE, 0, 1, shape},
    {"ShapeN", "", "out_type", FC_SYNC | FC_ANY_DEVICE, 0, ~0u, shape},
    {"Size", "", "out_type", FC_SYNC | FC_ANY_DEVICE, 0, 1, size},
    {"Rank", "", "", FC_SYNC | FC_ANY_DEVICE, 0, 1, rank},
    {"Reshape", "", "", FC_SYNC | FC_ANY_DEVICE, 2, 0, reshape},
    {"ExpandDims", "", "", FC_SYNC | FC_ANY_DEVICE, 2, 0, expand_dims},
    {"Squeeze", "", "squeeze_dims", FC_SYNC | FC_ANY_DEVICE, 0, 0, squeeze},
    {"Bitcast", "", "type", FC_SYNC | FC_ANY_DEVICE, 0, 0, bitcast},
};
const fc_kernel_table fc_shape_kernels = {FC_ABI, "CPU", sizeof defs / sizeof defs[0], defs};
