"""Session: runs fetches of a graph. Plans are compiled once per signature (fetches, feeds) and cached.

Owns: sessions, their plans and resources, the default-session stack. Must never import ops or train.
"""

from __future__ import annotations

import contextlib
import gc
import os
import sys
import threading
import weakref
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, overload

import numpy as np

from flowcore import _engine, errors, locks
from flowcore.arguments import flag, instance, listed, text
from flowcore.config import Settings, run_settings, settings_of
from flowcore.graph import operation as graph_operation
from flowcore.graph.device import DeviceSpec
from flowcore.graph.graph import Graph, get_default_graph
from flowcore.graph.operation import IndexedSlices, Operation, Tensor
from flowcore.graph.verifier import Verifier
from flowcore.runtime import feeds, profile
from flowcore.runtime.devices import HOST, all_devices
from flowcore.runtime.fetches import Fetches
from flowcore.runtime.plan import CompiledPlan, PlanSettings, compile_plan
from flowcore.runtime.resources import ResourceManager, RunnerFailure
from flowcore.runtime.step_errors import as_exception
from flowcore.runtime.visible_devices import VisibleDevices
from flowcore.runtime.waiting import WaitMonitor

if TYPE_CHECKING:
    from flowcore.protos import ConfigProto, RunMetadata, RunOptions

    _Options = RunOptions | None
    _Metadata = RunMetadata | None

__all__ = ["BaseSession", "InteractiveSession", "Session", "get_default_session"]

StopFlag = _engine.StopFlag

_pools: dict[int, _engine.Pool] = {}
_pools_lock = locks.lock()
_default_sessions = threading.local()
_sessions: weakref.WeakSet[BaseSession] = weakref.WeakSet()


def _begin_child() -> None:
    """A forked child has none of its parent's threads: it makes pools of its own, and sessions too."""
    _pools.clear()
    for session in _sessions:
        session._closed = session._is_inherited = True


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_child)


def thread_count(settings: Settings) -> int:
    """Threads of a session: the config's, else FLOWCORE_THREADS, else one per processor that may be used."""
    if settings.threads > 0:
        return settings.threads
    asked = os.environ.get("FLOWCORE_THREADS", "")
    if asked:
        if not asked.isdecimal() or int(asked) < 1:
            raise ValueError(f"FLOWCORE_THREADS must be a positive number, found {asked!r}")
        return int(asked)
    return _engine.processors()


def _shared_pool(threads: int) -> _engine.Pool:
    with _pools_lock:
        pool = _pools.get(threads)
        if pool is None:
            pool = _pools[threads] = _engine.Pool(threads)
        return pool


class _Variable(Protocol):
    """What a variable is to a session, which may not import ops."""

    def _as_graph_element(self) -> Tensor: ...


class _NamedTuple(Protocol):
    def _asdict(self) -> dict[str, Any]: ...


_Key = TypeVar("_Key")
_Fetchable = Tensor | IndexedSlices | _Variable | str
_Feeds = Mapping[Any, Any] | None


class _Signature:
    """A compiled plan with the conversions of its feeds and the structure of its fetches."""

    __slots__ = ("build", "convert", "fetches", "plan", "run", "waits")

    def __init__(self, plan: CompiledPlan, fetches: Fetches, feed_tensors: Sequence[Tensor]) -> None:
        self.plan = plan
        self.run = plan.engine.run
        self.waits = plan.may_wait
        self.fetches = fetches
        self.build = fetches.build
        self.convert = [feeds.converter(t) for t in feed_tensors]


def _key_of(fetches: Any, keys: tuple[Any, ...]) -> Any:
    """What a session finds a signature by again; None where `fetches` has to be parsed to be known."""
    kind = type(fetches)
    key: Any
    if kind is Tensor or kind is Operation:
        return fetches, keys
    if kind is list or kind is tuple:
        key = kind, tuple(fetches), keys
    elif kind is dict and all([type(name) is str for name in fetches]):  # 1, 1.0 and True are equal
        key = kind, tuple(fetches), tuple(fetches.values()), keys
    else:
        return None
    try:
        hash(key)
    except TypeError:  # a list in it, for instance
        return None
    return key


