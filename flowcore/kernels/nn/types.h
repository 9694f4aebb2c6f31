/* The floating types of this unit's kernels, for which _each_type.h includes their templates. Owns: the
 * choice by dtype and small checks that several kernels share. */
#ifndef FLOWCORE_NN_TYPES_H
#define FLOWCORE_NN_TYPES_H

#include <float.h>
#include <math.h>
#include <string.h>

#include "../../_kernel.h"
#include "../_functions.h"

#define FC_FLOATS "float16,bfloat16,float32,float64"

/* Picks the instance of `name` for a runtime dtype; NULL for a dtype without one. */
#define FC_BY_FLOAT(dtype, name) \
    ((dtype) == FC_FLOAT32    ? name##_FLOAT32 \
     : (dtype) == FC_FLOAT64  ? name##_FLOAT64 \
     : (dtype) == FC_FLOAT16  ? name##_FLOAT16 \
     : (dtype) == FC_BFLOAT16 ? name##_BFLOAT16 \
                              : NULL)

/* FC_OK, or a report: what FC_BY_FLOAT has no instance for is refused before anything is made. */
static inline int fc_expect_float(fc_ctx *ctx, int dtype) {
    if (dtype == FC_FLOAT32 || dtype == FC_FLOAT64 || dtype == FC_FLOAT16 || dtype == FC_BFLOAT16)
        return FC_OK;
    return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "expected a floating-point dtype, found %s",
                          fc_dtype_name(dtype));
}

/* Elements that one piece of a parallel loop should hold to be worth a hand-over to another thread. */
#define FC_PIECE 16384

static inline int64_t fc_rows_per_piece(int64_t row_cost) {
    return row_cost >= FC_PIECE ? 1 : FC_PIECE / (row_cost > 0 ? row_cost : 1);
}

#endif
