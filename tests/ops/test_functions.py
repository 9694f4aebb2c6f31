"""Functions at the edges of their domains."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import flowcore as fc

#: Zero, the ends of domains, what lies outside, what overflows.
EDGES = [0.0, -1.0, 1.0, 2.0, -2.0, 1e-30, 100.0, -100.0, np.inf, -np.inf, np.nan]
INFINITE_SLOPES: list[Callable[[Any], Any]] = [
    fc.sqrt,
    fc.rsqrt,
    fc.reciprocal,
    fc.log,
    fc.log1p,
    fc.exp,
    fc.expm1,
    fc.sinh,
    fc.cosh,
    fc.asin,
    fc.acos,
    fc.acosh,
    fc.atanh,
    lambda x: x / x,
    lambda x: 1.0 / x,
    lambda x: x**0.5,
    lambda x: x**-1.0,
    lambda x: 2.0**x,
    lambda x: x**x,
    lambda x: fc.atan2(x, x),
    lambda x: fc.div_no_nan(fc.ones_like(x), x),
]


@pytest.mark.parametrize("dtype", [fc.float16, fc.float32, fc.float64])
@pytest.mark.parametrize("function", INFINITE_SLOPES)
def test_no_gradient_goes_back_where_none_arrives(function: Callable[[Any], Any], dtype: fc.DType) -> None:
    x = fc.placeholder(dtype, [None])
    y = function(x)
    (slope,) = fc.gradients(y, x, grad_ys=fc.zeros_like(y))
    with fc.Session() as sess, np.errstate(all="ignore"):
        found = sess.run(slope, {x: np.array(EDGES).astype(dtype.as_numpy_dtype)})
    assert not found.any(), found  # NaN counts as true


@pytest.mark.parametrize(
    ("function", "slope"),
    [
        (fc.sqrt, lambda x: 0.5 / np.sqrt(x)),
        (fc.log, lambda x: 1 / x),
        (fc.rsqrt, lambda x: -0.5 * x**-1.5),
        (fc.reciprocal, lambda x: -1 / x**2),
        (lambda x: 3.0 / x, lambda x: -3 / x**2),
        (lambda x: x**0.5, lambda x: 0.5 / np.sqrt(x)),
    ],
)
def test_a_branch_that_was_not_taken_sends_no_nan_back(
    function: Callable[[Any], Any], slope: Callable[[Any], Any]
) -> None:
    x = fc.placeholder(fc.float32, [None])
    y = fc.where(x > 0, function(x), x)
    (first,) = fc.gradients(y, x)
    (second,) = fc.gradients(first, x)
    values = np.float32([0, -1, 0.5, 4])
    with fc.Session() as sess:
        once, twice = sess.run([first, second], {x: values})
    np.testing.assert_allclose(once, [1, 1, *slope(values[2:].astype(np.float64))], rtol=1e-6)
    step = 1e-4
    curve = (slope(values[2:].astype(np.float64) + step) - slope(values[2:].astype(np.float64) - step)) / (
        2 * step
    )
    np.testing.assert_allclose(twice, [0, 0, *curve], rtol=1e-3)


@pytest.mark.parametrize("base", [0.0, 3.0, -2.0, np.inf])
def test_a_power_of_zero_has_no_slope(base: float) -> None:
    x = fc.constant(base)
    with fc.Session() as sess:
        assert sess.run(fc.gradients(x**0.0, x)) == [0.0]


def test_the_second_gradient_does_not_vanish_with_the_first() -> None:
    """(log x)^2 at 1: its slope arrives at log as 0, its curvature is 2."""
    for function, expected in [(fc.log, 2.0), (fc.log1p, None), (lambda t: t / fc.constant(2.0) - 0.5, 0.5)]:
        x = fc.constant(0.0 if function is fc.log1p else 1.0)
        (first,) = fc.gradients(fc.square(function(x)), x)
        (second,) = fc.gradients(first, x)
        with fc.Session() as sess:
            slope, curve = sess.run([first, second])
        assert slope == 0.0
        assert curve == (2.0 if expected is None else expected)


def test_complex_gradients_are_zero_too() -> None:
    x = fc.constant(np.complex64([0, 1 + 1j]))
    zeros = fc.zeros([2], fc.complex64)
    with fc.Session() as sess:
        for function in (fc.sqrt, fc.rsqrt, fc.reciprocal, fc.log, lambda z: 1 / z):
            (found,) = sess.run(fc.gradients(function(x), x, grad_ys=zeros))
            assert not found.any(), function
