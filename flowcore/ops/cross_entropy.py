"""Cross-entropies between labels and logits: of softmax, for label distributions and for class
numbers, and of sigmoid.
"""

from __future__ import annotations

from typing import Any

from flowcore.arguments import deprecated_argument, whole_number
from flowcore.errors import InvalidArgumentError
from flowcore.graph.apply import apply
from flowcore.graph.constants import constant_value
from flowcore.graph.conversion import convert_to_tensor
from flowcore.graph.op_def import register
from flowcore.graph.operation import Operation, Tensor
from flowcore.graph.scopes import name_scope
from flowcore.ops import shapes
from flowcore.ops.activations import log_softmax, relu, softmax
from flowcore.ops.arithmetic import abs, add, negative
from flowcore.ops.comparison import where
from flowcore.ops.filling import range as array_range
from flowcore.ops.functions import exp, log1p
from flowcore.ops.joining import concat, stack
from flowcore.ops.layout import transpose
from flowcore.ops.reductions import reduce_sum
from flowcore.ops.shape_ops import expand_dims, rank, reshape, shape

__all__ = [
    "sigmoid_cross_entropy_with_logits", "softmax_cross_entropy_with_logits",
    "softmax_cross_entropy_with_logits_v2", "sparse_softmax_cross_entropy_with_logits",
    "weighted_cross_entropy_with_logits",
]  # fmt: skip


def _row_scaled(scale: Tensor, rows: Tensor) -> Tensor:
    return expand_dims(scale, -1) * rows


def _is_zero(g: Tensor) -> bool:
    if g.op.type in ("Zeros", "ZerosLike"):
        return True
    value = constant_value(g.op.inputs[1] if g.op.type == "Fill" else g)
    return value is not None and not value.any()


def _dense_xent_grad(op: Operation, g_loss: Any, g_back: Any) -> list[Any]:
    logits, backprop = op.inputs[0], op.outputs[1]
    result = _row_scaled(g_loss, backprop)
    to_labels = _row_scaled(g_loss, negative(log_softmax(logits)))
    if g_back is not None and not _is_zero(g_back):
        p = softmax(logits)
        result += (g_back - reduce_sum(g_back * p, 1, keepdims=True)) * p
        to_labels -= g_back
    return [result, to_labels]


def _xent_shape(op: Operation) -> Any:
    both = shapes.broadcast_shapes(op.inputs[0].shape.with_rank(2), op.inputs[1].shape.with_rank(2))
    return [both[:1], both]


register(
    "SoftmaxCrossEntropyWithLogits",
    inputs=["features: T", "labels: T"],
    outputs=["loss: T", "backprop: T"],
    attrs=["T: {floats}"],
    shape=_xent_shape,
    grad=_dense_xent_grad,
)


def _sparse_xent_grad(op: Operation, g_loss: Any, g_back: Any) -> list[Any]:
    logits, backprop = op.inputs[0], op.outputs[1]
    result = _row_scaled(g_loss, backprop)
    if g_back is not None and not _is_zero(g_back):
        p = softmax(logits)
        result += (g_back - reduce_sum(g_back * p, 1, keepdims=True)) * p
    return [result, None]


def _sparse_xent_shape(op: Operation) -> Any:
    features, labels = op.inputs[0].shape.with_rank(2), op.inputs[1].shape.with_rank(1)
    batch = features[:1].merge_with(labels)
    return [batch, batch.concatenate(features[1:])]


register(
    "SparseSoftmaxCrossEntropyWithLogits",
    inputs=["features: T", "labels: Tlabels"],
    outputs=["loss: T", "backprop: T"],
    attrs=["T: {floats}", "Tlabels: {indices} = int64"],
    shape=_sparse_xent_shape,
    grad=_sparse_xent_grad,
)


