"""Learning rates that fall with the step."""

from __future__ import annotations

from typing import Any

from flowcore.graph.conversion import convert_to_tensor
from flowcore.graph.operation import Tensor
from flowcore.graph.scopes import name_scope
from flowcore.ops.arithmetic import floor, multiply
from flowcore.ops.casts import cast
from flowcore.ops.comparison import minimum, where
from flowcore.ops.functions import pow

__all__ = ["exponential_decay", "piecewise_constant", "polynomial_decay"]


def exponential_decay(
    learning_rate: Any,
    global_step: Any,
    decay_steps: Any,
    decay_rate: Any,
    staircase: bool = False,
    name: str | None = None,
) -> Tensor:
    """learning_rate * decay_rate ** (global_step / decay_steps);

    `staircase` cuts the quotient to whole numbers.
    """
    with name_scope(name, "ExponentialDecay") as scope:
        rate = convert_to_tensor(learning_rate, name="learning_rate")
        exponent = cast(convert_to_tensor(global_step), rate.dtype) / cast(
            convert_to_tensor(decay_steps), rate.dtype
        )
        return multiply(
            rate,
            pow(convert_to_tensor(decay_rate, dtype=rate.dtype), floor(exponent) if staircase else exponent),
            name=scope,
        )


def polynomial_decay(
    learning_rate: Any,
    global_step: Any,
    decay_steps: Any,
    end_learning_rate: Any = 0.0001,
    power: Any = 1.0,
    cycle: bool = False,
    name: str | None = None,
) -> Tensor:
    """From learning_rate to end_learning_rate over decay_steps, along a polynomial."""
    if cycle:
        raise NotImplementedError("polynomial_decay with cycle is not there yet")
    with name_scope(name, "PolynomialDecay"):
        rate = convert_to_tensor(learning_rate, name="learning_rate")
        limit = cast(convert_to_tensor(decay_steps), rate.dtype)
        done = minimum(cast(convert_to_tensor(global_step), rate.dtype), limit) / limit
        return (rate - end_learning_rate) * pow(
            1 - done, convert_to_tensor(power, dtype=rate.dtype)
        ) + end_learning_rate


def piecewise_constant(x: Any, boundaries: list[Any], values: list[Any], name: str | None = None) -> Tensor:
    """values[i] up to and including boundaries[i], values[-1] beyond the last."""
    if len(boundaries) != len(values) - 1:
        raise ValueError("piecewise_constant needs one value more than boundaries")
    with name_scope(name, "PiecewiseConstant"):
        x = convert_to_tensor(x)
        result = convert_to_tensor(values[-1])
        for boundary, value in reversed(list(zip(boundaries, values))):
            result = where(
                x <= convert_to_tensor(boundary, dtype=x.dtype),
                convert_to_tensor(value, dtype=result.dtype),
                result,
            )
        return result
