/* Decompression of snappy blocks, in which TensorFlow 1 writes the tables of its checkpoints. */
#ifndef FLOWCORE_SNAPPY_H
#define FLOWCORE_SNAPPY_H

#include <stddef.h>
#include <stdint.h>

/* How many bytes a block says that it holds, and where its tokens begin; -1 where that cannot be true. */
int64_t fc_snappy_size(const uint8_t *from, size_t n, size_t *tokens);
/* Fills exactly `size` bytes; 0 where the tokens do not give these. */
int fc_snappy_expand(const uint8_t *from, size_t n, uint8_t *to, size_t size);

#endif
