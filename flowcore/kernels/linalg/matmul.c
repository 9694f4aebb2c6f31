/* MatMul, BatchMatMul, BatchMatMulV2. Floating types go through the block kernels of gemm.h (or an external
 * BLAS), 16-bit floats as float32, complex numbers as four real products; integers through a plain loop. */
#include <string.h>

#include "blas.h"
#include "convert.h"
#include "gemm.h"
#include "matmul_shape.h"
#include "work.h"

/* Multiplications of a product that is worth a second thread (9 us of one), and of a piece: so small that
 * threads finish together. */
#define SHARED_WORK ((int64_t)1 << 21)
#define PIECE_WORK ((int64_t)1 << 19)
/* A product of fewer rows or columns than this takes as long as one of so many: reading the other matrix is
 * all of it, at some 60 GB/s a thread where a core multiplies 120 numbers a nanosecond. */
#define LEAST_SIDE 8
#define ROWS_AT_ONCE \
    252 /* so many of A, as deep as a packed block, lie in a second-level cache of 1 MB beside a block of B \
         */

#define PACKED_ROWS 64 /* rows of B packed at once: their pages stay in the first-level TLB */
#define PACKED_MOST ((size_t)64 << 20)

typedef struct {
    int dtype;
    const fc_gemm *gemm;
    const char *a, *b;
    char *c;
    size_t item;
    int64_t unit; /* reals per element of a and b: 2 for one half of complex numbers */
    int64_t m_block, n_block, m_blocks, n_blocks;
    char *packed; /* all of B in panels, where many blocks of rows read it; NULL: each packs what it needs */
    int blas, out_of_memory; /* blas: an external library first */
    fc_product shape;
} product;

static int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

static void batch_offsets(const product *p, int64_t index, int64_t *a, int64_t *b) {
    *a = *b = 0;
    for (int d = p->shape.n_batch - 1; d >= 0; d--) {
        int64_t at = index % p->shape.batch[d];
        index /= p->shape.batch[d];
        *a += at * p->shape.a_batch[d];
        *b += at * p->shape.b_batch[d];
    }
}

/* ---- floating types -------------------------------------------------------------------------- */

static int64_t work_of(int64_t m, int64_t n, int64_t k) {
    return (m > LEAST_SIDE ? m : LEAST_SIDE) * (n > LEAST_SIDE ? n : LEAST_SIDE) * k;
}

/* Blocks of C; their borders depend on the sizes alone. */
static void choose_blocks(product *p) {
    int64_t rows = p->gemm ? p->gemm->max_rows : 1, most = ROWS_AT_ONCE / rows * rows;
    /* few rows: long stretches of B's rows, which the hardware reads ahead */
    int64_t narrowest = p->shape.m < LEAST_SIDE ? 256 : 64;
    p->m_block = p->shape.m < most ? p->shape.m : most;
    p->n_block = p->shape.n < FC_GEMM_COLUMNS ? p->shape.n : FC_GEMM_COLUMNS;
    for (;;) {
        p->m_blocks = ceil_div(p->shape.m, p->m_block);
        p->n_blocks = ceil_div(p->shape.n, p->n_block);
        int64_t pieces = p->m_blocks * p->n_blocks;
        if (pieces >= 16 || pieces * p->shape.count >= 64 ||
            work_of(p->m_block, p->n_block, p->shape.k) < 2 * PIECE_WORK)
            break;
        if (p->n_block > narrowest) p->n_block = (p->n_block / 2 + 31) / 32 * 32;
        else if (p->m_block > 8 * rows) p->m_block = ceil_div(p->m_block / 2, rows) * rows;
        else break;
    }
    /* as large as each other, or one thread waits for the other */
    if (p->n_blocks > 1) p->n_block = (ceil_div(p->shape.n, p->n_blocks) + 31) / 32 * 32;
    p->n_blocks = ceil_div(p->shape.n, p->n_block);
    if (p->m_blocks > 1) p->m_block = ceil_div(ceil_div(p->shape.m, p->m_blocks), rows) * rows;
    p->m_blocks = ceil_div(p->shape.m, p->m_block);
}

