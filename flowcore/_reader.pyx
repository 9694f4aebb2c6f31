"""Files and readers: ReadFile, and readers that take file names from a queue, as asynchronous
kernels.

How a file is read
------------------
A file that the system has in memory is copied at once (fc_read_cached), which cannot block. For any
other the node parks, and a helper thread (_io.h) reads it: so a step can be cancelled, or
run out of time, while a file or a pipe keeps its thread. A reading stands on one list until its
outcome is known: the helper thread that has read the file and the cancel of its step both take it
off, under one lock, and the one that finds it there completes the token. A reading that was
cancelled belongs to the helper thread alone, which drops it.

A ReaderRead first takes a file name from its queue, waiting like any dequeue. The thread that
serves the queue only begins the reading. Where the step gives up while the file is read, the name
goes back to the front of the queue.

Must never import the engine or anything above it.
"""

from cpython.pycapsule cimport PyCapsule_New
from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport free
from libc.string cimport memcpy, strlen

from flowcore._allocate cimport fc_calloc, fc_count_allocations, fc_malloc, fc_strdup
from flowcore._buffer cimport allocations
from flowcore._fifo cimport cancel_take, end_use, give_back, queue_of_strings, take_for_use
from flowcore._kernel cimport (
    FC_ABI, FC_ASYNC, FC_CANCELLED, FC_INT64, FC_INVALID_ARGUMENT, FC_OK, FC_PENDING, FC_RES_READER,
    FC_RESOURCE, FC_RESOURCE_EXHAUSTED, FC_STATEFUL, FC_STRING, fc_buffer, fc_bytes, fc_bytes_of, fc_ctx,
    fc_data, fc_kernel, fc_kernel_def, fc_kernel_table, fc_park_status, fc_resource, fc_string, fc_tensor,
    fc_token, pthread_mutex_t,
)
from flowcore._list cimport (
    fc_link, fc_list_first, fc_list_init, fc_list_next, fc_list_push_back, fc_list_remove,
)

cdef extern from "<pthread.h>" nogil:
    int pthread_mutex_init(pthread_mutex_t *, void *)
    int pthread_mutex_lock(pthread_mutex_t *)
    int pthread_mutex_unlock(pthread_mutex_t *)
    int pthread_atfork(void (*)() noexcept nogil, void (*)() noexcept nogil, void (*)() noexcept nogil)

cdef extern from "_io.h" nogil:
    ctypedef struct fc_io_job:
        void (*run)(fc_io_job *job) noexcept nogil

    void fc_io_watch_fork()
    int fc_io_submit(fc_io_job *job)

cdef extern from "_read_file.h" nogil:
    ctypedef struct fc_file_contents:
        char *data
        size_t size

    int fc_read_file(const char *path, const int32_t *given_up, fc_file_contents *contents)
    bint fc_read_cached(const char *path, size_t most, fc_file_contents *contents)

cdef char *new_path(fc_bytes s) noexcept nogil:
    """A copy with a closing zero, which short strings lack."""
    cdef char *path = <char *>fc_malloc(<size_t>s.size + 1)
    if path != NULL:
        memcpy(path, s.data, <size_t>s.size)
        path[s.size] = 0
    return path


cdef enum:
    CACHED_BYTES = 1 << 20  # a file up to this is copied by the node itself where the system has it in memory

