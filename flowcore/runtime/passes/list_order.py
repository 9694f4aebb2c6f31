"""What reads a list comes before what makes another list of it.

The last that has a list changes it in place; any other copies it, in a loop in every turn. So where nothing
else says which comes first, a write waits for the reads of the list that it writes to. A read that depends
on what may wait for a queue, or on the write, keeps its place: an edge more could have both wait for ever.
"""

from __future__ import annotations

from flowcore import dtypes
from flowcore.graph.operation import Operation, Tensor
from flowcore.runtime.passes.plan_graph import PlanGraph


def order_reads_of_lists(graph: PlanGraph) -> None:
    """Sorts the ops of a plan, and notes in `graph.after` what writes have to wait for."""
    users: dict[Tensor, list[Operation]] = {}
    for op in graph.ops:
        for tensor in graph.inputs(op):
            if tensor._dtype is dtypes.variant:
                users.setdefault(tensor, []).append(op)
    shared = [ops for ops in users.values() if len(ops) > 1]
    if not shared:
        return
    waiting = _sort(graph)
    place = {op: i for i, op in enumerate(graph.ops)}
    for ops in shared:
        reads = {op for op in ops if not _makes_list(op) and op not in waiting}
        for write in ops:
            if _makes_list(write):
                first = [op for op in reads if place[op] < place[write]]
                graph.after.setdefault(write, []).extend(first)
                graph.fixed.update(first)


def _makes_list(op: Operation) -> bool:
    return any([t._dtype is dtypes.variant for t in op._outputs])


def _sort(graph: PlanGraph) -> set[Operation]:
    """Sorts ops by the number of lists, one made of the other, that they depend on: so a read is behind a
    write only where it depends on one. Returns those that depend on what may wait.
    """
    depth: dict[Operation, int] = {}
    waiting: set[Operation] = set()
    for op in graph.ops:
        before = [t._op for t in graph.inputs(op) if t not in graph.fed]
        before += [graph.running(c) for c in op._control_inputs]
        depth[op] = max([depth.get(other, 0) for other in before], default=0) + _makes_list(op)
        if op._op_def.waits or op._op_def.calls or not waiting.isdisjoint(before):
            waiting.add(op)
    graph.ops.sort(key=depth.__getitem__)
    return waiting
