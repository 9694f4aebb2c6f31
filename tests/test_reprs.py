"""What objects look like in a shell or a log: one line, with name, state and sizes."""

import inspect

import numpy as np
import pytest

import flowcore as fc


def test_session_and_graph():
    with fc.Graph().as_default() as graph:
        fc.constant(1.0)
        assert repr(graph) == "<flowcore.Graph of 1 operations>"
        config = fc.ConfigProto(inter_op_parallelism_threads=2)
        with fc.Session(config=config) as sess:
            assert repr(sess) == "<flowcore.Session, open, 2 threads, of <flowcore.Graph of 1 operations>>"
        graph.finalize()
        assert repr(sess) == (
            "<flowcore.Session, closed, 2 threads, of <flowcore.Graph of 1 operations, finalized>>"
        )
        shell = fc.InteractiveSession(config=config)
        assert repr(shell).startswith("<flowcore.InteractiveSession, open, ")
        shell.close()


def test_queues_and_readers():
    queue = fc.FIFOQueue(4, [fc.float32, fc.int64], shapes=[[2], []], name="pairs")
    other = fc.FIFOQueue(8, [fc.float32, fc.int64], shapes=[[2], []], name="others")
    assert repr(queue) == "<flowcore.FIFOQueue 'pairs' capacity=4 of float32(2,), int64()>"
    mixed = fc.RandomShuffleQueue(-1, 0, fc.string, name="files")
    assert repr(mixed) == "<flowcore.RandomShuffleQueue 'files' capacity=unlimited of string>"
    either = fc.QueueBase.from_list(0, [queue, other])
    assert repr(either) == "<flowcore.QueueBase 'RefSelect' of float32(2,), int64()>"
    assert repr(fc.WholeFileReader("reader")) == "<flowcore.WholeFileReader 'reader'>"


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda: fc.train.GradientDescentOptimizer(0.5), "GradientDescent' learning_rate=0.5, 0 slots>"),
        (
            lambda: fc.train.MomentumOptimizer(0.5, 0.9, name="M"),
            "'M' learning_rate=0.5 momentum=0.9 use_nesterov=False, 0 slots>",
        ),
        (
            lambda: fc.train.AdamOptimizer(fc.constant(0.1, name="rate")),
            "'Adam' learning_rate=rate:0 beta1=0.9 beta2=0.999 epsilon=1e-08, 0 slots>",
        ),
        (
            lambda: fc.train.AdagradOptimizer(0.5),
            "'Adagrad' learning_rate=0.5 initial_accumulator_value=0.1, 0 slots>",
        ),
        (
            lambda: fc.train.RMSPropOptimizer(0.5),
            "'RMSProp' learning_rate=0.5 decay=0.9 momentum=0.0 epsilon=1e-10, 0 slots>",
        ),
    ],
    ids=["descent", "momentum", "adam", "adagrad", "rmsprop"],
)
def test_optimizers(make, expected):
    optimizer = make()
    text = repr(optimizer)
    assert text.startswith(f"<flowcore.train.{type(optimizer).__name__} '")
    assert text.endswith(expected)


def test_an_optimizer_counts_its_slots():
    optimizer = fc.train.AdamOptimizer()
    optimizer.minimize(fc.reduce_sum(fc.Variable([1.0]) * fc.Variable([2.0])))
    assert repr(optimizer).endswith("epsilon=1e-08, 4 slots>")


def test_coordinator_and_queue_runner():
    coordinator = fc.train.Coordinator()
    queue = fc.FIFOQueue(2, fc.float32, shapes=[[]], name="numbers")
    element = queue.dequeue()
    runner = fc.train.QueueRunner(queue, [queue.enqueue(1.0)] * 2)
    assert repr(coordinator) == "<flowcore.train.Coordinator, running, 0 threads alive>"
    assert repr(runner) == "<flowcore.train.QueueRunner of 'numbers', 2 threads, not started>"
    with fc.Session() as sess:
        threads = runner.create_threads(sess, coordinator, daemon=True, start=True)
        sess.run(element)
        assert repr(runner) == "<flowcore.train.QueueRunner of 'numbers', 2 threads, 2 running>"
        assert repr(coordinator) == "<flowcore.train.Coordinator, running, 2 threads alive>"
        coordinator.request_stop(ValueError("enough"))
        assert "<flowcore.train.Coordinator, stop requested, for ValueError, " in repr(coordinator)
        with pytest.raises(ValueError, match="enough"):
            coordinator.join(threads)
    assert repr(runner) == "<flowcore.train.QueueRunner of 'numbers', 2 threads, ended>"
    assert repr(coordinator) == "<flowcore.train.Coordinator, joined, for ValueError, 0 threads alive>"


def test_variable_scopes():
    with fc.variable_scope("a") as scope, fc.variable_scope("b", reuse=fc.AUTO_REUSE) as inner:
        assert repr(scope) == "<flowcore.VariableScope 'a' reuse=False>"
        assert repr(inner) == "<flowcore.VariableScope 'a/b' reuse=AUTO_REUSE>"
    assert repr(fc.variable_scope(scope)) == "<flowcore.variable_scope 'a'>"
    assert repr(fc.variable_scope(None, default_name="layer")) == "<flowcore.variable_scope 'layer'>"


def test_initializers():
    assert repr(fc.zeros_initializer()) == "flowcore.zeros_initializer(dtype='float32')"
    assert "value=<array of [2, 2]>" in repr(fc.constant_initializer(np.ones([2, 2])))


def test_a_trace():
    metadata = fc.RunMetadata()
    options = fc.RunOptions(trace_level=fc.RunOptions.FULL_TRACE)
    x = fc.placeholder(fc.float32)
    with fc.Session() as sess:
        sess.run(x * 2.0, {x: 1.0}, options, metadata)
    count = len(fc.timeline.node_stats(metadata))
    assert count > 0
    text = f"<flowcore.timeline.Timeline of {count} executions of nodes>"
    assert repr(fc.timeline.Timeline(metadata.step_stats)) == text


def test_no_public_class_with_state_is_shown_by_its_address():
    """Names of constants, decorators and name_scope have nothing to show."""
    without = {"AggregationMethod", "GraphKeys", "RegisterGradient", "name_scope"}
    for module in (fc, fc.nn, fc.train, fc.image):
        for name, value in vars(module).items():
            if inspect.isclass(value) and value.__module__.startswith("flowcore") and name not in without:
                assert value.__repr__ is not object.__repr__, name
