"""Branches and loops on devices: state stays there, and nothing comes back but what decides."""

from __future__ import annotations

import gc
import time
from typing import Any

import numpy as np
import pytest

import flowcore as fc
from flowcore import _engine
from flowcore.graph.apply import apply
from flowcore.opencl import _opencl
from flowcore.ops import list_ops as lists
from flowcore.runtime import devices, visible_devices

TRACED = fc.RunOptions(trace_level=fc.RunOptions.FULL_TRACE)


def copies_back(sess: fc.Session, fetches: Any, feeds: Any) -> tuple[Any, int]:
    """The values, and how often something was copied to the host."""
    metadata = fc.RunMetadata()
    values = sess.run(fetches, feeds, TRACED, metadata)
    return values, sum(n.name.endswith("_DeviceToHost") for n in fc.timeline.node_stats(metadata))


@pytest.mark.parametrize("turns", [0, 1, 6])
def test_a_loop_keeps_its_state_on_the_device(device: Any, turns: int) -> None:
    n = fc.placeholder(fc.int32, [])
    x = fc.placeholder(fc.float32, [4, 4])
    with fc.device(device.name):
        i, y = fc.while_loop(lambda i, y: i < n, lambda i, y: (i + 1, fc.tanh(y @ x) + x), [0, x])
    a = np.linspace(-0.5, 0.5, 16).reshape(4, 4).astype(np.float32)
    expected = a
    for _ in range(turns):
        expected = np.tanh(expected @ a) + a
    with fc.Session() as sess:
        (value, count), back = copies_back(sess, [y, i], {n: turns, x: a})
        np.testing.assert_allclose(value, expected, rtol=1e-4, atol=1e-5)
        assert count == turns
        assert back == 1  # what is fetched


def test_what_decides_comes_back_once_a_turn(device: Any) -> None:
    x = fc.placeholder(fc.float32, [100])
    with fc.device(device.name):
        (y,) = fc.while_loop(
            lambda y: fc.reduce_sum(y) > 1.0, lambda y: [y * 0.5], [x], return_same_structure=True
        )
    with fc.Session() as sess:
        value, back = copies_back(sess, y, {x: np.ones(100, np.float32)})
        np.testing.assert_array_equal(value, np.full(100, 2.0**-7, np.float32))
        assert back == 8 + 1


def test_branches_of_different_devices_meet(device: Any) -> None:
    p = fc.placeholder(fc.bool, [])
    x = fc.placeholder(fc.float32, [3])

    def there() -> fc.Tensor:
        with fc.device(device.name):
            return fc.exp(x) + 1.0

    def here() -> fc.Tensor:
        with fc.device("/cpu:0"):
            return x * 2.0

    y = fc.cond(p, there, here) + 1.0
    value = np.array([0.0, 1.0, 2.0], np.float32)
    with fc.Session() as sess:
        np.testing.assert_allclose(sess.run(y, {p: True, x: value}), np.exp(value) + 2.0, rtol=1e-5)
        np.testing.assert_array_equal(sess.run(y, {p: False, x: value}), value * 2 + 1)


def test_gradients_of_a_loop_are_those_of_the_host(device: Any) -> None:
    a = np.linspace(-0.5, 0.6, 9).reshape(3, 3).astype(np.float32)

    def derivatives() -> list[np.ndarray]:
        v = fc.Variable(a, use_resource=True)
        x = fc.placeholder(fc.float32, [3, 3])
        y = fc.while_loop(lambda i, y: i < 5, lambda i, y: (i + 1, fc.tanh(y @ v) + x), [0, x])[1]
        loss = fc.reduce_sum(y * y)
        grads = fc.gradients(loss, [x, v])
        with fc.Session() as sess:
            sess.run(v.initializer)
            return sess.run([loss, *grads], {x: a})

    found = []
    for where in (device.name, "/cpu:0"):
        with fc.Graph().as_default(), fc.device(where):
            found.append(derivatives())
    for there, here in zip(*found, strict=True):
        np.testing.assert_allclose(there, here, rtol=2e-3, atol=1e-4)


