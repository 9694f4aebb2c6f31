"""Arithmetic: sums, products, the kinds of division and what they leave, rounding, sign and
magnitude, and the operators + - * / // % of Tensor. Powers and roots are in functions.py. Long
because each function is described in full.

Must never import functions: it is built on this.
"""

from __future__ import annotations

from typing import Any, overload

from flowcore import dtypes
from flowcore.graph.apply import apply
from flowcore.graph.constants import constant
from flowcore.graph.conversion import convert_to_tensor
from flowcore.graph.op_def import register
from flowcore.graph.operation import IndexedSlices, Operation, Tensor
from flowcore.graph.scopes import name_scope
from flowcore.ops import shapes
from flowcore.ops.casts import cast, real
from flowcore.ops.elementwise import (
    binary,
    chain,
    conjugate,
    define_operator,
    gradient_op,
    known,
    one,
    unary,
    unbroadcast,
)

__all__ = [
    "abs", "accumulate_n", "add", "add_n", "ceil", "div", "div_no_nan", "divide", "floor",
    "floordiv", "floormod", "mod", "multiply", "negative", "realdiv", "reciprocal", "rint", "round",
    "scalar_mul", "sign", "square", "squared_difference", "subtract", "truediv", "truncatediv",
    "truncatemod",
]  # fmt: skip

# ---- one argument ----------------------------------------


@unary("Neg", "{numbers}", lambda op, dy: apply("Neg", dy), known(lambda x: -x))
def negative(x: Any, name: str | None = None) -> Tensor:
    """-x, element by element.

    Integers wrap: the negative of an unsigned 1 is the greatest value.

    Args:
        x: A Tensor of a floating, integer or complex dtype, or what converts to one.
        name: A name for the operation.

    Returns:
        A Tensor of x's dtype and shape.

    Raises:
        TypeError: x has another dtype.

    Example:
        >>> fc.Session().run(fc.negative([1, -2]))
        array([-1,  2], dtype=int32)
    """
    return apply("Neg", x, name=name)


unary(
    "Abs",
    "{float16, bfloat16, float32, float64, int8, int16, int32, int64}",
    lambda op, dy: dy * sign(op.inputs[0]),
)


def _complex_abs_grad(op: Operation, dy: Tensor) -> Tensor:
    x = op.inputs[0]
    return apply("Complex", dy, apply("ZerosLike", dy), Tout=x.dtype) * sign(x)


register(
    "ComplexAbs",
    inputs=["x: T"],
    outputs=["y: Tout"],
    attrs=["T: {complexes} = complex64", "Tout: {float32, float64} = float32"],
    shape=shapes.same,
    grad=_complex_abs_grad,
)


def abs(x: Any, name: str | None = None) -> Tensor:
    """The absolute value, element by element; of a complex number its magnitude.

    The least integer of a dtype has no positive counterpart and stays what it is.

    Args:
        x: A Tensor of a floating, signed integer or complex dtype, or what converts to one.
        name: A name for the operation.

    Returns:
        A Tensor of x's shape and dtype: float32 for complex64, float64 for complex128.

    Raises:
        TypeError: x has another dtype.

    Example:
        >>> fc.Session().run(fc.abs([-1.5, 2.0]))
        array([1.5, 2. ], dtype=float32)
    """
    with name_scope(name, "Abs", [x]) as scope:
        x = convert_to_tensor(x, name="x")
        if x.dtype.is_complex:
            return apply("ComplexAbs", x, Tout=x.dtype.real_dtype, name=scope)
        return apply("Abs", x, name=scope)


@unary("Sign", "{reals}", lambda op, dy: apply("ZerosLike", op.inputs[0]))
def _sign(x: Any, name: str | None = None) -> Tensor:
    return apply("Sign", x, name=name)


