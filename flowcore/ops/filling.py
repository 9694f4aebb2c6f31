"""Values made from a shape or from bounds: fill, zeros, ones, range, linspace."""

from __future__ import annotations

from typing import Any

import numpy as np

from flowcore import dtypes
from flowcore.arguments import whole_number
from flowcore.graph.apply import apply
from flowcore.graph.constants import constant, constant_value, constant_value_as_shape, make_array
from flowcore.graph.conversion import convert_to_tensor
from flowcore.graph.op_def import register
from flowcore.graph.operation import Operation, Tensor
from flowcore.graph.scopes import name_scope
from flowcore.ops import shapes
from flowcore.ops.casts import cast
from flowcore.ops.conversions import holds_tensor, int_argument, int_tensor
from flowcore.ops.shape_ops import rank, reshape, shape
from flowcore.shape import TensorShape, as_shape

__all__ = ["fill", "lin_space", "linspace", "ones", "ones_like", "range", "zeros", "zeros_like"]


def _fill_shape(op: Operation) -> list[TensorShape]:
    shapes.expect_rank(op, 1, 0)
    dims = constant_value(op.inputs[0])
    if dims is not None and (dims < 0).any():
        raise ValueError(f"sizes must be at least 0, found {dims.tolist()}")
    return [constant_value_as_shape(op.inputs[0])]


def _fill_grad(op: Operation, g: Any) -> list[Any]:
    return [None, apply("Sum", g, range(0, rank(g)))]


@register(
    "Fill",
    inputs=["dims: index_type", "value: T"],
    outputs=["output: T"],
    attrs=["T: type", "index_type: {indices} = int32"],
    shape=_fill_shape,
    grad=_fill_grad,
)
def fill(dims: Any, value: Any, name: str | None = None, layout: Any = None) -> Tensor:
    """A tensor with one value in every place.

    Args:
        dims: The sizes: a list, a TensorShape, or a vector of dtype int32 or int64.
        value: A scalar of any dtype.
        name: A name for the operation.
        layout: Not used; there for scripts that pass it.

    Returns:
        A Tensor of value's dtype and shape dims.

    Raises:
        TypeError: dims holds other things than whole numbers.
        ValueError: A size is below 0.
        InvalidArgumentError: value is no scalar (when it runs).

    Example:
        >>> fc.Session().run(fc.fill([2], 7))
        array([7, 7], dtype=int32)
    """
    return apply("Fill", int_argument(dims, "dims"), value, name=name)


def _filled(dims: Any, number: int, dtype: Any, name: str | None, default: str) -> Tensor:
    kind = dtypes.as_dtype(dtype)
    with name_scope(name, default, [dims]) as scope:
        value: Any = (
            ("" if number == 0 else None)
            if kind == dtypes.string
            else bool(number)
            if kind == dtypes.bool
            else number
        )
        if value is None:
            raise TypeError("there are no ones of dtype string")
        if not isinstance(dims, Tensor):
            static = as_shape(dims) if not holds_tensor(dims) else None
            if static is not None and static.is_fully_defined() and (static.num_elements() or 0) < 1000:
                return constant(value, kind, shape=static, name=scope)
        sizes = int_tensor(dims, "shape_as_tensor")
        if sizes.shape.ndims != 1:
            sizes = reshape(sizes, [-1])
        return apply("Fill", sizes, constant(value, kind), name=scope)


def zeros(shape: Any, dtype: Any = dtypes.float32, name: str | None = None, layout: Any = None) -> Tensor:
    """A tensor of zeros; of empty strings, of False.

    Args:
        shape: The sizes: a list, a TensorShape, or a vector of dtype int32 or int64.
        dtype: Any dtype that has values.
        name: A name for the operation.
        layout: Not used; there for scripts that pass it.

    Returns:
        A Tensor of dtype and shape.

    Raises:
        TypeError: dtype is no dtype or has no values, or a size is no whole number.
        ValueError: A size is below 0.

    Example:
        >>> fc.Session().run(fc.zeros([2]))
        array([0., 0.], dtype=float32)
    """
    return _filled(shape, 0, dtype, name, "zeros")


