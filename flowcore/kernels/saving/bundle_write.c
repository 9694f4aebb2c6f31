/* How a bundle is written so that a crash at any moment leaves a whole one.
 *
 * Data goes to a file of another name, which is synced, then renamed; then the same with the index, and the
 * renaming of the index is the moment from which the new bundle is there. Where a bundle of the same name and
 * number of files exists, its data files have the names that the new ones should have; so these first get
 * names of a bundle of twice as many files, of which it uses the second half: data, index. Then links with
 * the usual names are made, the index is written once more, and the names in between go. A file system
 * without links keeps those names: every reader finds them by the index.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "checkpoint.h"
#include "crc32c.h"

/* ---- the index ------------------------------------------------------------------------------- */

static void put_part(fc_blob *b, int ndim, const fc_extent *part) {
    fc_blob message = {0}, extent = {0};
    for (int d = 0; d < ndim; d++) {
        extent.size = 0;
        fc_put_number(&extent, 1, (uint64_t)part[d].start);
        if (part[d].length >= 0) {
            fc_put_varint(&extent, 2 << 3 | FC_VARINT); /* also where it is 0: it would mean all otherwise */
            fc_put_varint(&extent, (uint64_t)part[d].length);
        }
        fc_put_message(&message, 1, &extent);
    }
    fc_put_message(b, 7, &message);
    free(message.data);
    free(extent.data);
}

static void put_shape(fc_blob *b, int ndim, const int64_t *dims) {
    fc_blob shape = {0}, dim = {0};
    for (int d = 0; d < ndim; d++) {
        dim.size = 0;
        fc_put_number(&dim, 1, (uint64_t)dims[d]);
        fc_put_message(&shape, 2, &dim);
    }
    fc_put_message(b, 2, &shape);
    free(shape.data);
    free(dim.data);
}

/* `first`: what the shards of a bundle that uses only the second half of its names are counted from. */
static void put_entry(fc_blob *b, const fc_entry *e, int32_t first) {
    b->size = 0;
    fc_put_number(b, 1, (uint64_t)e->dtype);
    put_shape(b, e->ndim, e->dims);
    for (int64_t i = 0; i < e->n_parts; i++) put_part(b, e->ndim, e->parts + i * e->ndim);
    if (e->n_parts) return;
    fc_put_number(b, 3, (uint64_t)(e->place.shard + first));
    fc_put_number(b, 4, e->place.offset);
    fc_put_number(b, 5, e->place.size);
    fc_put_varint(b, 6 << 3 | FC_FIXED32);
    fc_put_fixed32(b, e->place.crc);
}

static void put_header(fc_blob *b, int32_t n_shards) {
    fc_blob version = {0};
    b->size = 0;
    fc_put_number(b, 1, (uint64_t)n_shards);
    fc_put_number(&version, 1, 1);
    fc_put_message(b, 3, &version);
    free(version.data);
}

static int write_file(fc_work *w, const char *path, const fc_blob *contents) {
    char temporary[PATH_MAX];
    fc_file file = {.fd = -1};
    int rc = fc_name_temporary(w, path, temporary);
    if (rc) return rc;
    rc = fc_create_file(w, temporary, &file);
    if (rc) return rc;
    rc = fc_append(w, &file, contents->data, contents->size);
    if (!rc) rc = fc_finish_file(w, &file);
    if (!rc) rc = fc_rename(w, temporary, path);
    fc_close_file(&file);
    if (rc) unlink(temporary);
    else rc = fc_sync_folder(w, path);
    return rc;
}

static int compare_entries(const void *a, const void *b) {
    return fc_compare_bytes(((const fc_entry *)a)->name, ((const fc_entry *)b)->name);
}

/* Makes the index the one of these sorted entries. */
static int write_index(fc_work *w, const char *prefix, const fc_entry *entries, int64_t count, int32_t first,
                       int32_t n_shards) {
    char path[PATH_MAX];
    fc_table_writer table = {0};
    fc_blob value = {0};
    put_header(&value, n_shards);
    fc_add_entry(&table, (fc_bytes){"", 0}, &value);
    for (int64_t i = 0; i < count; i++) {
        put_entry(&value, &entries[i], first);
        fc_add_entry(&table, entries[i].name, &value);
    }
    int rc = fc_end_table(w, &table);
    snprintf(path, sizeof path, "%.*s.index", FC_PREFIX_MAX, prefix);
    if (!rc) rc = write_file(w, path, &table.file);
    fc_drop_table(&table);
    free(value.data);
    return rc;
}

/* ---- the names ------------------------------------------------------------------------------- */

