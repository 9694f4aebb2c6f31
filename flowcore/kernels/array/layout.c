/* Ops that put the same elements into another order or another number: Transpose, Slice, StridedSlice, Pad,
 * Tile, Reverse, BroadcastTo. */
#include "copy.h"

static int transpose(fc_ctx *ctx) {
    const fc_tensor *x = ctx->in[0];
    int64_t perm[FC_MAX_DIMS], shape[FC_MAX_DIMS], strides[FC_MAX_DIMS];
    uint64_t seen = 0; /* a bit for each axis */
    int moved = 0;
    int rc = fc_vector(ctx, 1, "perm", x->ndim, perm);
    if (rc) return rc;
    for (int d = 0; d < x->ndim; d++) {
        if (perm[d] < 0) perm[d] += x->ndim;
        if (perm[d] < 0 || perm[d] >= x->ndim || seen >> perm[d] & 1)
            return ctx->api->fail(ctx, FC_INVALID_ARGUMENT,
                                  "perm must hold each of 0..%d once; entry %d is out of range or repeated",
                                  x->ndim - 1, d);
        seen |= (uint64_t)1 << perm[d];
        shape[d] = fc_dims(x)[perm[d]];
        moved |= perm[d] != d;
    }
    if (!moved) return ctx->api->share(ctx, 0, x, 0, x->dtype, x->ndim, fc_dims(x));
    rc = ctx->api->alloc(ctx, 0, x->dtype, x->ndim, shape);
    if (rc || !x->size) return rc;
    fc_copy copy;
    fc_begin_copy(&copy, x->ndim, fc_item_size(x->dtype));
    fc_strides(x->ndim, fc_dims(x), copy.item, strides);
    fc_strides(x->ndim, shape, copy.item, copy.dst);
    for (int d = 0; d < x->ndim; d++) copy.shape[d] = shape[d], copy.src[d] = strides[perm[d]];
    return fc_copy_nd(ctx, &copy, &ctx->out[0], 0, x, 0);
}

static int conjugate_transpose(fc_ctx *ctx) {
    int rc = transpose(ctx);
    fc_tensor *out = &ctx->out[0];
    if (rc || (out->dtype != FC_COMPLEX64 && out->dtype != FC_COMPLEX128) || !out->size) return rc;
    if (out->buffer == ctx->in[0]->buffer) { /* nothing was moved: a copy to write to */
        fc_release(out->buffer);
        out->buffer = NULL;
        rc = ctx->api->alloc(ctx, 0, out->dtype, ctx->in[0]->ndim, fc_dims(ctx->in[0]));
        if (rc) return rc;
        memcpy(fc_data(out), fc_data(ctx->in[0]), (size_t)(out->size * fc_item_size(out->dtype)));
    }
    for (int64_t i = 1; i < 2 * out->size; i += 2) {
        if (out->dtype == FC_COMPLEX64) ((float *)fc_data(out))[i] *= -1;
        else ((double *)fc_data(out))[i] *= -1;
    }
    return FC_OK;
}

static int slice(fc_ctx *ctx) {
    const fc_tensor *x = ctx->in[0];
    int64_t begin[FC_MAX_DIMS], size[FC_MAX_DIMS], strides[FC_MAX_DIMS], offset = 0;
    int rc = fc_vector(ctx, 1, "begin", x->ndim, begin), whole_rows = 1;
    if (!rc) rc = fc_vector(ctx, 2, "size", x->ndim, size);
    if (rc) return rc;
    fc_copy copy;
    fc_begin_copy(&copy, x->ndim, fc_item_size(x->dtype));
    fc_strides(x->ndim, fc_dims(x), copy.item, strides);
    for (int d = 0; d < x->ndim; d++) {
        if (begin[d] < 0 || begin[d] > fc_dims(x)[d])
            return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "Expected begin[%d] in [0, %lld], but got %lld",
                                  d, (long long)fc_dims(x)[d], (long long)begin[d]);
        if (size[d] == -1) size[d] = fc_dims(x)[d] - begin[d];
        if (size[d] < 0 || size[d] > fc_dims(x)[d] - begin[d])
            return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "Expected size[%d] in [0, %lld], but got %lld", d,
                                  (long long)(fc_dims(x)[d] - begin[d]), (long long)size[d]);
        offset += begin[d] * strides[d];
        if (d > 0) whole_rows &= size[d] == fc_dims(x)[d];
    }
    if (whole_rows) return ctx->api->share(ctx, 0, x, offset, x->dtype, x->ndim, size);
    rc = ctx->api->alloc(ctx, 0, x->dtype, x->ndim, size);
    if (rc || !ctx->out[0].size) return rc;
    fc_strides(x->ndim, size, copy.item, copy.dst);
    memcpy(copy.shape, size, (size_t)x->ndim * sizeof *size);
    memcpy(copy.src, strides, (size_t)x->ndim * sizeof *strides);
    return fc_copy_nd(ctx, &copy, &ctx->out[0], 0, x, offset);
}

