"""Tensors of 9 to 64 dimensions: every family of ops against NumPy, first and second gradients, and
what is said of more.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import flowcore as fc
from flowcore.graph.apply import apply

#: The last axes of each have 3, 2 and 2 elements, or it is all twos.
SHAPES = {
    9: (2, 1, 3, 1, 2, 1, 3, 2, 2),
    12: (2,) * 12,
    20: (2,) * 20,
    33: (1,) * 9 + (2, 2) + (1,) * 17 + (2, 1, 3, 2, 2),
    64: (1,) * 60 + (2, 3, 2, 2),
}
SMALL = [9, 33, 64]  # whose gradients are found number by number
DTYPES = ["float32", "float64", "int32", "int8", "complex64", "bool", "object"]


def values(shape: tuple[int, ...], dtype: str = "float32") -> np.ndarray:
    rng = np.random.default_rng(sum(shape) + len(shape))
    numbers = rng.integers(-9, 10, shape)
    if dtype == "object":
        return np.array([b"%d" % n for n in numbers.ravel()], object).reshape(shape)
    if dtype == "complex64":
        return (numbers + 1j * rng.integers(-9, 10, shape)).astype(dtype)
    return (numbers > 0) if dtype == "bool" else numbers.astype(dtype)


def same(found: Any, expected: Any, rtol: float = 0) -> None:
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.shape == expected.shape
    if rtol:
        np.testing.assert_allclose(found, expected, rtol=rtol, atol=rtol)
    else:
        np.testing.assert_array_equal(found, expected)


def check(
    build: Callable[..., Any], expected: Any, *arrays: np.ndarray, rtol: float = 0, known: Any = (True, False)
) -> None:
    """`build` of placeholders whose shapes are known, and of some whose are not."""
    for is_known in known:
        with fc.Graph().as_default(), fc.Session() as sess:
            inputs = [
                fc.placeholder(fc.string if a.dtype == object else a.dtype, a.shape if is_known else None)
                for a in arrays
            ]
            out = build(*inputs)
            found = sess.run(out, dict(zip(inputs, arrays, strict=True)))
        same(found, expected, rtol)
        assert out.shape.is_compatible_with(np.shape(expected))


@pytest.fixture
def sess() -> Any:
    with fc.Session() as session:
        yield session


def unlike(rank: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Two shapes that broadcast along every second axis each, so that none of them merge."""
    at = range(rank - 10, rank)
    one = tuple(2 if d in at and d % 2 else 1 for d in range(rank))
    return one, tuple(3 if d in at and not d % 2 else 1 for d in range(rank))


# ---- the same elements elsewhere ----------------------------------------

Pair = tuple[Callable[[Any], Any], Callable[[np.ndarray], Any]]


def turned(rank: int) -> list[int]:
    """No two neighbours stay neighbours."""
    return [*range(1, rank, 2), *range(0, rank, 2)][::-1]


def moves(rank: int, shape: tuple[int, ...]) -> dict[str, Pair]:
    begin = [0] * (rank - 3) + [1, 1, 0]
    size = [-1] * (rank - 3) + [1, 1, 2]
    around = [[0, 0]] * (rank - 3) + [[1, 2], [0, 1], [0, 0]]
    times = [2 if d in (0, rank - 2) else 1 for d in range(rank)]
    spec = (slice(None),) * (rank - 3) + (slice(None, None, -1), slice(1, None), 0)
    wide = (2, *shape) if rank < 64 else shape
    return {
        "transpose": (lambda x: fc.transpose(x, turned(rank)), lambda x: x.transpose(turned(rank))),
        "reverse": (lambda x: fc.reverse(x, [0, rank - 2, -1]), lambda x: np.flip(x, (0, rank - 2, -1))),
        "slice": (
            lambda x: fc.slice(x, begin, size),
            lambda x: x[tuple(slice(b, None if s < 0 else b + s) for b, s in zip(begin, size, strict=True))],
        ),
        "strided": (lambda x: x[spec], lambda x: x[spec]),
        "ellipsis": (lambda x: x[..., 1:, None, 0] if rank < 64 else x[..., 1:, 0],
                     lambda x: x[..., 1:, None, 0] if rank < 64 else x[..., 1:, 0]),
        "tile": (lambda x: fc.tile(x, times), lambda x: np.tile(x, times)),
        "concat": (lambda x: fc.concat([x, x, x], rank - 2), lambda x: np.concatenate([x] * 3, rank - 2)),
        "split": (lambda x: fc.split(x, 2, rank - 1)[1], lambda x: np.split(x, 2, rank - 1)[1]),
        "unstack": (lambda x: fc.unstack(x, 2, rank - 1)[0], lambda x: x[..., 0]),
        "squeeze": (lambda x: fc.squeeze(x), np.squeeze),
        "reshape": (lambda x: fc.reshape(fc.reshape(x, [-1]), shape[::-1]), lambda x: x.reshape(shape[::-1])),
        "gather": (lambda x: fc.gather(x, [1, 0, 1], axis=rank - 2), lambda x: x.take([1, 0, 1], rank - 2)),
        "broadcast_to": (lambda x: fc.broadcast_to(x, wide), lambda x: np.broadcast_to(x, wide)),
        "identity": (fc.identity, np.copy),
        "pad": (lambda x: fc.pad(x, around), lambda x: np.pad(x, around)),
    }  # fmt: skip


