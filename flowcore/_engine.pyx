"""The engine: runs plans. A plan is flat arrays; a step is one run of it, without the GIL.

Owns the scheduler's policy; the mechanism (events, deques, atomics) is in _sync.h. Knows no graph:
slots and indices only. Longer than other files because plan, step, scheduler and the services for
kernels share their structs.

How a step runs
---------------
Each node has a count of what it waits for: one per input slot that a node fills, one per control
edge. The thread that brings it to zero makes the node ready. A thread that finishes a node goes on
with one ready successor and pushes the others to its own deque in the step; idle workers of the
pool that visit the step steal from there. `pending` counts nodes that are ready, running or parked;
at zero the step is over. A thread counts the nodes that it has finished for itself, and subtracts
them when its own deque is empty: one write to shared memory instead of one per node. The caller of
`run` works on its own step only. It sleeps on the step's event when there is nothing to do.

These threads may touch a step: its caller, alone until it first asks for help or parks a node
(`shared`); the pool's workers while they are visitors (`visitors` is raised under the pool's lock
while the step is on the pool's list); threads that complete a token (a visit that lasts from park
to the end of complete); threads that cancel (visitors from before they let the GIL go). The caller
takes the step off the list and waits for the visitors to leave before it is used again, so that no
thread ever sees a step that is gone.

A signal (Ctrl-C) or a time limit ends the wait of a caller whose step has failed and is kept by
nodes on workers, say a Python function that sleeps, or by a device that is still busy: a thread
made for it takes the caller's place, waits for the end and takes the step down. Such a step holds a
reference to its plan.

Values: a slot holds a tensor until its last reader is done (`uses`). Constants are never released.
The thread that sets `failed` records the first failure of a step; from then on ready nodes are
dropped and parked ones cancelled. A failure is recorded without allocating memory, and a node that
finds no room in a deque goes to the injection stack: a step ends also where memory has run out.

Waking a worker costs about 5 us, so work shorter than WAKE_NS in sum stays on this thread. What a
node costs is measured in the first steps and now and then later (`cost`).

Lock order: a resource's own lock, then the step's lock. The pool's lock is taken alone.

The GIL in a run
----------------
To release the GIL and take it again costs little where no other thread wants it, and some 5 us,
with a sleep and a wake-up, where several Python threads do: more than a short run itself. So a run
that has been measured to be short keeps it (`is_short`); where a thread whose run is over waits for
it, it is handed over now and then (`take_turns`), far more often than the interpreter's switch
interval would. A run that keeps it releases it at the latest
- before it sleeps, joins a parallel loop, or waits for a visitor to leave;
- where a kernel is about to wait for a lock that another thread has (`may_wait` of the kernels'
  interface);
- where it turns out to be long: a parallel loop in several pieces, more than LARGE_BYTES of memory;
- before it cancels what is parked.
So no thread waits for a lock while it has the GIL, but for the locks of steps, of the pool and of
free blocks, whose holders never wait for the GIL.
"""

cimport cython
from cpython.pycapsule cimport PyCapsule_GetPointer
from cpython.ref cimport Py_DECREF, Py_INCREF, Py_XDECREF, PyObject
from libc.stdint cimport int32_t, int64_t, uint32_t
from libc.stdlib cimport free
from libc.string cimport memcpy, memset

import os
import threading

import numpy as np

cimport flowcore._buffer as buf
from flowcore._allocate cimport fc_aligned, fc_calloc, fc_count_allocations, fc_malloc
from flowcore._buffer cimport (
    array_from_tensor, cpu_device, new_buffer, numpy_dtype, tensor_from_array,
)
from flowcore._kernel cimport (
    FC_ABI, FC_BUF_EXTERNAL, FC_CANCELLED, FC_DEADLINE_EXCEEDED, FC_INTERNAL, FC_INVALID_ARGUMENT,
    FC_MAX_DIMS, FC_OK, FC_PENDING, FC_RESOURCE, FC_RESOURCE_EXHAUSTED, FC_STRING, FC_UNKNOWN,
    fc_api, fc_attr, fc_buffer, fc_ctx, fc_device, fc_item_size, fc_kernel, fc_kernel_def,
    fc_kernel_table, fc_mul_overflow, fc_release, fc_resource, fc_resource_release, fc_retain,
    fc_tensor, fc_token,
)
from flowcore._list cimport (
    fc_link, fc_list_first, fc_list_init, fc_list_next, fc_list_push_front, fc_list_remove,
)


cdef extern from "_sync.h" nogil:
    enum: FC_EMPTY
    enum: FC_RETRY
    ctypedef struct fc_event:
        int32_t waiters
    ctypedef struct fc_deque:
        pass
    ctypedef struct pthread_mutex_t:
        pass
    ctypedef unsigned long pthread_t
    int32_t fc_fork_count
    void fc_watch_fork()
    int32_t fc_load32(int32_t *)
    void fc_store32(int32_t *, int32_t)
    int32_t fc_add32(int32_t *, int32_t)
    bint fc_cas32(int32_t *, int32_t, int32_t)
    int64_t fc_load64(int64_t *)
    void fc_store64(int64_t *, int64_t)
    int64_t fc_add64(int64_t *, int64_t)
    float fc_load_float(float *)
    void fc_store_float(float *, float)
    void fc_pause()
    int64_t fc_now_ns()
    int64_t fc_computed_ns(bint whole_process)
    void fc_event_init(fc_event *)
    void fc_event_destroy(fc_event *)
    int32_t fc_event_prepare(fc_event *)
    void fc_event_stay_awake(fc_event *)
    void fc_event_wait(fc_event *, int32_t, int64_t)
    void fc_event_wake(fc_event *, int)
    int fc_deque_init(fc_deque *, int64_t)
    void fc_deque_destroy(fc_deque *)
    int64_t fc_deque_size(fc_deque *)
    int fc_deque_push(fc_deque *, int32_t)
    int32_t fc_deque_take(fc_deque *)
    int32_t fc_deque_steal(fc_deque *)
    void fc_inject(int32_t *, int32_t *, int32_t)
    int32_t fc_drain(int32_t *)
    int pthread_mutex_init(pthread_mutex_t *, void *)
    int pthread_mutex_destroy(pthread_mutex_t *)
    int pthread_mutex_lock(pthread_mutex_t *)
    int pthread_mutex_unlock(pthread_mutex_t *)
    int pthread_create(pthread_t *, void *, void *(*)(void *) noexcept nogil, void *)
    int pthread_join(pthread_t, void **)
    int pthread_detach(pthread_t)
    int sched_yield()

cdef extern from *:
    """
    #include <stdarg.h>
    #include <stdio.h>
    #include "_kernel.h"
    /* The head of the struct that the scheduler keeps behind ctx->engine: where messages go. */
    typedef struct { char *message; } fc_run_head;
    enum { FC_MESSAGE_SIZE = 1024 };
    static int fc_api_fail(fc_ctx *ctx, int status, const char *format, ...) {
        va_list args;
        va_start(args, format);
        vsnprintf(((fc_run_head *)ctx->engine)->message, FC_MESSAGE_SIZE, format, args);
        va_end(args);
        return status;
    }
    static inline void fc_message(char *to, const char *text) { snprintf(to, FC_MESSAGE_SIZE, "%s", text); }
    static inline void fc_memory_message(char *to, fc_device *device, long long bytes, int ndim,
                                         const int64_t *shape) {
        fc_tensor t = {0};
        char text[256];
        int used;
        t.ndim = ndim;
        for (int d = 0; d < ndim; d++) t.shape[d] = shape[d];
        used = snprintf(to, FC_MESSAGE_SIZE, "out of memory: an output of shape %s takes %lld bytes",
                        fc_shape_str(&t, text, sizeof text), bytes);
        if (device && device->describe) device->describe(device, to + used, (size_t)(FC_MESSAGE_SIZE - used));
    }
    static inline void fc_index_message(char *to, const char *format, long long a, long long b) {
        if (a == b && a < 0) snprintf(to, FC_MESSAGE_SIZE, "%s", format);
        else snprintf(to, FC_MESSAGE_SIZE, format, a, b);
    }
    /* Where the state of this thread goes when its run releases the GIL; NULL: it has done so, or has not
     * got it. */
    static __thread PyThreadState **fc_kept;
    static int32_t fc_returning; /* threads whose run is over and that wait for the GIL */
    static int32_t fc_returned;  /* how often one of them has got it */
    static inline void fc_let_go(void) {
        PyThreadState **state = fc_kept;
        if (!state || !PyGILState_Check()) return;
        fc_kept = NULL;
        *state = PyEval_SaveThread();
    }
    static inline PyThreadState **fc_keep(PyThreadState **state) {
        PyThreadState **outer = fc_kept;
        *state = NULL;
        fc_kept = state;
        return outer;
    }
    static inline void fc_come_back(PyThreadState *state, PyThreadState **outer) {
        fc_kept = outer;
        if (!state) return;
        __atomic_add_fetch(&fc_returning, 1, __ATOMIC_RELAXED);
        PyEval_RestoreThread(state);
        __atomic_sub_fetch(&fc_returning, 1, __ATOMIC_RELAXED);
        __atomic_add_fetch(&fc_returned, 1, __ATOMIC_RELAXED);
    }
    static void fc_none_returning(void) { fc_returning = 0; }
    static inline void fc_watch_returning(void) { pthread_atfork(NULL, NULL, fc_none_returning); }
    """
    enum: FC_MESSAGE_SIZE
    int fc_api_fail(fc_ctx *ctx, int status, const char *format, ...) noexcept nogil
    void fc_message(char *, const char *) noexcept nogil
    void fc_memory_message(char *, fc_device *, long long, int, const int64_t *) noexcept nogil
    void fc_index_message(char *, const char *, long long, long long) noexcept nogil
    ctypedef struct PyThreadState:
        pass
    void fc_let_go() noexcept nogil
    PyThreadState **fc_keep(PyThreadState **) noexcept nogil
    void fc_come_back(PyThreadState *, PyThreadState **) noexcept nogil
    int32_t fc_returning
    int32_t fc_returned
    void fc_watch_returning()

cdef extern from "Python.h":
    int PyErr_CheckSignals() except -1
    const char *PyUnicode_AsUTF8(object) except NULL  # where its characters are, as long as the object lives

