"""Short runs keep Python's lock: nobody is kept waiting by them, and whatever waits or takes long lets it go.

`long_switches` takes the interpreter's own switches away, so that a thread gets Python's lock only
where another lets it go.
"""

from __future__ import annotations

import _thread
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import flowcore as fc
from flowcore import errors

WARM = 200  # runs after which nodes have been measured, whatever the first ones cost


@pytest.fixture
def long_switches() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(100.0)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def session(threads: int, **options: Any) -> fc.Session:
    return fc.Session(config=fc.ConfigProto(inter_op_parallelism_threads=threads, **options))


def another_runs_during(call: Callable[[], object]) -> bool:
    """Whether a thread that is ready to run gets Python's lock during the call."""
    go, ran = threading.Event(), []

    def other() -> None:
        go.wait()
        ran.append(True)

    thread = threading.Thread(target=other)
    thread.start()
    go.set()
    call()
    found = bool(ran)
    thread.join()
    return found


def double(threads: int) -> Callable[[np.ndarray], np.ndarray]:
    with fc.device("/cpu:0"):  # a run that another device computes for is none
        x = fc.placeholder(fc.float32, [None])
        y = x * 2.0
    call = session(threads).make_callable(y, [x])
    for _ in range(WARM):
        call(np.ones(1, np.float32))
    return call


@pytest.mark.parametrize("threads", [1, 2, 8])
def test_a_short_run_keeps_the_lock_and_a_long_one_of_the_same_plan_lets_it_go(
    threads: int, long_switches: None
) -> None:
    call = double(threads)
    small, large = np.ones(1, np.float32), np.ones(20_000_000, np.float32)
    # beside other work one may be measured to be long
    assert sum(another_runs_during(lambda: call(small)) for _ in range(100)) < 50
    assert any(another_runs_during(lambda: call(large)) for _ in range(20))


def test_a_python_function_lets_it_go(long_switches: None) -> None:
    y = fc.py_func(lambda: time.sleep(0.02), [], [])
    with session(2) as sess:
        assert any(another_runs_during(lambda: sess.run(y)) for _ in range(20))


@pytest.mark.parametrize("threads", [1, 2, 8])
def test_who_comes_back_from_a_long_run_gets_its_turn_among_short_ones(
    threads: int, long_switches: None
) -> None:
    call = double(threads)
    large, small, done = np.ones(1_000_000, np.float32), np.ones(1, np.float32), []

    def long_runs() -> None:
        for _ in range(5):
            call(large)
        done.append(True)

    thread = threading.Thread(target=long_runs)
    thread.start()
    end = time.monotonic() + 20
    while not done and time.monotonic() < end:
        call(small)
    assert done
    thread.join()


@pytest.mark.parametrize("threads", [1, 2, 8])
def test_a_waiting_run_lets_others_go_on(threads: int, long_switches: None) -> None:
    queue = fc.FIFOQueue(1, fc.int32, [[]])
    x = fc.placeholder(fc.int32, [])
    sess = session(threads)
    put, take = sess.make_callable(queue.enqueue(x), [x]), sess.make_callable(queue.dequeue())
    for i in range(WARM):
        put(i)
        assert take() == i
    found: list[int] = []
    thread = threading.Thread(target=lambda: found.append(int(take())))
    thread.start()
    put(7)  # this thread has the lock again only because the run of the other one waits
    thread.join()
    assert found == [7]
    put(1)
    thread = threading.Thread(target=put, args=(2,))
    thread.start()
    assert [take(), take()] == [1, 2]
    thread.join()


@pytest.mark.stress
@pytest.mark.parametrize("threads", [1, 2, 8])
@pytest.mark.parametrize("pairs", [1, 4])
def test_runs_that_wait_for_each_other_all_end(threads: int, pairs: int) -> None:
    there, back = fc.FIFOQueue(1, fc.int32, [[]]), fc.FIFOQueue(1, fc.int32, [[]])
    x, many = fc.placeholder(fc.int32, []), 400
    sess = session(threads)
    put, answer, end = (
        sess.make_callable(there.enqueue(x), [x]),
        sess.make_callable(back.enqueue(there.dequeue() + 1)),
        sess.make_callable(back.dequeue()),
    )
    got: list[int] = []

    def ask() -> None:
        for i in range(many):
            put(i)

    def pass_on() -> None:
        for _ in range(many):
            answer()

    def collect() -> None:
        for _ in range(many):
            got.append(int(end()))

    workers = [threading.Thread(target=work) for work in (ask, pass_on, collect) for _ in range(pairs)]
    for w in workers:
        w.start()
    for w in workers:
        w.join()
    assert sorted(got) == sorted([*range(1, many + 1)] * pairs)


@pytest.mark.stress
@pytest.mark.parametrize("threads", [1, 2, 8])
def test_python_threads_and_a_queue_runner_share_a_variable(threads: int) -> None:
    v = fc.Variable(0, dtype=fc.int64, use_resource=True)
    queue = fc.FIFOQueue(10, fc.int64, [[]])
    sess = session(threads)
    sess.run(v.initializer)
    add, coord = sess.make_callable(v.assign_add(1).op), fc.train.Coordinator()
    with fc.control_dependencies([v.assign_add(1)]):
        runner = fc.train.QueueRunner(queue, [queue.enqueue(fc.constant(0, fc.int64))] * 2)
    take = sess.make_callable(queue.dequeue())
    runners = runner.create_threads(sess, coord, start=True)

    def work() -> None:
        for _ in range(500):
            add()
            take()

    workers = [threading.Thread(target=work) for _ in range(4)]
    for w in workers:
        w.start()
    for w in workers:
        w.join()
    assert sess.run(v) >= 2 * 4 * 500
    coord.request_stop()
    coord.join(runners)


def short_pair(**options: Any) -> tuple[fc.Session, Callable[[], Any], Callable[[], Any]]:
    """A session and calls, known to be short, that put 1 into an empty queue of its own and take it out."""
    queue = fc.FIFOQueue(1, fc.int32, [[]])
    sess = session(2, **options)
    put, take = sess.make_callable(queue.enqueue(1)), sess.make_callable(queue.dequeue())
    for _ in range(WARM):
        put()
        take()
    return sess, put, take


def test_a_time_limit_ends_the_wait_of_a_short_run() -> None:
    _, put, take = short_pair(operation_timeout_in_ms=200)
    with pytest.raises(errors.DeadlineExceededError):
        take()
    put()
    assert take() == 1


def test_close_ends_the_wait_of_a_short_run() -> None:
    sess, _, take = short_pair()
    threading.Timer(0.2, sess.close).start()
    with pytest.raises(errors.CancelledError):
        take()


def test_ctrl_c_ends_the_wait_of_a_short_run() -> None:
    _, put, take = short_pair()
    threading.Timer(0.2, _thread.interrupt_main).start()
    with pytest.raises(KeyboardInterrupt):
        take()
    put()
    assert take() == 1
