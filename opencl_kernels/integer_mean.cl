/* Means of integers along the middle axis of [outer, n, inner], cut towards zero, without a sum that could
 * wrap: of `count` elements each adds its quotient and its remainder by `count`, and the sum of the
 * remainders is kept below `count`. FIRST=1: reads elements, else pairs of such sums; LAST=1: writes means,
 * else pairs. W: long or ulong. Pieces of the axis as in reduce.cl. */

#if FIRST
#define IN T
#else
#define IN W
#endif
#if LAST
#define OUT T
#else
#define OUT W
#endif
#define IS_SIGNED ((W) - 1 < (W)0)

__kernel void mean(__global OUT *out, long out_at, __global const IN *in, long in_at, long outer, long n,
                   long inner, long piece, long pieces, long count) {
    const W least = (W)count;
    out += out_at;
    in += in_at;
    FOR_PART(k, outer * pieces * inner) {
        size_t column = k % (size_t)inner, rest = k / (size_t)inner,
               from = rest % (size_t)pieces * (size_t)piece, end = min(from + (size_t)piece, (size_t)n),
               first = rest / (size_t)pieces * (size_t)(n * inner) + column;
        W quotient = 0, remainder = 0;
        for (size_t i = from; i < end; i++) {
            size_t at = first + i * (size_t)inner;
#if FIRST
            quotient += (W)in[at] / least;
            remainder += (W)in[at] % least;
#else
            quotient += in[2 * at];
            remainder += in[2 * at + 1];
#endif
            if (IS_SIGNED && remainder <= -least) remainder += least, quotient--;
            else if (remainder >= least) remainder -= least, quotient++;
        }
#if LAST
        if (quotient > 0 && remainder < 0) quotient--;
        if (quotient < 0 && remainder > 0) quotient++;
        out[k] = (T)quotient;
#else
        out[2 * k] = quotient;
        out[2 * k + 1] = remainder;
#endif
    }
}
