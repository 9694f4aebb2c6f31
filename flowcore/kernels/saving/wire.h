/* Numbers and fields in the wire format of protocol buffers: what the indexes of checkpoints are made of. */
#ifndef FLOWCORE_WIRE_H
#define FLOWCORE_WIRE_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../_allocate.h"

/* ---- reading: a part of what was read, never beyond its end ---------------------------------- */

typedef struct {
    const uint8_t *at, *end;
} fc_span;

typedef struct {
    int number;
    int kind; /* FC_VARINT ... */
    uint64_t value;
    fc_span bytes;
} fc_field;
enum { FC_VARINT = 0, FC_FIXED64 = 1, FC_BYTES = 2, FC_FIXED32 = 5 };

static inline int64_t fc_left(const fc_span *s) { return s->end - s->at; }

/* 0 where there is none. */
static inline int fc_get_varint(fc_span *s, uint64_t *value) {
    *value = 0;
    for (int shift = 0; shift < 70 && s->at < s->end; shift += 7) {
        uint8_t byte = *s->at++;
        if (shift == 63 && byte > 1) return 0;
        *value |= (uint64_t)(byte & 127) << shift;
        if (byte < 128) return 1;
    }
    return 0;
}
static inline int fc_get_fixed(fc_span *s, size_t size, uint64_t *value) {
    *value = 0;
    if (fc_left(s) < (int64_t)size) return 0;
    memcpy(value, s->at, size);
    s->at += size;
    return 1;
}
static inline int fc_get_bytes(fc_span *s, fc_span *bytes) {
    uint64_t size;
    if (!fc_get_varint(s, &size) || size > (uint64_t)fc_left(s)) return 0;
    *bytes = (fc_span){s->at, s->at + size};
    s->at += size;
    return 1;
}
/* 1: a field; 0: the end; -1: no message. */
static inline int fc_next_field(fc_span *s, fc_field *f) {
    uint64_t tag;
    if (s->at == s->end) return 0;
    if (!fc_get_varint(s, &tag) || tag >> 3 == 0 || tag >> 3 > 536870911) return -1;
    f->number = (int)(tag >> 3);
    f->kind = (int)(tag & 7);
    f->value = 0;
    f->bytes = (fc_span){s->at, s->at};
    switch (f->kind) {
    case FC_VARINT: return fc_get_varint(s, &f->value) ? 1 : -1;
    case FC_FIXED64: return fc_get_fixed(s, 8, &f->value) ? 1 : -1;
    case FC_FIXED32: return fc_get_fixed(s, 4, &f->value) ? 1 : -1;
    case FC_BYTES: return fc_get_bytes(s, &f->bytes) ? 1 : -1;
    default: return -1;
    }
}

/* ---- writing: bytes that grow ---------------------------------------------------------------- */

typedef struct {
    uint8_t *data;
    size_t size, room;
    int failed; /* no memory: what was put since is not there */
} fc_blob;

static inline int fc_reserve(fc_blob *b, size_t more) {
    if (b->failed) return 0;
    if (more <= b->room - b->size) return 1;
    size_t room = b->room * 2 > b->size + more ? b->room * 2 : b->size + more;
    uint8_t *grown = room < more || fc_refuses() ? NULL : (uint8_t *)realloc(b->data, room);
    if (!grown) {
        b->failed = 1;
        return 0;
    }
    b->data = grown, b->room = room;
    return 1;
}
static inline void fc_put(fc_blob *b, const void *bytes, size_t n) {
    if (!n || !fc_reserve(b, n)) return;
    memcpy(b->data + b->size, bytes, n);
    b->size += n;
}
static inline void fc_put_varint(fc_blob *b, uint64_t value) {
    uint8_t bytes[10];
    size_t n = 0;
    for (; value >= 128; value >>= 7) bytes[n++] = (uint8_t)(value | 128);
    bytes[n++] = (uint8_t)value;
    fc_put(b, bytes, n);
}
static inline void fc_put_fixed32(fc_blob *b, uint32_t value) { fc_put(b, &value, 4); }
/* A number is left out where it is 0, as everywhere in proto3. */
static inline void fc_put_number(fc_blob *b, int field, uint64_t value) {
    if (!value) return;
    fc_put_varint(b, (uint64_t)field << 3 | FC_VARINT);
    fc_put_varint(b, value);
}
static inline void fc_put_message(fc_blob *b, int field, const fc_blob *message) {
    fc_put_varint(b, (uint64_t)field << 3 | FC_BYTES);
    fc_put_varint(b, message->size);
    fc_put(b, message->data, message->size);
    b->failed |= message->failed;
}

#endif
