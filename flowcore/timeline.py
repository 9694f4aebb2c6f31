"""flowcore.timeline: what a traced run recorded, as records and for trace viewers.

chrome://tracing and Perfetto show the Trace Event Format.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from flowcore import protos
from flowcore.arguments import flag as _flag
from flowcore.arguments import path as _path

if TYPE_CHECKING:
    from flowcore.protos import NodeExecStats, RunMetadata, StepStats

__all__ = ["NodeStats", "Timeline", "node_stats", "save_chrome_trace"]

_LABEL = re.compile(r"(.*) = (\w+)\((.*)\)", re.DOTALL)
_PROCESS = re.compile(r"^/job:[^/]*/replica:[^/]*/task:\d+(?=/)")


class NodeStats(NamedTuple):
    """One execution of one node.

    Args:
        name: The name of the node.
        op: Its type; "Copy" of a copy between memories.
        device: Where it ran, such as "/device:CPU:0".
        thread: The number of the thread; 0 is the caller.
        start_ns: When it began, in nanoseconds since 1970.
        end_ns: When it ended.
        fused: The names of the nodes that it computed, where several.

    Example:
        >>> fc.timeline.NodeStats("x", "Add", "/device:CPU:0", 0, 5, 7).end_ns
        7
    """

    name: str
    op: str
    device: str
    thread: int
    start_ns: int
    end_ns: int
    fused: tuple[str, ...] = ()


def node_stats(run_metadata: RunMetadata) -> list[NodeStats]:
    """The executions of nodes that a traced run recorded, by start time.

    Args:
        run_metadata: A RunMetadata, which Session.run has filled.

    Returns:
        A list of NodeStats.

    Raises:
        TypeError: run_metadata is none.

    Example:
        >>> metadata = fc.RunMetadata()
        >>> options = fc.RunOptions(trace_level=fc.RunOptions.FULL_TRACE)
        >>> x = fc.placeholder(fc.float32)
        >>> print(fc.Session().run(x * 2.0, {x: 3.0}, options, metadata))
        6.0
        >>> [stats.op for stats in fc.timeline.node_stats(metadata)]
        ['Mul']
    """
    return _executions(protos.own(run_metadata, "RunMetadata").step_stats)


def _executions(step: StepStats) -> list[NodeStats]:
    found = [_execution(d.device, stats) for d in step.dev_stats for stats in d.node_stats]
    return sorted(found, key=lambda stats: stats.start_ns)


def _execution(device: str, stats: NodeExecStats) -> NodeStats:
    """What another library recorded may have no nanoseconds, and labels of its own."""
    label = _LABEL.fullmatch(stats.timeline_label)
    start = stats.all_start_nanos or stats.all_start_micros * 1000
    duration = stats.all_end_rel_nanos or stats.all_end_rel_micros * 1000
    return NodeStats(
        stats.node_name,
        label[2] if label else "unknown",
        _PROCESS.sub("", device),
        stats.thread_id,
        start,
        start + duration,
        tuple(stats.fused),
    )


class Timeline:
    """The trace of a run, for trace viewers.

    Args:
        step_stats: The `step_stats` of a RunMetadata.
        graph: Accepted; the records name their nodes.

    Raises:
        TypeError: step_stats is no StepStats.

    Example:
        >>> metadata = fc.RunMetadata()
        >>> fc.timeline.Timeline(metadata.step_stats)
        <flowcore.timeline.Timeline of 0 executions of nodes>
    """

    def __init__(self, step_stats: StepStats, graph: Any = None) -> None:
        step = protos.own(step_stats, "StepStats")
        self._nodes = _executions(step)
        self._threads = {
            (_PROCESS.sub("", device.device), thread): name
            for device in step.dev_stats
            for thread, name in device.thread_names.items()
        }
        self._inputs = {stats.node_name: _inputs(stats) for d in step.dev_stats for stats in d.node_stats}

    def __repr__(self) -> str:
        return f"<flowcore.timeline.Timeline of {len(self._nodes)} executions of nodes>"

    def generate_chrome_trace_format(
        self, show_dataflow: bool = True, show_memory: bool = False, op_time: str = "schedule"
    ) -> str:
        """The trace in the Trace Event Format.

        A process is a device, a row a thread, a slice a node; times are in microseconds.

        Args:
            show_dataflow: Whether arrows lead from nodes to those that read their outputs.
            show_memory: Accepted; what memory nodes take is not recorded.
            op_time: Accepted; there is one time.

        Returns:
            A str, which is JSON.

        Raises:
            TypeError: show_dataflow or show_memory is no bool.

        Example:
            >>> fc.timeline.Timeline(fc.RunMetadata().step_stats).generate_chrome_trace_format()
            '{"traceEvents": [], "displayTimeUnit": "ns"}'
        """
        import json

        _flag(show_memory, "show_memory")
        events = self._rows() + self._slices()
        if _flag(show_dataflow, "show_dataflow"):
            events += self._arrows()
        return json.dumps({"traceEvents": events, "displayTimeUnit": "ns"})

    def _devices(self) -> list[str]:
        return sorted({n.device for n in self._nodes})

    def _rows(self) -> list[dict[str, Any]]:
        """The names of processes and threads."""
        devices = self._devices()
        events: list[dict[str, Any]] = [
            {"ph": "M", "name": "process_name", "pid": pid, "args": {"name": device}}
            for pid, device in enumerate(devices)
        ]
        for pid, thread in sorted({(devices.index(n.device), n.thread) for n in self._nodes}):
            name = self._threads.get((devices[pid], thread), f"thread {thread}")
            events.append(
                {"ph": "M", "name": "thread_name", "pid": pid, "tid": thread, "args": {"name": name}}
            )
        return events

    def _slices(self) -> list[dict[str, Any]]:
        devices = self._devices()
        return [
            {
                **self._place(n, devices),
                "ph": "X",
                "cat": n.op,
                "name": n.name,
                "dur": (n.end_ns - n.start_ns) / 1000,
                "args": {"op": n.op, **({"fused": list(n.fused)} if n.fused else {})},
            }
            for n in self._nodes
        ]

    def _arrows(self) -> list[dict[str, Any]]:
        """Two events an arrow: one in the slice of the node that is read, one where it is read."""
        devices = self._devices()
        events: list[dict[str, Any]] = []
        last: dict[str, NodeStats] = {}
        for node in self._nodes:
            for name in self._inputs[node.name]:
                if name in last:
                    about = {"cat": "DataFlow", "name": name, "id": len(events) // 2}
                    events.append({**self._place(last[name], devices), "ph": "s", **about})
                    events.append({**self._place(node, devices), "ph": "t", **about})
            last[node.name] = node
        return events

    def _place(self, node: NodeStats, devices: list[str]) -> dict[str, Any]:
        since = node.start_ns - self._nodes[0].start_ns
        return {"pid": devices.index(node.device), "tid": node.thread, "ts": since / 1000}


def _inputs(stats: NodeExecStats) -> list[str]:
    """The nodes that a node reads."""
    label = _LABEL.fullmatch(stats.timeline_label)
    return [name for name in label[3].split(", ") if name] if label else []


def save_chrome_trace(run_metadata: RunMetadata, path: str | os.PathLike[str]) -> None:
    """Writes the trace of a run to a file, which chrome://tracing and Perfetto show.

    Args:
        run_metadata: A RunMetadata, which Session.run has filled.
        path: The name of the file.

    Raises:
        TypeError: run_metadata is none, or path is no path.
        OSError: the file cannot be written.

    Example:
        >>> fc.timeline.save_chrome_trace(fc.RunMetadata(), "trace.json")
    """
    made = Timeline(protos.own(run_metadata, "RunMetadata").step_stats)
    with open(_path(path, "path"), "w", encoding="utf-8") as file:
        file.write(made.generate_chrome_trace_format())
