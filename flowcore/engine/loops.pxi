# Parallel loops: pieces that idle threads of the pool take.

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
