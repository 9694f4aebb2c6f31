/* See table.h. */
#include "table.h"

#include "crc32c.h"
#include "snappy.h"

#define FOOTER 48
#define TRAILER 5 /* of a block: kind of compression, sum */
#define MAGIC 0xdb4775248b80fb57u
#define MOST_OF_A_BLOCK INT32_MAX
#define BLOCK_SIZE (256 << 10)
#define RESTART_EVERY 16

/* ---- reading --------------------------------------------------------------------------------- */

/* The contents of a block, which the caller frees. */
static int load_block(fc_work *w, const fc_file *file, fc_block block, uint8_t **contents, size_t *size) {
    uint8_t *raw = NULL, *whole;
    size_t n = (size_t)block.size, tokens = 0;
    uint32_t stored;
    *contents = NULL;
    int rc = fc_expect_inside(w, file, block.offset, n, "a block of the table");
    if (!rc && (n > MOST_OF_A_BLOCK || file->size - block.offset - n < TRAILER))
        rc = fc_damaged(w, file, block.offset, "no block of a table has %zu bytes there", n);
    if (!rc && !(raw = fc_malloc(n + TRAILER))) rc = fc_no_memory(w, n + TRAILER);
    if (!rc) rc = fc_read_at(w, file, block.offset, raw, n + TRAILER);
    if (!rc) {
        memcpy(&stored, raw + n + 1, 4);
        if (stored != fc_mask_crc(fc_crc32c(0, raw, n + 1)))
            rc = fc_damaged(w, file, block.offset, "the sum of a block of %zu bytes is not the stored one",
                            n);
        else if (raw[n] > 1)
            rc = fc_damaged(w, file, block.offset, "a block is compressed in an unknown way (%d)", raw[n]);
    }
    if (!rc && raw[n] == 1) {
        int64_t expanded = fc_snappy_size(raw, n, &tokens);
        whole = expanded < 0 ? NULL : fc_malloc((size_t)expanded + 1);
        if (expanded >= 0 && !whole) rc = fc_no_memory(w, (size_t)expanded);
        else if (!whole || !fc_snappy_expand(raw + tokens, n - tokens, whole, (size_t)expanded))
            rc = fc_damaged(w, file, block.offset, "a block cannot be decompressed");
        free(raw);
        raw = whole;
        n = (size_t)expanded;
    }
    if (rc) {
        free(raw);
        return rc;
    }
    *contents = raw;
    *size = n;
    return FC_OK;
}

/* What the keys of a table may add up to: sharing makes them longer than the file, but not without end. */
typedef struct {
    const fc_file *file;
    uint64_t key_bytes;
    fc_blob last;
    int any;
} reading;

static int next_key(fc_work *w, reading *r, fc_block block, uint64_t shared, fc_span fresh, fc_blob *key) {
    if (shared > key->size)
        return fc_damaged(w, r->file, block.offset, "a key shares %llu bytes with one of %zu",
                          (unsigned long long)shared, key->size);
    key->size = shared;
    fc_put(key, fresh.at, (size_t)fc_left(&fresh));
    if (key->failed) return fc_no_memory(w, key->size);
    r->key_bytes += key->size;
    if (r->key_bytes > (1 << 20) + 32 * r->file->size)
        return fc_damaged(w, r->file, block.offset, "the keys take more than %llu bytes",
                          (unsigned long long)r->key_bytes);
    return FC_OK;
}

