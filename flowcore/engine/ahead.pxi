# Loops whose turns have a part that depends on the turn's number alone: where turns are long enough, it runs
# ahead, for several turns at once, each in a frame of its own, and the rest of each turn follows in order.
#
# The frame of the rest is the loop's callee, the frames that run ahead hang on it by `next`. The frame at
# place e serves the turns e, e + window ... The rest of a turn waits for its part and for the rest of the
# turn before, by a count of two: the thread that ends the second of these begins it. The thread that has
# ended the rest of a turn begins the part of the turn that is `window` behind, in the frame that is free now.

cdef enum:                      # the bodies of such a loop
    CONDITION
    TURN                        # as a whole
    REST                        # what a turn does in order
    AHEAD

cdef bint is_worth_ahead(call_t *call, bint is_first_run) noexcept nogil:
    """Whether the turns of a loop are known to be long enough to run beside each other. Others are shorter
    than what other threads need to fetch what these work on. What the first turns of all take is far more
    than what follows.
    """
    cdef plan_t *plan
    if call.window == 0:
        return False
    plan = call.bodies[TURN]
    if work_of_turn(call) < (COLD_NS if is_first_run else ALONE_NS):
        return False
    return plan.pool.n_threads > 1 or not plan.plain


cdef float work_of_turn(call_t *call) noexcept nogil:
    """What a turn takes, in ns; 0 where it is not measured yet. First measurements are far too high, so that
    the lower counts of a turn as a whole and in two.
    """
    cdef float whole = measured_work(call.bodies[TURN]), ahead = measured_work(call.bodies[AHEAD])
    if ahead > 0:
        ahead += measured_work(call.bodies[REST])
    return ahead if 0 < ahead < whole else whole


cdef float measured_work(plan_t *plan) noexcept nogil:
    cdef int32_t i
    cdef float work = 0
    for i in range(plan.n_nodes):
        work += fc_load_float(&plan.cost[i])
    return work


cdef int32_t go_ahead(run_t *run, frame_t *caller, node_t *node) noexcept nogil:
    """Goes on with the next turn of a loop, which has run as a whole so far, and others behind it at once."""
    cdef frame_t *frame = run.frame
    cdef frame_t *rest
    cdef int32_t j, slot
    run.frame = caller
    run.node = frame.node
    rest = enter(run, REST)
    if rest == NULL:
        return end_node(run, FC_RESOURCE_EXHAUSTED, False)
    rest.turn = frame.turn
    rest.started = frame.started
    for j in range(node.n_in):
        slot = frame.plan.arguments[j]
        copy_tensor(&rest.slots[rest.plan.arguments[j]], &frame.slots[slot])
        frame.slots[slot].buffer = NULL
    give_frame_back(frame)
    return start_ahead(run, rest)


cdef int32_t start_ahead(run_t *run, frame_t *rest) noexcept nogil:
    """Begins as many turns as may run at once, on behalf of the node that calls. `rest` has its arguments."""
    cdef call_t *call = rest.caller.plan.nodes[rest.node].target.call
    cdef int64_t first = fc_int_at(&rest.slots[rest.plan.arguments[call.counter]], 0) - rest.turn
    cdef int64_t limit = call.limit, left, turn
    if call.limit_place >= 0:
        limit = fc_int_at(&rest.slots[rest.plan.arguments[call.limit_place]], 0)
    left = limit - first - rest.turn
    if left < 1:
        return end_of_a_lying_loop(run)
    if not has_ahead(rest, call.bodies[AHEAD], <int32_t>(left if left < call.window else call.window)):
        fc_message(run.message, b"out of memory: no room for the turns of a loop that run at once")
        return end_node(run, FC_RESOURCE_EXHAUSTED, False)
    rest.ahead.first = first
    rest.ahead.turns = limit - first
    rest.ahead.work = work_of_turn(call)
    for turn in range(rest.turn, rest.turn + rest.ahead.window):
        if not take_turn(run, rest, turn):
            return end_node(run, FC_RESOURCE_EXHAUSTED, False)
    rest.ahead.waits[rest.turn % rest.ahead.window] = 1  # the turn before is over
    for turn in range(rest.turn + 1, rest.turn + rest.ahead.window):
        publish_frame(run, rest.ahead.frames[turn % rest.ahead.window])
    if rest.ahead.work * (rest.ahead.window - 1) >= WAKE_NS:
        call_all_for_help(run.step)
    return begin_frame(run, rest.ahead.frames[rest.turn % rest.ahead.window])


cdef int32_t end_of_a_lying_loop(run_t *run) noexcept nogil:
    fc_message(run.message, b"a loop has more turns than its counter says")
    return end_node(run, FC_INTERNAL, False)


cdef void call_all_for_help(step_t *step) noexcept nogil:
    """Also the caller, which sleeps where workers have taken all that it had left. Not for other work: where
    small nodes follow each other, two threads would pass them to and fro.
    """
    call_for_help(step)
    if fc_load32(&step.plan.pool.event.waiters) == 0 and fc_load32(&step.event.waiters):
        fc_event_wake(&step.event, 0)


