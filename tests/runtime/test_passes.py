"""Optimisation passes: what they take out of plans, what they leave alone, and that no value
changes by a bit.
"""

from __future__ import annotations

import collections
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

import flowcore as fc
from flowcore.graph.apply import apply
from flowcore.graph.op_def import registered_ops
from flowcore.runtime.passes import algebra, plan_graph, subexpressions


def without(*passes: str) -> fc.OptimizerOptions:
    return fc.OptimizerOptions(skip_passes=passes)


OFF = fc.OptimizerOptions(opt_level=fc.OptimizerOptions.L0)
NO_FUSION = "elementwise_fusion"  # has tests of its own, and may give a NaN another sign
SINGLE_OPS = ("constant_folding", "common_subexpression_elimination", "algebraic_simplification")
NOTHING = without(*SINGLE_OPS, NO_FUSION)
FOLD = without(*SINGLE_OPS[1:], NO_FUSION)
MERGE = without(SINGLE_OPS[0], SINGLE_OPS[2], NO_FUSION)
SIMPLIFY = without(*SINGLE_OPS[:2], NO_FUSION)
ALL = without(NO_FUSION)


def session(options: fc.OptimizerOptions, threads: int = 0) -> fc.Session:
    return fc.Session(
        config=fc.ConfigProto(
            inter_op_parallelism_threads=threads, graph_options=fc.GraphOptions(optimizer_options=options)
        )
    )


def bits(value: Any) -> Any:
    """All that is promised: a NaN is a NaN, with the sign and the payload that the device gives it."""
    array = np.asarray(value)
    if array.dtype.kind == "f":
        array = np.where(np.isnan(array), np.array(np.nan, array.dtype), array)
    return (array.dtype, array.shape, array.tolist() if array.dtype == object else array.tobytes())


def run(
    options: fc.OptimizerOptions, fetches: Sequence[Any], feeds: dict[Any, Any] | None = None
) -> tuple[list[Any], collections.Counter[str]]:
    """The values, and the op types that ran, copies to and from a device left out."""
    metadata = fc.RunMetadata()
    with session(options) as sess:
        values = sess.run(list(fetches), feeds, fc.RunOptions(trace_level=fc.RunOptions.FULL_TRACE), metadata)
    return values, collections.Counter(n.op for n in fc.timeline.node_stats(metadata) if n.op != "Copy")


def check(
    options: fc.OptimizerOptions, fetches: Sequence[Any], feeds: dict[Any, Any] | None = None
) -> collections.Counter[str]:
    """Asserts that the values are those of the plan as it stands; the op types that ran."""
    operations = len(fc.get_default_graph().get_operations())
    expected, _ = run(OFF, fetches, feeds)
    values, ran = run(options, fetches, feeds)
    assert [bits(v) for v in values] == [bits(v) for v in expected]
    assert len(fc.get_default_graph().get_operations()) == operations, "planning must not grow the graph"
    return ran


# ---- folding ----


def test_what_depends_on_constants_alone_is_computed_once() -> None:
    x = fc.placeholder(fc.float32, [2, 2])
    c = fc.matmul(fc.constant([[1.0, 2], [3, 4]]), fc.constant([[0.5, 0], [0, math.inf]]))
    y = x * fc.exp(c)
    assert check(FOLD, [y, c], {x: np.ones((2, 2))}) == {"Mul": 1}
    assert check(NOTHING, [y, c], {x: np.ones((2, 2))}) == {
        "Mul": 1,
        "Exp": 1,
        "MatMul": 1,
    }


def test_each_fetch_of_a_folded_value_is_the_callers_own() -> None:
    y = fc.constant(np.arange(1000.0)) * 2.0
    with session(FOLD) as sess:
        first, same = sess.run([y, fc.identity(y)])
        first[:] = 0
        np.testing.assert_array_equal(same, np.arange(1000.0) * 2)
        np.testing.assert_array_equal(sess.run(y), np.arange(1000.0) * 2)


def test_a_large_result_of_small_inputs_is_not_kept() -> None:
    filled = fc.fill([3, 1 << 20], 2.0)  # 12 MiB
    smaller = fc.reduce_sum(fc.constant(np.ones((1 << 10, 3), np.float32)), 0)
    ran = check(FOLD, [filled[0, 0] + smaller])
    assert ran["Fill"] == 1
    assert ran["Sum"] == 0
    many = [fc.fill([1 << 20], float(i)) for i in range(4)]  # 4 MiB each
    assert run(FOLD, [m[0] for m in many])[1]["Fill"] == 2


