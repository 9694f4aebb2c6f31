"""The devices that plans can be placed on, each with its kernel table.

Owns: the list of devices of this process. The CPU is always there; any other device adds itself with
`register`, or names with `add_opener` what opens it when a node first asks for one. Must never import
ops or train, nor any kind of device but the CPU.
"""

from __future__ import annotations

import functools
import operator
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from flowcore import _engine, dtypes, kernels, locks
from flowcore.graph.operation import Operation
from flowcore.runtime.fuse_cpu import CpuFusion
from flowcore.runtime.fused_steps import Fusion

#: Copies between host and device memory are nodes of the plan; a device offers these two as
#: asynchronous kernels. Optional, with a state from `Device.new_constant`: the copy of a constant,
#: which is made once per plan.
COPY_FROM_HOST, COPY_TO_HOST, COPY_CONSTANT = "_HostToDevice", "_DeviceToHost", "_ConstantToDevice"
#: Those of lists, elements and all, which serve every device on which lists may live.
LIST_FROM_HOST, LIST_TO_HOST = "_ListToDevice", "_ListToHost"

#: Flags of a kernel's table entry (_kernel.h).
ANY_DEVICE, BY_COPY, LAST_ON_HOST, KEEPS_CONSTANT, OF_LISTS = 32, 64, 128, 256, 512


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
    the host). `preferred`: nodes that ask for no device may go there.
    `fusion`: what makes fused nodes for it, where it has a kernel for them.
    """

    name: str
    type: str
    index: int
    kernels: Mapping[str, list[TypedKernel]] = field(repr=False)
    engine_device: object = None
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
        if not self.is_host and any([t._dtype is dtypes.string for t in (*op._inputs, *op._outputs)]):
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
        return None

    def limit_memory(self, fraction: float) -> None:
        """At most this part of the device's memory is taken from now on, by all sessions together.

        For devices with a memory of their own; the host's is not limited.
        """

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

    What serves every device (views, shapes, moves by the device's own copy, lists) comes from the CPU's
    tables.
    """
    own = [k for k in _engine.load_kernels(list(capsules)) if k.device == device_type]
    if isinstance(engine_device, _engine.Device):
        shared = ANY_DEVICE | (BY_COPY if engine_device.moves else 0)
        shared |= OF_LISTS if engine_device.keeps_lists else 0
        own += [k for k in _engine.load_kernels(kernels.CAPSULES) if k.flags & shared]
    return Device(f"/device:{device_type}:{index}", device_type, index, kernel_table(own), engine_device)


HOST = make_device("CPU", 0, kernels.CAPSULES)
HOST.fusion = CpuFusion()
_devices: list[Device] = [HOST]
#: By each name of a device type: the type, and what opens its devices up to an index, and returns why
#: there are no more.
_openers: dict[str, tuple[str, Callable[[int], str]]] = {}
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
    """The devices known now, the host first. Those that openers know of are among them once they are open."""
    with _lock:
        return list(_devices)


def add_opener(names: Sequence[str], open_until: Callable[[int], str]) -> None:
    """Has devices of a type, `names[0]`, also called by the other names, opened when they are asked for."""
    for name in names:
        _openers[name] = names[0], open_until


def find(device_type: str, index: int) -> Device:
    """The device of this type and number, opened where need be.

    Raises RuntimeError, with all devices, the reason and the remedy, where there is none.
    """
    kind, open_until = _openers.get(device_type, (device_type, None))
    device = _registered(kind, index)
    if device is None and open_until is not None:
        open_until(index)
        device = _registered(kind, index)
    if device is not None:
        return device
    problems = dict.fromkeys(opener(sys.maxsize) for _, opener in _openers.values())
    raise RuntimeError(
        "; ".join(filter(None, [f"it has {', '.join(d.name for d in all_devices())}", *problems]))
    )


def _registered(device_type: str, index: int) -> Device | None:
    return next((d for d in all_devices() if d.type == device_type and d.index == index), None)
