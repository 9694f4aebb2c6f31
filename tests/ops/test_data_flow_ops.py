"""What queues and readers say of arguments that do not fit, and what is known of a batch's shape."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import flowcore as fc


@pytest.mark.parametrize(
    ("n", "size"),
    [
        (2, 2),
        (np.int64(2), 2),
        (np.array(2), 2),
        (lambda: fc.constant(2), 2),
        (lambda: fc.placeholder(fc.int32, []), None),
    ],
)
def test_a_known_n_is_the_static_size_of_a_batch(n: Any, size: int | None) -> None:
    q = fc.FIFOQueue(9, [fc.float32, fc.int32], [[], [3]])
    n = n() if callable(n) else n
    assert [t.shape.as_list() for t in q.dequeue_many(n)] == [[size], [size, 3]]
    assert [t.shape.as_list() for t in q.dequeue_up_to(n)] == [[None], [None, 3]]


@pytest.mark.parametrize(
    ("n", "error", "message"),
    [
        (-3, ValueError, "n of a QueueDequeue.* must be at least 0, found -3"),
        ([1, 2], ValueError, "n of a QueueDequeue.* must be a scalar"),
        ("a", TypeError, "Input 'n' of QueueDequeue"),
        (1.5, TypeError, "Input 'n' of QueueDequeue"),
        (2**40, TypeError, "Input 'n' of QueueDequeue"),
        (None, ValueError, "Input 'n' of QueueDequeue"),
    ],
)
def test_an_n_that_cannot_be_is_refused(n: Any, error: type[Exception], message: str) -> None:
    q = fc.FIFOQueue(9, fc.float32, [[]])
    for take in (q.dequeue_many, q.dequeue_up_to):
        with pytest.raises(error, match=message):
            take(n)


def test_an_n_that_turns_out_negative_is_refused() -> None:
    n = fc.placeholder(fc.int32)
    batch = fc.FIFOQueue(9, fc.float32, [[]]).dequeue_many(n)
    with (
        fc.Session() as sess,
        pytest.raises(fc.errors.InvalidArgumentError, match="n must be at least 0, found -3"),
    ):
        sess.run(batch, {n: -3})


@pytest.mark.parametrize("work", [5, "names", ["a"], None])
def test_a_reader_says_where_its_work_comes_from(work: Any) -> None:
    with pytest.raises(TypeError, match=r"from a queue, such as .*string_input_producer; found"):
        fc.WholeFileReader().read(work)
