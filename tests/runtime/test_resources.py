"""What a resource's factory takes, what shares a name, and what a handle may lead to."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import flowcore as fc
from flowcore import kernels
from flowcore.graph.apply import apply


@pytest.fixture
def sess() -> Any:
    with fc.Session() as session:
        yield session


def refused(sess: fc.Session, fetches: Any, match: str, feed_dict: Any = None) -> None:
    with pytest.raises(fc.errors.InvalidArgumentError, match=match):
        sess.run(fetches, feed_dict)


# ---- attributes that cannot be ----------------------------------------


@pytest.mark.parametrize("rank", [65, 20_000])
@pytest.mark.parametrize("kind", ["FIFOQueueV2", "RandomShuffleQueueV2"])
def test_a_component_of_too_many_dimensions_is_refused(rank: int, kind: str) -> None:
    with pytest.raises(ValueError, match=f"'shapes' of {kind}: .* at most 64 dimensions, found {rank}"):
        apply(kind, component_types=[fc.float32], shapes=[[1] * rank])
    attrs = {"component_types": [1, 1], "shapes": [[2], [1] * rank]}
    match = rf"shapes\[1\] has {rank} dimensions; a tensor has at most 64"
    with pytest.raises(ValueError, match=match):
        kernels.RESOURCE_FACTORIES[kind]("deep", attrs)


@pytest.mark.parametrize("rank", [8, 9, 64])
def test_a_component_of_many_dimensions_is_taken(sess: fc.Session, rank: int) -> None:
    queue = fc.FIFOQueue(4, fc.float32, shapes=[[1] * rank])
    sess.run(queue.enqueue(np.full([1] * rank, 3, np.float32)))
    assert sess.run(queue.dequeue()).shape == (1,) * rank


def test_a_queue_of_too_many_components_is_refused(sess: fc.Session) -> None:
    queue = fc.FIFOQueue(4, [fc.int8] * 65)
    refused(sess, queue.size(), "component_types has 65 entries; a queue has 1 to 64 components")


def test_shapes_for_some_components_only_are_refused(sess: fc.Session) -> None:
    handle = apply("FIFOQueueV2", component_types=[fc.int8, fc.int8], shapes=[fc.TensorShape([2])])
    refused(sess, apply("QueueSizeV2", handle), "shapes has 1 entries and component_types 2")


@pytest.mark.parametrize("rank", [65, 20_000])
def test_a_variable_of_too_many_dimensions_is_refused(rank: int) -> None:
    with pytest.raises(ValueError, match=f"'shape' of VarHandleOp: .* at most 64 dimensions, found {rank}"):
        apply("VarHandleOp", dtype=fc.float32, shape=[1] * rank)
    with pytest.raises(ValueError, match=f"shape has {rank} dimensions; a tensor has at most 64"):
        kernels.RESOURCE_FACTORIES["VarHandleOp"]("deep", {"dtype": 1, "shape": [1] * rank})


# ---- one name, two meanings ----------------------------------------


@pytest.mark.parametrize(
    ("first", "second", "differ"),
    [
        ({"dtypes": fc.int8}, {"dtypes": fc.float32}, r"component_types: \[int8\] and \[float32\]"),
        ({"dtypes": fc.string}, {"dtypes": fc.float32}, r"component_types: \[string\] and \[float32\]"),
        ({"shapes": [[2]]}, {"shapes": [[3]]}, r"shapes: \[\(2,\)\] and \[\(3,\)\]"),
        ({"shapes": [[2]]}, {"shapes": None}, r"shapes: \[\(2,\)\] and \[\]"),
        ({"capacity": 4}, {"capacity": 5}, "capacity: 4 and 5"),
    ],
)
def test_a_queue_found_again_must_be_the_same(
    sess: fc.Session, first: dict[str, Any], second: dict[str, Any], differ: str
) -> None:
    common = {"capacity": 4, "dtypes": fc.int8, "shared_name": "one"}
    sess.run(fc.FIFOQueue(**{**common, **first}, name="a").size())
    other = fc.FIFOQueue(**{**common, **second}, name="b")
    refused(sess, other.size(), f"node 'b' .*shares the name 'one' with .*node 'a' .*{differ}")


def test_a_queue_found_again_as_another_resource_is_refused(sess: fc.Session) -> None:
    sess.run(fc.FIFOQueue(4, fc.int8, shared_name="one", name="a").size())
    other = fc.RandomShuffleQueue(4, 1, fc.int8, shared_name="one", name="b")
    refused(sess, other.size(), "'b' .*'one' .*'a' .*FIFOQueueV2 and RandomShuffleQueueV2")
    handle = apply("VarHandleOp", dtype=fc.int8, shape=[], shared_name="one", name="c")
    refused(sess, apply("VarIsInitializedOp", handle), "'c' .*'one' .*'a' .*FIFOQueueV2 and VarHandleOp")


def test_the_same_queue_is_found_again(sess: fc.Session) -> None:
    make = [
        fc.RandomShuffleQueue(4, 0, fc.int8, shapes=[[]], shared_name="one", seed=seed) for seed in (7, None)
    ]
    sess.run(make[0].enqueue(np.int8(5)))
    assert sess.run(make[1].dequeue()) == 5


@pytest.mark.parametrize(
    ("dtype", "shape", "differ"),
    [(fc.float32, [2], "dtype: int8 and float32"), (fc.int8, [3], r"shape: \(2,\) and \(3,\)")],
)
def test_a_variable_found_again_must_be_the_same(
    sess: fc.Session, dtype: fc.DType, shape: list[int], differ: str
) -> None:
    handles = [
        apply("VarHandleOp", dtype=d, shape=s, shared_name="one", name=n)
        for d, s, n in ((fc.int8, [2], "a"), (dtype, shape, "b"))
    ]
    sess.run(apply("AssignVariableOp", handles[0], np.zeros(2, np.int8)))
    refused(sess, apply("ReadVariableOp", handles[1], dtype=dtype), f"'b' .*'one' .*'a' .*{differ}")


# ---- what a handle leads to is known at run time only ----------------------------------------


def chosen(*handles: fc.Tensor) -> tuple[fc.Tensor, fc.Tensor]:
    index = fc.placeholder(fc.int32, [])
    return index, apply("RefSelect", index, list(handles))


@pytest.mark.parametrize("stored", [fc.int8, fc.string, fc.float64])
@pytest.mark.parametrize("op_type", ["QueueDequeueV2", "QueueDequeueManyV2", "QueueDequeueUpToV2"])
def test_a_dequeue_refuses_a_queue_of_another_type(sess: fc.Session, stored: fc.DType, op_type: str) -> None:
    queues = [fc.FIFOQueue(4, d, shapes=[[2]]) for d in (stored, fc.float32)]
    for queue in queues:
        sess.run(queue.enqueue(fc.zeros([2], queue.dtypes[0])))
    index, handle = chosen(*[q.queue_ref for q in queues])
    count = [] if op_type == "QueueDequeueV2" else [1]
    out = fc.nn.softmax(apply(op_type, handle, *count, component_types=[fc.float32]))
    refused(sess, out, f"component 0 of queue .* has {stored.name}, this node float32", {index: 0})
    assert sess.run(queues[0].size()) == 1  # nothing was taken
    np.testing.assert_array_equal(np.ravel(sess.run(out, {index: 1})), [0.5, 0.5])


def test_an_enqueue_refuses_a_queue_of_another_type(sess: fc.Session) -> None:
    queues = [fc.FIFOQueue(4, fc.int8), fc.FIFOQueue(4, [fc.float32, fc.float32])]
    index, handle = chosen(*[q.queue_ref for q in queues])
    put = apply("QueueEnqueueV2", handle, [fc.constant(1.0)])
    refused(sess, put, "component 0 of queue .* has int8, this node float32", {index: 0})
    refused(sess, put, "has 2 components, this node is for 1", {index: 1})


def test_reading_a_variable_refuses_another_dtype(sess: fc.Session) -> None:
    with fc.device("/cpu:0"):
        variables = [fc.Variable(np.array([1, 2], t), use_resource=True) for t in (np.int8, np.float32)]
        words = fc.Variable([b"a", b"b"], use_resource=True)
    sess.run(fc.global_variables_initializer())
    index, handle = chosen(*[v.handle for v in (*variables, words)])
    for out in (
        apply("ReadVariableOp", handle, dtype=fc.float32),
        apply("ResourceGather", handle, [0, 1], dtype=fc.float32),
    ):
        value = fc.nn.softmax(out)
        refused(sess, value, "has dtype int8, and this node was made for one of dtype float32", {index: 0})
        refused(sess, value, "has dtype string, and this node was made for one of", {index: 2})
        assert sess.run(value, {index: 1}).sum() == pytest.approx(1)


@pytest.mark.parametrize(
    "op_type", ["AssignVariableOp", "AssignAddVariableOp", "AssignSubVariableOp", "ResourceScatterAdd"]
)
def test_writing_a_variable_refuses_another_dtype(sess: fc.Session, op_type: str) -> None:
    v = fc.Variable(np.array([1, 2], np.int8), use_resource=True)
    sess.run(fc.global_variables_initializer())
    index, handle = chosen(v.handle)
    rows = [[0, 1]] if "Scatter" in op_type else []
    write = apply(op_type, handle, *rows, np.ones(2, np.float64))
    refused(sess, write, "has dtype int8, and this node was made for one of dtype float64", {index: 0})
    np.testing.assert_array_equal(sess.run(v), [1, 2])


@pytest.mark.parametrize("op_type", ["QueueSizeV2", "VarIsInitializedOp", "ReaderNumRecordsProducedV2"])
def test_a_handle_of_another_kind_is_refused(sess: fc.Session, op_type: str) -> None:
    with fc.device("/cpu:0"):
        queue, v = fc.FIFOQueue(4, fc.int8), fc.Variable(1.0, use_resource=True)
        reader = fc.IdentityReader()
    handles = {
        "QueueSizeV2": v.handle,
        "VarIsInitializedOp": reader.reader_ref,
        "ReaderNumRecordsProducedV2": queue.queue_ref,
    }
    kind = {"QueueSizeV2": "queue", "VarIsInitializedOp": "variable", "ReaderNumRecordsProducedV2": "reader"}
    refused(sess, apply(op_type, handles[op_type]), f"is not the handle of a {kind[op_type]}")
