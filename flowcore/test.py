"""flowcore.test: helpers for tests of graphs; above all, analytic gradients beside numeric ones.

Owns: compute_gradient, compute_gradient_error, get_temp_dir, is_built_with_cuda, main.
"""

from __future__ import annotations

import math
import tempfile
import unittest
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from flowcore import arguments
from flowcore._missing_names import module_getattr
from flowcore.gradients import gradients
from flowcore.graph import constants
from flowcore.graph.conversion import convert_to_tensor
from flowcore.graph.operation import Tensor
from flowcore.ops.constant_ops import placeholder
from flowcore.ops.variables import Variable
from flowcore.runtime.session import get_default_session
from flowcore.shape import TensorShape

__all__ = ["compute_gradient", "compute_gradient_error", "get_temp_dir", "is_built_with_cuda", "main"]

main = unittest.main


def get_temp_dir() -> str:
    """A new folder for a test's files.

    Returns:
        Its path, a str. It stays until the caller removes it.

    Example:
        >>> import os
        >>> os.path.isdir(fc.test.get_temp_dir())
        True
    """
    return tempfile.mkdtemp(prefix="flowcore-test-")


def is_built_with_cuda() -> bool:
    """Whether this build uses CUDA: never, flowcore needs none.

    Returns:
        False.

    Example:
        >>> fc.test.is_built_with_cuda()
        False
    """
    return False


def compute_gradient(
    x: Any,
    x_shape: Any,
    y: Any,
    y_shape: Any,
    x_init_value: Any = None,
    delta: float = 1e-3,
    init_targets: Any = None,
    extra_feed_dict: Any = None,
) -> Any:
    """The Jacobian of y with respect to x, by the graph's gradients and by central differences.

    It runs in the default session.

    Args:
        x: A floating or complex Tensor or Variable, or a list of them.
        x_shape: Its shape, or a list of shapes.
        y: A floating or complex Tensor.
        y_shape: Its shape.
        x_init_value: Where to take the derivative, an array or a list of arrays; None: numbers in
            [0, 1) that are the same at every call.
        delta: The step of the differences.
        init_targets: Operations to run first.
        extra_feed_dict: What else to feed.

    Returns:
        (analytic, numeric), or a list of such pairs: arrays of shape [size of x, size of y], in
        which a complex number counts as two real ones.

    Raises:
        ValueError: There is no default session, a value has another shape, delta is not positive,
            or y does not depend on x.
        TypeError: An argument is of another kind, or a dtype has no gradient.

    Example:
        >>> x = fc.placeholder(fc.float64, [1])
        >>> with fc.Session():
        ...     analytic, numeric = fc.test.compute_gradient(x, [1], x * x, [1], np.array([3.0]))
        >>> analytic
        array([[6.]])
    """
    session = get_default_session()
    if session is None:
        raise ValueError("compute_gradient needs a default session: use it inside `with flowcore.Session():`")
    several = isinstance(x, (list, tuple))
    xs, x_shapes = (list(x), arguments.listed(x_shape, "x_shape")) if several else ([x], [x_shape])
    given = (
        [None] * len(xs)
        if x_init_value is None
        else arguments.listed(x_init_value, "x_init_value")
        if several
        else [x_init_value]
    )
    if not len(xs) == len(x_shapes) == len(given):
        raise ValueError(
            f"passed {len(x_shapes)} shapes and {len(given)} initial values for {len(xs)} tensors"
        )
    points = [_point(t, _dims(t, s, "x"), v) for t, s, v in zip(xs, x_shapes, given, strict=True)]
    dims = _dims(y, y_shape, "y")
    step = _positive(delta, "delta")
    others = {} if extra_feed_dict is None else extra_feed_dict
    if not isinstance(others, Mapping):
        raise TypeError(f"extra_feed_dict must map tensors to values, found {arguments.described(others)}")
    if init_targets is not None:
        session.run(init_targets)
    feeds = {**others, **dict(zip(xs, points, strict=True))}
    pairs = [
        (_analytic(session, t, p, y, dims, feeds), _numeric(session, t, p, y, step, feeds))
        for t, p in zip(xs, points, strict=True)
    ]
    return pairs if several else pairs[0]


