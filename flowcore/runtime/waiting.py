"""Says why a step waits. A queue that nobody will ever serve must not hang a program in silence.

The session calls this about once a second while a caller has nothing to do but wait on queues.
After WARN_AFTER seconds it prints one warning to stderr with the queue, the waiting nodes and the
missing call. Where nothing that still runs can ever end the wait, it raises.
Waits form chains: a batch waits for its runner, the runner for file names, those for a runner that
was never started. What is reported is the end of the chain.
Must never import train: queue runners are found in the graph's collection.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Sequence
from typing import NamedTuple

from flowcore import _fifo, errors
from flowcore.graph.graph import Graph, GraphKeys
from flowcore.graph.operation import Operation
from flowcore.runtime.plan import CompiledPlan

#: Seconds of waiting before the warning, and before an error where no other thread could help.
WARN_AFTER = 3.0
RAISE_AFTER = 6.0

_PUTS = ("QueueEnqueueV2", "QueueEnqueueManyV2")
_TAKES = ("QueueDequeueV2", "QueueDequeueManyV2", "QueueDequeueUpToV2", "ReaderReadV2")


def _serves(plan: CompiledPlan, types: Sequence[str], queue: str) -> bool:
    return any(o is not None and o.type in types and _handle(o) == queue for o in plan.ops)


def _handle(op: Operation) -> str:
    """The name of the queue's node that an op works on."""
    tensor = op.inputs[1] if op.type == "ReaderReadV2" else op.inputs[0]
    return tensor.op.name


class _Dead(NamedTuple):
    """The end of a chain of waits:

    an op that nothing serves, the queues between it and the op that was looked at, and the plans
    that wait for it.
    """

    op: Operation
    plan: CompiledPlan
    via: tuple[str, ...]
    plans: frozenset[int]
    circle: bool = False  # what serves it is one of these plans


