"""Where elements lie: transpose, tile, pad, reverse."""

from __future__ import annotations

from typing import Any

import numpy as np

from flowcore import dtypes
from flowcore.arguments import flag, text
from flowcore.graph.apply import apply
from flowcore.graph.constants import constant, constant_value
from flowcore.graph.conversion import convert_to_tensor
from flowcore.graph.op_def import register
from flowcore.graph.operation import Operation, Tensor
from flowcore.graph.scopes import name_scope
from flowcore.ops import shapes
from flowcore.ops.casts import cast
from flowcore.ops.conversions import int_argument
from flowcore.ops.filling import range as array_range
from flowcore.ops.joining import stack
from flowcore.ops.shape_ops import rank, reshape, shape, size
from flowcore.shape import MAX_RANK, UNKNOWN, TensorShape

__all__ = ["invert_permutation", "pad", "reverse", "tile", "transpose"]


def _transpose_shape(op: Operation) -> Any:
    shapes.expect_rank(op, 1, 1)
    source, perm = op.inputs[0].shape, constant_value(op.inputs[1])
    if source.sizes is None and perm is None:
        length = op.inputs[1].shape.with_rank(1)[0].value
        return [UNKNOWN if length is None else TensorShape([None] * length)]
    if perm is None:
        return [TensorShape([None] * len(source.sizes or ()))]
    source = source.with_rank(len(perm))
    if sorted(p % len(perm) if -len(perm) <= p < len(perm) else -1 for p in perm.tolist()) != list(
        range(len(perm))
    ):
        raise ValueError(f"perm must hold each of 0..{len(perm) - 1} once, found {perm.tolist()}")
    return (
        [TensorShape([source.sizes[p] for p in perm.tolist()])]
        if source.sizes is not None
        else [TensorShape([None] * len(perm))]
    )


def _transpose_grad(op: Operation, g: Any) -> list[Any]:
    return [apply(op.type, g, apply("InvertPermutation", op.inputs[1])), None]


for _name in ("Transpose", "ConjugateTranspose"):
    register(
        _name,
        inputs=["x: T", "perm: Tperm"],
        outputs=["y: T"],
        attrs=["T: type", "Tperm: {indices} = int32"],
        shape=_transpose_shape,
        grad=_transpose_grad,
    )


def transpose(a: Any, perm: Any = None, name: str | None = "transpose", conjugate: bool = False) -> Tensor:
    """A tensor with its dimensions in another order.

    Args:
        a: A Tensor of any dtype and shape, or what converts to one.
        perm: Dimension i of the result is dimension perm[i] of a: a list or vector of dtype int32
            or int64. None: in reverse order.
        name: A name for the operation.
        conjugate: Whether complex elements are conjugated as well.

    Returns:
        A Tensor of a's dtype.

    Raises:
        TypeError: perm holds other things than whole numbers.
        ValueError: perm does not hold each dimension once.

    Example:
        >>> fc.Session().run(fc.transpose([[1, 2], [3, 4]]))
        array([[1, 3],
               [2, 4]], dtype=int32)
    """
    with name_scope(name, "transpose", [a]) as scope:
        a = convert_to_tensor(a, name="a")
        if perm is None:
            known = a.shape.ndims
            if known is not None:
                perm = constant(np.arange(known - 1, -1, -1, dtype=np.int32), name="perm")
            else:
                last = apply("Sub", apply("Rank", a), 1)
                perm = apply("Sub", last, array_range(0, apply("Rank", a)))
        op_type = "ConjugateTranspose" if flag(conjugate, "conjugate") and a.dtype.is_complex else "Transpose"
        return apply(op_type, a, int_argument(perm, "perm"), name=scope)


def _inverse_shape(op: Operation) -> Any:
    shapes.expect_rank(op, 0, 1)
    return shapes.same(op)


def _inverse_value(op: Operation) -> list[Any]:
    value = constant_value(op.inputs[0])
    return [None if value is None else np.argsort(value).astype(value.dtype)]


