"""`apply`: makes a node from Python arguments. Converts inputs, infers and checks attributes, and
returns the outputs.

Must never import ops: every op function calls it.
"""

from __future__ import annotations

from collections import namedtuple
from functools import cache
from typing import Any

from flowcore.arguments import described
from flowcore.dtypes import DType
from flowcore.graph.conversion import convert_to_tensor
from flowcore.graph.graph import Graph, checked_by_inputs, get_default_graph, lies_inside
from flowcore.graph.op_def import ArgDef, OpDef, get_op_def
from flowcore.graph.operation import IndexedSlices, Operation, Tensor


def apply(op_type: str, *inputs: Any, name: str | None = None, **attrs: Any) -> Any:
    """Adds a node of `op_type` to the graph of its inputs.

    Args:
        op_type: A registered type.
        inputs: One argument per input of the declaration; a list for a list input.
        name: The name of the node; None: the op type.
        attrs: Attributes that inputs do not determine; those with a default may be left out.

    Returns:
        The output Tensor, a list for a single list output, a namedtuple of several outputs, or the
        Operation if it has none.

    Raises:
        TypeError: The number of inputs, an input or an attribute does not fit the declaration.
        ValueError: Inputs belong to different graphs, or an attribute or shape is out of range.
    """
    op_def = get_op_def(op_type)
    if len(inputs) != len(op_def.input_arg):
        raise TypeError(
            f"{op_type} takes {len(op_def.input_arg)} inputs ({', '.join(a.name for a in op_def.input_arg)}),"
            f" found {len(inputs)}"
        )
    graph = _graph_of(inputs)
    if graph is not get_default_graph():
        with graph.as_default():
            return _apply(graph, op_def, inputs, name, attrs)
    return _apply(graph, op_def, inputs, name, attrs)


def _apply(
    graph: Graph, op_def: OpDef, inputs: tuple[Any, ...], name: str | None, attrs: dict[str, Any]
) -> Any:
    node_name: str | None = op_def.name if name is None or (type(name) is str and not name) else name
    values: dict[str, Any] = {}
    for key, value in attrs.items():
        if key not in op_def.attr:
            raise TypeError(
                f"{op_def.name} has no attribute '{key}'; it has {', '.join(op_def.attr) or 'none'}"
            )
        if value is not None:
            values[key] = op_def.attr[key].check(op_def.name, value)
    if all(type(i) is Tensor for i in inputs):
        tensors = _typed(op_def, inputs, values)
    else:
        # Constants made for the inputs are named inside the node's own scope, as "Add/y".
        with graph.name_scope(node_name) as scope:
            tensors = _typed(op_def, inputs, values)
        node_name = scope
    complete: dict[str, Any] = {}
    for key, attr in op_def.attr.items():
        if key in values:
            value = values[key]
            complete[key] = checked_by_inputs(op_def, attr, value) if key in op_def.inferred else value
        elif attr.has_default:
            complete[key] = attr.default
        else:
            raise TypeError(f"{op_def.name} needs attribute '{key}' ({attr.kind})")
    op = graph.create_op(op_def.name, tensors, name=node_name, attrs=complete, op_def=op_def)
    return _results(op_def, op)


def _graph_of(inputs: tuple[Any, ...]) -> Graph:
    """The graph that the tensors among the inputs belong to; the default graph when there are none."""
    default = get_default_graph()
    found: Graph | None = None
    for item in inputs:
        for part in item if isinstance(item, (list, tuple)) else (item,):
            if isinstance(part, (Tensor, IndexedSlices, Operation)):
                graph = part.graph
                if graph is not default and default._reaches(graph):  # a body captures it
                    graph = default
                if graph._closed:
                    raise ValueError(lies_inside(part))
                if found is None:
                    found = graph
                elif graph is not found:
                    raise ValueError(f"{part} and the other inputs belong to different graphs")
    return found if found is not None else default


def _typed(op_def: OpDef, inputs: tuple[Any, ...], values: dict[str, Any]) -> list[Tensor]:
    """The inputs as one flat list of tensors; fills the attributes that they determine into `values`."""
    tensors: list[Tensor] = []
    for arg, value in zip(op_def.input_arg, inputs):
        if arg.is_ref:
            value = _reference(op_def, arg, value)
        if type(value) is Tensor and not arg.is_list:
            attr, own = arg.type_attr, value._dtype._base
            if attr:
                if attr not in values:
                    values[attr] = own
                elif values[attr] is not own:
                    _mismatch(op_def, arg, value, values[attr])
            elif own is not arg.dtype:
                _mismatch(op_def, arg, value, arg.dtype)
            tensors.append(value)
        elif arg.is_list:
            tensors += _list_input(op_def, arg, value, values)
        else:
            dtype = (
                arg.dtype
                if arg.dtype is not None
                else values.get(arg.type_attr) or _type_from_tensors(op_def, arg.type_attr, inputs)
            )
            tensor = _convert(
                op_def, arg, value, dtype, None if dtype is not None else _default_type(op_def, arg)
            )
            if arg.type_attr:
                values[arg.type_attr] = tensor._dtype._base
            tensors.append(tensor)
    return tensors


