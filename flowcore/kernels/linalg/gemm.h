/* The matrix product that everything dense in this unit is made of: plain and batched products, and all
 * convolutions. Owns: the description of a product (fc_block) and the tables of register-blocked kernels that
 * compute it. Must never include Python.h.
 *
 *     C[i][j] (+)= sum over runs r, over t < r.length of
 *                  A[i][r.a + t * a_step] * B[r.b + t * b_step + j * b_column]
 *
 * Row i of A is a pointer of its own, and the inner dimension is a list of runs. So a row may be a row or a
 * column of a matrix, or the pixels under a filter in an image: a convolution reads its image in place, and
 * there is no im2col buffer. Only B is copied, a block at a time, into panels as wide as two vectors that
 * stay in the first-level cache; or once for several products (fc_gemm.pack). */
#ifndef FLOWCORE_GEMM_H
#define FLOWCORE_GEMM_H

#include "../../_kernel.h"

/* Offsets in elements, from A's row pointers and from B's base (of a packed B: the number of its inner row).
 */
typedef struct {
    int64_t a, b, length;
} fc_run;

/* Pointers are to float or double: the table says which. */
typedef struct {
    const void *const *a; /* m row pointers */
    const void *b;
    void *const *c; /* m row pointers; column j is element j */
    const fc_run *runs;
    int64_t n_runs, a_step, b_step, b_column;
    /* inner rows of a packed B, whose steps do not count then; 0: B is as it is */
    int64_t packed;
    int64_t m, n;
    int accumulate; /* adds to what C holds; otherwise C needs no initial value */
} fc_block;

/* Few columns whose inner dimension is contiguous on both sides are computed as dot products, without
 * packing. */
#define FC_NARROW 4
static inline int fc_is_narrow(const fc_block *g) {
    return g->n <= FC_NARROW && !g->packed && g->a_step == 1 && g->b_step == 1;
}

/* Kernels of one element type for one instruction set. `work` is 64-byte aligned and as large as
 * fc_gemm_work says for a product of that inner length and so many columns. */
typedef struct {
    const char *name;
    int64_t max_rows, vector; /* register tile: rows, elements of a vector (it is two vectors wide) */
    void (*block)(const fc_block *, void *work); /* a packed B needs no work space */
    /* Packs `length` inner rows of B, which are rows from `row` on of `total`, all `columns`; see
     * fc_packed_size. */
    void (*pack)(const void *b, int64_t b_step, int64_t b_column, int64_t row, int64_t length, int64_t total,
                 int64_t columns, void *to);
} fc_gemm;

static inline int64_t fc_packed_size(int64_t total, int64_t columns) {
    return total * ((columns + 31) / 32 * 32);
}

/* Inner length of a packed block, and the columns packed at once. */
#define FC_GEMM_INNER 384
#define FC_GEMM_COLUMNS 256
#define FC_GEMM_RUNS 64 /* at most so many runs in a packed block */
static inline size_t fc_gemm_work(int64_t inner, int64_t columns, size_t item) {
    if (inner > FC_GEMM_INNER) inner = FC_GEMM_INNER;
    if (columns > FC_GEMM_COLUMNS) columns = FC_GEMM_COLUMNS;
    return (size_t)inner * (size_t)((columns + 31) / 32 * 32) * item + 64;
}

/* The fastest table that this machine runs; FLOWCORE_SIMD=baseline or avx2 asks for a lesser one. */
const fc_gemm *fc_gemm_float32(void), *fc_gemm_float64(void);

#endif
