"""Placement, the first pass over optimised ops: which device runs each.

A device string is a request. Its job, replica and task must be this process's, which they need not
name. Without soft placement a request that cannot be met is an
InvalidArgumentError; with it the node falls back to the host.
Whatever takes a resource handle runs where the resource lives, what takes a list where its elements
lie: see `_for_lists`. A node that asks for nothing goes to the first GPU or accelerator, where there
is one and it pays: see `_pays`. Must never import the
engine: it sees devices and ops only.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence

from flowcore import dtypes, errors
from flowcore.graph.device import DeviceSpec
from flowcore.graph.operation import Operation, Tensor
from flowcore.runtime.calls import Calls, is_few_numbers
from flowcore.runtime.copies import host_sides
from flowcore.runtime.devices import ANY_DEVICE, HOST, Device
from flowcore.runtime.handles import is_prefilled, origins
from flowcore.runtime.passes.plan_graph import PlanGraph
from flowcore.runtime.visible_devices import VisibleDevices

__all__ = ["device_for", "place"]


def place(
    graph: PlanGraph,
    arguments: Mapping[Tensor, Device],
    visible: VisibleDevices,
    soft: bool,
    calls: Calls,
    wanted: Sequence[Device | None] = (),
) -> dict[Operation, Device]:
    """The device of each op of `graph`; those on the host are left out.

    Args:
      graph: optimised.
      arguments: what is fed, with the device that it lies on; for a handle the one where the
        resource lives.
      visible: the devices that may be used.
      soft: whether the host stands in for a device that there is not.
      calls: the nodes that call bodies, whose results lie where the bodies leave them.
      wanted: for each fetch the device in whose memory it is to be, if that is known.
    """
    placed: dict[Operation, Device] = {}
    elsewhere = {tensor: device for tensor, device in arguments.items() if device is not HOST}
    asked = [op for op in graph.ops if op._device or op._op_def.calls]
    any_device = elsewhere or asked or visible.preferred is not None
    for op in graph.ops if any_device else ():
        if op._op_def.calls:
            call = calls.of(op, {t: _memory(t, graph, placed, elsewhere) for t in graph.inputs(op)})
            assert call is not None
            for i, device in zip(call.outputs, call.result_devices, strict=True):
                if device is not HOST:
                    elsewhere[op._outputs[i]] = device
            continue
        device = device_for(op, graph.inputs(op), visible, placed, soft, elsewhere)
        if device is not HOST:
            placed[op] = device
    for tensor, there in zip(graph.fetches, wanted):
        op = tensor._op
        if there is not None and there is not HOST and op._op_def.holds_nothing and not op._inputs:
            placed[op] = there  # a branch's stand-in for what another branch yields
    return placed


@functools.lru_cache(maxsize=1000)
def _parse(device: str) -> DeviceSpec:
    return DeviceSpec.from_string(device)


def _is_here(spec: DeviceSpec) -> bool:
    """Whether a request is for this process: job "localhost", replica 0 and task 0, where it names them."""
    return spec.job in (None, "*", "localhost") and not spec.replica and not spec.task


def _refuse_elsewhere(op: Operation) -> None:
    where = f"; created at {op.created_at}" if op.created_at else ""
    raise errors.InvalidArgumentError(
        None,
        op,
        f"node '{op.name}' ({op.type}) asks for device '{op.device}', which is another process's; this"
        " session runs nodes of /job:localhost/replica:0/task:0 alone. Leave job, replica and task out of the"
        f" device scope{where}",
    )


def device_for(
    op: Operation,
    inputs: Sequence[Tensor],
    visible: VisibleDevices,
    placed: Mapping[Operation, Device],
    soft: bool,
    arguments: Mapping[Tensor, Device] | None = None,
) -> Device:
    """The device for `op`, which reads `inputs`.

    `placed` holds the devices of the ops before it, `arguments` those of what is fed, without those
    on the host.
    """
    arguments = arguments or {}
    spec = _parse(op._device) if op._device else None
    if spec is not None and not _is_here(spec):
        _refuse_elsewhere(op)
    if any([t._dtype is dtypes.variant for t in (*inputs, *op._outputs)]):
        return _for_lists(op, inputs, spec, visible, placed, soft, arguments)
    for tensor in inputs:
        if tensor._dtype is dtypes.resource:  # handles are in host memory
            hands_on = any(t._dtype is dtypes.resource for t in op._outputs)
            return HOST if hands_on else _with_resources(op, inputs, placed, arguments)
    if op._graph.path and _counts(op, inputs, placed, arguments):
        return HOST
    if spec is None or spec.device_type is None:
        preferred = visible.preferred
        return (
            preferred
            if preferred is not None
            and not op._op_def.on_host
            and _pays(op, inputs, preferred, placed, arguments)
            else HOST
        )
    if op._op_def.on_host:
        return HOST
    device = _requested(op, spec, visible, soft)
    fits = device.is_host or not soft or _is_no_node(op) or device.kernel_for(op) is not None
    return device if fits else HOST


def _requested(op: Operation, spec: DeviceSpec, visible: VisibleDevices, soft: bool) -> Device:
    """The device that `op` asks for; where it is missing, the host or an error."""
    try:
        return visible.find(spec.device_type or HOST.type, spec.device_index or 0)
    except RuntimeError as error:
        if soft:
            return HOST
        raise errors.InvalidArgumentError(
            None,
            op,
            f"node '{op.name}' ({op.type}) asks for device '{op.device}', which this process does not have;"
            f" {error}. Change the device scope, or run with ConfigProto(allow_soft_placement=True) to let"
            " such nodes fall back to the CPU",
        ) from None


def _home(tensor: Tensor, placed: Mapping[Operation, Device], arguments: Mapping[Tensor, Device]) -> Device:
    """The device that yields a tensor, or where the resource behind a handle lives."""
    return arguments.get(tensor) or placed.get(tensor._op, HOST)


def _memory(
    tensor: Tensor, graph: PlanGraph, placed: Mapping[Operation, Device], arguments: Mapping[Tensor, Device]
) -> Device:
    """The device in whose memory a tensor will lie: some outputs stay on the host."""
    op = tensor._op
    device = _home(tensor, placed, arguments)
    if tensor in arguments or device is HOST:
        return device
    return HOST if host_sides(op, graph.inputs(op), device)[1][tensor._value_index] else device


def _with_resources(
    op: Operation,
    inputs: Sequence[Tensor],
    placed: Mapping[Operation, Device],
    arguments: Mapping[Tensor, Device],
) -> Device:
    """Where the resources live that `op` works on; the host where that cannot be traced."""
    device = HOST
    first: Tensor | None = None
    for tensor in inputs:
        if tensor._dtype is not dtypes.resource:
            continue
        for origin in sorted(origins(tensor, arguments=arguments) or (), key=lambda t: t.name):
            other = _home(origin, placed, arguments)
            if first is not None and other is not device:
                raise errors.InvalidArgumentError(
                    None,
                    op,
                    f"node '{op.name}' ({op.type}) works on '{first.op.name}' on {device.name} and on"
                    f" '{origin.op.name}' on {other.name}; give both the same device",
                )
            device, first = other, origin
    return device


def _is_on_host(
    tensor: Tensor, placed: Mapping[Operation, Device], arguments: Mapping[Tensor, Device]
) -> bool:
    """Whether a tensor is on the host, or known before the run."""
    device = _home(tensor, placed, arguments)
    if device.is_host or tensor in arguments:
        return device.is_host
    op = tensor._op
    return _is_no_node(op) or host_sides(op, op._inputs, device)[1][tensor._value_index]


def _for_lists(
    op: Operation,
    inputs: Sequence[Tensor],
    spec: DeviceSpec | None,
    visible: VisibleDevices,
    placed: Mapping[Operation, Device],
    soft: bool,
    arguments: Mapping[Tensor, Device],
) -> Device:
    """The device for an op on lists: where the elements lie of one that it takes, whatever it asks for
    itself; else, where it writes the first elements, the device that these are on.

    Elements on the host go to the device that the op asks for, or that nodes go to which ask for nothing,
    if they are floating values, and more than a few. Variables and queues keep lists on the host.
    """
    if any([t._dtype is dtypes.resource for t in inputs]):
        return HOST
    lists = [t for t in inputs if t._dtype is dtypes.variant]
    home = next((d for d in [_home(t, placed, arguments) for t in lists] if not d.is_host), HOST)
    if not home.is_host:
        return home if home.kernel_for(op) is not None else HOST
    if op._op_def.holds_nothing or all([t._dtype is not dtypes.variant for t in op._outputs]):
        return HOST
    asks = spec is not None and spec.device_type is not None
    device = _requested(op, spec, visible, soft) if asks else visible.preferred  # type: ignore[arg-type]
    if asks and device is HOST:
        return HOST
    for tensor in inputs:
        if not _is_on_host(tensor, placed, arguments):
            there = _home(tensor, placed, arguments)
            if tensor in _elements(op, inputs, there):
                return there
    if device is None or op._op_def.on_host:
        return HOST
    least = 0 if asks else 2
    floating = [t for t in _elements(op, inputs, device) if t._dtype.is_floating]
    many = any([t._shape.ndims is None or t._shape.ndims >= least for t in floating])
    return device if many else HOST


def _elements(op: Operation, inputs: Sequence[Tensor], device: Device) -> list[Tensor]:
    """The inputs that `op` wants on a device, of which it makes elements of a list; none without a kernel."""
    if device.kernel_for(op) is None:
        return []
    sides = zip(inputs, host_sides(op, inputs, device)[0], strict=True)
    return [t for t, on_host in sides if not on_host and t._dtype is not dtypes.variant]


def _counts(
    op: Operation,
    inputs: Sequence[Tensor],
    placed: Mapping[Operation, Device],
    arguments: Mapping[Tensor, Device],
) -> bool:
    """Whether an op of a body computes a few whole numbers or truth values of what is on the host: the
    counter of a loop, what it decides, and indices stay there, whatever device the body asks for.
    """
    return (
        bool(op._outputs)
        and not op._op_def.is_stateful
        and all(is_few_numbers(t) for t in op._outputs)
        and all(_is_on_host(t, placed, arguments) for t in inputs)
    )


def _pays(
    op: Operation,
    inputs: Sequence[Tensor],
    device: Device,
    placed: Mapping[Operation, Device],
    arguments: Mapping[Tensor, Device],
) -> bool:
    """Whether a node without a request is worth a device of its own memory: it computes floating
    values, and more than a few.

    Integers, shapes above all, and scalars computed from what is on the host (a learning rate) stay
    there. What touches no element follows its input.
    """
    if op._op_def.makes == "variable":
        return dtypes.as_dtype(op.get_attr("dtype")).is_floating
    if _is_no_node(op):
        return False
    kernel = device.kernel_for(op)
    if kernel is None:
        return False
    on_host = all(_is_on_host(t, placed, arguments) for t in inputs)
    if kernel.flags & ANY_DEVICE:
        return not on_host
    if not any(t.dtype.is_floating for t in (*inputs, *op._outputs)):
        return False
    return not (on_host and all(t.shape.ndims == 0 for t in op._outputs))


def _is_no_node(op: Operation) -> bool:
    """Whether it is never a node of a plan, but may decide where others run."""
    return is_prefilled(op) or op._type == "Placeholder"
