/* Random numbers: those of the CPU, element for element (uniform; integers). An item makes a group of four floats, or two integers, of one counter. */
#include "philox.def"

__kernel void uniform(__global T *out, long out_at, long n, ulong key, ulong run, float last) {
    out += out_at;
    FOR_EACH(group, (n + 3) / 4) {
        fc_philox_words w = fc_philox(key, (ulong)group, run);
        for (size_t k = 0; k < 4 && group * 4 + k < (size_t)n; k++) {
            float x = fc_uniform_f(w.v[k]);
            STORE_T(out, group * 4 + k, x > last ? last : x);
        }
    }
}
