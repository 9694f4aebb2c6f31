/* Max and average pooling of channels-last images, and the gradients. An item makes BLOCK channels of one
 * pixel of the result (processors: as many as make loops over them worth while; elsewhere one). The gradient
 * of the image gathers from the windows that its pixel is in, in the order in which the CPU adds them; where
 * windows do not overlap, each writes its own pixels. */

typedef struct {
    long batch, in_h, in_w, channels, out_h, out_w;
    long window_h, window_w, stride_h, stride_w, pad_h, pad_w;
} pool;

/* First and one past the last image row (or column) of window `at`. */
static inline long window_begin(long at, long stride, long pad) { return max(at * stride - pad, 0L); }
static inline long window_end(long at, long stride, long pad, long window, long in) {
    return min(at * stride - pad + window, in);
}
/* The windows that image row (or column) `at` is in. */
static inline long first_window(long at, long stride, long pad, long window) {
    return at + pad < window ? 0 : (at + pad - window) / stride + 1;
}
static inline long last_window(long at, long stride, long pad, long out) {
    return min((at + pad) / stride, out - 1);
}

/* Item i as image, row and column of a pixel, and its channels first .. first + n. */
#define BLOCKS(p) (((size_t)(p).channels + BLOCK - 1) / BLOCK)
#define PLACE(height, width) \
    long first = (long)(i % BLOCKS(p)) * BLOCK, column = (long)(i / BLOCKS(p)); \
    long image = column / (width) / (height), row = column / (width) % (height), \
         n = min(p.channels - first, (long)BLOCK); \
    column %= (width)
#define IN_AT(row, column) \
    ((((size_t)image * (size_t)p.in_h + (size_t)(row)) * (size_t)p.in_w + (size_t)(column)) * \
         (size_t)p.channels + \
     (size_t)first)
#define OUT_AT(row, column) \
    ((((size_t)image * (size_t)p.out_h + (size_t)(row)) * (size_t)p.out_w + (size_t)(column)) * \
         (size_t)p.channels + \
     (size_t)first)
#define WINDOW(row, column) \
    long h = window_begin(row, p.stride_h, p.pad_h), \
         h_end = window_end(row, p.stride_h, p.pad_h, p.window_h, p.in_h); \
    long w = window_begin(column, p.stride_w, p.pad_w), \
         w_end = window_end(column, p.stride_w, p.pad_w, p.window_w, p.in_w)
/* A loop over the block's channels: of a constant number of steps where the block is whole. */
#define FOR_CHANNELS(step) \
    if (n == BLOCK) { \
        for (int c = 0; c < BLOCK; c++) { \
            step \
        } \
    } else { \
        for (int c = 0; c < (int)n; c++) { \
            step \
        } \
    }

/* A NaN is a maximum, and meets only NaNs. */
#define IS_MAXIMUM(x, most) ((x) == (most) || ((x) != (x) && (most) != (most)))

__kernel void max_pool(__global T *out, long out_at, __global const T *in, long in_at, pool p) {
    FOR_EACH(i, (size_t)(p.batch * p.out_h * p.out_w) * BLOCKS(p)) {
        PLACE(p.out_h, p.out_w);
        WINDOW(row, column);
        T_C best[BLOCK];
        __global const T *begin = in + in_at + IN_AT(h, w);
        __global T *to = out + out_at + OUT_AT(row, column);
        FOR_CHANNELS(best[c] = LOAD_T(begin, c);)
        for (long y = h; y < h_end; y++)
            for (long x = w; x < w_end; x++) {
                __global const T *at = in + in_at + IN_AT(y, x);
                FOR_CHANNELS(T_C v = LOAD_T(at, c); best[c] = v > best[c] || v != v ? v : best[c];)
            }
        FOR_CHANNELS(STORE_T(to, c, best[c]);)
    }
}

__kernel void avg_pool(__global T *out, long out_at, __global const T *in, long in_at, pool p) {
    FOR_EACH(i, (size_t)(p.batch * p.out_h * p.out_w) * BLOCKS(p)) {
        PLACE(p.out_h, p.out_w);
        WINDOW(row, column);
        T_C sum[BLOCK], count = (T_C)((h_end - h) * (w_end - w));
        __global T *to = out + out_at + OUT_AT(row, column);
        FOR_CHANNELS(sum[c] = 0;)
        for (long y = h; y < h_end; y++)
            for (long x = w; x < w_end; x++) {
                __global const T *at = in + in_at + IN_AT(y, x);
                FOR_CHANNELS(sum[c] += LOAD_T(at, c);)
            }
        FOR_CHANNELS(STORE_T(to, c, sum[c] / count);)
    }
}

