/* MatMul, BatchMatMul, BatchMatMulV2. Floating types go through the block kernels of gemm.h (or an external BLAS), 16-bit floats
 * as float32, complex numbers as four real products; integers through a plain loop. */
#include <string.h>

#include "blas.h"
#include "convert.h"
#include "gemm.h"
#include "work.h"

/* Multiplications below which a piece is not worth handing to another thread (about 20 us). */
#define PIECE_WORK ((int64_t)1 << 21)
#define ROWS_AT_ONCE 448

/* A batch of products of one shape: what it means is in the op's words, see `shape_of`. Strides are in elements. */
typedef struct {
    int64_t m, n, k, a_row, a_column, b_row, b_column, count;
    int conj_a, conj_b, n_batch;
    int64_t batch[FC_MAX_DIMS], a_batch[FC_MAX_DIMS], b_batch[FC_MAX_DIMS]; /* sizes; strides, 0 where broadcast */
    /* for the running of it */
    int dtype;
    const fc_gemm *gemm;
    const char *a, *b;
    char *c;
    size_t item;
    int64_t unit;             /* reals per element of a and b: 2 for one half of complex numbers */
    int64_t m_block, n_block, m_blocks, n_blocks;
    int blas, out_of_memory;  /* blas: an external library first */
} product;

static int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

static void batch_offsets(const product *p, int64_t index, int64_t *a, int64_t *b) {
    *a = *b = 0;
    for (int d = p->n_batch - 1; d >= 0; d--) {
        int64_t at = index % p->batch[d];
        index /= p->batch[d];
        *a += at * p->a_batch[d];
        *b += at * p->b_batch[d];
    }
}

/* ---- floating types -------------------------------------------------------------------------------------------- */

/* Blocks of C; their borders depend on the sizes alone. */
static void choose_blocks(product *p) {
    int64_t rows = p->gemm ? p->gemm->max_rows : 1, most = ROWS_AT_ONCE / rows * rows;
    p->m_block = p->m < most ? p->m : most;
    p->n_block = p->n < FC_GEMM_COLUMNS ? p->n : FC_GEMM_COLUMNS;
    for (;;) {
        p->m_blocks = ceil_div(p->m, p->m_block);
        p->n_blocks = ceil_div(p->n, p->n_block);
        int64_t pieces = p->m_blocks * p->n_blocks;
        if (pieces >= 16 || pieces * p->count >= 64 || p->m_block * p->n_block < 2 * PIECE_WORK / p->k) return;
        if (p->n_block > 64)
            p->n_block = (p->n_block / 2 + 31) / 32 * 32;
        else if (p->m_block > 8 * rows)
            p->m_block = ceil_div(p->m_block / 2, rows) * rows;
        else
            return;
    }
}

static void multiply_pieces(void *arg, int64_t begin, int64_t end) {
    product *p = arg;
    const void *a_rows[ROWS_AT_ONCE];
    void *c_rows[ROWS_AT_ONCE];
    char *work = NULL;
    size_t work_size = fc_gemm_work(p->k, p->n_block, p->item);
    /* Rows a multiple of 4 KiB apart would fight for the same lines of the first-level cache. */
    int copy_rows = p->a_column * p->unit == 1 && p->a_row * p->item % 4096 == 0 && p->m > 4 && p->n > 64;
    for (int64_t piece = begin; piece < end; piece++) {
        int64_t index = piece / (p->m_blocks * p->n_blocks), j = piece % p->n_blocks * p->n_block;
        int64_t i = piece / p->n_blocks % p->m_blocks * p->m_block, a_at, b_at;
        int64_t m = p->m - i < p->m_block ? p->m - i : p->m_block, n = p->n - j < p->n_block ? p->n - j : p->n_block;
        batch_offsets(p, index, &a_at, &b_at);
        const char *a = p->a + (size_t)((a_at + i * p->a_row) * p->unit) * p->item;
        const char *b = p->b + (size_t)((b_at + j * p->b_column) * p->unit) * p->item;
        char *c = p->c + (size_t)((index * p->m + i) * p->n + j) * p->item;
        fc_matrix a_matrix = {a, p->a_row, p->a_column}, b_matrix = {b, p->b_row, p->b_column};
        if (p->blas && fc_blas_gemm(p->dtype, m, n, p->k, a_matrix, p->conj_a, b_matrix, p->conj_b, c, p->n)) continue;
        if (!work && !(work = fc_work_begin(work_size + (copy_rows ? p->m_block * (FC_GEMM_INNER * p->item + 64) : 0)))) {
            __atomic_store_n(&p->out_of_memory, 1, __ATOMIC_RELAXED);
            return;
        }
        char *copy = work + work_size;
        for (int64_t r = 0; r < m; r++) {
            a_rows[r] = copy_rows ? copy + r * (FC_GEMM_INNER * p->item + 64) : a + (size_t)(r * p->a_row * p->unit) * p->item;
            c_rows[r] = c + (size_t)(r * p->n) * p->item;
        }
        int64_t length = copy_rows ? FC_GEMM_INNER : p->k;
        for (int64_t k = 0; k < p->k; k += length) {
            fc_run run = {0, k * p->b_row * p->unit, p->k - k < length ? p->k - k : length};
            fc_block block = {a_rows, b, c_rows, &run, 1, p->a_column * p->unit, p->b_row * p->unit, p->b_column * p->unit, 0, m, n,
                              k > 0};
            for (int64_t r = 0; copy_rows && r < m; r++)
                memcpy((void *)a_rows[r], a + (size_t)(r * p->a_row + k) * p->item, (size_t)run.length * p->item);
            p->gemm->block(&block, work);
        }
    }
    fc_work_end(work);
}

