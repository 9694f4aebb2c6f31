/* See checkpoint.h: what both versions share. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "checkpoint.h"

#include <stdio.h>
#include <unistd.h>

const char *fc_stored_dtype_name(int dtype, char *text, size_t size) {
    static const char *const quantised[] = {"qint8", "quint8", "qint32", NULL, "qint16", "quint16"};
    int i = dtype - 11;
    if (i >= 0 && i < 6 && quantised[i]) snprintf(text, size, "%s", quantised[i]);
    else if (fc_item_size(dtype)) snprintf(text, size, "%s", fc_dtype_name(dtype));
    else snprintf(text, size, "dtype number %d", dtype);
    return text;
}

int fc_get_shape(fc_hoard *h, fc_span s, int *ndim, const int64_t **dims) {
    int64_t found[FC_MOST_DIMS], *kept;
    fc_field f, g;
    int more, n = 0;
    while ((more = fc_next_field(&s, &f)) > 0) {
        if (f.number == 3 && f.kind == FC_VARINT && f.value) return 0; /* unknown rank */
        if (f.number != 2 || f.kind != FC_BYTES) continue;
        if (n == FC_MOST_DIMS) return 0;
        found[n] = 0;
        while ((more = fc_next_field(&f.bytes, &g)) > 0)
            if (g.number == 1 && g.kind == FC_VARINT) found[n] = (int64_t)g.value;
        if (more < 0) return 0;
        n++;
    }
    if (more < 0 || fc_count(n, found) < 0) return 0;
    kept = fc_take(h, sizeof *kept * (size_t)(n ? n : 1));
    if (!kept) return 0;
    memcpy(kept, found, sizeof *kept * (size_t)n);
    *ndim = n;
    *dims = kept;
    return 1;
}

int fc_get_part(fc_span s, int ndim, fc_extent *part) {
    fc_field f, g;
    int more, n = 0;
    while ((more = fc_next_field(&s, &f)) > 0) {
        if (f.number != 1 || f.kind != FC_BYTES) continue;
        if (n == ndim) return 0;
        part[n] = (fc_extent){0, -1};
        while ((more = fc_next_field(&f.bytes, &g)) > 0) {
            if (g.number == 1 && g.kind == FC_VARINT) part[n].start = (int64_t)g.value;
            if (g.number == 2 && g.kind == FC_VARINT) part[n].length = (int64_t)g.value;
        }
        if (more < 0) return 0;
        n++;
    }
    return more == 0 && n == ndim;
}

int fc_open_checkpoint(fc_work *w, const char *prefix, fc_checkpoint *c) {
    char path[PATH_MAX];
    *c = (fc_checkpoint){0};
    snprintf(c->prefix, sizeof c->prefix, "%s", prefix);
    snprintf(path, sizeof path, "%s.index", prefix);
    int rc = !access(path, F_OK) ? fc_open_bundle(w, prefix, c) : fc_open_v1(w, prefix, c);
    if (rc) fc_close_checkpoint(c);
    return rc;
}

void fc_close_checkpoint(fc_checkpoint *c) {
    for (int32_t i = 0; c->tables && i < c->n_shards; i++) fc_close_file(&c->tables[i]);
    free(c->tables);
    free(c->entries);
    fc_release_hoard(&c->hoard);
    c->tables = NULL;
    c->entries = NULL;
    c->count = 0;
}

const fc_entry *fc_find_entry(const fc_checkpoint *c, fc_bytes name) {
    int64_t low = 0, high = c->count;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        int order = fc_compare_bytes(c->entries[middle].name, name);
        if (!order) return &c->entries[middle];
        if (order < 0) low = middle + 1;
        else high = middle;
    }
    return NULL;
}

/* Where what is read of a part goes: to memory, or as strings to the caller of fc_read_strings. */
typedef struct {
    fc_work *w;
    const void *from;
    char *to;
    int64_t item;
    fc_put_text put;
    void *arg;
} gathering;

static void no_row(void *arg, int64_t from, int64_t to, int64_t n) {
    (void)arg, (void)from, (void)to, (void)n;
}

static void move_row(void *arg, int64_t from, int64_t to, int64_t n) {
    gathering *g = arg;
    memcpy(g->to + to * g->item, (const char *)g->from + from * g->item, (size_t)(n * g->item));
}

static void put_row(void *arg, int64_t from, int64_t to, int64_t n) {
    gathering *g = arg;
    for (int64_t i = 0; i < n && !g->w->status; i++) {
        int rc = g->put(g->w, g->arg, to + i, ((const fc_bytes *)g->from)[from + i]);
        if (rc) fc_blame(g->w, rc, "no memory for the strings of a checkpoint");
    }
}

