"""Scaffold: the ops that a training needs beside its steps, made where the user gives none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flowcore.graph.graph import GraphKeys, get_default_graph
from flowcore.graph.operation import Operation, Tensor
from flowcore.graph.scopes import add_to_collection, get_collection
from flowcore.ops.control_flow_ops import group
from flowcore.ops.variables import (
    global_variables,
    global_variables_initializer,
    local_variables_initializer,
    report_uninitialized_variables,
)
from flowcore.runtime.session import Session
from flowcore.train.saver import Saver

__all__ = ["Scaffold"]


class Scaffold:
    """Holds what initialises a model, says whether it is ready, sums it up and saves it.

    What is not given is taken from the graph's collections (INIT_OP, READY_OP ...), or made and
    added there, by `finalize`.

    Args:
        init_op: An Operation that initialises variables where no checkpoint is restored.
        init_feed_dict: What to feed init_op.
        init_fn: A function of the Scaffold and the Session, called after init_op.
        ready_op: A Tensor of names of what is not initialised, empty where all is.
        ready_for_local_init_op: Likewise, before local_init_op.
        local_init_op: An Operation that initialises what is not in checkpoints.
        summary_op: A Tensor with all summaries.
        saver: A Saver.
        copy_from_scaffold: Another Scaffold, for what is None here.

    Raises:
        TypeError: copy_from_scaffold is no Scaffold.

    Example:
        >>> v = fc.Variable(3.0)
        >>> begin = v.assign(4.0).op
        >>> scaffold = fc.train.Scaffold(init_fn=lambda scaffold, sess: sess.run(begin))
        >>> with fc.train.MonitoredSession(fc.train.ChiefSessionCreator(scaffold)) as sess:
        ...     print(sess.run(v))
        4.0
    """

    def __init__(
        self,
        init_op: Operation | None = None,
        init_feed_dict: Mapping[Any, Any] | None = None,
        init_fn: Callable[[Scaffold, Session], None] | None = None,
        ready_op: Tensor | None = None,
        ready_for_local_init_op: Tensor | None = None,
        local_init_op: Operation | None = None,
        summary_op: Tensor | None = None,
        saver: Any = None,
        copy_from_scaffold: Scaffold | None = None,
    ) -> None:
        if copy_from_scaffold is not None and not isinstance(copy_from_scaffold, Scaffold):
            raise TypeError("copy_from_scaffold must be a Scaffold")
        other = copy_from_scaffold

        def first(own: Any, name: str) -> Any:
            return own if own is not None or other is None else getattr(other, name)

        self._init_op = first(init_op, "init_op")
        self._init_feed_dict = first(init_feed_dict, "init_feed_dict")
        # a copy calls the function with itself
        self._user_init_fn: Callable[[Scaffold, Session], None] | None = first(init_fn, "_user_init_fn")
        self._ready_op = first(ready_op, "ready_op")
        self._ready_for_local_init_op = first(ready_for_local_init_op, "ready_for_local_init_op")
        self._local_init_op = first(local_init_op, "local_init_op")
        self._summary_op = first(summary_op, "summary_op")
        self._saver = first(saver, "saver")

    def __repr__(self) -> str:
        return f"<flowcore.train.Scaffold init_op={_name(self._init_op)} saver={self._saver!r}>"

    @property
    def init_op(self) -> Operation | None:
        """What initialises variables."""
        return self._init_op

    @property
    def init_feed_dict(self) -> Mapping[Any, Any] | None:
        """What init_op is fed."""
        return self._init_feed_dict

    @property
    def init_fn(self) -> Callable[[Session], None] | None:
        """The function to call after init_op, of the Session alone; None: there is none."""
        user = self._user_init_fn
        return None if user is None else lambda sess: user(self, sess)

    @property
    def ready_op(self) -> Tensor | None:
        """The names of what is not initialised."""
        return self._ready_op

    @property
    def ready_for_local_init_op(self) -> Tensor | None:
        """The names of what local_init_op waits for."""
        return self._ready_for_local_init_op

    @property
    def local_init_op(self) -> Operation | None:
        """What initialises the rest."""
        return self._local_init_op

    @property
    def summary_op(self) -> Tensor | None:
        """All summaries; None: there are none."""
        return self._summary_op

    @property
    def saver(self) -> Any:
        """The Saver."""
        return self._saver

    def finalize(self) -> Scaffold:
        """Makes what is missing, and finalizes the graph.

        Returns:
            The Scaffold itself.

        Raises:
            RuntimeError: the graph is final, and something is missing; or a collection has several.

        Example:
            >>> fc.train.Scaffold().finalize().init_op.type
            'NoOp'
        """
        if self._init_op is None:
            self._init_op = self.get_or_default("init_op", GraphKeys.INIT_OP, _init_op)
        if self._ready_op is None:
            self._ready_op = self.get_or_default(
                "ready_op", GraphKeys.READY_OP, report_uninitialized_variables
            )
        if self._ready_for_local_init_op is None:
            self._ready_for_local_init_op = self.get_or_default(
                "ready_for_local_init_op", GraphKeys.READY_FOR_LOCAL_INIT_OP, _missing_global_variables
            )
        if self._local_init_op is None:
            self._local_init_op = self.get_or_default(
                "local_init_op", GraphKeys.LOCAL_INIT_OP, self.default_local_init_op
            )
        if self._saver is None:
            self._saver = saver_or_default()
        self._saver.build()
        get_default_graph().finalize()
        return self

    @staticmethod
    def get_or_default(arg_name: str, collection_key: str, default_constructor: Callable[[], Any]) -> Any:
        """The one entry of a collection, or what a function makes, which is added then.

        Args:
            arg_name: What it is, for errors.
            collection_key: The collection.
            default_constructor: A function without arguments.

        Returns:
            The entry.

        Raises:
            RuntimeError: the collection has several.

        Example:
            >>> fc.train.Scaffold.get_or_default("saver", "mine", lambda: 3)
            3
        """
        found = get_collection(collection_key)
        if len(found) > 1:
            raise RuntimeError(
                f"collection '{collection_key}' has {len(found)} entries: say by {arg_name}= which one to use"
            )
        if found:
            return found[0]
        made = default_constructor()
        if made is not None:
            add_to_collection(collection_key, made)
        return made

    @staticmethod
    def default_local_init_op() -> Operation:
        """An operation that initialises the local variables.

        Returns:
            An Operation.

        Example:
            >>> fc.train.Scaffold.default_local_init_op().type
            'NoOp'
        """
        return group(local_variables_initializer())


def _name(op: Operation | None) -> str | None:
    return None if op is None else op.name


def _init_op() -> Operation:
    return group(global_variables_initializer())


def _missing_global_variables() -> Tensor:
    return report_uninitialized_variables(global_variables())


def saver_or_default() -> Saver:
    """The Saver in the collection SAVERS; else one of all that can be saved, which is added there."""
    return Scaffold.get_or_default("saver", GraphKeys.SAVERS, lambda: Saver(sharded=True, allow_empty=True))
