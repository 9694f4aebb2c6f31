"""Defun: calls from many places, captures, recursion, states, gradients, errors."""

from __future__ import annotations

import gc
from typing import Any

import numpy as np
import pytest

import flowcore as fc
from flowcore import _engine

F64 = fc.float64


def session(threads: int = 2) -> fc.Session:
    sess = fc.Session(config=fc.ConfigProto(inter_op_parallelism_threads=threads))
    sess.run(fc.global_variables_initializer())
    return sess


@pytest.mark.parametrize("threads", [1, 2, 8])
def test_a_function_is_made_once_and_called_from_many_places(threads: int) -> None:
    made: list[Any] = []

    @fc.Defun(fc.float32, fc.float32)
    def both(x: fc.Tensor, y: fc.Tensor) -> Any:
        """Its own words."""
        made.append(x.graph)
        return x * y + 1.0, fc.tanh(x)

    x = fc.placeholder(fc.float32, [2])
    first, second = both(x, 3.0), both(first_result := both(1.0, x)[0], x, name="again")
    assert len(made) == 1
    assert first[0].op.type == "PartitionedCall"
    assert [t.name for t in (*first, *second, first_result)] == [
        "both:0", "both:1", "again:0", "again:1", "both_1:0",
    ]  # fmt: skip
    assert both.__doc__ == "Its own words."
    assert (both.name, both.declared_input_types) == ("both", (fc.float32, fc.float32))
    assert repr(both) == "<flowcore function 'both'>"
    with session(threads) as sess:
        found = sess.run([first, second], {x: [1.0, 2.0]})
    np.testing.assert_allclose(found[0], ([4.0, 7.0], np.tanh([1.0, 2.0])), rtol=1e-6)
    np.testing.assert_allclose(found[1], ([3.0, 7.0], np.tanh([2.0, 3.0])), rtol=1e-6)


def test_one_result_several_and_none() -> None:
    v = fc.Variable(0.0)

    @fc.Defun(fc.float32, func_name="add")
    def add(x: fc.Tensor) -> None:
        v.assign_add(x)  # runs, though nothing waits for it

    @fc.Defun(fc.float32)
    def listed(x: fc.Tensor) -> Any:
        return [x, 1]

    with fc.control_dependencies([add(2.0)]):
        after = v.read_value()
    assert isinstance(add(1.0), fc.Operation)
    assert [t.dtype for t in listed(1.0)] == [fc.float32, fc.int32]
    assert isinstance(listed(1.0), tuple)
    with session() as sess:
        assert sess.run(after) == 2.0
        assert sess.run([listed(5.0), v]) == [(5.0, 1), 2.0]


def test_without_input_types_there_is_a_body_for_each_combination() -> None:
    @fc.Defun()
    def add(x: fc.Tensor, y: fc.Tensor) -> fc.Tensor:
        return x + y

    @fc.Defun(fc.float32, fc.float32, fc.float32)
    def total(*xs: fc.Tensor) -> fc.Tensor:
        return fc.add_n(list(xs))

    @fc.Defun(func_name="seven")
    def seven() -> fc.Tensor:
        return fc.constant(7.0)

    with session() as sess:
        assert sess.run([add(1, 2), add(1.5, 2.0), add(2, 2), total(1.0, 2.0, 3.0), seven()]) == [
            3, 3.5, 4, 6.0, 7.0,
        ]  # fmt: skip
    with pytest.raises(ValueError, match="body for each combination of dtypes"):
        _ = add.name


def test_shapes_of_results_follow_from_each_call() -> None:
    @fc.Defun(fc.float32, fc.int32)
    def product(x: fc.Tensor, shape: fc.Tensor) -> Any:
        return x @ fc.ones([2, 3]), fc.reshape(x, shape)

    a, b = product(fc.ones([5, 2]), [2, 5])
    assert (a.shape, b.shape) == ([5, 3], [2, 5])
    a, b = product(fc.placeholder(fc.float32, [None, 2]), fc.placeholder(fc.int32, [3]))
    assert (a.shape.as_list(), b.shape.as_list()) == ([None, 3], [None] * 3)
    with pytest.raises(ValueError, match="new node 'product/matmul'"):
        product(fc.ones([5, 4]), [20])


