/* Reading, assigning and counting variables. */
#include "variable.h"

#include <complex.h>
#include <string.h>

#include "../_types.h"
#include "row_ops.h"

int fc_make_writable(fc_ctx *ctx, fc_variable *v, int fresh) {
    fc_tensor *t = &v->value;
    if (!t->size ||
        (__atomic_load_n(&t->buffer->refs, __ATOMIC_ACQUIRE) == 1 && !(t->buffer->flags & FC_BUF_EXTERNAL)))
        return FC_OK;
    fc_buffer *b;
    int rc = ctx->api->buffer_new(ctx, t->dtype, t->size, &b);
    if (rc) return rc;
    if (!fresh) memcpy(b->data, fc_data(t), (size_t)(t->size * fc_item_size(t->dtype)));
    fc_buffer *old = t->buffer;
    t->buffer = b;
    t->offset = 0;
    fc_tensor from = *t;
    from.buffer = old;
    if (!fresh) rc = fc_keep_elements(ctx, t, &from);
    fc_release(old);
    return rc;
}

static int is_initialized(fc_ctx *ctx) {
    int rc;
    fc_variable *v = fc_variable_at(ctx, 0, &rc);
    if (!rc) rc = ctx->api->alloc(ctx, 0, FC_BOOL, 0, NULL);
    if (rc) return rc;
    fc_take_lock(ctx, &v->lock);
    *FC_OUT(ctx, 0, uint8_t) = v->value.ndim >= 0;
    pthread_mutex_unlock(&v->lock);
    return FC_OK;
}

static int read_variable(fc_ctx *ctx) {
    int rc;
    fc_variable *v = fc_variable_at(ctx, 0, &rc);
    if (!rc) rc = fc_expect_dtype(ctx, v, ctx->attrs[0].i);
    if (rc) return rc;
    fc_take_lock(ctx, &v->lock);
    rc = fc_initialized(ctx, v);
    if (!rc) rc = ctx->api->share(ctx, 0, &v->value, 0, v->value.dtype, v->value.ndim, fc_dims(&v->value));
    pthread_mutex_unlock(&v->lock);
    return rc;
}

static int variable_shape(fc_ctx *ctx) {
    int rc, out_type = (int)ctx->attrs[0].i;
    fc_variable *v = fc_variable_at(ctx, 0, &rc);
    if (rc) return rc;
    fc_take_lock(ctx, &v->lock);
    rc = fc_initialized(ctx, v);
    int64_t shape[FC_MAX_DIMS], ndim = v->value.ndim;
    if (!rc) memcpy(shape, fc_dims(&v->value), (size_t)ndim * sizeof *shape);
    pthread_mutex_unlock(&v->lock);
    if (!rc) rc = ctx->api->alloc(ctx, 0, out_type, 1, &ndim);
    for (int64_t d = 0; !rc && d < ndim; d++) {
        if (out_type == FC_INT64) FC_OUT(ctx, 0, int64_t)[d] = shape[d];
        else FC_OUT(ctx, 0, int32_t)[d] = (int32_t)shape[d];
    }
    return rc;
}

static int fits(fc_ctx *ctx, const fc_variable *v, const fc_tensor *x) {
    char a[128], b[128];
    int ok = v->ndim < 0 || v->ndim == x->ndim;
    for (int d = 0; ok && v->ndim >= 0 && d < x->ndim; d++)
        ok = v->shape[d] < 0 || v->shape[d] == fc_dims(x)[d];
    if (ok) return FC_OK;
    fc_tensor declared;
    fc_set_dims(&declared, v->ndim, v->shape);
    return ctx->api->fail(ctx, FC_INVALID_ARGUMENT,
                          "variable '%s' has shape %s; the value assigned to it has shape %s", v->base.name,
                          fc_shape_str(&declared, a, sizeof a), fc_shape_str(x, b, sizeof b));
}