def test_an_op_that_fails_is_left_to_fail_when_it_runs() -> None:
    bad = fc.constant(10) // fc.constant(0)
    good = fc.constant(10) // fc.constant(5)
    x = fc.placeholder(fc.int32, [])
    messages = []
    for options in (OFF, FOLD, ALL):
        with session(options) as sess:
            with pytest.raises(fc.errors.InvalidArgumentError, match="division by zero") as caught:
                sess.run([bad + x, good + x], {x: 1})
            assert caught.value.op is bad.op
            messages.append(str(caught.value))
            assert sess.run(good + x, {x: 1}) == 3
    assert len(set(messages)) == 1


def test_random_numbers_states_and_python_functions_are_not_folded() -> None:
    called = []
    fetches = [
        fc.random_uniform([2], seed=1) + fc.constant(1.0),
        fc.py_func(lambda: called.append(1) or np.float32(1), [], fc.float32),
    ]
    with session(ALL) as sess:
        first, second = (sess.run(fetches[0]) for _ in range(2))
        assert not np.array_equal(first, second)
        for _ in range(3):
            sess.run(fetches[1])
    assert len(called) == 3


def test_fed_constants_are_no_constants() -> None:
    c = fc.constant(2.0)
    y = c * c
    z = y + 1.0
    for options in (OFF, ALL):
        with session(options) as sess:
            assert sess.run([z, y], {c: 3.0}) == [10.0, 9.0]
            assert sess.run([z, y], {y: 7.0}) == [8.0, 7.0]
            assert sess.run([z, y]) == [5.0, 4.0]


def test_the_axes_of_a_broadcast_are_constants_where_both_shapes_are() -> None:
    x = fc.placeholder(fc.float32, [1, 3])
    y = fc.broadcast_to(x, [4, 3]) * fc.constant(np.arange(12, dtype=np.float32).reshape(4, 3))
    ran = check(FOLD, fc.gradients(y, x), {x: [[1, 2, 3]]})
    assert ran["BroadcastGradientArgs"] == 0
    assert run(SIMPLIFY, fc.gradients(y, x), {x: [[1, 2, 3]]})[1]["BroadcastGradientArgs"] == 1


# ---- common subexpressions ----


def test_equal_ops_run_once_and_are_fetched_by_all_their_names() -> None:
    x = fc.placeholder(fc.float32, [None])
    a, b = (fc.tanh(x * 2.0) for _ in range(2))
    ran = check(MERGE, [a, b, fc.tanh(x * 3.0)], {x: [1.0, math.nan]})
    assert ran == {"Mul": 2, "Tanh": 2}
    assert check(NOTHING, [a, b], {x: [1.0]}) == {"Mul": 2, "Tanh": 2}
    with session(MERGE) as sess:
        first, second = sess.run([a, b], {x: np.ones(1000)})
        first[:] = 0
        assert second[0] == np.tanh(np.float32(2))


def test_attributes_types_devices_and_signs_of_zero_tell_ops_apart() -> None:
    x = fc.placeholder(fc.float32, [2, 2])
    with fc.device("/cpu:0"):
        placed = fc.exp(x)
    fetches = [
        fc.matmul(x, x),
        fc.matmul(x, x, transpose_a=True),
        placed,
        fc.exp(x),
        x / fc.constant(0.0),
        x / fc.constant(-0.0),
        fc.cast(x, fc.int32),
        fc.cast(x, fc.int64),
    ]
    ran = check(MERGE, fetches, {x: [[-1, 2], [3, 4]]})
    assert {op: ran[op] for op in ("MatMul", "Exp", "RealDiv", "Cast")} == {
        "MatMul": 2,
        "Exp": 2,
        "RealDiv": 2,
        "Cast": 2,
    }


def test_integers_commute_and_floats_stay_as_they_are() -> None:
    i, f = fc.placeholder(fc.int32, []), fc.placeholder(fc.float32, [])
    ran = check(MERGE, [i + 1, 1 + i, f * 2.0, 2.0 * f, i - 1, 1 - i], {i: 1, f: math.nan})
    assert sum(ran[op] for op in ("Add", "AddV2")) == 1
    assert (ran["Mul"], ran["Sub"]) == (2, 2)


