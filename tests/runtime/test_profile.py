"""What a traced run records, and its export for trace viewers."""

from __future__ import annotations

import json
import pathlib

import pytest

import flowcore as fc
from flowcore.runtime.profile import NodeStats

FULL = fc.RunOptions(trace_level=fc.RunOptions.FULL_TRACE)


def traced(fetch: fc.Tensor, config: fc.ConfigProto | None = None, **feeds: object) -> fc.RunMetadata:
    metadata = fc.RunMetadata()
    with fc.Session(config=config) as sess:
        sess.run(fetch, {fc.get_default_graph().get_tensor_by_name(f"{n}:0"): v for n, v in feeds.items()},
                 options=FULL, run_metadata=metadata)  # fmt: skip
    return metadata


def chain() -> fc.Tensor:
    x = fc.placeholder(fc.float32, [None], name="x")
    return fc.exp(
        fc.matmul(fc.expand_dims(fc.tanh(x), 0), fc.ones([3, 3]), name="product") + 1.0, name="last"
    )


def test_each_node_is_recorded_in_the_order_of_its_start() -> None:
    config = fc.ConfigProto()
    config.graph_options.optimizer_options.opt_level = fc.OptimizerOptions.L0
    with fc.device("/cpu:0"):
        y = chain()
    stats = traced(y, config, x=[1.0, 2.0, 3.0]).node_stats
    assert [s.start_ns for s in stats] == sorted(s.start_ns for s in stats)
    assert all(0 < s.start_ns <= s.end_ns for s in stats)
    assert {s.device for s in stats} == {"/device:CPU:0"}
    kinds = [s.op for s in stats]
    assert kinds.index("Tanh") < kinds.index("MatMul") < kinds.index("Exp")
    assert all(s.fused == () for s in stats)


def test_a_fused_node_names_the_ops_that_it_computed() -> None:
    stats = traced(chain(), x=[1.0, 2.0, 3.0]).node_stats
    (fused,) = [s for s in stats if s.fused]
    assert fused.fused[-1] == "last"
    assert len(fused.fused) == 2


def test_the_export_has_a_process_for_each_device_a_row_for_each_thread_and_a_slice_for_each_node(
    tmp_path: pathlib.Path,
) -> None:
    metadata = fc.RunMetadata()
    metadata.node_stats = [
        NodeStats("a", "MatMul", "/device:CPU:0", 0, 5_000, 7_000),
        NodeStats("b", "Copy", "/device:GPU:0", 0, 7_000, 7_500),
        NodeStats("c", "Exp", "/device:CPU:0", 2, 6_000, 9_000, ("d", "c")),
    ]
    metadata.save_chrome_trace(tmp_path / "trace.json")
    written = json.loads((tmp_path / "trace.json").read_text())
    assert written == metadata.chrome_trace()
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
    assert (slices["c"]["ts"], slices["c"]["dur"], slices["c"]["tid"]) == (1.0, 3.0, 2)
    assert slices["c"]["args"] == {"op": "Exp", "fused": ["d", "c"]}
    assert slices["b"]["pid"] == 1


def test_an_empty_record_can_be_exported_and_a_path_must_be_one() -> None:
    assert fc.RunMetadata().chrome_trace()["traceEvents"] == []
    with pytest.raises(TypeError):
        fc.RunMetadata().save_chrome_trace(3.5)  # type: ignore[arg-type]
    with pytest.raises(OSError, match="nowhere"):
        fc.RunMetadata().save_chrome_trace("/nowhere/trace.json")
