/* Template: pooling of channels-last images. See _each_type.h and pool_job in pool.c.
 * Forward kernels take output rows (image, out_h) in [begin, end); gradients take whole images, because
 * windows overlap. */

FC_CLONES static void FN(max_pool)(void *arg, int64_t begin, int64_t end) {
    const pool_job *p = arg;
    for (int64_t row = begin; row < end; row++) {
        const T *image = (const T *)p->in +
                         row / p->shape.out_h * p->shape.in_h * p->shape.in_w * p->shape.channels;
        window h = window_at(row % p->shape.out_h, p->shape.stride_h, p->shape.pad_h, p->shape.window_h,
                             p->shape.in_h);
        for (int64_t ow = 0; ow < p->shape.out_w; ow++) {
            T *out = (T *)p->out + (row * p->shape.out_w + ow) * p->shape.channels;
            window w = window_at(ow, p->shape.stride_w, p->shape.pad_w, p->shape.window_w, p->shape.in_w);
            memcpy(out, image + (h.begin * p->shape.in_w + w.begin) * p->shape.channels,
                   (size_t)p->shape.channels * sizeof(T));
            for (int64_t ih = h.begin; ih < h.end; ih++)
                for (int64_t iw = w.begin; iw < w.end; iw++) {
                    const T *restrict in = image + (ih * p->shape.in_w + iw) * p->shape.channels;
                    T *restrict to = out;
                    for (int64_t c = 0; c < p->shape.channels; c++) {
                        C x = LOAD(in[c]), best = LOAD(to[c]);
                        to[c] = ((x > best) | (x != x)) ? in[c] : to[c]; /* a NaN stays visible */
                    }
                }
        }
    }
}

/* Walks each window in order; `taken[c]` marks channels whose maximum has been met: ties go to the first. */
FC_CLONES static void FN(max_pool_grad)(void *arg, int64_t begin, int64_t end) {
    const pool_job *p = arg;
    int64_t image_size = p->shape.in_h * p->shape.in_w * p->shape.channels;
    for (int64_t n = begin; n < end; n++) {
        const T *image = (const T *)p->in + n * image_size;
        C *into = p->sums ? (C *)p->sums + n * image_size : (C *)p->grad_in + n * image_size;
        memset(into, 0, (size_t)image_size * sizeof(C));
        for (int64_t o = 0; o < p->shape.out_h * p->shape.out_w; o++) {
            window h = window_at(o / p->shape.out_w, p->shape.stride_h, p->shape.pad_h, p->shape.window_h,
                                 p->shape.in_h);
            window w = window_at(o % p->shape.out_w, p->shape.stride_w, p->shape.pad_w, p->shape.window_w,
                                 p->shape.in_w);
            int64_t at = (n * p->shape.out_h * p->shape.out_w + o) * p->shape.channels;
            const T *max = (const T *)p->out + at, *grad = (const T *)p->grad_out + at;
            for (int64_t c0 = 0; c0 < p->shape.channels; c0 += CHANNEL_BLOCK) {
                int64_t count = p->shape.channels - c0 < CHANNEL_BLOCK ? p->shape.channels - c0
                                                                       : CHANNEL_BLOCK;
                C left[CHANNEL_BLOCK];
                C most[CHANNEL_BLOCK];
                for (int64_t c = 0; c < count; c++) {
                    left[c] = LOAD(grad[c0 + c]);
                    most[c] = LOAD(max[c0 + c]);
                }
                for (int64_t ih = h.begin; ih < h.end; ih++)
                    for (int64_t iw = w.begin; iw < w.end; iw++) {
                        int64_t offset = (ih * p->shape.in_w + iw) * p->shape.channels + c0;
                        const T *restrict from = image + offset;
                        C *restrict to = into + offset;
                        for (int64_t c = 0; c < count; c++) {
                            C x = LOAD(from[c]), m = most[c], g = left[c];
                            /* a gradient of zero may be given again */
                            C given = x == m || (x != x && m != m) ? g : 0;
                            to[c] += given;
                            left[c] = given != 0 ? 0 : g;
                        }
                    }
            }
        }
        if (p->sums)
            for (int64_t i = 0; i < image_size; i++) ((T *)p->grad_in)[n * image_size + i] = STORE(into[i]);
    }
}

