"""Elements that own what they point to: handles of resources in tensors of any shape, and how long a
resource lives. Lists, the other such elements, are in tests/ops/test_list_ops.py.
"""

from __future__ import annotations

import gc
from typing import Any

import numpy as np
import pytest

import flowcore as fc
from flowcore import _engine
from flowcore.graph.apply import apply


def queues(count: int) -> tuple[list[Any], list[Any]]:
    """Queues, and what puts their own numbers into them."""
    made = [fc.FIFOQueue(100, [fc.int32], [[]], name=f"q{k}") for k in range(count)]
    return made, [q.enqueue([k]) for k, q in enumerate(made)]


def dequeued(handle: Any) -> Any:
    return apply("QueueDequeueV2", handle, component_types=[fc.int32])[0]


def test_handles_go_through_ops_that_move_elements() -> None:
    made, fill = queues(3)
    together = fc.stack([q.queue_ref for q in made])
    index = fc.placeholder(fc.int32, [])
    twice = fc.concat([together, together[::-1]], 0)
    chosen = {
        "gather": fc.gather(together, index),
        "slice": together[index],
        "concat": fc.gather(twice, 5 - index),
        "tile": fc.gather(fc.tile(together, [2]), index + 3),
        "reverse": fc.gather(fc.reverse(together, [0]), 2 - index),
        "transpose": fc.transpose(fc.reshape(fc.tile(together, [2]), [2, 3]))[index, 1],
        "pad": fc.gather(apply("PadV2", together, [[1, 0]], made[0].queue_ref), index + 1),
        "select": fc.where(fc.equal(index, 1), made[1].queue_ref, fc.gather(together, index)),
    }
    taken = {name: dequeued(handle) for name, handle in chosen.items()}
    with fc.Session() as session:
        for k in range(3):
            for name, value in taken.items():
                session.run(fill)
                assert session.run(value, {index: k}) == k, name


def test_a_handle_waits_in_a_queue() -> None:
    made, fill = queues(2)
    handles = fc.FIFOQueue(4, [fc.resource], [[]])
    put = [handles.enqueue([q.queue_ref]) for q in made]
    pair = handles.dequeue_many(2)
    taken = dequeued(pair[1]), dequeued(handles.dequeue())
    with fc.Session() as session:
        session.run(fill)
        session.run(put[0])
        session.run(put[1])
        assert session.run(taken[0]) == 1
        session.run(put[0])
        assert session.run(taken[1]) == 0
        session.run(put[0])  # stays


def test_a_resource_goes_with_its_last_handle() -> None:
    """The session's reference, those of a plan's constants, of a waiting element: none is left."""
    gc.collect()
    before = _engine.live_counts()["bytes"]
    with fc.Graph().as_default():
        v = fc.Variable(np.zeros(1 << 20, np.float32), use_resource=True)
        handles = fc.FIFOQueue(4, [fc.resource], [[]])
        put = handles.enqueue([v.handle])
        with fc.Session() as session:
            session.run(v.initializer)
            session.run(put)
            session.run(put)
            assert _engine.live_counts()["bytes"] - before > 4 << 20
        del session, put, handles, v
    gc.collect()
    assert _engine.live_counts()["bytes"] - before < 1 << 20


def test_handles_have_no_zeros_and_no_arrays() -> None:
    (queue,), _ = queues(1)
    pair = fc.stack([queue.queue_ref] * 2)
    zeros = apply("ZerosLike", pair)
    with fc.Session() as session:
        with pytest.raises(fc.errors.InvalidArgumentError, match="handles of resources have no zeros"):
            session.run(zeros.op)
        with pytest.raises(TypeError, match="is a handle of a resource, which no NumPy array can hold"):
            session.run(pair)
        with pytest.raises(TypeError, match="of dtype resource cannot be fed"):
            session.run(dequeued(pair[0]), {pair: 1})


def test_a_tensor_of_many_handles_is_no_handle() -> None:
    made, _ = queues(2)
    both = fc.stack([q.queue_ref for q in made])
    with (
        fc.Session() as session,
        pytest.raises(fc.errors.InvalidArgumentError, match="not the handle of a queue"),
    ):
        session.run(dequeued(both))
