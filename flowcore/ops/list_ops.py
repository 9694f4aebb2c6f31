"""Lists of tensors as values of dtype variant: what TensorArray is made of.

An op that writes gives a new list; at run time it is the same memory where nothing else reads the old
one. No gradient here reads more of a list than its length and shapes, so that a loop of n writes and
its gradient cost n steps.

With `_strict`, which TensorArray sets, an element is written once and read when it is there; a list's
elements that were not written are zeros. With `_alike` all elements have one shape, which the first that
is written tells.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flowcore import dtypes
from flowcore.graph.apply import apply
from flowcore.graph.constants import constant_value, constant_value_as_shape
from flowcore.graph.conversion import convert_to_tensor
from flowcore.graph.op_def import register
from flowcore.graph.operation import Operation, Tensor
from flowcore.ops import shapes
from flowcore.ops.filling import zeros, zeros_like
from flowcore.ops.gathering import unique
from flowcore.ops.joining import concat
from flowcore.ops.shape_ops import shape, size
from flowcore.shape import SCALAR, UNKNOWN, TensorShape, as_shape

__all__: list[str] = []

Shapes = list[TensorShape]


def _known_shape(tensor: Tensor) -> TensorShape:
    """What a shape argument says; the scalar -1 says nothing."""
    if tensor.shape.ndims == 0:
        return UNKNOWN
    value = constant_value(tensor)
    if value is None and tensor.shape.ndims is None:
        return UNKNOWN
    return UNKNOWN if value is not None and value.ndim == 0 else constant_value_as_shape(tensor)


def shape_argument(element_shape: Any) -> Any:
    """A shape as the ops take it: a vector with -1 for unknown sizes, -1 for an unknown rank."""
    if isinstance(element_shape, Tensor):
        return element_shape
    sizes = as_shape(element_shape).sizes
    if sizes is None:
        return convert_to_tensor(-1, dtypes.int32)
    return convert_to_tensor([-1 if n is None else n for n in sizes], dtypes.int32)


def _behind_first(tensor: Tensor) -> Tensor:
    """The run-time shape of a row of `tensor`."""
    return shape(tensor)[1:]


def _list_with(**scalars: int) -> Callable[[Operation], Shapes]:
    """A shape function: each output is a list; the inputs at these places, by their names, are scalars."""

    def shape_of(op: Operation) -> Shapes:
        _expect_scalars(op, scalars)
        return [SCALAR] * len(op.outputs)

    return shape_of


def _expect_scalars(op: Operation, scalars: Mapping[str, int]) -> None:
    for name, place in scalars.items():
        if op.inputs[place].shape.ndims not in (None, 0):
            raise ValueError(f"{name} must be a scalar, found shape {op.inputs[place].shape}")


def _expect_indices(op: Operation, tensor: int, indices: int) -> None:
    """The inputs at these places are a tensor and a vector with an index for each row of it."""
    rows, places = op.inputs[tensor].shape.with_rank_at_least(1)[:1], op.inputs[indices].shape.with_rank(1)
    if not places.is_compatible_with(rows):
        raise ValueError(f"there must be an index for each row: found {places[0]} indices, {rows[0]} rows")


# ---- lists that are made anew --------------------------------------------------------------------

register(
    "EmptyTensorList",
    inputs=["element_shape: shape_type", "max_num_elements: int32"],
    outputs=["handle: variant"],
    attrs=["element_dtype: type", "shape_type: {indices}"],
    shape=_list_with(max_num_elements=1),
    grad=None,
    holds_nothing=True,
)


def any_rows(shape: TensorShape) -> TensorShape:
    """The shape with any number of rows; that of a scalar, or of unknown rank, as it is."""
    return TensorShape([None]).concatenate(shape[1:]) if shape.ndims else shape


def empty_tensor_list(
    element_shape: Any, element_dtype: Any, max_num_elements: Any = -1, name: str | None = None
) -> Tensor:
    """A list without elements, which takes `max_num_elements` at most (-1: any number)."""
    return apply(
        "EmptyTensorList",
        shape_argument(element_shape),
        max_num_elements,
        element_dtype=dtypes.as_dtype(element_dtype),
        name=name,
    )


register(
    "TensorListReserve",
    inputs=["element_shape: shape_type", "num_elements: int32"],
    outputs=["handle: variant"],
    attrs=["element_dtype: type", "shape_type: {indices}"],
    shape=_list_with(num_elements=1),
    grad=None,
    holds_nothing=True,
)


def tensor_list_reserve(
    element_shape: Any, num_elements: Any, element_dtype: Any, name: str | None = None
) -> Tensor:
    """A list of elements that are not written, and read as zeros."""
    return apply(
        "TensorListReserve",
        shape_argument(element_shape),
        num_elements,
        element_dtype=dtypes.as_dtype(element_dtype),
        name=name,
    )


def _from_tensor_grad(op: Operation, g: Tensor | None) -> list[Any]:
    if g is None:
        return [None, None]
    tensor = op.inputs[0]
    rows = tensor.shape[0].value if tensor.shape.ndims is not None else None
    stacked = apply(
        "TensorListStack",
        g,
        _behind_first(tensor),
        element_dtype=tensor.dtype,
        num_elements=-1 if rows is None else rows,
    )
    return [stacked, None]


register(
    "TensorListFromTensor",
    inputs=["tensor: element_dtype", "element_shape: shape_type"],
    outputs=["output_handle: variant"],
    attrs=["element_dtype: type", "shape_type: {indices}"],
    shape=shapes.scalar,
    grad=_from_tensor_grad,
)


def tensor_list_from_tensor(tensor: Any, element_shape: Any, name: str | None = None) -> Tensor:
    """The list of a tensor's rows."""
    return apply("TensorListFromTensor", tensor, shape_argument(element_shape), name=name)