/* How many data files the bundle of this name has now; 0 where there is none that can be read. */
static int32_t count_shards(const char *prefix) {
    char path[PATH_MAX];
    fc_work w = {0};
    fc_checkpoint c = {0};
    snprintf(path, sizeof path, "%.*s.index", FC_PREFIX_MAX, prefix);
    int32_t n = access(path, F_OK) || fc_open_bundle(&w, prefix, &c) ? 0 : c.n_shards;
    fc_close_checkpoint(&c);
    return n;
}

/* Has `to` name the file `from` too, whatever it named before. */
static int link_over(const char *from, const char *to) {
    char temporary[PATH_MAX];
    fc_work w = {0};
    if (fc_name_temporary(&w, to, temporary) || link(from, temporary)) return 0;
    if (!rename(temporary, to)) return 1;
    unlink(temporary);
    return 0;
}

/* Of a bundle whose data files have the second half of 2 n names: has them named as usual. */
static int take_usual_names(fc_work *w, const char *prefix, const fc_entry *entries, int64_t count,
                            int32_t n) {
    char from[PATH_MAX], to[PATH_MAX];
    for (int32_t i = 0; i < n; i++) {
        fc_name_shard(prefix, n + i, 2 * n, from);
        fc_name_shard(prefix, i, n, to);
        if (!link_over(from, to)) return FC_OK; /* the file system has no links: the names stay */
    }
    int rc = fc_sync_folder(w, prefix);
    if (!rc) rc = write_index(w, prefix, entries, count, 0, n);
    for (int32_t i = 0; !rc && i < n; i++) {
        fc_name_shard(prefix, n + i, 2 * n, from);
        unlink(from);
    }
    return rc;
}

/* Makes synced data files and entries the bundle of a name. `data`: n paths, which are renamed. */
static int publish(fc_work *w, const char *prefix, fc_entry *entries, int64_t count, int32_t n,
                   char (*data)[PATH_MAX]) {
    char path[PATH_MAX];
    int32_t before = count_shards(prefix), first = before == n ? n : 0, all = before == n ? 2 * n : n;
    char shown[FC_SHOWN];
    if (count) qsort(entries, (size_t)count, sizeof *entries, compare_entries);
    int rc = fc_go_on(w);
    for (int64_t i = 1; !rc && i < count; i++)
        if (!compare_entries(&entries[i - 1], &entries[i]))
            rc = fc_blame(w, FC_INVALID_ARGUMENT, "tensor '%s' is given twice",
                          fc_shown(entries[i].name, shown));
    for (int32_t i = 0; !rc && i < n; i++) {
        fc_name_shard(prefix, first + i, all, path);
        rc = fc_rename(w, data[i], path);
        if (!rc) data[i][0] = 0;
    }
    if (!rc) rc = fc_sync_folder(w, prefix);
    if (!rc) rc = write_index(w, prefix, entries, count, first, all);
    if (rc) return rc;
    if (first) return take_usual_names(w, prefix, entries, count, n);
    for (int32_t i = 0; i < before; i++) { /* of another number of files: the old index is gone */
        fc_name_shard(prefix, i, before, path);
        unlink(path);
    }
    return FC_OK;
}

/* ---- writing tensors ------------------------------------------------------------------------- */

int fc_begin_bundle(fc_work *w, const char *prefix, fc_bundle_writer *b) {
    char path[PATH_MAX];
    *b = (fc_bundle_writer){.data.fd = -1};
    snprintf(b->prefix, sizeof b->prefix, "%s", prefix);
    fc_name_shard(prefix, 0, 1, path);
    int rc = fc_make_folder(w, path);
    if (!rc) rc = fc_name_temporary(w, path, b->data_path);
    if (!rc) rc = fc_create_file(w, b->data_path, &b->data);
    if (rc) b->data_path[0] = 0;
    return rc;
}

static fc_entry *new_entry(fc_work *w, fc_bundle_writer *b, fc_bytes name) {
    if (b->count == b->room) {
        int64_t room = b->room ? 2 * b->room : 64;
        fc_entry *more = fc_refuses() ? NULL : realloc(b->entries, sizeof *more * (size_t)room);
        if (!more) {
            fc_no_memory(w, sizeof *more * (size_t)room);
            return NULL;
        }
        b->entries = more;
        b->room = room;
    }
    char *kept = fc_take(&b->hoard, (size_t)name.size + 1);
    if (!kept) {
        fc_no_memory(w, (size_t)name.size);
        return NULL;
    }
    memcpy(kept, name.data, (size_t)name.size);
    b->entries[b->count] = (fc_entry){.name = {kept, name.size}};
    return &b->entries[b->count++];
}

static int copy_dims(fc_work *w, fc_bundle_writer *b, int ndim, const int64_t *dims, fc_entry *e) {
    int64_t *kept = fc_take(&b->hoard, sizeof *kept * (size_t)ndim + 1);
    if (!kept) return fc_no_memory(w, sizeof *kept * (size_t)ndim);
    memcpy(kept, dims, sizeof *kept * (size_t)ndim);
    e->ndim = ndim;
    e->dims = kept;
    return FC_OK;
}

