"""Elementwise fusion: nodes of one device whose values are read within a group alone become one node with one kernel.

Owns: which nodes form a group. What may be a member is said by fused_steps.py, programs are made by what a device offers as `fusion`: none is named here.
Must never import the session.

A group has one output, that of its last node, which lends the whole its name and its place in the order. All that it waits for comes earlier, so no
cycle can arise; a node that others wait for stays out, since they may have to run before the group can.
"""

from __future__ import annotations

import functools
import heapq
from collections.abc import Collection, Container, Sequence

from flowcore import _engine
from flowcore.graph.operation import Tensor
from flowcore.runtime.fused_steps import Fusion, Step, size_in, steps_of
from flowcore.runtime.plan_node import PlanNode

__all__ = ["fuse"]

#: The kernel of a fused node in a device's table.
FUSED = "_Fused"


def fuse(nodes: Sequence[PlanNode], kept_slots: Collection[int]) -> list[PlanNode]:
    """The plan with groups made one node each, numbered anew. The values of `kept_slots` are read from outside the plan. Changes the nodes."""
    grouping = _Grouping(nodes, kept_slots)
    gone: set[int] = set()
    for root in reversed(nodes):
        fusion = root.device.fusion
        if fusion is not None and root.index not in gone and grouping.size_of(root):
            group = grouping.grow(root, fusion)
            if len(group) > 1:
                _merge(root, group, fusion)
                gone.update(node.index for node in group[:-1])
    return _renumbered([node for node in nodes if node.index not in gone]) if gone else list(nodes)


class _Grouping:
    """Who makes, reads and waits for what in a plan."""

    def __init__(self, nodes: Sequence[PlanNode], kept_slots: Collection[int]) -> None:
        self.nodes = nodes
        self.maker = {slot: node.index for node in nodes for slot in node.outputs}
        self.readers: dict[int, list[int]] = {}
        for node in nodes:
            for slot in node.inputs:
                self.readers.setdefault(slot, []).append(node.index)
        self.kept = set(kept_slots)
        self.waited_for = {index for node in nodes for index in node.after}
        self.sizes: list[int | None] = [None] * len(nodes)

    def size_of(self, node: PlanNode) -> int:
        """How many steps it would be in a group; 0: it cannot be in one."""
        size = self.sizes[node.index]
        if size is None:
            size = self.sizes[node.index] = _size_of(node)
        return size

    def grow(self, root: PlanNode, fusion: Fusion) -> list[PlanNode]:
        """The group that ends in `root`, in the plan's order. Makers are met after all their readers: those have greater numbers."""
        group = {root.index: root}
        size = self.size_of(root)
        inputs = set(root.inputs)
        maker = self.maker
        found = [-maker[slot] for slot in inputs if slot in maker] if len(inputs) <= fusion.most_inputs else []
        heapq.heapify(found)
        while found:
            node = self.nodes[-heapq.heappop(found)]
            if node.index in group or not self._joins(node, root, group):
                continue
            more = inputs.difference(node.outputs).union(node.inputs)
            if len(more) > fusion.most_inputs or size + self.size_of(node) > fusion.most_steps:
                continue
            inputs = more
            group[node.index] = node
            size += self.size_of(node)
            for slot in node.inputs:
                if slot in maker:
                    heapq.heappush(found, -maker[slot])
        return [group[index] for index in sorted(group)]

    def _joins(self, node: PlanNode, root: PlanNode, group: Container[int]) -> bool:
        """Whether its value is needed within the group alone. One of a smaller shape would be computed anew for each element that it is broadcast to."""
        if not self.size_of(node) or node.device is not root.device or node.index in self.waited_for:
            return False
        (slot,) = node.outputs
        readers = self.readers[slot]
        if slot in self.kept or not (len(readers) == 1 or all(reader in group for reader in readers)):
            return False
        shape, whole = _output(node).shape, _output(root).shape
        return shape is whole or shape.is_compatible_with(whole)


def _output(node: PlanNode) -> Tensor:
    assert node.op is not None
    return node.op.outputs[0]


def _size_of(node: PlanNode) -> int:
    op, fusion = node.op, node.device.fusion
    if op is None or fusion is None or node.state is not None or not _is_plain(node.kernel, node.device.type):
        return 0
    return size_in(op, fusion)


@functools.lru_cache(maxsize=4096)
def _is_plain(kernel: object, device_type: str) -> bool:
    """Whether it is the device's own, does all its work at once, and touches nothing but values on the device."""
    return isinstance(kernel, _engine.Kernel) and kernel.device == device_type and not (kernel.flags or kernel.host_in or kernel.host_out)


def _merge(root: PlanNode, group: Sequence[PlanNode], fusion: Fusion) -> None:
    """Makes `root`, the last of `group`, the node that does the work of all."""
    made = {node.outputs[0] for node in group}
    dtype_of = {slot: tensor.dtype for node in group if node.op for slot, tensor in zip(node.inputs, node.op.inputs, strict=True)}
    inputs = tuple(dict.fromkeys(slot for node in group for slot in node.inputs if slot not in made))
    values = {slot: i for i, slot in enumerate(inputs)}
    steps: list[Step] = []
    for place, node in enumerate(group):
        assert node.op is not None
        steps += steps_of(node.op, place, [values[slot] for slot in node.inputs], len(inputs) + len(steps))
        values[node.outputs[0]] = len(inputs) + len(steps) - 1
    root.kernel = root.device.internal_kernel(FUSED)
    root.attrs = fusion.attributes([dtype_of[slot] for slot in inputs], steps)
    root.inputs = inputs
    root.after = tuple(sorted({index for node in group for index in node.after}))
    root.fused = tuple(node.op for node in group if node.op)


def _renumbered(nodes: list[PlanNode]) -> list[PlanNode]:
    new = {node.index: i for i, node in enumerate(nodes)}
    for i, node in enumerate(nodes):
        node.index = i
        node.after = tuple(new[index] for index in node.after)
    return nodes
