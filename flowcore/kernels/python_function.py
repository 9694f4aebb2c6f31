"""The kernel of py_func: how a user's function gets its arguments, and how its results become tensors.

Knows no graph.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from flowcore import errors

__all__ = ["python_function"]


def python_function(
    function: Callable[..., Any], results: Sequence[np.dtype[Any]]
) -> Callable[..., tuple[np.ndarray, ...]]:
    """`function` as a kernel whose outputs have the dtypes `results` (object: strings)."""

    def kernel(*arrays: np.ndarray) -> tuple[np.ndarray, ...]:
        found = function(*(_argument(a) for a in arrays))
        if not results:
            return ()
        # As in TensorFlow: a list, too, is the list of outputs.
        values = found if isinstance(found, (tuple, list)) else (found,)
        if len(values) != len(results):
            raise _invalid(
                f"the Python function returned {len(values)} values where {len(results)} were declared"
                " (a list or tuple is the list of outputs: give np.array(...) for one output)"
            )
        return tuple(_result(v, dtype, i) for i, (v, dtype) in enumerate(zip(values, results, strict=True)))

    return kernel


def _argument(array: np.ndarray) -> Any:
    """bytes or a NumPy scalar for a scalar; else an array that the function may write to.

    The memory of a tensor belongs to the graph: others may read it at the same time.
    """
    if array.ndim == 0:
        return array[()]
    return array if array.flags.writeable else array.copy()


def _result(value: Any, dtype: np.dtype[Any], index: int) -> np.ndarray:
    """`value` with the declared dtype: Python numbers that fit it convert, arrays must have it."""
    array = np.asarray(value)
    where = f"value {index} of the Python function"
    if dtype.kind == "O":
        if array.dtype.kind not in "SUO":
            raise _invalid(f"{where} has dtype {array.dtype} where string was declared")
        return np.asarray(value, dtype=object)
    if array.dtype == dtype:
        return array
    is_python = not isinstance(value, (np.ndarray, np.generic))
    if is_python and array.dtype.kind == "O" and all(isinstance(v, int) for v in array.ravel()):
        raise _invalid(f"{where} is an integer too large for {dtype}: {value}")
    loses = array.dtype.kind in "fc" and dtype.kind in "biu"
    if not is_python or array.dtype.kind not in "biufc" or loses:
        raise _invalid(f"{where} has dtype {array.dtype} where {dtype} was declared")
    with np.errstate(all="ignore"):
        converted = array.astype(dtype)
    if array.dtype.kind in "iu" and dtype.kind != "b" and not _fits(array, dtype, converted):
        raise _invalid(f"{where} does not fit {dtype}: {value}")
    return converted


def _fits(array: np.ndarray, dtype: np.dtype[Any], converted: np.ndarray) -> bool:
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        return not array.size or (limits.min <= int(array.min()) and int(array.max()) <= limits.max)
    return bool(np.isfinite(converted.astype(np.complex128)).all())


def _invalid(message: str) -> errors.InvalidArgumentError:
    return errors.InvalidArgumentError(None, None, message)
