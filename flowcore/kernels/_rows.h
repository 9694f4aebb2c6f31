/* Indices of rows, in host memory: for kernels of any device. */
#ifndef FLOWCORE_KERNEL_ROWS_H
#define FLOWCORE_KERNEL_ROWS_H

#include "../_kernel.h"

/* FC_OK where every index is in [0, rows). */
static inline int fc_check_rows(fc_ctx *ctx, const fc_tensor *indices, int64_t rows) {
    for (int64_t i = 0; i < indices->size; i++) {
        int64_t row = fc_int_at(indices, i);
        if (row < 0 || row >= rows)
            return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "indices[%lld] = %lld is not in [0, %lld)",
                                  (long long)i, (long long)row, (long long)rows);
    }
    return FC_OK;
}

#endif
