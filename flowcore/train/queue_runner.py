"""QueueRunner: threads that keep a queue filled.

Each runs its enqueue op in the engine's own loop, without the GIL.
"""

from __future__ import annotations

import functools
import sys
import threading
from collections.abc import Sequence
from typing import Any

from flowcore import errors, locks
from flowcore.arguments import described, flag, instance, listed, subclasses
from flowcore.graph.graph import GraphKeys, get_default_graph
from flowcore.graph.operation import Operation, Tensor
from flowcore.graph.scopes import add_to_collection
from flowcore.ops.data_flow_ops import QueueBase
from flowcore.runtime.resources import RunnerFailure
from flowcore.runtime.session import BaseSession, StopFlag, get_default_session
from flowcore.train.coordinator import Coordinator

__all__ = ["QueueRunner", "add_queue_runner", "start_queue_runners"]


def _node(value: Any, what: str) -> Any:
    """`value` itself. Raises TypeError when a session cannot run it."""
    if not isinstance(value, (Operation, Tensor)):
        raise TypeError(f"{what} must be an Operation or a Tensor, found {described(value)}")
    return value


class QueueRunner:
    """Fills a queue from threads of its own, one for each enqueue op.

    When the last thread ends, the queue is closed, so that waiting dequeues learn that no more
    elements come. A thread that fails says so: the waiting dequeues get an error that names this
    runner and the failure.

    Args:
        queue: The queue.
        enqueue_ops: Operations, one per thread.
        close_op: Run when the threads have ended because there is no more input; None:
            queue.close().
        cancel_op: Run when a stop was asked for; None: queue.close(cancel_pending_enqueues=True).
        queue_closed_exception_types: Exceptions that mean "no more input" rather than a failure;
            None: OutOfRangeError.
        queue_runner_def: Not used yet.
        import_scope: Not used yet.

    Raises:
        TypeError: an argument is of another kind.
        ValueError: queue or enqueue_ops is missing.

    Example:
        >>> queue = fc.FIFOQueue(10, fc.float32, shapes=[[]])
        >>> fc.train.QueueRunner(queue, [queue.enqueue(1.0)] * 2)
        <flowcore.train.QueueRunner of 'fifo_queue', 2 threads, not started>
    """

    def __init__(
        self,
        queue: QueueBase | None = None,
        enqueue_ops: Sequence[Any] | None = None,
        close_op: Operation | None = None,
        cancel_op: Operation | None = None,
        queue_closed_exception_types: tuple[type[BaseException], ...] | None = None,
        queue_runner_def: Any = None,
        import_scope: Any = None,
    ) -> None:
        ops = [] if enqueue_ops is None else listed(enqueue_ops, "enqueue_ops")
        if queue is None or not ops:
            raise ValueError("queue and enqueue_ops must be given")
        self._queue = instance(queue, QueueBase, "queue")
        self._enqueue_ops = [_node(op, "each of enqueue_ops") for op in ops]
        self._close_op = queue.close() if close_op is None else _node(close_op, "close_op")
        self._cancel_op = (
            queue.close(cancel_pending_enqueues=True) if cancel_op is None else _node(cancel_op, "cancel_op")
        )
        types = queue_closed_exception_types
        if types is not None:
            types = subclasses(types, errors.OpError, "queue_closed_exception_types")
        self._closed_types = types or (errors.OutOfRangeError,)
        self._lock = locks.lock()
        self._exceptions: list[BaseException] = []
        self._live: dict[BaseSession, int] = {}
        self.started = False

    def __repr__(self) -> str:
        with self._lock:
            running, errors_seen = sum(self._live.values()), len(self._exceptions)
        state = f"{running} running" if running else "ended" if self.started else "not started"
        failed = f", {errors_seen} failed" if errors_seen else ""
        count = len(self._enqueue_ops)
        return f"<flowcore.train.QueueRunner of '{self.name}', {count} threads, {state}{failed}>"

    @property
    def queue(self) -> QueueBase:
        """The queue."""
        return self._queue

    @property
    def enqueue_ops(self) -> list[Any]:
        """The operations, one per thread."""
        return self._enqueue_ops

    @property
    def close_op(self) -> Operation:
        """The operation that closes the queue when there is no more input."""
        return self._close_op

    @property
    def cancel_op(self) -> Operation:
        """The operation that closes the queue when a stop was asked for."""
        return self._cancel_op

    @property
    def name(self) -> str:
        """The queue's name."""
        return self._queue.name

    @property
    def exceptions_raised(self) -> list[BaseException]:
        """What its threads failed with and did not report to a coordinator."""
        return self._exceptions

    def _run(self, session: BaseSession, op: Any, coord: Coordinator | None, stop: StopFlag) -> None:
        ended = False
        try:
            session.run_loop(op, stop)
        except self._closed_types:
            ended = True  # no more input
        except errors.CancelledError as error:
            if threading.main_thread().is_alive() and (coord is None or not coord.should_stop()):
                self._report(error, session, coord)
        except RuntimeError as error:
            if not session._closed:
                self._report(error, session, coord)
        except Exception as error:
            self._report(error, session, coord)
        finally:
            with self._lock:
                self._live[session] -= 1
                last = self._live[session] == 0
            # The last one closes the queue, so that whoever waits for elements learns that none will come.
            if last or not ended:
                self._close(session, coord)

    def _report(self, error: BaseException, session: BaseSession, coord: Coordinator | None) -> None:
        """Before the queue is closed, so that whoever wakes up because of that finds the reason."""
        found: RunnerFailure | None = getattr(error, "_failed_runner", None)
        if found is not None and found.queue == self.name:
            return  # another thread of this runner failed, and has said so
        failure = found or RunnerFailure(self.name, error)
        session._blame(self._queue.queue_ref.op, failure)
        if coord is not None:
            if coord._runner_failure is None:
                coord._runner_failure = failure
            coord.request_stop(sys.exc_info())  # type: ignore[arg-type]
        else:
            print(f"flowcore: queue runner of '{self.name}' ended: {error}", file=sys.stderr, flush=True)
            with self._lock:
                self._exceptions.append(error)

    def _blame_stop(self, session: BaseSession, coord: Coordinator | None) -> None:
        """A queue that is closed because another runner's failure stops all has that reason too."""
        if coord is not None and coord._runner_failure is not None:
            session._blame(self._queue.queue_ref.op, coord._runner_failure)

    def _close(self, session: BaseSession, coord: Coordinator | None) -> None:
        self._blame_stop(session, coord)
        try:
            session.run(self._close_op)
        except (RuntimeError, errors.OpError):
            pass  # the session is closed: the queue went with it

    def create_threads(
        self, sess: BaseSession, coord: Coordinator | None = None, daemon: bool = False, start: bool = False
    ) -> list[threading.Thread]:
        """Threads that run the enqueue ops.

        A runner works once at a time per session.

        Args:
            sess: The Session that they run in.
            coord: A Coordinator that stops them, and that they report failures to; None: failures
                are printed and kept in `exceptions_raised`.
            daemon: Whether the process may end while they run.
            start: Whether to start them too.

        Returns:
            A list of threading.Thread, one per enqueue op; [] while this runner already works in
            sess.

        Raises:
            TypeError: an argument is of another kind.

        Example:
            >>> queue = fc.FIFOQueue(10, fc.float32, shapes=[[]])
            >>> runner = fc.train.QueueRunner(queue, [queue.enqueue(1.0)])
            >>> element = queue.dequeue()
            >>> coord = fc.train.Coordinator()
            >>> with fc.Session() as sess:
            ...     threads = runner.create_threads(sess, coord, start=True)
            ...     print(sess.run(element))
            ...     coord.request_stop()
            ...     coord.join(threads)
            1.0
        """
        instance(sess, BaseSession, "sess")
        if coord is not None:
            instance(coord, Coordinator, "coord")
        daemon, start = flag(daemon, "daemon"), flag(start, "start")
        with self._lock:
            if self._live.get(sess, 0) > 0:
                return []
            self._live[sess] = len(self._enqueue_ops)
            self._exceptions = []
        threads = []
        for i, op in enumerate(self._enqueue_ops):
            stop = StopFlag()
            thread = threading.Thread(
                target=self._run,
                args=(sess, op, coord, stop),
                name=f"QueueRunnerThread-{self.name}-{i}",
                daemon=daemon,
            )
            if coord is not None:
                coord.register_thread(thread)
                coord.call_on_stop(stop.set)
            threads.append(thread)
        if coord is not None:
            coord.call_on_stop(functools.partial(self._cancel, sess, coord))
        if start:
            self.started = True
            for thread in threads:
                thread.start()
        else:
            self.started = True
        return threads

    def _cancel(self, session: BaseSession, coord: Coordinator) -> None:
        self._blame_stop(session, coord)
        try:
            session.run(self._cancel_op)
        except (RuntimeError, errors.OpError):
            pass  # closed already


