"""Runs the OpenCL tests on oclgrind with its checks for races on; it must have nothing to say.
Called by `make test-opencl`.

Out-of-bounds accesses are always checked. Its check for uninitialised values is left off: it does
not follow all that its own compiler makes of valid programs.
"""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        log = pathlib.Path(folder) / "oclgrind.log"
        environment = os.environ | {
            "FLOWCORE_OPENCL": "oclgrind",
            "FLOWCORE_CACHE": "none",
            "OCLGRIND_DATA_RACES": "1",
            "OCLGRIND_LOG": str(log),
        }
        tests = [str(path) for path in sorted(HERE.glob("test_*.py")) if path.stem != "test_programs"]
        result = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", *tests, *sys.argv[1:]], env=environment
        )
        text = log.read_text() if log.exists() else ""
    if result.returncode:
        sys.exit(result.returncode)
    if text.strip():
        sys.exit(f"oclgrind found:\n{text[:5000]}")
    print("oclgrind: nothing found")


if __name__ == "__main__":
    main()