/* ---- strided slices: x[begin:end:stride, ..., newaxis, i] ------------------------------------ */
enum { BEGIN_MASK, END_MASK, ELLIPSIS_MASK, NEW_AXIS_MASK, SHRINK_AXIS_MASK };

typedef struct {
    int64_t start[FC_MAX_DIMS], stride[FC_MAX_DIMS], count[FC_MAX_DIMS]; /* per input axis */
    int ndim;                                                            /* of the result */
    int64_t shape[FC_MAX_DIMS];
} strided;

/* Inputs first..first+2 are begin, end, strides. */
static int parse_strided(fc_ctx *ctx, int first, int in_ndim, const int64_t *in_shape, strided *s) {
    int64_t begin[FC_MAX_DIMS], end[FC_MAX_DIMS], step[FC_MAX_DIMS];
    const fc_tensor *b = ctx->in[first], *e = ctx->in[first + 1], *st = ctx->in[first + 2];
    int64_t n = b->size;
    if (b->ndim != 1 || e->ndim != 1 || st->ndim != 1 || e->size != n || st->size != n || n > FC_MAX_DIMS)
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT,
                              "begin, end and strides must be vectors of one length (at most %d)",
                              FC_MAX_DIMS);
    uint64_t mask[5]; /* a bit for each entry of the vectors */
    for (int m = 0; m < 5; m++) mask[m] = (uint64_t)ctx->attrs[m].i;
    int64_t spans = 0; /* input axes that the spec consumes besides the ellipsis */
    int ellipsis = -1;
    for (int64_t i = 0; i < n; i++) {
        begin[i] = fc_int_at(b, i), end[i] = fc_int_at(e, i), step[i] = fc_int_at(st, i);
        if (mask[ELLIPSIS_MASK] >> i & 1) {
            if (ellipsis >= 0)
                return ctx->api->fail(ctx, FC_INVALID_ARGUMENT,
                                      "Multiple ellipses in slice spec not allowed");
            ellipsis = (int)i;
        } else if (!(mask[NEW_AXIS_MASK] >> i & 1)) {
            spans++;
        }
    }
    if (spans > in_ndim)
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT,
                              "Index out of range using input dim %lld; input has only %d dims",
                              (long long)spans - 1, in_ndim);
    int axis = 0;
    s->ndim = 0;
    for (int64_t i = 0; i <= n; i++) {
        int64_t full = 0; /* axes taken whole here */
        if (i == n) full = in_ndim - axis;
        else if (i == ellipsis) full = in_ndim - spans;
        for (; full > 0; full--, axis++) {
            if (s->ndim == FC_MAX_DIMS) goto too_many;
            s->start[axis] = 0, s->stride[axis] = 1, s->count[axis] = in_shape[axis];
            s->shape[s->ndim++] = in_shape[axis];
        }
        if (i == n || i == ellipsis) continue;
        if (mask[NEW_AXIS_MASK] >> i & 1) {
            if (s->ndim == FC_MAX_DIMS) goto too_many;
            s->shape[s->ndim++] = 1;
            continue;
        }
        int64_t size = in_shape[axis];
        if (step[i] == 0)
            return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "strides[%lld] must be non-zero", (long long)i);
        if (mask[SHRINK_AXIS_MASK] >> i & 1) {
            int64_t at = begin[i] < 0 ? begin[i] + size : begin[i];
            if (at < 0 || at >= size || step[i] < 0)
                return ctx->api->fail(ctx, FC_INVALID_ARGUMENT,
                                      "slice index %lld of dimension %d out of bounds (its size is %lld)",
                                      (long long)begin[i], axis, (long long)size);
            s->start[axis] = at, s->stride[axis] = 1, s->count[axis] = 1;
            axis++;
            continue;
        }
        int64_t low = step[i] > 0 ? 0 : -1, high = step[i] > 0 ? size : size - 1;
        int64_t from = mask[BEGIN_MASK] >> i & 1 ? (step[i] > 0 ? low : high)
                       : begin[i] < 0            ? begin[i] + size
                                                 : begin[i];
        int64_t to = mask[END_MASK] >> i & 1 ? (step[i] > 0 ? high : low)
                     : end[i] < 0            ? end[i] + size
                                             : end[i];
        from = from < low ? low : from > high ? high : from;
        to = to < low ? low : to > high ? high : to;
        int64_t length = step[i] > 0 ? to - from : from - to,
                magnitude = step[i] > 0 ? step[i] : -(step[i] + 1) + (int64_t)1;
        if (step[i] == INT64_MIN) magnitude = INT64_MAX;
        s->start[axis] = from, s->stride[axis] = step[i];
        s->count[axis] = length > 0 ? (length - 1) / magnitude + 1 : 0;
        if (s->count[axis] <= 1) s->stride[axis] = 1; /* unused, and its product must not overflow */
        if (s->ndim == FC_MAX_DIMS) goto too_many;
        s->shape[s->ndim++] = s->count[axis];
        axis++;
    }
    return FC_OK;
