"""Keeping tensors within bounds: by norm, by global norm, by average norm. (`clip_by_value` is
elementwise: flowcore/ops/comparison.py.)

Must never import gradients, train or runtime.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, overload

from flowcore.graph.apply import apply
from flowcore.graph.constants import constant
from flowcore.graph.conversion import convert_to_tensor
from flowcore.graph.operation import IndexedSlices, Tensor
from flowcore.graph.scopes import name_scope
from flowcore.ops.arithmetic import multiply, truediv
from flowcore.ops.casts import cast, summing_dtype
from flowcore.ops.comparison import greater, is_finite, maximum, minimum, where
from flowcore.ops.filling import ones_like
from flowcore.ops.functions import sqrt
from flowcore.ops.joining import stack
from flowcore.ops.reductions import reduce_sum
from flowcore.ops.shape_ops import size

__all__ = ["clip_by_average_norm", "clip_by_global_norm", "clip_by_norm", "global_norm"]


def _values(t: Any, name: str) -> Tensor:
    return convert_to_tensor(t.values if isinstance(t, IndexedSlices) else t, name=name)


def _like(t: Any, values: Tensor) -> Any:
    """`values` in the form of `t`."""
    return IndexedSlices(values, t.indices, t.dense_shape) if isinstance(t, IndexedSlices) else values


@overload
def clip_by_norm(
    t: IndexedSlices, clip_norm: Any, axes: Any = None, name: str | None = None
) -> IndexedSlices: ...
@overload
def clip_by_norm(t: Any, clip_norm: Any, axes: Any = None, name: str | None = None) -> Tensor: ...
def clip_by_norm(t: Any, clip_norm: Any, axes: Any = None, name: str | None = None) -> Any:
    """t, scaled down where its Euclidean norm is above a limit.

    Source: R. Pascanu, T. Mikolov, Y. Bengio, On the difficulty of training recurrent neural
    networks, 2012.

    Args:
        t: A Tensor of a floating dtype and any shape, what converts to one, or IndexedSlices (the
            norm is that of the values).
        clip_norm: The greatest norm, above 0: a number, or a Tensor of t's dtype that broadcasts to
            the norms.
        axes: The axes that each norm is taken over, a whole number or a list; None: all, one norm
            for the whole tensor.
        name: A name for the operation.

    Returns:
        A Tensor of t's dtype and shape, or IndexedSlices where t is. The gradient at a norm of 0 is
        finite.

    Raises:
        TypeError: t or clip_norm have another dtype.
        ValueError: clip_norm does not broadcast, or an axis is out of range or named twice.

    Example:
        >>> fc.Session().run(fc.clip_by_norm([3.0, 4.0], 1.0))
        array([0.6, 0.8], dtype=float32)
    """
    with name_scope(name, "clip_by_norm", [_given(t), clip_norm]) as scope:
        given = _values(t, "t")
        values = cast(given, summing_dtype(given.dtype))
        limit = cast(convert_to_tensor(clip_norm, dtype=given.dtype, name="clip_norm"), values.dtype)
        total = reduce_sum(values * values, axes, keepdims=True)
        positive = greater(total, 0)
        # sqrt has no slope at 0: its argument is replaced there, and the result put back.
        norm = where(positive, sqrt(where(positive, total, ones_like(total))), total)
        clipped = apply("Identity", cast(values * limit / maximum(norm, limit), given.dtype), name=scope)
        values.shape.assert_is_compatible_with(clipped.shape)
        return _like(t, clipped)


def global_norm(t_list: Sequence[Any], name: str | None = None) -> Tensor:
    """The Euclidean norm of several tensors taken as one vector.

    Args:
        t_list: A list of Tensors of one floating dtype, IndexedSlices (their values count), or None
            (left out).
        name: A name for the operation.

    Returns:
        A scalar Tensor of their dtype.

    Raises:
        TypeError: t_list is no list, or the dtypes differ or are others.
        ValueError: t_list holds no tensor.

    Example:
        >>> fc.Session().run(fc.global_norm([[3.0], [4.0]]))
        np.float32(5.0)
    """
    parts = _checked(t_list)
    with name_scope(name, "global_norm", [_given(t) for t in parts if t is not None]):
        values = [_values(t, f"t_{i}") for i, t in enumerate(parts) if t is not None]
        if not values:
            raise ValueError("global_norm needs at least one tensor that is not None")
        total = reduce_sum(stack([apply("L2Loss", cast(v, summing_dtype(v.dtype))) for v in values]))
        norm = sqrt(total * constant(2.0, total.dtype), name="global_norm")
        return cast(norm, values[0].dtype)


def clip_by_global_norm(
    t_list: Sequence[Any], clip_norm: Any, use_norm: Any = None, name: str | None = None
) -> tuple[list[Any], Tensor]:
    """Tensors, scaled by one factor so that their global norm is at most a limit.

    Source: R. Pascanu, T. Mikolov, Y. Bengio, On the difficulty of training recurrent neural
    networks, 2012.

    Args:
        t_list: A list of Tensors of one floating dtype, IndexedSlices, or None (passed on).
        clip_norm: The greatest global norm, above 0: a number or a scalar Tensor.
        use_norm: The global norm, a scalar Tensor, where it is known already; None: that of t_list.
        name: A name for the operation.

    Returns:
        A pair: the list of clipped tensors, each in the form of its original, and the global norm
        before, a scalar Tensor. All are NaN where the norm is infinite or NaN.

    Raises:
        TypeError: t_list is no list, or the dtypes differ or are others.
        ValueError: t_list holds no tensor and use_norm is not given, or clip_norm is a Tensor of
            another dtype.

    Example:
        >>> clipped, norm = fc.clip_by_global_norm([[3.0], [4.0]], 1.0)
        >>> fc.Session().run(clipped)
        [array([0.6], dtype=float32), array([0.8], dtype=float32)]
    """
    parts = _checked(t_list)
    norm = global_norm(parts) if use_norm is None else convert_to_tensor(use_norm)
    with name_scope(
        name, "clip_by_global_norm", [*(_given(t) for t in parts if t is not None), clip_norm]
    ) as scope:
        limit = convert_to_tensor(clip_norm, dtype=norm.dtype, name="clip_norm")
        scale = limit * minimum(
            truediv(constant(1.0, norm.dtype), norm), truediv(constant(1.0, norm.dtype), limit)
        )
        scale = where(is_finite(norm), scale, norm - norm)  # Inf - Inf and NaN - NaN are NaN
        clipped: list[Any] = []
        for i, t in enumerate(parts):
            if t is None:
                clipped.append(None)
                continue
            values = _values(t, f"t_{i}")
            clipped.append(
                _like(t, apply("Identity", multiply(values, cast(scale, values.dtype)), name=f"{scope}_{i}"))
            )
    return clipped, norm


def clip_by_average_norm(t: Any, clip_norm: Any, name: str | None = None) -> Tensor:
    """t, scaled down where its Euclidean norm over its number of elements is above a limit.

    Args:
        t: A Tensor of a floating dtype and any shape, or what converts to one.
        clip_norm: The greatest average norm, above 0: a number or a scalar Tensor of t's dtype.
        name: A name for the operation.

    Returns:
        A Tensor of t's dtype and shape.

    Raises:
        TypeError: t has another dtype.
        ValueError: clip_norm is a Tensor of another dtype.

    Example:
        >>> fc.Session().run(fc.clip_by_average_norm([3.0, 4.0], 0.5))
        array([0.6, 0.8], dtype=float32)
    """
    with name_scope(name, "clip_by_average_norm", [t, clip_norm]) as scope:
        t = convert_to_tensor(t, name="t")
        limit = convert_to_tensor(clip_norm, dtype=t.dtype, name="clip_norm")
        wide = summing_dtype(t.dtype)
        values, limit = cast(t, wide), cast(limit, wide)
        inverse = apply("Rsqrt", reduce_sum(values * values))
        scale = minimum(inverse * cast(size(t), wide), constant(1.0, wide) / limit)
        return apply("Identity", cast(values * limit * scale, t.dtype), name=scope)


def _given(t: Any) -> Any:
    return t.values if isinstance(t, IndexedSlices) else t


def _checked(t_list: Any) -> list[Any]:
    if not isinstance(t_list, (list, tuple)):
        raise TypeError(f"t_list should be a list of tensors, found {type(t_list).__name__}")
    return list(t_list)
