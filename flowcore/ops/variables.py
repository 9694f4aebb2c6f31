"""Variable: state that lives in a session, in the graph a reference or a resource.

Owns: the two classes, their collections, and the ops that initialise many at once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, overload

import numpy as np

from flowcore import dtypes
from flowcore.arguments import flag, function, instance, listed
from flowcore.graph.apply import apply
from flowcore.graph.conversion import convert_to_tensor, register_tensor_conversion_function
from flowcore.graph.graph import Graph, GraphKeys, get_default_graph
from flowcore.graph.operation import IndexedSlices, Operation, Tensor, TensorOperators, _session_for
from flowcore.graph.scopes import control_dependencies, get_collection, init_scope, name_scope
from flowcore.ops import linalg_ops as _operators  # noqa: F401 (installs the operators)
from flowcore.ops import reference_ops as _reference_ops  # noqa: F401 (declares the ops)
from flowcore.ops import save_slice_info as slices
from flowcore.ops import state_ops
from flowcore.ops.cond import cond
from flowcore.ops.control_flow_ops import group, no_op
from flowcore.ops.joining import concat
from flowcore.shape import TensorShape

__all__ = [
    "Variable", "all_variables", "assert_variables_initialized", "global_variables",
    "global_variables_initializer", "initialize_all_variables", "is_variable_initialized",
    "local_variables", "local_variables_initializer", "model_variables", "moving_average_variables",
    "report_uninitialized_variables", "trainable_variables", "variables_initializer",
]  # fmt: skip


class Variable(TensorOperators):
    """A tensor that keeps its value between runs of a session.

    It has no value until its `initializer` has run in the session. Where a tensor is wanted, a read
    of it stands for it, and Python's operators work on such a read.

    In the graph it is a reference, as in TensorFlow 1.15: a VariableV2 with an Assign, its
    initializer, and an Identity, its read, which runs once a step. With use_resource it is a
    resource: a VarHandleOp, and each use of its value a read of its own.

    Args:
        initial_value: The value that the initializer assigns: anything convert_to_tensor takes, or
            a function without arguments that returns it.
        trainable: Whether optimisers change it by default; None: True.
        collections: Graph collections to join, a list; None: GLOBAL_VARIABLES.
        validate_shape: False lets later values have another shape.
        caching_device: Accepted; a variable is read where it lives.
        name: The name of the node; None: "Variable".
        variable_def: Accepted.
        dtype: The dtype; None: that of the initial value.
        expected_shape: Accepted.
        import_scope: Accepted.
        constraint: A function of the value that an optimiser applies after each update.
        use_resource: Whether it is a resource; None: what the variable scope says, else whether
            enable_resource_variables was called.
        synchronization: Accepted.
        aggregation: Accepted.
        shape: The shape; None: that of the initial value.

    Raises:
        TypeError: initial_value does not convert to dtype, or an argument is of another kind.
        ValueError: there is no initial_value, it is a Tensor of another dtype than dtype or has
            another shape than shape, its shape is not known, or collections is no list, tuple or
            set.

    Example:
        >>> v = fc.Variable([1.0, 2.0], name="v")
        >>> with fc.Session() as sess:
        ...     sess.run(v.initializer)
        ...     print(sess.run(v.assign_add([1.0, 1.0])), sess.run(v * 10.0))
        [2. 3.] [20. 30.]
    """

    SaveSliceInfo = slices.SaveSliceInfo
    _save_slice_info: slices.SaveSliceInfo | None = None

    def __init__(
        self,
        initial_value: Any = None,
        trainable: bool | None = None,
        collections: Any = None,
        validate_shape: bool = True,
        caching_device: Any = None,
        name: str | None = None,
        variable_def: Any = None,
        dtype: Any = None,
        expected_shape: Any = None,
        import_scope: Any = None,
        constraint: Any = None,
        use_resource: Any = None,
        synchronization: Any = None,
        aggregation: Any = None,
        shape: Any = None,
    ) -> None:
        if initial_value is None:
            raise ValueError("a variable needs an initial_value")
        if collections is None:
            collections = [GraphKeys.GLOBAL_VARIABLES]
        if not isinstance(collections, (list, tuple, set)):
            raise ValueError(f"collections is a list, tuple or set of names, found {collections!r}")
        validate_shape = flag(validate_shape, "validate_shape")
        self._trainable = True if trainable is None else flag(trainable, "trainable")
        self._constraint = None if constraint is None else function(constraint, "constraint")
        graph = get_default_graph().root
        # Initial values do not depend on what happens to surround the variable's making.
        values = None if callable(initial_value) or _inside_a_body(initial_value) else [initial_value]
        with init_scope(), name_scope(name, "Variable", values) as scope:
            value = self._make_initial_value(initial_value, dtype, scope[:-1])
            if _inside_a_body(value):
                raise ValueError(
                    f"the initial value of new variable '{scope[:-1]}' is tensor '{value.name}', which lies"
                    f" inside '{value.graph.path}' and exists while that runs; a variable that is made inside"
                    " a function, a branch or a loop is initialised outside: use a lambda that makes the"
                    " initial value as initial_value"
                )
            if validate_shape and shape is None and not use_resource and not value.shape.is_fully_defined():
                raise ValueError(
                    f"the shape of initial_value '{value.name}' must be known, found {value.shape}; give its"
                    " maker the shape, or pass shape=, validate_shape=False or use_resource=True"
                )
            static = (
                TensorShape(shape)
                if shape is not None
                else value.shape
                if validate_shape
                else TensorShape(None)
            )
            self._initial_value = value
            self._shape = static
            self._make(value, static, validate_shape, scope, callable(initial_value))
        graph.add_to_collections(collections, self)
        if self._trainable and GraphKeys.TRAINABLE_VARIABLES not in collections:
            graph.add_to_collection(GraphKeys.TRAINABLE_VARIABLES, self)

    def __new__(cls, *args: Any, **kwargs: Any) -> Variable:
        """A reference or a resource, as use_resource says."""
        if cls is Variable:
            at = 11  # its place among the arguments
            asked = args[at] if len(args) > at else kwargs.get("use_resource")
            if flag(_resources_by_default() if asked is None else asked, "use_resource"):
                return object.__new__(ResourceVariable)
        return object.__new__(cls)

    def _make_initial_value(self, initial_value: Any, dtype: Any, name: str) -> Tensor:
        """The initial value as a tensor; what a function makes is where the variable will be."""
        if not callable(initial_value):
            return convert_to_tensor(initial_value, dtype=dtype, name="initial_value")
        graph = get_default_graph()
        with graph.name_scope("Initializer"), graph._colocate_with_new(name):
            return convert_to_tensor(initial_value(), dtype=dtype, name="initial_value")

    def _make(
        self, value: Tensor, static: TensorShape, validate_shape: bool, scope: str, from_function: bool
    ) -> None:
        """Adds the nodes: the variable, its initializer, its read."""
        with get_default_graph()._colocate_with_new(scope[:-1] if from_function else ""):
            self._variable = apply("VariableV2", shape=static, dtype=value.dtype, name=scope)
        self._initializer = apply(
            "Assign", self._variable, value, validate_shape=validate_shape, name="Assign"
        ).op
        with get_default_graph().colocate_with(self._variable.op):
            self._snapshot = apply("Identity", self._variable, name="read")

    def _set_save_slice_info(self, save_slice_info: slices.SaveSliceInfo) -> None:
        """Has checkpoints keep it as a part of a larger tensor."""
        self._save_slice_info = instance(save_slice_info, slices.SaveSliceInfo, "save_slice_info")

    def _get_save_slice_info(self) -> slices.SaveSliceInfo | None:
        return self._save_slice_info

    # -- what it is
    # ------------------------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """The name of its reference or handle."""
        return self._variable.name

    @property
    def op(self) -> Operation:
        """The operation that stands for it: a VariableV2, or a VarHandleOp."""
        return self._variable.op

    @property
    def graph(self) -> Graph:
        """The graph that holds it."""
        return self._variable.graph

    @property
    def device(self) -> str:
        """The device that it asks for, or an empty string."""
        return self._variable.device

    @property
    def dtype(self) -> dtypes.DType:
        """The DType of the reference, such as float32_ref; of a resource that of its elements."""
        return self._variable.dtype

    def _ref(self) -> Tensor:
        """The reference by which ops change it."""
        return self._variable

    @property
    def shape(self) -> TensorShape:
        """What is known of the shape."""
        return self._shape

    def get_shape(self) -> TensorShape:
        """What is known of the shape.

        Returns:
            A TensorShape.

        Example:
            >>> fc.Variable([1.0, 2.0]).get_shape()
            TensorShape([2])
        """
        return self._shape

    def set_shape(self, shape: Any) -> None:
        """Adds knowledge about the shape, for reads that are made from now on.

        Args:
            shape: A TensorShape, or what makes one.

        Raises:
            TypeError: shape is no shape.
            ValueError: it contradicts what is known.

        Example:
            >>> v = fc.Variable([1.0, 2.0], validate_shape=False)
            >>> v.set_shape([2])
            >>> v.shape
            TensorShape([2])
        """
        try:
            self._shape = self._shape.merge_with(shape)
        except ValueError as error:
            raise ValueError(f"Variable '{self.name}': {error}") from None
        self._snapshot.set_shape(self._shape)
        if self._variable.dtype is not dtypes.resource:
            self._variable.set_shape(self._shape)

    @property
    def trainable(self) -> bool:
        """Whether optimisers change it by default."""
        return self._trainable

    @property
    def constraint(self) -> Any:
        """The function that an optimiser applies after each update, or None."""
        return self._constraint

    @property
    def initializer(self) -> Operation:
        """The operation that assigns the initial value."""
        return self._initializer

    @property
    def initial_value(self) -> Tensor:
        """The tensor that the initializer assigns."""
        return self._initial_value

    def initialized_value(self) -> Tensor:
        """The value; that which the initializer assigns where there is none yet.

        Initial values of other variables may use it, whichever is initialised first.

        Returns:
            A Tensor.

        Example:
            >>> v = fc.Variable(2.0)
            >>> value = v.initialized_value()
            >>> with fc.Session() as sess:
            ...     print(sess.run(value))
            ...     sess.run(v.assign(3.0).op)
            ...     print(sess.run(value))
            2.0
            3.0
        """
        return cond(is_variable_initialized(self), self.read_value, lambda: self._initial_value)

    # -- reading
    # ---------------------------------------------------------------------------------------------------

    def value(self) -> Tensor:
        """Its value as the step reads it: once, before or after what changes it, as edges say.

        Of a resource it is a new read, in the order that control dependencies give.

        Returns:
            A Tensor.

        Example:
            >>> fc.Variable(2.0, name="v").value().name
            'v/read:0'
        """
        return self._snapshot

    def read_value(self) -> Tensor:
        """A fresh read, as a node of its own.

        Returns:
            A Tensor.

        Example:
            >>> fc.Variable(2.0, name="v").read_value().dtype
            flowcore.float32
        """
        return apply("Identity", self._variable, name="read")

    def sparse_read(self, indices: Any, name: str | None = None) -> Tensor:
        """Some rows; their gradient is an IndexedSlices.

        Args:
            indices: The rows, a Tensor of dtype int32 or int64 and any shape.
            name: A name for the operation.

        Returns:
            A Tensor in the shape of indices followed by that of a row.

        Raises:
            TypeError: indices are of another dtype.
            ValueError: the variable is a scalar.
            InvalidArgumentError: an index is out of range (when it runs).
            FailedPreconditionError: the variable has no value yet (when it runs).

        Example:
            >>> v = fc.Variable([1.0, 2.0, 3.0])
            >>> with fc.Session() as sess:
            ...     sess.run(v.initializer)
            ...     print(sess.run(v.sparse_read([2, 0])))
            [3. 1.]
        """
        return apply("GatherV2", self.value(), indices, 0, name="Gather" if name is None else name)

    def eval(self, session: Any = None) -> np.ndarray:
        """Its value in a session.

        Args:
            session: A Session; None: the default session.

        Returns:
            A NumPy array; for a scalar a NumPy scalar, or bytes.

        Raises:
            TypeError: session is no Session.
            ValueError: there is no default session, or session is of another graph.
            FailedPreconditionError: the variable has no value yet.

        Example:
            >>> v = fc.Variable(2.0)
            >>> with fc.Session():
            ...     v.initializer.run()
            ...     print(v.eval())
            2.0
        """
        return _session_for(self.graph, session, "Variable.eval").run(self)

    def _as_graph_element(self) -> Tensor:
        return self._variable

    # -- writing
    # ---------------------------------------------------------------------------------------------------

    def _check_value(self, value: Any) -> None:
        """Raises TypeError for a tensor of another dtype."""
        if not isinstance(value, (Tensor, Variable)):
            return
        own, found = self.dtype.base_dtype, value.dtype.base_dtype
        if found is not own:
            raise TypeError(
                f"Variable '{self.name}' has dtype {own.name}; the value is {found.name}. Use flowcore.cast"
            )

    def _write(self, op_type: str, value: Any, use_locking: bool, name: str | None, read_value: bool) -> Any:
        flag(use_locking, "use_locking")
        self._check_value(value)
        changed = apply(op_type, self._variable, value, use_locking=use_locking, name=name)
        return changed if flag(read_value, "read_value") else changed.op

    @overload
    def assign(
        self, value: Any, use_locking: bool = False, name: str | None = None, read_value: Literal[True] = True
    ) -> Tensor: ...
    @overload
    def assign(
        self, value: Any, use_locking: bool = False, name: str | None = None, *, read_value: Literal[False]
    ) -> Operation: ...
    @overload
    def assign(
        self, value: Any, use_locking: bool = False, name: str | None = None, read_value: bool = True
    ) -> Tensor | Operation: ...
    def assign(
        self, value: Any, use_locking: bool = False, name: str | None = None, read_value: bool = True
    ) -> Tensor | Operation:
        """Gives it a value.

        Args:
            value: A Tensor of the variable's dtype and shape, or what converts to one.
            use_locking: Accepted; updates of one variable never overlap.
            name: A name for the operation.
            read_value: Whether to return the value afterwards.

        Returns:
            A Tensor that reads the value afterwards; the Operation with read_value=False.

        Raises:
            TypeError: value has another dtype or does not convert to it, or use_locking or
                read_value is no bool.
            ValueError: value has another shape.
            InvalidArgumentError: value has another shape (when it runs).

        Example:
            >>> v = fc.Variable(1.0)
            >>> with fc.Session() as sess:
            ...     sess.run(v.initializer)
            ...     print(sess.run(v.assign(2.0)))
            2.0
        """
        return self._write("Assign", value, use_locking, name, read_value)

    @overload
    def assign_add(
        self, delta: Any, use_locking: bool = False, name: str | None = None, read_value: Literal[True] = True
    ) -> Tensor: ...
    @overload
    def assign_add(
        self, delta: Any, use_locking: bool = False, name: str | None = None, *, read_value: Literal[False]
    ) -> Operation: ...
    @overload
    def assign_add(
        self, delta: Any, use_locking: bool = False, name: str | None = None, read_value: bool = True
    ) -> Tensor | Operation: ...
    def assign_add(
        self, delta: Any, use_locking: bool = False, name: str | None = None, read_value: bool = True
    ) -> Tensor | Operation:
        """Adds to it, in place.

        Args:
            delta: A Tensor of the variable's dtype and shape, or what converts to one.
            use_locking: Accepted; updates of one variable never overlap.
            name: A name for the operation.
            read_value: Whether to return the value afterwards.

        Returns:
            A Tensor that reads the value afterwards; the Operation with read_value=False.

        Raises:
            TypeError: the variable holds no numbers, delta has another dtype or does not convert to
                it, or use_locking or read_value is no bool.
            ValueError: delta has another shape.
            InvalidArgumentError: delta has another shape (when it runs).
            FailedPreconditionError: the variable has no value yet (when it runs).

        Example:
            >>> v = fc.Variable(1.0)
            >>> with fc.Session() as sess:
            ...     sess.run(v.initializer)
            ...     print(sess.run(v.assign_add(2.0)))
            3.0
        """
        return self._write("AssignAdd", delta, use_locking, name, read_value)

    @overload
    def assign_sub(
        self, delta: Any, use_locking: bool = False, name: str | None = None, read_value: Literal[True] = True
    ) -> Tensor: ...
    @overload
    def assign_sub(
        self, delta: Any, use_locking: bool = False, name: str | None = None, *, read_value: Literal[False]
    ) -> Operation: ...
    @overload
    def assign_sub(
        self, delta: Any, use_locking: bool = False, name: str | None = None, read_value: bool = True
    ) -> Tensor | Operation: ...
    def assign_sub(
        self, delta: Any, use_locking: bool = False, name: str | None = None, read_value: bool = True
    ) -> Tensor | Operation:
        """Subtracts from it, in place.

        Args:
            delta: A Tensor of the variable's dtype and shape, or what converts to one.
            use_locking: Accepted; updates of one variable never overlap.
            name: A name for the operation.
            read_value: Whether to return the value afterwards.

        Returns:
            A Tensor that reads the value afterwards; the Operation with read_value=False.

        Raises:
            TypeError: the variable holds no numbers, delta has another dtype or does not convert to
                it, or use_locking or read_value is no bool.
            ValueError: delta has another shape.
            InvalidArgumentError: delta has another shape (when it runs).
            FailedPreconditionError: the variable has no value yet (when it runs).

        Example:
            >>> v = fc.Variable(1.0)
            >>> with fc.Session() as sess:
            ...     sess.run(v.initializer)
            ...     print(sess.run(v.assign_sub(2.0)))
            -1.0
        """
        return self._write("AssignSub", delta, use_locking, name, read_value)

    def _scatter(self, kind: Any, sparse_delta: IndexedSlices, use_locking: bool, name: str | None) -> Tensor:
        instance(sparse_delta, IndexedSlices, "sparse_delta")
        return kind(self, sparse_delta.indices, sparse_delta.values, use_locking, name)

    def scatter_sub(
        self, sparse_delta: IndexedSlices, use_locking: bool = False, name: str | None = None
    ) -> Tensor:
        """Subtracts from rows; rows that repeat count each time.

        Args:
            sparse_delta: An IndexedSlices: rows and where they belong.
            use_locking: Accepted; updates of one variable never overlap.
            name: A name for the operation.

        Returns:
            A Tensor that reads the value afterwards.

        Raises:
            TypeError: sparse_delta is no IndexedSlices, or the variable's dtype does not allow it.
            ValueError: the rows have another dtype or shape.
            InvalidArgumentError: an index is out of range (when it runs).
            FailedPreconditionError: the variable has no value yet (when it runs).

        Example:
            >>> v = fc.Variable([1.0, 2.0])
            >>> with fc.Session() as sess:
            ...     sess.run(v.initializer)
            ...     print(sess.run(v.scatter_sub(fc.IndexedSlices([9.0], [0]))))
            [-8.  2.]
        """
        return self._scatter(state_ops.scatter_sub, sparse_delta, use_locking, name)

    def scatter_add(
        self, sparse_delta: IndexedSlices, use_locking: bool = False, name: str | None = None
    ) -> Tensor:
        """Adds to rows; rows that repeat count each time.

        Args:
            sparse_delta: An IndexedSlices: rows and where they belong.
            use_locking: Accepted; updates of one variable never overlap.
            name: A name for the operation.

        Returns:
            A Tensor that reads the value afterwards.

        Raises:
            TypeError: sparse_delta is no IndexedSlices, or the variable's dtype does not allow it.
            ValueError: the rows have another dtype or shape.
            InvalidArgumentError: an index is out of range (when it runs).
            FailedPreconditionError: the variable has no value yet (when it runs).

        Example:
            >>> v = fc.Variable([1.0, 2.0])
            >>> with fc.Session() as sess:
            ...     sess.run(v.initializer)
            ...     print(sess.run(v.scatter_add(fc.IndexedSlices([9.0], [0]))))
            [10.  2.]
        """
        return self._scatter(state_ops.scatter_add, sparse_delta, use_locking, name)

    def scatter_update(
        self, sparse_delta: IndexedSlices, use_locking: bool = False, name: str | None = None
    ) -> Tensor:
        """Replaces rows; of rows that repeat the last one stays.

        Args:
            sparse_delta: An IndexedSlices: rows and where they belong.
            use_locking: Accepted; updates of one variable never overlap.
            name: A name for the operation.

        Returns:
            A Tensor that reads the value afterwards.

        Raises:
            TypeError: sparse_delta is no IndexedSlices, or the variable's dtype does not allow it.
            ValueError: the rows have another dtype or shape.
            InvalidArgumentError: an index is out of range (when it runs).
            FailedPreconditionError: the variable has no value yet (when it runs).

        Example:
            >>> v = fc.Variable([1.0, 2.0])
            >>> with fc.Session() as sess:
            ...     sess.run(v.initializer)
            ...     print(sess.run(v.scatter_update(fc.IndexedSlices([9.0], [0]))))
            [9. 2.]
        """
        return self._scatter(state_ops.scatter_update, sparse_delta, use_locking, name)

    def scatter_mul(
        self, sparse_delta: IndexedSlices, use_locking: bool = False, name: str | None = None
    ) -> Tensor:
        """Multiplies rows; rows that repeat count each time.

        Args:
            sparse_delta: An IndexedSlices: rows and where they belong.
            use_locking: Accepted; updates of one variable never overlap.
            name: A name for the operation.

        Returns:
            A Tensor that reads the value afterwards.

        Raises:
            TypeError: sparse_delta is no IndexedSlices, or the variable's dtype does not allow it.
            ValueError: the rows have another dtype or shape.
            InvalidArgumentError: an index is out of range (when it runs).
            FailedPreconditionError: the variable has no value yet (when it runs).

        Example:
            >>> v = fc.Variable([1.0, 2.0])
            >>> with fc.Session() as sess:
            ...     sess.run(v.initializer)
            ...     print(sess.run(v.scatter_mul(fc.IndexedSlices([9.0], [0]))))
            [9. 2.]
        """
        return self._scatter(state_ops.scatter_mul, sparse_delta, use_locking, name)

    def scatter_div(
        self, sparse_delta: IndexedSlices, use_locking: bool = False, name: str | None = None
    ) -> Tensor:
        """Divides rows; rows that repeat count each time.

        Args:
            sparse_delta: An IndexedSlices: rows and where they belong.
            use_locking: Accepted; updates of one variable never overlap.
            name: A name for the operation.

        Returns:
            A Tensor that reads the value afterwards.

        Raises:
            TypeError: sparse_delta is no IndexedSlices, or the variable's dtype does not allow it.
            ValueError: the rows have another dtype or shape.
            InvalidArgumentError: an index is out of range, or an integer is divided by 0 (when it
                runs).
            FailedPreconditionError: the variable has no value yet (when it runs).

        Example:
            >>> v = fc.Variable([1.0, 2.0])
            >>> with fc.Session() as sess:
            ...     sess.run(v.initializer)
            ...     print(sess.run(v.scatter_div(fc.IndexedSlices([4.0], [0]))))
            [0.25 2.  ]
        """
        return self._scatter(state_ops.scatter_div, sparse_delta, use_locking, name)

    def scatter_min(
        self, sparse_delta: IndexedSlices, use_locking: bool = False, name: str | None = None
    ) -> Tensor:
        """Keeps the lesser of rows and what is given.

        Args:
            sparse_delta: An IndexedSlices: rows and where they belong.
            use_locking: Accepted; updates of one variable never overlap.
            name: A name for the operation.

        Returns:
            A Tensor that reads the value afterwards.

        Raises:
            TypeError: sparse_delta is no IndexedSlices, or the variable's dtype does not allow it.
            ValueError: the rows have another dtype or shape.
            InvalidArgumentError: an index is out of range (when it runs).
            FailedPreconditionError: the variable has no value yet (when it runs).

        Example:
            >>> v = fc.Variable([1.0, 2.0])
            >>> with fc.Session() as sess:
            ...     sess.run(v.initializer)
            ...     print(sess.run(v.scatter_min(fc.IndexedSlices([9.0], [0]))))
            [1. 2.]
        """
        return self._scatter(state_ops.scatter_min, sparse_delta, use_locking, name)

    def scatter_max(
        self, sparse_delta: IndexedSlices, use_locking: bool = False, name: str | None = None
    ) -> Tensor:
        """Keeps the greater of rows and what is given.

        Args:
            sparse_delta: An IndexedSlices: rows and where they belong.
            use_locking: Accepted; updates of one variable never overlap.
            name: A name for the operation.

        Returns:
            A Tensor that reads the value afterwards.

        Raises:
            TypeError: sparse_delta is no IndexedSlices, or the variable's dtype does not allow it.
            ValueError: the rows have another dtype or shape.
            InvalidArgumentError: an index is out of range (when it runs).
            FailedPreconditionError: the variable has no value yet (when it runs).

        Example:
            >>> v = fc.Variable([1.0, 2.0])
            >>> with fc.Session() as sess:
            ...     sess.run(v.initializer)
            ...     print(sess.run(v.scatter_max(fc.IndexedSlices([9.0], [0]))))
            [9. 2.]
        """
        return self._scatter(state_ops.scatter_max, sparse_delta, use_locking, name)

    def count_up_to(self, limit: int) -> Tensor:
        """Its value, after which it counts up by one, until a limit is reached.

        Args:
            limit: The count at which it fails, an int.

        Returns:
            The count before, a Tensor.

        Raises:
            TypeError: the variable is not int32 or int64, or limit no whole number.
            OutOfRangeError: the count is limit already (when it runs).
            InvalidArgumentError: the variable is no scalar (when it runs).
            FailedPreconditionError: the variable has no value yet (when it runs).

        Example:
            >>> v = fc.Variable(0)
            >>> with fc.Session() as sess:
            ...     sess.run(v.initializer)
            ...     print(sess.run(v.count_up_to(5)))
            0
        """
        return state_ops.count_up_to(self, limit)

    def load(self, value: Any, session: Any = None) -> None:
        """Gives it a value from Python, at once.

        Args:
            value: A NumPy array, or what converts to one, of the variable's dtype and shape.
            session: A Session; None: the default session.

        Raises:
            TypeError: value does not convert to the dtype, or session is no Session.
            ValueError: value has another shape than the initial value, there is no default session,
                or session is of another graph.

        Example:
            >>> v = fc.Variable([1.0, 2.0])
            >>> with fc.Session() as sess:
            ...     v.load([3.0, 4.0])
            ...     print(sess.run(v))
            [3. 4.]
        """
        session = _session_for(self.graph, session, "Variable.load")
        session.run(self._initializer, {self._initializer.inputs[1]: value})

    def is_initialized(self, name: str | None = None) -> Tensor:
        """Whether it has a value.

        Args:
            name: A name for the operation.

        Returns:
            A scalar Tensor of dtype bool.

        Raises:
            ValueError: name is no valid one.

        Example:
            >>> fc.Session().run(fc.Variable(1.0).is_initialized())
            np.False_
        """
        return apply("IsVariableInitialized", self._variable, name=name)

    # -- as a tensor
    # -----------------------------------------------------------------------------------------------

    def __hash__(self) -> int:
        return id(self)

    def __eq__(self, other: object) -> bool:
        return self is other

    def __iter__(self) -> Any:
        """Raises TypeError: a variable is not iterable."""
        raise TypeError("'Variable' object is not iterable.")

    def __getitem__(self, key: Any) -> Tensor:
        """A part of its value, as for a Tensor."""
        return self.value()[key]

    def __bool__(self) -> bool:
        """Raises TypeError: there is no truth value while the graph is built."""
        raise TypeError(
            f"Variable '{self.name}' has no truth value while the graph is built; run it in a session to get"
            " its value"
        )

    def __repr__(self) -> str:
        return f"<flowcore.Variable '{self.name}' shape={self.shape} dtype={self.dtype.name}>"


class ResourceVariable(Variable):
    """A variable that is a resource in the graph: Variable(..., use_resource=True) makes one.

    Each use of its value is a read of its own, which runs in the order that control dependencies
    give.

    Args:
        initial_value: As for Variable, as are all others.
    """

    def _make(
        self, value: Tensor, static: TensorShape, validate_shape: bool, scope: str, from_function: bool
    ) -> None:
        self._dtype = value.dtype.base_dtype
        self._variable = apply(
            "VarHandleOp", dtype=self._dtype, shape=static, shared_name=scope[:-1], name=scope
        )
        apply("VarIsInitializedOp", self._variable, name="IsInitialized/VarIsInitializedOp")
        self._initializer = apply("AssignVariableOp", self._variable, value, name="Assign")
        self._snapshot = self._read("Read/ReadVariableOp")

    @property
    def handle(self) -> Tensor:
        """The resource tensor by which ops refer to it."""
        return self._variable

    @property
    def dtype(self) -> dtypes.DType:
        """The DType of its elements."""
        return self._dtype

    @property
    def _shared_name(self) -> str:
        return self.op.name

    def _ref(self) -> Tensor:
        raise TypeError(f"Variable '{self.name}' is a resource, to which there is no reference")

    def _read(self, name: str | None = None) -> Tensor:
        value = apply("ReadVariableOp", self._variable, dtype=self._dtype, name=name)
        if value.shape.is_fully_defined():
            return value
        value.set_shape(self._shape)
        return value

    def value(self) -> Tensor:
        """Its value at the moment when the read runs, in the order that control dependencies give.

        Returns:
            A Tensor.

        Example:
            >>> fc.Variable(2.0, use_resource=True).value().op.type
            'ReadVariableOp'
        """
        return self._read()

    def read_value(self) -> Tensor:
        """A fresh read, as a node of its own.

        Returns:
            A Tensor.

        Example:
            >>> fc.Variable(2.0, use_resource=True).read_value().dtype
            flowcore.float32
        """
        with name_scope("Read"):
            value = self._read()
        return apply("Identity", value)

    def sparse_read(self, indices: Any, name: str | None = None) -> Tensor:
        """Some rows, without a read of the others; their gradient is an IndexedSlices.

        Args:
            indices: The rows, a Tensor of dtype int32 or int64 and any shape.
            name: A name for the operation.

        Returns:
            A Tensor in the shape of indices followed by that of a row.

        Raises:
            TypeError: indices are of another dtype.
            ValueError: the variable is a scalar.
            InvalidArgumentError: an index is out of range (when it runs).
            FailedPreconditionError: the variable has no value yet (when it runs).

        Example:
            >>> v = fc.Variable([1.0, 2.0, 3.0], use_resource=True)
            >>> with fc.Session() as sess:
            ...     sess.run(v.initializer)
            ...     print(sess.run(v.sparse_read([2, 0])))
            [3. 1.]
        """
        name = "Gather" if name is None else name
        return apply("ResourceGather", self._variable, indices, dtype=self._dtype, name=name)

    def is_initialized(self, name: str | None = None) -> Tensor:
        """Whether it has a value.

        Args:
            name: A name for the operation.

        Returns:
            A scalar Tensor of dtype bool.

        Raises:
            ValueError: name is no valid one.

        Example:
            >>> fc.Session().run(fc.Variable(1.0, use_resource=True).is_initialized())
            np.False_
        """
        return apply("VarIsInitializedOp", self._variable, name=name)

    def _as_graph_element(self) -> Tensor:
        return self._snapshot

    def _after(self, op: Operation) -> Tensor:
        """The value as it is when `op` is done."""
        with control_dependencies([op]):
            return self._read()

    def _write(self, op_type: str, value: Any, use_locking: bool, name: str | None, read_value: bool) -> Any:
        flag(use_locking, "use_locking")
        self._check_value(value)
        value = convert_to_tensor(value, dtype=self._dtype)
        op = apply(f"{op_type}VariableOp", self._variable, value, dtype=self._dtype, name=name)
        return self._after(op) if flag(read_value, "read_value") else op


#: Set by variable_scope: whether a variable is a resource where nothing else is asked for.
default_use_resource_hook: Callable[[], bool] = lambda: False  # noqa: E731


def _resources_by_default() -> bool:
    return default_use_resource_hook()


def _forward(name: str) -> None:
    """Lets an operator of Tensor work on the variable's value."""
    method = getattr(Tensor, name)

    def operator(self: Variable, *args: Any) -> Any:
        return method(self.value(), *args)

    operator.__name__ = name
    operator.__doc__ = f"As {name} of a Tensor, on a read of the variable."
    setattr(Variable, name, operator)


