"""write_graph: a graph as a file that TensorFlow, TensorBoard and `import_graph_def` read.

Stands above the runtime.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from flowcore import protos
from flowcore.arguments import flag, path, text
from flowcore.graph.graph import Graph
from flowcore.train.checkpoint_state import write_whole

if TYPE_CHECKING:
    from flowcore.protos import GraphDef

__all__ = ["write_graph"]


def write_graph(
    graph_or_graph_def: Graph | GraphDef, logdir: str | os.PathLike[str], name: str, as_text: bool = True
) -> str:
    """Writes a graph to a file, which replaces one of that name at once: no reader sees a part.

    Args:
        graph_or_graph_def: A Graph, or a GraphDef.
        logdir: A folder, made where there is none.
        name: The name of the file in it.
        as_text: Whether the text form is written; else the binary one, which is smaller and exact.

    Returns:
        The path of the file, a str.

    Raises:
        TypeError: an argument is of another kind.
        ValueError: the graph has no form as a message.
        OSError: the file cannot be written.

    Example:
        >>> x = fc.constant(1.0, name="x")
        >>> path = fc.train.write_graph(x.graph, "logs", "graph.pbtxt")
        >>> open(path).readline()
        'node {\\n'
    """
    from google.protobuf import text_format

    folder, name = path(logdir, "logdir"), text(name, "name")
    if isinstance(graph_or_graph_def, Graph):
        message = graph_or_graph_def.as_graph_def()
    else:
        message = protos.own(graph_or_graph_def, "GraphDef")
    if flag(as_text, "as_text"):
        data = text_format.MessageToString(message).encode()
    else:
        data = message.SerializeToString(deterministic=True)
    file = os.path.join(folder, name)
    os.makedirs(os.path.dirname(file) or ".", exist_ok=True)
    write_whole(file, [data])
    return file
