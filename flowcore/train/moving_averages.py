"""Moving averages of variables and tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flowcore import dtypes
from flowcore.arguments import described, flag, listed, text
from flowcore.graph.conversion import convert_to_tensor
from flowcore.graph.graph import GraphKeys, get_default_graph
from flowcore.graph.operation import Operation, Tensor
from flowcore.graph.scopes import add_to_collection, colocate_with, get_collection, init_scope, name_scope
from flowcore.ops.casts import cast
from flowcore.ops.comparison import minimum
from flowcore.ops.control_flow_ops import group
from flowcore.ops.functions import pow
from flowcore.ops.initializers import zeros_initializer
from flowcore.ops.state_ops import assign, assign_add, assign_sub
from flowcore.ops.variable_scope import get_variable, variable_scope
from flowcore.ops.variables import Variable, moving_average_variables, trainable_variables
from flowcore.train.slots import slot_of_tensor, slot_of_variable

__all__ = ["ExponentialMovingAverage"]


def assign_moving_average(
    variable: Variable, value: Any, decay: Any, zero_debias: bool = True, name: str | None = None
) -> Any:
    """Moves a variable towards a value: variable -= (variable - value) * (1 - decay).

    With zero_debias the variable, which must begin with zeros, is divided by how much of the
    average comes from values so far: Kingma and Ba, Adam (2015), section 3. For this it gets two
    slots, "biased" and "local_step".

    Args:
        variable: A Variable of a floating dtype.
        value: A Tensor in its shape, or what converts to one.
        decay: How much of the variable stays, a scalar, often 0.99 or more.
        zero_debias: Whether the zeros that it begins with are divided out.
        name: A name for the operation.

    Returns:
        The updated variable, as `assign` gives it.

    Raises:
        TypeError: zero_debias is no bool, or variable no Variable.
        ValueError: the shapes differ.

    Example:
        >>> mean = fc.Variable(0.0)
        >>> averages = fc.train.moving_averages
        >>> update = averages.assign_moving_average(mean, 4.0, 0.75, zero_debias=False)
        >>> sess = fc.Session()
        >>> sess.run(mean.initializer)
        >>> sess.run(update)
        np.float32(1.0)
    """
    if not isinstance(variable, Variable):
        raise TypeError(f"variable must be a Variable, found {described(variable)}")
    debias = flag(zero_debias, "zero_debias")
    with name_scope(name, "AssignMovingAvg", [variable, value, decay]) as scope:
        rest = convert_to_tensor(1.0 - decay, name="decay")
        if rest.dtype is not variable.dtype.base_dtype:
            rest = cast(rest, variable.dtype.base_dtype)
        with colocate_with(variable):
            if debias:
                return _assign_debiased(variable, value, rest, scope)
            return assign_sub(variable, (variable - value) * rest, name=scope)


def _assign_debiased(variable: Variable, value: Any, rest: Tensor, scope: str) -> Any:
    """`rest`: one minus the decay."""
    dtype, begin = variable.dtype.base_dtype, zeros_initializer()
    with variable_scope(variable.op.name, use_resource=False):
        biased = get_variable("biased", variable.shape, dtype, begin, trainable=False)
        steps = get_variable("local_step", [], dtype, begin, trainable=False)
    total = assign_sub(biased, (biased - value) * rest)
    counted = assign_add(steps, 1.0)
    return assign(variable, total / (1.0 - pow(1.0 - rest, counted)), name=scope)


class ExponentialMovingAverage:
    """Averages of variables or tensors in which older values count ever less.

    `apply` makes a shadow variable for each and an op that moves it:
    shadow -= (shadow - value) * (1 - decay). The shadow of a variable begins with the variable's
    value, that of a tensor with zeros. To evaluate with averages, restore the variables from the
    names of their shadows: `variables_to_restore`.

    Args:
        decay: How much of the average stays in an update, a scalar: 0.99 to 0.9999 as a rule.
        num_updates: The number of updates so far, a scalar Tensor, Variable or number: the decay is
            at most (1 + num_updates) / (10 + num_updates), so that early averages move faster.
            None: it is always decay.
        zero_debias: Whether the zeros that averages of tensors begin with are divided out.
        name: The name of the shadows, behind the variables' names, and of the ops.

    Raises:
        TypeError: zero_debias is no bool, or name no string.

    Example:
        >>> w = fc.Variable(1.0)
        >>> average = fc.train.ExponentialMovingAverage(0.75)
        >>> with fc.control_dependencies([fc.assign(w, 5.0)]):
        ...     update = average.apply([w])
        >>> sess = fc.Session()
        >>> sess.run(fc.global_variables_initializer())
        >>> sess.run(update)
        >>> sess.run(average.average(w))
        np.float32(2.0)
    """

    def __init__(
        self,
        decay: Any,
        num_updates: Any = None,
        zero_debias: bool = False,
        name: str = "ExponentialMovingAverage",
    ) -> None:
        self._decay = decay
        self._num_updates = num_updates
        self._zero_debias = flag(zero_debias, "zero_debias")
        self._name = text(name, "name")
        self._averages: dict[Variable | Tensor, Variable] = {}

    def __repr__(self) -> str:
        return (
            f"<flowcore.train.ExponentialMovingAverage '{self._name}' decay={self._decay!r} of"
            f" {len(self._averages)} values>"
        )

    @property
    def name(self) -> str:
        """The name of the shadows and ops."""
        return self._name

    def apply(self, var_list: Sequence[Variable | Tensor] | None = None) -> Operation:
        """Makes the shadow variables, and the operation that moves them.

        Variables whose averages are kept are added to the collection MOVING_AVERAGE_VARIABLES.

        Args:
            var_list: Variables and Tensors of floating dtypes; None: all trainable variables.

        Returns:
            An Operation that updates all averages.

        Raises:
            TypeError: an entry is neither Variable nor Tensor, or of another dtype.
            ValueError: an entry has an average already, or a tensor's shape is not known.

        Example:
            >>> w = fc.Variable(1.0)
            >>> fc.train.ExponentialMovingAverage(0.9).apply([w]).type
            'NoOp'
        """
        values = list(trainable_variables() if var_list is None else listed(var_list, "var_list"))
        for value in values:
            self._check(value)
        debiased = set()
        for value in values:
            if value in self._averages:
                raise ValueError(f"Moving average already computed for: {value.name}")
            with init_scope():
                if isinstance(value, Variable):
                    shadow = slot_of_variable(value, self._name, value.initialized_value())
                    add_to_collection(GraphKeys.MOVING_AVERAGE_VARIABLES, value)
                else:
                    shadow = slot_of_tensor(value, self._name)
                    if self._zero_debias:
                        debiased.add(shadow)
            self._averages[value] = shadow
        with name_scope(self._name) as scope:
            decay = self._decay_now()
            updates = [
                assign_moving_average(self._averages[v], v, decay, self._averages[v] in debiased)
                for v in values
            ]
            return group(*updates, name=scope)

    def _check(self, value: Any) -> None:
        if not isinstance(value, (Variable, Tensor)):
            raise TypeError(f"var_list must hold Variables and Tensors, found {described(value)}")
        if not value.dtype.is_floating:
            raise TypeError(f"The variables must be half, float, or double: {value.name}")
        if not isinstance(value, Variable) and not value.shape.is_fully_defined():
            raise ValueError(
                f"the average of tensor '{value.name}' needs its shape, found {value.shape}: call set_shape"
            )

    def _decay_now(self) -> Tensor:
        decay = convert_to_tensor(self._decay, name="decay")
        if self._num_updates is None:
            return decay
        updates = cast(self._num_updates, dtypes.float32, name="num_updates")
        return minimum(decay, (1.0 + updates) / (10.0 + updates))

    def average(self, var: Variable | Tensor) -> Variable | None:
        """The Variable that holds the average of a variable or tensor.

        Args:
            var: A Variable or Tensor.

        Returns:
            A Variable; None where `apply` has made no average for it.

        Raises:
            TypeError: var cannot be a key of a dictionary.

        Example:
            >>> w = fc.Variable(1.0, name="w")
            >>> average = fc.train.ExponentialMovingAverage(0.9)
            >>> _ = average.apply([w])
            >>> average.average(w).name
            'w/ExponentialMovingAverage:0'
        """
        return self._averages.get(var)

    def average_name(self, var: Variable | Tensor) -> str:
        """The name of the variable that holds, or would hold, an average.

        Args:
            var: A Variable or Tensor.

        Returns:
            A str.

        Raises:
            AttributeError: var is neither.

        Example:
            >>> w = fc.Variable(1.0, name="w")
            >>> fc.train.ExponentialMovingAverage(0.9).average_name(w)
            'w/ExponentialMovingAverage'
        """
        if var in self._averages:
            return self._averages[var].op.name
        return get_default_graph().unique_name(f"{var.op.name}/{self._name}", mark_as_used=False)

    def variables_to_restore(
        self, moving_avg_variables: Sequence[Variable] | None = None
    ) -> dict[str, Variable]:
        """Which variable is to be restored from which name, so that variables get their averages.

        Args:
            moving_avg_variables: Variables with averages; None: those of all averages, and all
                trainable ones.

        Returns:
            A dict from names to Variables: the names of averages, where there are any, else the
            variables' own.

        Raises:
            TypeError: an entry is no Variable.

        Example:
            >>> w = fc.Variable(1.0, name="w")
            >>> average = fc.train.ExponentialMovingAverage(0.9)
            >>> sorted(average.variables_to_restore())
            ['w/ExponentialMovingAverage']
        """
        averaged = moving_avg_variables
        if averaged is None:
            averaged = [*trainable_variables(), *moving_average_variables()]
        found = {self.average_name(v): v for v in dict.fromkeys(listed(averaged, "moving_avg_variables"))}
        restored = {*found.values()}
        for variable in get_collection(GraphKeys.GLOBAL_VARIABLES):
            if variable not in restored and variable.op.name not in found:
                found[variable.op.name] = variable
        return found
