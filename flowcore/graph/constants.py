"""Constants: making Const nodes, and what is known of a tensor's value while the graph is built.

Owns: the Const op, `constant`, `constant_value`, `constant_value_as_shape`. Must never import ops.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from flowcore import dtypes
from flowcore.arguments import as_bytes, described, flag
from flowcore.dtypes import DType, as_dtype
from flowcore.graph.graph import get_default_graph
from flowcore.graph.op_def import get_op_def, register
from flowcore.graph.operation import IndexedSlices, Operation, Tensor
from flowcore.shape import MAX_RANK, TensorShape, as_shape, checked_rank

__all__ = ["constant"]

#: A constant that a shape fills: TensorFlow's limit for one too.
MAX_FILLED_BYTES = 2**31

register(
    "Const",
    outputs=["output: dtype"],
    attrs=["value: tensor", "dtype: type"],
    shape=lambda op: [TensorShape(op.get_attr("value").shape)],
    value=lambda op: [op.get_attr("value")],
    grad=None,
)


def make_array(value: Any, dtype: DType | None = None) -> np.ndarray:
    """A NumPy array for a constant: Python floats become float32, integers int32 where they fit
    (int64 otherwise).

    Raises TypeError when the value is no number, text or nested list of these, or does not fit
    `dtype`, ValueError when it is None or ragged.
    """
    if value is None:
        raise ValueError("None values not supported: a tensor needs a value")
    if isinstance(value, (np.ndarray, np.generic)):
        array = np.asarray(value)
        if dtype is None:
            dtype = as_dtype(array.dtype) if array.dtype != object else _dtype_of_objects(array)
    else:
        array = array_of(value)
        if dtype is None:
            dtype = _python_dtype(array, value)
    if array.ndim > MAX_RANK:
        raise ValueError(f"A tensor has at most {MAX_RANK} dimensions, found {array.ndim}")
    return _converted(array, value, dtype)


def array_of(value: Any) -> np.ndarray:
    """An array of a number, text, or nested list.

    Raises ValueError for rows that differ in length, TypeError for what NumPy cannot take.
    """
    first = value
    while isinstance(first, (list, tuple)) and first:
        first = first[0]
    try:
        # NumPy's own text types drop NULs at the end, and mix bytes with text as ASCII only.
        if isinstance(first, (str, bytes)):
            return np.asarray(value, object)
        array = np.asarray(value)
        # of numbers and texts NumPy makes texts
        return np.asarray(value, object) if array.dtype.kind in "SU" and first is not value else array
    except ValueError as error:
        raise ValueError(
            f"Cannot make a tensor of {described(value)}: its rows differ in length, or they nest too deep"
            f" ({error})"
        ) from None
    except (OverflowError, RecursionError) as error:
        raise TypeError(f"Cannot make a tensor of {described(value)}: {error}") from None


def _python_dtype(array: np.ndarray, value: Any) -> DType:
    kind = array.dtype.kind
    if kind == "f" and array.dtype == np.float64:
        return dtypes.float32
    if kind in "iu":
        info = np.iinfo(np.int32)
        return (
            dtypes.int32
            if not array.size or (array.min() >= info.min and array.max() <= info.max)
            else as_dtype(array.dtype)
        )
    if kind == "O":
        return _dtype_of_objects(array, value)
    return as_dtype(array.dtype)


def _dtype_of_objects(array: np.ndarray, value: Any = None) -> DType:
    if all(isinstance(item, (bytes, str)) for item in array.ravel()):
        return dtypes.string
    raise TypeError(
        f"Cannot make a tensor of {described(array if value is None else value)}: it holds objects that are"
        " neither numbers nor text"
    )


def _converted(array: np.ndarray, value: Any, dtype: DType) -> np.ndarray:
    if dtype == dtypes.string:
        if array.size and (
            array.dtype.kind not in "SUO" or not all(isinstance(v, (bytes, str)) for v in array.ravel())
        ):
            raise TypeError(f"Expected string, found {described(value)} instead.")
        result = np.empty(array.size, object)
        result[:] = [as_bytes(v, "a string tensor") for v in array.ravel()]
        return result.reshape(array.shape)
    target = np.dtype(dtype.as_numpy_dtype)
    if array.dtype == target:
        return array
    kind = array.dtype.kind
    if isinstance(value, (np.ndarray, np.generic)) and _keeps(array, target):
        return array.astype(target)
    wrong = (
        kind in "SUOMm"
        or array.dtype.names is not None
        or (kind == "c" and not dtype.is_complex)
        or (kind == "f" and (dtype.is_integer or dtype.is_bool))
    )
    wrong = wrong or (kind == "b") != dtype.is_bool
    if not wrong and dtype.is_integer and array.size:
        wrong = bool(array.min() < dtype.min or array.max() > dtype.max)
    if wrong and array.size:
        advice = (
            " Use flowcore.cast(tensor, flowcore.float32) where it meets an integer tensor, or astype on the"
            " value."
            if kind == "f" and dtype.is_integer
            else ""
        )
        raise TypeError(
            f"Expected {dtype.name}, found {described(value)} of type '{array.dtype.name}' instead.{advice}"
        )
    with np.errstate(over="ignore"):  # 1e300 is infinite in float32, as it is where it is computed
        return array.astype(target)


def _keeps(array: np.ndarray, target: np.dtype) -> bool:
    """Whether the values of a NumPy array of truth values, integers or floats are values of `target`.

    Unlike Python's numbers, arrays are often of another dtype for no reason.
    """
    if array.dtype.kind not in "biuf" or target.kind not in "iufc":
        return False
    with np.errstate(invalid="ignore", over="ignore"):
        return bool(np.array_equal(array, array.astype(target)))


def constant(
    value: Any, dtype: Any = None, shape: Any = None, name: str = "Const", verify_shape: bool = False
) -> Tensor:
    """A Tensor with a fixed value.

    Args:
        value: A number, text, nested list or NumPy array.
        dtype: The dtype; None: float32 for Python floats, int32 for integers, an array's own.
        shape: The shape; a single value fills it, and a shorter list is continued with its last
            element. None: the value's.
        name: The name of the node.
        verify_shape: Whether a value whose shape is not `shape` is refused instead.

    Returns:
        A Tensor.

    Raises:
        TypeError: the value does not fit dtype, or with verify_shape not shape.
        ValueError: the value is too long for shape, a ragged list, or has more than 64 dimensions.

    Example:
        >>> fc.Session().run(fc.constant(7.0, shape=[2, 2]))
        array([[7., 7.],
               [7., 7.]], dtype=float32)
    """
    array = make_array(value, None if dtype is None else as_dtype(dtype))
    if shape is not None:
        array = _fill(array, checked_rank(as_shape(shape)).as_list(), flag(verify_shape, "verify_shape"))
    return constant_node(array, name)


def _fill(array: np.ndarray, dims: Sequence[int | None], verify: bool) -> np.ndarray:
    if None in dims:
        raise ValueError(f"The shape of a constant must be fully known, found {dims}")
    size = math.prod(d or 0 for d in dims)
    if size * array.itemsize > MAX_FILLED_BYTES:
        raise ValueError(
            f"shape {list(dims)} is too large for a constant: {size} elements of {array.dtype} are more than"
            " 2 GiB; flowcore.fill makes its value when the graph runs"
        )
    if verify and list(array.shape) != list(dims):
        raise TypeError(f"Expected a value of shape {list(dims)}, found shape {list(array.shape)}")
    if size == 0:
        return np.zeros([d or 0 for d in dims], array.dtype)
    if array.size > size:
        raise ValueError(
            f"Too many elements for a constant of shape {list(dims)}: it takes {size}, found {array.size}"
        )
    if array.size == size:
        return array.reshape([d or 0 for d in dims])
    if not array.size:
        raise ValueError(f"A constant of shape {list(dims)} cannot be filled from no elements")
    flat = array.ravel()
    return np.concatenate([flat, np.full(size - flat.size, flat[-1], flat.dtype)]).reshape(
        [d or 0 for d in dims]
    )


def constant_node(array: np.ndarray, name: str) -> Tensor:
    """A Const node for an array of a supported dtype.

    The array is taken over: made read-only, copied where other code may write to it.
    """
    if array.flags.writeable or not array.flags.c_contiguous:
        array = np.array(array, order="C")
        array.flags.writeable = False
    op = get_default_graph().create_op(
        "Const", (), name=name, attrs={"value": array, "dtype": as_dtype(array.dtype)}, op_def=_CONST
    )
    return op.outputs[0]


_CONST = get_op_def("Const")


def detached_constant(array: np.ndarray, op: Operation) -> Tensor:
    """A Const node outside any graph that stands for `op`, with its name and place.

    The array is taken over, and must not change any more.
    """
    const = Operation(
        op.graph,
        _CONST,
        op.name,
        (),
        {"value": array, "dtype": as_dtype(array.dtype)},
        [as_dtype(array.dtype)],
    )
    const._place = op._place
    const.outputs[0]._shape = TensorShape(array.shape)
    return const.outputs[0]


def constant_value(tensor: Any) -> Any:
    """The value of `tensor` where it is known without running the graph, else None.

    It belongs to the graph: a caller must not change it.
    """
    if not isinstance(tensor, Tensor):
        return np.asarray(tensor)
    op = tensor.op
    if op._values is not None:
        return op._values[tensor.value_index] if op._values else None
    if op._op_def.value is None:
        return None
    return _evaluate(op)[tensor.value_index]


def _evaluate(op: Operation) -> Sequence[Any]:
    """The values of the outputs of `op`, inputs first: iterative, because chains may be long.

    What is not known is asked again the next time: a later set_shape may make it known.
    """
    unknown: list[Operation] = []
    stack = [op]
    while stack:
        current = stack[-1]
        if current._values is not None:
            stack.pop()
            continue
        function = current._op_def.value
        waiting = (
            [t.op for t in current._inputs if t.op._values is None]
            if function is not None and not current._op_def.from_shapes
            else []
        )
        if waiting:
            stack += waiting
            continue
        stack.pop()
        result = tuple(function(current)) if function is not None else ()
        current._values = result
        if function is not None and any(v is None for v in result):
            unknown.append(current)
    values = op._values
    assert values is not None
    for current in unknown:
        current._values = None
    return values


def constant_value_as_shape(tensor: Tensor) -> TensorShape:
    """The shape that an integer vector stands for, known as far as its parts are known (-1: unknown)."""
    value = constant_value(tensor)
    if value is not None:
        if value.ndim != 1:
            raise ValueError(f"A shape must be a vector, found a value of shape {value.shape}")
        return TensorShape([None if d < 0 else int(d) for d in value])
    known = tensor.shape.with_rank(1)[0].value
    op = tensor.op
    if op.type == "Shape":
        return op.inputs[0].shape
    if op.type == "Pack" and op.get_attr("axis") == 0:
        parts = [constant_value(t) for t in op.inputs]
        return TensorShape([None if p is None or p.ndim or p < 0 else int(p) for p in parts])
    if op.type == "ConcatV2" and constant_value(op.inputs[-1]) is not None:
        result = TensorShape(())
        for part in op.inputs[:-1]:
            result = result.concatenate(constant_value_as_shape(part))
        return result
    if op.type == "Cast":
        return constant_value_as_shape(op.inputs[0])
    if op.type == "StridedSlice":
        found = _slice_of_shape(op)
        if found is not None:
            return found
    return TensorShape([None] * known) if known is not None else TensorShape(None)


def _whole_shape(slices: IndexedSlices) -> TensorShape:
    """What is known of the shape of the whole tensor."""
    dense = slices.dense_shape
    return TensorShape(None) if dense is None else constant_value_as_shape(dense)


IndexedSlices.shape = property(_whole_shape)  # type: ignore[method-assign, assignment]


def _slice_of_shape(op: Operation) -> TensorShape | None:
    begin, end, strides = (constant_value(t) for t in op.inputs[1:4])
    masks = [op.get_attr(f"{m}_mask") for m in ("begin", "end", "ellipsis", "new_axis", "shrink_axis")]
    if begin is None or end is None or strides is None or begin.size != 1 or any(masks[2:]):
        return None
    source = constant_value_as_shape(op.inputs[0])
    if source.ndims is None:
        return None
    return source[
        slice(None if masks[0] & 1 else int(begin[0]), None if masks[1] & 1 else int(end[0]), int(strides[0]))
    ]