/* Text goes through memory of this size. */
#define TEXT_PIECE (1 << 20)

static int append_texts(fc_work *w, fc_file *file, const fc_string *s, int64_t count, uint32_t *crc) {
    fc_blob bytes = {0};
    int rc = FC_OK;
    for (int64_t i = 0; i < count; i++) {
        uint64_t size = (uint64_t)fc_bytes_of(&s[i]).size;
        fc_put_varint(&bytes, size);
        *crc = fc_crc32c(*crc, &size, size <= UINT32_MAX ? 4 : 8);
    }
    uint32_t masked = fc_mask_crc(*crc);
    fc_put_fixed32(&bytes, masked);
    *crc = fc_crc32c(*crc, &masked, 4);
    for (int64_t i = 0; !rc && i <= count; i++) {
        if (bytes.failed) rc = fc_no_memory(w, bytes.size);
        if (!rc && (i == count || bytes.size >= TEXT_PIECE)) {
            rc = fc_go_on(w);
            if (!rc) rc = fc_append(w, file, bytes.data, bytes.size);
            bytes.size = 0;
        }
        if (rc || i == count) break;
        fc_bytes text = fc_bytes_of(&s[i]);
        *crc = fc_crc32c(*crc, text.data, (size_t)text.size);
        fc_put(&bytes, text.data, (size_t)text.size);
    }
    free(bytes.data);
    return rc;
}

static int write_values(fc_work *w, fc_bundle_writer *b, const fc_tensor *t, fc_place *place) {
    uint32_t crc = 0;
    int rc;
    place->offset = b->data.size;
    if (t->dtype == FC_STRING) rc = append_texts(w, &b->data, fc_data(t), t->size, &crc);
    else rc = fc_append_summed(w, &b->data, fc_data(t), (uint64_t)(t->size * fc_item_size(t->dtype)), &crc);
    place->size = b->data.size - place->offset;
    place->crc = fc_mask_crc(crc);
    return rc;
}

static fc_entry *find_unsorted(fc_bundle_writer *b, fc_bytes name) {
    for (int64_t i = 0; i < b->count; i++)
        if (b->entries[i].n_parts && !fc_compare_bytes(b->entries[i].name, name)) return &b->entries[i];
    return NULL;
}

/* Adds a part to the entry of its tensor, which the first one makes. */
static int add_part(fc_work *w, fc_bundle_writer *b, fc_bytes name, const fc_slice_spec *spec, int dtype) {
    char shown[FC_SHOWN];
    fc_entry *e = find_unsorted(b, name);
    int rc = FC_OK;
    if (!e) {
        e = new_entry(w, b, name);
        if (!e) return w->status;
        e->dtype = dtype;
        rc = copy_dims(w, b, spec->ndim, spec->dims, e);
        if (rc) return rc;
    }
    if (e->dtype != dtype || e->ndim != spec->ndim ||
        memcmp(e->dims, spec->dims, sizeof *e->dims * (size_t)e->ndim))
        return fc_blame(w, FC_INVALID_ARGUMENT, "parts of tensor '%s' disagree about its dtype or sizes",
                        fc_shown(name, shown));
    size_t each = sizeof(fc_extent) * (size_t)e->ndim;
    fc_extent *parts = fc_take(&b->hoard, each * (size_t)(e->n_parts + 1) + 1);
    if (!parts) return fc_no_memory(w, each);
    if (e->n_parts) memcpy(parts, e->parts, each * (size_t)e->n_parts);
    memcpy((char *)parts + each * (size_t)e->n_parts, spec->part, each);
    e->parts = parts;
    e->n_parts++;
    return FC_OK;
}

int fc_write_tensor(fc_work *w, fc_bundle_writer *b, fc_bytes name, const fc_slice_spec *spec,
                    const fc_tensor *t) {
    int is_part = spec->ndim >= 0 && !fc_is_whole(spec->ndim, spec->dims, spec->part);
    fc_blob key = {0};
    fc_entry *e;
    int rc = fc_go_on(w);
    if (!rc && is_part) {
        rc = add_part(w, b, name, spec, t->dtype);
        fc_put_slice_key(&key, name, spec->ndim, spec->part);
        if (!rc && key.failed) rc = fc_no_memory(w, key.size);
    }
    if (!rc) {
        e = new_entry(w, b, is_part ? (fc_bytes){(char *)key.data, (int64_t)key.size} : name);
        rc = e ? copy_dims(w, b, t->ndim, fc_dims(t), e) : w->status;
        if (!rc) {
            e->dtype = t->dtype;
            rc = write_values(w, b, t, &e->place);
        }
    }
    free(key.data);
    return rc;
}

