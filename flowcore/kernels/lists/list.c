/* Making, sharing, changing and adding lists of tensors. */
#include "list.h"

#include <complex.h>
#include <stdlib.h>
#include <string.h>

#include "../_types.h"
#include "../_variants.h"
#include "by_item.h"

static void destroy(fc_variant *self) {
    fc_list *list = (fc_list *)self;
    for (int64_t i = 0; list->items && i < list->length; i++)
        if (list->items[i].ndim >= 0) fc_release(list->items[i].buffer);
    if (list->only >= 0) fc_release(list->one.buffer);
    free(list->items);
    free(list);
}

static int no_memory(fc_ctx *ctx, int64_t length) {
    return ctx->api->fail(ctx, FC_RESOURCE_EXHAUSTED, "no memory for a list of %lld elements",
                          (long long)length);
}

/* A list like this one, with the same elements where `with_items`. */
static int copy_list(fc_ctx *ctx, const fc_list *from, int with_items, fc_variant **out) {
    fc_list *list = fc_list_new(from->api, from->dtype, from->length);
    if (!list) return no_memory(ctx, from->length);
    list->element = from->element, list->most = from->most;
    if (with_items && from->items) {
        list->items = malloc(sizeof(fc_tensor) * (size_t)from->capacity);
        if (!list->items) {
            list->api->variant_release(&list->base);
            return no_memory(ctx, from->length);
        }
        list->capacity = from->capacity;
        memcpy(list->items, from->items, sizeof(fc_tensor) * (size_t)from->length);
        for (int64_t i = 0; i < from->length; i++)
            if (list->items[i].ndim >= 0) fc_retain(list->items[i].buffer);
    } else if (with_items && from->only >= 0) {
        list->only = from->only, list->one = from->one;
        fc_retain(list->one.buffer);
    }
    *out = &list->base;
    return FC_OK;
}
int fc_list_like(fc_ctx *ctx, const fc_list *from, fc_list **out) {
    fc_variant *made = NULL;
    int rc = copy_list(ctx, from, 0, &made);
    if (rc) return rc;
    fc_list *list = *out = (fc_list *)made;
    if (!from->items) {
        list->only = from->only;
        return FC_OK;
    }
    list->items = malloc(sizeof(fc_tensor) * (size_t)from->length);
    if (!list->items) {
        list->api->variant_release(made);
        return no_memory(ctx, from->length);
    }
    list->capacity = from->length;
    for (int64_t i = 0; i < from->length; i++) list->items[i].ndim = -1;
    return FC_OK;
}
static int copy(fc_ctx *ctx, fc_variant *self, fc_variant **out) {
    return copy_list(ctx, (fc_list *)self, 1, out);
}
static int zeros_like(fc_ctx *ctx, fc_variant *self, fc_variant **out) {
    return copy_list(ctx, (fc_list *)self, 0, out);
}

/* ---- sums ------------------------------------------------------------------------------------ */
typedef void (*sum_loop)(void *to, const void *a, const void *b, int64_t n);
#define SUM_LOOP(NAME, T, C, LOAD, STORE) \
    FC_CLONES static void sum_##NAME(void *to, const void *a, const void *b, int64_t n) { \
        for (int64_t i = 0; i < n; i++) \
            ((T *)to)[i] = STORE((C)(LOAD(((const T *)a)[i]) + LOAD(((const T *)b)[i]))); \
    }
FC_NUMBER_TYPES(SUM_LOOP)
static const sum_loop sums[FC_NUM_DTYPES] = {
#define SUM_ENTRY(NAME, T, C, LOAD, STORE) [FC_##NAME] = sum_##NAME,
    FC_NUMBER_TYPES(SUM_ENTRY)};

typedef struct {
    char *to;
    const char *a, *b;
    sum_loop loop;
    int64_t item;
} sum_job;
static void sum_piece(void *arg, int64_t begin, int64_t end) {
    const sum_job *j = arg;
    j->loop(j->to + begin * j->item, j->a + begin * j->item, j->b + begin * j->item, end - begin);
}

/* The same on a device that adds by a kernel of its own. */
static int add_there(fc_ctx *ctx, fc_list *list, int64_t i, const fc_tensor *a, const fc_tensor *x) {
    const fc_tensor both[2] = {*a, *x};
    fc_tensor sum;
    int rc = fc_add_items(ctx, both, &sum);
    if (rc) return rc;
    rc = fc_list_set(ctx, list, i, &sum);
    fc_release(sum.buffer);
    return rc;
}

