/* The ops on lists of tensors. Elements lie on the device of the node (list.h). */
#include <string.h>

#include "list.h"

/* A shape argument: a vector of sizes (-1: unknown), or -1 for any rank. */
static int read_shape(fc_ctx *ctx, int input, int *ndim, int64_t *shape) {
    const fc_tensor *t = ctx->in[input];
    char found[128];
    *ndim = -1;
    if (t->ndim == 0 && fc_int_at(t, 0) == -1) return FC_OK;
    if (t->ndim != 1 || t->size > FC_MAX_DIMS)
        return ctx->api->fail(
            ctx, FC_INVALID_ARGUMENT,
            "element_shape must be a vector of at most %d sizes, or the scalar -1, found %s", FC_MAX_DIMS,
            t->ndim ? fc_shape_str(t, found, sizeof found) : "another scalar");
    *ndim = (int)t->size;
    for (int d = 0; d < *ndim; d++) {
        shape[d] = fc_int_at(t, d);
        if (shape[d] < -1)
            return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "element_shape[%d] = %lld is less than -1", d,
                                  (long long)shape[d]);
    }
    return FC_OK;
}

static const char *shape_text(int ndim, const int64_t *shape, char *text, size_t size) {
    fc_tensor t;
    if (ndim < 0) return "<unknown>";
    fc_set_dims(&t, ndim, shape);
    return fc_shape_str(&t, text, size);
}

static int is_known(int ndim, const int64_t *shape) {
    for (int d = 0; d < ndim; d++)
        if (shape[d] < 0) return 0;
    return ndim >= 0;
}

static int expect_dtype(fc_ctx *ctx, const fc_list *list, int64_t dtype) {
    if (list->dtype == dtype) return FC_OK;
    return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "Invalid data types; op elements %s but list elements %s",
                          fc_dtype_name(dtype), fc_dtype_name(list->dtype));
}

static int scalar(fc_ctx *ctx, int input, const char *what, int64_t *value) {
    char found[128];
    if (ctx->in[input]->ndim != 0)
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "%s must be a scalar, found shape %s", what,
                              fc_shape_str(ctx->in[input], found, sizeof found));
    *value = fc_int_at(ctx->in[input], 0);
    return FC_OK;
}

/* "read" or "write" element i. */
static int expect_index(fc_ctx *ctx, const fc_list *list, int64_t i, const char *what) {
    if (i >= 0 && i < list->length) return FC_OK;
    return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "Tried to %s element %lld of a list of %lld elements",
                          what, (long long)i, (long long)list->length);
}

static int expect_item(fc_ctx *ctx, const fc_list *list, int64_t i, const fc_tensor *x) {
    int64_t merged[FC_MAX_DIMS];
    int ndim, rc = expect_dtype(ctx, list, x->dtype);
    char a[128], b[128];
    if (rc ||
        fc_merge_shapes(list->element.ndim, fc_dims(&list->element), x->ndim, fc_dims(x), &ndim, merged))
        return rc;
    return ctx->api->fail(ctx, FC_INVALID_ARGUMENT,
                          "Tried to write element %lld of shape %s to a list of elements of shape %s",
                          (long long)i, fc_shape_str(x, a, sizeof a),
                          shape_text(list->element.ndim, fc_dims(&list->element), b, sizeof b));
}

/* What is known of the shape of all elements: by the list, by the argument, and by the elements themselves,
 * which it must fit: those at `indices`, or all. */
static int common_shape(fc_ctx *ctx, const fc_list *list, int ndim, const int64_t *shape, int64_t n,
                        const fc_tensor *indices, int *out_ndim, int64_t *out) {
    char a[128], b[128];
    if (!fc_merge_shapes(list->element.ndim, fc_dims(&list->element), ndim, shape, out_ndim, out))
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT,
                              "element_shape %s does not agree with that of the list, %s",
                              shape_text(ndim, shape, a, sizeof a),
                              shape_text(list->element.ndim, fc_dims(&list->element), b, sizeof b));
    if (!list->items && !indices && list->only < 0) return FC_OK;
    for (int64_t k = 0; k < n; k++) {
        int64_t i = indices ? fc_int_at(indices, k) : k;
        const fc_tensor *item = fc_list_item(list, i);
        int rc = item ? fc_list_expect_home(ctx, i, item) : FC_OK;
        if (rc) return rc;
        if (item && !fc_merge_shapes(*out_ndim, out, item->ndim, fc_dims(item), out_ndim, out))
            return ctx->api->fail(
                ctx, FC_INVALID_ARGUMENT,
                "Tried to join elements of different shapes: element %lld has shape %s, and "
                "those before it, or element_shape, %s",
                (long long)i, fc_shape_str(item, a, sizeof a), shape_text(*out_ndim, out, b, sizeof b));
    }
    return FC_OK;
}