too_many:
    return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "the result would have more than %d dimensions",
                          FC_MAX_DIMS);
}

/* A copy between the sliced part of an array (strides into it in `part`) and a dense one; returns the byte
 * offset of the part. */
static int64_t strided_copy(const strided *s, int ndim, const int64_t *shape, int64_t item, fc_copy *copy,
                            int64_t *part, int64_t *dense) {
    int64_t strides[FC_MAX_DIMS], offset = 0;
    fc_strides(ndim, shape, item, strides);
    fc_strides(ndim, s->count, item, dense);
    fc_begin_copy(copy, ndim, item);
    for (int d = 0; d < ndim; d++) {
        copy->shape[d] = s->count[d];
        part[d] = strides[d] * s->stride[d];
        offset += strides[d] * s->start[d];
    }
    return offset;
}

static int strided_slice(fc_ctx *ctx) {
    const fc_tensor *x = ctx->in[0];
    strided s;
    fc_copy copy;
    int rc = parse_strided(ctx, 1, x->ndim, fc_dims(x), &s), view = 1;
    if (rc) return rc;
    int64_t total = 1;
    for (int d = 0; d < s.ndim; d++) total *= s.shape[d];
    if (!total) return ctx->api->alloc(ctx, 0, x->dtype, s.ndim, s.shape);
    int64_t offset = strided_copy(&s, x->ndim, fc_dims(x), fc_item_size(x->dtype), &copy, copy.src, copy.dst);
    /* A view where all axes behind the first with more than one element are whole. */
    for (int d = 0, many = 0; d < x->ndim; d++) {
        view &= !many || (s.count[d] == fc_dims(x)[d] && s.stride[d] == 1);
        view &= s.stride[d] == 1;
        many |= s.count[d] > 1;
    }
    if (view) return ctx->api->share(ctx, 0, x, offset, x->dtype, s.ndim, s.shape);
    rc = ctx->api->alloc(ctx, 0, x->dtype, s.ndim, s.shape);
    return rc ? rc : fc_copy_nd(ctx, &copy, &ctx->out[0], 0, x, offset);
}

static int strided_slice_grad(fc_ctx *ctx) {
    const fc_tensor *dy = ctx->in[4];
    int64_t shape[FC_MAX_DIMS];
    int ndim = (int)ctx->in[0]->size;
    strided s;
    fc_copy copy;
    int rc = fc_vector(ctx, 0, "shape", -1, shape);
    if (!rc) rc = ctx->api->alloc(ctx, 0, dy->dtype, ndim, shape);
    if (!rc) rc = parse_strided(ctx, 1, ndim, shape, &s);
    if (rc) return rc;
    if (dy->ndim != s.ndim || memcmp(fc_dims(dy), s.shape, (size_t)s.ndim * sizeof(int64_t))) {
        char a[128];
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "dy has shape %s, which is not that of the slice",
                              fc_shape_str(dy, a, sizeof a));
    }
    int64_t item = fc_item_size(dy->dtype);
    if (!ctx->out[0].size) return FC_OK;
    rc = fc_clear(ctx, &ctx->out[0]);
    if (rc || !dy->size) return rc;
    int64_t offset = strided_copy(&s, ndim, shape, item, &copy, copy.dst, copy.src);
    return fc_copy_nd(ctx, &copy, &ctx->out[0], offset, dy, 0);
}

