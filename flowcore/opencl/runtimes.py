"""OpenCL platforms and devices, as flowcore's devices.

Pyopencl owns platforms, contexts and programs; it is imported at first use.
"""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from flowcore import _engine, locks
from flowcore.opencl import _opencl, tuning
from flowcore.opencl.programs import Programs, compiled

__all__ = ["INSTALL", "Runtime", "absence", "open_runtime", "runtimes"]

INSTALL = (
    "install pyopencl and the driver of your device, which brings an OpenCL runtime (GPUs: the vendor's"
    ' driver; any processor: pip install "pyopencl[pocl]")'
)
_PROBE = "__kernel void probe(__global float *x) { x[get_global_id(0)] = 1.0f; }"


@dataclass(eq=False)
class Runtime:
    """One OpenCL device. `problem`: why flowcore cannot use it, or None."""

    platform: str
    name: str
    kind: str
    driver: str
    version: str
    memory: int
    max_buffer: int
    local_memory: int
    units: int
    max_group: int
    vector_bytes: int
    extensions: tuple[str, ...]
    #: host and device have one memory, and use blocks at multiples of this both; 0: they have not
    share_alignment: int
    handle: Any = field(repr=False)
    #: of the driver that has it, and its place among the loader's
    platform_version: str = ""
    platform_number: int = 0
    problem: str | None = None

    @property
    def identity(self) -> str:
        """Platform, device and driver, for what is kept between processes."""
        return f"{self.platform} | {self.name} | {self.driver}"

    @property
    def is_simulator(self) -> bool:
        return "oclgrind" in self.platform.lower()

    @property
    def has_double(self) -> bool:
        return "cl_khr_fp64" in self.extensions


def _kind(cl: Any, device: Any) -> str:
    if device.type & cl.device_type.CPU:
        return "CPU"
    return "GPU" if device.type & cl.device_type.GPU else "ACCELERATOR"


def _vector_bytes(device: Any) -> int:
    """The width of the vectors that kernels should compute in."""
    width = 4 * device.native_vector_width_float
    # PoCL reports the machine's width, but compiles for the nearest processor that its compiler
    # knows, and dies of wider vectors than that one has.
    target = device.version.rpartition("-")[2] if "PoCL" in device.version else ""
    if target and not any(name in target for name in _AVX512):
        width = min(width, 32)
    return max(16, min(width, 64))


def _share_alignment(device: Any, kind: str) -> int:
    """GPUs that share the host's memory map pages of it; a processor needs no more than its vectors."""
    if not device.host_unified_memory:
        return 0
    return max(device.mem_base_addr_align // 8, 64 if kind == "CPU" else 4096)


_AVX512 = (
    "avx512",
    "cascadelake",
    "cooperlake",
    "cannonlake",
    "icelake",
    "tigerlake",
    "rocketlake",
    "sapphirerapids",
    "knl",
    "knm",
    "znver4",
    "znver5",
)


def _describe(cl: Any, number: int, platform: Any, device: Any) -> Runtime:
    runtime = Runtime(
        platform=platform.name.strip(),
        name=device.name.strip(),
        kind=_kind(cl, device),
        driver=device.driver_version,
        version=device.version.strip(),
        memory=device.global_mem_size,
        max_buffer=device.max_mem_alloc_size,
        local_memory=device.local_mem_size,
        units=device.max_compute_units,
        max_group=device.max_work_group_size,
        vector_bytes=_vector_bytes(device),
        extensions=tuple(device.extensions.split()),
        share_alignment=_share_alignment(device, _kind(cl, device)),
        handle=device,
        platform_version=platform.version,
        platform_number=number,
    )
    if runtime.is_simulator:
        runtime.share_alignment = 0  # it looks for accesses out of bounds in buffers of its own
    if not (device.available and device.compiler_available):
        runtime.problem = "the device or its compiler is not available"
    elif not device.endian_little:
        runtime.problem = "big-endian devices are not supported"
    return runtime


def _wanted(runtime: Runtime, choice: str) -> bool:
    text = f"{runtime.platform} {runtime.name} {runtime.kind}".lower()
    return any(word.strip().lower() in text for word in choice.split(",") if word.strip())


#: Whether this process was forked from one that had imported pyopencl.
_is_late_child = False


def _begin_child() -> None:
    global _is_late_child  # noqa: PLW0603
    _all.cache_clear()
    _is_late_child = "pyopencl" in sys.modules


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_child)


def _distinct(found: Sequence[Runtime]) -> list[Runtime]:
    """Each device once, where two loaders, or two entries of one, name the same driver.

    Devices of one platform that look alike are several.
    """
    kept: dict[tuple[object, ...], tuple[int, list[Runtime]]] = {}
    for runtime in found:
        looks = runtime.platform, runtime.platform_version, runtime.name, runtime.driver, runtime.version
        platform, alike = kept.setdefault(looks, (runtime.platform_number, []))
        if runtime.platform_number == platform:
            alike.append(runtime)
    single = {id(r) for _, alike in kept.values() for r in alike}
    return [r for r in found if id(r) in single]


