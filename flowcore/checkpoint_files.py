"""`python -m flowcore checkpoint`: lists and checks checkpoints, and converts them.

Owns: safetensors files, which are a header in JSON and the bytes of all tensors. Nothing in a file is
executed, and no size in it is believed.
"""

from __future__ import annotations

import json
import math
import mmap
import os
import struct
import zipfile
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from flowcore import dtypes, errors
from flowcore.graph.apply import apply
from flowcore.graph.graph import Graph
from flowcore.ops.constant_ops import placeholder
from flowcore.runtime.session import Session
from flowcore.train import checkpoint_state
from flowcore.train.checkpoint_reader import load_checkpoint

__all__: list[str] = []

#: safetensors' names of dtypes.
_NAMES = {
    "F16": "float16", "BF16": "bfloat16", "F32": "float32", "F64": "float64", "I8": "int8", "U8": "uint8",
    "I16": "int16", "U16": "uint16", "I32": "int32", "U32": "uint32", "I64": "int64", "U64": "uint64",
    "BOOL": "bool", "C64": "complex64",
}  # fmt: skip
_MOST_HEADER = 100 << 20
#: What a byte of a compressed file can become; deflate's limit is 1,032.
_MOST_INFLATION = 1040


def _damaged(path: str, offset: int, what: str) -> errors.DataLossError:
    return errors.DataLossError(None, None, f"{path} is damaged at offset {offset}: {what}")


def read_safetensors(path: str) -> dict[str, np.ndarray[Any, Any]]:
    """The tensors of a file; their memory is the file's.

    Raises:
        OSError: it cannot be opened.
        DataLossError: it is no such file, or damaged.
        UnimplementedError: flowcore does not have a dtype.
    """
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size < 8:
            raise _damaged(path, 0, f"there is no header in {size} bytes")
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    (length,) = struct.unpack("<Q", data[:8])
    if length > min(size - 8, _MOST_HEADER):
        raise _damaged(path, 0, f"the header should take {length} bytes, and the file has {size}")
    try:
        header = json.loads(data[8 : 8 + length], object_pairs_hook=_without_doubles)
    except (ValueError, RecursionError) as error:
        raise _damaged(path, 8, f"the header is no JSON: {error}") from None
    if not isinstance(header, dict):
        raise _damaged(path, 8, "the header is no object")
    header.pop("__metadata__", None)
    places = {name: _place(path, name, entry) for name, entry in header.items()}
    end = 0
    for name, (first, last) in sorted(places.items(), key=lambda item: item[1]):
        if first != end or last < first:
            raise _damaged(path, 8, f"tensor '{name}' lies at {first} to {last}; {end} was to be its begin")
        end = last
    if end != size - 8 - length:
        raise _damaged(path, 8 + length, f"the tensors take {end} bytes, and there are {size - 8 - length}")
    return {
        name: _tensor(path, data, 8 + length + places[name][0], name, entry) for name, entry in header.items()
    }


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands there twice")
    return found


def _sizes(path: str, name: str, entry: Any, field: str) -> list[int]:
    found = entry.get(field) if isinstance(entry, dict) else None
    if not isinstance(found, list) or not all(type(n) is int and 0 <= n < 2**63 for n in found):
        raise _damaged(path, 8, f"{field} of tensor '{name}' is no list of sizes: {str(found)[:100]}")
    return found


def _place(path: str, name: str, entry: Any) -> tuple[int, int]:
    found = _sizes(path, name, entry, "data_offsets")
    if len(found) != 2:
        raise _damaged(path, 8, f"data_offsets of tensor '{name}' are {len(found)} numbers, not 2")
    return found[0], found[1]


def _tensor(path: str, data: mmap.mmap, begin: int, name: str, entry: dict[str, Any]) -> np.ndarray[Any, Any]:
    """The tensor of an entry, whose place is inside."""
    kind, shape = entry.get("dtype"), _sizes(path, name, entry, "shape")
    first, last = entry["data_offsets"]
    if not isinstance(kind, str) or kind not in _NAMES:
        raise errors.UnimplementedError(
            None, None, f"{path}: tensor '{name}' is of {str(kind)[:100]}, which flowcore has not"
        )
    dtype = dtypes.as_dtype(_NAMES[kind])
    if math.prod(shape) * dtype.size != last - first:
        raise _damaged(path, begin, f"tensor '{name}' of shape {shape} has {last - first} bytes")
    flat = np.empty(0, dtype.as_numpy_dtype)
    if last > first:
        flat = np.frombuffer(data, dtype.as_numpy_dtype, (last - first) // dtype.size, begin)
    try:
        return flat.reshape(shape)
    except ValueError as error:  # more dimensions than NumPy has, or an empty one beside too large ones
        raise _damaged(path, 8, f"tensor '{name}' has the shape {shape}: {error}") from None


def write_safetensors(path: str, tensors: Mapping[str, np.ndarray[Any, Any]]) -> None:
    """Makes a file with these tensors.

    Raises:
        UnimplementedError: a dtype has no place in it, such as string.
        OSError: it cannot be written.
    """
    names = {dtype: name for name, dtype in _NAMES.items()}
    header: dict[str, Any] = {}
    at = 0
    for name, value in tensors.items():
        kind = names.get(dtypes.as_dtype(value.dtype).name if value.dtype != object else "string")
        if kind is None:
            raise errors.UnimplementedError(
                None, None, f"tensor '{name}' is of dtype {value.dtype}, which safetensors files do not have"
            )
        header[name] = {"dtype": kind, "shape": list(value.shape), "data_offsets": [at, at + value.nbytes]}
        at += value.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)

    def pieces() -> Iterator[Any]:
        yield struct.pack("<Q", len(text)) + text
        for value in tensors.values():
            yield np.ascontiguousarray(value).reshape(-1).view(np.uint8).data

    checkpoint_state.write_whole(path, pieces())


