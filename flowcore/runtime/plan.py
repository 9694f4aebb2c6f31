"""From a graph, fetches and feeds to a plan of the engine: prune, optimise, place, copy, lower, fuse.

Each pass is a short function over `PlanNode`s; nothing here runs a node. A node that needs no work
of its own (a constant, a resource handle) becomes a prefilled slot; what it had to wait for moves
on to those who read it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from flowcore import _engine, dtypes, errors, kernels
from flowcore.config import OptimizerOptions
from flowcore.graph.operation import Operation, Tensor
from flowcore.kernels.python_function import python_function
from flowcore.runtime import handles
from flowcore.runtime.access_order import ANY_VARIABLE, AccessOrder
from flowcore.runtime.devices import (
    COPY_CONSTANT,
    COPY_FROM_HOST,
    COPY_TO_HOST,
    HOST,
    KEEPS_CONSTANT,
    LAST_ON_HOST,
    Device,
)
from flowcore.runtime.fuse import fuse
from flowcore.runtime.handles import ResourceKey, key_of
from flowcore.runtime.passes import Failed, PlanGraph, optimise
from flowcore.runtime.place import place
from flowcore.runtime.plan_node import PlanNode
from flowcore.runtime.plan_nodes import PlanNodes
from flowcore.runtime.resources import ResourceManager, RunnerFailure
from flowcore.runtime.visible_devices import VisibleDevices
from flowcore.shape import TensorShape


@dataclass(eq=False, repr=False)
class CompiledPlan(PlanNodes):
    """An engine plan with what the session needs around it."""

    engine: _engine.Plan = field(kw_only=True)
    queues: dict[ResourceKey, _engine.Resource] = field(default_factory=dict)
    #: of the session's queues, filled while it runs: see ResourceManager
    failures: Mapping[tuple[bytes, bytes], RunnerFailure] = field(default_factory=dict)

    @property
    def may_wait(self) -> bool:
        """True when a node of it may wait for a queue."""
        return bool(self.queues)

    def placements(self) -> list[tuple[Operation, str]]:
        """Every op that runs, and the name of its device."""
        placed = zip(self.ops, self.devices, strict=True)
        return [
            (op, device)
            for i, (last, device) in enumerate(placed)
            for op in self.fused.get(i, (last,))
            if op is not None
        ]


def packed(value: object) -> object:
    """An attribute value in the engine's terms: dtypes as numbers, shapes as lists with -1, None
    for an unknown rank.
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
    return {name: packed(value) for name, value in op.node_def.attr.items()}


_NOTHING: frozenset[int] = frozenset()


