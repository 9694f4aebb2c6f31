"""Queues and readers as stateful nodes.

Queue ops wait without holding a thread; see flowcore/_fifo.pyx for how.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, overload

from flowcore import dtypes
from flowcore.arguments import described, instance, text, whole_number, with_article
from flowcore.dtypes import DType
from flowcore.graph.apply import apply
from flowcore.graph.constants import constant_value
from flowcore.graph.conversion import convert_to_tensor
from flowcore.graph.op_def import register
from flowcore.graph.operation import Operation, Tensor
from flowcore.graph.scopes import get_seed, name_scope
from flowcore.ops import shapes
from flowcore.shape import TensorShape

__all__ = ["FIFOQueue", "IdentityReader", "QueueBase", "RandomShuffleQueue", "ReaderBase", "WholeFileReader"]

if TYPE_CHECKING:
    from typing_extensions import TypeVar

    #: What a queue gives out: a Tensor for one component, a dictionary with names. With a list of dtypes its
    #: length decides, which no type says; then it is checked as a Tensor, and taken for a list too.
    Element = TypeVar("Element", default=Tensor | Any)
else:
    from typing import TypeVar

    Element = TypeVar("Element")

_QUEUE = [
    "component_types: list(type) >= 1",
    "shapes: list(shape) = []",
    "capacity: int = -1",
    "container: string = ''",
    "shared_name: string = ''",
]
register(
    "FIFOQueueV2",
    outputs=["handle: resource"],
    attrs=_QUEUE,
    shape=shapes.scalar,
    makes="queue",
    on_host=True,
    grad=None,
)
register(
    "RandomShuffleQueueV2",
    outputs=["handle: resource"],
    attrs=[*_QUEUE, "min_after_dequeue: int = 0", "seed: int = 0", "seed2: int = 0"],
    shape=shapes.scalar,
    makes="queue",
    on_host=True,
    grad=None,
)
for _name in ("QueueEnqueueV2", "QueueEnqueueManyV2"):
    register(
        _name,
        inputs=["handle: resource", "components: list(Tcomponents)"],
        attrs=["Tcomponents: list(type) >= 1", "timeout_ms: int = -1"],
        shape=shapes.none,
        writes={"handle": "queue"},
        waits=("handle", "room"),
        grad=None,
    )
register(
    "QueueDequeueV2",
    inputs=["handle: resource"],
    outputs=["components: list(component_types)"],
    attrs=["component_types: list(type) >= 1", "timeout_ms: int = -1"],
    shape=shapes.unknown,
    writes={"handle": "queue"},
    waits=("handle", "elements"),
    grad=None,
)


def _many_shapes(op: Operation) -> Sequence[TensorShape]:
    """Nothing is known but that n is a scalar of 0 or more."""
    shapes.expect_rank(op, 1, 0)
    n = constant_value(op.inputs[1])
    if n is not None and n < 0:
        raise ValueError(f"n of {with_article(op.type)} must be at least 0, found {n}")
    return shapes.unknown(op)


for _name in ("QueueDequeueManyV2", "QueueDequeueUpToV2"):
    register(
        _name,
        inputs=["handle: resource", "n: int32"],
        outputs=["components: list(component_types)"],
        attrs=["component_types: list(type) >= 1", "timeout_ms: int = -1"],
        shape=_many_shapes,
        writes={"handle": "queue"},
        waits=("handle", "elements"),
        grad=None,
    )
register(
    "QueueCloseV2",
    inputs=["handle: resource"],
    attrs=["cancel_pending_enqueues: bool = False"],
    shape=shapes.none,
    writes={"handle": "queue"},
    grad=None,
)
register(
    "QueueSizeV2",
    inputs=["handle: resource"],
    outputs=["size: int32"],
    shape=shapes.scalar,
    reads={"handle": "queue"},
    grad=None,
)
register(
    "QueueIsClosedV2",
    inputs=["handle: resource"],
    outputs=["is_closed: bool"],
    shape=shapes.scalar,
    reads={"handle": "queue"},
    grad=None,
)


register(
    "RefSelect",
    inputs=["index: int32", "inputs: N * T"],
    outputs=["output: T"],
    attrs=["T: type", "N: int >= 1"],
    shape=shapes.unknown,
    passes=["inputs"],
    grad=None,
)


class QueueBase(Generic[Element]):
    """What all queues share. Make a FIFOQueue or a RandomShuffleQueue.

    Elements are tuples of tensors; with names, dictionaries.

    Args:
        dtypes: The DType of each component, a list.
        shapes: The TensorShape of each, a list.
        names: The name of each, a list of str, or None.
        queue_ref: The handle, a Tensor of dtype resource.

    Raises:
        TypeError: queue_ref is no Tensor.

    Example:
        >>> isinstance(fc.FIFOQueue(10, fc.float32), fc.QueueBase)
        True
    """

    def __init__(self, dtypes: Any, shapes: Any, names: Any, queue_ref: Tensor) -> None:
        self._dtypes = dtypes
        self._shapes = shapes
        self._names = names
        self._queue_ref = instance(queue_ref, Tensor, "queue_ref")
        # begins the names of the queue's ops, inside the scope where they are made
        self._name = queue_ref.op.name.rsplit("/", 1)[-1]

    @staticmethod
    def from_list(index: Any, queues: Sequence[QueueBase[Element]]) -> QueueBase[Element]:
        """The queue that an index names when the graph runs.

        Args:
            index: A scalar Tensor of dtype int32.
            queues: A list of queues with the same dtypes and names; shapes are kept where they
                agree.

        Returns:
            A QueueBase.

        Raises:
            TypeError: queues is no list of queues, their dtypes or names differ, or index is no
                int32.
            InvalidArgumentError: index is out of range (when it runs).

        Example:
            >>> queues = [fc.FIFOQueue(10, fc.float32, shapes=[[]]) for _ in range(2)]
            >>> second = fc.QueueBase.from_list(1, queues)
            >>> with fc.Session() as sess:
            ...     sess.run(second.enqueue(1.0))
            ...     print(sess.run([queue.size() for queue in queues]))
            [np.int32(0), np.int32(1)]
        """
        if (
            not isinstance(queues, (list, tuple))
            or not queues
            or not all(isinstance(q, QueueBase) for q in queues)
        ):
            raise TypeError("from_list needs a list or tuple of queues")
        first = queues[0]
        if any(q.dtypes != first.dtypes for q in queues):
            raise TypeError("the queues hold elements of different dtypes")
        if any(q.names != first.names for q in queues):
            raise TypeError("the queues' components have different names")
        shapes = [
            s if all(s == q.shapes[i] for q in queues) else TensorShape(None)
            for i, s in enumerate(first.shapes)
        ]
        return QueueBase(
            first.dtypes, shapes, first.names, apply("RefSelect", index, [q.queue_ref for q in queues])
        )

    def __repr__(self) -> str:
        capacity = self._queue_ref.op.attrs.get("capacity")  # none of a queue that was chosen from a list
        kinds = ", ".join(
            dtype.name if shape.ndims is None else f"{dtype.name}{shape}"
            for dtype, shape in zip(self._dtypes, self._shapes, strict=True)
        )
        limit = "" if capacity is None else f" capacity={capacity if capacity > 0 else 'unlimited'}"
        return f"<flowcore.{type(self).__name__} '{self.name}'{limit} of {kinds}>"

    @property
    def queue_ref(self) -> Tensor:
        """The handle."""
        return self._queue_ref

    @property
    def name(self) -> str:
        """The name of its handle's operation."""
        return self._queue_ref.op.name

    @property
    def dtypes(self) -> list[dtypes.DType]:
        """The dtype of each component."""
        return list(self._dtypes)

    @property
    def shapes(self) -> list[TensorShape]:
        """The shape of each component, as far as it is fixed."""
        return list(self._shapes)

    @property
    def names(self) -> list[str] | None:
        """The names of the components, or None."""
        return self._names

    def _components(self, vals: Any, many: bool) -> list[Tensor]:
        if isinstance(vals, Mapping):
            if not self._names:
                raise ValueError("a dictionary fits only a queue whose components have names")
            if set(vals) != set(self._names):
                raise ValueError(
                    f"the dictionary has {list(vals)}, the queue's components are {sorted(self._names)}"
                )
            vals = [vals[n] for n in self._names]
        else:
            if self._names:
                raise ValueError("this queue's components have names: enqueue a dictionary")
            vals = list(vals) if isinstance(vals, (list, tuple)) else [vals]
        if len(vals) != len(self._dtypes):
            raise ValueError(f"Queue '{self.name}' has {len(self._dtypes)} components, found {len(vals)}")
        tensors = []
        for i, (value, dtype, shape) in enumerate(zip(vals, self._dtypes, self._shapes, strict=True)):
            tensor = convert_to_tensor(
                value, dtype=None if isinstance(value, Tensor) else dtype, name=f"component_{i}"
            )
            if tensor.dtype.base_dtype != dtype:
                raise ValueError(
                    f"component {i} of queue '{self.name}' is {dtype.name}, found {tensor.dtype.name}"
                )
            (tensor.shape.with_rank_at_least(1)[1:] if many else tensor.shape).assert_is_compatible_with(
                shape
            )
            tensors.append(tensor)
        if many:
            length = tensors[0].shape[:1]
            for tensor in tensors[1:]:
                length = length.merge_with(tensor.shape[:1])
        return tensors

    def enqueue(self, vals: Any, name: str | None = None) -> Operation:
        """Puts one element in; waits while the queue is full.

        Args:
            vals: The element: a value, a list of one per component, or with names a dictionary.
            name: A name for the operation.

        Returns:
            An Operation.

        Raises:
            TypeError: a value does not convert to its component's dtype.
            ValueError: the components differ in number, dtype or shape.
            CancelledError: the queue is closed (when it runs).

        Example:
            >>> queue = fc.FIFOQueue(10, fc.float32, shapes=[[]])
            >>> put, get = queue.enqueue(1.5), queue.dequeue()
            >>> with fc.Session() as sess:
            ...     sess.run(put)
            ...     print(sess.run(get))
            1.5
        """
        with name_scope(name, f"{self._name}_enqueue") as scope:
            return apply("QueueEnqueueV2", self._queue_ref, self._components(vals, False), name=scope)

    def enqueue_many(self, vals: Any, name: str | None = None) -> Operation:
        """Puts the slices along the first dimension in, one element each; waits while it is full.

        Args:
            vals: As for enqueue, with one dimension more, of the same size in all components.
            name: A name for the operation.

        Returns:
            An Operation.

        Raises:
            TypeError: a value does not convert to its component's dtype.
            ValueError: the components differ in number, dtype or shape.
            CancelledError: the queue is closed (when it runs).

        Example:
            >>> queue = fc.FIFOQueue(10, fc.float32, shapes=[[]])
            >>> put, size = queue.enqueue_many([[1.0, 2.0, 3.0]]), queue.size()
            >>> with fc.Session() as sess:
            ...     sess.run(put)
            ...     print(sess.run(size))
            3
        """
        with name_scope(name, f"{self._name}_EnqueueMany") as scope:
            return apply("QueueEnqueueManyV2", self._queue_ref, self._components(vals, True), name=scope)

    def _named(self, name: str | None, suffix: str) -> str:
        return f"{self._name}_{suffix}" if name is None else name

    def _result(self, tensors: list[Tensor]) -> Any:
        if self._names:
            return dict(zip(self._names, tensors, strict=True))
        return tensors[0] if len(tensors) == 1 else tensors

    def dequeue(self, name: str | None = None) -> Element:
        """Takes one element out; waits while the queue is empty.

        Args:
            name: A name for the operation.

        Returns:
            A Tensor for one component, a list for several, a dictionary with names.

        Raises:
            OutOfRangeError: the queue is closed and empty (when it runs).

        Example:
            >>> queue = fc.FIFOQueue(10, [fc.string, fc.int32])
            >>> put, get = queue.enqueue(["a", 1]), queue.dequeue()
            >>> with fc.Session() as sess:
            ...     sess.run(put)
            ...     print(sess.run(get))
            [b'a', np.int32(1)]
        """
        outputs = apply(
            "QueueDequeueV2",
            self._queue_ref,
            component_types=self._dtypes,
            name=self._named(name, "Dequeue"),
        )
        for tensor, shape in zip(outputs, self._shapes, strict=True):
            tensor.set_shape(shape)
        return self._result(outputs)

    def _many(self, op_type: str, n: Any, name: str) -> Element:
        if not all(s.is_fully_defined() for s in self._shapes):
            raise ValueError(f"{op_type} needs shapes: make queue '{self.name}' with shapes=")
        outputs = apply(op_type, self._queue_ref, n, component_types=self._dtypes, name=name)
        batch = constant_value(outputs[0].op.inputs[1]) if op_type == "QueueDequeueManyV2" else None
        for tensor, shape in zip(outputs, self._shapes, strict=True):
            tensor.set_shape(TensorShape([None if batch is None else int(batch)]).concatenate(shape))
        return self._result(outputs)

    def dequeue_many(self, n: Any, name: str | None = None) -> Element:
        """Takes n elements out as one batch; waits until there are so many.

        Args:
            n: How many: an int, or a scalar Tensor of dtype int32.
            name: A name for the operation.

        Returns:
            As dequeue, with a first dimension of n.

        Raises:
            TypeError: n is no whole number.
            ValueError: the queue was made without shapes, or n is a negative int.
            InvalidArgumentError: n is negative (when it runs).
            OutOfRangeError: the queue is closed with fewer elements, which stay (when it runs).

        Example:
            >>> queue = fc.FIFOQueue(10, fc.float32, shapes=[[]])
            >>> put, get = queue.enqueue_many([[1.0, 2.0, 3.0]]), queue.dequeue_many(2)
            >>> with fc.Session() as sess:
            ...     sess.run(put)
            ...     print(sess.run(get))
            [1. 2.]
        """
        return self._many("QueueDequeueManyV2", n, self._named(name, "DequeueMany"))

    def dequeue_up_to(self, n: Any, name: str | None = None) -> Element:
        """Takes n elements out as one batch; a closed queue yields what it has left.

        Args:
            n: How many at most: an int, or a scalar Tensor of dtype int32.
            name: A name for the operation.

        Returns:
            As dequeue, with a first dimension of n or less.

        Raises:
            TypeError: n is no whole number.
            ValueError: the queue was made without shapes, or n is a negative int.
            InvalidArgumentError: n is negative (when it runs).
            OutOfRangeError: the queue is closed and empty (when it runs).

        Example:
            >>> queue = fc.FIFOQueue(10, fc.float32, shapes=[[]])
            >>> put, close, get = queue.enqueue_many([[1.0]]), queue.close(), queue.dequeue_up_to(2)
            >>> with fc.Session() as sess:
            ...     sess.run(put)
            ...     sess.run(close)
            ...     print(sess.run(get))
            [1.]
        """
        return self._many("QueueDequeueUpToV2", n, self._named(name, "DequeueUpTo"))

    def close(self, cancel_pending_enqueues: bool = False, name: str | None = None) -> Operation:
        """No more elements: enqueues fail from now on; what lies in the queue can still be taken.

        Args:
            cancel_pending_enqueues: Whether enqueues that wait fail too.
            name: A name for the operation.

        Returns:
            An Operation.

        Raises:
            TypeError: cancel_pending_enqueues is no bool.

        Example:
            >>> queue = fc.FIFOQueue(10, fc.float32)
            >>> close, closed = queue.close(), queue.is_closed()
            >>> with fc.Session() as sess:
            ...     sess.run(close)
            ...     print(sess.run(closed))
            True
        """
        return apply(
            "QueueCloseV2",
            self._queue_ref,
            cancel_pending_enqueues=cancel_pending_enqueues,
            name=self._named(name, "Close"),
        )

    def is_closed(self, name: str | None = None) -> Tensor:
        """Whether the queue is closed.

        Args:
            name: A name for the operation.

        Returns:
            A scalar Tensor of dtype bool.

        Raises:
            ValueError: name is no valid one.

        Example:
            >>> fc.Session().run(fc.FIFOQueue(10, fc.float32).is_closed())
            np.False_
        """
        return apply("QueueIsClosedV2", self._queue_ref, name=self._named(name, "Is_Closed"))

    def size(self, name: str | None = None) -> Tensor:
        """The number of elements that lie in the queue.

        Args:
            name: A name for the operation.

        Returns:
            A scalar Tensor of dtype int32.

        Raises:
            ValueError: name is no valid one.

        Example:
            >>> fc.Session().run(fc.FIFOQueue(10, fc.float32).size())
            np.int32(0)
        """
        return apply("QueueSizeV2", self._queue_ref, name=self._named(name, "Size"))


