/* An external BLAS, where flowcore/kernels/blas.py has loaded one: matrix products only. All pointers NULL:
 * our own kernels. */
#ifndef FLOWCORE_BLAS_H
#define FLOWCORE_BLAS_H

#include <stdint.h>

/* One operand's element (i, j) is at i * row + j * column; one of the two is 1. */
typedef struct {
    const void *data;
    int64_t row, column;
} fc_matrix;

/* C (m x n, rows c_row apart) = A B, either of them conjugated when asked (only where it is also transposed:
 * column != 1). Returns 0 when there is no BLAS for the type or the sizes exceed its integers, and has done
 * nothing then. */
int fc_blas_gemm(int dtype, int64_t m, int64_t n, int64_t k, fc_matrix a, int conj_a, fc_matrix b, int conj_b,
                 void *c, int64_t c_row);
int fc_blas_has(int dtype);

/* In the order float32, float64, complex64, complex128; `wide`: the library's integers have 64 bits. */
void fc_blas_set(void *const gemm[4], int wide);

#endif
