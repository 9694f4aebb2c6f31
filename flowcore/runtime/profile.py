"""What a traced run recorded, as a RunMetadata.

Owns: how the engine's records become StepStats. Must never import ops or train.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from flowcore import _engine, protos
from flowcore.graph.operation import Operation
from flowcore.runtime.plan_nodes import PlanNodes

if TYPE_CHECKING:
    from flowcore.protos import NodeExecStats, RunMetadata, StepStats

#: What stands before the name of a device of this process, as TensorFlow writes it.
_PROCESS = "/job:localhost/replica:0/task:0"


def check_metadata(metadata: Any) -> None:
    """Raises TypeError for what is no RunMetadata, of flowcore's or of another library."""
    try:
        protos.own(metadata, "RunMetadata")
    except TypeError as error:
        raise TypeError(f"run_metadata: {error}") from None


def record(metadata: RunMetadata, trace: Sequence[_engine.Event], root: PlanNodes) -> None:
    """Fills a RunMetadata, in place of what it held, with the engine's records of executions."""
    made = protos.RunMetadata()
    _fill(made.step_stats, trace, root)
    metadata.ParseFromString(made.SerializeToString())


def _fill(step: StepStats, trace: Sequence[_engine.Event], root: PlanNodes) -> None:
    """Each device has its executions by start time."""
    since_epoch = time.time_ns() - time.monotonic_ns()
    by_device: dict[str, list[tuple[PlanNodes, int, _engine.Event]]] = {}
    for event in sorted(trace, key=lambda event: event[2]):
        plan, i = root.at((event[0], event[1]))
        by_device.setdefault(plan.device(i), []).append((plan, i, event))
    for name in sorted(by_device):
        device = step.dev_stats.add(device=_PROCESS + name)
        for plan, i, (_, _, start, end, thread, _) in by_device[name]:
            device.thread_names[thread] = f"worker {thread}" if thread else "caller"
            stats = device.node_stats.add(node_name=plan.name(i), thread_id=thread)
            stats.timeline_label = _label(plan.name(i), plan.ops[i])
            stats.fused.extend(op.name for op in plan.fused.get(i, ()))
            _set_times(stats, start + since_epoch, end - start)


def _label(name: str, op: Operation | None) -> str:
    """ "name = Op(inputs)"; what planning has put in is a copy."""
    if op is None:
        return f"{name} = Copy()"
    return f"{name} = {op.type}({', '.join(t.op.name for t in op.inputs)})"


def _set_times(stats: NodeExecStats, start: int, duration: int) -> None:
    """Nanoseconds, and the same in microseconds. A node is scheduled where it starts."""
    stats.scheduled_nanos = stats.all_start_nanos = start
    stats.op_end_rel_nanos = stats.all_end_rel_nanos = duration
    stats.scheduled_micros = stats.all_start_micros = start // 1000
    stats.op_end_rel_micros = stats.all_end_rel_micros = max(duration // 1000, 1)
