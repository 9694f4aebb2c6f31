/* Version 1 of checkpoints: sorted tables with the values in them as messages. Read only.
 *
 * The entry with the empty key describes all tensors; each other one is a part of one, with its values.
 * Tables are looked through once when a checkpoint is opened, and a part is read again when it is asked for.
 */
#include <glob.h>
#include <unistd.h>

#include "checkpoint.h"

/* A part that was met, to be sorted by the name of its tensor. */
typedef struct {
    fc_bytes name;
    const fc_extent *extents;
    fc_place place;
} part;

typedef struct {
    fc_checkpoint *c;
    int32_t table;
    int64_t entry_room;
    part *parts;
    int64_t n_parts, part_room;
    int has_meta;
} opening;

static int malformed(fc_work *w, const opening *o, fc_block block, const char *what) {
    return fc_damaged(w, &o->c->tables[o->table], block.offset, "%s is malformed", what);
}

/* Room for one more element of an array that doubles. */
static void *grown(void *array, int64_t count, int64_t *room, size_t item) {
    if (count < *room) return array;
    int64_t more = *room ? 2 * *room : 64;
    void *larger = fc_refuses() ? NULL : realloc(array, item * (size_t)more);
    if (larger) *room = more;
    return larger;
}

static int keep_name(fc_work *w, fc_checkpoint *c, fc_span s, fc_bytes *name) {
    char *kept = fc_take(&c->hoard, (size_t)fc_left(&s) + 1);
    if (!kept) return fc_no_memory(w, (size_t)fc_left(&s));
    memcpy(kept, s.at, (size_t)fc_left(&s));
    *name = (fc_bytes){kept, fc_left(&s)};
    return FC_OK;
}

/* One tensor of the description: name, shape, dtype. Its parts are listed there too, and met later anyway. */
static int read_tensor_meta(fc_work *w, opening *o, fc_span s, fc_block block) {
    fc_checkpoint *c = o->c;
    fc_field f;
    fc_span name = {s.at, s.at}, shape = name;
    uint64_t dtype = 0;
    int more;
    static const int64_t none;
    while ((more = fc_next_field(&s, &f)) > 0) {
        if (f.number == 1 && f.kind == FC_BYTES) name = f.bytes;
        if (f.number == 2 && f.kind == FC_BYTES) shape = f.bytes;
        if (f.number == 3 && f.kind == FC_VARINT) dtype = f.value;
    }
    fc_entry *entries = grown(c->entries, c->count, &o->entry_room, sizeof *entries);
    if (!entries) return fc_no_memory(w, sizeof *entries * (size_t)o->entry_room);
    c->entries = entries;
    fc_entry *e = &entries[c->count];
    *e = (fc_entry){.dtype = (int)dtype, .dims = &none};
    if (more < 0 || dtype > INT32_MAX || !fc_left(&name) || !*name.at ||
        !fc_get_shape(&c->hoard, shape, &e->ndim, &e->dims))
        return malformed(w, o, block, "the description of a tensor");
    int rc = keep_name(w, c, name, &e->name);
    c->count += !rc;
    return rc;
}

static int read_meta(fc_work *w, opening *o, fc_span value, fc_block block) {
    fc_field f, g;
    int more, rc = FC_OK;
    while (!rc && (more = fc_next_field(&value, &f)) > 0) {
        if (f.number != 1 || f.kind != FC_BYTES) continue;
        while (!rc && (more = fc_next_field(&f.bytes, &g)) > 0)
            if (g.number == 1 && g.kind == FC_BYTES) rc = read_tensor_meta(w, o, g.bytes, block);
        if (more < 0) break;
        o->has_meta = 1;
    }
    return rc ? rc : more < 0 ? malformed(w, o, block, "the description of the tensors") : FC_OK;
}

/* What a part says before its values: fields of the message SavedSlice. */
typedef struct {
    fc_span name, extents, values;
} saved;

