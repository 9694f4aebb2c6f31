/* What a reduction of values of type T_C does with two of them. OP: Sum, Prod, Max, Min, All, Any; DIVIDE=1,
 * of floating values: over `count` at the end. */

#define COMBINE_Sum(C, x, y) (C)((x) + (y))
#define COMBINE_Prod(C, x, y) (C)((x) * (y))
#if T_FLOATING
#define COMBINE_Max(C, x, y) ((y) > (x) || (y) != (y) ? (y) : (x)) /* NaN wins */
#define COMBINE_Min(C, x, y) ((y) < (x) || (y) != (y) ? (y) : (x))
#else
#define COMBINE_Max(C, x, y) ((y) > (x) ? (y) : (x))
#define COMBINE_Min(C, x, y) ((y) < (x) ? (y) : (x))
#endif
#define COMBINE_All(C, x, y) (C)((x) & (y))
#define COMBINE_Any(C, x, y) (C)((x) | (y))
#define COMBINE(C, x, y) PASTE(COMBINE_, OP)(C, x, y)

#define START_Sum 0
#define START_Prod 1
#define START_Max T_LOWEST
#define START_Min T_HIGHEST
#define START_All 1
#define START_Any 0
#define START PASTE(START_, OP)

#if DIVIDE
#define FINISH(total, count) ((total) / (T_C)(count))
#else
#define FINISH(total, count) (total)
#endif

/* x = x and y together. */
#define JOIN(C, x, y) \
    do { \
        C joined = (y); \
        x = COMBINE(C, x, joined); \
    } while (0)

/* Sixteen running values joined. */
#define C8 PASTE(T_C, 8)
#define C4 PASTE(T_C, 4)
#define C2 PASTE(T_C, 2)
static inline T_C joined16(const C16 *r16) { /* by value, wide vectors would have an ABI of their own */
    C8 r8 = r16->lo;
    JOIN(C8, r8, r16->hi);
    C4 r4 = r8.lo;
    JOIN(C4, r4, r8.hi);
    C2 r2 = r4.lo;
    JOIN(C2, r2, r4.hi);
    T_C r = r2.x;
    JOIN(T_C, r, r2.y);
    return r;
}

/* What the items of a group have, reduced to values[0] .. values[across - 1], each that of every across-th
 * item. Both are powers of two. */
static inline void reduce_in_group(__local T_C *values, T_C own, size_t across) {
    const size_t me = get_local_id(0);
    values[me] = own;
    barrier(CLK_LOCAL_MEM_FENCE);
    for (size_t left = get_local_size(0) / 2; left >= across; left /= 2) {
        if (me < left) {
            T_C value = values[me];
            JOIN(T_C, value, values[me + left]);
            values[me] = value;
        }
        barrier(CLK_LOCAL_MEM_FENCE);
    }
}
