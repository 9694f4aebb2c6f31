"""`python -m flowcore checkpoint`: lists and checks checkpoints, and converts them.

Owns: safetensors files, which are a header in JSON and the bytes of all tensors. Nothing in a file is
executed, and no size in it is believed.
"""

from __future__ import annotations

import json
import mmap
import os
import struct
import zipfile
import zlib
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
        header = json.loads(data[8 : 8 + length])
    except (ValueError, RecursionError) as error:
        raise _damaged(path, 8, f"the header is no JSON: {error}") from None
    if not isinstance(header, dict):
        raise _damaged(path, 8, "the header is no object")
    header.pop("__metadata__", None)
    return {name: _tensor(path, data, 8 + length, name, entry) for name, entry in header.items()}


def _tensor(path: str, data: mmap.mmap, begin: int, name: str, entry: Any) -> np.ndarray[Any, Any]:
    try:
        kind, shape = entry["dtype"], [int(n) for n in entry["shape"]]
        first, last = (int(n) for n in entry["data_offsets"])
    except (TypeError, KeyError, ValueError, OverflowError):
        raise _damaged(path, 8, f"the entry of tensor '{name}' is malformed") from None
    if kind not in _NAMES:
        raise errors.UnimplementedError(
            None, None, f"{path}: tensor '{name}' is of {kind}, which flowcore has not"
        )
    dtype = dtypes.as_dtype(_NAMES[kind])
    count = 1
    for n in shape:
        count *= n
    if min([0, *shape]) < 0 or len(shape) > 64 or not 0 <= first <= last <= len(data) - begin:
        raise _damaged(path, begin, f"the place of tensor '{name}' is not inside")
    if count * dtype.size != last - first:
        raise _damaged(path, begin + first, f"tensor '{name}' of shape {shape} has {last - first} bytes")
    flat = (
        np.frombuffer(data, dtype.as_numpy_dtype, count, begin + first)
        if count
        else np.empty(0, dtype.as_numpy_dtype)
    )
    return flat.reshape(shape)


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


def _load(path: str) -> dict[str, np.ndarray[Any, Any]]:
    """All tensors of a file of any kind."""
    if path.endswith(".safetensors"):
        return read_safetensors(path)
    if path.endswith(".npz"):
        try:
            with np.load(path, allow_pickle=False) as stored:
                return {name: stored[name] for name in stored.files}
        except (zipfile.BadZipFile, EOFError, zlib.error) as error:
            raise errors.DataLossError(None, None, f"{path} is damaged: {error}") from None
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
        np.savez(target, **tensors)  # type: ignore[arg-type]
    else:
        write_checkpoint(target, tensors)
    return len(tensors)


def show(path: str) -> bool:
    """Prints what is there and checks every sum. Whether all is well."""
    if path.endswith((".safetensors", ".npz")):
        for name, value in _load(path).items():
            print(f"{name}  {value.dtype.name}  {list(value.shape)}")
        return True
    reader = load_checkpoint(path)
    total, problems = 0, []
    for name, tensor in reader.tensors.items():
        print(
            f"{name}  {tensor.dtype}  {list(tensor.shape)}"
            + (f"  {len(tensor.parts)} parts" if tensor.parts and reader.version == 2 else "")
        )
        try:
            value = np.asarray(reader.get_tensor(name))
            total += sum(map(len, value.reshape(-1).tolist())) if tensor.dtype == "string" else value.nbytes
        except errors.OpError as error:
            problems.append(error.message)
    for problem in problems:
        print(f"problem: {problem}")
    print(
        f"version {reader.version}, {len(reader.tensors)} tensors, {total} bytes;"
        f" {'all sums are right' if not problems else f'{len(problems)} cannot be read'}"
    )
    return not problems
