/* Runs a device's own kernels on single elements of lists: its sum, and the copies between its memory and the
 * host's, of which a list that moves is made.
 *
 * A kernel sees a node of its own: a context whose interface stands between it and the engine. Outputs come
 * from the device, or from the host where a copy leads there; what else it asks for is asked of the list's
 * node. A copy that parks has the list's node park, once; the copy that ends last completes it. The loop that
 * begins the copies counts as one of them until it is through, so that none ends the node before. */
#include "by_item.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "list.h"

typedef struct part part;

/* The list's node, while parts of its work are done. */
typedef struct {
    fc_api api; /* what the parts' kernels see */
    fc_ctx *ctx;
    fc_token *token; /* once the node has parked */
    int leads_to_host, sums;
    pthread_mutex_t lock; /* over the report, and the status */
    int status;
    int32_t pending; /* parts that have parked, and the loop that begins them */
    part *parts;
} work;

/* One element: what a kernel makes of it, and where that goes. */
struct part {
    fc_ctx ctx;
    const fc_tensor *in[2];
    fc_tensor out, *to;
    work *work;
    part *next;
};

static work *work_of(fc_ctx *ctx) { return ((part *)ctx->engine)->work; }
static fc_ctx *node_of(fc_ctx *ctx) { return work_of(ctx)->ctx; }

/* ---- what a kernel asks for ------------------------------------------------------------------ */
static int fail(fc_ctx *ctx, int status, const char *format, ...) {
    work *w = work_of(ctx);
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    pthread_mutex_lock(&w->lock);
    if (!w->status) w->status = w->ctx->api->fail(w->ctx, status, "%s", text);
    pthread_mutex_unlock(&w->lock);
    return status;
}

/* A dense tensor without memory yet. The sizes are those of an element, or come to fewer. */
static int shaped(fc_ctx *ctx, fc_tensor *t, int dtype, int ndim, const int64_t *shape) {
    work *w = work_of(ctx);
    *t = (fc_tensor){.size = 1, .dtype = dtype};
    for (int d = 0; d < ndim; d++) t->size *= shape[d];
    pthread_mutex_lock(&w->lock); /* it may report */
    int rc = w->ctx->api->set_dims(w->ctx, t, ndim, shape);
    pthread_mutex_unlock(&w->lock);
    return rc;
}

static int alloc(fc_ctx *ctx, int out, int dtype, int ndim, const int64_t *shape) {
    work *w = work_of(ctx);
    fc_tensor *t = &ctx->out[out];
    int rc = shaped(ctx, t, dtype, ndim, shape);
    if (rc || !t->size) return rc;
    if (w->leads_to_host) {
        pthread_mutex_lock(&w->lock); /* it may report */
        rc = w->ctx->api->buffer_new(w->ctx, dtype, t->size, &t->buffer);
        pthread_mutex_unlock(&w->lock);
        return rc;
    }
    int64_t bytes = t->size * fc_item_size(dtype);
    rc = ctx->device->alloc(ctx->device, (size_t)bytes, &t->buffer);
    if (!rc && ctx->device->name_block) ctx->device->name_block(t->buffer, ctx->name);
    char largest[768] = "";
    if (rc && ctx->device->describe) ctx->device->describe(ctx->device, largest, sizeof largest);
    return rc ? fail(ctx, rc, "out of memory: no room for an element of %lld bytes%s", (long long)bytes,
                     largest)
              : FC_OK;
}

static int share(fc_ctx *ctx, int out, const fc_tensor *src, int64_t offset, int dtype, int ndim,
                 const int64_t *shape) {
    fc_tensor *t = &ctx->out[out];
    int rc = shaped(ctx, t, dtype, ndim, shape);
    if (rc || !t->size) return rc;
    t->buffer = src->buffer;
    t->offset = src->offset + offset;
    fc_retain(t->buffer);
    return FC_OK;
}

static int sole(fc_ctx *ctx, int i) {
    return i == 0 && work_of(ctx)->sums && __atomic_load_n(&ctx->in[i]->buffer->refs, __ATOMIC_ACQUIRE) == 1;
}

static int forward(fc_ctx *ctx, int i, int out, int dtype, int ndim, const int64_t *shape) {
    const fc_tensor *x = ctx->in[i];
    int64_t size = 1;
    for (int d = 0; d < ndim; d++) size *= shape[d];
    if (x->buffer && sole(ctx, i) && size * fc_item_size(dtype) == x->size * fc_item_size(x->dtype))
        return share(ctx, out, x, 0, dtype, ndim, shape);
    return alloc(ctx, out, dtype, ndim, shape);
}

