"""Runs one C kernel on NumPy arrays through `kernel_host.c`, without the engine: unit tests of kernels alone.

host = KernelHost(["flowcore/kernels/array.c"], tables=["fc_array_kernels"])
(out,) = host.run("Tile", [x, np.array([2, 1], np.int32)], attrs={}, types={"T": "float32"})
"""

from __future__ import annotations

import ctypes as C
import hashlib
import os
import pathlib
import struct
import subprocess
import tempfile
from collections.abc import Mapping, Sequence

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
INLINE_DIMS = 8
ABI = int((ROOT / "flowcore/_kernel.h").read_text().split("#define FC_ABI ")[1].split()[0], 0)
CODES = {
    "float32": 1,
    "float64": 2,
    "int32": 3,
    "uint8": 4,
    "int16": 5,
    "int8": 6,
    "string": 7,
    "complex64": 8,
    "int64": 9,
    "bool": 10,
    "bfloat16": 14,
    "uint16": 17,
    "complex128": 18,
    "float16": 19,
    "resource": 20,
    "variant": 21,
    "uint32": 22,
    "uint64": 23,
}
NAMES = {code: name for name, code in CODES.items()}


LONG = 0xFF


def _element(text: C.Array[C.c_char]) -> bytes:
    """A string as the 16 bytes of fc_string; a long one points to `text`."""
    value = text.raw[:-1]
    if len(value) <= 15:
        return value.ljust(15, b"\0") + bytes([len(value)])
    return struct.pack("<QQ", C.addressof(text), len(value) | LONG << 56)


def _text(element: bytes) -> bytes:
    if element[15] != LONG:
        return element[: element[15]]
    address, size = struct.unpack("<QQ", element)
    return C.string_at(address, size & ~(LONG << 56))


class Buffer(C.Structure):
    _fields_ = [
        ("refs", C.c_int32),
        ("flags", C.c_uint32),
        ("data", C.c_void_p),
        ("capacity", C.c_size_t),
        ("device", C.c_void_p),
        ("owner", C.c_void_p),
    ]


class Sizes(C.Union):
    _fields_ = [("here", C.c_int64 * INLINE_DIMS), ("away", C.POINTER(C.c_int64))]


class Tensor(C.Structure):
    _fields_ = [
        ("buffer", C.POINTER(Buffer)),
        ("offset", C.c_int64),
        ("size", C.c_int64),
        ("dtype", C.c_int32),
        ("ndim", C.c_int32),
        ("sizes", Sizes),
    ]

    @property
    def shape(self) -> tuple[int, ...]:
        sizes = self.sizes.here if self.ndim <= INLINE_DIMS else self.sizes.away
        return tuple(sizes[: self.ndim])


class Attr(C.Structure):
    _fields_ = [
        ("i", C.c_int64),
        ("f", C.c_double),
        ("s", C.c_char_p),
        ("n", C.c_int64),
        ("ints", C.POINTER(C.c_int64)),
        ("floats", C.POINTER(C.c_double)),
        ("strings", C.c_void_p),
        ("shapes", C.c_void_p),
        ("tensors", C.c_void_p),
    ]


class KernelDef(C.Structure):
    _fields_ = [
        ("op", C.c_char_p),
        ("types", C.c_char_p),
        ("attrs", C.c_char_p),
        ("flags", C.c_uint32),
        ("host_in", C.c_uint32),
        ("host_out", C.c_uint32),
        ("fn", C.c_void_p),
    ]


class KernelTable(C.Structure):
    _fields_ = [
        ("abi", C.c_uint32),
        ("device", C.c_char_p),
        ("count", C.c_int64),
        ("defs", C.POINTER(KernelDef)),
    ]


