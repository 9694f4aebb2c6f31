"""Joining and cutting: concat and split along an axis that exists, stack and unstack along a new one."""

from __future__ import annotations

from typing import Any

import numpy as np

from flowcore.arguments import listed, whole_number
from flowcore.graph.apply import apply
from flowcore.graph.constants import constant, constant_value
from flowcore.graph.conversion import convert_to_tensor
from flowcore.graph.op_def import register
from flowcore.graph.operation import IndexedSlices, Operation, Tensor
from flowcore.graph.scopes import name_scope
from flowcore.ops import shapes
from flowcore.ops.conversions import int_tensor
from flowcore.ops.identities import identity
from flowcore.shape import UNKNOWN, Dimension, TensorShape

__all__ = ["concat", "split", "stack", "unstack"]


def _concat_shape(axis_tensor: Tensor, tensors: Any) -> Any:
    axis = constant_value(axis_tensor)
    rank_known = next((t.shape.ndims for t in tensors if t.shape.ndims is not None), None)
    if rank_known is None:
        return [UNKNOWN]
    if rank_known == 0:
        raise ValueError("Can't concatenate scalars (use flowcore.stack instead)")
    parts = [t.shape.with_rank(rank_known) for t in tensors]
    if axis is None:
        return [TensorShape([None] * rank_known)]
    if axis.ndim:
        raise ValueError(f"the axis of a concatenation must be a scalar, found shape {axis.shape}")
    at = int(axis)
    if not -rank_known <= at < rank_known:
        raise ValueError(f"axis {at} is not in [{-rank_known}, {rank_known})")
    at %= rank_known
    rest = TensorShape([None if d == at else n for d, n in enumerate(parts[0].sizes or ())])
    length: int | None = 0
    for part in parts:
        rest = rest.merge_with(TensorShape([None if d == at else n for d, n in enumerate(part.sizes or ())]))
        n = (part.sizes or ())[at]
        length = None if n is None or length is None else length + n
    return [TensorShape([length if d == at else n for d, n in enumerate(rest.sizes or ())])]


def _concat_value(op: Operation) -> list[Any]:
    parts = [constant_value(t) for t in op.inputs]
    if any(p is None or p.size > 64 for p in parts):
        return [None]
    return [np.concatenate(parts[:-1], int(parts[-1]))]


def _concat_pieces(op: Operation, values: Any, axis: Tensor, g: Any) -> list[Any]:
    if isinstance(g, IndexedSlices):
        g = convert_to_tensor(g)
    if len(values) == 1:
        return [g]
    at = constant_value(axis)
    sizes = [v.shape.sizes[int(at)] if at is not None and v.shape.sizes is not None else None for v in values]
    if at is not None and None not in sizes:
        return list(
            apply(
                "SplitV",
                g,
                constant(np.array(sizes, np.int32)),
                constant(np.int32(at)),
                num_split=len(values),
            )
        )
    dims = apply("ShapeN", list(values))
    where = apply("FloorMod", axis, apply("Rank", values[0]))
    return [
        apply("Slice", g, begin, size)
        for begin, size in zip(apply("ConcatOffset", where, dims), dims, strict=True)
    ]


register(
    "ConcatV2",
    inputs=["values: N * T", "axis: Tidx"],
    outputs=["output: T"],
    attrs=["N: int >= 1", "T: type", "Tidx: {indices} = int32"],
    shape=lambda op: _concat_shape(op.inputs[-1], op.inputs[:-1]),
    value=_concat_value,
    grad=lambda op, g: [*_concat_pieces(op, op.inputs[:-1], op.inputs[-1], g), None],
)


register(
    "Concat",
    inputs=["concat_dim: int32", "values: N * T"],
    outputs=["output: T"],
    attrs=["N: int >= 1", "T: type"],
    shape=lambda op: _concat_shape(op.inputs[0], op.inputs[1:]),
    grad=lambda op, g: [None, *_concat_pieces(op, op.inputs[1:], op.inputs[0], g)],
)


register(
    "ConcatOffset",
    inputs=["concat_dim: int32", "shape: N * int32"],
    outputs=["offset: N * int32"],
    attrs=["N: int >= 2"],
    shape=lambda op: [t.shape for t in op.inputs[1:]],
    grad=None,
)


