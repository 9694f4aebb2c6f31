"""The reader of checkpoints under sanitizers, on files that were changed at random."""

from __future__ import annotations

import pathlib
import random
import shutil
import subprocess
import sys
import time

import pytest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE.parent / "fuzz"))
import fuzz_checkpoints  # noqa: E402

SANITIZERS = "address,undefined"


@pytest.mark.sanitizer
@pytest.mark.timeout(200)
@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_no_file_leads_out_of_memory_bounds(compiler: str, tmp_path: pathlib.Path) -> None:
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is not installed")
    program = tmp_path / "read"
    folder = ROOT / "flowcore" / "kernels" / "saving"
    sources = [str(p) for p in sorted(folder.glob("*.c")) if p.name not in ("ops.c", "module.c")]
    flags = ["-O1", "-g", "-D_GNU_SOURCE", f"-fsanitize={SANITIZERS}", "-fno-sanitize-recover=undefined"]
    built = subprocess.run(
        [compiler, *flags, str(HERE / "checkpoint_read.c"), *sources, "-o", str(program), "-lpthread"],
        capture_output=True,
        text=True,
    )
    if built.returncode and "san" in built.stderr and "error:" not in built.stderr.replace("linker", ""):
        pytest.skip(f"{compiler} has no {SANITIZERS} sanitizer here")
    assert built.returncode == 0, built.stderr
    seed = int(time.time() // 86400)
    rng = random.Random(seed)
    prefixes = []
    for i in range(1500):
        prefixes.append(tmp_path / str(i) / "m")
        prefixes[-1].parent.mkdir()
        fuzz_checkpoints.write(rng, prefixes[-1])
    result = subprocess.run(
        [str(program)], input="".join(f"{p}\n" for p in prefixes), capture_output=True, text=True, timeout=150
    )
    assert result.returncode == 0, f"seed {seed}: {result.stderr[:4000]}"
    good, bad = map(int, result.stdout.split())
    assert good
    assert bad
