"""What a traced run recorded, and its export for the Chrome trace viewer (chrome://tracing, Perfetto)."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

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
    """Filled by `Session.run(..., options=RunOptions(trace_level=FULL_TRACE), run_metadata=metadata)`."""

    def __init__(self) -> None:
        self.node_stats: list[NodeStats] = []

    def __repr__(self) -> str:
        return f"<flowcore.RunMetadata of {len(self.node_stats)} executions of nodes>"

    def chrome_trace(self) -> dict[str, Any]:
        """The Trace Event Format:

        one process a device, one row a thread, one slice a node; times in microseconds.
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
        """Writes `chrome_trace()` as JSON."""
        import json

        with open(path, "w", encoding="utf-8") as file:
            json.dump(self.chrome_trace(), file)


def collect(
    trace: Sequence[tuple[int, int, int, int]],
    names: Sequence[str],
    types: Sequence[str],
    devices: Sequence[str],
    fused: Mapping[int, Sequence[str]],
) -> list[NodeStats]:
    """The engine's (node, start, end, thread) records as NodeStats, by start time.

    `fused`: the ops of nodes that are several.
    """
    records = sorted(trace, key=lambda r: r[1])
    return [
        NodeStats(names[i], types[i], devices[i], thread, start, end, tuple(fused.get(i, ())))
        for i, start, end, thread in records
    ]
