/* The bytes of long strings: arenas, and which of them a buffer of strings holds.
 *
 * Owns: the list of arenas behind `owner` of a host buffer of strings. Must never include Python.h.
 *
 * An arena is filled by the buffer that made it and only read by others. A buffer holds one reference to each
 * arena that its elements point into, so that elements are copied bit by bit: who copies a million strings
 * writes to no count but those of a few arenas.
 */
#ifndef FLOWCORE_STRINGS_H
#define FLOWCORE_STRINGS_H

#include "_allocate.h"
#include "_kernel.h"

typedef struct {
    int32_t refs;
    int64_t used, capacity;
    char bytes[];
} fc_arena;

typedef struct {
    int32_t count, room;
    int64_t bytes;   /* capacity of all of them */
    int64_t tidy_at; /* bytes from which fc_strings_tidy looks at what is used */
    fc_arena *own;   /* that this buffer fills now, or NULL */
    fc_arena *arenas[];
} fc_arenas;

#define FC_ARENA_MOST (4 << 20)   /* capacity up to which each arena has twice that of the one before */
#define FC_ARENA_SLACK (64 << 10) /* bytes of unused arenas that nobody looks at */
static long long fc_live_arenas;

static inline fc_arenas *fc_arenas_of(const fc_buffer *b) { return (fc_arenas *)b->owner; }
static inline fc_string *fc_strings_of(const fc_buffer *b, int64_t *count) {
    *count = (int64_t)(b->capacity / sizeof(fc_string));
    return (fc_string *)b->data;
}

static inline void fc_arena_release(fc_arena *a) {
    if (__atomic_sub_fetch(&a->refs, 1, __ATOMIC_ACQ_REL)) return;
    __atomic_sub_fetch(&fc_live_arenas, 1, __ATOMIC_RELAXED);
    free(a);
}
static inline void fc_arenas_release(fc_arenas *list) {
    for (int32_t i = 0; list && i < list->count; i++) fc_arena_release(list->arenas[i]);
    free(list);
}

/* Room for `more` arenas in the list of a buffer; 0 without memory. */
static inline int fc_arenas_grow(fc_buffer *b, int32_t more) {
    fc_arenas *old = fc_arenas_of(b);
    int32_t count = old ? old->count : 0;
    if (old && count + more <= old->room) return 1;
    int32_t room = 2 * count > count + more ? 2 * count : count + more;
    fc_arenas *list = fc_malloc(sizeof *list + sizeof(fc_arena *) * (size_t)room);
    if (!list) return 0;
    if (old) memcpy(list, old, sizeof *list + sizeof(fc_arena *) * (size_t)count);
    else memset(list, 0, sizeof *list);
    list->room = room;
    free(old);
    b->owner = list;
    return 1;
}

/* Takes over the reference to an arena; there is room for it. */
static inline void fc_arenas_add(fc_buffer *b, fc_arena *a) {
    fc_arenas *list = fc_arenas_of(b);
    list->arenas[list->count++] = a;
    list->bytes += a->capacity;
}

/* Makes *to, an element of b, of these bytes; 0 without memory. */
static inline int fc_string_store(fc_buffer *b, fc_string *to, const char *bytes, int64_t size) {
    if (size <= FC_STRING_SHORT) {
        fc_string s = {.here = {.size = (uint8_t)size}};
        if (size) memcpy(s.here.bytes, bytes, (size_t)size);
        *to = s;
        return 1;
    }
    fc_arenas *list = fc_arenas_of(b);
    fc_arena *a = list ? list->own : NULL;
    if (!a || a->capacity - a->used < size + 1) {
        int64_t capacity = a ? 2 * a->capacity : (int64_t)(2 * b->capacity);
        if (capacity > FC_ARENA_MOST) capacity = FC_ARENA_MOST;
        if (capacity < size + 1) capacity = size + 1;
        a = fc_malloc(sizeof *a + (size_t)capacity);
        if (!a || !fc_arenas_grow(b, 1)) {
            free(a);
            return 0;
        }
        *a = (fc_arena){.refs = 1, .capacity = capacity};
        __atomic_add_fetch(&fc_live_arenas, 1, __ATOMIC_RELAXED);
        fc_arenas_add(b, a);
        fc_arenas_of(b)->own = a;
    }
    char *at = a->bytes + a->used;
    memcpy(at, bytes, (size_t)size);
    at[size] = 0;
    a->used += size + 1;
    to->away.data = at;
    to->away.size = (uint64_t)size | (uint64_t)FC_STRING_LONG << 56;
    return 1;
}