/* The place of `size` elements in out[0], from element `at` on. */
static fc_tensor part_of(const fc_tensor *out, int64_t at, int64_t size) {
    fc_tensor part = *out;
    part.size = size;
    part.offset += at * fc_item_size(out->dtype);
    return part;
}

/* Copies an element, or zeros where there is none, to its place. */
static int put_item(fc_ctx *ctx, const fc_tensor *part, const fc_tensor *item) {
    const int64_t size = fc_item_size(part->dtype);
    size_t bytes = (size_t)(part->size * size);
    if (!bytes) return FC_OK;
    if (ctx->device->copy && fc_is_plain(part->dtype)) {
        static const char zero[16] = {0};
        fc_copy all;
        all.ndim = 1, all.item = all.dst[0] = all.src[0] = size, all.shape[0] = part->size;
        return item ? ctx->device->copy(ctx, &all, part, 0, item, 0)
                    : ctx->device->fill(ctx, part, NULL, zero);
    }
    if (!item) {
        if (fc_is_plain(part->dtype)) memset(fc_data(part), 0, bytes);
        return FC_OK;
    }
    memcpy(fc_data(part), fc_data(item), bytes);
    return fc_keep_elements(ctx, part, item);
}

typedef struct {
    char *to;
    const fc_list *list;
    const fc_tensor *indices;
    size_t bytes;
} stack_job;
static void stack_piece(void *arg, int64_t begin, int64_t end) {
    const stack_job *j = arg;
    for (int64_t k = begin; k < end; k++) {
        const fc_tensor *item = fc_list_item(j->list, j->indices ? fc_int_at(j->indices, k) : k);
        if (item) memcpy(j->to + (size_t)k * j->bytes, fc_data(item), j->bytes);
        else memset(j->to + (size_t)k * j->bytes, 0, j->bytes);
    }
}

/* out[0] becomes n elements: those at `indices`, or the first ones. */
static int stack(fc_ctx *ctx, const fc_list *list, int64_t n, const fc_tensor *indices, int shape_input) {
    int64_t wanted[FC_MAX_DIMS], shape[FC_MAX_DIMS + 1];
    int ndim, rc = read_shape(ctx, shape_input, &ndim, wanted);
    char a[128];
    if (!rc) rc = common_shape(ctx, list, ndim, wanted, n, indices, &ndim, shape + 1);
    if (rc) return rc;
    if (!is_known(ndim, shape + 1))
        return ctx->api->fail(
            ctx, FC_INVALID_ARGUMENT,
            "Tried to stack %s with a not fully defined element shape, %s: give element_shape",
            n ? "elements that were not written" : "the elements of an empty list",
            shape_text(ndim, shape + 1, a, sizeof a));
    shape[0] = n;
    rc = ctx->api->alloc(ctx, 0, list->dtype, ndim + 1, shape);
    if (rc || !ctx->out[0].size) return rc;
    int64_t size = ctx->out[0].size / n;
    if (fc_is_plain(list->dtype) && !ctx->device->copy) {
        stack_job job = {fc_data(&ctx->out[0]), list, indices, (size_t)(size * fc_item_size(list->dtype))};
        ctx->api->parallel_for(ctx, n, (int64_t)(65536 / job.bytes + 1), stack_piece, &job);
        return FC_OK;
    }
    for (int64_t k = 0; !rc && k < n; k++) {
        fc_tensor part = part_of(&ctx->out[0], k * size, size);
        rc = put_item(ctx, &part, fc_list_item(list, indices ? fc_int_at(indices, k) : k));
    }
    return rc;
}

/* ---- making lists ---------------------------------------------------------------------------- */
/* A list whose elements have the shape of an argument; NULL after reporting. */
static fc_list *new_list(fc_ctx *ctx, int64_t dtype, int64_t length, int shape_input, int *rc) {
    fc_list *list = NULL;
    int64_t shape[FC_MAX_DIMS];
    int ndim;
    *rc = read_shape(ctx, shape_input, &ndim, shape);
    if (!*rc && length < 0)
        *rc = ctx->api->fail(ctx, FC_INVALID_ARGUMENT,
                             "The num_elements to reserve must be a non negative "
                             "number, but got %lld",
                             (long long)length);
    if (!*rc) *rc = fc_list_expect_length(ctx, length);
    if (!*rc && !fc_item_size((int)dtype))
        *rc = ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "element_dtype %lld is no dtype of tensors",
                             (long long)dtype);
    if (!*rc) list = fc_list_new(ctx->api, (int)dtype, length);
    if (!*rc && !list) *rc = ctx->api->fail(ctx, FC_RESOURCE_EXHAUSTED, "no memory for a list");
    if (!list) return NULL;
    *rc = ctx->api->set_dims(ctx, &list->element, ndim, shape);
    if (!*rc) return list;
    ctx->api->variant_release(&list->base);
    return NULL;
}

