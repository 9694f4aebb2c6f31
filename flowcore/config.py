"""Settings of sessions and runs. Plain dataclasses; an unknown name is refused with the nearest known one."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import MISSING, Field, dataclass, field, fields
from typing import Any, ClassVar, TypeVar

from flowcore.arguments import flag, instance, real_number, text, whole_number

__all__ = ["ConfigProto", "GPUOptions", "GraphOptions", "OptimizerOptions", "RunOptions"]

C = TypeVar("C")


def _checked(value: Any, default: Any, what: str) -> Any:
    """`value` in the form of the field's default. Raises TypeError or ValueError for another kind."""
    if isinstance(default, bool):
        return flag(value, what)
    if isinstance(default, int):
        return whole_number(value, what, -(2**31), 2**31 - 1)
    if isinstance(default, float):
        return real_number(value, what)
    return text(value, what) if isinstance(default, str) else instance(value, type(default), what)


def _default(of: Field[Any]) -> Any:
    return of.default if of.default_factory is MISSING else of.default_factory()


def _strict(cls: type[C]) -> type[C]:
    """Refuses unknown keyword arguments and attributes with a suggestion; shows what is not the default."""
    kinds = {f.name: _default(f) for f in fields(cls)}  # type: ignore[arg-type]
    known = list(kinds)
    plain_init: Callable[..., None] = cls.__init__  # type: ignore[misc]

    def refuse(name: str) -> str:
        import difflib

        near = difflib.get_close_matches(name, known, 1)
        return f"{cls.__name__} has no field '{name}'" + (
            f"; did you mean '{near[0]}'?" if near else f"; it has {', '.join(known)}"
        )

    @functools.wraps(plain_init)  # the signature with the names of the fields
    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        for name in kwargs:
            if name not in known:
                raise TypeError(refuse(name))
        plain_init(self, *args, **kwargs)

    def set_attribute(self: Any, name: str, value: Any) -> None:
        if name not in known:
            raise AttributeError(refuse(name))
        object.__setattr__(self, name, _checked(value, kinds[name], f"{cls.__name__}.{name}"))

    def show(self: Any) -> str:
        plain = cls()
        changed = [f"{n}={value!r}" for n in known if (value := getattr(self, n)) != getattr(plain, n)]
        return f"{cls.__name__}({', '.join(changed)})"

    cls.__repr__ = show  # type: ignore[method-assign,assignment]
    cls.__init__ = init  # type: ignore[method-assign,misc]
    cls.__setattr__ = set_attribute  # type: ignore[method-assign,assignment]
    return cls


@_strict
@dataclass
class OptimizerOptions:
    """How plans are optimised; each pass keeps every bit of every value but where it says so.

    Args:
        opt_level: OptimizerOptions.L0 switches every pass off; L1, the default, leaves them as
            below.
        do_common_subexpression_elimination: Whether equal ops run once.
        do_constant_folding: Whether what depends on constants alone is computed when the plan is
            made.
        do_algebraic_simplification: Whether what gives back its input is left out: Identity, x * 1,
            a reshape to the same shape.
        do_elementwise_fusion: Whether chains and trees of elementwise ops run as one node, with the
            reduction that ends one.
        do_product_joining: Whether a sum of matrix products is one product, which rounds in other
            places.
        do_column_pruning: Whether columns of a product that are never read are not computed.
        do_transpose_sharing: Whether what several products read transposed is transposed once;
            products of up to eight rows round in other places.

    Raises:
        TypeError: a name is unknown, or a value of another kind.

    Example:
        >>> fc.OptimizerOptions(do_constant_folding=False)
        OptimizerOptions(do_constant_folding=False)
    """

    L0: ClassVar[int] = -1
    L1: ClassVar[int] = 0

    opt_level: int = 0
    do_common_subexpression_elimination: bool = True
    do_constant_folding: bool = True
    do_algebraic_simplification: bool = True
    do_elementwise_fusion: bool = True
    do_product_joining: bool = True
    do_column_pruning: bool = True
    do_transpose_sharing: bool = True