class _Lowering:
    """State of one planning run: slots given out so far, nodes made so far."""

    def __init__(
        self,
        graph: PlanGraph,
        resources: ResourceManager,
        visible: VisibleDevices,
        soft_placement: bool,
        deterministic: bool,
    ) -> None:
        self.graph = graph
        self.resources = resources
        self.visible = visible
        self.soft = soft_placement
        self.order = AccessOrder() if deterministic else None
        self.nodes: list[PlanNode] = []
        self.slot_of: dict[Tensor, int] = {}
        self.slot_device: list[Device] = []
        self.copies: dict[tuple[int, str], int] = {}
        self.constants: dict[int, object] = {}
        self.waits: dict[
            Operation, tuple[int, ...]
        ] = {}  # of what others may wait for: node indices that stand for "this op is done"
        # what those who read its value have to wait for, if anything
        self.prefilled: dict[Operation, tuple[int, ...]] = {}
        self.placed: dict[Operation, Device] = {}  # all that is not on the host
        self.queues: dict[ResourceKey, _engine.Resource] = {}

    def new_slot(self, device: Device) -> int:
        self.slot_device.append(device)
        return len(self.slot_device) - 1

    def add(self, node: PlanNode) -> None:
        node.index = len(self.nodes)
        self.nodes.append(node)

    def lower(self, op: Operation) -> None:
        """Appends the node (or prefills the slots) of one op whose inputs are lowered already."""
        inputs = self.graph.inputs(op)
        device = place(op, inputs, self.visible, self.placed, self.soft)
        if device is not HOST:
            self.placed[op] = device
        after = self.before(op, inputs) if op._control_inputs or self.prefilled else _NOTHING
        if op._type == "Const":
            self._prefill(op, op.get_attr("value"), after)
            return
        state = self.resources.get(op, attributes(op)) if op._type in kernels.RESOURCE_FACTORIES else None
        if state is not None and op._outputs and op._outputs[0]._dtype is dtypes.resource:
            if "Queue" in op._type:
                self.queues[key_of(op, op.attrs)] = state
            self._prefill(op, state, after)
        else:
            self._append(op, inputs, device, after, state)

    def before(self, op: Operation, inputs: tuple[Tensor, ...]) -> set[int]:
        """The nodes that `op` has to wait for without reading their values."""
        found: set[int] = set()
        for control in op._control_inputs:
            # absent: fed, or known from the start
            found.update(self.waits.get(self.graph.running(control), ()))
        for tensor in inputs:
            found.update(self.prefilled.get(tensor._op, ()))
        return found

    def _prefill(self, op: Operation, value: object, after: Set[int]) -> None:
        slot = self.new_slot(HOST)
        self.slot_of.setdefault(op._outputs[0], slot)
        self.constants[slot] = value
        if after:
            self.waits[op] = self.prefilled[op] = tuple(after)

    def _append(
        self,
        op: Operation,
        inputs: tuple[Tensor, ...],
        device: Device,
        after: Set[int],
        state: _engine.Resource | None,
    ) -> None:
        kernel: _engine.Kernel | Callable[..., object] | None
        kernel = device.kernel_for(op)
        if kernel is None and device.is_host:
            kernel = self._python_kernel(op)
        if kernel is None:
            self._refuse(op, device)
        slots = tuple(map(self.slot_of.__getitem__, inputs))
        first, count = len(self.slot_device), len(op._outputs)
        if self.placed:  # not all is on the host
            host_in, host_out = _on_host(op, inputs, kernel)
            slots = tuple(
                [self.on_device(t, HOST if host else device) for t, host in zip(inputs, host_in, strict=True)]
            )
            first = len(self.slot_device)
            self.slot_device += [HOST if host else device for host in host_out]
        else:
            self.slot_device += [device] * count
        for slot, tensor in enumerate(op._outputs, first):
            self.slot_of.setdefault(tensor, slot)  # a fed tensor keeps its fed slot
        attrs: tuple[object, ...] = ()
        dtypes_out: tuple[int, ...] = ()
        if isinstance(kernel, _engine.Kernel):
            if kernel.attrs:
                attrs = tuple([packed(op.get_attr(name)) for name in kernel.attrs])
            if kernel.flags & KEEPS_CONSTANT and device.is_host and slots[1] in self.constants:
                state = _engine.Resource(kernels.new_kept())
        else:
            dtypes_out = tuple([t.dtype.as_datatype_enum for t in op._outputs])
        variables: list[object] = []
        if self.order is not None:
            variables = self._variables(op)
            after = after | self.order.before(op.type, variables)
        outputs = (first,) if count == 1 else tuple(range(first, first + count))
        node = PlanNode(
            op._name,
            op,
            kernel,
            device,
            slots,
            outputs,
            tuple(sorted(after)) if after else (),
            attrs,
            state,
            dtypes_out,
        )
        self.add(node)
        if self.order is not None:
            self.order.add(node.index, op.type, variables)
        if op in self.graph.fixed:
            self.waits[op] = (node.index,)

    def _variables(self, op: Operation) -> list[object]:
        """The variables that `op` may use, for the order of accesses."""
        if handles.passes_on(op.type) or op.type.startswith(("Queue", "Reader")):
            return []
        found: dict[object, None] = {}
        for tensor in self.graph.inputs(op):
            if tensor._dtype is dtypes.resource:
                makers = handles.handle_ops(tensor, self.graph.inputs)
                if makers is None:
                    return [ANY_VARIABLE]
                for maker in makers:
                    found[self.constants[self.slot_of[maker.outputs[0]]]] = None
        return list(found)

    def on_device(self, tensor: Tensor, device: Device) -> int:
        """The slot that holds the value of `tensor` in the memory of `device`; one copy per value
        and device.
        """
        slot = self.slot_of[tensor]
        source = self.slot_device[slot]
        if not source.is_host and not device.is_host and source is not device:
            slot = self._copy(tensor, slot, HOST)
        return self._copy(tensor, slot, device)

    def _copy(self, tensor: Tensor, slot: int, device: Device) -> int:
        source = self.slot_device[slot]
        if source is device:
            return slot
        key = (slot, device.name)
        if key not in self.copies:
            owner, op_type = (source, COPY_TO_HOST) if device.is_host else (device, COPY_FROM_HOST)
            state = device.new_constant() if slot in self.constants else None
            if state is not None:
                op_type = COPY_CONSTANT
            copied = self.copies[key] = self.new_slot(device)
            self.add(
                PlanNode(
                    f"{tensor._op._name}/{op_type}",
                    None,
                    owner.internal_kernel(op_type),
                    device,
                    (slot,),
                    (copied,),
                    state=state,
                )
            )
        return self.copies[key]

    def _python_kernel(self, op: Operation) -> Callable[..., object] | None:
        if op.type == "PyFunc":
            function = op.graph._py_funcs[op.get_attr("token")]
            return python_function(function, [np.dtype(t.as_numpy_dtype) for t in op.get_attr("Tout")])
        return self.resources.python_kernel(op, attributes(op))

    def _refuse(self, op: Operation, device: Device) -> None:
        types = {
            name: dtypes.as_dtype(value).name
            for name, value in op.node_def.attr.items()
            if isinstance(value, dtypes.DType)
        }
        raise errors.InvalidArgumentError(
            op.node_def,
            op,
            f"node '{op.name}' ({op.type}) has no kernel on {device.name} for {types or 'its attributes'}"
            + (
                ""
                if device.is_host
                else "; ConfigProto(allow_soft_placement=True) lets it fall back to the CPU"
            )
            + _where(op),
        )


