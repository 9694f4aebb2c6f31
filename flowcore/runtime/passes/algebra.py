"""Algebraic identities: ops that give back what they got.

Every rule keeps all bits, -0.0, NaN and infinities included: x + 0.0 is not x, because -0.0 + 0.0
is 0.0; x - 0.0 and x + -0.0 are. (Only a signalling NaN, which no computation yields, would have
become a quiet one.) Left alone are complex numbers, since inf * (1 + 0i) has a NaN in it, and the
16-bit types, whose arithmetic makes one NaN of all. A transpose is not folded into the product that
reads it: the product may round another way then.
A rule looks at static shapes where the result's shape must be the input's.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from flowcore import dtypes
from flowcore.graph.constants import detached_constant
from flowcore.graph.operation import Operation, Tensor
from flowcore.runtime.passes.plan_graph import PlanGraph, Replacement


class Simplifying:
    """A rule (see plan_graph)."""

    def __init__(self, graph: PlanGraph) -> None:
        self._fed = graph.fed
        self.inputs = graph.inputs

    def __call__(self, op: Operation) -> Replacement:
        rule = _RULES.get(op._type)
        if rule is None or op._control_inputs:
            return None
        found = rule(op, self)
        if found is None or isinstance(found, Operation):
            return found
        # A device scope on a node that passes its input on asks for the value to be there.
        return (
            None
            if any(op.device not in ("", t.op.device) or t.dtype == dtypes.resource for t in found)
            else found
        )

    def constant(self, tensor: Tensor) -> np.ndarray | None:
        """The value of a constant that its readers need not wait for."""
        op = tensor._op
        return op.get_attr("value") if op._type == "Const" and self.maker(tensor) is op else None

    def maker(self, tensor: Tensor) -> Operation | None:
        """The op that a rule may look through: not where the tensor is fed, nor where its
        readers have waited for more than its inputs.
        """
        return None if tensor in self._fed or tensor.op._control_inputs else tensor.op


def _passes_on(op: Operation, known: Simplifying) -> Sequence[Tensor]:
    return known.inputs(op)


def _with_neutral(
    right: float, left: float | None
) -> Callable[[Operation, Simplifying], Sequence[Tensor] | None]:
    """x op right = x, and left op x = x."""

    def rule(op: Operation, known: Simplifying) -> Sequence[Tensor] | None:
        x, y = known.inputs(op)
        if not _keeps_nan(x):
            return None
        if _is_all(known.constant(y), right) and _keeps_shape(op, x, y):
            return [x]
        if left is not None and _is_all(known.constant(x), left) and _keeps_shape(op, y, x):
            return [y]
        return None

    return rule


def _is_all(value: np.ndarray | None, number: float) -> bool:
    """Whether every element has the bits of `number`."""
    if value is None or not value.size or value.item(0) != number:
        return False
    same_sign = value.dtype.kind != "f" or bool(np.all(np.signbit(value) == (math.copysign(1.0, number) < 0)))
    return same_sign and bool(np.all(value == number))


def _keeps_nan(x: Tensor) -> bool:
    """Whether arithmetic on the dtype passes a NaN on with all its bits."""
    return x.dtype.is_integer or x.dtype in (dtypes.float32, dtypes.float64)


def _keeps_shape(op: Operation, x: Tensor, other: Tensor) -> bool:
    """Whether the result has the shape of `x` whatever comes: a scalar never makes it larger, other
    shapes must be known.
    """
    return other.shape.ndims == 0 or _same_shape(x, op._outputs[0])


def _same_shape(a: Tensor, b: Tensor) -> bool:
    return a.shape.is_fully_defined() and a.shape.sizes == b.shape.sizes


def _undoes_itself(op: Operation, known: Simplifying) -> Sequence[Tensor] | None:
    (x,) = known.inputs(op)
    inner = known.maker(x)
    keeps = op.type == "LogicalNot" or _keeps_nan(x)
    return known.inputs(inner) if keeps and inner is not None and inner.type == op.type else None


def _cast(op: Operation, known: Simplifying) -> Sequence[Tensor] | None:
    return known.inputs(op) if op._inputs[0].dtype == op._outputs[0].dtype else None


def _to_same_shape(op: Operation, known: Simplifying) -> Sequence[Tensor] | None:
    x, dims = known.inputs(op)
    source = known.maker(dims)
    own = source is not None and source.type == "Shape" and known.inputs(source)[0] is x
    return [x] if own or (known.constant(dims) is not None and _same_shape(x, op._outputs[0])) else None


def _single(op: Operation, known: Simplifying) -> Sequence[Tensor] | None:
    return known.inputs(op) if len(op._inputs) == 1 else None


def _permutation(tensor: Tensor, known: Simplifying) -> tuple[int, ...] | None:
    value = known.constant(tensor)
    return tuple(int(d) % value.size for d in value) if value is not None and value.ndim == 1 else None


def _transpose(op: Operation, known: Simplifying) -> Replacement:
    x, order = known.inputs(op)
    perm = _permutation(order, known)
    if perm is None or x.shape.ndims != len(perm):
        return None
    inner = known.maker(x)
    if inner is not None and inner.type == "Transpose" and inner.device == op.device:
        source, order_before = known.inputs(inner)
        first = _permutation(order_before, known)
        if first is not None and len(first) == len(perm):
            both = np.array([first[d] for d in perm], known.constant(order).dtype)  # type: ignore[union-attr]
            if both.tolist() == list(range(len(perm))):
                return [source]
            return op._detached((source, detached_constant(both, order.op)), ())
    return [x] if perm == tuple(range(len(perm))) else None


#: Rules by op type.
_RULES: dict[str, Callable[[Operation, Simplifying], Replacement]] = {
    **dict.fromkeys(
        ("Identity", "IdentityN", "StopGradient", "PreventGradient", "Snapshot", "PlaceholderWithDefault"),
        _passes_on,
    ),
    **dict.fromkeys(("Add", "AddV2"), _with_neutral(-0.0, -0.0)),
    "Sub": _with_neutral(0.0, None),
    "Mul": _with_neutral(1.0, 1.0),
    **dict.fromkeys(("RealDiv", "Div"), _with_neutral(1.0, None)),
    **dict.fromkeys(("Neg", "LogicalNot"), _undoes_itself),
    "Cast": _cast,
    **dict.fromkeys(("Reshape", "BroadcastTo"), _to_same_shape),
    "AddN": _single,
    "Transpose": _transpose,
}
