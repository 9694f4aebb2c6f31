"""Derivatives of functions that call themselves: functions that call themselves.

What a call computes is not kept for its gradient, as for other functions: there would be a value for each
call inside, however many there are. So the gradient's function computes the values of its own call once more,
and calls itself where the function does.

Must never import train or runtime.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from flowcore import dtypes
from flowcore.dtypes import DType
from flowcore.graph.apply import apply
from flowcore.graph.body_copies import copy_operations
from flowcore.graph.conversion import convert_to_tensor
from flowcore.graph.func_graph import FunctionBody, local_name, unused_path
from flowcore.graph.operation import Operation, Tensor
from flowcore.graph.scopes import control_dependencies
from flowcore.ops.state_ops import zeros_for

__all__ = ["gradients_of_recursion"]


class _Kind(NamedTuple):
    """A gradient of a function: of these results, with respect to these arguments, by their places."""

    function: FunctionBody
    results: tuple[int, ...]
    arguments: tuple[int, ...]


def gradients_of_recursion(
    op: Operation,
    incoming: Sequence[Tensor | None],
    wanted: Sequence[bool],
    differentiate: Callable[[Sequence[Tensor], Sequence[Tensor], Sequence[Any]], list[Any]],
) -> list[Any]:
    """The gradients with respect to the inputs of a call of a function that calls itself, those
    `wanted`.
    """
    function = op._bodies()[0]
    if not isinstance(function, FunctionBody) or not function.is_complete:
        raise LookupError(
            f"function '{function.path}', which node '{op.name}' calls, calls itself, and is not complete:"
            " its gradient can be made when its body has been"
        )
    given = [(i, g) for i, g in enumerate(incoming) if g is not None]
    places = [i for i, want in enumerate(wanted) if want and not op._inputs[i]._dtype.is_integer]
    types = [_type_of(function, i) for i in places]
    kind = _Kind(function, tuple([i for i, _ in given]), tuple(places))
    functions = function.root._functions
    body = functions.get(kind)
    if not isinstance(body, FunctionBody):
        body = _new_body(kind, [g._dtype for _, g in given])
        functions[kind] = body
        try:
            _fill(body, kind, types, differentiate)
        except BaseException:
            del functions[kind]
            raise
    passed = [*op._inputs[: function.declared], *[g for _, g in given], *body.captured_inputs]
    with control_dependencies(list(body.control_captures)):
        made = apply("StatefulPartitionedCall", passed, Tout=types, f=body, name=local_name(body.path))
    body.calls.append(made[0]._op)
    result: list[Any] = [None] * len(wanted)
    for i, gradient in zip(places, made, strict=True):
        if op._inputs[i]._dtype is not dtypes.resource:
            gradient._shape = op._inputs[i]._shape
        result[i] = gradient
    return result


def _type_of(function: FunctionBody, place: int) -> DType:
    """The dtype of the gradient with respect to an argument."""
    argument = function.inputs[place]
    if argument._dtype is not dtypes.resource:
        return argument._dtype
    handle = function.captured.get(argument)
    if handle is None or handle._op._op_def.makes != "variable":
        raise LookupError(
            f"function '{function.path}' calls itself, and has no gradient with respect to the handle that it"
            " is given as an argument: use the variable inside"
        )
    found: DType = handle._op.get_attr("dtype")
    return found


def _new_body(kind: _Kind, types: Sequence[DType]) -> FunctionBody:
    """The body of a gradient, with its arguments: those of the function, then the incoming gradients."""
    function = kind.function
    arguments = [(t._dtype, local_name(t._op._name)) for t in function.inputs[: function.declared]]
    arguments += [(dtype, f"d{i}") for i, dtype in zip(kind.results, types, strict=True)]
    return FunctionBody(unused_path(function.root, f"{function.path}_grad"), function.outer, arguments)


def _fill(
    body: FunctionBody,
    kind: _Kind,
    types: Sequence[DType],
    differentiate: Callable[[Sequence[Tensor], Sequence[Tensor], Sequence[Any]], list[Any]],
) -> None:
    """Makes a gradient's body: the function's operations once more, and what differentiates them."""
    function = kind.function
    with body.building():
        found = dict(zip(function.inputs[: function.declared], body.inputs, strict=False))
        for argument in function.inputs[function.declared :]:
            found[argument] = body.capture(function.captured[argument])
        copy_operations(function, body, found)
        ys = [found[function.outputs[i]] for i in kind.results]
        xs = [found[function.inputs[i]] for i in kind.arguments]
        incoming = body.inputs[function.declared : body.declared]
        for gradient, x, dtype in zip(differentiate(ys, xs, incoming), xs, types, strict=True):
            if gradient is None:
                gradient = zeros_for(x, dtype)
            body.outputs.append(body.own(convert_to_tensor(gradient), "gradient"))
    body.complete()