static int get_saved(fc_span value, saved *found) {
    fc_field f, g;
    int more;
    *found = (saved){{value.at, value.at}, {value.at, value.at}, {value.at, value.at}};
    while ((more = fc_next_field(&value, &f)) > 0) {
        if (f.number != 2 || f.kind != FC_BYTES) continue;
        while ((more = fc_next_field(&f.bytes, &g)) > 0) {
            if (g.kind != FC_BYTES) continue;
            if (g.number == 1) found->name = g.bytes;
            if (g.number == 2) found->extents = g.bytes;
            if (g.number == 3) found->values = g.bytes;
        }
        if (more < 0) break;
    }
    return more == 0 && fc_left(&found->name) > 0;
}

static int count_extents(fc_span s) {
    fc_field f;
    int n = 0, more;
    while ((more = fc_next_field(&s, &f)) > 0) n += f.number == 1 && f.kind == FC_BYTES;
    return more < 0 || n > FC_MOST_DIMS ? -1 : n;
}

static int open_entry(fc_work *w, void *arg, fc_bytes key, fc_span value, fc_block block, int64_t number) {
    opening *o = arg;
    saved found;
    if (!key.size) return read_meta(w, o, value, block);
    part *parts = grown(o->parts, o->n_parts, &o->part_room, sizeof *parts);
    if (!parts) return fc_no_memory(w, sizeof *parts * (size_t)o->part_room);
    o->parts = parts;
    part *p = &parts[o->n_parts];
    int ndim = get_saved(value, &found) ? count_extents(found.extents) : -1;
    fc_extent *extents = ndim < 0 ? NULL : fc_take(&o->c->hoard, sizeof *extents * (size_t)ndim + 1);
    if (ndim >= 0 && !extents) return fc_no_memory(w, sizeof *extents * (size_t)ndim);
    if (!extents || !fc_get_part(found.extents, ndim, extents))
        return malformed(w, o, block, "a part of a tensor");
    *p = (part){.extents = extents,
                .place = {.shard = o->table,
                          .offset = block.offset,
                          .block_size = block.size,
                          .number = number,
                          .size = (uint64_t)fc_left(&value)}};
    p->place.crc = (uint32_t)ndim; /* until it is known whose part it is */
    int rc = keep_name(w, o->c, found.name, &p->name);
    o->n_parts += !rc;
    return rc;
}

static int compare_entries(const void *a, const void *b) {
    return fc_compare_bytes(((const fc_entry *)a)->name, ((const fc_entry *)b)->name);
}
static int compare_part_names(const void *a, const void *b) {
    return fc_compare_bytes(((const part *)a)->name, ((const part *)b)->name);
}

/* Several tables describe a tensor of which each has parts: one description remains. */
static int join_entries(fc_work *w, fc_checkpoint *c) {
    char shown[FC_SHOWN];
    int64_t n = 0;
    if (c->count) qsort(c->entries, (size_t)c->count, sizeof *c->entries, compare_entries);
    for (int64_t i = 0; i < c->count; i++) {
        fc_entry *e = &c->entries[i], *last = n ? &c->entries[n - 1] : NULL;
        if (!last || fc_compare_bytes(last->name, e->name)) {
            c->entries[n++] = *e;
        } else if (last->dtype != e->dtype || last->ndim != e->ndim ||
                   memcmp(last->dims, e->dims, sizeof *e->dims * (size_t)e->ndim)) {
            return fc_blame(w, FC_DATA_LOSS, "checkpoint %.400s describes tensor '%s' in two ways", c->prefix,
                            fc_shown(e->name, shown));
        }
    }
    c->count = n;
    return FC_OK;
}

