/* The reading of a whole file, on a thread of _io.h where it may block.
 *
 * Must never include Python.h. Tested alone under sanitizers (tests/native/io_stress.c).
 */
#ifndef FLOWCORE_READ_FILE_H
#define FLOWCORE_READ_FILE_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#if defined(__linux__) && __has_include(<linux/openat2.h>)
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#endif

#include "_allocate.h"
#include "_io.h"

#define FC_IO_LOOK_MS 20 /* how often a thread that waits for a pipe looks whether it is still wanted */

typedef struct {
    char *data; /* the caller's to free, also after an error */
    size_t size, room;
} fc_file_contents;

static int fc_unwanted(const int32_t *given_up) { return __atomic_load_n(given_up, __ATOMIC_ACQUIRE); }

/* Until a pipe has something, or its end; gives up when nobody wants it any more. */
static int fc_await_pipe(int fd, const int32_t *given_up) {
    struct pollfd wanted = {.fd = fd, .events = POLLIN};
    int ready = poll(&wanted, 1, 0);
    if (ready > 0) return 0;
    fc_io_wait(1);
    while (!fc_unwanted(given_up) && (ready = poll(&wanted, 1, FC_IO_LOOK_MS)) <= 0)
        if (ready < 0 && errno != EINTR) break;
    int error = ready < 0 ? errno : 0;
    fc_io_wait(-1);
    return fc_unwanted(given_up) ? ECANCELED : error;
}

static int fc_more_room(fc_file_contents *c) {
    size_t room = c->room ? c->room * 2 : 65536;
    char *larger = fc_refuses() ? NULL : (char *)realloc(c->data, room);
    if (!larger) return ENOMEM;
    c->data = larger, c->room = room;
    return 0;
}

static int fc_read_all(int fd, int is_pipe, const int32_t *given_up, fc_file_contents *c) {
    for (;;) {
        int error = fc_unwanted(given_up) ? ECANCELED : c->size == c->room ? fc_more_room(c) : 0;
        if (!error && is_pipe) error = fc_await_pipe(fd, given_up);
        if (error) return error;
        ssize_t n = read(fd, c->data + c->size, c->room - c->size);
        if (n == 0) return 0;
        if (n > 0) c->size += (size_t)n;
        else if (errno != EINTR && errno != EAGAIN) return errno;
    }
}

/* Reads a regular file or a named pipe to its end. 0, or an errno; EINVAL for anything else, ECANCELED once
 * `given_up`. A pipe without a writer is waited for, and nothing is taken from it before there is one. */
static int fc_read_file(const char *path, const int32_t *given_up, fc_file_contents *c) {
    struct stat status;
    int fd;
    *c = (fc_file_contents){0};
    do fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    while (fd < 0 && errno == EINTR);
    if (fd < 0) return errno;
    int error = fstat(fd, &status) ? errno : 0;
    int is_pipe = !error && S_ISFIFO(status.st_mode);
    if (!error && !is_pipe && !S_ISREG(status.st_mode)) error = EINVAL;
    if (!error && !is_pipe) {
        c->room = (size_t)status.st_size + 1; /* the last byte shows the end without growing */
        c->data = (char *)fc_malloc(c->room);
        if (!c->data) error = ENOMEM;
    }
    if (!error) error = fc_read_all(fd, is_pipe, given_up, c);
    close(fd);
    return error;
}

/* Reads a regular file of at most `most` bytes where the system has its name and its contents in memory, so
 * that nothing can block. 0: it has not, or cannot tell, and nothing has happened. */
static int fc_read_cached(const char *path, size_t most, fc_file_contents *c) {
    *c = (fc_file_contents){0};
#if defined(SYS_openat2) && defined(RESOLVE_CACHED) && defined(RWF_NOWAIT)
    /* Looked at without being opened: to open a pipe and close it again would wake its writer. */
    struct open_how look = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_CACHED};
    struct open_how how = {.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK, .resolve = RESOLVE_CACHED};
    struct statx status;
    int fd = (int)syscall(SYS_openat2, AT_FDCWD, path, &look, sizeof look);
    if (fd < 0) return 0;
    int known = !statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE | STATX_SIZE, &status);
    close(fd);
    if (!known || !S_ISREG(status.stx_mode) || status.stx_size > most) return 0;
    c->room = (size_t)status.stx_size + 1;
    c->data = (char *)fc_malloc(c->room);
    fd = c->data ? (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how) : -1;
    if (fd >= 0) {
        struct iovec whole = {c->data, c->room};
        ssize_t n = preadv2(fd, &whole, 1, 0, RWF_NOWAIT);
        close(fd);
        if (n == (ssize_t)status.stx_size) {
            c->size = (size_t)n;
            return 1;
        }
    }
    free(c->data);
    *c = (fc_file_contents){0};
#else
    (void)path, (void)most;
#endif
    return 0;
}

#endif
