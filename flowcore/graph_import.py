"""import_graph_def: the nodes and functions of a GraphDef, made anew in the default graph.

A graph from a file is not trusted: names, types, shapes and sizes are checked before or as nodes are
made, and where one does not fit, none remains. Must never import runtime.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from flowcore import dtypes, protos
from flowcore._missing_names import MISSING
from flowcore.arguments import described, listed, text
from flowcore.dtypes import DType, as_dtype
from flowcore.flat_control_flow import FlatBody, functional
from flowcore.flat_tensor_arrays import as_lists
from flowcore.graph import device as device_strings
from flowcore.graph.conversion import convert_to_tensor
from flowcore.graph.func_graph import FuncGraph, FunctionBody, unused_path
from flowcore.graph.graph import Graph, get_default_graph
from flowcore.graph.graph_defs import PRODUCER
from flowcore.graph.node_defs import attr_from_message, other_attr_from_message, output_places
from flowcore.graph.op_def import get_op_def, is_registered
from flowcore.graph.operation import Operation, Tensor
from flowcore.graph.scopes import control_dependencies
from flowcore.graph.tensor_proto import shape_from_proto
from flowcore.ops.functional_ops import has_effect, result_shapes
from flowcore.shape import TensorShape

if TYPE_CHECKING:
    from flowcore.protos import AttrValue, FunctionDef, GraphDef, NameAttrList, NodeDef, OpList

__all__ = ["import_graph_def"]

_NODE_NAME = re.compile(r"[A-Za-z0-9._][A-Za-z0-9_.\\/-]*")
#: What bodies are called below the node that runs them, by the attribute that names them.
_LABELS = {"body": "body", "cond": "cond", "else_branch": "false", "then_branch": "true"}
#: Levels of functions in functions, and nodes of one import with all bodies.
_DEEPEST = 50
_MOST_NODES = 2_000_000
#: Attributes that say something of the node, not of its op.
_SHAPES, _COLOCATION = "_output_shapes", "_class"

#: Attributes that declarations here do not have, with the value under which the op is the same without:
#: newer versions of TensorFlow, or 1.15, write them down. `...`: any, it is a hint or a name.
_WITHOUT_EFFECT: dict[str, dict[str, Any]] = {
    "AssignVariableOp": {"validate_shape": ...},
    "BatchMatMul": {"grad_x": ..., "grad_y": ...},
    "BatchMatMulV2": {"grad_x": ..., "grad_y": ...},
    "ConcatOffset": {"shape_type": dtypes.int32},
    "EncodeJpeg": {
        "chroma_downsampling": True,
        "density_unit": "in",
        "optimize_size": False,
        "progressive": False,
        "x_density": 300,
        "xmp_metadata": "",
        "y_density": 300,
    },
    "Equal": {"incompatible_shape_error": True},
    "MatMul": {"grad_a": ..., "grad_b": ...},
    "MaxPool": {"explicit_paddings": []},
    "MaxPoolGrad": {"explicit_paddings": []},
    "MergeV2Checkpoints": {"allow_missing_files": False},
    "NotEqual": {"incompatible_shape_error": True},
    "ResourceGather": {"batch_dims": 0},
    "TensorListGetItem": {"Tshape": dtypes.int32},
    "VarHandleOp": {"allowed_devices": [], "debug_name": ...},
}


def import_graph_def(
    graph_def: GraphDef,
    input_map: Mapping[str, Any] | None = None,
    return_elements: Sequence[str] | None = None,
    name: str | None = None,
    op_dict: Any = None,
    producer_op_list: OpList | None = None,
) -> list[Tensor | Operation] | None:
    """Adds the nodes of a GraphDef to the default graph.

    Args:
        graph_def: A GraphDef, of flowcore or of TensorFlow.
        input_map: What stands in for tensors of graph_def where they are read: names ("x" or
            "x:0") to Tensors, or "^x" to Operations.
        return_elements: Names of what to return: "x:0" is a tensor, "x" an operation.
        name: A scope for the nodes; None: "import"; "": none.
        op_dict: Accepted; the registered declarations count.
        producer_op_list: The declarations of the program that wrote graph_def: attributes that are
            not known here are left out where they have the defaults of these.

    Returns:
        A list of Tensors and Operations; None without return_elements.

    Raises:
        TypeError: an argument is of another kind.
        ValueError: graph_def has op types, attributes, types or shapes that do not fit, names that
            are taken or not there, or a cycle; a name of input_map or return_elements is not there.
            The graph is left as it was.

    Example:
        >>> with fc.Graph().as_default() as saved:
        ...     y = fc.square(fc.placeholder(fc.float32, name="x"), name="y")
        >>> x = fc.constant(3.0)
        >>> (y,) = fc.import_graph_def(saved.as_graph_def(), {"x": x}, ["y:0"])
        >>> print(y.name, fc.Session().run(y))
        import/y:0 9.0
    """
    try:
        message: GraphDef = protos.own(graph_def, "GraphDef")
        known = None if producer_op_list is None else protos.own(producer_op_list, "OpList")
    except TypeError as error:
        raise TypeError(f"import_graph_def: {error}") from None
    if message.versions.min_consumer > PRODUCER:
        raise ValueError(
            f"graph_def may be read from version {message.versions.min_consumer} on, this is {PRODUCER}"
        )
    wanted = [
        text(e, "an entry of return_elements") for e in listed(return_elements or [], "return_elements")
    ]
    if input_map is not None and not isinstance(input_map, Mapping):
        raise TypeError(f"input_map must be a mapping, found {described(input_map)}")
    graph = get_default_graph()
    graph._check_not_finalized()
    scope_name = "import" if name is None else text(name, "name")
    scope_name = scope_name or (f"{graph._scopes.name}/" if graph._scopes.name else "")
    with graph.name_scope(scope_name) as scope:
        importer = _Importer(graph, message, known)
        with graph._lock, control_dependencies(None):
            before = len(graph._ops)
            try:
                made = importer.make(scope, _stand_ins(input_map or {}))
                found = [_returned(element, made) for element in wanted]
            except BaseException:
                _forget_from(graph, before)
                importer.forget_functions()
                raise
    return None if return_elements is None else found


def _forget_from(graph: Graph, first: int) -> None:
    """Takes back the operations from a number on, which nothing else knows of yet."""
    for op in graph._ops[first:]:
        del graph._by_name[op._name]
    del graph._ops[first:]
    graph._readers.clear()
    graph._read = 0


def _stand_ins(input_map: Mapping[str, Any]) -> dict[str, Tensor | Operation]:
    """The input_map, with names of tensors in full."""
    found: dict[str, Tensor | Operation] = {}
    for key, value in input_map.items():
        key = text(key, "a key of input_map")
        if key.startswith("^"):
            if not isinstance(value, Operation):
                raise TypeError(f"input_map[{key!r}] must be an Operation, found {described(value)}")
            found[key] = value
        else:
            found[key if ":" in key else f"{key}:0"] = convert_to_tensor(value)
    return found


def _returned(element: str, made: _Nodes) -> Tensor | Operation:
    node, colon, index = element.partition(":")
    op = made.operations.get(node)
    if op is None:
        raise ValueError(f"return_elements names {element!r}, and graph_def has no node {node!r}")
    if not colon:
        return op
    stand_in = made.stand_ins.get(element)
    if isinstance(stand_in, Tensor):
        return stand_in
    if not index.isdecimal() or int(index) >= len(op._outputs):
        raise ValueError(
            f"return_elements names {element!r}, and that node ({op._type}) has {len(op._outputs)} outputs"
        )
    return op._outputs[int(index)]


class _Nodes:
    """The operations that were made of nodes, by the names of these, and what stands in for tensors."""

    def __init__(
        self,
        stand_ins: dict[str, Tensor | Operation],
        arguments: Mapping[str, Sequence[Tensor]] | None = None,
    ) -> None:
        self.stand_ins = stand_ins
        self.arguments = {} if arguments is None else arguments
        self.used: set[str] = set()
        self.operations: dict[str, Operation] = {}

    def at(self, name: str) -> Tensor | Operation:
        """What an input of a node names: "x", "x:1" or "^x". Raises ValueError."""
        key = name if name.startswith("^") or ":" in name else f"{name}:0"
        if key in self.stand_ins:
            self.used.add(key)
            return self.stand_ins[key]
        node, _, index = key.removeprefix("^").partition(":")
        if node in self.arguments:
            return self.arguments[node][0]
        op = self.operations[node]
        if key.startswith("^"):
            return op
        return _output(op, int(index) if index.isdecimal() else -1, name)


class _FunctionNodes(_Nodes):
    """The same inside a function, where "x:y:1" is the second tensor of output y of node x, and "a" or
    "a:1" an argument.
    """

    def __init__(self, arguments: Mapping[str, Sequence[Tensor]]) -> None:
        super().__init__({}, arguments)

    def at(self, name: str) -> Tensor | Operation:
        if name.startswith("^"):
            return self.operations[name[1:]]
        parts = name.split(":")
        number = int(parts[-1]) if parts[-1].isdecimal() else 0
        if parts[0] in self.arguments:
            tensors = self.arguments[parts[0]]
            if number >= len(tensors) or len(parts) > 2:
                raise ValueError(f"input {name!r} names no argument")
            return tensors[number]
        op = self.operations[parts[0]]
        output = parts[1] if len(parts) > 1 else ""
        places = list(output_places(op._op_def, op._attrs))
        if (output, number) not in places:
            raise ValueError(f"input {name!r}: node '{op._name}' ({op._type}) has no such output")
        return op._outputs[places.index((output, number))]


def _output(op: Operation, index: int, name: str) -> Tensor:
    if not 0 <= index < len(op._outputs):
        raise ValueError(f"input {name!r}: node '{op._name}' ({op._type}) has {len(op._outputs)} outputs")
    return op._outputs[index]


def _node_of(reference: str) -> str:
    """The node that an input names."""
    return reference.removeprefix("^").partition(":")[0]


class _Importer:
    """Makes the nodes of one GraphDef, and bodies of the functions that they name."""

    def __init__(self, graph: Graph, message: GraphDef, producer: OpList | None) -> None:
        self._graph = graph
        self._message = message
        self._functions: dict[str, FunctionDef] = {}
        for function in message.library.function:
            if function.signature.name in self._functions:
                raise ValueError(f"graph_def has two functions '{function.signature.name}'")
            self._functions[function.signature.name] = function
        self._producer = {op.name: op for op in producer.op} if producer is not None else {}
        self._nodes, self._flat = functional(as_lists(message.node))
        self._count = 0
        self._open: list[str] = []  # functions that are being made
        self._new_functions: list[Any] = []
        self._check_op_types()

    def make(self, scope: str, stand_ins: dict[str, Tensor | Operation]) -> _Nodes:
        """The nodes of the graph, in a scope that ends in "/", or none. Raises ValueError."""
        nodes = self._nodes
        names = {node.name for node in nodes}
        unused = [key for key in stand_ins if _node_of(key) not in names]
        if unused:
            raise ValueError(f"input_map names {unused}, and graph_def has no such nodes")
        made = _Nodes(stand_ins)
        self._make_all(self._graph, scope, nodes, made, {})
        return made

    def forget_functions(self) -> None:
        """Takes back the functions that were made."""
        for key in self._new_functions:
            del self._graph.root._functions[key]

    # -- op types

    def _check_op_types(self) -> None:
        """Raises ValueError for op types that do not exist here, all of them at once."""
        missing: dict[str, str] = {}
        reached: dict[str, None] = {}
        left: list[Iterable[NodeDef]] = [self._nodes, *(body.nodes for body in self._flat.values())]
        while left:
            for node in left.pop():
                if not is_registered(node.op) and node.op not in self._functions:
                    missing.setdefault(node.op, node.name)
                for name in (node.op, *_functions_named(node)):
                    if name in self._functions and name not in reached:
                        reached[name] = None
                        left.append(self._functions[name].node_def)
        if missing:
            known = (f"'{op_type}' (node '{node}'){_instead(op_type)}" for op_type, node in missing.items())
            raise ValueError(f"graph_def has op types that flowcore does not have: {'; '.join(known)}")

    # -- nodes

    def _make_all(
        self,
        graph: Graph,
        scope: str,
        nodes: Sequence[NodeDef],
        made: _Nodes,
        placeholders: Mapping[str, AttrValue],
    ) -> None:
        self._count += len(nodes)
        if self._count > _MOST_NODES:
            raise ValueError(f"graph_def has more than {_MOST_NODES} nodes, with those of its functions")
        grouped: list[tuple[Operation, list[str]]] = []
        for node in _in_order(nodes, made):
            full_name = scope + node.name
            if not _NODE_NAME.fullmatch(node.name):
                raise ValueError(
                    f"{node.name!r} is not a valid operation name: letters, digits, '.', '_', '-' and '/'"
                    " only, and not '-' or '/' first"
                )
            if full_name in graph._by_name:
                raise ValueError(f"a node '{full_name}' is there already; give import_graph_def another name")
            try:
                op = self._make(graph, full_name, node, made, placeholders)
            except (TypeError, ValueError, RecursionError) as error:
                if isinstance(error, _Located):
                    raise
                raise _Located(f"node '{full_name}' ({node.op}) cannot be made: {error}") from None
            graph._unique(full_name)
            made.operations[node.name] = op
            if _COLOCATION in node.attr:
                groups = [s.decode(errors="replace") for s in node.attr[_COLOCATION].list.s]
                grouped.append((op, [g.removeprefix("loc:@") for g in groups if g.startswith("loc:@")]))
        for op, groups in grouped:
            if graph is not self._graph:  # a function may name nodes that lie around it
                groups = [group for group in groups if group in made.operations]
            for group in groups:
                if group not in made.operations:
                    raise ValueError(f"node '{op._name}' shall be where '{group}' is, which is no node")
            op._colocation = tuple(made.operations[group]._name for group in groups)
        unread = [key for key in made.stand_ins if key not in made.used and not _is_output(key, made)]
        if unread:
            raise ValueError(f"input_map names {unread}, and the nodes of graph_def have no such outputs")

    def _make(
        self, graph: Graph, full_name: str, node: NodeDef, made: _Nodes, placeholders: Mapping[str, AttrValue]
    ) -> Operation:
        inputs: list[Tensor] = []
        controls: dict[Operation, None] = {}
        for name in node.input:
            source = made.at(name)
            if isinstance(source, Operation):
                controls[source] = None
            elif controls:
                raise ValueError(f"input {name!r} stands behind a control input")
            else:
                inputs.append(source)
        op_type, given = node.op, _substituted(node.attr, placeholders)
        called = self._functions.get(op_type) if not is_registered(op_type) else None
        if called is not None:  # a node whose type is a function
            op_type, attrs = self._as_call(called, given)
        else:
            attrs = self._attrs(graph, full_name, op_type, given, inputs)
        op = graph.create_op(op_type, inputs, name=f"{full_name}/", attrs=attrs)
        op._control_inputs = tuple(controls)
        op._device = device_strings.merge(
            op._device, device_strings.canonical(node.device, f"the device of node '{full_name}'")
        )
        if _SHAPES in given:
            _refine(op, given[_SHAPES])
        self._check_call(op)
        return op

    def _attrs(
        self,
        graph: Graph,
        full_name: str,
        op_type: str,
        given: Mapping[str, AttrValue],
        inputs: Sequence[Tensor],
    ) -> dict[str, Any]:
        """The attributes of a new operation in their Python form."""
        op_def = get_op_def(op_type)
        attrs: dict[str, Any] = {}
        for name, value in given.items():
            if name in op_def.attr:
                label = _LABELS.get(name, name)
                count = 0

                def body_of(reference: NameAttrList, label: str = label) -> FuncGraph:
                    nonlocal count
                    count += 1
                    if op_def.calls[:1] == ("call",):
                        return self._function_body(reference)
                    path = (
                        f"{full_name}/{label}"
                        if label in _LABELS.values()
                        else f"{full_name}/branch{count - 1}"
                    )
                    passed = inputs if op_def.calls[:1] == ("while",) else inputs[1:]
                    return self._body(graph, path, reference, passed, op_def.calls[0] == "while")

                try:
                    attrs[name] = attr_from_message(op_def.attr[name], value, body_of)
                except (TypeError, ValueError) as error:
                    if isinstance(error, _Located):
                        raise
                    raise ValueError(f"attribute '{name}': {error}") from None
            elif name.startswith("_"):
                if name not in (_SHAPES, _COLOCATION):
                    attrs[name] = other_attr_from_message(value)
            elif not self._is_default(op_type, name, value):
                raise ValueError(
                    f"it has attribute '{name}', which {op_type} does not have here; producer_op_list may say"
                    " that it has its default, and can be left out"
                )
        return attrs

    def _is_default(self, op_type: str, name: str, value: AttrValue) -> bool:
        """Whether an attribute has no effect with this value, or the program that wrote the graph says that
        it is the default.
        """
        plain = _WITHOUT_EFFECT.get(op_type, {})
        if name in plain:
            return plain[name] is ... or bool(other_attr_from_message(value) == plain[name])
        declared = self._producer.get(op_type)
        for attr in declared.attr if declared is not None else ():
            if attr.name == name and attr.HasField("default_value"):
                return bool(attr.default_value == value)
        return False

    # -- functions

    def _lookup(self, name: str) -> FunctionDef:
        function = self._functions.get(name)
        if function is None:
            raise ValueError(f"graph_def has no function '{name}'")
        return function

    def _body(
        self, outer: Graph, path: str, reference: NameAttrList, passed: Sequence[Tensor], is_loop: bool
    ) -> FuncGraph:
        """A body of its own for a branch or a loop."""
        flat = self._flat.get(reference.name)
        if flat is not None:
            return self._flat_body(outer, path, flat, passed, is_loop)
        function = self._lookup(reference.name)
        if reference.name in self._open or len(self._open) >= _DEEPEST:
            raise ValueError(
                f"function '{reference.name}' contains itself in a branch or a loop, or functions nest more"
                f" than {_DEEPEST} deep; a function may call itself by PartitionedCall"
            )
        body = FuncGraph(path, outer)
        types = _argument_types(function, reference.attr)
        if len(types) != len(passed):
            raise ValueError(f"function '{reference.name}' takes {len(types)} arguments, found {len(passed)}")
        with body.building():
            for (name, dtype, shape), tensor in zip(types, passed, strict=True):
                if dtype is not tensor._dtype._base:
                    raise ValueError(
                        f"argument '{name}' of function '{reference.name}' must be {dtype.name}, found tensor"
                        f" '{tensor.name}' of {tensor._dtype.name}"
                    )
                body.add_argument(dtype, shape if is_loop else shape.merge_with(tensor._shape), name)
        self._fill(body, function, reference.attr)
        _mark_captured(body, passed, is_loop)
        return body

    def _flat_body(
        self, outer: Graph, path: str, flat: FlatBody, passed: Sequence[Tensor], is_loop: bool
    ) -> FuncGraph:
        """The same for a branch or a loop that was written flat."""
        if len(self._open) >= _DEEPEST:
            raise ValueError(f"branches and loops nest more than {_DEEPEST} deep")
        body = FuncGraph(path, outer)
        with body.building(), control_dependencies(None):
            for (name, dtype), tensor in zip(flat.arguments, passed, strict=True):
                is_reference = tensor._dtype._is_ref_dtype
                shape = TensorShape(None) if is_loop else tensor._shape
                body.add_argument(tensor._dtype if is_reference else dtype, shape, name)
            made = _Nodes(
                {}, dict(zip([n for n, _ in flat.arguments], [[t] for t in body.inputs], strict=True))
            )
            self._open.append(flat.name)
            try:
                self._make_all(body, f"{path}/", flat.nodes, made, {})
            finally:
                self._open.pop()
            results = [made.at(result) for result in flat.results]
        body.outputs = [t for t in results if isinstance(t, Tensor)]
        body.control_outputs = [op for op in made.operations.values() if has_effect(op)]
        _mark_captured(body, passed, is_loop)
        return body

    def _function_body(self, reference: NameAttrList) -> FunctionBody:
        """The body of a function that is called, made once."""
        function = self._lookup(reference.name)
        root = self._graph.root
        key = ("imported", function.SerializeToString(deterministic=True), reference.SerializeToString())
        found = root._functions.get(key)
        if isinstance(found, FunctionBody):
            return found
        types = _argument_types(function, reference.attr)
        body = FunctionBody(
            unused_path(root, reference.name), root, [(dtype, name) for name, dtype, _ in types]
        )
        for argument, (_, _, shape) in zip(body.inputs, types, strict=True):
            argument._shape = shape
        root._functions[key] = body
        self._new_functions.append(key)
        opened, self._open = self._open, []
        try:
            with body.building():
                self._fill(body, function, reference.attr)
            body.complete()
        finally:
            self._open = opened
        for call in body.calls:  # made before the shapes were known
            for tensor, result in zip(call._outputs, body.outputs, strict=False):
                tensor._shape = tensor._shape.merge_with(result._shape)
        return body

    def _fill(self, body: FuncGraph, function: FunctionDef, attrs: Mapping[str, AttrValue]) -> None:
        """Makes the nodes of a function in a body that has the arguments, and its results."""
        arguments: dict[str, list[Tensor]] = {}
        left = list(body.inputs)
        for arg in function.signature.input_arg:
            count = len(_types_of(arg, attrs))
            arguments[arg.name], left = left[:count], left[count:]
        made = _FunctionNodes(arguments)
        self._open.append(function.signature.name)
        try:
            with body.building(), control_dependencies(None):
                self._make_all(body, f"{body.path}/", function.node_def, made, attrs)
                body.outputs = _results(function, made, attrs)
        finally:
            self._open.pop()
        waited = [made.operations.get(name) for name in function.control_ret.values()]
        if None in waited:
            raise ValueError(f"function '{function.signature.name}' waits for a node that it does not have")
        effects = [op for op in made.operations.values() if has_effect(op)]
        body.control_outputs = list(dict.fromkeys([op for op in waited if op is not None] + effects))

    def _as_call(self, function: FunctionDef, given: Mapping[str, AttrValue]) -> tuple[str, dict[str, Any]]:
        """The op type and the attributes of a call, for a node whose type is a function."""
        reference = protos.NameAttrList(name=function.signature.name)
        for arg in (*function.signature.input_arg, *function.signature.output_arg):
            for name in (arg.type_attr, arg.type_list_attr, arg.number_attr):
                if name and name in given:
                    reference.attr[name].CopyFrom(given[name])
        body = self._function_body(reference)
        op_type = "StatefulPartitionedCall" if function.signature.is_stateful else "PartitionedCall"
        results = [t for arg in function.signature.output_arg for t in _types_of(arg, reference.attr)]
        return op_type, {"f": body, "Tout": results}

    def _check_call(self, op: Operation) -> None:
        """Raises ValueError where a node and the bodies that it runs do not fit; says who calls whom."""
        bodies = op._bodies()
        if not bodies:
            return
        kind = op._op_def.calls[0]
        passed = op._inputs if kind in ("call", "while") else op._inputs[1:]
        for body in bodies:
            _check_types("arguments", body, body.inputs, [t._dtype._base for t in passed])
            if isinstance(body, FunctionBody):
                body.calls.append(op)
            if kind == "while" and body is op._attrs["cond"]:
                _check_types("results", body, body.outputs, [dtypes.bool])
            elif not isinstance(body, FunctionBody):
                _check_types("results", body, body.outputs, [t._dtype._base for t in op._outputs])
            elif body.is_complete:
                _check_types("results", body, body.outputs, [t._dtype._base for t in op._outputs])
                for tensor, shape in zip(op._outputs, result_shapes(body, op._inputs), strict=True):
                    tensor._shape = tensor._shape.merge_with(shape)


class _Located(ValueError):
    """An error that names its node already."""


def _check_types(what: str, body: FuncGraph, found: Sequence[Tensor], wanted: Sequence[DType]) -> None:
    types = [t._dtype._base for t in found]
    if types != list(wanted):
        raise ValueError(
            f"{what} of '{body.path}' must be {[t.name for t in wanted]}, found {[t.name for t in types]}"
        )


def _is_output(key: str, made: _Nodes) -> bool:
    """Whether a key of input_map names what is there, though nothing reads it."""
    op = made.operations[_node_of(key)]
    index = key.partition(":")[2]
    return key.startswith("^") or (index.isdecimal() and int(index) < len(op._outputs))


def _mark_captured(body: FuncGraph, passed: Sequence[Tensor], is_loop: bool) -> None:
    """Notes which arguments stand for outer tensors: of a loop those behind the last that changes."""
    first = _first_unchanged(body) if is_loop else 0
    for argument, tensor in list(zip(body.inputs, passed, strict=True))[first:]:
        if tensor not in body.captures:
            body.captures[tensor], body.captured[argument] = argument, tensor
    body.close()


def _first_unchanged(body: FuncGraph) -> int:
    """From which argument on a loop gives back its arguments as they are."""
    first = len(body.inputs)
    while 0 < first <= len(body.outputs) and body.outputs[first - 1] is body.inputs[first - 1]:
        first -= 1
    return first


def _results(function: FunctionDef, made: _FunctionNodes, attrs: Mapping[str, AttrValue]) -> list[Tensor]:
    results: list[Tensor] = []
    for arg in function.signature.output_arg:
        types = _types_of(arg, attrs)
        if arg.name not in function.ret:
            raise ValueError(f"function '{function.signature.name}' does not say what result '{arg.name}' is")
        name = function.ret[arg.name]
        several = bool(arg.number_attr or arg.type_list_attr)
        for i, dtype in enumerate(types):
            if _node_of(name) not in made.operations and name.partition(":")[0] not in made.arguments:
                raise ValueError(f"result '{arg.name}' of function '{function.signature.name}' is {name!r}")
            tensor = made.at(f"{name.rpartition(':')[0] or name}:{i}" if several else name)
            if not isinstance(tensor, Tensor) or tensor._dtype._base is not dtype:
                raise ValueError(
                    f"result '{arg.name}' of function '{function.signature.name}' must be {dtype.name}, found"
                    f" {tensor}"
                )
            results.append(tensor)
    return results


def _argument_types(
    function: FunctionDef, attrs: Mapping[str, AttrValue]
) -> list[tuple[str, DType, TensorShape]]:
    """Name, dtype and what is said of the shape, of each argument of a function."""
    found: list[tuple[str, DType, TensorShape]] = []
    for i, arg in enumerate(function.signature.input_arg):
        types = _types_of(arg, attrs)
        shapes = [TensorShape(None)] * len(types)
        if i in function.arg_attr and _SHAPES in function.arg_attr[i].attr:
            said = [shape_from_proto(s) for s in function.arg_attr[i].attr[_SHAPES].list.shape]
            shapes = said if len(said) == len(types) else shapes
        found += [(arg.name, dtype, shape) for dtype, shape in zip(types, shapes, strict=True)]
    return found


def _types_of(arg: protos.OpDef.ArgDef, attrs: Mapping[str, AttrValue]) -> list[DType]:
    """The dtypes of an argument or result of a function under these attributes."""
    for name in (arg.type_attr, arg.type_list_attr, arg.number_attr):
        if name and name not in attrs:
            raise ValueError(f"the type of '{arg.name}' depends on attribute '{name}', which is not given")
    if arg.type_list_attr:
        return [as_dtype(t)._base for t in attrs[arg.type_list_attr].list.type]
    dtype = as_dtype(attrs[arg.type_attr].type if arg.type_attr else arg.type)._base
    if not arg.number_attr:
        return [dtype]
    count = attrs[arg.number_attr].i
    if not 0 <= count <= 2**16:
        raise ValueError(f"'{arg.name}' stands for {count} tensors")
    return [dtype] * count


def _substituted(
    attrs: Mapping[str, AttrValue], placeholders: Mapping[str, AttrValue]
) -> dict[str, AttrValue]:
    """The attributes of a node of a function, with those of the function where they name these."""
    found: dict[str, AttrValue] = {}
    for name, value in attrs.items():
        if value.WhichOneof("value") == "placeholder" and value.placeholder in placeholders:
            value = placeholders[value.placeholder]
        found[name] = value
    return found


def _functions_named(node: NodeDef) -> list[str]:
    """The functions that the attributes of a node name."""
    names: list[str] = []
    for value in node.attr.values():
        kind = value.WhichOneof("value")
        names += (
            [value.func.name]
            if kind == "func"
            else [f.name for f in value.list.func]
            if kind == "list"
            else []
        )
    return names


def _refine(op: Operation, said: AttrValue) -> None:
    """Adds what is said of the shapes of the outputs. Raises ValueError where that contradicts."""
    shapes = [shape_from_proto(s) for s in said.list.shape]
    if len(shapes) != len(op._outputs):
        return  # written before the op had as many
    for tensor, shape in zip(op._outputs, shapes, strict=True):
        try:
            tensor._shape = tensor._shape.merge_with(shape)
        except ValueError:
            raise ValueError(
                f"graph_def says that output {tensor._value_index} has shape {shape}, found {tensor._shape}"
            ) from None


def _in_order(nodes: Sequence[NodeDef], made: _Nodes) -> list[NodeDef]:
    """The nodes, each behind those that it reads or waits for.

    Raises ValueError for names that are twice or not there, and for a cycle, whose nodes it names.
    """
    by_name: dict[str, NodeDef] = {}
    for node in nodes:
        if node.name in by_name:
            raise ValueError(f"graph_def has two nodes '{node.name}'")
        by_name[node.name] = node
    arguments = made.arguments
    ahead: dict[str, list[str]] = {}
    for node in nodes:
        read = []
        for name in node.input:
            source = _node_of(name)
            key = name if name.startswith("^") or ":" in name else f"{name}:0"
            if key in made.stand_ins or (source in arguments and not name.startswith("^")):
                continue
            if source not in by_name:
                raise ValueError(
                    f"node '{node.name}' ({node.op}) has input {name!r}, and there is no node '{source}'"
                )
            read.append(source)
        ahead[node.name] = read
    return [by_name[name] for name in _sorted(ahead)]


def _sorted(ahead: Mapping[str, Sequence[str]]) -> list[str]:
    """Names, each behind those that are to come before it. Raises ValueError for a cycle."""
    done: dict[str, None] = {}
    for first in ahead:
        path: dict[str, None] = {}
        left: list[tuple[str, Any]] = [] if first in done else [(first, iter(ahead[first]))]
        path[first] = None
        while left:
            name, more = left[-1]
            following = next((n for n in more if n not in done), None)
            if following is None:
                left.pop()
                path.pop(name, None)
                done[name] = None
            elif following in path:
                names = list(path)
                cycle = [*names[names.index(following) :], following]
                raise ValueError(f"graph_def has a cycle: {' <- '.join(cycle)}")
            else:
                path[following] = None
                left.append((following, iter(ahead[following])))
    return list(done)


def _instead(op_type: str) -> str:
    """What to use in place of an op type that is not there, as far as that is known."""
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", op_type).lower()
    name = re.sub(r"_?v\d+$", "", name)
    for names in MISSING.values():
        if names.get(name):
            return f", use {names[name]}"
    return ""
