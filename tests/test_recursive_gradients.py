"""Gradients of functions that call themselves, against the same written out as a loop of Python."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import flowcore as fc

F64 = fc.float64


def derivatives(y: fc.Tensor, of: list[Any]) -> list[fc.Tensor]:
    """The value, first and second derivatives; zeros where there is none."""
    first = [fc.zeros_like(x) if g is None else g for x, g in zip(of, fc.gradients(y, of), strict=True)]
    second = fc.gradients([fc.reduce_sum(fc.sin(g)) for g in first], of)
    return [y, *first, *[fc.zeros_like(x) if g is None else g for x, g in zip(of, second, strict=True)]]


def assert_same(
    named: Callable[..., Any],
    plain: Callable[..., Any],
    values: list[Any],
    variables: list[Any],
    threads: int,
) -> None:
    xs = [fc.placeholder(F64, np.shape(v)) for v in values]
    of = [*xs, *variables]
    fetches = [derivatives(f(*xs), of) for f in (named, plain)]
    with fc.Session(config=fc.ConfigProto(inter_op_parallelism_threads=threads)) as sess:
        sess.run(fc.global_variables_initializer())
        found, expected = sess.run(fetches, dict(zip(xs, values, strict=True)))
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("threads", [1, 2, 8])
@pytest.mark.parametrize("turns", [0, 1, 4])
def test_of_a_function_that_calls_itself_once(turns: int, threads: int) -> None:
    w = fc.Variable(0.7, dtype=F64)

    @fc.Defun(fc.int32, F64, out_types=[F64])
    def power(n: fc.Tensor, x: fc.Tensor) -> fc.Tensor:
        return fc.cond(n < 1, lambda: fc.sin(x), lambda: fc.tanh(x * w) * power(n - 1, x + w))

    def plain(x: fc.Tensor) -> fc.Tensor:
        factors = []
        for _ in range(turns):
            factors.append(fc.tanh(x * w))
            x = x + w
        y = fc.sin(x)
        for factor in reversed(factors):
            y = factor * y
        return y

    n = fc.placeholder_with_default(turns, [])
    assert_same(lambda x: power(n, x), plain, [0.4], [w], threads)


def test_of_two_calls_in_a_call_and_of_several_results() -> None:
    @fc.Defun(fc.int32, F64, F64, out_types=[F64, F64])
    def tree(n: fc.Tensor, x: fc.Tensor, y: fc.Tensor) -> Any:
        def split() -> Any:
            a, b = tree(n - 1, x * y, y)
            c, d = tree(n - 1, y, fc.cos(x))
            return a * d, fc.sin(b) + c

        return fc.cond(n < 1, lambda: (x + 1.0, x * y), split)

    def plain(n: int, x: fc.Tensor, y: fc.Tensor) -> Any:
        if n < 1:
            return x + 1.0, x * y
        a, b = plain(n - 1, x * y, y)
        c, d = plain(n - 1, y, fc.cos(x))
        return a * d, fc.sin(b) + c

    depth = fc.placeholder_with_default(3, [])
    assert_same(
        lambda x, y: fc.reduce_sum(fc.stack(tree(depth, x, y)) * [1.0, 2.0]),
        lambda x, y: fc.reduce_sum(fc.stack(plain(3, x, y)) * [1.0, 2.0]),
        [0.3, 0.8],
        [],
        2,
    )


def test_of_functions_that_call_each_other_in_loops() -> None:
    @fc.Defun(fc.int32, F64, out_types=[F64])
    def even(n: fc.Tensor, x: fc.Tensor) -> fc.Tensor:
        return fc.cond(n < 1, lambda: x, lambda: fc.sin(odd(n - 1, x)))

    @fc.Defun(fc.int32, F64, out_types=[F64])
    def odd(n: fc.Tensor, x: fc.Tensor) -> fc.Tensor:
        def turn(i: fc.Tensor, y: fc.Tensor) -> Any:
            return i + 1, fc.cond(n < 1, lambda: y * 2.0, lambda: even(n - 1, y * x))

        return fc.while_loop(lambda i, y: i < 2, turn, [0, x])[1]

    def plain_even(n: int, x: fc.Tensor) -> fc.Tensor:
        return x if n < 1 else fc.sin(plain_odd(n - 1, x))

    def plain_odd(n: int, x: fc.Tensor) -> fc.Tensor:
        y = x
        for _ in range(2):
            y = y * 2.0 if n < 1 else plain_even(n - 1, y * x)
        return y

    n = fc.placeholder_with_default(3, [])
    assert_same(lambda x: even(n, x), lambda x: plain_even(3, x), [0.6], [], 2)


def test_of_a_call_in_a_loop_and_of_another_in_a_function() -> None:
    v = fc.Variable([0.5, -0.5], dtype=F64)

    @fc.Defun(fc.int32, F64, out_types=[F64])
    def down(n: fc.Tensor, x: fc.Tensor) -> fc.Tensor:
        return fc.cond(n < 1, lambda: x * v, lambda: fc.tanh(down(n - 1, x) + fc.gather(v, [1, 0])))

    @fc.Defun(F64)
    def around(x: fc.Tensor) -> fc.Tensor:
        return fc.reduce_sum(down(2, x) * x)

    def plain(x: fc.Tensor) -> fc.Tensor:
        y = x
        for _ in range(2):
            z = y * v
            for _ in range(2):
                z = fc.tanh(z + fc.gather(v, [1, 0]))
            y = z
        z = x * v
        for _ in range(2):
            z = fc.tanh(z + fc.gather(v, [1, 0]))
        return fc.reduce_sum(y) + fc.reduce_sum(z * x)

    def named(x: fc.Tensor) -> fc.Tensor:
        y = fc.while_loop(
            lambda i, y: i < 2,
            lambda i, y: (i + 1, down(2, y)),
            [0, x],
            shape_invariants=[fc.TensorShape([]), fc.TensorShape(None)],
        )[1]
        return fc.reduce_sum(y) + around(x)

    assert_same(named, plain, [[0.2, 0.9]], [v], 2)


def test_a_deep_one_is_differentiated() -> None:
    @fc.Defun(fc.int32, F64, out_types=[F64])
    def product(n: fc.Tensor, x: fc.Tensor) -> fc.Tensor:
        return fc.cond(n < 1, lambda: fc.ones_like(x), lambda: x + product(n - 1, x))

    x = fc.placeholder(F64, [])
    n = fc.placeholder(fc.int32, [])
    (g,) = fc.gradients(product(n, x), x)
    assert g.op.get_attr("f").path == "product_grad"
    with fc.Session() as sess:
        assert sess.run(g, {x: 1.0, n: 2000}) == 2000.0


def test_a_gradient_of_ones_own_goes_before() -> None:
    @fc.Defun(fc.int32, F64, out_types=[F64], python_grad_func=lambda op, dy: [None, dy * 7.0])
    def own(n: fc.Tensor, x: fc.Tensor) -> fc.Tensor:
        return fc.cond(n < 1, lambda: x, lambda: own(n - 1, x))

    x = fc.placeholder(F64, [])
    with fc.Session() as sess:
        assert sess.run(fc.gradients(own(3, x), x), {x: 1.0}) == [7.0]


def test_inside_the_function_itself_there_is_none_yet() -> None:
    @fc.Defun(F64, out_types=[F64])
    def inside(x: fc.Tensor) -> fc.Tensor:
        return fc.gradients(inside(x), x)[0]

    with pytest.raises(LookupError, match=r"'inside'.* is not complete"):
        inside(fc.constant(1.0, F64))
