/* The ops of checkpoints. What reads and writes files parks, and a helper thread does it, so that a time
 * limit or Ctrl-C ends the step: the helper looks at that between pieces.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <stdio.h>
#include <unistd.h>

#include "../../_io.h"
#include "checkpoint.h"

/* ---- on a helper thread ---------------------------------------------------------------------- */

typedef int (*fc_task)(fc_work *w);

typedef struct {
    fc_io_job job;
    fc_token *token;
    fc_ctx *ctx; /* the token's */
    fc_task run;
} errand;

static void run_errand(fc_io_job *job) {
    errand e = *(errand *)job;
    fc_work w = {.ctx = e.ctx};
    free(job);
    int rc = e.run(&w);
    if (w.status) e.ctx->api->fail(e.ctx, w.status, "%s", w.text);
    e.ctx->api->complete(e.token, rc);
}

/* Nothing to do: the helper sees that the step is over, and completes the token then. */
static void cancel_errand(fc_token *token, void *arg) { (void)token, (void)arg; }

static int send(fc_ctx *ctx, fc_task run) {
    errand *e = fc_malloc(sizeof *e);
    if (!e) return ctx->api->fail(ctx, FC_RESOURCE_EXHAUSTED, "out of memory: %zu bytes", sizeof *e);
    ctx->api->may_wait(ctx);
    *e = (errand){.job.run = run_errand, .run = run, .token = ctx->api->park(ctx, cancel_errand, NULL)};
    if (!e->token) {
        free(e);
        return fc_park_status(ctx);
    }
    fc_token *token = e->token;
    fc_ctx *parked = e->ctx = ctx->api->token_ctx(token);
    if (!fc_io_submit(&e->job)) return FC_PENDING;
    free(e);
    int rc = parked->api->fail(parked, FC_RESOURCE_EXHAUSTED, "the system refused a thread for a checkpoint");
    parked->api->complete(token, rc);
    return FC_PENDING;
}

/* ---- inputs ---------------------------------------------------------------------------------- */

/* The strings of input i, `count` of them unless it is -1. */
static int expect_texts(fc_work *w, int i, const char *what, int64_t count, const fc_string **texts) {
    const fc_tensor *t = w->ctx->in[i];
    *texts = fc_data(t);
    if (t->dtype != FC_STRING)
        return fc_blame(w, FC_INVALID_ARGUMENT, "%s must be strings, found %s", what,
                        fc_dtype_name(t->dtype));
    if (count < 0 || t->size == count) return FC_OK;
    return fc_blame(w, FC_INVALID_ARGUMENT, "%s must be %lld string%s, found %lld", what, (long long)count,
                    count == 1 ? "" : "s", (long long)t->size);
}

static int expect_path(fc_work *w, int i, const char *what, char *path) {
    const fc_string *text;
    int rc = expect_texts(w, i, what, 1, &text);
    return rc ? rc : fc_as_path(w, fc_bytes_of(text), path);
}

/* ---- writing --------------------------------------------------------------------------------- */

/* Names: no empty one, which is the header's, and none that begins as the keys of parts do. */
static int expect_name(fc_work *w, fc_bytes name) {
    char shown[FC_SHOWN];
    if (name.size && name.data[0]) return FC_OK;
    return fc_blame(w, FC_INVALID_ARGUMENT,
                    "the name of a tensor is neither empty nor begins with a zero, found '%s'",
                    fc_shown(name, shown));
}

static int expect_writable(fc_work *w, fc_bytes name, const fc_slice_spec *spec, const fc_tensor *t) {
    char shown[FC_SHOWN], shape[160];
    int same = spec->ndim < 0 || spec->ndim == t->ndim;
    for (int d = 0; same && d < spec->ndim; d++)
        same = fc_length(&spec->part[d], spec->dims[d]) == fc_dims(t)[d];
    if (!same)
        return fc_blame(w, FC_INVALID_ARGUMENT, "tensor '%s' has shape %s, which is not that of its part",
                        fc_shown(name, shown), fc_shape_str(t, shape, sizeof shape));
    if (fc_is_plain(t->dtype) || t->dtype == FC_STRING) return FC_OK;
    return fc_blame(w, FC_UNIMPLEMENTED, "tensor '%s' is of dtype %s, which has no values to save",
                    fc_shown(name, shown), fc_dtype_name(t->dtype));
}

