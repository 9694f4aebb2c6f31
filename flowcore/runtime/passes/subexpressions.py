"""Common subexpressions: ops of one type with the same inputs, attributes and device are computed once.

What has a state or an effect is never merged: two random numbers stay two. Reads of a variable are,
where they wait for nothing: they might have come at the same moment.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from operator import is_
from typing import Any

import numpy as np

from flowcore import kernels
from flowcore.dtypes import DType
from flowcore.graph.operation import Operation, Tensor
from flowcore.runtime.passes.plan_graph import PlanGraph
from flowcore.shape import TensorShape

#: Constants of more bytes are compared by identity: hashing them costs more than what merging saves.
LARGEST_CONSTANT = 1 << 16
#: Constants of fewer bytes stay, though what reads them is compared as if they were one: to merge
#: them would mean to copy all their readers.
SMALLEST_CONSTANT = 256


class Merging:
    """A rule (see plan_graph) that remembers what it has seen: by type and inputs, and only where
    these are met again by all that makes ops equal.
    """

    def __init__(self, graph: PlanGraph) -> None:
        self._fed = {t.op for t in graph.fed}
        self._changed_inputs = graph.changed_inputs
        # by type, None for one that is never merged, then by inputs
        self._alike: dict[str, dict[Any, Operation] | None] = {}
        self._equal: dict[Any, Operation] = {}
        self._constants: dict[Tensor, Tensor] = {}  # small ones and the first that is equal
        self._no_constants = self._constants.keys().isdisjoint

    def __call__(self, op: Operation) -> Sequence[Tensor] | None:
        kind = op._type
        if kind not in self._alike:
            self._alike[kind] = {} if _may_merge(op) else None
        alike = self._alike[kind]
        if alike is None or op in self._fed:
            return None
        if kind == "Const":
            first = self._equal.setdefault(_key(op, ()), op)
            if first is not op and op.get_attr("value").nbytes < SMALLEST_CONSTANT:
                self._constants[op._outputs[0]] = first._outputs[0]
                return None
        else:
            inputs: Any = self._changed_inputs.get(op, op._inputs)
            if not self._no_constants(inputs):
                inputs = tuple(map(self._constants.get, inputs, inputs))
            # On floating values they stay as they are: which NaN comes out may depend on the order. The sum
            # of strings depends on it.
            if op._op_def.is_commutative and inputs[0]._dtype._kind not in "fcs":
                inputs = frozenset(inputs)
            first = alike.setdefault(inputs, op)
            if first is op:
                return None
            if _surely_equal(first, op):
                return first._outputs
            self._equal.setdefault(_key(first, inputs), first)
            first = self._equal.setdefault(_key(op, inputs), op)
        return None if first is op else first._outputs


def _may_merge(op: Operation) -> bool:
    """Whether ops of its type may be merged."""
    declared = op._op_def
    return (
        bool(op._outputs)
        and (not declared.is_stateful or declared.only_reads)
        and op._type not in kernels.PYTHON_KERNELS
    )


def _surely_equal(a: Operation, b: Operation) -> bool:
    """Of two ops of one type with equal inputs; without a look into their attributes, most of which
    are dtypes and small integers.
    """
    return (
        a._device == b._device
        and a._control_inputs == b._control_inputs
        and all(map(is_, a._attrs.values(), b._attrs.values()))
    )


def _key(op: Operation, inputs: Any) -> Any:
    return (op.type, inputs, op.device, op._control_inputs, tuple([_frozen(v) for v in op.attrs.values()]))


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
