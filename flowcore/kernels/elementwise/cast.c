/* Cast: every pair of types. Also Real, Imag, ComplexAbs, Angle and Complex, which change the type as well.
 *
 * Float to integer: towards zero, NaN gives 0 and what does not fit gives the nearest limit, on every device
 * alike (TensorFlow leaves this to the processor). Integer to integer wraps. Complex to real takes the real
 * part. To bool: not equal to zero. */
#include <complex.h>
#include <math.h>

#include "../_float16.h"
#include "loops.h"

/* name, stored type, type of computation, load, store from computation, kind of source: F float, N integer, C
 * complex */
#define SOURCES(X, D) \
    X(D, float16, fc_half, fc_from_half, F) \
    X(D, bfloat16, fc_bfloat16, fc_from_bfloat16, F) \
    X(D, float32, float, , F) \
    X(D, float64, double, , F) \
    X(D, int8, int8_t, , N) \
    X(D, int16, int16_t, , N) \
    X(D, int32, int32_t, , N) \
    X(D, int64, int64_t, , N) \
    X(D, uint8, uint8_t, , N) \
    X(D, uint16, uint16_t, , N) \
    X(D, uint32, uint32_t, , N) \
    X(D, uint64, uint64_t, , N) \
    X(D, bool, uint8_t, , N) \
    X(D, complex64, float complex, , C) \
    X(D, complex128, double complex, , C)

/* How a value of each kind of source becomes the destination type. */
#define REAL_C(x) creal(x)
#define REAL_F(x) (x)
#define REAL_N(x) (x)
#define CLAMP(x, T, MIN, LIMIT, MAX) \
    ((x) != (x) ? (T)0 : (x) <= (MIN) ? (T)(MIN) : (x) >= (LIMIT) ? (T)(MAX) : (T)(x))

#define TO_float16(k, x) fc_to_half((float)REAL_##k(x))
#define TO_bfloat16(k, x) fc_to_bfloat16((float)REAL_##k(x))
#define TO_float32(k, x) (float)REAL_##k(x)
#define TO_float64(k, x) (double)REAL_##k(x)
#define TO_complex64(k, x) (float complex)(x)
#define TO_complex128(k, x) (double complex)(x)
#define TO_bool(k, x) (uint8_t)((x) != 0)
#define INTEGER_N(x, T, MIN, LIMIT, MAX) (T)(x)
#define INTEGER_F CLAMP
#define INTEGER_C(x, T, MIN, LIMIT, MAX) CLAMP(creal(x), T, MIN, LIMIT, MAX)
#define TO_int8(k, x) INTEGER_##k(x, int8_t, INT8_MIN, 128.0, INT8_MAX)
#define TO_int16(k, x) INTEGER_##k(x, int16_t, INT16_MIN, 32768.0, INT16_MAX)
#define TO_int32(k, x) INTEGER_##k(x, int32_t, INT32_MIN, 2147483648.0, INT32_MAX)
#define TO_int64(k, x) INTEGER_##k(x, int64_t, INT64_MIN, 9223372036854775808.0, INT64_MAX)
#define TO_uint8(k, x) INTEGER_##k(x, uint8_t, 0, 256.0, UINT8_MAX)
#define TO_uint16(k, x) INTEGER_##k(x, uint16_t, 0, 65536.0, UINT16_MAX)
#define TO_uint32(k, x) INTEGER_##k(x, uint32_t, 0, 4294967296.0, UINT32_MAX)
#define TO_uint64(k, x) INTEGER_##k(x, uint64_t, 0, 18446744073709551616.0, UINT64_MAX)

/* A half is loaded as float first; LOADED avoids an empty macro call for the others. */
#define CAST_LOOP(D, S, T, LOAD, K) \
    static void cast_##S##_to_##D(void *out, const void *in, int64_t n) { \
        DST_##D *o = out; \
        const T *a = in; \
        for (int64_t i = 0; i < n; i++) o[i] = TO_##D(K, (LOAD(a[i]))); \
    }
#define DST_float16 fc_half
#define DST_bfloat16 fc_bfloat16
#define DST_float32 float
#define DST_float64 double
#define DST_int8 int8_t
#define DST_int16 int16_t
#define DST_int32 int32_t
#define DST_int64 int64_t
#define DST_uint8 uint8_t
#define DST_uint16 uint16_t
#define DST_uint32 uint32_t
#define DST_uint64 uint64_t
#define DST_bool uint8_t
#define DST_complex64 float complex
#define DST_complex128 double complex

SOURCES(CAST_LOOP, float16)
SOURCES(CAST_LOOP, bfloat16)
SOURCES(CAST_LOOP, float32)
SOURCES(CAST_LOOP, float64)
SOURCES(CAST_LOOP, int8)
SOURCES(CAST_LOOP, int16)
SOURCES(CAST_LOOP, int32)
SOURCES(CAST_LOOP, int64)
SOURCES(CAST_LOOP, uint8)
SOURCES(CAST_LOOP, uint16)
SOURCES(CAST_LOOP, uint32)
SOURCES(CAST_LOOP, uint64)
SOURCES(CAST_LOOP, bool)
SOURCES(CAST_LOOP, complex64)
SOURCES(CAST_LOOP, complex128)

