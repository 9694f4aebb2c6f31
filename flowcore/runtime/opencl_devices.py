"""OpenCL devices: "/gpu:N", also written "/opencl:N", looked for and opened when a node first asks for one.

Owns: their numbers, opening them, and what differs from other devices. Must never import ops or train.
"""

from __future__ import annotations

import glob
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flowcore import _engine, dtypes, locks
from flowcore.opencl import _opencl, runtimes
from flowcore.runtime import devices
from flowcore.runtime.devices import ANY_DEVICE, BY_COPY, TypedKernel
from flowcore.runtime.fuse_opencl import OpenCLFusion

#: The type of OpenCL devices in names and kernel tables, and what it is called in device strings.
OPENCL = "GPU"
OPENCL_NAMES = (OPENCL, "OPENCL")


@dataclass(eq=False, kw_only=True)
class OpenCLDevice(devices.Device):
    """`runtime` describes the device; `capsule` is what the extension knows it by."""

    runtime: runtimes.Runtime
    capsule: object = field(repr=False)

    def new_constant(self) -> _engine.Resource:
        """The state of a constant's copy, which is made once per plan."""
        return _engine.Resource(_opencl.new_constant())

    def limit_memory(self, fraction: float) -> None:
        """At most this part of its memory is taken from now on, by all sessions together."""
        _opencl.set_memory_limit(self.capsule, int(self.runtime.memory * fraction))


def may_have_gpu() -> bool:
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


def opencl_devices() -> list[OpenCLDevice]:
    """All OpenCL devices of this machine, by their numbers. Opens them."""
    _open_until(sys.maxsize)
    return [d for d in devices.all_devices() if isinstance(d, OpenCLDevice)]


_opening = locks.lock()
_untried: list[runtimes.Runtime] | None = None
#: What a forked child got of its parent's devices. It keeps them: to let them go is a driver's call too.
_inherited: list[OpenCLDevice] = []


def _begin_child() -> None:
    """A forked child does not have its parent's OpenCL devices: their drivers' threads are gone."""
    global _untried  # noqa: PLW0603
    for device in devices.all_devices():
        if isinstance(device, OpenCLDevice):
            devices.unregister(device)
            _inherited.append(device)
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
            except ImportError:
                return runtimes.absence()
        opened = sum(device.type == OPENCL for device in devices.all_devices())
        while opened <= index and _untried:
            runtime = _untried.pop(0)
            if runtime.problem is not None:
                continue
            try:
                devices.register(open_opencl(runtime, opened))
            except RuntimeError:
                continue  # the reason stays with the runtime: `problem`
            opened += 1
        unusable = [f"{r.name} ({r.platform}): {r.problem}" for r in runtimes.runtimes() if r.problem]
        if unusable:
            return f"not usable: {'; '.join(unusable)}"
        return "" if opened else runtimes.absence()


devices.add_opener(OPENCL_NAMES, _open_until)


def open_opencl(runtime: runtimes.Runtime, index: int, **claims: Any) -> OpenCLDevice:
    """An OpenCL device as "/device:GPU:<index>", not registered yet. `claims` replace what the
    device says of itself; tests pretend lesser ones so.

    Raises RuntimeError where it cannot compile.
    """
    engine_device, capsule = runtimes.open_runtime(runtime, index, **claims)
    made = devices.make_device(OPENCL, index, _opencl.KERNELS, engine_device)
    return OpenCLDevice(
        made.name,
        OPENCL,
        index,
        made.kernels if runtime.has_double else _without_double(made.kernels),
        engine_device,
        preferred=runtime.kind != "CPU",
        fusion=OpenCLFusion(),
        runtime=runtime,
        capsule=capsule,
    )


def _without_double(table: Mapping[str, list[TypedKernel]]) -> dict[str, list[TypedKernel]]:
    """The kernels of a device that cannot compute in float64. Those that only move elements stay."""
    double = dtypes.float64.as_datatype_enum

    def reduced(entry: TypedKernel) -> TypedKernel:
        if entry.kernel.flags & (ANY_DEVICE | BY_COPY):
            return entry
        return TypedKernel(entry.kernel, tuple((name, allowed - {double}) for name, allowed in entry.accepts))

    return {op: [reduced(entry) for entry in entries] for op, entries in table.items()}
