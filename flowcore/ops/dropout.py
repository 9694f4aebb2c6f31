"""dropout: a random share of the elements set to zero."""

from __future__ import annotations

from typing import Any

from flowcore.arguments import deprecated_argument
from flowcore.graph.constants import constant_value
from flowcore.graph.conversion import convert_to_tensor
from flowcore.graph.operation import Tensor
from flowcore.graph.scopes import name_scope
from flowcore.ops.casts import cast
from flowcore.ops.comparison import greater_equal, less, logical_and
from flowcore.ops.control_flow_ops import Assert, with_dependencies
from flowcore.ops.conversions import int_tensor
from flowcore.ops.random_ops import random_uniform
from flowcore.ops.shape_ops import shape

__all__ = ["dropout"]

_RANGE = "rate must be a scalar tensor or a float in the range [0, 1), got"


def _in_range(rate: Tensor) -> Tensor:
    """rate, which is there only if it lies in [0, 1): what is kept is divided by 1 - rate."""
    known = constant_value(rate)
    if known is None:
        fits = logical_and(greater_equal(rate, 0), less(rate, 1))
        return with_dependencies([Assert(fits, [_RANGE, rate])], rate, name="rate")
    if not 0 <= known < 1:
        raise ValueError(f"{_RANGE} {known:g}")
    return rate


def dropout(
    x: Any,
    keep_prob: Any = None,
    noise_shape: Any = None,
    seed: int | None = None,
    name: str | None = None,
    rate: Any = None,
) -> Tensor:
    """Sets a random share of the elements to zero and scales the others up.

    Source: N. Srivastava, G. Hinton, A. Krizhevsky, I. Sutskever, R. Salakhutdinov, Dropout: a
    simple way to prevent neural networks from overfitting, 2014.

    Args:
        x: A Tensor of a floating dtype and any shape, or what converts to one.
        keep_prob: The share that is kept, 1 - rate: the old way to say rate.
        noise_shape: The shape of the choice, which broadcasts to x: with size 1, a dimension is
            dropped as a whole. None: x's.
        seed: A whole number that fixes the choice, with the graph's seed.
        name: A name for the operation.
        rate: The share that is dropped, in [0, 1), a number or a scalar Tensor. The others are
            multiplied by 1 / (1 - rate).

    Returns:
        A Tensor of x's dtype and shape; x itself where rate is the number 0.

    Raises:
        TypeError: noise_shape holds other things than whole numbers.
        ValueError: x has another dtype; rate is a Tensor of a dtype that is not x's, out of range,
            or given twice or not at all; or noise_shape does not broadcast.
        InvalidArgumentError: rate is out of range, where it is not known before it runs.

    Example:
        >>> kept = fc.Session().run(fc.nn.dropout(np.ones(1000, np.float32), rate=0.5))
        >>> np.unique(kept)
        array([0., 2.], dtype=float32)
    """
    if deprecated_argument("rate", rate, "keep_prob", keep_prob) is None:
        raise ValueError("dropout needs rate (or keep_prob)")
    with name_scope(name, "dropout", [x]):
        x = convert_to_tensor(x, name="x")
        if not x.dtype.is_floating:
            raise ValueError(
                f"x has to be a floating point tensor since it's going to be scaled. Got a {x.dtype.name}"
                " tensor instead."
            )
        if rate is None:
            number = isinstance(keep_prob, (int, float))
            rate = 1.0 - (keep_prob if number else convert_to_tensor(keep_prob, x.dtype, "keep_prob"))
        if isinstance(rate, (int, float)):
            if not 0 <= rate < 1:
                raise ValueError(f"{_RANGE} {rate:g}")
            if rate == 0:
                return x
        rate = convert_to_tensor(rate, dtype=x.dtype, name="rate")
        if rate.shape.ndims not in (None, 0):
            raise ValueError(f"rate must be a scalar, found shape {rate.shape}")
        rate = _in_range(rate)
        noise = shape(x) if noise_shape is None else int_tensor(noise_shape, "noise_shape")
        random = random_uniform(noise, seed=seed, dtype=x.dtype)
        scale = 1 / (1 - rate)
        mask = random >= rate
        result = x * scale * cast(mask, x.dtype)
        result.set_shape(x.shape)
        return result
