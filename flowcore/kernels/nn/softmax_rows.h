/* Template: softmax and the cross-entropies over rows [begin, end) of `cols` elements each. See _each_type.h.
 * All subtract the row's maximum first, so that no exponential overflows. */

/* Inlined into each clone of its callers. Sixteen running values: one would keep the processor waiting for
 * the step before. */
__attribute__((always_inline)) static inline C FN(row_max)(const T *row, int64_t cols) {
    C max = -INFINITY;
    int64_t j = 0;
    if (cols >= 16) {
        C r[16];
        for (int k = 0; k < 16; k++) r[k] = -INFINITY;
        for (; j + 16 <= cols; j += 16)
            for (int k = 0; k < 16; k++) {
                C x = LOAD(row[j + k]);
                r[k] = x > r[k] ? x : r[k];
            }
        for (int k = 0; k < 16; k++) max = r[k] > max ? r[k] : max;
    }
    for (; j < cols; j++) {
        C x = LOAD(row[j]);
        max = x > max ? x : max;
    }
    /* a row of -Inf alone gives NaN through 0/0, not through Inf - Inf */
    return max == -INFINITY ? 0 : max;
}

/* exp(x - max) of columns [j, j + n). */
__attribute__((always_inline)) static inline void FN(row_exp)(const T *row, int64_t j, int64_t n, C max,
                                                              C *e) {
    for (int64_t k = 0; k < n; k++) e[k] = EXP(LOAD(row[j + k]) - max);
}

/* The sum of exp(x - max) over a row. `e` holds FC_KEPT exponentials: those of the whole row stay there, if
 * it is that short. */
__attribute__((always_inline)) static inline C FN(row_sum)(const T *row, int64_t cols, C max, C *e) {
    C sum = 0;
    int64_t step = cols <= FC_KEPT ? 64 : 0, j = 0;
    if (cols >= 64) {
        C r[16] = {0};
        for (; j + 64 <= cols; j += 64) {
            FN(row_exp)(row, j, 64, max, e);
            for (int i = 0; i < 64; i += 16)
                for (int k = 0; k < 16; k++) r[k] += e[i + k];
            e += step;
        }
        for (int k = 0; k < 16; k++) sum += r[k];
    }
    FN(row_exp)(row, j, cols - j, max, e);
    for (int64_t k = 0; k < cols - j; k++) sum += e[k];
    return sum;
}

/* For n columns from j on, 64 at most: `p`, softmax's results before they are rounded to T. */
#define EACH_BLOCK(j, n) for (int64_t j = 0, n; n = cols - j < 64 ? cols - j : 64, j < cols; j += 64)
__attribute__((always_inline)) static inline void FN(row_softmax)(const T *row, int64_t cols, int64_t j,
                                                                  int64_t n, C max, C sum, const C *e, C *p) {
    if (cols > FC_KEPT) {
        FN(row_exp)(row, j, n, max, p);
        for (int64_t k = 0; k < n; k++) p[k] /= sum;
    } else {
        for (int64_t k = 0; k < n; k++) p[k] = e[j + k] / sum;
    }
}

FC_CLONES static void FN(softmax)(void *arg, int64_t begin, int64_t end) {
    const fc_softmax_job *job = arg;
    int64_t cols = job->cols;
    C e[FC_KEPT], p[64];
    for (int64_t i = begin; i < end; i++) {
        const T *in = (const T *)job->logits + i * cols;
        T *out = (T *)job->out + i * cols;
        C max = FN(row_max)(in, cols), sum = FN(row_sum)(in, cols, max, e);
        if (job->log) {
            C log_sum = LOG(sum);
            for (int64_t j = 0; j < cols; j++) out[j] = STORE(LOAD(in[j]) - max - log_sum);
            continue;
        }
        EACH_BLOCK(j, n) {
            FN(row_softmax)(in, cols, j, n, max, sum, e, p);
            for (int64_t k = 0; k < n; k++) out[j + k] = STORE(p[k]);
        }
    }
}

/* loss = sum_j label_j * (log sum_k exp(x_k) - x_j);  backprop = softmax(x) - label. */
FC_CLONES static void FN(dense_xent)(void *arg, int64_t begin, int64_t end) {
    const fc_softmax_job *job = arg;
    int64_t cols = job->cols;
    C e[FC_KEPT], p[64], terms[64];
    for (int64_t i = begin; i < end; i++) {
        const T *in = (const T *)job->logits + (job->logit_rows == 1 ? 0 : i * cols);
        const T *label = (const T *)job->labels + (job->label_rows == 1 ? 0 : i * cols);
        T *back = (T *)job->out + i * cols;
        C max = FN(row_max)(in, cols), sum = FN(row_sum)(in, cols, max, e), loss = 0;
        C log_sum = LOG(sum);
        EACH_BLOCK(j, n) {
            FN(row_softmax)(in, cols, j, n, max, sum, e, p);
            for (int64_t k = 0; k < n; k++) {
                C x = LOAD(in[j + k]) - max, l = LOAD(label[j + k]);
                terms[k] = l == 0 ? 0 : l * (log_sum - x);
                p[k] -= l;
            }
            for (int64_t k = 0; k < n; k++) back[j + k] = STORE(p[k]);
            for (int64_t k = 0; k < n; k++) loss += terms[k];
        }
        ((T *)job->loss)[i] = STORE(loss);
    }
}

FC_CLONES static void FN(sparse_xent)(void *arg, int64_t begin, int64_t end) {
    const fc_softmax_job *job = arg;
    int64_t cols = job->cols;
    C e[FC_KEPT], p[64];
    for (int64_t i = begin; i < end; i++) {
        const T *in = (const T *)job->logits + i * cols;
        T *back = (T *)job->out + i * cols;
        int64_t label = fc_int_at(job->label_tensor, i);
        C max = FN(row_max)(in, cols), sum = FN(row_sum)(in, cols, max, e);
        ((T *)job->loss)[i] = STORE(LOG(sum) - (LOAD(in[label]) - max));
        EACH_BLOCK(j, n) {
            FN(row_softmax)(in, cols, j, n, max, sum, e, p);
            if (label >= j && label < j + n) p[label - j] -= 1;
            for (int64_t k = 0; k < n; k++) back[j + k] = STORE(p[k]);
        }
    }
}
#undef EACH_BLOCK