static int multiply(fc_ctx *ctx, product *p) {
    choose_blocks(p);
    int64_t work = p->m_block * p->n_block * p->k;
    ctx->api->parallel_for(ctx, p->count * p->m_blocks * p->n_blocks, work < PIECE_WORK ? PIECE_WORK / work : 1, multiply_pieces, p);
    return p->out_of_memory ? ctx->api->fail(ctx, FC_RESOURCE_EXHAUSTED, "out of memory for the work space of a matrix product") : FC_OK;
}

static int real_product(fc_ctx *ctx, product *p) {
    p->gemm = p->dtype == FC_FLOAT64 ? fc_gemm_float64() : fc_gemm_float32();
    p->item = p->dtype == FC_FLOAT64 ? 8 : 4;
    p->unit = 1;
    p->blas = fc_blas_has(p->dtype);
    return multiply(ctx, p);
}

/* Converts to float32, multiplies, and rounds once. */
static int half_product(fc_ctx *ctx, product *p) {
    const fc_tensor *a = ctx->in[0], *b = ctx->in[1];
    fc_tensor *out = &ctx->out[0];
    void *a_wide, *b_wide, *c_wide;
    int dtype = p->dtype, rc = fc_widen(ctx, a, &a_wide);
    if (!rc) rc = fc_widen(ctx, b, &b_wide);
    if (!rc) rc = ctx->api->scratch(ctx, (size_t)out->size * sizeof(float), &c_wide);
    if (rc) return rc;
    p->a = a_wide, p->b = b_wide, p->c = c_wide, p->dtype = FC_FLOAT32;
    rc = real_product(ctx, p);
    if (!rc) fc_narrow(ctx, dtype, c_wide, out->size, fc_data(out));
    return rc;
}

/* re = Ar Br -/+ Ai Bi and im = Ar Bi +/- Ai Br, the signs turned by conjugation. */
typedef struct { const void *rr, *ii, *ri, *ir; void *out; int conj_a, conj_b; } complex_parts;
#define COMBINE(T)                                                                                          \
    static void combine_##T(void *arg, int64_t begin, int64_t end) {                                        \
        const complex_parts *p = arg;                                                                       \
        const T *rr = p->rr, *ii = p->ii, *ri = p->ri, *ir = p->ir;                                         \
        T *out = p->out, s_ii = p->conj_a != p->conj_b ? 1 : -1, s_ri = p->conj_b ? -1 : 1;                 \
        T s_ir = p->conj_a ? -1 : 1;                                                                        \
        for (int64_t i = begin; i < end; i++) {                                                             \
            out[2 * i] = rr[i] + s_ii * ii[i];                                                              \
            out[2 * i + 1] = s_ri * ri[i] + s_ir * ir[i];                                                   \
        }                                                                                                   \
    }
COMBINE(float)
COMBINE(double)

