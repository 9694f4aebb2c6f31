"""Sessions with hooks: they initialise or restore, start queue runners, and are made anew where one fails.

As in TensorFlow 1.15, an OutOfRangeError or StopIteration that leaves the `with` block is the normal end.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any

from flowcore import errors
from flowcore.arguments import described, instance, real_number
from flowcore.graph.graph import Graph, GraphKeys, get_default_graph
from flowcore.graph.scopes import get_collection
from flowcore.runtime.session import Session
from flowcore.train.coordinator import Coordinator
from flowcore.train.queue_runner import start_queue_runners
from flowcore.train.scaffold import Scaffold
from flowcore.train.session_manager import SessionManager
from flowcore.train.session_run_hook import (
    SessionRunArgs,
    SessionRunContext,
    SessionRunHook,
    SessionRunValues,
)

__all__ = [
    "ChiefSessionCreator",
    "MonitoredSession",
    "SessionCreator",
    "SingularMonitoredSession",
    "WorkerSessionCreator",
]

_log = logging.getLogger("flowcore")

#: What a worker that goes away causes: a session that meets it is made anew.
_LOST = (errors.AbortedError, errors.UnavailableError)


class SessionCreator:
    """The base of what makes sessions: `create_session` returns one.

    Example:
        >>> class Plain(fc.train.SessionCreator):
        ...     def create_session(self):
        ...         return fc.Session()
        >>> with fc.train.MonitoredSession(Plain()) as sess:
        ...     print(sess.should_stop())
        False
    """

    def __repr__(self) -> str:
        return f"<flowcore.train.{type(self).__name__}>"

    def create_session(self) -> Session:
        """Makes a session.

        Returns:
            A Session that is ready.

        Raises:
            NotImplementedError: the class does not override it.

        Example:
            >>> try:
            ...     fc.train.SessionCreator().create_session()
            ... except NotImplementedError as error:
            ...     print(error)
            SessionCreator does not override create_session
        """
        raise NotImplementedError(f"{type(self).__name__} does not override create_session")


class ChiefSessionCreator(SessionCreator):
    """Makes sessions whose variables are restored from a checkpoint, or else initialised.

    Args:
        scaffold: A Scaffold; None: one of defaults.
        master: The target of the sessions: "".
        config: A ConfigProto.
        checkpoint_dir: A folder whose latest checkpoint is restored; None: nothing is.
        checkpoint_filename_with_path: The checkpoint to restore.

    Raises:
        TypeError: scaffold is no Scaffold.

    Example:
        >>> v = fc.Variable(3.0)
        >>> fc.train.ChiefSessionCreator().create_session().run(v)
        np.float32(3.0)
    """

    def __init__(
        self,
        scaffold: Scaffold | None = None,
        master: str = "",
        config: Any = None,
        checkpoint_dir: str | None = None,
        checkpoint_filename_with_path: str | None = None,
    ) -> None:
        self._scaffold = Scaffold() if scaffold is None else instance(scaffold, Scaffold, "scaffold")
        self._master = master
        self._config = config
        self._checkpoint_dir = checkpoint_dir
        self._checkpoint = checkpoint_filename_with_path
        self._manager: SessionManager | None = None

    def create_session(self) -> Session:
        """Makes a session; the first call finalizes the graph.

        Returns:
            A Session.

        Raises:
            RuntimeError: the model is not ready after it was initialised.

        Example:
            >>> sess = fc.train.ChiefSessionCreator().create_session()
        """
        scaffold = self._scaffold.finalize()
        if self._manager is None:
            self._manager = _manager_of(scaffold)
        return self._manager.prepare_session(
            self._master,
            init_op=scaffold.init_op,
            saver=scaffold.saver,
            checkpoint_dir=self._checkpoint_dir,
            checkpoint_filename_with_path=self._checkpoint,
            config=self._config,
            init_feed_dict=scaffold.init_feed_dict,
            init_fn=scaffold.init_fn,
        )


class WorkerSessionCreator(SessionCreator):
    """Makes sessions as soon as a chief has made the model ready.

    Args:
        scaffold: A Scaffold; None: one of defaults.
        master: The target of the sessions: "".
        config: A ConfigProto.
        max_wait_secs: How long to wait for the chief.

    Raises:
        TypeError: scaffold is no Scaffold, or max_wait_secs no number.

    Example:
        >>> sess = fc.train.WorkerSessionCreator().create_session()
    """

    def __init__(
        self,
        scaffold: Scaffold | None = None,
        master: str = "",
        config: Any = None,
        max_wait_secs: float = 30 * 60,
    ) -> None:
        self._scaffold = Scaffold() if scaffold is None else instance(scaffold, Scaffold, "scaffold")
        self._master = master
        self._config = config
        self._max_wait_secs = real_number(max_wait_secs, "max_wait_secs")
        self._manager: SessionManager | None = None

    def create_session(self) -> Session:
        """Waits, and makes a session.

        Returns:
            A Session.

        Raises:
            DeadlineExceededError: the model is not ready after max_wait_secs.

        Example:
            >>> sess = fc.train.WorkerSessionCreator(max_wait_secs=1).create_session()
        """
        scaffold = self._scaffold.finalize()
        if self._manager is None:
            self._manager = _manager_of(scaffold)
        return self._manager.wait_for_session(self._master, self._config, self._max_wait_secs)


def _manager_of(scaffold: Scaffold) -> SessionManager:
    return SessionManager(
        local_init_op=scaffold.local_init_op,
        ready_op=scaffold.ready_op,
        ready_for_local_init_op=scaffold.ready_for_local_init_op,
        graph=get_default_graph(),
    )


class _RunningSession:
    """A session with its hooks, the coordinator of its threads, and these."""

    def __init__(self, creator: SessionCreator, hooks: Sequence[SessionRunHook], grace: float) -> None:
        self.session = creator.create_session()
        self.coord = Coordinator(clean_stop_exception_types=())
        self._hooks = hooks
        self._grace = grace
        self._stop = False
        with self.session.graph.as_default():
            if get_collection(GraphKeys.QUEUE_RUNNERS):
                start_queue_runners(self.session, self.coord)
            for hook in hooks:
                hook.after_create_session(self.session, self.coord)

    def should_stop(self) -> bool:
        """Raises what a thread has met."""
        self.coord.raise_requested_exception()
        return self._stop or self.coord.should_stop()

    def run(self, fetches: Any, feed_dict: Any, options: Any, run_metadata: Any) -> Any:
        if self.should_stop():
            raise RuntimeError("run was called although should_stop is True")
        try:
            return self._run_with_hooks(fetches, feed_dict, options, run_metadata)
        except _LOST:
            raise
        except Exception:
            # a thread that failed before is the cause
            self.coord.raise_requested_exception()
            raise

    def _run_with_hooks(self, fetches: Any, feed_dict: Any, options: Any, run_metadata: Any) -> Any:
        context = SessionRunContext(SessionRunArgs(fetches, feed_dict), self.session)
        wanted: dict[Any, Any] = {"caller": fetches}
        fed = dict(feed_dict or {})
        for number, hook in enumerate(self._hooks):
            request = hook.before_run(context)
            if request is None:
                continue
            if not isinstance(request, SessionRunArgs):
                raise TypeError(
                    f"before_run of {hook} must return SessionRunArgs, found {described(request)}"
                )
            if request.fetches is not None:
                wanted[number] = request.fetches
            if request.feed_dict:
                self._check_feeds(fed, request.feed_dict, hook)
                fed.update(request.feed_dict)
            options = _merged(options, request.options)
        results = self.session.run(wanted, fed, options, run_metadata)
        for number, hook in enumerate(self._hooks):
            hook.after_run(context, SessionRunValues(results.get(number), options, run_metadata))
        self._stop = self._stop or context.stop_requested
        return results["caller"]

    def _check_feeds(self, fed: Mapping[Any, Any], more: Mapping[Any, Any], hook: SessionRunHook) -> None:
        twice = [key for key in more if key in fed]
        if twice:
            raise RuntimeError(
                f"{twice[0]} is fed by {type(hook).__name__}, and by the caller or another hook"
            )

    def close(self) -> None:
        self.coord.request_stop()
        try:
            self.coord.join(stop_grace_period_secs=self._grace, ignore_live_threads=True)
        finally:
            self.session.close()


def _merged(options: Any, more: Any) -> Any:
    """RunOptions that do what either asks for."""
    if options is None or more is None:
        return more if options is None else options
    both = type(options)()
    both.CopyFrom(options)
    both.trace_level = max(options.trace_level, more.trace_level)
    both.timeout_in_ms = max(options.timeout_in_ms, more.timeout_in_ms)
    return both


class StepContext:
    """What a function passed to `run_step_fn` is given."""

    def __init__(self, session: Session, run_with_hooks: Callable[..., Any]) -> None:
        self._session = session
        self._run_with_hooks = run_with_hooks

    @property
    def session(self) -> Session:
        """The Session underneath: its runs are seen by no hook."""
        return self._session

    def run_with_hooks(self, *args: Any, **kwargs: Any) -> Any:
        """As `run` of the monitored session; at most one a step is meant.

        Args:
            *args: As of `Session.run`.
            **kwargs: Likewise.

        Returns:
            What is fetched.
        """
        return self._run_with_hooks(*args, **kwargs)

    def request_stop(self) -> None:
        """Ends the training: raises StopIteration.

        Raises:
            StopIteration: always.
        """
        raise StopIteration("step_fn has asked for the end")


class _Monitored:
    """What MonitoredSession and SingularMonitoredSession share."""

    def __init__(
        self,
        session_creator: SessionCreator,
        hooks: Sequence[SessionRunHook] | None,
        should_recover: bool,
        stop_grace_period_secs: float,
    ) -> None:
        self._hooks = list(hooks or [])
        for hook in self._hooks:
            instance(hook, SessionRunHook, "hooks")
        self._creator = session_creator
        self._recovers = should_recover
        self._grace = real_number(stop_grace_period_secs, "stop_grace_period_secs")
        self._graph = get_default_graph()
        self._was_final = self._graph.finalized
        try:
            for hook in self._hooks:
                hook.begin()
            self._running: _RunningSession | None = self._start()
        except BaseException:
            self._open_graph()
            raise

    def __repr__(self) -> str:
        state = "closed" if self._running is None else f"{len(self._hooks)} hooks"
        return f"<flowcore.train.{type(self).__name__}: {state}>"

    def _start(self) -> _RunningSession:
        while True:
            try:
                return _RunningSession(self._creator, self._hooks, self._grace)
            except _LOST as error:
                if not self._recovers:
                    raise
                _log.info("a session could not be made, another one is tried: %s", error)

    def _open(self) -> _RunningSession:
        if self._running is None:
            raise RuntimeError("the session is closed")
        return self._running

    @property
    def graph(self) -> Graph | None:
        """The Graph; None after the end."""
        return None if self._running is None else self._running.session.graph

    def run(
        self,
        fetches: Any,
        feed_dict: Mapping[Any, Any] | None = None,
        options: Any = None,
        run_metadata: Any = None,
    ) -> Any:
        """Runs ops, with the hooks around.

        Args:
            fetches: As of `Session.run`.
            feed_dict: Likewise.
            options: Likewise.
            run_metadata: Likewise.

        Returns:
            The values, in the structure of fetches.

        Raises:
            RuntimeError: the session is closed, or should_stop is True.

        Example:
            >>> x = fc.constant(2.0)
            >>> with fc.train.MonitoredSession() as sess:
            ...     print(sess.run(x))
            2.0
        """
        return self._recovering(lambda running: running.run(fetches, feed_dict, options, run_metadata))

    def run_step_fn(self, step_fn: Callable[..., Any]) -> Any:
        """Calls a function that runs what a step needs, with or without hooks.

        Args:
            step_fn: A function of one argument, `step_context`, or of `self` and that: its
                `session.run` is seen by no hook, its `run_with_hooks` by all, its `request_stop` ends
                the training.

        Returns:
            What step_fn returns.

        Raises:
            TypeError: it cannot be called.
            ValueError: it takes other arguments.
            RuntimeError: the session is closed, or should_stop is True.

        Example:
            >>> x = fc.constant(2.0)
            >>> with fc.train.MonitoredSession() as sess:
            ...     print(sess.run_step_fn(lambda step_context: step_context.session.run(x)))
            2.0
        """
        if not callable(step_fn):
            raise TypeError("step_fn must be callable")
        names = tuple(inspect.signature(step_fn).parameters)
        if names not in (("step_context",), ("self", "step_context")):
            raise ValueError(f"step_fn must take one argument, step_context, found {names}")
        bound = step_fn if len(names) == 1 else (lambda step_context: step_fn(self, step_context))

        def step(running: _RunningSession) -> Any:
            if running.should_stop():
                raise RuntimeError("run was called although should_stop is True")

            def run(
                fetches: Any, feed_dict: Any = None, options: Any = None, run_metadata: Any = None
            ) -> Any:
                return running.run(fetches, feed_dict, options, run_metadata)

            return bound(StepContext(running.session, run))

        try:
            return self._recovering(step)
        except StopIteration:
            self._open()._stop = True
            raise

    def _recovering(self, action: Callable[[_RunningSession], Any]) -> Any:
        while True:
            running = self._open()
            try:
                return action(running)
            except _LOST as error:
                if not self._recovers:
                    raise
                _log.info("the session is made anew, for it has failed: %s", error)
                self._abandon(running)
                self._running = self._start()

    def _abandon(self, running: _RunningSession) -> None:
        try:
            running.close()
        except Exception as error:
            _log.info("what the lost session's threads met: %s", error)

    def should_stop(self) -> bool:
        """Whether the training is to end.

        Returns:
            A bool; True also for a closed session.

        Raises:
            Exception: whatever a thread of the session has met.

        Example:
            >>> fc.train.MonitoredSession().should_stop()
            False
        """
        if self._running is None:
            return True
        try:
            return self._running.should_stop()
        except _LOST:
            if self._recovers:
                return False
            raise

    def close(self) -> None:
        """Ends the session: hooks first, then its threads.

        Raises:
            RuntimeError: it is closed already.

        Example:
            >>> sess = fc.train.MonitoredSession()
            >>> sess.close()
        """
        self._end(None)

    def __enter__(self) -> Any:
        return self

    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        if exception_type in (errors.OutOfRangeError, StopIteration):
            exception_type = None
        self._end(exception_type)
        return exception_type is None

    def _end(self, exception_type: type[BaseException] | None) -> None:
        running = self._open()
        try:
            if exception_type is None:
                for hook in self._hooks:
                    hook.end(running.session)
        finally:
            try:
                running.close()
            finally:
                self._running = None
                self._open_graph()

    def _open_graph(self) -> None:
        if not self._was_final:
            self._graph._unsafe_unfinalize()


class MonitoredSession(_Monitored):
    """A session that initialises, runs hooks and queue runners, and recovers from lost workers.

    In a `with` block an OutOfRangeError is the normal end; other errors leave it, without the
    hooks' `end`.

    Args:
        session_creator: A SessionCreator; None: a ChiefSessionCreator.
        hooks: A list of SessionRunHooks.
        stop_grace_period_secs: How long to wait for threads at the end.

    Raises:
        TypeError: an argument is of another kind.

    Example:
        >>> step = fc.train.get_or_create_global_step()
        >>> train = fc.assign_add(step, 1)
        >>> with fc.train.MonitoredSession(hooks=[fc.train.StopAtStepHook(num_steps=5)]) as sess:
        ...     while not sess.should_stop():
        ...         last = sess.run(train)
        >>> last
        np.int64(5)
    """

    def __init__(
        self,
        session_creator: SessionCreator | None = None,
        hooks: Sequence[SessionRunHook] | None = None,
        stop_grace_period_secs: float = 120,
    ) -> None:
        super().__init__(session_creator or ChiefSessionCreator(), hooks, True, stop_grace_period_secs)


class SingularMonitoredSession(_Monitored):
    """A session with hooks that is not made anew where it fails.

    `raw_session` gives the Session underneath.

    Args:
        hooks: A list of SessionRunHooks.
        scaffold: A Scaffold; None: one of defaults.
        master: The target of the session: "".
        config: A ConfigProto.
        checkpoint_dir: A folder whose latest checkpoint is restored.
        stop_grace_period_secs: How long to wait for threads at the end.
        checkpoint_filename_with_path: The checkpoint to restore.

    Raises:
        TypeError: an argument is of another kind.

    Example:
        >>> v = fc.Variable(3.0)
        >>> with fc.train.SingularMonitoredSession() as sess:
        ...     print(sess.run(v), sess.raw_session().run(v))
        3.0 3.0
    """

    def __init__(
        self,
        hooks: Sequence[SessionRunHook] | None = None,
        scaffold: Scaffold | None = None,
        master: str = "",
        config: Any = None,
        checkpoint_dir: str | None = None,
        stop_grace_period_secs: float = 120,
        checkpoint_filename_with_path: str | None = None,
    ) -> None:
        creator = ChiefSessionCreator(scaffold, master, config, checkpoint_dir, checkpoint_filename_with_path)
        super().__init__(creator, hooks, False, stop_grace_period_secs)

    def raw_session(self) -> Session:
        """The Session underneath.

        Returns:
            A Session.

        Raises:
            RuntimeError: it is closed.

        Example:
            >>> sess = fc.train.SingularMonitoredSession().raw_session()
        """
        return self._open().session
