"""What ConfigProto and RunOptions say, and what of it counts."""

from __future__ import annotations

import pathlib
import sys
from typing import Any

import pytest

import flowcore as fc
from flowcore.config import PASSES, RunSettings, Settings, run_settings, settings_of

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from beside_tensorflow import run_in_tensorflow


def passes(**fields: Any) -> frozenset[str]:
    return settings_of(fc.ConfigProto(graph_options=fc.GraphOptions(**fields))).passes


def test_an_empty_config_says_what_none_says() -> None:
    assert settings_of(None) == settings_of(fc.ConfigProto()) == Settings()
    assert run_settings(fc.RunOptions()) == RunSettings()


def test_each_field_that_counts() -> None:
    config = fc.ConfigProto(
        inter_op_parallelism_threads=3,
        use_per_session_threads=True,
        allow_soft_placement=True,
        log_device_placement=True,
        operation_timeout_in_ms=1500,
        deterministic=True,
        device_count={"GPU": 1},
        gpu_options=fc.GPUOptions(visible_device_list="1,0", per_process_gpu_memory_fraction=0.5),
    )
    assert settings_of(config) == Settings(
        3, True, True, True, 1500, True, PASSES, {"GPU": 1}, visible_devices="1,0", memory_fraction=0.5
    )
    traced = fc.RunOptions(trace_level=fc.RunOptions.SOFTWARE_TRACE, timeout_in_ms=20)
    assert run_settings(traced) == RunSettings(20, True)


def test_a_limit_that_is_none_and_one_beyond_all_measure() -> None:
    assert settings_of(fc.ConfigProto(operation_timeout_in_ms=-5)).timeout_ms == 0
    assert run_settings(fc.RunOptions(timeout_in_ms=2**62)).timeout_ms == 2**31 - 1
    with fc.Session() as sess:
        x = fc.constant(1.0)
        assert sess.run(x, options=fc.RunOptions(timeout_in_ms=2**62)) == 1.0
    assert settings_of(fc.ConfigProto(inter_op_parallelism_threads=-1)).threads == 0


def test_passes_are_left_out_by_name_or_all_at_once() -> None:
    assert passes() == PASSES
    skipped = fc.OptimizerOptions(skip_passes=["constant_folding", "column_pruning"])
    assert passes(optimizer_options=skipped) == PASSES - {"constant_folding", "column_pruning"}
    assert passes(optimizer_options=fc.OptimizerOptions(opt_level=fc.OptimizerOptions.L0)) == frozenset()
    asked = fc.OptimizerOptions(opt_level=fc.OptimizerOptions.L0, do_constant_folding=True)
    assert passes(optimizer_options=asked) == {"constant_folding"}
    with pytest.raises(ValueError, match=r"no pass 'constant_foldings'; did you mean 'constant_folding'\?"):
        passes(optimizer_options=fc.OptimizerOptions(skip_passes=["constant_foldings"]))
    with pytest.raises(ValueError, match="no pass 'x'; passes are algebraic_simplification, "):
        fc.Session(
            config=fc.ConfigProto(
                graph_options=fc.GraphOptions(optimizer_options=fc.OptimizerOptions(skip_passes=["x"]))
            )
        )


def test_rewriters_that_are_off() -> None:
    config = fc.protos.RewriterConfig
    assert passes(rewrite_options=config(constant_folding=config.OFF)) == PASSES - {"constant_folding"}
    assert passes(rewrite_options=config(remapping=config.OFF)) == PASSES - {"elementwise_fusion"}
    only = {"constant_folding", "elementwise_fusion"}
    assert passes(rewrite_options=config(arithmetic_optimization=config.OFF)) == only
    assert passes(rewrite_options=config(layout_optimizer=config.OFF)) == PASSES
    classic = {"constant_folding", "common_subexpression_elimination"}
    assert passes(rewrite_options=config(disable_meta_optimizer=True)) == classic


def test_a_session_takes_its_settings_when_it_is_made() -> None:
    config = fc.ConfigProto(inter_op_parallelism_threads=2)
    with fc.Session(config=config) as sess:
        config.inter_op_parallelism_threads = 1
        assert "2 threads" in repr(sess)


@pytest.mark.parametrize("wrong", [3, {}, "config", fc.RunOptions(), fc.ConfigProto])
def test_what_is_no_config_is_refused(wrong: Any) -> None:
    with pytest.raises(TypeError, match="config: a ConfigProto is needed, found"):
        fc.Session(config=wrong)
    with pytest.raises(TypeError, match="config: a ConfigProto is needed, found"):
        fc.InteractiveSession(config=wrong)


def test_unknown_fields_and_wrong_types_are_refused() -> None:
    with pytest.raises(ValueError, match="inter_op_threads"):
        fc.ConfigProto(inter_op_threads=2)  # type: ignore[call-arg]
    with pytest.raises(AttributeError, match="inter_op_threads"):
        fc.ConfigProto().inter_op_threads = 2  # type: ignore[attr-defined]
    with pytest.raises(TypeError):
        fc.ConfigProto(inter_op_parallelism_threads="2")  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        fc.ConfigProto(allow_soft_placement="yes")  # type: ignore[arg-type]


def test_tensorflows_own_messages_are_taken(tmp_path: pathlib.Path) -> None:
    """Its classes are other ones, and stand in the same process."""
    printed = run_in_tensorflow(
        """
        from tensorflow.core.protobuf import config_pb2
        import flowcore as fc
        x = fc.constant(1.0) + 1.0
        metadata = config_pb2.RunMetadata()
        options = config_pb2.RunOptions(trace_level=config_pb2.RunOptions.FULL_TRACE)
        config = config_pb2.ConfigProto(inter_op_parallelism_threads=2)
        config.graph_options.optimizer_options.opt_level = -1
        with fc.Session(config=config) as sess:
            print(repr(sess).split(",")[2], sess.run(x, options=options, run_metadata=metadata))
        print([n.node_name for n in metadata.step_stats.dev_stats[0].node_stats])
        print([n.op for n in fc.timeline.node_stats(metadata)])
        """,
        tmp_path,
        with_flowcore=True,
    )
    assert printed.splitlines() == [" 2 threads 2.0", "['add']", "['AddV2']"]
