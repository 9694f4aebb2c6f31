"""Checks fail with what broke them, early where it is known; clipping keeps norms within bounds and
gradients finite.
"""

from __future__ import annotations

import numpy as np
import pytest

import flowcore as fc


def guarded(check, feeds=None):
    with fc.control_dependencies([check]):
        done = fc.constant(1)
    with fc.Session() as sess:
        return sess.run(fc.identity(done), feeds)


COMPARISONS = [
    (fc.assert_equal, [1, 2], [1, 3]),
    (fc.assert_none_equal, [1, 2], [0, 2]),
    (fc.assert_less, [1, 2], 2),
    (fc.assert_less_equal, [1, 2], [1, 1]),
    (fc.assert_greater, [1, 2], 1),
    (fc.assert_greater_equal, [1, 2], 2),
]


@pytest.mark.parametrize(("check", "x", "y"), COMPARISONS, ids=lambda v: getattr(v, "__name__", None))
def test_comparisons_fail_at_once_where_values_are_known_and_else_in_the_run(check, x, y) -> None:
    with pytest.raises(fc.errors.InvalidArgumentError, match="is not true everywhere"):
        check(x, y)
    p = fc.placeholder(fc.int32, [2])
    with pytest.raises(
        fc.errors.InvalidArgumentError, match=r"(?s)my words.*is not true everywhere.*\[1 2\]"
    ):
        guarded(check(p, y, message="my words"), {p: x})
    holds = (
        check(fc.constant(x), fc.constant([0, 0]))
        if "greater" in check.__name__
        else check(fc.zeros([0]), fc.zeros([0]))
    )
    assert holds.type == "Assert"
    with pytest.raises(ValueError, match="broadcast"):
        check(fc.placeholder(fc.float32, [2]), fc.placeholder(fc.float32, [3]))


@pytest.mark.parametrize(
    ("check", "good", "bad"),
    [
        (fc.assert_positive, 1.0, 0.0),
        (fc.assert_negative, -1.0, 0.0),
        (fc.assert_non_negative, 0.0, -1.0),
        (fc.assert_non_positive, 0.0, 1.0),
    ],
    ids=lambda v: getattr(v, "__name__", None),
)
def test_signs(check, good: float, bad: float) -> None:
    p = fc.placeholder(fc.float32)
    op = check(p)
    assert guarded(op, {p: [good, good]}) == 1
    assert guarded(op, {p: np.zeros((0, 3))}) == 1
    for value in (bad, np.nan):
        with pytest.raises(fc.errors.InvalidArgumentError, match="is not true everywhere"):
            guarded(op, {p: [good, value]})
    with pytest.raises(fc.errors.InvalidArgumentError, match="is not true everywhere"):
        check([bad])


def test_ranks_and_dtypes() -> None:
    assert guarded(fc.assert_rank(fc.ones([2]), 1)) == 1
    assert guarded(fc.assert_rank_at_least(fc.ones([2, 2]), 1)) == 1
    with pytest.raises(ValueError, match="must be of rank 2"):
        fc.assert_rank(fc.ones([2]), 2)
    with pytest.raises(ValueError, match="rank at least 2"):
        fc.assert_rank_at_least(fc.ones([2]), 2)
    with pytest.raises(ValueError, match="whole number"):
        fc.assert_rank(fc.ones([2]), 1.5)
    p = fc.placeholder(fc.float32)
    with pytest.raises(fc.errors.InvalidArgumentError, match=r"must be of rank.*\[2\]"):
        guarded(fc.assert_rank(p, 2), {p: [1.0]})
    assert guarded(fc.assert_rank_at_least(p, 1), {p: [1.0]}) == 1
    assert fc.assert_integer(fc.constant(1)).type == "NoOp"
    with pytest.raises(TypeError, match="float32"):
        fc.assert_integer(fc.constant(1.0))
    assert [
        fc.is_numeric_tensor(v)
        for v in (fc.constant(1), fc.constant(1j), fc.constant("a"), fc.constant(True), 3)
    ] == [True, True, False, False, False]