def sign(x: Any, name: str | None = None) -> Tensor:
    """-1, 0 or 1, as x is negative, zero or positive.

    NaN stays NaN. A complex number gives the number over its magnitude, and 0 at 0.

    Args:
        x: A Tensor of a floating, integer or complex dtype, or what converts to one.
        name: A name for the operation.

    Returns:
        A Tensor of x's dtype and shape.

    Raises:
        TypeError: x has another dtype.

    Example:
        >>> fc.Session().run(fc.sign([-2.5, 0.0, 7.0]))
        array([-1.,  0.,  1.], dtype=float32)
    """
    if not isinstance(x, Tensor):
        with name_scope(name, "Sign", [x]) as scope:
            return sign(convert_to_tensor(x, name="x"), scope)
    if x.dtype.is_complex:
        with name_scope(name, "Sign", [x]) as scope:
            magnitude = abs(x)
            return multiply(x, cast(div_no_nan(one(magnitude), magnitude), x.dtype), name=scope)
    return _sign(x, name)


def _square_grad(op: Operation, dy: Tensor) -> Tensor | None:
    x = op.inputs[0]
    return None if x.dtype.is_integer else dy * (conjugate(x) * constant(2.0, x.dtype))


@unary("Square", "{numbers}", _square_grad)
def square(x: Any, name: str | None = None) -> Tensor:
    """x * x, element by element.

    Args:
        x: A Tensor of a floating, integer or complex dtype, or what converts to one.
        name: A name for the operation.

    Returns:
        A Tensor of x's dtype and shape.

    Raises:
        TypeError: x has another dtype.

    Example:
        >>> fc.Session().run(fc.square([3.0, -4.0]))
        array([ 9., 16.], dtype=float32)
    """
    return apply("Square", x, name=name)


for _name in ("Inv", "Reciprocal"):
    unary(_name, "{inexact}", lambda op, dy, _n=_name: apply(f"{_n}Grad", op.outputs[0], dy))


def _inv_grad_grad(op: Operation, grad: Tensor) -> list[Any]:
    y, dy = op.inputs
    back = chain(constant(-2.0, grad.dtype) * conjugate(grad) * dy, conjugate(y))
    return [back, conjugate(apply(op.type, y, conjugate(grad)))]


for _name in ("InvGrad", "ReciprocalGrad"):
    gradient_op(_name, ("y", "dy"), "{inexact}", _inv_grad_grad)


def reciprocal(x: Any, name: str | None = None) -> Tensor:
    """1 / x, element by element.

    Args:
        x: A Tensor of a floating or complex dtype, or what converts to one.
        name: A name for the operation.

    Returns:
        A Tensor of x's dtype and shape.

    Raises:
        TypeError: x has another dtype.

    Example:
        >>> fc.Session().run(fc.reciprocal([2.0, 4.0]))
        array([0.5 , 0.25], dtype=float32)
    """
    return apply("Reciprocal", x, name=name)


@unary("Floor", "{floats}", lambda op, dy: None)
def floor(x: Any, name: str | None = None) -> Tensor:
    """The greatest whole number not above x, element by element.

    Args:
        x: A Tensor of a floating dtype, or what converts to one.
        name: A name for the operation.

    Returns:
        A Tensor of x's dtype and shape.

    Raises:
        TypeError: x has another dtype.

    Example:
        >>> fc.Session().run(fc.floor([1.5, -1.5]))
        array([ 1., -2.], dtype=float32)
    """
    return apply("Floor", x, name=name)


@unary("Ceil", "{floats}", lambda op, dy: None)
def ceil(x: Any, name: str | None = None) -> Tensor:
    """The least whole number not below x, element by element.

    Args:
        x: A Tensor of a floating dtype, or what converts to one.
        name: A name for the operation.

    Returns:
        A Tensor of x's dtype and shape.

    Raises:
        TypeError: x has another dtype.

    Example:
        >>> fc.Session().run(fc.ceil([1.5, -1.5]))
        array([ 2., -1.], dtype=float32)
    """
    return apply("Ceil", x, name=name)