static int write_all(fc_work *w, fc_bundle_writer *b, fc_slice_spec *spec) {
    const fc_string *names, *slices;
    int64_t n = w->ctx->n_in - 3;
    int rc = expect_texts(w, 1, "tensor_names", n, &names);
    if (!rc) rc = expect_texts(w, 2, "shape_and_slices", n, &slices);
    for (int64_t i = 0; !rc && i < n; i++) {
        fc_bytes name = fc_bytes_of(&names[i]);
        rc = expect_name(w, name);
        if (!rc) rc = fc_parse_slice(w, fc_bytes_of(&slices[i]), spec);
        if (!rc) rc = expect_writable(w, name, spec, w->ctx->in[3 + i]);
        if (!rc) rc = fc_write_tensor(w, b, name, spec, w->ctx->in[3 + i]);
    }
    return rc;
}

static int write_v2(fc_work *w) {
    char prefix[FC_PREFIX_MAX];
    fc_bundle_writer b = {.data.fd = -1};
    fc_slice_spec *spec = fc_malloc(sizeof *spec);
    int rc = spec ? expect_path(w, 0, "prefix", prefix) : fc_no_memory(w, sizeof *spec);
    if (!rc) rc = fc_begin_bundle(w, prefix, &b);
    if (!rc) rc = write_all(w, &b, spec);
    if (!rc) rc = fc_end_bundle(w, &b);
    fc_drop_bundle(&b);
    free(spec);
    return rc;
}
static int save_v2(fc_ctx *ctx) { return send(ctx, write_v2); }

static int refuse_v1(fc_ctx *ctx) {
    return ctx->api->fail(ctx, FC_UNIMPLEMENTED,
                          "version 1 of checkpoints is read but not written; save with SaveV2, as "
                          "flowcore.train.Saver does");
}

static void remove_folder(const char *prefix) {
    char folder[PATH_MAX];
    snprintf(folder, sizeof folder, "%s", prefix);
    char *slash = strrchr(folder, '/');
    if (!slash || slash == folder) return;
    *slash = 0;
    rmdir(folder); /* only where nothing else is in it */
}

static int merge(fc_work *w) {
    char prefix[FC_PREFIX_MAX];
    const fc_string *texts;
    int64_t n = w->ctx->in[0]->size;
    int rc = expect_texts(w, 0, "checkpoint_prefixes", -1, &texts);
    if (!rc && !n)
        rc = fc_blame(w, FC_INVALID_ARGUMENT, "checkpoint_prefixes must name at least one checkpoint");
    if (!rc) rc = expect_path(w, 1, "destination_prefix", prefix);
    if (rc) return rc;
    char (*paths)[FC_PREFIX_MAX] = n > 100000 ? NULL : fc_malloc(sizeof *paths * (size_t)n);
    const char **prefixes = fc_malloc(sizeof *prefixes * (size_t)n);
    if (!paths || !prefixes) rc = fc_no_memory(w, sizeof *paths * (size_t)n);
    for (int64_t i = 0; !rc && i < n; i++) {
        rc = fc_as_path(w, fc_bytes_of(&texts[i]), paths[i]);
        prefixes[i] = paths[i];
    }
    if (!rc) rc = fc_merge_bundles(w, n, prefixes, prefix);
    for (int64_t i = 0; !rc && w->ctx->attrs[0].i && i < n; i++) remove_folder(paths[i]);
    free(paths);
    free(prefixes);
    return rc;
}
static int merge_v2(fc_ctx *ctx) { return send(ctx, merge); }

/* ---- reading --------------------------------------------------------------------------------- */

typedef struct {
    fc_ctx *ctx;
    int output;
} string_output;

