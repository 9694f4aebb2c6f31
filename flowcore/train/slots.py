"""Slots: variables that belong to another variable or tensor, in its shape, named behind it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from flowcore.graph.apply import apply
from flowcore.graph.graph import get_default_graph
from flowcore.graph.operation import Tensor
from flowcore.ops.filling import zeros
from flowcore.ops.variables import ResourceVariable, Variable

__all__: list[str] = []


def slot_of_variable(primary: Variable, op_name: str, value: Any = None) -> Variable:
    """A new slot of a variable, where that lies. `value`: the first one, or what gives it; None: zeros."""
    graph = get_default_graph()
    if value is None:
        value = functools.partial(zeros, _shape_of(primary), primary.dtype.base_dtype)
    with graph.name_scope(None), graph.colocate_with(primary.op):
        return Variable(
            value,
            trainable=False,
            name=f"{primary.op.name}/{op_name}",
            validate_shape=primary.shape.is_fully_defined(),
            use_resource=isinstance(primary, ResourceVariable),
        )


def _shape_of(variable: Variable) -> Any:
    shape = variable.shape
    return shape if shape.is_fully_defined() else apply("Shape", variable.initial_value)


def slot_of_tensor(primary: Tensor, op_name: str) -> Variable:
    """A new slot of zeros for a tensor whose shape is known."""
    value: Callable[[], Tensor] = functools.partial(zeros, primary.shape, primary.dtype.base_dtype)
    with get_default_graph().name_scope(None):
        return Variable(value, trainable=False, name=f"{primary.op.name}/{op_name}", use_resource=False)
