/* What the elementwise kernels share: loop types and the drivers that walk tensors with them. Included by this unit only. */
#ifndef FLOWCORE_ELEMENTWISE_LOOPS_H
#define FLOWCORE_ELEMENTWISE_LOOPS_H

#include "../../_kernel.h"
#include "../_walk.h"

/* out[i] = f(x[i]) */
typedef void (*fc_unary_loop)(void *out, const void *x, int64_t n);
/* out[i] = f(x[i * sx], y[i * sy]), strides in elements, usually 0 or 1 */
typedef void (*fc_binary_loop)(void *out, const void *x, const void *y, int64_t n, int64_t sx, int64_t sy);
/* whether some y[i] is refused */
typedef int (*fc_check_loop)(const void *y, int64_t n);

/* Elements that are worth handing to another thread. */
#define FC_GRAIN 32768

/* Kernels around a loop per dtype; out_dtype 0: the inputs' own. */
int fc_unary(fc_ctx *ctx, const fc_unary_loop *loops, int out_dtype);
int fc_binary(fc_ctx *ctx, const fc_binary_loop *loops, int out_dtype);

#endif
