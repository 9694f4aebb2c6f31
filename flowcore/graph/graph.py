"""Graph: the nodes, their names, and the scopes under which new nodes are made.

Owns: create_op, names, collections, scopes (per thread), the default-graph stack. Must never import ops.
"""

from __future__ import annotations

import os
import re
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from types import CodeType, FrameType
from typing import TYPE_CHECKING, Any

from flowcore import locks, protos
from flowcore.arguments import described, flag, hashable, instance, listed, text, whole_number, with_article
from flowcore.dtypes import ALL, DType, as_dtype
from flowcore.graph import device as device_strings
from flowcore.graph.graph_defs import PRODUCER, graph_def_of
from flowcore.graph.lasting import lasting
from flowcore.graph.op_def import AttrDef, OpDef, get_op_def
from flowcore.graph.operation import IndexedSlices, Operation, Tensor
from flowcore.shape import checked_rank

if TYPE_CHECKING:
    from flowcore.protos import GraphDef, VersionDef

__all__ = ["Graph", "GraphKeys", "get_default_graph", "reset_default_graph"]

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_SHARED_VALUES = {DType, bool, int}
_VALID_NAME = re.compile(r"[A-Za-z0-9.][A-Za-z0-9_.\\/\-]*")
_VALID_SCOPE = re.compile(r"[A-Za-z0-9_.\\/\-]*")


class GraphKeys:
    """The names of collections that the library fills or reads, or that programs agree on.

    Example:
        >>> fc.GraphKeys.TRAINABLE_VARIABLES
        'trainable_variables'
    """

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
    CONCATENATED_VARIABLES = "concatenated_variables"
    TRAINABLE_RESOURCE_VARIABLES = "trainable_resource_variables"
    RESOURCES = "resources"
    LOCAL_RESOURCES = "local_resources"
    READY_FOR_LOCAL_INIT_OP = "ready_for_local_init_op"
    SAVEABLE_OBJECTS = "saveable_objects"
    EVAL_STEP = "eval_step"


class _Scopes(threading.local):
    """The scopes of one thread.

    Values are replaced, never changed in place: leaving a scope restores the old one.
    """

    def __init__(self, base: str = "") -> None:
        self.base = base  # of all names: the path of a body
        self.name = base
        self.controls: tuple[_ControlScope, ...] = ()
        self.devices: tuple[Any, ...] = ()
        self.colocation: tuple[Operation, ...] = ()
        self.colocated_with_new = ""  # the name of an operation that is not there yet
        self.gradient_override: dict[str, str] = {}


class _ControlScope:
    """Ops made inside depend on `ops`.

    One with an input that was made inside too depends on them already.
    """

    __slots__ = ("members", "ops")

    def __init__(self, ops: tuple[Operation, ...]) -> None:
        self.ops = ops
        self.members: set[Operation] = set()


