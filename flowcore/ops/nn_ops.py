"""Neural-network ops:

activations, softmax and cross-entropies, bias, convolution, pooling, dropout. Public as
flowcore.nn.
"""

from __future__ import annotations

from typing import Any

from flowcore import dtypes
from flowcore.errors import InvalidArgumentError
from flowcore.graph.apply import apply
from flowcore.graph.constants import constant, constant_value, constant_value_as_shape
from flowcore.graph.conversion import convert_to_tensor
from flowcore.graph.op_def import Decorator, register
from flowcore.graph.operation import Operation, Tensor
from flowcore.graph.scopes import name_scope
from flowcore.ops import shapes
from flowcore.ops.array_ops import (
    concat,
    expand_dims,
    fill,
    gather,
    int_tensor,
    rank,
    reshape,
    shape,
    stack,
    transpose,
)
from flowcore.ops.array_ops import range as array_range
from flowcore.ops.clip_ops import clip_by_norm
from flowcore.ops.elementwise import (
    abs,
    add,
    cast,
    exp,
    log1p,
    maximum,
    multiply,
    negative,
    sigmoid,
    square,
    squared_difference,
    tanh,
    where,
)
from flowcore.ops.random_ops import random_uniform
from flowcore.ops.reductions import reduce_mean, reduce_sum
from flowcore.shape import TensorShape

__all__ = [
    "avg_pool", "bias_add", "conv2d", "dropout", "elu", "embedding_lookup", "in_top_k", "l2_loss",
    "l2_normalize", "log_softmax", "max_pool", "moments", "relu", "relu6", "selu", "sigmoid",
    "sigmoid_cross_entropy_with_logits", "softmax", "softmax_cross_entropy_with_logits",
    "softmax_cross_entropy_with_logits_v2", "softplus", "softsign",
    "sparse_softmax_cross_entropy_with_logits", "swish", "tanh", "weighted_cross_entropy_with_logits",
    "zero_fraction",
]  # fmt: skip

_FLOATS = "T: {floats}"


def _activation(op_type: str, types: str, grad: Any) -> Decorator:
    return register(
        op_type,
        inputs=["features: T"],
        outputs=["activations: T"],
        attrs=[f"T: {types}"],
        shape=shapes.same,
        grad=grad,
    )


@_activation("Relu", "{reals}", lambda op, g: apply("ReluGrad", g, op.outputs[0]))
def relu(features: Any, name: str | None = None) -> Tensor:
    """max(x, 0)."""
    return apply("Relu", features, name=name)


@_activation("Relu6", "{reals}", lambda op, g: apply("Relu6Grad", g, op.outputs[0]))
def relu6(features: Any, name: str | None = None) -> Tensor:
    """min(max(x, 0), 6)."""
    with name_scope(name, "Relu6", [features]) as scope:
        return apply("Relu6", convert_to_tensor(features, name="features"), name=scope)


@_activation("Elu", "{floats}", lambda op, g: apply("EluGrad", g, op.outputs[0]))
def elu(features: Any, name: str | None = None) -> Tensor:
    """x above zero, exp(x) - 1 below."""
    return apply("Elu", features, name=name)


@_activation("Selu", "{floats}", lambda op, g: apply("SeluGrad", g, op.outputs[0]))
def selu(features: Any, name: str | None = None) -> Tensor:
    """The scaled elu of self-normalising networks (Klambauer et al., 2017)."""
    return apply("Selu", features, name=name)


@_activation("Softplus", "{floats}", lambda op, g: apply("SoftplusGrad", g, op.inputs[0]))
def softplus(features: Any, name: str | None = None) -> Tensor:
    """log(1 + exp(x))."""
    return apply("Softplus", features, name=name)


@_activation("Softsign", "{floats}", lambda op, g: apply("SoftsignGrad", g, op.inputs[0]))
def softsign(features: Any, name: str | None = None) -> Tensor:
    """x / (1 + |x|)."""
    return apply("Softsign", features, name=name)


def swish(features: Any, beta: Any = 1.0) -> Tensor:
    """x sigmoid(beta x)."""
    features = convert_to_tensor(features)
    return features * sigmoid(features * beta)


# ---- softmax and cross-entropies ----------------------------------------


def _at_least_vector(op: Operation) -> Any:
    return [op.inputs[0].shape.with_rank_at_least(1)]


