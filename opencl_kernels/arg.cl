/* Where along the middle axis of [outer, n, inner] the greatest (ORDER >) or the least (ORDER <) element
 * stands, as R: the first of equals. A NaN counts as neither, unless it comes first; so every search starts
 * with the axis's first element. Pieces of the axis as in reduce.cl. */

#define VALUE(i) LOAD_T(a, (i) * (size_t)inner)

#define BLOCK 512
#define BETTER(x, y) ((x)ORDER(y) ? (x) : (y))

/* Of elements from..end of a row: block by block the best value alone, then its first place in the first
 * block that had it. */
static inline size_t of_row(__global const T *row, size_t from, size_t end) {
    T_C best = LOAD_T(row, 0);
    size_t found = end;
    for (size_t block = from; block < end; block += BLOCK) {
        size_t i = block, block_end = min(block + BLOCK, end);
        C16 b0 = best, b1 = best;
        for (; i + 32 <= block_end; i += 32) {
            C16 x0 = LOAD16(row, i), x1 = LOAD16(row, i + 16);
            b0 = BETTER(x0, b0);
            b1 = BETTER(x1, b1);
        }
        T_C y = best;
        for (; i < block_end; i++) {
            T_C x = LOAD_T(row, i);
            y = BETTER(x, y);
        }
        b0 = BETTER(b1, b0);
        for (size_t k = 0; k < 16; k++) {
            T_C x = ((const T_C *)&b0)[k];
            y = BETTER(x, y);
        }
        if (y ORDER best) best = y, found = block;
    }
    if (found == end) return 0; /* none is better than the first */
    while (found + 16 <= end && !any(LOAD16(row, found) == (C16)best)) found += 16;
    while (LOAD_T(row, found) != best) found++;
    return found;
}

/* inner == 1, an item to a piece, as vectors: for processors. */
__kernel VECTORS void arg_of_rows(__global R *out, long out_at, __global const T *in, long in_at, long outer,
                                  long n, long inner, long piece, long pieces) {
    out += out_at;
    FOR_PART(k, outer * pieces) {
        size_t from = k % (size_t)pieces * (size_t)piece;
        out[k] = (R)of_row(in + in_at + k / (size_t)pieces * (size_t)n, from,
                           min(from + (size_t)piece, (size_t)n));
    }
}

/* An item to a piece of 64 neighbouring columns: for processors. */
__kernel void arg_of_columns(__global R *out, long out_at, __global const T *in, long in_at, long outer,
                             long n, long inner, long piece, long pieces) {
    size_t step = (size_t)inner, blocks = (step + 63) / 64;
    FOR_PART(k, (size_t)(outer * pieces) * blocks) {
        size_t column = k % blocks * 64, rest = k / blocks, from = rest % (size_t)pieces * (size_t)piece,
               end = min(from + (size_t)piece, (size_t)n);
        size_t width = min((size_t)64, step - column);
        __global const T *a = in + in_at + rest / (size_t)pieces * (size_t)n * step + column;
        T_C best[64];
        R found[64];
        for (size_t c = 0; c < width; c++) best[c] = LOAD_T(a, c), found[c] = 0;
        for (size_t i = from; i < end; i++)
            for (size_t c = 0; c < width; c++) {
                T_C x = LOAD_T(a, i * step + c);
                found[c] = x ORDER best[c] ? (R)i : found[c];
                best[c] = BETTER(x, best[c]);
            }
        for (size_t c = 0; c < width; c++) out[out_at + (long)(rest * step + column + c)] = found[c];
    }
}

/* An item to a piece. */
__kernel void arg(__global R *out, long out_at, __global const T *in, long in_at, long outer, long n,
                  long inner, long piece, long pieces) {
    out += out_at;
    FOR_PART(k, outer * pieces * inner) {
        size_t column = k % (size_t)inner, rest = k / (size_t)inner,
               from = rest % (size_t)pieces * (size_t)piece, end = min(from + (size_t)piece, (size_t)n);
        __global const T *a = in + in_at + rest / (size_t)pieces * (size_t)(n * inner) + column;
        size_t best = 0;
        T_C y = VALUE(0);
        for (size_t i = from; i < end; i++) {
            T_C x = VALUE(i);
            if (x ORDER y) y = x, best = i;
        }
        out[k] = (R)best;
    }
}

/* The best of what the pieces found. */
__kernel void arg_of_pieces(__global R *out, long out_at, __global const T *in, long in_at,
                            __global const R *found, long found_at, long outer, long n, long inner,
                            long pieces) {
    out += out_at;
    FOR_PART(k, outer * inner) {
        size_t column = k % (size_t)inner, row = k / (size_t)inner;
        __global const T *a = in + in_at + row * (size_t)(n * inner) + column;
        __global const R *f = found + found_at + row * (size_t)(pieces * inner) + column;
        size_t best = (size_t)f[0];
        for (size_t p = 1; p < (size_t)pieces; p++) {
            size_t i = (size_t)f[p * (size_t)inner];
            if (VALUE(i) ORDER VALUE(best)) best = i;
        }
        out[k] = (R)best;
    }
}

/* inner == 1, a group to a piece: a tree in local memory. */
__kernel void arg_by_group(__global R *out, long out_at, __global const T *in, long in_at, long outer, long n,
                           long inner, long piece, long pieces, __local long *found) {
    size_t me = get_local_id(0), size = get_local_size(0);
    out += out_at;
    for (size_t k = get_group_id(0); k < (size_t)(outer * pieces); k += get_num_groups(0)) {
        size_t from = k % (size_t)pieces * (size_t)piece, end = min(from + (size_t)piece, (size_t)n),
               best = 0;
        __global const T *a = in + in_at + k / (size_t)pieces * (size_t)n;
        T_C y = VALUE(0);
        for (size_t i = from + me; i < end; i += size) {
            T_C x = VALUE(i);
            if (x ORDER y) y = x, best = i;
        }
        found[me] = (long)best;
        barrier(CLK_LOCAL_MEM_FENCE);
        for (size_t left = size / 2; left; left /= 2) {
            if (me < left) {
                long i = found[me], j = found[me + left];
                T_C x = VALUE((size_t)i), other = VALUE((size_t)j);
                if (other ORDER x || (j < i && other == x)) found[me] = j;
            }
            barrier(CLK_LOCAL_MEM_FENCE);
        }
        if (me == 0) out[k] = (R)found[0];
        barrier(CLK_LOCAL_MEM_FENCE);
    }
}
