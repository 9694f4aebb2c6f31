/* Moving elements between strided layouts, and filling. T is an unsigned integer of the element's size. */

typedef struct {
    long ndim;
    /* innermost first; divisor: see fc_quotient; strides in elements */
    long shape[16], divisor[16], dst[16], src[16];
} copy_axes;

/* Adds to `to` and `from` where element `i` of the axes from `first` on lies in the two layouts. */
#define ADD_PLACES(to, from, i, first) \
    FOR_AXES(i, first, 16, to += (long)k * axes.dst[d]; from += (long)k * axes.src[d];)

__kernel void copy(__global T *dst, long dst_at, __global const T *src, long src_at, long n, copy_axes axes) {
    dst += dst_at;
    src += src_at;
    FOR_EACH(i, n) {
        long to = 0, from = 0;
        ADD_PLACES(to, from, i, 0)
        dst[to] = src[from];
    }
}

/* The same, a run along the innermost axis at a time: for processors, where finding an element's place costs
 * more than moving it. */
__kernel void copy_runs(__global T *dst, long dst_at, __global const T *src, long src_at, long runs,
                        copy_axes axes) {
    long length = axes.shape[0], step_to = axes.dst[0], step_from = axes.src[0];
    FOR_PART(i, runs) {
        long at = dst_at, from_at = src_at;
        ADD_PLACES(at, from_at, i, 1)
        __global T *to = dst + at;
        __global const T *from = src + from_at;
        if (step_to == 1 && step_from == 1) {
            for (long k = 0; k < length; k++) to[k] = from[k];
        } else {
            for (long k = 0; k < length; k++) to[k * step_to] = from[k * step_from];
        }
    }
}

/* The same where neighbours along the last axis of one layout are neighbours along the last but one of the
 * other: in squares of TILE, so that each line of memory is read and written once. */
#define TILE 16
__kernel void copy_tiles(__global T *dst, long dst_at, __global const T *src, long src_at, long items,
                         copy_axes axes) {
    const int a = 0, b = 1; /* the axes that change places */
    long blocks = (axes.shape[b] + TILE - 1) / TILE;
    FOR_PART(i, items) {
        long begin = (long)(i % (size_t)blocks) * TILE, rows = min(axes.shape[b] - begin, (long)TILE);
        long at = dst_at + begin * axes.dst[b], from_at = src_at + begin * axes.src[b];
        ADD_PLACES(at, from_at, i / (size_t)blocks, 2)
        for (long first = 0; first < axes.shape[a]; first += TILE) {
            long columns = min(axes.shape[a] - first, (long)TILE);
            for (long r = 0; r < rows; r++) {
                __global T *to = dst + at + r * axes.dst[b] + first * axes.dst[a];
                __global const T *from = src + from_at + r * axes.src[b] + first * axes.src[a];
                for (long k = 0; k < columns; k++) to[k * axes.dst[a]] = from[k * axes.src[a]];
            }
        }
    }
}

/* The same for GPUs: each group turns a square of SQUARE, an option, round in local memory, so that
 * neighbouring items read neighbours and write neighbours. */
#ifdef SQUARE
__kernel void copy_squares(__global T *dst, long dst_at, __global const T *src, long src_at, long squares,
                           copy_axes axes) {
    __local T square[SQUARE][SQUARE + 1];
    const int a = 0, b = 1; /* the axes that change places */
    long a_blocks = (axes.shape[a] + SQUARE - 1) / SQUARE, b_blocks = (axes.shape[b] + SQUARE - 1) / SQUARE;
    for (size_t i = get_group_id(0); i < (size_t)squares; i += get_num_groups(0)) {
        long a_at = (long)(i % (size_t)a_blocks) * SQUARE,
             b_at = (long)(i / (size_t)a_blocks % (size_t)b_blocks) * SQUARE;
        long at = dst_at + a_at * axes.dst[a] + b_at * axes.dst[b],
             from = src_at + a_at * axes.src[a] + b_at * axes.src[b];
        ADD_PLACES(at, from, i / (size_t)a_blocks / (size_t)b_blocks, 2)
        for (size_t e = get_local_id(0); e < SQUARE * SQUARE; e += get_local_size(0)) {
            long row = (long)(e / SQUARE), column = (long)(e % SQUARE); /* along a, along b */
            if (a_at + row < axes.shape[a] && b_at + column < axes.shape[b])
                square[row][column] = src[from + row * axes.src[a] + column * axes.src[b]];
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        for (size_t e = get_local_id(0); e < SQUARE * SQUARE; e += get_local_size(0)) {
            long row = (long)(e / SQUARE), column = (long)(e % SQUARE); /* along b, along a */
            if (b_at + row < axes.shape[b] && a_at + column < axes.shape[a])
                dst[at + row * axes.dst[b] + column * axes.dst[a]] = square[column][row];
        }
        barrier(CLK_LOCAL_MEM_FENCE);
    }
}
#endif

__kernel void fill(__global T *dst, long dst_at, __global const T *value, long value_at, long n) {
    dst += dst_at;
    T v = value[value_at];
    FOR_PART(i, n) dst[i] = v;
}

__kernel void fill_pattern(__global T *dst, long dst_at, T value, long n) {
    dst += dst_at;
    FOR_PART(i, n) dst[i] = value;
}

/* Images of [count][height][width][channels] elements, their pixels `spread` apart, in a frame of zeros:
 * `out` of [count][out_height][out_width][channels], the first pixel at (top, left), which may lie outside.
 * Likewise channels first: channels then are images, and there is one channel. */
__kernel void frame(__global T *out, long out_at, __global const T *in, long in_at, long n, long height,
                    long width, long channels, long out_height, long out_width, long top, long left,
                    long spread_y, long spread_x, long by_channels, long by_width, long by_height) {
    out += out_at;
    in += in_at;
    FOR_EACH(i, n) {
        const size_t pixel = fc_quotient(i, channels, by_channels),
                     row = fc_quotient(pixel, out_width, by_width),
                     image = fc_quotient(row, out_height, by_height);
        const long channel = (long)(i - pixel * (size_t)channels),
                   x = (long)(pixel - row * (size_t)out_width) - left;
        const long y = (long)(row - image * (size_t)out_height) - top,
                   from_y = spread_y == 1 ? y : y / spread_y, from_x = spread_x == 1 ? x : x / spread_x;
        const bool inside = y >= 0 && x >= 0 && from_y < height && from_x < width && from_y * spread_y == y &&
                            from_x * spread_x == x;
        const T nothing = 0;
        out[i] = inside ? in[(((long)image * height + from_y) * width + from_x) * channels + channel]
                        : nothing;
    }
}
