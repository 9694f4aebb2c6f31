"""Nested structures of tensors: lists, tuples, namedtuples and mappings, flattened and put together again.

Values of several tensors (IndexedSlices, and what has `_components` and `_with_components`) count as these.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from flowcore.graph.operation import IndexedSlices

__all__ = [
    "are_alike",
    "assert_same",
    "components",
    "flatten",
    "has_components",
    "is_nested",
    "map_structure",
    "pack",
    "rebuilt",
]


def is_nested(value: Any) -> bool:
    """Whether a value is a structure, and no leaf."""
    return isinstance(value, (list, tuple, Mapping)) and not isinstance(value, IndexedSlices)


def _children(value: Any) -> list[Any]:
    if isinstance(value, Mapping):
        return [value[key] for key in sorted(value)]
    return list(value)


def flatten(structure: Any) -> list[Any]:
    """The leaves, those of mappings by their sorted keys."""
    if not is_nested(structure):
        return [structure]
    return [leaf for child in _children(structure) for leaf in flatten(child)]


def pack(like: Any, leaves: Iterable[Any]) -> Any:
    """The structure of `like` with other leaves, as many as it has."""
    return _pack(like, iter(leaves))


def _pack(like: Any, leaves: Iterator[Any]) -> Any:
    if not is_nested(like):
        return next(leaves)
    parts = [_pack(child, leaves) for child in _children(like)]
    if isinstance(like, Mapping):
        of = dict(zip(sorted(like), parts, strict=True))
        return type(like)({key: of[key] for key in like})  # type: ignore[call-arg]
    if hasattr(like, "_fields"):
        return type(like)(*parts)
    return type(like)(parts)


def map_structure(function: Callable[..., Any], first: Any, *others: Any) -> Any:
    """The structure of the first with the function's results, for the leaves of all at each place."""
    return pack(first, [function(*leaves) for leaves in zip(*map(flatten, (first, *others)), strict=True)])


def _shape_of(structure: Any) -> str:
    if not is_nested(structure):
        return "."
    if isinstance(structure, Mapping):
        return "{" + ", ".join(f"{key}: {_shape_of(structure[key])}" for key in sorted(structure)) + "}"
    inner = ", ".join(map(_shape_of, structure))
    if hasattr(structure, "_fields"):
        return f"{type(structure).__name__}({inner})"
    return f"[{inner}]" if isinstance(structure, list) else f"({inner}{',' * (len(structure) == 1)})"


def are_alike(first: Any, second: Any, check_types: bool = True) -> bool:
    """Whether both are nested alike; lists and tuples count as different where types are checked."""
    if check_types:
        return _shape_of(first) == _shape_of(second)
    if not is_nested(first) or not is_nested(second):
        return is_nested(first) == is_nested(second)
    mappings = [part for part in (first, second) if isinstance(part, Mapping)]
    if len(first) != len(second) or (len(mappings) == 2 and set(first) != set(second)):
        return False
    pairs = zip(_children(first), _children(second))
    return all([are_alike(a, b, False) for a, b in pairs])


def assert_same(first: Any, second: Any, message: str) -> None:
    """Raises ValueError unless both are nested alike, and TypeError where only types differ, such as a list
    and a tuple.
    """
    if not are_alike(first, second):
        error = TypeError if are_alike(first, second, check_types=False) else ValueError
        raise error(f"{message}: {_shape_of(first)} and {_shape_of(second)}")


def has_components(leaf: Any) -> bool:
    """Whether a leaf is a value of several tensors."""
    return isinstance(leaf, IndexedSlices) or hasattr(leaf, "_components")


def components(leaf: Any) -> list[Any]:
    """The tensors that a leaf is made of; None stands for a missing dense shape."""
    if isinstance(leaf, IndexedSlices):
        return [leaf.values, leaf.indices, *([] if leaf.dense_shape is None else [leaf.dense_shape])]
    found = getattr(leaf, "_components", None)
    return [leaf] if found is None else list(found())


def rebuilt(leaves: Iterable[Any], tensors: Iterable[Any]) -> list[Any]:
    """Leaves like others, made of other tensors: as many as those have components, one after the other."""
    left = iter(tensors)
    return [_with_components(leaf, list(islice(left, len(components(leaf))))) for leaf in leaves]


def _with_components(leaf: Any, parts: Sequence[Any]) -> Any:
    """A leaf like another, made of other tensors."""
    if isinstance(leaf, IndexedSlices):
        return IndexedSlices(*parts)
    rebuild = getattr(leaf, "_with_components", None)
    return parts[0] if rebuild is None else rebuild(list(parts))
