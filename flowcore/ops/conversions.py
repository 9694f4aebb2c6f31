"""Python values as tensors: numbers, lists and shapes where an op takes integers, lists with tensors
in them, the sparse form of gradients.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from flowcore import dtypes
from flowcore.arguments import described
from flowcore.graph.apply import apply
from flowcore.graph.constants import array_of, constant, constant_value
from flowcore.graph.conversion import convert_to_tensor, register_tensor_conversion_function
from flowcore.graph.operation import IndexedSlices, Tensor
from flowcore.graph.scopes import name_scope
from flowcore.shape import Dimension, TensorShape


def int_argument(value: Any, name: str) -> Any:
    """A shape, axis or size argument in the form that `apply` converts: numbers as int32 (int64
    where they need it), tensors as they are.

    Raises TypeError for text, fractions and lists of these, ValueError where a part is not known.
    """
    if isinstance(value, TensorShape):
        value = value.as_list() if value.ndims is not None else None
    elif isinstance(value, Dimension):
        value = value.value
    if isinstance(value, (list, tuple)):
        value = [v.value if isinstance(v, Dimension) else v for v in value]
        if holds_tensor(value):
            return value
    if value is None or (isinstance(value, list) and any(v is None for v in value)):
        raise ValueError(f"{name} must be fully known here, found {value}")
    if isinstance(value, (int, float, complex, str, bytes, list)) and not isinstance(value, bool):
        try:
            array = array_of(value)
        except (TypeError, ValueError) as error:
            raise type(error)(f"{name}: {error}") from None
        if not array.size or (
            array.dtype.kind in "iu" and array.max() <= 2**31 - 1 and array.min() >= -(2**31)
        ):
            return array.astype(np.int32)
        if array.dtype.kind not in "iu":
            raise TypeError(f"{name} must be whole numbers of at most 64 bits, found {described(value)}")
        return array
    return value


def int_tensor(value: Any, name: str, dtype: Any = None, what: str | None = None) -> Tensor:
    """A shape, axis or size argument as an int32 (or int64) tensor of its own name; messages say
    `what`, or the name.
    """
    what = name if what is None else what
    tensor = convert_to_tensor(
        int_argument(value, what), dtype=dtype, name=name, preferred_dtype=dtypes.int32
    )
    if tensor.dtype.base_dtype not in (dtypes.int32, dtypes.int64):
        raise TypeError(f"{what} must be int32 or int64, found {tensor.dtype.name}")
    return tensor


def holds_tensor(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and any(
        isinstance(v, Tensor) or hasattr(v, "_as_graph_element") or holds_tensor(v) for v in value
    )


def _first_dtype(value: Any) -> Any:
    for v in value:
        if isinstance(v, Tensor) or hasattr(v, "_as_graph_element"):
            return v.dtype
        if isinstance(v, (list, tuple)) and (found := _first_dtype(v)) is not None:
            return found
    return None


def _auto_pack(value: Any, dtype: Any = None, name: str | None = None, as_ref: bool = False) -> Any:
    """Lists and tuples with tensors in them, at any depth."""
    if not holds_tensor(value):
        return NotImplemented
    kind = dtype or _first_dtype(value)
    with name_scope(name, "packed") as scope:
        return apply(
            "Pack", [convert_to_tensor(v, dtype=kind, name=str(i)) for i, v in enumerate(value)], name=scope
        )


def _from_shape(value: Any, dtype: Any = None, name: str | None = None, as_ref: bool = False) -> Any:
    return int_tensor(value, name or "shape")


def _dense(value: Any, dtype: Any = None, name: str | None = None, as_ref: bool = False) -> Any:
    if dtype is not None and dtype != value.dtype:
        raise ValueError(f"the IndexedSlices are {value.dtype.name}, but {dtype.name} is asked for")
    if value.dense_shape is None:
        raise ValueError(f"IndexedSlices without dense_shape cannot become a Tensor: {value}")
    rows = apply(
        "Reshape",
        apply("Slice", value.dense_shape, constant([0]), constant([1])),
        constant(np.array([], np.int32)),
    )
    known = constant_value(value.dense_shape)
    count = constant(np.int32(known[0])) if known is not None else rows
    return apply("UnsortedSegmentSum", value.values, value.indices, count, name=name)


register_tensor_conversion_function((list, tuple), _auto_pack, 99)


register_tensor_conversion_function(
    (TensorShape, Dimension),
    _from_shape,
    99,
)


register_tensor_conversion_function(IndexedSlices, _dense)
