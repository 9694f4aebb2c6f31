/* A list of tensors: the value behind TensorArray, as a variant. Nobody changes a list that has more than one
 * owner; a kernel that writes takes the list of its input where it is the last reader, and a copy otherwise.
 *
 * A list that was reserved or is the zero of another has no memory for its elements until a second one is
 * written: the gradient of a read is a list with a single element, and a loop adds up one for each turn.
 *
 * The list lies on the host; its elements lie on one device, the list's home, where planning has placed the
 * nodes that work on it. by_item.c has a device's own kernels work on elements. */
#ifndef FLOWCORE_LIST_H
#define FLOWCORE_LIST_H

#include "../../_kernel.h"

typedef struct {
    fc_variant base;
    const fc_api *api; /* of the engine that made it */
    int32_t dtype;
    int64_t most; /* elements that it may have, -1: any number */
    int64_t length, capacity;
    fc_tensor *items; /* NULL: none of them is written but the one below. ndim -1: not written */
    int64_t only;     /* the index of `one`, -1 without it */
    fc_tensor one;
    fc_tensor element; /* what is known of all of them: rank and sizes alone, -1: unknown */
} fc_list;

/* A new list of `length` elements that are not written; its shape is any. NULL without memory. */
fc_list *fc_list_new(const fc_api *api, int dtype, int64_t length);
/* The list behind input i, or NULL after reporting what is wrong; *rc then holds the status. */
fc_list *fc_list_at(fc_ctx *ctx, int i, int *rc);
/* out[o] becomes the list, whose reference it takes in any case. */
int fc_list_put(fc_ctx *ctx, int o, fc_list *list);
/* out[o] becomes the list of input i, to be written to: that list itself where nobody else has it. NULL after
 * reporting. */
fc_list *fc_list_to_change(fc_ctx *ctx, int i, int o, int *rc);
/* Element i, or NULL where it is not written. */
const fc_tensor *fc_list_item(const fc_list *list, int64_t i);
/* Whether element i lies on the device of the node; an error where it does not: a graph from a file may ask
 * for anything. */
int fc_list_expect_home(fc_ctx *ctx, int64_t i, const fc_tensor *item);
/* A list like another, with places for its elements that are not written. */
int fc_list_like(fc_ctx *ctx, const fc_list *from, fc_list **out);
/* The list of a variant, NULL for any other kind. */
fc_list *fc_as_list(fc_variant *v);
/* Writes element i (which is there) and takes a reference to its buffer. */
int fc_list_set(fc_ctx *ctx, fc_list *list, int64_t i, const fc_tensor *item);
/* Whether an int32, as which a length is told, holds this one. */
int fc_list_expect_length(fc_ctx *ctx, int64_t length);
/* Makes the list longer or shorter. */
int fc_list_resize(fc_ctx *ctx, fc_list *list, int64_t length);
/* Whether two partly known shapes may be one; `out` becomes what is known of it. ndim -1: unknown. */
int fc_merge_shapes(int a_ndim, const int64_t *a, int b_ndim, const int64_t *b, int *ndim, int64_t *out);

#endif
