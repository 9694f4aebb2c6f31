/* What the elementwise kernels share: loop types and the drivers that walk tensors with them. Included by
 * this unit only. */
#ifndef FLOWCORE_ELEMENTWISE_LOOPS_H
#define FLOWCORE_ELEMENTWISE_LOOPS_H

#include "../../_kernel.h"
#include "../_walk.h"

/* out[i] = f(x[i]) */
typedef void (*fc_unary_loop)(void *out, const void *x, int64_t n);
/* out[i] = f(x[i * sx], y[i * sy]), strides in elements, usually 0 or 1 */
typedef void (*fc_binary_loop)(void *out, const void *x, const void *y, int64_t n, int64_t sx, int64_t sy);
/* whether some y[i] is refused */
typedef int (*fc_check_loop)(const void *y, int64_t n);

/* Elements that are worth handing to another thread. */
#define FC_GRAIN 32768

/* A line of elementwise.def: its loops by the dtype of the inputs, `unary` or `binary`; `checks` and their
 * message where some y are refused. */
typedef struct {
    const char *op;
    const fc_unary_loop *unary;
    const fc_binary_loop *binary;
    const fc_check_loop *checks;
    const char *message;
} fc_formula;
/* The lines of one file of formulas, and their kernels. */
typedef struct {
    const fc_formula *formulas;
    int count;
    fc_kernel_table kernels;
} fc_formula_group;
#define FC_FORMULA_GROUPS(X) \
    X(arithmetic) X(remainders) X(functions) X(activations) X(comparisons) X(gradients)
#define FC_DECLARE_GROUP(name) extern const fc_formula_group fc_##name##_formulas;
FC_FORMULA_GROUPS(FC_DECLARE_GROUP)

/* The number of the line for `op` of `dtype`, -1 where there is none; and the line of a number. */
int fc_find_formula(const char *op, int dtype);
const fc_formula *fc_formula_at(int number);

/* The loop of a cast, NULL where there is none. */
fc_unary_loop fc_cast_loop(int from, int to);

/* out[i] = condition[i * sc] ? x[i * sx] : y[i * sy], for values of `item` bytes */
void fc_select_loop(void *out, const void *condition, const void *x, const void *y, int64_t n, int64_t sc,
                    int64_t sx, int64_t sy, int64_t item);

/* Kernels around a loop per dtype; out_dtype 0: the inputs' own. */
int fc_unary(fc_ctx *ctx, const fc_unary_loop *loops, int out_dtype);
int fc_binary(fc_ctx *ctx, const fc_binary_loop *loops, int out_dtype);

/* Output 0, of this dtype and shape: in the memory of one of the first n_in inputs that has its size and may
 * be written, or in its own. */
int fc_alloc_over(fc_ctx *ctx, int n_in, int dtype, int ndim, const int64_t *shape);

#endif
