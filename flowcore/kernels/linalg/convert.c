/* See convert.h. */
#include "convert.h"

#include <string.h>

#include "../_float16.h"

#define PIECE 16384

typedef struct {
    const void *from;
    void *to;
} conversion;

#define CONVERT(name, From, To, FORMULA) \
    FC_CLONES static void name(void *arg, int64_t begin, int64_t end) { \
        const From *from = ((conversion *)arg)->from; \
        To *to = ((conversion *)arg)->to; \
        for (int64_t i = begin; i < end; i++) to[i] = FORMULA(from[i]); \
    }
CONVERT(widen_half, fc_half, float, fc_from_half)
CONVERT(widen_bfloat16, fc_bfloat16, float, fc_from_bfloat16)
CONVERT(narrow_half, float, fc_half, fc_to_half)
CONVERT(narrow_bfloat16, float, fc_bfloat16, fc_to_bfloat16)

int fc_widen(fc_ctx *ctx, const fc_tensor *t, void **data) {
    *data = fc_data(t);
    if (t->dtype != FC_FLOAT16 && t->dtype != FC_BFLOAT16) return FC_OK;
    conversion c = {*data, NULL};
    int rc = ctx->api->scratch(ctx, (size_t)t->size * sizeof(float), data);
    c.to = *data;
    if (!rc)
        ctx->api->parallel_for(ctx, t->size, PIECE, t->dtype == FC_FLOAT16 ? widen_half : widen_bfloat16, &c);
    return rc;
}

void fc_narrow(fc_ctx *ctx, int dtype, const void *from, int64_t size, void *to) {
    conversion c = {from, to};
    if (dtype == FC_FLOAT16 || dtype == FC_BFLOAT16)
        ctx->api->parallel_for(ctx, size, PIECE, dtype == FC_FLOAT16 ? narrow_half : narrow_bfloat16, &c);
    else memcpy(to, from, (size_t)(size * fc_item_size(dtype)));
}
