"""Files between processes: damage anywhere is found, a file that killed a process is not tried again."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from typing import Any

import pytest

from flowcore.opencl import programs, runtimes, stored, tuning

CONTENT = bytes(range(256)) * 40


def _flipped(at: int) -> Callable[[bytes], bytes]:
    return lambda data: data[:at] + bytes([data[at] ^ 1 << at % 8]) + data[at + 1 :]


def _last_bit(data: bytes) -> bytes:
    return data[:-1] + bytes([data[-1] ^ 1])


def _zeroed_page(data: bytes) -> bytes:
    return data[:4096] + bytes(4096) + data[8192:]


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda data: b"",
    "cut in its head": lambda data: data[:20],
    "cut in its content": lambda data: data[:-1],
    "longer": lambda data: data + b"\0",
    "first page zeroed": lambda data: bytes(4096) + data[4096:],
    "second page zeroed": _zeroed_page,
    "last bit": _last_bit,
}


@pytest.fixture
def path(tmp_path: pathlib.Path) -> pathlib.Path:
    stored.write(tmp_path / "new folder" / "file.bin", "key", CONTENT)
    return tmp_path / "new folder" / "file.bin"


def run_child(script: str, *args: object, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), *map(str, args)],
        capture_output=True,
        text=True,
        env=os.environ | environment,
        timeout=100,
    )


# ---- the format ----------------------------------------


def test_what_was_written_is_read_and_nothing_else_lies_there(path: pathlib.Path) -> None:
    assert stored.read(path, "key") == CONTENT
    stored.write(path, "key", b"")
    assert stored.read(path, "key") == b""
    assert [p.name for p in path.parent.iterdir()] == ["file.bin"]
    assert stored.read(path.with_name("another"), "key") is None


def test_what_a_killed_writer_left_goes_when_it_is_a_day_old(path: pathlib.Path) -> None:
    old, fresh = (path.with_name(f"other.bin.{pid}.1.unfinished") for pid in (1, 2))
    for left, age in ((old, 90_000), (fresh, 80_000)):
        left.write_bytes(b"half")
        os.utime(left, (time.time() - age,) * 2)
    assert stored.read(path, "key") == CONTENT
    assert old.exists()
    stored.write(path, "key", CONTENT)
    assert not old.exists()
    assert fresh.exists()
    assert stored.read(path, "key") == CONTENT


def test_a_file_under_another_key_is_refused(path: pathlib.Path) -> None:
    assert stored.read(path, "another key") is None


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
def test_a_damaged_file_is_deleted(path: pathlib.Path, damage: Callable[[bytes], bytes]) -> None:
    path.write_bytes(damage(path.read_bytes()))
    assert stored.read(path, "key") is None
    assert not path.exists()


def test_every_flipped_bit_is_found(path: pathlib.Path) -> None:
    data = path.read_bytes()
    for at in (*range(200), *range(200, len(data), 97)):
        path.write_bytes(_flipped(at)(data))
        assert stored.read(path, "key") is None, f"byte {at}"


# ---- files that kill ----------------------------------------

_DIES_READING = """
    import os, pathlib, sys
    from flowcore.opencl import stored
    with stored.may_read(pathlib.Path(sys.argv[1])) as allowed:
        assert allowed
        os._exit(9)
