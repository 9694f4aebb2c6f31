/* What the kernels of the convolution ops begin with. See conv.h. */
#include "conv.h"

fc_images fc_conv_images(const fc_tensor *t, const fc_conv *g) {
    int h = g->channels_first ? 2 : 1;
    return (fc_images){fc_data(t), t->shape[h], t->shape[h + 1], t->shape[g->channels_first ? 1 : 3], t->dtype, g->channels_first};
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
    for (int64_t k = 0; !rc && k < g->kernel[i]; k++) axis->taps[k] = (fc_tap){k, k * g->dilation[i] - g->pad[i]};
    return rc;
}
