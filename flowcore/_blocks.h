/* Blocks of host memory that are kept for reuse, by size class: a cache of each thread's own, before lists
 * that all threads share.
 *
 * Owns: which thread keeps which free block, and how many blocks are in use. Must never include Python.h.
 *
 * A node of a graph takes a block and gives one back; with shared lists and counters alone that is eight
 * writes to memory that all threads fight for. So small blocks go to and come from the thread's own cache,
 * which nobody else touches, and the counts of blocks in use are kept by thread and added up when asked for.
 * What a thread keeps is bounded, and goes to the shared lists when it ends.
 */
#ifndef FLOWCORE_BLOCKS_H
#define FLOWCORE_BLOCKS_H

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#include "_allocate.h"
#include "_kernel.h"
#include "_list.h"

#define FC_CLASSES 160
/* Classes that threads keep themselves: blocks up to 16 KiB, of each class at most so many, and at most 64
 * KiB. */
#define FC_OWN_CLASSES 28
#define FC_OWN_MOST 64
#define FC_OWN_BYTES 65536

/* Classes 64, 128, 192, 256, then four per doubling: less than a quarter of a block is wasted. */
static inline int fc_size_class(size_t bytes, size_t *rounded) {
    size_t units = (bytes + 63) / 64;
    if (units <= 4) {
        units = units ? units : 1;
        *rounded = units * 64;
        return (int)units - 1;
    }
    int shift = 61 - __builtin_clzll(units - 1);
    size_t quarter = (units - 1) >> shift;
    *rounded = ((quarter + 1) << shift) * 64;
    return 4 * shift + (int)quarter;
}

static inline void fc_lock(char *l) {
    while (__atomic_test_and_set(l, __ATOMIC_ACQUIRE)) sched_yield();
}
static inline void fc_unlock(char *l) { __atomic_clear(l, __ATOMIC_RELEASE); }

typedef struct {
    char lock;
    fc_buffer *head; /* linked through `owner` */
    char padding[48];
} fc_free_list;

typedef struct fc_cache {
    fc_link link;
    fc_buffer *head[FC_OWN_CLASSES];
    int32_t count[FC_OWN_CLASSES];
    long long blocks, bytes; /* in use, as this thread has changed them; others only read */
    long long kept;          /* bytes that it keeps; likewise */
} fc_cache;

static fc_free_list fc_lists[FC_CLASSES];
static long long fc_kept_bytes; /* in the shared lists */
static char fc_caches_lock;     /* guards the list of caches and the counts of threads that have ended */
static fc_link fc_caches = FC_EMPTY_LIST(fc_caches);
static long long fc_ended_blocks, fc_ended_bytes;
static pthread_key_t fc_cache_key;
static pthread_once_t fc_cache_once = PTHREAD_ONCE_INIT;
#if defined(__GLIBC__)
static __thread fc_cache *fc_own_cache __attribute__((tls_model("initial-exec")));
#else
static __thread fc_cache *fc_own_cache;
#endif

static inline void fc_share_block(fc_buffer *b, int size_class) {
    fc_free_list *list = &fc_lists[size_class];
    fc_lock(&list->lock);
    b->owner = list->head;
    /* a look without the lock sees a block or none */
    __atomic_store_n(&list->head, b, __ATOMIC_RELAXED);
    fc_unlock(&list->lock);
}

/* Only the owner writes its counts; the store is atomic for threads that add them up. */
static inline void fc_add_own(long long *count, long long by) {
    __atomic_store_n(count, __atomic_load_n(count, __ATOMIC_RELAXED) + by, __ATOMIC_RELAXED);
}

/* All that it keeps goes to the shared lists. */
static void fc_empty_cache(fc_cache *own) {
    for (int c = 0; c < FC_OWN_CLASSES; c++) {
        while (own->head[c]) {
            fc_buffer *b = own->head[c];
            own->head[c] = (fc_buffer *)b->owner;
            __atomic_add_fetch(&fc_kept_bytes, (long long)b->capacity, __ATOMIC_RELAXED);
            fc_share_block(b, c);
        }
        own->count[c] = 0;
    }
    fc_add_own(&own->kept, -own->kept);
}

static void fc_end_cache(void *arg) {
    fc_cache *own = (fc_cache *)arg;
    fc_empty_cache(own);
    fc_lock(&fc_caches_lock);
    fc_ended_blocks += own->blocks;
    fc_ended_bytes += own->bytes;
    fc_list_remove(&own->link);
    fc_unlock(&fc_caches_lock);
    fc_own_cache = NULL; /* a destructor that runs later begins a new one */
    free(own);
}

static void fc_make_cache_key(void) { pthread_key_create(&fc_cache_key, fc_end_cache); }

