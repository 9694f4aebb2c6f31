"""Placement: which device runs a node.

A device string is a request. Without soft placement a request that cannot be met is an InvalidArgumentError; with it the
node falls back to the host. Nodes that were not placed run on the host; whatever takes a resource handle runs where the
resource lives. Must never import the engine: it sees devices and ops only.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

from flowcore import dtypes, errors
from flowcore.graph.device import DeviceSpec
from flowcore.graph.operation import Operation
from flowcore.runtime.devices import HOST, Device


@functools.lru_cache(maxsize=1000)
def _parse(device: str) -> DeviceSpec:
    return DeviceSpec.from_string(device)


def place(op: Operation, find: Callable[[str, int], Device], placed: dict[Operation, Device], soft: bool) -> Device:
    """The device for `op`.

    `find` gives the device of a type and number or raises RuntimeError; `placed` holds the devices of the ops before it in topological order.
    """
    for tensor in op.inputs:
        if tensor.dtype == dtypes.resource:
            return placed.get(tensor.op, HOST)
    if not op.device:
        return HOST
    spec = _parse(op.device)
    if spec.device_type is None or op.type.startswith(_HOST_ONLY):
        return HOST
    try:
        device = find(spec.device_type.upper(), spec.device_index or 0)
    except RuntimeError as error:
        if soft:
            return HOST
        raise errors.InvalidArgumentError(
            op.node_def,
            op,
            f"node '{op.name}' ({op.type}) asks for device '{op.device}', which this process does not have; {error}. "
            "Change the device scope, or run with ConfigProto(allow_soft_placement=True) to let such nodes fall back to the CPU",
        ) from None
    fits = device.is_host or not soft or op.type in _NO_KERNEL or device.kernel_for(op) is not None
    return device if fits else HOST


#: Ops that are no nodes of a plan, but decide where others run.
_NO_KERNEL = ("VarHandleOp", "Const", "Placeholder")
#: Queues, readers and Python functions live with the host wherever they are asked for.
_HOST_ONLY = ("FIFOQueue", "RandomShuffleQueue", "PaddingFIFOQueue", "PyFunc", "WholeFileReader", "IdentityReader")
