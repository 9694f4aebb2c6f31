"""The devices that plans can be placed on, each with its kernel table.

Owns: the list of devices of this process. The CPU is always there; another device adds itself with `register`.
Must never import ops or train.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from flowcore import _engine, dtypes, kernels
from flowcore.graph.operation import Operation

#: Copies between host and device memory are nodes of the plan; a device offers these two as asynchronous kernels.
COPY_FROM_HOST, COPY_TO_HOST = "_HostToDevice", "_DeviceToHost"


@dataclass(frozen=True)
class TypedKernel:
    """A kernel with its type constraints parsed: attribute name -> the dtype numbers it accepts."""

    kernel: _engine.Kernel
    accepts: tuple[tuple[str, frozenset[int]], ...]

    def matches(self, op: Operation) -> bool:
        return all(dtypes.as_dtype(op.get_attr(name)).as_datatype_enum in allowed for name, allowed in self.accepts)


def _parse(kernel: _engine.Kernel) -> TypedKernel:
    parts = [part.split(":") for part in kernel.types.split(";") if part]
    accepts = tuple((name, frozenset(dtypes.as_dtype(t).as_datatype_enum for t in types.split(","))) for name, types in parts)
    return TypedKernel(kernel, accepts)


@dataclass
class Device:
    """One place where nodes run.

    `name` is like "/device:CPU:0"; `engine_device` is what the engine allocates outputs with (None: the host).
    """

    name: str
    type: str
    index: int
    kernels: Mapping[str, list[TypedKernel]] = field(repr=False)
    engine_device: object = None

    @property
    def is_host(self) -> bool:
        return self.engine_device is None

    def kernel_for(self, op: Operation) -> _engine.Kernel | None:
        """The first kernel whose type constraints the node's attributes meet, or None."""
        for candidate in self.kernels.get(op.type, ()):
            if not candidate.accepts or candidate.matches(op):
                return candidate.kernel
        return None

    def internal_kernel(self, op_type: str) -> _engine.Kernel:
        return self.kernels[op_type][0].kernel


def kernel_table(kernel_list: Iterable[_engine.Kernel]) -> dict[str, list[TypedKernel]]:
    """Kernels by op type, in table order."""
    table: dict[str, list[TypedKernel]] = {}
    for kernel in kernel_list:
        table.setdefault(kernel.op, []).append(_parse(kernel))
    return table


def make_device(device_type: str, index: int, capsules: Iterable[object], engine_device: object = None) -> Device:
    """A device from the kernel capsules of its extension; kernels of other device types among them are left out."""
    own = [k for k in _engine.load_kernels(list(capsules)) if k.device == device_type]
    return Device(f"/device:{device_type}:{index}", device_type, index, kernel_table(own), engine_device)


HOST = make_device("CPU", 0, kernels.CAPSULES)
_devices: list[Device] = [HOST]
_lock = threading.Lock()


def register(device: Device) -> None:
    """Adds a device. A second one of the same name is refused with ValueError."""
    with _lock:
        if any(d.name == device.name for d in _devices):
            raise ValueError(f"device {device.name} is registered already")
        _devices.append(device)


def unregister(device: Device) -> None:
    """Takes a device away again; sessions that have planned onto it keep it."""
    with _lock:
        _devices.remove(device)


def all_devices() -> list[Device]:
    """The devices known now, the host first."""
    with _lock:
        return list(_devices)
