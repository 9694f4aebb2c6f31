/* Conv2D, Conv2DBackpropInput and Conv2DBackpropFilter, as products of gemm.h that read their images in place.
 *
 * Convolution and gradient of the image are one computation in gather form: each pixel of the result is a sum over taps
 * (filter elements) of source pixels times a slice of the filter. For the gradient the source is out_backprop, and with strides
 * the pixels fall into phases, of which each sees only every stride-th tap at stride 1. A piece of work is a rectangle of pixels
 * of one phase, or a few whole small images: rows of A are the pixels, runs are the taps. The gradient of the filter turns this
 * round: rows of A are taps and channels, runs are pixels, and partial sums over groups of images are added in a fixed order.
 *
 * Padding is not multiplied: pixels near a border, which see fewer taps, are products of their own (at 5x5 on 14x14 that is a
 * sixth of the work). It needs B packed once for all of them. Where that does not pay (few pixels under a large filter, few
 * channels in the filter's gradient) the piece reads a copy of its patch of the image with zeros around it. An image that is not
 * channels-last in the computed type is read through such a copy as well; it is as large as the patch, never one copy per tap. */
#include <string.h>

#include "convert.h"
#include "gemm.h"
#include "image.h"
#include "work.h"

#define PIECE_WORK ((int64_t)1 << 21) /* multiplications that are worth handing to another thread */
#define PIXELS 896                    /* of a piece: so that also corners of a few images together fill a register tile */
#define GRADIENT_PIXELS 448           /* the same where the pixels are the inner dimension */
#define SPLIT_CHANNELS 8              /* at least, of the source, where borders are computed apart; and */
#define SPLIT_TAPS 64                 /* taps along an axis, at most */
#define PATCH ((int64_t)96 << 10)     /* elements of a patch, where pixels allow: half of a second-level cache */
#define PARTIAL_BYTES ((int64_t)8 << 20)
#define ALIGNED(bytes) (((size_t)(bytes) + 63) & ~(size_t)63)

enum { STRIDES, PADDING, EXPLICIT_PADDINGS, DATA_FORMAT, DILATIONS };

/* Index 0 is the height, 1 the width. */
typedef struct {
    int64_t batch, in[2], out[2], in_channels, out_channels, kernel[2], stride[2], dilation[2], pad[2];
    int channels_first;
} geometry;

static int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
static int64_t min64(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t max64(int64_t a, int64_t b) { return a > b ? a : b; }

/* ---- what the op says ---------------------------------------------------------------------------------------------- */

static int axis_geometry(fc_ctx *ctx, geometry *g, int i, int axis) {
    const fc_attr *explicit = &ctx->attrs[EXPLICIT_PADDINGS];
    const char *padding = ctx->attrs[PADDING].s ? ctx->attrs[PADDING].s : "", *name = i ? "width" : "height";
    int64_t before = 0, after = 0, stride = g->stride[i];
    /* All below 2^31, and a tensor's sizes below 2^60: no sum or product here overflows. */
    int64_t span = (g->kernel[i] - 1) * g->dilation[i] + 1;
    if (g->kernel[i] < 1) span = 0;
    if (!strcmp(padding, "SAME")) {
        g->out[i] = ceil_div(g->in[i], stride);
        g->pad[i] = max64((g->out[i] - 1) * stride + span - g->in[i], 0) / 2;
        return FC_OK;
    }
    if (!strcmp(padding, "EXPLICIT")) {
        if (explicit->n != 8)
            return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "explicit_paddings must hold 8 numbers, found %lld", (long long)explicit->n);
        for (int d = 0; d < 8; d++)
            if (explicit->ints[d] < 0 || explicit->ints[d] > INT32_MAX || (explicit->ints[d] && (d / 2 != axis && d / 2 != axis + (i ? -1 : 1))))
                return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "explicit_paddings[%d] = %lld: paddings must not be negative, and are "
                                      "for height and width only", d, (long long)explicit->ints[d]);
        before = explicit->ints[2 * axis], after = explicit->ints[2 * axis + 1];
    } else if (strcmp(padding, "VALID")) {
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "padding must be SAME, VALID or EXPLICIT, found '%s'", padding);
    }
    int64_t room = g->in[i] + before + after - span + stride;
    if (room < 0 || !span)
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "Computed output size would be negative: the filter spans %lld of a padded %s of %lld",
                              (long long)span, name, (long long)(g->in[i] + before + after));
    g->out[i] = room / stride;
    g->pad[i] = before;
    return FC_OK;
}