def ones(shape: Any, dtype: Any = dtypes.float32, name: str | None = None, layout: Any = None) -> Tensor:
    """A tensor of ones; of True.

    Args:
        shape: The sizes: a list, a TensorShape, or a vector of dtype int32 or int64.
        dtype: A number dtype or bool.
        name: A name for the operation.
        layout: Not used; there for scripts that pass it.

    Returns:
        A Tensor of dtype and shape.

    Raises:
        TypeError: dtype is another, or a size is no whole number.
        ValueError: A size is below 0.

    Example:
        >>> fc.Session().run(fc.ones([2], fc.int32))
        array([1, 1], dtype=int32)
    """
    return _filled(shape, 1, dtype, name, "ones")


register(
    "ZerosLike",
    inputs=["x: T"],
    outputs=["y: T"],
    attrs=["T: type"],
    shape=shapes.same,
    grad=None,
    holds_nothing=True,
)


register(
    "OnesLike", inputs=["x: T"], outputs=["y: T"], attrs=["T: {numbers, bool}"], shape=shapes.same, grad=None
)


def zeros_like(tensor: Any, dtype: Any = None, name: str | None = None, optimize: bool = True) -> Tensor:
    """Zeros in the shape of another tensor.

    Args:
        tensor: A Tensor of any dtype and shape, or what converts to one.
        dtype: The dtype of the zeros; None: that of tensor.
        name: A name for the operation.
        optimize: Not used; there for scripts that pass it.

    Returns:
        A Tensor of dtype and tensor's shape.

    Raises:
        TypeError: tensor does not convert to a tensor, or dtype is no dtype.

    Example:
        >>> fc.Session().run(fc.zeros_like([[1, 2]]))
        array([[0, 0]], dtype=int32)
    """
    with name_scope(name, "zeros_like", [tensor]) as scope:
        tensor = convert_to_tensor(tensor, name="tensor")
        kind = tensor.dtype if dtype is None else dtypes.as_dtype(dtype)
        if kind == tensor.dtype and (not tensor.shape.is_fully_defined() or kind == dtypes.variant):
            return apply("ZerosLike", tensor, name=scope)
        return zeros(shape(tensor) if not tensor.shape.is_fully_defined() else tensor.shape, kind, name=scope)


def ones_like(tensor: Any, dtype: Any = None, name: str | None = None, optimize: bool = True) -> Tensor:
    """Ones in the shape of another tensor.

    Args:
        tensor: A Tensor of any dtype and shape, or what converts to one.
        dtype: The dtype of the ones, a number dtype or bool; None: that of tensor.
        name: A name for the operation.
        optimize: Not used; there for scripts that pass it.

    Returns:
        A Tensor of dtype and tensor's shape.

    Raises:
        TypeError: tensor does not convert to a tensor, or dtype is another.

    Example:
        >>> fc.Session().run(fc.ones_like([[1, 2]]))
        array([[1, 1]], dtype=int32)
    """
    with name_scope(name, "ones_like", [tensor]) as scope:
        tensor = convert_to_tensor(tensor, name="tensor")
        kind = tensor.dtype if dtype is None else dtypes.as_dtype(dtype)
        return ones(shape(tensor) if not tensor.shape.is_fully_defined() else tensor.shape, kind, name=scope)


_RANGE_ORDER = [dtypes.int32, dtypes.int64, dtypes.float32, dtypes.float64]