def test_what_has_a_state_is_never_merged() -> None:
    called = []

    def count() -> np.ndarray:
        called.append(1)
        return np.float32(len(called))

    v = fc.Variable(1.0)
    before = v.read_value()
    with fc.control_dependencies([before]), fc.control_dependencies([v.assign(2.0, read_value=False)]):
        after = v.read_value()
    draws = [fc.random_uniform([4]) for _ in range(2)]
    calls = [fc.py_func(count, [], fc.float32) for _ in range(2)]
    with session(ALL) as sess:
        sess.run(fc.global_variables_initializer())
        assert sess.run([before, after]) == [1.0, 2.0]
        first, second = sess.run(draws)
        assert not np.array_equal(first, second)
        assert sorted(sess.run(calls)) == [1, 2]


def test_a_fed_output_does_not_stand_for_its_twin() -> None:
    x = fc.placeholder(fc.float32, [])
    a, b = x * 2.0, x * 2.0
    for options in (OFF, ALL):
        with session(options) as sess:
            assert sess.run([a + 1, b + 1], {x: 1.0, a: 10.0}) == [11.0, 3.0]
            assert sess.run([b + 1, a + 1], {x: 1.0, b: 10.0}) == [11.0, 3.0]


# ---- identities ----

TOUCHY = np.array([0.0, -0.0, 1.0, -1.5, np.inf, -np.inf, np.nan, -np.nan, 1e-45, -1e-45, 3e38], np.float32)


@pytest.mark.parametrize(
    "dtype", ["float32", "float64", "float16", "bfloat16", "int8", "uint16", "int32", "int64", "complex64"]
)
def test_neutral_operands_keep_every_bit(dtype: str) -> None:
    kind = fc.as_dtype(dtype)
    x = fc.placeholder(kind, [None])
    one, zero, minus = (fc.constant(np.array(n).astype(kind.as_numpy_dtype)) for n in (1.0, 0.0, -0.0))
    with np.errstate(all="ignore"):
        value = TOUCHY.astype(kind.as_numpy_dtype)
    fetches = [
        x * one,
        one * x,
        x / one if kind.is_floating else x,
        x + zero,
        x + minus,
        minus + x,
        x - zero,
        x - minus,
        zero - x,
        fc.negative(-x) if dtype != "uint16" else x,
    ]
    ran = check(SIMPLIFY, fetches, {x: value})
    if dtype in ("float32", "float64"):
        assert (ran["Mul"], ran["RealDiv"], ran["Neg"]) == (0, 0, 0)
        assert ran["Add"] + ran["AddV2"] == 1  # + 0.0, which turns -0.0 into 0.0
        assert ran["Sub"] == 2


def test_an_operand_that_broadcasts_is_not_dropped() -> None:
    x, y = fc.placeholder(fc.float32, [2]), fc.placeholder(fc.float32, [None])
    wide = fc.ones([3, 1])
    ran = check(SIMPLIFY, [x * wide, y * fc.ones([2]), x * fc.ones([2]), wide[0] * x], {x: [1, -0.0], y: [5]})
    assert ran["Mul"] == 3


def test_what_gives_back_its_input_is_left_out() -> None:
    x, r = fc.placeholder(fc.float32, [2, 3]), fc.placeholder(fc.float32, [None, 3])
    fetches = [
        fc.identity(x),
        fc.stop_gradient(x) + 1.5,
        fc.cast(x, fc.float32),
        fc.reshape(x, [2, 3]),
        fc.reshape(r, fc.shape(r)) * 0.5,
        fc.transpose(x, [0, 1]),
        fc.transpose(fc.transpose(x)),
        fc.transpose(fc.transpose(fc.ones([2, 3, 4]) * x[0, 0], [1, 2, 0]), [1, 0, 2]),
        fc.add_n([x]),
        fc.broadcast_to(x, [2, 3]),
        *apply("IdentityN", [x, r]),
        fc.placeholder_with_default(x, [2, 3]),
        fc.logical_not(fc.logical_not(x > 0)),
    ]
    ran = check(SIMPLIFY, fetches, {x: np.arange(6).reshape(2, 3), r: np.ones((4, 3))})
    left = {
        "Identity",
        "IdentityN",
        "StopGradient",
        "Cast",
        "Reshape",
        "AddN",
        "BroadcastTo",
        "PlaceholderWithDefault",
        "LogicalNot",
    } & set(ran)
    assert not left
    assert ran["Transpose"] == 1


