"""What a plan is made of while it is being made."""

from __future__ import annotations

from flowcore import _engine
from flowcore.graph.operation import Operation
from flowcore.runtime.devices import Device


class PlanNode(_engine.Node):
    """A node for the engine with what planning knows of it: its op, None for a copy, and its device.

    `fused`: the ops whose work it does, `op` the last, where they are several. Its output slots are the
    `width` from `first` on: a tuple of them would be a third of what a node takes in planning.
    """

    __slots__ = ("device", "first", "fused", "op", "width")

    def __init__(
        self,
        name: str,
        op: Operation | None,
        kernel: object,
        device: Device,
        inputs: tuple[int, ...],
        first: int,
        width: int = 1,
        after: tuple[int, ...] = (),
        attrs: tuple[object, ...] = (),
        state: _engine.Resource | None = None,
        output_dtypes: tuple[int, ...] = (),
    ) -> None:
        # Fields of the base too: calling its __init__ would take as long again.
        self.name = name
        self.kernel = kernel
        self.inputs = inputs
        self.after = after
        self.attrs = attrs
        self.state = state
        self.output_dtypes = output_dtypes
        self.memory = device.engine_device
        self.op = op
        self.device = device
        self.first = first
        self.width = width
        self.fused: tuple[Operation, ...] = ()

    @property
    def outputs(self) -> tuple[int, ...]:  # type: ignore[override]
        """The output slots."""
        return tuple(range(self.first, self.first + self.width))
