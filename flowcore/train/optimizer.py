"""Optimizer: from a loss to the operation that changes the variables. Subclasses add the update of
one variable.

Owns: the base class, its slots, and what all optimisers do with gradients.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from flowcore import dtypes
from flowcore.arguments import described, flag, hashable, instance, listed, text, whole_number
from flowcore.gradients import gradients
from flowcore.graph.apply import apply
from flowcore.graph.conversion import convert_to_tensor
from flowcore.graph.graph import Graph, GraphKeys, get_default_graph
from flowcore.graph.operation import IndexedSlices, Operation, Tensor
from flowcore.graph.scopes import control_dependencies, get_collection, name_scope
from flowcore.ops.control_flow_ops import group
from flowcore.ops.variables import ResourceVariable, Variable, trainable_variables
from flowcore.train.slots import slot_of_variable

__all__ = ["Optimizer"]

_FLOATS = (dtypes.float16, dtypes.bfloat16, dtypes.float32, dtypes.float64)


#: Names of hooks, and the call that begins with them.
_Hooks = tuple[tuple[str, ...], Callable[[], Any]]


class Optimizer:
    """The base of all optimisers.

    A subclass overrides what it needs of TensorFlow 1.15's hooks. The update of one variable is
    `_resource_apply_dense(grad, var)` or `_apply_dense(grad, var)`; that of some of its rows is
    `_resource_apply_sparse(grad, var, indices)` or `_apply_sparse(IndexedSlices, var)`, whose rows
    are unique. Of the two the one in the most derived class counts, and the first where both stand
    there. `_create_slots(var_list)` makes variables of its own with `_zeros_slot`,
    `_get_or_make_slot`, `_get_or_make_slot_with_initializer` and `_create_non_slot_variable`;
    `_prepare()` makes tensors of hyper-parameters; `_finish(ops, name)` has the last word.

    Args:
        use_locking: Accepted; updates of one variable never overlap.
        name: The name that operations and slots get.
        use_own_namescope_for_non_slot_vars: Accepted; there is one name scope.

    Raises:
        TypeError: use_locking is no bool, or name no text.
        ValueError: name is empty.

    Example:
        >>> class SignDescent(fc.train.Optimizer):
        ...     def _resource_apply_dense(self, grad, var):
        ...         return var.assign_sub(0.5 * fc.sign(grad))
        >>> x = fc.Variable(3.0)
        >>> step = SignDescent(False, "SignDescent").minimize(fc.square(x))
        >>> with fc.Session() as sess:
        ...     sess.run(x.initializer)
        ...     sess.run(step)
        ...     print(sess.run(x))
        2.5
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
        self._non_slots: dict[tuple[str, Graph], Variable] = {}

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
        """The optimiser's name.

        Returns:
            A str.

        Example:
            >>> fc.train.AdamOptimizer().get_name()
            'Adam'
        """
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

        Args:
            loss: What to make smaller, a floating Tensor; several elements count as their sum.
            global_step: A Variable that counts the steps; None: none does.
            var_list: The Variables to change; None: all trainable ones.
            gate_gradients: GATE_NONE, GATE_OP or GATE_GRAPH; accepted: nodes run as soon as they
                can.
            aggregation_method: Accepted; gradients of a tensor that is used several times are added
                up.
            colocate_gradients_with_ops: Whether gradients run where their operations do.
            name: The name of the operation; None: the optimiser's.
            grad_loss: The gradient that arrives at loss, a Tensor of its shape; None: ones.

        Returns:
            An Operation.

        Raises:
            TypeError: an argument is of another kind.
            ValueError: there is no variable, loss depends on none of them, or is not floating.

        Example:
            >>> x = fc.Variable(3.0)
            >>> step = fc.train.GradientDescentOptimizer(0.25).minimize(fc.square(x))
            >>> step.type
            'NoOp'
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
        """The gradients of a loss: the first half of minimize.

        Args:
            loss: A floating Tensor; several elements count as their sum.
            var_list: The Variables; None: all trainable ones.
            gate_gradients: GATE_NONE, GATE_OP or GATE_GRAPH; accepted: nodes run as soon as they
                can.
            aggregation_method: Accepted; gradients of a tensor that is used several times are added
                up.
            colocate_gradients_with_ops: Whether gradients run where their operations do.
            grad_loss: The gradient that arrives at loss, a Tensor of its shape; None: ones.

        Returns:
            A list of pairs (gradient, variable). A gradient is a Tensor, an IndexedSlices where
            only rows are read, or None where the loss does not depend on the variable.

        Raises:
            TypeError: an argument is of another kind.
            ValueError: there is no variable, loss is not floating, or gate_gradients is another
                number.

        Example:
            >>> x = fc.Variable(3.0)
            >>> optimizer = fc.train.GradientDescentOptimizer(0.25)
            >>> [(gradient, variable)] = optimizer.compute_gradients(fc.square(x))
            >>> variable is x
            True
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
        if loss.dtype.base_dtype not in _FLOATS:
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
        grads_and_vars: Iterable[tuple[Any, Variable]],
        global_step: Variable | None = None,
        name: str | None = None,
        skip_gradients_aggregation: bool = False,
    ) -> Operation:
        """An operation that applies gradients to variables: the second half of minimize.

        Args:
            grads_and_vars: A list of pairs (gradient, variable), as compute_gradients gives them; a
                gradient may have been changed, clipped for example.
            global_step: A Variable that is counted up afterwards; None: none is.
            name: The name of the operation; None: the optimiser's.
            skip_gradients_aggregation: Accepted; there is one process.

        Returns:
            An Operation.

        Raises:
            TypeError: an entry is no pair, is the other way round, or holds something else.
            ValueError: there is no gradient, or one has another shape than its variable.

        Example:
            >>> x = fc.Variable([3.0, 4.0])
            >>> optimizer = fc.train.GradientDescentOptimizer(1.0)
            >>> step = optimizer.apply_gradients([(fc.constant([1.0, 0.5]), x)])
            >>> with fc.Session() as sess:
            ...     sess.run(x.initializer)
            ...     sess.run(step)
            ...     print(sess.run(x))
            [2.  3.5]
        """
        pairs = []
        for pair in listed(grads_and_vars, "grads_and_vars"):
            if not isinstance(pair, (tuple, list)) or len(pair) != 2:
                raise TypeError(
                    f"grads_and_vars must hold pairs (gradient, variable), found {described(pair)}"
                )
            g, v = pair
            if isinstance(g, Variable) and not isinstance(v, Variable):
                raise TypeError(
                    f"grads_and_vars must hold pairs (gradient, variable); this one is the other way round:"
                    f" {described(pair)}"
                )
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
                    name_scope(f"update_{v.op.name}"),
                    get_default_graph().colocate_with(v.op),
                ):
                    updates.append(self._update(g, v))
            if global_step is None:
                done = self._finish(updates, scope)
            else:
                with (
                    control_dependencies([self._finish(updates, "update")]),
                    get_default_graph().colocate_with(global_step.op),
                ):
                    done = global_step.assign_add(1, read_value=False, name=scope)
            if done not in get_collection(GraphKeys.TRAIN_OP):
                get_default_graph().add_to_collection(GraphKeys.TRAIN_OP, done)
            return done

    def _update(self, g: Any, v: Variable) -> Operation:
        op = self._update_some_rows(g, v) if isinstance(g, IndexedSlices) else self._update_all(g, v)
        if v.constraint is None:
            return op
        with control_dependencies([op]):
            return v.assign(v.constraint(v.read_value()), read_value=False)

    def _update_all(self, g: Tensor, v: Variable) -> Any:
        return self._first_of(
            v,
            (("_resource_apply_dense",), lambda: self._resource_apply_dense(g, v)),
            (("_apply_dense",), lambda: self._apply_dense(g, v)),
        )

    def _update_some_rows(self, g: IndexedSlices, v: Variable) -> Any:
        hooks = ("_apply_sparse_duplicate_indices", "_apply_sparse")
        return self._first_of(
            v,
            (
                tuple(f"_resource{hook}" for hook in hooks),
                lambda: self._resource_apply_sparse_duplicate_indices(g.values, v, g.indices),
            ),
            (hooks, lambda: self._apply_sparse_duplicate_indices(g, v)),
        )

    def _first_of(self, v: Variable, resource: _Hooks, reference: _Hooks) -> Any:
        """Calls one of two kinds of update hooks: what the most derived class has. Where it has both, that
        of the variable's kind, unless it says that it is not implemented.
        """
        kinds = (resource, reference) if isinstance(v, ResourceVariable) else (reference, resource)
        for cls in type(self).__mro__:
            found = [call for names, call in kinds if any(name in vars(cls) for name in names)]
            if len(found) == 2 and cls is not Optimizer:
                with contextlib.suppress(NotImplementedError):
                    return found[0]()
                return found[1]()
            if found:
                return resource[1]() if cls is Optimizer else found[0]()
        raise AssertionError("Optimizer itself has both")

    # -- slots
    # -----------------------------------------------------------------------------------------------------

    def get_slot(self, var: Variable, name: str) -> Variable | None:
        """The variable of that name that the optimiser keeps for a variable.

        Args:
            var: The Variable.
            name: The slot's name, as get_slot_names gives it.

        Returns:
            A Variable, or None.

        Raises:
            TypeError: var is no Variable.

        Example:
            >>> x = fc.Variable(3.0, name="x")
            >>> optimizer = fc.train.MomentumOptimizer(0.1, 0.9)
            >>> step = optimizer.minimize(fc.square(x))
            >>> optimizer.get_slot(x, "momentum").name
            'x/Momentum:0'
        """
        slots = self._slots.get(hashable(name, "name"), {})
        return slots.get(instance(var, Variable, "var"))

    def get_slot_names(self) -> list[str]:
        """The names of the slots.

        Returns:
            A list of str, sorted; empty before the first apply_gradients.

        Example:
            >>> optimizer = fc.train.AdamOptimizer()
            >>> step = optimizer.minimize(fc.square(fc.Variable(3.0)))
            >>> optimizer.get_slot_names()
            ['m', 'v']
        """
        return sorted(self._slots)

    def variables(self) -> list[Variable]:
        """All variables of the optimiser's own in the default graph: slots and others.

        Returns:
            A list of Variables, by name.

        Example:
            >>> optimizer = fc.train.AdamOptimizer()
            >>> step = optimizer.minimize(fc.square(fc.Variable(3.0, name="x")))
            >>> [v.op.name for v in optimizer.variables()]
            ['beta1_power', 'beta2_power', 'x/Adam', 'x/Adam_1']
        """
        own = [s for slots in self._slots.values() for s in slots.values()] + list(self._non_slots.values())
        graph = get_default_graph()
        return sorted([v for v in own if v.graph is graph], key=lambda v: v.name)

    def _slot(
        self, var: Variable, name: str, op_name: str, initial: Callable[[], Any] | None = None
    ) -> Variable:
        slots = self._slots.setdefault(name, {})
        if var not in slots:
            slots[var] = slot_of_variable(var, op_name, initial)
        return slots[var]

    def _zeros_slot(self, var: Variable, slot_name: str, op_name: str) -> Variable:
        """A slot of zeros in the shape of `var`; the one that exists, if it does."""
        return self._slot(var, slot_name, op_name)

    def _get_or_make_slot(self, var: Variable, val: Any, slot_name: str, op_name: str) -> Variable:
        """A slot that begins with the value `val`."""
        return self._slot(var, slot_name, op_name, lambda: val)

    def _get_or_make_slot_with_initializer(
        self, var: Variable, initializer: Any, shape: Any, dtype: Any, slot_name: str, op_name: str
    ) -> Variable:
        """A slot that an initialiser, called with shape and dtype, gives its first value."""
        return self._slot(var, slot_name, op_name, lambda: initializer(shape, dtype=dtype))

    def _slot_dict(self, slot_name: str) -> dict[Variable, Variable]:
        """The slots of one name: variable -> slot."""
        return self._slots.setdefault(slot_name, {})

    def _create_non_slot_variable(self, initial_value: Any, name: str, colocate_with: Any) -> Variable:
        """A variable that belongs to no other, such as a count; one per name and graph."""
        graph = colocate_with.graph if colocate_with is not None else get_default_graph()
        found = self._non_slots.get((name, graph))
        if found is None:
            with graph.name_scope(None), graph.colocate_with(colocate_with):
                found = Variable(
                    initial_value,
                    trainable=False,
                    name=name,
                    use_resource=isinstance(colocate_with, ResourceVariable),
                )
            self._non_slots[name, graph] = found
        return found

    def _get_non_slot_variable(self, name: str, graph: Graph | None = None) -> Variable | None:
        """What `_create_non_slot_variable` made under this name in a graph (the default one), or None."""
        return self._non_slots.get((name, get_default_graph() if graph is None else graph))

    def _non_slot_variables(self) -> list[Variable]:
        """All that `_create_non_slot_variable` made."""
        return list(self._non_slots.values())

    # -- for subclasses
    # --------------------------------------------------------------------------------------------

    def _create_slots(self, var_list: Sequence[Variable]) -> None:
        """Makes the slots."""

    def _prepare(self) -> None:
        """Makes tensors of the hyper-parameters."""

    def _resource_apply_dense(self, grad: Tensor, handle: Variable) -> Any:
        """The update of a whole variable."""
        raise NotImplementedError(
            f"{type(self).__name__} has neither _resource_apply_dense(grad, var) nor _apply_dense(grad, var)"
        )

    def _apply_dense(self, grad: Tensor, var: Variable) -> Any:
        """The update of a whole variable, as subclasses for reference variables name it."""
        return Optimizer._resource_apply_dense(self, grad, var)

    def _resource_apply_sparse(self, grad: Tensor, handle: Variable, indices: Tensor) -> Any:
        """The update of the rows at `indices`, which do not repeat."""
        raise NotImplementedError(
            f"{type(self).__name__} has no sparse update; make the gradient of '{handle.name}' dense with"
            " convert_to_tensor"
        )

    def _apply_sparse(self, grad: IndexedSlices, var: Variable) -> Any:
        """The update of some rows, as subclasses for reference variables name it."""
        return Optimizer._resource_apply_sparse(self, grad.values, var, grad.indices)

    def _resource_apply_sparse_duplicate_indices(
        self, grad: Tensor, handle: Variable, indices: Tensor
    ) -> Any:
        """The update of rows that may repeat: repeated ones are added up first."""
        return self._resource_apply_sparse(*_summed(grad, indices, handle))

    def _apply_sparse_duplicate_indices(self, grad: IndexedSlices, var: Variable) -> Any:
        """The update of rows that may repeat: repeated ones are added up first."""
        values, _, indices = _summed(grad.values, grad.indices, var)
        return self._apply_sparse(IndexedSlices(values, indices, grad.dense_shape), var)

    def _finish(self, update_ops: Sequence[Operation], name_scope: str) -> Operation:
        return group(*update_ops, name=name_scope)

    @staticmethod
    def _call_if_callable(param: Any) -> Any:
        """A hyper-parameter, which may be given as a function without arguments."""
        return param() if callable(param) else param

    def _hyper_tensor(self, value: Any, name: str) -> Tensor:
        """A hyper-parameter as a tensor."""
        return convert_to_tensor(self._call_if_callable(value), name=name)

    @staticmethod
    def _cast(value: Tensor, var: Variable) -> Tensor:
        own = var.dtype.base_dtype
        return value if value.dtype.base_dtype is own else apply("Cast", value, DstT=own)

    def _apply_op(
        self, op_type: str, variables: Sequence[Variable], *arguments: Any, **attrs: Any
    ) -> Operation:
        """An op that changes variables: the form for references, or the one for resources."""
        if isinstance(variables[0], ResourceVariable):
            op_type = f"Resource{op_type}"
        made = apply(op_type, *[v._variable for v in variables], *arguments, **attrs)
        return made if isinstance(made, Operation) else made.op


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


def _summed(values: Tensor, indices: Tensor, var: Variable) -> tuple[Tensor, Variable, Tensor]:
    """Values, variable and indices in which no index repeats: rows of one index are added up."""
    unique = apply("Unique", indices)
    return apply("UnsortedSegmentSum", values, unique.idx, apply("Shape", unique.y)[0]), var, unique.y
