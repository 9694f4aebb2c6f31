/* Writing out what a walk of many axes repeats. */
#include "flat.h"

/* Input i of the walk as a tensor of its `size` elements. */
static int write_out(fc_ctx *ctx, const fc_walk *walk, int i, int64_t size, ocl_flat *flat) {
    const fc_tensor *from = flat->in[i];
    fc_tensor *to = &flat->made[flat->count];
    const int64_t item = fc_item_size(from->dtype);
    int64_t step = item;
    fc_copy copy;
    *to = (fc_tensor){.dtype = from->dtype, .ndim = 1, .size = size, .sizes.here = {size}};
    int rc = ocl_buffer_new(ctx, to->dtype, size, &to->buffer);
    if (rc) return rc;
    flat->count++;
    flat->in[i] = to;
    copy.ndim = walk->ndim;
    copy.item = item;
    for (int d = walk->ndim - 1; d >= 0; d--) {
        copy.shape[d] = walk->shape[d], copy.dst[d] = step, copy.src[d] = walk->stride[i][d] * item;
        step *= walk->shape[d];
    }
    return ocl_move(ctx, &copy, to, 0, from, 0);
}

int ocl_flat_walk(fc_ctx *ctx, int n_in, const fc_tensor *const *in, int ndim, const int64_t *shape,
                  fc_walk *walk, ocl_flat *flat) {
    int rc = FC_OK;
    fc_walk_init(walk, n_in, in, ndim, shape);
    flat->count = 0;
    for (int i = 0; i < n_in; i++) flat->in[i] = in[i];
    if (walk->ndim <= OCL_WALK_AXES) return FC_OK;
    int64_t size = 1;
    for (int d = 0; d < walk->ndim; d++) size *= walk->shape[d];
    for (int i = 0; !rc && i < n_in; i++)
        if (in[i]->size != size && in[i]->size != 1) rc = write_out(ctx, walk, i, size, flat);
    walk->ndim = 1;
    walk->shape[0] = size;
    for (int i = 0; i < n_in; i++) walk->stride[i][0] = flat->in[i]->size == size;
    return rc;
}

void ocl_flat_end(ocl_flat *flat) {
    while (flat->count > 0) fc_release(flat->made[--flat->count].buffer);
}
