"""What devices this machine has, and what flowcore will do on each."""

from __future__ import annotations

import platform
from typing import NamedTuple

from flowcore.config import ConfigProto
from flowcore.opencl import runtimes
from flowcore.runtime import opencl_devices
from flowcore.runtime.session import thread_count

__all__ = ["DeviceDescription", "list_devices"]


class DeviceDescription(NamedTuple):
    """One device. `name` is what `flowcore.device` takes; empty where flowcore cannot use it, and
    `problem` says why. Sizes are in bytes.

    `units`: threads of the CPU, compute units of an OpenCL device. `remarks`: what flowcore will do
    there, a sentence each.
    """

    name: str
    device_type: str
    description: str
    platform: str = ""
    driver: str = ""
    version: str = ""
    memory: int = 0
    max_buffer: int = 0
    local_memory: int = 0
    units: int = 0
    max_group: int = 0
    vector_bytes: int = 0
    extensions: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    problem: str = ""


def list_devices() -> list[DeviceDescription]:
    """All devices of this machine, the CPU first;

    OpenCL devices by their numbers, then those that cannot be used. Opens the OpenCL devices.
    """
    host = DeviceDescription(
        "/device:CPU:0", "CPU", platform.processor() or platform.machine(), units=thread_count(ConfigProto())
    )
    opened = opencl_devices.opencl_devices()
    used = {id(d.runtime) for d in opened}
    try:
        found = runtimes.runtimes()
    except ImportError:
        found = []
    usable = [_describe(d.name, d.runtime, _remarks(d)) for d in opened]
    return [host, *usable, *(_describe("", r, ()) for r in found if id(r) not in used)]


def _describe(name: str, runtime: runtimes.Runtime, remarks: tuple[str, ...]) -> DeviceDescription:
    return DeviceDescription(
        name=name,
        device_type=runtime.kind,
        description=runtime.name,
        platform=runtime.platform,
        driver=runtime.driver,
        version=runtime.version,
        memory=runtime.memory,
        max_buffer=runtime.max_buffer,
        local_memory=runtime.local_memory,
        units=runtime.units,
        max_group=runtime.max_group,
        vector_bytes=runtime.vector_bytes,
        extensions=runtime.extensions,
        remarks=remarks,
        problem=runtime.problem or "",
    )


def _remarks(device: opencl_devices.OpenCLDevice) -> tuple[str, ...]:
    runtime = device.runtime
    return (
        "nodes that ask for no device go here"
        if device.preferred
        else "used where a node asks for it; other nodes stay on the CPU",
        f"kernels for {len(device.kernels)} op types",
        "float64 is computed here"
        if runtime.has_double
        else "no float64 (cl_khr_fp64 is missing): such nodes need the CPU",
        "kernels for processors: vectors, packed panels, no local memory"
        if runtime.kind == "CPU"
        else "kernels for GPUs: tiles in local memory",
    )
