"""What sessions and runs are told: the settings that the runtime reads, out of ConfigProto and RunOptions.

A session without a ConfigProto has the defaults, and never loads the protobuf runtime. Owns: which
fields count, and what they mean. Must never import anything above it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from flowcore import protos

if TYPE_CHECKING:
    from flowcore.protos import ConfigProto, OptimizerOptions, RewriterConfig

__all__ = ["PASSES", "RunSettings", "Settings", "run_settings", "settings_of"]

#: What planning does beyond what is needed to run; `OptimizerOptions.skip_passes` takes these names.
PASSES = frozenset(
    {
        "algebraic_simplification",
        "column_pruning",
        "common_subexpression_elimination",
        "constant_folding",
        "elementwise_fusion",
        "product_joining",
        "transpose_sharing",
    }
)
#: Passes that TensorFlow does while it compiles a graph, and OptimizerOptions speaks of.
_CLASSIC = frozenset({"common_subexpression_elimination", "constant_folding"})
#: What fields of RewriterConfig switch off that are OFF.
_REWRITES = {
    "arithmetic_optimization": PASSES - {"constant_folding", "elementwise_fusion"},
    "constant_folding": frozenset({"constant_folding"}),
    "remapping": frozenset({"elementwise_fusion"}),
}
#: Milliseconds: the longest time limit.
_LONGEST = 2**31 - 1


class Settings(NamedTuple):
    """What a session is told.

    `threads` 0: one per processor. `timeout_ms` 0: none. `passes`: those that plans are optimised by.
    """

    threads: int = 0
    own_threads: bool = False
    soft_placement: bool = False
    log_placement: bool = False
    timeout_ms: int = 0
    deterministic: bool = False
    passes: frozenset[str] = PASSES
    device_count: Mapping[str, int] = {}
    visible_devices: str = ""
    memory_fraction: float = 0.0


class RunSettings(NamedTuple):
    """What a run is told. `timeout_ms` 0: what the session says."""

    timeout_ms: int = 0
    is_traced: bool = False


def settings_of(config: Any) -> Settings:
    """What a ConfigProto says; None: the defaults.

    Raises TypeError for what is no ConfigProto, ValueError for a pass that does not exist.
    """
    if config is None:
        return Settings()
    config = _message(config, "ConfigProto", "config")
    return Settings(
        threads=max(config.inter_op_parallelism_threads, 0),
        own_threads=config.use_per_session_threads,
        soft_placement=config.allow_soft_placement,
        log_placement=config.log_device_placement,
        timeout_ms=_limit(config.operation_timeout_in_ms),
        deterministic=config.deterministic,
        passes=_passes(config),
        device_count=dict(config.device_count),
        visible_devices=config.gpu_options.visible_device_list,
        memory_fraction=config.gpu_options.per_process_gpu_memory_fraction,
    )


def run_settings(options: Any) -> RunSettings:
    """What RunOptions say. Raises TypeError for what is none."""
    options = _message(options, "RunOptions", "options")
    return RunSettings(_limit(options.timeout_in_ms), options.trace_level > options.NO_TRACE)


def _message(value: Any, kind: str, what: str) -> Any:
    try:
        return protos.own(value, kind)
    except TypeError as error:
        raise TypeError(f"{what}: {error}") from None


def _limit(milliseconds: int) -> int:
    return min(max(milliseconds, 0), _LONGEST)


def _passes(config: ConfigProto) -> frozenset[str]:
    options: OptimizerOptions = config.graph_options.optimizer_options
    rewrites: RewriterConfig = config.graph_options.rewrite_options
    if options.opt_level <= options.L0:  # what is asked for by name, as in TensorFlow
        passes = frozenset(name for name in _CLASSIC if getattr(options, f"do_{name}"))
    else:
        passes = _CLASSIC if rewrites.disable_meta_optimizer else PASSES
        for field, names in _REWRITES.items():
            if getattr(rewrites, field) == rewrites.OFF:
                passes -= names
    for name in options.skip_passes:
        if name not in PASSES:
            import difflib

            near = difflib.get_close_matches(name, PASSES, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"passes are {', '.join(sorted(PASSES))}"
            raise ValueError(f"OptimizerOptions.skip_passes: there is no pass {name!r}; {hint}")
    return passes.difference(options.skip_passes)
