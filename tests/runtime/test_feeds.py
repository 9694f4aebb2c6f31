"""What a fed value becomes: the short ways give what NumPy's conversion gives, or refuse as it does."""

from typing import Any

import numpy as np
import pytest

import flowcore as fc
from flowcore.runtime import feeds

NUMBERS = ["float16", "float32", "float64", "int8", "uint8", "int32", "int64", "uint64", "bool", "complex64"]
SCALARS: list[Any] = [
    1.5,
    -0.0,
    float("nan"),
    1e30,
    0,
    -1,
    300,
    2**53 + 1,
    2**60 + 2**36 + 1,
    2**63,
    True,
    1 + 2j,
    np.float64(2.25),
    np.int64(7),
    np.float32(1.25),
]


def expected(value: Any, dtype: str) -> np.ndarray | None:
    """The value in this dtype; None where it would lose its fraction, its sign or its imaginary part."""
    with np.errstate(all="ignore"):
        found = np.asarray(value)
        result = found.astype(dtype)
        if result.dtype.kind == "f":
            return None if np.any(found.imag) else result
        return result if result.dtype.kind == "c" or np.array_equal(found, result) else None


@pytest.mark.parametrize("dtype", NUMBERS)
@pytest.mark.parametrize("value", SCALARS, ids=repr)
@pytest.mark.parametrize("shape", [[], None], ids=["scalar", "unknown"])
@pytest.mark.filterwarnings("ignore:overflow", "ignore:.*imaginary part", "ignore:invalid value")
def test_a_scalar_becomes_what_numpy_makes_of_it_or_is_refused(
    value: Any, dtype: str, shape: list[int] | None
) -> None:
    convert = feeds.converter(fc.placeholder(dtype, shape))
    wanted = expected(value, dtype)
    if wanted is None:
        with pytest.raises(TypeError, match="Cannot feed"):
            convert(value)
        return
    found = convert(value)
    assert found.dtype == wanted.dtype
    assert found.shape == ()
    assert found.tobytes() == wanted.tobytes()


@pytest.mark.parametrize("value", [[1, 2.5], (1.0, 2), [True, False], ["1", "2"], [1j, 2], [[1], [2]], [1]])
@pytest.mark.parametrize("dtype", NUMBERS)
@pytest.mark.parametrize("shape", [[2], [None], None], ids=str)
@pytest.mark.filterwarnings("ignore:.*imaginary part")
def test_a_short_list_becomes_what_a_long_way_makes_of_it(value: Any, dtype: str, shape: Any) -> None:
    convert = feeds.converter(fc.placeholder(dtype, shape))
    fits = shape is None or (np.ndim(value) == 1 and (shape == [None] or len(value) == 2))
    text = isinstance(value[0], str)
    wanted = None if text else expected(value, dtype)
    if wanted is None or not fits:
        with pytest.raises((TypeError, ValueError), match=r"Cannot feed|does not fit"):
            convert(value)
    else:
        found = convert(value)
        np.testing.assert_array_equal(found, wanted)
        assert found.dtype == wanted.dtype


def test_fed_text_keeps_every_byte() -> None:
    with fc.Graph().as_default(), fc.Session() as sess:
        text = fc.placeholder(fc.string, name="text")
        value = ["a\0", b"\xff\0\0", "\udcfe"]
        assert sess.run(fc.identity(text), {text: value}).tolist() == [b"a\0", b"\xff\0\0", b"\xfe"]
        for wrong in ("\ud800", ["a", "\ud800"], np.array("\ud800", object)):
            with pytest.raises(ValueError, match="the value fed for Tensor 'text:0' holds a lone surrogate"):
                sess.run(text, {text: wrong})
        for wrong in (3, ["a", 3], [["a"], ["b", "c"]], None):
            with pytest.raises(TypeError, match=r"Cannot feed .* for Tensor 'text:0' of dtype string"):
                sess.run(text, {text: wrong})


def test_what_may_not_be_fed_is_refused_by_tensor_and_by_name() -> None:
    x = fc.constant(1.0, name="x")
    y = x + 1.0
    with fc.Session() as sess:
        assert sess.run(y, {x: 5.0}) == 6.0
        fc.get_default_graph().prevent_feeding(x)
        for key in (x, "x:0"):
            with pytest.raises(ValueError, match="x:0 may not be fed"):
                sess.run(y, {key: 5.0})
            with pytest.raises(ValueError, match="x:0 may not be fed"):
                sess.make_callable(y, [key])
        assert sess.run(y) == 2.0


def test_keys_that_were_fed_are_looked_at_again_where_they_may_not_serve() -> None:
    x = fc.placeholder(fc.float32, name="x")
    y = x + 1.0
    with fc.Graph().as_default():
        other = fc.placeholder(fc.float32, name="other")
    sess = fc.Session()
    for _ in range(2):
        assert sess.run(y, {x: 1.0}) == sess.run(y, {"x:0": 1.0}) == 2.0
        with pytest.raises(TypeError, match=r"'other:0' .* as a Tensor of this graph"):
            sess.run(y, {other: 1.0})
        with pytest.raises(fc.errors.InvalidArgumentError, match="must feed a value"):
            sess.run(y)
    sess.close()
    for key in (x, "x:0"):
        with pytest.raises(RuntimeError, match="closed Session"):
            sess.run(y, {key: 1.0})


