"""Lists of tensors: values, sharing, memory, gradients, and what is refused."""

from __future__ import annotations

import gc
import time
from typing import Any

import numpy as np
import pytest

import flowcore as fc
from flowcore import _engine
from flowcore.graph.apply import apply
from flowcore.ops import list_ops as lists

F32 = np.float32


def run(fetches: Any, feeds: dict[Any, Any] | None = None, **config: Any) -> Any:
    with fc.Session(config=fc.ConfigProto(**config)) as session:
        return session.run(fetches, feeds)


def rows(list_: Any, shape: Any = None) -> Any:
    return lists.tensor_list_stack(list_, fc.float32, element_shape=shape)


def refused(fetch: Any) -> str:
    with pytest.raises(fc.errors.InvalidArgumentError) as error:
        run(fetch)
    return str(error.value)


def test_elements_are_written_and_read() -> None:
    made = lists.tensor_list_reserve([2], 3, fc.float32)
    written = lists.tensor_list_set_item(made, 1, [1.0, 2.0])
    read = [lists.tensor_list_get_item(written, i, fc.float32, [2]) for i in range(3)]
    assert read[0].shape == [2]
    facts = lists.tensor_list_length(written), lists.tensor_list_element_shape(written, fc.int64)
    values, (length, shape) = run((read, facts))
    assert np.array(values).tolist() == [[0, 0], [1, 2], [0, 0]]  # what was not written reads as zeros
    assert (length, shape.tolist(), shape.dtype) == (3, [2], np.int64)
    anything = lists.tensor_list_reserve(None, 1, fc.float32)
    assert run(lists.tensor_list_element_shape(anything)) == -1


def test_a_list_grows_and_shrinks_at_its_end() -> None:
    grown = lists.empty_tensor_list([], fc.float32, max_num_elements=3)
    for value in (1.0, 2.0, 3.0):
        grown = lists.tensor_list_push_back(grown, value)
    shorter, last = lists.tensor_list_pop_back(grown, fc.float32, [])
    longer = lists.tensor_list_resize(shorter, 4)
    cut = lists.tensor_list_resize(grown, 1)
    assert [v.tolist() for v in run([rows(grown), rows(shorter), last, rows(longer), rows(cut)])] == [
        [1, 2, 3],
        [1, 2],
        3,
        [1, 2, 0, 0],
        [1],
    ]


def test_rows_become_elements_and_elements_rows() -> None:
    x = np.arange(12, dtype=F32).reshape(4, 3)
    fed = fc.placeholder(fc.float32, [None, 3])
    made = lists.tensor_list_from_tensor(fed, [3])
    stacked = lists.tensor_list_stack(made, fc.float32, 4, [3])
    assert stacked.shape == [4, 3]
    picked = lists.tensor_list_gather(made, [3, 0, 3], fc.float32, [3])
    scattered = lists.tensor_list_scatter(fed, [4, 0, 1, 2], [3])
    short = lists.tensor_list_scatter(fed, [0, 1, 2, 2], [3], 3)
    over = lists.tensor_list_scatter_into(made, -fed[:2], [3, 1])
    found = run([stacked, picked, rows(scattered), rows(short), rows(over), rows(made)], {fed: x})
    expected = [x, x[[3, 0, 3]], np.stack([x[1], x[2], x[3], 0 * x[0], x[0]]), x[[0, 1, 3]]]
    expected += [np.stack([x[0], -x[1], x[2], -x[0]]), x]
    for value, wanted in zip(found, expected, strict=True):
        np.testing.assert_array_equal(value, wanted)


