/* Moving elements between strided layouts, and filling. T is an unsigned integer of the element's size. */

typedef struct {
    long ndim;
    long shape[16], dst[16], src[16]; /* strides in elements */
} copy_axes;

__kernel void copy(__global T *dst, long dst_at, __global const T *src, long src_at, long n, copy_axes axes) {
    dst += dst_at;
    src += src_at;
    FOR_EACH(i, n) {
        size_t rest = i;
        long to = 0, from = 0;
        for (int d = (int)axes.ndim - 1; d >= 0; d--) {
            size_t size = (size_t)axes.shape[d];
            long k = (long)(rest % size);
            rest /= size;
            to += k * axes.dst[d];
            from += k * axes.src[d];
        }
        dst[to] = src[from];
    }
}

__kernel void fill(__global T *dst, long dst_at, __global const T *value, long value_at, long n) {
    dst += dst_at;
    T v = value[value_at];
    FOR_PART(i, n) dst[i] = v;
}

__kernel void fill_pattern(__global T *dst, long dst_at, T value, long n) {
    dst += dst_at;
    FOR_PART(i, n) dst[i] = value;
}
