"""Which devices a ConfigProto leaves to a session, with devices that only have a name."""

from __future__ import annotations

import os
import types
from typing import Any

import pytest

import flowcore as fc
from flowcore.config import settings_of
from flowcore.runtime import visible_devices
from flowcore.runtime.devices import HOST
from flowcore.runtime.visible_devices import VisibleDevices

pytestmark = pytest.mark.skipif(
    "FLOWCORE_TEST_DEVICE" in os.environ, reason="the tests' own device is preferred then"
)


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Three OpenCL devices, of which the third is no preferred one; what was limited is noted."""
    limits: list[Any] = []

    def device(kind: str, index: int) -> Any:
        if kind == "CPU":
            return HOST
        if index > 2:
            raise RuntimeError("there are three")
        limit = lambda fraction: limits.append((index, fraction))  # noqa: E731
        return types.SimpleNamespace(name=f"{kind}:{index}", preferred=index < 2, limit_memory=limit)

    monkeypatch.setattr(visible_devices.devices, "find", device)
    monkeypatch.setattr(visible_devices, "may_have_gpu", lambda: True)
    return limits


def visible(**options: Any) -> VisibleDevices:
    config = fc.ConfigProto()
    config.device_count.update(options.pop("device_count", {}))
    for name, value in options.items():
        setattr(config.gpu_options, name, value)
    return VisibleDevices(settings_of(config))


def test_all_devices_are_there_by_default(found: list[Any]) -> None:
    devices = visible()
    assert [devices.find("GPU", i).name for i in range(3)] == ["GPU:0", "GPU:1", "GPU:2"]
    assert devices.find("CPU", 0) is HOST
    assert devices.preferred is not None
    assert devices.preferred.name == "GPU:0"
    assert found == []


def test_a_count_leaves_the_first_ones(found: list[Any]) -> None:
    devices = visible(device_count={"gpu": 1})
    assert devices.find("GPU", 0).name == "GPU:0"
    with pytest.raises(RuntimeError, match=r"ConfigProto allows device_count={'GPU': 1}"):
        devices.find("GPU", 1)
    assert visible(device_count={"GPU": 0}).preferred is None


def test_a_list_chooses_and_orders(found: list[Any]) -> None:
    devices = visible(visible_device_list=" 2, 0")
    assert [devices.find("GPU", i).name for i in range(2)] == ["GPU:2", "GPU:0"]
    assert devices.preferred is None  # its first one is not for nodes that ask for nothing
    with pytest.raises(RuntimeError, match="visible_device_list names 2 devices"):
        devices.find("GPU", 2)
    for wrong in ("a", "1;2", "-1", "1,x"):
        with pytest.raises(ValueError, match=f"device numbers separated by commas, found '{wrong}'"):
            visible(visible_device_list=wrong)


def test_a_fraction_of_memory_is_passed_on_and_lies_in_0_to_1(found: list[Any]) -> None:
    visible(per_process_gpu_memory_fraction=0.25).find("GPU", 1)
    visible(per_process_gpu_memory_fraction=0.0).find("GPU", 1)
    assert found == [(1, 0.25)]
    for wrong in (-0.5, 1.5, float("nan")):
        with pytest.raises(ValueError, match="per_process_gpu_memory_fraction must lie in 0 to 1"):
            visible(per_process_gpu_memory_fraction=wrong)


def test_a_machine_without_devices_has_no_preferred_one(
    found: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(visible_devices, "may_have_gpu", lambda: False)
    assert visible().preferred is None