"""


def test_a_file_that_killed_a_process_is_dropped(path: pathlib.Path) -> None:
    assert run_child(_DIES_READING, path).returncode == 9
    with stored.may_read(path) as allowed:
        assert not allowed
    assert not path.exists()
    stored.write(path, "key", CONTENT)
    with stored.may_read(path) as allowed:
        assert allowed
    assert [p.name for p in path.parent.iterdir()] == ["file.bin"]


def test_a_living_reader_is_not_taken_for_a_dead_one(path: pathlib.Path) -> None:
    script = """
        import pathlib, sys
        from flowcore.opencl import stored
        with stored.may_read(pathlib.Path(sys.argv[1])) as allowed:
            print(allowed)
    """
    with stored.may_read(path) as here, stored.may_read(path) as again:
        assert here
        assert again
        assert run_child(script, path).stdout == "True\n"
    assert path.exists()


def test_a_failing_read_is_no_death(path: pathlib.Path) -> None:
    with pytest.raises(KeyError), stored.may_read(path) as allowed:
        assert allowed
        raise KeyError
    with stored.may_read(path) as allowed:
        assert allowed


def test_without_a_note_nothing_is_read() -> None:
    with stored.may_read(pathlib.Path("/proc/nowhere/file.bin")) as allowed:
        assert not allowed


def test_readers_and_writers_at_once_see_whole_files(path: pathlib.Path) -> None:
    script = """
        import pathlib, sys
        from flowcore.opencl import stored
        path, content = pathlib.Path(sys.argv[1]), bytes(range(256)) * 40
        for _ in range(300):
            stored.write(path, "key", content)
            assert stored.read(path, "key") == content
            with stored.may_read(path) as allowed:
                assert allowed
    """
    children = [
        subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(script), path], stderr=subprocess.PIPE, text=True
        )
        for _ in range(3)
    ]
    assert [child.communicate(timeout=100)[1] for child in children] == ["", "", ""]
    assert [p.name for p in path.parent.iterdir()] == ["file.bin"]


# ---- programs ----------------------------------------


@pytest.fixture
def cached(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Any]:
    """Builds a program as a new process would, with files also where the runtime keeps its own."""
    found = [r for r in runtimes.runtimes() if r.problem is None and not r.is_simulator]
    if not found:
        pytest.skip("no OpenCL device but a simulator")
    cl = pytest.importorskip("pyopencl")
    monkeypatch.setattr("pyopencl.characterize.has_src_build_cache", lambda device: False)
    monkeypatch.setenv("FLOWCORE_CACHE", str(tmp_path))
    device = found[0].handle
    context = cl.Context([device])

    def build() -> programs.Programs:
        kept = programs.Programs(context, device, "-cl-std=CL1.2")
        assert kept.build("elementwise", "FORMULA=Mul T=float32 R=float32") != 0
        return kept

    return build


@pytest.mark.parametrize("damage", [*DAMAGE.values(), _flipped(3000)], ids=[*DAMAGE.keys(), "a bit"])
def test_a_damaged_program_is_built_anew(
    cached: Callable[[], Any], tmp_path: pathlib.Path, damage: Callable[[bytes], bytes]
) -> None:
    assert cached().compiled == 1
    assert cached().compiled == 0
    (file,) = tmp_path.iterdir()
    whole = file.read_bytes()
    file.write_bytes(damage(whole))
    assert cached().compiled == 1
    assert cached().compiled == 0
    assert [p.name for p in tmp_path.iterdir()] == [file.name]


def test_a_program_that_killed_a_process_is_built_anew(
    cached: Callable[[], Any], tmp_path: pathlib.Path
) -> None:
    cached()
    (file,) = tmp_path.iterdir()
    assert run_child(_DIES_READING, file).returncode == 9
    assert cached().compiled == 1
    assert cached().compiled == 0


def test_a_program_that_its_driver_refuses_is_built_anew(
    cached: Callable[[], Any], tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cached()
    monkeypatch.setattr(stored, "read", lambda path, key: b"no program")
    assert cached().compiled == 1
    (file,) = tmp_path.iterdir()
    assert len(file.read_bytes()) > 1000


# ---- measured choices ----------------------------------------


def test_a_damaged_choice_of_tiles_is_none(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOWCORE_CACHE", str(tmp_path))
    file = tuning.store("a device", tuning.Tiles(5, 4))
    assert file is not None
    data = file.read_bytes()
    for at in range(len(data)):
        file.write_bytes(_flipped(at)(data))
        assert tuning.load("a device") == tuning.Tiles()
    assert not file.exists()
