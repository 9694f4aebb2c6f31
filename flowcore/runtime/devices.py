"""The devices that plans can be placed on, each with its kernel table.

Owns: the list of devices of this process. The CPU is always there. OpenCL devices are "/gpu:N",
also written "/opencl:N", and are opened when a node first asks for one; any other device adds
itself with `register`. Must never import ops or train.
"""

from __future__ import annotations

import functools
import glob
import operator
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from flowcore import _engine, dtypes, kernels, locks
from flowcore.config import ConfigProto
from flowcore.graph.operation import Operation
from flowcore.opencl import _opencl, runtimes
from flowcore.runtime.fuse_cpu import CpuFusion
from flowcore.runtime.fuse_opencl import OpenCLFusion
from flowcore.runtime.fused_steps import Fusion

#: Copies between host and device memory are nodes of the plan; a device offers these two as
#: asynchronous kernels. Optional, with a state from `Device.new_constant`: the copy of a constant,
#: which is made once per plan.
COPY_FROM_HOST, COPY_TO_HOST, COPY_CONSTANT = "_HostToDevice", "_DeviceToHost", "_ConstantToDevice"


#: The type of OpenCL devices in names and kernel tables.
OPENCL = "GPU"

#: Flags of a kernel's table entry (_kernel.h).
ANY_DEVICE, BY_COPY, LAST_ON_HOST, KEEPS_CONSTANT = 32, 64, 128, 256


class TypedKernel(NamedTuple):
    """A kernel with its type constraints parsed: attribute name -> the dtype numbers it accepts."""

    kernel: _engine.Kernel
    accepts: tuple[tuple[str, frozenset[int]], ...]

    def matches(self, op: Operation) -> bool:
        attrs = op.attrs
        return all(
            [dtypes.as_dtype(attrs[name]).as_datatype_enum in allowed for name, allowed in self.accepts]
        )


@functools.cache
def _accepted(types: str) -> tuple[tuple[str, frozenset[int]], ...]:
    """What `TypedKernel.accepts` is for the type constraints of a kernel, which most share with others."""
    parts = [part.split(":") for part in types.split(";") if part]
    return tuple(
        [
            (name, frozenset([dtypes.as_dtype(t).as_datatype_enum for t in accepted.split(",")]))
            for name, accepted in parts
        ]
    )


def _nothing(attrs: object) -> None:
    """Of an op type whose kernel depends on no attribute."""


@dataclass(eq=False)
class Device:
    """One place where nodes run.

    `name` is like "/device:CPU:0"; `engine_device` is what the engine allocates outputs with (None:
    the host). `runtime` describes an OpenCL device; `capsule` is what its extension knows it by.
    `preferred`: nodes that ask for no device may go there.
    `fusion`: what makes fused nodes for it, where it has a kernel for them.
    """

    name: str
    type: str
    index: int
    kernels: Mapping[str, list[TypedKernel]] = field(repr=False)
    engine_device: object = None
    runtime: runtimes.Runtime | None = None
    capsule: object = field(default=None, repr=False)
    preferred: bool = False
    fusion: Fusion | None = field(default=None, repr=False)
    #: By op type: what takes from its attributes those that its kernel depends on, and the kernels
    #: by what it takes.
    _choices: dict[str, tuple[Callable[[Any], Any], dict[Any, _engine.Kernel | None]]] = field(
        default_factory=dict, repr=False
    )

    def __post_init__(self) -> None:
        self.is_host = self.engine_device is None

    def kernel_for(self, op: Operation) -> _engine.Kernel | None:
        """The first kernel whose type constraints the node's attributes meet, or None.

        Strings live on the host only.
        """
        if not self.is_host and any(t.dtype == dtypes.string for t in (*op.inputs, *op.outputs)):
            return None
        choice = self._choices.get(op._type)
        if choice is None:
            names = dict.fromkeys(
                name for candidate in self.kernels.get(op._type, ()) for name, _ in candidate.accepts
            )
            choice = self._choices[op._type] = operator.itemgetter(*names) if names else _nothing, {}
        deciding, chosen = choice
        key = deciding(op._attrs)
        if key not in chosen:
            chosen[key] = next(
                (c.kernel for c in self.kernels.get(op._type, ()) if not c.accepts or c.matches(op)), None
            )
        return chosen[key]

    def new_constant(self) -> _engine.Resource | None:
        """The state of a constant's copy, or None where the device copies constants anew in each step."""
        return _engine.Resource(_opencl.new_constant()) if COPY_CONSTANT in self.kernels else None

    def limit_memory(self, fraction: float) -> None:
        """At most this part of an OpenCL device's memory is taken from now on, by all sessions together."""
        if self.runtime is not None:
            _opencl.set_memory_limit(self.capsule, int(self.runtime.memory * fraction))

    def internal_kernel(self, op_type: str) -> _engine.Kernel:
        return self.kernels[op_type][0].kernel