def test_captures_are_passed_by_every_call_wherever_it_stands() -> None:
    v = fc.Variable(3.0)
    x = fc.placeholder(fc.float32, [])
    limit = fc.constant(10.0)

    @fc.Defun(fc.float32)
    def scaled(a: fc.Tensor) -> fc.Tensor:
        return fc.minimum(fc.cond(a > 0.0, lambda: a * v * x, lambda: a), limit)

    inside = fc.while_loop(lambda i, t: i < 2, lambda i, t: (i + 1, t + scaled(t)), [0, 1.0])[1]
    outside = scaled(2.0)
    chosen = fc.cond(x > 0.0, lambda: scaled(-1.0), lambda: scaled(1.0))
    assert {t.name for t in scaled.captured_inputs} == {"Variable:0", "Placeholder:0", "Const:0"}
    with session() as sess:
        assert sess.run([inside, outside, chosen], {x: 1.0}) == [14.0, 6.0, -1.0]
        assert sess.run([inside, outside, chosen], {x: -1.0, limit: -1.0}) == [-4.0, -6.0, -3.0]


def test_a_function_that_uses_a_body_around_can_be_called_there_only() -> None:
    made: list[Any] = []

    def branch() -> fc.Tensor:
        x = fc.sqrt(4.0)

        @fc.Defun(fc.float32)
        def plus(a: fc.Tensor) -> fc.Tensor:
            return a + x

        made.append(plus)
        return plus(1.0) + fc.cond(x > 0.0, lambda: plus(2.0), lambda: x)

    y = fc.cond(fc.placeholder_with_default(True, []), branch, lambda: 0.0)
    with session() as sess:
        assert sess.run(y) == 7.0
    with pytest.raises(ValueError, match=r"'plus' uses 'cond/true/Sqrt:0', which lies inside 'cond/true'"):
        made[0](1.0)


def test_each_call_has_a_state_of_its_own() -> None:
    @fc.Defun(fc.int32)
    def noise(n: fc.Tensor) -> fc.Tensor:
        return fc.random_uniform(fc.reshape(n, [1]), seed=3)

    a, b = noise(4), noise(4)
    with session() as sess:
        first, other, second = sess.run(a), sess.run(b), sess.run(a)
    np.testing.assert_array_equal(first, other)
    assert not np.array_equal(first, second)


def test_variables_made_inside_lie_outside_and_are_shared_by_all_calls() -> None:
    @fc.Defun(fc.float32)
    def layer(x: fc.Tensor) -> fc.Tensor:
        w = fc.get_variable("w", [], initializer=fc.constant_initializer(3.0))
        return x * w + fc.Variable(4.0, name="b")

    y = layer(1.0) + layer(2.0)
    assert [v.name for v in fc.global_variables()] == ["w:0", "b:0"]
    with session() as sess:
        assert sess.run([y, fc.gradients(y, fc.trainable_variables())]) == [17.0, [3.0, 2.0]]


# ---- functions that call themselves ---------------------------------------------------------------


@fc.Defun(fc.int64, out_types=[fc.int64])
def sum_up_to(n: fc.Tensor) -> fc.Tensor:
    return fc.cond(n < 1, lambda: fc.constant(0, fc.int64), lambda: n + sum_up_to(n - 1))


@pytest.mark.parametrize("threads", [1, 2, 8])
def test_a_function_may_call_itself(threads: int) -> None:
    n = fc.placeholder(fc.int64, [])
    y = sum_up_to(n)
    assert y.op.type == "StatefulPartitionedCall"
    with session(threads) as sess:
        for turns in (0, 1, 1000, 10_000):
            assert sess.run(y, {n: turns}) == turns * (turns + 1) // 2
        with pytest.raises(fc.errors.ResourceExhaustedError, match=r"'sum_up_to/.*100000 deep") as failure:
            sess.run(y, {n: 10**6})
        assert "test_defun.py" in str(failure.value)
        assert sess.run([y, sum_up_to(3)], {n: 10}) == [55, 6]


