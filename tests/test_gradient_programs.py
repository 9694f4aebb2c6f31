"""Random programs of branches, loops, arrays, rows and functions inside each other: first derivatives against
differences of values, second ones against differences of the first.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

import flowcore as fc

F64 = fc.float64
#: What a program is made of: vectors of three numbers.
SIZE = 3
STEP = 1e-6


class Program:
    """A random program of two vectors and a table, whose rows it gathers."""

    def __init__(self, seed: int) -> None:
        self.table = fc.placeholder(F64, [4, SIZE])
        self.first, self.second = fc.placeholder(F64, [SIZE]), fc.placeholder(F64, [SIZE])

        @fc.Defun(F64, F64)
        def called(a: fc.Tensor, b: fc.Tensor) -> fc.Tensor:
            return fc.sin(a) * b + 0.2 * a

        self.called = called
        self.result = self.block(random.Random(seed), 3, [self.first, self.second])
        self.loss = fc.reduce_sum(fc.tanh(self.result))

    def block(self, rng: random.Random, depth: int, values: Sequence[fc.Tensor]) -> fc.Tensor:
        """Some steps on values, each on what steps before have made."""
        values = list(values)
        for _ in range(rng.randint(1, 3)):
            a, b = rng.choice(values), rng.choice(values)
            steps = [self.branch, self.loop, self.array, self.rows] if depth and rng.random() < 0.6 else []
            made = rng.choice(steps)(rng, depth - 1, a, b) if steps else self.plain(rng, a, b)
            made.set_shape([SIZE])
            values.append(made)
        return values[-1]

    def plain(self, rng: random.Random, a: fc.Tensor, b: fc.Tensor) -> fc.Tensor:
        some = [rng.randrange(4), rng.randrange(4)]
        choices: list[Callable[[], fc.Tensor]] = [
            lambda: fc.tanh(a) * b,
            lambda: a * 0.7 - fc.exp(-b * b),
            lambda: fc.where(a > 0.0, a, b * 0.5),
            lambda: fc.stop_gradient(a) * 0.0 + fc.stack([a[0], b[1] * a[2], fc.reduce_mean(b)]),
            lambda: fc.reduce_sum(fc.gather(self.table, some), 0) * a,
            lambda: fc.gather(fc.sin(self.table), fc.cast(fc.reduce_sum(a) > 0.0, fc.int32)) + b * 0.1,
            lambda: self.called(a, b),
        ]
        return rng.choice(choices)()

    def branch(self, rng: random.Random, depth: int, a: fc.Tensor, b: fc.Tensor) -> fc.Tensor:
        one, two = random.Random(rng.random()), random.Random(rng.random())
        return fc.cond(
            fc.reduce_sum(a) > rng.uniform(-1, 1),
            lambda: self.block(one, depth, [a, b]),
            lambda: self.block(two, depth, [b, a]),
        )

    def loop(self, rng: random.Random, depth: int, a: fc.Tensor, b: fc.Tensor) -> fc.Tensor:
        """Its condition, and a branch in it, use the same value from around."""
        inner, turns = random.Random(rng.random()), rng.randint(0, 3)

        def turn(i: fc.Tensor, y: fc.Tensor) -> tuple[fc.Tensor, fc.Tensor]:
            y = self.block(inner, depth, [y, b])
            return i + 1, fc.cond(fc.reduce_sum(y * b) > 0.1, lambda: y * 0.5 + b * y, lambda: y)

        def goes_on(i: fc.Tensor, y: fc.Tensor) -> fc.Tensor:
            return fc.logical_and(i < turns, fc.reduce_sum(y * y) < 4.0 + fc.reduce_sum(b * b))

        return fc.while_loop(goes_on, turn, [0, a])[1]

    def array(self, rng: random.Random, depth: int, a: fc.Tensor, b: fc.Tensor) -> fc.Tensor:
        inner, turns = random.Random(rng.random()), rng.randint(1, 3)

        def turn(i: fc.Tensor, y: fc.Tensor, rows: fc.TensorArray) -> tuple[Any, ...]:
            y = self.block(inner, depth, [y, b])
            return i + 1, y, rows.write(i, y * 0.6)

        rows = fc.TensorArray(F64, turns + 2, element_shape=[SIZE]).scatter([turns + 1, turns], [a, b])
        _, y, rows = fc.while_loop(lambda i, *_: i < turns, turn, [0, a, rows])
        return fc.reduce_sum(rows.stack(), 0) + y

    def rows(self, rng: random.Random, depth: int, a: fc.Tensor, b: fc.Tensor) -> fc.Tensor:
        inner = random.Random(rng.random())
        if rng.random() < 0.5:
            mapped = fc.map_fn(lambda row: self.block(inner, depth, [row, b]), fc.stack([a, b]))
            return fc.reduce_mean(mapped, 0)
        scanned = fc.scan(lambda p, row: self.block(inner, depth, [p, row]), fc.stack([a, b]), b)
        return scanned[-1]


def dense(gradients: Sequence[Any], xs: Sequence[fc.Tensor]) -> list[fc.Tensor]:
    return [fc.zeros_like(x) if g is None else fc.convert_to_tensor(g) for g, x in zip(gradients, xs)]


@pytest.mark.parametrize("seed", range(24))
def test_derivatives_are_those_of_differences(seed: int) -> None:
    program = Program(seed)
    xs = [program.first, program.second, program.table]
    first = dense(fc.gradients(program.loss, xs), xs)
    slope = fc.add_n([fc.reduce_sum(fc.sin(g)) for g in first])
    second = dense(fc.gradients(slope, xs), xs)
    rng = np.random.default_rng(seed)
    values = [rng.uniform(-1, 1, x.shape.as_list()) for x in xs]
    along = [rng.uniform(-1, 1, v.shape) for v in values]

    def moved(by: float) -> dict[Any, Any]:
        return {x: v + by * d for x, v, d in zip(xs, values, along, strict=True)}

    with fc.Session() as sess:
        found = sess.run([first, second], moved(0.0))
        after, before = (np.array(sess.run([program.loss, slope], moved(by))) for by in (STEP, -STEP))
    expected = (after - before) / (2 * STEP)
    for gradients, difference in zip(found, expected, strict=True):
        total = sum(float(np.sum(g * d)) for g, d in zip(gradients, along, strict=True))
        np.testing.assert_allclose(total, difference, rtol=1e-5, atol=1e-6)
