/* Elementwise ops: every line of elementwise.def as a launcher and a table line. */
#include "../kernels/elementwise/select_checks.h"
#include "flat.h"

typedef struct {
    int64_t ndim, shape[OCL_WALK_AXES], divisor[OCL_WALK_AXES], stride[3][OCL_WALK_AXES];
} axes; /* fc_axes of prelude.cl */

static axes as_axes(const fc_walk *walk, int64_t size) {
    axes a = {.ndim = walk->ndim};
    for (int d = 0; d < walk->ndim; d++) {
        const int from = walk->ndim - 1 - d;
        a.shape[d] = walk->shape[from];
        a.divisor[d] = ocl_divisor(a.shape[d], size);
        for (int i = 0; i < 3; i++) a.stride[i][d] = walk->stride[i][from];
    }
    return a;
}

/* Whether a result may take over the memory of an input. A loop that writes to what it reads from is made no
 * vectors of: tanh took 7 times the time. */
static int takes_over(const fc_ctx *ctx) { return !ocl_of(ctx)->wide_items; }

static int unary(fc_ctx *ctx, const char *op, int dtype) {
    const fc_tensor *x = ctx->in[0];
    if (!dtype) dtype = x->dtype;
    int rc = takes_over(ctx) ? ctx->api->forward(ctx, 0, 0, dtype, x->ndim, fc_dims(x))
                             : ctx->api->alloc(ctx, 0, dtype, x->ndim, fc_dims(x));
    if (rc || !x->size) return rc;
    ocl_call call;
    rc = ocl_begin(&call, ctx, "elementwise", "unary", "FORMULA=%s T=%s R=%s", op, ocl_type(x->dtype),
                   ocl_type(dtype));
    if (rc) return rc;
    ocl_tensor(&call, &ctx->out[0]);
    ocl_tensor(&call, x);
    ocl_long(&call, x->size);
    return ocl_run_light(&call, x->size);
}

/* Over the inputs of a walk, to out[0]. */
static int binary_over(fc_ctx *ctx, const char *op, const fc_tensor *const *in, const fc_walk *walk) {
    const fc_tensor *out = &ctx->out[0];
    const int64_t length = walk->shape[walk->ndim - 1], size = out->size;
    const int by_row = walk->ndim > 1 && ocl_of(ctx)->wide_items && length >= 16;
    const char *kernel = walk->ndim == 1 ? "binary" : by_row ? "binary_rows" : "binary_walk";
    ocl_call call;
    int rc = ocl_begin(&call, ctx, "elementwise", kernel, "FORMULA=%s T=%s R=%s", op, ocl_type(in[0]->dtype),
                       ocl_type(out->dtype));
    if (rc) return rc;
    ocl_tensor(&call, out);
    ocl_tensor(&call, in[0]);
    ocl_tensor(&call, in[1]);
    ocl_long(&call, by_row ? size / length : size);
    if (walk->ndim == 1) {
        ocl_long(&call, walk->stride[0][0]);
        ocl_long(&call, walk->stride[1][0]);
        return ocl_run_light(&call, size);
    }
    axes a = as_axes(walk, size);
    ocl_bytes(&call, &a, sizeof a);
    return by_row ? ocl_run_parts(&call, size / length, length) : ocl_run(&call, size);
}

static int binary(fc_ctx *ctx, const char *op, int dtype) {
    const fc_tensor *x = ctx->in[0], *y = ctx->in[1];
    int64_t shape[FC_MAX_DIMS], size = 1;
    int ndim, taken = -1;
    if (x->dtype != y->dtype) return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "the inputs differ in dtype");
    if (!dtype) dtype = x->dtype;
    int rc = fc_broadcast(ctx, 2, &ndim, shape);
    if (rc) return rc;
    for (int d = 0; d < ndim; d++) size *= shape[d];
    /* the buffer of an input of this shape is taken over where it may be */
    for (int i = 0; i < 2 && taken < 0 && takes_over(ctx); i++)
        if (ctx->in[i]->size == size && size && fc_item_size(dtype) == fc_item_size(x->dtype) &&
            __atomic_load_n(&ctx->in[i]->buffer->refs, __ATOMIC_ACQUIRE) == 1)
            taken = i;
    rc = taken >= 0 ? ctx->api->forward(ctx, taken, 0, dtype, ndim, shape)
                    : ctx->api->alloc(ctx, 0, dtype, ndim, shape);
    if (rc || !size) return rc;
    fc_walk walk;
    ocl_flat flat;
    rc = ocl_flat_walk(ctx, 2, ctx->in, ndim, shape, &walk, &flat);
    if (!rc) rc = binary_over(ctx, op, flat.in, &walk);
    ocl_flat_end(&flat);
    return rc;
}

