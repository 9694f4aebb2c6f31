"""`python -m flowcore checkpoint`, and safetensors files."""

from __future__ import annotations

import json
import pathlib
import random
import resource
import struct
import sys
import zipfile
from typing import Any

import numpy as np
import pytest

import flowcore as fc
from flowcore import __main__ as command
from flowcore import checkpoint_files

VALUES: dict[str, Any] = {
    "a/b": np.arange(6, dtype=np.float32).reshape(2, 3),
    "scalar": np.array(3, np.int64),
    "empty": np.zeros([0, 2], np.float16),
    "flags": np.array([True, False, True]),
    "c": np.array([1 + 2j], np.complex64),
}


def run(monkeypatch: pytest.MonkeyPatch, *arguments: Any) -> int:
    monkeypatch.setattr(sys, "argv", ["flowcore", "checkpoint", *map(str, arguments)])
    with pytest.raises(SystemExit) as caught:
        command.main()
    return int(caught.value.code or 0)


def test_a_checkpoint_is_listed_and_checked(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint_files.write_checkpoint(
        str(tmp_path / "m"), {**VALUES, "text": np.array([b"x", b"yz"], object)}
    )
    assert run(monkeypatch, tmp_path / "m") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "a/b  float32  [2, 3]"
    assert lines[-1] == "version 2, 6 tensors, 46 bytes; all sums are right"
    data = tmp_path / "m.data-00000-of-00001"
    data.write_bytes(b"\1" + data.read_bytes()[1:])
    assert run(monkeypatch, tmp_path / "m") == 1
    out = capsys.readouterr().out
    assert "is damaged at offset 0: the sum of the 24 bytes" in out
    assert out.endswith("1 cannot be read\n")
    assert run(monkeypatch, tmp_path / "nothing") == 1
    assert capsys.readouterr().err.startswith("NotFoundError: there is no checkpoint")


@pytest.mark.parametrize("suffix", [".safetensors", ".npz"])
def test_files_are_converted_and_back(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], suffix: str
) -> None:
    checkpoint_files.write_checkpoint(str(tmp_path / "m"), VALUES)
    middle, back = tmp_path / f"x{suffix}", tmp_path / "back"
    assert run(monkeypatch, tmp_path / "m", "--to", middle) == 0
    assert run(monkeypatch, middle) == 0
    assert "a/b  float32  [2, 3]" in capsys.readouterr().out
    assert run(monkeypatch, middle, "--to", back) == 0
    reader = fc.train.NewCheckpointReader(back)
    assert sorted(reader.tensors) == sorted(VALUES)
    for name, value in VALUES.items():
        found = reader.get_tensor(name)
        assert np.asarray(found).dtype == value.dtype
        np.testing.assert_array_equal(found, value)


@pytest.mark.parametrize("suffix", [".safetensors", ".npz"])
def test_what_a_format_does_not_have_is_named(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], suffix: str
) -> None:
    checkpoint_files.write_checkpoint(str(tmp_path / "m"), {"text": np.array([b"x"], object)})
    assert run(monkeypatch, tmp_path / "m", "--to", tmp_path / f"x{suffix}") == 1
    assert "text" in capsys.readouterr().err
    assert not (tmp_path / f"x{suffix}").exists()


def test_the_library_of_safetensors_agrees(tmp_path: pathlib.Path) -> None:
    library = pytest.importorskip("safetensors.numpy")
    values = {n: v for n, v in VALUES.items() if n != "c"}
    checkpoint_files.write_safetensors(str(tmp_path / "x.safetensors"), values)
    for name, value in library.load_file(str(tmp_path / "x.safetensors")).items():
        np.testing.assert_array_equal(value, values[name])
    library.save_file(values, str(tmp_path / "y.safetensors"))
    for name, value in checkpoint_files.read_safetensors(str(tmp_path / "y.safetensors")).items():
        np.testing.assert_array_equal(value, values[name])


