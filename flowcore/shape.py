"""Static shapes: sizes that may be unknown. Imports nothing of flowcore."""

from __future__ import annotations

import itertools
import operator
from collections.abc import Iterable, Iterator
from typing import Any

from flowcore.arguments import described, whole_number

__all__ = ["Dimension", "TensorShape"]

#: Of a tensor, as of NumPy's arrays (FC_MAX_DIMS in _kernel.h).
MAX_RANK = 64
_MAX_SIZE = 2**63 - 1


class Dimension:
    """One size of a shape: a number, or unknown (`value` is None).

    Arithmetic with an unknown size is unknown; a comparison with one gives None, as in TensorFlow
    1.x.

    Args:
        value: An int from 0 to 2**63 - 1, None, or a Dimension.

    Raises:
        TypeError: value is something else.
        ValueError: value is negative or too large.

    Example:
        >>> size = fc.TensorShape([2, None])[1]
        >>> size + 1, size.value, fc.Dimension(3) * 2
        (Dimension(None), None, Dimension(6))
    """

    __slots__ = ("_value",)

    def __init__(self, value: Any) -> None:
        if isinstance(value, Dimension):
            self._value: int | None = value._value
        elif value is None:
            self._value = None
        else:
            try:
                self._value = operator.index(value)
            except TypeError:
                raise TypeError(f"A dimension must be an integer or None, found {value!r}") from None
            if not 0 <= self._value <= _MAX_SIZE:
                raise ValueError(f"Dimension {self._value} must be >= 0 and fit 64 bits")

    @property
    def value(self) -> int | None:
        """The size, or None when unknown."""
        return self._value

    def is_compatible_with(self, other: Any) -> bool:
        """Whether both may be the same size.

        Args:
            other: A Dimension, an int or None.

        Returns:
            A bool: True where one is unknown.

        Raises:
            TypeError: other is no size.
            ValueError: other is negative.

        Example:
            >>> fc.Dimension(3).is_compatible_with(None)
            True
        """
        other = as_dimension(other)
        return self._value is None or other._value is None or self._value == other._value

    def assert_is_compatible_with(self, other: Any) -> None:
        """Raises an error unless both may be the same size.

        Args:
            other: A Dimension, an int or None.

        Raises:
            TypeError: other is no size.
            ValueError: both are known and differ.

        Example:
            >>> fc.Dimension(3).assert_is_compatible_with(3)
        """
        if not self.is_compatible_with(other):
            raise ValueError(f"dimensions {self} and {as_dimension(other)} cannot be equal")

    def merge_with(self, other: Any) -> Dimension:
        """The known one of both.

        Args:
            other: A Dimension, an int or None.

        Returns:
            A Dimension.

        Raises:
            TypeError: other is no size.
            ValueError: both are known and differ.

        Example:
            >>> fc.Dimension(None).merge_with(3)
            Dimension(3)
        """
        other = as_dimension(other)
        self.assert_is_compatible_with(other)
        return Dimension(other._value if self._value is None else self._value)

    def _combine(self, other: Any, function: Any) -> Dimension:
        try:
            other = as_dimension(other)
        except (TypeError, ValueError):
            return NotImplemented
        if self._value is None or other._value is None:
            return Dimension(None)
        return Dimension(function(self._value, other._value))

    def __add__(self, other: Any) -> Dimension:
        """The sum."""
        return self._combine(other, operator.add)

    __radd__ = __add__

    def __sub__(self, other: Any) -> Dimension:
        """The difference; a negative one is a ValueError."""
        return self._combine(other, operator.sub)

    def __rsub__(self, other: Any) -> Dimension:
        """The difference; a negative one is a ValueError."""
        return as_dimension(other)._combine(self, operator.sub)

    def __mul__(self, other: Any) -> Dimension:
        """The product."""
        return self._combine(other, operator.mul)

    __rmul__ = __mul__

    def __floordiv__(self, other: Any) -> Dimension:
        """The whole quotient."""
        return self._combine(other, operator.floordiv)

    def __rfloordiv__(self, other: Any) -> Dimension:
        """The whole quotient."""
        return as_dimension(other)._combine(self, operator.floordiv)

    __div__ = __floordiv__

    def __mod__(self, other: Any) -> Dimension:
        """The remainder."""
        return self._combine(other, operator.mod)

    def __rmod__(self, other: Any) -> Dimension:
        """The remainder."""
        return as_dimension(other)._combine(self, operator.mod)

    def _compare(self, other: Any, function: Any) -> bool | None:
        try:
            other = as_dimension(other)
        except (TypeError, ValueError):
            return NotImplemented
        if self._value is None or other._value is None:
            return None
        return bool(function(self._value, other._value))

    def __eq__(self, other: object) -> bool:
        return self._compare(other, operator.eq)  # type: ignore[return-value]

    def __ne__(self, other: object) -> bool:
        return self._compare(other, operator.ne)  # type: ignore[return-value]

    def __lt__(self, other: Any) -> bool | None:
        return self._compare(other, operator.lt)

    def __le__(self, other: Any) -> bool | None:
        return self._compare(other, operator.le)

    def __gt__(self, other: Any) -> bool | None:
        return self._compare(other, operator.gt)

    def __ge__(self, other: Any) -> bool | None:
        return self._compare(other, operator.ge)

    def __hash__(self) -> int:
        return hash(self._value)

    def __int__(self) -> int:
        """The size; an unknown one is a TypeError."""
        if self._value is None:
            raise TypeError("an unknown Dimension has no integer value")
        return self._value

    __index__ = __int__

    def __repr__(self) -> str:
        return f"Dimension({self._value})"

    def __str__(self) -> str:
        return "?" if self._value is None else str(self._value)