/* Refuses some values of y. They are looked for before the output may take over their memory. */
static int checked(fc_ctx *ctx, const char *op, const char *message) {
    const fc_tensor *x = ctx->in[0], *y = ctx->in[1];
    if (!x->size || !y->size) return binary(ctx, op, 0);
    fc_tensor flag;
    int rc = ocl_flag_new(ctx, &flag);
    if (rc) return rc;
    ocl_call call;
    rc = ocl_begin(&call, ctx, "elementwise", "check", "FORMULA=%s T=%s R=%s", op, ocl_type(y->dtype),
                   ocl_type(y->dtype));
    if (!rc) {
        ocl_tensor(&call, &flag);
        ocl_tensor(&call, y);
        ocl_long(&call, y->size);
        rc = ocl_run(&call, y->size);
    }
    if (!rc) rc = binary(ctx, op, 0);
    return ocl_flag_end(ctx, &flag, rc, message);
}

/* OpenCL C has no complex numbers: those stay on the host. */
#define ONLY_FLOAT(...) __VA_ARGS__
#define ONLY_INT(...) __VA_ARGS__
#define ONLY_SIGNED(...) __VA_ARGS__
#define ONLY_UNSIGNED(...) __VA_ARGS__
#define ONLY_BOOL(...) __VA_ARGS__
#define ONLY_COMPLEX(...)

#define LAUNCHER(op, cls, arity, dtype) \
    ONLY_##cls(static int op##_##cls(fc_ctx *ctx) { return arity(ctx, #op, dtype); })
#define UNARY(op, cls, f) LAUNCHER(op, cls, unary, 0)
#define TEST(op, cls, f) LAUNCHER(op, cls, unary, FC_BOOL)
#define BINARY(op, cls, f) LAUNCHER(op, cls, binary, 0)
#define COMPARE(op, cls, f) LAUNCHER(op, cls, binary, FC_BOOL)
#define CHECKED(op, cls, bad, message, f) \
    ONLY_##cls(static int op##_##cls(fc_ctx *ctx) { return checked(ctx, #op, message); })
#include "../../opencl_kernels/elementwise.def"
#undef UNARY
#undef TEST
#undef BINARY
#undef COMPARE
#undef CHECKED

/* Cast, and the choice between two values. */
static int cast(fc_ctx *ctx) {
    const fc_tensor *x = ctx->in[0];
    int to = (int)ctx->attrs[0].i;
    if (to == x->dtype) return ctx->api->share(ctx, 0, x, 0, to, x->ndim, fc_dims(x));
    int rc = ctx->api->alloc(ctx, 0, to, x->ndim, fc_dims(x));
    if (rc || !x->size) return rc;
    ocl_call call;
    rc = ocl_begin(&call, ctx, "cast", "cast", "T=%s R=%s", ocl_type(x->dtype), ocl_type(to));
    if (rc) return rc;
    ocl_tensor(&call, &ctx->out[0]);
    ocl_tensor(&call, x);
    ocl_long(&call, x->size);
    return ocl_run_light(&call, x->size);
}

static int select_walk(fc_ctx *ctx, const fc_tensor *const *in, int ndim, const int64_t *shape) {
    int rc = ctx->api->alloc(ctx, 0, in[1]->dtype, ndim, shape);
    int64_t size = ctx->out[0].size;
    if (rc || !size) return rc;
    fc_walk walk;
    ocl_flat flat;
    ocl_call call;
    rc = ocl_flat_walk(ctx, 3, in, ndim, shape, &walk, &flat);
    if (!rc)
        rc = ocl_begin(&call, ctx, "select", "choose", "T=%s", ocl_item_type(fc_item_size(in[1]->dtype)));
    if (!rc) {
        axes a = as_axes(&walk, size);
        ocl_tensor(&call, &ctx->out[0]);
        for (int i = 0; i < 3; i++) ocl_tensor(&call, flat.in[i]);
        ocl_long(&call, size);
        ocl_bytes(&call, &a, sizeof a);
        rc = ocl_run(&call, size);
    }
    ocl_flat_end(&flat);
    return rc;
}

