/* fc_copy_nd: merges axes, then walks rows; where the source runs along another axis than the destination, in
 * square tiles. */
#include "copy.h"

typedef struct {
    const fc_copy *copy;
    char *dst;
    const char *src;
    int64_t rows, bands;
} copy_job;

typedef struct {
    uint64_t word[2];
} sixteen_bytes;

#define MOVE(T) \
    for (int64_t i = 0; i < n; i++) *(T *)(dst + i * ds) = *(const T *)(src + i * ss);

static void copy_row(char *dst, const char *src, int64_t n, int64_t ds, int64_t ss, int64_t item) {
    if (ds == item && ss == item) {
        memcpy(dst, src, (size_t)(n * item));
        return;
    }
    switch (item) {
    case 1: MOVE(uint8_t) break;
    case 2: MOVE(uint16_t) break;
    case 4: MOVE(uint32_t) break;
    case 8: MOVE(uint64_t) break;
    default: MOVE(sixteen_bytes)
    }
}

#define TILE 16

/* Squares of 16 bytes a side in registers: `word` is as wide as an element, LANES of them a vector. */
#define TURN(word, LANES, ...) \
    typedef word word##_vector __attribute__((vector_size(16))); \
    typedef word word##_loose __attribute__((vector_size(16), aligned(sizeof(word)), may_alias)); \
    static void turn_##word(char *dst, const char *src, int64_t ds, int64_t ss) { \
        word##_vector turned[TILE][TILE / LANES], x[LANES]; \
        for (int c = 0; c < TILE; c += LANES) \
            for (int r = 0; r < TILE; r += LANES) { \
                for (int i = 0; i < LANES; i++) \
                    x[i] = *(const word##_loose *)(src + (c + i) * ss + r * (int64_t)sizeof(word)); \
                __VA_ARGS__ \
                for (int i = 0; i < LANES; i++) turned[r + i][c / LANES] = x[i]; \
            } \
        for (int r = 0; r < TILE; r++) memcpy(dst + r * ds, turned[r], sizeof turned[r]); \
    }
#if defined(__clang__)
#define PICK(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define PICK(a, b, ...) __builtin_shuffle(a, b, (__typeof__(a)){__VA_ARGS__})
#endif
TURN(uint32_t, 4, {
    uint32_t_vector ab = PICK(x[0], x[1], 0, 4, 1, 5), ab2 = PICK(x[0], x[1], 2, 6, 3, 7),
                    cd = PICK(x[2], x[3], 0, 4, 1, 5), cd2 = PICK(x[2], x[3], 2, 6, 3, 7);
    x[0] = PICK(ab, cd, 0, 1, 4, 5), x[1] = PICK(ab, cd, 2, 3, 6, 7), x[2] = PICK(ab2, cd2, 0, 1, 4, 5),
    x[3] = PICK(ab2, cd2, 2, 3, 6, 7);
})
TURN(uint64_t, 2, {
    uint64_t_vector first = PICK(x[0], x[1], 0, 2);
    x[1] = PICK(x[0], x[1], 1, 3), x[0] = first;
})

/* rows x columns elements: column steps are the last axis (dst contiguous), row steps the one before (src
 * contiguous). A whole tile reads and writes each line of the cache once: lines a power of two apart push
 * each other out. */
static void copy_tiles(char *dst, const char *src, int64_t rows, int64_t cols, const int64_t *ds,
                       const int64_t *ss, int64_t item) {
    int turns = ds[1] == item && (item == 4 || item == 8);
    for (int64_t r = 0; r < rows; r += TILE)
        for (int64_t c = 0; c < cols; c += TILE) {
            int64_t height = rows - r < TILE ? rows - r : TILE, width = cols - c < TILE ? cols - c : TILE;
            char *to = dst + r * ds[0] + c * ds[1];
            const char *from = src + r * ss[0] + c * ss[1];
            if (turns && height == TILE && width == TILE)
                (item == 4 ? turn_uint32_t : turn_uint64_t)(to, from, ds[0], ss[1]);
            else
                for (int64_t i = 0; i < height; i++)
                    copy_row(to + i * ds[0], from + i * ss[0], width, ds[1], ss[1], item);
        }
}

static int is_tiled(const fc_copy *k) {
    return k->ndim >= 2 && k->src[k->ndim - 2] == k->item && k->src[k->ndim - 1] != k->item;
}

/* Bands [begin, end): of each outer position, `rows` of the axis before the last and the whole last axis
 * where the copy goes by tiles; else a row is a band. */
static void copy_piece(void *arg, int64_t begin, int64_t end) {
    const copy_job *job = arg;
    const fc_copy *k = job->copy;
    int tiled = is_tiled(k);
    int outer = k->ndim - (tiled ? 2 : 1);
    for (int64_t position = begin; position < end; position++) {
        int64_t rest = position / job->bands, first = position % job->bands * job->rows;
        char *dst = job->dst;
        const char *src = job->src;
        for (int d = outer - 1; d >= 0; d--) {
            int64_t i = rest % k->shape[d];
            rest /= k->shape[d];
            dst += i * k->dst[d];
            src += i * k->src[d];
        }
        int64_t rows = k->shape[outer] - first < job->rows ? k->shape[outer] - first : job->rows;
        dst += first * k->dst[outer], src += first * k->src[outer];
        if (tiled) copy_tiles(dst, src, rows, k->shape[outer + 1], k->dst + outer, k->src + outer, k->item);
        else copy_row(dst, src, k->shape[outer], k->dst[outer], k->src[outer], k->item);
    }
}

