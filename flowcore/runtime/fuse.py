"""Elementwise fusion: nodes of one OpenCL device whose values are read within a group alone become one node with one kernel.

Owns: which nodes form a group, and the text of its program. Generating the kernel is opencl/fused_text.py's, launching it opencl/fused.c's.
Must never import the session.

A group has one output, that of its last node, which lends the whole its name and its place in the order. All that it waits for comes earlier, so no
cycle can arise; a node that others wait for stays out, since they may have to run before the group can.
"""

from __future__ import annotations

import functools
import heapq
from collections.abc import Collection, Sequence

from flowcore import _engine
from flowcore.graph.operation import Tensor
from flowcore.opencl.formulas import formula_for
from flowcore.opencl.fused_text import Step, fused_program
from flowcore.runtime.plan_node import PlanNode

__all__ = ["fuse"]

#: The kernel of a fused node in a device's table.
FUSED = "_Fused"

#: A kernel takes so many tensors (FC_MAX_INPUTS of _walk.h), and the build options of so many steps (ocl_begin of opencl/device.c).
MOST_INPUTS, MOST_STEPS = 8, 32


def fuse(nodes: Sequence[PlanNode], kept_slots: Collection[int]) -> list[PlanNode]:
    """The plan with groups made one node each, numbered anew. The values of `kept_slots` are read from outside the plan. Changes the nodes."""
    if not any(FUSED in node.device.kernels for node in nodes):
        return list(nodes)
    grouping = _Grouping(nodes, kept_slots)
    gone: set[int] = set()
    for root in reversed(nodes):
        if root.index not in gone and _is_fusable(root):
            group = grouping.grow(root)
            if len(group) > 1:
                _merge(root, group)
                gone.update(node.index for node in group[:-1])
    return _renumbered([node for node in nodes if node.index not in gone]) if gone else list(nodes)


class _Grouping:
    """Who makes, reads and waits for what in a plan."""

    def __init__(self, nodes: Sequence[PlanNode], kept_slots: Collection[int]) -> None:
        self.nodes = nodes
        self.maker = {slot: node.index for node in nodes for slot in node.outputs}
        self.readers: dict[int, set[int]] = {}
        for node in nodes:
            for slot in node.inputs:
                self.readers.setdefault(slot, set()).add(node.index)
        self.kept = set(kept_slots)
        self.waited_for = {index for node in nodes for index in node.after}

    def grow(self, root: PlanNode) -> list[PlanNode]:
        """The group that ends in `root`, in the plan's order. Makers are met after all their readers: those have greater numbers."""
        group = {root.index: root}
        inputs = set(root.inputs)
        found = [-self.maker[slot] for slot in inputs if slot in self.maker]
        heapq.heapify(found)
        while found and len(group) < MOST_STEPS:
            node = self.nodes[-heapq.heappop(found)]
            if node.index in group or not self._joins(node, root, group):
                continue
            more = (inputs - set(node.outputs)) | set(node.inputs)
            if len(more) > MOST_INPUTS:
                continue
            inputs = more
            group[node.index] = node
            for slot in node.inputs:
                if slot in self.maker:
                    heapq.heappush(found, -self.maker[slot])
        return sorted(group.values(), key=lambda node: node.index)

    def _joins(self, node: PlanNode, root: PlanNode, group: Collection[int]) -> bool:
        """Whether its value is needed within the group alone. One of a smaller shape would be computed anew for each element that it is broadcast to."""
        if not _is_fusable(node) or node.device is not root.device or node.index in self.waited_for:
            return False
        (slot,) = node.outputs
        return slot not in self.kept and self.readers[slot] <= set(group) and _output(node).shape.is_compatible_with(_output(root).shape)


def _output(node: PlanNode) -> Tensor:
    assert node.op is not None
    return node.op.outputs[0]


def _is_fusable(node: PlanNode) -> bool:
    """Whether it is a plain elementwise node of a device that has fused kernels."""
    kernel = node.kernel
    if node.op is None or FUSED not in node.device.kernels or node.state is not None:
        return False
    if not isinstance(kernel, _engine.Kernel) or kernel.device != node.device.type or kernel.flags or kernel.host_in or kernel.host_out:
        return False
    step = _step(node, ())
    return step.dtype != step.result if step.op == "Cast" else _has_formula(step.op, step.dtype)


@functools.cache
def _has_formula(op: str, dtype: str) -> bool:
    """Whether it is in elementwise.def, and accepts all values."""
    try:
        return formula_for(op, dtype).refuses is None
    except KeyError:
        return False


def _step(node: PlanNode, operands: tuple[str, ...]) -> Step:
    op = node.op
    assert op is not None
    source = op.inputs[0].dtype.base_dtype.name if op.inputs else ""
    return Step(op.type, source, op.outputs[0].dtype.base_dtype.name if op.outputs else "", operands)


def _merge(root: PlanNode, group: Sequence[PlanNode]) -> None:
    """Makes `root`, the last of `group`, the node that does the work of all."""
    made = {node.outputs[0]: f"t{k}" for k, node in enumerate(group)}
    dtype_of = {slot: tensor.dtype.base_dtype for node in group if node.op for slot, tensor in zip(node.inputs, node.op.inputs, strict=True)}
    inputs = tuple(dict.fromkeys(slot for node in group for slot in node.inputs if slot not in made))
    names = made | {slot: f"i{k}" for k, slot in enumerate(inputs)}
    program = fused_program([dtype_of[slot].name for slot in inputs], [_step(node, tuple(names[slot] for slot in node.inputs)) for node in group])
    dtypes = [*(dtype_of[slot] for slot in inputs), _output(root).dtype.base_dtype]
    root.kernel = root.device.internal_kernel(FUSED)
    root.attrs = (program, [dtype.as_datatype_enum for dtype in dtypes])
    root.inputs = inputs
    root.after = tuple(sorted({index for node in group for index in node.after}))
    root.fused = tuple(node.op for node in group if node.op)


def _renumbered(nodes: list[PlanNode]) -> list[PlanNode]:
    new = {node.index: i for i, node in enumerate(nodes)}
    for i, node in enumerate(nodes):
        node.index = i
        node.after = tuple(new[index] for index in node.after)
    return nodes
