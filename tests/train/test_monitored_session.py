"""Sessions with hooks: order, ends, errors, recovery, checkpoints."""

from __future__ import annotations

import logging
import pathlib
from typing import Any

import numpy as np
import pytest

import flowcore as fc

train = fc.train


class Diary(train.SessionRunHook):
    """Writes down what it is called for."""

    def __init__(self, request: train.SessionRunArgs | None = None) -> None:
        self.calls: list[str] = []
        self.values: list[Any] = []
        self.request = request

    def begin(self) -> None:
        self.calls.append("begin")

    def after_create_session(self, session: Any, coord: Any) -> None:
        self.calls.append("create")
        assert isinstance(coord, train.Coordinator)

    def before_run(self, run_context: train.SessionRunContext) -> train.SessionRunArgs | None:
        self.calls.append("before")
        return self.request

    def after_run(self, run_context: Any, run_values: train.SessionRunValues) -> None:
        self.calls.append("after")
        self.values.append(run_values.results)

    def end(self, session: Any) -> None:
        self.calls.append("end")


def counting() -> tuple[fc.Variable, Any]:
    step = train.get_or_create_global_step()
    return step, fc.assign_add(step, 1)


def test_hooks_are_called_in_order_and_get_what_they_asked_for() -> None:
    _, count = counting()
    x = fc.placeholder(fc.float32, [])
    first = Diary(train.SessionRunArgs({"double": x * 2.0}, {x: 3.0}))
    second = Diary()
    with train.MonitoredSession(hooks=[first, second]) as sess:
        assert sess.graph is fc.get_default_graph()
        assert sess.graph.finalized
        assert sess.run({"count": count}) == {"count": 1}
        assert sess.run(count) == 2
    assert first.calls == ["begin", "create", *["before", "after"] * 2, "end"]
    assert first.values == [{"double": 6.0}] * 2
    assert second.values == [None, None]
    assert not fc.get_default_graph().finalized
    assert sess.should_stop()
    assert sess.graph is None
    with pytest.raises(RuntimeError, match="the session is closed"):
        sess.run(count)


@pytest.mark.parametrize("arguments", [{"num_steps": 4}, {"last_step": 4}])
def test_a_training_stops_at_a_step(arguments: dict[str, int]) -> None:
    step, count = counting()
    final = train.FinalOpsHook({"last": step})
    with train.MonitoredSession(hooks=[train.StopAtStepHook(**arguments), final]) as sess:
        runs = 0
        while not sess.should_stop():
            sess.run(count)
            runs += 1
        with pytest.raises(RuntimeError, match="although should_stop is True"):
            sess.run(count)
    assert runs == 4
    assert final.final_ops_values == {"last": 4}


@pytest.mark.parametrize("error", [fc.errors.OutOfRangeError(None, None, "no more"), StopIteration()])
def test_the_end_of_the_data_is_a_normal_end(error: Exception) -> None:
    diary = Diary()
    with train.MonitoredSession(hooks=[diary]):
        raise error
    assert diary.calls == ["begin", "create", "end"]


def test_an_error_leaves_the_block_without_the_hooks_end() -> None:
    diary = Diary()
    bad = fc.check_numerics(fc.log(-1.0), "log")
    with (
        pytest.raises(fc.errors.InvalidArgumentError, match="log"),
        train.MonitoredSession(hooks=[diary]) as s,
    ):
        s.run(bad)
    assert diary.calls == ["begin", "create", "before"]


def test_a_lost_session_is_made_anew() -> None:
    v = fc.Variable(1.0)
    lost = [fc.errors.AbortedError(None, None, "gone"), fc.errors.UnavailableError(None, None, "gone")]

    def fail(x: Any) -> Any:
        if lost:
            raise lost.pop()
        return x

    value = fc.py_func(fail, [v], fc.float32)
    diary = Diary()
    with train.MonitoredSession(hooks=[diary]) as sess:
        assert sess.run(value) == 1.0
    assert diary.calls.count("create") == 3
    lost.append(fc.errors.AbortedError(None, None, "gone"))
    with pytest.raises(fc.errors.AbortedError), train.SingularMonitoredSession() as singular:
        singular.run(value)