def test_parts_become_elements_and_elements_parts() -> None:
    x = np.arange(12, dtype=F32).reshape(6, 2)
    made = lists.tensor_list_split(x, [None, 2], [1, 0, 3, 2])
    part = lists.tensor_list_get_item(made, 2, fc.float32)
    joined, lengths = lists.tensor_list_concat(made, fc.float32, [None, 2])
    assert joined.shape.as_list() == [None, 2]
    holes = lists.tensor_list_set_item(lists.tensor_list_reserve(None, 3, fc.float32), 1, x[:2])
    filled, sizes = lists.tensor_list_concat(holes, fc.float32, None, [1, 9, 2])
    alike, _ = lists.tensor_list_concat(holes, fc.float32)  # as long as the one that was written
    odd = lists.tensor_list_split(x, [5, 2], [2, 4])  # lengths says how long they are, not the shape
    into = lists.tensor_list_split_into(made, -x, [2, 1, 2, 1])  # made has four
    rejoined, resized = lists.tensor_list_concat(into, fc.float32)
    for found, expected in zip(run([rejoined, resized, joined]), [-x, [2, 1, 2, 1], x], strict=True):
        np.testing.assert_array_equal(found, expected)
    found = run([part, joined, lengths, filled, sizes, alike, lists.tensor_list_element_shape(odd)])
    np.testing.assert_array_equal(found[0], x[1:4])
    np.testing.assert_array_equal(found[1], x)
    assert found[2].tolist() == [1, 0, 3, 2]
    assert found[3].tolist() == [[0, 0], *x[:2].tolist(), [0, 0], [0, 0]]
    assert found[4].tolist() == [1, 2, 2]
    assert found[5].tolist() == [[0, 0], [0, 0], *x[:2].tolist(), [0, 0], [0, 0]]
    assert found[6].tolist() == [-1, 2]
    short = lists.tensor_list_resize(made, 5)  # its elements differ in length
    assert "join element 4, which was not written" in refused(
        lists.tensor_list_concat(short, fc.float32).tensor
    )


@pytest.mark.parametrize("threads", [1, 4])
def test_a_write_is_seen_by_nobody_who_has_the_list_already(threads: int) -> None:
    fed = fc.placeholder(fc.float32, [])
    start = lists.tensor_list_from_tensor(fc.stack([fed, fed + 1]), [])
    left = lists.tensor_list_set_item(start, 0, 10.0)
    right = lists.tensor_list_push_back(start, 20.0)
    _, popped = lists.tensor_list_pop_back(start, fc.float32)
    with fc.Session(config=fc.ConfigProto(intra_op_parallelism_threads=threads)) as session:
        for k in range(50):
            found = session.run([rows(start), rows(left), rows(right), popped], {fed: k})
            assert [v.tolist() for v in found] == [[k, k + 1], [10, k + 1], [k, k + 1, 20], k + 1]


@pytest.mark.parametrize("dtype", [fc.string, fc.int32, fc.complex64, fc.bool])
def test_elements_of_any_dtype(dtype: Any) -> None:
    value = np.array([b"a", b"longer than fifteen bytes"], object) if dtype is fc.string else np.array([1, 0])
    value = value.astype(np.dtype(dtype.as_numpy_dtype))
    x = fc.constant(value, dtype)
    made = lists.tensor_list_push_back(lists.tensor_list_from_tensor([x, x], [2]), x)
    found = run(lists.tensor_list_stack(made, dtype))
    np.testing.assert_array_equal(found, [value.astype(found.dtype)] * 3)
    empty = lists.tensor_list_reserve([2], 1, dtype)
    zeros = run(lists.tensor_list_stack(empty, dtype))
    np.testing.assert_array_equal(zeros, [[b"", b""]] if dtype is fc.string else np.zeros((1, 2)))


def test_a_list_of_lists() -> None:
    inner = lists.tensor_list_from_tensor(fc.constant([1.0, 2.0]), [])
    outer = lists.tensor_list_push_back(lists.empty_tensor_list([], fc.variant), inner)
    changed = lists.tensor_list_set_item(inner, 0, 5.0)
    outer = lists.tensor_list_push_back(outer, changed)
    first, second = (lists.tensor_list_get_item(outer, i, fc.variant, []) for i in (0, 1))
    twice = fc.add_n([outer, outer])
    sums = rows(lists.tensor_list_get_item(twice, 1, fc.variant, []))
    found = run([rows(first), rows(second), sums])
    assert [v.tolist() for v in found] == [[1, 2], [5, 2], [10, 4]]