static int empty(fc_ctx *ctx) {
    int64_t most = -1;
    int rc = scalar(ctx, 1, "max_num_elements", &most);
    fc_list *list = rc ? NULL : new_list(ctx, ctx->attrs[0].i, 0, 0, &rc);
    if (!list) return rc;
    list->most = most < 0 ? -1 : most;
    return fc_list_put(ctx, 0, list);
}

static int reserve(fc_ctx *ctx) {
    int64_t length = 0;
    int rc = scalar(ctx, 1, "num_elements", &length);
    fc_list *list = rc ? NULL : new_list(ctx, ctx->attrs[0].i, length, 0, &rc);
    return list ? fc_list_put(ctx, 0, list) : rc;
}

/* `count` rows of a tensor as a view, but for its rank and sizes. */
static fc_tensor part_from(const fc_tensor *x, int64_t first, int64_t count) {
    const int64_t rows = fc_dims(x)[0], row = rows ? x->size / rows : 0;
    fc_tensor view = *x;
    view.size = row * count;
    view.offset += first * row * fc_item_size(x->dtype);
    if (!view.size) view.buffer = NULL;
    return view;
}

/* A row of a tensor. */
static fc_tensor row_of(const fc_tensor *x, int64_t i) {
    fc_tensor row = part_from(x, i, 1);
    fc_set_dims(&row, x->ndim - 1, fc_dims(x) + 1);
    return row;
}

/* Several rows, one tensor. */
static int rows_of(fc_ctx *ctx, const fc_tensor *x, int64_t first, int64_t count, fc_tensor *rows) {
    int64_t shape[FC_MAX_DIMS];
    memcpy(shape, fc_dims(x), (size_t)x->ndim * sizeof *shape);
    shape[0] = count;
    *rows = part_from(x, first, count);
    return ctx->api->set_dims(ctx, rows, x->ndim, shape);
}

/* `x`, or a copy where its memory is not the step's own, with a reference: elements will be views of it. */
static int own_tensor(fc_ctx *ctx, const fc_tensor *x, fc_tensor *own) {
    *own = *x;
    if (!x->buffer || !(x->buffer->flags & FC_BUF_EXTERNAL)) {
        fc_retain(own->buffer);
        return FC_OK;
    }
    int rc = ctx->api->buffer_new(ctx, x->dtype, x->size, &own->buffer);
    if (rc) return rc;
    own->offset = 0;
    memcpy(own->buffer->data, fc_data(x), (size_t)(x->size * fc_item_size(x->dtype)));
    return FC_OK;
}

static int from_tensor(fc_ctx *ctx) {
    const fc_tensor *x = ctx->in[0];
    fc_tensor own;
    int rc;
    if (x->ndim < 1)
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "Tensor must be at least a vector, but saw a scalar");
    fc_list *list = new_list(ctx, x->dtype, fc_dims(x)[0], 1, &rc);
    if (!list) return rc;
    rc = own_tensor(ctx, x, &own);
    if (!rc) {
        fc_tensor first = row_of(&own, 0);
        rc = expect_item(ctx, list, 0, &first);
        for (int64_t i = 0; !rc && i < fc_dims(x)[0]; i++) {
            fc_tensor row = row_of(&own, i);
            rc = fc_list_set(ctx, list, i, &row);
        }
        fc_release(own.buffer);
    }
    if (!rc) return fc_list_put(ctx, 0, list);
    ctx->api->variant_release(&list->base);
    return rc;
}

/* The first size of elements that are to have these is known no more where one has another. */
static int forget_length(fc_ctx *ctx, fc_list *list, const fc_tensor *lengths) {
    const fc_tensor *known = &list->element;
    int64_t shape[FC_MAX_DIMS], i = 0;
    if (known->ndim < 1) return FC_OK;
    while (i < lengths->size && fc_int_at(lengths, i) == fc_dims(known)[0]) i++;
    if (i == lengths->size) return FC_OK;
    memcpy(shape, fc_dims(known), (size_t)known->ndim * sizeof *shape);
    shape[0] = -1;
    return ctx->api->set_dims(ctx, &list->element, known->ndim, shape);
}

