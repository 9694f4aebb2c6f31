"""Functions of numbers: powers and roots, exponential and logarithm, trigonometric and hyperbolic
functions and their inverses, sigmoid, erf; and the operator ** of Tensor. Long because each function
is described in full.
"""

from __future__ import annotations

import math
from typing import Any

from flowcore.graph.apply import apply
from flowcore.graph.constants import constant
from flowcore.graph.conversion import convert_to_tensor
from flowcore.graph.op_def import register
from flowcore.graph.operation import Operation, Tensor
from flowcore.graph.scopes import name_scope
from flowcore.ops import shapes
from flowcore.ops.arithmetic import negative, reciprocal, square
from flowcore.ops.casts import complex, complex_part, imag, real
from flowcore.ops.comparison import greater, less, not_equal, where_v1
from flowcore.ops.elementwise import (
    binary,
    chain,
    conjugate,
    define_operator,
    gradient_op,
    one,
    unary,
    unbroadcast,
)

__all__ = [
    "acos", "acosh", "angle", "asin", "asinh", "atan", "atan2", "atanh", "cos", "cosh", "erf",
    "erfc", "exp", "expm1", "log", "log1p", "pow", "rsqrt", "sigmoid", "sin", "sinh", "sqrt", "tan",
    "tanh",
]  # fmt: skip

# ---- exponential and logarithm ----------------------------------------


@unary("Exp", "{inexact}", lambda op, dy: chain(dy, conjugate(op.outputs[0])))
def exp(x: Any, name: str | None = None) -> Tensor:
    """e to the power x, element by element.

    Args:
        x: A Tensor of a floating or complex dtype, or what converts to one.
        name: A name for the operation.

    Returns:
        A Tensor of x's dtype and shape.

    Raises:
        TypeError: x has another dtype.

    Example:
        >>> fc.Session().run(fc.exp([0.0, 1.0]))
        array([1.      , 2.718282], dtype=float32)
    """
    return apply("Exp", x, name=name)


@unary("Expm1", "{floats}", lambda op, dy: chain(dy, exp(op.inputs[0])))
def expm1(x: Any, name: str | None = None) -> Tensor:
    """exp(x) - 1, element by element, exact near zero.

    Args:
        x: A Tensor of a floating dtype, or what converts to one.
        name: A name for the operation.

    Returns:
        A Tensor of x's dtype and shape.

    Raises:
        TypeError: x has another dtype.

    Example:
        >>> fc.Session().run(fc.expm1([0.0, 1e-5]))
        array([0.000000e+00, 1.000005e-05], dtype=float32)
    """
    return apply("Expm1", x, name=name)


@unary("Log", "{inexact}", lambda op, dy: apply("Xdivy", dy, conjugate(op.inputs[0])))
def log(x: Any, name: str | None = None) -> Tensor:
    """The natural logarithm, element by element; -Inf at zero, NaN below.

    Args:
        x: A Tensor of a floating or complex dtype, or what converts to one.
        name: A name for the operation.

    Returns:
        A Tensor of x's dtype and shape.

    Raises:
        TypeError: x has another dtype.

    Example:
        >>> fc.Session().run(fc.log([1.0, 0.0]))
        array([  0., -inf], dtype=float32)
    """
    return apply("Log", x, name=name)


@unary("Log1p", "{floats}", lambda op, dy: apply("Xdivy", dy, op.inputs[0] + one(dy)))
def log1p(x: Any, name: str | None = None) -> Tensor:
    """log(1 + x), element by element, exact near zero.

    Source: W. Kahan's correction of log(1 + x).

    Args:
        x: A Tensor of a floating dtype, or what converts to one.
        name: A name for the operation.

    Returns:
        A Tensor of x's dtype and shape.

    Raises:
        TypeError: x has another dtype.

    Example:
        >>> fc.Session().run(fc.log1p([0.0, 1.0]))
        array([0.      , 0.693147], dtype=float32)
    """
    return apply("Log1p", x, name=name)


# ---- powers and roots ----------------------------------------


