"""Operation and Tensor: the nodes and edges of a graph, and IndexedSlices, a gradient that touches few rows.

Must never import ops: the operator overloads are installed from there (`Tensor._override_operator`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from types import CodeType
from typing import TYPE_CHECKING, Any, ClassVar

from flowcore.arguments import described, instance
from flowcore.dtypes import DType
from flowcore.graph.device import canonical
from flowcore.graph.node_defs import node_def_of, op_def_message
from flowcore.shape import TensorShape, as_shape

if TYPE_CHECKING:
    from traceback import StackSummary

    from flowcore import protos
    from flowcore.graph.func_graph import FuncGraph
    from flowcore.graph.graph import Graph
    from flowcore.graph.op_def import OpDef

__all__ = ["IndexedSlices", "Operation", "Tensor"]


class Operation:
    """A node of a graph: an op type with inputs, outputs and attributes. The library makes it.

    Programs may set attributes of their own on it.

    Example:
        >>> op = fc.add(1.0, 2.0, name="sum").op
        >>> op.name, op.type, [t.name for t in op.inputs]
        ('sum', 'Add', ['sum/x:0', 'sum/y:0'])
    """

    __slots__ = (
        "__dict__",
        "__weakref__",
        "_attrs",
        "_control_inputs",
        "_device",
        "_graph",
        "_inputs",
        "_name",
        "_op_def",
        "_outputs",
        "_place",
        "_type",
        "_values",
    )

    #: The names of the groups of operations that share a device; () is one of its own. In the instance's
    #: dictionary where there are any: few nodes have them, and each slot is 8 bytes of all.
    _colocation: tuple[str, ...] = ()

    def __init__(
        self,
        graph: Graph,
        op_def: OpDef,
        name: str,
        inputs: tuple[Tensor, ...],
        attrs: dict[str, Any],
        types: Sequence[DType],
    ) -> None:
        self._graph = graph
        self._op_def = op_def
        self._type = op_def.name
        self._name = name
        self._inputs = inputs
        self._attrs = attrs
        self._control_inputs: tuple[Operation, ...] = ()
        self._device = ""
        self._values: Sequence[Any] | None = None
        self._place: tuple[CodeType, int] | None = None  # the user's code and line that made it
        self._outputs = tuple([Tensor(self, i, t) for i, t in enumerate(types)])

    @property
    def name(self) -> str:
        """The full name, unique in the graph."""
        return self._name

    @property
    def type(self) -> str:
        """The op type, such as "MatMul"."""
        return self._type

    @property
    def graph(self) -> Graph:
        """The graph that holds it."""
        return self._graph

    @property
    def inputs(self) -> list[Tensor]:
        """The data inputs, as a list of the caller's own."""
        return list(self._inputs)

    @property
    def outputs(self) -> list[Tensor]:
        """The tensors that this node yields, as a list of the caller's own."""
        return list(self._outputs)

    @property
    def control_inputs(self) -> list[Operation]:
        """The operations that must be done before this one starts, as a list of the caller's own."""
        return list(self._control_inputs)

    @property
    def device(self) -> str:
        """The device asked for, or an empty string."""
        return self._device

    @property
    def op_def(self) -> protos.OpDef:
        """The schema of the op type, a message."""
        return op_def_message(self._op_def)

    @property
    def node_def(self) -> protos.NodeDef:
        """The node as a message, made anew each time. Raises ValueError for values that none can hold."""
        return node_def_of(self)

    @property
    def attrs(self) -> dict[str, Any]:
        """All attributes. Not to be changed."""
        return self._attrs

    def get_attr(self, name: str) -> Any:
        """The value of an attribute.

        Args:
            name: The attribute's name.

        Returns:
            A Python value: an int, str, DType, TensorShape, array, or a list of these.

        Raises:
            ValueError: there is no such attribute.

        Example:
            >>> fc.constant(1.0).op.get_attr("dtype")
            flowcore.float32
        """
        try:
            return self._attrs[name]
        except (KeyError, TypeError):
            raise ValueError(
                f"Operation '{self._name}' ({self._type}) has no attribute '{name}'; it has"
                f" {', '.join(sorted(self._attrs)) or 'none'}"
            ) from None

    def values(self) -> tuple[Tensor, ...]:
        """The outputs.

        Returns:
            A tuple of Tensors.

        Example:
            >>> x = fc.constant(1.0)
            >>> x.op.values()[0] is x
            True
        """
        return self._outputs

    def colocation_groups(self) -> list[bytes]:
        """The groups of operations that must share this node's device.

        Returns:
            A list of bytes, b"loc:@" and the name of an operation each.

        Example:
            >>> fc.no_op(name="step").colocation_groups()
            [b'loc:@step']
        """
        return [f"loc:@{name}".encode() for name in self._colocation or (self._name,)]

    @property
    def created_at(self) -> str:
        """The user's file and line that made the node, as "file.py:12"."""
        if self._place is None:
            return ""
        code, line = self._place
        return f"{code.co_filename}:{line}"

    @property
    def traceback(self) -> StackSummary:
        """The user's frame that made the node."""
        from traceback import StackSummary

        if self._place is None:
            return StackSummary.from_list([])
        code, line = self._place
        return StackSummary.from_list([(code.co_filename, line, code.co_name, None)])

    def _add_control_inputs(self, ops: Sequence[Operation]) -> None:
        """Adds control edges after the fact. Plans made before keep their old edges."""
        for op in ops:
            if not isinstance(op, Operation):
                raise TypeError(f"op must be an Operation: {op!r}")
            if op.graph is not self._graph:
                raise ValueError(f"{op.name} and {self._name} belong to different graphs")
        self._control_inputs += tuple(op for op in ops if op not in self._control_inputs)
        self._graph._changed()

    def _bodies(self) -> list[FuncGraph]:
        """The bodies that it runs, in the order of the attributes that name them."""
        found: list[Any] = []
        for name in self._op_def.calls[1:]:
            value = self._attrs[name]
            found += value if isinstance(value, list) else [value]
        return found

    def _add_outputs(
        self, types: Sequence[DType], attrs: dict[str, Any], inputs: Sequence[Tensor] = ()
    ) -> tuple[Tensor, ...]:
        """Gives an op that calls bodies more outputs, and a loop as many more inputs, with other attributes.

        Returns the new outputs. Plans made before keep what they have read.
        """
        with self._graph._lock:
            first = len(self._outputs)
            added = tuple([Tensor(self, first + i, t) for i, t in enumerate(types)])
            self._inputs += tuple(inputs)
            self._attrs = {**self._attrs, **attrs}
            self._outputs += added
        self._graph._changed()
        return added

    def _detached(
        self,
        inputs: tuple[Tensor, ...],
        control_inputs: tuple[Operation, ...],
        attrs: dict[str, Any] | None = None,
    ) -> Operation:
        """A copy with other inputs that the graph does not know of.

        Planning may neither change a graph nor add to it.
        """
        types = [t._dtype for t in self._outputs]
        copy = Operation(
            self._graph, self._op_def, self._name, inputs, self._attrs if attrs is None else attrs, types
        )
        copy._stand_for(self, control_inputs)
        for new, old in zip(copy._outputs, self._outputs, strict=True):
            new._shape = old._shape
        return copy

    def _stand_for(self, op: Operation, control_inputs: tuple[Operation, ...]) -> None:
        """Is placed and traced back as `op`, from now on."""
        self._control_inputs = control_inputs
        self._device, self._place = op._device, op._place
        if op._colocation:
            self._colocation = op._colocation

    def _set_device(self, device: Any) -> None:
        self._device = canonical(device, f"the device of node '{self._name}'")
        self._graph._changed()

    def run(self, feed_dict: Any = None, session: Any = None) -> None:
        """Runs this operation.

        Args:
            feed_dict: Values for tensors, as for Session.run.
            session: A Session; None: the default session.

        Raises:
            ValueError: there is no default session, or session is of another graph.
            TypeError: session is no Session.
            OpError: a node failed.

        Example:
            >>> v = fc.Variable(1.0)
            >>> with fc.Session():
            ...     v.initializer.run()
        """
        _session_for(self._graph, session, "Operation.run").run(self, feed_dict)

    def __repr__(self) -> str:
        return f"<flowcore.Operation '{self._name}' type={self._type}>"

    __str__ = __repr__


