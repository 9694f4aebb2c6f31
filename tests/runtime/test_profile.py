"""What a traced run records."""

from __future__ import annotations

import time

import pytest

import flowcore as fc

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
    stats = fc.timeline.node_stats(traced(y, config, x=[1.0, 2.0, 3.0]))
    assert [s.start_ns for s in stats] == sorted(s.start_ns for s in stats)
    assert all(0 < s.start_ns <= s.end_ns for s in stats)
    assert {s.device for s in stats} == {"/device:CPU:0"}
    kinds = [s.op for s in stats]
    assert kinds.index("Tanh") < kinds.index("MatMul") < kinds.index("Exp")
    assert all(s.fused == () for s in stats)


def test_a_fused_node_names_the_ops_that_it_computed() -> None:
    stats = fc.timeline.node_stats(traced(chain(), x=[1.0, 2.0, 3.0]))
    (fused,) = [s for s in stats if s.fused]
    assert fused.fused[-1] == "last"
    assert len(fused.fused) == 2


def test_step_stats_are_filled_as_tensorflow_fills_them() -> None:
    before = time.time_ns()
    with fc.device("/cpu:0"):
        metadata = traced(chain(), x=[1.0, 2.0, 3.0])
    after = time.time_ns()
    (device,) = metadata.step_stats.dev_stats
    assert device.device == "/job:localhost/replica:0/task:0/device:CPU:0"
    for node in device.node_stats:
        assert before <= node.all_start_nanos <= node.all_start_nanos + node.all_end_rel_nanos <= after
        assert node.all_start_micros == node.all_start_nanos // 1000
        assert node.all_end_rel_micros >= 1
        assert device.thread_names[node.thread_id] == (
            f"worker {node.thread_id}" if node.thread_id else "caller"
        )
    labels = {node.node_name: node.timeline_label for node in device.node_stats}
    assert labels["product"] == "product = MatMul(ExpandDims, ones)"


def test_a_second_run_replaces_what_the_first_recorded() -> None:
    metadata = fc.RunMetadata()
    options = fc.RunOptions(trace_level=fc.RunOptions.FULL_TRACE)
    x = fc.placeholder(fc.float32)
    with fc.device("/cpu:0"):  # elsewhere copies are recorded too
        y = x * 2.0
    with fc.Session() as sess:
        for _ in range(3):
            sess.run(y, {x: 1.0}, options, metadata)
            assert len(fc.timeline.node_stats(metadata)) == 1
        sess.run(y, {x: 1.0}, fc.RunOptions(), metadata)  # not traced: left as it is
    assert len(fc.timeline.node_stats(metadata)) == 1


def test_what_is_no_metadata_is_refused_before_anything_runs() -> None:
    v = fc.Variable(1.0)
    with fc.Session() as sess:
        sess.run(v.initializer)
        for wrong in ({}, fc.RunOptions(), fc.RunMetadata):
            with pytest.raises(TypeError, match="run_metadata: a RunMetadata is needed, found"):
                sess.run(v.assign_add(1.0), options=FULL, run_metadata=wrong)  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="options: a RunOptions is needed, found"):
            sess.run(v.assign_add(1.0), options=fc.ConfigProto())  # type: ignore[arg-type]
        assert sess.run(v) == 1.0
