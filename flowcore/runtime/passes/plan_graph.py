"""The ops of one plan, before they are lowered, and the walk that rewrites them.

Owns: what a pass may not touch. The user's graph is never changed: an op whose inputs change is replaced by a copy outside the graph, which keeps its name.

Left as they are: what is fed; an op that is run for its own sake (a target) or that others wait for, because "it is done" has a meaning of its own; and
an op with control inputs, which whoever reads it must have waited for. Such ops may still get simpler inputs.

The walks read the fields of operations directly: as properties they would be a quarter of the time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from flowcore.graph.operation import Operation, Tensor

#: What a rule says about an op: the tensors that stand for its outputs, an op that does its work instead, or None: nothing.
Replacement = Sequence[Tensor] | Operation | None
Rule = Callable[[Operation], Replacement]


@dataclass
class PlanGraph:
    """Ops in an order in which they may run, what is read and run from outside, what is fed. `originals`: the user's op behind each copy."""

    ops: list[Operation]
    fetches: list[Tensor]
    targets: list[Operation]
    fed: frozenset[Tensor]
    originals: dict[Operation, Operation] = field(default_factory=dict)

    def original(self, op: Operation) -> Operation:
        return self.originals.get(op, op)


def prune(fetches: Iterable[Tensor], targets: Iterable[Operation], fed: frozenset[Tensor]) -> list[Operation]:
    """The ops that must run, each after all it depends on.

    Nothing behind a fed tensor is needed for its sake, and an op whose outputs are all fed never runs.
    """

    def replaced(op: Operation) -> bool:
        return bool(op.outputs) and all(t in fed for t in op.outputs)

    order: list[Operation] = []
    seen: set[Operation] = set()
    done: set[Operation] = set()
    stack = [op for op in targets if not replaced(op)]
    stack += [t.op for t in fetches if t not in fed]
    while stack:
        op = stack[-1]
        if op not in seen:  # its inputs first; met again on the stack, they are done
            seen.add(op)
            stack += [t._op for t in op._inputs if t._op not in seen and t not in fed]
            if op._control_inputs:
                stack += [c for c in op._control_inputs if c not in seen and not replaced(c)]
            continue
        stack.pop()
        if op not in done:
            done.add(op)
            order.append(op)
    return order


def fixed_ops(graph: PlanGraph) -> set[Operation]:
    """The ops that may not vanish."""
    fixed = set(graph.targets)
    for op in graph.ops:
        if op._control_inputs:
            fixed.add(op)
            fixed.update(op._control_inputs)
    fixed.update(t.op for t in graph.fed)
    return fixed


def rewrite(graph: PlanGraph, rules: Sequence[Rule] = (), known: Mapping[Tensor, Tensor] | None = None) -> PlanGraph:
    """One walk in the order of running: each op meets the rules with its inputs replaced already. What nobody needs any more is dropped.

    `known`: tensors that are replaced from the start.
    """
    fixed = fixed_ops(graph) if rules else set()
    fed = graph.fed
    tensors: dict[Tensor, Tensor] = dict(known or {})
    ops: dict[Operation, Operation] = {}
    originals = dict(graph.originals)

    def replace(op: Operation, new: Operation) -> None:
        originals[new] = graph.original(op)

    for op in graph.ops:
        if known and any(t in known for t in op.outputs):
            continue
        current = op
        if tensors or ops:
            inputs, controls = op._inputs, op._control_inputs
            if any([t in tensors for t in inputs]):
                inputs = tuple([tensors.get(t, t) for t in inputs])
            if controls and any([c in ops for c in controls]):
                controls = tuple([ops.get(c, c) for c in controls])
            if inputs is not op._inputs or controls is not op._control_inputs:
                current = op._detached(inputs, controls)
                replace(op, current)
        stand_ins: Sequence[Tensor] | None = None
        for rule in rules:
            found = rule(current)
            if isinstance(found, Operation):
                replace(op, found)
                current = found
            elif found is not None and op not in fixed:
                stand_ins = found
                break
        if stand_ins is None and current is not op:
            stand_ins = current.outputs
            ops[op] = current
        if stand_ins is not None:
            tensors.update((old, new) for old, new in zip(op.outputs, stand_ins, strict=True) if old not in fed)
    if not tensors and not ops:
        return graph
    fetches = [tensors.get(t, t) for t in graph.fetches]
    targets = [ops.get(t, t) for t in graph.targets]
    return PlanGraph(prune(fetches, targets, fed), fetches, targets, fed, originals)
