/* The sizes of tensors that have more dimensions than fit into them: one block for each shape, kept as long
 * as the process.
 *
 * Owns: those blocks. Must never include Python.h.
 *
 * A tensor is copied bit by bit, so nobody could say when its sizes are used no more; and a program has few
 * shapes of so many dimensions, each of which all of its tensors share: a block takes 8 bytes a dimension and
 * 16. Blocks only ever come, at the head of a list, so that looking for one takes no lock.
 */
#ifndef FLOWCORE_SHAPES_H
#define FLOWCORE_SHAPES_H

#include <stdint.h>
#include <string.h>

#include "_allocate.h"

typedef struct fc_kept_shape {
    struct fc_kept_shape *next;
    int64_t ndim;
    int64_t dims[];
} fc_kept_shape;

#define FC_SHAPE_LISTS 4096
static fc_kept_shape *fc_shape_lists[FC_SHAPE_LISTS];
static int64_t fc_kept_shapes; /* how many there are */

static inline fc_kept_shape **fc_shape_list(int ndim, const int64_t *dims) {
    uint64_t hash = (uint64_t)ndim;
    for (int d = 0; d < ndim; d++) {
        hash = (hash ^ (uint64_t)dims[d]) * 0x9e3779b97f4a7c15u;
        hash ^= hash >> 32;
    }
    return &fc_shape_lists[hash % FC_SHAPE_LISTS];
}

/* The block with these sizes, from `first` of a list on and before `end`, or NULL. */
static inline const int64_t *fc_find_shape(const fc_kept_shape *first, const fc_kept_shape *end, int ndim,
                                           const int64_t *dims) {
    for (const fc_kept_shape *s = first; s != end; s = s->next)
        if (s->ndim == ndim && !memcmp(s->dims, dims, (size_t)ndim * sizeof *dims)) return s->dims;
    return NULL;
}

/* These sizes in a block that stays. NULL without memory. */
static inline const int64_t *fc_keep_shape(int ndim, const int64_t *dims) {
    fc_kept_shape **list = fc_shape_list(ndim, dims), *head = __atomic_load_n(list, __ATOMIC_ACQUIRE);
    const int64_t *found = fc_find_shape(head, NULL, ndim, dims);
    if (found) return found;
    fc_kept_shape *fresh = (fc_kept_shape *)fc_malloc(sizeof *fresh + (size_t)ndim * sizeof *dims);
    if (!fresh) return NULL;
    fresh->ndim = ndim;
    memcpy(fresh->dims, dims, (size_t)ndim * sizeof *dims);
    fresh->next = head;
    while (!__atomic_compare_exchange_n(list, &head, fresh, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
        /* other threads have added some meanwhile, this one perhaps */
        found = fc_find_shape(head, fresh->next, ndim, dims);
        if (found) {
            free(fresh);
            return found;
        }
        fresh->next = head;
    }
    __atomic_add_fetch(&fc_kept_shapes, 1, __ATOMIC_RELAXED);
    return fresh->dims;
}

#endif