/* Checks attributes and both shapes; fills the geometry and the shape of the result. */
static int describe(fc_ctx *ctx, const int64_t *image, const int64_t *filter, geometry *g, int64_t *out_shape) {
    const fc_attr *strides = &ctx->attrs[STRIDES], *dilations = &ctx->attrs[DILATIONS], *format = &ctx->attrs[DATA_FORMAT];
    static const int64_t ones[4] = {1, 1, 1, 1};
    const int64_t *dilation = dilations->n <= 0 ? ones : dilations->ints;
    g->channels_first = format->s && !strcmp(format->s, "NCHW");
    if (format->s && !g->channels_first && strcmp(format->s, "NHWC"))
        return ctx->api->fail(ctx, FC_UNIMPLEMENTED, "data_format %s is not supported; use NHWC or NCHW", format->s);
    int h = g->channels_first ? 2 : 1, c = g->channels_first ? 1 : 3;
    if (strides->n != 4) return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "strides must have 4 entries, found %lld", (long long)strides->n);
    if (dilations->n > 0 && dilations->n != 4)
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "dilations must have 4 entries, found %lld", (long long)dilations->n);
    if (strides->ints[0] != 1 || strides->ints[c] != 1)
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "strides in the batch and depth dimensions must be 1");
    if (dilation[0] != 1 || dilation[c] != 1)
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "dilations in the batch and depth dimensions must be 1");
    g->batch = image[0], g->in_channels = image[c], g->out_channels = filter[3];
    if (image[c] != filter[2])
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "input depth %lld and the filter's input depth %lld must be equal",
                              (long long)image[c], (long long)filter[2]);
    for (int i = 0; i < 2; i++) {
        g->in[i] = image[h + i], g->kernel[i] = filter[i], g->stride[i] = strides->ints[h + i], g->dilation[i] = dilation[h + i];
        if (g->stride[i] < 1 || g->stride[i] > INT32_MAX)
            return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "strides must be positive 32-bit numbers, found %lld", (long long)g->stride[i]);
        if (g->dilation[i] < 1 || g->dilation[i] > INT32_MAX)
            return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "dilations must be positive 32-bit numbers, found %lld", (long long)g->dilation[i]);
        if (g->kernel[i] > INT32_MAX || g->in[i] > INT64_MAX >> 4)
            return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "filter or input is too large: %lld of %lld", (long long)g->kernel[i],
                                  (long long)g->in[i]);
        int rc = axis_geometry(ctx, g, i, h + i);
        if (rc) return rc;
    }
    out_shape[0] = g->batch, out_shape[c] = g->out_channels, out_shape[h] = g->out[0], out_shape[h + 1] = g->out[1];
    return FC_OK;
}

static int expect_rank_4(fc_ctx *ctx, int i, const char *what) {
    char found[160];
    if (ctx->in[i]->ndim == 4) return FC_OK;
    return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "%s must be 4-dimensional, found shape %s", what, fc_shape_str(ctx->in[i], found, sizeof found));
}

/* A shape given as a tensor of four sizes. */
static int read_sizes(fc_ctx *ctx, int i, const char *what, int64_t *shape) {
    const fc_tensor *t = ctx->in[i];
    char found[160];
    int64_t elements = 1;
    if (t->ndim != 1 || t->size != 4 || (t->dtype != FC_INT32 && t->dtype != FC_INT64))
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "%s must be a vector of 4 sizes, found shape %s", what, fc_shape_str(t, found, sizeof found));
    for (int d = 0; d < 4; d++) {
        shape[d] = fc_int_at(t, d);
        if (shape[d] < 0 || __builtin_mul_overflow(elements, max64(shape[d], 1), &elements))
            return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "%s[%d] = %lld is not a usable size", what, d, (long long)shape[d]);
    }
    return FC_OK;
}

static int expect_out_backprop(fc_ctx *ctx, const int64_t *shape) {
    const fc_tensor *t = ctx->in[2];
    char found[160];
    if (!memcmp(t->shape, shape, 4 * sizeof(int64_t))) return FC_OK;
    return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "Size of out_backprop doesn't match computed: expected [%lld, %lld, %lld, %lld], found %s",
                          (long long)shape[0], (long long)shape[1], (long long)shape[2], (long long)shape[3],
                          fc_shape_str(t, found, sizeof found));
}

/* ---- rectangles of pixels -------------------------------------------------------------------------------------------- */

typedef struct { const fc_axis *h, *w; int64_t t, t_end, u, u_end; } tile;

typedef struct { int64_t rows, columns, count; } tiling;

/* Source length that positions 0..n of an axis see at most. */
static int64_t extent(const fc_axis *a, int64_t n) {
    return a->n_taps ? a->taps[a->n_taps - 1].offset - a->taps[0].offset + (n - 1) * a->step + 1 : 1;
}

/* Cuts the positions of two axes into rectangles of at most `pixels` pixels, whose patches are small where that is possible. */
static tiling cut(const fc_axis *h, const fc_axis *w, int64_t channels, int64_t pixels) {
    int64_t columns = min64(w->length, pixels), row = max64(extent(h, 1), 1);
    while (columns > 1 && (double)extent(w, columns) * (double)row * (double)channels > PATCH) columns = (columns + 1) / 2;
    columns = ceil_div(w->length, ceil_div(w->length, columns));
    int64_t rows = min64(h->length, max64(pixels / columns, 1));
    while (rows > 1 && (double)extent(w, columns) * (double)extent(h, rows) * (double)channels > PATCH) rows = (rows + 1) / 2;
    rows = ceil_div(h->length, ceil_div(h->length, rows));
    return (tiling){rows, columns, ceil_div(h->length, rows) * ceil_div(w->length, columns)};
}

