"""Shape and layout: identity, shape, reshape, transpose, concat, split, stack, tile, pad, gather,
one_hot, fill and their kin.

Longer than most files because it is a table of declarations, each with its gradient.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from flowcore import dtypes
from flowcore.graph.apply import apply
from flowcore.graph.constants import MAX_RANK, constant, constant_value, constant_value_as_shape
from flowcore.graph.conversion import convert_to_tensor, register_tensor_conversion_function
from flowcore.graph.op_def import register
from flowcore.graph.operation import IndexedSlices, Operation, Tensor
from flowcore.graph.scopes import name_scope
from flowcore.ops import shapes
from flowcore.ops.elementwise import cast, conj
from flowcore.shape import UNKNOWN, Dimension, TensorShape, as_shape

__all__ = [
    "bitcast", "broadcast_to", "concat", "expand_dims", "fill", "gather", "identity",
    "invert_permutation", "lin_space", "linspace", "one_hot", "ones", "ones_like", "pad", "range", "rank",
    "reshape", "reverse", "shape", "shape_n", "size", "split", "squeeze", "stack", "stop_gradient",
    "tile", "transpose", "unique", "unstack", "zeros", "zeros_like",
]  # fmt: skip

_range = range


def int_argument(value: Any, name: str) -> Any:
    """A shape, axis or size argument in the form that `apply` converts:

    numbers as int32 (int64 where they need it), tensors as they are.
    """
    if isinstance(value, TensorShape):
        value = value.as_list() if value.ndims is not None else None
    elif isinstance(value, Dimension):
        value = value.value
    if isinstance(value, (list, tuple)):
        value = [v.value if isinstance(v, Dimension) else v for v in value]
        if _holds_tensor(value):
            return value
    if value is None or (isinstance(value, list) and None in value):
        raise ValueError(f"{name} must be fully known here, found {value}")
    if isinstance(value, (int, list)) and not isinstance(value, bool):
        array = np.asarray(value)
        if not array.size or (
            array.dtype.kind in "iu" and array.max() <= 2**31 - 1 and array.min() >= -(2**31)
        ):
            return array.astype(np.int32)
        return array
    return value


def int_tensor(value: Any, name: str, dtype: Any = None) -> Tensor:
    """A shape, axis or size argument as an int32 (or int64) tensor of its own name."""
    tensor = convert_to_tensor(
        int_argument(value, name), dtype=dtype, name=name, preferred_dtype=dtypes.int32
    )
    if tensor.dtype not in (dtypes.int32, dtypes.int64):
        raise TypeError(f"{name} must be int32 or int64, found {tensor.dtype.name}")
    return tensor


# ---- passing on ----------------------------------------


@register(
    "Identity",
    inputs=["input: T"],
    outputs=["output: T"],
    attrs=["T: type"],
    shape=shapes.same,
    grad=lambda op, g: g,
    value=lambda op: [constant_value(op.inputs[0])],
)
def identity(input: Any, name: str | None = None) -> Tensor:
    """The same value, as a node of its own."""
    return apply("Identity", input, name=name)


register(
    "IdentityN",
    inputs=["input: list(T)"],
    outputs=["output: list(T)"],
    attrs=["T: list(type)"],
    shape=lambda op: [t.shape for t in op.inputs],
    grad=lambda op, *gs: list(gs),
)


@register(
    "StopGradient",
    inputs=["input: T"],
    outputs=["output: T"],
    attrs=["T: type"],
    shape=shapes.same,
    grad=None,
)
def stop_gradient(input: Any, name: str | None = None) -> Tensor:
    """The same value, through which no gradient flows."""
    return apply("StopGradient", input, name=name)


def _prevented(op: Operation, g: Any) -> Any:
    raise LookupError(f"node '{op.name}' forbids gradients through it: {op.get_attr('message')}")


register(
    "PreventGradient",
    inputs=["input: T"],
    outputs=["output: T"],
    attrs=["T: type", "message: string = ''"],
    shape=shapes.same,
    grad=_prevented,
)
register(
    "Snapshot",
    inputs=["input: T"],
    outputs=["output: T"],
    attrs=["T: type"],
    shape=shapes.same,
    grad=lambda op, g: g,
)


# ---- shape, size, rank ----------------------------------------


def _shape_value(op: Operation) -> list[Any]:
    kind = op.get_attr("out_type").as_numpy_dtype
    return [np.array(t.shape.as_list(), kind) if t.shape.is_fully_defined() else None for t in op.inputs]


register(
    "Shape",
    inputs=["input: T"],
    outputs=["output: out_type"],
    attrs=["T: type", "out_type: {indices} = int32"],
    shape=lambda op: [shapes.vector_of(op.inputs[0].shape.ndims)],
    value=_shape_value,
    grad=None,
)
register(
    "ShapeN",
    inputs=["input: N * T"],
    outputs=["output: N * out_type"],
    attrs=["N: int >= 1", "T: type", "out_type: {indices} = int32"],
    shape=lambda op: [shapes.vector_of(t.shape.ndims) for t in op.inputs],
    value=_shape_value,
    grad=None,
)


def shape(input: Any, name: str | None = None, out_type: Any = None) -> Tensor:
    """The shape as a vector of `out_type` (int32 by default); a constant where it is known."""
    out = dtypes.int32 if out_type is None else dtypes.as_dtype(out_type)
    with name_scope(name, "Shape", [input]) as scope:
        input = convert_to_tensor(input.values if isinstance(input, IndexedSlices) else input)
        if input.shape.is_fully_defined():
            return constant(np.array(input.shape.as_list(), out.as_numpy_dtype), name=scope)
        return apply("Shape", input, out_type=out, name=scope)


def shape_n(input: Any, out_type: Any = dtypes.int32, name: str | None = None) -> list[Tensor]:
    """The shapes of several tensors."""
    return apply("ShapeN", input, out_type=dtypes.as_dtype(out_type), name=name)


def _size_value(op: Operation) -> list[Any]:
    count = op.inputs[0].shape.num_elements()
    return [None if count is None else np.asarray(count, op.get_attr("out_type").as_numpy_dtype)]


register(
    "Size",
    inputs=["input: T"],
    outputs=["output: out_type"],
    attrs=["T: type", "out_type: {indices} = int32"],
    shape=shapes.scalar,
    value=_size_value,
    grad=None,
)


def size(input: Any, name: str | None = None, out_type: Any = None) -> Tensor:
    """The number of elements; a constant where it is known."""
    out = dtypes.int32 if out_type is None else dtypes.as_dtype(out_type)
    with name_scope(name, "Size", [input]) as scope:
        input = convert_to_tensor(input)
        count = input.shape.num_elements()
        return (
            apply("Size", input, out_type=out, name=scope)
            if count is None
            else constant(count, out, name=scope)
        )


register(
    "Rank",
    inputs=["input: T"],
    outputs=["output: int32"],
    attrs=["T: type"],
    shape=shapes.scalar,
    grad=None,
    value=lambda op: [
        None if op.inputs[0].shape.ndims is None else np.asarray(op.inputs[0].shape.ndims, np.int32)
    ],
)


def rank(input: Any, name: str | None = None) -> Tensor:
    """The number of dimensions; a constant where it is known."""
    with name_scope(name, "Rank", [input]) as scope:
        input = convert_to_tensor(input)
        known = input.shape.ndims
        return (
            apply("Rank", input, name=scope) if known is None else constant(known, dtypes.int32, name=scope)
        )


# ---- reshape and friends ----------------------------------------


def _reshape_shape(op: Operation) -> Any:
    source, target = op.inputs[0].shape, constant_value_as_shape(op.inputs[1])
    sizes = target.sizes
    count = source.num_elements()
    if sizes is None or count is None:
        return [target]
    given = constant_value(op.inputs[1])
    if given is not None and (given == -1).sum() > 1:
        raise ValueError(f"only one size of a reshape may be -1, found {given.tolist()}")
    if given is not None and (given < -1).any():
        raise ValueError(f"a size of a reshape must be at least 0 (or -1), found {given.tolist()}")
    known = int(np.prod([d for d in sizes if d is not None], dtype=np.int64))
    open_sizes = sizes.count(None)
    if open_sizes == 0:
        if known != count:
            raise ValueError(f"{count} elements do not fit shape {target}, which has {known}")
    elif open_sizes == 1:
        if (known and count % known) or (known == 0 and count):
            raise ValueError(
                f"Dimension size must be evenly divisible: cannot reshape a tensor with {count} elements to"
                f" shape {target}"
            )
        if known:
            return [TensorShape([count // known if d is None else d for d in sizes])]
    return [target]


def _reshape_grad(op: Operation, g: Any) -> list[Any]:
    return [apply("Reshape", convert_to_tensor(g), shape(op.inputs[0])), None]


@register(
    "Reshape",
    inputs=["tensor: T", "shape: Tshape"],
    outputs=["output: T"],
    attrs=["T: type", "Tshape: {indices} = int32"],
    shape=_reshape_shape,
    grad=_reshape_grad,
    value=lambda op: [
        (
            v.reshape(s)
            if (v := constant_value(op.inputs[0])) is not None
            and v.size <= 64
            and (s := constant_value(op.inputs[1])) is not None
            else None
        )
    ],
)
def reshape(tensor: Any, shape: Any, name: str | None = None) -> Tensor:
    """The same elements in row-major order under another shape;

    one size may be -1, and is found from the others.
    """
    if isinstance(shape, (list, tuple, np.ndarray)) and len(shape) > MAX_RANK:
        raise ValueError(f"A tensor has at most {MAX_RANK} dimensions, found {len(shape)}")
    return apply("Reshape", tensor, int_argument(shape, "shape"), name=name)


def _expand_shape(op: Operation) -> Any:
    source, axis = op.inputs[0].shape, constant_value(op.inputs[1])
    if source.sizes is None:
        return [UNKNOWN]
    if axis is None:
        return [TensorShape([None] * (len(source.sizes) + 1))]
    at = shapes.axis_of(op.inputs[1], len(source.sizes) + 1, "dim") or 0
    return [TensorShape([*source.sizes[:at], 1, *source.sizes[at:]])]


def _back_to_input_shape(op: Operation, g: Any) -> list[Any]:
    return [apply("Reshape", convert_to_tensor(g), shape(op.inputs[0])), *([None] * (len(op.inputs) - 1))]


def _expand_value(op: Operation) -> list[Any]:
    value, axis = (constant_value(t) for t in op.inputs)
    return [None if value is None or axis is None or value.size > 64 else np.expand_dims(value, int(axis))]


register(
    "ExpandDims",
    inputs=["input: T", "dim: Tdim"],
    outputs=["output: T"],
    attrs=["T: type", "Tdim: {indices} = int32"],
    shape=_expand_shape,
    value=_expand_value,
    grad=_back_to_input_shape,
)


def expand_dims(input: Any, axis: Any = None, name: str | None = None, dim: Any = None) -> Tensor:
    """Puts a dimension of size 1 before `axis` (negative: counted from the end)."""
    axis = dim if axis is None else axis
    if axis is None:
        raise ValueError("Must specify an axis argument to expand_dims()")
    return apply("ExpandDims", input, axis, name=name)


def _squeeze_shape(op: Operation) -> Any:
    source, dims = op.inputs[0].shape.sizes, op.get_attr("squeeze_dims")
    if source is None:
        return [UNKNOWN]
    if not dims:
        return [UNKNOWN if None in source else TensorShape([d for d in source if d != 1])]
    drop = set()
    for axis in dims:
        if not -len(source) <= axis < len(source):
            raise ValueError(f"squeeze_dims {axis} is not in [{-len(source)}, {len(source)})")
        if source[axis] not in (1, None):
            raise ValueError(f"Can not squeeze dim[{axis}], expected a dimension of 1, got {source[axis]}")
        drop.add(axis % len(source))
    return [TensorShape([d for i, d in enumerate(source) if i not in drop])]


register(
    "Squeeze",
    inputs=["input: T"],
    outputs=["output: T"],
    attrs=["T: type", "squeeze_dims: list(int) = []"],
    shape=_squeeze_shape,
    grad=_back_to_input_shape,
)


def squeeze(input: Any, axis: Any = None, name: str | None = None, squeeze_dims: Any = None) -> Tensor:
    """Drops dimensions of size 1: those in `axis`, or all."""
    axis = squeeze_dims if axis is None else axis
    axis = [axis] if isinstance(axis, int) else axis
    return apply("Squeeze", input, squeeze_dims=list(axis) if axis is not None else None, name=name)


def _transpose_shape(op: Operation) -> Any:
    source, perm = op.inputs[0].shape, constant_value(op.inputs[1])
    if source.sizes is None and perm is None:
        length = op.inputs[1].shape.with_rank(1)[0].value
        return [UNKNOWN if length is None else TensorShape([None] * length)]
    if perm is None:
        return [TensorShape([None] * len(source.sizes or ()))]
    source = source.with_rank(len(perm))
    if sorted(p % len(perm) if -len(perm) <= p < len(perm) else -1 for p in perm.tolist()) != list(
        _range(len(perm))
    ):
        raise ValueError(f"perm must hold each of 0..{len(perm) - 1} once, found {perm.tolist()}")
    return (
        [TensorShape([source.sizes[p] for p in perm.tolist()])]
        if source.sizes is not None
        else [TensorShape([None] * len(perm))]
    )


def _transpose_grad(op: Operation, g: Any) -> list[Any]:
    return [apply(op.type, g, apply("InvertPermutation", op.inputs[1])), None]


for _name in ("Transpose", "ConjugateTranspose"):
    register(
        _name,
        inputs=["x: T", "perm: Tperm"],
        outputs=["y: T"],
        attrs=["T: type", "Tperm: {indices} = int32"],
        shape=_transpose_shape,
        grad=_transpose_grad,
    )


def transpose(a: Any, perm: Any = None, name: str | None = "transpose", conjugate: bool = False) -> Tensor:
    """Permutes dimensions: result dimension i is input dimension perm[i]; reverses them by default."""
    with name_scope(name, "transpose", [a]) as scope:
        a = convert_to_tensor(a, name="a")
        if perm is None:
            known = a.shape.ndims
            if known is not None:
                perm = constant(np.arange(known - 1, -1, -1, dtype=np.int32), name="perm")
            else:
                last = apply("Sub", apply("Rank", a), 1)
                perm = apply("Sub", last, range(0, apply("Rank", a)))
        op_type = "ConjugateTranspose" if conjugate and a.dtype.is_complex else "Transpose"
        return apply(op_type, a, int_argument(perm, "perm"), name=scope)


@register(
    "InvertPermutation",
    inputs=["x: T"],
    outputs=["y: T"],
    attrs=["T: {indices} = int32"],
    shape=shapes.same,
    grad=None,
    value=lambda op: [None if (v := constant_value(op.inputs[0])) is None else np.argsort(v).astype(v.dtype)],
)
def invert_permutation(x: Any, name: str | None = None) -> Tensor:
    """y with y[x[i]] = i."""
    return apply("InvertPermutation", x, name=name)


# ---- joining and splitting ----------------------------------------


def _concat_shape(axis_tensor: Tensor, tensors: Any) -> Any:
    axis = constant_value(axis_tensor)
    rank_known = next((t.shape.ndims for t in tensors if t.shape.ndims is not None), None)
    if rank_known is None:
        return [UNKNOWN]
    if rank_known == 0:
        raise ValueError("Can't concatenate scalars (use flowcore.stack instead)")
    parts = [t.shape.with_rank(rank_known) for t in tensors]
    if axis is None:
        return [TensorShape([None] * rank_known)]
    if axis.ndim:
        raise ValueError(f"the axis of a concatenation must be a scalar, found shape {axis.shape}")
    at = int(axis)
    if not -rank_known <= at < rank_known:
        raise ValueError(f"axis {at} is not in [{-rank_known}, {rank_known})")
    at %= rank_known
    rest = TensorShape([None if d == at else n for d, n in enumerate(parts[0].sizes or ())])
    length: int | None = 0
    for part in parts:
        rest = rest.merge_with(TensorShape([None if d == at else n for d, n in enumerate(part.sizes or ())]))
        n = (part.sizes or ())[at]
        length = None if n is None or length is None else length + n
    return [TensorShape([length if d == at else n for d, n in enumerate(rest.sizes or ())])]


def _concat_value(op: Operation) -> list[Any]:
    parts = [constant_value(t) for t in op.inputs]
    if any(p is None or p.size > 64 for p in parts):
        return [None]
    return [np.concatenate(parts[:-1], int(parts[-1]))]


def _concat_pieces(op: Operation, values: Any, axis: Tensor, g: Any) -> list[Any]:
    if isinstance(g, IndexedSlices):
        g = convert_to_tensor(g)
    if len(values) == 1:
        return [g]
    at = constant_value(axis)
    sizes = [v.shape.sizes[int(at)] if at is not None and v.shape.sizes is not None else None for v in values]
    if at is not None and None not in sizes:
        return list(
            apply(
                "SplitV",
                g,
                constant(np.array(sizes, np.int32)),
                constant(np.int32(at)),
                num_split=len(values),
            )
        )
    dims = apply("ShapeN", list(values))
    where = apply("FloorMod", axis, apply("Rank", values[0]))
    return [
        apply("Slice", g, begin, size)
        for begin, size in zip(apply("ConcatOffset", where, dims), dims, strict=True)
    ]


register(
    "ConcatV2",
    inputs=["values: N * T", "axis: Tidx"],
    outputs=["output: T"],
    attrs=["N: int >= 1", "T: type", "Tidx: {indices} = int32"],
    shape=lambda op: _concat_shape(op.inputs[-1], op.inputs[:-1]),
    value=_concat_value,
    grad=lambda op, g: [*_concat_pieces(op, op.inputs[:-1], op.inputs[-1], g), None],
)
register(
    "Concat",
    inputs=["concat_dim: int32", "values: N * T"],
    outputs=["output: T"],
    attrs=["N: int >= 1", "T: type"],
    shape=lambda op: _concat_shape(op.inputs[0], op.inputs[1:]),
    grad=lambda op, g: [None, *_concat_pieces(op, op.inputs[1:], op.inputs[0], g)],
)
register(
    "ConcatOffset",
    inputs=["concat_dim: int32", "shape: N * int32"],
    outputs=["offset: N * int32"],
    attrs=["N: int >= 2"],
    shape=lambda op: [t.shape for t in op.inputs[1:]],
    grad=None,
)


def concat(values: Any, axis: Any, name: str = "concat") -> Tensor:
    """Joins tensors along an axis that exists. All other sizes must agree."""
    if not isinstance(values, (list, tuple)):
        values = [values]
    if len(values) == 1:
        with name_scope(name):
            int_tensor(axis, "concat_dim").shape.assert_has_rank(0)
            return identity(values[0], name=name)
    return apply("ConcatV2", list(values), axis, name=name)


def _split_axis(tensor: Tensor, source: TensorShape, what: str) -> int | None:
    return shapes.axis_of(tensor, source.ndims, what)


def _split_shape(op: Operation) -> Any:
    source, ways = op.inputs[1].shape, len(op.outputs)
    axis = _split_axis(op.inputs[0], source, "split_dim")
    if source.sizes is None or axis is None:
        return [TensorShape([None] * len(source.sizes)) if source.sizes is not None else UNKNOWN] * ways
    length = source.sizes[axis]
    if length is not None and length % ways:
        raise ValueError(
            f"Dimension size must be evenly divisible by {ways} but is {length}: split dimension {axis} of"
            f" shape {source}"
        )
    return [
        TensorShape(
            [(None if n is None else n // ways) if d == axis else n for d, n in enumerate(source.sizes)]
        )
    ] * ways


def _fill_missing(op: Operation, gradients: Any) -> list[Any]:
    return [apply("ZerosLike", t) if g is None else g for g, t in zip(gradients, op.outputs, strict=True)]


register(
    "Split",
    inputs=["split_dim: int32", "value: T"],
    outputs=["output: num_split * T"],
    attrs=["num_split: int >= 1", "T: type"],
    shape=_split_shape,
    grad=lambda op, *gs: [None, concat(_fill_missing(op, gs), op.inputs[0])],
)


def _split_v_shape(op: Operation) -> Any:
    source = op.inputs[0].shape
    axis, sizes = _split_axis(op.inputs[2], source, "split_dim"), constant_value(op.inputs[1])
    if source.sizes is None or axis is None:
        return [TensorShape([None] * len(source.sizes)) if source.sizes is not None else UNKNOWN] * len(
            op.outputs
        )
    parts: list[int | None] = [None] * len(op.outputs)
    total = source.sizes[axis]
    if sizes is not None:
        parts = [None if n < 0 else int(n) for n in sizes]
        known = sum(n for n in parts if n is not None)
        if parts.count(None) == 1 and total is not None:
            parts = [total - known if n is None else n for n in parts]
        if (total is not None and None not in parts and sum(n or 0 for n in parts) != total) or any(
            n is not None and n < 0 for n in parts
        ):
            raise ValueError(
                f"size_splits {sizes.tolist()} must add up to the size {total} of dimension {axis}"
            )
    return [TensorShape([p if d == axis else n for d, n in enumerate(source.sizes)]) for p in parts]


register(
    "SplitV",
    inputs=["value: T", "size_splits: Tlen", "split_dim: int32"],
    outputs=["output: num_split * T"],
    attrs=["num_split: int >= 1", "T: type", "Tlen: {indices} = int64"],
    shape=_split_v_shape,
    grad=lambda op, *gs: [concat(_fill_missing(op, gs), op.inputs[2]), None, None],
)


def split(
    value: Any, num_or_size_splits: Any, axis: Any = 0, num: int | None = None, name: str = "split"
) -> list[Tensor]:
    """Cuts a tensor along an axis:

    into so many equal parts, or into parts of the given sizes (one may be -1).
    """
    if isinstance(num_or_size_splits, (int, np.integer, Dimension)):
        return apply("Split", axis, value, num_split=int(num_or_size_splits), name=name)
    sizes = int_tensor(num_or_size_splits, "Const")
    if sizes.shape.ndims == 0:
        raise ValueError("Rank-0 tensors are not supported as the num_or_size_splits argument to split.")
    count = sizes.shape.with_rank(1)[0].value if num is None else num
    if count is None:
        raise ValueError("Cannot infer num from shape of num_or_size_splits; pass num=")
    return apply("SplitV", value, sizes, axis, num_split=count, name=name)


def _pack_shape(op: Operation) -> Any:
    part = shapes.all_alike(op)[0]
    if part.sizes is None:
        return [UNKNOWN]
    axis, n = op.get_attr("axis"), len(part.sizes) + 1
    if not -n <= axis < n:
        raise ValueError(f"axis = {axis} is not in [{-n}, {n})")
    return [TensorShape([*part.sizes[: axis % n], len(op.inputs), *part.sizes[axis % n :]])]


def _pack_value(op: Operation) -> list[Any]:
    parts = [constant_value(t) for t in op.inputs]
    return [
        None if any(p is None for p in parts) or len(parts) > 64 else np.stack(parts, op.get_attr("axis"))
    ]


register(
    "Pack",
    inputs=["values: N * T"],
    outputs=["output: T"],
    attrs=["N: int >= 1", "T: type", "axis: int = 0"],
    shape=_pack_shape,
    value=_pack_value,
    grad=lambda op, g: apply("Unpack", convert_to_tensor(g), num=len(op.inputs), axis=op.get_attr("axis")),
)


def stack(values: Any, axis: int = 0, name: str = "stack") -> Tensor:
    """Joins tensors of one shape along a new axis."""
    if axis == 0:
        try:
            return convert_to_tensor(values, name=name)
        except (TypeError, ValueError):
            pass
    return apply("Pack", list(values), axis=axis, name=name)


def _auto_pack(value: Any, dtype: Any = None, name: str | None = None, as_ref: bool = False) -> Any:
    """Lists and tuples with tensors in them, at any depth."""
    if not _holds_tensor(value):
        return NotImplemented
    kind = dtype or _first_dtype(value)
    with name_scope(name, "packed") as scope:
        return apply(
            "Pack", [convert_to_tensor(v, dtype=kind, name=str(i)) for i, v in enumerate(value)], name=scope
        )


def _holds_tensor(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and any(
        isinstance(v, Tensor) or hasattr(v, "_as_graph_element") or _holds_tensor(v) for v in value
    )


def _first_dtype(value: Any) -> Any:
    for v in value:
        if isinstance(v, Tensor) or hasattr(v, "_as_graph_element"):
            return v.dtype
        if isinstance(v, (list, tuple)) and (found := _first_dtype(v)) is not None:
            return found
    return None


register_tensor_conversion_function((list, tuple), _auto_pack, 99)
register_tensor_conversion_function(
    (TensorShape, Dimension),
    lambda value, dtype=None, name=None, as_ref=False: int_tensor(value, name or "shape"),
    99,
)


def _unpack_shape(op: Operation) -> Any:
    source = op.inputs[0].shape
    if source.sizes is None:
        return [UNKNOWN] * len(op.outputs)
    axis = op.get_attr("axis")
    if not -len(source.sizes) <= axis < len(source.sizes):
        raise ValueError(f"axis = {axis} is not in [{-len(source.sizes)}, {len(source.sizes)})")
    if source.sizes[axis] not in (None, len(op.outputs)):
        raise ValueError(f"Dimension {axis} of {source} must be {len(op.outputs)} to unstack into so many")
    at = axis % len(source.sizes)
    return [TensorShape(source.sizes[:at] + source.sizes[at + 1 :])] * len(op.outputs)


register(
    "Unpack",
    inputs=["value: T"],
    outputs=["output: num * T"],
    attrs=["num: int >= 0", "T: type", "axis: int = 0"],
    shape=_unpack_shape,
    grad=lambda op, *gs: apply("Pack", _fill_missing(op, gs), axis=op.get_attr("axis")),
)


def unstack(value: Any, num: int | None = None, axis: int = 0, name: str = "unstack") -> list[Tensor]:
    """The parts of a tensor along an axis, as a list. `num` is needed where the size is not known."""
    value = convert_to_tensor(value)
    if num is None:
        source = value.shape
        if source.ndims is not None and not -source.ndims <= axis < source.ndims:
            raise ValueError(f"axis = {axis} not in [{-source.ndims}, {source.ndims})")
        num = source.sizes[axis] if source.sizes is not None else None
        if num is None:
            raise ValueError(f"Cannot infer num from shape {source}")
    result = apply("Unpack", value, num=num, axis=axis, name=name)
    return result if isinstance(result, list) else []


# ---- repeating, padding, order ----------------------------------------


def _per_axis(op: Operation, combine: Any) -> Any:
    """The shape where each size is combined with its entry of the second input, of which there must
    be as many as dimensions.
    """
    source, argument = op.inputs[0].shape, constant_value(op.inputs[1])
    if argument is None and op.inputs[1].shape.ndims is not None:
        count = op.inputs[1].shape[0].value
        source = source if count is None else source.with_rank(count)
    if argument is not None:
        source = source.with_rank(len(argument))
    if source.sizes is None:
        return [UNKNOWN]
    if argument is None:
        return [TensorShape([None] * len(source.sizes))]
    return [
        TensorShape(
            [
                None if n is None else combine(n, a)
                for n, a in zip(source.sizes, argument.tolist(), strict=True)
            ]
        )
    ]


def _tile_grad(op: Operation, g: Any) -> list[Any]:
    x, multiples = op.inputs
    dims = shape(x)
    pairs = reshape(stack([multiples, cast(dims, multiples.dtype)], axis=1), [-1])  # m0 d0 m1 d1 ...
    split_up = reshape(convert_to_tensor(g), pairs)
    axes = range(0, size(pairs), 2)
    result = apply("Sum", split_up, axes)
    result.set_shape(x.shape)
    return [result, None]


def _tile_shape(op: Operation) -> Any:
    multiples = constant_value(op.inputs[1])
    op.inputs[1].shape.assert_has_rank(1)
    if multiples is not None and (multiples < 0).any():
        raise ValueError(f"multiples must be at least 0, found {multiples.tolist()}")
    return _per_axis(op, lambda n, m: n * m)


@register(
    "Tile",
    inputs=["input: T", "multiples: Tmultiples"],
    outputs=["output: T"],
    attrs=["T: type", "Tmultiples: {indices} = int32"],
    shape=_tile_shape,
    grad=_tile_grad,
)
def tile(input: Any, multiples: Any, name: str | None = None) -> Tensor:
    """Repeats a tensor multiples[d] times along dimension d."""
    return apply("Tile", input, int_argument(multiples, "multiples"), name=name)


def _pad_shape(op: Operation) -> Any:
    op.inputs[1].shape.merge_with([None, 2])
    paddings = constant_value(op.inputs[1])
    if paddings is not None and (paddings < 0).any():
        raise ValueError(f"Paddings must be non-negative, found {paddings.tolist()}")
    return _per_axis(op, lambda n, p: n + p[0] + p[1])


def _pad_grad(op: Operation, g: Any) -> list[Any]:
    x, paddings = op.inputs[:2]
    column = apply("Slice", paddings, constant([0, 0]), stack([rank(x), 1]))
    return [
        apply("Slice", g, reshape(column, [-1]), cast(shape(x), paddings.dtype)),
        *([None] * (len(op.inputs) - 1)),
    ]


register(
    "Pad",
    inputs=["input: T", "paddings: Tpaddings"],
    outputs=["output: T"],
    attrs=["T: type", "Tpaddings: {indices} = int32"],
    shape=_pad_shape,
    grad=_pad_grad,
)
register(
    "PadV2",
    inputs=["input: T", "paddings: Tpaddings", "constant_values: T"],
    outputs=["output: T"],
    attrs=["T: type", "Tpaddings: {indices} = int32"],
    shape=_pad_shape,
    grad=_pad_grad,
)


def pad(
    tensor: Any, paddings: Any, mode: str = "CONSTANT", name: str | None = None, constant_values: Any = 0
) -> Tensor:
    """Adds paddings[d][0] elements before and paddings[d][1] behind dimension d, all equal to
    `constant_values`.
    """
    if mode.upper() != "CONSTANT":
        raise ValueError(f"Unknown padding mode: {mode}; this version has CONSTANT")
    if not isinstance(constant_values, Tensor) and constant_values == 0:
        return apply("Pad", tensor, paddings, name=name)
    return apply("PadV2", tensor, paddings, constant_values, name=name)


def _reverse_shape(op: Operation) -> Any:
    axes = shapes.axes_of(op.inputs[1], op.inputs[0].shape.ndims)
    if axes is not None and len(set(axes)) != len(axes):
        raise ValueError(f"axes {axes} name one twice")
    return [op.inputs[0].shape]


@register(
    "ReverseV2",
    inputs=["tensor: T", "axis: Tidx"],
    outputs=["output: T"],
    attrs=["Tidx: {indices} = int32", "T: type"],
    shape=_reverse_shape,
    grad=lambda op, g: [apply("ReverseV2", g, op.inputs[1]), None],
)
def reverse(tensor: Any, axis: Any, name: str | None = None) -> Tensor:
    """Turns the order along the given axes around."""
    return apply("ReverseV2", tensor, int_argument(axis, "axis"), name=name)


def _broadcast_to_grad(op: Operation, g: Any) -> list[Any]:
    dims = shape(op.inputs[0])
    axes, _ = apply("BroadcastGradientArgs", dims, cast(shape(op.outputs[0]), dims.dtype))
    return [apply("Reshape", apply("Sum", g, axes), dims), None]


def _broadcast_to_shape(op: Operation) -> Any:
    source, target = op.inputs[0].shape, constant_value_as_shape(op.inputs[1])
    if source.ndims is not None and target.ndims is not None:
        fits = source.ndims <= target.ndims
        pairs = zip((source.sizes or ())[::-1], (target.sizes or ())[::-1], strict=False)
        if not fits or any(n not in (None, 1, m) and m is not None for n, m in pairs):
            raise ValueError(f"a tensor of shape {source} does not broadcast to {target}")
    return [target]


@register(
    "BroadcastTo",
    inputs=["input: T", "shape: Tidx"],
    outputs=["output: T"],
    attrs=["T: type", "Tidx: {indices} = int32"],
    shape=_broadcast_to_shape,
    grad=_broadcast_to_grad,
)
def broadcast_to(input: Any, shape: Any, name: str | None = None) -> Tensor:
    """Repeats a tensor to a shape that it broadcasts to."""
    return apply("BroadcastTo", input, int_argument(shape, "shape"), name=name)


register(
    "BroadcastGradientArgs",
    inputs=["s0: T", "s1: T"],
    outputs=["r0: T", "r1: T"],
    attrs=["T: {indices} = int32"],
    shape=lambda op: [TensorShape([None])] * 2,
    grad=None,
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
    """The same bits as another type. Where the item size differs, the last dimension takes it up."""
    return apply("Bitcast", input, type=dtypes.as_dtype(type), name=name)


# ---- indices ----------------------------------------


def _slices_grad(op: Operation, g: Any) -> Any:
    """Rows of the gradient at the indices: the sparse form of what gather's input receives."""
    params, indices = op.inputs[:2]
    dims = shape(params, out_type=dtypes.int64) if params.dtype != dtypes.resource else None
    flat = reshape(indices, [-1])
    inner = params.shape[1:]
    if inner.is_fully_defined():
        values = reshape(g, [-1, *inner.as_list()])
    else:
        values = apply(
            "Reshape",
            g,
            concat([constant([-1]), apply("Slice", shape(params), constant([1]), constant([-1]))], 0),
        )
    return IndexedSlices(values, flat, cast(dims, dtypes.int32) if dims is not None else None)