def concat(values: Any, axis: Any, name: str = "concat") -> Tensor:
    """Joins tensors along an axis that they have.

    Args:
        values: A list of one or more Tensors of one dtype and rank, or of what converts to them;
            all sizes but that along axis agree.
        axis: A whole number or scalar Tensor; negative: counted from the end.
        name: A name for the operation.

    Returns:
        A Tensor of their dtype; its size along axis is the sum of theirs.

    Raises:
        TypeError: The dtypes differ, or axis is no whole number.
        ValueError: The shapes do not fit, axis is out of range, values is empty, or it holds
            scalars (which stack joins).

    Example:
        >>> fc.Session().run(fc.concat([[1, 2], [3]], 0))
        array([1, 2, 3], dtype=int32)
    """
    if not isinstance(values, (list, tuple)):
        values = [values]
    if len(values) == 1:
        with name_scope(name):
            found = int_tensor(axis, "concat_dim", what="the axis of concat").shape
            if found.ndims not in (None, 0):
                raise ValueError(
                    f"the axis of concat must be a scalar, found shape {found}; the arguments are"
                    " (values, axis)"
                )
            return identity(values[0], name=name)
    return apply("ConcatV2", list(values), axis, name=name)


def _split_axis(tensor: Tensor, source: TensorShape, what: str) -> int | None:
    return shapes.axis_of(tensor, source.ndims, what)


