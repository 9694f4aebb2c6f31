"""Shape functions that several ops share. Each takes an Operation and returns one TensorShape per output."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from flowcore.arguments import with_article
from flowcore.graph.constants import constant_value
from flowcore.graph.operation import Operation, Tensor
from flowcore.shape import SCALAR, UNKNOWN, TensorShape

Shapes = Sequence[TensorShape]


def sizes_as(shape: TensorShape, kind: Any) -> np.ndarray | None:
    """A known shape as an array of `kind`; None where a size is not known or does not fit."""
    most = np.iinfo(kind).max
    if shape.sizes is None or any(n is None or n > most for n in shape.sizes):
        return None
    return np.array(shape.sizes, kind)


def same(op: Operation) -> Shapes:
    """The first input's shape."""
    return [op.inputs[0].shape]


def same_as(index: int) -> Callable[[Operation], Shapes]:
    """The shape of one input."""
    return lambda op: [op.inputs[index].shape]


def all_alike(op: Operation) -> Shapes:
    """All inputs have one shape; that is the output's."""
    shape = op.inputs[0].shape
    for tensor in op.inputs[1:]:
        shape = shape.merge_with(tensor.shape)
    return [shape]


def scalar(op: Operation) -> Shapes:
    """A scalar per output."""
    return [SCALAR] * len(op.outputs)


def unknown(op: Operation) -> Shapes:
    """Nothing is known."""
    return [UNKNOWN] * len(op.outputs)


def none(op: Operation) -> Shapes:
    """An op without outputs."""
    return []


def broadcast_shapes(a: TensorShape, b: TensorShape) -> TensorShape:
    """The shape of an elementwise result. Raises ValueError when the shapes do not broadcast."""
    x, y = a.sizes, b.sizes
    if x == y and x is not None and None not in x:
        return a
    if x is None or y is None:
        return UNKNOWN
    rank = max(len(x), len(y))
    x = (1,) * (rank - len(x)) + x
    y = (1,) * (rank - len(y)) + y
    result: list[int | None] = []
    for m, n in zip(x, y):
        if m == n and m is not None:
            result.append(m)
        elif m is None or n is None:
            known = n if m is None else m
            result.append(known if known is not None and known != 1 else None)
        elif 1 in (m, n):
            result.append(n if m == 1 else m)
        else:
            raise ValueError(
                f"Dimensions must be equal or 1 to broadcast, but are {m} and {n} for shapes {a} and {b}"
            )
    return TensorShape(result)


def broadcast(op: Operation) -> Shapes:
    """Two inputs broadcast against each other."""
    return [broadcast_shapes(op.inputs[0]._shape, op.inputs[1]._shape)]


def expect_rank(op: Operation, index: int, *ranks: int) -> None:
    """Raises ValueError unless input `index`, of an op without lists, has one of these ranks, or one
    that is not known.
    """
    found = op.inputs[index].shape
    if found.ndims not in (None, *ranks):
        wanted = " or ".join("a scalar" if rank == 0 else "a vector" for rank in ranks)
        name = op._op_def.input_arg[index].name
        raise ValueError(f"{name} of {with_article(op.type)} must be {wanted}, found shape {found}")


def axes_of(tensor: Tensor, rank: int | None, what: str = "axis") -> list[int] | None:
    """The constant axes that a tensor holds, as non-negative numbers; None when they are not known.
    Raises ValueError when out of range.
    """
    value = constant_value(tensor)
    if value is None or rank is None:
        return None
    axes = []
    for axis in value.reshape(-1).tolist():
        if not -rank <= axis < rank:
            raise ValueError(f"{what} = {axis} is not in [{-rank}, {rank})")
        axes.append(axis % rank if rank else axis)
    return axes


def axis_of(tensor: Tensor, rank: int | None, what: str = "axis") -> int | None:
    """The one constant axis that a tensor holds. Raises ValueError when it holds another number of them."""
    axes = axes_of(tensor, rank, what)
    if axes is not None and len(axes) != 1:
        raise ValueError(f"{what} must be a single number, found shape {tensor.shape}")
    return None if axes is None else axes[0]


def reduction(op: Operation) -> Shapes:
    """A reduction of input 0 over the axes in input 1, with attribute keep_dims."""
    expect_rank(op, 1, 0, 1)
    shape, keep = op.inputs[0].shape, op.get_attr("keep_dims")
    axes = axes_of(op.inputs[1], shape.ndims, "reduction_indices")
    if shape.sizes is None:
        return [UNKNOWN]
    if axes is None:
        return [TensorShape([None] * len(shape.sizes)) if keep else UNKNOWN]
    if len(set(axes)) != len(axes):
        raise ValueError(f"reduction_indices {axes} name an axis twice")
    if keep:
        return [TensorShape([1 if d in axes else n for d, n in enumerate(shape.sizes)])]
    return [TensorShape([n for d, n in enumerate(shape.sizes) if d not in axes])]


def vector_of(length: int | None) -> TensorShape:
    """A vector."""
    return TensorShape([length])


def declared(attribute: str = "shape") -> Callable[[Any], Shapes]:
    """The shape in an attribute."""
    return lambda op: [op.get_attr(attribute)]
