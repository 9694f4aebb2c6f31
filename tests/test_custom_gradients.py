"""Functions that bring their own gradient, and those that compute their values again."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import flowcore as fc
from flowcore import _engine

F64 = fc.float64


def run(fetches: Any, feeds: dict[Any, Any] | None = None, threads: int = 2) -> Any:
    with fc.Session(config=fc.ConfigProto(inter_op_parallelism_threads=threads)) as sess:
        sess.run(fc.global_variables_initializer())
        return sess.run(fetches, feeds)


def test_custom_gradient_replaces_what_a_function_does_inside() -> None:
    @fc.custom_gradient
    def softplus(x):
        return fc.log(1.0 + fc.exp(x)), lambda dy: dy * fc.sigmoid(x)

    x = fc.placeholder(fc.float32, [2])
    y = softplus(x)
    g = fc.gradients(y * 2.0, x)[0]
    h = fc.gradients(g, x)[0]
    value = np.array([0.0, 80.0], np.float32)
    s = 1 / (1 + np.exp(-value))
    np.testing.assert_allclose(run([g, h], {x: value}), [2 * s, 2 * s * (1 - s)], atol=1e-6)


def test_custom_gradient_of_several_values_and_what_it_refuses() -> None:
    @fc.custom_gradient
    def swap(a, b):
        return [b, a], lambda gb, ga: (ga * 10, gb * 100)

    a, b = fc.constant(1.0), fc.constant(2.0)
    first, second = swap(a, b)
    assert run([first, second]) == [2, 1]
    assert run(fc.gradients(first + 2.0 * second, [a, b])) == [20, 100]

    v = fc.Variable(3.0)
    with pytest.raises(TypeError, match="uses variables 'Variable', so its grad_fn must accept"):
        fc.custom_gradient(lambda x: (x * v, lambda g: g))(a)
    with pytest.raises(TypeError, match=r"\(result, grad_fn\)"):
        fc.custom_gradient(lambda x: x)(a)
    count = fc.custom_gradient(lambda x: (x * 2.0, lambda g: [g, g]))(a)
    with pytest.raises(ValueError, match="2 gradients for 1 arguments"):
        fc.gradients(count, a)
    through_variable = fc.custom_gradient(lambda x: (x * x, lambda g: g * 7.0))(v)
    g = fc.gradients(through_variable, v)[0]
    with fc.Session() as sess:
        sess.run(fc.global_variables_initializer())
        assert sess.run(g) == 7


def test_custom_gradient_needs_a_function() -> None:
    with pytest.raises(TypeError, match="f must be"):
        fc.custom_gradient(3)  # type: ignore[arg-type]


# ---- variables ------------------------------------------------------------------------------------


def test_variables_that_a_function_uses_get_what_grad_fn_says() -> None:
    outside = fc.Variable(3.0, name="b")
    given: list[Any] = []

    @fc.custom_gradient
    def f(x: fc.Tensor) -> Any:
        inside = fc.get_variable("a", [], initializer=fc.constant_initializer(2.0))
        y = fc.cond(x > 0.0, lambda: x * outside, lambda: x) * inside

        def grad_fn(dy: fc.Tensor, variables: list[fc.Variable]) -> Any:
            given.extend(variables)
            return dy * 10.0, [dy * 100.0 * v for v in variables]

        return y, grad_fn

    x = fc.placeholder(fc.float32, [])
    y = f(x)
    first = fc.gradients(y, [x, outside, *fc.global_variables()[1:]])
    second = fc.gradients(first[1], outside)
    assert [v.name for v in given] == ["a:0", "b:0"]
    assert run([y, first, second], {x: 4.0}) == [24.0, [10.0, 300.0, 200.0], [100.0]]


def test_variables_in_a_loop_and_a_function() -> None:
    v = fc.Variable(2.0)

    @fc.custom_gradient
    def times(x: fc.Tensor) -> Any:
        def grad_fn(dy: fc.Tensor, variables: Any = None) -> Any:
            return dy * 3.0, [dy * 5.0]

        return x * v, grad_fn

    named = fc.Defun(fc.float32, func_name="named")(times)
    x = fc.placeholder(fc.float32, [])
    loop = fc.while_loop(lambda i, t: i < 3, lambda i, t: (i + 1, times(t)), [0, x])[1]
    found = run([fc.gradients(y, [x, v]) for y in (loop, named(x))], {x: 1.0})
    assert found == [[27.0, 5.0 * (9.0 + 3.0 + 1.0)], [3.0, 5.0]]


def test_tensors_and_structures_come_back_as_they_were() -> None:
    @fc.custom_gradient
    def f(x: fc.Tensor) -> Any:
        return {"a": x, "b": (x * 2.0, [x])}, lambda a, b, c: a + 10.0 * b + 100.0 * c

    x = fc.constant(1.0)
    y = f(x)
    assert y.keys() == {"a", "b"}
    assert isinstance(y["b"], tuple)
    assert run(fc.gradients([y["a"], y["b"][0], y["b"][1][0]], x)) == [111.0]


def test_what_grad_fn_returns_for_variables_is_checked() -> None:
    v = fc.Variable(2.0)
    x = fc.constant(1.0)

    def made(answer: Callable[[Any], Any]) -> Any:
        return fc.custom_gradient(lambda x: (x * v, lambda dy, variables=None: answer(dy)))(x)

    with pytest.raises(TypeError, match="must return a pair"):
        fc.gradients(made(lambda dy: dy), x)
    with pytest.raises(ValueError, match="2 gradients for 1 variables"):
        fc.gradients(made(lambda dy: (dy, [dy, dy])), x)
    with pytest.raises(ValueError, match="2 gradients for 1 arguments"):
        fc.gradients(made(lambda dy: ([dy, dy], [dy])), x)
    y = made(lambda dy: (dy, [None]))
    assert fc.gradients(y, v) == [None]


def test_grad_pass_through() -> None:
    v = fc.Variable(2.0)
    x = fc.placeholder(fc.float32, [])
    y = fc.grad_pass_through(lambda x: fc.round(x * v))(x)
    assert fc.gradients(y, v) == [None]
    assert run([y, fc.gradients(y * 3.0, x)[0]], {x: 1.3}) == [3.0, 3.0]
    with pytest.raises(TypeError, match="f must be a function"):
        fc.grad_pass_through(3)  # type: ignore[arg-type]


# ---- computing again ------------------------------------------------------------------------------


def _layers(x: fc.Tensor, wrap: Callable[[Any], Any], count: int) -> fc.Tensor:
    """Layers of several products each, with a variable of their own."""

    def layer(x: fc.Tensor) -> fc.Tensor:
        w = fc.get_variable("w", x.shape[1:] + x.shape[1:], F64, fc.random_uniform_initializer(-0.3, 0.3, 1))
        for _ in range(4):
            x = fc.tanh(x @ w)
        return x

    for i in range(count):
        with fc.variable_scope(f"layer_{i}"):
            x = wrap(layer)(x)
    return x


@pytest.mark.parametrize("threads", [1, 2, 8])
def test_recomputed_gradients_are_those_of_the_same_kept(threads: int) -> None:
    x = fc.placeholder(F64, [3, 2])
    with fc.variable_scope("net"):
        kept = fc.reduce_sum(_layers(x, lambda f: f, 3) ** 2.0)
    with fc.variable_scope("net", reuse=True):
        again = fc.reduce_sum(_layers(x, fc.recompute_grad, 3) ** 2.0)
    of = [x, *fc.trainable_variables()]
    assert len(of) == 4
    fetches = []
    for y in (kept, again):
        first = fc.gradients(y, of)
        second = fc.gradients([fc.reduce_sum(fc.sin(g)) for g in first], of)
        fetches.append([y, *first, *second])
    found, expected = run(fetches, {x: np.linspace(-1.0, 1.0, 6).reshape(3, 2)}, threads)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


def test_recomputing_in_a_loop_and_of_several_arguments() -> None:
    v = fc.Variable(0.5, dtype=F64)

    def pair(a: fc.Tensor, b: fc.Tensor, scale: float = 1.0) -> Any:
        return fc.tanh(a * b * v) * scale, (a, fc.exp(b))

    def loop(f: Any) -> fc.Tensor:
        def body(i: fc.Tensor, a: fc.Tensor, b: fc.Tensor) -> Any:
            c, (d, e) = f(a, b, scale=2.0)
            return i + 1, c + d, e * 0.3

        _, a, b = fc.while_loop(lambda i, a, b: i < 3, body, [0, x, x])
        return a * b

    x = fc.placeholder(F64, [])
    found, expected = run([fc.gradients(loop(f), [x, v]) for f in (fc.recompute_grad(pair), pair)], {x: 0.7})
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def _alive_between(wrap: Callable[[Any], Any]) -> int:
    """How many buffers live when the forward pass is done, and the backward pass begins."""
    counts: list[int] = []

    def count(value: Any) -> Any:
        counts.append(_engine.live_counts()["buffers"])
        return value

    with fc.Graph().as_default():
        x = fc.placeholder(F64, [8, 8])
        loss = fc.reduce_sum(_layers(x, wrap, 12))
        dloss = fc.py_func(count, [loss], F64)
        dloss.set_shape([])
        gradients = fc.gradients(loss, [x, *fc.trainable_variables()], dloss)
        run(gradients, {x: np.eye(8)}, threads=1)
    return counts[0]


def test_recomputing_keeps_what_lies_between_functions_alone() -> None:
    kept, again = _alive_between(lambda f: f), _alive_between(fc.recompute_grad)
    # of each of 12 layers 4 values, and 1
    assert kept - again >= 12 * 2


def test_a_recomputed_function_may_not_make_variables_twice() -> None:
    x = fc.constant(1.0)
    y = fc.recompute_grad(lambda x: x * fc.Variable(2.0))(x)
    with pytest.raises(ValueError, match=r"makes variable 'gradients/.*Variable' whenever it is called"):
        fc.gradients(y, x)
    with pytest.raises(TypeError, match="f must be a function"):
        fc.recompute_grad(3)  # type: ignore[arg-type]


def slowly(value: float) -> fc.Tensor:
    """A value that comes late: what does not wait for it runs before."""

    def late() -> np.float32:
        time.sleep(0.03)
        return np.float32(value)

    return fc.py_func(late, [], fc.float32)


def in_branch(f: Any, x: fc.Tensor) -> fc.Tensor:
    return fc.cond(fc.equal(fc.placeholder_with_default(1, []), 1), lambda: f(x), lambda: x)


def in_loop(f: Any, x: fc.Tensor) -> fc.Tensor:
    return fc.while_loop(lambda i, _: i < 2, lambda i, y: (i + 1, f(y)), [0, x])[1]


def in_branch_in_loop(f: Any, x: fc.Tensor) -> fc.Tensor:
    return in_loop(lambda y: in_branch(f, y), x)


def in_switch(f: Any, x: fc.Tensor) -> fc.Tensor:
    return fc.switch_case(fc.placeholder_with_default(1, []), [lambda: x, lambda: f(x), lambda: x * 0.0])


def in_function(f: Any, x: fc.Tensor) -> fc.Tensor:
    return fc.Defun(fc.float32)(f)(x)


def in_recursion(f: Any, x: fc.Tensor, times: int = 2) -> fc.Tensor:
    @fc.Defun(fc.float32, fc.int32, out_types=[fc.float32])
    def again(y: fc.Tensor, n: fc.Tensor) -> fc.Tensor:
        return fc.cond(n > 0, lambda: again(f(y), n - 1), lambda: y)

    return again(x, times)


AROUND = [in_branch, in_loop, in_branch_in_loop, in_switch, in_function, in_recursion]


@pytest.mark.parametrize("threads", [1, 2, 8])
@pytest.mark.parametrize("around", AROUND, ids=lambda f: f.__name__)
def test_a_gradient_in_a_body_waits_for_what_lies_outside(around: Any, threads: int) -> None:
    v = fc.Variable(1.0)
    first = v.assign(slowly(3.0))

    @fc.custom_gradient
    def f(y: fc.Tensor) -> Any:
        def grad(dy: fc.Tensor) -> fc.Tensor:
            with fc.control_dependencies([first.op]):
                return dy * v.read_value()

        return y * 1.0, grad

    x = fc.placeholder_with_default(2.0, [])
    (g,) = fc.gradients(around(f, x), x)
    turns = 1 if around in (in_branch, in_switch, in_function) else 2
    with fc.Session(config=fc.ConfigProto(inter_op_parallelism_threads=threads)) as sess:
        for _ in range(3):
            sess.run(v.initializer)
            assert sess.run(g) == 3.0**turns


@pytest.mark.parametrize("threads", [1, 2, 8])
@pytest.mark.parametrize("around", AROUND[:4], ids=lambda f: f.__name__)
def test_a_gradient_in_a_body_waits_for_what_the_forward_body_does(around: Any, threads: int) -> None:
    """And has it done: nothing else needs the assignment."""
    v = fc.Variable(1.0)

    @fc.custom_gradient
    def f(y: fc.Tensor) -> Any:
        first = v.assign_add(slowly(1.0), read_value=False)

        def grad(dy: fc.Tensor) -> fc.Tensor:
            with fc.control_dependencies([first]):
                return dy * v.read_value()

        return y * 1.0, grad

    x = fc.placeholder_with_default(2.0, [])
    y = around(f, x)
    (g,) = fc.gradients(y, x)
    turns = 1 if around in (in_branch, in_switch) else 2
    with fc.Session(config=fc.ConfigProto(inter_op_parallelism_threads=threads)) as sess:
        sess.run(v.initializer)
        sess.run(y)
        assert sess.run(v) == 1.0
        assert sess.run(g) == (2.0 if turns == 1 else 9.0)
        assert sess.run(v) == 1.0 + turns


@pytest.mark.parametrize("times", [0, 1, 3])
def test_a_gradient_in_a_recursive_function_uses_what_its_body_has_computed(times: int) -> None:
    """The gradient of such a function computes values again: those of the body stand for the new ones."""

    @fc.custom_gradient
    def f(y: fc.Tensor) -> Any:
        inner = fc.cond(y > 0.0, lambda: fc.sin(y), lambda: fc.cos(y))
        return y * 0.9, lambda dy: dy * inner * y

    @fc.Defun(fc.float64, fc.int32, out_types=[fc.float64])
    def again(y: fc.Tensor, n: fc.Tensor) -> fc.Tensor:
        return fc.cond(n > 0, lambda: again(f(y), n - 1), lambda: y)

    x = fc.placeholder(fc.float64, [])
    unrolled = x
    for _ in range(times):
        unrolled = f(unrolled)
    fetches = []
    for y in (again(x, times), unrolled):
        (first,) = fc.gradients(y * y, x)
        (second,) = fc.gradients(first * first, x)
        fetches.append([y, first, second])
    found, expected = run(fetches, {x: 1.3})
    np.testing.assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.parametrize("threads", [1, 2, 8])
def test_a_gradient_in_a_recursive_function_waits_for_what_its_body_does(threads: int) -> None:
    v = fc.Variable(1.0)

    @fc.custom_gradient
    def f(y: fc.Tensor) -> Any:
        first = v.assign_add(slowly(1.0), read_value=False)

        def grad(dy: fc.Tensor) -> fc.Tensor:
            with fc.control_dependencies([first]):
                return dy * v.read_value()

        return y * 1.0, grad

    x = fc.placeholder_with_default(2.0, [])
    (g,) = fc.gradients(in_recursion(f, x, 1), x)
    with fc.Session(config=fc.ConfigProto(inter_op_parallelism_threads=threads)) as sess:
        sess.run(v.initializer)
        assert sess.run(g) == 2.0
        assert sess.run(v) == 2.0
