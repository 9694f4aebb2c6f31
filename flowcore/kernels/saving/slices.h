/* Parts of tensors: how "4 2 0,2:-" says one, which elements two of them share, and the key of a stored one.
 */
#ifndef FLOWCORE_SAVING_SLICES_H
#define FLOWCORE_SAVING_SLICES_H

#include "wire.h"
#include "work.h"

#define FC_MOST_DIMS 254 /* of a tensor in a file */

/* Of one dimension. A length of -1 stands for all of it, and is stored as it was asked for. */
typedef struct {
    int64_t start, length;
} fc_extent;

/* "4 2 0,2:-": the sizes of the whole tensor, then a part of each. */
typedef struct {
    int ndim; /* -1: nothing was said, it is the whole tensor */
    int64_t dims[FC_MOST_DIMS];
    fc_extent part[FC_MOST_DIMS];
} fc_slice_spec;
int fc_parse_slice(fc_work *w, fc_bytes text, fc_slice_spec *spec);

/* The product of sizes, or -1 where it overflows 63 bits or a size is negative. */
int64_t fc_count(int ndim, const int64_t *dims);
static inline int64_t fc_length(const fc_extent *e, int64_t size) { return e->length < 0 ? size : e->length; }
/* Whether a part lies in a tensor of these sizes. */
int fc_is_inside(int ndim, const int64_t *dims, const fc_extent *part);
int fc_is_whole(int ndim, const int64_t *dims, const fc_extent *part);
int64_t fc_count_part(int ndim, const int64_t *dims, const fc_extent *part);
int fc_same_part(int ndim, const fc_extent *a, const fc_extent *b);

/* Calls `row` for runs of elements that both parts have: `n` of them from element `from` of the one and `to`
 * of the other. Returns how many there are in all. */
typedef void (*fc_row)(void *arg, int64_t from, int64_t to, int64_t n);
int64_t fc_each_shared_row(int ndim, const int64_t *dims, const fc_extent *from, const fc_extent *to,
                           fc_row row, void *arg);

/* The key under which the data of a part is stored: it sorts before all names, since it begins with a zero.
 */
void fc_put_slice_key(fc_blob *key, fc_bytes name, int ndim, const fc_extent *part);

#endif