def _gather_grad(op: Operation, g: Any) -> list[Any]:
    params, indices = op.inputs[:2]
    axis = constant_value(op.inputs[2]) if len(op.inputs) == 3 else np.asarray(0)
    extra = [None] * (len(op.inputs) - 1)
    g = convert_to_tensor(g)
    if axis is not None and int(axis) in (0, -(params.shape.ndims or 0)):
        return [_slices_grad(op, g), *extra]
    # Bring the gathered axis to the front, add up there, and bring it back.
    n, k = params.shape.ndims, indices.shape.ndims
    to_front: Any
    back: Any
    if axis is not None and n is not None and k is not None:
        at = int(axis) % n
        to_front = [*_range(at, at + k), *_range(at), *_range(at + k, n + k - 1)]
        back = [*_range(1, at + 1), 0, *_range(at + 1, n)]
        length = shape(params)[at]
    else:
        dims, ids = rank(params), rank(indices)
        place = cast(op.inputs[2], dtypes.int32)
        place = (place + dims) % dims
        to_front = concat([range(place, place + ids), range(0, place), range(place + ids, rank(g))], 0)
        back = concat([range(1, place + 1), [0], range(place + 1, dims)], 0)
        length = shape(params)[place]
    total = apply("UnsortedSegmentSum", transpose(g, to_front), indices, length)
    return [transpose(total, back), *extra]