static int complex_product(fc_ctx *ctx, product *p) {
    int64_t size = ctx->out[0].size;
    const char *a = p->a, *b = p->b;
    char *parts, *out = p->c;
    int wide = p->dtype == FC_COMPLEX128, rc;
    /* A library conjugates only what it transposes, and may have 32-bit integers. */
    p->blas = fc_blas_has(p->dtype) && !(p->conj_a && p->a_column == 1) && !(p->conj_b && p->b_column == 1) && p->m < INT32_MAX &&
              p->n < INT32_MAX && p->k < INT32_MAX;
    if (p->blas) {
        p->item = wide ? 16 : 8, p->unit = 1;
        return multiply(ctx, p);
    }
    p->gemm = wide ? fc_gemm_float64() : fc_gemm_float32();
    p->item = wide ? 8 : 4;
    p->unit = 2;
    rc = ctx->api->scratch(ctx, (size_t)size * 4 * p->item, (void **)&parts);
    for (int i = 0; i < 4 && !rc; i++) { /* bit 0: the imaginary part of b; bit 1: of a */
        p->a = a + (i >> 1) * p->item;
        p->b = b + (i & 1) * p->item;
        p->c = parts + (size_t)(i * size) * p->item;
        rc = multiply(ctx, p);
    }
    if (rc) return rc;
    size_t bytes = (size_t)size * p->item;
    complex_parts c = {parts, parts + 3 * bytes, parts + bytes, parts + 2 * bytes, out, p->conj_a, p->conj_b};
    ctx->api->parallel_for(ctx, size, 16384, wide ? combine_double : combine_float, &c);
    return FC_OK;
}

/* ---- integers, which wrap around ----------------------------------------------------------------------------------- */

#define INTEGER_ROWS(T)                                                                                                    \
    FC_CLONES static void rows_##T(void *arg, int64_t begin, int64_t end) {                                                \
        const product *p = arg;                                                                                            \
        for (int64_t row = begin; row < end; row++) {                                                                      \
            int64_t a_at, b_at;                                                                                            \
            batch_offsets(p, row / p->m, &a_at, &b_at);                                                                    \
            const T *a = (const T *)p->a + a_at + row % p->m * p->a_row, *b = (const T *)p->b + b_at;                      \
            T *c = (T *)p->c + row * p->n;                                                                                 \
            memset(c, 0, (size_t)p->n * sizeof(T));                                                                        \
            if (p->b_column == 1) {                                                                                        \
                for (int64_t k = 0; k < p->k; k++) {                                                                       \
                    T x = a[k * p->a_column];                                                                              \
                    const T *b_row = b + k * p->b_row;                                                                     \
                    for (int64_t j = 0; j < p->n; j++) c[j] += x * b_row[j];                                               \
                }                                                                                                          \
            } else {                                                                                                       \
                for (int64_t j = 0; j < p->n; j++)                                                                         \
                    for (int64_t k = 0; k < p->k; k++) c[j] += a[k * p->a_column] * b[k * p->b_row + j * p->b_column];     \
            }                                                                                                              \
        }                                                                                                                  \
    }
INTEGER_ROWS(uint32_t)
INTEGER_ROWS(uint64_t)

static int integer_product(fc_ctx *ctx, product *p) {
    int64_t row_work = p->n * p->k; /* no overflow: both operands are in memory, and n * k is the size of one */
    ctx->api->parallel_for(ctx, p->count * p->m, row_work < PIECE_WORK / 4 ? PIECE_WORK / 4 / row_work : 1,
                           p->dtype == FC_INT32 ? rows_uint32_t : rows_uint64_t, p);
    return FC_OK;
}

/* ---- the ops --------------------------------------------------------------------------------------------------------- */

/* The matrix dimensions of both operands after transposition, and C's shape without the batch. */
static int matrix_sizes(fc_ctx *ctx, int ta, int tb, product *p) {
    const fc_tensor *a = ctx->in[0], *b = ctx->in[1];
    const int64_t *as = a->shape + a->ndim - 2, *bs = b->shape + b->ndim - 2;
    char a_shape[160], b_shape[160];
    p->m = as[ta], p->k = as[!ta], p->n = bs[!tb];
    p->a_row = ta ? 1 : as[1], p->a_column = ta ? as[1] : 1;
    p->b_row = tb ? 1 : bs[1], p->b_column = tb ? bs[1] : 1;
    if (p->k == bs[tb]) return FC_OK;
    return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "Matrix size-incompatible: In[0]: %s, In[1]: %s; the inner sizes are %lld and %lld",
                          fc_shape_str(a, a_shape, sizeof a_shape), fc_shape_str(b, b_shape, sizeof b_shape), (long long)p->k,
                          (long long)bs[tb]);
}