class WaitMonitor:
    """Knows which plans of a session run now, and so who could still serve a queue."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        # Plan and thread of each run; a thread is bound to its run until that ends. Without a lock,
        # because each access is one operation of a dict: with a lock, threads that run short plans
        # queue up behind whoever was interrupted while he had it.
        self._runs: dict[object, tuple[CompiledPlan, int]] = {}
        self._warned: set[str] = set()

    def enter(self, plan: CompiledPlan) -> object:
        """A run of `plan` begins. Returns what `leave` is to be given."""
        run = object()
        self._runs[run] = plan, threading.get_ident()
        return run

    def leave(self, run: object) -> None:
        """The run ends."""
        del self._runs[run]

    def watch(self, plan: CompiledPlan, loop: bool = False) -> Callable[[float, Sequence[int]], None]:
        """The hook for the engine:

        (seconds waited, parked nodes). `loop`: a queue runner's, which may wait for room while the
        program runs.
        """
        # per parked node: the op that nothing serves, and when it was first seen
        since: dict[int, tuple[Operation, float]] = {}

        def on_wait(seconds: float, parked: Sequence[int]) -> None:
            watched = _TAKES if loop and threading.main_thread().is_alive() else _TAKES + _PUTS
            for node in parked:
                op = plan.ops[node]
                if op is None or op.type not in watched:
                    continue
                dead = self._dead(op, plan, frozenset())
                if dead is None:
                    since.pop(node, None)
                    continue
                # What this op itself waits for it has waited for all the time; of other plans only
                # what was seen is known.
                first, begin = since.get(node, (None, 0.0))
                if first is not dead.op:
                    begin = 0.0 if dead.op is op else seconds
                    since[node] = dead.op, begin
                if seconds - begin >= WARN_AFTER:
                    self._explain(op, dead, seconds - begin)

        return on_wait

    def _dead(self, op: Operation, plan: CompiledPlan, seen: frozenset[int]) -> _Dead | None:
        """Where the chain of waits that `op` stands in ends, or None when somebody on it works:

        slow, but not stuck.
        """
        queue = _handle(op)
        if queue not in plan.queues:
            return None  # chosen among several at run time
        wanted = _PUTS if op.type in _TAKES else _TAKES
        if _serves(plan, wanted, queue):
            return None  # this very step serves it
        seen = seen | {id(plan)}
        running = [p for p, _ in self._runs.copy().values() if _serves(p, wanted, queue)]
        found: list[_Dead] = []
        for server in {id(p): p for p in running if id(p) not in seen}.values():
            parked = [server.ops[node] for node in server.engine.waiting()]
            if len(parked) < sum(p is server for p in running):
                return None
            for other in parked:
                if other is None or other.type not in _TAKES + _PUTS or _handle(other) == queue:
                    return None
                deeper = self._dead(other, server, seen)
                if deeper is None:
                    return None
                found.append(deeper)
        if not found:
            return _Dead(op, plan, (), frozenset({id(plan)}), circle=any(id(p) in seen for p in running))
        plans = frozenset({id(plan)}).union(*(d.plans for d in found))
        return _Dead(found[0].op, found[0].plan, (queue, *found[0].via), plans, found[0].circle)

    def _explain(self, waiter: Operation, dead: _Dead, seconds: float) -> None:
        op, queue = dead.op, _handle(dead.op)
        info = _fifo.queue_info(dead.plan.queues[queue].address)
        remedy, startable = (
            ("What serves it waits for this very wait to end.", False)
            if dead.circle
            else self._remedy(op, queue)
        )
        what = "elements" if op.type in _TAKES else "room"
        before = (
            f"node '{waiter.name}' ({waiter.type}) waits for queue"
            f" {', which waits for queue '.join(repr(q) for q in dead.via)}: "
            if dead.via
            else ""
        )
        text = (
            f"{before}node '{op.name}' ({op.type}) has waited {seconds:.0f} s for {what} of queue '{queue}'"
            f" ({info['kind']}, {info['size']} of"
            f" {info['capacity'] if info['capacity'] >= 0 else 'any number of'} elements, {info['dequeuers']}"
            f" dequeues and {info['enqueuers']} enqueues waiting), and nothing that runs now serves it."
            f" {remedy}"
        )
        where = f"; created at {op.created_at}" if op.created_at else ""
        alone = not self._helpers(dead)
        if alone and not threading.main_thread().is_alive():
            raise errors.CancelledError(op.node_def, op, f"the program has ended; {text}")
        if alone and (not startable or seconds >= RAISE_AFTER):
            raise errors.FailedPreconditionError(
                op.node_def, op, f"{text}{where}. No other thread is alive that could ever do it."
            )
        # no wonder that nobody takes elements out
        ending = op.type in _PUTS and not threading.main_thread().is_alive()
        if queue not in self._warned and not ending:
            self._warned.add(queue)
            print(f"flowcore: warning: {text}{where}", file=sys.stderr, flush=True)

    def _helpers(self, dead: _Dead) -> list[threading.Thread]:
        """The threads that could still end the wait:

        all but those that are part of it, and daemons once the program waits for its end.
        """
        stuck = {thread for p, thread in self._runs.copy().values() if id(p) in dead.plans}
        ending = not threading.main_thread().is_alive()
        return [
            t
            for t in threading.enumerate()
            if t.is_alive() and t.ident not in stuck and not (ending and t.daemon)
        ]

    def _remedy(self, op: Operation, queue: str) -> tuple[str, bool]:
        """The missing call, and whether somebody could still make it."""
        if op.type in _PUTS:
            return (
                (
                    "The queue is full and no step takes elements out of it; run a dequeue in another thread,"
                    " or give it more capacity."
                ),
                True,
            )
        for runner in self._graph.get_collection(GraphKeys.QUEUE_RUNNERS):
            if runner.queue.queue_ref.op.name == queue:
                if getattr(runner, "started", False):
                    return "Its queue runner has ended; coord.join() raises what stopped it.", False
                return (
                    (
                        "Its queue runner was never started: call flowcore.train.start_queue_runners(sess,"
                        " coord) before the first run."
                    ),
                    True,
                )
        if not any(o.type in _PUTS and _handle(o) == queue for o in self._graph.get_operations()):
            return "The graph has no op that enqueues into it.", False
        return "Run one of its enqueue ops, in this thread before or in another.", True
