"""Nested fetches: what the engine must yield, and how its flat list becomes the structure that the
user asked for.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any, NamedTuple

import numpy as np

from flowcore import dtypes
from flowcore.graph.graph import Graph
from flowcore.graph.operation import IndexedSlices, Operation, Tensor


class IndexedSlicesValue(NamedTuple):
    """The fetched value of an IndexedSlices."""

    values: np.ndarray
    indices: np.ndarray
    dense_shape: np.ndarray | None


Build = Callable[[list[Any]], Any]

#: Types of what stays in the graph, and what their values are.
_WITHOUT_ARRAYS = {dtypes.resource: "handle of a resource", dtypes.variant: "variant (a list of tensors)"}


class Fetches:
    """A parsed fetch structure: `tensors` and `targets` without repetitions, and `build(values)`."""

    def __init__(self, graph: Graph, structure: Any) -> None:
        self.tensors: list[Tensor] = []
        self.targets: list[Operation] = []
        self._graph = graph
        self._positions: dict[Tensor, int] = {}
        self._build = self._parse(structure)
        #: From fetched arrays to the user's structure; scalars come as NumPy scalars, strings as
        #: bytes, operations as None.
        self.build: Callable[[list[np.ndarray]], Any] = (
            _only if type(structure) is Tensor else self._structured
        )

    def _structured(self, arrays: list[np.ndarray]) -> Any:
        return self._build([a if a.ndim else a[()] for a in arrays])

    def _parse(self, structure: Any) -> Build:
        if isinstance(structure, (list, tuple)):
            return self._sequence(structure)
        if isinstance(structure, Mapping):
            return self._mapping(structure)
        if (names := _field_names(structure)) is not None:
            return self._object(structure, names)
        if isinstance(structure, IndexedSlices):
            parts = [
                structure.values,
                structure.indices,
                *([] if structure.dense_shape is None else [structure.dense_shape]),
            ]
            builds = [self._element(part) for part in parts]
            return lambda values: IndexedSlicesValue(
                *(b(values) for b in builds), *([None] * (3 - len(builds)))
            )
        return self._element(structure)

    def _sequence(self, structure: Any) -> Build:
        builds = [self._parse(item) for item in structure]
        kind = type(structure)
        if hasattr(structure, "_fields"):  # namedtuple
            return lambda values: kind(*(b(values) for b in builds))
        if kind is list:
            return lambda values: [b(values) for b in builds]
        if not isinstance(structure, list):
            return lambda values: kind([b(values) for b in builds])

        def build(values: list[Any]) -> Any:
            result = copy.copy(structure)
            result[:] = [b(values) for b in builds]
            return result

        return build

    def _mapping(self, structure: Mapping[Any, Any]) -> Build:
        builds = {key: self._parse(item) for key, item in structure.items()}
        if type(structure) is dict or not isinstance(structure, MutableMapping):
            return lambda values: {key: b(values) for key, b in builds.items()}

        def build(values: list[Any]) -> Any:  # a copy keeps what a subclass has, such as a default factory
            result = copy.copy(structure)
            for key, b in builds.items():
                result[key] = b(values)
            return result

        return build

    def _object(self, structure: Any, names: list[str]) -> Build:
        """A copy of an object whose fields hold the values."""
        builds = {name: self._parse(getattr(structure, name)) for name in names}

        def build(values: list[Any]) -> Any:
            result = copy.copy(structure)
            for name, b in builds.items():
                object.__setattr__(result, name, b(values))  # frozen ones too: no other code has it yet
            return result

        return build

    def _element(self, fetch: Any) -> Build:
        if fetch is None:
            raise TypeError(
                "Fetch argument None has invalid type <class 'NoneType'>; a fetch is a Tensor, an Operation,"
                " a name or a structure of these"
            )
        try:
            element = self._graph.as_graph_element(fetch, allow_tensor=True, allow_operation=True)
        except TypeError as error:
            raise TypeError(
                f"Fetch argument {fetch!r} has invalid type {type(fetch)}, must be a Tensor, an Operation or"
                f" a name. ({error})"
            ) from None
        except (KeyError, ValueError) as error:
            raise ValueError(
                f"Fetch argument {fetch!r} cannot be interpreted as a Tensor or Operation of this graph."
                f" ({error})"
            ) from None
        if isinstance(element, Tensor) and element.op._op_def.makes == "variable":
            element = _read_of(element)
        if isinstance(element, Operation):
            if element not in self.targets:
                self.targets.append(element)
            return lambda values: None
        if element.dtype in _WITHOUT_ARRAYS:
            raise TypeError(
                f"Fetch argument {fetch!r} is a {_WITHOUT_ARRAYS[element.dtype]}, which no NumPy array can"
                f" hold: '{element.name}' has dtype {element.dtype.name}. Fetch what an op reads from it, or"
                f" '{element.op.name}' itself, to run it and get None"
            )
        position = self._positions.setdefault(element, len(self.tensors))
        if position == len(self.tensors):
            self.tensors.append(element)
        return lambda values: values[position]


def _field_names(structure: Any) -> list[str] | None:
    """The fields of a dataclass or of a class made with attrs; None for other objects."""
    kind = type(structure)
    if hasattr(kind, "__attrs_attrs__"):
        return [field.name for field in kind.__attrs_attrs__]
    if dataclasses.is_dataclass(kind):
        return [field.name for field in dataclasses.fields(kind)]
    return None


def _read_of(handle: Tensor) -> Tensor:
    """The read that was made with a variable: "v:0" is the name of its handle, and means its value."""
    return next((op._outputs[0] for op in handle.consumers() if op.type == "ReadVariableOp"), handle)


def _only(arrays: list[np.ndarray]) -> Any:
    (array,) = arrays
    return array if array.ndim else array[()]