/* To the first maximum of each window; windows do not overlap, and what is in none is zero already. */
__kernel void max_pool_grad_apart(__global T *out, long out_at, __global const T *in, long in_at,
                                  __global const T *most, long most_at, __global const T *grad, long grad_at,
                                  pool p) {
    FOR_EACH(i, (size_t)(p.batch * p.out_h * p.out_w) * BLOCKS(p)) {
        PLACE(p.out_h, p.out_w);
        WINDOW(row, column);
        T_C top[BLOCK], left[BLOCK];
        __global const T *tops = most + most_at + OUT_AT(row, column),
                         *arriving = grad + grad_at + OUT_AT(row, column);
        FOR_CHANNELS(top[c] = LOAD_T(tops, c); left[c] = LOAD_T(arriving, c);)
        for (long y = h; y < h_end; y++)
            for (long x = w; x < w_end; x++) {
                __global const T *at = in + in_at + IN_AT(y, x);
                __global T *to = out + out_at + IN_AT(y, x);
                FOR_CHANNELS(T_C v = LOAD_T(at, c); T_C given = IS_MAXIMUM(v, top[c]) ? left[c] : (T_C)0;
                             STORE_T(to, c, (T_C)0 + given); left[c] = given != (T_C)0 ? (T_C)0 : left[c];)
            }
    }
}

/* The same where they do overlap. */
__kernel void max_pool_grad(__global T *out, long out_at, __global const T *in, long in_at,
                            __global const T *most, long most_at, __global const T *grad, long grad_at,
                            pool p) {
    FOR_EACH(i, (size_t)(p.batch * p.in_h * p.in_w) * BLOCKS(p)) {
        PLACE(p.in_h, p.in_w);
        T_C mine[BLOCK], sum[BLOCK];
        __global const T *here = in + in_at + IN_AT(row, column);
        __global T *to = out + out_at + IN_AT(row, column);
        FOR_CHANNELS(mine[c] = LOAD_T(here, c); sum[c] = 0;)
        long h_last = last_window(row, p.stride_h, p.pad_h, p.out_h),
             w_last = last_window(column, p.stride_w, p.pad_w, p.out_w);
        for (long oh = first_window(row, p.stride_h, p.pad_h, p.window_h); oh <= h_last; oh++)
            for (long ow = first_window(column, p.stride_w, p.pad_w, p.window_w); ow <= w_last; ow++) {
                WINDOW(oh, ow);
                T_C top[BLOCK], given[BLOCK];
                __global const T *tops = most + most_at + OUT_AT(oh, ow),
                                 *arriving = grad + grad_at + OUT_AT(oh, ow);
                FOR_CHANNELS(top[c] = LOAD_T(tops, c);
                             given[c] = IS_MAXIMUM(mine[c], top[c]) ? LOAD_T(arriving, c) : (T_C)0;)
                for (long y = h; y <= row; y++)
                    for (long x = w; x < (y == row ? column : w_end); x++) { /* an earlier one takes it */
                        __global const T *at = in + in_at + IN_AT(y, x);
                        FOR_CHANNELS(T_C v = LOAD_T(at, c);
                                     given[c] = IS_MAXIMUM(v, top[c]) ? (T_C)0 : given[c];)
                    }
                FOR_CHANNELS(sum[c] += given[c];)
            }
        FOR_CHANNELS(STORE_T(to, c, sum[c]);)
    }
}

/* From an image-shaped gradient, what stood at each window's first maximum. */
__kernel void max_pool_grad_grad(__global T *out, long out_at, __global const T *in, long in_at,
                                 __global const T *most, long most_at, __global const T *grad, long grad_at,
                                 pool p) {
    FOR_EACH(i, (size_t)(p.batch * p.out_h * p.out_w) * BLOCKS(p)) {
        PLACE(p.out_h, p.out_w);
        WINDOW(row, column);
        T_C top[BLOCK], found[BLOCK];
        __global const T *tops = most + most_at + OUT_AT(row, column);
        __global T *to = out + out_at + OUT_AT(row, column);
        FOR_CHANNELS(top[c] = LOAD_T(tops, c); found[c] = 0;)
        for (long y = h_end - 1; y >= h; y--)
            for (long x = w_end - 1; x >= w; x--) { /* backwards: the first one stays */
                __global const T *at = in + in_at + IN_AT(y, x), *arriving = grad + grad_at + IN_AT(y, x);
                FOR_CHANNELS(T_C v = LOAD_T(at, c);
                             found[c] = IS_MAXIMUM(v, top[c]) ? LOAD_T(arriving, c) : found[c];)
            }
        FOR_CHANNELS(STORE_T(to, c, found[c]);)
    }
}

__kernel void avg_pool_grad(__global T *out, long out_at, __global const T *grad, long grad_at, pool p) {
    FOR_EACH(i, (size_t)(p.batch * p.in_h * p.in_w) * BLOCKS(p)) {
        PLACE(p.in_h, p.in_w);
        T_C sum[BLOCK];
        __global T *to = out + out_at + IN_AT(row, column);
        FOR_CHANNELS(sum[c] = 0;)
        long h_last = last_window(row, p.stride_h, p.pad_h, p.out_h),
             w_last = last_window(column, p.stride_w, p.pad_w, p.out_w);
        for (long oh = first_window(row, p.stride_h, p.pad_h, p.window_h); oh <= h_last; oh++)
            for (long ow = first_window(column, p.stride_w, p.pad_w, p.window_w); ow <= w_last; ow++) {
                WINDOW(oh, ow);
                T_C count = (T_C)((h_end - h) * (w_end - w));
                __global const T *arriving = grad + grad_at + OUT_AT(oh, ow);
                FOR_CHANNELS(sum[c] += LOAD_T(arriving, c) / count;)
            }
        FOR_CHANNELS(STORE_T(to, c, sum[c]);)
    }
}