static int put_text(fc_work *w, void *arg, int64_t i, fc_bytes text) {
    const string_output *o = arg;
    fc_tensor *t = &o->ctx->out[o->output];
    (void)w;
    return o->ctx->api->string_put(o->ctx, t->buffer, (fc_string *)fc_data(t) + i, text.data, text.size);
}

/* What the engine has reported itself. */
static int reported(fc_work *w, int rc) {
    if (rc && !w->status) fc_blame(w, rc, "no memory for a tensor of a checkpoint");
    return rc;
}

static int restore_one(fc_work *w, const fc_checkpoint *c, const fc_entry *e, fc_slice_spec *spec, int dtype,
                       int output) {
    char shown[FC_SHOWN], found[40];
    int64_t dims[FC_MOST_DIMS];
    const fc_extent *wanted = spec->ndim < 0 ? NULL : spec->part;
    if (e->dtype != dtype)
        return fc_blame(w, FC_INVALID_ARGUMENT,
                        "tensor '%s' is wanted as %s, and checkpoint %.400s has it as %s",
                        fc_shown(e->name, shown), fc_dtype_name(dtype), c->prefix,
                        fc_stored_dtype_name(e->dtype, found, sizeof found));
    if (wanted && (spec->ndim != e->ndim || memcmp(spec->dims, e->dims, sizeof *dims * (size_t)e->ndim)))
        return fc_blame(w, FC_INVALID_ARGUMENT,
                        "a part of tensor '%s' is wanted, of other sizes than it has in checkpoint %.400s",
                        fc_shown(e->name, shown), c->prefix);
    int rc = fc_expect_readable(w, c, e, wanted);
    if (rc) return rc;
    for (int d = 0; d < e->ndim; d++) dims[d] = wanted ? fc_length(&wanted[d], e->dims[d]) : e->dims[d];
    rc = reported(w, w->ctx->api->alloc(w->ctx, output, dtype, e->ndim, dims));
    if (rc || !w->ctx->out[output].size) return rc;
    if (dtype == FC_STRING)
        return fc_read_strings(w, c, e, wanted, put_text, &(string_output){w->ctx, output});
    return fc_read_tensor(w, c, e, wanted, fc_data(&w->ctx->out[output]));
}

/* All that are missing, as far as a message goes. */
static int expect_names(fc_work *w, const fc_checkpoint *c, const fc_string *names, int64_t n) {
    char text[500], shown[FC_SHOWN];
    int64_t missing = 0;
    size_t used = 0;
    for (int64_t i = 0; i < n; i++) {
        const fc_entry *e = fc_find_entry(c, fc_bytes_of(&names[i]));
        if (e && fc_is_tensor(e)) continue;
        fc_shown(fc_bytes_of(&names[i]), shown);
        if (!missing++ || used + strlen(shown) + 16 < sizeof text)
            used += (size_t)snprintf(text + used, sizeof text - used, used ? ", '%s'" : "'%s'", shown);
    }
    if (!missing) return FC_OK;
    return fc_blame(w, FC_NOT_FOUND, "checkpoint %.200s has no tensor %s%s (%lld of %lld names)", c->prefix,
                    text, used + 80 > sizeof text ? " ..." : "", (long long)missing, (long long)n);
}

static int restore(fc_work *w, int prefix_input, const char *prefix_name, int64_t n, int slices_input,
                   const int64_t *dtypes) {
    char prefix[FC_PREFIX_MAX];
    const fc_string *names = NULL, *slices = NULL;
    fc_checkpoint c = {0};
    fc_slice_spec *spec = fc_malloc(sizeof *spec);
    int rc = spec ? expect_path(w, prefix_input, prefix_name, prefix) : fc_no_memory(w, sizeof *spec);
    if (!rc) rc = expect_texts(w, 1, "tensor_names", n, &names);
    if (!rc && slices_input) rc = expect_texts(w, slices_input, "shape_and_slices", n, &slices);
    if (!rc) rc = fc_open_checkpoint(w, prefix, &c);
    if (!rc) rc = expect_names(w, &c, names, n);
    for (int64_t i = 0; !rc && i < n; i++) {
        rc = fc_parse_slice(w, slices ? fc_bytes_of(&slices[i]) : (fc_bytes){"", 0}, spec);
        if (!rc)
            rc = restore_one(w, &c, fc_find_entry(&c, fc_bytes_of(&names[i])), spec, (int)dtypes[i], (int)i);
    }
    fc_close_checkpoint(&c);
    free(spec);
    return rc;
}

