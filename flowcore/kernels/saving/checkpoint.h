/* Checkpoints of TensorFlow: what is in one, the values of its tensors, and how a new one is written.
 *
 * Version 2 is a bundle: PREFIX.index, a sorted table with an entry for each tensor, and the files
 * PREFIX.data-00000-of-00001 ... with the bytes. Version 1 is one table, or several, with everything in it;
 * it is read only.
 */
#ifndef FLOWCORE_SAVING_CHECKPOINT_H
#define FLOWCORE_SAVING_CHECKPOINT_H

#include "files.h"
#include "slices.h"
#include "table.h"

/* Where bytes are: in a data file of version 2, or in a table of version 1 as an entry of a block. */
typedef struct {
    int32_t shard; /* of version 1: which of the tables */
    uint32_t crc;  /* as stored: masked */
    uint64_t offset, size;
    uint64_t block_size; /* version 1: of the block at `offset`; `size` is that of the entry's value */
    int64_t number;      /* version 1: of the entry in the block */
} fc_place;

/* A tensor, or a part of one (`parts` of version 2 are entries of their own, found by their keys). */
typedef struct {
    fc_bytes name;
    int dtype, ndim;
    const int64_t *dims;
    int64_t n_parts; /* 0: it is stored as a whole, at `place` */
    const fc_extent *parts;
    const fc_place *part_places; /* version 1 */
    fc_place place;
} fc_entry;

typedef struct {
    char prefix[FC_PREFIX_MAX]; /* or the pattern of the files of version 1 */
    int version;
    int64_t count;
    fc_entry *entries; /* sorted by name, but those of parts, which come before all */
    int32_t n_shards;
    fc_file *tables; /* version 1 */
    fc_hoard hoard;
} fc_checkpoint;

int fc_open_checkpoint(fc_work *w, const char *prefix, fc_checkpoint *c);
void fc_close_checkpoint(fc_checkpoint *c);
/* NULL where there is no such tensor. */
const fc_entry *fc_find_entry(const fc_checkpoint *c, fc_bytes name);
/* Entries of parts are for the reader alone. */
static inline int fc_is_tensor(const fc_entry *e) { return !e->name.size || e->name.data[0]; }

/* FC_OK where a part of a tensor (NULL: all) may be read: its dtype is one that we have, the part is inside,
 * and the files are long enough for it, so that memory for it may be taken. */
int fc_expect_readable(fc_work *w, const fc_checkpoint *c, const fc_entry *e, const fc_extent *wanted);
/* Fills `to`, which has room for all elements of `wanted`. Not for strings. */
int fc_read_tensor(fc_work *w, const fc_checkpoint *c, const fc_entry *e, const fc_extent *wanted, void *to);
/* Calls `put` for each string; the bytes are there until it returns. */
typedef int (*fc_put_text)(fc_work *w, void *arg, int64_t i, fc_bytes text);
int fc_read_strings(fc_work *w, const fc_checkpoint *c, const fc_entry *e, const fc_extent *wanted,
                    fc_put_text put, void *arg);

const char *fc_stored_dtype_name(int dtype, char *text, size_t size);

/* ---- of the two versions, for checkpoint.c only ---------------------------------------------- */

int fc_open_bundle(fc_work *w, const char *prefix, fc_checkpoint *c);
int fc_open_v1(fc_work *w, const char *pattern, fc_checkpoint *c);
/* Opens the data file of a bundle that has `place`. */
int fc_open_shard(fc_work *w, const fc_checkpoint *c, int32_t shard, fc_file *file);
int fc_read_bundle_part(fc_work *w, const fc_checkpoint *c, const fc_place *p, void *to);
/* `count` values in memory that the caller frees; strings are fc_bytes that point into `*memory`, which is
 * the caller's to free too. */
int fc_read_bundle_texts(fc_work *w, const fc_checkpoint *c, const fc_place *p, int64_t count,
                         fc_bytes **texts, void **memory);
int fc_read_v1_part(fc_work *w, const fc_checkpoint *c, const fc_entry *e, const fc_place *p, int64_t count,
                    void **values, void **memory);
/* Messages that both have. 0: malformed. Sizes and parts are taken from the hoard. */
int fc_get_shape(fc_hoard *h, fc_span s, int *ndim, const int64_t **dims);
int fc_get_part(fc_span s, int ndim, fc_extent *part);
void fc_name_shard(const char *prefix, int shard, int count, char *path);

/* ---- writing --------------------------------------------------------------------------------- */

/* A bundle that is being written, by names that no reader looks at. */
typedef struct {
    char prefix[FC_PREFIX_MAX];
    fc_file data;
    char data_path[PATH_MAX]; /* "": there is none any more */
    int64_t count, room;
    fc_entry *entries;
    fc_hoard hoard;
} fc_bundle_writer;

int fc_begin_bundle(fc_work *w, const char *prefix, fc_bundle_writer *b);
/* A tensor, or a part of one of `spec`'s sizes. */
int fc_write_tensor(fc_work *w, fc_bundle_writer *b, fc_bytes name, const fc_slice_spec *spec,
                    const fc_tensor *t);
/* All is on the disk, under its own name, when it returns FC_OK; else what was there before is. */
int fc_end_bundle(fc_work *w, fc_bundle_writer *b);
/* Also after fc_end_bundle. */
void fc_drop_bundle(fc_bundle_writer *b);
/* Makes one bundle of several, whose data files it renames. */
int fc_merge_bundles(fc_work *w, int64_t n, const char *const *prefixes, const char *prefix);

#endif