/* Whether `lengths` (input 2) cuts the rows of a tensor into parts. */
static int expect_lengths(fc_ctx *ctx, const fc_tensor *x, const fc_tensor *lengths) {
    int64_t sum = 0;
    if (x->ndim < 1)
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "Tensor must be at least a vector, but saw a scalar");
    if (lengths->ndim != 1)
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "Expected lengths to be a vector, found rank %d",
                              lengths->ndim);
    for (int64_t i = 0; i < lengths->size; i++) {
        int64_t length = fc_int_at(lengths, i);
        if (length < 0 || __builtin_add_overflow(sum, length, &sum))
            return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "Invalid value in lengths: lengths[%lld] = %lld",
                                  (long long)i, (long long)length);
    }
    if (sum == fc_dims(x)[0]) return FC_OK;
    return ctx->api->fail(ctx, FC_INVALID_ARGUMENT,
                          "The lengths add up to %lld, and the tensor to split has %lld rows", (long long)sum,
                          (long long)fc_dims(x)[0]);
}

static int split(fc_ctx *ctx) {
    const fc_tensor *x = ctx->in[0], *lengths = ctx->in[2];
    fc_tensor own;
    int64_t at = 0;
    int rc = expect_lengths(ctx, x, lengths);
    fc_list *list = rc ? NULL : new_list(ctx, x->dtype, lengths->size, 1, &rc);
    if (!list) return rc;
    rc = forget_length(ctx, list, lengths);
    if (!rc) rc = own_tensor(ctx, x, &own);
    if (!rc) {
        for (int64_t i = 0; !rc && i < lengths->size; i++) {
            fc_tensor rows;
            int64_t length = fc_int_at(lengths, i);
            rc = rows_of(ctx, &own, at, length, &rows);
            if (!rc) rc = expect_item(ctx, list, i, &rows);
            if (!rc) rc = fc_list_set(ctx, list, i, &rows);
            at += length;
        }
        fc_release(own.buffer);
    }
    if (!rc) return fc_list_put(ctx, 0, list);
    ctx->api->variant_release(&list->base);
    return rc;
}

/* ---- single elements ------------------------------------------------------------------------- */
static int push_back(fc_ctx *ctx) {
    int rc;
    const fc_list *list = fc_list_at(ctx, 0, &rc);
    const fc_tensor *x = ctx->in[1];
    if (!rc && list->most >= 0 && list->length >= list->most)
        rc = ctx->api->fail(ctx, FC_INVALID_ARGUMENT,
                            "Tried to write element %lld of a list of at most %lld elements: Tried to push "
                            "item into a full list",
                            (long long)list->length, (long long)list->most);
    if (!rc) rc = expect_item(ctx, list, list->length, x);
    if (rc) return rc;
    fc_list *own = fc_list_to_change(ctx, 0, 0, &rc);
    if (!rc) rc = fc_list_resize(ctx, own, own->length + 1);
    return rc ? rc : fc_list_set(ctx, own, own->length - 1, x);
}

/* out[o] becomes element i, which has its own shape; zeros of the shape that is known where it was not
 * written. */
static int give_item(fc_ctx *ctx, const fc_list *list, int64_t i, int shape_input, int o) {
    int64_t shape[FC_MAX_DIMS];
    const fc_tensor *item = fc_list_item(list, i);
    int ndim, rc = FC_OK;
    char a[128];
    if (item) rc = fc_list_expect_home(ctx, i, item);
    if (rc) return rc;
    if (item) return ctx->api->share(ctx, o, item, 0, item->dtype, item->ndim, fc_dims(item));
    rc = read_shape(ctx, shape_input, &ndim, shape);
    if (!rc) rc = common_shape(ctx, list, ndim, shape, 0, NULL, &ndim, shape);
    if (!rc && !is_known(ndim, shape)) /* those that were written tell */
        rc = common_shape(ctx, list, ndim, shape, list->length, NULL, &ndim, shape);
    if (!rc && !is_known(ndim, shape))
        rc = ctx->api->fail(ctx, FC_INVALID_ARGUMENT,
                            "Tried to read element %lld, which was not written, and its shape is not fully "
                            "known: %s",
                            (long long)i, shape_text(ndim, shape, a, sizeof a));
    if (!rc) rc = ctx->api->alloc(ctx, o, list->dtype, ndim, shape);
    return rc ? rc : put_item(ctx, &ctx->out[o], NULL);
}

