/* Template: the loops of one element type, of the formulas in FORMULAS. Set before: TYPE T C LOAD STORE,
 * IS_FLOAT / IS_INT / IS_SIGNED / IS_UNSIGNED / IS_COMPLEX / IS_BOOL (1 or 0), CLONES, and the FC_ functions
 * and F() for C. */

#define CAT2(a, b) a##b
#define CAT(a, b) CAT2(a, b)
#define NAME(op) CAT(op##_, TYPE)
#define WHEN_0(...)
#define WHEN_1(...) __VA_ARGS__
#define WHEN(cls) CAT(WHEN_, CAT(IS_, cls))

#define EMIT_UNARY(op, R, KEEP, f) \
    CLONES static void NAME(op)(void *out, const void *in, int64_t n) { \
        R *o = out; \
        const T *a = in; \
        for (int64_t i = 0; i < n; i++) { \
            C x = LOAD(a[i]); \
            o[i] = KEEP(f); \
        } \
    }
#define EMIT_BINARY(op, R, KEEP, f) \
    CLONES static void NAME(op)(void *out, const void *in_x, const void *in_y, int64_t n, int64_t sx, \
                                int64_t sy) { \
        R *o = out; \
        const T *a = in_x, *b = in_y; \
        if (sx == 1 && sy == 1) \
            for (int64_t i = 0; i < n; i++) { \
                C x = LOAD(a[i]), y = LOAD(b[i]); \
                o[i] = KEEP(f); \
            } \
        else if (sx == 1 && sy == 0) { \
            C y = LOAD(b[0]); \
            for (int64_t i = 0; i < n; i++) { \
                C x = LOAD(a[i]); \
                o[i] = KEEP(f); \
            } \
        } else if (sx == 0 && sy == 1) { \
            C x = LOAD(a[0]); \
            for (int64_t i = 0; i < n; i++) { \
                C y = LOAD(b[i]); \
                o[i] = KEEP(f); \
            } \
        } else \
            for (int64_t i = 0; i < n; i++) { \
                C x = LOAD(a[i * sx]), y = LOAD(b[i * sy]); \
                o[i] = KEEP(f); \
            } \
    }
#define EMIT_CHECK(op, bad) \
    static int NAME(check_##op)(const void *in, int64_t n) { \
        const T *b = in; \
        int found = 0; \
        for (int64_t i = 0; i < n; i++) { \
            C y = LOAD(b[i]); \
            found |= (bad); \
        } \
        return found; \
    }
#define TO_BOOL(f) (uint8_t)(f)

#define UNARY(op, cls, f) WHEN(cls)(EMIT_UNARY(op, T, STORE, f))
#define TEST(op, cls, f) WHEN(cls)(EMIT_UNARY(op, uint8_t, TO_BOOL, f))
#define BINARY(op, cls, f) WHEN(cls)(EMIT_BINARY(op, T, STORE, f))
#define COMPARE(op, cls, f) WHEN(cls)(EMIT_BINARY(op, uint8_t, TO_BOOL, f))
#define CHECKED(op, cls, bad, message, f) WHEN(cls)(EMIT_CHECK(op, bad) EMIT_BINARY(op, T, STORE, f))
#include FORMULAS
#undef FC_NOT_ZERO
#undef UNARY
#undef TEST
#undef BINARY
#undef COMPARE
#undef CHECKED
#undef EMIT_UNARY
#undef EMIT_BINARY
#undef EMIT_CHECK
#undef TO_BOOL
#undef NAME
#undef WHEN
#undef WHEN_0
#undef WHEN_1
#undef CAT
#undef CAT2
