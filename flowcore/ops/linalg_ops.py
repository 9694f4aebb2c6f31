"""Matrix products."""

from __future__ import annotations

from typing import Any

from flowcore.arguments import flag, listed, whole_number
from flowcore.graph.apply import apply
from flowcore.graph.conversion import convert_to_tensor
from flowcore.graph.op_def import register
from flowcore.graph.operation import Operation, Tensor
from flowcore.graph.scopes import name_scope
from flowcore.ops.casts import conj
from flowcore.ops.elementwise import define_operator
from flowcore.ops.joining import concat
from flowcore.ops.layout import transpose
from flowcore.ops.shape_ops import reshape, shape
from flowcore.ops.shapes import broadcast_shapes
from flowcore.shape import UNKNOWN, TensorShape

__all__ = ["matmul", "tensordot"]

_TYPES = "T: {float16, bfloat16, float32, float64, int32, int64, complex64, complex128}"


def _inner(m: Any, n: Any, op: Operation) -> None:
    if m is not None and n is not None and m != n:
        a, b = op.inputs
        raise ValueError(
            f"Dimensions must be equal, but are {m} and {n}: the inner sizes of {op.type} differ, a is"
            f" {a.shape}, b is {b.shape}"
        )


def _matmul_shape(op: Operation) -> Any:
    a, b = (t.shape.with_rank(2).as_list() for t in op.inputs)
    if op.get_attr("transpose_a"):
        a = a[::-1]
    if op.get_attr("transpose_b"):
        b = b[::-1]
    _inner(a[1], b[0], op)
    return [TensorShape([a[0], b[1]])]


def _matmul_grad(op: Operation, g: Tensor) -> list[Any]:
    a, b = conj(op.inputs[0]), conj(op.inputs[1])
    ta, tb = op.get_attr("transpose_a"), op.get_attr("transpose_b")
    product = _mul
    if not ta and not tb:
        return [product(g, b, False, True), product(a, g, True, False)]
    if not ta:
        return [product(g, b, False, False), product(g, a, True, False)]
    if not tb:
        return [product(b, g, False, True), product(a, g, False, False)]
    return [product(b, g, True, True), product(g, a, True, True)]


def _mul(a: Any, b: Any, ta: bool, tb: bool, name: str | None = None) -> Tensor:
    return apply("MatMul", a, b, transpose_a=ta, transpose_b=tb, name=name)


register(
    "MatMul",
    inputs=["a: T", "b: T"],
    outputs=["product: T"],
    attrs=["transpose_a: bool = False", "transpose_b: bool = False", _TYPES],
    shape=_matmul_shape,
    grad=_matmul_grad,
)


def _batch_shape(op: Operation) -> Any:
    a, b = (t.shape.with_rank_at_least(2) for t in op.inputs)
    if a.sizes is None or b.sizes is None:
        return [UNKNOWN]
    m, n = list(a.sizes[-2:]), list(b.sizes[-2:])
    m = m[::-1] if op.get_attr("adj_x") else m
    n = n[::-1] if op.get_attr("adj_y") else n
    _inner(m[1], n[0], op)
    batch = broadcast_shapes(a[:-2], b[:-2])
    return [batch.concatenate([m[0], n[1]])]


def _batch_grad(op: Operation, g: Tensor) -> list[Any]:
    x, y = op.inputs
    ax, ay = op.get_attr("adj_x"), op.get_attr("adj_y")

    def product(a: Tensor, b: Tensor, ta: bool, tb: bool) -> Tensor:
        return apply(op.type, a, b, adj_x=ta, adj_y=tb)

    if not ax and not ay:
        gx, gy = product(g, y, False, True), product(x, g, True, False)
    elif not ax:
        gx, gy = product(g, y, False, False), product(g, x, True, False)
    elif not ay:
        gx, gy = product(y, g, False, True), product(x, g, False, False)
    else:
        gx, gy = product(y, g, True, True), product(g, x, True, True)
    if x.shape.is_fully_defined() and y.shape.is_fully_defined() and x.shape[:-2] == y.shape[:-2]:
        return [gx, gy]
    sx, sy = shape(x), shape(y)
    rx, ry = apply("BroadcastGradientArgs", sx[:-2], sy[:-2])
    return [reshape(apply("Sum", gx, rx), sx), reshape(apply("Sum", gy, ry), sy)]


for _name in ("BatchMatMul", "BatchMatMulV2"):
    register(
        _name,
        inputs=["x: T", "y: T"],
        outputs=["output: T"],
        attrs=[_TYPES, "adj_x: bool = False", "adj_y: bool = False"],
        shape=_batch_shape,
        grad=_batch_grad,
    )