def test_two_calls_inside_and_a_device_of_constants() -> None:
    @fc.Defun(fc.int32, out_types=[fc.int32])
    def fibonacci(n: fc.Tensor) -> fc.Tensor:
        return fc.cond(n < 2, lambda: n, lambda: fibonacci(n - 1) + fibonacci(n - 2))

    with session() as sess:
        assert sess.run([fibonacci(15), fibonacci(1)]) == [610, 1]


def test_functions_that_call_each_other_capture_what_either_uses() -> None:
    v = fc.Variable(2.0)
    x = fc.placeholder(fc.float32, [])
    late: list[fc.Tensor] = []

    @fc.Defun(fc.int32, fc.float32, out_types=[fc.float32])
    def even(n: fc.Tensor, t: fc.Tensor) -> fc.Tensor:
        result = fc.cond(n > 0, lambda: odd(n - 1, t * v), lambda: t)
        late.append(result + x)  # captured behind the call
        return late[-1]

    @fc.Defun(fc.int32, fc.float32, out_types=[fc.float32])
    def odd(n: fc.Tensor, t: fc.Tensor) -> fc.Tensor:
        def body(i: fc.Tensor, u: fc.Tensor) -> Any:
            return i + 1, fc.cond(n > 0, lambda: even(n - 1, u + 1.0), lambda: u)

        return fc.while_loop(lambda i, u: i < 1, body, [0, t])[1] * v

    with session() as sess:
        found = sess.run([even(4, 1.0), odd(2, 1.0), even(0, 5.0)], {x: 3.0})

    def plain_even(n: int, t: float) -> float:
        return (plain_odd(n - 1, t * 2.0) if n > 0 else t) + 3.0

    def plain_odd(n: int, t: float) -> float:
        return (plain_even(n - 1, t + 1.0) if n > 0 else t) * 2.0

    assert found == [plain_even(4, 1.0), plain_odd(2, 1.0), plain_even(0, 5.0)]


def test_a_recursive_call_shares_the_state_of_the_outermost() -> None:
    @fc.Defun(fc.int32, out_types=[fc.float32])
    def draws(n: fc.Tensor) -> fc.Tensor:
        drawn = fc.random_uniform([1], seed=5)
        return fc.cond(n > 0, lambda: fc.concat([draws(n - 1), drawn], 0), lambda: drawn)

    a, b = draws(3), draws(3)
    alone = fc.random_uniform([1], seed=5)
    with session() as sess:
        first, second = sess.run([a, b])
        steps = [sess.run(alone)[0] for _ in range(4)]
    assert len(set(first.tolist())) == 4
    assert sorted(first.tolist()) == sorted(second.tolist())
    assert len(steps) == 4


def test_an_endless_recursion_ends_by_its_depth_and_leaves_nothing() -> None:
    @fc.Defun(fc.float32, out_types=[fc.float32])
    def endless(x: fc.Tensor) -> fc.Tensor:
        return endless(x + 1.0)

    gc.collect()
    before = _engine.live_counts()
    with session() as sess, pytest.raises(fc.errors.ResourceExhaustedError, match="'endless/endless'"):
        sess.run(endless(fc.placeholder_with_default(1.0, [])))
    del sess
    gc.collect()
    after = _engine.live_counts()
    assert {k: after[k] for k in ("plans", "steps", "tokens")} == {
        k: before[k] for k in ("plans", "steps", "tokens")
    }


# ---- gradients ------------------------------------------------------------------------------------


def test_gradients_of_calls_are_those_of_the_same_written_out() -> None:
    w = fc.Variable(0.7, dtype=F64)

    def plain(x: fc.Tensor, y: fc.Tensor) -> Any:
        u = fc.tanh(x * y)
        return u * w + x, fc.exp(u)

    named = fc.Defun(F64, F64, func_name="named")(plain)
    x, y = fc.placeholder(F64, [3]), fc.placeholder(F64, [3])
    fetches = []
    for function in (named, plain):
        a, b = function(x, y)
        c, _ = function(b, a)
        d = fc.while_loop(lambda i, t: i < 2, lambda i, t, f=function: (i + 1, f(t, x)[0]), [0, c])[1]
        first = fc.gradients(a * b + c * d, [x, y, w])
        second = fc.gradients([fc.reduce_sum(fc.sin(g)) for g in first], [x, y, w])
        fetches.append([a, b, c, d, first, second])
    values = {x: [0.1, -0.4, 0.8], y: [0.5, 0.3, -0.2]}
    with session() as sess:
        found, expected = sess.run(fetches, values)
    for a, b in zip([*found[:4], *found[4], *found[5]], [*expected[:4], *expected[4], *expected[5]]):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


