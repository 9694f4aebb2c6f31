"""What threads do to each other, node by node: atomic writes, lines of the cache that move between
threads, locks, waits for locks, sleeps.

Builds the engine once more with counters in it (_counting.h), beside a copy of the package, and
runs graphs with more threads than there are processors. The counts do not depend on the clock, so
that they say what a machine of many processors would do: a cost per node that grows with the
threads would show here.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import pathlib
import resource
import shutil
import subprocess
import sys
import tempfile

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(pathlib.Path(__file__).parent / "scheduler"))
NAMES = ("atomic writes", "moved lines", "locks", "lock waits")
THREADS = (1, 2, 8, 32)


def build(folder: pathlib.Path) -> None:
    """A package in `folder` whose engine counts."""
    shutil.copytree(ROOT / "flowcore", folder / "flowcore", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "opencl_kernels", folder / "opencl_kernels")
    command = [
        sys.executable,
        "setup.py",
        "-q",
        "build_ext",
        "--build-lib",
        str(folder),
        "--build-temp",
        str(folder / "build"),
        "--force",
    ]
    subprocess.run(
        command, cwd=ROOT, env={**os.environ, "FLOWCORE_ONLY": "_engine", "CFLAGS": "-DFC_COUNT"}, check=True
    )


def measure(shape: str, nodes: int, elements: int, runs: int) -> None:
    """Prints a row for each number of threads."""
    import shapes

    import flowcore as fc
    from flowcore import _engine

    counts = (ctypes.c_int64 * len(NAMES)).in_dll(ctypes.CDLL(_engine.__file__), "fc_counts")
    for threads in THREADS:
        with fc.Graph().as_default():
            x = fc.placeholder(fc.float32, [elements])
            made: list[fc.Tensor] = []
            for a, b in shapes.inputs(shape, nodes).tolist():
                made.append(fc.minimum(made[a] if a >= 0 else x, made[b] if b >= 0 else x))
            options = fc.OptimizerOptions(opt_level=fc.OptimizerOptions.L0)
            config = fc.ConfigProto(
                inter_op_parallelism_threads=threads,
                use_per_session_threads=True,
                graph_options=fc.GraphOptions(optimizer_options=options),
            )
            with fc.Session(config=config) as sess:
                call = sess.make_callable(
                    fc.group(*(made if shape == "fan" else made[-shapes.WINDOW :])), [x]
                )
                value = np.ones(elements, np.float32)
                for _ in range(3):
                    call(value)
                before, slept = list(counts), resource.getrusage(resource.RUSAGE_SELF).ru_nvcsw
                for _ in range(runs):
                    call(value)
                each = [(now - then) / runs / nodes for now, then in zip(counts, before, strict=True)]
                sleeps = (resource.getrusage(resource.RUSAGE_SELF).ru_nvcsw - slept) / runs / nodes
        print(
            f"| {shape} of {nodes:,}, {elements:,} floats | {threads} | "
            + " | ".join(f"{n:.3f}" for n in (*each, sleeps))
            + " |",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)  # within the copy
    args = parser.parse_args()
    if not args.measure:
        with tempfile.TemporaryDirectory() as folder:
            build(pathlib.Path(folder))
            command = [sys.executable, __file__, "--measure", "--runs", str(args.runs)]
            subprocess.run(command, env={**os.environ, "PYTHONPATH": folder}, check=True)
        return
    print(f"| graph | threads | {' | '.join(NAMES)} | sleeps |\n|{'---|' * (len(NAMES) + 3)}")
    for elements in (1, 16384):
        for shape, nodes in (("chain", 1000), ("fan", 1000), ("random graph", 10000)):
            measure(shape, nodes, elements, args.runs)


if __name__ == "__main__":
    main()