def test_lists_go_through_ops_that_pass_values_on() -> None:
    a = lists.tensor_list_from_tensor(fc.constant([1.0]), [])
    b = lists.tensor_list_from_tensor(fc.constant([2.0, 3.0]), [])
    both = fc.stack([fc.identity(a), b])
    parts = [*fc.unstack(both), fc.gather(both, 1), both[0], *fc.split(both, 2)]
    parts[4:] = [fc.reshape(p, []) for p in parts[4:]]
    chosen = fc.where(fc.constant([True, False]), both, fc.stack([b, a]))
    parts += fc.unstack(chosen)
    found = run([rows(p) for p in parts])
    assert [v.tolist() for v in found] == [[1], [2, 3], [2, 3], [1], [1], [2, 3], [1], [1]]


def test_a_list_waits_in_a_queue_and_in_a_variable() -> None:
    fed = fc.placeholder(fc.float32, [3])
    made = lists.tensor_list_from_tensor(fed, [])
    queue = fc.FIFOQueue(4, [fc.variant], [[]])
    put = queue.enqueue([made])
    taken = rows(queue.dequeue())
    several = fc.unstack(queue.dequeue_many(2), 2)
    with fc.Session() as session:
        value = np.array([1, 2, 3], F32)
        session.run(put, {fed: value})
        value[:] = 7  # the array is the caller's: the list in the queue has its own memory
        assert session.run(taken).tolist() == [1, 2, 3]
        for k in (1, 2):
            session.run(put, {fed: [k] * 3})
        assert [v.tolist() for v in session.run([rows(x) for x in several])] == [[1] * 3, [2] * 3]
        session.run(put, {fed: [9] * 3})  # left in the queue
    gc.collect()


def test_zeros_and_sums() -> None:
    a = lists.tensor_list_from_tensor(fc.constant([1.0, 2.0, 3.0]), [])
    b = lists.tensor_list_set_item(lists.tensor_list_reserve([], 3, fc.float32), 1, 10.0)
    total = fc.add_n([a, b, a])
    reversed_ = fc.add_n([b, a])
    zeros = fc.zeros_like(a)
    found = run([rows(total), rows(reversed_), rows(zeros), rows(a), rows(b)])
    assert [v.tolist() for v in found] == [[2, 14, 6], [1, 12, 3], [0, 0, 0], [1, 2, 3], [0, 10, 0]]
    assert "different lengths: 3 and 2" in refused(
        rows(fc.add_n([a, lists.tensor_list_reserve([], 2, fc.float32)]))
    )


# ---- gradients -----------------------------------------------------------------------------------


def slope(y: Any, *xs: Any) -> list[Any]:
    return [g.tolist() for g in run(fc.gradients(y, list(xs)))]


def test_gradients_of_writes_and_reads() -> None:
    x, w = fc.constant([1.0, 2.0]), fc.constant([3.0, 4.0])
    made = lists.tensor_list_from_tensor(fc.stack([x, x]), [2])
    written = lists.tensor_list_set_item(made, 0, w)
    pushed = lists.tensor_list_push_back(written, w * w)
    y = fc.reduce_sum(rows(pushed) * [[1.0], [10.0], [100.0]])
    assert slope(y, x, w) == [[10, 10], [601, 801]]
    shorter, last = lists.tensor_list_pop_back(pushed, fc.float32, [2])
    assert slope(fc.reduce_sum(last), x, w) == [[0, 0], [6, 8]]
    assert slope(fc.reduce_sum(rows(shorter)), x, w) == [[1, 1], [1, 1]]
    item = lists.tensor_list_get_item(pushed, 1, fc.float32, [2])
    assert slope(fc.reduce_sum(item * item), x, w) == [[2, 4], [0, 0]]