def test_queue_runners_run_and_their_errors_arrive() -> None:
    element = train.range_input_producer(3, num_epochs=1, shuffle=False).dequeue()
    found = []
    with train.MonitoredSession() as sess:
        while not sess.should_stop():
            found.append(int(sess.run(element)))
    assert found == [0, 1, 2]
    queue = fc.FIFOQueue(5, [fc.int32], [[]])
    fails = fc.py_func(lambda: 1 / 0, [], fc.int32)
    train.add_queue_runner(train.QueueRunner(queue, [queue.enqueue(fails)]))
    taken = queue.dequeue()
    with pytest.raises(fc.errors.OpError, match="ZeroDivisionError"), train.MonitoredSession() as sess:
        while not sess.should_stop():
            sess.run(taken)


def test_a_step_function_runs_with_and_without_hooks() -> None:
    _, count = counting()
    diary = Diary()

    class Trainer:
        def step(self, step_context: Any) -> Any:
            assert step_context.session.run(count) == 1
            return step_context.run_with_hooks(count)

    with train.MonitoredSession(hooks=[diary]) as sess:
        assert sess.run_step_fn(Trainer().step) == 2
        assert diary.calls.count("before") == 1
        with pytest.raises(ValueError, match="step_context"):
            sess.run_step_fn(lambda other: None)
        with pytest.raises(TypeError, match="callable"):
            sess.run_step_fn(3)  # type: ignore[arg-type]
        sess.run_step_fn(lambda step_context: step_context.request_stop())
    assert diary.calls[-1] == "end"


def test_feeds_do_not_meet() -> None:
    x = fc.placeholder(fc.float32, [])
    feeds = train.FeedFnHook(lambda: {x: 1.0})
    with (
        pytest.raises(RuntimeError, match="is fed by FeedFnHook"),
        train.MonitoredSession(hooks=[feeds]) as s,
    ):
        s.run(x, {x: 2.0})


def test_checkpoints_are_saved_and_training_goes_on_from_them(tmp_path: pathlib.Path) -> None:
    told: list[int] = []

    class Listener(train.CheckpointSaverListener):
        def after_save(self, session: Any, global_step_value: int) -> bool | None:
            told.append(global_step_value)
            return global_step_value >= 9

    def run(until: int) -> int:
        with fc.Graph().as_default():
            step, count = counting()
            hooks = [
                train.StopAtStepHook(last_step=until),
                train.CheckpointSaverHook(str(tmp_path), save_steps=4, listeners=[Listener()]),
            ]
            creator = train.ChiefSessionCreator(checkpoint_dir=str(tmp_path))
            with train.MonitoredSession(creator, hooks) as sess:
                last = int(sess.run(step))
                while not sess.should_stop():
                    last = int(sess.run(count))
            return last

    assert run(6) == 6
    assert told == [0, 4, 6]
    assert train.latest_checkpoint(str(tmp_path)) == str(tmp_path / "model.ckpt-6")
    assert (tmp_path / "graph.pbtxt").is_file()
    told.clear()
    assert run(100) == 10
    assert told == [6, 10]


def test_a_loss_that_is_nan_ends_the_training(caplog: pytest.LogCaptureFixture) -> None:
    x = fc.placeholder(fc.float32, [])
    loss = fc.log(x, name="loss")
    hooks = [train.NanTensorHook("loss:0")]
    error = train.NanLossDuringTrainingError
    with pytest.raises(error, match="'loss:0' is NaN"), train.MonitoredSession(hooks=hooks) as sess:
        sess.run(loss, {x: 1.0})
        sess.run(loss, {x: -1.0})
    with train.MonitoredSession(hooks=[train.NanTensorHook(loss, fail_on_nan_loss=False)]) as sess:
        sess.run(loss, {x: -1.0})
        assert sess.should_stop()
    assert "the training ends" in caplog.text


