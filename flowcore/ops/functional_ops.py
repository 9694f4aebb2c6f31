"""Ops that call bodies: If, Case, While, PartitionedCall, in the forms of TensorFlow's functional ops.

Here are their declarations; cond.py, while_loop.py and others build them.
"""

from __future__ import annotations

from collections.abc import Sequence

from flowcore.dtypes import DType
from flowcore.graph.func_graph import FuncGraph
from flowcore.graph.op_def import register
from flowcore.graph.operation import Operation, Tensor
from flowcore.shape import TensorShape

__all__: list[str] = []


def merged_shape(shapes: Sequence[TensorShape]) -> TensorShape:
    """What is known of a value that has one of these shapes."""
    first, *others = shapes
    if any(s.ndims is None or s.ndims != first.ndims for s in shapes):
        return TensorShape(None)
    return TensorShape(
        [d if all(s.as_list()[i] == d for s in others) else None for i, d in enumerate(first.as_list())]
    )


def _branch_shapes(bodies: Sequence[FuncGraph]) -> list[TensorShape]:
    return [merged_shape([t._shape for t in results]) for results in zip(*[b.outputs for b in bodies])]


def _if_shape(op: Operation) -> list[TensorShape]:
    return _branch_shapes([op.get_attr("then_branch"), op.get_attr("else_branch")])


def _case_shape(op: Operation) -> list[TensorShape]:
    return _branch_shapes(op.get_attr("branches"))


def _call_shape(op: Operation) -> list[TensorShape]:
    return [t._shape for t in op.get_attr("f").outputs]


def _while_shape(op: Operation) -> list[TensorShape]:
    return [t._shape for t in op.get_attr("body").inputs]


_BRANCH_ATTRS = ["Tin: list(type)", "Tout: list(type)"]

for _prefix, _stateful in (("", True), ("Stateless", False)):
    register(
        f"{_prefix}If",
        inputs=["cond: Tcond", "input: list(Tin)"],
        outputs=["output: list(Tout)"],
        attrs=[
            "Tcond: type",
            *_BRANCH_ATTRS,
            "then_branch: func",
            "else_branch: func",
            "output_shapes: list(shape) = []",
        ],
        shape=_if_shape,
        calls=["if", "else_branch", "then_branch"],
        grad=None,
        stateful=_stateful,
    )
    register(
        f"{_prefix}Case",
        inputs=["branch_index: int32", "input: list(Tin)"],
        outputs=["output: list(Tout)"],
        attrs=[*_BRANCH_ATTRS, "branches: list(func) >= 1", "output_shapes: list(shape) = []"],
        shape=_case_shape,
        calls=["case", "branches"],
        grad=None,
        stateful=_stateful,
    )
    register(
        f"{_prefix}While",
        inputs=["input: list(T)"],
        outputs=["output: list(T)"],
        attrs=[
            "T: list(type)",
            "cond: func",
            "body: func",
            "output_shapes: list(shape) = []",
            "parallel_iterations: int = 10",
        ],
        shape=_while_shape,
        calls=["while", "cond", "body"],
        grad=None,
        stateful=_stateful,
    )
for _name, _stateful in (("StatefulPartitionedCall", True), ("PartitionedCall", False)):
    register(
        _name,
        inputs=["args: list(Tin)"],
        outputs=["output: list(Tout)"],
        attrs=[
            *_BRANCH_ATTRS,
            "f: func",
            "config: string = ''",
            "config_proto: string = ''",
            "executor_type: string = ''",
        ],
        shape=_call_shape,
        calls=["call", "f"],
        grad=None,
        stateful=_stateful,
    )


register(
    "FakeParam",
    outputs=["output: dtype"],
    attrs=["dtype: type", "shape: shape"],
    shape=lambda op: [op.get_attr("shape")],
    grad=None,
)


def is_stateful(bodies: Sequence[FuncGraph]) -> bool:
    """Whether running a body does more than computing its results."""
    return any(op._op_def.is_stateful for body in bodies for op in body.get_operations())


def types_of(tensors: Sequence[Tensor]) -> list[DType]:
    """The dtypes of tensors."""
    return [t._dtype for t in tensors]
