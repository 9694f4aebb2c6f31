"""Tensors and shapes as messages.

No size in a message is believed: what it claims is compared with what it holds. Must never import ops.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from flowcore import dtypes, protos
from flowcore.dtypes import DType, as_dtype
from flowcore.shape import TensorShape, checked_rank

if TYPE_CHECKING:
    from flowcore.protos import TensorProto, TensorShapeProto

__all__ = ["array_from_proto", "array_to_proto", "shape_from_proto", "shape_to_proto"]

#: The list of a TensorProto that holds elements of a type.
_LISTS = {
    dtypes.bfloat16: "half_val",
    dtypes.bool: "bool_val",
    dtypes.complex128: "dcomplex_val",
    dtypes.complex64: "scomplex_val",
    dtypes.float16: "half_val",
    dtypes.float32: "float_val",
    dtypes.float64: "double_val",
    dtypes.int16: "int_val",
    dtypes.int32: "int_val",
    dtypes.int64: "int64_val",
    dtypes.int8: "int_val",
    dtypes.string: "string_val",
    dtypes.uint16: "int_val",
    dtypes.uint32: "uint32_val",
    dtypes.uint64: "uint64_val",
    dtypes.uint8: "int_val",
}
#: Bytes: the largest message, and the largest tensor that a shorter list is continued to.
_LARGEST = 2**31 - 1
_LARGEST_CONTINUED = 2**28


def shape_to_proto(shape: TensorShape) -> TensorShapeProto:
    """A shape as a message."""
    made = protos.TensorShapeProto()
    if shape.ndims is None:
        made.unknown_rank = True
    else:
        for size in shape.as_list():
            made.dim.add(size=-1 if size is None else size)
    return made


def shape_from_proto(message: TensorShapeProto) -> TensorShape:
    """A shape out of a message. Raises ValueError for sizes below -1, or too many of them."""
    if message.unknown_rank:
        return TensorShape(None)
    sizes = [dim.size for dim in message.dim]
    if any(size < -1 for size in sizes):
        raise ValueError(f"a shape has size {min(sizes)}; sizes are 0 or more, or -1, which is unknown")
    return checked_rank(TensorShape([None if size == -1 else size for size in sizes]))


def array_to_proto(array: np.ndarray, dtype: DType) -> TensorProto:
    """An array as a message. Raises ValueError for one of 2 GB or more, or without a form to write down."""
    name = list_of(dtype)
    made = protos.TensorProto(dtype=dtype.as_datatype_enum)
    for size in array.shape:
        made.tensor_shape.dim.add(size=size)
    if array.nbytes > _LARGEST:
        raise ValueError(
            f"a tensor of {array.nbytes} bytes is too large for a message, which holds less than 2 GB; feed"
            " the value, or keep it in a variable and a checkpoint"
        )
    if dtype is dtypes.string:
        made.string_val.extend(v.encode() if isinstance(v, str) else bytes(v) for v in array.ravel().tolist())
    elif array.size == 1:
        getattr(made, name).extend(as_listed(array, dtype))
    else:
        little = array.dtype.newbyteorder("<") if array.dtype.kind in "iufc" else array.dtype
        made.tensor_content = np.ascontiguousarray(array, little).tobytes()
    return made


def as_listed(array: np.ndarray, dtype: DType) -> list[Any]:
    """The elements of an array as the list of their type has them."""
    flat = array.ravel()
    if dtype is dtypes.float16 or dtype is dtypes.bfloat16:
        return flat.view(np.uint16).tolist()
    if dtype.is_complex:
        return flat.view(flat.real.dtype).tolist()
    return flat.tolist()


def list_of(dtype: DType) -> str:
    name = _LISTS.get(dtype)
    if name is None:
        raise ValueError(f"tensors of dtype {dtype.name} cannot be written down")
    return name


def array_from_proto(message: TensorProto) -> np.ndarray:
    """The array that a message holds; read-only where it shares the message's memory.

    Raises ValueError where the message holds more or fewer bytes than its shape and type say, or says
    sizes beyond all measure, TypeError for an unknown type.
    """
    dtype = as_dtype(message.dtype)
    name = list_of(dtype)
    shape = shape_from_proto(message.tensor_shape)
    if not shape.is_fully_defined():
        raise ValueError(f"a tensor has shape {shape}; its sizes must be known")
    sizes = [size or 0 for size in shape.as_list()]
    count = math.prod(sizes)
    if count * dtype.size > _LARGEST:
        raise ValueError(f"a tensor of shape {shape} and dtype {dtype.name} has more than 2 GB")
    if message.tensor_content and dtype is not dtypes.string:
        content = message.tensor_content
        if len(content) != count * dtype.size:
            raise ValueError(
                f"a tensor of shape {shape} and dtype {dtype.name} has {count * dtype.size} bytes, found"
                f" {len(content)} in its content"
            )
        little = np.dtype(dtype.as_numpy_dtype)
        if little.kind in "iufc":
            little = little.newbyteorder("<")
        return np.frombuffer(content, little).astype(dtype.as_numpy_dtype, copy=False).reshape(sizes)
    listed = _from_listed(getattr(message, name), dtype)
    if len(listed) > count:
        raise ValueError(f"a tensor of shape {shape} has {count} elements, found {len(listed)}")
    if len(listed) < count:
        return _continued(listed, sizes, count, dtype)
    return listed.reshape(sizes)


def _from_listed(values: Any, dtype: DType) -> np.ndarray:
    if dtype is dtypes.string:
        array = np.empty(len(values), np.object_)
        array[:] = list(values)
        return array
    if dtype is dtypes.float16 or dtype is dtypes.bfloat16:
        return np.array(values, np.int64).astype(np.uint16).view(dtype.as_numpy_dtype)
    if dtype.is_complex:
        parts = np.array(values, np.float32 if dtype.size == 8 else np.float64)
        if len(parts) % 2:
            raise ValueError(
                f"a tensor of dtype {dtype.name} has {len(parts)} parts of numbers, an odd count"
            )
        return parts.view(dtype.as_numpy_dtype)
    if dtype.is_integer and dtype.size < 8:
        return np.array(values, np.int64).astype(dtype.as_numpy_dtype)
    return np.array(values, dtype.as_numpy_dtype)


def _continued(listed: np.ndarray, sizes: list[int], count: int, dtype: DType) -> np.ndarray:
    """A tensor whose last listed element stands for all behind it; no element: all are 0 or empty."""
    if len(listed) <= 1:
        fill = listed[0] if len(listed) else b"" if dtype is dtypes.string else np.zeros((), listed.dtype)[()]
        one = np.empty((), listed.dtype)
        one[()] = fill
        return np.broadcast_to(one, sizes)
    if count * dtype.size > _LARGEST_CONTINUED:
        raise ValueError(
            f"a tensor of shape {sizes} has {len(listed)} elements of {count}; lists are continued up to"
            f" {_LARGEST_CONTINUED} bytes"
        )
    array = np.empty(count, listed.dtype)
    array[: len(listed)] = listed
    array[len(listed) :] = listed[-1:]
    return array.reshape(sizes)
