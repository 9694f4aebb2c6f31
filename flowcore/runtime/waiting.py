"""Says why a step waits. A queue that nobody will ever serve must not hang a program in silence.

The session calls this about once a second while a caller has nothing to do but wait on queues. After WARN_AFTER seconds it
prints one warning to stderr with the queue, the waiting nodes and the missing call. Where nothing that still runs can ever end the wait, it raises.
Must never import train: queue runners are found in the graph's collection.
"""

from __future__ import annotations

import sys
import threading
from collections import Counter
from collections.abc import Callable, Sequence

from flowcore import _fifo, errors
from flowcore.graph.graph import Graph, GraphKeys
from flowcore.graph.operation import Operation
from flowcore.runtime.plan import CompiledPlan

#: Seconds of waiting before the warning, and before an error where no other thread could help.
WARN_AFTER = 3.0
RAISE_AFTER = 6.0

_PUTS = ("QueueEnqueueV2", "QueueEnqueueManyV2")
_TAKES = ("QueueDequeueV2", "QueueDequeueManyV2", "QueueDequeueUpToV2", "ReaderReadV2")


def _handle(op: Operation) -> str:
    """The name of the queue's node that an op works on."""
    tensor = op.inputs[1] if op.type == "ReaderReadV2" else op.inputs[0]
    return tensor.op.name


class WaitMonitor:
    """Knows which plans of a session run now, and so who could still serve a queue."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._lock = threading.Lock()
        self._running: Counter[int] = Counter()
        self._plans: dict[int, CompiledPlan] = {}
        self._warned: set[str] = set()

    def enter(self, plan: CompiledPlan) -> None:
        """A run of `plan` begins."""
        with self._lock:
            self._running[id(plan)] += 1
            self._plans[id(plan)] = plan

    def leave(self, plan: CompiledPlan) -> None:
        """A run of `plan` ends."""
        with self._lock:
            self._running[id(plan)] -= 1
            if not self._running[id(plan)]:
                del self._running[id(plan)], self._plans[id(plan)]

    def watch(self, plan: CompiledPlan) -> Callable[[float, Sequence[int]], None]:
        """The hook for the engine: (seconds waited, parked nodes)."""

        def on_wait(seconds: float, parked: Sequence[int]) -> None:
            if seconds >= WARN_AFTER:
                for node in parked:
                    op = plan.ops[node]
                    if op is not None and op.type in _TAKES + _PUTS:
                        self._explain(op, plan, seconds)

        return on_wait

    def _explain(self, op: Operation, plan: CompiledPlan, seconds: float) -> None:
        queue = _handle(op)
        if queue not in plan.queues:
            return  # chosen among several at run time
        wanted = _PUTS if op.type in _TAKES else _TAKES
        with self._lock:
            others = [p for p in self._plans.values() if p is not plan]
        if any(o is not None and o.type in wanted and _handle(o) == queue for p in others for o in p.ops):
            return  # somebody is at it, slow or waiting itself
        if any(o is not None and o.type in wanted and _handle(o) == queue for o in plan.ops):
            return  # this very step serves it
        info = _fifo.queue_info(plan.queues[queue].address)
        remedy, startable = self._remedy(op, queue)
        what = "elements" if op.type in _TAKES else "room"
        text = (
            f"node '{op.name}' ({op.type}) has waited {seconds:.0f} s for {what} of queue '{queue}' "
            f"({info['kind']}, {info['size']} of {info['capacity'] if info['capacity'] >= 0 else 'any number of'} elements, "
            f"{info['dequeuers']} dequeues and {info['enqueuers']} enqueues waiting), and nothing that runs now serves it. {remedy}"
        )
        where = f"; created at {op.created_at}" if op.created_at else ""
        alone = threading.active_count() == 1
        if (not startable and alone) or (alone and seconds >= RAISE_AFTER):
            raise errors.FailedPreconditionError(op.node_def, op, f"{text}{where}. No other thread is alive that could ever do it.")
        if queue not in self._warned:
            self._warned.add(queue)
            print(f"flowcore: warning: {text}{where}", file=sys.stderr, flush=True)

    def _remedy(self, op: Operation, queue: str) -> tuple[str, bool]:
        """The missing call, and whether somebody could still make it."""
        if op.type in _PUTS:
            return (
                "The queue is full and no step takes elements out of it; run a dequeue in another thread, or give it more capacity.",
                True,
            )
        for runner in self._graph.get_collection(GraphKeys.QUEUE_RUNNERS):
            if runner.queue.queue_ref.op.name == queue:
                if getattr(runner, "started", False):
                    return "Its queue runner has ended; coord.join() raises what stopped it.", False
                return (
                    "Its queue runner was never started: call flowcore.train.start_queue_runners(sess, coord) before the first run.",
                    True,
                )
        if not any(o.type in _PUTS and _handle(o) == queue for o in self._graph.get_operations()):
            return "The graph has no op that enqueues into it.", False
        return "Run one of its enqueue ops, in this thread before or in another.", True
