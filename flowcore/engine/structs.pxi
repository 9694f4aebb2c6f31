# What plan, step, node and pool are in memory, and the mechanism that they use.

cdef extern from "_sync.h" nogil:
    void *FC_EMPTY
    void *FC_RETRY
    ctypedef struct fc_cell:
        void *owner
        fc_cell *next
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
    int fc_deque_push(fc_deque *, void *)
    void *fc_deque_take(fc_deque *)
    void *fc_deque_steal(fc_deque *)
    void fc_inject(fc_cell **, fc_cell *)
    fc_cell *fc_drain(fc_cell **)
    fc_cell *fc_load_cell(fc_cell **)
    int pthread_mutex_init(pthread_mutex_t *, void *)
    int pthread_mutex_destroy(pthread_mutex_t *)
    int pthread_mutex_lock(pthread_mutex_t *)
    int pthread_mutex_unlock(pthread_mutex_t *)
    int pthread_create(pthread_t *, void *, void *(*)(void *) noexcept nogil, void *)
    int pthread_join(pthread_t, void **)
    int pthread_detach(pthread_t)
    int sched_yield()

cdef extern from "_run.h":
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
    bint fc_is_true(const fc_tensor *) noexcept nogil

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
    MAX_DEPTH = 100000          # of calls in calls: a recursion that does not end
    MAX_PATH = 32               # calls that an error can name
    MAX_IDLE = 64               # frames of a body that are kept for its next calls
    MAX_EVENTS = 1000000        # of a trace
    FIRST_TURNS = 8             # of a loop, which are measured; the very first may take far longer
    ALONE_NS = 3000             # a turn below this does not run beside others
    COLD_NS = 30000             # nor one below this where it has just been run for the first time
    DIED = -9                   # internal: dropped after a failure
    NO_NODE = -1

fc_watch_fork()
fc_watch_returning()
fc_count_allocations(buf.allocations())


cdef struct python_t:           # a Python kernel
    PyObject *function
    int32_t *types              # declared output dtypes

cdef struct call_t:             # a node that runs bodies
    int32_t kind                # of CALL_NODE ...
    int32_t index               # among the calls of its plan
    int32_t n_bodies
    plan_t **bodies             # one; else, then; one per number; of a loop see ahead.pxi
    int32_t n_carried           # of a loop: the arguments that a turn computes; it passes the others on
    int32_t *carried
    # of a loop whose turns have a part that may run ahead
    int32_t window              # turns at once; 0: there is no such part
    int32_t counter             # the argument that grows by one in each turn
    int32_t counter_type
    int32_t limit_place         # the argument that it stays below; -1: `limit`
    int64_t limit
    int32_t *reads              # per argument of the part: which of the loop's it is

cdef enum:                      # what a node is
    KERNEL_NODE
    PYTHON_NODE
    RETURN_NODE                      # the last node of a body: ends the call
    CALL_NODE
    IF_NODE
    CASE_NODE
    WHILE_NODE

cdef union target_t:            # what a node runs, by its kind
    fc_kernel fn
    python_t *python
    call_t *call

cdef struct node_t:
    target_t target
    fc_attr *attrs
    fc_resource *state
    fc_device *device
    char *name
    int32_t first_in            # into plan.in_slots
    int32_t first_next          # into plan.next
    int32_t n_in
    int32_t n_out
    int32_t first_out           # slot
    int32_t n_next
    int32_t kind
    uint32_t host_out           # outputs that live in host memory whatever the device

cdef struct plan_t:
    pool_t *pool
    PyObject *owner             # the Plan; not a reference
    int32_t n_nodes
    int32_t n_slots
    node_t *nodes
    int32_t *in_slots
    int32_t n_in_slots
    int32_t *next
    int32_t *waits              # initial counts, contiguous for the copy
    int32_t *uses               # reads per slot, fetches and feeds included; 0: constant
    int32_t *sources
    int32_t n_sources
    int32_t *constant_of        # per slot: which of the constants it is; -1: none
    fc_tensor *constants
    int32_t n_constants
    int32_t *arguments          # slots: of a body's arguments, or of what is fed
    int32_t n_arguments
    int32_t n_calls
    float *cost                 # ns per node, 0: not measured
    bint is_body                # nodes of other plans run it
    bint plain                  # kernels of the host alone, in bodies too, and no loop
    bint short                  # its runs keep the GIL
    int64_t steps
    pthread_mutex_t lock        # guards `idle`
    frame_t *idle
    int32_t n_idle

# One run of a plan: of the step's own, or of a body that a node of another frame calls. A body's frame is
# used for turn after turn of its loop, and for call after call.
cdef struct frame_t:
    plan_t *plan
    step_t *step
    frame_t *caller             # NULL: the step's own
    int32_t node                # of the caller, which it runs
    int32_t depth
    int64_t turn                # of a loop
    int64_t started             # ns: when its caller did, where that is measured
    bint measure
    fc_cell *cells              # one per node: what is ready is a pointer to one
    fc_tensor *slots
    fc_tensor *results          # of a turn, on their way to the next
    const fc_tensor **inputs    # one pointer per entry of plan.in_slots
    frame_t **callees           # per call of the plan: the frame that runs it, NULL: none
    int32_t *waits
    int32_t *uses
    frame_t *next               # on plan.idle; or, of a loop, the frames that run ahead, one after the other
    ahead_t *ahead              # of a loop with such frames

cdef struct ahead_t:            # the turns of a loop that run at once
    int64_t first               # the counter in the first turn
    int64_t turns               # in all
    float work                  # of one, in ns
    int32_t window
    frame_t **frames            # by turn % window
    int32_t *waits              # likewise: of the rest of a turn, for its part and for the turn before

cdef struct place_t:            # a node that called, and the turn where it is a loop
    plan_t *plan
    int32_t node
    int64_t turn

cdef struct event_t:            # of a trace: one execution of a node
    int64_t start
    int64_t end
    int32_t thread
    int32_t node
    plan_t *plan
    int32_t depth
    place_t *path               # the calls that led to it, the outermost first

cdef struct trace_t:
    pthread_mutex_t lock
    int64_t count
    int64_t capacity
    event_t *events

cdef struct step_t:
    fc_link link                # on the pool's list, where `listed`
    plan_t *plan
    frame_t *frame              # its own
    fc_cell *inject_head
    fc_deque *deques            # one per thread of the pool; 0: the caller
    fc_event event              # the caller sleeps here
    int64_t pending
    int32_t visitors
    int32_t failed
    int32_t dropped             # some node failed or never ran: what came out is not whole
    int32_t code
    int32_t error_node
    plan_t *error_plan
    int32_t error_depth         # of the failed node's frame
    place_t error_path[MAX_PATH]
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

cdef struct tally_t:            # of one thread in a step
    int64_t finished            # nodes, since it told last
    bint long_one               # one of them took long: look at the clock

cdef struct run_t:              # one execution of a node; ctx.engine points here
    char *message
    fc_ctx ctx
    step_t *step
    frame_t *frame
    tally_t *tally
    int64_t started             # ns, where it is measured
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

cdef long long live_plans = 0, live_steps = 0, live_frames = 0, live_tokens = 0, running_steps = 0

cdef extern from *:
    """
    static inline void fc_bump(long long *p, long long d) { __atomic_add_fetch(p, d, __ATOMIC_RELAXED); }
    """
    void fc_bump(long long *, long long) noexcept nogil