def test_a_call_behind_a_gradient_yields_the_results_alone() -> None:
    @fc.Defun(F64)
    def wave(x: fc.Tensor) -> fc.Tensor:
        return fc.sin(fc.sin(x))

    x = fc.placeholder(F64, [])
    first = wave(x)
    of_first = fc.gradients(first, x)[0]
    second = wave(2.0 * x)
    assert isinstance(second, fc.Tensor)
    of_second = fc.gradients(second, x)[0]
    third = fc.sin(fc.sin(2.0 * x))
    with session() as sess:
        found = sess.run([of_second, of_first], {x: 0.3})
        expected = sess.run([fc.gradients(third, x)[0], fc.gradients(fc.sin(fc.sin(x)), x)[0]], {x: 0.3})
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_a_gradient_of_ones_own_by_a_function_of_python() -> None:
    def gradient(op: fc.Operation, da: fc.Tensor, db: fc.Tensor) -> Any:
        return [da * 10.0 * op.inputs[0], db * 100.0]

    scale = fc.constant(2.0)

    @fc.Defun(fc.float32, fc.float32, python_grad_func=gradient)
    def pair(x: fc.Tensor, y: fc.Tensor) -> Any:
        return x * scale, y

    assert pair.python_grad_func is gradient
    x, y = fc.placeholder(fc.float32, []), fc.placeholder(fc.float32, [])
    a, b = pair(x, y)
    loop = fc.while_loop(lambda i, t: i < 2, lambda i, t: (i + 1, pair(t, t)[0]), [0, x])[1]
    with session() as sess:
        assert sess.run(fc.gradients(a + b, [x, y]), {x: 3.0, y: 1.0}) == [30.0, 100.0]
        assert sess.run(fc.gradients(fc.gradients(a, x), x), {x: 3.0, y: 1.0}) == [10.0]
        # t of the turns: 3 and 6; what comes back through y is zero
        assert sess.run(fc.gradients(loop, x), {x: 3.0, y: 1.0}) == [60.0 * 30.0]


def test_a_gradient_of_ones_own_by_another_named_function() -> None:
    @fc.Defun(fc.float32, fc.float32)
    def gradient(x: fc.Tensor, dy: fc.Tensor) -> fc.Tensor:
        return dy * x * 5.0

    @fc.Defun(fc.float32, grad_func=gradient)
    def same(x: fc.Tensor) -> fc.Tensor:
        return fc.identity(x)

    @fc.Defun(fc.float32)
    def later(x: fc.Tensor) -> fc.Tensor:
        return fc.identity(x)

    later.set_grad_func(gradient)
    assert (same.grad_func_name, gradient.grad_func_name) == ("gradient", None)
    x = fc.placeholder(fc.float32, [])
    with session() as sess:
        assert sess.run(fc.gradients(same(x) + later(x), x), {x: 3.0}) == [30.0]
    with pytest.raises(ValueError, match="has a gradient function already"):
        later.set_grad_func(gradient)
    with pytest.raises(TypeError, match="made by Defun"):
        gradient.set_grad_func(len)  # type: ignore[arg-type]


def test_rows_gathered_in_a_function_stay_sparse() -> None:
    table = fc.Variable(np.eye(4, dtype=np.float32))

    @fc.Defun(fc.int32)
    def rows(i: fc.Tensor) -> fc.Tensor:
        return fc.gather(table, i)

    (g,) = fc.gradients(fc.reduce_sum(rows([1, 2, 1])), [table])
    assert isinstance(g, fc.IndexedSlices)
    with session() as sess:
        np.testing.assert_array_equal(sess.run(fc.convert_to_tensor(g)).sum(axis=1), [0.0, 8.0, 4.0, 0.0])


# ---- errors ---------------------------------------------------------------------------------------


def _one(**settings: Any) -> Any:
    return fc.Defun(fc.float32, **settings)(lambda x: x)


