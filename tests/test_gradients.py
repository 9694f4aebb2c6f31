"""The reverse walk: what flows, what stops, how gradients are added up, what is refused, and what
it costs.
"""

from __future__ import annotations

import sys
import time

import numpy as np
import pytest

import flowcore as fc
from flowcore.graph.apply import apply


def run(fetches, feeds=None):
    with fc.Session() as sess:
        return sess.run(fetches, feeds)


def test_each_x_gets_the_sum_over_all_ys_and_all_paths() -> None:
    x = fc.placeholder(fc.float32, [2])
    y = x * x
    grads = fc.gradients([y, y, x], [x, y, x])
    np.testing.assert_allclose(run(grads, {x: [1.0, 2.0]}), [[5, 9], [2, 2], [5, 9]])


def test_y_itself_and_what_does_not_depend() -> None:
    x, z = fc.constant([1.0, 2.0]), fc.constant(1.0)
    assert fc.gradients(x, [z]) == [None]
    np.testing.assert_array_equal(run(fc.gradients(x, x)[0]), [1, 1])
    np.testing.assert_array_equal(run(fc.gradients(z, x, unconnected_gradients="zero")[0]), [0, 0])
    assert fc.gradients([], x) == [None]
    with pytest.raises(ValueError, match=r"unconnected_gradients must be one of .*, found 'maybe'"):
        fc.gradients(z, x, unconnected_gradients="maybe")


def test_nothing_flows_through_whole_numbers() -> None:
    x = fc.placeholder(fc.float32, [3])
    through = fc.cast(fc.cast(x, fc.int32) * 2, fc.float32)
    assert fc.gradients(through, x) == [None]
    g = fc.gradients(through * x, x)[0]
    np.testing.assert_array_equal(run(g, {x: [1.5, 2.5, 3.5]}), [2, 4, 6])
    assert fc.gradients(fc.gather(x, fc.argmax(x)) * 1.0, x)[0] is not None
    before = len(x.graph.get_operations())
    assert fc.gradients(fc.cast(fc.argmax(x), fc.float32), x) == [None]
    assert all(not op.name.startswith("ArgMax_1_grad") for op in x.graph.get_operations()[before:])


def test_stop_gradients_are_taken_as_constants() -> None:
    x = fc.placeholder(fc.float32, [])
    y = x * x
    z = y * x
    assert run(fc.gradients(z, [x, y], stop_gradients=[y]), {x: 3.0}) == [9, 3]
    assert run(fc.gradients(z, [x, y]), {x: 3.0}) == [27, 3]
    assert run(fc.gradients(fc.stop_gradient(y) * x, x), {x: 3.0}) == [9]
    assert fc.gradients(z, x, stop_gradients=[z]) == [None]


def test_grad_ys_start_the_walk() -> None:
    x = fc.placeholder(fc.float32, [2])
    g = fc.gradients([x * x, x], x, grad_ys=[fc.constant([2.0, 3.0]), None])[0]
    np.testing.assert_array_equal(run(g, {x: [1.0, 2.0]}), [5, 13])
    slices = fc.IndexedSlices(fc.constant([5.0]), fc.constant([1]), fc.constant([2]))
    np.testing.assert_array_equal(
        run(fc.convert_to_tensor(fc.gradients(x * 2.0, x, grad_ys=[slices])[0]), {x: [1.0, 2.0]}), [0, 10]
    )


@pytest.mark.parametrize(
    ("grad_ys", "error", "match"),
    [
        (["text"], TypeError, "float32"),
        ([np.array([1, 2], np.int64)], TypeError, "float32"),
        ([np.ones(3, np.float32)], ValueError, r"\(3,\)"),
        ([np.ones(2, np.float32)] * 2, ValueError, "2 grad_ys for 1 ys"),
    ],
)
def test_grad_ys_that_do_not_fit_are_refused(grad_ys: list, error: type, match: str) -> None:
    x = fc.placeholder(fc.float32, [2])
    with pytest.raises(error, match=match):
        fc.gradients(x * x, x, grad_ys=[fc.constant(g) if isinstance(g, np.ndarray) else g for g in grad_ys])


