/* Inputs that are broadcast along more axes than a kernel knows: written out first. */
#ifndef FLOWCORE_OPENCL_FLAT_H
#define FLOWCORE_OPENCL_FLAT_H

#include "../kernels/_walk.h"
#include "device.h"

/* Axes of a walk that kernels know: fc_axes of prelude.cl. A fused kernel, too, whose axes are arguments,
 * takes no more: eight inputs along eight axes are 720 of the 1,024 bytes that every device has for
 * arguments. */
#define OCL_WALK_AXES 8

typedef struct {
    const fc_tensor *in[FC_MAX_INPUTS]; /* what the kernel reads in place of the inputs */
    fc_tensor made[FC_MAX_INPUTS];
    int count;
} ocl_flat;

/* A walk over the inputs `in` to a result of this shape. Where it has more axes than a kernel knows, what it
 * repeats is written out, in memory of its own, and it becomes one of a single axis. `ocl_flat_end` comes
 * after the kernel was enqueued, or this failed. */
int ocl_flat_walk(fc_ctx *ctx, int n_in, const fc_tensor *const *in, int ndim, const int64_t *shape,
                  fc_walk *walk, ocl_flat *flat);
void ocl_flat_end(ocl_flat *flat);

#endif
