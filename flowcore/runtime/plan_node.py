"""What a plan is made of while it is being made."""

from __future__ import annotations

from typing import Any

from flowcore import _engine
from flowcore.graph.operation import Operation
from flowcore.runtime.devices import Device


class PlanNode:
    """A node of the plan: what runs, where, on which slots, after whom. `fused`: the ops whose work it does, `op` the last, where they are several."""

    __slots__ = ("after", "attrs", "device", "fused", "index", "inputs", "kernel", "name", "op", "outputs", "state")

    def __init__(self, name: str, op: Operation | None, kernel: Any, device: Device) -> None:
        self.name = name
        self.op = op
        self.kernel = kernel
        self.device = device
        self.index = -1
        self.inputs: tuple[int, ...] = ()
        self.outputs: tuple[int, ...] = ()
        self.after: tuple[int, ...] = ()
        self.attrs: tuple[object, ...] = ()
        self.state: _engine.Resource | None = None
        self.fused: tuple[Operation, ...] = ()
