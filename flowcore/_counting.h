/* With -DFC_COUNT, for examples/benchmarks/contention.py: what threads do to each other; otherwise nothing.
 * Counts atomic writes, those of them to a line that another thread wrote last, and locks. A line's last
 * writer is found by the line's number in a table; two lines that share a place there count as one. */
#ifndef FLOWCORE_COUNTING_H
#define FLOWCORE_COUNTING_H

#ifndef FC_COUNT
#define FC_WRITE(p) ((void)0)
#else
#define FC_WRITE(p) fc_count_write(p)
#include <pthread.h>
#include <stdint.h>

#define FC_COUNTED_LINES (1 << 18)
enum { FC_WRITES, FC_MOVED_LINES, FC_LOCKS, FC_LOCK_WAITS, FC_COUNTS };
__attribute__((visibility("default"))) int64_t fc_counts[FC_COUNTS];
static uintptr_t fc_last_writer[FC_COUNTED_LINES];
static __thread char fc_this_thread;

static inline void fc_count(int what) { __atomic_fetch_add(&fc_counts[what], 1, __ATOMIC_RELAXED); }
static inline void fc_count_write(const volatile void *p) {
    uintptr_t line = (uintptr_t)p / 64, me = (uintptr_t)&fc_this_thread;
    uintptr_t before = __atomic_exchange_n(&fc_last_writer[line % FC_COUNTED_LINES], me, __ATOMIC_RELAXED);
    fc_count(FC_WRITES);
    if (before && before != me) fc_count(FC_MOVED_LINES);
}
static inline int fc_counted_lock(pthread_mutex_t *lock) {
    fc_count(FC_LOCKS);
    fc_count_write(lock);
    if (!pthread_mutex_trylock(lock)) return 0;
    fc_count(FC_LOCK_WAITS);
    return pthread_mutex_lock(lock);
}
static inline int fc_counted_trylock(pthread_mutex_t *lock) {
    int taken_already = pthread_mutex_trylock(lock);
    if (taken_already) return taken_already;
    fc_count(FC_LOCKS);
    fc_count_write(lock);
    return 0;
}
#define pthread_mutex_lock fc_counted_lock
#define pthread_mutex_trylock fc_counted_trylock
#endif

#endif
