"""Elements by their index: gather and the sums that are its gradient, one_hot, unique."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from flowcore import dtypes
from flowcore.arguments import whole_number
from flowcore.graph.apply import apply
from flowcore.graph.constants import constant, constant_value
from flowcore.graph.conversion import convert_to_tensor
from flowcore.graph.op_def import register
from flowcore.graph.operation import IndexedSlices, Operation, Tensor
from flowcore.graph.scopes import name_scope
from flowcore.ops import shapes
from flowcore.ops.casts import cast
from flowcore.ops.filling import fill
from flowcore.ops.filling import range as array_range
from flowcore.ops.joining import concat, stack
from flowcore.ops.layout import transpose
from flowcore.ops.shape_ops import rank, reshape, shape
from flowcore.shape import UNKNOWN, TensorShape

__all__ = ["gather", "one_hot", "unique"]


def _slices_grad(op: Operation, g: Any) -> Any:
    """Rows of the gradient at the indices: the sparse form of what gather's input receives."""
    params, indices = op.inputs[:2]
    dims = shape(params, out_type=dtypes.int64) if params.dtype != dtypes.resource else None
    flat = reshape(indices, [-1])
    inner = params.shape[1:]
    if inner.is_fully_defined():
        values = reshape(g, [-1, *inner.as_list()])
    else:
        values = apply(
            "Reshape",
            g,
            concat([constant([-1]), apply("Slice", shape(params), constant([1]), constant([-1]))], 0),
        )
    return IndexedSlices(values, flat, cast(dims, dtypes.int32) if dims is not None else None)


def _gather_grad(op: Operation, g: Any) -> list[Any]:
    params, indices = op.inputs[:2]
    axis = constant_value(op.inputs[2]) if len(op.inputs) == 3 else np.asarray(0)
    extra = [None] * (len(op.inputs) - 1)
    g = convert_to_tensor(g)
    if axis is not None and int(axis) in (0, -(params.shape.ndims or 0)):
        return [_slices_grad(op, g), *extra]
    # Bring the gathered axis to the front, add up there, and bring it back.
    n, k = params.shape.ndims, indices.shape.ndims
    to_front: Any
    back: Any
    if axis is not None and n is not None and k is not None:
        at = int(axis) % n
        to_front = [*range(at, at + k), *range(at), *range(at + k, n + k - 1)]
        back = [*range(1, at + 1), 0, *range(at + 1, n)]
        length = shape(params)[at]
    else:
        dims, ids = rank(params), rank(indices)
        place = cast(op.inputs[2], dtypes.int32)
        place = (place + dims) % dims
        end = place + ids
        to_front = concat([array_range(place, end), array_range(0, place), array_range(end, rank(g))], 0)
        back = concat([array_range(1, place + 1), [0], array_range(place + 1, dims)], 0)
        length = shape(params)[place]
    total = apply("UnsortedSegmentSum", transpose(g, to_front), indices, length)
    return [transpose(total, back), *extra]


def _gather_shape(op: Operation) -> Any:
    params, indices = op.inputs[0].shape, op.inputs[1].shape
    params = params.with_rank_at_least(1)
    axis: int | None = 0
    if len(op.inputs) == 3:
        shapes.expect_rank(op, 2, 0)
        axis = shapes.axis_of(op.inputs[2], params.ndims)
    if params.sizes is None or indices.sizes is None or axis is None:
        return [UNKNOWN]
    return [TensorShape([*params.sizes[:axis], *indices.sizes, *params.sizes[axis + 1 :]])]


def _gather_value(op: Operation) -> list[Any]:
    params, indices, axis = (constant_value(t) for t in op.inputs)
    if params is None or indices is None or axis is None or params.size > 64 or not indices.size:
        return [None]
    if indices.min() < 0 or indices.max() >= params.shape[int(axis)]:
        return [None]  # the run says which index is out of range
    return [params.take(indices, int(axis))]


register(
    "GatherV2",
    inputs=["params: Tparams", "indices: Tindices", "axis: Taxis"],
    outputs=["output: Tparams"],
    attrs=["batch_dims: int = 0", "Tparams: type", "Tindices: {indices}", "Taxis: {indices}"],
    shape=_gather_shape,
    grad=_gather_grad,
    value=_gather_value,
)


register(
    "Gather",
    inputs=["params: Tparams", "indices: Tindices"],
    outputs=["output: Tparams"],
    attrs=["validate_indices: bool = True", "Tparams: type", "Tindices: {indices}"],
    shape=_gather_shape,
    grad=_gather_grad,
)


def gather(
    params: Any,
    indices: Any,
    validate_indices: Any = None,
    name: str | None = None,
    axis: Any = None,
    batch_dims: int = 0,
) -> Tensor:
    """Slices of a tensor at given places along an axis.

    Args:
        params: A Tensor or variable of any dtype and a rank of at least 1, or what converts to one.
        indices: A Tensor of dtype int32 or int64 and any shape, or what converts to one.
        validate_indices: Not used: indices are always checked.
        name: A name for the operation.
        axis: The axis of params, a whole number; None: 0.
        batch_dims: 0.

    Returns:
        A Tensor of params' dtype; the shape of indices stands in place of the axis.

    Raises:
        TypeError: indices or axis have another dtype.
        ValueError: axis is out of range, or params is a scalar.
        NotImplementedError: batch_dims is not 0.
        InvalidArgumentError: An index is out of range (when it runs).

    Example:
        >>> fc.Session().run(fc.gather([10, 20, 30], [2, 0]))
        array([30, 10], dtype=int32)
    """
    if whole_number(batch_dims, "batch_dims"):
        raise NotImplementedError("gather with batch_dims is not there yet")
    read = getattr(params, "sparse_read", None)
    if read is not None and (axis is None or (isinstance(axis, int) and axis == 0)):
        return read(indices, name=name)
    return apply("GatherV2", params, indices, 0 if axis is None else axis, name=name)


