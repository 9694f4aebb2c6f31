"""What the nodes of a plan are, for messages, traces and waits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from flowcore import _engine
from flowcore.graph.graph import Graph
from flowcore.graph.operation import Operation
from flowcore.runtime.devices import HOST
from flowcore.runtime.handles import Path


@dataclass(eq=False, repr=False)
class PlanNodes:
    """`ops[i]` is the op of node i (None: a copy), the last of `fused[i]` if it is several.

    `own_names`: of nodes that are not named as their ops. `elsewhere`: the devices of nodes that are not on
    the host.
    """

    ops: list[Operation | None]
    own_names: dict[int, str]
    elsewhere: dict[int, str]
    fused: dict[int, tuple[Operation, ...]] = field(default_factory=dict)
    #: by graph, the calls that lead to its nodes; none where a graph is not named
    paths: Mapping[Graph, Path] = field(default_factory=dict, kw_only=True)

    def name(self, node: int) -> str:
        """The name of a node."""
        op = self.ops[node]
        return self.own_names[node] if op is None or node in self.own_names else op._name

    def device(self, node: int) -> str:
        """The name of a node's device."""
        return self.elsewhere.get(node, HOST.name)

    def at(self, place: _engine.Place) -> tuple[PlanNodes, int]:
        """Where a node that the engine tells of stands: in this plan, or in a body that it calls."""
        plan, node = place
        return (self if plan.about is None else plan.about), node

    def op_at(self, place: _engine.Place) -> Operation | None:
        """The op of a node that the engine tells of."""
        nodes, node = self.at(place)
        return nodes.ops[node]
