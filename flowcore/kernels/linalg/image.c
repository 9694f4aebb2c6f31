/* See image.h. */
#include "image.h"

#include <string.h>

#include "../_float16.h"

void fc_useful_taps(const fc_axis *axis, int64_t begin, int64_t end, int64_t *first, int64_t *last) {
    *first = axis->n_taps, *last = -1;
    for (int64_t i = 0; i < axis->n_taps; i++) {
        int64_t at = axis->taps[i].offset + begin * axis->step,
                end_at = axis->taps[i].offset + (end - 1) * axis->step;
        /* the first position within */
        if (at < 0) at = end_at < 0 ? -1 : (at % axis->step + axis->step) % axis->step;
        if (at < 0 || at > end_at || at >= axis->limit) continue;
        if (*first > i) *first = i;
        *last = i;
    }
}

#define SAME(x) (x)
#define IMAGE_TYPES(X) \
    X(float, float, SAME, SAME, float32) \
    X(double, double, SAME, SAME, float64) \
    X(fc_half, float, fc_from_half, fc_to_half, float16) \
    X(fc_bfloat16, float, fc_from_bfloat16, fc_to_bfloat16, bfloat16)

#define LOAD_AND_STORE(Stored, Computed, LOAD, STORE, name) \
    FC_CLONES static void load_##name(const fc_images *s, const void *image, int64_t y, int64_t y_end, \
                                      int64_t x, int64_t columns, void *to, int64_t pitch) { \
        const Stored *in = image; \
        int64_t c = s->channels; \
        for (; y < y_end; y++) { \
            Computed *out = (Computed *)to; \
            if (s->channels_first) \
                for (int64_t k = 0; k < c; k++) { \
                    const Stored *row = in + (k * s->height + y) * s->width + x; \
                    for (int64_t i = 0; i < columns; i++) out[i * c + k] = LOAD(row[i]); \
                } \
            else { \
                const Stored *row = in + (y * s->width + x) * c; \
                for (int64_t i = 0; i < columns * c; i++) out[i] = LOAD(row[i]); \
            } \
            to = (Computed *)to + pitch; \
        } \
    } \
    FC_CLONES static void store_##name(const fc_images *d, void *image, const fc_rectangle *r, int64_t c, \
                                       int64_t n, const void *pixels) { \
        const Computed *from = pixels; \
        Stored *out = image; \
        for (int64_t i = 0; i < r->rows; i++, from += r->columns * n) { \
            int64_t y = r->row + i * r->row_step; \
            if (d->channels_first) \
                for (int64_t k = 0; k < n; k++) { \
                    Stored *row = out + ((c + k) * d->height + y) * d->width + r->column; \
                    for (int64_t j = 0; j < r->columns; j++) \
                        row[j * r->column_step] = STORE(from[j * n + k]); \
                } \
            else \
                for (int64_t j = 0; j < r->columns; j++) { \
                    Stored *pixel = out + (y * d->width + r->column + j * r->column_step) * d->channels + c; \
                    for (int64_t k = 0; k < n; k++) pixel[k] = STORE(from[j * n + k]); \
                } \
        } \
    }
IMAGE_TYPES(LOAD_AND_STORE)

static char *image_at(const fc_images *images, int64_t index) {
    return (char *)images->data +
           index * images->height * images->width * images->channels * fc_item_size(images->dtype);
}

void fc_load_patch(const fc_images *images, int64_t index, int64_t y, int64_t x, int64_t h, int64_t w,
                   void *to) {
    int64_t pitch = w * images->channels, item = images->dtype == FC_FLOAT64 ? 8 : 4;
    /* zeros before; the image is met, so these are within the patch */
    int64_t top = y < 0 ? -y : 0, left = x < 0 ? -x : 0;
    int64_t rows = (y + h < images->height ? y + h : images->height) - (y + top);
    int64_t columns = (x + w < images->width ? x + w : images->width) - (x + left);
    const void *image = image_at(images, index);
    if (rows < h || columns < w) memset(to, 0, (size_t)(h * pitch * item));
    if (rows <= 0 || columns <= 0) return;
    char *inner = (char *)to + (top * pitch + left * images->channels) * item;
#define LOAD_CASE(name) \
    load_##name(images, image, y + top, y + top + rows, x + left, columns, inner, pitch); \
    break;
    switch (images->dtype) {
    case FC_FLOAT32: LOAD_CASE(float32)
    case FC_FLOAT64: LOAD_CASE(float64)
    case FC_FLOAT16: LOAD_CASE(float16)
    case FC_BFLOAT16: LOAD_CASE(bfloat16)
    default: break;
    }
}

void fc_store_pixels(const fc_images *images, int64_t index, fc_rectangle at, int64_t c, int64_t n,
                     const void *from) {
    void *image = image_at(images, index);
#define STORE_CASE(name) \
    store_##name(images, image, &at, c, n, from); \
    break;
    switch (images->dtype) {
    case FC_FLOAT32: STORE_CASE(float32)
    case FC_FLOAT64: STORE_CASE(float64)
    case FC_FLOAT16: STORE_CASE(float16)
    case FC_BFLOAT16: STORE_CASE(bfloat16)
    default: break;
    }
}
