/* out = x + y, each of a type of its own: the running sum of float16 and bfloat16 is float32, and rounded
 * once. */

__kernel void add(__global R *out, long out_at, __global const T *x, long x_at, __global const S *y,
                  long y_at, long n) {
    out += out_at;
    x += x_at;
    y += y_at;
    FOR_EACH(i, n) STORE_R(out, i, LOAD_T(x, i) + LOAD_S(y, i));
}
