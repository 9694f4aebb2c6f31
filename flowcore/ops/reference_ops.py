"""Ops on references to variables, as TensorFlow 1.15's graphs have them by default.

A plan runs none of them: runtime/passes/references.py turns each into its resource form, the op of
state_ops.py that does the same by a handle, and a value that is read where a reference is used as one.
So each declaration here follows from that of its resource form, and there is one kernel for both.
"""

from __future__ import annotations

from typing import Any

from flowcore.graph.op_def import get_op_def, register
from flowcore.graph.operation import Operation
from flowcore.ops import shapes
from flowcore.ops.state_ops import SCATTERS, UPDATES
from flowcore.shape import UNKNOWN, TensorShape

__all__: list[str] = []

_VARIABLE = ["shape: shape", "dtype: type", "container: string = ''", "shared_name: string = ''"]


def _old_variable_shape(op: Operation) -> list[TensorShape]:
    """The old op writes an unknown shape as that of a scalar."""
    shape = op.get_attr("shape")
    return [shape if shape.ndims else UNKNOWN]


for _name, _shape in (("VariableV2", lambda op: [op.get_attr("shape")]), ("Variable", _old_variable_shape)):
    register(
        _name,
        outputs=["ref: Ref(dtype)"],
        attrs=_VARIABLE,
        shape=_shape,
        stateful=True,
        resource_form="VarHandleOp",
        grad=None,
    )


def _assign_shape(op: Operation) -> list[TensorShape]:
    variable, value = op._inputs[0]._shape, op._inputs[1]._shape
    if not op.get_attr("validate_shape"):
        return [value]
    return [variable.merge_with(value)]


def _of_variable(op: Operation) -> list[TensorShape]:
    """Checks the arguments as the resource form does. The output is the variable."""
    form: Any = get_op_def(op._op_def.resource_form)
    form.shape(op)
    return [op._inputs[0]._shape]


register(
    "Assign",
    inputs=["ref: Ref(T)", "value: T"],
    outputs=["output_ref: Ref(T)"],
    attrs=["T: type", "validate_shape: bool = True", "use_locking: bool = True"],
    shape=_assign_shape,
    writes={"ref": "variable"},
    resource_form="AssignVariableOp",
    grad=None,
)
for _name in ("AssignAdd", "AssignSub"):
    register(
        _name,
        inputs=["ref: Ref(T)", "value: T"],
        outputs=["output_ref: Ref(T)"],
        attrs=["T: {numbers}", "use_locking: bool = False"],
        shape=_of_variable,
        writes={"ref": "variable"},
        resource_form=f"{_name}VariableOp",
        grad=None,
    )
for _name, _types in SCATTERS.items():
    register(
        f"Scatter{_name}",
        inputs=["ref: Ref(T)", "indices: Tindices", "updates: T"],
        outputs=["output_ref: Ref(T)"],
        attrs=[f"T: {_types}", "Tindices: {indices}", f"use_locking: bool = {_name == 'Update'}"],
        shape=_of_variable,
        writes={"ref": "variable"},
        resource_form=f"ResourceScatter{_name}",
        grad=None,
    )
for _name, (_inputs, _attrs) in UPDATES.items():
    register(
        _name,
        inputs=[_spec.replace(": resource", ": Ref(T)") for _spec in _inputs],
        outputs=["out: Ref(T)"],
        attrs=_attrs,
        shape=_of_variable,
        writes={_spec.partition(":")[0]: "variable" for _spec in _inputs if _spec.endswith(": resource")},
        resource_form=f"Resource{_name}",
        grad=None,
    )
register(
    "CountUpTo",
    inputs=["ref: Ref(T)"],
    outputs=["output: T"],
    attrs=["limit: int", "T: {indices}"],
    shape=shapes.scalar,
    writes={"ref": "variable"},
    resource_form="ResourceCountUpTo",
    grad=None,
)
register(
    "IsVariableInitialized",
    inputs=["ref: Ref(dtype)"],
    outputs=["is_initialized: bool"],
    attrs=["dtype: type"],
    shape=shapes.scalar,
    reads={"ref": "variable"},
    resource_form="VarIsInitializedOp",
    grad=None,
)
register(
    "RefIdentity",
    inputs=["input: Ref(T)"],
    outputs=["output: Ref(T)"],
    attrs=["T: type"],
    shape=shapes.same,
    passes=["input"],
    resource_form="NoOp",
    grad=lambda op, g: g,
)