static tile tile_at(const fc_axis *h, const fc_axis *w, tiling size, int64_t index) {
    int64_t across = ceil_div(w->length, size.columns), t = index / across * size.rows, u = index % across * size.columns;
    return (tile){h, w, t, min64(t + size.rows, h->length), u, min64(u + size.columns, w->length)};
}

/* What a tile reads: taps h_first..h_last x w_first..w_last, within `rows` from y and `columns` from x on in the source. */
typedef struct {
    int64_t h_first, h_last, w_first, w_last, y, x, rows, columns;
    int64_t pitch;  /* elements from row to row of what `source_rows` returns */
    int direct;     /* the source's own memory serves */
} view;

/* `padded`: what lies beyond the source is read too, as zeros; otherwise it is cut off. */
static view look(const fc_images *source, const tile *t, int padded) {
    view v = {.direct = 1};
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
    v.direct = !source->channels_first && (source->dtype == FC_FLOAT32 || source->dtype == FC_FLOAT64) && v.y >= 0 && v.x >= 0 &&
               y_end <= source->height && x_end <= source->width;
    v.pitch = (v.direct ? source->width : v.columns) * source->channels;
    return v;
}

/* The source at (y, x) of image `index`, in the computed type: in place, or in `patch`, where fc_load_patch has put it. */
static const char *source_at(const fc_images *source, const view *v, int64_t index, const char *patch) {
    if (!v->direct) return patch;
    return (const char *)source->data +
           ((index * source->height + v->y) * source->width + v->x) * source->channels * fc_item_size(source->dtype);
}

/* Appends a run, or lengthens the last one where this one continues it in both operands. */
static void add_run(fc_run *runs, int64_t *n, fc_run next, int64_t a_step, int64_t b_step) {
    fc_run *last = runs + *n - 1;
    if (*n && last->a + last->length * a_step == next.a && last->b + last->length * b_step == next.b)
        last->length += next.length;
    else
        runs[(*n)++] = next;
}

/* ---- convolution, and gradient of the image ---------------------------------------------------------------------------- */

typedef struct {
    const fc_gemm *gemm;
    int64_t item, kernel[2];
    fc_images source, result;
    const char *filter;                           /* in the computed type */
    int64_t tap_size, b_step, b_column;           /* elements of a filter element's matrix, and its strides as B */
    char *packed;                                 /* the whole filter, packed; NULL: packed piece by piece, or */
    int narrow;                                   /* read as it is: dot products */
    const tile *tiles;
    int64_t n_tiles, batch, group, groups, n_block, n_blocks;
    int staged, out_of_memory;                    /* staged: pixels go through memory in the computed type */
} pixel_job;

/* Memory of one piece. */
typedef struct {
    fc_run *runs;
    const void **a;
    void **c;
    char *stage, *patches, *pack;
    size_t patch_bytes;
    int64_t image, image_end, j, n;
} pixel_work;

/* Positions of a tile that share their taps, as a tile, and those taps: one product. */
static void pixel_product(const pixel_job *job, const tile *all, const tile *t, const view *v, const pixel_work *w, int64_t h_first,
                          int64_t h_last, int64_t w_first, int64_t w_last) {
    const fc_images *source = &job->source, *result = &job->result;
    int64_t n_runs = 0, m = 0, item = job->item, depth = source->channels, width = all->u_end - all->u, y = 0, x = 0;
    int64_t tap_size = job->packed ? depth : job->tap_size, b_step = job->packed ? 1 : job->b_step;
    for (int64_t k = h_first; k <= h_last; k++)
        for (int64_t l = w_first; l <= w_last; l++) {
            const fc_tap *ky = &t->h->taps[k], *kx = &t->w->taps[l];
            if (!n_runs) y = ky->offset - v->y, x = kx->offset - v->x;
            fc_run run = {(ky->offset - v->y - y) * v->pitch + (kx->offset - v->x - x) * depth,
                          (ky->index * job->kernel[1] + kx->index) * tap_size, depth};
            add_run(w->runs, &n_runs, run, 1, b_step);
        }
    for (int64_t i = w->image; i < w->image_end; i++) {
        const char *rows = source_at(source, v, i, w->patches + (i - w->image) * w->patch_bytes);
        for (int64_t at_y = t->t; at_y < t->t_end; at_y++) {
            int64_t out_y = (i * result->height + t->h->first + at_y * t->h->spread) * result->width;
            int64_t staged = ((i - w->image) * (all->t_end - all->t) + at_y - all->t) * width - all->u;
            for (int64_t at_x = t->u; at_x < t->u_end; at_x++, m++) {
                int64_t out = (out_y + t->w->first + at_x * t->w->spread) * result->channels + w->j;
                w->a[m] = n_runs ? rows + ((y + at_y * t->h->step) * v->pitch + (x + at_x * t->w->step) * depth) * item : NULL;
                w->c[m] = job->staged ? w->stage + (staged + at_x) * w->n * item : (char *)result->data + out * item;
            }
        }
    }
    int64_t inner = job->packed ? job->kernel[0] * job->kernel[1] * depth : 0;
    const char *b = job->packed ? job->packed + w->j * inner * item : job->filter + w->j * job->b_column * item;
    fc_block block = {w->a, b, w->c, w->runs, n_runs, 1, job->b_step, job->b_column, inner, m, w->n, 0};
    job->gemm->block(&block, w->pack);
}

