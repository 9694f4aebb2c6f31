"""bias_add: a vector added to the channels."""

from __future__ import annotations

from typing import Any

from flowcore.arguments import text
from flowcore.graph.apply import apply
from flowcore.graph.conversion import convert_to_tensor
from flowcore.graph.op_def import register
from flowcore.graph.operation import Operation, Tensor
from flowcore.graph.scopes import name_scope
from flowcore.ops.filling import fill
from flowcore.ops.joining import concat, stack
from flowcore.ops.shape_ops import rank, reshape, shape
from flowcore.ops.windows import FORMAT
from flowcore.shape import TensorShape

__all__ = ["bias_add"]


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
    attrs=["T: {numbers}", FORMAT],
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
    attrs=["T: {numbers}", FORMAT],
    shape=_bias_grad_shape,
    grad=_bias_grad_grad,
)


def bias_add(value: Any, bias: Any, data_format: str | None = None, name: str | None = None) -> Tensor:
    """Adds a vector to the channels.

    Args:
        value: A Tensor of a number dtype and a rank of at least 2, or what converts to one.
        bias: A vector of value's dtype, one element per channel.
        data_format: "N...C", or None: the channels are the last dimension; "NC...": the second.
        name: A name for the operation.

    Returns:
        A Tensor of value's dtype and shape.

    Raises:
        TypeError: value has another dtype.
        ValueError: bias is a Tensor of another dtype, the shapes do not fit, or data_format is
            another.

    Example:
        >>> fc.Session().run(fc.nn.bias_add([[1.0, 2.0]], [10.0, 20.0]))
        array([[11., 22.]], dtype=float32)
    """
    with name_scope(name, "BiasAdd", [value, bias]) as scope:
        value = convert_to_tensor(value, name="input")
        bias = convert_to_tensor(bias, dtype=value.dtype, name="bias")
        data_format = None if data_format is None else text(data_format, "data_format")
        channels_first = data_format is not None and data_format.startswith("NC")
        if (
            data_format is not None
            and not channels_first
            and not (data_format.startswith("N") and data_format.endswith("C"))
        ):
            raise ValueError(f"data_format must be of the form `N...C` or `NC...`, found {data_format!r}")
        layout = "NCHW" if channels_first else "NHWC"
        return apply("BiasAdd", value, bias, data_format=layout, name=scope)
