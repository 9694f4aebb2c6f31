"""OpenCL and forked children: refused where the parent had opened it, and usual where it had not."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import pytest

from flowcore.opencl import runtimes

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork"),
    pytest.mark.skipif(
        not any(r.problem is None and not r.is_simulator for r in runtimes.runtimes()),
        reason="no OpenCL device but a simulator",
    ),
]

SCRIPT = """
    import os, sys
    import numpy as np
    import flowcore as fc
    with fc.device("/gpu:0"):
        v = fc.Variable(np.ones(1 << 17, np.float32))
        y = fc.reduce_sum(v * 2.0)
    def total(soft=False):
        with fc.Session(config=fc.ConfigProto(allow_soft_placement=soft)) as own:
            own.run(v.initializer)
            return own.run(y)
    def in_child(work):
        pid = os.fork()
        if pid == 0:
            work()
            sys.exit(7)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
"""


def check(script: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(SCRIPT) + textwrap.dedent(script)],
        capture_output=True,
        text=True,
        env=os.environ | {"FLOWCORE_CACHE": "none"},
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_child_of_a_process_with_opencl_is_refused_it_and_told_to_spawn() -> None:
    script = """
        sess = fc.Session()
        sess.run(v.initializer)
        kept = sess.run(v * 3.0)
        assert sess.run(y) == 1 << 18

        def work():
            try:
                total()
            except fc.errors.InvalidArgumentError as error:
                assert "forked" in str(error) and "'spawn'" in str(error), error
                print("refused", flush=True)
            assert total(soft=True) == 1 << 18
            assert [d.name for d in fc.list_devices()] == ["/device:CPU:0"]
            global sess, kept
            sess.close()
            del sess, kept
            with fc.Graph().as_default(), fc.Session() as own:
                assert own.run(fc.constant([1.0]) * 2.0) == 2.0

        in_child(work)
        assert sess.run(y) == 1 << 18
    """
    assert check(script) == "refused\n"


def test_a_child_may_be_the_first_to_open_it() -> None:
    script = """
        hidden = fc.ConfigProto(device_count={"GPU": 0})
        with fc.Graph().as_default(), fc.Session(config=hidden) as own:
            own.run(fc.constant([1.0]) * 2.0)

        def work():
            assert total() == 1 << 18
            print("child", flush=True)

        in_child(work)
        assert total() == 1 << 18
    """
    assert check(script) == "child\n"


def test_a_spawned_child_has_devices_of_its_own() -> None:
    script = """
        assert total() == 1 << 18
        import subprocess
        code = "import flowcore as fc; print(len(fc.list_devices()) > 1)"
        print(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout, end="")
    """
    assert check(script) == "True\n"
