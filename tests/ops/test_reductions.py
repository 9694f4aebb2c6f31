"""Reductions where the type of the elements is too narrow for sums, counts and NaN."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import flowcore as fc

INTEGERS = ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"]


@pytest.mark.parametrize("dtype", INTEGERS)
def test_means_of_integers_do_not_wrap(dtype: str) -> None:
    limits = np.iinfo(dtype)
    x = fc.placeholder(dtype, [None, None, None])
    means = [
        fc.reduce_mean(x),
        fc.reduce_mean(x, [0, 1]),
        fc.reduce_mean(x, [1, 2]),
        fc.reduce_mean(x, [0, 2]),
    ]
    with fc.Session() as sess:
        for extreme in (limits.max, limits.min):
            for shape in [(1, 2, 1), (3, 5, 70), (2, 3000, 2)]:
                for value in sess.run(means, {x: np.full(shape, extreme, dtype)}):
                    assert (value == extreme).all()
        mixed = np.array([[[7, 1], [2, 2]], [[1, 3], [5, 6]]], dtype)
        for value, axes in zip(sess.run(means, {x: mixed}), [None, (0, 1), (1, 2), (0, 2)], strict=True):
            # towards zero, and once: 27 / 8 is 3, but the means of the means here would be less
            np.testing.assert_array_equal(value, np.trunc(mixed.astype(float).mean(axes)).astype(dtype))
        assert sess.run(means[0], {x: np.zeros((0, 1, 1), dtype)}) == 0


def test_means_of_negative_integers_are_cut_towards_zero_once() -> None:
    x = np.array([[[-7], [0]], [[0], [-2]], [[3], [-1]]], np.int32)
    with fc.Session() as sess:
        assert sess.run(fc.reduce_mean(x)) == int(-7 / 6)
        assert sess.run(fc.reduce_mean(fc.constant(np.array([[[-3, 0]], [[-3, 0]]], np.int64)), [0, 2])) == [
            -1
        ]


@pytest.mark.parametrize("dtype", [fc.float16, fc.bfloat16, fc.float32])
@pytest.mark.parametrize("known", [True, False])
def test_gradients_count_what_the_type_cannot(dtype: fc.DType, known: bool) -> None:
    n = 70_000
    ones = np.ones(n, dtype.as_numpy_dtype)
    x = fc.placeholder(dtype, [n] if known else [None])
    with fc.Session() as sess:
        for reduce in (fc.reduce_mean, fc.reduce_max, fc.reduce_min):
            (slope,) = sess.run(fc.gradients(reduce(x), x, grad_ys=fc.constant(1000.0, dtype)), {x: ones})
            np.testing.assert_allclose(slope.astype(np.float64), 1000 / n, rtol=0.004)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
@pytest.mark.parametrize("n", [1, 2, 3, 15, 16, 33, 63, 64, 65, 127, 128, 200, 511, 513, 1500, 300_000])
@pytest.mark.parametrize("columns", [1, 3])
def test_arg_extremes_pass_over_nan(dtype: str, n: int, columns: int) -> None:
    kind: Any = fc.as_dtype(dtype)
    random = np.random.default_rng(n)
    x = fc.placeholder(kind, [None, columns])
    found = [fc.argmax(x, 0), fc.argmin(x, 0)]
    with fc.Session() as sess:
        for fill in ("mixed", "first", "last", "all", "worst"):
            a = random.integers(-50, 50, (n, columns)).astype(np.float32)
            if fill == "mixed":
                a[random.random((n, columns)) < 0.5] = np.nan
            elif fill == "worst":  # nothing is better than these
                a[:] = np.nan
                a[n // 2 :, 0] = -np.inf
                a[n // 2 :, 1:] = np.inf
            elif fill == "all":
                a[:] = np.nan
            else:
                a[0 if fill == "first" else -1] = np.nan
            narrow = a.astype(kind.as_numpy_dtype)
            for value, function in zip(sess.run(found, {x: narrow}), (np.argmax, np.argmin), strict=True):
                for c in range(columns):
                    numbers = np.flatnonzero(~np.isnan(a[:, c]))
                    expected = numbers[function(a[numbers, c])] if numbers.size else 0
                    assert value[c] == expected, (fill, c)


@pytest.mark.parametrize("dtype", ["int8", "int32", "uint8", "int64"])
def test_arg_extremes_of_the_least_and_greatest_integers(dtype: str) -> None:
    limits = np.iinfo(dtype)
    with fc.Session() as sess:
        for n in (1, 5, 64, 130, 200_000):
            for value in (limits.min, limits.max):
                x = fc.constant(np.full((1, 1), value, dtype)) + fc.zeros([n, 2], dtype)
                for arg in (fc.argmax, fc.argmin):
                    assert sess.run(arg(x, 0)).tolist() == [0, 0]
                    assert sess.run(arg(x[:, 0], 0)) == 0


def test_normalisation_in_half_precision() -> None:
    x = fc.constant([[0.0, 0.0], [300.0, 400.0], [3e-4, 4e-4]], fc.float16)
    y = fc.nn.l2_normalize(x, 1)
    with fc.Session() as sess:
        value, slope = sess.run([y, fc.gradients(y, x)[0]])
    assert value.dtype == slope.dtype == np.float16
    np.testing.assert_allclose(value.astype(np.float64), [[0, 0], [0.6, 0.8], [0.6, 0.8]], rtol=2e-3)
    assert np.isfinite(slope[1:]).all()


def test_norms_in_half_precision() -> None:
    x = fc.constant(np.full(70_000, 2.0), fc.float16)  # norm 529, the sum of its squares 280,000
    with fc.Session() as sess:
        by_norm, by_average, norm = sess.run(
            [fc.clip_by_norm(x, 52.9), fc.clip_by_average_norm(x, 0.00378), fc.global_norm([x, x])]
        )
    assert by_norm.dtype == by_average.dtype == norm.dtype == np.float16
    np.testing.assert_allclose(by_norm.astype(float), 0.2, rtol=2e-3)
    np.testing.assert_allclose(by_average.astype(float), 1.0, rtol=2e-3)
    np.testing.assert_allclose(float(norm), 2 * np.sqrt(140_000), rtol=2e-3)
