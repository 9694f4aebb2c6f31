/* See work.h. A thread's block hangs on a thread key, whose destructor frees it. */
#include "work.h"

#include <pthread.h>
#include <stdlib.h>

/* Larger blocks are given back at once; under a sanitizer all are, so that it sees where each one ends. */
#if defined(__SANITIZE_ADDRESS__) || defined(FC_DEBUG)
#define KEPT ((size_t)0)
#else
#define KEPT ((size_t)8 << 20)
#endif

/* before the memory, and as long as its alignment */
typedef struct {
    size_t size;
    char padding[56];
} header;

static pthread_key_t key;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static int have_key;

static void make_key(void) { have_key = !pthread_key_create(&key, free); }

void *fc_work_begin(size_t bytes) {
    pthread_once(&once, make_key);
    header *kept = have_key ? pthread_getspecific(key) : NULL;
    if (kept && kept->size >= bytes) return kept + 1;
    void *block;
    if (bytes > (size_t)-1 / 2 || posix_memalign(&block, 64, bytes + sizeof(header))) return NULL;
    ((header *)block)->size = bytes;
    if (have_key && bytes <= KEPT && !pthread_setspecific(key, block)) free(kept);
    return (header *)block + 1;
}

void fc_work_end(void *work) {
    header *block = work ? (header *)work - 1 : NULL;
    if (block && (!have_key || pthread_getspecific(key) != block)) free(block);
}