def _range_value(op: Operation) -> list[Any]:
    parts = [constant_value(t) for t in op.inputs]
    if any(p is None or p.ndim for p in parts) or parts[2] == 0 or not op.inputs[0].dtype.is_integer:
        return [None]
    start, limit, delta = (int(p) for p in parts)
    return [
        None if abs((limit - start) // delta) > 1024 else np.arange(start, limit, delta, dtype=parts[0].dtype)
    ]


def _range_shape(op: Operation) -> Any:
    for i in (0, 1, 2):
        shapes.expect_rank(op, i, 0)
    parts = [constant_value(t) for t in op.inputs]
    if any(p is None for p in parts):
        return [TensorShape([None])]
    start, limit, delta = parts
    if delta == 0:
        raise ValueError("Requires delta != 0")
    if (delta > 0 and start > limit) or (delta < 0 and start < limit):
        raise ValueError(f"start {start}, limit {limit} and delta {delta} must point the same way")
    return [TensorShape([_range_size(start, limit, delta)])]


def _range_size(start: Any, limit: Any, delta: Any) -> int | None:
    """How many elements a range has.

    Floating numbers are divided in their own type, as the kernel does: in float32 (1 - 0) / 0.01 is
    100, in float64 the same float32 numbers would give a little more, so 101. None: not finite.
    """
    if start.dtype.kind == "i":
        return -((int(start) - int(limit)) // int(delta))
    with np.errstate(all="ignore"):
        count = np.ceil(np.abs((limit - start) / delta))
    return int(count) if np.isfinite(count) else None


register(
    "Range",
    inputs=["start: Tidx", "limit: Tidx", "delta: Tidx"],
    outputs=["output: Tidx"],
    attrs=["Tidx: {int32, int64, float32, float64} = int32"],
    shape=_range_shape,
    value=_range_value,
    grad=None,
)


def range(start: Any, limit: Any = None, delta: Any = 1, dtype: Any = None, name: str = "range") -> Tensor:
    """The numbers from start up to, but not including, limit in steps of delta.

    Args:
        start: A scalar of dtype int32, int64, float32 or float64. Where it is the only number, it
            is the limit, and the first is 0.
        limit: A scalar likewise.
        delta: The step, a scalar likewise; below 0 to count down.
        dtype: The dtype of the result; None: the widest of the three.
        name: A name for the operation.

    Returns:
        A vector of dtype.

    Raises:
        TypeError: A number has another dtype, or does not fit dtype.
        ValueError: delta is 0, or points away from limit.

    Example:
        >>> fc.Session().run(fc.range(1, 10, 3))
        array([1, 4, 7], dtype=int32)
    """
    if limit is None:
        start, limit = 0, start
    kind = None if dtype is None else dtypes.as_dtype(dtype)
    with name_scope(name, "Range", [start, limit, delta]) as scope:
        given = {"start": start, "limit": limit, "delta": delta}
        parts = {n: _range_part(value, kind, n) for n, value in given.items()}
        found = [p.dtype if isinstance(p, Tensor) else _dtype_of(p) for p in parts.values()]
        widest = kind or max(found, key=lambda t: _RANGE_ORDER.index(t) if t in _RANGE_ORDER else -1)
        typed = [
            cast(p, widest) if isinstance(p, Tensor) else constant(p, widest, name=n)
            for n, p in parts.items()
        ]
        return apply("Range", *typed, name=scope)


def _range_part(value: Any, kind: Any, name: str) -> Any:
    """A Tensor, or a Python number: that becomes one of the result's dtype at once, because 0.01 is
    another number in float32.
    """
    if type(value) in (int, float):
        return value
    part = value if isinstance(value, Tensor) else convert_to_tensor(value, kind, name)
    if part.dtype.base_dtype not in dtypes.GROUPS["reals"]:
        raise TypeError(f"{name} must be a real number, found {part.dtype.name}")
    return part


def _dtype_of(number: float) -> dtypes.DType:
    return dtypes.as_dtype(make_array(number).dtype)


def _lin_space_shape(op: Operation) -> Any:
    for i in (0, 1, 2):
        shapes.expect_rank(op, i, 0)
    count = constant_value(op.inputs[2])
    return [TensorShape([None if count is None else max(int(count), 0)])]


register(
    "LinSpace",
    inputs=["start: T", "stop: T", "num: Tidx"],
    outputs=["output: T"],
    attrs=["T: {float32, float64}", "Tidx: {indices} = int32"],
    shape=_lin_space_shape,
    grad=None,
)


def linspace(start: Any, stop: Any, num: Any, name: str | None = None, axis: int = 0) -> Tensor:
    """Evenly spaced numbers from start to stop, both included.

    Args:
        start: A scalar of dtype float32 or float64, or what converts to one.
        stop: A scalar of start's dtype.
        num: How many, at least 1: a whole number or a scalar of dtype int32 or int64.
        name: A name for the operation.
        axis: 0 or -1, the one axis of the result.

    Returns:
        A Tensor of start's dtype and shape [num].

    Raises:
        TypeError: A number has another dtype.
        ValueError: One of the three is no scalar, or axis is another.
        InvalidArgumentError: num is below 1 (when it runs).

    Example:
        >>> fc.Session().run(fc.linspace(0.0, 1.0, 5))
        array([0.  , 0.25, 0.5 , 0.75, 1.  ], dtype=float32)
    """
    whole_number(axis, "axis", -1, 0)
    return apply("LinSpace", start, stop, num, name=name)


lin_space = linspace
