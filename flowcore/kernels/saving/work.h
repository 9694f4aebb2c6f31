/* What a reading or writing of checkpoints runs under: its step, if it has one, and what went wrong.
 *
 * Owns: the report of a failure, the look at a cancel, parallel pieces, memory that is released as one. None
 * of the files here includes Python.h: they run in steps and below the functions that Python calls alike.
 */
#ifndef FLOWCORE_SAVING_WORK_H
#define FLOWCORE_SAVING_WORK_H

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "../../_allocate.h"
#include "../../_kernel.h"

typedef struct {
    fc_ctx *ctx; /* NULL: called from Python, outside any step */
    int status;
    char text[800];
} fc_work;

/* Keeps the first report; returns its status. */
int fc_blame(fc_work *w, int status, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Of a system call: "cannot write /a/b: No space left on device". */
int fc_blame_errno(fc_work *w, int error, const char *doing, const char *path);
int fc_no_memory(fc_work *w, size_t bytes);
/* FC_OK, or FC_CANCELLED once the step is over; asked between pieces. */
int fc_go_on(fc_work *w);
void fc_in_parallel(fc_work *w, int64_t n, int64_t grain, void (*fn)(void *arg, int64_t begin, int64_t end),
                    void *arg);

/* Bytes of a name as messages show them: what cannot be printed as \xNN, cut where it is long. */
#define FC_SHOWN 160
const char *fc_shown(fc_bytes name, char *text);

/* Memory that lives as long as its hoard. */
typedef struct fc_chunk fc_chunk;
typedef struct {
    fc_chunk *chunks;
    size_t left;
    char *at;
} fc_hoard;
void *fc_take(fc_hoard *h, size_t bytes); /* NULL without memory */
void fc_release_hoard(fc_hoard *h);

static inline int fc_compare_bytes(fc_bytes a, fc_bytes b) {
    int64_t least = a.size < b.size ? a.size : b.size;
    int order = least ? memcmp(a.data, b.data, (size_t)least) : 0;
    return order ? order : (a.size > b.size) - (a.size < b.size);
}

#endif
