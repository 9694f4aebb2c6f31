"""Functions on the default graph: name scopes, devices, control dependencies, collections, seeds.

Must never import ops.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from flowcore.arguments import described, listed, whole_number
from flowcore.graph.device import DeviceSpec
from flowcore.graph.graph import Graph, get_default_graph, lies_inside
from flowcore.graph.lasting import lasting
from flowcore.graph.operation import IndexedSlices, Operation, Tensor

__all__ = [
    "DeviceSpec", "add_to_collection", "add_to_collections", "colocate_with", "container",
    "control_dependencies", "device", "get_collection", "get_collection_ref", "get_seed", "init_scope",
    "name_scope", "op_scope", "set_random_seed",
]  # fmt: skip

#: Stands in for a graph seed that was not set while an op seed was.
DEFAULT_GRAPH_SEED = 87654321
_MAX_SEED = 2**31


class name_scope:
    """A context manager for the names of nodes made inside.

    Args:
        name: The scope; None takes default_name. A name that ends in "/" is taken as it is; another
            one that is taken already gets a number.
        default_name: Used when name is None.
        values: Tensors passed to the function that opens the scope; they must share one graph,
            which becomes the default inside.

    Raises:
        TypeError: name or default_name is no str.
        ValueError: values are given without a name, or the name is no valid one.

    Example:
        >>> with fc.name_scope("layer") as scope:
        ...     x = fc.constant(1.0, name="x")
        >>> scope, x.name
        ('layer/', 'layer/x:0')
    """

    def __init__(
        self, name: str | None, default_name: str | None = None, values: Sequence[Any] | None = None
    ) -> None:
        for what, text in (("name", name), ("default_name", default_name)):
            if text is not None and not isinstance(text, str):
                raise TypeError(f"{what} must be a str, found {described(text)}")
        self._name = default_name if name is None else name
        self._default_name = default_name
        self._values = values if values is None or type(values) is list else listed(values, "values")
        if self._name is None and values is not None:
            raise ValueError("at least one of name and default_name must be given with values")

    @property
    def name(self) -> str | None:
        """The name that was asked for."""
        return self._name

    def __enter__(self) -> str:
        """Opens the scope; gives its full name, which ends in a slash."""
        graph: Graph | None = None
        for value in self._values or ():
            if isinstance(value, (Tensor, Operation, IndexedSlices)):
                found = value.graph
                if get_default_graph()._reaches(found):
                    found = get_default_graph()
                if found._closed:
                    raise ValueError(lies_inside(value))
                if graph is not None and found is not graph:
                    raise ValueError(f"{value} and the values before it belong to different graphs")
                graph = found
        self._stack = contextlib.ExitStack()
        if graph is not None and graph is not get_default_graph():
            self._stack.enter_context(graph.as_default())
        else:
            graph = get_default_graph()
        return self._stack.enter_context(graph.name_scope(self._name))

    def __exit__(self, *details: Any) -> None:
        """Closes the scope."""
        self._stack.__exit__(*details)


@lasting
def op_scope(values: Sequence[Any], name: str | None, default_name: str | None = None) -> Iterator[str]:
    """The older spelling of name_scope.

    Args:
        values: Tensors passed to the function that opens the scope.
        name: The scope; None takes default_name.
        default_name: Used when name is None.

    Yields:
        The full name of the scope, a str that ends in a slash.

    Raises:
        TypeError: name or default_name is no str.
        ValueError: there is no name, or it is no valid one.

    Example:
        >>> with fc.op_scope([], "layer") as scope:
        ...     print(scope)
        layer/
    """
    with name_scope(name, default_name, values) as scope:
        yield scope


def device(
    device_name_or_function: str | DeviceSpec | Callable[[Operation], Any] | None,
) -> contextlib.AbstractContextManager[None]:
    """Operations made inside ask for this device.

    Args:
        device_name_or_function: A string such as "/gpu:0", a DeviceSpec, a function of the
            Operation that returns one of these, or None, which forgets outer scopes.

    Returns:
        A context manager.

    Raises:
        TypeError: the argument is of another kind.
        ValueError: the string is malformed.

    Example:
        >>> with fc.device("/cpu:0"):
        ...     x = fc.constant(1.0)
        >>> x.device
        '/device:CPU:0'
    """
    return get_default_graph().device(device_name_or_function)


def control_dependencies(control_inputs: Sequence[Any] | None) -> contextlib.AbstractContextManager[None]:
    """Operations made inside run after others.

    Args:
        control_inputs: Operations, Tensors or Variables, a list; None forgets outer scopes.

    Returns:
        A context manager.

    Raises:
        TypeError: an entry is of another kind.
        ValueError: an entry is from another graph.

    Example:
        >>> first = fc.no_op(name="first")
        >>> with fc.control_dependencies([first]):
        ...     second = fc.no_op()
        >>> [op.name for op in second.control_inputs]
        ['first']
    """
    return get_default_graph().control_dependencies(control_inputs)


@lasting
def init_scope() -> Iterator[None]:
    """What is made inside is made once, outside all functions, branches and loops.

    Variables make their initialisers so. Control dependencies are left too; name scopes and devices
    hold.

    Yields:
        None.

    Example:
        >>> def square(x):
        ...     with fc.init_scope():
        ...         outside.append(fc.constant(1.0))
        ...     return x * x
        >>> outside = []
        >>> y = fc.cond(fc.constant(True), lambda: square(2.0), lambda: 0.0)
        >>> outside[0].graph is y.graph
        True
    """
    graph = get_default_graph()
    with contextlib.ExitStack() as stack:
        if graph.root is not graph:
            name, devices = _scope_outside(graph), graph._scopes.devices
            scopes = graph.root._scopes
            stack.enter_context(graph.root.as_default())
            saved = scopes.name, scopes.devices
            stack.callback(_set_scopes, scopes, *saved)
            _set_scopes(scopes, name, devices)
        stack.enter_context(control_dependencies(None))
        yield


def _set_scopes(scopes: Any, name: str, devices: tuple[Any, ...]) -> None:
    scopes.name, scopes.devices = name, devices


def _scope_outside(graph: Graph) -> str:
    """The name scopes that are open in a body and in all around it, without the bodies' own names."""
    name = graph._scopes.name
    outer = getattr(graph, "outer", None)
    if outer is None:
        return name
    return f"{_scope_outside(outer)}{name[len(graph._scopes.base) :]}".removeprefix("/")