@unary("Rint", "{floats}", lambda op, dy: None)
def rint(x: Any, name: str | None = None) -> Tensor:
    """The nearest whole number, halves to even, element by element.

    Args:
        x: A Tensor of a floating dtype, or what converts to one.
        name: A name for the operation.

    Returns:
        A Tensor of x's dtype and shape.

    Raises:
        TypeError: x has another dtype.

    Example:
        >>> fc.Session().run(fc.rint([0.5, 1.5, 2.2]))
        array([0., 2., 2.], dtype=float32)
    """
    return apply("Rint", x, name=name)


unary("Round", "{reals}", lambda op, dy: None)


def round(x: Any, name: str | None = None) -> Tensor:
    """The nearest whole number, halves to even, element by element.

    Args:
        x: A Tensor of a floating or integer dtype, or what converts to one.
        name: A name for the operation.

    Returns:
        A Tensor of x's dtype and shape; x itself where it has an integer dtype.

    Raises:
        TypeError: x has another dtype.

    Example:
        >>> fc.Session().run(fc.round([0.5, 1.5, 2.2]))
        array([0., 2., 2.], dtype=float32)
    """
    with name_scope(name, "Round", [x]) as scope:
        x = convert_to_tensor(x, name="x")
        return x if x.dtype.is_integer else apply("Round", x, name=scope)


# ---- two arguments ----------------------------------------

for _name, _types in (("Add", "{numbers, string}"), ("AddV2", "{numbers}")):
    binary(_name, _types, lambda op, dz: unbroadcast(op, dz, dz), known(lambda x, y: x + y), True)


def add(x: Any, y: Any, name: str | None = None) -> Tensor:
    """x + y, element by element; of strings, y behind x.

    Args:
        x: A Tensor of a floating, integer, complex or string dtype, or what converts to one.
        y: A Tensor of x's dtype, or what converts to it; its shape broadcasts against x's.
        name: A name for the operation.

    Returns:
        A Tensor of their dtype, of the shape that they broadcast to.

    Raises:
        TypeError: The dtypes differ, or are others.
        ValueError: The shapes do not broadcast.

    Example:
        >>> fc.Session().run(fc.add([1, 2], 10))
        array([11, 12], dtype=int32)
    """
    return apply("Add", x, y, name=name)


@binary("Sub", "{numbers}", lambda op, dz: unbroadcast(op, dz, negative(dz)), known(lambda x, y: x - y))
def subtract(x: Any, y: Any, name: str | None = None) -> Tensor:
    """x - y, element by element.

    Args:
        x: A Tensor of a floating, integer or complex dtype, or what converts to one.
        y: A Tensor of x's dtype, or what converts to it; its shape broadcasts against x's.
        name: A name for the operation.

    Returns:
        A Tensor of their dtype, of the shape that they broadcast to.

    Raises:
        TypeError: The dtypes differ, or are others.
        ValueError: The shapes do not broadcast.

    Example:
        >>> fc.Session().run(fc.subtract([1, 2], 10))
        array([-9, -8], dtype=int32)
    """
    return apply("Sub", x, y, name=name)


def _mul_grad(op: Operation, dz: Tensor) -> list[Any]:
    x, y = op.inputs
    return unbroadcast(op, multiply(dz, conjugate(y)), multiply(conjugate(x), dz))


@binary("Mul", "{numbers}", _mul_grad, known(lambda x, y: x * y), commutative=True)
def multiply(x: Any, y: Any, name: str | None = None) -> Tensor:
    """x * y, element by element.

    Args:
        x: A Tensor of a floating, integer or complex dtype, or what converts to one.
        y: A Tensor of x's dtype, or what converts to it; its shape broadcasts against x's.
        name: A name for the operation.

    Returns:
        A Tensor of their dtype, of the shape that they broadcast to.

    Raises:
        TypeError: The dtypes differ, or are others.
        ValueError: The shapes do not broadcast.

    Example:
        >>> fc.Session().run(fc.multiply([1, 2], 10))
        array([10, 20], dtype=int32)
    """
    return apply("Mul", x, y, name=name)


def _realdiv_grad(op: Operation, dz: Tensor) -> list[Any]:
    x, y = conjugate(op.inputs[0]), conjugate(op.inputs[1])
    return unbroadcast(op, apply("Xdivy", dz, y), chain(dz, realdiv(realdiv(negative(x), y), y)))


