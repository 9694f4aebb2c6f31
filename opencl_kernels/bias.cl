/* value + bias, the value seen as [outer, channels, inner]. */

/* inner == 1, an item to a row. */
__kernel void bias_rows(__global T *out, long out_at, __global const T *value, long value_at,
                        __global const T *bias, long bias_at, long outer, long channels, long inner) {
    bias += bias_at;
    FOR_PART(i, outer) {
        __global const T *from = value + value_at + i * (size_t)channels;
        __global T *to = out + out_at + i * (size_t)channels;
        for (size_t c = 0; c < (size_t)channels; c++) STORE_T(to, c, LOAD_T(from, c) + LOAD_T(bias, c));
    }
}

/* An item to a channel of an image, in blocks that are complete before they are stored: compilers make
 * vectors of both loops although the sums may take the values' place. */
__kernel void bias_planes(__global T *out, long out_at, __global const T *value, long value_at,
                          __global const T *bias, long bias_at, long outer, long channels, long inner) {
    T_C sums[64];
    FOR_PART(plane, outer * channels) {
        T_C b = LOAD_T(bias + bias_at, plane % (size_t)channels);
        for (size_t block = 0; block < (size_t)inner; block += 64) {
            size_t length = min((size_t)64, (size_t)inner - block), at = plane * (size_t)inner + block;
            for (size_t j = 0; j < length; j++) sums[j] = LOAD_T(value + value_at, at + j) + b;
            for (size_t j = 0; j < length; j++) STORE_T(out + out_at, at + j, sums[j]);
        }
    }
}

/* Any, for a GPU: neighbouring items read neighbouring elements. Each counts its channel on from step to
 * step, without a division. */
__kernel void bias_elements(__global T *out, long out_at, __global const T *value, long value_at,
                            __global const T *bias, long bias_at, long outer, long channels, long inner) {
    size_t items = get_global_size(0), period = (size_t)(channels * inner), place = get_global_id(0) % period,
           step = items % period;
    out += out_at;
    value += value_at;
    bias += bias_at;
    for (size_t i = get_global_id(0); i < (size_t)(outer * channels * inner); i += items) {
        STORE_T(out, i, LOAD_T(value, i) + LOAD_T(bias, inner == 1 ? place : place / (size_t)inner));
        place += step;
        if (place >= period) place -= period;
    }
}