def test_a_reshape_that_is_none_only_by_its_sizes_at_run_time_stays() -> None:
    x = fc.placeholder(fc.float32, [None, 3])
    assert (
        check(SIMPLIFY, [fc.reshape(x, [2, 3]), fc.reshape(x, [-1, 3])], {x: np.ones((2, 3))})["Reshape"] == 2
    )
    with session(ALL) as sess, pytest.raises(fc.errors.InvalidArgumentError):
        sess.run(fc.reshape(x, [2, 3]), {x: np.ones((4, 3))})


def test_what_is_waited_for_and_what_waits_stays() -> None:
    v = fc.Variable(0.0)
    x = fc.placeholder(fc.float32, [])
    same = fc.identity(x, name="waited_for")
    with fc.control_dependencies([same]):
        first = v.assign_add(1.0, read_value=False)
    with fc.control_dependencies([first]):
        late = fc.identity(x, name="waits")
        read = fc.identity(v.read_value())
    for options in (OFF, ALL):
        with session(options) as sess:
            sess.run(fc.global_variables_initializer())
            for n in range(1, 20):
                assert sess.run([late + 1, read], {x: 2.0}) == [3.0, n]
    metadata = fc.RunMetadata()
    with session(ALL) as sess:
        sess.run(fc.global_variables_initializer())
        sess.run(late + 1, {x: 2.0}, fc.RunOptions(trace_level=fc.RunOptions.FULL_TRACE), metadata)
        sess.run(same.op, {x: 2.0})
    assert {"waited_for", "waits"} <= {n.name for n in fc.timeline.node_stats(metadata)}


def test_an_identity_of_a_read_keeps_the_moment_of_reading() -> None:
    v = fc.Variable(np.zeros(1000, np.float32))
    read = v.read_value()
    kept = fc.identity(fc.identity(read))
    with fc.control_dependencies([read]):
        change = v.assign_add(np.ones(1000, np.float32), read_value=False)
    with fc.control_dependencies([change]):
        later = kept * 1.0 + 0.5
    with session(ALL) as sess:
        sess.run(fc.global_variables_initializer())
        for n in range(5):
            old, new = sess.run([kept, later])
            np.testing.assert_array_equal(old, n)
            np.testing.assert_array_equal(new, n + 0.5)


def test_looking_through_a_fed_tensor_is_refused() -> None:
    x = fc.placeholder(fc.float32, [2, 2])
    inner, turned = -x, fc.transpose(x)
    outer, back = -inner, fc.transpose(turned)
    with session(ALL) as sess:
        values = sess.run([outer, back], {inner: np.ones((2, 2)), turned: [[1, 2], [3, 4]]})
    np.testing.assert_array_equal(values[0], -np.ones((2, 2)))
    np.testing.assert_array_equal(values[1], [[1, 3], [2, 4]])


def test_errors_name_the_users_op_and_line_though_its_inputs_were_replaced() -> None:
    x = fc.placeholder(fc.float32, [None])
    y = fc.add(fc.identity(x), fc.ones([2]) * fc.constant(2.0), name="sum")
    for options in (OFF, ALL):
        with session(options) as sess:
            with pytest.raises(
                fc.errors.InvalidArgumentError, match=r"(?s)node 'sum' \(Add.*created at .*test_passes"
            ) as caught:
                sess.run(y, {x: [1, 2, 3]})
            assert caught.value.op is y.op


def test_a_missing_device_is_reported_though_the_op_could_be_folded() -> None:
    with fc.device("/gpu:7"):
        folded, same = fc.constant(1.0) + 1.0, fc.identity(fc.constant(1.0))
    for fetch in (folded, same):
        with session(ALL) as sess, pytest.raises(fc.errors.InvalidArgumentError, match="GPU:7"):
            sess.run(fetch)


# ---- whole graphs ----


def perceptron(x: fc.Tensor, sizes: Sequence[int]) -> fc.Tensor:
    rng = np.random.default_rng(1)
    for n, size in enumerate(sizes):
        fan_in = x.shape[-1].value
        w = fc.Variable(rng.normal(size=(fan_in, size), scale=fan_in**-0.5).astype(np.float32))
        x = fc.matmul(x, w) + fc.Variable(fc.zeros([size]))
        x = fc.nn.relu(x) if n < len(sizes) - 1 else x
    return x


