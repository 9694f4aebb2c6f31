"""Ops on variables: handles, reads, assignments, rows, and the optimisers' updates.

The ops on references, which the functions here make for variables that are no resources, are declared in
reference_ops.py. The Variable class is in variables.py.
"""

from __future__ import annotations

from typing import Any

from flowcore import dtypes
from flowcore.arguments import described, flag
from flowcore.dtypes import DType
from flowcore.graph.apply import apply
from flowcore.graph.conversion import convert_to_tensor
from flowcore.graph.op_def import register
from flowcore.graph.operation import IndexedSlices, Operation, Tensor
from flowcore.ops import shapes
from flowcore.ops.filling import zeros_like
from flowcore.ops.joining import concat
from flowcore.ops.shape_ops import reshape
from flowcore.shape import UNKNOWN, TensorShape

__all__ = [
    "assign",
    "assign_add",
    "assign_sub",
    "count_up_to",
    "scatter_add",
    "scatter_div",
    "scatter_max",
    "scatter_min",
    "scatter_mul",
    "scatter_sub",
    "scatter_update",
]

register(
    "VarHandleOp",
    outputs=["resource: resource"],
    attrs=["container: string = ''", "shared_name: string = ''", "dtype: type", "shape: shape"],
    shape=shapes.scalar,
    makes="variable",
    grad=None,
)


def declared_shape(handle: Tensor) -> TensorShape:
    """The static shape of the variable behind a handle or a reference."""
    if handle._dtype._is_ref_dtype:
        return handle._shape
    outer = handle._op._graph._captured_tensor(handle)
    if outer is not None:  # an argument of a body
        return declared_shape(outer)
    return handle.op.get_attr("shape") if handle.op.type == "VarHandleOp" else UNKNOWN


register(
    "ReadVariableOp",
    inputs=["resource: resource"],
    outputs=["value: dtype"],
    attrs=["dtype: type"],
    shape=lambda op: [declared_shape(op.inputs[0])],
    reads={"resource": "variable"},
    grad=lambda op, g: g,
)
register(
    "VarIsInitializedOp",
    inputs=["resource: resource"],
    outputs=["is_initialized: bool"],
    shape=shapes.scalar,
    reads={"resource": "variable"},
    grad=None,
)
register(
    "VariableShape",
    inputs=["input: resource"],
    outputs=["output: out_type"],
    attrs=["out_type: {indices} = int32"],
    shape=lambda op: [shapes.vector_of(declared_shape(op.inputs[0]).ndims)],
    reads={"input": "variable"},
    grad=None,
    from_shapes=True,
)


def _assign_shape(op: Operation) -> Any:
    declared_shape(op.inputs[0]).assert_is_compatible_with(op.inputs[1].shape)
    return []


#: What may be assigned, and what may be added to.
_ASSIGNS = {"": "type", "Add": "{numbers}", "Sub": "{numbers}"}
for _name, _types in _ASSIGNS.items():
    register(
        f"Assign{_name}VariableOp",
        inputs=["resource: resource", "value: dtype"],
        attrs=[f"dtype: {_types}"],
        shape=_assign_shape,
        writes={"resource": "variable"},
        grad=None,
    )
#: What Assign(validate_shape=False) becomes: the value may have another shape than the variable.
register(
    "_AssignAnyShape",
    inputs=["resource: resource", "value: dtype"],
    attrs=["dtype: type"],
    shape=shapes.none,
    writes={"resource": "variable"},
    grad=None,
)


def value_shape(x: Tensor) -> Tensor:
    """The shape of a tensor, or of the variable that a handle stands for, when the graph runs."""
    return apply("VariableShape", x) if x._dtype is dtypes.resource else apply("Shape", x)


def zeros_for(x: Tensor, dtype: DType) -> Tensor:
    """Zeros like `x`; where it is the handle of a variable, like its value, of this dtype."""
    if x._dtype is not dtypes.resource:
        return zeros_like(x)
    return apply("Fill", value_shape(x), apply("Cast", 0, DstT=dtype))


