/* Rows of `from` change rows of `to`, in place: OP is Update, Add, Sub, Mul, Div, Min or Max. `table`
 * (flowcore/opencl/rows.c) has a line for each row that changes: from[] rows starts[u] .. starts[u + 1] of
 * `positions` belong to row rows[u]. Each element is one item's, which goes through these in order: repeated
 * rows yield the same bits as on the host. Steps are 0 where `from` is a single element. */

#define Update(x, y) (y)
#define Add(x, y) ((x) + (y))
#define Sub(x, y) ((x) - (y))
#define Mul(x, y) ((x) * (y))
#define Div(x, y) \
    ((T_C) - 1 < 0 && (y) == (T_C) - 1 ? (T_C) - (x) \
                                       : (T_C)((x) / (y))) /* the least integer over -1 is itself */
#define Min(x, y) ((x) < (y) ? (x) : (y))
#define Max(x, y) ((x) > (y) ? (x) : (y))

#define LINE(u) \
    __global const long *starts = table + table_at, *rows = starts + count + 1, *positions = rows + count; \
    size_t row = (size_t)rows[u] * (size_t)inner, begin = (size_t)starts[u], end = (size_t)starts[(u) + 1]

static inline void change(__global T *to, size_t at, __global const T *from, size_t other) {
    T_C x = LOAD_T(to, at), y = LOAD_T(from, other);
    STORE_T(to, at, (T_C)OP(x, y));
}

/* An item to a row, for processors. */
__kernel void scatter_rows(__global T *to, long to_at, __global const T *from, long from_at,
                           __global const long *table, long table_at, long count, long inner, long row_step,
                           long step) {
    to += to_at;
    from += from_at;
    FOR_PART(u, count) {
        LINE(u);
        for (size_t p = begin; p < end; p++)
            for (size_t j = 0; j < (size_t)inner; j++)
                change(to, row + j, from, (size_t)(positions[p] * row_step) + j * (size_t)step);
    }
}

/* An item to an element. */
__kernel void scatter(__global T *to, long to_at, __global const T *from, long from_at,
                      __global const long *table, long table_at, long count, long inner, long row_step,
                      long step) {
    to += to_at;
    from += from_at;
    FOR_EACH(k, count * inner) {
        size_t u = k / (size_t)inner, j = k % (size_t)inner;
        LINE(u);
        for (size_t p = begin; p < end; p++)
            change(to, row + j, from, (size_t)(positions[p] * row_step) + j * (size_t)step);
    }
}
