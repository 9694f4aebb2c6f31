/* Template: the reductions of one type over an [outer, reduced, inner] view; T stored, C of computation, LOAD, STORE, FN(name).
 *
 * Deterministic: the reduced axis is cut into fixed blocks of BLOCK; within a block eight running values (inner == 1) or one per column; blocks
 * are combined in order. Blocks keep the error of a float sum near that of pairwise summation. */

#define BLOCK 1024

#define REDUCE(name, START, COMBINE)                                                                                      \
    CLONES static void FN(name)(const reduce_job *job, void *out, const void *in, int64_t n) {                            \
        const T *a = in;                                                                                                  \
        if (job->inner == 1) {                                                                                            \
            C total = START;                                                                                              \
            for (int64_t block = 0; block < n; block += BLOCK) {                                                          \
                int64_t end = block + BLOCK < n ? block + BLOCK : n, i = block;                                           \
                C r[16];                                                                                                  \
                for (int k = 0; k < 16; k++) r[k] = START;                                                                \
                for (; i + 16 <= end; i += 16)                                                                            \
                    for (int k = 0; k < 16; k++) {                                                                        \
                        C x = r[k], y = LOAD(a[i + k]);                                                                   \
                        r[k] = COMBINE;                                                                                   \
                    }                                                                                                     \
                for (int k = 0; i < end; i++, k++) {                                                                      \
                    C x = r[k], y = LOAD(a[i]);                                                                           \
                    r[k] = COMBINE;                                                                                       \
                }                                                                                                         \
                for (int half = 8; half; half /= 2)                                                                       \
                    for (int k = 0; k < half; k++) {                                                                      \
                        C x = r[k], y = r[k + half];                                                                      \
                        r[k] = COMBINE;                                                                                   \
                    }                                                                                                     \
                C x = total, y = r[0];                                                                                    \
                total = COMBINE;                                                                                          \
            }                                                                                                             \
            *(T *)out = STORE(FINISH_##name(total, n));                                                                   \
            return;                                                                                                       \
        }                                                                                                                 \
        for (int64_t j = 0; j < job->inner; j += COLUMNS) {                                                               \
            int64_t width = job->inner - j < COLUMNS ? job->inner - j : COLUMNS;                                          \
            C total[COLUMNS], r[COLUMNS];                                                                                 \
            for (int64_t c = 0; c < width; c++) total[c] = START;                                                         \
            for (int64_t block = 0; block < n; block += BLOCK) {                                                          \
                int64_t end = block + BLOCK < n ? block + BLOCK : n;                                                      \
                for (int64_t c = 0; c < width; c++) r[c] = START;                                                         \
                for (int64_t i = block; i < end; i++) {                                                                   \
                    const T *row = a + i * job->inner + j;                                                                \
                    for (int64_t c = 0; c < width; c++) {                                                                 \
                        C x = r[c], y = LOAD(row[c]);                                                                     \
                        r[c] = COMBINE;                                                                                   \
                    }                                                                                                     \
                }                                                                                                         \
                for (int64_t c = 0; c < width; c++) {                                                                     \
                    C x = total[c], y = r[c];                                                                             \
                    total[c] = COMBINE;                                                                                   \
                }                                                                                                         \
            }                                                                                                             \
            for (int64_t c = 0; c < width; c++) ((T *)out)[j + c] = STORE(FINISH_##name(total[c], n));                    \
        }                                                                                                                 \
    }

#define FINISH_sum(total, n) (total)
#define FINISH_prod(total, n) (total)
#define FINISH_max(total, n) (total)
#define FINISH_min(total, n) (total)
#define FINISH_mean(total, n) MEAN(total, n)

REDUCE(sum, 0, (C)(x + y))
REDUCE(mean, 0, (C)(x + y))
REDUCE(prod, 1, (C)(x * y))
#ifdef LOWEST
REDUCE(max, LOWEST, (y > x || y != y ? y : x))
REDUCE(min, HIGHEST, (y < x || y != y ? y : x))

/* The first of the greatest (least) elements; a NaN counts as neither, unless it stands first. */
#define ARG(name, BETTER)                                                                         \
    static void FN(name)(const reduce_job *job, void *out, const void *in, int64_t n) {           \
        const T *a = in;                                                                          \
        for (int64_t j = 0; j < job->inner; j++) {                                                \
            int64_t best = 0;                                                                     \
            C y = LOAD(a[j]);                                                                     \
            for (int64_t i = 1; i < n; i++) {                                                     \
                C x = LOAD(a[i * job->inner + j]);                                                \
                if (x BETTER y) y = x, best = i;                                                  \
            }                                                                                     \
            if (job->index_dtype == FC_INT32) ((int32_t *)out)[j] = (int32_t)best;                \
            else ((int64_t *)out)[j] = best;                                                      \
        }                                                                                         \
    }
ARG(argmax, >)
ARG(argmin, <)
#undef ARG
#endif

#undef REDUCE
#undef FINISH_sum
#undef FINISH_prod
#undef FINISH_max
#undef FINISH_min
#undef FINISH_mean
#undef BLOCK
