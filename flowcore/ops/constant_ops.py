"""Ops without inputs that stand for values: placeholders. (`constant` itself is the graph's:
flowcore/graph/constants.py.)
"""

from __future__ import annotations

from typing import Any

from flowcore import dtypes
from flowcore.graph.apply import apply
from flowcore.graph.constants import constant
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
        dtype: The dtype of its elements: a DType, its name, or a NumPy type.
        shape: Its sizes, None for those that are open; None: any shape.
        name: A name for the operation.

    Returns:
        A Tensor of dtype and shape.

    Raises:
        TypeError: dtype is no dtype, or shape no shape.
        ValueError: A size is below 0.
        InvalidArgumentError: A run that needs it does not feed it.

    Example:
        >>> x = fc.placeholder(fc.float32, [None])
        >>> fc.Session().run(x * 2, {x: [1.0, 2.0]})
        array([2., 4.], dtype=float32)
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
    """A tensor that passes a value on unless it is fed.

    Args:
        input: The value: a Tensor of any dtype, or what converts to one.
        shape: What may be fed: sizes, None for those that are open, or None for any shape. input
            fits it.
        name: A name for the operation.

    Returns:
        A Tensor of input's dtype and of shape.

    Raises:
        TypeError: input does not convert to a tensor, or shape is no shape.
        ValueError: input's shape does not fit.

    Example:
        >>> x = fc.placeholder_with_default([1, 2], [None])
        >>> fc.Session().run(x), fc.Session().run(x, {x: [3]})
        (array([1, 2], dtype=int32), array([3], dtype=int32))
    """
    return apply("PlaceholderWithDefault", input, shape=TensorShape(shape), name=name)
