"""Every test has a default graph of its own, and must leave nothing behind: no parked node, no running step."""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Iterator

import pytest

import flowcore as fc
from flowcore import _engine
from flowcore.runtime import devices

#: FLOWCORE_TEST_DEVICE=/gpu:0 puts every node that asks for nothing on that OpenCL device, where it has a kernel: any test is a test of the device then.
DEVICE = os.environ.get("FLOWCORE_TEST_DEVICE", "")
if DEVICE:
    _device = devices.find(devices.OPENCL, int(DEVICE.rpartition(":")[2]))
    devices.VisibleDevices.preferred = _device  # type: ignore[assignment]


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
