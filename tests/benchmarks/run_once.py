"""Runs the programs of benchmarks' workloads once, in this process: a line of JSON for each row and side.

python run_once.py FOLDER_OF_BENCHMARKS
"""

from __future__ import annotations

import json
import os
import pathlib
import sys
import time
import traceback
from typing import Any

HERE = pathlib.Path(sys.argv[1]).resolve()
sys.path.insert(0, str(HERE))
import serve  # noqa: E402 (of the benchmarks)
import sides  # noqa: E402
from workload import Row  # noqa: E402

import flowcore as fc  # noqa: E402


def is_small(row: Row) -> bool:
    return not row.large and not row.busy and row.arguments.get("nodes", 0) <= 1000


#: What runs one more call; files that a program reads stay as long as it.
kept: list[Any] = []


def run(folder: str, side: str, row: Row) -> None:
    """As serve.py does, but for the clocks."""
    mode = sides.program(HERE / folder, side)
    assert mode is not None
    library = serve.graph_library(side, row, row.thread_count) if side == "flowcore" else ()
    with fc.Graph().as_default():
        kept.append(serve.load(folder, mode).prepare(*library, **row.arguments))
        kept[-1](1)


def forget(folder: str) -> None:
    """Folders have files of the same names."""
    sys.path[:] = [path for path in sys.path if path != str(HERE / folder)]
    for name, module in list(sys.modules.items()):
        if str(HERE / folder) in (getattr(module, "__file__", None) or ""):
            del sys.modules[name]


def main() -> None:
    for path in sorted(HERE.glob("*/rows.py")):
        folder = path.parent.name
        rows = serve.load(folder, "rows").ROWS
        for key, row in rows.items():
            for side in ("flowcore", "numpy"):
                if not is_small(row) or sides.program(path.parent, side) is None:
                    continue
                begin, error = time.perf_counter(), ""
                try:
                    run(folder, side, row)
                except Exception:
                    error = traceback.format_exc()
                result = {"row": f"{folder} {key} {side}".replace("  ", " "), "error": error}
                print(json.dumps(result | {"seconds": time.perf_counter() - begin}), flush=True)
        forget(folder)


main()
sys.stdout.flush()
os._exit(0)  # queue runners still wait
