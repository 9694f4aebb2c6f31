/* Template: a group of formulas expanded for every element type, then once more into kernels and table
 * lines. Set before: GROUP, its name, and FORMULAS, the file of formulas as #include wants it. Groups are
 * files of their own so that a changed formula compiles one of them. */
#include <complex.h>
#include <math.h>
#include <string.h>

#include "../_functions.h"
#include "loops.h"

static inline double floormod(double x, double y) {
    double r = fmod(x, y);
    return r != 0.0 && (r < 0.0) != (y < 0.0) ? r + y : r;
}
static inline uint64_t fc_ipow(uint64_t x, uint64_t y) {
    uint64_t r = 1;
    for (; y; y >>= 1, x *= x)
        if (y & 1) r *= x;
    return r;
}

/* Bools hold 0 or 1. */
#define AS_IS(x) (x)
#define AS_TYPE(x) (T)(x)

/* ---- floating types -------------------------------------------------------------------------- */
#define IS_FLOAT 1
#define IS_INT 0
#define IS_SIGNED 0
#define IS_UNSIGNED 0
#define IS_COMPLEX 0
#define IS_BOOL 0
#define CLONES FC_CLONES
#define F_INFINITY INFINITY

/* The functions that formulas name: of float those of functions.def, of double the C library's. */
#define FC_FABS PLAIN(fabs)
#define FC_SQRT PLAIN(sqrt)
#define FC_FLOOR PLAIN(floor)
#define FC_CEIL PLAIN(ceil)
#define FC_RINT PLAIN(rint)
#define FC_EXP OWN(exp)
#define FC_EXPM1 OWN(expm1)
#define FC_LOG OWN(log)
#define FC_LOG1P OWN(log1p)
#define FC_SIN OWN(sin)
#define FC_COS OWN(cos)
#define FC_TAN OWN(tan)
#define FC_ASIN OWN(asin)
#define FC_ACOS OWN(acos)
#define FC_ATAN OWN(atan)
#define FC_SINH OWN(sinh)
#define FC_COSH OWN(cosh)
#define FC_ASINH OWN(asinh)
#define FC_ACOSH OWN(acosh)
#define FC_ATANH OWN(atanh)
#define FC_TANH OWN(tanh)
#define FC_ERF OWN(erf)
#define FC_ERFC OWN(erfc)
#define FC_FMOD OWN(fmod)
#define FC_FLOORMOD OWN(floormod)
#define FC_POW OWN(pow)
#define FC_ATAN2 OWN(atan2)

#define C float
#define F(x) x##f
#define PLAIN(name) name##f
#define OWN(name) fc_##name##_f
#define TYPE float32
#define T float
#define LOAD AS_IS
#define STORE AS_IS
#include "expand_type.h"
#undef TYPE
#undef T
#undef LOAD
#undef STORE
#define TYPE float16
#define T fc_half
#define LOAD fc_from_half
#define STORE fc_to_half
#include "expand_type.h"
#undef TYPE
#undef T
#undef LOAD
#undef STORE
#define TYPE bfloat16
#define T fc_bfloat16
#define LOAD fc_from_bfloat16
#define STORE fc_to_bfloat16
#include "expand_type.h"
#undef TYPE
#undef T
#undef LOAD
#undef STORE
#undef C
#undef F
#undef PLAIN
#undef OWN
#define C double
#define F(x) x
#define PLAIN(name) name
#define OWN(name) name
#define TYPE float64
#define T double
#define LOAD AS_IS
#define STORE AS_IS
#include "expand_type.h"
#undef TYPE
#undef T
#undef C
#undef STORE
#undef IS_FLOAT
#define IS_FLOAT 0