def test_a_variable_of_the_device_is_changed_in_a_loop(device: Any) -> None:
    with fc.device(device.name):
        v = fc.Variable([1.0, 2.0], use_resource=True)

        def body(i: fc.Tensor) -> fc.Tensor:
            with fc.control_dependencies([v.assign(v.read_value() * 2.0)]):
                return i + 1

        i = fc.while_loop(lambda i: i < 4, body, [0])
        with fc.control_dependencies([i]):
            after = v.read_value()
    with fc.Session() as sess:
        sess.run(v.initializer)
        np.testing.assert_array_equal(sess.run(after), [16.0, 32.0])


def test_a_failure_in_a_turn_leaves_nothing(device: Any) -> None:
    rows = fc.placeholder(fc.int32, [])
    with fc.device(device.name):
        x = fc.constant(np.ones((4, 2), np.float32))
        y = fc.while_loop(
            lambda i, y: i < 10, lambda i, y: (i + 1, y + fc.gather(x, [i + rows])), [0, fc.zeros([1, 2])]
        )[1]
    with fc.Session() as sess:
        with pytest.raises(fc.errors.InvalidArgumentError, match="in turn 4 of 'while'"):
            sess.run(y, {rows: 0})
        with pytest.raises(fc.errors.InvalidArgumentError, match="in turn 2 of 'while'"):
            sess.run(y, {rows: 2})


# ---- lists: their elements lie on the device ----

BETWEEN = ("_HostToDevice", "_DeviceToHost", "_ListToDevice", "_ListToHost")


def crossings(sess: fc.Session, fetches: Any, feeds: Any) -> tuple[Any, list[str]]:
    """The values, and the copies between host and device."""
    metadata = fc.RunMetadata()
    values = sess.run(fetches, feeds, TRACED, metadata)
    return values, sorted(n.name for n in fc.timeline.node_stats(metadata) if n.name.endswith(BETWEEN))


def lstm(x: fc.Tensor, n: fc.Tensor) -> tuple[fc.Tensor, list[Any]]:
    weights = np.random.default_rng(0).normal(size=(7, 16)).astype(np.float32)
    w = fc.Variable(weights * 0.3, use_resource=True)
    inputs = fc.TensorArray(fc.float32, n).unstack(x)
    zero = fc.zeros([2, 4])

    def step(t: fc.Tensor, c: fc.Tensor, h: fc.Tensor, out: Any) -> Any:
        i, j, f, o = fc.split(fc.concat([inputs.read(t), h], 1) @ w, 4, 1)
        c = c * fc.sigmoid(f) + fc.sigmoid(i) * fc.tanh(j)
        h = fc.tanh(c) * fc.sigmoid(o)
        return t + 1, c, h, out.write(t, h)

    out = fc.TensorArray(fc.float32, n, element_shape=[2, 4])
    last = fc.while_loop(lambda t, *_: t < n, step, [0, zero, zero, out])
    return last[3].stack(), [x, w]


def mapped(x: fc.Tensor, n: fc.Tensor) -> tuple[fc.Tensor, list[Any]]:
    return fc.map_fn(lambda row: fc.tanh(row) * row, x), [x]


def scanned(x: fc.Tensor, n: fc.Tensor) -> tuple[fc.Tensor, list[Any]]:
    return fc.scan(lambda a, row: fc.tanh(a) + row * a, x), [x]


def folded(x: fc.Tensor, n: fc.Tensor) -> tuple[fc.Tensor, list[Any]]:
    return fc.foldr(lambda a, row: fc.tanh(a * row) + row, x), [x]


def grown(x: fc.Tensor, n: fc.Tensor) -> tuple[fc.Tensor, list[Any]]:
    """Writes behind the end, reads of what earlier turns wrote, and a tensor of all one behind the other."""
    first = fc.TensorArray(fc.float32, 0, dynamic_size=True, element_shape=[2, 3]).write(0, x[0])

    def turn(i: fc.Tensor, array: Any) -> Any:
        return i + 1, array.write(i, fc.tanh(array.read(i - 1)) + x[i])

    return fc.while_loop(lambda i, _: i < n, turn, [1, first])[1].concat(), [x]