def _refuse_in_place(name: str, instead: str) -> None:
    """`v += 1` would make `v` a tensor and leave the variable as it is."""

    def operator(self: Variable, other: Any) -> Any:
        raise RuntimeError(
            f"Variable '{self.name}': {name} would not change the variable; use {instead} for that, or"
            f" `x = variable {name[:-1]} value` for a new tensor"
        )

    operator.__doc__ = f"Raises RuntimeError: use {instead}."
    method = {"+=": "iadd", "-=": "isub", "*=": "imul", "/=": "itruediv", "//=": "ifloordiv", "**=": "ipow"}
    setattr(Variable, f"__{method[name]}__", operator)


for _symbol in ("*=", "/=", "//=", "**="):
    _refuse_in_place(_symbol, "variable.assign")
_refuse_in_place("+=", "variable.assign_add")
_refuse_in_place("-=", "variable.assign_sub")
for _operator in sorted(Tensor.OVERLOADABLE_OPERATORS - {"__getitem__"}):
    _forward(_operator)
Variable.__array_priority__ = 100  # type: ignore[attr-defined]


def _inside_a_body(value: Any) -> bool:
    """Whether a value exists only while a function, a branch or a loop runs."""
    return isinstance(value, Tensor) and value.graph.root is not value.graph


def _to_tensor(value: Variable, dtype: Any = None, name: str | None = None, as_ref: bool = False) -> Any:
    own = value.dtype.base_dtype
    if dtype is not None and dtype.base_dtype is not own:
        raise ValueError(f"variable '{value.name}' is {own.name}, but {dtype.name} is asked for")
    return value._ref() if as_ref and own is not value.dtype else value.value()


