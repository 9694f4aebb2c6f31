"""The formats of checkpoints, by files that Python made: sums, compression, tables, and damaged ones."""

from __future__ import annotations

import pathlib
import random
import struct
import sys
from typing import Any

import numpy as np
import pytest

import flowcore as fc
from flowcore.kernels import _saving

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import checkpoint_files as files

VALUES = {
    "a": np.arange(6, dtype=np.float32).reshape(2, 3),
    "b": np.array(7, np.int64),
    "c/d": np.array([True, False]),
    "e": np.zeros([0, 4], np.complex64),
    "f": np.full([40], 3, np.uint8),
}


def read(prefix: pathlib.Path, name: str) -> Any:
    """The value of a tensor, or what is wrong: (status, message)."""
    reader = _saving.open_reader(str(prefix).encode())
    if isinstance(reader, tuple):
        return reader
    found = {n.decode(): (dtype, shape) for n, _, dtype, shape, _ in _saving.list_tensors(reader)[1]}
    problem = _saving.expect_readable(reader, name.encode())
    if problem is not None:
        return problem
    dtype, shape = found[name]
    if dtype == "string":
        return _saving.read_strings(reader, name.encode())
    value = np.zeros(shape, dtype)
    problem = _saving.read_into(reader, name.encode(), value.reshape(-1).view(np.uint8).data)
    return value if problem is None else problem


def test_sums_agree_in_every_length() -> None:
    assert _saving.crc32c(b"123456789") == files.crc32c(b"123456789") == 0xE3069283
    rng = random.Random(0)
    for n in [*range(40), 255, 3 * 16384 - 1, 3 * 16384, 3 * 16384 + 9, 200_000]:
        data = rng.randbytes(n)
        whole = _saving.crc32c(data)
        assert whole == _saving.crc32c(data, 0, True)
        cut = rng.randint(0, n)
        first, second = _saving.crc32c(data[:cut]), _saving.crc32c(data[cut:])
        assert _saving.crc32c_join(first, second, n - cut) == whole
        assert _saving.crc32c(data[cut:], first) == whole


def test_snappy_blocks_are_decompressed() -> None:
    assert _saving.snappy(bytes([5, 4 << 2]) + b"hello") == b"hello"
    # a literal of 70 bytes with its length in a byte, then copies of each kind
    text = bytes(range(70))
    tokens = bytes([60 << 2, 69]) + text + bytes([0 << 5 | 3 << 2 | 1, 70]) + bytes([9 << 2 | 2, 7, 0])
    tokens += bytes([63 << 2 | 3, 1, 0, 0, 0])
    wanted = text + text[:7]
    for _ in range(10):
        wanted += wanted[-7:-6]
    wanted += wanted[-1:] * 64
    assert _saving.snappy(files.varint(len(wanted)) + tokens) == wanted
    data = b"abc" * 50 + b"z" * 1000
    assert _saving.snappy(files.snappy(data)) == data


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x05",
        bytes([200, 200, 200, 200, 200, 1]),  # no size
        bytes([255, 255, 255, 255, 15, 0, 65]),  # 4 GiB of two bytes
        bytes([3, 4 << 2]) + b"ab",  # the literal is cut
        bytes([2, 0, 65, 1 << 2 | 2, 9, 0]),  # a copy from before the beginning
        bytes([2, 0, 65, 1 << 2 | 2, 0, 0]),  # a copy of itself
        bytes([9, 0, 65]),  # less than it says
        bytes([1, 0, 65, 0, 66]),  # more than it says
        bytes([4, 62 << 2, 255, 255, 255]),
    ],
)
def test_what_is_no_snappy_block_is_none(data: bytes) -> None:
    assert _saving.snappy(data) is None


@pytest.mark.parametrize("compressed", [False, True])
def test_a_bundle_is_read(tmp_path: pathlib.Path, compressed: bool) -> None:
    files.write_bundle(tmp_path / "m", VALUES, compressed)
    for name, value in VALUES.items():
        found = read(tmp_path / "m", name)
        assert found.dtype == value.dtype
        np.testing.assert_array_equal(found, value)


