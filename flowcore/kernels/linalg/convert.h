/* Whole tensors between stored and computed floating types: 16-bit floats are computed as float32. */
#ifndef FLOWCORE_CONVERT_H
#define FLOWCORE_CONVERT_H

#include "../../_kernel.h"

/* *data becomes t's elements in the computed type: t's own memory for float32 and float64, a scratch copy for
 * 16-bit floats. */
int fc_widen(fc_ctx *ctx, const fc_tensor *t, void **data);
/* `size` computed elements into `to`, of type `dtype`. */
void fc_narrow(fc_ctx *ctx, int dtype, const void *from, int64_t size, void *to);

static inline int fc_computed_type(int dtype) { return dtype == FC_FLOAT64 ? FC_FLOAT64 : FC_FLOAT32; }

#endif
