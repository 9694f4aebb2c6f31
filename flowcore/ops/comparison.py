"""Comparison, logic and choice: equal to less, and/or/not and their bitwise kin, tests for NaN and
infinity, maximum and minimum, where, and the comparison operators of Tensor. Long because each
function is described in full.

Must never import casts, arithmetic or functions: those are built on it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, overload

import numpy as np

from flowcore import dtypes
from flowcore.graph.apply import apply
from flowcore.graph.conversion import convert_to_tensor
from flowcore.graph.op_def import Decorator, register
from flowcore.graph.operation import IndexedSlices, Operation, Tensor
from flowcore.graph.scopes import name_scope
from flowcore.ops import shapes
from flowcore.ops.elementwise import binary, define_operator, known, unary, unbroadcast

__all__ = [
    "check_numerics", "clip_by_value", "equal", "greater", "greater_equal", "is_finite", "is_inf",
    "is_nan", "less", "less_equal", "logical_and", "logical_not", "logical_or", "logical_xor",
    "maximum", "minimum", "not_equal", "select", "where",
]  # fmt: skip


def _compare(op_type: str, types: str, commutative: bool = False) -> Decorator:
    return register(
        op_type,
        inputs=["x: T", "y: T"],
        outputs=["z: bool"],
        attrs=[f"T: {types}"],
        shape=shapes.broadcast,
        grad=None,
        commutative=commutative,
    )


@_compare("Equal", "{numbers, bool, string}", commutative=True)
def equal(x: Any, y: Any, name: str | None = None) -> Tensor:
    """x == y, element by element; NaN equals nothing.

    Args:
        x: A Tensor of a floating, integer, complex, bool or string dtype, or what converts to one.
        y: A Tensor of x's dtype, or what converts to it; its shape broadcasts against x's.
        name: A name for the operation.

    Returns:
        A Tensor of dtype bool, of the shape that they broadcast to.

    Raises:
        TypeError: The dtypes differ, or are others.
        ValueError: The shapes do not broadcast.

    Example:
        >>> fc.Session().run(fc.equal([1, 2], 2))
        array([False,  True])
    """
    return apply("Equal", x, y, name=name)


@_compare("NotEqual", "{numbers, bool, string}", commutative=True)
def not_equal(x: Any, y: Any, name: str | None = None) -> Tensor:
    """x != y, element by element.

    Args:
        x: A Tensor of a floating, integer, complex, bool or string dtype, or what converts to one.
        y: A Tensor of x's dtype, or what converts to it; its shape broadcasts against x's.
        name: A name for the operation.

    Returns:
        A Tensor of dtype bool, of the shape that they broadcast to.

    Raises:
        TypeError: The dtypes differ, or are others.
        ValueError: The shapes do not broadcast.

    Example:
        >>> fc.Session().run(fc.not_equal([1, 2], 2))
        array([ True, False])
    """
    return apply("NotEqual", x, y, name=name)


@_compare("Less", "{reals}")
def less(x: Any, y: Any, name: str | None = None) -> Tensor:
    """x < y, element by element.

    Args:
        x: A Tensor of a floating or integer dtype, or what converts to one.
        y: A Tensor of x's dtype, or what converts to it; its shape broadcasts against x's.
        name: A name for the operation.

    Returns:
        A Tensor of dtype bool, of the shape that they broadcast to.

    Raises:
        TypeError: The dtypes differ, or are others.
        ValueError: The shapes do not broadcast.

    Example:
        >>> fc.Session().run(fc.less([1, 2, 3], 2))
        array([ True, False, False])
    """
    return apply("Less", x, y, name=name)


@_compare("LessEqual", "{reals}")
def less_equal(x: Any, y: Any, name: str | None = None) -> Tensor:
    """x <= y, element by element.

    Args:
        x: A Tensor of a floating or integer dtype, or what converts to one.
        y: A Tensor of x's dtype, or what converts to it; its shape broadcasts against x's.
        name: A name for the operation.

    Returns:
        A Tensor of dtype bool, of the shape that they broadcast to.

    Raises:
        TypeError: The dtypes differ, or are others.
        ValueError: The shapes do not broadcast.

    Example:
        >>> fc.Session().run(fc.less_equal([1, 2, 3], 2))
        array([ True,  True, False])
    """
    return apply("LessEqual", x, y, name=name)


@_compare("Greater", "{reals}")
def greater(x: Any, y: Any, name: str | None = None) -> Tensor:
    """x > y, element by element.

    Args:
        x: A Tensor of a floating or integer dtype, or what converts to one.
        y: A Tensor of x's dtype, or what converts to it; its shape broadcasts against x's.
        name: A name for the operation.

    Returns:
        A Tensor of dtype bool, of the shape that they broadcast to.

    Raises:
        TypeError: The dtypes differ, or are others.
        ValueError: The shapes do not broadcast.

    Example:
        >>> fc.Session().run(fc.greater([1, 2, 3], 2))
        array([False, False,  True])
    """
    return apply("Greater", x, y, name=name)


@_compare("GreaterEqual", "{reals}")
def greater_equal(x: Any, y: Any, name: str | None = None) -> Tensor:
    """x >= y, element by element.

    Args:
        x: A Tensor of a floating or integer dtype, or what converts to one.
        y: A Tensor of x's dtype, or what converts to it; its shape broadcasts against x's.
        name: A name for the operation.

    Returns:
        A Tensor of dtype bool, of the shape that they broadcast to.

    Raises:
        TypeError: The dtypes differ, or are others.
        ValueError: The shapes do not broadcast.

    Example:
        >>> fc.Session().run(fc.greater_equal([1, 2, 3], 2))
        array([False,  True,  True])
    """
    return apply("GreaterEqual", x, y, name=name)


def _test(op_type: str) -> Decorator:
    return register(
        op_type, inputs=["x: T"], outputs=["y: bool"], attrs=["T: {floats}"], shape=shapes.same, grad=None
    )


@_test("IsNan")
def is_nan(x: Any, name: str | None = None) -> Tensor:
    """True where x is NaN.

    Args:
        x: A Tensor of a floating dtype, or what converts to one.
        name: A name for the operation.

    Returns:
        A Tensor of dtype bool and x's shape.

    Raises:
        TypeError: x has another dtype.

    Example:
        >>> fc.Session().run(fc.is_nan([1.0, np.inf, np.nan]))
        array([False, False,  True])
    """
    return apply("IsNan", x, name=name)


@_test("IsInf")
def is_inf(x: Any, name: str | None = None) -> Tensor:
    """True where x is infinite.

    Args:
        x: A Tensor of a floating dtype, or what converts to one.
        name: A name for the operation.

    Returns:
        A Tensor of dtype bool and x's shape.

    Raises:
        TypeError: x has another dtype.

    Example:
        >>> fc.Session().run(fc.is_inf([1.0, np.inf, np.nan]))
        array([False,  True, False])
    """
    return apply("IsInf", x, name=name)


@_test("IsFinite")
def is_finite(x: Any, name: str | None = None) -> Tensor:
    """True where x is neither infinite nor NaN.

    Args:
        x: A Tensor of a floating dtype, or what converts to one.
        name: A name for the operation.

    Returns:
        A Tensor of dtype bool and x's shape.

    Raises:
        TypeError: x has another dtype.

    Example:
        >>> fc.Session().run(fc.is_finite([1.0, np.inf, np.nan]))
        array([ True, False, False])
    """
    return apply("IsFinite", x, name=name)


# ---- logic ----------------------------------------


@register("LogicalNot", inputs=["x: bool"], outputs=["y: bool"], shape=shapes.same, grad=None)
def logical_not(x: Any, name: str | None = None) -> Tensor:
    """not x, element by element.

    Args:
        x: A Tensor of dtype bool, or what converts to one.
        name: A name for the operation.

    Returns:
        A Tensor of dtype bool and x's shape.

    Raises:
        TypeError: x has another dtype.

    Example:
        >>> fc.Session().run(fc.logical_not([True, False]))
        array([False,  True])
    """
    return apply("LogicalNot", x, name=name)


@register(
    "LogicalAnd",
    inputs=["x: bool", "y: bool"],
    outputs=["z: bool"],
    shape=shapes.broadcast,
    commutative=True,
    grad=None,
)
def logical_and(x: Any, y: Any, name: str | None = None) -> Tensor:
    """x and y, element by element.

    Args:
        x: A Tensor of bool dtype, or what converts to one.
        y: A Tensor of x's dtype, or what converts to it; its shape broadcasts against x's.
        name: A name for the operation.

    Returns:
        A Tensor of dtype bool, of the shape that they broadcast to.

    Raises:
        TypeError: The dtypes differ, or are others.
        ValueError: The shapes do not broadcast.

    Example:
        >>> fc.Session().run(fc.logical_and([True, True, False], [True, False, False]))
        array([ True, False, False])
    """
    return apply("LogicalAnd", x, y, name=name)


@register(
    "LogicalOr",
    inputs=["x: bool", "y: bool"],
    outputs=["z: bool"],
    shape=shapes.broadcast,
    commutative=True,
    grad=None,
)
def logical_or(x: Any, y: Any, name: str | None = None) -> Tensor:
    """x or y, element by element.

    Args:
        x: A Tensor of bool dtype, or what converts to one.
        y: A Tensor of x's dtype, or what converts to it; its shape broadcasts against x's.
        name: A name for the operation.

    Returns:
        A Tensor of dtype bool, of the shape that they broadcast to.

    Raises:
        TypeError: The dtypes differ, or are others.
        ValueError: The shapes do not broadcast.

    Example:
        >>> fc.Session().run(fc.logical_or([True, True, False], [True, False, False]))
        array([ True,  True, False])
    """
    return apply("LogicalOr", x, y, name=name)


def logical_xor(x: Any, y: Any, name: str = "LogicalXor") -> Tensor:
    """Exactly one of x and y, element by element.

    Args:
        x: A Tensor of bool dtype, or what converts to one.
        y: A Tensor of x's dtype, or what converts to it; its shape broadcasts against x's.
        name: A name for the operation.

    Returns:
        A Tensor of dtype bool, of the shape that they broadcast to.

    Raises:
        TypeError: The dtypes differ, or are others.
        ValueError: The shapes do not broadcast.

    Example:
        >>> fc.Session().run(fc.logical_xor([True, True, False], [True, False, False]))
        array([False,  True, False])
    """
    return logical_and(logical_or(x, y), logical_not(logical_and(x, y)), name=name)


for _name in ("BitwiseAnd", "BitwiseOr", "BitwiseXor"):
    binary(_name, "{integers}", None, commutative=True)

unary("Invert", "{integers}", None)

# ---- choice ----------------------------------------


def _select_shape(op: Operation) -> Any:
    result, condition = op.inputs[1].shape.merge_with(op.inputs[2].shape), op.inputs[0].shape
    if condition.ndims == 1 and result.ndims is not None:
        result[:1].assert_is_compatible_with(condition)
    elif condition.ndims != 0:
        result = (
            result.merge_with(condition) if condition.ndims is not None and condition.ndims > 1 else result
        )
    return [result]


def _select_grad(op: Operation, dz: Tensor) -> list[Any]:
    zeros = apply("ZerosLike", dz)
    return [None, apply("Select", op.inputs[0], dz, zeros), apply("Select", op.inputs[0], zeros, dz)]


register(
    "Select",
    inputs=["condition: bool", "t: T", "e: T"],
    outputs=["output: T"],
    attrs=["T: type"],
    shape=_select_shape,
    grad=_select_grad,
)


def _select_v2_shape(op: Operation) -> Any:
    return [
        shapes.broadcast_shapes(
            op.inputs[0].shape, shapes.broadcast_shapes(op.inputs[1].shape, op.inputs[2].shape)
        )
    ]


def _select_v2_grad(op: Operation, dz: Tensor) -> list[Any]:
    zeros = apply("ZerosLike", dz)
    parts = [apply("SelectV2", op.inputs[0], dz, zeros), apply("SelectV2", op.inputs[0], zeros, dz)]
    result: list[Any] = [None]
    for x, part in zip(op.inputs[1:], parts, strict=True):
        dims = apply("Shape", x)
        axes, _ = apply("BroadcastGradientArgs", dims, apply("Shape", op.outputs[0]))
        result.append(
            part
            if x.shape.is_fully_defined() and x.shape.sizes == dz.shape.sizes
            else apply("Reshape", apply("Sum", part, axes), dims)
        )
    return result


register(
    "SelectV2",
    inputs=["condition: bool", "t: T", "e: T"],
    outputs=["output: T"],
    attrs=["T: type"],
    shape=_select_v2_shape,
    grad=_select_v2_grad,
)


def where_v1(condition: Any, x: Any, y: Any) -> Tensor:
    """A choice that broadcasts, for gradients."""
    return apply("SelectV2", condition, x, y)


def where(condition: Any, x: Any = None, y: Any = None, name: str | None = None) -> Tensor:
    """x where the condition holds, y elsewhere.

    Args:
        condition: A Tensor of dtype bool: of the shape of x, a scalar, or a vector with one entry
            per row of x.
        x: A Tensor of any dtype, or what converts to one. Needed, though None by default.
        y: A Tensor of x's dtype and shape, or what converts to one. Needed as well.
        name: A name for the operation.

    Returns:
        A Tensor of the dtype and shape of x.

    Raises:
        TypeError: condition is not bool, or the dtypes of x and y differ.
        ValueError: x or y is missing, or the shapes do not fit.

    Example:
        >>> fc.Session().run(fc.where([True, False], [1, 2], [10, 20]))
        array([ 1, 20], dtype=int32)
    """
    if x is None or y is None:
        raise ValueError("x and y must both be given: flowcore.where chooses between two tensors")
    return apply("Select", condition, x, y, name=name)


select = where


def _choice_grad(compare: Callable[..., Tensor]) -> Callable[..., Any]:
    def grad(op: Operation, dz: Tensor) -> list[Any]:
        mask = compare(op.inputs[0], op.inputs[1])
        zeros = apply("ZerosLike", dz)
        return unbroadcast(op, where_v1(mask, dz, zeros), where_v1(mask, zeros, dz))

    return grad


@binary("Maximum", "{reals}", _choice_grad(greater_equal), known(np.maximum), commutative=True)
def maximum(x: Any, y: Any, name: str | None = None) -> Tensor:
    """The greater of x and y, element by element; NaN where either is NaN.

    Args:
        x: A Tensor of a floating or integer dtype, or what converts to one.
        y: A Tensor of x's dtype, or what converts to it; its shape broadcasts against x's.
        name: A name for the operation.

    Returns:
        A Tensor of their dtype, of the shape that they broadcast to.

    Raises:
        TypeError: The dtypes differ, or are others.
        ValueError: The shapes do not broadcast.

    Example:
        >>> fc.Session().run(fc.maximum([1, 5], 3))
        array([3, 5], dtype=int32)
    """
    return apply("Maximum", x, y, name=name)


@binary("Minimum", "{reals}", _choice_grad(less_equal), known(np.minimum), commutative=True)
def minimum(x: Any, y: Any, name: str | None = None) -> Tensor:
    """The lesser of x and y, element by element; NaN where either is NaN.

    Args:
        x: A Tensor of a floating or integer dtype, or what converts to one.
        y: A Tensor of x's dtype, or what converts to it; its shape broadcasts against x's.
        name: A name for the operation.

    Returns:
        A Tensor of their dtype, of the shape that they broadcast to.

    Raises:
        TypeError: The dtypes differ, or are others.
        ValueError: The shapes do not broadcast.

    Example:
        >>> fc.Session().run(fc.minimum([1, 5], 3))
        array([1, 3], dtype=int32)
    """
    return apply("Minimum", x, y, name=name)


@overload
def clip_by_value(
    t: IndexedSlices, clip_value_min: Any, clip_value_max: Any, name: str | None = None
) -> IndexedSlices: ...
@overload
def clip_by_value(t: Any, clip_value_min: Any, clip_value_max: Any, name: str | None = None) -> Tensor: ...
def clip_by_value(t: Any, clip_value_min: Any, clip_value_max: Any, name: str | None = None) -> Any:
    """The elements of t, held between two bounds.

    Args:
        t: A Tensor of a floating or integer dtype, what converts to one, or IndexedSlices.
        clip_value_min: The least value, of t's dtype; a scalar, or of a shape that broadcasts to
            t's.
        clip_value_max: The greatest value, likewise. Where it is below the least, the least wins.
        name: A name for the operation.

    Returns:
        A Tensor of t's dtype and shape, or IndexedSlices where t is.

    Raises:
        TypeError: A bound does not have t's dtype, or t has another dtype.
        ValueError: The shape of a bound does not broadcast to t's.

    Example:
        >>> fc.Session().run(fc.clip_by_value([1.0, 5.0, 9.0], 2.0, 6.0))
        array([2., 5., 6.], dtype=float32)
    """
    values = t.values if isinstance(t, IndexedSlices) else t
    with name_scope(name, "clip_by_value", [values]) as scope:
        values = convert_to_tensor(values, name="t")
        result = maximum(minimum(values, clip_value_max), clip_value_min, name=scope)
        values.shape.assert_is_compatible_with(result.shape)
    return IndexedSlices(result, t.indices, t.dense_shape) if isinstance(t, IndexedSlices) else result


@register(
    "CheckNumerics",
    inputs=["tensor: T"],
    outputs=["output: T"],
    attrs=["T: {floats}", "message: string"],
    shape=shapes.same,
    stateful=True,
    grad=lambda op, dz: apply("CheckNumerics", dz, message="in a gradient"),
)
def check_numerics(tensor: Any, message: str, name: str | None = None) -> Tensor:
    """Passes a tensor on, unless it holds NaN or infinity.

    Args:
        tensor: A Tensor of a floating dtype and any shape, or what converts to one.
        message: A str; the error begins with it.
        name: A name for the operation.

    Returns:
        A Tensor with the same values.

    Raises:
        TypeError: tensor has another dtype, or message is no text.
        InvalidArgumentError: An element is infinite or NaN (when it runs).

    Example:
        >>> fc.Session().run(fc.check_numerics([1.0, 2.0], "weights"))
        array([1., 2.], dtype=float32)
    """
    return apply("CheckNumerics", tensor, message=message, name=name)


# ---- operators ----------------------------------------


def _logical(on_bool: Callable[..., Tensor], bitwise: str) -> Callable[..., Tensor]:
    def function(x: Tensor, y: Tensor, name: str | None = None) -> Tensor:
        return (
            on_bool(x, y, name=name) if x.dtype.base_dtype == dtypes.bool else apply(bitwise, x, y, name=name)
        )

    function.__doc__ = f"{on_bool.__name__}; of integers, bit by bit."
    return function


define_operator(_logical(logical_and, "BitwiseAnd"), "and", "and")
define_operator(_logical(logical_or, "BitwiseOr"), "or", "or")
define_operator(_logical(logical_xor, "BitwiseXor"), "xor", "xor")


def _invert(x: Tensor) -> Tensor:
    """logical_not; of integers, every bit turned over."""
    return logical_not(x) if x.dtype.base_dtype == dtypes.bool else apply("Invert", x)


for _method, _function in (("lt", less), ("le", less_equal), ("gt", greater), ("ge", greater_equal)):
    Tensor._override_operator(f"__{_method}__", _function)
Tensor._override_operator("__invert__", _invert)
