"""Every test has a default graph of its own, and must leave nothing behind: no parked node, no
running step.
"""

from __future__ import annotations

import gc
import os
import pathlib
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import flowcore as fc
from flowcore import _engine
from flowcore.graph.operation import Operation
from flowcore.opencl.host_ops import HOST_OPS
from flowcore.runtime import devices, opencl_devices, place, visible_devices

#: FLOWCORE_TEST_BUILD=FOLDER: the tests are meant for the build in this folder, and for no other.
BUILD = os.environ.get("FLOWCORE_TEST_BUILD", "")
if BUILD:
    for module in (fc, _engine):
        found = pathlib.Path(str(module.__file__)).resolve()
        if not found.is_relative_to(pathlib.Path(BUILD).resolve()):
            pytest.exit(f"{module.__name__} comes from {found}, the tests are meant for {BUILD}", 3)

#: FLOWCORE_TEST_DEVICE=/gpu:0 puts every node that computes floating values and asks for nothing on
#: that OpenCL device: any test is a test of the device then. Where a kernel is missing that the
#: device should have, the node falls back to the CPU, and the test fails.
DEVICE = os.environ.get("FLOWCORE_TEST_DEVICE", "")
_fallen_back: list[str] = []
if DEVICE:
    _device = opencl_devices.opencl_devices()[int(DEVICE.rpartition(":")[2])]
    visible_devices.VisibleDevices.preferred = _device  # type: ignore[assignment]
    _device_for = place.device_for

    def _watched_device_for(op: Operation, *args: Any) -> devices.Device:
        chosen = _device_for(op, *args)
        if chosen.is_host and not op.device and _should_have_kernel(op) and _device.kernel_for(op) is None:
            _fallen_back.append(f"{op.type} of {', '.join(t.dtype.name for t in (*op.inputs, *op.outputs))}")
        return chosen

    place.device_for = _watched_device_for


def _should_have_kernel(op: Operation) -> bool:
    """Whether an op computes floating values, of types that the device has, and is none of the host's."""
    types = {t.dtype.base_dtype for t in (*op.inputs, *op.outputs)}
    host_types = {fc.string, fc.resource, fc.complex64, fc.complex128}
    if not _device.runtime.has_double:
        host_types.add(fc.float64)
    return (
        any(t.is_floating for t in types)
        and not types & host_types
        and op.type in devices.HOST.kernels
        and op.type not in HOST_OPS
    )


@pytest.fixture(autouse=True)
def nothing_falls_back() -> Iterator[None]:
    _fallen_back.clear()
    yield
    if _fallen_back:
        pytest.fail(f"fell back to the CPU, for want of a kernel on {DEVICE}: {sorted(set(_fallen_back))}")


@pytest.fixture(autouse=True)
def own_graph() -> Iterator[None]:
    with fc.Graph().as_default():
        yield


@pytest.fixture(autouse=True)
def nothing_left_running() -> Iterator[None]:
    yield
    for _ in range(100):
        counts = _engine.live_counts()
        if counts["tokens"] == 0 and counts["running_steps"] == 0:
            return
        gc.collect()
        time.sleep(0.02)
    pytest.fail(f"the test left nodes parked or steps running: {counts}")


@pytest.fixture
def control_edges_hold() -> Callable[[str | None, Any], None]:
    """Control edges to and from the midst of a chain of elementwise ops: they hold, and readers of
    a variable see their moment. For any device.
    """

    def check(place: str | None, config: Any) -> None:
        with fc.device(place):
            v = fc.Variable([1.0, 2.0], use_resource=True)
            start = v.read_value()
            middle = start * 3.0
            with fc.control_dependencies([middle]):
                changed = v.assign_add([10.0, 10.0])
            with fc.control_dependencies([changed]):
                other = fc.identity(v.read_value()) + 0.0
                last = fc.square(middle) + other
            with fc.control_dependencies([v.assign([7.0, 7.0])]):
                late = middle + 1.0
            end = -(late * 1.0)
            alone = fc.square(v.read_value() * 1.0) + 1.0
        with fc.Session(config=config) as session:
            for _ in range(3):
                session.run(v.initializer)
                assert session.run(last).tolist() == [9 + 11, 36 + 12]
                session.run(v.initializer)
                session.run(end)
                assert session.run(v).tolist() == [7, 7]
                session.run(v.initializer)
                assert session.run(alone).tolist() == [2, 5]
                assert session.run(v).tolist() == [1, 2]

    return check
