"""Graph: the nodes, their names, and the scopes under which new nodes are made.

Owns: create_op, names, collections, scopes (per thread), the default-graph stack. Must never import ops.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

from flowcore import locks
from flowcore.arguments import described, flag, hashable, instance, listed, text, whole_number
from flowcore.dtypes import DType, as_dtype
from flowcore.graph import device as device_strings
from flowcore.graph.op_def import OpDef, get_op_def
from flowcore.graph.operation import IndexedSlices, NodeDef, Operation, Tensor
from flowcore.shape import checked_rank

__all__ = ["Graph", "GraphKeys", "get_default_graph", "reset_default_graph"]

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_SHARED_VALUES = {DType, bool}
_VALID_NAME = re.compile(r"[A-Za-z0-9.][A-Za-z0-9_.\\/\-]*")
_VALID_SCOPE = re.compile(r"[A-Za-z0-9_.\\/\-]*")


class GraphKeys:
    """Names of the standard collections."""

    GLOBAL_VARIABLES = "variables"
    VARIABLES = "variables"
    LOCAL_VARIABLES = "local_variables"
    MODEL_VARIABLES = "model_variables"
    TRAINABLE_VARIABLES = "trainable_variables"
    MOVING_AVERAGE_VARIABLES = "moving_average_variables"
    SUMMARIES = "summaries"
    QUEUE_RUNNERS = "queue_runners"
    TABLE_INITIALIZERS = "table_initializer"
    ASSET_FILEPATHS = "asset_filepaths"
    REGULARIZATION_LOSSES = "regularization_losses"
    WEIGHTS = "weights"
    BIASES = "biases"
    ACTIVATIONS = "activations"
    UPDATE_OPS = "update_ops"
    LOSSES = "losses"
    SAVERS = "savers"
    INIT_OP = "init_op"
    LOCAL_INIT_OP = "local_init_op"
    READY_OP = "ready_op"
    SUMMARY_OP = "summary_op"
    GLOBAL_STEP = "global_step"
    TRAIN_OP = "train_op"
    COND_CONTEXT = "cond_context"
    WHILE_CONTEXT = "while_context"
    METRIC_VARIABLES = "metric_variables"


@dataclass
class GraphDef:
    """A graph as plain data."""

    node: list[NodeDef] = field(default_factory=list)


class _Scopes(threading.local):
    """The scopes of one thread.

    Values are replaced, never changed in place: leaving a scope restores the old one.
    """

    def __init__(self) -> None:
        self.name = ""
        self.controls: tuple[_ControlScope, ...] = ()
        self.devices: tuple[Any, ...] = ()
        self.colocation: tuple[Operation, ...] = ()
        self.gradient_override: dict[str, str] = {}
        self.original_op: Operation | None = None


class _ControlScope:
    """Ops made inside depend on `ops`, unless an input of theirs was made inside too and so depends
    on them already.
    """

    __slots__ = ("members", "ops")

    def __init__(self, ops: tuple[Operation, ...]) -> None:
        self.ops = ops
        self.members: set[Operation] = set()


class Graph:
    """A dataflow graph.

    Several threads may add to it at once; scopes belong to the thread that opened them.
    """

    def __init__(self) -> None:
        self._lock = locks.reentrant_lock()
        self._ops: list[Operation] = []
        self._by_name: dict[str, Operation] = {}
        self._names: dict[str, int] = {}
        self._collections: dict[Any, list[Any]] = {}
        self._scopes = _Scopes()
        self._finalized = False
        self._unfeedable: set[Tensor] = set()
        self._seed: int | None = None
        self._edits = 0
        self._attrs_of: dict[tuple[Any, ...], dict[str, Any]] = {}
        self._py_funcs: dict[str, Callable[..., Any]] = {}
        self._gradient_functions: dict[str, Callable[..., Any]] = {}

    def __repr__(self) -> str:
        more = ", finalized" if self._finalized else ""
        return f"<flowcore.Graph of {len(self._ops)} operations{more}>"

    # -- building
    # -----------------------------------------------------------------------------------------------

    def create_op(
        self,
        op_type: str,
        inputs: Sequence[Tensor],
        dtypes: Sequence[DType] | None = None,
        input_types: Sequence[DType] | None = None,
        name: str | None = None,
        attrs: dict[str, Any] | None = None,
        op_def: OpDef | None = None,
        compute_shapes: bool = True,
        compute_device: bool = True,
    ) -> Operation:
        """Adds a node. What `attrs` lacks is taken from the inputs, `dtypes` and the defaults;
        `flowcore.graph.apply` checks it too, and is what op functions use.

        Args:
          op_type: a registered op type.
          inputs: tensors of this graph.
          dtypes: expected output dtypes, checked when given.
          input_types: ignored: inputs carry their types.
          name: the name within the scope (default: the op type); one that ends in "/" is taken as it stands.
          attrs: the attributes.

        Raises:
          RuntimeError: the graph is finalized.
          ValueError: an input of another graph, a malformed name, or shapes that do not fit.
        """
        inputs = inputs if type(inputs) is list else listed(inputs, "inputs")
        by_hand = not isinstance(op_def, OpDef)  # apply has completed and checked the attributes
        op_def = op_def if isinstance(op_def, OpDef) else get_op_def(op_type)
        for input_tensor in inputs:
            if not isinstance(input_tensor, Tensor):
                raise TypeError(
                    f"an input of a new {op_type} must be a Tensor, found {described(input_tensor)}"
                )
            if input_tensor._op._graph is not self:
                raise ValueError(
                    f"Tensor '{input_tensor.name}', an input of a new {op_type}, is from a different graph"
                    " than the one being built"
                )
        expected = None if dtypes is None else [as_dtype(t) for t in listed(dtypes, "dtypes")]
        if by_hand:
            attrs = _completed(op_def, inputs, expected, {} if attrs is None else attrs)
        attrs = {} if attrs is None else dict(attrs) if by_hand else self._shared_attrs(op_type, attrs)
        types = op_def.output_types(attrs)
        if expected is not None and expected != list(types):
            raise TypeError(f"{op_type} yields {[t.name for t in types]}, not {[t.name for t in expected]}")
        frame = _user_frame()
        with self._lock:
            self._check_not_finalized()
            if isinstance(name, str) and name and name[-1] == "/":
                full_name = name[:-1]
                _check_name(full_name, "operation", inside=True)
                if full_name in self._by_name:
                    full_name = self._unique(full_name)
            else:
                full_name = self.unique_name(op_type if name is None or _is_empty(name) else name)
            op = Operation(self, op_def, full_name, tuple(inputs), attrs, types)
            op._remember_frame(frame)
            scopes = self._scopes
            if scopes.controls:
                self._apply_controls(op, scopes.controls)
            if compute_shapes and op_def.shape is not None:
                _infer_shapes(op)
            if scopes.devices:
                self._apply_devices(op, scopes.devices)
            if scopes.colocation:
                self._apply_colocation(op, scopes.colocation)
            if scopes.gradient_override and op_type in scopes.gradient_override:
                op._attrs = {**attrs, "_gradient_op_type": scopes.gradient_override[op_type]}
            op._original_op = scopes.original_op
            op._id = len(self._ops)
            self._ops.append(op)
            self._by_name[full_name] = op
            for input_tensor in op._inputs:
                input_tensor._add_consumer(op)
        return op

    def _shared_attrs(self, op_type: str, attrs: dict[str, Any]) -> dict[str, Any]:
        """One dict for all operations of a type whose attributes are the same objects: one of its own takes
        a fifth of what a small node does. Only of values that are few; the table keeps them alive, so that
        an address stands for one of them.
        """
        values = attrs.values()
        if not _SHARED_VALUES.issuperset(map(type, values)):
            return dict(attrs)
        return self._attrs_of.setdefault((op_type, *map(id, values)), attrs)

    @staticmethod
    def _apply_controls(op: Operation, scopes: tuple[_ControlScope, ...]) -> None:
        input_ops = {t._op for t in op._inputs}
        controls: dict[Operation, None] = {}
        for scope in scopes:
            if scope.members.isdisjoint(input_ops):
                for control in scope.ops:
                    if control not in input_ops:
                        controls[control] = None
            scope.members.add(op)
        op._control_inputs = tuple(controls)

    @staticmethod
    def _apply_devices(op: Operation, devices: tuple[Any, ...]) -> None:
        for entry in reversed(devices):
            if entry is None:
                break
            if callable(entry):
                result = entry(op)
                op._device = device_strings.DeviceSpec.from_string(
                    result if isinstance(result, str) else result.to_string() if result else ""
                ).to_string()
            else:
                op._device = device_strings.merge(entry, op._device)

    @staticmethod
    def _apply_colocation(op: Operation, colocation: tuple[Operation, ...]) -> None:
        groups = [name for o in colocation for name in o._colocation or (o.name,)]
        op._colocation = tuple(dict.fromkeys(groups))
        for other in colocation:
            if other._device:
                op._device = other._device

    def _check_not_finalized(self) -> None:
        if self._finalized:
            raise RuntimeError("this graph was finalized: nothing can be added to it")

    def _changed(self) -> None:
        with self._lock:
            self._edits += 1

    def finalize(self) -> None:
        """Makes the graph read-only: adding an operation raises RuntimeError from now on."""
        with self._lock:
            self._finalized = True

    def _unsafe_unfinalize(self) -> None:
        with self._lock:
            self._finalized = False

    @property
    def finalized(self) -> bool:
        return self._finalized

    @property
    def version(self) -> int:
        """Grows with every operation added."""
        return len(self._ops)

    @property
    def edits(self) -> int:
        """Grows when an operation that exists is changed: its control inputs or its device."""
        return self._edits

    @property
    def graph_def_versions(self) -> dict[str, int]:
        return {"producer": 134}

    @property
    def building_function(self) -> bool:
        return False

    # -- names
    # --------------------------------------------------------------------------------------------------

    def unique_name(self, name: str, mark_as_used: bool = True) -> str:
        """`name` inside the current scope, with a number behind it when it is taken.

        Names differ by more than case.
        """
        scope = self._scopes.name
        _check_name(name, "operation", inside=bool(scope))
        with self._lock:
            return self._unique(f"{scope}/{name}" if scope else name, mark_as_used)

    def _unique(self, name: str, mark_as_used: bool = True) -> str:
        key = name.lower()
        count = self._names.get(key, 0)
        mark_as_used = flag(mark_as_used, "mark_as_used")
        if mark_as_used:
            self._names[key] = count + 1
        if count == 0:
            return name
        candidate = key
        while candidate in self._names:
            candidate = f"{key}_{count}"
            count += 1
        if mark_as_used:
            self._names[candidate] = 1
        return f"{name}_{count - 1}"

    @contextlib.contextmanager
    def name_scope(self, name: str | None) -> Iterator[str]:
        """New operations get `name`/ before their names.

        None or "" leaves all scopes; a name that ends in "/" re-enters that scope.
        """
        scopes = self._scopes
        old = scopes.name
        if name is None or _is_empty(name):
            new = ""
        elif isinstance(name, str) and name[-1] == "/":
            new = name[:-1]
            _check_name(new, "scope", inside=True)
        else:
            _check_name(name, "scope", inside=bool(old))
            new = self.unique_name(name)
        scopes.name = new
        try:
            yield f"{new}/" if new else ""
        finally:
            scopes.name = old

    def get_name_scope(self) -> str:
        """The current name scope, without the closing slash."""
        return self._scopes.name

    # -- scopes
    # -------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def control_dependencies(self, control_inputs: Sequence[Any] | None) -> Iterator[None]:
        """Operations made inside run after `control_inputs` (operations, tensors, variables).

        None: forget all outer ones.
        """
        scopes = self._scopes
        old, old_name = scopes.controls, scopes.name
        if control_inputs is None:
            scopes.controls = ()
        else:
            ops: dict[Operation, None] = {}
            for item in listed(control_inputs, "control_inputs"):
                ops[self._node_of(item)] = None
            scopes.controls = (*old, _ControlScope(tuple(ops)))
        try:
            yield
        finally:
            scopes.controls, scopes.name = old, old_name

    @contextlib.contextmanager
    def device(self, device_name_or_function: Any) -> Iterator[None]:
        """Operations made inside ask for this device:

        a string, a DeviceSpec, a function of the operation, or None (forget outer scopes).
        """
        entry = device_name_or_function
        if isinstance(entry, device_strings.DeviceSpec):
            entry = entry.to_string()
        if isinstance(entry, str):
            entry = device_strings.DeviceSpec.from_string(entry).to_string()
        elif entry is not None and not callable(entry):
            raise TypeError(f"a device is a string, a DeviceSpec, a function or None, found {entry!r}")
        scopes = self._scopes
        old = scopes.devices
        scopes.devices = (*old, entry)
        try:
            yield
        finally:
            scopes.devices = old

    @contextlib.contextmanager
    def colocate_with(self, op: Any, ignore_existing: bool = False) -> Iterator[None]:
        """Operations made inside share the device of `op`. None leaves all colocation scopes."""
        scopes = self._scopes
        old, old_devices = scopes.colocation, scopes.devices
        if op is None:
            scopes.colocation = ()
        else:
            operation = self._node_of(op)
            scopes.colocation = (
                (operation,) if flag(ignore_existing, "ignore_existing") else (*old, operation)
            )
            scopes.devices = ()
        try:
            yield
        finally:
            scopes.colocation, scopes.devices = old, old_devices

    def _node_of(self, item: Any) -> Operation:
        """The operation that scopes mean by a tensor, an operation or a name. A variable stands for its
        own node, which is there before it has a value, and not for a read of it.
        """
        handle = getattr(item, "handle", None)
        if isinstance(handle, Tensor):
            item = handle
        element = self.as_graph_element(item.op if isinstance(item, IndexedSlices) else item)
        return element._op if isinstance(element, Tensor) else element

    @contextlib.contextmanager
    def gradient_override_map(self, op_type_map: dict[str, str]) -> Iterator[None]:
        """Operations made inside use the gradient registered under another name:

        {op type: name of RegisterGradient}.
        """
        if not isinstance(op_type_map, dict) or not all(
            isinstance(s, str) for pair in op_type_map.items() for s in pair
        ):
            raise TypeError("op_type_map maps op types to names of gradients, all of them strings")
        scopes = self._scopes
        old = scopes.gradient_override
        scopes.gradient_override = {**old, **op_type_map}
        try:
            yield
        finally:
            scopes.gradient_override = old

    @contextlib.contextmanager
    def _original_op(self, op: Operation) -> Iterator[None]:
        """Marks operations made inside as made on behalf of `op` (gradients do)."""
        scopes = self._scopes
        old = scopes.original_op
        scopes.original_op = op
        try:
            yield
        finally:
            scopes.original_op = old

    @contextlib.contextmanager
    def as_default(self) -> Iterator[Graph]:
        """Makes this the graph that new operations of this thread go to."""
        _defaults.stack.append(self)
        try:
            yield self
        finally:
            if not _defaults.stack or _defaults.stack[-1] is not self:
                raise RuntimeError(
                    "as_default() blocks of graphs must be left in the reverse order of entering"
                )
            _defaults.stack.pop()

    @contextlib.contextmanager
    def _all_scopes_left(self) -> Iterator[None]:
        """Inside, no name scope, control dependency or device of the thread holds: for initialisers."""
        scopes = self._scopes
        saved = (scopes.name, scopes.controls, scopes.devices, scopes.colocation)
        scopes.name, scopes.controls, scopes.devices, scopes.colocation = "", (), (), ()
        try:
            yield
        finally:
            scopes.name, scopes.controls, scopes.devices, scopes.colocation = saved

    # -- seeds
    # --------------------------------------------------------------------------------------------------

    @property
    def seed(self) -> int | None:
        """The graph-level random seed."""
        return self._seed

    @seed.setter
    def seed(self, value: int | None) -> None:
        self._seed = None if value is None else whole_number(value, "seed")

    # -- look-up
    # ------------------------------------------------------------------------------------------------

    def get_operations(self) -> list[Operation]:
        """All operations, in the order of creation."""
        with self._lock:
            return list(self._ops)

    def operations_since(self, version: int) -> list[Operation]:
        """The operations added after the graph had that version."""
        since = whole_number(version, "version", 0)
        with self._lock:
            return self._ops[since:]

    def get_operation_by_name(self, name: str) -> Operation:
        if not isinstance(name, str):
            raise TypeError(f"Operation names are strings, found {name!r}")
        return self.as_graph_element(name, allow_tensor=False, allow_operation=True)

    def get_tensor_by_name(self, name: str) -> Tensor:
        if not isinstance(name, str):
            raise TypeError(f"Tensor names are strings, found {name!r}")
        return self.as_graph_element(name, allow_tensor=True, allow_operation=False)

    def as_graph_element(self, obj: Any, allow_tensor: bool = True, allow_operation: bool = True) -> Any:
        """The Tensor or Operation that `obj` is, names ("x:0", "x"), or converts to (a Variable).

        Raises TypeError for a wrong kind, KeyError for an unknown name, ValueError for an element
        of another graph or a malformed name.
        """
        allow_tensor, allow_operation = (
            flag(allow_tensor, "allow_tensor"),
            flag(allow_operation, "allow_operation"),
        )
        if not allow_tensor and not allow_operation:
            raise ValueError("allow_tensor or allow_operation must be True")
        convert = getattr(obj, "_as_graph_element", None)
        if convert is not None:
            obj = convert()
        if isinstance(obj, str):
            return self._element_by_name(obj, allow_tensor, allow_operation)
        if (isinstance(obj, Tensor) and allow_tensor) or (isinstance(obj, Operation) and allow_operation):
            if obj.graph is not self:
                raise ValueError(f"{obj} belongs to another graph")
            return obj
        wanted = " or ".join(n for n, ok in (("Tensor", allow_tensor), ("Operation", allow_operation)) if ok)
        raise TypeError(f"Can not convert a {type(obj).__name__} into a {wanted}.")

    def _element_by_name(self, name: str, allow_tensor: bool, allow_operation: bool) -> Any:
        if ":" in name:
            op_name, _, index = name.rpartition(":")
            if not allow_tensor:
                raise ValueError(
                    f"The name '{name}' looks like a Tensor name, but an Operation was asked for."
                )
            if not index.isdecimal():
                raise ValueError(
                    f"The name '{name}' looks like a Tensor name but is malformed: a name is"
                    " '<operation>:<output index>'"
                )
            op = self._by_name.get(op_name)
            if op is None:
                raise KeyError(f"there is no tensor '{name}': this graph has no operation named '{op_name}'")
            if int(index) >= len(op._outputs):
                raise KeyError(
                    f"The name '{name}' refers to a Tensor which does not exist. The operation has only"
                    f" {len(op._outputs)} outputs."
                )
            return op._outputs[int(index)]
        op = self._by_name.get(name)
        if op is None:
            raise KeyError(f"this graph has no operation named '{name}'")
        if not allow_operation:
            raise ValueError(f"'{name}' is an operation; its first output is '{name}:0'")
        return op

    def is_feedable(self, tensor: Any) -> bool:
        return hashable(tensor, "tensor") not in self._unfeedable

    def is_fetchable(self, tensor_or_op: Any) -> bool:
        return True

    def prevent_feeding(self, tensor: Tensor) -> None:
        """Marks a tensor as one that may not be fed."""
        self._unfeedable.add(instance(tensor, Tensor, "tensor"))

    def as_graph_def(
        self, from_version: int | None = None, add_shapes: bool = False, use_pybind11_proto: bool = False
    ) -> GraphDef:
        """The graph as plain data.

        `add_shapes` puts the static output shapes into attribute `_output_shapes`.
        """
        add_shapes = flag(add_shapes, "add_shapes")
        nodes = []
        for op in self.operations_since(0 if from_version is None else from_version):
            node = op.node_def
            if add_shapes:
                node.attr["_output_shapes"] = [t.shape for t in op.outputs]
            nodes.append(node)
        return GraphDef(nodes)

    # -- collections
    # --------------------------------------------------------------------------------------------

    def add_to_collection(self, name: Any, value: Any) -> None:
        hashable(name, "the name of a collection")
        with self._lock:
            self._check_not_finalized()
            self._collections.setdefault(name, []).append(value)

    def add_to_collections(self, names: Any, value: Any) -> None:
        parts = [names] if isinstance(names, str) else listed(names, "names")
        for name in dict.fromkeys(hashable(n, "the name of a collection") for n in parts):
            self.add_to_collection(name, value)

    def get_collection_ref(self, name: Any) -> list[Any]:
        """The collection itself: changes to the list change the collection."""
        hashable(name, "the name of a collection")
        with self._lock:
            return self._collections.setdefault(name, [])

    def get_collection(self, name: Any, scope: str | None = None) -> list[Any]:
        """A copy of the collection;

        with `scope`, only items whose name matches that regular expression at its start.
        """
        hashable(name, "the name of a collection")
        with self._lock:
            items = list(self._collections.get(name, ()))
        if scope is None:
            return items
        try:
            pattern = re.compile(text(scope, "scope"))
        except re.error as error:
            raise ValueError(f"scope {scope!r} is no regular expression: {error}") from None
        return [item for item in items if hasattr(item, "name") and pattern.match(item.name)]

    def get_all_collection_keys(self) -> list[Any]:
        with self._lock:
            return [k for k in self._collections if isinstance(k, str)]

    def clear_collection(self, name: Any) -> None:
        hashable(name, "the name of a collection")
        with self._lock:
            self._collections.pop(name, None)


def _completed(
    op_def: OpDef, inputs: Sequence[Tensor], output_types: Sequence[DType] | None, attrs: dict[str, Any]
) -> dict[str, Any]:
    """The attributes of a new node, checked; what was left out comes from the inputs, from the dtypes of
    the outputs, or is a default.
    """
    given = {
        key: op_def.attr[key].check(op_def.name, value) if key in op_def.attr else value
        for key, value in instance(attrs, dict, "attrs").items()
    }
    at = 0
    for i, arg in enumerate(op_def.input_arg):
        after = sum(not other.is_list for other in op_def.input_arg[i + 1 :])
        count = max(len(inputs) - at - after, 0) if arg.is_list else 1
        if arg.number_attr:
            count = given.setdefault(arg.number_attr, count)
        elif arg.type_list_attr:
            count = len(given.setdefault(arg.type_list_attr, [t.dtype for t in inputs[at : at + count]]))
        if arg.type_attr and inputs[at : at + count]:
            given.setdefault(arg.type_attr, inputs[at].dtype)
        at += count
    for arg, dtype in zip(op_def.output_arg, output_types or ()):
        if arg.type_list_attr and len(op_def.output_arg) == 1:
            given.setdefault(arg.type_list_attr, list(output_types or ()))
        elif arg.type_attr and not any(other.is_list for other in op_def.output_arg):
            given.setdefault(arg.type_attr, dtype)
    for key, attr in op_def.attr.items():
        if key not in given:
            if not attr.has_default:
                raise ValueError(f"{op_def.name} needs attribute '{key}' ({attr.kind}) in attrs")
            given[key] = attr.default
    return given


def _is_empty(name: Any) -> bool:
    """Whether a name is the empty str. What is no str is not: `_check_name` refuses it."""
    return isinstance(name, str) and not name


def _check_name(name: Any, of: str, inside: bool) -> None:
    """Raises TypeError or ValueError for what cannot name an operation or a scope, at the top or `inside`
    a scope.
    """
    if not isinstance(name, str):
        raise TypeError(f"{of} names are strings, found {described(name)}")
    if not (_VALID_SCOPE if inside else _VALID_NAME).fullmatch(name) or (not name and of == "operation"):
        first = "" if inside else ", and not '_' or '-' first"
        raise ValueError(
            f"{name!r} is not a valid {of} name: letters, digits, '.', '_', '-' and '/' only{first}"
        )


def _infer_shapes(op: Operation) -> None:
    shape = op._op_def.shape
    if shape is None:
        return
    try:
        for tensor, known in zip(op._outputs, shape(op)):
            tensor._shape = checked_rank(known)
    except ValueError as error:
        raise ValueError(
            f"{error} (new node '{op._name}' of type {op._type}, with input shapes:"
            f" {', '.join(str(t._shape) for t in op._inputs)})"
        ) from None


def _user_frame() -> FrameType | None:
    """The nearest frame outside this package."""
    frame: FrameType | None = sys._getframe(2)
    while frame is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        frame = frame.f_back
    return frame


class _Defaults(threading.local):
    def __init__(self) -> None:
        self.stack: list[Graph] = []


_defaults = _Defaults()
_global_default: list[Graph] = []
_global_lock = locks.lock()


def get_default_graph() -> Graph:
    """The graph of the innermost `as_default` of this thread, else the process-wide one."""
    stack = _defaults.stack
    if stack:
        return stack[-1]
    if not _global_default:
        with _global_lock:
            if not _global_default:
                _global_default.append(Graph())
    return _global_default[0]


def reset_default_graph() -> None:
    """Replaces the process-wide default graph by an empty one.

    Raises AssertionError inside an `as_default` block.
    """
    if _defaults.stack:
        raise AssertionError(
            "Do not use reset_default_graph() to clear nested graphs. Leave the as_default() block, or make a"
            " new Graph."
        )
    with _global_lock:
        _global_default.clear()
