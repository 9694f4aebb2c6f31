/* See snappy.h. The format: a varint with the size, then tokens: literal bytes, or a copy from what is there.
 */
#include "snappy.h"

#include <string.h>

/* A token of three bytes yields 64 at most, and no other yields more of its size. */
#define MOST_OF_A_BYTE 22

int64_t fc_snappy_size(const uint8_t *from, size_t n, size_t *tokens) {
    uint64_t size = 0;
    for (size_t i = 0; i < n && i < 5; i++) {
        size |= (uint64_t)(from[i] & 127) << 7 * i;
        if (from[i] & 128) continue;
        *tokens = i + 1;
        return size <= (uint64_t)n * MOST_OF_A_BYTE && size <= INT32_MAX ? (int64_t)size : -1;
    }
    return -1;
}

/* A little-endian number of `n` bytes. */
static uint32_t number(const uint8_t *p, size_t n) {
    uint32_t value = 0;
    for (size_t i = 0; i < n; i++) value |= (uint32_t)p[i] << 8 * i;
    return value;
}

int fc_snappy_expand(const uint8_t *from, size_t n, uint8_t *to, size_t size) {
    size_t at = 0, done = 0;
    while (at < n) {
        uint8_t token = from[at++];
        size_t length = token >> 2, extra, distance;
        if (!(token & 3)) {
            extra = length >= 60 ? length - 59 : 0;
            if (extra > n - at) return 0;
            if (extra) length = number(from + at, extra);
            at += extra;
            length++;
            if (length > n - at || length > size - done) return 0;
            memcpy(to + done, from + at, length);
            at += length;
            done += length;
            continue;
        }
        extra = (token & 3) == 3 ? 4 : token & 3;
        if (extra > n - at) return 0;
        distance = number(from + at, extra);
        at += extra;
        if (extra == 1) {
            distance |= (size_t)(token >> 5) << 8;
            length = (length & 7) + 4;
        } else {
            length++;
        }
        if (!distance || distance > done || length > size - done) return 0;
        for (; length; length--, done++) to[done] = to[done - distance]; /* may overlap: one by one */
    }
    return done == size;
}
