"""The engine under fire, at 1, 2 and 8 threads, and under ThreadSanitizer and AddressSanitizer."""

from __future__ import annotations

import gc
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import stress

from flowcore import _engine

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]


@pytest.mark.stress
@pytest.mark.parametrize("threads", [1, 2, 8])
def test_random_graphs_equal_the_interpreter_under_failures_and_cancels(threads: int) -> None:
    stress.run_dags(threads, 10_000, 2)
    stress.run_dags(threads, 300, 20)


@pytest.mark.stress
@pytest.mark.parametrize("threads", [1, 2, 8])
def test_a_queue_loses_and_repeats_nothing_under_cancels_and_timeouts(threads: int) -> None:
    stress.run_queues(threads, 250)


@pytest.mark.parametrize("threads", [1, 2, 8])
def test_a_flag_ends_all_loops_that_share_it(threads: int) -> None:
    stress.run_loops(threads, 20)


def test_nothing_is_left_when_plans_go() -> None:
    gc.collect()
    before = _engine.live_counts()
    stress.run_dags(2, 500, 3)
    stress.run_queues(2, 50)
    stress.run_loops(2, 5)
    gc.collect()
    after = _engine.live_counts()
    for what in ("buffers", "arenas", "variants", "plans", "steps", "running_steps", "tokens"):
        assert after[what] == before[what], (what, before, after)


def test_a_plan_in_a_reference_cycle_is_collected_whole() -> None:
    gc.collect()
    before = _engine.live_counts()["plans"]
    for _ in range(50):
        holder: list[object] = []
        kernel = holder.copy  # a kernel that leads back to the list that holds its plan
        plan = _engine.Plan(
            _engine.Pool(2),
            [_engine.Node("n", kernel), _engine.Node("m", lambda h=holder: None)],
            1,
            [0],
            [0],
            {},
        )
        plan.run([stress.np.zeros(3)])
        holder.append(plan)
        del plan, kernel, holder
    gc.collect()
    assert _engine.live_counts()["plans"] == before


@pytest.mark.sanitizer
@pytest.mark.timeout(400)
@pytest.mark.parametrize("sanitizer", ["thread", "address"])
def test_the_engine_is_clean_under(sanitizer: str, tmp_path: pathlib.Path) -> None:
    compiler = shutil.which("gcc")
    if compiler is None or sys.platform != "linux":
        pytest.skip("needs gcc on Linux")
    runtime = subprocess.run(
        [compiler, f"-print-file-name=lib{sanitizer[0]}san.so"], capture_output=True, text=True, check=True
    ).stdout.strip()
    if not os.path.isabs(runtime):
        pytest.skip(f"gcc has no {sanitizer} sanitizer here")
    tree = tmp_path / "tree"
    shutil.copytree(
        ROOT,
        tree,
        ignore=shutil.ignore_patterns("*.so", ".git", ".venv", "build", "output", "_*.c", "__pycache__"),
    )
    environment = {
        **os.environ,
        "FLOWCORE_SANITIZE": sanitizer,
        "FLOWCORE_ONLY": "_buffer,_fifo,_reader,_engine,_array,_nn,_linalg,_elementwise,_saving,_opencl",
    }
    subprocess.run(
        [sys.executable, "setup.py", "-q", "build_ext", "--inplace"],
        cwd=tree,
        env=environment,
        check=True,
        capture_output=True,
    )
    suppressions = ROOT / "tests" / "native" / "tsan_suppressions.txt"
    options = {
        "TSAN_OPTIONS": f"suppressions={suppressions} report_signal_unsafe=0 exitcode=66",
        "ASAN_OPTIONS": "detect_leaks=0",
        "LD_PRELOAD": runtime,
        "PYTHONPATH": str(tree),
        "PYTHONMALLOC": "malloc",
    }
    for program in (["stress.py", "4", "400", "5"], ["nested.py", "4", "6"]):
        command = [sys.executable, str(tree / "tests" / "engine" / program[0]), *program[1:]]
        result = subprocess.run(
            command, env={**os.environ, **options}, capture_output=True, text=True, timeout=300
        )
        assert result.returncode == 0, result.stdout[-2000:] + result.stderr[:6000]
        assert "done" in result.stdout
