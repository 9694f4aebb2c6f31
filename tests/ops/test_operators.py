"""Operators on tensors: what they mean for which dtype, which side is converted, what is refused."""

from __future__ import annotations

import operator as op

import numpy as np
import pytest

import flowcore as fc


def run(fetches):
    with fc.Session() as sess:
        return sess.run(fetches)


A, B = np.array([7.5, -8.0, 9.25], np.float32), np.array([2.0, 3.0, -4.0], np.float32)
BINARY = [op.add, op.sub, op.mul, op.truediv, op.floordiv, op.mod, op.pow, op.lt, op.le, op.gt, op.ge]


@pytest.mark.parametrize("f", BINARY, ids=lambda f: f.__name__)
def test_arithmetic_and_comparison_with_tensors_numbers_lists_and_arrays_on_either_side(f) -> None:
    a, b = np.abs(A) if f is op.pow else A, B
    x, y = fc.constant(a), fc.constant(b)
    results = run(
        [
            f(x, y),
            f(x, 2),
            f(x, 2.5),
            f(x, [1.0, 2.0, 4.0]),
            f(x, b),
            f(2.5, y),
            f([1.0, 2.0, 4.0], y),
            f(a, y),
            f(np.float32(2), y),
        ]
    )
    two, list_ = np.float32(2.5), np.array([1, 2, 4], np.float32)
    expected = [
        f(a, b),
        f(a, np.float32(2)),
        f(a, two),
        f(a, list_),
        f(a, b),
        f(two, b),
        f(list_, b),
        f(a, b),
        f(np.float32(2), b),
    ]
    for value, wanted in zip(results, expected, strict=True):
        assert value.dtype == wanted.dtype
        np.testing.assert_allclose(value, wanted, rtol=1e-6)


def test_whole_numbers_divide_as_in_python() -> None:
    a, b = np.array([7, -7, 8], np.int32), np.array([2, 2, -3], np.int32)
    x, y = fc.constant(a), fc.constant(b)
    true, floor, mod, wide = run([x / y, x // y, x % y, fc.cast(x, fc.int8) / fc.cast(y, fc.int8)])
    np.testing.assert_array_equal(true, a / b)
    assert true.dtype == np.float64
    assert wide.dtype == np.float32
    np.testing.assert_array_equal(floor, a // b)
    np.testing.assert_array_equal(mod, a % b)
    with fc.Session() as sess, pytest.raises(fc.errors.InvalidArgumentError, match="division by zero"):
        sess.run(x // fc.constant([1, 0, 1]))


def test_logic_is_bitwise_on_integers() -> None:
    p, q = fc.constant([True, True, False]), fc.constant([True, False, False])
    np.testing.assert_array_equal(
        run([p & q, p | q, p ^ q, ~p]), [[1, 0, 0], [1, 1, 0], [0, 1, 0], [0, 0, 1]]
    )
    m = fc.constant([6, -1])
    np.testing.assert_array_equal(
        run([m & 3, m | 1, m ^ 2, ~m, 3 & m]), [[2, 3], [7, -1], [4, -3], [-7, 0], [2, 3]]
    )
    with pytest.raises(TypeError, match="float32"):
        fc.constant(1.0) & fc.constant(2.0)


def test_signs_magnitude_and_matrix_products() -> None:
    x = fc.constant(A)
    m = fc.constant(np.arange(6.0).reshape(2, 3))
    np.testing.assert_array_equal(run([-x, abs(x)]), [-A, np.abs(A)])
    np.testing.assert_array_equal(run(m @ fc.transpose(m)), [[5, 14], [14, 50]])
    np.testing.assert_array_equal(run(np.ones((1, 2)) @ m), [[3, 5, 7]])
    np.testing.assert_array_equal(run(abs(fc.constant([3 + 4j, 0]))), [5, 0])


def test_no_silent_change_of_type() -> None:
    i, f = fc.constant([1, 2]), fc.constant([1.0, 2.0])
    for mixed in (
        lambda: i + f,
        lambda: i * 2.5,
        lambda: f + fc.constant(1.0, fc.float64),
        lambda: f * np.array([1.0, 2.0]) + i,
        lambda: i < 1.5,
    ):
        with pytest.raises((TypeError, ValueError)):
            mixed()
    with pytest.raises(TypeError, match=r"flowcore\.cast"):
        fc.add(i, f)


def test_shapes_that_do_not_broadcast_are_refused_with_both_shapes() -> None:
    with pytest.raises(ValueError, match=r"\(2, 3\).*\(4,\)"):
        fc.ones([2, 3]) * fc.ones([4])


LONG = "longer than fits in an element"


@pytest.mark.parametrize("threads", [1, 2])
def test_strings_are_added_and_compared(threads: int) -> None:
    words = np.array([["a", "", LONG]], object)
    x, y = fc.constant(words), fc.constant(np.array([["b"], [LONG], [""], ["a"]], object))
    fetches = {
        "x + y": x + y,
        "x + str": x + "é",
        "bytes + x": b"\0z" + x,
        "array + x": words + x,
        "add": fc.add(x, LONG),
        "equal": fc.equal(x, y),
        "not_equal": fc.not_equal(x, LONG),
        "none": fc.add(x[:, :0], y),
        "scalars": fc.constant("v") + x[0, 2],
    }
    assert (fetches["x + y"].op.type, fetches["x + y"].shape) == ("Add", [4, 3])
    with fc.Session(config=fc.ConfigProto(intra_op_parallelism_threads=threads)) as sess:
        found = sess.run(fetches)
    a, b = words.tolist()[0], ["b", LONG, "", "a"]
    expected = {
        "x + y": [[(s + t).encode() for s in a] for t in b],
        "x + str": [[(s + "é").encode() for s in a]],
        "bytes + x": [[b"\0z" + s.encode() for s in a]],
        "array + x": [[(s + s).encode() for s in a]],
        "add": [[(s + LONG).encode() for s in a]],
        "equal": [[s == t for s in a] for t in b],
        "not_equal": [[s != LONG for s in a]],
        "none": [[]] * 4,
        "scalars": ("v" + LONG).encode(),
    }
    for name, value in expected.items():
        assert np.asarray(found[name]).tolist() == value, name


def test_a_variable_of_strings_is_added_to() -> None:
    v = fc.Variable("abc")
    with fc.Session() as sess:
        sess.run(v.initializer)
        assert sess.run([v + "x", "x" + v]) == [b"abcx", b"xabc"]
        sess.run(v.assign(v + v))
        assert sess.run(v) == b"abcabc"


def test_the_order_of_added_strings_counts() -> None:
    x, y = fc.constant("a"), fc.placeholder_with_default("b", [])
    assert run([x + y, y + x]) == [b"ab", b"ba"]  # equal ops run once, but these are not


def test_strings_and_numbers_are_not_added() -> None:
    s, n = fc.constant("a"), fc.constant(1)
    fed = fc.placeholder(fc.string, None)
    for f in (lambda: s + 1, lambda: 1 + s, lambda: n + "a", lambda: s + n, lambda: fc.add(n, s)):
        with pytest.raises(TypeError, match=r"string|int32"):
            f()
    with pytest.raises(TypeError, match="Sub does not take dtype string"):
        s - s
    with fc.Session() as sess, pytest.raises(fc.errors.InvalidArgumentError, match="do not broadcast"):
        sess.run(fed + ["a", "b"], {fed: ["a", "b", "c"]})