cdef enum:
    HELPER_NS = 100000          # how long a parallel loop waits awake for its helpers
    CROWDED_NS = 1000000        # a loop whose threads were kept from running for longer: a crowded machine
    CROWD_NS = 250000000        # for so long
    WATCH_NS = 50000            # how long a worker stays awake after a parallel loop
    WAKE_NS = 8000              # published work below this is not worth waking a worker
    # a node below this is not worth another thread: fetching what it works on costs as much
    TINY_NS = 400
    UNKNOWN_NS = 1000           # what an unmeasured node is taken to cost
    PYTHON_NS = 1000000         # a Python kernel may block for long
    SHORT_NS = 5000             # a run up to this keeps the GIL: to hand it over costs as much
    NODE_NS = 40                # what a node costs beside its kernel
    TURN_NS = 200000            # how long a thread whose run is over waits for others' short runs
    HAND_OVER_NS = 20000        # how long one that hands the GIL over waits for that one to wake up
    LARGE_BYTES = 65536         # what takes more memory is not short
    LONG_NS = 1000000           # after such a node the caller looks at the clock
    SIGNAL_NS = 50000000        # how often the caller looks for signals
    SLEEP_NS = 100000000        # longest sleep between two looks
    MAX_JOBS = 64
    DIED = -9                   # internal: dropped after a failure

fc_watch_fork()
fc_watch_returning()
fc_count_allocations(buf.allocations())


# ---- structs -------------------------------------------------------------------------------------

cdef struct node_t:
    fc_kernel fn                # NULL: a Python kernel
    PyObject *function
    fc_attr *attrs
    fc_resource *state
    fc_device *device
    char *name
    int32_t n_in
    int32_t n_out
    int64_t first_in            # into plan.in_slots
    int32_t first_out           # slot
    int32_t waits               # initial readiness count
    int64_t first_next          # into plan.next
    int32_t n_next
    int32_t *types              # declared output dtypes of a Python kernel
    uint32_t host_out           # outputs that live in host memory whatever the device

cdef struct plan_t:
    pool_t *pool
    int32_t n_nodes
    int32_t n_slots
    node_t *nodes
    int32_t *in_slots
    int64_t n_in_slots
    int32_t *next
    int32_t *waits              # initial counts, contiguous for the copy
    int32_t *uses               # reads per slot, fetches and feeds included; 0: constant
    int32_t *sources
    int32_t n_sources
    int32_t *constant_of        # per slot: which of the constants it is; -1: none
    fc_tensor *constants
    int32_t n_constants
    float *cost                 # ns per node, 0: not measured
    bint short                  # its runs keep the GIL
    int64_t steps

cdef struct trace_t:
    int64_t start
    int64_t end
    int32_t thread

cdef struct step_t:
    fc_link link                # on the pool's list, where `listed`
    plan_t *plan
    fc_tensor *slots
    const fc_tensor **inputs    # one pointer per entry of plan.in_slots
    int32_t *waits
    int32_t *uses
    int32_t *inject_next
    int32_t inject_head
    fc_deque *deques            # one per thread of the pool; 0: the caller
    fc_event event              # the caller sleeps here
    int64_t pending
    int32_t visitors
    int32_t failed
    int32_t dropped             # some node failed or never ran: what came out is not whole
    int32_t code
    int32_t error_node
    char message[1024]
    PyObject *error             # exception of a Python kernel or of the wait hook
    PyObject *signal            # exception that a signal raised in the caller
    PyObject *owner             # the plan, where the caller has left
    pthread_mutex_t lock        # guards `tokens`
    fc_link tokens              # of what is parked
    # other threads may be in it: set by its caller before the first of them can be
    bint shared
    # on the pool's list; changed by the caller or a completing thread under the pool's lock
    int32_t listed
    bint measure
    trace_t *trace
    step_t *free_next

cdef struct run_t:              # one execution of a node; ctx.engine points here
    char *message
    fc_ctx ctx
    step_t *step
    int64_t *finished           # of the thread that runs it
    int32_t node
    int32_t thread
    void *scratch               # linked list of blocks
    char text[1024]

ctypedef void (*cancel_fn)(fc_token *token, void *arg) noexcept nogil

cdef struct token_t:
    fc_link link                # on the step's list
    run_t run
    int32_t refs
    int32_t state               # 0 parked, 1 completed
    cancel_fn cancel
    void *arg
    token_t *cancelled_next     # of those that a failure cancels

ctypedef void (*loop_fn)(void *arg, int64_t begin, int64_t end) noexcept nogil

cdef struct job_t:              # a parallel loop
    fc_link link                # on the pool's list
    int64_t at                  # pieces taken
    int64_t helped              # of these by helpers
    int64_t pieces
    int64_t n
    int64_t grain
    loop_fn fn
    void *arg
    int32_t users

cdef struct pool_t:
    int32_t n_threads
    pthread_mutex_t lock        # guards the lists
    fc_link steps
    fc_link jobs
    fc_event event              # workers sleep here
    fc_event left               # threads whose parallel loops wait for helpers sleep here
    fc_event spare              # spare helpers sleep here
    int64_t crowded_until       # other processes keep helpers from running: spare ones are woken too; 0: no
    int64_t next_look           # when a loop finds out again whether it is
    int32_t n_spares            # started; behind the workers in `threads`
    int32_t most_spares
    int32_t begun               # parallel loops so far that ask for help
    int32_t watchers            # workers that look out for the next one, awake
    int64_t watch_ns            # for so long
    int32_t stop
    int32_t refs                # the Pool and every worker: the last one frees
    int32_t fork_count
    pthread_t *threads
    worker_t *workers

cdef struct worker_t:
    pool_t *pool
    int32_t index

cdef long long live_plans = 0, live_steps = 0, live_tokens = 0, running_steps = 0

cdef extern from *:
    """
    static inline void fc_bump(long long *p, long long d) { __atomic_add_fetch(p, d, __ATOMIC_RELAXED); }
    """
    void fc_bump(long long *, long long) noexcept nogil


# ---- services for kernels (fc_api) ---------------------------------------------------------------

cdef int set_shape(run_t *run, fc_tensor *t, int dtype, int ndim, const int64_t *shape) noexcept nogil:
    cdef int d
    cdef int64_t item = fc_item_size(dtype), bytes = 0
    if ndim < 0 or ndim > FC_MAX_DIMS:
        fc_index_message(
            run.message, b"an output would have %lld dimensions; at most %lld are supported",
            ndim, FC_MAX_DIMS)
        return FC_INVALID_ARGUMENT
    if item == 0:
        fc_message(run.message, b"an output has an unknown dtype")
        return FC_INTERNAL
    t.size = 1
    for d in range(ndim):
        if shape[d] < 0:
            fc_index_message(run.message, b"dimension %lld of an output would be negative: %lld", d, shape[d])
            return FC_INVALID_ARGUMENT
        t.shape[d] = shape[d]
        if fc_mul_overflow(t.size, shape[d], &t.size) or fc_mul_overflow(t.size, item, &bytes):
            fc_message(run.message, b"an output has too many elements: its size overflows 64 bits")
            return FC_INVALID_ARGUMENT
    t.dtype = dtype
    t.ndim = ndim
    t.offset = 0
    return FC_OK


cdef int api_alloc(fc_ctx *ctx, int out, int dtype, int ndim, const int64_t *shape) noexcept nogil:
    cdef run_t *run = <run_t *>ctx.engine
    cdef fc_tensor *t = &ctx.out[out]
    cdef int rc = set_shape(run, t, dtype, ndim, shape)
    if rc != FC_OK or t.size == 0:
        return rc
    cdef fc_device *device = NULL
    if t.size * fc_item_size(dtype) > LARGE_BYTES:
        fc_let_go()
    if ctx.device == cpu_device() or (run.step.plan.nodes[run.node].host_out >> min(out, 31)) & 1:
        rc = new_buffer(dtype, t.size, &t.buffer)
    else:
        device = ctx.device
        rc = device.alloc(device, <size_t>(t.size * fc_item_size(dtype)), &t.buffer)
        if rc == FC_OK and device.name_block != NULL:
            device.name_block(t.buffer, ctx.name)
    if rc != FC_OK:
        t.buffer = NULL
        fc_memory_message(run.message, device, t.size * fc_item_size(dtype), ndim, shape)
    return rc


cdef int api_share(
    fc_ctx *ctx, int out, const fc_tensor *src, int64_t offset, int dtype, int ndim, const int64_t *shape
) noexcept nogil:
    cdef run_t *run = <run_t *>ctx.engine
    cdef fc_tensor *t = &ctx.out[out]
    cdef int rc = set_shape(run, t, dtype, ndim, shape)
    if rc != FC_OK:
        return rc
    if t.size:
        t.buffer = src.buffer
        t.offset = src.offset + offset
        fc_retain(t.buffer)
    return FC_OK


cdef int api_sole(fc_ctx *ctx, int i) noexcept nogil:
    cdef run_t *run = <run_t *>ctx.engine
    cdef fc_buffer *b = ctx.inputs[i].buffer
    cdef int32_t slot = run.step.plan.in_slots[run.step.plan.nodes[run.node].first_in + i]
    if b == NULL or b.flags & FC_BUF_EXTERNAL or run.step.plan.uses[slot] == 0:
        return False
    return fc_load32(&run.step.uses[slot]) == 1 and fc_load32(&b.refs) == 1


cdef int api_forward(fc_ctx *ctx, int i, int out, int dtype, int ndim, const int64_t *shape) noexcept nogil:
    cdef const fc_tensor *src = ctx.inputs[i]
    cdef int64_t size = 1
    cdef int d
    cdef bint as_strings = dtype == FC_STRING, are_strings = src.dtype == FC_STRING
    if as_strings == are_strings and api_sole(ctx, i) and src.buffer.device == ctx.device:
        for d in range(ndim):
            size *= shape[d]
        if size * fc_item_size(dtype) == src.size * fc_item_size(src.dtype):
            return api_share(ctx, out, src, 0, dtype, ndim, shape)
    return api_alloc(ctx, out, dtype, ndim, shape)


cdef int api_scratch(fc_ctx *ctx, size_t size, void **ptr) noexcept nogil:
    cdef run_t *run = <run_t *>ctx.engine
    cdef fc_buffer *block = NULL
    ptr[0] = NULL
    if size == 0:
        size = 1
    if size > LARGE_BYTES:
        fc_let_go()
    if cpu_device().alloc(cpu_device(), size, &block) != FC_OK:
        fc_index_message(run.message, b"out of memory: %lld bytes of working memory", <long long>size, 0)
        return FC_RESOURCE_EXHAUSTED
    block.owner = run.scratch
    run.scratch = block
    ptr[0] = block.data
    return FC_OK


cdef int api_cancelled(fc_ctx *ctx) noexcept nogil:
    return fc_load32(&(<run_t *>ctx.engine).step.failed)