@pytest.mark.parametrize(
    ("make", "kind", "message"),
    [
        (lambda: fc.Defun(fc.float32)(3), ValueError, "must be a callable"),
        (lambda: fc.Defun(fc.float32)(lambda: 1.0), ValueError, "1 input types for .*takes 0"),
        (lambda: fc.Defun(fc.float32)(lambda x, y, *z: x), ValueError, "takes at least 2"),
        (lambda: fc.Defun(fc.float32)(lambda x=1: x), ValueError, "may not have defaults"),
        (lambda: fc.Defun(fc.float32)(lambda x, **k: x), ValueError, "may not take keywords"),
        (lambda: _one(func_name=3), TypeError, "func_name"),
        (lambda: _one(grad_func=abs), TypeError, "made by Defun"),
        (lambda: _one(python_grad_func=3), TypeError, "python_grad_func must be a function"),
        (lambda: _one(grad_func=_one(), python_grad_func=abs), ValueError, "not both"),
        (lambda: _one()(1.0, 2.0), ValueError, "takes 1 arguments, found 2"),
        (lambda: _one()("a"), (TypeError, ValueError), "argument 'x' of function 'lambda'"),
        (lambda: _one()(fc.constant(1)), ValueError, "must be float32, found tensor 'Const:0' of int32"),
        (lambda: _one(out_names=["a", "b"])(1.0), fc.errors.InvalidArgumentError, "1 results for 2 out_n"),
        (lambda: _one(out_types=[fc.int32])(1.0), ValueError, "result 0 .*must be int32, as out_types"),
        (lambda: _one(out_types=[])(1.0), ValueError, "1 results for 0 out_types"),
        (lambda: _one(shape_func=lambda op: [])(1.0), ValueError, "returned 0 shapes for 1 results"),
        (lambda: fc.Defun(fc.float32)(lambda x: [x, None])(1.0), ValueError, "must return Tensors"),
        (lambda: fc.Defun(fc.float32)(lambda x: x.op)(1.0), ValueError, "must return Tensors"),
    ],
)
def test_bad_arguments(make: Any, kind: Any, message: str) -> None:
    with pytest.raises(kind, match=message):
        make()


def test_a_recursion_without_types_and_a_name_that_is_taken() -> None:
    @fc.Defun(fc.float32)
    def again(x: fc.Tensor) -> fc.Tensor:
        return again(x)

    for _ in range(2):  # nothing of the first try is left
        with pytest.raises(ValueError, match=r"'again' calls itself.*give Defun the argument out_types"):
            again(1.0)
    _one(func_name="again")(1.0)
    with pytest.raises(ValueError, match="another function of the name 'again'"):
        _one(func_name="again")(1.0)
    assert _one(shape_func=lambda op: [[2]])(fc.placeholder(fc.float32)).shape == [2]


def test_tensors_of_a_function_stay_inside() -> None:
    inside: list[fc.Tensor] = []

    @fc.Defun(fc.float32)
    def keep(x: fc.Tensor) -> fc.Tensor:
        inside.append(x * 2.0)
        return inside[0]

    y = keep(1.0)
    with pytest.raises(ValueError, match=r"made at .*test_defun.py:\d+, lies inside 'keep'"):
        inside[0] + 1.0
    with session() as sess:
        with pytest.raises(ValueError, match="lies inside 'keep'"):
            sess.run(inside[0])
        with pytest.raises((TypeError, ValueError), match="lies inside 'keep'"):
            sess.run(y, {inside[0]: 1.0})
        with pytest.raises(ValueError, match="lies inside 'keep'"):
            sess.run(inside[0].op)


def test_a_failure_inside_names_the_path_and_the_line() -> None:
    @fc.Defun(fc.int32)
    def divided(x: fc.Tensor) -> fc.Tensor:
        return fc.constant(1) // x

    with session() as sess, pytest.raises(fc.errors.InvalidArgumentError, match="'divided/") as failure:
        sess.run(divided(fc.placeholder_with_default(0, [])))
    assert "test_defun.py" in str(failure.value)


def test_one_decorated_function_serves_many_graphs() -> None:
    for _ in range(2):
        with fc.Graph().as_default(), fc.Session() as sess:
            assert sess.run(sum_up_to(4)) == 10