static int pad(fc_ctx *ctx) {
    const fc_tensor *x = ctx->in[0], *paddings = ctx->in[1];
    int64_t shape[FC_MAX_DIMS], strides[FC_MAX_DIMS], offset = 0, item = fc_item_size(x->dtype);
    char a[128];
    if (paddings->ndim != 2 || fc_dims(paddings)[0] != x->ndim || fc_dims(paddings)[1] != 2)
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "paddings must have shape [%d, 2], found %s", x->ndim,
                              fc_shape_str(paddings, a, sizeof a));
    if (ctx->n_in == 3 && ctx->in[2]->size != 1)
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "constant_values must be a scalar, found shape %s",
                              fc_shape_str(ctx->in[2], a, sizeof a));
    for (int d = 0; d < x->ndim; d++) {
        int64_t before = fc_int_at(paddings, 2 * d), after = fc_int_at(paddings, 2 * d + 1);
        if (before < 0 || after < 0 || __builtin_add_overflow(fc_dims(x)[d], before, &shape[d]) ||
            __builtin_add_overflow(shape[d], after, &shape[d]))
            return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "Paddings must be non-negative: %lld, %lld",
                                  (long long)before, (long long)after);
    }
    int rc = ctx->api->alloc(ctx, 0, x->dtype, x->ndim, shape);
    if (rc || !ctx->out[0].size) return rc;
    rc = ctx->n_in == 3 ? fc_fill(ctx, &ctx->out[0], NULL, fc_data(ctx->in[2])) : fc_clear(ctx, &ctx->out[0]);
    if (rc) return rc;
    if (!fc_is_plain(x->dtype) && ctx->n_in == 3) { /* the input's own take the place of some of these */
        rc = fc_keep_elements(ctx, &ctx->out[0], ctx->in[2]);
        if (rc) return rc;
        for (int64_t i = 0; i < x->size; i++) ctx->api->release(x->dtype, fc_data(ctx->in[2]), 1, 0);
    }
    fc_copy copy;
    fc_begin_copy(&copy, x->ndim, item);
    fc_strides(x->ndim, shape, item, strides);
    fc_strides(x->ndim, fc_dims(x), item, copy.src);
    for (int d = 0; d < x->ndim; d++) {
        copy.shape[d] = fc_dims(x)[d], copy.dst[d] = strides[d];
        offset += fc_int_at(paddings, 2 * d) * strides[d];
    }
    return x->size ? fc_copy_nd(ctx, &copy, &ctx->out[0], offset, x, 0) : FC_OK;
}

/* One more axis of a copy, of more than one element: what has less than 2^63 of them has room for all. */
static void add_axis(fc_copy *copy, int64_t size, int64_t dst, int64_t src) {
    copy->shape[copy->ndim] = size, copy->dst[copy->ndim] = dst, copy->src[copy->ndim] = src;
    copy->ndim++;
}

static int tile(fc_ctx *ctx) {
    const fc_tensor *x = ctx->in[0];
    int64_t multiples[FC_MAX_DIMS], shape[FC_MAX_DIMS], in_strides[FC_MAX_DIMS], out_strides[FC_MAX_DIMS];
    int rc = fc_vector(ctx, 1, "multiples", x->ndim, multiples);
    if (rc) return rc;
    for (int d = 0; d < x->ndim; d++)
        if (multiples[d] < 0 || __builtin_mul_overflow(fc_dims(x)[d], multiples[d], &shape[d]))
            return ctx->api->fail(ctx, FC_INVALID_ARGUMENT,
                                  "Expected multiples[%d] >= 0 and in range, but got %lld", d,
                                  (long long)multiples[d]);
    rc = ctx->api->alloc(ctx, 0, x->dtype, x->ndim, shape);
    if (rc || !ctx->out[0].size) return rc;
    fc_copy copy;
    fc_begin_copy(&copy, 0, fc_item_size(x->dtype));
    fc_strides(x->ndim, fc_dims(x), copy.item, in_strides);
    fc_strides(x->ndim, shape, copy.item, out_strides);
    for (int d = 0; d < x->ndim; d++) {
        int64_t length = fc_dims(x)[d];
        if (multiples[d] > 1) add_axis(&copy, multiples[d], out_strides[d] * length, 0);
        if (length > 1) add_axis(&copy, length, out_strides[d], in_strides[d]);
    }
    return fc_copy_nd(ctx, &copy, &ctx->out[0], 0, x, 0);
}

