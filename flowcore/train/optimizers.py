"""The optimisers.

Each names its slots, its hyper-parameters and the fused op that updates a variable in one pass.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

from flowcore import dtypes
from flowcore.arguments import flag, real_number
from flowcore.graph.conversion import convert_to_tensor
from flowcore.graph.graph import get_default_graph
from flowcore.graph.operation import IndexedSlices, Operation, Tensor
from flowcore.graph.scopes import control_dependencies
from flowcore.ops.casts import cast
from flowcore.ops.comparison import maximum
from flowcore.ops.control_flow_ops import group
from flowcore.ops.filling import fill
from flowcore.ops.functions import sqrt
from flowcore.ops.shape_ops import shape
from flowcore.ops.variables import Variable
from flowcore.train.optimizer import Optimizer

__all__ = [
    "AdagradOptimizer",
    "AdamOptimizer",
    "GradientDescentOptimizer",
    "MomentumOptimizer",
    "RMSPropOptimizer",
]


def _filled_like(var: Variable, value: float) -> Tensor:
    return fill(
        var.shape if var.shape.is_fully_defined() else shape(var.initial_value),
        convert_to_tensor(value, dtype=var.dtype.base_dtype),
    )


def _value_after(op: Operation, var: Variable) -> Tensor:
    """The value of a variable as an op leaves it that has changed it: what the op yields, or a new read."""
    if op.outputs:
        return op.outputs[0]
    with control_dependencies([op]):
        return var.value()


class _FusedOptimizer(Optimizer):
    """An optimiser whose update is one op. All four hooks do it, and none calls another, so that a
    subclass may override any of them and call that of its base.
    """

    def _update_whole(self, grad: Tensor, var: Variable) -> Operation:
        raise NotImplementedError

    def _update_rows(self, grad: Tensor, var: Variable, indices: Tensor) -> Operation:
        return Optimizer._resource_apply_sparse(self, grad, var, indices)  # says that there is none

    def _resource_apply_dense(self, grad: Tensor, handle: Variable) -> Operation:
        return self._update_whole(grad, handle)

    def _apply_dense(self, grad: Tensor, var: Variable) -> Operation:
        return self._update_whole(grad, var)

    def _resource_apply_sparse(self, grad: Tensor, handle: Variable, indices: Tensor) -> Operation:
        return self._update_rows(grad, handle, indices)

    def _apply_sparse(self, grad: IndexedSlices, var: Variable) -> Operation:
        return self._update_rows(grad.values, var, grad.indices)


class GradientDescentOptimizer(_FusedOptimizer):
    """Gradient descent: variable -= learning_rate * gradient.

    Args:
        learning_rate: The step size: a number, a scalar Tensor, or a function without arguments
            that gives one.
        use_locking: Accepted; updates of one variable never overlap.
        name: The name that operations and slots get.

    Raises:
        TypeError: use_locking is no bool, or name no text.
        ValueError: name is empty.

    Example:
        >>> x = fc.Variable(3.0)
        >>> step = fc.train.GradientDescentOptimizer(0.25).minimize(fc.square(x))
        >>> with fc.Session() as sess:
        ...     sess.run(x.initializer)
        ...     sess.run(step)
        ...     print(sess.run(x))
        1.5
    """

    def __init__(self, learning_rate: Any, use_locking: bool = False, name: str = "GradientDescent") -> None:
        super().__init__(use_locking, name)
        self._learning_rate = learning_rate

    def _hyper_parameters(self) -> Mapping[str, Any]:
        return {"learning_rate": self._learning_rate}

    def _prepare(self) -> None:
        self._learning_rate_tensor = self._hyper_tensor(self._learning_rate, "learning_rate")

    def _update_whole(self, grad: Tensor, var: Variable) -> Operation:
        return self._apply_op(
            "ApplyGradientDescent",
            [var],
            self._cast(self._learning_rate_tensor, var),
            grad,
            use_locking=self._use_locking,
        )

    def _update_rows(self, grad: Tensor, var: Variable, indices: Tensor) -> Operation:
        delta = grad * self._cast(self._learning_rate_tensor, var)
        return self._apply_op("ScatterSub", [var], indices, delta)


class MomentumOptimizer(_FusedOptimizer):
    """Gradient descent with momentum.

    accumulator = momentum * accumulator + gradient; variable -= learning_rate * accumulator. Slot:
    "momentum", the accumulator, which begins with zeros.

    Source: Polyak, "Some methods of speeding up the convergence of iteration methods", 1964; with
    use_nesterov: Sutskever et al., "On the importance of initialization and momentum in deep
    learning", 2013.

    Args:
        learning_rate: The step size: a number, a scalar Tensor, or a function without arguments
            that gives one.
        momentum: The part of the accumulator that is kept, likewise.
        use_locking: Accepted; updates of one variable never overlap.
        name: The name that operations and slots get.
        use_nesterov: Whether the step is gradient + momentum * accumulator instead of the
            accumulator.

    Raises:
        TypeError: a flag is no bool, or name no text.
        ValueError: name is empty.

    Example:
        >>> x = fc.Variable(3.0)
        >>> step = fc.train.MomentumOptimizer(0.25, momentum=0.5).minimize(fc.square(x))
        >>> with fc.Session() as sess:
        ...     sess.run(fc.global_variables_initializer())
        ...     for _ in range(2):
        ...         sess.run(step)
        ...     print(sess.run(x))
        0.0
    """

    def __init__(
        self,
        learning_rate: Any,
        momentum: Any,
        use_locking: bool = False,
        name: str = "Momentum",
        use_nesterov: bool = False,
    ) -> None:
        super().__init__(use_locking, name)
        self._learning_rate, self._momentum, self._use_nesterov = learning_rate, momentum, use_nesterov

    def _hyper_parameters(self) -> Mapping[str, Any]:
        return {
            "learning_rate": self._learning_rate,
            "momentum": self._momentum,
            "use_nesterov": self._use_nesterov,
        }

    def _create_slots(self, var_list: Sequence[Variable]) -> None:
        for v in var_list:
            self._zeros_slot(v, "momentum", self._name)

    def _prepare(self) -> None:
        self._learning_rate_tensor = self._hyper_tensor(self._learning_rate, "learning_rate")
        self._momentum_tensor = self._hyper_tensor(self._momentum, "momentum")

    def _update_whole(self, grad: Tensor, var: Variable) -> Operation:
        return self._apply_op(
            "ApplyMomentum",
            [var, self._slots["momentum"][var]],
            self._cast(self._learning_rate_tensor, var),
            grad,
            self._cast(self._momentum_tensor, var),
            use_locking=self._use_locking,
            use_nesterov=self._use_nesterov,
        )

    def _update_rows(self, grad: Tensor, var: Variable, indices: Tensor) -> Operation:
        return self._apply_op(
            "SparseApplyMomentum",
            [var, self._slots["momentum"][var]],
            self._cast(self._learning_rate_tensor, var),
            grad,
            indices,
            self._cast(self._momentum_tensor, var),
            use_locking=self._use_locking,
            use_nesterov=self._use_nesterov,
        )


#: Where the powers of the betas live: kernels take them as arguments, and a device would have to be
#: waited for before each update.
_HOST = "/cpu:0"


class AdamOptimizer(_FusedOptimizer):
    """Adam: steps scaled by running means of the gradient and of its square.

    m = beta1 * m + (1 - beta1) * g; v = beta2 * v + (1 - beta2) * g ** 2; with t the number of
    steps, variable -= learning_rate * sqrt(1 - beta2 ** t) / (1 - beta1 ** t) * m / (sqrt(v) +
    epsilon). Slots: "m" and "v", which begin with zeros. The update of single rows decays all rows
    of m and v.

    Source: Kingma and Ba, "Adam: A Method for Stochastic Optimization", 2015, the formulation at
    the end of section 2.

    Args:
        learning_rate: The step size: a number, a scalar Tensor, or a function without arguments
            that gives one.
        beta1: The decay of the mean of gradients, likewise.
        beta2: The decay of the mean of squares, likewise.
        epsilon: What keeps the divisor from 0, likewise. In float16 at least 2 ** -12 is used.
        use_locking: Accepted; updates of one variable never overlap.
        name: The name that operations and slots get.
        use_own_namescope_for_non_slot_vars: Accepted; there is one name scope.

    Raises:
        TypeError: use_locking is no bool, or name no text.
        ValueError: name is empty.

    Example:
        >>> x = fc.Variable(3.0)
        >>> step = fc.train.AdamOptimizer(0.5).minimize(fc.square(x))
        >>> with fc.Session() as sess:
        ...     sess.run(fc.global_variables_initializer())
        ...     sess.run(step)
        ...     print(round(float(sess.run(x)), 3))
        2.5
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta1: Any = 0.9,
        beta2: Any = 0.999,
        epsilon: Any = 1e-8,
        use_locking: bool = False,
        name: str = "Adam",
        use_own_namescope_for_non_slot_vars: bool = False,
    ) -> None:
        super().__init__(use_locking, name)
        self._lr, self._beta1, self._beta2, self._epsilon = learning_rate, beta1, beta2, epsilon

    def _hyper_parameters(self) -> Mapping[str, Any]:
        values = (self._lr, self._beta1, self._beta2, self._epsilon)
        return dict(zip(("learning_rate", "beta1", "beta2", "epsilon"), values, strict=True))

    def _create_slots(self, var_list: Sequence[Variable]) -> None:
        with get_default_graph().device(_HOST):
            for beta, name in ((self._beta1, "beta1_power"), (self._beta2, "beta2_power")):
                self._create_non_slot_variable(self._call_if_callable(beta), name, None)
        for v in var_list:
            self._zeros_slot(v, "m", self._name)
            self._zeros_slot(v, "v", self._name)

    def _get_beta_accumulators(self) -> tuple[Variable, Variable]:
        """The variables that hold beta1 and beta2 to the power of the number of steps, plus one."""
        powers = [self._get_non_slot_variable(name) for name in ("beta1_power", "beta2_power")]
        if powers[0] is None or powers[1] is None:
            raise RuntimeError(f"'{self._name}' has no accumulators before apply_gradients or minimize")
        return powers[0], powers[1]

    def _prepare(self) -> None:
        self._tensors = [self._hyper_tensor(v, name) for name, v in self._hyper_parameters().items()]
        self._lr_t, self._beta1_t, self._beta2_t, self._epsilon_t = self._tensors
        with get_default_graph().device(_HOST):
            self._power_reads = [p.value() for p in self._get_beta_accumulators()]

    def _numbers(self, var: Variable) -> tuple[list[Tensor], list[Tensor]]:
        return [self._cast(p, var) for p in self._power_reads], [self._cast(t, var) for t in self._tensors]

    def _update_whole(self, grad: Tensor, var: Variable) -> Operation:
        powers, numbers = self._numbers(var)
        return self._apply_op(
            "ApplyAdam",
            [var, self._slots["m"][var], self._slots["v"][var]],
            *powers,
            *numbers,
            grad,
            use_locking=self._use_locking,
        )

    def _update_rows(self, grad: Tensor, var: Variable, indices: Tensor) -> Operation:
        """The moments of all rows decay, and those of the given rows take the gradient in, as in
        TensorFlow.
        """
        own = var.dtype.base_dtype
        wide = dtypes.float32 if own in (dtypes.float16, dtypes.bfloat16) else own
        beta1_power, beta2_power = (cast(p, wide) for p in self._power_reads)
        rate, beta1, beta2, epsilon = (cast(t, wide) for t in self._tensors)
        if own is dtypes.float16:  # what the kernel for whole gradients does, which says why
            epsilon = maximum(epsilon, 2.0**-12)
        scaled = rate * sqrt(1 - beta2_power) / (1 - beta1_power)
        values = cast(grad, wide)
        moments: list[Tensor] = []
        updates: list[Operation] = []
        for slot, beta in ((self._slots["m"][var], beta1), (self._slots["v"][var], beta2)):
            added = (values if not moments else values * values) * (1 - beta)
            decayed = cast(cast(slot.value(), wide) * beta, own)
            with control_dependencies([slot.assign(decayed, self._use_locking, read_value=False)]):
                op = self._apply_op("ScatterAdd", [slot], indices, cast(added, own))
            moments.append(cast(_value_after(op, slot), wide))
            updates.append(op)
        divisor = sqrt(moments[1])
        step = scaled * moments[0] / (divisor + epsilon)
        return group(var.assign_sub(cast(step, own), self._use_locking, read_value=False), *updates)

    def _finish(self, update_ops: Sequence[Operation], name_scope: str) -> Operation:
        with control_dependencies(update_ops), get_default_graph().device(_HOST):
            powers, betas = self._get_beta_accumulators(), self._tensors[1:3]
            counts = [
                p.assign(r * self._cast(b, p), read_value=False)
                for p, r, b in zip(powers, self._power_reads, betas, strict=True)
            ]
        return group(*update_ops, *counts, name=name_scope)