def _gather_shape(op: Operation) -> Any:
    params, indices = op.inputs[0].shape, op.inputs[1].shape
    params = params.with_rank_at_least(1)
    axis = shapes.axis_of(op.inputs[2], params.ndims) if len(op.inputs) == 3 else 0
    if params.sizes is None or indices.sizes is None or axis is None:
        return [UNKNOWN]
    return [TensorShape([*params.sizes[:axis], *indices.sizes, *params.sizes[axis + 1 :]])]


register(
    "GatherV2",
    inputs=["params: Tparams", "indices: Tindices", "axis: Taxis"],
    outputs=["output: Tparams"],
    attrs=["batch_dims: int = 0", "Tparams: type", "Tindices: {indices}", "Taxis: {indices}"],
    shape=_gather_shape,
    grad=_gather_grad,
    value=lambda op: [
        (
            p.take(i, int(a))
            if (p := constant_value(op.inputs[0])) is not None
            and p.size <= 64
            and (i := constant_value(op.inputs[1])) is not None
            and (a := constant_value(op.inputs[2])) is not None
            and i.size
            and i.min() >= 0
            and i.max() < p.shape[int(a)]
            else None
        )
    ],
)
register(
    "Gather",
    inputs=["params: Tparams", "indices: Tindices"],
    outputs=["output: Tparams"],
    attrs=["validate_indices: bool = True", "Tparams: type", "Tindices: {indices}"],
    shape=_gather_shape,
    grad=_gather_grad,
)


