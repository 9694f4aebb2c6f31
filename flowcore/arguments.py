"""Checks of plain Python arguments, one per kind, with the argument's name in every error.

Each returns the argument in the form that its caller works with: whole numbers of 64 bits, numbers,
flags, text, bytes, lists, functions, keys, objects of a class. Imports nothing of flowcore.
"""

from __future__ import annotations

import operator
import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

__all__: list[str] = []

T = TypeVar("T")

INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1


def described(value: Any) -> str:
    """`value` as messages show it: its repr, cut where it is long, or its type where it has none."""
    try:
        text = repr(value)
    except Exception:
        return f"an object of type {type(value).__name__}"
    return text if len(text) <= 60 else f"{text[:57]}..."


def whole_number(value: Any, what: str, least: int = INT64_MIN, most: int = INT64_MAX) -> int:
    """`value` as an int between `least` and `most`.

    Raises TypeError when it is no whole number, ValueError when it is out of range.
    """
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{what} must be a whole number, found {described(value)}") from None
    if not least <= number <= most:
        raise ValueError(f"{what} must be from {least} to {most}, found {described(number)}")
    return number


def real_number(value: Any, what: str) -> float:
    """`value` as a float. Raises TypeError when it is no number, ValueError when it is too large for one."""
    if isinstance(value, (str, bytes, bytearray)):
        raise TypeError(f"{what} must be a number, found {described(value)}")
    try:
        return float(value)
    except OverflowError:
        raise ValueError(f"{what} is too large for a float: {described(value)}") from None
    except (TypeError, ValueError):
        raise TypeError(f"{what} must be a number, found {described(value)}") from None


def text(value: Any, what: str) -> str:
    """`value` as a str: bytes are decoded as UTF-8. Raises TypeError or ValueError."""
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            raise ValueError(
                f"{what} must be text, found bytes that are no UTF-8: {described(value)}"
            ) from None
    if not isinstance(value, str):
        raise TypeError(f"{what} must be a str, found {described(value)}")
    return value


def path(value: Any, what: str) -> str:
    """The path of a file as a str: text, or an object that stands for one.

    Raises TypeError, or ValueError for what no path can be.
    """
    try:
        found = os.fsdecode(value)
    except TypeError:
        raise TypeError(f"{what} must be a path, a str, found {described(value)}") from None
    if "\0" in found:
        raise ValueError(f"{what} is a path with a zero character: {described(found)}")
    return found


def as_bytes(value: Any, what: str) -> bytes:
    """`value` as bytes: text as UTF-8, and what `os.fsdecode` made of other bytes as these bytes.

    Raises TypeError when it is neither bytes nor str, ValueError for text that has no UTF-8 (lone
    surrogates).
    """
    if isinstance(value, str):
        try:
            return value.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError:
            raise ValueError(
                f"{what} holds a lone surrogate, which has no UTF-8: {described(value)}; pass bytes"
            ) from None
    if isinstance(value, bytes):
        return bytes(value)  # of a subclass, such as numpy.bytes_, the plain bytes
    raise TypeError(f"{what} must be bytes or a str, found {described(value)}")


def flag(value: Any, what: str) -> bool:
    """`value` as a bool. Raises TypeError when it is neither a bool, of NumPy's or not, nor 0 or 1."""
    if isinstance(value, bool) or type(value).__name__ in ("bool", "bool_"):
        return bool(value)
    if isinstance(value, int) and value in (0, 1):
        return value == 1
    raise TypeError(f"{what} must be True or False, found {described(value)}")


def with_article(word: str) -> str:
    """ "a Tensor", "an Operation": by the first letter, which tells for the names of classes and ops."""
    return f"{'an' if word[:1] in 'AEIOaeio' else 'a'} {word}"


def instance(value: Any, kind: type[T], what: str) -> T:
    """`value` itself. Raises TypeError when it is not an object of class `kind`."""
    if not isinstance(value, kind):
        raise TypeError(f"{what} must be {with_article(kind.__name__)}, found {described(value)}")
    return value


def listed(value: Any, what: str) -> list[Any]:
    """The parts of a list, a tuple or another iterable that is neither text nor a mapping.

    Raises TypeError for anything else.
    """
    if isinstance(value, (list, tuple)):
        return list(value)
    try:
        if isinstance(value, Iterable) and not isinstance(value, (str, bytes, Mapping)):
            return list(value)
    except TypeError:  # an array without dimensions, a Tensor
        pass
    raise TypeError(f"{what} must be a list, found {described(value)}")


def function(value: Any, what: str) -> Callable[..., Any]:
    """`value` itself. Raises TypeError when it cannot be called."""
    if not callable(value):
        raise TypeError(f"{what} must be a function, found {described(value)}")
    return value


def optional_function(value: Any, what: str) -> Callable[..., Any] | None:
    """`value` itself, which may be None. Raises TypeError for anything else that cannot be called."""
    return None if value is None else function(value, what)


def hashable(value: T, what: str) -> T:
    """`value` itself. Raises TypeError when it cannot be a key."""
    try:
        hash(value)
    except TypeError:
        raise TypeError(f"{what} must be hashable, found {described(value)}") from None
    return value


def subclasses(value: Any, kind: type[T], what: str) -> tuple[type[T], ...]:
    """A list of classes as a tuple. Raises TypeError unless all are `kind` or derived from it."""
    found = tuple(listed(value, what))
    for part in found:
        if not isinstance(part, type) or not issubclass(part, kind):
            raise TypeError(f"{what} must hold subclasses of {kind.__name__}, found {described(part)}")
    return found


def deprecated_argument(new_name: str, new: Any, old_name: str, old: Any) -> Any:
    """The value of an argument that may be given by its new or its old name; None: by neither.

    Raises ValueError when both are given, even if they are equal.
    """
    if new is not None and old is not None:
        raise ValueError(
            f"Cannot specify both '{old_name}' and '{new_name}': they are two names of one argument; give"
            f" '{new_name}' alone"
        )
    return old if new is None else new
