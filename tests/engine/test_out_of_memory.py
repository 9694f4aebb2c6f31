"""Every allocation of the engine, of queues and of buffers fails once, alone and with all after it:
the run ends with an error that says so, or as if nothing had been; it never hangs, and nothing is
left.
"""

from __future__ import annotations

import gc
import pathlib
import sys
from collections.abc import Callable, Iterator

import numpy as np
import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import nested
import test_frames

import flowcore as fc
from flowcore import _buffer, _engine, _fifo
from flowcore.kernels import _array, _nn

KERNELS = {k.op: k for k in reversed(_engine.load_kernels([*_array.KERNELS, *_nn.KERNELS, *_fifo.KERNELS]))}
RESOURCE_EXHAUSTED, CANCELLED = 8, 1
#: More than a thread's list of ready nodes holds at first, so that it must grow.
WIDE = 70
ALL_AFTER = 1 << 40


@pytest.fixture(autouse=True)
def counting_ends() -> Iterator[None]:
    yield
    _buffer._fail_allocations(0)


def alive() -> dict[str, int]:
    return {what: n for what, n in _engine.live_counts().items() if what != "cached_bytes"}


def every_failure(scenario: Callable[[], None], count: int) -> tuple[int, int]:
    """Runs the scenario with each of its allocations failing. Returns how many there are, and how
    many of these ended in an error.
    """
    scenario()  # what is made once and kept
    gc.collect()
    before = alive()
    failed = n = 0
    while True:
        n += 1
        _buffer._fail_allocations(n, count)
        try:
            scenario()
        except MemoryError:
            failed += 1
        except _engine.StepError as error:
            assert error.code == RESOURCE_EXHAUSTED or isinstance(error.cause, MemoryError), error
            assert "memory" in error.message, error
            failed += 1
        made = _buffer._fail_allocations(0)
        if alive() != before:
            gc.collect()
        assert alive() == before, n
        if made < n:
            return n - 1, failed


def parked_run(threads: int) -> None:
    """Three dequeues and a batch park; a wide layer runs; an enqueue behind it serves them."""
    queue = _engine.Resource(
        _fifo.create_FIFOQueueV2("q", {"component_types": [9], "shapes": [[2]], "capacity": 3})
    )
    nodes: list[_engine.Node] = []
    slot = 4
    takes = []
    for i in range(4):
        op, inputs = ("QueueDequeueManyV2", (0, 1)) if i == 3 else ("QueueDequeueV2", (0,))
        nodes.append(_engine.Node(f"take{i}", KERNELS[op], inputs, (slot,), attrs=([9],)))
        takes.append(slot)
        slot += 1
    wide = []
    for i in range(WIDE):
        node = _engine.Node(f"wide{i}", KERNELS["BiasAdd"], (2, 3), (slot,), attrs=("NHWC",))
        wide.append(len(nodes))
        nodes.append(node)
        slot += 1
    many = _engine.Node("put", KERNELS["QueueEnqueueManyV2"], (0, slot), after=tuple(wide))
    constants = {
        0: queue,
        1: np.array(2, np.int32),
        3: np.ones(2, np.int64),
        slot: np.arange(10, dtype=np.int64).reshape(5, 2),
    }
    plan = _engine.Plan(_engine.Pool(threads), [*nodes, many], slot + 1, [2], takes, constants)
    for trace in (None, []):
        try:
            values = plan.run([np.ones((1, 2), np.int64)], 60_000, trace)
        except _engine.StepError as error:
            assert error.code != CANCELLED, error
            raise
        assert sorted(np.concatenate([np.ravel(v) for v in values])) == list(range(10))


@pytest.mark.parametrize("count", [1, ALL_AFTER])
@pytest.mark.parametrize("threads", [1, 2])
def test_a_run_with_parked_nodes_ends(threads: int, count: int) -> None:
    made, failed = every_failure(lambda: parked_run(threads), count)
    assert made > WIDE
    # With all later ones failing too, every first one but a few that have another way out is an error.
    assert failed > 0.9 * made if count > 1 else failed > 0.8 * made


