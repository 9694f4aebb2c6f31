"""Graphs that one of flowcore and TensorFlow has written run in the other, with equal results."""

from __future__ import annotations

import pathlib
import pickle
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import flowcore as fc

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from beside_tensorflow import GRAPH_MODE, run_in_tensorflow

X = np.array([[1.0, 2.0], [3.0, 4.0]], np.float32)


@fc.Defun(fc.float32)
def magnitude(a: fc.Tensor) -> fc.Tensor:
    return a * a + fc.cond(fc.reduce_sum(a) > 0.0, lambda: a, lambda: -a)


def plain(x: fc.Tensor) -> list[fc.Tensor]:
    return [
        fc.nn.softmax(fc.matmul(x, fc.constant([[1.0], [2.0]])) + 1.0),
        fc.logical_not(x > 1.0),
        x[1:, ::-1],
    ]


def branches(x: fc.Tensor) -> list[fc.Tensor]:
    y = fc.cond(fc.reduce_sum(x) > 0.0, lambda: fc.square(x), lambda: x - 1.0)
    z = fc.switch_case(fc.cast(x[0, 0], fc.int32), [lambda: x, lambda: fc.tanh(x)])
    return [y, fc.gradients(y, x)[0], z, fc.gradients(z, x)[0]]


def loops(x: fc.Tensor) -> list[fc.Tensor]:
    w = fc.while_loop(lambda i, a: i < 5, lambda i, a: (i + 1, fc.tanh(a + x)), [0, fc.zeros_like(x)])[1]
    rows = fc.map_fn(lambda row: fc.reduce_sum(row) * 2.0, x)
    return [w, fc.gradients(w, x)[0], rows, fc.gradients(rows, x)[0], fc.scan(lambda a, r: a + r, x)]


def functions(x: fc.Tensor) -> list[fc.Tensor]:
    y = magnitude(magnitude(x))
    return [y, fc.gradients(y, x)[0], magnitude(x)]


@pytest.mark.parametrize("function", [plain, branches, loops, functions], ids=lambda f: f.__name__)
def test_what_flowcore_writes_computes_the_same_in_tensorflow(
    function: Callable[[fc.Tensor], list[fc.Tensor]], tmp_path: pathlib.Path
) -> None:
    x = fc.placeholder(fc.float32, [None, 2], name="x")
    outputs = function(x)
    with fc.Session() as sess:
        expected = sess.run(outputs, {x: X})
    fc.train.write_graph(x.graph.as_graph_def(add_shapes=True), tmp_path, "graph", as_text=False)
    (tmp_path / "what").write_bytes(pickle.dumps(([t.name for t in outputs], X)))
    found = _run_there(tmp_path, "values = session.run(names, {'x:0': x})")
    for mine, other in zip(expected, found, strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-5, atol=1e-6)


def _run_there(folder: pathlib.Path, lines: str) -> Any:
    run_in_tensorflow(
        f"""{GRAPH_MODE}
import pickle
names, x = pickle.load(open("what", "rb"))
tf.import_graph_def(tf.GraphDef.FromString(open("graph", "rb").read()), name="")
with tf.Session() as session:
    {lines}
pickle.dump(values, open("values", "wb"))
""",
        folder,
    )
    return pickle.loads((folder / "values").read_bytes())


@pytest.mark.parametrize("resource", [False, True], ids=["references", "resources"])
@pytest.mark.parametrize(
    "optimizer",
    [
        lambda: fc.train.GradientDescentOptimizer(0.1),
        lambda: fc.train.MomentumOptimizer(0.1, 0.9),
        lambda: fc.train.AdamOptimizer(0.1),
        lambda: fc.train.AdagradOptimizer(0.1),
        lambda: fc.train.RMSPropOptimizer(0.1, momentum=0.5),
    ],
    ids=["descent", "momentum", "adam", "adagrad", "rmsprop"],
)
def test_a_training_step_of_flowcore_trains_in_tensorflow(
    optimizer: Callable[[], Any], resource: bool, tmp_path: pathlib.Path
) -> None:
    x = fc.placeholder(fc.float32, [None, 2], name="x")
    with fc.variable_scope("net", use_resource=resource):
        v = fc.get_variable("v", [2, 1], initializer=fc.ones_initializer())
    loss = fc.reduce_mean(fc.square(fc.matmul(x, v)))
    train = optimizer().minimize(loss)
    init = fc.global_variables_initializer()
    with fc.Session() as sess:
        sess.run(init)
        expected = [sess.run([loss, train], {x: X})[0] for _ in range(5)]
    fc.train.write_graph(x.graph, tmp_path, "graph", as_text=False)
    (tmp_path / "what").write_bytes(pickle.dumps(([loss.name, train.name, init.name], X)))
    lines = "session.run(names[2]); values = [session.run(names[:2], {'x:0': x})[0] for _ in range(5)]"
    np.testing.assert_allclose(expected, _run_there(tmp_path, lines), rtol=1e-5, atol=1e-6)


def test_queues_of_flowcore_work_in_tensorflow(tmp_path: pathlib.Path) -> None:
    x = fc.placeholder(fc.float32, [None, 2], name="x")
    queue = fc.FIFOQueue(8, [fc.float32, fc.string], shapes=[[2], []])
    put = queue.enqueue_many([x, ["a", "b"]])
    taken = queue.dequeue_many(2)
    fc.train.write_graph(x.graph, tmp_path, "graph", as_text=False)
    (tmp_path / "what").write_bytes(pickle.dumps(([put.name, *[t.name for t in taken]], X)))
    lines = "session.run(names[0], {'x:0': x}); values = session.run(names[1:])"
    numbers, texts = _run_there(tmp_path, lines)
    np.testing.assert_array_equal(numbers, X)
    assert texts.tolist() == [b"a", b"b"]


