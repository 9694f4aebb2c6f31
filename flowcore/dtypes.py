"""Element types of tensors. Numbers, names and groups; NumPy counterparts. Imports nothing of flowcore."""

from __future__ import annotations

from builtins import bool as _bool
from builtins import int as _int
from typing import Any

import numpy as np

__all__ = [
    "DType", "as_dtype", "bfloat16", "bool", "complex64", "complex128", "double", "float16", "float32",
    "float64", "half", "int8", "int16", "int32", "int64", "resource", "string", "uint8", "uint16",
    "uint32", "uint64", "variant",
]  # fmt: skip


class DType:
    """The type of a tensor's elements; there is one object for each type, so `is` compares.

    `flowcore.float32` and its like are these objects; `as_dtype` finds one.

    Example:
        >>> fc.float32.size, fc.float32.is_floating, fc.float32.as_datatype_enum
        (4, True, 1)
    """

    __slots__ = ("_base", "_enum", "_kind", "_name", "_numpy", "_size")

    def __init__(
        self, enum: int, name: str, kind: str, size: int, numpy_type: Any, base: DType | None = None
    ) -> None:
        self._base = self if base is None else base
        self._enum = enum
        self._name = name
        self._kind = kind
        self._size = size
        self._numpy = numpy_type

    @property
    def name(self) -> str:
        """ "float32" and the like; "float32_ref" of a reference to such elements."""
        return self._name

    @property
    def as_datatype_enum(self) -> _int:
        """TensorFlow's DataType number."""
        return self._enum

    @property
    def as_numpy_dtype(self) -> Any:
        """The NumPy scalar type.

        Raises TypeError for resource and variant, ImportError for bfloat16 without ml_dtypes.
        """
        if self._base._name == "bfloat16":
            return _bfloat16_numpy()
        if self._numpy is None:
            raise TypeError(f"dtype {self._name} has no NumPy counterpart")
        return self._numpy

    @property
    def size(self) -> _int:
        """Bytes of one element."""
        return self._size

    @property
    def is_floating(self) -> _bool:
        """Whether it is float16, bfloat16, float32 or float64."""
        return self._kind == "f"

    @property
    def is_integer(self) -> _bool:
        """Whether it is an integer type, signed or not."""
        return self._kind in "iu"

    @property
    def is_unsigned(self) -> _bool:
        """Whether it is an unsigned integer type."""
        return self._kind == "u"

    @property
    def is_complex(self) -> _bool:
        """Whether it is complex64 or complex128."""
        return self._kind == "c"

    @property
    def is_bool(self) -> _bool:
        """Whether it is bool."""
        return self._kind == "b"

    @property
    def is_quantized(self) -> _bool:
        """False: there are no quantized types."""
        return False

    @property
    def is_numpy_compatible(self) -> _bool:
        """Whether NumPy has such a type; for bfloat16 with the package ml_dtypes."""
        return self._numpy is not None or self._base._name == "bfloat16"

    @property
    def base_dtype(self) -> DType:
        """The type of the elements that a reference leads to; any other type itself."""
        return self._base

    @property
    def _is_ref_dtype(self) -> _bool:
        """Whether it is the type of a reference to a variable, whose name ends in "_ref"."""
        return self._base is not self

    @property
    def _as_ref(self) -> DType:
        """The type of a reference to a variable of such elements."""
        return self if self._is_ref_dtype else _BY_ENUM[self._enum + REFERENCE]

    @property
    def real_dtype(self) -> DType:
        """The type of the real part."""
        return {"complex64": float32, "complex128": float64}.get(self._base._name, self)

    @property
    def min(self) -> Any:
        """The least value. Raises TypeError for types without an order."""
        return self._limits()[0]

    @property
    def max(self) -> Any:
        """The greatest finite value. Raises TypeError for types without an order."""
        return self._limits()[1]

    @property
    def limits(self) -> tuple[Any, Any]:
        """(min, max)."""
        return self._limits()

    def _limits(self) -> tuple[Any, Any]:
        if self._kind == "b":
            return False, True
        if self._kind in "iu":
            info = np.iinfo(self._numpy)
            return info.min, info.max
        if self._base._name == "bfloat16":
            largest = float(np.array([0x7F7F0000], np.uint32).view(np.float32)[0])
            return -largest, largest
        if self._kind == "f":
            limits = np.finfo(self._numpy)
            return limits.min, limits.max
        raise TypeError(f"dtype {self._name} has no least or greatest value")

    def is_compatible_with(self, other: Any) -> _bool:
        """Whether `other` is the same type, or the type of a reference to such elements.

        Args:
            other: A DType, or what as_dtype takes.

        Returns:
            A bool.

        Raises:
            TypeError: other is no type.

        Example:
            >>> fc.int32.is_compatible_with(np.int32)
            True
        """
        other = as_dtype(other)
        return self is other or self is other._base

    def __eq__(self, other: object) -> _bool:
        if self is other:
            return True
        if other is None or isinstance(other, DType):
            return False
        try:
            return self is as_dtype(other)
        except TypeError:
            return False

    def __ne__(self, other: object) -> _bool:
        return not self == other

    __hash__ = object.__hash__

    def __int__(self) -> _int:
        """TensorFlow's DataType number."""
        return self._enum

    def __repr__(self) -> str:
        return f"flowcore.{self._name}"

    def __str__(self) -> str:
        return f"<dtype: {self._name!r}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return as_dtype, (self._name,)