def _on_host(op: Operation, inputs: Sequence[Tensor], kernel: object) -> tuple[list[bool], list[bool]]:
    """Which inputs a kernel wants in the memory of the host wherever it runs, and which outputs it
    leaves there.
    """
    wanted, left, flags = (
        (kernel.host_in, kernel.host_out, kernel.flags) if isinstance(kernel, _engine.Kernel) else (0, 0, 0)
    )
    host_in = [bool(wanted >> min(i, 31) & 1) or t.dtype is dtypes.resource for i, t in enumerate(inputs)]
    if flags & LAST_ON_HOST:
        host_in[-1] = True
    return host_in, [bool(left >> min(i, 31) & 1) for i in range(len(op._outputs))]


def _where(op: Operation | None) -> str:
    place = op.created_at if op is not None else ""
    return f"; created at {place}" if place else ""


def _refuse_placeholder(op: Operation) -> None:
    tensor = op._outputs[0]
    raise errors.InvalidArgumentError(
        op.node_def,
        op,
        f"You must feed a value for placeholder tensor '{op.name}' with dtype {tensor.dtype.name} and shape"
        f" {tensor.shape}; the fetches depend on it and feed_dict does not have it{_where(op)}",
    )


def compile_plan(
    pool: _engine.Pool,
    resources: ResourceManager,
    fetches: Sequence[Tensor],
    targets: Sequence[Operation],
    feeds: Sequence[Tensor],
    visible: VisibleDevices,
    soft_placement: bool,
    options: OptimizerOptions,
    deterministic: bool = False,
) -> CompiledPlan:
    """Plans one signature. Feeds and fetches keep their order; the values of `run` are by these positions.

    Raises InvalidArgumentError for an unfed placeholder, an unknown device or a missing kernel.
    """

    def evaluate(tensors: Sequence[Tensor]) -> list[np.ndarray]:
        plan = compile_plan(pool, resources, tensors, (), (), visible, soft_placement, _UNOPTIMISED)
        try:
            return plan.engine.run([])
        except _engine.StepError as error:
            raise Failed(plan.ops[error.node] if error.node >= 0 else None) from None

    graph = PlanGraph(fetches, targets, feeds)
    for op in graph.ops:
        if op._type == "Placeholder":
            _refuse_placeholder(op)
    optimise(graph, options, evaluate)
    lowering = _Lowering(graph, resources, visible, soft_placement, deterministic)
    for tensor in feeds:
        lowering.slot_of[tensor] = lowering.new_slot(HOST)
    for op in graph.ops:
        lowering.lower(op)
    fetch_slots = [lowering.on_device(t, HOST) for t in graph.fetches]
    lowering.slot_of.clear()  # as large as what the engine is about to make
    fuses = options.opt_level > OptimizerOptions.L0 and options.do_elementwise_fusion
    nodes = fuse(lowering.nodes, fetch_slots, lowering.constants) if fuses else lowering.nodes
    plan = _engine.Plan(
        pool, nodes, len(lowering.slot_device), range(len(feeds)), fetch_slots, lowering.constants
    )
    original = graph.originals.get
    fused = {n.index: tuple([original(op, op) for op in n.fused]) for n in nodes if n.fused}
    ops = [original(n.op, n.op) if n.op is not None else None for n in nodes]
    names, devices = [n.name for n in nodes], [n.device.name for n in nodes]
    return CompiledPlan(ops, names, devices, fused, lowering.queues, resources.failures, engine=plan)


_UNOPTIMISED = OptimizerOptions(opt_level=OptimizerOptions.L0)
