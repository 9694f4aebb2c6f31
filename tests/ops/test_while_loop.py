"""while_loop: values, structures, shapes, state, what runs, errors."""

from __future__ import annotations

import collections
import threading
import time
from typing import Any, NamedTuple

import numpy as np
import pytest

import flowcore as fc

State = collections.namedtuple("State", "i x")


def run(value: object, feed: object = None, threads: int = 2) -> object:
    with fc.Session(config=fc.ConfigProto(inter_op_parallelism_threads=threads)) as sess:
        sess.run(fc.global_variables_initializer())
        return sess.run(value, feed)


@pytest.mark.parametrize("threads", [1, 2, 8])
@pytest.mark.parametrize("turns", [0, 1, 7, 300])
def test_values_after_some_turns(threads: int, turns: int) -> None:
    n = fc.placeholder(fc.int32, [])
    a = fc.constant(np.linspace(0.1, 0.9, 9).reshape(3, 3).astype(np.float32))
    x = fc.placeholder(fc.float32, [3, 3])
    i, y = fc.while_loop(lambda i, y: i < n, lambda i, y: (i + 1, fc.tanh(y @ a) + x), [0, x])
    start = np.eye(3, dtype=np.float32)
    expected = start
    for _ in range(turns):
        expected = np.tanh(expected @ np.linspace(0.1, 0.9, 9).reshape(3, 3).astype(np.float32)) + start
    found = run([i, y], {n: turns, x: start}, threads)
    assert found[0] == turns
    np.testing.assert_allclose(found[1], expected, rtol=1e-5)


def test_a_loop_over_a_structure() -> None:
    first = {"state": State(fc.constant(0), fc.constant(1.0)), "other": [fc.constant("a")]}
    last = fc.while_loop(
        lambda s: s["state"].i < 3,
        lambda s: {"other": s["other"], "state": State(s["state"].i + 1, s["state"].x * 2.0)},
        [first],
        return_same_structure=True,
    )
    assert run(last) == [{"state": State(3, 8.0), "other": [b"a"]}]
    pair = fc.while_loop(lambda i, j: i < 3, lambda i, j: (i + 1, j * 2), [0, 1])
    assert isinstance(pair, tuple)  # as the body returns it
    one = fc.while_loop(lambda i: i < 5, lambda i: i + 2, [0])
    assert isinstance(one, fc.Tensor)
    assert run(one) == 6
    assert run(fc.while_loop(lambda i: i < 5, lambda i: [i + 2], (0,), return_same_structure=True)) == [6]


def test_loops_nest_and_capture() -> None:
    x = fc.placeholder(fc.float32, [])
    v = fc.Variable(2.0)

    def outer(i: fc.Tensor, total: fc.Tensor) -> tuple[fc.Tensor, fc.Tensor]:
        _, inner = fc.while_loop(lambda j, s: j < i, lambda j, s: (j + 1, s + x * v), [0, 0.0])
        return i + 1, total + inner

    _, total = fc.while_loop(lambda i, t: i < 5, outer, [0, 0.0])
    assert run(total, {x: 3.0}) == 60.0


def test_variables_are_read_and_assigned_in_turn() -> None:
    v = fc.Variable(1.0, use_resource=True)

    def body(i: fc.Tensor) -> fc.Tensor:
        with fc.control_dependencies([v.assign(v.read_value() * 2.0)]):
            return i + 1

    i = fc.while_loop(lambda i: i < 5, body, [0])
    with fc.control_dependencies([i]):
        after = v.read_value()
    assert run(after) == 32.0


def test_py_func_queues_and_print_inside(capfd: pytest.CaptureFixture[str]) -> None:
    queue = fc.FIFOQueue(10, fc.int32, shapes=[[]])
    seen: list[int] = []

    def note(i: np.ndarray) -> np.int32:
        seen.append(int(i))
        return np.int32(i)

    def body(i: fc.Tensor, total: fc.Tensor) -> tuple[fc.Tensor, fc.Tensor]:
        noted = fc.py_func(note, [i], fc.int32)
        noted.set_shape([])
        return i + 1, fc.Print(total + queue.dequeue() * noted, [i], "turn ")

    fill = queue.enqueue_many([[5, 6, 7]])
    _, total = fc.while_loop(lambda i, t: i < 3, body, [0, 0])
    with fc.Session() as sess:
        sess.run(fill)
        assert sess.run(total) == 6 + 14
    assert seen == [0, 1, 2]
    assert capfd.readouterr().err.count("turn ") == 3


def test_what_a_variable_does_not_need_does_not_run() -> None:
    seen: list[int] = []

    def body(i: fc.Tensor) -> fc.Tensor:
        fc.py_func(lambda: seen.append(1), [], [])  # nothing needs it
        return i + 1

    assert run(fc.while_loop(lambda i: i < 3, body, [0])) == 3
    assert seen == []