def _split_shape(op: Operation) -> Any:
    shapes.expect_rank(op, 0, 0)
    source, ways = op.inputs[1].shape, len(op.outputs)
    axis = _split_axis(op.inputs[0], source, "split_dim")
    if source.sizes is None or axis is None:
        return [TensorShape([None] * len(source.sizes)) if source.sizes is not None else UNKNOWN] * ways
    length = source.sizes[axis]
    if length is not None and length % ways:
        raise ValueError(
            f"Dimension size must be evenly divisible by {ways} but is {length}: split dimension {axis} of"
            f" shape {source}"
        )
    return [
        TensorShape(
            [(None if n is None else n // ways) if d == axis else n for d, n in enumerate(source.sizes)]
        )
    ] * ways


def _fill_missing(op: Operation, gradients: Any) -> list[Any]:
    return [apply("ZerosLike", t) if g is None else g for g, t in zip(gradients, op.outputs, strict=True)]


register(
    "Split",
    inputs=["split_dim: int32", "value: T"],
    outputs=["output: num_split * T"],
    attrs=["num_split: int >= 1", "T: type"],
    shape=_split_shape,
    grad=lambda op, *gs: [None, concat(_fill_missing(op, gs), op.inputs[0])],
)


def _split_v_shape(op: Operation) -> Any:
    shapes.expect_rank(op, 2, 0)
    source = op.inputs[0].shape
    axis, sizes = _split_axis(op.inputs[2], source, "split_dim"), constant_value(op.inputs[1])
    if source.sizes is None or axis is None:
        return [TensorShape([None] * len(source.sizes)) if source.sizes is not None else UNKNOWN] * len(
            op.outputs
        )
    parts: list[int | None] = [None] * len(op.outputs)
    total = source.sizes[axis]
    if sizes is not None:
        parts = [None if n < 0 else int(n) for n in sizes]
        known = sum(n for n in parts if n is not None)
        if parts.count(None) == 1 and total is not None:
            parts = [total - known if n is None else n for n in parts]
        if (total is not None and None not in parts and sum(n or 0 for n in parts) != total) or any(
            n is not None and n < 0 for n in parts
        ):
            raise ValueError(
                f"size_splits {sizes.tolist()} must add up to the size {total} of dimension {axis}"
            )
    return [TensorShape([p if d == axis else n for d, n in enumerate(source.sizes)]) for p in parts]


register(
    "SplitV",
    inputs=["value: T", "size_splits: Tlen", "split_dim: int32"],
    outputs=["output: num_split * T"],
    attrs=["num_split: int >= 1", "T: type", "Tlen: {indices} = int64"],
    shape=_split_v_shape,
    grad=lambda op, *gs: [concat(_fill_missing(op, gs), op.inputs[2]), None, None],
)


def split(
    value: Any, num_or_size_splits: Any, axis: Any = 0, num: int | None = None, name: str = "split"
) -> list[Tensor]:
    """Cuts a tensor into parts along an axis.

    Args:
        value: A Tensor of any dtype and a rank of at least 1, or what converts to one.
        num_or_size_splits: A number of equal parts, or a list or vector with the size of each; one
            size may be -1, and takes what is left.
        axis: A whole number or scalar Tensor; negative: counted from the end.
        num: The number of parts, where the length of a vector of sizes is not known.
        name: A name for the operation.

    Returns:
        A list of Tensors of value's dtype.

    Raises:
        TypeError: A size or axis is no whole number.
        ValueError: The sizes do not add up, the size along axis is no multiple of the number of
            parts, axis is out of range, or the number of parts is not known.

    Example:
        >>> fc.Session().run(fc.split([1, 2, 3], [1, -1]))
        [array([1], dtype=int32), array([2, 3], dtype=int32)]
    """
    if isinstance(num_or_size_splits, (int, np.integer, Dimension)):
        return apply("Split", axis, value, num_split=int(num_or_size_splits), name=name)
    sizes = int_tensor(num_or_size_splits, "Const", what="num_or_size_splits")
    if sizes.shape.ndims not in (None, 1):
        raise ValueError(
            "num_or_size_splits must be a Python number or a vector of sizes, found a tensor of shape"
            f" {sizes.shape}"
        )
    count = sizes.shape.with_rank(1)[0].value if num is None else num
    if count is None:
        raise ValueError("Cannot infer num from shape of num_or_size_splits; pass num=")
    return apply("SplitV", value, sizes, axis, num_split=count, name=name)


def _pack_shape(op: Operation) -> Any:
    part = shapes.all_alike(op)[0]
    if part.sizes is None:
        return [UNKNOWN]
    axis, n = op.get_attr("axis"), len(part.sizes) + 1
    if not -n <= axis < n:
        raise ValueError(f"axis = {axis} is not in [{-n}, {n})")
    return [TensorShape([*part.sizes[: axis % n], len(op.inputs), *part.sizes[axis % n :]])]


def _pack_value(op: Operation) -> list[Any]:
    parts = [constant_value(t) for t in op.inputs]
    return [
        None if any(p is None for p in parts) or len(parts) > 64 else np.stack(parts, op.get_attr("axis"))
    ]


register(
    "Pack",
    inputs=["values: N * T"],
    outputs=["output: T"],
    attrs=["N: int >= 1", "T: type", "axis: int = 0"],
    shape=_pack_shape,
    value=_pack_value,
    grad=lambda op, g: apply("Unpack", convert_to_tensor(g), num=len(op.inputs), axis=op.get_attr("axis")),
)


def stack(values: Any, axis: int = 0, name: str = "stack") -> Tensor:
    """Joins tensors of one shape along a new axis.

    Args:
        values: A list of Tensors of one dtype and shape, or of what converts to them.
        axis: Where the new axis stands; negative: counted from the end of the result.
        name: A name for the operation.

    Returns:
        A Tensor of their dtype with one more dimension, of size len(values).

    Raises:
        TypeError: The dtypes differ.
        ValueError: The shapes differ, axis is out of range, or values is empty and axis is not 0.

    Example:
        >>> fc.Session().run(fc.stack([[1, 2], [3, 4]], axis=1))
        array([[1, 3],
               [2, 4]], dtype=int32)
    """
    axis = whole_number(axis, "axis")
    if axis == 0:
        try:
            return convert_to_tensor(values, name=name)
        except (TypeError, ValueError):
            pass
    return apply("Pack", listed(values, "values"), axis=axis, name=name)


def _unpack_shape(op: Operation) -> Any:
    source = op.inputs[0].shape
    if source.sizes is None:
        return [UNKNOWN] * len(op.outputs)
    axis = op.get_attr("axis")
    if not -len(source.sizes) <= axis < len(source.sizes):
        raise ValueError(f"axis = {axis} is not in [{-len(source.sizes)}, {len(source.sizes)})")
    if source.sizes[axis] not in (None, len(op.outputs)):
        raise ValueError(f"Dimension {axis} of {source} must be {len(op.outputs)} to unstack into so many")
    at = axis % len(source.sizes)
    return [TensorShape(source.sizes[:at] + source.sizes[at + 1 :])] * len(op.outputs)


register(
    "Unpack",
    inputs=["value: T"],
    outputs=["output: num * T"],
    attrs=["num: int >= 0", "T: type", "axis: int = 0"],
    shape=_unpack_shape,
    grad=lambda op, *gs: apply("Pack", _fill_missing(op, gs), axis=op.get_attr("axis")),
)


def unstack(value: Any, num: int | None = None, axis: int = 0, name: str = "unstack") -> list[Tensor]:
    """The parts of a tensor along an axis, without that axis.

    Args:
        value: A Tensor of any dtype and a rank of at least 1, or what converts to one.
        num: The size along axis; needed where it is not known.
        axis: A whole number; negative: counted from the end.
        name: A name for the operation.

    Returns:
        A list of num Tensors of value's dtype.

    Raises:
        TypeError: num or axis is no whole number.
        ValueError: axis is out of range, num is not the size along it, or that is not known.

    Example:
        >>> fc.Session().run(fc.unstack([[1, 2], [3, 4]]))
        [array([1, 2], dtype=int32), array([3, 4], dtype=int32)]
    """
    value, axis = convert_to_tensor(value), whole_number(axis, "axis")
    if num is None:
        source = value.shape
        if source.ndims is not None and not -source.ndims <= axis < source.ndims:
            raise ValueError(f"axis = {axis} not in [{-source.ndims}, {source.ndims})")
        num = source.sizes[axis] if source.sizes is not None else None
        if num is None:
            raise ValueError(f"Cannot infer num from shape {source}")
    result = apply("Unpack", value, num=num, axis=axis, name=name)
    return result if isinstance(result, list) else []
