/* Bundles, version 2 of checkpoints: the index, and what it says of the data files. */
#include <stdio.h>

#include "checkpoint.h"
#include "crc32c.h"

#define MOST_SHARDS 100000

void fc_name_shard(const char *prefix, int shard, int count, char *path) {
    snprintf(path, PATH_MAX, "%.*s.data-%05d-of-%05d", FC_PREFIX_MAX, prefix, shard, count);
}

/* ---- the index ------------------------------------------------------------------------------- */

/* What its entries become. */
typedef struct {
    fc_checkpoint *c;
    const fc_file *file;
    int64_t room;
} opening;

static int malformed(fc_work *w, const opening *o, fc_block block, const char *what, fc_bytes name) {
    char shown[FC_SHOWN];
    return fc_damaged(w, o->file, block.offset, "%s '%s' is malformed", what, fc_shown(name, shown));
}

/* The entry with the empty key: how many data files there are, and the order of bytes in them. */
static int read_header(fc_work *w, opening *o, fc_span value, fc_block block) {
    fc_field f, g;
    uint64_t shards = 0, endianness = 0, least = 0;
    int more;
    while ((more = fc_next_field(&value, &f)) > 0) {
        if (f.number == 1 && f.kind == FC_VARINT) shards = f.value;
        if (f.number == 2 && f.kind == FC_VARINT) endianness = f.value;
        if (f.number != 3 || f.kind != FC_BYTES) continue;
        while ((more = fc_next_field(&f.bytes, &g)) > 0)
            if (g.number == 2 && g.kind == FC_VARINT) least = g.value;
        if (more < 0) break;
    }
    if (more < 0 || shards < 1 || shards > MOST_SHARDS)
        return malformed(w, o, block, "the header of the bundle", (fc_bytes){"", 0});
    if (endianness)
        return fc_blame(
            w, FC_UNIMPLEMENTED,
            "%.400s was written by a machine with another order of bytes (big-endian); restore and save "
            "it there with numpy.savez",
            o->file->path);
    if (least > 1)
        return fc_blame(w, FC_UNIMPLEMENTED,
                        "%.400s asks for a reader of version %llu; this one has version 1", o->file->path,
                        (unsigned long long)least);
    o->c->n_shards = (int32_t)shards;
    return FC_OK;
}

static int read_parts(fc_work *w, opening *o, fc_span value, fc_entry *e, fc_block block) {
    fc_hoard *h = &o->c->hoard;
    fc_field f;
    fc_extent *parts;
    size_t each = sizeof *parts * (size_t)e->ndim;
    int64_t n = 0;
    /* A part takes two bytes and two more for each dimension: no memory for more than there can be. */
    if (e->n_parts > fc_left(&value) / (2 + 2 * e->ndim))
        return malformed(w, o, block, "the list of parts of tensor", e->name);
    parts = fc_take(h, each * (size_t)e->n_parts + 1);
    if (!parts) return fc_no_memory(w, each * (size_t)e->n_parts);
    while (fc_next_field(&value, &f) > 0) {
        if (f.number != 7 || f.kind != FC_BYTES) continue;
        fc_extent *part = parts + n * e->ndim;
        if (!fc_get_part(f.bytes, e->ndim, part) || !fc_is_inside(e->ndim, e->dims, part))
            return malformed(w, o, block, "a part of tensor", e->name);
        n++;
    }
    e->parts = parts;
    return FC_OK;
}

