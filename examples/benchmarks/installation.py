"""What an installation costs: the time of an import, and the bytes on disk without dependencies."""

from __future__ import annotations

import os
import pathlib
import statistics
import subprocess
import sys
from typing import Any

import processor
import sides

MODULES = {"flowcore": "flowcore", "tensorflow": "tensorflow", "torch": "torch", "jax": "jax"}
# what is installed from a source tree; anything else there is not
BUILT = {".py", ".pyi", ".so", ".h", ".pxd", ".def", ".cl", ".typed"}
SECONDS = "import time{first}; t = time.perf_counter(); import {module}; print(time.perf_counter() - t)"
FOLDERS = "import {module}, os, sys; print(os.path.dirname({module}.__file__))"


def _python(python: str, source: str) -> str:
    # compiled once, as an installed package is
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return subprocess.run(
        [python, "-c", source], capture_output=True, text=True, check=True, env=environment
    ).stdout.split("\n")[-2]


def import_seconds(python: str, module: str, after_numpy: bool, rounds: int) -> float:
    source = SECONDS.format(module=module, first=", numpy" if after_numpy else "")
    return statistics.median([float(_python(python, source)) for _ in range(rounds + 1)][1:])


def megabytes(python: str, module: str) -> float:
    """The files of a module's own folder."""
    folder = pathlib.Path(_python(python, FOLDERS.format(module=module)))
    files = [f for f in folder.rglob("*") if f.is_file() and "__pycache__" not in f.parts]
    if module == "flowcore":
        files = [f for f in files + list((folder.parent / "opencl_kernels").glob("*")) if f.suffix in BUILT]
    return sum(f.stat().st_size for f in files) / 1e6


def table(there: dict[str, str], rounds: int) -> dict[str, Any]:
    """Prints and returns it."""
    print(f"Processor: {processor.describe()}.\n")
    print("| | import, ms | import after NumPy's, ms | installed, MB |\n|---|---|---|---|")
    found: dict[str, Any] = {
        "numpy": {"import_ms": import_seconds(sys.executable, "numpy", False, rounds) * 1e3}
    }
    print(f"| NumPy | {found['numpy']['import_ms']:.0f} | | |", flush=True)
    for side, module in MODULES.items():
        if side not in there:
            continue
        total, beyond = (import_seconds(there[side], module, after, rounds) * 1e3 for after in (False, True))
        size = megabytes(there[side], module)
        found[side] = {"import_ms": total, "import_beyond_numpy_ms": beyond, "installed_mb": size}
        print(f"| {sides.LABELS[side]} | {total:.0f} | {beyond:.0f} | {size:.1f} |", flush=True)
    print()
    return found