/* The gradient of the above: picks from an input-shaped gradient the element where each maximum stood. */
FC_CLONES static void FN(max_pool_grad_grad)(void *arg, int64_t begin, int64_t end) {
    const pool_job *p = arg;
    for (int64_t row = begin; row < end; row++) {
        int64_t image = row / p->shape.out_h * p->shape.in_h * p->shape.in_w * p->shape.channels;
        window h = window_at(row % p->shape.out_h, p->shape.stride_h, p->shape.pad_h, p->shape.window_h,
                             p->shape.in_h);
        for (int64_t ow = 0; ow < p->shape.out_w; ow++) {
            window w = window_at(ow, p->shape.stride_w, p->shape.pad_w, p->shape.window_w, p->shape.in_w);
            for (int64_t c = 0; c < p->shape.channels; c++) {
                int64_t at = (row * p->shape.out_w + ow) * p->shape.channels + c, found = -1;
                C m = LOAD(((const T *)p->out)[at]);
                for (int64_t ih = h.begin; ih < h.end && found < 0; ih++)
                    for (int64_t iw = w.begin; iw < w.end && found < 0; iw++) {
                        int64_t from = image + (ih * p->shape.in_w + iw) * p->shape.channels + c;
                        C x = LOAD(((const T *)p->in)[from]);
                        if (x == m || (x != x && m != m)) found = from;
                    }
                ((T *)p->grad_in)[at] = found < 0 ? STORE((C)0) : ((const T *)p->grad_out)[found];
            }
        }
    }
}

FC_CLONES static void FN(avg_pool)(void *arg, int64_t begin, int64_t end) {
    const pool_job *p = arg;
    for (int64_t row = begin; row < end; row++) {
        const T *image = (const T *)p->in +
                         row / p->shape.out_h * p->shape.in_h * p->shape.in_w * p->shape.channels;
        window h = window_at(row % p->shape.out_h, p->shape.stride_h, p->shape.pad_h, p->shape.window_h,
                             p->shape.in_h);
        for (int64_t ow = 0; ow < p->shape.out_w; ow++) {
            T *out = (T *)p->out + (row * p->shape.out_w + ow) * p->shape.channels;
            window w = window_at(ow, p->shape.stride_w, p->shape.pad_w, p->shape.window_w, p->shape.in_w);
            C count = (C)((h.end - h.begin) * (w.end - w.begin));
            for (int64_t c0 = 0; c0 < p->shape.channels; c0 += CHANNEL_BLOCK) {
                int64_t n = p->shape.channels - c0 < CHANNEL_BLOCK ? p->shape.channels - c0 : CHANNEL_BLOCK;
                C sum[CHANNEL_BLOCK] = {0};
                for (int64_t ih = h.begin; ih < h.end; ih++)
                    for (int64_t iw = w.begin; iw < w.end; iw++) {
                        const T *in = image + (ih * p->shape.in_w + iw) * p->shape.channels + c0;
                        for (int64_t c = 0; c < n; c++) sum[c] += LOAD(in[c]);
                    }
                for (int64_t c = 0; c < n; c++) out[c0 + c] = STORE(sum[c] / count);
            }
        }
    }
}

FC_CLONES static void FN(avg_pool_grad)(void *arg, int64_t begin, int64_t end) {
    const pool_job *p = arg;
    int64_t image_size = p->shape.in_h * p->shape.in_w * p->shape.channels;
    for (int64_t n = begin; n < end; n++) {
        C *into = p->sums ? (C *)p->sums + n * image_size : (C *)p->grad_in + n * image_size;
        memset(into, 0, (size_t)image_size * sizeof(C));
        for (int64_t o = 0; o < p->shape.out_h * p->shape.out_w; o++) {
            window h = window_at(o / p->shape.out_w, p->shape.stride_h, p->shape.pad_h, p->shape.window_h,
                                 p->shape.in_h);
            window w = window_at(o % p->shape.out_w, p->shape.stride_w, p->shape.pad_w, p->shape.window_w,
                                 p->shape.in_w);
            const T *grad = (const T *)p->grad_out +
                            (n * p->shape.out_h * p->shape.out_w + o) * p->shape.channels;
            C count = (C)((h.end - h.begin) * (w.end - w.begin));
            for (int64_t ih = h.begin; ih < h.end; ih++)
                for (int64_t iw = w.begin; iw < w.end; iw++) {
                    C *to = into + (ih * p->shape.in_w + iw) * p->shape.channels;
                    for (int64_t c = 0; c < p->shape.channels; c++) to[c] += LOAD(grad[c]) / count;
                }
        }
        if (p->sums)
            for (int64_t i = 0; i < image_size; i++) ((T *)p->grad_in)[n * image_size + i] = STORE(into[i]);
    }
}