def kernel_table(kernel_list: Iterable[_engine.Kernel]) -> dict[str, list[TypedKernel]]:
    """Kernels by op type, in table order."""
    table: dict[str, list[TypedKernel]] = {}
    for kernel in kernel_list:
        table.setdefault(kernel.op, []).append(TypedKernel(kernel, _accepted(kernel.types)))
    return table


def make_device(
    device_type: str, index: int, capsules: Iterable[object], engine_device: object = None
) -> Device:
    """A device from the kernel capsules of its extension; kernels of other device types among them
    are left out.

    What serves every device (views, shapes, moves by the device's own copy) comes from the CPU's tables.
    """
    own = [k for k in _engine.load_kernels(list(capsules)) if k.device == device_type]
    if isinstance(engine_device, _engine.Device):
        shared = ANY_DEVICE | (BY_COPY if engine_device.moves else 0)
        own += [k for k in _engine.load_kernels(kernels.CAPSULES) if k.flags & shared]
    return Device(f"/device:{device_type}:{index}", device_type, index, kernel_table(own), engine_device)


HOST = make_device("CPU", 0, kernels.CAPSULES)
HOST.fusion = CpuFusion()
_devices: list[Device] = [HOST]
_lock = locks.lock()


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
    """The device of this type and number, opened where need be.

    Raises RuntimeError, with the reason and the remedy, where there is none.
    """
    kind = OPENCL if device_type == "OPENCL" else device_type
    device = _registered(kind, index)
    problem = ""
    if device is None and kind == OPENCL:
        problem = _open_until(index)
        device = _registered(kind, index)
    if device is not None:
        return device
    raise RuntimeError(
        "; ".join(filter(None, [f"it has {', '.join(d.name for d in all_devices())}", problem]))
    )


class VisibleDevices:
    """The devices that one session may use: `device_count` and `gpu_options` of its ConfigProto.

    Raises ValueError for a malformed `visible_device_list`.
    """

    def __init__(self, config: ConfigProto) -> None:
        counts = {kind.upper(): count for kind, count in config.device_count.items()}
        self._count = counts.get(OPENCL)
        options = config.gpu_options
        words = [word.strip() for word in options.visible_device_list.split(",") if word.strip()]
        if not all(word.isdecimal() for word in words):
            raise ValueError(
                "gpu_options.visible_device_list must be device numbers separated by commas, found"
                f" {options.visible_device_list!r}"
            )
        self._order = [int(word) for word in words]
        self._preferred: Device | None = None
        self._has_looked = False
        self._fraction = options.per_process_gpu_memory_fraction
        if not 0 <= self._fraction <= 1:
            raise ValueError(
                f"gpu_options.per_process_gpu_memory_fraction must lie in 0 to 1, found {self._fraction}"
            )

    def find(self, device_type: str, index: int) -> Device:
        """As `find` of this module, among these devices."""
        if device_type in (OPENCL, "OPENCL"):
            if self._count is not None and index >= self._count:
                raise RuntimeError(f"this session's ConfigProto allows device_count={{'GPU': {self._count}}}")
            if self._order:
                if index >= len(self._order):
                    raise RuntimeError(
                        f"this session's gpu_options.visible_device_list names {len(self._order)} devices"
                    )
                index = self._order[index]
        device = find(device_type, index)
        if self._fraction > 0:
            device.limit_memory(self._fraction)
        return device

    @property
    def preferred(self) -> Device | None:
        """Where nodes that ask for nothing may go: the first GPU or accelerator. None on a machine
        whose only OpenCL device is its own processor.

        Looked for once: planning asks for every node. (By no cached property: these share a lock, and
        a child forked while one of them opens a device would find it taken for ever.)
        """
        if not self._has_looked:
            self._preferred = self._first_gpu()
            self._has_looked = True
        return self._preferred

    def _first_gpu(self) -> Device | None:
        if not _may_have_gpu():
            return None
        try:
            device = self.find(OPENCL, 0)
        except RuntimeError:
            return None
        return device if device.preferred else None


