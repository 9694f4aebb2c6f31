/* T to R: towards zero, NaN to 0, what does not fit an integer to its nearest limit; integers wrap. The macro
 * CAST is of flowcore/opencl/formulas.py. */

__kernel void cast(__global R *out, long out_at, __global const T *in, long in_at, long n) {
    out += out_at;
    in += in_at;
    FOR_EACH(i, n) STORE_R(out, i, CAST(LOAD_T(in, i)));
}