static int read_entry(fc_work *w, opening *o, fc_span value, fc_entry *e, fc_block block) {
    fc_span again = value, shape = value;
    fc_field f;
    int more, has_shape = 0;
    uint64_t dtype = 0, shard = 0;
    while ((more = fc_next_field(&value, &f)) > 0) {
        if (f.kind == FC_VARINT && f.number == 1) dtype = f.value;
        if (f.kind == FC_VARINT && f.number == 3) shard = f.value;
        if (f.kind == FC_VARINT && f.number == 4) e->place.offset = f.value;
        if (f.kind == FC_VARINT && f.number == 5) e->place.size = f.value;
        if (f.kind == FC_FIXED32 && f.number == 6) e->place.crc = (uint32_t)f.value;
        if (f.kind == FC_BYTES && f.number == 2) shape = f.bytes, has_shape = 1;
        if (f.kind == FC_BYTES && f.number == 7) e->n_parts++;
    }
    static const int64_t none;
    e->dims = &none;
    if (more < 0 || dtype > INT32_MAX || shard >= (uint64_t)o->c->n_shards ||
        (has_shape && !fc_get_shape(&o->c->hoard, shape, &e->ndim, &e->dims)))
        return malformed(w, o, block, "the entry of tensor", e->name);
    e->dtype = (int)dtype;
    e->place.shard = (int32_t)shard;
    return e->n_parts ? read_parts(w, o, again, e, block) : FC_OK;
}

static int open_entry(fc_work *w, void *arg, fc_bytes key, fc_span value, fc_block block, int64_t number) {
    opening *o = arg;
    fc_checkpoint *c = o->c;
    (void)number;
    if (!key.size) return read_header(w, o, value, block);
    if (!c->n_shards)
        return fc_damaged(w, o->file, block.offset, "this is a table without the header of a checkpoint");
    if (c->count == o->room) {
        int64_t room = o->room ? 2 * o->room : 64;
        fc_entry *more = fc_refuses() ? NULL : realloc(c->entries, sizeof *more * (size_t)room);
        if (!more) return fc_no_memory(w, sizeof *more * (size_t)room);
        c->entries = more;
        o->room = room;
    }
    char *name = fc_take(&c->hoard, (size_t)key.size);
    if (!name) return fc_no_memory(w, (size_t)key.size);
    memcpy(name, key.data, (size_t)key.size);
    c->entries[c->count] = (fc_entry){.name = {name, key.size}};
    return read_entry(w, o, value, &c->entries[c->count++], block);
}

static int compare_places(const void *a, const void *b) {
    const fc_place *p = &(*(fc_entry *const *)a)->place, *q = &(*(fc_entry *const *)b)->place;
    if (p->shard != q->shard) return p->shard < q->shard ? -1 : 1;
    return (p->offset > q->offset) - (p->offset < q->offset);
}

/* No two tensors share bytes: so memory for all of them is no more than the data files are long. */
static int expect_separate_places(fc_work *w, const opening *o) {
    const fc_checkpoint *c = o->c;
    char shown[FC_SHOWN];
    int64_t n = 0;
    const fc_entry **sorted = fc_malloc(sizeof *sorted * (size_t)(c->count + 1));
    if (!sorted) return fc_no_memory(w, sizeof *sorted * (size_t)c->count);
    for (int64_t i = 0; i < c->count; i++)
        if (!c->entries[i].n_parts && c->entries[i].place.size) sorted[n++] = &c->entries[i];
    qsort(sorted, (size_t)n, sizeof *sorted, compare_places);
    int rc = FC_OK;
    for (int64_t i = 1; !rc && i < n; i++) {
        const fc_place *p = &sorted[i - 1]->place, *q = &sorted[i]->place;
        if (p->shard == q->shard && q->offset - p->offset < p->size)
            rc = fc_blame(w, FC_DATA_LOSS,
                          "%.400s is damaged: the data of tensor '%s' begins within that of another",
                          o->file->path, fc_shown(sorted[i]->name, shown));
    }
    free(sorted);
    return rc;
}

int fc_open_bundle(fc_work *w, const char *prefix, fc_checkpoint *c) {
    char path[PATH_MAX];
    fc_file file;
    opening o = {.c = c, .file = &file};
    c->version = 2;
    snprintf(path, sizeof path, "%.*s.index", FC_PREFIX_MAX, prefix);
    int rc = fc_open_file(w, path, &file);
    if (rc) return rc;
    rc = fc_read_table(w, &file, open_entry, &o);
    if (!rc && !c->n_shards)
        rc = fc_damaged(w, &file, 0, "this is a table without the header of a checkpoint");
    if (!rc) rc = expect_separate_places(w, &o);
    fc_close_file(&file);
    return rc;
}