def _list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _specs(
    kinds: Any, parts: Any, names: Any
) -> tuple[list[dtypes.DType], list[TensorShape], list[str] | None]:
    types = [dtypes.as_dtype(t) for t in _list(kinds)]
    if parts is None:
        known = [TensorShape(None)] * len(types)
    else:
        single = (
            isinstance(parts, TensorShape)
            or not isinstance(parts, (list, tuple))
            or all(isinstance(d, int) for d in parts)
        )
        known = [TensorShape(parts)] if single and len(types) == 1 else [TensorShape(s) for s in parts]
        if len(known) != len(types):
            raise ValueError(
                f"Queue shapes must have the same length as dtypes, {len(known)} vs {len(types)}"
            )
    if names is not None:
        names = [text(n, "each of names") for n in _list(names)]
        if len(names) != len(types):
            raise ValueError(f"Queue names must have the same length as dtypes, {len(names)} vs {len(types)}")
    return types, known, names


def _capacity(value: Any) -> int:
    capacity = whole_number(value, "capacity")
    if capacity == 0:
        raise ValueError("a queue of capacity 0 could never hold an element; negative: no limit")
    return capacity


class FIFOQueue(QueueBase[Element]):
    """A queue: first in, first out.

    Args:
        capacity: How many elements it holds; further enqueues wait. Negative: no limit.
        dtypes: The dtype of each component, a list or one.
        shapes: The shape of each component, a list; dequeue_many needs it. None: any.
        names: The name of each component, a list; elements are dictionaries then.
        shared_name: Queues of one session with the same shared_name are one.
        name: A name for the queue.

    Raises:
        TypeError: a dtype or another argument is of another kind.
        ValueError: there is no dtype, shapes or names are not as many as dtypes, or capacity is 0.

    Example:
        >>> fc.FIFOQueue(10, [fc.string, fc.int32], shapes=[[], [2]])
        <flowcore.FIFOQueue 'fifo_queue' capacity=10 of string(), int32(2,)>
    """

    @overload
    def __init__(
        self: FIFOQueue[Tensor],
        capacity: int,
        dtypes: DType | type | str,
        shapes: Any = ...,
        names: None = ...,
        shared_name: str | None = ...,
        name: str = ...,
    ) -> None: ...
    @overload
    def __init__(
        self: FIFOQueue[dict[str, Tensor]],
        capacity: int,
        dtypes: Any,
        shapes: Any = ...,
        *,
        names: Sequence[str],
        shared_name: str | None = ...,
        name: str = ...,
    ) -> None: ...
    @overload
    def __init__(
        self: FIFOQueue[Tensor | Any],
        capacity: int,
        dtypes: Any,
        shapes: Any = ...,
        names: Sequence[str] | None = ...,
        shared_name: str | None = ...,
        name: str = ...,
    ) -> None: ...
    def __init__(
        self,
        capacity: int,
        dtypes: Any,
        shapes: Any = None,
        names: Sequence[str] | None = None,
        shared_name: str | None = None,
        name: str = "fifo_queue",
    ) -> None:
        types, known, names = _specs(dtypes, shapes, names)
        handle = apply(
            "FIFOQueueV2",
            component_types=types,
            shapes=known if shapes is not None else [],
            capacity=_capacity(capacity),
            shared_name=shared_name,
            name=name,
        )
        super().__init__(types, known, names, handle)


