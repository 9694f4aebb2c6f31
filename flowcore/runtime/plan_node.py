"""What a plan is made of while it is being made."""

from __future__ import annotations

from flowcore import _engine
from flowcore.graph.operation import Operation
from flowcore.runtime.devices import Device


class PlanNode(_engine.Node):
    """A node for the engine with what planning knows of it: its op, None for a copy, and its device.

    `fused`: the ops whose work it does, `op` the last, where they are several.
    """

    __slots__ = ("device", "fused", "index", "op")

    def __init__(
        self,
        name: str,
        op: Operation | None,
        kernel: object,
        device: Device,
        inputs: tuple[int, ...],
        outputs: tuple[int, ...],
        after: tuple[int, ...] = (),
        attrs: tuple[object, ...] = (),
        state: _engine.Resource | None = None,
        output_dtypes: tuple[int, ...] = (),
    ) -> None:
        # Fields of the base too: calling its __init__ would take as long again.
        self.name = name
        self.kernel = kernel
        self.inputs = inputs
        self.outputs = outputs
        self.after = after
        self.attrs = attrs
        self.state = state
        self.output_dtypes = output_dtypes
        self.memory = device.engine_device
        self.op = op
        self.device = device
        self.index = -1
        self.fused: tuple[Operation, ...] = ()
