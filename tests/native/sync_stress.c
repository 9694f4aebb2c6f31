/* Stress of _sync.h alone: every item that is pushed is taken exactly once, by its owner or a thief, and no
 * sleeper misses a wake. Built under a sanitizer by test_sync.py. Exits with 0, or aborts with a message. */
#include <assert.h>
#include <stdio.h>

#include "../../flowcore/_sync.h"

#define ITEMS 40000
#define THIEVES 3

static fc_deque deque;
static int32_t seen[ITEMS], taken, finished;

static void note(void *pointer) {
    int32_t item = (int32_t)((intptr_t)pointer - 1);
    if (__atomic_fetch_add(&seen[item], 1, __ATOMIC_RELAXED)) {
        fprintf(stderr, "item %d came out twice\n", item);
        abort();
    }
    fc_add32(&taken, 1);
}

static void *thief(void *unused) {
    (void)unused;
    while (fc_load32(&taken) < ITEMS) {
        void *item = fc_deque_steal(&deque);
        if (item != FC_EMPTY && item != FC_RETRY) note(item);
        else fc_pause();
    }
    return NULL;
}

static void deque_stress(void) {
    pthread_t threads[THIEVES];
    assert(!fc_deque_init(&deque, 4)); /* small, so that it grows under fire */
    for (int i = 0; i < THIEVES; i++) pthread_create(&threads[i], NULL, thief, NULL);
    for (int32_t item = 0; item < ITEMS; item++) {
        assert(!fc_deque_push(&deque, (void *)(intptr_t)(item + 1)));
        if (item % 3 == 0) {
            void *own = fc_deque_take(&deque);
            if (own != FC_EMPTY) note(own);
        }
    }
    while (fc_load32(&taken) < ITEMS) {
        void *own = fc_deque_take(&deque);
        if (own != FC_EMPTY) note(own);
    }
    for (int i = 0; i < THIEVES; i++) pthread_join(threads[i], NULL);
    fc_deque_destroy(&deque);
    for (int i = 0; i < ITEMS; i++) assert(seen[i] == 1);
}

/* Producers inject numbers, one consumer sleeps whenever there is nothing: a missed wake would hang it. */
#define PRODUCERS 4
#define EACH 5000
static fc_cell *head, cells[PRODUCERS * EACH];
static fc_event event;

static void *producer(void *arg) {
    int32_t base = (int32_t)(intptr_t)arg * EACH;
    for (int32_t i = 0; i < EACH; i++) {
        fc_inject(&head, &cells[base + i]);
        fc_event_wake(&event, 0);
        if (i % 64 == 0) sched_yield();
    }
    fc_add32(&finished, 1);
    fc_event_wake(&event, 1);
    return NULL;
}

static void inject_stress(void) {
    pthread_t threads[PRODUCERS];
    int32_t got = 0;
    fc_event_init(&event);
    for (intptr_t i = 0; i < PRODUCERS; i++) pthread_create(&threads[i], NULL, producer, (void *)i);
    while (got < PRODUCERS * EACH) {
        fc_cell *item = fc_drain(&head);
        if (!item) {
            int32_t key = fc_event_prepare(&event);
            item = fc_drain(&head);
            if (!item) {
                fc_event_wait(&event, key, -1);
                continue;
            }
            fc_event_stay_awake(&event);
        }
        for (; item; item = __atomic_load_n(&item->next, __ATOMIC_RELAXED)) got++;
    }
    for (int i = 0; i < PRODUCERS; i++) pthread_join(threads[i], NULL);
    assert(!fc_drain(&head));
    fc_event_destroy(&event);
}

int main(void) {
    deque_stress();
    inject_stress();
    puts("done");
    return 0;
}