class KernelError(Exception):
    """A kernel returned a status other than OK: `code` and the message."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"[{code}] {message}")
        self.code = code


def dtype_name(array: np.ndarray) -> str:
    return "string" if array.dtype == object else array.dtype.name


class KernelHost:
    """Compiles `sources` with the host and finds the kernels of `tables` (names of fc_kernel_table
    symbols).
    """

    def __init__(self, sources: Sequence[str], tables: Sequence[str], flags: Sequence[str] = ()) -> None:
        files = [str(ROOT / s) for s in sources] + [str(ROOT / "tests/native/kernel_host.c")]
        command = [
            "cc",
            "-shared",
            "-fPIC",
            "-O2",
            "-g",
            "-ffp-contract=off",
            "-DFC_NO_CLONES",
            "-I",
            str(ROOT),
            *flags,
            *files,
            "-lm",
            "-lpthread",
        ]
        key = hashlib.sha256(" ".join(command).encode())
        for path in (
            sorted(ROOT.glob("flowcore/**/*.[ch]"))
            + sorted(f for f in ROOT.glob("opencl_kernels/**/*") if f.is_file())
            + [ROOT / files[-1]]
        ):
            key.update(path.read_bytes())
        library = (
            pathlib.Path(tempfile.gettempdir()) / f"flowcore_kernels_{os.getuid()}_{key.hexdigest()[:16]}.so"
        )
        if not library.exists():
            partial = library.with_suffix(f".{os.getpid()}")
            subprocess.run([*command, "-o", str(partial)], check=True)
            partial.replace(library)
        self.lib = C.CDLL(str(library))
        self.defs: list[KernelDef] = []
        for table in tables:
            t = KernelTable.in_dll(self.lib, table)
            assert t.abi == ABI
            self.defs += [t.defs[i] for i in range(t.count)]

    @property
    def live_buffers(self) -> int:
        return C.c_int64.in_dll(self.lib, "host_live_buffers").value

    def find(self, op: str, types: Mapping[str, str]) -> KernelDef:
        for d in self.defs:
            wanted = dict(part.split(":") for part in d.types.decode().split(";") if part)
            if d.op.decode() == op and all(
                types.get(k) in v.split(",") for k, v in wanted.items() if k in types
            ):
                return d
        raise KeyError(f"no kernel {op} for {dict(types)}")

    def run(
        self,
        op: str,
        inputs: Sequence[np.ndarray],
        attrs: Mapping[str, object] | None = None,
        types: Mapping[str, str] | None = None,
        outputs: int = 1,
        forward: bool = False,
    ) -> list[np.ndarray]:
        """`types` defaults to {"T": dtype of the first input}. Raises KernelError. bfloat16 needs
        ml_dtypes.
        """
        inputs = [np.ascontiguousarray(x).reshape(np.shape(x)) for x in inputs]
        if types is None:
            types = {"T": dtype_name(inputs[0])} if inputs else {}
        definition = self.find(op, types)
        tensors, data, keep = (Tensor * len(inputs))(), (C.c_void_p * len(inputs))(), []
        for i, x in enumerate(inputs):
            name = dtype_name(x)
            if name == "string":
                keep.append(texts := [C.create_string_buffer(bytes(v)) for v in x.ravel()])
                x_data = np.frombuffer(b"".join(map(_element, texts)), np.uint8)
            else:
                x_data = x
            keep.append(x_data)
            tensors[i].size, tensors[i].dtype, tensors[i].ndim = x.size, CODES[name], x.ndim
            if x.ndim <= INLINE_DIMS:
                tensors[i].sizes.here[: x.ndim] = x.shape
            else:
                keep.append(sizes := (C.c_int64 * x.ndim)(*x.shape))
                tensors[i].sizes.away = sizes
            data[i] = x_data.ctypes.data
        packed = self._pack(definition.attrs.decode().split(), {**(attrs or {}), **types}, keep)
        out = (Tensor * max(outputs, 1))()
        message = C.create_string_buffer(1024)
        last_use = (C.c_int * len(inputs))(*[int(forward)] * len(inputs))
        code = self.lib.host_run(
            C.byref(definition), len(inputs), tensors, data, last_use, outputs, out, packed, None, message
        )
        try:
            if code:
                raise KernelError(code, message.value.decode())
            return [self._array(out[i]) for i in range(outputs)]
        finally:
            self.lib.host_release(outputs, out)

    @staticmethod
    def _pack(names: Sequence[str], values: Mapping[str, object], keep: list) -> C.Array:
        packed = (Attr * max(len(names), 1))()
        for a, name in zip(packed, names, strict=False):
            value = values.get(name)
            if isinstance(value, str) and value in CODES and name not in ("padding", "data_format"):
                value = CODES[value]
            if value is None:
                a.n = -1
            elif isinstance(value, (str, bytes)):
                a.s = value.encode() if isinstance(value, str) else value
                a.n = len(a.s)
            elif isinstance(value, (list, tuple)):
                a.n = len(value)
                if any(isinstance(v, float) for v in value):
                    a.floats = (C.c_double * len(value))(*value)
                else:
                    a.ints = (C.c_int64 * len(value))(*[-1 if v is None else int(v) for v in value])
            else:
                a.i, a.f = int(value), float(value)
        keep.append(packed)
        return packed

    @staticmethod
    def _array(t: Tensor) -> np.ndarray:
        name, shape = NAMES[t.dtype], t.shape
        if name == "bfloat16":
            import ml_dtypes

            dtype = np.dtype(ml_dtypes.bfloat16)
        else:
            dtype = np.dtype({"string": "V16", "resource": np.uint64}.get(name, name))
        if not t.buffer:
            return np.empty(shape, object if name == "string" else dtype)
        address = t.buffer.contents.data + t.offset
        raw = np.frombuffer((C.c_char * (t.size * dtype.itemsize)).from_address(address), dtype, t.size)
        if name != "string":
            return raw.reshape(shape).copy()
        out = np.empty(t.size, object)
        for i, element in enumerate(raw):
            out[i] = _text(bytes(element))
        return out.reshape(shape)
