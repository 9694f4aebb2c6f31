/* Add, Equal and NotEqual of strings, which broadcast as numbers do. */
#include "loops.h"

static int equal_bytes(const void *x, const void *y) {
    fc_bytes a = fc_bytes_of(x), b = fc_bytes_of(y);
    return a.size == b.size && !memcmp(a.data, b.data, (size_t)a.size);
}
static void equal_loop(void *out, const void *x, const void *y, int64_t n, int64_t sx, int64_t sy) {
    const fc_string *a = x, *b = y;
    for (int64_t i = 0; i < n; i++) ((uint8_t *)out)[i] = (uint8_t)equal_bytes(a + i * sx, b + i * sy);
}
static void not_equal_loop(void *out, const void *x, const void *y, int64_t n, int64_t sx, int64_t sy) {
    const fc_string *a = x, *b = y;
    for (int64_t i = 0; i < n; i++) ((uint8_t *)out)[i] = (uint8_t)!equal_bytes(a + i * sx, b + i * sy);
}
static const fc_binary_loop equal_loops[FC_NUM_DTYPES] = {[FC_STRING] = equal_loop};
static const fc_binary_loop not_equal_loops[FC_NUM_DTYPES] = {[FC_STRING] = not_equal_loop};
static int equal(fc_ctx *ctx) { return fc_binary(ctx, equal_loops, FC_BOOL); }
static int not_equal(fc_ctx *ctx) { return fc_binary(ctx, not_equal_loops, FC_BOOL); }

static int64_t longest(const fc_tensor *x) {
    const fc_string *s = fc_data(x);
    int64_t most = 0;
    for (int64_t i = 0; i < x->size; i++) {
        int64_t size = fc_bytes_of(s + i).size;
        if (size > most) most = size;
    }
    return most;
}

/* One string behind the other. On one thread: the elements of a buffer are made by one at a time. */
static int concatenate(fc_ctx *ctx) {
    const fc_tensor *x = ctx->in[0], *y = ctx->in[1];
    int64_t shape[FC_MAX_DIMS], at[FC_MAX_DIMS] = {0}, i = 0, j = 0;
    int ndim;
    fc_walk walk;
    void *joined;
    if (x->dtype != FC_STRING || y->dtype != FC_STRING)
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "the inputs are %s and %s, not strings",
                              fc_dtype_name(x->dtype), fc_dtype_name(y->dtype));
    int rc = fc_broadcast(ctx, 2, &ndim, shape);
    if (!rc) rc = ctx->api->alloc(ctx, 0, FC_STRING, ndim, shape);
    if (rc || !ctx->out[0].size) return rc;
    rc = ctx->api->scratch(ctx, (size_t)(longest(x) + longest(y)), &joined);
    fc_walk_init(&walk, 2, ctx->in, ndim, shape);
    for (int64_t k = 0; !rc && k < ctx->out[0].size; k++) {
        fc_bytes a = fc_bytes_of((const fc_string *)fc_data(x) + i);
        fc_bytes b = fc_bytes_of((const fc_string *)fc_data(y) + j);
        memcpy(joined, a.data, (size_t)a.size);
        memcpy((char *)joined + a.size, b.data, (size_t)b.size);
        rc = ctx->api->string_put(ctx, ctx->out[0].buffer, FC_OUT(ctx, 0, fc_string) + k, joined,
                                  a.size + b.size);
        for (int d = walk.ndim - 1; d >= 0; d--) {
            i += walk.stride[0][d], j += walk.stride[1][d];
            if (++at[d] < walk.shape[d]) break;
            i -= at[d] * walk.stride[0][d], j -= at[d] * walk.stride[1][d];
            at[d] = 0;
        }
    }
    return rc;
}

/* The shape of the inputs that are no scalars, by the first of them. */
static int joined_shape(fc_ctx *ctx, const fc_tensor **shape) {
    char a[128], b[128];
    *shape = ctx->in[0];
    for (int i = 0; i < ctx->n_in; i++) {
        const fc_tensor *x = ctx->in[i];
        if (x->dtype != FC_STRING)
            return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "input %d is %s, not strings", i,
                                  fc_dtype_name(x->dtype));
        if (!x->ndim) continue;
        if (!(*shape)->ndim) *shape = x;
        if (!fc_same_shape(x, *shape))
            return ctx->api->fail(ctx, FC_INVALID_ARGUMENT,
                                  "input %d has shape %s and another one %s; they must be equal, or scalars",
                                  i, fc_shape_str(x, a, sizeof a), fc_shape_str(*shape, b, sizeof b));
    }
    return FC_OK;
}

/* Element k of each input, one behind the other; returns the number of bytes. `to` may be NULL. */
static int64_t join_at(fc_ctx *ctx, int64_t k, char *to) {
    int64_t used = 0;
    for (int i = 0; i < ctx->n_in; i++) {
        const fc_tensor *x = ctx->in[i];
        fc_bytes s = fc_bytes_of((const fc_string *)fc_data(x) + (x->ndim ? k : 0));
        int64_t gap = i ? ctx->attrs[0].n : 0;
        if (to)
            memcpy(to + used, ctx->attrs[0].s, (size_t)gap), memcpy(to + used + gap, s.data, (size_t)s.size);
        used += gap + s.size;
    }
    return used;
}

static int join(fc_ctx *ctx) {
    const fc_tensor *shape;
    void *text;
    int64_t most = 0;
    int rc = joined_shape(ctx, &shape);
    if (!rc) rc = ctx->api->alloc(ctx, 0, FC_STRING, shape->ndim, fc_dims(shape));
    for (int64_t k = 0; !rc && k < ctx->out[0].size; k++) {
        int64_t size = join_at(ctx, k, NULL);
        if (size > most) most = size;
    }
    if (!rc) rc = ctx->api->scratch(ctx, (size_t)most, &text);
    for (int64_t k = 0; !rc && k < ctx->out[0].size; k++)
        rc = ctx->api->string_put(ctx, ctx->out[0].buffer, FC_OUT(ctx, 0, fc_string) + k, text,
                                  join_at(ctx, k, text));
    return rc;
}

static const fc_kernel_def defs[] = {
    {"Add", "T:string", "", FC_SYNC, 0, 0, concatenate},
    {"Equal", "T:string", "", FC_SYNC, 0, 0, equal},
    {"StringJoin", "", "separator", FC_SYNC, 0, 0, join},
    {"NotEqual", "T:string", "", FC_SYNC, 0, 0, not_equal},
};
const fc_kernel_table fc_string_kernels = {FC_ABI, "CPU", sizeof defs / sizeof defs[0], defs};
