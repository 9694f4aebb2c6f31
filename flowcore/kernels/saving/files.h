/* Files of checkpoints: read at places that are checked, written under a name of their own and then renamed.
 *
 * Owns: what an error of the system becomes, and the names of temporary files.
 */
#ifndef FLOWCORE_SAVING_FILES_H
#define FLOWCORE_SAVING_FILES_H

#include <limits.h>

#include "work.h"

typedef struct {
    int fd;
    int nameless; /* it gets its name when it is finished */
    uint64_t size;
    char path[PATH_MAX];
} fc_file;

/* ---- reading --------------------------------------------------------------------------------- */

int fc_open_file(fc_work *w, const char *path, fc_file *file);
void fc_close_file(fc_file *file);
/* FC_DATA_LOSS, naming file and offset. */
int fc_damaged(fc_work *w, const fc_file *file, uint64_t offset, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* Whether `size` bytes from `offset` on lie in the file; a report where not. */
int fc_expect_inside(fc_work *w, const fc_file *file, uint64_t offset, uint64_t size, const char *what);
int fc_read_at(fc_work *w, const fc_file *file, uint64_t offset, void *to, size_t size);
/* The same, summed, in pieces on all threads. */
int fc_read_summed(fc_work *w, const fc_file *file, uint64_t offset, void *to, uint64_t size, uint32_t *crc);

/* ---- writing --------------------------------------------------------------------------------- */

/* `path` and the mark of a file that is being written, by which process. */
int fc_name_temporary(fc_work *w, const char *path, char *name);
int fc_create_file(fc_work *w, const char *path, fc_file *file);
/* Appends to the file, and to its size. */
int fc_append(fc_work *w, fc_file *file, const void *from, size_t size);
/* The same, summed, in pieces on all threads. */
int fc_append_summed(fc_work *w, fc_file *file, const void *from, uint64_t size, uint32_t *crc);
/* Waits until it is on the disk, and closes it. Only from then on its name is sure to be there. */
int fc_finish_file(fc_work *w, fc_file *file);
int fc_rename(fc_work *w, const char *from, const char *to);
/* Until names in the folder of `path` are on the disk. */
int fc_sync_folder(fc_work *w, const char *path);
/* Makes the folder of `path`, and those around it. */
int fc_make_folder(fc_work *w, const char *path);
/* The prefix of a checkpoint with a closing zero, in FC_PREFIX_MAX bytes: its files have longer names. */
#define FC_PREFIX_MAX (PATH_MAX - 80)
int fc_as_path(fc_work *w, fc_bytes name, char *path);

#endif