/* The end of the positions from `begin` on that see the same taps as it. */
static int64_t same_taps(const fc_axis *axis, int64_t begin, int64_t end, int64_t *first, int64_t *last) {
    int64_t other_first, other_last, at = begin;
    fc_useful_taps(axis, at, at + 1, first, last);
    do {
        if (++at == end) break;
        fc_useful_taps(axis, at, at + 1, &other_first, &other_last);
    } while (other_first == *first && other_last == *last);
    return at;
}

static void pixel_piece(pixel_job *job, int64_t piece) {
    const tile *t = &job->tiles[piece / job->n_blocks / job->groups];
    const fc_images *source = &job->source;
    int split = (job->packed || job->narrow) && source->channels >= SPLIT_CHANNELS && t->h->n_taps <= SPLIT_TAPS && t->w->n_taps <= SPLIT_TAPS;
    view v = look(source, t, !split);
    pixel_work w = {.j = piece % job->n_blocks * job->n_block, .image = piece / job->n_blocks % job->groups * job->group};
    w.n = min64(job->n_block, job->result.channels - w.j);
    w.image_end = min64(w.image + job->group, job->batch);
    int64_t images = w.image_end - w.image, pixels = images * (t->t_end - t->t) * (t->u_end - t->u);
    int64_t taps = max64(v.h_last - v.h_first + 1, 0) * max64(v.w_last - v.w_first + 1, 0);
    size_t run_bytes = ALIGNED(taps * sizeof(fc_run)), row_bytes = ALIGNED(pixels * sizeof(void *));
    size_t stage_bytes = job->staged ? ALIGNED(pixels * w.n * job->item) : 0;
    w.patch_bytes = v.direct ? 0 : ALIGNED(v.rows * v.columns * source->channels * job->item);
    char *work = fc_work_begin(run_bytes + 2 * row_bytes + stage_bytes + images * w.patch_bytes +
                               (job->packed ? 0 : fc_gemm_work(FC_GEMM_INNER, w.n, job->item)));
    if (!work) {
        __atomic_store_n(&job->out_of_memory, 1, __ATOMIC_RELAXED);
        return;
    }
    w.runs = (fc_run *)work;
    w.a = (const void **)(work + run_bytes);
    w.c = (void **)(work + run_bytes + row_bytes);
    w.stage = work + run_bytes + 2 * row_bytes;
    w.patches = w.stage + stage_bytes;
    w.pack = w.patches + images * w.patch_bytes;
    for (int64_t i = w.image; !v.direct && i < w.image_end; i++)
        fc_load_patch(source, i, v.y, v.x, v.rows, v.columns, w.patches + (i - w.image) * w.patch_bytes);
    if (!split) {
        pixel_product(job, t, t, &v, &w, v.h_first, v.h_last, v.w_first, v.w_last);
    } else {
        tile part = *t;
        int64_t h_first, h_last, w_first, w_last;
        for (part.t = t->t; part.t < t->t_end; part.t = part.t_end) {
            part.t_end = same_taps(t->h, part.t, t->t_end, &h_first, &h_last);
            for (part.u = t->u; part.u < t->u_end; part.u = part.u_end) {
                part.u_end = same_taps(t->w, part.u, t->u_end, &w_first, &w_last);
                pixel_product(job, t, &part, &v, &w, h_first, h_last, w_first, w_last);
            }
        }
    }
    fc_rectangle at = {t->h->first + t->t * t->h->spread, t->h->spread, t->t_end - t->t,
                       t->w->first + t->u * t->w->spread, t->w->spread, t->u_end - t->u};
    for (int64_t i = w.image; job->staged && i < w.image_end; i++)
        fc_store_pixels(&job->result, i, at, w.j, w.n, w.stage + (i - w.image) * at.rows * at.columns * w.n * job->item);
    fc_work_end(work);
}
static void pixel_pieces(void *arg, int64_t begin, int64_t end) {
    for (int64_t piece = begin; piece < end; piece++) pixel_piece(arg, piece);
}

