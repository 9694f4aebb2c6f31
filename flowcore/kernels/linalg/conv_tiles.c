/* Rectangles of pixels, and what they read of an image. See conv.h. */
#include "conv.h"

int64_t fc_extent(const fc_axis *a, int64_t n) {
    return a->n_taps ? a->taps[a->n_taps - 1].offset - a->taps[0].offset + (n - 1) * a->step + 1 : 1;
}

fc_tiling fc_cut(const fc_axis *h, const fc_axis *w, int64_t channels, int64_t pixels) {
    int64_t columns = min64(w->length, pixels), row = max64(fc_extent(h, 1), 1);
    while (columns > 1 && (double)fc_extent(w, columns) * (double)row * (double)channels > PATCH)
        columns = (columns + 1) / 2;
    columns = ceil_div(w->length, ceil_div(w->length, columns));
    int64_t rows = min64(h->length, max64(pixels / columns, 1));
    while (rows > 1 && (double)fc_extent(w, columns) * (double)fc_extent(h, rows) * (double)channels > PATCH)
        rows = (rows + 1) / 2;
    rows = ceil_div(h->length, ceil_div(h->length, rows));
    return (fc_tiling){rows, columns, ceil_div(h->length, rows) * ceil_div(w->length, columns)};
}

fc_tile fc_tile_at(const fc_axis *h, const fc_axis *w, fc_tiling size, int64_t index) {
    int64_t across = ceil_div(w->length, size.columns), t = index / across * size.rows,
            u = index % across * size.columns;
    return (fc_tile){h, w, t, min64(t + size.rows, h->length), u, min64(u + size.columns, w->length)};
}

fc_view fc_look(const fc_images *source, const fc_tile *t, int padded) {
    fc_view v = {.direct = 1};
    fc_useful_taps(t->h, t->t, t->t_end, &v.h_first, &v.h_last);
    fc_useful_taps(t->w, t->u, t->u_end, &v.w_first, &v.w_last);
    if (v.h_last < v.h_first || v.w_last < v.w_first) return v;
    v.y = t->h->taps[v.h_first].offset + t->t * t->h->step;
    v.x = t->w->taps[v.w_first].offset + t->u * t->w->step;
    int64_t y_end = t->h->taps[v.h_last].offset + (t->t_end - 1) * t->h->step + 1;
    int64_t x_end = t->w->taps[v.w_last].offset + (t->u_end - 1) * t->w->step + 1;
    if (!padded) {
        v.y = max64(v.y, 0), v.x = max64(v.x, 0);
        y_end = min64(y_end, source->height), x_end = min64(x_end, source->width);
    }
    v.rows = y_end - v.y, v.columns = x_end - v.x;
    v.direct = !source->channels_first && (source->dtype == FC_FLOAT32 || source->dtype == FC_FLOAT64) &&
               v.y >= 0 && v.x >= 0 && y_end <= source->height && x_end <= source->width;
    v.pitch = (v.direct ? source->width : v.columns) * source->channels;
    return v;
}

const char *fc_source_at(const fc_images *source, const fc_view *v, int64_t index, const char *patch) {
    if (!v->direct) return patch;
    return (const char *)source->data + ((index * source->height + v->y) * source->width + v->x) *
                                            source->channels * fc_item_size(source->dtype);
}

void fc_add_run(fc_run *runs, int64_t *n, fc_run next, int64_t a_step, int64_t b_step) {
    fc_run *last = runs + *n - 1;
    if (*n && last->a + last->length * a_step == next.a && last->b + last->length * b_step == next.b)
        last->length += next.length;
    else runs[(*n)++] = next;
}