def of_header(header: Any, data: bytes = b"\0" * 16) -> bytes:
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", "no header"),
        (struct.pack("<Q", 2**60) + b"{}", "should take"),
        (struct.pack("<Q", 2) + b"{]", "no JSON"),
        (of_header([1]), "no object"),
        (struct.pack("<Q", 100_000) + b"[" * 100_000, "no JSON"),
        (struct.pack("<Q", 14) + b'{"x":1,"x":2}  ', "twice"),
        (of_header({"x": {"dtype": "F32"}}), "data_offsets of tensor 'x' is no list of sizes: None"),
        (of_header({"x": 3}), "data_offsets of tensor 'x' is no list of sizes: None"),
        (of_header({"x": {"dtype": "F32", "data_offsets": [0, 16]}}), "shape of tensor 'x' is no list"),
        (of_header({"x": {"dtype": "F32", "shape": "4", "data_offsets": [0, 16]}}), "no list of sizes: 4"),
        (of_header({"x": {"dtype": "F32", "shape": [4.0], "data_offsets": [0, 16]}}), "no list of sizes"),
        (of_header({"x": {"dtype": "F32", "shape": [4], "data_offsets": [0, True]}}), "no list of sizes"),
        (of_header({"x": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16, 16]}}), "not 2"),
        (of_header({"x": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}), "there are 16"),
        (of_header({n: {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]} for n in "xy"}), "its begin"),
        (
            of_header({"x": {"dtype": "F32", "shape": [0, 2**62, 2**62], "data_offsets": [0, 0]}}, b""),
            "shape",
        ),
        (of_header({"x": {"dtype": "F32", "shape": [1] * 70, "data_offsets": [0, 4]}}, b"0000"), "shape"),
        (of_header({"x": {"dtype": "F32", "shape": [5], "data_offsets": [0, 20]}}), "there are 16"),
        (of_header({"x": {"dtype": "F32", "shape": [2**62], "data_offsets": [0, 16]}}), "has 16 bytes"),
        (of_header({"x": {"dtype": "F32", "shape": [-4], "data_offsets": [0, 16]}}), "no list of sizes"),
        (of_header({"x": {"dtype": "F32", "shape": [-1, -4], "data_offsets": [0, 16]}}), "no list of sizes"),
    ],
)
def test_damaged_files_are_refused(tmp_path: pathlib.Path, data: bytes, expected: str) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes(data)
    with pytest.raises(fc.errors.DataLossError, match=expected):
        checkpoint_files.read_safetensors(str(path))


@pytest.mark.parametrize("suffix", [".safetensors", ".npz"])
def test_any_bytes_give_tensors_or_an_error(
    tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str], suffix: str
) -> None:
    checkpoint_files.write_checkpoint(str(tmp_path / "m"), VALUES)
    path = tmp_path / f"x{suffix}"
    checkpoint_files.convert(str(tmp_path / "m"), str(path))
    good = path.read_bytes()
    rng = random.Random(0)
    for _ in range(1000):
        data = bytearray(good)
        for _ in range(rng.randint(1, 3)):
            at = rng.randrange(len(data))
            if rng.random() < 0.1:
                del data[at : at + rng.choice([1, 8, len(data)])]
                data += b"\0"  # never empty
            else:
                data[at] = rng.choice([rng.randrange(256), 0xFF, 0x7F, 0])
        path.write_bytes(data)
        try:
            checkpoint_files.show(str(path))
        except (fc.errors.DataLossError, fc.errors.UnimplementedError):
            pass
    assert capsys.readouterr().out


def test_an_array_of_npz_that_says_it_is_huge_takes_no_memory(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "x.npz"
    np.savez_compressed(path, a=np.zeros(1000, np.uint8))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("a.npy", "w") as member:
        header = {"descr": "|u1", "fortran_order": False, "shape": (2**40,)}
        np.lib.format.write_array_header_1_0(member, header)
        member.write(bytes(1000))
    with pytest.raises(fc.errors.DataLossError, match="'a' cannot have the 1099511627776 bytes"):
        checkpoint_files.show(str(path))


def test_a_conversion_that_fails_leaves_what_was_there(tmp_path: pathlib.Path) -> None:
    checkpoint_files.write_checkpoint(str(tmp_path / "m"), VALUES)
    path = tmp_path / "x.npz"
    checkpoint_files.convert(str(tmp_path / "m"), str(path))
    good = path.read_bytes()
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(good) // 2, limit[1]))
    try:
        with pytest.raises(OSError, match="too large"):
            checkpoint_files.convert(str(tmp_path / "m"), str(path))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert path.read_bytes() == good
    assert not list(tmp_path.glob("*.part-*"))


def test_names_do_not_control_the_terminal(
    tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint_files.write_checkpoint(str(tmp_path / "m"), {"a\x1b[2J": np.array(1)})
    assert checkpoint_files.show(str(tmp_path / "m"))
    assert "a\\x1b[2J  int64" in capsys.readouterr().out
