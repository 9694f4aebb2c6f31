"""Every op has a kernel on OpenCL devices, for every type that the CPU has one for, or a reason why not."""

from __future__ import annotations

import itertools
import os
import pathlib
import re
import subprocess
import sys
import textwrap
from typing import Any

import pytest

from flowcore import dtypes, kernels
from flowcore.graph.op_def import get_op_def, registered_ops
from flowcore.opencl.host_ops import HOST_OPS
from flowcore.runtime import devices, opencl_devices

ROOT = pathlib.Path(__file__).resolve().parents[2]
#: Types that no device computes with.
HOST_TYPES = {dtypes.complex64, dtypes.complex128, dtypes.string, dtypes.resource, dtypes.variant}
#: The host's kernels of these name no types, and refuse bool when they run.
NO_BOOL = {"AssignAddVariableOp", "AssignSubVariableOp"} | {
    f"ResourceScatter{how}" for how in ("Add", "Div", "Max", "Min", "Mul", "Sub")
}
TYPES = [t for t in vars(dtypes).values() if isinstance(t, dtypes.DType) and t not in HOST_TYPES]


def opened(place: Any) -> opencl_devices.OpenCLDevice:
    return devices.find(opencl_devices.OPENCL, int(place.name.rpartition(":")[2]))


def _declared(op: str, attr: str) -> set[dtypes.DType]:
    allowed = get_op_def(op).attr[attr].allowed
    return {t for t in TYPES if allowed is None or t in {dtypes.as_dtype(a) for a in allowed}}


def _accepted(entries: list[devices.TypedKernel], attrs: list[str], types: tuple[dtypes.DType, ...]) -> bool:
    chosen = dict(zip(attrs, types, strict=True))
    return any(all(chosen[name].as_datatype_enum in ok for name, ok in e.accepts) for e in entries)


def test_what_has_no_kernel_is_in_the_table_and_nothing_else_is(device: Any) -> None:
    everything = devices.HOST.kernels.keys() | kernels.PYTHON_KERNELS.keys()
    without = everything - opened(device).kernels.keys()
    assert without == HOST_OPS.keys()


def test_kernels_accept_what_the_hosts_do(device: Any) -> None:
    there = opened(device).kernels
    missing = []
    for op in sorted(there.keys() & registered_ops().keys() & devices.HOST.kernels.keys()):
        host = devices.HOST.kernels[op]
        attrs = sorted({name for entry in (*host, *there[op]) for name, _ in entry.accepts})
        for types in itertools.product(*[_declared(op, attr) for attr in attrs]):
            if (dtypes.float64 in types and not device.has_double) or (
                dtypes.bool in types and op in NO_BOOL
            ):
                continue
            if _accepted(host, attrs, types) and not _accepted(there[op], attrs, types):
                missing.append((op, *[t.name for t in types]))
    assert missing == []


def test_the_guide_lists_what_has_no_kernel() -> None:
    text = (ROOT / "docs" / "opencl.md").read_text()
    table = text.partition("| no kernel | because |\n")[2].partition("\n\n")[0]
    rows = dict(re.findall(r"^\| ((?:`\w+`,? ?)+) \| (.+?) \|$", table, re.M))
    assert {op: reason for ops, reason in rows.items() for op in re.findall(r"`(\w+)`", ops)} == HOST_OPS


@pytest.mark.parametrize("op", [None, "Tanh"])
def test_a_missing_kernel_fails_the_tests_of_a_device(
    device: Any, tmp_path: pathlib.Path, op: str | None
) -> None:
    """FLOWCORE_TEST_DEVICE: a fall-back to the CPU is no success."""
    if int(device.name.rpartition(":")[2]) >= 100:
        pytest.skip("a device of this process only")
    (tmp_path / "without.py").write_text(
        textwrap.dedent(f"""
            from flowcore.runtime import devices, opencl_devices
            device = devices.find("GPU", {device.name.rpartition(":")[2]})
            device.kernels = {{op: k for op, k in device.kernels.items() if op != {op!r}}}
        """)
    )
    paths = [str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")]), str(ROOT)]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-p", "without", "-p", "no:cacheprovider"]
        + ["tests/ops/test_registry_sweep.py", "-k", "test_values_and_shapes and Tanh-"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=os.environ | {"FLOWCORE_TEST_DEVICE": device.name, "PYTHONPATH": os.pathsep.join(paths)},
        timeout=200,
    )
    assert ("passed" in done.stdout) or ("fell back" in done.stdout), done.stdout + done.stderr
    assert (done.returncode == 0) == (op is None), done.stdout + done.stderr
