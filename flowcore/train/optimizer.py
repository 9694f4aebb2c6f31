"""Optimizer: from a loss to the operation that changes the variables. Subclasses add the update of
one variable.

Owns: the base class, its slots, and what all optimisers do with gradients.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from flowcore import dtypes
from flowcore.arguments import described, flag, hashable, instance, listed, text, whole_number
from flowcore.gradients import gradients
from flowcore.graph.apply import apply
from flowcore.graph.conversion import convert_to_tensor
from flowcore.graph.graph import GraphKeys, get_default_graph
from flowcore.graph.operation import IndexedSlices, Operation, Tensor
from flowcore.graph.scopes import control_dependencies, get_collection, name_scope
from flowcore.ops.control_flow_ops import group
from flowcore.ops.filling import zeros
from flowcore.ops.variables import Variable, trainable_variables

__all__ = ["Optimizer"]

_FLOATS = (dtypes.float16, dtypes.bfloat16, dtypes.float32, dtypes.float64)


class Optimizer:
    """The base of all optimisers.

    A subclass has `_apply_dense(grad, var)` and may have `_apply_sparse(grad, var, indices)`,
    `_create_slots(var_list)`, `_prepare()` and `_finish(ops, name)`.
    """

    GATE_NONE = 0
    GATE_OP = 1
    GATE_GRAPH = 2

    def __init__(
        self, use_locking: bool, name: str, use_own_namescope_for_non_slot_vars: bool = False
    ) -> None:
        if not text(name, "name"):
            raise ValueError("an optimizer needs a name")
        self._use_locking = flag(use_locking, "use_locking")
        self._name = name
        self._slots: dict[str, dict[Variable, Variable]] = {}

    def _hyper_parameters(self) -> Mapping[str, Any]:
        """What `repr` shows: the constructor's arguments by name."""
        return {}

    def __repr__(self) -> str:
        settings = "".join(
            f" {name}={value.name if isinstance(value, (Tensor, Variable)) else value}"
            for name, value in self._hyper_parameters().items()
        )
        slots = sum(len(s) for s in self._slots.values())
        return f"<flowcore.train.{type(self).__name__} '{self._name}'{settings}, {slots} slots>"

    def get_name(self) -> str:
        return self._name

    # -- the public steps
    # ------------------------------------------------------------------------------------------

    def minimize(
        self,
        loss: Tensor,
        global_step: Variable | None = None,
        var_list: Sequence[Variable] | None = None,
        gate_gradients: int = GATE_OP,
        aggregation_method: int | None = None,
        colocate_gradients_with_ops: bool = False,
        name: str | None = None,
        grad_loss: Any = None,
    ) -> Operation:
        """An operation that makes one step downhill: compute_gradients and apply_gradients in one.

        Raises ValueError when no variable has a gradient.
        """
        pairs = self.compute_gradients(
            loss, var_list, gate_gradients, aggregation_method, colocate_gradients_with_ops, grad_loss
        )
        if all(g is None for g, _ in pairs):
            raise ValueError(
                f"there is nothing to minimize: the loss '{loss.name}' depends on none of"
                f" {[v.name for _, v in pairs]} through differentiable operations"
            )
        return self.apply_gradients(pairs, global_step=global_step, name=name)

    def compute_gradients(
        self,
        loss: Tensor,
        var_list: Sequence[Variable] | None = None,
        gate_gradients: int = GATE_OP,
        aggregation_method: int | None = None,
        colocate_gradients_with_ops: bool = False,
        grad_loss: Any = None,
    ) -> list[tuple[Any, Variable]]:
        """(gradient, variable) pairs;

        the gradient is a Tensor, an IndexedSlices, or None where the loss does not depend on the
        variable.
        """
        if callable(loss) and not isinstance(loss, Tensor):
            raise TypeError("loss must be a Tensor: flowcore builds graphs; call the function first")
        if whole_number(gate_gradients, "gate_gradients") not in (
            self.GATE_NONE,
            self.GATE_OP,
            self.GATE_GRAPH,
        ):
            raise ValueError(
                "gate_gradients must be one of Optimizer.GATE_NONE, GATE_OP, GATE_GRAPH, not"
                f" {gate_gradients}"
            )
        if not isinstance(loss, (Tensor, Variable)):
            raise TypeError(f"loss must be a Tensor, found {described(loss)}")
        if loss.dtype not in _FLOATS:
            raise ValueError(
                f"Invalid type {loss.dtype.name} for {loss.name}, expected: {[t.name for t in _FLOATS]}."
            )
        variables = trainable_variables() if var_list is None else listed(var_list, "var_list")
        if not variables:
            raise ValueError("there is no trainable variable; give var_list")
        for v in variables:
            if not isinstance(v, Variable):
                raise TypeError(f"Argument is not a Variable: {v!r}")
        found = gradients(
            loss,
            variables,
            grad_ys=grad_loss,
            aggregation_method=aggregation_method,
            colocate_gradients_with_ops=colocate_gradients_with_ops,
        )
        return list(zip(found, variables))

    def apply_gradients(
        self,
        grads_and_vars: Sequence[tuple[Any, Variable]],
        global_step: Variable | None = None,
        name: str | None = None,
        skip_gradients_aggregation: bool = False,
    ) -> Operation:
        """An operation that applies gradients to variables, and counts `global_step` up."""
        pairs = []
        for pair in listed(grads_and_vars, "grads_and_vars"):
            if not isinstance(pair, (tuple, list)) or len(pair) != 2:
                raise TypeError(
                    f"grads_and_vars must hold pairs (gradient, variable), found {described(pair)}"
                )
            g, v = pair
            instance(v, Variable, "the variable of a pair in grads_and_vars")
            if g is not None and not isinstance(g, (Tensor, IndexedSlices)):
                try:
                    g = convert_to_tensor(g, dtype=v.dtype)
                except (TypeError, ValueError):
                    raise TypeError(f"a gradient is a tensor, IndexedSlices or None, found {g!r}") from None
            _check_shape(g, v)
            pairs.append((g, v))
        if not pairs:
            raise ValueError("grads_and_vars is empty")
        used = [v for g, v in pairs if g is not None]
        if not used:
            raise ValueError(f"every gradient is None, for variables {[v.name for _, v in pairs]}")
        with control_dependencies(None):
            self._create_slots(used)
        with name_scope(name, self._name) as scope:
            self._prepare()
            updates = []
            for g, v in pairs:
                if g is None:
                    continue
                with (
                    name_scope(f"update_{v.op.name.replace('/', '_')}"),
                    get_default_graph().colocate_with(v.handle),
                ):
                    updates.append(self._update(g, v))
            if global_step is None:
                done = self._finish(updates, scope)
            else:
                with (
                    control_dependencies([self._finish(updates, "update")]),
                    get_default_graph().colocate_with(global_step.handle),
                ):
                    done = global_step.assign_add(1, read_value=False, name=scope)
            if done not in get_collection(GraphKeys.TRAIN_OP):
                get_default_graph().add_to_collection(GraphKeys.TRAIN_OP, done)
            return done

    def _update(self, g: Any, v: Variable) -> Operation:
        if isinstance(g, IndexedSlices):
            unique = apply("Unique", g.indices)
            count = apply("Reshape", apply("Shape", unique.y), [])
            summed = apply("UnsortedSegmentSum", g.values, unique.idx, count)
            op = self._apply_sparse(summed, v, unique.y)
        else:
            op = self._apply_dense(g, v)
        if v.constraint is None:
            return op
        with control_dependencies([op]):
            return v.assign(v.constraint(v.read_value()), read_value=False)

    # -- slots
    # -----------------------------------------------------------------------------------------------------

    def get_slot(self, var: Variable, name: str) -> Variable | None:
        """The variable of that name that the optimiser keeps for `var`, or None."""
        slots = self._slots.get(hashable(name, "name"), {})
        return slots.get(instance(var, Variable, "var"))

    def get_slot_names(self) -> list[str]:
        """The names of the slots."""
        return sorted(self._slots)

    def variables(self) -> list[Variable]:
        """All variables of the optimiser's own."""
        return [s for slots in self._slots.values() for s in slots.values()]

    def _slot(
        self, var: Variable, name: str, op_name: str, initial: Callable[[], Any] | None = None
    ) -> Variable:
        slots = self._slots.setdefault(name, {})
        if var not in slots:
            with get_default_graph().name_scope(None), get_default_graph().colocate_with(var.handle):
                value = (
                    initial
                    if initial is not None
                    else functools.partial(zeros, _static_or_dynamic(var), var.dtype)
                )
                slots[var] = Variable(
                    value,
                    trainable=False,
                    name=f"{var.op.name}/{op_name}",
                    validate_shape=var.shape.is_fully_defined(),
                )
        return slots[var]

    def _zeros_slot(self, var: Variable, slot_name: str, op_name: str) -> Variable:
        return self._slot(var, slot_name, op_name)

    # -- for subclasses
    # --------------------------------------------------------------------------------------------

    def _create_slots(self, var_list: Sequence[Variable]) -> None:
        """Makes the slots."""

    def _prepare(self) -> None:
        """Makes tensors of the hyper-parameters."""

    def _apply_dense(self, grad: Tensor, var: Variable) -> Operation:
        raise NotImplementedError(f"{type(self).__name__} has no update")

    def _apply_sparse(self, grad: Tensor, var: Variable, indices: Tensor) -> Operation:
        raise NotImplementedError(
            f"{type(self).__name__} has no sparse update; make the gradient of '{var.name}' dense with"
            " convert_to_tensor"
        )

    def _finish(self, update_ops: Sequence[Operation], name_scope: str) -> Operation:
        return group(*update_ops, name=name_scope)

    @staticmethod
    def _cast(value: Tensor, var: Variable) -> Tensor:
        return value if value.dtype == var.dtype else apply("Cast", value, DstT=var.dtype)


def _check_shape(g: Any, v: Variable) -> None:
    """Refuses a gradient whose known shape is not the variable's."""
    if isinstance(g, IndexedSlices):
        own, found, what = v.shape[1:], g.values.shape[1:], "rows"
    elif isinstance(g, Tensor):
        own, found, what = v.shape, g.shape, "shape"
    else:
        return
    if not found.is_compatible_with(own):
        raise ValueError(
            f"the gradient for variable '{v.name}' has {what} {found} where the variable has {own}"
        )


def _static_or_dynamic(var: Variable) -> Any:
    return var.shape if var.shape.is_fully_defined() else apply("Shape", var.initial_value)