class RandomShuffleQueue(QueueBase[Element]):
    """A queue that gives its elements out in random order.

    Args:
        capacity: How many elements it holds; further enqueues wait. Negative: no limit.
        min_after_dequeue: How many elements stay after a dequeue while the queue is open: the more,
            the better mixed.
        dtypes: The dtype of each component, a list or one.
        shapes: The shape of each component, a list; dequeue_many needs it. None: any.
        names: The name of each component, a list; elements are dictionaries then.
        seed: The seed of the order; None: see set_random_seed.
        shared_name: Queues of one session with the same shared_name are one.
        name: A name for the queue.

    Raises:
        TypeError: a dtype or another argument is of another kind.
        ValueError: there is no dtype, shapes or names are not as many as dtypes, capacity is 0, or
            min_after_dequeue is negative or not below a capacity with a limit.

    Example:
        >>> queue = fc.RandomShuffleQueue(10, 0, fc.int32, shapes=[[]], seed=1)
        >>> put, get = queue.enqueue_many([[1, 2, 3]]), queue.dequeue_many(3)
        >>> with fc.Session() as sess:
        ...     sess.run(put)
        ...     print(sorted(int(n) for n in sess.run(get)))
        [1, 2, 3]
    """

    @overload
    def __init__(
        self: RandomShuffleQueue[Tensor],
        capacity: int,
        min_after_dequeue: int,
        dtypes: DType | type | str,
        shapes: Any = ...,
        names: None = ...,
        seed: int | None = ...,
        shared_name: str | None = ...,
        name: str = ...,
    ) -> None: ...
    @overload
    def __init__(
        self: RandomShuffleQueue[dict[str, Tensor]],
        capacity: int,
        min_after_dequeue: int,
        dtypes: Any,
        shapes: Any = ...,
        *,
        names: Sequence[str],
        seed: int | None = ...,
        shared_name: str | None = ...,
        name: str = ...,
    ) -> None: ...
    @overload
    def __init__(
        self: RandomShuffleQueue[Tensor | Any],
        capacity: int,
        min_after_dequeue: int,
        dtypes: Any,
        shapes: Any = ...,
        names: Sequence[str] | None = ...,
        seed: int | None = ...,
        shared_name: str | None = ...,
        name: str = ...,
    ) -> None: ...
    def __init__(
        self,
        capacity: int,
        min_after_dequeue: int,
        dtypes: Any,
        shapes: Any = None,
        names: Sequence[str] | None = None,
        seed: int | None = None,
        shared_name: str | None = None,
        name: str = "random_shuffle_queue",
    ) -> None:
        types, known, names = _specs(dtypes, shapes, names)
        capacity = _capacity(capacity)
        min_after_dequeue = whole_number(min_after_dequeue, "min_after_dequeue")
        if min_after_dequeue < 0 or (capacity > 0 and min_after_dequeue >= capacity):
            raise ValueError(
                f"min_after_dequeue must be at least 0 and below the capacity {capacity}, found"
                f" {min_after_dequeue}"
            )
        first, second = get_seed(seed)
        handle = apply(
            "RandomShuffleQueueV2",
            component_types=types,
            shapes=known if shapes is not None else [],
            capacity=capacity,
            min_after_dequeue=min_after_dequeue,
            seed=first or 0,
            seed2=second or 0,
            shared_name=shared_name,
            name=name,
        )
        super().__init__(types, known, names, handle)