@unary("Sqrt", "{inexact}", lambda op, dy: apply("SqrtGrad", op.outputs[0], dy))
def sqrt(x: Any, name: str | None = None) -> Tensor:
    """The square root, element by element; NaN below zero.

    A negative complex number has an imaginary root.

    Args:
        x: A Tensor of a floating or complex dtype, or what converts to one.
        name: A name for the operation.

    Returns:
        A Tensor of x's dtype and shape.

    Raises:
        TypeError: x has another dtype.

    Example:
        >>> fc.Session().run(fc.sqrt([4.0, 2.25]))
        array([2. , 1.5], dtype=float32)
    """
    return apply("Sqrt", x, name=name)


def _sqrt_grad_grad(op: Operation, grad: Tensor) -> list[Any]:
    y, dy = op.inputs
    bar = conjugate(y)
    back = apply("Xdivy", constant(-0.5, y.dtype) * conjugate(grad) * dy, bar * bar)
    return [back, apply("Xdivy", constant(0.5, y.dtype) * grad, y)]


gradient_op("SqrtGrad", ("y", "dy"), "{inexact}", _sqrt_grad_grad)


@unary("Rsqrt", "{inexact}", lambda op, dy: apply("RsqrtGrad", op.outputs[0], dy))
def rsqrt(x: Any, name: str | None = None) -> Tensor:
    """1 / sqrt(x), element by element.

    Args:
        x: A Tensor of a floating or complex dtype, or what converts to one.
        name: A name for the operation.

    Returns:
        A Tensor of x's dtype and shape.

    Raises:
        TypeError: x has another dtype.

    Example:
        >>> fc.Session().run(fc.rsqrt([4.0, 0.25]))
        array([0.5, 2. ], dtype=float32)
    """
    return apply("Rsqrt", x, name=name)


def _rsqrt_grad_grad(op: Operation, grad: Tensor) -> list[Any]:
    y, dy = op.inputs
    back = chain(constant(-1.5, grad.dtype) * conjugate(grad) * dy, square(conjugate(y)))
    return [back, conjugate(apply("RsqrtGrad", y, conjugate(grad)))]


gradient_op("RsqrtGrad", ("y", "dy"), "{inexact}", _rsqrt_grad_grad)


def _pow_grad(op: Operation, dz: Tensor) -> list[Any]:
    x, y, z = conjugate(op.inputs[0]), conjugate(op.inputs[1]), conjugate(op.outputs[0])
    if dz.dtype.is_integer:
        return [None, None]
    # A power of zero is 1 everywhere, so its slope is 0 even where x to the -1 is infinite.
    gx = chain(dz, apply("MulNoNan", pow(x, y - 1), y))
    # log x where it exists: z itself is 0 or NaN elsewhere.
    usable = not_equal(x, 0) if x.dtype.is_complex else greater(x, 0)
    safe = where_v1(usable, x, apply("OnesLike", x))
    logarithm = where_v1(usable, log(safe), apply("ZerosLike", x))
    gy = chain(dz, apply("MulNoNan", logarithm, z))
    return unbroadcast(op, gx, gy)


@binary("Pow", "{numbers}", _pow_grad)
def pow(x: Any, y: Any, name: str | None = None) -> Tensor:
    """x to the power y, element by element.

    Args:
        x: A Tensor of a floating, integer or complex dtype, or what converts to one.
        y: A Tensor of x's dtype, or what converts to it; its shape broadcasts against x's.
        name: A name for the operation.

    Returns:
        A Tensor of their dtype, of the shape that they broadcast to.

    Raises:
        TypeError: The dtypes differ, or are others.
        ValueError: The shapes do not broadcast.
        InvalidArgumentError: An integer has a negative power (when it runs).

    Example:
        >>> fc.Session().run(fc.pow(2, [3, 4]))
        array([ 8, 16], dtype=int32)
    """
    return apply("Pow", x, y, name=name)


define_operator(pow, "pow", "pow")

# ---- trigonometric functions ----------------------------------------


@unary("Sin", "{inexact}", lambda op, dy: dy * apply("Cos", conjugate(op.inputs[0])))
def sin(x: Any, name: str | None = None) -> Tensor:
    """The sine of x, element by element.

    Source of the reduction of large angles: M. Payne, R. Hanek, Radian reduction for trigonometric
    functions, 1983.

    Args:
        x: A Tensor of a floating or complex dtype, or what converts to one; angles in radians.
        name: A name for the operation.

    Returns:
        A Tensor of x's dtype and shape.

    Raises:
        TypeError: x has another dtype.

    Example:
        >>> fc.Session().run(fc.sin([0.0, 1.0]))
        array([0.      , 0.841471], dtype=float32)
    """
    return apply("Sin", x, name=name)