static int visit_block(fc_work *w, reading *r, fc_block block, const uint8_t *contents, size_t size,
                       fc_visit visit, void *arg) {
    uint32_t restarts = 0;
    uint64_t shared, fresh, length;
    fc_blob key = {0};
    if (size >= 4) memcpy(&restarts, contents + size - 4, 4);
    if (size < 4 || restarts > (size - 4) / 4)
        return fc_damaged(w, r->file, block.offset, "a block of %zu bytes has no room for %u restarts", size,
                          restarts);
    fc_span s = {contents, contents + size - 4 - 4 * (size_t)restarts};
    int rc = FC_OK;
    for (int64_t number = 0; !rc && s.at < s.end; number++) {
        if (!fc_get_varint(&s, &shared) || !fc_get_varint(&s, &fresh) || !fc_get_varint(&s, &length) ||
            fresh > (uint64_t)fc_left(&s) || length > (uint64_t)fc_left(&s) - fresh) {
            rc = fc_damaged(w, r->file, block.offset, "entry %lld of a block reaches beyond its end",
                            (long long)number);
            break;
        }
        fc_span part = {s.at, s.at + fresh}, value = {s.at + fresh, s.at + fresh + length};
        s.at += fresh + length;
        rc = next_key(w, r, block, shared, part, &key);
        fc_bytes now = {(char *)key.data, (int64_t)key.size};
        fc_bytes before = {(char *)r->last.data, (int64_t)r->last.size};
        if (!rc && r->any && fc_compare_bytes(before, now) >= 0)
            rc = fc_damaged(w, r->file, block.offset, "the keys of the table are not in order");
        r->any = 1;
        r->last.size = 0;
        fc_put(&r->last, key.data, key.size);
        if (!rc && r->last.failed) rc = fc_no_memory(w, key.size);
        if (!rc) rc = visit(w, arg, now, value, block, number);
    }
    free(key.data);
    return rc;
}

static int get_block(fc_span *s, fc_block *block) {
    return fc_get_varint(s, &block->offset) && fc_get_varint(s, &block->size);
}

int fc_read_block(fc_work *w, const fc_file *file, fc_block block, fc_visit visit, void *arg) {
    uint8_t *contents;
    size_t size;
    reading r = {.file = file};
    int rc = load_block(w, file, block, &contents, &size);
    if (!rc) rc = visit_block(w, &r, block, contents, size, visit, arg);
    free(contents);
    free(r.last.data);
    return rc;
}

/* Reads the data blocks that the entries of the block of blocks lead to. */
typedef struct {
    reading data;
    uint64_t end; /* of the block before: blocks do not overlap, or a small file could be read for ever */
    fc_visit visit;
    void *arg;
} descent;

static int descend(fc_work *w, void *arg, fc_bytes key, fc_span value, fc_block index, int64_t number) {
    descent *d = arg;
    fc_block block;
    uint8_t *contents;
    size_t size;
    (void)key;
    int rc = fc_go_on(w);
    if (rc) return rc;
    if (!get_block(&value, &block) || block.offset < d->end || block.size > UINT64_MAX - block.offset)
        return fc_damaged(w, d->data.file, index.offset,
                          "entry %lld does not lead to a block behind the last", (long long)number);
    rc = load_block(w, d->data.file, block, &contents, &size);
    if (!rc) rc = visit_block(w, &d->data, block, contents, size, d->visit, d->arg);
    free(contents);
    d->end = block.offset + block.size + TRAILER;
    return rc;
}

int fc_read_table(fc_work *w, const fc_file *file, fc_visit visit, void *arg) {
    uint8_t footer[FOOTER];
    uint64_t magic;
    fc_block meta, index;
    if (file->size < FOOTER)
        return fc_damaged(w, file, 0, "a table has at least %d bytes, and this file has %llu", FOOTER,
                          (unsigned long long)file->size);
    int rc = fc_read_at(w, file, file->size - FOOTER, footer, FOOTER);
    if (rc) return rc;
    memcpy(&magic, footer + FOOTER - 8, 8);
    fc_span s = {footer, footer + FOOTER - 8};
    if (magic != MAGIC)
        return fc_damaged(w, file, file->size - 8,
                          "this is no sorted table: its last bytes are not the mark");
    if (!get_block(&s, &meta) || !get_block(&s, &index))
        return fc_damaged(w, file, file->size - FOOTER, "where the table's blocks are cannot be read");
    descent d = {.data = {.file = file}, .visit = visit, .arg = arg};
    rc = fc_read_block(w, file, index, descend, &d);
    free(d.data.last.data);
    return rc;
}

