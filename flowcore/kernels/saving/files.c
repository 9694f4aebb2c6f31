/* See files.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crc32c.h"

/* Large enough that a call of the system costs nothing beside it, small enough to look at a cancel often. */
#define PIECE (1 << 20)
#define PIECES_AT_ONCE 16

/* ---- reading --------------------------------------------------------------------------------- */

int fc_open_file(fc_work *w, const char *path, fc_file *file) {
    struct stat status;
    snprintf(file->path, sizeof file->path, "%s", path);
    do file->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    while (file->fd < 0 && errno == EINTR);
    if (file->fd < 0) return fc_blame_errno(w, errno, "open", path);
    if (!fstat(file->fd, &status) && S_ISREG(status.st_mode)) {
        file->size = (uint64_t)status.st_size;
        return FC_OK;
    }
    fc_close_file(file);
    return fc_blame(w, FC_INVALID_ARGUMENT, "%.400s is not a regular file", path);
}

void fc_close_file(fc_file *file) {
    if (file->fd >= 0) close(file->fd);
    file->fd = -1;
}

int fc_damaged(fc_work *w, const fc_file *file, uint64_t offset, const char *format, ...) {
    char what[300];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    return fc_blame(w, FC_DATA_LOSS, "%.400s is damaged at offset %llu: %s", file->path,
                    (unsigned long long)offset, what);
}

int fc_expect_inside(fc_work *w, const fc_file *file, uint64_t offset, uint64_t size, const char *what) {
    if (offset <= file->size && size <= file->size - offset) return FC_OK;
    return fc_damaged(w, file, offset, "%s should take %llu bytes there, and the file has %llu", what,
                      (unsigned long long)size, (unsigned long long)file->size);
}

/* 0, or an errno; -1 where the file has become shorter. */
static int read_whole(int fd, char *to, size_t size, uint64_t offset) {
    while (size) {
        ssize_t n = pread(fd, to, size, (off_t)offset);
        if (n == 0) return -1;
        if (n > 0) to += n, size -= (size_t)n, offset += (uint64_t)n;
        else if (errno != EINTR) return errno;
    }
    return 0;
}
static int write_whole(int fd, const char *from, size_t size, uint64_t offset) {
    while (size) {
        ssize_t n = pwrite(fd, from, size, (off_t)offset);
        if (n >= 0) from += n, size -= (size_t)n, offset += (uint64_t)n;
        else if (errno != EINTR) return errno;
    }
    return 0;
}

static int blame_read(fc_work *w, const fc_file *file, uint64_t offset, int error) {
    if (!error) return FC_OK;
    if (error < 0) return fc_damaged(w, file, offset, "the file ends there; it has become shorter");
    return fc_blame_errno(w, error, "read", file->path);
}

int fc_read_at(fc_work *w, const fc_file *file, uint64_t offset, void *to, size_t size) {
    int rc = fc_expect_inside(w, file, offset, size, "what is read");
    return rc ? rc : blame_read(w, file, offset, read_whole(file->fd, to, size, offset));
}

/* Some pieces of a run of bytes, each moved and summed by one thread. */
typedef struct {
    const fc_file *file;
    char *memory;
    uint64_t offset, size;
    int writes;
    int error; /* of the first piece that failed */
    uint32_t crc[PIECES_AT_ONCE];
} moving;

static uint64_t length_of(const moving *m, int64_t piece) {
    uint64_t begin = (uint64_t)piece * PIECE;
    return m->size - begin < PIECE ? m->size - begin : PIECE;
}

