"""import_graph_def: graphs out of messages, and what is refused of graphs from elsewhere."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

import flowcore as fc
from flowcore import protos

X = np.array([[1.0, 2.0], [3.0, 4.0]], np.float32)


def built(function: Callable[[fc.Tensor], Any]) -> tuple[fc.GraphDef, Any, Any]:
    """The message of a graph, names of what a function made, and their values for X."""
    with fc.Graph().as_default() as graph:
        x = fc.placeholder(fc.float32, [None, 2], name="x")
        outputs = function(x)
        outputs = list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]
        with fc.Session() as sess:
            sess.run(fc.global_variables_initializer(), {x: X})
            values = sess.run(outputs, {x: X})
        return graph.as_graph_def(add_shapes=True), [t.name for t in outputs], values


def imported_values(message: fc.GraphDef, names: Sequence[str]) -> list[Any]:
    message = fc.GraphDef.FromString(message.SerializeToString())
    with fc.Graph().as_default() as graph:
        outputs = fc.import_graph_def(message, return_elements=names, name="")
        with fc.Session() as sess:
            if "init" in {node.name for node in message.node}:
                sess.run("init", {"x:0": X})
            found = sess.run(outputs, {"x:0": X})
        again = graph.as_graph_def(add_shapes=True)
        assert {n.name: n for n in again.node} == {n.name: n for n in message.node}
        assert {f.signature.name for f in again.library.function} >= {
            f.signature.name for f in message.library.function
        }
    return found


def nested(x: fc.Tensor) -> fc.Tensor:
    def branch() -> fc.Tensor:
        return fc.while_loop(
            lambda i, a: i < 3,
            lambda i, a: (i + 1, fc.cond(fc.reduce_sum(a) > 5.0, lambda: a + x, lambda: a * 2.0)),
            [0, x],
        )[1]

    return fc.cond(fc.reduce_sum(x) > 0.0, branch, lambda: x - 1.0)


def differentiated(x: fc.Tensor) -> list[fc.Tensor]:
    y = nested(x)
    (dx,) = fc.gradients(y, x)
    return [y, dx]


def looked_up(x: fc.Tensor) -> list[fc.Tensor]:
    rows = fc.map_fn(lambda row: fc.reduce_sum(row) * 2.0, x)
    array = fc.TensorArray(fc.float32, 2).unstack(x)
    total = fc.foldl(lambda a, row: a + row, x)
    return [rows, array.read(1), total, fc.gradients(rows, x)[0]]


@fc.Defun(fc.float32)
def squared(a: fc.Tensor) -> fc.Tensor:
    return fc.cond(fc.reduce_sum(a) > 0.0, lambda: a * a, lambda: -a)


@fc.Defun(fc.int32, out_types=[fc.int32])
def factorial(n: fc.Tensor) -> fc.Tensor:
    return fc.cond(n < 2, lambda: fc.constant(1), lambda: n * factorial(n - 1))


def called(x: fc.Tensor) -> list[fc.Tensor]:
    return [squared(x), squared(squared(x)), fc.gradients(squared(x), x)[0], factorial(fc.constant(5))]


def chosen(x: fc.Tensor) -> fc.Tensor:
    return fc.switch_case(fc.cast(x[0, 0], fc.int32), [lambda: x, lambda: x + 1.0, lambda: x + 2.0])


def trained(x: fc.Tensor) -> list[fc.Tensor]:
    v = fc.get_variable("v", [2, 1], initializer=fc.ones_initializer(), use_resource=True)
    loop = fc.while_loop(
        lambda i: i < 3, lambda i: i + fc.cast(v.assign_add(v * 0.0 + 1.0)[0, 0] > 0, fc.int32), [0]
    )
    return [loop, fc.reduce_mean(fc.matmul(x, v))]


@pytest.mark.parametrize(
    "function",
    [
        lambda x: fc.matmul(x, fc.constant([[1.0], [2.0]])) + 1.0,
        lambda x: [fc.split(x, 2, 1)[1], fc.concat([x, x], 0), fc.unique(fc.constant([3, 3, 1])).idx],
        nested,
        differentiated,
        looked_up,
        called,
        chosen,
        trained,
    ],
    ids=["plain", "lists", "nested", "differentiated", "lists of tensors", "functions", "case", "resources"],
)
def test_a_graph_that_was_written_down_computes_the_same(function: Callable[[fc.Tensor], Any]) -> None:
    message, names, values = built(function)
    for found, value in zip(imported_values(message, names), values, strict=True):
        np.testing.assert_array_equal(found, value)


def test_variables_and_training_steps() -> None:
    with fc.Graph().as_default() as graph:
        x = fc.placeholder(fc.float32, [None, 2], name="x")
        v = fc.Variable(fc.ones([2, 1]), name="v")
        loss = fc.reduce_mean(fc.square(fc.matmul(x, v)), name="loss")
        train = fc.train.MomentumOptimizer(0.1, 0.9).minimize(loss)
        init = fc.global_variables_initializer()
        message = graph.as_graph_def()
        with fc.Session() as sess:
            sess.run(init)
            expected = [sess.run([loss, train], {x: X})[0] for _ in range(3)]
    with fc.Graph().as_default(), fc.Session() as sess:
        fc.import_graph_def(message, name="model")
        sess.run(f"model/{init.name}")
        found = [sess.run(["model/loss:0", f"model/{train.name}"], {"model/x:0": X})[0] for _ in range(3)]
        assert found == expected
        assert sess.run("model/v:0").shape == (2, 1)


def test_queues() -> None:
    with fc.Graph().as_default() as graph:
        queue = fc.FIFOQueue(4, [fc.float32, fc.string], shapes=[[2], []], name="q")
        put, taken = queue.enqueue([[1.0, 2.0], "a"], name="put"), queue.dequeue(name="take")
        message = graph.as_graph_def(add_shapes=True)
        names = [t.name for t in taken]
    with fc.Graph().as_default(), fc.Session() as sess:
        outputs = fc.import_graph_def(message, return_elements=names, name="")
        assert [t.shape.as_list() for t in outputs] == [[2], []]
        sess.run("put")
        assert sess.run(outputs)[1] == b"a"
    assert put.name == "put"


# ---- arguments -----------------------------------------------------------------------------------


def node(message: fc.GraphDef, name: str, op: str, *inputs: str, **types: int) -> fc.NodeDef:
    made = message.node.add(name=name, op=op, input=inputs)
    for key, value in types.items():
        made.attr[key].type = value
    return made


def a_sum() -> fc.GraphDef:
    message = fc.GraphDef()
    for name in ("a", "b"):
        made = node(message, name, "Placeholder", dtype=1)
        made.attr["shape"].shape.dim.add(size=2)
    node(message, "sum", "AddV2", "a", "b:0", "^a", T=1)
    return message


def test_names_scopes_and_what_is_returned() -> None:
    assert fc.import_graph_def(a_sum()) is None
    total, op = fc.import_graph_def(a_sum(), return_elements=["sum:0", "sum"])
    assert (total.name, op.name, op.control_inputs[0].name) == (
        "import_1/sum:0",
        "import_1/sum",
        "import_1/a",
    )
    assert total.shape.as_list() == [2]
    with fc.name_scope("outer"):
        (a,) = fc.import_graph_def(a_sum(), return_elements=["a:0"], name="inner")
        (b,) = fc.import_graph_def(a_sum(), return_elements=["b:0"], name="")
    assert (a.name, b.name) == ("outer/inner/a:0", "outer/b:0")
    assert fc.identity(a, name="import").name == "import_2:0"
    assert fc.import_graph_def(fc.GraphDef(), return_elements=[]) == []


def test_nodes_may_come_in_any_order() -> None:
    for order in itertools.permutations(a_sum().node):
        with fc.Graph().as_default():
            fc.import_graph_def(fc.GraphDef(node=order), name="")


def test_input_map_stands_in_for_tensors_and_operations() -> None:
    x = fc.constant([1.0, 2.0], name="x")
    wait = fc.no_op(name="wait")
    total, mapped = fc.import_graph_def(
        a_sum(), {"a:0": x, "b": [3.0, 4.0], "^a": wait}, return_elements=["sum:0", "a:0"]
    )
    assert total.op.inputs[0] is x is mapped
    assert total.op.control_inputs == [wait]
    assert fc.Session().run(total).tolist() == [4.0, 6.0]
    v = fc.Variable([1.0, 2.0])
    fc.import_graph_def(a_sum(), {"a": v})


def test_devices_and_groups() -> None:
    message = a_sum()
    message.node[0].device = "/device:CPU:0"
    message.node[2].attr["_class"].list.s.append(b"loc:@a")
    with fc.device("/job:worker"):
        a, total = fc.import_graph_def(message, return_elements=["a", "sum"])
    assert a.device == "/job:worker/device:CPU:0"
    assert total.colocation_groups() == [b"loc:@import/a"]
    message.node[2].attr["_class"].list.s.append(b"loc:@nowhere")
    with pytest.raises(ValueError, match="shall be where 'nowhere' is, which is no node"):
        fc.import_graph_def(message)


def test_what_nobody_declares_is_kept_and_shapes_are_added() -> None:
    message = a_sum()
    del message.node[0].attr["shape"]
    message.node[0].attr["_output_shapes"].list.shape.add().dim.add(size=2)
    message.node[0].attr["_mine"].s = b"text"
    message.node[0].attr["_fn"].func.name = "f"
    (a,) = fc.import_graph_def(message, return_elements=["a:0"])
    assert a.shape.as_list() == [2]
    assert a.op.get_attr("_mine") == "text"
    written = a.op.node_def
    assert written.attr["_mine"].s == b"text"
    assert written.attr["_fn"].func.name == "f"


def test_defaults_of_the_producer_are_left_out() -> None:
    message = a_sum()
    message.node[2].attr["later"].b = True
    with pytest.raises(
        ValueError, match=r"node 'import/sum' \(AddV2\).* attribute 'later'.*producer_op_list"
    ):
        fc.import_graph_def(message)
    producer = protos.OpList()
    producer.op.add(name="AddV2").attr.add(name="later", type="bool").default_value.b = True
    fc.import_graph_def(message, producer_op_list=producer)
    message.node[2].attr["later"].b = False
    with pytest.raises(ValueError, match="attribute 'later'"):
        fc.import_graph_def(message, producer_op_list=producer)


def edited(change: Callable[[fc.GraphDef], Any]) -> fc.GraphDef:
    message = a_sum()
    change(message)
    return message


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda g: node(g, "a", "NoOp"), "two nodes 'a'"),
        (lambda g: node(g, "c", "Neg", "nowhere", T=1), "input 'nowhere', and there is no node 'nowhere'"),
        (lambda g: node(g, "c", "Neg", "a:1", T=1), r"node 'import/c' \(Neg\).*'a:1'.*has 1 outputs"),
        (lambda g: node(g, "c", "Neg", "a:x", T=1), "'a:x'"),
        (lambda g: node(g, "c", "Neg", T=1), "takes 1 inputs"),
        (lambda g: node(g, "c", "Neg", "a", "b", T=1), "takes 1 inputs"),
        (lambda g: node(g, "c", "Neg", "^a", "b", T=1), "stands behind a control input"),
        (lambda g: node(g, "c", "Neg", "a", T=3), "must be int32, found tensor 'import/a:0' of float32"),
        (lambda g: node(g, "c", "Neg", "a", T=99), "attribute 'T'"),
        (lambda g: node(g, "c", "Placeholder"), "needs attribute 'dtype'"),
        (lambda g: node(g, "-c", "NoOp"), "not a valid operation name"),
        (lambda g: node(g, "", "NoOp"), "not a valid operation name"),
        (lambda g: node(g, "c d", "NoOp"), "not a valid operation name"),
        (
            lambda g: setattr(g.node[0].attr["dtype"], "i", 3),
            "attribute 'dtype': it must be type, found a int",
        ),
        (lambda g: setattr(g.node[0], "device", "/nonsense"), "device"),
        (lambda g: setattr(g.versions, "min_consumer", 9999), "may be read from version 9999 on"),
        (
            lambda g: g.node[2].attr["_output_shapes"].list.shape.add().dim.add(size=3),
            r"shape \(3,\), found \(2,\)",
        ),
        (
            lambda g: [
                node(g, "c", "Neg", "e", T=1),
                node(g, "d", "Neg", "c", T=1),
                node(g, "e", "Neg", "d", T=1),
            ],
            "graph_def has a cycle: c <- e <- d <- c",
        ),
        (lambda g: node(g, "c", "NoOp", "^c"), "graph_def has a cycle: c <- c"),
        (
            lambda g: [
                node(g, "c", "Nonsense", "a"),
                node(g, "d", "CropAndResize"),
                node(g, "e", "Nonsense"),
            ],
            r"op types that flowcore does not have: 'Nonsense' \(node 'c'\); 'CropAndResize' \(node 'd'\)",
        ),
    ],
)
def test_graphs_that_do_not_fit_are_refused_and_leave_nothing(change: Any, text: str) -> None:
    fc.constant(1.0, name="kept")
    before = [op.name for op in fc.get_default_graph().get_operations()]
    with pytest.raises(ValueError, match=text):
        fc.import_graph_def(edited(change))
    assert [op.name for op in fc.get_default_graph().get_operations()] == before
    fc.import_graph_def(a_sum(), name="afterwards")


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"graph_def": "x"}, TypeError, "a GraphDef is needed, found"),
        ({"graph_def": fc.NodeDef()}, TypeError, "a GraphDef is needed, found"),
        ({"input_map": 3}, TypeError, "input_map must be a mapping"),
        ({"input_map": {3: 1.0}}, TypeError, "a key of input_map"),
        ({"input_map": {"^a": 1.0}}, TypeError, "must be an Operation"),
        ({"input_map": {"c": 1.0}}, ValueError, r"input_map names \['c:0'\]"),
        ({"input_map": {"a:7": 1.0}}, ValueError, r"input_map names \['a:7'\]"),
        ({"input_map": {"a": 1}}, ValueError, "must be float32, found tensor"),
        ({"return_elements": ["c"]}, ValueError, "no node 'c'"),
        ({"return_elements": ["a:1"]}, ValueError, "has 1 outputs"),
        ({"return_elements": ["a:x"]}, ValueError, "has 1 outputs"),
        ({"return_elements": [3]}, TypeError, "an entry of return_elements"),
        ({"name": 3}, TypeError, "name"),
        ({"producer_op_list": 3}, TypeError, "an OpList is needed, found|a OpList is needed, found"),
    ],
)
def test_wrong_arguments(arguments: dict[str, Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        fc.import_graph_def(**{"graph_def": a_sum(), **arguments})
    assert not [op for op in fc.get_default_graph().get_operations() if op.name.startswith("import")]


def test_a_name_that_is_taken_and_a_finalized_graph() -> None:
    fc.constant(1.0, name="sum")
    with pytest.raises(ValueError, match="a node 'sum' is there already; give import_graph_def another name"):
        fc.import_graph_def(a_sum(), name="")
    fc.get_default_graph().finalize()
    with pytest.raises(RuntimeError, match="finalized"):
        fc.import_graph_def(a_sum())


# ---- functions -----------------------------------------------------------------------------------


def a_function(message: fc.GraphDef, name: str, *called: str) -> protos.FunctionDef:
    """A function that negates its argument, or calls others in turn."""
    made = message.library.function.add()
    made.signature.name = name
    made.signature.input_arg.add(name="x", type=1)
    made.signature.output_arg.add(name="y", type=1)
    last = "x"
    for i, other in enumerate(called):
        call = made.node_def.add(name=f"call{i}", op="PartitionedCall", input=[last])
        call.attr["f"].func.name = other
        call.attr["Tin"].list.type.append(1)
        call.attr["Tout"].list.type.append(1)
        last = f"call{i}:output:0"
    negated = made.node_def.add(name="neg", op="Neg", input=[last])
    negated.attr["T"].type = 1
    made.ret["y"] = "neg:y:0"
    return made


def calling(*names: str) -> fc.GraphDef:
    message = a_sum()
    message.node[2].input.remove("^a")
    for i, name in enumerate(names):
        call = node(message, f"call{i}", "PartitionedCall", "sum")
        call.attr["f"].func.name = name
        call.attr["Tin"].list.type.append(1)
        call.attr["Tout"].list.type.append(1)
    return message


def branching(then_branch: str, else_branch: str) -> fc.GraphDef:
    message = a_sum()
    node(message, "p", "Placeholder", dtype=10)
    made = node(message, "if", "If", "p", "sum", Tcond=10)
    made.attr["then_branch"].func.name = then_branch
    made.attr["else_branch"].func.name = else_branch
    made.attr["Tin"].list.type.append(1)
    made.attr["Tout"].list.type.append(1)
    return message


def test_a_function_that_is_called_twice_is_made_once_and_nodes_may_have_its_type() -> None:
    message = calling("f", "f")
    a_function(message, "f")
    node(message, "direct", "f", "call1")
    (y,) = fc.import_graph_def(message, {"a": [1.0, 2.0], "b": [3.0, 4.0]}, ["direct:0"])
    assert y.shape.as_list() == [2]
    assert fc.Session().run(y).tolist() == [4.0, 6.0]
    again = fc.get_default_graph().as_graph_def()
    assert [f.signature.name for f in again.library.function] == ["f"]


def test_attributes_of_functions_are_put_in_place() -> None:
    message = calling()
    function = a_function(message, "f")
    function.signature.attr.add(name="T", type="type")
    for arg in (function.signature.input_arg[0], function.signature.output_arg[0]):
        arg.type, arg.type_attr = 0, "T"
    function.node_def[0].attr["T"].placeholder = "T"
    node(message, "call", "f", "sum", T=1)
    (y,) = fc.import_graph_def(message, {"a": [1.0, 2.0], "b": [3.0, 4.0]}, ["call:0"])
    assert fc.Session().run(y).tolist() == [-4.0, -6.0]


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: calling("f"), "no function 'f'"),
        (lambda: branching("f", "f"), "no function 'f'"),
        (
            lambda: _with(branching("f", "f"), lambda g: _recursive_branch(g)),
            "contains itself in a branch or a loop",
        ),
        (
            lambda: _with(
                calling("f"), lambda g: setattr(a_function(g, "f").signature.input_arg[0], "type", 3)
            ),
            "must be",
        ),
        (
            lambda: _with(calling("f"), lambda g: a_function(g, "f").ret.clear()),
            "does not say what result 'y' is",
        ),
        (
            lambda: _with(calling("f"), lambda g: a_function(g, "f").ret.update({"y": "nowhere:y:0"})),
            "result 'y' of function 'f' is 'nowhere:y:0'",
        ),
        (
            lambda: _with(calling("f"), lambda g: a_function(g, "f").ret.update({"y": "neg:z:0"})),
            "no such output",
        ),
        (
            lambda: _with(calling("f"), lambda g: a_function(g, "f").control_ret.update({"y": "nowhere"})),
            "waits for a node",
        ),
        (
            lambda: _with(
                calling("f"), lambda g: a_function(g, "f").signature.input_arg.add(name="z", type=1)
            ),
            "arguments of",
        ),
        (
            lambda: _with(calling("f"), lambda g: [a_function(g, "f"), a_function(g, "f")]),
            "two functions 'f'",
        ),
        (lambda: _with(calling("f"), lambda g: a_function(g, "f", "h")), "no function 'h'"),
    ],
)
def test_functions_that_do_not_fit(make: Callable[[], fc.GraphDef], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        fc.import_graph_def(make())
    assert fc.get_default_graph().get_operations() == []
    assert fc.get_default_graph()._functions == {}


def _with(message: fc.GraphDef, change: Callable[[fc.GraphDef], Any]) -> fc.GraphDef:
    change(message)
    return message


def _recursive_branch(message: fc.GraphDef) -> None:
    function = a_function(message, "f")
    inner = function.node_def.add(name="if", op="If", input=["p:output:0", "x"])
    parameter = function.node_def.add(name="p", op="Placeholder")
    parameter.attr["dtype"].type = 10
    inner.attr["Tcond"].type = 10
    for name in ("then_branch", "else_branch"):
        inner.attr[name].func.name = "f"
    for name in ("Tin", "Tout"):
        inner.attr[name].list.type.append(1)


def test_a_function_that_calls_itself_without_end_is_made_and_ends_with_an_error_when_it_runs() -> None:
    message = calling("f")
    a_function(message, "f", "g")
    a_function(message, "g", "f")
    (y,) = fc.import_graph_def(message, {"a": [1.0, 2.0], "b": [3.0, 4.0]}, ["call0:0"])
    with pytest.raises(fc.errors.OpError):
        fc.Session().run(y, options=fc.RunOptions(timeout_in_ms=2000))


def test_a_body_that_changes_a_reference_is_refused_by_name() -> None:
    v = fc.Variable(1.0, name="v")
    fc.cond(fc.constant(True), lambda: fc.assign_add(v, 1.0), lambda: fc.identity(v))
    with pytest.raises(ValueError, match=r"changes variable 'v' inside 'cond/true'.*use_resource=True"):
        fc.get_default_graph().as_graph_def()


def test_a_loop_that_is_imported_is_differentiated() -> None:
    with fc.Graph().as_default() as graph:
        x = fc.placeholder(fc.float32, [], name="x")
        fc.while_loop(lambda i, a: i < 3, lambda i, a: (i + 1, a * x), [0, 1.0], name="loop")
        message = graph.as_graph_def()
    x = fc.constant(2.0)
    (y,) = fc.import_graph_def(message, {"x": x}, ["loop:1"])
    dx = fc.gradients(y, x)[0]
    assert fc.Session().run([y, dx]) == [8.0, 12.0]


def test_write_graph(tmp_path: Any) -> None:
    x = fc.square(fc.constant(2.0), name="x")
    text = fc.train.write_graph(x.graph, tmp_path / "new", "graph.pbtxt")
    binary = fc.train.write_graph(x.graph.as_graph_def(), str(tmp_path), "graph.pb", as_text=False)
    from google.protobuf import text_format

    with open(text) as file:
        assert text_format.Parse(file.read(), fc.GraphDef()) == x.graph.as_graph_def()
    with open(binary, "rb") as file:
        assert fc.GraphDef.FromString(file.read()) == x.graph.as_graph_def()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["graph.pb", "new"]
    with pytest.raises(TypeError, match="a GraphDef is needed"):
        fc.train.write_graph(3, tmp_path, "x")  # type: ignore[arg-type]
    with pytest.raises(OSError, match=r"graph\.pb"):
        fc.train.write_graph(x.graph, tmp_path / "graph.pb", "x")