def gather(
    params: Any,
    indices: Any,
    validate_indices: Any = None,
    name: str | None = None,
    axis: Any = None,
    batch_dims: int = 0,
) -> Tensor:
    """Slices of `params` at `indices` along `axis` (0 by default).

    An index out of range is an InvalidArgumentError.
    """
    if batch_dims:
        raise NotImplementedError("gather with batch_dims is not there yet")
    read = getattr(params, "sparse_read", None)
    if read is not None and (axis is None or axis == 0):
        return read(indices, name=name)
    return apply("GatherV2", params, indices, 0 if axis is None else axis, name=name)


def _segment_shape(op: Operation) -> Any:
    data, ids, count = op.inputs[0].shape, op.inputs[1].shape, constant_value(op.inputs[2])
    if data.sizes is None or ids.sizes is None:
        return [UNKNOWN]
    data[: len(ids.sizes)].assert_is_compatible_with(ids)
    return [TensorShape([None if count is None or count < 0 else int(count), *data.sizes[len(ids.sizes) :]])]


def _segment_grad(op: Operation, g: Any) -> list[Any]:
    ids = op.inputs[1]
    zero = apply("ZerosLike", ids)
    rows = apply("GatherV2", g, apply("Maximum", ids, zero), 0)
    kept = apply("GreaterEqual", ids, zero)
    data, known = op.inputs[0].shape.ndims, ids.shape.ndims
    inner = apply("Sub", rank(op.inputs[0]), rank(ids)) if data is None or known is None else data - known
    kept = apply("Reshape", kept, concat([shape(ids), fill(stack([inner]), 1)], 0))
    return [apply("SelectV2", kept, rows, apply("ZerosLike", rows)), None, None]


