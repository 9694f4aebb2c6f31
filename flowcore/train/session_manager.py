"""SessionManager: a session whose variables have their values, from a checkpoint or from initialisers."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from flowcore import errors
from flowcore.arguments import real_number
from flowcore.graph.graph import Graph, get_default_graph
from flowcore.graph.operation import Operation, Tensor
from flowcore.runtime.session import Session
from flowcore.train.checkpoint_state import get_checkpoint_state

__all__ = ["SessionManager"]

_log = logging.getLogger("flowcore")


class SessionManager:
    """Makes sessions that are ready for a training.

    Args:
        local_init_op: An Operation that initialises what is not in checkpoints; None: nothing is.
        ready_op: A Tensor of names of what is not initialised, empty where the model is ready;
            None: it always is.
        ready_for_local_init_op: Likewise, for the moment before local_init_op; None: that may
            always run.
        graph: The Graph; None: the default one.
        recovery_wait_secs: Seconds between two looks, when waiting for a checkpoint or a chief.
        local_init_run_options: RunOptions of local_init_op.
        local_init_feed_dict: What to feed local_init_op.

    Raises:
        TypeError: recovery_wait_secs is no number.

    Example:
        >>> v = fc.Variable(3.0)
        >>> manager = fc.train.SessionManager(ready_op=fc.report_uninitialized_variables())
        >>> sess = manager.prepare_session("", init_op=fc.global_variables_initializer())
        >>> sess.run(v)
        np.float32(3.0)
    """

    def __init__(
        self,
        local_init_op: Operation | None = None,
        ready_op: Tensor | None = None,
        ready_for_local_init_op: Tensor | None = None,
        graph: Graph | None = None,
        recovery_wait_secs: float = 30,
        local_init_run_options: Any = None,
        local_init_feed_dict: Mapping[Any, Any] | None = None,
    ) -> None:
        self._local_init_op = local_init_op
        self._ready_op = ready_op
        self._ready_for_local_init_op = ready_for_local_init_op
        self._graph = get_default_graph() if graph is None else graph
        self._recovery_wait_secs = real_number(recovery_wait_secs, "recovery_wait_secs")
        self._local_init_run_options = local_init_run_options
        self._local_init_feed_dict = local_init_feed_dict

    def __repr__(self) -> str:
        return f"<flowcore.train.SessionManager of {self._graph!r}>"

    def prepare_session(
        self,
        master: str,
        init_op: Operation | None = None,
        saver: Any = None,
        checkpoint_dir: str | None = None,
        checkpoint_filename_with_path: str | None = None,
        wait_for_checkpoint: bool = False,
        max_wait_secs: float = 7200,
        config: Any = None,
        init_feed_dict: Mapping[Any, Any] | None = None,
        init_fn: Callable[[Session], None] | None = None,
    ) -> Session:
        """A session with restored, or else initialised, variables.

        Args:
            master: The target of the Session: "".
            init_op: An Operation that initialises variables, run where there is no checkpoint.
            saver: A Saver that restores; None: nothing is restored.
            checkpoint_dir: A folder whose latest checkpoint is restored, if there is one.
            checkpoint_filename_with_path: The checkpoint to restore.
            wait_for_checkpoint: Whether to wait until there is one.
            max_wait_secs: For how long.
            config: A ConfigProto.
            init_feed_dict: What to feed init_op.
            init_fn: A function of the Session, called after init_op.

        Returns:
            A Session.

        Raises:
            RuntimeError: there is neither checkpoint nor initialiser, or the model is not ready
                after it.
            ValueError: checkpoint_dir and checkpoint_filename_with_path are both given.

        Example:
            >>> v = fc.Variable(3.0)
            >>> sess = fc.train.SessionManager().prepare_session("", init_op=v.initializer)
        """
        patience = max_wait_secs if wait_for_checkpoint else 0
        sess, restored = self._restored(
            master, saver, checkpoint_dir, checkpoint_filename_with_path, patience, config
        )
        if not restored:
            if init_op is None and init_fn is None and self._local_init_op is None:
                raise RuntimeError(
                    "the model is not initialised: there is no checkpoint, and neither init_op, init_fn nor"
                    " local_init_op was given"
                )
            if init_op is not None:
                sess.run(init_op, init_feed_dict)
            if init_fn is not None:
                init_fn(sess)
        missing = self._initialise_locally(sess)
        if missing:
            raise RuntimeError(
                f"the initialisers did not make the model ready for local_init_op: {missing} (init_op:"
                f" {_name_of(init_op)}, init_fn: {init_fn})"
            )
        missing = _missing(self._ready_op, sess)
        if missing:
            raise RuntimeError(
                f"the initialisers did not make the model ready: {missing} (init_op: {_name_of(init_op)},"
                f" init_fn: {init_fn}, local_init_op: {_name_of(self._local_init_op)})"
            )
        return sess

    def recover_session(
        self,
        master: str,
        saver: Any = None,
        checkpoint_dir: str | None = None,
        checkpoint_filename_with_path: str | None = None,
        wait_for_checkpoint: bool = False,
        max_wait_secs: float = 7200,
        config: Any = None,
    ) -> tuple[Session, bool]:
        """A session with restored variables, if there is a checkpoint.

        Args:
            master: The target of the Session: "".
            saver: A Saver that restores; None: nothing is restored.
            checkpoint_dir: A folder whose latest checkpoint is restored.
            checkpoint_filename_with_path: The checkpoint to restore.
            wait_for_checkpoint: Whether to wait until there is one.
            max_wait_secs: For how long.
            config: A ConfigProto.

        Returns:
            A Session, and whether it is restored and ready.

        Raises:
            ValueError: checkpoint_dir and checkpoint_filename_with_path are both given.

        Example:
            >>> sess, ready = fc.train.SessionManager().recover_session("")
            >>> ready
            False
        """
        patience = max_wait_secs if wait_for_checkpoint else 0
        sess, restored = self._restored(
            master, saver, checkpoint_dir, checkpoint_filename_with_path, patience, config
        )
        missing = self._initialise_locally(sess) or _missing(self._ready_op, sess)
        if missing:
            _log.info("the model is not ready after it was restored: %s", missing)
        return sess, restored and not missing

    def wait_for_session(self, master: str, config: Any = None, max_wait_secs: float = math.inf) -> Session:
        """A session, as soon as another one has made the model ready.

        Args:
            master: The target of the Session: "".
            config: A ConfigProto.
            max_wait_secs: For how long.

        Returns:
            A Session.

        Raises:
            DeadlineExceededError: the model is not ready after max_wait_secs.

        Example:
            >>> sess = fc.train.SessionManager().wait_for_session("")
        """
        until = time.monotonic() + max_wait_secs
        while True:
            sess = Session(master, self._graph, config)
            missing = self._initialise_locally(sess) or _missing(self._ready_op, sess)
            if not missing:
                return sess
            sess.close()
            left = until - time.monotonic()
            if left <= 0:
                raise errors.DeadlineExceededError(
                    None, None, f"the model is not ready after {max_wait_secs} seconds: {missing}"
                )
            _log.info("waiting for the model to be ready: %s", missing)
            time.sleep(min(left, self._recovery_wait_secs))

    def _restored(
        self,
        master: str,
        saver: Any,
        checkpoint_dir: str | None,
        checkpoint_filename_with_path: str | None,
        patience: float,
        config: Any,
    ) -> tuple[Session, bool]:
        """A session, and whether it was restored. `patience`: how long to wait for a checkpoint."""
        if checkpoint_dir and checkpoint_filename_with_path:
            raise ValueError("give checkpoint_dir or checkpoint_filename_with_path, not both")
        sess = Session(master, self._graph, config)
        if saver is None or not (checkpoint_dir or checkpoint_filename_with_path):
            return sess, False
        if checkpoint_filename_with_path:
            saver.restore(sess, checkpoint_filename_with_path)
            return sess, True
        until = time.monotonic() + patience
        while True:
            state = get_checkpoint_state(checkpoint_dir or "")
            if state is not None and state.model_checkpoint_path:
                saver.restore(sess, state.model_checkpoint_path)
                saver.recover_last_checkpoints(state.all_model_checkpoint_paths)
                return sess, True
            left = until - time.monotonic()
            if left <= 0:
                return sess, False
            _log.info("waiting for a checkpoint in %s", checkpoint_dir)
            time.sleep(min(left, self._recovery_wait_secs))

    def _initialise_locally(self, sess: Session) -> str:
        """Runs local_init_op where that may be. Returns what is missing for it; "": nothing."""
        if self._local_init_op is None:
            return ""
        missing = _missing(self._ready_for_local_init_op, sess)
        if not missing:
            sess.run(self._local_init_op, self._local_init_feed_dict, self._local_init_run_options)
        return missing


def _missing(ready_op: Tensor | None, sess: Session) -> str:
    """What is not ready, as text; "" where everything is."""
    if ready_op is None:
        return ""
    try:
        value = sess.run(ready_op)
    except errors.FailedPreconditionError as error:
        return str(error)
    if value is None or np.size(value) == 0:
        return ""
    names = ", ".join(n.decode() if isinstance(n, bytes) else str(n) for n in np.ravel(value)[:10])
    return f"not initialised: {names}{' ...' if np.size(value) > 10 else ''}"


def _name_of(op: Operation | Tensor | None) -> str | None:
    return getattr(op, "name", None)
