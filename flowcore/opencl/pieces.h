/* Into how many pieces an axis is cut that few work items would walk alone. */
#ifndef FLOWCORE_OPENCL_PIECES_H
#define FLOWCORE_OPENCL_PIECES_H

#include "../kernels/reduce/axes.h"
#include "device.h"

/* How many neighbouring columns a group of a GPU reduces together: a power of two. */
static inline int64_t ocl_columns(const fc_run *run) {
    int64_t width = 1;
    while (width < 32 && width < run->inner) width *= 2;
    return width;
}

/* Few long reductions keep a device busy only in pieces, whose results are reduced again: the length of one.
 * `cost`: of an element, beside one that is read and added. */
static inline int64_t ocl_piece(const ocl_device *d, const fc_run *run, int64_t cost) {
    int64_t width = run->inner < 64 ? run->inner : 64;
    int64_t together = d->is_cpu ? 64 : ocl_columns(run),
            side_by_side = run->outer * ((run->inner + together - 1) / together);
    int64_t wanted = d->units * (d->is_cpu || run->inner > 1 ? 4 : 8) / side_by_side;
    int64_t worth = run->reduced * (d->is_cpu ? cost : 1) /
                    (d->is_cpu         ? 16384 / width
                     : run->inner == 1 ? 4096
                                       : 256);
    int64_t pieces = wanted < worth ? wanted : worth;
    return pieces > 1 ? (run->reduced + pieces - 1) / pieces : run->reduced;
}

/* How many, none of them empty but that of an empty axis. */
static inline int64_t ocl_pieces(const fc_run *run, int64_t piece) {
    return run->reduced ? (run->reduced + piece - 1) / piece : 1;
}

/* The arguments that all kernels of reductions begin with. */
static inline void ocl_reduction(ocl_call *call, const fc_tensor *out, const fc_tensor *in, const fc_run *run,
                                 int64_t piece, int64_t pieces, int64_t count) {
    ocl_tensor(call, out);
    ocl_tensor(call, in);
    ocl_long(call, run->outer);
    ocl_long(call, run->reduced);
    ocl_long(call, run->inner);
    ocl_long(call, piece);
    ocl_long(call, pieces);
    ocl_long(call, count);
}

/* `out` = `in` reduced by `op`, "Sum", "Prod", "Max", "Min", "All" or "Any", and with `divide` divided by
 * `count`: in one launch, or two (reduce.c). */
int ocl_reduce_run(fc_ctx *ctx, const char *op, int divide, int64_t count, const fc_tensor *out,
                   const fc_tensor *in, const fc_run *run);
/* Fills out[0] by the mean of in[0], of integers, over the runs of `r` (integer_mean.c). */
int ocl_integer_mean(fc_ctx *ctx, const fc_reduction *r);

#endif
