/* Convolutions with 3x3 and 5x5 filters at stride 1, and the gradients of their images, by minimal filtering:
 * windows of 4x4 (or 6x6) source pixels give 2x2 results with 16 (36) multiplications in place of 36 (100).
 * Winograd, "Arithmetic Complexity of Computations", 1980; Lavin and Gray, "Fast Algorithms for Convolutional
 * Neural Networks", 2015. See conv.h.
 *
 * With d a window of the source, g the filter and y the 2x2 results, channel by channel:
 *     y = A' [(G g G') * (B' d B)] A
 * where * goes element by element and is summed over channels: so each element of the product is a product of
 * matrices [windows, channels] x [channels, results]. B', G and A' are the functions window_, filter_ and
 * sums_ below: polynomials at the points 0, 1, -1 (and 2, -2) and infinity.
 *
 * Errors, relative to the sum of the terms' sizes in the window (not only of those that a result sees): 3x3
 * within 1 unit of float32's precision, 5x5 within 6; plain sums in order, as measured beside them, within 2.
 *
 * A NaN or infinity would reach results that do not see its pixel. So where a result is not finite, all is
 * given up and computed plainly. */
#include <stdlib.h>

#include "conv.h"

#define MOST_ELEMENTS 36
#define FILTER_ROWS \
    32 /* rows of the filter's matrices that are transformed at once: a whole panel, where they become \
          columns */
#define SOURCE_BYTES (768 << 10) /* of a piece's transformed windows */
#define FEWEST \
    28 /* windows of a piece, where there are so many: as many rows are worth reading the filter for */
#define MOST 448
#define SPACE 16 /* elements between rows, which must not lie a multiple of 4 KiB apart; at least LANES */

#define LANES 16 /* the fewest channels: the last vector of a row overlaps the one before */
typedef float wide __attribute__((vector_size(LANES * sizeof(float))));
/* at any address */
typedef float loose __attribute__((vector_size(LANES * sizeof(float)), aligned(sizeof(float)), may_alias));

#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 36")
#endif

/* Windows of `side` x `side` pixels for filters of `taps` x `taps`. Every element of a filter, window or sum
 * lies in a matrix of its own, `step` apart. */
typedef struct {
    int side, taps;
    /* What the transformations cost, in multiplications of one element of the product, as measured: a channel
     * of a window, a window, a filter. */
    double per_channel, per_window, per_filter;
    /* `count` filters; a negative step from the last tap on turns them round. */
    void (*filters)(const float *from, int64_t from_step, float *to, int64_t to_step, int64_t count);
    /* A window of pixels, each `channels` values. */
    void (*window)(const float *const *pixel, int64_t channels, float *to, int64_t to_step);
    /* The 4 results of a window. Whether all are finite. */
    int (*sums)(const float *from, int64_t from_step, int64_t channels, float *const *pixel);
} form;

typedef struct {
    const fc_gemm *gemm;
    const form *form;
    fc_images source, result;
    const float *filter;           /* [taps][taps][rows][columns] */
    int64_t rows, columns, pad[2]; /* pad: of the source, at the top and on the left */
    /* the filter's columns are the source's channels, its taps turned round: a gradient */
    int transposed;
    float *packed; /* matrices [source channels, result channels], packed */
    int64_t packed_size, down, across, windows, group, groups, n_block, n_blocks;
    int out_of_memory, not_finite;
} window_job;

static int elements(const form *f) { return f->side * f->side; }

/* ---- transformations ------------------------------------------------------------------------- */

