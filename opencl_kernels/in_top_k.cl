/* Whether fewer than k of a row's predictions are greater than that of the target. A row with NaN or
 * infinities has no ranking. */

__kernel void in_top_k(__global uchar *out, long out_at, __global const float *predictions,
                       long predictions_at, __global const I *targets, long targets_at, long rows,
                       long columns, long k) {
    out += out_at;
    FOR_PART(i, rows) {
        __global const float *row = predictions + predictions_at + i * (size_t)columns;
        long target = (long)targets[(size_t)targets_at + i], better = 0;
        int usable = target >= 0 && target < columns;
        for (long j = 0; usable && j < columns; j++) {
            usable = row[j] - row[j] == 0.0f;
            better += usable && row[j] > row[target];
        }
        out[i] = usable && better < k;
    }
}
