/* See work.h. */
#include "work.h"

#include <errno.h>
#include <stdio.h>

int fc_blame(fc_work *w, int status, const char *format, ...) {
    if (w->status) return w->status;
    va_list args;
    va_start(args, format);
    vsnprintf(w->text, sizeof w->text, format, args);
    va_end(args);
    return w->status = status;
}

int fc_blame_errno(fc_work *w, int error, const char *doing, const char *path) {
    int status = FC_UNKNOWN;
    const char *advice = "";
    switch (error) {
    case ENOENT:
    case ENOTDIR: status = FC_NOT_FOUND; break;
    case EACCES:
    case EPERM:
    case EROFS: status = FC_PERMISSION_DENIED; break;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        status = FC_RESOURCE_EXHAUSTED;
        advice = "; what was there before is unchanged";
        break;
    case ENOMEM:
    case EMFILE:
    case ENFILE: status = FC_RESOURCE_EXHAUSTED; break;
    case EISDIR:
    case ENAMETOOLONG:
    case EINVAL: status = FC_INVALID_ARGUMENT; break;
    }
    return fc_blame(w, status, "cannot %s %.400s: %s%s", doing, path, strerror(error), advice);
}

int fc_no_memory(fc_work *w, size_t bytes) {
    return fc_blame(w, FC_RESOURCE_EXHAUSTED, "out of memory: %zu bytes for a checkpoint", bytes);
}

int fc_go_on(fc_work *w) {
    if (w->status || !w->ctx || !w->ctx->api->cancelled(w->ctx)) return w->status;
    return fc_blame(w, FC_CANCELLED, "the step ended before the checkpoint was done");
}

void fc_in_parallel(fc_work *w, int64_t n, int64_t grain, void (*fn)(void *arg, int64_t begin, int64_t end),
                    void *arg) {
    if (w->ctx) {
        w->ctx->api->parallel_for(w->ctx, n, grain, fn, arg);
        return;
    }
    for (int64_t i = 0; i < n; i += grain) fn(arg, i, i + grain < n ? i + grain : n);
}

const char *fc_shown(fc_bytes name, char *text) {
    size_t used = 0;
    for (int64_t i = 0; i < name.size; i++) {
        unsigned char c = (unsigned char)name.data[i];
        if (used + 8 > FC_SHOWN) {
            memcpy(text + used, "...", 3);
            used += 3;
            break;
        }
        if (c >= 32 && c < 127) text[used++] = (char)c;
        else used += (size_t)snprintf(text + used, FC_SHOWN - used, "\\x%02x", c);
    }
    text[used] = 0;
    return text;
}

struct fc_chunk {
    fc_chunk *next;
    char bytes[];
};

void *fc_take(fc_hoard *h, size_t bytes) {
    bytes = (bytes + 15) & ~(size_t)15;
    if (bytes > h->left) {
        size_t room = bytes > 65536 ? bytes : 65536;
        fc_chunk *chunk = fc_malloc(sizeof *chunk + 15 + room);
        if (!chunk) return NULL;
        chunk->next = h->chunks;
        h->chunks = chunk;
        h->at = (char *)(((uintptr_t)chunk->bytes + 15) & ~(uintptr_t)15);
        h->left = room;
    }
    void *taken = h->at;
    h->at += bytes;
    h->left -= bytes;
    return taken;
}

void fc_release_hoard(fc_hoard *h) {
    for (fc_chunk *chunk = h->chunks, *next; chunk; chunk = next) {
        next = chunk->next;
        free(chunk);
    }
    *h = (fc_hoard){0};
}
