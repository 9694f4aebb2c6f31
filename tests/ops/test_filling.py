"""Ranges: how many elements they have, known before the run and found in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import flowcore as fc


@pytest.mark.parametrize("dtype", [fc.float32, fc.float64])
@pytest.mark.parametrize(
    ("start", "limit", "delta"),
    [(0, 1, 0.01), (0, 1, 0.1), (0, 1, 1 / 3), (0, 1, 0.3), (1, 0, -0.01), (0.5, 0.6, 0.001), (3, 3, 0.5)],
)
def test_sizes_of_floating_ranges(dtype: fc.DType, start: float, limit: float, delta: float) -> None:
    kind = dtype.as_numpy_dtype
    static = fc.range(start, limit, delta, dtype=dtype)
    parts = [fc.placeholder(dtype, []) for _ in range(3)]
    dynamic = fc.range(*parts)
    expected = int(np.ceil(np.abs((kind(limit) - kind(start)) / kind(delta))))
    assert static.shape == [expected]
    with fc.Session() as sess:
        for value in (
            sess.run(static),
            sess.run(dynamic, dict(zip(parts, (start, limit, delta), strict=True))),
        ):
            assert value.dtype == kind
            np.testing.assert_allclose(value, start + np.arange(expected) * delta, rtol=1e-5, atol=1e-7)


def test_a_hundredth_goes_into_one_a_hundred_times() -> None:
    x = fc.range(0, 1, 0.01)
    assert x.shape == [100]
    with fc.Session() as sess:
        assert sess.run(x).shape == (100,)


@pytest.mark.parametrize(
    ("start", "limit", "delta"), [(0, 10, 3), (10, 0, -3), (-(2**62), 2**62, 2**61 - 1), (0, 9, 3), (5, 5, 1)]
)
def test_sizes_of_integer_ranges(start: int, limit: int, delta: int) -> None:
    x = fc.range(start, limit, delta, dtype=fc.int64)
    expected = list(range(start, limit, delta))
    assert x.shape == [len(expected)]
    with fc.Session() as sess:
        assert sess.run(x).tolist() == expected


def test_linspace_ends_where_it_is_told_to() -> None:
    with fc.Session() as sess:
        for n in (1, 2, 3, 7, 100, 1001):
            for start, stop in [(0.0, 1.0), (5.0, 5.1), (1.0, -1.0), (0.1, 0.7)]:
                x = sess.run(fc.linspace(start, stop, n))
                assert x[0] == np.float32(start)
                assert n == 1 or x[-1] == np.float32(stop)
                np.testing.assert_allclose(x, np.linspace(start, stop, n), rtol=1e-6, atol=1e-7)


def test_linspace_takes_scalars_and_its_one_axis() -> None:
    with fc.Session() as sess:
        np.testing.assert_array_equal(sess.run(fc.linspace(0.0, 1.0, 3, axis=-1)), [0, 0.5, 1])
    with pytest.raises(ValueError, match="axis must be from -1 to 0, found 2"):
        fc.linspace(0.0, 1.0, 3, axis=2)
    for name, numbers in (("start", ([0.0], 1.0, 3)), ("stop", (0.0, [1.0], 3)), ("num", (0.0, 1.0, [3]))):
        with pytest.raises(ValueError, match=rf"{name} of a LinSpace must be a scalar, found shape \(1,\)"):
            fc.linspace(*numbers)


@pytest.mark.parametrize("position", [0, 1, 2])
def test_a_range_names_the_number_that_is_none(position: int) -> None:
    name, numbers = ("start", "limit", "delta")[position], [0, 4, 1]
    numbers[position] = [1]  # type: ignore[call-overload]
    with pytest.raises(ValueError, match=rf"{name} of a Range must be a scalar, found shape \(1,\)"):
        fc.range(*numbers)


@pytest.mark.parametrize(
    "numbers",
    [
        lambda: (fc.constant(0, fc.float64), 1, 0.01),
        lambda: (0, fc.constant(1, fc.float64), 0.01),
        lambda: (0, np.float64(1), 0.01),
        lambda: (0, 1, fc.constant(0.01, fc.float64)),
    ],
)
def test_a_fraction_is_not_rounded_to_float32_on_its_way_to_float64(numbers: Callable[[], Any]) -> None:
    found = fc.Session().run(fc.range(*numbers()))
    assert found.dtype == np.float64
    np.testing.assert_array_equal(found, np.arange(0, 1, 0.01))
