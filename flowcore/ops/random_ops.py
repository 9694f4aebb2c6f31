"""Random values.

The numbers depend on the seeds, the count of runs of the op and the element's place alone: not on
threads or the device.
"""

from __future__ import annotations

from typing import Any

from flowcore import dtypes
from flowcore.graph.apply import apply
from flowcore.graph.constants import constant_value_as_shape
from flowcore.graph.conversion import convert_to_tensor
from flowcore.graph.op_def import register
from flowcore.graph.operation import Tensor
from flowcore.graph.scopes import get_seed, name_scope, set_random_seed
from flowcore.ops import shapes
from flowcore.ops.arithmetic import add
from flowcore.ops.conversions import int_tensor

__all__ = ["random_normal", "random_shuffle", "random_uniform", "set_random_seed", "truncated_normal"]

_SEEDS = ["seed: int = 0", "seed2: int = 0"]


def _shape(op: Any) -> Any:
    return [constant_value_as_shape(op.inputs[0])]


for _name in ("RandomUniform", "RandomStandardNormal", "TruncatedNormal"):
    register(
        _name,
        inputs=["shape: T"],
        outputs=["output: dtype"],
        attrs=[*_SEEDS, "dtype: {floats}", "T: {indices}"],
        shape=_shape,
        makes="rng",
        grad=None,
    )
register(
    "RandomUniformInt",
    inputs=["shape: T", "minval: Tout", "maxval: Tout"],
    outputs=["output: Tout"],
    attrs=[*_SEEDS, "Tout: {indices}", "T: {indices}"],
    shape=_shape,
    makes="rng",
    grad=None,
)
register(
    "RandomShuffle",
    inputs=["value: T"],
    outputs=["output: T"],
    attrs=[*_SEEDS, "T: type"],
    shape=shapes.same,
    makes="rng",
    grad=None,
)


def _seeds(seed: int | None) -> dict[str, Any]:
    first, second = get_seed(seed)
    return {"seed": first or 0, "seed2": second or 0}


def random_uniform(
    shape: Any,
    minval: Any = 0,
    maxval: Any = None,
    dtype: Any = dtypes.float32,
    seed: int | None = None,
    name: str | None = None,
) -> Tensor:
    """Numbers spread evenly over [minval, maxval).

    Source of the bits: J. Salmon, M. Moraes, R. Dror, D. Shaw, Parallel random numbers: as easy as
    1, 2, 3, 2011.

    Args:
        shape: The sizes: a list, a TensorShape, or a vector of dtype int32 or int64.
        minval: The least number, of dtype: a scalar; for floating dtypes also a Tensor that
            broadcasts to shape.
        maxval: The end, not included, likewise; None: 1. Integers need it.
        dtype: A floating dtype, int32 or int64.
        seed: A whole number that fixes the numbers, with the graph's seed; None: drawn anew in
            every session, where the graph has none.
        name: A name for the operation.

    Returns:
        A Tensor of dtype and shape.

    Raises:
        TypeError: dtype is another, a bound does not convert to it, or shape or seed hold other
            things than whole numbers.
        ValueError: maxval is missing for integers, or a bound does not broadcast or is a Tensor of
            another dtype.
        InvalidArgumentError: A size is below 0, or minval is not below maxval (when it runs, for
            integers).

    Example:
        >>> x = fc.Session().run(fc.random_uniform([1000], 1, 7, fc.int32, seed=1))
        >>> np.unique(x)
        array([1, 2, 3, 4, 5, 6], dtype=int32)
    """
    kind = dtypes.as_dtype(dtype)
    if maxval is None:
        if kind.is_integer:
            raise ValueError(f"maxval is needed for {kind.name}, which has no natural end")
        maxval = 1
    with name_scope(name, "random_uniform", [shape, minval, maxval]) as scope:
        dims = int_tensor(shape, "shape")
        low = convert_to_tensor(minval, dtype=kind, name="min")
        high = convert_to_tensor(maxval, dtype=kind, name="max")
        if kind.is_integer:
            return apply("RandomUniformInt", dims, low, high, **_seeds(seed), name=scope)
        values = apply("RandomUniform", dims, dtype=kind, **_seeds(seed))
        return add(values * (high - low), low, name=scope)


