"""Batches that queues make ahead: whoever takes what, in whatever sizes, gets each element once and
in order, and values that nobody else changes.
"""

from __future__ import annotations

import threading

import numpy as np
import pytest

import flowcore as fc

WIDTH = 5


def rows_queue(capacity: int) -> tuple[fc.FIFOQueue, fc.Tensor, fc.Operation]:
    """A queue of (vector, number), the number to put, and the op that puts it and a vector of its
    multiples.
    """
    q = fc.FIFOQueue(capacity, [fc.float32, fc.int64], [[WIDTH], []])
    number = fc.placeholder(fc.int64, [])
    vector = fc.cast(number, fc.float32) * fc.constant(np.arange(WIDTH, dtype=np.float32))
    return q, number, q.enqueue([vector, fc.identity(number)])


def check(vectors: np.ndarray, numbers: np.ndarray) -> None:
    np.testing.assert_array_equal(vectors, np.outer(numbers, np.arange(WIDTH)))


def test_sizes_that_change_keep_the_order() -> None:
    q, number, put = rows_queue(100)
    sizes = [4, 4, 4, 3, 1, 4, 4, 7, 2, 4, 4, 8, 8]
    taken: list[int] = []
    kept = []
    with fc.Session() as sess:
        following = 0
        for i, size in enumerate(sizes):
            while following < len(taken) + size + 1 + i % 5:
                sess.run(put, {number: following})
                following += 1
            vectors, numbers = sess.run(q.dequeue_many(size))
            kept.append((vectors, numbers))
            taken += numbers.tolist()
            if i % 4 == 3:
                vector, one = sess.run(q.dequeue())
                check(vector[None], np.array([one]))
                taken.append(int(one))
        for vectors, numbers in kept:
            check(vectors, numbers)
    assert taken == list(range(len(taken)))


def test_a_batch_given_out_is_the_takers_own() -> None:
    q, number, put = rows_queue(10)
    with fc.Session() as sess:
        first: list[np.ndarray] = []
        for i in range(12):
            sess.run(put, {number: i})
            if i % 4 == 3:
                vectors, numbers = sess.run(q.dequeue_many(4))
                check(vectors, numbers)
                first = first or [numbers, numbers.copy()]
                vectors += 1
        np.testing.assert_array_equal(first[0], first[1])


def test_what_a_cancelled_wait_took_goes_back_and_comes_again() -> None:
    q, number, put = rows_queue(10)
    with fc.Session() as sess:
        for i in range(3):
            sess.run(put, {number: i})
        with pytest.raises(fc.errors.DeadlineExceededError):
            sess.run(q.dequeue_many(4), options=fc.RunOptions(timeout_in_ms=20))
        for i in range(3, 6):
            sess.run(put, {number: i})
        with pytest.raises(fc.errors.DeadlineExceededError):
            sess.run(q.dequeue_many(8), options=fc.RunOptions(timeout_in_ms=20))
        vectors, numbers = sess.run(q.dequeue_many(4))
        check(vectors, numbers)
        assert numbers.tolist() == [0, 1, 2, 3]
        sess.run(q.close())
        assert sess.run(q.dequeue_up_to(4))[1].tolist() == [4, 5]


@pytest.mark.parametrize("threads", [1, 2, 8])
def test_many_who_put_and_take_lose_and_repeat_nothing(threads: int) -> None:
    q, number, put = rows_queue(16)
    per_thread, size = 200, 8
    batches, one, some = q.dequeue_many(size), q.dequeue(), q.dequeue_up_to(3)
    found: list[list[np.ndarray]] = [[] for _ in range(threads)]
    with fc.Session(config=fc.ConfigProto(inter_op_parallelism_threads=threads)) as sess:

        def enqueue(index: int) -> None:
            for i in range(per_thread):
                sess.run(put, {number: index * per_thread + i})

        def dequeue(index: int) -> None:
            turn = index
            try:
                while True:
                    turn += 1
                    vectors, numbers = sess.run(batches if turn % 4 else some if index % 2 else one)
                    check(vectors.reshape(-1, WIDTH), numbers.reshape(-1))
                    found[index].append(numbers.reshape(-1))
            except fc.errors.OutOfRangeError:
                pass

        takers = [threading.Thread(target=dequeue, args=(i,)) for i in range(threads)]
        putters = [threading.Thread(target=enqueue, args=(i,)) for i in range(threads)]
        for thread in takers + putters:
            thread.start()
        for thread in putters:
            thread.join(30)
        sess.run(q.close())
        for thread in takers:
            thread.join(30)
        assert not any(thread.is_alive() for thread in takers + putters)
        left = (
            sess.run(q.dequeue_up_to(threads * per_thread + 1))[1]
            if sess.run(q.size())
            else np.array([], np.int64)
        )
    parts = [np.concatenate([*f, np.array([], np.int64)]) for f in found]
    for numbers in parts:  # what one thread put comes in its order to each that takes
        for index in range(threads):
            assert (np.diff(numbers[numbers // per_thread == index]) > 0).all()
    assert sorted(np.concatenate([*parts, left]).tolist()) == list(range(threads * per_thread))


@pytest.mark.parametrize("count", [3, 256, 257, 1000])
def test_a_batch_takes_memory_for_what_is_there_and_not_for_what_it_asks_for(count: int) -> None:
    most = 2**31 - 1  # places for so many elements would be more memory than a machine has
    q = fc.FIFOQueue(-1, fc.int64, [[]])
    values = fc.placeholder(fc.int64, [None])
    put, rest, all_of_them = q.enqueue_many(values), q.dequeue_up_to(most), q.dequeue_many(most)
    with fc.Session() as sess:
        sess.run(put, {values: np.arange(count)})
        with pytest.raises(fc.errors.DeadlineExceededError):
            sess.run(all_of_them, options=fc.RunOptions(timeout_in_ms=50))
        sess.run(q.close())
        with pytest.raises(fc.errors.OutOfRangeError, match=f"requested {most}, current size {count}"):
            sess.run(all_of_them)
        assert sess.run(rest).tolist() == [*range(count)]