@pytest.mark.parametrize("rank", SHAPES)
@pytest.mark.parametrize("name", moves(9, SHAPES[9]))
def test_elements_move(name: str, rank: int) -> None:
    ours, numpys = moves(rank, SHAPES[rank])[name]
    for dtype in DTYPES if rank != 20 else ["float32"]:
        if name == "pad" and dtype in ("bool", "object"):
            continue
        x = values(SHAPES[rank], dtype)
        check(ours, numpys(x), x)


@pytest.mark.parametrize("rank", [9, 12, 33, 63])
@pytest.mark.parametrize("axis", [0, 4, -1])
def test_dimensions_come_and_go(rank: int, axis: int) -> None:
    x = values(SHAPES.get(rank, SHAPES[64][1:]))
    check(lambda x: fc.stack([x, -x], axis), np.stack([x, -x], axis), x)
    check(lambda x: fc.expand_dims(x, axis), np.expand_dims(x, axis), x)
    classes = np.arange(4).reshape([1] * (axis % (rank + 1)) + [4] + [1] * (rank - axis % (rank + 1)))
    check(
        lambda x: fc.one_hot(fc.cast(x, fc.int32), 4, axis=axis, dtype=fc.int32),
        np.expand_dims(x, axis) == classes,
        x,
    )


@pytest.mark.parametrize("count", [9, 33, 63, 64])
def test_an_index_of_so_many_entries(sess: fc.Session, count: int) -> None:
    x = fc.ones([1] * count)
    assert sess.run(x[(0,) * count]) == 1
    assert sess.run(x[(slice(0, 1),) * (count - 1) + (0,)]).shape == (1,) * (count - 1)
    assert sess.run(x[(0,) * (count - 1) + (...,)]).shape == (1,)
    assert sess.run(fc.constant(2.0)[(None,) * count]).shape == (1,) * count
    inner = x[(0,) * (count - 1) + (slice(None),)]
    assert sess.run(fc.gradients(inner, x)[0]).shape == (1,) * count


# ---- arithmetic ----------------------------------------


@pytest.mark.parametrize("rank", SHAPES)
@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "complex64"])
def test_arithmetic_on_one_shape(rank: int, dtype: str) -> None:
    x = values(SHAPES[rank], dtype)
    check(lambda x: x * x + x, x * x + x, x)
    check(lambda x: fc.negative(x), -x, x)
    check(lambda x: fc.cast(x, fc.complex128), x.astype("complex128"), x)


@pytest.mark.parametrize("rank", [10, 12, 20, 33, 64])
@pytest.mark.parametrize("dtype", ["float32", "int64"])
def test_broadcasting_along_every_second_axis(rank: int, dtype: str) -> None:
    a, b = (values(shape, dtype) for shape in unlike(rank))
    check(lambda a, b: a - b, a - b, a, b)
    check(lambda a, b: a > b, a > b, a, b)
    check(lambda a, b: apply("SelectV2", a > b, a, b), np.where(a > b, a, b), a, b)
    check(lambda a, b: fc.maximum(a * b, a) - b, np.maximum(a * b, a) - b, a, b)  # one fused node
    check(lambda a, b: fc.reduce_sum((a - b) * b, [-1]), ((a - b) * b).sum(-1), a, b)
    check(lambda a, b: a - b[..., 0, 0], a - b[..., 0, 0], a, b)


