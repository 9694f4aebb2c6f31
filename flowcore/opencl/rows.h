/* Rows by index, for the launchers that gather and scatter them. */
#ifndef FLOWCORE_OPENCL_ROWS_H
#define FLOWCORE_OPENCL_ROWS_H

#include "device.h"

/* to[o, i, :] = params[o, indices[i], :] for params [outer, rows, inner]; the n indices, int32 or int64, are
 * in host memory and in range. Nothing is empty. */
int ocl_gather(fc_ctx *ctx, const fc_tensor *to, const fc_tensor *params, int index_dtype, int64_t n,
               const void *indices, int64_t outer, int64_t rows, int64_t inner);

/* Which rows change, and by which, for kernels that go through repeated rows in their order: see scatter.cl.
 */
typedef struct {
    int64_t count; /* distinct rows; with none there is no table */
    fc_tensor table;
} ocl_row_table;

/* From indices in host memory, negative ones left out. Release the table's buffer after enqueueing. */
int ocl_sort_rows(fc_ctx *ctx, const fc_tensor *indices, ocl_row_table *rows);

/* Row indices[i] of `to` changes by row i of `from`, or by the one element of a scalar. `op` as in
 * scatter.cl. Neither is empty. */
int ocl_scatter(fc_ctx *ctx, const char *op, const fc_tensor *to, const fc_tensor *from,
                const fc_tensor *indices, int64_t inner);

#endif
