"""Ops without inputs that stand for values:

placeholders. (`constant` itself is the graph's: flowcore/graph/constants.py.)
"""

from __future__ import annotations

from typing import Any

from flowcore import dtypes
from flowcore.graph.apply import apply
from flowcore.graph.constants import constant
from flowcore.graph.conversion import convert_to_tensor
from flowcore.graph.op_def import register
from flowcore.graph.operation import Tensor
from flowcore.ops import shapes
from flowcore.shape import TensorShape

__all__ = ["constant", "placeholder", "placeholder_with_default"]


@register(
    "Placeholder",
    outputs=["output: dtype"],
    attrs=["dtype: type", "shape: shape = None"],
    shape=shapes.declared(),
    grad=None,
)
def placeholder(dtype: Any, shape: Any = None, name: str | None = None) -> Tensor:
    """A tensor that every run must feed.

    Args:
      dtype: its element type.
      shape: its shape, as far as it is fixed; None: anything.
    """
    return apply("Placeholder", dtype=dtypes.as_dtype(dtype), shape=TensorShape(shape), name=name)


def _merge_default(op: Any) -> Any:
    op.inputs[0].shape.assert_is_compatible_with(op.get_attr("shape"))
    return [op.get_attr("shape")]


@register(
    "PlaceholderWithDefault",
    inputs=["input: dtype"],
    outputs=["output: dtype"],
    attrs=["dtype: type", "shape: shape"],
    shape=_merge_default,
    grad=lambda op, grad: grad,
)
def placeholder_with_default(input: Any, shape: Any, name: str | None = None) -> Tensor:
    """A tensor that passes `input` on unless it is fed. `shape` may say less than the input's."""
    return apply("PlaceholderWithDefault", convert_to_tensor(input), shape=TensorShape(shape), name=name)
