"""The hook that saves checkpoints, and what it tells of them."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from typing import Any

from flowcore.arguments import listed
from flowcore.runtime.session import Session
from flowcore.train.basic_session_run_hooks import StepTimedHook
from flowcore.train.graph_files import write_graph
from flowcore.train.scaffold import Scaffold, saver_or_default
from flowcore.train.session_run_hook import SessionRunContext

__all__ = ["CheckpointSaverHook", "CheckpointSaverListener"]

_log = logging.getLogger("flowcore")


class CheckpointSaverListener:
    """The base of what a CheckpointSaverHook calls around each checkpoint.

    Its methods do nothing here.

    Example:
        >>> class Tell(fc.train.CheckpointSaverListener):
        ...     def after_save(self, session, global_step_value):
        ...         print("saved at", global_step_value)
    """

    def __repr__(self) -> str:
        return f"<flowcore.train.{type(self).__name__}>"

    def begin(self) -> None:
        """Called before the session is made: the graph may still be added to.

        Example:
            >>> fc.train.CheckpointSaverListener().begin()
        """

    def before_save(self, session: Session, global_step_value: int) -> None:
        """Called before each checkpoint.

        Args:
            session: The Session.
            global_step_value: The step, an int.

        Example:
            >>> fc.train.CheckpointSaverListener().before_save(fc.Session(), 10)
        """

    def after_save(self, session: Session, global_step_value: int) -> bool | None:
        """Called after each checkpoint.

        Args:
            session: The Session.
            global_step_value: The step, an int.

        Returns:
            True: the training is to end.

        Example:
            >>> fc.train.CheckpointSaverListener().after_save(fc.Session(), 10)
        """
        return None

    def end(self, session: Session, global_step_value: int) -> None:
        """Called at the end of the session.

        Args:
            session: The Session.
            global_step_value: The step, an int.

        Example:
            >>> fc.train.CheckpointSaverListener().end(fc.Session(), 10)
        """


class CheckpointSaverHook(StepTimedHook):
    """Saves a checkpoint every so many steps or seconds, when a session begins, and at the end.

    Args:
        checkpoint_dir: The folder.
        save_secs: Seconds between two checkpoints.
        save_steps: Steps between two checkpoints.
        saver: A Saver; None: that of the scaffold, or of the collection SAVERS.
        checkpoint_basename: The name of the files.
        scaffold: A Scaffold whose saver is used.
        listeners: CheckpointSaverListeners.

    Raises:
        ValueError: saver and scaffold are both given; save_secs and save_steps are, or neither.

    Example:
        >>> hook = fc.train.CheckpointSaverHook("/tmp/model", save_steps=1000)
    """

    def __init__(
        self,
        checkpoint_dir: str,
        save_secs: float | None = None,
        save_steps: int | None = None,
        saver: Any = None,
        checkpoint_basename: str = "model.ckpt",
        scaffold: Scaffold | None = None,
        listeners: Sequence[CheckpointSaverListener] | None = None,
    ) -> None:
        super().__init__(save_secs, save_steps)
        if saver is not None and scaffold is not None:
            raise ValueError("give saver or scaffold, not both")
        self._dir = checkpoint_dir
        self._path = os.path.join(checkpoint_dir, checkpoint_basename)
        self._saver, self._scaffold = saver, scaffold
        self._listeners = [] if listeners is None else listed(listeners, "listeners")

    def begin(self) -> None:
        """Finds the global step; tells the listeners."""
        super().begin()
        for listener in self._listeners:
            listener.begin()

    def after_create_session(self, session: Session, coord: Any) -> None:
        """Writes the graph, and saves a first checkpoint."""
        step = int(session.run(self._global_step))
        write_graph(session.graph.as_graph_def(add_shapes=True), self._dir, "graph.pbtxt")
        self._save(session, step)
        self._timer.update_last_triggered_step(step)

    def _act(
        self, run_context: SessionRunContext, step: int, seconds: float | None, steps: int | None
    ) -> None:
        if self._save(run_context.session, step):
            run_context.request_stop()

    def end(self, session: Session) -> None:
        """Saves a last checkpoint; tells the listeners."""
        step = int(session.run(self._global_step))
        if step != self._timer.last_triggered_step():
            self._save(session, step)
        for listener in self._listeners:
            listener.end(session, step)

    def _save(self, session: Session, step: int) -> bool:
        """Whether a listener asks for the end."""
        for listener in self._listeners:
            listener.before_save(session, step)
        _log.info("saving a checkpoint of step %d in %s", step, self._path)
        self._get_saver().save(session, self._path, global_step=step)
        stop = False
        for listener in self._listeners:
            stop = bool(listener.after_save(session, step)) or stop
        return stop

    def _get_saver(self) -> Any:
        if self._saver is None:
            self._saver = self._scaffold.saver if self._scaffold is not None else saver_or_default()
        return self._saver