def _softmax_grad(op: Operation, g: Any) -> Any:
    y = op.outputs[0]
    return (g - reduce_sum(g * y, -1, keepdims=True)) * y


register(
    "Softmax",
    inputs=["logits: T"],
    outputs=["softmax: T"],
    attrs=[_FLOATS],
    shape=_at_least_vector,
    grad=_softmax_grad,
)
register(
    "LogSoftmax",
    inputs=["logits: T"],
    outputs=["logsoftmax: T"],
    attrs=[_FLOATS],
    shape=_at_least_vector,
    grad=lambda op, g: g - reduce_sum(g, -1, keepdims=True) * exp(op.outputs[0]),
)


def _along_axis(op_type: str, logits: Any, axis: Any, name: str | None) -> Tensor:
    if axis == -1:
        return apply(op_type, logits, name=name)
    logits = convert_to_tensor(logits, name="logits")
    n = logits.shape.ndims
    if n is not None and axis == n - 1:
        return apply(op_type, logits, name=name)
    if n is not None and not -n <= axis < n:
        raise InvalidArgumentError(
            None,
            None,
            f"{op_type}: axis {axis} is not in [{-n}, {n}), the axes of logits of shape {logits.shape}",
        )
    with name_scope(name, op_type, [logits]) as scope:
        order = _swapped_with_last(n if n is not None else rank(logits), axis)
        return transpose(apply(op_type, transpose(logits, order)), order, name=scope)


def _swapped_with_last(n: Any, axis: int) -> Any:
    """The permutation that exchanges an axis and the last one: a list, or a tensor where `n` is one."""
    if isinstance(n, int):
        order = list(range(n))
        order[axis], order[-1] = order[-1], order[axis]
        return order
    at = axis if axis >= 0 else n + axis
    return concat([array_range(at), stack([n - 1]), array_range(at + 1, n - 1), stack([at])], 0)


def softmax(logits: Any, axis: Any = None, name: str | None = None, dim: Any = None) -> Tensor:
    """exp(x) over its sum along an axis (the last by default)."""
    axis = dim if axis is None else axis
    return _along_axis("Softmax", logits, -1 if axis is None else axis, name)


def log_softmax(logits: Any, axis: Any = None, name: str | None = None, dim: Any = None) -> Tensor:
    """log(softmax(x)) along an axis (the last by default)."""
    axis = dim if axis is None else axis
    return _along_axis("LogSoftmax", logits, -1 if axis is None else axis, name)


def _row_scaled(scale: Tensor, rows: Tensor) -> Tensor:
    return expand_dims(scale, -1) * rows


def _dense_xent_grad(op: Operation, g_loss: Any, g_back: Any) -> list[Any]:
    logits, backprop = op.inputs[0], op.outputs[1]
    result = _row_scaled(g_loss, backprop)
    to_labels = _row_scaled(g_loss, negative(log_softmax(logits)))
    if g_back is not None and not _is_zero(g_back):
        p = softmax(logits)
        result += (g_back - reduce_sum(g_back * p, 1, keepdims=True)) * p
        to_labels -= g_back
    return [result, to_labels]


def _is_zero(g: Tensor) -> bool:
    if g.op.type in ("Zeros", "ZerosLike"):
        return True
    value = constant_value(g.op.inputs[1] if g.op.type == "Fill" else g)
    return value is not None and not value.any()


def _xent_shape(op: Operation) -> Any:
    both = shapes.broadcast_shapes(op.inputs[0].shape.with_rank(2), op.inputs[1].shape.with_rank(2))
    return [both[:1], both]