/* ---- integers: narrow ones are computed as int, and wrap when stored ------------------------- */
#undef CLONES
#define CLONES
#undef IS_INT
#define IS_INT 1
#undef IS_SIGNED
#define IS_SIGNED 1
#define STORE AS_TYPE
#define C T
#define FC_IABS(x) (x < 0 ? -x : x)
#define FC_IPOW(x, y) (T) fc_ipow((uint64_t)(x), (uint64_t)(y))
#define TYPE int8
#define T int8_t
#include "expand_type.h"
#undef TYPE
#undef T
#define TYPE int16
#define T int16_t
#include "expand_type.h"
#undef TYPE
#undef T
#define TYPE int32
#define T int32_t
#include "expand_type.h"
#undef TYPE
#undef T
#define TYPE int64
#define T int64_t
#include "expand_type.h"
#undef TYPE
#undef T
#undef IS_SIGNED
#define IS_SIGNED 0
#undef IS_UNSIGNED
#define IS_UNSIGNED 1
#define TYPE uint8
#define T uint8_t
#include "expand_type.h"
#undef TYPE
#undef T
#define TYPE uint16
#define T uint16_t
#include "expand_type.h"
#undef TYPE
#undef T
#define TYPE uint32
#define T uint32_t
#include "expand_type.h"
#undef TYPE
#undef T
#define TYPE uint64
#define T uint64_t
#include "expand_type.h"
#undef TYPE
#undef T
#undef IS_INT
#define IS_INT 0
#undef IS_UNSIGNED
#define IS_UNSIGNED 0

/* ---- bool ------------------------------------------------------------------------------------ */
#undef IS_BOOL
#define IS_BOOL 1
#define TYPE bool
#define T uint8_t
#include "expand_type.h"
#undef TYPE
#undef T
#undef IS_BOOL
#define IS_BOOL 0

/* ---- complex --------------------------------------------------------------------------------- */
#undef F
#undef C
#undef STORE
#define STORE AS_IS
#undef IS_COMPLEX
#define IS_COMPLEX 1
#define F(x) x##f
#define FC_CSQRT csqrtf
#define FC_CEXP cexpf
#define FC_CLOG clogf
#define FC_CSIN csinf
#define FC_CCOS ccosf
#define FC_CTANH ctanhf
#define FC_CPOW cpowf
#define FC_CONJ conjf
#define C float complex
#define TYPE complex64
#define T float complex
#include "expand_type.h"
#undef TYPE
#undef T
#undef F
#undef C
#undef FC_CSQRT
#undef FC_CEXP
#undef FC_CLOG
#undef FC_CSIN
#undef FC_CCOS
#undef FC_CTANH
#undef FC_CPOW
#undef FC_CONJ
#define F(x) x
#define FC_CSQRT csqrt
#define FC_CEXP cexp
#define FC_CLOG clog
#define FC_CSIN csin
#define FC_CCOS ccos
#define FC_CTANH ctanh
#define FC_CPOW cpow
#define FC_CONJ conj
#define C double complex
#define TYPE complex128
#define T double complex
#include "expand_type.h"
#undef TYPE
#undef T
#undef C
#undef IS_COMPLEX

/* ---- kernels: per line a table by dtype and a function --------------------------------------- */
#define LOOPS_FLOAT(p) \
    [FC_FLOAT16] = p##_float16, [FC_BFLOAT16] = p##_bfloat16, [FC_FLOAT32] = p##_float32, \
    [FC_FLOAT64] = p##_float64
#define LOOPS_SIGNED(p) \
    [FC_INT8] = p##_int8, [FC_INT16] = p##_int16, [FC_INT32] = p##_int32, [FC_INT64] = p##_int64
#define LOOPS_UNSIGNED(p) \
    [FC_UINT8] = p##_uint8, [FC_UINT16] = p##_uint16, [FC_UINT32] = p##_uint32, [FC_UINT64] = p##_uint64
#define LOOPS_INT(p) LOOPS_SIGNED(p), LOOPS_UNSIGNED(p)
#define LOOPS_COMPLEX(p) [FC_COMPLEX64] = p##_complex64, [FC_COMPLEX128] = p##_complex128
#define LOOPS_BOOL(p) [FC_BOOL] = p##_bool

#define UNARY_LOOPS(op, cls) static const fc_unary_loop loops_##op##_##cls[FC_NUM_DTYPES] = {LOOPS_##cls(op)};
#define BINARY_LOOPS(op, cls) \
    static const fc_binary_loop loops_##op##_##cls[FC_NUM_DTYPES] = {LOOPS_##cls(op)};
