# Frames: one run of a plan each. A node that calls a body goes on in a frame of the body, and ends when the
# body's last node, its return, has run: nothing waits, and no thread's stack grows.

cdef inline void *ready_item(frame_t *frame, int32_t node) noexcept nogil:
    """What stands for a node that is ready: a pointer to its cell; in the step's own frame, which may be
    large, an odd number, so that the memory of its cells is not touched.
    """
    if frame.caller == NULL:
        return <void *>((<size_t>node << 1) | 1)
    return &frame.cells[node]


cdef inline int32_t node_of(step_t *step, void *item, frame_t **frame) noexcept nogil:
    """The node, and the frame, that an item stands for."""
    if <size_t>item & 1:
        frame[0] = step.frame
        return <int32_t>(<size_t>item >> 1)
    frame[0] = <frame_t *>(<fc_cell *>item).owner
    return <int32_t>(<fc_cell *>item - frame[0].cells)


cdef size_t frame_size(plan_t *plan) noexcept nogil:
    return (
        sizeof(frame_t)
        + plan.n_slots * sizeof(fc_tensor)
        + plan.n_arguments * sizeof(fc_tensor)
        + plan.n_nodes * sizeof(fc_cell)
        + plan.n_in_slots * sizeof(fc_tensor *)
        + plan.n_calls * sizeof(frame_t *)
        + (plan.n_nodes + plan.n_slots) * sizeof(int32_t)
    )


cdef frame_t *make_frame(plan_t *plan) noexcept nogil:
    """A frame whose slots hold the constants; NULL without memory."""
    cdef frame_t *frame = <frame_t *>fc_calloc(1, frame_size(plan))
    cdef int32_t i
    cdef int64_t k
    if frame == NULL:
        return NULL
    frame.plan = plan
    frame.slots = <fc_tensor *>(frame + 1)
    frame.results = frame.slots + plan.n_slots
    frame.cells = <fc_cell *>(frame.results + plan.n_arguments)
    frame.inputs = <const fc_tensor **>(frame.cells + plan.n_nodes)
    frame.callees = <frame_t **>(frame.inputs + plan.n_in_slots)
    frame.waits = <int32_t *>(frame.callees + plan.n_calls)
    frame.uses = frame.waits + plan.n_nodes
    if plan.is_body:
        for i in range(plan.n_nodes):
            frame.cells[i].owner = frame
    for k in range(plan.n_in_slots):
        frame.inputs[k] = &frame.slots[plan.in_slots[k]]
    for i in range(plan.n_slots):
        if plan.constant_of[i] >= 0:
            frame.slots[i] = plan.constants[plan.constant_of[i]]
    fc_bump(&live_frames, 1)
    return frame


cdef void free_frame(frame_t *frame) noexcept nogil:
    free(frame)
    fc_bump(&live_frames, -1)


cdef frame_t *take_frame(plan_t *plan) noexcept nogil:
    """A frame that has been used before, or a new one; NULL without memory."""
    cdef frame_t *frame
    pthread_mutex_lock(&plan.lock)
    frame = plan.idle
    if frame != NULL:
        plan.idle = frame.next
        plan.n_idle -= 1
    pthread_mutex_unlock(&plan.lock)
    if frame == NULL:
        return make_frame(plan)
    frame.next = NULL
    return frame


cdef void give_frame_back(frame_t *frame) noexcept nogil:
    """Of a frame that holds no values. A deep recursion leaves only some of its frames."""
    cdef plan_t *plan = frame.plan
    cdef bint kept
    pthread_mutex_lock(&plan.lock)
    kept = plan.n_idle < MAX_IDLE
    if kept:
        frame.next = plan.idle
        plan.idle = frame
        plan.n_idle += 1
    pthread_mutex_unlock(&plan.lock)
    if not kept:
        free_frame(frame)


cdef inline void reset_counts(frame_t *frame) noexcept nogil:
    memcpy(frame.waits, frame.plan.waits, sizeof(int32_t) * frame.plan.n_nodes)
    memcpy(frame.uses, frame.plan.uses, sizeof(int32_t) * frame.plan.n_slots)


cdef inline void copy_tensor(fc_tensor *to, const fc_tensor *value) noexcept nogil:
    """As much of it as is used, which is a third for a scalar."""
    cdef int here = value.ndim if value.ndim <= FC_INLINE_DIMS else 1  # where its sizes lie
    memcpy(to, value, 32 + here * sizeof(int64_t))


cdef void hand_over(frame_t *frame, int32_t slot, fc_tensor *to) noexcept nogil:
    """One read of a slot: the last one takes the value itself, so that it may be changed in place."""
    cdef fc_tensor *value = &frame.slots[slot]
    copy_tensor(to, value)
    if frame.plan.uses[slot] == 0:  # a constant
        fc_retain(to.buffer)
    elif frame.plan.uses[slot] == 1 or was_last(frame.step, &frame.uses[slot]):
        value.buffer = NULL
    else:
        fc_retain(to.buffer)