def as_dimension(value: Any) -> Dimension:
    """`value` as a Dimension."""
    return value if isinstance(value, Dimension) else Dimension(value)


def _rank(value: Any) -> int:
    return value if type(value) is int and 0 <= value <= MAX_RANK else whole_number(value, "rank", 0)


def _size(value: Any) -> int | None:
    if value is None:
        return None
    if type(value) is int and 0 <= value <= _MAX_SIZE:
        return value
    return Dimension(value).value


class TensorShape:
    """A shape whose rank or sizes may be unknown. Immutable.

    Args:
        dims: None (unknown rank), a TensorShape, a size, or an iterable of sizes (None: unknown).

    Raises:
        TypeError: dims is something else.
        ValueError: a size is negative or too large.

    Example:
        >>> fc.placeholder(fc.float32, [None, 3]).shape
        TensorShape([None, 3])
    """

    __slots__ = ("_sizes",)

    def __init__(self, dims: Any) -> None:
        self._sizes: tuple[int | None, ...] | None
        if dims is None:
            self._sizes = None
        elif isinstance(dims, TensorShape):
            self._sizes = dims._sizes
        elif isinstance(dims, (tuple, list)) or (
            isinstance(dims, Iterable) and not isinstance(dims, (str, bytes))
        ):
            try:
                parts = iter(dims)
            except TypeError:
                raise TypeError(f"a shape is a list of sizes, found {described(dims)}") from None
            self._sizes = tuple([_size(d) for d in parts])
        else:
            self._sizes = (_size(dims),)

    @property
    def dims(self) -> list[Dimension] | None:
        """The sizes as Dimensions, or None for an unknown rank."""
        return None if self._sizes is None else [Dimension(d) for d in self._sizes]

    @property
    def sizes(self) -> tuple[int | None, ...] | None:
        """The sizes as plain numbers and None, or None for an unknown rank."""
        return self._sizes

    @property
    def ndims(self) -> int | None:
        """The rank, or None."""
        return None if self._sizes is None else len(self._sizes)

    rank = ndims

    def as_list(self) -> list[int | None]:
        """The sizes as numbers and None.

        Returns:
            A list.

        Raises:
            ValueError: the rank is unknown.

        Example:
            >>> fc.TensorShape([2, None]).as_list()
            [2, None]
        """
        if self._sizes is None:
            raise ValueError("a shape of unknown rank has no list of dimensions")
        return list(self._sizes)

    def num_elements(self) -> int | None:
        """The number of elements.

        Returns:
            An int, or None where it is not known.

        Example:
            >>> fc.TensorShape([2, 3]).num_elements()
            6
        """
        if self._sizes is None:
            return None
        total = 1
        for size in self._sizes:
            if size is None:
                return None
            total *= size
        return total

    def is_fully_defined(self) -> bool:
        """Whether the rank and all sizes are known.

        Returns:
            A bool.

        Example:
            >>> fc.TensorShape([2, None]).is_fully_defined()
            False
        """
        return self._sizes is not None and None not in self._sizes

    def assert_is_fully_defined(self) -> None:
        """Raises an error unless the rank and all sizes are known.

        Raises:
            ValueError: something is unknown.

        Example:
            >>> fc.TensorShape([2, 3]).assert_is_fully_defined()
        """
        if not self.is_fully_defined():
            raise ValueError(f"shape {self} has unknown dimensions")

    def is_compatible_with(self, other: Any) -> bool:
        """Whether some full shape fits both.

        Args:
            other: A TensorShape, or what makes one.

        Returns:
            A bool.

        Raises:
            TypeError: other is no shape.

        Example:
            >>> fc.TensorShape([2, None]).is_compatible_with([None, 3])
            True
        """
        other = as_shape(other)
        if self._sizes is None or other._sizes is None or self._sizes == other._sizes:
            return True
        return len(self._sizes) == len(other._sizes) and all(
            a is None or b is None or a == b for a, b in zip(self._sizes, other._sizes, strict=True)
        )

    def assert_is_compatible_with(self, other: Any) -> None:
        """Raises an error unless some full shape fits both.

        Args:
            other: A TensorShape, or what makes one.

        Raises:
            TypeError: other is no shape.
            ValueError: ranks or sizes are known and differ.

        Example:
            >>> fc.TensorShape([2, None]).assert_is_compatible_with([2, 3])
        """
        if not self.is_compatible_with(other):
            raise ValueError(f"Shapes {self} and {as_shape(other)} are incompatible")

    def merge_with(self, other: Any) -> TensorShape:
        """What both shapes together say.

        Args:
            other: A TensorShape, or what makes one.

        Returns:
            A TensorShape.

        Raises:
            TypeError: other is no shape.
            ValueError: ranks or sizes are known and differ.

        Example:
            >>> fc.TensorShape([2, None]).merge_with([None, 3])
            TensorShape([2, 3])
        """
        other = as_shape(other)
        if self._sizes is None:
            return other
        if other._sizes is None or other._sizes == self._sizes:
            return self
        self.assert_is_compatible_with(other)
        return TensorShape([b if a is None else a for a, b in zip(self._sizes, other._sizes, strict=True)])

    def concatenate(self, other: Any) -> TensorShape:
        """The sizes of both, one after the other.

        Args:
            other: A TensorShape, or what makes one.

        Returns:
            A TensorShape; of unknown rank where one of them is.

        Raises:
            TypeError: other is no shape.

        Example:
            >>> fc.TensorShape([2]).concatenate([3, None])
            TensorShape([2, 3, None])
        """
        other = as_shape(other)
        if self._sizes is None or other._sizes is None:
            return TensorShape(None)
        return TensorShape(self._sizes + other._sizes)

    def with_rank(self, rank: int) -> TensorShape:
        """This shape, known to have a rank.

        Args:
            rank: The number of dimensions, an int.

        Returns:
            A TensorShape.

        Raises:
            TypeError: rank is no whole number.
            ValueError: the shape has another rank.

        Example:
            >>> fc.TensorShape(None).with_rank(2)
            TensorShape([None, None])
        """
        rank = _rank(rank)
        if self._sizes is None:
            return checked_rank(TensorShape(itertools.repeat(None, min(rank, MAX_RANK + 1))))
        if len(self._sizes) != rank:
            raise ValueError(f"Shape {self} must have rank {rank}")
        return self

    def with_rank_at_least(self, rank: int) -> TensorShape:
        """This shape, which must not have fewer dimensions.

        Args:
            rank: The number of dimensions, an int.

        Returns:
            The same TensorShape.

        Raises:
            TypeError: rank is no whole number.
            ValueError: the shape has fewer.

        Example:
            >>> fc.TensorShape([2, 3]).with_rank_at_least(1)
            TensorShape([2, 3])
        """
        rank = _rank(rank)
        if self._sizes is not None and len(self._sizes) < rank:
            raise ValueError(f"rank {rank} or more is needed, found shape {self}")
        return self

    def with_rank_at_most(self, rank: int) -> TensorShape:
        """This shape, which must not have more dimensions.

        Args:
            rank: The number of dimensions, an int.

        Returns:
            The same TensorShape.

        Raises:
            TypeError: rank is no whole number.
            ValueError: the shape has more.

        Example:
            >>> fc.TensorShape([2, 3]).with_rank_at_most(2)
            TensorShape([2, 3])
        """
        rank = _rank(rank)
        if self._sizes is not None and len(self._sizes) > rank:
            raise ValueError(f"rank {rank} or less is needed, found shape {self}")
        return self

    def assert_has_rank(self, rank: int) -> None:
        """Raises an error unless the shape has, or may have, this rank.

        Args:
            rank: The number of dimensions, an int.

        Raises:
            TypeError: rank is no whole number.
            ValueError: the shape has another rank.

        Example:
            >>> fc.TensorShape([2, 3]).assert_has_rank(2)
        """
        rank = _rank(rank)
        if self._sizes is not None and len(self._sizes) != rank:
            raise ValueError(f"Shape {self} must have rank {rank}")

    def assert_same_rank(self, other: Any) -> None:
        """Raises an error unless both have, or may have, one rank.

        Args:
            other: A TensorShape, or what makes one.

        Raises:
            TypeError: other is no shape.
            ValueError: the ranks are known and differ.

        Example:
            >>> fc.TensorShape([2, 3]).assert_same_rank([5, None])
        """
        other = as_shape(other)
        if self._sizes is not None and other._sizes is not None and len(self._sizes) != len(other._sizes):
            raise ValueError(f"shapes {self} and {other} differ in rank")

    def as_proto(self) -> dict[str, Any]:
        """The shape as plain data in the form of a TensorShapeProto.

        Returns:
            {"unknown_rank": True} or {"dim": [{"size": n}, ...]}, with -1 for an unknown size.

        Example:
            >>> fc.TensorShape([2, None]).as_proto()
            {'dim': [{'size': 2}, {'size': -1}]}
        """
        if self._sizes is None:
            return {"unknown_rank": True}
        return {"dim": [{"size": -1 if d is None else d} for d in self._sizes]}

    def __len__(self) -> int:
        """The rank; an unknown one is a ValueError."""
        if self._sizes is None:
            raise ValueError("Cannot take the length of a shape with unknown rank.")
        return len(self._sizes)

    def __bool__(self) -> bool:
        """Whether the rank is known."""
        return self._sizes is not None

    def __iter__(self) -> Iterator[Dimension]:
        """The sizes as Dimensions; an unknown rank is a ValueError."""
        if self._sizes is None:
            raise ValueError("a shape of unknown rank has no dimensions to iterate over")
        return iter([Dimension(d) for d in self._sizes])

    def __getitem__(self, key: Any) -> Any:
        """A Dimension, or for a slice a TensorShape."""
        if isinstance(key, slice):
            parts = (key.start, key.stop, key.step)
            return self._slice(*[None if v is None else whole_number(v, "a bound of a slice") for v in parts])
        index = whole_number(key, "the index of a dimension")
        if self._sizes is None:
            return Dimension(None)
        if not -len(self._sizes) <= index < len(self._sizes):
            raise IndexError(f"shape {self} has no dimension {index}")
        return Dimension(self._sizes[index])

    def _slice(self, start: int | None, stop: int | None, step: int | None) -> TensorShape:
        if self._sizes is not None:
            if step == 0:
                raise ValueError(f"a slice of shape {self} has step 0")
            return TensorShape(self._sizes[start:stop:step])
        first = 0 if start is None else start
        count = stop - first if stop is not None and step in (None, 1) and first >= 0 else -1
        return TensorShape([None] * count) if 0 <= count <= MAX_RANK else TensorShape(None)

    def __add__(self, other: Any) -> TensorShape:
        """As concatenate."""
        return self.concatenate(other)

    def __radd__(self, other: Any) -> TensorShape:
        """As concatenate, the other first."""
        return as_shape(other).concatenate(self)

    def __eq__(self, other: object) -> bool:
        try:
            other = as_shape(other)
        except (TypeError, ValueError):
            return NotImplemented
        return self._sizes == other._sizes

    def __ne__(self, other: object) -> bool:
        result = self.__eq__(other)
        return result if result is NotImplemented else not result

    def __hash__(self) -> int:
        return hash(self._sizes)

    def __repr__(self) -> str:
        return "TensorShape(None)" if self._sizes is None else f"TensorShape({list(self._sizes)})"

    def __str__(self) -> str:
        if self._sizes is None:
            return "<unknown>"
        inner = ", ".join("?" if d is None else str(d) for d in self._sizes)
        return f"({inner},)" if len(self._sizes) == 1 else f"({inner})"


UNKNOWN = TensorShape(None)
SCALAR = TensorShape(())


def as_shape(value: Any) -> TensorShape:
    """`value` as a TensorShape."""
    return value if isinstance(value, TensorShape) else TensorShape(value)


def checked_rank(shape: TensorShape) -> TensorShape:
    """`shape` itself. Raises ValueError when a tensor cannot have so many dimensions."""
    if shape._sizes is not None and len(shape._sizes) > MAX_RANK:
        raise ValueError(f"A tensor has at most {MAX_RANK} dimensions, found {len(shape._sizes)}")
    return shape