static void move_pieces(void *arg, int64_t begin, int64_t end) {
    moving *m = arg;
    for (int64_t i = begin; i < end; i++) {
        char *memory = m->memory + i * PIECE;
        uint64_t offset = m->offset + (uint64_t)i * PIECE, size = length_of(m, i);
        int error = m->writes ? write_whole(m->file->fd, memory, size, offset)
                              : read_whole(m->file->fd, memory, size, offset);
        int none = 0;
        if (error)
            __atomic_compare_exchange_n(&m->error, &none, error, 0, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
        else m->crc[i] = fc_crc32c(0, memory, size);
    }
}

/* The disk begins to write what it will be waited for in the end. Where it cannot be told so, it does later.
 */
static void begin_sync(int fd, uint64_t offset, uint64_t size) {
#ifdef SYNC_FILE_RANGE_WRITE
    (void)!sync_file_range(fd, (off_t)offset, (off_t)size, SYNC_FILE_RANGE_WRITE);
#else
    (void)fd, (void)offset, (void)size;
#endif
}

/* Both directions. The sum is that of all bytes so far, so `crc` begins as the sum of what came before. */
static int move_summed(fc_work *w, const fc_file *file, uint64_t offset, char *memory, uint64_t size,
                       int writes, uint32_t *crc) {
    moving m = {.file = file, .writes = writes};
    for (uint64_t done = 0; done < size; done += m.size) {
        int rc = fc_go_on(w);
        if (rc) return rc;
        m.memory = memory + done;
        m.offset = offset + done;
        m.size = size - done < (uint64_t)PIECE * PIECES_AT_ONCE ? size - done
                                                                : (uint64_t)PIECE * PIECES_AT_ONCE;
        int64_t pieces = (int64_t)((m.size + PIECE - 1) / PIECE);
        fc_in_parallel(w, pieces, 1, move_pieces, &m);
        if (m.error)
            return writes ? fc_blame_errno(w, m.error, "write", file->path)
                          : blame_read(w, file, m.offset, m.error);
        for (int64_t i = 0; i < pieces; i++) *crc = fc_crc32c_join(*crc, m.crc[i], length_of(&m, i));
        if (writes && m.size >= PIECE) begin_sync(file->fd, m.offset, m.size);
    }
    return FC_OK;
}

int fc_read_summed(fc_work *w, const fc_file *file, uint64_t offset, void *to, uint64_t size, uint32_t *crc) {
    int rc = fc_expect_inside(w, file, offset, size, "the data of a tensor");
    return rc ? rc : move_summed(w, file, offset, to, size, 0, crc);
}

/* Where Linux names the files that a process has open. */
#define NAMES_OF_OPEN_FILES "/proc/self/fd"

/* ---- writing --------------------------------------------------------------------------------- */

int fc_name_temporary(fc_work *w, const char *path, char *name) {
    static int32_t count;
    int n = snprintf(name, PATH_MAX, "%s.part-%d-%d", path, (int)getpid(),
                     __atomic_add_fetch(&count, 1, __ATOMIC_RELAXED));
    return n < PATH_MAX ? FC_OK : fc_blame_errno(w, ENAMETOOLONG, "write", path);
}

/* The folder that a path lies in, "." where it names none. */
static void folder_of(const char *path, char *folder) {
    const char *slash = strrchr(path, '/');
    size_t n = slash ? (size_t)(slash - path) : 0;
    if (slash && !n) n = 1; /* the root */
    memcpy(folder, n ? path : ".", n ? n : 1);
    folder[n ? n : 1] = 0;
}

/* A file without a name, where the system has such: what dies while it writes leaves nothing behind. -1:
 * none. */
static int create_nameless(const char *path) {
#ifdef O_TMPFILE
    char folder[PATH_MAX];
    folder_of(path, folder);
    if (!access(NAMES_OF_OPEN_FILES, X_OK)) return open(folder, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0666);
#endif
    return -1;
}

/* Gives a file made by create_nameless its path. 0, or an error number. */
static int name_file(const fc_file *file) {
    char open_name[64];
    snprintf(open_name, sizeof open_name, NAMES_OF_OPEN_FILES "/%d", file->fd);
    if (!linkat(AT_FDCWD, open_name, AT_FDCWD, file->path, AT_SYMLINK_FOLLOW)) return 0;
    if (errno != EEXIST) return errno;
    unlink(file->path); /* left by an earlier process of the same number */
    return linkat(AT_FDCWD, open_name, AT_FDCWD, file->path, AT_SYMLINK_FOLLOW) ? errno : 0;
}

int fc_create_file(fc_work *w, const char *path, fc_file *file) {
    snprintf(file->path, sizeof file->path, "%s", path);
    file->size = 0;
    file->fd = create_nameless(path);
    file->nameless = file->fd >= 0;
    if (file->nameless) return FC_OK;
    do file->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    while (file->fd < 0 && errno == EINTR);
    return file->fd >= 0 ? FC_OK : fc_blame_errno(w, errno, "create", path);
}

int fc_append(fc_work *w, fc_file *file, const void *from, size_t size) {
    int error = write_whole(file->fd, from, size, file->size);
    if (error) return fc_blame_errno(w, error, "write", file->path);
    file->size += size;
    return FC_OK;
}

int fc_append_summed(fc_work *w, fc_file *file, const void *from, uint64_t size, uint32_t *crc) {
    int rc = move_summed(w, file, file->size, (char *)from, size, 1, crc);
    if (!rc) file->size += size;
    return rc;
}

int fc_finish_file(fc_work *w, fc_file *file) {
    int error = fsync(file->fd) ? errno : 0;
    if (!error && file->nameless) error = name_file(file);
    if (close(file->fd) && !error) error = errno;
    file->fd = -1;
    return error ? fc_blame_errno(w, error, "write", file->path) : FC_OK;
}

int fc_rename(fc_work *w, const char *from, const char *to) {
    return rename(from, to) ? fc_blame_errno(w, errno, "make", to) : FC_OK;
}

int fc_sync_folder(fc_work *w, const char *path) {
    char folder[PATH_MAX];
    folder_of(path, folder);
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return fc_blame_errno(w, errno, "open", folder);
    int error = fsync(fd) && errno != EINVAL && errno != EROFS ? errno : 0; /* EINVAL: it has no such thing */
    close(fd);
    return error ? fc_blame_errno(w, error, "write", folder) : FC_OK;
}

int fc_make_folder(fc_work *w, const char *path) {
    char folder[PATH_MAX];
    struct stat status;
    folder_of(path, folder);
    for (char *p = folder + 1; p[-1]; p++) {
        if (*p && *p != '/') continue;
        char end = *p;
        *p = 0;
        if (mkdir(folder, 0777) && errno != EEXIST && (stat(folder, &status) || !S_ISDIR(status.st_mode)))
            return fc_blame_errno(w, errno, "make folder", folder);
        *p = end;
    }
    return FC_OK;
}

int fc_as_path(fc_work *w, fc_bytes name, char *path) {
    char shown[FC_SHOWN];
    if (!name.size || name.size >= FC_PREFIX_MAX || memchr(name.data, 0, (size_t)name.size))
        return fc_blame(w, FC_INVALID_ARGUMENT,
                        "the name of a checkpoint has 1 to %d bytes, none of them zero; found %lld: '%s'",
                        FC_PREFIX_MAX - 1, (long long)name.size, fc_shown(name, shown));
    memcpy(path, name.data, (size_t)name.size);
    path[name.size] = 0;
    return FC_OK;
}