def turned(x: fc.Tensor, n: fc.Tensor) -> tuple[fc.Tensor, list[Any]]:
    """Rows that are scattered, gathered, and split."""
    backwards = fc.range(n)[::-1]
    array = fc.TensorArray(fc.float32, n).scatter(backwards, x * x)
    rows = array.gather(backwards)
    parts = fc.TensorArray(fc.float32, n, element_shape=[2, 3]).split(
        fc.reshape(rows, [-1, 3]), fc.fill([n], 2)
    )

    def turn(i: fc.Tensor, total: fc.Tensor) -> Any:
        return i + 1, fc.tanh(total) * 2.0 + parts.read(i)

    return fc.while_loop(lambda i, _: i < n, turn, [0, fc.zeros([2, 3])])[1], [x]


def nested(x: fc.Tensor, n: fc.Tensor) -> tuple[fc.Tensor, list[Any]]:
    """A loop in a loop: what the gradient keeps is a list of lists."""

    def inner(row: fc.Tensor) -> fc.Tensor:
        return fc.while_loop(lambda k, _: k < 3, lambda k, y: (k + 1, fc.tanh(y) * row), [0, row])[1]

    return fc.map_fn(inner, x), [x]


def branching(x: fc.Tensor, n: fc.Tensor) -> tuple[fc.Tensor, list[Any]]:
    def turn(i: fc.Tensor, y: fc.Tensor, array: Any) -> Any:
        y = fc.cond(fc.equal(i % 2, 0), lambda: fc.tanh(y) + x[i], lambda: y * x[i])
        return i + 1, y, array.write(i, y)

    first = [0, fc.ones([2, 3]), fc.TensorArray(fc.float32, n, element_shape=[2, 3])]
    return fc.while_loop(lambda i, *_: i < n, turn, first)[2].stack(), [x]


def with_variable(x: fc.Tensor, n: fc.Tensor) -> tuple[fc.Tensor, list[Any]]:
    """A variable that the body reads is kept for the gradient in every turn."""
    v = fc.Variable(np.linspace(-0.5, 0.6, 9).reshape(3, 3).astype(np.float32), use_resource=True)

    def turn(i: fc.Tensor, y: fc.Tensor) -> Any:
        return i + 1, fc.tanh(y @ v.read_value()) + x[i]

    return fc.while_loop(lambda i, _: i < n, turn, [0, fc.ones([2, 3])])[1], [x, v]


def recomputed(x: fc.Tensor, n: fc.Tensor) -> tuple[fc.Tensor, list[Any]]:
    """What a turn is given is kept, also what is fed and never changes, and computed with again."""
    v = fc.Variable(np.linspace(-0.5, 0.6, 9).reshape(3, 3).astype(np.float32), use_resource=True)
    w, all_rows = v.read_value(), fc.tanh(x)

    @fc.recompute_grad
    def layers(y: fc.Tensor, w: fc.Tensor, row: fc.Tensor) -> fc.Tensor:
        return fc.tanh(fc.tanh(y @ w) @ w) + row + x[0]

    def turn(i: fc.Tensor, y: fc.Tensor) -> Any:
        return i + 1, layers(y, w, all_rows[i])

    return fc.while_loop(lambda i, _: i < n, turn, [0, fc.ones([2, 3])])[1], [x, v]


CASES = [lstm, mapped, scanned, folded, grown, turned, nested, branching, with_variable, recomputed]


