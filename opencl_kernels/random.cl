/* Random numbers: those of the CPU, bit for bit. An item makes a group of four floats (FOUR: the function
 * that makes them), or two integers, of one counter. */
#include "philox.def"

#ifdef FOUR
#include "random.def"
#if DOUBLE
#define AS_DOUBLE as_double
#define AS_ULONG as_ulong
#include "random_double.def"
#endif

/* `last`: the greatest value; rounding to a narrow type must not reach the open end of a range. */
__kernel void floats(__global T *out, long out_at, long n, ulong key, ulong run, T_C last) {
    out += out_at;
    FOR_EACH(group, (n + 3) / 4) {
        T_C four[4];
        FOUR(key, (ulong)group, run, four);
        for (size_t k = 0; k < 4 && group * 4 + k < (size_t)n; k++)
            STORE_T(out, group * 4 + k, four[k] > last ? last : four[k]);
    }
}
#else
__kernel void integers(__global T *out, long out_at, long n, ulong key, ulong run, ulong low, ulong span) {
    out += out_at;
    FOR_EACH(pair, (n + 1) / 2) {
        fc_philox_words w = fc_philox(key, (ulong)pair, run);
        for (size_t k = 0; k < 2 && pair * 2 + k < (size_t)n; k++)
            out[pair * 2 + k] = (T)(low + mul_hi((ulong)w.v[2 * k] << 32 | w.v[2 * k + 1], span));
    }
}
#endif
