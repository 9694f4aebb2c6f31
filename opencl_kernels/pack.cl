/* What goes before and after a product of gemm.cl. */

/* Panels of R lines (rows of A or columns of B) each: out[panel][k][line], zero beyond the last line. An item
 * makes up to 64 k of a panel. */
__kernel void pack(__global T_C *out, long out_at, __global const T *in, long in_at, long lines, long k,
                   long line_stride, long k_stride, long count, long in_batch) {
    size_t panels = ((size_t)lines + R - 1) / R, blocks = ((size_t)k + 63) / 64;
    FOR_EACH(item, panels * blocks * (size_t)count) {
        size_t block = item % blocks, panel = item / blocks % panels, batch = item / blocks / panels;
        size_t begin = block * 64, end = begin + 64 < (size_t)k ? begin + 64 : (size_t)k;
        size_t n = (size_t)lines - panel * R < R ? (size_t)lines - panel * R : R;
        __global T_C *to = out + out_at + (batch * panels + panel) * (size_t)k * R;
        __global const T *from = in + in_at + batch * (size_t)in_batch + panel * R * (size_t)line_stride;
        if (line_stride == 1 && n == R) {
            for (size_t i = begin; i < end; i++)
                for (size_t r = 0; r < R; r++) to[i * R + r] = LOAD_T(from + i * (size_t)k_stride, r);
        } else {
            for (size_t r = 0; r < R; r++)
                for (size_t i = begin; i < end; i++)
                    to[i * R + r] = r < n ? LOAD_T(from + r * (size_t)line_stride, i * (size_t)k_stride)
                                          : (T_C)0;
        }
    }
}

/* C from the partial sums over chunks of k, added in their order; parts are dense, [chunk][n]. */
__kernel void sum_chunks(__global T *out, long out_at, __global const T_C *parts, long parts_at, long n,
                         long chunks) {
    FOR_EACH(i, n) {
        T_C sum = parts[(size_t)parts_at + i];
        for (size_t chunk = 1; chunk < (size_t)chunks; chunk++)
            sum += parts[(size_t)parts_at + chunk * (size_t)n + i];
        STORE_T(out + out_at, i, sum);
    }
}