def test_a_choice_of_rows(sess: fc.Session) -> None:
    x = values(SHAPES[9], "float32")
    for rows in (np.array([True, False]), np.array([False, True])):
        picked = np.where(rows.reshape([2] + [1] * 8), x, -x)
        check(lambda c, x: fc.where(c, x, -x), picked, rows, x)
        check(
            lambda c, x: fc.where(c, x * 2, x - 1) + 3,
            np.where(rows.reshape([2] + [1] * 8), x * 2, x - 1) + 3,
            rows,
            x,
        )


@pytest.mark.parametrize("rank", SHAPES)
def test_sums_of_several(rank: int) -> None:
    x = values(SHAPES[rank])
    check(lambda x: fc.add_n([x, x * 2, -x]), 2 * x, x)
    check(lambda x: fc.nn.bias_add(x, fc.constant([1.0, 2.0])), x + np.array([1, 2], "f"), x)
    e = np.exp(x - x.max(-1, keepdims=True))
    check(fc.nn.softmax, e / e.sum(-1, keepdims=True), x, rtol=1e-5)


# ---- reductions ----------------------------------------


@pytest.mark.parametrize("rank", SHAPES)
@pytest.mark.parametrize("keep", [False, True])
def test_reductions(rank: int, keep: bool) -> None:
    for axes in ([0, 2, rank - 1], [*range(0, rank, 2)], [*range(rank)], [rank - 2]):
        for name, numpys in (("sum", np.sum), ("max", np.max), ("prod", np.prod)):
            x = values(SHAPES[rank], "int32" if name != "prod" else "bool").astype("int32")
            ours = getattr(fc, f"reduce_{name}")
            check(lambda x, f=ours, a=axes: f(x, a, keepdims=keep), numpys(x, tuple(axes), keepdims=keep), x)
        x = values(SHAPES[rank], "float64")
        check(lambda x, a=axes: fc.reduce_mean(x, a, keepdims=keep), x.mean(tuple(axes), keepdims=keep), x,
              rtol=1e-12)  # fmt: skip
        x = values(SHAPES[rank], "bool")
        check(lambda x, a=axes: fc.reduce_all(x, a, keepdims=keep), x.all(tuple(axes), keepdims=keep), x)


@pytest.mark.parametrize("rank", SHAPES)
def test_along_one_axis(rank: int) -> None:
    x = values(SHAPES[rank])
    for axis in (0, rank - 2, -1):
        check(
            lambda x, a=axis: fc.cumsum(x, a, reverse=True), np.flip(np.flip(x, axis).cumsum(axis), axis), x
        )
        check(lambda x, a=axis: fc.argmax(x, a), x.argmax(axis), x)


# ---- matrices ----------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "int32", "complex64"])
@pytest.mark.parametrize("rank", SHAPES)
def test_products_of_batches(rank: int, dtype: str) -> None:
    x = values(SHAPES[rank], dtype)
    check(lambda x: fc.matmul(x, x, transpose_b=True), x @ x.swapaxes(-1, -2), x, known=[True])
    one = x[(slice(0, 1),) * (rank - 2)]
    check(lambda x, y: apply("BatchMatMulV2", x, y, adj_x=True), x.swapaxes(-1, -2).conj() @ one, x, one)


def test_a_circuit_of_gates() -> None:
    """A register of 16 quantum bits: a gate on each, and the probabilities of the last one."""
    rng = np.random.default_rng(1)
    state = rng.normal(size=[2] * 16) + 1j * rng.normal(size=[2] * 16)
    gate = np.array([[1, 1], [1, -1]]) / np.sqrt(2)
    expected = state
    for k in range(16):
        expected = np.moveaxis(np.tensordot(gate, expected, [[1], [k]]), 0, k)

    def run(x: Any) -> Any:
        for k in range(16):
            x = fc.tensordot(fc.constant(gate.astype(complex)), x, [[1], [k]])
            x = fc.transpose(x, [*range(1, k + 1), 0, *range(k + 1, 16)])
        return fc.reduce_sum(fc.abs(x) ** 2, [*range(15)])

    check(run, (abs(expected) ** 2).sum(tuple(range(15))), state, rtol=1e-9, known=[True])


# ---- gradients ----------------------------------------