def test_values_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    _, count = counting()
    hooks = [
        train.LoggingTensorHook({"n": count}, every_n_iter=2, at_end=True),
        train.StepCounterHook(every_n_steps=2),
        train.LoggingTensorHook(["global_step:0"], every_n_secs=1000, formatter=lambda v: f"<{v}>"),
    ]
    with caplog.at_level(logging.INFO, "flowcore"), train.MonitoredSession(hooks=hooks) as sess:
        for _ in range(4):
            sess.run(count)
    lines = [record.getMessage() for record in caplog.records]
    assert [line.split(" (")[0] for line in lines if line.startswith("n = ")] == ["n = 1", "n = 3", "n = 5"]
    assert any(line.startswith("global_step/sec: ") for line in lines)
    assert sum(line.startswith("<{'global_step:0': ") for line in lines) == 1


def test_a_timer_counts_steps_or_seconds() -> None:
    timer = train.SecondOrStepTimer(every_steps=3)
    due = []
    for step in range(7):
        if timer.should_trigger_for_step(step):
            due.append(step)
            timer.update_last_triggered_step(step)
    assert due == [0, 3, 6]
    assert timer.last_triggered_step() == 6
    seconds = train.SecondOrStepTimer(every_secs=1000.0)
    seconds.update_last_triggered_step(0)
    assert not seconds.should_trigger_for_step(5)
    for bad in ({}, {"every_secs": 1.0, "every_steps": 1}):
        with pytest.raises(ValueError, match="exactly one"):
            train.SecondOrStepTimer(**bad)


def test_what_is_not_initialised_is_named() -> None:
    fc.Variable(1.0, name="left_out")
    nothing = fc.no_op()
    creator = train.ChiefSessionCreator(train.Scaffold(init_op=nothing))
    with pytest.raises(RuntimeError, match="left_out"):
        train.MonitoredSession(creator)
    with pytest.raises(RuntimeError, match="not initialised"):
        train.SessionManager().prepare_session("")
    waiting = train.SessionManager(ready_op=fc.report_uninitialized_variables())
    with pytest.raises(fc.errors.DeadlineExceededError, match="left_out"):
        waiting.wait_for_session("", max_wait_secs=0)


def test_a_scaffold_takes_what_is_given_and_makes_the_rest() -> None:
    v = fc.Variable(np.zeros(2, np.float32))
    x = fc.placeholder(fc.float32, [2])
    seen = []
    scaffold = train.Scaffold(
        init_op=v.assign(x).op,
        init_feed_dict={x: [1.0, 2.0]},
        init_fn=lambda scaffold, sess: seen.append(scaffold),
    )
    with train.SingularMonitoredSession(scaffold=scaffold) as sess:
        assert sess.run(v).tolist() == [1.0, 2.0]
        assert sess.raw_session().run(v).tolist() == [1.0, 2.0]
    assert seen == [scaffold]
    copy = train.Scaffold(copy_from_scaffold=scaffold)
    assert copy.init_op is scaffold.init_op
    assert copy.saver is scaffold.saver
    fc.add_to_collection("mine", 1)
    fc.add_to_collection("mine", 2)
    with pytest.raises(RuntimeError, match="2 entries"):
        train.Scaffold.get_or_default("saver", "mine", lambda: None)


def test_bad_arguments() -> None:
    with pytest.raises(ValueError, match="exactly one of num_steps"):
        train.StopAtStepHook()
    with pytest.raises(ValueError, match="exactly one of every_n_iter"):
        train.LoggingTensorHook([], every_n_iter=1, every_n_secs=1.0)
    with pytest.raises(ValueError, match="positive"):
        train.LoggingTensorHook([], every_n_iter=0)
    with pytest.raises(TypeError, match="tensors"):
        train.LoggingTensorHook(3, every_n_iter=1)
    with pytest.raises(RuntimeError, match="needs a global step"):
        train.MonitoredSession(hooks=[train.StopAtStepHook(last_step=1)])
    with pytest.raises(TypeError, match="hooks"):
        train.MonitoredSession(hooks=[3])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="not both"):
        train.CheckpointSaverHook("x", save_steps=1, saver=1, scaffold=train.Scaffold())
    with (
        pytest.raises(TypeError, match="must return SessionRunArgs"),
        train.MonitoredSession(
            hooks=[Diary(3)]  # type: ignore[arg-type]
        ) as sess,
    ):
        sess.run(fc.get_default_graph().get_operations()[0])
