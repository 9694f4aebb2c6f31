"""A queue that a failed runner closed says which runner and why, wherever it is met."""

from __future__ import annotations

import gc
from typing import Any

import numpy as np
import pytest

import flowcore as fc


def broken_pipeline(threads: int = 1) -> Any:
    """Batches behind a queue whose runner fails at its first element."""

    def broken() -> np.ndarray:
        raise ValueError("no such image")

    image = fc.py_func(broken, [], fc.float32)
    image.set_shape([])
    images = fc.FIFOQueue(8, fc.float32, [[]], name="images")
    fc.train.add_queue_runner(fc.train.QueueRunner(images, [images.enqueue(image)] * threads))
    return fc.train.batch([images.dequeue()], 2, num_threads=threads)


def test_forgotten_local_initialisers_do_not_look_like_the_end_of_the_input() -> None:
    """The classic loop: `except OutOfRangeError` must not train zero steps in silence."""
    batch = fc.train.batch([fc.train.range_input_producer(5, num_epochs=1).dequeue()], 2)
    with fc.Session() as sess:
        sess.run(fc.global_variables_initializer())
        coord = fc.train.Coordinator()
        threads = fc.train.start_queue_runners(sess, coord)
        with pytest.raises(
            fc.errors.FailedPreconditionError,
            match=r"'batch/fifo_queue' is closed.*because the queue runner of 'input_producer' failed"
            r".*epochs.*flowcore\.local_variables_initializer\(\)",
        ) as caught:
            sess.run(batch)
        cause = caught.value.__cause__
        assert isinstance(cause, fc.errors.FailedPreconditionError)
        assert cause.op.type == "CountUpTo"
        with pytest.raises(fc.errors.FailedPreconditionError, match="local_variables_initializer"):
            coord.join(threads)


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("coordinated", [False, True])
def test_every_queue_behind_a_failed_runner_names_it(
    threads: int, coordinated: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    batch = broken_pipeline(threads)
    with fc.Session() as sess:
        coord = fc.train.Coordinator() if coordinated else None
        started = fc.train.start_queue_runners(sess, coord)
        for _ in range(3):  # each time, not only the first
            with pytest.raises(
                fc.errors.InvalidArgumentError, match=r"queue runner of 'images' failed.*no such image"
            ):
                sess.run(batch)
        call = sess.make_callable(batch)
        with pytest.raises(fc.errors.InvalidArgumentError, match="queue runner of 'images' failed"):
            call()
        if coord is not None:
            with pytest.raises(fc.errors.InvalidArgumentError, match="no such image"):
                coord.join(started)
        for thread in started:
            thread.join(10)
    assert ("queue runner of 'images' ended" in capsys.readouterr().err) is not coordinated


def test_a_queue_chosen_at_run_time_names_the_runner_too() -> None:
    broken_pipeline()
    (images, _) = (runner.queue for runner in fc.get_collection(fc.GraphKeys.QUEUE_RUNNERS))
    chosen = fc.QueueBase.from_list(fc.placeholder_with_default(0, []), [images, images])
    item = chosen.dequeue()
    with fc.Session() as sess:
        coord = fc.train.Coordinator()
        threads = fc.train.start_queue_runners(sess, coord)
        with pytest.raises(fc.errors.InvalidArgumentError, match="queue runner of 'images' failed"):
            sess.run(item)
        with pytest.raises(fc.errors.InvalidArgumentError):
            coord.join(threads)


def test_a_failure_that_means_the_end_elsewhere_is_no_end_of_the_input() -> None:
    """An OutOfRangeError that this runner does not take for an end must not look like one."""
    queue = fc.FIFOQueue(4, fc.int32, [[]])
    ended = (fc.errors.CancelledError,)
    item = fc.train.range_input_producer(1, num_epochs=1).dequeue()
    runner = fc.train.QueueRunner(queue, [queue.enqueue(item)], queue_closed_exception_types=ended)
    fc.train.add_queue_runner(runner)
    element = queue.dequeue()
    with fc.Session() as sess:
        sess.run(fc.local_variables_initializer())
        fc.train.start_queue_runners(sess)
        assert sess.run(element) == 0
        with pytest.raises(fc.errors.AbortedError, match="queue runner of 'fifo_queue' failed"):
            sess.run(element)


def test_an_end_of_the_input_stays_an_out_of_range_error() -> None:
    item = fc.train.range_input_producer(1, num_epochs=1).dequeue()
    with fc.Session() as sess:
        sess.run(fc.local_variables_initializer())
        coord = fc.train.Coordinator()
        threads = fc.train.start_queue_runners(sess, coord)
        assert sess.run(item) == 0
        with pytest.raises(fc.errors.OutOfRangeError):
            sess.run(item)
        coord.request_stop()
        coord.join(threads)
        with pytest.raises(fc.errors.OutOfRangeError):
            sess.run(item)


def test_an_exception_that_nobody_raises_is_told_when_the_coordinator_goes(
    capsys: pytest.CaptureFixture[str],
) -> None:
    coord = fc.train.Coordinator()
    coord.request_stop(ValueError("lost"))
    del coord
    gc.collect()
    assert "join()" in (told := capsys.readouterr().err)
    assert "ValueError: lost" in told
    joined = fc.train.Coordinator()
    joined.request_stop(ValueError("found"))
    with pytest.raises(ValueError, match="found"):
        joined.join()
    del joined
    ended = fc.train.Coordinator()
    ended.request_stop(fc.errors.OutOfRangeError(None, None, "the end"))
    del ended
    gc.collect()
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("wrong", [{"enqueue_ops": [3]}, {"close_op": "close"}, {"cancel_op": [1]}])
def test_a_runner_takes_what_a_session_can_run(wrong: dict) -> None:
    queue = fc.FIFOQueue(1, fc.int32)
    with pytest.raises(TypeError, match="must be an Operation or a Tensor, found"):
        fc.train.QueueRunner(**{"queue": queue, "enqueue_ops": [queue.enqueue(1)], **wrong})
