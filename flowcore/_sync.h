/* Mechanism of the scheduler: atomics, a sleep/wake protocol, a work-stealing deque, an injection stack.
 *
 * Owns no policy and knows no node: the scheduler in _engine.pyx decides which thread runs what. Tested alone
 * under sanitizers (tests/native/sync_stress.c). Must never include Python.h.
 *
 * Sleep and wake (fc_event). A sleeper must not miss work that is published while it goes to sleep:
 *   sleeper:  waiters += 1;  key = epoch;  look for work once more;  sleep while epoch == key;  waiters -= 1
 *   waker:    publish work;  if waiters > 0 { epoch += 1;  wake }
 * All four accesses are sequentially consistent: either the waker sees the sleeper's `waiters`, or the
 * sleeper's last look sees the work.
 *
 * Deque (Chase and Lev, "Dynamic circular work-stealing deque", 2005; memory orders after Le et al., 2013,
 * with sequentially consistent accesses in place of fences). The owner pushes and takes at the bottom,
 * thieves steal at the top. A ring that became too small stays readable until the deque is freed, because a
 * thief may still hold it.
 *
 * Injection stack: many threads push cells, the one that drains takes them all at once, so that there is no
 * ABA.
 */
#ifndef FLOWCORE_SYNC_H
#define FLOWCORE_SYNC_H

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "_allocate.h"
#include "_counting.h"
#include "_pause.h"

#if defined(__linux__) && !defined(FC_NO_FUTEX)
#include <linux/futex.h>
#include <sys/syscall.h>
#define FC_FUTEX 1
#endif

