"""Activations: relu and its kin, softmax."""

from __future__ import annotations

from typing import Any

from flowcore.arguments import deprecated_argument, whole_number
from flowcore.errors import InvalidArgumentError
from flowcore.graph.apply import apply
from flowcore.graph.constants import constant
from flowcore.graph.conversion import convert_to_tensor
from flowcore.graph.op_def import Decorator, register
from flowcore.graph.operation import Operation, Tensor
from flowcore.graph.scopes import name_scope
from flowcore.ops import shapes
from flowcore.ops.arithmetic import abs, sign
from flowcore.ops.comparison import less, where_v1
from flowcore.ops.elementwise import gradient_op, one
from flowcore.ops.filling import range as array_range
from flowcore.ops.functions import exp, sigmoid, tanh
from flowcore.ops.joining import concat, stack
from flowcore.ops.layout import transpose
from flowcore.ops.reductions import reduce_sum
from flowcore.ops.shape_ops import rank

__all__ = [
    "elu", "log_softmax", "relu", "relu6", "selu", "sigmoid", "softmax", "softplus", "softsign", "swish",
    "tanh",
]  # fmt: skip


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
    """max(x, 0), element by element.

    Source: V. Nair, G. Hinton, Rectified linear units improve restricted Boltzmann machines, 2010.

    Args:
        features: A Tensor of a floating or integer dtype, or what converts to one.
        name: A name for the operation.

    Returns:
        A Tensor of features' dtype and shape.

    Raises:
        TypeError: features has another dtype.

    Example:
        >>> fc.Session().run(fc.nn.relu([-1.0, 2.0]))
        array([0., 2.], dtype=float32)
    """
    return apply("Relu", features, name=name)


@_activation("Relu6", "{reals}", lambda op, g: apply("Relu6Grad", g, op.outputs[0]))
def relu6(features: Any, name: str | None = None) -> Tensor:
    """min(max(x, 0), 6), element by element.

    Source: A. Krizhevsky, Convolutional deep belief networks on CIFAR-10, 2010.

    Args:
        features: A Tensor of a floating or integer dtype, or what converts to one.
        name: A name for the operation.

    Returns:
        A Tensor of features' dtype and shape.

    Raises:
        TypeError: features has another dtype.

    Example:
        >>> fc.Session().run(fc.nn.relu6([-1.0, 2.0, 9.0]))
        array([0., 2., 6.], dtype=float32)
    """
    with name_scope(name, "Relu6", [features]) as scope:
        return apply("Relu6", convert_to_tensor(features, name="features"), name=scope)


def _relu_grad_grad(op: Operation, dz: Tensor) -> list[Any]:
    return [apply(op.type, dz, op.inputs[1]), apply("ZerosLike", op.inputs[1])]


gradient_op("ReluGrad", ("gradients", "features"), "{reals}", _relu_grad_grad, "backprops")
gradient_op("Relu6Grad", ("gradients", "features"), "{floats}", _relu_grad_grad, "backprops")


@_activation("Elu", "{floats}", lambda op, g: apply("EluGrad", g, op.outputs[0]))
def elu(features: Any, name: str | None = None) -> Tensor:
    """x above zero, exp(x) - 1 below, element by element.

    Source: D. Clevert, T. Unterthiner, S. Hochreiter, Fast and accurate deep network learning by
    exponential linear units, 2015.

    Args:
        features: A Tensor of a floating dtype, or what converts to one.
        name: A name for the operation.

    Returns:
        A Tensor of features' dtype and shape.

    Raises:
        TypeError: features has another dtype.

    Example:
        >>> fc.Session().run(fc.nn.elu([-1.0, 2.0]))
        array([-0.632121,  2.      ], dtype=float32)
    """
    return apply("Elu", features, name=name)


@_activation("Selu", "{floats}", lambda op, g: apply("SeluGrad", g, op.outputs[0]))
def selu(features: Any, name: str | None = None) -> Tensor:
    """The scaled elu of self-normalising networks, element by element.

    Source: G. Klambauer, T. Unterthiner, A. Mayr, S. Hochreiter, Self-normalizing neural networks,
    2017.

    Args:
        features: A Tensor of a floating dtype, or what converts to one.
        name: A name for the operation.

    Returns:
        A Tensor of features' dtype and shape.

    Raises:
        TypeError: features has another dtype.

    Example:
        >>> fc.Session().run(fc.nn.selu([-1.0, 2.0]))
        array([-1.111331,  2.101402], dtype=float32)
    """
    return apply("Selu", features, name=name)


def _elu_grad_grad(op: Operation, dz: Tensor) -> list[Any]:
    gradients, outputs = op.inputs
    negative_side = less(outputs, constant(0.0, outputs.dtype))
    return [apply(op.type, dz, outputs), where_v1(negative_side, dz * gradients, apply("ZerosLike", outputs))]


gradient_op("EluGrad", ("gradients", "outputs"), "{floats}", _elu_grad_grad, "backprops")
gradient_op("SeluGrad", ("gradients", "outputs"), "{floats}", _elu_grad_grad, "backprops")


