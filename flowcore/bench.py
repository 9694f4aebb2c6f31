"""python -m flowcore bench: a short table of what this machine reaches with flowcore, beside NumPy.
Stands above everything else of the package.

examples/benchmarks/compare.py is the long form, with other libraries in processes of their own.
"""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

import flowcore as fc

__all__ = ["Line", "measure", "show"]

Call = Callable[[], object]


@dataclass(frozen=True)
class Line:
    """A measured line; where `better` is "more", figures are rates, otherwise times. NumPy's is
    None where it has no counterpart.
    """

    title: str
    unit: str
    flowcore: float
    numpy: float | None
    better: str = "less"

    def ratio(self) -> float | None:
        """flowcore's time to NumPy's."""
        if self.numpy is None:
            return None
        return self.flowcore / self.numpy if self.better == "less" else self.numpy / self.flowcore


def _alternate(budget: float, *calls: Call) -> list[float]:
    """Seconds a call of each: medians of seven rounds in turns, which take about `budget` seconds in all."""
    repeats = []
    for call in calls:
        call()
        count, took = 1, 0.0
        while (took := _seconds(call, count)) < budget / 60 / len(calls):
            count *= 2
        repeats.append(max(1, int(count * budget / 7 / len(calls) / took)))
    times: list[list[float]] = [[] for _ in calls]
    for _ in range(7):
        for mine, call, count in zip(times, calls, repeats):
            mine.append(_seconds(call, count) / count)
    return [statistics.median(mine) for mine in times]


def _seconds(call: Call, count: int) -> float:
    begin = time.perf_counter()
    for _ in range(count):
        call()
    return time.perf_counter() - begin


def _scalar_call(budget: float) -> Line:
    x = fc.placeholder(fc.float32, [])
    call, value = fc.Session().make_callable(x + 1.0, [x]), np.float32(1)
    one = np.float32(1)
    ours, theirs = _alternate(budget, lambda: call(value), lambda: np.add(value, one))
    return Line("one scalar op, fed and fetched", "us a call", ours * 1e6, theirs * 1e6)


def _chain(budget: float) -> Line:
    nodes = 1000
    config = fc.ConfigProto(
        graph_options=fc.GraphOptions(optimizer_options=fc.OptimizerOptions(opt_level=fc.OptimizerOptions.L0))
    )
    x = fc.placeholder(fc.float32, [])
    y = fc.identity(x)
    for op in itertools.islice(itertools.cycle((fc.negative, fc.abs)), nodes):
        y = op(y)
    call, value = fc.Session(config=config).make_callable(y, [x]), np.float32(1)

    def in_numpy() -> None:
        z = value
        for op in itertools.islice(itertools.cycle((np.negative, np.abs)), nodes):
            z = op(z)

    ours, theirs = _alternate(budget, lambda: call(value), in_numpy)
    return Line(
        "chain of 1,000 scalar ops, one by one", "ns a node", ours / nodes * 1e9, theirs / nodes * 1e9
    )


def _queue_pair(budget: float) -> Line:
    queue = fc.FIFOQueue(10, fc.float32, [[]])
    x = fc.placeholder(fc.float32, [])
    sess = fc.Session()
    put, take, value = (
        sess.make_callable(queue.enqueue(x), [x]),
        sess.make_callable(queue.dequeue()),
        np.float32(1),
    )
    (ours,) = _alternate(budget, lambda: (put(value), take()))
    return Line("enqueue and dequeue, a run each", "us a pair", ours * 1e6, None)


def _matmul(budget: float) -> Line:
    n = 1024
    a, b = (np.random.default_rng(i).normal(size=(n, n)).astype(np.float32) for i in range(2))
    left, right = fc.Variable(a), fc.Variable(b)
    sess = fc.Session()
    sess.run(fc.global_variables_initializer())
    call = sess.make_callable(fc.matmul(left, right).op)
    ours, theirs = _alternate(budget, call, lambda: a @ b)
    return Line(
        "matrix product, 1024 by 1024, float32", "GFLOP/s", 2e-9 * n**3 / ours, 2e-9 * n**3 / theirs, "more"
    )