static void pack_taps(void *arg, int64_t begin, int64_t end) {
    pixel_job *job = arg;
    int64_t depth = job->source.channels, taps = job->kernel[0] * job->kernel[1];
    for (int64_t tap = begin; tap < end; tap++)
        job->gemm->pack(job->filter + tap * job->tap_size * job->item, job->b_step, job->b_column, tap * depth, depth, taps * depth,
                        job->result.channels, job->packed);
}

/* Packs the filter when there are enough pixels to pay for it. */
static int pack_filter(fc_ctx *ctx, pixel_job *job) {
    int64_t taps = job->kernel[0] * job->kernel[1], inner = taps * job->source.channels;
    job->narrow = job->result.channels <= FC_NARROW && job->b_step == 1;
    if (job->narrow || (job->batch * job->result.height * job->result.width < 1024 && job->tap_size * taps > 1 << 16)) return FC_OK;
    int rc = ctx->api->scratch(ctx, (size_t)(fc_packed_size(inner, job->result.channels) * job->item), (void **)&job->packed);
    if (!rc) ctx->api->parallel_for(ctx, taps, max64((1 << 16) / job->tap_size, 1), pack_taps, job);
    return rc;
}

/* Runs the job over all tiles of the given phases. */
static int run_pixels(fc_ctx *ctx, pixel_job *job, const fc_axis *h, int64_t n_h, const fc_axis *w, int64_t n_w) {
    tile *tiles;
    int64_t pixels = 1, work, taps = 1;
    int rc = pack_filter(ctx, job);
    if (rc) return rc;
    for (int64_t i = 0; i < n_h * n_w; i++) job->n_tiles += cut(&h[i / n_w], &w[i % n_w], job->source.channels, PIXELS).count;
    rc = ctx->api->scratch(ctx, (size_t)job->n_tiles * sizeof(tile), (void **)&tiles);
    if (rc) return rc;
    job->tiles = tiles;
    for (int64_t i = 0; i < n_h * n_w; i++) {
        const fc_axis *ah = &h[i / n_w], *aw = &w[i % n_w];
        tiling size = cut(ah, aw, job->source.channels, PIXELS);
        for (int64_t k = 0; k < size.count; k++) *tiles++ = tile_at(ah, aw, size, k);
        pixels = max64(pixels, size.rows * size.columns);
        taps = max64(taps, ah->n_taps * aw->n_taps);
    }
    /* Small images are taken several at once; a few large ones share the columns of the result out. */
    double patch = (double)extent(h, h->length) * (double)extent(w, w->length) * (double)job->source.channels;
    job->group = n_h * n_w == job->n_tiles && patch < PATCH ? max64(min64(PIXELS / pixels, PATCH / (int64_t)patch), 1) : 1;
    job->groups = ceil_div(job->batch, job->group);
    job->n_block = min64(job->result.channels, FC_GEMM_COLUMNS);
    for (;;) {
        job->n_blocks = ceil_div(job->result.channels, job->n_block);
        work = pixels * job->group * min64(taps, (int64_t)1 << 20) * job->source.channels * job->n_block;
        if (job->n_tiles * job->groups * job->n_blocks >= 16 || job->n_block <= 64 || work < 2 * PIECE_WORK) break;
        job->n_block = (job->n_block / 2 + 31) / 32 * 32;
    }
    ctx->api->parallel_for(ctx, job->n_tiles * job->groups * job->n_blocks, work < PIECE_WORK ? PIECE_WORK / max64(work, 1) : 1,
                           pixel_pieces, job);
    return job->out_of_memory ? ctx->api->fail(ctx, FC_RESOURCE_EXHAUSTED, "out of memory for the work space of a convolution") : FC_OK;
}

static fc_images images_of(const fc_tensor *t, const geometry *g) {
    int h = g->channels_first ? 2 : 1;
    return (fc_images){fc_data(t), t->shape[h], t->shape[h + 1], t->shape[g->channels_first ? 1 : 3], t->dtype, g->channels_first};
}

static void use_type(int dtype, const fc_gemm **gemm, int64_t *item) {
    *gemm = dtype == FC_FLOAT64 ? fc_gemm_float64() : fc_gemm_float32();
    *item = dtype == FC_FLOAT64 ? 8 : 4;
}

static void zero(fc_tensor *t) {
    if (t->size) memset(fc_data(t), 0, (size_t)(t->size * fc_item_size(t->dtype)));
}

/* The axis of a forward convolution: position t reads t * stride + k * dilation - pad. */
static int forward_axis(fc_ctx *ctx, const geometry *g, int i, fc_axis *axis) {
    *axis = (fc_axis){g->out[i], 0, 1, g->stride[i], g->in[i], g->kernel[i], NULL};
    int rc = ctx->api->scratch(ctx, (size_t)g->kernel[i] * sizeof(fc_tap), (void **)&axis->taps);
    for (int64_t k = 0; !rc && k < g->kernel[i]; k++) axis->taps[k] = (fc_tap){k, k * g->dilation[i] - g->pad[i]};
    return rc;
}