def runtimes() -> list[Runtime]:
    """All OpenCL devices in the order of their numbers: GPUs, accelerators, processors; simulators last.

    FLOWCORE_OPENCL names those to use, by parts of platform or device names separated by commas;
    "none" hides all. Raises ImportError without pyopencl or an OpenCL runtime, and in a child that was
    forked from a process which had one.
    """
    choice = _choice()
    if choice.lower() == "none":
        return []
    found = _all()
    return [r for r in found if _wanted(r, choice)] if choice else found


def absence() -> str:
    """Why there is no OpenCL device, and what to do about it."""
    choice = _choice()
    if choice.lower() == "none":
        return "FLOWCORE_OPENCL=none hides all OpenCL devices"
    try:
        found = _all()
    except ImportError as error:
        return str(error)
    if choice and found:
        there = ", ".join(f"{r.name} ({r.platform})" for r in found)
        return f"FLOWCORE_OPENCL={choice!r} is no part of the name of any OpenCL device here: {there}"
    return f"no OpenCL device was found: {INSTALL}"


def _choice() -> str:
    return os.environ.get("FLOWCORE_OPENCL", "").strip()


@functools.cache
def _all() -> list[Runtime]:
    if _is_late_child:
        raise ImportError(
            "no OpenCL: this process was forked from one that had opened OpenCL, whose drivers do not survive"
            " that; start children with multiprocessing's 'spawn' method, or fork before OpenCL is used"
        )
    try:
        import pyopencl as cl
    except ImportError as error:
        raise ImportError(f"no OpenCL: pyopencl cannot be imported ({error}); {INSTALL}") from error
    try:
        platforms = cl.get_platforms()
    except cl.Error as error:
        raise ImportError(f"no OpenCL runtime was found ({error}); {INSTALL}") from error
    found = _distinct(
        [_describe(cl, i, p, device) for i, p in enumerate(platforms) for device in p.get_devices()]
    )
    order = {"GPU": 0, "ACCELERATOR": 1, "CPU": 2}
    return sorted(found, key=lambda r: (r.is_simulator, order[r.kind]))


_lock = locks.lock()
_loaded = False


def _load(cl: Any) -> None:
    global _loaded  # noqa: PLW0603
    with _lock:
        if not _loaded:
            _opencl.load(cl._cl.__file__)
            _loaded = True


def open_runtime(runtime: Runtime, index: int, **claims: Any) -> tuple[_engine.Device, object]:
    """Opens a device as "/device:GPU:<index>": the engine's device and its capsule. `claims`
    replace what it says of itself (open_device's arguments).

    Raises RuntimeError where it cannot compile.
    """
    import pyopencl as cl

    _load(cl)
    device = runtime.handle
    context = cl.Context([device])
    flags = "-cl-std=CL1.2"
    correct_rounding = getattr(cl.device_fp_config, "CORRECTLY_ROUNDED_DIVIDE_SQRT", 0)
    if device.single_fp_config & correct_rounding:
        flags += " -cl-fp32-correctly-rounded-divide-sqrt"
    if runtime.is_simulator:
        # it checks what is written here, and does not know all that its optimiser makes of it
        flags += " -cl-opt-disable"
    wide_items = runtime.kind == "CPU" and device.preferred_vector_width_float > 1
    if wide_items:
        flags += " -DFC_WIDE_ITEMS"
    try:
        compiled(context, device, flags, _PROBE)
    except cl.RuntimeError as error:
        lines = str(error).strip().splitlines()
        found = next((line.strip() for line in lines if line.lstrip().lower().startswith("error")), lines[-1])
        runtime.problem = f"it cannot compile a kernel: {found}"
        if "unknown target CPU" in found:
            runtime.problem += (
                "; it is older than this processor: a newer version, such as Debian's package"
                " pocl-opencl-icd, knows it"
            )
        raise RuntimeError(f"{runtime.name} ({runtime.platform}): {runtime.problem}") from None
    programs = Programs(context, device, flags)
    itself: dict[str, Any] = {
        "is_cpu": runtime.kind == "CPU",
        "wide_items": wide_items,
        "units": runtime.units,
        "max_group": runtime.max_group,
        "local_memory": runtime.local_memory,
        "max_buffer": runtime.max_buffer,
        "memory_limit": runtime.memory,
        "vector_bytes": runtime.vector_bytes,
        "is_serial": runtime.is_simulator,
        "share_alignment": runtime.share_alignment,
    }
    capsule = _opencl.open_device(
        name=f"/device:GPU:{index}",
        context=context.int_ptr,
        device=device.int_ptr,
        build=programs.build,
        **(itself | claims),
    )
    try:
        _opencl.set_tiles(capsule, *tuning.load(runtime.identity))
    except ValueError:
        pass  # of another version
    return _engine.Device(capsule), capsule
