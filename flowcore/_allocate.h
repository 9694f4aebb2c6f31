/* The allocations of the execution column, each of which a test can make fail.
 *
 * Owns: the count of allocations while a test counts, and which of them is refused. Otherwise these are
 * malloc, calloc and posix_memalign after one look at a flag that nobody writes. Must never include Python.h.
 */
#ifndef FLOWCORE_ALLOCATE_H
#define FLOWCORE_ALLOCATE_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    int32_t counting;
    int64_t made;        /* since counting began */
    int64_t first, last; /* those that are refused, counted from 1 */
} fc_allocations;

/* Units that share a count are given one at import; a unit without one allocates always. */
static fc_allocations *fc_counted_allocations;
static inline void fc_count_allocations(fc_allocations *count) { fc_counted_allocations = count; }

/* Whether this allocation is to fail. */
static inline int fc_refuses(void) {
    fc_allocations *a = fc_counted_allocations;
    if (__builtin_expect(!a || !__atomic_load_n(&a->counting, __ATOMIC_ACQUIRE), 1)) return 0;
    int64_t n = __atomic_add_fetch(&a->made, 1, __ATOMIC_RELAXED);
    return n >= a->first && n <= a->last;
}

static inline void *fc_malloc(size_t bytes) { return fc_refuses() ? NULL : malloc(bytes); }
static inline void *fc_calloc(size_t count, size_t bytes) {
    return fc_refuses() ? NULL : calloc(count, bytes);
}
static inline char *fc_strdup(const char *text) { return fc_refuses() ? NULL : strdup(text); }
static inline void *fc_aligned(size_t bytes, size_t alignment) {
    void *p = NULL;
    return fc_refuses() || posix_memalign(&p, alignment, bytes) ? NULL : p;
}

#endif