cdef bint has_ahead(frame_t *rest, plan_t *plan, int32_t window) noexcept nogil:
    """Makes what a loop needs to run turns ahead, and their frames. False without memory; then what is there
    is cleaned with the step.
    """
    cdef frame_t *frame
    cdef int32_t i
    cdef ahead_t *ahead = <ahead_t *>fc_calloc(
        1, sizeof(ahead_t) + window * (sizeof(frame_t *) + sizeof(int32_t)))
    if ahead == NULL:
        return False
    ahead.window = window
    ahead.frames = <frame_t **>(ahead + 1)
    ahead.waits = <int32_t *>(ahead.frames + window)
    rest.ahead = ahead
    for i in range(window):
        frame = take_frame(plan)
        if frame == NULL:
            return False
        place_frame(frame, rest.caller, rest.node)
        frame.next = rest.next
        rest.next = frame
        ahead.frames[i] = frame
        hold_arguments(rest, frame)
    return True


cdef void hold_arguments(frame_t *rest, frame_t *frame) noexcept nogil:
    """Passes what no turn changes."""
    cdef call_t *call = rest.caller.plan.nodes[rest.node].target.call
    cdef int32_t i
    for i in range(frame.plan.n_arguments):
        if call.reads[i] != call.counter:
            show(rest, rest.plan.arguments[call.reads[i]], &frame.slots[frame.plan.arguments[i]])


cdef bint take_turn(run_t *run, frame_t *rest, int64_t turn) noexcept nogil:
    """Prepares a frame for a turn whose part nobody has begun yet. False, with a message, without memory."""
    cdef call_t *call = rest.caller.plan.nodes[rest.node].target.call
    cdef ahead_t *ahead = rest.ahead
    cdef frame_t *frame = ahead.frames[turn % ahead.window]
    cdef fc_tensor *number
    cdef int32_t i
    frame.turn = turn
    ahead.waits[turn % ahead.window] = 2
    for i in range(frame.plan.n_arguments):
        if call.reads[i] == call.counter:
            number = &frame.slots[frame.plan.arguments[i]]
            if new_buffer(call.counter_type, 1, &number.buffer) != FC_OK:
                number.buffer = NULL
                fc_message(run.message, b"out of memory: no room for the number of a turn")
                return False
            number.ndim = 0
            number.offset = 0
            number.size = 1
            number.dtype = call.counter_type
            if call.counter_type == FC_INT32:
                (<int32_t *>number.buffer.data)[0] = <int32_t>(ahead.first + turn)
            else:
                (<int64_t *>number.buffer.data)[0] = ahead.first + turn
    return True


cdef int32_t end_ahead(run_t *run) noexcept nogil:
    """Runs the last node of a part that ran ahead: where the turns before are over, the rest follows."""
    cdef frame_t *frame = run.frame
    cdef call_t *call = frame.caller.plan.nodes[frame.node].target.call
    cdef frame_t *rest = frame.caller.callees[call.index]
    if was_last(run.step, &rest.ahead.waits[frame.turn % rest.ahead.window]):
        return begin_rest(run, rest)
    # from here on another thread may use the frame for another turn
    run.tally.finished += 1
    return NO_NODE


cdef int32_t begin_rest(run_t *run, frame_t *rest) noexcept nogil:
    """The rest of the turn, whose part has been computed."""
    cdef frame_t *frame = rest.ahead.frames[rest.turn % rest.ahead.window]
    cdef node_t *last = &frame.plan.nodes[frame.plan.n_nodes - 1]
    cdef int32_t first = rest.plan.n_arguments - last.n_in, i
    for i in range(last.n_in):
        hand_over(
            frame, frame.plan.in_slots[last.first_in + i], &rest.slots[rest.plan.arguments[first + i]])
    return begin_frame(run, rest)


cdef int32_t next_ahead(run_t *run, frame_t *rest) noexcept nogil:
    """After the rest of a turn, when `rest.turn` is the next one already."""
    cdef ahead_t *ahead = rest.ahead
    cdef int64_t coming = rest.turn - 1 + ahead.window
    cdef bint ready, more = coming < ahead.turns
    cdef frame_t *frame = ahead.frames[coming % ahead.window]
    if rest.turn >= ahead.turns:
        return end_of_a_lying_loop(run)
    if more and not take_turn(run, rest, coming):
        return end_node(run, FC_RESOURCE_EXHAUSTED, False)
    ready = was_last(run.step, &ahead.waits[rest.turn % ahead.window])
    # where it is not, another thread may begin the rest now, and only `frame` is this thread's
    if not more and not ready:
        run.tally.finished += 1
        return NO_NODE
    if not ready:
        return begin_frame(run, frame)
    if more:
        publish_frame(run, frame)
        if fc_deque_size(&run.step.deques[run.thread]) * ahead.work >= WAKE_NS:
            call_all_for_help(run.step)
    return begin_rest(run, rest)


cdef void publish_frame(run_t *run, frame_t *frame) noexcept nogil:
    """Starts a frame whose arguments are in place, for this or another thread to go on with."""
    cdef plan_t *plan = frame.plan
    cdef int32_t i
    ready_frame(frame)
    fc_add64(&run.step.pending, plan.n_sources)
    for i in range(plan.n_sources):
        publish(run.step, run.thread, frame, plan.sources[i])


cdef void end_all_ahead(frame_t *rest) noexcept nogil:
    """At the end of a loop, whose turns are all over."""
    cdef frame_t *frame = rest.next
    cdef frame_t *following
    while frame != NULL:
        following = frame.next
        clean_frame(frame)
        give_frame_back(frame)
        frame = following
    rest.next = NULL
    drop_ahead(rest)


cdef inline void drop_ahead(frame_t *rest) noexcept nogil:
    free(rest.ahead)
    rest.ahead = NULL
