/* Conv2DBackpropFilter: each filter element gathers pixels. See conv.h. */
#include "conv.h"

#define PIXELS 448 /* of a piece: the inner dimension of its products */
#define PARTIAL_BYTES ((int64_t)8 << 20)

typedef struct {
    const fc_gemm *gemm;
    int64_t item, m, n, m_block, n_block, m_blocks, n_blocks;
    const fc_conv *g;
    fc_images source;
    const char *grad;   /* out_backprop in the computed type, in its own layout */
    char *parts, *sums; /* m x n partial sums per chunk; their sum in the computed type */
    fc_axis axes[2];
    fc_tiling size;
    int64_t chunks;
    int out_of_memory;
} filter_job;

/* The positions of begin..end at which `tap` stays within the source. */
static void reach(const fc_axis *axis, const fc_tap *tap, int64_t *begin, int64_t *end) {
    int64_t last = axis->limit - 1 - tap->offset;
    if (tap->offset < 0) *begin = max64(*begin, ceil_div(-tap->offset, axis->step));
    *end = last < 0 ? *begin : min64(*end, last / axis->step + 1);
}

/* Adds what one tile of one image gives to rows m_begin..m_end and columns j..j+n of `part`. With enough
 * channels each tap is a product over the pixels that it reaches; with few, all taps are one product over all
 * pixels, and padding counts as zeros. */
static int filter_tile(filter_job *job, const fc_tile *t, int64_t image, int64_t m_begin, int64_t m_end,
                       int64_t j, int64_t n, char *part) {
    const fc_images *source = &job->source;
    const fc_conv *g = job->g;
    int64_t height = t->t_end - t->t, width = t->u_end - t->u, item = job->item, depth = source->channels,
            m = 0;
    int split = depth >= SPLIT_CHANNELS;
    fc_view v = fc_look(source, t, !split);
    if (!v.rows) return FC_OK;
    size_t run_bytes = ALIGNED(height * sizeof(fc_run)),
           row_bytes = ALIGNED((m_end - m_begin) * sizeof(void *));
    size_t patch_bytes = v.direct ? 0 : ALIGNED(v.rows * v.columns * depth * item);
    char *work = fc_work_begin(run_bytes + 2 * row_bytes + patch_bytes +
                               fc_packed_size(height * width, n) * item);
    if (!work) return FC_RESOURCE_EXHAUSTED;
    fc_run *runs = (fc_run *)work;
    const void **a = (const void **)(work + run_bytes);
    void **c = (void **)(work + run_bytes + row_bytes);
    char *patch = work + run_bytes + 2 * row_bytes, *packed = patch + patch_bytes;
    if (!v.direct) fc_load_patch(source, image, v.y, v.x, v.rows, v.columns, patch);
    const char *rows = fc_source_at(source, &v, image, patch);
    int64_t pixel = g->channels_first ? 1 : g->out_channels,
            column = g->channels_first ? g->out[0] * g->out[1] : 1;
    int64_t grad_at = image * g->out[0] * g->out[1] * g->out_channels + j * column;
    for (int64_t y = 0; y < height; y++)
        job->gemm->pack(job->grad + (grad_at + ((t->t + y) * g->out[1] + t->u) * pixel) * item, pixel, column,
                        y * width, width, height * width, n, packed);
    fc_block block = {a, packed, c, runs, 0, t->w->step * depth, 0, 0, height * width, 0, n, 1};
    for (int64_t k = v.h_first; k <= v.h_last; k++)
        for (int64_t l = v.w_first; l <= v.w_last; l++) {
            const fc_tap *ky = &t->h->taps[k], *kx = &t->w->taps[l];
            int64_t first = (ky->index * g->kernel[1] + kx->index) * depth, y = t->t, y_end = t->t_end,
                    x = t->u, x_end = t->u_end;
            if (split) {
                reach(t->h, ky, &y, &y_end);
                reach(t->w, kx, &x, &x_end);
            }
            const char *at = rows + ((ky->offset + y * t->h->step - v.y) * v.pitch +
                                     (kx->offset + x * t->w->step - v.x) * depth) *
                                        item;
            for (int64_t i = max64(first, m_begin); i < min64(first + depth, m_end); i++, m++) {
                a[m] = at + (i - first) * item;
                c[m] = part + (i * job->n + j) * item;
            }
            if (!split && (k < v.h_last || l < v.w_last)) continue;
            block.m = m, block.n_runs = m = 0;
            for (int64_t row = y; row < y_end && x < x_end; row++) {
                fc_run run = {(row - y) * t->h->step * v.pitch, (row - t->t) * width + x - t->u, x_end - x};
                fc_add_run(runs, &block.n_runs, run, block.a_step, 1);
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
        int64_t m_begin = piece / job->n_blocks % job->m_blocks * job->m_block,
                m_end = min64(m_begin + job->m_block, job->m);
        int64_t n = min64(job->n_block, job->n - j);
        char *part = job->parts + chunk * job->m * job->n * job->item;
        for (int64_t i = m_begin; i < m_end; i++)
            memset(part + (i * job->n + j) * job->item, 0, (size_t)(n * job->item));
        for (int64_t unit = units / job->chunks * chunk + min64(chunk, units % job->chunks),
                     last = unit + units / job->chunks + (chunk < units % job->chunks);
             unit < last; unit++) {
            fc_tile t = fc_tile_at(&job->axes[0], &job->axes[1], job->size, unit % job->size.count);
            if (filter_tile(job, &t, unit / job->size.count, m_begin, m_end, j, n, part)) {
                __atomic_store_n(&job->out_of_memory, 1, __ATOMIC_RELAXED);
                return;
            }
        }
    }
}

#define ADD_PARTS(T) \
    FC_CLONES static void add_parts_##T(void *arg, int64_t begin, int64_t end) { \
        filter_job *job = arg; \
        T *sums = (T *)job->sums; \
        const T *parts = (const T *)job->parts; \
        for (int64_t i = begin; i < end; i++) sums[i] = parts[i]; \
        for (int64_t chunk = 1; chunk < job->chunks; chunk++) { \
            parts += job->m * job->n; \
            for (int64_t i = begin; i < end; i++) sums[i] += parts[i]; \
        } \
    }