/* Gives each tensor the parts that carry its name. */
static int give_parts(fc_work *w, opening *o) {
    fc_checkpoint *c = o->c;
    char shown[FC_SHOWN];
    if (o->n_parts) qsort(o->parts, (size_t)o->n_parts, sizeof *o->parts, compare_part_names);
    for (int64_t i = 0, j; i < o->n_parts; i = j) {
        fc_bytes name = o->parts[i].name;
        for (j = i; j < o->n_parts && !fc_compare_bytes(o->parts[j].name, name);) j++;
        fc_entry *e = (fc_entry *)fc_find_entry(c, name);
        size_t ndim = e ? (size_t)e->ndim : 0;
        fc_extent *extents = fc_take(&c->hoard, sizeof *extents * ndim * (size_t)(j - i) + 1);
        fc_place *places = fc_take(&c->hoard, sizeof *places * (size_t)(j - i));
        if (!extents || !places) return fc_no_memory(w, sizeof *places * (size_t)(j - i));
        for (int64_t k = i; k < j; k++) {
            const part *p = &o->parts[k];
            if (!e || (int)p->place.crc != e->ndim || !fc_is_inside(e->ndim, e->dims, p->extents))
                return fc_damaged(w, &c->tables[p->place.shard], p->place.offset,
                                  "a part of tensor '%s' is not in its description", fc_shown(name, shown));
            memcpy(extents + (size_t)(k - i) * ndim, p->extents, sizeof *extents * ndim);
            places[k - i] = p->place;
        }
        e->n_parts = j - i;
        e->parts = extents;
        e->part_places = places;
    }
    for (int64_t i = 0; i < c->count; i++)
        if (!c->entries[i].n_parts)
            return fc_blame(w, FC_DATA_LOSS,
                            "checkpoint %.400s describes tensor '%s' and has no values of it", c->prefix,
                            fc_shown(c->entries[i].name, shown));
    return FC_OK;
}

static int open_tables(fc_work *w, opening *o, const glob_t *files) {
    fc_checkpoint *c = o->c;
    c->tables = fc_calloc(files->gl_pathc, sizeof *c->tables);
    if (!c->tables) return fc_no_memory(w, sizeof *c->tables * files->gl_pathc);
    for (size_t i = 0; i < files->gl_pathc; i++) c->tables[i].fd = -1;
    c->n_shards = (int32_t)files->gl_pathc;
    for (o->table = 0; o->table < c->n_shards; o->table++) {
        int rc = fc_open_file(w, files->gl_pathv[o->table], &c->tables[o->table]);
        if (!rc) rc = fc_read_table(w, &c->tables[o->table], open_entry, o);
        if (rc) return rc;
    }
    if (!o->has_meta && o->n_parts)
        return fc_blame(w, FC_DATA_LOSS, "checkpoint %.400s has values, but no description of its tensors",
                        c->prefix);
    int rc = join_entries(w, c);
    return rc ? rc : give_parts(w, o);
}

int fc_open_v1(fc_work *w, const char *pattern, fc_checkpoint *c) {
    glob_t files = {0};
    opening o = {.c = c};
    c->version = 1;
    char *one[] = {(char *)pattern};
    int is_file = !access(pattern, F_OK), rc; /* such as one with brackets in its name */
    int found = is_file ? 0 : glob(pattern, GLOB_ERR | GLOB_NOSORT, NULL, &files);
    if (is_file) files.gl_pathc = 1, files.gl_pathv = one;
    if (found == GLOB_NOSPACE) rc = fc_no_memory(w, 0);
    else if (found || files.gl_pathc > 100000)
        rc = fc_blame(
            w, FC_NOT_FOUND,
            "there is no checkpoint %.400s: neither %.200s.index, of version 2, nor a file of version 1",
            pattern, pattern);
    else rc = open_tables(w, &o, &files);
    free(o.parts);
    if (!is_file) globfree(&files);
    return rc;
}

/* ---- values ---------------------------------------------------------------------------------- */

/* Numbers of one field of a TensorProto are appended as elements, whether they are packed or not. */
typedef struct {
    int dtype;
    int64_t count, found;
    char *to;
} numbers;

static void add_number(numbers *n, uint64_t value, int64_t item) {
    if (n->found < n->count) memcpy(n->to + n->found * item, &value, (size_t)item); /* little-endian */
    n->found++;
}

/* Of what one number in the message has: 0 for a varint, else bytes. */
static int add_numbers(numbers *n, const fc_field *f, int width, int64_t item) {
    fc_span s = f->bytes;
    uint64_t value;
    if (f->kind != FC_BYTES) {
        if (f->kind != (width == 4 ? FC_FIXED32 : width == 8 ? FC_FIXED64 : FC_VARINT)) return 0;
        add_number(n, f->value, item);
        return 1;
    }
    while (s.at < s.end) {
        if (width ? !fc_get_fixed(&s, (size_t)width, &value) : !fc_get_varint(&s, &value)) return 0;
        add_number(n, value, item);
    }
    return 1;
}

