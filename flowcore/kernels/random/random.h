/* The state of a random node: its key and how often it has run. */
#ifndef FLOWCORE_RANDOM_H
#define FLOWCORE_RANDOM_H

#include "../../_kernel.h"

typedef struct {
    fc_resource base;
    uint64_t key, runs;
} fc_rng;

/* Claims the next run of the node. */
static inline void fc_rng_next(fc_resource *state, uint64_t *key, uint64_t *run) {
    fc_rng *rng = (fc_rng *)state;
    *key = rng->key;
    *run = __atomic_fetch_add(&rng->runs, 1, __ATOMIC_RELAXED);
}

#endif
