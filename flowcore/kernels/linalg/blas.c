/* See blas.h: calls through the CBLAS interface, with 32 or 64-bit integers. */
#include "blas.h"

#include "../../_kernel.h"

enum { ROW_MAJOR = 101, PLAIN = 111, TRANSPOSED = 112, CONJUGATED = 113 };

static struct {
    void *gemm[4];
    int wide;
} blas; /* set once, at import, before any kernel runs */

void fc_blas_set(void *const gemm[4], int wide) {
    for (int i = 0; i < 4; i++) blas.gemm[i] = gemm[i];
    blas.wide = wide;
}

static void *gemm_of(int dtype) {
    switch (dtype) {
    case FC_FLOAT32: return blas.gemm[0];
    case FC_FLOAT64: return blas.gemm[1];
    case FC_COMPLEX64: return blas.gemm[2];
    case FC_COMPLEX128: return blas.gemm[3];
    default: return NULL;
    }
}
int fc_blas_has(int dtype) { return gemm_of(dtype) != NULL; }

#define CALL(I, S, alpha, beta) \
    ((void (*)(int, int, int, I, I, I, S, const void *, I, const void *, I, S, void *, I))gemm)( \
        ROW_MAJOR, op_a, op_b, (I)m, (I)n, (I)k, alpha, a.data, (I)lda, b.data, (I)ldb, beta, c, (I)c_row)
#define CALL_BY_TYPE(I) \
    (dtype == FC_FLOAT32     ? CALL(I, float, 1.0f, 0.0f) \
     : dtype == FC_FLOAT64   ? CALL(I, double, 1.0, 0.0) \
     : dtype == FC_COMPLEX64 ? CALL(I, const void *, one_float, zero) \
                             : CALL(I, const void *, one_double, zero))

int fc_blas_gemm(int dtype, int64_t m, int64_t n, int64_t k, fc_matrix a, int conj_a, fc_matrix b, int conj_b,
                 void *c, int64_t c_row) {
    static const float one_float[2] = {1, 0};
    static const double one_double[2] = {1, 0}, zero[2] = {0, 0};
    void *gemm = gemm_of(dtype);
    int64_t lda = a.column == 1 ? a.row : a.column, ldb = b.column == 1 ? b.row : b.column;
    /* A library may insist on a stride no less than the row, also where there is one row only. */
    if (lda < (a.column == 1 ? k : m)) lda = a.column == 1 ? k : m;
    if (ldb < (b.column == 1 ? n : k)) ldb = b.column == 1 ? n : k;
    if (!gemm || (a.column != 1 && a.row != 1) || (b.column != 1 && b.row != 1)) return 0;
    if (!blas.wide && (m > INT32_MAX || n > INT32_MAX || k > INT32_MAX || lda > INT32_MAX ||
                       ldb > INT32_MAX || c_row > INT32_MAX))
        return 0;
    int op_a = a.column == 1 ? PLAIN : conj_a ? CONJUGATED : TRANSPOSED;
    int op_b = b.column == 1 ? PLAIN : conj_b ? CONJUGATED : TRANSPOSED;
    if ((conj_a && op_a == PLAIN) || (conj_b && op_b == PLAIN)) return 0;
    if (blas.wide) CALL_BY_TYPE(int64_t);
    else CALL_BY_TYPE(int32_t);
    return 1;
}