/* Element i of `list` becomes the sum of itself and x. */
static int add_item(fc_ctx *ctx, fc_list *list, int64_t i, const fc_tensor *x) {
    const fc_tensor *a = fc_list_item(list, i);
    char as[128], xs[128];
    if (!a) return fc_list_set(ctx, list, i, x);
    if (!fc_same_shape(a, x))
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT,
                              "elements %lld of two lists cannot be added: their shapes are %s and %s",
                              (long long)i, fc_shape_str(a, as, sizeof as), fc_shape_str(x, xs, sizeof xs));
    if (list->dtype != FC_VARIANT && !sums[list->dtype])
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "lists with elements of dtype %s cannot be added",
                              fc_dtype_name(list->dtype));
    if (!x->size) return FC_OK;
    int rc = fc_list_expect_home(ctx, i, a);
    if (!rc) rc = fc_list_expect_home(ctx, i, x);
    if (rc) return rc;
    if (ctx->device->add && fc_is_plain(list->dtype)) return add_there(ctx, list, i, a, x);
    fc_tensor sum = *a;
    int sole = __atomic_load_n(&a->buffer->refs, __ATOMIC_ACQUIRE) == 1;
    if (sole) fc_retain(sum.buffer);
    else {
        rc = ctx->api->buffer_new(ctx, a->dtype, a->size, &sum.buffer);
        if (rc) return rc;
        sum.offset = 0;
    }
    if (list->dtype == FC_VARIANT) {
        fc_variant **to = fc_data(&sum), *const *more = fc_data(x);
        if (!sole) {
            memcpy(to, fc_data(a), (size_t)a->size * sizeof *to);
            rc = fc_keep_elements(ctx, &sum, a);
        }
        for (int64_t k = 0; !rc && k < x->size; k++) rc = fc_add_variant(ctx, &to[k], more[k]);
    } else {
        sum_job job = {fc_data(&sum), fc_data(a), fc_data(x), sums[list->dtype], fc_item_size(list->dtype)};
        ctx->api->parallel_for(ctx, x->size, 32768, sum_piece, &job);
    }
    if (!rc) rc = fc_list_set(ctx, list, i, &sum);
    fc_release(sum.buffer);
    return rc;
}

static int add_to(fc_ctx *ctx, fc_variant *self, fc_variant *other) {
    fc_list *a = (fc_list *)self;
    const fc_list *b = (fc_list *)other;
    int64_t shape[FC_MAX_DIMS];
    int ndim, rc = FC_OK;
    if (a->length != b->length)
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT,
                              "Trying to add two lists of tensors with different lengths: %lld and %lld",
                              (long long)a->length, (long long)b->length);
    if (a->dtype != b->dtype)
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "lists of %s and of %s cannot be added",
                              fc_dtype_name(a->dtype), fc_dtype_name(b->dtype));
    if (!fc_merge_shapes(a->element.ndim, fc_dims(&a->element), b->element.ndim, fc_dims(&b->element), &ndim,
                         shape))
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT,
                              "lists whose element shapes do not agree cannot be added");
    rc = ctx->api->set_dims(ctx, &a->element, ndim, shape);
    if (rc || !b->items) return rc || b->only < 0 ? rc : add_item(ctx, a, b->only, &b->one);
    for (int64_t i = 0; !rc && i < b->length; i++)
        if (b->items[i].ndim >= 0) rc = add_item(ctx, a, i, &b->items[i]);
    return rc;
}
static int add(fc_ctx *ctx, fc_variant *a, fc_variant *b, fc_variant **out) {
    const fc_list *x = (fc_list *)a, *y = (fc_list *)b;
    int swap = !x->items && y->items; /* a copy of the fuller one, to which the other is added */
    int rc = copy_list(ctx, swap ? y : x, 1, out);
    if (!rc) rc = add_to(ctx, *out, swap ? a : b);
    if (rc && *out) {
        ctx->api->variant_release(*out);
        *out = NULL;
    }
    return rc;
}

static const fc_variant_type list_type = {"TensorList", destroy, copy, zeros_like, add, add_to};

/* ---- lists of kernels ------------------------------------------------------------------------ */
fc_list *fc_list_new(const fc_api *api, int dtype, int64_t length) {
    fc_list *list = calloc(1, sizeof *list);
    if (!list) return NULL;
    api->variant_init(&list->base, &list_type);
    list->api = api;
    list->dtype = dtype;
    list->element.ndim = -1;
    list->most = list->only = -1;
    list->length = length;
    return list;
}

fc_list *fc_as_list(fc_variant *v) { return v && v->type == &list_type ? (fc_list *)v : NULL; }

fc_list *fc_list_at(fc_ctx *ctx, int i, int *rc) {
    const fc_tensor *t = ctx->in[i];
    fc_variant *v = t->dtype == FC_VARIANT && t->size == 1 ? *(fc_variant *const *)fc_data(t) : NULL;
    *rc = FC_OK;
    if (fc_as_list(v)) return fc_as_list(v);
    *rc = ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "input %d is not a list: %s", i,
                         t->dtype != FC_VARIANT ? fc_dtype_name(t->dtype)
                         : t->size != 1         ? "not a single variant"
                         : v                    ? v->type->name
                                                : "an empty variant");
    return NULL;
}

int fc_list_put(fc_ctx *ctx, int o, fc_list *list) {
    int rc = ctx->api->alloc(ctx, o, FC_VARIANT, 0, NULL);
    if (rc) ctx->api->variant_release(&list->base);
    else *FC_OUT(ctx, o, fc_variant *) = &list->base;
    return rc;
}

