"""Says why a step waits. A queue that nothing will ever serve must not hang a program in silence.

The session calls this about once a second while a caller has nothing to do but wait on queues.
After WARN_AFTER seconds it prints a warning to stderr with the queue, the waiting nodes and the
missing call, and again ever later. It raises only where no thread runs Python but those that wait,
and either the graph has no op that could serve the queue or the wait is a circle: a thread that
Python does not know may still come and run one.
Waits form chains: a batch waits for its runner, the runner for file names, those for a runner that
was never started. What is reported is the end of the chain.
Must never import train: queue runners are found in the graph's collection.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from threading import get_ident
from typing import NamedTuple

from flowcore import _engine, _fifo, _reader, errors
from flowcore.graph.graph import Graph, GraphKeys
from flowcore.graph.operation import Operation
from flowcore.runtime.handles import Path, ResourceKey, key_of, resource_keys
from flowcore.runtime.plan import CompiledPlan

#: Seconds of waiting before the first warning, or the error where no thread could help.
WARN_AFTER = 3.0

#: What ends a wait for the one is an op that may wait for the other.
_OPPOSITE = {"elements": "room", "room": "elements"}


def _wait_of(op: Operation) -> str:
    """What an op may wait for: elements or room; empty: nothing."""
    waits = op._op_def.waits
    return "" if waits is None else waits[1]


def _queues_of(op: Operation, paths: Mapping[Graph, Path]) -> frozenset[ResourceKey] | None:
    """The queues that an op may wait on; None where a handle cannot be traced."""
    waits = op._op_def.waits
    if waits is None:
        return frozenset()
    return resource_keys(op, op._op_def.inputs_of(waits[0], op._attrs), paths)


def _servers(plan: CompiledPlan, wanted: str, queue: ResourceKey) -> list[Operation]:
    """The ops of a plan, and of bodies that it calls, that may wait for `wanted`, and so serve who waits
    for the opposite, on the queue, or perhaps on it.
    """
    found: list[Operation] = []
    plans = {id(plan): plan}
    left = [plan]
    while left:
        plan = left.pop()
        for op in plan.ops:
            if op is not None and _wait_of(op) == wanted:
                keys = _queues_of(op, plan.paths)
                if keys is None or queue in keys:
                    found.append(op)
        new = [called for called in plan.called if id(called) not in plans]
        plans.update((id(called), called) for called in new)
        left += new
    return found


def _has_server(graph: Graph, wanted: str, queue: ResourceKey) -> bool:
    """Likewise whether a graph has such an op, in itself or in a body, on whatever path."""
    for op in graph.get_operations():
        if _wait_of(op) == wanted:
            keys = _queues_of(op, {})
            if keys is None or any(k[:2] == queue[:2] for k in keys):
                return True
    return False


def _queue_of(op: Operation, paths: Mapping[Graph, Path]) -> ResourceKey | None:
    """The queue that an op waits on; None where it is chosen at run time."""
    keys = _queues_of(op, paths)
    return next(iter(keys)) if keys is not None and len(keys) == 1 else None


def _depends_on(op: Operation, names: set[str]) -> bool:
    """Whether an op comes after one of these, through values or control edges."""
    met: set[Operation] = set()
    ahead = [op]
    while ahead:
        current = ahead.pop()
        for before in {*(t.op for t in current.inputs), *current.control_inputs}:
            if before.name in names:
                return True
            if before not in met:
                met.add(before)
                ahead.append(before)
    return False


class _Dead(NamedTuple):
    """The end of a chain of waits: an op that nothing serves, the queues between it and the op that
    was looked at, and the plans that wait for it.
    """

    op: Operation
    plan: CompiledPlan
    queue: ResourceKey
    via: tuple[str, ...]
    plans: frozenset[int]
    circle: bool = False  # what serves it is one of these plans


class WaitMonitor:
    """Knows which plans of a session run now, and so who could still serve a queue."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        # Plan and thread of each run; a thread is bound to its run until that ends. Without a lock,
        # because each access is one operation of a dict: with a lock, threads that run short plans
        # queue up behind the one that was interrupted while it had it.
        self._runs: dict[object, tuple[CompiledPlan, int]] = {}
        #: Seconds of waiting at which a queue is reported again, ever later, so that a log stays readable;
        #: by itself and as the end of a chain, whose beginning is what the user ran.
        self._next_warning: dict[tuple[ResourceKey, bool], float] = {}

    def enter(self, plan: CompiledPlan) -> object:
        """A run of `plan` begins. Returns what `leave` is to be given."""
        run = object()
        self._runs[run] = plan, get_ident()
        return run

    def leave(self, run: object) -> None:
        """The run ends."""
        del self._runs[run]

    def watch(
        self, plan: CompiledPlan, loop: bool = False
    ) -> Callable[[float, Sequence[_engine.Place], int], None]:
        """The hook for the engine: (seconds waited, parked nodes, how many others are ready or run).
        `loop`: a queue runner's, which may wait for room while the program runs.
        """
        # per parked node: the op that nothing serves, and when it was first seen
        since: dict[_engine.Place, tuple[Operation, float]] = {}

        def on_wait(seconds: float, parked: Sequence[_engine.Place], others: int) -> None:
            watched = ("elements",) if loop and threading.main_thread().is_alive() else tuple(_OPPOSITE)
            stands = not others and sum(p is plan for p, _ in self._runs.copy().values()) == 1
            for node in parked:
                nodes, i = plan.at(node)
                op = nodes.ops[i]
                if op is None or _wait_of(op) not in watched:
                    continue
                dead = self._dead(op, nodes.paths, plan, frozenset(), parked if stands else ())
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

    def _dead(
        self,
        op: Operation,
        paths: Mapping[Graph, Path],
        plan: CompiledPlan,
        seen: frozenset[int],
        all_parked: Sequence[_engine.Place] = (),
    ) -> _Dead | None:
        """Where the chain of waits that `op` stands in ends, or None when something on it works:
        slow, but not stuck. `all_parked`: the nodes that the plan's one run waits for, where nothing else
        of it can go on.
        """
        queue = _queue_of(op, paths)
        if queue is None or queue not in plan.queues or op.name in _reader.reading():
            return None  # chosen among several at run time, or waiting for a file
        wanted = _OPPOSITE[_wait_of(op)]
        servers = _servers(plan, wanted, queue)
        parked_names = {o.name for node in all_parked if (o := plan.op_at(node)) is not None}
        if servers and (not parked_names or any(o.name in parked_names for o in servers)):
            return None  # this very step serves it
        seen = seen | {id(plan)}
        running = [p for p, _ in self._runs.copy().values() if _servers(p, wanted, queue)]
        found: list[_Dead] = []
        for server in {id(p): p for p in running if id(p) not in seen}.values():
            parked = [server.at(node) for node in server.engine.waiting()]
            if len(parked) < sum(p is server for p in running):
                return None
            for nodes, i in parked:
                other = nodes.ops[i]
                if other is None or not _wait_of(other) or _queue_of(other, nodes.paths) == queue:
                    return None
                deeper = self._dead(other, nodes.paths, server, seen)
                if deeper is None:
                    return None
                found.append(deeper)
        if not found:
            circle = any(id(p) in seen for p in running)
            if servers:  # of this step: what is done will not come again, what waits for a parked node never
                circle = all(_depends_on(o, parked_names) for o in servers)
            return _Dead(op, plan, queue, (), frozenset({id(plan)}), circle)
        plans = frozenset({id(plan)}).union(*(d.plans for d in found))
        end = found[0]
        return _Dead(end.op, end.plan, end.queue, (queue.shown, *end.via), plans, end.circle)

    def _explain(self, waiter: Operation, dead: _Dead, seconds: float) -> None:
        """Says what is missing; raises where no thread, known or not, could end the wait."""
        op = dead.op
        text = self._describe(waiter, dead, seconds)
        if op.created_at:
            text = f"{text.rstrip('.')}; created at {op.created_at}"
        ended = not threading.main_thread().is_alive()
        if not self._helpers(dead):
            if ended:
                raise errors.CancelledError(None, op, f"the program has ended; {text}")
            if dead.circle or not self._can_be_served(dead):
                raise errors.FailedPreconditionError(None, op, text)
        # at the program's end, no wonder that no thread takes elements out
        subject = dead.queue, bool(dead.via)
        if seconds >= self._next_warning.get(subject, 0.0) and not (_wait_of(op) == "room" and ended):
            self._next_warning[subject] = seconds * 2
            print(f"flowcore: warning: {text}", file=sys.stderr, flush=True)

    def _describe(self, waiter: Operation, dead: _Dead, seconds: float) -> str:
        op, queue = dead.op, dead.queue.shown
        info = _fifo.queue_info(dead.plan.queues[dead.queue].address)
        capacity = info["capacity"] if info["capacity"] >= 0 else "any number of"
        before = (
            f"node '{waiter.name}' ({waiter.type}) waits for queue"
            f" {', which waits for queue '.join(repr(q) for q in dead.via)}: "
            if dead.via
            else ""
        )
        what = _wait_of(op)
        return (
            f"{before}node '{op.name}' ({op.type}) has waited {seconds:.0f} s for {what} of queue '{queue}'"
            f" ({info['kind']}, {info['size']} of {capacity} elements, {info['dequeuers']} dequeues and"
            f" {info['enqueuers']} enqueues waiting), and nothing that runs now serves it."
            f" {self._remedy(dead)}"
        )

    def _helpers(self, dead: _Dead) -> list[int]:
        """The threads that could still end the wait: all that run Python, however they were started, but
        those that are part of it, and daemons once the program waits for its end.
        """
        stuck = {thread for p, thread in self._runs.copy().values() if id(p) in dead.plans}
        known = {t.ident: t for t in threading.enumerate()}
        ending = not threading.main_thread().is_alive()
        idle = {threading.main_thread().ident} if ending else set()
        return [
            ident
            for ident in sys._current_frames()
            if ident not in stuck
            and ident not in idle
            and not (ending and ident in known and known[ident].daemon)
        ]

    def _can_be_served(self, dead: _Dead) -> bool:
        """Whether the graph has an op that could: a thread that Python does not know may run it."""
        wanted = _OPPOSITE[_wait_of(dead.op)]
        return _has_server(self._graph, wanted, dead.queue)

    def _remedy(self, dead: _Dead) -> str:
        """The missing call."""
        if dead.circle:
            return "What serves it waits for this very wait to end."
        if _wait_of(dead.op) == "room":
            if not self._can_be_served(dead):
                return "The queue is full and the graph has no op that takes elements out of it."
            return (
                "The queue is full and no step takes elements out of it; run a dequeue in another thread,"
                " or give it more capacity."
            )
        for runner in self._graph.get_collection(GraphKeys.QUEUE_RUNNERS):
            if key_of(runner.queue.queue_ref.op, runner.queue.queue_ref.op.attrs) == dead.queue:
                if getattr(runner, "started", False):
                    return "Its queue runner has ended; coord.join() raises what stopped it."
                return (
                    "Its queue runner was never started: call flowcore.train.start_queue_runners(sess,"
                    " coord) before the first run."
                )
        if not self._can_be_served(dead):
            return "The graph has no op that enqueues into it."
        return "Run one of its enqueue ops, in this thread before or in another."
