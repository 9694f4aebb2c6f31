"""From what a user feeds to an array of the tensor's dtype and shape, or an error that names the tensor.

Must never import the engine or the graph's builders: it sees one tensor and one value.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from flowcore import dtypes
from flowcore.graph.operation import Operation, Tensor

Convert = Callable[[Any], np.ndarray]


def converter(tensor: Tensor) -> Convert:
    """A function from a fed value to an array for `tensor`.

    It raises TypeError for a value of the wrong kind (a graph tensor, text for numbers, numbers
    that the dtype cannot hold) and ValueError for a value of the wrong shape.
    """
    dtype = tensor.dtype
    shape = tensor.get_shape()
    dims = None if shape.ndims is None else tuple(shape.as_list())
    static = dims if dims is not None and None not in dims else None
    is_string = dtype == dtypes.string
    np_dtype = np.dtype(object) if is_string else np.dtype(dtype.as_numpy_dtype)

    def convert(value: Any) -> np.ndarray:
        if type(value) is np.ndarray and value.dtype == np_dtype and not is_string:
            array = value
        else:
            array = _strings(tensor, value) if is_string else _numbers(tensor, value, np_dtype)
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
    """`convert` behind a look at what is fed most: an array, or a NumPy scalar, that fits as it is."""
    kind = np_dtype.type

    def quick(value: Any) -> np.ndarray:
        if type(value) is np.ndarray:
            if value.dtype is np_dtype and (
                value.shape == static or (static is None and (dims is None or _fits(value.shape, dims)))
            ):
                return value
        elif type(value) is kind and static == ():
            return value.__array__()
        return convert(value)

    return quick


def _fits(found: tuple[int, ...], dims: tuple[int | None, ...]) -> bool:
    return len(found) == len(dims) and all([d is None or d == n for n, d in zip(found, dims)])


def _refuse_graph_objects(tensor: Tensor, value: object) -> None:
    if isinstance(value, (Tensor, Operation)):
        raise TypeError(
            f"The value fed for Tensor '{tensor.name}' is a node of the graph ('{value.name}'). "
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
        converted = array.astype(np_dtype) if array.dtype != object else np.asarray(value, np_dtype)
    except (TypeError, ValueError, OverflowError) as error:
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


def _kept(array: np.ndarray, converted: np.ndarray) -> bool:
    """Whether a conversion that may lose something (float to int, wide to narrow int, complex to
    real) lost nothing.
    """
    if array.dtype.kind in "USV" or converted.dtype.kind == "V":
        return array.dtype.kind not in "US"
    if np.can_cast(array.dtype, converted.dtype, "same_kind") and converted.dtype.kind in "fc":
        return True
    if converted.dtype.kind in "fcV":
        return array.dtype.kind in "biuf" or not np.any(np.imag(array))
    with np.errstate(invalid="ignore"):
        return bool(np.array_equal(array, converted))


def _strings(tensor: Tensor, value: object) -> np.ndarray:
    _refuse_graph_objects(tensor, value)
    array = np.asarray(value)
    if array.dtype.kind not in "USO":
        raise TypeError(f"Cannot feed {_describe(value)} for Tensor '{tensor.name}' of dtype string")
    array = np.asarray(value, dtype=object)
    for item in array.flat:
        if not isinstance(item, (bytes, str)):
            raise TypeError(
                f"Cannot feed {_describe(value)} for Tensor '{tensor.name}' of dtype string: it holds a"
                f" {type(item).__name__}"
            )
    return array


def _describe(value: object) -> str:
    if isinstance(value, np.ndarray):
        return f"an array of dtype {value.dtype} and shape {value.shape}"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
