"""The same bits for any number of threads: kernels, random numbers, training; and, with
ConfigProto(deterministic=True), unordered updates.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

import flowcore as fc
from flowcore.graph.apply import apply
from flowcore.runtime.access_order import ANY_VARIABLE, AccessOrder

THREADS = (1, 2, 8)


def results(
    threads: int, fetches: Sequence[Any], feeds: dict[Any, Any], steps: int, deterministic: bool = False
) -> list[bytes]:
    """The bits of all fetches of some steps, and of all variables after them."""
    with fc.Session(
        config=fc.ConfigProto(inter_op_parallelism_threads=threads, deterministic=deterministic)
    ) as sess:
        sess.run(fc.global_variables_initializer())
        values = [v for _ in range(steps) for v in sess.run(list(fetches), feeds) if v is not None]
        return [np.asarray(v).tobytes() for v in [*values, *sess.run(fc.global_variables())]]


def weights(*shape: int) -> fc.Variable:
    return fc.Variable(fc.truncated_normal(shape, stddev=0.1))


def perceptron(x: fc.Tensor) -> fc.Tensor:
    hidden = fc.nn.relu(fc.matmul(fc.reshape(x, [-1, 784]), weights(784, 256)) + weights(256))
    return fc.matmul(fc.nn.dropout(hidden, 0.5), weights(256, 10)) + weights(10)


def convnet(x: fc.Tensor) -> fc.Tensor:
    h = fc.nn.max_pool(
        fc.nn.relu(fc.nn.conv2d(x, weights(5, 5, 1, 32), [1, 1, 1, 1], "SAME") + weights(32)),
        [1, 2, 2, 1],
        [1, 2, 2, 1],
        "SAME",
    )
    h = fc.nn.max_pool(
        fc.nn.relu(fc.nn.conv2d(h, weights(5, 5, 32, 64), [1, 1, 1, 1], "SAME") + weights(64)),
        [1, 2, 2, 1],
        [1, 2, 2, 1],
        "SAME",
    )
    return fc.matmul(fc.reshape(h, [-1, 3136]), weights(3136, 10)) + weights(10)


@pytest.mark.parametrize("network", [perceptron, convnet])
def test_training_has_the_same_bits_for_any_number_of_threads(
    network: Callable[[fc.Tensor], fc.Tensor],
) -> None:
    fc.set_random_seed(7)
    x, y = fc.placeholder(fc.float32, [None, 28, 28, 1]), fc.placeholder(fc.int32, [None])
    loss = fc.reduce_mean(fc.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=network(x)))
    step = fc.train.AdamOptimizer(1e-3).minimize(loss)
    rng = np.random.default_rng(1)
    feeds = {x: rng.normal(size=(48, 28, 28, 1)), y: rng.integers(0, 10, 48)}
    found = [results(threads, [loss, step], feeds, 3) for threads in THREADS]
    assert found[0] == found[1] == found[2]


def test_reductions_and_random_numbers_have_the_same_bits_for_any_number_of_threads() -> None:
    fc.set_random_seed(7)
    rng = np.random.default_rng(2)
    x = fc.placeholder(fc.float32, [1 << 18])
    m = fc.reshape(x, [512, 512])
    rows = fc.constant(rng.integers(0, 7, 1 << 18).astype(np.int32))
    fetches = [
        fc.reduce_sum(x),
        fc.reduce_mean(m, 0),
        fc.reduce_sum(m, 1),
        fc.reduce_logsumexp(x),
        fc.reduce_prod(1 + x * 1e-6),
        fc.cumsum(x),
        fc.nn.l2_loss(x),
        apply("UnsortedSegmentSum", x, rows, 7),
        fc.nn.softmax(m),
        fc.matmul(m, m),
        fc.random_normal([50000]),
        fc.truncated_normal([50000]),
        fc.random_uniform([50000]),
        fc.random_shuffle(fc.range(50000)),
        fc.nn.dropout(m, 0.5),
    ]
    feeds = {x: rng.normal(size=1 << 18)}
    found = [results(threads, fetches, feeds, 2) for threads in THREADS]
    assert found[0] == found[1] == found[2]


def test_unordered_updates_of_a_variable_have_one_order_if_that_is_asked_for() -> None:
    rng = np.random.default_rng(3)
    v = fc.Variable(np.zeros(4000, np.float32))
    reads = [v.read_value() * float(n) for n in range(4)]
    updates = [
        v.assign_add(fc.exp(fc.constant(rng.normal(size=4000).astype(np.float32))), read_value=False)
        for _ in range(6)
    ]
    rows = [fc.constant(rng.integers(0, 4000, 3000).astype(np.int32)) for _ in range(3)]
    added = [fc.scatter_add(v, r, fc.constant(rng.normal(size=3000).astype(np.float32))).op for r in rows]
    found = [
        results(threads, [*reads, *updates, *added], {}, 20, deterministic=True)
        for threads in (*THREADS, 8, 8)
    ]
    assert all(f == found[0] for f in found[1:])


def test_two_handles_of_one_variable_are_one_variable() -> None:
    handles = [
        apply("VarHandleOp", dtype=fc.float32, shape=[], shared_name="shared", name=name) for name in "ab"
    ]
    start = apply("AssignVariableOp", handles[0], fc.constant(1.0))
    changes = [
        apply("AssignAddVariableOp", handles[0], fc.constant(1e8)),
        apply("AssignSubVariableOp", handles[1], fc.constant(1e8)),
    ]
    value = apply("ReadVariableOp", handles[1], dtype=fc.float32)
    seen = set()
    for _ in range(30):
        with fc.Session(config=fc.ConfigProto(inter_op_parallelism_threads=4, deterministic=True)) as sess:
            sess.run(start)
            sess.run(changes)
            seen.add(sess.run(value))
    assert len(seen) == 1


def directly(handle: fc.Tensor, i: int) -> fc.Tensor:
    return handle


def through_identities(handle: fc.Tensor, i: int) -> fc.Tensor:
    return apply("Snapshot", fc.stop_gradient(apply("IdentityN", [fc.constant(i), fc.identity(handle)])[1]))


def chosen(handle: fc.Tensor, i: int) -> fc.Tensor:
    with fc.device(handle.device):
        other = apply("VarHandleOp", dtype=fc.float32, shape=[], name=f"other{i}")
    return apply("RefSelect", i % 2, [handle, other] if i % 2 == 0 else [other, handle])


def past_what_is_traced(handle: fc.Tensor, i: int) -> fc.Tensor:
    return fc.reshape(handle, []) if i % 2 else handle


@pytest.mark.parametrize("way", [directly, through_identities, chosen, past_what_is_traced])
def test_a_handle_may_come_by_any_way(way: Callable[[fc.Tensor, int], fc.Tensor]) -> None:
    """Assignments without an edge between them, each behind work of another length."""
    with fc.device("/cpu:0"):  # where whatever works on a handle that cannot be traced runs
        handle = apply("VarHandleOp", dtype=fc.float32, shape=[], name="v")
    x = fc.placeholder(fc.float32, [])
    changes, values = [], []
    for i in range(6):
        slow = x
        for _ in range((5 - i) * 30):
            slow = fc.reshape(fc.identity(slow), [])
        changes.append(apply("AssignVariableOp", way(handle, i), slow + float(i)))
        values.append(apply("ReadVariableOp", way(handle, i + 6), dtype=fc.float32))
    last = apply("ReadVariableOp", handle, dtype=fc.float32)
    seen = set()
    for _ in range(20):
        with fc.Session(config=fc.ConfigProto(inter_op_parallelism_threads=4, deterministic=True)) as sess:
            sess.run(apply("AssignVariableOp", handle, -1.0))
            found = sess.run([changes, values], {x: 0.0})[1]
            seen.add((*found, sess.run(last)))
    assert len(seen) == 1


def test_reads_behind_handles_that_cannot_be_traced_may_still_run_at_once() -> None:
    order = AccessOrder()  # of accesses that write (True) or read
    order.add(0, ["a"], True)
    order.add(1, ["b"], True)
    assert order.before([ANY_VARIABLE], False) == {0, 1}
    order.add(2, [ANY_VARIABLE], False)
    assert order.before(["a"], False) == {0}
    assert order.before(["c"], True) == {2}
    assert order.before([ANY_VARIABLE], True) == {0, 1, 2}
    order.add(3, [ANY_VARIABLE], True)
    assert order.before(["a"], False) == {3}
    order.add(4, ["a"], False)
    assert order.before(["a"], True) == {3, 4}
    assert order.before(["b"], True) == {3}


def test_operations_on_a_queue_are_left_without_an_order() -> None:
    """With the plan's order the dequeue would wait for ever for the enqueue that was made after it."""
    q = fc.FIFOQueue(1, fc.int32, [[]])
    taken = q.dequeue()
    put = q.enqueue(5)
    with fc.Session(config=fc.ConfigProto(deterministic=True, operation_timeout_in_ms=20_000)) as sess:
        assert sess.run([taken, put])[0] == 5