@unary("Cos", "{inexact}", lambda op, dy: negative(dy) * sin(conjugate(op.inputs[0])))
def cos(x: Any, name: str | None = None) -> Tensor:
    """The cosine of x, element by element.

    Source of the reduction of large angles: M. Payne, R. Hanek, Radian reduction for trigonometric
    functions, 1983.

    Args:
        x: A Tensor of a floating or complex dtype, or what converts to one; angles in radians.
        name: A name for the operation.

    Returns:
        A Tensor of x's dtype and shape.

    Raises:
        TypeError: x has another dtype.

    Example:
        >>> fc.Session().run(fc.cos([0.0, 1.0]))
        array([1.      , 0.540302], dtype=float32)
    """
    return apply("Cos", x, name=name)


@unary("Tan", "{floats}", lambda op, dy: dy * square(reciprocal(cos(op.inputs[0]))))
def tan(x: Any, name: str | None = None) -> Tensor:
    """The tangent of x, element by element.

    Source of the reduction of large angles: M. Payne, R. Hanek, Radian reduction for trigonometric
    functions, 1983.

    Args:
        x: A Tensor of a floating dtype, or what converts to one; angles in radians.
        name: A name for the operation.

    Returns:
        A Tensor of x's dtype and shape.

    Raises:
        TypeError: x has another dtype.

    Example:
        >>> fc.Session().run(fc.tan([0.0, 1.0]))
        array([0.      , 1.557408], dtype=float32)
    """
    return apply("Tan", x, name=name)


@unary("Asin", "{floats}", lambda op, dy: chain(dy, rsqrt(one(dy) - square(op.inputs[0]))))
def asin(x: Any, name: str | None = None) -> Tensor:
    """The inverse sine, in radians from -pi/2 to pi/2; NaN outside [-1, 1].

    Args:
        x: A Tensor of a floating dtype, or what converts to one.
        name: A name for the operation.

    Returns:
        A Tensor of x's dtype and shape.

    Raises:
        TypeError: x has another dtype.

    Example:
        >>> fc.Session().run(fc.asin([0.0, 1.0]))
        array([0.      , 1.570796], dtype=float32)
    """
    return apply("Asin", x, name=name)


@unary("Acos", "{floats}", lambda op, dy: negative(chain(dy, rsqrt(one(dy) - square(op.inputs[0])))))
def acos(x: Any, name: str | None = None) -> Tensor:
    """The inverse cosine, in radians from 0 to pi; NaN outside [-1, 1].

    Args:
        x: A Tensor of a floating dtype, or what converts to one.
        name: A name for the operation.

    Returns:
        A Tensor of x's dtype and shape.

    Raises:
        TypeError: x has another dtype.

    Example:
        >>> fc.Session().run(fc.acos([1.0, 0.0]))
        array([0.      , 1.570796], dtype=float32)
    """
    return apply("Acos", x, name=name)


@unary("Atan", "{floats}", lambda op, dy: dy * reciprocal(one(dy) + square(op.inputs[0])))
def atan(x: Any, name: str | None = None) -> Tensor:
    """The inverse tangent, in radians from -pi/2 to pi/2.

    Args:
        x: A Tensor of a floating dtype, or what converts to one.
        name: A name for the operation.

    Returns:
        A Tensor of x's dtype and shape.

    Raises:
        TypeError: x has another dtype.

    Example:
        >>> fc.Session().run(fc.atan([0.0, 1.0]))
        array([0.      , 0.785398], dtype=float32)
    """
    return apply("Atan", x, name=name)


def _atan2_grad(op: Operation, dz: Tensor) -> list[Any]:
    y, x = op.inputs
    scale = reciprocal(square(x) + square(y))
    return unbroadcast(op, chain(dz, x * scale), chain(dz, negative(y) * scale))


