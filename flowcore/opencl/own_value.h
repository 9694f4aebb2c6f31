/* A variable on a device, about to be written to. */
#ifndef FLOWCORE_OPENCL_OWN_VALUE_H
#define FLOWCORE_OPENCL_OWN_VALUE_H

#include "../kernels/state/variable.h"
#include "device.h"

/* Under the lock: makes the variable's buffer its own. */
static int fc_own_value(fc_ctx *ctx, fc_variable *v) {
    fc_tensor *t = &v->value;
    if (!t->size || __atomic_load_n(&t->buffer->refs, __ATOMIC_ACQUIRE) == 1) return FC_OK;
    fc_tensor fresh = *t;
    fresh.offset = 0;
    int rc = ocl_buffer_new(ctx, t->dtype, t->size, &fresh.buffer);
    if (!rc) rc = ocl_copy(ctx, t, 0, &fresh, 0, t->size * fc_item_size(t->dtype));
    if (rc) return rc;
    fc_release(t->buffer);
    *t = fresh;
    return FC_OK;
}

#endif
