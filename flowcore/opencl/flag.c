/* What a kernel found wrong with its input, brought back to the host. */
#include "transfer.h"

int ocl_flag_new(fc_ctx *ctx, fc_tensor *flag) {
    static const int32_t zero;
    *flag = (fc_tensor){.size = 1, .dtype = FC_INT32};
    int rc = ocl_buffer_new(ctx, FC_INT32, 1, &flag->buffer);
    if (rc) return rc;
    rc = ocl_fill(ctx, flag, NULL, &zero);
    if (rc) fc_release(flag->buffer);
    return rc;
}

int ocl_flag_end(fc_ctx *ctx, fc_tensor *flag, int rc, const char *message) {
    ocl_device *d = ocl_of(ctx);
    ocl_transfer *t = rc ? NULL : ocl_transfer_new(ctx, d);
    if (!rc && !t) rc = ctx->api->fail(ctx, FC_RESOURCE_EXHAUSTED, "no memory for a check");
    fc_ctx *parked = rc ? NULL : ocl_transfer_park(ctx, t);
    if (!rc && !parked) rc = fc_park_status(ctx);
    if (rc) {
        fc_release(flag->buffer);
        return rc;
    }
    ctx = parked;
    t->message = message;
    cl_event event = NULL;
    ocl_place place = ocl_place_of(flag);
    ocl_enter(d);
    cl_int error = cl.clEnqueueReadBuffer(d->queue, place.mem, 0, place.at, sizeof t->raised, &t->raised, 0,
                                          NULL, &event);
    fc_release(flag->buffer); /* the queue is in order: who takes the word next comes after the reading */
    rc = ocl_transfer_end(ctx, t, error, event);
    ocl_leave(d);
    return rc;
}