cdef extern from *:
    """
    #include <errno.h>
    #include <string.h>
    #include "_kernel.h"
    static inline void count(int64_t *p) { __atomic_fetch_add(p, 1, __ATOMIC_RELAXED); }
    static inline void set_count(int64_t *p, int64_t n) { __atomic_store_n(p, n, __ATOMIC_RELAXED); }
    static inline int64_t count_of(int64_t *p) { return __atomic_load_n(p, __ATOMIC_RELAXED); }
    static inline void set_given_up(int32_t *p) { __atomic_store_n(p, 1, __ATOMIC_RELEASE); }
    static int fail_with(fc_ctx *ctx, int status, const char *message) {
        return ctx->api->fail(ctx, status, "%s", message);
    }
    static int fail_memory(fc_ctx *ctx, const char *path) {
        return ctx->api->fail(ctx, FC_RESOURCE_EXHAUSTED, "no memory to read %s", path);
    }
    static int fail_thread(fc_ctx *ctx, const char *path) {
        return ctx->api->fail(ctx, FC_RESOURCE_EXHAUSTED, "the system refused a thread to read %s", path);
    }
    static int fail_nul(fc_ctx *ctx, const char *path) {
        return ctx->api->fail(
            ctx, FC_INVALID_ARGUMENT, "a file name cannot hold a NUL byte; found one behind '%s'", path);
    }
    static int fail_cancelled(fc_ctx *ctx, const char *path) {
        return ctx->api->fail(ctx, FC_CANCELLED, "the reading of %s was cancelled", path);
    }
    static int fail_read(fc_ctx *ctx, const char *path, int error) {
        int status = error == ENOENT || error == ENOTDIR ? FC_NOT_FOUND
                     : error == EACCES || error == EPERM ? FC_PERMISSION_DENIED
                                                         : FC_UNKNOWN;
        if (error == ENOMEM) return fail_memory(ctx, path);
        if (error == EINVAL)
            return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "%s is not a regular file or a pipe", path);
        return ctx->api->fail(ctx, status, "%s; %s", path, strerror(error));
    }
    """
    void count(int64_t *) noexcept nogil
    void set_count(int64_t *, int64_t) noexcept nogil
    int64_t count_of(int64_t *) noexcept nogil
    void set_given_up(int32_t *) noexcept nogil
    int fail_with(fc_ctx *, int, const char *) noexcept nogil
    int fail_memory(fc_ctx *, const char *) noexcept nogil
    int fail_thread(fc_ctx *, const char *) noexcept nogil
    int fail_nul(fc_ctx *, const char *) noexcept nogil
    int fail_cancelled(fc_ctx *, const char *) noexcept nogil
    int fail_read(fc_ctx *, const char *, int) noexcept nogil

fc_io_watch_fork()
fc_count_allocations(allocations())


cdef struct reader_t:
    fc_resource base
    bint whole_file             # else: identity
    int64_t produced
    int64_t finished

cdef struct entry_t:            # how a reading stands on the list
    fc_link link
    reading_t *reading

cdef struct reading_t:
    fc_io_job job
    entry_t entry               # on `readings` until the outcome is known
    fc_token *token
    fc_ctx *ctx                 # the token's
    char *path
    reader_t *reader            # NULL: ReadFile
    fc_resource *queue          # where `element` came from
    fc_tensor element
    int32_t given_up

cdef fc_link readings
cdef pthread_mutex_t readings_lock


cdef void forget_readings() noexcept nogil:
    """At the start, and in a child of a fork, which has neither the threads nor the steps."""
    fc_list_init(&readings)
    pthread_mutex_init(&readings_lock, NULL)


forget_readings()
pthread_atfork(NULL, NULL, forget_readings)


# ---- outputs -------------------------------------------------------------------------------------

cdef int put_string(fc_ctx *ctx, int i, const char *data, int64_t size) noexcept nogil:
    cdef fc_buffer *b
    cdef int rc = ctx.api.alloc(ctx, i, FC_STRING, 0, NULL)
    if rc != FC_OK:
        return rc
    b = ctx.out[i].buffer
    return ctx.api.string_put(ctx, b, <fc_string *>b.data, data, size)


cdef int put_count(fc_ctx *ctx, int64_t value) noexcept nogil:
    cdef int rc = ctx.api.alloc(ctx, 0, FC_INT64, 0, NULL)
    if rc == FC_OK:
        (<int64_t *>fc_data(&ctx.out[0]))[0] = value
    return rc