def _resource_gather_shape(op: Operation) -> Any:
    rows, indices = declared_shape(op.inputs[0]), op.inputs[1].shape
    if rows.sizes is None or indices.sizes is None:
        return [UNKNOWN]
    return [indices.concatenate(rows.with_rank_at_least(1)[1:])]


def _resource_gather_grad(op: Operation, g: Any) -> list[Any]:
    handle, indices = op.inputs
    inner = declared_shape(handle)[1:]
    dims = apply("VariableShape", handle)
    tail: Any = inner.as_list() if inner.is_fully_defined() else None
    values = reshape(g, [-1, *tail]) if tail is not None else reshape(g, concat([[-1], dims[1:]], 0))
    return [IndexedSlices(values, reshape(indices, [-1]), dims), None]


register(
    "ResourceGather",
    inputs=["resource: resource", "indices: Tindices"],
    outputs=["output: dtype"],
    attrs=["validate_indices: bool = True", "dtype: type", "Tindices: {indices}"],
    shape=_resource_gather_shape,
    reads={"resource": "variable"},
    grad=_resource_gather_grad,
)


def _check_rows(what: str, rows: TensorShape, indices: TensorShape, declared: TensorShape) -> None:
    """Rows of a variable of shape `declared`: the shape of the indices, then that of a row."""
    if declared.sizes is None or indices.sizes is None:
        return
    expected = indices.concatenate(declared.with_rank_at_least(1)[1:])
    if not rows.is_compatible_with(expected):
        raise ValueError(
            f"{what} must have the shape of indices {indices} followed by that of the variable's rows"
            f" {expected[indices.ndims :]}, together {expected}; found {rows}"
        )


def _scatter_shape(op: Operation) -> Any:
    handle, indices, updates = op.inputs
    if declared_shape(handle).ndims == 0:
        raise ValueError(
            f"Variable '{handle.op.name}' is a scalar, which has no rows: use assign and its like"
        )
    if updates.shape.ndims != 0:  # a scalar serves all rows
        _check_rows("updates", updates.shape, indices.shape, declared_shape(handle))
    return []


#: What may be scattered: complex numbers have no order.
SCATTERS = {
    "Update": "type",
    "Add": "{numbers}",
    "Sub": "{numbers}",
    "Mul": "{numbers}",
    "Div": "{numbers}",
    "Min": "{reals}",
    "Max": "{reals}",
}
for _name, _types in SCATTERS.items():
    register(
        f"ResourceScatter{_name}",
        inputs=["resource: resource", "indices: Tindices", "updates: dtype"],
        attrs=[f"dtype: {_types}", "Tindices: {indices}"],
        shape=_scatter_shape,
        writes={"resource": "variable"},
        grad=None,
    )
register(
    "ResourceCountUpTo",
    inputs=["resource: resource"],
    outputs=["output: T"],
    attrs=["limit: int", "T: {indices}"],
    shape=shapes.scalar,
    writes={"resource": "variable"},
    grad=None,
)

_LOCK = ["T: {floats}", "use_locking: bool = False"]


def _update_shape(op: Operation) -> Any:
    """Slots and gradient have the shape of the variable, the rest are scalars.

    A sparse gradient has the shape of some rows.
    """
    declared = declared_shape(op.inputs[0])
    arguments = op._op_def.input_arg
    indices = next((t for a, t in zip(arguments, op.inputs, strict=True) if a.name == "indices"), None)
    for argument, tensor in zip(arguments, op.inputs, strict=True):
        name = argument.name
        if tensor.dtype == dtypes.resource or argument.is_ref:
            found = declared_shape(tensor)
        elif name in ("grad", "delta") and indices is not None:
            _check_rows(name, tensor.shape, indices.shape, declared)
            continue
        elif name in ("grad", "delta"):
            found = tensor.shape
        elif name == "indices":
            tensor.shape.assert_has_rank(1)
            continue
        else:
            tensor.shape.assert_has_rank(0)
            continue
        if not found.is_compatible_with(declared):
            raise ValueError(f"{name} must have the variable's shape {declared}, found {found}")
    return []


#: Inputs and attributes of the optimisers' updates, by the op type of their form on references; that on
#: handles is named "Resource..." in front.
UPDATES: dict[str, tuple[list[str], list[str]]] = {}