def _bfloat16_numpy() -> Any:
    try:
        import ml_dtypes
    except ImportError:
        raise ImportError(
            "bfloat16 values in NumPy need the package ml_dtypes: pip install 'flowcore[bfloat16]'"
        ) from None
    return ml_dtypes.bfloat16


float32 = DType(1, "float32", "f", 4, np.float32)
float64 = double = DType(2, "float64", "f", 8, np.float64)
int32 = DType(3, "int32", "i", 4, np.int32)
uint8 = DType(4, "uint8", "u", 1, np.uint8)
int16 = DType(5, "int16", "i", 2, np.int16)
int8 = DType(6, "int8", "i", 1, np.int8)
string = DType(7, "string", "s", 8, np.object_)
complex64 = DType(8, "complex64", "c", 8, np.complex64)
int64 = DType(9, "int64", "i", 8, np.int64)
bool = DType(10, "bool", "b", 1, np.bool_)
bfloat16 = DType(14, "bfloat16", "f", 2, None)
uint16 = DType(17, "uint16", "u", 2, np.uint16)
complex128 = DType(18, "complex128", "c", 16, np.complex128)
float16 = half = DType(19, "float16", "f", 2, np.float16)
resource = DType(20, "resource", "r", 8, None)
variant = DType(21, "variant", "v", 8, None)
uint32 = DType(22, "uint32", "u", 4, np.uint32)
uint64 = DType(23, "uint64", "u", 8, np.uint64)

_REALS = (float16, bfloat16, float32, float64, int8, int16, int32, int64, uint8, uint16, uint32, uint64)
ALL = (*_REALS, bool, complex64, complex128, string, resource, variant)
#: What a reference's DataType number has more than that of its elements.
REFERENCE = 100
_REFERENCES = [DType(t._enum + REFERENCE, f"{t._name}_ref", t._kind, t._size, t._numpy, t) for t in ALL]
_BY_ENUM = {t.as_datatype_enum: t for t in (*ALL, *_REFERENCES)}
_BY_NAME = {t.name: t for t in (*ALL, *_REFERENCES)} | {
    "half": float16,
    "double": float64,
    "float": float32,
}
_BY_NUMPY = {np.dtype(t._numpy): t for t in ALL if t._numpy is not None}
_BY_PYTHON: dict[Any, DType] = {
    float: float32,
    _int: int32,
    _bool: bool,
    complex: complex128,
    str: string,
    bytes: string,
}

#: Groups that attribute specs can name, as in "T: {floats}".
GROUPS: dict[str, frozenset[DType]] = {
    "floats": frozenset({float16, bfloat16, float32, float64}),
    "integers": frozenset({int8, int16, int32, int64, uint8, uint16, uint32, uint64}),
    "complexes": frozenset({complex64, complex128}),
    "indices": frozenset({int32, int64}),
}
GROUPS["reals"] = GROUPS["floats"] | GROUPS["integers"]
GROUPS["numbers"] = GROUPS["reals"] | GROUPS["complexes"]
GROUPS["inexact"] = GROUPS["floats"] | GROUPS["complexes"]


def as_dtype(type_value: Any) -> DType:
    """The DType for a DType, a name, a NumPy or Python type, or a DataType number.

    Args:
        type_value: One of these: fc.float32, "float32", np.float32, np.dtype("f4"), float, 1.

    Returns:
        A DType. Python's float gives float32, int int32, complex complex128, str and bytes string.

    Raises:
        TypeError: type_value is anything else.

    Example:
        >>> fc.as_dtype("float32") is fc.as_dtype(np.float32) is fc.float32
        True
    """
    if isinstance(type_value, DType):
        return type_value
    found: DType | None = None
    if isinstance(type_value, str):
        found = _BY_NAME.get(type_value)
    elif isinstance(type_value, type):
        found = _BY_PYTHON.get(type_value)
    elif isinstance(type_value, _int) and not isinstance(type_value, _bool):
        found = _BY_ENUM.get(type_value)
    if found is not None:
        return found
    try:
        if type_value is None:  # NumPy's own default, float64, is nobody's intent
            raise TypeError
        numpy_dtype = np.dtype(type_value)
    except Exception:  # NumPy looks into objects and parses text: it raises whatever comes up there
        raise TypeError(
            f"Cannot convert {type_value!r} to a dtype. Known: {', '.join(t.name for t in ALL)}"
        ) from None
    found = string if numpy_dtype.kind in "SU" else _BY_NUMPY.get(numpy_dtype.newbyteorder("="))
    if found is None and numpy_dtype.name == "bfloat16":
        found = bfloat16
    if found is None:
        raise TypeError(f"Cannot convert {type_value!r} to a dtype. Known: {', '.join(t.name for t in ALL)}")
    return found
