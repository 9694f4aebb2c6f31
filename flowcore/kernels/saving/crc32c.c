/* See crc32c.h. Bits are reflected: the coefficient of x^0 is the highest bit.
 *
 * The instruction has a latency of three cycles and starts each cycle, so a long run is cut into three that
 * are summed side by side and joined by a multiplication with a power of x modulo the polynomial.
 */
#include "crc32c.h"

#include <pthread.h>
#include <string.h>

#define POLYNOMIAL 0x82f63b78u
#define RUN 16384 /* bytes of each of the three runs; a join costs as much as 500 of them */

#if defined(__x86_64__)
#include <nmmintrin.h>
#define HAS_INSTRUCTION 1
#define TARGET __attribute__((target("sse4.2")))
#define STEP8(crc, word) ((uint32_t)_mm_crc32_u64(crc, word))
#define STEP1(crc, byte) _mm_crc32_u8(crc, byte)
static int has_instruction(void) { return __builtin_cpu_supports("sse4.2"); }
#elif defined(__aarch64__) && defined(__ARM_FEATURE_CRC32)
#include <arm_acle.h>
#define HAS_INSTRUCTION 1
#define TARGET
#define STEP8(crc, word) __crc32cd(crc, word)
#define STEP1(crc, byte) __crc32cb(crc, byte)
static int has_instruction(void) { return 1; }
#else
#define HAS_INSTRUCTION 0
#endif

static uint32_t table[8][256];
static uint32_t past_run; /* x^(8 RUN) */
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* a b modulo the polynomial */
static uint32_t times(uint32_t a, uint32_t b) {
    uint32_t product = 0;
    for (uint32_t bit = 1u << 31; bit; bit >>= 1) {
        if (a & bit) product ^= b;
        b = b >> 1 ^ (b & 1 ? POLYNOMIAL : 0);
    }
    return product;
}

/* x^(8 n) */
static uint32_t power(uint64_t n) {
    uint32_t result = 1u << 31, square = 1u << 23;
    for (; n; n >>= 1) {
        if (n & 1) result = times(result, square);
        square = times(square, square);
    }
    return result;
}

static void prepare(void) {
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t crc = i;
        for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? POLYNOMIAL : 0);
        table[0][i] = crc;
    }
    for (int k = 1; k < 8; k++)
        for (int i = 0; i < 256; i++) table[k][i] = table[k - 1][i] >> 8 ^ table[0][table[k - 1][i] & 255];
    past_run = power(RUN);
}

uint32_t fc_crc32c_portable(uint32_t crc, const void *data, size_t n) {
    const uint8_t *p = data;
    pthread_once(&once, prepare);
    crc = ~crc;
    for (; n >= 8; n -= 8, p += 8) {
        uint64_t word;
        memcpy(&word, p, 8);
        word ^= crc;
        crc = 0;
        for (int k = 0; k < 8; k++) crc ^= table[7 - k][word >> 8 * k & 255];
    }
    for (; n; n--) crc = crc >> 8 ^ table[0][(crc ^ *p++) & 255];
    return ~crc;
}

#if HAS_INSTRUCTION
TARGET static uint32_t by_instruction(uint32_t crc, const uint8_t *p, size_t n) {
    uint64_t a, b, c;
    for (; n >= 3 * RUN; n -= 3 * RUN, p += 3 * RUN) {
        uint32_t second = 0, third = 0;
        for (int i = 0; i < RUN; i += 8) {
            memcpy(&a, p + i, 8);
            memcpy(&b, p + i + RUN, 8);
            memcpy(&c, p + i + 2 * RUN, 8);
            crc = STEP8(crc, a);
            second = STEP8(second, b);
            third = STEP8(third, c);
        }
        crc = times(past_run, times(past_run, crc) ^ second) ^ third;
    }
    for (; n >= 8; n -= 8, p += 8) {
        memcpy(&a, p, 8);
        crc = STEP8(crc, a);
    }
    for (; n; n--) crc = STEP1(crc, *p++);
    return crc;
}
#endif

uint32_t fc_crc32c(uint32_t crc, const void *data, size_t n) {
#if HAS_INSTRUCTION
    if (has_instruction()) {
        pthread_once(&once, prepare);
        return ~by_instruction(~crc, data, n);
    }
#endif
    return fc_crc32c_portable(crc, data, n);
}

uint32_t fc_crc32c_join(uint32_t a, uint32_t b, uint64_t length_of_b) {
    return times(power(length_of_b), a) ^ b;
}