/* Of one row or column, `s` elements from `x` on, to `y`. */
#define INLINE static inline __attribute__((always_inline))
INLINE void filter_4(const wide *x, int s, wide *y) {
    wide even = x[0] + x[2 * s], odd = x[s];
    y[0] = x[0], y[1] = 0.5f * (even + odd), y[2] = 0.5f * (even - odd), y[3] = x[2 * s];
}
INLINE void window_4(const wide *x, int s, wide *y) {
    y[0] = x[0] - x[2 * s], y[1] = x[s] + x[2 * s], y[2] = x[2 * s] - x[s], y[3] = x[s] - x[3 * s];
}
INLINE void sums_4(const wide *x, int s, wide *y) {
    y[0] = x[0] + x[s] + x[2 * s], y[1] = x[s] - x[2 * s] - x[3 * s];
}
INLINE void filter_6(const wide *x, int s, wide *y) {
    wide even = x[0] + x[2 * s] + x[4 * s], odd = x[s] + x[3 * s],
         even2 = x[0] + 4 * x[2 * s] + 16 * x[4 * s], odd2 = 2 * x[s] + 8 * x[3 * s];
    y[0] = 0.25f * x[0], y[1] = (even + odd) * (-1.0f / 6), y[2] = (even - odd) * (-1.0f / 6);
    y[3] = (even2 + odd2) * (1.0f / 24), y[4] = (even2 - odd2) * (1.0f / 24), y[5] = x[4 * s];
}
INLINE void window_6(const wide *x, int s, wide *y) {
    wide even = x[4 * s] - 4 * x[2 * s], odd = x[3 * s] - 4 * x[s], even2 = x[4 * s] - x[2 * s],
         odd2 = 2 * (x[3 * s] - x[s]);
    y[0] = 4 * x[0] - 5 * x[2 * s] + x[4 * s], y[1] = even + odd, y[2] = even - odd, y[3] = even2 + odd2,
    y[4] = even2 - odd2;
    y[5] = 4 * x[s] - 5 * x[3 * s] + x[5 * s];
}
INLINE void sums_6(const wide *x, int s, wide *y) {
    y[0] = x[0] + (x[s] + x[2 * s]) + (x[3 * s] + x[4 * s]),
    y[1] = (x[s] - x[2 * s]) + 2 * (x[3 * s] - x[4 * s]) + x[5 * s];
}

/* For each vector of `count` values: both axes of `from` x `from` elements, which LOAD(element) gives, as y.
 * It comes out turned; the sums turn it back. */
#define EACH_VECTOR(count) \
    for (int64_t i = 0, end = (count); i < end; \
         i = i + 2 * LANES <= end || i + LANES == end ? i + LANES : end - LANES)
#define BOTH_AXES(name, from, to, LOAD) \
    wide x[from * from], half[from * to], y[to * to]; \
    UNROLL for (int k = 0; k < from * from; k++) x[k] = *(const loose *)LOAD(k); \
    UNROLL for (int k = 0; k < from; k++) name(x + from * k, 1, half + to * k); \
    UNROLL for (int k = 0; k < to; k++) name(half + k, to, y + to * k)
#define FROM_STEP(k) (from + (k) * from_step + i)
#define FROM_PIXEL(k) (pixel[k] + i)

