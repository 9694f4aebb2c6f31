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
