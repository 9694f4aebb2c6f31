/* Softmax and the cross-entropies: rows of `columns` logits. BY_GROUP=0: an item to a row, in blocks of
 * columns, so that compilers make vectors of them; 1: a group to a row, whose items share the columns and
 * what they find in local memory. All subtract the row's maximum first, so that no exponential overflows. */

#if BY_GROUP
#define EACH_ROW(i, n) for (size_t i = get_group_id(0); i < (size_t)(n); i += get_num_groups(0))
#define WIDTH 1
#define EACH_BLOCK(j) for (size_t j = get_local_id(0); j < (size_t)columns; j += get_local_size(0))
#define FIRST_ITEM (get_local_id(0) == 0)
#define VALUES , __local T_C *values
/* The combination of all items' x, for all of them. */
#define FROM_ALL(name, COMBINED) \
    static inline T_C name(T_C own, __local T_C *values) { \
        size_t me = get_local_id(0); \
        values[me] = own; \
        barrier(CLK_LOCAL_MEM_FENCE); \
        for (size_t left = get_local_size(0) / 2; left; left /= 2) { \
            if (me < left) { \
                T_C x = values[me], y = values[me + left]; \
                values[me] = COMBINED; \
            } \
            barrier(CLK_LOCAL_MEM_FENCE); \
        } \
        T_C result = values[0]; \
        barrier(CLK_LOCAL_MEM_FENCE); /* all have read it */ \
        return result; \
    }
FROM_ALL(from_all_max, y > x ? y : x)
FROM_ALL(from_all_sum, x + y)
#define SUM_OF_ITEMS(x) from_all_sum(x, values)
#else
#define EACH_ROW FOR_PART
#define WIDTH 64
#define EACH_BLOCK(j) for (size_t j = 0; j < (size_t)columns; j += WIDTH)
#define FIRST_ITEM 1
#define VALUES
#define SUM_OF_ITEMS(x) (x)
#endif

/* The columns of the block at j: its length stands still, which compilers want to know before they make
 * vectors. */
#define EACH(k) for (size_t k = 0, length = min((size_t)WIDTH, (size_t)columns - j); k < length; k++)

/* Sets `top` and the sum of exp(x - top) over the row. Along a row that one item walks, sixteen running
 * values stand side by side: one would keep a processor waiting for the step before. */
#if BY_GROUP
#define MEASURE(row) \
    T_C e[WIDTH], top = -INFINITY, sum = 0; \
    EACH_BLOCK(j) { \
        T_C x = LOAD_T(row, j); \
        top = x > top ? x : top; \
    } \
    top = from_all_max(top, values); \
    TOP_OF_NOTHING(top) \
    EACH_BLOCK(j) sum += FC_EXP(LOAD_T(row, j) - top); \
    sum = from_all_sum(sum, values)
#else
#define MEASURE(row) \
    C16 e16[WIDTH / 16], tops = -INFINITY, sums = 0; \
    T_C *e = (T_C *)e16, top = -INFINITY, sum = 0; \
    size_t at = 0; \
    for (; at + 16 <= (size_t)columns; at += 16) { \
        C16 x = LOAD16(row, at); \
        tops = x > tops ? x : tops; \
    } \
    for (size_t k = 0; k < 16; k++) { \
        T_C x = ((const T_C *)&tops)[k]; \
        top = x > top ? x : top; \
    } \
    for (; at < (size_t)columns; at++) { \
        T_C x = LOAD_T(row, at); \
        top = x > top ? x : top; \
    } \
    TOP_OF_NOTHING(top) \
    for (at = 0; at + WIDTH <= (size_t)columns; at += WIDTH) { \
        for (size_t k = 0; k < WIDTH; k++) e[k] = FC_EXP(LOAD_T(row, at + k) - top); \
        for (size_t k = 0; k < WIDTH / 16; k++) sums += e16[k]; \
    } \
    for (; at < (size_t)columns; at++) sum += FC_EXP(LOAD_T(row, at) - top); \
    for (size_t k = 0; k < 16; k++) sum += ((const T_C *)&sums)[k]
#endif
/* A row of -Inf alone gives NaN through 0/0, not through Inf - Inf. */
#define TOP_OF_NOTHING(top) \
    if (top == -INFINITY) top = 0;

/* to[j] = value for each column, where x is the logit: a block is complete before it is stored, so that the
 * result may take the logits' place. */
#define RESULT(row, to, value) \
    EACH_BLOCK(j) { \
        EACH(k) { \
            T_C x = LOAD_T(row, j + k); \
            e[k] = value; \
        } \
        EACH(k) STORE_T(to, j + k, e[k]); \
    }

__kernel void softmax(__global T *out, long out_at, __global const T *logits, long logits_at, long rows,
                      long columns VALUES) {
    EACH_ROW(i, rows) {
        __global const T *row = logits + logits_at + i * (size_t)columns;
        __global T *to = out + out_at + i * (size_t)columns;
        MEASURE(row);
        RESULT(row, to, FC_EXP(x - top) / sum)
    }
}

__kernel void log_softmax(__global T *out, long out_at, __global const T *logits, long logits_at, long rows,
                          long columns VALUES) {
    EACH_ROW(i, rows) {
        __global const T *row = logits + logits_at + i * (size_t)columns;
        __global T *to = out + out_at + i * (size_t)columns;
        MEASURE(row);
        T_C log_sum = FC_LOG(sum);
        RESULT(row, to, x - top - log_sum)
    }
}

/* loss = sum_j label_j * (log sum_k exp(x_k) - x_j);  back = softmax(x) - label. A step is 0 where one row
 * counts for all. */
__kernel void dense_xent(__global T *loss, long loss_at, __global T *back, long back_at,
                         __global const T *logits, long logits_at, __global const T *labels, long labels_at,
                         long rows, long columns, long logits_step, long labels_step VALUES) {
    EACH_ROW(i, rows) {
        __global const T *row = logits + logits_at + i * (size_t)logits_step;
        __global const T *label = labels + labels_at + i * (size_t)labels_step;
        __global T *to = back + back_at + i * (size_t)columns;
        MEASURE(row);
        T_C log_sum = FC_LOG(sum), total = 0;
        EACH_BLOCK(j) {
            EACH(k) {
                T_C l = LOAD_T(label, j + k);
                e[k] = l == 0 ? 0 : l * (log_sum - (LOAD_T(row, j + k) - top));
            }
            EACH(k) total += e[k];
        }
        RESULT(row, to, FC_EXP(x - top) / sum - LOAD_T(label, j + k))
        total = SUM_OF_ITEMS(total);
        if (FIRST_ITEM) STORE_T(loss + loss_at, i, total);
    }
}

#ifdef L
__kernel void sparse_xent(__global T *loss, long loss_at, __global T *back, long back_at,
                          __global const T *logits, long logits_at, __global const L *labels, long labels_at,
                          long rows, long columns VALUES) {
    EACH_ROW(i, rows) {
        __global const T *row = logits + logits_at + i * (size_t)columns;
        __global T *to = back + back_at + i * (size_t)columns;
        size_t label = (size_t)labels[labels_at + (long)i];
        MEASURE(row);
        if (FIRST_ITEM) STORE_T(loss + loss_at, i, FC_LOG(sum) - (LOAD_T(row, label) - top));
        RESULT(row, to, FC_EXP(x - top) / sum - (T_C)(j + k == label))
    }
}
#endif