class AdagradOptimizer(_FusedOptimizer):
    """Adagrad: steps scaled by the sum of all squared gradients so far.

    accumulator += gradient ** 2; variable -= learning_rate * gradient / sqrt(accumulator). Slot:
    "accumulator".

    Source: Duchi, Hazan and Singer, "Adaptive Subgradient Methods for Online Learning and
    Stochastic Optimization", 2011.

    Args:
        learning_rate: The step size: a number, a scalar Tensor, or a function without arguments
            that gives one.
        initial_accumulator_value: What the accumulator begins with, a float greater than 0.
        use_locking: Accepted; updates of one variable never overlap.
        name: The name that operations and slots get.

    Raises:
        TypeError: initial_accumulator_value is no number, use_locking no bool, or name no text.
        ValueError: initial_accumulator_value is not greater than 0, or name is empty.

    Example:
        >>> x = fc.Variable(3.0)
        >>> step = fc.train.AdagradOptimizer(1.0).minimize(fc.square(x))
        >>> with fc.Session() as sess:
        ...     sess.run(fc.global_variables_initializer())
        ...     sess.run(step)
        ...     print(round(float(sess.run(x)), 3))
        2.001
    """

    def __init__(
        self,
        learning_rate: Any,
        initial_accumulator_value: float = 0.1,
        use_locking: bool = False,
        name: str = "Adagrad",
    ) -> None:
        initial_accumulator_value = real_number(initial_accumulator_value, "initial_accumulator_value")
        if not initial_accumulator_value > 0.0:
            raise ValueError(
                f"initial_accumulator_value must be greater than 0, found {initial_accumulator_value}"
            )
        super().__init__(use_locking, name)
        self._learning_rate = learning_rate
        self._initial_accumulator_value = initial_accumulator_value

    def _hyper_parameters(self) -> Mapping[str, Any]:
        return {
            "learning_rate": self._learning_rate,
            "initial_accumulator_value": self._initial_accumulator_value,
        }

    def _create_slots(self, var_list: Sequence[Variable]) -> None:
        for v in var_list:
            self._slot(
                v,
                "accumulator",
                self._name,
                functools.partial(_filled_like, v, self._initial_accumulator_value),
            )

    def _prepare(self) -> None:
        self._learning_rate_tensor = self._hyper_tensor(self._learning_rate, "learning_rate")

    def _update_whole(self, grad: Tensor, var: Variable) -> Operation:
        return self._apply_op(
            "ApplyAdagrad",
            [var, self._slots["accumulator"][var]],
            self._cast(self._learning_rate_tensor, var),
            grad,
            use_locking=self._use_locking,
        )

    def _update_rows(self, grad: Tensor, var: Variable, indices: Tensor) -> Operation:
        return self._apply_op(
            "SparseApplyAdagrad",
            [var, self._slots["accumulator"][var]],
            self._cast(self._learning_rate_tensor, var),
            grad,
            indices,
            use_locking=self._use_locking,
        )


