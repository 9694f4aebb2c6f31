"""Coordinator: several threads stop together, and the exception of one reaches the thread that joins them."""

from __future__ import annotations

import contextlib
import math
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import Any

from flowcore import errors, locks
from flowcore.arguments import described, flag, function, instance, listed, real_number, subclasses
from flowcore.runtime.resources import RunnerFailure

__all__ = ["Coordinator"]


def _tell_unraised(texts: list[str]) -> None:
    for text in texts:
        print(
            "flowcore: a Coordinator was given an exception, and neither join() nor"
            f" raise_requested_exception() was called to raise it: {text}",
            file=sys.stderr,
        )


ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None]


def _is_exc_info(value: Any) -> bool:
    return isinstance(value, tuple) and len(value) == 3 and isinstance(value[1], (BaseException, type(None)))


def _seconds(value: Any, what: str) -> float:
    """A time that a wait can take. Longer ones are for ever."""
    seconds = real_number(value, what)
    if math.isnan(seconds):
        raise ValueError(f"{what} must be a number of seconds, found {seconds}")
    return min(seconds, threading.TIMEOUT_MAX)


class Coordinator:
    """Coordinates the end of a set of threads.

    Any of them calls `request_stop`; all look at `should_stop`; one calls `join`, which raises what
    `request_stop` was given.

    Args:
        clean_stop_exception_types: Exceptions that are a normal end and are not raised again; None:
            OutOfRangeError.

    Raises:
        TypeError: clean_stop_exception_types holds something else than exception classes.

    Example:
        >>> import threading
        >>> coord = fc.train.Coordinator()
        >>> def work():
        ...     with coord.stop_on_exception():
        ...         raise ValueError("no more")
        >>> thread = threading.Thread(target=work)
        >>> thread.start()
        >>> try:
        ...     coord.join([thread])
        ... except ValueError as error:
        ...     print(error)
        no more
    """

    def __init__(self, clean_stop_exception_types: tuple[type[BaseException], ...] | None = None) -> None:
        self._clean = (
            (errors.OutOfRangeError,)
            if clean_stop_exception_types is None
            else subclasses(clean_stop_exception_types, BaseException, "clean_stop_exception_types")
        )
        self._lock = locks.lock()
        self._stop = threading.Event()
        self._exception: ExcInfo | None = None
        # The text of an exception that nobody has raised yet. Not the exception: its traceback leads
        # back here, and the finalizer would keep this object alive.
        self._unraised: list[str] = []
        weakref.finalize(self, _tell_unraised, self._unraised)
        self._runner_failure: RunnerFailure | None = None
        self._joined = False
        self._threads: set[threading.Thread] = set()
        self._on_stop: list[Callable[[], None]] = []

    def __repr__(self) -> str:
        with self._lock:
            threads = sum(t.is_alive() for t in self._threads)
            state = "joined" if self._joined else "stop requested" if self._stop.is_set() else "running"
            error = f", for {self._exception[0].__name__}" if self._exception is not None else ""
        return f"<flowcore.train.Coordinator, {state}{error}, {threads} threads alive>"

    def request_stop(self, ex: BaseException | ExcInfo | None = None) -> None:
        """Asks all threads to stop.

        After `join` has returned, an exception given here is raised at once.

        Args:
            ex: An exception, or the triple of sys.exc_info(), which `join` raises; the first one
                counts. None: a normal end.

        Raises:
            TypeError: ex is something else.

        Example:
            >>> coord = fc.train.Coordinator()
            >>> coord.request_stop()
            >>> coord.should_stop()
            True
        """
        info: ExcInfo | None = None
        if isinstance(ex, BaseException):
            info = (type(ex), ex, ex.__traceback__)
        elif ex is not None:
            if (
                not isinstance(ex, tuple)
                or len(ex) != 3
                or not isinstance(ex[1], (BaseException, type(None)))
            ):
                raise TypeError(
                    f"ex must be an exception or the triple of sys.exc_info(), found {described(ex)}"
                )
            info = ex if ex[1] is not None else None
        with self._lock:
            if info is not None and not isinstance(info[1], self._clean):
                if self._joined:
                    raise info[1].with_traceback(info[2])
                if self._exception is None and not self._stop.is_set():
                    self._exception = info
                    self._unraised.append(f"{type(info[1]).__name__}: {info[1]}")
            already = self._stop.is_set()
            self._stop.set()
            callbacks = [] if already else list(self._on_stop)
        for callback in callbacks:
            callback()

    def clear_stop(self) -> None:
        """Makes the coordinator usable again: nothing was asked for, and no exception is kept.

        Example:
            >>> coord = fc.train.Coordinator()
            >>> coord.request_stop()
            >>> coord.clear_stop()
            >>> coord.should_stop()
            False
        """
        with self._lock:
            self._joined = False
            self._exception = self._runner_failure = None
            self._unraised.clear()
            self._stop.clear()

    def should_stop(self) -> bool:
        """Whether a stop was asked for.

        Returns:
            A bool.

        Example:
            >>> fc.train.Coordinator().should_stop()
            False
        """
        return self._stop.is_set()

    @contextlib.contextmanager
    def stop_on_exception(self) -> Iterator[None]:
        """A context in which an exception becomes a request to stop, and goes no further.

        Yields:
            None.

        Example:
            >>> coord = fc.train.Coordinator()
            >>> with coord.stop_on_exception():
            ...     raise fc.errors.OutOfRangeError(None, None, "the end")
            >>> coord.should_stop()
            True
        """
        try:
            yield
        except Exception:
            self.request_stop(sys.exc_info())  # type: ignore[arg-type]

    def wait_for_stop(self, timeout: float | None = None) -> bool:
        """Waits until a stop is asked for.

        Args:
            timeout: The longest wait in seconds; None: no limit.

        Returns:
            Whether a stop was asked for, a bool.

        Raises:
            TypeError: timeout is no number.
            ValueError: timeout is NaN.

        Example:
            >>> fc.train.Coordinator().wait_for_stop(timeout=0.01)
            False
        """
        return self._stop.wait(None if timeout is None else _seconds(timeout, "timeout"))

    def register_thread(self, thread: threading.Thread) -> None:
        """Adds a thread that `join` waits for.

        Args:
            thread: A threading.Thread.

        Raises:
            TypeError: thread is something else.

        Example:
            >>> import threading
            >>> coord = fc.train.Coordinator()
            >>> thread = threading.Thread(target=coord.request_stop)
            >>> coord.register_thread(thread)
            >>> thread.start()
            >>> coord.join()
        """
        instance(thread, threading.Thread, "thread")
        with self._lock:
            self._threads.add(thread)

    def call_on_stop(self, callback: Callable[[], None]) -> None:
        """Calls a function when a stop is asked for; at once if it was already.

        Args:
            callback: A function without arguments. The thread that asks for the stop calls it.

        Raises:
            TypeError: callback cannot be called.

        Example:
            >>> coord = fc.train.Coordinator()
            >>> coord.call_on_stop(lambda: print("stopping"))
            >>> coord.request_stop()
            stopping
        """
        function(callback, "callback")
        with self._lock:
            self._on_stop.append(callback)
            now = self._stop.is_set()
        if now:
            callback()

    def join(
        self,
        threads: Iterable[threading.Thread] | None = None,
        stop_grace_period_secs: float = 120,
        ignore_live_threads: bool = False,
    ) -> None:
        """Waits for the registered threads and `threads` to end.

        Args:
            threads: Further threads, an iterable of threading.Thread; None: none.
            stop_grace_period_secs: How long, in seconds, threads may go on after a stop was asked
                for.
            ignore_live_threads: Whether threads that live on after that are no error.

        Raises:
            TypeError: an argument is of another kind.
            ValueError: stop_grace_period_secs is NaN.
            RuntimeError: threads still run after stop_grace_period_secs; the message names them.
            Exception: What request_stop was given, with its traceback.

        Example:
            >>> import threading
            >>> coord = fc.train.Coordinator()
            >>> thread = threading.Thread(target=coord.wait_for_stop)
            >>> thread.start()
            >>> coord.request_stop()
            >>> coord.join([thread])
            >>> coord.joined
            True
        """
        more = [] if threads is None else listed(threads, "threads")
        grace = _seconds(stop_grace_period_secs, "stop_grace_period_secs")
        ignore_live_threads = flag(ignore_live_threads, "ignore_live_threads")
        for thread in more:
            instance(thread, threading.Thread, "each of threads")
        with self._lock:
            waited = set(self._threads) | set(more)
        while any(t.is_alive() for t in waited) and not self.wait_for_stop(0.2):
            pass
        deadline = time.monotonic() + grace
        for thread in waited:
            while thread.is_alive() and time.monotonic() < deadline:
                thread.join(min(0.2, max(deadline - time.monotonic(), 0.01)))
        alive = sorted(t.name for t in waited if t.is_alive())
        with self._lock:
            self._joined = True
            self._threads.clear()
            exception = self._exception
            self._unraised.clear()
        if exception is not None:
            raise exception[1].with_traceback(exception[2])
        if alive and not ignore_live_threads:
            raise RuntimeError(
                f"Coordinator stopped with threads still running after {grace:g} s: {' '.join(alive)}"
            )

    @property
    def joined(self) -> bool:
        """Whether `join` has returned since the last `clear_stop`."""
        return self._joined

    def raise_requested_exception(self) -> None:
        """Raises the exception that was given to `request_stop`, if any, with its traceback.

        Example:
            >>> coord = fc.train.Coordinator()
            >>> coord.request_stop(ValueError("bad input"))
            >>> try:
            ...     coord.raise_requested_exception()
            ... except ValueError as error:
            ...     print(error)
            bad input
        """
        with self._lock:
            exception = self._exception
            self._unraised.clear()
        if exception is not None:
            raise exception[1].with_traceback(exception[2])
