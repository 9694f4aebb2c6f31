/* Conv2D and its gradients as matrix products (gemm.h) that read the image in place: a row's number is
 * (image, row, column) of a pixel of the result, k is (filter row, filter column, channel), and both only say
 * where to look. What lies beyond the image's border is zeros in a copy with a frame, made where the op pads;
 * nothing larger than that is ever written.
 *
 * - forward: result[pixel, o] is the sum over taps of
 *   image[pixel * stride + tap * dilation] * filter[tap, o];
 * - image gradient: result[pixel, c] is the sum over taps of
 *   spread[pixel + tap * dilation] * turned filter[tap, c],
 *   where `spread` is the gradient that arrives, its pixels `stride` apart;
 * - filter gradient: result[tap, o] is the sum over pixels of
 *   image[pixel * stride + tap * dilation] * gradient[pixel, o]. */
#include "../kernels/linalg/conv_shape.h"
#include "gemm.h"

/* Images of [count][height][width][depth], or channels first, and how far apart their elements are. */
typedef struct {
    fc_tensor t;
    int64_t count, height, width, depth;
    int64_t image, row, column, channel; /* strides in elements */
} images;

static images as_images(const fc_tensor *t, int64_t count, int64_t height, int64_t width, int64_t depth,
                        int channels_first) {
    images x = {*t, count, height, width, depth, height * width * depth, width * depth, depth, 1};
    if (channels_first) x.row = width, x.column = 1, x.channel = height * width;
    return x;
}

static int zero(fc_ctx *ctx, const fc_tensor *t) {
    static const int64_t nothing[2] = {0, 0};
    return ocl_fill(ctx, t, NULL, nothing);
}

/* A copy of `x`, its pixels `spread` apart, the first at (y, x), in height x width of zeros; where nothing
 * changes, `x` itself. */
static int framed(fc_ctx *ctx, const images *x, const int64_t *at, const int64_t *spread, const int64_t *size,
                  int channels_first, images *out) {
    if (!at[0] && !at[1] && spread[0] == 1 && spread[1] == 1 && size[0] <= x->height && size[1] <= x->width) {
        *out = *x;
        fc_retain(out->t.buffer);
        return FC_OK;
    }
    *out = as_images(&x->t, x->count, size[0], size[1], x->depth, channels_first);
    out->t.offset = 0, out->t.size = x->count * size[0] * size[1] * x->depth;
    int rc = ocl_buffer_new(ctx, x->t.dtype, out->t.size, &out->t.buffer);
    ocl_call call;
    if (!rc) rc = ocl_begin(&call, ctx, "copy", "frame", "T=%s", ocl_item_type(fc_item_size(x->t.dtype)));
    if (rc) return rc;
    ocl_tensor(&call, &out->t);
    ocl_tensor(&call, &x->t);
    const int64_t n = out->t.size, channels = channels_first ? 1 : x->depth;
    const int64_t numbers[] = {n,
                               x->height,
                               x->width,
                               channels,
                               size[0],
                               size[1],
                               at[0],
                               at[1],
                               spread[0],
                               spread[1],
                               ocl_divisor(channels, n),
                               ocl_divisor(size[1], n),
                               ocl_divisor(size[0], n)};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) ocl_long(&call, numbers[i]);
    return ocl_run(&call, n);
}

/* The pixels of a result, read from `x` `stride` apart; as rows or as k. */
static void pixels(const images *x, const int64_t *out, const int64_t *stride, int64_t *size,
                   int64_t *strides) {
    size[0] = out[0], size[1] = out[1];
    strides[0] = x->image, strides[1] = x->row * stride[0], strides[2] = x->column * stride[1];
}

/* The taps of a filter with their channels, likewise. */
static void taps(const images *x, const int64_t *kernel, const int64_t *dilation, int64_t *size,
                 int64_t *strides) {
    if (x->channel == 1 && x->column == x->depth && dilation[1] == 1) { /* a row of taps is one run */
        size[0] = kernel[0], size[1] = kernel[1] * x->depth;
        strides[0] = 0, strides[1] = x->row * dilation[0], strides[2] = 1;
        return;
    }
    size[0] = kernel[1], size[1] = x->depth;
    strides[0] = x->row * dilation[0], strides[1] = x->column * dilation[1], strides[2] = x->channel;
}