/* Where the data of a part is, in version 2 by its key. */
static int place_of_part(fc_work *w, const fc_checkpoint *c, const fc_entry *e, int64_t i, fc_place *place) {
    const fc_extent *part = e->parts + i * e->ndim;
    char shown[FC_SHOWN];
    fc_blob key = {0};
    if (c->version == 1) {
        *place = e->part_places[i];
        return FC_OK;
    }
    fc_put_slice_key(&key, e->name, e->ndim, part);
    const fc_entry *found = key.failed ? NULL
                                       : fc_find_entry(c, (fc_bytes){(char *)key.data, (int64_t)key.size});
    free(key.data);
    if (key.failed) return fc_no_memory(w, key.size);
    if (!found || found->dtype != e->dtype || found->n_parts ||
        fc_count(found->ndim, found->dims) != fc_count_part(e->ndim, e->dims, part))
        return fc_blame(w, FC_DATA_LOSS, "%.400s.index does not have part %lld of tensor '%s' as it says",
                        c->prefix, (long long)i, fc_shown(e->name, shown));
    *place = found->place;
    return FC_OK;
}

/* Whether the files can hold `count` elements at a place. */
static int expect_stored(fc_work *w, const fc_checkpoint *c, const fc_entry *e, int64_t count,
                         const fc_place *p) {
    char shown[FC_SHOWN];
    fc_file file;
    int64_t bytes = count; /* each string, and each number of version 1, takes a byte at least */
    int exact = c->version == 2 && e->dtype != FC_STRING;
    if ((exact && fc_mul_overflow(count, fc_item_size(e->dtype), &bytes)) ||
        (exact ? (uint64_t)bytes != p->size : (uint64_t)bytes > p->size))
        return fc_blame(w, FC_DATA_LOSS,
                        "checkpoint %.400s has %llu bytes for %lld elements of %s of tensor '%s'", c->prefix,
                        (unsigned long long)p->size, (long long)count, fc_dtype_name(e->dtype),
                        fc_shown(e->name, shown));
    if (c->version == 1) return FC_OK;
    int rc = fc_open_shard(w, c, p->shard, &file);
    if (rc) return rc;
    rc = fc_expect_inside(w, &file, p->offset, p->size, "the data of a tensor");
    fc_close_file(&file);
    return rc;
}

/* The values of a stored part, or of a whole tensor, in memory that the caller frees; of strings fc_bytes
 * that point into `*memory`. */
static int load(fc_work *w, const fc_checkpoint *c, const fc_entry *e, const fc_place *place, int64_t count,
                void **values, void **memory) {
    int64_t bytes = 0;
    *values = *memory = NULL;
    if (c->version == 1) return fc_read_v1_part(w, c, e, place, count, values, memory);
    if (e->dtype == FC_STRING) return fc_read_bundle_texts(w, c, place, count, (fc_bytes **)values, memory);
    int rc = expect_stored(w, c, e, count, place);
    if (rc) return rc;
    bytes = count * fc_item_size(e->dtype);
    if (!(*values = fc_malloc((size_t)bytes + 1))) return fc_no_memory(w, (size_t)bytes);
    return fc_read_bundle_part(w, c, place, *values);
}

/* Loads one part after the other and moves what is wanted of it. Parts that leave something out are an error.
 */
static int gather(fc_work *w, const fc_checkpoint *c, const fc_entry *e, const fc_extent *wanted,
                  gathering *g) {
    char shown[FC_SHOWN];
    fc_extent all[FC_MOST_DIMS];
    int64_t found = 0, parts = e->n_parts ? e->n_parts : 1;
    for (int d = 0; d < e->ndim; d++) all[d] = (fc_extent){0, -1};
    if (!wanted) wanted = all;
    for (int64_t i = 0; i < parts; i++) {
        const fc_extent *part = e->n_parts ? e->parts + i * e->ndim : all;
        fc_place place = e->place;
        void *values = NULL, *memory = NULL;
        if (e->n_parts && !fc_each_shared_row(e->ndim, e->dims, part, wanted, no_row, NULL)) continue;
        int rc = fc_go_on(w);
        if (!rc && e->n_parts) rc = place_of_part(w, c, e, i, &place);
        if (!rc) rc = load(w, c, e, &place, fc_count_part(e->ndim, e->dims, part), &values, &memory);
        if (!rc) {
            g->from = values;
            found += fc_each_shared_row(e->ndim, e->dims, part, wanted, g->put ? put_row : move_row, g);
            rc = w->status;
        }
        free(values);
        free(memory);
        if (rc) return rc;
    }
    int64_t count = fc_count_part(e->ndim, e->dims, wanted);
    if (found == count) return FC_OK;
    return fc_blame(w, FC_DATA_LOSS,
                    "checkpoint %.400s has %lld of the %lld elements that are wanted of tensor '%s'",
                    c->prefix, (long long)found, (long long)count, fc_shown(e->name, shown));
}

