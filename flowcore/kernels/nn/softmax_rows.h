/* Template: softmax and the cross-entropies over rows [begin, end) of `cols` elements each. See types.h.
 * All subtract the row's maximum first, so that no exponential overflows. */

static inline C FN(row_max)(const T *row, int64_t cols) {
    C max = -INFINITY;
    for (int64_t j = 0; j < cols; j++) {
        C x = LOAD(row[j]);
        max = x > max ? x : max;
    }
    return max == -INFINITY ? 0 : max; /* a row of -Inf alone gives NaN through 0/0, not through Inf - Inf */
}

/* The sum of exp(x - max) over a row: exponentials in blocks, which vectorise, added up in order. */
static inline C FN(row_sum)(const T *row, int64_t cols, C max) {
    C sum = 0, e[64];
    for (int64_t j = 0; j < cols; j += 64) {
        int64_t n = cols - j < 64 ? cols - j : 64;
        for (int64_t k = 0; k < n; k++) e[k] = EXP(LOAD(row[j + k]) - max);
        for (int64_t k = 0; k < n; k++) sum += e[k];
    }
    return sum;
}

FC_CLONES static void FN(softmax)(void *arg, int64_t begin, int64_t end) {
    const fc_softmax_job *job = arg;
    int64_t cols = job->cols;
    for (int64_t i = begin; i < end; i++) {
        const T *in = (const T *)job->logits + i * cols;
        T *out = (T *)job->out + i * cols;
        C max = FN(row_max)(in, cols), sum = FN(row_sum)(in, cols, max);
        if (job->log) {
            C log_sum = LOG(sum);
            for (int64_t j = 0; j < cols; j++) out[j] = STORE(LOAD(in[j]) - max - log_sum);
        } else {
            for (int64_t j = 0; j < cols; j++) out[j] = STORE(EXP(LOAD(in[j]) - max) / sum);
        }
    }
}

/* loss = sum_j label_j * (log sum_k exp(x_k) - x_j);  backprop = softmax(x) - label. */
FC_CLONES static void FN(dense_xent)(void *arg, int64_t begin, int64_t end) {
    const fc_softmax_job *job = arg;
    int64_t cols = job->cols;
    for (int64_t i = begin; i < end; i++) {
        const T *in = (const T *)job->logits + (job->logit_rows == 1 ? 0 : i * cols);
        const T *label = (const T *)job->labels + (job->label_rows == 1 ? 0 : i * cols);
        T *back = (T *)job->out + i * cols;
        C max = FN(row_max)(in, cols), sum = FN(row_sum)(in, cols, max), loss = 0;
        C log_sum = LOG(sum);
        for (int64_t j = 0; j < cols; j++) {
            C x = LOAD(in[j]) - max, l = LOAD(label[j]);
            loss += l == 0 ? 0 : l * (log_sum - x);
            back[j] = STORE(EXP(x) / sum - l);
        }
        ((T *)job->loss)[i] = STORE(loss);
    }
}

FC_CLONES static void FN(sparse_xent)(void *arg, int64_t begin, int64_t end) {
    const fc_softmax_job *job = arg;
    int64_t cols = job->cols;
    for (int64_t i = begin; i < end; i++) {
        const T *in = (const T *)job->logits + i * cols;
        T *back = (T *)job->out + i * cols;
        int64_t label = fc_int_at(job->label_tensor, i);
        C max = FN(row_max)(in, cols), sum = FN(row_sum)(in, cols, max);
        ((T *)job->loss)[i] = STORE(LOG(sum) - (LOAD(in[label]) - max));
        for (int64_t j = 0; j < cols; j++) back[j] = STORE(EXP(LOAD(in[j]) - max) / sum - (C)(j == label));
    }
}
