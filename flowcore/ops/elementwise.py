"""Elementwise arithmetic, comparison and functions: one declaration per op, its gradient beside it.
Formulas: opencl_kernels/elementwise.def.

Longer than most files because it is a table: nothing in it depends on anything else in it but the
few helpers on top.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from flowcore import dtypes
from flowcore.graph.apply import apply
from flowcore.graph.constants import constant, constant_value
from flowcore.graph.conversion import convert_to_tensor
from flowcore.graph.op_def import Decorator, register
from flowcore.graph.operation import IndexedSlices, Operation, Tensor
from flowcore.graph.scopes import name_scope
from flowcore.ops import shapes
from flowcore.shape import TensorShape

__all__ = [
    "abs", "accumulate_n", "acos", "acosh", "add", "add_n", "angle", "asin", "asinh", "atan", "atan2",
    "atanh", "cast", "ceil", "check_numerics", "clip_by_value", "complex", "conj", "cos", "cosh", "div",
    "div_no_nan", "divide", "equal", "erf", "erfc", "exp", "expm1", "floor", "floordiv", "floormod",
    "greater", "greater_equal", "imag", "is_finite", "is_inf", "is_nan", "less", "less_equal", "log",
    "log1p", "logical_and", "logical_not", "logical_or", "logical_xor", "maximum", "minimum", "mod",
    "multiply", "negative", "not_equal", "pow", "real", "realdiv", "reciprocal", "rint", "round", "rsqrt",
    "saturate_cast", "scalar_mul", "select", "sigmoid", "sign", "sin", "sinh", "sqrt", "square",
    "squared_difference", "subtract", "tan", "tanh", "to_bfloat16", "to_double", "to_float", "to_int32",
    "to_int64", "truediv", "truncatediv", "truncatemod", "where",
]  # fmt: skip

_abs, _pow, _round, _complex = abs, pow, round, complex
Gradient = Callable[..., Any] | None


def _unary(op_type: str, types: str, grad: Gradient, value: Any = None) -> Decorator:
    return register(
        op_type,
        inputs=["x: T"],
        outputs=["y: T"],
        attrs=[f"T: {types}"],
        shape=shapes.same,
        grad=grad,
        value=value,
    )


def _binary(op_type: str, types: str, grad: Gradient, value: Any = None) -> Decorator:
    return register(
        op_type,
        inputs=["x: T", "y: T"],
        outputs=["z: T"],
        attrs=[f"T: {types}"],
        shape=shapes.broadcast,
        grad=grad,
        value=value,
    )


def _compare(op_type: str, types: str) -> Decorator:
    return register(
        op_type,
        inputs=["x: T", "y: T"],
        outputs=["z: bool"],
        attrs=[f"T: {types}"],
        shape=shapes.broadcast,
        grad=None,
    )


def _gradient_op(
    op_type: str, inputs: tuple[str, str], types: str, grad: Gradient, output: str = "z"
) -> None:
    register(
        op_type,
        inputs=[f"{i}: T" for i in inputs],
        outputs=[f"{output}: T"],
        attrs=[f"T: {types}"],
        shape=shapes.same,
        grad=grad,
    )


def _known(function: Callable[..., Any]) -> Callable[[Operation], list[Any]]:
    """Values of small integer arithmetic, so that sizes computed in the graph are known while it is built."""

    def value(op: Operation) -> list[Any]:
        operands = [constant_value(t) for t in op.inputs]
        if not op.inputs[0].dtype.is_integer or any(v is None or v.size > 64 for v in operands):
            return [None]
        with np.errstate(all="ignore"):
            result = function(*operands)
        return [None if result is None else np.asarray(result).astype(operands[0].dtype)]

    return value


def conjugate(x: Tensor) -> Tensor:
    """The complex conjugate; a real tensor itself.

    The gradient of a real number with respect to a complex z is d/d(re z) + i d/d(im z), so that z
    - rate * gradient goes downhill.
    """
    return apply("Conj", x) if x.dtype.is_complex else x


def unbroadcast(op: Operation, gx: Any, gy: Any) -> list[Any]:
    """Sums the gradients of two broadcast inputs back to their shapes."""
    x, y = op.inputs
    axes: list[Any] = [_summed_axes(x.shape, y.shape), _summed_axes(y.shape, x.shape)]
    if None in axes:
        found = apply("BroadcastGradientArgs", apply("Shape", x), apply("Shape", y))
        axes = [at_run if known is None else known for known, at_run in zip(axes, found, strict=True)]
    return [_sum_to(gx, x, axes[0]), _sum_to(gy, y, axes[1])]


def _summed_axes(own: TensorShape, other: TensorShape) -> list[int] | None:
    """The axes that a tensor of shape `own` is repeated along beside one of shape `other`. None:
    sizes that are not known yet decide.

    An axis of size 1 counts where the other's size is not known: a sum over one element does no harm.
    """
    if own.sizes is None or other.sizes is None:
        return None
    missing = max(len(other.sizes) - len(own.sizes), 0)
    others = (1,) * max(len(own.sizes) - len(other.sizes), 0) + other.sizes
    pairs = list(zip(own.sizes, others[missing:], strict=True))
    if any(n is None and m != 1 for n, m in pairs):
        return None
    return [*range(missing), *(missing + d for d, (n, m) in enumerate(pairs) if n == 1 and m != 1)]


def _sum_to(gradient: Any, x: Tensor, axes: Any) -> Any:
    if gradient is None or (isinstance(axes, list) and not axes):
        return gradient
    sizes = np.array(x.shape.as_list(), np.int32) if x.shape.is_fully_defined() else apply("Shape", x)
    return apply(
        "Reshape", apply("Sum", gradient, np.array(axes, np.int32) if isinstance(axes, list) else axes), sizes
    )


# ---- one argument ----------------------------------------


@_unary("Neg", "{numbers}", lambda op, dy: negative(dy), _known(lambda x: -x))
def negative(x: Any, name: str | None = None) -> Tensor:
    """-x. Integers wrap."""
    return apply("Neg", x, name=name)


_unary(
    "Abs",
    "{float16, bfloat16, float32, float64, int8, int16, int32, int64}",
    lambda op, dy: dy * sign(op.inputs[0]),
)
register(
    "ComplexAbs",
    inputs=["x: T"],
    outputs=["y: Tout"],
    attrs=["T: {complexes} = complex64", "Tout: {float32, float64} = float32"],
    shape=shapes.same,
    grad=lambda op, dy: (
        apply("Complex", dy, apply("ZerosLike", dy), Tout=op.inputs[0].dtype) * sign(op.inputs[0])
    ),
)


def abs(x: Any, name: str | None = None) -> Tensor:
    """The absolute value; of a complex tensor its magnitude."""
    with name_scope(name, "Abs", [x]) as scope:
        x = convert_to_tensor(x, name="x")
        if x.dtype.is_complex:
            return apply("ComplexAbs", x, Tout=x.dtype.real_dtype, name=scope)
        return apply("Abs", x, name=scope)


@_unary("Sign", "{reals}", lambda op, dy: apply("ZerosLike", op.inputs[0]))
def _sign(x: Any, name: str | None = None) -> Tensor:
    return apply("Sign", x, name=name)


def sign(x: Any, name: str | None = None) -> Tensor:
    """-1, 0 or 1 (NaN stays); of a complex number, the number over its magnitude."""
    if not isinstance(x, Tensor):
        with name_scope(name, "Sign", [x]) as scope:
            return sign(convert_to_tensor(x, name="x"), scope)
    if x.dtype.is_complex:
        with name_scope(name, "Sign", [x]) as scope:
            magnitude = abs(x)
            return multiply(x, cast(div_no_nan(_one(magnitude), magnitude), x.dtype), name=scope)
    return _sign(x, name)


@_unary(
    "Square",
    "{numbers}",
    lambda op, dy: (
        dy * (conjugate(op.inputs[0]) * constant(2.0, op.inputs[0].dtype))
        if not op.inputs[0].dtype.is_integer
        else None
    ),
)
def square(x: Any, name: str | None = None) -> Tensor:
    """x * x."""
    return apply("Square", x, name=name)


for _name in ("Inv", "Reciprocal"):
    _unary(_name, "{inexact}", lambda op, dy, _n=_name: apply(f"{_n}Grad", op.outputs[0], dy))


def _inv_grad_grad(op: Operation, grad: Tensor) -> list[Any]:
    y, dy = op.inputs
    back = constant(-2.0, grad.dtype) * conjugate(grad) * dy * conjugate(y)
    return [back, conjugate(apply(op.type, y, conjugate(grad)))]


for _name in ("InvGrad", "ReciprocalGrad"):
    _gradient_op(_name, ("y", "dy"), "{inexact}", _inv_grad_grad)


def reciprocal(x: Any, name: str | None = None) -> Tensor:
    """1 / x."""
    return apply("Reciprocal", x, name=name)


@_unary("Sqrt", "{inexact}", lambda op, dy: apply("SqrtGrad", op.outputs[0], dy))
def sqrt(x: Any, name: str | None = None) -> Tensor:
    """The square root; NaN below zero."""
    return apply("Sqrt", x, name=name)


def _sqrt_grad_grad(op: Operation, grad: Tensor) -> list[Any]:
    y, dy = op.inputs
    bar = conjugate(y)
    return [constant(-0.5, y.dtype) * conjugate(grad) * dy / (bar * bar), constant(0.5, y.dtype) * grad / y]


_gradient_op("SqrtGrad", ("y", "dy"), "{inexact}", _sqrt_grad_grad)


@_unary("Rsqrt", "{inexact}", lambda op, dy: apply("RsqrtGrad", op.outputs[0], dy))
def rsqrt(x: Any, name: str | None = None) -> Tensor:
    """1 / sqrt(x)."""
    return apply("Rsqrt", x, name=name)


def _rsqrt_grad_grad(op: Operation, grad: Tensor) -> list[Any]:
    y, dy = op.inputs
    back = constant(-1.5, grad.dtype) * conjugate(grad) * dy * square(conjugate(y))
    return [back, conjugate(apply("RsqrtGrad", y, conjugate(grad)))]


_gradient_op("RsqrtGrad", ("y", "dy"), "{inexact}", _rsqrt_grad_grad)


@_unary("Exp", "{inexact}", lambda op, dy: dy * conjugate(op.outputs[0]))
def exp(x: Any, name: str | None = None) -> Tensor:
    """e to the power x."""
    return apply("Exp", x, name=name)


@_unary("Expm1", "{floats}", lambda op, dy: dy * exp(op.inputs[0]))
def expm1(x: Any, name: str | None = None) -> Tensor:
    """exp(x) - 1, exact near zero."""
    return apply("Expm1", x, name=name)


@_unary("Log", "{inexact}", lambda op, dy: dy * reciprocal(conjugate(op.inputs[0])))
def log(x: Any, name: str | None = None) -> Tensor:
    """The natural logarithm; -Inf at zero, NaN below."""
    return apply("Log", x, name=name)


@_unary("Log1p", "{floats}", lambda op, dy: dy * reciprocal(op.inputs[0] + constant(1.0, dy.dtype)))
def log1p(x: Any, name: str | None = None) -> Tensor:
    """log(1 + x), exact near zero."""
    return apply("Log1p", x, name=name)


@_unary("Sin", "{inexact}", lambda op, dy: dy * cos(conjugate(op.inputs[0])))
def sin(x: Any, name: str | None = None) -> Tensor:
    """The sine, x in radians."""
    return apply("Sin", x, name=name)


@_unary("Cos", "{inexact}", lambda op, dy: negative(dy) * sin(conjugate(op.inputs[0])))
def cos(x: Any, name: str | None = None) -> Tensor:
    """The cosine, x in radians."""
    return apply("Cos", x, name=name)


@_unary("Tan", "{floats}", lambda op, dy: dy * square(reciprocal(cos(op.inputs[0]))))
def tan(x: Any, name: str | None = None) -> Tensor:
    """The tangent, x in radians."""
    return apply("Tan", x, name=name)


def _one(x: Tensor) -> Tensor:
    return constant(1.0, x.dtype)


@_unary("Asin", "{floats}", lambda op, dy: dy * rsqrt(_one(dy) - square(op.inputs[0])))
def asin(x: Any, name: str | None = None) -> Tensor:
    """The inverse sine, in radians."""
    return apply("Asin", x, name=name)


@_unary("Acos", "{floats}", lambda op, dy: negative(dy * rsqrt(_one(dy) - square(op.inputs[0]))))
def acos(x: Any, name: str | None = None) -> Tensor:
    """The inverse cosine, in radians."""
    return apply("Acos", x, name=name)


@_unary("Atan", "{floats}", lambda op, dy: dy * reciprocal(_one(dy) + square(op.inputs[0])))
def atan(x: Any, name: str | None = None) -> Tensor:
    """The inverse tangent, in radians."""
    return apply("Atan", x, name=name)


@_unary("Sinh", "{floats}", lambda op, dy: dy * cosh(op.inputs[0]))
def sinh(x: Any, name: str | None = None) -> Tensor:
    """The hyperbolic sine."""
    return apply("Sinh", x, name=name)


@_unary("Cosh", "{floats}", lambda op, dy: dy * sinh(op.inputs[0]))
def cosh(x: Any, name: str | None = None) -> Tensor:
    """The hyperbolic cosine."""
    return apply("Cosh", x, name=name)


@_unary("Asinh", "{floats}", lambda op, dy: dy / cosh(op.outputs[0]))
def asinh(x: Any, name: str | None = None) -> Tensor:
    """The inverse hyperbolic sine."""
    return apply("Asinh", x, name=name)


@_unary("Acosh", "{floats}", lambda op, dy: dy / sinh(op.outputs[0]))
def acosh(x: Any, name: str | None = None) -> Tensor:
    """The inverse hyperbolic cosine; NaN below one."""
    return apply("Acosh", x, name=name)


@_unary("Atanh", "{floats}", lambda op, dy: dy * reciprocal(_one(dy) - square(op.inputs[0])))
def atanh(x: Any, name: str | None = None) -> Tensor:
    """The inverse hyperbolic tangent."""
    return apply("Atanh", x, name=name)


@_unary("Tanh", "{inexact}", lambda op, dy: apply("TanhGrad", op.outputs[0], dy))
def tanh(x: Any, name: str | None = None) -> Tensor:
    """The hyperbolic tangent."""
    return apply("Tanh", x, name=name)


def _tanh_grad_grad(op: Operation, grad: Tensor) -> list[Any]:
    y, dy = op.inputs
    back = constant(-2.0, grad.dtype) * conjugate(grad) * dy * conjugate(y)
    return [back, conjugate(apply("TanhGrad", y, conjugate(grad)))]


_gradient_op("TanhGrad", ("y", "dy"), "{inexact}", _tanh_grad_grad)


@_unary("Sigmoid", "{floats}", lambda op, dy: apply("SigmoidGrad", op.outputs[0], dy))
def sigmoid(x: Any, name: str | None = None) -> Tensor:
    """1 / (1 + exp(-x))."""
    return apply("Sigmoid", x, name=name)


def _sigmoid_grad_grad(op: Operation, grad: Tensor) -> list[Any]:
    y, dy = op.inputs
    gb = grad * dy
    return [gb - constant(2.0, grad.dtype) * gb * y, apply("SigmoidGrad", y, grad)]


_gradient_op("SigmoidGrad", ("y", "dy"), "{floats}", _sigmoid_grad_grad)


@_unary("Floor", "{floats}", lambda op, dy: None)
def floor(x: Any, name: str | None = None) -> Tensor:
    """The greatest whole number not above x."""
    return apply("Floor", x, name=name)


@_unary("Ceil", "{floats}", lambda op, dy: None)
def ceil(x: Any, name: str | None = None) -> Tensor:
    """The least whole number not below x."""
    return apply("Ceil", x, name=name)


@_unary("Rint", "{floats}", lambda op, dy: None)
def rint(x: Any, name: str | None = None) -> Tensor:
    """The nearest whole number, halves to even."""
    return apply("Rint", x, name=name)


_unary("Round", "{reals}", lambda op, dy: None)


def round(x: Any, name: str | None = None) -> Tensor:
    """The nearest whole number, halves to even. Integers stay."""
    with name_scope(name, "Round", [x]) as scope:
        x = convert_to_tensor(x, name="x")
        return x if x.dtype.is_integer else apply("Round", x, name=scope)


@_unary(
    "Erf",
    "{floats}",
    lambda op, dy: dy * (constant(2 / math.sqrt(math.pi), dy.dtype) * exp(negative(square(op.inputs[0])))),
)
def erf(x: Any, name: str | None = None) -> Tensor:
    """The Gauss error function."""
    return apply("Erf", x, name=name)


@_unary(
    "Erfc",
    "{floats}",
    lambda op, dy: dy * (constant(-2 / math.sqrt(math.pi), dy.dtype) * exp(negative(square(op.inputs[0])))),
)
def erfc(x: Any, name: str | None = None) -> Tensor:
    """1 - erf(x), exact where that is small."""
    return apply("Erfc", x, name=name)


_unary("Invert", "{integers}", None)


@_unary("Conj", "{complexes}", lambda op, dy: apply("Conj", dy))
def _conj(x: Any, name: str | None = None) -> Tensor:
    return apply("Conj", x, name=name)


def conj(x: Any, name: str | None = None) -> Tensor:
    """The complex conjugate. A real tensor is returned as it is."""
    with name_scope(name, "Conj", [x]) as scope:
        x = convert_to_tensor(x, name="x")
        return _conj(x, scope) if x.dtype.is_complex else x


def _part(op_type: str, grad: Gradient) -> None:
    attrs = ["T: {complexes} = complex64", "Tout: {float32, float64} = float32"]
    register(
        op_type, inputs=["input: T"], outputs=["output: Tout"], attrs=attrs, shape=shapes.same, grad=grad
    )


_part("Real", lambda op, dy: complex(dy, constant(0.0, dy.dtype)))
_part("Imag", lambda op, dy: complex(constant(0.0, dy.dtype), dy))


def _angle_grad(op: Operation, dy: Tensor) -> Any:
    x = op.inputs[0]
    return negative(complex(dy, apply("ZerosLike", dy)) * reciprocal(complex(imag(x), real(x))))


_part("Angle", _angle_grad)


def real(input: Any, name: str | None = None) -> Tensor:
    """The real part. A real tensor is returned as it is."""
    with name_scope(name, "Real", [input]) as scope:
        x = convert_to_tensor(input, name="input")
        return apply("Real", x, Tout=x.dtype.real_dtype, name=scope) if x.dtype.is_complex else x


def imag(input: Any, name: str | None = None) -> Tensor:
    """The imaginary part; zeros for a real tensor."""
    with name_scope(name, "Imag", [input]) as scope:
        x = convert_to_tensor(input, name="input")
        return (
            apply("Imag", x, Tout=x.dtype.real_dtype, name=scope)
            if x.dtype.is_complex
            else apply("ZerosLike", x, name=scope)
        )


def angle(input: Any, name: str | None = None) -> Tensor:
    """The argument of complex numbers, in radians; of real ones 0 or pi."""
    with name_scope(name, "Angle", [input]) as scope:
        x = convert_to_tensor(input, name="input")
        if x.dtype.is_complex:
            return apply("Angle", x, Tout=x.dtype.real_dtype, name=scope)
        zeros = apply("ZerosLike", x)
        return apply("SelectV2", less(x, zeros), constant(math.pi, x.dtype), zeros, name=scope)


@register(
    "Complex",
    inputs=["real: T", "imag: T"],
    outputs=["out: Tout"],
    attrs=["T: {float32, float64} = float32", "Tout: {complexes} = complex64"],
    shape=shapes.broadcast,
    grad=lambda op, dy: unbroadcast(op, real(dy), imag(dy)),
)
def complex(real: Any, imag: Any, name: str | None = None) -> Tensor:
    """real + i imag."""
    with name_scope(name, "Complex", [real, imag]) as scope:
        real = convert_to_tensor(real, name="real")
        return apply(
            "Complex",
            real,
            imag,
            Tout=dtypes.complex128 if real.dtype == dtypes.float64 else dtypes.complex64,
            name=scope,
        )


def _test(op_type: str) -> Decorator:
    return register(
        op_type, inputs=["x: T"], outputs=["y: bool"], attrs=["T: {floats}"], shape=shapes.same, grad=None
    )


@_test("IsNan")
def is_nan(x: Any, name: str | None = None) -> Tensor:
    """True where x is NaN."""
    return apply("IsNan", x, name=name)


@_test("IsInf")
def is_inf(x: Any, name: str | None = None) -> Tensor:
    """True where x is infinite."""
    return apply("IsInf", x, name=name)


@_test("IsFinite")
def is_finite(x: Any, name: str | None = None) -> Tensor:
    """True where x is neither infinite nor NaN."""
    return apply("IsFinite", x, name=name)


# ---- two arguments ----------------------------------------

for _name in ("Add", "AddV2"):
    _binary(_name, "{numbers}", lambda op, dz: unbroadcast(op, dz, dz), _known(lambda x, y: x + y))


def add(x: Any, y: Any, name: str | None = None) -> Tensor:
    """x + y."""
    return apply("Add", x, y, name=name)


@_binary("Sub", "{numbers}", lambda op, dz: unbroadcast(op, dz, negative(dz)), _known(lambda x, y: x - y))
def subtract(x: Any, y: Any, name: str | None = None) -> Tensor:
    """x - y."""
    return apply("Sub", x, y, name=name)


def _mul_grad(op: Operation, dz: Tensor) -> list[Any]:
    x, y = op.inputs
    return unbroadcast(op, multiply(dz, conjugate(y)), multiply(conjugate(x), dz))


@_binary("Mul", "{numbers}", _mul_grad, _known(lambda x, y: x * y))
def multiply(x: Any, y: Any, name: str | None = None) -> Tensor:
    """x * y, element by element."""
    return apply("Mul", x, y, name=name)


def _realdiv_grad(op: Operation, dz: Tensor) -> list[Any]:
    x, y = conjugate(op.inputs[0]), conjugate(op.inputs[1])
    return unbroadcast(op, realdiv(dz, y), dz * realdiv(realdiv(negative(x), y), y))


@_binary("RealDiv", "{inexact}", _realdiv_grad)
def realdiv(x: Any, y: Any, name: str | None = None) -> Tensor:
    """x / y for floating and complex types."""
    return apply("RealDiv", x, y, name=name)


_binary("Div", "{numbers}", lambda op, dz: _realdiv_grad(op, dz) if not dz.dtype.is_integer else [None, None])


def div(x: Any, y: Any, name: str | None = None) -> Tensor:
    """x / y; of integers the quotient rounded towards minus infinity, as Python 2 divided."""
    with name_scope(name, "div", [x, y]) as scope:
        x = convert_to_tensor(x, name="x")
        y = convert_to_tensor(y, name="y", dtype=x.dtype)
        return (
            realdiv(x, y, name=scope)
            if x.dtype.is_floating or x.dtype.is_complex
            else floordiv(x, y, name=scope)
        )


def truediv(x: Any, y: Any, name: str | None = None) -> Tensor:
    """x / y as Python 3 divides: integers become float64 (8- and 16-bit ones float32)."""
    with name_scope(name, "truediv", [x, y]) as scope:
        x = convert_to_tensor(x, name="x")
        y = convert_to_tensor(y, name="y", dtype=None if isinstance(y, Tensor) else x.dtype)
        if x.dtype != y.dtype:
            raise TypeError(f"x and y must have the same dtype, got {x.dtype.name} != {y.dtype.name}")
        if x.dtype.is_integer:
            wide = dtypes.float32 if x.dtype.size <= 2 else dtypes.float64
            x, y = cast(x, wide), cast(y, wide)
        return realdiv(x, y, name=scope)


def divide(x: Any, y: Any, name: str | None = None) -> Tensor:
    """x / y in Python 3's sense."""
    x = convert_to_tensor(x)
    return truediv(x, y, name=name)