static int scratch(fc_ctx *ctx, size_t bytes, void **ptr) {
    return node_of(ctx)->api->scratch(node_of(ctx), bytes, ptr);
}
static void parallel_for(fc_ctx *ctx, int64_t n, int64_t grain, void (*fn)(void *, int64_t, int64_t),
                         void *arg) {
    node_of(ctx)->api->parallel_for(node_of(ctx), n, grain, fn, arg);
}
static int cancelled(fc_ctx *ctx) { return node_of(ctx)->api->cancelled(node_of(ctx)); }
static void may_wait(fc_ctx *ctx) { node_of(ctx)->api->may_wait(node_of(ctx)); }
static int buffer_new(fc_ctx *ctx, int dtype, int64_t size, fc_buffer **out) {
    return node_of(ctx)->api->buffer_new(node_of(ctx), dtype, size, out);
}
static int set_dims(fc_ctx *ctx, fc_tensor *t, int ndim, const int64_t *dims) {
    return node_of(ctx)->api->set_dims(node_of(ctx), t, ndim, dims);
}

/* The copies end by themselves, soon. */
static void let_them_end(fc_token *token, void *arg) { (void)token, (void)arg; }

static fc_token *park(fc_ctx *ctx, void (*cancel)(fc_token *token, void *arg), void *arg) {
    work *w = work_of(ctx);
    (void)cancel, (void)arg;
    if (w->sums) {
        fail(ctx, FC_INTERNAL, "the sum of two elements of lists on %s waits", ctx->device->name);
        return NULL;
    }
    if (!w->token) {
        w->token = w->ctx->api->park(w->ctx, let_them_end, NULL);
        if (!w->token) return NULL;
        w->ctx = w->ctx->api->token_ctx(w->token);
    }
    __atomic_fetch_add(&w->pending, 1, __ATOMIC_RELAXED);
    return (fc_token *)ctx->engine;
}
static fc_ctx *token_ctx(fc_token *token) { return &((part *)token)->ctx; }

static void note(work *w, int status) {
    pthread_mutex_lock(&w->lock);
    if (!w->status) w->status = status;
    pthread_mutex_unlock(&w->lock);
}

/* ---- the node as a whole --------------------------------------------------------------------- */
static void free_work(work *w) {
    for (part *p = w->parts, *next; p; p = next) {
        next = p->next;
        fc_release(p->out.buffer);
        free(p);
    }
    pthread_mutex_destroy(&w->lock);
    free(w);
}

/* A part is done, or the loop that begins them: the last of all puts the elements where they belong. Returns
 * what the node's kernel is to return. */
static int end_one(work *w) {
    if (__atomic_fetch_sub(&w->pending, 1, __ATOMIC_ACQ_REL) != 1) return FC_PENDING;
    const fc_api *api = w->ctx->api;
    fc_token *token = w->token;
    int status = w->status;
    for (part *p = w->parts; p && !status; p = p->next) {
        *p->to = p->out;
        p->out.buffer = NULL;
    }
    free_work(w);
    if (!token) return status;
    api->complete(token, status);
    return FC_PENDING;
}

static void complete(fc_token *token, int status) {
    work *w = ((part *)token)->work;
    if (status) note(w, status);
    end_one(w);
}

static work *new_work(fc_ctx *ctx, int leads_to_host) {
    work *w = calloc(1, sizeof *w);
    if (!w) return NULL;
    w->api = *ctx->api;
    w->api.fail = fail, w->api.alloc = alloc, w->api.share = share, w->api.sole = sole;
    w->api.forward = forward, w->api.scratch = scratch, w->api.parallel_for = parallel_for;
    w->api.cancelled = cancelled, w->api.may_wait = may_wait, w->api.buffer_new = buffer_new;
    w->api.set_dims = set_dims;
    w->api.park = park, w->api.token_ctx = token_ctx, w->api.complete = complete;
    w->ctx = ctx;
    w->leads_to_host = leads_to_host;
    w->pending = 1;
    pthread_mutex_init(&w->lock, NULL);
    return w;
}

/* Begins with one element: `kernel` makes *to of it. */
static int begin(work *w, int (*kernel)(fc_ctx *), int n_in, const fc_tensor *in, fc_tensor *to) {
    part *p = calloc(1, sizeof *p);
    if (!p) {
        note(w, w->ctx->api->fail(w->ctx, FC_RESOURCE_EXHAUSTED, "no memory for a copy"));
        return w->status;
    }
    p->work = w, p->to = to, p->next = w->parts;
    w->parts = p;
    for (int i = 0; i < n_in; i++) p->in[i] = &in[i];
    p->ctx = (fc_ctx){.api = &w->api,
                      .in = p->in,
                      .out = &p->out,
                      .device = w->ctx->device,
                      .name = w->ctx->name,
                      .n_in = n_in,
                      .n_out = 1,
                      .engine = p};
    int rc = kernel(&p->ctx);
    if (rc > 0) note(w, rc);
    return rc > 0 ? rc : FC_OK;
}

/* ---- sums ------------------------------------------------------------------------------------ */
int fc_add_items(fc_ctx *ctx, const fc_tensor both[2], fc_tensor *sum) {
    work *w = new_work(ctx, 0);
    if (!w) return ctx->api->fail(ctx, FC_RESOURCE_EXHAUSTED, "no memory for a sum");
    w->sums = 1;
    begin(w, ctx->device->add, 2, both, sum);
    return end_one(w);
}