register(
    "UnsortedSegmentSum",
    inputs=["data: T", "segment_ids: Tindices", "num_segments: Tnumsegments"],
    outputs=["output: T"],
    attrs=["T: {numbers}", "Tindices: {indices}", "Tnumsegments: {indices} = int32"],
    shape=_segment_shape,
    grad=_segment_grad,
)


def _dense(value: Any, dtype: Any = None, name: str | None = None, as_ref: bool = False) -> Any:
    if dtype is not None and dtype != value.dtype:
        raise ValueError(f"the IndexedSlices are {value.dtype.name}, but {dtype.name} is asked for")
    if value.dense_shape is None:
        raise ValueError(f"IndexedSlices without dense_shape cannot become a Tensor: {value}")
    rows = apply(
        "Reshape",
        apply("Slice", value.dense_shape, constant([0]), constant([1])),
        constant(np.array([], np.int32)),
    )
    known = constant_value(value.dense_shape)
    count = constant(np.int32(known[0])) if known is not None else rows
    return apply("UnsortedSegmentSum", value.values, value.indices, count, name=name)


register_tensor_conversion_function(IndexedSlices, _dense)


def _one_hot_shape(op: Operation) -> Any:
    indices, depth, axis = op.inputs[0].shape, constant_value(op.inputs[1]), op.get_attr("axis")
    if depth is not None and depth < 0:
        raise ValueError(f"depth must be non-negative, got: {int(depth)}")
    if indices.sizes is None:
        return [UNKNOWN]
    n = len(indices.sizes) + 1
    if not -n <= axis < n:
        raise ValueError(f"axis = {axis} is not in [{-n}, {n})")
    at = axis % n
    return [TensorShape([*indices.sizes[:at], None if depth is None else int(depth), *indices.sizes[at:]])]


