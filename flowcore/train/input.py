"""Input pipelines of queues: producers of names, numbers and slices, and batches of tensors.

Each adds a queue and its runner to the graph.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar, overload

import numpy as np

from flowcore import dtypes
from flowcore.arguments import flag, listed, text, whole_number
from flowcore.graph.apply import apply
from flowcore.graph.conversion import convert_to_tensor
from flowcore.graph.graph import GraphKeys
from flowcore.graph.operation import Tensor
from flowcore.graph.scopes import control_dependencies, name_scope
from flowcore.ops.constant_ops import constant
from flowcore.ops.control_flow_ops import Assert, with_dependencies
from flowcore.ops.data_flow_ops import FIFOQueue, QueueBase, RandomShuffleQueue
from flowcore.ops.filling import range
from flowcore.ops.gathering import gather
from flowcore.ops.identities import identity
from flowcore.ops.io_ops import matching_files
from flowcore.ops.random_ops import random_shuffle
from flowcore.ops.shape_ops import shape
from flowcore.ops.variables import Variable
from flowcore.shape import TensorShape
from flowcore.train.queue_runner import QueueRunner, add_queue_runner

__all__ = [
    "batch",
    "batch_join",
    "input_producer",
    "limit_epochs",
    "match_filenames_once",
    "range_input_producer",
    "shuffle_batch",
    "shuffle_batch_join",
    "slice_input_producer",
    "string_input_producer",
]

Key = TypeVar("Key")

#: Threads of one queue runner: more would be a slip, and each is a thread of the system.
MAX_THREADS = 10_000


def limit_epochs(tensor: Any, num_epochs: int | None = None, name: str | None = None) -> Tensor:
    """The same tensor a number of times, then OutOfRangeError.

    Args:
        tensor: A Tensor of any dtype and shape.
        num_epochs: How often it is given; None: for ever. The count is a local variable: run
            local_variables_initializer().
        name: A name for the operation.

    Returns:
        A Tensor of the same dtype and shape.

    Raises:
        TypeError: num_epochs is no whole number.
        ValueError: num_epochs is less than 1.
        OutOfRangeError: it was given num_epochs times (when it runs).

    Example:
        >>> once = fc.train.limit_epochs(5.0, num_epochs=1)
        >>> with fc.Session() as sess:
        ...     sess.run(fc.local_variables_initializer())
        ...     print(sess.run(once))
        5.0
    """
    if num_epochs is None:
        return convert_to_tensor(tensor)
    num_epochs = whole_number(num_epochs, "num_epochs", 1)
    with name_scope(name, "limit_epochs", [tensor]) as scope:
        zero = constant(0, dtypes.int64)
        epochs = Variable(zero, trainable=False, name="epochs", collections=[GraphKeys.LOCAL_VARIABLES])
        with control_dependencies([epochs.count_up_to(num_epochs)]):
            return identity(tensor, name=scope)


def input_producer(
    input_tensor: Any,
    element_shape: Any = None,
    num_epochs: int | None = None,
    shuffle: bool = True,
    seed: int | None = None,
    capacity: int = 32,
    shared_name: str | None = None,
    summary_name: str | None = None,
    name: str | None = None,
    cancel_op: Any = None,
) -> FIFOQueue:
    """A queue of the rows of a tensor.

    Args:
        input_tensor: A Tensor with one dimension or more.
        element_shape: The shape of a row, where the tensor's own is not known.
        num_epochs: How often all are given, then OutOfRangeError; None: for ever. The count is a
            local variable: run local_variables_initializer().
        shuffle: Whether each round has a random order of its own.
        seed: The seed of that order; None: see set_random_seed.
        capacity: Elements that the queue holds.
        shared_name: The queue's name where sessions share it; None: its own.
        summary_name: Accepted; there are no summaries yet.
        name: A name for the operations.
        cancel_op: Run when a stop is asked for; None: the queue is closed.

    Returns:
        A FIFOQueue; its runner is in the collection QUEUE_RUNNERS.

    Raises:
        TypeError: an argument is of another kind.
        ValueError: the shape of a row is not known, or num_epochs or capacity is out of range.

    Example:
        >>> queue = fc.train.input_producer([[1, 2], [3, 4]], shuffle=False)
        >>> row = queue.dequeue()
        >>> coord = fc.train.Coordinator()
        >>> with fc.Session() as sess:
        ...     threads = fc.train.start_queue_runners(sess, coord)
        ...     print(sess.run(row), sess.run(row))
        ...     coord.request_stop()
        ...     coord.join(threads)
        [1 2] [3 4]
    """
    with name_scope(name, "input_producer", [input_tensor]) as scope:
        rows = convert_to_tensor(input_tensor, name="input_tensor")
        element = rows.shape[1:].merge_with(TensorShape(element_shape))
        if not element.is_fully_defined():
            raise ValueError("the shape of a row is not known; give element_shape")
        if flag(shuffle, "shuffle"):
            rows = random_shuffle(rows, seed=seed)
        rows = limit_epochs(rows, num_epochs)
        queue = FIFOQueue(capacity, [rows.dtype.base_dtype], [element], shared_name=shared_name, name=scope)
        add_queue_runner(QueueRunner(queue, [queue.enqueue_many([rows])], cancel_op=cancel_op))
        return queue


def string_input_producer(
    string_tensor: Any,
    num_epochs: int | None = None,
    shuffle: bool = True,
    seed: int | None = None,
    capacity: int = 32,
    shared_name: str | None = None,
    name: str | None = None,
    cancel_op: Any = None,
) -> FIFOQueue:
    """A queue of strings, file names for example.

    Args:
        string_tensor: A vector of strings: a list, a Tensor, or match_filenames_once(...).
        num_epochs: How often all are given, then OutOfRangeError; None: for ever. The count is a
            local variable: run local_variables_initializer().
        shuffle: Whether each round has a random order of its own.
        seed: The seed of that order; None: see set_random_seed.
        capacity: Elements that the queue holds.
        shared_name: The queue's name where sessions share it; None: its own.
        name: A name for the operations.
        cancel_op: Run when a stop is asked for; None: the queue is closed.

    Returns:
        A FIFOQueue; its runner is in the collection QUEUE_RUNNERS.

    Raises:
        TypeError: string_tensor holds no strings, or an argument is of another kind.
        ValueError: string_tensor is empty, or num_epochs or capacity is out of range.
        InvalidArgumentError: string_tensor turns out to be empty (when it runs).

    Example:
        >>> name = fc.train.string_input_producer(["a.png", "b.png"], shuffle=False).dequeue()
        >>> coord = fc.train.Coordinator()
        >>> with fc.Session() as sess:
        ...     threads = fc.train.start_queue_runners(sess, coord)
        ...     print(sess.run(name))
        ...     coord.request_stop()
        ...     coord.join(threads)
        b'a.png'
    """
    is_array = isinstance(string_tensor, np.ndarray)
    if (is_array and not string_tensor.size) or (
        isinstance(string_tensor, (list, tuple)) and not string_tensor
    ):
        raise ValueError("string_input_producer needs at least one string")
    with name_scope(name, "input_producer", [string_tensor]) as scope:
        strings = convert_to_tensor(string_tensor, dtype=dtypes.string)
        count = strings.shape.num_elements()
        if count is None:
            check = Assert(apply("Size", strings) > 0, ["string_input_producer needs at least one string"])
            strings = with_dependencies([check], strings)
        return input_producer(
            strings, [], num_epochs, shuffle, seed, capacity, shared_name, name=scope, cancel_op=cancel_op
        )


def range_input_producer(
    limit: Any,
    num_epochs: int | None = None,
    shuffle: bool = True,
    seed: int | None = None,
    capacity: int = 32,
    shared_name: str | None = None,
    name: str | None = None,
) -> FIFOQueue:
    """A queue of the numbers 0 .. limit - 1.

    Args:
        limit: The number that ends the range, an int32 scalar.
        num_epochs: How often all are given, then OutOfRangeError; None: for ever. The count is a
            local variable: run local_variables_initializer().
        shuffle: Whether each round has a random order of its own.
        seed: The seed of that order; None: see set_random_seed.
        capacity: Elements that the queue holds.
        shared_name: The queue's name where sessions share it; None: its own.
        name: A name for the operations.

    Returns:
        A FIFOQueue of int32 scalars; its runner is in the collection QUEUE_RUNNERS.

    Raises:
        TypeError: an argument is of another kind.
        ValueError: num_epochs or capacity is out of range.

    Example:
        >>> fc.train.range_input_producer(5, shuffle=False).dequeue().dtype
        flowcore.int32
    """
    with name_scope(name, "input_producer", [limit]) as scope:
        return input_producer(
            range(limit), [], num_epochs, shuffle, seed, capacity, shared_name, "fraction_of_{}_full", scope
        )


def slice_input_producer(
    tensor_list: Sequence[Any],
    num_epochs: int | None = None,
    shuffle: bool = True,
    seed: int | None = None,
    capacity: int = 32,
    shared_name: str | None = None,
    name: str | None = None,
) -> list[Tensor]:
    """One slice of each tensor, the same row of all, a fresh one at each evaluation.

    Args:
        tensor_list: A list of Tensors with one dimension or more, all of the same length.
        num_epochs: How often all are given, then OutOfRangeError; None: for ever. The count is a
            local variable: run local_variables_initializer().
        shuffle: Whether each round has a random order of its own.
        seed: The seed of that order; None: see set_random_seed.
        capacity: Elements that the queue holds.
        shared_name: The queue's name where sessions share it; None: its own.
        name: A name for the operations.

    Returns:
        A list of Tensors, one per entry, each without the first dimension.

    Raises:
        TypeError: an argument is of another kind.
        ValueError: tensor_list is empty, or num_epochs or capacity is out of range.

    Example:
        >>> image, label = fc.train.slice_input_producer([np.zeros([5, 2]), [0, 1, 2, 3, 4]])
        >>> image.shape
        TensorShape([2])
    """
    tensor_list = listed(tensor_list, "tensor_list")
    if not tensor_list:
        raise ValueError("slice_input_producer needs a list of one or more tensors")
    with name_scope(name, "input_producer", list(tensor_list)):
        tensors = [convert_to_tensor(t) for t in tensor_list]
        queue = range_input_producer(shape(tensors[0])[0], num_epochs, shuffle, seed, capacity, shared_name)
        index = queue.dequeue()
        return [gather(t, index) for t in tensors]


def match_filenames_once(pattern: Any, name: str | None = None) -> Variable:
    """The files that match shell patterns, found once, when local_variables_initializer() runs.

    Args:
        pattern: A pattern or a vector of patterns, with `*`, `?` and `[...]`.
        name: A name for the variable.

    Returns:
        A local Variable: a vector of strings, sorted.

    Raises:
        TypeError: pattern is no text.

    Example:
        >>> _ = open("a.txt", "w").close()
        >>> names = fc.train.match_filenames_once("*.txt")
        >>> with fc.Session() as sess:
        ...     sess.run(fc.local_variables_initializer())
        ...     print(sess.run(names))
        [b'a.txt']
    """
    return Variable(
        matching_files(pattern),
        trainable=False,
        validate_shape=False,
        name="matching_filenames" if name is None else name,
        collections=[GraphKeys.LOCAL_VARIABLES],
    )


# ---- batches ----------------------------------------


class _Example(NamedTuple):
    """The tensors of one example, and their names where it is a dictionary (sorted)."""

    tensors: list[Tensor]
    names: list[str] | None


def _example(tensors: Any) -> _Example:
    if isinstance(tensors, Mapping):
        names = sorted(text(key, "each key of an example") for key in tensors)
        parts = [tensors[n] for n in names]
    else:
        names = None
        parts = list(tensors) if isinstance(tensors, (list, tuple)) else [tensors]
    if not parts:
        raise ValueError("a batch needs at least one tensor")
    return _Example([convert_to_tensor(t) for t in parts], names)


def _element_shapes(examples: Sequence[_Example], shapes: Any, enqueue_many: bool) -> list[TensorShape]:
    """The shape of each component in the queue. All examples must agree in components and dtypes."""
    first = examples[0]
    if any(e.names != first.names or len(e.tensors) != len(first.tensors) for e in examples):
        raise ValueError("all entries of tensors_list must have the same components")
    shapes = None if shapes is None else listed(shapes, "shapes")
    if shapes is not None and len(shapes) != len(first.tensors):
        raise ValueError(f"shapes has {len(shapes)} entries, an example {len(first.tensors)} components")
    found = []
    for i, tensor in enumerate(first.tensors):
        element = tensor.shape
        for other in examples[1:]:
            if other.tensors[i].dtype.base_dtype != tensor.dtype.base_dtype:
                raise TypeError(
                    f"component {i} differs in dtype: {tensor.dtype.name} and {other.tensors[i].dtype.name}"
                )
            if shapes is None:
                element = element.merge_with(other.tensors[i].shape)
        element = TensorShape(shapes[i]) if shapes is not None else element[1:] if enqueue_many else element
        if not element.is_fully_defined():
            raise ValueError(
                f"All shapes must be fully defined: component {i} has shape {element}; use set_shape, or"
                " pass shapes="
            )
        found.append(element)
    return found


def _batches(
    tensors_list: Sequence[Any],
    batch_size: Any,
    make_queue: Callable[..., QueueBase],
    enqueue_many: bool,
    shapes: Any,
    smaller_final: bool,
    name: str | None,
    default_name: str,
    threads: int = 1,
    dynamic_pad: bool = False,
) -> Any:
    """What the four functions below do: a queue that examples go into, one thread for each of
    `tensors_list` (`threads` if it is one), and batches taken out of it.
    """
    enqueue_many = flag(enqueue_many, "enqueue_many")
    smaller_final = flag(smaller_final, "allow_smaller_final_batch")
    if flag(dynamic_pad, "dynamic_pad"):
        raise NotImplementedError("dynamic_pad is not there yet; give all examples one shape")
    if not isinstance(batch_size, (Tensor, Variable)):
        batch_size = whole_number(batch_size, "batch_size", 1, 2**31 - 1)
    tensors_list = listed(tensors_list, "tensors_list")
    if not tensors_list:
        raise ValueError("tensors_list is empty; it needs one entry per thread")
    examples = [_example(t) for t in tensors_list]
    with name_scope(name, default_name, [t for e in examples for t in e.tensors]) as scope:
        first = examples[0]
        element_shapes = _element_shapes(examples, shapes, enqueue_many)
        queue = make_queue([t.dtype.base_dtype for t in first.tensors], element_shapes)
        put = queue.enqueue_many if enqueue_many else queue.enqueue
        ops = [put(e.tensors) for e in examples]
        add_queue_runner(QueueRunner(queue, ops * whole_number(threads, "num_threads", 1, MAX_THREADS)))
        taken = (queue.dequeue_up_to if smaller_final else queue.dequeue_many)(batch_size, name=scope)
        if first.names is None:
            return taken
        return dict(zip(first.names, taken if isinstance(taken, list) else [taken], strict=True))


@overload
def batch(
    tensors: Mapping[Key, Any],
    batch_size: Any,
    num_threads: int = ...,
    capacity: int = ...,
    enqueue_many: bool = ...,
    shapes: Any = ...,
    dynamic_pad: bool = ...,
    allow_smaller_final_batch: bool = ...,
    shared_name: str | None = ...,
    name: str | None = ...,
) -> dict[Key, Tensor]: ...
@overload
def batch(
    tensors: Tensor | Variable | np.ndarray,
    batch_size: Any,
    num_threads: int = ...,
    capacity: int = ...,
    enqueue_many: bool = ...,
    shapes: Any = ...,
    dynamic_pad: bool = ...,
    allow_smaller_final_batch: bool = ...,
    shared_name: str | None = ...,
    name: str | None = ...,
) -> Tensor: ...
@overload
def batch(
    tensors: Any,
    batch_size: Any,
    num_threads: int = ...,
    capacity: int = ...,
    enqueue_many: bool = ...,
    shapes: Any = ...,
    dynamic_pad: bool = ...,
    allow_smaller_final_batch: bool = ...,
    shared_name: str | None = ...,
    name: str | None = ...,
) -> Tensor | Any: ...
def batch(
    tensors: Any,
    batch_size: Any,
    num_threads: int = 1,
    capacity: int = 32,
    enqueue_many: bool = False,
    shapes: Any = None,
    dynamic_pad: bool = False,
    allow_smaller_final_batch: bool = False,
    shared_name: str | None = None,
    name: str | None = None,
) -> Any:
    """Batches of examples, in order (with one thread).

    Args:
        tensors: A Tensor, a list or a dictionary of Tensors: one example, or with enqueue_many
            several along the first dimension.
        batch_size: Examples per batch: an int, or an int32 scalar Tensor.
        num_threads: Threads that run the operations behind tensors.
        capacity: Examples that may wait.
        enqueue_many: Whether tensors holds several examples.
        shapes: The shapes of the components, where the tensors' own are not known.
        dynamic_pad: Must be False.
        allow_smaller_final_batch: Whether the last batch may be smaller; otherwise what is left
            over is dropped.
        shared_name: The queue's name where sessions share it; None: its own.
        name: A name for the operations.

    Returns:
        A Tensor for a tensor or a list of one, a list for a longer list, a dictionary for a
        dictionary, each with a first dimension of batch_size.

    Raises:
        TypeError: an argument is of another kind, or entries differ in dtype.
        ValueError: there is no tensor, a shape is not known, or a number is out of range.
        NotImplementedError: dynamic_pad is True.

    Example:
        >>> number = fc.train.range_input_producer(10, shuffle=False).dequeue()
        >>> numbers = fc.train.batch([number], batch_size=3)
        >>> coord = fc.train.Coordinator()
        >>> with fc.Session() as sess:
        ...     threads = fc.train.start_queue_runners(sess, coord)
        ...     print(sess.run(numbers))
        ...     coord.request_stop()
        ...     coord.join(threads)
        [0 1 2]
    """
    make = functools.partial(FIFOQueue, capacity, shared_name=shared_name)
    return _batches(
        [tensors],
        batch_size,
        make,
        enqueue_many,
        shapes,
        allow_smaller_final_batch,
        name,
        "batch",
        num_threads,
        dynamic_pad,
    )


@overload
def batch_join(
    tensors_list: Sequence[Mapping[Key, Any]],
    batch_size: Any,
    capacity: int = ...,
    enqueue_many: bool = ...,
    shapes: Any = ...,
    dynamic_pad: bool = ...,
    allow_smaller_final_batch: bool = ...,
    shared_name: str | None = ...,
    name: str | None = ...,
) -> dict[Key, Tensor]: ...
@overload
def batch_join(
    tensors_list: Sequence[Tensor | Variable | np.ndarray],
    batch_size: Any,
    capacity: int = ...,
    enqueue_many: bool = ...,
    shapes: Any = ...,
    dynamic_pad: bool = ...,
    allow_smaller_final_batch: bool = ...,
    shared_name: str | None = ...,
    name: str | None = ...,
) -> Tensor: ...
@overload
def batch_join(
    tensors_list: Sequence[Any],
    batch_size: Any,
    capacity: int = ...,
    enqueue_many: bool = ...,
    shapes: Any = ...,
    dynamic_pad: bool = ...,
    allow_smaller_final_batch: bool = ...,
    shared_name: str | None = ...,
    name: str | None = ...,
) -> Tensor | Any: ...
def batch_join(
    tensors_list: Sequence[Any],
    batch_size: Any,
    capacity: int = 32,
    enqueue_many: bool = False,
    shapes: Any = None,
    dynamic_pad: bool = False,
    allow_smaller_final_batch: bool = False,
    shared_name: str | None = None,
    name: str | None = None,
) -> Any:
    """Batches of examples that several threads read, each from tensors of its own.

    Args:
        tensors_list: One entry per thread, each as the tensors of batch: a list, for example, of
            what different readers give.
        batch_size: Examples per batch: an int, or an int32 scalar Tensor.
        capacity: Examples that may wait.
        enqueue_many: Whether an entry holds several examples along the first dimension.
        shapes: The shapes of the components, where the tensors' own are not known.
        dynamic_pad: Must be False.
        allow_smaller_final_batch: Whether the last batch may be smaller; otherwise what is left
            over is dropped.
        shared_name: The queue's name where sessions share it; None: its own.
        name: A name for the operations.

    Returns:
        A Tensor for a tensor or a list of one, a list for a longer list, a dictionary for a
        dictionary, each with a first dimension of batch_size.

    Raises:
        TypeError: an argument is of another kind, or entries differ in dtype.
        ValueError: there is no tensor, a shape is not known, or a number is out of range.
        NotImplementedError: dynamic_pad is True.

    Example:
        >>> fc.train.batch_join([[fc.zeros([2])], [fc.ones([2])]], batch_size=4).shape
        TensorShape([4, 2])
    """
    make = functools.partial(FIFOQueue, capacity, shared_name=shared_name)
    return _batches(
        tensors_list,
        batch_size,
        make,
        enqueue_many,
        shapes,
        allow_smaller_final_batch,
        name,
        "batch_join",
        1,
        dynamic_pad,
    )


@overload
def shuffle_batch(
    tensors: Mapping[Key, Any],
    batch_size: Any,
    capacity: int,
    min_after_dequeue: int,
    num_threads: int = ...,
    seed: int | None = ...,
    enqueue_many: bool = ...,
    shapes: Any = ...,
    allow_smaller_final_batch: bool = ...,
    shared_name: str | None = ...,
    name: str | None = ...,
) -> dict[Key, Tensor]: ...
@overload
def shuffle_batch(
    tensors: Tensor | Variable | np.ndarray,
    batch_size: Any,
    capacity: int,
    min_after_dequeue: int,
    num_threads: int = ...,
    seed: int | None = ...,
    enqueue_many: bool = ...,
    shapes: Any = ...,
    allow_smaller_final_batch: bool = ...,
    shared_name: str | None = ...,
    name: str | None = ...,
) -> Tensor: ...
@overload
def shuffle_batch(
    tensors: Any,
    batch_size: Any,
    capacity: int,
    min_after_dequeue: int,
    num_threads: int = ...,
    seed: int | None = ...,
    enqueue_many: bool = ...,
    shapes: Any = ...,
    allow_smaller_final_batch: bool = ...,
    shared_name: str | None = ...,
    name: str | None = ...,
) -> Tensor | Any: ...
def shuffle_batch(
    tensors: Any,
    batch_size: Any,
    capacity: int,
    min_after_dequeue: int,
    num_threads: int = 1,
    seed: int | None = None,
    enqueue_many: bool = False,
    shapes: Any = None,
    allow_smaller_final_batch: bool = False,
    shared_name: str | None = None,
    name: str | None = None,
) -> Any:
    """Batches of examples in random order.

    Args:
        tensors: A Tensor, a list or a dictionary of Tensors: one example, or with enqueue_many
            several along the first dimension.
        batch_size: Examples per batch: an int, or an int32 scalar Tensor.
        capacity: Examples that may wait.
        min_after_dequeue: Examples that still wait after a batch was taken: the more, the better
            mixed.
        num_threads: Threads that run the operations behind tensors.
        seed: The seed of the order; None: see set_random_seed.
        enqueue_many: Whether tensors holds several examples.
        shapes: The shapes of the components, where the tensors' own are not known.
        allow_smaller_final_batch: Whether the last batch may be smaller; otherwise what is left
            over is dropped.
        shared_name: The queue's name where sessions share it; None: its own.
        name: A name for the operations.

    Returns:
        A Tensor for a tensor or a list of one, a list for a longer list, a dictionary for a
        dictionary, each with a first dimension of batch_size.

    Raises:
        TypeError: an argument is of another kind, or entries differ in dtype.
        ValueError: there is no tensor, a shape is not known, or a number is out of range.

    Example:
        >>> fc.train.shuffle_batch([fc.zeros([2])], 4, capacity=50, min_after_dequeue=10).shape
        TensorShape([4, 2])
    """
    make = functools.partial(
        RandomShuffleQueue, capacity, min_after_dequeue, seed=seed, shared_name=shared_name
    )
    return _batches(
        [tensors],
        batch_size,
        make,
        enqueue_many,
        shapes,
        allow_smaller_final_batch,
        name,
        "shuffle_batch",
        num_threads,
    )


@overload
def shuffle_batch_join(
    tensors_list: Sequence[Mapping[Key, Any]],
    batch_size: Any,
    capacity: int,
    min_after_dequeue: int,
    seed: int | None = ...,
    enqueue_many: bool = ...,
    shapes: Any = ...,
    allow_smaller_final_batch: bool = ...,
    shared_name: str | None = ...,
    name: str | None = ...,
) -> dict[Key, Tensor]: ...
@overload
def shuffle_batch_join(
    tensors_list: Sequence[Tensor | Variable | np.ndarray],
    batch_size: Any,
    capacity: int,
    min_after_dequeue: int,
    seed: int | None = ...,
    enqueue_many: bool = ...,
    shapes: Any = ...,
    allow_smaller_final_batch: bool = ...,
    shared_name: str | None = ...,
    name: str | None = ...,
) -> Tensor: ...
@overload
def shuffle_batch_join(
    tensors_list: Sequence[Any],
    batch_size: Any,
    capacity: int,
    min_after_dequeue: int,
    seed: int | None = ...,
    enqueue_many: bool = ...,
    shapes: Any = ...,
    allow_smaller_final_batch: bool = ...,
    shared_name: str | None = ...,
    name: str | None = ...,
) -> Tensor | Any: ...
def shuffle_batch_join(
    tensors_list: Sequence[Any],
    batch_size: Any,
    capacity: int,
    min_after_dequeue: int,
    seed: int | None = None,
    enqueue_many: bool = False,
    shapes: Any = None,
    allow_smaller_final_batch: bool = False,
    shared_name: str | None = None,
    name: str | None = None,
) -> Any:
    """Batches, in random order, of examples that several threads read, each from tensors of its own.

    Args:
        tensors_list: One entry per thread, each as the tensors of shuffle_batch.
        batch_size: Examples per batch: an int, or an int32 scalar Tensor.
        capacity: Examples that may wait.
        min_after_dequeue: Examples that still wait after a batch was taken: the more, the better
            mixed.
        seed: The seed of the order; None: see set_random_seed.
        enqueue_many: Whether an entry holds several examples along the first dimension.
        shapes: The shapes of the components, where the tensors' own are not known.
        allow_smaller_final_batch: Whether the last batch may be smaller; otherwise what is left
            over is dropped.
        shared_name: The queue's name where sessions share it; None: its own.
        name: A name for the operations.

    Returns:
        A Tensor for a tensor or a list of one, a list for a longer list, a dictionary for a
        dictionary, each with a first dimension of batch_size.

    Raises:
        TypeError: an argument is of another kind, or entries differ in dtype.
        ValueError: there is no tensor, a shape is not known, or a number is out of range.

    Example:
        >>> lists = [[fc.zeros([2])], [fc.ones([2])]]
        >>> fc.train.shuffle_batch_join(lists, 4, capacity=50, min_after_dequeue=10).shape
        TensorShape([4, 2])
    """
    make = functools.partial(
        RandomShuffleQueue, capacity, min_after_dequeue, seed=seed, shared_name=shared_name
    )
    return _batches(
        tensors_list,
        batch_size,
        make,
        enqueue_many,
        shapes,
        allow_smaller_final_batch,
        name,
        "shuffle_batch_join",
    )