def write_checkpoint(prefix: str, tensors: Mapping[str, np.ndarray[Any, Any]]) -> None:
    """Makes a checkpoint of arrays.

    Raises:
        OpError: it cannot be written.
    """
    with Graph().as_default():
        holders = [
            placeholder(dtypes.string if v.dtype == object else dtypes.as_dtype(v.dtype), v.shape)
            for v in tensors.values()
        ]
        save = apply("SaveV2", prefix, list(tensors), [""] * len(holders), holders)
        with Session() as sess:
            sess.run(save, dict(zip(holders, tensors.values(), strict=True)))


def _read_npz(path: str) -> dict[str, np.ndarray[Any, Any]]:
    with open(path, "rb") as file:
        try:
            with np.load(file, allow_pickle=False) as stored:
                for name in stored.files:
                    _expect_possible(stored.zip, name, os.fstat(file.fileno()).st_size)
                return {name: stored[name] for name in stored.files}
        except Exception as error:  # zipfile, its decoders and NumPy raise whatever comes up there
            text = f"{path} is damaged, or no .npz file: {error or type(error).__name__}"
            raise errors.DataLossError(None, None, text) from error


def _expect_possible(archive: zipfile.ZipFile, name: str, size: int) -> None:
    """NumPy takes memory for as much as a header says: it must fit into a file of this size."""
    member = archive.getinfo(f"{name}.npy" if f"{name}.npy" in archive.NameToInfo else name)
    fmt = np.lib.format
    with archive.open(member) as file:
        read = fmt.read_array_header_1_0 if fmt.read_magic(file) == (1, 0) else fmt.read_array_header_2_0
        shape, _, dtype = read(file)
    wanted = math.prod(shape) * dtype.itemsize
    if wanted > min(member.file_size, min(member.compress_size, size) * _MOST_INFLATION):
        raise ValueError(f"'{name}' cannot have the {wanted} bytes that it says")


class _Sink:
    """What a zip archive is written into, piece by piece."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, piece: Any) -> int:
        self._pieces.append(bytes(piece))
        return len(piece)

    def flush(self) -> None:
        pass

    def take(self) -> list[bytes]:
        taken, self._pieces = self._pieces, []
        return taken


def _npz_pieces(tensors: Mapping[str, np.ndarray[Any, Any]]) -> Iterator[bytes]:
    sink = _Sink()
    with zipfile.ZipFile(sink, "w") as archive:  # type: ignore[call-overload]
        for name, value in tensors.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, value, allow_pickle=False)
            yield from sink.take()
    yield from sink.take()


def _load(path: str) -> dict[str, np.ndarray[Any, Any]]:
    """All tensors of a file of any kind."""
    if path.endswith(".safetensors"):
        return read_safetensors(path)
    if path.endswith(".npz"):
        return _read_npz(path)
    reader = load_checkpoint(path)
    return {name: np.asarray(reader.get_tensor(name)) for name in reader.tensors}


def convert(source: str, target: str) -> int:
    """Writes the tensors of one file to another, each of the kind that its name tells.

    Returns:
        How many they are.
    """
    tensors = _load(source)
    if target.endswith(".safetensors"):
        write_safetensors(target, tensors)
    elif target.endswith(".npz"):
        odd = [n for n, v in tensors.items() if v.dtype == object or v.dtype.name == "bfloat16"]
        if odd:
            raise errors.UnimplementedError(
                None, None, f"tensors {odd} are strings or bfloat16, which .npz files do not have"
            )
        checkpoint_state.write_whole(target, _npz_pieces(tensors))
    else:
        write_checkpoint(target, tensors)
    return len(tensors)


def _shown(name: str) -> str:
    """A name that does not control the terminal."""
    return name if name.isprintable() else repr(name)[1:-1]


def show(path: str) -> bool:
    """Prints what is there and checks every sum. Whether all is well."""
    if path.endswith((".safetensors", ".npz")):
        for name, value in _load(path).items():
            print(f"{_shown(name)}  {value.dtype.name}  {list(value.shape)}")
        return True
    reader = load_checkpoint(path)
    total, problems = 0, []
    for name, tensor in reader.tensors.items():
        print(
            f"{_shown(name)}  {tensor.dtype}  {list(tensor.shape)}"
            + (f"  {len(tensor.parts)} parts" if tensor.parts and reader.version == 2 else "")
        )
        try:
            value = np.asarray(reader.get_tensor(name))
            total += sum(map(len, value.reshape(-1).tolist())) if tensor.dtype == "string" else value.nbytes
        except errors.OpError as error:
            problems.append(error.message)
    for problem in problems:
        print(f"problem: {_shown(problem)}")
    print(
        f"version {reader.version}, {len(reader.tensors)} tensors, {total} bytes;"
        f" {'all sums are right' if not problems else f'{len(problems)} cannot be read'}"
    )
    return not problems