@contextlib.contextmanager
def _without_collector() -> Iterator[None]:
    """While a plan is made, which allocates much and drops little, the collector would look through
    the whole graph again and again: a third of the time.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _empty_free_lists() -> None:
    """Gives back what planning took: the tuples that the interpreter keeps for reuse are few, but lie
    everywhere in it, so that half of it would stay with the process.

    Only a full collection empties these lists; frozen objects cost it nothing. What a program has frozen
    itself would thaw.
    """
    if gc.get_freeze_count() == 0:
        gc.freeze()
        gc.collect()
        gc.unfreeze()


class BaseSession:
    """What Session and InteractiveSession share.

    Args:
        target: Must be empty: flowcore runs in this process.
        graph: The Graph to run; None: the default graph.
        config: A ConfigProto; threads, placement and time limits.

    Raises:
        NotFoundError: target is not empty.
        TypeError: an argument is of another kind.
        ValueError: a setting is out of range.
    """

    def __init__(
        self, target: str = "", graph: Graph | None = None, config: ConfigProto | None = None
    ) -> None:
        if text(target, "target"):
            raise errors.NotFoundError(
                None,
                None,
                f"session target {target!r}: this version runs in its own process only; leave target empty",
            )
        if graph is not None and not isinstance(graph, Graph):
            raise TypeError(f"graph must be a flowcore Graph, found {type(graph).__name__}")
        self._graph = graph if graph is not None else get_default_graph().root
        self._settings = settings_of(config)
        threads = thread_count(self._settings)
        self._pool = _engine.Pool(threads) if self._settings.own_threads else _shared_pool(threads)
        self._resources = ResourceManager()
        self._visible = VisibleDevices(self._settings)
        self._verifier = Verifier(self._graph)
        self._signatures: dict[Any, _Signature] = {}
        self._lock = locks.lock()
        self._closed = False
        self._is_inherited = False
        _sessions.add(self)
        self._monitor = WaitMonitor(self._graph)

    def __repr__(self) -> str:
        state, kind = "closed" if self._closed else "open", type(self).__name__
        return f"<flowcore.{kind}, {state}, {self._pool.threads} threads, of {self._graph!r}>"

    @property
    def graph(self) -> Graph:
        """The graph that this session runs."""
        return self._graph

    @property
    def graph_def(self) -> Any:
        """The graph's GraphDef."""
        return self._graph.as_graph_def()

    @property
    def sess_str(self) -> str:
        """The target: always empty."""
        return ""

    @overload
    def run(
        self,
        fetches: Operation,
        feed_dict: _Feeds = ...,
        options: _Options = ...,
        run_metadata: _Metadata = ...,
    ) -> None: ...

    @overload
    def run(
        self,
        fetches: _Fetchable,
        feed_dict: _Feeds = ...,
        options: _Options = ...,
        run_metadata: _Metadata = ...,
    ) -> Any: ...

    @overload
    def run(
        self,
        fetches: list[Any],
        feed_dict: _Feeds = ...,
        options: _Options = ...,
        run_metadata: _Metadata = ...,
    ) -> list[Any]: ...

    @overload
    def run(
        self,
        fetches: dict[_Key, Any],
        feed_dict: _Feeds = ...,
        options: _Options = ...,
        run_metadata: _Metadata = ...,
    ) -> dict[_Key, Any]: ...

    @overload
    def run(
        self,
        fetches: _NamedTuple | Mapping[Any, Any],
        feed_dict: _Feeds = ...,
        options: _Options = ...,
        run_metadata: _Metadata = ...,
    ) -> Any: ...

    @overload
    def run(
        self,
        fetches: tuple[Any, ...],
        feed_dict: _Feeds = ...,
        options: _Options = ...,
        run_metadata: _Metadata = ...,
    ) -> tuple[Any, ...]: ...

    def run(
        self,
        fetches: Any,
        feed_dict: Mapping[Any, Any] | None = None,
        options: RunOptions | None = None,
        run_metadata: RunMetadata | None = None,
    ) -> Any:
        """Runs what `fetches` needs and returns the values in the same structure.

        Args:
            fetches: A Tensor, Operation, Variable or name, or nested lists, tuples, namedtuples,
                dicts, attrs objects and dataclasses of these, or subclasses.
            feed_dict: Values for tensors of the graph, any tensor, not only placeholders. A
                variable is fed in all its reads, an IndexedSlices takes (values, indices,
                dense_shape), a tuple of keys a tuple of values.
            options: A RunOptions: time limit and trace level.
            run_metadata: A RunMetadata, filled with what each node took when the trace level asks
                for it.

        Returns:
            NumPy arrays (NumPy scalars for rank 0, bytes for strings), None for operations. The
            caller owns the arrays.

        Raises:
            RuntimeError: the session is closed, or was made before a fork.
            TypeError: a fetch or feed is of another kind.
            ValueError: a fetch or feed does not fit the graph.
            OpError: a node failed; the class says how. The session stays usable.

        Example:
            >>> x = fc.placeholder(fc.float32, [2])
            >>> with fc.Session() as sess:
            ...     sess.run({"sum": fc.reduce_sum(x)}, feed_dict={x: [1.0, 2.0]})
            {'sum': np.float32(3.0)}
        """
        # Signatures are kept by tensors that have been fed, so that these are not looked at once more.
        signature = None
        keys: tuple[Any, ...] = ()
        values: Collection[Any] = ()
        if type(feed_dict) is dict:
            keys, values = tuple(feed_dict), feed_dict.values()
        if (feed_dict is None or type(feed_dict) is dict) and not (self._graph._unfeedable or self._closed):
            kind = type(fetches)
            single = kind is Tensor or kind is Operation
            signature = self._signatures.get((fetches, keys) if single else _key_of(fetches, keys))
        if signature is None:
            keys, values = ((), ()) if feed_dict is None else self._parse_feeds(feed_dict)
            signature = self._signature(fetches, keys)
        arrays = [convert(value) for convert, value in zip(signature.convert, values)]
        if options is None and run_metadata is None and not signature.waits:
            try:
                return signature.build(signature.run(arrays, self._settings.timeout_ms))
            except _engine.StepError as error:
                raise (failed := as_exception(error, signature.plan)) from failed.__cause__
        return self._execute(signature, arrays, options, run_metadata)

    @overload
    def make_callable(
        self, fetches: Operation, feed_list: Sequence[Any] | None = ..., accept_options: bool = ...
    ) -> Callable[..., None]: ...

    @overload
    def make_callable(
        self, fetches: _Fetchable, feed_list: Sequence[Any] | None = ..., accept_options: bool = ...
    ) -> Callable[..., Any]: ...

    @overload
    def make_callable(
        self, fetches: list[Any], feed_list: Sequence[Any] | None = ..., accept_options: bool = ...
    ) -> Callable[..., list[Any]]: ...

    @overload
    def make_callable(
        self, fetches: dict[_Key, Any], feed_list: Sequence[Any] | None = ..., accept_options: bool = ...
    ) -> Callable[..., dict[_Key, Any]]: ...

    @overload
    def make_callable(
        self,
        fetches: _NamedTuple | Mapping[Any, Any],
        feed_list: Sequence[Any] | None = ...,
        accept_options: bool = ...,
    ) -> Callable[..., Any]: ...

    @overload
    def make_callable(
        self, fetches: tuple[Any, ...], feed_list: Sequence[Any] | None = ..., accept_options: bool = ...
    ) -> Callable[..., tuple[Any, ...]]: ...

    def make_callable(
        self, fetches: Any, feed_list: Sequence[Any] | None = None, accept_options: bool = False
    ) -> Callable[..., Any]:
        """A function that runs `fetches` again and again with the least overhead.

        Args:
            fetches: As for `run`.
            feed_list: Tensors whose values the function takes as positional arguments, in this
                order.
            accept_options: Whether the function takes `options=` and `run_metadata=`.

        Returns:
            A function of as many arguments as feed_list has tensors. It returns and raises what
            `run` does.

        Raises:
            RuntimeError: the session is closed.
            TypeError: a fetch or feed is of another kind.
            ValueError: a fetch or feed does not fit the graph.

        Example:
            >>> x = fc.placeholder(fc.float32)
            >>> with fc.Session() as sess:
            ...     square = sess.make_callable(fc.square(x), [x])
            ...     print(square(3.0))
            9.0
        """
        flag(accept_options, "accept_options")
        keys = [] if feed_list is None else listed(feed_list, "feed_list")
        feed_tensors = tuple(self._one_feed_tensor(f) for f in keys)
        signature = self._signature(fetches, feed_tensors)
        plan, convert, build = signature.plan, signature.convert, signature.build
        execute, run, count = self._execute, signature.run, len(convert)
        timeout = self._settings.timeout_ms
        waits = signature.waits

        def call(
            *values: Any, options: RunOptions | None = None, run_metadata: RunMetadata | None = None
        ) -> Any:
            # The common case, which is `_execute` without what it can do more, has no call and no
            # look-up that it does not need.
            if (
                options is None
                and run_metadata is None
                and not waits
                and len(values) == count
                and not self._closed
            ):
                try:
                    return build(run([c(v) for c, v in zip(convert, values)], timeout))
                except _engine.StepError as error:
                    raise (failed := as_exception(error, plan)) from failed.__cause__
            if len(values) != count:
                names = ", ".join(t.name for t in feed_tensors) or "nothing"
                raise TypeError(f"this callable takes {count} values (for {names}), found {len(values)}")
            if (options is not None or run_metadata is not None) and not accept_options:
                raise TypeError("options and run_metadata need make_callable(..., accept_options=True)")
            return execute(signature, [c(v) for c, v in zip(convert, values)], options, run_metadata)

        return call

    def run_loop(self, fetches: Any, stop: _engine.StopFlag) -> int:
        """Runs `fetches` again and again, without feeds and without the GIL, until `stop` is set.

        Queue runners use it.

        Args:
            fetches: As for `run`.
            stop: A StopFlag.

        Returns:
            The number of finished runs.

        Raises:
            RuntimeError: the session is closed.
            TypeError: stop is no StopFlag.
            OpError: a run failed.
        """
        instance(stop, StopFlag, "stop")
        signature = self._signature(fetches, ())
        self._check_open()
        plan = signature.plan
        run = self._monitor.enter(plan)
        try:
            return plan.engine.run_until(
                stop, self._monitor.watch(plan, loop=True) if plan.may_wait else None
            )
        except _engine.StepError as error:
            raise (failed := as_exception(error, plan)) from failed.__cause__
        finally:
            self._monitor.leave(run)

    def _blame(self, queue: Operation, failure: RunnerFailure) -> None:
        """Before a queue is closed because a runner failed: runs that meet it will be told why."""
        self._resources.blame(queue, failure)

    def close(self) -> None:
        """Cancels what still runs and releases variables and queues.

        A closed session raises RuntimeError on use. To close it twice does no harm.
        """
        with self._lock:
            self._closed = True
            signatures = list(self._signatures.values())
            self._signatures.clear()
        for signature in signatures:
            signature.plan.engine.cancel("the session was closed")
        self._resources.clear()

    def list_devices(self) -> list[str]:
        """Names of the devices that nodes can be placed on.

        Returns:
            A list of str; OpenCL devices are in it once a node has asked for one.
        """
        return [d.name for d in all_devices()]

    def _check_open(self) -> None:
        if self._is_inherited:
            raise RuntimeError(
                "this Session was made before the process was forked: its threads, variables and queues have"
                " stayed with the parent. Make a new Session in this process, where the graph may be used as"
                " before, or start children with multiprocessing's 'spawn' method"
            )
        if self._closed:
            raise RuntimeError(
                "Attempted to use a closed Session. Make a new one; variables and queues went with this one."
            )

    def _feed_tensor(self, key: Any) -> Tensor:
        try:
            tensor = self._graph.as_graph_element(key, allow_tensor=True, allow_operation=False)
        except (TypeError, KeyError, ValueError) as error:
            raise TypeError(
                f"Cannot interpret feed_dict key {key!r} as a Tensor of this graph: {error}"
            ) from None
        if not self._graph.is_feedable(tensor):
            raise ValueError(f"Tensor {tensor.name} may not be fed.")
        return tensor

    def _one_feed_tensor(self, key: Any) -> Tensor:
        if isinstance(key, (tuple, IndexedSlices)) or hasattr(key, "handle"):
            raise TypeError(
                f"feed_list of make_callable holds tensors, found {key!r}; feed it with Session.run"
            )
        return self._feed_tensor(key)

    def _parse_feeds(self, feed_dict: Mapping[Any, Any]) -> tuple[tuple[Tensor, ...], tuple[Any, ...]]:
        if type(feed_dict) is not dict and not isinstance(feed_dict, Mapping):
            raise TypeError(f"feed_dict must map tensors to values, found {type(feed_dict).__name__}")
        graph = self._graph
        if not graph._unfeedable and all([type(k) is Tensor and k.graph is graph for k in feed_dict]):
            return tuple(feed_dict), tuple(feed_dict.values())
        found = [
            pair for key, value in feed_dict.items() for pair in feeds.pairs(key, value, self._feed_tensor)
        ]
        return tuple([tensor for tensor, _ in found]), tuple([value for _, value in found])

    def _signature(self, fetches: Any, feed_tensors: tuple[Tensor, ...]) -> _Signature:
        if self._closed:
            self._check_open()
        key = _key_of(fetches, feed_tensors)
        found = self._signatures.get(key)
        if found is not None:
            return found
        if self._graph.version == 0:
            raise RuntimeError("The session's graph is empty: make operations before the first run.")
        parsed = Fetches(self._graph, fetches)
        flat = (tuple(parsed.tensors), tuple(parsed.targets), feed_tensors)
        with self._lock, _without_collector():
            self._verifier.verify()
            known = self._signatures.get(flat)
            plan = known.plan if known is not None else self._compile(parsed, feed_tensors)
            signature = _Signature(plan, parsed, feed_tensors)
            self._signatures[flat] = signature
            if key is not None:
                self._signatures[key] = signature
        return signature

    def _compile(self, parsed: Fetches, feed_tensors: tuple[Tensor, ...]) -> CompiledPlan:
        self._check_open()
        if len(set(feed_tensors)) != len(feed_tensors):
            raise ValueError("feed_dict names the same tensor twice")
        settings = PlanSettings(
            self._pool,
            self._resources,
            self._visible,
            self._settings.soft_placement,
            self._settings.passes,
            self._settings.deterministic,
        )
        plan = compile_plan(settings, parsed.tensors, parsed.targets, feed_tensors)
        _empty_free_lists()
        if self._settings.log_placement:
            for op, device in plan.placements():
                wanted = DeviceSpec.from_string(op.device).device_type if op.device else None
                fell_back = wanted not in (None, "CPU") and device == HOST.name
                print(
                    f"{op.name}: ({op.type}): {device}"
                    + (f" (it asks for {op.device}, which cannot run it)" if fell_back else ""),
                    file=sys.stderr,
                )
        return plan

    def _execute(
        self,
        signature: _Signature,
        arrays: list[np.ndarray],
        options: RunOptions | None,
        metadata: RunMetadata | None,
    ) -> Any:
        if self._closed:
            self._check_open()
        plan = signature.plan
        timeout = self._settings.timeout_ms
        trace: list[_engine.Event] | None = None
        if metadata is not None:
            profile.check_metadata(metadata)
        if options is not None:
            told = run_settings(options)
            timeout = told.timeout_ms or timeout
            if told.is_traced and metadata is not None:
                trace = []
        try:
            if plan.may_wait:
                run = self._monitor.enter(plan)
                try:
                    values = plan.engine.run(arrays, timeout, trace, self._monitor.watch(plan))
                finally:
                    self._monitor.leave(run)
            else:
                values = plan.engine.run(arrays, timeout, trace)
        except _engine.StepError as error:
            raise (failed := as_exception(error, plan)) from failed.__cause__
        finally:
            if trace is not None and metadata is not None:
                profile.record(metadata, trace, plan)
        return signature.build(values)