static int run(fc_ctx *ctx, product *p, const int64_t *shape) {
    const fc_tensor *a = ctx->in[0], *b = ctx->in[1];
    if (a->dtype != b->dtype) return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "both operands must have one dtype");
    int rc = ctx->api->alloc(ctx, 0, a->dtype, p->n_batch + 2, shape);
    if (rc || !ctx->out[0].size) return rc;
    p->dtype = a->dtype, p->a = fc_data(a), p->b = fc_data(b), p->c = fc_data(&ctx->out[0]);
    if (!p->k) { /* an empty sum */
        memset(p->c, 0, (size_t)(ctx->out[0].size * fc_item_size(p->dtype)));
        return FC_OK;
    }
    switch (p->dtype) {
    case FC_FLOAT32: case FC_FLOAT64: return real_product(ctx, p);
    case FC_FLOAT16: case FC_BFLOAT16: return half_product(ctx, p);
    case FC_COMPLEX64: case FC_COMPLEX128: return complex_product(ctx, p);
    case FC_INT32: case FC_INT64: return integer_product(ctx, p);
    default: return ctx->api->fail(ctx, FC_UNIMPLEMENTED, "no matrix product for dtype number %d", p->dtype);
    }
}

int fc_matmul(fc_ctx *ctx) {
    product p = {.count = 1};
    char shape[160];
    for (int i = 0; i < 2; i++)
        if (ctx->in[i]->ndim != 2)
            return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "In[%d] is not a matrix: %c has shape %s", i, i ? 'b' : 'a',
                                  fc_shape_str(ctx->in[i], shape, sizeof shape));
    int rc = matrix_sizes(ctx, ctx->attrs[0].i != 0, ctx->attrs[1].i != 0, &p);
    return rc ? rc : run(ctx, &p, (int64_t[]){p.m, p.n});
}

static int batch_matmul(fc_ctx *ctx, int broadcast) {
    const fc_tensor *x = ctx->in[0], *y = ctx->in[1];
    product p = {.count = 1};
    char x_shape[160], y_shape[160];
    int64_t shape[FC_MAX_DIMS + 2];
    for (int i = 0; i < 2; i++)
        if (ctx->in[i]->ndim < 2)
            return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "In[%d] ndims must be >= 2: %c has shape %s", i, i ? 'y' : 'x',
                                  fc_shape_str(ctx->in[i], x_shape, sizeof x_shape));
    int rc = matrix_sizes(ctx, ctx->attrs[0].i != 0, ctx->attrs[1].i != 0, &p);
    if (rc) return rc;
    if (!broadcast && x->ndim != y->ndim)
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "In[0] and In[1] have different ndims: %s and %s",
                              fc_shape_str(x, x_shape, sizeof x_shape), fc_shape_str(y, y_shape, sizeof y_shape));
    p.n_batch = (x->ndim > y->ndim ? x->ndim : y->ndim) - 2;
    p.conj_a = ctx->attrs[0].i != 0, p.conj_b = ctx->attrs[1].i != 0;
    int64_t x_stride = p.m * p.k, y_stride = p.k * p.n;
    for (int d = p.n_batch - 1, i = x->ndim - 3, j = y->ndim - 3; d >= 0; d--, i--, j--) {
        int64_t xs = i >= 0 ? x->shape[i] : 1, ys = j >= 0 ? y->shape[j] : 1;
        if (xs != ys && (!broadcast || (xs != 1 && ys != 1)))
            return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "In[0] and In[1] must have compatible batch dimensions: %s vs. %s",
                                  fc_shape_str(x, x_shape, sizeof x_shape), fc_shape_str(y, y_shape, sizeof y_shape));
        shape[d] = p.batch[d] = xs == 1 ? ys : xs;
        p.a_batch[d] = xs == 1 ? 0 : x_stride;
        p.b_batch[d] = ys == 1 ? 0 : y_stride;
        x_stride *= xs;
        y_stride *= ys;
    }
    shape[p.n_batch] = p.m, shape[p.n_batch + 1] = p.n;
    for (int d = 0; d < p.n_batch; d++) /* `run` looks at the product only once memory for it was found */
        p.count = __builtin_mul_overflow(p.count, p.batch[d], &p.count) ? 0 : p.count;
    return run(ctx, &p, shape);
}
int fc_batch_matmul(fc_ctx *ctx) { return batch_matmul(ctx, 0); }
int fc_batch_matmul_v2(fc_ctx *ctx) { return batch_matmul(ctx, 1); }