def _segment_shape(op: Operation) -> Any:
    shapes.expect_rank(op, 2, 0)
    data, ids, count = op.inputs[0].shape, op.inputs[1].shape, constant_value(op.inputs[2])
    if data.sizes is None or ids.sizes is None:
        return [UNKNOWN]
    data[: len(ids.sizes)].assert_is_compatible_with(ids)
    return [TensorShape([None if count is None or count < 0 else int(count), *data.sizes[len(ids.sizes) :]])]


def _segment_grad(op: Operation, g: Any) -> list[Any]:
    ids = op.inputs[1]
    zero = apply("ZerosLike", ids)
    rows = apply("GatherV2", g, apply("Maximum", ids, zero), 0)
    kept = apply("GreaterEqual", ids, zero)
    data, known = op.inputs[0].shape.ndims, ids.shape.ndims
    inner = apply("Sub", rank(op.inputs[0]), rank(ids)) if data is None or known is None else data - known
    kept = apply("Reshape", kept, concat([shape(ids), fill(stack([inner]), 1)], 0))
    return [apply("SelectV2", kept, rows, apply("ZerosLike", rows)), None, None]


register(
    "UnsortedSegmentSum",
    inputs=["data: T", "segment_ids: Tindices", "num_segments: Tnumsegments"],
    outputs=["output: T"],
    attrs=["T: {numbers}", "Tindices: {indices}", "Tnumsegments: {indices} = int32"],
    shape=_segment_shape,
    grad=_segment_grad,
)


def _one_hot_shape(op: Operation) -> Any:
    for i in (1, 2, 3):
        shapes.expect_rank(op, i, 0)
    indices, depth, axis = op.inputs[0].shape, constant_value(op.inputs[1]), op.get_attr("axis")
    if depth is not None and depth < 0:
        raise ValueError(f"depth must be non-negative, got: {int(depth)}")
    if indices.sizes is None:
        return [UNKNOWN]
    n = len(indices.sizes) + 1
    if not -n <= axis < n:
        raise ValueError(f"axis = {axis} is not in [{-n}, {n})")
    at = axis % n
    return [TensorShape([*indices.sizes[:at], None if depth is None else int(depth), *indices.sizes[at:]])]


register(
    "OneHot",
    inputs=["indices: TI", "depth: int32", "on_value: T", "off_value: T"],
    outputs=["output: T"],
    attrs=["axis: int = -1", "T: type", "TI: {uint8, int32, int64} = int64"],
    shape=_one_hot_shape,
    grad=None,
)


def one_hot(
    indices: Any,
    depth: Any,
    on_value: Any = None,
    off_value: Any = None,
    axis: Any = None,
    dtype: Any = None,
    name: str | None = None,
) -> Tensor:
    """Vectors with one element on: that at each index.

    Args:
        indices: A Tensor of dtype uint8, int32 or int64 and any shape, or what converts to one. One
            out of range turns nothing on.
        depth: The size of the new axis, a whole number of at least 0 or a scalar int32 Tensor.
        on_value: The value at the index, a scalar; None: 1.
        off_value: The value elsewhere, a scalar; None: 0.
        axis: Where the new axis stands; None: last.
        dtype: The dtype of the result; None: that of on_value or off_value, else float32.
        name: A name for the operation.

    Returns:
        A Tensor of dtype, with the shape of indices and one more dimension.

    Raises:
        TypeError: indices have another dtype, or a value does not fit dtype.
        ValueError: axis is out of range, or depth below 0.

    Example:
        >>> fc.Session().run(fc.one_hot([0, 2], 3))
        array([[1., 0., 0.],
               [0., 0., 1.]], dtype=float32)
    """
    with name_scope(name, "one_hot", [indices, depth]) as scope:
        given = next((v for v in (on_value, off_value) if v is not None), None)
        kind = (
            dtypes.as_dtype(dtype)
            if dtype is not None
            else convert_to_tensor(given).dtype
            if given is not None
            else dtypes.float32
        )
        on = convert_to_tensor(1 if on_value is None else on_value, dtype=kind, name="on_value")
        off = convert_to_tensor(0 if off_value is None else off_value, dtype=kind, name="off_value")
        return apply("OneHot", indices, depth, on, off, axis=-1 if axis is None else axis, name=scope)


register(
    "Unique",
    inputs=["x: T"],
    outputs=["y: T", "idx: out_idx"],
    attrs=["T: type", "out_idx: {indices} = int32"],
    shape=lambda op: [TensorShape([None]), op.inputs[0].shape.with_rank(1)],
    grad=None,
)


class Unique(NamedTuple):
    """What `unique` returns."""

    y: Tensor
    idx: Tensor


def unique(x: Any, out_idx: Any = dtypes.int32, name: str | None = None) -> Unique:
    """The distinct elements of a vector, in the order of their first appearance.

    Args:
        x: A vector of any dtype, or what converts to one.
        out_idx: The dtype of the places, int32 or int64.
        name: A name for the operation.

    Returns:
        A named tuple of two Tensors: y, a vector of x's dtype, and idx, which says where each
        element of x is in y.

    Raises:
        TypeError: out_idx is another dtype.
        ValueError: x is no vector.

    Example:
        >>> y, idx = fc.Session().run(fc.unique([5, 7, 5]))
        >>> y.tolist(), idx.tolist()
        ([5, 7], [0, 1, 0])
    """
    return Unique(*apply("Unique", x, out_idx=dtypes.as_dtype(out_idx), name=name))
