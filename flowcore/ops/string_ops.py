"""Ops on strings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flowcore.arguments import listed
from flowcore.graph.apply import apply
from flowcore.graph.op_def import register
from flowcore.graph.operation import Operation, Tensor
from flowcore.shape import UNKNOWN, TensorShape

__all__ = ["string_join"]


def _join_shape(op: Operation) -> list[TensorShape]:
    """Scalars go with all elements of the others, which have one shape."""
    shape: TensorShape | None = None
    for tensor in op.inputs:
        if tensor.shape.ndims is None:
            return [UNKNOWN]
        if tensor.shape.ndims:
            shape = tensor.shape if shape is None else shape.merge_with(tensor.shape)
    return [TensorShape([]) if shape is None else shape]


@register(
    "StringJoin",
    inputs=["inputs: N * string"],
    outputs=["output: string"],
    attrs=["N: int >= 1", "separator: string = ''"],
    shape=_join_shape,
    on_host=True,
    grad=None,
)
def string_join(inputs: Sequence[Any], separator: str = "", name: str | None = None) -> Tensor:
    """Strings one behind the other, element by element.

    Args:
        inputs: A list of Tensors of dtype string and one shape; scalars go with all elements.
        separator: What stands between them.
        name: A name for the operation.

    Returns:
        A Tensor of dtype string.

    Raises:
        TypeError: inputs are no strings.
        ValueError: shapes differ.
        InvalidArgumentError: shapes differ (when it runs).

    Example:
        >>> fc.Session().run(fc.string_join([["a", "b"], "c"], separator="-"))
        array([b'a-c', b'b-c'], dtype=object)
    """
    return apply("StringJoin", listed(inputs, "inputs"), separator=separator, name=name)
