/* What every program begins with. Before it stand the element types that its build options name: T, T_C,
 * LOAD_T, STORE_T (flowcore/opencl/formulas.py). */
#pragma OPENCL FP_CONTRACT OFF

/* bfloat16 is the upper half of a float; rounding to the nearest, ties to even, NaN kept. */
static inline float fc_from_bfloat16(ushort h) { return as_float((uint)h << 16); }
static inline ushort fc_to_bfloat16(float x) {
    uint u = as_uint(x);
    return x != x ? (ushort)((u >> 16) | 64u) : (ushort)((u + 0x7fffu + (u >> 16 & 1u)) >> 16);
}
/* A float rounded to what float16 holds, as storing and loading it would, but in vectors where the compiler
 * makes them. */
static inline float fc_as_float16(float x) {
    uint u = as_uint(x), sign = u & 0x80000000u, size = u & 0x7fffffffu;
    uint normal = (size + 0xfffu + (size >> 13 & 1u)) & ~0x1fffu;
    normal = normal >= 0x47800000u ? 0x7f800000u : normal;
    /* below 2^-14 float16 has steps of 2^-24, as floats have from 0.5 on */
    uint small = as_uint((as_float(size) + 0.5f) - 0.5f);
    uint kept = size > 0x7f800000u ? size | 0x400000u : size < 0x38800000u ? small : normal;
    return as_float(sign | kept);
}

#define FC_INLINE static inline
#define FC_GO_ON(i, most, more) ((i) == 0 || (more))
#define I32 int
#define U32 uint
#define U64 ulong
#define AS_FLOAT as_float
#define AS_UINT as_uint
#if defined(FC_WIDE_ITEMS) && defined(__FMA__)
/* Where the compiler makes vectors of loops, a built-in that stays a call is all that keeps it from it
 * (measured: 30 times the time of an exponential). So these are spelt out; the product and the sum become one
 * instruction. Rounding is that of rint, but for the sign of zero. */
static inline float fc_fmaf(float x, float y, float z) {
#pragma OPENCL FP_CONTRACT ON
    return x * y + z;
}
static inline float fc_rintf(float x) {
    return x > -4194304.0f && x < 4194304.0f ? (x + 12582912.0f) - 12582912.0f : x;
}
static inline float fc_fabsf(float x) { return as_float(as_uint(x) & 0x7fffffffu); }
#define FC_FMAF fc_fmaf
#define FC_RINTF fc_rintf
#define FC_FABSF fc_fabsf
#else
#define FC_FMAF fma
#define FC_RINTF rint
#define FC_FABSF fabs
#endif
#define FC_SQRTF sqrt
#define F_INF INFINITY
#define F_INFINITY INFINITY

/* x / y, where `by` is ocl_divisor(y) of device.h: a GPU, which has no division of integers, multiplies where
 * the numbers are small. */
static inline size_t fc_quotient(size_t x, long y, long by) {
    return by ? (size_t)((mul_hi((uint)x, (uint)by) + (uint)x) >> (uint)(by >> 32)) : x / (size_t)y;
}

/* Axes of a walk and how far one step along each leads in up to three inputs. The innermost axis comes first.
 * Loops over axes are to be unrolled: a GPU's compiler copies a struct that it cannot take apart to each
 * item's own memory (NVIDIA's: half of the speed and less). */
typedef struct {
    long ndim;
    long shape[8], divisor[8];
    long stride[3][8];
} fc_axes;

/* STEP for each of `axes`, an fc_axes or its like of up to `most`, from `first` on, where element `i` of
 * these is the k-th along axis d. */
#define FOR_AXES(i, first, most, STEP) \
    { \
        size_t rest = (i); \
        _Pragma("unroll") for (int d = (first); d < (most); d++) { \
            if (d >= axes.ndim) break; \
            const size_t outer = fc_quotient(rest, axes.shape[d], axes.divisor[d]), \
                         k = rest - outer * (size_t)axes.shape[d]; \
            rest = outer; \
            STEP \
        } \
    }

/* A loop over elements in contiguous parts, one for each item of the grid: for long steps, where neighbouring
 * ones share what they read or write. */
static inline size_t fc_part(size_t n, size_t item) {
    return min(n, (n + get_global_size(0) - 1) / get_global_size(0) * item);
}
#define FOR_PART(i, n) \
    for (size_t i = fc_part((size_t)(n), get_global_id(0)), \
                i##_end = fc_part((size_t)(n), get_global_id(0) + 1); \
         i < i##_end; i++)

/* Every other loop over elements; any global size is right. Neighbouring items take neighbouring elements and
 * stride over the grid, where the compiler makes vectors of neighbouring items; where it makes them of loops,
 * each item takes a part. */
#ifdef FC_WIDE_ITEMS
#define FOR_EACH FOR_PART
#else
#define FOR_EACH(i, n) for (size_t i = get_global_id(0); i < (size_t)(n); i += get_global_size(0))
#endif

/* Before a loop of floating-point arithmetic: the widest vectors. Compilers that shrink from AVX-512 unasked
 * take half of the time and less (PoCL 3.1). */
#if defined(FC_WIDE_ITEMS) && defined(__clang__) && defined(__AVX512F__)
#pragma clang diagnostic ignored "-Wpass-failed" /* where it cannot be had, all is as it would be */
#define FC_WIDEST _Pragma("clang loop vectorize_width(16)")
#else
#define FC_WIDEST
#endif

/* ---- explicit vectors ------------------------------------------------------------------------ */
#define PASTE2(a, b) a##b
#define PASTE(a, b) PASTE2(a, b)
#define C16 PASTE(T_C, 16)

/* Sixteen neighbours, spelt out: the runtimes' compilers make one load of it, and one of them returns wrong
 * values from vload16. */
#define LOAD16_BY(LOAD, a, i) \
    (C16)(LOAD(a, i), LOAD(a, (i) + 1), LOAD(a, (i) + 2), LOAD(a, (i) + 3), LOAD(a, (i) + 4), \
          LOAD(a, (i) + 5), LOAD(a, (i) + 6), LOAD(a, (i) + 7), LOAD(a, (i) + 8), LOAD(a, (i) + 9), \
          LOAD(a, (i) + 10), LOAD(a, (i) + 11), LOAD(a, (i) + 12), LOAD(a, (i) + 13), LOAD(a, (i) + 14), \
          LOAD(a, (i) + 15))
#define LOAD16(a, i) LOAD16_BY(LOAD_T, a, i)

/* For kernels of explicit vectors: compilers that would make vectors of neighbouring items leave these alone.
 */
#define VECTORS __attribute__((vec_type_hint(C16)))