def _may_have_gpu() -> bool:
    """Whether looking for OpenCL devices, which costs a tenth of a second, may find more than a processor."""
    if os.environ.get("FLOWCORE_OPENCL") or not sys.platform.startswith("linux"):
        return True
    return any(
        glob.glob(pattern)
        for pattern in (
            "/dev/dri/renderD*",
            "/dev/nvidia[0-9]*",
            "/dev/kfd",
            "/dev/mali*",
            "/dev/kgsl-3d0",
            "/dev/dxg",
        )
    )


def _registered(device_type: str, index: int) -> Device | None:
    return next((d for d in all_devices() if d.type == device_type and d.index == index), None)


def opencl_devices() -> list[Device]:
    """All OpenCL devices of this machine, by their numbers. Opens them."""
    _open_until(sys.maxsize)
    return [d for d in all_devices() if d.runtime is not None]


_opening = locks.lock()
_untried: list[runtimes.Runtime] | None = None
#: What a forked child got of its parent's devices. It keeps them: to let them go is a driver's call too.
_inherited: list[Device] = []


def _begin_child() -> None:
    """A forked child does not have its parent's OpenCL devices: their drivers' threads are gone."""
    global _untried  # noqa: PLW0603
    _inherited.extend(d for d in _devices if d.runtime is not None)
    _devices[:] = [d for d in _devices if d.runtime is None]
    _untried = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_child)


def _open_until(index: int) -> str:
    """Opens OpenCL devices in their order until number `index` is among them.

    Those that cannot compile get no number. Returns why there are no more.
    """
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
                register(open_opencl(runtime, opened))
            except RuntimeError:
                continue  # the reason stays with the runtime: `problem`
            opened += 1
        unusable = [f"{r.name} ({r.platform}): {r.problem}" for r in runtimes.runtimes() if r.problem]
        return (
            f"not usable: {'; '.join(unusable)}"
            if unusable
            else ""
            if opened
            else f"no OpenCL device was found: {runtimes.INSTALL}"
        )


def open_opencl(runtime: runtimes.Runtime, index: int, **claims: Any) -> Device:
    """An OpenCL device as "/device:GPU:<index>", not registered yet. `claims` replace what the
    device says of itself; tests pretend lesser ones so.

    Raises RuntimeError where it cannot compile.
    """
    engine_device, capsule = runtimes.open_runtime(runtime, index, **claims)
    device = make_device(OPENCL, index, _opencl.KERNELS, engine_device)
    device.runtime, device.capsule, device.preferred = runtime, capsule, runtime.kind != "CPU"
    device.fusion = OpenCLFusion()
    if not runtime.has_double:
        device.kernels = _without_double(device.kernels)
    return device


def _without_double(table: Mapping[str, list[TypedKernel]]) -> dict[str, list[TypedKernel]]:
    """The kernels of a device that cannot compute in float64. Those that only move elements stay."""
    double = dtypes.float64.as_datatype_enum

    def reduced(entry: TypedKernel) -> TypedKernel:
        if entry.kernel.flags & (ANY_DEVICE | BY_COPY):
            return entry
        return TypedKernel(entry.kernel, tuple((name, allowed - {double}) for name, allowed in entry.accepts))

    return {op: [reduced(entry) for entry in entries] for op, entries in table.items()}
