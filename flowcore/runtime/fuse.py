"""Elementwise fusion: nodes of one device whose values are read within a group alone become one
node with one kernel.

Owns: which nodes form a group. What may be a member is said by fused_steps.py, programs are made by
what a device offers as `fusion`: none is named here.
Must never import the session.

A group has one output, that of its last node, which lends the whole its name and its place in the
order; that node alone may be a reduction. All that the group waits for comes earlier, so no cycle
can arise; a node that others wait for stays out, since they may have to run before the group can.
"""

from __future__ import annotations

import functools
from collections.abc import Collection, Mapping, Sequence, Set

from flowcore import _engine
from flowcore.dtypes import DType
from flowcore.graph.operation import Operation
from flowcore.runtime.fused_steps import REDUCTIONS, Fusion, Reduction, Step, reduction_of, size_in, steps_of
from flowcore.runtime.plan_node import PlanNode, with_details

__all__ = ["fuse"]

#: The kernels of fused nodes in a device's table: of those that end in a reduction the second.
FUSED, FUSED_REDUCTION = "_Fused", "_FusedReduction"


def fuse(
    nodes: Sequence[PlanNode], kept_slots: Collection[int], constants: Mapping[int, object]
) -> list[PlanNode]:
    """The plan with groups made one node each, numbered anew.

    The values of `kept_slots` are read from outside the plan, `constants` are those of slots that are known.
    """
    gone: set[PlanNode] = set()
    merged: dict[PlanNode, PlanNode] = {}
    for group in _groups(nodes, kept_slots, constants):
        if len(group.nodes) > 1:
            merged[group.nodes[0]] = _merged(group)
            gone.update(group.nodes[1:])
    return _without(gone, [merged.get(node, node) for node in nodes]) if gone else list(nodes)


class _Group:
    """Nodes that become one, the last, its root, first. `inputs` are the slots that they read of
    others, `size` is how many steps they are.

    The root is a step itself, or `reduction`; axes are no input then.
    """

    __slots__ = ("device", "fusion", "inputs", "nodes", "reduction", "shape", "size")

    def __init__(
        self, root: PlanNode, op: Operation, size: int, fusion: Fusion, reduction: Reduction | None = None
    ) -> None:
        self.nodes = [root]
        self.device = root.device
        self.shape = (op._inputs if reduction else op._outputs)[0]._shape
        self.inputs = set(root.inputs[:1] if reduction else root.inputs)
        self.size = size
        self.fusion = fusion
        self.reduction = reduction

    def takes(self, node: PlanNode, op: Operation, size: int) -> bool:
        """Adds a node whose value is needed in the group alone, if it fits.

        One of a smaller shape would be computed anew for each element that it is broadcast to.
        """
        shape = op._outputs[0]._shape
        if node.device is not self.device or not (
            shape is self.shape or shape.is_compatible_with(self.shape)
        ):
            return False
        if self.size + size > self.fusion.most_steps:
            return False
        inputs, most = self.inputs, self.fusion.most_inputs + 1  # one of them is the node's own value
        if len(inputs) + len(node.inputs) > most and len(inputs.union(node.inputs)) > most:
            return False
        self.nodes.append(node)
        inputs.remove(node.first)
        inputs.update(node.inputs)
        self.size += size
        return True


