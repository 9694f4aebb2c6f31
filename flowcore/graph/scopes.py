"""Functions on the default graph:

name scopes, devices, control dependencies, collections, seeds. Must never import ops.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from flowcore.arguments import described, listed, whole_number
from flowcore.graph.device import DeviceSpec
from flowcore.graph.graph import Graph, get_default_graph
from flowcore.graph.operation import IndexedSlices, Operation, Tensor

__all__ = [
    "DeviceSpec", "add_to_collection", "add_to_collections", "colocate_with", "container",
    "control_dependencies", "device", "get_collection", "get_collection_ref", "get_seed", "name_scope",
    "op_scope", "set_random_seed",
]  # fmt: skip

#: Stands in for a graph seed that was not set while an op seed was.
DEFAULT_GRAPH_SEED = 87654321
_MAX_SEED = 2**31


class name_scope:
    """A context manager for the names of nodes made inside.

        with flowcore.name_scope("layer") as scope: ...

    Args:
      name: the scope; None takes `default_name`.
      default_name: used when `name` is None.
      values: tensors passed to the function that opens the scope; they must share one graph, which
      becomes the default inside.
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
        return self._name

    def __enter__(self) -> str:
        graph: Graph | None = None
        for value in self._values or ():
            if isinstance(value, (Tensor, Operation, IndexedSlices)):
                if graph is not None and value.graph is not graph:
                    raise ValueError(f"{value} and the values before it belong to different graphs")
                graph = value.graph
        self._stack = contextlib.ExitStack()
        if graph is not None and graph is not get_default_graph():
            self._stack.enter_context(graph.as_default())
        else:
            graph = get_default_graph()
        return self._stack.enter_context(graph.name_scope(self._name))

    def __exit__(self, *details: Any) -> None:
        self._stack.__exit__(*details)


@contextlib.contextmanager
def op_scope(values: Sequence[Any], name: str | None, default_name: str | None = None) -> Iterator[str]:
    """The older spelling of name_scope."""
    with name_scope(name, default_name, values) as scope:
        yield scope


def device(
    device_name_or_function: str | DeviceSpec | Callable[[Operation], Any] | None,
) -> contextlib.AbstractContextManager[None]:
    """Operations made inside ask for this device:

    "/gpu:0", a DeviceSpec, a function of the operation; None forgets outer scopes.
    """
    return get_default_graph().device(device_name_or_function)


def control_dependencies(control_inputs: Sequence[Any] | None) -> contextlib.AbstractContextManager[None]:
    """Operations made inside run after `control_inputs`. None forgets outer scopes."""
    return get_default_graph().control_dependencies(control_inputs)


def colocate_with(op: Any, ignore_existing: bool = False) -> contextlib.AbstractContextManager[None]:
    """Operations made inside share the device of `op`."""
    return get_default_graph().colocate_with(op, ignore_existing)


@contextlib.contextmanager
def container(container_name: str) -> Iterator[str]:
    """Accepted for compatibility: resources are named per session, and not kept in containers."""
    yield container_name


def add_to_collection(name: Any, value: Any) -> None:
    """Adds `value` to a collection of the default graph."""
    get_default_graph().add_to_collection(name, value)


def add_to_collections(names: Any, value: Any) -> None:
    """Adds `value` to several collections of the default graph."""
    get_default_graph().add_to_collections(names, value)


def get_collection(key: Any, scope: str | None = None) -> list[Any]:
    """A copy of a collection of the default graph."""
    return get_default_graph().get_collection(key, scope)


def get_collection_ref(key: Any) -> list[Any]:
    """A collection of the default graph, itself."""
    return get_default_graph().get_collection_ref(key)


def set_random_seed(seed: int | None) -> None:
    """Sets the graph-level seed: random ops made from now on give the same numbers in every session."""
    get_default_graph().seed = None if seed is None else whole_number(seed, "seed")


def get_seed(op_seed: int | None) -> tuple[int | None, int | None]:
    """The two seeds of a random op:

    from the graph's seed and the op's own. (None, None) when neither is set.
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
