"""Rows of embedding tables."""

from __future__ import annotations

from typing import Any

from flowcore.graph.apply import apply
from flowcore.graph.conversion import convert_to_tensor
from flowcore.graph.operation import Tensor
from flowcore.graph.scopes import name_scope
from flowcore.ops.clip_ops import clip_by_norm
from flowcore.ops.filling import range as array_range
from flowcore.ops.gathering import gather
from flowcore.ops.shape_ops import rank

__all__ = ["embedding_lookup"]


def embedding_lookup(
    params: Any,
    ids: Any,
    partition_strategy: str = "mod",
    name: str | None = None,
    validate_indices: bool = True,
    max_norm: Any = None,
) -> Tensor:
    """Rows of an embedding table; the gradient of the table is sparse.

    Args:
        params: The table: a variable, a Tensor of a rank of at least 1, or a list with one of them.
        ids: The rows wanted, a Tensor of dtype int32 or int64 and any shape, or what converts to
            one.
        partition_strategy: Not used: there is one part.
        name: A name for the operation.
        validate_indices: Not used: ids are always checked.
        max_norm: The greatest Euclidean norm of a row; longer ones are scaled down. None: as they
            are.

    Returns:
        A Tensor of params' dtype; its shape is that of ids, then that of a row.

    Raises:
        TypeError: ids has another dtype.
        ValueError: params is a scalar.
        NotImplementedError: params is a list of several tables.
        InvalidArgumentError: An id is out of range (when it runs).

    Example:
        >>> table = fc.constant([[1.0, 2.0], [3.0, 4.0]])
        >>> fc.Session().run(fc.nn.embedding_lookup(table, [1, 0]))
        array([[3., 4.],
               [1., 2.]], dtype=float32)
    """
    if isinstance(params, (list, tuple)):
        if len(params) != 1:
            raise NotImplementedError("embedding_lookup over several partitions is not there yet")
        params = params[0]
    with name_scope(name, "embedding_lookup", [ids]) as scope:
        ids = convert_to_tensor(ids, name="ids")
        rows = gather(params, ids, name=scope)
        return apply(
            "Identity",
            rows if max_norm is None else clip_by_norm(rows, max_norm, axes=_inner_axes(rows, ids)),
        )


def _inner_axes(rows: Tensor, ids: Tensor) -> Any:
    """The axes of one embedding: those that the ids did not bring."""
    if rows.shape.ndims is not None and ids.shape.ndims is not None:
        return list(range(ids.shape.ndims, rows.shape.ndims))
    return array_range(rank(ids), rank(rows))
