"""Dropout: the share that is dropped, the scale of the rest, its shape, and its gradient."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import flowcore as fc

ONES = np.ones([200, 50], np.float32)


def run(tensor: fc.Tensor, feeds: Any = None) -> Any:
    return fc.Session().run(tensor, feeds)


@pytest.mark.parametrize("dtype", [fc.float16, fc.float32, fc.float64])
@pytest.mark.parametrize("rate", [0.25, 0.5, 0.9])
def test_the_share_and_the_scale(rate: float, dtype: fc.DType) -> None:
    kept = run(fc.nn.dropout(fc.constant(ONES, dtype), rate=rate, seed=3))
    assert kept.dtype == dtype.as_numpy_dtype
    values = np.unique(kept)
    assert values[0] == 0
    np.testing.assert_allclose(values[1:], [1 / (1 - rate)], rtol=2e-3)
    assert abs((kept == 0).mean() - rate) < 5 * (rate * (1 - rate) / ONES.size) ** 0.5


def test_the_old_name_is_what_is_kept() -> None:
    new = run(fc.nn.dropout(ONES, rate=0.25, seed=3))
    with fc.Graph().as_default():
        old = run(fc.nn.dropout(ONES, keep_prob=0.75, seed=3))
    np.testing.assert_array_equal(new, old)


def test_a_rate_of_zero_is_the_tensor_itself() -> None:
    x = fc.constant(ONES)
    assert fc.nn.dropout(x, rate=0) is x
    assert fc.nn.dropout(x, keep_prob=1.0) is x


def test_a_dimension_of_the_noise_of_size_1_is_dropped_as_a_whole() -> None:
    kept = run(fc.nn.dropout(ONES, rate=0.5, noise_shape=[200, 1], seed=3))
    assert set(kept.sum(1).tolist()) == {0.0, 100.0}
    with pytest.raises(ValueError, match=r"compatible|broadcast"):
        fc.nn.dropout(ONES, rate=0.5, noise_shape=[3, 1])


def test_the_gradient_passes_where_the_value_did() -> None:
    x = fc.constant(ONES)
    y = fc.nn.dropout(x, rate=0.5, seed=3)
    value, gradient = fc.Session().run([y, fc.gradients(y, x)[0]])
    np.testing.assert_array_equal(gradient, value)


def test_the_seed_fixes_the_choice_and_each_run_makes_another() -> None:
    fc.set_random_seed(1)
    y = fc.nn.dropout(ONES, rate=0.5, seed=3)
    with fc.Session() as one, fc.Session() as other:
        first, second = one.run(y), one.run(y)
        assert (first != second).any()
        np.testing.assert_array_equal(other.run(y), first)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "dropout needs rate"),
        ({"rate": 0.5, "keep_prob": 0.5}, "two names of one argument"),
        ({"rate": 1.0}, "in the range .0, 1., got 1"),
        ({"rate": -0.1}, "in the range .0, 1., got -0.1"),
        ({"keep_prob": 0.0}, "in the range .0, 1., got 1"),
        ({"rate": [0.5]}, "rate must be a scalar"),
        ({"x": np.ones(3, np.int32), "rate": 0.5}, "floating point tensor"),
    ],
)
def test_what_does_not_fit_is_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fc.nn.dropout(**{"x": ONES, **arguments})


def test_a_rate_that_is_known_when_it_runs_is_checked_there() -> None:
    rate = fc.placeholder(fc.float32, [])
    y = fc.nn.dropout(ONES, rate=rate)
    assert (run(y, {rate: 0.5}) == 2.0).any()
    with pytest.raises(fc.errors.InvalidArgumentError, match="rate must be a scalar tensor or a float"):
        run(y, {rate: 1.5})