cdef fc_bytes string_at(const fc_tensor *t) noexcept nogil:
    return fc_bytes_of(<fc_string *>fc_data(t))


cdef int put_name(fc_ctx *ctx, int i, const fc_tensor *name) noexcept nogil:
    cdef fc_bytes s = string_at(name)
    return put_string(ctx, i, s.data, s.size)


# ---- a reading -----------------------------------------------------------------------------------

cdef void drop_reading(reading_t *r) noexcept nogil:
    free(r.path)
    free(r)


cdef bint decide(reading_t *r) noexcept nogil:
    """Whether the outcome is the caller's to tell: it is not once the reading was given up."""
    cdef bint wanted
    pthread_mutex_lock(&readings_lock)
    wanted = not r.given_up
    if wanted:
        fc_list_remove(&r.entry.link)
    pthread_mutex_unlock(&readings_lock)
    return wanted


cdef void refuse(
    fc_ctx *ctx, fc_token *token, fc_resource *queue, fc_tensor *element, int status
) noexcept nogil:
    """Completes a reading that came to nothing: a name returns to its queue first."""
    if queue != NULL:
        give_back(ctx, queue, element)
    ctx.api.complete(token, status)


cdef void cancel_reading(fc_token *token, void *queue) noexcept nogil:
    """The step gives up: the helper thread is left alone with the file."""
    cdef entry_t *entry
    cdef reading_t *r
    cdef reading_t copy
    if queue != NULL and cancel_take(<fc_resource *>queue, token):
        return
    pthread_mutex_lock(&readings_lock)
    entry = <entry_t *>fc_list_first(&readings)
    while entry != NULL and entry.reading.token != token:
        entry = <entry_t *>fc_list_next(&readings, &entry.link)
    if entry == NULL:  # `begin` has yet to come, and will see that the step has failed; or the file is read
        pthread_mutex_unlock(&readings_lock)
        return
    r = entry.reading
    fc_list_remove(&entry.link)
    fail_cancelled(r.ctx, r.path)
    copy = r[0]
    set_given_up(&r.given_up)
    pthread_mutex_unlock(&readings_lock)  # from here on it is the helper thread's
    refuse(copy.ctx, token, copy.queue, &copy.element, FC_CANCELLED)


cdef void read_for(fc_io_job *job) noexcept nogil:
    """On a helper thread: reads the file, and tells the step that still waits for it."""
    cdef reading_t *r = <reading_t *>job
    cdef fc_file_contents contents
    cdef int error = fc_read_file(r.path, &r.given_up, &contents)
    if decide(r):
        tell(r, error, &contents)
    free(contents.data)
    drop_reading(r)


cdef int put_contents(
    fc_ctx *ctx, reader_t *reader, const fc_tensor *name, const fc_file_contents *contents
) noexcept nogil:
    """The outputs of a node whose file is read."""
    cdef int rc = put_string(ctx, ctx.n_out - 1, contents.data, <int64_t>contents.size)
    if rc == FC_OK and reader != NULL:
        rc = put_name(ctx, 0, name)
        if rc == FC_OK:
            count_record(reader)
    return rc


cdef void tell(reading_t *r, int error, const fc_file_contents *contents) noexcept nogil:
    cdef fc_ctx *ctx = r.ctx
    cdef int rc
    if error:
        rc = fail_read(ctx, r.path, error)
    else:
        rc = put_contents(ctx, r.reader, &r.element, contents)
    if rc == FC_RESOURCE_EXHAUSTED:
        refuse(ctx, r.token, r.queue, &r.element, rc)
        return
    if r.queue != NULL:
        end_use(ctx, r.queue, &r.element)
    ctx.api.complete(r.token, rc)