@register(
    "InvertPermutation",
    inputs=["x: T"],
    outputs=["y: T"],
    attrs=["T: {indices} = int32"],
    shape=_inverse_shape,
    grad=None,
    value=_inverse_value,
)
def invert_permutation(x: Any, name: str | None = None) -> Tensor:
    """The permutation that undoes another: y with y[x[i]] = i.

    Args:
        x: A vector of dtype int32 or int64 that holds each of 0 .. n - 1 once, or what converts to
            one.
        name: A name for the operation.

    Returns:
        A Tensor of x's dtype and shape.

    Raises:
        TypeError: x has another dtype.
        InvalidArgumentError: x is no permutation (when it runs).

    Example:
        >>> fc.Session().run(fc.invert_permutation([2, 0, 1]))
        array([1, 2, 0], dtype=int32)
    """
    return apply("InvertPermutation", x, name=name)


def _per_axis(op: Operation, combine: Any) -> Any:
    """The shape where each size is combined with its entry of the second input, of which there must
    be as many as dimensions.
    """
    source, argument = op.inputs[0].shape, constant_value(op.inputs[1])
    if argument is None and op.inputs[1].shape.ndims is not None:
        count = op.inputs[1].shape[0].value
        source = source if count is None else source.with_rank(count)
    if argument is not None:
        source = source.with_rank(len(argument))
    if source.sizes is None:
        return [UNKNOWN]
    if argument is None:
        return [TensorShape([None] * len(source.sizes))]
    return [
        TensorShape(
            [
                None if n is None else combine(n, a)
                for n, a in zip(source.sizes, argument.tolist(), strict=True)
            ]
        )
    ]


def _sum_of_tiles(op: Operation, g: Any) -> Tensor:
    """For more dimensions than half of those that a tensor may have, by the element that each was."""
    x, multiples = op.inputs
    count = size(x, out_type=dtypes.int64)
    origin = apply("Tile", reshape(array_range(count), shape(x)), multiples)
    total = apply("UnsortedSegmentSum", reshape(g, [-1]), reshape(origin, [-1]), count)
    return reshape(total, shape(x))


def _tile_grad(op: Operation, g: Any) -> list[Any]:
    x, multiples = op.inputs
    if x.shape.ndims is not None and 2 * x.shape.ndims > MAX_RANK:
        return [_sum_of_tiles(op, g), None]
    dims = shape(x)
    pairs = reshape(stack([multiples, cast(dims, multiples.dtype)], axis=1), [-1])  # m0 d0 m1 d1 ...
    split_up = reshape(convert_to_tensor(g), pairs)
    axes = array_range(0, size(pairs), 2)
    result = apply("Sum", split_up, axes)
    result.set_shape(x.shape)
    return [result, None]


def _tile_shape(op: Operation) -> Any:
    multiples = constant_value(op.inputs[1])
    op.inputs[1].shape.assert_has_rank(1)
    if multiples is not None and (multiples < 0).any():
        raise ValueError(f"multiples must be at least 0, found {multiples.tolist()}")
    return _per_axis(op, lambda n, m: n * m)


@register(
    "Tile",
    inputs=["input: T", "multiples: Tmultiples"],
    outputs=["output: T"],
    attrs=["T: type", "Tmultiples: {indices} = int32"],
    shape=_tile_shape,
    grad=_tile_grad,
)
def tile(input: Any, multiples: Any, name: str | None = None) -> Tensor:
    """A tensor repeated along its dimensions.

    Args:
        input: A Tensor of any dtype and shape, or what converts to one.
        multiples: How often along each dimension: a list or vector of dtype int32 or int64.
        name: A name for the operation.

    Returns:
        A Tensor of input's dtype; dimension d is multiples[d] times as long.

    Raises:
        TypeError: multiples holds other things than whole numbers.
        ValueError: multiples has another length than input dimensions, or a number below 0.

    Example:
        >>> fc.Session().run(fc.tile([1, 2], [2]))
        array([1, 2, 1, 2], dtype=int32)
    """
    return apply("Tile", input, int_argument(multiples, "multiples"), name=name)