cdef void show(frame_t *frame, int32_t slot, fc_tensor *to) noexcept nogil:
    """A second reference to the value of a slot, which is read later too."""
    copy_tensor(to, &frame.slots[slot])
    fc_retain(to.buffer)


cdef void ready_frame(frame_t *frame) noexcept nogil:
    """Resets what a run of a frame changes, but for its arguments, which are in place."""
    cdef plan_t *plan = frame.plan
    cdef int32_t i
    frame.measure = frame.step.measure and (frame.turn < FIRST_TURNS or frame.step.trace != NULL)
    reset_counts(frame)
    for i in range(plan.n_arguments):
        if plan.uses[plan.arguments[i]] == 0:
            release_slot(&frame.slots[plan.arguments[i]])


cdef int32_t begin_frame(run_t *run, frame_t *frame) noexcept nogil:
    """Starts a frame whose arguments are in place, on behalf of a node that counts as pending. Returns the
    node to go on with, in this frame.
    """
    cdef plan_t *plan = frame.plan
    cdef step_t *step = frame.step
    cdef int32_t i
    cdef float work = 0
    run.frame = frame
    ready_frame(frame)
    if plan.n_sources > 1:
        fc_add64(&step.pending, plan.n_sources - 1)
        for i in range(plan.n_sources - 1, 0, -1):
            publish(step, run.thread, frame, plan.sources[i])
            work += worth(plan, plan.sources[i])
        if work >= WAKE_NS:
            call_for_help(step)
    return plan.sources[0]


cdef frame_t *enter(run_t *run, int32_t body) noexcept nogil:
    """A frame of a body for the node that runs; NULL, with a message, where there is none."""
    cdef frame_t *caller = run.frame
    cdef call_t *call = caller.plan.nodes[run.node].target.call
    cdef frame_t *frame
    if caller.depth >= MAX_DEPTH:
        fc_index_message(
            run.message, b"calls are nested more than %lld deep: a function that calls itself must end",
            MAX_DEPTH, 0)
        return NULL
    frame = take_frame(call.bodies[body])
    if frame == NULL:
        fc_message(run.message, b"out of memory: no room for the call of a body")
        return NULL
    place_frame(frame, caller, run.node)
    frame.started = fc_now_ns() if caller.measure else 0
    caller.callees[call.index] = frame
    return frame


cdef void place_frame(frame_t *frame, frame_t *caller, int32_t node) noexcept nogil:
    frame.step = caller.step
    frame.caller = caller
    frame.node = node
    frame.depth = caller.depth + 1
    frame.turn = 0


cdef int32_t chosen_body(run_t *run, call_t *call) noexcept nogil:
    """Which body a node runs, by its first input; -1, with a message, for an input that says none."""
    cdef const fc_tensor *selector = run.frame.inputs[run.frame.plan.nodes[run.node].first_in]
    cdef int64_t wanted
    if call.kind == IF_NODE:
        return fc_is_true(selector)
    if selector.ndim != 0 or selector.dtype != FC_INT32:
        fc_message(run.message, b"the number of a branch must be a scalar of int32")
        return -1
    wanted = fc_int_at(selector, 0)
    return <int32_t>wanted if 0 <= wanted < call.n_bodies else call.n_bodies - 1


cdef int32_t start_call(run_t *run) noexcept nogil:
    """Runs a node that calls. Returns the node of the body to go on with, or what follows a failure."""
    cdef frame_t *caller = run.frame
    cdef frame_t *frame
    cdef node_t *node = &caller.plan.nodes[run.node]
    cdef call_t *call = node.target.call
    cdef int32_t body = 0, first = 0, j, slot
    if call.kind == WHILE_NODE:
        fc_let_go()  # for how many turns is not known
    if call.kind == IF_NODE or call.kind == CASE_NODE:
        first = 1
        body = chosen_body(run, call)
        if body < 0:
            return end_node(run, FC_INVALID_ARGUMENT, False)
    frame = enter(run, body)
    if frame == NULL:
        return end_node(run, FC_RESOURCE_EXHAUSTED, False)
    for j in range(first, node.n_in):
        slot = caller.plan.in_slots[node.first_in + j]
        if call.kind == WHILE_NODE:  # the turns read them too
            show(caller, slot, &frame.slots[frame.plan.arguments[j]])
        else:
            lend(caller, slot, &frame.slots[frame.plan.arguments[j - first]])
    return begin_frame(run, frame)


cdef void lend(frame_t *caller, int32_t slot, fc_tensor *to) noexcept nogil:
    """A call's argument. The count of reads stays the caller's, which ends the node later; where it is the
    last one, the value goes, so that the body may change it in place.
    """
    cdef fc_tensor *value = &caller.slots[slot]
    copy_tensor(to, value)
    if caller.plan.uses[slot] != 0 and fc_load32(&caller.uses[slot]) == 1:
        value.buffer = NULL
    else:
        fc_retain(to.buffer)


