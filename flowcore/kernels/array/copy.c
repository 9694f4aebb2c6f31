/* fc_copy_nd: merges axes, then walks rows; where the source runs along another axis than the destination, in square tiles. */
#include "copy.h"

typedef struct {
    const fc_copy *copy;
    char *dst;
    const char *src;
    int strings;
} copy_job;

typedef struct { uint64_t word[2]; } sixteen_bytes;

#define MOVE(T) for (int64_t i = 0; i < n; i++) *(T *)(dst + i * ds) = *(const T *)(src + i * ss);

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

/* rows x columns elements: column steps are the last axis (dst contiguous), row steps the one before (src contiguous). */
static void copy_tiles(char *dst, const char *src, int64_t rows, int64_t cols, const int64_t *ds, const int64_t *ss, int64_t item) {
    for (int64_t r = 0; r < rows; r += TILE)
        for (int64_t c = 0; c < cols; c += TILE) {
            int64_t height = rows - r < TILE ? rows - r : TILE, width = cols - c < TILE ? cols - c : TILE;
            for (int64_t i = r; i < r + height; i++)
                copy_row(dst + i * ds[0] + c * ds[1], src + i * ss[0] + c * ss[1], width, ds[1], ss[1], item);
        }
}

/* Outer positions [begin, end); the last `inner` axes are copied whole. */
static void copy_piece(void *arg, int64_t begin, int64_t end) {
    const copy_job *job = arg;
    const fc_copy *k = job->copy;
    int tiled = k->ndim >= 2 && k->src[k->ndim - 2] == k->item && k->src[k->ndim - 1] != k->item;
    int outer = k->ndim - (tiled ? 2 : 1);
    for (int64_t position = begin; position < end; position++) {
        int64_t rest = position;
        char *dst = job->dst;
        const char *src = job->src;
        for (int d = outer - 1; d >= 0; d--) {
            int64_t i = rest % k->shape[d];
            rest /= k->shape[d];
            dst += i * k->dst[d];
            src += i * k->src[d];
        }
        if (tiled) copy_tiles(dst, src, k->shape[outer], k->shape[outer + 1], k->dst + outer, k->src + outer, k->item);
        else copy_row(dst, src, k->shape[outer], k->dst[outer], k->src[outer], k->item);
    }
}

int fc_copy_nd(fc_ctx *ctx, fc_copy *copy, const fc_tensor *to, int64_t dst_offset, const fc_tensor *from, int64_t src_offset) {
    int ndim = 0;
    int64_t total = 1;
    for (int d = 0; d < copy->ndim; d++) {
        if (copy->shape[d] == 1) continue;
        total *= copy->shape[d];
        int last = ndim - 1;
        if (ndim && copy->dst[last] == copy->dst[d] * copy->shape[d] && copy->src[last] == copy->src[d] * copy->shape[d]) {
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
    if (ctx->device->copy) return ctx->device->copy(ctx, copy, to, dst_offset, from, src_offset);
    char *dst = (char *)fc_data(to) + dst_offset;
    const char *src = (const char *)fc_data(from) + src_offset;
    /* For the tiles: the axis along which the source is contiguous goes next to the last one. */
    if (copy->src[ndim - 1] != copy->item)
        for (int d = 0; d < ndim - 2; d++)
            if (copy->src[d] == copy->item) {
                int64_t n = copy->shape[d], ds = copy->dst[d], ss = copy->src[d];
                for (int e = d; e < ndim - 2; e++)
                    copy->shape[e] = copy->shape[e + 1], copy->dst[e] = copy->dst[e + 1], copy->src[e] = copy->src[e + 1];
                copy->shape[ndim - 2] = n, copy->dst[ndim - 2] = ds, copy->src[ndim - 2] = ss;
                break;
            }
    copy_job job = {copy, dst, src, 0};
    int tiled = ndim >= 2 && copy->src[ndim - 2] == copy->item && copy->src[ndim - 1] != copy->item;
    int64_t inner = copy->shape[ndim - 1] * (tiled ? copy->shape[ndim - 2] : 1), bytes = inner * copy->item;
    ctx->api->parallel_for(ctx, total / inner, bytes >= FC_COPY_GRAIN ? 1 : FC_COPY_GRAIN / bytes, copy_piece, &job);
    if (to->dtype == FC_STRING) { /* every string that was copied, by the same walk */
        int64_t at[FC_COPY_DIMS] = {0};
        for (int64_t i = 0; i < total; i++) {
            char *p = dst;
            for (int d = 0; d < ndim; d++) p += at[d] * copy->dst[d];
            fc_string_retain(*(fc_string **)p);
            for (int d = ndim - 1; d >= 0 && ++at[d] == copy->shape[d]; d--) at[d] = 0;
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
#define FILL(T) for (int64_t i = begin; i < end; i++) ((T *)job->out)[i] = *(const T *)job->value;
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
    if (ctx->device->fill) return ctx->device->fill(ctx, dst, value, pattern);
    fill_job job = {fc_data(dst), value ? fc_data(value) : pattern, fc_item_size(dst->dtype)};
    ctx->api->parallel_for(ctx, dst->size, FC_COPY_GRAIN / job.item, fill_piece, &job);
    return FC_OK;
}