ADD_PARTS(float)
ADD_PARTS(double)

/* How the work is shared out: by groups of images as long as their partial sums stay small, then by columns
 * and rows. */
static void share_out(filter_job *job) {
    int64_t units = job->g->batch * job->size.count, pixels = units * job->size.rows * job->size.columns;
    job->chunks = max64(min64(min64(units, 8), PARTIAL_BYTES / (job->m * job->n * job->item)), 1);
    while (job->chunks > 1 && job->m * job->n < 2 * PIECE_WORK / max64(pixels / job->chunks, 1))
        job->chunks--;
    job->n_block = min64(job->n, FC_GEMM_COLUMNS);
    job->n_blocks = ceil_div(job->n, job->n_block);
    int64_t blocks = max64(ceil_div(job->m, 2048), 8 / (job->chunks * job->n_blocks)),
            rows = job->gemm->max_rows;
    job->m_block = min64(job->m, max64(ceil_div(ceil_div(job->m, blocks), rows) * rows, 4 * rows));
    job->m_blocks = ceil_div(job->m, job->m_block);
}

int fc_conv2d_backprop_filter(fc_ctx *ctx) {
    const fc_tensor *image = ctx->in[0], *grad = ctx->in[2];
    fc_tensor *out = &ctx->out[0];
    fc_conv g;
    int64_t shape[4], filter_shape[4];
    void *wide;
    int rc = fc_conv_expect_images(ctx, 0, "input", image->dtype);
    if (!rc) rc = fc_conv_read_sizes(ctx, 1, "filter_sizes", filter_shape);
    if (!rc) rc = fc_conv_expect_images(ctx, 2, "out_backprop", image->dtype);
    if (!rc) rc = fc_conv_describe(ctx, fc_dims(image), filter_shape, &g, shape);
    if (!rc) rc = fc_conv_expect_gradient(ctx, shape);
    if (!rc) rc = ctx->api->alloc(ctx, 0, grad->dtype, 4, filter_shape);
    if (rc || !out->size) return rc;
    if (!image->size || !grad->size) {
        fc_conv_zero(out);
        return FC_OK;
    }
    filter_job job = {
        .g = &g, .source = fc_conv_images(image, &g), .m = out->size / g.out_channels, .n = g.out_channels};
    fc_conv_use_type(out->dtype, &job.gemm, &job.item);
    for (int i = 0; i < 2 && !rc; i++) rc = fc_conv_forward_axis(ctx, &g, i, &job.axes[i]);
    if (!rc) rc = fc_widen(ctx, grad, &wide);
    if (rc) return rc;
    job.grad = wide;
    job.size = fc_cut(&job.axes[0], &job.axes[1], g.in_channels, PIXELS);
    share_out(&job);
    int same_type = fc_computed_type(out->dtype) == out->dtype;
    job.parts = job.sums = fc_data(out);
    if (job.chunks > 1 || !same_type)
        rc = ctx->api->scratch(ctx, (size_t)(job.chunks * out->size * job.item), (void **)&job.parts);
    if (!rc && !same_type) job.sums = job.parts;
    if (rc) return rc;
    int64_t work = job.m_block * job.n_block * max64(g.batch * g.out[0] * g.out[1] / job.chunks, 1);
    int64_t grain = work < PIECE_WORK ? PIECE_WORK / max64(work, 1) : 1;
    ctx->api->parallel_for(ctx, job.chunks * job.m_blocks * job.n_blocks, grain, filter_pieces, &job);
    if (job.out_of_memory)
        return ctx->api->fail(ctx, FC_RESOURCE_EXHAUSTED,
                              "out of memory for the work space of a convolution");
    if (job.parts != job.sums || job.chunks > 1)
        ctx->api->parallel_for(ctx, out->size, 32768, job.item == 8 ? add_parts_double : add_parts_float,
                               &job);
    if (!same_type) fc_narrow(ctx, out->dtype, job.sums, out->size, fc_data(out));
    return FC_OK;
}