register(
    "OneHot",
    inputs=["indices: TI", "depth: int32", "on_value: T", "off_value: T"],
    outputs=["output: T"],
    attrs=["axis: int = -1", "T: type", "TI: {uint8, int32, int64} = int64"],
    shape=_one_hot_shape,
    grad=None,
)


def one_hot(
    indices: Any,
    depth: Any,
    on_value: Any = None,
    off_value: Any = None,
    axis: Any = None,
    dtype: Any = None,
    name: str | None = None,
) -> Tensor:
    """`on_value` (1) at each index along a new axis of size `depth`, `off_value` (0) elsewhere;

    an index out of range gives no `on_value`.
    """
    with name_scope(name, "one_hot", [indices, depth]) as scope:
        given = next((v for v in (on_value, off_value) if v is not None), None)
        kind = (
            dtypes.as_dtype(dtype)
            if dtype is not None
            else convert_to_tensor(given).dtype
            if given is not None
            else dtypes.float32
        )
        on = convert_to_tensor(1 if on_value is None else on_value, dtype=kind, name="on_value")
        off = convert_to_tensor(0 if off_value is None else off_value, dtype=kind, name="off_value")
        return apply("OneHot", indices, depth, on, off, axis=-1 if axis is None else axis, name=scope)


register(
    "Unique",
    inputs=["x: T"],
    outputs=["y: T", "idx: out_idx"],
    attrs=["T: type", "out_idx: {indices} = int32"],
    shape=lambda op: [TensorShape([None]), op.inputs[0].shape.with_rank(1)],
    grad=None,
)