def test_gradients_of_many_elements_at_once() -> None:
    x = fc.constant([[1.0], [2.0], [3.0]])
    made = lists.tensor_list_from_tensor(x, [1])
    picked = lists.tensor_list_gather(made, [2, 0, 2], fc.float32, [1])
    assert slope(fc.reduce_sum(picked * [[1.0], [10.0], [100.0]]), x) == [[[10], [0], [101]]]
    scattered = rows(lists.tensor_list_scatter(x, [2, 0, 1], [1]))
    assert slope(fc.reduce_sum(scattered * [[1.0], [10.0], [100.0]]), x) == [[[100], [1], [10]]]
    over = rows(lists.tensor_list_scatter_into(made, x[:2] * 3.0, [2, 0]))
    assert slope(fc.reduce_sum(over * [[1.0], [10.0], [100.0]]), x) == [[[300], [13], [0]]]
    rank2 = lists.tensor_list_reserve([None, 1], 2, fc.float32)
    parts = lists.tensor_list_split_into(rank2, x * x, [1, 2])
    assert slope(fc.reduce_sum(lists.tensor_list_concat(parts, fc.float32)[0]), x) == [[[2], [4], [6]]]
    parts = lists.tensor_list_split(x, [None, 1], [1, 2])
    joined, _ = lists.tensor_list_concat(parts, fc.float32, [None, 1])
    assert slope(fc.reduce_sum(joined * joined), x) == [[[2], [4], [6]]]
    cut = rows(lists.tensor_list_resize(made, 2))
    assert slope(fc.reduce_sum(cut), x) == [[[1], [1], [0]]]


def test_second_derivatives() -> None:
    x = fc.constant([1.0, 2.0])
    made = lists.tensor_list_push_back(lists.empty_tensor_list([2], fc.float32), x * x)
    first = lists.tensor_list_get_item(made, 0, fc.float32, [2])
    (g,) = fc.gradients(fc.reduce_sum(first * x), x)  # 3 x^2
    assert slope(fc.reduce_sum(g), x) == [[6, 12]]


def test_a_gradient_by_a_list_needs_its_own() -> None:
    made = lists.tensor_list_from_tensor(fc.constant([1.0]), [])
    with pytest.raises(TypeError, match="Gradients of variant tensors must set grad_ys"):
        fc.gradients(made, made)


# ---- cost and memory -----------------------------------------------------------------------------


def seconds(count: int, differentiated: bool) -> float:
    """The least time of a run that writes and reads so many elements one by one."""
    with fc.Graph().as_default():
        x = fc.constant(1.0)
        made = lists.tensor_list_reserve([], count, fc.float32)
        for i in range(count):
            made = lists.tensor_list_set_item(made, i, x)
        y = fc.reduce_sum(rows(made, []))
        fetch = fc.gradients(y, x)[0] if differentiated else y
        config = fc.ConfigProto(
            graph_options=fc.GraphOptions(optimizer_options=fc.OptimizerOptions(opt_level=-1))
        )
        with fc.Session(config=config) as session:
            best = np.inf
            for _ in range(4):
                begin = time.perf_counter()
                assert session.run(fetch) == count
                best = min(best, time.perf_counter() - begin)
    return best


@pytest.mark.parametrize("differentiated", [False, True])
def test_writes_are_linear(differentiated: bool) -> None:
    few, many = seconds(500, differentiated), seconds(8_000, differentiated)
    assert many < 128 * few, (few, many)  # quadratic: 256 times


