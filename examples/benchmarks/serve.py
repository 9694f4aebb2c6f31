"""One side of one row in a process of its own: prepares, says so, then serves rounds. compare.py starts it.

A line with a number of calls in; a line with the seconds they took and the megabytes by which the
peak memory has grown since the import out.
"""

from __future__ import annotations

import importlib
import importlib.util
import pathlib
import re
import sys
import time
from types import ModuleType
from typing import Any

import sides
from workload import Row

HERE = pathlib.Path(__file__).resolve().parent
STATUS = pathlib.Path("/proc/self/status")


def load(folder: str, name: str) -> ModuleType:
    """A file of a workload's folder, which may import its neighbours."""
    path = HERE / folder / f"{name}.py"
    sys.path.insert(0, str(path.parent))
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def graph_library(side: str, row: Row, threads: int) -> tuple[ModuleType, Any]:
    """flowcore or TensorFlow's graph mode, and the configuration of the row's session."""
    if side == "tensorflow":
        tf = importlib.import_module("tensorflow.compat.v1")
        tf.disable_eager_execution()
    else:
        tf = importlib.import_module("flowcore")
    config = tf.ConfigProto(inter_op_parallelism_threads=threads, intra_op_parallelism_threads=threads)
    if not row.optimise:
        config.graph_options.optimizer_options.opt_level = tf.OptimizerOptions.L0
        if side == "tensorflow":
            config.graph_options.rewrite_options.disable_meta_optimizer = True
    return tf, config


def megabytes(field: str) -> float:
    """VmRSS (now) or VmHWM (the peak) of this process; 0 where /proc is missing."""
    found = re.search(rf"{field}:\s+(\d+) kB", STATUS.read_text()) if STATUS.exists() else None
    return int(found[1]) / 1024 if found else 0.0


def forget_peak() -> None:
    """The peak from here on, not the import's own."""
    if STATUS.exists():
        pathlib.Path("/proc/self/clear_refs").write_text("5")


def main(side: str, folder: str, key: str, threads: int) -> None:
    row: Row = load(folder, "rows").ROWS[key]
    library: tuple[Any, ...] = ()
    if side in ("flowcore", "tensorflow"):
        library = graph_library(side, row, threads)
    elif side == "torch":
        importlib.import_module("torch").set_num_threads(threads)
    elif side in ("jax", "onnxruntime"):
        importlib.import_module(side)
    elif side == "numpy":
        importlib.import_module("numpy")
    forget_peak()
    base = megabytes("VmRSS")
    mode = sides.program(HERE / folder, side)
    assert mode is not None
    extra = {"threads": threads} if side in ("onnxruntime", "taskflow") else {}
    run = load(folder, mode).prepare(*library, **extra, **row.arguments)
    run(1)
    print("ready", flush=True)
    for line in sys.stdin:
        calls = int(line)
        run(row.prefetched)
        begin = time.perf_counter()
        run(calls)
        print(time.perf_counter() - begin, megabytes("VmHWM") - base, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