int fc_read_tensor(fc_work *w, const fc_checkpoint *c, const fc_entry *e, const fc_extent *wanted, void *to) {
    int64_t count = wanted ? fc_count_part(e->ndim, e->dims, wanted) : fc_count(e->ndim, e->dims);
    int64_t item = fc_item_size(e->dtype);
    if (c->version == 2 && !e->n_parts && (!wanted || fc_is_whole(e->ndim, e->dims, wanted))) {
        int rc = expect_stored(w, c, e, count, &e->place);
        return rc ? rc : fc_read_bundle_part(w, c, &e->place, to);
    }
    memset(to, 0, (size_t)(count * item)); /* parts that overlap and leave gaps must not show other memory */
    return gather(w, c, e, wanted, &(gathering){.w = w, .to = to, .item = item});
}

int fc_read_strings(fc_work *w, const fc_checkpoint *c, const fc_entry *e, const fc_extent *wanted,
                    fc_put_text put, void *arg) {
    return gather(w, c, e, wanted, &(gathering){.w = w, .put = put, .arg = arg});
}

/* ---- what may be read ------------------------------------------------------------------------ */

static int compare_parts(const void *a, const void *b, void *size) { return memcmp(a, b, *(size_t *)size); }

/* Whether no part is listed twice: memory is taken for all of them together. */
static int expect_different_parts(fc_work *w, const fc_checkpoint *c, const fc_entry *e) {
    char shown[FC_SHOWN];
    size_t size = sizeof(fc_extent) * (size_t)e->ndim, n = (size_t)e->n_parts;
    char *copy = fc_malloc(size * n + 1);
    if (!copy) return fc_no_memory(w, size * n);
    memcpy(copy, e->parts, size * n);
    if (size) qsort_r(copy, n, size, compare_parts, &size);
    size_t i = 1;
    while (i < n && memcmp(copy + (i - 1) * size, copy + i * size, size)) i++;
    free(copy);
    if (i >= n) return FC_OK;
    return fc_blame(w, FC_DATA_LOSS, "checkpoint %.400s has a part of tensor '%s' twice", c->prefix,
                    fc_shown(e->name, shown));
}

static int expect_parts(fc_work *w, const fc_checkpoint *c, const fc_entry *e, int64_t wanted) {
    char shown[FC_SHOWN];
    fc_place place;
    int64_t stored = 0;
    int rc = expect_different_parts(w, c, e);
    for (int64_t i = 0; !rc && i < e->n_parts; i++) {
        int64_t count = fc_count_part(e->ndim, e->dims, e->parts + i * e->ndim);
        rc = place_of_part(w, c, e, i, &place);
        if (!rc) rc = expect_stored(w, c, e, count, &place);
        if (__builtin_add_overflow(stored, count, &stored)) stored = INT64_MAX;
    }
    if (rc || stored >= wanted) return rc;
    return fc_blame(w, FC_DATA_LOSS,
                    "the parts of tensor '%s' in checkpoint %.400s have %lld of its elements",
                    fc_shown(e->name, shown), c->prefix, (long long)stored);
}

int fc_expect_readable(fc_work *w, const fc_checkpoint *c, const fc_entry *e, const fc_extent *wanted) {
    char shown[FC_SHOWN], dtype[40];
    if (!fc_item_size(e->dtype) || e->dtype == FC_RESOURCE || e->dtype == FC_VARIANT)
        return fc_blame(
            w, FC_UNIMPLEMENTED,
            "tensor '%s' in checkpoint %.400s is of %s, which flowcore does not have or cannot save",
            fc_shown(e->name, shown), c->prefix, fc_stored_dtype_name(e->dtype, dtype, sizeof dtype));
    if (e->ndim > FC_MAX_DIMS)
        return fc_blame(w, FC_UNIMPLEMENTED,
                        "tensor '%s' in checkpoint %.400s has %d dimensions; at most %d are supported",
                        fc_shown(e->name, shown), c->prefix, e->ndim, FC_MAX_DIMS);
    if (wanted && !fc_is_inside(e->ndim, e->dims, wanted))
        return fc_blame(w, FC_INVALID_ARGUMENT,
                        "the part that is asked for is not inside tensor '%s' in checkpoint %.400s",
                        fc_shown(e->name, shown), c->prefix);
    if (!e->n_parts) return expect_stored(w, c, e, fc_count(e->ndim, e->dims), &e->place);
    return expect_parts(w, c, e,
                        wanted ? fc_count_part(e->ndim, e->dims, wanted) : fc_count(e->ndim, e->dims));
}
