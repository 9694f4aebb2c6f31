"""Casts between types, and complex numbers from and to their parts.

Must never import arithmetic or functions: those are built on it.
"""

from __future__ import annotations

from typing import Any, overload

from flowcore import dtypes
from flowcore.graph.apply import apply
from flowcore.graph.constants import constant, constant_value
from flowcore.graph.conversion import convert_to_tensor
from flowcore.graph.op_def import register
from flowcore.graph.operation import IndexedSlices, Operation, Tensor
from flowcore.graph.scopes import name_scope
from flowcore.ops import shapes
from flowcore.ops.comparison import maximum, minimum
from flowcore.ops.elementwise import Gradient, unbroadcast

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


@overload
def cast(x: IndexedSlices, dtype: Any, name: str | None = None) -> IndexedSlices: ...
@overload
def cast(x: Any, dtype: Any, name: str | None = None) -> Tensor: ...
def cast(x: Any, dtype: Any, name: str | None = None) -> Any:
    """x as another dtype, element by element.

    Floats are cut towards zero; what does not fit an integer dtype gives its nearest limit, NaN
    gives 0. Integers that do not fit wrap.

    Args:
        x: A Tensor of a number dtype or bool, what converts to one, or IndexedSlices.
        dtype: The new dtype, a number dtype or bool: a DType, its name, or a NumPy type.
        name: A name for the operation.

    Returns:
        A Tensor of dtype and x's shape, or IndexedSlices where x is; x itself where it has the
        dtype.

    Raises:
        TypeError: dtype is no dtype, or there is no cast between the two.

    Example:
        >>> fc.Session().run(fc.cast([1.9, -1.9, 300.0], fc.uint8))
        array([  1,   0, 255], dtype=uint8)
    """
    target = dtypes.as_dtype(dtype)
    if isinstance(x, IndexedSlices):
        return IndexedSlices(cast(x.values, target, name), x.indices, x.dense_shape)
    if isinstance(x, Tensor):
        return x if x.dtype.base_dtype is target else apply("Cast", x, DstT=target, name=name)
    with name_scope(name, "Cast", [x]) as scope:
        x = convert_to_tensor(x, name="x")
        return x if x.dtype.base_dtype is target else apply("Cast", x, DstT=target, name=scope)


def summing_dtype(dtype: dtypes.DType) -> dtypes.DType:
    """The dtype to count, and to add up squares in: float16 ends at 65504, bfloat16 counts to 256."""
    return dtypes.float32 if dtype in (dtypes.float16, dtypes.bfloat16) else dtype


def saturate_cast(value: Any, dtype: Any, name: str | None = None) -> Tensor:
    """x as another dtype; what does not fit gives the nearest value that does.

    Args:
        value: A Tensor of a floating or integer dtype or bool, or what converts to one.
        dtype: The new dtype, a number dtype or bool: a DType, its name, or a NumPy type.
        name: A name for the operation.

    Returns:
        A Tensor of dtype and value's shape.

    Raises:
        TypeError: dtype is no dtype, or one of the two has no least and greatest value.

    Example:
        >>> fc.Session().run(fc.saturate_cast([-1, 300], fc.uint8))
        array([  0, 255], dtype=uint8)
    """
    with name_scope(name, "saturate_cast", [value]) as scope:
        value = convert_to_tensor(value, name="value")
        target = dtypes.as_dtype(dtype)
        if value.dtype.min < target.min:
            value = maximum(value, constant(target.min, value.dtype, name="min"))
        if value.dtype.max > target.max:
            value = minimum(value, constant(target.max, value.dtype, name="max"))
        return cast(value, target, name=scope)


@overload
def to_float(x: IndexedSlices, name: str = ...) -> IndexedSlices: ...
@overload
def to_float(x: Any, name: str = ...) -> Tensor: ...
def to_float(x: Any, name: str = "ToFloat") -> Any:
    """x as float32: cast under a name of its own.

    Args:
        x: A Tensor of a number dtype or bool, what converts to one, or IndexedSlices.
        name: A name for the operation.

    Returns:
        A Tensor of dtype float32 and x's shape, or IndexedSlices where x is.

    Raises:
        TypeError: x has another dtype.

    Example:
        >>> fc.Session().run(fc.to_float([1, 2]))
        array([1., 2.], dtype=float32)
    """
    return cast(x, dtypes.float32, name)


@overload
def to_double(x: IndexedSlices, name: str = ...) -> IndexedSlices: ...
@overload
def to_double(x: Any, name: str = ...) -> Tensor: ...
def to_double(x: Any, name: str = "ToDouble") -> Any:
    """x as float64: cast under a name of its own.

    Args:
        x: A Tensor of a number dtype or bool, what converts to one, or IndexedSlices.
        name: A name for the operation.

    Returns:
        A Tensor of dtype float64 and x's shape, or IndexedSlices where x is.

    Raises:
        TypeError: x has another dtype.

    Example:
        >>> fc.Session().run(fc.to_double([1, 2]))
        array([1., 2.])
    """
    return cast(x, dtypes.float64, name)


