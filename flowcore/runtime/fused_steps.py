"""What a fused node is made of, whatever the device: elementwise ops as steps, and what a device
offers that runs them.

Owns: which ops may be members of a group, and as which steps; which reductions may end one. Which
nodes form a group is fuse.py's; programs are those of fuse_cpu.py and fuse_opencl.py.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

import numpy as np

from flowcore.dtypes import DType, bfloat16, float16, float32
from flowcore.graph.operation import Operation

__all__ = [
    "ALIKE",
    "BIAS",
    "BROADCAST",
    "CAST",
    "CHOOSE",
    "MOST_INPUTS",
    "MOST_STEPS",
    "REDUCTIONS",
    "SELECT",
    "Fusion",
    "Reduction",
    "Step",
    "packed_steps",
    "reduction_of",
    "size_in",
    "steps_of",
]

#: What a step asks of its operands' shapes: to broadcast; to be alike; what Select and BiasAdd ask.
#: Numbers as in kernels/_fused.h, like the limits.
BROADCAST, ALIKE, SELECT, BIAS = range(4)
MOST_INPUTS, MOST_STEPS = 32, 64

#: Steps that are no lines of elementwise.def: a change of the dtype, and the choice between two values.
CAST, CHOOSE = "Cast", "SelectV2"


class Step(NamedTuple):
    """A line of elementwise.def, CAST or CHOOSE, on elements of `dtype` (CHOOSE: those between
    which is chosen).

    `operands` are values: the inputs of the node, numbered from 0, then what its steps yield. `op`
    says whose step it is, by its place in the group, `number` which of its inputs operand 1 is (of
    ALIKE).
    """

    formula: str
    dtype: DType
    result: DType
    operands: tuple[int, ...]
    op: int = 0
    rule: int = BROADCAST
    number: int = 1


#: Ops that may end a group: over all axes or the last ones.
REDUCTIONS = frozenset({"Sum", "Mean", "Prod", "Max", "Min"})


class Reduction(NamedTuple):
    """What becomes of the value of the last step. `op` says whose it is, by its place in the group."""

    op_type: str
    dtype: DType
    axes: tuple[int, ...]
    keep_dims: bool
    op: int = 0


class Fusion(Protocol):
    """What a device that has fused nodes offers: its kernel is called _Fused, that of groups that
    end in a reduction _FusedReduction.
    """

    most_inputs: int
    most_steps: int

    def __hash__(self) -> int: ...

    def computes(self, step: Step) -> bool:
        """Whether a group may hold such a step."""

    def reduces(self, op_type: str, dtype: DType) -> bool:
        """Whether a group may end in such a reduction."""

    def attributes(
        self, inputs: Sequence[DType], steps: Sequence[Step], reduction: Reduction | None
    ) -> tuple[object, ...]:
        """The attributes of the kernel for inputs of these dtypes."""


def steps_of(op: Operation, place: int, operands: tuple[int, ...], first: int) -> list[Step]:
    """`op`, at `place` in its group, as steps, the first of which yields value `first`.

    Empty for what is no elementwise op of one output.
    """
    inputs, outputs = op._inputs, op._outputs
    if len(outputs) != 1 or not inputs:
        return []
    special = _SPECIAL.get(op._type)
    if special is not None:
        return special(op, place, operands, first)
    if len(inputs) > 2:
        return []
    return [Step(op._type, inputs[0]._dtype, outputs[0]._dtype, operands, place)]


def size_in(op: Operation, fusion: Fusion) -> int:
    """As how many steps `fusion` computes `op`; 0 where it does not."""
    inputs, outputs = op._inputs, op._outputs
    if op._type in _SPECIAL or len(outputs) != 1 or not 1 <= len(inputs) <= 2:
        steps = steps_of(op, 0, tuple(range(len(inputs))), len(inputs))
        return len(steps) if all(fusion.computes(step) for step in steps) else 0
    return _formula_size(op._type, inputs[0]._dtype, outputs[0]._dtype, len(inputs), fusion)


@functools.cache
def _formula_size(op_type: str, dtype: DType, result: DType, count: int, fusion: Fusion) -> int:
    return int(fusion.computes(Step(op_type, dtype, result, tuple(range(count)))))


def reduction_of(op: Operation, axes: object) -> Reduction | None:
    """`op`, one of REDUCTIONS, with the constant value of its axes; None where these are not
    certainly its input's last.
    """
    rank = op._inputs[0]._shape.ndims
    if rank is None or not isinstance(axes, np.ndarray) or axes.ndim > 1:
        return None
    named = tuple(axes.tolist() if axes.ndim else [axes.item()])
    if not named or sorted([axis + rank if axis < 0 else axis for axis in named]) != list(
        range(rank - len(named), rank)
    ):
        return None
    return Reduction(op._type, op._inputs[0]._dtype, named, bool(op.get_attr("keep_dims")))


def packed_steps(steps: Sequence[Step]) -> list[int]:
    """As fc_fused_step of kernels/_fused.h."""
    packed: list[int] = []
    for _, _, _, operands, op, rule, number in steps:
        packed += (op, rule, number, *operands, *_NO_OPERANDS[len(operands) :])
    return packed


_NO_OPERANDS = (-1, -1, -1)


def _cast(op: Operation, place: int, operands: tuple[int, ...], first: int) -> list[Step]:
    source, result = op.inputs[0].dtype, op.outputs[0].dtype
    return [Step(CAST, source, result, operands, place)] if source != result else []


def _select(op: Operation, place: int, operands: tuple[int, ...], first: int) -> list[Step]:
    """Not where the condition may be a vector with a decision per row."""
    rank = op.inputs[0].shape.ndims
    if rank is None or (rank != 0 and rank != op.inputs[1].shape.ndims):
        return []
    return [Step(CHOOSE, op.inputs[1].dtype, op.outputs[0].dtype, operands, place, SELECT)]


def _select_v2(op: Operation, place: int, operands: tuple[int, ...], first: int) -> list[Step]:
    return [Step(CHOOSE, op.inputs[1].dtype, op.outputs[0].dtype, operands, place)]


def _bias_add(op: Operation, place: int, operands: tuple[int, ...], first: int) -> list[Step]:
    dtype = op.outputs[0].dtype
    return (
        [Step("AddV2", dtype, dtype, operands, place, BIAS)]
        if op.get_attr("data_format") in ("NHWC", b"NHWC")
        else []
    )


def _add_n(op: Operation, place: int, operands: tuple[int, ...], first: int) -> list[Step]:
    """Two at a time, in their order.

    The sum of several float16 or bfloat16 is kept in float32 until the last.
    """
    dtype = op.outputs[0].dtype
    if not 2 <= len(operands) < MOST_STEPS // 2:
        return []
    wide = len(operands) > 2 and dtype in (float16, bfloat16)
    steps = [Step(CAST, dtype, float32, (value,), place) for value in operands] if wide else []
    values = range(first, first + len(operands)) if wide else operands
    total, computed = values[0], float32 if wide else dtype
    for number, value in enumerate(values[1:], 1):
        steps.append(Step("AddV2", computed, computed, (total, value), place, ALIKE, number))
        total = first + len(steps) - 1
    return [*steps, Step(CAST, float32, dtype, (total,), place)] if wide else steps


_SPECIAL: dict[str, Callable[[Operation, int, tuple[int, ...], int], list[Step]]] = {
    "Cast": _cast,
    "Select": _select,
    "SelectV2": _select_v2,
    "BiasAdd": _bias_add,
    "AddN": _add_n,
}
