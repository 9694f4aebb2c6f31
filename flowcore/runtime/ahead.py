"""Which part of a loop's turns may run ahead of the turns before, for several turns at once.

That is what depends on the number of the turn and on what no turn changes: all that map_fn computes, and what
a loop written by hand computes likewise. It runs ahead where nothing but writing to lists, counting and
deciding is left, so that a loop whose turns do work one after the other is one frame a turn, as before.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from flowcore import dtypes
from flowcore.graph.constants import constant_value
from flowcore.graph.func_graph import FuncGraph, needed_by
from flowcore.graph.operation import Operation, Tensor

__all__ = ["Part", "part_ahead"]


class Part(NamedTuple):
    """What runs ahead: its arguments (places among the loop's), and what the rest of a turn reads of it.

    `counter`: the place of the number of the turn. `limit`: the place of what it stays below, or that number.
    """

    reads: list[int]
    results: list[Tensor]
    counter: int
    limit: int
    limit_known: bool


def part_ahead(
    condition: FuncGraph,
    turn: FuncGraph,
    carried: Collection[int],
    known: Mapping[Tensor, Tensor],
) -> Part | None:
    """The part of a loop that may run ahead; None where there is none, or where it would not be worth it.

    `carried`: the places of what turns compute and something needs. `known`: what stands for arguments of
    the two bodies from the start.
    """
    counted = _counter(condition, turn, carried, known)
    if counted is None or turn.control_outputs or condition.control_outputs:
        return None
    counter, limit, limit_known = counted
    fixed = [a for a, result in zip(turn.inputs, turn.outputs, strict=True) if a is result]
    ahead = _depending_on({turn.inputs[counter], *fixed}, turn)
    rest, results = _rest([turn.outputs[i] for i in carried], ahead)
    if not all(map(_is_light, rest)) or not results:
        return None
    needed = needed_by(results)
    if all(map(_is_light, needed)):
        return None
    reads = [i for i, a in enumerate(turn.inputs) if a._op in needed and a not in known]
    return Part(reads, results, counter, limit, limit_known) if counter in reads else None


def _counter(
    condition: FuncGraph, turn: FuncGraph, carried: Collection[int], known: Mapping[Tensor, Tensor]
) -> tuple[int, int, bool] | None:
    """The place of a variable that grows by one until it reaches a limit, which decides alone; the place of
    the limit, or the number.
    """
    (decision,) = condition.outputs
    if decision._op._type != "Less" or decision._dtype is not dtypes.bool:
        return None
    number, limit = decision._op._inputs
    if number not in condition.inputs or number._dtype not in (dtypes.int32, dtypes.int64):
        return None
    place = condition.inputs.index(number)
    if place not in carried or not _counts(turn.outputs[place], turn.inputs[place]):
        return None
    value = constant_value(known.get(limit, limit))
    if value is not None and value.ndim == 0:
        return place, int(value), True
    if limit not in condition.inputs or limit._shape.ndims != 0:
        return None
    at = condition.inputs.index(limit)
    return (place, at, False) if turn.inputs[at] is turn.outputs[at] else None


def _counts(result: Tensor, argument: Tensor) -> bool:
    """Whether a turn adds one to a scalar."""
    op = result._op
    if op._type not in ("Add", "AddV2") or argument not in op._inputs or result._shape.ndims != 0:
        return False
    step = op._inputs[1 if op._inputs[0] is argument else 0]
    value = constant_value(step)
    return value is not None and value.ndim == 0 and value == 1


def _depending_on(given: Collection[Tensor], turn: FuncGraph) -> set[Operation]:
    """The ops of a turn that depend on nothing but these tensors, and whose order nobody can see."""
    ops = list(turn.operations_since(0))
    may_read = not _writes(ops)
    found: set[Operation] = set()
    for op in ops:
        if (
            op._type != "Placeholder"
            and all([t in given or t._op in found for t in op._inputs])
            and all([c in found for c in op._control_inputs])
            and _is_free(op, may_read)
        ):
            found.add(op)
    return found


def _bodies_of(op: Operation) -> Iterable[Operation]:
    return [inner for body in op._bodies() for inner in body.operations_since(0)]


def _writes(ops: Iterable[Operation], around: tuple[Operation, ...] = ()) -> bool:
    """Whether one of these ops, or of the bodies that they call, may change a variable."""
    return any(
        bool(op._op_def.writes)
        or bool(op._op_def.resource_form and op._inputs)
        or (op not in around and _writes(_bodies_of(op), (*around, op)))
        for op in ops
    )


def _is_free(op: Operation, may_read: bool, around: tuple[Operation, ...] = ()) -> bool:
    """Whether it may run at any time once its inputs are there: it has no state, or only reads a variable
    that no turn writes.
    """
    declared = op._op_def
    if declared.calls:
        return op not in around and all(
            [_is_free(o, may_read, (*around, op)) for o in _bodies_of(op) if o._type != "Placeholder"]
        )
    if declared.is_stateful:
        return may_read and declared.only_reads and {*declared.reads.values()} == {"variable"}
    if any([t._dtype._is_ref_dtype for t in op._inputs]):
        return may_read and not declared.resource_form
    return True


def _rest(results: Iterable[Tensor], ahead: Collection[Operation]) -> tuple[list[Operation], list[Tensor]]:
    """The ops that must run in order, for these results, and what they read of those that need not."""
    rest: dict[Operation, None] = {}
    border: dict[Tensor, None] = {}
    left = [*results]
    while left:
        tensor = left.pop()
        op = tensor._op
        if op in ahead:
            if op._type != "Const":
                border[tensor] = None
        elif op not in rest and op._type != "Placeholder":
            rest[op] = None
            left += op._inputs
            left += [c._outputs[0] for c in op._control_inputs if c._outputs]
    return list(rest), list(border)


def _is_light(op: Operation) -> bool:
    """Whether an op does no work to speak of: on a list as a whole, or of one number."""
    if op._op_def.is_stateful or op._op_def.calls:
        return False
    lists = [t for t in (*op._inputs, *op._outputs) if t._dtype is dtypes.variant]
    return (
        bool(lists) or op._type in ("Const", "Placeholder") or all([t._shape.ndims == 0 for t in op._outputs])
    )
