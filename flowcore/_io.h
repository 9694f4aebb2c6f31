/* Threads for files that may block.
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

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include "_list.h"

#define FC_IO_MOST 32
#define FC_IO_IDLE_SECONDS 5

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
__attribute__((unused)) static void fc_io_wait(int change) {
    pthread_mutex_lock(&fc_io.lock);
    fc_io.waiting += change;
    if (change > 0) fc_io_provide();
    pthread_mutex_unlock(&fc_io.lock);
}

#endif
