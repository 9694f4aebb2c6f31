"""Tables and devices of other versions of the kernels' interface, in capsules made by hand."""

from __future__ import annotations

import ctypes as C
from typing import Any

import pytest

from flowcore import _engine

MAJOR, MINOR = _engine.ABI >> 16, _engine.ABI & 0xFFFF
_new_capsule = C.pythonapi.PyCapsule_New
_new_capsule.restype = C.py_object
_new_capsule.argtypes = [C.c_void_p, C.c_char_p, C.c_void_p]


class Table(C.Structure):
    _fields_ = [("abi", C.c_uint32), ("device", C.c_char_p), ("count", C.c_int64), ("defs", C.c_void_p)]


class Device(C.Structure):
    _fields_ = [("abi", C.c_uint32), ("name", C.c_char_p), ("rest", C.c_void_p * 16)]


KINDS: dict[str, Any] = {
    "flowcore.kernel_table": (Table, lambda capsule: _engine.load_kernels([capsule])),
    "flowcore.device": (Device, lambda capsule: _engine.Device(capsule)),
}
NAMES = {kind: kind.encode() for kind in KINDS}  # capsules point to them


def load(kind: str, major: int, minor: int) -> Any:
    structure, loader = KINDS[kind]
    made = structure(major << 16 | minor, b"CPU")
    return loader(_new_capsule(C.addressof(made), NAMES[kind], None))


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_made_for_this_version_or_an_older_minor_one_loads(kind: str) -> None:
    for minor in range(MINOR + 1):
        load(kind, MAJOR, minor)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("major", "minor", "remedy"),
    [
        (MAJOR, MINOR + 1, "install a newer flowcore"),
        (MAJOR + 1, 0, "rebuild the extension"),
        (MAJOR - 1, MINOR, "rebuild the extension"),
        (0, 4, "rebuild the extension"),
    ],
)
def test_another_major_or_a_newer_minor_version_is_refused(
    kind: str, major: int, minor: int, remedy: str
) -> None:
    expected = f"version {major}.{minor} of the kernels' interface, this engine has {MAJOR}.{MINOR}: {remedy}"
    with pytest.raises(ImportError, match=expected):
        load(kind, major, minor)


def test_members_that_a_device_was_built_without_are_not_read() -> None:
    for version in range(MAJOR << 16, _engine.ABI + 1):
        made = Device(version, b"CPU", (C.c_void_p * 16)(*[1] * 16))
        device = _engine.Device(_new_capsule(C.addressof(made), NAMES["flowcore.device"], None))
        assert device.keeps_lists == (version >= 0x60001)
