"""The graph model: names, scopes, look-up, conversion, collections, building from threads."""

from __future__ import annotations

import copy
import itertools
import pickle
import random
import threading

import numpy as np
import pytest

import flowcore as fc
from flowcore.graph.constants import constant_value, constant_value_as_shape
from flowcore.graph.verifier import GraphError, Verifier


def test_names_are_those_of_tensorflow() -> None:
    a = fc.constant([1.0, 2.0])
    b = fc.add(a, 1.0, name="s")
    with fc.name_scope("foo"):
        c = a + b
        with fc.name_scope("bar"):
            d = fc.tanh(c)
    with fc.name_scope("foo"):
        e = fc.tanh(c)
    with fc.name_scope("foo/"):
        f = fc.tanh(c)
    g = a[0]
    names = [op.name for op in fc.get_default_graph().get_operations()]
    assert names == [
        "Const",
        "s/y",
        "s",
        "foo/add",
        "foo/bar/Tanh",
        "foo_1/Tanh",
        "foo/Tanh",
        "strided_slice/stack",
        "strided_slice/stack_1",
        "strided_slice/stack_2",
        "strided_slice",
    ]
    assert (d.name, e.name, f.name, g.name) == (
        "foo/bar/Tanh:0",
        "foo_1/Tanh:0",
        "foo/Tanh:0",
        "strided_slice:0",
    )


def test_unique_names_differ_by_more_than_case() -> None:
    graph = fc.get_default_graph()
    assert [graph.unique_name(n) for n in ("a", "a", "A", "a_1")] == ["a", "a_1", "A_2", "a_1_1"]
    with pytest.raises(ValueError, match="not a valid"):
        fc.constant(1, name="has space")


def test_names_with_numbers_are_given_once_whoever_numbered_them() -> None:
    ends = ["", "_0", "_1", "_2", "_3", "_10", "_01", "_1_1", "_"]
    rng = random.Random(1)
    for _ in range(300):
        graph, used = fc.Graph(), set()
        for _ in range(30):
            name = rng.choice("xX") + rng.choice(ends) + rng.choice(ends)
            wanted = name
            if name.lower() in used:
                numbers = itertools.count(1)
                wanted = next(n for k in numbers if (n := f"{name}_{k}").lower() not in used)
            mark = rng.random() < 0.8
            assert graph.unique_name(name, mark) == wanted
            if mark:
                used.add(wanted.lower())


def test_look_up_by_name() -> None:
    x = fc.constant(1, name="x")
    graph = fc.get_default_graph()
    assert graph.get_tensor_by_name("x:0") is x
    assert graph.get_operation_by_name("x") is x.op
    with pytest.raises(KeyError, match="no operation named 'y'"):
        graph.get_tensor_by_name("y:0")
    with pytest.raises(KeyError, match="only 1 outputs"):
        graph.get_tensor_by_name("x:1")
    with pytest.raises(ValueError, match="'y' is not the name of a tensor, which is '<operation>:"):
        graph.get_tensor_by_name("y")
    with pytest.raises(ValueError, match="the first output of this operation is 'x:0'"):
        graph.get_tensor_by_name("x")


def test_control_dependencies_skip_what_depends_already() -> None:
    a = fc.constant(1)
    with fc.control_dependencies([a]):
        b = fc.constant(2)
        c = fc.identity(b)
        with fc.control_dependencies(None):
            d = fc.constant(3)
    assert b.op.control_inputs == [a.op]
    assert c.op.control_inputs == []
    assert d.op.control_inputs == []


def test_device_scopes_merge_and_functions_decide() -> None:
    with fc.device("/job:worker/gpu:1"), fc.device("/device:CPU:0"):
        a = fc.constant(1)
        with fc.device(None):
            b = fc.constant(1)
    with fc.device(lambda op: "/gpu:0" if op.type == "Const" else ""):
        c = fc.constant(1)
    assert (a.device, b.device, c.device) == ("/job:worker/device:CPU:0", "", "/device:GPU:0")
    with pytest.raises(ValueError, match="Unknown part"), fc.device("gup"):
        pass


def test_constants_take_the_dtypes_of_tensorflow() -> None:
    for value, dtype in (
        (1, fc.int32),
        (2**40, fc.int64),
        (1.5, fc.float32),
        (True, fc.bool),
        (1j, fc.complex128),
        ("a", fc.string),
        (np.float64(1), fc.float64),
        (np.zeros(2, np.uint8), fc.uint8),
        ([1, 2.5], fc.float32),
    ):
        assert fc.constant(value).dtype == dtype
    for value, dtype in (
        (1.5, fc.int32),
        ("a", fc.float32),
        (300, fc.uint8),
        (1j, fc.float32),
        (object(), None),
        ([[1], [2, 3]], None),
    ):
        with pytest.raises((TypeError, ValueError)):
            fc.constant(value, dtype)
    with pytest.raises(ValueError, match="at most 64"):
        fc.constant(1.0, shape=[1] * 65)


