"""flowcore.test: analytic gradients beside numeric ones."""

from __future__ import annotations

import numpy as np
import pytest

import flowcore as fc


def test_jacobians_of_real_functions() -> None:
    a, b = fc.placeholder(fc.float64, [2, 3]), fc.placeholder(fc.float64, [3, 1])
    y = fc.matmul(a, b)
    with fc.Session():
        (da, na), (db, nb) = fc.test.compute_gradient([a, b], [[2, 3], [3, 1]], y, [2, 1], delta=1e-4)
        assert da.shape == na.shape == (6, 2)
        assert db.shape == nb.shape == (3, 2)
        np.testing.assert_allclose(da, na, atol=1e-8)
        np.testing.assert_allclose(db, nb, atol=1e-8)
        assert fc.test.compute_gradient_error([a, b], [[2, 3], [3, 1]], y, [2, 1]) < 1e-9


def test_a_wrong_gradient_shows() -> None:
    wrong = fc.custom_gradient(lambda x: (x * x, lambda g: g * x))
    x = fc.placeholder(fc.float64, [])
    with fc.Session():
        assert fc.test.compute_gradient_error(x, [], wrong(x), [], 3.0) == pytest.approx(3.0, abs=1e-6)


def test_complex_numbers_count_as_two() -> None:
    z = fc.placeholder(fc.complex128, [2])
    with fc.Session():
        analytic, numeric = fc.test.compute_gradient(z, [2], fc.exp(z) * fc.conj(z), [2], delta=1e-5)
        assert analytic.shape == (4, 4)
        np.testing.assert_allclose(analytic, numeric, atol=1e-8)


def test_empty_tensors_initialisation_and_other_feeds() -> None:
    x, scale, v = (
        fc.placeholder(fc.float64, [0, 2]),
        fc.placeholder(fc.float64, []),
        fc.Variable(2.0, dtype=fc.float64),
    )
    y = fc.placeholder(fc.float64, [3])
    with fc.Session():
        assert fc.test.compute_gradient_error(x, [0, 2], x * 2.0, [0, 2]) == 0
        analytic, _ = fc.test.compute_gradient(
            y, [3], y * scale * v, [3], init_targets=[v.initializer], extra_feed_dict={scale: 5.0}
        )
        np.testing.assert_allclose(analytic, np.eye(3) * 10)


def test_what_does_not_fit_is_refused() -> None:
    x, i = fc.placeholder(fc.float32, [2]), fc.placeholder(fc.int32, [2])
    with pytest.raises(ValueError, match="default session"):
        fc.test.compute_gradient(x, [2], x * 2.0, [2])
    with fc.Session():
        with pytest.raises(ValueError, match="does not depend"):
            fc.test.compute_gradient(x, [2], fc.constant([1.0]), [1])
        with pytest.raises(TypeError, match="int32"):
            fc.test.compute_gradient(i, [2], fc.cast(i, fc.float32), [2])
        with pytest.raises(ValueError, match=r"\[3\], not \[2\]"):
            fc.test.compute_gradient(x, [2], x * 2.0, [2], x_init_value=[1, 2, 3])
        with pytest.raises(ValueError, match="2 shapes"):
            fc.test.compute_gradient([x], [[2], [2]], x, [2])


def test_variables_are_moved_like_tensors() -> None:
    """In Fortran's order too: a copy that is not changed would give a derivative of 0."""
    v = fc.Variable([[1.0, 2.0], [3.0, 4.0]], dtype=fc.float64)
    point = np.asfortranarray([[1.0, 2.0], [3.0, 4.0]])
    with fc.Session() as sess:
        sess.run(v.initializer)
        analytic, numeric = fc.test.compute_gradient(v, [2, 2], v * v, [2, 2], point, extra_feed_dict={})
        np.testing.assert_allclose(analytic, np.diag([2.0, 4.0, 6.0, 8.0]))
        np.testing.assert_allclose(numeric, analytic, atol=1e-6)
        assert sess.run(v).tolist() == point.tolist()


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        ({"x": 3}, TypeError, "x must be a Tensor, found 3"),
        ({"y": "y"}, TypeError, "y must be a Tensor, found 'y'"),
        ({"x_shape": "a"}, TypeError, "x_shape"),
        ({"x_shape": [3]}, ValueError, r"x_shape is \(3,\), but 'x:0' has shape \(2,\)"),
        ({"y_shape": None}, ValueError, "y_shape must be known in full"),
        ({"y_shape": [2, 2]}, ValueError, r"y_shape is \(2, 2\), but 'y:0' has shape \(2,\)"),
        ({"delta": 0}, ValueError, "delta must be a positive number, found 0"),
        ({"delta": float("nan")}, ValueError, "delta must be a positive number"),
        ({"delta": "a"}, TypeError, "delta must be a number"),
        ({"extra_feed_dict": [1]}, TypeError, "extra_feed_dict"),
        ({"x_init_value": "a"}, TypeError, "the initial value of 'x:0'"),
    ],
)
def test_every_argument_is_checked(wrong: dict, error: type[Exception], message: str) -> None:
    x = fc.placeholder(fc.float32, [2], name="x")
    arguments = {"x": x, "x_shape": [2], "y": fc.multiply(x, 2.0, name="y"), "y_shape": [2], **wrong}
    with fc.Session(), pytest.raises(error, match=message):
        fc.test.compute_gradient(**arguments)