def _update(op_type: str, inputs: list[str], extra: tuple[str, ...] = ()) -> None:
    names = [name for name, _, kind in (spec.partition(": ") for spec in inputs) if kind == "resource"]
    writes = dict.fromkeys(names, "variable")
    attrs = [*_LOCK, *extra]
    register(f"Resource{op_type}", inputs=inputs, attrs=attrs, shape=_update_shape, writes=writes, grad=None)
    UPDATES[op_type] = inputs, attrs


_update("ApplyGradientDescent", ["var: resource", "alpha: T", "delta: T"])
_update(
    "ApplyMomentum",
    ["var: resource", "accum: resource", "lr: T", "grad: T", "momentum: T"],
    ("use_nesterov: bool = False",),
)
_update(
    "SparseApplyMomentum",
    ["var: resource", "accum: resource", "lr: T", "grad: T", "indices: Tindices", "momentum: T"],
    ("Tindices: {indices}", "use_nesterov: bool = False"),
)
_update(
    "ApplyAdam",
    [
        "var: resource",
        "m: resource",
        "v: resource",
        "beta1_power: T",
        "beta2_power: T",
        "lr: T",
        "beta1: T",
        "beta2: T",
        "epsilon: T",
        "grad: T",
    ],
    ("use_nesterov: bool = False",),
)
_update(
    "ApplyAdagrad",
    ["var: resource", "accum: resource", "lr: T", "grad: T"],
    ("update_slots: bool = True",),
)
_update(
    "SparseApplyAdagrad",
    ["var: resource", "accum: resource", "lr: T", "grad: T", "indices: Tindices"],
    ("Tindices: {indices}", "update_slots: bool = True"),
)
_update(
    "ApplyRMSProp",
    [
        "var: resource",
        "ms: resource",
        "mom: resource",
        "lr: T",
        "rho: T",
        "momentum: T",
        "epsilon: T",
        "grad: T",
    ],
)


def _variable(ref: Any, what: str) -> Any:
    """`ref` itself. Raises TypeError when it is no variable, a class that this file may not import, and no
    reference to one.
    """
    if not _is_reference(ref) and not isinstance(getattr(ref, "handle", None), Tensor):
        raise TypeError(f"{what} must be a Variable, found {described(ref)}")
    return ref


def _is_reference(ref: Any) -> bool:
    """Whether it is a reference, or a variable that has one."""
    dtype = getattr(ref, "dtype", None)
    return isinstance(dtype, dtypes.DType) and dtype._is_ref_dtype


def assign(
    ref: Any,
    value: Any,
    validate_shape: bool | None = None,
    use_locking: bool | None = None,
    name: str | None = None,
) -> Tensor:
    """Gives a variable a value.

    Args:
        ref: The Variable, or a reference to it.
        value: A Tensor of its dtype and shape, or what converts to one.
        validate_shape: False gives it a value of another shape, too, where the variable is no
            resource; None: True.
        use_locking: Accepted; updates of one variable never overlap.
        name: A name for the operation.

    Returns:
        The variable as it is afterwards, a Tensor.

    Raises:
        TypeError: ref is no Variable, value has another dtype or does not convert to it, or
            validate_shape or use_locking is no bool.
        ValueError: value has another shape.
        InvalidArgumentError: value has another shape (when it runs).

    Example:
        >>> v = fc.Variable(1.0)
        >>> fc.Session().run(fc.assign(v, 2.0))
        np.float32(2.0)
    """
    validate_shape = True if validate_shape is None else flag(validate_shape, "validate_shape")
    if not _is_reference(ref):
        return _variable(ref, "ref").assign(value, _or_false(use_locking), name)
    use_locking = True if use_locking is None else flag(use_locking, "use_locking")
    return apply("Assign", ref, value, validate_shape=validate_shape, use_locking=use_locking, name=name)


