"""No call of any op with any arguments ends the process, hangs, or raises what is not ours."""

from __future__ import annotations

import pathlib
import subprocess
import sys
import time

import pytest

HERE = pathlib.Path(__file__).resolve().parent


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", [1, 2])
def test_random_calls_of_every_op_give_a_result_or_one_of_our_errors(seed: int) -> None:
    _run("fuzz_ops.py", seed, 25)


@pytest.mark.timeout(120)
def test_random_calls_of_every_public_name_end_in_a_result_or_an_error_that_names_the_argument() -> None:
    _run("fuzz_api.py", 1, 1)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", [1, 2])
def test_graphs_with_changed_bytes_or_fields_run_or_are_refused(seed: int) -> None:
    _run("fuzz_graph_defs.py", seed, 200)


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


@pytest.mark.timeout(120)
def test_changed_checkpoints_give_values_or_an_error_in_bounded_memory() -> None:
    """Another seed each day; CONTRIBUTING.md has the command for more."""
    _run_daily("fuzz_checkpoints.py", 500)


@pytest.mark.timeout(200)
def test_a_process_that_is_killed_while_it_saves_leaves_a_whole_checkpoint() -> None:
    _run_daily("kill_saver.py", 50)


def _run_daily(script: str, count: int) -> None:
    seed = int(time.time() // 86400)
    result = subprocess.run(
        [sys.executable, str(HERE / script), str(seed), str(count)],
        capture_output=True,
        text=True,
        timeout=190,
    )
    assert result.returncode == 0, f"seed {seed}: {result.stdout[-3000:]}\n{result.stderr[-3000:]}"
    assert f"seed {seed}" in result.stdout
