"""Nodes, attributes and declarations of ops as messages, and attributes back.

Owns: what an attribute's Python value is as an AttrValue. Must never import ops.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from flowcore import dtypes, protos
from flowcore.arguments import INT64_MIN, described
from flowcore.dtypes import DType, as_dtype
from flowcore.graph.op_def import ArgDef, AttrDef, OpDef
from flowcore.graph.tensor_proto import array_from_proto, array_to_proto, shape_from_proto, shape_to_proto
from flowcore.shape import TensorShape

if TYPE_CHECKING:
    from flowcore.graph.operation import Operation, Tensor
    from flowcore.protos import AttrValue, NodeDef

#: What a body is called where it is named, with so many of its results (None: all): its path, or a name
#: that nothing else has.
NameOf = Callable[[Any, int | None], str]
#: Kinds of attributes -> the field of an AttrValue, and of the lists in it.
_FIELDS = {
    "bool": "b",
    "float": "f",
    "func": "func",
    "int": "i",
    "shape": "shape",
    "string": "s",
    "tensor": "tensor",
    "type": "type",
}
_KINDS = {field: kind for kind, field in _FIELDS.items()}


def path_of(body: Any, results: int | None = None) -> str:
    """The path of a body."""
    path: str = body.path
    return path


# ---- attributes to messages ----------------------------------------------------------------------


def attr_to_message(kind: str, value: Any, name_of: Callable[[Any], str] = path_of) -> AttrValue:
    """The value of an attribute of a kind, such as "int" or "list(type)"."""
    made = protos.AttrValue()
    if kind.startswith("list("):
        element = kind[5:-1]
        made.list.SetInParent()  # also where it is empty
        field = getattr(made.list, _FIELDS[element])
        field.extend(_plain(element, part, name_of) for part in value)
    elif _FIELDS[kind] in ("b", "f", "i", "s", "type"):
        setattr(made, _FIELDS[kind], _plain(kind, value, name_of))
    else:
        getattr(made, _FIELDS[kind]).CopyFrom(_plain(kind, value, name_of))
    return made


def _plain(kind: str, value: Any, name_of: Callable[[Any], str]) -> Any:
    """What a field of a message takes."""
    if kind == "string":
        return value.encode() if isinstance(value, str) else value
    if kind == "type":
        return value.as_datatype_enum
    if kind == "shape":
        return shape_to_proto(value)
    if kind == "tensor":
        return array_to_proto(np.asarray(value), as_dtype(np.asarray(value).dtype))
    if kind == "func":
        return protos.NameAttrList(name=name_of(value))
    return value


def _guessed(name: str, value: Any) -> str:
    """The kind of an attribute that no declaration speaks of, by its value."""
    if isinstance(value, (list, tuple)):
        return f"list({_guessed(name, value[0])})" if value else "list(int)"
    kinds = ((bool, "bool"), (int, "int"), (float, "float"), ((str, bytes), "string"), (DType, "type"))
    for types, kind in (*kinds, (TensorShape, "shape"), (np.ndarray, "tensor")):
        if isinstance(value, types):  # type: ignore[arg-type]
            return kind
    raise TypeError(f"attribute '{name}' is {described(value)}, which no message holds")


def node_def_of(op: Operation, name_of: NameOf = path_of) -> NodeDef:
    """A node as a message. Raises ValueError, which names it, where an attribute cannot be written down."""
    made = protos.NodeDef(name=op._name, op=op._type, device=op._device)
    made.input.extend(_input_name(tensor) for tensor in op._inputs)
    made.input.extend(f"^{c._name}" for c in op._control_inputs)
    set_attrs(made, op, name_of)
    return made


def _input_name(tensor: Tensor) -> str:
    return tensor._op._name if tensor._value_index == 0 else tensor.name


def set_attrs(made: NodeDef, op: Operation, name_of: NameOf) -> None:
    """Writes the attributes of an operation, and where it is to be, into its message.

    A call may be older than the gradients that its function gives more results for.
    """
    results = len(op._outputs) if op._op_def.calls[:1] == ("call",) else None
    for name, value in op._attrs.items():
        declared = op._op_def.attr.get(name)
        try:
            if declared is None and isinstance(value, protos.AttrValue):
                made.attr[name].CopyFrom(value)
            else:
                kind = _guessed(name, value) if declared is None else declared.kind
                made.attr[name].CopyFrom(attr_to_message(kind, value, lambda body: name_of(body, results)))
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"node '{op._name}' ({op._type}) cannot be written down: attribute '{name}': {error}"
            ) from None
    if op._colocation:
        made.attr["_class"].list.s.extend(f"loc:@{name}".encode() for name in op._colocation)


# ---- messages to attributes ----------------------------------------------------------------------


def attr_from_message(attr: AttrDef, message: AttrValue, body_of: Callable[[Any], Any]) -> Any:
    """The Python value of an attribute. Raises ValueError where the message holds another kind.

    `body_of` gives the body for a NameAttrList.
    """
    found = message.WhichOneof("value")
    if not attr.kind.startswith("list("):
        if found != _FIELDS[attr.kind]:
            raise ValueError(f"it must be {attr.kind}, found {_described(found)}")
        return _value(attr.kind, getattr(message, found), body_of)
    if found != "list":
        raise ValueError(f"it must be {attr.kind}, found {_described(found)}")
    element = attr.kind[5:-1]
    others = [field.name for field, _ in message.list.ListFields() if field.name != _FIELDS[element]]
    if others:
        raise ValueError(f"it must be {attr.kind}, found a list of {_KINDS[others[0]]}")
    return [_value(element, part, body_of) for part in getattr(message.list, _FIELDS[element])]


def _described(field: str | None) -> str:
    if field is None:
        return "nothing"
    return "a list" if field == "list" else f"a {_KINDS.get(field, field)}"


def _value(kind: str, part: Any, body_of: Callable[[Any], Any]) -> Any:
    if kind == "string":
        return part
    if kind == "type":
        return as_dtype(part)
    if kind == "shape":
        return shape_from_proto(part)
    if kind == "tensor":
        return array_from_proto(part)
    return body_of(part) if kind == "func" else part


def other_attr_from_message(message: AttrValue) -> Any:
    """The value of an attribute that no declaration speaks of; the message itself where it names
    functions, or nothing.
    """
    field = message.WhichOneof("value")
    if field == "list":
        lists = [field.name for field, _ in message.list.ListFields()]
        if not lists:
            return []
        if len(lists) == 1 and lists[0] != "func":
            return [_text_or(_KINDS[lists[0]], part) for part in getattr(message.list, lists[0])]
    elif field not in (None, "func", "placeholder"):
        return _text_or(_KINDS[field], getattr(message, field))
    copy = protos.AttrValue()
    copy.CopyFrom(message)
    return copy


def _text_or(kind: str, part: Any) -> Any:
    value = _value(kind, part, path_of)
    if not isinstance(value, bytes):
        return value
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value


# ---- declarations --------------------------------------------------------------------------------


def op_def_message(op_def: OpDef) -> protos.OpDef:
    """The schema of an op as a message."""
    made = protos.OpDef(
        name=op_def.name, is_stateful=op_def.is_stateful, is_commutative=op_def.is_commutative
    )
    made.input_arg.extend(_arg_message(arg) for arg in op_def.input_arg)
    made.output_arg.extend(_arg_message(arg) for arg in op_def.output_arg)
    for attr in op_def.attr.values():
        part = made.attr.add(name=attr.name, type=attr.kind)
        if attr.has_default:
            part.default_value.CopyFrom(attr_to_message(attr.kind, attr.default))
        if attr.minimum != INT64_MIN:
            part.has_minimum, part.minimum = True, attr.minimum
        if attr.allowed is not None:
            element = attr.kind.removeprefix("list(").removesuffix(")")
            order = dtypes.ALL if element == "type" else sorted(attr.allowed)
            allowed = [value for value in order if value in attr.allowed]
            part.allowed_values.CopyFrom(attr_to_message(f"list({element})", allowed))
    return made


def _arg_message(arg: ArgDef) -> protos.OpDef.ArgDef:
    return protos.OpDef.ArgDef(
        name=arg.name,
        type=0 if arg.dtype is None else arg.dtype.as_datatype_enum,
        type_attr=arg.type_attr,
        type_list_attr=arg.type_list_attr,
        number_attr=arg.number_attr,
        is_ref=arg.is_ref,
    )


def output_places(op_def: OpDef, attrs: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    """Of each output of an op with these attributes: the name of the declared output, and which part of
    that it is.
    """
    for arg in op_def.output_arg:
        count = 1
        if arg.type_list_attr:
            count = len(attrs[arg.type_list_attr])
        elif arg.number_attr:
            count = attrs[arg.number_attr]
        for i in range(count):
            yield arg.name, i
