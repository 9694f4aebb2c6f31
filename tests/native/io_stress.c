/* Stress of _io.h alone: every job is run exactly once or given up, pipes keep no file waiting, and threads
 * that have ended are replaced. Built under a sanitizer by test_sync.py. Exits with 0, or aborts with a
 * message. */
#include <stdio.h>
#include <string.h>

#include "../../flowcore/_read_file.h"

#define FILES 400
#define PIPES 48 /* more than threads that are busy at once */

typedef struct {
    fc_io_job job;
    char path[64];
    int32_t given_up, done;
    int error;
    fc_file_contents contents;
} reading;

static reading files[FILES], pipes[PIPES];
static int32_t finished;

static void check(int right, const char *what) {
    if (right) return;
    fprintf(stderr, "%s\n", what);
    abort();
}

static void run(fc_io_job *job) {
    reading *r = (reading *)job;
    r->error = fc_read_file(r->path, &r->given_up, &r->contents);
    check(!__atomic_exchange_n(&r->done, 1, __ATOMIC_ACQ_REL), "a job was run twice");
    __atomic_add_fetch(&finished, 1, __ATOMIC_ACQ_REL);
}

static void submit(reading *r) {
    r->job.run = run;
    check(!fc_io_submit(&r->job), "no thread");
}

static void await(int32_t count) {
    for (int i = 0; i < 60000 && __atomic_load_n(&finished, __ATOMIC_ACQUIRE) < count; i++)
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    check(__atomic_load_n(&finished, __ATOMIC_ACQUIRE) == count, "some jobs were not run");
}

int main(void) {
    char folder[] = "/tmp/io_stress_XXXXXX";
    check(mkdtemp(folder) != NULL, "no folder");
    for (int i = 0; i < PIPES; i++) {
        snprintf(pipes[i].path, sizeof pipes[i].path, "%s/p%d", folder, i);
        check(!mkfifo(pipes[i].path, 0600), "no pipe");
        submit(&pipes[i]);
    }
    for (int i = 0; i < FILES; i++) {
        snprintf(files[i].path, sizeof files[i].path, "%s/f%d", folder, i);
        FILE *f = fopen(files[i].path, "w");
        for (int k = 0; k < i; k++) fputs("0123456789", f);
        fclose(f);
        submit(&files[i]);
    }
    await(FILES); /* while all pipes wait */
    for (int i = 0; i < FILES; i++) {
        fc_file_contents again;
        if (fc_read_cached(files[i].path, 1 << 20, &again)) {
            check(again.size == (size_t)i * 10 && !memcmp(again.data, files[i].contents.data, again.size),
                  "a file in memory was not read whole");
            free(again.data);
        }
        check(!files[i].error && files[i].contents.size == (size_t)i * 10, "a file was not read whole");
        free(files[i].contents.data);
        unlink(files[i].path);
    }
    fc_file_contents none;
    check(!fc_read_cached(pipes[0].path, 1 << 20, &none) && !none.data, "a pipe is no file in memory");
    for (int i = 0; i < PIPES; i += 2) { /* some are written to, the others given up */
        int fd = open(pipes[i].path, O_WRONLY);
        check(write(fd, "piped", 5) == 5, "a pipe refused");
        close(fd);
    }
    for (int i = 1; i < PIPES; i += 2) __atomic_store_n(&pipes[i].given_up, 1, __ATOMIC_RELEASE);
    await(FILES + PIPES);
    for (int i = 0; i < PIPES; i++) {
        if (i % 2) check(pipes[i].error == ECANCELED, "a reading was not given up");
        else check(!pipes[i].error && pipes[i].contents.size == 5, "a pipe was not read whole");
        free(pipes[i].contents.data);
        unlink(pipes[i].path);
    }
    rmdir(folder);
    puts("done");
    return 0;
}
