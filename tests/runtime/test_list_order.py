"""Reads of a list come before writes to it, so that a loop does not copy the list in every turn."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

import flowcore as fc

TA = fc.TensorArray


def session(threads: int) -> fc.Session:
    return fc.Session(config=fc.ConfigProto(inter_op_parallelism_threads=threads))


def size_first(i: Any, a: Any) -> Any:
    n = a.size()
    return n // n, a.write(i, 1)


def size_last(i: Any, a: Any) -> Any:
    written = a.write(i, 1)
    n = a.size()
    return n // n, written


def read_first(i: Any, a: Any) -> Any:
    one = a.read(i - 1)
    return one, a.write(i, 1)


def read_last(i: Any, a: Any) -> Any:
    written = a.write(i, 1)
    return a.read(i - 1), written


def gather_last(i: Any, a: Any) -> Any:
    written = a.scatter([i], [1])
    return a.gather([i - 1])[0], written


def many_reads(i: Any, a: Any) -> Any:
    written = a.write(i, 1)
    return a.read(a.read(i - 1) * 0) * a.read(i - 1) * (a.size() // a.size()), written


@pytest.mark.parametrize("threads", [1, 2, 8])
@pytest.mark.parametrize(
    "turn", [size_first, size_last, read_first, read_last, gather_last, many_reads], ids=lambda f: f.__name__
)
def test_a_list_that_is_read_and_written_in_each_turn_is_not_copied(
    turn: Callable[[Any, Any], Any], threads: int
) -> None:
    count = 300_000  # a copy takes more than 1 ms: with one in each turn the loop would take 30 s
    array = TA(fc.int32, count, element_shape=[]).write(1, 1).write(0, 1)

    def body(i: Any, a: Any) -> Any:
        one, a = turn(i, a)
        return i + one, a

    _, array = fc.while_loop(lambda i, _: i < 30_000, body, [2, array])
    begin = time.process_time()
    with session(threads) as sess:
        assert sess.run(array.read(29_999)) == 1
    assert time.process_time() - begin < 10


@pytest.mark.parametrize("threads", [1, 2, 8])
def test_a_read_that_depends_on_the_write_comes_behind_it(threads: int) -> None:
    array = TA(fc.int32, 3).write(0, 5)
    written = array.write(1, 6)
    with fc.control_dependencies([written.flow]):
        late = array.read(0)
    by_value = array.read(written.read(1) - 6)
    with session(threads) as sess:
        assert [int(v) for v in sess.run([late, by_value, written.read(1), array.size()])] == [5, 5, 6, 3]


@pytest.mark.parametrize("threads", [1, 2])
def test_a_read_that_waits_for_a_queue_does_not_hold_up_the_write(threads: int) -> None:
    queue = fc.FIFOQueue(1, fc.int32, shapes=[[]])
    array = TA(fc.int32, 3).write(0, 5)
    read = array.read(queue.dequeue() - 6)
    enqueue = queue.enqueue(array.write(1, 6).read(1))
    with session(threads) as sess:
        for _ in range(20):
            value, _ = sess.run([read, enqueue], options=fc.RunOptions(timeout_in_ms=20_000))
            assert value == 5


def test_a_read_that_nothing_needs_is_not_run() -> None:
    array = TA(fc.int32, 3).write(0, 5)
    array.read(2)  # would fail: it is not written
    with session(2) as sess:
        assert sess.run(array.write(1, 6).read(1)) == 6
