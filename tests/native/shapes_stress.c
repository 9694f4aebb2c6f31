/* Stress of _shapes.h alone: threads that keep the same shapes in different orders; each shape gets one
 * block, which all of them see whole. Built under a sanitizer by test_sync.py. Exits with 0, or aborts. */
#include <assert.h>
#include <pthread.h>
#include <stdio.h>

#include "../../flowcore/_shapes.h"

#define SHAPES 500

static const int64_t *kept[8][SHAPES];

static int make(int i, int64_t *dims) { /* of 9 to 64 dimensions, many of them in one list */
    int ndim = 9 + i % 56;
    for (int d = 0; d < ndim; d++) dims[d] = d == i % 9 ? i : 1;
    return ndim;
}

static void *work(void *arg) {
    static const int strides[] = {7, 11, 13, 17, 19, 23, 29, 31}; /* none divides 500 */
    const int thread = (int)(size_t)arg, stride = strides[thread];
    for (int round = 0; round < 5; round++)
        for (int k = 0; k < SHAPES; k++) {
            int64_t dims[64];
            int i = (k * stride + thread) % SHAPES, ndim = make(i, dims);
            const int64_t *found = fc_keep_shape(ndim, dims);
            assert(found && found != dims && !memcmp(found, dims, (size_t)ndim * sizeof *dims));
            assert(!kept[thread][i] || kept[thread][i] == found);
            kept[thread][i] = found;
        }
    return NULL;
}

int main(void) {
    static const int counts[] = {1, 2, 8};
    pthread_t threads[8];
    for (int c = 0; c < 3; c++) {
        for (int i = 0; i < counts[c]; i++) pthread_create(&threads[i], NULL, work, (void *)(size_t)i);
        for (int i = 0; i < counts[c]; i++) pthread_join(threads[i], NULL);
        if (c < 2) { /* the next ones begin anew: these are left to the sanitizer to find, and reachable */
            static fc_kept_shape *old[2][FC_SHAPE_LISTS];
            memcpy(old[c], fc_shape_lists, sizeof old[c]);
            memset(fc_shape_lists, 0, sizeof fc_shape_lists);
            memset(kept, 0, sizeof kept);
            assert(fc_kept_shapes == SHAPES);
            fc_kept_shapes = 0;
        }
    }
    assert(fc_kept_shapes == SHAPES);
    for (int t = 1; t < 8; t++)
        for (int i = 0; i < SHAPES; i++) assert(kept[t][i] == kept[0][i]);
    puts("done");
    return 0;
}