@binary("RealDiv", "{inexact}", _realdiv_grad)
def realdiv(x: Any, y: Any, name: str | None = None) -> Tensor:
    """x / y, element by element, for floating and complex dtypes.

    Args:
        x: A Tensor of a floating or complex dtype, or what converts to one.
        y: A Tensor of x's dtype, or what converts to it; its shape broadcasts against x's.
        name: A name for the operation.

    Returns:
        A Tensor of their dtype, of the shape that they broadcast to.

    Raises:
        TypeError: The dtypes differ, or are others.
        ValueError: The shapes do not broadcast.

    Example:
        >>> fc.Session().run(fc.realdiv([1.0, 2.0], 4.0))
        array([0.25, 0.5 ], dtype=float32)
    """
    return apply("RealDiv", x, y, name=name)


binary("Div", "{numbers}", lambda op, dz: _realdiv_grad(op, dz) if not dz.dtype.is_integer else [None, None])


def div(x: Any, y: Any, name: str | None = None) -> Tensor:
    """x / y; of integers the quotient rounded towards minus infinity, as Python 2 divided.

    Args:
        x: A Tensor of a floating, integer or complex dtype, or what converts to one.
        y: A Tensor of x's dtype, or what converts to it; its shape broadcasts against x's.
        name: A name for the operation.

    Returns:
        A Tensor of their dtype, of the shape that they broadcast to.

    Raises:
        TypeError: The dtypes differ, or are others.
        ValueError: The shapes do not broadcast.
        InvalidArgumentError: An integer is divided by zero (when it runs).

    Example:
        >>> fc.Session().run(fc.div([7, -7], 2))
        array([ 3, -4], dtype=int32)
    """
    with name_scope(name, "div", [x, y]) as scope:
        x = convert_to_tensor(x, name="x")
        y = convert_to_tensor(y, name="y", dtype=x.dtype)
        return (
            realdiv(x, y, name=scope)
            if x.dtype.is_floating or x.dtype.is_complex
            else floordiv(x, y, name=scope)
        )


def truediv(x: Any, y: Any, name: str | None = None) -> Tensor:
    """x / y, as Python 3 divides.

    Args:
        x: A Tensor of a floating, integer or complex dtype, or what converts to one.
        y: A Tensor of x's dtype, or what converts to it; its shape broadcasts against x's.
        name: A name for the operation.

    Returns:
        A Tensor of their dtype, of the shape that they broadcast to; float64 for integers,
        float32 for integers of 8 and 16 bits.

    Raises:
        TypeError: The dtypes differ, or are others.
        ValueError: The shapes do not broadcast.

    Example:
        >>> fc.Session().run(fc.truediv([1, 3], 2))
        array([0.5, 1.5])
    """
    with name_scope(name, "truediv", [x, y]) as scope:
        x = convert_to_tensor(x, name="x")
        y = convert_to_tensor(y, name="y", dtype=None if isinstance(y, Tensor) else x.dtype)
        if x.dtype.base_dtype != y.dtype.base_dtype:
            raise TypeError(f"x and y must have the same dtype, got {x.dtype.name} != {y.dtype.name}")
        if x.dtype.is_integer:
            wide = dtypes.float32 if x.dtype.size <= 2 else dtypes.float64
            x, y = cast(x, wide), cast(y, wide)
        return realdiv(x, y, name=scope)


def divide(x: Any, y: Any, name: str | None = None) -> Tensor:
    """x / y, as Python 3 divides: truediv under NumPy's name.

    Args:
        x: A Tensor of a floating, integer or complex dtype, or what converts to one.
        y: A Tensor of x's dtype, or what converts to it; its shape broadcasts against x's.
        name: A name for the operation.

    Returns:
        A Tensor of their dtype, of the shape that they broadcast to; float64 for integers,
        float32 for integers of 8 and 16 bits.

    Raises:
        TypeError: The dtypes differ, or are others.
        ValueError: The shapes do not broadcast.

    Example:
        >>> fc.Session().run(fc.divide([1, 3], 2))
        array([0.5, 1.5])
    """
    x = convert_to_tensor(x)
    return truediv(x, y, name=name)


