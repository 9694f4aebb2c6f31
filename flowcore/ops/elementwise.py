"""What the elementwise ops share: how they are declared, the sums that undo broadcasting in their
gradients, and how a function becomes an operator of Tensor. The ops are in arithmetic.py, casts.py,
comparison.py, functions.py and activations.py, their formulas in opencl_kernels/elementwise.def.

Must never import any of those.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from flowcore.graph.apply import apply
from flowcore.graph.constants import constant, constant_value
from flowcore.graph.conversion import convert_to_tensor
from flowcore.graph.op_def import Decorator, register
from flowcore.graph.operation import IndexedSlices, Operation, Tensor
from flowcore.graph.scopes import name_scope
from flowcore.ops import shapes
from flowcore.shape import TensorShape

Gradient = Callable[..., Any] | None


def unary(op_type: str, types: str, grad: Gradient, value: Any = None) -> Decorator:
    """Declares an op of one tensor whose result has its dtype and shape."""
    return register(
        op_type,
        inputs=["x: T"],
        outputs=["y: T"],
        attrs=[f"T: {types}"],
        shape=shapes.same,
        grad=grad,
        value=value,
    )


def binary(
    op_type: str, types: str, grad: Gradient, value: Any = None, commutative: bool = False
) -> Decorator:
    """Declares an op of two tensors of one dtype, which broadcast; the result has that dtype."""
    return register(
        op_type,
        inputs=["x: T", "y: T"],
        outputs=["z: T"],
        attrs=[f"T: {types}"],
        shape=shapes.broadcast,
        grad=grad,
        value=value,
        commutative=commutative,
    )


def gradient_op(op_type: str, inputs: tuple[str, str], types: str, grad: Gradient, output: str = "z") -> None:
    """Declares the gradient of an op, of two tensors that broadcast; `grad` is its own gradient."""
    register(
        op_type,
        inputs=[f"{i}: T" for i in inputs],
        outputs=[f"{output}: T"],
        attrs=[f"T: {types}"],
        shape=shapes.broadcast,
        grad=grad,
    )


def known(function: Callable[..., Any]) -> Callable[[Operation], list[Any]]:
    """Values of small integer arithmetic, so that sizes computed in the graph are known while it is built."""

    def value(op: Operation) -> list[Any]:
        operands = [constant_value(t) for t in op.inputs]
        if not op.inputs[0].dtype.is_integer or any(v is None or v.size > 64 for v in operands):
            return [None]
        with np.errstate(all="ignore"):
            result = function(*operands)
        return [None if result is None else np.asarray(result).astype(operands[0].dtype)]

    return value


def conjugate(x: Tensor) -> Tensor:
    """The complex conjugate; a real tensor itself.

    The gradient of a real number with respect to a complex z is d/d(re z) + i d/d(im z), so that z
    - rate * gradient goes downhill.
    """
    return apply("Conj", x) if x.dtype.is_complex else x


def one(x: Tensor) -> Tensor:
    """1 as a scalar of x's dtype."""
    return constant(1.0, x.dtype)


def chain(dy: Tensor, derivative: Tensor) -> Tensor:
    """dy times a derivative that may be infinite or NaN for finite inputs: 0 where dy is 0.

    So a branch that `where` did not take sends no NaN back: where(x > 0, log(x), x) at x = 0.
    """
    return apply("MulNoNan", derivative, dy)


def unbroadcast(op: Operation, gx: Any, gy: Any) -> list[Any]:
    """Sums the gradients of two broadcast inputs back to their shapes."""
    x, y = op.inputs
    axes: list[Any] = [_summed_axes(x.shape, y.shape), _summed_axes(y.shape, x.shape)]
    if None in axes:
        found = apply("BroadcastGradientArgs", apply("Shape", x), apply("Shape", y))
        axes = [at_run if known is None else known for known, at_run in zip(axes, found, strict=True)]
    return [_sum_to(gx, x, axes[0]), _sum_to(gy, y, axes[1])]


def _summed_axes(own: TensorShape, other: TensorShape) -> list[int] | None:
    """The axes that a tensor of shape `own` is repeated along beside one of shape `other`. None:
    sizes that are not known yet decide.

    An axis of size 1 counts where the other's size is not known: a sum over one element does no harm.
    """
    if own.sizes is None or other.sizes is None:
        return None
    missing = max(len(other.sizes) - len(own.sizes), 0)
    others = (1,) * max(len(own.sizes) - len(other.sizes), 0) + other.sizes
    pairs = list(zip(own.sizes, others[missing:], strict=True))
    if any(n is None and m != 1 for n, m in pairs):
        return None
    return [*range(missing), *(missing + d for d, (n, m) in enumerate(pairs) if n == 1 and m != 1)]


def _sum_to(gradient: Any, x: Tensor, axes: Any) -> Any:
    if gradient is None or (isinstance(axes, list) and not axes):
        return gradient
    known = shapes.sizes_as(x.shape, np.int32)
    sizes = apply("Shape", x) if known is None else known
    return apply(
        "Reshape", apply("Sum", gradient, np.array(axes, np.int32) if isinstance(axes, list) else axes), sizes
    )


#: What has reflected operators of its own that know nothing of tensors: the error says more than theirs.
_PLAIN = (int, float, complex, str, bytes, list, tuple, np.ndarray, np.generic)


def define_operator(function: Callable[..., Tensor], method: str, name: str) -> None:
    """`x <op> y`, where only x need be a tensor; the other side is converted to its dtype."""

    def forward(x: Tensor, y: Any) -> Any:
        with name_scope(None, name, [x, y]) as scope:
            try:
                other = (
                    y
                    if isinstance(y, IndexedSlices)
                    else convert_to_tensor(y, dtype=None if isinstance(y, Tensor) else x.dtype, name="y")
                )
            except TypeError:
                if hasattr(type(y), f"__r{method}__") and not isinstance(y, _PLAIN):
                    return NotImplemented
                raise
            return function(x, other, name=scope)

    def backward(y: Tensor, x: Any) -> Any:
        with name_scope(None, name, [x, y]) as scope:
            return function(convert_to_tensor(x, dtype=y.dtype, name="x"), y, name=scope)

    forward.__doc__ = backward.__doc__ = function.__doc__
    Tensor._override_operator(f"__{method}__", forward)
    if f"__r{method}__" in Tensor.OVERLOADABLE_OPERATORS:
        Tensor._override_operator(f"__r{method}__", backward)
