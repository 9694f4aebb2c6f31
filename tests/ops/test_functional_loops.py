"""map_fn, scan, foldl, foldr: values, structures, shapes, gradients, errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import flowcore as fc


def run(value: Any, feed: Any = None, threads: int = 2) -> Any:
    with fc.Session(config=fc.ConfigProto(inter_op_parallelism_threads=threads)) as sess:
        return sess.run(value, feed)


ROWS = np.arange(12, dtype=np.float64).reshape(4, 3)


@pytest.mark.parametrize("threads", [1, 2, 8])
def test_map_fn_of_rows(threads: int) -> None:
    x = fc.placeholder(fc.float64, [None, 3])
    y = fc.map_fn(lambda row: fc.reduce_sum(row) * row, x)
    assert y.shape.as_list() == [None, 3]
    np.testing.assert_array_equal(run(y, {x: ROWS}, threads), ROWS.sum(1, keepdims=True) * ROWS)
    assert run(y, {x: ROWS[:0]}).shape == (0, 3)


def heavy(row: Any) -> Any:
    """What takes long enough for rows to run at once."""
    for _ in range(4):
        row = fc.exp(fc.sin(row)) / fc.reduce_sum(row)
    return row


HEAVY_ROWS = np.random.default_rng(0).random((60, 3000))


def rows_at_once(mapped: Any, feed: Any = None, threads: int = 2) -> int:
    """How many rows of a loop were begun, at most, and not yet written."""
    metadata = fc.RunMetadata()
    options = fc.RunOptions(trace_level=fc.RunOptions.FULL_TRACE)
    with fc.Session(config=fc.ConfigProto(inter_op_parallelism_threads=threads)) as sess:
        for _ in range(2):  # what rows cost is known after the first run
            sess.run(mapped, feed, options, metadata)
    nodes = sorted(fc.timeline.node_stats(metadata), key=lambda node: node.start_ns)
    begun = most = 0
    for node in nodes:
        begun += node.op == "TensorListGetItem"
        most = max(most, begun)
        begun -= node.op == "TensorListSetItem"
    return most


@pytest.mark.parametrize("threads", [1, 2, 8])
def test_rows_run_at_once_with_the_same_results(threads: int) -> None:
    x = fc.placeholder(fc.float64, [None, None])
    together = fc.map_fn(heavy, x)
    alone = fc.map_fn(heavy, x, parallel_iterations=1)
    expected = run(alone, {x: HEAVY_ROWS})
    for _ in range(3):
        np.testing.assert_array_equal(run(together, {x: HEAVY_ROWS}, threads), expected)
    (gradient,) = fc.gradients(together, x)
    (wanted,) = fc.gradients(alone, x)
    np.testing.assert_array_equal(run(gradient, {x: HEAVY_ROWS}, threads), run(wanted, {x: HEAVY_ROWS}))


def test_as_many_rows_run_at_once_as_are_asked_for() -> None:
    x = fc.constant(HEAVY_ROWS)
    assert rows_at_once(fc.map_fn(heavy, x, parallel_iterations=1)) == 1
    assert 1 < rows_at_once(fc.map_fn(heavy, x, parallel_iterations=3)) <= 3
    assert 3 < rows_at_once(fc.map_fn(heavy, x)) <= 10
    with fc.device("/cpu:0"):  # on another device rows are launched before others are over
        assert rows_at_once(fc.map_fn(heavy, fc.constant(HEAVY_ROWS)), threads=1) == 1


def test_rows_with_an_order_run_one_after_the_other() -> None:
    x = fc.constant(HEAVY_ROWS)
    variable = fc.Variable(np.zeros(3000), use_resource=True)
    written = fc.map_fn(lambda row: fc.identity(fc.assign(variable, heavy(row + variable))), x)
    drawn = fc.map_fn(lambda row: heavy(row + fc.random_uniform([], dtype=fc.float64, seed=3)), x)
    with fc.Session() as sess:
        sess.run(variable.initializer)
        first = sess.run(written)
        sess.run(variable.initializer)
        expected, state = [], np.zeros(3000)
        row = fc.placeholder(fc.float64, [3000])
        step = heavy(row + variable)
        for value in HEAVY_ROWS:
            state = sess.run(fc.assign(variable, step), {row: value})
            expected.append(state)
        np.testing.assert_array_equal(first, expected)
    values = []
    for threads in (1, 2, 8):
        with fc.Session(config=fc.ConfigProto(inter_op_parallelism_threads=threads)) as sess:
            values.append([sess.run(drawn) for _ in range(3)])
    np.testing.assert_array_equal(values[0], values[1])
    np.testing.assert_array_equal(values[0], values[2])
    assert rows_at_once(drawn) == 1


def test_a_row_that_fails_is_named() -> None:
    x = fc.placeholder(fc.float64, [None, 3000])
    places = fc.placeholder(fc.int32, [None])
    mapped = fc.map_fn(lambda e: heavy(e[0]) * fc.gather(e[0], e[1]), (x, places), dtype=fc.float64)
    where = np.zeros(60, np.int32)
    where[41] = 3000
    with fc.Session(config=fc.ConfigProto(inter_op_parallelism_threads=2)) as sess:
        for _ in range(3):
            with pytest.raises(fc.errors.InvalidArgumentError, match="in turn 41 of 'map/while'"):
                sess.run(mapped, {x: HEAVY_ROWS, places: where})


def test_map_fn_of_structures_and_other_dtypes() -> None:
    a, b = np.arange(3), np.arange(3.0) * 2
    y = fc.map_fn(
        lambda e: {"sum": fc.cast(e[0], fc.float64) + e[1], "text": fc.constant("t")},
        (a, b),
        dtype={"sum": fc.float64, "text": fc.string},
    )
    value = run(y)
    np.testing.assert_array_equal(value["sum"], a + b)
    assert value["text"].tolist() == [b"t"] * 3
    assert run(fc.map_fn(lambda x: x > 1, fc.constant([1, 2, 3]), dtype=fc.bool)).tolist() == [
        False,
        True,
        True,
    ]
    unknown = fc.placeholder(fc.int32)
    assert run(fc.map_fn(lambda x: x * 2, unknown), {unknown: [1, 2]}).tolist() == [2, 4]


def test_map_fn_with_results_of_differing_shapes() -> None:
    y = fc.map_fn(lambda n: fc.fill([n], 1.0), fc.constant([2, 2]), dtype=fc.float32)
    assert run(y).tolist() == [[1, 1], [1, 1]]
    z = fc.map_fn(lambda n: fc.fill([n], 1.0), fc.constant([1, 2]), dtype=fc.float32, infer_shape=False)
    with pytest.raises(fc.errors.InvalidArgumentError, match="shape"):
        run(z)


def test_scan_forwards_and_backwards_with_and_without_a_first_value() -> None:
    x = fc.constant([1, 2, 3])
    for options, expected in (
        ({}, [1, 4, 11]),
        ({"initializer": 10}, [21, 44, 91]),
        ({"reverse": True}, [17, 8, 3]),
        ({"initializer": 10, "reverse": True}, [97, 48, 23]),
    ):
        assert run(fc.scan(lambda a, x: a * 2 + x, x, **options)).tolist() == expected, options
    total, product = fc.scan(
        lambda a, x: (a[0] + x, a[1] * x),
        fc.constant([1.0, 2.0, 3.0]),
        initializer=(np.float32(0), np.float32(1)),
    )
    assert [v.tolist() for v in run([total, product])] == [[1, 3, 6], [1, 2, 6]]
    rows = fc.placeholder(fc.float32, [None, 3])
    assert fc.scan(lambda a, x: a + x, rows).shape.as_list() == [None, 3]


def test_folds() -> None:
    x = fc.constant([1, 2, 3])
    assert run(fc.foldl(lambda a, x: a * 10 + x, x)) == 123
    assert run(fc.foldr(lambda a, x: a * 10 + x, x)) == 321
    assert run(fc.foldl(lambda a, x: a * 10 + x, x, initializer=7)) == 7123
    assert run(fc.foldr(lambda a, x: a * 10 + x, x, initializer=7)) == 7321
    assert run(fc.foldl(lambda a, x: a + x, np.zeros(0), initializer=np.array(5.0))) == 5.0
    with pytest.raises(fc.errors.InvalidArgumentError, match="list of 0 elements"):
        run(fc.foldl(lambda a, x: a + x, np.zeros(0)))


def test_first_and_second_gradients() -> None:
    x, w = fc.placeholder(fc.float64, [4, 3]), fc.placeholder(fc.float64, [3])

    def loops() -> fc.Tensor:
        mapped = fc.map_fn(lambda row: fc.tanh(row * w), x)
        scanned = fc.scan(lambda a, row: fc.sin(a) * row + w, mapped)
        return fc.reduce_sum(scanned**2.0) + fc.reduce_sum(fc.foldr(lambda a, row: a * row + w, mapped))

    def plain() -> fc.Tensor:
        mapped = fc.tanh(x * w)
        rows = fc.unstack(mapped)
        scanned = [rows[0]]
        for row in rows[1:]:
            scanned.append(fc.sin(scanned[-1]) * row + w)
        last = rows[-1]
        for row in rows[-2::-1]:
            last = last * row + w
        return fc.reduce_sum(fc.stack(scanned) ** 2.0) + fc.reduce_sum(last)

    fetches = []
    for function in (loops, plain):
        y = function()
        first = fc.gradients(y, [x, w])
        second = fc.gradients(fc.reduce_sum(fc.sin(first[0])) + fc.reduce_sum(first[1] ** 2.0), [x, w])
        fetches.append([y, *first, *second])
    found, expected = run(fetches, {x: ROWS / 10, w: [0.3, -0.5, 0.7]})
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)
    assert fc.gradients(fc.map_fn(lambda row: row * w, x, back_prop=False), x) == [None]


def test_loops_in_loops() -> None:
    x = fc.constant(ROWS)
    y = fc.map_fn(
        lambda row: fc.foldl(lambda a, v: a + v * v, row, initializer=fc.constant(0.0, fc.float64)), x
    )
    np.testing.assert_array_equal(run(y), (ROWS**2).sum(1))


def test_names() -> None:
    x = fc.constant([1.0, 2.0])
    assert fc.map_fn(lambda v: v, x).name.startswith("map/")
    assert fc.scan(lambda a, v: a, x, name="mine").name.startswith("mine/")
    assert fc.foldl(lambda a, v: a, x).name.startswith("foldl/")


def test_bad_arguments() -> None:
    x = fc.constant([1.0, 2.0])
    one = lambda *_: x[0]  # noqa: E731
    for error, match, call in (
        (TypeError, "fn must be", lambda: fc.map_fn(3, x)),
        (TypeError, "fn must be", lambda: fc.scan(3, x)),
        (TypeError, "fn must be", lambda: fc.foldl(3, x)),
        (ValueError, "not scalars", lambda: fc.map_fn(one, 1.0)),
        (ValueError, "not scalars", lambda: fc.scan(one, [1.0, 2.0])),
        (ValueError, "found none", lambda: fc.map_fn(one, [])),
        (ValueError, "incompatible", lambda: fc.map_fn(one, (x, np.ones((3, 1))))),
        (ValueError, "nested structure", lambda: fc.map_fn(lambda v: v[0], (x, x))),
        (ValueError, "nested structure", lambda: fc.scan(lambda a, v: (a, a), x)),
        (TypeError, "is int32, the elements", lambda: fc.map_fn(lambda v: fc.cast(v, fc.int32), x)),
        (TypeError, "positive integer", lambda: fc.map_fn(one, x, parallel_iterations=0)),
    ):
        with pytest.raises(error, match=match):
            call()
    many = fc.placeholder(fc.float32, [None])
    other = fc.placeholder(fc.float32, [None])
    with pytest.raises(fc.errors.InvalidArgumentError, match="of size 2 because it has not been written"):
        run(fc.map_fn(lambda v: v[0] + v[1], (many, other), dtype=fc.float32), {many: [1, 2], other: [1]})
