"""Two-dimensional convolution; its gradients are convolutions of their own."""

from __future__ import annotations

from typing import Any

from flowcore.arguments import deprecated_argument, listed, whole_number
from flowcore.graph.apply import apply
from flowcore.graph.op_def import register
from flowcore.graph.operation import Operation, Tensor
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

__all__ = ["conv2d"]


_CONV = [
    "T: {floats}",
    "strides: list(int)",
    "use_cudnn_on_gpu: bool = True",
    "padding: {'SAME', 'VALID', 'EXPLICIT'}",
    "explicit_paddings: list(int) = []",
    FORMAT,
    "dilations: list(int) = [1, 1, 1, 1]",
]


def _conv_shape(op: Operation) -> Any:
    image, kernel = op.inputs[0].shape.with_rank(4), op.inputs[1].shape.with_rank(4)
    strides, dilations, padding = (
        list_of_four(op, "strides"),
        list_of_four(op, "dilations"),
        op.get_attr("padding"),
    )
    h, c = height_and_channels(op)
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
        out[axis] = window_length(sizes[axis], k[i], strides[axis], dilations[axis], padding, extra)
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


register(
    "Conv2DBackpropInput",
    inputs=["input_sizes: int32", "filter: T", "out_backprop: T"],
    outputs=["output: T"],
    attrs=_CONV,
    shape=shape_from_sizes(0),
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
    shape=shape_from_sizes(1),
    grad=_backprop_filter_grad,
)


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

    Source of the CPU's method for windows of 3 x 3: S. Winograd, Arithmetic Complexity of
    Computations, 1980; A. Lavin, S. Gray, Fast algorithms for convolutional neural networks, 2015.

    Args:
        input: Images, a Tensor of a floating dtype and shape [batch, height, width, channels], or
            [batch, channels, height, width] with data_format "NCHW".
        filter: A Tensor of input's dtype and shape [height, width, channels in, channels out].
        strides: How far the window moves: a number, a list of height and width, or one per
            dimension; None: 1.
        padding: "SAME", "VALID", or how many zeros before and behind each dimension, [[0, 0], [top,
            bottom], [left, right], [0, 0]].
        use_cudnn_on_gpu: Not used; there for scripts that pass it.
        data_format: Where the channels stand, "NHWC" or "NCHW".
        dilations: The distance of the filter's elements, as strides.
        name: A name for the operation.
        filters: Another name of filter.

    Returns:
        A Tensor of input's dtype and layout, with the filter's channels out.

    Raises:
        TypeError: The dtypes differ, or are others, or padding is of another kind.
        ValueError: The shapes or channels do not fit, the window is larger than an unpadded image,
            padding or data_format is another, a stride or dilation is below 1 or not 1 over batch
            or channels, or the filter is given twice.

    Example:
        >>> image, window = np.ones([1, 3, 3, 1], np.float32), np.ones([2, 2, 1, 1], np.float32)
        >>> fc.Session().run(fc.nn.conv2d(image, window, 1, "VALID")[0, :, :, 0])
        array([[4., 4.],
               [4., 4.]], dtype=float32)
    """
    filter = deprecated_argument("filters", filters, "filter", filter)
    if filter is None:
        raise ValueError("conv2d needs a filter")
    explicit: list[int] = []
    if not isinstance(padding, str):
        if padding is None:
            raise ValueError("conv2d needs padding: 'SAME', 'VALID' or explicit paddings")
        pairs = [listed(pair, "padding") for pair in listed(padding, "padding")]
        explicit, padding = [whole_number(n, "padding") for pair in pairs for n in pair], "EXPLICIT"
    layout = layout_of(data_format)
    return apply(
        "Conv2D",
        input,
        filter,
        strides=one_per_dimension(strides, layout, "strides"),
        padding=padding,
        explicit_paddings=explicit,
        data_format=layout,
        dilations=one_per_dimension(dilations, layout, "dilations"),
        use_cudnn_on_gpu=use_cudnn_on_gpu,
        name=name,
    )
