"""From what a user feeds to an array of the tensor's dtype and shape, or an error that names the tensor.

Must never import the engine or the graph's builders: it sees one tensor and one value.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from flowcore import dtypes
from flowcore._buffer import holds_texts
from flowcore.arguments import as_bytes, described, with_article
from flowcore.graph.operation import IndexedSlices, Operation, Tensor
from flowcore.shape import MAX_RANK

Convert = Callable[[Any], np.ndarray]


def pairs(key: Any, value: Any, tensor_of: Callable[[Any], Tensor]) -> list[tuple[Tensor, Any]]:
    """What one entry of a feed_dict feeds: tensors and their values.

    A tuple of keys takes as many values, an IndexedSlices the value of one, a variable one value for
    all reads of it. `tensor_of` gives the tensor that any other key means.

    Raises TypeError, ValueError: key and value do not fit each other.
    """
    if isinstance(key, IndexedSlices):
        parts = [key.values, key.indices, *([] if key.dense_shape is None else [key.dense_shape])]
        given = [v for v in _parts(key, value, (2, 3)) if v is not None]
        if len(given) != len(parts):
            raise ValueError(f"{key} is fed {len(parts)} parts, found {len(given)}")
        return [(tensor_of(part), v) for part, v in zip(parts, given, strict=True)]
    if isinstance(key, tuple):
        values = _parts(key, value, (len(key),))
        return [pair for k, v in zip(key, values, strict=True) for pair in pairs(k, v, tensor_of)]
    variable = getattr(key, "_variable", None)
    tensor = tensor_of(variable if isinstance(variable, Tensor) else key)
    if tensor.op._op_def.makes == "variable":
        return [(read, value) for read in _reads(tensor)]
    return [(tensor, value)]


def _parts(key: Any, value: Any, counts: tuple[int, ...]) -> Sequence[Any]:
    if not isinstance(value, (tuple, list)) or len(value) not in counts:
        raise TypeError(
            f"feed_dict key {key!r} takes a tuple of {' or '.join(map(str, counts))} values, found"
            f" {_describe(value)}"
        )
    return value


def _reads(handle: Tensor) -> list[Tensor]:
    """The reads of a variable, but for those that wait for a write to it and give what that wrote.

    Raises ValueError where something reads only some rows, of which no value can be fed.
    """
    reads = []
    for op in handle.consumers():
        if op.type == "ResourceGather":
            raise ValueError(
                f"Variable '{handle.op.name}' cannot be fed: node '{op.name}' reads rows of it by itself;"
                f" feed '{op.name}:0'"
            )
        if op.type == "ReadVariableOp" and not any(
            handle in c._inputs and c._op_def.writes for c in op._control_inputs
        ):
            reads.append(op._outputs[0])
    return reads


def converter(tensor: Tensor) -> Convert:
    """A function from a fed value to an array for `tensor`.

    It raises TypeError for a value of the wrong kind (a graph tensor, text for numbers, numbers
    that the dtype cannot hold) and ValueError for a value of the wrong shape.
    """
    dtype = tensor.dtype.base_dtype
    shape = tensor.get_shape()
    dims = None if shape.ndims is None else tuple(shape.as_list())
    static = dims if dims is not None and None not in dims else None
    is_string = dtype == dtypes.string
    if dtype in (dtypes.resource, dtypes.variant):
        raise TypeError(
            f"Tensor '{tensor.name}' of dtype {dtype.name} cannot be fed: no NumPy array holds such values;"
            " feed what the node that makes it reads"
        )
    np_dtype = np.dtype(object) if is_string else np.dtype(dtype.as_numpy_dtype)

    def convert(value: Any) -> np.ndarray:
        if type(value) is np.ndarray and value.dtype == np_dtype and not is_string:
            array = value
        else:
            array = _strings(tensor, value) if is_string else _numbers(tensor, value, np_dtype)
        if array.ndim > MAX_RANK:
            raise ValueError(
                f"a value of {array.ndim} dimensions does not fit '{tensor.name}': a tensor has at most"
                f" {MAX_RANK}"
            )
        if array.shape != static and dims is not None and not _fits(array.shape, dims):
            raise ValueError(
                f"a value of shape {array.shape} does not fit '{tensor.name}', whose shape is {shape}"
            )
        return array

    return convert if is_string or np_dtype.kind == "V" else _quick(convert, np_dtype, static, dims)


def _quick(
    convert: Convert,
    np_dtype: np.dtype,
    static: tuple[int | None, ...] | None,
    dims: tuple[int | None, ...] | None,
) -> Convert:
    """`convert` behind a look at what is fed most, and fits as it is: an array, a scalar of NumPy or
    Python, a short list of Python's numbers.
    """
    kind = np_dtype.type
    if static == ():
        return _quick_scalar(convert, np_dtype)
    plain = _PLAIN.get(np_dtype.kind)
    least, most = _taken_over(np_dtype)

    def quick(value: Any) -> np.ndarray:
        if type(value) is np.ndarray:
            if value.dtype is np_dtype and (
                value.shape == static
                or (static is None and (value.ndim <= MAX_RANK if dims is None else _fits(value.shape, dims)))
            ):
                return value
        elif plain is not None and type(value) in (list, tuple) and len(value) <= _SHORT:
            fits = static == (len(value),) if static is not None else dims in (None, (None,))
            # a NaN at the front is neither within the limits nor beyond them: `convert` takes it
            if (
                fits
                and value
                and plain.issuperset(map(type, value))
                and least <= min(value)
                and max(value) <= most
            ):
                return np.array(value, kind)
        return convert(value)

    return quick if dims is not None else _quick_scalar(quick, np_dtype)


def _quick_scalar(convert: Convert, np_dtype: np.dtype) -> Convert:
    """The same for scalars, where the tensor may be one."""
    kind = np_dtype.type
    accepted = _PYTHON_SCALARS.get(np_dtype.kind, ())
    least, most = _taken_over(np_dtype)

    def quick(value: Any) -> np.ndarray:
        found = type(value)
        if found is np.ndarray:
            if value.dtype is np_dtype and value.shape == ():
                return value
        elif found is kind:
            return value.__array__()
        elif found in accepted and least <= value <= most:
            return kind(value).__array__()
        return convert(value)

    return quick


_SHORT = 16  # elements of a list up to which looking at each one's type costs less than NumPy's own look
#: By the kind of a dtype: types whose lists NumPy converts at once, with nothing lost that may not be
_PLAIN: dict[str, set[type]] = {"f": {float, int}, "b": {bool}}
#: By the kind of a dtype: scalars that it takes over
_PYTHON_SCALARS: dict[str, tuple[type, ...]] = {
    "f": (float, int, np.float64, bool),
    "i": (int,),
    "u": (int,),
    "b": (bool,),
    "c": (float,),
}


def _taken_over(np_dtype: np.dtype) -> tuple[int, int]:
    """The least and the greatest number that is made a scalar of this dtype in one step: one that an
    integer type has, or one that a double holds, so that nothing is rounded twice, and this type too.
    """
    if np_dtype.kind in "iu":
        return int(np.iinfo(np_dtype).min), int(np.iinfo(np_dtype).max)
    most = 2**53 if np_dtype.kind == "b" else min(2**53, int(np.finfo(np_dtype).max))
    return -most, most


def _fits(found: tuple[int, ...], dims: tuple[int | None, ...]) -> bool:
    return len(found) == len(dims) and all([d is None or d == n for n, d in zip(found, dims)])


def _refuse_graph_objects(tensor: Tensor, value: object) -> None:
    if isinstance(value, (Tensor, Operation, IndexedSlices)) or hasattr(value, "_as_graph_element"):
        name = getattr(value, "name", type(value).__name__)
        raise TypeError(
            f"The value fed for Tensor '{tensor.name}' is a node of the graph ('{name}'). "
            "Feed numbers, strings, lists or NumPy arrays; run the node first to get its value"
        )


def _numbers(tensor: Tensor, value: object, np_dtype: np.dtype) -> np.ndarray:
    _refuse_graph_objects(tensor, value)
    if value is None:
        raise TypeError(f"Cannot feed None for Tensor '{tensor.name}' of dtype {tensor.dtype.name}")
    try:
        array = np.asarray(value)
        if array.dtype == np_dtype:
            return array
        if array.dtype.kind == "c" and np_dtype.kind != "c" and not np.any(array.imag):
            array = array.real
        with np.errstate(over="ignore", invalid="ignore"):  # what is lost is told below
            converted = _converted(array, value, np_dtype)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise TypeError(
            f"Cannot feed {_describe(value)} for Tensor '{tensor.name}' of dtype {tensor.dtype.name}: {error}"
        ) from None
    if array.dtype != object and not _kept(array, converted):
        raise TypeError(
            f"Cannot feed {_describe(value)} for Tensor '{tensor.name}' of dtype {tensor.dtype.name}: the"
            " values do not fit. Convert them first, for instance with"
            f" numpy.asarray(value).astype({tensor.dtype.name!r})"
        )
    return converted


def _converted(array: np.ndarray, value: object, np_dtype: np.dtype) -> np.ndarray:
    if array.dtype.kind == "c" and np_dtype.kind != "c":
        raise TypeError("it has imaginary parts")
    return array.astype(np_dtype) if array.dtype != object else np.asarray(value, np_dtype)


def _kept(array: np.ndarray, converted: np.ndarray) -> bool:
    """Whether a conversion that may lose something (float to int, wide to narrow int) lost
    nothing.
    """
    found, wanted = array.dtype.kind, converted.dtype.kind
    if found in "USV" or wanted == "V":
        return found not in "US"
    if wanted in "fc":
        return True
    if found in "biu":
        return bool((array == converted).all())
    with np.errstate(invalid="ignore"):
        return bool(np.array_equal(array, converted))


def _strings(tensor: Tensor, value: object) -> np.ndarray:
    _refuse_graph_objects(tensor, value)
    array = np.asarray(value, dtype=object)
    if holds_texts(array):
        return array
    for item in array.ravel():
        if not isinstance(item, (bytes, str)):
            raise TypeError(
                f"Cannot feed {_describe(value)} for Tensor '{tensor.name}' of dtype string: it holds"
                f" {with_article(type(item).__name__)}"
            )
        if type(item) is str and not item.isascii():
            as_bytes(item, f"the value fed for Tensor '{tensor.name}'")
    return array


def _describe(value: object) -> str:
    if isinstance(value, np.ndarray):
        return f"an array of dtype {value.dtype} and shape {value.shape}"
    return described(value)
