/* What the matrix products say: their sizes, and the errors where those do not fit. Shared by every device's
 * kernels. */
#ifndef FLOWCORE_MATMUL_SHAPE_H
#define FLOWCORE_MATMUL_SHAPE_H

#include "../../_kernel.h"

/* A batch of products of one shape. Strides are in elements. */
typedef struct {
    int64_t m, n, k, a_row, a_column, b_row, b_column, count;
    int conj_a, conj_b, n_batch;
    /* n_batch of each: sizes; strides, 0 where broadcast */
    int64_t batch[FC_MAX_DIMS], a_batch[FC_MAX_DIMS], b_batch[FC_MAX_DIMS];
} fc_product;

/* No batch yet, whose arrays are long. */
static inline void fc_begin_product(fc_product *p) {
    memset(p, 0, offsetof(fc_product, batch));
    p->count = 1;
}

/* The matrix dimensions of both operands after transposition, and C's shape without the batch. */
static inline int fc_matrix_sizes(fc_ctx *ctx, int ta, int tb, fc_product *p) {
    const fc_tensor *a = ctx->in[0], *b = ctx->in[1];
    const int64_t *as = fc_dims(a) + a->ndim - 2, *bs = fc_dims(b) + b->ndim - 2;
    char a_shape[160], b_shape[160];
    if (a->dtype != b->dtype)
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "both operands must have one dtype");
    p->m = as[ta], p->k = as[!ta], p->n = bs[!tb];
    p->a_row = ta ? 1 : as[1], p->a_column = ta ? as[1] : 1;
    p->b_row = tb ? 1 : bs[1], p->b_column = tb ? bs[1] : 1;
    if (p->k == bs[tb]) return FC_OK;
    return ctx->api->fail(ctx, FC_INVALID_ARGUMENT,
                          "Matrix size-incompatible: In[0]: %s, In[1]: %s; the inner sizes are %lld and %lld",
                          fc_shape_str(a, a_shape, sizeof a_shape), fc_shape_str(b, b_shape, sizeof b_shape),
                          (long long)p->k, (long long)bs[tb]);
}

/* MatMul: attributes transpose_a, transpose_b. */
static inline int fc_matmul_shape(fc_ctx *ctx, fc_product *p, int64_t *shape) {
    char found[160];
    fc_begin_product(p);
    for (int i = 0; i < 2; i++)
        if (ctx->in[i]->ndim != 2)
            return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "In[%d] is not a matrix: %c has shape %s", i,
                                  i ? 'b' : 'a', fc_shape_str(ctx->in[i], found, sizeof found));
    int rc = fc_matrix_sizes(ctx, ctx->attrs[0].i != 0, ctx->attrs[1].i != 0, p);
    shape[0] = p->m, shape[1] = p->n;
    return rc;
}

/* BatchMatMul and, with `broadcast`, BatchMatMulV2: attributes adj_x, adj_y. `shape` has room for FC_MAX_DIMS
 * + 2. */
static inline int fc_batch_matmul_shape(fc_ctx *ctx, int broadcast, fc_product *p, int64_t *shape) {
    const fc_tensor *x = ctx->in[0], *y = ctx->in[1];
    char x_shape[160], y_shape[160];
    fc_begin_product(p);
    for (int i = 0; i < 2; i++)
        if (ctx->in[i]->ndim < 2)
            return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "In[%d] ndims must be >= 2: %c has shape %s", i,
                                  i ? 'y' : 'x', fc_shape_str(ctx->in[i], x_shape, sizeof x_shape));
    int rc = fc_matrix_sizes(ctx, ctx->attrs[0].i != 0, ctx->attrs[1].i != 0, p);
    if (rc) return rc;
    if (!broadcast && x->ndim != y->ndim)
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "In[0] and In[1] have different ndims: %s and %s",
                              fc_shape_str(x, x_shape, sizeof x_shape),
                              fc_shape_str(y, y_shape, sizeof y_shape));
    p->n_batch = (x->ndim > y->ndim ? x->ndim : y->ndim) - 2;
    p->conj_a = ctx->attrs[0].i != 0, p->conj_b = ctx->attrs[1].i != 0;
    int64_t x_stride = p->m * p->k, y_stride = p->k * p->n;
    for (int d = p->n_batch - 1, i = x->ndim - 3, j = y->ndim - 3; d >= 0; d--, i--, j--) {
        int64_t xs = i >= 0 ? fc_dims(x)[i] : 1, ys = j >= 0 ? fc_dims(y)[j] : 1;
        if (xs != ys && (!broadcast || (xs != 1 && ys != 1)))
            return ctx->api->fail(
                ctx, FC_INVALID_ARGUMENT, "In[0] and In[1] must have compatible batch dimensions: %s vs. %s",
                fc_shape_str(x, x_shape, sizeof x_shape), fc_shape_str(y, y_shape, sizeof y_shape));
        shape[d] = p->batch[d] = xs == 1 ? ys : xs;
        p->a_batch[d] = xs == 1 ? 0 : x_stride;
        p->b_batch[d] = ys == 1 ? 0 : y_stride;
        x_stride *= xs;
        y_stride *= ys;
    }
    shape[p->n_batch] = p->m, shape[p->n_batch + 1] = p->n;
    for (int d = 0; d < p->n_batch; d++) /* nobody looks at the product before memory for it was found */
        p->count = __builtin_mul_overflow(p->count, p->batch[d], &p->count) ? 0 : p->count;
    return FC_OK;
}

#endif