def assign_add(ref: Any, value: Any, use_locking: bool | None = None, name: str | None = None) -> Tensor:
    """Adds to a variable.

    Args:
        ref: The Variable, or a reference to it.
        value: A Tensor of its dtype and shape, or what converts to one.
        use_locking: Accepted; updates of one variable never overlap.
        name: A name for the operation.

    Returns:
        The variable as it is afterwards, a Tensor.

    Raises:
        TypeError: ref is no Variable, or one that holds no numbers, value has another dtype or does
            not convert to it, or use_locking is no bool.
        ValueError: value has another shape.
        InvalidArgumentError: value has another shape (when it runs).
        FailedPreconditionError: the variable has no value yet (when it runs).

    Example:
        >>> v = fc.Variable(1.0)
        >>> with fc.Session() as sess:
        ...     sess.run(v.initializer)
        ...     print(sess.run(fc.assign_add(v, 2.0)))
        3.0
    """
    return _changed("AssignAdd", ref, value, use_locking, name)


def assign_sub(ref: Any, value: Any, use_locking: bool | None = None, name: str | None = None) -> Tensor:
    """Subtracts from a variable.

    Args:
        ref: The Variable, or a reference to it.
        value: A Tensor of its dtype and shape, or what converts to one.
        use_locking: Accepted; updates of one variable never overlap.
        name: A name for the operation.

    Returns:
        The variable as it is afterwards, a Tensor.

    Raises:
        TypeError: ref is no Variable, or one that holds no numbers, value has another dtype or does
            not convert to it, or use_locking is no bool.
        ValueError: value has another shape.
        InvalidArgumentError: value has another shape (when it runs).
        FailedPreconditionError: the variable has no value yet (when it runs).

    Example:
        >>> v = fc.Variable(1.0)
        >>> with fc.Session() as sess:
        ...     sess.run(v.initializer)
        ...     print(sess.run(fc.assign_sub(v, 2.0)))
        -1.0
    """
    return _changed("AssignSub", ref, value, use_locking, name)


def _changed(op_type: str, ref: Any, value: Any, use_locking: bool | None, name: str | None) -> Tensor:
    use_locking = flag(_or_false(use_locking), "use_locking")
    if _is_reference(ref):
        return apply(op_type, ref, value, use_locking=use_locking, name=name)
    method = {"AssignAdd": "assign_add", "AssignSub": "assign_sub"}[op_type]
    return getattr(_variable(ref, "ref"), method)(value, use_locking, name)


def count_up_to(ref: Any, limit: int, name: str | None = None) -> Tensor:
    """Counts a variable up by one, until a limit is reached.

    Args:
        ref: A scalar Variable of dtype int32 or int64.
        limit: The count at which it fails, an int.
        name: A name for the operation.

    Returns:
        The count before, a Tensor of the variable's dtype.

    Raises:
        TypeError: ref is no Variable of these dtypes, or limit no whole number.
        OutOfRangeError: the count is limit already (when it runs).
        InvalidArgumentError: the variable is no scalar (when it runs).
        FailedPreconditionError: the variable has no value yet (when it runs).

    Example:
        >>> v = fc.Variable(0)
        >>> with fc.Session() as sess:
        ...     sess.run(v.initializer)
        ...     print(sess.run(fc.count_up_to(v, 5)))
        0
    """
    if _is_reference(ref):
        return apply("CountUpTo", ref, limit=limit, name=name)
    return apply("ResourceCountUpTo", _variable(ref, "ref").handle, limit=limit, T=ref.dtype, name=name)


def _or_false(value: Any) -> Any:
    return False if value is None else value


def _scatter(kind: str, ref: Any, indices: Any, updates: Any, use_locking: bool, name: str | None) -> Any:
    flag(use_locking, "use_locking")
    if _is_reference(ref):
        return apply(f"Scatter{kind}", ref, indices, updates, use_locking=use_locking, name=name)
    handle = _variable(ref, "ref").handle
    updates = convert_to_tensor(updates, dtype=ref.dtype)
    return ref._after(apply(f"ResourceScatter{kind}", handle, indices, updates, name=name))