_BINARY_OPERATORS = ["add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and", "or", "xor"]


if TYPE_CHECKING:

    class TensorOperators:
        """The operators of Tensor and Variable for type checkers; flowcore.ops installs them."""

        def __add__(self, other: Any) -> Tensor: ...
        def __radd__(self, other: Any) -> Tensor: ...
        def __sub__(self, other: Any) -> Tensor: ...
        def __rsub__(self, other: Any) -> Tensor: ...
        def __mul__(self, other: Any) -> Tensor: ...
        def __rmul__(self, other: Any) -> Tensor: ...
        def __truediv__(self, other: Any) -> Tensor: ...
        def __rtruediv__(self, other: Any) -> Tensor: ...
        def __floordiv__(self, other: Any) -> Tensor: ...
        def __rfloordiv__(self, other: Any) -> Tensor: ...
        def __mod__(self, other: Any) -> Tensor: ...
        def __rmod__(self, other: Any) -> Tensor: ...
        def __pow__(self, other: Any) -> Tensor: ...
        def __rpow__(self, other: Any) -> Tensor: ...
        def __matmul__(self, other: Any) -> Tensor: ...
        def __rmatmul__(self, other: Any) -> Tensor: ...
        def __and__(self, other: Any) -> Tensor: ...
        def __rand__(self, other: Any) -> Tensor: ...
        def __or__(self, other: Any) -> Tensor: ...
        def __ror__(self, other: Any) -> Tensor: ...
        def __xor__(self, other: Any) -> Tensor: ...
        def __rxor__(self, other: Any) -> Tensor: ...
        def __lt__(self, other: Any) -> Tensor: ...
        def __le__(self, other: Any) -> Tensor: ...
        def __gt__(self, other: Any) -> Tensor: ...
        def __ge__(self, other: Any) -> Tensor: ...
        def __getitem__(self, key: Any) -> Tensor: ...
        def __neg__(self) -> Tensor: ...
        def __abs__(self) -> Tensor: ...
        def __invert__(self) -> Tensor: ...