def _reference(op_def: OpDef, arg: ArgDef, value: Any) -> Tensor:
    """What refers to a variable: `value` itself, or what a variable has for this."""
    if not isinstance(value, Tensor) and hasattr(value, "_ref"):
        value = value._ref()
    if not isinstance(value, Tensor) or not value._dtype._is_ref_dtype:
        found = described(value) if not isinstance(value, Tensor) else f"'{value.name}' of {value.dtype.name}"
        raise TypeError(
            f"Input '{arg.name}' of {op_def.name} changes a variable, and takes a reference to one, found"
            f" {found}; a variable with use_resource=True has methods for this"
        )
    return value


def _default_type(op_def: OpDef, arg: ArgDef) -> DType | None:
    attr = op_def.attr.get(arg.type_attr)
    return attr.default if attr is not None and attr.has_default else None


def _type_from_tensors(op_def: OpDef, type_attr: str, inputs: tuple[Any, ...]) -> DType | None:
    """The dtype that a tensor among the later inputs fixes for a shared type attribute.

    `1 + x` takes the type of x.
    """
    for arg, value in zip(op_def.input_arg, inputs):
        if arg.type_attr == type_attr:
            for part in value if arg.number_attr and isinstance(value, (list, tuple)) else (value,):
                dtype = getattr(part, "dtype", None)
                if isinstance(dtype, DType):
                    return dtype._base
    return None


def _convert(
    op_def: OpDef,
    arg: ArgDef,
    value: Any,
    dtype: DType | None,
    hint: DType | None = None,
    name: str | None = None,
) -> Tensor:
    if isinstance(value, Tensor):
        if dtype is not None and value._dtype._base is not dtype:
            _mismatch(op_def, arg, value, dtype)
        return value
    if value is None:
        raise ValueError(f"Input '{arg.name}' of {op_def.name} is None; a tensor or a value is needed")
    try:
        return convert_to_tensor(value, dtype=dtype, name=name or arg.name, preferred_dtype=hint)
    except TypeError as error:
        raise TypeError(f"Input '{arg.name}' of {op_def.name}: {error}") from None
    except ValueError as error:
        raise ValueError(f"Input '{arg.name}' of {op_def.name}: {error}") from None


def _list_input(op_def: OpDef, arg: ArgDef, value: Any, values: dict[str, Any]) -> list[Tensor]:
    if not isinstance(value, (list, tuple)):
        raise TypeError(
            f"Input '{arg.name}' of {op_def.name} must be a list of tensors, found {type(value).__name__}"
        )
    if arg.type_list_attr:
        types = values.get(arg.type_list_attr)
        if types is not None and len(types) != len(value):
            raise ValueError(
                f"Input '{arg.name}' of {op_def.name} takes {len(types)} tensors, found {len(value)}"
            )
        tensors = [
            _convert(op_def, arg, v, types[i] if types is not None else None, name=f"{arg.name}_{i}")
            for i, v in enumerate(value)
        ]
        values[arg.type_list_attr] = [t._dtype._base for t in tensors]
        return tensors
    known = values.get(arg.number_attr)
    if known is not None and known != len(value):
        raise ValueError(
            f"Input '{arg.name}' of {op_def.name} takes {known} tensors like the other lists, found"
            f" {len(value)}"
        )
    values[arg.number_attr] = len(value)
    dtype = arg.dtype if arg.dtype is not None else values.get(arg.type_attr)
    if dtype is None:
        found = (v.dtype._base for v in value if isinstance(getattr(v, "dtype", None), DType))
        dtype = next(found, None)
    tensors = []
    for i, part in enumerate(value):
        tensor = _convert(op_def, arg, part, dtype, name=f"{arg.name}_{i}")
        dtype = tensor._dtype._base
        tensors.append(tensor)
    if arg.type_attr and dtype is not None:
        values[arg.type_attr] = dtype
    return tensors


def _mismatch(op_def: OpDef, arg: ArgDef, value: Tensor, expected: DType | None) -> None:
    name = expected.name if expected is not None else "?"
    other = f", the type of the inputs before it (attribute '{arg.type_attr}')" if arg.type_attr else ""
    raise TypeError(
        f"Input '{arg.name}' of '{op_def.name}' is {value.dtype.name}, not {name}{other}. Use flowcore.cast"
        f" to convert tensor '{value.name}'"
    )


@cache
def _result_type(op_type: str, names: tuple[str, ...]) -> Any:
    return namedtuple(op_type, names)  # type: ignore[misc]


def _results(op_def: OpDef, op: Operation) -> Any:
    args = op_def.output_arg
    if not args:
        return op
    if len(args) == 1:
        if args[0].is_list:
            return list(op._outputs) if op._outputs else op
        return op._outputs[0]
    parts: list[Any] = []
    at = 0
    for arg in args:
        if arg.is_list:
            count = len(op._attrs[arg.type_list_attr]) if arg.type_list_attr else op._attrs[arg.number_attr]
            parts.append(list(op._outputs[at : at + count]))
            at += count
        else:
            parts.append(op._outputs[at])
            at += 1
    return _result_type(op_def.name, tuple(arg.name for arg in args))(*parts)