/* result = the sum over taps of `x`; `filter` is [taps and channels of x][depth of the result]. */
static int gather(fc_ctx *ctx, const images *x, const fc_tensor *filter, const images *result,
                  const int64_t *kernel, const int64_t *stride, const int64_t *dilation) {
    int64_t out[2] = {result->height, result->width}, one[2] = {1, 1}, size[2];
    ocl_gemm g = {.m = result->count * out[0] * out[1],
                  .n = result->depth,
                  .k = kernel[0] * kernel[1] * x->depth,
                  .b_k = result->depth,
                  .b_column = 1,
                  .c_column = result->channel,
                  .count = 1};
    pixels(x, out, stride, g.row_size, g.row_stride);
    taps(x, kernel, dilation, g.k_size, g.k_stride);
    pixels(result, out, one, size, g.c_row);
    return ocl_multiply(ctx, &result->t, &x->t, filter, g);
}

/* How far the taps reach from the first pixel of the last result. */
static int64_t reach(const fc_conv *g, int i) {
    return (g->out[i] - 1) * g->stride[i] + (g->kernel[i] - 1) * g->dilation[i] + 1;
}

static int framed_input(fc_ctx *ctx, const fc_tensor *image, const fc_conv *g, images *out) {
    images x = as_images(image, g->batch, g->in[0], g->in[1], g->in_channels, g->channels_first);
    return framed(ctx, &x, g->pad, (int64_t[]){1, 1}, (int64_t[]){reach(g, 0), reach(g, 1)},
                  g->channels_first, out);
}

static int conv2d(fc_ctx *ctx) {
    const fc_tensor *image = ctx->in[0], *filter = ctx->in[1];
    fc_conv g;
    int64_t shape[4];
    int rc = fc_conv_expect_images(ctx, 0, "input", image->dtype);
    if (!rc) rc = fc_conv_expect_images(ctx, 1, "filter", image->dtype);
    if (!rc) rc = fc_conv_describe(ctx, fc_dims(image), fc_dims(filter), &g, shape);
    if (!rc) rc = ctx->api->alloc(ctx, 0, image->dtype, 4, shape);
    if (rc || !ctx->out[0].size) return rc;
    if (!filter->size || !image->size) return zero(ctx, &ctx->out[0]); /* empty sums */
    images x = {.count = 0},
           result = as_images(&ctx->out[0], g.batch, g.out[0], g.out[1], g.out_channels, g.channels_first);
    rc = framed_input(ctx, image, &g, &x);
    if (!rc) rc = gather(ctx, &x, filter, &result, g.kernel, g.stride, g.dilation);
    fc_release(x.t.buffer);
    return rc;
}

/* The filter turned round, its two channel axes exchanged: [kernel][kernel][out channels][in channels]. */
static int turned(fc_ctx *ctx, const fc_tensor *filter, fc_tensor *out) {
    int64_t item = fc_item_size(filter->dtype), h = fc_dims(filter)[0], w = fc_dims(filter)[1],
            c = fc_dims(filter)[2], o = fc_dims(filter)[3];
    *out = *filter;
    out->offset = 0;
    fc_set_dims(out, 4, (int64_t[]){h, w, o, c});
    int rc = ocl_buffer_new(ctx, filter->dtype, filter->size, &out->buffer);
    fc_copy copy = {.ndim = 4,
                    .item = item,
                    .shape = {h, w, o, c},
                    .dst = {w * c * o * item, c * o * item, c * item, item},
                    .src = {-w * c * o * item, -c * o * item, item, o * item}};
    return rc ? rc : ocl_move(ctx, &copy, out, 0, filter, (h * w - 1) * c * o * item);
}

static int conv2d_backprop_input(fc_ctx *ctx) {
    const fc_tensor *filter = ctx->in[1], *grad = ctx->in[2];
    fc_conv g;
    int64_t shape[4], in_shape[4], at[2], size[2];
    int rc = fc_conv_read_sizes(ctx, 0, "input_sizes", in_shape);
    if (!rc) rc = fc_conv_expect_images(ctx, 1, "filter", grad->dtype);
    if (!rc) rc = fc_conv_expect_images(ctx, 2, "out_backprop", grad->dtype);
    if (!rc) rc = fc_conv_describe(ctx, in_shape, fc_dims(filter), &g, shape);
    if (!rc) rc = fc_conv_expect_gradient(ctx, shape);
    if (!rc) rc = ctx->api->alloc(ctx, 0, grad->dtype, 4, in_shape);
    if (rc || !ctx->out[0].size) return rc;
    if (!filter->size || !grad->size) return zero(ctx, &ctx->out[0]);
    images arrives = as_images(grad, g.batch, g.out[0], g.out[1], g.out_channels, g.channels_first),
           x = {.count = 0};
    images result = as_images(&ctx->out[0], g.batch, g.in[0], g.in[1], g.in_channels, g.channels_first);
    fc_tensor back = {.buffer = NULL};
    for (int i = 0; i < 2; i++) {
        int64_t last = (g.kernel[i] - 1) * g.dilation[i];
        at[i] = last - g.pad[i], size[i] = g.in[i] + last;
    }
    rc = framed(ctx, &arrives, at, g.stride, size, g.channels_first, &x);
    if (!rc) rc = turned(ctx, filter, &back);
    if (!rc) rc = gather(ctx, &x, &back, &result, g.kernel, (int64_t[]){1, 1}, g.dilation);
    fc_release(x.t.buffer);
    fc_release(back.buffer);
    return rc;
}