static void multiply_pieces(void *arg, int64_t begin, int64_t end) {
    product *p = arg;
    const void *a_rows[ROWS_AT_ONCE];
    void *c_rows[ROWS_AT_ONCE];
    char *work = NULL;
    size_t work_size = fc_gemm_work(p->shape.k, p->n_block, p->item);
    /* Rows a multiple of 4 KiB apart would fight for the same lines of the first-level cache. */
    int copy_rows = p->shape.a_column * p->unit == 1 && p->shape.a_row * p->item % 4096 == 0 &&
                    p->shape.m > 4 && p->shape.n > 64;
    for (int64_t piece = begin; piece < end; piece++) {
        int64_t index = piece / (p->m_blocks * p->n_blocks), j = piece % p->n_blocks * p->n_block;
        int64_t i = piece / p->n_blocks % p->m_blocks * p->m_block, a_at, b_at;
        int64_t m = p->shape.m - i < p->m_block ? p->shape.m - i : p->m_block,
                n = p->shape.n - j < p->n_block ? p->shape.n - j : p->n_block;
        batch_offsets(p, index, &a_at, &b_at);
        const char *a = p->a + (size_t)((a_at + i * p->shape.a_row) * p->unit) * p->item;
        const char *b = p->b + (size_t)((b_at + j * p->shape.b_column) * p->unit) * p->item;
        char *c = p->c + (size_t)((index * p->shape.m + i) * p->shape.n + j) * p->item;
        fc_matrix a_matrix = {a, p->shape.a_row, p->shape.a_column},
                  b_matrix = {b, p->shape.b_row, p->shape.b_column};
        if (p->blas && fc_blas_gemm(p->dtype, m, n, p->shape.k, a_matrix, p->shape.conj_a, b_matrix,
                                    p->shape.conj_b, c, p->shape.n))
            continue;
        if (!work && !(work = fc_work_begin(work_size +
                                            (copy_rows ? p->m_block * (FC_GEMM_INNER * p->item + 64) : 0)))) {
            __atomic_store_n(&p->out_of_memory, 1, __ATOMIC_RELAXED);
            return;
        }
        char *copy = work + work_size;
        for (int64_t r = 0; r < m; r++) {
            a_rows[r] = copy_rows ? copy + r * (FC_GEMM_INNER * p->item + 64)
                                  : a + (size_t)(r * p->shape.a_row * p->unit) * p->item;
            c_rows[r] = c + (size_t)(r * p->shape.n) * p->item;
        }
        if (p->packed) b = p->packed + (size_t)(j * p->shape.k) * p->item;
        int64_t length = copy_rows ? FC_GEMM_INNER : p->shape.k;
        for (int64_t k = 0; k < p->shape.k; k += length) {
            fc_run run = {0, p->packed ? k : k * p->shape.b_row * p->unit,
                          p->shape.k - k < length ? p->shape.k - k : length};
            fc_block block = {a_rows,
                              b,
                              c_rows,
                              &run,
                              1,
                              p->shape.a_column * p->unit,
                              p->shape.b_row * p->unit,
                              p->shape.b_column * p->unit,
                              p->packed ? p->shape.k : 0,
                              m,
                              n,
                              k > 0};
            for (int64_t r = 0; copy_rows && r < m; r++)
                memcpy((void *)a_rows[r], a + (size_t)(r * p->shape.a_row + k) * p->item,
                       (size_t)run.length * p->item);
            p->gemm->block(&block, work);
        }
    }
    fc_work_end(work);
}

static void pack_rows(void *arg, int64_t begin, int64_t end) {
    product *p = arg;
    for (int64_t k = begin; k < end; k += PACKED_ROWS) {
        int64_t length = end - k < PACKED_ROWS ? end - k : PACKED_ROWS;
        p->gemm->pack(p->b + (size_t)(k * p->shape.b_row) * p->item, p->shape.b_row, p->shape.b_column, k,
                      length, p->shape.k, p->shape.n, p->packed);
    }
}