class Session(BaseSession):
    """Runs a graph.

    Used as a context manager it is the default session of the block, and its graph the default
    graph; it is closed at the end.

    Args:
        target: Must be empty: flowcore runs in this process.
        graph: The Graph to run; None: the default graph.
        config: A ConfigProto; threads, placement and time limits.

    Raises:
        NotFoundError: target is not empty.
        TypeError: an argument is of another kind.
        ValueError: a setting is out of range.

    Example:
        >>> a = fc.placeholder(fc.float32)
        >>> with fc.Session() as sess:
        ...     print(sess.run(a * 2.0, feed_dict={a: 1.5}))
        3.0
    """

    def __enter__(self) -> Session:
        """Makes this the default session, and its graph the default graph."""
        self._check_open()
        self._graph_context = self._graph.as_default()
        self._graph_context.__enter__()
        _stack().append(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Ends that, and closes the session."""
        _leave(self)
        self._graph_context.__exit__(kind, value, traceback)
        self.close()

    def as_default(self) -> _DefaultSession:
        """A context manager that makes this the default session, without closing it at the end.

        Returns:
            A context manager; `with` gives the session.

        Example:
            >>> sess = fc.Session()
            >>> with sess.as_default():
            ...     print(fc.constant(2.0).eval())
            2.0
        """
        return _DefaultSession(self)


class InteractiveSession(BaseSession):
    """A session that makes itself the default on construction, for shells and notebooks.

    `close()` ends that.

    Args:
        target: Must be empty: flowcore runs in this process.
        graph: The Graph to run; None: the default graph.
        config: A ConfigProto; threads, placement and time limits.

    Raises:
        NotFoundError: target is not empty.
        TypeError: an argument is of another kind.
        ValueError: a setting is out of range.

    Example:
        >>> sess = fc.InteractiveSession()
        >>> print(fc.constant(2.0).eval())
        2.0
        >>> sess.close()
    """

    def __init__(
        self, target: str = "", graph: Graph | None = None, config: ConfigProto | None = None
    ) -> None:
        super().__init__(target, graph, config)
        _stack().append(self)
        self._graph_context = None
        if graph is not None:
            self._graph_context = graph.as_default()
            self._graph_context.__enter__()

    def as_default(self) -> _DefaultSession:
        """A context manager that makes this the default session once more.

        Returns:
            A context manager; `with` gives the session.

        Example:
            >>> sess = fc.InteractiveSession()
            >>> with sess.as_default():
            ...     print(fc.constant(2.0).eval())
            2.0
            >>> sess.close()
        """
        return _DefaultSession(self)

    def close(self) -> None:
        """Ends the session and its being the default."""
        if self in _stack():
            _leave(self)
            if self._graph_context is not None:
                self._graph_context.__exit__(None, None, None)
        super().close()


class _DefaultSession:
    def __init__(self, session: BaseSession) -> None:
        self._session = session

    def __enter__(self) -> BaseSession:
        _stack().append(self._session)
        return self._session

    def __exit__(self, *_: object) -> None:
        _leave(self._session)


def _stack() -> list[BaseSession]:
    stack = getattr(_default_sessions, "stack", None)
    if stack is None:
        stack = _default_sessions.stack = []
    return stack


def _leave(session: BaseSession) -> None:
    stack = _stack()
    for i in reversed(range(len(stack))):
        if stack[i] is session:
            del stack[i]
            return


def get_default_session() -> BaseSession | None:
    """The innermost default session of this thread.

    Returns:
        A Session or InteractiveSession, or None.

    Example:
        >>> with fc.Session() as sess:
        ...     print(fc.get_default_session() is sess)
        True
    """
    stack = _stack()
    return stack[-1] if stack else None


graph_operation.default_session_hook = get_default_session
