/* MatMul, BatchMatMul, BatchMatMulV2. */
#include "../kernels/linalg/matmul_shape.h"
#include "gemm.h"

/* Joins the innermost batch dimensions that lie one after another in both operands; returns how many are
 * left. */
static int join_batch(fc_product *p) {
    int n = 0;
    for (int d = 0; d < p->n_batch; d++) {
        if (p->batch[d] == 1) continue;
        int joins = n && p->a_batch[n - 1] == p->a_batch[d] * p->batch[d] &&
                    p->b_batch[n - 1] == p->b_batch[d] * p->batch[d];
        if (joins) p->batch[--n] *= p->batch[d];
        else p->batch[n] = p->batch[d];
        p->a_batch[n] = p->a_batch[d], p->b_batch[n] = p->b_batch[d];
        n++;
    }
    return n;
}

static int run(fc_ctx *ctx, fc_product *p, const int64_t *shape) {
    fc_tensor a = *ctx->in[0], b = *ctx->in[1];
    int rc = ctx->api->alloc(ctx, 0, a.dtype, p->n_batch + 2, shape);
    if (rc || !ctx->out[0].size) return rc;
    if (!p->k) { /* an empty sum */
        int64_t zero[2] = {0, 0};
        return ocl_fill(ctx, &ctx->out[0], NULL, zero);
    }
    fc_tensor c = ctx->out[0];
    int64_t item = fc_item_size(a.dtype), outer = 1;
    int n = join_batch(p);
    ocl_gemm g = {.m = p->m,
                  .n = p->n,
                  .k = p->k,
                  .row_size = {1, p->m},
                  .row_stride = {0, 0, p->a_row},
                  .k_size = {1, p->k},
                  .k_stride = {0, 0, p->a_column},
                  .b_k = p->b_row,
                  .b_column = p->b_column,
                  .c_row = {0, 0, p->n},
                  .c_column = 1,
                  .count = n ? p->batch[n - 1] : 1,
                  .a_batch = n ? p->a_batch[n - 1] : 0,
                  .b_batch = n ? p->b_batch[n - 1] : 0,
                  .c_batch = p->m * p->n};
    for (int d = 0; d + 1 < n; d++) outer *= p->batch[d];
    for (int64_t index = 0; !rc && index < outer; index++) { /* what did not join: a launch each */
        int64_t a_at = 0, b_at = 0, left = index;
        for (int d = n - 2; d >= 0; left /= p->batch[d], d--) {
            a_at += left % p->batch[d] * p->a_batch[d];
            b_at += left % p->batch[d] * p->b_batch[d];
        }
        a.offset = ctx->in[0]->offset + a_at * item;
        b.offset = ctx->in[1]->offset + b_at * item;
        c.offset = ctx->out[0].offset + index * g.count * g.c_batch * item;
        rc = ocl_multiply(ctx, &c, &a, &b, g);
    }
    return rc;
}

static int matmul(fc_ctx *ctx) {
    fc_product p;
    int64_t shape[2];
    int rc = fc_matmul_shape(ctx, &p, shape);
    return rc ? rc : run(ctx, &p, shape);
}

static int batch_matmul_of(fc_ctx *ctx, int broadcast) {
    fc_product p;
    int64_t shape[FC_MAX_DIMS + 2];
    int rc = fc_batch_matmul_shape(ctx, broadcast, &p, shape);
    return rc ? rc : run(ctx, &p, shape);
}
static int batch_matmul(fc_ctx *ctx) { return batch_matmul_of(ctx, 0); }
static int batch_matmul_v2(fc_ctx *ctx) { return batch_matmul_of(ctx, 1); }

#define NUMBERS "T:float16,bfloat16,float32,float64,int32,int64"
static const fc_kernel_def defs[] = {
    {"MatMul", NUMBERS, "transpose_a transpose_b", FC_SYNC, 0, 0, matmul},
    {"BatchMatMul", NUMBERS, "adj_x adj_y", FC_SYNC, 0, 0, batch_matmul},
    {"BatchMatMulV2", NUMBERS, "adj_x adj_y", FC_SYNC, 0, 0, batch_matmul_v2},
};
const fc_kernel_table ocl_matmul_table = {FC_ABI, "GPU", sizeof defs / sizeof defs[0], defs};