/* With three blocks of rows or more, B is packed once for all of them, by all threads. */
static int pack_b(fc_ctx *ctx, product *p) {
    size_t size = (size_t)fc_packed_size(p->shape.k, p->shape.n) * p->item;
    p->packed = NULL;
    if (p->blas || p->unit != 1 || p->shape.count != 1 || p->m_blocks < 3 || p->shape.n < 32 ||
        size > PACKED_MOST)
        return FC_OK;
    int rc = ctx->api->scratch(ctx, size, (void **)&p->packed);
    if (!rc) ctx->api->parallel_for(ctx, p->shape.k, PACKED_ROWS, pack_rows, p);
    return rc;
}

static int multiply(fc_ctx *ctx, product *p) {
    choose_blocks(p);
    int rc = pack_b(ctx, p);
    if (rc) return rc;
    int64_t work = work_of(p->m_block, p->n_block, p->shape.k),
            pieces = p->shape.count * p->m_blocks * p->n_blocks;
    int64_t grain = work * pieces < SHARED_WORK ? pieces : work < PIECE_WORK ? PIECE_WORK / work : 1;
    ctx->api->parallel_for(ctx, pieces, grain, multiply_pieces, p);
    return p->out_of_memory ? ctx->api->fail(ctx, FC_RESOURCE_EXHAUSTED,
                                             "out of memory for the work space of a matrix product")
                            : FC_OK;
}

static int real_product(fc_ctx *ctx, product *p) {
    p->gemm = p->dtype == FC_FLOAT64 ? fc_gemm_float64() : fc_gemm_float32();
    p->item = p->dtype == FC_FLOAT64 ? 8 : 4;
    p->unit = 1;
    p->blas = fc_blas_has(p->dtype);
    return multiply(ctx, p);
}

/* Converts to float32, multiplies, and rounds once. */
static int half_product(fc_ctx *ctx, product *p, const fc_tensor *a, const fc_tensor *b) {
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
typedef struct {
    const void *rr, *ii, *ri, *ir;
    void *out;
    int conj_a, conj_b;
} complex_parts;
#define COMBINE(T) \
    static void combine_##T(void *arg, int64_t begin, int64_t end) { \
        const complex_parts *p = arg; \
        const T *rr = p->rr, *ii = p->ii, *ri = p->ri, *ir = p->ir; \
        T *out = p->out, s_ii = p->conj_a != p->conj_b ? 1 : -1, s_ri = p->conj_b ? -1 : 1; \
        T s_ir = p->conj_a ? -1 : 1; \
        for (int64_t i = begin; i < end; i++) { \
            out[2 * i] = rr[i] + s_ii * ii[i]; \
            out[2 * i + 1] = s_ri * ri[i] + s_ir * ir[i]; \
        } \
    }
COMBINE(float)
COMBINE(double)

static int complex_product(fc_ctx *ctx, product *p) {
    int64_t size = ctx->out[0].size;
    const char *a = p->a, *b = p->b;
    char *parts, *out = p->c;
    int wide = p->dtype == FC_COMPLEX128, rc;
    /* A library conjugates only what it transposes, and may have 32-bit integers. */
    p->blas = fc_blas_has(p->dtype) && !(p->shape.conj_a && p->shape.a_column == 1) &&
              !(p->shape.conj_b && p->shape.b_column == 1) && p->shape.m < INT32_MAX &&
              p->shape.n < INT32_MAX && p->shape.k < INT32_MAX;
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
    complex_parts c = {parts, parts + 3 * bytes, parts + bytes,  parts + 2 * bytes,
                       out,   p->shape.conj_a,   p->shape.conj_b};
    ctx->api->parallel_for(ctx, size, 16384, wide ? combine_double : combine_float, &c);
    return FC_OK;
}

/* ---- integers, which wrap around ------------------------------------------------------------- */

#define INTEGER_ROWS(T) \
    FC_CLONES static void rows_##T(void *arg, int64_t begin, int64_t end) { \
        const product *p = arg; \
        for (int64_t row = begin; row < end; row++) { \
            int64_t a_at, b_at; \
            batch_offsets(p, row / p->shape.m, &a_at, &b_at); \
            const T *a = (const T *)p->a + a_at + row % p->shape.m * p->shape.a_row, \
                    *b = (const T *)p->b + b_at; \
            T *c = (T *)p->c + row * p->shape.n; \
            memset(c, 0, (size_t)p->shape.n * sizeof(T)); \
            if (p->shape.b_column == 1) { \
                for (int64_t k = 0; k < p->shape.k; k++) { \
                    T x = a[k * p->shape.a_column]; \
                    const T *b_row = b + k * p->shape.b_row; \
                    for (int64_t j = 0; j < p->shape.n; j++) c[j] += x * b_row[j]; \
                } \
            } else { \
                for (int64_t j = 0; j < p->shape.n; j++) \
                    for (int64_t k = 0; k < p->shape.k; k++) \
                        c[j] += a[k * p->shape.a_column] * b[k * p->shape.b_row + j * p->shape.b_column]; \
            } \
        } \
    }