#define FORM(S, R) \
    FC_CLONES static void filters_##S(const float *from, int64_t from_step, float *to, int64_t to_step, \
                                      int64_t count) { \
        EACH_VECTOR(count) { \
            BOTH_AXES(filter_##S, R, S, FROM_STEP); \
            UNROLL for (int k = 0; k < S * S; k++) * (loose *)(to + k * to_step + i) = y[k]; \
        } \
    } \
    FC_CLONES static void windows_##S(const float *const *pixel, int64_t channels, float *to, \
                                      int64_t to_step) { \
        EACH_VECTOR(channels) { \
            BOTH_AXES(window_##S, S, S, FROM_PIXEL); \
            UNROLL for (int k = 0; k < S * S; k++) * (loose *)(to + k * to_step + i) = y[k]; \
        } \
    } \
    FC_CLONES static int results_##S(const float *from, int64_t from_step, int64_t channels, \
                                     float *const *pixel) { \
        wide odd = {0}; \
        EACH_VECTOR(channels) { \
            BOTH_AXES(sums_##S, S, 2, FROM_STEP); \
            UNROLL for (int k = 0; k < 4; k++) odd += y[k] * 0, *(loose *)(pixel[k] + i) = y[k]; \
        } \
        for (int k = 0; k < LANES; k++) \
            if (odd[k] != 0) return 0; /* a NaN */ \
        return 1; \
    }
FORM(4, 3)
FORM(6, 5)
static const form forms[] = {{4, 3, 7.5, 250, 12, filters_4, windows_4, results_4},
                             {6, 5, 11, 375, 30, filters_6, windows_6, results_6}};

/* ---- the filter ------------------------------------------------------------------------------ */

/* Transforms and packs rows begin * FILTER_ROWS.. of its matrices. */
static void pack_filters(void *arg, int64_t begin, int64_t end) {
    window_job *job = arg;
    const form *f = job->form;
    int64_t columns = job->columns, plane = FILTER_ROWS * columns, step = job->rows * columns,
            last = job->transposed ? f->taps * f->taps - 1 : 0;
    float *work = fc_work_begin((size_t)(elements(f) * plane) * sizeof(float));
    if (!work) {
        __atomic_store_n(&job->out_of_memory, 1, __ATOMIC_RELAXED);
        return;
    }
    for (int64_t first = begin * FILTER_ROWS; first < min64(end * FILTER_ROWS, job->rows);
         first += FILTER_ROWS) {
        int64_t rows = min64(FILTER_ROWS, job->rows - first);
        f->filters(job->filter + last * step + first * columns, last ? -step : step, work, plane,
                   rows * columns);
        for (int e = 0; e < elements(f); e++) {
            float *to = job->packed + e * job->packed_size;
            if (job->transposed)
                job->gemm->pack(work + e * plane, 1, columns, 0, columns, columns, rows,
                                to + first * columns);
            else job->gemm->pack(work + e * plane, columns, 1, first, rows, job->rows, columns, to);
        }
    }
    fc_work_end(work);
}

/* ---- pieces ---------------------------------------------------------------------------------- */

/* The pixels from (y, x) on of image `index`, `side` x `side`; `outside` stands for those that are not there.
 */
static void point_at(const fc_images *images, int64_t index, int64_t y, int64_t x, int side, float *outside,
                     float **pixel) {
    for (int i = 0; i < side; i++)
        for (int j = 0; j < side; j++) {
            int there = y + i >= 0 && y + i < images->height && x + j >= 0 && x + j < images->width;
            pixel[i * side + j] = there ? (float *)images->data +
                                              ((index * images->height + y + i) * images->width + x + j) *
                                                  images->channels
                                        : outside;
        }
}

static void window_piece(window_job *job, int64_t piece) {
    int64_t depth = job->source.channels, first = piece / job->n_blocks * job->group,
            m = min64(job->group, job->windows - first);
    int64_t block = piece % job->n_blocks, j = block * job->n_block;
    int64_t j_end = block == job->n_blocks - 1 ? job->result.channels : j + job->n_block,
            width = min64(j_end - j, FC_GEMM_COLUMNS);
    int64_t row = depth + SPACE, sum_row = width + SPACE, outside = max64(depth, width),
            n_elements = elements(job->form);
    char *work = fc_work_begin((size_t)((m * n_elements * (row + sum_row)) + outside + 1) * sizeof(float) +
                               2 * (size_t)m * sizeof(void *));
    if (!work) {
        __atomic_store_n(&job->out_of_memory, 1, __ATOMIC_RELAXED);
        return;
    }
    float *windows = (float *)work, *sums = windows + m * n_elements * row,
          *beyond = sums + m * n_elements * sum_row, *pixel[MOST_ELEMENTS];
    const void **a = (const void **)(beyond + outside + (outside & 1));
    void **c = (void **)(a + m);
    memset(beyond, 0, (size_t)outside * sizeof(float));
    for (int64_t i = 0; i < m; i++) {
        int64_t index = (first + i) / (job->down * job->across), at = (first + i) % (job->down * job->across);
        point_at(&job->source, index, at / job->across * 2 - job->pad[0], at % job->across * 2 - job->pad[1],
                 job->form->side, beyond, pixel);
        job->form->window((const float *const *)pixel, depth, windows + i * row, m * row);
    }
    fc_run run = {0, 0, depth};
    for (int64_t n; j < j_end && !__atomic_load_n(&job->not_finite, __ATOMIC_RELAXED); j += n) {
        n = j_end - j < width + LANES ? j_end - j : width;
        for (int e = 0; e < n_elements; e++) {
            for (int64_t i = 0; i < m; i++)
                a[i] = windows + (e * m + i) * row, c[i] = sums + (e * m + i) * sum_row;
            job->gemm->block(&(fc_block){a, job->packed + e * job->packed_size + j * depth, c, &run, 1, 1, 0,
                                         0, depth, m, n, 0},
                             NULL);
        }
        for (int64_t i = 0; i < m; i++) {
            int64_t index = (first + i) / (job->down * job->across),
                    at = (first + i) % (job->down * job->across);
            point_at(&job->result, index, at / job->across * 2, at % job->across * 2, 2, beyond, pixel);
            for (int k = 0; k < 4; k++) pixel[k] += pixel[k] == beyond ? 0 : j;
            if (!job->form->sums(sums + i * sum_row, m * sum_row, n, pixel))
                __atomic_store_n(&job->not_finite, 1, __ATOMIC_RELAXED);
        }
    }
    fc_work_end(work);
}
static void window_pieces(void *arg, int64_t begin, int64_t end) {
    for (int64_t piece = begin; piece < end; piece++) window_piece(arg, piece);
}

/* ---- the op ---------------------------------------------------------------------------------- */

/* FLOWCORE_CONV=direct asks for plain sums everywhere. */
static int allowed(void) {
    static int known; /* 1: yes, 2: no; several threads may find out at once */
    int found = __atomic_load_n(&known, __ATOMIC_RELAXED);
    if (!found) {
        const char *asked = getenv("FLOWCORE_CONV");
        found = asked && !strcmp(asked, "direct") ? 2 : 1;
        __atomic_store_n(&known, found, __ATOMIC_RELAXED);
    }
    return found == 1;
}

static const form *form_of(const fc_conv *g) {
    if (g->kernel[0] != g->kernel[1] || g->stride[0] != 1 || g->stride[1] != 1 || g->dilation[0] != 1 ||
        g->dilation[1] != 1)
        return NULL;
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++)
        if (forms[i].taps == g->kernel[0]) return &forms[i];
    return NULL;
}

