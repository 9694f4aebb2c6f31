/* Conv2D and Conv2DBackpropInput: each pixel of the result gathers taps. See conv.h. */
#include "conv.h"

#define PIXELS 896 /* of a piece: so many that corners of a few images together fill a register tile */

typedef struct {
    const fc_gemm *gemm;
    int64_t item, kernel[2];
    fc_images source, result;
    const char *filter; /* in the computed type */
    /* elements of a filter element's matrix, and its strides as B */
    int64_t tap_size, b_step, b_column;
    /* the whole filter, packed; NULL: packed piece by piece, or */
    char *packed;
    int narrow; /* read as it is: dot products */
    /* pixels, under a large filter: it is read but once for all of them */
    int few;
    const fc_tile *tiles;
    int64_t n_tiles, batch, group, groups, n_block, n_blocks;
    /* staged: pixels go through memory in the computed type */
    int staged, out_of_memory;
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
static void pixel_product(const pixel_job *job, const fc_tile *all, const fc_tile *t, const fc_view *v,
                          const pixel_work *w, int64_t h_first, int64_t h_last, int64_t w_first,
                          int64_t w_last) {
    const fc_images *source = &job->source, *result = &job->result;
    int64_t n_runs = 0, m = 0, item = job->item, depth = source->channels, width = all->u_end - all->u, y = 0,
            x = 0;
    int64_t tap_size = job->packed ? depth : job->tap_size, b_step = job->packed ? 1 : job->b_step;
    for (int64_t k = h_first; k <= h_last; k++)
        for (int64_t l = w_first; l <= w_last; l++) {
            const fc_tap *ky = &t->h->taps[k], *kx = &t->w->taps[l];
            if (!n_runs) y = ky->offset - v->y, x = kx->offset - v->x;
            fc_run run = {(ky->offset - v->y - y) * v->pitch + (kx->offset - v->x - x) * depth,
                          (ky->index * job->kernel[1] + kx->index) * tap_size, depth};
            fc_add_run(w->runs, &n_runs, run, 1, b_step);
        }
    for (int64_t i = w->image; i < w->image_end; i++) {
        const char *rows = fc_source_at(source, v, i, w->patches + (i - w->image) * w->patch_bytes);
        for (int64_t at_y = t->t; at_y < t->t_end; at_y++) {
            int64_t out_y = (i * result->height + t->h->first + at_y * t->h->spread) * result->width;
            int64_t staged = ((i - w->image) * (all->t_end - all->t) + at_y - all->t) * width - all->u;
            for (int64_t at_x = t->u; at_x < t->u_end; at_x++, m++) {
                int64_t out = (out_y + t->w->first + at_x * t->w->spread) * result->channels + w->j;
                w->a[m] = n_runs ? rows + ((y + at_y * t->h->step) * v->pitch +
                                           (x + at_x * t->w->step) * depth) *
                                              item
                                 : NULL;
                w->c[m] = job->staged ? w->stage + (staged + at_x) * w->n * item
                                      : (char *)result->data + out * item;
            }
        }
    }
    int64_t inner = job->packed ? job->kernel[0] * job->kernel[1] * depth : 0;
    const char *b = job->packed ? job->packed + w->j * inner * item
                                : job->filter + w->j * job->b_column * item;
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
    const fc_tile *t = &job->tiles[piece / job->n_blocks / job->groups];
    const fc_images *source = &job->source;
    int split = (job->packed || job->narrow) && !job->few && source->channels >= SPLIT_CHANNELS &&
                t->h->n_taps <= SPLIT_TAPS && t->w->n_taps <= SPLIT_TAPS;
    fc_view v = fc_look(source, t, !split);
    pixel_work w = {.j = piece % job->n_blocks * job->n_block,
                    .image = piece / job->n_blocks % job->groups * job->group};
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
        fc_tile part = *t;
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
        fc_store_pixels(&job->result, i, at, w.j, w.n,
                        w.stage + (i - w.image) * at.rows * at.columns * w.n * job->item);
    fc_work_end(work);
}
static void pixel_pieces(void *arg, int64_t begin, int64_t end) {
    for (int64_t piece = begin; piece < end; piece++) pixel_piece(arg, piece);
}

static void pack_taps(void *arg, int64_t begin, int64_t end) {
    pixel_job *job = arg;
    int64_t depth = job->source.channels, taps = job->kernel[0] * job->kernel[1];
    for (int64_t tap = begin; tap < end; tap++)
        job->gemm->pack(job->filter + tap * job->tap_size * job->item, job->b_step, job->b_column,
                        tap * depth, depth, taps * depth, job->result.channels, job->packed);
}

/* Packs the filter when there are enough pixels to pay for it, or it is kept. */
static int pack_filter(fc_ctx *ctx, pixel_job *job) {
    int64_t taps = job->kernel[0] * job->kernel[1], inner = taps * job->source.channels;
    job->narrow = job->result.channels <= FC_NARROW && job->b_step == 1;
    job->few = job->batch * job->result.height * job->result.width < 1024 && job->tap_size * taps > 1 << 16;
    if (job->narrow || (job->few && !ctx->state)) return FC_OK;
    return fc_pack_filter(ctx, FC_PLAIN, (size_t)(fc_packed_size(inner, job->result.channels) * job->item),
                          (void **)&job->packed, taps, max64((1 << 16) / job->tap_size, 1), pack_taps, job,
                          &job->out_of_memory);
}

/* Runs the job over all tiles of the given phases. */
static int run_pixels(fc_ctx *ctx, pixel_job *job, const fc_axis *h, int64_t n_h, const fc_axis *w,
                      int64_t n_w) {
    fc_tile *tiles;
    int64_t pixels = 1, work, taps = 1;
    int rc = pack_filter(ctx, job);
    if (rc) return rc;
    for (int64_t i = 0; i < n_h * n_w; i++)
        job->n_tiles += fc_cut(&h[i / n_w], &w[i % n_w], job->source.channels, PIXELS).count;
    rc = ctx->api->scratch(ctx, (size_t)job->n_tiles * sizeof(fc_tile), (void **)&tiles);
    if (rc) return rc;
    job->tiles = tiles;
    for (int64_t i = 0; i < n_h * n_w; i++) {
        const fc_axis *ah = &h[i / n_w], *aw = &w[i % n_w];
        fc_tiling size = fc_cut(ah, aw, job->source.channels, PIXELS);
        for (int64_t k = 0; k < size.count; k++) *tiles++ = fc_tile_at(ah, aw, size, k);
        pixels = max64(pixels, size.rows * size.columns);
        taps = max64(taps, ah->n_taps * aw->n_taps);
    }
    /* Small images are taken several at once; a few large ones share the columns of the result out. */
    double patch = (double)fc_extent(h, h->length) * (double)fc_extent(w, w->length) *
                   (double)job->source.channels;
    job->group = n_h * n_w == job->n_tiles && patch < PATCH
                     ? max64(min64(PIXELS / pixels, PATCH / (int64_t)patch), 1)
                     : 1;
    job->groups = ceil_div(job->batch, job->group);
    job->n_block = min64(job->result.channels, FC_GEMM_COLUMNS);
    for (;;) {
        job->n_blocks = ceil_div(job->result.channels, job->n_block);
        work = pixels * job->group * min64(taps, (int64_t)1 << 20) * job->source.channels * job->n_block;
        if (job->n_tiles * job->groups * job->n_blocks >= 16 || job->n_block <= 64 || work < 2 * PIECE_WORK)
            break;
        job->n_block = (job->n_block / 2 + 31) / 32 * 32;
    }
    ctx->api->parallel_for(ctx, job->n_tiles * job->groups * job->n_blocks,
                           work < PIECE_WORK ? PIECE_WORK / max64(work, 1) : 1, pixel_pieces, job);
    return job->out_of_memory ? ctx->api->fail(ctx, FC_RESOURCE_EXHAUSTED,
                                               "out of memory for the work space of a convolution")
                              : FC_OK;
}
/* The phases of a gradient: pixel p + t * stride gets tap k from t + (p + pad - k * dilation) / stride, where
 * that is whole. */
static int phases(fc_ctx *ctx, const fc_conv *g, int i, fc_axis **axes, int64_t *count) {
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

/* Each pixel of `result` gathers taps from `source`; how the filter is read is left to the caller. */
static pixel_job new_job(const fc_conv *g, int dtype, fc_images source, fc_images result,
                         const void *filter) {
    pixel_job job = {.kernel = {g->kernel[0], g->kernel[1]},
                     .source = source,
                     .result = result,
                     .filter = filter,
                     .tap_size = g->in_channels * g->out_channels,
                     .batch = g->batch};
    job.staged = g->channels_first || fc_computed_type(dtype) != dtype;
    fc_conv_use_type(dtype, &job.gemm, &job.item);
    return job;
}

int fc_conv2d(fc_ctx *ctx) {
    const fc_tensor *image = ctx->in[0], *filter = ctx->in[1];
    fc_tensor *out = &ctx->out[0];
    fc_conv g;
    int64_t shape[4];
    fc_axis axes[2];
    void *wide;
    int done = 0, rc = fc_conv_expect_images(ctx, 0, "input", image->dtype);
    if (!rc) rc = fc_conv_expect_images(ctx, 1, "filter", image->dtype);
    if (!rc) rc = fc_conv_describe(ctx, fc_dims(image), fc_dims(filter), &g, shape);
    if (!rc) rc = ctx->api->alloc(ctx, 0, image->dtype, 4, shape);
    if (rc || !out->size) return rc;
    if (!filter->size || !image->size) { /* empty sums */
        fc_conv_zero(out);
        return FC_OK;
    }
    fc_images source = fc_conv_images(image, &g), result = fc_conv_images(out, &g);
    if (fc_windows_pay(ctx, &g, g.out, g.in_channels, g.out_channels))
        rc = fc_convolve_windows(ctx, &g, &source, &result, g.pad, 0, &done);
    if (rc || done) return rc;
    for (int i = 0; i < 2 && !rc; i++) rc = fc_conv_forward_axis(ctx, &g, i, &axes[i]);
    if (!rc) rc = fc_widen(ctx, filter, &wide);
    if (rc) return rc;
    pixel_job job = new_job(&g, out->dtype, source, result, wide);
    job.b_step = g.out_channels;
    job.b_column = 1;
    return run_pixels(ctx, &job, &axes[0], 1, &axes[1], 1);
}

int fc_conv2d_backprop_input(fc_ctx *ctx) {
    const fc_tensor *filter = ctx->in[1], *grad = ctx->in[2];
    fc_tensor *out = &ctx->out[0];
    fc_conv g;
    int64_t shape[4], in_shape[4], count[2];
    fc_axis *axes[2];
    void *wide;
    int done = 0, rc = fc_conv_read_sizes(ctx, 0, "input_sizes", in_shape);
    if (!rc) rc = fc_conv_expect_images(ctx, 1, "filter", grad->dtype);
    if (!rc) rc = fc_conv_expect_images(ctx, 2, "out_backprop", grad->dtype);
    if (!rc) rc = fc_conv_describe(ctx, in_shape, fc_dims(filter), &g, shape);
    if (!rc) rc = fc_conv_expect_gradient(ctx, shape);
    if (!rc) rc = ctx->api->alloc(ctx, 0, grad->dtype, 4, in_shape);
    if (rc || !out->size) return rc;
    if (!filter->size || !grad->size) {
        fc_conv_zero(out);
        return FC_OK;
    }
    fc_images source = fc_conv_images(grad, &g), result = fc_conv_images(out, &g);
    int64_t turned_pad[2] = {g.kernel[0] - 1 - g.pad[0], g.kernel[1] - 1 - g.pad[1]};
    if (fc_windows_pay(ctx, &g, g.in, g.out_channels, g.in_channels))
        rc = fc_convolve_windows(ctx, &g, &source, &result, turned_pad, 1, &done);
    if (rc || done) return rc;
    for (int i = 0; i < 2 && !rc; i++) rc = phases(ctx, &g, i, &axes[i], &count[i]);
    if (!rc) rc = fc_widen(ctx, filter, &wide);
    if (rc) return rc;
    pixel_job job = new_job(&g, out->dtype, source, result, wide);
    job.b_step = 1;
    job.b_column = g.out_channels;
    return run_pixels(ctx, &job, axes[0], count[0], axes[1], count[1]);
}