cdef int32_t return_from(run_t *run) noexcept nogil:
    """Runs the last node of a body, when all others of its frame are done."""
    cdef frame_t *frame = run.frame
    cdef frame_t *caller = frame.caller
    cdef node_t *node = &caller.plan.nodes[frame.node]
    cdef node_t *last = &frame.plan.nodes[run.node]
    cdef int32_t j
    if node.kind == WHILE_NODE:
        if node.target.call.window and frame.plan == node.target.call.bodies[AHEAD]:
            return end_ahead(run)
        return next_turn(run, last, caller, node)
    for j in range(node.n_out):
        hand_over(frame, frame.plan.in_slots[last.first_in + j], &caller.slots[node.first_out + j])
    return end_call(run, caller, node)


cdef int32_t end_call(run_t *run, frame_t *caller, node_t *node) noexcept nogil:
    """Ends the node that called, whose outputs have their values."""
    cdef frame_t *frame = run.frame
    cdef int64_t started = frame.started
    leave(run, caller, node)
    if started:
        note_time(run, started, fc_now_ns())
    return end_node(run, FC_OK, False)


cdef inline void leave(run_t *run, frame_t *caller, node_t *node) noexcept nogil:
    """Gives the frame back; the thread runs the node that called it again."""
    cdef frame_t *frame = run.frame
    caller.callees[node.target.call.index] = NULL
    run.frame = caller
    run.node = frame.node
    give_frame_back(frame)


cdef int32_t next_turn(run_t *run, node_t *last, frame_t *caller, node_t *node) noexcept nogil:
    """After the condition of a loop, or a turn of it with the condition behind: goes on or ends."""
    cdef frame_t *frame = run.frame
    cdef plan_t *plan = frame.plan
    cdef call_t *call = node.target.call
    cdef fc_tensor go_on
    cdef bint again, ahead
    cdef int32_t i, j, slot
    cdef int64_t started
    hand_over(frame, plan.in_slots[last.first_in], &go_on)
    again = fc_is_true(&go_on)
    fc_release(go_on.buffer)
    if plan == call.bodies[CONDITION]:
        if not again:
            for j in range(node.n_out):
                lend(caller, caller.plan.in_slots[node.first_in + j], &caller.slots[node.first_out + j])
            return end_call(run, caller, node)
        started = frame.started
        leave(run, caller, node)
        ahead = is_worth_ahead(call, False)
        frame = enter(run, REST if ahead else TURN)
        if frame == NULL:
            return end_node(run, FC_RESOURCE_EXHAUSTED, False)
        frame.started = started
        for j in range(node.n_in):
            slot = caller.plan.in_slots[node.first_in + j]
            lend(caller, slot, &frame.slots[frame.plan.arguments[j]])
        return start_ahead(run, frame) if ahead else begin_frame(run, frame)
    for i in range(call.n_carried):
        hand_over(frame, plan.in_slots[last.first_in + 1 + i], &frame.results[i])
    for i in range(call.n_carried):
        copy_tensor(&frame.slots[plan.arguments[call.carried[i]]], &frame.results[i])
    if again:
        frame.turn += 1
        if frame.ahead != NULL:
            return next_ahead(run, frame)
        if frame.turn == FIRST_TURNS and is_worth_ahead(call, True):
            return go_ahead(run, caller, node)
        return begin_frame(run, frame)
    if frame.ahead != NULL:
        end_all_ahead(frame)
    # what a turn passes on has been in its argument's slot all the time
    for j in range(node.n_out):
        slot = plan.arguments[j]
        copy_tensor(&caller.slots[node.first_out + j], &frame.slots[slot])
        frame.slots[slot].buffer = NULL
    return end_call(run, caller, node)


cdef void clean_frame(frame_t *frame) noexcept nogil:
    """Releases every value that is left. Outputs that are never read hold nothing, except where a kernel
    failed half-way.
    """
    cdef int32_t i
    for i in range(frame.plan.n_slots):
        if frame.plan.constant_of[i] < 0 and frame.slots[i].buffer != NULL:
            release_slot(&frame.slots[i])


cdef void clean_frames(frame_t *root) noexcept nogil:
    """After a failure: releases the values of all frames of a step, and the frames that were called."""
    cdef frame_t *frame = root
    cdef frame_t *caller
    cdef int32_t i
    while True:
        i = 0
        while i < frame.plan.n_calls and frame.callees[i] == NULL:
            i += 1
        if i < frame.plan.n_calls:
            frame = frame.callees[i]
            continue
        clean_frame(frame)
        if frame == root:
            return
        caller = frame.caller
        caller.callees[caller.plan.nodes[frame.node].target.call.index] = frame.next
        drop_ahead(frame)
        give_frame_back(frame)
        frame = caller


cdef int32_t path_of(frame_t *frame, place_t *path, int32_t most) noexcept nogil:
    """Writes the calls that led to a frame, the outermost first, and not more than `most` of the outermost.
    Returns how many there are.
    """
    cdef int32_t depth = frame.depth
    while frame.caller != NULL:
        if frame.depth <= most:
            path[frame.depth - 1].plan = frame.caller.plan
            path[frame.depth - 1].node = frame.node
            path[frame.depth - 1].turn = frame.turn
        frame = frame.caller
    return depth