#: Of a graph of TensorFlow: what it makes of x, and how its branches and loops are written.
THEIR_GRAPHS = {
    "plain": "outputs = [tf.nn.softmax(tf.matmul(x, [[1.0], [2.0]])), tf.logical_not(x > 1.0), x[1:, ::-1]]",
    "branches": """
y = tf.cond(tf.reduce_sum(x) > 0, lambda: tf.square(x), lambda: x - 1.0)
z = tf.switch_case(tf.cast(x[0, 0], tf.int32), [lambda: x, lambda: tf.tanh(x)])
outputs = [y, tf.gradients(y, x)[0], z, tf.gradients(z, x)[0]]""",
    "loops": """
w = tf.while_loop(lambda i, a: i < 5, lambda i, a: (i + 1, tf.tanh(a + x)), [0, tf.zeros_like(x)])[1]
rows = tf.map_fn(lambda row: tf.reduce_sum(row) * 2.0, x)
outputs = [w, tf.gradients(w, x)[0], rows, tf.gradients(rows, x)[0]]""",
    "nested": """
def turn(i, a):
    return i + 1, tf.cond(tf.reduce_sum(a) > 5.0, lambda: a + x, lambda: tf.while_loop(
        lambda j, b: j < 2, lambda j, b: (j + 1, b * 1.5), [0, a])[1])
w = tf.while_loop(lambda i, a: i < 5, turn, [0, x])[1]
outputs = [w]""",
    "functions": """
from tensorflow.python.framework import function
@function.Defun(tf.float32)
def double(a):
    return a * a + 3.0
outputs = [double(x), double(double(x))]""",
    "variables": """
v = tf.Variable(tf.ones([2, 1]), name="v", use_resource=False)
w = tf.Variable(tf.ones([2, 1]), name="w", use_resource=True)
loss = tf.reduce_mean(tf.square(tf.matmul(x, v) + tf.matmul(x, w)))
train = tf.train.AdamOptimizer(0.1).minimize(loss)
with tf.control_dependencies([train]):
    outputs = [loss, tf.identity(v), w.read_value()]""",
}


#: The same with branches and loops written flat, whose gradients of loops have no functional form.
FLAT_GRAPHS = {
    "branches": """
y = tf.cond(tf.reduce_sum(x) > 0, lambda: tf.square(x), lambda: x - 1.0)
inner = lambda: tf.cond(y[0, 0] > 100.0, lambda: x, lambda: y * 3.0)
z = tf.cond(tf.reduce_sum(x) > 0, inner, lambda: x - 1.0)
outputs = [y, tf.gradients(y, x)[0], z, tf.gradients(z, x)[0]]""",
    "nested": THEIR_GRAPHS["nested"],
    "arrays": """
w = tf.while_loop(lambda i, a: i < 5, lambda i, a: (i + 1, tf.tanh(a + x)), [0, tf.zeros_like(x)])[1]
array = tf.TensorArray(tf.float32, 2, element_shape=[2], clear_after_read=False).unstack(x)
outputs = [w, tf.map_fn(lambda row: tf.reduce_sum(row) * 2.0, x), tf.scan(lambda a, row: a + row, x),
           tf.foldl(lambda a, row: a * row, x), array.read(1), array.concat(),
           tf.cast(array.size(), tf.float32)]""",
    "assigned": """
v = tf.Variable(tf.ones([2, 2]), name="v", use_resource=False)
y = tf.cond(tf.reduce_sum(x) > 0, lambda: tf.assign_add(v, x), lambda: tf.identity(v))
with tf.control_dependencies([y]):
    outputs = [y, tf.identity(v)]""",
}


@pytest.mark.parametrize("name", FLAT_GRAPHS)
def test_flat_branches_and_loops_of_tensorflow_compute_the_same_here(
    name: str, tmp_path: pathlib.Path
) -> None:
    _compare_theirs(FLAT_GRAPHS[name], "", tmp_path)


@pytest.mark.parametrize("name", THEIR_GRAPHS)
def test_what_tensorflow_writes_computes_the_same_here(name: str, tmp_path: pathlib.Path) -> None:
    _compare_theirs(THEIR_GRAPHS[name], "tf.enable_control_flow_v2()", tmp_path)


def _compare_theirs(graph: str, mode: str, tmp_path: pathlib.Path) -> None:
    (tmp_path / "x").write_bytes(pickle.dumps(X))
    run_in_tensorflow(
        f"""{GRAPH_MODE}
import pickle
{mode}
x = tf.placeholder(tf.float32, [None, 2], name="x")
{graph}
init = tf.global_variables_initializer()
with tf.Session() as session:
    session.run(init)
    values = session.run(outputs, {{x: pickle.load(open("x", "rb"))}})
with open("graph", "wb") as file:
    file.write(tf.get_default_graph().as_graph_def(add_shapes=True).SerializeToString())
pickle.dump(([t.name for t in outputs], init.name, values), open("what", "wb"))
""",
        tmp_path,
    )
    names, init, expected = pickle.loads((tmp_path / "what").read_bytes())
    message = fc.GraphDef.FromString((tmp_path / "graph").read_bytes())
    outputs = fc.import_graph_def(message, return_elements=names, name="theirs")
    with fc.Session() as sess:
        sess.run(f"theirs/{init}")
        found = sess.run(outputs, {"theirs/x:0": X})
    for mine, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-5, atol=1e-6)