def test_order() -> None:
    xs = [[1, 2, 2], [1.0, 2.0], [], [[1, 2], [3, 3]], [2, 1]]
    with fc.Session() as sess:
        assert sess.run([fc.is_non_decreasing(x) for x in xs]) == [True, True, True, True, False]
        assert sess.run([fc.is_strictly_increasing(x) for x in xs]) == [False, True, True, False, False]
    with pytest.raises(TypeError, match="string"):
        fc.is_non_decreasing(["a"])


def test_numbers_that_are_not_finite_are_found_where_they_arise() -> None:
    p = fc.placeholder(fc.float32, [2], name="p")
    y = fc.verify_tensor_all_finite(p, "p must be finite")
    fc.log(p, name="logarithm")
    everything = fc.add_check_numerics_ops()
    with fc.Session() as sess:
        np.testing.assert_array_equal(sess.run(y, {p: [1, 2]}), [1, 2])
        sess.run(everything, {p: [1, 2]})
        with pytest.raises(fc.errors.InvalidArgumentError, match="p must be finite"):
            sess.run(y, {p: [1, np.inf]})
        with pytest.raises(fc.errors.InvalidArgumentError, match="logarithm:0"):
            sess.run(everything, {p: [1, 0]})
    with pytest.raises(ValueError, match="message"):
        fc.verify_tensor_all_finite(p)


def test_clip_by_norm_scales_down_only_and_has_a_gradient_at_zero() -> None:
    x = fc.placeholder(fc.float64, [2, 2])
    value = np.array([[3.0, 4.0], [0.3, 0.4]])
    whole, rows = fc.clip_by_norm(x, 1.0), fc.clip_by_norm(x, 1.0, axes=[1])
    g = fc.gradients(whole, x)[0]
    slices = fc.clip_by_norm(
        fc.IndexedSlices(fc.constant([[3.0, 4.0]]), fc.constant([1]), fc.constant([4, 2])), 2.5
    )
    assert isinstance(slices, fc.IndexedSlices)
    with fc.Session() as sess:
        a, b, c = sess.run([whole, rows, slices.values], {x: value})
        np.testing.assert_allclose(a, value / np.linalg.norm(value))
        np.testing.assert_allclose(b, [[0.6, 0.8], [0.3, 0.4]])
        np.testing.assert_allclose(c, [[1.5, 2.0]])
        np.testing.assert_array_equal(sess.run(g, {x: np.zeros((2, 2))}), np.ones((2, 2)))
        assert fc.test.compute_gradient_error(x, [2, 2], whole, [2, 2], value, 1e-6) < 1e-8


def test_clip_by_global_norm_scales_all_by_one_factor() -> None:
    a, b = (
        fc.constant([3.0, 0.0]),
        fc.IndexedSlices(fc.constant([[4.0]]), fc.constant([0]), fc.constant([5, 1])),
    )
    clipped, norm = fc.clip_by_global_norm([a, None, b], 2.5)
    kept, _ = fc.clip_by_global_norm([a], 10.0)
    broken, _ = fc.clip_by_global_norm([a], 1.0, use_norm=fc.constant(np.inf, fc.float32))
    assert clipped[1] is None
    with fc.Session() as sess:
        assert sess.run(norm) == 5
        np.testing.assert_allclose(sess.run(clipped[0]), [1.5, 0])
        np.testing.assert_allclose(sess.run(clipped[2]).values, [[2.0]])
        np.testing.assert_array_equal(sess.run(kept[0]), [3, 0])
        assert np.isnan(sess.run(broken[0])).all()
        np.testing.assert_allclose(sess.run(fc.clip_by_average_norm(a, 1.0)), [2.0, 0])
    with pytest.raises(TypeError, match="list of tensors"):
        fc.clip_by_global_norm(a, 1.0)
    with pytest.raises(ValueError, match="at least one"):
        fc.global_norm([None])