def _split_grad(op: Operation, g: Tensor | None) -> list[Any]:
    if g is None:
        return [None, None, None]
    tensor, _, lengths = op.inputs
    element_shape = concat([[-1], _behind_first(tensor)], 0)
    joined = apply("TensorListConcatV2", g, element_shape, lengths, element_dtype=tensor.dtype)
    return [joined[0], None, None]


register(
    "TensorListSplit",
    inputs=["tensor: element_dtype", "element_shape: shape_type", "lengths: int64"],
    outputs=["output_handle: variant"],
    attrs=["element_dtype: type", "shape_type: {indices}"],
    shape=shapes.scalar,
    grad=_split_grad,
)


def tensor_list_split(tensor: Any, element_shape: Any, lengths: Any, name: str | None = None) -> Tensor:
    """The list of a tensor's parts, so many rows each."""
    return apply("TensorListSplit", tensor, shape_argument(element_shape), lengths, name=name)


def _scatter_grad(op: Operation, g: Tensor | None) -> list[Any]:
    if g is None:
        return [None] * 4
    tensor, indices = op.inputs[:2]
    rows = apply("TensorListGather", g, indices, _behind_first(tensor), element_dtype=tensor.dtype)
    return [rows, None, None, None]


def _scatter_shape(op: Operation) -> Shapes:
    _expect_indices(op, 0, 1)
    _expect_scalars(op, {"num_elements": 3})
    return [SCALAR]


register(
    "TensorListScatterV2",
    inputs=["tensor: element_dtype", "indices: int32", "element_shape: shape_type", "num_elements: int32"],
    outputs=["output_handle: variant"],
    attrs=["element_dtype: type", "shape_type: {indices}"],
    shape=_scatter_shape,
    grad=_scatter_grad,
)


def tensor_list_scatter(
    tensor: Any, indices: Any, element_shape: Any = None, num_elements: Any = -1, name: str | None = None
) -> Tensor:
    """A list with the rows of a tensor at these indices.

    It has `num_elements` elements; -1: as many as the highest index asks for.
    """
    return apply(
        "TensorListScatterV2", tensor, indices, shape_argument(element_shape), num_elements, name=name
    )


# ---- many elements of a list that is there -------------------------------------------------------


def _scatter_into_grad(op: Operation, g: Tensor | None) -> list[Any]:
    if g is None:
        return [None] * 3
    handle, tensor, indices = op.inputs
    rows = apply("TensorListGather", g, indices, _behind_first(tensor), element_dtype=tensor.dtype)
    of_list = apply("TensorListScatterIntoExistingList", g, zeros_like(tensor), indices)
    if op.get_attr("_resize"):
        of_list = tensor_list_resize(of_list, tensor_list_length(handle))
    return [of_list, rows, None]


