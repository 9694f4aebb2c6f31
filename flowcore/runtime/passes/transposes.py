"""A matrix that several products read transposed is transposed once: B of A B' in the gradients of
a network that uses a weight step by step.

A product of few rows spends a third of its time on turning B into panels; of a B that lies as it is
read it makes none. Bits stay, but for products of up to eight rows, which are dot products where B
is transposed.
"""

from __future__ import annotations

import collections

import numpy as np

from flowcore import dtypes
from flowcore.graph.constants import detached_constant
from flowcore.graph.operation import Operation, Tensor
from flowcore.runtime.passes.plan_graph import PlanGraph, Replacement, made_for, rewrite
from flowcore.shape import TensorShape

#: Products that share a matrix: from so many on the transpose is paid for.
FEWEST = 3


def share_transposes(graph: PlanGraph) -> None:
    """Transposes what FEWEST products or more read transposed, once for all of them."""
    readers = collections.Counter([graph.inputs(op)[1] for op in graph.ops if _reads_transposed(op)])
    shared = {tensor for tensor, count in readers.items() if count >= FEWEST}
    if shared:
        rewrite(graph, [_Sharing(graph, shared)])


def _reads_transposed(op: Operation) -> bool:
    return (
        op._type == "MatMul"
        and bool(op.get_attr("transpose_b"))
        and op._outputs[0]._dtype in (dtypes.float32, dtypes.float64)
    )


class _Sharing:
    """A rule (see plan_graph)."""

    def __init__(self, graph: PlanGraph, shared: set[Tensor]) -> None:
        self._inputs = graph.inputs
        self._shared = shared
        self._transposed: dict[tuple[Tensor, str], Tensor] = {}

    def __call__(self, op: Operation) -> Replacement:
        if not _reads_transposed(op):
            return None
        a, b = self._inputs(op)
        if b not in self._shared:
            return None
        key = (b, op.device)
        if key not in self._transposed:
            self._transposed[key] = _transpose(b, op)
        return op._detached(
            (a, self._transposed[key]), op._control_inputs, op._attrs | {"transpose_b": False}
        )


def _transpose(b: Tensor, product: Operation) -> Tensor:
    """The transpose of `b`, placed and traced back as the first product that reads it."""
    order = detached_constant(np.array([1, 0], np.int32), product)
    shape = TensorShape(reversed(b.shape.with_rank(2).as_list()))
    return made_for(
        product,
        "Transpose",
        f"{product.name}/transpose",
        (b, order),
        {"T": b._dtype, "Tperm": dtypes.int32},
        shape,
    )._outputs[0]
