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
__kernel void binary(__global R *out, long out_at, __global const T *x, long x_at, __global const T *y,
                     long y_at, long n, long sx, long sy) {
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
__kernel void binary_walk(__global R *out, long out_at, __global const T *x, long x_at, __global const T *y,
                          long y_at, long n, fc_axes axes) {
    out += out_at;
    x += x_at;
    y += y_at;
    FOR_EACH(i, n) {
        size_t at_x = 0, at_y = 0;
        FOR_AXES(i, 0, 8, at_x += k * (size_t)axes.stride[0][d]; at_y += k * (size_t)axes.stride[1][d];)
        STORE_R(out, i, FORMULA(LOAD_T(x, at_x), LOAD_T(y, at_y)));
    }
}

/* The same row by row, with loops of known steps: for processors. */
__kernel void binary_rows(__global R *out, long out_at, __global const T *x, long x_at, __global const T *y,
                          long y_at, long rows, fc_axes axes) {
    const size_t length = (size_t)axes.shape[0];
    const long sx = axes.stride[0][0], sy = axes.stride[1][0];
    FOR_PART(i, rows) {
        size_t at_x = 0, at_y = 0;
        FOR_AXES(i, 1, 8, at_x += k * (size_t)axes.stride[0][d]; at_y += k * (size_t)axes.stride[1][d];)
        __global R *to = out + out_at + i * length;
        __global const T *a = x + x_at + at_x, *b = y + y_at + at_y;
        if (sx == 1 && sy == 1) {
            STEPS for (size_t j = 0; j < length; j++) STORE_R(to, j, FORMULA(LOAD_T(a, j), LOAD_T(b, j)));
        } else if (sx == 1 && sy == 0) {
            const T_C v = LOAD_T(b, 0);
            STEPS for (size_t j = 0; j < length; j++) STORE_R(to, j, FORMULA(LOAD_T(a, j), v));
        } else if (sx == 0 && sy == 1) {
            const T_C v = LOAD_T(a, 0);
            STEPS for (size_t j = 0; j < length; j++) STORE_R(to, j, FORMULA(v, LOAD_T(b, j)));
        } else {
            for (size_t j = 0; j < length; j++)
                STORE_R(to, j, FORMULA(LOAD_T(a, j * (size_t)sx), LOAD_T(b, j * (size_t)sy)));
        }
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
