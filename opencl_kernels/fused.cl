/* Several lines of elementwise.def in one kernel. Of flowcore/opencl/fused_text.py are VALUE, the output's
 * element i; INPUTS and BEGIN_INPUTS; AXES and ROW_SIZE, the output's; ROW_OF(i), the row of element i;
 * FIND_ROW(row), where a row begins in inputs that are broadcast, in which VALUE takes the element k; and
 * ARRAYS and STAGES, the same as VALUE for BLOCK elements at once. Nothing but `out` is written to, and its
 * memory is nobody else's. */
__kernel void fused(__global R *restrict out, long out_at, INPUTS, long n AXES) {
    out += out_at;
    BEGIN_INPUTS
#ifdef FC_WIDE_ITEMS
    /* Row by row, so that all steps of the inner loops are known here. */
    const size_t end = fc_part((size_t)n, get_global_id(0) + 1);
    for (size_t begin = fc_part((size_t)n, get_global_id(0)); begin < end;) {
        const size_t row = ROW_OF(begin), row_at = row * ROW_SIZE, last = min(ROW_SIZE, end - row_at);
        size_t k0 = begin - row_at;
        FIND_ROW(row)
#ifdef STAGES
        ARRAYS
        for (; k0 + BLOCK <= last; k0 += BLOCK) {
            STAGES
        }
#endif
        STEPS
        for (size_t k = k0; k < last; k++) {
            const size_t i = row_at + k;
            STORE_R(out, i, VALUE);
        }
        begin = row_at + last;
    }
#else
    FOR_EACH(i, n) {
        const size_t row = ROW_OF(i), k = i - row * ROW_SIZE;
        FIND_ROW(row)
        STORE_R(out, i, VALUE);
    }
#endif
}
