/* out[o, i, :] = params[o, indices[i], :] for params [outer, rows, inner] and n indices of type I, all in
 * range. T has the element's size. */

/* An item to a row, for processors. */
__kernel void gather_rows(__global T *out, long out_at, __global const T *params, long params_at,
                          __global const I *indices, long indices_at, long outer, long rows, long inner,
                          long n) {
    FOR_PART(k, outer * n) {
        size_t row = k / (size_t)n * (size_t)rows + (size_t)indices[(size_t)indices_at + k % (size_t)n];
        __global const T *from = params + params_at + row * (size_t)inner;
        __global T *to = out + out_at + k * (size_t)inner;
        for (size_t j = 0; j < (size_t)inner; j++) to[j] = from[j];
    }
}

/* An item to an element. */
__kernel void gather(__global T *out, long out_at, __global const T *params, long params_at,
                     __global const I *indices, long indices_at, long outer, long rows, long inner, long n) {
    out += out_at;
    FOR_EACH(at, outer * n * inner) {
        size_t k = at / (size_t)inner, j = at % (size_t)inner;
        size_t row = k / (size_t)n * (size_t)rows + (size_t)indices[(size_t)indices_at + k % (size_t)n];
        out[at] = params[(size_t)params_at + row * (size_t)inner + j];
    }
}