def test_maximum_iterations() -> None:
    limit = fc.placeholder(fc.int32, [])
    i = fc.while_loop(lambda i: i < 100, lambda i: i + 1, [0], maximum_iterations=limit)
    assert [run(i, {limit: n}) for n in (0, 7, 200)] == [0, 7, 100]
    assert run(fc.while_loop(lambda i: True, lambda i: i + 1, [0], maximum_iterations=9)) == 9


def test_shapes_and_invariants() -> None:
    x = fc.placeholder(fc.float32, [2])
    _, y = fc.while_loop(
        lambda i, y: i < 3,
        lambda i, y: (i + 1, fc.concat([y, x], 0)),
        [0, x],
        shape_invariants=[fc.TensorShape([]), fc.TensorShape([None])],
    )
    assert y.shape.as_list() == [None]
    np.testing.assert_array_equal(run(y, {x: [1, 2]}), [1, 2] * 4)
    with pytest.raises(
        ValueError, match=r"enters the loop with shape \(2,\), but has shape \(4,\).*invariants"
    ):
        fc.while_loop(lambda i, y: i < 3, lambda i, y: (i + 1, fc.concat([y, x], 0)), [0, x])
    with pytest.raises(ValueError, match="not compatible with the initial shape"):
        fc.while_loop(
            lambda i, y: i < 3, lambda i, y: (i + 1, y), [0, x], shape_invariants=[[], fc.TensorShape([3])]
        )
    with pytest.raises(ValueError, match="structure of loop_vars"):
        fc.while_loop(lambda i, y: i < 3, lambda i, y: (i + 1, y), [0, x], shape_invariants=[[]])


def test_indexed_slices_as_a_variable() -> None:
    slices = fc.IndexedSlices(fc.ones([2, 3]), fc.constant([0, 1]), fc.constant([4, 3]))
    _, last = fc.while_loop(
        lambda i, s: i < 3,
        lambda i, s: (i + 1, fc.IndexedSlices(s.values * 2.0, s.indices + 1, s.dense_shape)),
        [0, slices],
    )
    assert isinstance(last, fc.IndexedSlices)
    np.testing.assert_array_equal(run(last.indices), [3, 4])


def test_errors_say_the_turn_and_the_path() -> None:
    def body(i: fc.Tensor) -> fc.Tensor:
        with fc.control_dependencies([fc.Assert(i < 4, ["four"], name="check")]):
            return i + 1

    loop = fc.while_loop(lambda i: i < 10, body, [0], name="count")
    with pytest.raises(fc.errors.InvalidArgumentError, match="'count/body/check'") as failure:
        run(loop)
    assert "turn 4 of 'count'" in str(failure.value)
    assert failure.value.op.name == "count/body/check"


def test_bad_arguments() -> None:
    x = fc.constant(1.0)
    below = lambda i: i < 3.0  # noqa: E731
    for error, match, call in (
        (TypeError, "cond must be", lambda: fc.while_loop(3, lambda i: i, [x])),
        (TypeError, "body must be", lambda: fc.while_loop(below, 3, [x])),
        (ValueError, "No loop variables", lambda: fc.while_loop(below, lambda i: i, [])),
        (
            TypeError,
            "cond must return a boolean scalar",
            lambda: fc.while_loop(lambda i: i, lambda i: i, [x]),
        ),
        (
            ValueError,
            "what cond returns must be a scalar, found shape",
            lambda: fc.while_loop(lambda i: fc.stack([i < 3.0]), lambda i: i, [x]),
        ),
        (ValueError, "nested structure", lambda: fc.while_loop(below, lambda i: (i, i), [x])),
        (
            TypeError,
            "'Const:0' is float32, but body returns int32",
            lambda: fc.while_loop(below, lambda i: 3, [x]),
        ),
        (ValueError, "next values", lambda: fc.while_loop(below, lambda i: None, [x])),
        (
            TypeError,
            "parallel_iterations",
            lambda: fc.while_loop(below, lambda i: i, [x], parallel_iterations=0),
        ),
        (
            ValueError,
            "maximum_iterations must be a scalar",
            lambda: fc.while_loop(below, lambda i: i, [x], maximum_iterations=[1, 2]),
        ),
    ):
        with pytest.raises(error, match=match):
            call()


def test_an_endless_loop_ends_by_its_time_limit_and_by_closing() -> None:
    loop = fc.while_loop(lambda i: i >= 0, lambda i: i * 1, [fc.constant(1)])
    with fc.Session() as sess, pytest.raises(fc.errors.DeadlineExceededError):
        sess.run(loop, options=fc.RunOptions(timeout_in_ms=50))
    sess = fc.Session()
    threading.Timer(0.1, sess.close).start()
    begin = time.monotonic()
    with pytest.raises((fc.errors.CancelledError, RuntimeError)):
        sess.run(loop)
    assert time.monotonic() - begin < 10


