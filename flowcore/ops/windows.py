"""What convolution and pooling share: windows that slide over images."""

from __future__ import annotations

from typing import Any

from flowcore.arguments import listed, text
from flowcore.graph.constants import constant_value_as_shape
from flowcore.graph.operation import Operation

FORMAT = "data_format: {'NHWC', 'NCHW'} = 'NHWC'"


def layout_of(data_format: str | None) -> str:
    return "NHWC" if data_format is None else text(data_format, "data_format")


def one_per_dimension(value: Any, layout: str, what: str) -> list[int]:
    """A number, or a list of one, two or four, as a list with one entry per dimension."""
    parts = [1] if value is None else [value] if isinstance(value, int) else listed(value, what)
    if len(parts) == 4:
        return parts
    if len(parts) == 1:
        parts = parts * 2
    if len(parts) != 2:
        raise ValueError(f"{what} should be of length 1, 2 or 4 but was {len(parts)}")
    return [1, 1, *parts] if layout == "NCHW" else [1, *parts, 1]


def list_of_four(op: Operation, name: str) -> list[int]:
    value = op.get_attr(name)
    if len(value) != 4:
        raise ValueError(f"{op.type} requires {name} to contain 4 values, found {len(value)}")
    return value


def height_and_channels(op: Operation) -> tuple[int, int]:
    """Where height and channels stand."""
    return (2, 1) if op.get_attr("data_format") == "NCHW" else (1, 3)


def window_length(
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


def shape_from_sizes(index: int) -> Any:
    return lambda op: [constant_value_as_shape(op.inputs[index]).with_rank(4)]
