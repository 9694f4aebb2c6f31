"""What a plan is made of while it is being made."""

from __future__ import annotations

from typing import Any

from flowcore import _engine
from flowcore.graph.operation import Operation
from flowcore.runtime.devices import Device

__all__ = ["PlanNode", "with_details"]


class PlanNode:
    """A node for the engine (see _engine.Node) with what planning knows of it: its op, None for a copy, and
    its device. Its output slots begin with `first`.

    There is one for each node of a graph at once: what few nodes have is no field of these, but of what
    `with_details` makes.
    """

    __slots__ = ("device", "first", "inputs", "kernel", "op")

    after: tuple[int, ...] = ()
    attrs: tuple[object, ...] = ()
    state: _engine.Resource | None = None
    output_dtypes: tuple[int, ...] = ()
    #: The ops whose work it does, `op` the last, where they are several.
    fused: tuple[Operation, ...] = ()

    def __init__(
        self, op: Operation | None, kernel: object, device: Device, inputs: tuple[int, ...], first: int
    ) -> None:
        self.op = op
        self.kernel = kernel
        self.device = device
        self.inputs = inputs
        self.first = first

    @property
    def name(self) -> str:
        """The name of the op that runs."""
        return self.op._name if self.op is not None else ""

    @property
    def width(self) -> int:
        """How many outputs there are."""
        return len(self.op._outputs) if self.op is not None else 1

    @property
    def outputs(self) -> tuple[int, ...]:
        """The output slots."""
        return tuple(range(self.first, self.first + self.width))

    @property
    def memory(self) -> Any:
        """The engine's device that its outputs are allocated by."""
        return self.device.engine_device


class _DetailedNode(PlanNode):
    __slots__ = ("_name", "_width", "after", "attrs", "fused", "output_dtypes", "state")

    _name: str
    _width: int

    @property
    def name(self) -> str:
        return self._name

    @property
    def width(self) -> int:
        return self._width


def with_details(
    node: PlanNode,
    after: tuple[int, ...] = (),
    attrs: tuple[object, ...] = (),
    state: _engine.Resource | None = None,
    output_dtypes: tuple[int, ...] = (),
    fused: tuple[Operation, ...] = (),
    name: str | None = None,
    width: int | None = None,
) -> PlanNode:
    """The node itself where there are no details; else a new one that has them.

    `name` and `width`: of a node that is not named as its op, or has another number of outputs.
    """
    if not (after or attrs or state is not None or output_dtypes or fused or name or width is not None):
        return node
    detailed = _DetailedNode(node.op, node.kernel, node.device, node.inputs, node.first)
    detailed._name = node.name if name is None else name
    detailed._width = node.width if width is None else width
    detailed.after = after
    detailed.attrs = attrs
    detailed.state = state
    detailed.output_dtypes = output_dtypes
    detailed.fused = fused
    return detailed
