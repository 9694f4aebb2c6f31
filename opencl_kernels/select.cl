/* out = condition ? x : y, all three broadcast. T is an unsigned integer of the element's size. */

__kernel void choose(__global T *out, long out_at, __global const uchar *c, long c_at, __global const T *x,
                     long x_at, __global const T *y, long y_at, long n, fc_axes axes) {
    out += out_at;
    c += c_at;
    x += x_at;
    y += y_at;
    FOR_EACH(i, n) {
        size_t at_c = 0, at_x = 0, at_y = 0;
        FOR_AXES(i, 0, 8, at_c += k * (size_t)axes.stride[0][d]; at_x += k * (size_t)axes.stride[1][d];
                 at_y += k * (size_t)axes.stride[2][d];)
        out[i] = c[at_c] ? x[at_x] : y[at_y];
    }
}