static int pop_back(fc_ctx *ctx) {
    int rc;
    const fc_list *list = fc_list_at(ctx, 0, &rc);
    if (!rc) rc = expect_dtype(ctx, list, ctx->attrs[0].i);
    if (!rc && !list->length)
        rc = ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "Trying to pop from an empty list.");
    if (!rc) rc = give_item(ctx, list, list->length - 1, 1, 1);
    if (rc) return rc;
    fc_list *own = fc_list_to_change(ctx, 0, 0, &rc);
    return rc ? rc : fc_list_resize(ctx, own, own->length - 1);
}

/* A TensorArray reads what was written, unlike a list, whose other elements are zeros. */
static int expect_written(fc_ctx *ctx, const fc_list *list, int64_t i) {
    if (fc_list_item(list, i)) return FC_OK;
    return ctx->api->fail(
        ctx, FC_INVALID_ARGUMENT,
        "Could not read index %lld of a TensorArray of size %lld because it has not been written",
        (long long)i, (long long)list->length);
}
static int expect_all_written(fc_ctx *ctx, const fc_list *list) {
    int rc = FC_OK;
    for (int64_t i = 0; !rc && i < list->length; i++) rc = expect_written(ctx, list, i);
    return rc;
}

static int get_item(fc_ctx *ctx) {
    int64_t i;
    int rc;
    const fc_list *list = fc_list_at(ctx, 0, &rc);
    if (!rc) rc = expect_dtype(ctx, list, ctx->attrs[0].i);
    if (!rc) rc = scalar(ctx, 1, "index", &i);
    if (!rc) rc = expect_index(ctx, list, i, "read");
    if (!rc && ctx->attrs[1].i) rc = expect_written(ctx, list, i);
    return rc ? rc : give_item(ctx, list, i, 2, 0);
}

/* How a TensorArray is written to: whether it grows, whether an element is written once, and whether all have
 * one shape, which the first one tells. */
typedef struct {
    int64_t grows, once, alike;
} write_rules;
static write_rules rules_of(const fc_ctx *ctx) {
    return (write_rules){ctx->attrs[0].i, ctx->attrs[1].i, ctx->attrs[2].i};
}

/* Whether element i may become x, by the rules. */
static int expect_write(fc_ctx *ctx, const fc_list *list, int64_t i, const fc_tensor *x, write_rules rules) {
    int grows = rules.grows && i >= list->length;
    int rc = grows ? FC_OK : expect_index(ctx, list, i, "write");
    if (!rc) rc = expect_item(ctx, list, i, x);
    if (rc || grows || !rules.once || !fc_list_item(list, i)) return rc;
    return ctx->api->fail(ctx, FC_INVALID_ARGUMENT,
                          "Could not write to TensorArray index %lld because it has already been written",
                          (long long)i);
}

static int write_item(fc_ctx *ctx, fc_list *own, int64_t i, const fc_tensor *x, write_rules rules) {
    int rc = i < own->length ? FC_OK : fc_list_resize(ctx, own, i + 1);
    if (!rc && rules.alike) { /* what is known of all grows; they fit, as was checked */
        const fc_tensor *known = &own->element;
        int64_t shape[FC_MAX_DIMS];
        int ndim;
        fc_merge_shapes(known->ndim, fc_dims(known), x->ndim, fc_dims(x), &ndim, shape);
        rc = ctx->api->set_dims(ctx, &own->element, ndim, shape);
    }
    return rc ? rc : fc_list_set(ctx, own, i, x);
}

static int set_item(fc_ctx *ctx) {
    write_rules rules = rules_of(ctx);
    int64_t i;
    int rc;
    const fc_list *list = fc_list_at(ctx, 0, &rc);
    if (!rc) rc = scalar(ctx, 1, "index", &i);
    if (!rc) rc = expect_write(ctx, list, i, ctx->in[2], rules);
    if (rc) return rc;
    fc_list *own = fc_list_to_change(ctx, 0, 0, &rc);
    return rc ? rc : write_item(ctx, own, i, ctx->in[2], rules);
}

static int resize(fc_ctx *ctx) {
    int64_t length;
    int rc;
    fc_list_at(ctx, 0, &rc);
    if (!rc) rc = scalar(ctx, 1, "size", &length);
    if (!rc && length < 0)
        rc = ctx->api->fail(ctx, FC_INVALID_ARGUMENT,
                            "TensorListResize expects size to be non-negative, found %lld",
                            (long long)length);
    fc_list *own = rc ? NULL : fc_list_to_change(ctx, 0, 0, &rc);
    return rc ? rc : fc_list_resize(ctx, own, length);
}

