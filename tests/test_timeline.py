"""Records of a traced run, and their export for trace viewers."""

from __future__ import annotations

import json
import pathlib

import pytest

import flowcore as fc
from flowcore import protos
from flowcore.timeline import NodeStats, Timeline, node_stats, save_chrome_trace

PROCESS = "/job:localhost/replica:0/task:0"


def a_trace() -> fc.RunMetadata:
    metadata = fc.RunMetadata()
    cpu = metadata.step_stats.dev_stats.add(device=f"{PROCESS}/device:CPU:0")
    cpu.thread_names[0] = "caller"
    cpu.thread_names[2] = "worker 2"
    gpu = metadata.step_stats.dev_stats.add(device=f"{PROCESS}/device:GPU:0")
    gpu.thread_names[0] = "caller"
    for device, name, label, thread, start, end, fused in (
        (cpu, "a", "a = MatMul(x, y)", 0, 5_000, 7_000, ()),
        (cpu, "c", "c = Exp(a)", 2, 8_000, 11_000, ("d", "c")),
        (gpu, "b", "b = Copy()", 0, 7_000, 7_500, ()),
    ):
        device.node_stats.add(
            node_name=name,
            timeline_label=label,
            thread_id=thread,
            all_start_nanos=start,
            all_end_rel_nanos=end - start,
            fused=fused,
        )
    return metadata


def test_records_are_in_the_order_of_their_start() -> None:
    assert node_stats(a_trace()) == [
        NodeStats("a", "MatMul", "/device:CPU:0", 0, 5_000, 7_000),
        NodeStats("b", "Copy", "/device:GPU:0", 0, 7_000, 7_500),
        NodeStats("c", "Exp", "/device:CPU:0", 2, 8_000, 11_000, ("d", "c")),
    ]


def test_records_without_nanoseconds_or_labels_are_read() -> None:
    step = protos.StepStats()
    step.dev_stats.add(device="/device:CPU:0").node_stats.add(
        node_name="x", all_start_micros=3, all_end_rel_micros=2, timeline_label="?"
    )
    metadata = fc.RunMetadata(step_stats=step)
    assert node_stats(metadata) == [NodeStats("x", "unknown", "/device:CPU:0", 0, 3_000, 5_000)]


def test_the_export_has_a_process_for_each_device_a_row_for_each_thread_and_a_slice_for_each_node(
    tmp_path: pathlib.Path,
) -> None:
    metadata = a_trace()
    save_chrome_trace(metadata, tmp_path / "trace.json")
    written = json.loads((tmp_path / "trace.json").read_text())
    assert written == json.loads(Timeline(metadata.step_stats).generate_chrome_trace_format())
    events = written["traceEvents"]
    assert {(e["pid"], e["args"]["name"]) for e in events if e["name"] == "process_name"} == {
        (0, "/device:CPU:0"),
        (1, "/device:GPU:0"),
    }
    assert {(e["pid"], e["tid"], e["args"]["name"]) for e in events if e["name"] == "thread_name"} == {
        (0, 0, "caller"),
        (0, 2, "worker 2"),
        (1, 0, "caller"),
    }
    slices = {e["name"]: e for e in events if e["ph"] == "X"}
    assert (slices["a"]["ts"], slices["a"]["dur"]) == (0.0, 2.0)
    assert (slices["c"]["ts"], slices["c"]["dur"], slices["c"]["tid"]) == (3.0, 3.0, 2)
    assert slices["c"]["args"] == {"op": "Exp", "fused": ["d", "c"]}
    assert slices["b"]["pid"] == 1


def test_arrows_lead_from_what_is_read_to_what_reads_it() -> None:
    made = Timeline(a_trace().step_stats)
    events = json.loads(made.generate_chrome_trace_format())["traceEvents"]
    arrows = [(e["ph"], e["name"], e["id"], e["tid"], e["ts"]) for e in events if e["ph"] in "st"]
    assert arrows == [("s", "a", 0, 0, 0.0), ("t", "a", 0, 2, 3.0)]
    plain = json.loads(made.generate_chrome_trace_format(show_dataflow=False))["traceEvents"]
    assert [e for e in events if e["ph"] not in "st"] == plain


def test_an_empty_record_can_be_exported_and_arguments_are_checked() -> None:
    empty = fc.RunMetadata()
    assert json.loads(Timeline(empty.step_stats).generate_chrome_trace_format())["traceEvents"] == []
    with pytest.raises(TypeError):
        save_chrome_trace(empty, 3.5)  # type: ignore[arg-type]
    with pytest.raises(OSError, match="nowhere"):
        save_chrome_trace(empty, "/nowhere/trace.json")
    with pytest.raises(TypeError, match="a StepStats is needed, found"):
        Timeline(empty)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="a RunMetadata is needed, found"):
        node_stats(empty.step_stats)  # type: ignore[arg-type]