cdef int api_buffer_new(fc_ctx *ctx, int dtype, int64_t size, fc_buffer **out) noexcept nogil:
    cdef int64_t bytes = 0
    out[0] = NULL
    if size > LARGE_BYTES // 8:  # as if of eight bytes each: the product may overflow
        fc_let_go()
    if fc_mul_overflow(size, fc_item_size(dtype), &bytes) or new_buffer(dtype, size, out) != FC_OK:
        fc_index_message(
            (<run_t *>ctx.engine).message, b"out of memory: %lld elements of %lld bytes",
            size, fc_item_size(dtype))
        return FC_RESOURCE_EXHAUSTED
    return FC_OK


cdef inline void run_piece(job_t *job, int64_t piece) noexcept nogil:
    cdef int64_t begin = piece * job.grain, end = begin + job.grain
    job.fn(job.arg, begin, end if end < job.n else job.n)


cdef void begin_job(job_t *job, int64_t first) noexcept nogil:
    """The part of the thread that begins a loop: pieces from `first` on."""
    while fc_add64(&job.at, 1) < job.pieces:
        run_piece(job, first)
        first += 1


cdef void work_on_job(job_t *job) noexcept nogil:
    """A helper's part: pieces from the last one backwards.

    So loops over one matrix, one after the other, find each half of it in the same caches.
    """
    while fc_add64(&job.at, 1) < job.pieces:
        run_piece(job, job.pieces - 1 - fc_add64(&job.helped, 1))


cdef job_t *join_job(pool_t *pool) noexcept nogil:
    """A parallel loop that has pieces left; the caller of this is one of its users until it calls
    leave_job. Takes the pool's lock.
    """
    cdef job_t *job
    pthread_mutex_lock(&pool.lock)
    job = find_job(pool)
    pthread_mutex_unlock(&pool.lock)
    return job


cdef job_t *find_job(pool_t *pool) noexcept nogil:
    cdef job_t *job = <job_t *>fc_list_first(&pool.jobs)
    while job != NULL and fc_load64(&job.at) >= job.pieces:
        job = <job_t *>fc_list_next(&pool.jobs, &job.link)
    if job != NULL:
        fc_add32(&job.users, 1)
    return job


cdef void leave_job(pool_t *pool, job_t *job) noexcept nogil:
    """The loop's own thread may return as soon as `users` is zero, and `job` is gone then."""
    if fc_add32(&job.users, -1) == 1:
        fc_event_wake(&pool.left, 1)


cdef void wait_for_helpers(pool_t *pool, job_t *job) noexcept nogil:
    """Until those who joined have finished their pieces.

    A piece is short, so that this is mostly worth staying awake for. A helper whose processor has been
    given to another process comes back after milliseconds; to yield meanwhile would hand this processor
    over for as long, whether or not the helper is back.
    """
    cdef int32_t key
    cdef int64_t begin, computed
    if fc_load32(&job.users) == 0:
        return
    begin = fc_now_ns()
    while fc_load32(&job.users) != 0 and fc_now_ns() - begin < HELPER_NS:
        fc_pause()
    if fc_load32(&job.users) == 0:
        return
    computed = fc_computed_ns(True)
    begin = fc_now_ns()
    while fc_load32(&job.users) != 0:
        key = fc_event_prepare(&pool.left)
        if fc_load32(&job.users) == 0:
            fc_event_stay_awake(&pool.left)
        else:
            fc_event_wait(&pool.left, key, SLEEP_NS)
    look_for_a_crowd(pool, begin, -1, computed)


cdef void look_for_a_crowd(pool_t *pool, int64_t begin, int64_t own, int64_t computed) noexcept nogil:
    """Calls the spare helpers where other processes have kept this one from computing since `begin`.

    `computed` is what the process had computed by then, `own` what this thread had. A thread that waited
    (`own` is -1) finds that no other one ran. One that had work finds that it did not run itself, and that
    not all processors ran this process meanwhile: its own spare helper may have taken the thread's place.
    """
    cdef int64_t now = fc_now_ns(), passed = now - begin
    if passed <= CROWDED_NS:
        return
    if own >= 0:
        if passed - (fc_computed_ns(False) - own) <= CROWDED_NS:
            return
        passed *= pool.n_threads
    if passed - (fc_computed_ns(True) - computed) > CROWDED_NS:
        start_spares(pool)
        fc_store64(&pool.crowded_until, now + CROWD_NS)


cdef bint is_crowded(pool_t *pool) noexcept nogil:
    if fc_load64(&pool.crowded_until) == 0:
        return False
    if fc_now_ns() < fc_load64(&pool.crowded_until):
        return True
    fc_store64(&pool.crowded_until, 0)
    return False


cdef void start_spares(pool_t *pool) noexcept nogil:
    """A crowded machine shares its processors out among threads. With as many threads as it has processors
    this process is given less of them than it asks for, and a loop waits for the thread that is not running:
    spare helpers take pieces too, as long as that lasts. Where the system refuses one, fewer do.
    """
    pthread_mutex_lock(&pool.lock)
    while pool.n_spares < pool.most_spares:
        fc_add32(&pool.refs, 1)
        if pthread_create(&pool.threads[pool.n_threads + pool.n_spares], NULL, spare_main, pool) != 0:
            fc_add32(&pool.refs, -1)
            pool.most_spares = pool.n_spares
        else:
            pool.n_spares += 1
    pthread_mutex_unlock(&pool.lock)


cdef void *spare_main(void *arg) noexcept nogil:
    """A spare helper: it takes part in parallel loops only, and sleeps where there is none."""
    cdef pool_t *pool = <pool_t *>arg
    cdef job_t *job
    cdef int32_t key
    while not fc_load32(&pool.stop):
        key = fc_event_prepare(&pool.spare)
        job = join_job(pool)
        if job != NULL or fc_load32(&pool.stop):
            fc_event_stay_awake(&pool.spare)
        else:
            fc_event_wait(&pool.spare, key, -1)
        if job != NULL:
            work_on_job(job)
            leave_job(pool, job)
    leave_pool(pool)
    return NULL


cdef void api_parallel_for(fc_ctx *ctx, int64_t n, int64_t grain, loop_fn fn, void *arg) noexcept nogil:
    cdef step_t *step = (<run_t *>ctx.engine).step
    cdef pool_t *pool = step.plan.pool
    cdef job_t job
    cdef int64_t first = 0, begin, own = -1, computed = 0
    if n <= 0:
        return
    memset(&job, 0, sizeof(job_t))
    job.grain = grain if grain > 0 else 1
    job.pieces = (n - 1) // job.grain + 1
    job.n = n
    job.fn = fn
    job.arg = arg
    if job.pieces > 1:
        fc_let_go()
    # Idle workers may help, and so may the step's caller, where a worker runs this node. Who is
    # busy now may be idle after the next piece.
    while first < job.pieces - 1 and (pool.n_threads == 1 or not (
            fc_load32(&pool.event.waiters) or fc_load32(&pool.watchers) or fc_load32(&step.event.waiters)
            or is_crowded(pool))):
        run_piece(&job, first)
        first += 1
    if first == job.pieces - 1:
        run_piece(&job, first)
        return
    job.at = first
    pthread_mutex_lock(&pool.lock)
    fc_list_push_front(&pool.jobs, &job.link)
    pthread_mutex_unlock(&pool.lock)
    fc_add32(&pool.begun, 1)
    fc_event_wake(&pool.event, job.pieces - first > 2)
    fc_event_wake(&step.event, 0)
    if is_crowded(pool):
        fc_event_wake(&pool.spare, 1)
    begin = fc_now_ns()
    if begin >= fc_load64(&pool.next_look):
        fc_store64(&pool.next_look, begin + CROWDED_NS)
        computed = fc_computed_ns(True)
        own = fc_computed_ns(False)
    begin_job(&job, first)
    if own >= 0:
        look_for_a_crowd(pool, begin, own, computed)
    pthread_mutex_lock(&pool.lock)
    fc_list_remove(&job.link)
    pthread_mutex_unlock(&pool.lock)
    wait_for_helpers(pool, &job)


cdef fc_token *api_park(fc_ctx *ctx, cancel_fn cancel, void *arg) noexcept nogil:
    cdef run_t *run = <run_t *>ctx.engine
    cdef step_t *step = run.step
    cdef token_t *token = <token_t *>fc_malloc(sizeof(token_t))
    if token == NULL:
        fc_message(run.message, b"out of memory: this node cannot wait for what it needs")
        return NULL
    memcpy(&token.run, run, sizeof(run_t))
    token.run.message = &token.run.text[0]
    token.run.ctx.engine = &token.run
    token.run.thread = 0
    run.scratch = NULL  # belongs to the token now
    token.refs = 1
    token.state = 0
    token.cancel = cancel
    token.arg = arg
    if not step.shared:
        step.shared = True
    pthread_mutex_lock(&step.lock)
    if fc_load32(&step.failed):
        pthread_mutex_unlock(&step.lock)
        run.scratch = token.run.scratch
        free(token)
        return NULL
    fc_list_push_front(&step.tokens, &token.link)
    fc_add32(&step.visitors, 1)
    pthread_mutex_unlock(&step.lock)
    fc_bump(&live_tokens, 1)
    return <fc_token *>token


cdef void api_may_wait(fc_ctx *ctx) noexcept nogil:
    fc_let_go()


cdef fc_ctx *api_token_ctx(fc_token *token) noexcept nogil:
    return &(<token_t *>token).run.ctx


cdef void drop_token(token_t *token) noexcept nogil:
    if fc_add32(&token.refs, -1) == 1:
        fc_bump(&live_tokens, -1)
        free(token)


cdef void api_complete(fc_token *t, int status) noexcept nogil:
    cdef token_t *token = <token_t *>t
    cdef step_t *step = token.run.step
    if not fc_cas32(&token.state, 0, 1):
        return
    pthread_mutex_lock(&step.lock)
    fc_list_remove(&token.link)
    pthread_mutex_unlock(&step.lock)
    end_node(&token.run, status, True)
    drop_token(token)
    fc_add32(&step.visitors, -1)  # the last touch


#: The version of the kernels' interface that this build has.
ABI = FC_ABI

cdef fc_api api
api.abi = FC_ABI
api.alloc = api_alloc
api.forward = api_forward
api.sole = api_sole
api.share = api_share
api.scratch = api_scratch
api.fail = fc_api_fail
api.parallel_for = api_parallel_for
api.cancelled = api_cancelled
api.park = api_park
api.token_ctx = api_token_ctx
api.complete = api_complete
api.string_new = buf.string_new
api.string_release = buf.string_release
api.buffer_new = api_buffer_new
api.may_wait = api_may_wait


