/* The device's own copy and fill: what transposes, slices, concatenations and their like are made of
 * (FC_BY_COPY). */
#include <string.h>

#include "device.h"

#define COPY_AXES 16 /* that a kernel knows */

typedef struct {
    int64_t ndim, shape[COPY_AXES], divisor[COPY_AXES], dst[COPY_AXES], src[COPY_AXES];
} copy_axes; /* that of copy.cl */

const char *ocl_item_type(int64_t item) {
    return item == 1   ? "uint8"
           : item == 2 ? "uint16"
           : item == 4 ? "uint32"
           : item == 8 ? "uint64"
                       : "item16";
}

#define TILE 16 /* of copy.cl */

/* The side of what a group of a GPU turns round in local memory: two lines of most caches. */
static int64_t square_of(const ocl_device *d, int64_t item) {
    return 32 * 33 * item <= d->local_memory ? 32 : 16;
}

/* Moves the axis along which the source is dense to the second place. False where there is none, or a short
 * one. */
static int bring_second(copy_axes *axes) {
    int64_t *rows[] = {axes->shape, axes->dst, axes->src};
    for (int64_t d = 1; d < axes->ndim; d++) {
        if (axes->src[d] != 1 || axes->shape[d] < 8) continue;
        for (int i = 0; i < 3; i++) {
            int64_t moved = rows[i][d];
            memmove(rows[i] + 2, rows[i] + 1, (size_t)(d - 1) * sizeof moved);
            rows[i][1] = moved;
        }
        return 1;
    }
    return 0;
}

/* More axes than a kernel knows: a launch for each element of the outermost ones. */
static int move_parts(fc_ctx *ctx, const fc_copy *copy, const fc_tensor *dst, int64_t dst_offset,
                      const fc_tensor *src, int64_t src_offset) {
    const int outer = copy->ndim - COPY_AXES;
    const size_t bytes = COPY_AXES * sizeof(int64_t);
    int rc = FC_OK;
    int64_t parts = 1;
    fc_copy part;
    part.ndim = COPY_AXES;
    part.item = copy->item;
    memcpy(part.shape, copy->shape + outer, bytes);
    memcpy(part.dst, copy->dst + outer, bytes);
    memcpy(part.src, copy->src + outer, bytes);
    for (int d = 0; d < outer; d++) parts *= copy->shape[d];
    for (int64_t i = 0; !rc && i < parts; i++) {
        int64_t rest = i, to = dst_offset, from = src_offset;
        for (int d = outer - 1; d >= 0; d--) {
            to += rest % copy->shape[d] * copy->dst[d];
            from += rest % copy->shape[d] * copy->src[d];
            rest /= copy->shape[d];
        }
        rc = ocl_move(ctx, &part, dst, to, src, from);
    }
    return rc;
}

int ocl_move(fc_ctx *ctx, const fc_copy *copy, const fc_tensor *dst, int64_t dst_offset, const fc_tensor *src,
             int64_t src_offset) {
    if (copy->ndim > COPY_AXES) return move_parts(ctx, copy, dst, dst_offset, src, src_offset);
    int64_t n = 1;
    copy_axes axes = {.ndim = 0};
    /* from the innermost on; axes that continue one another become one */
    for (int d = copy->ndim - 1; d >= 0; d--) {
        int64_t size = copy->shape[d], to = copy->dst[d] / copy->item, from = copy->src[d] / copy->item,
                last = axes.ndim - 1;
        n *= size;
        if (size == 1 && copy->ndim > 1) continue;
        if (axes.ndim && to == axes.dst[last] * axes.shape[last] &&
            from == axes.src[last] * axes.shape[last]) {
            axes.shape[last] *= size;
            continue;
        }
        last = axes.ndim++;
        axes.shape[last] = size, axes.dst[last] = to, axes.src[last] = from;
    }
    if (!n) return FC_OK;
    if (!axes.ndim) axes = (copy_axes){.ndim = 1, .shape = {1}, .dst = {1}, .src = {1}};
    int64_t inner = axes.shape[0];
    if (axes.ndim == 1 && axes.dst[0] == 1 && axes.src[0] == 1)
        return ocl_copy(ctx, src, src_offset, dst, dst_offset, n * copy->item);
    int on_cpu = ocl_of(ctx)->is_cpu,
        turns = axes.ndim > 1 && inner >= 8 && axes.src[0] != 1 && bring_second(&axes);
    const char *kernel = "copy";
    int64_t items = n, groups = 0, square = square_of(ocl_of(ctx), copy->item);
    if (turns) { /* the two innermost axes change places */
        int64_t side = on_cpu ? TILE : square, rows = axes.shape[1],
                outer = n / inner / rows * ((rows + side - 1) / side);
        kernel = on_cpu ? "copy_tiles" : "copy_squares";
        items = on_cpu ? outer : (groups = outer * ((inner + side - 1) / side));
    } else if (on_cpu && axes.ndim > 1 && inner >= 4) {
        kernel = "copy_runs";
        items = n / inner;
    }
    ocl_call call;
    int rc = groups ? ocl_begin(&call, ctx, "copy", kernel, "T=%s SQUARE=%d", ocl_item_type(copy->item),
                                (int)square)
                    : ocl_begin(&call, ctx, "copy", kernel, "T=%s", ocl_item_type(copy->item));
    if (rc) return rc;
    for (int d = 0; d < axes.ndim; d++) axes.divisor[d] = ocl_divisor(axes.shape[d], n);
    fc_tensor to = *dst, from = *src;
    to.offset += dst_offset;
    from.offset += src_offset;
    ocl_tensor(&call, &to);
    ocl_tensor(&call, &from);
    ocl_long(&call, items);
    ocl_bytes(&call, &axes, sizeof axes);
    if (groups) return ocl_run_squares(&call, groups, square * square / 4);
    return items < n ? ocl_run_parts(&call, items, n / items) : ocl_run(&call, n);
}

int ocl_fill(fc_ctx *ctx, const fc_tensor *dst, const fc_tensor *value, const void *pattern) {
    int64_t item = fc_item_size(dst->dtype);
    ocl_call call;
    if (!dst->size) return FC_OK;
    int rc = ocl_begin(&call, ctx, "copy", value ? "fill" : "fill_pattern", "T=%s", ocl_item_type(item));
    if (rc) return rc;
    ocl_tensor(&call, dst);
    if (value) ocl_tensor(&call, value);
    else ocl_bytes(&call, pattern, (size_t)item);
    ocl_long(&call, dst->size);
    return ocl_run_parts(&call, dst->size, 1);
}