static inline int32_t fc_load32(const int32_t *p) { return __atomic_load_n(p, __ATOMIC_SEQ_CST); }
static inline void fc_store32(int32_t *p, int32_t v) {
    FC_WRITE(p);
    __atomic_store_n(p, v, __ATOMIC_SEQ_CST);
}
static inline int32_t fc_add32(int32_t *p, int32_t v) {
    FC_WRITE(p);
    return __atomic_fetch_add(p, v, __ATOMIC_ACQ_REL);
}
static inline int fc_cas32(int32_t *p, int32_t expected, int32_t v) {
    FC_WRITE(p);
    return __atomic_compare_exchange_n(p, &expected, v, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}
static inline int64_t fc_load64(const int64_t *p) { return __atomic_load_n(p, __ATOMIC_SEQ_CST); }
static inline void fc_store64(int64_t *p, int64_t v) {
    FC_WRITE(p);
    __atomic_store_n(p, v, __ATOMIC_SEQ_CST);
}
static inline int64_t fc_add64(int64_t *p, int64_t v) {
    FC_WRITE(p);
    return __atomic_fetch_add(p, v, __ATOMIC_ACQ_REL);
}
static inline float fc_load_float(const float *p) {
    float v;
    __atomic_load(p, &v, __ATOMIC_RELAXED);
    return v;
}
static inline void fc_store_float(float *p, float v) { __atomic_store(p, &v, __ATOMIC_RELAXED); }

static inline int64_t fc_now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* What this thread has computed, or all threads of this process. */
static inline int64_t fc_computed_ns(int whole_process) {
    struct timespec t;
    clock_gettime(whole_process ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_THREAD_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* ---- sleep and wake -------------------------------------------------------------------------- */

typedef struct {
    int32_t epoch;
    int32_t waiters;
#ifndef FC_FUTEX
    pthread_mutex_t mutex;
    pthread_cond_t cond;
#endif
} fc_event;

static inline void fc_event_init(fc_event *e) {
    memset(e, 0, sizeof *e);
#ifndef FC_FUTEX
    pthread_mutex_init(&e->mutex, NULL);
    pthread_cond_init(&e->cond, NULL);
#endif
}
static inline void fc_event_destroy(fc_event *e) {
#ifndef FC_FUTEX
    pthread_mutex_destroy(&e->mutex);
    pthread_cond_destroy(&e->cond);
#else
    (void)e;
#endif
}

/* Step one of sleeping; the caller looks for work between this and fc_event_wait or fc_event_stay_awake. */
static inline int32_t fc_event_prepare(fc_event *e) {
    FC_WRITE(&e->waiters);
    __atomic_fetch_add(&e->waiters, 1, __ATOMIC_SEQ_CST);
    return fc_load32(&e->epoch);
}
static inline void fc_event_stay_awake(fc_event *e) { __atomic_fetch_sub(&e->waiters, 1, __ATOMIC_SEQ_CST); }

/* Sleeps until the epoch moves on from `key` or `ns` nanoseconds have passed (negative: no limit). May wake
 * early. */
static inline void fc_event_wait(fc_event *e, int32_t key, int64_t ns) {
#ifdef FC_FUTEX
    struct timespec limit = {ns / 1000000000, ns % 1000000000};
    syscall(SYS_futex, &e->epoch, FUTEX_WAIT_PRIVATE, key, ns < 0 ? NULL : &limit, NULL, 0);
#else
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    int64_t end = (int64_t)until.tv_sec * 1000000000 + until.tv_nsec + (ns < 0 ? 3600000000000 : ns);
    until.tv_sec = end / 1000000000, until.tv_nsec = end % 1000000000;
    pthread_mutex_lock(&e->mutex);
    if (fc_load32(&e->epoch) == key) pthread_cond_timedwait(&e->cond, &e->mutex, &until);
    pthread_mutex_unlock(&e->mutex);
#endif
    __atomic_fetch_sub(&e->waiters, 1, __ATOMIC_SEQ_CST);
}

/* Wakes one sleeper, or all. Cheap when nobody sleeps. */
static inline void fc_event_wake(fc_event *e, int all) {
    FC_WRITE(&e->waiters);
    if (__atomic_fetch_add(&e->waiters, 0, __ATOMIC_SEQ_CST) == 0) return;
#ifdef FC_FUTEX
    __atomic_fetch_add(&e->epoch, 1, __ATOMIC_SEQ_CST);
    syscall(SYS_futex, &e->epoch, FUTEX_WAKE_PRIVATE, all ? INT32_MAX : 1, NULL, NULL, 0);
#else
    pthread_mutex_lock(&e->mutex);
    __atomic_fetch_add(&e->epoch, 1, __ATOMIC_SEQ_CST);
    (void)all;
    pthread_cond_broadcast(&e->cond);
    pthread_mutex_unlock(&e->mutex);
#endif
}

/* ---- work-stealing deque of pointers ---------------------------------------------------------- */

typedef struct fc_ring {
    int64_t mask;
    struct fc_ring *older;
    void *items[];
} fc_ring;

typedef struct {
    int64_t top __attribute__((aligned(64)));
    int64_t bottom __attribute__((aligned(64)));
    fc_ring *ring;
} fc_deque;

#define FC_EMPTY ((void *)0)
#define FC_RETRY ((void *)-1)

static inline fc_ring *fc_ring_new(int64_t capacity) {
    fc_ring *ring = (fc_ring *)fc_malloc(sizeof(fc_ring) + (size_t)capacity * sizeof(void *));
    if (ring) ring->mask = capacity - 1, ring->older = NULL;
    return ring;
}

/* `capacity` is a power of two. Returns 0, or -1 without memory. */
static inline int fc_deque_init(fc_deque *d, int64_t capacity) {
    d->top = d->bottom = 0;
    d->ring = fc_ring_new(capacity);
    return d->ring ? 0 : -1;
}
static inline void fc_deque_destroy(fc_deque *d) {
    for (fc_ring *ring = d->ring; ring;) {
        fc_ring *older = ring->older;
        free(ring);
        ring = older;
    }
    d->ring = NULL;
}
static inline int64_t fc_deque_size(const fc_deque *d) {
    int64_t n = __atomic_load_n(&d->bottom, __ATOMIC_RELAXED) - __atomic_load_n(&d->top, __ATOMIC_RELAXED);
    return n > 0 ? n : 0;
}

/* Owner only. Returns -1 when the ring is full and cannot grow. */
static inline int fc_deque_push(fc_deque *d, void *item) {
    int64_t b = __atomic_load_n(&d->bottom, __ATOMIC_RELAXED), t = __atomic_load_n(&d->top, __ATOMIC_ACQUIRE);
    fc_ring *ring = __atomic_load_n(&d->ring, __ATOMIC_RELAXED);
    if (b - t > ring->mask) {
        fc_ring *larger = fc_ring_new((ring->mask + 1) * 2);
        if (!larger) return -1;
        for (int64_t i = t; i < b; i++)
            larger->items[i & larger->mask] = __atomic_load_n(&ring->items[i & ring->mask], __ATOMIC_RELAXED);
        larger->older = ring;
        __atomic_store_n(&d->ring, larger, __ATOMIC_RELEASE);
        ring = larger;
    }
    FC_WRITE(&ring->items[b & ring->mask]);
    FC_WRITE(&d->bottom);
    __atomic_store_n(&ring->items[b & ring->mask], item, __ATOMIC_RELAXED);
    __atomic_store_n(&d->bottom, b + 1, __ATOMIC_SEQ_CST);
    return 0;
}

/* Owner only: the item pushed last, or FC_EMPTY. */
static inline void *fc_deque_take(fc_deque *d) {
    int64_t b = __atomic_load_n(&d->bottom, __ATOMIC_RELAXED) - 1;
    /* top only grows: surely empty */
    if (b < __atomic_load_n(&d->top, __ATOMIC_RELAXED)) return FC_EMPTY;
    fc_ring *ring = __atomic_load_n(&d->ring, __ATOMIC_RELAXED);
    FC_WRITE(&d->bottom);
    __atomic_store_n(&d->bottom, b, __ATOMIC_SEQ_CST);
    int64_t t = __atomic_load_n(&d->top, __ATOMIC_SEQ_CST);
    if (t > b) {
        __atomic_store_n(&d->bottom, b + 1, __ATOMIC_RELAXED);
        return FC_EMPTY;
    }
    void *item = __atomic_load_n(&ring->items[b & ring->mask], __ATOMIC_RELAXED);
    if (t == b) { /* the last one: race the thieves for it */
        if (!__atomic_compare_exchange_n(&d->top, &t, t + 1, 0, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
            item = FC_EMPTY;
        __atomic_store_n(&d->bottom, b + 1, __ATOMIC_RELAXED);
    }
    return item;
}

/* Any thread: the oldest item, FC_EMPTY, or FC_RETRY when another thread was faster. */
static inline void *fc_deque_steal(fc_deque *d) {
    int64_t t = __atomic_load_n(&d->top, __ATOMIC_SEQ_CST), b = __atomic_load_n(&d->bottom, __ATOMIC_SEQ_CST);
    if (t >= b) return FC_EMPTY;
    fc_ring *ring = __atomic_load_n(&d->ring, __ATOMIC_ACQUIRE);
    FC_WRITE(&d->top);
    void *item = __atomic_load_n(&ring->items[t & ring->mask], __ATOMIC_RELAXED);
    if (!__atomic_compare_exchange_n(&d->top, &t, t + 1, 0, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
        return FC_RETRY;
    return item;
}

/* ---- injection stack ------------------------------------------------------------------------- */

/* What can be injected: `owner` is its maker's. */
typedef struct fc_cell {
    void *owner;
    struct fc_cell *next;
} fc_cell;

static inline void fc_inject(fc_cell **head, fc_cell *item) {
    FC_WRITE(head);
    fc_cell *top = __atomic_load_n(head, __ATOMIC_RELAXED);
    do __atomic_store_n(&item->next, top, __ATOMIC_RELAXED);
    while (!__atomic_compare_exchange_n(head, &top, item, 1, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED));
}
static inline fc_cell *fc_load_cell(fc_cell **head) { return __atomic_load_n(head, __ATOMIC_SEQ_CST); }
/* All that has been injected, the last one first; NULL: nothing. */
static inline fc_cell *fc_drain(fc_cell **head) {
    if (!__atomic_load_n(head, __ATOMIC_RELAXED)) return NULL;
    return __atomic_exchange_n(head, NULL, __ATOMIC_SEQ_CST);
}

/* ---- fork: threads do not survive it --------------------------------------------------------- */

static int32_t fc_fork_count;
static void fc_after_fork(void) { fc_fork_count++; }
static inline void fc_watch_fork(void) { pthread_atfork(NULL, NULL, fc_after_fork); }

#endif