@_strict
@dataclass
class GraphOptions:
    """Options of planning.

    Args:
        optimizer_options: An OptimizerOptions.

    Raises:
        TypeError: a name is unknown, or a value of another kind.

    Example:
        >>> fc.GraphOptions(fc.OptimizerOptions(opt_level=fc.OptimizerOptions.L0))
        GraphOptions(optimizer_options=OptimizerOptions(opt_level=-1))
    """

    optimizer_options: OptimizerOptions = field(default_factory=OptimizerOptions)


@_strict
@dataclass
class GPUOptions:
    """Options of OpenCL devices.

    Args:
        per_process_gpu_memory_fraction: The part of a device's memory that may be used, from 0 to
            1; 0: no limit. It counts for all sessions of the process.
        allow_growth: Accepted; memory is taken as it is needed.
        visible_device_list: Numbers of devices separated by commas: those that a session may use,
            in the order in which it counts them. Empty: all.

    Raises:
        TypeError: a name is unknown, or a value of another kind.

    Example:
        >>> fc.GPUOptions(per_process_gpu_memory_fraction=0.5)
        GPUOptions(per_process_gpu_memory_fraction=0.5)
    """

    per_process_gpu_memory_fraction: float = 0.0
    allow_growth: bool = False
    visible_device_list: str = ""


@_strict
@dataclass
class ConfigProto:
    """Settings of a session.

    Args:
        inter_op_parallelism_threads: Threads that run nodes, the caller of `run` included; 0:
            FLOWCORE_THREADS, else one per processor.
        intra_op_parallelism_threads: Accepted; kernels split their work over the same threads.
        use_per_session_threads: Whether the session has threads of its own, instead of those that
            all sessions with as many share.
        allow_soft_placement: Whether nodes whose device, or kernel there, is missing go to the CPU.
        log_device_placement: Whether to print to stderr where each node was placed.
        operation_timeout_in_ms: The time limit of each run in milliseconds; 0: none.
        deterministic: Whether nodes of a run that use one variable, and that nothing else orders,
            run in one fixed order. Where no run has such nodes, results have the same bits for any
            number of threads without it. It does not order operations on a queue: which of two
            dequeues of one run comes first is open, unless control_dependencies says it.
        device_count: How many devices of a type the session may use, for example {"GPU": 0}.
        gpu_options: A GPUOptions.
        graph_options: A GraphOptions.

    Raises:
        TypeError: a name is unknown, or a value of another kind.

    Example:
        >>> config = fc.ConfigProto(inter_op_parallelism_threads=2)
        >>> fc.Session(config=config).run(fc.constant(2) * 3)
        np.int32(6)
    """

    inter_op_parallelism_threads: int = 0
    intra_op_parallelism_threads: int = 0
    use_per_session_threads: bool = False
    allow_soft_placement: bool = False
    log_device_placement: bool = False
    operation_timeout_in_ms: int = 0
    deterministic: bool = False
    device_count: dict[str, int] = field(default_factory=dict)
    gpu_options: GPUOptions = field(default_factory=GPUOptions)
    graph_options: GraphOptions = field(default_factory=GraphOptions)


@_strict
@dataclass
class RunOptions:
    """Settings of one run.

    Args:
        trace_level: RunOptions.FULL_TRACE records in run_metadata what each node took; NO_TRACE
            nothing.
        timeout_in_ms: The time limit in milliseconds, then DeadlineExceededError; 0: the session's.

    Raises:
        TypeError: a name is unknown, or a value of another kind.

    Example:
        >>> options = fc.RunOptions(trace_level=fc.RunOptions.FULL_TRACE)
        >>> metadata = fc.RunMetadata()
        >>> fc.Session().run(fc.ones([2]) + fc.ones([2]), options=options, run_metadata=metadata)
        array([2., 2.], dtype=float32)
    """

    NO_TRACE: ClassVar[int] = 0
    SOFTWARE_TRACE: ClassVar[int] = 1
    HARDWARE_TRACE: ClassVar[int] = 2
    FULL_TRACE: ClassVar[int] = 3

    trace_level: int = 0
    timeout_in_ms: int = 0