#define KERNEL(op, cls, driver, out_dtype) \
    static int kernel_##op##_##cls(fc_ctx *ctx) { return driver(ctx, loops_##op##_##cls, out_dtype); }

#define UNARY(op, cls, f) UNARY_LOOPS(op, cls) KERNEL(op, cls, fc_unary, 0)
#define TEST(op, cls, f) UNARY_LOOPS(op, cls) KERNEL(op, cls, fc_unary, FC_BOOL)
#define BINARY(op, cls, f) BINARY_LOOPS(op, cls) KERNEL(op, cls, fc_binary, 0)
#define COMPARE(op, cls, f) BINARY_LOOPS(op, cls) KERNEL(op, cls, fc_binary, FC_BOOL)
#define CHECKED(op, cls, bad, message, f) \
    BINARY_LOOPS(op, cls) \
    static const fc_check_loop checks_##op##_##cls[FC_NUM_DTYPES] = {LOOPS_##cls(check_##op)}; \
    static int kernel_##op##_##cls(fc_ctx *ctx) { \
        const fc_check_loop *checks = checks_##op##_##cls; \
        const fc_tensor *y = ctx->in[1]; \
        int64_t shape[FC_MAX_DIMS]; \
        int ndim, rc = fc_broadcast(ctx, 2, &ndim, shape); \
        if (rc) return rc; \
        if (ctx->in[0]->size && y->size && checks[y->dtype] && checks[y->dtype](fc_data(y), y->size)) \
            return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, message); \
        return fc_binary(ctx, loops_##op##_##cls, 0); \
    }
#include FORMULAS
#undef UNARY
#undef TEST
#undef BINARY
#undef COMPARE
#undef CHECKED

#define UNARY(op, cls, f) {#op, loops_##op##_##cls, NULL, NULL, NULL},
#define TEST UNARY
#define BINARY(op, cls, f) {#op, NULL, loops_##op##_##cls, NULL, NULL},
#define COMPARE BINARY
#define CHECKED(op, cls, bad, message, f) {#op, NULL, loops_##op##_##cls, checks_##op##_##cls, message},
static const fc_formula formulas[] = {
#include FORMULAS
};
#undef UNARY
#undef TEST
#undef BINARY
#undef COMPARE
#undef CHECKED

#define TYPES_FLOAT "T:float16,bfloat16,float32,float64"
#define TYPES_SIGNED "T:int8,int16,int32,int64"
#define TYPES_UNSIGNED "T:uint8,uint16,uint32,uint64"
#define TYPES_INT TYPES_SIGNED ",uint8,uint16,uint32,uint64"
#define TYPES_COMPLEX "T:complex64,complex128"
#define TYPES_BOOL "" /* LogicalAnd and its like have no type attribute; Equal has */
#define COMPARED_FLOAT TYPES_FLOAT
#define COMPARED_SIGNED TYPES_SIGNED
#define COMPARED_UNSIGNED TYPES_UNSIGNED
#define COMPARED_INT TYPES_INT
#define COMPARED_COMPLEX TYPES_COMPLEX
#define COMPARED_BOOL "T:bool"
#define LINE(op, cls) {#op, TYPES_##cls, "", FC_SYNC, 0, 0, kernel_##op##_##cls},
#define UNARY(op, cls, f) LINE(op, cls)
#define TEST(op, cls, f) LINE(op, cls)
#define BINARY(op, cls, f) LINE(op, cls)
#define COMPARE(op, cls, f) {#op, COMPARED_##cls, "", FC_SYNC, 0, 0, kernel_##op##_##cls},
#define CHECKED(op, cls, bad, message, f) LINE(op, cls)
static const fc_kernel_def defs[] = {
#include FORMULAS
};
#define GROUP_NAME(name) FC_GROUP_OF(name)
#define FC_GROUP_OF(name) fc_##name##_formulas
const fc_formula_group GROUP_NAME(GROUP) = {
    formulas, sizeof formulas / sizeof formulas[0], {FC_ABI, "CPU", sizeof defs / sizeof defs[0], defs}};
