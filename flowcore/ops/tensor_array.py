"""TensorArray: an array of tensors that a loop reads and writes, made of a list value.

Each write gives a new TensorArray; at run time it is the same memory. A loop carries it as a variable, and
gradients go through it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from flowcore import dtypes
from flowcore.arguments import flag
from flowcore.dtypes import DType
from flowcore.graph.apply import apply
from flowcore.graph.constants import constant_value
from flowcore.graph.conversion import convert_to_tensor
from flowcore.graph.operation import Operation, Tensor
from flowcore.graph.scopes import control_dependencies, name_scope
from flowcore.ops import list_ops
from flowcore.ops.control_flow_ops import no_op
from flowcore.ops.shape_ops import shape
from flowcore.shape import UNKNOWN, TensorShape, as_shape

__all__ = ["TensorArray"]


class _Elements:
    """What is known of the elements of an array, and of all that come from it by writing."""

    def __init__(self, dtype: DType, element_shape: TensorShape, infer: bool) -> None:
        self.dtype = dtype
        self.shape = element_shape
        self.infer = infer

    def see(self, found: TensorShape) -> None:
        """An element has this shape. Raises ValueError where others have another one."""
        if not self.infer:
            return
        if not self.shape.is_compatible_with(found):
            raise ValueError(
                f"Inconsistent shapes: saw {found} but expected {self.shape} (and infer_shape=True)"
            )
        self.shape = self.shape.merge_with(found)


class TensorArray:
    """An array of tensors that a loop reads and writes.

    Every method that writes returns the array to go on with. An element is written once.

    Args:
        dtype: The DType of the elements.
        size: How many there are, a scalar of dtype int32.
        dynamic_size: Whether writes behind the end make it longer.
        clear_after_read: Accepted: an element may be read again, its memory goes with the last
            array that has it.
        tensor_array_name: Accepted.
        handle: Accepted with flow: an array has one value, its flow.
        flow: The flow of another TensorArray, whose elements this one has; then size is not needed.
        infer_shape: Whether all elements have one shape, which the first write tells.
        element_shape: The shape of all elements, where it is known.
        colocate_with_first_write_call: Accepted.
        name: A name for the operation.

    Raises:
        TypeError: An argument is of another kind.
        ValueError: Neither size nor flow is given.

    Example:
        >>> squares = fc.TensorArray(fc.int32, size=4)
        >>> _, squares = fc.while_loop(
        ...     lambda i, a: i < 4, lambda i, a: (i + 1, a.write(i, i * i)), [0, squares]
        ... )
        >>> fc.Session().run(squares.stack())
        array([0, 1, 4, 9], dtype=int32)
    """

    def __init__(
        self,
        dtype: Any,
        size: Any = None,
        dynamic_size: bool | None = None,
        clear_after_read: bool | None = None,
        tensor_array_name: str | None = None,
        handle: Any = None,
        flow: Tensor | None = None,
        infer_shape: bool = True,
        element_shape: Any = None,
        colocate_with_first_write_call: bool = True,
        name: str | None = None,
    ) -> None:
        kind = dtypes.as_dtype(dtype).base_dtype
        if handle is not None and flow is None:
            raise ValueError("flow must not be None if handle is not None")
        if size is None and flow is None:
            raise ValueError("Argument `size` must be provided if handle is not provided")
        self._dynamic = False if dynamic_size is None else flag(dynamic_size, "dynamic_size")
        known = UNKNOWN if element_shape is None else as_shape(element_shape)
        infer = flag(infer_shape, "infer_shape") or element_shape is not None
        self._elements = _Elements(kind, known, infer)
        if flow is None:
            flow = list_ops.tensor_list_reserve(
                known, _scalar(size, "size"), kind, name="TensorArray" if name is None else name
            )
        elif not isinstance(flow, Tensor) or flow.dtype is not dtypes.variant:
            raise TypeError(f"flow must be the flow of a TensorArray, found {flow!r}")
        self._flow = flow

    def __repr__(self) -> str:
        return f"<flowcore.TensorArray of {self.dtype.name}, elements of shape {self.element_shape}>"

    def _components(self) -> list[Tensor]:
        return [self._flow]

    def _with_components(self, parts: Sequence[Tensor]) -> TensorArray:
        return self._with_flow(parts[0])

    def _with_flow(self, flow: Tensor) -> TensorArray:
        made = TensorArray.__new__(TensorArray)
        made._elements, made._dynamic, made._flow = self._elements, self._dynamic, flow
        return made

    @property
    def dtype(self) -> DType:
        """The DType of the elements."""
        return self._elements.dtype

    @property
    def element_shape(self) -> TensorShape:
        """What is known of the shape of all elements."""
        return self._elements.shape if self._elements.infer else UNKNOWN

    @property
    def dynamic_size(self) -> bool:
        """Whether writes behind the end make it longer."""
        return self._dynamic

    @property
    def flow(self) -> Tensor:
        """The value, a scalar Tensor of dtype variant."""
        return self._flow

    @property
    def handle(self) -> Tensor:
        """The value too: there is no other state."""
        return self._flow

    def identity(self) -> TensorArray:
        """The same array, after what control_dependencies wait for.

        Returns:
            A TensorArray.

        Example:
            >>> array = fc.TensorArray(fc.float32, 1).write(0, 2.0)
            >>> print(fc.Session().run(array.identity().read(0)))
            2.0
        """
        return self._with_flow(apply("Identity", self._flow))

    def grad(self, source: str, flow: Tensor | None = None, name: str | None = None) -> TensorArray:
        """There is no array of gradients: `gradients` goes through the values.

        Args:
            source: Accepted.
            flow: Accepted.
            name: Accepted.

        Returns:
            Nothing.

        Raises:
            NotImplementedError: Always.

        Example:
            >>> x = fc.constant(3.0)
            >>> y = fc.TensorArray(fc.float32, 1).write(0, x * x).read(0)
            >>> print(fc.Session().run(fc.gradients(y, x)[0]))
            6.0
        """
        raise NotImplementedError(
            "a TensorArray is a value here and has no array of gradients: flowcore.gradients goes through"
            " read, write and stack"
        )

    def read(self, index: Any, name: str | None = None) -> Tensor:
        """An element.

        Args:
            index: A scalar of dtype int32.
            name: A name for the operation.

        Returns:
            A Tensor.

        Raises:
            ValueError: index is no scalar.
            InvalidArgumentError: There is no such element, or it was not written (when it runs).

        Example:
            >>> array = fc.TensorArray(fc.float32, 2).unstack([1.0, 2.0])
            >>> print(fc.Session().run(array.read(1)))
            2.0
        """
        return apply(
            "TensorListGetItem",
            self._flow,
            _scalar(index, "index"),
            list_ops.shape_argument(self.element_shape),
            element_dtype=self.dtype,
            _strict=True,
            name="TensorArrayRead" if name is None else name,
        )

    def write(self, index: Any, value: Any, name: str | None = None) -> TensorArray:
        """Writes an element.

        Args:
            index: A scalar of dtype int32.
            value: A Tensor, or what converts to one.
            name: A name for the operation.

        Returns:
            A TensorArray with the element.

        Raises:
            TypeError: value has another dtype.
            ValueError: index is no scalar, or value has another shape than elements before it.
            InvalidArgumentError: There is no place for it, or it was written already (when it
                runs).

        Example:
            >>> array = fc.TensorArray(fc.float32, 2).write(1, 5.0).write(0, 4.0)
            >>> fc.Session().run(array.stack())
            array([4., 5.], dtype=float32)
        """
        value = self._element(value)
        self._elements.see(value.shape)
        flow = apply(
            "TensorListSetItem",
            self._flow,
            _scalar(index, "index"),
            value,
            resize_if_index_out_of_bounds=self._dynamic,
            _strict=True,
            _alike=self._elements.infer,
            name="TensorArrayWrite" if name is None else name,
        )
        return self._with_flow(flow)

    def _element(self, value: Any) -> Tensor:
        if isinstance(value, Tensor) and value.dtype.base_dtype is not self.dtype:
            raise TypeError(
                f"value '{value.name}' is {value.dtype.name}, the elements of the TensorArray are"
                f" {self.dtype.name}; use flowcore.cast"
            )
        return convert_to_tensor(value, dtype=self.dtype, name="value")

    def stack(self, name: str | None = None) -> Tensor:
        """All elements as the rows of one tensor, zeros where one was not written.

        Args:
            name: A name for the operation.

        Returns:
            A Tensor of one dimension more than the elements.

        Raises:
            InvalidArgumentError: The elements have different shapes, or their shape is not known
                (when it runs).

        Example:
            >>> fc.Session().run(fc.TensorArray(fc.int32, 2).unstack([7, 8]).stack())
            array([7, 8], dtype=int32)
        """
        count = self._static_size()
        return list_ops.tensor_list_stack(
            self._flow,
            self.dtype,
            -1 if count is None else count,
            self.element_shape,
            name="TensorArrayStack" if name is None else name,
        )

    def gather(self, indices: Any, name: str | None = None) -> Tensor:
        """Some elements as the rows of one tensor.

        Args:
            indices: A vector of dtype int32.
            name: A name for the operation.

        Returns:
            A Tensor of one dimension more than the elements.

        Raises:
            InvalidArgumentError: There is no such element, it was not written, or shapes differ
                (when it runs).

        Example:
            >>> array = fc.TensorArray(fc.int32, 3).unstack([5, 6, 7])
            >>> fc.Session().run(array.gather([2, 0]))
            array([7, 5], dtype=int32)
        """
        return apply(
            "TensorListGather",
            self._flow,
            indices,
            list_ops.shape_argument(self.element_shape),
            element_dtype=self.dtype,
            _strict=True,
            name="TensorArrayGather" if name is None else name,
        )

    def concat(self, name: str | None = None) -> Tensor:
        """All elements one behind the other along their first dimension.

        Args:
            name: A name for the operation.

        Returns:
            A Tensor.

        Raises:
            InvalidArgumentError: An element is a scalar, or the other dimensions differ (when it
                runs).

        Example:
            >>> array = fc.TensorArray(fc.int32, 2, infer_shape=False)
            >>> fc.Session().run(array.write(0, [1]).write(1, [2, 3]).concat())
            array([1, 2, 3], dtype=int32)
        """
        rows = list_ops.any_rows(self.element_shape)
        joined = list_ops.tensor_list_concat(
            self._flow, self.dtype, rows, name="TensorArrayConcat" if name is None else name
        )[0]
        count, each = self._static_size(), self.element_shape
        if count is not None and each.ndims and each[0].value is not None:
            joined.set_shape(TensorShape([count * each[0].value]).concatenate(each[1:]))
        return joined

    def unstack(self, value: Any, name: str | None = None) -> TensorArray:
        """Writes the rows of a tensor to the first elements.

        Args:
            value: A Tensor of at least one dimension, or what converts to one.
            name: A name for the scope.

        Returns:
            A TensorArray with these elements.

        Raises:
            TypeError: value has another dtype.
            ValueError: value is a scalar, or has rows of another shape.
            InvalidArgumentError: value has more rows than there are elements, or one of them was
                written already (when it runs).

        Example:
            >>> print(fc.Session().run(fc.TensorArray(fc.float32, 2).unstack([3.0, 4.0]).read(0)))
            3.0
        """
        with name_scope(name, "TensorArrayUnstack"):
            value = self._rows(value)
            if self._is_filled_by(value):
                return self._with_flow(list_ops.tensor_list_from_tensor(value, self.element_shape))
            return self._scattered(value, apply("Range", 0, shape(value)[0], 1))

    def _rows(self, value: Any) -> Tensor:
        """What has an element in each row."""
        value = self._element(value)
        if value.shape.ndims == 0:
            raise ValueError("value must have at least one dimension, found a scalar")
        self._elements.see(UNKNOWN if value.shape.ndims is None else value.shape[1:])
        return value

    def _is_filled_by(self, value: Tensor) -> bool:
        """Whether nothing is written, and a tensor is known to have a row for each element."""
        rows = None if value.shape.ndims is None else value.shape[0].value
        return self._flow.op.type == "TensorListReserve" and rows is not None and rows == self._static_size()

    def _static_size(self) -> int | None:
        """The number of elements, where it is known."""
        if self._dynamic and self._flow.op.type != "TensorListReserve":
            return None
        made = _made_as(self._flow)
        if made.type == "TensorListReserve":
            value = constant_value(made.inputs[1])
            return None if value is None else int(value)
        if made.type == "TensorListFromTensor" and made.inputs[0].shape.ndims:
            return made.inputs[0].shape[0].value
        return None

    def scatter(self, indices: Any, value: Any, name: str | None = None) -> TensorArray:
        """Writes the rows of a tensor at some indices.

        Args:
            indices: A vector of dtype int32.
            value: A Tensor with as many rows, or what converts to one.
            name: A name for the scope.

        Returns:
            A TensorArray with these elements.

        Raises:
            TypeError: value has another dtype.
            ValueError: value is a scalar, has rows of another shape, or another number of rows than
                there are indices.
            InvalidArgumentError: There is no place for a row, it was written already, an index
                comes twice, or there are not as many indices as rows (when it runs).

        Example:
            >>> array = fc.TensorArray(fc.int32, 2).scatter([1, 0], [10, 20])
            >>> fc.Session().run(array.stack())
            array([20, 10], dtype=int32)
        """
        with name_scope(name, "TensorArrayScatter"):
            return self._scattered(self._rows(value), indices)

    def _scattered(self, value: Tensor, indices: Any) -> TensorArray:
        flow = list_ops.tensor_list_scatter_into(self._flow, value, indices, **self._rules())
        return self._with_flow(flow)

    def _rules(self) -> dict[str, Any]:
        """What holds for writing many elements."""
        return {"_resize": self._dynamic, "_strict": True, "_alike": self._elements.infer}

    def split(self, value: Any, lengths: Any, name: str | None = None) -> TensorArray:
        """Writes parts of a tensor, so many rows each, to all elements.

        Args:
            value: A Tensor of at least one dimension, or what converts to one.
            lengths: A vector of dtype int32 or int64, as long as the array.
            name: A name for the scope.

        Returns:
            A TensorArray with these elements.

        Raises:
            TypeError: value has another dtype.
            ValueError: value is a scalar, or lengths no vector.
            InvalidArgumentError: The lengths do not add up, are not as many as there are elements,
                or an element was written already (when it runs).

        Example:
            >>> array = fc.TensorArray(fc.int32, 2, infer_shape=False).split([1, 2, 3], [1, 2])
            >>> fc.Session().run(array.read(1))
            array([2, 3], dtype=int32)
        """
        with name_scope(name, "TensorArraySplit"):
            value = self._element(value)
            parts = apply("Cast", convert_to_tensor(lengths), DstT=dtypes.int64)
            flow = list_ops.tensor_list_split_into(self._flow, value, parts, **self._rules())
            self._elements.see(_part_shape(value.shape, constant_value(parts)))
            return self._with_flow(flow)

    def size(self, name: str | None = None) -> Tensor:
        """The number of elements.

        Args:
            name: A name for the operation.

        Returns:
            A scalar Tensor of dtype int32.

        Raises:
            ValueError: name is no valid one.

        Example:
            >>> fc.Session().run(fc.TensorArray(fc.float32, 3).size())
            np.int32(3)
        """
        return list_ops.tensor_list_length(self._flow, name="TensorArraySize" if name is None else name)

    def close(self, name: str | None = None) -> Operation:
        """An operation that does nothing: an array's memory goes with its last reader.

        Args:
            name: A name for the operation.

        Returns:
            An Operation.

        Raises:
            ValueError: name is no valid one.

        Example:
            >>> fc.Session().run(fc.TensorArray(fc.float32, 3).close())
        """
        with control_dependencies([self._flow]):
            return no_op(name="TensorArrayClose" if name is None else name)


#: What makes a list as long as its first input.
_KEEPS_SIZE = frozenset(
    ["TensorListSetItem", "TensorListScatterIntoExistingList", "_TensorListSplitIntoExistingList"]
)


def _made_as(flow: Tensor) -> Operation:
    """What made the list that has been written to since, also in a loop or outside a body."""
    while True:
        op = flow.op
        outer = op.graph._captured_tensor(flow)
        if op.type in _KEEPS_SIZE:
            flow = op.inputs[0]
        elif outer is not None:
            flow = outer
        elif op._op_def.calls and op._op_def.calls[0] == "while" and _is_kept(op, flow):
            flow = op.inputs[op.outputs.index(flow)]
        else:
            return op


def _is_kept(loop: Operation, flow: Tensor) -> bool:
    """Whether a loop yields a list as long as the one that it begins with."""
    turn = loop.get_attr("body")
    place = loop.outputs.index(flow)
    argument, result = turn.inputs[place], turn.outputs[place]
    return result is argument or _made_as(result) is argument.op


def _part_shape(whole: TensorShape, lengths: np.ndarray | None) -> TensorShape:
    """The shape of all parts of a tensor; lengths that are known to differ leave it open."""
    if not whole.ndims or lengths is None or not len(lengths) or (lengths != lengths[0]).any():
        return UNKNOWN
    return TensorShape([int(lengths[0])]).concatenate(whole[1:])


def _scalar(value: Any, what: str) -> Tensor:
    found = convert_to_tensor(value, dtype=None if isinstance(value, Tensor) else dtypes.int32, name=what)
    if not found.shape.is_compatible_with([]):
        raise ValueError(f"{what} must be a scalar: its shape must be rank 0 but is rank {found.shape.ndims}")
    return found