def test_every_cut_and_every_flipped_bit_is_found(tmp_path: pathlib.Path) -> None:
    prefix = tmp_path / "m"
    files.write_bundle(prefix, VALUES)
    for path in sorted(tmp_path.iterdir()):
        whole = path.read_bytes()
        changed = [whole[:n] for n in range(0, len(whole), 3)]
        changed += [whole[:i] + bytes([whole[i] ^ 1 << i % 8]) + whole[i + 1 :] for i in range(len(whole))]
        found_out = 0
        for data in changed:
            path.write_bytes(data)
            right = 0
            for name, value in VALUES.items():
                found = read(prefix, name)
                if isinstance(found, tuple):
                    assert found[0] == fc.errors.DATA_LOSS, found
                    assert str(prefix) in found[1]
                else:
                    np.testing.assert_array_equal(found, value)
                    right += 1
            found_out += right < len(VALUES)
        unused = 13 + 36 if path.suffix == ".index" else 0  # a block without entries, padding
        assert found_out >= len(changed) - unused
        path.write_bytes(whole)


def index(prefix: pathlib.Path, entries: dict[bytes, bytes], data: bytes = b"\0" * 64) -> pathlib.Path:
    prefix.with_name(f"{prefix.name}.index").write_bytes(files.table(entries))
    prefix.with_name(f"{prefix.name}.data-00000-of-00001").write_bytes(data)
    return prefix


def float_entry(shape: list[int], offset: int, size: int, shard: int = 0) -> bytes:
    return files.entry(1, shape, offset, b"\0" * size, shard)


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ({b"x": float_entry([2], 0, 8)}, "without the header"),
        ({b"": b""}, "malformed"),
        ({b"": files.HEADER, b"x": float_entry([2], 0, 8, shard=1)}, "malformed"),
        ({b"": files.HEADER, b"x": float_entry([2], 60, 8)}, "take 8 bytes there, and the file has 64"),
        ({b"": files.HEADER, b"x": float_entry([3], 0, 8)}, "8 bytes for 3 elements"),
        ({b"": files.HEADER, b"x": float_entry([2**40, 2**40], 0, 8)}, "malformed"),
        ({b"": files.HEADER, b"x": float_entry([2**61], 0, 8)}, "8 bytes for 2305843009213693952"),
        ({b"": files.HEADER, b"x": float_entry([-1], 0, 8)}, "malformed"),
        ({b"": files.HEADER, b"x": float_entry([1] * 255, 0, 4)}, "malformed"),
        (
            {b"": files.HEADER, b"x": float_entry([2], 0, 8), b"y": float_entry([2], 4, 8)},
            "begins within that of another",
        ),
        ({b"": files.HEADER, b"x": b"\x08"}, "malformed"),
        (
            {b"": files.HEADER, b"x": files.number(1, 1) + files.message(7, b"") * 2},
            "tensor 'x' twice",
        ),
        ({b"": files.HEADER, b"x": files.entry(7, [2**50], 0, b"\0" * 8)}, "8 bytes for 1125899906842624"),
    ],
)  # fmt: skip
def test_indexes_that_say_what_cannot_be(
    tmp_path: pathlib.Path, entries: dict[bytes, bytes], expected: str
) -> None:
    status, text = read(index(tmp_path / "m", entries), "x")
    assert status == fc.errors.DATA_LOSS
    assert expected in text


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ({b"": files.number(1, 1) + files.number(2, 1)}, "big-endian"),
        ({b"": files.number(1, 1) + files.message(3, files.number(2, 2))}, "asks for a reader of version 2"),
        ({b"": files.HEADER, b"x": files.entry(11, [1], 0, b"\0")}, "is of qint8"),
        ({b"": files.HEADER, b"x": files.entry(20, [1], 0, b"\0" * 8)}, "is of resource"),
        ({b"": files.HEADER, b"x": files.entry(99, [1], 0, b"\0")}, "is of dtype number 99"),
    ],
)
def test_what_is_not_supported_is_named(
    tmp_path: pathlib.Path, entries: dict[bytes, bytes], expected: str
) -> None:
    status, text = read(index(tmp_path / "m", entries), "x")
    assert status == fc.errors.UNIMPLEMENTED
    assert expected in text


def test_a_table_that_leads_to_one_block_again_and_again_is_refused(tmp_path: pathlib.Path) -> None:
    first = files.block([(b"", files.HEADER)])
    handle = files.varint(0) + files.varint(len(first) - 5)
    blocks = files.block([(b"a", handle), (b"b", handle)])
    meta = files.block([])
    handles = b""
    at = len(first)
    for made in (meta, blocks):
        handles += files.varint(at) + files.varint(len(made) - 5)
        at += len(made)
    footer = handles.ljust(40, b"\0") + struct.pack("<Q", 0xDB4775248B80FB57)
    (tmp_path / "m.index").write_bytes(first + meta + blocks + footer)
    status, text = read(tmp_path / "m", "x")
    assert status == fc.errors.DATA_LOSS
    assert "behind the last" in text