def test_ys_must_be_differentiable_types() -> None:
    x = fc.placeholder(fc.complex64, [])
    with pytest.raises(TypeError, match="grad_ys"):
        fc.gradients(x * x, x)
    with pytest.raises(TypeError, match="string"):
        fc.gradients("text", x)


def test_nothing_depends_on_anything_through_integers() -> None:
    i, x = fc.constant([1, 2]), fc.constant([1.0, 2.0])
    assert fc.gradients(i * 2, i) == [None]
    assert fc.gradients(fc.argmax(x), x) == [None]
    assert fc.gradients(fc.greater(x, 1.0), [x]) == [None]
    assert fc.gradients(fc.cast(fc.cast(x, fc.int32), fc.float32), x) == [None]
    mixed = fc.gradients([i, x * 3.0], [i, x])
    assert mixed[0] is None
    with fc.Session() as sess:
        assert sess.run(mixed[1]).tolist() == [3.0, 3.0]


def test_grad_ys_may_have_another_shape_of_as_many_elements() -> None:
    x = fc.ones([2, 3])
    with fc.Session() as sess:
        np.testing.assert_array_equal(
            sess.run(fc.gradients(fc.reduce_mean(x), x, grad_ys=[[6.0]])[0]), np.ones([2, 3])
        )
        numbers = np.arange(6, dtype=np.float32)
        found = sess.run(fc.gradients(fc.reshape(x, [6]), x, grad_ys=numbers.reshape(3, 2))[0])
        np.testing.assert_array_equal(found, numbers.reshape(2, 3))
    with pytest.raises(ValueError, match=r"grad_ys has shape \(2,\) for y .*\(6,\)"):
        fc.gradients(fc.reshape(x, [6]), x, grad_ys=fc.constant([1.0, 2.0]))


def test_gathered_rows_give_slices_that_are_joined_and_made_dense_where_needed() -> None:
    p = fc.placeholder(fc.float32, [4, 2])
    feeds = {p: np.arange(8).reshape(4, 2)}
    sparse = fc.gradients([fc.gather(p, [1, 1]), fc.gather(p, [[3]]) * 2.0], p)[0]
    assert isinstance(sparse, fc.IndexedSlices)
    expected = np.zeros((4, 2))
    expected[1] = 2
    expected[3] = 2
    np.testing.assert_array_equal(run(fc.convert_to_tensor(sparse), feeds), expected)
    mixed = fc.gradients(fc.reduce_sum(fc.gather(p, [0, 0])) + fc.reduce_sum(p), p)[0]
    assert isinstance(mixed, fc.Tensor)
    np.testing.assert_array_equal(run(mixed, feeds), [[3, 3], [1, 1], [1, 1], [1, 1]])
    behind = fc.gradients(fc.gather(p * p, [2]), p)[0]  # slices that go on through another op
    np.testing.assert_array_equal(run(behind, feeds), [[0, 0], [0, 0], [8, 10], [0, 0]])


def test_variables_receive_gradients_through_every_read() -> None:
    v = fc.Variable([[1.0, 2.0], [3.0, 4.0]])
    y = fc.matmul(v, v) * v.read_value()
    g = fc.gradients(y, v)[0]
    h = fc.gradients(g, v)[0]
    a = np.array([[1.0, 2], [3, 4]])
    with fc.Session() as sess:
        sess.run(fc.global_variables_initializer())
        first, second = sess.run([g, h])

    def value(m: np.ndarray) -> float:
        return float(((m @ m) * m).sum())

    for index in np.ndindex(2, 2):
        step = np.zeros((2, 2))
        step[index] = 1e-4
        assert first[index] == pytest.approx((value(a + step) - value(a - step)) / 2e-4, rel=1e-4)
    assert second.shape == (2, 2)
    rows = fc.gradients(fc.gather(v, [1, 1]), v)[0]
    assert isinstance(rows, fc.IndexedSlices)


