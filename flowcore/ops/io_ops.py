"""Files and the bytes in them."""

from __future__ import annotations

from typing import Any

from flowcore.graph.apply import apply
from flowcore.graph.op_def import register
from flowcore.graph.operation import Tensor
from flowcore.ops import shapes
from flowcore.shape import TensorShape

__all__ = ["matching_files", "read_file"]

register(
    "ReadFile",
    inputs=["filename: string"],
    outputs=["contents: string"],
    shape=shapes.scalar,
    stateful=True,
    grad=None,
)


def read_file(filename: Any, name: str | None = None) -> Tensor:
    """The contents of a file.

    Args:
        filename: Its path, a scalar of dtype string.
        name: A name for the operation.

    Returns:
        A scalar Tensor of dtype string.

    Raises:
        TypeError: filename is no text.
        NotFoundError: There is no such file (when it runs).
        PermissionDeniedError: It may not be read.
        InvalidArgumentError: It is a directory.

    Example:
        >>> with open("greeting.txt", "w") as file:
        ...     _ = file.write("hello")
        >>> fc.Session().run(fc.read_file("greeting.txt"))
        b'hello'
    """
    return apply("ReadFile", filename, name=name)


register(
    "MatchingFiles",
    inputs=["pattern: string"],
    outputs=["filenames: string"],
    shape=lambda op: [TensorShape([None])],
    stateful=True,
    grad=None,
)


def matching_files(pattern: Any, name: str | None = None) -> Tensor:
    """The names of the files that match shell patterns, sorted.

    Args:
        pattern: One or several patterns with *, ? and [...], a Tensor of dtype string.
        name: A name for the operation.

    Returns:
        A vector of dtype string; empty where nothing matches.

    Raises:
        TypeError: pattern is no text.

    Example:
        >>> open("a.png", "w").close()
        >>> fc.Session().run(fc.matching_files("*.png"))
        array([b'a.png'], dtype=object)
    """
    return apply("MatchingFiles", pattern, name=name)
