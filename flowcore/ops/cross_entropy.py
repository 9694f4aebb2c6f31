"""Cross-entropies between labels and logits: of softmax, for label distributions and for class
numbers, and of sigmoid.
"""

from __future__ import annotations

from typing import Any

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
    """The cross-entropy between label distributions and softmax(logits), one loss per row along
    `axis` (the last by default).

    Gradients flow to the labels too; wrap them in stop_gradient to prevent that.
    """
    axis = dim if axis is None else axis
    axis = -1 if axis is None else axis
    with name_scope(name, "softmax_cross_entropy_with_logits", [logits, labels]) as scope:
        logits = convert_to_tensor(logits, name="logits")
        labels = convert_to_tensor(
            labels, dtype=None if isinstance(labels, Tensor) else logits.dtype, name="labels"
        )
        n = logits.shape.ndims
        n = labels.shape.ndims if n is None else n
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
    labels: Any = None, logits: Any = None, dim: int = -1, name: str | None = None, axis: Any = None
) -> Tensor:
    """As softmax_cross_entropy_with_logits_v2, but no gradient flows to the labels. Pass both by name."""
    if labels is None or logits is None:
        raise ValueError("Both labels and logits must be provided, by name.")
    with name_scope(name, "softmax_cross_entropy_with_logits_sg", [logits, labels]) as scope:
        return softmax_cross_entropy_with_logits_v2(
            apply("StopGradient", labels, name="labels_stop_gradient"),
            logits,
            dim if axis is None else axis,
            name=scope,
        )


def sparse_softmax_cross_entropy_with_logits(
    _sentinel: Any = None, labels: Any = None, logits: Any = None, name: str | None = None
) -> Tensor:
    """The cross-entropy for labels that are class numbers: labels [...], logits [..., classes].
    Pass both by name.

    A label out of range is an InvalidArgumentError.
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


def sigmoid_cross_entropy_with_logits(
    _sentinel: Any = None, labels: Any = None, logits: Any = None, name: str | None = None
) -> Tensor:
    """max(x, 0) - x z + log(1 + exp(-|x|)) for logits x and labels z:

    independent yes-no decisions. Pass both by name.
    """
    if _sentinel is not None or labels is None or logits is None:
        raise ValueError(
            "sigmoid_cross_entropy_with_logits must be called with named arguments: labels=..., logits=..."
        )
    with name_scope(name, "logistic_loss", [logits, labels]) as scope:
        logits = convert_to_tensor(logits, name="logits")
        labels = convert_to_tensor(labels, name="labels")
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
    """sigmoid_cross_entropy_with_logits with the positive term weighted by `pos_weight`."""
    labels = targets if labels is None else labels
    with name_scope(name, "logistic_loss", [logits, labels]) as scope:
        logits, labels = convert_to_tensor(logits, name="logits"), convert_to_tensor(labels, name="labels")
        weight = 1 + (pos_weight - 1) * labels
        return add(
            (1 - labels) * logits,
            weight * (log1p(exp(negative(abs(logits)))) + relu(negative(logits))),
            name=scope,
        )