def test_shapes_are_computed_while_the_graph_is_built() -> None:
    x = fc.placeholder(fc.float32, [None, 6])
    rows = fc.shape(x)[0]
    assert fc.reshape(x, [rows, 2, 3]).shape.as_list() == [None, 2, 3]
    assert fc.reshape(x, fc.stack([-1, fc.shape(x)[1] // 2])).shape.as_list() == [None, 3]
    assert constant_value(fc.shape(x)[1]) == 6
    assert constant_value_as_shape(fc.concat([fc.shape(x), [4]], 0)).as_list() == [None, 6, 4]
    with pytest.raises(ValueError, match="must be equal"):
        fc.matmul(x, fc.zeros([5, 2]))
    with pytest.raises(ValueError, match=r"not compatible|incompatible"):
        x.set_shape([3, 7])


def test_errors_name_op_expected_and_found() -> None:
    a = fc.constant([1.0])
    for build, words in (
        (lambda: fc.add(a, fc.constant(1)), "Input 'y' of 'Add' is int32, not float32.*cast"),
        (lambda: fc.matmul(a, a), "rank 2 or more"),
        (lambda: bool(a), "truth value"),
        (lambda: list(a), "not iterable"),
        (lambda: fc.nn.softmax(fc.constant(["a"])), "does not take dtype string"),
        (lambda: np.add(np.ones(2), [a]), "no value while the graph is built"),
    ):
        with pytest.raises((TypeError, ValueError), match=words):
            build()


def test_numpy_on_the_left_makes_a_tensor() -> None:
    x = fc.constant([1.0, 2.0])
    y = np.array([3.0, 4.0], np.float32) * x
    assert isinstance(y, fc.Tensor)
    with fc.Session() as sess:
        np.testing.assert_array_equal(sess.run(y), [3, 8])


def test_building_from_many_threads_keeps_names_unique_and_order() -> None:
    graph = fc.get_default_graph()

    def build() -> None:
        with graph.as_default(), fc.name_scope("t"):
            x = fc.constant(1.0)
            for _ in range(200):
                x = x + 1.0

    threads = [threading.Thread(target=build) for _ in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    names = [op.name for op in graph.get_operations()]
    assert len(names) == len(set(names)) == 8 * 401
    Verifier(graph).verify()


def test_the_verifier_finds_a_cycle() -> None:
    a = fc.constant(1)
    b = fc.identity(a)
    c = fc.identity(b)
    b.op._add_control_inputs([c.op])
    with pytest.raises(GraphError, match="cycle"):
        Verifier(fc.get_default_graph()).verify()
    with fc.Session() as sess, pytest.raises(GraphError, match="cycle"):
        sess.run(c)


def test_collections_and_seeds() -> None:
    fc.add_to_collection("things", 3)
    assert fc.get_collection("things") == [3]
    assert fc.get_seed(None) == (None, None)
    assert fc.get_seed(5) == (87654321, 5)
    fc.set_random_seed(1)
    assert fc.get_seed(5) == (1, 5)
    assert fc.get_seed(None) == (1, fc.get_default_graph().version)


def test_gradient_nodes_have_names_of_their_own_and_long_chains_do_not_recurse() -> None:
    x = fc.constant(0.5)
    y = x
    for _ in range(5000):
        y = fc.tanh(y)
    (g,) = fc.gradients(y, x)
    assert g.name.startswith("gradients/Tanh_grad/TanhGrad")
    with fc.Session() as sess:
        assert np.isfinite(sess.run(g))


def test_gradients_stop_are_summed_and_may_be_unconnected() -> None:
    x, z = fc.constant(3.0), fc.constant(1.0)
    y = x * x + fc.stop_gradient(x) * x
    assert fc.gradients(y, [z]) == [None]
    with fc.Session() as sess:
        assert sess.run(fc.gradients(y, x)) == [9.0]
        assert sess.run(fc.gradients(y, z, unconnected_gradients=fc.UnconnectedGradients.ZERO)) == [0.0]
        square = x * x
        assert sess.run(fc.gradients(square + x, x, stop_gradients=[square])) == [1.0]


def test_equal_attributes_are_one_dict_and_stay_apart_where_they_differ() -> None:
    with fc.Graph().as_default() as g:
        x, d = fc.constant([[1.0]]), fc.constant([[1.0]], fc.float64)
        first, second = fc.matmul(x, x).op, fc.matmul(x, x).op
        turned, wide = fc.matmul(x, x, transpose_a=True).op, fc.matmul(d, d).op
        assert first.attrs is second.attrs
        assert [op.get_attr("transpose_a") for op in (first, turned, wide)] == [False, True, False]
        assert [op.get_attr("T") for op in (first, turned, wide)] == [fc.float32, fc.float32, fc.float64]
        with g.gradient_override_map({"MatMul": "Other"}):
            other = fc.matmul(x, x).op
        assert other.get_attr("_gradient_op_type") == "Other"
        assert "_gradient_op_type" not in first.attrs


def test_operations_inside_branches_and_loops_are_found_by_their_path() -> None:
    graph = fc.get_default_graph()
    p = fc.placeholder(fc.bool, [])

    def body(i: fc.Tensor) -> fc.Tensor:
        return fc.cond(p, lambda: fc.add(i, 1, name="one"), lambda: fc.add(i, 2, name="two"), name="step")

    fc.while_loop(lambda i: fc.less(i, 5, name="below"), body, [0], name="count")
    names = [op.name for op in graph.get_operations()]
    assert len(names) == len(set(names))
    inside = ["count/cond/below", "count/body/step/true/one", "count/body/step/false/two", "count/body/step"]
    assert all(names.index(name) < names.index("count") for name in inside)
    for name in inside:
        assert graph.get_operation_by_name(name).name == name
    tensor = graph.get_tensor_by_name("count/body/step/true/one:0")
    with fc.Session() as sess, pytest.raises(ValueError, match="lies inside 'count/body/step/true'"):
        sess.run(tensor.name)
    with pytest.raises(KeyError, match="count/body/nothing"):
        graph.get_operation_by_name("count/body/nothing")
    with pytest.raises(ValueError, match="add_check_numerics_ops does not look into"):
        fc.add_check_numerics_ops()


def test_a_graph_is_neither_pickled_nor_copied() -> None:
    x = fc.constant(1.0)
    for act in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="of 1 operations> can be neither pickled nor copied"):
            act(x.graph)
    with pytest.raises(TypeError, match="as_graph_def"):
        pickle.dumps(x)