static int select_v1(fc_ctx *ctx) {
    fc_tensor condition;
    int64_t room[FC_MAX_DIMS];
    int rc = fc_select_condition(ctx, &condition, room);
    const fc_tensor *in[3] = {&condition, ctx->in[1], ctx->in[2]};
    return rc ? rc : select_walk(ctx, in, in[1]->ndim, fc_dims(in[1]));
}

static int select_v2(fc_ctx *ctx) {
    int64_t shape[FC_MAX_DIMS];
    int ndim, rc = fc_broadcast(ctx, 3, &ndim, shape);
    if (!rc && ctx->in[1]->dtype != ctx->in[2]->dtype)
        rc = ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "'t' and 'e' differ in dtype");
    return rc ? rc : select_walk(ctx, ctx->in, ndim, shape);
}

/* The sum of several tensors, two at a time, in their order as on the host. That of narrow floats is kept in
 * float32 until the last. */
int ocl_add_n(fc_ctx *ctx) {
    const fc_tensor *first = ctx->in[0];
    int rc = fc_add_n_check(ctx);
    if (rc) return rc;
    if (ctx->n_in == 1) return ctx->api->share(ctx, 0, first, 0, first->dtype, first->ndim, fc_dims(first));
    int narrow = (first->dtype == FC_FLOAT16 || first->dtype == FC_BFLOAT16) && ctx->n_in > 2;
    fc_tensor wide = {.size = first->size, .dtype = FC_FLOAT32};
    rc = ctx->api->forward(ctx, 0, 0, first->dtype, first->ndim, fc_dims(first));
    if (rc || !first->size) return rc;
    if (narrow) rc = ocl_buffer_new(ctx, FC_FLOAT32, wide.size, &wide.buffer);
    for (int k = 1; !rc && k < ctx->n_in; k++) {
        const fc_tensor *sum = narrow ? &wide : &ctx->out[0], *from = k == 1 ? first : sum,
                        *to = k + 1 == ctx->n_in ? &ctx->out[0] : sum;
        ocl_call call;
        rc = ocl_begin(&call, ctx, "add_n", "add", "T=%s S=%s R=%s", ocl_type(from->dtype),
                       ocl_type(first->dtype), ocl_type(to->dtype));
        if (rc) break;
        ocl_tensor(&call, to);
        ocl_tensor(&call, from);
        ocl_tensor(&call, ctx->in[k]);
        ocl_long(&call, first->size);
        rc = ocl_run(&call, first->size);
    }
    fc_release(wide.buffer);
    return rc;
}

#define TYPES_FLOAT "T:float32,float16,bfloat16,float64"
#define TYPES_SIGNED "T:int8,int16,int32,int64"
#define TYPES_UNSIGNED "T:uint8,uint16,uint32,uint64"
#define TYPES_INT "T:int8,int16,int32,int64,uint8,uint16,uint32,uint64"
#define TYPES_BOOL "" /* LogicalAnd and its like have no type attribute; Equal has, see below */
#define UNARY(op, cls, f) ONLY_##cls({#op, TYPES_##cls, "", FC_SYNC, 0, 0, op##_##cls}, )
#define TEST UNARY
#define BINARY UNARY
#define COMPARE(op, cls, f) ONLY_##cls({#op, COMPARE_##cls, "", FC_SYNC, 0, 0, op##_##cls}, )
#define COMPARE_FLOAT TYPES_FLOAT
#define COMPARE_INT TYPES_INT
#define COMPARE_BOOL "T:bool"
#define CHECKED(op, cls, bad, message, f) ONLY_##cls({#op, TYPES_##cls, "", FC_ASYNC, 0, 0, op##_##cls}, )
#define ALL_REAL "float32,float16,bfloat16,float64,int8,int16,int32,int64,uint8,uint16,uint32,uint64"
static const fc_kernel_def defs[] = {
#include "../../opencl_kernels/elementwise.def"
    {"Cast", "SrcT:" ALL_REAL ",bool;DstT:" ALL_REAL ",bool", "DstT", FC_SYNC, 0, 0, cast},
    {"Select", "T:" ALL_REAL ",bool", "", FC_SYNC, 0, 0, select_v1},
    {"SelectV2", "T:" ALL_REAL ",bool", "", FC_SYNC, 0, 0, select_v2},
    {"AddN", "T:" ALL_REAL, "", FC_SYNC, 0, 0, ocl_add_n},
};
const fc_kernel_table ocl_elementwise_table = {FC_ABI, "GPU", sizeof defs / sizeof defs[0], defs};
