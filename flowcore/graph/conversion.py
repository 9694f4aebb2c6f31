"""Making tensors of what users pass: the registry behind convert_to_tensor. Must never import ops."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flowcore.arguments import whole_number
from flowcore.dtypes import DType, as_dtype
from flowcore.graph import operation as graph_operation
from flowcore.graph.constants import constant_node, make_array
from flowcore.graph.operation import IndexedSlices, Operation, Tensor

__all__ = ["convert_to_tensor", "convert_to_tensor_or_indexed_slices", "register_tensor_conversion_function"]

Conversion = Callable[..., Any]
_registry: list[tuple[int, int, tuple[type, ...], Conversion]] = []


def register_tensor_conversion_function(
    base_type: type | tuple[type, ...], conversion_func: Conversion, priority: int = 100
) -> None:
    """Teaches convert_to_tensor a type.

    Args:
        base_type: A class or a tuple of classes.
        conversion_func: A function (value, dtype=None, name=None, as_ref=False) that returns a
            Tensor, or NotImplemented to leave the value to others.
        priority: Lower comes first; equal ones in the order of registration.

    Raises:
        TypeError: an argument is of another kind.
        ValueError: priority has more than 64 bits.

    Example:
        >>> class Celsius:
        ...     degrees = 20.0
        >>> def to_tensor(value, dtype=None, name=None, as_ref=False):
        ...     return fc.constant(value.degrees + 273.15, dtype)
        >>> fc.register_tensor_conversion_function(Celsius, to_tensor)
        >>> print(fc.Session().run(fc.convert_to_tensor(Celsius(), fc.float64)))
        293.15
    """
    types = base_type if isinstance(base_type, tuple) else (base_type,)
    if not all(isinstance(t, type) for t in types):
        raise TypeError("base_type must be a type or a tuple of types.")
    if not callable(conversion_func):
        raise TypeError("conversion_func must be callable.")
    priority = whole_number(priority, "priority")
    _registry.append((priority, len(_registry), types, conversion_func))
    _registry.sort(key=lambda entry: entry[:2])


def convert_to_tensor(
    value: Any,
    dtype: Any = None,
    name: str | None = None,
    preferred_dtype: Any = None,
    dtype_hint: Any = None,
) -> Tensor:
    """A value as a Tensor: itself, a constant, or what a registered conversion makes of it.

    Args:
        value: A Tensor, number, text, nested list, NumPy array, Variable, or any registered type.
        dtype: The dtype asked for; None: what the value has.
        name: The name of a new node.
        preferred_dtype: Used where possible, when dtype is None.
        dtype_hint: Another name for preferred_dtype.

    Returns:
        A Tensor.

    Raises:
        TypeError: the value is of no known type, or does not fit dtype.
        ValueError: the value is a Tensor of another dtype, a ragged list, or has too many
            dimensions.

    Example:
        >>> fc.convert_to_tensor([1.0, 2.0]).dtype
        flowcore.float32
    """
    wanted = None if dtype is None else as_dtype(dtype)._base
    if isinstance(value, Tensor):
        if wanted is not None and wanted is not value._dtype._base and wanted is not value._dtype:
            raise ValueError(
                f"{value} is {value.dtype.name}, but {wanted.name} is asked for; use flowcore.cast"
            )
        return value
    if isinstance(value, Operation):
        raise TypeError(f"Can't convert the Operation '{value.name}' to a Tensor; take one of its outputs")
    hint = preferred_dtype if preferred_dtype is not None else dtype_hint
    for _, _, types, function in _registry:
        if isinstance(value, types):
            result = _attempt(function, value, wanted, hint, name)
            if result is NotImplemented:
                continue
            if not isinstance(result, Tensor):
                raise RuntimeError(f"The conversion registered for {types} returned no Tensor: {result!r}")
            if wanted is not None and result._dtype._base is not wanted:
                raise TypeError(
                    f"Cannot convert {value!r} of dtype {result.dtype.name} to a Tensor of dtype"
                    f" {wanted.name}"
                )
            return result
    if wanted is None and hint is not None:
        try:
            return constant_node(make_array(value, as_dtype(hint)), "Const" if name is None else name)
        except (TypeError, ValueError):
            pass
    return constant_node(make_array(value, wanted), "Const" if name is None else name)


def _attempt(function: Conversion, value: Any, dtype: DType | None, hint: Any, name: str | None) -> Any:
    if dtype is None and hint is not None:
        try:
            result = function(value, dtype=as_dtype(hint), name=name, as_ref=False)
            if result is not NotImplemented:
                return result
        except (TypeError, ValueError):
            pass
    return function(value, dtype=dtype, name=name, as_ref=False)


def convert_to_tensor_or_indexed_slices(
    value: Any, dtype: Any = None, name: str | None = None
) -> Tensor | IndexedSlices:
    """A value itself when it is an IndexedSlices, else as convert_to_tensor.

    Args:
        value: An IndexedSlices, or what convert_to_tensor takes.
        dtype: The dtype asked for; None: what the value has.
        name: The name of a new node.

    Returns:
        An IndexedSlices or a Tensor.

    Raises:
        TypeError: the value is of no known type, or does not fit dtype.
        ValueError: the value has another dtype.

    Example:
        >>> slices = fc.IndexedSlices(fc.ones([1, 2]), fc.constant([0]))
        >>> fc.convert_to_tensor_or_indexed_slices(slices) is slices
        True
    """
    if isinstance(value, IndexedSlices):
        if dtype is not None and as_dtype(dtype) is not value.dtype:
            raise ValueError(
                f"the IndexedSlices are {value.dtype.name}, but {as_dtype(dtype).name} is asked for"
            )
        return value
    return convert_to_tensor(value, dtype, name)


graph_operation.to_tensor_hook = convert_to_tensor