def _div_no_nan_grad(op: Operation, dz: Tensor) -> list[Any]:
    x, y = conjugate(op.inputs[0]), conjugate(op.inputs[1])
    return unbroadcast(op, div_no_nan(dz, y), chain(dz, div_no_nan(div_no_nan(negative(x), y), y)))


@binary("DivNoNan", "{inexact}", _div_no_nan_grad)
def _div_no_nan(x: Any, y: Any, name: str | None = None) -> Tensor:
    return apply("DivNoNan", x, y, name=name)


def div_no_nan(x: Any, y: Any, name: str | None = None) -> Tensor:
    """x / y, and 0 where y is 0.

    Args:
        x: A Tensor of a floating or complex dtype, or what converts to one.
        y: A Tensor of x's dtype, or what converts to it; its shape broadcasts against x's.
        name: A name for the operation.

    Returns:
        A Tensor of their dtype, of the shape that they broadcast to.

    Raises:
        TypeError: The dtypes differ, or are others.
        ValueError: The shapes do not broadcast.

    Example:
        >>> fc.Session().run(fc.div_no_nan([1.0, 2.0], [0.0, 4.0]))
        array([0. , 0.5], dtype=float32)
    """
    with name_scope(name, "div_no_nan", [x, y]) as scope:
        return _div_no_nan(convert_to_tensor(x, name="x"), y, scope)


def _mul_no_nan_grad(op: Operation, dz: Tensor) -> list[Any]:
    x, y = conjugate(op.inputs[0]), conjugate(op.inputs[1])
    return unbroadcast(op, apply("MulNoNan", dz, y), apply("MulNoNan", x, dz))


binary("MulNoNan", "{inexact}", _mul_no_nan_grad)


def _xdivy_grad(op: Operation, dz: Tensor) -> list[Any]:
    x, y = conjugate(op.inputs[0]), conjugate(op.inputs[1])
    return unbroadcast(op, div_no_nan(dz, y), chain(dz, apply("Xdivy", apply("Xdivy", negative(x), y), y)))


#: x / y, and 0 where x is 0.
binary("Xdivy", "{inexact}", _xdivy_grad)


