"""Ops that call bodies: If, Case, While, PartitionedCall, in the forms of TensorFlow's functional ops.

Here are their declarations; cond.py, while_loop.py and others build them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flowcore.dtypes import DType
from flowcore.graph import structure
from flowcore.graph.apply import apply
from flowcore.graph.constants import constant_value
from flowcore.graph.conversion import convert_to_tensor
from flowcore.graph.func_graph import FuncGraph
from flowcore.graph.graph import infer_shapes
from flowcore.graph.op_def import register
from flowcore.graph.operation import Operation, Tensor
from flowcore.ops.control_flow_ops import Assert, with_dependencies
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
    holds_nothing=True,
)


def is_stateful(bodies: Sequence[FuncGraph]) -> bool:
    """Whether running a body does more than computing its results from values that it is given."""
    return any(
        op._op_def.is_stateful or any([t._dtype._is_ref_dtype for t in op._inputs])
        for body in bodies
        for op in body.operations_since(0)
    )


#: Ops that call bodies -> those that do the same where no body has state.
_STATELESS = {
    "If": "StatelessIf",
    "Case": "StatelessCase",
    "While": "StatelessWhile",
    "StatefulPartitionedCall": "PartitionedCall",
}


def apply_call(op_type: str, *inputs: Any, bodies: Sequence[FuncGraph], **attrs: Any) -> list[Tensor]:
    """The outputs of a new op that calls `bodies`: the stateless type where they have no state."""
    made = apply(op_type if is_stateful(bodies) else _STATELESS[op_type], *inputs, **attrs)
    return list(made._outputs) if isinstance(made, Operation) else list(made)


def result_shapes(
    body: FuncGraph, passed: Sequence[Tensor], around: Sequence[FuncGraph] = ()
) -> list[TensorShape]:
    """The shapes of a body's results where it is called with these tensors, in bodies `around`.

    Raises ValueError where they do not fit what the body does.
    """
    found: dict[Tensor, Tensor] = {}
    for argument, tensor in zip(body.inputs, passed, strict=False):
        stand_in = argument._op._detached((), ())
        stand_in._outputs[0]._shape = argument._shape.merge_with(tensor._shape)
        known = constant_value(tensor)
        stand_in._values = None if known is None else (known,)
        found[argument] = stand_in._outputs[0]
    for op in body.operations_since(0):
        if any([t in found for t in op._inputs]):
            again = op._detached(tuple([found.get(t, t) for t in op._inputs]), ())
            infer_shapes(again)
            inner = _shapes_inside(again, [*around, body])
            for old, new, shape in zip(op._outputs, again._outputs, inner, strict=True):
                new._shape = new._shape.merge_with(old._shape).merge_with(shape)
                found[old] = new
    return [found.get(t, t)._shape for t in body.outputs]


def _shapes_inside(op: Operation, around: Sequence[FuncGraph]) -> list[TensorShape]:
    """What the bodies that an op calls, if any, say of its results."""
    bodies = op._bodies()
    unknown = [TensorShape(None)] * len(op._outputs)
    if not bodies or op._op_def.calls[0] == "while" or any(b in around for b in bodies):
        return unknown
    passed = op._inputs if op._op_def.calls[0] == "call" else op._inputs[1:]
    found = [merged_shape(s) for s in zip(*[result_shapes(b, passed, around) for b in bodies], strict=True)]
    return [*found, *unknown][: len(unknown)]


def has_effect(op: Operation) -> bool:
    """Whether an op does something that is seen outside its step's values."""
    declared = op._op_def
    only_reads = not declared.writes and bool(declared.reads or declared.makes)
    return declared.is_stateful and not only_reads


def as_value(value: Any) -> Tensor:
    """A value as a tensor; a reference to a variable is read, here."""
    tensor = convert_to_tensor(value)
    return apply("Identity", tensor) if tensor._dtype._is_ref_dtype else tensor


def as_leaf(value: Any) -> Any:
    """A leaf of a structure: a tensor, or a value of several tensors as it is."""
    return value if structure.has_components(value) else as_value(value)


def as_scalar(tensor: Tensor, what: str) -> Tensor:
    """A tensor that is a scalar: checked when it runs where its rank is not known.

    Raises ValueError where it is known to be none.
    """
    if not tensor.shape.is_compatible_with([]):
        raise ValueError(f"{what} must be a scalar, found shape {tensor.shape}")
    if tensor.shape.ndims == 0:
        return tensor
    is_scalar = apply("Equal", apply("Rank", tensor), 0)
    return with_dependencies(
        [Assert(is_scalar, [f"{what} must be a scalar, found shape", apply("Shape", tensor)])], tensor
    )


def types_of(tensors: Sequence[Tensor]) -> list[DType]:
    """The dtypes of tensors."""
    return [t._dtype for t in tensors]
