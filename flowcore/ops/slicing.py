"""Slices: Slice, StridedSlice and Tensor's indexing."""

from __future__ import annotations

from typing import Any

import numpy as np

from flowcore import dtypes
from flowcore.arguments import described, whole_number
from flowcore.graph.apply import apply
from flowcore.graph.constants import constant_value, constant_value_as_shape
from flowcore.graph.conversion import convert_to_tensor
from flowcore.graph.op_def import register
from flowcore.graph.operation import Operation, Tensor
from flowcore.graph.scopes import name_scope
from flowcore.ops.casts import cast
from flowcore.ops.conversions import int_tensor
from flowcore.ops.filling import ones_like
from flowcore.ops.joining import stack
from flowcore.ops.shape_ops import shape
from flowcore.shape import UNKNOWN, Dimension, TensorShape

__all__ = ["newaxis", "slice", "strided_slice"]

newaxis = None
_slice = slice
_MASK_BITS = 64
_MASKS = ("begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask", "shrink_axis_mask")


def _slice_shape(op: Operation) -> Any:
    source = op.inputs[0].shape
    begin, size = constant_value(op.inputs[1]), constant_value(op.inputs[2])
    length = next((len(v) for v in (begin, size) if v is not None), op.inputs[1].shape.with_rank(1)[0].value)
    if length is not None:
        source = source.with_rank(length)
    if source.sizes is None:
        return [UNKNOWN]
    if size is None:
        return [TensorShape([None] * len(source.sizes))]
    result: list[int | None] = []
    for d, (n, s) in enumerate(zip(source.sizes, size.tolist(), strict=True)):
        start = None if begin is None else int(begin[d])
        if s < -1 or (start is not None and start < 0):
            raise ValueError(
                f"begin and size must be at least 0 (size -1: to the end), found {start} and {s} for"
                f" dimension {d}"
            )
        if n is not None and start is not None and (start > n or (s >= 0 and start + s > n)):
            raise ValueError(f"a slice from {start} of size {s} does not fit into dimension {d} of {source}")
        result.append(s if s >= 0 else None if n is None or start is None else n - start)
    return [TensorShape(result)]


def _slice_grad(op: Operation, g: Any) -> list[Any]:
    x, begin = op.inputs[:2]
    dims, before = cast(shape(x), begin.dtype), begin
    after = dims - cast(shape(op.outputs[0]), begin.dtype) - before
    return [apply("Pad", g, stack([before, after], axis=1)), None, None]


@register(
    "Slice",
    inputs=["input: T", "begin: Index", "size: Index"],
    outputs=["output: T"],
    attrs=["T: type", "Index: {indices}"],
    shape=_slice_shape,
    grad=_slice_grad,
)
def slice(input_: Any, begin: Any, size: Any, name: str | None = None) -> Tensor:
    """The part of a tensor that begins at one place and has a given shape.

    Args:
        input_: A Tensor of any dtype and shape, or what converts to one.
        begin: The first element along each dimension: a list or vector of dtype int32 or int64.
        size: How many along each dimension, likewise; -1: all that are left.
        name: A name for the operation.

    Returns:
        A Tensor of input_'s dtype.

    Raises:
        TypeError: begin or size hold other things than whole numbers.
        ValueError: The part does not lie within input_, or a length is not its rank.
        InvalidArgumentError: The same, where it is not known before it runs.

    Example:
        >>> fc.Session().run(fc.slice([1, 2, 3, 4], [1], [2]))
        array([2, 3], dtype=int32)
    """
    with name_scope(name, "Slice", [input_, begin, size]) as scope:
        return apply(
            "Slice", input_, *_alike(int_tensor(begin, "begin"), int_tensor(size, "size")), name=scope
        )


def _alike(*tensors: Tensor) -> tuple[Tensor, ...]:
    """All int64 where one is."""
    return tuple(cast(t, dtypes.int64) for t in tensors) if len({t.dtype for t in tensors}) > 1 else tensors