/* The phases of a gradient: pixel p + t * stride gets tap k from t + (p + pad - k * dilation) / stride, where that is whole. */
static int phases(fc_ctx *ctx, const geometry *g, int i, fc_axis **axes, int64_t *count) {
    int64_t n = min64(g->stride[i], g->in[i]), stride = g->stride[i];
    fc_tap *taps;
    int rc = ctx->api->scratch(ctx, (size_t)n * sizeof(fc_axis), (void **)axes);
    if (!rc) rc = ctx->api->scratch(ctx, (size_t)g->kernel[i] * sizeof(fc_tap), (void **)&taps);
    if (rc) return rc;
    int64_t used = 0;
    for (int64_t p = 0; p < n; p++) {
        fc_axis *axis = &(*axes)[p];
        *axis = (fc_axis){ceil_div(g->in[i] - p, stride), p, stride, 1, g->out[i], 0, taps + used};
        for (int64_t k = g->kernel[i] - 1; k >= 0; k--) {
            int64_t offset = p + g->pad[i] - k * g->dilation[i];
            if (offset % stride == 0) axis->taps[axis->n_taps++] = (fc_tap){k, offset / stride};
        }
        used += axis->n_taps;
    }
    *count = n;
    return FC_OK;
}

int fc_conv2d(fc_ctx *ctx) {
    const fc_tensor *image = ctx->in[0], *filter = ctx->in[1];
    fc_tensor *out = &ctx->out[0];
    geometry g;
    int64_t shape[4];
    fc_axis axes[2];
    void *wide;
    int rc = expect_rank_4(ctx, 0, "input");
    if (!rc) rc = expect_rank_4(ctx, 1, "filter");
    if (!rc) rc = describe(ctx, image->shape, filter->shape, &g, shape);
    if (!rc) rc = ctx->api->alloc(ctx, 0, image->dtype, 4, shape);
    if (rc || !out->size) return rc;
    if (!filter->size || !image->size) { /* empty sums */
        zero(out);
        return FC_OK;
    }
    for (int i = 0; i < 2 && !rc; i++) rc = forward_axis(ctx, &g, i, &axes[i]);
    if (!rc) rc = fc_widen(ctx, filter, &wide);
    if (rc) return rc;
    pixel_job job = {.kernel = {g.kernel[0], g.kernel[1]}, .source = images_of(image, &g), .result = images_of(out, &g), .filter = wide,
                     .tap_size = g.in_channels * g.out_channels, .b_step = g.out_channels, .b_column = 1, .batch = g.batch};
    job.staged = g.channels_first || fc_computed_type(out->dtype) != out->dtype;
    use_type(out->dtype, &job.gemm, &job.item);
    return run_pixels(ctx, &job, &axes[0], 1, &axes[1], 1);
}

int fc_conv2d_backprop_input(fc_ctx *ctx) {
    const fc_tensor *filter = ctx->in[1], *grad = ctx->in[2];
    fc_tensor *out = &ctx->out[0];
    geometry g;
    int64_t shape[4], in_shape[4], count[2];
    fc_axis *axes[2];
    void *wide;
    int rc = read_sizes(ctx, 0, "input_sizes", in_shape);
    if (!rc) rc = expect_rank_4(ctx, 1, "filter");
    if (!rc) rc = expect_rank_4(ctx, 2, "out_backprop");
    if (!rc) rc = describe(ctx, in_shape, filter->shape, &g, shape);
    if (!rc) rc = expect_out_backprop(ctx, shape);
    if (!rc) rc = ctx->api->alloc(ctx, 0, grad->dtype, 4, in_shape);
    if (rc || !out->size) return rc;
    if (!filter->size || !grad->size) {
        zero(out);
        return FC_OK;
    }
    for (int i = 0; i < 2 && !rc; i++) rc = phases(ctx, &g, i, &axes[i], &count[i]);
    if (!rc) rc = fc_widen(ctx, filter, &wide);
    if (rc) return rc;
    pixel_job job = {.kernel = {g.kernel[0], g.kernel[1]}, .source = images_of(grad, &g), .result = images_of(out, &g), .filter = wide,
                     .tap_size = g.in_channels * g.out_channels, .b_step = 1, .b_column = g.out_channels, .batch = g.batch};
    job.staged = g.channels_first || fc_computed_type(out->dtype) != out->dtype;
    use_type(out->dtype, &job.gemm, &job.item);
    return run_pixels(ctx, &job, axes[0], count[0], axes[1], count[1]);
}

/* ---- gradient of the filter ------------------------------------------------------------------------------------------------ */

typedef struct {
    const fc_gemm *gemm;
    int64_t item, m, n, m_block, n_block, m_blocks, n_blocks;
    const geometry *g;
    fc_images source;
    const char *grad;              /* out_backprop in the computed type, in its own layout */
    char *parts, *sums;            /* m x n partial sums per chunk; their sum in the computed type */
    fc_axis axes[2];
    tiling size;
    int64_t chunks;
    int out_of_memory;
} filter_job;