@pytest.mark.parametrize("use_resource", [False, True])
def test_a_fed_variable_is_fed_in_all_its_reads(use_resource: bool) -> None:
    v = fc.Variable(1.0, name="v", use_resource=use_resource)
    twice, total = v * 2.0, v.value() + fc.identity(v)
    after = v.assign_add(10.0)
    with fc.Session() as sess:
        assert sess.run([twice, total, v], {v: 5.0}) == [10.0, 10.0, 5.0]  # without a value of its own
        sess.run(v.initializer)
        assert sess.run(twice, {"v:0": 4.0}) == 8.0
        assert sess.run([twice, after], {v: 3.0}) == [6.0, 11.0]  # what a write gives is not fed
        assert sess.run(v) == 11.0
        if use_resource:
            with pytest.raises(TypeError, match=r"feed it with Session\.run"):
                sess.make_callable(twice, [v])
        else:
            assert sess.make_callable(twice, [v])(2.0) == 4.0


def test_a_variable_whose_rows_are_read_cannot_be_fed() -> None:
    v = fc.Variable([[1.0], [2.0]], name="v", use_resource=True)
    rows = fc.gather(v, [0])
    with fc.Session() as sess:
        with pytest.raises(ValueError, match=r"'v' cannot be fed: node '.*' reads rows"):
            sess.run(rows, {v: [[3.0], [4.0]]})
        assert sess.run(rows, {rows: [[7.0]]}).tolist() == [[7.0]]


@pytest.mark.parametrize("with_shape", [False, True])
def test_slices_are_fed_as_their_parts(with_shape: bool) -> None:
    shape = fc.placeholder(fc.int64, [1]) if with_shape else None
    slices = fc.IndexedSlices(fc.placeholder(fc.float32), fc.placeholder(fc.int32), shape)
    parts = (np.ones(1), [3], [9]) if with_shape else (np.ones(1), [3])
    with fc.Session() as sess:
        fetched = sess.run(slices, {slices: parts})
        assert (fetched.values.tolist(), fetched.indices.tolist()) == ([1.0], [3])
        again = sess.run(slices, {slices: fetched})  # what was fetched can be fed
        assert (again.dense_shape is not None) is with_shape
        with pytest.raises(ValueError, match=r"is fed . parts, found"):
            sess.run(slices, {slices: parts[:2] if with_shape else (*parts, [9])})
        with pytest.raises(TypeError, match="takes a tuple of 2 or 3 values"):
            sess.run(slices, {slices: np.ones(3)})


def test_tuples_of_keys_take_tuples_of_values_at_any_depth() -> None:
    a, b, c = (fc.placeholder(fc.int32, [], name=n) for n in "abc")
    v = fc.Variable(0, name="v")
    total = a + 10 * b + 100 * c + 1000 * v
    with fc.Session() as sess:
        assert sess.run(total, {(a, (b, "c:0")): (1, [2, 3]), v: 4}) == 4321
        with pytest.raises(TypeError, match="takes a tuple of 2 values, found 3"):
            sess.run(a, {(a, b): 3})
        with pytest.raises(ValueError, match="names the same tensor twice"):
            sess.run(a, {(a, a): (1, 1)})


def test_nodes_of_the_graph_are_no_values() -> None:
    x, v = fc.placeholder(fc.float32, [], name="x"), fc.Variable(1.0, name="v")
    slices = fc.IndexedSlices(fc.constant([1.0]), fc.constant([0]))
    with fc.Session() as sess:
        for value in (v, fc.constant(1.0), v.initializer, slices):
            with pytest.raises(TypeError, match=r"'x:0' is a node of the graph .*run the node first"):
                sess.run(x, {x: value})


@pytest.mark.filterwarnings("error")
def test_what_does_not_fit_brings_no_warning_of_numpy() -> None:
    x, i = fc.placeholder(fc.float32, name="x"), fc.placeholder(fc.int32, name="i")
    with fc.Session() as sess:
        for value in (1e300, np.float64(1e300), [1e300, float("nan")], (1e300,), np.full(3, 1e300)):
            assert np.ravel(sess.run(x, {x: value}))[0] == np.inf
        for value in (2 + 0j, np.complex64(2), np.full(3, 2 + 0j)):
            assert np.ravel(sess.run(x, {x: value}))[0] == 2
            assert np.ravel(sess.run(i, {i: value}))[0] == 2
        for value in (1 + 2j, np.complex64(1j), np.full(3, 1j), [1j]):
            with pytest.raises(TypeError, match=r"for Tensor 'x:0' of dtype float32: it has imaginary parts"):
                sess.run(x, {x: value})
        for value in (1e300, float("nan"), np.full(3, 1e300), 2**40, [2**70]):
            with pytest.raises(TypeError, match="for Tensor 'i:0' of dtype int32"):
                sess.run(i, {i: value})
        for dtype in (fc.float16, fc.complex64):
            scalar, row = fc.placeholder(dtype, []), fc.placeholder(dtype, [2])
            for value in (10**60, 1e60, np.float64(1e60)):
                assert np.isinf(sess.run(scalar, {scalar: value}))
                assert np.isinf(sess.run(row, {row: [value, value]})).all()
            nan = sess.run(row, {row: [float("nan"), 1e60]})
            assert np.isnan(nan[0])
            assert np.isinf(nan[1])
        assert sess.run(fc.constant(1e300)) == np.inf
        assert sess.run(fc.constant(np.full(2, 1e300), fc.float32)).tolist() == [np.inf] * 2
        assert sess.run(fc.fill([1], 1e300)).tolist() == [np.inf]
