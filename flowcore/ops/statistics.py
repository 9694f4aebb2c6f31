"""Statistics of activations, weights and predictions: moments and norms, the share of zeros, targets
among the top k.
"""

from __future__ import annotations

from typing import Any

from flowcore import dtypes
from flowcore.arguments import deprecated_argument, flag, listed
from flowcore.graph.apply import apply
from flowcore.graph.constants import constant
from flowcore.graph.conversion import convert_to_tensor
from flowcore.graph.op_def import register
from flowcore.graph.operation import Operation, Tensor
from flowcore.graph.scopes import name_scope
from flowcore.ops import shapes
from flowcore.ops.arithmetic import multiply, square, squared_difference
from flowcore.ops.casts import cast, summing_dtype
from flowcore.ops.comparison import maximum
from flowcore.ops.reductions import reduce_mean, reduce_sum

__all__ = ["in_top_k", "l2_loss", "l2_normalize", "moments", "zero_fraction"]


def moments(
    x: Any, axes: Any, shift: Any = None, name: str | None = None, keep_dims: Any = None, keepdims: Any = None
) -> tuple[Tensor, Tensor]:
    """The mean and the variance over axes.

    Both are computed in float32 for float16.

    Args:
        x: A Tensor of a floating dtype and any shape, or what converts to one.
        axes: A whole number or a list; negative: counted from the end.
        shift: Not used; there for scripts that pass it.
        name: A name for the operation.
        keep_dims: The old name of keepdims.
        keepdims: Whether reduced axes are kept with size 1; None: no.

    Returns:
        A pair of Tensors of x's dtype: the mean and the variance, the mean squared distance from
        it.

    Raises:
        TypeError: x is no tensor of numbers, or axes is of another kind.
        ValueError: An axis is out of range or named twice, or both names of an argument are given.

    Example:
        >>> fc.Session().run(fc.nn.moments([1.0, 3.0], 0))
        (np.float32(2.0), np.float32(1.0))
    """
    keepdims = deprecated_argument("keepdims", keepdims, "keep_dims", keep_dims)
    keep = keepdims is not None and flag(keepdims, "keepdims")
    with name_scope(name, "moments", [x, axes]):
        x = convert_to_tensor(x, name="x")
        wide = cast(x, summing_dtype(x.dtype))
        mean = reduce_mean(wide, axes, keepdims=True, name="mean")
        variance = reduce_mean(
            squared_difference(wide, apply("StopGradient", mean)), axes, keepdims=True, name="variance"
        )
        if not keep:
            drop = [axes] if isinstance(axes, int) else listed(axes, "axes")
            mean, variance = (apply("Squeeze", t, squeeze_dims=drop) for t in (mean, variance))
        return (cast(mean, x.dtype), cast(variance, x.dtype))


def l2_normalize(
    x: Any, axis: Any = None, epsilon: float = 1e-12, name: str | None = None, dim: Any = None
) -> Tensor:
    """x over its Euclidean norm along axes.

    Args:
        x: A Tensor of a floating dtype and any shape, or what converts to one.
        axis: A whole number or a list; None: all axes.
        epsilon: The least square of the norm, so that zeros stay zeros.
        name: A name for the operation.
        dim: The old name of axis.

    Returns:
        A Tensor of x's dtype and shape.

    Raises:
        TypeError: x has another dtype.
        ValueError: An axis is out of range or named twice, or both axis and dim are given.

    Example:
        >>> fc.Session().run(fc.nn.l2_normalize([3.0, 4.0]))
        array([0.6, 0.8], dtype=float32)
    """
    axis = deprecated_argument("axis", axis, "dim", dim)
    with name_scope(name, "l2_normalize", [x]) as scope:
        x = convert_to_tensor(x, name="x")
        # In float16 squares overflow at 256, and the usual epsilon is 0.
        wide = cast(x, summing_dtype(x.dtype))
        norm = apply("Rsqrt", maximum(reduce_sum(square(wide), axis, keepdims=True), epsilon))
        return multiply(x, norm, name=scope) if wide is x else cast(multiply(wide, norm), x.dtype, name=scope)


register(
    "L2Loss",
    inputs=["t: T"],
    outputs=["output: T"],
    attrs=["T: {floats}"],
    shape=shapes.scalar,
    grad=lambda op, g: op.inputs[0] * g,
)


def l2_loss(t: Any, name: str | None = None) -> Tensor:
    """Half the sum of squares.

    Args:
        t: A Tensor of a floating dtype and any shape, or what converts to one.
        name: A name for the operation.

    Returns:
        A scalar Tensor of t's dtype.

    Raises:
        TypeError: t has another dtype.

    Example:
        >>> fc.Session().run(fc.nn.l2_loss([3.0, 4.0]))
        np.float32(12.5)
    """
    return apply("L2Loss", t, name=name)


def zero_fraction(value: Any, name: str | None = None) -> Tensor:
    """The share of elements that are zero.

    Args:
        value: A Tensor of a number dtype and any shape, or what converts to one.
        name: A name for the operation.

    Returns:
        A scalar Tensor of dtype float32; NaN where there is no element.

    Raises:
        TypeError: value has another dtype.

    Example:
        >>> fc.Session().run(fc.nn.zero_fraction([0, 3, 0, 5]))
        np.float32(0.5)
    """
    with name_scope(name, "zero_fraction", [value]):
        value = convert_to_tensor(value, name="value")
        return reduce_mean(cast(apply("Equal", value, constant(0, value.dtype)), dtypes.float32))


def _in_top_k_shape(op: Operation) -> Any:
    if len(op.inputs) == 3:
        shapes.expect_rank(op, 2, 0)
    predictions, targets = op.inputs[0].shape.with_rank(2), op.inputs[1].shape.with_rank(1)
    return [predictions[:1].merge_with(targets)]


register(
    "InTopK",
    inputs=["predictions: float32", "targets: T"],
    outputs=["precision: bool"],
    attrs=["k: int", "T: {indices} = int32"],
    shape=_in_top_k_shape,
    grad=None,
)


register(
    "InTopKV2",
    inputs=["predictions: float32", "targets: T", "k: T"],
    outputs=["precision: bool"],
    attrs=["T: {indices} = int32"],
    shape=_in_top_k_shape,
    grad=None,
)


def in_top_k(predictions: Any, targets: Any, k: Any, name: str | None = None) -> Tensor:
    """Whether each row's target is among its k greatest predictions; equals count.

    Args:
        predictions: A Tensor of dtype float32 and shape [batch, classes], or what converts to one.
        targets: Class numbers, a vector of dtype int32 or int64, one per row. One out of range is
            not among them.
        k: How many, a whole number or a scalar of targets' dtype.
        name: A name for the operation.

    Returns:
        A Tensor of dtype bool and shape [batch]; False where the decision hangs on a value that is
        not finite.

    Raises:
        TypeError: predictions or targets have another dtype.
        ValueError: The shapes do not fit.

    Example:
        >>> fc.Session().run(fc.nn.in_top_k([[0.1, 0.9], [0.8, 0.2]], [1, 1], 1))
        array([ True, False])
    """
    with name_scope(name, "in_top_k"):
        return apply("InTopKV2", predictions, targets, k, name=name)
