"""Graphs as messages: nodes, and the functions that they call.

A body becomes a FunctionDef of its own, whose name is its path. Inside one, "node:output:0" names the
first tensor of an output, and arguments go by their names alone. Must never import ops or graph.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from flowcore import protos
from flowcore.graph.node_defs import NameOf, node_def_of, output_places, set_attrs
from flowcore.graph.tensor_proto import shape_to_proto

if TYPE_CHECKING:
    from flowcore.graph.func_graph import FuncGraph
    from flowcore.graph.operation import Operation, Tensor
    from flowcore.protos import FunctionDef, GraphDef, NodeDef

__all__ = ["graph_def_of", "ordered"]

#: The version of TensorFlow's graphs that op types and attributes follow.
PRODUCER = 134
_LARGEST = 2**31 - 1
_NO_ARGUMENT = re.compile(r"[^a-z0-9_]")


def graph_def_of(ops: Sequence[Operation], add_shapes: bool = False) -> GraphDef:
    """Nodes as a message, with all functions that they call.

    Raises ValueError for a node that has no form as a message, and for graphs of 2 GB or more.
    """
    made = protos.GraphDef()
    made.versions.producer = PRODUCER
    names = _Names()
    for op in ops:
        node = node_def_of(op, names.name_of)
        if add_shapes:
            _add_shapes(node, op)
        made.node.append(node)
    written = 0
    while written < len(names.bodies):  # writing one finds those that it calls
        made.library.function.append(_function_def(*names.bodies[written], names.name_of))
        written += 1
    if made.ByteSize() > _LARGEST:
        raise ValueError(
            f"the graph takes {made.ByteSize()} bytes as a message, which holds less than 2 GB; feed its"
            " largest constants, or keep them in variables and a checkpoint"
        )
    return made


class _Names:
    """What each body is called: by its path, with a number where another one has it.

    A body that is called with fewer results than it has is a function of its own.
    """

    def __init__(self) -> None:
        self.bodies: list[tuple[FuncGraph, int]] = []
        self._of: dict[tuple[FuncGraph, int], str] = {}
        self._taken: set[str] = set()

    def name_of(self, body: Any, results: int | None) -> str:
        key = body, len(body.outputs) if results is None else results
        name = self._of.get(key)
        if name is None:
            number, name = 1, body.path
            while name in self._taken:
                name = f"{body.path}_{number}"
                number += 1
            self._of[key] = name
            self._taken.add(name)
            self.bodies.append(key)
        return name


def _add_shapes(node: NodeDef, op: Operation) -> None:
    shapes = node.attr["_output_shapes"].list
    shapes.SetInParent()
    shapes.shape.extend(shape_to_proto(t._shape) for t in op._outputs)


# ---- functions -----------------------------------------------------------------------------------


def _function_def(body: FuncGraph, count: int, name_of: NameOf) -> FunctionDef:
    made = protos.FunctionDef()
    made.signature.name = name_of(body, count)
    nodes = [op for op in ordered(body) if not op._outputs or op._outputs[0] not in set(body.inputs)]
    local = _local_names(body, nodes)
    arguments = _unique(_argument_name(t, body) for t in body.inputs)
    found = dict(zip(body.inputs, arguments, strict=True))
    for i, (argument, name) in enumerate(zip(body.inputs, arguments, strict=True)):
        made.signature.input_arg.add(name=name, type=argument._dtype._base.as_datatype_enum)
        made.arg_attr[i].attr["_output_shapes"].list.shape.append(shape_to_proto(argument._shape))
    for op in nodes:
        _check_references(op, body)
        node = made.node_def.add(name=local[op], op=op._type, device=op._device)
        node.input.extend(_reference(t, local, found) for t in op._inputs)
        node.input.extend(f"^{local[c]}" for c in op._control_inputs)
        set_attrs(node, op, name_of)
        made.signature.is_stateful |= op._op_def.is_stateful
        if op._colocation:
            _relabel(node, {other._name: name for other, name in local.items()})
    outputs = body.outputs[:count]
    results = _unique(_argument_name(t, body) for t in outputs)
    for tensor, name in zip(outputs, results, strict=True):
        made.signature.output_arg.add(name=name, type=tensor._dtype._base.as_datatype_enum)
        made.ret[name] = _reference(tensor, local, found)
    for op in body.control_outputs:
        made.signature.control_output.append(local[op])
        made.control_ret[local[op]] = local[op]
    return made


def ordered(body: FuncGraph) -> list[Operation]:
    """The operations of a body, each behind what it reads: one may have been given inputs later."""
    met: dict[Operation, None] = {}
    for op in body.operations_since(0):
        left = [op]
        while left:
            ahead = [t._op for t in left[-1]._inputs if t._op not in met]
            ahead += [c for c in left[-1]._control_inputs if c not in met]
            if ahead:
                left += ahead
            else:
                met[left.pop()] = None
    return list(met)


def _local_names(body: FuncGraph, nodes: Sequence[Operation]) -> dict[Operation, str]:
    """The names of a body's nodes, without its path before them."""
    names = _unique(op._name.removeprefix(f"{body.path}/") for op in nodes)
    return dict(zip(nodes, names, strict=True))


def _argument_name(tensor: Tensor, body: FuncGraph) -> str:
    """A name that arguments and results may have: small letters, digits and underscores."""
    name = _NO_ARGUMENT.sub("_", tensor._op._name.removeprefix(f"{body.path}/").lower())
    return name if name[:1].isalpha() else f"arg_{name}"


def _unique(names: Iterable[str]) -> list[str]:
    taken: dict[str, None] = {}
    for wanted in names:
        number, name = 1, wanted
        while name in taken:
            name = f"{wanted}_{number}"
            number += 1
        taken[name] = None
    return list(taken)


def _reference(tensor: Tensor, local: dict[Operation, str], arguments: dict[Tensor, str]) -> str:
    """What names a tensor inside a function."""
    if tensor in arguments:
        return arguments[tensor]
    op = tensor._op
    output, part = list(output_places(op._op_def, op._attrs))[tensor._value_index]
    return f"{local[op]}:{output}:{part}"


def _check_references(op: Operation, body: FuncGraph) -> None:
    """Raises ValueError for a node inside a body that changes a variable by a reference: functions take
    values and handles, no references.
    """
    for i, tensor in enumerate(op._inputs):
        if tensor._dtype._is_ref_dtype and op._op_def.is_ref_input(i, op._attrs):
            variable = tensor
            while (outer := variable._op._graph._captured_tensor(variable)) is not None:
                variable = outer
            raise ValueError(
                f"node '{op._name}' ({op._type}) changes variable '{variable._op._name}' inside"
                f" '{body.path}', and functions of a GraphDef take no references to variables; make the"
                " variable with use_resource=True"
            )


def _relabel(node: NodeDef, names: dict[str, str]) -> None:
    """Groups of nodes of the same body go by their local names; others have none inside a function."""
    groups = [group.decode().removeprefix("loc:@") for group in node.attr["_class"].list.s]
    del node.attr["_class"]
    inside = [f"loc:@{names[group]}".encode() for group in groups if group in names]
    if inside:
        node.attr["_class"].list.s.extend(inside)
