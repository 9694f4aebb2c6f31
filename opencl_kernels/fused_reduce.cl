/* A group of elementwise ops, as in fused.cl, and the reduction of what they yield along rows of `size`
 * elements: the innermost axes, or all. Rows are cut into `pieces` of at most `piece` elements, as in
 * reduce.cl; the result is [rows, pieces]. */
#include "combine.cl"

/* Elements whose values are joined before they join the total: that keeps the error of a long sum near that
 * of pairwise summation. */
#define JOINED_BLOCK 4096

#define ARGUMENTS \
    __global R *restrict out, long out_at, INPUTS, long n AXES, long rows, long size, long piece, \
        long pieces, long count

/* An item to a piece, in BLOCK (64) running values: for processors. */
__kernel VECTORS void fused_rows(ARGUMENTS) {
    out += out_at;
    BEGIN_INPUTS
    FOR_PART(at, rows * pieces) {
        const size_t row_of_piece = pieces == 1 ? at : at / (size_t)pieces,
                     from = (at - row_of_piece * (size_t)pieces) * (size_t)piece;
        const size_t start = row_of_piece * (size_t)size + from,
                     end = start + min((size_t)piece, (size_t)size - from);
        T_C total = START;
        for (size_t begin = start; begin < end;) {
            const size_t stop = min(begin + JOINED_BLOCK, end);
            C16 vectors[BLOCK / 16];
            T_C *running = (T_C *)vectors;
            for (size_t v = 0; v < BLOCK / 16; v++) vectors[v] = START;
            while (begin < stop) {
                const size_t row = ROW_OF(begin), row_at = row * ROW_SIZE,
                             last = min(ROW_SIZE, stop - row_at);
                size_t k0 = begin - row_at;
                FIND_ROW(row)
                ARRAYS
                for (; k0 + BLOCK <= last; k0 += BLOCK) {
                    STAGES
                }
                for (size_t k = k0; k < last; k++) {
                    const size_t i = row_at + k;
                    JOIN(T_C, running[k - k0], VALUE);
                }
                begin = row_at + last;
            }
            for (size_t v = 1; v < BLOCK / 16; v++) JOIN(C16, vectors[0], vectors[v]);
            JOIN(T_C, total, joined16(&vectors[0]));
        }
        STORE_R(out, at, FINISH(total, count));
    }
}

/* A group to a piece: for GPUs. */
__kernel void fused_rows_by_group(ARGUMENTS, __local T_C *values) {
    out += out_at;
    BEGIN_INPUTS
    for (size_t at = get_group_id(0); at < (size_t)(rows * pieces); at += get_num_groups(0)) {
        const size_t row_of_piece = pieces == 1 ? at : at / (size_t)pieces,
                     from = (at - row_of_piece * (size_t)pieces) * (size_t)piece;
        const size_t start = row_of_piece * (size_t)size + from,
                     end = start + min((size_t)piece, (size_t)size - from);
        T_C total = START;
        for (size_t i = start + get_local_id(0); i < end; i += get_local_size(0)) {
            const size_t row = ROW_OF(i), k = i - row * ROW_SIZE;
            FIND_ROW(row)
            JOIN(T_C, total, VALUE);
        }
        reduce_in_group(values, total, 1);
        if (get_local_id(0) == 0) STORE_R(out, at, FINISH(values[0], count));
        barrier(CLK_LOCAL_MEM_FENCE);
    }
}