static int conv2d_backprop_filter(fc_ctx *ctx) {
    const fc_tensor *image = ctx->in[0], *grad = ctx->in[2];
    fc_conv g;
    int64_t shape[4], filter_shape[4];
    int rc = fc_conv_expect_images(ctx, 0, "input", image->dtype);
    if (!rc) rc = fc_conv_read_sizes(ctx, 1, "filter_sizes", filter_shape);
    if (!rc) rc = fc_conv_expect_images(ctx, 2, "out_backprop", image->dtype);
    if (!rc) rc = fc_conv_describe(ctx, fc_dims(image), filter_shape, &g, shape);
    if (!rc) rc = fc_conv_expect_gradient(ctx, shape);
    if (!rc) rc = ctx->api->alloc(ctx, 0, grad->dtype, 4, filter_shape);
    if (rc || !ctx->out[0].size) return rc;
    if (!image->size || !grad->size) return zero(ctx, &ctx->out[0]);
    images x = {.count = 0}, last = {.count = 0},
           arrives = as_images(grad, g.batch, g.out[0], g.out[1], g.out_channels, g.channels_first);
    rc = framed_input(ctx, image, &g, &x);
    if (!rc && g.channels_first) { /* k runs over images and pixels at one stride: channels last */
        int64_t item = fc_item_size(grad->dtype);
        last = as_images(grad, g.batch, g.out[0], g.out[1], g.out_channels, 0);
        last.t.offset = 0;
        rc = ocl_buffer_new(ctx, grad->dtype, grad->size, &last.t.buffer);
        fc_copy copy = {.ndim = 3,
                        .item = item,
                        .shape = {g.batch, g.out[0] * g.out[1], g.out_channels},
                        .dst = {last.image * item, g.out_channels * item, item},
                        .src = {arrives.image * item, item, arrives.channel * item}};
        if (!rc) rc = ocl_move(ctx, &copy, &last.t, 0, grad, 0);
        arrives.t = last.t;
    }
    ocl_gemm p = {.m = g.kernel[0] * g.kernel[1] * g.in_channels,
                  .n = g.out_channels,
                  .k = g.batch * g.out[0] * g.out[1],
                  .b_k = g.out_channels,
                  .b_column = 1,
                  .c_column = 1,
                  .count = 1};
    if (!rc) {
        taps(&x, g.kernel, g.dilation, p.row_size, p.row_stride);
        pixels(&x, g.out, g.stride, p.k_size, p.k_stride);
        p.c_row[2] = g.out_channels, p.c_row[1] = p.row_size[1] * p.c_row[2],
        p.c_row[0] = p.row_size[0] * p.c_row[1];
        rc = ocl_multiply(ctx, &ctx->out[0], &x.t, &arrives.t, p);
    }
    fc_release(x.t.buffer);
    fc_release(last.t.buffer);
    return rc;
}

#define FLOATS "T:float16,bfloat16,float32,float64"
#define ATTRS "strides padding explicit_paddings data_format dilations"
static const fc_kernel_def defs[] = {
    {"Conv2D", FLOATS, ATTRS, FC_SYNC, 0, 0, conv2d},
    {"Conv2DBackpropInput", FLOATS, ATTRS, FC_SYNC, 1, 0, conv2d_backprop_input},
    {"Conv2DBackpropFilter", FLOATS, ATTRS, FC_SYNC, 2, 0, conv2d_backprop_filter},
};
const fc_kernel_table ocl_conv_table = {FC_ABI, "GPU", sizeof defs / sizeof defs[0], defs};
