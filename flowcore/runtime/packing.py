"""Attributes of ops in the engine's terms. Knows no plan."""

from __future__ import annotations

from typing import Any

from flowcore import dtypes
from flowcore.graph.operation import Operation
from flowcore.shape import TensorShape

__all__ = ["attributes", "packed"]


def packed(value: object) -> object:
    """An attribute value in the engine's terms: dtypes as numbers, shapes as lists with -1, None
    for an unknown rank; tensors are arrays and text is text as they are.
    """
    if isinstance(value, dtypes.DType):
        return value.as_datatype_enum
    if isinstance(value, TensorShape):
        return None if value.ndims is None else [-1 if d is None else d for d in value.as_list()]
    if isinstance(value, (list, tuple)):
        return [packed(v) for v in value]
    return value


def attributes(op: Operation) -> dict[str, Any]:
    """All attributes of `op`, packed."""
    return {name: packed(value) for name, value in op.attrs.items()}