register(
    "SoftmaxCrossEntropyWithLogits",
    inputs=["features: T", "labels: T"],
    outputs=["loss: T", "backprop: T"],
    attrs=[_FLOATS],
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
    attrs=[_FLOATS, "Tlabels: {indices} = int64"],
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
        # type: ignore[operator]
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


def l2_loss(t: Any, name: str | None = None) -> Tensor:
    """Half the sum of squares."""
    return apply("L2Loss", t, name=name)


register(
    "L2Loss",
    inputs=["t: T"],
    outputs=["output: T"],
    attrs=[_FLOATS],
    shape=shapes.scalar,
    grad=lambda op, g: op.inputs[0] * g,
)


# ---- bias ----------------------------------------

_FORMAT = "data_format: {'NHWC', 'NCHW'} = 'NHWC'"


def _bias_shape(op: Operation) -> Any:
    value, bias = op.inputs[0].shape, op.inputs[1].shape.with_rank(1)
    value = value.with_rank_at_least(2)
    if value.sizes is not None:
        axis = 1 if op.get_attr("data_format") == "NCHW" and len(value.sizes) > 2 else len(value.sizes) - 1
        value[axis : axis + 1].assert_is_compatible_with(bias)
        value = TensorShape(
            [bias[0].value if d == axis and n is None else n for d, n in enumerate(value.sizes)]
        )
    return [value]


register(
    "BiasAdd",
    inputs=["value: T", "bias: T"],
    outputs=["output: T"],
    attrs=["T: {numbers}", _FORMAT],
    shape=_bias_shape,
    grad=lambda op, g: [g, apply("BiasAddGrad", g, data_format=op.get_attr("data_format"))],
)


def _bias_grad_shape(op: Operation) -> Any:
    source = op.inputs[0].shape.with_rank_at_least(3 if op.get_attr("data_format") == "NCHW" else 1)
    if source.sizes is None:
        return [TensorShape([None])]
    return [TensorShape([source.sizes[1 if op.get_attr("data_format") == "NCHW" else -1]])]


def _bias_grad_grad(op: Operation, g: Any) -> Any:
    dims = shape(op.inputs[0])
    if op.get_attr("data_format") == "NCHW":
        n = op.inputs[0].shape.ndims
        g = reshape(
            g,
            (
                concat([[1, -1], fill(stack([rank(op.inputs[0]) - 2]), 1)], 0)
                if n is None
                else [1, -1, *([1] * (n - 2))]
            ),
        )
    return apply("BroadcastTo", g, dims)


register(
    "BiasAddGrad",
    inputs=["out_backprop: T"],
    outputs=["output: T"],
    attrs=["T: {numbers}", _FORMAT],
    shape=_bias_grad_shape,
    grad=_bias_grad_grad,
)


def bias_add(value: Any, bias: Any, data_format: str | None = None, name: str | None = None) -> Tensor:
    """Adds a vector to the channels: the last dimension, or the second with data_format "NCHW"."""
    with name_scope(name, "BiasAdd", [value, bias]) as scope:
        value = convert_to_tensor(value, name="input")
        bias = convert_to_tensor(bias, dtype=value.dtype, name="bias")
        channels_first = data_format is not None and data_format.startswith("NC")
        if (
            data_format is not None
            and not channels_first
            and not (data_format.startswith("N") and data_format.endswith("C"))
        ):
            raise ValueError(f"data_format must be of the form `N...C` or `NC...`, found {data_format!r}")
        layout = "NCHW" if channels_first else "NHWC"
        return apply("BiasAdd", value, bias, data_format=layout, name=scope)


# ---- convolution and pooling ----------------------------------------

_CONV = [
    _FLOATS,
    "strides: list(int)",
    "use_cudnn_on_gpu: bool = True",
    "padding: {'SAME', 'VALID', 'EXPLICIT'}",
    "explicit_paddings: list(int) = []",
    _FORMAT,
    "dilations: list(int) = [1, 1, 1, 1]",
]


def _spatial(op: Operation) -> tuple[int, int]:
    """Where height and channels stand."""
    return (2, 1) if op.get_attr("data_format") == "NCHW" else (1, 3)


def _window_length(
    n: int | None, k: int | None, stride: int, dilation: int, padding: str, extra: int = 0
) -> int | None:
    if stride < 1 or dilation < 1:
        raise ValueError(f"strides and dilations must be positive, found {stride} and {dilation}")
    if n is None or k is None:
        return None
    if padding == "SAME":
        return -(-n // stride)
    span = n + extra - (k - 1) * dilation
    if span < 1:
        raise ValueError(
            f"Negative dimension size caused by subtracting {(k - 1) * dilation + 1} from {n + extra}: the"
            " window does not fit into the input without padding"
        )
    return (span - 1) // stride + 1


def _list_of_four(op: Operation, name: str) -> list[int]:
    value = op.get_attr(name)
    if len(value) != 4:
        raise ValueError(f"{op.type} requires {name} to contain 4 values, found {len(value)}")
    return value


def _conv_shape(op: Operation) -> Any:
    image, kernel = op.inputs[0].shape.with_rank(4), op.inputs[1].shape.with_rank(4)
    strides, dilations, padding = (
        _list_of_four(op, "strides"),
        _list_of_four(op, "dilations"),
        op.get_attr("padding"),
    )
    h, c = _spatial(op)
    if strides[0] != 1 or strides[c] != 1 or dilations[0] != 1 or dilations[c] != 1:
        raise ValueError(
            f"strides and dilations over the batch and the channels must be 1, found {strides} and"
            f" {dilations}"
        )
    explicit = op.get_attr("explicit_paddings")
    if padding == "EXPLICIT" and len(explicit) != 8:
        raise ValueError(f"explicit_paddings must hold 8 numbers, found {len(explicit)}")
    sizes, k = image.as_list(), kernel.as_list()
    if sizes[c] is not None and k[2] is not None and sizes[c] != k[2]:
        raise ValueError(
            f"the input's depth {sizes[c]} and the filter's input depth {k[2]} must be equal; input is"
            f" {image}, filter {kernel}"
        )
    out = list(sizes)
    for i, axis in enumerate((h, h + 1)):
        extra = sum(explicit[2 * axis : 2 * axis + 2]) if padding == "EXPLICIT" else 0
        out[axis] = _window_length(sizes[axis], k[i], strides[axis], dilations[axis], padding, extra)
    out[c] = k[3]
    return [TensorShape(out)]


def _conv_attrs(op: Operation) -> dict[str, Any]:
    return {
        n: op.get_attr(n) for n in ("strides", "padding", "explicit_paddings", "data_format", "dilations")
    }


def _conv_grad(op: Operation, g: Any) -> list[Any]:
    x, w = op.inputs
    attrs = _conv_attrs(op)
    return [
        apply("Conv2DBackpropInput", shape(x), w, g, **attrs),
        apply("Conv2DBackpropFilter", x, shape(w), g, **attrs),
    ]


register(
    "Conv2D",
    inputs=["input: T", "filter: T"],
    outputs=["output: T"],
    attrs=_CONV,
    shape=_conv_shape,
    grad=_conv_grad,
)


def _backprop_input_grad(op: Operation, g: Any) -> list[Any]:
    _, w, dy = op.inputs
    attrs = _conv_attrs(op)
    return [None, apply("Conv2DBackpropFilter", g, shape(w), dy, **attrs), apply("Conv2D", g, w, **attrs)]


def _sizes_shape(index: int) -> Any:
    return lambda op: [constant_value_as_shape(op.inputs[index]).with_rank(4)]


register(
    "Conv2DBackpropInput",
    inputs=["input_sizes: int32", "filter: T", "out_backprop: T"],
    outputs=["output: T"],
    attrs=_CONV,
    shape=_sizes_shape(0),
    grad=_backprop_input_grad,
)


def _backprop_filter_grad(op: Operation, g: Any) -> list[Any]:
    x, _, dy = op.inputs
    attrs = _conv_attrs(op)
    return [apply("Conv2DBackpropInput", shape(x), g, dy, **attrs), None, apply("Conv2D", x, g, **attrs)]


register(
    "Conv2DBackpropFilter",
    inputs=["input: T", "filter_sizes: int32", "out_backprop: T"],
    outputs=["output: T"],
    attrs=_CONV,
    shape=_sizes_shape(1),
    grad=_backprop_filter_grad,
)


def _format(data_format: str | None) -> str:
    return data_format or "NHWC"


def conv2d(
    input: Any,
    filter: Any = None,
    strides: Any = None,
    padding: Any = None,
    use_cudnn_on_gpu: bool = True,
    data_format: str = "NHWC",
    dilations: Any = (1, 1, 1, 1),
    name: str | None = None,
    filters: Any = None,
) -> Tensor:
    """The two-dimensional convolution (cross-correlation) of images with a filter.

    Args:
      input: [batch, height, width, channels], or [batch, channels, height, width] with data_format "NCHW".
      filter: [height, width, channels in, channels out].
      strides: a number or a list of 1, 2 or 4.
      padding: "SAME", "VALID", or explicit: [[0, 0], [top, bottom], [left, right], [0, 0]].
      dilations: spacing of the filter's elements, like strides.
    """
    filter = filters if filter is None else filter
    explicit: list[int] = []
    if not isinstance(padding, str):
        if padding is None:
            raise ValueError("conv2d needs padding: 'SAME', 'VALID' or explicit paddings")
        explicit, padding = [int(n) for pair in padding for n in pair], "EXPLICIT"
    layout = _format(data_format)
    return apply(
        "Conv2D",
        input,
        filter,
        strides=_four(strides, layout, "strides"),
        padding=padding,
        explicit_paddings=explicit,
        data_format=layout,
        dilations=_four(dilations, layout, "dilations"),
        use_cudnn_on_gpu=use_cudnn_on_gpu,
        name=name,
    )


def _four(value: Any, layout: str, what: str) -> list[int]:
    """A number, or a list of one, two or four, as a list with one entry per dimension."""
    parts = [1] if value is None else [value] if isinstance(value, int) else list(value)
    if len(parts) == 4:
        return parts
    if len(parts) == 1:
        parts = parts * 2
    if len(parts) != 2:
        raise ValueError(f"{what} should be of length 1, 2 or 4 but was {len(parts)}")
    return [1, 1, *parts] if layout == "NCHW" else [1, *parts, 1]


_POOL = [_FLOATS, "ksize: list(int) >= 4", "strides: list(int) >= 4", "padding: {'SAME', 'VALID'}", _FORMAT]


def _pool_shape_of(op: Operation, image: TensorShape) -> Any:
    ksize, strides = _list_of_four(op, "ksize"), _list_of_four(op, "strides")
    h, _ = _spatial(op)
    out = image.with_rank(4).as_list()
    for axis in (h, h + 1):
        if ksize[axis] < 1:
            raise ValueError(f"ksize must be positive, found {ksize}")
        out[axis] = _window_length(out[axis], ksize[axis], strides[axis], 1, op.get_attr("padding"))
    return [TensorShape(out)]


def _pool_shape(op: Operation) -> Any:
    return _pool_shape_of(op, op.inputs[0].shape)


def _pool_attrs(op: Operation) -> dict[str, Any]:
    return {n: op.get_attr(n) for n in ("ksize", "strides", "padding", "data_format")}


register(
    "MaxPool",
    inputs=["input: T"],
    outputs=["output: T"],
    attrs=_POOL,
    shape=_pool_shape,
    grad=lambda op, g: apply("MaxPoolGrad", op.inputs[0], op.outputs[0], g, **_pool_attrs(op)),
)
register(
    "MaxPoolGrad",
    inputs=["orig_input: T", "orig_output: T", "grad: T"],
    outputs=["output: T"],
    attrs=_POOL,
    shape=shapes.same,
    grad=lambda op, g: [
        apply("ZerosLike", op.inputs[0]),
        apply("ZerosLike", op.inputs[1]),
        apply("MaxPoolGradGrad", op.inputs[0], op.inputs[1], g, **_pool_attrs(op)),
    ],
)
register(
    "MaxPoolGradGrad",
    inputs=["orig_input: T", "orig_output: T", "grad: T"],
    outputs=["output: T"],
    attrs=_POOL,
    shape=shapes.same_as(1),
    grad=lambda op, g: [
        apply("ZerosLike", op.inputs[0]),
        apply("ZerosLike", op.inputs[1]),
        apply("MaxPoolGrad", op.inputs[0], op.inputs[1], g, **_pool_attrs(op)),
    ],
)
register(
    "AvgPool",
    inputs=["value: T"],
    outputs=["output: T"],
    attrs=_POOL,
    shape=_pool_shape,
    grad=lambda op, g: apply("AvgPoolGrad", shape(op.inputs[0]), g, **_pool_attrs(op)),
)
register(
    "AvgPoolGrad",
    inputs=["orig_input_shape: int32", "grad: T"],
    outputs=["output: T"],
    attrs=_POOL,
    shape=_sizes_shape(0),
    grad=lambda op, g: [None, apply("AvgPool", g, **_pool_attrs(op))],
)


def max_pool(
    value: Any,
    ksize: Any,
    strides: Any,
    padding: str,
    data_format: str = "NHWC",
    name: str | None = None,
    input: Any = None,
) -> Tensor:
    """The greatest element of each window of an image."""
    value = input if value is None else value
    with name_scope(name, "MaxPool", [value]) as scope:
        layout = _format(data_format)
        return apply(
            "MaxPool",
            convert_to_tensor(value, name="input"),
            ksize=_four(ksize, layout, "ksize"),
            strides=_four(strides, layout, "strides"),
            padding=padding,
            data_format=layout,
            name=scope,
        )


def avg_pool(
    value: Any,
    ksize: Any,
    strides: Any,
    padding: str,
    data_format: str = "NHWC",
    name: str | None = None,
    input: Any = None,
) -> Tensor:
    """The mean of each window of an image; padding does not count."""
    value = input if value is None else value
    with name_scope(name, "AvgPool", [value]) as scope:
        layout = _format(data_format)
        return apply(
            "AvgPool",
            convert_to_tensor(value, name="value"),
            ksize=_four(ksize, layout, "ksize"),
            strides=_four(strides, layout, "strides"),
            padding=padding,
            data_format=layout,
            name=scope,
        )


# ---- dropout, moments, top k, embeddings ----------------------------------------


def dropout(
    x: Any,
    keep_prob: Any = None,
    noise_shape: Any = None,
    seed: int | None = None,
    name: str | None = None,
    rate: Any = None,
) -> Tensor:
    """Sets a share `rate` (= 1 - keep_prob) of the elements to zero and scales the others by 1 / (1
    - rate).
    """
    if rate is None and keep_prob is None:
        raise ValueError("dropout needs rate (or keep_prob)")
    if rate is None:
        rate = 1.0 - keep_prob
    with name_scope(name, "dropout", [x]):
        x = convert_to_tensor(x, name="x")
        if not x.dtype.is_floating:
            raise ValueError(
                f"x has to be a floating point tensor since it's going to be scaled. Got a {x.dtype.name}"
                " tensor instead."
            )
        if isinstance(rate, (int, float)):
            if not 0 <= rate < 1:
                raise ValueError(f"rate must be a scalar tensor or a float in the range [0, 1), got {rate:g}")
            if rate == 0:
                return x
        rate = convert_to_tensor(rate, dtype=x.dtype, name="rate")
        noise = shape(x) if noise_shape is None else int_tensor(noise_shape, "noise_shape")
        random = random_uniform(noise, seed=seed, dtype=x.dtype)
        scale = 1 / (1 - rate)
        mask = random >= rate
        result = x * scale * cast(mask, x.dtype)
        result.set_shape(x.shape)
        return result


def moments(
    x: Any, axes: Any, shift: Any = None, name: str | None = None, keep_dims: Any = None, keepdims: Any = None
) -> tuple[Tensor, Tensor]:
    """(mean, variance) over axes."""
    keep = bool(keepdims or keep_dims)
    with name_scope(name, "moments", [x, axes]):
        x = convert_to_tensor(x, name="x")
        wide = cast(x, dtypes.float32) if x.dtype == dtypes.float16 else x
        mean = reduce_mean(wide, axes, keepdims=True, name="mean")
        variance = reduce_mean(
            squared_difference(wide, apply("StopGradient", mean)), axes, keepdims=True, name="variance"
        )
        if not keep:
            drop = [axes] if isinstance(axes, int) else list(axes)
            mean, variance = (apply("Squeeze", t, squeeze_dims=drop) for t in (mean, variance))
        return (cast(mean, x.dtype), cast(variance, x.dtype))


def l2_normalize(
    x: Any, axis: Any = None, epsilon: float = 1e-12, name: str | None = None, dim: Any = None
) -> Tensor:
    """x over its Euclidean norm along axes, the square of the norm being at least `epsilon`."""
    axis = dim if axis is None else axis
    with name_scope(name, "l2_normalize", [x]) as scope:
        x = convert_to_tensor(x, name="x")
        norm = apply("Rsqrt", maximum(reduce_sum(square(x), axis, keepdims=True), epsilon))
        return multiply(x, norm, name=scope)


def zero_fraction(value: Any, name: str | None = None) -> Tensor:
    """The share of elements that are zero."""
    with name_scope(name, "zero_fraction", [value]):
        value = convert_to_tensor(value, name="value")
        return reduce_mean(cast(apply("Equal", value, constant(0, value.dtype)), dtypes.float32))


def _in_top_k_shape(op: Operation) -> Any:
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
    """Whether each row's target is among its k greatest predictions."""
    with name_scope(name, "in_top_k"):
        return apply("InTopKV2", predictions, targets, k, name=name)


def embedding_lookup(
    params: Any,
    ids: Any,
    partition_strategy: str = "mod",
    name: str | None = None,
    validate_indices: bool = True,
    max_norm: Any = None,
) -> Tensor:
    """Rows of an embedding table (one variable or tensor). The table's gradient is sparse."""
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