# ---- steps ---------------------------------------------------------------------------------------

cdef void release_slot(fc_tensor *t) noexcept nogil:
    cdef fc_buffer *b = t.buffer
    t.buffer = NULL
    fc_release(b)


cdef void fail_step(step_t *step, int code, int32_t node, const char *message) noexcept nogil:
    """Records the first failure and cancels what is parked. Callers are the step's caller or visitors."""
    cdef token_t *token
    cdef token_t *following
    cdef token_t *parked = NULL
    if not fc_cas32(&step.failed, 0, 1):
        return
    step.code = code
    step.error_node = node
    fc_message(&step.message[0], message)
    # References keep the tokens readable while their cancel functions run without the lock.
    pthread_mutex_lock(&step.lock)
    token = <token_t *>fc_list_first(&step.tokens)
    while token != NULL:
        fc_add32(&token.refs, 1)
        token.cancelled_next = parked
        parked = token
        token = <token_t *>fc_list_next(&step.tokens, &token.link)
    pthread_mutex_unlock(&step.lock)
    if parked != NULL:
        fc_let_go()
    while parked != NULL:
        following = parked.cancelled_next
        parked.cancel(<fc_token *>parked, parked.arg)
        drop_token(parked)
        parked = following


cdef void list_step(step_t *step) noexcept nogil:
    """Puts the step where workers find it."""
    cdef pool_t *pool = step.plan.pool
    if fc_load32(&step.listed):  # only its caller takes it off, when it is over
        return
    if not step.shared:
        step.shared = True
    pthread_mutex_lock(&pool.lock)
    if not step.listed:
        fc_store32(&step.listed, 1)
        fc_list_push_front(&pool.steps, &step.link)
    pthread_mutex_unlock(&pool.lock)


cdef void unlist_step(step_t *step) noexcept nogil:
    """Takes the step off the list and waits until nobody visits it."""
    cdef pool_t *pool = step.plan.pool
    cdef int spins = 0
    if fc_load32(&step.listed) or fc_load32(&step.visitors):
        fc_let_go()
        while True:
            pthread_mutex_lock(&pool.lock)
            if step.listed:
                fc_store32(&step.listed, 0)
                fc_list_remove(&step.link)
            pthread_mutex_unlock(&pool.lock)
            while fc_load32(&step.visitors):
                spins += 1
                if spins < 200:
                    fc_pause()
                else:
                    sched_yield()
            if not fc_load32(&step.listed):  # a visitor may have listed it once more on its way out
                return


cdef void call_for_help(step_t *step) noexcept nogil:
    # also where no worker sleeps: one that is busy elsewhere, or about to start, looks here before
    # it sleeps
    list_step(step)
    if fc_load32(&step.plan.pool.event.waiters):
        fc_event_wake(&step.plan.pool.event, 0)


cdef inline float worth(plan_t *plan, int32_t node) noexcept nogil:
    """What another thread might save by running it."""
    cdef float cost = fc_load_float(&plan.cost[node])
    if cost > 0:
        return cost if cost >= TINY_NS else 0
    return UNKNOWN_NS if plan.nodes[node].fn != NULL else PYTHON_NS


cdef inline bint was_last(step_t *step, int32_t *count) noexcept nogil:
    """Counts down.

    As long as the caller is alone in its step, without an atomic operation: they were a third of
    what a small node costs.
    """
    if step.shared:
        return fc_add32(count, -1) == 1
    count[0] -= 1
    return count[0] == 0


cdef inline void publish(step_t *step, int32_t thread, int32_t node) noexcept nogil:
    """A ready node goes to the thread's own deque, or, with no memory for a larger one, to the
    injection stack, which needs none.
    """
    if fc_deque_push(&step.deques[thread], node) != 0:
        fc_inject(&step.inject_head, step.inject_next, node)


cdef int32_t end_node(run_t *run, int status, bint foreign) noexcept nogil:
    """After a kernel: releases inputs, makes successors ready.

    Returns one of them to go on with, FC_EMPTY for none.

    `foreign`: a completing thread, which has no deque here: all goes to the injection stack, and
    the caller is woken.
    """
    cdef step_t *step = run.step
    cdef plan_t *plan = step.plan
    cdef node_t *node = &plan.nodes[run.node]
    cdef int32_t i, slot, successor, n_next, keep = FC_EMPTY, ready = 0
    cdef int32_t *after
    cdef float work = 0
    cdef fc_buffer *block
    while run.scratch != NULL:
        block = <fc_buffer *>run.scratch
        run.scratch = block.owner
        fc_release(block)
    if status != FC_OK:
        fc_store32(&step.dropped, 1)
        if status != DIED:
            fail_step(step, status, run.node, run.message)
    else:
        for i in range(node.n_out):
            if plan.uses[node.first_out + i] == 0:
                release_slot(&step.slots[node.first_out + i])
        for i in range(node.n_in):
            slot = plan.in_slots[node.first_in + i]
            if plan.uses[slot] != 0 and (plan.uses[slot] == 1 or was_last(step, &step.uses[slot])):
                release_slot(&step.slots[slot])
        after = plan.next + node.first_next
        n_next = node.n_next
        if n_next and fc_load32(&step.failed):
            fc_store32(&step.dropped, 1)
            n_next = 0
        for i in range(n_next):
            successor = after[i]
            if plan.waits[successor] == 1 or was_last(step, &step.waits[successor]):
                ready += 1
                if foreign:
                    fc_add64(&step.pending, 1)
                    fc_inject(&step.inject_head, step.inject_next, successor)
                elif keep == FC_EMPTY:
                    keep = successor
                else:
                    if ready == 2:
                        # an upper bound first: it must never touch zero early
                        fc_add64(&step.pending, node.n_next)
                    publish(step, run.thread, successor)
                    work += worth(plan, successor)
    if foreign:
        if fc_add64(&step.pending, -1) == 1 or ready:
            if ready and fc_load32(&step.event.waiters) == 0:
                call_for_help(step)
            fc_event_wake(&step.event, 0)
        return FC_EMPTY
    if ready > 1:
        fc_add64(&step.pending, ready - 1 - node.n_next)
        if work >= WAKE_NS:
            call_for_help(step)
    elif ready == 0:
        run.finished[0] += 1
    return keep


cdef int32_t run_node(step_t *step, int32_t index, int32_t thread, int64_t *finished) noexcept nogil:
    """Runs one node on this thread. Returns the successor to go on with, or FC_EMPTY."""
    cdef run_t run
    cdef plan_t *plan = step.plan
    cdef node_t *node = &plan.nodes[index]
    cdef int status
    cdef int32_t i, result
    cdef int64_t start = 0, end
    cdef float old, new
    run.step = step
    run.node = index
    run.thread = thread
    run.finished = finished
    run.scratch = NULL
    run.message = &run.text[0]
    run.text[0] = 0
    if fc_load32(&step.failed):
        return end_node(&run, DIED, False)
    if fc_load_float(&plan.cost[index]) >= WAKE_NS and fc_deque_size(&step.deques[thread]) > 0:
        call_for_help(step)  # what waits behind this long node should not
    run.ctx.api = &api
    run.ctx.inputs = step.inputs + node.first_in
    run.ctx.out = step.slots + node.first_out
    run.ctx.attrs = node.attrs
    run.ctx.state = node.state
    run.ctx.device = node.device
    run.ctx.name = node.name
    run.ctx.n_in = node.n_in
    run.ctx.n_out = node.n_out
    run.ctx.engine = &run
    for i in range(node.n_out):
        run.ctx.out[i].buffer = NULL
        run.ctx.out[i].ndim = -1
    if step.measure:
        start = fc_now_ns()
    if node.fn != NULL:
        status = node.fn(&run.ctx)
    else:
        status = run_python(&run.ctx, <void *>node.function, node.types)
    if step.measure:
        end = fc_now_ns()
        old = fc_load_float(&plan.cost[index])
        new = <float>(end - start)
        fc_store_float(&plan.cost[index], new if old == 0 else old * <float>0.7 + new * <float>0.3)
        if step.trace != NULL:
            step.trace[index].start = start
            step.trace[index].end = end
            step.trace[index].thread = thread
    if status == FC_OK:
        for i in range(node.n_out):
            if run.ctx.out[i].ndim < 0:
                fc_index_message(
                    run.message, b"the kernel left output %lld of %lld without a value", i, node.n_out)
                status = FC_INTERNAL
    if status == FC_PENDING:
        # the token goes on from here, maybe already: the step is not to be touched for this node
        return FC_EMPTY
    result = end_node(&run, status, False)
    return result


cdef int run_python(fc_ctx *ctx, void *function, int32_t *types) noexcept with gil:
    """Calls a Python kernel.

    An exception is kept on the step; what it returns must fit the declared outputs.
    """
    cdef run_t *run = <run_t *>ctx.engine
    cdef step_t *step = run.step
    cdef int i
    cdef list arguments
    cdef fc_tensor value
    try:
        arguments = [array_from_tensor(<fc_tensor *>ctx.inputs[i], False) for i in range(ctx.n_in)]
        result = (<object>function)(*arguments)
        if ctx.n_out == 0:
            return FC_OK
        if ctx.n_out == 1 and not isinstance(result, tuple):
            result = (result,)
        if not isinstance(result, (tuple, list)) or len(result) != ctx.n_out:
            count = len(result) if isinstance(result, (tuple, list)) else 1
            message = f"the Python function returned {count} values where {ctx.n_out} were declared".encode()
            fc_message(run.message, message)
            return FC_INVALID_ARGUMENT
        for i in range(ctx.n_out):
            array = as_declared(result[i], types[i], i)
            tensor_from_array(array, &value, True)
            ctx.out[i] = value
        return FC_OK
    except TypeMismatch as mismatch:
        message = str(mismatch).encode("utf-8", "replace")
        fc_message(run.message, message)
        return FC_INVALID_ARGUMENT
    except BaseException as error:
        # the caller's own: it must not wait for other nodes
        if run.thread == 0 and isinstance(error, KeyboardInterrupt):
            keep_signal(step, error)
        else:
            pthread_mutex_lock(&step.lock)
            if step.error == NULL:
                Py_INCREF(error)
                step.error = <PyObject *>error
            pthread_mutex_unlock(&step.lock)
        message = f"{type(error).__name__}: {error}".encode("utf-8", "replace")
        fc_message(run.message, message)
        return FC_UNKNOWN


class TypeMismatch(Exception):
    """A Python kernel returned what it had not declared."""


