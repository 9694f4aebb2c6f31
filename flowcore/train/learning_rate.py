"""Learning rates that fall with the step."""

from __future__ import annotations

from typing import Any

from flowcore.arguments import flag, listed
from flowcore.graph.conversion import convert_to_tensor
from flowcore.graph.operation import Tensor
from flowcore.graph.scopes import name_scope
from flowcore.ops.arithmetic import ceil, floor, multiply
from flowcore.ops.casts import cast
from flowcore.ops.comparison import maximum, minimum, where
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
        exponent = floor(exponent) if flag(staircase, "staircase") else exponent
        return multiply(rate, pow(convert_to_tensor(decay_rate, dtype=rate.dtype), exponent), name=scope)


def polynomial_decay(
    learning_rate: Any,
    global_step: Any,
    decay_steps: Any,
    end_learning_rate: Any = 0.0001,
    power: Any = 1.0,
    cycle: bool = False,
    name: str | None = None,
) -> Tensor:
    """From learning_rate to end_learning_rate over decay_steps, along a polynomial. With `cycle` the
    way is made longer each time its end is passed: by the smallest multiple of decay_steps that holds
    global_step.
    """
    with name_scope(name, "PolynomialDecay"):
        rate = convert_to_tensor(learning_rate, name="learning_rate")
        limit = cast(convert_to_tensor(decay_steps), rate.dtype)
        step = cast(convert_to_tensor(global_step), rate.dtype)
        if flag(cycle, "cycle"):
            limit = limit * maximum(ceil(step / limit), 1.0)
        done = minimum(step, limit) / limit
        end = convert_to_tensor(end_learning_rate, dtype=rate.dtype, name="end_learning_rate")
        power = convert_to_tensor(power, dtype=rate.dtype, name="power")
        return (rate - end) * pow(1 - done, power) + end


def piecewise_constant(x: Any, boundaries: list[Any], values: list[Any], name: str | None = None) -> Tensor:
    """values[i] up to and including boundaries[i], values[-1] beyond the last."""
    boundaries, values = listed(boundaries, "boundaries"), listed(values, "values")
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