def test_traces_show_what_ran_inside() -> None:
    metadata = fc.RunMetadata()
    options = fc.RunOptions(trace_level=fc.RunOptions.FULL_TRACE)
    n = fc.placeholder(fc.int32, [])
    loop = fc.while_loop(lambda i: i < n, lambda i: i + 1, [0], name="count")
    with fc.Session() as sess:
        sess.run(loop, {n: 3}, options, metadata)
    names = [stats.name for stats in fc.timeline.node_stats(metadata)]
    assert names.count("count/body/add") == 3
    assert names.count("count/cond/Less") == 4
    assert "count" in names


class Pair(NamedTuple):
    a: Any
    b: Any


def test_structures_that_differ_are_told_by_kind() -> None:
    """Another number of values, or other keys, are a ValueError, another type of list a TypeError."""
    i, x = fc.constant(0), fc.constant([1.0, 2.0])
    slices = fc.IndexedSlices(fc.constant([[1.0]]), fc.constant([0]), fc.constant([2, 1]))
    below = lambda i, _: i < 3  # noqa: E731
    for error, first, following in (
        (TypeError, [x], lambda v: (v[0],)),
        (TypeError, Pair(x, x), lambda v: (v.a, v.b)),
        (TypeError, {"a": x}, lambda v: [v["a"]]),
        (ValueError, {"a": x}, lambda v: {"b": v["a"]}),
        (ValueError, {"a": x}, lambda v: {"a": v["a"], "b": v["a"]}),
        (ValueError, [x], lambda v: [v[0], v[0]]),
        (ValueError, [x], lambda v: v[0]),
        (ValueError, slices, fc.convert_to_tensor),
        (ValueError, x, lambda v: fc.IndexedSlices(v, [0, 1], [2])),
        (TypeError, fc.TensorArray(fc.float32, 2), lambda v: x),
    ):
        with pytest.raises(error, match=r"nested structure|but body returns|IndexedSlices"):
            fc.while_loop(below, lambda i, v, f=following: (i + 1, f(v)), [i, first])
    with pytest.raises(TypeError, match="loop_vars must be a list, a tuple or another structure, found"):
        fc.while_loop(lambda i: i < 3, lambda i: i + 1, i)


def test_invariants_of_nested_variables() -> None:
    i, x = fc.constant(0), fc.constant([1.0])
    below = lambda i, _: i < 3  # noqa: E731
    first = {"x": x, "n": Pair(fc.constant(2), x)}

    def turn(i: Any, v: Any) -> Any:
        return i + 1, {"n": Pair(v["n"].a, v["n"].b * 2.0), "x": fc.concat([v["x"], v["x"]], 0)}

    shapes = [fc.TensorShape([]), {"n": Pair(fc.TensorShape([]), None), "x": fc.TensorShape([None])}]
    result = fc.while_loop(below, turn, [i, first], shape_invariants=shapes)[1]
    assert (result["x"].shape.as_list(), result["n"].b.shape) == ([None], [1])  # None: as it begins
    assert fc.Session().run(result["x"]).shape == (8,)
    for wrong in ({"x": None}, {"x": None, "m": None}, [None, None], None):
        with pytest.raises(ValueError, match="shape_invariants must have the structure of loop_vars"):
            fc.while_loop(below, turn, [i, first], shape_invariants=[fc.TensorShape([]), wrong])


def test_maximum_iterations_is_a_whole_number() -> None:
    with pytest.raises(TypeError, match=r"maximum_iterations must be a whole number, found 3\.5"):
        fc.while_loop(lambda i: i < 9, lambda i: i + 1, [0], maximum_iterations=3.5)
    limit = fc.placeholder(fc.int64, [])
    i = fc.while_loop(lambda i: i < 9, lambda i: i + 1, [0], maximum_iterations=limit)
    with fc.Session() as sess:
        assert [int(sess.run(i, {limit: n})) for n in (-1, 0, 3, 20)] == [0, 0, 3, 9]


@pytest.mark.parametrize("limit", [None, 5])
def test_a_condition_of_unknown_rank_must_be_a_scalar(limit: int | None) -> None:
    n = fc.placeholder(fc.int32, None)
    i = fc.while_loop(lambda i: i < n, lambda i: i + 1, [0], maximum_iterations=limit)
    with fc.Session() as sess:
        assert sess.run(i, {n: 3}) == 3
        for wrong in ([3], [0], [1, 2], []):
            with pytest.raises(fc.errors.InvalidArgumentError, match="what cond returns must be a scalar"):
                sess.run(i, {n: wrong})
