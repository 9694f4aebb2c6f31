/* Several lines of elementwise.def in one kernel: VALUE is the output's element i, of the inputs' elements (flowcore/opencl/programs.py).
 *
 * A letter of ACCESS says where an input's element is: f, an input of the output's shape: at i; s, one of a single element: at 0; the others, WALKS of
 * them, are broadcast along some axes: r, at a row's beginning and k on; c, the same along the whole row. Nothing but `out` is written to, and its
 * memory is nobody else's. */
#if WALKS == 0
__kernel void fused(__global R *restrict out, long out_at, INPUTS, long n) {
    out += out_at;
    BEGIN_INPUTS
    FOR_EACH(i, n) STORE_R(out, i, VALUE);
}
#else
/* The axes of the output, innermost last, and how far one step along each leads in the inputs that are walked: along the innermost 1 (r) or 0 (c). */
typedef struct {
    long ndim;
    long shape[8];
    long stride[WALKS][8];
} fused_axes;

/* Where row number `row` begins in these inputs. */
static inline void fc_row(const fused_axes *axes, size_t row, size_t *at) {
    for (int w = 0; w < WALKS; w++) at[w] = 0;
    for (int d = (int)axes->ndim - 2; d >= 0; d--) {
        size_t size = (size_t)axes->shape[d], step = row % size;
        row /= size;
        for (int w = 0; w < WALKS; w++) at[w] += step * (size_t)axes->stride[w][d];
    }
}

__kernel void fused(__global R *restrict out, long out_at, INPUTS, long n, fused_axes axes) {
    const size_t row_size = (size_t)axes.shape[axes.ndim - 1];
    size_t at[WALKS];
    out += out_at;
    BEGIN_INPUTS
#ifdef FC_WIDE_ITEMS
    /* Row by row, so that the inner loop has only steps that are known here. */
    const size_t end = fc_part((size_t)n, get_global_id(0) + 1);
    for (size_t begin = fc_part((size_t)n, get_global_id(0)); begin < end;) {
        const size_t first = begin % row_size, last = min(row_size, first + (end - begin));
        fc_row(&axes, begin / row_size, at);
        for (size_t k = first; k < last; k++) {
            const size_t i = begin - first + k;
            STORE_R(out, i, VALUE);
        }
        begin += last - first;
    }
#else
    FOR_EACH(i, n) {
        const size_t row = i / row_size, k = i - row * row_size;
        fc_row(&axes, row, at);
        STORE_R(out, i, VALUE);
    }
#endif
}
#endif
