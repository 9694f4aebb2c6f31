/* Gathering and scattering rows. The indices come in host memory, where they have been checked. */
#include "rows.h"

#include <string.h>

int ocl_gather(fc_ctx *ctx, const fc_tensor *to, const fc_tensor *params, int index_dtype, int64_t n,
               const void *indices, int64_t outer, int64_t rows, int64_t inner) {
    const ocl_device *d = ocl_of(ctx);
    fc_tensor on_device;
    ocl_call call;
    int rc = ocl_upload(ctx, index_dtype, n, indices, &on_device);
    if (rc) return rc;
    rc = ocl_begin(&call, ctx, "gather", d->is_cpu ? "gather_rows" : "gather", "T=%s I=%s",
                   ocl_item_type(fc_item_size(to->dtype)), ocl_type(index_dtype));
    if (!rc) {
        ocl_tensor(&call, to);
        ocl_tensor(&call, params);
        ocl_tensor(&call, &on_device);
        ocl_long(&call, outer);
        ocl_long(&call, rows);
        ocl_long(&call, inner);
        ocl_long(&call, n);
        rc = d->is_cpu ? ocl_run_parts(&call, outer * n, inner) : ocl_run(&call, outer * n * inner);
    }
    fc_release(on_device.buffer);
    return rc;
}

/* Sorts `order`, n positions, by the row of each and leaves equal rows in their order: byte by byte, from the
 * lowest. The result is in either array. */
static int64_t *sort_by_row(const fc_tensor *indices, int64_t n, int64_t greatest, int64_t *order,
                            int64_t *spare) {
    for (int shift = 0; shift < 64 && greatest >> shift; shift += 8) {
        int64_t first[257] = {0};
        for (int64_t i = 0; i < n; i++) first[(fc_int_at(indices, order[i]) >> shift & 255) + 1]++;
        for (int k = 0; k < 256; k++) first[k + 1] += first[k];
        for (int64_t i = 0; i < n; i++)
            spare[first[fc_int_at(indices, order[i]) >> shift & 255]++] = order[i];
        int64_t *sorted = spare;
        spare = order;
        order = sorted;
    }
    return order;
}

int ocl_sort_rows(fc_ctx *ctx, const fc_tensor *indices, ocl_row_table *rows) {
    int64_t n = 0, greatest = 0, *order, *spare, *table;
    *rows = (ocl_row_table){0};
    int rc = ctx->api->scratch(ctx, (size_t)(indices->size + 1) * sizeof(int64_t), (void **)&order);
    if (!rc) rc = ctx->api->scratch(ctx, (size_t)(indices->size + 1) * sizeof(int64_t), (void **)&spare);
    if (!rc) rc = ctx->api->scratch(ctx, (size_t)(3 * indices->size + 1) * sizeof(int64_t), (void **)&table);
    if (rc) return rc;
    for (int64_t i = 0; i < indices->size; i++) {
        int64_t row = fc_int_at(indices, i);
        if (row < 0) continue;
        order[n++] = i;
        if (row > greatest) greatest = row;
    }
    order = sort_by_row(indices, n, greatest, order, spare);
    for (int64_t i = 0; i < n; i++)
        rows->count += i == 0 || fc_int_at(indices, order[i]) != fc_int_at(indices, order[i - 1]);
    if (!n) return FC_OK;
    int64_t *starts = table, *row = starts + rows->count + 1, u = 0;
    for (int64_t i = 0; i < n; i++) {
        int64_t at = fc_int_at(indices, order[i]);
        if (i && at == row[u - 1]) continue;
        starts[u] = i;
        row[u++] = at;
    }
    starts[u] = n;
    memcpy(row + u, order, (size_t)n * sizeof(int64_t));
    return ocl_upload(ctx, FC_INT64, 2 * u + 1 + n, table, &rows->table);
}

int ocl_scatter(fc_ctx *ctx, const char *op, const fc_tensor *to, const fc_tensor *from,
                const fc_tensor *indices, int64_t inner) {
    const ocl_device *d = ocl_of(ctx);
    ocl_row_table rows;
    ocl_call call;
    int rc = ocl_sort_rows(ctx, indices, &rows);
    if (rc || !rows.count) return rc;
    rc = ocl_begin(&call, ctx, "scatter", d->is_cpu ? "scatter_rows" : "scatter", "T=%s OP=%s",
                   ocl_type(to->dtype), op);
    if (!rc) {
        ocl_tensor(&call, to);
        ocl_tensor(&call, from);
        ocl_tensor(&call, &rows.table);
        ocl_long(&call, rows.count);
        ocl_long(&call, inner);
        ocl_long(&call, from->ndim ? inner : 0);
        ocl_long(&call, from->ndim != 0);
        rc = d->is_cpu ? ocl_run_parts(&call, rows.count, inner) : ocl_run(&call, rows.count * inner);
    }
    fc_release(rows.table.buffer);
    return rc;
}