def compute_gradient_error(
    x: Any,
    x_shape: Any,
    y: Any,
    y_shape: Any,
    x_init_value: Any = None,
    delta: float = 1e-3,
    init_targets: Any = None,
    extra_feed_dict: Any = None,
) -> float:
    """The greatest difference between an analytic and a numeric derivative.

    Args:
        x: A floating or complex Tensor or Variable, or a list of them.
        x_shape: Its shape, or a list of shapes.
        y: A floating or complex Tensor.
        y_shape: Its shape.
        x_init_value: Where to take the derivative, an array or a list of arrays; None: numbers in
            [0, 1) that are the same at every call.
        delta: The step of the differences.
        init_targets: Operations to run first.
        extra_feed_dict: What else to feed.

    Returns:
        A float.

    Raises:
        ValueError: There is no default session, a value has another shape, delta is not positive,
            or y does not depend on x.
        TypeError: An argument is of another kind, or a dtype has no gradient.

    Example:
        >>> x = fc.placeholder(fc.float64, [2])
        >>> with fc.Session():
        ...     print(fc.test.compute_gradient_error(x, [2], fc.square(x), [2]) < 1e-6)
        True
    """
    result = compute_gradient(x, x_shape, y, y_shape, x_init_value, delta, init_targets, extra_feed_dict)
    pairs = result if isinstance(x, (list, tuple)) else [result]
    return float(
        max((np.abs(analytic - numeric).max() for analytic, numeric in pairs if analytic.size), default=0.0)
    )


def _dims(tensor: Any, shape: Any, what: str) -> list[int]:
    """`shape` as numbers.

    Raises TypeError unless `tensor` is a Tensor or Variable that can have a gradient, and ValueError
    where the shape is not that of the tensor, or unknown in part.
    """
    if not isinstance(tensor, (Tensor, Variable)):
        raise TypeError(f"{what} must be a Tensor, found {arguments.described(tensor)}")
    if not (tensor.dtype.is_floating or tensor.dtype.is_complex):
        raise TypeError(
            f"{what} must be floating or complex to have a gradient, found '{tensor.name}' of"
            f" {tensor.dtype.name}"
        )
    try:
        found = TensorShape(shape)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{what}_shape: {error}") from None
    if not found.is_fully_defined():
        raise ValueError(f"{what}_shape must be known in full, found {found}")
    if not found.is_compatible_with(tensor.shape):
        raise ValueError(f"{what}_shape is {found}, but '{tensor.name}' has shape {tensor.shape}")
    return [size for size in found.as_list() if size is not None]


def _positive(value: Any, what: str) -> float:
    number = arguments.real_number(value, what)
    if not (number > 0 and math.isfinite(number)):
        raise ValueError(f"{what} must be a positive number, found {number}")
    return number


def _point(x: Tensor, shape: Sequence[int], value: Any) -> np.ndarray:
    if value is None:
        draw = np.random.default_rng(0)
        value = draw.random(shape) + (1j * draw.random(shape) if x.dtype.is_complex else 0)
    try:
        array = np.array(constants.make_array(value, x.dtype), order="C")
    except (TypeError, ValueError) as error:
        raise type(error)(f"the initial value of '{x.name}': {error}") from None
    if list(array.shape) != list(shape):
        raise ValueError(f"the initial value of '{x.name}' has shape {list(array.shape)}, not {list(shape)}")
    return array


def _reals(array: np.ndarray) -> np.ndarray:
    """A flat, writable view of an array's numbers, real and imaginary parts apart."""
    flat = array.reshape(-1)
    return flat.view(flat.real.dtype) if np.iscomplexobj(flat) else flat


def _analytic(
    session: Any, x: Tensor, point: np.ndarray, y: Tensor, y_shape: list[int], feeds: Mapping[Tensor, Any]
) -> np.ndarray:
    """One column per number of y: the gradient when that number alone receives 1."""
    dy = placeholder(y.dtype, y_shape)
    dx = gradients(y, x, dy)[0]
    if dx is None:
        raise ValueError(f"'{y.name}' does not depend on '{x.name}' in a differentiable way")
    dx = convert_to_tensor(dx)
    seed = np.zeros(y_shape, y.dtype.as_numpy_dtype)
    jacobian = np.zeros((_reals(point).size, _reals(seed).size))
    for column in range(jacobian.shape[1]):
        _reals(seed)[column] = 1
        jacobian[:, column] = _reals(np.ascontiguousarray(session.run(dx, {**feeds, dy: seed.copy()})))
        _reals(seed)[column] = 0
    return jacobian


def _numeric(
    session: Any, x: Tensor, point: np.ndarray, y: Tensor, delta: float, feeds: Mapping[Tensor, Any]
) -> np.ndarray:
    """One row per number of x: the change of y over the distance of two points, one on each side."""
    rows = []
    for i in range(_reals(point).size):
        sides = []
        for sign in (1, -1):
            moved = point.copy()
            _reals(moved)[i] += sign * delta
            value = np.array(session.run(y, {**feeds, x: moved}))
            sides.append((_reals(value).astype(np.float64), float(_reals(moved)[i])))
        rows.append((sides[0][0] - sides[1][0]) / (sides[0][1] - sides[1][1]))
    return np.array(rows) if rows else np.zeros((0, _reals(np.array(session.run(y, feeds))).size))


if not TYPE_CHECKING:  # type checkers flag a name that is not there without it
    __getattr__ = module_getattr(__name__)
