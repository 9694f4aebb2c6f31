"""Which part of a larger tensor a variable is, where a checkpoint has that tensor as a whole."""

from __future__ import annotations

from collections.abc import Sequence

from flowcore.arguments import listed, text, whole_number

__all__: list[str] = []


class SaveSliceInfo:
    """A variable's place in a partitioned tensor: `Variable.SaveSliceInfo`.

    Args:
        full_name: The name of the whole tensor in a checkpoint.
        full_shape: Its sizes.
        var_offset: Where the variable begins, of each dimension.
        var_shape: The variable's sizes.

    Raises:
        TypeError: an argument is of another kind.
        ValueError: the part is not inside, or the lists differ in length.

    Example:
        >>> fc.Variable.SaveSliceInfo("w", [10, 4], [5, 0], [5, 4]).spec
        '10 4 5,5:0,4'
    """

    def __init__(
        self,
        full_name: str,
        full_shape: Sequence[int],
        var_offset: Sequence[int],
        var_shape: Sequence[int],
    ) -> None:
        self.full_name = text(full_name, "full_name")
        self.full_shape, self.var_offset, self.var_shape = (
            [whole_number(n, f"each of {what}", 0) for n in listed(sizes, what)]
            for sizes, what in (
                (full_shape, "full_shape"),
                (var_offset, "var_offset"),
                (var_shape, "var_shape"),
            )
        )
        if not len(self.full_shape) == len(self.var_offset) == len(self.var_shape):
            raise ValueError("full_shape, var_offset and var_shape must be of one length")
        if any(at + n > size for at, n, size in zip(self.var_offset, self.var_shape, self.full_shape)):
            raise ValueError(
                f"the part at {self.var_offset} of shape {self.var_shape} is not inside {self.full_shape}"
            )

    @property
    def spec(self) -> str:
        """As checkpoints write it: the whole sizes, then start and length of each dimension."""
        sizes = "".join(f"{n} " for n in self.full_shape)
        return sizes + ":".join(f"{at},{n}" for at, n in zip(self.var_offset, self.var_shape))
