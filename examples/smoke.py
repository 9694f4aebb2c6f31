"""Runs every example for a moment: they must work, from a terminal, as written."""

from __future__ import annotations

import pathlib
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
EXAMPLES = [
    ("linear_regression.py", []),
    ("mlp.py", ["--epochs", "2"]),
    ("two_devices.py", ["--split", "model", "--epochs", "2"]),
    ("two_devices.py", ["--split", "batch", "--epochs", "2"]),
    ("mandelbrot.py", ["--size", "120", "--iterations", "30"]),
    ("wave_equation.py", ["--size", "60", "--steps", "60"]),
    ("beam_search.py", ["--width", "4"]),
    ("train_images.py", ["--data", "digits", "--epochs", "3"]),
]
BENCHMARKS = [
    ("benchmarks/compare.py", ["--sides", "flowcore", "numpy", "--rounds", "1", "--seconds", "0.01"]),
    ("benchmarks/kernels/linalg.py", ["--rounds", "1", "--only", "32x64x64"]),
]


def main() -> None:
    with tempfile.TemporaryDirectory() as output:
        for name, arguments in [
            *((name, [*arguments, "--output", output]) for name, arguments in EXAMPLES),
            *BENCHMARKS,
        ]:
            begin = time.perf_counter()
            result = subprocess.run(
                [sys.executable, str(HERE / name), *arguments], capture_output=True, text=True, timeout=300
            )
            print(
                f"{name}: {'ok' if result.returncode == 0 else 'FAILED'} in {time.perf_counter() - begin:.1f}"
                f" s; {result.stdout.strip().splitlines()[-1:]}"
            )
            if result.returncode:
                sys.exit(result.stdout + result.stderr)


if __name__ == "__main__":
    main()
