/* Template: the reductions of one type over an [outer, reduced, inner] view; T stored, C of computation,
 * LOAD, STORE, FN(name).
 *
 * Deterministic: the reduced axis is cut into fixed blocks of BLOCK; within a block SHORT_LANES or LONG_LANES
 * running values (inner == 1) or one per column; blocks are combined in order. Blocks keep the error of a
 * float sum near that of pairwise summation. */

#define BLOCK FC_ROW_BLOCK
/* One vector of running values would wait for the addition before; four keep the adders busy, and pay along
 * rows that are long enough. */
#define LONG_ROW 128
#define SHORT_LANES 16
#define LONG_LANES 64

/* A block of a row in `lanes` running values: a power of two, known to the compiler. */
#define REDUCE(name, A, START, COMBINE, ASSOCIATIVE) \
    __attribute__((always_inline)) static inline A FN(name##_block)(const T *a, int64_t n, \
                                                                    const int lanes) { \
        int64_t i = 0; \
        A r[LONG_LANES]; \
        for (int k = 0; k < lanes; k++) r[k] = START; \
        for (; i + lanes <= n; i += lanes) \
            for (int k = 0; k < lanes; k++) { \
                A x = r[k], y = LOAD(a[i + k]); \
                r[k] = COMBINE; \
            } \
        for (int k = 0; i < n; i++, k++) { \
            A x = r[k], y = LOAD(a[i]); \
            r[k] = COMBINE; \
        } \
        for (int half = lanes / 2; half; half /= 2) \
            for (int k = 0; k < half; k++) { \
                A x = r[k], y = r[k + half]; \
                r[k] = COMBINE; \
            } \
        return r[0]; \
    } \
    __attribute__((always_inline)) static inline A FN(name##_row)(const T *a, int64_t n, const int lanes) { \
        A total = START; \
        for (int64_t block = 0; block < n; block += BLOCK) { \
            A x = total, y = FN(name##_block)(a + block, n - block < BLOCK ? n - block : BLOCK, lanes); \
            total = COMBINE; \
        } \
        return total; \
    } \
    CLONES static void FN(name##_rows)(void *out, const void *in, int64_t n, int64_t count) { \
        const T *a = in; \
        for (int64_t i = 0; i < count; i++, a += n) { \
            A total = n < LONG_ROW ? FN(name##_row)(a, n, SHORT_LANES) : FN(name##_row)(a, n, LONG_LANES); \
            ((T *)out)[i] = STORE(FINISH_##name(total, n)); \
        } \
    } \
    CLONES static void FN(name##_blocks)(void *values, const void *in, int64_t n, int64_t size) { \
        const T *a = in; \
        for (int64_t block = 0, k = 0; block < n; block += BLOCK, k++) { \
            int64_t length = n - block < BLOCK ? n - block : BLOCK; \
            ((A *)values)[k] = size < LONG_ROW ? FN(name##_block)(a + block, length, SHORT_LANES) \
                                               : FN(name##_block)(a + block, length, LONG_LANES); \
        } \
    } \
    static void FN(name##_join)(void *out, const void *values, int64_t count, int64_t n) { \
        A total = START; \
        for (int64_t k = 0; k < count; k++) { \
            A x = total, y = ((const A *)values)[k]; \
            total = COMBINE; \
        } \
        *(T *)out = STORE(FINISH_##name(total, n)); \
    } \
    static const fc_row_loops FN(name##_loops) = {FN(name##_rows), FN(name##_blocks), FN(name##_join), \
                                                  sizeof(A), ASSOCIATIVE}; \
    CLONES static void FN(name)(const reduce_job *job, void *out, const void *in, int64_t n) { \
        const T *a = in; \
        for (int64_t j = 0; j < job->inner; j += COLUMNS) { \
            int64_t width = job->inner - j < COLUMNS ? job->inner - j : COLUMNS; \
            A total[COLUMNS], r[COLUMNS]; \
            for (int64_t c = 0; c < width; c++) total[c] = START; \
            for (int64_t block = 0; block < n; block += BLOCK) { \
                int64_t end = block + BLOCK < n ? block + BLOCK : n; \
                for (int64_t c = 0; c < width; c++) r[c] = START; \
                for (int64_t i = block; i < end; i++) { \
                    const T *row = a + i * job->inner + j; \
                    for (int64_t c = 0; c < width; c++) { \
                        A x = r[c], y = LOAD(row[c]); \
                        r[c] = COMBINE; \
                    } \
                } \
                for (int64_t c = 0; c < width; c++) { \
                    A x = total[c], y = r[c]; \
                    total[c] = COMBINE; \
                } \
            } \
            for (int64_t c = 0; c < width; c++) ((T *)out)[j + c] = STORE(FINISH_##name(total[c], n)); \
        } \
    }

#define FINISH_sum(total, n) (total)
#define FINISH_prod(total, n) (total)
#define FINISH_max(total, n) (total)
#define FINISH_min(total, n) (total)
#if INTEGER /* integers have no NaN for the mean of nothing */
#define FINISH_mean(total, n) (C)((n) ? (total) / (WIDE)(n) : 0)
#define CLONES
#else
#define FINISH_mean(total, n) (C)((total) / (n))
#define CLONES FC_CLONES
#endif

REDUCE(sum, C, 0, (C)(x + y), 1)
REDUCE(mean, WIDE, 0, (WIDE)(x + y), 0)
REDUCE(prod, C, 1, (C)(x * y), 1)
#ifdef LOWEST
/* NaN wins. Without a branch, so that compilers make vectors of it. */
REDUCE(max, C, LOWEST, ((y > x) | (y != y) ? y : x), 1)
REDUCE(min, C, HIGHEST, ((y < x) | (y != y) ? y : x), 1)

/* The first of the greatest (least) elements that are not NaN; 0 where all are. Along a row the best value of
 * a block is found in running ones, and its place looked up at the end, in the first block that had it.
 * Nothing is better than WORST, so where all are NaN or that, the first that is no NaN is looked for. */
#define ARG_BLOCK 128
#define STORE_INDEX(at, i) \
    do { \
        if (job->index_dtype == FC_INT32) ((int32_t *)out)[at] = (int32_t)(i); \
        else ((int64_t *)out)[at] = (i); \
    } while (0)
#define ARG(name, BETTER, WORST) \
    static int64_t FN(name##_first_number)(const T *a, int64_t n, int64_t step) { \
        for (int64_t i = 0; i < n; i++) { \
            C x = LOAD(a[i * step]); \
            if (x == x) return i; \
        } \
        return 0; \
    } \
    CLONES static void FN(name)(const reduce_job *job, void *out, const void *in, int64_t n) { \
        const T *a = in; \
        if (job->inner == 1) { \
            int64_t best = -1, i = 0; \
            C top = WORST; \
            for (int64_t length; n - i >= LONG_LANES; i += length) { \
                C r[LONG_LANES], found = top; \
                length = n - i < ARG_BLOCK ? (n - i) / LONG_LANES * LONG_LANES : ARG_BLOCK; \
                for (int k = 0; k < LONG_LANES; k++) r[k] = top; \
                for (int64_t b = 0; b < length; b += LONG_LANES) \
                    for (int k = 0; k < LONG_LANES; k++) { \
                        C x = LOAD(a[i + b + k]); \
                        r[k] = x BETTER r[k] ? x : r[k]; \
                    } \
                for (int half = LONG_LANES / 2; half; half /= 2) \
                    for (int k = 0; k < half; k++) r[k] = r[k + half] BETTER r[k] ? r[k + half] : r[k]; \
                found = r[0] BETTER found ? r[0] : found; \
                if (found BETTER top) top = found, best = i; \
            } \
            if (best >= 0) \
                while (LOAD(a[best]) != top) best++; \
            for (; i < n; i++) { \
                C x = LOAD(a[i]); \
                if (x BETTER top) top = x, best = i; \
            } \
            STORE_INDEX(0, best < 0 ? FN(name##_first_number)(a, n, 1) : best); \
            return; \
        } \
        for (int64_t j = 0; j < job->inner; j += COLUMNS) { \
            int64_t width = job->inner - j < COLUMNS ? job->inner - j : COLUMNS, best[COLUMNS]; \
            C top[COLUMNS]; \
            for (int64_t c = 0; c < width; c++) top[c] = WORST, best[c] = -1; \
            for (int64_t i = 0; i < n; i++) { \
                const T *row = a + i * job->inner + j; \
                for (int64_t c = 0; c < width; c++) { \
                    C x = LOAD(row[c]), y = top[c]; \
                    best[c] = x BETTER y ? i : best[c]; \
                    top[c] = x BETTER y ? x : y; \
                } \
            } \
            for (int64_t c = 0; c < width; c++) \
                STORE_INDEX(j + c, \
                            best[c] < 0 ? FN(name##_first_number)(a + j + c, n, job->inner) : best[c]); \
        } \
    }
ARG(argmax, >, LOWEST)
ARG(argmin, <, HIGHEST)
#undef ARG
#undef ARG_BLOCK
#undef STORE_INDEX
#endif

#undef REDUCE
#undef CLONES
#undef FINISH_sum
#undef FINISH_prod
#undef FINISH_max
#undef FINISH_min
#undef FINISH_mean
#undef BLOCK
#undef LONG_ROW
#undef SHORT_LANES
#undef LONG_LANES
