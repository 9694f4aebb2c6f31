/* The end of copies: who is told, and by which thread.
 *
 * A thread of our own waits for each copy in turn, because runtimes are slow to call back (NVIDIA's by 3 to
 * 10 ms), and may compute on the waiting thread (Intel's leaves a core idle while nobody waits: half the
 * speed on two cores). Simulators, whose calls must not overlap, call back. */
#include "transfer.h"

#include <stdlib.h>
#include <string.h>

static cl_int injected;
void ocl_fail_next_copy(int code) { __atomic_store_n(&injected, code, __ATOMIC_RELAXED); }

ocl_transfer *ocl_transfer_new(fc_ctx *ctx, ocl_device *d) {
    ocl_transfer *t = calloc(1, sizeof *t);
    if (t) t->api = ctx->api, t->device = d;
    return t;
}

void ocl_transfer_free(ocl_transfer *t) {
    fc_release(t->host);
    free(t->staged);
    if (t->pinned) ocl_pinned_give(t->device, t->pinned);
    free(t);
}

/* the copy ends by itself, soon, and completes the token */
static void let_it_end(fc_token *token, void *arg) { (void)token, (void)arg; }

fc_ctx *ocl_transfer_park(fc_ctx *ctx, ocl_transfer *t) {
    t->token = ctx->api->park(ctx, let_it_end, NULL);
    if (t->token) return ctx->api->token_ctx(t->token);
    ocl_transfer_free(t);
    return NULL;
}

/* The copy is done, or failed with `status`. */
static void ended(ocl_transfer *t, cl_int status) {
    if (t->token) {
        fc_ctx *ctx = t->api->token_ctx(t->token);
        int rc = FC_OK;
        status += __atomic_exchange_n(&injected, 0, __ATOMIC_RELAXED);
        if (status < 0)
            rc = t->api->fail(ctx, FC_UNAVAILABLE, "%s failed while it computed or copied this value: %s",
                              t->device->name, fc_cl_error(status));
        else if (t->into) memcpy(t->into, ocl_pinned_data(t->pinned), t->bytes);
        else if (t->raised) rc = t->api->fail(ctx, FC_INVALID_ARGUMENT, "%s", t->message);
        t->api->complete(t->token, rc);
    }
    ocl_transfer_free(t);
}

static void called_back(cl_event event, cl_int status, void *arg) {
    (void)event;
    ended(arg, status);
}

static void *wait_in_turn(void *arg) {
    ocl_device *d = arg;
    pthread_mutex_lock(&d->lock);
    for (;;) {
        while (!d->transfers) pthread_cond_wait(&d->transfer_came, &d->lock);
        ocl_transfer *t = d->transfers;
        d->transfers = t->next;
        pthread_mutex_unlock(&d->lock);
        cl_int status = CL_COMPLETE;
        cl_int error = cl.clWaitForEvents(1, &t->event);
        if (error &&
            (cl.clGetEventInfo(t->event, CL_EVENT_COMMAND_EXECUTION_STATUS, sizeof status, &status, NULL) ||
             status >= 0))
            status = error;
        cl.clReleaseEvent(t->event);
        ended(t, status);
        pthread_mutex_lock(&d->lock);
    }
    return NULL;
}

/* Hands `t` to the device's waiting thread, which begins with the first. */
static int have_waited_for(ocl_device *d, ocl_transfer *t) {
    pthread_t thread;
    int failed = 0;
    pthread_mutex_lock(&d->lock);
    if (!d->waits) {
        failed = pthread_create(&thread, NULL, wait_in_turn, d);
        if (!failed) pthread_detach(thread);
        d->waits = !failed;
    }
    if (!failed) {
        ocl_transfer **last = &d->transfers;
        while (*last) last = &(*last)->next;
        *last = t;
        pthread_cond_signal(&d->transfer_came);
    }
    pthread_mutex_unlock(&d->lock);
    return failed;
}

int ocl_transfer_end(fc_ctx *ctx, ocl_transfer *t, cl_int error, cl_event event) {
    ocl_device *d = t->device;
    int pending = t->token != NULL;
    if (!error && !d->is_serial) {
        cl.clFlush(d->queue);
        t->event = event;
        if (!have_waited_for(d, t)) return pending ? FC_PENDING : FC_OK;
        error = CL_OUT_OF_HOST_MEMORY;
    }
    if (!error) error = cl.clSetEventCallback(event, CL_COMPLETE, called_back, t);
    if (error) {
        int rc = ctx->api->fail(ctx, FC_INTERNAL, "%s refused a copy: %s", d->name, fc_cl_error(error));
        fc_token *token = t->token;
        const fc_api *api = t->api;
        if (event) cl.clFinish(d->queue); /* the memory must outlive a copy that was enqueued */
        ocl_transfer_free(t);
        if (!token) return rc;
        api->complete(token, rc);
        return FC_PENDING;
    }
    cl.clReleaseEvent(event);
    cl.clFlush(d->queue);
    return pending ? FC_PENDING : FC_OK;
}