def add_queue_runner(qr: QueueRunner, collection: str = GraphKeys.QUEUE_RUNNERS) -> None:
    """Adds a runner to those that start_queue_runners starts.

    Args:
        qr: The QueueRunner.
        collection: The name of the graph collection that it is added to.

    Raises:
        TypeError: qr is no QueueRunner.

    Example:
        >>> queue = fc.FIFOQueue(10, fc.float32, shapes=[[]])
        >>> fc.train.add_queue_runner(fc.train.QueueRunner(queue, [queue.enqueue(1.0)]))
        >>> len(fc.get_collection(fc.GraphKeys.QUEUE_RUNNERS))
        1
    """
    add_to_collection(collection, instance(qr, QueueRunner, "qr"))


def start_queue_runners(
    sess: BaseSession | None = None,
    coord: Coordinator | None = None,
    daemon: bool = True,
    start: bool = True,
    collection: str = GraphKeys.QUEUE_RUNNERS,
) -> list[threading.Thread]:
    """Starts all queue runners of a session's graph.

    Args:
        sess: The Session; None: the default session.
        coord: A Coordinator that stops the threads; see QueueRunner.create_threads.
        daemon: Whether the process may end while the threads run.
        start: Whether to start the threads, not only to make them.
        collection: The graph collection that holds the runners.

    Returns:
        A list of threading.Thread.

    Raises:
        TypeError: sess is no Session.
        ValueError: sess is None, and there is no default session.

    Example:
        >>> names = fc.train.string_input_producer(["a", "b"], shuffle=False)
        >>> name = names.dequeue()
        >>> coord = fc.train.Coordinator()
        >>> with fc.Session() as sess:
        ...     threads = fc.train.start_queue_runners(sess, coord)
        ...     print([sess.run(name) for _ in range(3)])
        ...     coord.request_stop()
        ...     coord.join(threads)
        [b'a', b'b', b'a']
    """
    sess = get_default_session() if sess is None else sess
    if sess is None:
        raise ValueError(
            "Cannot start queue runners: No default session is registered. Use `with flowcore.Session()` or"
            " pass sess="
        )
    if not isinstance(sess, BaseSession):
        raise TypeError(f"sess must be a flowcore Session, found {type(sess).__name__}")
    with sess.graph.as_default():
        runners = get_default_graph().get_collection(collection)
    return [
        t for runner in runners for t in runner.create_threads(sess, coord=coord, daemon=daemon, start=start)
    ]
