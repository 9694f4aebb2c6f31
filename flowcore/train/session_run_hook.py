"""What runs beside each call of a monitored session: hooks, what they ask for, and what they get."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from flowcore.runtime.session import Session

__all__ = ["SessionRunArgs", "SessionRunContext", "SessionRunHook", "SessionRunValues"]


class SessionRunArgs(NamedTuple):
    """What a hook wants of the next run: these are the arguments of `Session.run`.

    Args:
        fetches: What to fetch; None: nothing.
        feed_dict: What to feed; None: nothing.
        options: RunOptions; None: the caller's.

    Example:
        >>> loss = fc.constant(0.5)
        >>> fc.train.SessionRunArgs({"loss": loss}).feed_dict is None
        True
    """

    fetches: Any
    feed_dict: Mapping[Any, Any] | None = None
    options: Any = None


class SessionRunValues(NamedTuple):
    """What a run gave.

    Args:
        results: The values, in the structure of what the hook fetched; None: it fetched nothing.
        options: The RunOptions of the run, if any.
        run_metadata: The RunMetadata of the run, if any.

    Example:
        >>> fc.train.SessionRunValues(3, None, None).results
        3
    """

    results: Any
    options: Any
    run_metadata: Any


class SessionRunContext:
    """What a hook is told of the run that is about to begin, or has just ended.

    Args:
        original_args: What the caller of `run` asked for, a SessionRunArgs.
        session: The Session underneath.

    Example:
        >>> context = fc.train.SessionRunContext(fc.train.SessionRunArgs(None), fc.Session())
        >>> context.request_stop()
        >>> context.stop_requested
        True
    """

    def __init__(self, original_args: SessionRunArgs, session: Session) -> None:
        self._original_args = original_args
        self._session = session
        self._stop_requested = False

    def __repr__(self) -> str:
        state = ", which asks for the end" if self._stop_requested else ""
        return f"<flowcore.train.SessionRunContext of {self._original_args.fetches!r}{state}>"

    @property
    def original_args(self) -> SessionRunArgs:
        """What the caller of `run` asked for."""
        return self._original_args

    @property
    def session(self) -> Session:
        """The Session that runs it."""
        return self._session

    @property
    def stop_requested(self) -> bool:
        """Whether a hook has asked for the end."""
        return self._stop_requested

    def request_stop(self) -> None:
        """Has the session end after this run: its `should_stop` is True from then on.

        Example:
            >>> class OnlyOnce(fc.train.SessionRunHook):
            ...     def after_run(self, run_context, run_values):
            ...         run_context.request_stop()
        """
        self._stop_requested = True


class SessionRunHook:
    """The base of hooks: each method may be overridden, and does nothing here.

    Example:
        >>> class Count(fc.train.SessionRunHook):
        ...     runs = 0
        ...     def after_run(self, run_context, run_values):
        ...         self.runs += 1
        >>> count, one = Count(), fc.constant(1)
        >>> with fc.train.MonitoredSession(hooks=[count]) as sess:
        ...     for _ in range(3):
        ...         _ = sess.run(one)
        >>> count.runs
        3
    """

    def __repr__(self) -> str:
        return f"<flowcore.train.{type(self).__name__}>"

    def begin(self) -> None:
        """Called once before the session is made: the graph may still be added to.

        Example:
            >>> fc.train.SessionRunHook().begin()
        """

    def after_create_session(self, session: Session, coord: Any) -> None:
        """Called for each session that is made, also where one takes the place of one that failed.

        Args:
            session: The new Session, whose variables have their values.
            coord: The Coordinator of its threads.

        Example:
            >>> fc.train.SessionRunHook().after_create_session(fc.Session(), fc.train.Coordinator())
        """

    def before_run(self, run_context: SessionRunContext) -> SessionRunArgs | None:
        """Called before each run.

        Args:
            run_context: A SessionRunContext.

        Returns:
            A SessionRunArgs of what else this run is to fetch and to be fed; None: nothing.

        Example:
            >>> context = fc.train.SessionRunContext(fc.train.SessionRunArgs(None), fc.Session())
            >>> fc.train.SessionRunHook().before_run(context)
        """
        return None

    def after_run(self, run_context: SessionRunContext, run_values: SessionRunValues) -> None:
        """Called after each run that did not fail.

        Args:
            run_context: The SessionRunContext that `before_run` was given.
            run_values: A SessionRunValues: what this hook asked for.

        Example:
            >>> context = fc.train.SessionRunContext(fc.train.SessionRunArgs(None), fc.Session())
            >>> values = fc.train.SessionRunValues(None, None, None)
            >>> fc.train.SessionRunHook().after_run(context, values)
        """

    def end(self, session: Session) -> None:
        """Called once when the session ends without an error; an OutOfRangeError is none.

        Args:
            session: The Session, which still runs.

        Example:
            >>> fc.train.SessionRunHook().end(fc.Session())
        """