def matmul(
    a: Any,
    b: Any,
    transpose_a: bool = False,
    transpose_b: bool = False,
    adjoint_a: bool = False,
    adjoint_b: bool = False,
    a_is_sparse: bool = False,
    b_is_sparse: bool = False,
    output_type: Any = None,
    grad_a: bool = False,
    grad_b: bool = False,
    name: str | None = None,
) -> Tensor:
    """The matrix product of the last two dimensions; the others are a batch, and broadcast.

    Source of the CPU's method: K. Goto, R. van de Geijn, Anatomy of high-performance matrix
    multiplication, 2008.

    Args:
        a: A Tensor of dtype float16, bfloat16, float32, float64, int32, int64, complex64 or
            complex128, or what converts to one; shape [..., m, k], or [..., k, m] where it is
            taken transposed.
        b: A Tensor of a's dtype, or what converts to it; shape [..., k, n], or [..., n, k].
        transpose_a: Whether a is taken transposed.
        transpose_b: Whether b is taken transposed.
        adjoint_a: Whether a is taken transposed and conjugated.
        adjoint_b: Whether b is taken transposed and conjugated.
        a_is_sparse: Not used; there for scripts that pass it.
        b_is_sparse: Not used; there for scripts that pass it.
        output_type: Not used; there for scripts that pass it.
        grad_a: Not used; there for scripts that pass it.
        grad_b: Not used; there for scripts that pass it.
        name: A name for the operation.

    Returns:
        A Tensor of a's dtype and shape [..., m, n].

    Raises:
        TypeError: The dtypes differ, or are others.
        ValueError: The inner sizes differ, a rank is below 2, batches do not broadcast, or one
            operand is to be both transposed and an adjoint.

    Example:
        >>> fc.Session().run(fc.matmul([[1.0, 2.0]], [[3.0], [4.0]]))
        array([[11.]], dtype=float32)
    """
    for what, value in (
        ("transpose_a", transpose_a),
        ("transpose_b", transpose_b),
        ("adjoint_a", adjoint_a),
        ("adjoint_b", adjoint_b),
    ):
        flag(value, what)
    with name_scope(name, "MatMul", [a, b]) as scope:
        if transpose_a and adjoint_a:
            raise ValueError("transpose_a and adjoint_a exclude each other")
        if transpose_b and adjoint_b:
            raise ValueError("transpose_b and adjoint_b exclude each other")
        a = convert_to_tensor(a, name="a")
        b = convert_to_tensor(b, dtype=None if isinstance(b, Tensor) else a.dtype, name="b")
        if a.shape.ndims != 2 or b.shape.ndims != 2:  # a rank that is not known yet may be anything
            a, adjoint_a = (conj(a), True) if transpose_a else (a, adjoint_a)
            b, adjoint_b = (conj(b), True) if transpose_b else (b, adjoint_b)
            return apply("BatchMatMulV2", a, b, adj_x=adjoint_a, adj_y=adjoint_b, name=scope)
        if adjoint_a:
            a, transpose_a = conj(a), True
        if adjoint_b:
            b, transpose_b = conj(b), True
        return _mul(a, b, transpose_a, transpose_b, scope)


def _checked_axes(axes: list[Any], tensor: Tensor) -> list[int]:
    """Axes of a tensor of known rank, counted from the front."""
    n = tensor.shape.ndims or 0
    return [whole_number(x, "each of axes", -n, n - 1) % n for x in axes]


def tensordot(a: Any, b: Any, axes: Any, name: str | None = None) -> Tensor:
    """The sum over products along pairs of axes.

    Args:
        a: A Tensor of known rank and of a dtype that matmul takes, or what converts to one.
        b: A Tensor of a's dtype and known rank.
        axes: A whole number n: the last n axes of a and the first n of b; or a pair of axes, or of
            lists of axes, of a and of b.
        name: A name for the operation.

    Returns:
        A Tensor of a's dtype; its shape is a's other sizes, then b's.

    Raises:
        TypeError: The dtypes differ, matmul does not take them, or axes is of another kind.
        ValueError: A rank is not known, axes is out of range, or the sizes along a pair differ.

    Example:
        >>> fc.Session().run(fc.tensordot([[1.0, 2.0], [3.0, 4.0]], [1.0, 10.0], 1))
        array([21., 43.], dtype=float32)
    """
    with name_scope(name, "Tensordot", [a, b, axes]) as scope:
        a, b = convert_to_tensor(a, name="a"), convert_to_tensor(b, name="b")
        if a.shape.ndims is None or b.shape.ndims is None:
            raise ValueError("tensordot needs tensors of known rank")
        if isinstance(axes, int):
            if not 0 <= axes <= min(a.shape.ndims, b.shape.ndims):
                raise ValueError(f"'axes' must be between 0 and the ranks, found {axes}")
            over_a, over_b = list(range(a.shape.ndims - axes, a.shape.ndims)), list(range(axes))
        else:
            pair = [[x] if isinstance(x, int) else listed(x, "axes") for x in listed(axes, "axes")]
            if len(pair) != 2 or len(pair[0]) != len(pair[1]):
                raise ValueError(f"axes must be a number or two lists of one length, found {axes}")
            over_a, over_b = _checked_axes(pair[0], a), _checked_axes(pair[1], b)
        free_a = [d for d in range(a.shape.ndims) if d not in over_a]
        free_b = [d for d in range(b.shape.ndims) if d not in over_b]
        sa, sb = shape(a), shape(b)
        inner = apply("Prod", apply("GatherV2", sa, over_a, 0) if over_a else [1], [0])
        left = reshape(transpose(a, free_a + over_a), apply("Pack", [-1, inner]))
        right = reshape(transpose(b, over_b + free_b), apply("Pack", [inner, -1]))
        outer = [apply("GatherV2", s, free, 0) for s, free in ((sa, free_a), (sb, free_b)) if free]
        flat = _mul(left, right, False, False)
        if not outer:
            return reshape(flat, [], name=scope)
        result = reshape(flat, concat(outer, 0) if len(outer) > 1 else outer[0], name=scope)
        result.set_shape([a.shape[d] for d in free_a] + [b.shape[d] for d in free_b])
        return result


define_operator(matmul, "matmul", "matmul")