def convnet(x: fc.Tensor, sizes: Sequence[int]) -> fc.Tensor:
    rng = np.random.default_rng(1)
    w = fc.Variable(rng.normal(size=(3, 3, 1, 8), scale=0.3).astype(np.float32))
    h = fc.nn.relu(
        fc.nn.bias_add(
            fc.nn.conv2d(fc.reshape(x, [-1, 8, 8, 1]), w, [1, 1, 1, 1], "SAME"), fc.Variable(fc.zeros([8]))
        )
    )
    h = fc.nn.max_pool(h, [1, 2, 2, 1], [1, 2, 2, 1], "SAME")
    return perceptron(fc.reshape(h, [-1, 128]), sizes)


@pytest.mark.parametrize("batch", [None, 16])
@pytest.mark.parametrize(
    "optimizer",
    [fc.train.MomentumOptimizer(0.1, 0.9), fc.train.AdamOptimizer(1e-3)],
    ids=["momentum", "adam"],
)
@pytest.mark.parametrize("network", [perceptron, convnet])
def test_training_is_the_same_bit_for_bit(
    network: Callable[..., fc.Tensor], optimizer: Any, batch: int | None
) -> None:
    x, y = fc.placeholder(fc.float32, [batch, 64]), fc.placeholder(fc.int32, [batch])
    loss = fc.reduce_mean(
        fc.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=network(x, [32, 10]))
    )
    loss += 0.01 * fc.add_n([fc.nn.l2_loss(v) for v in fc.trainable_variables()])
    step = optimizer.minimize(loss)
    rng = np.random.default_rng(2)
    images, labels = rng.normal(size=(16, 64)), rng.integers(0, 10, 16)
    results = []
    for options in (OFF, FOLD, MERGE, SIMPLIFY, ALL):
        with session(options) as sess:
            sess.run(fc.global_variables_initializer())
            losses = [sess.run([loss, step], {x: images, y: labels})[0] for _ in range(3)]
            results.append([bits(v) for v in [*losses, *sess.run(fc.global_variables())]])
    assert all(r == results[0] for r in results[1:])


UNARY = ("Neg", "Abs", "Square", "Tanh", "Relu", "Identity", "StopGradient", "Floor", "Sign")
BINARY = ("Add", "AddV2", "Sub", "Mul", "Maximum", "RealDiv", "SquaredDifference")


def random_graph(seed: int) -> tuple[list[fc.Tensor], dict[fc.Tensor, Any]]:
    """Elementwise ops, transposes, reshapes and reductions of few constants and inputs, so that
    much is equal, constant or void.
    """
    rng = np.random.default_rng(seed)
    feeds = {
        fc.placeholder(fc.float32, [3, 3] if i else [None, 3]): rng.choice(TOUCHY, (3, 3)) for i in range(2)
    }
    pool = [
        *feeds,
        *(fc.constant(np.full((3, 3), n, np.float32)) for n in (0.0, -0.0, 1.0, 2.0)),
        fc.constant(1.0),
        fc.constant(np.nan),
    ]
    for _ in range(60):
        a, b = (pool[i] for i in rng.integers(0, len(pool), 2))
        kind = rng.integers(0, 6)
        if kind < 2:
            pool.append(apply(UNARY[rng.integers(len(UNARY))], a))
        elif kind < 4:
            pool.append(apply(BINARY[rng.integers(len(BINARY))], a, b))
        elif kind == 4 and a.shape.ndims == 2:
            pool.append(fc.transpose(a, [[1, 0], [0, 1]][rng.integers(2)]))
        elif a.shape.ndims == 2:
            shaped = fc.reshape(a, a.shape) if a.shape.is_fully_defined() else fc.reshape(a, fc.shape(a))
            pool.append([shaped, fc.reshape(fc.reduce_sum(a, 0), [1, -1]), fc.add_n([a])][rng.integers(3)])
        if rng.random() < 0.1:
            with fc.control_dependencies([pool[-1]]):
                pool.append(fc.identity(pool[rng.integers(len(pool))]))
    fetches = [pool[i] for i in rng.integers(0, len(pool), 12)]
    if rng.random() < 0.5:
        inner = pool[rng.integers(len(feeds), len(pool))]
        feeds[inner] = (
            rng.choice(TOUCHY, [n or 3 for n in inner.shape.as_list()])
            if inner.shape.ndims is not None
            else 1.0
        )
    return fetches, feeds