@register(
    "Atan2",
    inputs=["y: T", "x: T"],
    outputs=["z: T"],
    attrs=["T: {floats}"],
    shape=shapes.broadcast,
    grad=_atan2_grad,
)
def atan2(y: Any, x: Any, name: str | None = None) -> Tensor:
    """The angle of the point (x, y) seen from the origin, in radians from -pi to pi.

    Args:
        y: A Tensor of a floating dtype, or what converts to one.
        x: A Tensor of y's dtype, or what converts to it; its shape broadcasts against y's.
        name: A name for the operation.

    Returns:
        A Tensor of their dtype, of the shape that they broadcast to.

    Raises:
        TypeError: The dtypes differ, or are others.
        ValueError: The shapes do not broadcast.

    Example:
        >>> fc.Session().run(fc.atan2(1.0, [1.0, -1.0]))
        array([0.785398, 2.356194], dtype=float32)
    """
    return apply("Atan2", y, x, name=name)


def _angle_grad(op: Operation, dy: Tensor) -> Any:
    x = op.inputs[0]
    return negative(chain(complex(dy, apply("ZerosLike", dy)), reciprocal(complex(imag(x), real(x)))))


complex_part("Angle", _angle_grad)


def angle(input: Any, name: str | None = None) -> Tensor:
    """The argument of complex numbers, in radians; of real ones 0, or pi below zero.

    Args:
        input: A Tensor of a complex or floating dtype, or what converts to one.
        name: A name for the operation.

    Returns:
        A Tensor of input's shape and dtype: float32 for complex64, float64 for complex128.

    Raises:
        TypeError: input has another dtype.

    Example:
        >>> fc.Session().run(fc.angle([1j, 1 + 0j]))
        array([1.570796, 0.      ])
    """
    with name_scope(name, "Angle", [input]) as scope:
        x = convert_to_tensor(input, name="input")
        if x.dtype.is_complex:
            return apply("Angle", x, Tout=x.dtype.real_dtype, name=scope)
        zeros = apply("ZerosLike", x)
        return apply("SelectV2", less(x, zeros), constant(math.pi, x.dtype), zeros, name=scope)


# ---- hyperbolic functions, sigmoid, erf ----------------------------------------


@unary("Sinh", "{floats}", lambda op, dy: chain(dy, apply("Cosh", op.inputs[0])))
def sinh(x: Any, name: str | None = None) -> Tensor:
    """The hyperbolic sine, element by element.

    Args:
        x: A Tensor of a floating dtype, or what converts to one.
        name: A name for the operation.

    Returns:
        A Tensor of x's dtype and shape.

    Raises:
        TypeError: x has another dtype.

    Example:
        >>> fc.Session().run(fc.sinh([0.0, 1.0]))
        array([0.      , 1.175201], dtype=float32)
    """
    return apply("Sinh", x, name=name)


@unary("Cosh", "{floats}", lambda op, dy: chain(dy, sinh(op.inputs[0])))
def cosh(x: Any, name: str | None = None) -> Tensor:
    """The hyperbolic cosine, element by element.

    Args:
        x: A Tensor of a floating dtype, or what converts to one.
        name: A name for the operation.

    Returns:
        A Tensor of x's dtype and shape.

    Raises:
        TypeError: x has another dtype.

    Example:
        >>> fc.Session().run(fc.cosh([0.0, 1.0]))
        array([1.      , 1.543081], dtype=float32)
    """
    return apply("Cosh", x, name=name)


@unary("Asinh", "{floats}", lambda op, dy: dy / cosh(op.outputs[0]))
def asinh(x: Any, name: str | None = None) -> Tensor:
    """The inverse hyperbolic sine, element by element.

    Args:
        x: A Tensor of a floating dtype, or what converts to one.
        name: A name for the operation.

    Returns:
        A Tensor of x's dtype and shape.

    Raises:
        TypeError: x has another dtype.

    Example:
        >>> fc.Session().run(fc.asinh([0.0, 1.0]))
        array([0.      , 0.881374], dtype=float32)
    """
    return apply("Asinh", x, name=name)


@unary("Acosh", "{floats}", lambda op, dy: apply("Xdivy", dy, sinh(op.outputs[0])))
def acosh(x: Any, name: str | None = None) -> Tensor:
    """The inverse hyperbolic cosine, element by element; NaN below one.

    Args:
        x: A Tensor of a floating dtype, or what converts to one.
        name: A name for the operation.

    Returns:
        A Tensor of x's dtype and shape.

    Raises:
        TypeError: x has another dtype.

    Example:
        >>> fc.Session().run(fc.acosh([1.0, 2.0]))
        array([0.      , 1.316958], dtype=float32)
    """
    return apply("Acosh", x, name=name)


@unary("Atanh", "{floats}", lambda op, dy: apply("Xdivy", dy, one(dy) - square(op.inputs[0])))
def atanh(x: Any, name: str | None = None) -> Tensor:
    """The inverse hyperbolic tangent, element by element; NaN outside [-1, 1].

    Args:
        x: A Tensor of a floating dtype, or what converts to one.
        name: A name for the operation.

    Returns:
        A Tensor of x's dtype and shape.

    Raises:
        TypeError: x has another dtype.

    Example:
        >>> fc.Session().run(fc.atanh([0.0, 0.5]))
        array([0.      , 0.549306], dtype=float32)
    """
    return apply("Atanh", x, name=name)


@unary("Tanh", "{inexact}", lambda op, dy: apply("TanhGrad", op.outputs[0], dy))
def tanh(x: Any, name: str | None = None) -> Tensor:
    """The hyperbolic tangent, element by element.

    Args:
        x: A Tensor of a floating or complex dtype, or what converts to one.
        name: A name for the operation.

    Returns:
        A Tensor of x's dtype and shape.

    Raises:
        TypeError: x has another dtype.

    Example:
        >>> fc.Session().run(fc.tanh([0.0, 1.0]))
        array([0.      , 0.761594], dtype=float32)
    """
    return apply("Tanh", x, name=name)


def _tanh_grad_grad(op: Operation, grad: Tensor) -> list[Any]:
    y, dy = op.inputs
    back = constant(-2.0, grad.dtype) * conjugate(grad) * dy * conjugate(y)
    return [back, conjugate(apply("TanhGrad", y, conjugate(grad)))]


gradient_op("TanhGrad", ("y", "dy"), "{inexact}", _tanh_grad_grad)


@unary("Sigmoid", "{floats}", lambda op, dy: apply("SigmoidGrad", op.outputs[0], dy))
def sigmoid(x: Any, name: str | None = None) -> Tensor:
    """1 / (1 + exp(-x)), element by element.

    Args:
        x: A Tensor of a floating dtype, or what converts to one.
        name: A name for the operation.

    Returns:
        A Tensor of x's dtype and shape.

    Raises:
        TypeError: x has another dtype.

    Example:
        >>> fc.Session().run(fc.sigmoid([0.0, 1.0]))
        array([0.5     , 0.731059], dtype=float32)
    """
    return apply("Sigmoid", x, name=name)


def _sigmoid_grad_grad(op: Operation, grad: Tensor) -> list[Any]:
    y, dy = op.inputs
    gb = grad * dy
    return [gb - constant(2.0, grad.dtype) * gb * y, apply("SigmoidGrad", y, grad)]


gradient_op("SigmoidGrad", ("y", "dy"), "{floats}", _sigmoid_grad_grad)


def _erf_grad(op: Operation, dy: Tensor) -> Tensor:
    return dy * (constant(2 / math.sqrt(math.pi), dy.dtype) * exp(negative(square(op.inputs[0]))))


@unary("Erf", "{floats}", _erf_grad)
def erf(x: Any, name: str | None = None) -> Tensor:
    """The Gauss error function, element by element.

    Args:
        x: A Tensor of a floating dtype, or what converts to one.
        name: A name for the operation.

    Returns:
        A Tensor of x's dtype and shape.

    Raises:
        TypeError: x has another dtype.

    Example:
        >>> fc.Session().run(fc.erf([0.0, 1.0]))
        array([0.      , 0.842701], dtype=float32)
    """
    return apply("Erf", x, name=name)


def _erfc_grad(op: Operation, dy: Tensor) -> Tensor:
    return dy * (constant(-2 / math.sqrt(math.pi), dy.dtype) * exp(negative(square(op.inputs[0]))))


@unary("Erfc", "{floats}", _erfc_grad)
def erfc(x: Any, name: str | None = None) -> Tensor:
    """1 - erf(x), element by element, exact where that is small.

    Args:
        x: A Tensor of a floating dtype, or what converts to one.
        name: A name for the operation.

    Returns:
        A Tensor of x's dtype and shape.

    Raises:
        TypeError: x has another dtype.

    Example:
        >>> fc.Session().run(fc.erfc([0.0, 1.0]))
        array([1.      , 0.157299], dtype=float32)
    """
    return apply("Erfc", x, name=name)
