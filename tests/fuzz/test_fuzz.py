"""No call of any op with any arguments ends the process, hangs, or raises what is not ours."""

from __future__ import annotations

import pathlib
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", [1, 2])
def test_random_calls_of_every_op_give_a_result_or_one_of_our_errors(seed: int) -> None:
    _run("fuzz_ops.py", seed, 25)


@pytest.mark.timeout(120)
def test_random_calls_of_every_public_name_end_in_a_result_or_an_error_that_names_the_argument() -> None:
    _run("fuzz_api.py", 1, 1)


def _run(script: str, seed: int, calls: int) -> None:
    result = subprocess.run(
        [sys.executable, "-W", "ignore", "-X", "faulthandler", str(HERE / script), str(seed), str(calls)],
        capture_output=True,
        text=True,
        timeout=280,
    )
    lines = result.stdout.strip().splitlines()
    told = [i for i, line in enumerate(lines) if line.endswith(" findings")]
    report = "\n".join(lines[told[-1] :] if told else lines[-1:])
    assert result.returncode == 0, f"{report}\n{result.stderr[-3000:]}"
    assert lines[-1] == "finished"