int fc_end_bundle(fc_work *w, fc_bundle_writer *b) {
    int rc = fc_finish_file(w, &b->data);
    return rc ? rc : publish(w, b->prefix, b->entries, b->count, 1, &b->data_path);
}

void fc_drop_bundle(fc_bundle_writer *b) {
    fc_close_file(&b->data);
    if (b->data_path[0]) unlink(b->data_path);
    free(b->entries);
    fc_release_hoard(&b->hoard);
    *b = (fc_bundle_writer){.data.fd = -1};
}

/* ---- merging --------------------------------------------------------------------------------- */

typedef struct {
    fc_checkpoint *from;
    fc_entry *entries;
    int64_t count;
    int32_t n_shards;
    char (*data)[PATH_MAX];
} merging;

/* Takes the entries of one bundle over, and the names of its data files. */
static void take_bundle(merging *m, const fc_checkpoint *c) {
    for (int64_t i = 0; i < c->count; i++) {
        fc_entry *e = &m->entries[m->count++];
        *e = c->entries[i];
        e->place.shard += m->n_shards;
    }
    for (int32_t i = 0; i < c->n_shards; i++)
        fc_name_shard(c->prefix, i, c->n_shards, m->data[m->n_shards++]);
}

/* Sorted entries of which several are one tensor with parts in several bundles become one. */
static int join_parts(fc_work *w, merging *m, fc_hoard *h) {
    char shown[FC_SHOWN];
    int64_t n = 0;
    qsort(m->entries, (size_t)m->count, sizeof *m->entries, compare_entries);
    for (int64_t i = 0; i < m->count; i++) {
        fc_entry *e = &m->entries[i], *last = n ? &m->entries[n - 1] : NULL;
        if (!last || fc_compare_bytes(last->name, e->name)) {
            m->entries[n++] = *e;
            continue;
        }
        if (!e->n_parts || !last->n_parts || e->dtype != last->dtype || e->ndim != last->ndim ||
            memcmp(e->dims, last->dims, sizeof *e->dims * (size_t)e->ndim))
            return fc_blame(w, FC_INVALID_ARGUMENT, "two of the checkpoints that are merged have tensor '%s'",
                            fc_shown(e->name, shown));
        size_t each = sizeof(fc_extent) * (size_t)e->ndim;
        fc_extent *parts = fc_take(h, each * (size_t)(last->n_parts + e->n_parts) + 1);
        if (!parts) return fc_no_memory(w, each);
        memcpy(parts, last->parts, each * (size_t)last->n_parts);
        memcpy(parts + last->n_parts * e->ndim, e->parts, each * (size_t)e->n_parts);
        last->parts = parts;
        last->n_parts += e->n_parts;
    }
    m->count = n;
    return FC_OK;
}

int fc_merge_bundles(fc_work *w, int64_t n, const char *const *prefixes, const char *prefix) {
    char path[PATH_MAX];
    merging m = {0};
    fc_hoard hoard = {0};
    int64_t count = 0, shards = 0;
    fc_checkpoint *from = m.from = fc_calloc((size_t)n + 1, sizeof *from);
    if (!from) return fc_no_memory(w, sizeof *from * (size_t)n);
    for (int64_t i = 0; !w->status && i < n; i++) {
        snprintf(from[i].prefix, sizeof from[i].prefix, "%s", prefixes[i]);
        fc_open_bundle(w, prefixes[i], &from[i]);
        count += from[i].count;
        shards += from[i].n_shards;
    }
    if (!w->status && shards > 50000)
        fc_blame(w, FC_INVALID_ARGUMENT, "a checkpoint has at most 50000 data files, found %lld",
                 (long long)shards);
    m.entries = fc_malloc(sizeof *m.entries * (size_t)(count + 1));
    m.data = fc_malloc(sizeof *m.data * (size_t)(shards + 1));
    if (!w->status && (!m.entries || !m.data)) fc_no_memory(w, sizeof *m.entries * (size_t)count);
    for (int64_t i = 0; !w->status && i < n; i++) take_bundle(&m, &from[i]);
    if (!w->status) join_parts(w, &m, &hoard);
    snprintf(path, sizeof path, "%.*s.index", FC_PREFIX_MAX, prefix);
    if (!w->status) fc_make_folder(w, path);
    if (!w->status) publish(w, prefix, m.entries, m.count, m.n_shards, m.data);
    for (int64_t i = 0; i < n; i++) {
        snprintf(path, sizeof path, "%s.index", from[i].prefix);
        if (!w->status && strcmp(from[i].prefix, prefix)) unlink(path);
        fc_close_checkpoint(&from[i]);
    }
    free(from);
    free(m.entries);
    free(m.data);
    fc_release_hoard(&hoard);
    return w->status;
}
