"""TensorArray: values, shapes, errors, gradients, cost."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import flowcore as fc

TA = fc.TensorArray


def run(value: Any, feed: Any = None, threads: int = 2) -> Any:
    with fc.Session(config=fc.ConfigProto(inter_op_parallelism_threads=threads)) as sess:
        return sess.run(value, feed)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "bool", "complex64", "float16"])
def test_elements_are_written_and_read(dtype: str) -> None:
    values = np.arange(6).reshape(3, 2).astype(dtype)
    array = TA(dtype, 3).unstack(values)
    for value in run([array.stack(), array.concat().op.inputs and array.gather([0, 1, 2])]):
        np.testing.assert_array_equal(value, values)
    one = TA(dtype, 3).write(1, values[1]).write(0, values[0])
    np.testing.assert_array_equal(run(one.read(1)), values[1])
    np.testing.assert_array_equal(run(one.gather([1, 0])), values[[1, 0]])


def test_text_is_an_element_too() -> None:
    array = TA(fc.string, 2).write(0, "a").write(1, "bc")
    assert run(array.stack()).tolist() == [b"a", b"bc"]


def test_scatter_split_concat_and_gather() -> None:
    assert run(TA(fc.int32, 3).scatter([2, 0, 1], [1, 2, 3]).stack()).tolist() == [2, 3, 1]
    parts = TA(fc.int32, 3, infer_shape=False).split([1, 2, 3, 4], [1, 0, 3])
    assert run([parts.read(0), parts.read(1), parts.read(2)])[2].tolist() == [2, 3, 4]
    assert run(parts.concat()).tolist() == [1, 2, 3, 4]
    assert run(TA(fc.int32, 0).size()) == 0
    assert run(TA(fc.int32, 4).close()) is None


def test_an_array_grows_where_it_may() -> None:
    array = TA(fc.float32, 0, dynamic_size=True).write(0, 1.0).write(1, 2.0)
    assert run(array.stack()).tolist() == [1, 2]
    assert run(TA(fc.float32, 0, dynamic_size=True).write(4, 1.0).size()) == 5
    n = fc.placeholder(fc.int32, [])
    _, grown = fc.while_loop(
        lambda i, a: i < n, lambda i, a: (i + 1, a.write(i, i * i)), [0, TA(fc.int32, 0, dynamic_size=True)]
    )
    assert [run(grown.size(), {n: k}) for k in (0, 3, 100)] == [0, 3, 100]


def test_shapes_are_inferred_from_the_first_write() -> None:
    array = TA(fc.float32, 3).write(0, [1.0, 2.0])
    assert (array.element_shape, array.read(0).shape, array.stack().shape) == ([2], [2], [3, 2])
    with pytest.raises(ValueError, match=r"saw \(3,\) but expected \(2,\)"):
        array.write(1, [1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match="Inconsistent shapes"):
        TA(fc.float32, 3, element_shape=[4]).write(0, 1.0)
    loose = TA(fc.float32, 2, infer_shape=False).write(0, [1.0]).write(1, [2.0, 3.0])
    assert loose.read(0).shape.ndims is None
    assert run(loose.concat()).tolist() == [1, 2, 3]


def test_the_number_of_elements_is_known_behind_a_loop() -> None:
    def grow(array: Any) -> Any:
        return fc.while_loop(
            lambda i, _: i < 3, lambda i, a: (i + 1, a.write(i, fc.ones([2, 5]))), [0, array]
        )

    array = grow(TA(fc.float32, 3))[1]
    assert (array.stack().shape, array.concat().shape) == ([3, 2, 5], [6, 5])
    assert run(array.concat()).shape == (6, 5)
    outer = TA(fc.float32, 3, element_shape=[2, 5])
    inside = fc.while_loop(lambda i: i < 1, lambda i: i + int(outer.stack().shape[0]), [0])
    assert run(inside) == 3
    dynamic = grow(TA(fc.float32, 3, dynamic_size=True))[1]
    assert dynamic.stack().shape.as_list() == [None, 2, 5]
    unknown = grow(TA(fc.float32, fc.placeholder_with_default(3, [])))[1]
    assert unknown.concat().shape.as_list() == [None, 5]
    other = fc.while_loop(
        lambda i, _: i < 1, lambda i, a: (i + 1, TA(fc.float32, 9).write(0, 1.0)), [0, outer]
    )
    assert other[1].stack().shape.as_list()[0] is None  # it is not the array that the loop begins with


def test_errors_name_the_index() -> None:
    i = fc.placeholder(fc.int32, [])
    array = TA(fc.float32, 3, element_shape=[])
    twice = array.write(1, 1.0).write(i, 2.0).read(1)
    assert run(twice, {i: 0}) == 1.0
    with pytest.raises(fc.errors.InvalidArgumentError, match="index 1 because it has already been written"):
        run(twice, {i: 1})
    for index in (3, -1):
        with pytest.raises(fc.errors.InvalidArgumentError, match=f"write element {index} of a list of 3"):
            run(twice, {i: index})
    read = array.write(1, 1.0).read(i)
    with pytest.raises(
        fc.errors.InvalidArgumentError, match="index 2 of a TensorArray of size 3 because it has"
    ):
        run(read, {i: 2})
    with pytest.raises(fc.errors.InvalidArgumentError, match="read element 7 of a list of 3"):
        run(read, {i: 7})
    with pytest.raises(fc.errors.InvalidArgumentError, match="has not been written"):
        run(array.write(0, 1.0).gather([0, 1]))


def test_scatter_is_one_node_and_takes_an_index_for_each_row() -> None:
    before = len(fc.get_default_graph().get_operations())
    TA(fc.float32, 3).scatter([0, 1], [1.0, 2.0])
    made = [op.type for op in fc.get_default_graph().get_operations()[before:]]
    assert sorted(set(made) - {"Const"}) == ["TensorListReserve", "TensorListScatterIntoExistingList"]
    rows, places = fc.placeholder(fc.float32, None), fc.placeholder(fc.int32, None)
    array = TA(fc.float32, 3, element_shape=[]).write(1, 7.0).scatter(places, rows)
    assert run(array.stack(), {rows: [1.0, 2.0], places: [2, 0]}).tolist() == [2, 7, 1]
    assert run(array.read(1), {rows: np.zeros(0), places: []}) == 7
    for match, x, indices in (
        (r"shape of indices is \[2\], that of the tensor \[3\]", [1.0, 2.0, 3.0], [2, 0]),
        (r"shape of indices is \[3\], that of the tensor \[2\]", [1.0, 2.0], [2, 0, 1]),
        (r"shape of indices is \[\], that of the tensor \[2\]", [1.0, 2.0], 2),
        (r"shape of indices is \[1\], that of the tensor \[\]", 1.0, [2]),
        ("index 2 because it has already been written", [1.0, 2.0], [2, 2]),
        ("index 1 because it has already been written", [1.0, 2.0], [0, 1]),
        ("write element 3 of a list of 3", [1.0], [3]),
        ("write element -1 of a list of 3", [1.0], [-1]),
        (r"element 0 of shape \[1\] to a list of elements of shape \[\]", [[1.0]], [0]),
    ):
        with pytest.raises(fc.errors.InvalidArgumentError, match=match):
            run(array.size(), {rows: x, places: indices})
    grown = TA(fc.float32, 1, dynamic_size=True).scatter([3, 0, 1, 2], [1.0, 2.0, 3.0, 4.0])
    assert run(grown.stack()).tolist() == [2, 3, 4, 1]
    text = TA(fc.string, 2).scatter([1, 0], ["a", "b" * 40])
    assert run(text.stack()).tolist() == [b"b" * 40, b"a"]


@pytest.mark.parametrize("fed", [False, True])
def test_unstack_and_split_keep_what_was_written(fed: bool) -> None:
    def given(values: Any) -> Any:
        values = np.array(values, np.float32)
        return fc.placeholder_with_default(values, None) if fed else values

    assert run(TA(fc.float32, 3).unstack(given([1, 2])).write(2, 5.0).stack()).tolist() == [1, 2, 5]
    longer = TA(fc.float32, 3, dynamic_size=True, element_shape=[])
    assert run(longer.write(2, 9.0).unstack(given([1, 2])).stack()).tolist() == [1, 2, 9]
    assert [run(longer.unstack(given(range(n))).size()) for n in (2, 3, 4)] == [3, 3, 4]
    parts = TA(fc.float32, 1, dynamic_size=True, infer_shape=False)
    assert run(parts.split(given([1, 2, 3]), [1, 2]).size()) == 2
    loose = TA(fc.float32, 2, infer_shape=False)
    for match, array in (
        ("write element 3 of a list of 3", TA(fc.float32, 3).unstack(given([1, 2, 3, 4]))),
        ("index 1 because it has already", TA(fc.float32, 3).write(1, 9.0).unstack(given([1, 2, 3]))),
        ("index 0 because it has already", TA(fc.float32, 2).unstack(given([1, 2])).unstack(given([3, 4]))),
        ("index 1 because it has already", longer.write(1, 9.0).unstack(given([1, 2]))),
        ("index 0 because it has already", loose.write(0, [1.0]).split(given([1, 2, 3]), [1, 2])),
        ("index 1 because it has already", loose.split(given([1, 2]), [1, 1]).write(1, [1.0])),
        ("3 elements is given 2 parts", TA(fc.float32, 3, infer_shape=False).split(given([1, 2]), [1, 1])),
        ("3 elements is given 2 parts", TA(fc.float32, 3, dynamic_size=True).split(given([1, 2]), [1, 1])),
        ("1 elements is given 2 parts", TA(fc.float32, 1, infer_shape=False).split(given([1, 2]), [1, 1])),
        (r"element 1 of shape \[2\] to a list", TA(fc.float32, 2).split(given([1, 2, 3]), [1, 2])),
    ):
        with pytest.raises(fc.errors.InvalidArgumentError, match=match):
            run(array.size())
    assert TA(fc.float32, 2).split(np.zeros([4, 3]), [2, 2]).element_shape == [2, 3]
    assert TA(fc.float32, 2).split(np.zeros([4, 3]), [1, 3]).element_shape.ndims is None


def test_elements_have_one_shape_unless_infer_shape_is_off() -> None:
    a, b = fc.placeholder(fc.float32, None), fc.placeholder(fc.float32, None)
    for same in (True, False):
        array = TA(fc.float32, 2, infer_shape=same).write(0, a).write(1, b)
        assert run(array.read(1), {a: [1.0], b: [3.0]}) == [3]
        if same:
            with pytest.raises(fc.errors.InvalidArgumentError, match=r"shape \[2\] to a list of elements of"):
                run(array.read(1), {a: [1.0], b: [3.0, 4.0]})
        else:
            assert run(array.read(1), {a: [1.0], b: [3.0, 4.0]}).tolist() == [3, 4]


def test_a_size_and_an_index_are_scalars() -> None:
    n = fc.placeholder(fc.int32, None)
    array = TA(fc.float32, 3).unstack([1.0, 2.0, 3.0])
    for match, fetch in (
        ("num_elements must be a scalar", TA(fc.float32, n).size()),
        ("index must be a scalar", array.read(n)),
        ("index must be a scalar", TA(fc.float32, 3).write(n, 1.0).size()),
    ):
        assert run(fetch, {n: 1}) is not None
        with pytest.raises(fc.errors.InvalidArgumentError, match=match):
            run(fetch, {n: [1]})


def test_bad_arguments() -> None:
    for error, match, call in (
        (ValueError, "size` must be provided", lambda: TA(fc.float32)),
        (ValueError, "flow must not be None", lambda: TA(fc.float32, handle=fc.constant(1))),
        (TypeError, "flow must be the flow", lambda: TA(fc.float32, flow=fc.constant(1))),
        (TypeError, "is int32, the elements", lambda: TA(fc.float32, 1).write(0, fc.constant(1))),
        (ValueError, "rank 0 but is rank 1", lambda: TA(fc.float32, 1).read([0])),
        (ValueError, "size must be a scalar", lambda: TA(fc.float32, [3])),
        (ValueError, "found a scalar", lambda: TA(fc.float32, 1).unstack(1.0)),
        (ValueError, "found a scalar", lambda: TA(fc.float32, 1).scatter([0], 1.0)),
        (ValueError, "must have rank 1", lambda: TA(fc.float32, 1).scatter(0, [1.0])),
        (ValueError, "2 indices, 3 rows", lambda: TA(fc.float32, 3).scatter([2, 0], [1.0, 2.0, 3.0])),
        (ValueError, "3 indices, 2 rows", lambda: TA(fc.float32, 3).scatter([2, 0, 1], [1.0, 2.0])),
        (TypeError, "int64, not int32", lambda: TA(fc.float32, 3).scatter(fc.constant([1], fc.int64), [1.0])),
        (TypeError, "int64, not int32", lambda: TA(fc.float32, 3).gather(fc.constant([1], fc.int64))),
        (ValueError, "rank 1 or more", lambda: TA(fc.float32, 1).split(1.0, [1])),
        (ValueError, "must have rank 1", lambda: TA(fc.float32, 1).split([1.0], 1)),
        (NotImplementedError, "flowcore.gradients", lambda: TA(fc.float32, 1).grad("g")),
    ):
        with pytest.raises(error, match=match):
            call()
    assert run(TA(fc.float32, flow=TA(fc.float32, 2).unstack([1.0, 2.0]).flow).read(1)) == 2.0


@pytest.mark.parametrize("threads", [1, 2, 8])
def test_arrays_are_values_so_that_a_write_does_not_change_another(threads: int) -> None:
    first = TA(fc.int32, 2).write(0, 1)
    left, right = first.write(1, 2), first.write(1, 3)
    assert [v.tolist() for v in run([left.stack(), right.stack()], threads=threads)] == [[1, 2], [1, 3]]
    p = fc.placeholder(fc.bool, [])
    chosen = fc.cond(p, lambda: first.write(1, 7), lambda: first.write(1, 8))
    assert isinstance(chosen, TA)
    assert run(chosen.stack(), {p: False}).tolist() == [1, 8]


def same(of: Callable[..., Any], plain: Callable[..., Any], x: np.ndarray) -> None:
    """Value, first and second derivative of two functions of a matrix."""
    t = fc.placeholder(fc.float64, x.shape)
    fetches = []
    for function in (of, plain):
        y = function(t)
        g = fc.convert_to_tensor(fc.gradients(y, t)[0])
        fetches.append([y, g, fc.convert_to_tensor(fc.gradients(fc.reduce_sum(fc.sin(g)), t)[0])])
    found, expected = run(fetches, {t: x})
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)


X = np.random.default_rng(0).uniform(-1, 1, (5, 3))


def test_gradients_go_through_every_method() -> None:
    same(
        lambda x: fc.reduce_sum(TA(fc.float64, 5).unstack(x).stack() ** 3.0),
        lambda x: fc.reduce_sum(x**3.0),
        X,
    )
    same(
        lambda x: fc.reduce_sum(TA(fc.float64, 5).unstack(x).gather([4, 0, 4]) ** 3.0),
        lambda x: fc.reduce_sum(fc.gather(x, [4, 0, 4]) ** 3.0),
        X,
    )
    same(
        lambda x: fc.reduce_sum(TA(fc.float64, 2, infer_shape=False).split(x, [2, 3]).concat() ** 3.0),
        lambda x: fc.reduce_sum(x**3.0),
        X,
    )
    same(
        lambda x: fc.reduce_sum(TA(fc.float64, 5).scatter([4, 3, 2, 1, 0], x).stack() ** 3.0),
        lambda x: fc.reduce_sum(x**3.0),
        X,
    )
    same(
        lambda x: fc.reduce_sum(TA(fc.float64, 2).write(0, x[0]).write(1, x[1] * x[0]).read(1) ** 3.0),
        lambda x: fc.reduce_sum((x[1] * x[0]) ** 3.0),
        X,
    )


def test_gradients_go_through_arrays_in_loops() -> None:
    def loop(x: fc.Tensor) -> fc.Tensor:
        rows = TA(fc.float64, 5).unstack(x)

        def body(i: fc.Tensor, h: fc.Tensor, out: fc.TensorArray) -> tuple[Any, ...]:
            h = fc.tanh(h * rows.read(i) + rows.read(4 - i))
            return i + 1, h, out.write(i, h)

        out = fc.while_loop(lambda i, *_: i < 5, body, [0, x[0], TA(fc.float64, 5)])[2]
        return fc.reduce_sum(out.stack() ** 2.0)

    def plain(x: fc.Tensor) -> fc.Tensor:
        h, out = x[0], []
        for i in range(5):
            h = fc.tanh(h * x[i] + x[4 - i])
            out.append(h)
        return fc.reduce_sum(fc.stack(out) ** 2.0)

    same(loop, plain, X)


def seconds_of(turns: int, write: bool) -> float:
    """Processor time of a loop that writes, or reads, so many elements, with its gradient."""
    with fc.Graph().as_default():
        x = fc.constant(1.5)
        n = fc.placeholder(fc.int32, [])
        values = fc.fill([turns], 1.0) * x
        rows = TA(fc.float32, turns).unstack(values)

        def body(i: fc.Tensor, total: fc.Tensor, out: fc.TensorArray) -> tuple[Any, ...]:
            if write:
                return i + 1, total, out.write(i, total * x)
            return i + 1, total + rows.read(i), out

        _, total, out = fc.while_loop(
            lambda i, *_: i < n, body, [0, fc.constant(0.5), TA(fc.float32, turns, element_shape=[])]
        )
        y = fc.reduce_sum(out.stack()) if write else total
        g = fc.gradients(y, x)[0]
        with fc.Session() as sess:
            sess.run(g, {n: 10})
            begin = time.process_time()
            value = sess.run(g, {n: turns})
            np.testing.assert_allclose(value, turns * (0.5 if write else 1.0), rtol=1e-2)
            return time.process_time() - begin


@pytest.mark.parametrize("write", [True, False])
def test_a_hundred_thousand_elements_cost_ten_times_ten_thousand(write: bool) -> None:
    few = min(seconds_of(10_000, write) for _ in range(3))
    assert min(seconds_of(100_000, write) for _ in range(2)) < 60 * few


def seconds_of_growing(turns: int, dynamic: bool, reads: bool, threads: int) -> float:
    """A loop whose writes may make the array longer, or follow a read of it, with its gradient."""
    with fc.Graph().as_default():
        x = fc.constant(1.0)
        n = fc.placeholder(fc.int32, [])
        size = 1 if dynamic else turns + 1
        array = TA(fc.float32, size, dynamic_size=dynamic, element_shape=[]).write(0, x)

        def body(i: fc.Tensor, a: fc.TensorArray) -> tuple[Any, ...]:
            return i + 1, a.write(i, a.read(i - 1) * x if reads else x * 2.0)

        _, array = fc.while_loop(lambda i, _: i <= n, body, [1, array])
        g = fc.gradients(fc.reduce_sum(array.stack()), x)[0]
        with fc.Session(config=fc.ConfigProto(inter_op_parallelism_threads=threads)) as sess:
            sess.run(g, {n: 10})
            begin = time.process_time()
            assert np.isfinite(sess.run(g, {n: turns}))
            return time.process_time() - begin


@pytest.mark.parametrize("threads", [1, 2, 8])
@pytest.mark.parametrize(("dynamic", "reads"), [(True, False), (False, True), (True, True)])
def test_growing_and_reading_before_a_write_are_linear(dynamic: bool, reads: bool, threads: int) -> None:
    few = min(seconds_of_growing(2_000, dynamic, reads, threads) for _ in range(3))
    assert min(seconds_of_growing(16_000, dynamic, reads, threads) for _ in range(2)) < 45 * few
