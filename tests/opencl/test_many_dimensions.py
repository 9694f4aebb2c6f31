"""Tensors of 9 to 64 dimensions on OpenCL devices against the host's: walks of more axes than a
kernel knows, copies of more, and everything that takes no axes at all.
"""

from __future__ import annotations

import numpy as np
import pytest

import flowcore as fc
from flowcore.graph.apply import apply

RANKS = [9, 10, 33, 64]


def numbers(shape, dtype="float32"):
    return np.random.default_rng(len(shape)).integers(-9, 10, shape).astype(dtype)


def square(rank):
    """Up to 10 axes of two elements, the last ones."""
    return (1,) * (rank - 10) + (2,) * min(rank, 10)


def unlike(rank):
    """Two shapes that broadcast along every second axis each, so that none of them merge."""
    at = range(max(rank - 10, 0), rank)
    return (
        tuple(2 if d in at and d % 2 else 1 for d in range(rank)),
        tuple(2 if d in at and not d % 2 else 1 for d in range(rank)),
    )


def equal(pair):
    for host, found in zip(*pair, strict=True):
        assert found.shape == host.shape
        np.testing.assert_array_equal(found, host)


@pytest.mark.parametrize("rank", RANKS)
def test_broadcasting(both, rank):
    a, b = (numbers(shape) for shape in unlike(rank))
    equal(
        both(
            lambda a, b: [
                a - b,
                a > b,
                apply("SelectV2", a > b, a, b),
                fc.maximum(a * b, a) - b,
                fc.reduce_sum((a - b) * b, [*range(rank - 2, rank)]),
                apply("FloorDiv", fc.cast(a, fc.int32), fc.cast(b * b + 1, fc.int32)),
            ],
            a,
            b,
        )
    )


@pytest.mark.parametrize("rank", RANKS)
def test_moves(both, rank):
    turned = [*range(1, rank, 2), *range(0, rank, 2)][::-1]
    equal(
        both(
            lambda x: [
                fc.transpose(x, turned),
                fc.reverse(x, [0, rank - 2, rank - 1]),
                fc.tile(x, [2] + [1] * (rank - 3) + [2, 1]),
                fc.concat([x, x], rank - 2),
                x[..., ::-1, 1:],
                fc.pad(x, [[0, 0]] * (rank - 2) + [[1, 0], [0, 1]]),
                fc.gather(x, [1, 0], axis=rank - 1),
                fc.reduce_sum(x, [0, rank - 1]),
                fc.cumsum(x, rank - 2),
                fc.argmax(x, rank - 1),
                fc.matmul(x, x),
            ],
            numbers(square(rank)),
        )
    )


def test_more_axes_than_a_copy_knows(both, device):
    """18 axes, no two of which stay neighbours: four launches of 16."""
    if device.is_slow:
        pytest.skip("a simulator takes a minute")
    turned = [*range(1, 18, 2), *range(0, 18, 2)][::-1]
    equal(both(lambda x: [fc.transpose(x, turned)], numbers((2,) * 18, "int16")))


@pytest.mark.parametrize("rank", [9, 33])
def test_variables(device, rank):
    x = numbers(square(rank))
    with fc.Graph().as_default(), fc.device(device.name), fc.Session() as sess:
        v = fc.Variable(x)
        sess.run(v.initializer)
        np.testing.assert_array_equal(sess.run(v.assign_add(x)), 2 * x)
        sess.run(fc.scatter_update(v, [0], x[:1]))
        np.testing.assert_array_equal(sess.run(v)[0], x[0])
