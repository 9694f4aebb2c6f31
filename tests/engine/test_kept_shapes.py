"""The sizes of tensors of more than 8 dimensions, which all tensors of a shape share: how many there
are, from how many threads they come, and what happens without memory for them.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import flowcore as fc
from flowcore import _buffer


@pytest.fixture(autouse=True)
def counting_ends() -> Iterator[None]:
    yield
    _buffer._fail_allocations(0)


def work(x: Any) -> Any:
    """A few shapes of many dimensions, and some of few."""
    y = fc.transpose(x * 2, [1, 0, *range(2, 11)])
    return fc.reduce_sum(fc.concat([y, y], 3)[..., None], [0, 2]), fc.shape(y), fc.reshape(y, [-1])


def test_shapes_that_come_again_are_kept_once() -> None:
    x = fc.placeholder(fc.float32)
    outs = work(x)
    value = np.ones((2, 3) + (1,) * 9, np.float32)
    with fc.Session() as sess:
        sess.run(outs, {x: value})
        before = _buffer.kept_shapes()
        for _ in range(200):
            sess.run(outs, {x: value})
        assert _buffer.kept_shapes() == before
        sess.run(outs, {x: np.ones((5, 7) + (1,) * 9, np.float32)})
        assert before < _buffer.kept_shapes() <= before + 8


def test_shapes_of_few_dimensions_are_not_kept() -> None:
    before = _buffer.kept_shapes()
    with fc.Session() as sess:
        for n in range(1, 60):
            assert sess.run(fc.zeros([n] + [1] * 7)).shape == (n,) + (1,) * 7
    assert _buffer.kept_shapes() == before


@pytest.mark.parametrize("threads", [1, 2, 8])
def test_threads_keep_shapes_at_once(threads: int) -> None:
    """Sizes that no other test has, each thread's in another order."""
    x = fc.placeholder(fc.float32)
    outs = work(x)
    problems: list[BaseException] = []

    def run(first: int) -> None:
        try:
            for k in range(40):
                n = 100 + 50 * threads + (k * 7 + first) % 40
                shape = (n, 2) + (1,) * 9
                total, dims, flat = sess.run(outs, {x: np.ones(shape, np.float32)})
                assert total.shape == (n, 2) + (1,) * 8
                assert total.sum() == 8 * n
                assert dims.tolist() == [2, n] + [1] * 9
                assert flat.shape == (2 * n,)
        except BaseException as e:
            problems.append(e)

    with fc.Session() as sess:
        before = _buffer.kept_shapes()
        team = [threading.Thread(target=run, args=(i,)) for i in range(threads)]
        for t in team:
            t.start()
        for t in team:
            t.join()
        grown = _buffer.kept_shapes() - before
    assert not problems
    assert grown % 40 == 0
    assert 2 * 40 <= grown <= 8 * 40


def test_without_memory_for_sizes_a_run_ends_with_an_error() -> None:
    x = fc.placeholder(fc.float32)
    outs = work(x)
    n, refused = 1000, 0
    with fc.Session() as sess:
        sess.run(outs, {x: np.ones((2, 3) + (1,) * 9, np.float32)})
        for first in range(1, 60):
            n += 1  # sizes that are not kept yet
            value = np.ones((n, 2) + (1,) * 9, np.float32)
            _buffer._fail_allocations(first)
            try:
                total = sess.run(outs, {x: value})[0]
            except (MemoryError, fc.errors.ResourceExhaustedError) as e:
                refused += "sizes" in str(e)
            else:
                assert total.sum() == 8 * n
            _buffer._fail_allocations(0)
            assert sess.run(outs, {x: value})[0].sum() == 8 * n
    assert refused >= 4  # those of what is fed, and those of outputs
