/* What a kernel found wrong with its input, brought back to the host. */
#include <stdlib.h>

#include "device.h"

typedef struct {
    fc_token *token;
    const fc_api *api;
    const char *device, *message;
    cl_int raised;
} reading;

int ocl_flag_new(fc_ctx *ctx, fc_tensor *flag) {
    static const int32_t zero;
    *flag = (fc_tensor){.size = 1, .dtype = FC_INT32};
    int rc = ocl_buffer_new(ctx, FC_INT32, 1, &flag->buffer);
    if (rc) return rc;
    rc = ocl_fill(ctx, flag, NULL, &zero);
    if (rc) fc_release(flag->buffer);
    return rc;
}

static void flag_read(cl_event event, cl_int status, void *arg) {
    reading *r = arg;
    fc_ctx *ctx = r->api->token_ctx(r->token);
    int rc = FC_OK;
    (void)event;
    if (status < 0) rc = r->api->fail(ctx, FC_UNAVAILABLE, "%s failed while it computed this value: %s", r->device, fc_cl_error(status));
    else if (r->raised) rc = r->api->fail(ctx, FC_INVALID_ARGUMENT, "%s", r->message);
    r->api->complete(r->token, rc);
    free(r);
}

static void let_it_end(fc_token *token, void *arg) { (void)token, (void)arg; } /* the reading ends by itself, soon, and completes the token */

int ocl_flag_end(fc_ctx *ctx, fc_tensor *flag, int rc, const char *message) {
    ocl_device *d = ocl_of(ctx);
    const fc_api *api = ctx->api;
    reading *r = rc ? NULL : malloc(sizeof *r);
    fc_token *token = NULL;
    if (!rc && !r) rc = api->fail(ctx, FC_RESOURCE_EXHAUSTED, "no memory for a check");
    if (!rc && !(token = api->park(ctx, let_it_end, NULL))) rc = FC_CANCELLED;
    if (rc) {
        free(r);
        fc_release(flag->buffer);
        return rc;
    }
    *r = (reading){token, api, d->name, message, 0};
    cl_event event = NULL;
    ocl_enter(d);
    cl_int error = cl.clEnqueueReadBuffer(d->queue, ((ocl_buffer *)flag->buffer)->mem, 0, (size_t)flag->offset, sizeof r->raised, &r->raised, 0, NULL, &event);
    fc_release(flag->buffer); /* the queue is in order: who takes the word next comes after the reading */
    if (!error) error = cl.clSetEventCallback(event, CL_COMPLETE, flag_read, r);
    if (error) {
        rc = api->fail(api->token_ctx(token), FC_INTERNAL, "%s refused to read a check's result: %s", d->name, fc_cl_error(error));
        if (event) cl.clFinish(d->queue); /* the word's place must outlive a reading that was enqueued */
        free(r);
        api->complete(token, rc);
    } else {
        cl.clReleaseEvent(event);
        cl.clFlush(d->queue);
    }
    ocl_leave(d);
    return FC_PENDING;
}