class RMSPropOptimizer(_FusedOptimizer):
    """RMSProp: steps scaled by a running mean of squared gradients, with momentum.

    rms = decay * rms + (1 - decay) * g ** 2; mom = momentum * mom + learning_rate * g / sqrt(rms +
    epsilon); variable -= mom. Slots: "rms", which begins with ones, and "momentum".

    Source: Tieleman and Hinton, "Lecture 6.5 - RMSProp", Coursera: Neural Networks for Machine
    Learning, 2012.

    Args:
        learning_rate: The step size: a number, a scalar Tensor, or a function without arguments
            that gives one.
        decay: The decay of the mean of squares, likewise.
        momentum: The part of the last step that is kept, likewise.
        epsilon: What keeps the divisor from 0, likewise.
        use_locking: Accepted; updates of one variable never overlap.
        centered: Must be False.
        name: The name that operations and slots get.

    Raises:
        TypeError: a flag is no bool, or name no text.
        ValueError: name is empty.
        NotImplementedError: centered is True.

    Example:
        >>> x = fc.Variable(3.0)
        >>> step = fc.train.RMSPropOptimizer(0.5).minimize(fc.square(x))
        >>> with fc.Session() as sess:
        ...     sess.run(fc.global_variables_initializer())
        ...     sess.run(step)
        ...     print(round(float(sess.run(x)), 3))
        1.586
    """

    def __init__(
        self,
        learning_rate: Any,
        decay: Any = 0.9,
        momentum: Any = 0.0,
        epsilon: Any = 1e-10,
        use_locking: bool = False,
        centered: bool = False,
        name: str = "RMSProp",
    ) -> None:
        if flag(centered, "centered"):
            raise NotImplementedError("RMSProp with centered=True is not there yet")
        super().__init__(use_locking, name)
        self._learning_rate, self._decay, self._momentum = learning_rate, decay, momentum
        self._epsilon, self._centered = epsilon, False

    def _hyper_parameters(self) -> Mapping[str, Any]:
        values = (self._learning_rate, self._decay, self._momentum, self._epsilon)
        return dict(zip(("learning_rate", "decay", "momentum", "epsilon"), values, strict=True))

    def _create_slots(self, var_list: Sequence[Variable]) -> None:
        for v in var_list:
            self._slot(
                v,
                "rms",
                self._name,
                functools.partial(_filled_like, v, 1.0),
            )
            self._zeros_slot(v, "momentum", self._name)

    def _prepare(self) -> None:
        self._tensors = [self._hyper_tensor(v, name) for name, v in self._hyper_parameters().items()]
        self._learning_rate_tensor, self._decay_tensor = self._tensors[:2]
        self._momentum_tensor, self._epsilon_tensor = self._tensors[2:]

    def _update_whole(self, grad: Tensor, var: Variable) -> Operation:
        return self._apply_op(
            "ApplyRMSProp",
            [var, self._slots["rms"][var], self._slots["momentum"][var]],
            *[self._cast(t, var) for t in self._tensors],
            grad,
            use_locking=self._use_locking,
        )