def colocate_with(op: Any, ignore_existing: bool = False) -> contextlib.AbstractContextManager[None]:
    """Operations made inside share the device of an operation.

    Args:
        op: An Operation, Tensor or Variable; None: with ignore_existing, none.
        ignore_existing: Whether outer scopes are forgotten.

    Returns:
        A context manager.

    Raises:
        TypeError: op is of another kind.

    Example:
        >>> v = fc.Variable(1.0, name="v")
        >>> with fc.colocate_with(v):
        ...     x = fc.constant(1.0)
        >>> x.op.colocation_groups()
        [b'loc:@v']
    """
    return get_default_graph().colocate_with(op, ignore_existing)


@lasting
def container(container_name: str) -> Iterator[str]:
    """Accepted: resources are named per session, and not kept in containers.

    Args:
        container_name: A name.

    Yields:
        The name.

    Example:
        >>> with fc.container("experiment") as name:
        ...     print(name)
        experiment
    """
    yield container_name


def add_to_collection(name: Any, value: Any) -> None:
    """Adds a value to a collection of the default graph.

    Args:
        name: The collection, for example one of GraphKeys.
        value: Any object.

    Raises:
        TypeError: name cannot be a key.
        RuntimeError: the graph is finalized.

    Example:
        >>> fc.add_to_collection("losses", 1)
        >>> fc.get_collection("losses")
        [1]
    """
    get_default_graph().add_to_collection(name, value)


def add_to_collections(names: Any, value: Any) -> None:
    """Adds a value to several collections of the default graph.

    Args:
        names: The collections, a list or one name.
        value: Any object.

    Raises:
        TypeError: a name cannot be a key.
        RuntimeError: the graph is finalized.

    Example:
        >>> fc.add_to_collections(["a", "b"], 1)
        >>> fc.get_collection("b")
        [1]
    """
    get_default_graph().add_to_collections(names, value)


def get_collection(key: Any, scope: str | None = None) -> list[Any]:
    """A copy of a collection of the default graph.

    Args:
        key: The collection.
        scope: A regular expression: only values whose name begins with a match; None: all.

    Returns:
        A list; empty where there is no such collection.

    Raises:
        TypeError: key cannot be a key, or scope is no str.

    Example:
        >>> v = fc.Variable(1.0, name="v")
        >>> [found.name for found in fc.get_collection(fc.GraphKeys.GLOBAL_VARIABLES)]
        ['v:0']
    """
    return get_default_graph().get_collection(key, scope)


def get_collection_ref(key: Any) -> list[Any]:
    """A collection of the default graph, itself: a change of the list changes the collection.

    Args:
        key: The collection, made where there is none.

    Returns:
        A list.

    Raises:
        TypeError: key cannot be a key.

    Example:
        >>> fc.get_collection_ref("names").append("a")
        >>> fc.get_collection("names")
        ['a']
    """
    return get_default_graph().get_collection_ref(key)


def set_random_seed(seed: int | None) -> None:
    """Sets the graph-level seed: random ops made from now on give the same numbers in every session.

    Args:
        seed: A whole number, or None for none.

    Raises:
        TypeError: seed is no whole number.

    Example:
        >>> fc.set_random_seed(1)
        >>> x = fc.random_uniform([])
        >>> bool(fc.Session().run(x) == fc.Session().run(x))
        True
    """
    get_default_graph().seed = None if seed is None else whole_number(seed, "seed")


def get_seed(op_seed: int | None) -> tuple[int | None, int | None]:
    """The two seeds of a random op: from the graph's seed and the op's own.

    Args:
        op_seed: The op's seed, a whole number, or None.

    Returns:
        A pair of ints; (None, None) when neither seed is set.

    Raises:
        TypeError: op_seed is no whole number.

    Example:
        >>> fc.get_seed(None), fc.get_seed(5)
        ((None, None), (87654321, 5))
    """
    graph: Graph = get_default_graph()
    if op_seed is not None:
        op_seed = whole_number(op_seed, "seed")
    if graph.seed is not None:
        seeds = (graph.seed, graph.version if op_seed is None else op_seed)
    elif op_seed is not None:
        seeds = (DEFAULT_GRAPH_SEED, op_seed)
    else:
        return None, None
    first, second = seeds[0] % _MAX_SEED, seeds[1] % _MAX_SEED
    return (0, _MAX_SEED - 1) if (first, second) == (0, 0) else (first, second)
