"""Tensor[...]: every key against NumPy, whatever is known of the shape; its gradient; and keys that
are refused.
"""

from __future__ import annotations

import numpy as np
import pytest

import flowcore as fc

X = np.arange(4 * 5 * 6, dtype=np.float32).reshape(4, 5, 6)
# fmt: off
KEYS = [
    np.s_[1], np.s_[-1], np.s_[1:3], np.s_[:2, 3], np.s_[..., 2], np.s_[..., 1:, ::-1],
    np.s_[:, None, ::2], np.s_[None], np.s_[..., None], np.s_[-1, ::-1, 1:4], np.s_[::-2],
    np.s_[:, np.newaxis, 3], np.s_[1:1], np.s_[10:], np.s_[-100:2], np.s_[3:0:-1, 0], np.s_[:, ...],
    np.s_[...], np.s_[2, 3, 4], np.s_[0, ..., 0], np.s_[::3, ::-3, 5:1:-2], np.s_[:-1, 1:],
    np.s_[None, 1, None, ..., -1, None], np.s_[2:-1], np.s_[-3:-1, :, -2:],
]
# fmt: on


@pytest.mark.parametrize("key", KEYS, ids=str)
@pytest.mark.parametrize("shape", ["static", "rank", "unknown"])
def test_indexing_is_numpys(key: object, shape: str) -> None:
    x = fc.placeholder(fc.float32, {"static": [4, 5, 6], "rank": [None, 5, None], "unknown": None}[shape])
    y = x[key]
    g = fc.gradients(y * y, x)[0]
    expected = X[key]
    back = np.zeros_like(X)
    back[key] += 2 * expected
    if shape == "static":
        assert y.shape.as_list() == list(expected.shape)
    with fc.Session() as sess:
        value, gradient = sess.run([y, g], {x: X})
    assert y.shape.is_compatible_with(np.shape(value))
    np.testing.assert_array_equal(value, expected)
    np.testing.assert_array_equal(gradient, back)


def test_tensors_variables_and_dimensions_may_be_bounds() -> None:
    x = fc.placeholder(fc.float32, [4, 5, 6])
    i = fc.placeholder(fc.int32, [])
    k = fc.placeholder(fc.int64, [])
    v = fc.Variable(1)
    ys = [
        x[i],
        x[i:],
        x[:i, 1],
        x[i - 1 : i + 1, ::2],
        x[k],
        x[1:k, ::i],
        x[v],
        x[: fc.Dimension(3)],
        x[fc.constant(2)],
        x[:, i : i + 2, ..., v],
    ]
    with fc.Session() as sess:
        sess.run(fc.global_variables_initializer())
        values = sess.run(ys, {x: X, i: 2, k: 3})
    expected = [X[2], X[2:], X[:2, 1], X[1:3, ::2], X[3], X[1:3, ::2], X[1], X[:3], X[2], X[:, 2:4, ..., 1]]
    for y, value, wanted in zip(ys, values, expected, strict=True):
        np.testing.assert_array_equal(value, wanted)
        assert y.shape.is_compatible_with(value.shape)


