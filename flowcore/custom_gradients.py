"""Functions that bring their own gradient: custom_gradient, and what is made of it.

Must never import train or runtime.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from flowcore.arguments import function
from flowcore.body_gradients import TRAINABLE
from flowcore.gradients import gradients
from flowcore.graph import structure
from flowcore.graph.apply import apply
from flowcore.graph.conversion import convert_to_tensor
from flowcore.graph.graph import GraphKeys, get_default_graph
from flowcore.graph.operation import Operation, Tensor
from flowcore.graph.scopes import control_dependencies
from flowcore.ops.variable_scope import get_variable_scope, variable_scope

__all__ = ["custom_gradient", "grad_pass_through", "recompute_grad"]


def custom_gradient(f: Callable[..., Any]) -> Callable[..., Any]:
    """A decorator for functions that bring their own gradient.

    Args:
        f: A function of Tensors that returns (result, grad_fn): a Tensor or a structure of them,
            and a function that takes one gradient per result and returns one gradient (or None) per
            argument of f. Where f uses variables, grad_fn takes them too, as `variables`, a list in
            the order of their names, and returns a pair: that, and one gradient per variable.

    Returns:
        A function of the same arguments that returns the result alone. What f does inside is not
        differentiated.

    Raises:
        TypeError: f returns no such pair, or uses variables that grad_fn does not take (when it is
            called).
        ValueError: grad_fn returns another number of gradients (when they are made).

    Example:
        >>> @fc.custom_gradient
        ... def rounded(x):
        ...     return fc.round(x), lambda dy: dy  # as if it had not rounded
        >>> x = fc.constant(2.6)
        >>> y = rounded(x)
        >>> print(*fc.Session().run([y, fc.gradients(y, x)[0]]))
        3.0 1.0
    """
    function(f, "f")

    @functools.wraps(f)
    def decorated(*args: Any, **kwargs: Any) -> Any:
        inputs = [apply("Identity", convert_to_tensor(x)) for x in args]
        pair = f(*inputs, **kwargs)
        if not isinstance(pair, tuple) or len(pair) != 2 or not callable(pair[1]):
            raise TypeError("a function under custom_gradient must return (result, grad_fn)")
        result, grad_fn = pair
        results = [convert_to_tensor(r) for r in structure.flatten(result)]
        variables = _variables_behind(results, inputs)
        if variables and not _takes_variables(grad_fn):
            raise TypeError(
                "the function under custom_gradient uses variables"
                f" {', '.join(repr(v.op.name) for v in variables)}, so its grad_fn must accept the keyword"
                " argument 'variables', and return a pair: gradients of the arguments, those of the"
                " variables"
            )
        made = _OwnGradient(grad_fn, len(results), len(inputs), variables)
        graph = get_default_graph()
        name = f"CustomGradient-{len(graph._gradient_functions)}"
        graph._gradient_functions[name] = made
        with graph.gradient_override_map({"IdentityN": name}):
            outputs = apply("IdentityN", [*results, *inputs, *[v._variable for v in variables]])
        return structure.pack(result, outputs[: len(results)])

    return decorated


class _OwnGradient:
    """What differentiates the IdentityN through which results, inputs and variables of a function go.

    Args:
        grad_fn: The user's function.
        results: How many results there are.
        inputs: How many inputs there are.
        variables: The Variables.
    """

    def __init__(
        self, grad_fn: Callable[..., Any], results: int, inputs: int, variables: Sequence[Any]
    ) -> None:
        self._grad_fn = grad_fn
        self._results = results
        self._inputs = inputs
        self._variables = list(variables)

    def __call__(self, op: Operation, *incoming: Any) -> list[Any]:
        """One gradient per input of the IdentityN."""
        given = incoming[: self._results]
        found: Any
        of_variables: list[Any] = []
        if self._variables:
            pair = self._grad_fn(*given, variables=list(self._variables))
            if not isinstance(pair, tuple) or len(pair) != 2:
                raise TypeError(
                    f"the grad_fn behind '{op.name}' must return a pair: gradients of the arguments, those of"
                    " the variables"
                )
            found, of_variables = pair[0], _as_list(pair[1])
            self._check_count(op, len(of_variables), len(self._variables), "variables")
        else:
            found = self._grad_fn(*given)
        of_inputs = _as_list(found)
        self._check_count(op, len(of_inputs), self._inputs, "arguments")
        return [None] * self._results + of_inputs + of_variables

    @staticmethod
    def _check_count(op: Operation, found: int, wanted: int, what: str) -> None:
        if found != wanted:
            raise ValueError(f"the grad_fn behind '{op.name}' returned {found} gradients for {wanted} {what}")


def _as_list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _takes_variables(grad_fn: Callable[..., Any]) -> bool:
    known = inspect.signature(grad_fn).parameters
    return "variables" in known or any(p.kind is p.VAR_KEYWORD for p in known.values())


def _variables_behind(results: Sequence[Tensor], inputs: Sequence[Tensor]) -> list[Any]:
    """The Variables that results depend on, but for what they are through inputs, by their names."""
    handles = set(_handles_behind(results, {t._op for t in inputs}))
    if not handles:
        return []
    root = results[0].graph.root
    found: dict[Tensor, Any] = {}
    for key in (GraphKeys.GLOBAL_VARIABLES, GraphKeys.LOCAL_VARIABLES, GraphKeys.TRAINABLE_VARIABLES):
        for variable in root.get_collection(key):
            if getattr(variable, "_variable", None) in handles:
                found[variable._variable] = variable
    return sorted(found.values(), key=_name_of)


def _name_of(variable: Any) -> str:
    return str(variable.op.name)


def _handles_behind(results: Sequence[Tensor], stops: set[Operation]) -> Iterator[Tensor]:
    """The handles of, or references to, the variables that results depend on in a differentiable way.

    They lie in the outermost graph.
    """
    seen: set[Tensor] = set()
    left = list(results)
    while left:
        tensor = left.pop()
        if tensor in seen or tensor._dtype not in TRAINABLE or tensor._op in stops:
            continue
        seen.add(tensor)
        op = tensor._op
        outer = op._graph._captured_tensor(tensor)
        if outer is not None:
            left.append(outer)
        elif op._op_def.is_variable:
            yield tensor
        elif op._op_def.grad is not None or op._op_def.calls or op._op_def.passes:
            left += op._inputs


def recompute_grad(f: Callable[..., Any]) -> Callable[..., Any]:
    """A function that computes its values once more when its gradient needs them.

    So they need not be kept from the forward pass on: it costs time, and saves the memory of what f
    computes between its arguments and its results. f is called once more, with get_variable giving
    the variables of the first time. It must do the same both times: what it draws at random is
    drawn anew.

    Args:
        f: A function of Tensors that returns a Tensor or a structure of them.

    Returns:
        A function of the same arguments.

    Raises:
        ValueError: f makes variables by another way than get_variable (when gradients are made).

    Example:
        >>> layer = fc.recompute_grad(lambda x: fc.tanh(fc.tanh(x)))
        >>> x = fc.constant(0.0)
        >>> print(fc.Session().run(fc.gradients(layer(x), x)[0]))
        1.0
    """
    function(f, "f")

    @functools.wraps(f)
    def decorated(*args: Any, **kwargs: Any) -> Any:
        scope = get_variable_scope()

        @custom_gradient
        def remembered(*inputs: Tensor) -> Any:
            def grad_fn(*incoming: Any, variables: Sequence[Any] = ()) -> Any:
                found = _differentiated_again(
                    functools.partial(f, **kwargs), scope, inputs, variables, incoming
                )
                of_inputs = found[: len(inputs)]
                return (of_inputs, found[len(inputs) :]) if variables else of_inputs

            return f(*inputs, **kwargs), grad_fn

        return remembered(*args)

    return decorated


def _differentiated_again(
    f: Callable[..., Any], scope: Any, inputs: Sequence[Tensor], variables: Sequence[Any], incoming: Any
) -> list[Any]:
    """The gradients of f, which is computed again when the incoming ones are there."""
    known = len(get_default_graph().get_collection(GraphKeys.GLOBAL_VARIABLES))
    with control_dependencies([g for g in incoming if g is not None]):
        again = [apply("Identity", t) for t in inputs]
        with variable_scope(scope, reuse=True, auxiliary_name_scope=False):
            results = [convert_to_tensor(r) for r in structure.flatten(f(*again))]
    made = get_default_graph().get_collection(GraphKeys.GLOBAL_VARIABLES)[known:]
    if made:
        raise ValueError(
            f"a function under recompute_grad makes variable '{made[0].op.name}' whenever it is called; use"
            " get_variable, which finds it again"
        )
    pairs = [(r, g) for r, g in zip(results, incoming, strict=True) if g is not None]
    if not pairs:
        return [None] * (len(inputs) + len(variables))
    return gradients([r for r, _ in pairs], [*again, *variables], [g for _, g in pairs])


def grad_pass_through(f: Callable[..., Any]) -> Callable[..., Any]:
    """A function whose gradient is that of doing nothing.

    Args:
        f: A function of one Tensor that returns one of the same shape and dtype.

    Returns:
        A function of the same argument.

    Raises:
        TypeError: f is no function.

    Example:
        >>> rounded = fc.grad_pass_through(fc.round)
        >>> x = fc.constant(2.6)
        >>> print(*fc.Session().run([rounded(x), fc.gradients(rounded(x), x)[0]]))
        3.0 1.0
    """
    function(f, "f")

    @functools.wraps(f)
    @custom_gradient
    def decorated(*args: Any, **kwargs: Any) -> Any:
        def grad_fn(*incoming: Any, variables: Sequence[Any] = ()) -> Any:
            return (list(incoming), [None] * len(variables)) if variables else list(incoming)

        return f(*args, **kwargs), grad_fn

    return decorated
