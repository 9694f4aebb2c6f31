# Steps: who runs which node when, on which thread.

cdef void release_slot(fc_tensor *t) noexcept nogil:
    cdef fc_buffer *b = t.buffer
    t.buffer = NULL
    fc_release(b)


cdef void fail_step(
    step_t *step, int code, frame_t *frame, int32_t node, const char *message
) noexcept nogil:
    """Records the first failure and cancels what is parked. Callers are the step's caller or visitors.

    `frame`: of the node that failed, whose path is recorded; NULL where none did.
    """
    cdef token_t *token
    cdef token_t *following
    cdef token_t *parked = NULL
    if not fc_cas32(&step.failed, 0, 1):
        return
    step.code = code
    step.error_node = node
    if frame != NULL:
        step.error_plan = frame.plan
        step.error_depth = path_of(frame, &step.error_path[0], MAX_PATH)
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
    return PYTHON_NS if plan.nodes[node].kind == PYTHON_NODE else UNKNOWN_NS


cdef inline bint was_last(step_t *step, int32_t *count) noexcept nogil:
    """Counts down.

    As long as the caller is alone in its step, without an atomic operation: they were a third of
    what a small node costs.
    """
    if step.shared:
        return fc_add32(count, -1) == 1
    count[0] -= 1
    return count[0] == 0


cdef inline void publish(step_t *step, int32_t thread, frame_t *frame, int32_t node) noexcept nogil:
    """A ready node goes to the thread's own deque, or, with no memory for a larger one, to the
    injection stack, which needs none.
    """
    if fc_deque_push(&step.deques[thread], ready_item(frame, node)) != 0:
        inject(step, frame, node)


cdef inline void inject(step_t *step, frame_t *frame, int32_t node) noexcept nogil:
    frame.cells[node].owner = frame
    fc_inject(&step.inject_head, &frame.cells[node])


cdef inline void note_cost(float *cost, float ns) noexcept nogil:
    """The first runs of a node are far too long, with cold caches and new memory: less counts for more."""
    cdef float old = fc_load_float(cost)
    cdef float weight = <float>0.7 if ns < old else <float>0.3
    fc_store_float(cost, ns if old == 0 else old + (ns - old) * weight)


cdef void note_time(run_t *run, int64_t start, int64_t end) noexcept nogil:
    """What a node has taken, for the choice of threads and for a trace."""
    note_cost(&run.frame.plan.cost[run.node], <float>(end - start))
    if run.step.trace != NULL:
        record(run.step.trace, run.frame, run.node, run.thread, start, end)


cdef void record(
    trace_t *trace, frame_t *frame, int32_t node, int32_t thread, int64_t start, int64_t end
) noexcept nogil:
    """Adds to a trace. Where it is full, or memory has run out, it stays as it is."""
    cdef event_t *event
    cdef event_t *more
    pthread_mutex_lock(&trace.lock)
    if trace.count == trace.capacity and trace.count < MAX_EVENTS:
        more = <event_t *>realloc(trace.events, (2 * trace.capacity + 64) * sizeof(event_t))
        if more != NULL:
            trace.events = more
            trace.capacity = 2 * trace.capacity + 64
    if trace.count < trace.capacity:
        event = &trace.events[trace.count]
        event.start, event.end = start, end
        event.thread, event.node = thread, node
        event.plan = frame.plan
        event.depth = 0
        event.path = NULL
        if frame.depth:
            event.path = <place_t *>malloc(frame.depth * sizeof(place_t))
            if event.path != NULL:
                event.depth = path_of(frame, event.path, frame.depth)
        trace.count += 1
    pthread_mutex_unlock(&trace.lock)


