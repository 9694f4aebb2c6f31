"""Tests of a build under a sanitizer: python tests/sanitize.py address|thread [arguments of pytest].

Builds into build/<sanitizer>/ and runs pytest (tests/engine where nothing is named) with that build
before all others, in processes that tests start too. tests/conftest.py refuses any other build then.
"""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
SUPPRESSIONS = ROOT / "tests" / "native" / "tsan_suppressions.txt"


def runtime_library(sanitizer: str) -> pathlib.Path:
    """What has to be in the process before Python. Exits where gcc has none."""
    name = {"address": "libasan.so", "thread": "libtsan.so"}[sanitizer]
    command = ["gcc", f"-print-file-name={name}"]
    found = pathlib.Path(subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip())
    if not found.is_absolute():
        sys.exit(f"gcc has no {sanitizer} sanitizer here: {name} is missing")
    return found


def build(sanitizer: str, folder: pathlib.Path) -> pathlib.Path:
    """The folder that holds the package, its extensions built under the sanitizer."""
    lib = folder / "lib"
    command = [sys.executable, "setup.py", "-q", "build", "--build-lib", str(lib)]
    command += ["--build-temp", str(folder / "temp")]
    subprocess.run(command, cwd=ROOT, env=os.environ | {"FLOWCORE_SANITIZE": sanitizer}, check=True)
    return lib


def environment(sanitizer: str, lib: pathlib.Path) -> dict[str, str]:
    """Of a process in which that build, and no other, is found."""
    return os.environ | {
        "LD_PRELOAD": str(runtime_library(sanitizer)),
        "PYTHONPATH": str(lib),
        "PYTHONMALLOC": "malloc",  # every block of Python's is the sanitizer's
        "ASAN_OPTIONS": "detect_leaks=0",
        "TSAN_OPTIONS": f"suppressions={SUPPRESSIONS} report_signal_unsafe=0 exitcode=66",
        "FLOWCORE_TEST_BUILD": str(lib),
    }


def main() -> None:
    if len(sys.argv) < 2 or sys.argv[1] not in ("address", "thread"):
        sys.exit(__doc__)
    sanitizer, arguments = sys.argv[1], sys.argv[2:]
    # pytest starts in the build's folder, so that no process finds this folder's package
    arguments = [str(ROOT / a) if (ROOT / a.partition("::")[0]).exists() else a for a in arguments]
    if not any(a.startswith(str(ROOT)) for a in arguments):
        arguments.append(str(ROOT / "tests" / "engine"))
    lib = build(sanitizer, ROOT / "build" / sanitizer)
    command = [sys.executable, "-m", "pytest", "--rootdir", str(ROOT), "-c", str(ROOT / "pyproject.toml")]
    command += ["-p", "no:cacheprovider", "--timeout", "900", "-m", "not sanitizer", *arguments]
    sys.exit(subprocess.run(command, cwd=lib, env=environment(sanitizer, lib), check=False).returncode)


if __name__ == "__main__":
    main()