fc_list *fc_list_to_change(fc_ctx *ctx, int i, int o, int *rc) {
    fc_list *list = fc_list_at(ctx, i, rc);
    fc_variant *fresh = NULL;
    if (*rc) return NULL;
    if (ctx->api->sole(ctx, i) && __atomic_load_n(&list->base.refs, __ATOMIC_ACQUIRE) == 1) {
        *rc = ctx->api->share(ctx, o, ctx->in[i], 0, FC_VARIANT, 0, NULL);
        return *rc ? NULL : list;
    }
    *rc = copy(ctx, &list->base, &fresh);
    if (!*rc) *rc = fc_list_put(ctx, o, (fc_list *)fresh);
    return *rc ? NULL : (fc_list *)fresh;
}

const fc_tensor *fc_list_item(const fc_list *list, int64_t i) {
    if (!list->items) return list->only == i ? &list->one : NULL;
    return list->items[i].ndim >= 0 ? &list->items[i] : NULL;
}

int fc_list_expect_home(fc_ctx *ctx, int64_t i, const fc_tensor *item) {
    if (!item->buffer || item->buffer->device == ctx->device || !fc_is_plain(item->dtype)) return FC_OK;
    return ctx->api->fail(
        ctx, FC_INVALID_ARGUMENT,
        "element %lld of the list lies on %s, and this node runs on %s: give it the same device "
        "as the nodes that write to the list",
        (long long)i, item->buffer->device->name, ctx->device->name);
}

/* Memory for `length` elements, at least. */
static int make_room(fc_ctx *ctx, fc_list *list, int64_t length) {
    int64_t capacity = list->items && 2 * list->capacity > length ? 2 * list->capacity : length;
    if (list->items && list->capacity >= length) return FC_OK;
    fc_tensor *items = capacity < INT64_MAX / (int64_t)sizeof(fc_tensor)
                           ? realloc(list->items, sizeof(fc_tensor) * (size_t)capacity)
                           : NULL;
    if (!items) return no_memory(ctx, length);
    if (!list->items) {
        for (int64_t i = 0; i < list->length; i++) items[i].ndim = -1;
        if (list->only >= 0) items[list->only] = list->one;
        list->only = -1;
    }
    list->items = items;
    list->capacity = capacity;
    return FC_OK;
}

int fc_list_expect_length(fc_ctx *ctx, int64_t length) {
    if (length <= INT32_MAX) return FC_OK;
    return ctx->api->fail(ctx, FC_INVALID_ARGUMENT,
                          "A list has at most %d elements, this one would have %lld", INT32_MAX,
                          (long long)length);
}

int fc_list_resize(fc_ctx *ctx, fc_list *list, int64_t length) {
    int rc = fc_list_expect_length(ctx, length);
    if (rc) return rc;
    if (list->items) {
        rc = make_room(ctx, list, length);
        if (rc) return rc;
        for (int64_t i = length; i < list->length; i++)
            if (list->items[i].ndim >= 0) fc_release(list->items[i].buffer);
        for (int64_t i = list->length; i < length; i++) list->items[i].ndim = -1;
    } else if (list->only >= length) {
        fc_release(list->one.buffer);
        list->only = -1;
    }
    list->length = length;
    return FC_OK;
}

int fc_list_set(fc_ctx *ctx, fc_list *list, int64_t i, const fc_tensor *item) {
    fc_tensor kept = *item;
    fc_tensor *to = &list->one;
    int rc = FC_OK;
    if (!list->items && list->only >= 0 && list->only != i) rc = make_room(ctx, list, list->length);
    if (rc) return rc;
    if (item->buffer && item->buffer->flags & FC_BUF_EXTERNAL) { /* the list may outlive what was fed */
        rc = ctx->api->buffer_new(ctx, item->dtype, item->size, &kept.buffer);
        if (rc) return rc;
        kept.offset = 0;
        memcpy(kept.buffer->data, fc_data(item), (size_t)(item->size * fc_item_size(item->dtype)));
    } else {
        rc = fc_list_expect_home(ctx, i, item);
        if (rc) return rc;
        fc_retain(kept.buffer);
    }
    if (list->items) {
        to = &list->items[i];
        if (to->ndim >= 0) fc_release(to->buffer);
    } else {
        if (list->only == i) fc_release(to->buffer);
        list->only = i;
    }
    *to = kept;
    return FC_OK;
}

int fc_merge_shapes(int a_ndim, const int64_t *a, int b_ndim, const int64_t *b, int *ndim, int64_t *out) {
    int64_t merged[FC_MAX_DIMS];
    if (a_ndim >= 0 && b_ndim >= 0 && a_ndim != b_ndim) return 0;
    int n = a_ndim >= 0 ? a_ndim : b_ndim;
    for (int d = 0; d < n; d++) {
        int64_t x = a_ndim >= 0 ? a[d] : -1, y = b_ndim >= 0 ? b[d] : -1;
        if (x >= 0 && y >= 0 && x != y) return 0;
        merged[d] = x >= 0 ? x : y;
    }
    *ndim = n;
    if (n > 0) memcpy(out, merged, (size_t)n * sizeof(int64_t));
    return 1;
}