static int broadcast_to(fc_ctx *ctx) {
    const fc_tensor *x = ctx->in[0];
    int64_t shape[FC_MAX_DIMS];
    char a[128];
    int ndim = (int)ctx->in[1]->size, rc = fc_vector(ctx, 1, "shape", -1, shape);
    if (rc) return rc;
    for (int d = 0; d < x->ndim; d++) {
        int at = d + ndim - x->ndim;
        if (at < 0 || (fc_dims(x)[d] != 1 && fc_dims(x)[d] != shape[at]))
            return ctx->api->fail(ctx, FC_INVALID_ARGUMENT,
                                  "Incompatible shapes: input %s does not broadcast to the shape asked for",
                                  fc_shape_str(x, a, sizeof a));
    }
    rc = ctx->api->alloc(ctx, 0, x->dtype, ndim, shape);
    if (rc || !ctx->out[0].size) return rc;
    fc_copy copy;
    fc_begin_copy(&copy, ndim, fc_item_size(x->dtype));
    int64_t strides[FC_MAX_DIMS];
    fc_strides(x->ndim, fc_dims(x), copy.item, strides);
    fc_strides(ndim, shape, copy.item, copy.dst);
    for (int d = 0; d < ndim; d++) {
        int from = d - (ndim - x->ndim);
        copy.shape[d] = shape[d];
        copy.src[d] = from < 0 || fc_dims(x)[from] == 1 ? 0 : strides[from];
    }
    return fc_copy_nd(ctx, &copy, &ctx->out[0], 0, x, 0);
}

static int reverse(fc_ctx *ctx) {
    const fc_tensor *x = ctx->in[0];
    int64_t axes[FC_MAX_DIMS], offset = 0;
    uint64_t flip = 0; /* a bit for each axis */
    int axis, rc = fc_vector(ctx, 1, "axis", -1, axes);
    for (int64_t i = 0; !rc && i < ctx->in[1]->size; i++) {
        rc = fc_axis(ctx, "axis", axes[i], x->ndim, &axis);
        if (!rc && flip >> axis & 1)
            rc = ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "axis %d specified more than once.", axis);
        flip |= (uint64_t)1 << axis;
    }
    if (!rc) rc = ctx->api->alloc(ctx, 0, x->dtype, x->ndim, fc_dims(x));
    if (rc || !x->size) return rc;
    fc_copy copy;
    fc_begin_copy(&copy, x->ndim, fc_item_size(x->dtype));
    fc_strides(x->ndim, fc_dims(x), copy.item, copy.dst);
    for (int d = 0; d < x->ndim; d++) {
        copy.shape[d] = fc_dims(x)[d];
        copy.src[d] = flip >> d & 1 ? -copy.dst[d] : copy.dst[d];
        if (flip >> d & 1) offset += copy.dst[d] * (fc_dims(x)[d] - 1);
    }
    return fc_copy_nd(ctx, &copy, &ctx->out[0], 0, x, offset);
}

#define MASKS "begin_mask end_mask ellipsis_mask new_axis_mask shrink_axis_mask"
static const fc_kernel_def defs[] = {
    {"Transpose", "", "", FC_SYNC | FC_BY_COPY, 2, 0, transpose},
    {"ConjugateTranspose",
     "T:float16,bfloat16,float32,float64,int8,uint8,int16,uint16,int32,uint32,int64,uint64,bool", "",
     FC_SYNC | FC_BY_COPY, 2, 0, transpose},
    {"ConjugateTranspose", "", "", FC_SYNC, 2, 0, conjugate_transpose},
    {"Slice", "", "", FC_SYNC | FC_BY_COPY, 6, 0, slice},
    {"StridedSlice", "", MASKS, FC_SYNC | FC_BY_COPY, 14, 0, strided_slice},
    {"StridedSliceGrad", "", MASKS, FC_SYNC | FC_BY_COPY, 15, 0, strided_slice_grad},
    {"Pad", "", "", FC_SYNC | FC_BY_COPY, 2, 0, pad},
    {"PadV2", "", "", FC_SYNC | FC_BY_COPY, 6, 0, pad},
    {"Tile", "", "", FC_SYNC | FC_BY_COPY, 2, 0, tile},
    {"BroadcastTo", "", "", FC_SYNC | FC_BY_COPY, 2, 0, broadcast_to},
    {"ReverseV2", "", "", FC_SYNC | FC_BY_COPY, 2, 0, reverse},
};
const fc_kernel_table fc_layout_kernels = {FC_ABI, "CPU", sizeof defs / sizeof defs[0], defs};
