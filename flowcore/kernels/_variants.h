/* What kernels do with single variants, whatever their kind. */
#ifndef FLOWCORE_VARIANTS_H
#define FLOWCORE_VARIANTS_H

#include "../_kernel.h"

/* *sum += x, where *sum is the caller's to change. An empty variant adds nothing. */
static inline int fc_add_variant(fc_ctx *ctx, fc_variant **sum, fc_variant *x) {
    fc_variant *a = *sum, *made = NULL;
    if (!x) return FC_OK;
    if (!a) {
        fc_variant_retain(x);
        *sum = x;
        return FC_OK;
    }
    if (a->type != x->type || !a->type->add)
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "variants that hold a %s and a %s cannot be added",
                              a->type->name, x->type->name);
    if (a->type->add_to && __atomic_load_n(&a->refs, __ATOMIC_ACQUIRE) == 1)
        return a->type->add_to(ctx, a, x);
    int rc = a->type->add(ctx, a, x, &made);
    if (rc) return rc;
    ctx->api->variant_release(a);
    *sum = made;
    return FC_OK;
}

#endif