/* This thread's cache, made at its first use; NULL without memory. */
static fc_cache *fc_new_cache(void) {
    fc_cache *own = (fc_cache *)fc_calloc(1, sizeof *own);
    if (!own) return NULL;
    pthread_once(&fc_cache_once, fc_make_cache_key);
    if (pthread_setspecific(fc_cache_key, own)) {
        free(own);
        return NULL;
    }
    fc_lock(&fc_caches_lock);
    fc_list_push_front(&fc_caches, &own->link);
    fc_unlock(&fc_caches_lock);
    return fc_own_cache = own;
}
static inline fc_cache *fc_cache_of_thread(void) { return fc_own_cache ? fc_own_cache : fc_new_cache(); }

/* A kept block of this class, or NULL. */
static inline fc_buffer *fc_take_block(int size_class) {
    fc_cache *own = fc_cache_of_thread();
    if (own && size_class < FC_OWN_CLASSES && own->head[size_class]) {
        fc_buffer *b = own->head[size_class];
        own->head[size_class] = (fc_buffer *)b->owner;
        own->count[size_class]--;
        fc_add_own(&own->kept, -(long long)b->capacity);
        return b;
    }
    fc_free_list *list = &fc_lists[size_class];
    if (!__atomic_load_n(&list->head, __ATOMIC_RELAXED)) return NULL;
    fc_lock(&list->lock);
    fc_buffer *b = list->head;
    if (b) __atomic_store_n(&list->head, (fc_buffer *)b->owner, __ATOMIC_RELAXED);
    fc_unlock(&list->lock);
    if (b) __atomic_sub_fetch(&fc_kept_bytes, (long long)b->capacity, __ATOMIC_RELAXED);
    return b;
}

/* Keeps the block, or frees it where `limit` bytes are kept in the shared lists already. */
static inline void fc_give_block(fc_buffer *b, int size_class, long long limit) {
    fc_cache *own = fc_cache_of_thread();
    if (own && size_class < FC_OWN_CLASSES && own->count[size_class] < FC_OWN_MOST &&
        (size_t)own->count[size_class] * b->capacity < FC_OWN_BYTES) {
        b->owner = own->head[size_class];
        own->head[size_class] = b;
        own->count[size_class]++;
        fc_add_own(&own->kept, (long long)b->capacity);
        return;
    }
    if (__atomic_add_fetch(&fc_kept_bytes, (long long)b->capacity, __ATOMIC_RELAXED) > limit) {
        __atomic_sub_fetch(&fc_kept_bytes, (long long)b->capacity, __ATOMIC_RELAXED);
        free(b);
        return;
    }
    fc_share_block(b, size_class);
}

/* Frees all blocks but those that other threads keep themselves. */
static inline void fc_free_blocks(void) {
    if (fc_own_cache) fc_empty_cache(fc_own_cache);
    for (int c = 0; c < FC_CLASSES; c++) {
        fc_lock(&fc_lists[c].lock);
        fc_buffer *b = fc_lists[c].head;
        __atomic_store_n(&fc_lists[c].head, NULL, __ATOMIC_RELAXED);
        fc_unlock(&fc_lists[c].lock);
        while (b) {
            fc_buffer *next = (fc_buffer *)b->owner;
            __atomic_sub_fetch(&fc_kept_bytes, (long long)b->capacity, __ATOMIC_RELAXED);
            free(b);
            b = next;
        }
    }
}

static inline void fc_count_used(long long blocks, long long bytes) {
    fc_cache *own = fc_cache_of_thread();
    if (!own) {
        fc_lock(&fc_caches_lock);
        fc_ended_blocks += blocks;
        fc_ended_bytes += bytes;
        fc_unlock(&fc_caches_lock);
        return;
    }
    fc_add_own(&own->blocks, blocks);
    fc_add_own(&own->bytes, bytes);
}

/* A child finds the lists whole and their locks free, whatever other threads of its parent were at. What
 * these kept themselves stays unused in the child. */
static void fc_before_fork(void) {
    fc_lock(&fc_caches_lock);
    for (int c = 0; c < FC_CLASSES; c++) fc_lock(&fc_lists[c].lock);
}
static void fc_lists_after_fork(void) {
    for (int c = 0; c < FC_CLASSES; c++) fc_unlock(&fc_lists[c].lock);
    fc_unlock(&fc_caches_lock);
}
static inline void fc_watch_forks(void) {
    pthread_atfork(fc_before_fork, fc_lists_after_fork, fc_lists_after_fork);
}

/* Blocks and bytes in use, and bytes kept, over all threads. Exact while none of them takes or gives one. */
static inline void fc_used(long long *blocks, long long *bytes, long long *kept) {
    fc_lock(&fc_caches_lock);
    *blocks = fc_ended_blocks;
    *bytes = fc_ended_bytes;
    *kept = __atomic_load_n(&fc_kept_bytes, __ATOMIC_RELAXED);
    for (fc_cache *c = fc_list_first(&fc_caches); c; c = fc_list_next(&fc_caches, &c->link)) {
        *blocks += __atomic_load_n(&c->blocks, __ATOMIC_RELAXED);
        *bytes += __atomic_load_n(&c->bytes, __ATOMIC_RELAXED);
        *kept += __atomic_load_n(&c->kept, __ATOMIC_RELAXED);
    }
    fc_unlock(&fc_caches_lock);
}

#endif
