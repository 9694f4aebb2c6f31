"""The variables that get_variable has made, by name.

One is made from a shape and an initializer, or found if it fits.

Owns: VariableStore. Must never import variable_scope, which says under which name and with which defaults.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from flowcore import dtypes, locks
from flowcore.graph.constants import make_array
from flowcore.graph.graph import GraphKeys, get_default_graph
from flowcore.graph.operation import Tensor
from flowcore.graph.scopes import name_scope
from flowcore.ops.initializers import glorot_uniform_initializer, zeros_initializer
from flowcore.ops.variables import Variable
from flowcore.shape import TensorShape

__all__: list[str] = []


class VariableStore:
    """The variables of one graph that get_variable has made, by name."""

    def __init__(self) -> None:
        self.variables: dict[str, Variable] = {}
        self._lock = locks.reentrant_lock()

    def get(
        self,
        name: str,
        shape: Any,
        dtype: Any,
        initializer: Any,
        regularizer: Any,
        reuse: Any,
        trainable: bool | None,
        collections: Any,
        validate_shape: bool,
        constraint: Any,
        use_resource: bool | None,
    ) -> Variable:
        """The variable of this full name: made, or found where `reuse` allows it."""
        with self._lock:
            if name in self.variables:
                return self._existing(name, shape, dtype, reuse)
            if reuse is True:
                raise ValueError(
                    f"there is no variable {name} made by flowcore.get_variable to reuse. With"
                    " reuse=flowcore.AUTO_REUSE the scope would make it."
                )
            variable = _create(
                name,
                shape,
                dtype,
                initializer,
                trainable,
                collections,
                validate_shape,
                constraint,
                use_resource,
            )
            self.variables[name] = variable
        if regularizer is not None:
            with get_default_graph().colocate_with(variable.op), name_scope(f"{name}/Regularizer/"):
                loss = regularizer(variable)
            if loss is not None:
                get_default_graph().add_to_collection(GraphKeys.REGULARIZATION_LOSSES, loss)
        return variable

    def _existing(self, name: str, shape: Any, dtype: Any, reuse: Any) -> Variable:
        found = self.variables[name]
        if reuse in (None, False):
            where = f" It was made at {found.op.created_at}." if found.op.created_at else ""
            raise ValueError(
                f"variable {name} already exists; a scope with reuse=True or reuse=flowcore.AUTO_REUSE shares"
                f" it.{where}"
            )
        wanted = TensorShape(shape)
        if not wanted.is_compatible_with(found.shape):
            raise ValueError(f"variable {name} has shape {found.shape}, and does not fit shape {wanted}")
        own, wanted_dtype = found.dtype.base_dtype, dtypes.as_dtype(dtype).base_dtype
        if wanted_dtype is not own:
            raise ValueError(f"variable {name} is {own.name}, but dtype {wanted_dtype.name} is asked for")
        return found


def is_constant(initializer: Any) -> bool:
    """Whether an initializer is a value rather than a function that yields one."""
    return initializer is not None and (
        isinstance(initializer, (Tensor, Variable)) or not callable(initializer)
    )


def constant_dtype(value: Any) -> dtypes.DType:
    """The dtype that a variable takes from a value."""
    if isinstance(value, (Tensor, Variable)):
        return value.dtype.base_dtype
    array: np.ndarray = make_array(value)
    return dtypes.string if array.dtype == object else dtypes.as_dtype(array.dtype)


def _create(
    name: str,
    shape: Any,
    dtype: Any,
    initializer: Any,
    trainable: bool | None,
    collections: Any,
    validate_shape: bool,
    constraint: Any,
    use_resource: bool | None,
) -> Variable:
    kind = dtypes.as_dtype(dtype).base_dtype
    known = TensorShape(shape)
    if initializer is None:
        initializer = _default_initializer(name, kind)
    if inspect.isclass(initializer):
        initializer = initializer()
    if is_constant(initializer):
        if shape is not None:
            raise ValueError("a value as initializer has a shape of its own; leave shape out")
        first: Any = initializer.initialized_value if isinstance(initializer, Variable) else initializer
    elif not known.is_fully_defined() and (shape is not None or _needs_shape(initializer)):
        raise ValueError(f"the shape of new variable {name} must be fully defined, found {known}")
    else:
        first = initializer if shape is None else _from_shape(initializer, known, kind)
    # what it yields says the dtype
    own_type = isinstance(first, Tensor) or (shape is None and callable(first))
    return Variable(
        first,
        trainable,
        collections,
        validate_shape,
        name=name,
        dtype=None if own_type else kind,
        constraint=constraint,
        use_resource=use_resource,
    )


def _default_initializer(name: str, kind: dtypes.DType) -> Any:
    if kind.is_floating:
        return glorot_uniform_initializer()
    if kind.is_integer or kind.is_bool or kind == dtypes.string:
        return zeros_initializer()
    raise ValueError(f"variable {name} needs an initializer: {kind.name} has none by default")


def _needs_shape(initializer: Callable[..., Any]) -> bool:
    return any(
        p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
        for p in parameters(initializer).values()
    )


def parameters(function: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """The parameters of a function, by name; none where they cannot be known."""
    try:
        return dict(inspect.signature(function).parameters)
    except (TypeError, ValueError):  # a built-in that does not say
        return {}


def _from_shape(initializer: Callable[..., Any], shape: TensorShape, kind: dtypes.DType) -> Callable[[], Any]:
    partition = parameters(initializer).get("partition_info")
    extra = {"partition_info": None} if partition is not None and partition.default is partition.empty else {}
    return lambda: initializer(shape.as_list(), dtype=kind, **extra)