/* ---- lists that move ------------------------------------------------------------------------- */
static int is_home(const fc_list *list, const fc_device *home);

/* Whether what an element stands for lies on the device, whose own memory has plain elements only. */
static int item_is_home(const fc_tensor *item, const fc_device *home) {
    if (!item || !item->buffer) return 1;
    if (item->dtype != FC_VARIANT) return item->buffer->device == home || !fc_is_plain(item->dtype);
    fc_variant *const *variants = fc_data(item);
    for (int64_t i = 0; i < item->size; i++) {
        const fc_list *inner = fc_as_list(variants[i]);
        if (inner && !is_home(inner, home)) return 0;
    }
    return 1;
}
static int is_home(const fc_list *list, const fc_device *home) {
    if (!list->items) return list->only < 0 || item_is_home(&list->one, home);
    for (int64_t i = 0; i < list->length; i++)
        if (list->items[i].ndim >= 0 && !item_is_home(&list->items[i], home)) return 0;
    return 1;
}

static int move_list(work *w, fc_list *list, fc_variant **out);

/* *to, an element of a new list, becomes what `item` is on the node's device. */
static int move_item(work *w, const fc_tensor *item, fc_tensor *to) {
    fc_ctx *ctx = w->ctx;
    fc_device *there = ctx->device, *here = item->buffer ? item->buffer->device : there;
    if (item->dtype == FC_VARIANT && !item_is_home(item, there)) {
        fc_tensor moved = *item;
        int rc = ctx->api->buffer_new(ctx, FC_VARIANT, item->size, &moved.buffer);
        if (rc) return rc;
        moved.offset = 0;
        *to = moved;
        fc_variant *const *from = fc_data(item), **inner = fc_data(&moved);
        for (int64_t i = 0; !rc && i < item->size; i++) {
            fc_list *list = fc_as_list(from[i]);
            if (list) rc = move_list(w, list, &inner[i]);
            else fc_variant_retain(inner[i] = from[i]);
        }
        return rc;
    }
    if (here == there || !fc_is_plain(item->dtype)) {
        fc_retain(item->buffer);
        *to = *item;
        return FC_OK;
    }
    int (*kernel)(fc_ctx *) = w->leads_to_host        ? here->to_host
                              : fc_keeps_lists(here)  ? NULL /* two devices meet on the host */
                              : fc_keeps_lists(there) ? there->from_host
                                                      : NULL;
    if (kernel) return begin(w, kernel, 1, item, to);
    return ctx->api->fail(ctx, FC_INVALID_ARGUMENT,
                          "an element of the list lies on %s, which %s cannot reach", here->name,
                          there->name);
}

/* *out becomes the same list on the node's device: `list` itself where it is that. */
static int move_list(work *w, fc_list *list, fc_variant **out) {
    if (is_home(list, w->ctx->device)) {
        fc_variant_retain(*out = &list->base);
        return FC_OK;
    }
    fc_list *made;
    int rc = fc_list_like(w->ctx, list, &made);
    if (rc) return rc;
    *out = &made->base;
    if (!list->items) return move_item(w, &list->one, &made->one);
    for (int64_t i = 0; !rc && i < list->length; i++)
        if (list->items[i].ndim >= 0) rc = move_item(w, &list->items[i], &made->items[i]);
    return rc;
}

static int move(fc_ctx *ctx) {
    const fc_tensor *x = ctx->in[0];
    if (x->dtype != FC_VARIANT)
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "input 0 is not a list: %s", fc_dtype_name(x->dtype));
    if (item_is_home(x, ctx->device)) return ctx->api->share(ctx, 0, x, 0, x->dtype, x->ndim, fc_dims(x));
    int rc = ctx->api->alloc(ctx, 0, x->dtype, x->ndim, fc_dims(x));
    if (rc) return rc;
    work *w = new_work(ctx, !ctx->device->from_host);
    if (!w) return ctx->api->fail(ctx, FC_RESOURCE_EXHAUSTED, "no memory for a list");
    fc_variant *const *from = fc_data(x), **to = FC_OUT(ctx, 0, fc_variant *);
    for (int64_t i = 0; !rc && i < x->size; i++) {
        fc_list *list = fc_as_list(from[i]);
        if (list) rc = move_list(w, list, &to[i]);
        else fc_variant_retain(to[i] = from[i]);
    }
    if (rc) note(w, rc);
    return end_one(w);
}

static const fc_kernel_def defs[] = {
    {"_ListToDevice", "", "", FC_ASYNC | FC_OF_LISTS, 0, 0, move},
    {"_ListToHost", "", "", FC_ASYNC | FC_OF_LISTS, 0, 0, move},
};
const fc_kernel_table fc_list_move_kernels = {FC_ABI, "CPU", sizeof defs / sizeof defs[0], defs};
