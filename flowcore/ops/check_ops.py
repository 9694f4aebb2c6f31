"""Checks as nodes: comparisons, signs, ranks and dtypes that fail the run with the values that
broke them, or the building where those are known.

A check that returns an operation does nothing unless it runs: make what needs it depend on it with
`control_dependencies`. Long because each check is described in full.

Must never import gradients, train or runtime.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from flowcore import dtypes
from flowcore.arguments import deprecated_argument, listed
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


#: How x and y are compared, as a sign, an op and on arrays.
_COMPARISONS: dict[str, tuple[str, Callable[..., Tensor], Callable[..., Any]]] = {
    "assert_equal": ("==", equal, np.equal),
    "assert_none_equal": ("!=", not_equal, np.not_equal),
    "assert_less": ("<", less, np.less),
    "assert_less_equal": ("<=", less_equal, np.less_equal),
    "assert_greater": (">", greater, np.greater),
    "assert_greater_equal": (">=", greater_equal, np.greater_equal),
    "assert_positive": (">", greater, np.greater),
    "assert_negative": ("<", less, np.less),
    "assert_non_negative": (">=", greater_equal, np.greater_equal),
    "assert_non_positive": ("<=", less_equal, np.less_equal),
}


def _compared(
    check: str, x: Any, y: Any, data: Any, summarize: int | None, message: str | None, name: str | None
) -> Operation:
    sign, compare, static = _COMPARISONS[check]
    with name_scope(name, check, [x, y, data]):
        x = convert_to_tensor(x, name="x")
        y = convert_to_tensor(y, dtype=None if isinstance(y, Tensor) else x.dtype, name="y")
        shown = (
            [f"x {sign} y is not true everywhere:", f"x ({x.name}) = ", x, f"y ({y.name}) = ", y]
            if data is None
            else listed(data, "data")
        )
        return _assert_all(compare(x, y), (x, y), static, shown, message, summarize)


def _compared_with_zero(
    check: str, x: Any, data: Any, summarize: int | None, message: str | None, name: str | None
) -> Operation:
    sign, compare, static = _COMPARISONS[check]
    with name_scope(name, check, [x, data]):
        x = convert_to_tensor(x, name="x")
        shown = (
            [f"x {sign} 0 is not true everywhere:", f"x ({x.name}) = ", x]
            if data is None
            else listed(data, "data")
        )
        return _assert_all(compare(x, zeros_like(x)), (x,), lambda v: static(v, 0), shown, message, summarize)


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
        text = "\n".join(texts) or "assertion failed, and there is no data to show"
        raise InvalidArgumentError(None, None, text)
    return Assert(reduce_all(condition), shown, summarize=show)


def assert_equal(
    x: Any,
    y: Any,
    data: Any = None,
    summarize: int | None = None,
    message: str | None = None,
    name: str | None = None,
) -> Operation:
    """Checks that x == y for every pair of elements; none at all is fine.

    Args:
        x: A Tensor of a floating, integer, complex or bool dtype, or what converts to one.
        y: A Tensor of x's dtype, or what converts to it; its shape broadcasts against x's.
        data: What an error shows, a list of tensors and text; None: x and y.
        summarize: How many elements of each to show; None: 3.
        message: A str put before them.
        name: A name for the operation.

    Returns:
        The Operation that checks; others wait for it by control_dependencies.

    Raises:
        TypeError: The dtypes differ, or are others.
        ValueError: The shapes do not broadcast.
        InvalidArgumentError: A pair breaks it: at once where x and y are known, else when it runs.

    Example:
        >>> x = fc.constant([1, 2])
        >>> with fc.control_dependencies([fc.assert_equal(x, [1, 2])]):
        ...     y = x + 1
        >>> fc.Session().run(y)
        array([2, 3], dtype=int32)
    """
    return _compared("assert_equal", x, y, data, summarize, message, name)


def assert_none_equal(
    x: Any,
    y: Any,
    data: Any = None,
    summarize: int | None = None,
    message: str | None = None,
    name: str | None = None,
) -> Operation:
    """Checks that x != y for every pair of elements; none at all is fine.

    Args:
        x: A Tensor of a floating, integer, complex or bool dtype, or what converts to one.
        y: A Tensor of x's dtype, or what converts to it; its shape broadcasts against x's.
        data: What an error shows, a list of tensors and text; None: x and y.
        summarize: How many elements of each to show; None: 3.
        message: A str put before them.
        name: A name for the operation.

    Returns:
        The Operation that checks; others wait for it by control_dependencies.

    Raises:
        TypeError: The dtypes differ, or are others.
        ValueError: The shapes do not broadcast.
        InvalidArgumentError: A pair breaks it: at once where x and y are known, else when it runs.

    Example:
        >>> x = fc.constant([1, 2])
        >>> with fc.control_dependencies([fc.assert_none_equal(x, 0)]):
        ...     y = x + 1
        >>> fc.Session().run(y)
        array([2, 3], dtype=int32)
    """
    return _compared("assert_none_equal", x, y, data, summarize, message, name)


def assert_less(
    x: Any,
    y: Any,
    data: Any = None,
    summarize: int | None = None,
    message: str | None = None,
    name: str | None = None,
) -> Operation:
    """Checks that x < y for every pair of elements; none at all is fine.

    Args:
        x: A Tensor of a floating or integer dtype, or what converts to one.
        y: A Tensor of x's dtype, or what converts to it; its shape broadcasts against x's.
        data: What an error shows, a list of tensors and text; None: x and y.
        summarize: How many elements of each to show; None: 3.
        message: A str put before them.
        name: A name for the operation.

    Returns:
        The Operation that checks; others wait for it by control_dependencies.

    Raises:
        TypeError: The dtypes differ, or are others.
        ValueError: The shapes do not broadcast.
        InvalidArgumentError: A pair breaks it: at once where x and y are known, else when it runs.

    Example:
        >>> x = fc.constant([1, 2])
        >>> with fc.control_dependencies([fc.assert_less(x, 3)]):
        ...     y = x + 1
        >>> fc.Session().run(y)
        array([2, 3], dtype=int32)
    """
    return _compared("assert_less", x, y, data, summarize, message, name)


def assert_less_equal(
    x: Any,
    y: Any,
    data: Any = None,
    summarize: int | None = None,
    message: str | None = None,
    name: str | None = None,
) -> Operation:
    """Checks that x <= y for every pair of elements; none at all is fine.

    Args:
        x: A Tensor of a floating or integer dtype, or what converts to one.
        y: A Tensor of x's dtype, or what converts to it; its shape broadcasts against x's.
        data: What an error shows, a list of tensors and text; None: x and y.
        summarize: How many elements of each to show; None: 3.
        message: A str put before them.
        name: A name for the operation.

    Returns:
        The Operation that checks; others wait for it by control_dependencies.

    Raises:
        TypeError: The dtypes differ, or are others.
        ValueError: The shapes do not broadcast.
        InvalidArgumentError: A pair breaks it: at once where x and y are known, else when it runs.

    Example:
        >>> x = fc.constant([1, 2])
        >>> with fc.control_dependencies([fc.assert_less_equal(x, 2)]):
        ...     y = x + 1
        >>> fc.Session().run(y)
        array([2, 3], dtype=int32)
    """
    return _compared("assert_less_equal", x, y, data, summarize, message, name)


def assert_greater(
    x: Any,
    y: Any,
    data: Any = None,
    summarize: int | None = None,
    message: str | None = None,
    name: str | None = None,
) -> Operation:
    """Checks that x > y for every pair of elements; none at all is fine.

    Args:
        x: A Tensor of a floating or integer dtype, or what converts to one.
        y: A Tensor of x's dtype, or what converts to it; its shape broadcasts against x's.
        data: What an error shows, a list of tensors and text; None: x and y.
        summarize: How many elements of each to show; None: 3.
        message: A str put before them.
        name: A name for the operation.

    Returns:
        The Operation that checks; others wait for it by control_dependencies.

    Raises:
        TypeError: The dtypes differ, or are others.
        ValueError: The shapes do not broadcast.
        InvalidArgumentError: A pair breaks it: at once where x and y are known, else when it runs.

    Example:
        >>> x = fc.constant([1, 2])
        >>> with fc.control_dependencies([fc.assert_greater(x, 0)]):
        ...     y = x + 1
        >>> fc.Session().run(y)
        array([2, 3], dtype=int32)
    """
    return _compared("assert_greater", x, y, data, summarize, message, name)


def assert_greater_equal(
    x: Any,
    y: Any,
    data: Any = None,
    summarize: int | None = None,
    message: str | None = None,
    name: str | None = None,
) -> Operation:
    """Checks that x >= y for every pair of elements; none at all is fine.

    Args:
        x: A Tensor of a floating or integer dtype, or what converts to one.
        y: A Tensor of x's dtype, or what converts to it; its shape broadcasts against x's.
        data: What an error shows, a list of tensors and text; None: x and y.
        summarize: How many elements of each to show; None: 3.
        message: A str put before them.
        name: A name for the operation.

    Returns:
        The Operation that checks; others wait for it by control_dependencies.

    Raises:
        TypeError: The dtypes differ, or are others.
        ValueError: The shapes do not broadcast.
        InvalidArgumentError: A pair breaks it: at once where x and y are known, else when it runs.

    Example:
        >>> x = fc.constant([1, 2])
        >>> with fc.control_dependencies([fc.assert_greater_equal(x, 1)]):
        ...     y = x + 1
        >>> fc.Session().run(y)
        array([2, 3], dtype=int32)
    """
    return _compared("assert_greater_equal", x, y, data, summarize, message, name)


def assert_positive(
    x: Any,
    data: Any = None,
    summarize: int | None = None,
    message: str | None = None,
    name: str | None = None,
) -> Operation:
    """Checks that x > 0 for every element; none at all is fine.

    Args:
        x: A Tensor of a floating or integer dtype, or what converts to one.
        data: What an error shows, a list of tensors and text; None: x.
        summarize: How many elements of each to show; None: 3.
        message: A str put before them.
        name: A name for the operation.

    Returns:
        The Operation that checks; others wait for it by control_dependencies.

    Raises:
        TypeError: x has another dtype.
        InvalidArgumentError: An element breaks it: at once where x is known, else when it runs.

    Example:
        >>> x = fc.constant([1, 2])
        >>> with fc.control_dependencies([fc.assert_positive(x)]):
        ...     y = x + 1
        >>> fc.Session().run(y)
        array([2, 3], dtype=int32)
    """
    return _compared_with_zero("assert_positive", x, data, summarize, message, name)


def assert_negative(
    x: Any,
    data: Any = None,
    summarize: int | None = None,
    message: str | None = None,
    name: str | None = None,
) -> Operation:
    """Checks that x < 0 for every element; none at all is fine.

    Args:
        x: A Tensor of a floating or integer dtype, or what converts to one.
        data: What an error shows, a list of tensors and text; None: x.
        summarize: How many elements of each to show; None: 3.
        message: A str put before them.
        name: A name for the operation.

    Returns:
        The Operation that checks; others wait for it by control_dependencies.

    Raises:
        TypeError: x has another dtype.
        InvalidArgumentError: An element breaks it: at once where x is known, else when it runs.

    Example:
        >>> x = fc.constant([-1, -2])
        >>> with fc.control_dependencies([fc.assert_negative(x)]):
        ...     y = x + 1
        >>> fc.Session().run(y)
        array([ 0, -1], dtype=int32)
    """
    return _compared_with_zero("assert_negative", x, data, summarize, message, name)


def assert_non_negative(
    x: Any,
    data: Any = None,
    summarize: int | None = None,
    message: str | None = None,
    name: str | None = None,
) -> Operation:
    """Checks that x >= 0 for every element; none at all is fine.

    Args:
        x: A Tensor of a floating or integer dtype, or what converts to one.
        data: What an error shows, a list of tensors and text; None: x.
        summarize: How many elements of each to show; None: 3.
        message: A str put before them.
        name: A name for the operation.

    Returns:
        The Operation that checks; others wait for it by control_dependencies.

    Raises:
        TypeError: x has another dtype.
        InvalidArgumentError: An element breaks it: at once where x is known, else when it runs.

    Example:
        >>> x = fc.constant([0, 1])
        >>> with fc.control_dependencies([fc.assert_non_negative(x)]):
        ...     y = x + 1
        >>> fc.Session().run(y)
        array([1, 2], dtype=int32)
    """
    return _compared_with_zero("assert_non_negative", x, data, summarize, message, name)


def assert_non_positive(
    x: Any,
    data: Any = None,
    summarize: int | None = None,
    message: str | None = None,
    name: str | None = None,
) -> Operation:
    """Checks that x <= 0 for every element; none at all is fine.

    Args:
        x: A Tensor of a floating or integer dtype, or what converts to one.
        data: What an error shows, a list of tensors and text; None: x.
        summarize: How many elements of each to show; None: 3.
        message: A str put before them.
        name: A name for the operation.

    Returns:
        The Operation that checks; others wait for it by control_dependencies.

    Raises:
        TypeError: x has another dtype.
        InvalidArgumentError: An element breaks it: at once where x is known, else when it runs.

    Example:
        >>> x = fc.constant([0, -1])
        >>> with fc.control_dependencies([fc.assert_non_positive(x)]):
        ...     y = x + 1
        >>> fc.Session().run(y)
        array([1, 0], dtype=int32)
    """
    return _compared_with_zero("assert_non_positive", x, data, summarize, message, name)


#: What a rank must be, in words, of numbers and as an op.
_RANKS: dict[str, tuple[str, Callable[[int, int], bool], Callable[..., Tensor]]] = {
    "assert_rank": ("rank", operator.eq, equal),
    "assert_rank_at_least": ("rank at least", operator.ge, greater_equal),
}


def _ranked(
    check: str,
    x: Any,
    rank: Any,
    data: Any,
    summarize: int | None,
    message: str | None,
    name: str | None,
) -> Operation:
    words, static, compare = _RANKS[check]
    with name_scope(name, check, [x, rank, data]):
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
            else listed(data, "data")
        )
        return Assert(
            compare(actual, rank), shown if message is None else [message, *shown], summarize=summarize
        )


def assert_rank(
    x: Any,
    rank: Any,
    data: Any = None,
    summarize: int | None = None,
    message: str | None = None,
    name: str | None = None,
) -> Operation:
    """Checks that x has a given rank.

    Args:
        x: A Tensor of any dtype and shape, or what converts to one.
        rank: The number of dimensions, a whole number or a scalar integer Tensor.
        data: What an error shows, a list of tensors and text; None: the rank and x's shape.
        summarize: How many elements of each to show; None: 3.
        message: A str put before them.
        name: A name for the operation.

    Returns:
        The Operation that checks; others wait for it by control_dependencies. It does nothing where
        both are known.

    Raises:
        ValueError: x has another rank, where both are known; or rank is no whole number.
        InvalidArgumentError: x has another rank (when it runs).

    Example:
        >>> x = fc.placeholder(fc.float32)
        >>> with fc.control_dependencies([fc.assert_rank(x, 1)]):
        ...     y = x * 2
        >>> fc.Session().run(y, {x: [1.0]})
        array([2.], dtype=float32)
    """
    return _ranked("assert_rank", x, rank, data, summarize, message, name)


def assert_rank_at_least(
    x: Any,
    rank: Any,
    data: Any = None,
    summarize: int | None = None,
    message: str | None = None,
    name: str | None = None,
) -> Operation:
    """Checks that x has at least a given rank.

    Args:
        x: A Tensor of any dtype and shape, or what converts to one.
        rank: The number of dimensions, a whole number or a scalar integer Tensor.
        data: What an error shows, a list of tensors and text; None: the rank and x's shape.
        summarize: How many elements of each to show; None: 3.
        message: A str put before them.
        name: A name for the operation.

    Returns:
        The Operation that checks; others wait for it by control_dependencies. It does nothing where
        both are known.

    Raises:
        ValueError: x has another rank, where both are known; or rank is no whole number.
        InvalidArgumentError: x has another rank (when it runs).

    Example:
        >>> x = fc.placeholder(fc.float32)
        >>> with fc.control_dependencies([fc.assert_rank_at_least(x, 1)]):
        ...     y = x * 2
        >>> fc.Session().run(y, {x: [1.0]})
        array([2.], dtype=float32)
    """
    return _ranked("assert_rank_at_least", x, rank, data, summarize, message, name)


def assert_integer(x: Any, message: str | None = None, name: str | None = None) -> Operation:
    """Checks that x has an integer dtype, while the graph is built.

    Args:
        x: A Tensor, or what converts to one.
        message: A str put before the error.
        name: A name for the operation.

    Returns:
        An Operation that does nothing.

    Raises:
        TypeError: x has another dtype.

    Example:
        >>> fc.Session().run(fc.assert_integer([1, 2]))
    """
    with name_scope(name, "assert_integer", [x]):
        x = convert_to_tensor(x, name="x")
        if not x.dtype.is_integer:
            raise TypeError(
                f"{'' if message is None else f'{message} '}whole numbers are needed, and '{x.name}' is"
                f" {x.dtype.name}"
            )
        return no_op(name="statically_determined_was_integer")


def is_numeric_tensor(tensor: Any) -> bool:
    """Whether an object is a Tensor of numbers.

    Args:
        tensor: Any object.

    Returns:
        A bool.

    Example:
        >>> fc.is_numeric_tensor(fc.constant(1)), fc.is_numeric_tensor(1)
        (True, False)
    """
    return isinstance(tensor, Tensor) and (
        tensor.dtype.is_floating or tensor.dtype.is_integer or tensor.dtype.is_complex
    )


def _ordered(check: str, compare: Callable[..., Tensor], x: Any, name: str | None) -> Tensor:
    with name_scope(name, check, [x]) as scope:
        flat = reshape(x, [-1])
        if not is_numeric_tensor(flat):
            raise TypeError(f"only numbers have an order here, and x is {flat.dtype.name}")
        return reduce_all(compare(flat[1:], flat[:-1]), name=scope)


def is_non_decreasing(x: Any, name: str | None = None) -> Tensor:
    """Whether each element, in row-major order, is at least the one before.

    Args:
        x: A Tensor of a floating or integer dtype and any shape, or what converts to one.
        name: A name for the operation.

    Returns:
        A scalar Tensor of dtype bool; True for fewer than two elements.

    Raises:
        TypeError: x has another dtype.

    Example:
        >>> fc.Session().run(fc.is_non_decreasing([1, 1, 2]))
        np.True_
    """
    return _ordered("is_non_decreasing", greater_equal, x, name)


def is_strictly_increasing(x: Any, name: str | None = None) -> Tensor:
    """Whether each element, in row-major order, is greater than the one before.

    Args:
        x: A Tensor of a floating or integer dtype and any shape, or what converts to one.
        name: A name for the operation.

    Returns:
        A scalar Tensor of dtype bool; True for fewer than two elements.

    Raises:
        TypeError: x has another dtype.

    Example:
        >>> fc.Session().run(fc.is_strictly_increasing([1, 1, 2]))
        np.False_
    """
    return _ordered("is_strictly_increasing", greater, x, name)


def verify_tensor_all_finite(
    t: Any = None, msg: str | None = None, name: str | None = None, x: Any = None, message: str | None = None
) -> Tensor:
    """Passes a tensor on, unless it holds NaN or infinity.

    Args:
        t: A Tensor of a floating dtype and any shape, or what converts to one.
        msg: A str; the error begins with it.
        name: A name for the operation.
        x: Another name of t.
        message: Another name of msg.

    Returns:
        A Tensor with the same values.

    Raises:
        TypeError: t has another dtype.
        ValueError: The tensor or the message is missing or given twice.
        InvalidArgumentError: An element is infinite or NaN (when it runs).

    Example:
        >>> fc.Session().run(fc.verify_tensor_all_finite([1.0, 2.0], "weights"))
        array([1., 2.], dtype=float32)
    """
    given = deprecated_argument("x", x, "t", t)
    text = deprecated_argument("message", message, "msg", msg)
    if given is None or text is None:
        raise ValueError("verify_tensor_all_finite needs a tensor and a message")
    with name_scope(name, "VerifyFinite", [given]):
        given = convert_to_tensor(given, name="t")
        return with_dependencies([check_numerics(given, message=text)], given)


def add_check_numerics_ops() -> Operation:
    """Checks every floating tensor of the default graph, and names the first that is not finite.

    Returns:
        The Operation that checks, in the order in which the tensors were made.

    Raises:
        ValueError: The graph has a branch or a loop.
        InvalidArgumentError: An element is infinite or NaN (when it runs).

    Example:
        >>> y = fc.log([1.0, 2.0])
        >>> fc.Session().run(fc.add_check_numerics_ops())
    """
    last: list[Tensor] = []
    graph = get_default_graph()
    for op in graph.get_operations():
        if op.graph is not graph:
            raise ValueError(
                f"add_check_numerics_ops does not look into branches and loops, such as '{op.name}': put"
                " check_numerics there"
            )
        for output in op.outputs:
            if output.dtype.base_dtype in (dtypes.float16, dtypes.float32, dtypes.float64, dtypes.bfloat16):
                with control_dependencies(last):
                    last = [check_numerics(output, message=f"{op.name}:{output.value_index}")]
    return group(*last)
