"""What cannot have been built, but may come of an edit, is refused with the node's name before planning."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import flowcore as fc
from flowcore.graph.verifier import GraphError, Verifier, check_acyclic


def with_other_inputs(op: fc.Operation, *inputs: object) -> None:
    op._inputs = inputs  # type: ignore[assignment]


def other_dtype(op: fc.Operation) -> None:
    with_other_inputs(op, op.inputs[0], fc.constant(1))


def other_graph(op: fc.Operation) -> None:
    with fc.Graph().as_default():
        with_other_inputs(op, op.inputs[0], fc.constant(1.0))


def dangling(op: fc.Operation) -> None:
    with_other_inputs(op, op.inputs[0], op.inputs[1].op._detached((), ()).outputs[0])


def other_control(op: fc.Operation) -> None:
    with fc.Graph().as_default():
        op._control_inputs = (fc.no_op(name="far"),)


def without_attribute(op: fc.Operation) -> None:
    op._attrs = {}


def same_name(op: fc.Operation) -> None:
    op._name = op.inputs[0].op.name


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda op: with_other_inputs(op, op.inputs[0]), "expected 2 inputs, found 1"),
        (lambda op: with_other_inputs(op, op.inputs[0], 3.0), "input 1 is no Tensor but 3.0"),
        (other_dtype, "input 1, 'Const_2:0', is int32 where float32 is expected"),
        (other_graph, "input 1, 'Const:0', belongs to another graph"),
        (dangling, "input 1, .* dangles: its operation is not in the graph"),
        (other_control, "control input 'far' belongs to another graph"),
        (without_attribute, "attribute 'T' is missing"),
        (same_name, "another operation has the same name"),
    ],
)
def test_a_damaged_node_is_named(damage: Callable[[fc.Operation], None], message: str) -> None:
    op = fc.add(fc.constant(1.0), fc.constant(2.0), name="sum").op
    damage(op)
    with pytest.raises(GraphError, match=message) as caught:
        Verifier(op.graph).verify()
    assert str(caught.value).startswith(f"node '{op.name}' (Add): ")
    assert "test_verifier.py" in str(caught.value)


def test_each_node_is_looked_at_once_until_the_graph_is_edited() -> None:
    first = fc.no_op(name="first")
    verifier = Verifier(first.graph)
    verifier.verify()
    first._name = "another"  # no edit that the graph knows of
    second = fc.no_op(name="second")
    verifier.verify()
    second._add_control_inputs([first])
    with pytest.raises(GraphError, match="node 'another'"):
        verifier.verify()


def test_a_graph_that_is_refused_once_is_refused_again() -> None:
    a, b = fc.no_op(name="a"), fc.no_op(name="b")
    verifier = Verifier(a.graph)
    a._add_control_inputs([b])
    b._add_control_inputs([a])
    for _ in range(2):
        with pytest.raises(GraphError, match="depends on itself: the graph has a cycle"):
            verifier.verify()


def test_what_lies_outside_the_list_is_no_cycle() -> None:
    x = fc.constant(1.0)
    check_acyclic([fc.identity(x).op])
