/* Several lines of elementwise.def in one kernel. Of flowcore/opencl/programs.py are VALUE, the output's element i; INPUTS and BEGIN_INPUTS; and where
 * inputs are broadcast, AXES and ROW_SIZE, the output's, and FIND_ROW(row), where a row begins in such inputs, in which VALUE takes the element k.
 * Nothing but `out` is written to, and its memory is nobody else's. */
#ifndef AXES
__kernel void fused(__global R *restrict out, long out_at, INPUTS, long n) {
    out += out_at;
    BEGIN_INPUTS
    FOR_EACH(i, n) STORE_R(out, i, VALUE);
}
#else
__kernel void fused(__global R *restrict out, long out_at, INPUTS, long n, AXES) {
    out += out_at;
    BEGIN_INPUTS
#ifdef FC_WIDE_ITEMS
    /* Row by row, so that all steps of the inner loop are known here. */
    const size_t end = fc_part((size_t)n, get_global_id(0) + 1);
    for (size_t begin = fc_part((size_t)n, get_global_id(0)); begin < end;) {
        const size_t first = begin % ROW_SIZE, last = min(ROW_SIZE, first + (end - begin));
        FIND_ROW(begin / ROW_SIZE)
        for (size_t k = first; k < last; k++) {
            const size_t i = begin - first + k;
            STORE_R(out, i, VALUE);
        }
        begin += last - first;
    }
#else
    FOR_EACH(i, n) {
        FIND_ROW(i / ROW_SIZE)
        const size_t k = i % ROW_SIZE;
        STORE_R(out, i, VALUE);
    }
#endif
}
#endif