else:
    TensorOperators = object


class Tensor(TensorOperators):
    """An output of an operation: a value that exists while a session runs. The library makes it.

    Python's operators build nodes: `x + y`, `x @ y`, `x[0]`, `x < y`. `==` compares objects; use
    `equal`. Programs may set attributes of their own on it.

    Example:
        >>> x = fc.constant([1.0, 2.0], name="x")
        >>> x
        <flowcore.Tensor 'x:0' shape=(2,) dtype=float32>
        >>> fc.Session().run(x * 2.0 + 1.0)
        array([3., 5.], dtype=float32)
    """

    __slots__ = ("__dict__", "__weakref__", "_dtype", "_op", "_shape", "_value_index")
    __array_priority__: ClassVar[int] = 100

    OVERLOADABLE_OPERATORS: ClassVar[frozenset[str]] = frozenset(
        [f"__{r}{name}__" for name in _BINARY_OPERATORS for r in ("", "r")]
        + [f"__{name}__" for name in ("invert", "neg", "abs", "lt", "le", "gt", "ge", "getitem")]
    )

    def __init__(self, op: Operation, value_index: int, dtype: DType) -> None:
        self._op = op
        self._value_index = value_index
        self._dtype = dtype
        self._shape: TensorShape = _UNKNOWN

    @property
    def op(self) -> Operation:
        """The operation that yields this tensor."""
        return self._op

    @property
    def value_index(self) -> int:
        """Which output of its operation this is."""
        return self._value_index

    @property
    def dtype(self) -> DType:
        """The DType of its elements."""
        return self._dtype

    @property
    def graph(self) -> Graph:
        """The graph that holds it."""
        return self._op._graph

    @property
    def name(self) -> str:
        """ "<operation>:<output index>"."""
        return f"{self._op._name}:{self._value_index}"

    @property
    def device(self) -> str:
        """The device that its operation asks for, or an empty string."""
        return self._op._device

    @property
    def shape(self) -> TensorShape:
        """What is known of the shape."""
        return self._shape

    def get_shape(self) -> TensorShape:
        """What is known of the shape.

        Returns:
            A TensorShape.

        Example:
            >>> fc.placeholder(fc.float32, [None, 3]).get_shape()
            TensorShape([None, 3])
        """
        return self._shape

    def set_shape(self, shape: Any) -> None:
        """Adds knowledge about the shape.

        Args:
            shape: A TensorShape, or what makes one.

        Raises:
            TypeError: shape is no shape.
            ValueError: it contradicts what is known.

        Example:
            >>> x = fc.placeholder(fc.float32)
            >>> x.set_shape([None, 3])
            >>> x.shape
            TensorShape([None, 3])
        """
        try:
            self._shape = self._shape.merge_with(as_shape(shape))
        except ValueError as error:
            raise ValueError(f"Tensor '{self.name}': {error}") from None

    def consumers(self) -> list[Operation]:
        """The operations that read this tensor.

        Returns:
            A list of Operations.

        Example:
            >>> x = fc.constant(1.0)
            >>> y = fc.identity(x, name="y")
            >>> [op.name for op in x.consumers()]
            ['y']
        """
        return self._op._graph._readers_of(self)

    def eval(self, feed_dict: Any = None, session: Any = None) -> Any:
        """The value.

        Args:
            feed_dict: Values for tensors, as for Session.run.
            session: A Session; None: the default session.

        Returns:
            A NumPy array; a NumPy scalar for rank 0, bytes for a string.

        Raises:
            ValueError: there is no default session, or session is of another graph.
            TypeError: session is no Session.
            OpError: a node failed.

        Example:
            >>> with fc.Session():
            ...     print((fc.constant(2.0) * 3.0).eval())
            6.0
        """
        return _session_for(self.graph, session, "Tensor.eval").run(self, feed_dict)

    @classmethod
    def _override_operator(cls, operator: str, function: Callable[..., Any]) -> None:
        """Installs an operator. Raises ValueError for a name that is none."""
        if operator not in cls.OVERLOADABLE_OPERATORS:
            raise ValueError(f"{operator} is not an operator that can be overloaded")
        setattr(cls, operator, function)

    def __eq__(self, other: object) -> bool:
        return self is other

    __hash__ = object.__hash__

    def __bool__(self) -> bool:
        """Raises TypeError: there is no truth value while the graph is built."""
        raise TypeError(
            f"Tensor '{self.name}' has no truth value while the graph is built. Use flowcore.where for a"
            " choice inside the graph, flowcore.cond to run one of two functions, `is not None` to test"
            " whether a tensor is there, or Session.run to get its value"
        )

    def __len__(self) -> int:
        """Raises TypeError: `tensor.shape[0]` is the length."""
        raise TypeError(
            f"Tensor '{self.name}' has no len(); use tensor.shape[0] or flowcore.shape(tensor)[0]"
        )

    def __iter__(self) -> Iterator[Any]:
        """Raises TypeError: `flowcore.unstack(tensor)` gives its parts."""
        raise TypeError(
            f"Tensor '{self.name}' is not iterable while the graph is built; flowcore.unstack(tensor) gives"
            " its parts"
        )

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        """Raises TypeError: there is no value while the graph is built."""
        raise TypeError(
            f"Tensor '{self.name}' has no value while the graph is built, so NumPy cannot take it; use"
            " Session.run to get its value"
        )

    def __float__(self) -> float:
        """Raises TypeError: there is no value while the graph is built."""
        raise TypeError(
            f"Tensor '{self.name}' has no value while the graph is built; use Session.run to get it"
        )

    __int__ = __index__ = __complex__ = __float__  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<flowcore.Tensor '{self.name}' shape={self._shape} dtype={self._dtype.name}>"

    def __str__(self) -> str:
        shape = f", shape={self._shape}" if self._shape.ndims is not None else ""
        return f'Tensor("{self.name}"{shape}, dtype={self._dtype.name})'


