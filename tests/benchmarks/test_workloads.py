"""The programs of examples/benchmarks run: each workload once, with flowcore and with NumPy."""

from __future__ import annotations

import importlib.util
import json
import pathlib
import subprocess
import sys
from typing import Any

import pytest

HERE = pathlib.Path(__file__).parent
BENCHMARKS = HERE.parents[1] / "examples" / "benchmarks"
WORKLOADS = sorted(path.parent.name for path in BENCHMARKS.glob("*/rows.py"))
#: What a workload's program needs beyond flowcore.
NEEDS = {"jpeg_files": "PIL"}

pytestmark = pytest.mark.skipif(not WORKLOADS, reason="the examples are not in this tree")


@pytest.fixture(scope="module")
def results() -> list[dict[str, Any]]:
    """All in one process, which takes a few seconds; rows with the largest arguments are left out."""
    done = subprocess.run(
        [sys.executable, str(HERE / "run_once.py"), str(BENCHMARKS)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("workload", WORKLOADS)
def test_a_workload_runs(workload: str, results: list[dict[str, Any]]) -> None:
    if importlib.util.find_spec(NEEDS.get(workload, "flowcore")) is None:
        pytest.skip(f"{workload} needs {NEEDS[workload]}")
    mine = [result for result in results if result["row"].split()[0] == workload]
    assert any(result["row"].endswith("flowcore") for result in mine)
    for result in mine:
        assert not result["error"], f"{result['row']}: {result['error']}"