@pytest.mark.parametrize("seed", range(60))
def test_random_graphs_keep_their_bits(seed: int) -> None:
    fetches, feeds = random_graph(seed)
    with np.errstate(all="ignore"):
        for options in (FOLD, MERGE, SIMPLIFY, ALL):
            check(options, fetches, feeds)


def test_planning_work_grows_with_the_graph_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counts ops that rules look at and that walks meet instead of seconds."""
    x = fc.placeholder(fc.float32, [])
    seen = walked = 0
    rule, prune = subexpressions.Merging.__call__, plan_graph.PlanGraph.prune

    def counted_rule(self: Any, op: fc.Operation) -> Any:
        nonlocal seen
        seen += 1
        return rule(self, op)

    def counted_prune(self: plan_graph.PlanGraph) -> None:
        nonlocal walked
        prune(self)
        walked += len(self.ops)

    monkeypatch.setattr(subexpressions.Merging, "__call__", counted_rule)
    monkeypatch.setattr(plan_graph.PlanGraph, "prune", counted_prune)
    counts = []
    for n in (100, 200, 400):
        y = x
        for _ in range(n):
            y = fc.identity(y * 1.0) + (y + 2.0)
        seen = walked = 0
        with session(ALL) as sess:
            sess.run(y, {x: 0.0})
        counts.append((seen, walked))
    (a, b, c) = counts
    assert c[0] - b[0] == 2 * (b[0] - a[0]) > 0
    assert c[1] - b[1] == 2 * (b[1] - a[1]) > 0


def test_100_000_nodes_in_a_row_are_planned_without_recursion() -> None:
    x = fc.placeholder(fc.float32, [])
    y = x
    for _ in range(33_334):
        # one of both vanishes, so that all that follows reads something else
        y = fc.maximum(fc.tanh(y), fc.tanh(y))
    results = []
    for options in (OFF, ALL):
        with session(options) as sess:
            results.append(bits(sess.run(y, {x: 0.5})))
    assert results[0] == results[1]


def test_what_makes_or_uses_a_state_is_left_alone_by_its_declaration() -> None:
    for op_type, op_def in registered_ops().items():
        if op_def.makes or any(a.dtype is fc.resource for a in (*op_def.input_arg, *op_def.output_arg)):
            assert op_def.is_stateful, op_type


def test_every_op_named_by_a_rule_exists() -> None:
    assert algebra._RULES.keys() <= registered_ops().keys()


# ---- sums of products ----


@pytest.mark.parametrize("transpose_a", [False, True])
@pytest.mark.parametrize("transpose_b", [False, True])
def test_a_sum_of_products_becomes_one_product_of_joined_operands(
    transpose_a: bool, transpose_b: bool
) -> None:
    rng = np.random.default_rng(0)
    parts, feeds = [], {}
    for k in (3, 1, 5):
        a, b = (
            fc.placeholder(fc.float32, shape[::-1] if turned else shape)
            for shape, turned in (([40, k], transpose_a), ([k, 30], transpose_b))
        )
        feeds |= {t: rng.standard_normal(t.shape.as_list()).astype(np.float32) for t in (a, b)}
        parts.append(fc.matmul(a, b, transpose_a=transpose_a, transpose_b=transpose_b))
    other = fc.placeholder(fc.float32, [40, 30])
    feeds[other] = rng.standard_normal((40, 30)).astype(np.float32)
    # a part is read by tanh too
    for fetched, products in ((fc.add_n(parts), 0), (fc.add_n([fc.tanh(parts[0]), *parts, other]), 2)):
        expected, _ = run(OFF, [fetched], feeds)
        with session(fc.OptimizerOptions()) as sess:
            metadata = fc.RunMetadata()
            value = sess.run(fetched, feeds, fc.RunOptions(trace_level=fc.RunOptions.FULL_TRACE), metadata)
        np.testing.assert_allclose(value, expected[0], rtol=1e-5, atol=1e-5)
        assert sum(n.op == "ConcatV2" for n in fc.timeline.node_stats(metadata)) == 2
        # one in place of a whole sum bears the sum's name and type
        assert sum(n.op == "MatMul" for n in fc.timeline.node_stats(metadata)) == products
        assert run(without("product_joining"), [fetched], feeds)[1]["MatMul"] == 3


def test_products_stay_apart_where_they_are_read_elsewhere_small_or_of_unknown_size() -> None:
    a, b = fc.placeholder(fc.float32, [40, 2]), fc.placeholder(fc.float32, [2, 30])
    c, d = fc.placeholder(fc.float32, [40, None]), fc.placeholder(fc.float32, [None, 30])
    wide, tall = fc.placeholder(fc.float32, [4, 500]), fc.placeholder(fc.float32, [500, 3])
    feeds = {
        t: np.ones([2 if n is None else n for n in t.shape.as_list()], np.float32)
        for t in (a, b, c, d, wide, tall)
    }
    first, second = fc.matmul(a, b), fc.matmul(a * 2.0, b)
    for fetches in (
        [fc.add_n([first, second]), first],
        [fc.add_n([fc.matmul(c, d), fc.matmul(c * 2.0, d)])],
        [fc.add_n([fc.matmul(wide, tall), fc.matmul(wide * 2.0, tall)])],
    ):
        values, ran = run(fc.OptimizerOptions(), fetches, feeds)
        assert ran["MatMul"] == 2
        for value, expected in zip(values, run(OFF, fetches, feeds)[0], strict=True):
            np.testing.assert_array_equal(value, expected)


def test_the_gradient_of_a_weight_that_is_used_many_times_is_one_product() -> None:
    weights = fc.Variable(np.random.default_rng(0).standard_normal((30, 30)).astype(np.float32) * 0.1)
    h = x = fc.placeholder(fc.float32, [4, 30])
    for _ in range(6):
        h = fc.tanh(fc.matmul(h, weights))
    (gradient,) = fc.gradients(fc.reduce_sum(h), [weights])
    feeds = {x: np.random.default_rng(1).standard_normal((4, 30)).astype(np.float32)}
    results = []
    for options in (OFF, fc.OptimizerOptions()):
        with session(options) as sess:
            sess.run(fc.global_variables_initializer())
            metadata = fc.RunMetadata()
            results.append(
                sess.run(gradient, feeds, fc.RunOptions(trace_level=fc.RunOptions.FULL_TRACE), metadata)
            )
    np.testing.assert_allclose(results[1], results[0], rtol=1e-4, atol=1e-6)
    assert sum(n.op == "ConcatV2" for n in fc.timeline.node_stats(metadata)) == 2
    assert sum(n.op == "MatMul" for n in fc.timeline.node_stats(metadata)) == 6 + 5


# ---- columns that nobody reads ----


@pytest.mark.parametrize("part", [0, 1, 2])
@pytest.mark.parametrize("rows", [20, None, 3])
@pytest.mark.parametrize("transpose_a", [False, True])
@pytest.mark.parametrize("dtype", [fc.float32, fc.float64, fc.int32, fc.complex64])
def test_of_a_product_that_is_split_only_the_part_that_is_read_is_computed(
    part: int, rows: int | None, transpose_a: bool, dtype: fc.DType
) -> None:
    sizes = [40, 17, 63]
    weights = fc.placeholder(dtype, [120, 30])
    x = fc.placeholder(dtype, [30, rows] if transpose_a else [rows, 30])
    parts = [
        fc.split(fc.matmul(x * (i + 1), weights, transpose_a=transpose_a, transpose_b=True), sizes, -1)[part]
        for i in range(2)
    ]
    rng = np.random.default_rng(0)
    shape = (30, rows or 20)
    feeds = {
        x: rng.normal(size=shape if transpose_a else shape[::-1], scale=9).astype(dtype.as_numpy_dtype),
        weights: rng.normal(size=(120, 30), scale=9).astype(dtype.as_numpy_dtype),
    }
    ran = check(ALL, parts, feeds)
    assert ran["SplitV"] == 0
    assert ran["Slice"] == 1
    assert ran["MatMul"] == 2


def test_columns_stay_where_more_than_one_part_or_the_whole_is_read() -> None:
    x, weights, sizes = (
        fc.placeholder(fc.float32, [20, 30]),
        fc.placeholder(fc.float32, [40, 30]),
        fc.placeholder(fc.int32, [2]),
    )
    fed_sizes = fc.constant([20, 20])
    rng = np.random.default_rng(0)
    feeds = {
        x: rng.normal(size=(20, 30)),
        weights: rng.normal(size=(40, 30)),
        sizes: [20, 20],
        fed_sizes: [20, 20],
    }
    product = fc.matmul(x, weights, transpose_b=True)
    for fetches in (
        fc.split(product, [20, 20], 1),
        [product, fc.split(product, [20, 20], 1)[0]],
        [fc.split(product, [3, 37], 1)[0]],  # so few columns may be computed another way
        [fc.split(product, [10, 10], 0)[0]],
        [fc.split(product, sizes, 1, 2)[0]],
        [fc.split(product, fed_sizes, 1)[0]],
        # columns of B would have to be copied
        [fc.split(fc.matmul(x, fc.transpose(weights)), [20, 20], 1)[0]],
    ):
        assert check(ALL, fetches, feeds)["SplitV"] == 1
        assert check(without("column_pruning", NO_FUSION), fetches, feeds)["SplitV"] == 1


def test_the_gradient_of_a_recurrent_state_leaves_out_the_input_that_needs_none() -> None:
    x, weights = fc.placeholder(fc.float32, [20, 24]), fc.placeholder(fc.float32, [48, 24])
    h = x
    for _ in range(4):
        h = fc.tanh(fc.matmul(fc.concat([x, h], 1), weights))
    (gradient,) = fc.gradients(fc.reduce_sum(h), [weights])
    rng = np.random.default_rng(0)
    feeds = {x: rng.normal(size=(20, 24)), weights: rng.normal(size=(48, 24), scale=0.2)}
    values, ran = run(fc.OptimizerOptions(), [gradient], feeds)
    assert ran["SplitV"] == 0
    np.testing.assert_array_equal(values[0], run(without("column_pruning"), [gradient], feeds)[0][0])


# ---- shared transposes ----


@pytest.mark.parametrize("shape", [[20, 30], [None, 30]], ids=str)
def test_what_many_products_read_transposed_is_transposed_once(shape: list[int | None]) -> None:
    weights = fc.placeholder(fc.float32, [40, 30])
    x = fc.placeholder(fc.float32, shape)
    products = [fc.matmul(x * float(i), weights, transpose_b=True) for i in range(4)]
    rng = np.random.default_rng(0)
    feeds = {
        x: rng.standard_normal((20, 30)).astype(np.float32),
        weights: rng.standard_normal((40, 30)).astype(np.float32),
    }
    values, ran = run(fc.OptimizerOptions(), products, feeds)
    assert ran["Transpose"] == 1
    assert ran["MatMul"] == 4
    for value, expected in zip(values, run(without("transpose_sharing"), products, feeds)[0], strict=True):
        np.testing.assert_array_equal(value, expected)


def test_transposes_are_not_made_for_few_products_or_other_types() -> None:
    for count, dtype, turned in (
        (2, fc.float32, True),
        (4, fc.int32, True),
        (4, fc.complex64, True),
        (4, fc.float32, False),
    ):
        x, weights = fc.placeholder(dtype, [20, 30]), fc.placeholder(dtype, [30, 30])
        products = [fc.matmul(x + i, weights, transpose_b=turned) for i in range(count)]
        _, ran = run(fc.OptimizerOptions(), products, {x: np.ones((20, 30)), weights: np.ones((30, 30))})
        assert "Transpose" not in ran


# ---- reads of variables ----


def test_reads_of_a_variable_that_wait_for_nothing_are_one() -> None:
    v = fc.Variable(np.arange(3, dtype=np.float32))
    reads = [v.read_value() for _ in range(3)]
    total = fc.add_n(reads)
    with fc.control_dependencies([v.assign_add([1.0, 1.0, 1.0])]):
        after = v.read_value()
    with session(fc.OptimizerOptions()) as sess:
        sess.run(fc.global_variables_initializer())
        metadata = fc.RunMetadata()
        np.testing.assert_array_equal(
            sess.run(total, None, fc.RunOptions(trace_level=fc.RunOptions.FULL_TRACE), metadata), [0, 3, 6]
        )
        assert sum(n.op == "Identity" for n in fc.timeline.node_stats(metadata)) == 1
        np.testing.assert_array_equal(sess.run(after), [1, 2, 3])