def _resolve(op: Operation, source: TensorShape, first: int) -> list[tuple[str, int | None, Any]] | None:
    """The spec per result axis: ("keep", input axis, slice or None), ("new", None, None), ("drop",
    axis, index).
    """
    parts = [constant_value(t) for t in op.inputs[first : first + 3]]
    if len({p.shape for p in parts if p is not None}) > 1 or any(
        p is not None and p.ndim != 1 for p in parts
    ):
        raise ValueError("begin, end and strides must be vectors of one length")
    count = next((len(p) for p in parts if p is not None), None)
    masks = {m: op.get_attr(m) % 2**_MASK_BITS for m in _MASKS}  # without a sign
    if masks["ellipsis_mask"] & (masks["ellipsis_mask"] - 1):
        raise ValueError("Multiple ellipses in slice spec not allowed")
    if count is not None and count > _MASK_BITS:
        raise ValueError(f"begin, end and strides have at most {_MASK_BITS} entries, found {count}")
    if count is None or source.sizes is None:
        return None
    begin, end, step = parts
    consumed = sum(1 for i in range(count) if not (masks["ellipsis_mask"] | masks["new_axis_mask"]) >> i & 1)
    if consumed > len(source.sizes):
        raise ValueError(
            f"Index out of range using input dim {consumed - 1}; input has only {len(source.sizes)} dims"
        )
    result: list[tuple[str, int | None, Any]] = []
    axis = 0
    for i in range(count):
        if masks["ellipsis_mask"] >> i & 1:
            for _ in range(len(source.sizes) - consumed):
                result.append(("keep", axis, _slice(None)))
                axis += 1
        elif masks["new_axis_mask"] >> i & 1:
            result.append(("new", None, None))
        elif masks["shrink_axis_mask"] >> i & 1:
            result.append(("drop", axis, None if begin is None else int(begin[i])))
            axis += 1
        else:
            from_known = masks["begin_mask"] >> i & 1 or begin is not None
            to_known = masks["end_mask"] >> i & 1 or end is not None
            if step is not None and step[i] == 0:
                raise ValueError(f"strides[{i}] must be non-zero")
            if from_known and to_known and step is not None:
                low = None if masks["begin_mask"] >> i & 1 else int(begin[i])
                high = None if masks["end_mask"] >> i & 1 else int(end[i])
                result.append(("keep", axis, _slice(low, high, int(step[i]))))
            else:
                result.append(("keep", axis, None))
            axis += 1
    result += [("keep", d, _slice(None)) for d in range(axis, len(source.sizes))]
    return result


def _strided_shape(op: Operation) -> Any:
    source = op.inputs[0].shape
    spec = _resolve(op, source, 1)
    if spec is None:
        return [UNKNOWN]
    result: list[int | None] = []
    for kind, axis, part in spec:
        if kind == "new":
            result.append(1)
            continue
        n = source.sizes[axis] if source.sizes is not None and axis is not None else None
        if kind == "drop":
            if n is not None and part is not None and not -n <= part < n:
                raise ValueError(f"slice index {part} of dimension {axis} out of bounds (its size is {n})")
        elif part is not None and part == _slice(None):
            result.append(n)
        else:
            result.append(None if n is None or part is None else len(range(*part.indices(n))))
    return [TensorShape(result)]


def _strided_value(op: Operation) -> list[Any]:
    value = constant_value(op.inputs[0])
    if value is None and op.inputs[0].op.type != "Const":
        partial = _partial_shape_element(op)
        if partial is not None:
            return [partial]
    if value is None or value.size > 64:
        return [None]
    spec = _resolve(op, TensorShape(value.shape), 1)
    if spec is None or any(kind != "new" and part is None for kind, _, part in spec):
        return [None]
    index = tuple(None if kind == "new" else part for kind, _, part in spec)
    try:
        return [np.asarray(value[index])]
    except IndexError:
        return [None]


