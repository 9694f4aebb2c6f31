"""Copies between memories, the pass after placement: a value that is read in another memory than
the one that it lies in is copied there, once for each device. Makes no slot and no node: see
lower.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from flowcore import _engine, dtypes
from flowcore.graph.operation import Operation, Tensor
from flowcore.runtime.calls import Calls
from flowcore.runtime.devices import HOST, LAST_ON_HOST, Device
from flowcore.runtime.handles import is_prefilled
from flowcore.runtime.passes import PlanGraph

__all__ = ["Copy", "Moved", "Value", "host_sides", "insert_copies", "readers_of_arguments"]


class Copy:
    """What `source` is, a value of `tensor`, in the memory of `device`: a step of a plan, and a value."""

    __slots__ = ("device", "source", "tensor")

    def __init__(self, tensor: Tensor, source: Value, device: Device) -> None:
        self.tensor = tensor
        self.source = source
        self.device = device


Value = Tensor | Copy


class Moved(NamedTuple):
    """A plan in which each value is read where it lies.

    `steps` are ops and copies, in an order in which they may run; `inputs` is what an op reads
    instead of what the plan graph says; `memory` is where the values lie that are not on the host,
    or the elements of a list.
    """

    steps: Sequence[Operation | Copy]
    inputs: Mapping[Operation, tuple[Value, ...]]
    results: Sequence[Value]
    memory: Mapping[Value, Device]


def insert_copies(
    graph: PlanGraph,
    placed: Mapping[Operation, Device],
    arguments: Mapping[Tensor, Device],
    wanted: Sequence[Device | None],
    calls: Calls,
) -> Moved:
    """`graph` with the copies that it needs.

    Args:
      graph: optimised.
      placed: the devices of its ops that are not on the host.
      arguments: the tensors that are fed, with the devices in whose memory they lie.
      wanted: for each fetch of the graph the device in whose memory it is to be; None: where it is.
      calls: the nodes that call bodies.
    """
    elsewhere: dict[Value, Device] = {
        tensor: device
        for tensor, device in arguments.items()
        if device is not HOST and tensor._dtype is not dtypes.resource
    }
    if (
        not placed
        and not elsewhere
        and not calls.planned()
        and all([device is None or device is HOST for device in wanted])
    ):
        return Moved(graph.ops, {}, graph.fetches, {})
    copies = _Copies(elsewhere)
    inputs: dict[Operation, tuple[Value, ...]] = {}
    memory = copies.memory
    for op in graph.ops:
        call = calls.of(op, memory)
        if call is not None:
            read = graph.inputs(op)
            where = dict(zip(call.inputs, call.argument_devices, strict=True))
            inputs[op] = tuple(
                [copies.value_on(t, where[i]) if i in where else t for i, t in enumerate(read)]
            )
            copies.steps.append(op)
            for i, device in zip(call.outputs, call.result_devices, strict=True):
                if device is not HOST and op._outputs[i] not in arguments:
                    memory[op._outputs[i]] = device
            for i, k in call.same.items():
                memory.pop(op._outputs[i], None)
                if read[k] in memory:
                    memory[op._outputs[i]] = memory[read[k]]
            continue
        device, read = placed.get(op, HOST), graph.inputs(op)
        if device is HOST or is_prefilled(op):
            if not memory.keys().isdisjoint(read):
                inputs[op] = tuple([copies.value_on(t, HOST) for t in read])
            copies.steps.append(op)
            continue
        host_in, host_out = host_sides(op, read, device)
        values = tuple(
            [copies.value_on(t, HOST if host else device) for t, host in zip(read, host_in, strict=True)]
        )
        if values != read:
            inputs[op] = values
        copies.steps.append(op)
        for tensor, host in zip(op._outputs, host_out, strict=True):
            if not host and tensor not in arguments:  # a fed tensor stays what is fed
                memory[tensor] = device
    results = [
        tensor if device is None else copies.value_on(tensor, device)
        for tensor, device in zip(graph.fetches, wanted, strict=True)
    ]
    return Moved(copies.steps, inputs, results, memory)


def readers_of_arguments(
    graph: PlanGraph, moved: Moved, arguments: Mapping[Tensor, Device]
) -> dict[Tensor, Device]:
    """Of arguments on the host that are copied, the device that reads them, if it is one alone: they could be
    passed there at once. The host where it reads one too, and more than its shape, or where several
    devices do.
    """
    copies = [s for s in moved.steps if type(s) is Copy and s.source in arguments and not s.device.is_host]
    found: dict[Tensor, Device] = {}
    for copy in copies:
        known = found.setdefault(copy.tensor, copy.device)
        if known is not copy.device:
            found[copy.tensor] = HOST
    if found:
        read: set[Value] = set(moved.results)
        for step in moved.steps:
            if isinstance(step, Operation) and not step._op_def.from_shapes:
                read.update(moved.inputs.get(step, graph.inputs(step)))
        found.update(dict.fromkeys([t for t in found if t in read], HOST))
    return found


class _Copies:
    """Where values lie so far, and the copies that were made of them."""

    def __init__(self, memory: dict[Value, Device]) -> None:
        self.steps: list[Operation | Copy] = []
        self.memory = memory
        self._known: dict[tuple[Value, Device], Copy] = {}

    def value_on(self, tensor: Tensor, device: Device) -> Value:
        """The value of `tensor` in the memory of `device`. Two devices meet in the memory of the host."""
        source, value = self.memory.get(tensor, HOST), tensor
        if source is device or _is_at_home_anywhere(tensor):
            return value
        if not source.is_host and not device.is_host:
            return self._copy(tensor, self._copy(tensor, value, HOST), device)
        return self._copy(tensor, value, device)

    def _copy(self, tensor: Tensor, value: Value, device: Device) -> Copy:
        found = self._known.get((value, device))
        if found is None:
            found = self._known[value, device] = Copy(tensor, value, device)
            self.steps.append(found)
            if device is not HOST:
                self.memory[found] = device
        return found


def _is_at_home_anywhere(tensor: Tensor) -> bool:
    """Whether it is a list that has no elements yet."""
    return tensor._dtype is dtypes.variant and tensor._op._op_def.holds_nothing


def host_sides(op: Operation, inputs: Sequence[Tensor], device: Device) -> tuple[list[bool], list[bool]]:
    """Which inputs an op wants in the memory of the host though it runs on `device`, and which outputs
    it leaves there.
    """
    if device.is_host or is_prefilled(op):
        return [True] * len(inputs), [True] * len(op._outputs)
    kernel = device.kernel_for(op)
    wanted, left, flags = (
        (kernel.host_in, kernel.host_out, kernel.flags) if isinstance(kernel, _engine.Kernel) else (0, 0, 0)
    )
    host_in = [bool(wanted >> min(i, 31) & 1) or t._dtype is dtypes.resource for i, t in enumerate(inputs)]
    if flags & LAST_ON_HOST:
        host_in[-1] = True
    return host_in, [bool(left >> min(i, 31) & 1) for i in range(len(op._outputs))]
