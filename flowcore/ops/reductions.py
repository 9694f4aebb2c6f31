"""Reductions over axes, argmax and running sums. Long because each function is described in full."""

from __future__ import annotations

from typing import Any

import numpy as np

from flowcore import dtypes
from flowcore.arguments import deprecated_argument, flag
from flowcore.graph.apply import apply
from flowcore.graph.constants import constant, constant_value
from flowcore.graph.conversion import convert_to_tensor
from flowcore.graph.op_def import register
from flowcore.graph.operation import Operation, Tensor
from flowcore.graph.scopes import name_scope
from flowcore.ops import shapes
from flowcore.ops.arithmetic import add, floordiv, truediv
from flowcore.ops.casts import cast, summing_dtype
from flowcore.ops.comparison import is_finite, logical_and, maximum, where
from flowcore.ops.conversions import int_argument
from flowcore.ops.elementwise import chain
from flowcore.ops.filling import range
from flowcore.ops.functions import exp, log
from flowcore.ops.joining import stack
from flowcore.ops.layout import invert_permutation, transpose
from flowcore.ops.shape_ops import rank, reshape, shape, size
from flowcore.shape import UNKNOWN, TensorShape

__all__ = [
    "arg_max", "arg_min", "argmax", "argmin", "cumprod", "cumsum", "reduce_all", "reduce_any",
    "reduce_logsumexp", "reduce_max", "reduce_mean", "reduce_min", "reduce_prod", "reduce_sum",
]  # fmt: skip


def _kept_shape(op: Operation) -> Tensor:
    """The result's shape as it would be with keep_dims: ones in place of the reduced sizes."""
    x = op.inputs[0]
    axes = shapes.axes_of(op.inputs[1], x.shape.ndims)
    if axes is not None:
        kept = [1 if d in axes else n for d, n in enumerate(x.shape.as_list())]
        if None not in kept:
            return constant(np.array(kept, np.int32))
        reduced = np.array([d in axes for d in np.arange(len(kept))])
        return where(reduced, np.ones(len(kept), np.int32), apply("Shape", x))
    dims = apply("Shape", x)
    n = apply("Size", dims)
    axes_tensor = reshape(cast((cast(op.inputs[1], dtypes.int32) + n) % n, dtypes.int32), [-1])
    ones = apply("ZerosLike", axes_tensor) + 1
    mask = apply("UnsortedSegmentSum", ones, axes_tensor, n)
    return where(mask > 0, apply("OnesLike", dims), dims)


def _spread(op: Operation, g: Any) -> Tensor:
    """A gradient of the result, repeated to the input's shape."""
    return apply("BroadcastTo", reshape(g, _kept_shape(op)), shape(op.inputs[0]))


def _sum_grad(op: Operation, g: Any) -> list[Any]:
    return [_spread(op, g), None]