/* The variable shares the value's buffer where it may: later writers copy while others hold it. */
static int assign_any_shape(fc_ctx *ctx) {
    int rc;
    fc_variable *v = fc_variable_at(ctx, 0, &rc);
    const fc_tensor *x = ctx->in[1];
    if (!rc) rc = fc_expect_dtype(ctx, v, x->dtype);
    if (rc) return rc;
    fc_tensor fresh = *x, old;
    size_t bytes = (size_t)(x->size * fc_item_size(x->dtype));
    int on_host = !strcmp(ctx->device->type, "CPU");
    if (on_host && x->buffer &&
        ((x->buffer->flags & FC_BUF_EXTERNAL) || x->buffer->capacity > 2 * bytes + 64)) {
        rc = ctx->api->buffer_new(ctx, x->dtype, x->size, &fresh.buffer);
        if (rc) return rc;
        fresh.offset = 0;
        memcpy(fresh.buffer->data, fc_data(x), bytes);
        rc = fc_keep_elements(ctx, &fresh, x);
        if (rc) {
            fc_release(fresh.buffer);
            return rc;
        }
    } else {
        fc_retain(fresh.buffer);
    }
    if (fresh.buffer && fresh.buffer->device->name_block)
        fresh.buffer->device->name_block(fresh.buffer, v->base.name);
    fc_take_lock(ctx, &v->lock);
    old = v->value;
    v->value = fresh;
    pthread_mutex_unlock(&v->lock);
    if (old.ndim >= 0) fc_release(old.buffer);
    return FC_OK;
}

static int assign(fc_ctx *ctx) {
    int rc;
    fc_variable *v = fc_variable_at(ctx, 0, &rc);
    if (!rc) rc = fc_expect_dtype(ctx, v, ctx->in[1]->dtype);
    if (!rc) rc = fits(ctx, v, ctx->in[1]);
    return rc ? rc : assign_any_shape(ctx);
}

/* ---- in-place arithmetic --------------------------------------------------------------------- */
typedef void (*update_loop)(void *to, const void *from, int64_t n, int op);

#define UPDATE_LOOP(NAME, T, C, LOAD, STORE) \
    static void update_##NAME(void *to, const void *from, int64_t n, int op) { \
        T *a = to; \
        const T *b = from; \
        for (int64_t i = 0; i < n; i++) { \
            C x = LOAD(a[i]), y = LOAD(b[i]), r; \
            switch (op) { \
            case FC_SCATTER_ADD: r = (C)(x + y); break; \
            case FC_SCATTER_SUB: r = (C)(x - y); break; \
            case FC_SCATTER_MUL: r = (C)(x * y); break; \
            case FC_SCATTER_DIV: \
                r = (C) - 1 < 0 && y == (C) - 1 ? (C) - x : (C)(x / y); \
                break; /* the least integer over -1 is itself */ \
            case FC_SCATTER_MIN: r = x < y ? x : y; break; \
            default: r = x > y ? x : y; /* FC_SCATTER_MAX */ \
            } \
            a[i] = STORE(r); \
        } \
    }
FC_REAL_TYPES(UPDATE_LOOP)
#define COMPLEX_LOOP(NAME, T) \
    static void update_##NAME(void *to, const void *from, int64_t n, int op) { \
        T *a = to; \
        const T *b = from; \
        for (int64_t i = 0; i < n; i++) { \
            T x = a[i], y = b[i]; \
            a[i] = op == FC_SCATTER_ADD   ? x + y \
                   : op == FC_SCATTER_SUB ? x - y \
                   : op == FC_SCATTER_MUL ? x * y \
                                          : x / y; \
        } \
    }
COMPLEX_LOOP(COMPLEX64, float complex)
COMPLEX_LOOP(COMPLEX128, double complex)
static const update_loop updates[FC_NUM_DTYPES] = {
#define UPDATE_ENTRY(NAME, T, C, LOAD, STORE) [FC_##NAME] = update_##NAME,
    FC_REAL_TYPES(UPDATE_ENTRY)[FC_COMPLEX64] = update_COMPLEX64, [FC_COMPLEX128] = update_COMPLEX128};

