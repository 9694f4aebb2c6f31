"""What a traced run recorded, and its export for the Chrome trace viewer (chrome://tracing, Perfetto)."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, NamedTuple

from flowcore import _engine
from flowcore.runtime.plan_nodes import PlanNodes

__all__ = ["NodeStats", "RunMetadata"]


class NodeStats(NamedTuple):
    """One execution of one node.

    Times are in nanoseconds of the monotonic clock; `thread` 0 is the caller. `fused`: the ops it
    computed, where several.
    """

    name: str
    op: str
    device: str
    thread: int
    start_ns: int
    end_ns: int
    fused: tuple[str, ...] = ()


class RunMetadata:
    """What a traced run recorded.

    `Session.run(..., options=RunOptions(trace_level=RunOptions.FULL_TRACE), run_metadata=metadata)`
    fills `node_stats`, a list of NodeStats by start time.

    Example:
        >>> metadata = fc.RunMetadata()
        >>> options = fc.RunOptions(trace_level=fc.RunOptions.FULL_TRACE)
        >>> x = fc.placeholder(fc.float32)
        >>> print(fc.Session().run(x * 2.0, {x: 3.0}, options, metadata))
        6.0
        >>> [stats.op for stats in metadata.node_stats]
        ['Mul']
    """

    def __init__(self) -> None:
        self.node_stats: list[NodeStats] = []

    def __repr__(self) -> str:
        return f"<flowcore.RunMetadata of {len(self.node_stats)} executions of nodes>"

    def chrome_trace(self) -> dict[str, Any]:
        """The recorded run in the Trace Event Format, which chrome://tracing and Perfetto show.

        A process is a device, a row a thread, a slice a node; times are in microseconds.

        Returns:
            A dict that can be written as JSON.

        Example:
            >>> sorted(fc.RunMetadata().chrome_trace())
            ['displayTimeUnit', 'traceEvents']
        """
        first = min((n.start_ns for n in self.node_stats), default=0)
        devices = sorted({n.device for n in self.node_stats})
        events: list[dict[str, Any]] = [
            {"ph": "M", "name": "process_name", "pid": pid, "args": {"name": device}}
            for pid, device in enumerate(devices)
        ]
        rows = sorted({(devices.index(n.device), n.thread) for n in self.node_stats})
        events += [
            {
                "ph": "M",
                "name": "thread_name",
                "pid": pid,
                "tid": thread,
                "args": {"name": f"worker {thread}" if thread else "caller"},
            }
            for pid, thread in rows
        ]
        events += [
            {
                "ph": "X",
                "cat": n.op,
                "name": n.name,
                "pid": devices.index(n.device),
                "tid": n.thread,
                "ts": (n.start_ns - first) / 1000,
                "dur": (n.end_ns - n.start_ns) / 1000,
                "args": {"op": n.op, **({"fused": list(n.fused)} if n.fused else {})},
            }
            for n in self.node_stats
        ]
        return {"traceEvents": events, "displayTimeUnit": "ns"}

    def save_chrome_trace(self, path: str | os.PathLike[str]) -> None:
        """Writes `chrome_trace()` as JSON.

        Args:
            path: The name of the file.

        Raises:
            TypeError: path is no path.
            OSError: the file cannot be written.

        Example:
            >>> fc.RunMetadata().save_chrome_trace("trace.json")
        """
        import json

        with open(os.fspath(path), "w", encoding="utf-8") as file:
            json.dump(self.chrome_trace(), file)


def collect(
    trace: Sequence[_engine.Event],
    plan: PlanNodes,
) -> list[NodeStats]:
    """The engine's records of executions as NodeStats, by start time."""
    return [_stats(plan, *event) for event in sorted(trace, key=lambda event: event[2])]


def _stats(
    root: PlanNodes, owner: _engine.Plan, node: int, start: int, end: int, thread: int, path: object
) -> NodeStats:
    plan, i = root.at((owner, node))
    op = plan.ops[i]
    fused = tuple([o.name for o in plan.fused.get(i, ())])
    kind = op.type if op is not None else "Copy"
    return NodeStats(plan.name(i), kind, plan.device(i), thread, start, end, fused)