def softmax_cross_entropy_with_logits_v2(
    labels: Any, logits: Any, axis: Any = None, name: str | None = None, dim: Any = None
) -> Tensor:
    """The cross-entropy between label distributions and softmax(logits), one loss per row.

    Gradients flow to the labels too; stop_gradient around them prevents that.

    Args:
        labels: Probabilities of the classes, a Tensor of logits' dtype; each row adds up to 1. Its
            shape is that of logits.
        logits: A Tensor of a floating dtype and shape [..., classes], or what converts to one.
        axis: The axis of the classes, a whole number; None: the last.
        name: A name for the operation.
        dim: The old name of axis.

    Returns:
        A Tensor of logits' dtype; its shape is that of logits without the axis.

    Raises:
        TypeError: The dtypes differ, or are others.
        ValueError: The shapes do not fit, or both axis and dim are given.
        InvalidArgumentError: axis is out of range.

    Example:
        >>> fc.Session().run(fc.nn.softmax_cross_entropy_with_logits_v2([[1.0, 0.0]], [[0.0, 0.0]]))
        array([0.693147], dtype=float32)
    """
    axis = deprecated_argument("axis", axis, "dim", dim)
    axis = -1 if axis is None else whole_number(axis, "axis")
    with name_scope(name, "softmax_cross_entropy_with_logits", [logits, labels]) as scope:
        logits = convert_to_tensor(logits, name="logits")
        labels = convert_to_tensor(
            labels, dtype=None if isinstance(labels, Tensor) else logits.dtype, name="labels"
        )
        n = logits.shape.ndims
        n = labels.shape.ndims if n is None else n
        for tensor in (logits, labels):
            tensor.shape.with_rank_at_least(1)
        if n is not None and not -n <= axis < n:
            raise InvalidArgumentError(
                None, None, f"axis {axis} is not in [{-n}, {n}), the axes of logits of shape {logits.shape}"
            )
        if axis != -1 and (n is None or axis != n - 1):
            at = axis if n is None else axis % n
            order = (
                [*(d for d in range(n) if d != at), at]
                if n is not None
                else _moved_to_end(rank(logits), axis)
            )
            logits, labels = transpose(logits, order), transpose(labels, order)
        outer = shape(logits)[:-1]
        known = logits.shape if logits.shape.ndims is not None else labels.shape
        static = known[:-1] if known.ndims is not None else None
        if n != 2:
            logits, labels = (_as_rows(t) for t in (logits, labels))
        loss = apply("SoftmaxCrossEntropyWithLogits", logits, labels, name=scope).loss
        if n != 2:
            loss = reshape(loss, outer)
            if static is not None:
                loss.set_shape(static)
        return loss


def _moved_to_end(n: Tensor, axis: int) -> Tensor:
    at = axis if axis >= 0 else n + axis
    return concat([array_range(at), array_range(at + 1, n), stack([at])], 0)


def _as_rows(x: Tensor) -> Tensor:
    last = x.shape[-1].value if x.shape.ndims is not None else None
    return reshape(x, [-1, last]) if last is not None else reshape(x, concat([[-1], shape(x)[-1:]], 0))


def softmax_cross_entropy_with_logits(
    labels: Any = None, logits: Any = None, dim: Any = None, name: str | None = None, axis: Any = None
) -> Tensor:
    """softmax_cross_entropy_with_logits_v2 without a gradient of the labels.

    Args:
        labels: Probabilities of the classes, a Tensor of logits' dtype; each row adds up to 1. Pass
            it by name.
        logits: A Tensor of a floating dtype and shape [..., classes], or what converts to one. Pass
            it by name.
        dim: The old name of axis.
        name: A name for the operation.
        axis: The axis of the classes, a whole number; by default the last.

    Returns:
        A Tensor of logits' dtype; its shape is that of logits without the axis.

    Raises:
        TypeError: The dtypes differ, or are others.
        ValueError: labels or logits are missing, the shapes do not fit, or axis is given twice.
        InvalidArgumentError: axis is out of range.

    Example:
        >>> loss = fc.nn.softmax_cross_entropy_with_logits(labels=[[1.0, 0.0]], logits=[[0.0, 0.0]])
        >>> fc.Session().run(loss)
        array([0.693147], dtype=float32)
    """
    if labels is None or logits is None:
        raise ValueError("Both labels and logits must be provided, by name.")
    with name_scope(name, "softmax_cross_entropy_with_logits_sg", [logits, labels]) as scope:
        return softmax_cross_entropy_with_logits_v2(
            apply("StopGradient", labels, name="labels_stop_gradient"),
            logits,
            deprecated_argument("axis", axis, "dim", dim),
            name=scope,
        )


def sparse_softmax_cross_entropy_with_logits(
    _sentinel: Any = None, labels: Any = None, logits: Any = None, name: str | None = None
) -> Tensor:
    """The cross-entropy between class numbers and softmax(logits), one loss per row.

    Args:
        _sentinel: Not to be given: labels and logits are passed by name.
        labels: Class numbers, a Tensor of dtype int32 or int64 and logits' shape without its last
            size.
        logits: A Tensor of a floating dtype and shape [..., classes], or what converts to one.
        name: A name for the operation.

    Returns:
        A Tensor of logits' dtype and labels' shape.

    Raises:
        TypeError: labels or logits have another dtype.
        ValueError: labels and logits are not passed by name, or the shapes do not fit.
        InvalidArgumentError: A label is not in [0, classes) (when it runs).

    Example:
        >>> loss = fc.nn.sparse_softmax_cross_entropy_with_logits(labels=[0], logits=[[0.0, 0.0]])
        >>> fc.Session().run(loss)
        array([0.693147], dtype=float32)
    """
    if _sentinel is not None or labels is None or logits is None:
        raise ValueError(
            "sparse_softmax_cross_entropy_with_logits must be called with named arguments: labels=...,"
            " logits=..."
        )
    with name_scope(name, "SparseSoftmaxCrossEntropyWithLogits", [labels, logits]):
        labels = convert_to_tensor(labels)
        logits = convert_to_tensor(logits)
        if logits.shape.ndims == 0:
            raise ValueError(f"Logits cannot be scalars - received shape {logits.shape}.")
        if (
            None not in (labels.shape.ndims, logits.shape.ndims)
            and labels.shape.ndims != logits.shape.ndims - 1
        ):
            raise ValueError(
                f"Rank mismatch: Rank of labels (received {labels.shape.ndims}) should equal rank of logits"
                f" minus 1 (received {logits.shape.ndims})."
            )
        if logits.shape.ndims == 2:
            return apply("SparseSoftmaxCrossEntropyWithLogits", logits, labels, name=name).loss
        outer = shape(labels)
        loss = apply("SparseSoftmaxCrossEntropyWithLogits", _as_rows(logits), reshape(labels, [-1])).loss
        loss = reshape(loss, outer)
        loss.set_shape(labels.shape)
        return loss


