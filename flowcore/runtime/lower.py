"""Lowering, the last pass: slots for values, nodes for ops and copies.

What needs no work of its own (a constant, a resource handle) becomes a prefilled slot; what it had
to wait for moves on to those who read it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from typing import NamedTuple

import numpy as np

from flowcore import _engine, dtypes, errors, kernels
from flowcore.graph.graph import Graph
from flowcore.graph.operation import Operation, Tensor
from flowcore.kernels.python_function import python_function
from flowcore.runtime import handles
from flowcore.runtime.access_order import ANY_VARIABLE, AccessOrder
from flowcore.runtime.calls import Calls
from flowcore.runtime.copies import Copy, Moved, Value
from flowcore.runtime.devices import (
    COPY_CONSTANT,
    COPY_FROM_HOST,
    COPY_TO_HOST,
    HOST,
    KEEPS_CONSTANT,
    LIST_FROM_HOST,
    LIST_TO_HOST,
    Device,
)
from flowcore.runtime.handles import Path, ResourceKey, key_of
from flowcore.runtime.packing import attributes, packed
from flowcore.runtime.passes import PlanGraph
from flowcore.runtime.plan_node import PlanNode, with_details
from flowcore.runtime.resources import ResourceManager

__all__ = ["Lowered", "lower"]


class Lowered(NamedTuple):
    """Nodes for the engine. Arguments have the first slots, in their order; `results` are the slots
    of the results, `constants` the values of slots that are known, `queues` those that nodes work on.
    """

    nodes: list[PlanNode]
    slots: int
    results: list[int]
    constants: dict[int, object]
    queues: dict[ResourceKey, _engine.Resource]


def lower(
    graph: PlanGraph,
    moved: Moved,
    placed: Mapping[Operation, Device],
    arguments: Iterable[Tensor],
    resources: ResourceManager,
    deterministic: bool,
    calls: Calls,
    paths: Mapping[Graph, Path],
) -> Lowered:
    """The nodes of an optimised and placed plan with its copies. `paths`: the calls that lead to
    each graph, by which nodes that have a state find theirs.

    Raises InvalidArgumentError for an op without a kernel where it is placed, or a resource that cannot be.
    """
    lowering = _Lowering(graph, moved, placed, resources, deterministic, calls, paths)
    for tensor in arguments:
        lowering.slot_of[tensor] = lowering.new_slots(1)
    for step in moved.steps:
        if type(step) is Copy:
            lowering.copy(step)
        else:
            lowering.lower(step)  # type: ignore[arg-type]
    results = [lowering.slot_of[value] for value in moved.results]
    return Lowered(lowering.nodes, lowering.slots, results, lowering.constants, lowering.queues)


_NOTHING: frozenset[int] = frozenset()


class _Lowering:
    """Slots given out so far, nodes made so far."""

    def __init__(
        self,
        graph: PlanGraph,
        moved: Moved,
        placed: Mapping[Operation, Device],
        resources: ResourceManager,
        deterministic: bool,
        calls: Calls,
        paths: Mapping[Graph, Path],
    ) -> None:
        self.calls = calls
        self.graph = graph
        self.moved = moved
        self.placed = placed
        self.resources = resources
        self.paths = paths
        self.order = AccessOrder() if deterministic else None
        self.nodes: list[PlanNode] = []
        self.slots = 0
        self.slot_of: dict[Value, int] = {}
        self.constants: dict[int, object] = {}
        # by what others may wait for: node indices that stand for "this op is done"
        self.waits: dict[Operation, tuple[int, ...]] = {}
        # what those who read its value have to wait for, if anything
        self.prefilled: dict[Operation, tuple[int, ...]] = {}
        self.queues: dict[ResourceKey, _engine.Resource] = {}

    def new_slots(self, count: int) -> int:
        """The first of so many new slots."""
        self.slots += count
        return self.slots - count

    def lower(self, op: Operation) -> None:
        """Appends the node (or prefills the slots) of one op whose inputs are lowered already."""
        inputs = self.graph.inputs(op)
        after: Set[int] = _NOTHING
        if op._control_inputs or self.prefilled or op in self.graph.after:
            after = self.before(op, inputs)
        if op._type == "Const":
            self._prefill(op, op.get_attr("value"), after)
            return
        if op._op_def.calls:
            self._append_call(op, inputs, after)
            return
        makes = op._op_def.makes
        state = self.resources.get(op, attributes(op), self.paths.get(op._graph, ())) if makes else None
        if state is None or not op._op_def.makes_handle:
            self._append(op, inputs, after, state)
            return
        if makes == "queue":
            self.queues[key_of(op, op.attrs, self.paths.get(op._graph, ()))] = state
        self._prefill(op, state, after)

    def before(self, op: Operation, inputs: tuple[Tensor, ...]) -> set[int]:
        """The nodes that `op` has to wait for without reading their values."""
        found: set[int] = set()
        for control in op._control_inputs:
            # absent: fed, or known from the start
            found.update(self.waits.get(self.graph.running(control), ()))
        for other in self.graph.after.get(op, ()):
            found.update(self.waits[other])
        for tensor in inputs:
            found.update(self.prefilled.get(tensor._op, ()))
        return found

    def _prefill(self, op: Operation, value: object, after: Set[int]) -> None:
        slot = self.new_slots(1)
        self.slot_of.setdefault(op._outputs[0], slot)
        self.constants[slot] = value
        if after:
            self.waits[op] = self.prefilled[op] = tuple(after)

    def _append(
        self, op: Operation, inputs: tuple[Tensor, ...], after: Set[int], state: _engine.Resource | None
    ) -> None:
        device = self.placed.get(op, HOST)
        kernel: _engine.Kernel | Callable[..., object] | None
        kernel = device.kernel_for(op)
        if kernel is None and device.is_host:
            kernel = self._python_kernel(op)
        if kernel is None:
            _refuse(op, device)
        read: Sequence[Value] = self.moved.inputs.get(op, inputs)
        slots = tuple(map(self.slot_of.__getitem__, read))
        count = len(op._outputs)
        first = slot = self.new_slots(count)
        for tensor in op._outputs:
            self.slot_of.setdefault(tensor, slot)  # a fed tensor keeps its fed slot
            slot += 1
        attrs: tuple[object, ...] = ()
        dtypes_out: tuple[int, ...] = ()
        if isinstance(kernel, _engine.Kernel):
            if kernel.attrs:
                attrs = tuple([packed(op.get_attr(name)) for name in kernel.attrs])
            if kernel.flags & KEEPS_CONSTANT and device.is_host and slots[1] in self.constants:
                state = _engine.Resource(kernels.new_kept())
        else:
            dtypes_out = tuple([t.dtype.as_datatype_enum for t in op._outputs])
        node = PlanNode(op, kernel, device, slots, first)
        self._add_ordered(node, op, after, attrs, state, dtypes_out)

    def _append_call(self, op: Operation, inputs: tuple[Tensor, ...], after: Set[int]) -> None:
        """The node of an op that calls bodies: with the inputs and outputs that they need."""
        call = self.calls.of(op, self.moved.memory)
        assert call is not None
        read: Sequence[Value] = self.moved.inputs.get(op, inputs)
        slots = tuple([self.slot_of[read[i]] for i in call.inputs])
        first = self.new_slots(len(call.outputs))
        for i, k in call.same.items():
            self.slot_of.setdefault(op._outputs[i], self.slot_of[inputs[k]])
        for slot, i in enumerate(call.outputs, first):
            self.slot_of.setdefault(op._outputs[i], slot)
        node = PlanNode(op, call.kernel, HOST, slots, first)
        self._add_ordered(node, op, after, width=len(call.outputs))

    def _add_ordered(
        self,
        node: PlanNode,
        op: Operation,
        after: Set[int],
        attrs: tuple[object, ...] = (),
        state: _engine.Resource | None = None,
        output_dtypes: tuple[int, ...] = (),
        width: int | None = None,
    ) -> None:
        """Adds the node of an op, behind those that it waits for."""
        read: list[object] = []
        written: list[object] = []
        if self.order is not None:
            read = self._variables(op, op._op_def.reads)
            written = self._variables(op, op._op_def.writes)
            if op._op_def.calls:  # a body may do anything with what it is given
                written = self._behind([t for t in self.graph.inputs(op) if t._dtype is dtypes.resource])
            after = after | self.order.before(read, False) | self.order.before(written, True)
        index = len(self.nodes)
        waits = tuple(sorted(after)) if after else ()
        self.nodes.append(with_details(node, waits, attrs, state, output_dtypes, width=width))
        if self.order is not None:
            self.order.add(index, read, False)
            self.order.add(index, written, True)
        if op in self.graph.fixed:
            self.waits[op] = (index,)

    def copy(self, copy: Copy) -> None:
        """Appends the node of a copy; of a constant it may be made once and kept."""
        slot, device = self.slot_of[copy.source], copy.device
        owner = self.moved.memory[copy.source] if device.is_host else device
        if copy.tensor._dtype is dtypes.variant:
            op_type = LIST_TO_HOST if device.is_host else LIST_FROM_HOST
        else:
            op_type = COPY_TO_HOST if device.is_host else COPY_FROM_HOST
        state = device.new_constant() if slot in self.constants else None
        if state is not None:
            op_type = COPY_CONSTANT
        copied = self.slot_of[copy] = self.new_slots(1)
        name = f"{copy.tensor._op._name}/{op_type}"
        kernel = owner.internal_kernel(op_type)
        node = PlanNode(None, kernel, device, (slot,), copied)
        self.nodes.append(with_details(node, state=state, name=name))

    def _variables(self, op: Operation, uses: Mapping[str, str]) -> list[object]:
        """The variables behind those inputs that `uses` names, for the order of accesses."""
        inputs = self.graph.inputs(op)
        return self._behind([inputs[i] for i in handles.used(op, uses, "variable")])

    def _behind(self, tensors: Iterable[Tensor]) -> list[object]:
        """The variables behind some handles."""
        found: dict[object, None] = {}
        for tensor in tensors:
            made = handles.origins(tensor, self.graph.inputs)
            if made is None:
                return [ANY_VARIABLE]
            for origin in made:
                found[self.constants[self.slot_of[origin]]] = None
        return list(found)

    def _python_kernel(self, op: Operation) -> Callable[..., object] | None:
        if op.type == "PyFunc":
            function = op.graph._py_funcs[op.get_attr("token")]
            return python_function(function, [np.dtype(t.as_numpy_dtype) for t in op.get_attr("Tout")])
        return self.resources.python_kernel(op, attributes(op), self.paths.get(op._graph, ()))


def _refuse(op: Operation, device: Device) -> None:
    types = {
        name: dtypes.as_dtype(value).name
        for name, value in op._attrs.items()
        if isinstance(value, dtypes.DType)
    }
    soft = "; ConfigProto(allow_soft_placement=True) lets it fall back to the CPU"
    raise errors.InvalidArgumentError(
        None,
        op,
        f"node '{op.name}' ({op.type}) has no kernel on {device.name} for {types or 'its attributes'}"
        + ("" if device.is_host else soft)
        + (f"; created at {op.created_at}" if op.created_at else ""),
    )