def test_shapes_that_are_known_in_part_go_through_slices() -> None:
    x = fc.placeholder(fc.float32, [None, 4, 6])
    s = fc.shape(x)
    assert fc.reshape(x, [s[0], s[1] * s[2]]).shape.as_list() == [None, 24]
    assert fc.zeros(s[1:]).shape.as_list() == [4, 6]
    assert fc.zeros(s).shape.as_list() == [None, 4, 6]
    assert fc.zeros(s[::-1]).shape.as_list() == [6, 4, None]
    assert fc.range(s[1]).shape.as_list() == [4]
    assert fc.ones([s[1], 2, s[-1] // 4]).shape.as_list() == [4, 2, 1]
    assert fc.reshape(x, fc.concat([[-1], s[1:2], [s[2]]], 0)).shape.as_list() == [None, 4, 6]


@pytest.mark.parametrize(
    ("key", "error", "match"),
    [
        (np.s_[4], ValueError, "slice index 4 of dimension 0 out of bounds"),
        (np.s_[0, -6], ValueError, "slice index -6 of dimension 1 out of bounds"),
        (np.s_[1, 1, 1, 1], ValueError, "only 3 dims"),
        (np.s_[::0], ValueError, "must be non-zero"),
        (np.s_[..., 0, ...], ValueError, "Multiple ellipses"),
        (1.5, TypeError, "1.5"),
        ("a", TypeError, "'a'"),
        (np.s_[1.0:], TypeError, "1.0"),
        ([0, 1], TypeError, r"\[0, 1\]"),
        (True, TypeError, "True"),
        (np.array([True, False]), TypeError, "mask"),
    ],
)
def test_keys_that_make_no_sense_are_refused(key: object, error: type, match: str) -> None:
    with pytest.raises(error, match=match):
        _ = fc.placeholder(fc.float32, [4, 5, 6])[key]


def test_the_same_keys_are_refused_at_run_when_shapes_were_not_known() -> None:
    x, i = fc.placeholder(fc.float32), fc.placeholder(fc.int32, [])
    ys = [x[4], x[0, -6], x[1, 1, 1, 1], x[::i], x[i + 7]]
    with fc.Session() as sess:
        for y in ys:
            with pytest.raises(fc.errors.InvalidArgumentError, match="strided_slice"):
                sess.run(y, {x: X, i: 0})


def test_slice_and_strided_slice() -> None:
    x = fc.constant(X)
    n = fc.placeholder(fc.int64, [3])
    ys = [
        fc.slice(x, [1, 0, 2], [2, -1, 3]),
        fc.slice(x, [0, 0, 0], n),
        fc.strided_slice(x, [0, 1], [3, 4]),
        fc.strided_slice(x, [3, 0], [0, 5], [-1, 2]),
        fc.strided_slice(x, [1, 1], [0, 0], begin_mask=2, end_mask=3),
        fc.strided_slice(x, n[:1], [4]),
    ]
    with fc.Session() as sess:
        values = sess.run(ys, {n: [1, 2, 3]})
    expected = [X[1:3, :, 2:5], X[:1, :2, :3], X[:3, 1:4], X[3:0:-1, 0:5:2], X[1:, :], X[1:4]]
    for y, value, wanted in zip(ys, values, expected, strict=True):
        np.testing.assert_array_equal(value, wanted)
        assert y.shape.is_compatible_with(value.shape)
    with pytest.raises(ValueError, match="does not fit into dimension 0"):
        fc.slice(x, [3, 0, 0], [2, 1, 1])


def test_tensors_are_not_iterated_by_accident_and_have_no_truth_value() -> None:
    x = fc.placeholder(fc.float32, [3])
    with pytest.raises(TypeError, match="unstack"):
        list(x)
    with pytest.raises(TypeError, match="truth value"):
        bool(x)
    assert (x == x) is True  # noqa: PLR0124 - comparison stays identity, as in graphs it must
    assert (x == fc.constant(1.0)) is False
    assert x in {x: 1}


def test_a_strided_slice_of_a_variable_is_no_place_to_assign_to() -> None:
    v = fc.Variable([1, 2, 3])
    with pytest.raises(ValueError, match=r"var must be None, found .*: a slice of a variable"):
        fc.strided_slice(v, [0], [2], var=v)


def test_bounds_beyond_32_bits_are_cut_to_the_tensor() -> None:
    x = fc.constant([1, 2, 3])
    with fc.Session() as sess:
        np.testing.assert_array_equal(sess.run(x[: 2**63 - 1]), [1, 2, 3])
        np.testing.assert_array_equal(sess.run(x[2**40 :]), [])
        np.testing.assert_array_equal(sess.run(x[-(2**40) : 2]), [1, 2])