cdef object as_declared(object value, int dtype, int index):
    """`value` as an array of the declared dtype. Python numbers convert; arrays must have it."""
    wanted = numpy_dtype(dtype)
    if dtype == FC_STRING:
        array = np.asarray(value)
        if array.dtype.kind not in "SUO":
            raise TypeMismatch(
                f"value {index} of the Python function has dtype {array.dtype} where string was declared")
        return np.asarray(value, dtype=object)
    array = np.asarray(value)
    if array.dtype == wanted:
        return array
    kind = array.dtype.kind
    narrows = kind in "fc" and wanted.kind in "biu"
    if isinstance(value, (np.ndarray, np.generic)) or kind not in "biufc" or narrows:
        raise TypeMismatch(
            f"value {index} of the Python function has dtype {array.dtype} where {wanted} was declared")
    return array.astype(wanted)


cdef int32_t find_work(step_t *step, int32_t thread, int64_t *finished) noexcept nogil:
    """A ready node: own deque, then injected ones, then stolen.

    With the own deque empty, what this thread has finished is told.
    """
    cdef int32_t item = fc_deque_take(&step.deques[thread])
    cdef int32_t n = step.plan.pool.n_threads, i, chain, following, victim
    if item != FC_EMPTY:
        return item
    if finished[0]:
        if fc_add64(&step.pending, -finished[0]) == finished[0] and thread != 0:
            fc_event_wake(&step.event, 0)
        finished[0] = 0
    chain = fc_drain(&step.inject_head)
    if chain != FC_EMPTY:
        following = step.inject_next[chain]
        while following != FC_EMPTY:
            item = following
            following = step.inject_next[item]
            publish(step, thread, item)
        return chain
    for i in range(1, n):
        victim = thread + i
        if victim >= n:
            victim -= n
        while True:
            item = fc_deque_steal(&step.deques[victim])
            if item != FC_RETRY:
                break
        if item != FC_EMPTY:
            return item
    return FC_EMPTY


cdef bint has_work(step_t *step) noexcept nogil:
    """Whether there are nodes to run."""
    cdef int32_t i
    if fc_load32(&step.inject_head) != FC_EMPTY:
        return True
    for i in range(step.plan.pool.n_threads):
        if fc_deque_size(&step.deques[i]) > 0:
            return True
    return False


cdef void visit(step_t *step, int32_t thread) noexcept nogil:
    """A worker helps a step until it finds nothing more."""
    cdef int32_t node
    cdef int idle = 0
    cdef int64_t finished = 0
    while idle < 50 and fc_load64(&step.pending) > 0:
        node = find_work(step, thread, &finished)
        if node == FC_EMPTY:
            idle += 1
            fc_pause()
            continue
        idle = 0
        if fc_deque_size(&step.deques[0]) > 1:
            call_for_help(step)
        while node != FC_EMPTY:
            node = run_node(step, node, thread, &finished)


cdef void watch(pool_t *pool, int32_t begun) noexcept nogil:
    """Looks out for a parallel loop after the first `begun` for a while: they come in rows, and
    waking a sleeper costs as much as a small loop.
    """
    cdef int64_t end = fc_now_ns() + pool.watch_ns
    fc_add32(&pool.watchers, 1)
    while fc_load32(&pool.begun) == begun and not fc_load32(&pool.stop) and fc_now_ns() < end:
        fc_pause()
    fc_add32(&pool.watchers, -1)


cdef void *worker_main(void *arg) noexcept nogil:
    cdef worker_t *me = <worker_t *>arg
    cdef pool_t *pool = me.pool
    cdef step_t *step
    cdef job_t *job
    cdef int32_t key, begun
    while not fc_load32(&pool.stop):
        begun = fc_load32(&pool.begun)
        key = fc_event_prepare(&pool.event)
        step = NULL
        pthread_mutex_lock(&pool.lock)
        job = find_job(pool)
        if job == NULL:
            step = <step_t *>fc_list_first(&pool.steps)
            while step != NULL and not has_work(step):
                step = <step_t *>fc_list_next(&pool.steps, &step.link)
            if step != NULL:
                fc_add32(&step.visitors, 1)
        pthread_mutex_unlock(&pool.lock)
        if job != NULL or step != NULL or fc_load32(&pool.stop):
            fc_event_stay_awake(&pool.event)
        if job != NULL:
            work_on_job(job)
            leave_job(pool, job)
            watch(pool, begun)
        elif step != NULL:
            visit(step, me.index)
            fc_add32(&step.visitors, -1)
        elif not fc_load32(&pool.stop):
            fc_event_wait(&pool.event, key, -1)
    leave_pool(pool)
    return NULL


cdef pool_t *new_pool(int threads) noexcept:
    """A pool without workers yet, or NULL without memory."""
    cdef pool_t *pool = <pool_t *>fc_calloc(1, sizeof(pool_t))
    if pool == NULL:
        return NULL
    pool.threads = <pthread_t *>fc_calloc(2 * threads, sizeof(pthread_t))
    pool.workers = <worker_t *>fc_calloc(threads, sizeof(worker_t))
    if pool.threads == NULL or pool.workers == NULL:
        free(pool.threads)
        free(pool.workers)
        free(pool)
        return NULL
    pthread_mutex_init(&pool.lock, NULL)
    fc_event_init(&pool.event)
    fc_event_init(&pool.left)
    fc_event_init(&pool.spare)
    fc_list_init(&pool.steps)
    fc_list_init(&pool.jobs)
    pool.fork_count = fc_fork_count
    pool.n_threads = threads
    pool.refs = 1
    return pool


cdef void leave_pool(pool_t *pool) noexcept nogil:
    if fc_add32(&pool.refs, -1) == 1:
        pthread_mutex_destroy(&pool.lock)
        fc_event_destroy(&pool.event)
        fc_event_destroy(&pool.left)
        fc_event_destroy(&pool.spare)
        free(pool.threads)
        free(pool.workers)
        free(pool)


cdef int64_t check_caller(
    step_t *step, int64_t now, int64_t deadline, int64_t last, bint main_thread
) noexcept nogil:
    """What a caller looks at now and then: its time limit and signals. Returns the time of the last look."""
    if deadline and now >= deadline:
        fail_step(step, FC_DEADLINE_EXCEEDED, -1, b"the run took longer than its time limit")
    if now - last < SIGNAL_NS:
        return last
    if main_thread:
        check_signals(step)
    return now


cdef void check_signals(step_t *step) noexcept with gil:
    try:
        PyErr_CheckSignals()
    except BaseException as error:
        keep_signal(step, error)
        fail_step(step, FC_CANCELLED, -1, b"interrupted")


cdef void keep_signal(step_t *step, error) noexcept:
    """Only the step's caller reads and writes `signal`."""
    if step.signal == NULL:
        Py_INCREF(error)
        step.signal = <PyObject *>error


cdef void keep_error(step_t *step, error) noexcept:
    pthread_mutex_lock(&step.lock)
    if step.error == NULL and not fc_load32(&step.failed):
        Py_INCREF(error)
        step.error = <PyObject *>error
    pthread_mutex_unlock(&step.lock)


cdef void call_on_wait(step_t *step, void *on_wait, double seconds) noexcept with gil:
    """Tells the hook what is parked, and how many nodes are ready or run beside that: with none, this step
    does not go on by itself."""
    cdef list parked
    try:
        parked = parked_nodes(step)
        (<object>on_wait)(seconds, parked, max(fc_load64(&step.pending) - len(parked), 0))
    except BaseException as error:
        keep_error(step, error)
        fail_step(step, FC_CANCELLED, -1, b"the wait was given up")


cdef list parked_nodes(step_t *step):
    cdef token_t *token
    cdef list result = []
    pthread_mutex_lock(&step.lock)
    token = <token_t *>fc_list_first(&step.tokens)
    while token != NULL:
        result.append(token.run.node)
        token = <token_t *>fc_list_next(&step.tokens, &token.link)
    pthread_mutex_unlock(&step.lock)
    return result


cdef bint has_parked(step_t *step) noexcept nogil:
    cdef bint found
    pthread_mutex_lock(&step.lock)
    found = fc_list_first(&step.tokens) != NULL
    pthread_mutex_unlock(&step.lock)
    return found


cdef void start_step(step_t *step, bint traced) noexcept nogil:
    """Resets the counts. The slots of feeds are filled by the caller before or after."""
    cdef plan_t *plan = step.plan
    memcpy(step.waits, plan.waits, sizeof(int32_t) * plan.n_nodes)
    memcpy(step.uses, plan.uses, sizeof(int32_t) * plan.n_slots)
    step.inject_head = FC_EMPTY
    step.shared = False
    step.failed = 0
    step.dropped = 0
    step.code = FC_OK
    step.error_node = -1
    step.pending = plan.n_sources
    plan.steps += 1  # racy on purpose: a hint for sampling
    step.measure = traced or plan.steps <= 3 or plan.steps % 64 == 0


cdef int64_t last_turn


cdef void take_turns() noexcept nogil:
    """Hands the GIL, which the caller has, to a thread that waits for it after a run; not at
    every run, because it takes longer than many of these.
    """
    cdef int64_t now = fc_now_ns(), end = now + HAND_OVER_NS
    cdef int32_t returned
    global last_turn
    if now - last_turn < TURN_NS:
        return
    last_turn = now
    returned = fc_load32(&fc_returned)
    fc_let_go()
    # a thread that takes it back at once leaves the other asleep
    while fc_load32(&fc_returned) == returned and fc_now_ns() < end:
        sched_yield()


cdef bint is_short(plan_t *plan) noexcept nogil:
    """Whether all its nodes are measured kernels of the host that together take less than SHORT_NS."""
    cdef int32_t i
    cdef float cost, sum = 0
    for i in range(plan.n_nodes):
        cost = fc_load_float(&plan.cost[i])
        sum += cost + NODE_NS
        if cost == 0 or sum > SHORT_NS or plan.nodes[i].fn == NULL or plan.nodes[i].device != cpu_device():
            return False
    return True


cdef bint execute(step_t *step, int64_t deadline, bint main_thread, void *on_wait) noexcept nogil:
    """Runs a started step on the calling thread, as go_on."""
    cdef plan_t *plan = step.plan
    cdef int32_t i, node = FC_EMPTY
    cdef float work = 0
    for i in range(plan.n_sources - 1, 0, -1):
        publish(step, 0, plan.sources[i])
        work += worth(plan, plan.sources[i])
    if plan.n_sources:
        node = plan.sources[0]
    if work >= WAKE_NS:
        call_for_help(step)
    return go_on(step, node, deadline, main_thread, on_wait)


