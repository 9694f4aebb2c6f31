/* Reduction of the middle axis of [outer, n, inner]. OP and DIVIDE: see combine.cl; SQUARE=1: of squares.
 * The axis is cut into `pieces` of at most `piece` elements, the result is [outer, pieces, inner]. Running
 * values last a BLOCK, then join the total: that keeps the error of a long sum near that of pairwise
 * summation. */

#include "combine.cl"

#if SQUARE
#define TERM(x) ((x) * (x))
#else
#define TERM(x) (x)
#endif

#define BLOCK 4096
#define COLUMN_BLOCK 1024

static inline T_C of_row(__global const T *row, size_t n) {
    T_C total = START;
    for (size_t block = 0; block < n; block += BLOCK) {
        size_t end = min(block + BLOCK, n), i = block;
        C16 a0 = START, a1 = START, a2 = START, a3 = START;
        for (; i + 64 <= end; i += 64) {
            JOIN(C16, a0, TERM(LOAD16(row, i)));
            JOIN(C16, a1, TERM(LOAD16(row, i + 16)));
            JOIN(C16, a2, TERM(LOAD16(row, i + 32)));
            JOIN(C16, a3, TERM(LOAD16(row, i + 48)));
        }
        for (; i + 16 <= end; i += 16) JOIN(C16, a0, TERM(LOAD16(row, i)));
        T_C rest = START;
        for (; i < end; i++) JOIN(T_C, rest, TERM(LOAD_T(row, i)));
        JOIN(C16, a0, a1);
        JOIN(C16, a2, a3);
        JOIN(C16, a0, a2);
        JOIN(T_C, rest, joined16(&a0));
        JOIN(T_C, total, rest);
    }
    return total;
}

#define ARGUMENTS \
    __global R *out, long out_at, __global const T *in, long in_at, long outer, long n, long inner, \
        long piece, long pieces, long count

/* inner == 1, an item to a piece. */
__kernel VECTORS void rows(ARGUMENTS) {
    out += out_at;
    in += in_at;
    FOR_PART(k, outer * pieces) {
        size_t row = k / (size_t)pieces, from = k % (size_t)pieces * (size_t)piece;
        T_C total = of_row(in + row * (size_t)n + from, min((size_t)piece, (size_t)n - from));
        STORE_R(out, k, FINISH(total, count));
    }
}

/* A group to a piece of `width` neighbouring columns (a power of two; 1 where inner == 1): its items stand in
 * rows, each of which takes every so manieth row of the input, and a tree in local memory joins them. For
 * GPUs. */
__kernel void by_group(ARGUMENTS, long width, __local T_C *values) {
    const size_t me = get_local_id(0), across = min((size_t)width, get_local_size(0)),
                 high = get_local_size(0) / across, x = me % across, y = me / across;
    const size_t step = (size_t)inner, blocks = (step + across - 1) / across;
    out += out_at;
    in += in_at;
    for (size_t k = get_group_id(0); k < (size_t)(outer * pieces) * blocks; k += get_num_groups(0)) {
        const size_t column = k % blocks * across + x, rest = k / blocks,
                     from = rest % (size_t)pieces * (size_t)piece, end = min(from + (size_t)piece, (size_t)n);
        /* beyond the last column, that one is read in vain */
        const size_t at = rest / (size_t)pieces * (size_t)n * step + min(column, step - 1);
        T_C total = START;
        for (size_t i = from + y; i < end; i += high) JOIN(T_C, total, TERM(LOAD_T(in, at + i * step)));
        reduce_in_group(values, total, across);
        if (y == 0 && column < step) STORE_R(out, rest * step + column, FINISH(values[me], count));
        barrier(CLK_LOCAL_MEM_FENCE);
    }
}

/* An item to a short column: neighbours read neighbours, which suits a GPU. */
__kernel void columns(ARGUMENTS) {
    out += out_at;
    in += in_at;
    FOR_EACH(k, outer * pieces * inner) {
        size_t column = k % (size_t)inner, rest = k / (size_t)inner,
               from = rest % (size_t)pieces * (size_t)piece, end = min(from + (size_t)piece, (size_t)n);
        size_t at = rest / (size_t)pieces * (size_t)(n * inner) + column;
        T_C total = START;
        for (size_t block = from; block < end; block += COLUMN_BLOCK) {
            T_C r = START;
            for (size_t i = block; i < min(block + COLUMN_BLOCK, end); i++)
                JOIN(T_C, r, TERM(LOAD_T(in, at + i * (size_t)inner)));
            JOIN(T_C, total, r);
        }
        STORE_R(out, k, FINISH(total, count));
    }
}

/* An item to 64 neighbouring columns, as vectors: for processors. */
__kernel VECTORS void wide_columns(ARGUMENTS) {
    size_t step = (size_t)inner, blocks = (step + 63) / 64;
    FOR_PART(k, (size_t)(outer * pieces) * blocks) {
        size_t column = k % blocks * 64, rest = k / blocks, from = rest % (size_t)pieces * (size_t)piece,
               length = min((size_t)piece, (size_t)n - from);
        size_t width = min((size_t)64, step - column);
        __global const T *a = in + in_at + (rest / (size_t)pieces * (size_t)n + from) * step + column;
        __global R *to = out + out_at + rest * step + column;
        if (width == 64) {
            C16 t0 = START, t1 = START, t2 = START, t3 = START;
            for (size_t block = 0; block < length; block += COLUMN_BLOCK) {
                C16 r0 = START, r1 = START, r2 = START, r3 = START;
                for (size_t i = block; i < min(block + COLUMN_BLOCK, length); i++) {
                    JOIN(C16, r0, TERM(LOAD16(a, i * step)));
                    JOIN(C16, r1, TERM(LOAD16(a, i * step + 16)));
                    JOIN(C16, r2, TERM(LOAD16(a, i * step + 32)));
                    JOIN(C16, r3, TERM(LOAD16(a, i * step + 48)));
                }
                JOIN(C16, t0, r0);
                JOIN(C16, t1, r1);
                JOIN(C16, t2, r2);
                JOIN(C16, t3, r3);
            }
            C16 all[4] = {t0, t1, t2, t3};
            for (size_t c = 0; c < 64; c++) STORE_R(to, c, FINISH(((const T_C *)all)[c], count));
            continue;
        }
        T_C total[64], r[64];
        for (size_t c = 0; c < width; c++) total[c] = START;
        for (size_t block = 0; block < length; block += COLUMN_BLOCK) {
            for (size_t c = 0; c < width; c++) r[c] = START;
            for (size_t i = block; i < min(block + COLUMN_BLOCK, length); i++)
                for (size_t c = 0; c < width; c++) JOIN(T_C, r[c], TERM(LOAD_T(a, i * step + c)));
            for (size_t c = 0; c < width; c++) JOIN(T_C, total[c], r[c]);
        }
        for (size_t c = 0; c < width; c++) STORE_R(to, c, FINISH(total[c], count));
    }
}
