"""Rows of variables: what scatter ops refuse while the graph is built."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import flowcore as fc

SCATTERS: list[Callable[..., Any]] = [
    fc.scatter_update,
    fc.scatter_add,
    fc.scatter_sub,
    fc.scatter_mul,
    fc.scatter_div,
    fc.scatter_min,
    fc.scatter_max,
]


@pytest.mark.parametrize("scatter", SCATTERS)
def test_updates_must_be_rows(scatter: Callable[..., Any]) -> None:
    v = fc.Variable(np.ones((2, 3), np.float32))
    for shape in [(1, 2), (2, 3), (3,), (1, 1, 3)]:
        with pytest.raises(ValueError, match="updates must have the shape of indices"):
            scatter(v, [0], np.ones(shape, np.float32))
    assert scatter(v, [0], np.ones((1, 3), np.float32)) is not None
    assert scatter(v, 0, np.ones(3, np.float32)) is not None
    assert scatter(v, [0, 1], 2.0) is not None
    unknown = fc.placeholder(fc.float32)
    late = scatter(v, [0], unknown)
    with fc.Session() as sess:
        sess.run(v.initializer)
        with pytest.raises(fc.errors.InvalidArgumentError, match="updates must have the shape of indices"):
            sess.run(late, {unknown: np.ones((1, 2))})


@pytest.mark.parametrize("dtype", [np.complex64, np.complex128])
def test_complex_numbers_have_no_order(dtype: Any) -> None:
    v = fc.Variable(np.ones((2, 3), dtype))
    for scatter in SCATTERS[:5]:
        assert scatter(v, [0], np.ones((1, 3), dtype)) is not None
    for scatter in SCATTERS[5:]:
        with pytest.raises(TypeError, match="complex"):
            scatter(v, [0], np.ones((1, 3), dtype))
