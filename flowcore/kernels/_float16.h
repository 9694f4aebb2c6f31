/* float16 and bfloat16 as stored values: conversions to and from float, branch-free so that loops over them
 * vectorise. Every kernel computes such types in float and rounds once, to nearest even, when it stores. */
#ifndef FLOWCORE_FLOAT16_H
#define FLOWCORE_FLOAT16_H

#include <stdint.h>
#include <string.h>

typedef struct {
    uint16_t bits;
} fc_half;
typedef struct {
    uint16_t bits;
} fc_bfloat16;

static inline uint32_t fc_float_bits(float f) {
    uint32_t u;
    memcpy(&u, &f, 4);
    return u;
}
static inline float fc_bits_float(uint32_t u) {
    float f;
    memcpy(&f, &u, 4);
    return f;
}

static inline float fc_from_half(fc_half h) {
    uint32_t magnitude = (uint32_t)(h.bits & 0x7fffu);
    /* Shifted into place, the exponent is 112 too small; the product mends it, for subnormals too. */
    uint32_t u = fc_float_bits(fc_bits_float(magnitude << 13) * 0x1p112f);
    u |= magnitude >= 0x7c00u ? 0x7f800000u : 0u; /* Inf and NaN */
    return fc_bits_float(u | (uint32_t)(h.bits & 0x8000u) << 16);
}
static inline fc_half fc_to_half(float f) {
    uint32_t u = fc_float_bits(f), sign = u >> 16 & 0x8000u, a = u & 0x7fffffffu;
    /* Below 2^-14: adding 0.5 lets the adder itself round to a multiple of 2^-24, the subnormal step. */
    uint32_t small = fc_float_bits(fc_bits_float(a) + 0.5f) - 0x3f000000u;
    /* overflows to Inf by itself below 2^16 */
    uint32_t normal = (a - 0x38000000u + 0xfffu + (a >> 13 & 1u)) >> 13;
    uint32_t special = a > 0x7f800000u ? 0x7e00u : 0x7c00u;
    fc_half h = {(uint16_t)(sign | (a < 0x38800000u ? small : a < 0x47800000u ? normal : special))};
    return h;
}

static inline float fc_from_bfloat16(fc_bfloat16 b) { return fc_bits_float((uint32_t)b.bits << 16); }
static inline fc_bfloat16 fc_to_bfloat16(float f) {
    uint32_t u = fc_float_bits(f);
    uint32_t rounded = (u + 0x7fffu + (u >> 16 & 1u)) >> 16;
    fc_bfloat16 b = {(uint16_t)((u & 0x7fffffffu) > 0x7f800000u ? 0x7fc0u : rounded)};
    return b;
}

#endif