register_tensor_conversion_function(Variable, _to_tensor)


# ---- collections ----------------------------------------


def global_variables(scope: str | None = None) -> list[Variable]:
    """The variables that a checkpoint of the model would hold.

    Args:
        scope: A regular expression: only variables whose name begins with a match; None: all.

    Returns:
        A list of Variables.

    Raises:
        TypeError: scope is no str.
        ValueError: scope is no regular expression.

    Example:
        >>> fc.global_variables()
        []
    """
    return get_collection(GraphKeys.GLOBAL_VARIABLES, scope)


all_variables = global_variables


def local_variables(scope: str | None = None) -> list[Variable]:
    """The variables of this process alone: counts of epochs and the like.

    Args:
        scope: A regular expression: only variables whose name begins with a match; None: all.

    Returns:
        A list of Variables.

    Raises:
        TypeError: scope is no str.
        ValueError: scope is no regular expression.

    Example:
        >>> fc.local_variables()
        []
    """
    return get_collection(GraphKeys.LOCAL_VARIABLES, scope)


def trainable_variables(scope: str | None = None) -> list[Variable]:
    """The variables that optimisers change by default.

    Args:
        scope: A regular expression: only variables whose name begins with a match; None: all.

    Returns:
        A list of Variables.

    Raises:
        TypeError: scope is no str.
        ValueError: scope is no regular expression.

    Example:
        >>> fc.trainable_variables()
        []
    """
    return get_collection(GraphKeys.TRAINABLE_VARIABLES, scope)