/* ---- writing --------------------------------------------------------------------------------- */

static void put_entry(fc_blob *block, fc_bytes key, size_t shared, const uint8_t *value, size_t size) {
    fc_put_varint(block, shared);
    fc_put_varint(block, (uint64_t)key.size - shared);
    fc_put_varint(block, size);
    fc_put(block, key.data + shared, (size_t)key.size - shared);
    fc_put(block, value, size);
}

/* Puts a block with its restarts behind what the file has, and empties both. */
static fc_block end_block(fc_table_writer *t, fc_blob *block, fc_blob *restarts) {
    if (!restarts->size) fc_put_fixed32(restarts, 0);
    fc_put(block, restarts->data, restarts->size);
    fc_put_fixed32(block, (uint32_t)(restarts->size / 4));
    fc_block place = {t->file.size, block->size};
    fc_put(block, "", 1); /* not compressed */
    uint32_t crc = fc_mask_crc(fc_crc32c(0, block->data, block->failed ? 0 : block->size));
    fc_put_fixed32(block, crc);
    fc_put(&t->file, block->data, block->size);
    t->file.failed |= block->failed | restarts->failed;
    block->size = restarts->size = 0;
    return place;
}

static void end_data_block(fc_table_writer *t) {
    fc_blob place = {0};
    if (!t->block.size) return;
    fc_block block = end_block(t, &t->block, &t->restarts);
    fc_put_varint(&place, block.offset);
    fc_put_varint(&place, block.size);
    fc_put_fixed32(&t->index_restarts, (uint32_t)t->index.size);
    put_entry(&t->index, (fc_bytes){(char *)t->last_key.data, (int64_t)t->last_key.size}, 0, place.data,
              place.size);
    t->index.failed |= place.failed;
    free(place.data);
    t->in_block = 0;
}

void fc_add_entry(fc_table_writer *t, fc_bytes key, const fc_blob *value) {
    size_t shared = 0;
    if (t->in_block % RESTART_EVERY == 0) {
        fc_put_fixed32(&t->restarts, (uint32_t)t->block.size);
    } else {
        while (shared < t->last_key.size && shared < (size_t)key.size &&
               t->last_key.data[shared] == (uint8_t)key.data[shared])
            shared++;
    }
    put_entry(&t->block, key, shared, value->data, value->size);
    t->block.failed |= value->failed;
    t->in_block++;
    t->last_key.size = 0;
    fc_put(&t->last_key, key.data, (size_t)key.size);
    if (t->block.size >= BLOCK_SIZE) end_data_block(t);
}

int fc_end_table(fc_work *w, fc_table_writer *t) {
    fc_blob footer = {0};
    end_data_block(t);
    fc_block meta = end_block(t, &t->block, &t->restarts),
             index = end_block(t, &t->index, &t->index_restarts);
    uint64_t magic = MAGIC;
    fc_put_varint(&footer, meta.offset);
    fc_put_varint(&footer, meta.size);
    fc_put_varint(&footer, index.offset);
    fc_put_varint(&footer, index.size);
    while (footer.size < FOOTER - 8 && !footer.failed) fc_put(&footer, "", 1);
    fc_put(&footer, &magic, 8);
    fc_put(&t->file, footer.data, footer.size);
    t->file.failed |= footer.failed | t->last_key.failed;
    free(footer.data);
    return t->file.failed ? fc_no_memory(w, t->file.size) : FC_OK;
}

void fc_drop_table(fc_table_writer *t) {
    free(t->file.data);
    free(t->block.data);
    free(t->restarts.data);
    free(t->index.data);
    free(t->index_restarts.data);
    free(t->last_key.data);
    *t = (fc_table_writer){0};
}
