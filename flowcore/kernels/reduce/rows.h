/* Reductions along rows as other units may call them: whole rows, or rows whose blocks are computed one by
 * one and in any order.
 *
 * The bits of a result depend on where a row is cut: into pieces by `fc_piece`, a piece into blocks of
 * FC_ROW_BLOCK elements. Blocks are joined in order. */
#ifndef FLOWCORE_REDUCE_ROWS_H
#define FLOWCORE_REDUCE_ROWS_H

#include "axes.h"

#define FC_ROW_BLOCK 1024

/* Of one op and dtype; runtime/fuse_cpu.py hands its address from the unit _reduce to fused nodes. */
typedef struct {
    /* `count` rows of n elements */
    void (*rows)(void *out, const void *in, int64_t n, int64_t count);
    /* n elements of a row of `size`, whose last alone may be a part of a block */
    void (*blocks)(void *values, const void *in, int64_t n, int64_t size);
    /* the result from the values of all `count` blocks of a row of n elements */
    void (*join)(void *out, const void *values, int64_t count, int64_t n);
    int32_t value_size;  /* bytes of a block's value */
    int32_t associative; /* partial results may be reduced again */
} fc_row_loops;

/* Work (elements) that is worth a piece of its own. */
#define FC_REDUCE_GRAIN 65536

/* How long the pieces are into which the reduced axis of a large reduction to few results is cut, whose
 * results are reduced again; all of it where it is not. */
static inline int64_t fc_piece(const fc_run *run, int associative) {
    int64_t row = run->reduced * run->inner;
    if (!associative || run->outer >= 4 || run->reduced < 2 || row < 4 * FC_REDUCE_GRAIN || run->inner > 1024)
        return run->reduced;
    int64_t pieces = row / FC_REDUCE_GRAIN < 64 ? row / FC_REDUCE_GRAIN : 64;
    return (run->reduced + pieces - 1) / pieces;
}

/* The loops for rows of an op of a dtype, NULL where there are none. */
const fc_row_loops *fc_find_row_loops(const char *op, int dtype);

#endif
