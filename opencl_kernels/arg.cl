/* Where along the middle axis of [outer, n, inner] the greatest (ORDER >) or the least (ORDER <) element
 * stands, as R: the first of equals that are not NaN, 0 where all are. Pieces of the axis as in reduce.cl;
 * one of NaNs alone finds its first element. */

#define VALUE(i) LOAD_T(a, (i) * (size_t)inner)

#define BLOCK 512
#define BETTER(x, y) ((x)ORDER(y) ? (x) : (y))
/* What nothing is worse than. */
#define WORST ((T_C)(0 ORDER 1 ? T_HIGHEST : T_LOWEST))
/* Whether x, which stands behind y, comes in its place. */
#define WINS(x, y) ((x)ORDER(y) || (!IS_NUMBER(y) && IS_NUMBER(x)))
#if T_FLOATING
#define IS_NUMBER(x) ((x) == (x))
#else
#define IS_NUMBER(x) 1
#endif

/* The first element of from..end that is not NaN, for axes with nothing better than WORST. */
static inline size_t first_number(__global const T *a, size_t from, size_t end, size_t step) {
    for (size_t i = from; i < end; i++) {
        T_C x = LOAD_T(a, i * step);
        if (IS_NUMBER(x)) return i;
    }
    return from;
}

/* Of elements from..end of a row: block by block the best value alone, then its first place in the first
 * block that had it. */
static inline size_t of_row(__global const T *row, size_t from, size_t end) {
    T_C best = WORST;
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
    if (found == end) return first_number(row, from, end, 1);
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
        for (size_t c = 0; c < width; c++) best[c] = WORST, found[c] = -1;
        for (size_t i = from; i < end; i++)
            for (size_t c = 0; c < width; c++) {
                T_C x = LOAD_T(a, i * step + c);
                found[c] = x ORDER best[c] ? (R)i : found[c];
                best[c] = BETTER(x, best[c]);
            }
        for (size_t c = 0; c < width; c++)
            out[out_at + (long)(rest * step + column + c)] = found[c] < 0
                                                                 ? (R)first_number(a + c, from, end, step)
                                                                 : found[c];
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
        size_t best = from;
        T_C y = VALUE(from);
        for (size_t i = from + 1; i < end; i++) {
            T_C x = VALUE(i);
            if (WINS(x, y)) y = x, best = i;
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
            T_C x = VALUE(i), y = VALUE(best);
            if (WINS(x, y)) best = i;
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
               best = from + me < end ? from + me : from;
        __global const T *a = in + in_at + k / (size_t)pieces * (size_t)n;
        T_C y = VALUE(best);
        for (size_t i = best + size; i < end; i += size) {
            T_C x = VALUE(i);
            if (WINS(x, y)) y = x, best = i;
        }
        found[me] = (long)best;
        barrier(CLK_LOCAL_MEM_FENCE);
        for (size_t left = size / 2; left; left /= 2) {
            if (me < left) {
                long i = found[me], j = found[me + left];
                T_C x = VALUE((size_t)i), other = VALUE((size_t)j);
                if (WINS(other, x) || (j < i && other == x)) found[me] = j;
            }
            barrier(CLK_LOCAL_MEM_FENCE);
        }
        if (me == 0) out[k] = (R)found[0];
        barrier(CLK_LOCAL_MEM_FENCE);
    }
}
