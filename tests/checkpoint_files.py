"""Checkpoint files made in Python, apart from the code that is tested: tables, bundles, version 1."""

from __future__ import annotations

import pathlib
import struct
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

DTYPES = {
    "float32": 1, "float64": 2, "int32": 3, "uint8": 4, "int16": 5, "int8": 6, "complex64": 8, "int64": 9,
    "bool": 10, "uint16": 17, "complex128": 18, "float16": 19, "uint32": 22, "uint64": 23,
}  # fmt: skip
_TABLE = []
for _i in range(256):
    for _ in range(8):
        _i = _i >> 1 ^ (0x82F63B78 if _i & 1 else 0)
    _TABLE.append(_i)


def crc32c(data: bytes, crc: int = 0) -> int:
    crc ^= 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ _TABLE[(crc ^ byte) & 255]
    return crc ^ 0xFFFFFFFF


def masked(crc: int) -> int:
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def varint(value: int) -> bytes:
    value &= 2**64 - 1
    out = bytearray()
    while value >= 128:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def number(field: int, value: int) -> bytes:
    return varint(field << 3) + varint(value)


def message(field: int, data: bytes) -> bytes:
    return varint(field << 3 | 2) + varint(len(data)) + data


def shape_message(shape: Sequence[int]) -> bytes:
    return b"".join(message(2, number(1, n)) for n in shape)


def snappy(data: bytes) -> bytes:
    """Literals alone, and for a run of one byte copies."""
    out = bytearray(varint(len(data)))
    at = 0
    while at < len(data):
        run = 1
        while at + run < len(data) and data[at + run] == data[at] and run < 60:
            run += 1
        if run > 4:
            out += bytes([0, data[at]]) + bytes([(run - 2) << 2 | 2, 1, 0])
            at += run
        else:
            out += bytes([0, data[at]])
            at += 1
    return bytes(out)


def block(entries: Sequence[tuple[bytes, bytes]], compressed: bool = False) -> bytes:
    """A block of a table with its trailer; each key is whole."""
    data = bytearray()
    starts = []
    for key, value in entries:
        starts.append(len(data))
        data += varint(0) + varint(len(key)) + varint(len(value)) + key + value
    data += b"".join(struct.pack("<I", s) for s in starts or [0]) + struct.pack("<I", len(starts or [0]))
    contents = snappy(bytes(data)) if compressed else bytes(data)
    return sealed(contents + bytes([compressed]))


def sealed(data: bytes) -> bytes:
    return data + struct.pack("<I", masked(crc32c(data)))


def table(entries: Mapping[bytes, bytes], compressed: bool = False, in_block: int = 3) -> bytes:
    out = bytearray()
    pairs = sorted(entries.items())
    index = []
    for first in range(0, len(pairs), in_block):
        part = pairs[first : first + in_block]
        made = block(part, compressed)
        index.append((part[-1][0], varint(len(out)) + varint(len(made) - 5)))
        out += made
    handles = b""
    for made in (block([]), block(index)):
        handles += varint(len(out)) + varint(len(made) - 5)
        out += made
    return bytes(out) + handles.ljust(40, b"\0") + struct.pack("<Q", 0xDB4775248B80FB57)


def entry(dtype: int, shape: Sequence[int], offset: int, data: bytes, shard: int = 0) -> bytes:
    return (
        number(1, dtype)
        + message(2, shape_message(shape))
        + number(3, shard)
        + number(4, offset)
        + number(5, len(data))
        + varint(6 << 3 | 5)
        + struct.pack("<I", masked(crc32c(data)))
    )


HEADER = number(1, 1) + message(3, number(1, 1))


def write_bundle(
    prefix: pathlib.Path, tensors: Mapping[str, np.ndarray[Any, Any]], compressed: bool = False
) -> None:
    """Numbers only."""
    data = b""
    entries = {b"": HEADER}
    for name, value in tensors.items():
        entries[name.encode()] = entry(DTYPES[value.dtype.name], value.shape, len(data), value.tobytes())
        data += value.tobytes()
    prefix.with_name(f"{prefix.name}.data-00000-of-00001").write_bytes(data)
    prefix.with_name(f"{prefix.name}.index").write_bytes(table(entries, compressed))