SMOOTH: dict[str, Callable[[Any, int], Any]] = {
    "fused": lambda x, n: fc.tanh(x * x + x),
    "broadcast": lambda x, n: x * fc.reduce_sum(x, [0, n - 2, n - 1], keepdims=True),
    "transpose": lambda x, n: fc.transpose(x, turned(n)) ** 2,
    "slice": lambda x, n: x[..., 1:, ::-1] ** 3,
    "concat": lambda x, n: fc.concat([x, x * x], n - 2),
    "tile": lambda x, n: fc.tile(x * x, [2] + [1] * (n - 2) + [2]),
    "pad": lambda x, n: fc.pad(x * x, [[0, 0]] * (n - 1) + [[1, 0]]),
    "gather": lambda x, n: fc.gather(x * x, [1, 0, 1], axis=n - 1),
    "matmul": lambda x, n: fc.matmul(x, x, transpose_b=True),
    "mean": lambda x, n: fc.reduce_mean(x * x, [0, n - 1]) ** 2,
    "max": lambda x, n: fc.reduce_max(x, [n - 2, n - 1]) ** 2,
    "prod": lambda x, n: fc.reduce_prod(x, [n - 3, n - 1]),
    "cumsum": lambda x, n: fc.cumsum(x, n - 2) ** 2,
    "reshape": lambda x, n: fc.expand_dims(fc.squeeze(x), 0) ** 2,
    "reverse": lambda x, n: fc.reverse(x, [n - 1]) * x,
    "choice": lambda x, n: apply("SelectV2", x > 0, x * x, x[..., :1]),
}


@pytest.mark.parametrize("rank", SMALL)
@pytest.mark.parametrize("name", SMOOTH)
def test_gradients(sess: fc.Session, name: str, rank: int) -> None:
    shape = SHAPES[rank]
    start = np.random.default_rng(3).uniform(0.2, 1.2, shape) * np.where(values(shape, "bool"), 1, -1)
    x = fc.constant(start)
    y = SMOOTH[name](x, rank)
    (dx,) = fc.gradients(y, x)
    assert dx.shape == shape
    with sess.as_default():
        assert fc.test.compute_gradient_error(x, shape, y, y.shape.as_list(), start) < 1e-5
        if (second := fc.gradients(dx, x)[0]) is not None:
            assert second.shape == shape
            assert fc.test.compute_gradient_error(x, shape, dx, shape, start) < 1e-5


# ---- state, queues, lists, functions ----------------------------------------


@pytest.mark.parametrize("rank", SHAPES)
def test_variables(sess: fc.Session, rank: int) -> None:
    x = values(SHAPES[rank])
    v = fc.Variable(fc.zeros(SHAPES[rank]))
    sess.run(v.initializer)
    same(sess.run(v.assign_add(x)), x)
    same(sess.run(v.assign(x * 2)), x * 2)
    same(sess.run(fc.shape(v)), SHAPES[rank])
    same(sess.run(fc.gather(v, [0, 0])[1]), x[0] * 2)
    with pytest.raises(ValueError, match=r"[Ss]hape"):
        v.assign(x[..., :1])
    sess.run(fc.scatter_add(v, [0], x[:1]))
    same(sess.run(v)[0], x[0] * 3)
    optimizer = fc.train.MomentumOptimizer(0.5, 0.9)
    step = optimizer.minimize(fc.reduce_sum(v * v))
    sess.run(fc.variables_initializer(optimizer.variables()))
    before = sess.run(v)
    sess.run(step)
    same(sess.run(v), before - before, rtol=1e-5)


@pytest.mark.parametrize("rank", [9, 12, 33, 63])
def test_queues(sess: fc.Session, rank: int) -> None:
    x = values(SHAPES.get(rank, SHAPES[64][1:]))
    many = np.stack([x, x + 1, x + 2])
    for shapes in ([x.shape], None):
        queue = fc.FIFOQueue(10, fc.float32, shapes)
        sess.run(queue.enqueue(x))
        same(sess.run(queue.dequeue()), x)
        if shapes:
            sess.run(queue.enqueue_many(many))
            same(sess.run(queue.dequeue_many(2)), many[:2])
            same(sess.run(queue.dequeue()), many[2])
            fed = fc.placeholder(fc.float32)
            with pytest.raises(fc.errors.InvalidArgumentError, match="Shape mismatch in tuple component 0"):
                sess.run(queue.enqueue(fed), {fed: x[..., :1]})