cdef int begin(
    fc_ctx *ctx, fc_token *token, reader_t *reader, fc_resource *queue, fc_tensor *name
) noexcept nogil:
    """Begins to read a file; the token, if there is one already, is completed when it is read.

    With FC_PENDING, `name`, taken from `queue`, is the reading's; with another status it is still
    the caller's.
    """
    cdef fc_bytes s = string_at(name)
    cdef char *path = new_path(s)
    cdef reading_t *r
    cdef fc_file_contents contents
    cdef int rc
    if path == NULL:
        return fail_with(ctx, FC_RESOURCE_EXHAUSTED, b"no memory for a file name")
    if <int64_t>strlen(path) != s.size:
        rc = fail_nul(ctx, path)
        free(path)
        return rc
    if token == NULL:  # the node's own thread: it may copy, but not wait
        ctx.api.may_wait(ctx)
        if fc_read_cached(path, CACHED_BYTES, &contents):
            rc = put_contents(ctx, reader, name, &contents)
            free(contents.data)
            free(path)
            return rc
    r = <reading_t *>fc_calloc(1, sizeof(reading_t))
    if r == NULL:
        rc = fail_memory(ctx, path)
        free(path)
        return rc
    r.path = path
    r.token = token if token != NULL else ctx.api.park(ctx, cancel_reading, queue)
    if r.token == NULL:
        drop_reading(r)
        return fc_park_status(ctx)
    r.job.run = read_for
    r.entry.reading = r
    r.ctx = ctx.api.token_ctx(r.token)
    r.reader = reader
    r.queue = queue
    if queue != NULL:
        r.element = name[0]
    pthread_mutex_lock(&readings_lock)
    r.given_up = r.ctx.api.cancelled(r.ctx)  # else the cancel will find it on the list
    if not r.given_up:
        fc_list_push_back(&readings, &r.entry.link)
    pthread_mutex_unlock(&readings_lock)
    if r.given_up:
        refuse(r.ctx, r.token, queue, &r.element, fail_cancelled(r.ctx, r.path))
        drop_reading(r)
    elif fc_io_submit(&r.job) != 0:
        if decide(r):
            refuse(r.ctx, r.token, queue, &r.element, fail_thread(r.ctx, r.path))
        drop_reading(r)
    return FC_PENDING


# ---- kernels -------------------------------------------------------------------------------------

cdef int read_file(fc_ctx *ctx) noexcept nogil:
    if ctx.inputs[0].size != 1 or ctx.inputs[0].dtype != FC_STRING:
        return fail_with(ctx, FC_INVALID_ARGUMENT, b"the file name must be one string")
    return begin(ctx, NULL, NULL, NULL, <fc_tensor *>ctx.inputs[0])


cdef reader_t *reader_at(fc_ctx *ctx, int *rc) noexcept nogil:
    cdef fc_resource *r = NULL
    if ctx.inputs[0].dtype == FC_RESOURCE and ctx.inputs[0].size == 1:
        r = (<fc_resource **>fc_data(ctx.inputs[0]))[0]
    if r != NULL and r.kind == FC_RES_READER:
        rc[0] = FC_OK
        return <reader_t *>r
    rc[0] = fail_with(ctx, FC_INVALID_ARGUMENT, b"the input is not the handle of a reader")
    return NULL


cdef void count_record(reader_t *reader) noexcept nogil:
    count(&reader.produced)
    count(&reader.finished)


cdef int reader_read(fc_ctx *ctx) noexcept nogil:
    cdef int rc = FC_OK
    cdef fc_resource *queue
    if reader_at(ctx, &rc) == NULL:
        return rc
    queue = queue_of_strings(ctx, 1, &rc)
    return rc if queue == NULL else take_for_use(ctx, queue, read_element, cancel_reading)