cdef bint go_on(step_t *step, int32_t node, int64_t deadline, bint main_thread, void *on_wait) noexcept nogil:
    """The caller's part from `node` on, to the step's end.

    False: a signal or the time limit came, and nodes that run elsewhere keep the step from ending.
    """
    cdef plan_t *plan = step.plan
    cdef int32_t key
    cdef int64_t now, last = 0, idle_since = 0, last_call = 0, leave_at = 0, limit
    cdef int64_t finished = 0
    cdef uint32_t tick = 0
    cdef job_t *job
    while True:
        while node != FC_EMPTY:
            tick += 1
            if tick & 255 == 0 or deadline or fc_load_float(&plan.cost[node]) >= LONG_NS:
                now = fc_now_ns()
                last = check_caller(step, now, deadline, last if last else now, main_thread)
            node = run_node(step, node, 0, &finished)
            idle_since = 0
        node = find_work(step, 0, &finished)
        if node != FC_EMPTY:
            continue
        if fc_load64(&step.pending) == 0:
            break
        fc_let_go()
        key = fc_event_prepare(&step.event)
        if fc_load64(&step.pending) == 0 or has_work(step):
            fc_event_stay_awake(&step.event)
            continue
        job = join_job(plan.pool) if plan.pool.n_threads > 1 else NULL
        if job != NULL:
            fc_event_stay_awake(&step.event)
            work_on_job(job)
            leave_job(plan.pool, job)
            continue
        now = fc_now_ns()
        limit = SLEEP_NS
        if deadline > now and deadline - now < limit:
            limit = deadline - now
        fc_event_wait(&step.event, key, limit)
        now = fc_now_ns()
        if idle_since == 0:
            idle_since = last_call = now
        last = check_caller(step, now, deadline, last, main_thread)
        if (main_thread and step.signal != NULL) or (deadline and now >= deadline):
            if leave_at == 0:
                leave_at = now + SIGNAL_NS
            elif now >= leave_at:
                return False
        if on_wait == NULL or now - last_call <= 1000000000:
            continue
        if not fc_load32(&step.failed) and has_parked(step):
            last_call = now
            call_on_wait(step, on_wait, <double>(now - idle_since) * 1e-9)
    unlist_step(step)
    return True


cdef void clean_step(step_t *step) noexcept nogil:
    """After a failure: releases every value that is left."""
    cdef plan_t *plan = step.plan
    cdef int32_t i
    for i in range(plan.n_slots):
        if plan.uses[i] != 0 and step.slots[i].buffer != NULL:
            release_slot(&step.slots[i])
    # Outputs that nobody reads hold nothing, except where a kernel failed half-way.
    for i in range(plan.n_slots):
        if plan.uses[i] == 0 and plan.constant_of[i] < 0 and step.slots[i].buffer != NULL:
            release_slot(&step.slots[i])
    while True:
        i = fc_deque_take(&step.deques[0])
        if i == FC_EMPTY:
            break


# ---- Python side ---------------------------------------------------------------------------------

class StepError(Exception):
    """A step failed: status `code`, `node` (index or -1), `message`, and `cause`, the exception of
    a Python kernel or None.
    """

    def __init__(self, code, node, message, cause=None):
        super().__init__(message)
        self.code = code
        self.node = node
        self.message = message
        self.cause = cause


class Node:
    """What a plan is told of a node; see docs/architecture.md.

    `memory`: the device that its outputs are allocated by, None for the host.

    A Python class: planning works on its fields, which as slots of one are read three times as fast
    as those of a cdef class.
    """

    __slots__ = ("after", "attrs", "inputs", "kernel", "memory", "name", "output_dtypes", "outputs", "state")

    def __init__(
        self, name, kernel, inputs=(), outputs=(), after=(), attrs=(), state=None, output_dtypes=(),
        memory=None
    ):
        self.name = name
        self.kernel = kernel
        self.inputs = inputs
        self.outputs = outputs
        self.after = after
        self.attrs = attrs
        self.state = state
        self.output_dtypes = output_dtypes
        self.memory = memory


cdef class Kernel:
    """One entry of a kernel table."""

    cdef const fc_kernel_def *entry
    cdef readonly str op, types, device
    cdef readonly tuple attrs           # names
    cdef readonly int flags
    cdef readonly unsigned int host_in, host_out

    def __repr__(self):
        return f"<Kernel {self.op} {self.device} {self.types}>"


def load_kernels(capsules):
    """The kernels in the capsules of extension modules. Raises ImportError for a table of another ABI."""
    cdef const fc_kernel_table *table
    cdef const fc_kernel_def *entry
    cdef Kernel kernel
    cdef int64_t i
    result = []
    for capsule in capsules:
        table = <const fc_kernel_table *>PyCapsule_GetPointer(capsule, "flowcore.kernel_table")
        if table.abi != FC_ABI:
            raise ImportError(
                f"a kernel table has ABI {table.abi}, this engine {FC_ABI}: rebuild the extension")
        for i in range(table.count):
            entry = &table.defs[i]
            kernel = Kernel.__new__(Kernel)
            kernel.entry = entry
            kernel.op = entry.op.decode()
            kernel.types = entry.types.decode()
            kernel.attrs = tuple(entry.attrs.decode().split())
            kernel.device = table.device.decode()
            kernel.flags = entry.flags
            kernel.host_in = entry.host_in
            kernel.host_out = entry.host_out
            result.append(kernel)
    return result


cdef class Resource:
    """Owns one reference to a resource: a variable, a queue, a random counter."""

    cdef fc_resource *pointer
    cdef int32_t fork_count

    def __init__(self, capsule):
        self.pointer = <fc_resource *>PyCapsule_GetPointer(capsule, "flowcore.resource")
        self.fork_count = fc_fork_count

    def __dealloc__(self):
        # a lock in it may be held by a thread of the parent, for ever here
        if self.fork_count == fc_fork_count:
            fc_resource_release(self.pointer)

    @property
    def name(self):
        return self.pointer.name.decode()

    @property
    def kind(self):
        return self.pointer.kind

    @property
    def address(self):
        return <size_t>self.pointer


cdef class Device:
    """A device of an extension: wraps the fc_device in a capsule "flowcore.device", which must stay alive."""

    cdef fc_device *pointer
    cdef object capsule

    def __init__(self, capsule):
        self.pointer = <fc_device *>PyCapsule_GetPointer(capsule, "flowcore.device")
        self.capsule = capsule
        if self.pointer.abi != FC_ABI:
            raise ImportError(
                f"a device has ABI {self.pointer.abi}, this engine {FC_ABI}: rebuild the extension")

    @property
    def name(self):
        return self.pointer.name.decode()

    @property
    def moves(self):
        """Whether kernels that go through the device's own copy and fill can run on it."""
        return self.pointer.copy != NULL and self.pointer.fill != NULL


def processors():
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


cdef class Pool:
    """Worker threads. `threads` counts the caller of a run too, so that Pool(1) has no worker."""

    cdef pool_t *c
    cdef readonly int threads

    def __init__(self, int threads):
        cdef int i
        if threads < 1 or threads > 1024:
            raise ValueError(f"a pool has 1 to 1024 threads, found {threads}")
        self.threads = threads
        self.c = new_pool(threads)
        if self.c == NULL:
            raise MemoryError(f"no memory for a pool of {threads} threads")
        self.c.watch_ns = WATCH_NS if threads <= processors() else 0
        self.c.most_spares = threads if 1 < threads <= processors() else 0
        for i in range(1, threads):
            self.c.workers[i].pool = self.c
            self.c.workers[i].index = i
            fc_add32(&self.c.refs, 1)
            if pthread_create(&self.c.threads[i], NULL, worker_main, &self.c.workers[i]) != 0:
                self.c.threads[i] = 0
                fc_add32(&self.c.refs, -1)
                raise RuntimeError(f"the system refused to start worker thread {i} of {threads}")

    def __dealloc__(self):
        cdef int i
        if self.c == NULL:
            return
        if self.c.fork_count != fc_fork_count:  # the workers live in another process
            return
        fc_store32(&self.c.stop, 1)
        with nogil:
            for _ in range(1, self.c.n_threads):
                fc_event_wake(&self.c.event, 1)
            fc_event_wake(&self.c.spare, 1)
            for i in range(1, self.c.n_threads + self.c.n_spares):
                if self.c.threads[i] == 0:
                    continue
                pthread_join(self.c.threads[i], NULL)
            leave_pool(self.c)


cdef int cancel_steps(list running, bytes message) except -1:
    """Fails the steps at these addresses.

    It visits all of them before it lets the GIL go: from then on a step may end, but not go.

    In a forked child it leaves alone the steps that run in the parent.
    """
    cdef list addresses = []
    cdef const char *text = message
    cdef step_t *step
    for address in running:
        step = <step_t *><size_t>address
        if step.plan.pool.fork_count == fc_fork_count:
            fc_add32(&step.visitors, 1)
            addresses.append(address)
    for address in addresses:
        step = <step_t *><size_t>address
        with nogil:
            fail_step(step, FC_CANCELLED, -1, text)
            fc_event_wake(&step.event, 1)
            fc_add32(&step.visitors, -1)
    return 0


cdef class StopFlag:
    """Ends `Plan.run_until` loops, also one that is parked."""

    cdef int32_t flag
    cdef list running          # addresses of steps, as ints; changed with the GIL held

    def __cinit__(self):
        self.running = []

    def set(self):
        """Stops the loops that use this flag, now and later."""
        fc_store32(&self.flag, 1)
        cancel_steps(self.running, b"stopped")

    def clear(self):
        """Makes the flag usable again."""
        fc_store32(&self.flag, 0)

    def is_set(self):
        return fc_load32(&self.flag) != 0


cdef fc_attr no_attr            # of nodes without attributes