class Graph:
    """A dataflow graph.

    Several threads may add to it at once; scopes belong to the thread that opened them.

    Example:
        >>> with fc.Graph().as_default() as graph:
        ...     x = fc.constant(1.0)
        >>> graph
        <flowcore.Graph of 1 operations>
    """

    def __init__(self) -> None:
        self._lock = locks.reentrant_lock()
        self._ops: list[Operation] = []
        self._by_name: dict[str, Operation] = {}
        # Names in use, in lower case: the number behind the next of that name. Those with all lower
        # numbers are in use too.
        self._names: dict[str, int] = {}
        self._collections: dict[Any, list[Any]] = {}
        self._scopes = _Scopes()
        self._finalized = False
        self._closed = False  # a body is, when its function has returned
        self._unfeedable: set[Tensor] = set()
        self._seed: int | None = None
        self._edits = 0
        self._attrs_of: dict[tuple[Any, ...], dict[str, Any]] = {}
        self._places: dict[tuple[int, int], tuple[CodeType, int]] = {}
        # Made when first asked for, from the first `_read` operations: most programs never ask.
        self._readers: dict[Tensor, list[Operation]] = {}
        self._read = 0
        self._py_funcs: dict[str, Callable[..., Any]] = {}
        self._gradient_functions: dict[str, Callable[..., Any]] = {}
        #: The bodies of named functions, by what they were made of.
        self._functions: dict[Any, Graph] = {}

    def __reduce__(self) -> Any:
        raise TypeError(
            f"{self!r} can be neither pickled nor copied: as_graph_def gives it as a message, which can be,"
            " and import_graph_def makes a graph of that"
        )

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
        """Adds a node. What attrs lacks is taken from the inputs, dtypes and the defaults.

        Functions of ops use `flowcore.graph.apply` instead, which converts inputs too.

        Args:
            op_type: A registered op type.
            inputs: A list of Tensors of this graph.
            dtypes: The expected output dtypes, checked; None: not checked.
            input_types: Accepted; inputs carry their types.
            name: The name within the scope; one that ends in "/" is taken as it stands; None: the
                op type.
            attrs: The attributes, a dict.
            op_def: Accepted; the registered declaration counts.
            compute_shapes: Whether the output shapes are inferred.
            compute_device: Accepted; device scopes always count.

        Returns:
            An Operation.

        Raises:
            RuntimeError: the graph is finalized.
            TypeError: an input is no Tensor, or a dtype is another.
            ValueError: an input of another graph, a malformed name, an unknown attribute, or shapes
                that do not fit.

        Example:
            >>> x = fc.constant(1.0)
            >>> fc.get_default_graph().create_op("Neg", [x], name="minus").outputs[0].name
            'minus:0'
        """
        inputs = inputs if type(inputs) is list else listed(inputs, "inputs")
        by_hand = not isinstance(op_def, OpDef)  # apply has completed and checked the attributes
        op_def = op_def if isinstance(op_def, OpDef) else get_op_def(op_type)
        for input_tensor in inputs:
            if not isinstance(input_tensor, Tensor):
                raise TypeError(
                    f"an input of a new {op_type} must be a Tensor, found {described(input_tensor)}"
                )
        if any([t._op._graph is not self for t in inputs]):
            inputs = [t if t._op._graph is self else self._import(t, op_type) for t in inputs]
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
            if frame is not None:
                op._place = self._shared_place(frame)
            scopes = self._scopes
            if scopes.controls:
                self._apply_controls(op, scopes.controls)
            if compute_shapes and op_def.shape is not None:
                infer_shapes(op)
            if scopes.devices:
                self._apply_devices(op, scopes.devices)
            if scopes.colocation:
                self._apply_colocation(op, scopes.colocation)
            elif scopes.colocated_with_new:
                op._colocation = (scopes.colocated_with_new,)
            if op_def.resource_form:  # works on references: where the variables are
                makers = [t._op for t in inputs if t._dtype._is_ref_dtype]
                self._apply_colocation(op, (*scopes.colocation, *makers))
            if scopes.gradient_override and op_type in scopes.gradient_override:
                op._attrs = {**attrs, "_gradient_op_type": scopes.gradient_override[op_type]}
            self._ops.append(op)
            self._by_name[full_name] = op
        return op

    def _import(self, tensor: Tensor, user: str) -> Tensor:
        """What stands for a tensor of another graph, an input of a new node, in this one."""
        if tensor._op._graph.root is self.root:
            raise ValueError(f"{lies_inside(tensor)}; it cannot be an input of a new {user} here")
        raise ValueError(
            f"Tensor '{tensor.name}', an input of a new {user}, is from a different graph than the one being"
            " built"
        )

    @property
    def path(self) -> str:
        """The full name of a body; "" of a graph that is none."""
        return ""

    @property
    def root(self) -> Graph:
        """The outermost graph: this one, if it is no body."""
        return self

    def _captured_tensor(self, argument: Tensor) -> Tensor | None:
        """What an argument of a body stands for, where it captures; None for other tensors."""
        return None

    def _stand_in(self, tensor: Tensor) -> Tensor:
        """What is read here for a tensor: an argument, where a body has captured it, or the tensor itself."""
        return tensor

    def _reaches(self, other: Graph) -> bool:
        """Whether tensors of `other` may be used here."""
        return other is self

    def _shared_attrs(self, op_type: str, attrs: dict[str, Any]) -> dict[str, Any]:
        """One dict for all operations of a type whose attributes are equal.

        One of its own takes a fifth of what a small node does. Only for values that are few.
        """
        values = attrs.values()
        if not _SHARED_VALUES.issuperset(map(type, values)):
            return dict(attrs)
        return self._attrs_of.setdefault((op_type, *values), attrs)

    def _shared_place(self, frame: FrameType) -> tuple[CodeType, int]:
        """One pair for all operations that a line makes.

        An address stands for the code, which the pair keeps alive: to hash it would take long.
        """
        code, line = frame.f_code, frame.f_lineno
        place = self._places.get((id(code), line))
        if place is None:
            place = self._places[id(code), line] = code, line
        return place

    def _readers_of(self, tensor: Tensor) -> list[Operation]:
        """The operations that read a tensor, in the order of creation; twice where it is read twice."""
        with self._lock:
            for op in self._ops[self._read :]:
                for read in op._inputs:
                    self._readers.setdefault(read, []).append(op)
            self._read = len(self._ops)
            return list(self._readers.get(tensor, ()))

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
                op._device = device_strings.chosen(entry, op)
            else:
                op._device = device_strings.merge(entry, op._device)

    @staticmethod
    def _apply_colocation(op: Operation, colocation: tuple[Operation, ...]) -> None:
        groups = [name for o in colocation for name in o._colocation or (o.name,)]
        if groups:
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
        """Makes the graph read-only: adding an operation raises RuntimeError from now on.

        Example:
            >>> graph = fc.Graph()
            >>> graph.finalize()
            >>> graph.finalized
            True
        """
        with self._lock:
            self._finalized = True

    def _unsafe_unfinalize(self) -> None:
        with self._lock:
            self._finalized = False

    @property
    def finalized(self) -> bool:
        """Whether the graph is read-only."""
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
    def graph_def_versions(self) -> VersionDef:
        """The version of TensorFlow's graphs that this one's op types follow, a message."""
        return protos.VersionDef(producer=PRODUCER)

    @property
    def building_function(self) -> bool:
        """False: this graph is no function's body."""
        return False

    # -- names
    # --------------------------------------------------------------------------------------------------

    def unique_name(self, name: str, mark_as_used: bool = True) -> str:
        """A name inside the current scope, with a number behind it when it is taken.

        Names differ by more than case.

        Args:
            name: The name wanted.
            mark_as_used: Whether it is taken from now on.

        Returns:
            A str.

        Raises:
            TypeError: name is no str.
            ValueError: name is no valid one.

        Example:
            >>> graph = fc.Graph()
            >>> graph.unique_name("x"), graph.unique_name("x")
            ('x', 'x_1')
        """
        scope = self._scopes.name
        _check_name(name, "operation", inside=bool(scope))
        with self._lock:
            return self._unique(f"{scope}/{name}" if scope else name, mark_as_used)

    def _unique(self, name: str, mark_as_used: bool = True) -> str:
        key = name.lower()
        if key == name:
            key = name  # one string instead of two
        count = self._names.get(key, 0) or int(self._is_numbered(key))
        mark_as_used = flag(mark_as_used, "mark_as_used")
        if count == 0:
            if mark_as_used:
                self._names[key] = 1
            return name
        while f"{key}_{count}" in self._names:
            count += 1
        if mark_as_used:
            self._names[key] = count + 1
        return f"{name}_{count}"

    def _is_numbered(self, key: str) -> bool:
        """Whether a name was given out for another one with a number.

        These are not in the table, which they would make twice as large.
        """
        if not key[-1].isdecimal():
            return False
        base, _, number = key.rpartition("_")
        return number.isdecimal() and number[0] != "0" and int(number) < self._names.get(base, 0)

    @lasting
    def name_scope(self, name: str | None) -> Iterator[str]:
        """New operations get this name and a slash before their names.

        Args:
            name: The scope. None or "" leaves all scopes; a name that ends in "/" re-enters that
                scope.

        Yields:
            The full name of the scope, a str that ends in a slash; "" outside all scopes.

        Raises:
            TypeError: name is no str.
            ValueError: name is no valid one.

        Example:
            >>> with fc.get_default_graph().name_scope("layer"):
            ...     print(fc.constant(1.0, name="x").name)
            layer/x:0
        """
        scopes = self._scopes
        old = scopes.name
        if name is None or _is_empty(name):
            new = scopes.base
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
        """The current name scope.

        Returns:
            A str without the closing slash; "" outside all scopes.

        Example:
            >>> with fc.name_scope("layer"):
            ...     print(fc.get_default_graph().get_name_scope())
            layer
        """
        return self._scopes.name

    # -- scopes
    # -------------------------------------------------------------------------------------------------

    @lasting
    def control_dependencies(self, control_inputs: Sequence[Any] | None) -> Iterator[None]:
        """Operations made inside run after others.

        Args:
            control_inputs: Operations, Tensors or Variables, a list; None forgets all outer ones.

        Yields:
            None.

        Raises:
            TypeError: an entry is of another kind.
            ValueError: an entry is from another graph.

        Example:
            >>> first = fc.no_op(name="first")
            >>> with fc.get_default_graph().control_dependencies([first]):
            ...     second = fc.no_op()
            >>> second.control_inputs == [first]
            True
        """
        scopes = self._scopes
        old, old_name = scopes.controls, scopes.name
        if control_inputs is None:
            scopes.controls = ()
        else:
            ops: dict[Operation, None] = {}
            for item in listed(control_inputs, "control_inputs"):
                op = self._waited_for(self._node_of(item))
                if op is not None:
                    ops[op] = None
            scopes.controls = (*old, _ControlScope(tuple(ops)))
        try:
            yield
        finally:
            scopes.controls, scopes.name = old, old_name

    @lasting
    def device(self, device_name_or_function: Any) -> Iterator[None]:
        """Operations made inside ask for this device.

        Args:
            device_name_or_function: A string such as "/gpu:0", a DeviceSpec, a function of the
                Operation that returns one of these, or None, which forgets outer scopes.

        Yields:
            None.

        Raises:
            TypeError: the argument is of another kind.
            ValueError: the string is malformed.

        Example:
            >>> with fc.get_default_graph().device("/cpu:0"):
            ...     print(fc.constant(1.0).device)
            /device:CPU:0
        """
        entry = device_name_or_function
        if entry is not None and not callable(entry):
            entry = device_strings.canonical(entry, "a device", "a str, a DeviceSpec, a function or None")
        scopes = self._scopes
        old = scopes.devices
        scopes.devices = (*old, entry)
        try:
            yield
        finally:
            scopes.devices = old

    @lasting
    def colocate_with(self, op: Any, ignore_existing: bool = False) -> Iterator[None]:
        """Operations made inside share the device of an operation.

        Args:
            op: An Operation, Tensor or Variable; None leaves all colocation scopes.
            ignore_existing: Whether outer scopes are forgotten.

        Yields:
            None.

        Raises:
            TypeError: op is of another kind.
            ValueError: op is from another graph.

        Example:
            >>> v = fc.Variable(1.0, name="v")
            >>> with fc.get_default_graph().colocate_with(v):
            ...     print(fc.constant(1.0).op.colocation_groups())
            [b'loc:@v']
        """
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

    @lasting
    def _colocate_with_new(self, name: str) -> Iterator[None]:
        """Operations made inside share the device of one that is made next, of this name.

        Devices that scopes ask for are asked for already.
        """
        scopes = self._scopes
        old, scopes.colocated_with_new = scopes.colocated_with_new, name
        try:
            yield
        finally:
            scopes.colocated_with_new = old

    def _waited_for(self, op: Operation) -> Operation | None:
        """What an operation of this graph waits for so as to come behind `op`. None: the node that calls this
        body waits for it.
        """
        return op

    def _node_of(self, item: Any) -> Operation:
        """The operation that scopes mean by a tensor, an operation or a name.

        A variable stands for its own node, which is there before it has a value, and not for a read
        of it.
        """
        if isinstance(getattr(item, "_variable", None), Tensor):
            item = item._variable
        element = self.as_graph_element(item.op if isinstance(item, IndexedSlices) else item)
        return element._op if isinstance(element, Tensor) else element

    @lasting
    def gradient_override_map(self, op_type_map: dict[str, str]) -> Iterator[None]:
        """Operations made inside use the gradient registered under another name.

        Args:
            op_type_map: A dict: op type -> name that RegisterGradient gave.

        Yields:
            None.

        Raises:
            TypeError: op_type_map is no dict of str.

        Example:
            >>> @fc.RegisterGradient("Halved")
            ... def _halved(op, grad):
            ...     return 0.5 * grad
            >>> x = fc.constant(1.0)
            >>> with fc.get_default_graph().gradient_override_map({"Identity": "Halved"}):
            ...     y = fc.identity(x)
            >>> print(fc.Session().run(fc.gradients(y, x)[0]))
            0.5
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

    @lasting
    def as_default(self) -> Iterator[Graph]:
        """Makes this the graph that new operations of this thread go to.

        Yields:
            The graph.

        Example:
            >>> with fc.Graph().as_default() as graph:
            ...     print(fc.constant(1.0).graph is graph)
            True
        """
        _defaults.stack.append(self)
        try:
            yield self
        finally:
            if not _defaults.stack or _defaults.stack[-1] is not self:
                raise RuntimeError(
                    "as_default() blocks of graphs must be left in the reverse order of entering"
                )
            _defaults.stack.pop()

    @lasting
    def _all_scopes_left(self) -> Iterator[None]:
        """Inside, no name scope, control dependency or device of the thread holds (for initialisers)."""
        scopes = self._scopes
        saved = (scopes.name, scopes.controls, scopes.devices, scopes.colocation)
        scopes.name, scopes.controls, scopes.devices, scopes.colocation = scopes.base, (), (), ()
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
        """All operations, in the order of creation.

        Those inside branches and loops stand before the one that runs them.

        Returns:
            A list of Operations.

        Example:
            >>> i = fc.while_loop(lambda i: i < 3, lambda i: i + 1, [0])
            >>> names = [op.name for op in fc.get_default_graph().get_operations()]
            >>> names[-1], "while/body/add" in names
            ('while', True)
        """
        found: list[Operation] = []
        self._collect(found, set())
        return found

    def _collect(self, found: list[Operation], seen: set[Graph]) -> None:
        """Adds the operations, and those of bodies that were not seen: a function may call itself."""
        seen.add(self)
        with self._lock:
            own = list(self._ops)
        for op in own:
            if op._op_def.calls:
                for body in op._bodies():
                    if body not in seen:
                        body._collect(found, seen)
            found.append(op)

    def operations_since(self, version: int) -> list[Operation]:
        """The operations added after the graph had a version.

        Args:
            version: What the property `version` gave, an int.

        Returns:
            A list of Operations.

        Raises:
            TypeError: version is no whole number.
            ValueError: version is negative.

        Example:
            >>> graph = fc.get_default_graph()
            >>> before = graph.version
            >>> x = fc.constant(1.0, name="x")
            >>> [op.name for op in graph.operations_since(before)]
            ['x']
        """
        since = whole_number(version, "version", 0)
        with self._lock:
            return self._ops[since:]

    def get_operation_by_name(self, name: str) -> Operation:
        """The operation of a name.

        Args:
            name: The full name.

        Returns:
            An Operation.

        Raises:
            TypeError: name is no str.
            ValueError: name is that of a tensor.
            KeyError: there is no such operation.

        Example:
            >>> x = fc.constant(1.0, name="x")
            >>> fc.get_default_graph().get_operation_by_name("x") is x.op
            True
        """
        if not isinstance(name, str):
            raise TypeError(f"Operation names are strings, found {name!r}")
        return self._element_by_name(name, allow_tensor=False, allow_operation=True)

    def get_tensor_by_name(self, name: str) -> Tensor:
        """The tensor of a name.

        Args:
            name: "<operation>:<output index>".

        Returns:
            A Tensor.

        Raises:
            TypeError: name is no str.
            ValueError: name is that of an operation, has no index, or is malformed.
            KeyError: there is no such tensor.

        Example:
            >>> x = fc.constant(1.0, name="x")
            >>> fc.get_default_graph().get_tensor_by_name("x:0") is x
            True
        """
        if not isinstance(name, str):
            raise TypeError(f"Tensor names are strings, found {name!r}")
        return self._element_by_name(name, allow_tensor=True, allow_operation=False)

    def as_graph_element(self, obj: Any, allow_tensor: bool = True, allow_operation: bool = True) -> Any:
        """The Tensor or Operation that an object is, names ("x:0", "x"), or converts to (a Variable).

        Args:
            obj: The object.
            allow_tensor: Whether a Tensor may be the answer.
            allow_operation: Whether an Operation may be the answer.

        Returns:
            A Tensor or an Operation.

        Raises:
            TypeError: obj is of another kind.
            KeyError: there is nothing of that name.
            ValueError: obj is of another graph, or a malformed name.

        Example:
            >>> x = fc.constant(1.0, name="x")
            >>> fc.get_default_graph().as_graph_element("x:0") is x
            True
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
            obj = self._element_by_name(obj, allow_tensor, allow_operation)
        if (isinstance(obj, Tensor) and allow_tensor) or (isinstance(obj, Operation) and allow_operation):
            if obj.graph is not self:
                if obj.graph.root is self.root:
                    raise ValueError(lies_inside(obj))
                raise ValueError(f"{obj} belongs to another graph")
            return obj
        wanted = " or ".join(
            n for n, ok in (("a Tensor", allow_tensor), ("an Operation", allow_operation)) if ok
        )
        raise TypeError(f"Can not convert {with_article(type(obj).__name__)} into {wanted}.")

    def _find(self, name: str) -> Operation | None:
        """The operation of a name, here or inside what an operation runs."""
        found = self._by_name.get(name)
        if found is None and "/" in name:
            return next((op for op in self.get_operations() if op._name == name), None)
        return found

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
            op = self._find(op_name)
            if op is None:
                raise KeyError(f"there is no tensor '{name}': this graph has no operation named '{op_name}'")
            if int(index) >= len(op._outputs):
                raise KeyError(
                    f"The name '{name}' refers to a Tensor which does not exist. The operation has only"
                    f" {len(op._outputs)} outputs."
                )
            return op._outputs[int(index)]
        op = self._find(name)
        if not allow_operation:
            raise ValueError(
                f"'{name}' is not the name of a tensor, which is '<operation>:<output index>'"
                + (
                    f"; the first output of this operation is '{name}:0'"
                    if op is not None and op._outputs
                    else ""
                )
            )
        if op is None:
            raise KeyError(f"this graph has no operation named '{name}'")
        return op

    def is_feedable(self, tensor: Any) -> bool:
        """Whether a tensor may be fed: not one that lies inside a body, or was marked.

        Args:
            tensor: A Tensor.

        Returns:
            A bool.

        Raises:
            TypeError: tensor cannot be a key.

        Example:
            >>> fc.get_default_graph().is_feedable(fc.constant(1.0))
            True
        """
        return hashable(tensor, "tensor") not in self._unfeedable and self.is_fetchable(tensor)

    def is_fetchable(self, tensor_or_op: Any) -> bool:
        """Whether a tensor or operation may be fetched: one that lies inside a body may not.

        Args:
            tensor_or_op: A Tensor or Operation.

        Returns:
            A bool.

        Example:
            >>> fc.get_default_graph().is_fetchable(fc.constant(1.0))
            True
        """
        return getattr(tensor_or_op, "graph", self) is self

    def prevent_feeding(self, tensor: Tensor) -> None:
        """Marks a tensor as one that may not be fed.

        Args:
            tensor: The Tensor.

        Raises:
            TypeError: tensor is no Tensor.

        Example:
            >>> x = fc.constant(1.0)
            >>> x.graph.prevent_feeding(x)
            >>> x.graph.is_feedable(x)
            False
        """
        self._unfeedable.add(instance(tensor, Tensor, "tensor"))

    def as_graph_def(
        self, from_version: int | None = None, add_shapes: bool = False, use_pybind11_proto: bool = False
    ) -> GraphDef:
        """The graph as a message, with the functions that it calls.

        Args:
            from_version: Only operations added after the graph had this version; None: all.
            add_shapes: Whether attribute `_output_shapes` holds the static output shapes.
            use_pybind11_proto: Accepted.

        Returns:
            A GraphDef.

        Raises:
            TypeError: from_version is no whole number, or add_shapes no bool.
            ValueError: from_version is negative, the graph takes 2 GB or more, or a node has no
                form as a message: one that changes a variable by a reference inside a branch, loop
                or function.

        Example:
            >>> x = fc.constant(1.0, name="x")
            >>> [node.op for node in fc.get_default_graph().as_graph_def().node]
            ['Const']
        """
        add_shapes = flag(add_shapes, "add_shapes")
        return graph_def_of(self.operations_since(0 if from_version is None else from_version), add_shapes)

    # -- collections
    # --------------------------------------------------------------------------------------------

    def add_to_collection(self, name: Any, value: Any) -> None:
        """Adds a value to a collection.

        Args:
            name: The collection, for example one of GraphKeys.
            value: Any object.

        Raises:
            TypeError: name cannot be a key.
            RuntimeError: the graph is finalized.

        Example:
            >>> graph = fc.Graph()
            >>> graph.add_to_collection("losses", 1)
            >>> graph.get_collection("losses")
            [1]
        """
        hashable(name, "the name of a collection")
        with self._lock:
            self._check_not_finalized()
            self._collections.setdefault(name, []).append(value)

    def add_to_collections(self, names: Any, value: Any) -> None:
        """Adds a value to several collections.

        Args:
            names: The collections, a list or one name.
            value: Any object.

        Raises:
            TypeError: a name cannot be a key.
            RuntimeError: the graph is finalized.

        Example:
            >>> graph = fc.Graph()
            >>> graph.add_to_collections(["a", "b"], 1)
            >>> graph.get_collection("b")
            [1]
        """
        parts = [names] if isinstance(names, str) else listed(names, "names")
        for name in dict.fromkeys(hashable(n, "the name of a collection") for n in parts):
            self.add_to_collection(name, value)

    def get_collection_ref(self, name: Any) -> list[Any]:
        """The collection itself: a change of the list changes the collection.

        Args:
            name: The collection, made where there is none.

        Returns:
            A list.

        Raises:
            TypeError: name cannot be a key.

        Example:
            >>> graph = fc.Graph()
            >>> graph.get_collection_ref("names").append("a")
            >>> graph.get_collection("names")
            ['a']
        """
        hashable(name, "the name of a collection")
        with self._lock:
            return self._collections.setdefault(name, [])

    def get_collection(self, name: Any, scope: str | None = None) -> list[Any]:
        """A copy of a collection.

        Args:
            name: The collection.
            scope: A regular expression: only values whose name begins with a match; None: all.

        Returns:
            A list; empty where there is no such collection.

        Raises:
            TypeError: name cannot be a key, or scope is no str.
            ValueError: scope is no regular expression.

        Example:
            >>> fc.Graph().get_collection("losses")
            []
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
        """The names of all collections.

        Returns:
            A list.

        Example:
            >>> graph = fc.Graph()
            >>> graph.add_to_collection("losses", 1)
            >>> graph.get_all_collection_keys()
            ['losses']
        """
        with self._lock:
            return [k for k in self._collections if isinstance(k, str)]

    def clear_collection(self, name: Any) -> None:
        """Empties a collection.

        Args:
            name: The collection.

        Raises:
            TypeError: name cannot be a key.
            RuntimeError: the graph is finalized.

        Example:
            >>> graph = fc.Graph()
            >>> graph.add_to_collection("losses", 1)
            >>> graph.clear_collection("losses")
            >>> graph.get_collection("losses")
            []
        """
        hashable(name, "the name of a collection")
        with self._lock:
            self._collections.pop(name, None)


def lies_inside(obj: Tensor | IndexedSlices | Operation) -> str:
    """What a message says of a tensor or an operation that is used outside the body that it lies in."""
    what = f"Operation '{obj.name}'" if isinstance(obj, Operation) else f"Tensor '{obj.name}'"
    made = (obj if isinstance(obj, Operation) else obj.op).created_at
    return (
        f"{what}{f', made at {made},' if made else ''} lies inside '{obj.graph.path}', and exists while that"
        " runs: return it from the function that makes it"
    )


def _completed(
    op_def: OpDef, inputs: Sequence[Tensor], output_types: Sequence[DType] | None, attrs: dict[str, Any]
) -> dict[str, Any]:
    """The attributes of a new node, checked.

    What was left out comes from the inputs, from the dtypes of the outputs, or is a default.
    """
    given: dict[str, Any] = {}
    for key, value in instance(attrs, dict, "attrs").items():
        if key in op_def.attr:
            value = op_def.attr[key].check(op_def.name, value)
        elif not text(key, "an attribute's name").startswith("_"):
            raise ValueError(
                f"{op_def.name} has no attribute '{key}'; it has {', '.join(op_def.attr) or 'none'}"
            )
        given[key] = value
    at = 0
    for i, arg in enumerate(op_def.input_arg):
        after = sum(not other.is_list for other in op_def.input_arg[i + 1 :])
        count = max(len(inputs) - at - after, 0) if arg.is_list else 1
        found: Any = count if arg.number_attr else [t.dtype for t in inputs[at : at + count]]
        of_list = arg.number_attr or arg.type_list_attr
        if of_list and of_list not in given:
            given[of_list] = checked_by_inputs(op_def, op_def.attr[of_list], found)
        if of_list:
            count = given[of_list] if arg.number_attr else len(given[of_list])
        if arg.type_attr and arg.type_attr not in given and inputs[at : at + count]:
            given[arg.type_attr] = checked_by_inputs(op_def, op_def.attr[arg.type_attr], inputs[at].dtype)
        at += count
    if at != len(inputs):
        names = ", ".join(arg.name for arg in op_def.input_arg) or "none"
        raise ValueError(f"a new {op_def.name} takes {at} inputs ({names}), found {len(inputs)}")
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
    _check_types(op_def, inputs, given)
    return given


def checked_by_inputs(op_def: OpDef, attr: AttrDef, value: Any) -> Any:
    """An attribute that inputs determine, in its stored form.

    Raises TypeError, which names the input, where the op does not take its dtype; ValueError for a
    list of a length that it does not take.
    """
    try:
        return attr.check(op_def.name, value)
    except TypeError:
        name = next((arg.name for arg in op_def.input_arg if arg.type_attr == attr.name), None)
        if name is None or attr.allowed is None:
            raise
        names = ", ".join(t.name for t in ALL if t in attr.allowed)
        raise TypeError(
            f"{op_def.name} does not take dtype {value.name} as input '{name}'; it takes {names}"
        ) from None
    except ValueError:
        name = next((arg.name for arg in op_def.input_arg if arg.number_attr == attr.name), None)
        if name is None:
            raise
        raise ValueError(
            f"{op_def.name} needs at least {attr.minimum} tensors as input '{name}', found {value}"
        ) from None


def _check_types(op_def: OpDef, inputs: Sequence[Tensor], attrs: dict[str, Any]) -> None:
    """Raises ValueError unless the inputs, as many as the declaration takes, have its types."""
    for i, (tensor, dtype) in enumerate(zip(inputs, op_def.input_types(attrs), strict=True)):
        if tensor._dtype is not dtype and tensor._dtype._base is not dtype:
            raise ValueError(
                f"input {i} of a new {op_def.name} must be {dtype.name}, found tensor '{tensor.name}' of"
                f" {tensor.dtype.name}; use flowcore.cast"
            )


def _is_empty(name: Any) -> bool:
    """Whether a name is the empty str. What is no str is not: `_check_name` refuses it."""
    return isinstance(name, str) and not name


def _check_name(name: Any, of: str, inside: bool) -> None:
    """Raises TypeError or ValueError for what cannot name an operation or a scope.

    `inside`: within another scope, where more names are valid.
    """
    if not isinstance(name, str):
        raise TypeError(f"{of} names are strings, found {described(name)}")
    if not (_VALID_SCOPE if inside else _VALID_NAME).fullmatch(name) or (not name and of == "operation"):
        first = "" if inside else ", and not '_' or '-' first"
        raise ValueError(
            f"{name!r} is not a valid {of} name: letters, digits, '.', '_', '-' and '/' only{first}"
        )


def infer_shapes(op: Operation) -> None:
    """Gives the outputs of an operation the shapes that its declaration finds.

    Raises ValueError, which names the operation, where its inputs do not fit.
    """
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
    """The graph that new operations of this thread go to.

    Returns:
        The innermost Graph of as_default(), or one that all threads share.

    Example:
        >>> fc.constant(1.0).graph is fc.get_default_graph()
        True
    """
    stack = _defaults.stack
    if stack:
        return stack[-1]
    if not _global_default:
        with _global_lock:
            if not _global_default:
                _global_default.append(Graph())
    return _global_default[0]


def reset_default_graph() -> None:
    """Replaces the graph that all threads share by an empty one.

    Raises:
        AssertionError: a graph is the default by as_default() in this thread.

    Example:
        >>> with fc.Graph().as_default():
        ...     try:
        ...         fc.reset_default_graph()
        ...     except AssertionError as error:
        ...         print("leave the as_default() block first")
        leave the as_default() block first
    """
    if _defaults.stack:
        raise AssertionError(
            "Do not use reset_default_graph() to clear nested graphs. Leave the as_default() block, or make a"
            " new Graph."
        )
    with _global_lock:
        _global_default.clear()