cdef int read_element(fc_ctx *ctx, fc_token *token, fc_resource *queue, fc_tensor *element) noexcept nogil:
    """The record of a work item: its name as key; the file's contents, or the name again, as value."""
    cdef int rc = FC_OK
    cdef reader_t *reader = reader_at(ctx, &rc)
    if element.size != 1:
        rc = fail_with(ctx, FC_INVALID_ARGUMENT, b"a work item must be one string")
    elif reader.whole_file:
        rc = begin(ctx, token, reader, queue, element)
        if rc == FC_PENDING:
            return rc
    else:
        rc = put_name(ctx, 0, element)
        if rc == FC_OK:
            rc = put_name(ctx, 1, element)
        if rc == FC_OK:
            count_record(reader)
    if rc == FC_RESOURCE_EXHAUSTED or rc == FC_CANCELLED:
        give_back(ctx, queue, element)
    else:
        end_use(ctx, queue, element)
    return rc


cdef int records_produced(fc_ctx *ctx) noexcept nogil:
    cdef int rc = FC_OK
    cdef reader_t *reader = reader_at(ctx, &rc)
    return rc if reader == NULL else put_count(ctx, count_of(&reader.produced))


cdef int units_completed(fc_ctx *ctx) noexcept nogil:
    cdef int rc = FC_OK
    cdef reader_t *reader = reader_at(ctx, &rc)
    return rc if reader == NULL else put_count(ctx, count_of(&reader.finished))


cdef int reset_reader(fc_ctx *ctx) noexcept nogil:
    cdef int rc = FC_OK
    cdef reader_t *reader = reader_at(ctx, &rc)
    if reader != NULL:
        set_count(&reader.produced, 0)
        set_count(&reader.finished, 0)
    return rc


# ---- resources -----------------------------------------------------------------------------------

cdef void destroy_reader(fc_resource *r) noexcept nogil:
    free(<void *>r.name)
    free(r)


cdef object new_reader(str name, bint whole_file):
    cdef reader_t *reader = <reader_t *>fc_calloc(1, sizeof(reader_t))
    if reader == NULL:
        raise MemoryError("no memory for a reader")
    data = name.encode()
    reader.base.name = fc_strdup(data)
    if reader.base.name == NULL:
        free(reader)
        raise MemoryError("no memory for a reader")
    reader.base.refs = 1
    reader.base.kind = FC_RES_READER
    reader.base.destroy = destroy_reader
    reader.whole_file = whole_file
    return PyCapsule_New(reader, "flowcore.resource", NULL)


def create_WholeFileReaderV2(str name, attrs):
    """The state of a WholeFileReaderV2 node, as a capsule."""
    return new_reader(name, True)


def create_IdentityReaderV2(str name, attrs):
    """The state of an IdentityReaderV2 node, as a capsule."""
    return new_reader(name, False)


def reading():
    """Names of the nodes for which a file is being read now."""
    cdef entry_t *entry
    cdef list names = []
    pthread_mutex_lock(&readings_lock)
    entry = <entry_t *>fc_list_first(&readings)
    while entry != NULL:
        names.append(entry.reading.ctx.name)
        entry = <entry_t *>fc_list_next(&readings, &entry.link)
    pthread_mutex_unlock(&readings_lock)
    return {name.decode() for name in names}


# ---- the kernel table ----------------------------------------------------------------------------

cdef fc_kernel_def defs[5]
cdef fc_kernel_table table


cdef void define(int i, const char *op, int flags, fc_kernel fn):
    defs[i].op = op
    defs[i].types = b""
    defs[i].attrs = b""
    defs[i].flags = FC_STATEFUL | flags
    defs[i].host_in = defs[i].host_out = 0xffffffff
    defs[i].fn = fn


define(0, b"ReadFile", FC_ASYNC, read_file)
define(1, b"ReaderReadV2", FC_ASYNC, reader_read)
define(2, b"ReaderNumRecordsProducedV2", 0, records_produced)
define(3, b"ReaderNumWorkUnitsCompletedV2", 0, units_completed)
define(4, b"ReaderResetV2", 0, reset_reader)
table.abi = FC_ABI
table.device = b"CPU"
table.count = 5
table.defs = defs

KERNELS = [PyCapsule_New(&table, "flowcore.kernel_table", NULL)]