def unique(x: Any, out_idx: Any = dtypes.int32, name: str | None = None) -> Any:
    """(y, idx):

    the distinct elements of a vector in the order of their first appearance, and where each element
    of x is in y.
    """
    return apply("Unique", x, out_idx=dtypes.as_dtype(out_idx), name=name)


# ---- making values ----------------------------------------


@register(
    "Fill",
    inputs=["dims: index_type", "value: T"],
    outputs=["output: T"],
    attrs=["T: type", "index_type: {indices} = int32"],
    shape=lambda op: [_checked_sizes(op)],
    grad=lambda op, g: [None, apply("Sum", g, range(0, rank(g)))],
)
def fill(dims: Any, value: Any, name: str | None = None, layout: Any = None) -> Tensor:
    """A tensor of shape `dims`, every element `value`."""
    return apply("Fill", int_argument(dims, "dims"), value, name=name)


def _checked_sizes(op: Operation) -> TensorShape:
    dims = constant_value(op.inputs[0])
    if dims is not None and (dims < 0).any():
        raise ValueError(f"sizes must be at least 0, found {dims.tolist()}")
    return constant_value_as_shape(op.inputs[0])


def _filled(dims: Any, number: int, dtype: Any, name: str | None, default: str) -> Tensor:
    kind = dtypes.as_dtype(dtype)
    with name_scope(name, default, [dims]) as scope:
        value: Any = (
            ("" if number == 0 else None)
            if kind == dtypes.string
            else bool(number)
            if kind == dtypes.bool
            else number
        )
        if value is None:
            raise TypeError("there are no ones of dtype string")
        if not isinstance(dims, Tensor):
            static = as_shape(dims) if not _holds_tensor(dims) else None
            if static is not None and static.is_fully_defined() and (static.num_elements() or 0) < 1000:
                return constant(value, kind, shape=static, name=scope)
        sizes = int_tensor(dims, "shape_as_tensor")
        if sizes.shape.ndims != 1:
            sizes = reshape(sizes, [-1])
        return apply("Fill", sizes, constant(value, kind), name=scope)


