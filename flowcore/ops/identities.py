"""Values passed on unchanged: identities, gates for gradients, the same bits under another type."""

from __future__ import annotations

from typing import Any

from flowcore import dtypes
from flowcore.graph.apply import apply
from flowcore.graph.constants import constant_value
from flowcore.graph.op_def import register
from flowcore.graph.operation import Operation, Tensor
from flowcore.ops import shapes

__all__ = ["bitcast", "identity", "stop_gradient"]


@register(
    "Identity",
    inputs=["input: T"],
    outputs=["output: T"],
    attrs=["T: type"],
    shape=shapes.same,
    passes=["input"],
    grad=lambda op, g: g,
    value=lambda op: [constant_value(op.inputs[0])],
)
def identity(input: Any, name: str | None = None) -> Tensor:
    """The same value, as a node of its own.

    Args:
        input: A Tensor of any dtype and shape, or what converts to one.
        name: A name for the operation.

    Returns:
        A Tensor of input's dtype and shape.

    Raises:
        TypeError: input does not convert to a tensor.
        ValueError: input is None.

    Example:
        >>> fc.Session().run(fc.identity([1, 2]))
        array([1, 2], dtype=int32)
    """
    return apply("Identity", input, name=name)


register(
    "IdentityN",
    inputs=["input: list(T)"],
    outputs=["output: list(T)"],
    attrs=["T: list(type)"],
    shape=lambda op: [t.shape for t in op.inputs],
    passes=["input"],
    grad=lambda op, *gs: list(gs),
)


@register(
    "StopGradient",
    inputs=["input: T"],
    outputs=["output: T"],
    attrs=["T: type"],
    shape=shapes.same,
    passes=["input"],
    grad=None,
)
def stop_gradient(input: Any, name: str | None = None) -> Tensor:
    """The same value, through which no gradient flows.

    Args:
        input: A Tensor of any dtype and shape, or what converts to one.
        name: A name for the operation.

    Returns:
        A Tensor of input's dtype and shape.

    Raises:
        TypeError: input does not convert to a tensor.
        ValueError: input is None.

    Example:
        >>> x = fc.constant(3.0)
        >>> fc.Session().run(fc.gradients(x * fc.stop_gradient(x), x))
        [np.float32(3.0)]
    """
    return apply("StopGradient", input, name=name)


def _prevented(op: Operation, g: Any) -> Any:
    raise LookupError(f"node '{op.name}' forbids gradients through it: {op.get_attr('message')}")


register(
    "PreventGradient",
    inputs=["input: T"],
    outputs=["output: T"],
    attrs=["T: type", "message: string = ''"],
    shape=shapes.same,
    passes=["input"],
    grad=_prevented,
)


register(
    "Snapshot",
    inputs=["input: T"],
    outputs=["output: T"],
    attrs=["T: type"],
    shape=shapes.same,
    passes=["input"],
    grad=lambda op, g: g,
)


def _bitcast_shape(op: Operation) -> Any:
    source, old, new = op.inputs[0].shape, op.get_attr("T").size, op.get_attr("type").size
    if old == new or source.sizes is None:
        return [source]
    if old > new:
        return [source.concatenate([old // new])]
    if not source.sizes or source.sizes[-1] not in (None, new // old):
        raise ValueError(
            f"the last dimension of {source} must be {new // old} to be bitcast from {op.get_attr('T').name}"
            f" to {op.get_attr('type').name}"
        )
    return [source[:-1]]


@register(
    "Bitcast",
    inputs=["input: T"],
    outputs=["output: type"],
    attrs=["T: {numbers}", "type: {numbers}"],
    shape=_bitcast_shape,
    grad=None,
)
def bitcast(input: Any, type: Any, name: str | None = None) -> Tensor:
    """The same bits as another dtype.

    Args:
        input: A Tensor of a number dtype, or what converts to one.
        type: The new dtype, a number dtype.
        name: A name for the operation.

    Returns:
        A Tensor of dtype type. Where its elements are smaller, it has one more dimension, the parts
        of each element; where they are larger, the last dimension is put together to one.

    Raises:
        TypeError: A dtype is another.
        ValueError: The last dimension does not have the size of one larger element.

    Example:
        >>> fc.Session().run(fc.bitcast([1.0], fc.int32))
        array([1065353216], dtype=int32)
    """
    return apply("Bitcast", input, type=dtypes.as_dtype(type), name=name)
