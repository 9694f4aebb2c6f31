"""The global step."""

from __future__ import annotations

from typing import Any

from flowcore import dtypes
from flowcore.arguments import described, instance, whole_number
from flowcore.graph.graph import Graph, GraphKeys, get_default_graph
from flowcore.graph.operation import Tensor
from flowcore.ops.filling import zeros
from flowcore.ops.variables import Variable

__all__ = ["create_global_step", "get_global_step", "get_or_create_global_step", "global_step"]


def get_global_step(graph: Graph | None = None) -> Variable | None:
    """The variable that counts training steps.

    Args:
        graph: The Graph to look in; None: the default graph.

    Returns:
        The Variable, or None.

    Raises:
        TypeError: graph is no Graph.
        ValueError: the graph has several.

    Example:
        >>> print(fc.train.get_global_step())
        None
    """
    graph = get_default_graph() if graph is None else instance(graph, Graph, "graph")
    found = graph.get_collection(GraphKeys.GLOBAL_STEP)
    if len(found) > 1:
        raise ValueError(f"the graph has {len(found)} global steps")
    return found[0] if found else None


def create_global_step(graph: Graph | None = None) -> Variable:
    """Makes the global step: an int64 variable, not trained, that begins at 0.

    Args:
        graph: The Graph to make it in; None: the default graph.

    Returns:
        The Variable.

    Raises:
        TypeError: graph is no Graph.
        ValueError: the graph has a global step already.

    Example:
        >>> fc.train.create_global_step().name
        'global_step:0'
    """
    graph = get_default_graph() if graph is None else instance(graph, Graph, "graph")
    if get_global_step(graph) is not None:
        raise ValueError("this graph has a global step already")
    with graph.as_default(), graph.name_scope(None):
        return Variable(
            lambda: zeros([], dtypes.int64),
            trainable=False,
            name="global_step",
            collections=[GraphKeys.GLOBAL_VARIABLES, GraphKeys.GLOBAL_STEP],
        )


def get_or_create_global_step(graph: Graph | None = None) -> Variable:
    """The global step, made when there is none.

    Args:
        graph: The Graph; None: the default graph.

    Returns:
        The Variable, of dtype int64.

    Raises:
        TypeError: graph is no Graph.
        ValueError: the graph has several.

    Example:
        >>> step = fc.train.get_or_create_global_step()
        >>> step is fc.train.get_or_create_global_step()
        True
    """
    found = get_global_step(graph)
    return create_global_step(graph) if found is None else found


def _check_graph(graph: Graph, step: Variable | Tensor | str) -> None:
    """Raises ValueError for what a session of `graph` cannot run."""
    try:
        if not isinstance(step, str) and step.graph is not graph:
            raise KeyError(f"global_step_tensor '{step.name}' is of another graph than sess")
        if isinstance(step, str):
            graph.get_tensor_by_name(step)
    except KeyError as missing:
        raise ValueError(f"{missing.args[0]}; make the session with the graph of the global step") from None


def global_step(sess: Any, global_step_tensor: Variable | Tensor | str) -> int:
    """The number of steps so far in a session.

    Args:
        sess: The Session.
        global_step_tensor: The global step, a Variable, a Tensor or the name of one.

    Returns:
        An int.

    Raises:
        TypeError: an argument is of another kind.
        ValueError: the global step is none of the session's graph.
        FailedPreconditionError: the variable was not initialised.

    Example:
        >>> step = fc.train.create_global_step()
        >>> with fc.Session() as sess:
        ...     sess.run([step.initializer, step.assign_add(3)][0])
        ...     print(fc.train.global_step(sess, step))
        0
    """
    if not hasattr(sess, "run"):
        raise TypeError(f"sess must be a flowcore Session, found {described(sess)}")
    if not isinstance(global_step_tensor, (Variable, Tensor, str)):
        raise TypeError(
            "global_step_tensor must be a Variable, a Tensor or the name of one, found"
            f" {described(global_step_tensor)}"
        )
    _check_graph(sess.graph, global_step_tensor)
    return whole_number(sess.run(global_step_tensor), "the global step")
