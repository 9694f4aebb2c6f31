/* Max and average pooling of channels-last images, and the gradients. Each item makes one element of the result: the gradient of the image gathers from
 * the windows that its element is in, in the order in which the CPU adds them. */

typedef struct {
    long batch, in_h, in_w, channels, out_h, out_w;
    long window_h, window_w, stride_h, stride_w, pad_h, pad_w;
} pool;

/* First and one past the last image row (or column) of window `at`. */
static inline long window_begin(long at, long stride, long pad) { return max(at * stride - pad, 0L); }
static inline long window_end(long at, long stride, long pad, long window, long in) { return min(at * stride - pad + window, in); }
/* The windows that image row (or column) `at` is in. */
static inline long first_window(long at, long stride, long pad, long window) { return at + pad < window ? 0 : (at + pad - window) / stride + 1; }
static inline long last_window(long at, long stride, long pad, long out) { return min((at + pad) / stride, out - 1); }

/* The number i of an element as image, row, column, channel. */
#define PLACE(height, width)                                                                 \
    long channel = (long)(i % (size_t)p.channels), column = (long)(i / (size_t)p.channels);  \
    long image = column / (width) / (height), row = column / (width) % (height);             \
    column %= (width)
#define IN_AT(row, column) ((((size_t)image * (size_t)p.in_h + (size_t)(row)) * (size_t)p.in_w + (size_t)(column)) * (size_t)p.channels + (size_t)channel)
#define OUT_AT(row, column) ((((size_t)image * (size_t)p.out_h + (size_t)(row)) * (size_t)p.out_w + (size_t)(column)) * (size_t)p.channels + (size_t)channel)
#define WINDOW(row, column)                                                                                                  \
    long h = window_begin(row, p.stride_h, p.pad_h), h_end = window_end(row, p.stride_h, p.pad_h, p.window_h, p.in_h);       \
    long w = window_begin(column, p.stride_w, p.pad_w), w_end = window_end(column, p.stride_w, p.pad_w, p.window_w, p.in_w)

/* A NaN is a maximum, and meets only NaNs. */
#define IS_MAXIMUM(x, most) ((x) == (most) || ((x) != (x) && (most) != (most)))

__kernel void max_pool(__global T *out, long out_at, __global const T *in, long in_at, pool p) {
    in += in_at;
    FOR_EACH(i, p.batch * p.out_h * p.out_w * p.channels) {
        PLACE(p.out_h, p.out_w);
        WINDOW(row, column);
        T_C best = LOAD_T(in, IN_AT(h, w));
        for (long y = h; y < h_end; y++)
            for (long x = w; x < w_end; x++) {
                T_C v = LOAD_T(in, IN_AT(y, x));
                best = v > best || v != v ? v : best;
            }
        STORE_T(out + out_at, i, best);
    }
}

__kernel void avg_pool(__global T *out, long out_at, __global const T *in, long in_at, pool p) {
    in += in_at;
    FOR_EACH(i, p.batch * p.out_h * p.out_w * p.channels) {
        PLACE(p.out_h, p.out_w);
        WINDOW(row, column);
        T_C sum = 0;
        for (long y = h; y < h_end; y++)
            for (long x = w; x < w_end; x++) sum += LOAD_T(in, IN_AT(y, x));
        STORE_T(out + out_at, i, sum / (T_C)((h_end - h) * (w_end - w)));
    }
}

/* To the first maximum of each window. */
__kernel void max_pool_grad(__global T *out, long out_at, __global const T *in, long in_at, __global const T *most, long most_at, __global const T *grad, long grad_at, pool p) {
    in += in_at;
    most += most_at;
    grad += grad_at;
    FOR_EACH(i, p.batch * p.in_h * p.in_w * p.channels) {
        PLACE(p.in_h, p.in_w);
        T_C mine = LOAD_T(in, i), sum = 0;
        long h_last = last_window(row, p.stride_h, p.pad_h, p.out_h), w_last = last_window(column, p.stride_w, p.pad_w, p.out_w);
        for (long oh = first_window(row, p.stride_h, p.pad_h, p.window_h); oh <= h_last; oh++)
            for (long ow = first_window(column, p.stride_w, p.pad_w, p.window_w); ow <= w_last; ow++) {
                T_C top = LOAD_T(most, OUT_AT(oh, ow));
                if (!IS_MAXIMUM(mine, top)) continue;
                WINDOW(oh, ow);
                bool first = true;
                for (long y = h; y <= row && first; y++)
                    for (long x = w; x < (y == row ? column : w_end) && first; x++) {
                        T_C v = LOAD_T(in, IN_AT(y, x));
                        first = !IS_MAXIMUM(v, top);
                    }
                if (first) sum += LOAD_T(grad, OUT_AT(oh, ow));
            }
        STORE_T(out + out_at, i, sum);
    }
}

/* From an image-shaped gradient, what stood at each window's first maximum. */
__kernel void max_pool_grad_grad(__global T *out, long out_at, __global const T *in, long in_at, __global const T *most, long most_at, __global const T *grad, long grad_at, pool p) {
    in += in_at;
    grad += grad_at;
    FOR_EACH(i, p.batch * p.out_h * p.out_w * p.channels) {
        PLACE(p.out_h, p.out_w);
        WINDOW(row, column);
        T_C top = LOAD_T(most + most_at, i), found = 0;
        bool missing = true;
        for (long y = h; y < h_end && missing; y++)
            for (long x = w; x < w_end && missing; x++) {
                T_C v = LOAD_T(in, IN_AT(y, x));
                if (!IS_MAXIMUM(v, top)) continue;
                found = LOAD_T(grad, IN_AT(y, x));
                missing = false;
            }
        STORE_T(out + out_at, i, found);
    }
}

__kernel void avg_pool_grad(__global T *out, long out_at, __global const T *grad, long grad_at, pool p) {
    grad += grad_at;
    FOR_EACH(i, p.batch * p.in_h * p.in_w * p.channels) {
        PLACE(p.in_h, p.in_w);
        T_C sum = 0;
        long h_last = last_window(row, p.stride_h, p.pad_h, p.out_h), w_last = last_window(column, p.stride_w, p.pad_w, p.out_w);
        for (long oh = first_window(row, p.stride_h, p.pad_h, p.window_h); oh <= h_last; oh++)
            for (long ow = first_window(column, p.stride_w, p.pad_w, p.window_w); ow <= w_last; ow++) {
                WINDOW(oh, ow);
                sum += LOAD_T(grad, OUT_AT(oh, ow)) / (T_C)((h_end - h) * (w_end - w));
            }
        STORE_T(out + out_at, i, sum);
    }
}