def test_an_op_type_keeps_its_gradient_and_single_nodes_may_have_another() -> None:
    with pytest.raises(KeyError, match="gradient_override_map"):
        fc.RegisterGradient("Mul")
    with pytest.raises(TypeError, match="string"):
        fc.RegisterGradient(3)
    with pytest.raises(TypeError, match="the gradient 'TestOfNoFunction' must be a function, found 3"):
        fc.RegisterGradient("TestOfNoFunction")(3)
    fc.RegisterGradient("TestOfNoFunction")(lambda op, dy: dy)  # the name is still free

    @fc.RegisterGradient("TestOfGradientsClipped")
    def _clipped(op, grad):
        return fc.clip_by_value(grad, -0.5, 0.5)

    with pytest.raises(KeyError, match="already"):
        fc.NotDifferentiable("TestOfGradientsClipped")
    x = fc.placeholder(fc.float32, [])
    with fc.get_default_graph().gradient_override_map({"Identity": "TestOfGradientsClipped"}):
        clipped = fc.identity(x)
    with fc.get_default_graph().gradient_override_map({"Identity": "NobodyRegisteredThis"}):
        unknown = fc.identity(x)
    assert run(fc.gradients(clipped * 3.0 + fc.identity(x), x), {x: 1.0}) == [1.5]
    with pytest.raises(LookupError, match="NobodyRegisteredThis"):
        fc.gradients(unknown, x)


def test_a_gradient_of_the_wrong_count_dtype_or_shape_is_named() -> None:
    results = {
        "None": lambda g: [g, g],
        "dtype": lambda g: fc.cast(g, fc.float64),
        "shape": lambda g: fc.concat([g, g], 0),
    }
    for key, function in results.items():
        fc.RegisterGradient(f"TestOfGradients{key}")(lambda op, g, f=function: f(g))
        x = fc.placeholder(fc.float32, [2])
        with fc.get_default_graph().gradient_override_map({"Identity": f"TestOfGradients{key}"}):
            y = fc.identity(x, name=f"wrong_{key}")
        with pytest.raises(ValueError, match=f"wrong_{key}"):
            fc.gradients(y, x)


def test_gradient_nodes_are_ordinary_and_named_after_their_ops() -> None:
    x, y = fc.placeholder(fc.float32, [2, 3], name="x"), fc.placeholder(fc.float32, [2, 3], name="y")
    fc.gradients(fc.tanh(x * y + x, name="act"), [x, y])
    names = [op.name for op in fc.get_default_graph().get_operations()]
    assert names == [
        "x",
        "y",
        "mul",
        "add",
        "act",
        "gradients/grad_ys_0",
        "gradients/act_grad/TanhGrad",
        "gradients/mul_grad/Mul",
        "gradients/mul_grad/Mul_1",
        "gradients/AddN",
    ]
    fc.gradients(x * 2.0, x, name="mine")
    assert fc.get_default_graph().get_operation_by_name("mine/mul_1_grad/Mul")
    fc.gradients(x * 2.0, x)
    assert fc.get_default_graph().get_operation_by_name("gradients_1/mul_2_grad/Mul")


def test_gradients_may_stand_on_the_devices_of_their_ops() -> None:
    x = fc.placeholder(fc.float32, [2])
    with fc.device("/cpu:0"):
        y = fc.exp(x)
    g = fc.gradients(y, x, colocate_gradients_with_ops=True)[0]
    assert g.op.device == y.op.device
    assert fc.gradients(y, x)[0].op.device == ""


def test_deep_and_wide_graphs_cost_linear_time_and_no_recursion() -> None:
    def seconds(depth: int) -> float:
        with fc.Graph().as_default() as graph:
            x = y = fc.placeholder(fc.float32, [])
            for _ in range(depth):
                y = apply("Neg", y)
            start = time.perf_counter()
            grad = fc.gradients(y, x)[0]
            elapsed = time.perf_counter() - start
            assert len(graph.get_operations()) > 2 * depth
            if depth < 10000:
                with fc.Session(graph=graph) as sess:
                    assert sess.run(grad, {x: 1.0}) == 1.0
            return elapsed

    assert sys.getrecursionlimit() < 100000
    small, large = min(seconds(5000), seconds(5000)), seconds(100000)
    assert large < 20 * small * 8, (small, large)
    x = fc.placeholder(fc.float32, [])
    y = fc.add_n([x * float(i) for i in range(3000)])
    assert run(fc.gradients(y, x), {x: 1.0}) == [sum(range(3000))]