def _mean_grad(op: Operation, g: Any) -> list[Any]:
    if g.dtype.is_integer:
        return [None, None]
    x, y = op.inputs[0], op.outputs[0]
    n, m = x.shape.num_elements(), y.shape.num_elements()
    factor = (
        constant(n // max(m, 1), dtypes.int64)
        if n is not None and m is not None
        else floordiv(size(x, out_type=dtypes.int64), maximum(size(y, out_type=dtypes.int64), 1))
    )
    wide = summing_dtype(g.dtype)
    share = cast(truediv(cast(g, wide), cast(factor, wide)), g.dtype)
    return [_spread(op, share), None]


def _extreme_grad(op: Operation, g: Any) -> list[Any]:
    """The gradient goes to the elements that are the extreme; ties share it."""
    if g.dtype.is_integer:
        return [None, None]
    kept = _kept_shape(op)
    is_hit = apply("Equal", reshape(op.outputs[0], kept), op.inputs[0])
    wide = summing_dtype(g.dtype)
    count = reshape(apply("Sum", cast(is_hit, wide), op.inputs[1]), kept)
    share = apply("Xdivy", cast(reshape(g, kept), wide), count)
    return [cast(is_hit, g.dtype) * cast(share, g.dtype), None]


def _prod_grad(op: Operation, g: Any) -> list[Any]:
    """Each element's gradient is the product of the others: cumulative products from both sides, so
    that zeros do no harm.
    """
    x = op.inputs[0]
    if g.dtype.is_integer:
        return [None, None]
    order, count = _reduced_first(op)
    moved = transpose(x, order)
    dims = shape(moved)
    reduced, kept = (
        apply("Prod", apply("Slice", dims, begin, size), [0])
        for begin, size in (([0], stack([count])), (stack([count]), [-1]))
    )
    flat = reshape(moved, stack([reduced, kept]))
    left = cumprod(flat, 0, exclusive=True)
    right = cumprod(flat, 0, exclusive=True, reverse=True)
    others = transpose(reshape(left * right, dims), invert_permutation(order))
    return [chain(_spread(op, g), others), None]


def _reduced_first(op: Operation) -> tuple[Any, Any]:
    """A permutation that brings the reduced axes to the front, and their number: numbers where they
    are known, else tensors.
    """
    static = op.inputs[0].shape.ndims
    known = shapes.axes_of(op.inputs[1], static)
    if known is not None and static is not None:
        return np.array([*known, *(d for d in np.arange(static).tolist() if d not in known)], np.int32), len(
            known
        )
    n = rank(op.inputs[0])
    axes = reshape(cast(op.inputs[1], dtypes.int32), [-1])
    axes = (axes + n) % n
    reduced = apply("UnsortedSegmentSum", apply("OnesLike", axes), axes, n)  # 1 for each axis that is reduced
    # The place of each axis: reduced ones are counted from the start, the others behind all of these.
    count = reduce_sum(reduced)
    place = where(reduced > 0, cumsum(reduced, exclusive=True), count + cumsum(1 - reduced, exclusive=True))
    return invert_permutation(place), count


def _reduction(op_type: str, types: str, grad: Any) -> None:
    number = types != "bool"
    register(
        op_type,
        inputs=["input: T" if number else "input: bool", "reduction_indices: Tidx"],
        outputs=["output: T" if number else "output: bool"],
        attrs=["keep_dims: bool = False", *([f"T: {types}"] if number else []), "Tidx: {indices} = int32"],
        shape=shapes.reduction,
        value=_prod_value if op_type in ("Prod", "Sum") else None,
        grad=grad,
    )


def _prod_value(op: Operation) -> list[Any]:
    value, axes = (constant_value(t) for t in op.inputs)
    if value is None or axes is None or value.size > 64 or value.dtype.kind not in "iu":
        return [None]
    function = np.prod if op.type == "Prod" else np.sum
    return [
        np.asarray(
            function(
                value, tuple(np.reshape(axes, -1).tolist()), value.dtype, keepdims=op.get_attr("keep_dims")
            )
        )
    ]


_reduction("Sum", "{numbers}", _sum_grad)
_reduction("Mean", "{numbers}", _mean_grad)
_reduction("Prod", "{numbers}", _prod_grad)
_reduction("Max", "{reals}", _extreme_grad)
_reduction("Min", "{reals}", _extreme_grad)
_reduction("All", "bool", None)
_reduction("Any", "bool", None)


def _kept(keepdims: Any) -> bool:
    return keepdims is not None and flag(keepdims, "keepdims")


def _reduce(
    op_type: str,
    input_tensor: Any,
    axis: Any,
    keepdims: Any,
    name: str | None,
    reduction_indices: Any,
    keep_dims: Any,
) -> Tensor:
    axis = deprecated_argument("axis", axis, "reduction_indices", reduction_indices)
    keep = _kept(deprecated_argument("keepdims", keepdims, "keep_dims", keep_dims))
    if axis is not None:
        return apply(op_type, input_tensor, int_argument(axis, "axis"), keep_dims=keep, name=name)
    x = convert_to_tensor(input_tensor, name="input")
    result = apply(op_type, x, _all_axes(x), keep_dims=keep, name=name)
    if not keep:
        result.set_shape(())
    return result


def _all_axes(x: Tensor) -> Tensor:
    n = x.shape.ndims
    return constant(np.arange(n, dtype=np.int32)) if n is not None else range(0, rank(x))


def reduce_sum(
    input_tensor: Any,
    axis: Any = None,
    keepdims: Any = None,
    name: str | None = None,
    reduction_indices: Any = None,
    keep_dims: Any = None,
) -> Tensor:
    """The sum over axes.

    Args:
        input_tensor: A Tensor of a number dtype, or what converts to one.
        axis: A whole number, or a list or vector of dtype int32 or int64; negative: counted from
            the end. None: all axes.
        keepdims: Whether reduced axes are kept with size 1; None: no.
        name: A name for the operation.
        reduction_indices: The old name of axis.
        keep_dims: The old name of keepdims.

    Returns:
        A Tensor of input_tensor's dtype, without the reduced axes.

    Raises:
        TypeError: input_tensor has another dtype, axis holds other things than whole numbers, or
            keepdims is no bool.
        ValueError: An axis is out of range or named twice, or both names of an argument are given.

    Example:
        >>> fc.Session().run(fc.reduce_sum([[1.0, 2.0], [3.0, 4.0]], 0))
        array([4., 6.], dtype=float32)
    """
    return _reduce("Sum", input_tensor, axis, keepdims, name, reduction_indices, keep_dims)


def reduce_mean(
    input_tensor: Any,
    axis: Any = None,
    keepdims: Any = None,
    name: str | None = None,
    reduction_indices: Any = None,
    keep_dims: Any = None,
) -> Tensor:
    """The mean over axes; of integers, whose sum does not wrap, it is cut towards zero.

    Args:
        input_tensor: A Tensor of a number dtype, or what converts to one.
        axis: A whole number, or a list or vector of dtype int32 or int64; negative: counted from
            the end. None: all axes.
        keepdims: Whether reduced axes are kept with size 1; None: no.
        name: A name for the operation.
        reduction_indices: The old name of axis.
        keep_dims: The old name of keepdims.

    Returns:
        A Tensor of input_tensor's dtype, without the reduced axes.

    Raises:
        TypeError: input_tensor has another dtype, axis holds other things than whole numbers, or
            keepdims is no bool.
        ValueError: An axis is out of range or named twice, or both names of an argument are given.

    Example:
        >>> fc.Session().run(fc.reduce_mean([[1.0, 2.0], [3.0, 4.0]], 0))
        array([2., 3.], dtype=float32)
    """
    return _reduce("Mean", input_tensor, axis, keepdims, name, reduction_indices, keep_dims)


def reduce_prod(
    input_tensor: Any,
    axis: Any = None,
    keepdims: Any = None,
    name: str | None = None,
    reduction_indices: Any = None,
    keep_dims: Any = None,
) -> Tensor:
    """The product over axes.

    Args:
        input_tensor: A Tensor of a number dtype, or what converts to one.
        axis: A whole number, or a list or vector of dtype int32 or int64; negative: counted from
            the end. None: all axes.
        keepdims: Whether reduced axes are kept with size 1; None: no.
        name: A name for the operation.
        reduction_indices: The old name of axis.
        keep_dims: The old name of keepdims.

    Returns:
        A Tensor of input_tensor's dtype, without the reduced axes.

    Raises:
        TypeError: input_tensor has another dtype, axis holds other things than whole numbers, or
            keepdims is no bool.
        ValueError: An axis is out of range or named twice, or both names of an argument are given.

    Example:
        >>> fc.Session().run(fc.reduce_prod([[1.0, 2.0], [3.0, 4.0]], 0))
        array([3., 8.], dtype=float32)
    """
    return _reduce("Prod", input_tensor, axis, keepdims, name, reduction_indices, keep_dims)


def reduce_max(
    input_tensor: Any,
    axis: Any = None,
    keepdims: Any = None,
    name: str | None = None,
    reduction_indices: Any = None,
    keep_dims: Any = None,
) -> Tensor:
    """The greatest element over axes; NaN where one is NaN.

    Args:
        input_tensor: A Tensor of a floating or integer dtype, or what converts to one.
        axis: A whole number, or a list or vector of dtype int32 or int64; negative: counted from
            the end. None: all axes.
        keepdims: Whether reduced axes are kept with size 1; None: no.
        name: A name for the operation.
        reduction_indices: The old name of axis.
        keep_dims: The old name of keepdims.

    Returns:
        A Tensor of input_tensor's dtype, without the reduced axes.

    Raises:
        TypeError: input_tensor has another dtype, axis holds other things than whole numbers, or
            keepdims is no bool.
        ValueError: An axis is out of range or named twice, or both names of an argument are given.

    Example:
        >>> fc.Session().run(fc.reduce_max([[1.0, 2.0], [3.0, 4.0]], 0))
        array([3., 4.], dtype=float32)
    """
    return _reduce("Max", input_tensor, axis, keepdims, name, reduction_indices, keep_dims)


def reduce_min(
    input_tensor: Any,
    axis: Any = None,
    keepdims: Any = None,
    name: str | None = None,
    reduction_indices: Any = None,
    keep_dims: Any = None,
) -> Tensor:
    """The least element over axes; NaN where one is NaN.

    Args:
        input_tensor: A Tensor of a floating or integer dtype, or what converts to one.
        axis: A whole number, or a list or vector of dtype int32 or int64; negative: counted from
            the end. None: all axes.
        keepdims: Whether reduced axes are kept with size 1; None: no.
        name: A name for the operation.
        reduction_indices: The old name of axis.
        keep_dims: The old name of keepdims.

    Returns:
        A Tensor of input_tensor's dtype, without the reduced axes.

    Raises:
        TypeError: input_tensor has another dtype, axis holds other things than whole numbers, or
            keepdims is no bool.
        ValueError: An axis is out of range or named twice, or both names of an argument are given.

    Example:
        >>> fc.Session().run(fc.reduce_min([[1.0, 2.0], [3.0, 4.0]], 0))
        array([1., 2.], dtype=float32)
    """
    return _reduce("Min", input_tensor, axis, keepdims, name, reduction_indices, keep_dims)


def reduce_all(
    input_tensor: Any,
    axis: Any = None,
    keepdims: Any = None,
    name: str | None = None,
    reduction_indices: Any = None,
    keep_dims: Any = None,
) -> Tensor:
    """Whether all elements over axes are true.

    Args:
        input_tensor: A Tensor of dtype bool, or what converts to one.
        axis: A whole number, or a list or vector of dtype int32 or int64; negative: counted from
            the end. None: all axes.
        keepdims: Whether reduced axes are kept with size 1; None: no.
        name: A name for the operation.
        reduction_indices: The old name of axis.
        keep_dims: The old name of keepdims.

    Returns:
        A Tensor of dtype bool, without the reduced axes.

    Raises:
        TypeError: input_tensor has another dtype, axis holds other things than whole numbers, or
            keepdims is no bool.
        ValueError: An axis is out of range or named twice, or both names of an argument are given.

    Example:
        >>> fc.Session().run(fc.reduce_all([[True, False], [True, True]], 0))
        array([ True, False])
    """
    return _reduce("All", input_tensor, axis, keepdims, name, reduction_indices, keep_dims)


def reduce_any(
    input_tensor: Any,
    axis: Any = None,
    keepdims: Any = None,
    name: str | None = None,
    reduction_indices: Any = None,
    keep_dims: Any = None,
) -> Tensor:
    """Whether any element over axes is true.

    Args:
        input_tensor: A Tensor of dtype bool, or what converts to one.
        axis: A whole number, or a list or vector of dtype int32 or int64; negative: counted from
            the end. None: all axes.
        keepdims: Whether reduced axes are kept with size 1; None: no.
        name: A name for the operation.
        reduction_indices: The old name of axis.
        keep_dims: The old name of keepdims.

    Returns:
        A Tensor of dtype bool, without the reduced axes.

    Raises:
        TypeError: input_tensor has another dtype, axis holds other things than whole numbers, or
            keepdims is no bool.
        ValueError: An axis is out of range or named twice, or both names of an argument are given.

    Example:
        >>> fc.Session().run(fc.reduce_any([[True, False], [True, False]], 0))
        array([ True, False])
    """
    return _reduce("Any", input_tensor, axis, keepdims, name, reduction_indices, keep_dims)


def reduce_logsumexp(
    input_tensor: Any,
    axis: Any = None,
    keepdims: Any = None,
    name: str | None = None,
    reduction_indices: Any = None,
    keep_dims: Any = None,
) -> Tensor:
    """The logarithm of the sum of exp(x) over axes, without overflow.

    Args:
        input_tensor: A Tensor of a floating dtype, or what converts to one.
        axis: A whole number, or a list or vector of dtype int32 or int64; negative: counted from
            the end. None: all axes.
        keepdims: Whether reduced axes are kept with size 1; None: no.
        name: A name for the operation.
        reduction_indices: The old name of axis.
        keep_dims: The old name of keepdims.

    Returns:
        A Tensor of input_tensor's dtype, without the reduced axes.

    Raises:
        TypeError: input_tensor has another dtype, axis holds other things than whole numbers, or
            keepdims is no bool.
        ValueError: An axis is out of range or named twice, or both names of an argument are given.

    Example:
        >>> fc.Session().run(fc.reduce_logsumexp([[0.0, 0.0], [1.0, 1.0]], 1))
        array([0.693147, 1.693147], dtype=float32)
    """
    axis = deprecated_argument("axis", axis, "reduction_indices", reduction_indices)
    keep = _kept(deprecated_argument("keepdims", keepdims, "keep_dims", keep_dims))
    with name_scope(name, "ReduceLogSumExp", [input_tensor]) as scope:
        x = convert_to_tensor(input_tensor, name="input_tensor")
        raw = reduce_max(x, axis, True)
        top = apply("StopGradient", where(is_finite(raw), raw, apply("ZerosLike", raw)))
        result = log(reduce_sum(exp(x - top), axis, keep))
        return add(result, top if keep else reshape(top, shape(result)), name=scope)


def _arg_shape(op: Operation) -> Any:
    shapes.expect_rank(op, 1, 0)
    source = op.inputs[0].shape
    axis = shapes.axis_of(op.inputs[1], source.ndims, "dimension")
    if source.sizes is None:
        return [UNKNOWN]
    if axis is None:
        return [TensorShape([None] * (len(source.sizes) - 1))]
    return [TensorShape([n for d, n in enumerate(source.sizes) if d != axis])]


for _name in ("ArgMax", "ArgMin"):
    register(
        _name,
        inputs=["input: T", "dimension: Tidx"],
        outputs=["output: output_type"],
        attrs=["T: {reals}", "Tidx: {indices} = int32", "output_type: {indices} = int64"],
        shape=_arg_shape,
        grad=None,
    )


def argmax(
    input: Any,
    axis: Any = None,
    name: str | None = None,
    dimension: Any = None,
    output_type: Any = dtypes.int64,
) -> Tensor:
    """The index of the greatest element along an axis, the first of equals.

    Args:
        input: A Tensor of a floating or integer dtype and a rank of at least 1, or what converts to
            one.
        axis: A whole number or a scalar of dtype int32 or int64; negative: counted from the end;
            None: 0.
        name: A name for the operation.
        dimension: The old name of axis.
        output_type: int32 or int64.

    Returns:
        A Tensor of dtype output_type, without the axis. NaN is passed over; 0 where all are NaN.

    Raises:
        TypeError: A dtype is another.
        ValueError: axis is out of range, or both axis and dimension are given.
        InvalidArgumentError: There is no element along axis (when it runs).

    Example:
        >>> fc.Session().run(fc.argmax([[1, 5, 3], [6, 2, 4]], 1))
        array([1, 0])
    """
    axis = deprecated_argument("axis", axis, "dimension", dimension)
    return apply(
        "ArgMax", input, 0 if axis is None else axis, output_type=dtypes.as_dtype(output_type), name=name
    )


def argmin(
    input: Any,
    axis: Any = None,
    name: str | None = None,
    dimension: Any = None,
    output_type: Any = dtypes.int64,
) -> Tensor:
    """The index of the least element along an axis, the first of equals.

    Args:
        input: A Tensor of a floating or integer dtype and a rank of at least 1, or what converts to
            one.
        axis: A whole number or a scalar of dtype int32 or int64; negative: counted from the end;
            None: 0.
        name: A name for the operation.
        dimension: The old name of axis.
        output_type: int32 or int64.

    Returns:
        A Tensor of dtype output_type, without the axis. NaN is passed over; 0 where all are NaN.

    Raises:
        TypeError: A dtype is another.
        ValueError: axis is out of range, or both axis and dimension are given.
        InvalidArgumentError: There is no element along axis (when it runs).

    Example:
        >>> fc.Session().run(fc.argmin([[1, 5, 3], [6, 2, 4]], 1))
        array([0, 1])
    """
    axis = deprecated_argument("axis", axis, "dimension", dimension)
    return apply(
        "ArgMin", input, 0 if axis is None else axis, output_type=dtypes.as_dtype(output_type), name=name
    )


arg_max, arg_min = argmax, argmin


def _cumsum_grad(op: Operation, g: Any) -> list[Any]:
    return [
        cumsum(g, op.inputs[1], exclusive=op.get_attr("exclusive"), reverse=not op.get_attr("reverse")),
        None,
    ]


def _cumprod_grad(op: Operation, g: Any) -> list[Any]:
    """Before the first zero each product is divided by the element; at the first zero the products
    are formed without it; behind it all are 0.
    """
    x, axis = op.inputs
    if g.dtype.is_integer:
        return [None, None]
    exclusive, reverse = op.get_attr("exclusive"), op.get_attr("reverse")
    zeros, ones = apply("ZerosLike", x), apply("OnesLike", x)
    is_zero = apply("Equal", x, zeros)
    seen = cumsum(cast(is_zero, dtypes.int32), axis, reverse=reverse)
    first = logical_and(is_zero, apply("Equal", seen, 1))
    safe = apply("SelectV2", is_zero, ones, x)
    without_first = apply(
        "Cumprod", apply("SelectV2", first, ones, x), axis, exclusive=exclusive, reverse=reverse
    )

    def sum_behind(products: Tensor) -> Tensor:
        return cumsum(products * g, axis, exclusive=exclusive, reverse=not reverse)

    at_or_behind = apply("SelectV2", first, sum_behind(without_first), zeros)
    return [apply("SelectV2", apply("Equal", seen, 0), sum_behind(op.outputs[0]) / safe, at_or_behind), None]


def _cumulative_shape(op: Operation) -> Any:
    shapes.expect_rank(op, 1, 0)
    return shapes.same(op)


_CUM = ["exclusive: bool = False", "reverse: bool = False", "T: {numbers}", "Tidx: {indices} = int32"]
register(
    "Cumsum",
    inputs=["x: T", "axis: Tidx"],
    outputs=["out: T"],
    attrs=_CUM,
    shape=_cumulative_shape,
    grad=_cumsum_grad,
)
register(
    "Cumprod",
    inputs=["x: T", "axis: Tidx"],
    outputs=["out: T"],
    attrs=_CUM,
    shape=_cumulative_shape,
    grad=_cumprod_grad,
)


def cumsum(
    x: Any, axis: Any = 0, exclusive: bool = False, reverse: bool = False, name: str | None = None
) -> Tensor:
    """Running sums along an axis.

    Args:
        x: A Tensor of a number dtype and a rank of at least 1, or what converts to one.
        axis: A whole number or a scalar of dtype int32 or int64; negative: counted from the end.
        exclusive: Whether each place leaves its own element out.
        reverse: Whether they run from the end.
        name: A name for the operation.

    Returns:
        A Tensor of x's dtype and shape.

    Raises:
        TypeError: x or axis have another dtype.
        InvalidArgumentError: axis is out of range (when it runs).

    Example:
        >>> fc.Session().run(fc.cumsum([1, 2, 3]))
        array([1, 3, 6], dtype=int32)
        >>> fc.Session().run(fc.cumsum([1, 2, 3], exclusive=True))
        array([0, 1, 3], dtype=int32)
    """
    return apply("Cumsum", x, axis, exclusive=exclusive, reverse=reverse, name=name)


def cumprod(
    x: Any, axis: Any = 0, exclusive: bool = False, reverse: bool = False, name: str | None = None
) -> Tensor:
    """Running products along an axis.

    Args:
        x: A Tensor of a number dtype and a rank of at least 1, or what converts to one.
        axis: A whole number or a scalar of dtype int32 or int64; negative: counted from the end.
        exclusive: Whether each place leaves its own element out.
        reverse: Whether they run from the end.
        name: A name for the operation.

    Returns:
        A Tensor of x's dtype and shape.

    Raises:
        TypeError: x or axis have another dtype.
        InvalidArgumentError: axis is out of range (when it runs).

    Example:
        >>> fc.Session().run(fc.cumprod([1, 2, 3]))
        array([1, 2, 6], dtype=int32)
        >>> fc.Session().run(fc.cumprod([1, 2, 3], exclusive=True))
        array([1, 1, 2], dtype=int32)
    """
    return apply("Cumprod", x, axis, exclusive=exclusive, reverse=reverse, name=name)