def _elementwise(budget: float) -> Line:
    count = 4_000_000
    value = np.random.default_rng(0).uniform(0.5, 1.5, count).astype(np.float32)
    x = fc.placeholder(fc.float32, [count])
    call = fc.Session().make_callable(fc.sqrt(fc.abs(x * 1.5 - 0.5)) + x, [x])
    ours, theirs = _alternate(budget, lambda: call(value), lambda: np.sqrt(np.abs(value * 1.5 - 0.5)) + value)
    gigabytes = 8e-9 * count  # read and written once
    return Line(
        "5 elementwise ops over 4M floats, read and written once",
        "GB/s",
        gigabytes / ours,
        gigabytes / theirs,
        "more",
    )


def _training_step(budget: float) -> Line:
    rng = np.random.default_rng(0)
    layers = [
        (rng.normal(size=(m, n), scale=m**-0.5).astype(np.float32), np.zeros(n, np.float32))
        for m, n in ((784, 128), (128, 10))
    ]
    images, labels = rng.normal(size=(64, 784)).astype(np.float32), rng.integers(0, 10, 64).astype(np.int32)
    x, y = fc.placeholder(fc.float32, images.shape), fc.placeholder(fc.int32, labels.shape)
    (w1, b1), (w2, b2) = ((fc.Variable(w), fc.Variable(b)) for w, b in layers)
    logits = fc.matmul(fc.nn.relu(fc.matmul(x, w1) + b1), w2) + b2
    loss = fc.reduce_mean(fc.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=logits))
    step = fc.train.GradientDescentOptimizer(0.01).minimize(loss)
    sess = fc.Session()
    sess.run(fc.global_variables_initializer())
    call = sess.make_callable([step, loss], [x, y])
    ours, theirs = _alternate(
        budget, lambda: call(images, labels), lambda: _numpy_step(layers, images, labels)
    )
    return Line("training step, perceptron 784-128-10, batch 64", "us a step", ours * 1e6, theirs * 1e6)


def _numpy_step(layers: list[tuple[np.ndarray, np.ndarray]], images: np.ndarray, labels: np.ndarray) -> None:
    (w1, b1), (w2, b2) = layers
    hidden = np.maximum(images @ w1 + b1, 0)
    logits = hidden @ w2 + b2
    slope = np.exp(logits - logits.max(1, keepdims=True))
    slope /= slope.sum(1, keepdims=True)
    slope[np.arange(len(labels)), labels] -= 1
    slope /= len(labels)
    below = (slope @ w2.T) * (hidden > 0)
    for parameter, gradient in (
        (w2, hidden.T @ slope),
        (b2, slope.sum(0)),
        (w1, images.T @ below),
        (b1, below.sum(0)),
    ):
        parameter -= 0.01 * gradient


LINES: list[Callable[[float], Line]] = [
    _scalar_call,
    _chain,
    _queue_pair,
    _matmul,
    _elementwise,
    _training_step,
]


def measure(budget: float = 2.0) -> Iterator[Line]:
    """Measures line after line, about `budget` seconds each."""
    for line in LINES:
        with fc.Graph().as_default():
            yield line(budget)


def show(budget: float = 2.0) -> None:
    """Prints the table as it is measured."""
    print(f"{'':56}{'unit':10} {'flowcore':>10} {'NumPy':>10} {'time to NumPy':>14}")
    for line in measure(budget):
        ratio = line.ratio()
        theirs = "" if line.numpy is None else f"{line.numpy:.3g}"
        print(
            f"{line.title:56}{line.unit:10} {line.flowcore:10.3g} {theirs:>10}"
            f" {'' if ratio is None else f'{ratio:.2f}':>14}",
            flush=True,
        )
