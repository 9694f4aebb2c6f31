"""Scopes that stay open when the program drops their context managers: `variable_scope("a").__enter__()`.

One made by contextlib ends when its object is collected, in the midst of whatever the program does.
Imports nothing of flowcore.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
from collections.abc import Callable, Generator, Iterator
from types import TracebackType
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")

#: The bodies of all scopes that are open, in the order of entering.
_open: dict[Generator[Any, None, None], None] = {}


class Lasting(contextlib.AbstractContextManager[T]):
    """A scope: made by `lasting`. It may be entered again, also inside itself, or decorate a function."""

    __slots__ = ("_entered", "_made_by")

    def __init__(
        self, function: Callable[..., Iterator[T]], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        self._made_by = function, args, kwargs
        self._entered: list[Generator[T, None, None]] = []

    def __enter__(self) -> T:
        """Runs the body up to its `yield`."""
        function, args, kwargs = self._made_by
        body: Any = function(*args, **kwargs)
        value: T = next(body)
        self._entered.append(body)
        _open[body] = None
        return value

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Runs the rest of the body, whatever happened inside; an exception goes on."""
        body = self._entered.pop()
        del _open[body]
        body.close()

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        """`function` inside a scope of its own at every call, in whichever thread."""

        @functools.wraps(function)
        def inside(*args: P.args, **kwargs: P.kwargs) -> R:
            with Lasting(*self._made_by):
                return function(*args, **kwargs)

        return inside


def lasting(function: Callable[P, Iterator[T]]) -> Callable[P, Lasting[T]]:
    """A decorator for generators, like contextlib.contextmanager.

    The body sees no exception at its `yield` but GeneratorExit: it restores in a `finally`.
    """

    @functools.wraps(function)
    def scope(*args: P.args, **kwargs: P.kwargs) -> Lasting[T]:
        return Lasting(function, args, kwargs)

    return scope


def _leave_all() -> None:
    """The interpreter ends: while everything that they restore is still there."""
    while _open:
        body, _ = _open.popitem()
        with contextlib.suppress(Exception):
            body.close()


atexit.register(_leave_all)
