"""The greatest or the mean element of each window of an image."""

from __future__ import annotations

from typing import Any

from flowcore.arguments import deprecated_argument
from flowcore.graph.apply import apply
from flowcore.graph.conversion import convert_to_tensor
from flowcore.graph.op_def import register
from flowcore.graph.operation import Operation, Tensor
from flowcore.graph.scopes import name_scope
from flowcore.ops import shapes
from flowcore.ops.shape_ops import shape
from flowcore.ops.windows import (
    FORMAT,
    height_and_channels,
    layout_of,
    list_of_four,
    one_per_dimension,
    shape_from_sizes,
    window_length,
)
from flowcore.shape import TensorShape

__all__ = ["avg_pool", "max_pool"]


_WINDOWS = [
    "ksize: list(int) >= 4",
    "strides: list(int) >= 4",
    "padding: {'SAME', 'VALID'}",
    FORMAT,
]
_POOL = ["T: {floats}", *_WINDOWS]
_MAX_POOL = ["T: {floats} = float32", *_WINDOWS]


def _pool_shape_of(op: Operation, image: TensorShape) -> Any:
    ksize, strides = list_of_four(op, "ksize"), list_of_four(op, "strides")
    h, _ = height_and_channels(op)
    out = image.with_rank(4).as_list()
    for axis in (h, h + 1):
        if ksize[axis] < 1:
            raise ValueError(f"ksize must be positive, found {ksize}")
        out[axis] = window_length(out[axis], ksize[axis], strides[axis], 1, op.get_attr("padding"))
    return [TensorShape(out)]


def _pool_shape(op: Operation) -> Any:
    return _pool_shape_of(op, op.inputs[0].shape)


def _pool_attrs(op: Operation) -> dict[str, Any]:
    return {n: op.get_attr(n) for n in ("ksize", "strides", "padding", "data_format")}


register(
    "MaxPool",
    inputs=["input: T"],
    outputs=["output: T"],
    attrs=_MAX_POOL,
    shape=_pool_shape,
    grad=lambda op, g: apply("MaxPoolGrad", op.inputs[0], op.outputs[0], g, **_pool_attrs(op)),
)


def _max_pool_grad_grad(op: Operation, g: Any) -> list[Any]:
    orig_input, orig_output, _ = op.inputs
    back = apply("MaxPoolGradGrad", orig_input, orig_output, g, **_pool_attrs(op))
    return [apply("ZerosLike", orig_input), apply("ZerosLike", orig_output), back]


register(
    "MaxPoolGrad",
    inputs=["orig_input: T", "orig_output: T", "grad: T"],
    outputs=["output: T"],
    attrs=_MAX_POOL,
    shape=shapes.same,
    grad=_max_pool_grad_grad,
)


def _max_pool_grad_grad_grad(op: Operation, g: Any) -> list[Any]:
    orig_input, orig_output, _ = op.inputs
    back = apply("MaxPoolGrad", orig_input, orig_output, g, **_pool_attrs(op))
    return [apply("ZerosLike", orig_input), apply("ZerosLike", orig_output), back]


register(
    "MaxPoolGradGrad",
    inputs=["orig_input: T", "orig_output: T", "grad: T"],
    outputs=["output: T"],
    attrs=_POOL,
    shape=shapes.same_as(1),
    grad=_max_pool_grad_grad_grad,
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
    shape=shape_from_sizes(0),
    grad=lambda op, g: [None, apply("AvgPool", g, **_pool_attrs(op))],
)


def _pool(
    op_type: str,
    argument: str,
    value: Any,
    ksize: Any,
    strides: Any,
    padding: str,
    data_format: str,
    name: str | None,
) -> Tensor:
    with name_scope(name, op_type, [value]) as scope:
        layout = layout_of(data_format)
        return apply(
            op_type,
            convert_to_tensor(value, name=argument),
            ksize=one_per_dimension(ksize, layout, "ksize"),
            strides=one_per_dimension(strides, layout, "strides"),
            padding=padding,
            data_format=layout,
            name=scope,
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
    """The greatest element of each window of an image.

    Args:
        value: Images, a Tensor of a floating dtype and shape [batch, height, width, channels], or
            [batch, channels, height, width] with data_format "NCHW".
        ksize: The size of the window: a number, a list of height and width, or one per dimension.
        strides: How far the window moves, likewise.
        padding: "SAME" (windows may stick out, and count only what lies in the image) or "VALID".
        data_format: Where the channels stand, "NHWC" or "NCHW".
        name: A name for the operation.
        input: Another name of value.

    Returns:
        A Tensor of value's dtype and layout.

    Raises:
        TypeError: value has another dtype.
        ValueError: The shape does not fit, the window is larger than an unpadded image, padding or
            data_format is another, a size or stride is below 1, or the images are given twice.
        UnimplementedError: The window reaches over the batch or the channels (when it runs).

    Example:
        >>> image = np.arange(16, dtype=np.float32).reshape(1, 4, 4, 1)
        >>> fc.Session().run(fc.nn.max_pool(image, 2, 2, "VALID")[0, :, :, 0])
        array([[ 5.,  7.],
               [13., 15.]], dtype=float32)
    """
    value = deprecated_argument("input", input, "value", value)
    return _pool("MaxPool", "input", value, ksize, strides, padding, data_format, name)


def avg_pool(
    value: Any,
    ksize: Any,
    strides: Any,
    padding: str,
    data_format: str = "NHWC",
    name: str | None = None,
    input: Any = None,
) -> Tensor:
    """The mean of each window of an image.

    Args:
        value: Images, a Tensor of a floating dtype and shape [batch, height, width, channels], or
            [batch, channels, height, width] with data_format "NCHW".
        ksize: The size of the window: a number, a list of height and width, or one per dimension.
        strides: How far the window moves, likewise.
        padding: "SAME" (windows may stick out, and count only what lies in the image) or "VALID".
        data_format: Where the channels stand, "NHWC" or "NCHW".
        name: A name for the operation.
        input: Another name of value.

    Returns:
        A Tensor of value's dtype and layout.

    Raises:
        TypeError: value has another dtype.
        ValueError: The shape does not fit, the window is larger than an unpadded image, padding or
            data_format is another, a size or stride is below 1, or the images are given twice.
        UnimplementedError: The window reaches over the batch or the channels (when it runs).

    Example:
        >>> image = np.arange(16, dtype=np.float32).reshape(1, 4, 4, 1)
        >>> fc.Session().run(fc.nn.avg_pool(image, 2, 2, "VALID")[0, :, :, 0])
        array([[ 2.5,  4.5],
               [10.5, 12.5]], dtype=float32)
    """
    value = deprecated_argument("input", input, "value", value)
    return _pool("AvgPool", "value", value, ksize, strides, padding, data_format, name)