def scatter_update(
    ref: Any, indices: Any, updates: Any, use_locking: bool = True, name: str | None = None
) -> Tensor:
    """Replaces rows of a variable; of rows that repeat the last one stays.

    Args:
        ref: A Variable of any dtype and rank 1 or more.
        indices: The rows, a Tensor of dtype int32 or int64.
        updates: A Tensor of the variable's dtype: a row for each index, in the shape of indices
            followed by that of a row; or a scalar, which serves all rows.
        use_locking: Accepted; updates of one variable never overlap.
        name: A name for the operation.

    Returns:
        The variable as it is afterwards, a Tensor.

    Raises:
        TypeError: ref is no Variable of these dtypes, indices are of another dtype, or updates do
            not convert.
        ValueError: updates have another dtype or shape.
        InvalidArgumentError: an index is out of range (when it runs).
        FailedPreconditionError: the variable has no value yet (when it runs).

    Example:
        >>> v = fc.Variable([1.0, 2.0])
        >>> with fc.Session() as sess:
        ...     sess.run(v.initializer)
        ...     print(sess.run(fc.scatter_update(v, [0], [9.0])))
        [9. 2.]
    """
    return _scatter("Update", ref, indices, updates, use_locking, name)


def scatter_add(
    ref: Any, indices: Any, updates: Any, use_locking: bool = False, name: str | None = None
) -> Tensor:
    """Adds to rows of a variable; rows that repeat count each time.

    Args:
        ref: A Variable of a number dtype and rank 1 or more.
        indices: The rows, a Tensor of dtype int32 or int64.
        updates: A Tensor of the variable's dtype: a row for each index, in the shape of indices
            followed by that of a row; or a scalar, which serves all rows.
        use_locking: Accepted; updates of one variable never overlap.
        name: A name for the operation.

    Returns:
        The variable as it is afterwards, a Tensor.

    Raises:
        TypeError: ref is no Variable of these dtypes, indices are of another dtype, or updates do
            not convert.
        ValueError: updates have another dtype or shape.
        InvalidArgumentError: an index is out of range (when it runs).
        FailedPreconditionError: the variable has no value yet (when it runs).

    Example:
        >>> v = fc.Variable([1.0, 2.0])
        >>> with fc.Session() as sess:
        ...     sess.run(v.initializer)
        ...     print(sess.run(fc.scatter_add(v, [0], [9.0])))
        [10.  2.]
    """
    return _scatter("Add", ref, indices, updates, use_locking, name)


def scatter_sub(
    ref: Any, indices: Any, updates: Any, use_locking: bool = False, name: str | None = None
) -> Tensor:
    """Subtracts from rows of a variable; rows that repeat count each time.

    Args:
        ref: A Variable of a number dtype and rank 1 or more.
        indices: The rows, a Tensor of dtype int32 or int64.
        updates: A Tensor of the variable's dtype: a row for each index, in the shape of indices
            followed by that of a row; or a scalar, which serves all rows.
        use_locking: Accepted; updates of one variable never overlap.
        name: A name for the operation.

    Returns:
        The variable as it is afterwards, a Tensor.

    Raises:
        TypeError: ref is no Variable of these dtypes, indices are of another dtype, or updates do
            not convert.
        ValueError: updates have another dtype or shape.
        InvalidArgumentError: an index is out of range (when it runs).
        FailedPreconditionError: the variable has no value yet (when it runs).

    Example:
        >>> v = fc.Variable([1.0, 2.0])
        >>> with fc.Session() as sess:
        ...     sess.run(v.initializer)
        ...     print(sess.run(fc.scatter_sub(v, [0], [9.0])))
        [-8.  2.]
    """
    return _scatter("Sub", ref, indices, updates, use_locking, name)


def scatter_mul(
    ref: Any, indices: Any, updates: Any, use_locking: bool = False, name: str | None = None
) -> Tensor:
    """Multiplies rows of a variable; rows that repeat count each time.

    Args:
        ref: A Variable of a number dtype and rank 1 or more.
        indices: The rows, a Tensor of dtype int32 or int64.
        updates: A Tensor of the variable's dtype: a row for each index, in the shape of indices
            followed by that of a row; or a scalar, which serves all rows.
        use_locking: Accepted; updates of one variable never overlap.
        name: A name for the operation.

    Returns:
        The variable as it is afterwards, a Tensor.

    Raises:
        TypeError: ref is no Variable of these dtypes, indices are of another dtype, or updates do
            not convert.
        ValueError: updates have another dtype or shape.
        InvalidArgumentError: an index is out of range (when it runs).
        FailedPreconditionError: the variable has no value yet (when it runs).

    Example:
        >>> v = fc.Variable([1.0, 2.0])
        >>> with fc.Session() as sess:
        ...     sess.run(v.initializer)
        ...     print(sess.run(fc.scatter_mul(v, [0], [9.0])))
        [9. 2.]
    """
    return _scatter("Mul", ref, indices, updates, use_locking, name)