def test_memory_goes_with_the_last_owner() -> None:
    fed = fc.placeholder(fc.float32, [100, 1000])
    made = lists.tensor_list_from_tensor(fed, [1000])
    changed = lists.tensor_list_set_item(made, 3, fed[0] * 2)
    total = fc.reduce_sum(rows(changed)) + fc.reduce_sum(rows(fc.add_n([made, changed])))
    bad = rows(lists.tensor_list_set_item(changed, 100, fed[0]))
    with fc.Session() as session:
        value = np.ones([100, 1000], F32)
        session.run(total, {fed: value})
        before = _engine.live_counts()
        for _ in range(20):
            session.run(total, {fed: value})
            with pytest.raises(fc.errors.InvalidArgumentError):
                session.run(bad, {fed: value})
        after = _engine.live_counts()
        assert after["variants"] == before["variants"]
        assert after["bytes"] - before["bytes"] < 100_000


# ---- what is refused -----------------------------------------------------------------------------


def test_an_index_outside_is_named() -> None:
    made = lists.tensor_list_from_tensor(fc.constant([1.0, 2.0]), [])
    for i in (2, -1):
        assert f"Tried to read element {i} of a list of 2 elements" in refused(
            lists.tensor_list_get_item(made, i, fc.float32)
        )
        assert f"Tried to write element {i} of a list of 2 elements" in refused(
            rows(lists.tensor_list_set_item(made, i, 0.0))
        )
    assert "read element 5 of" in refused(lists.tensor_list_gather(made, [0, 5], fc.float32))
    assert "write element 2 of a list of 2" in refused(
        rows(lists.tensor_list_scatter([1.0], [2], [], num_elements=2))
    )
    full = lists.empty_tensor_list([], fc.float32, max_num_elements=0)
    assert "push item into a full list" in refused(rows(lists.tensor_list_push_back(full, 1.0)))
    empty = lists.empty_tensor_list([], fc.float32)
    assert "Trying to pop from an empty list" in refused(lists.tensor_list_pop_back(empty, fc.float32)[1])


def test_no_list_is_longer_than_its_length_can_say() -> None:
    last = 2**31 - 1
    full = lists.tensor_list_reserve([], last, fc.float32)
    assert run(lists.tensor_list_length(full)) == last
    grown = fc.TensorArray(fc.int32, 3, dynamic_size=True)
    assert run(grown.write(last - 1, 1).size()) == last
    for longer in (
        grown.write(last, 1).size(),
        grown.scatter([last], [1]).size(),
        lists.tensor_list_length(lists.tensor_list_scatter([1.0], [last], [])),
        lists.tensor_list_length(lists.tensor_list_push_back(full, 1.0)),
    ):
        assert "at most 2147483647 elements, this one would have 2147483648" in refused(longer)


def test_shapes_and_dtypes_have_to_fit() -> None:
    made = lists.tensor_list_reserve([2, None], 2, fc.float32)
    assert "element 0 of shape [3, 1] to a list of elements of shape [2, -1]" in refused(
        rows(lists.tensor_list_set_item(made, 0, np.ones((3, 1), F32)))
    )
    assert "op elements int32 but list elements float32" in refused(
        rows(lists.tensor_list_set_item(made, 0, np.ones((2, 1), np.int32)))
    )
    assert "op elements int32 but list elements float32" in refused(
        lists.tensor_list_get_item(made, 0, fc.int32)
    )
    assert "was not written, and its shape is not fully known: [2, -1]" in refused(
        lists.tensor_list_get_item(made, 0, fc.float32)
    )
    assert "not fully defined element shape, [2, -1]: give element_shape" in refused(rows(made))
    assert run(rows(made, [2, 1])).shape == (2, 2, 1)
    assert "does not agree with that of the list" in refused(rows(made, [3, 1]))
    mixed = lists.tensor_list_reserve(None, 2, fc.float32)
    mixed = lists.tensor_list_set_item(lists.tensor_list_set_item(mixed, 0, [1.0]), 1, [1.0, 2.0])
    assert "element 1 has shape [2]" in refused(rows(mixed))
    assert "list with 3 elements but got a list with 2 elements" in refused(
        lists.tensor_list_stack(mixed, fc.float32, 3)
    )
    assert "at least a vector" in refused(rows(lists.tensor_list_from_tensor(1.0, [])))
    assert "add up to 3" in refused(rows(lists.tensor_list_split([1.0, 2.0], None, [1, 2])))
    assert "lengths[1] = -1" in refused(rows(lists.tensor_list_split([1.0, 2.0], None, [3, -1])))
    assert "negative number" in refused(rows(lists.tensor_list_reserve([], -3, fc.float32)))


