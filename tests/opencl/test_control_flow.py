"""Branches and loops on devices: state stays there, and nothing comes back but what decides."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import flowcore as fc

TRACED = fc.RunOptions(trace_level=fc.RunOptions.FULL_TRACE)


def copies_back(sess: fc.Session, fetches: Any, feeds: Any) -> tuple[Any, int]:
    """The values, and how often something was copied to the host."""
    metadata = fc.RunMetadata()
    values = sess.run(fetches, feeds, TRACED, metadata)
    return values, sum(n.name.endswith("_DeviceToHost") for n in metadata.node_stats)


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
