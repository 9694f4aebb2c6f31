"""The scheduler's mechanism, the stores of free blocks and of shapes, and the threads for files, each
alone: under sanitizers, with each compiler, with futexes and with the portable fallback.
"""

from __future__ import annotations

import pathlib
import shutil
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent


@pytest.mark.sanitizer
@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("sanitizer", ["thread", "address,undefined"])
@pytest.mark.parametrize(
    ("source", "options"),
    [
        ("sync_stress.c", []),
        ("sync_stress.c", ["-DFC_NO_FUTEX"]),
        ("blocks_stress.c", []),
        ("io_stress.c", []),
        ("shapes_stress.c", []),
    ],
)
def test_nothing_is_lost_repeated_or_missed(
    compiler: str, sanitizer: str, source: str, options: list[str], tmp_path: pathlib.Path
) -> None:
    if shutil.which(compiler) is None or sys.platform == "win32":
        pytest.skip(f"{compiler} is not installed")
    program = tmp_path / "stress"
    flags = ["-O1", "-g", f"-fsanitize={sanitizer}", *options]
    built = subprocess.run(
        [compiler, *flags, str(HERE / source), "-o", str(program), "-lpthread"],
        capture_output=True,
        text=True,
    )
    if built.returncode and "san" in built.stderr and "error:" not in built.stderr.replace("linker", ""):
        pytest.skip(f"{compiler} has no {sanitizer} sanitizer here")
    assert built.returncode == 0, built.stderr
    result = subprocess.run([str(program)], capture_output=True, text=True, timeout=100)
    assert result.returncode == 0, result.stderr[:4000]
    assert result.stdout == "done\n"