@cython.no_gc_clear  # __dealloc__ needs `pool`, also where a cycle is collected
cdef class Plan:
    """A compiled plan. `run` may be called from many threads at once."""

    cdef plan_t c
    cdef readonly Pool pool
    # objects that the C side points to while steps run; a collected cycle empties it before
    # __dealloc__
    cdef list keep
    cdef void **blocks          # the C side's own memory: each block begins with a pointer to the one before
    cdef list feeds, fetches
    cdef step_t *idle
    cdef list active            # addresses of steps that run now; changed with the GIL held
    cdef int32_t *fetch_slots
    cdef int32_t *feed_slots

    def __init__(self, Pool pool, nodes, int num_slots, feeds, fetches, constants):
        cdef int32_t i, n_nodes = len(nodes), n_sources = 0
        cdef int64_t n_in = 0
        cdef fc_tensor tensor
        fc_bump(&live_plans, 1)
        self.pool = pool
        self.keep = []
        self.active = []
        self.feeds = list(feeds)
        self.fetches = list(fetches)
        self.c.pool = pool.c
        self.c.n_nodes = n_nodes
        self.c.n_slots = num_slots
        for node in nodes:
            n_in += len(node.inputs)
        self.c.n_in_slots = n_in
        self.c.nodes = <node_t *>self._block(n_nodes * sizeof(node_t))
        self.c.in_slots = <int32_t *>self._block(n_in * sizeof(int32_t))
        self.c.waits = <int32_t *>self._block(n_nodes * sizeof(int32_t))
        self.c.uses = <int32_t *>self._block(num_slots * sizeof(int32_t))
        self.c.cost = <float *>self._block(n_nodes * sizeof(float))
        self.c.constant_of = <int32_t *>self._block(num_slots * sizeof(int32_t))
        self.c.constants = <fc_tensor *>self._block(len(constants) * sizeof(fc_tensor))
        self.fetch_slots = <int32_t *>self._block(len(self.fetches) * sizeof(int32_t))
        self.feed_slots = <int32_t *>self._block(len(self.feeds) * sizeof(int32_t))
        for i in range(num_slots):
            self.c.constant_of[i] = -1
        for slot, value in constants.items():
            if isinstance(value, Resource):
                self._resource_constant(&tensor, value)
            else:
                tensor_from_array(value, &tensor, True)
            self.c.constants[self.c.n_constants] = tensor
            self.c.constant_of[<int32_t>slot] = self.c.n_constants
            self.c.n_constants += 1
        n_in = 0
        for i, node in enumerate(nodes):
            self._fill_node(i, node, n_in)
            n_in += self.c.nodes[i].n_in
        self._link(nodes)
        for i, slot in enumerate(self.fetches):
            self.fetch_slots[i] = slot
            if self.c.constant_of[<int32_t>slot] < 0:
                self.c.uses[<int32_t>slot] += 1
        # a fed value stays until the end, so that its array is released by the caller
        for i, slot in enumerate(self.feeds):
            self.feed_slots[i] = slot
            self.c.uses[<int32_t>slot] += 1
        self.c.sources = <int32_t *>self._block(n_nodes * sizeof(int32_t))
        for i in range(n_nodes):
            self.c.waits[i] = self.c.nodes[i].waits
            if self.c.waits[i] == 0:
                self.c.sources[n_sources] = i
                n_sources += 1
        self.c.n_sources = n_sources

    cdef int _link(self, nodes) except -1:
        """Finds who waits for whom: a first round counts, a second one fills `next`.

        A node that reads several values of another waits for it once.
        """
        cdef int32_t i, j, k
        cdef int64_t n_next = 0
        cdef bint filling
        cdef int32_t n_nodes = self.c.n_nodes
        cdef int32_t *producer = <int32_t *>fc_malloc((self.c.n_slots + n_nodes + 1) * sizeof(int32_t))
        cdef int32_t *last_reader = producer + self.c.n_slots
        if producer == NULL:
            raise MemoryError("no memory for a plan")
        try:
            memset(producer, -1, self.c.n_slots * sizeof(int32_t))
            for i in range(n_nodes):
                for k in range(self.c.nodes[i].n_out):
                    producer[self.c.nodes[i].first_out + k] = i
            for filling in range(2):
                memset(last_reader, -1, n_nodes * sizeof(int32_t))
                for i, node in enumerate(nodes):
                    for k in range(self.c.nodes[i].n_in):
                        j = producer[self.c.in_slots[self.c.nodes[i].first_in + k]]
                        if j >= 0:
                            self._add_edge(j, i, last_reader, filling)
                    for j in node.after:
                        if not 0 <= j < n_nodes:
                            raise ValueError(f"node '{node.name}' waits for node {j} of {n_nodes}")
                        self._add_edge(j, i, last_reader, filling)
                if not filling:
                    for i in range(n_nodes):
                        self.c.nodes[i].first_next = n_next
                        n_next += self.c.nodes[i].n_next
                        self.c.nodes[i].n_next = 0
                    self.c.next = <int32_t *>self._block(n_next * sizeof(int32_t))
        finally:
            free(producer)
        return 0

    cdef void _add_edge(self, int32_t before, int32_t after, int32_t *last_reader, bint filling) noexcept:
        cdef node_t *node = &self.c.nodes[before]
        if last_reader[before] == after:
            return
        last_reader[before] = after
        if filling:
            self.c.next[node.first_next + node.n_next] = after
        else:
            self.c.nodes[after].waits += 1
        node.n_next += 1

    cdef void *_block(self, size_t size) except NULL:
        """Zeroed memory that lives as long as the plan."""
        cdef void **block = <void **>fc_calloc(1, size + 2 * sizeof(void *))
        if block == NULL:
            raise MemoryError(f"no memory for a plan ({size} bytes)")
        block[0] = self.blocks
        self.blocks = block
        return block + 2

    cdef int _resource_constant(self, fc_tensor *t, Resource resource) except -1:
        memset(t, 0, sizeof(fc_tensor))
        if new_buffer(FC_RESOURCE, 1, &t.buffer) != FC_OK:
            raise MemoryError
        t.ndim = 0
        t.size = 1
        t.dtype = FC_RESOURCE
        (<fc_resource **>t.buffer.data)[0] = resource.pointer
        self.keep.append(resource)
        return 0

    cdef int _fill_node(self, int32_t i, object entry, int64_t first_in) except -1:
        cdef node_t *node = &self.c.nodes[i]
        cdef Kernel kernel
        cdef int j
        cdef int32_t slot
        cdef tuple inputs = entry.inputs, outputs = entry.outputs
        function, state, memory = entry.kernel, entry.state, entry.memory
        self.keep.append(entry.name)  # the same object as the operation's
        node.name = <char *>PyUnicode_AsUTF8(entry.name)
        node.n_in = len(inputs)
        node.n_out = len(outputs)
        node.first_in = first_in
        for j, slot in enumerate(inputs):
            if not 0 <= slot < self.c.n_slots:
                raise ValueError(f"node '{entry.name}' reads slot {slot} of {self.c.n_slots}")
            self.c.in_slots[first_in + j] = slot
            if self.c.constant_of[slot] < 0:
                self.c.uses[slot] += 1
        node.first_out = outputs[0] if outputs else 0
        for j, slot in enumerate(outputs):
            if slot != node.first_out + j or not 0 <= slot < self.c.n_slots:
                raise ValueError(f"the output slots of node '{entry.name}' are not consecutive")
        node.device = cpu_device()
        if memory is not None:
            self.keep.append(memory)
            node.device = (<Device?>memory).pointer
        if state is not None:
            self.keep.append(state)
            node.state = (<Resource?>state).pointer
        if isinstance(function, Kernel):
            kernel = function
            node.fn = kernel.entry.fn
            node.host_out = kernel.entry.host_out
            node.attrs = self._pack(entry.name, kernel.attrs, entry.attrs)
        else:
            self.keep.append(function)
            node.function = <PyObject *>function
            node.types = <int32_t *>self._block(sizeof(int32_t) * (node.n_out + 1))
            for j in range(node.n_out):
                node.types[j] = entry.output_dtypes[j]
        return 0

    cdef fc_attr *_pack(self, str name, tuple names, tuple values) except NULL:
        cdef fc_attr *attrs
        cdef int i, j
        cdef bint floating
        if len(names) != len(values):
            raise ValueError(
                f"node '{name}' gives {len(values)} attributes where its kernel takes {len(names)}")
        if not values:
            return &no_attr
        attrs = <fc_attr *>self._block(sizeof(fc_attr) * len(values))
        for i, value in enumerate(values):
            if value is None:
                attrs[i].n = -1
            elif isinstance(value, (str, bytes)):
                data = value.encode() if isinstance(value, str) else value
                self.keep.append(data)
                attrs[i].s = <const char *>data
                attrs[i].n = len(data)
            elif isinstance(value, (list, tuple)):
                attrs[i].n = len(value)
                floating = False
                for v in value:
                    if isinstance(v, float):
                        floating = True
                    elif not isinstance(v, int):
                        raise TypeError(f"attribute {names[i]} of node '{name}' cannot be packed: {value!r}")
                if floating:
                    attrs[i].floats = <double *>self._block(sizeof(double) * len(value))
                    for j, v in enumerate(value):
                        (<double *>attrs[i].floats)[j] = v
                else:
                    attrs[i].ints = <int64_t *>self._block(sizeof(int64_t) * len(value))
                    for j, v in enumerate(value):
                        (<int64_t *>attrs[i].ints)[j] = v
            elif isinstance(value, float):
                attrs[i].f = value
            else:
                attrs[i].i = value
                attrs[i].f = value
        return attrs

    def __dealloc__(self):
        cdef step_t *step
        cdef void **block
        cdef int32_t i
        if self.c.pool != NULL and self.c.pool.fork_count != fc_fork_count:
            return  # as for a Resource
        while self.idle != NULL:
            step = self.idle
            self.idle = step.free_next
            free_step(step)
        if self.c.constants != NULL:
            for i in range(self.c.n_constants):
                fc_release(self.c.constants[i].buffer)
        while self.blocks != NULL:
            block = self.blocks
            self.blocks = <void **>block[0]
            free(block)
        fc_bump(&live_plans, -1)

    cdef step_t *_acquire(self) except NULL:
        cdef step_t *step = self.idle
        if self.c.pool.fork_count != fc_fork_count:
            raise RuntimeError(
                "this plan was made before the process was forked, and its threads have not survived that;"
                " make a new Session in this process, where the graph may be used as before")
        if step == NULL:
            step = new_step(&self.c)
            if step == NULL:
                raise MemoryError("no memory for a step")
        else:
            self.idle = step.free_next
        self.active.append(<size_t>step)
        fc_bump(&running_steps, 1)
        return step

    cdef void _give_back(self, step_t *step):
        self.active.remove(<size_t>step)
        # A cancelling thread that saw the step in `active` has become a visitor with the GIL held.
        if fc_load32(&step.listed) or fc_load32(&step.visitors):
            with nogil:
                unlist_step(step)
        step.free_next = self.idle
        self.idle = step
        fc_bump(&running_steps, -1)

    cdef bint _leave(self, step_t *step) noexcept:
        """Leaves a failed step to a thread that waits for its end. False: the system gives no thread."""
        cdef pthread_t thread
        self.active.remove(<size_t>step)
        Py_INCREF(self)
        step.owner = <PyObject *>self
        if pthread_create(&thread, NULL, end_left_step, step) == 0:
            pthread_detach(thread)
            return True
        self.active.append(<size_t>step)
        step.owner = NULL
        Py_DECREF(self)
        return False

    cdef object _failure(self, step_t *step):
        """The exception of a failed step."""
        signal = cause = None
        pthread_mutex_lock(&step.lock)
        if step.signal != NULL:
            signal = <object>step.signal
            Py_XDECREF(step.signal)
            step.signal = NULL
        if step.error != NULL:
            cause = <object>step.error
            Py_XDECREF(step.error)
            step.error = NULL
        pthread_mutex_unlock(&step.lock)
        if signal is not None:
            return signal
        if step.error_node < 0 and cause is not None:  # the wait hook
            return cause
        return StepError(step.code, step.error_node, step.message.decode("utf-8", "replace"), cause)

    def run(self, values, int64_t timeout_ms=0, list trace=None, on_wait=None):
        """Runs the plan once. Returns the fetched arrays; raises StepError."""
        cdef step_t *step
        cdef int32_t i, n_feeds = len(self.feeds)
        cdef int64_t deadline = fc_now_ns() + timeout_ms * 1000000 if timeout_ms > 0 else 0
        cdef void *hook = <void *>on_wait if on_wait is not None else NULL
        cdef bint main_thread, ended, left = False
        cdef PyThreadState *state
        cdef PyThreadState **outer
        cdef list result
        cdef fc_tensor *t
        if len(values) != n_feeds:
            raise ValueError(f"the plan takes {n_feeds} values, found {len(values)}")
        step = self._acquire()
        try:
            if trace is not None:
                step.trace = <trace_t *>fc_calloc(self.c.n_nodes + 1, sizeof(trace_t))
                if step.trace == NULL:
                    raise MemoryError("no memory for the trace of a run")
            start_step(step, trace is not None)
            i = 0
            try:
                while i < n_feeds:
                    tensor_from_array(values[i], &step.slots[self.feed_slots[i]], False)
                    i += 1
            except BaseException:
                while i > 0:
                    i -= 1
                    release_slot(&step.slots[self.feed_slots[i]])
                raise
            main_thread = in_main_thread()
            outer = fc_keep(&state)
            if not self.c.short or trace is not None:
                fc_let_go()
            elif fc_load32(&fc_returning):
                take_turns()
            ended = execute(step, deadline, main_thread, hook)
            fc_come_back(state, outer)
            if step.measure:
                self.c.short = is_short(&self.c)
            failure = None
            if not ended:
                failure = self._failure(step)
                left = self._leave(step)
                if left:
                    raise failure
                with nogil:
                    go_on(step, FC_EMPTY, 0, False, NULL)
            if trace is not None and step.trace != NULL:
                for i in range(self.c.n_nodes):
                    if step.trace[i].end:
                        trace.append((i, step.trace[i].start, step.trace[i].end, step.trace[i].thread))
            # A cancel that came when all was done changes nothing, so that what a queue gave out is
            # not lost; a signal is never swallowed.
            whole = not fc_load32(&step.dropped) and step.error == NULL and step.signal == NULL
            if fc_load32(&step.failed) and (failure is not None or not whole):
                failure = failure or self._failure(step)
                with nogil:
                    clean_step(step)
                raise failure
            # Fed and fetched values are all that is left; those fetched are handed over where
            # nobody else holds them.
            for i in range(n_feeds):
                if self.c.uses[self.feed_slots[i]] == 1 or fc_add32(&step.uses[self.feed_slots[i]], -1) == 1:
                    release_slot(&step.slots[self.feed_slots[i]])
            result = []
            try:
                for i in range(len(self.fetches)):
                    t = &step.slots[self.fetch_slots[i]]
                    # a constant stays the plan's: the second reference makes this a copy
                    if self.c.uses[self.fetch_slots[i]] == 0:
                        fc_retain(t.buffer)
                    try:
                        result.append(array_from_tensor(t, True))
                    finally:
                        if self.c.uses[self.fetch_slots[i]] == 0:
                            fc_release(t.buffer)
            finally:
                for i in range(len(self.fetches)):
                    if self.c.uses[self.fetch_slots[i]] != 0:
                        release_slot(&step.slots[self.fetch_slots[i]])
            return result
        finally:
            if not left:
                free(step.trace)
                step.trace = NULL
                self._give_back(step)

    def run_until(self, StopFlag stop, on_wait=None):
        """Runs the plan, which must have no feeds, again and again without the GIL until `stop` is
        set.

        `on_wait`: as for `run`. Returns the number of finished steps.
        """
        cdef step_t *step
        cdef int64_t done = 0
        cdef int32_t i, n_fetches = len(self.fetches)
        cdef void *hook = <void *>on_wait if on_wait is not None else NULL
        if self.feeds:
            raise ValueError("a plan with feeds cannot be looped")
        step = self._acquire()
        stop.running.append(<size_t>step)
        try:
            start_step(step, False)
            with nogil:
                while not fc_load32(&stop.flag):
                    execute(step, 0, False, hook)
                    if fc_load32(&step.dropped):
                        break
                    for i in range(n_fetches):
                        if self.c.uses[self.fetch_slots[i]] != 0:
                            release_slot(&step.slots[self.fetch_slots[i]])
                    done += 1
                    restart_step(step)
            if fc_load32(&step.dropped):
                failure = self._failure(step)
                with nogil:
                    clean_step(step)
                if not (fc_load32(&stop.flag) and step.code == FC_CANCELLED and step.error_node < 0):
                    raise failure
            return done
        finally:
            stop.running.remove(<size_t>step)
            self._give_back(step)

    def cancel(self, str message="cancelled"):
        """Fails the steps that run now with CANCELLED."""
        cancel_steps(self.active, message.encode())

    def waiting(self):
        """Indices of the nodes that are parked now, over all steps."""
        result = []
        for address in self.active:
            result += parked_nodes(<step_t *><size_t>address)
        return result

    @property
    def costs(self):
        """Measured nanoseconds per node; 0 where not measured yet."""
        return [self.c.cost[i] for i in range(self.c.n_nodes)]