def zeros(shape: Any, dtype: Any = dtypes.float32, name: str | None = None, layout: Any = None) -> Tensor:
    """A tensor of zeros (empty strings, False)."""
    return _filled(shape, 0, dtype, name, "zeros")


def ones(shape: Any, dtype: Any = dtypes.float32, name: str | None = None, layout: Any = None) -> Tensor:
    """A tensor of ones (True)."""
    return _filled(shape, 1, dtype, name, "ones")


register("ZerosLike", inputs=["x: T"], outputs=["y: T"], attrs=["T: type"], shape=shapes.same, grad=None)
register(
    "OnesLike", inputs=["x: T"], outputs=["y: T"], attrs=["T: {numbers, bool}"], shape=shapes.same, grad=None
)


def zeros_like(tensor: Any, dtype: Any = None, name: str | None = None, optimize: bool = True) -> Tensor:
    """Zeros of the shape of `tensor`, and of its type unless `dtype` says otherwise."""
    with name_scope(name, "zeros_like", [tensor]) as scope:
        tensor = convert_to_tensor(tensor, name="tensor")
        kind = tensor.dtype if dtype is None else dtypes.as_dtype(dtype)
        if kind == tensor.dtype and not tensor.shape.is_fully_defined():
            return apply("ZerosLike", tensor, name=scope)
        return zeros(shape(tensor) if not tensor.shape.is_fully_defined() else tensor.shape, kind, name=scope)


def ones_like(tensor: Any, dtype: Any = None, name: str | None = None, optimize: bool = True) -> Tensor:
    """Ones of the shape of `tensor`, and of its type unless `dtype` says otherwise."""
    with name_scope(name, "ones_like", [tensor]) as scope:
        tensor = convert_to_tensor(tensor, name="tensor")
        kind = tensor.dtype if dtype is None else dtypes.as_dtype(dtype)
        return ones(shape(tensor) if not tensor.shape.is_fully_defined() else tensor.shape, kind, name=scope)


_RANGE_ORDER = [dtypes.int32, dtypes.int64, dtypes.float32, dtypes.float64]


def _range_value(op: Operation) -> list[Any]:
    parts = [constant_value(t) for t in op.inputs]
    if any(p is None or p.ndim for p in parts) or parts[2] == 0 or not op.inputs[0].dtype.is_integer:
        return [None]
    start, limit, delta = (int(p) for p in parts)
    return [
        None if abs((limit - start) // delta) > 1024 else np.arange(start, limit, delta, dtype=parts[0].dtype)
    ]


def _range_shape(op: Operation) -> Any:
    parts = [constant_value(t) for t in op.inputs]
    if any(p is None for p in parts):
        return [TensorShape([None])]
    start, limit, delta = (p.item() for p in parts)
    if delta == 0:
        raise ValueError("Requires delta != 0")
    if (delta > 0 and start > limit) or (delta < 0 and start < limit):
        raise ValueError(f"start {start}, limit {limit} and delta {delta} must point the same way")
    return [TensorShape([int(np.ceil((limit - start) / delta))])]


register(
    "Range",
    inputs=["start: Tidx", "limit: Tidx", "delta: Tidx"],
    outputs=["output: Tidx"],
    attrs=["Tidx: {int32, int64, float32, float64} = int32"],
    shape=_range_shape,
    value=_range_value,
    grad=None,
)


def range(start: Any, limit: Any = None, delta: Any = 1, dtype: Any = None, name: str = "range") -> Tensor:
    """start, start + delta, ... up to but not including limit. With one argument: 0 .. start."""
    if limit is None:
        start, limit = 0, start
    kind = None if dtype is None else dtypes.as_dtype(dtype)
    with name_scope(name, "Range", [start, limit, delta]) as scope:
        parts = [
            v if isinstance(v, Tensor) else convert_to_tensor(v, kind, n)
            for v, n in ((start, "start"), (limit, "limit"), (delta, "delta"))
        ]
        widest = kind or max(
            (p.dtype for p in parts), key=lambda t: _RANGE_ORDER.index(t) if t in _RANGE_ORDER else -1
        )
        return apply("Range", *(cast(p, widest) for p in parts), name=scope)


def _lin_space_shape(op: Operation) -> Any:
    count = constant_value(op.inputs[2])
    return [TensorShape([None if count is None else max(int(count), 0)])]


register(
    "LinSpace",
    inputs=["start: T", "stop: T", "num: Tidx"],
    outputs=["output: T"],
    attrs=["T: {float32, float64}", "Tidx: {indices} = int32"],
    shape=_lin_space_shape,
    grad=None,
)


def linspace(start: Any, stop: Any, num: Any, name: str | None = None, axis: int = 0) -> Tensor:
    """`num` evenly spaced values from start to stop, both included."""
    return apply("LinSpace", start, stop, num, name=name)


lin_space = linspace


def matrix_transpose(a: Any, name: str = "matrix_transpose", conjugate: bool = False) -> Tensor:
    """Swaps the last two dimensions."""
    a = convert_to_tensor(a)
    n = a.shape.ndims
    if n is None or n < 2:
        raise ValueError(
            f"matrix_transpose needs a tensor of known rank of at least 2, found shape {a.shape}"
        )
    result = transpose(a, [*_range(n - 2), n - 1, n - 2], name)
    return conj(result) if conjugate else result
