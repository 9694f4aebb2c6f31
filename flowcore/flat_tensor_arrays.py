"""TensorArrays of old graphs, which are resources behind handles, made lists that are values: what was their
flow, which orders their uses, is the list itself. On the nodes of a GraphDef, before operations are made.

Must never import ops.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from flowcore import dtypes, protos
from flowcore.graph.node_defs import attr_to_message
from flowcore.graph.tensor_proto import shape_from_proto
from flowcore.shape import TensorShape

if TYPE_CHECKING:
    from flowcore.protos import NodeDef

__all__ = ["as_lists"]

#: Those that yield a flow.
_WITH_FLOW = {"TensorArrayV3", "TensorArrayWriteV3", "TensorArrayScatterV3"}

#: Op types -> the op on lists, and the inputs of that: "flow", "shape" (of elements), or the number of an
#: input of the old one.
_OPS: dict[str, tuple[str, tuple[str | int, ...]]] = {
    "TensorArrayConcatV3": ("TensorListConcatV2", ("flow", "shape", "lengths")),
    "TensorArrayGatherV3": ("TensorListGather", ("flow", 1, "shape")),
    "TensorArrayReadV3": ("TensorListGetItem", ("flow", 1, "shape")),
    "TensorArrayScatterV3": ("TensorListScatterIntoExistingList", ("flow", 2, 1)),
    "TensorArraySizeV3": ("TensorListLength", ("flow",)),
    "TensorArrayV3": ("TensorListReserve", ("shape", 0)),
    "TensorArrayWriteV3": ("TensorListSetItem", ("flow", 1, 2)),
}
_PASSED_ON = {"Enter", "Exit", "Identity", "Merge", "NextIteration", "Switch"}


def as_lists(nodes: Sequence[NodeDef]) -> list[NodeDef]:
    """The nodes, with lists in place of TensorArrays."""
    if not any(node.op == "TensorArrayV3" for node in nodes):
        return list(nodes)
    copies: dict[str, NodeDef] = {}
    for node in nodes:
        copies[node.name] = protos.NodeDef()
        copies[node.name].CopyFrom(node)
    handles = _reached(copies, {f"{n.name}:0" for n in nodes if n.op == "TensorArrayV3"})
    sources = {f"{n.name}:{int(n.op == 'TensorArrayV3')}" for n in nodes if n.op in _WITH_FLOW}
    flows = _reached(copies, sources)
    found: list[NodeDef] = []
    for node in copies.values():
        if f"{node.name}:0" in handles and node.op in _PASSED_ON:
            continue
        if node.op in _PASSED_ON and f"{node.name}:0" in flows:
            node.attr["T"].type = dtypes.variant.as_datatype_enum  # type: ignore[assignment]
            node.attr.pop("_output_shapes", None)
        elif node.op == "TensorArrayCloseV3":
            node.op = "NoOp"
            _replace_inputs(node, [])
            node.attr.clear()
        elif node.op in _OPS:
            found += _as_list_op(node)
        _follow_flows(node, copies)
        found.append(node)
    return found


def _full(reference: str) -> str:
    return reference if ":" in reference else f"{reference}:0"


def _reached(nodes: dict[str, NodeDef], sources: set[str]) -> set[str]:
    """References that are one of the sources, passed on by ops that only do this."""
    readers: dict[str, list[NodeDef]] = {}
    for node in nodes.values():
        if node.op in _PASSED_ON:
            for source in node.input[:1] if node.op == "Switch" else node.input:
                readers.setdefault(_full(source), []).append(node)
    found, left = set(sources), list(sources)
    while left:
        for node in readers.get(left.pop(), ()):
            for output in (f"{node.name}:0", f"{node.name}:1")[: 2 if node.op == "Switch" else 1]:
                if output not in found:
                    found.add(output)
                    left.append(output)
    return found


def _replace_inputs(node: NodeDef, data: Sequence[str]) -> None:
    """Gives a node other inputs; those that it waits for remain."""
    controls = [name for name in node.input if name.startswith("^")]
    del node.input[:]
    node.input.extend([*data, *controls])


def _follow_flows(node: NodeDef, nodes: dict[str, NodeDef]) -> None:
    """The flow of a TensorArray was its second output, and is the first one of a list."""
    for i, name in enumerate(node.input):
        source = name.partition(":")[0]
        if (
            name.endswith(":1")
            and source in nodes
            and nodes[source].op in ("TensorArrayV3", "TensorListReserve")
        ):
            node.input[i] = source


def _as_list_op(node: NodeDef) -> list[NodeDef]:
    """Makes a node one on lists. Returns the constants that it needs."""
    op_type, inputs = _OPS[node.op]
    data = [name for name in node.input if not name.startswith("^")]
    made: list[NodeDef] = []
    taken: list[str] = []
    for place in inputs:
        if isinstance(place, int) or place == "flow":
            index = len(data) - 1 if place == "flow" else int(place)
            if index >= len(data):
                raise ValueError(f"node '{node.name}' ({node.op}) has {len(data)} inputs")
            taken.append(data[index])
        else:
            value = _element_shape(node) if place == "shape" else []
            kind = dtypes.int32 if place == "shape" else dtypes.int64
            constant = protos.NodeDef(name=f"{node.name}/{place}", op="Const")
            constant.attr["dtype"].type = kind.as_datatype_enum  # type: ignore[assignment]
            array = np.array(value, kind.as_numpy_dtype)
            constant.attr["value"].CopyFrom(attr_to_message("tensor", array))
            made.append(constant)
            taken.append(constant.name)
    element = node.attr["dtype"] if "dtype" in node.attr else node.attr["T"]
    types = {} if op_type == "TensorListLength" else {"element_dtype": element.type}
    if op_type in ("TensorListReserve", "TensorListConcatV2"):
        types["shape_type"] = protos.DT_INT32
    groups = list(node.attr["_class"].list.s) if "_class" in node.attr else []
    node.attr.clear()
    for name, dtype in types.items():
        node.attr[name].type = dtype
    if op_type == "TensorListSetItem":
        node.attr["resize_if_index_out_of_bounds"].b = True
    if groups:
        node.attr["_class"].list.s.extend(groups)
    node.op = op_type
    _replace_inputs(node, taken)
    return made


def _element_shape(node: NodeDef) -> list[int] | int:
    """The shape of elements as the ops on lists take it: -1 where nothing is known."""
    name = "element_shape_except0" if "element_shape_except0" in node.attr else "element_shape"
    if name not in node.attr or node.op == "TensorArrayConcatV3":
        return -1
    shape: TensorShape = shape_from_proto(node.attr[name].shape)
    return -1 if shape.ndims is None else [-1 if size is None else size for size in shape.as_list()]
