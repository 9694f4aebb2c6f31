"""Copies of bodies: the same operations again, in another body.

Must never import ops.
"""

from __future__ import annotations

from typing import Any

from flowcore.graph.func_graph import FuncGraph, FunctionBody, local_name
from flowcore.graph.graph_defs import ordered
from flowcore.graph.operation import Tensor

__all__ = ["copy_operations"]


def copy_operations(source: FuncGraph, into: FuncGraph, found: dict[Tensor, Tensor]) -> None:
    """Makes the operations of a body once more in another, which is open, and where those of the first stand
    for their copies from now on: functions that made a body know its tensors.

    Bodies that they call are copied too, but for named functions.

    Args:
        source: The body.
        into: Where the copies go.
        found: What stands for tensors of `source` already, its arguments above all; all others are added.
    """
    copies = {tensor._op: copy._op for tensor, copy in found.items()}
    for op in ordered(source):
        if op in copies:
            continue
        attrs = {name: _copied(value, into, found) for name, value in op._attrs.items()}
        name = op._name.removeprefix(f"{source.path}/")
        copy = into.create_op(
            op._type, [found[t] for t in op._inputs], name=name, attrs=attrs, op_def=op._op_def
        )
        copy._control_inputs = tuple([copies[c] for c in op._control_inputs])
        copy._device, copy._place, copy._attrs = op._device, op._place, attrs
        for old, new in zip(op._outputs, copy._outputs, strict=True):
            new._shape = old._shape
            found[old] = new
        copies[op] = copy
        for body in copy._bodies():
            if isinstance(body, FunctionBody):
                body.calls.append(copy)
    into.original, into.copied_tensors, into.copied_operations = source, found, copies


def _copied(value: Any, into: FuncGraph, found: dict[Tensor, Tensor]) -> Any:
    """An attribute of a copy: bodies are copied."""
    if isinstance(value, list):
        return [_copied(part, into, found) for part in value]
    if not isinstance(value, FuncGraph) or isinstance(value, FunctionBody):
        return value
    copy = FuncGraph(f"{into.path}/{local_name(value.path)}", into)
    inside: dict[Tensor, Tensor] = {}
    with copy.building():
        for argument in value.inputs:
            inside[argument] = copy.add_argument(
                argument._dtype, argument._shape, local_name(argument._op._name)
            )
            inside[argument]._op._values = argument._op._values
            if argument in value.captured:
                outer = found[value.captured[argument]]
                copy.captures[outer], copy.captured[inside[argument]] = inside[argument], outer
        copy_operations(value, copy, inside)
    copies = {tensor._op: new._op for tensor, new in inside.items()}
    copy.outputs = [inside[t] for t in value.outputs]
    copy.own_outputs = value.own_outputs
    copy.control_outputs = [copies[op] for op in value.control_outputs if op in copies]
    copy.close()
    return copy