def _partial_shape_element(op: Operation) -> Any:
    """x.shape[i] where only that size is known."""
    source = op.inputs[0]
    if (
        source.shape.ndims != 1
        or not source.dtype.is_integer
        or source.op.type not in ("Shape", "Pack", "ConcatV2")
    ):
        return None
    spec = _resolve(op, TensorShape([source.shape[0].value]), 1)
    sizes = constant_value_as_shape(source).sizes
    if spec is None or len(spec) != 1 or sizes is None or spec[0][2] is None:
        return None
    kind, _, part = spec[0]
    found = (
        sizes[part] if -len(sizes) <= (part if kind == "drop" else 0) < len(sizes) or kind != "drop" else None
    )
    if kind == "drop":
        return None if found is None else np.asarray(found, source.dtype.as_numpy_dtype)
    return None if found is None or None in found else np.array(found, source.dtype.as_numpy_dtype)


def _masks(op: Operation) -> dict[str, Any]:
    return {m: op.get_attr(m) for m in _MASKS}


def _strided_grad(op: Operation, g: Any) -> list[Any]:
    x, begin, end, strides = op.inputs
    return [
        apply("StridedSliceGrad", shape(x, out_type=begin.dtype), begin, end, strides, g, **_masks(op)),
        None,
        None,
        None,
    ]


_MASK_ATTRS = [f"{m}: int = 0" for m in _MASKS]
register(
    "StridedSlice",
    inputs=["input: T", "begin: Index", "end: Index", "strides: Index"],
    outputs=["output: T"],
    attrs=["T: type", "Index: {indices}", *_MASK_ATTRS],
    shape=_strided_shape,
    value=_strided_value,
    grad=_strided_grad,
)


def _strided_grad_grad(op: Operation, g: Any) -> list[Any]:
    begin, end, strides = op.inputs[1:4]
    return [None, None, None, None, apply("StridedSlice", g, begin, end, strides, **_masks(op))]


register(
    "StridedSliceGrad",
    inputs=["shape: Index", "begin: Index", "end: Index", "strides: Index", "dy: T"],
    outputs=["output: T"],
    attrs=["T: type", "Index: {indices}", *_MASK_ATTRS],
    shape=lambda op: [constant_value_as_shape(op.inputs[0])],
    grad=_strided_grad_grad,
)


def strided_slice(
    input_: Any,
    begin: Any,
    end: Any,
    strides: Any = None,
    begin_mask: int = 0,
    end_mask: int = 0,
    ellipsis_mask: int = 0,
    new_axis_mask: int = 0,
    shrink_axis_mask: int = 0,
    var: Any = None,
    name: str | None = None,
) -> Tensor:
    """input_[begin:end:strides] along each dimension; what indexing a Tensor makes.

    Args:
        input_: A Tensor of any dtype and shape, or what converts to one.
        begin: The first element of entry i: a list or vector of dtype int32 or int64; negative:
            from the end.
        end: The end of entry i, not included, likewise.
        strides: The step of entry i, likewise; None: 1.
        begin_mask: Where bit i is set, entry i begins where its dimension does.
        end_mask: Where bit i is set, entry i ends where its dimension does.
        ellipsis_mask: Where bit i is set, entry i stands for all dimensions that have no entry.
        new_axis_mask: Where bit i is set, entry i is a new dimension of size 1.
        shrink_axis_mask: Where bit i is set, entry i is the element at begin, and its dimension
            goes.
        var: Must be None: there is no assignment to a slice of a variable.
        name: A name for the operation.

    Returns:
        A Tensor of input_'s dtype.

    Raises:
        TypeError: begin, end or strides hold other things than whole numbers.
        ValueError: They differ in length, there are more entries than dimensions, a step is 0, an
            element is out of range, two entries are ellipses, or var is given.

    Example:
        >>> fc.Session().run(fc.strided_slice([1, 2, 3, 4], [0], [4], [2]))
        array([1, 3], dtype=int32)
    """
    if var is not None:
        raise ValueError(
            f"var must be None, found {described(var)}: a slice of a variable cannot be assigned to; use"
            " scatter_update, or assign the whole"
        )
    masks: dict[str, Any] = dict(
        zip(_MASKS, (begin_mask, end_mask, ellipsis_mask, new_axis_mask, shrink_axis_mask), strict=True)
    )
    with name_scope(name, "StridedSlice", [input_, begin, end]) as scope:
        begin, end = int_tensor(begin, "begin"), int_tensor(end, "end")
        strides = ones_like(begin) if strides is None else int_tensor(strides, "strides")
        return apply("StridedSlice", input_, *_alike(begin, end, strides), name=scope, **masks)


