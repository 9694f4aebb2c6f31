"""Hooks: stop, log, count, check, feed."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from flowcore.arguments import described, flag, function, real_number, whole_number
from flowcore.graph.graph import get_default_graph
from flowcore.graph.operation import Tensor
from flowcore.ops.variables import Variable
from flowcore.runtime.session import Session
from flowcore.train.session_run_hook import (
    SessionRunArgs,
    SessionRunContext,
    SessionRunHook,
    SessionRunValues,
)
from flowcore.train.training_util import get_global_step

__all__ = [
    "FeedFnHook",
    "FinalOpsHook",
    "GlobalStepWaiterHook",
    "LoggingTensorHook",
    "NanLossDuringTrainingError",
    "NanTensorHook",
    "SecondOrStepTimer",
    "StepCounterHook",
    "StopAtStepHook",
]

_log = logging.getLogger("flowcore")


class SecondOrStepTimer:
    """Says when something is due: every so many seconds, or every so many steps.

    Args:
        every_secs: Seconds between two times; None: steps decide.
        every_steps: Steps between two times; None: seconds decide.

    Raises:
        TypeError: an argument is no number.
        ValueError: both are given, or neither.

    Example:
        >>> timer = fc.train.SecondOrStepTimer(every_steps=10)
        >>> timer.should_trigger_for_step(0)
        True
        >>> timer.update_last_triggered_step(0)
        (None, None)
        >>> timer.should_trigger_for_step(9), timer.should_trigger_for_step(10)
        (False, True)
    """

    def __init__(self, every_secs: float | None = None, every_steps: int | None = None) -> None:
        if (every_secs is None) == (every_steps is None):
            raise ValueError("exactly one of every_secs and every_steps must be given")
        self._every_secs = None if every_secs is None else real_number(every_secs, "every_secs")
        self._every_steps = None if every_steps is None else whole_number(every_steps, "every_steps")
        self.reset()

    def __repr__(self) -> str:
        steps, seconds = self._every_steps, self._every_secs
        return f"<flowcore.train.SecondOrStepTimer every_secs={seconds} every_steps={steps}>"

    def reset(self) -> None:
        """Forgets the last time: it is due again.

        Example:
            >>> timer = fc.train.SecondOrStepTimer(every_steps=10)
            >>> timer.reset()
        """
        self._last_step: int | None = None
        self._last_time: float | None = None

    def should_trigger_for_step(self, step: int) -> bool:
        """Whether it is due in a step.

        Args:
            step: The number of the step.

        Returns:
            A bool; False where the step has been told to `update_last_triggered_step` already.

        Raises:
            TypeError: step is no number.

        Example:
            >>> fc.train.SecondOrStepTimer(every_secs=60).should_trigger_for_step(3)
            True
        """
        if self._last_step is None or self._last_time is None:
            return True
        if self._last_step == step:
            return False
        if self._every_secs is not None:
            return time.monotonic() >= self._last_time + self._every_secs
        return step >= self._last_step + (self._every_steps or 0)

    def update_last_triggered_step(self, step: int) -> tuple[float | None, int | None]:
        """Notes that it was done in a step.

        Args:
            step: The number of the step.

        Returns:
            The seconds and the steps since the last time; (None, None) the first time.

        Raises:
            TypeError: step is no number.

        Example:
            >>> timer = fc.train.SecondOrStepTimer(every_steps=10)
            >>> timer.update_last_triggered_step(5)
            (None, None)
        """
        now = time.monotonic()
        passed: tuple[float | None, int | None] = (None, None)
        if self._last_time is not None and self._last_step is not None:
            passed = now - self._last_time, step - self._last_step
        self._last_time, self._last_step = now, step
        return passed

    def last_triggered_step(self) -> int | None:
        """The step of the last time; None before the first.

        Returns:
            An int or None.

        Example:
            >>> fc.train.SecondOrStepTimer(every_steps=10).last_triggered_step() is None
            True
        """
        return self._last_step


class _NeverTimer(SecondOrStepTimer):
    """Of a hook that acts at the end alone."""

    def __init__(self) -> None:
        self._every_secs = self._every_steps = None
        self.reset()

    def should_trigger_for_step(self, step: int) -> bool:
        return False


def required_global_step(what: str) -> Variable:
    step = get_global_step()
    if step is None:
        raise RuntimeError(
            f"{what} needs a global step in the graph: call flowcore.train.get_or_create_global_step"
        )
    return step


class StopAtStepHook(SessionRunHook):
    """Asks for the end after some steps, or at a step.

    Args:
        num_steps: How many steps from the first run on.
        last_step: The global step to stop at.

    Raises:
        TypeError: an argument is no whole number.
        ValueError: both are given, or neither.

    Example:
        >>> step = fc.train.get_or_create_global_step()
        >>> train = fc.assign_add(step, 1)
        >>> with fc.train.MonitoredSession(hooks=[fc.train.StopAtStepHook(last_step=3)]) as sess:
        ...     while not sess.should_stop():
        ...         last = sess.run(train)
        >>> last
        np.int64(3)
    """

    def __init__(self, num_steps: int | None = None, last_step: int | None = None) -> None:
        if (num_steps is None) == (last_step is None):
            raise ValueError("exactly one of num_steps and last_step must be given")
        self._num_steps = None if num_steps is None else whole_number(num_steps, "num_steps")
        self._last_step = None if last_step is None else whole_number(last_step, "last_step")

    def begin(self) -> None:
        """Finds the global step."""
        self._global_step = required_global_step("StopAtStepHook")

    def after_create_session(self, session: Session, coord: Any) -> None:
        """Finds the step to stop at."""
        if self._last_step is None:
            self._last_step = int(session.run(self._global_step)) + (self._num_steps or 0)

    def before_run(self, run_context: SessionRunContext) -> SessionRunArgs:
        """Asks for the global step."""
        return SessionRunArgs(self._global_step)

    def after_run(self, run_context: SessionRunContext, run_values: SessionRunValues) -> None:
        """Asks for the end at the last step."""
        last = self._last_step or 0
        # what a run fetches of the step may be from before its update
        if run_values.results + 1 >= last and int(run_context.session.run(self._global_step)) >= last:
            run_context.request_stop()


class NanLossDuringTrainingError(RuntimeError):
    """What NanTensorHook raises.

    Example:
        >>> str(fc.train.NanLossDuringTrainingError())
        'the loss is NaN'
    """

    def __str__(self) -> str:
        return ", ".join(map(str, self.args)) or "the loss is NaN"


class NanTensorHook(SessionRunHook):
    """Ends the training, by an error or quietly, when the loss is NaN.

    Args:
        loss_tensor: The loss, a Tensor or the name of one.
        fail_on_nan_loss: Whether to raise NanLossDuringTrainingError; else to ask for the end.

    Raises:
        TypeError: fail_on_nan_loss is no bool.

    Example:
        >>> loss = fc.log(-1.0)
        >>> try:
        ...     with fc.train.MonitoredSession(hooks=[fc.train.NanTensorHook(loss)]) as sess:
        ...         _ = sess.run(loss)
        ... except fc.train.NanLossDuringTrainingError as error:
        ...     print(error)
        the loss 'Log:0' is NaN
    """

    def __init__(self, loss_tensor: Tensor | str, fail_on_nan_loss: bool = True) -> None:
        self._loss = loss_tensor
        self._fail = flag(fail_on_nan_loss, "fail_on_nan_loss")

    def before_run(self, run_context: SessionRunContext) -> SessionRunArgs:
        """Asks for the loss."""
        return SessionRunArgs(self._loss)

    def after_run(self, run_context: SessionRunContext, run_values: SessionRunValues) -> None:
        """Raises, or asks for the end, where it is NaN."""
        if not np.isnan(run_values.results).any():
            return
        name = self._loss if isinstance(self._loss, str) else self._loss.name
        if self._fail:
            raise NanLossDuringTrainingError(f"the loss '{name}' is NaN")
        _log.warning("the loss '%s' is NaN: the training ends", name)
        run_context.request_stop()


def _by_tag(tensors: Any) -> dict[str, Any]:
    """Tags, in their order, and the tensors."""
    if isinstance(tensors, Mapping):
        return dict(tensors)
    if not isinstance(tensors, (list, tuple)):
        raise TypeError(f"tensors must be a dict or a list of Tensors or names, found {described(tensors)}")
    return {t if isinstance(t, str) else t.name: t for t in tensors}


class LoggingTensorHook(SessionRunHook):
    """Logs tensors every so many runs or seconds, or at the end, through the logger "flowcore".

    Args:
        tensors: A dict from tags to Tensors or their names, or a list of these.
        every_n_iter: Runs between two lines.
        every_n_secs: Seconds between two lines.
        at_end: Whether to log the last values at the end.
        formatter: A function of the dict from tags to values that returns the line; None: "tag =
            value" of each.

    Raises:
        TypeError: tensors or formatter is something else.
        ValueError: every_n_iter and every_n_secs are both given, or neither and not at_end;
            every_n_iter is not positive.

    Example:
        >>> loss = fc.constant(0.25)
        >>> hook = fc.train.LoggingTensorHook({"loss": loss}, every_n_iter=100)
    """

    def __init__(
        self,
        tensors: Any,
        every_n_iter: int | None = None,
        every_n_secs: float | None = None,
        at_end: bool = False,
        formatter: Callable[[dict[str, Any]], str] | None = None,
    ) -> None:
        only_at_end = at_end and every_n_iter is None and every_n_secs is None
        if not only_at_end and (every_n_iter is None) == (every_n_secs is None):
            raise ValueError("exactly one of every_n_iter and every_n_secs must be given, or at_end alone")
        if every_n_iter is not None and whole_number(every_n_iter, "every_n_iter") <= 0:
            raise ValueError(f"every_n_iter must be positive, found {every_n_iter}")
        self._tensors = _by_tag(tensors)
        self._formatter = None if formatter is None else function(formatter, "formatter")
        self._timer = _NeverTimer() if only_at_end else SecondOrStepTimer(every_n_secs, every_n_iter)
        self._at_end = at_end

    def begin(self) -> None:
        """Finds the tensors."""
        self._timer.reset()
        self._runs = 0
        graph = get_default_graph()
        self._fetches = {
            tag: graph.as_graph_element(t, allow_operation=False) for tag, t in self._tensors.items()
        }

    def before_run(self, run_context: SessionRunContext) -> SessionRunArgs | None:
        """Asks for the tensors where a line is due."""
        self._due = self._timer.should_trigger_for_step(self._runs)
        return SessionRunArgs(self._fetches) if self._due else None

    def after_run(self, run_context: SessionRunContext, run_values: SessionRunValues) -> None:
        """Logs them."""
        if self._due:
            self._tell(run_values.results)
        self._runs += 1

    def end(self, session: Session) -> None:
        """Logs the last values where that was asked for."""
        if self._at_end:
            self._tell(session.run(self._fetches))

    def _tell(self, values: dict[str, Any]) -> None:
        seconds, _ = self._timer.update_last_triggered_step(self._runs)
        line = (
            self._formatter(values)
            if self._formatter is not None
            else ", ".join(f"{tag} = {values[tag]}" for tag in self._tensors)
        )
        _log.info(line if seconds is None or self._formatter else f"{line} ({seconds:.3f} sec)")


class StepTimedHook(SessionRunHook):
    """The base of hooks that act every so many seconds or global steps."""

    def __init__(self, every_secs: float | None, every_steps: int | None) -> None:
        self._timer = SecondOrStepTimer(every_secs, every_steps)
        self._steps_per_run = 1

    def _set_steps_per_run(self, steps_per_run: int) -> None:
        self._steps_per_run = steps_per_run

    def begin(self) -> None:
        """Finds the global step."""
        self._global_step = required_global_step(type(self).__name__)

    def before_run(self, run_context: SessionRunContext) -> SessionRunArgs:
        """Asks for the global step."""
        return SessionRunArgs(self._global_step)

    def after_run(self, run_context: SessionRunContext, run_values: SessionRunValues) -> None:
        """Acts where that is due."""
        # what a run fetches of the step may be from before its update
        if not self._timer.should_trigger_for_step(run_values.results + self._steps_per_run):
            return
        step = int(run_context.session.run(self._global_step))
        if self._timer.should_trigger_for_step(step):
            self._act(run_context, step, *self._timer.update_last_triggered_step(step))

    def _act(
        self, run_context: SessionRunContext, step: int, seconds: float | None, steps: int | None
    ) -> None:
        """Overridden. `seconds`, `steps`: passed since the last time; None the first time."""
        raise NotImplementedError


class StepCounterHook(StepTimedHook):
    """Logs how many steps a second are done.

    Args:
        every_n_steps: Steps between two lines.
        every_n_secs: Seconds between two lines; None: steps decide.

    Raises:
        ValueError: every_n_steps and every_n_secs are both given.

    Example:
        >>> hook = fc.train.StepCounterHook(every_n_steps=100)
    """

    def __init__(self, every_n_steps: int | None = 100, every_n_secs: float | None = None) -> None:
        super().__init__(every_n_secs, every_n_steps)

    def begin(self) -> None:
        """Finds the global step."""
        super().begin()
        self._tag = f"{self._global_step.op.name}/sec"

    def _act(
        self, run_context: SessionRunContext, step: int, seconds: float | None, steps: int | None
    ) -> None:
        if seconds is not None and steps is not None:
            self._log_and_record(seconds, steps, step)

    def _log_and_record(self, elapsed_time: float, elapsed_steps: int, global_step: int) -> None:
        """May be overridden."""
        rate = elapsed_steps / elapsed_time if elapsed_time else math.inf
        _log.info("%s: %g", self._tag, rate)


class GlobalStepWaiterHook(SessionRunHook):
    """Has this worker wait until the global step is so far, as others bring it on.

    Args:
        wait_until_step: The step to wait for, an int.

    Raises:
        TypeError: it is no whole number.

    Example:
        >>> hook = fc.train.GlobalStepWaiterHook(wait_until_step=0)
    """

    def __init__(self, wait_until_step: int) -> None:
        self._wait_until_step = whole_number(wait_until_step, "wait_until_step")
        self._reached = False

    def begin(self) -> None:
        """Finds the global step."""
        self._reached = False
        self._global_step = required_global_step("GlobalStepWaiterHook")

    def before_run(self, run_context: SessionRunContext) -> None:
        """Waits, the first time."""
        told = 0.0
        while not self._reached:
            step = int(run_context.session.run(self._global_step))
            self._reached = step >= self._wait_until_step
            if self._reached:
                return
            if time.monotonic() - told > 30:
                told = time.monotonic()
                _log.info("waiting for global step %d, which is %d now", self._wait_until_step, step)
            time.sleep(0.5)


class FinalOpsHook(SessionRunHook):
    """Runs something once more at the end; `final_ops_values` is what it gave.

    Args:
        final_ops: What to fetch: a Tensor, an Operation or a structure of these.
        final_ops_feed_dict: What to feed then; None: nothing.

    Raises:
        TypeError: at the end, where final_ops cannot be fetched.

    Example:
        >>> total = fc.Variable(3.0)
        >>> hook = fc.train.FinalOpsHook(total)
        >>> with fc.train.MonitoredSession(hooks=[hook]) as sess:
        ...     _ = sess.run(total)
        >>> hook.final_ops_values
        np.float32(3.0)
    """

    def __init__(self, final_ops: Any, final_ops_feed_dict: Mapping[Any, Any] | None = None) -> None:
        self._final_ops = final_ops
        self._feed_dict = final_ops_feed_dict
        self._values: Any = None

    @property
    def final_ops_values(self) -> Any:
        """The values, in the structure of final_ops; None before the end."""
        return self._values

    def end(self, session: Session) -> None:
        """Runs the last ops."""
        if self._final_ops is not None:
            self._values = session.run(self._final_ops, self._feed_dict)


class FeedFnHook(SessionRunHook):
    """Feeds every run what a function gives.

    Args:
        feed_fn: A function without arguments that returns a feed_dict.

    Raises:
        TypeError: it cannot be called.

    Example:
        >>> x = fc.placeholder(fc.float32, [])
        >>> with fc.train.MonitoredSession(hooks=[fc.train.FeedFnHook(lambda: {x: 2.0})]) as sess:
        ...     print(sess.run(x))
        2.0
    """

    def __init__(self, feed_fn: Callable[[], Mapping[Any, Any]]) -> None:
        self.feed_fn = function(feed_fn, "feed_fn")

    def before_run(self, run_context: SessionRunContext) -> SessionRunArgs:
        """Feeds what the function gives."""
        return SessionRunArgs(fetches=None, feed_dict=self.feed_fn())