static int read_v2(fc_work *w) { return restore(w, 0, "prefix", w->ctx->n_out, 2, w->ctx->attrs[0].ints); }
static int read_whole(fc_work *w) { return restore(w, 0, "file_pattern", 1, 0, &w->ctx->attrs[0].i); }
static int read_slice(fc_work *w) { return restore(w, 0, "file_pattern", 1, 2, &w->ctx->attrs[0].i); }
static int restore_v2(fc_ctx *ctx) { return send(ctx, read_v2); }
static int restore_v1(fc_ctx *ctx) { return send(ctx, read_whole); }
static int restore_slice(fc_ctx *ctx) { return send(ctx, read_slice); }

/* ---- names ----------------------------------------------------------------------------------- */

static int name_file(fc_ctx *ctx, const char *middle, int shard_input, int count_input) {
    const fc_tensor *base = ctx->in[0];
    char text[80];
    if (base->dtype != FC_STRING || base->size != 1)
        return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "basename must be one string");
    for (int i = 1; i <= count_input; i++)
        if (ctx->in[i]->dtype != FC_INT32 || ctx->in[i]->size != 1)
            return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "%s must be one int32",
                                  i == count_input ? "num_shards" : "shard");
    int rc = ctx->api->alloc(ctx, 0, FC_STRING, 0, NULL);
    if (rc) return rc;
    long long count = fc_int_at(ctx->in[count_input], 0);
    if (shard_input)
        snprintf(text, sizeof text, "-%05lld-of-%05lld", (long long)fc_int_at(ctx->in[shard_input], 0),
                 count);
    else snprintf(text, sizeof text, "-%s-of-%05lld", middle, count);
    fc_bytes b = fc_bytes_of((const fc_string *)fc_data(base));
    void *joined;
    size_t size = strlen(text);
    rc = ctx->api->scratch(ctx, (size_t)b.size + size, &joined);
    if (rc) return rc;
    memcpy(joined, b.data, (size_t)b.size);
    memcpy((char *)joined + b.size, text, size);
    return ctx->api->string_put(ctx, ctx->out[0].buffer, FC_OUT(ctx, 0, fc_string), joined,
                                b.size + (int64_t)size);
}
static int sharded_filename(fc_ctx *ctx) { return name_file(ctx, "", 1, 2); }
static int sharded_filespec(fc_ctx *ctx) { return name_file(ctx, "?????", 0, 1); }

#define HOST 0xffffffffu
#define FILES (FC_ASYNC | FC_STATEFUL)
static const fc_kernel_def defs[] = {
    {"SaveV2", "", "", FILES, HOST, HOST, save_v2},
    {"RestoreV2", "", "dtypes", FILES, HOST, HOST, restore_v2},
    {"MergeV2Checkpoints", "", "delete_old_dirs", FILES, HOST, HOST, merge_v2},
    {"Save", "", "", FC_STATEFUL, HOST, HOST, refuse_v1},
    {"SaveSlices", "", "", FC_STATEFUL, HOST, HOST, refuse_v1},
    {"Restore", "", "dt", FILES, HOST, HOST, restore_v1},
    {"RestoreSlice", "", "dt", FILES, HOST, HOST, restore_slice},
    {"ShardedFilename", "", "", FC_SYNC, HOST, HOST, sharded_filename},
    {"ShardedFilespec", "", "", FC_SYNC, HOST, HOST, sharded_filespec},
};
const fc_kernel_table fc_saving_kernels = {FC_ABI, "CPU", sizeof defs / sizeof defs[0], defs};

__attribute__((constructor)) static void watch_fork(void) { fc_io_watch_fork(); }
