/* Threads for input that may block, and the reading of a whole file by one of them.
 *
 * Owns: the helper threads and the jobs that wait for one. Knows no step, queue or tensor. Must never include
 * Python.h. Tested alone under sanitizers (tests/native/io_stress.c).
 *
 * A thread is made where a job finds none idle, and ends after a while without work. FC_IO_MOST are busy at
 * once at most; a thread that waits for another process (a named pipe) does not count, so that such waits
 * never keep others from reading. No thread waits for a helper: what it does for a step that has gone it
 * drops.
 */
#ifndef FLOWCORE_IO_H
#define FLOWCORE_IO_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#if defined(__linux__) && __has_include(<linux/openat2.h>)
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#endif

#include "_allocate.h"
#include "_list.h"

#define FC_IO_MOST 32
#define FC_IO_IDLE_SECONDS 5
#define FC_IO_LOOK_MS 20 /* how often a thread that waits for a pipe looks whether it is still wanted */

/* The first member of what a job needs; it stays alive until `run`, which owns it, has returned. */
typedef struct fc_io_job {
    fc_link link;
    void (*run)(struct fc_io_job *job);
} fc_io_job;

static struct {
    pthread_mutex_t lock;
    pthread_cond_t work;
    fc_link jobs;
    int queued, idle, threads, waiting;
} fc_io = {
    .lock = PTHREAD_MUTEX_INITIALIZER, .work = PTHREAD_COND_INITIALIZER, .jobs = FC_EMPTY_LIST(fc_io.jobs)};

/* A child has none of the threads, and its lock may be held by one. */
static void fc_io_after_fork(void) {
    pthread_mutex_init(&fc_io.lock, NULL);
    pthread_cond_init(&fc_io.work, NULL);
    fc_list_init(&fc_io.jobs);
    fc_io.queued = fc_io.idle = fc_io.threads = fc_io.waiting = 0;
}
static inline void fc_io_watch_fork(void) { pthread_atfork(NULL, NULL, fc_io_after_fork); }

/* Under the lock: the next job, after a sleep if need be; NULL when there was none for long. */
static fc_io_job *fc_io_next(void) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += FC_IO_IDLE_SECONDS;
    int late = 0;
    fc_io.idle++;
    while (!fc_io.queued && !late) late = pthread_cond_timedwait(&fc_io.work, &fc_io.lock, &until);
    fc_io.idle--;
    fc_io_job *job = (fc_io_job *)fc_list_first(&fc_io.jobs);
    if (!job) return NULL;
    fc_list_remove(&job->link);
    fc_io.queued--;
    return job;
}

static void *fc_io_thread(void *arg) {
    (void)arg;
    pthread_mutex_lock(&fc_io.lock);
    for (fc_io_job *job; (job = fc_io_next());) {
        pthread_mutex_unlock(&fc_io.lock);
        job->run(job);
        pthread_mutex_lock(&fc_io.lock);
    }
    fc_io.threads--;
    pthread_mutex_unlock(&fc_io.lock);
    return NULL;
}

/* Under the lock: one more thread where jobs wait for one. Whether they will be run. */
static int fc_io_provide(void) {
    if (fc_io.queued <= fc_io.idle || fc_io.threads - fc_io.waiting >= FC_IO_MOST) return 1;
    pthread_t thread;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    fc_io.threads++;
    int made = !pthread_create(&thread, &attributes, fc_io_thread, NULL);
    if (!made) fc_io.threads--;
    pthread_attr_destroy(&attributes);
    return made || fc_io.threads - fc_io.waiting > 0;
}

/* Has a helper thread run the job. 0, or -1 where the system gives no thread: the job is the caller's then.
 */
static int fc_io_submit(fc_io_job *job) {
    pthread_mutex_lock(&fc_io.lock);
    fc_list_push_back(&fc_io.jobs, &job->link);
    fc_io.queued++;
    int taken = fc_io_provide();
    if (taken) {
        pthread_cond_signal(&fc_io.work);
    } else {
        fc_list_remove(&job->link);
        fc_io.queued--;
    }
    pthread_mutex_unlock(&fc_io.lock);
    return taken ? 0 : -1;
}

/* A helper thread begins (1) or ends (-1) to wait for another process. */
static void fc_io_wait(int change) {
    pthread_mutex_lock(&fc_io.lock);
    fc_io.waiting += change;
    if (change > 0) fc_io_provide();
    pthread_mutex_unlock(&fc_io.lock);
}

/* ---- a whole file ---------------------------------------------------------------------------- */

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