@pytest.mark.parametrize("rank", [9, 10, 33, 63])
def test_lists(sess: fc.Session, rank: int) -> None:
    x = values(SHAPES.get(rank, SHAPES[64][-rank:]))
    array = fc.TensorArray(fc.float32, 2, element_shape=x.shape).write(0, x).write(1, x + 1)
    same(sess.run(array.stack()), [x, x + 1])
    same(sess.run(array.read(1)), x + 1)
    same(sess.run(array.concat()), np.concatenate([x, x + 1]))
    rows = fc.TensorArray(fc.float32, 2).unstack([x, x * 2])
    same(sess.run(rows.read(1)), x * 2)
    long = np.concatenate([x, x * 2, x * 3])
    parts = fc.TensorArray(fc.float32, 2, infer_shape=False).split(long, [len(x), 2 * len(x)])
    same(sess.run([parts.read(0)]), [x])
    same(sess.run(parts.read(1)), np.concatenate([x * 2, x * 3]))
    total = fc.while_loop(
        lambda i, t: i < 3, lambda i, t: (i + 1, t + rows.read(i % 2)), [0, fc.zeros_like(x)]
    )
    same(sess.run(total[1]), x * 4)
    (dx,) = fc.gradients(fc.map_fn(lambda e: e * e, fc.constant(x)), fc.constant(x))
    assert dx is None
    fed = fc.constant(x)
    same(sess.run(fc.gradients(fc.map_fn(lambda e: e * e, fed), fed)[0]), 2 * x)


@pytest.mark.parametrize("rank", [9, 20, 64])
def test_random_numbers_and_python_functions(sess: fc.Session, rank: int, capfd: Any) -> None:
    shape = SHAPES[rank]
    assert sess.run(fc.random_uniform(shape)).shape == shape
    assert sess.run(fc.random_shuffle(fc.ones(shape))).shape == shape
    assert sess.run(fc.truncated_normal(shape)).shape == shape
    x = values(shape)
    same(sess.run(fc.py_func(lambda a: a[..., ::-1], [x], fc.float32)), x[..., ::-1])
    same(sess.run(fc.Print(x, [fc.shape(x)], "of", summarize=64)), x)
    assert f"of[{' '.join(map(str, shape))}]" in capfd.readouterr().err
    same(sess.run(fc.constant(x)), x)
    same(sess.run(fc.cond(fc.constant(True), lambda: fc.constant(x), lambda: fc.zeros(shape))), x)


# ---- one dimension too many ----------------------------------------


def nested(depth: int) -> Any:
    value: Any = 1.0
    for _ in range(depth):
        value = [value]
    return value


MADE: dict[str, Callable[[], Any]] = {
    "placeholder": lambda: fc.placeholder(fc.float32, [1] * 65),
    "reshape": lambda: fc.reshape([1.0], [1] * 65),
    "zeros": lambda: fc.zeros([1] * 65),
    "fill": lambda: fc.fill([1] * 65, 1.0),
    "expand_dims": lambda: fc.expand_dims(fc.zeros([1] * 64), 0),
    "stack": lambda: fc.stack([fc.zeros([1] * 64)]),
    "one_hot": lambda: fc.one_hot(fc.zeros([1] * 64, fc.int32), 2),
    "newaxis": lambda: fc.zeros([1] * 64)[None],
    "queue": lambda: fc.FIFOQueue(2, fc.float32, [[1] * 65]),
    "variable": lambda: fc.get_variable("v", [1] * 65),
    "gather": lambda: fc.gather(fc.zeros([1] * 64), [[0]]),
    "broadcast_to": lambda: fc.broadcast_to(1.0, [1] * 65),
    "random": lambda: fc.random_uniform([1] * 65),
}  # fmt: skip


@pytest.mark.parametrize("name", MADE)
def test_one_too_many_is_refused_where_it_is_made(name: str) -> None:
    with pytest.raises(ValueError, match=r"at most 64 dimensions, found 65"):
        MADE[name]()


def test_a_list_that_nests_too_deep_is_refused(sess: fc.Session) -> None:
    assert sess.run(fc.constant(nested(64))).shape == (1,) * 64
    with pytest.raises(ValueError, match="nest too deep"):
        fc.constant(nested(65))
    x = fc.placeholder(fc.float32)
    with pytest.raises((TypeError, ValueError), match="maximum number of dimension"):
        sess.run(x + 1, {x: nested(65)})


