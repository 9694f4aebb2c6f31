/* The number types, for loops that are written once and expanded for each: X(NAME, T, C, LOAD, STORE), with
 * NAME as in FC_NAME, T the stored type, C that of the computation, LOAD and STORE between them. float16 and
 * bfloat16 are computed as float. Include <complex.h> before FC_NUMBER_TYPES is used. */
#ifndef FLOWCORE_KERNEL_TYPES_H
#define FLOWCORE_KERNEL_TYPES_H

#include "_float16.h"

#define FC_INTEGER_TYPES(X) \
    X(INT8, int8_t, int8_t, , ) \
    X(UINT8, uint8_t, uint8_t, , ) \
    X(INT16, int16_t, int16_t, , ) \
    X(UINT16, uint16_t, uint16_t, , ) \
    X(INT32, int32_t, int32_t, , ) \
    X(UINT32, uint32_t, uint32_t, , ) \
    X(INT64, int64_t, int64_t, , ) \
    X(UINT64, uint64_t, uint64_t, , )
#define FC_REAL_TYPES(X) \
    FC_INTEGER_TYPES(X) \
    X(FLOAT32, float, float, , ) \
    X(FLOAT64, double, double, , ) \
    X(FLOAT16, fc_half, float, fc_from_half, fc_to_half) \
    X(BFLOAT16, fc_bfloat16, float, fc_from_bfloat16, fc_to_bfloat16)
#define FC_COMPLEX_TYPES(X) \
    X(COMPLEX64, float complex, float complex, , ) \
    X(COMPLEX128, double complex, double complex, , )
#define FC_NUMBER_TYPES(X) FC_REAL_TYPES(X) FC_COMPLEX_TYPES(X)

#endif