INTEGER_ROWS(uint32_t)
INTEGER_ROWS(uint64_t)

static int integer_product(fc_ctx *ctx, product *p) {
    /* no overflow: both operands are in memory, and n * k is the size of one */
    int64_t row_work = p->shape.n * p->shape.k;
    ctx->api->parallel_for(ctx, p->shape.count * p->shape.m,
                           row_work < SHARED_WORK / 4 ? SHARED_WORK / 4 / row_work : 1,
                           p->dtype == FC_INT32 ? rows_uint32_t : rows_uint64_t, p);
    return FC_OK;
}

/* A column is a row in memory: A^T x is computed as x^T A, which reads A along its rows. */
static void turn_column(fc_product *s, const fc_tensor **a, const fc_tensor **b) {
    const fc_tensor *first = *a;
    const int64_t a_row = s->a_row, a_column = s->a_column;
    const int conj_a = s->conj_a;
    *a = *b, *b = first;
    s->n = s->m, s->m = 1;
    s->a_row = s->b_column, s->a_column = s->b_row, s->conj_a = s->conj_b;
    s->b_row = a_column, s->b_column = a_row, s->conj_b = conj_a;
    for (int d = 0; d < s->n_batch; d++) {
        const int64_t step = s->a_batch[d];
        s->a_batch[d] = s->b_batch[d], s->b_batch[d] = step;
    }
}

/* ---- the ops --------------------------------------------------------------------------------- */

static int run(fc_ctx *ctx, product *p, const int64_t *shape) {
    const fc_tensor *a = ctx->in[0], *b = ctx->in[1];
    int rc = ctx->api->alloc(ctx, 0, a->dtype, p->shape.n_batch + 2, shape);
    if (rc || !ctx->out[0].size) return rc;
    if (p->shape.n == 1 && p->shape.m > 1 && p->shape.a_row == 1 && p->shape.a_column != 1)
        turn_column(&p->shape, &a, &b);
    p->dtype = a->dtype, p->a = fc_data(a), p->b = fc_data(b), p->c = fc_data(&ctx->out[0]);
    if (!p->shape.k) { /* an empty sum */
        memset(p->c, 0, (size_t)(ctx->out[0].size * fc_item_size(p->dtype)));
        return FC_OK;
    }
    switch (p->dtype) {
    case FC_FLOAT32:
    case FC_FLOAT64: return real_product(ctx, p);
    case FC_FLOAT16:
    case FC_BFLOAT16: return half_product(ctx, p, a, b);
    case FC_COMPLEX64:
    case FC_COMPLEX128: return complex_product(ctx, p);
    case FC_INT32:
    case FC_INT64: return integer_product(ctx, p);
    default: return ctx->api->fail(ctx, FC_UNIMPLEMENTED, "no matrix product for dtype number %d", p->dtype);
    }
}

int fc_matmul(fc_ctx *ctx) {
    product p;
    int64_t shape[2];
    memset(&p, 0, offsetof(product, shape));
    int rc = fc_matmul_shape(ctx, &p.shape, shape);
    return rc ? rc : run(ctx, &p, shape);
}

static int batch_matmul(fc_ctx *ctx, int broadcast) {
    product p;
    int64_t shape[FC_MAX_DIMS + 2];
    memset(&p, 0, offsetof(product, shape));
    int rc = fc_batch_matmul_shape(ctx, broadcast, &p.shape, shape);
    return rc ? rc : run(ctx, &p, shape);
}
int fc_batch_matmul(fc_ctx *ctx) { return batch_matmul(ctx, 0); }
int fc_batch_matmul_v2(fc_ctx *ctx) { return batch_matmul(ctx, 1); }
