/* What the kernels of the convolution ops begin with. See conv.h. */
#include <pthread.h>
#include <stdlib.h>

#include "conv.h"

fc_images fc_conv_images(const fc_tensor *t, const fc_conv *g) {
    int h = g->channels_first ? 2 : 1;
    return (fc_images){fc_data(t), fc_dims(t)[h],    fc_dims(t)[h + 1], fc_dims(t)[g->channels_first ? 1 : 3],
                       t->dtype,   g->channels_first};
}

void fc_conv_use_type(int dtype, const fc_gemm **gemm, int64_t *item) {
    *gemm = dtype == FC_FLOAT64 ? fc_gemm_float64() : fc_gemm_float32();
    *item = dtype == FC_FLOAT64 ? 8 : 4;
}

void fc_conv_zero(fc_tensor *t) {
    if (t->size) memset(fc_data(t), 0, (size_t)(t->size * fc_item_size(t->dtype)));
}

int fc_conv_forward_axis(fc_ctx *ctx, const fc_conv *g, int i, fc_axis *axis) {
    *axis = (fc_axis){g->out[i], 0, 1, g->stride[i], g->in[i], g->kernel[i], NULL};
    int rc = ctx->api->scratch(ctx, (size_t)g->kernel[i] * sizeof(fc_tap), (void **)&axis->taps);
    for (int64_t k = 0; !rc && k < g->kernel[i]; k++)
        axis->taps[k] = (fc_tap){k, k * g->dilation[i] - g->pad[i]};
    return rc;
}

typedef struct {
    fc_resource base;
    pthread_mutex_t lock;
    void *packed[FC_FILTER_FORMS]; /* NULL: not yet; never changes again */
} kept_filter;

static void destroy_kept(fc_resource *self) {
    kept_filter *kept = (kept_filter *)self;
    for (int form = 0; form < FC_FILTER_FORMS; form++) free(kept->packed[form]);
    pthread_mutex_destroy(&kept->lock);
    free(kept);
}

fc_resource *fc_new_kept_filter(void) {
    kept_filter *kept = calloc(1, sizeof *kept);
    if (!kept) return NULL;
    kept->base = (fc_resource){1, FC_RES_OTHER, "filter", destroy_kept};
    pthread_mutex_init(&kept->lock, NULL);
    return &kept->base;
}

int fc_pack_filter(fc_ctx *ctx, int form, size_t bytes, void **packed, int64_t pieces, int64_t grain,
                   void (*pack)(void *, int64_t, int64_t), void *arg, const int *failed) {
    kept_filter *kept = (kept_filter *)ctx->state;
    if (kept && (*packed = __atomic_load_n(&kept->packed[form], __ATOMIC_ACQUIRE))) return FC_OK;
    /* A step that finds another one at it makes its own: waiting here could be for what this very thread
     * began. */
    int keeps = kept && !pthread_mutex_trylock(&kept->lock), rc = FC_OK;
    if (keeps && (*packed = kept->packed[form])) { /* since the first look */
        pthread_mutex_unlock(&kept->lock);
        return FC_OK;
    }
    if (!keeps) rc = ctx->api->scratch(ctx, bytes, packed);
    else if (posix_memalign(packed, FC_ALIGN, bytes))
        *packed = NULL, rc = ctx->api->fail(ctx, FC_RESOURCE_EXHAUSTED, "out of memory for a packed filter");
    if (!rc) ctx->api->parallel_for(ctx, pieces, grain, pack, arg);
    if (keeps) {
        if (rc || *failed) free(*packed);
        else __atomic_store_n(&kept->packed[form], *packed, __ATOMIC_RELEASE);
        pthread_mutex_unlock(&kept->lock);
    }
    return rc;
}