def _normal(
    op_type: str,
    default: str,
    shape: Any,
    mean: Any,
    stddev: Any,
    dtype: Any,
    seed: int | None,
    name: str | None,
) -> Tensor:
    kind = dtypes.as_dtype(dtype)
    with name_scope(name, default, [shape, mean, stddev]) as scope:
        dims = int_tensor(shape, "shape")
        mean = convert_to_tensor(mean, dtype=kind, name="mean")
        stddev = convert_to_tensor(stddev, dtype=kind, name="stddev")
        values = apply(op_type, dims, dtype=kind, **_seeds(seed))
        return add(values * stddev, mean, name=scope)


def random_normal(
    shape: Any,
    mean: Any = 0.0,
    stddev: Any = 1.0,
    dtype: Any = dtypes.float32,
    seed: int | None = None,
    name: str | None = None,
) -> Tensor:
    """Normally distributed numbers.

    Source of the bits: J. Salmon, M. Moraes, R. Dror, D. Shaw, Parallel random numbers: as easy as
    1, 2, 3, 2011; of the normal numbers: G. Box, M. Muller, A note on the generation of random
    normal deviates, 1958.

    Args:
        shape: The sizes: a list, a TensorShape, or a vector of dtype int32 or int64.
        mean: The mean, a number or a Tensor of dtype that broadcasts to shape.
        stddev: The standard deviation, likewise.
        dtype: A floating dtype.
        seed: A whole number that fixes the numbers, with the graph's seed; None: drawn anew in
            every session, where the graph has none.
        name: A name for the operation.

    Returns:
        A Tensor of dtype and shape.

    Raises:
        TypeError: dtype is another, or shape or seed hold other things than whole numbers.
        ValueError: mean or stddev is a Tensor of another dtype, or does not broadcast.
        InvalidArgumentError: A size is below 0 (when it runs).

    Example:
        >>> x = fc.Session().run(fc.random_normal([1000], seed=1))
        >>> bool(abs(x.mean()) < 0.1)
        True
    """
    return _normal("RandomStandardNormal", "random_normal", shape, mean, stddev, dtype, seed, name)


def truncated_normal(
    shape: Any,
    mean: Any = 0.0,
    stddev: Any = 1.0,
    dtype: Any = dtypes.float32,
    seed: int | None = None,
    name: str | None = None,
) -> Tensor:
    """Normally distributed numbers, none further than two standard deviations from the mean.

    Numbers beyond are drawn again.

    Source of the bits: J. Salmon, M. Moraes, R. Dror, D. Shaw, Parallel random numbers: as easy as
    1, 2, 3, 2011; of the normal numbers: G. Box, M. Muller, A note on the generation of random
    normal deviates, 1958.

    Args:
        shape: The sizes: a list, a TensorShape, or a vector of dtype int32 or int64.
        mean: The mean, a number or a Tensor of dtype that broadcasts to shape.
        stddev: The standard deviation before the cut, likewise.
        dtype: A floating dtype.
        seed: A whole number that fixes the numbers, with the graph's seed; None: drawn anew in
            every session, where the graph has none.
        name: A name for the operation.

    Returns:
        A Tensor of dtype and shape.

    Raises:
        TypeError: dtype is another, or shape or seed hold other things than whole numbers.
        ValueError: mean or stddev is a Tensor of another dtype, or does not broadcast.
        InvalidArgumentError: A size is below 0 (when it runs).

    Example:
        >>> x = fc.Session().run(fc.truncated_normal([1000], seed=1))
        >>> bool(abs(x).max() < 2)
        True
    """
    return _normal("TruncatedNormal", "truncated_normal", shape, mean, stddev, dtype, seed, name)


def random_shuffle(value: Any, seed: int | None = None, name: str | None = None) -> Tensor:
    """The rows of a tensor in random order, each order as likely as any other.

    Args:
        value: A Tensor of any dtype and shape, or what converts to one; a scalar stays.
        seed: A whole number that fixes the numbers, with the graph's seed; None: drawn anew in
            every session, where the graph has none.
        name: A name for the operation.

    Returns:
        A Tensor of value's dtype and shape.

    Raises:
        TypeError: value does not convert to a tensor, or seed is no whole number.

    Example:
        >>> x = fc.Session().run(fc.random_shuffle([1, 2, 3], seed=1))
        >>> np.sort(x)
        array([1, 2, 3], dtype=int32)
    """
    return apply("RandomShuffle", value, **_seeds(seed), name=name)
