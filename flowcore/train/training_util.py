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
    """The variable that counts training steps, or None."""
    graph = get_default_graph() if graph is None else instance(graph, Graph, "graph")
    found = graph.get_collection(GraphKeys.GLOBAL_STEP)
    if len(found) > 1:
        raise ValueError(f"the graph has {len(found)} global steps")
    return found[0] if found else None


def create_global_step(graph: Graph | None = None) -> Variable:
    """Makes the global step, an int64 variable. Raises ValueError when there is one."""
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
    """The global step, made when there is none."""
    found = get_global_step(graph)
    return create_global_step(graph) if found is None else found


def global_step(sess: Any, global_step_tensor: Variable) -> int:
    """The number of steps so far in a session."""
    if not hasattr(sess, "run"):
        raise TypeError(f"sess must be a flowcore Session, found {described(sess)}")
    if not isinstance(global_step_tensor, (Variable, Tensor)):
        raise TypeError(
            f"global_step_tensor must be a Variable or Tensor, found {described(global_step_tensor)}"
        )
    return whole_number(sess.run(global_step_tensor), "the global step")