/* ---- the data -------------------------------------------------------------------------------- */

int fc_open_shard(fc_work *w, const fc_checkpoint *c, int32_t shard, fc_file *file) {
    char path[PATH_MAX];
    fc_name_shard(c->prefix, shard, c->n_shards, path);
    return fc_open_file(w, path, file);
}

static int expect_sum(fc_work *w, const fc_file *file, const fc_place *p, uint32_t crc) {
    if (fc_mask_crc(crc) == p->crc) return FC_OK;
    return fc_damaged(w, file, p->offset, "the sum of the %llu bytes of a tensor is not the stored one",
                      (unsigned long long)p->size);
}

int fc_read_bundle_part(fc_work *w, const fc_checkpoint *c, const fc_place *p, void *to) {
    fc_file file;
    uint32_t crc = 0;
    int rc = fc_open_shard(w, c, p->shard, &file);
    if (rc) return rc;
    rc = fc_read_summed(w, &file, p->offset, to, p->size, &crc);
    if (!rc) rc = expect_sum(w, &file, p, crc);
    fc_close_file(&file);
    return rc;
}

/* A length goes into the sum as the number, of four bytes where it has no more. */
static uint32_t add_length(uint32_t crc, uint64_t length) {
    return fc_crc32c(crc, &length, length <= UINT32_MAX ? 4 : 8);
}

/* All lengths as varints, their sum, all bytes. */
static int split_texts(fc_work *w, const fc_file *file, const fc_place *p, fc_span s, int64_t count,
                       fc_bytes *texts) {
    uint64_t length, stored, total = 0;
    uint32_t crc = 0;
    for (int64_t i = 0; i < count; i++) {
        if (!fc_get_varint(&s, &length) || length > p->size - total)
            return fc_damaged(w, file, p->offset, "the lengths of %lld strings cannot be read",
                              (long long)count);
        texts[i].size = (int64_t)length;
        total += length;
        crc = add_length(crc, length);
    }
    uint32_t masked = fc_mask_crc(crc);
    if (!fc_get_fixed(&s, 4, &stored) || stored != masked || total != (uint64_t)fc_left(&s))
        return fc_damaged(w, file, p->offset, "the lengths of %lld strings do not have the stored sum",
                          (long long)count);
    crc = fc_crc32c(crc, &masked, 4);
    crc = fc_crc32c(crc, s.at, (size_t)fc_left(&s));
    for (int64_t i = 0; i < count; i++) {
        texts[i].data = (const char *)s.at;
        s.at += texts[i].size;
    }
    return expect_sum(w, file, p, crc);
}

int fc_read_bundle_texts(fc_work *w, const fc_checkpoint *c, const fc_place *p, int64_t count,
                         fc_bytes **texts, void **memory) {
    fc_file file;
    int rc = fc_open_shard(w, c, p->shard, &file);
    if (rc) return rc;
    rc = fc_expect_inside(w, &file, p->offset, p->size, "the strings of a tensor");
    if (!rc && (uint64_t)count > p->size)
        rc = fc_damaged(w, &file, p->offset, "%llu bytes cannot hold %lld strings",
                        (unsigned long long)p->size, (long long)count);
    if (!rc) {
        *memory = fc_malloc((size_t)p->size + 1);
        *texts = fc_malloc(sizeof **texts * (size_t)count + 1);
        if (!*memory || !*texts) rc = fc_no_memory(w, (size_t)p->size);
    }
    if (!rc) rc = fc_read_at(w, &file, p->offset, *memory, (size_t)p->size);
    if (!rc) rc = split_texts(w, &file, p, (fc_span){*memory, (uint8_t *)*memory + p->size}, count, *texts);
    fc_close_file(&file);
    return rc;
}
