/* Matrix products on an OpenCL device; see gemm.cl for what the numbers mean. */
#ifndef FLOWCORE_OPENCL_GEMM_H
#define FLOWCORE_OPENCL_GEMM_H

#include "device.h"

/* As in gemm.cl. A row's number and k are up to three indices, outermost first, of which the two inner ones
 * have sizes here. */
typedef struct {
    int64_t m, n, k;
    int64_t row_size[2], row_stride[3];
    int64_t k_size[2], k_stride[3];
    int64_t b_k, b_column;
    int64_t c_row[3], c_column;
    int64_t count, a_batch, b_batch, c_batch;
    int64_t chunks, c_chunk;
} ocl_gemm;

/* c = a b. Fill all but chunks and c_chunk; m, n, k and count are not zero. */
int ocl_multiply(fc_ctx *ctx, const fc_tensor *c, const fc_tensor *a, const fc_tensor *b, ocl_gemm g);

#endif