#define ROW(D, NUMBER) \
    [NUMBER] = {[FC_FLOAT16] = cast_float16_to_##D, \
                [FC_BFLOAT16] = cast_bfloat16_to_##D, \
                [FC_FLOAT32] = cast_float32_to_##D, \
                [FC_FLOAT64] = cast_float64_to_##D, \
                [FC_INT8] = cast_int8_to_##D, \
                [FC_INT16] = cast_int16_to_##D, \
                [FC_INT32] = cast_int32_to_##D, \
                [FC_INT64] = cast_int64_to_##D, \
                [FC_UINT8] = cast_uint8_to_##D, \
                [FC_UINT16] = cast_uint16_to_##D, \
                [FC_UINT32] = cast_uint32_to_##D, \
                [FC_UINT64] = cast_uint64_to_##D, \
                [FC_BOOL] = cast_bool_to_##D, \
                [FC_COMPLEX64] = cast_complex64_to_##D, \
                [FC_COMPLEX128] = cast_complex128_to_##D},
static const fc_unary_loop loops[FC_NUM_DTYPES][FC_NUM_DTYPES] = {
    ROW(float16, FC_FLOAT16) ROW(bfloat16, FC_BFLOAT16) ROW(float32, FC_FLOAT32) ROW(float64, FC_FLOAT64)
        ROW(int8, FC_INT8) ROW(int16, FC_INT16) ROW(int32, FC_INT32) ROW(int64, FC_INT64) ROW(uint8, FC_UINT8)
            ROW(uint16, FC_UINT16) ROW(uint32, FC_UINT32) ROW(uint64, FC_UINT64) ROW(bool, FC_BOOL)
                ROW(complex64, FC_COMPLEX64) ROW(complex128, FC_COMPLEX128)};

fc_unary_loop fc_cast_loop(int from, int to) { return loops[to][from]; }

typedef struct {
    fc_unary_loop loop;
    char *out;
    const char *in;
    int64_t out_item, in_item;
} cast_job;

static void cast_piece(void *arg, int64_t begin, int64_t end) {
    const cast_job *job = arg;
    job->loop(job->out + begin * job->out_item, job->in + begin * job->in_item, end - begin);
}

static int cast(fc_ctx *ctx) {
    const fc_tensor *in = ctx->in[0];
    int64_t to = ctx->attrs[0].i;
    if (to <= 0 || to >= FC_NUM_DTYPES)
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "unknown destination dtype");
    if (to == in->dtype) return ctx->api->share(ctx, 0, in, 0, in->dtype, in->ndim, fc_dims(in));
    cast_job job = {
        .loop = loops[to][in->dtype], .out_item = fc_item_size((int)to), .in_item = fc_item_size(in->dtype)};
    if (!job.loop)
        return ctx->api->fail(ctx, FC_UNIMPLEMENTED, "a cast between these dtypes is not supported");
    int rc = ctx->api->alloc(ctx, 0, (int)to, in->ndim, fc_dims(in));
    if (rc || !in->size) return rc;
    job.out = fc_data(&ctx->out[0]), job.in = fc_data(in);
    ctx->api->parallel_for(ctx, in->size, FC_GRAIN, cast_piece, &job);
    return FC_OK;
}

#define PART_LOOP(name, expression) \
    static void name##_complex64(void *out, const void *in, int64_t n) { \
        for (int64_t i = 0; i < n; i++) { \
            double complex x = ((const float complex *)in)[i]; \
            ((float *)out)[i] = (float)(expression); \
        } \
    } \
    static void name##_complex128(void *out, const void *in, int64_t n) { \
        for (int64_t i = 0; i < n; i++) { \
            double complex x = ((const double complex *)in)[i]; \
            ((double *)out)[i] = (expression); \
        } \
    } \
    static int name(fc_ctx *ctx) { \
        static const fc_unary_loop by_dtype[FC_NUM_DTYPES] = {[FC_COMPLEX64] = name##_complex64, \
                                                              [FC_COMPLEX128] = name##_complex128}; \
        return fc_unary(ctx, by_dtype, ctx->in[0]->dtype == FC_COMPLEX64 ? FC_FLOAT32 : FC_FLOAT64); \
    }
PART_LOOP(real_part, creal(x))
PART_LOOP(imaginary_part, cimag(x))
PART_LOOP(magnitude, cabs(x))
PART_LOOP(angle, carg(x))

static void complex_float32(void *out, const void *x, const void *y, int64_t n, int64_t sx, int64_t sy) {
    /* by parts: not every compiler has CMPLXF, and x + iy is wrong for infinities */
    for (int64_t i = 0; i < n; i++)
        ((float *)out)[2 * i] = ((const float *)x)[i * sx],
                           ((float *)out)[2 * i + 1] = ((const float *)y)[i * sy];
}
static void complex_float64(void *out, const void *x, const void *y, int64_t n, int64_t sx, int64_t sy) {
    for (int64_t i = 0; i < n; i++)
        ((double *)out)[2 * i] = ((const double *)x)[i * sx],
                            ((double *)out)[2 * i + 1] = ((const double *)y)[i * sy];
}
static int make_complex(fc_ctx *ctx) {
    static const fc_binary_loop by_dtype[FC_NUM_DTYPES] = {[FC_FLOAT32] = complex_float32,
                                                           [FC_FLOAT64] = complex_float64};
    return fc_binary(ctx, by_dtype, ctx->in[0]->dtype == FC_FLOAT32 ? FC_COMPLEX64 : FC_COMPLEX128);
}

static const fc_kernel_def defs[] = {
    {"Cast", "", "DstT", FC_SYNC, 0, 0, cast},
    {"Real", "T:complex64,complex128", "", FC_SYNC, 0, 0, real_part},
    {"Imag", "T:complex64,complex128", "", FC_SYNC, 0, 0, imaginary_part},
    {"ComplexAbs", "T:complex64,complex128", "", FC_SYNC, 0, 0, magnitude},
    {"Angle", "T:complex64,complex128", "", FC_SYNC, 0, 0, angle},
    {"Complex", "T:float32,float64", "", FC_SYNC, 0, 0, make_complex},
};
const fc_kernel_table fc_cast_kernels = {FC_ABI, "CPU", sizeof defs / sizeof defs[0], defs};