def _groups(
    nodes: Sequence[PlanNode], kept_slots: Collection[int], constants: Mapping[int, object]
) -> list[_Group]:
    """All groups, also those of one node.

    The walk is backwards: when it meets a node, it has met all that read its value.
    """
    waited_for = {index for node in nodes for index in node.after}
    # by slot: the group that all its readers are in, None where there is no such
    home: dict[int, _Group | None] = dict.fromkeys(kept_slots)
    groups: list[_Group] = []
    for index, node in zip(range(len(nodes) - 1, -1, -1), reversed(nodes)):
        op, fusion, group = node.op, node.device.fusion, None
        if (
            op is not None
            and fusion is not None
            and node.state is None
            and _is_plain(node.kernel, node.device.type)
        ):
            size = size_in(op, fusion)
            if size:
                group = home.pop(node.first, None)
                if group is None or index in waited_for or not group.takes(node, op, size):
                    group = _Group(node, op, size, fusion)
                    groups.append(group)
                    if len(group.inputs) > fusion.most_inputs:
                        group = None
        elif (
            op is not None
            and fusion is not None
            and op._type in REDUCTIONS
            and _is_reduction(node.kernel, node.device.type)
        ):
            reduction = reduction_of(op, constants.get(node.inputs[1]))
            if reduction is not None and fusion.reduces(op._type, reduction.dtype):
                group = _Group(node, op, 0, fusion, reduction)
                groups.append(group)
        for slot in node.inputs:
            if home.setdefault(slot, group) is not group:
                home[slot] = None
    return groups


def _is_plain(kernel: object, device_type: str) -> bool:
    """Whether it is the device's own, does all its work at once, and touches nothing but values on
    the device.
    """
    return isinstance(kernel, _engine.Kernel) and _inputs_on_host(kernel, device_type) == 0


def _is_reduction(kernel: object, device_type: str) -> bool:
    """Likewise, with the axes on the host."""
    return isinstance(kernel, _engine.Kernel) and _inputs_on_host(kernel, device_type) == 2


@functools.lru_cache(maxsize=4096)
def _inputs_on_host(kernel: _engine.Kernel, device_type: str) -> int:
    """Which inputs are on the host, as bits; -1 for a kernel that is not plain. Only asked of kernels of
    ours, which are there anyway: what is remembered lives on, and a call holds its bodies.
    """
    if kernel.device != device_type or kernel.flags or kernel.host_out:
        return -1
    return kernel.host_in


def _merged(group: _Group) -> PlanNode:
    """The node that does the work of all of a group, in the place of its root."""
    root, reduction = group.nodes[0], group.reduction
    inputs: list[int] = []
    dtypes: list[DType] = []
    values: dict[int, int] = {}  # by slot: first the inputs as they are met, from `count` on what steps yield
    count = len(group.inputs)
    steps: list[Step] = []
    nodes = group.nodes[::-1]
    for place, node in enumerate(nodes):
        op = node.op
        assert op is not None
        if reduction is not None and node is root:
            reduction = reduction._replace(op=place)
            break
        operands: list[int] = []
        for slot, tensor in zip(node.inputs, op._inputs):
            if slot not in values:
                values[slot] = len(inputs)
                inputs.append(slot)
                dtypes.append(tensor._dtype)
            operands.append(values[slot])
        steps += steps_of(op, place, tuple(operands), count + len(steps))
        values[node.first] = count + len(steps) - 1
    kernel = root.device.internal_kernel(FUSED if reduction is None else FUSED_REDUCTION)
    return with_details(
        PlanNode(root.op, kernel, root.device, tuple(inputs), root.first),
        tuple(sorted({index for node in nodes for index in node.after})),
        _attributes(group.fusion, tuple(dtypes), tuple(steps), reduction),
        fused=tuple([node.op for node in nodes if node.op]),
    )


@functools.lru_cache(maxsize=500)
def _attributes(
    fusion: Fusion, inputs: tuple[DType, ...], steps: tuple[Step, ...], reduction: Reduction | None
) -> tuple[object, ...]:
    """Remembered, because layers and time steps repeat: of the groups of an unrolled LSTM's
    training step, one in forty is new.
    """
    return fusion.attributes(inputs, steps, reduction)


def _without(gone: Set[PlanNode], nodes: Sequence[PlanNode]) -> list[PlanNode]:
    """The others, which wait for each other by their new places."""
    left = [index for index, node in enumerate(nodes) if node not in gone]
    new = {old: index for index, old in enumerate(left)}
    kept = []
    for index in left:
        node = nodes[index]
        if node.after:
            after = tuple([new[other] for other in node.after])
            node = with_details(
                node, after, node.attrs, node.state, node.output_dtypes, node.fused, node.name, node.width
            )
        kept.append(node)
    return kept