cdef void *end_left_step(void *arg) noexcept nogil:
    """The thread that takes the place of a caller that has left."""
    cdef step_t *step = <step_t *>arg
    go_on(step, FC_EMPTY, 0, False, NULL)
    clean_step(step)
    give_back_left_step(step)
    return NULL


cdef void give_back_left_step(step_t *step) noexcept with gil:
    cdef Plan plan = <Plan>step.owner
    Py_XDECREF(step.owner)
    step.owner = NULL
    Py_XDECREF(step.error)
    Py_XDECREF(step.signal)
    step.error = step.signal = NULL
    free(step.trace)
    step.trace = NULL
    step.free_next = plan.idle
    plan.idle = step
    fc_bump(&running_steps, -1)


cdef void restart_step(step_t *step) noexcept nogil:
    """The next round of a loop.

    A failure that was recorded between two rounds is kept: it drops the nodes of this one.
    """
    memcpy(step.waits, step.plan.waits, sizeof(int32_t) * step.plan.n_nodes)
    memcpy(step.uses, step.plan.uses, sizeof(int32_t) * step.plan.n_slots)
    step.pending = step.plan.n_sources
    step.measure = False


cdef step_t *new_step(plan_t *plan) noexcept:
    """A step of the plan, or NULL without memory."""
    cdef step_t *step = <step_t *>fc_calloc(1, sizeof(step_t))
    if step == NULL:
        return NULL
    step.plan = plan
    step.inject_head = FC_EMPTY
    fc_list_init(&step.tokens)
    pthread_mutex_init(&step.lock, NULL)
    fc_event_init(&step.event)
    fc_bump(&live_steps, 1)
    if not has_arrays(step):
        free_step(step)
        return NULL
    return step


cdef bint has_arrays(step_t *step) noexcept:
    """Allocates a new step's arrays. False without memory."""
    cdef plan_t *plan = step.plan
    cdef int32_t i
    cdef int64_t k
    cdef size_t deques = plan.pool.n_threads * sizeof(fc_deque)
    step.slots = <fc_tensor *>fc_calloc(plan.n_slots + 1, sizeof(fc_tensor))
    step.inputs = <const fc_tensor **>fc_calloc(plan.n_in_slots + 1, sizeof(fc_tensor *))
    step.waits = <int32_t *>fc_calloc(plan.n_nodes + 1, sizeof(int32_t))
    step.uses = <int32_t *>fc_calloc(plan.n_slots + 1, sizeof(int32_t))
    step.inject_next = <int32_t *>fc_calloc(plan.n_nodes + 1, sizeof(int32_t))
    step.deques = <fc_deque *>fc_aligned(deques, 64)
    if step.deques == NULL:
        return False
    memset(step.deques, 0, deques)
    if step.slots == NULL or step.inputs == NULL or step.waits == NULL:
        return False
    if step.uses == NULL or step.inject_next == NULL:
        return False
    for i in range(plan.pool.n_threads):
        if fc_deque_init(&step.deques[i], 64) != 0:
            return False
    for k in range(plan.n_in_slots):
        step.inputs[k] = &step.slots[plan.in_slots[k]]
    for i in range(plan.n_slots):
        if plan.constant_of[i] >= 0:
            step.slots[i] = plan.constants[plan.constant_of[i]]
    return True


cdef void free_step(step_t *step) noexcept:
    """Also of a step that lacks some of its arrays."""
    cdef int i
    if step.deques != NULL:
        for i in range(step.plan.pool.n_threads):
            fc_deque_destroy(&step.deques[i])
    free(step.deques)
    free(step.slots)
    free(step.inputs)
    free(step.waits)
    free(step.uses)
    free(step.inject_next)
    pthread_mutex_destroy(&step.lock)
    fc_event_destroy(&step.event)
    free(step)
    fc_bump(&live_steps, -1)


cdef extern from "pythread.h":
    unsigned long PyThread_get_thread_ident()

cdef unsigned long main_thread_ident


def _remember_main_thread():
    global main_thread_ident
    main_thread_ident = threading.main_thread().ident


_remember_main_thread()
if hasattr(os, "register_at_fork"):
    # the thread that forks is the child's main thread
    os.register_at_fork(after_in_child=_remember_main_thread)


cdef bint in_main_thread() noexcept:
    return PyThread_get_thread_ident() == main_thread_ident


def live_counts():
    """What is alive now: buffers, bytes and strings; plans, their steps (idle ones are kept for
    reuse), steps that run, parked tokens.
    """
    return {
        **buf_live_counts(),
        "plans": live_plans,
        "steps": live_steps,
        "running_steps": running_steps,
        "tokens": live_tokens,
    }


from flowcore._buffer import live_counts as buf_live_counts