RUN: dict[str, Callable[[Any, Any], Any]] = {
    "reshape": lambda x, dims: fc.reshape(x, dims),
    "fill": lambda x, dims: fc.fill(dims, 1.0),
    "broadcast_to": lambda x, dims: fc.broadcast_to(1.0, dims),
    "random": lambda x, dims: fc.random_uniform(dims),
    "reserve": lambda x, dims: apply("TensorListReserve", dims, 1, element_dtype=fc.float32),
    "expand_dims": lambda x, dims: fc.expand_dims(x, 0),
    "stack": lambda x, dims: fc.stack([x, x]),
    "one_hot": lambda x, dims: fc.one_hot(fc.cast(x, fc.int32), 2),
    "newaxis": lambda x, dims: x[None],
    "gather": lambda x, dims: fc.gather(x, fc.reshape(dims[:1], [1, 1]) - 1),
}


@pytest.mark.parametrize("name", RUN)
def test_one_too_many_is_refused_where_it_runs(sess: fc.Session, name: str) -> None:
    x, dims = fc.placeholder(fc.float32), fc.placeholder(fc.int32, [None])
    out = RUN[name](x, dims)
    with pytest.raises(fc.errors.InvalidArgumentError, match=r"(at most|than) 64"):
        sess.run(out.op, {x: np.ones([1] * 64), dims: [1] * 65})


def test_a_long_shape_in_a_message_is_cut(sess: fc.Session) -> None:
    x, y = fc.placeholder(fc.float32), fc.placeholder(fc.float32)
    with pytest.raises(fc.errors.InvalidArgumentError, match=r"\[1000(, 1){25,50}, \.\.\.\] vs\. \[3, 1"):
        sess.run(x + y, {x: np.ones([1000] + [1] * 63), y: np.ones([3] + [1] * 63)})


# ---- random programs ----------------------------------------


def step(rng: np.random.Generator, x: Any, a: np.ndarray) -> tuple[Any, np.ndarray]:
    """One more op, of the tensor and of the array."""
    n = a.ndim
    axis = int(rng.integers(n))
    kind = int(rng.integers(9))
    if kind == 0:
        perm = [int(d) for d in rng.permutation(n)]
        return fc.transpose(x, perm), a.transpose(perm)
    if kind == 1 and n < 64:
        return fc.expand_dims(x, axis), np.expand_dims(a, axis)
    if kind == 2:
        at = tuple(slice(0, 1) if d == axis else slice(None) for d in range(n))
        return x + x[at], a + a[at]
    if kind == 3 and a.size < 4000:
        return fc.concat([x, -x], axis), np.concatenate([a, -a], axis)
    if kind == 4 and n > 9:
        return fc.reduce_max(x, axis), a.max(axis)
    if kind == 5:
        return fc.reverse(x, [axis]), np.flip(a, axis)
    if kind == 6:
        sizes = [int(s) for s in a.shape if s != 1 or rng.random() < 0.9]
        return fc.reshape(x, sizes), a.reshape(sizes)
    if kind == 7:
        keep = tuple(int(d) for d in rng.choice(n, min(n, 4), replace=False))
        return x - fc.reduce_sum(x, keep, keepdims=True), a - a.sum(keep, keepdims=True)
    return apply("SelectV2", x > 0, x, x * 2), np.where(a > 0, a, a * 2)


@pytest.mark.parametrize("seed", range(40))
def test_random_programs(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rank = int(rng.integers(9, 65))
    shape = [1] * rank
    for d in rng.choice(rank, 8, replace=False):
        shape[d] = int(rng.integers(1, 4))
    start = rng.integers(-5, 6, shape).astype("float64")
    for is_known in (True, False):
        ops = np.random.default_rng(seed + 1000)
        with fc.Graph().as_default(), fc.Session() as sess:
            x = fed = fc.placeholder(fc.float64, shape if is_known else None)
            a = start
            for _ in range(12):
                x, a = step(ops, x, a)
            same(sess.run(x, {fed: start}), a)


def test_strings_and_whole_numbers_of_more_dimensions_than_numpys_loops_have(sess: fc.Session) -> None:
    """NumPy walks over 32 dimensions at most."""
    shape = (1,) * 60 + (2, 3, 2, 2)
    text = values(shape, "object")
    same(sess.run(fc.constant(text)), text)
    same(sess.run(fc.constant(text.astype("S3"))), text)
    fed = fc.placeholder(fc.string)
    same(sess.run(fc.identity(fed), {fed: text}), text)
    same(
        sess.run(fc.py_func(lambda: [values(shape, "int64").tolist()], [], fc.int64)), values(shape, "int64")
    )
    with pytest.raises(TypeError, match="string"):
        fc.constant(values(shape), fc.string)
