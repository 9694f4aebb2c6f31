"""The devices that plans can be placed on, each with its kernel table.

Owns: the list of devices of this process. The CPU is always there. OpenCL devices are "/gpu:N", also written "/opencl:N", and are opened when a
node first asks for one; any other device adds itself with `register`. Must never import ops or train.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from flowcore import _engine, dtypes, kernels
from flowcore.graph.operation import Operation
from flowcore.opencl import _opencl, runtimes

#: Copies between host and device memory are nodes of the plan; a device offers these two as asynchronous kernels.
COPY_FROM_HOST, COPY_TO_HOST = "_HostToDevice", "_DeviceToHost"


#: The type of OpenCL devices in names and kernel tables.
OPENCL = "GPU"

#: Flags of a kernel's table entry (_kernel.h).
ANY_DEVICE, BY_COPY, LAST_ON_HOST = 32, 64, 128


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
        """The first kernel whose type constraints the node's attributes meet, or None. Strings live on the host only."""
        if not self.is_host and any(t.dtype == dtypes.string for t in (*op.inputs, *op.outputs)):
            return None
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
    """A device from the kernel capsules of its extension; kernels of other device types among them are left out.

    What serves every device (views, shapes, moves by the device's own copy) comes from the CPU's tables.
    """
    own = [k for k in _engine.load_kernels(list(capsules)) if k.device == device_type]
    if isinstance(engine_device, _engine.Device):
        shared = ANY_DEVICE | (BY_COPY if engine_device.moves else 0)
        own += [k for k in _engine.load_kernels(kernels.CAPSULES) if k.flags & shared]
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
    """The devices known now, the host first. OpenCL devices are among them once they are open."""
    with _lock:
        return list(_devices)


def find(device_type: str, index: int) -> Device:
    """The device of this type and number, opened where need be. Raises RuntimeError, with the reason and the remedy, where there is none."""
    kind = OPENCL if device_type == "OPENCL" else device_type
    problem = _open_until(index) if kind == OPENCL else ""
    for device in all_devices():
        if device.type == kind and device.index == index:
            return device
    raise RuntimeError("; ".join(filter(None, [f"it has {', '.join(d.name for d in all_devices())}", problem])))


_opening = threading.Lock()
_untried: list[runtimes.Runtime] | None = None


def _open_until(index: int) -> str:
    """Opens OpenCL devices in their order until number `index` is among them. Those that cannot compile get no number. Returns why there are no more."""
    global _untried  # noqa: PLW0603
    with _opening:
        if _untried is None:
            try:
                _untried = list(runtimes.runtimes())
            except ImportError as error:
                return str(error)
        opened = sum(d.type == OPENCL for d in all_devices())
        while opened <= index and _untried:
            runtime = _untried.pop(0)
            if runtime.problem is not None:
                continue
            try:
                engine_device, _, _ = runtimes.open_runtime(runtime, opened)
            except RuntimeError:
                continue  # the reason stays with the runtime: `problem`
            device = make_device(OPENCL, opened, _opencl.KERNELS, engine_device)
            if not runtime.has_double:
                device.kernels = _without_double(device.kernels)
            register(device)
            opened += 1
        unusable = [f"{r.name} ({r.platform}): {r.problem}" for r in runtimes.runtimes() if r.problem]
        return f"not usable: {'; '.join(unusable)}" if unusable else "" if opened else f"no OpenCL device was found: {runtimes.INSTALL}"


def _without_double(table: Mapping[str, list[TypedKernel]]) -> dict[str, list[TypedKernel]]:
    """The kernels of a device that cannot compute in float64. Those that only move elements stay."""
    double = dtypes.float64.as_datatype_enum

    def reduced(entry: TypedKernel) -> TypedKernel:
        if entry.kernel.flags & (ANY_DEVICE | BY_COPY):
            return entry
        return TypedKernel(entry.kernel, tuple((name, allowed - {double}) for name, allowed in entry.accepts))

    return {op: [reduced(entry) for entry in entries] for op, entries in table.items()}