static inline int fc_arenas_hold(const fc_arenas *list, const fc_arena *a) {
    for (int32_t i = list->count; i > 0 && i > list->count - 8;
         i--) /* those adopted last are the likely ones */
        if (list->arenas[i - 1] == a) return 1;
    return 0;
}

/* b holds what `from` holds, too: elements of it were copied. 0 without memory. */
static inline int fc_strings_adopt(fc_buffer *b, const fc_buffer *from) {
    const fc_arenas *list = fc_arenas_of(from);
    if (b == from || !list || !list->count) return 1;
    if (!fc_arenas_grow(b, list->count)) return 0;
    for (int32_t i = 0; i < list->count; i++) {
        if (fc_arenas_hold(fc_arenas_of(b), list->arenas[i])) continue;
        __atomic_add_fetch(&list->arenas[i]->refs, 1, __ATOMIC_RELAXED);
        fc_arenas_add(b, list->arenas[i]);
    }
    return 1;
}

/* n elements of b, copied bit by bit from `from`, hold what they need: all arenas of `from`, or, where they
 * are a few of many, copies of their bytes, so that no great arena is kept for a short text. */
static inline int fc_strings_keep(fc_buffer *b, fc_string *first, int64_t n, const fc_buffer *from) {
    const fc_arenas *list = fc_arenas_of(from);
    if (!list || !list->count) return 1;
    if (list->bytes <= FC_ARENA_SLACK || n > (int64_t)(from->capacity / sizeof(fc_string) / 4))
        return fc_strings_adopt(b, from);
    for (int64_t i = 0; i < n; i++) {
        fc_bytes s = fc_bytes_of(&first[i]);
        if (fc_is_long(&first[i]) && !fc_string_store(b, &first[i], s.data, s.size)) return 0;
    }
    return 1;
}

/* Where most of what the arenas hold is of strings that were overwritten since, the bytes of those that are
 * left move into a fresh one. b has one owner. Without memory all stays as it is. */
static inline void fc_strings_tidy(fc_buffer *b) {
    fc_arenas *old = fc_arenas_of(b);
    int64_t count, left = 0;
    fc_string *s = fc_strings_of(b, &count);
    if (!old || old->bytes <= FC_ARENA_SLACK || old->bytes <= old->tidy_at) return;
    for (int64_t i = 0; i < count; i++)
        if (fc_is_long(&s[i])) left += fc_bytes_of(&s[i]).size + 1;
    old->tidy_at = 2 * old->bytes; /* so looking costs no more than writing did */
    if (2 * left > old->bytes) return;
    fc_arena *a = fc_malloc(sizeof *a + (size_t)left);
    b->owner = NULL;
    if (!a || !fc_arenas_grow(b, 1)) {
        b->owner = old;
        free(a);
        return;
    }
    *a = (fc_arena){.refs = 1, .capacity = left};
    __atomic_add_fetch(&fc_live_arenas, 1, __ATOMIC_RELAXED);
    fc_arenas_add(b, a);
    fc_arenas_of(b)->own = a;
    for (int64_t i = 0; i < count; i++) /* there is room for all */
        if (fc_is_long(&s[i])) {
            fc_bytes from = fc_bytes_of(&s[i]);
            fc_string_store(b, &s[i], from.data, from.size);
        }
    fc_arenas_release(old);
}

#endif
