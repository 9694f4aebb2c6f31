"""Columns of a product that are never read are not computed: where A B' is split along its last axis
and one part has readers, the product with B's rows of that part.

What comes of the gradient of a recurrent cell that multiplies [input, state] by one matrix, where
the input needs no gradient: half of each product, step by step. Bits stay: an element of a product
is the same sum however many others there are (an external BLAS and OpenCL devices choose by size
how they add).
Rows of B are a view, so that nothing is copied.
"""

from __future__ import annotations

import collections

import numpy as np

from flowcore import dtypes
from flowcore.graph.constants import constant_value, detached_constant
from flowcore.graph.operation import Operation, Tensor
from flowcore.runtime.passes.plan_graph import PlanGraph, Replacement, made_for, rewrite
from flowcore.shape import TensorShape

#: Products with fewer columns than this may be computed another way, which rounds in other places.
FEWEST = 16


def prune_columns(graph: PlanGraph) -> None:
    """Makes products of which one part is read products of that part."""
    if any(op._type == "SplitV" and graph.inputs(op)[0]._op._type == "MatMul" for op in graph.ops):
        rewrite(graph, [_Pruning(graph)])


class _Pruning:
    """A rule (see plan_graph)."""

    def __init__(self, graph: PlanGraph) -> None:
        self._inputs = graph.inputs
        self._readers = collections.Counter([t for op in graph.ops for t in graph.inputs(op)])
        self._readers.update(graph.fetches)
        self._kept, self._fed = graph.fixed, graph.fed
        self._rows: dict[tuple[Tensor, int, int, str], Tensor] = {}

    def __call__(self, op: Operation) -> Replacement:
        if op._type != "SplitV" or op in self._kept:
            return None
        whole, lengths, axis = self._inputs(op)
        product = whole._op
        if (
            product._type != "MatMul"
            or not product.get_attr("transpose_b")
            or product in self._kept
            or product.device != op.device
        ):
            return None
        read = [i for i, part in enumerate(op._outputs) if self._readers[part]]
        if (
            self._readers[whole] != 1
            or len(read) != 1
            or constant_value(axis) not in (1, -1)
            or self._fed & {lengths, axis}
        ):
            return None
        a, b = self._inputs(product)
        sizes = [n for part in op._outputs if (n := part.shape.with_rank(2).as_list()[1]) is not None]
        if (
            len(sizes) < len(op._outputs)
            or sizes[read[0]] < FEWEST
            or b.shape.with_rank(2).as_list()[0] != sum(sizes)
        ):
            return None
        rows = self._rows_of(b, sum(sizes[: read[0]]), sizes[read[0]], product)
        part = op._outputs[read[0]]
        only = made_for(product, "MatMul", product._name, (a, rows), product._attrs, part.shape)._outputs[0]
        return [only if output is part else output for output in op._outputs]

    def _rows_of(self, b: Tensor, begin: int, count: int, product: Operation) -> Tensor:
        """So many rows of `b`, the same tensor for all products that read them."""
        key = (b, begin, count, product.device)
        if key not in self._rows:
            place = [
                detached_constant(np.array(values, np.int32), product) for values in ([begin, 0], [count, -1])
            ]
            shape = TensorShape([count, b.shape.as_list()[1]])
            attrs = {"T": b._dtype, "Index": dtypes.int32}
            self._rows[key] = made_for(
                product, "Slice", f"{product.name}/rows", (b, *place), attrs, shape
            )._outputs[0]
        return self._rows[key]