def _floating(x: Any, name: str) -> Tensor:
    """x as a tensor of a floating dtype. Raises TypeError when it is of another."""
    x = convert_to_tensor(x, name=name)
    if not x.dtype.is_floating:
        raise TypeError(f"{name} must be of a floating dtype, found {x.dtype.name}")
    return x


def sigmoid_cross_entropy_with_logits(
    _sentinel: Any = None, labels: Any = None, logits: Any = None, name: str | None = None
) -> Tensor:
    """The cross-entropy between labels and sigmoid(logits): independent yes-no decisions.

    For logits x and labels z: max(x, 0) - x z + log(1 + exp(-|x|)).

    Args:
        _sentinel: Not to be given: labels and logits are passed by name.
        labels: Probabilities of yes, a Tensor of logits' dtype and shape.
        logits: A Tensor of a floating dtype and any shape, or what converts to one.
        name: A name for the operation.

    Returns:
        A Tensor of logits' dtype and shape.

    Raises:
        TypeError: The dtypes differ, or are others.
        ValueError: labels and logits are not passed by name, or the shapes differ.

    Example:
        >>> loss = fc.nn.sigmoid_cross_entropy_with_logits(labels=[1.0], logits=[0.0])
        >>> fc.Session().run(loss)
        array([0.693147], dtype=float32)
    """
    if _sentinel is not None or labels is None or logits is None:
        raise ValueError(
            "sigmoid_cross_entropy_with_logits must be called with named arguments: labels=..., logits=..."
        )
    with name_scope(name, "logistic_loss", [logits, labels]) as scope:
        logits, labels = _floating(logits, "logits"), _floating(labels, "labels")
        labels.shape.assert_is_compatible_with(logits.shape)
        zeros = apply("ZerosLike", logits)
        positive = apply("GreaterEqual", logits, zeros)
        return add(
            where(positive, logits, zeros) - logits * labels,
            log1p(exp(where(positive, negative(logits), logits))),
            name=scope,
        )


def weighted_cross_entropy_with_logits(
    labels: Any = None,
    logits: Any = None,
    pos_weight: Any = None,
    name: str | None = None,
    targets: Any = None,
) -> Tensor:
    """sigmoid_cross_entropy_with_logits with the loss of a yes weighted.

    Args:
        labels: Probabilities of yes, a Tensor of logits' dtype and shape.
        logits: A Tensor of a floating dtype and any shape, or what converts to one.
        pos_weight: The weight of a yes: a number, or a Tensor of logits' dtype that broadcasts to
            it.
        name: A name for the operation.
        targets: The old name of labels.

    Returns:
        A Tensor of logits' dtype and shape.

    Raises:
        TypeError: The dtypes differ, or are others.
        ValueError: The shapes differ, pos_weight does not broadcast, labels, logits or pos_weight
            are missing, or labels are given twice.

    Example:
        >>> fc.Session().run(fc.nn.weighted_cross_entropy_with_logits([0.0, 1.0], [0.0, 0.0], 2.0))
        array([0.693147, 1.386294], dtype=float32)
    """
    labels = deprecated_argument("labels", labels, "targets", targets)
    for argument, value in (("labels", labels), ("logits", logits), ("pos_weight", pos_weight)):
        if value is None:
            raise ValueError(f"weighted_cross_entropy_with_logits needs {argument}")
    with name_scope(name, "logistic_loss", [logits, labels]) as scope:
        logits, labels = _floating(logits, "logits"), _floating(labels, "labels")
        if not logits.shape.is_compatible_with(labels.shape):
            raise ValueError(
                f"logits and labels must have one shape, found {logits.shape} and {labels.shape}"
            )
        weight = 1 + (convert_to_tensor(pos_weight, dtype=labels.dtype, name="pos_weight") - 1) * labels
        return add(
            (1 - labels) * logits,
            weight * (log1p(exp(negative(abs(logits)))) + relu(negative(logits))),
            name=scope,
        )