def differentiated(place: str | None, build: Any, turns: int) -> tuple[list[np.ndarray], list[str]]:
    """A loss, its first and second derivatives, and the copies between memories."""
    rows = np.random.default_rng(1).normal(size=(turns, 2, 3)).astype(np.float32) * 0.5
    with fc.Graph().as_default(), fc.device(place):
        n, x = fc.placeholder(fc.int32, []), fc.placeholder(fc.float32, [None, 2, 3])
        y, xs = build(x, n)
        loss = fc.reduce_sum(y * y)
        first = fc.gradients(loss, xs)
        second = fc.gradients(fc.add_n([fc.reduce_sum(g * g) for g in first]), xs)
        with fc.Session() as sess:
            sess.run(fc.global_variables_initializer())
            return crossings(sess, [y, loss, *first, *second], {n: turns, x: rows})


@pytest.mark.parametrize("asks", [True, False], ids=["asked for", "by default"])
@pytest.mark.parametrize("build", CASES, ids=lambda build: build.__name__)
def test_no_turn_copies_between_memories(
    device: Any, build: Any, asks: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected, none = differentiated("/cpu:0", build, 3)
    assert not none
    if not asks:
        there = devices.find("GPU", int(device.name[5:]))
        monkeypatch.setattr(visible_devices.VisibleDevices, "preferred", there)
    place = device.name if asks else None
    found, few = differentiated(place, build, 3)
    for here, there in zip(expected, found, strict=True):
        np.testing.assert_allclose(there, here, rtol=2e-3, atol=1e-4)
    if not device.is_slow:
        assert differentiated(place, build, 6)[1] == few


def test_rows_of_a_host_array_go_to_the_device_once(device: Any) -> None:
    x = fc.placeholder(fc.float32, [5, 3])
    rows = np.arange(15, dtype=np.float32).reshape(5, 3)
    with fc.device("/cpu:0"):
        array = fc.TensorArray(fc.float32, 5).unstack(x)
    with fc.device(device.name):
        y = fc.while_loop(lambda i, _: i < 5, lambda i, y: (i + 1, y + array.read(i)), [0, fc.zeros([3])])[1]
    with fc.Session() as sess:
        value, copies = crossings(sess, y, {x: rows})
        np.testing.assert_array_equal(value, rows.sum(0))
        assert len([name for name in copies if "Read/" in name]) == 5  # a list of the host stays there


def test_lists_of_both_memories_meet(device: Any) -> None:
    """In a branch, and in a sum."""
    p = fc.placeholder(fc.bool, [])
    x = fc.placeholder(fc.float32, [2, 3])
    rows = np.arange(6, dtype=np.float32).reshape(2, 3)

    def array(place: str) -> Any:
        with fc.device(place):
            return fc.TensorArray(fc.float32, 3, element_shape=[3]).write(0, x[0] * 2.0).write(2, x[1] * 3.0)

    def flow(place: str) -> Any:
        return lambda: array(place).flow

    chosen = fc.cond(p, flow(device.name), flow("/cpu:0"))
    total = apply("AddN", [array("/cpu:0").flow, array(device.name).flow, chosen])
    tensors = [lists.tensor_list_stack(flow, fc.float32, element_shape=[3]) for flow in (chosen, total)]
    with fc.Session() as sess:
        for choice in (True, False):
            one, three = sess.run(tensors, {p: choice, x: rows})
            np.testing.assert_array_equal(one, [rows[0] * 2, [0, 0, 0], rows[1] * 3])
            np.testing.assert_array_equal(three, one * 3)


def test_lists_of_two_devices_meet(device: Any, another: Any) -> None:
    x = fc.placeholder(fc.float32, [2, 3])
    with fc.device(another.name):
        there = lists.tensor_list_from_tensor(fc.tanh(x), [3])
    with fc.device(device.name):
        here = lists.tensor_list_set_item(lists.tensor_list_reserve([3], 2, fc.float32), 1, x[0] * 2.0)
        total = lists.tensor_list_stack(apply("AddN", [here, there]), fc.float32, element_shape=[3])
    rows = np.linspace(-1, 1, 6, dtype=np.float32).reshape(2, 3)
    with fc.Session() as sess:
        value, copies = crossings(sess, total, {x: rows})
        np.testing.assert_allclose(value, np.tanh(rows) + [[0, 0, 0], rows[0] * 2], rtol=1e-5)
        lists_moved = [name for name in copies if "/_List" in name]
        assert lists_moved == ["TensorListFromTensor/_ListToDevice", "TensorListFromTensor/_ListToHost"]


def different() -> Any:
    array = fc.TensorArray(fc.float32, 2, infer_shape=False)
    return array.write(0, fc.ones([2])).write(1, fc.ones([2, 2]))


ARRAYS = {
    "read": lambda a: a.write(0, fc.ones([2]) * 2.0).read(1),
    "index": lambda a: a.write(5, fc.ones([2]) * 2.0).stack(),
    "negative": lambda a: a.write(0, fc.ones([2]) * 2.0).read(-1),
    "twice": lambda a: a.write(0, fc.ones([2])).write(0, fc.ones([2])).stack(),
    "gather": lambda a: a.write(0, fc.ones([2])).gather([0, 2]),
    "scatter": lambda a: a.scatter([0, 9], fc.ones([2, 2]) * 2.0).stack(),
    "lengths": lambda a: a.split(fc.ones([4, 2]) * 2.0, [1, 1, 1]).stack(),
    "concat": lambda a: different().concat(),
}


@pytest.mark.parametrize("what", ARRAYS)
def test_arrays_refuse_what_those_of_the_host_refuse(same_error: Any, what: str) -> None:
    same_error(lambda: ARRAYS[what](fc.TensorArray(fc.float32, 3)))


def test_elements_of_other_shapes_are_refused_as_on_the_host(same_error: Any) -> None:
    def build(a: fc.Tensor, b: fc.Tensor) -> fc.Tensor:
        made = lists.tensor_list_reserve(None, 2, fc.float32)
        for i, value in enumerate((a, b)):
            made = lists.tensor_list_set_item(made, i, value * 2.0)
        return lists.tensor_list_stack(made, fc.float32)

    same_error(build, np.ones(2, np.float32), np.ones(3, np.float32))


def test_a_failing_or_stopped_loop_over_lists_gives_its_memory_back(device: Any) -> None:
    runtime = devices.find("GPU", int(device.name[5:]))

    def alive() -> tuple[int, int]:
        """Bytes of the device, and lists, once all copies have ended: on a thread of their own."""
        seen = [(-1, -1)]
        while len(seen) < 100 and seen[-1] not in seen[:-1]:
            time.sleep(0.02)
            gc.collect()
            bytes_live = _opencl.counters(runtime.capsule)["bytes_live"]
            seen.append((bytes_live, _engine.live_counts()["variants"]))
        return seen[-1]

    n = fc.placeholder(fc.int32, [])
    with fc.device(device.name):
        x = fc.placeholder(fc.float32, [4, 50])

        def turn(i: fc.Tensor, y: fc.Tensor, array: Any) -> Any:
            y = fc.tanh(y) + fc.gather(x, [i % n])
            return i + 1, y, array.write(i, y)

        array = fc.TensorArray(fc.float32, 0, dynamic_size=True)
        y = fc.while_loop(lambda i, *_: i < 50, turn, [0, fc.ones([1, 50]), array])[2].stack()
        gradient = fc.gradients(y, [x])[0]
        forever = fc.while_loop(lambda i, *_: i >= 0, turn, [0, fc.ones([1, 50]), array])[2].stack()
    rows = np.ones((4, 50), np.float32)
    with fc.Session() as sess:
        sess.run(gradient, {n: 4, x: rows})
        with pytest.raises(fc.errors.DeadlineExceededError):
            sess.run(forever, {n: 4, x: rows}, fc.RunOptions(timeout_in_ms=50))
        before = alive()
        for _ in range(3):
            with pytest.raises(fc.errors.InvalidArgumentError, match=r"in turn 4 of 'while'"):
                sess.run(gradient, {n: 9, x: rows})
            with pytest.raises(fc.errors.DeadlineExceededError):
                sess.run(forever, {n: 4, x: rows}, fc.RunOptions(timeout_in_ms=50))
        assert alive() == before