def _scatter_into_shape(op: Operation) -> Shapes:
    _expect_indices(op, 1, 2)
    return [SCALAR]


register(
    "TensorListScatterIntoExistingList",
    inputs=["input_handle: variant", "tensor: element_dtype", "indices: int32"],
    outputs=["output_handle: variant"],
    attrs=[
        "element_dtype: type",
        "_resize: bool = False",
        "_strict: bool = False",
        "_alike: bool = False",
    ],
    shape=_scatter_into_shape,
    grad=_scatter_into_grad,
)


def tensor_list_scatter_into(
    input_handle: Any, tensor: Any, indices: Any, name: str | None = None, **rules: bool
) -> Tensor:
    """The list with the rows of a tensor at these indices. `rules`: _resize, _strict, _alike."""
    return apply("TensorListScatterIntoExistingList", input_handle, tensor, indices, name=name, **rules)


def _split_into_grad(op: Operation, g: Tensor | None) -> list[Any]:
    if g is None:
        return [None] * 3
    handle, tensor, lengths = op.inputs
    # behind lengths there are none: the list has as many elements as there are parts
    joined, _ = tensor_list_concat(g, tensor.dtype, concat([[-1], _behind_first(tensor)], 0), lengths)
    nothing = tensor_list_reserve(
        tensor_list_element_shape(handle, dtypes.int32), tensor_list_length(handle), tensor.dtype
    )
    return [nothing, joined, None]


def _split_into_shape(op: Operation) -> Shapes:
    op.inputs[1].shape.with_rank_at_least(1)
    op.inputs[2].shape.with_rank(1)
    return [SCALAR]


register(
    "_TensorListSplitIntoExistingList",
    inputs=["input_handle: variant", "tensor: element_dtype", "lengths: int64"],
    outputs=["output_handle: variant"],
    attrs=[
        "element_dtype: type",
        "_resize: bool = False",
        "_strict: bool = False",
        "_alike: bool = False",
    ],
    shape=_split_into_shape,
    grad=_split_into_grad,
)


def tensor_list_split_into(
    input_handle: Any, tensor: Any, lengths: Any, name: str = "TensorListSplitInto", **rules: bool
) -> Tensor:
    """The list with a tensor's parts, so many rows each, as its elements."""
    return apply("_TensorListSplitIntoExistingList", input_handle, tensor, lengths, name=name, **rules)


# ---- single elements -----------------------------------------------------------------------------


def _push_back_grad(op: Operation, g: Tensor | None) -> list[Any]:
    if g is None:
        return [None, None]
    tensor = op.inputs[1]
    popped = apply("TensorListPopBack", g, shape(tensor), element_dtype=tensor.dtype)
    return list(popped)


register(
    "TensorListPushBack",
    inputs=["input_handle: variant", "tensor: element_dtype"],
    outputs=["output_handle: variant"],
    attrs=["element_dtype: type"],
    shape=shapes.scalar,
    grad=_push_back_grad,
)


def tensor_list_push_back(input_handle: Any, tensor: Any, name: str | None = None) -> Tensor:
    """The list with one element more."""
    return apply("TensorListPushBack", input_handle, tensor, name=name)


def _pop_back_grad(op: Operation, g_list: Tensor | None, g: Tensor | None) -> list[Any]:
    dtype = op.get_attr("element_dtype")
    element_shape = tensor_list_element_shape(op.outputs[0], dtypes.int32)
    if g_list is None:
        g_list = apply("ZerosLike", op.outputs[0])
    if g is None:
        # a list of lists: its elements know their own lengths
        g = zeros_like(op.outputs[1]) if dtype is dtypes.variant else zeros(element_shape, dtype)
    return [apply("TensorListPushBack", g_list, g), None]


register(
    "TensorListPopBack",
    inputs=["input_handle: variant", "element_shape: int32"],
    outputs=["output_handle: variant", "tensor: element_dtype"],
    attrs=["element_dtype: type"],
    shape=lambda op: [SCALAR, _known_shape(op.inputs[1])],
    grad=_pop_back_grad,
)