def model_variables(scope: str | None = None) -> list[Variable]:
    """The variables in the collection MODEL_VARIABLES.

    Args:
        scope: A regular expression: only variables whose name begins with a match; None: all.

    Returns:
        A list of Variables.

    Raises:
        TypeError: scope is no str.
        ValueError: scope is no regular expression.

    Example:
        >>> fc.model_variables()
        []
    """
    return get_collection(GraphKeys.MODEL_VARIABLES, scope)


def moving_average_variables(scope: str | None = None) -> list[Variable]:
    """The variables in the collection MOVING_AVERAGE_VARIABLES.

    Args:
        scope: A regular expression: only variables whose name begins with a match; None: all.

    Returns:
        A list of Variables.

    Raises:
        TypeError: scope is no str.
        ValueError: scope is no regular expression.

    Example:
        >>> fc.moving_average_variables()
        []
    """
    return get_collection(GraphKeys.MOVING_AVERAGE_VARIABLES, scope)


def variables_initializer(var_list: list[Variable], name: str = "init") -> Operation:
    """An operation that initialises some variables.

    Args:
        var_list: A list of Variables.
        name: A name for the operation.

    Returns:
        An Operation.

    Raises:
        TypeError: an entry is no Variable.

    Example:
        >>> v = fc.Variable(1.0)
        >>> with fc.Session() as sess:
        ...     sess.run(fc.variables_initializer([v]))
        ...     print(sess.run(v))
        1.0
    """
    variables = _variables(var_list)
    return group(*[v.initializer for v in variables], name=name) if variables else no_op(name=name)


