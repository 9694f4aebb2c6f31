/* Stress of _blocks.h alone: threads that take, fill, hand over and give blocks; no block is in two hands,
 * none is lost, and the counts add up. Built under a sanitizer by test_sync.py. Exits with 0, or aborts with
 * a message. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "../../flowcore/_blocks.h"

#define THREADS 4
#define ROUNDS 20000
#define SHELF 64

static fc_buffer *shelf[SHELF]; /* where threads leave blocks for others to give back */

static fc_buffer *take(size_t bytes) {
    size_t rounded;
    int size_class = fc_size_class(bytes, &rounded);
    fc_buffer *b = fc_take_block(size_class);
    assert(rounded >= bytes && (bytes <= 256 || rounded * 3 <= bytes * 4 + 4 * 64));
    if (!b) {
        b = aligned_alloc(64, rounded + 64);
        b->data = (char *)b + 64;
        b->capacity = rounded;
    }
    assert(b->capacity == rounded);
    fc_count_used(1, (long long)rounded);
    return b;
}

static void give(fc_buffer *b) {
    size_t rounded;
    fc_count_used(-1, -(long long)b->capacity);
    fc_give_block(b, fc_size_class(b->capacity, &rounded), 1 << 20);
}

static void *work(void *arg) {
    unsigned seed = (unsigned)(size_t)arg, mark = seed;
    for (int i = 0; i < ROUNDS; i++) {
        seed = seed * 1664525u + 1013904223u;
        fc_buffer *b = take(1 + (seed >> 8) % (seed & 1 ? 600 : 40000));
        memset(b->data, (int)mark, 64);
        for (int k = 0; k < 64; k++)
            if (((unsigned char *)b->data)[k] != (unsigned char)mark) abort(); /* two threads hold it */
        b = __atomic_exchange_n(&shelf[seed >> 16 & (SHELF - 1)], b, __ATOMIC_ACQ_REL);
        if (b) give(b);
        if (i % 5000 == 0) fc_free_blocks();
    }
    return NULL;
}

int main(void) {
    pthread_t threads[THREADS];
    long long blocks, bytes, kept;
    for (int round = 0; round < 3; round++) { /* what a thread kept outlives it */
        for (size_t i = 0; i < THREADS; i++) pthread_create(&threads[i], NULL, work, (void *)(i + 1));
        for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    }
    for (int i = 0; i < SHELF; i++)
        if (shelf[i]) give(shelf[i]);
    fc_used(&blocks, &bytes, &kept);
    assert(blocks == 0 && bytes == 0 && kept > 0);
    fc_free_blocks();
    fc_used(&blocks, &bytes, &kept);
    assert(kept == 0);
    puts("done");
    return 0;
}
