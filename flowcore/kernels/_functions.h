/* opencl_kernels/functions.def for the C compiler: fc_exp_f, fc_sin_f, fc_pow_f ... */
#ifndef FLOWCORE_FUNCTIONS_H
#define FLOWCORE_FUNCTIONS_H

#include <math.h>

#include "_float16.h"

/* Always: a function that stays a call is compiled for the least processor, and no loop around it vectorises.
 */
#define FC_INLINE static inline __attribute__((always_inline))
#define FC_GO_ON(i, most, more) ((i) < (most))
#define I32 int32_t
#define U32 uint32_t
#define U64 uint64_t
#define AS_FLOAT fc_bits_float
#define AS_UINT fc_float_bits
#define FC_FMAF __builtin_fmaf
#define FC_RINTF rintf
#define FC_FABSF fabsf
#define FC_SQRTF sqrtf
#define F_INF INFINITY
#include "../../opencl_kernels/functions.def"

#endif