REPEATED = {
    "sum": lambda x: fc.reduce_sum(x, [-1]),
    "mean": lambda x: fc.reduce_mean(x, 0),
    "max": lambda x: fc.reduce_max(x, 1, keepdims=True),
    "prod": lambda x: fc.reduce_prod(x, [0]),
    "prod all": fc.reduce_prod,
    "prod last": lambda x: fc.reduce_prod(x, -1),
    "transpose": fc.transpose,
    "tile": lambda x: fc.tile(x, [2, 3]),
    "pad": lambda x: fc.pad(x, [[1, 0], [0, 2]]),
    "gather": lambda x: fc.gather(x, [1, 0, 1]),
    "gather axis": lambda x: fc.gather(x, [[1, 0], [1, 2]], axis=1),
    "gather last": lambda x: fc.gather(x, [1, 0, 1], axis=-1),
    "concat": lambda x: fc.concat([x, x * x], 1),
    "stack": lambda x: fc.stack([x, x * x], 1),
    "slice": lambda x: x[1:, ::-2],
    "bias": lambda x: fc.nn.bias_add(x, x[0]),
    "softmax axis": lambda x: fc.nn.softmax(x, axis=0),
    "broadcast": lambda x: x * x[0] + x / fc.reduce_sum(x, 1, keepdims=True),
    "cumprod": lambda x: fc.cumprod(x, 1, exclusive=True),
}


@pytest.mark.parametrize("name", REPEATED)
@pytest.mark.parametrize("shape", ["static", "rank", "unknown"])
def test_first_and_second_gradients_do_not_need_static_shapes(name: str, shape: str) -> None:
    x = fc.placeholder(fc.float64, {"static": [2, 3], "rank": [None, None], "unknown": None}[shape])
    y = REPEATED[name](x)
    g = fc.convert_to_tensor(fc.gradients(y * y, x)[0])
    value = np.array([[0.3, 0.9, 0.5], [0.7, 0.2, 0.6]])
    with fc.Session() as sess:
        size = list(sess.run(y, {x: value}).shape)
        assert fc.test.compute_gradient_error(x, [2, 3], y, size, value, 1e-6) < 1e-7
        assert fc.test.compute_gradient_error(x, [2, 3], g, [2, 3], value, 1e-6) < 1e-7


@pytest.mark.parametrize("axis", [None, 0, 1, [1, 0]])
def test_the_gradient_of_a_product_with_zeros_is_exact_to_second_order(axis: object) -> None:
    value = np.array([[0.0, 2.0, 0.0], [3.0, 0.0, 3.0]])
    x = fc.placeholder(fc.float64, [2, 3])
    g = fc.gradients(fc.reduce_prod(x, axis), x)[0]
    with fc.Session():
        assert fc.test.compute_gradient_error(x, [2, 3], g, [2, 3], value) < 1e-9


@pytest.mark.parametrize("exclusive", [False, True])
@pytest.mark.parametrize("reverse", [False, True])
def test_the_gradient_of_running_products_with_zeros_is_exact(exclusive: bool, reverse: bool) -> None:
    value = np.array([[0.5, 2.0, 0.0, 3.0, 0.0, 1.5], [1.0, 0.0, 2.0, 1.0, 4.0, 2.0]])
    x = fc.placeholder(fc.float64, [2, 6])
    with fc.Session():
        assert (
            fc.test.compute_gradient_error(x, [2, 6], fc.cumprod(x, 1, exclusive, reverse), [2, 6], value)
            < 1e-9
        )


def test_unsorted_segments_pass_gradients_where_ids_are_valid_whatever_is_known() -> None:
    for shapes in ([[4, 2], [4]], [None, None]):
        data, ids = fc.placeholder(fc.float64, shapes[0]), fc.placeholder(fc.int32, shapes[1])
        total = apply("UnsortedSegmentSum", data, ids, 3)
        g = fc.gradients(total * total, data)[0]
        value = np.arange(8.0).reshape(4, 2)
        np.testing.assert_allclose(
            run(g, {data: value, ids: [2, -1, 2, 0]}), [[8, 12], [0, 0], [8, 12], [12, 14]]
        )