cdef int32_t end_node(run_t *run, int status, bint foreign) noexcept nogil:
    """After a kernel: releases inputs, makes successors ready.

    Returns one of them to go on with, NO_NODE for none.

    `foreign`: a completing thread, which has no deque here: all goes to the injection stack, and
    the caller is woken.
    """
    cdef step_t *step = run.step
    cdef frame_t *frame = run.frame
    cdef plan_t *plan = frame.plan
    cdef node_t *node = &plan.nodes[run.node]
    cdef int32_t i, slot, successor, n_next, keep = NO_NODE, ready = 0
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
            fail_step(step, status, frame, run.node, run.message)
    else:
        for i in range(node.n_out):
            if plan.uses[node.first_out + i] == 0:
                release_slot(&frame.slots[node.first_out + i])
        for i in range(node.n_in):
            slot = plan.in_slots[node.first_in + i]
            if plan.uses[slot] != 0 and (plan.uses[slot] == 1 or was_last(step, &frame.uses[slot])):
                release_slot(&frame.slots[slot])
        after = plan.next + node.first_next
        n_next = node.n_next
        if n_next and fc_load32(&step.failed):
            fc_store32(&step.dropped, 1)
            n_next = 0
        for i in range(n_next):
            successor = after[i]
            if plan.waits[successor] == 1 or was_last(step, &frame.waits[successor]):
                ready += 1
                if foreign:
                    fc_add64(&step.pending, 1)
                    inject(step, frame, successor)
                elif keep == NO_NODE:
                    keep = successor
                else:
                    if ready == 2:
                        # an upper bound first: it must never touch zero early
                        fc_add64(&step.pending, node.n_next)
                    publish(step, run.thread, frame, successor)
                    work += worth(plan, successor)
    if foreign:
        if fc_add64(&step.pending, -1) == 1 or ready:
            if ready and fc_load32(&step.event.waiters) == 0:
                call_for_help(step)
            fc_event_wake(&step.event, 0)
        return NO_NODE
    if ready > 1:
        fc_add64(&step.pending, ready - 1 - node.n_next)
        if work >= WAKE_NS:
            call_for_help(step)
    elif ready == 0:
        run.tally.finished += 1
    return keep


cdef int32_t run_node(
    step_t *step, frame_t **at, int32_t index, int32_t thread, tally_t *tally
) noexcept nogil:
    """Runs one node of the frame `at` on this thread. Returns the node to go on with, or NO_NODE; of a call,
    or after one, in another frame, which is `at` then.
    """
    cdef run_t run
    cdef frame_t *frame = at[0]
    cdef plan_t *plan = frame.plan
    cdef int32_t following
    cdef node_t *node = &plan.nodes[index]
    cdef int status
    cdef int32_t i
    run.step = step
    run.frame = frame
    run.node = index
    run.thread = thread
    run.tally = tally
    run.scratch = NULL
    run.message = &run.text[0]
    run.text[0] = 0
    if fc_load32(&step.failed):
        return end_node(&run, DIED, False)
    if node.kind == RETURN_NODE:
        following = return_from(&run)
        at[0] = run.frame
        return following
    if fc_load_float(&plan.cost[index]) >= WAKE_NS:
        if fc_deque_size(&step.deques[thread]) > 0:
            call_for_help(step)  # what waits behind this long node should not
        tally.long_one |= fc_load_float(&plan.cost[index]) >= LONG_NS
    if node.kind >= CALL_NODE:
        following = start_call(&run)
        at[0] = run.frame
        return following
    run.ctx.api = &api
    run.ctx.inputs = frame.inputs + node.first_in
    run.ctx.out = frame.slots + node.first_out
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
    run.started = fc_now_ns() if frame.measure else 0
    if node.kind == KERNEL_NODE:
        status = node.target.fn(&run.ctx)
    else:
        status = run_python(&run.ctx, node.target.python)
    if status == FC_PENDING:
        # the token goes on from here, maybe already: the frame is not to be touched for this node
        if run.started:
            note_cost(&plan.cost[index], <float>(fc_now_ns() - run.started))
        return NO_NODE
    if run.started:
        note_time(&run, run.started, fc_now_ns())
    if status == FC_OK:
        for i in range(node.n_out):
            if run.ctx.out[i].ndim < 0:
                fc_index_message(
                    run.message, b"the kernel left output %lld of %lld without a value", i, node.n_out)
                status = FC_INTERNAL
    return end_node(&run, status, False)


cdef int run_python(fc_ctx *ctx, python_t *kernel) noexcept with gil:
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
        result = (<object>kernel.function)(*arguments)
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
            array = as_declared(result[i], kernel.types[i], i)
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


cdef void *find_work(step_t *step, int32_t thread, tally_t *tally) noexcept nogil:
    """A ready node: own deque, then injected ones, then stolen.

    With the own deque empty, what this thread has finished is told.
    """
    cdef void *item = fc_deque_take(&step.deques[thread])
    cdef int32_t n = step.plan.pool.n_threads, i, node, victim
    cdef fc_cell *chain
    cdef fc_cell *following
    cdef frame_t *frame
    if item != FC_EMPTY:
        return item
    if tally.finished:
        if fc_add64(&step.pending, -tally.finished) == tally.finished and thread != 0:
            fc_event_wake(&step.event, 0)
        tally.finished = 0
    chain = fc_drain(&step.inject_head)
    if chain != NULL:
        following = chain.next
        while following != NULL:
            item = following
            following = following.next
            node = node_of(step, item, &frame)
            publish(step, thread, frame, node)
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
    if fc_load_cell(&step.inject_head) != NULL:
        return True
    for i in range(step.plan.pool.n_threads):
        if fc_deque_size(&step.deques[i]) > 0:
            return True
    return False