def test_what_is_no_list_is_refused() -> None:
    two = fc.stack([lists.tensor_list_reserve([], 1, fc.float32)] * 2)
    assert "input 0 is not a list: not a single variant" in refused(lists.tensor_list_length(two))
    hole = lists.tensor_list_get_item(lists.tensor_list_reserve([], 1, fc.variant), 0, fc.variant)
    assert "input 0 is not a list: an empty variant" in refused(lists.tensor_list_length(hole))


def test_a_list_can_neither_be_fetched_nor_fed() -> None:
    made = lists.tensor_list_reserve([], 1, fc.float32)
    with fc.Session() as session:
        with pytest.raises(TypeError, match=r"is a variant .* which no NumPy array can hold"):
            session.run(made)
        assert session.run(made.op) is None
        with pytest.raises(TypeError, match="'TensorListReserve:0' of dtype variant cannot be fed"):
            session.run(lists.tensor_list_length(made), {made: 1})
        looked_at = fc.py_func(lambda x: x, [made], fc.float32)
        with pytest.raises(fc.errors.InvalidArgumentError, match="this one is a TensorList"):
            session.run(looked_at)


def test_a_reserved_list_costs_nothing() -> None:
    huge = lists.tensor_list_reserve([], 2**31 - 1, fc.float32)
    one = lists.tensor_list_set_item(huge, 2**31 - 2, 5.0)
    assert run(lists.tensor_list_get_item(one, 2**31 - 2, fc.float32)) == 5
    apply("TensorListLength", huge)


@pytest.mark.parametrize("push", [False, True])
def test_a_loop_of_100000_writes(push: bool) -> None:
    """It takes 30 to 80 ms; with a copy for each write it would be half an hour."""
    count = 100_000
    start = (
        lists.empty_tensor_list([], fc.float32) if push else lists.tensor_list_reserve([], count, fc.float32)
    )

    def body(i: Any, made: Any) -> Any:
        value = fc.cast(i, fc.float32)
        if push:
            return i + 1, lists.tensor_list_push_back(made, value)
        return i + 1, lists.tensor_list_set_item(made, i, value)

    _, made = fc.while_loop(lambda i, made: i < count, body, [fc.constant(0), start])
    np.testing.assert_array_equal(run(rows(made, [])), np.arange(count, dtype=F32))


def test_a_variable_of_lists() -> None:
    handle = apply("VarHandleOp", dtype=fc.variant, shape=[2], shared_name="lists")
    a, b = (lists.tensor_list_from_tensor(fc.constant(v), []) for v in ([1.0, 2.0], [3.0]))
    assign = apply("AssignVariableOp", handle, fc.stack([a, b]))
    first, second = fc.unstack(apply("ReadVariableOp", handle, dtype=fc.variant), 2)
    longer = lists.tensor_list_push_back(first, 9.0)
    change = apply("ResourceScatterUpdate", handle, [1], fc.reshape(longer, [1]))
    row = fc.reshape(apply("ResourceGather", handle, [1], dtype=fc.variant), [])
    before = _engine.live_counts()["variants"]
    with fc.Session() as session:
        session.run(assign)
        assert session.run(rows(longer)).tolist() == [1, 2, 9]
        assert [v.tolist() for v in session.run([rows(first), rows(second)])] == [[1, 2], [3]]
        session.run(change)
        assert [v.tolist() for v in session.run([rows(first), rows(row)])] == [[1, 2], [1, 2, 9]]
    del session
    gc.collect()
    assert _engine.live_counts()["variants"] == before
