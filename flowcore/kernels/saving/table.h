/* Sorted tables: keys with values in blocks, as the indexes of checkpoints and whole V1 checkpoints are.
 *
 * A file is data blocks, one block without entries, the block of blocks, and 48 bytes that say where these
 * two are. A block is entries, whose keys leave out what they share with the one before, places where a key
 * is whole, their number; behind it a byte that tells whether it is compressed, and a sum.
 */
#ifndef FLOWCORE_SAVING_TABLE_H
#define FLOWCORE_SAVING_TABLE_H

#include "files.h"
#include "wire.h"

typedef struct {
    uint64_t offset, size;
} fc_block;

/* Called for each entry in the order of the keys, which grow; `block` and the entry's number in it are where
 * it can be found again. Key and value are there until it returns; not FC_OK ends the table. */
typedef int (*fc_visit)(fc_work *w, void *arg, fc_bytes key, fc_span value, fc_block block, int64_t number);

int fc_read_table(fc_work *w, const fc_file *file, fc_visit visit, void *arg);
/* The same for one block that a table led to. */
int fc_read_block(fc_work *w, const fc_file *file, fc_block block, fc_visit visit, void *arg);

/* A table that grows in memory. Keys come in order. */
typedef struct {
    fc_blob file, block, restarts, index, index_restarts;
    fc_blob last_key;
    int64_t in_block;
} fc_table_writer;

void fc_add_entry(fc_table_writer *t, fc_bytes key, const fc_blob *value);
/* The file's bytes are t->file then. */
int fc_end_table(fc_work *w, fc_table_writer *t);
void fc_drop_table(fc_table_writer *t);

#endif