def scatter_div(
    ref: Any, indices: Any, updates: Any, use_locking: bool = False, name: str | None = None
) -> Tensor:
    """Divides rows of a variable; rows that repeat count each time.

    Args:
        ref: A Variable of a number dtype and rank 1 or more.
        indices: The rows, a Tensor of dtype int32 or int64.
        updates: A Tensor of the variable's dtype: a row for each index, in the shape of indices
            followed by that of a row; or a scalar, which serves all rows.
        use_locking: Accepted; updates of one variable never overlap.
        name: A name for the operation.

    Returns:
        The variable as it is afterwards, a Tensor.

    Raises:
        TypeError: ref is no Variable of these dtypes, indices are of another dtype, or updates do
            not convert.
        ValueError: updates have another dtype or shape.
        InvalidArgumentError: an index is out of range, or an integer is divided by 0 (when it
            runs).
        FailedPreconditionError: the variable has no value yet (when it runs).

    Example:
        >>> v = fc.Variable([1.0, 2.0])
        >>> with fc.Session() as sess:
        ...     sess.run(v.initializer)
        ...     print(sess.run(fc.scatter_div(v, [0], [4.0])))
        [0.25 2.  ]
    """
    return _scatter("Div", ref, indices, updates, use_locking, name)


def scatter_min(
    ref: Any, indices: Any, updates: Any, use_locking: bool = False, name: str | None = None
) -> Tensor:
    """Puts the lesser of rows and others in a variable's rows.

    Args:
        ref: A Variable of a real number dtype and rank 1 or more.
        indices: The rows, a Tensor of dtype int32 or int64.
        updates: A Tensor of the variable's dtype: a row for each index, in the shape of indices
            followed by that of a row; or a scalar, which serves all rows.
        use_locking: Accepted; updates of one variable never overlap.
        name: A name for the operation.

    Returns:
        The variable as it is afterwards, a Tensor.

    Raises:
        TypeError: ref is no Variable of these dtypes, indices are of another dtype, or updates do
            not convert.
        ValueError: updates have another dtype or shape.
        InvalidArgumentError: an index is out of range (when it runs).
        FailedPreconditionError: the variable has no value yet (when it runs).

    Example:
        >>> v = fc.Variable([1.0, 2.0])
        >>> with fc.Session() as sess:
        ...     sess.run(v.initializer)
        ...     print(sess.run(fc.scatter_min(v, [0], [9.0])))
        [1. 2.]
    """
    return _scatter("Min", ref, indices, updates, use_locking, name)


def scatter_max(
    ref: Any, indices: Any, updates: Any, use_locking: bool = False, name: str | None = None
) -> Tensor:
    """Puts the greater of rows and others in a variable's rows.

    Args:
        ref: A Variable of a real number dtype and rank 1 or more.
        indices: The rows, a Tensor of dtype int32 or int64.
        updates: A Tensor of the variable's dtype: a row for each index, in the shape of indices
            followed by that of a row; or a scalar, which serves all rows.
        use_locking: Accepted; updates of one variable never overlap.
        name: A name for the operation.

    Returns:
        The variable as it is afterwards, a Tensor.

    Raises:
        TypeError: ref is no Variable of these dtypes, indices are of another dtype, or updates do
            not convert.
        ValueError: updates have another dtype or shape.
        InvalidArgumentError: an index is out of range (when it runs).
        FailedPreconditionError: the variable has no value yet (when it runs).

    Example:
        >>> v = fc.Variable([1.0, 2.0])
        >>> with fc.Session() as sess:
        ...     sess.run(v.initializer)
        ...     print(sess.run(fc.scatter_max(v, [0], [9.0])))
        [9. 2.]
    """
    return _scatter("Max", ref, indices, updates, use_locking, name)