def test_a_gate_that_forbids_gradients_names_itself_and_its_message() -> None:
    x = fc.placeholder(fc.float32)
    y = apply("PreventGradient", x, message="the table is frozen", name="gate")
    with pytest.raises(LookupError, match="node 'gate' forbids gradients through it: the table is frozen"):
        fc.gradients(y, x)


def turns_and_branches(x: fc.Tensor) -> fc.Tensor:
    w = fc.constant([[1.0, 2.0], [3.0, 4.0]], fc.float64)

    def turn(i: fc.Tensor, y: fc.Tensor) -> tuple[fc.Tensor, fc.Tensor]:
        return i + 1, fc.cond(fc.reduce_sum(y) > 0.0, lambda: fc.sin(y @ w) * y, lambda: y * y)

    return fc.while_loop(lambda i, y: i < 3, turn, [0, x])[1]


@pytest.mark.parametrize("shape", [[3, 2], [None, 2], None])
@pytest.mark.parametrize("of", [lambda x: fc.reduce_sum(x**3.0) ** 2.0, turns_and_branches])
def test_hessians_are_those_of_differences(of, shape) -> None:
    x = fc.placeholder(fc.float64, shape)
    (h,) = fc.hessians(of(x), x)
    assert h.shape.as_list() == [*shape, *shape] if shape else h.shape.ndims is None
    (g,) = fc.gradients(of(x), x)
    value = np.random.default_rng(0).uniform(0.2, 1, (3, 2))
    with fc.Session() as sess:
        found = sess.run(h, {x: value})
        for k in np.ndindex(3, 2):
            step = np.zeros((3, 2))
            step[k] = 1e-6
            slope = (sess.run(g, {x: value + step}) - sess.run(g, {x: value - step})) / 2e-6
            np.testing.assert_allclose(found[k], slope, rtol=1e-6, atol=1e-6)
            np.testing.assert_allclose(found[(..., *k)], found[k], rtol=1e-12)  # it is symmetric


def test_hessians_of_several_xs_of_rows_and_of_what_is_linear() -> None:
    table, x, other = fc.Variable(np.ones((3, 2))), fc.placeholder(fc.float64, [2]), fc.constant(1.0)
    rows, linear, nothing = fc.hessians(
        fc.reduce_sum(fc.gather(table, [0, 0, 2]) ** 3.0) + fc.reduce_sum(x), [table, x, other]
    )
    assert nothing is None
    assert (rows.shape, linear.shape) == ([3, 2, 3, 2], [2, 2])
    with fc.Session() as sess:
        sess.run(table.initializer)
        found, zero = sess.run([rows, linear], {x: [1.0, 2.0]})
    np.testing.assert_array_equal(found.reshape(6, 6), np.diag([12.0, 12.0, 0.0, 0.0, 6.0, 6.0]))
    np.testing.assert_array_equal(zero, np.zeros((2, 2)))


def test_the_size_of_a_graph_of_hessians_does_not_depend_on_x() -> None:
    counts = []
    for n in (2, 200):
        with fc.Graph().as_default() as graph:
            x = fc.placeholder(fc.float64, [n])
            fc.hessians(fc.reduce_sum(fc.tanh(x) ** 2.0), x)
            counts.append(len(graph.get_operations()))
    assert counts[0] == counts[1]


def test_what_hessians_refuse() -> None:
    x = fc.constant(1.0)
    for error, match, call in (
        (TypeError, "ys must be numbers", lambda: fc.hessians("a", x)),
        (ValueError, "aggregation_method must be one of", lambda: fc.hessians(x, x, aggregation_method=9)),
        (TypeError, "gate_gradients must be True or False", lambda: fc.hessians(x, x, gate_gradients="no")),
    ):
        with pytest.raises(error, match=match):
            call()
