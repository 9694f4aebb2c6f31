"""Constant folding: what depends on constants alone is computed once, when the plan is made.

The values come from the engine's own kernels, on the device where the ops would have run, so they
have the same bits. An op that fails is left in the plan, and fails when it runs. Must never import
the session.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from flowcore import _engine, dtypes
from flowcore.graph.constants import detached_constant
from flowcore.graph.operation import Operation, Tensor
from flowcore.runtime.devices import HOST
from flowcore.runtime.passes.plan_graph import PlanGraph, rewrite

#: Results that are larger than what they are made of may take so many bytes in one plan: a filled
#: tensor is cheaper to make than to keep.
GROWTH_LIMIT = 10 << 20
#: So many failing ops are set aside one by one before folding is given up.
MOST_FAILURES = 8

#: Values of tensors that depend on nothing outside. Raises Failed.
Evaluate = Callable[[Sequence[Tensor]], list[np.ndarray]]


class Failed(Exception):
    """An op could not be computed."""

    def __init__(self, op: Operation | None) -> None:
        super().__init__(op)
        self.op = op


def fold(graph: PlanGraph, evaluate: Evaluate) -> None:
    """Puts a constant in place of each tensor that depends on constants alone."""
    refused: set[Operation] = set()
    while len(refused) < MOST_FAILURES:
        foldable = _foldable(graph, refused)
        wanted = _read_outside(graph, foldable)
        if not wanted:
            break
        try:
            values = evaluate(wanted)
        except Failed as failure:
            if failure.op not in foldable:
                break
            refused.add(failure.op)
            continue
        for value in values:
            value.flags.writeable = False
        rewrite(
            graph, known={t: detached_constant(value, t.op) for t, value in zip(wanted, values, strict=True)}
        )
        return


def _foldable(graph: PlanGraph, refused: set[Operation]) -> set[Operation]:
    fixed, changed = graph.fixed, graph.changed_inputs
    sizes: dict[Tensor, int] = {}  # in bytes, of what is constant
    growth = 0
    foldable: set[Operation] = set()
    for op in graph.ops:
        if op._type == "Const":
            if op not in fixed:
                sizes[op._outputs[0]] = op.get_attr("value").nbytes
            continue
        inputs = changed.get(op, op._inputs)
        if (
            inputs
            and inputs[0] in sizes
            and all(t in sizes for t in inputs)
            and op._outputs
            and op not in fixed
            and op not in refused
            and _is_pure(op)
        ):
            results = [_bytes(t) for t in op._outputs]
            if any(r is None for r in results):
                continue
            more = sum(r or 0 for r in results) - sum(sizes[t] for t in inputs)
            if more > 0:
                if growth + more > GROWTH_LIMIT:
                    continue
                growth += more
            foldable.add(op)
            sizes.update((t, r or 0) for t, r in zip(op._outputs, results, strict=True))
    return foldable


def _is_pure(op: Operation) -> bool:
    """Whether a kernel of ours computes it from its inputs alone, and it asks for no device but the CPU."""
    if (
        op._op_def.is_stateful
        or (op.device and "CPU" not in op.device)
        or any(
            t.dtype in (dtypes.string, dtypes.resource, dtypes.variant) for t in (*op._inputs, *op._outputs)
        )
    ):
        return False
    return isinstance(HOST.kernel_for(op), _engine.Kernel)


def _bytes(tensor: Tensor) -> int | None:
    """The size of a result in bytes, or None where it is not known."""
    count = tensor.shape.num_elements()
    if count is None:
        # at most one number a dimension
        return tensor.dtype.size * 16 if tensor.op.type == "BroadcastGradientArgs" else None
    return count * tensor.dtype.size


def _read_outside(graph: PlanGraph, foldable: set[Operation]) -> list[Tensor]:
    read = {t: None for t in graph.fetches if t.op in foldable and t not in graph.fed}
    if foldable:
        for op in graph.ops:
            if op not in foldable:
                read.update([(t, None) for t in graph.inputs(op) if t._op in foldable])
    return list(read)
