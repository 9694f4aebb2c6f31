"""Placement: which device runs a node.

A device string is a request. Without soft placement a request that cannot be met is an InvalidArgumentError; with it the
node falls back to the host. Nodes that were not placed run on the host; whatever takes a resource handle runs where the
resource lives. Must never import the engine: it sees devices and ops only.
"""

from __future__ import annotations

from collections.abc import Sequence

from flowcore import dtypes, errors
from flowcore.graph.device import DeviceSpec
from flowcore.graph.operation import Operation
from flowcore.runtime.devices import HOST, Device


def place(op: Operation, devices: Sequence[Device], placed: dict[Operation, Device], soft: bool) -> Device:
    """The device for `op`. `placed` holds the devices of the ops before it in topological order."""
    for tensor in op.inputs:
        if tensor.dtype == dtypes.resource:
            return placed.get(tensor.op, HOST)
    if not op.device:
        return HOST
    spec = DeviceSpec.from_string(op.device)
    if spec.device_type is None:
        return HOST
    wanted = spec.device_type.upper()
    for device in devices:
        if device.type == wanted and device.index == (spec.device_index or 0):
            if device.is_host or soft is False or device.kernel_for(op) is not None:
                return device
            return HOST
    if soft:
        return HOST
    known = ", ".join(d.name for d in devices)
    raise errors.InvalidArgumentError(
        op.node_def,
        op,
        f"node '{op.name}' ({op.type}) asks for device '{op.device}', which this process does not have; it has {known}. "
        "Change the device scope, or run with ConfigProto(allow_soft_placement=True) to let such nodes fall back to the CPU",
    )
