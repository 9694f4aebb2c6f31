"""map_fn, scan, foldl, foldr: loops over the rows of tensors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flowcore import dtypes
from flowcore.arguments import flag, function
from flowcore.graph import structure
from flowcore.graph.conversion import convert_to_tensor
from flowcore.graph.operation import Tensor
from flowcore.graph.scopes import name_scope
from flowcore.ops.shape_ops import shape
from flowcore.ops.tensor_array import TensorArray
from flowcore.ops.while_loop import turns_at_once, while_loop
from flowcore.shape import TensorShape

__all__ = ["foldl", "foldr", "map_fn", "scan"]


class _Rows:
    """The rows of nested tensors, which have the same number of them."""

    def __init__(self, elems: Any) -> None:
        self.like = elems
        self.tensors: list[Tensor] = [convert_to_tensor(e, name="elem") for e in structure.flatten(elems)]
        if not self.tensors:
            raise ValueError("elems must be a Tensor or (possibly nested) sequence of Tensors, found none")
        size = TensorShape([None])
        for tensor in self.tensors:
            if tensor.shape.ndims == 0:
                raise ValueError("Elements in elems must be 1+ dimensional Tensors, not scalars")
            if tensor.shape.ndims is not None:
                size = size.merge_with(tensor.shape[:1])
        self.static_count: int | None = size[0].value
        self.count: Any = shape(self.tensors[0])[0] if self.static_count is None else self.static_count
        self.arrays = [TensorArray(t.dtype, self.count).unstack(t) for t in self.tensors]

    def read(self, i: Any) -> Any:
        """Row i of each, in the structure of elems."""
        return structure.pack(self.like, [array.read(i) for array in self.arrays])


def _values(result: Any, like: Any, what: str) -> list[Tensor]:
    """The leaves of what a function returned, which must be nested like something else."""
    structure.assert_same(like, result, f"The two structures don't have the same nested structure: {what}")
    return [convert_to_tensor(leaf) for leaf in structure.flatten(result)]


def _settings(parallel_iterations: Any, back_prop: Any, swap_memory: Any) -> dict[str, Any]:
    return {
        "parallel_iterations": turns_at_once(10 if parallel_iterations is None else parallel_iterations),
        "back_prop": flag(back_prop, "back_prop"),
        "swap_memory": flag(swap_memory, "swap_memory"),
    }


def _stacked(arrays: list[TensorArray], rows: _Rows) -> list[Tensor]:
    found = []
    for array in arrays:
        stacked = array.stack()
        stacked.set_shape(TensorShape([rows.static_count]).concatenate(array.element_shape))
        found.append(stacked)
    return found


def map_fn(
    fn: Callable[[Any], Any],
    elems: Any,
    dtype: Any = None,
    parallel_iterations: int | None = None,
    back_prop: bool = True,
    swap_memory: bool = False,
    infer_shape: bool = True,
    name: str | None = None,
    fn_output_signature: Any = None,
) -> Any:
    """What a function yields for each row of a tensor, as the rows of one.

    The function is called once, now, to make the body of a loop.

    Args:
        fn: A function of a row, in the structure of elems, that returns Tensors in the structure of
            dtype.
        elems: A Tensor of at least one dimension, or a nested structure of Tensors with as many
            rows each.
        dtype: The DType of what fn returns, nested like it; None: as elems.
        parallel_iterations: How many rows may run at once; None: 10. Rows with an effect or a
            state, such as random numbers, follow one another.
        back_prop: Whether gradients go through.
        swap_memory: Accepted.
        infer_shape: Whether all results have one shape.
        name: A name for the scope; None: "map".
        fn_output_signature: Another name for dtype.

    Returns:
        The structure of dtype, of Tensors.

    Raises:
        TypeError: fn cannot be called, or returns another dtype.
        ValueError: elems has a scalar or no tensor, the numbers of rows differ, or fn returns
            another structure.

    Example:
        >>> fc.Session().run(fc.map_fn(lambda row: row * row, fc.constant([1, 2, 3])))
        array([1, 4, 9], dtype=int32)
    """
    fn = function(fn, "fn")
    settings = _settings(parallel_iterations, back_prop, swap_memory)
    wanted = dtype if fn_output_signature is None else fn_output_signature
    with name_scope(name, "map", structure.flatten(elems)):
        rows = _Rows(elems)
        like = structure.pack(elems, [t.dtype for t in rows.tensors]) if wanted is None else wanted
        types = [dtypes.as_dtype(t) for t in structure.flatten(like)]
        same = flag(infer_shape, "infer_shape")
        first = [TensorArray(t, rows.count, infer_shape=same) for t in types]

        def row(i: Tensor, arrays: list[TensorArray]) -> tuple[Tensor, list[TensorArray]]:
            results = _values(fn(rows.read(i)), like, "dtype and what fn returns")
            return i + 1, [a.write(i, r) for a, r in zip(arrays, results, strict=True)]

        _, arrays = while_loop(lambda i, _: i < rows.count, row, (0, first), **settings)
        return structure.pack(like, _stacked(arrays, rows))


def scan(
    fn: Callable[[Any, Any], Any],
    elems: Any,
    initializer: Any = None,
    parallel_iterations: int = 10,
    back_prop: bool = True,
    swap_memory: bool = False,
    infer_shape: bool = True,
    reverse: bool = False,
    name: str | None = None,
) -> Any:
    """The values that a function yields row by row, each made of the one before and a row.

    Args:
        fn: A function of the value before and a row, in the structure of elems, that returns the
            next value, in the structure of initializer.
        elems: A Tensor of at least one dimension, or a nested structure of Tensors with as many
            rows each.
        initializer: The value before the first row; None: the first row is the first value.
        parallel_iterations: Accepted.
        back_prop: Whether gradients go through.
        swap_memory: Accepted.
        infer_shape: Whether all values have one shape.
        reverse: Whether it begins with the last row.
        name: A name for the scope; None: "scan".

    Returns:
        The structure of the values, of Tensors with as many rows as elems.

    Raises:
        TypeError: fn cannot be called, or returns another dtype.
        ValueError: elems has a scalar or no tensor, the numbers of rows differ, or fn returns
            another structure.

    Example:
        >>> fc.Session().run(fc.scan(lambda total, x: total + x, fc.constant([1, 2, 3])))
        array([1, 3, 6], dtype=int32)
    """
    fn, backwards = function(fn, "fn"), flag(reverse, "reverse")
    same, settings = flag(infer_shape, "infer_shape"), _settings(parallel_iterations, back_prop, swap_memory)
    with name_scope(name, "scan", structure.flatten(elems)):
        rows = _Rows(elems)
        like, values = _start(rows, initializer, backwards)
        arrays = [TensorArray(v.dtype, rows.count, infer_shape=same) for v in values]
        begin = _begin(rows, initializer, backwards)
        if initializer is None:
            place = rows.count - 1 if backwards else 0
            arrays = [a.write(place, v) for a, v in zip(arrays, values, strict=True)]

        def row(i: Tensor, before: list[Tensor], arrays: list[TensorArray]) -> tuple[Any, ...]:
            result = fn(structure.pack(like, before), rows.read(i))
            results = _values(result, like, "the value before and what fn returns")
            return (
                i - 1 if backwards else i + 1,
                results,
                [a.write(i, r) for a, r in zip(arrays, results, strict=True)],
            )

        _, _, arrays = while_loop(_goes_on(rows, backwards), row, (begin, values, arrays), **settings)
        return structure.pack(like, _stacked(arrays, rows))


def _start(rows: _Rows, initializer: Any, backwards: bool) -> tuple[Any, list[Tensor]]:
    """The structure of values, and the first of them."""
    if initializer is None:
        first = rows.read(rows.count - 1 if backwards else 0)
        return rows.like, structure.flatten(first)
    return initializer, [convert_to_tensor(v) for v in structure.flatten(initializer)]


def _begin(rows: _Rows, initializer: Any, backwards: bool) -> Any:
    """The index of the first row that fn is called with."""
    taken = 1 if initializer is None else 0
    return rows.count - 1 - taken if backwards else taken


def _goes_on(rows: _Rows, backwards: bool) -> Callable[..., Tensor]:
    return (lambda i, *_: i >= 0) if backwards else (lambda i, *_: i < rows.count)


def _fold(
    backwards: bool,
    fn: Callable[[Any, Any], Any],
    elems: Any,
    initializer: Any,
    settings: dict[str, Any],
    name: str | None,
) -> Any:
    fn = function(fn, "fn")
    with name_scope(name, "foldr" if backwards else "foldl", structure.flatten(elems)):
        rows = _Rows(elems)
        like, values = _start(rows, initializer, backwards)

        def row(i: Tensor, before: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
            result = fn(structure.pack(like, before), rows.read(i))
            return i - 1 if backwards else i + 1, _values(
                result, like, "the value before and what fn returns"
            )

        begin = _begin(rows, initializer, backwards)
        _, last = while_loop(_goes_on(rows, backwards), row, (begin, values), **settings)
        return structure.pack(like, last)


def foldl(
    fn: Callable[[Any, Any], Any],
    elems: Any,
    initializer: Any = None,
    parallel_iterations: int = 10,
    back_prop: bool = True,
    swap_memory: bool = False,
    name: str | None = None,
) -> Any:
    """The last of the values that a function yields row by row, from the first row on.

    Args:
        fn: A function of the value before and a row, in the structure of elems, that returns the
            next value, in the structure of initializer.
        elems: A Tensor of at least one dimension, or a nested structure of Tensors with as many
            rows each.
        initializer: The value before the first row; None: the first row is the first value.
        parallel_iterations: Accepted.
        back_prop: Whether gradients go through.
        swap_memory: Accepted.
        name: A name for the scope; None: "foldl".

    Returns:
        The structure of the value, of Tensors.

    Raises:
        TypeError: fn cannot be called, or returns another dtype.
        ValueError: elems has a scalar or no tensor, the numbers of rows differ, or fn returns
            another structure.

    Example:
        >>> fc.Session().run(fc.foldl(lambda a, x: a * 10 + x, fc.constant([1, 2, 3])))
        np.int32(123)
    """
    return _fold(False, fn, elems, initializer, _settings(parallel_iterations, back_prop, swap_memory), name)


def foldr(
    fn: Callable[[Any, Any], Any],
    elems: Any,
    initializer: Any = None,
    parallel_iterations: int = 10,
    back_prop: bool = True,
    swap_memory: bool = False,
    name: str | None = None,
) -> Any:
    """The last of the values that a function yields row by row, from the last row back.

    Args:
        fn: A function of the value before and a row, in the structure of elems, that returns the
            next value, in the structure of initializer.
        elems: A Tensor of at least one dimension, or a nested structure of Tensors with as many
            rows each.
        initializer: The value before the first row; None: the last row is the first value.
        parallel_iterations: Accepted.
        back_prop: Whether gradients go through.
        swap_memory: Accepted.
        name: A name for the scope; None: "foldr".

    Returns:
        The structure of the value, of Tensors.

    Raises:
        TypeError: fn cannot be called, or returns another dtype.
        ValueError: elems has a scalar or no tensor, the numbers of rows differ, or fn returns
            another structure.

    Example:
        >>> fc.Session().run(fc.foldr(lambda a, x: a * 10 + x, fc.constant([1, 2, 3])))
        np.int32(321)
    """
    return _fold(True, fn, elems, initializer, _settings(parallel_iterations, back_prop, swap_memory), name)
