/* Where a convolution reads its image and writes its result: geometry of one axis, and copies between tensors
 * of any layout and floating type and the channels-last memory in the computed type that the kernels of
 * gemm.h work on. */
#ifndef FLOWCORE_IMAGE_H
#define FLOWCORE_IMAGE_H

#include "../../_kernel.h"

/* A batch of images as a tensor stores them. */
typedef struct {
    void *data;
    int64_t height, width, channels;
    int dtype, channels_first;
} fc_images;

/* The filter element `index` reads the source at `offset` for position 0. */
typedef struct {
    int64_t index, offset;
} fc_tap;

/* One axis of a convolution in gather form: position t = 0..length of the result, which is number first + t *
 * spread of the destination, is a sum over taps of the source at t * step + tap.offset, where that lies
 * within 0..limit. */
typedef struct {
    int64_t length, first, spread, step, limit, n_taps;
    fc_tap *taps; /* by ascending offset */
} fc_axis;

/* Indices of the first and the last tap that some position of begin..end can use; last < first: none. */
void fc_useful_taps(const fc_axis *axis, int64_t begin, int64_t end, int64_t *first, int64_t *last);

/* Image `index`, rows y..y+h and columns x..x+w, zero outside of the image, to `to` as [h][w][channels]. */
void fc_load_patch(const fc_images *images, int64_t index, int64_t y, int64_t x, int64_t h, int64_t w,
                   void *to);

/* The pixels of a rectangle of positions, channels c..c+n, from `from` as [rows][columns][n], to image
 * `index`. */
typedef struct {
    int64_t row, row_step, rows, column, column_step, columns;
} fc_rectangle;
void fc_store_pixels(const fc_images *images, int64_t index, fc_rectangle at, int64_t c, int64_t n,
                     const void *from);

#endif
