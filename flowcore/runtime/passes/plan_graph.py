"""The ops of one plan, before they are lowered, and the walk that rewrites them.

Owns: what a pass may not touch. The user's graph is never changed: what a plan reads and runs in
place of what the graph says is noted beside it.

Left as they are: what is fed; an op that is run for its own sake (a target) or that others wait
for, because "it is done" has a meaning of its own; and an op with control inputs, which its
readers must have waited for. Such ops may still get simpler inputs.

The walks read the fields of operations directly: as properties they would be a quarter of the time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from flowcore.graph.op_def import get_op_def
from flowcore.graph.operation import Operation, Tensor
from flowcore.shape import TensorShape

#: What a rule says about an op: the tensors that stand for its outputs, an op that does its work
#: instead, or None: nothing.
Replacement = Sequence[Tensor] | Operation | None
Rule = Callable[[Operation], Replacement]


class PlanGraph:
    """What is read and run from outside, what is fed, and the ops that this needs, in an order in
    which they may run. Passes change it.
    """

    def __init__(
        self, fetches: Iterable[Tensor], targets: Iterable[Operation], fed: Iterable[Tensor]
    ) -> None:
        self.fetches = list(fetches)
        self.targets = list(targets)
        self.fed = frozenset(fed)
        self.ops: list[Operation]
        self.fixed: set[Operation]
        self.changed_inputs: dict[Operation, tuple[Tensor, ...]] = {}
        # an op of the user's: what does its work, an op outside the graph
        self.replaced: dict[Operation, Operation] = {}
        self.originals: dict[Operation, Operation] = {}  # the other way round
        #: what an op waits for besides its inputs and control inputs; comes last, when ops are in order
        self.after: dict[Operation, list[Operation]] = {}
        self.prune()

    def inputs(self, op: Operation) -> tuple[Tensor, ...]:
        """What `op` reads in this plan."""
        return self.changed_inputs.get(op, op._inputs)

    def running(self, op: Operation) -> Operation:
        """The op that does the work of the user's `op`."""
        return self.replaced.get(op, op)

    def replace(self, op: Operation, new: Operation) -> None:
        """Has `new` do the work of `op`; `rewrite` tells who reads it."""
        original = self.originals.pop(op, op)
        self.originals[new] = original
        self.replaced[original] = new

    def prune(self) -> None:
        """Sets `ops` to those that must run, each after all it depends on, and `fixed` to those
        that may not vanish.

        Nothing behind a fed tensor is needed for its sake, and an op whose outputs are all fed never runs.
        """
        fed, changed = self.fed, self.changed_inputs
        stack = [self.running(op) for op in self.targets]
        self.fixed = {*stack, *[t.op for t in fed]}
        stack += [t.op for t in self.fetches if t not in fed]
        never = {t.op for t in fed if all(output in fed for output in t.op._outputs)}
        seen = set(never)
        done: dict[Operation, None] = dict.fromkeys(never)
        while stack:
            op = stack[-1]
            if op not in seen:  # its inputs first; met again on the stack, they are done
                seen.add(op)
                height = len(stack)
                for t in changed.get(op, op._inputs):
                    if t._op not in seen and t not in fed:
                        stack.append(t._op)
                if op._control_inputs:
                    controls = [self.running(c) for c in op._control_inputs]
                    stack += controls
                    self.fixed.update((op, *controls))
                if len(stack) > height:
                    continue
            stack.pop()
            done[op] = None
        self.ops = [op for op in done if op not in never] if never else list(done)


def rewrite(
    graph: PlanGraph, rules: Sequence[Rule] = (), known: Mapping[Tensor, Tensor] | None = None
) -> None:
    """One walk in the order of running: each op meets the rules with its inputs replaced already.
    What no op needs any more is dropped.

    `known`: tensors that are replaced from the start.
    """
    fed, fixed, changed = graph.fed, graph.fixed, graph.changed_inputs
    stand_ins: dict[Tensor, Tensor] = dict(known or {})
    none_known, none_replaced = (known or {}).keys().isdisjoint, stand_ins.keys().isdisjoint
    for op in graph.ops:
        if known and not none_known(op._outputs):
            continue
        inputs = changed.get(op, op._inputs) if changed else op._inputs
        if not none_replaced(inputs):
            changed[op] = tuple(map(stand_ins.get, inputs, inputs))
        current = op
        outputs: Sequence[Tensor] | None = None
        for rule in rules:
            found = rule(current)
            if found is None:
                continue
            if isinstance(found, Operation):
                graph.replace(current, found)
                current, outputs = found, found._outputs
            elif op not in fixed:
                outputs = found
                break
        if outputs is not None:
            for old, new in zip(op._outputs, outputs, strict=True):
                if old not in fed:
                    stand_ins[old] = new
    if stand_ins:
        graph.fetches = [stand_ins.get(t, t) for t in graph.fetches]
        graph.prune()


def made_for(
    op: Operation,
    op_type: str,
    name: str,
    inputs: Sequence[Tensor],
    attrs: dict[str, Any],
    shape: TensorShape,
    controls: tuple[Operation, ...] = (),
) -> Operation:
    """A new op outside the graph, placed and traced back as `op`, of one output: of this shape and
    the dtype of the first input.
    """
    made = Operation(op._graph, get_op_def(op_type), name, tuple(inputs), attrs, [inputs[0]._dtype])
    made._stand_for(op, controls)
    made._outputs[0]._shape = shape
    return made
