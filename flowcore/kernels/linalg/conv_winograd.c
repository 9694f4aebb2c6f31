/* Convolutions with 3x3 filters at stride 1, and the gradients of their images, by minimal filtering F(2x2, 3x3): 4x4 source pixels give 2x2 results with
 * 16 multiplications in place of 36 (Winograd, "Arithmetic Complexity of Computations", 1980; Lavin and Gray, "Fast Algorithms for Convolutional Neural
 * Networks", 2015). See conv.h.
 *
 * With d a 4x4 window of the source, g the filter and y the 2x2 results, channel by channel:
 *     y = A' [(G g G') * (B' d B)] A,   B' = 1 0 -1 0    G = 1   0  0     A' = 1 1  1 0
 *                                            0 1  1 0       1/2 1/2 1/2       0 1 -1 -1
 *                                            0 -1 1 0       1/2 -1/2 1/2
 *                                            0 1 0 -1       0   0  1
 * where * goes element by element and is summed over channels: so each of its 16 elements is a product of matrices [windows, channels] x [channels,
 * results]. Sums and halves alone are added to the rounding of a plain convolution; an error is relative to what the window holds, though, not to what a
 * result sees of it.
 *
 * A NaN or infinity would reach results that do not see its pixel. So where a result is not finite, all is given up and computed plainly. */
#include <stdlib.h>

#include "conv.h"

#define ELEMENTS 16
#define FILTER_ROWS 32             /* rows of the filter's matrices that are transformed at once: a whole panel, where they become columns */
#define SOURCE_BYTES (768 << 10)   /* of a piece's transformed windows */
#define FEWEST 28                  /* windows of a piece, where there are so many: as many rows are worth reading the filter for */
#define MOST 448
#define SPACE 16                   /* elements between rows, which must not lie a multiple of 4 KiB apart */

#if defined(__clang__)
#define INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#else
#define INDEPENDENT _Pragma("GCC ivdep")
#endif

typedef struct {
    const fc_gemm *gemm;
    fc_images source, result;
    const float *filter;             /* [3][3][rows][columns] */
    int64_t rows, columns, pad[2];   /* pad: of the source, at the top and on the left */
    int transposed;                  /* the filter's columns are the source's channels, its taps turned round: a gradient */
    float *packed;                   /* 16 matrices [source channels, result channels], packed */
    int64_t packed_size, down, across, windows, group, groups, n_block, n_blocks;
    int out_of_memory, not_finite;
} window_job;

/* ---- transformations ------------------------------------------------------------------------------------------- */

/* `count` filters, each element of which lies in a matrix of its own: 9 from `from` on, 16 from `to` on. */
FC_CLONES static void transform_filters(const float *from, int64_t from_step, float *to, int64_t to_step, int64_t count) {
    INDEPENDENT
    for (int64_t i = 0; i < count; i++) {
        float half[4][3];
        for (int x = 0; x < 3; x++) {
            float a = from[x * from_step + i], b = from[(3 + x) * from_step + i], c = from[(6 + x) * from_step + i];
            half[0][x] = a;
            half[1][x] = 0.5f * (a + b + c);
            half[2][x] = 0.5f * (a - b + c);
            half[3][x] = c;
        }
        for (int y = 0; y < 4; y++) {
            float a = half[y][0], b = half[y][1], c = half[y][2];
            to[(4 * y) * to_step + i] = a;
            to[(4 * y + 1) * to_step + i] = 0.5f * (a + b + c);
            to[(4 * y + 2) * to_step + i] = 0.5f * (a - b + c);
            to[(4 * y + 3) * to_step + i] = c;
        }
    }
}

/* A window of 16 pixels, each `channels` values. */
FC_CLONES static void transform_window(const float *const *pixel, int64_t channels, float *to, int64_t to_step) {
    INDEPENDENT
    for (int64_t i = 0; i < channels; i++) {
        float half[4][4];
        for (int x = 0; x < 4; x++) {
            float a = pixel[x][i], b = pixel[4 + x][i], c = pixel[8 + x][i], d = pixel[12 + x][i];
            half[0][x] = a - c;
            half[1][x] = b + c;
            half[2][x] = c - b;
            half[3][x] = b - d;
        }
        for (int y = 0; y < 4; y++) {
            float a = half[y][0], b = half[y][1], c = half[y][2], d = half[y][3];
            to[(4 * y) * to_step + i] = a - c;
            to[(4 * y + 1) * to_step + i] = b + c;
            to[(4 * y + 2) * to_step + i] = c - b;
            to[(4 * y + 3) * to_step + i] = b - d;
        }
    }
}