def tensor_list_pop_back(
    input_handle: Any, element_dtype: Any, element_shape: Any = None, name: str | None = None
) -> Any:
    """The list without its last element, and that element."""
    return apply(
        "TensorListPopBack",
        input_handle,
        shape_argument(element_shape),
        element_dtype=dtypes.as_dtype(element_dtype),
        name=name,
    )


def _get_item_grad(op: Operation, g: Tensor | None) -> list[Any]:
    if g is None:
        return [None, None, None]
    handle, index = op.inputs[:2]
    fresh = tensor_list_reserve(
        tensor_list_element_shape(handle, dtypes.int32), tensor_list_length(handle), g.dtype
    )
    return [apply("TensorListSetItem", fresh, index, g), None, None]


def _item_shape(op: Operation) -> Shapes:
    _expect_scalars(op, {"index": 1})
    return [_known_shape(op.inputs[2])]


register(
    "TensorListGetItem",
    inputs=["input_handle: variant", "index: int32", "element_shape: int32"],
    outputs=["item: element_dtype"],
    attrs=["element_dtype: type", "_strict: bool = False"],
    shape=_item_shape,
    grad=_get_item_grad,
)


def tensor_list_get_item(
    input_handle: Any, index: Any, element_dtype: Any, element_shape: Any = None, name: str | None = None
) -> Tensor:
    """One element; zeros where it was not written."""
    return apply(
        "TensorListGetItem",
        input_handle,
        index,
        shape_argument(element_shape),
        element_dtype=dtypes.as_dtype(element_dtype),
        name=name,
    )


def _set_item_grad(op: Operation, g: Tensor | None) -> list[Any]:
    if g is None:
        return [None, None, None]
    _, index, item = op.inputs
    of_item = apply("TensorListGetItem", g, index, shape(item), element_dtype=item.dtype)
    of_list = apply("TensorListSetItem", g, index, zeros_like(item))
    if op.get_attr("resize_if_index_out_of_bounds"):
        of_list = tensor_list_resize(of_list, tensor_list_length(op.inputs[0]))
    return [of_list, None, of_item]


register(
    "TensorListSetItem",
    inputs=["input_handle: variant", "index: int32", "item: element_dtype"],
    outputs=["output_handle: variant"],
    attrs=[
        "element_dtype: type",
        "resize_if_index_out_of_bounds: bool = False",
        "_strict: bool = False",
        "_alike: bool = False",
    ],
    shape=_list_with(index=1),
    grad=_set_item_grad,
)


def tensor_list_set_item(input_handle: Any, index: Any, item: Any, name: str | None = None) -> Tensor:
    """The list with another element at `index`."""
    return apply("TensorListSetItem", input_handle, index, item, name=name)


def _resize_grad(op: Operation, g: Tensor | None) -> list[Any]:
    if g is None:
        return [None, None]
    return [apply("TensorListResize", g, tensor_list_length(op.inputs[0])), None]


register(
    "TensorListResize",
    inputs=["input_handle: variant", "size: int32"],
    outputs=["output_handle: variant"],
    shape=_list_with(size=1),
    grad=_resize_grad,
)


def tensor_list_resize(input_handle: Any, size: Any, name: str | None = None) -> Tensor:
    """The list cut to `size` elements, or with elements that are not written behind its own."""
    return apply("TensorListResize", input_handle, size, name=name)


# ---- what is known of a list ---------------------------------------------------------------------

register(
    "TensorListLength",
    inputs=["input_handle: variant"],
    outputs=["length: int32"],
    shape=shapes.scalar,
    grad=None,
    from_shapes=True,
)


def tensor_list_length(input_handle: Any, name: str | None = None) -> Tensor:
    """The number of elements."""
    return apply("TensorListLength", input_handle, name=name)


register(
    "TensorListElementShape",
    inputs=["input_handle: variant"],
    outputs=["element_shape: shape_type"],
    attrs=["shape_type: {indices}"],
    shape=shapes.unknown,
    grad=None,
    from_shapes=True,
)


def tensor_list_element_shape(
    input_handle: Any, shape_type: Any = dtypes.int32, name: str | None = None
) -> Tensor:
    """The shape of the elements as a vector, -1 for unknown sizes; the scalar -1 for an unknown rank."""
    return apply("TensorListElementShape", input_handle, shape_type=dtypes.as_dtype(shape_type), name=name)


