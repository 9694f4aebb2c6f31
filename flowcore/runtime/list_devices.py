"""What devices this machine has, and what flowcore will do on each."""

from __future__ import annotations

import platform
from typing import NamedTuple

from flowcore.config import Settings
from flowcore.opencl import runtimes
from flowcore.runtime import opencl_devices
from flowcore.runtime.session import thread_count

__all__ = ["DeviceDescription", "list_devices"]


class DeviceDescription(NamedTuple):
    """One device of this machine.

    Args:
        name: What `flowcore.device` takes, such as "/device:GPU:0"; empty where flowcore cannot use
            it.
        device_type: "CPU", "GPU" or "ACCELERATOR".
        description: The device's own name.
        platform: The name of its OpenCL platform; empty for the CPU, like all that follows but
            units.
        driver: The version of its driver.
        version: The OpenCL version.
        memory: Its memory in bytes.
        max_buffer: The largest buffer in bytes.
        local_memory: The memory of a work group in bytes.
        units: Threads of the CPU, compute units of an OpenCL device.
        max_group: The most work items of a group.
        vector_bytes: The width of its vectors in bytes.
        extensions: The names of its OpenCL extensions.
        remarks: What flowcore will do there, a sentence each.
        problem: Why flowcore cannot use it; empty where it can.

    Example:
        >>> fc.list_devices()[0].name
        '/device:CPU:0'
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
    """All devices of this machine.

    First the CPU, then OpenCL devices by their numbers, then those that cannot be used. Opens the
    OpenCL devices.

    Returns:
        A list of DeviceDescription.

    Example:
        >>> fc.list_devices()[0].device_type
        'CPU'
    """
    host = DeviceDescription(
        "/device:CPU:0", "CPU", platform.processor() or platform.machine(), units=thread_count(Settings())
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