def _div_no_nan_grad(op: Operation, dz: Tensor) -> list[Any]:
    x, y = op.inputs
    return unbroadcast(op, div_no_nan(dz, y), dz * div_no_nan(div_no_nan(negative(x), y), y))


@_binary("DivNoNan", "{floats}", _div_no_nan_grad)
def _div_no_nan(x: Any, y: Any, name: str | None = None) -> Tensor:
    return apply("DivNoNan", x, y, name=name)


def div_no_nan(x: Any, y: Any, name: str | None = None) -> Tensor:
    """x / y, and 0 where y is 0."""
    with name_scope(name, "div_no_nan", [x, y]) as scope:
        return _div_no_nan(convert_to_tensor(x, name="x"), y, scope)


_binary(
    "MulNoNan",
    "{floats}",
    lambda op, dz: unbroadcast(op, apply("MulNoNan", dz, op.inputs[1]), apply("MulNoNan", op.inputs[0], dz)),
)


@_binary(
    "FloorDiv",
    "{reals}",
    lambda op, dz: [None, None],
    _known(lambda x, y: None if (y == 0).any() else x // y),
)
def floordiv(x: Any, y: Any, name: str | None = None) -> Tensor:
    """The quotient rounded towards minus infinity. Integer division by zero is an InvalidArgumentError."""
    return apply("FloorDiv", x, y, name=name or "floordiv")


def _floormod_grad(op: Operation, dz: Tensor) -> list[Any]:
    if dz.dtype.is_integer:
        return [None, None]
    return unbroadcast(op, dz, negative(dz * floordiv(op.inputs[0], op.inputs[1])))


@_binary("FloorMod", "{reals}", _floormod_grad)
def floormod(x: Any, y: Any, name: str | None = None) -> Tensor:
    """What floordiv leaves: it has the sign of y."""
    return apply("FloorMod", x, y, name=name)


mod = floormod


@_binary("TruncateDiv", "{integers}", lambda op, dz: [None, None])
def truncatediv(x: Any, y: Any, name: str | None = None) -> Tensor:
    """The integer quotient rounded towards zero."""
    return apply("TruncateDiv", x, y, name=name)


def _truncatemod_grad(op: Operation, dz: Tensor) -> list[Any]:
    if dz.dtype.is_integer:
        return [None, None]
    quotient = op.inputs[0] / op.inputs[1]
    return unbroadcast(op, dz, negative(dz * (sign(quotient) * floor(abs(quotient)))))


for _name in ("Mod", "TruncateMod"):
    _binary(_name, "{reals}", _truncatemod_grad)


def truncatemod(x: Any, y: Any, name: str | None = None) -> Tensor:
    """What division towards zero leaves: it has the sign of x."""
    return apply("TruncateMod", x, y, name=name)


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


@_binary("Pow", "{numbers}", _pow_grad)
def pow(x: Any, y: Any, name: str | None = None) -> Tensor:
    """x to the power y. Integers to negative powers are an InvalidArgumentError."""
    return apply("Pow", x, y, name=name)


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


def _choice_grad(compare: Callable[..., Tensor]) -> Callable[..., Any]:
    def grad(op: Operation, dz: Tensor) -> list[Any]:
        mask = compare(op.inputs[0], op.inputs[1])
        zeros = apply("ZerosLike", dz)
        return unbroadcast(op, where_v1(mask, dz, zeros), where_v1(mask, zeros, dz))

    return grad


@_binary("Maximum", "{reals}", _choice_grad(lambda x, y: greater_equal(x, y)), _known(np.maximum))
def maximum(x: Any, y: Any, name: str | None = None) -> Tensor:
    """The greater of both; NaN where either is NaN."""
    return apply("Maximum", x, y, name=name)


@_binary("Minimum", "{reals}", _choice_grad(lambda x, y: less_equal(x, y)), _known(np.minimum))
def minimum(x: Any, y: Any, name: str | None = None) -> Tensor:
    """The lesser of both; NaN where either is NaN."""
    return apply("Minimum", x, y, name=name)


def _squared_difference_grad(op: Operation, dz: Tensor) -> list[Any]:
    x, y = op.inputs
    if dz.dtype.is_integer:
        return [None, None]
    # The result is real, whatever the type: only the real part of its gradient counts.
    weight = cast(real(dz), dz.dtype) if dz.dtype.is_complex else dz
    gx = constant(2.0, dz.dtype) * weight * (x - y)
    return unbroadcast(op, gx, negative(gx))


@_binary("SquaredDifference", "{numbers}", _squared_difference_grad)
def squared_difference(x: Any, y: Any, name: str | None = None) -> Tensor:
    """(x - y) squared."""
    return apply("SquaredDifference", x, y, name=name)


for _name in ("BitwiseAnd", "BitwiseOr", "BitwiseXor"):
    _binary(_name, "{integers}", None)


@_compare("Equal", "{numbers, bool}")
def equal(x: Any, y: Any, name: str | None = None) -> Tensor:
    """x == y."""
    return apply("Equal", x, y, name=name)


@_compare("NotEqual", "{numbers, bool}")
def not_equal(x: Any, y: Any, name: str | None = None) -> Tensor:
    """x != y."""
    return apply("NotEqual", x, y, name=name)


@_compare("Less", "{reals}")
def less(x: Any, y: Any, name: str | None = None) -> Tensor:
    """x < y."""
    return apply("Less", x, y, name=name)


@_compare("LessEqual", "{reals}")
def less_equal(x: Any, y: Any, name: str | None = None) -> Tensor:
    """x <= y."""
    return apply("LessEqual", x, y, name=name)


@_compare("Greater", "{reals}")
def greater(x: Any, y: Any, name: str | None = None) -> Tensor:
    """x > y."""
    return apply("Greater", x, y, name=name)


@_compare("GreaterEqual", "{reals}")
def greater_equal(x: Any, y: Any, name: str | None = None) -> Tensor:
    """x >= y."""
    return apply("GreaterEqual", x, y, name=name)


@register(
    "LogicalNot", inputs=["x: T"], outputs=["y: T"], attrs=["T: {bool} = bool"], shape=shapes.same, grad=None
)
def logical_not(x: Any, name: str | None = None) -> Tensor:
    """not x."""
    return apply("LogicalNot", x, name=name)


@register(
    "LogicalAnd",
    inputs=["x: T", "y: T"],
    outputs=["z: T"],
    attrs=["T: {bool} = bool"],
    shape=shapes.broadcast,
    grad=None,
)
def logical_and(x: Any, y: Any, name: str | None = None) -> Tensor:
    """x and y."""
    return apply("LogicalAnd", x, y, name=name)


@register(
    "LogicalOr",
    inputs=["x: T", "y: T"],
    outputs=["z: T"],
    attrs=["T: {bool} = bool"],
    shape=shapes.broadcast,
    grad=None,
)
def logical_or(x: Any, y: Any, name: str | None = None) -> Tensor:
    """x or y."""
    return apply("LogicalOr", x, y, name=name)


def logical_xor(x: Any, y: Any, name: str = "LogicalXor") -> Tensor:
    """Exactly one of x and y."""
    return logical_and(logical_or(x, y), logical_not(logical_and(x, y)), name=name)


# ---- choice, sums, types ----------------------------------------


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

    X and y have one shape; the condition has it too, is a scalar, or has one entry per row.
    """
    if x is None or y is None:
        raise ValueError("x and y must both be given: flowcore.where chooses between two tensors")
    return apply("Select", condition, x, y, name=name)


select = where


@register(
    "AddN",
    inputs=["inputs: N * T"],
    outputs=["sum: T"],
    attrs=["N: int >= 1", "T: {numbers}"],
    shape=shapes.all_alike,
    grad=lambda op, dz: [dz] * len(op.inputs),
)
def _add_n(inputs: Any, name: str | None = None) -> Tensor:
    return apply("AddN", inputs, name=name)


def add_n(inputs: Any, name: str | None = None) -> Tensor:
    """The sum of tensors of one shape and dtype. Raises ValueError for an empty list."""
    if not isinstance(inputs, (list, tuple)) or not inputs:
        raise ValueError("add_n needs a list of one or more tensors of one dtype and shape")
    inputs = [convert_to_tensor(x) if isinstance(x, IndexedSlices) else x for x in inputs]
    if len(inputs) == 1:
        return apply("Identity", inputs[0], name=name) if name else convert_to_tensor(inputs[0])
    return _add_n(inputs, name)


def accumulate_n(inputs: Any, shape: Any = None, tensor_dtype: Any = None, name: str | None = None) -> Tensor:
    """add_n: the engine needs no other op to add up without waiting for all."""
    return add_n(inputs, name)


def scalar_mul(scalar: Any, x: Any, name: str | None = None) -> Any:
    """A scalar times a tensor or IndexedSlices."""
    dtype = x.dtype if hasattr(x, "dtype") else None
    scalar = convert_to_tensor(scalar, dtype=dtype, name="scalar")
    if scalar.shape.ndims not in (0, None):
        raise ValueError(f"Only scalar multiply works, got shape {scalar.shape}")
    if isinstance(x, IndexedSlices):
        return IndexedSlices(multiply(scalar, x.values, name), x.indices, x.dense_shape)
    return multiply(scalar, x, name)


def _cast_grad(op: Operation, dz: Tensor) -> Any:
    source = op.inputs[0].dtype
    return cast(dz, source) if source.is_floating or source.is_complex else None


def _cast_value(op: Operation) -> list[Any]:
    value = constant_value(op.inputs[0])
    target = op.get_attr("DstT")
    # A float that does not fit an integer has a rule of its own, the kernel's.
    exact = (
        value is not None
        and value.size <= 64
        and target is not dtypes.bfloat16
        and (value.dtype.kind in "iub" or (value.dtype.kind == "f" and target.is_floating))
    )
    return [value.astype(target.as_numpy_dtype) if exact else None]


register(
    "Cast",
    inputs=["x: SrcT"],
    outputs=["y: DstT"],
    attrs=["SrcT: {numbers, bool}", "DstT: {numbers, bool}", "Truncate: bool = False"],
    shape=shapes.same,
    value=_cast_value,
    grad=_cast_grad,
)


def cast(x: Any, dtype: Any, name: str | None = None) -> Any:
    """`x` as another type.

    Floats are cut towards zero; what does not fit an integer type gives its nearest limit, NaN
    gives 0.
    """
    target = dtypes.as_dtype(dtype)
    if isinstance(x, IndexedSlices):
        return IndexedSlices(cast(x.values, target, name), x.indices, x.dense_shape)
    if isinstance(x, Tensor):
        return x if x.dtype is target else apply("Cast", x, DstT=target, name=name)
    with name_scope(name, "Cast", [x]) as scope:
        x = convert_to_tensor(x, name="x")
        return x if x.dtype is target else apply("Cast", x, DstT=target, name=scope)


def saturate_cast(value: Any, dtype: Any, name: str | None = None) -> Tensor:
    """A cast that gives the nearest value of the type where it does not fit."""
    with name_scope(name, "saturate_cast", [value]) as scope:
        value = convert_to_tensor(value, name="value")
        target = dtypes.as_dtype(dtype)
        if value.dtype.min < target.min:
            value = maximum(value, constant(target.min, value.dtype, name="min"))
        if value.dtype.max > target.max:
            value = minimum(value, constant(target.max, value.dtype, name="max"))
        return cast(value, target, name=scope)


def _to(target: dtypes.DType, default: str) -> Callable[..., Any]:
    def convert(x: Any, name: str = default) -> Any:
        return cast(x, target, name)

    convert.__name__ = f"to_{target.name}"
    convert.__doc__ = f"`x` as {target.name}."
    return convert


to_float = _to(dtypes.float32, "ToFloat")
to_double = _to(dtypes.float64, "ToDouble")
to_int32 = _to(dtypes.int32, "ToInt32")
to_int64 = _to(dtypes.int64, "ToInt64")
to_bfloat16 = _to(dtypes.bfloat16, "ToBFloat16")


def clip_by_value(t: Any, clip_value_min: Any, clip_value_max: Any, name: str | None = None) -> Any:
    """t, held between two bounds."""
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
    grad=lambda op, dz: check_numerics(dz, "in a gradient"),
)
def check_numerics(tensor: Any, message: str, name: str | None = None) -> Tensor:
    """Passes the tensor on; NaN or infinity in it is an InvalidArgumentError that says `message`."""
    return apply("CheckNumerics", tensor, message=message, name=name)


def _relu_grad_grad(op: Operation, dz: Tensor) -> list[Any]:
    return [apply(op.type, dz, op.inputs[1]), apply("ZerosLike", op.inputs[1])]


_gradient_op("ReluGrad", ("gradients", "features"), "{reals}", _relu_grad_grad, "backprops")
_gradient_op("Relu6Grad", ("gradients", "features"), "{floats}", _relu_grad_grad, "backprops")


def _elu_grad_grad(op: Operation, dz: Tensor) -> list[Any]:
    gradients, outputs = op.inputs
    negative_side = less(outputs, constant(0.0, outputs.dtype))
    return [apply(op.type, dz, outputs), where_v1(negative_side, dz * gradients, apply("ZerosLike", outputs))]


_gradient_op("EluGrad", ("gradients", "outputs"), "{floats}", _elu_grad_grad, "backprops")
_gradient_op("SeluGrad", ("gradients", "outputs"), "{floats}", _elu_grad_grad, "backprops")


def _softplus_grad_grad(op: Operation, dz: Tensor) -> list[Any]:
    gradients, features = op.inputs
    slope = sigmoid(features)
    return [apply("SoftplusGrad", dz, features), dz * gradients * slope * (_one(slope) - slope)]


_gradient_op("SoftplusGrad", ("gradients", "features"), "{floats}", _softplus_grad_grad, "backprops")


def _softsign_grad_grad(op: Operation, dz: Tensor) -> list[Any]:
    gradients, features = op.inputs
    base = _one(features) + abs(features)
    return [
        apply("SoftsignGrad", dz, features),
        dz * gradients * sign(features) * constant(-2.0, dz.dtype) / (base * base * base),
    ]


_gradient_op("SoftsignGrad", ("gradients", "features"), "{floats}", _softsign_grad_grad, "backprops")


# ---- operators ----------------------------------------


def define_operator(function: Callable[..., Tensor], method: str, name: str) -> None:
    """`x <op> y`, where only x need be a tensor; the other side is converted to its dtype."""

    def forward(x: Tensor, y: Any) -> Any:
        with name_scope(None, name, [x, y]) as scope:
            try:
                other = (
                    y
                    if isinstance(y, IndexedSlices)
                    else convert_to_tensor(y, dtype=None if isinstance(y, Tensor) else x.dtype, name="y")
                )
            except TypeError:
                if hasattr(type(y), f"__r{method}__") and not isinstance(y, (np.ndarray, np.generic)):
                    return NotImplemented
                raise
            return function(x, other, name=scope)

    def backward(y: Tensor, x: Any) -> Any:
        with name_scope(None, name, [x, y]) as scope:
            return function(convert_to_tensor(x, dtype=y.dtype, name="x"), y, name=scope)

    Tensor._override_operator(f"__{method}__", forward)
    if f"__r{method}__" in Tensor.OVERLOADABLE_OPERATORS:
        Tensor._override_operator(f"__r{method}__", backward)


def _add_v2(x: Any, y: Any, name: str | None = None) -> Tensor:
    return apply("AddV2", x, y, name=name)


define_operator(_add_v2, "add", "add")
define_operator(subtract, "sub", "sub")
define_operator(multiply, "mul", "mul")
define_operator(truediv, "truediv", "truediv")
define_operator(floordiv, "floordiv", "floordiv")
define_operator(floormod, "mod", "mod")
define_operator(pow, "pow", "pow")


def _logical(on_bool: Callable[..., Tensor], bitwise: str) -> Callable[..., Tensor]:
    def function(x: Tensor, y: Tensor, name: str | None = None) -> Tensor:
        return on_bool(x, y, name=name) if x.dtype == dtypes.bool else apply(bitwise, x, y, name=name)

    return function


define_operator(_logical(logical_and, "BitwiseAnd"), "and", "and")
define_operator(_logical(logical_or, "BitwiseOr"), "or", "or")
define_operator(_logical(logical_xor, "BitwiseXor"), "xor", "xor")
for _method, _function in (("lt", less), ("le", less_equal), ("gt", greater), ("ge", greater_equal)):
    Tensor._override_operator(f"__{_method}__", _function)
Tensor._override_operator("__neg__", negative)
Tensor._override_operator("__abs__", abs)
Tensor._override_operator(
    "__invert__", lambda x: logical_not(x) if x.dtype == dtypes.bool else apply("Invert", x)
)