# ---- many elements -------------------------------------------------------------------------------


def _stack_shape(op: Operation) -> Shapes:
    length = op.get_attr("num_elements")
    return [TensorShape([None if length < 0 else length]).concatenate(_known_shape(op.inputs[1]))]


def _stack_grad(op: Operation, g: Tensor | None) -> list[Any]:
    if g is None:
        return [None, None]
    return [apply("TensorListFromTensor", g, _behind_first(g)), None]


register(
    "TensorListStack",
    inputs=["input_handle: variant", "element_shape: int32"],
    outputs=["tensor: element_dtype"],
    attrs=["element_dtype: type", "num_elements: int = -1", "_strict: bool = False"],
    shape=_stack_shape,
    grad=_stack_grad,
)


def tensor_list_stack(
    input_handle: Any,
    element_dtype: Any,
    num_elements: int = -1,
    element_shape: Any = None,
    name: str | None = None,
) -> Tensor:
    """All elements as the rows of one tensor; `num_elements` is checked where it is not -1."""
    return apply(
        "TensorListStack",
        input_handle,
        shape_argument(element_shape),
        element_dtype=dtypes.as_dtype(element_dtype),
        num_elements=num_elements,
        name=name,
    )


def _gather_grad(op: Operation, g: Tensor | None) -> list[Any]:
    """Rows of one index are added up first: a list takes one element for each."""
    if g is None:
        return [None, None, None]
    handle, indices, _ = op.inputs
    places, place = unique(indices)
    sums = apply("UnsortedSegmentSum", g, place, size(places))
    scattered = apply(
        "TensorListScatterV2",
        sums,
        places,
        tensor_list_element_shape(handle, dtypes.int32),
        tensor_list_length(handle),
    )
    return [scattered, None, None]


register(
    "TensorListGather",
    inputs=["input_handle: variant", "indices: int32", "element_shape: int32"],
    outputs=["values: element_dtype"],
    attrs=["element_dtype: type", "_strict: bool = False"],
    shape=lambda op: [op.inputs[1].shape.with_rank(1).concatenate(_known_shape(op.inputs[2]))],
    grad=_gather_grad,
)


def tensor_list_gather(
    input_handle: Any, indices: Any, element_dtype: Any, element_shape: Any = None, name: str | None = None
) -> Tensor:
    """The elements at these indices as the rows of one tensor."""
    return apply(
        "TensorListGather",
        input_handle,
        indices,
        shape_argument(element_shape),
        element_dtype=dtypes.as_dtype(element_dtype),
        name=name,
    )


def _concat_shape(op: Operation) -> Shapes:
    element = _known_shape(op.inputs[1])
    if element.sizes is None:
        return [UNKNOWN, TensorShape([None])]
    return [TensorShape([None, *element.sizes[1:]]), TensorShape([None])]


def _concat_grad(op: Operation, g: Tensor | None, g_lengths: Tensor | None) -> list[Any]:
    if g is None:
        return [None, None, None]
    handle = op.inputs[0]
    element_shape = tensor_list_element_shape(handle, dtypes.int32)
    return [apply("TensorListSplit", g, element_shape, op.outputs[1]), None, None]


register(
    "TensorListConcatV2",
    inputs=["input_handle: variant", "element_shape: shape_type", "leading_dims: int64"],
    outputs=["tensor: element_dtype", "lengths: int64"],
    attrs=["element_dtype: type", "shape_type: {indices}", "_strict: bool = False"],
    shape=_concat_shape,
    grad=_concat_grad,
)


def tensor_list_concat(
    input_handle: Any,
    element_dtype: Any,
    element_shape: Any = None,
    leading_dims: Any = (),
    name: str | None = None,
) -> Any:
    """The elements one behind the other along their first axis, and the length of each there.

    `leading_dims` says how long elements are that were not written.
    """
    lengths = convert_to_tensor(leading_dims, dtypes.int64)
    return apply(
        "TensorListConcatV2",
        input_handle,
        shape_argument(element_shape),
        lengths,
        element_dtype=dtypes.as_dtype(element_dtype),
        name=name,
    )