cdef void visit(step_t *step, int32_t thread) noexcept nogil:
    """A worker helps a step until it finds nothing more."""
    cdef void *item
    cdef frame_t *frame
    cdef int32_t node
    cdef int idle = 0
    cdef tally_t tally
    tally.finished = tally.long_one = 0
    while idle < 50 and fc_load64(&step.pending) > 0:
        item = find_work(step, thread, &tally)
        if item == FC_EMPTY:
            idle += 1
            fc_pause()
            continue
        idle = 0
        if fc_deque_size(&step.deques[0]) > 1:
            call_for_help(step)
        node = node_of(step, item, &frame)
        while node != NO_NODE:
            node = run_node(step, &frame, node, thread, &tally)


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
        fail_step(step, FC_DEADLINE_EXCEEDED, NULL, -1, b"the run took longer than its time limit")
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
        fail_step(step, FC_CANCELLED, NULL, -1, b"interrupted")


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
        fail_step(step, FC_CANCELLED, NULL, -1, b"the wait was given up")


cdef list parked_nodes(step_t *step):
    cdef token_t *token
    cdef list result = []
    pthread_mutex_lock(&step.lock)
    token = <token_t *>fc_list_first(&step.tokens)
    while token != NULL:
        result.append((<Plan>token.run.frame.plan.owner, token.run.node))
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
    reset_counts(step.frame)
    step.inject_head = NULL
    step.shared = False
    step.failed = 0
    step.dropped = 0
    step.code = FC_OK
    step.error_node = -1
    step.error_plan = NULL
    step.pending = plan.n_sources
    plan.steps += 1  # racy on purpose: a hint for sampling
    step.measure = step.frame.measure = traced or plan.steps <= 3 or plan.steps % 64 == 0


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
    """Whether its nodes are measured, kernels of the host, and together take less than SHORT_NS."""
    cdef int32_t i
    cdef float cost, sum = 0
    if not plan.plain:
        return False
    for i in range(plan.n_nodes):
        cost = fc_load_float(&plan.cost[i])
        sum += cost + NODE_NS
        if cost == 0 or sum > SHORT_NS:
            return False
    return True


cdef bint execute(step_t *step, int64_t deadline, bint main_thread, void *on_wait) noexcept nogil:
    """Runs a started step on the calling thread, as go_on."""
    cdef plan_t *plan = step.plan
    cdef int32_t i
    cdef int32_t node = NO_NODE
    cdef float work = 0
    for i in range(plan.n_sources - 1, 0, -1):
        publish(step, 0, step.frame, plan.sources[i])
        work += worth(plan, plan.sources[i])
    if plan.n_sources:
        node = plan.sources[0]
    if work >= WAKE_NS:
        call_for_help(step)
    return go_on(step, node, deadline, main_thread, on_wait)


cdef bint go_on(
    step_t *step, int32_t node, int64_t deadline, bint main_thread, void *on_wait
) noexcept nogil:
    """The caller's part from `node` of the step's own frame on, to the step's end.

    False: a signal or the time limit came, and nodes that run elsewhere keep the step from ending.
    """
    cdef plan_t *plan = step.plan
    cdef int32_t key
    cdef int64_t now, last = 0, idle_since = 0, last_call = 0, leave_at = 0, limit
    cdef tally_t tally
    cdef void *item
    cdef frame_t *frame = step.frame
    cdef uint32_t tick = 0
    cdef job_t *job
    tally.finished = tally.long_one = 0
    while True:
        while node != NO_NODE:
            tick += 1
            if tick & 255 == 0 or deadline or tally.long_one:
                tally.long_one = False
                now = fc_now_ns()
                last = check_caller(step, now, deadline, last if last else now, main_thread)
            node = run_node(step, &frame, node, 0, &tally)
            idle_since = 0
        item = find_work(step, 0, &tally)
        if item != FC_EMPTY:
            node = node_of(step, item, &frame)
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
    clean_frames(step.frame)
    while fc_deque_take(&step.deques[0]) != FC_EMPTY:
        pass