# ---- readers ----------------------------------------

for _name in ("WholeFileReaderV2", "IdentityReaderV2"):
    register(
        _name,
        outputs=["reader_handle: resource"],
        attrs=["container: string = ''", "shared_name: string = ''"],
        shape=shapes.scalar,
        makes="reader",
        on_host=True,
        grad=None,
    )
register(
    "ReaderReadV2",
    inputs=["reader_handle: resource", "queue_handle: resource"],
    outputs=["key: string", "value: string"],
    shape=shapes.scalar,
    writes={"reader_handle": "reader", "queue_handle": "queue"},
    waits=("queue_handle", "elements"),
    grad=None,
)
for _name, _output in (
    ("ReaderNumRecordsProducedV2", "records_produced"),
    ("ReaderNumWorkUnitsCompletedV2", "units_completed"),
):
    register(
        _name,
        inputs=["reader_handle: resource"],
        outputs=[f"{_output}: int64"],
        shape=shapes.scalar,
        reads={"reader_handle": "reader"},
        grad=None,
    )
register(
    "ReaderResetV2",
    inputs=["reader_handle: resource"],
    shape=shapes.none,
    writes={"reader_handle": "reader"},
    grad=None,
)


class Record(NamedTuple):
    """What a reader gives out."""

    key: Tensor
    value: Tensor