@binary(
    "FloorDiv",
    "{reals}",
    lambda op, dz: [None, None],
    known(lambda x, y: None if (y == 0).any() else x // y),
)
def floordiv(x: Any, y: Any, name: str | None = None) -> Tensor:
    """The quotient rounded towards minus infinity, as the operator // of Python.

    Args:
        x: A Tensor of a floating or integer dtype, or what converts to one.
        y: A Tensor of x's dtype, or what converts to it; its shape broadcasts against x's.
        name: A name for the operation.

    Returns:
        A Tensor of their dtype, of the shape that they broadcast to.

    Raises:
        TypeError: The dtypes differ, or are others.
        ValueError: The shapes do not broadcast.
        InvalidArgumentError: An integer is divided by zero (when it runs).

    Example:
        >>> fc.Session().run(fc.floordiv([7, -7], 2))
        array([ 3, -4], dtype=int32)
    """
    return apply("FloorDiv", x, y, name="floordiv" if name is None else name)


def _floormod_grad(op: Operation, dz: Tensor) -> list[Any]:
    if dz.dtype.is_integer:
        return [None, None]
    return unbroadcast(op, dz, negative(dz * floordiv(op.inputs[0], op.inputs[1])))


@binary("FloorMod", "{reals}", _floormod_grad)
def floormod(x: Any, y: Any, name: str | None = None) -> Tensor:
    """What floordiv leaves, as the operator % of Python: it has the sign of y.

    Args:
        x: A Tensor of a floating or integer dtype, or what converts to one.
        y: A Tensor of x's dtype, or what converts to it; its shape broadcasts against x's.
        name: A name for the operation.

    Returns:
        A Tensor of their dtype, of the shape that they broadcast to.

    Raises:
        TypeError: The dtypes differ, or are others.
        ValueError: The shapes do not broadcast.
        InvalidArgumentError: An integer is divided by zero (when it runs).

    Example:
        >>> fc.Session().run(fc.floormod([7, -7], 3))
        array([1, 2], dtype=int32)
    """
    return apply("FloorMod", x, y, name=name)


mod = floormod


@binary("TruncateDiv", "{integers}", lambda op, dz: [None, None])
def truncatediv(x: Any, y: Any, name: str | None = None) -> Tensor:
    """The integer quotient rounded towards zero, as C divides.

    Args:
        x: A Tensor of an integer dtype, or what converts to one.
        y: A Tensor of x's dtype, or what converts to it; its shape broadcasts against x's.
        name: A name for the operation.

    Returns:
        A Tensor of their dtype, of the shape that they broadcast to.

    Raises:
        TypeError: The dtypes differ, or are others.
        ValueError: The shapes do not broadcast.
        InvalidArgumentError: An integer is divided by zero (when it runs).

    Example:
        >>> fc.Session().run(fc.truncatediv([7, -7], 2))
        array([ 3, -3], dtype=int32)
    """
    return apply("TruncateDiv", x, y, name=name)


def _truncatemod_grad(op: Operation, dz: Tensor) -> list[Any]:
    if dz.dtype.is_integer:
        return [None, None]
    quotient = op.inputs[0] / op.inputs[1]
    return unbroadcast(op, dz, negative(dz * (sign(quotient) * floor(abs(quotient)))))


for _name in ("Mod", "TruncateMod"):
    binary(_name, "{reals}", _truncatemod_grad)


def truncatemod(x: Any, y: Any, name: str | None = None) -> Tensor:
    """What division towards zero leaves, as in C: it has the sign of x.

    Args:
        x: A Tensor of a floating or integer dtype, or what converts to one.
        y: A Tensor of x's dtype, or what converts to it; its shape broadcasts against x's.
        name: A name for the operation.

    Returns:
        A Tensor of their dtype, of the shape that they broadcast to.

    Raises:
        TypeError: The dtypes differ, or are others.
        ValueError: The shapes do not broadcast.
        InvalidArgumentError: An integer is divided by zero (when it runs).

    Example:
        >>> fc.Session().run(fc.truncatemod([7, -7], 3))
        array([ 1, -1], dtype=int32)
    """
    return apply("TruncateMod", x, y, name=name)


def _squared_difference_grad(op: Operation, dz: Tensor) -> list[Any]:
    x, y = op.inputs
    if dz.dtype.is_integer:
        return [None, None]
    # The result is real, whatever the type: only the real part of its gradient counts.
    weight = cast(real(dz), dz.dtype) if dz.dtype.is_complex else dz
    gx = constant(2.0, dz.dtype) * weight * (x - y)
    return unbroadcast(op, gx, negative(gx))


@binary("SquaredDifference", "{numbers}", _squared_difference_grad, commutative=True)
def squared_difference(x: Any, y: Any, name: str | None = None) -> Tensor:
    """(x - y) squared, element by element.

    Of complex numbers it is the difference times its conjugate.

    Args:
        x: A Tensor of a floating, integer or complex dtype, or what converts to one.
        y: A Tensor of x's dtype, or what converts to it; its shape broadcasts against x's.
        name: A name for the operation.

    Returns:
        A Tensor of their dtype, of the shape that they broadcast to.

    Raises:
        TypeError: The dtypes differ, or are others.
        ValueError: The shapes do not broadcast.

    Example:
        >>> fc.Session().run(fc.squared_difference([1.0, 4.0], 3.0))
        array([4., 1.], dtype=float32)
    """
    return apply("SquaredDifference", x, y, name=name)


# ---- sums of many, products with a scalar ----------------------------------------


@register(
    "AddN",
    inputs=["inputs: N * T"],
    outputs=["sum: T"],
    attrs=["N: int >= 1", "T: {numbers, variant}"],
    shape=shapes.all_alike,
    grad=lambda op, dz: [dz] * len(op.inputs),
)
def _add_n(inputs: Any, name: str | None = None) -> Tensor:
    return apply("AddN", inputs, name=name)


def add_n(inputs: Any, name: str | None = None) -> Tensor:
    """The sum of tensors of one shape and dtype.

    Args:
        inputs: A list or tuple of one or more Tensors of one number dtype and one shape, or what
            converts to them; IndexedSlices count as their dense form.
        name: A name for the operation.

    Returns:
        A Tensor of their dtype and shape.

    Raises:
        TypeError: The dtypes differ, or are no numbers.
        ValueError: inputs is no list, or empty, or the shapes differ.

    Example:
        >>> fc.Session().run(fc.add_n([[1, 2], [10, 20], [100, 200]]))
        array([111, 222], dtype=int32)
    """
    if not isinstance(inputs, (list, tuple)) or not inputs:
        raise ValueError("add_n needs a list of one or more tensors of one dtype and shape")
    inputs = [convert_to_tensor(x) if isinstance(x, IndexedSlices) else x for x in inputs]
    if len(inputs) == 1:
        return apply("Identity", inputs[0], name=name) if name else convert_to_tensor(inputs[0])
    return _add_n(inputs, name)


def accumulate_n(inputs: Any, shape: Any = None, tensor_dtype: Any = None, name: str | None = None) -> Tensor:
    """The sum of tensors of one shape and dtype: add_n under another name.

    Args:
        inputs: A list or tuple of one or more Tensors of one number dtype and one shape.
        shape: Not used; there for scripts that pass it.
        tensor_dtype: Not used; there for scripts that pass it.
        name: A name for the operation.

    Returns:
        A Tensor of their dtype and shape.

    Raises:
        TypeError: The dtypes differ, or are no numbers.
        ValueError: inputs is no list, or empty, or the shapes differ.

    Example:
        >>> fc.Session().run(fc.accumulate_n([[1, 2], [10, 20]]))
        array([11, 22], dtype=int32)
    """
    return add_n(inputs, name)


@overload
def scalar_mul(scalar: Any, x: IndexedSlices, name: str | None = None) -> IndexedSlices: ...
@overload
def scalar_mul(scalar: Any, x: Any, name: str | None = None) -> Tensor: ...
def scalar_mul(scalar: Any, x: Any, name: str | None = None) -> Any:
    """A scalar times a tensor or IndexedSlices.

    Args:
        scalar: A number or a scalar Tensor of x's dtype.
        x: A Tensor of any number dtype and shape, or IndexedSlices.
        name: A name for the operation.

    Returns:
        A Tensor of x's dtype and shape, or IndexedSlices where x is.

    Raises:
        TypeError: The dtypes differ, or are no numbers.
        ValueError: scalar has dimensions.

    Example:
        >>> fc.Session().run(fc.scalar_mul(2.0, [1.0, 1.5]))
        array([2., 3.], dtype=float32)
    """
    dtype = x.dtype if hasattr(x, "dtype") else None
    scalar = convert_to_tensor(scalar, dtype=dtype, name="scalar")
    if scalar.shape.ndims not in (0, None):
        raise ValueError(f"Only scalar multiply works, got shape {scalar.shape}")
    if isinstance(x, IndexedSlices):
        return IndexedSlices(multiply(scalar, x.values, name), x.indices, x.dense_shape)
    return multiply(scalar, x, name)


# ---- operators ----------------------------------------


def _plus(x: Tensor, y: Any, name: str | None = None) -> Tensor:
    """x + y, element by element, as add."""
    return apply("Add" if x.dtype.base_dtype is dtypes.string else "AddV2", x, y, name=name)


define_operator(_plus, "add", "add")
define_operator(subtract, "sub", "sub")
define_operator(multiply, "mul", "mul")
define_operator(truediv, "truediv", "truediv")
define_operator(floordiv, "floordiv", "floordiv")
define_operator(floormod, "mod", "mod")
Tensor._override_operator("__neg__", negative)
Tensor._override_operator("__abs__", abs)