def _pad_shape(op: Operation) -> Any:
    op.inputs[1].shape.merge_with([None, 2])
    paddings = constant_value(op.inputs[1])
    if paddings is not None and (paddings < 0).any():
        raise ValueError(f"Paddings must be non-negative, found {paddings.tolist()}")
    return _per_axis(op, lambda n, p: n + p[0] + p[1])


def _pad_grad(op: Operation, g: Any) -> list[Any]:
    x, paddings = op.inputs[:2]
    column = apply("Slice", paddings, constant([0, 0]), stack([rank(x), 1]))
    return [
        apply("Slice", g, reshape(column, [-1]), cast(shape(x), paddings.dtype)),
        *([None] * (len(op.inputs) - 1)),
    ]


register(
    "Pad",
    inputs=["input: T", "paddings: Tpaddings"],
    outputs=["output: T"],
    attrs=["T: type", "Tpaddings: {indices} = int32"],
    shape=_pad_shape,
    grad=_pad_grad,
)


register(
    "PadV2",
    inputs=["input: T", "paddings: Tpaddings", "constant_values: T"],
    outputs=["output: T"],
    attrs=["T: type", "Tpaddings: {indices} = int32"],
    shape=_pad_shape,
    grad=_pad_grad,
)


def pad(
    tensor: Any, paddings: Any, mode: str = "CONSTANT", name: str | None = None, constant_values: Any = 0
) -> Tensor:
    """A tensor with elements of one value put before and behind it.

    Args:
        tensor: A Tensor of any dtype and shape, or what converts to one.
        paddings: How many before and behind each dimension: shape [rank, 2], dtype int32 or int64.
        mode: "CONSTANT", in any case of letters.
        name: A name for the operation.
        constant_values: The value of the new elements, a scalar of tensor's dtype.

    Returns:
        A Tensor of tensor's dtype.

    Raises:
        TypeError: paddings or constant_values have another dtype.
        ValueError: mode is another, paddings have another shape, or a number below 0.

    Example:
        >>> fc.Session().run(fc.pad([1, 2], [[1, 2]]))
        array([0, 1, 2, 0, 0], dtype=int32)
    """
    if text(mode, "mode").upper() != "CONSTANT":
        raise ValueError(f"Unknown padding mode: {mode}; this version has CONSTANT")
    if isinstance(constant_values, (int, float)) and constant_values == 0:
        return apply("Pad", tensor, paddings, name=name)
    return apply("PadV2", tensor, paddings, constant_values, name=name)


def _reverse_shape(op: Operation) -> Any:
    shapes.expect_rank(op, 1, 0, 1)
    axes = shapes.axes_of(op.inputs[1], op.inputs[0].shape.ndims)
    if axes is not None and len(set(axes)) != len(axes):
        raise ValueError(f"axes {axes} name one twice")
    return [op.inputs[0].shape]


@register(
    "ReverseV2",
    inputs=["tensor: T", "axis: Tidx"],
    outputs=["output: T"],
    attrs=["Tidx: {indices} = int32", "T: type"],
    shape=_reverse_shape,
    grad=lambda op, g: [apply("ReverseV2", g, op.inputs[1]), None],
)
def reverse(tensor: Any, axis: Any, name: str | None = None) -> Tensor:
    """A tensor with the order along some axes turned round.

    Args:
        tensor: A Tensor of any dtype and shape, or what converts to one.
        axis: A whole number, or a list or vector of dtype int32 or int64; negative: counted from
            the end.
        name: A name for the operation.

    Returns:
        A Tensor of tensor's dtype and shape.

    Raises:
        TypeError: axis holds other things than whole numbers.
        ValueError: axis is out of range, or names one twice.

    Example:
        >>> fc.Session().run(fc.reverse([1, 2, 3], 0))
        array([3, 2, 1], dtype=int32)
    """
    return apply("ReverseV2", tensor, int_argument(axis, "axis"), name=name)
