"""TensorFlow in a process of its own, for tests that compare with it.

FLOWCORE_TENSORFLOW names an interpreter that has it; without, the one that runs the tests is looked at.
"""

from __future__ import annotations

import functools
import os
import pathlib
import subprocess
import sys
import textwrap

import pytest

import flowcore

PACKAGE = pathlib.Path(flowcore.__file__).resolve().parents[1]
#: What a script for it begins with.
GRAPH_MODE = """
import os
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import numpy as np
import tensorflow.compat.v1 as tf
tf.disable_v2_behavior()
"""


@functools.cache
def _interpreter() -> str:
    """An interpreter that finds TensorFlow; "" where there is none."""
    python = os.environ.get("FLOWCORE_TENSORFLOW", sys.executable)
    code = "import importlib.util, sys; sys.exit(importlib.util.find_spec('tensorflow') is None)"
    return "" if subprocess.run([python, "-c", code], check=False).returncode else python


def run_in_tensorflow(script: str, folder: pathlib.Path, *, with_flowcore: bool = False) -> str:
    """What a script prints, run in a folder. Skips the test where there is no TensorFlow."""
    python = _interpreter()
    if not python:
        pytest.skip("no TensorFlow here: FLOWCORE_TENSORFLOW may name an interpreter that has it")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    if with_flowcore:
        environment["PYTHONPATH"] = str(PACKAGE)
    done = subprocess.run(
        [python, "-c", textwrap.dedent(script)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout
