"""Functions of numbers: powers and roots, exponential and logarithm, trigonometric and hyperbolic
functions and their inverses, sigmoid, erf; and the operator ** of Tensor.
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
from flowcore.ops.elementwise import binary, conjugate, define_operator, gradient_op, one, unary, unbroadcast

__all__ = [
    "acos", "acosh", "angle", "asin", "asinh", "atan", "atan2", "atanh", "cos", "cosh", "erf",
    "erfc", "exp", "expm1", "log", "log1p", "pow", "rsqrt", "sigmoid", "sin", "sinh", "sqrt", "tan",
    "tanh",
]  # fmt: skip

# ---- exponential and logarithm ----------------------------------------


@unary("Exp", "{inexact}", lambda op, dy: dy * conjugate(op.outputs[0]))
def exp(x: Any, name: str | None = None) -> Tensor:
    """e to the power x."""
    return apply("Exp", x, name=name)


@unary("Expm1", "{floats}", lambda op, dy: dy * exp(op.inputs[0]))
def expm1(x: Any, name: str | None = None) -> Tensor:
    """exp(x) - 1, exact near zero."""
    return apply("Expm1", x, name=name)


@unary("Log", "{inexact}", lambda op, dy: dy * reciprocal(conjugate(op.inputs[0])))
def log(x: Any, name: str | None = None) -> Tensor:
    """The natural logarithm; -Inf at zero, NaN below."""
    return apply("Log", x, name=name)


@unary("Log1p", "{floats}", lambda op, dy: dy * reciprocal(op.inputs[0] + constant(1.0, dy.dtype)))
def log1p(x: Any, name: str | None = None) -> Tensor:
    """log(1 + x), exact near zero."""
    return apply("Log1p", x, name=name)


# ---- powers and roots ----------------------------------------


@unary("Sqrt", "{inexact}", lambda op, dy: apply("SqrtGrad", op.outputs[0], dy))
def sqrt(x: Any, name: str | None = None) -> Tensor:
    """The square root; NaN below zero."""
    return apply("Sqrt", x, name=name)


def _sqrt_grad_grad(op: Operation, grad: Tensor) -> list[Any]:
    y, dy = op.inputs
    bar = conjugate(y)
    return [constant(-0.5, y.dtype) * conjugate(grad) * dy / (bar * bar), constant(0.5, y.dtype) * grad / y]


gradient_op("SqrtGrad", ("y", "dy"), "{inexact}", _sqrt_grad_grad)


@unary("Rsqrt", "{inexact}", lambda op, dy: apply("RsqrtGrad", op.outputs[0], dy))
def rsqrt(x: Any, name: str | None = None) -> Tensor:
    """1 / sqrt(x)."""
    return apply("Rsqrt", x, name=name)


def _rsqrt_grad_grad(op: Operation, grad: Tensor) -> list[Any]:
    y, dy = op.inputs
    back = constant(-1.5, grad.dtype) * conjugate(grad) * dy * square(conjugate(y))
    return [back, conjugate(apply("RsqrtGrad", y, conjugate(grad)))]


gradient_op("RsqrtGrad", ("y", "dy"), "{inexact}", _rsqrt_grad_grad)


def _pow_grad(op: Operation, dz: Tensor) -> list[Any]:
    x, y, z = conjugate(op.inputs[0]), conjugate(op.inputs[1]), conjugate(op.outputs[0])
    if dz.dtype.is_integer:
        return [None, None]
    gx = dz * y * pow(x, y - 1)
    # log x where it exists: z itself is 0 or NaN elsewhere.
    usable = not_equal(x, 0) if x.dtype.is_complex else greater(x, 0)
    safe = where_v1(usable, x, apply("OnesLike", x))
    gy = dz * z * where_v1(usable, log(safe), apply("ZerosLike", x))
    return unbroadcast(op, gx, gy)


@binary("Pow", "{numbers}", _pow_grad)
def pow(x: Any, y: Any, name: str | None = None) -> Tensor:
    """x to the power y. Integers to negative powers are an InvalidArgumentError."""
    return apply("Pow", x, y, name=name)


define_operator(pow, "pow", "pow")

# ---- trigonometric functions ----------------------------------------


@unary("Sin", "{inexact}", lambda op, dy: dy * apply("Cos", conjugate(op.inputs[0])))
def sin(x: Any, name: str | None = None) -> Tensor:
    """The sine, x in radians."""
    return apply("Sin", x, name=name)


@unary("Cos", "{inexact}", lambda op, dy: negative(dy) * sin(conjugate(op.inputs[0])))
def cos(x: Any, name: str | None = None) -> Tensor:
    """The cosine, x in radians."""
    return apply("Cos", x, name=name)


@unary("Tan", "{floats}", lambda op, dy: dy * square(reciprocal(cos(op.inputs[0]))))
def tan(x: Any, name: str | None = None) -> Tensor:
    """The tangent, x in radians."""
    return apply("Tan", x, name=name)


@unary("Asin", "{floats}", lambda op, dy: dy * rsqrt(one(dy) - square(op.inputs[0])))
def asin(x: Any, name: str | None = None) -> Tensor:
    """The inverse sine, in radians."""
    return apply("Asin", x, name=name)


@unary("Acos", "{floats}", lambda op, dy: negative(dy * rsqrt(one(dy) - square(op.inputs[0]))))
def acos(x: Any, name: str | None = None) -> Tensor:
    """The inverse cosine, in radians."""
    return apply("Acos", x, name=name)


@unary("Atan", "{floats}", lambda op, dy: dy * reciprocal(one(dy) + square(op.inputs[0])))
def atan(x: Any, name: str | None = None) -> Tensor:
    """The inverse tangent, in radians."""
    return apply("Atan", x, name=name)


def _atan2_grad(op: Operation, dz: Tensor) -> list[Any]:
    y, x = op.inputs
    scaled = dz / (square(x) + square(y))
    return unbroadcast(op, x * scaled, negative(y) * scaled)


@register(
    "Atan2",
    inputs=["y: T", "x: T"],
    outputs=["z: T"],
    attrs=["T: {floats}"],
    shape=shapes.broadcast,
    grad=_atan2_grad,
)
def atan2(y: Any, x: Any, name: str | None = None) -> Tensor:
    """The angle of the point (x, y), in radians."""
    return apply("Atan2", y, x, name=name)


def _angle_grad(op: Operation, dy: Tensor) -> Any:
    x = op.inputs[0]
    return negative(complex(dy, apply("ZerosLike", dy)) * reciprocal(complex(imag(x), real(x))))


complex_part("Angle", _angle_grad)


def angle(input: Any, name: str | None = None) -> Tensor:
    """The argument of complex numbers, in radians; of real ones 0 or pi."""
    with name_scope(name, "Angle", [input]) as scope:
        x = convert_to_tensor(input, name="input")
        if x.dtype.is_complex:
            return apply("Angle", x, Tout=x.dtype.real_dtype, name=scope)
        zeros = apply("ZerosLike", x)
        return apply("SelectV2", less(x, zeros), constant(math.pi, x.dtype), zeros, name=scope)


# ---- hyperbolic functions, sigmoid, erf ----------------------------------------


@unary("Sinh", "{floats}", lambda op, dy: dy * apply("Cosh", op.inputs[0]))
def sinh(x: Any, name: str | None = None) -> Tensor:
    """The hyperbolic sine."""
    return apply("Sinh", x, name=name)


@unary("Cosh", "{floats}", lambda op, dy: dy * sinh(op.inputs[0]))
def cosh(x: Any, name: str | None = None) -> Tensor:
    """The hyperbolic cosine."""
    return apply("Cosh", x, name=name)


@unary("Asinh", "{floats}", lambda op, dy: dy / cosh(op.outputs[0]))
def asinh(x: Any, name: str | None = None) -> Tensor:
    """The inverse hyperbolic sine."""
    return apply("Asinh", x, name=name)


@unary("Acosh", "{floats}", lambda op, dy: dy / sinh(op.outputs[0]))
def acosh(x: Any, name: str | None = None) -> Tensor:
    """The inverse hyperbolic cosine; NaN below one."""
    return apply("Acosh", x, name=name)


@unary("Atanh", "{floats}", lambda op, dy: dy * reciprocal(one(dy) - square(op.inputs[0])))
def atanh(x: Any, name: str | None = None) -> Tensor:
    """The inverse hyperbolic tangent."""
    return apply("Atanh", x, name=name)


@unary("Tanh", "{inexact}", lambda op, dy: apply("TanhGrad", op.outputs[0], dy))
def tanh(x: Any, name: str | None = None) -> Tensor:
    """The hyperbolic tangent."""
    return apply("Tanh", x, name=name)


def _tanh_grad_grad(op: Operation, grad: Tensor) -> list[Any]:
    y, dy = op.inputs
    back = constant(-2.0, grad.dtype) * conjugate(grad) * dy * conjugate(y)
    return [back, conjugate(apply("TanhGrad", y, conjugate(grad)))]


gradient_op("TanhGrad", ("y", "dy"), "{inexact}", _tanh_grad_grad)


@unary("Sigmoid", "{floats}", lambda op, dy: apply("SigmoidGrad", op.outputs[0], dy))
def sigmoid(x: Any, name: str | None = None) -> Tensor:
    """1 / (1 + exp(-x))."""
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
    """The Gauss error function."""
    return apply("Erf", x, name=name)


def _erfc_grad(op: Operation, dy: Tensor) -> Tensor:
    return dy * (constant(-2 / math.sqrt(math.pi), dy.dtype) * exp(negative(square(op.inputs[0]))))


@unary("Erfc", "{floats}", _erfc_grad)
def erfc(x: Any, name: str | None = None) -> Tensor:
    """1 - erf(x), exact where that is small."""
    return apply("Erfc", x, name=name)