def _getitem(tensor: Tensor, key: Any) -> Tensor:
    """Indexing: numbers, scalar tensors, slices with steps, `...` and None (a new axis)."""
    if isinstance(key, (Tensor, np.ndarray)) and key.dtype in (
        dtypes.bool,
        dtypes.bool._as_ref,
        np.dtype(bool),
    ):
        raise TypeError("a tensor cannot be indexed by a mask; use flowcore.where or flowcore.gather")
    keys = key if isinstance(key, tuple) else (key,)
    if len(keys) > _MASK_BITS:
        raise ValueError(
            f"an index has at most {_MASK_BITS} entries, found {len(keys)}: index with the first of them, and"
            " what that gives with the others"
        )
    masks: dict[str, Any] = dict.fromkeys(_MASKS, 0)
    begin: list[Any] = []
    end: list[Any] = []
    strides: list[Any] = []
    for i, part in enumerate(keys):
        bit = 1 << i
        low: Any = 0
        high: Any = 0
        step: Any = 1
        if part is Ellipsis:
            masks["ellipsis_mask"] |= bit
        elif part is None:
            masks["new_axis_mask"] |= bit
        elif isinstance(part, _slice):
            step = 1 if part.step is None else _bound(part.step)
            if part.start is None:
                masks["begin_mask"] |= bit
            else:
                low = _bound(part.start)
            if part.stop is None:
                masks["end_mask"] |= bit
            else:
                high = _bound(part.stop)
        else:
            masks["shrink_axis_mask"] |= bit
            low = _bound(part)
            high = low + 1
        begin.append(low)
        end.append(high)
        strides.append(step)
    with name_scope(None, "strided_slice", [tensor]) as scope:
        kind = dtypes.int64 if any(map(_needs_64_bits, (*begin, *end, *strides))) else dtypes.int32
        masks = {m: mask - 2**_MASK_BITS if mask >> (_MASK_BITS - 1) else mask for m, mask in masks.items()}
        return apply(
            "StridedSlice", tensor, *(_vector(v, kind) for v in (begin, end, strides)), name=scope, **masks
        )


def _bound(value: Any) -> Any:
    if isinstance(value, Dimension):
        value = value.value
    if isinstance(value, Tensor):
        if value.dtype.base_dtype not in (dtypes.int32, dtypes.int64) or value.shape.ndims not in (0, None):
            raise TypeError(f"an index must be a scalar of int32 or int64, found {value}")
        return value
    if isinstance(value, (bool, np.bool_)) or not hasattr(value, "__index__"):
        as_tensor = getattr(value, "value", None)
        if callable(as_tensor):  # a variable
            return _bound(as_tensor())
        raise TypeError(
            f"a tensor is indexed by integers, slices, `...`, None and integer tensors, found {value!r}"
        )
    return whole_number(value, "an index")


def _needs_64_bits(bound: Any) -> bool:
    return (
        bound.dtype.base_dtype == dtypes.int64 if isinstance(bound, Tensor) else not -(2**31) <= bound < 2**31
    )


def _vector(values: list[Any], kind: dtypes.DType) -> Tensor:
    parts = [cast(v, kind) if isinstance(v, Tensor) else v for v in values]
    return convert_to_tensor(parts, kind, name="stack")


Tensor._override_operator("__getitem__", _getitem)