@_activation("Softplus", "{floats}", lambda op, g: apply("SoftplusGrad", g, op.inputs[0]))
def softplus(features: Any, name: str | None = None) -> Tensor:
    """log(1 + exp(x)), element by element, without overflow.

    Args:
        features: A Tensor of a floating dtype, or what converts to one.
        name: A name for the operation.

    Returns:
        A Tensor of features' dtype and shape.

    Raises:
        TypeError: features has another dtype.

    Example:
        >>> fc.Session().run(fc.nn.softplus([0.0, 100.0]))
        array([  0.693147, 100.      ], dtype=float32)
    """
    return apply("Softplus", features, name=name)


def _softplus_grad_grad(op: Operation, dz: Tensor) -> list[Any]:
    gradients, features = op.inputs
    slope = sigmoid(features)
    return [apply("SoftplusGrad", dz, features), dz * gradients * slope * (one(slope) - slope)]


gradient_op("SoftplusGrad", ("gradients", "features"), "{floats}", _softplus_grad_grad, "backprops")


@_activation("Softsign", "{floats}", lambda op, g: apply("SoftsignGrad", g, op.inputs[0]))
def softsign(features: Any, name: str | None = None) -> Tensor:
    """x / (1 + |x|), element by element.

    Args:
        features: A Tensor of a floating dtype, or what converts to one.
        name: A name for the operation.

    Returns:
        A Tensor of features' dtype and shape.

    Raises:
        TypeError: features has another dtype.

    Example:
        >>> fc.Session().run(fc.nn.softsign([-1.0, 3.0]))
        array([-0.5 ,  0.75], dtype=float32)
    """
    return apply("Softsign", features, name=name)


def _softsign_grad_grad(op: Operation, dz: Tensor) -> list[Any]:
    gradients, features = op.inputs
    base = one(features) + abs(features)
    return [
        apply("SoftsignGrad", dz, features),
        dz * gradients * sign(features) * constant(-2.0, dz.dtype) / (base * base * base),
    ]


gradient_op("SoftsignGrad", ("gradients", "features"), "{floats}", _softsign_grad_grad, "backprops")


def swish(features: Any, beta: Any = 1.0) -> Tensor:
    """x sigmoid(beta x), element by element.

    Source: P. Ramachandran, B. Zoph, Q. Le, Searching for activation functions, 2017.

    Args:
        features: A Tensor of a floating dtype, or what converts to one.
        beta: The factor within the sigmoid: a number, or a Tensor of features' dtype that
            broadcasts.

    Returns:
        A Tensor of features' dtype and shape.

    Raises:
        TypeError: features has another dtype, or beta does.

    Example:
        >>> fc.Session().run(fc.nn.swish([0.0, 1.0]))
        array([0.      , 0.731059], dtype=float32)
    """
    features = convert_to_tensor(features)
    return features * sigmoid(features * convert_to_tensor(beta, dtype=features.dtype, name="beta"))


def _at_least_vector(op: Operation) -> Any:
    return [op.inputs[0].shape.with_rank_at_least(1)]


def _softmax_grad(op: Operation, g: Any) -> Any:
    y = op.outputs[0]
    return (g - reduce_sum(g * y, -1, keepdims=True)) * y


register(
    "Softmax",
    inputs=["logits: T"],
    outputs=["softmax: T"],
    attrs=["T: {floats}"],
    shape=_at_least_vector,
    grad=_softmax_grad,
)


register(
    "LogSoftmax",
    inputs=["logits: T"],
    outputs=["logsoftmax: T"],
    attrs=["T: {floats}"],
    shape=_at_least_vector,
    grad=lambda op, g: g - reduce_sum(g, -1, keepdims=True) * exp(op.outputs[0]),
)


def _along_axis(op_type: str, logits: Any, axis: Any, name: str | None) -> Tensor:
    axis = whole_number(axis, "axis")
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
    """exp(x) over its sum along an axis.

    Args:
        logits: A Tensor of a floating dtype and a rank of at least 1, or what converts to one.
        axis: The axis of the classes, a whole number; negative: counted from the end; None: the
            last.
        name: A name for the operation.
        dim: The old name of axis.

    Returns:
        A Tensor of logits' dtype and shape.

    Raises:
        TypeError: logits has another dtype.
        ValueError: logits is a scalar, or both axis and dim are given.
        InvalidArgumentError: axis is out of range.

    Example:
        >>> fc.Session().run(fc.nn.softmax([[1.0, 1.0]]))
        array([[0.5, 0.5]], dtype=float32)
    """
    axis = deprecated_argument("axis", axis, "dim", dim)
    return _along_axis("Softmax", logits, -1 if axis is None else axis, name)


def log_softmax(logits: Any, axis: Any = None, name: str | None = None, dim: Any = None) -> Tensor:
    """The logarithm of softmax along an axis, without overflow.

    Args:
        logits: A Tensor of a floating dtype and a rank of at least 1, or what converts to one.
        axis: The axis of the classes, a whole number; negative: counted from the end; None: the
            last.
        name: A name for the operation.
        dim: The old name of axis.

    Returns:
        A Tensor of logits' dtype and shape.

    Raises:
        TypeError: logits has another dtype.
        ValueError: logits is a scalar, or both axis and dim are given.
        InvalidArgumentError: axis is out of range.

    Example:
        >>> fc.Session().run(fc.nn.log_softmax([[1.0, 1.0]]))
        array([[-0.693147, -0.693147]], dtype=float32)
    """
    axis = deprecated_argument("axis", axis, "dim", dim)
    return _along_axis("LogSoftmax", logits, -1 if axis is None else axis, name)
