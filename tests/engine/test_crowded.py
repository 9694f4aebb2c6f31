"""A machine that other processes keep busy: spare helpers join parallel loops, and nothing else changes."""

import os
import pathlib
import subprocess
import sys

import pytest

PROCESSORS = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
PROGRAM = pathlib.Path(__file__).with_name("crowded.py")


@pytest.mark.skipif(not os.path.exists("/proc/self/task"), reason="counts threads in /proc")
@pytest.mark.skipif(PROCESSORS < 2, reason="a pool of one thread has no parallel loop")
def test_beside_busy_processes_spare_helpers_join_and_results_keep_their_bits() -> None:
    done = subprocess.run([sys.executable, str(PROGRAM)], capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    assert 1 <= int(done.stdout) <= PROCESSORS
