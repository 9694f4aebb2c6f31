/* Conv2D, Conv2DBackpropInput and Conv2DBackpropFilter, as products of gemm.h that read their images in
 * place. Owns: what their kernels share: the op's geometry, and the cutting of images into pieces of work.
 *
 * Convolution and gradient of the image are one computation in gather form: each pixel of the result is a sum
 * over taps (filter elements) of source pixels times a slice of the filter. For the gradient the source is
 * out_backprop, and with strides the pixels fall into phases, of which each sees only every stride-th tap at
 * stride 1. A piece of work is a rectangle of pixels of one phase, or a few whole small images: rows of A are
 * the pixels, runs are the taps. The gradient of the filter turns this round: rows of A are taps and
 * channels, runs are pixels, and partial sums over groups of images are added in a fixed order.
 *
 * Padding is not multiplied: pixels near a border, which see fewer taps, are products of their own (at 5x5 on
 * 14x14 that is a sixth of the work). It needs B packed once for all of them. Where that does not pay (few
 * pixels under a large filter, few channels in the filter's gradient) the piece reads a copy of its patch of
 * the image with zeros around it. An image that is not channels-last in the computed type is read through
 * such a copy as well; it is as large as the patch, never one copy per tap. */
#ifndef FLOWCORE_CONV_H
#define FLOWCORE_CONV_H

#include <string.h>

#include "conv_shape.h"
#include "convert.h"
#include "gemm.h"
#include "image.h"
#include "work.h"

#define PIECE_WORK ((int64_t)1 << 21) /* multiplications that are worth handing to another thread */
#define SPLIT_CHANNELS 8              /* at least, of the source, where borders are computed apart; and */
#define SPLIT_TAPS 64                 /* taps along an axis, at most */
/* Elements of a patch, where pixels allow: half of a second-level cache. */
#define PATCH ((int64_t)96 << 10)
#define ALIGNED(bytes) (((size_t)(bytes) + 63) & ~(size_t)63)

static inline int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
static inline int64_t min64(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t max64(int64_t a, int64_t b) { return a > b ? a : b; }

/* ---- the op (conv_op.c) ---------------------------------------------------------------------- */

fc_images fc_conv_images(const fc_tensor *t, const fc_conv *g);
/* kernels and item size of the computed type */
void fc_conv_use_type(int dtype, const fc_gemm **gemm, int64_t *item);
void fc_conv_zero(fc_tensor *t);
/* The axis of a forward convolution: position t reads t * stride + k * dilation - pad. */
int fc_conv_forward_axis(fc_ctx *ctx, const fc_conv *g, int i, fc_axis *axis);

/* Packed filters: 64-byte aligned memory of `bytes`, at *packed before `pack` fills it, a parallel loop over
 * `pieces` with `arg`. Where the filter is a constant the node's state (FC_KEEPS_CONSTANT) keeps it from the
 * first step on: one of each form. `pack` may set *failed; what it made is then not kept. */
enum { FC_PLAIN, FC_WINDOWS, FC_FILTER_FORMS };
int fc_pack_filter(fc_ctx *ctx, int form, size_t bytes, void **packed, int64_t pieces, int64_t grain,
                   void (*pack)(void *, int64_t, int64_t), void *arg, const int *failed);
fc_resource *fc_new_kept_filter(void); /* NULL: no memory */

/* ---- 3x3 and 5x5 filters (conv_winograd.c) --------------------------------------------------- */

/* Whether a convolution of this geometry, or the gradient of its image, is faster by windows: `result` is the
 * size in pixels of what is computed, with `channels` each, from `depth` channels. Input 1 of the node is the
 * filter. */
int fc_windows_pay(const fc_ctx *ctx, const fc_conv *g, const int64_t *result, int64_t depth,
                   int64_t channels);
/* Does it. `transposed`: for the gradient, with taps turned round; `pad`: of the source. *done is 0 where a
 * result is not finite: all is to be computed plainly. */
int fc_convolve_windows(fc_ctx *ctx, const fc_conv *g, const fc_images *source, const fc_images *result,
                        const int64_t *pad, int transposed, int *done);

/* ---- rectangles of pixels (conv_tiles.c) ----------------------------------------------------- */

typedef struct {
    const fc_axis *h, *w;
    int64_t t, t_end, u, u_end;
} fc_tile;
typedef struct {
    int64_t rows, columns, count;
} fc_tiling;

/* Source length that positions 0..n of an axis see at most. */
int64_t fc_extent(const fc_axis *a, int64_t n);
/* Cuts the positions of two axes into rectangles of at most `pixels` pixels, whose patches are small where
 * that is possible. */
fc_tiling fc_cut(const fc_axis *h, const fc_axis *w, int64_t channels, int64_t pixels);
fc_tile fc_tile_at(const fc_axis *h, const fc_axis *w, fc_tiling size, int64_t index);

/* What a tile reads: taps h_first..h_last x w_first..w_last, within `rows` from y and `columns` from x on in
 * the source. */
typedef struct {
    int64_t h_first, h_last, w_first, w_last, y, x, rows, columns;
    int64_t pitch; /* elements from row to row of what fc_source_at points to */
    int direct;    /* the source's own memory serves */
} fc_view;

/* `padded`: what lies beyond the source is read too, as zeros; otherwise it is cut off. */
fc_view fc_look(const fc_images *source, const fc_tile *t, int padded);
/* The source at (y, x) of image `index`, in the computed type: in place, or in `patch`, where fc_load_patch
 * has put it. */
const char *fc_source_at(const fc_images *source, const fc_view *v, int64_t index, const char *patch);

/* Appends a run, or lengthens the last one where this one continues it in both operands. */
void fc_add_run(fc_run *runs, int64_t *n, fc_run next, int64_t a_step, int64_t b_step);

#endif
