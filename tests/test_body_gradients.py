"""Gradients of branches and loops, against finite differences and against the same written out."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import flowcore as fc

F64 = fc.float64


def session() -> fc.Session:
    sess = fc.Session(config=fc.ConfigProto(inter_op_parallelism_threads=2))
    sess.run(fc.global_variables_initializer())
    return sess


def assert_same_derivatives(
    of: Callable[..., Any],
    plain: Callable[..., Any],
    values: list[np.ndarray],
    feeds: dict[Any, Any] | None = None,
) -> None:
    """Value, first and second derivatives of two functions of tensors, which must be the same."""
    xs = [fc.placeholder(F64, v.shape) for v in values]
    fetches = []
    for function in (of, plain):
        y = function(*xs)
        first = fc.gradients(y, xs)
        second = fc.gradients([fc.reduce_sum(fc.sin(g)) for g in first if g is not None], xs)
        zero = [fc.zeros_like(x) for x in xs]
        fetches.append(
            [y, *[z if g is None else g for g, z in zip([*first, *second], zero * 2, strict=True)]]
        )
    with session() as sess:
        found, expected = sess.run(fetches, {**dict(zip(xs, values, strict=True)), **(feeds or {})})
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


A = np.array([[0.3, -0.2], [0.5, 0.1]])
X = np.array([[0.7, -0.4], [0.2, 0.9]])


@pytest.mark.parametrize("chosen", [True, False])
def test_of_a_branch_which_uses_what_is_inside_and_what_is_around(chosen: bool) -> None:
    p = fc.placeholder(fc.bool, [])

    def then(a: fc.Tensor, x: fc.Tensor) -> fc.Tensor:
        b = fc.tanh(a @ x)
        return fc.reduce_sum(b * b * x)

    def otherwise(a: fc.Tensor, x: fc.Tensor) -> fc.Tensor:
        return fc.reduce_sum(fc.exp(x) * 2.0)

    assert_same_derivatives(
        lambda a, x: fc.cond(p, lambda: then(a, x), lambda: otherwise(a, x)),
        then if chosen else otherwise,
        [A, X],
        {p: chosen},
    )


@pytest.mark.parametrize("turns", [0, 1, 2, 5])
def test_of_a_loop(turns: int) -> None:
    n = fc.placeholder(fc.int32, [])

    def loop(a: fc.Tensor, x: fc.Tensor) -> fc.Tensor:
        _, y, t = fc.while_loop(
            lambda i, y, t: i < n,
            lambda i, y, t: (i + 1, fc.tanh(a @ y) + x, t * fc.reduce_sum(y)),
            [0, x, fc.reduce_sum(a)],
        )
        return fc.reduce_sum(y * y) + t

    def plain(a: fc.Tensor, x: fc.Tensor) -> fc.Tensor:
        y, t = x, fc.reduce_sum(a)
        for _ in range(turns):
            y, t = fc.tanh(a @ y) + x, t * fc.reduce_sum(y)
        return fc.reduce_sum(y * y) + t

    assert_same_derivatives(loop, plain, [A, X], {n: turns})


def test_of_a_loop_in_a_loop() -> None:
    def loop(a: fc.Tensor, x: fc.Tensor) -> fc.Tensor:
        def outer(i: fc.Tensor, y: fc.Tensor) -> tuple[fc.Tensor, fc.Tensor]:
            _, z = fc.while_loop(lambda j, z: j < i, lambda j, z: (j + 1, fc.sin(a * z) + y), [0, y])
            return i + 1, z * x

        return fc.reduce_sum(fc.while_loop(lambda i, y: i < 4, outer, [0, x])[1])

    def plain(a: fc.Tensor, x: fc.Tensor) -> fc.Tensor:
        y = x
        for i in range(4):
            z = y
            for _ in range(i):
                z = fc.sin(a * z) + y
            y = z * x
        return fc.reduce_sum(y)

    assert_same_derivatives(loop, plain, [A, X])


def test_of_branches_in_a_loop_and_a_loop_in_a_branch() -> None:
    def loop(a: fc.Tensor, x: fc.Tensor) -> fc.Tensor:
        def body(i: fc.Tensor, y: fc.Tensor) -> tuple[fc.Tensor, fc.Tensor]:
            z = fc.cond(
                fc.equal(i % 2, 0),
                lambda: fc.while_loop(lambda j, u: j < i, lambda j, u: (j + 1, fc.tanh(u * a)), [0, y])[1],
                lambda: y * fc.sin(x),
            )
            return i + 1, z + y

        return fc.reduce_sum(fc.while_loop(lambda i, y: i < 5, body, [0, x])[1])

    def plain(a: fc.Tensor, x: fc.Tensor) -> fc.Tensor:
        y = x
        for i in range(5):
            z = y
            if i % 2 == 0:
                for _ in range(i):
                    z = fc.tanh(z * a)
            else:
                z = y * fc.sin(x)
            y = z + y
        return fc.reduce_sum(y)

    assert_same_derivatives(loop, plain, [A, X])


def test_of_a_random_choice_is_that_of_the_run() -> None:
    x = fc.placeholder(fc.float32, [1000])
    y = fc.cond(fc.constant(True), lambda: fc.nn.dropout(x, 0.5) * x, lambda: x)
    g = fc.gradients(y, x)[0]
    with session() as sess:
        value, slope = sess.run([y, g], {x: np.full(1000, 3.0, np.float32)})
    kept = value != 0
    assert 300 < kept.sum() < 700
    np.testing.assert_allclose(slope, np.where(kept, 12.0, 0.0), rtol=1e-6)


def test_with_respect_to_variables() -> None:
    v = fc.Variable(2.0, use_resource=True)
    w = fc.Variable([1.0, 2.0, 3.0], use_resource=True)
    p = fc.placeholder(fc.bool, [])
    y = fc.while_loop(lambda i, y: i < 3, lambda i, y: (i + 1, y * v + fc.reduce_sum(w * w)), [0, v * 1.0])[1]
    z = fc.cond(p, lambda: y * v, lambda: fc.reduce_sum(w))
    gv, gw = fc.gradients(z, [v, w])
    with session() as sess:
        # y = ((v v + s) v + s) v + s = v^4 + s (v^2 + v + 1), s = 14; z = y v
        found = sess.run([gv, gw], {p: True})
        np.testing.assert_allclose(found[0], 5 * 16 + 14 * (3 * 4 + 2 * 2 + 1), rtol=1e-6)
        np.testing.assert_allclose(found[1], 2 * np.array([1, 2, 3]) * 7 * 2, rtol=1e-6)
        found = sess.run([gv, gw], {p: False})
        assert found[0] == 0.0
        np.testing.assert_array_equal(found[1], [1, 1, 1])


def test_of_rows_gathered_in_a_loop_stay_sparse() -> None:
    table = fc.Variable(np.arange(12, dtype=np.float32).reshape(4, 3), use_resource=True)
    x = fc.placeholder(fc.float32, [4, 3])
    for source in (table, x):
        total = fc.while_loop(
            lambda i, t: i < 3,
            lambda i, t, source=source: (i + 1, t + fc.reduce_sum(fc.gather(source, [i, i + 1]) ** 2.0)),
            [0, 0.0],
        )[1]
        (g,) = fc.gradients(total, source)
        with session() as sess:
            value = sess.run(fc.convert_to_tensor(g), {x: np.arange(12, dtype=np.float32).reshape(4, 3)})
            expected = 2 * np.arange(12).reshape(4, 3) * np.array([[1], [2], [2], [1]])
            np.testing.assert_allclose(value, expected)
            if source is table:
                assert isinstance(g, fc.IndexedSlices)
                np.testing.assert_array_equal(sorted(sess.run(g.indices)), [0, 1, 1, 2, 2, 3])


def test_back_prop_off_gives_no_gradient() -> None:
    x = fc.constant(2.0)
    y = fc.while_loop(lambda i, y: i < 3, lambda i, y: (i + 1, y * x), [0, x], back_prop=False)[1]
    assert fc.gradients(y, x) == [None]


def test_nothing_flows_through_whole_numbers() -> None:
    x = fc.constant(2.0)
    i = fc.while_loop(lambda i: i < 10, lambda i: i + fc.cast(x, fc.int32), [0])
    assert fc.gradients(fc.cast(i, fc.float32), x) == [None]


def test_nothing_is_kept_where_no_gradient_is_read() -> None:
    """Neither for a value, nor where a branch or a loop is run, or waited for, by itself."""
    x = fc.placeholder(fc.float32, [4])

    def inner(y: fc.Tensor) -> fc.Tensor:
        return fc.while_loop(lambda i, y: i < 3, lambda i, y: (i + 1, fc.sin(y)), [0, y])[1]

    def turn(i: fc.Tensor, y: fc.Tensor) -> tuple[fc.Tensor, fc.Tensor]:
        return i + 1, fc.cond(y[0] > 0, lambda: inner(y) + fc.exp(x), lambda: y)

    y = fc.while_loop(lambda i, y: i < 3, turn, [0, x])[1]
    slope = fc.gradients(y, x)
    curvature = fc.gradients(slope, x)
    with fc.control_dependencies([y]):
        waits = fc.identity(x)
    options = fc.RunOptions(trace_level=fc.RunOptions.FULL_TRACE)
    with session() as sess:
        for fetches, keeps in [(y, False), (y.op, False), (waits, False), (slope, True), (curvature, True)]:
            metadata = fc.RunMetadata()
            sess.run(fetches, {x: np.ones(4, np.float32)}, options, metadata)
            types = {node.op for node in fc.timeline.node_stats(metadata)}
            assert "Sin" in types
            assert ("TensorListPushBack" in types) == keeps, fetches


def test_what_no_gradient_needs_is_neither_kept_nor_given_out() -> None:
    """A product keeps both factors for its gradient; here one of them is a constant."""
    x = fc.placeholder(F64, [], name="x")
    p = fc.placeholder(fc.bool, [])
    y = fc.while_loop(lambda i, y: i < 4, lambda i, y: (i + 1, fc.sin(y) * 0.5), [0, x])[1]
    z = fc.cond(p, lambda: fc.sin(x) * 0.5, lambda: x)
    slopes = fc.gradients(y, x), fc.gradients(z, x)
    metadata = fc.RunMetadata()
    with session() as sess:
        options = fc.RunOptions(trace_level=fc.RunOptions.FULL_TRACE)
        found = sess.run(slopes, {x: 1.0, p: True}, options, metadata)
    expected, value = 1.0, 1.0
    for _ in range(4):
        expected, value = expected * 0.5 * np.cos(value), 0.5 * np.sin(value)
    np.testing.assert_allclose(found, [[expected], [0.5 * np.cos(1.0)]])
    assert sum(node.op == "TensorListPushBack" for node in fc.timeline.node_stats(metadata)) == 4
    given_out = [op for op in fc.get_default_graph().get_operations() if op.type == "StatelessIf"]
    assert {t.name for t in given_out[-1].inputs} == {p.name, x.name, "gradients_1/grad_ys_0:0"}


def test_gradients_have_names_and_are_found() -> None:
    x = fc.placeholder(fc.float32, [], name="x")
    y = fc.while_loop(lambda i, y: i < 3, lambda i, y: (i + 1, y * x), [0, x], name="power")[1]
    g = fc.gradients(y, x, name="slopes")[0]
    names = [op.name for op in fc.get_default_graph().get_operations()]
    assert "slopes/power_grad/power" in names
    assert g.name.startswith("slopes/")


def test_a_training_step_through_a_loop_learns() -> None:
    w = fc.Variable(np.eye(2, dtype=np.float32) * 0.5, use_resource=True)
    x = fc.constant(np.array([[1.0, -1.0]], np.float32))
    y = fc.while_loop(lambda i, y: i < 4, lambda i, y: (i + 1, fc.tanh(y @ w)), [0, x])[1]
    loss = fc.reduce_sum(fc.square(y - 0.5))
    step = fc.train.GradientDescentOptimizer(0.1).minimize(loss)
    with session() as sess:
        first = sess.run(loss)
        for _ in range(100):
            sess.run(step)
        assert sess.run(loss) < first / 10


# ---- random programs ----


def random_program(rng: random.Random, depth: int, around: list[fc.Tensor]) -> fc.Tensor:
    """Nested branches and loops over matrices of 2 by 2, of which some are those around."""
    values = list(around)
    for _ in range(rng.randint(1, 4)):
        values.append(random_value(rng, depth, values))
    return values[-1]


def random_value(rng: random.Random, depth: int, values: list[fc.Tensor]) -> fc.Tensor:
    kind, a, b, c = rng.random(), *(rng.choice(values) for _ in range(3))
    if depth and kind < 0.25:
        least, seeds = rng.uniform(-1, 1), (rng.random(), rng.random())
        return fc.cond(
            fc.reduce_sum(a) > least,
            lambda: random_program(random.Random(seeds[0]), depth - 1, [a, b, c]),
            lambda: random_program(random.Random(seeds[1]), depth - 1, [a, b]),
        )
    if depth and kind < 0.5:
        turns, seed = rng.randint(0, 3), rng.random()
        _, y, z = fc.while_loop(
            lambda i, y, z: i < turns,
            lambda i, y, z: (
                i + 1,
                random_program(random.Random(seed), depth - 1, [y, z, c]),
                fc.tanh(z * 0.5 + y * 0.1),
            ),
            [0, a, b],
        )
        return y + z
    return rng.choice(
        [
            lambda: fc.sin(a),
            lambda: fc.tanh(a) * b,
            lambda: (a @ b) * 0.3,
            lambda: a * 0.7 - b,
            lambda: fc.exp(-a * a),
        ]
    )()


@pytest.mark.parametrize("seed", range(12))
def test_random_programs_against_differences(seed: int) -> None:
    x, w = fc.placeholder(F64, [2, 2]), fc.placeholder(F64, [2, 2])
    y = fc.reduce_sum(fc.tanh(random_program(random.Random(seed), 3, [x, w])))
    zeros = [fc.zeros_like(x), fc.zeros_like(w)]
    first = [z if g is None else g for g, z in zip(fc.gradients(y, [x, w]), zeros, strict=True)]
    z = fc.reduce_sum(fc.sin(first[0])) + fc.reduce_sum(first[1] * first[1])
    second = [o if g is None else g for g, o in zip(fc.gradients(z, [x, w]), zeros, strict=True)]
    values = [np.random.default_rng(seed).uniform(-1, 1, (2, 2)) for _ in range(2)]
    step = 1e-5
    with session() as sess:
        of = sess.make_callable([y, z], [x, w])
        found = sess.run([first, second], {x: values[0], w: values[1]})
        for k in range(2):
            for at in np.ndindex(2, 2):
                ahead, behind = ([v.copy() for v in values] for _ in range(2))
                ahead[k][at] += step
                behind[k][at] -= step
                slopes = (np.array(of(*ahead)) - np.array(of(*behind))) / (2 * step)
                np.testing.assert_allclose([f[k][at] for f in found], slopes, rtol=1e-4, atol=1e-7)


def test_inside_a_body_with_respect_to_what_lies_around() -> None:
    v = fc.Variable(2.0, dtype=F64)
    x = fc.placeholder(F64, [])

    def branch() -> Any:
        y = v * v * x
        return fc.gradients(y, [v, x]) + fc.gradients(y * x, v, stop_gradients=x)

    def turn(i: fc.Tensor, t: fc.Tensor) -> Any:
        inner = fc.cond(i < 5, lambda: fc.gradients(v * v * x * t, [v, t]), lambda: [t, t])
        return i + 1, fc.add_n(inner)

    with session() as sess:
        found = sess.run(
            [fc.cond(x > 0.0, branch, lambda: [x, x, x]), fc.while_loop(lambda i, t: i < 1, turn, [0, x])[1]],
            {x: 3.0},
        )
    assert found == [[12.0, 4.0, 36.0], 36.0 + 12.0]


@pytest.mark.parametrize("shape", [[4, 3], [4, None], [None, None], None])
def test_rows_that_turns_gather_even_in_no_turn(shape: list[int | None] | None) -> None:
    """To second order, where the table's shape may be unknown until it runs, and there may be no turn."""
    table = fc.placeholder(F64, shape)
    x = fc.placeholder(F64, [3])
    n = fc.placeholder(fc.int32, [])

    def turn(i: Any, y: fc.Tensor) -> tuple[fc.Tensor, fc.Tensor]:
        rows = fc.sin(fc.gather(table, [i, 0]))
        return i + 1, fc.sin(y) * fc.reduce_sum(rows, 0) + fc.gather(table, i)

    def derivatives(y: fc.Tensor) -> list[fc.Tensor]:
        first = [fc.convert_to_tensor(g) for g in fc.gradients(fc.reduce_sum(y * y), [table, x])]
        second = fc.gradients([fc.reduce_sum(fc.sin(g)) for g in first], [table, x])
        return [y, *first, *map(fc.convert_to_tensor, second)]

    loop = fc.while_loop(
        lambda i, y: i < n, turn, [0, x], shape_invariants=[fc.TensorShape([]), fc.TensorShape(None)]
    )
    found = derivatives(loop[1])
    unrolled, y = {}, x
    for turns in range(4):
        if turns:
            y = turn(turns - 1, y)[1]
            unrolled[turns] = derivatives(y)
    feeds = {table: np.random.default_rng(1).uniform(-1, 1, (4, 3)), x: [0.3, -0.5, 0.8]}
    with session() as sess:
        nothing = sess.run(found, {**feeds, n: 0})
        np.testing.assert_array_equal(nothing[1], np.zeros((4, 3)))
        np.testing.assert_allclose(nothing[2], 2 * np.array(feeds[x]))
        for turns, expected in unrolled.items():
            for a, b in zip(sess.run(found, {**feeds, n: turns}), sess.run(expected, feeds), strict=True):
                np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)
