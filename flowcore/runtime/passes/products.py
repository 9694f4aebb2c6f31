"""Sums of matrix products as one product: sum over t of A_t B_t = [A_1 A_2 ...] [B_1; B_2; ...].

What gradients of a weight that is used many times come to, step by step of a recurrent network: the
products are far larger than what they are made of, so that writing each and adding them up moves
more memory than the multiplications take time. Terms are added in the same order but rounded in
other places, so this pass does not keep every bit.
"""

from __future__ import annotations

import collections

import numpy as np

from flowcore import dtypes
from flowcore.graph.constants import detached_constant
from flowcore.graph.operation import Operation, Tensor
from flowcore.runtime.passes.plan_graph import PlanGraph, Replacement, made_for, rewrite
from flowcore.shape import TensorShape


def join_products(graph: PlanGraph) -> None:
    """Makes sums of products, of at least two that have no other reader and are worth it, one
    product each.
    """
    if any(
        op._type == "AddN" and sum(t._op._type == "MatMul" for t in graph.inputs(op)) > 1 for op in graph.ops
    ):
        rewrite(graph, [_Joining(graph)])


class _Joining:
    """A rule (see plan_graph)."""

    def __init__(self, graph: PlanGraph) -> None:
        self._inputs = graph.inputs
        self._readers = collections.Counter([t for op in graph.ops for t in graph.inputs(op)])
        self._readers.update(graph.fetches)
        self._kept = graph.fixed

    def __call__(self, op: Operation) -> Replacement:
        if op._type != "AddN" or op._outputs[0]._dtype not in (dtypes.float32, dtypes.float64):
            return None
        groups: dict[tuple[bool, bool], list[Operation]] = {}
        for tensor in self._inputs(op):
            product = tensor._op
            if (
                product._type == "MatMul"
                and self._readers[tensor] == 1
                and product not in self._kept
                and product.device == op.device
            ):
                groups.setdefault(
                    (product.get_attr("transpose_a"), product.get_attr("transpose_b")), []
                ).append(product)
        joined = max(groups.values(), key=len, default=[])
        if len(joined) < 2 or not self._pays(joined):
            return None
        sum_of_joined = self._product(joined, op)
        outputs = {product._outputs[0] for product in joined}
        rest = [t for t in self._inputs(op) if t not in outputs]
        if not rest:
            return sum_of_joined
        inputs = (sum_of_joined._outputs[0], *rest)
        return op._detached(inputs, op._control_inputs, op._attrs | {"N": len(inputs)})

    def _pays(self, products: list[Operation]) -> bool:
        """Whether copying the operands moves less memory than adding up the products."""
        copied = 0
        for product in products:
            a, b = self._inputs(product)
            count_a, count_b = a.shape.num_elements(), b.shape.num_elements()
            if count_a is None or count_b is None:
                return False
            copied += count_a + count_b
        return 2 * copied < len(products) * (products[0]._outputs[0].shape.num_elements() or 0)

    def _product(self, products: list[Operation], total: Operation) -> Operation:
        """One product in place of `products`, named after their sum."""
        operands = [
            _concat([self._inputs(p)[i] for p in products], axis, total, f"{total.name}/{'ab'[i]}")
            for i, axis in enumerate(_axes(products[0]))
        ]
        return made_for(
            total,
            "MatMul",
            total._name,
            operands,
            products[0]._attrs,
            total._outputs[0].shape,
            total._control_inputs,
        )


def _axes(product: Operation) -> tuple[int, int]:
    """The axes of the two operands along which is summed."""
    return int(not product.get_attr("transpose_a")), int(product.get_attr("transpose_b"))


def _concat(parts: list[Tensor], axis: int, total: Operation, name: str) -> Tensor:
    sizes = [part.shape.as_list() for part in parts]
    shape = list(sizes[0])
    shape[axis] = sum(size[axis] or 0 for size in sizes)  # all are known
    dtype = parts[0]._dtype
    place = detached_constant(np.array(axis, np.int32), total)
    return made_for(
        total,
        "ConcatV2",
        name,
        (*parts, place),
        {"N": len(parts), "T": dtype, "Tidx": dtypes.int32},
        TensorShape(shape),
    )._outputs[0]