int fc_windows_pay(const fc_ctx *ctx, const fc_conv *g, const int64_t *result, int64_t depth,
                   int64_t channels) {
    const form *f = form_of(g);
    if (!f || ctx->in[1]->dtype != FC_FLOAT32 || g->channels_first || depth < LANES || channels < LANES ||
        !allowed())
        return 0;
    /* Multiplications with each pair of channels; padding is not multiplied plainly. */
    double windows = (double)g->batch * (double)ceil_div(result[0], 2) * (double)ceil_div(result[1], 2),
           pairs = (double)depth * (double)channels;
    double plain = (double)g->batch;
    for (int i = 0; i < 2; i++) {
        int64_t reached = 0;
        for (int64_t k = 0; k < g->kernel[i]; k++)
            reached += max64(min64(g->out[i], g->in[i] + g->pad[i] - k) - max64(g->pad[i] - k, 0), 0);
        plain *= (double)reached;
    }
    double each = 1 + (f->per_channel * (double)(depth + channels) + f->per_window) / pairs +
                  (ctx->state ? 0 : f->per_filter / windows);
    return windows * elements(f) * each < 0.9 * plain;
}

int fc_convolve_windows(fc_ctx *ctx, const fc_conv *g, const fc_images *source, const fc_images *result,
                        const int64_t *pad, int transposed, int *done) {
    const fc_tensor *filter = ctx->in[1];
    window_job job = {.gemm = fc_gemm_float32(),
                      .form = form_of(g),
                      .source = *source,
                      .result = *result,
                      .filter = fc_data(filter),
                      .rows = fc_dims(filter)[2],
                      .columns = fc_dims(filter)[3],
                      .pad = {pad[0], pad[1]},
                      .transposed = transposed,
                      .down = ceil_div(result->height, 2),
                      .across = ceil_div(result->width, 2)};
    int64_t depth = source->channels, channels = result->channels, n_elements = elements(job.form);
    job.windows = g->batch * job.down * job.across;
    job.packed_size = fc_packed_size(depth, channels);
    int rc = fc_pack_filter(ctx, FC_WINDOWS, (size_t)(n_elements * job.packed_size) * sizeof(float),
                            (void **)&job.packed, ceil_div(job.rows, FILTER_ROWS), 1, pack_filters, &job,
                            &job.out_of_memory);
    if (rc) return rc;
    job.group = min64(max64(SOURCE_BYTES / (int64_t)sizeof(float) / n_elements / (depth + SPACE), FEWEST),
                      MOST);
    job.groups = ceil_div(job.windows, job.group);
    job.group = ceil_div(job.windows, job.groups);
    job.n_block = channels;
    for (;;) { /* few groups share the columns of the result out */
        /* the last one takes what is too little for itself */
        job.n_blocks = ceil_div(channels - LANES + 1, job.n_block);
        if (job.groups * job.n_blocks >= 8 || job.n_block <= 64) break;
        job.n_block = (job.n_block / 2 + 31) / 32 * 32;
    }
    if (!job.out_of_memory) ctx->api->parallel_for(ctx, job.groups * job.n_blocks, 1, window_pieces, &job);
    *done = !job.not_finite;
    return job.out_of_memory ? ctx->api->fail(ctx, FC_RESOURCE_EXHAUSTED,
                                              "out of memory for the work space of a convolution")
                             : FC_OK;
}