class ReaderBase:
    """Turns work items of a queue, such as file names, into records.

    Make a WholeFileReader or an IdentityReader.

    Args:
        reader_ref: The handle, a Tensor of dtype resource.
        supports_serialize: Whether its state can be written down.

    Raises:
        TypeError: reader_ref is no Tensor.

    Example:
        >>> isinstance(fc.IdentityReader(), fc.ReaderBase)
        True
    """

    def __init__(self, reader_ref: Tensor, supports_serialize: bool = False) -> None:
        self._reader_ref = instance(reader_ref, Tensor, "reader_ref")
        self._supports_serialize = supports_serialize

    def __repr__(self) -> str:
        return f"<flowcore.{type(self).__name__} '{self._reader_ref.op.name}'>"

    @property
    def reader_ref(self) -> Tensor:
        """The handle."""
        return self._reader_ref

    @property
    def supports_serialize(self) -> bool:
        """Whether its state can be written down: not yet."""
        return self._supports_serialize

    def read(self, queue: QueueBase[Any] | Tensor, name: str | None = None) -> Record:
        """The next record; takes a work item from the queue when it needs one, and waits for it.

        Args:
            queue: A queue of one component of dtype string, or its handle.
            name: A name for the operation.

        Returns:
            (key, value), two scalar Tensors of dtype string.

        Raises:
            TypeError: queue is something else.
            InvalidArgumentError: the queue holds other elements (when it runs).
            NotFoundError: a WholeFileReader finds no file of that name (when it runs).
            OutOfRangeError: the queue is closed and empty (when it runs).

        Example:
            >>> names = fc.FIFOQueue(10, fc.string, shapes=[[]])
            >>> put, record = names.enqueue("a"), fc.IdentityReader().read(names)
            >>> with fc.Session() as sess:
            ...     sess.run(put)
            ...     print(sess.run(record.key), sess.run(names.size()))
            b'a' 0
        """
        handle = queue.queue_ref if isinstance(queue, QueueBase) else queue
        if not isinstance(handle, Tensor):
            raise TypeError(
                "a reader takes its work items from a queue, such as that of"
                f" flowcore.train.string_input_producer; found {described(queue)}"
            )
        return apply("ReaderReadV2", self._reader_ref, handle, name=name)

    def num_records_produced(self, name: str | None = None) -> Tensor:
        """How many records it has yielded.

        Args:
            name: A name for the operation.

        Returns:
            A scalar Tensor of dtype int64.

        Raises:
            ValueError: name is no valid one.

        Example:
            >>> fc.Session().run(fc.IdentityReader().num_records_produced())
            np.int64(0)
        """
        return apply("ReaderNumRecordsProducedV2", self._reader_ref, name=name)

    def num_work_units_completed(self, name: str | None = None) -> Tensor:
        """How many work items it has finished.

        Args:
            name: A name for the operation.

        Returns:
            A scalar Tensor of dtype int64.

        Raises:
            ValueError: name is no valid one.

        Example:
            >>> fc.Session().run(fc.IdentityReader().num_work_units_completed())
            np.int64(0)
        """
        return apply("ReaderNumWorkUnitsCompletedV2", self._reader_ref, name=name)

    def reset(self, name: str | None = None) -> Operation:
        """Brings the reader back to its first state.

        Args:
            name: A name for the operation.

        Returns:
            An Operation.

        Raises:
            ValueError: name is no valid one.

        Example:
            >>> fc.Session().run(fc.IdentityReader().reset())
        """
        return apply("ReaderResetV2", self._reader_ref, name=name)


class WholeFileReader(ReaderBase):
    """A reader with one record per file: the key is its name, the value its contents.

    Args:
        name: A name for the reader.

    Raises:
        ValueError: name is no valid one.

    Example:
        >>> with open("a.txt", "w") as file:
        ...     _ = file.write("text")
        >>> names = fc.FIFOQueue(10, fc.string, shapes=[[]])
        >>> put, record = names.enqueue("a.txt"), fc.WholeFileReader().read(names)
        >>> with fc.Session() as sess:
        ...     sess.run(put)
        ...     print(sess.run(record.value))
        b'text'
    """

    def __init__(self, name: str | None = None) -> None:
        super().__init__(apply("WholeFileReaderV2", name=name))


class IdentityReader(ReaderBase):
    """A reader with one record per work item: key and value are the item.

    Args:
        name: A name for the reader.

    Raises:
        ValueError: name is no valid one.

    Example:
        >>> fc.IdentityReader().supports_serialize
        False
    """

    def __init__(self, name: str | None = None) -> None:
        super().__init__(apply("IdentityReaderV2", name=name))
