/* One formula of elementwise.def, named FORMULA(x, y) before this file: element type T in, R out. */

#if T_FLOATING
#define STEPS FC_WIDEST
#else
#define STEPS
#endif

__kernel void unary(__global R *out, long out_at, __global const T *in, long in_at, long n) {
    out += out_at;
    in += in_at;
    STEPS FOR_EACH(i, n) STORE_R(out, i, FORMULA(LOAD_T(in, i), LOAD_T(in, i)));
}

/* Strides of 0 or 1: equal shapes, or a scalar. */
__kernel void binary(__global R *out, long out_at, __global const T *x, long x_at, __global const T *y, long y_at, long n, long sx, long sy) {
    out += out_at;
    x += x_at;
    y += y_at;
    if (sx && sy) {
        STEPS FOR_EACH(i, n) STORE_R(out, i, FORMULA(LOAD_T(x, i), LOAD_T(y, i)));
    } else {
        STEPS FOR_EACH(i, n) STORE_R(out, i, FORMULA(LOAD_T(x, i * (size_t)sx), LOAD_T(y, i * (size_t)sy)));
    }
}

/* Any broadcast. */
__kernel void binary_walk(__global R *out, long out_at, __global const T *x, long x_at, __global const T *y, long y_at, long n, fc_axes axes) {
    out += out_at;
    x += x_at;
    y += y_at;
    FOR_EACH(i, n) {
        size_t rest = i, at_x = 0, at_y = 0;
        #pragma unroll
        for (int d = 0; d < 8; d++) {
            if (d >= axes.ndim) break;
            size_t outer = fc_quotient(rest, axes.shape[d], axes.divisor[d]), k = rest - outer * (size_t)axes.shape[d];
            rest = outer;
            at_x += k * (size_t)axes.stride[0][d];
            at_y += k * (size_t)axes.stride[1][d];
        }
        STORE_R(out, i, FORMULA(LOAD_T(x, at_x), LOAD_T(y, at_y)));
    }
}

#ifdef REFUSES
/* Raises a flag where the formula refuses some y. */
__kernel void check(__global int *flag, long flag_at, __global const T *y, long y_at, long n) {
    int found = 0;
    y += y_at;
    FOR_EACH(i, n) found |= REFUSES(LOAD_T(y, i));
    if (found) atomic_or(flag + flag_at, 1);
}
#endif
