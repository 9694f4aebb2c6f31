"""Moving elements on OpenCL devices: transposes of every order, by element, run, square and group."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import flowcore as fc

SHAPES = [(3,), (20, 33), (64, 65), (17, 9, 40), (5, 16, 3, 12), (2, 9, 8, 10), (1, 30, 1, 30)]


@pytest.mark.parametrize("dtype", ["int8", "float16", "float32", "int64"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_every_transpose(device: Any, both: Any, shape: tuple[int, ...], dtype: str) -> None:
    orders = list(itertools.permutations(range(len(shape))))
    if device.is_slow and (dtype != "float32" or len(shape) == 4):
        pytest.skip("too much for a simulator")
    x = np.random.default_rng(0).integers(-100, 100, shape).astype(dtype)
    _, moved = both(lambda t: [fc.transpose(t, order) for order in orders], x)
    for value, order in zip(moved, orders, strict=True):
        np.testing.assert_array_equal(value, x.transpose(order))


def test_slices_with_steps_concatenations_and_tiles(both: Any) -> None:
    x = np.arange(6 * 10 * 9, dtype=np.float32).reshape(6, 10, 9)
    host, moved = both(
        lambda t: [
            t[::-1, 1:9:3],
            t[1:5, ::-2, ::4],
            fc.concat([t, t[:, :, ::-1]], 1),
            fc.tile(t, [2, 1, 3]),
            fc.reverse(t, [0, 2]),
            fc.stack([t, t], 2),
        ],
        x,
    )
    for a, b in zip(host, moved, strict=True):
        np.testing.assert_array_equal(a, b)