/* The 4 results of a window from the sums of its 16 elements. Whether all are finite. */
FC_CLONES static int transform_sums(const float *from, int64_t from_step, int64_t channels, float *const *pixel) {
    int odd = 0;
    INDEPENDENT
    for (int64_t i = 0; i < channels; i++) {
        float half[2][4];
        for (int x = 0; x < 4; x++) {
            float a = from[x * from_step + i], b = from[(4 + x) * from_step + i], c = from[(8 + x) * from_step + i], d = from[(12 + x) * from_step + i];
            half[0][x] = a + b + c;
            half[1][x] = b - c - d;
        }
        for (int y = 0; y < 2; y++) {
            float a = half[y][0], b = half[y][1], c = half[y][2], d = half[y][3];
            float left = a + b + c, right = b - c - d, zero = left * 0 + right * 0;
            pixel[2 * y][i] = left;
            pixel[2 * y + 1][i] = right;
            odd |= zero != 0;
        }
    }
    return !odd;
}

/* ---- the filter -------------------------------------------------------------------------------------------------- */

/* Transforms and packs rows begin * FILTER_ROWS.. of its matrices. Turning the taps round turns the transformed rows and columns round, but for the middle ones. */
static void pack_filters(void *arg, int64_t begin, int64_t end) {
    static const int turned[4] = {3, 1, 2, 0};
    window_job *job = arg;
    int64_t columns = job->columns, plane = FILTER_ROWS * columns, step = job->rows * columns;
    float *work = fc_work_begin((size_t)(ELEMENTS * plane) * sizeof(float));
    if (!work) {
        __atomic_store_n(&job->out_of_memory, 1, __ATOMIC_RELAXED);
        return;
    }
    for (int64_t first = begin * FILTER_ROWS; first < min64(end * FILTER_ROWS, job->rows); first += FILTER_ROWS) {
        int64_t rows = min64(FILTER_ROWS, job->rows - first);
        transform_filters(job->filter + first * columns, step, work, plane, rows * columns);
        for (int e = 0; e < ELEMENTS; e++) {
            float *to = job->packed + e * job->packed_size;
            if (job->transposed)
                job->gemm->pack(work + (turned[e / 4] * 4 + turned[e % 4]) * plane, 1, columns, 0, columns, columns, rows, to + first * columns);
            else
                job->gemm->pack(work + e * plane, columns, 1, first, rows, job->rows, columns, to);
        }
    }
    fc_work_end(work);
}

/* ---- pieces ------------------------------------------------------------------------------------------------------ */

/* The pixels from (y, x) on of image `index`, `side` x `side`; `outside` stands for those that are not there. */
static void point_at(const fc_images *images, int64_t index, int64_t y, int64_t x, int side, float *outside, float **pixel) {
    for (int i = 0; i < side; i++)
        for (int j = 0; j < side; j++) {
            int there = y + i >= 0 && y + i < images->height && x + j >= 0 && x + j < images->width;
            pixel[i * side + j] = there ? (float *)images->data + ((index * images->height + y + i) * images->width + x + j) * images->channels : outside;
        }
}