/* The positions of begin..end at which `tap` stays within the source. */
static void reach(const fc_axis *axis, const fc_tap *tap, int64_t *begin, int64_t *end) {
    int64_t last = axis->limit - 1 - tap->offset;
    if (tap->offset < 0) *begin = max64(*begin, ceil_div(-tap->offset, axis->step));
    *end = last < 0 ? *begin : min64(*end, last / axis->step + 1);
}

/* Adds what one tile of one image gives to rows m_begin..m_end and columns j..j+n of `part`. With enough channels each tap is a
 * product over the pixels that it reaches; with few, all taps are one product over all pixels, and padding counts as zeros. */
static int filter_tile(filter_job *job, const tile *t, int64_t image, int64_t m_begin, int64_t m_end, int64_t j, int64_t n, char *part) {
    const fc_images *source = &job->source;
    const geometry *g = job->g;
    int64_t height = t->t_end - t->t, width = t->u_end - t->u, item = job->item, depth = source->channels, m = 0;
    int split = depth >= SPLIT_CHANNELS;
    view v = look(source, t, !split);
    if (!v.rows) return FC_OK;
    size_t run_bytes = ALIGNED(height * sizeof(fc_run)), row_bytes = ALIGNED((m_end - m_begin) * sizeof(void *));
    size_t patch_bytes = v.direct ? 0 : ALIGNED(v.rows * v.columns * depth * item);
    char *work = fc_work_begin(run_bytes + 2 * row_bytes + patch_bytes + fc_packed_size(height * width, n) * item);
    if (!work) return FC_RESOURCE_EXHAUSTED;
    fc_run *runs = (fc_run *)work;
    const void **a = (const void **)(work + run_bytes);
    void **c = (void **)(work + run_bytes + row_bytes);
    char *patch = work + run_bytes + 2 * row_bytes, *packed = patch + patch_bytes;
    if (!v.direct) fc_load_patch(source, image, v.y, v.x, v.rows, v.columns, patch);
    const char *rows = source_at(source, &v, image, patch);
    int64_t pixel = g->channels_first ? 1 : g->out_channels, column = g->channels_first ? g->out[0] * g->out[1] : 1;
    int64_t grad_at = image * g->out[0] * g->out[1] * g->out_channels + j * column;
    for (int64_t y = 0; y < height; y++)
        job->gemm->pack(job->grad + (grad_at + ((t->t + y) * g->out[1] + t->u) * pixel) * item, pixel, column, y * width, width,
                        height * width, n, packed);
    fc_block block = {a, packed, c, runs, 0, t->w->step * depth, 0, 0, height * width, 0, n, 1};
    for (int64_t k = v.h_first; k <= v.h_last; k++)
        for (int64_t l = v.w_first; l <= v.w_last; l++) {
            const fc_tap *ky = &t->h->taps[k], *kx = &t->w->taps[l];
            int64_t first = (ky->index * g->kernel[1] + kx->index) * depth, y = t->t, y_end = t->t_end, x = t->u, x_end = t->u_end;
            if (split) {
                reach(t->h, ky, &y, &y_end);
                reach(t->w, kx, &x, &x_end);
            }
            const char *at = rows + ((ky->offset + y * t->h->step - v.y) * v.pitch + (kx->offset + x * t->w->step - v.x) * depth) * item;
            for (int64_t i = max64(first, m_begin); i < min64(first + depth, m_end); i++, m++) {
                a[m] = at + (i - first) * item;
                c[m] = part + (i * job->n + j) * item;
            }
            if (!split && (k < v.h_last || l < v.w_last)) continue;
            block.m = m, block.n_runs = m = 0;
            for (int64_t row = y; row < y_end && x < x_end; row++) {
                fc_run run = {(row - y) * t->h->step * v.pitch, (row - t->t) * width + x - t->u, x_end - x};
                add_run(runs, &block.n_runs, run, block.a_step, 1);
            }
            if (block.m && block.n_runs) job->gemm->block(&block, NULL);
        }
    fc_work_end(work);
    return FC_OK;
}

static void filter_pieces(void *arg, int64_t begin, int64_t end) {
    filter_job *job = arg;
    int64_t units = job->g->batch * job->size.count;
    for (int64_t piece = begin; piece < end; piece++) {
        int64_t chunk = piece / (job->m_blocks * job->n_blocks), j = piece % job->n_blocks * job->n_block;
        int64_t m_begin = piece / job->n_blocks % job->m_blocks * job->m_block, m_end = min64(m_begin + job->m_block, job->m);
        int64_t n = min64(job->n_block, job->n - j);
        char *part = job->parts + chunk * job->m * job->n * job->item;
        for (int64_t i = m_begin; i < m_end; i++) memset(part + (i * job->n + j) * job->item, 0, (size_t)(n * job->item));
        for (int64_t unit = units / job->chunks * chunk + min64(chunk, units % job->chunks),
                     last = unit + units / job->chunks + (chunk < units % job->chunks);
             unit < last; unit++) {
            tile t = tile_at(&job->axes[0], &job->axes[1], job->size, unit % job->size.count);
            if (filter_tile(job, &t, unit / job->size.count, m_begin, m_end, j, n, part)) {
                __atomic_store_n(&job->out_of_memory, 1, __ATOMIC_RELAXED);
                return;
            }
        }
    }
}