/* The field of a TensorProto that has the values of a dtype, the width of its numbers, and how many of them
 * are one element. */
static int field_of(int dtype, int *width, int64_t *each) {
    *width = 0, *each = 1;
    switch (dtype) {
    case FC_FLOAT32: *width = 4; return 5;
    case FC_FLOAT64: *width = 8; return 6;
    case FC_STRING: return 8;
    case FC_COMPLEX64: *width = 4, *each = 2; return 9;
    case FC_INT64: return 10;
    case FC_BOOL: return 11;
    case FC_COMPLEX128: *width = 8, *each = 2; return 12;
    case FC_FLOAT16:
    case FC_BFLOAT16: return 13;
    case FC_UINT32: return 16;
    case FC_UINT64: return 17;
    default: return 7; /* int_val: the other integers */
    }
}

typedef struct {
    const fc_checkpoint *c;
    const fc_entry *e;
    const fc_place *place;
    int64_t count;
    char *values;
    char *memory; /* of strings */
} loading;

static int load_values(fc_work *w, loading *l, fc_span proto, fc_block block) {
    int width;
    int64_t each, item = fc_item_size(l->e->dtype);
    int field = field_of(l->e->dtype, &width, &each);
    size_t used = 0;
    fc_field f;
    int more;
    numbers n = {.dtype = l->e->dtype, .count = l->count * each};
    const fc_file *file = &l->c->tables[l->place->shard];
    n.to = l->values = fc_calloc((size_t)l->count + 1, (size_t)item);
    if (l->e->dtype == FC_STRING) l->memory = fc_malloc((size_t)fc_left(&proto) + 1);
    if (!l->values || (l->e->dtype == FC_STRING && !l->memory))
        return fc_no_memory(w, (size_t)(l->count * item));
    while ((more = fc_next_field(&proto, &f)) > 0) {
        if (f.number != field) continue;
        if (l->e->dtype == FC_STRING && f.kind == FC_BYTES) {
            size_t size = (size_t)fc_left(&f.bytes);
            if (n.found < n.count) {
                ((fc_bytes *)l->values)[n.found] = (fc_bytes){l->memory + used, (int64_t)size};
                memcpy(l->memory + used, f.bytes.at, size);
                used += size;
            }
            n.found++;
        } else if (l->e->dtype == FC_STRING || !add_numbers(&n, &f, width, item / each)) {
            more = -1;
            break;
        }
    }
    if (more == 0 && n.found == n.count) return FC_OK;
    return fc_damaged(w, file, block.offset, "a part of a tensor has %lld of %lld values",
                      (long long)(more < 0 ? -1 : n.found / each), (long long)l->count);
}

static int load_entry(fc_work *w, void *arg, fc_bytes key, fc_span value, fc_block block, int64_t number) {
    loading *l = arg;
    saved found;
    (void)key;
    if (number != l->place->number) return FC_OK;
    if (!get_saved(value, &found))
        return fc_damaged(w, &l->c->tables[l->place->shard], block.offset, "a part of a tensor is malformed");
    return load_values(w, l, found.values, block);
}

int fc_read_v1_part(fc_work *w, const fc_checkpoint *c, const fc_entry *e, const fc_place *p, int64_t count,
                    void **values, void **memory) {
    loading l = {.c = c, .e = e, .place = p, .count = count};
    if ((uint64_t)count > p->size)
        return fc_damaged(w, &c->tables[p->shard], p->offset, "%llu bytes cannot hold %lld values",
                          (unsigned long long)p->size, (long long)count);
    int rc = fc_read_block(w, &c->tables[p->shard], (fc_block){p->offset, p->block_size}, load_entry, &l);
    *values = l.values;
    *memory = l.memory;
    if (!rc && !l.values)
        rc = fc_damaged(w, &c->tables[p->shard], p->offset,
                        "a part of a tensor is gone; the file has changed");
    return rc;
}
