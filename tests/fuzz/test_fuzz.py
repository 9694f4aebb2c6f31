"""No call of any op with any arguments ends the process, hangs, or raises what is not ours."""

from __future__ import annotations

import pathlib
import subprocess
import sys

import pytest

SCRIPT = pathlib.Path(__file__).resolve().parent / "fuzz_ops.py"


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", [1, 2])
def test_random_calls_of_every_op_give_a_result_or_one_of_our_errors(seed: int) -> None:
    result = subprocess.run(
        [sys.executable, "-X", "faulthandler", str(SCRIPT), str(seed), "25"],
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert result.returncode == 0, (
        f"last call: {result.stdout.strip().splitlines()[-1:]}\n{result.stderr[-3000:]}"
    )
    assert result.stdout.endswith("finished\n")