def _variables(var_list: Any) -> list[Variable]:
    return [instance(v, Variable, "each of var_list") for v in listed(var_list, "var_list")]


def global_variables_initializer() -> Operation:
    """An operation that initialises all global variables that there are now.

    Returns:
        An Operation.

    Example:
        >>> v = fc.Variable(1.0)
        >>> with fc.Session() as sess:
        ...     sess.run(fc.global_variables_initializer())
        ...     print(sess.run(v))
        1.0
    """
    return variables_initializer(global_variables())


initialize_all_variables = global_variables_initializer


def local_variables_initializer() -> Operation:
    """An operation that initialises all local variables that there are now.

    Returns:
        An Operation.

    Example:
        >>> fc.Session().run(fc.local_variables_initializer())
    """
    return variables_initializer(local_variables())


def is_variable_initialized(variable: Variable) -> Tensor:
    """Whether a variable has a value.

    Args:
        variable: The Variable.

    Returns:
        A scalar Tensor of dtype bool.

    Raises:
        TypeError: variable is no Variable.

    Example:
        >>> fc.Session().run(fc.is_variable_initialized(fc.Variable(1.0)))
        np.False_
    """
    return instance(variable, Variable, "variable").is_initialized()


def report_uninitialized_variables(
    var_list: list[Variable] | None = None, name: str = "report_uninitialized_variables"
) -> Tensor:
    """The names of variables that have no value yet.

    Args:
        var_list: A list of Variables; None: all global and local ones.
        name: A name for the scope.

    Returns:
        A vector of dtype string.

    Raises:
        TypeError: an entry is no Variable.

    Example:
        >>> v = fc.Variable(1.0, name="v")
        >>> fc.Session().run(fc.report_uninitialized_variables())
        array([b'v'], dtype=object)
    """
    variables = global_variables() + local_variables() if var_list is None else _variables(var_list)
    with name_scope(name):
        if not variables:
            return convert_to_tensor(np.array([], object), dtype=dtypes.string)
        parts = [
            apply(
                "Slice",
                convert_to_tensor([v.op.name]),
                [0],
                apply(
                    "Reshape", apply("Cast", apply("LogicalNot", v.is_initialized()), DstT=dtypes.int32), [1]
                ),
            )
            for v in variables
        ]
        return concat(parts, 0) if len(parts) > 1 else parts[0]


def assert_variables_initialized(var_list: list[Variable] | None = None) -> Operation | None:
    """An operation that fails where a variable has no value.

    Args:
        var_list: A list of Variables; None: all global and local ones.

    Returns:
        An Operation; None where there is no variable.

    Raises:
        TypeError: an entry is no Variable.
        FailedPreconditionError: a variable has no value (when it runs).

    Example:
        >>> v = fc.Variable(1.0)
        >>> check = fc.assert_variables_initialized()
        >>> with fc.Session() as sess:
        ...     sess.run(v.initializer)
        ...     sess.run(check)
    """
    variables = global_variables() + local_variables() if var_list is None else _variables(var_list)
    return group(*[v.value().op for v in variables]) if variables else None