/* ---- what is known of a list ----------------------------------------------------------------- */
static int length_of(fc_ctx *ctx) {
    int rc;
    const fc_list *list = fc_list_at(ctx, 0, &rc);
    if (!rc) rc = ctx->api->alloc(ctx, 0, FC_INT32, 0, NULL);
    if (!rc) *FC_OUT(ctx, 0, int32_t) = (int32_t)list->length;
    return rc;
}

static int element_shape(fc_ctx *ctx) {
    int rc, dtype = (int)ctx->attrs[0].i;
    const fc_list *list = fc_list_at(ctx, 0, &rc);
    int64_t ndim = rc ? 0 : list->element.ndim, none = -1;
    const int64_t *sizes = ndim < 0 ? &none : list ? fc_dims(&list->element) : NULL;
    if (!rc) rc = ctx->api->alloc(ctx, 0, dtype, ndim < 0 ? 0 : 1, &ndim);
    for (int64_t d = 0; !rc && d < ctx->out[0].size; d++) {
        if (dtype == FC_INT64) FC_OUT(ctx, 0, int64_t)[d] = sizes[d];
        else FC_OUT(ctx, 0, int32_t)[d] = (int32_t)sizes[d];
    }
    return rc;
}

/* ---- many elements --------------------------------------------------------------------------- */
static int stack_all(fc_ctx *ctx) {
    int rc;
    const fc_list *list = fc_list_at(ctx, 0, &rc);
    if (!rc) rc = expect_dtype(ctx, list, ctx->attrs[0].i);
    int64_t expected = ctx->attrs[1].i;
    if (!rc && expected != -1 && expected != list->length)
        rc = ctx->api->fail(ctx, FC_INVALID_ARGUMENT,
                            "Operation expected a list with %lld elements but got a list with %lld elements.",
                            (long long)expected, (long long)list->length);
    if (!rc && ctx->attrs[2].i) rc = expect_all_written(ctx, list);
    return rc ? rc : stack(ctx, list, list->length, NULL, 1);
}

static int gather(fc_ctx *ctx) {
    int rc;
    const fc_list *list = fc_list_at(ctx, 0, &rc);
    const fc_tensor *indices = ctx->in[1];
    if (!rc) rc = expect_dtype(ctx, list, ctx->attrs[0].i);
    if (!rc && indices->ndim != 1)
        rc = ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "Expected indices to be a vector, found rank %d",
                            indices->ndim);
    for (int64_t k = 0; !rc && k < indices->size; k++)
        rc = expect_index(ctx, list, fc_int_at(indices, k), "read");
    for (int64_t k = 0; !rc && ctx->attrs[1].i && k < indices->size; k++)
        rc = expect_written(ctx, list, fc_int_at(indices, k));
    return rc ? rc : stack(ctx, list, indices->size, indices, 2);
}

/* Whether there is an index for each row of a tensor. */
static int expect_indices(fc_ctx *ctx, const fc_tensor *x, const fc_tensor *indices) {
    char a[128], b[128];
    if (x->ndim >= 1 && indices->ndim == 1 && fc_dims(x)[0] == indices->size) return FC_OK;
    return ctx->api->fail(
        ctx, FC_INVALID_ARGUMENT,
        "Expected a vector of indices, one for each row of the tensor to scatter: the shape "
        "of indices is %s, that of the tensor %s",
        fc_shape_str(indices, a, sizeof a), fc_shape_str(x, b, sizeof b));
}

static int scatter(fc_ctx *ctx) {
    const fc_tensor *x = ctx->in[0], *indices = ctx->in[1];
    int64_t length, highest = -1;
    int rc = scalar(ctx, 3, "num_elements", &length);
    fc_tensor own;
    if (!rc) rc = expect_indices(ctx, x, indices);
    for (int64_t k = 0; !rc && k < indices->size; k++) {
        int64_t i = fc_int_at(indices, k);
        if (i < 0 || (length >= 0 && i >= length))
            rc = ctx->api->fail(ctx, FC_INVALID_ARGUMENT,
                                "Tried to write element %lld of a list of %lld elements", (long long)i,
                                (long long)(length < 0 ? highest + 1 : length));
        if (i > highest) highest = i;
    }
    fc_list *list = rc ? NULL : new_list(ctx, x->dtype, length < 0 ? highest + 1 : length, 2, &rc);
    if (!list) return rc;
    rc = own_tensor(ctx, x, &own);
    if (!rc) {
        for (int64_t k = 0; !rc && k < indices->size; k++) {
            fc_tensor row = row_of(&own, k);
            rc = expect_item(ctx, list, fc_int_at(indices, k), &row);
            if (!rc) rc = fc_list_set(ctx, list, fc_int_at(indices, k), &row);
        }
        fc_release(own.buffer);
    }
    if (!rc) return fc_list_put(ctx, 0, list);
    ctx->api->variant_release(&list->base);
    return rc;
}