_UNKNOWN = TensorShape(None)


class IndexedSlices:
    """Rows of a larger tensor.

    `values[i]` belongs to row `indices[i]`; rows may repeat, and then add up. Gradients of `gather`
    are such.

    Args:
        values: A Tensor of rank 1 or more, or what converts to one.
        indices: A Tensor of integers of rank 1.
        dense_shape: The shape of the whole tensor, a Tensor of integers, or None.

    Raises:
        TypeError: an argument converts to no Tensor.
        ValueError: an argument converts to no Tensor.

    Example:
        >>> slices = fc.IndexedSlices([[1.0, 2.0]], [1], dense_shape=[3, 2])
        >>> fc.Session().run(fc.convert_to_tensor(slices))
        array([[0., 0.],
               [1., 2.],
               [0., 0.]], dtype=float32)
    """

    def __init__(self, values: Any, indices: Any, dense_shape: Any = None) -> None:
        self._values = _as_tensor(values, "values")
        self._indices = _as_tensor(indices, "indices")
        self._dense_shape = None if dense_shape is None else _as_tensor(dense_shape, "dense_shape")

    @property
    def values(self) -> Tensor:
        """The rows, a Tensor."""
        return self._values

    @property
    def indices(self) -> Tensor:
        """Where they belong, a Tensor of integers."""
        return self._indices

    @property
    def dense_shape(self) -> Tensor | None:
        """The shape of the whole tensor, a Tensor of integers, or None."""
        return self._dense_shape

    @property
    def name(self) -> str:
        """The name of values."""
        return self._values.name

    @property
    def device(self) -> str:
        """The device of values."""
        return self._values.device

    @property
    def op(self) -> Operation:
        """The operation that yields values."""
        return self._values.op

    @property
    def dtype(self) -> DType:
        """The DType of values."""
        return self._values.dtype

    @property
    def graph(self) -> Graph:
        """The graph that holds them."""
        return self._values.graph

    if TYPE_CHECKING:

        @property
        def shape(self) -> TensorShape:
            """What is known of the shape of the whole tensor (installed by flowcore.graph.constants)."""

    def __neg__(self) -> IndexedSlices:
        """The same rows with the other sign."""
        return IndexedSlices(-self._values, self._indices, self._dense_shape)

    def __repr__(self) -> str:
        return (
            f"IndexedSlices(indices={self._indices}, values={self._values}, dense_shape={self._dense_shape})"
        )


#: Set by flowcore.graph.conversion: convert_to_tensor.
to_tensor_hook: Callable[..., Tensor] | None = None


def _as_tensor(value: Any, name: str) -> Tensor:
    if isinstance(value, Tensor) or to_tensor_hook is None:
        return instance(value, Tensor, name)
    try:
        return to_tensor_hook(value, name=name)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{name} of IndexedSlices: {error}") from None


#: Set by the runtime: returns the default session of this thread, or None.
default_session_hook: Callable[[], Any] = lambda: None  # noqa: E731


def _session_for(graph: Graph, session: Any, what: str) -> Any:
    if session is None:
        session = default_session_hook()
        if session is None:
            raise ValueError(
                f"Cannot execute {what}: no default session is registered. Use `with flowcore.Session():` or"
                " pass `session=`"
            )
    if not hasattr(session, "graph"):
        raise TypeError(f"session must be a flowcore Session, found {described(session)}")
    if graph.root is not graph:
        raise ValueError(
            f"Cannot execute {what}: it lies inside '{graph.path}', and exists while that runs: return it"
            " from the function that makes it"
        )
    if session.graph is not graph:
        raise ValueError(
            f"Cannot execute {what}: the session's graph is not the graph of the tensor or operation"
        )
    return session
