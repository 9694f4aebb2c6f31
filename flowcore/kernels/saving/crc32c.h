/* CRC-32C (Castagnoli), as checkpoints and records have it. Includes nothing of the rest. */
#ifndef FLOWCORE_CRC32C_H
#define FLOWCORE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* The sum of what `crc` is the sum of, followed by `n` bytes; 0 is the sum of nothing. */
uint32_t fc_crc32c(uint32_t crc, const void *data, size_t n);
/* The same in portable C, for tests and for processors without an instruction. */
uint32_t fc_crc32c_portable(uint32_t crc, const void *data, size_t n);
/* The sum of A followed by B, from the sums of both and the length of B. */
uint32_t fc_crc32c_join(uint32_t a, uint32_t b, uint64_t length_of_b);

/* Sums are stored in this form, so that the sum of bytes with sums among them is no special one. */
static inline uint32_t fc_mask_crc(uint32_t crc) { return (crc >> 15 | crc << 17) + 0xa282ead8u; }

#endif