typedef struct {
    char *to;
    const char *from;
    update_loop loop;
    int64_t item;
    int op;
} update_job;
static void update_piece(void *arg, int64_t begin, int64_t end) {
    const update_job *j = arg;
    j->loop(j->to + begin * j->item, j->from + begin * j->item, end - begin, j->op);
}

static int assign_op(fc_ctx *ctx, int op) {
    int rc;
    fc_variable *v = fc_variable_at(ctx, 0, &rc);
    const fc_tensor *x = ctx->in[1];
    if (!rc) rc = fc_expect_dtype(ctx, v, x->dtype);
    if (rc) return rc;
    if (!updates[x->dtype])
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT,
                              "variable '%s' of dtype %s cannot be added to or subtracted from", v->base.name,
                              fc_dtype_name(v->dtype));
    fc_take_lock(ctx, &v->lock);
    rc = fc_expect_addend(ctx, v, x);
    if (!rc) rc = fc_make_writable(ctx, v, 0);
    if (!rc && x->size) {
        update_job job = {fc_data(&v->value), fc_data(x), updates[x->dtype], fc_item_size(x->dtype), op};
        ctx->api->parallel_for(ctx, x->size, 32768, update_piece, &job);
    }
    pthread_mutex_unlock(&v->lock);
    return rc;
}
static int assign_add(fc_ctx *ctx) { return assign_op(ctx, FC_SCATTER_ADD); }
static int assign_sub(fc_ctx *ctx) { return assign_op(ctx, FC_SCATTER_SUB); }

/* ---- rows: gather and scatter ---------------------------------------------------------------- */
static int fc_own_value(fc_ctx *ctx, fc_variable *v) { return fc_make_writable(ctx, v, 0); }

static int fc_gather_rows(fc_ctx *ctx, const fc_tensor *value, const fc_tensor *indices, int64_t inner) {
    int64_t row = inner * fc_item_size(value->dtype);
    for (int64_t i = 0; i < indices->size; i++)
        memcpy(FC_OUT(ctx, 0, char) + i * row, (const char *)fc_data(value) + fc_int_at(indices, i) * row,
               (size_t)row);
    return fc_keep_elements(ctx, &ctx->out[0], value);
}

/* Replaces n elements of the value, of any dtype. `step`: bytes between two of `from`; 0 where it is a single
 * one. */
static int replace(fc_ctx *ctx, const fc_tensor *value, char *to, char *from, int64_t n, int64_t step) {
    int64_t item = fc_item_size(value->dtype);
    if (value->dtype == FC_STRING) { /* their bytes go to the variable's own arenas: it lives long */
        int rc = FC_OK;
        for (int64_t k = 0; !rc && k < n; k++) {
            fc_bytes s = fc_bytes_of((const fc_string *)(from + k * step));
            rc = ctx->api->string_put(ctx, value->buffer, (fc_string *)(to + k * item), s.data, s.size);
        }
        return rc;
    }
    if (!fc_is_plain(value->dtype)) { /* in this order: both may be the last of one object */
        ctx->api->retain(value->dtype, from, n, step);
        ctx->api->release(value->dtype, to, n, item);
    }
    if (step) memcpy(to, from, (size_t)(n * item));
    else
        for (int64_t k = 0; k < n; k++) memcpy(to + k * item, from, (size_t)item);
    return FC_OK;
}

static int fc_scatter_rows(fc_ctx *ctx, const fc_tensor *value, const fc_tensor *indices, const fc_tensor *x,
                           int64_t inner, int op) {
    int64_t item = fc_item_size(x->dtype);
    for (int64_t i = 0; i < indices->size; i++) {
        char *to = (char *)fc_data(value) + fc_int_at(indices, i) * inner * item;
        if (op == FC_SCATTER_UPDATE) {
            char *from = (char *)fc_data(x) + (x->ndim ? i * inner * item : 0);
            int rc = replace(ctx, value, to, from, inner, x->ndim ? item : 0);
            if (rc) return rc;
            continue;
        }
        if (x->ndim) updates[x->dtype](to, (const char *)fc_data(x) + i * inner * item, inner, op);
        else
            for (int64_t k = 0; k < inner; k++) updates[x->dtype](to + k * item, fc_data(x), 1, op);
    }
    if (x->dtype == FC_STRING) ctx->api->tidy(value->buffer);
    return FC_OK;
}