/* Writes the rows of a tensor to a list that is there. */
static int scatter_into(fc_ctx *ctx) {
    const fc_tensor *x = ctx->in[1], *indices = ctx->in[2];
    write_rules rules = rules_of(ctx);
    fc_tensor rows;
    int rc;
    const fc_list *list = fc_list_at(ctx, 0, &rc);
    if (!rc) rc = expect_dtype(ctx, list, x->dtype);
    if (!rc) rc = expect_indices(ctx, x, indices);
    fc_list *own = rc ? NULL : fc_list_to_change(ctx, 0, 0, &rc);
    if (!rc) rc = own_tensor(ctx, x, &rows);
    if (rc) return rc;
    for (int64_t k = 0; !rc && k < indices->size; k++) {
        fc_tensor row = row_of(&rows, k);
        int64_t i = fc_int_at(indices, k);
        rc = expect_write(ctx, own, i, &row, rules);
        if (!rc) rc = write_item(ctx, own, i, &row, rules);
    }
    fc_release(rows.buffer);
    return rc;
}

/* Writes the parts of a tensor to the first elements of a list that is there: to all of them, or to more
 * where it grows. */
static int split_into(fc_ctx *ctx) {
    const fc_tensor *x = ctx->in[1], *lengths = ctx->in[2];
    write_rules rules = rules_of(ctx);
    fc_tensor rows;
    int64_t at = 0;
    int rc;
    const fc_list *list = fc_list_at(ctx, 0, &rc);
    if (!rc) rc = expect_dtype(ctx, list, x->dtype);
    if (!rc) rc = expect_lengths(ctx, x, lengths);
    if (!rc && (lengths->size < list->length || (!rules.grows && lengths->size > list->length)))
        rc = ctx->api->fail(
            ctx, FC_INVALID_ARGUMENT,
            "A list of %lld elements is given %lld parts: lengths must have one entry for each "
            "element",
            (long long)list->length, (long long)lengths->size);
    fc_list *own = rc ? NULL : fc_list_to_change(ctx, 0, 0, &rc);
    if (!rc) rc = own_tensor(ctx, x, &rows);
    if (rc) return rc;
    for (int64_t i = 0; !rc && i < lengths->size; i++) {
        fc_tensor part;
        rc = rows_of(ctx, &rows, at, fc_int_at(lengths, i), &part);
        if (!rc) rc = expect_write(ctx, own, i, &part, rules);
        if (!rc) rc = write_item(ctx, own, i, &part, rules);
        at += fc_int_at(lengths, i);
    }
    fc_release(rows.buffer);
    return rc;
}

/* How long all elements are that were written; -1 where they differ. */
static int64_t common_length(const fc_list *list) {
    int64_t length = -1;
    for (int64_t i = 0; i < list->length; i++) {
        const fc_tensor *item = fc_list_item(list, i);
        if (!item || item->ndim < 1) continue;
        if (length >= 0 && fc_dims(item)[0] != length) return -1;
        length = fc_dims(item)[0];
    }
    return length;
}

/* Elements one behind the other along their first axis, and how long each is there. One that was not written
 * is as long as leading_dims says, else as its shape, else as all others. */
