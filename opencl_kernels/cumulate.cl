/* Running sums (OP +, START 0) and products (OP *, START 1) along the middle axis of [outer, n, inner], from
 * either end. The axis is cut into `pieces` of at most `piece` steps, counted in the direction of the walk;
 * an item walks one piece of one column. */

#define EACH_PIECE(k) FOR_PART(k, outer * pieces * inner)
#define PLACES \
    size_t column = k % (size_t)inner, rest = k / (size_t)inner, \
           from = rest % (size_t)pieces * (size_t)piece; \
    size_t end = min(from + (size_t)piece, (size_t)n), \
           first = rest / (size_t)pieces * (size_t)(n * inner) + column
#define AT(i) (first + (reverse ? (size_t)n - 1 - (i) : (i)) * (size_t)inner)

/* What each piece comes to: [outer, pieces, inner]. */
__kernel void totals(__global R *out, long out_at, __global const T *in, long in_at, long outer, long n,
                     long inner, long piece, long pieces, int reverse) {
    in += in_at;
    EACH_PIECE(k) {
        PLACES;
        T_C total = START;
        for (size_t i = from; i < end; i++) total = (T_C)(total OP LOAD_T(in, AT(i)));
        STORE_R(out + out_at, k, total);
    }
}

/* `starts`: what lies before each piece. Read only where there are several. */
__kernel void cumulate(__global R *out, long out_at, __global const T *in, long in_at,
                       __global const T_C *starts, long starts_at, long outer, long n, long inner, long piece,
                       long pieces, int exclusive, int reverse) {
    out += out_at;
    in += in_at;
    EACH_PIECE(k) {
        PLACES;
        T_C total = START;
        if (pieces > 1) total = starts[(size_t)starts_at + k];
        for (size_t i = from; i < end; i++) {
            size_t at = AT(i);
            T_C before = total;
            total = (T_C)(total OP LOAD_T(in, at));
            STORE_R(out, at, exclusive ? before : total);
        }
    }
}