@overload
def to_int32(x: IndexedSlices, name: str = ...) -> IndexedSlices: ...
@overload
def to_int32(x: Any, name: str = ...) -> Tensor: ...
def to_int32(x: Any, name: str = "ToInt32") -> Any:
    """x as int32: cast under a name of its own.

    Args:
        x: A Tensor of a number dtype or bool, what converts to one, or IndexedSlices.
        name: A name for the operation.

    Returns:
        A Tensor of dtype int32 and x's shape, or IndexedSlices where x is.

    Raises:
        TypeError: x has another dtype.

    Example:
        >>> fc.Session().run(fc.to_int32([1.5, -1.5]))
        array([ 1, -1], dtype=int32)
    """
    return cast(x, dtypes.int32, name)


@overload
def to_int64(x: IndexedSlices, name: str = ...) -> IndexedSlices: ...
@overload
def to_int64(x: Any, name: str = ...) -> Tensor: ...
def to_int64(x: Any, name: str = "ToInt64") -> Any:
    """x as int64: cast under a name of its own.

    Args:
        x: A Tensor of a number dtype or bool, what converts to one, or IndexedSlices.
        name: A name for the operation.

    Returns:
        A Tensor of dtype int64 and x's shape, or IndexedSlices where x is.

    Raises:
        TypeError: x has another dtype.

    Example:
        >>> fc.Session().run(fc.to_int64([1.5, -1.5]))
        array([ 1, -1])
    """
    return cast(x, dtypes.int64, name)


@overload
def to_bfloat16(x: IndexedSlices, name: str = ...) -> IndexedSlices: ...
@overload
def to_bfloat16(x: Any, name: str = ...) -> Tensor: ...
def to_bfloat16(x: Any, name: str = "ToBFloat16") -> Any:
    """x as bfloat16: cast under a name of its own.

    Args:
        x: A Tensor of a number dtype or bool, what converts to one, or IndexedSlices.
        name: A name for the operation.

    Returns:
        A Tensor of dtype bfloat16 and x's shape, or IndexedSlices where x is.

    Raises:
        TypeError: x has another dtype.

    Example:
        >>> fc.to_bfloat16([1, 2]).dtype
        flowcore.bfloat16
    """
    return cast(x, dtypes.bfloat16, name)


# ---- complex numbers ----------------------------------------


def _number(x: Any, name: str) -> Tensor:
    """x as a tensor of numbers. Raises TypeError when it is of another dtype."""
    x = convert_to_tensor(x, name=name)
    if x.dtype.base_dtype not in dtypes.GROUPS["numbers"]:
        raise TypeError(f"{name} must be a tensor of numbers, found {x.dtype.name}")
    return x


@register(
    "Conj",
    inputs=["input: T"],
    outputs=["output: T"],
    attrs=["T: {complexes} = complex64"],
    shape=shapes.same,
    grad=lambda op, dy: apply("Conj", dy),
)
def _conj(x: Any, name: str | None = None) -> Tensor:
    return apply("Conj", x, name=name)


def conj(x: Any, name: str | None = None) -> Tensor:
    """The complex conjugate; any other tensor is returned as it is.

    Args:
        x: A Tensor of a number dtype, or what converts to one.
        name: A name for the operation.

    Returns:
        A Tensor of x's dtype and shape.

    Raises:
        TypeError: x is of another dtype.

    Example:
        >>> fc.Session().run(fc.conj([1 + 2j]))
        array([1.-2.j])
    """
    with name_scope(name, "Conj", [x]) as scope:
        x = _number(x, "x")
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
    """The real part; any other tensor is returned as it is.

    Args:
        input: A Tensor of a number dtype, or what converts to one.
        name: A name for the operation.

    Returns:
        A Tensor of input's shape: float32 for complex64, float64 for complex128, else input's
        dtype.

    Raises:
        TypeError: input is of another dtype.

    Example:
        >>> fc.Session().run(fc.real([1 + 2j]))
        array([1.])
    """
    with name_scope(name, "Real", [input]) as scope:
        x = _number(input, "input")
        return apply("Real", x, Tout=x.dtype.real_dtype, name=scope) if x.dtype.is_complex else x


def imag(input: Any, name: str | None = None) -> Tensor:
    """The imaginary part; zeros for a real tensor.

    Args:
        input: A Tensor of a number dtype, or what converts to one.
        name: A name for the operation.

    Returns:
        A Tensor of input's shape: float32 for complex64, float64 for complex128, else input's
        dtype.

    Raises:
        TypeError: input is of another dtype.

    Example:
        >>> fc.Session().run(fc.imag([1 + 2j]))
        array([2.])
    """
    with name_scope(name, "Imag", [input]) as scope:
        x = _number(input, "input")
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
    """Complex numbers from their real and imaginary parts.

    Args:
        real: A Tensor of dtype float32 or float64, or what converts to one.
        imag: A Tensor of real's dtype, or what converts to it; its shape broadcasts against real's.
        name: A name for the operation.

    Returns:
        A Tensor of dtype complex64, complex128 for float64, of the shape that they broadcast to.

    Raises:
        TypeError: The dtypes differ, or are others.
        ValueError: The shapes do not broadcast.

    Example:
        >>> fc.Session().run(fc.complex([1.0, 2.0], 0.5))
        array([1.+0.5j, 2.+0.5j], dtype=complex64)
    """
    with name_scope(name, "Complex", [real, imag]) as scope:
        real = convert_to_tensor(real, name="real")
        return apply(
            "Complex",
            real,
            imag,
            Tout=dtypes.complex128 if real.dtype.base_dtype == dtypes.float64 else dtypes.complex64,
            name=scope,
        )
