"""Casts between types, and complex numbers from and to their parts.

Must never import arithmetic or functions: those are built on it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flowcore import dtypes
from flowcore.graph.apply import apply
from flowcore.graph.constants import constant, constant_value
from flowcore.graph.conversion import convert_to_tensor
from flowcore.graph.op_def import register
from flowcore.graph.operation import IndexedSlices, Operation, Tensor
from flowcore.graph.scopes import name_scope
from flowcore.ops import shapes
from flowcore.ops.comparison import maximum, minimum
from flowcore.ops.elementwise import Gradient, unary, unbroadcast

__all__ = [
    "cast", "complex", "conj", "imag", "real", "saturate_cast", "to_bfloat16", "to_double",
    "to_float", "to_int32", "to_int64",
]  # fmt: skip


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

# ---- complex numbers ----------------------------------------


@unary("Conj", "{complexes}", lambda op, dy: apply("Conj", dy))
def _conj(x: Any, name: str | None = None) -> Tensor:
    return apply("Conj", x, name=name)


def conj(x: Any, name: str | None = None) -> Tensor:
    """The complex conjugate. A real tensor is returned as it is."""
    with name_scope(name, "Conj", [x]) as scope:
        x = convert_to_tensor(x, name="x")
        return _conj(x, scope) if x.dtype.is_complex else x


def complex_part(op_type: str, grad: Gradient) -> None:
    """Declares an op of complex numbers whose result is real."""
    attrs = ["T: {complexes} = complex64", "Tout: {float32, float64} = float32"]
    register(
        op_type, inputs=["input: T"], outputs=["output: Tout"], attrs=attrs, shape=shapes.same, grad=grad
    )


complex_part("Real", lambda op, dy: complex(dy, constant(0.0, dy.dtype)))
complex_part("Imag", lambda op, dy: complex(constant(0.0, dy.dtype), dy))


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