static void window_piece(window_job *job, int64_t piece) {
    int64_t depth = job->source.channels, first = piece / job->n_blocks * job->group, m = min64(job->group, job->windows - first);
    int64_t j = piece % job->n_blocks * job->n_block, j_end = min64(j + job->n_block, job->result.channels), width = min64(j_end - j, FC_GEMM_COLUMNS);
    int64_t row = depth + SPACE, sum_row = width + SPACE, outside = max64(depth, width);
    char *work = fc_work_begin((size_t)((m * ELEMENTS * (row + sum_row)) + outside + 1) * sizeof(float) + 2 * (size_t)m * sizeof(void *));
    if (!work) {
        __atomic_store_n(&job->out_of_memory, 1, __ATOMIC_RELAXED);
        return;
    }
    float *windows = (float *)work, *sums = windows + m * ELEMENTS * row, *beyond = sums + m * ELEMENTS * sum_row, *pixel[ELEMENTS];
    const void **a = (const void **)(beyond + outside + (outside & 1));
    void **c = (void **)(a + m);
    memset(beyond, 0, (size_t)outside * sizeof(float));
    for (int64_t i = 0; i < m; i++) {
        int64_t index = (first + i) / (job->down * job->across), at = (first + i) % (job->down * job->across);
        point_at(&job->source, index, at / job->across * 2 - job->pad[0], at % job->across * 2 - job->pad[1], 4, beyond, pixel);
        transform_window((const float *const *)pixel, depth, windows + i * row, m * row);
    }
    fc_run run = {0, 0, depth};
    for (; j < j_end && !__atomic_load_n(&job->not_finite, __ATOMIC_RELAXED); j += width) {
        int64_t n = min64(width, j_end - j);
        for (int e = 0; e < ELEMENTS; e++) {
            for (int64_t i = 0; i < m; i++) a[i] = windows + (e * m + i) * row, c[i] = sums + (e * m + i) * sum_row;
            job->gemm->block(&(fc_block){a, job->packed + e * job->packed_size + j * depth, c, &run, 1, 1, 0, 0, depth, m, n, 0}, NULL);
        }
        for (int64_t i = 0; i < m; i++) {
            int64_t index = (first + i) / (job->down * job->across), at = (first + i) % (job->down * job->across);
            point_at(&job->result, index, at / job->across * 2, at % job->across * 2, 2, beyond, pixel);
            for (int k = 0; k < 4; k++) pixel[k] += pixel[k] == beyond ? 0 : j;
            if (!transform_sums(sums + i * sum_row, m * sum_row, n, pixel)) __atomic_store_n(&job->not_finite, 1, __ATOMIC_RELAXED);
        }
    }
    fc_work_end(work);
}
static void window_pieces(void *arg, int64_t begin, int64_t end) {
    for (int64_t piece = begin; piece < end; piece++) window_piece(arg, piece);
}

/* ---- the op ------------------------------------------------------------------------------------------------------ */

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

int fc_windows_pay(const fc_ctx *ctx, const fc_conv *g, const int64_t *result, int64_t depth, int64_t channels) {
    int dtype = ctx->in[1]->dtype;
    if (dtype != FC_FLOAT32 || g->channels_first || !allowed()) return 0;
    for (int i = 0; i < 2; i++)
        if (g->kernel[i] != 3 || g->stride[i] != 1 || g->dilation[i] != 1) return 0;
    /* Multiplications with each pair of channels, and what the transformations cost beside them. */
    double windows = (double)g->batch * (double)ceil_div(result[0], 2) * (double)ceil_div(result[1], 2);
    double plain = 9.0 * (double)g->batch * (double)result[0] * (double)result[1];
    double pairs = (double)depth * (double)channels, filter = ctx->state ? 0 : 200;
    return windows * (16 + 120 * (double)(depth + channels) / pairs + 4000 / pairs) + filter < 0.9 * plain;
}

int fc_convolve_windows(fc_ctx *ctx, const fc_images *source, const fc_images *result, const fc_tensor *filter, int64_t batch, const int64_t *pad, int transposed,
                        int *done) {
    window_job job = {.gemm = fc_gemm_float32(), .source = *source, .result = *result, .filter = fc_data(filter), .rows = filter->shape[2],
                      .columns = filter->shape[3], .pad = {pad[0], pad[1]}, .transposed = transposed, .down = ceil_div(result->height, 2),
                      .across = ceil_div(result->width, 2)};
    int64_t depth = source->channels, channels = result->channels;
    job.windows = batch * job.down * job.across;
    job.packed_size = fc_packed_size(depth, channels);
    int rc = fc_pack_filter(ctx, FC_WINDOWS, (size_t)(ELEMENTS * job.packed_size) * sizeof(float), (void **)&job.packed, ceil_div(job.rows, FILTER_ROWS), 1,
                            pack_filters, &job, &job.out_of_memory);
    if (rc) return rc;
    job.group = min64(max64(SOURCE_BYTES / (int64_t)sizeof(float) / ELEMENTS / (depth + SPACE), FEWEST), MOST);
    job.groups = ceil_div(job.windows, job.group);
    job.group = ceil_div(job.windows, job.groups);
    job.n_block = channels;
    do {
        job.n_blocks = ceil_div(channels, job.n_block);
        if (job.groups * job.n_blocks >= 8 || job.n_block <= 64) break;
        job.n_block = (job.n_block / 2 + 31) / 32 * 32;
    } while (1);
    if (!job.out_of_memory) ctx->api->parallel_for(ctx, job.groups * job.n_blocks, 1, window_pieces, &job);
    *done = !job.not_finite;
    return job.out_of_memory ? ctx->api->fail(ctx, FC_RESOURCE_EXHAUSTED, "out of memory for the work space of a convolution") : FC_OK;
}
