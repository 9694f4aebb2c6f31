"""Runs every workload with flowcore and, where they are installed, TensorFlow's graph mode and PyTorch, and prints medians and ratios.

    python examples/benchmarks/run.py [--rounds N] [--peer-python PYTHON] [WORKLOAD ...]

A workload is a folder with graph_mode.py: `prepare(tf)` builds the same graph through flowcore or TensorFlow, because the names are the same. Some have
torch_mode.py beside it. Each side runs
in a process of its own; rounds alternate between them, so that a machine whose speed drifts treats both alike. Memory is what the process's
peak grew by from just after the import; import time is that of a fresh process, without what NumPy's import costs.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import pathlib
import statistics
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
WORKLOADS = ["one_op", "chain", "fan", "random_dag", "queue_pair", "producers", "feed_fetch", "mlp", "convnet"]
PEERS = ["flowcore", "tensorflow", "torch"]


def load(workload: str, mode: str = "graph_mode"):
    spec = importlib.util.spec_from_file_location(workload, HERE / workload / f"{mode}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def worker(workload: str, peer: str) -> None:
    """Serves rounds: a line in, a time per unit out."""
    import resource

    if peer == "torch":
        import torch

        torch.set_num_threads(len(os.sched_getaffinity(0)))
    elif peer == "flowcore":
        import flowcore as tf
    else:
        import tensorflow.compat.v1 as tf

        tf.disable_eager_execution()
    base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    run, n, scale = load(workload, "torch_mode").prepare() if peer == "torch" else load(workload).prepare(tf)
    run(max(1, n // 5))
    print("ready", flush=True)
    for _ in sys.stdin:
        begin = time.perf_counter()
        run(n)
        seconds = time.perf_counter() - begin
        print(seconds / n * scale, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - base) / 1024, flush=True)


def start(python: str, workload: str, peer: str) -> subprocess.Popen[str] | None:
    process = subprocess.Popen(
        [python, __file__, "--worker", workload, peer], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    if process.stdout.readline() == "ready\n":
        return process
    process.wait()
    return None


def import_time(python: str, module: str, rounds: int) -> float:
    source = f"import time, numpy; t = time.perf_counter(); import {module}; print(time.perf_counter() - t)"
    return statistics.median(float(subprocess.run([python, "-c", source], capture_output=True, text=True, check=True).stdout) for _ in range(rounds)) * 1e3


def main() -> None:
    if sys.argv[1:2] == ["--worker"]:
        worker(*sys.argv[2:])
        return
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("workloads", nargs="*", default=WORKLOADS)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--peer-python", default=sys.executable, help="the interpreter of an environment where the peer is installed")
    args = parser.parse_args()
    pythons = {"flowcore": sys.executable, "tensorflow": args.peer_python, "torch": args.peer_python}
    print("| workload | flowcore | TensorFlow | ratio | PyTorch | ratio | memory |\n|---|---|---|---|---|---|---|")
    for workload in args.workloads:
        unit = load(workload).UNIT
        there = [p for p in PEERS if p != "torch" or (HERE / workload / "torch_mode.py").exists()]
        sides = {p: s for p in there if (s := start(pythons[p], workload, p)) is not None}
        times: dict[str, list[float]] = {p: [] for p in sides}
        memory = dict.fromkeys(sides, 0.0)
        for _ in range(args.rounds):
            for peer, process in sides.items():
                process.stdin.write("go\n")
                process.stdin.flush()
                value, memory[peer] = map(float, process.stdout.readline().split())
                times[peer].append(value)
        for process in sides.values():
            process.stdin.close()
            process.wait()
        median = {p: statistics.median(t) for p, t in times.items()}
        cells = [f"{median['flowcore']:.3g} {unit}"]
        for peer in PEERS[1:]:
            known = peer in median
            cells += [
                f"{median[peer]:.3g}" if known else "",
                f"{statistics.median(a / b for a, b in zip(times['flowcore'], times[peer])):.3f}" if known else "",
            ]
        grown = ", ".join(f"{p} {memory[p]:.0f} MB" for p in sides)
        print(f"| {workload} | {' | '.join(cells)} | {grown} |", flush=True)
    ours = import_time(pythons["flowcore"], "flowcore", 5)
    try:
        theirs = import_time(pythons["tensorflow"], "tensorflow", 3)
        print(f"| import, beyond NumPy | {ours:.0f} ms | {theirs:.0f} ms | {ours / theirs:.3f} | | | |")
    except subprocess.CalledProcessError:
        print(f"| import, beyond NumPy | {ours:.0f} ms | not installed | | | | |")


if __name__ == "__main__":
    main()
