"""Kernels of checkpoints (C), and what Python asks of a file by itself: see flowcore/kernels/saving.

A problem is returned as (status, message).
"""

from typing import Any

KERNELS: list[object]

def open_reader(prefix: bytes, /) -> Any:
    """A capsule: the tensors of a checkpoint. Or a problem."""

def list_tensors(
    reader: object, /
) -> tuple[int, list[tuple[bytes, int, str, tuple[int, ...], list[tuple[tuple[int, int], ...]]]]]:
    """The version, and of each tensor: name, number and name of the dtype, shape, parts (start, length)."""

def expect_readable(reader: object, name: bytes, /) -> tuple[int, str] | None:
    """Whether the value of a tensor can be read: to be asked before memory for it is taken."""

def read_into(reader: object, name: bytes, memory: memoryview, /) -> tuple[int, str] | None:
    """Fills memory of a tensor's size."""

def read_strings(reader: object, name: bytes, /) -> list[bytes] | tuple[int, str]: ...
def crc32c(data: bytes | memoryview, crc: int = 0, portable: bool = False, /) -> int:
    """CRC-32C of what `crc` is the sum of, followed by `data`."""

def crc32c_join(a: int, b: int, length_of_b: int, /) -> int: ...
def snappy(block: bytes, /) -> bytes | None:
    """What a block of snappy holds; None where it is none."""
