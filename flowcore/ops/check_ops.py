"""Checks as nodes: comparisons, signs, ranks and dtypes that fail the run with the values that
broke them, or the building where those are known.

A check that returns an operation does nothing unless it runs: make what needs it depend on it with
`control_dependencies`.
Must never import gradients, train or runtime.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from flowcore import dtypes
from flowcore.errors import InvalidArgumentError
from flowcore.graph.apply import apply
from flowcore.graph.constants import constant_value
from flowcore.graph.conversion import convert_to_tensor
from flowcore.graph.graph import get_default_graph
from flowcore.graph.operation import Operation, Tensor
from flowcore.graph.scopes import control_dependencies, name_scope
from flowcore.ops.comparison import check_numerics, equal, greater, greater_equal, less, less_equal, not_equal
from flowcore.ops.control_flow_ops import Assert, group, no_op, with_dependencies
from flowcore.ops.filling import zeros_like
from flowcore.ops.reductions import reduce_all
from flowcore.ops.shape_ops import rank as rank_of
from flowcore.ops.shape_ops import reshape

__all__ = [
    "add_check_numerics_ops", "assert_equal", "assert_greater", "assert_greater_equal", "assert_integer",
    "assert_less", "assert_less_equal", "assert_negative", "assert_non_negative", "assert_non_positive",
    "assert_none_equal", "assert_positive", "assert_rank", "assert_rank_at_least", "is_non_decreasing",
    "is_numeric_tensor", "is_strictly_increasing", "verify_tensor_all_finite",
]  # fmt: skip


def _comparison(
    default: str, sign: str, compare: Callable[..., Tensor], static: Callable[..., Any]
) -> Callable[..., Operation]:
    def check(
        x: Any,
        y: Any,
        data: Any = None,
        summarize: int | None = None,
        message: str | None = None,
        name: str | None = None,
    ) -> Operation:
        with name_scope(name, default, [x, y, data]):
            x = convert_to_tensor(x, name="x")
            y = convert_to_tensor(y, dtype=None if isinstance(y, Tensor) else x.dtype, name="y")
            shown = (
                [f"x {sign} y is not true everywhere:", f"x ({x.name}) = ", x, f"y ({y.name}) = ", y]
                if data is None
                else list(data)
            )
            return _assert_all(compare(x, y), (x, y), static, shown, message, summarize)

    check.__name__ = check.__qualname__ = default
    check.__doc__ = f"""Fails unless x {sign} y holds for every pair of elements (none at all is fine).

    Args:
      x, y: tensors of one dtype that broadcast against each other.
      data: tensors to show instead of x and y.
      summarize: how many elements of each to show, 3 by default.
      message: text to put before them.

    Returns:
      The operation that checks.

    Raises:
      InvalidArgumentError: when it runs, or at once where x and y are known.
    """
    return check


def _assert_all(
    condition: Tensor,
    values: tuple[Tensor, ...],
    static: Callable[..., Any],
    data: list[Any],
    message: str | None,
    show: int | None,
) -> Operation:
    shown = data if message is None else [message, *data]
    known = [constant_value(v) for v in values]
    if all(k is not None for k in known) and not np.all(static(*known)):
        texts = [str(constant_value(d)) if isinstance(d, Tensor) else str(d) for d in shown]
        raise InvalidArgumentError(None, None, "\n".join(texts))
    return Assert(reduce_all(condition), shown, summarize=show)


assert_equal = _comparison("assert_equal", "==", equal, np.equal)
assert_none_equal = _comparison("assert_none_equal", "!=", not_equal, np.not_equal)
assert_less = _comparison("assert_less", "<", less, np.less)
assert_less_equal = _comparison("assert_less_equal", "<=", less_equal, np.less_equal)
assert_greater = _comparison("assert_greater", ">", greater, np.greater)
assert_greater_equal = _comparison("assert_greater_equal", ">=", greater_equal, np.greater_equal)


def _sign_check(
    default: str, sign: str, compare: Callable[..., Tensor], static: Callable[..., Any]
) -> Callable[..., Operation]:
    def check(
        x: Any,
        data: Any = None,
        summarize: int | None = None,
        message: str | None = None,
        name: str | None = None,
    ) -> Operation:
        with name_scope(name, default, [x, data]):
            x = convert_to_tensor(x, name="x")
            shown = (
                [f"x {sign} 0 is not true everywhere:", f"x ({x.name}) = ", x] if data is None else list(data)
            )
            return _assert_all(
                compare(x, zeros_like(x)), (x,), lambda v: static(v, 0), shown, message, summarize
            )

    check.__name__ = check.__qualname__ = default
    check.__doc__ = (
        f"Fails unless x {sign} 0 holds for every element (none at all is fine). "
        "Arguments and errors as for assert_equal."
    )
    return check


assert_positive = _sign_check("assert_positive", ">", greater, np.greater)
assert_negative = _sign_check("assert_negative", "<", less, np.less)
assert_non_negative = _sign_check("assert_non_negative", ">=", greater_equal, np.greater_equal)
assert_non_positive = _sign_check("assert_non_positive", "<=", less_equal, np.less_equal)


def _rank_check(
    default: str, words: str, static: Callable[[int, int], bool], compare: Callable[..., Tensor]
) -> Callable[..., Operation]:
    def check(
        x: Any,
        rank: Any,
        data: Any = None,
        summarize: int | None = None,
        message: str | None = None,
        name: str | None = None,
    ) -> Operation:
        with name_scope(name, default, [x, rank, data]):
            x = convert_to_tensor(x, name="x")
            rank = convert_to_tensor(rank, name="rank")
            if rank.shape.ndims not in (0, None) or not rank.dtype.is_integer:
                raise ValueError(f"rank must be a whole number, found {rank}")
            wanted, found = constant_value(rank), x.shape.ndims
            if wanted is not None and found is not None:
                if not static(found, int(wanted)):
                    text = "" if message is None else f"{message} "
                    raise ValueError(
                        f"{text}'{x.name}' must be of {words} {int(wanted)}, but is of rank {found}, shape"
                        f" {x.shape}"
                    )
                return no_op(name="static_checks_determined_all_ok")
            actual = rank_of(x)
            shown = (
                [f"'{x.name}' must be of {words}", rank, "but has shape ", apply("Shape", x)]
                if data is None
                else list(data)
            )
            return Assert(
                compare(actual, rank), shown if message is None else [message, *shown], summarize=summarize
            )

    check.__name__ = check.__qualname__ = default
    check.__doc__ = f"""Fails unless x has {words} `rank`.

    Args:
      x: a tensor.
      rank: a scalar whole number or tensor.
      data, summarize, message: as for assert_equal.

    Returns:
      The operation that checks; one that does nothing where the rank is known.

    Raises:
      ValueError: at once, where both ranks are known. InvalidArgumentError: when it runs.
    """
    return check


assert_rank = _rank_check("assert_rank", "rank", lambda found, wanted: found == wanted, equal)
assert_rank_at_least = _rank_check(
    "assert_rank_at_least", "rank at least", lambda found, wanted: found >= wanted, greater_equal
)


def assert_integer(x: Any, message: str | None = None, name: str | None = None) -> Operation:
    """An operation that does nothing. Raises TypeError unless x has an integer type."""
    with name_scope(name, "assert_integer", [x]):
        x = convert_to_tensor(x, name="x")
        if not x.dtype.is_integer:
            raise TypeError(
                f"{'' if message is None else message + ' '}whole numbers are needed, and '{x.name}' is"
                f" {x.dtype.name}"
            )
        return no_op(name="statically_determined_was_integer")


def is_numeric_tensor(tensor: Any) -> bool:
    """Whether `tensor` is a Tensor of numbers."""
    return isinstance(tensor, Tensor) and (
        tensor.dtype.is_floating or tensor.dtype.is_integer or tensor.dtype.is_complex
    )


def _ordered(default: str, compare: Callable[..., Tensor], doc: str) -> Callable[..., Tensor]:
    def check(x: Any, name: str | None = None) -> Tensor:
        with name_scope(name, default, [x]) as scope:
            flat = reshape(x, [-1])
            if not is_numeric_tensor(flat):
                raise TypeError(f"only numbers have an order here, and x is {flat.dtype.name}")
            return reduce_all(compare(flat[1:], flat[:-1]), name=scope)

    check.__name__ = check.__qualname__ = default
    check.__doc__ = (
        f"Whether each element, in row-major order, is {doc} the one before. "
        "True for fewer than two. Returns a bool scalar."
    )
    return check


is_non_decreasing = _ordered("is_non_decreasing", greater_equal, "at least")
is_strictly_increasing = _ordered("is_strictly_increasing", greater, "greater than")


def verify_tensor_all_finite(
    t: Any = None, msg: str | None = None, name: str | None = None, x: Any = None, message: str | None = None
) -> Tensor:
    """Passes a floating tensor on; NaN or infinity in it is an InvalidArgumentError that says `msg`."""
    given, text = (x if t is None else t), (message if msg is None else msg)
    if given is None or text is None:
        raise ValueError("verify_tensor_all_finite needs a tensor and a message")
    with name_scope(name, "VerifyFinite", [given]):
        given = convert_to_tensor(given, name="t")
        return with_dependencies([check_numerics(given, message=text)], given)


def add_check_numerics_ops() -> Operation:
    """One operation that checks every floating tensor of the default graph, in the order of their
    making, and names the first that is not finite.
    """
    last: list[Tensor] = []
    for op in get_default_graph().get_operations():
        for output in op.outputs:
            if output.dtype in (dtypes.float16, dtypes.float32, dtypes.float64, dtypes.bfloat16):
                with control_dependencies(last):
                    last = [check_numerics(output, message=f"{op.name}:{output.value_index}")]
    return group(*last)
