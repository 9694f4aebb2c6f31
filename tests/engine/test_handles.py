"""Handles of the wrong resource: whatever a node of a graph that came from anywhere is given, it says what
it wants and finds. Nodes are made by hand, past the functions that would refuse.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import flowcore as fc
from flowcore.graph.op_def import OpDef, registered_ops
from flowcore.graph.operation import Operation

#: Ops that work on a resource.
READERS = {
    name: op_def
    for name, op_def in registered_ops().items()
    if any(arg.dtype is fc.resource for arg in op_def.input_arg)
}
#: Those of them that look at the values of variables.
ON_VARIABLES = [
    name
    for name, d in READERS.items()
    if "variable" in {**d.reads, **d.writes}.values() and name not in ("VariableShape", "VarIsInitializedOp")
]


def handle_of(kind: str) -> Any:
    if kind == "variable":
        return fc.Variable([[1.0, 2.0]], use_resource=True).handle
    if kind == "queue":
        return fc.FIFOQueue(3, [fc.float32], [[]]).queue_ref
    return fc.WholeFileReader().reader_ref


def made(op_def: OpDef, given: Any, dtype: Any) -> tuple[Operation, dict[Any, Any]]:
    """A node whose numbers are of `dtype`, and values of a single element to feed.

    `given`: a handle, or the kind of resource that each of its handles is made for.
    """
    attrs: dict[str, Any] = {}
    for name, attr in op_def.attr.items():
        if attr.kind == "type":
            allowed = attr.allowed
            attrs[name] = dtype if allowed is None or dtype in allowed else sorted(allowed, key=str)[0]
        elif attr.kind == "list(type)":
            attrs[name] = [dtype]
        elif not attr.has_default:
            attrs[name] = 1
    types = list(op_def.input_types(attrs))
    inputs, feeds = [], {}
    for kind in types:
        if kind is fc.resource:
            inputs.append(handle_of(given) if isinstance(given, str) else given)
            continue
        fed = fc.placeholder(kind)
        inputs.append(fed)
        feeds[fed] = np.zeros(() if "Apply" in op_def.name else (1,), kind.as_numpy_dtype)
    graph = fc.get_default_graph()
    outputs = list(op_def.output_types(attrs))
    return graph.create_op(op_def.name, inputs, outputs, attrs=attrs, name="node"), feeds


def refused(node: Operation, feeds: dict[Any, Any]) -> str:
    with fc.Session() as session:
        session.run(fc.global_variables_initializer())
        with pytest.raises(fc.errors.InvalidArgumentError) as error:
            session.run(node, feeds)
    return str(error.value)


def kinds_of(op_def: OpDef) -> set[str]:
    return {*op_def.reads.values(), *op_def.writes.values()}


@pytest.mark.parametrize(
    ("op_type", "given"),
    [
        (name, given)
        for name, op_def in READERS.items()
        for given in ("variable", "queue", "reader")
        if kinds_of(op_def) and given not in kinds_of(op_def)
    ],
)
def test_a_handle_of_another_kind_is_refused(op_type: str, given: str) -> None:
    op_def = READERS[op_type]
    message = refused(*made(op_def, given, fc.float32))
    assert any(f"not the handle of a {kind}" in message for kind in kinds_of(op_def)), message
    assert "node 'node'" in message


@pytest.mark.parametrize("op_type", ON_VARIABLES)
def test_a_variable_of_another_dtype_is_refused(op_type: str) -> None:
    op_def = READERS[op_type]
    message = refused(*made(op_def, "variable", fc.float64))
    assert any(text in message for text in ("has dtype float32", "differ in dtype")), message


@pytest.mark.parametrize("op_type", ["QueueEnqueueV2", "QueueEnqueueManyV2", "QueueDequeueV2"])
def test_a_queue_of_another_dtype_is_refused(op_type: str) -> None:
    message = refused(*made(READERS[op_type], "queue", fc.int64))
    assert "Type mismatch in tuple component 0 of queue" in message
    assert "The queue has float32, this node int64" in message


def test_a_queue_with_more_components_is_refused() -> None:
    queue = fc.FIFOQueue(3, [fc.float32, fc.float32], [[], []])
    for op_type in ("QueueEnqueueV2", "QueueDequeueV2"):
        node, feeds = made(READERS[op_type], queue.queue_ref, fc.float32)
        assert "has 2 components, this node is for 1" in refused(node, feeds)