#define ADD_PARTS(T)                                                                                    \
    FC_CLONES static void add_parts_##T(void *arg, int64_t begin, int64_t end) {                        \
        filter_job *job = arg;                                                                          \
        T *sums = (T *)job->sums;                                                                       \
        const T *parts = (const T *)job->parts;                                                         \
        for (int64_t i = begin; i < end; i++) sums[i] = parts[i];                                       \
        for (int64_t chunk = 1; chunk < job->chunks; chunk++) {                                         \
            parts += job->m * job->n;                                                                   \
            for (int64_t i = begin; i < end; i++) sums[i] += parts[i];                                  \
        }                                                                                               \
    }
ADD_PARTS(float)
ADD_PARTS(double)

/* How the work is shared out: by groups of images as long as their partial sums stay small, then by columns and rows. */
static void share_out(filter_job *job) {
    int64_t units = job->g->batch * job->size.count, pixels = units * job->size.rows * job->size.columns;
    job->chunks = max64(min64(min64(units, 8), PARTIAL_BYTES / (job->m * job->n * job->item)), 1);
    while (job->chunks > 1 && job->m * job->n < 2 * PIECE_WORK / max64(pixels / job->chunks, 1)) job->chunks--;
    job->n_block = min64(job->n, FC_GEMM_COLUMNS);
    job->n_blocks = ceil_div(job->n, job->n_block);
    int64_t blocks = max64(ceil_div(job->m, 2048), 8 / (job->chunks * job->n_blocks)), rows = job->gemm->max_rows;
    job->m_block = min64(job->m, max64(ceil_div(ceil_div(job->m, blocks), rows) * rows, 4 * rows));
    job->m_blocks = ceil_div(job->m, job->m_block);
}

int fc_conv2d_backprop_filter(fc_ctx *ctx) {
    const fc_tensor *image = ctx->in[0], *grad = ctx->in[2];
    fc_tensor *out = &ctx->out[0];
    geometry g;
    int64_t shape[4], filter_shape[4];
    void *wide;
    int rc = expect_rank_4(ctx, 0, "input");
    if (!rc) rc = read_sizes(ctx, 1, "filter_sizes", filter_shape);
    if (!rc) rc = expect_rank_4(ctx, 2, "out_backprop");
    if (!rc) rc = describe(ctx, image->shape, filter_shape, &g, shape);
    if (!rc) rc = expect_out_backprop(ctx, shape);
    if (!rc) rc = ctx->api->alloc(ctx, 0, grad->dtype, 4, filter_shape);
    if (rc || !out->size) return rc;
    if (!image->size || !grad->size) {
        zero(out);
        return FC_OK;
    }
    filter_job job = {.g = &g, .source = images_of(image, &g), .m = out->size / g.out_channels, .n = g.out_channels};
    use_type(out->dtype, &job.gemm, &job.item);
    for (int i = 0; i < 2 && !rc; i++) rc = forward_axis(ctx, &g, i, &job.axes[i]);
    if (!rc) rc = fc_widen(ctx, grad, &wide);
    if (rc) return rc;
    job.grad = wide;
    job.size = cut(&job.axes[0], &job.axes[1], g.in_channels, GRADIENT_PIXELS);
    share_out(&job);
    int same_type = fc_computed_type(out->dtype) == out->dtype;
    job.parts = job.sums = fc_data(out);
    if (job.chunks > 1 || !same_type) rc = ctx->api->scratch(ctx, (size_t)(job.chunks * out->size * job.item), (void **)&job.parts);
    if (!rc && !same_type) job.sums = job.parts;
    if (rc) return rc;
    int64_t work = job.m_block * job.n_block * max64(g.batch * g.out[0] * g.out[1] / job.chunks, 1);
    ctx->api->parallel_for(ctx, job.chunks * job.m_blocks * job.n_blocks, work < PIECE_WORK ? PIECE_WORK / max64(work, 1) : 1, filter_pieces,
                           &job);
    if (job.out_of_memory) return ctx->api->fail(ctx, FC_RESOURCE_EXHAUSTED, "out of memory for the work space of a convolution");
    if (job.parts != job.sums || job.chunks > 1)
        ctx->api->parallel_for(ctx, out->size, 32768, job.item == 8 ? add_parts_double : add_parts_float, &job);
    if (!same_type) fc_narrow(ctx, out->dtype, job.sums, out->size, fc_data(out));
    return FC_OK;
}
