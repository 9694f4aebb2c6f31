"""FuncGraph: the body of a function, a branch or a loop, as a graph of its own that captures what it uses.

Must never import ops.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, overload

from flowcore.dtypes import DType
from flowcore.graph.constants import constant_value
from flowcore.graph.graph import Graph, _Scopes
from flowcore.graph.operation import Operation, Tensor
from flowcore.shape import as_shape


class FuncGraph(Graph):
    """A body: a graph with arguments and results, inside an outer graph.

    An outer tensor that is used inside is captured: it becomes an argument behind the others, for which the
    node that calls the body passes the tensor. Names begin with the path of the body, such as
    "while/body/MatMul". Collections, seeds and functions of Python are those of the outermost graph.

    Args:
        path: The full name, without a closing slash.
        outer: The Graph in which the body is made.
    """

    def __init__(self, path: str, outer: Graph) -> None:
        super().__init__()
        self._path = path
        self.outer = outer
        self.inputs: list[Tensor] = []
        self.outputs: list[Tensor] = []
        #: How many outputs are results of its own: those behind them are for gradients. None: all.
        self.own_outputs: int | None = None
        self.control_outputs: list[Operation] = []
        #: Outer tensor -> the argument that stands for it.
        self.captures: dict[Tensor, Tensor] = {}
        self.captured: dict[Tensor, Tensor] = {}  # the other way round
        #: Reads of variables outside -> the reads that stand for them.
        self._reads: dict[Tensor, Tensor] = {}
        #: Outer operations that bodies asked to wait for: the node that calls waits for them.
        self.control_captures: dict[Operation, None] = {}
        #: the body that this one has copies of, and what here stands for what is there
        self.original: FuncGraph | None = None
        self.copied_tensors: dict[Tensor, Tensor] = {}
        self.copied_operations: dict[Operation, Operation] = {}
        #: Of a loop, for its gradients: the place of the variable that counts turns, and values -> the
        #: places of the variables that hold the lists of them.
        self.turns_at: int | None = None
        self.kept_at: dict[Tensor, int] = {}
        self._closed = False
        self._scopes = _Scopes(path)
        root = self.root
        self._collections = root._collections
        self._unfeedable = root._unfeedable
        self._py_funcs = root._py_funcs
        self._gradient_functions = root._gradient_functions
        self._scopes.gradient_override = outer._scopes.gradient_override
        self._scopes.devices = outer._scopes.devices

    def __repr__(self) -> str:
        return f"<flowcore body '{self.path}' of {len(self._ops)} operations>"

    @property
    def path(self) -> str:
        """The full name, without a closing slash."""
        return self._path

    @property
    def root(self) -> Graph:
        """The outermost graph."""
        return self.outer.root

    @property
    def building_function(self) -> bool:
        """True: this graph is a body."""
        return True

    @property
    def seed(self) -> int | None:
        """The graph-level random seed."""
        return self.root.seed

    @seed.setter
    def seed(self, value: int | None) -> None:
        self.root.seed = value

    def _reaches(self, other: Graph) -> bool:
        """Whether tensors of `other` may be used here."""
        return self.stands_for(other) or self.outer._reaches(other)

    def stands_for(self, other: Graph) -> bool:
        """Whether a graph is this body, or one that this is a copy of, or a copy of a copy."""
        return other is self or (self.original is not None and self.original.stands_for(other))

    @overload
    def copy_of(self, item: Tensor) -> Tensor: ...
    @overload
    def copy_of(self, item: Operation) -> Operation: ...
    def copy_of(self, item: Any) -> Any:
        """What stands here for a tensor or an operation of the original; others as they are."""
        if self.original is None:
            return item
        item = self.original.copy_of(item)
        copies: dict[Any, Any] = self.copied_tensors if isinstance(item, Tensor) else self.copied_operations
        return copies.get(item, item)

    # -- arguments

    def add_argument(self, dtype: DType, shape: Any, name: str) -> Tensor:
        """A new argument, behind those that there are.

        A reference to a variable remains one; a plan passes the variable's handle.
        """
        with self._all_scopes_left():
            op = self.create_op(
                "Placeholder", [], name=name, attrs={"dtype": dtype, "shape": as_shape(shape)}
            )
        argument = op._outputs[0]
        argument._dtype = dtype
        self.inputs.append(argument)
        return argument

    def capture(self, tensor: Tensor) -> Tensor:
        """What stands for an outer tensor inside: an argument, or a read where the tensor is the read of a
        variable, so that the body reads what the variable is when it runs.
        """
        inside = self.captures.get(tensor)
        if inside is None:
            inside = self._reads.get(tensor)
        if inside is not None:
            return inside
        op = tensor._op
        if is_shared_read(op):
            reference = self.capture(op._inputs[0])
            with self._all_scopes_left():
                read = self.create_op(op._type, [reference], name=local_name(op._name))
            if op._colocation:
                read._colocation = op._colocation
            return self._reads.setdefault(tensor, read._outputs[0])
        inside = self.add_argument(tensor._dtype, tensor._shape, local_name(op._name))
        known = constant_value(tensor)
        if known is not None:
            inside._op._values = (known,)
        self.captures[tensor] = inside
        self.captured[inside] = tensor
        return inside

    def _captured_tensor(self, argument: Tensor) -> Tensor | None:
        """The outer tensor that an argument stands for; None for what is passed, or computed."""
        return self.captured.get(argument)

    def _stand_in(self, tensor: Tensor) -> Tensor:
        tensor = self.copy_of(tensor)
        if tensor._op._graph is self:
            return tensor
        found = self.captures.get(tensor)
        return self.captures.get(self.outer._stand_in(tensor), tensor) if found is None else found

    def _import(self, tensor: Tensor, user: str) -> Tensor:
        tensor = self.copy_of(tensor)
        if tensor._op._graph is self:
            return tensor
        if not self.outer._reaches(tensor._op._graph):
            return super()._import(tensor, user)
        if tensor._op._graph is not self.outer:
            tensor = self.outer._import(tensor, user)
        return self.capture(tensor)

    def own(self, tensor: Tensor, user: str) -> Tensor:
        """A tensor as this body has it, for a `user` to name in errors: what lies outside is captured."""
        return tensor if tensor._op._graph is self else self._import(tensor, user)

    def _waited_for(self, op: Operation) -> Operation | None:
        op = self.copy_of(op)
        if op._graph is self or not self._reaches(op._graph):
            return op
        self.control_captures[op] = None
        return None

    def as_graph_element(self, obj: Any, allow_tensor: bool = True, allow_operation: bool = True) -> Any:
        """As Graph.as_graph_element; tensors of outer graphs are captured, their operations as they are."""
        convert = getattr(obj, "_as_graph_element", None)
        if convert is not None:
            obj = convert()
        if isinstance(obj, (Tensor, Operation)) and obj.graph is not self and self._reaches(obj.graph):
            return obj
        return super().as_graph_element(obj, allow_tensor, allow_operation)

    # -- building

    @contextlib.contextmanager
    def building(self) -> Iterator[FuncGraph]:
        """Inside, new operations go to this body."""
        was_closed, self._closed = self._closed, False
        try:
            with self.as_default():
                yield self
        finally:
            self._closed = was_closed

    def close(self) -> None:
        """Nothing is added from now on, but by what makes the gradient of the body."""
        self._closed = True

    def _check_not_finalized(self) -> None:
        super()._check_not_finalized()
        if self._closed:
            raise ValueError(
                f"nothing can be added to '{self.path}' from outside: its tensors exist while it runs; return"
                " them from the function that makes it"
            )

    def give_out(self, tensor: Tensor) -> None:
        """Makes what a gradient needs one output more."""
        if self.own_outputs is None:
            self.own_outputs = len(self.outputs)
        self.outputs.append(tensor)


class FunctionBody(FuncGraph):
    """The body of a named function, which may be called from several places.

    It captures outer tensors as they are, whatever lies between: each call passes them from where it stands.
    While it is made, it may be called already; what it captures later is handed to such calls in the end.

    Args:
        path: The function's name.
        outer: The graph in which it is called first.
        arguments: The dtype and the name of each argument.
    """

    def __init__(self, path: str, outer: Graph, arguments: Sequence[tuple[DType, str]]) -> None:
        super().__init__(path, outer)
        self.is_complete = False
        self.calls: list[Operation] = []
        with self.building():
            for dtype, name in arguments:
                self.add_argument(dtype, None, name)
        self.declared = len(arguments)

    def _import(self, tensor: Tensor, user: str) -> Tensor:
        tensor = self.copy_of(tensor)
        if tensor._op._graph is self:
            return tensor
        if self.is_complete or not self.outer._reaches(tensor._op._graph):
            return Graph._import(self, tensor, user)
        return self.capture(tensor)

    @property
    def captured_inputs(self) -> list[Tensor]:
        """What calls pass behind the declared arguments."""
        return [self.captured[t] for t in self.inputs[self.declared :]]

    def complete(self) -> None:
        """Ends the making: calls made meanwhile get what they lack."""
        self.close()
        self._hand_to_calls()
        self.is_complete = True

    def _hand_to_calls(self) -> None:
        for call in self.calls:
            for missing in self.inputs[len(call._inputs) :]:
                tensor = _brought_to(call._graph, self.captured[missing])
                call._add_outputs([], {"Tin": [*call._attrs["Tin"], tensor._dtype]}, [tensor])


def _brought_to(graph: Graph, tensor: Tensor) -> Tensor:
    """What stands for an outer tensor inside a body that is made already: an argument more of all bodies
    between, and an input more of the nodes that call them.
    """
    if tensor._op._graph is graph or not isinstance(graph, FuncGraph):
        return tensor
    if not isinstance(graph, FunctionBody):
        tensor = _brought_to(graph.outer, tensor)
    found = graph.captures.get(tensor)
    if found is not None:
        return found
    if isinstance(graph, FunctionBody):
        with graph.building():
            graph.capture(tensor)
        graph._hand_to_calls()
        return graph.captures[tensor]
    node = next((op for op in graph.outer.operations_since(0) if graph in op._bodies()), None)
    bodies = [graph] if node is None else node._bodies()
    for body in bodies:
        with body.building():
            body.capture(tensor)
    if node is not None:
        _add_input(node, tensor, bodies[-1].captures[tensor])
    return graph.captures[tensor]


def _add_input(op: Operation, tensor: Tensor, inside: Tensor) -> None:
    """An input more of an op that calls bodies; a loop yields it again."""
    types = [tensor._dtype]
    if op._op_def.calls[0] != "while":
        op._add_outputs([], {"Tin": [*op._attrs["Tin"], *types]}, [tensor])
        return
    (added,) = op._add_outputs(types, {"T": [*op._attrs["T"], *types]}, [tensor])
    added._shape = tensor._shape
    op._attrs["body"].outputs.append(inside)


def is_shared_read(op: Operation) -> bool:
    """Whether an op is the read that was made with a variable: it stands for the variable's value wherever
    that is used, and is where the variable is.
    """
    if not op._op_def.passes or op._control_inputs or not op._colocation or len(op._inputs) != 1:
        return False
    reference = op._inputs[0]
    if not reference._dtype._is_ref_dtype or op._outputs[0]._dtype._is_ref_dtype:
        return False
    return reference._op._name in op._colocation or op._graph._captured_tensor(reference) is not None


def local_name(path: str) -> str:
    """The last part of the name of a node or a body."""
    return path.rpartition("/")[2]


def unused_path(root: Graph, path: str) -> str:
    """The name of a new function: `path`, with a number where there is such a function."""
    taken = {body.path for body in root._functions.values()}
    number, unique = 1, path
    while unique in taken:
        unique = f"{path}_{number}"
        number += 1
    return unique


def calls_itself(op: Operation) -> bool:
    """Whether the function that an op calls calls itself again, directly or through others."""
    (function,) = op._bodies()
    met: set[Graph] = set()
    left: list[FuncGraph] = [function]
    while left:
        for inner in left.pop().operations_since(0):
            called = inner._bodies()
            if function in called:
                return True
            left += [body for body in called if body not in met]
            met.update(called)
    return False


def share_captures(bodies: Sequence[FuncGraph], declared: int) -> list[Tensor]:
    """Gives bodies that one node calls the same arguments behind the `declared` ones: what any of them
    captures. Returns these outer tensors. Closes the bodies.
    """
    wanted = dict.fromkeys(outer for body in bodies for outer in body.captured.values())
    for body in bodies:
        arguments = body.inputs[:declared]
        for outer in wanted:
            if outer not in body.captures:
                with body.building():
                    inside = body.add_argument(outer._dtype, outer._shape, local_name(outer._op._name))
                body.captures[outer], body.captured[inside] = inside, outer
            arguments.append(body.captures[outer])
        body.inputs = arguments
        body.close()
    return list(wanted)


def waited_for(bodies: Sequence[FuncGraph]) -> list[Operation]:
    """The outer operations that bodies asked to wait for."""
    return list(dict.fromkeys(op for body in bodies for op in body.control_captures))


def needed_by(results: Iterable[Tensor]) -> set[Operation]:
    """The operations without which results could not be computed."""
    found: set[Operation] = set()
    left = [t._op for t in results]
    while left:
        op = left.pop()
        if op not in found:
            found.add(op)
            left += [t._op for t in op._inputs]
            left += op._control_inputs
    return found
