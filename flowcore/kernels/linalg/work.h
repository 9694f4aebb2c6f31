/* Scratch memory of one thread, for the pieces of a parallel loop: kept between calls, so that a piece
 * neither waits for the allocator nor touches fresh pages. At most one at a time per thread. */
#ifndef FLOWCORE_WORK_H
#define FLOWCORE_WORK_H

#include <stddef.h>

/* 64-byte aligned memory of at least `bytes`, uninitialised; NULL when memory is out. Valid until
 * fc_work_end. */
void *fc_work_begin(size_t bytes);
void fc_work_end(void *work);

#endif
