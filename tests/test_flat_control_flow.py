"""Graphs of TensorFlow 1.x, whose branches and loops are written flat, import in functional form."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import flowcore as fc


def node(message: fc.GraphDef, name: str, op: str, *inputs: str, **types: int) -> fc.NodeDef:
    made = message.node.add(name=name, op=op, input=inputs)
    for key, value in types.items():
        made.attr[key].type = value
    return made


def constant(message: fc.GraphDef, name: str, value: Any, *controls: str) -> None:
    made = node(message, name, "Const", *controls)
    made.attr["value"].tensor.CopyFrom(fc.make_tensor_proto(value))
    made.attr["dtype"].type = made.attr["value"].tensor.dtype


def a_branch() -> fc.GraphDef:
    """p ? x * 2 : -x, with a constant that waits for the branch taken."""
    message = fc.GraphDef()
    node(message, "p", "Placeholder", dtype=10)
    node(message, "x", "Placeholder", dtype=1)
    node(message, "cond/Switch", "Switch", "p", "p", T=10)
    node(message, "cond/switch_t", "Identity", "cond/Switch:1", T=10)
    node(message, "cond/pred_id", "Identity", "p", T=10)
    constant(message, "cond/two", 2.0, "^cond/switch_t")
    node(message, "cond/x", "Switch", "x", "cond/pred_id", T=1)
    node(message, "cond/mul", "Mul", "cond/x:1", "cond/two", T=1)
    node(message, "cond/neg", "Neg", "cond/x", T=1)
    node(message, "cond/Merge", "Merge", "cond/neg", "cond/mul", T=1).attr["N"].i = 2
    return message


def a_loop() -> fc.GraphDef:
    """while i < n: i += step, n and step from outside."""
    message = fc.GraphDef()
    for name in ("n", "step"):
        node(message, name, "Placeholder", dtype=3)
    constant(message, "zero", 0)
    for name, source, is_constant in (("i", "zero", False), ("n_in", "n", True), ("step_in", "step", True)):
        enter = node(message, f"while/{name}", "Enter", source, T=3)
        enter.attr["frame_name"].s = b"while/while_context"
        enter.attr["is_constant"].b = is_constant
        enter.attr["parallel_iterations"].i = 10
    node(message, "while/Merge", "Merge", "while/i", "while/Next", T=3).attr["N"].i = 2
    node(message, "while/Less", "Less", "while/Merge", "while/n_in", T=3)
    node(message, "while/LoopCond", "LoopCond", "while/Less")
    node(message, "while/Switch", "Switch", "while/Merge", "while/LoopCond", T=3)
    node(message, "while/Add", "AddV2", "while/Switch:1", "while/step_in", T=3)
    node(message, "while/Next", "NextIteration", "while/Add", T=3)
    node(message, "while/Exit", "Exit", "while/Switch", T=3)
    return message


def test_a_branch_becomes_an_if_node_and_its_merge_an_identity() -> None:
    p, x, y = fc.import_graph_def(a_branch(), return_elements=["p:0", "x:0", "cond/Merge:0"], name="")
    types = {node.op for node in p.graph.as_graph_def().node}
    assert types == {"Placeholder", "Identity", "If"}
    with fc.Session() as sess:
        assert sess.run(y, {p: True, x: 3.0}) == 6.0
        assert sess.run("cond/Merge:0", {p: False, x: 3.0}) == -3.0
        assert sess.run(fc.gradients(y, x)[0], {p: True, x: 3.0}) == 2.0


def test_what_waits_for_a_switch_waits_for_its_value() -> None:
    message = a_branch()
    constant(message, "late", 1.0, "^cond/x")
    before = message.SerializeToString(deterministic=True)
    p, x, late = fc.import_graph_def(message, return_elements=["p:0", "x:0", "late:0"])
    assert message.SerializeToString(deterministic=True) == before
    assert [op.name for op in late.op.control_inputs] == ["import/cond/x/value"]
    assert fc.Session().run(late, {x: 2.0, p: True}) == 1.0


def test_a_loop_becomes_a_while_node_and_its_exit_an_identity() -> None:
    n, step, y = fc.import_graph_def(a_loop(), return_elements=["n:0", "step:0", "while/Exit:0"])
    with fc.Session() as sess:
        assert sess.run(y, {n: 10, step: 3}) == 12
        assert sess.run(y, {n: -1, step: 3}) == 0
    (loop,) = [op for op in n.graph.as_graph_def().node if op.op == "While"]
    assert [name.removeprefix("import/") for name in loop.input] == ["zero", "n", "step"]


def test_what_was_written_down_after_that_is_functional() -> None:
    fc.import_graph_def(a_loop(), name="a")
    fc.import_graph_def(a_branch(), name="b")
    again = fc.get_default_graph().as_graph_def()
    with fc.Graph().as_default(), fc.Session() as sess:
        fc.import_graph_def(again, name="")
        assert sess.run("a/while/Exit:0", {"a/n:0": 10, "a/step:0": 4}) == 12
        assert sess.run("b/cond/Merge:0", {"b/p:0": True, "b/x:0": 4.0}) == 8.0


def changed(message: fc.GraphDef, **nodes: Any) -> fc.GraphDef:
    """The same with other inputs, or without nodes, by names in which "_" stands for "/"."""
    kept = fc.GraphDef()
    for each in message.node:
        inputs = nodes.get(each.name.replace("/", "_"), False)
        if inputs is None:
            continue
        made = kept.node.add()
        made.CopyFrom(each)
        if inputs is not False:
            del made.input[:]
            made.input.extend(inputs)
    return kept


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: changed(a_branch(), cond_Merge=["cond/neg", "cond/neg"]), "does not join two branches"),
        (lambda: changed(a_branch(), cond_Merge=["x", "cond/neg"]), "does not join two branches"),
        (lambda: changed(a_branch(), cond_mul=["cond/x:1", "cond/x:0"]), "inputs of both branches"),
        (lambda: changed(a_branch(), cond_x=["x"]), "has 1 inputs"),
        (lambda: changed(a_branch(), cond_x=["nowhere", "cond/pred_id"]), "nowhere"),
        (lambda: changed(a_branch(), cond_neg=["cond/Merge"]), "cycle"),
        (lambda: _read_index(a_branch()), "reads which input of 'cond/Merge' .* came"),
        (
            lambda: _two_conditions(a_branch()),
            r"node 'cond/noise' \(RandomUniform\) is needed by two conditions",
        ),
        (lambda: changed(a_loop(), while_LoopCond=None), "loop 'while/while_context' has 0 conditions"),
        (lambda: changed(a_loop(), while_Exit=["while/Merge"]), "leaves loop"),
        (lambda: changed(a_loop(), while_Switch=["while/Add", "while/LoopCond"]), "switches no variable"),
        (lambda: changed(a_loop(), while_Next=["while/Next"]), "switches no variable"),
        (lambda: changed(a_loop(), while_i=["while/Exit"]), "nest without end|no loop|cycle|no node"),
        (
            lambda: changed(a_loop(), while_i=None, while_n_in=None, while_step_in=None),
            "belongs to no loop|no node",
        ),
    ],
)
def test_what_is_not_built_as_tensorflow_builds_it_is_refused(
    make: Callable[[], fc.GraphDef], text: str
) -> None:
    with pytest.raises(ValueError, match=text):
        fc.import_graph_def(make())
    assert fc.get_default_graph().get_operations() == []


def _read_index(message: fc.GraphDef) -> fc.GraphDef:
    node(message, "index", "Neg", "cond/Merge:1", T=3)
    return message


def _two_conditions(message: fc.GraphDef) -> fc.GraphDef:
    """A random number of a branch that two Merges in different scopes need."""
    constant(message, "cond/shape", [2], "^cond/switch_t")
    node(message, "cond/noise", "RandomUniform", "cond/shape", T=3, dtype=1)
    node(message, "cond/noisy", "Add", "cond/mul", "cond/noise", T=1)
    for name in ("cond/Merge_1", "other/Merge"):
        node(message, name, "Merge", "cond/neg", "cond/noisy", T=1).attr["N"].i = 2
    return message


def test_types_of_ops_that_are_not_here_are_named_from_inside_bodies_too() -> None:
    message = a_branch()
    message.node[7].op = "Nonsense"
    with pytest.raises(ValueError, match=r"does not have: 'Nonsense' \(node 'cond/mul'\)"):
        fc.import_graph_def(message)


def an_array(*ops: tuple[str, str, list[str], dict[str, int]]) -> fc.GraphDef:
    """A TensorArray of two elements, filled from x."""
    message = fc.GraphDef()
    node(message, "x", "Placeholder", dtype=1)
    constant(message, "size", 2)
    constant(message, "indices", [0, 1])
    node(message, "array", "TensorArrayV3", "size", dtype=1).attr["element_shape"].shape.dim.add(size=2)
    node(message, "filled", "TensorArrayScatterV3", "array", "indices", "x", "array:1", T=1)
    for name, op, inputs, types in ops:
        node(message, name, op, *inputs, **types)
    return message


@pytest.mark.parametrize(
    ("op", "inputs", "types", "expected"),
    [
        ("TensorArrayGatherV3", ["array", "indices", "filled"], {"dtype": 1}, [[1.0, 2.0], [3.0, 4.0]]),
        ("TensorArrayReadV3", ["array:0", "one", "filled"], {"dtype": 1}, [3.0, 4.0]),
        ("TensorArraySizeV3", ["array", "filled"], {}, 2),
        ("TensorArrayConcatV3", ["array", "filled"], {"dtype": 1}, [1.0, 2.0, 3.0, 4.0]),
    ],
)
def test_arrays_become_lists(op: str, inputs: list[str], types: dict[str, int], expected: Any) -> None:
    message = an_array(("y", op, inputs, types), ("close", "TensorArrayCloseV3", ["array", "^y"], {}))
    constant(message, "one", 1)
    x, y, close = fc.import_graph_def(message, return_elements=["x:0", "y:0", "close"])
    with fc.Session() as sess:
        found, _ = sess.run([y, close], {x: [[1.0, 2.0], [3.0, 4.0]]})
    assert found.tolist() == expected
    assert not [n for n in x.graph.as_graph_def().node if n.op.startswith("TensorArray")]
    assert x.graph.get_tensor_by_name("import/filled:0").dtype is fc.variant


def test_an_array_with_too_few_inputs_is_refused() -> None:
    message = an_array()
    del message.node[-1].input[1:]
    with pytest.raises(ValueError, match=r"node 'filled' \(TensorArrayScatterV3\) has 1 inputs"):
        fc.import_graph_def(message)