/* Yields the value before, counts up by one; at the limit: out of range. */
static int count_up_to(fc_ctx *ctx) {
    int rc;
    fc_variable *v = fc_variable_at(ctx, 0, &rc);
    if (!rc) rc = fc_expect_dtype(ctx, v, ctx->attrs[1].i);
    if (rc) return rc;
    if (v->dtype != FC_INT32 && v->dtype != FC_INT64)
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "only int32 and int64 variables count");
    rc = ctx->api->alloc(ctx, 0, v->dtype, 0, NULL);
    if (rc) return rc;
    fc_take_lock(ctx, &v->lock);
    rc = fc_initialized(ctx, v);
    if (!rc && v->value.size != 1)
        rc = ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "variable '%s' is no scalar, so it cannot count",
                            v->base.name);
    if (!rc) {
        int64_t now = fc_int_at(&v->value, 0);
        if (now >= ctx->attrs[0].i)
            rc = ctx->api->fail(ctx, FC_OUT_OF_RANGE, "variable '%s' reached its limit of %lld", v->base.name,
                                (long long)ctx->attrs[0].i);
        else rc = fc_make_writable(ctx, v, 0);
        if (!rc && v->dtype == FC_INT32) {
            *FC_OUT(ctx, 0, int32_t) = (int32_t)now;
            *(int32_t *)fc_data(&v->value) = (int32_t)(now + 1);
        } else if (!rc) {
            *FC_OUT(ctx, 0, int64_t) = now;
            *(int64_t *)fc_data(&v->value) = now + 1;
        }
    }
    pthread_mutex_unlock(&v->lock);
    return rc;
}

static const fc_kernel_def defs[] = {
    {"VarIsInitializedOp", "", "", FC_STATEFUL | FC_ANY_DEVICE, 0, 1, is_initialized},
    {"ReadVariableOp", "", "dtype", FC_STATEFUL | FC_ANY_DEVICE, 0, 0, read_variable},
    {"VariableShape", "", "out_type", FC_STATEFUL | FC_ANY_DEVICE, 0, 1, variable_shape},
    {"AssignVariableOp", "", "", FC_STATEFUL | FC_ANY_DEVICE, 0, 0, assign},
    {"_AssignAnyShape", "", "", FC_STATEFUL | FC_ANY_DEVICE, 0, 0, assign_any_shape},
    {"AssignAddVariableOp", "", "", FC_STATEFUL, 0, 0, assign_add},
    {"AssignSubVariableOp", "", "", FC_STATEFUL, 0, 0, assign_sub},
    {"ResourceGather", "", "dtype", FC_STATEFUL, 0, 0, resource_gather},
    {"ResourceScatterUpdate", "", "", FC_STATEFUL, 0, 0, scatter_update},
    {"ResourceScatterAdd", "", "", FC_STATEFUL, 0, 0, scatter_add},
    {"ResourceScatterSub", "", "", FC_STATEFUL, 0, 0, scatter_sub},
    {"ResourceScatterMul", "", "", FC_STATEFUL, 0, 0, scatter_mul},
    {"ResourceScatterDiv", "", "", FC_STATEFUL, 0, 0, scatter_div},
    {"ResourceScatterMin", "", "", FC_STATEFUL, 0, 0, scatter_min},
    {"ResourceScatterMax", "", "", FC_STATEFUL, 0, 0, scatter_max},
    {"ResourceCountUpTo", "", "limit T", FC_STATEFUL, 0, 0, count_up_to},
};
const fc_kernel_table fc_variable_kernels = {FC_ABI, "CPU", sizeof defs / sizeof defs[0], defs};
