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
    """A learning rate that falls by a constant factor.

    It is learning_rate * decay_rate ** (global_step / decay_steps).

    Args:
        learning_rate: The rate at step 0, a floating scalar.
        global_step: The number of steps so far, a scalar of any number dtype: a Variable or Tensor.
        decay_steps: Over how many steps the rate falls once by decay_rate.
        decay_rate: The factor.
        staircase: Whether the quotient is cut to whole numbers, so that the rate falls in steps.
        name: A name for the operation.

    Returns:
        A scalar Tensor of learning_rate's dtype.

    Raises:
        TypeError: an argument is no number, or staircase no bool.

    Example:
        >>> fc.Session().run(fc.train.exponential_decay(1.0, 20, 10, 0.5))
        np.float32(0.25)
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
    """A learning rate that goes from learning_rate to end_learning_rate along a polynomial.

    With s = min(global_step, decay_steps) it is (learning_rate - end_learning_rate) * (1 - s /
    decay_steps) ** power + end_learning_rate.

    Args:
        learning_rate: The rate at step 0, a floating scalar.
        global_step: The number of steps so far, a scalar of any number dtype.
        decay_steps: The step at which the end is reached.
        end_learning_rate: The rate from there on.
        power: The exponent; 1 is a straight line.
        cycle: Whether decay_steps grows, each time it is passed, to its smallest multiple that
            holds global_step, so that the rate goes up again.
        name: A name for the operation.

    Returns:
        A scalar Tensor of learning_rate's dtype.

    Raises:
        TypeError: an argument is no number, or cycle no bool.

    Example:
        >>> fc.Session().run(fc.train.polynomial_decay(1.0, 5, 10, end_learning_rate=0.0))
        np.float32(0.5)
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
    """A value that changes at boundaries.

    It is values[i] up to and including boundaries[i], and values[-1] beyond the last.

    Args:
        x: A scalar number: a Tensor or Variable, such as the global step.
        boundaries: A list of numbers that grow.
        values: A list of one value more than boundaries.
        name: A name for the operation.

    Returns:
        A scalar Tensor of the dtype of the values.

    Raises:
        TypeError: boundaries or values is no list, or holds no numbers.
        ValueError: values is not one longer than boundaries.

    Example:
        >>> fc.Session().run(fc.train.piecewise_constant(15, [10, 20], [1.0, 0.5, 0.25]))
        np.float32(0.5)
    """
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
