"""Shapes: what they are (shape, size, rank) and other shapes for the same elements (reshape,
expand_dims, squeeze, broadcast_to).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from flowcore import dtypes
from flowcore.arguments import deprecated_argument, listed
from flowcore.graph.apply import apply
from flowcore.graph.constants import constant, constant_value, constant_value_as_shape
from flowcore.graph.conversion import convert_to_tensor
from flowcore.graph.op_def import register
from flowcore.graph.operation import IndexedSlices, Operation, Tensor
from flowcore.graph.scopes import name_scope
from flowcore.ops import shapes
from flowcore.ops.casts import cast
from flowcore.ops.conversions import int_argument
from flowcore.shape import MAX_RANK, UNKNOWN, TensorShape

__all__ = ["broadcast_to", "expand_dims", "rank", "reshape", "shape", "shape_n", "size", "squeeze"]


def _size_type(out_type: Any) -> dtypes.DType:
    """The dtype that sizes are asked for in."""
    kind = dtypes.int32 if out_type is None else dtypes.as_dtype(out_type)
    if kind not in (dtypes.int32, dtypes.int64):
        raise TypeError(f"out_type must be int32 or int64, found {kind.name}")
    return kind


def _shape_value(op: Operation) -> list[Any]:
    kind = op.get_attr("out_type").as_numpy_dtype
    return [shapes.sizes_as(t.shape, kind) for t in op.inputs]


register(
    "Shape",
    inputs=["input: T"],
    outputs=["output: out_type"],
    attrs=["T: type", "out_type: {indices} = int32"],
    shape=lambda op: [shapes.vector_of(op.inputs[0].shape.ndims)],
    value=_shape_value,
    grad=None,
    from_shapes=True,
)


register(
    "ShapeN",
    inputs=["input: N * T"],
    outputs=["output: N * out_type"],
    attrs=["N: int >= 1", "T: type", "out_type: {indices} = int32"],
    shape=lambda op: [shapes.vector_of(t.shape.ndims) for t in op.inputs],
    value=_shape_value,
    grad=None,
    from_shapes=True,
)


def shape(input: Any, name: str | None = None, out_type: Any = None) -> Tensor:
    """The shape of a tensor, as a vector; a constant where it is known.

    Args:
        input: A Tensor of any dtype and shape, what converts to one, or IndexedSlices (the shape of
            their values).
        name: A name for the operation.
        out_type: int32 or int64; None: int32.

    Returns:
        A Tensor of dtype out_type and shape [rank of input].

    Raises:
        TypeError: input does not convert to a tensor, or out_type is no dtype.

    Example:
        >>> fc.Session().run(fc.shape([[1, 2, 3]]))
        array([1, 3], dtype=int32)
    """
    out = _size_type(out_type)
    with name_scope(name, "Shape", [input]) as scope:
        input = convert_to_tensor(input.values if isinstance(input, IndexedSlices) else input)
        known = shapes.sizes_as(input.shape, out.as_numpy_dtype)
        if known is not None:
            return constant(known, name=scope)
        return apply("Shape", input, out_type=out, name=scope)


def shape_n(input: Any, out_type: Any = dtypes.int32, name: str | None = None) -> list[Tensor]:
    """The shapes of several tensors.

    Args:
        input: A list of one or more Tensors, or of what converts to one dtype.
        out_type: int32 or int64.
        name: A name for the operation.

    Returns:
        A list of Tensors of dtype out_type, one vector per input.

    Raises:
        TypeError: input is no list, its dtypes differ, or out_type is another dtype.
        ValueError: input is empty.

    Example:
        >>> fc.Session().run(fc.shape_n([[1], [[2, 3]]]))
        [array([1], dtype=int32), array([1, 2], dtype=int32)]
    """
    return apply("ShapeN", input, out_type=dtypes.as_dtype(out_type), name=name)


def _size_value(op: Operation) -> list[Any]:
    count = op.inputs[0].shape.num_elements()
    kind = op.get_attr("out_type")
    return [None if count is None or count > kind.max else np.asarray(count, kind.as_numpy_dtype)]


register(
    "Size",
    inputs=["input: T"],
    outputs=["output: out_type"],
    attrs=["T: type", "out_type: {indices} = int32"],
    shape=shapes.scalar,
    value=_size_value,
    grad=None,
    from_shapes=True,
)


def size(input: Any, name: str | None = None, out_type: Any = None) -> Tensor:
    """The number of elements; a constant where it is known.

    Args:
        input: A Tensor of any dtype and shape, or what converts to one.
        name: A name for the operation.
        out_type: int32 or int64; None: int32.

    Returns:
        A scalar Tensor of dtype out_type.

    Raises:
        TypeError: input does not convert to a tensor, or out_type is no dtype.

    Example:
        >>> fc.Session().run(fc.size([[1, 2, 3]]) * 2)
        np.int32(6)
    """
    out = _size_type(out_type)
    with name_scope(name, "Size", [input]) as scope:
        input = convert_to_tensor(input)
        count = input.shape.num_elements()
        return (
            apply("Size", input, out_type=out, name=scope)
            if count is None or count > out.max
            else constant(count, out, name=scope)
        )


def _rank_value(op: Operation) -> list[Any]:
    ndims = op.inputs[0].shape.ndims
    return [None if ndims is None else np.asarray(ndims, np.int32)]


register(
    "Rank",
    inputs=["input: T"],
    outputs=["output: int32"],
    attrs=["T: type"],
    shape=shapes.scalar,
    grad=None,
    value=_rank_value,
    from_shapes=True,
)


def rank(input: Any, name: str | None = None) -> Tensor:
    """The number of dimensions; a constant where it is known.

    Args:
        input: A Tensor of any dtype and shape, or what converts to one.
        name: A name for the operation.

    Returns:
        A scalar Tensor of dtype int32.

    Raises:
        TypeError: input does not convert to a tensor.

    Example:
        >>> fc.Session().run(fc.rank([[1, 2, 3]]))
        np.int32(2)
    """
    with name_scope(name, "Rank", [input]) as scope:
        input = convert_to_tensor(input)
        known = input.shape.ndims
        return (
            apply("Rank", input, name=scope) if known is None else constant(known, dtypes.int32, name=scope)
        )


def _reshape_shape(op: Operation) -> Any:
    source, target = op.inputs[0].shape, constant_value_as_shape(op.inputs[1])
    sizes = target.sizes
    count = source.num_elements()
    if sizes is None or count is None:
        return [target]
    given = constant_value(op.inputs[1])
    if given is not None and (given == -1).sum() > 1:
        raise ValueError(f"only one size of a reshape may be -1, found {given.tolist()}")
    if given is not None and (given < -1).any():
        raise ValueError(f"a size of a reshape must be at least 0 (or -1), found {given.tolist()}")
    known = math.prod(d for d in sizes if d is not None)
    open_sizes = sizes.count(None)
    if open_sizes == 0:
        if known != count:
            raise ValueError(f"{count} elements do not fit shape {target}, which has {known}")
    elif open_sizes == 1:
        if (known and count % known) or (known == 0 and count):
            raise ValueError(
                f"Dimension size must be evenly divisible: cannot reshape a tensor with {count} elements to"
                f" shape {target}"
            )
        if known:
            return [TensorShape([count // known if d is None else d for d in sizes])]
    return [target]


def _reshape_grad(op: Operation, g: Any) -> list[Any]:
    return [apply("Reshape", convert_to_tensor(g), shape(op.inputs[0])), None]


def _reshape_value(op: Operation) -> list[Any]:
    value, target = (constant_value(t) for t in op.inputs)
    return [None if value is None or target is None or value.size > 64 else value.reshape(target)]


@register(
    "Reshape",
    inputs=["tensor: T", "shape: Tshape"],
    outputs=["output: T"],
    attrs=["T: type", "Tshape: {indices} = int32"],
    shape=_reshape_shape,
    grad=_reshape_grad,
    value=_reshape_value,
)
def reshape(tensor: Any, shape: Any, name: str | None = None) -> Tensor:
    """The same elements, in row-major order, under another shape.

    Args:
        tensor: A Tensor of any dtype and shape, or what converts to one.
        shape: The new sizes: a list, a TensorShape, or a vector of dtype int32 or int64. One size
            may be -1, and is found from the others.
        name: A name for the operation.

    Returns:
        A Tensor of tensor's dtype and the new shape.

    Raises:
        TypeError: shape holds other things than whole numbers.
        ValueError: The elements do not fit the shape, more than one size is -1, or there are more
            than 64.
        InvalidArgumentError: The elements do not fit a shape that is not known before it runs.

    Example:
        >>> fc.Session().run(fc.reshape([1, 2, 3, 4], [2, -1]))
        array([[1, 2],
               [3, 4]], dtype=int32)
    """
    if isinstance(shape, (list, tuple, np.ndarray)) and len(shape) > MAX_RANK:
        raise ValueError(f"A tensor has at most {MAX_RANK} dimensions, found {len(shape)}")
    return apply("Reshape", tensor, int_argument(shape, "shape"), name=name)


def _back_to_input_shape(op: Operation, g: Any) -> list[Any]:
    return [apply("Reshape", convert_to_tensor(g), shape(op.inputs[0])), *([None] * (len(op.inputs) - 1))]


def _expand_shape(op: Operation) -> Any:
    source, axis = op.inputs[0].shape, constant_value(op.inputs[1])
    if source.sizes is None:
        return [UNKNOWN]
    if axis is None:
        return [TensorShape([None] * (len(source.sizes) + 1))]
    at = shapes.axis_of(op.inputs[1], len(source.sizes) + 1, "dim") or 0
    return [TensorShape([*source.sizes[:at], 1, *source.sizes[at:]])]


def _expand_value(op: Operation) -> list[Any]:
    value, axis = (constant_value(t) for t in op.inputs)
    return [None if value is None or axis is None or value.size > 64 else np.expand_dims(value, int(axis))]


register(
    "ExpandDims",
    inputs=["input: T", "dim: Tdim"],
    outputs=["output: T"],
    attrs=["T: type", "Tdim: {indices} = int32"],
    shape=_expand_shape,
    value=_expand_value,
    grad=_back_to_input_shape,
)


def expand_dims(input: Any, axis: Any = None, name: str | None = None, dim: Any = None) -> Tensor:
    """A tensor with one more dimension, of size 1.

    Args:
        input: A Tensor of any dtype and shape, or what converts to one.
        axis: Where the new dimension stands, a whole number; negative: counted from the end, -1 is
            last.
        name: A name for the operation.
        dim: The old name of axis.

    Returns:
        A Tensor of input's dtype and elements, with one more dimension.

    Raises:
        TypeError: axis is no whole number.
        ValueError: axis is missing, given twice, out of range, or several numbers.

    Example:
        >>> fc.Session().run(fc.expand_dims([1, 2], 0))
        array([[1, 2]], dtype=int32)
    """
    axis = deprecated_argument("axis", axis, "dim", dim)
    if axis is None:
        raise ValueError("Must specify an axis argument to expand_dims()")
    return apply("ExpandDims", input, axis, name=name)


def _squeeze_shape(op: Operation) -> Any:
    source, dims = op.inputs[0].shape.sizes, op.get_attr("squeeze_dims")
    if source is None:
        return [UNKNOWN]
    if not dims:
        return [UNKNOWN if None in source else TensorShape([d for d in source if d != 1])]
    drop = set()
    for axis in dims:
        if not -len(source) <= axis < len(source):
            raise ValueError(f"squeeze_dims {axis} is not in [{-len(source)}, {len(source)})")
        if source[axis] not in (1, None):
            raise ValueError(f"Can not squeeze dim[{axis}], expected a dimension of 1, got {source[axis]}")
        drop.add(axis % len(source))
    return [TensorShape([d for i, d in enumerate(source) if i not in drop])]


register(
    "Squeeze",
    inputs=["input: T"],
    outputs=["output: T"],
    attrs=["T: type", "squeeze_dims: list(int) = []"],
    shape=_squeeze_shape,
    grad=_back_to_input_shape,
)


def squeeze(input: Any, axis: Any = None, name: str | None = None, squeeze_dims: Any = None) -> Tensor:
    """A tensor without its dimensions of size 1.

    Args:
        input: A Tensor of any dtype and shape, or what converts to one.
        axis: The dimensions to drop, a whole number or a list; negative: counted from the end.
            None: all of size 1.
        name: A name for the operation.
        squeeze_dims: The old name of axis.

    Returns:
        A Tensor of input's dtype and elements.

    Raises:
        TypeError: axis holds other things than whole numbers.
        ValueError: axis is out of range or given twice, or a dimension in it is not of size 1.

    Example:
        >>> fc.Session().run(fc.squeeze([[[1], [2]]]))
        array([1, 2], dtype=int32)
    """
    axis = deprecated_argument("axis", axis, "squeeze_dims", squeeze_dims)
    axis = [axis] if isinstance(axis, int) else axis
    return apply("Squeeze", input, squeeze_dims=listed(axis, "axis") if axis is not None else None, name=name)


def _broadcast_to_grad(op: Operation, g: Any) -> list[Any]:
    dims = shape(op.inputs[0])
    axes, _ = apply("BroadcastGradientArgs", dims, cast(shape(op.outputs[0]), dims.dtype))
    return [apply("Reshape", apply("Sum", g, axes), dims), None]


def _broadcast_to_shape(op: Operation) -> Any:
    source, target = op.inputs[0].shape, constant_value_as_shape(op.inputs[1])
    if source.ndims is not None and target.ndims is not None:
        fits = source.ndims <= target.ndims
        pairs = zip((source.sizes or ())[::-1], (target.sizes or ())[::-1], strict=False)
        if not fits or any(n not in (None, 1, m) and m is not None for n, m in pairs):
            raise ValueError(f"a tensor of shape {source} does not broadcast to {target}")
    return [target]


@register(
    "BroadcastTo",
    inputs=["input: T", "shape: Tidx"],
    outputs=["output: T"],
    attrs=["T: type", "Tidx: {indices} = int32"],
    shape=_broadcast_to_shape,
    grad=_broadcast_to_grad,
)
def broadcast_to(input: Any, shape: Any, name: str | None = None) -> Tensor:
    """A tensor repeated to a shape that it broadcasts to.

    Args:
        input: A Tensor of any dtype and shape, or what converts to one.
        shape: The new sizes: a list, a TensorShape, or a vector of dtype int32 or int64.
        name: A name for the operation.

    Returns:
        A Tensor of input's dtype and the new shape.

    Raises:
        TypeError: shape holds other things than whole numbers.
        ValueError: input does not broadcast to shape.

    Example:
        >>> fc.Session().run(fc.broadcast_to([1, 2], [2, 2]))
        array([[1, 2],
               [1, 2]], dtype=int32)
    """
    return apply("BroadcastTo", input, int_argument(shape, "shape"), name=name)


register(
    "BroadcastGradientArgs",
    inputs=["s0: T", "s1: T"],
    outputs=["r0: T", "r1: T"],
    attrs=["T: {indices} = int32"],
    shape=lambda op: [TensorShape([None])] * 2,
    grad=None,
)
