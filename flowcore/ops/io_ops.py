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
    """The contents of a file, a scalar of dtype string.

    NotFoundError, PermissionDeniedError ... where it cannot be read.
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
    """The files that match shell patterns, sorted."""
    return apply("MatchingFiles", pattern, name=name)