def test_keys_that_grow_by_sharing_are_bounded(tmp_path: pathlib.Path) -> None:
    long = bytes(range(1, 250)) * 400
    data = bytearray(files.varint(0) * 1 + files.varint(0) + files.varint(len(files.HEADER)) + files.HEADER)
    data += files.varint(0) + files.varint(len(long)) + files.varint(0) + long
    for _ in range(100_000):
        data += files.varint(len(long)) + files.varint(1) + files.varint(0) + b"x"
        long += b"x"
    data += struct.pack("<II", 0, 1) + b"\0"
    first = bytes(data) + struct.pack("<I", files.masked(_saving.crc32c(bytes(data))))
    handles, at = b"", len(first)
    blocks = files.block([(b"\xff", files.varint(0) + files.varint(len(first) - 5))])
    for made in (files.block([]), blocks):
        handles += files.varint(at) + files.varint(len(made) - 5)
        at += len(made)
        first += made
    (tmp_path / "m.index").write_bytes(
        first + handles.ljust(40, b"\0") + struct.pack("<Q", 0xDB4775248B80FB57)
    )
    status, text = read(tmp_path / "m", "x")
    assert status == fc.errors.DATA_LOSS
    assert "the keys take more than" in text


def saved_slice(name: bytes, values: bytes, extents: bytes = b"") -> bytes:
    return files.message(2, files.message(1, name) + files.message(2, extents) + files.message(3, values))


def meta(*tensors: tuple[bytes, list[int], int]) -> bytes:
    described = b"".join(
        files.message(1, files.message(1, n) + files.message(2, files.shape_message(s)) + files.number(3, d))
        for n, s, d in tensors
    )
    return files.message(1, described)


@pytest.mark.parametrize("compressed", [False, True])
def test_version_1_is_read(tmp_path: pathlib.Path, compressed: bool) -> None:
    all_of_one = files.message(1, b"")
    packed = files.message(5, struct.pack("<3f", 1, 2, 3))
    apart = b"".join(files.number(7, v & 2**64 - 1) for v in (1, -2))
    (tmp_path / "v1").write_bytes(
        files.table(
            {
                b"": meta((b"x", [3], 1), (b"n", [2], 3), (b"s", [], 7)),
                b"\0a": saved_slice(b"x", packed, all_of_one),
                b"\0b": saved_slice(b"n", apart, all_of_one),
                b"\0c": saved_slice(b"s", files.message(8, b"text")),
            },
            compressed,
        )
    )
    assert read(tmp_path / "v1", "x").tolist() == [1, 2, 3]
    assert read(tmp_path / "v1", "n").tolist() == [1, -2]
    reader = _saving.open_reader(str(tmp_path / "v1").encode())
    assert _saving.list_tensors(reader)[0] == 1
    assert _saving.read_strings(reader, b"s") == [b"text"]


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ({b"": meta((b"x", [3], 1))}, "has no values of it"),
        ({b"\0a": saved_slice(b"x", b"", files.message(1, b""))}, "no description of its tensors"),
        (
            {b"": meta((b"x", [1], 7)), b"\0a": saved_slice(b"x", files.number(8, 5), files.message(1, b""))},
            "of 1 values",
        ),
        ({b"": meta((b"x", [2**40], 1)), b"\0a": saved_slice(b"x", b"", files.message(1, b""))}, "bytes for"),
        ({b"": meta((b"x", [3], 1)), b"\0a": saved_slice(b"y", b"", files.message(1, b""))}, "not in its"),
        ({b"": meta((b"x", [3], 1)), b"\0a": saved_slice(b"x", b"")}, "not in its description"),
        (
            {
                b"": meta((b"x", [3], 1)),
                b"\0a": saved_slice(b"x", files.message(5, b"1234"), files.message(1, b"")),
            },
            "1 of 3 values",
        ),
    ],
)  # fmt: skip
def test_files_of_version_1_that_say_what_cannot_be(
    tmp_path: pathlib.Path, entries: dict[bytes, bytes], expected: str
) -> None:
    (tmp_path / "v1").write_bytes(files.table(entries))
    status, text = read(tmp_path / "v1", "x")
    assert status == fc.errors.DATA_LOSS
    assert expected in text


def test_what_is_no_checkpoint_is_told(tmp_path: pathlib.Path) -> None:
    (tmp_path / "notes.txt").write_text("hello" * 100)
    assert read(tmp_path / "notes.txt", "x")[0] == fc.errors.DATA_LOSS
    assert "no sorted table" in read(tmp_path / "notes.txt", "x")[1]
    assert read(tmp_path / "nothing", "x")[0] == fc.errors.NOT_FOUND
    assert read(tmp_path, "x")[0] == fc.errors.INVALID_ARGUMENT
