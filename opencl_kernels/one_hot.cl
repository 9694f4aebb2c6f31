/* `on` where the index says, in a result [outer, depth, inner] that was filled before; an index out of range
 * says nothing. T has the element's size. */

__kernel void one_hot(__global T *out, long out_at, __global const I *indices, long indices_at,
                      __global const T *on, long on_at, long n, long depth, long inner) {
    out += out_at;
    T value = on[on_at];
    FOR_EACH(k, n) {
        long at = (long)indices[(size_t)indices_at + k];
        if (at >= 0 && at < depth)
            out[(k / (size_t)inner * (size_t)depth + (size_t)at) * (size_t)inner + k % (size_t)inner] = value;
    }
}
