"""Common subexpressions: ops of one type with the same inputs, attributes and device are computed once.

What has a state or an effect is never merged: two random numbers stay two, and two reads of a variable each have their moment.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

import numpy as np

from flowcore import kernels
from flowcore.dtypes import DType
from flowcore.graph.operation import Operation, Tensor
from flowcore.shape import TensorShape

#: Constants of more bytes are compared by identity: hashing them costs more than what merging saves.
LARGEST_CONSTANT = 1 << 16

#: The two inputs may come in either order. On floating values they stay as they are: which NaN comes out may depend on it.
_COMMUTATIVE = frozenset({"Add", "AddV2", "Mul", "Maximum", "Minimum", "BitwiseAnd", "BitwiseOr", "BitwiseXor", "LogicalAnd", "LogicalOr"})


class Merging:
    """A rule (see plan_graph) that remembers what it has seen."""

    def __init__(self, fed: frozenset[Tensor]) -> None:
        self._fed = fed
        self._seen: dict[Any, Operation] = {}

    def __call__(self, op: Operation) -> Sequence[Tensor] | None:
        if op.op_def.is_stateful or not op.outputs or op.type in _NEVER or op.type in kernels.PYTHON_KERNELS:
            return None
        if self._fed and any(t in self._fed for t in op.outputs):
            return None
        first = self._seen.setdefault(_key(op), op)
        return None if first is op else first.outputs


_NEVER = frozenset({"Placeholder", "PlaceholderWithDefault"})


def _key(op: Operation) -> Any:
    inputs: Any = op.inputs
    if op.type in _COMMUTATIVE and not inputs[0].dtype.is_floating and not inputs[0].dtype.is_complex:
        inputs = frozenset(inputs)
    return (op.type, inputs, op.device, op.control_inputs, tuple([_frozen(v) for v in op.attrs.values()]))


def _frozen(value: object) -> Any:
    """An attribute value as something hashable that is equal only where the bits are."""
    if isinstance(value, (DType, str, bytes, int)):
        return value
    if isinstance(value, float):
        return struct.pack("d", value)
    if isinstance(value, (list, tuple)):
        return tuple([_frozen(v) for v in value])
    if isinstance(value, TensorShape):
        return value.sizes
    if isinstance(value, np.ndarray) and value.nbytes <= LARGEST_CONSTANT and value.dtype != object:
        return value.shape, value.tobytes()
    return id(value)
