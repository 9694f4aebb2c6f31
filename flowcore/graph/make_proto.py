"""`make_tensor_proto` and `make_ndarray`: plain values as messages, and back.

Must never import ops.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from flowcore import protos
from flowcore.arguments import flag
from flowcore.dtypes import as_dtype
from flowcore.graph.constants import make_array
from flowcore.graph.tensor_proto import array_from_proto, array_to_proto, as_listed, list_of
from flowcore.shape import TensorShape, as_shape

if TYPE_CHECKING:
    from flowcore.protos import TensorProto

__all__ = ["make_ndarray", "make_tensor_proto"]


def make_tensor_proto(
    values: Any,
    dtype: Any = None,
    shape: Any = None,
    verify_shape: bool = False,
    allow_broadcast: bool = False,
) -> TensorProto:
    """A TensorProto of plain values.

    Args:
        values: An array, or what becomes one, as for `constant`.
        dtype: The DType; None: that of the values, as for `constant`.
        shape: The shape; None: that of the values. Fewer values are continued with the last one.
        verify_shape: Whether the values must have this shape.
        allow_broadcast: Whether the only value may be one for all; else fewer values are continued.

    Returns:
        A TensorProto.

    Raises:
        TypeError: values are no values of the dtype, or another argument is of another kind.
        ValueError: they do not have the shape, or take 2 GB or more.

    Example:
        >>> fc.make_tensor_proto([1, 2]).tensor_shape.dim[0].size
        2
    """
    array = make_array(values, None if dtype is None else as_dtype(dtype))
    found = as_dtype(array.dtype) if dtype is None else as_dtype(dtype)
    wanted = TensorShape(array.shape) if shape is None else as_shape(shape)
    if not wanted.is_fully_defined():
        raise ValueError(f"shape must be known, found {wanted}")
    sizes = [size or 0 for size in wanted.as_list()]
    count = math.prod(sizes)
    if flag(verify_shape, "verify_shape") and list(array.shape) != sizes:
        raise TypeError(f"values of shape {list(array.shape)} do not have shape {wanted}")
    if array.size > count or (flag(allow_broadcast, "allow_broadcast") and array.size not in (1, count)):
        raise ValueError(f"{array.size} values do not fit into shape {wanted}, which has {count} elements")
    if array.size == count:
        return array_to_proto(array.reshape(sizes), found)
    if not array.size:
        raise ValueError(f"no values cannot be continued to shape {wanted}")
    made = protos.TensorProto(dtype=found.as_datatype_enum)
    for size in sizes:
        made.tensor_shape.dim.add(size=size)
    name = list_of(found)
    getattr(made, name).extend(as_listed(array, found))
    return made


def make_ndarray(tensor: TensorProto) -> np.ndarray:
    """The array that a TensorProto holds.

    Args:
        tensor: A TensorProto.

    Returns:
        A NumPy array; of bytes objects for strings.

    Raises:
        TypeError: tensor is none, or its dtype has no array.
        ValueError: it holds more or fewer elements than it says.

    Example:
        >>> fc.make_ndarray(fc.make_tensor_proto([1.0, 2.0]))
        array([1., 2.], dtype=float32)
    """
    return array_from_proto(protos.own(tensor, "TensorProto")).copy()