static int concat(fc_ctx *ctx) {
    int64_t wanted[FC_MAX_DIMS], shape[FC_MAX_DIMS], rows = 0, at = 0;
    int ndim, rc;
    const fc_list *list = fc_list_at(ctx, 0, &rc);
    const fc_tensor *leading = ctx->in[2];
    char a[128], b[128];
    if (!rc) rc = expect_dtype(ctx, list, ctx->attrs[0].i);
    if (!rc && ctx->attrs[1].i) rc = expect_all_written(ctx, list);
    if (!rc) rc = read_shape(ctx, 1, &ndim, wanted);
    if (rc) return rc;
    if (!fc_merge_shapes(list->element.ndim, fc_dims(&list->element), ndim, wanted, &ndim, shape))
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT,
                              "element_shape does not agree with that of the list, %s",
                              shape_text(list->element.ndim, fc_dims(&list->element), b, sizeof b));
    rc = ctx->api->alloc(ctx, 1, FC_INT64, 1, &list->length);
    if (rc) return rc;
    int64_t usual = ndim > 0 && shape[0] >= 0 ? shape[0] : common_length(list);
    for (int64_t i = 0; i < list->length; i++) {
        const fc_tensor *item = fc_list_item(list, i);
        int64_t length = i < leading->size ? fc_int_at(leading, i) : usual;
        if (item) {
            if (item->ndim < 1)
                return ctx->api->fail(ctx, FC_INVALID_ARGUMENT,
                                      "Concat requires elements to be at least vectors, found a scalar as "
                                      "element %lld",
                                      (long long)i);
            length = fc_dims(item)[0];
            rc = fc_list_expect_home(ctx, i, item);
            if (rc) return rc;
            if (ndim > 0) shape[0] = length;
            if (!fc_merge_shapes(ndim, shape, item->ndim, fc_dims(item), &ndim, shape))
                return ctx->api->fail(
                    ctx, FC_INVALID_ARGUMENT,
                    "Tried to join elements of different shapes: element %lld has shape %s, "
                    "and those before it, or element_shape, %s",
                    (long long)i, fc_shape_str(item, a, sizeof a), shape_text(ndim, shape, b, sizeof b));
        } else if (length < 0) {
            return ctx->api->fail(ctx, FC_INVALID_ARGUMENT,
                                  "Tried to join element %lld, which was not written, and leading_dims "
                                  "(of %lld entries) does not say how long it is",
                                  (long long)i, (long long)leading->size);
        }
        FC_OUT(ctx, 1, int64_t)[i] = length;
        if (__builtin_add_overflow(rows, length, &rows))
            return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "the result is too long");
    }
    if (ndim == 0)
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT,
                              "Concat requires elements to be at least vectors, found scalars");
    if (ndim > 0) shape[0] = rows;
    if (!is_known(ndim, shape))
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT,
                              "Tried to join elements with a not fully defined element shape, %s: give "
                              "element_shape",
                              shape_text(ndim, shape, a, sizeof a));
    rc = ctx->api->alloc(ctx, 0, list->dtype, ndim, shape);
    if (rc || !ctx->out[0].size) return rc;
    int64_t row = ctx->out[0].size / rows;
    for (int64_t i = 0; !rc && i < list->length; i++) {
        int64_t size = FC_OUT(ctx, 1, int64_t)[i] * row;
        fc_tensor part = part_of(&ctx->out[0], at, size);
        rc = put_item(ctx, &part, fc_list_item(list, i));
        at += size;
    }
    return rc;
}

/* Of each list the elements lie on the node's device; indices, sizes and shapes on the host. */
static const fc_kernel_def defs[] = {
    {"EmptyTensorList", "", "element_dtype", FC_OF_LISTS, 3, 0, empty},
    {"TensorListReserve", "", "element_dtype", FC_OF_LISTS, 3, 0, reserve},
    {"TensorListFromTensor", "", "", FC_OF_LISTS, 2, 0, from_tensor},
    {"TensorListSplit", "", "", FC_OF_LISTS, 6, 0, split},
    {"TensorListScatterV2", "", "", FC_OF_LISTS, 14, 0, scatter},
    {"TensorListScatterIntoExistingList", "", "_resize _strict _alike", FC_OF_LISTS, 4, 0, scatter_into},
    {"_TensorListSplitIntoExistingList", "", "_resize _strict _alike", FC_OF_LISTS, 4, 0, split_into},
    {"TensorListPushBack", "", "", FC_OF_LISTS, 0, 0, push_back},
    {"TensorListPopBack", "", "element_dtype", FC_OF_LISTS, 2, 0, pop_back},
    {"TensorListGetItem", "", "element_dtype _strict", FC_OF_LISTS, 6, 0, get_item},
    {"TensorListSetItem", "", "resize_if_index_out_of_bounds _strict _alike", FC_OF_LISTS, 2, 0, set_item},
    {"TensorListResize", "", "", FC_OF_LISTS, 2, 0, resize},
    {"TensorListLength", "", "", FC_OF_LISTS, 0, 1, length_of},
    {"TensorListElementShape", "", "shape_type", FC_OF_LISTS, 0, 1, element_shape},
    {"TensorListStack", "", "element_dtype num_elements _strict", FC_OF_LISTS, 2, 0, stack_all},
    {"TensorListGather", "", "element_dtype _strict", FC_OF_LISTS, 6, 0, gather},
    {"TensorListConcatV2", "", "element_dtype _strict", FC_OF_LISTS, 6, 2, concat},
};
const fc_kernel_table fc_list_kernels = {FC_ABI, "CPU", sizeof defs / sizeof defs[0], defs};
