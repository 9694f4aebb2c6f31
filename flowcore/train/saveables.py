"""What a Saver keeps: variables by the names that a checkpoint has, each with its dtype, part and place.

Owns: the reading of `var_list`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from flowcore import dtypes
from flowcore.arguments import described, listed, text
from flowcore.graph.apply import apply
from flowcore.graph.graph import get_default_graph
from flowcore.graph.operation import Operation, Tensor
from flowcore.graph.scopes import device
from flowcore.ops.variables import Variable

__all__: list[str] = []


class Saveable(NamedTuple):
    """One tensor of a checkpoint, and the variable that has it in the graph."""

    name: str
    variable: Variable
    spec: str = ""

    @property
    def dtype(self) -> dtypes.DType:
        return self.variable.dtype.base_dtype

    @property
    def is_resource(self) -> bool:
        return self.variable.op.outputs[0].dtype is dtypes.resource

    @property
    def tensor(self) -> Tensor:
        """What is saved: the reference itself, or a value that is read."""
        if self.is_resource or self.spec:
            return self.variable._snapshot
        return self.variable.op.outputs[0]

    def restore(self, value: Tensor, reshape: bool) -> Operation:
        """The operation that gives the variable a value from a checkpoint."""
        variable = self.variable
        if reshape:
            value = apply("Reshape", value, self._shape())
        if self.is_resource:
            if not value.shape.is_compatible_with(variable.shape):
                raise ValueError(f"variable '{variable.name}' has shape {variable.shape}, not {value.shape}")
            with device(variable.device or None):
                value = apply("Identity", value)
            return apply("AssignVariableOp", variable.op.outputs[0], value, dtype=self.dtype)
        known = variable.op.outputs[0].shape.is_fully_defined()
        with get_default_graph().colocate_with(variable.op):
            return apply(
                "Assign",
                variable.op.outputs[0],
                value,
                validate_shape=known and not reshape,
                use_locking=True,
            ).op

    def _shape(self) -> Any:
        shape = self.variable.shape
        return shape.as_list() if shape.is_fully_defined() else apply("Shape", self.variable.value())


def _described(value: Any) -> str:
    return f"found {described(value)}; var_list is a list of Variables, or a dictionary of them by name"


def _part(name: str, variable: Any) -> Saveable:
    if not isinstance(variable, Variable):
        raise TypeError(f"Variable to save is not a Variable: {_described(variable)}")
    info = variable._save_slice_info
    if info is None:
        raise ValueError(
            f"Slices must all be slices: '{variable.name}' of tensor '{name}' is a whole variable"
        )
    if info.full_name != name:
        raise ValueError(f"Slices must all be from the same tensor: '{info.full_name}' is not '{name}'")
    return Saveable(name, variable, info.spec)


def _of_mapping(variables: Mapping[Any, Any]) -> list[Saveable]:
    found = []
    for key, value in variables.items():
        name = text(key, "each key of var_list")
        if isinstance(value, (list, tuple)):
            found += [_part(name, v) for v in value]
        elif isinstance(value, Variable):
            info = value._save_slice_info
            found.append(Saveable(name, value, "" if info is None else info.spec))
        else:
            raise TypeError(f"Variable to save is not a Variable: {_described(value)}")
    return found


def _of_list(variables: list[Any]) -> list[Saveable]:
    found = []
    for variable in variables:
        if not isinstance(variable, Variable):
            raise TypeError(f"Variable to save is not a Variable: {_described(variable)}")
        info = variable._save_slice_info
        if info is None:
            found.append(Saveable(variable.op.name, variable))
        else:
            found.append(Saveable(info.full_name, variable, info.spec))
    return found


def saveables(var_list: Any) -> list[Saveable]:
    """What `var_list` means, sorted by name; parts of a tensor stay in their order.

    Raises:
        TypeError: it is neither a list nor a dictionary of Variables.
        ValueError: a name or a variable occurs twice.
    """
    found = _of_mapping(var_list) if isinstance(var_list, Mapping) else _of_list(listed(var_list, "var_list"))
    found.sort(key=lambda saveable: saveable.name)
    specs: dict[str, set[str]] = {}
    operations = set()
    for one in found:
        others = specs.setdefault(one.name, set())
        if one.spec in others or (others and not (one.spec and "" not in others)):
            raise ValueError(f"At least two variables have the same name: {one.name}")
        others.add(one.spec)
        if one.variable.op in operations:
            raise ValueError(
                f"The same saveable will be restored with two names: variable '{one.variable.name}', second"
                f" name '{one.name}'"
            )
        operations.add(one.variable.op)
    return found