def nested_run() -> None:
    """A branch in a loop in a call: five plans, and a frame of each body."""
    pool = _engine.Pool(1)
    rng = np.random.default_rng(1)
    body = nested.random_body(rng, 3, 4)
    plan = body.engine_plan(pool, top=True)
    row = np.arange(nested.WIDTH, dtype=np.int64).reshape(1, nested.WIDTH)
    fed = [row, np.array(2, np.int64), np.array([0], np.int32)]
    np.testing.assert_array_equal(plan.run(fed)[0], body.interpret(fed)[0])


@pytest.mark.parametrize("count", [1, ALL_AFTER])
def test_nested_calls_leave_nothing(count: int) -> None:
    made, failed = every_failure(nested_run, count)
    assert made > 30
    assert failed > 0.9 * made if count > 1 else failed > 0.8 * made


def run_at_once() -> None:
    """A loop of which three turns run at once."""
    plan = test_frames.sum_of_squares(_engine.Pool(1), test_frames.Busy(), 3)
    total, _, _ = plan.run([np.array(n, np.int64) for n in (0, 0, 9)])
    assert total == sum(n * n for n in range(9))


@pytest.mark.parametrize("count", [1, ALL_AFTER])
def test_turns_at_once_leave_nothing(count: int) -> None:
    made, failed = every_failure(run_at_once, count)
    assert made > 30
    assert failed > 0.9 * made if count > 1 else failed > 0.8 * made


def string_run() -> None:
    queue = _engine.Resource(
        _fifo.create_RandomShuffleQueueV2("q", {"component_types": [7], "shapes": [[]], "capacity": -1})
    )
    put = _engine.Node("put", KERNELS["QueueEnqueueManyV2"], (0, 1))
    take = _engine.Node("take", KERNELS["QueueDequeueManyV2"], (0, 2), (3,), (0,), attrs=([7],))
    words = np.array([str(i).encode() for i in range(20)], object)
    plan = _engine.Plan(_engine.Pool(1), [put, take], 4, [1], [3], {0: queue, 2: np.array(20, np.int32)})
    (found,) = plan.run([words])
    assert sorted(found) == sorted(words)


@pytest.mark.parametrize("count", [1, ALL_AFTER])
def test_strings_through_a_queue_leave_nothing(count: int) -> None:
    made, failed = every_failure(string_run, count)
    assert made > 20
    assert failed > 0.9 * made


def wide_run() -> None:
    """A batch that asks for more than there is room for at first, beside one that waits already."""
    queue = _engine.Resource(
        _fifo.create_FIFOQueueV2("q", {"component_types": [9], "shapes": [[]], "capacity": -1})
    )
    put = _engine.Node("put", KERNELS["QueueEnqueueManyV2"], (0, 1))
    first = _engine.Node("first", KERNELS["QueueDequeueManyV2"], (0, 2), (3,), attrs=([9],))
    second = _engine.Node("second", KERNELS["QueueDequeueManyV2"], (0, 2), (4,), (0,), attrs=([9],))
    plan = _engine.Plan(
        _engine.Pool(1), [put, first, second], 5, [1], [3, 4], {0: queue, 2: np.array(600, np.int32)}
    )
    values = plan.run([np.arange(1200)])
    assert np.concatenate(values).tolist() in ([*range(1200)], [*range(600, 1200), *range(600)])


@pytest.mark.parametrize("count", [1, ALL_AFTER])
def test_batches_that_grow_end(count: int) -> None:
    made, failed = every_failure(wide_run, count)
    assert made > 10
    assert failed > 0.8 * made


@pytest.mark.parametrize("n", range(1, 12))
def test_a_failed_batch_gives_its_elements_back(n: int) -> None:
    """A batch waits with what it has taken so far; whatever fails meanwhile, none of it is lost."""
    queue = fc.FIFOQueue(8, fc.int64, shapes=[[]])
    put = queue.enqueue_many([np.arange(16, dtype=np.int64)[:8]])
    with fc.Session() as sess:
        sess.run(put)
        late = queue.dequeue_many(9)
        with pytest.raises((fc.errors.OpError, MemoryError)):
            _buffer._fail_allocations(n, ALL_AFTER)
            try:
                sess.run(late, options=fc.RunOptions(timeout_in_ms=50))
            finally:
                _buffer._fail_allocations(0)
        with pytest.raises(fc.errors.DeadlineExceededError):
            sess.run(late, options=fc.RunOptions(timeout_in_ms=50))
        np.testing.assert_array_equal(sess.run(queue.dequeue_many(8)), np.arange(8))