int fc_copy_nd(fc_ctx *ctx, fc_copy *copy, const fc_tensor *to, int64_t dst_offset, const fc_tensor *from,
               int64_t src_offset) {
    int ndim = 0;
    int64_t total = 1;
    for (int d = 0; d < copy->ndim; d++) {
        if (copy->shape[d] == 1) continue;
        total *= copy->shape[d];
        int last = ndim - 1;
        if (ndim && copy->dst[last] == copy->dst[d] * copy->shape[d] &&
            copy->src[last] == copy->src[d] * copy->shape[d]) {
            copy->shape[last] *= copy->shape[d];
            copy->dst[last] = copy->dst[d], copy->src[last] = copy->src[d];
            continue;
        }
        copy->shape[ndim] = copy->shape[d], copy->dst[ndim] = copy->dst[d], copy->src[ndim] = copy->src[d];
        ndim++;
    }
    if (!total) return FC_OK;
    if (!ndim) copy->shape[0] = 1, copy->dst[0] = copy->src[0] = copy->item, ndim = 1;
    copy->ndim = ndim;
    if (ctx->device->copy && fc_is_plain(to->dtype))
        return ctx->device->copy(ctx, copy, to, dst_offset, from, src_offset);
    char *dst = (char *)fc_data(to) + dst_offset;
    const char *src = (const char *)fc_data(from) + src_offset;
    /* For the tiles: the axis along which the source is contiguous goes next to the last one. */
    if (copy->src[ndim - 1] != copy->item)
        for (int d = 0; d < ndim - 2; d++)
            if (copy->src[d] == copy->item) {
                int64_t n = copy->shape[d], ds = copy->dst[d], ss = copy->src[d];
                for (int e = d; e < ndim - 2; e++)
                    copy->shape[e] = copy->shape[e + 1], copy->dst[e] = copy->dst[e + 1],
                    copy->src[e] = copy->src[e + 1];
                copy->shape[ndim - 2] = n, copy->dst[ndim - 2] = ds, copy->src[ndim - 2] = ss;
                break;
            }
    int tiled = is_tiled(copy);
    int64_t length = copy->shape[ndim - 1], bytes = length * copy->item, rows = length, bands = 1,
            pieces = total / length;
    if (tiled) { /* a matrix by itself is work for several threads */
        int64_t height = copy->shape[ndim - 2];
        rows = (FC_COPY_GRAIN / bytes + TILE) / TILE * TILE;
        bands = (height + rows - 1) / rows;
        pieces = pieces / height * bands;
        bytes *= height < rows ? height : rows;
    }
    copy_job job = {copy, dst, src, rows, bands};
    ctx->api->parallel_for(ctx, pieces, bytes >= FC_COPY_GRAIN ? 1 : FC_COPY_GRAIN / bytes, copy_piece, &job);
    if (to->dtype == FC_STRING) return ctx->api->adopt(ctx, to->buffer, from->buffer);
    if (!fc_is_plain(to->dtype)) { /* every element that was copied, by the same walk */
        int64_t at[FC_MAX_DIMS] = {0};
        for (int64_t row = 0; row < total / length; row++) {
            char *p = dst;
            for (int d = 0; d < ndim - 1; d++) p += at[d] * copy->dst[d];
            ctx->api->retain(to->dtype, p, length, copy->dst[ndim - 1]);
            for (int d = ndim - 2; d >= 0 && ++at[d] == copy->shape[d]; d--) at[d] = 0;
        }
    }
    return FC_OK;
}

typedef struct {
    char *out;
    const char *value;
    int64_t item;
} fill_job;

static void fill_piece(void *arg, int64_t begin, int64_t end) {
    const fill_job *job = arg;
    switch (job->item) {
#define FILL(T) \
    for (int64_t i = begin; i < end; i++) ((T *)job->out)[i] = *(const T *)job->value;
    case 1: memset(job->out + begin, *job->value, (size_t)(end - begin)); break;
    case 2: FILL(uint16_t) break;
    case 4: FILL(uint32_t) break;
    case 8: FILL(uint64_t) break;
    default:
        for (int64_t i = begin; i < end; i++) memcpy(job->out + i * job->item, job->value, (size_t)job->item);
    }
}

int fc_fill(fc_ctx *ctx, const fc_tensor *dst, const fc_tensor *value, const void *pattern) {
    if (!dst->size) return FC_OK;
    if (ctx->device->fill && fc_is_plain(dst->dtype)) return ctx->device->fill(ctx, dst, value, pattern);
    fill_job job = {fc_data(dst), value ? fc_data(value) : pattern, fc_item_size(dst->dtype)};
    ctx->api->parallel_for(ctx, dst->size, FC_COPY_GRAIN / job.item, fill_piece, &job);
    return FC_OK;
}
