/* The register-blocked kernels of gemm.h, once per element type and instruction set, and the choice between
 * them. */
#include "gemm.h"

#include <stdlib.h>
#include <string.h>

#define FC_PASTE_(a, b, c) a##_##b##_##c
#define FC_PASTE(a, b, c) FC_PASTE_(a, b, c)

#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

#if defined(__x86_64__)
#include <immintrin.h>

#define ISA avx512
#define TARGET __attribute__((target("avx512f,avx512dq,avx512vl,avx512bw,avx2,fma")))
#define MAX_ROWS 14
#define T float
#define LANE int32_t
#define VL 16
#define FMA(a, b, c) ((vec)_mm512_fmadd_ps((__m512)(a), (__m512)(b), (__m512)(c)))
#include "gemm_tile.h"
#define T double
#define LANE int64_t
#define VL 8
#define FMA(a, b, c) ((vec)_mm512_fmadd_pd((__m512d)(a), (__m512d)(b), (__m512d)(c)))
#include "gemm_tile.h"
#undef ISA
#undef TARGET
#undef MAX_ROWS

#define ISA avx2
#define TARGET __attribute__((target("avx2,fma")))
#define MAX_ROWS 6
#define T float
#define LANE int32_t
#define VL 8
#define FMA(a, b, c) ((vec)_mm256_fmadd_ps((__m256)(a), (__m256)(b), (__m256)(c)))
#include "gemm_tile.h"
#define T double
#define LANE int64_t
#define VL 4
#define FMA(a, b, c) ((vec)_mm256_fmadd_pd((__m256d)(a), (__m256d)(b), (__m256d)(c)))
#include "gemm_tile.h"
#undef ISA
#undef TARGET
#undef MAX_ROWS
#endif

#define TARGET
#if defined(__aarch64__)
#include <arm_neon.h>
#define ISA neon
#define LAST(type) gemm_neon_##type
#define MAX_ROWS 14
#define FMA_FLOAT(a, b, c) ((vec)vfmaq_f32((float32x4_t)(c), (float32x4_t)(a), (float32x4_t)(b)))
#define FMA_DOUBLE(a, b, c) ((vec)vfmaq_f64((float64x2_t)(c), (float64x2_t)(a), (float64x2_t)(b)))
#else
#define ISA baseline
#define LAST(type) gemm_baseline_##type
#define MAX_ROWS 6
#define FMA_FLOAT(a, b, c) ((a) * (b) + (c))
#define FMA_DOUBLE FMA_FLOAT
#endif
#define T float
#define LANE int32_t
#define VL 4
#define FMA FMA_FLOAT
#include "gemm_tile.h"
#define T double
#define LANE int64_t
#define VL 2
#define FMA FMA_DOUBLE
#include "gemm_tile.h"

#if defined(__x86_64__)
/* 0: baseline, 1: AVX2 with FMA, 2: AVX-512. */
static int level(void) {
    static int chosen = -1; /* several threads may choose at once: they choose the same */
    int found = __atomic_load_n(&chosen, __ATOMIC_RELAXED);
    if (found >= 0) return found;
    const char *asked = getenv("FLOWCORE_SIMD");
    int most = !asked || !*asked ? 2 : !strcmp(asked, "baseline") ? 0 : !strcmp(asked, "avx2") ? 1 : 2;
    __builtin_cpu_init();
    found = most >= 1 && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    if (most >= 2 && found && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw"))
        found = 2;
    __atomic_store_n(&chosen, found, __ATOMIC_RELAXED);
    return found;
}
#define CHOOSE(type) \
    if (level() == 2) return &gemm_avx512_##type; \
    if (level() == 1) return &gemm_avx2_##type;
#else
#define CHOOSE(type)
#endif

const fc_gemm *fc_gemm_float32(void) {
    CHOOSE(float)
    return &LAST(float);
}
const fc_gemm *fc_gemm_float64(void) {
    CHOOSE(double)
    return &LAST(double);
}
