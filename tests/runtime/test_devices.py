"""The list of devices: names, openers, what a session may use, and what is said where there is none."""

from __future__ import annotations

import os
import subprocess
import sys
import types
from typing import Any

import pytest

import flowcore as fc
from flowcore.opencl import runtimes
from flowcore.runtime import devices


def ask(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "flowcore", *arguments],
        capture_output=True,
        text=True,
        env=os.environ | {"FLOWCORE_CACHE": "none"} | environment,
        timeout=100,
    )


@pytest.fixture
def planned(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A type TOY, also called PLAY, of two devices that are opened when asked for; returns what was asked."""
    asked: list[int] = []

    def open_until(index: int) -> str:
        asked.append(index)
        for i in range(2):
            if i <= index and not any(d.name == f"/device:TOY:{i}" for d in devices.all_devices()):
                devices.register(devices.make_device("TOY", i, [], engine_device=object()))
        return "there are two toys"

    monkeypatch.setattr(devices, "_devices", [devices.HOST])
    monkeypatch.setattr(devices, "_openers", {})
    devices.add_opener(("TOY", "PLAY"), open_until)
    return asked


def test_a_device_is_opened_when_it_is_asked_for(planned: list[int]) -> None:
    assert [d.name for d in devices.all_devices()] == ["/device:CPU:0"]
    assert devices.find("PLAY", 0).name == "/device:TOY:0"
    assert [d.name for d in devices.all_devices()] == ["/device:CPU:0", "/device:TOY:0"]
    assert devices.find("TOY", 0) is devices.find("PLAY", 0)
    assert planned == [0]


@pytest.mark.parametrize(("kind", "index"), [("CPU", 7), ("TPU", 0), ("TOY", 2)])
def test_the_error_lists_all_devices_also_those_not_opened_yet(
    planned: list[int], kind: str, index: int
) -> None:
    expected = "it has /device:CPU:0, /device:TOY:0, /device:TOY:1; there are two toys"
    with pytest.raises(RuntimeError) as caught:
        devices.find(kind, index)
    assert str(caught.value) == expected
    with fc.device(f"/device:{kind}:{index}"):
        x = fc.constant(1.0)
    with pytest.raises(fc.errors.InvalidArgumentError, match=expected):
        fc.Session().run(x)


def test_a_name_is_given_once(planned: list[int]) -> None:
    with pytest.raises(ValueError, match="/device:CPU:0 is registered already"):
        devices.register(devices.make_device("CPU", 0, []))


# ---- the command ----------------------------------------


def test_the_command_says_why_there_is_no_opencl_device() -> None:
    done = ask("devices", FLOWCORE_OPENCL="none")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "FLOWCORE_OPENCL=none hides all OpenCL devices"
    assert "install" not in done.stdout
    done = ask("tune", "--device", "/gpu:0", FLOWCORE_OPENCL="none")
    assert done.returncode == 2
    assert "FLOWCORE_OPENCL=none hides all OpenCL devices" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_command_tells_its_version() -> None:
    assert ask("--version").stdout == f"flowcore {fc.__version__}\n"


def test_a_choice_that_names_no_device_lists_what_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOWCORE_OPENCL", "abacus")
    monkeypatch.setattr(runtimes, "_all", lambda: [described("Maker", "1", 0, "chip")])
    assert runtimes.runtimes() == []
    assert runtimes.absence() == (
        "FLOWCORE_OPENCL='abacus' is no part of the name of any OpenCL device here: chip (Maker)"
    )
    monkeypatch.setenv("FLOWCORE_OPENCL", "CHIP")
    assert [r.name for r in runtimes.runtimes()] == ["chip"]


# ---- drivers named twice ----------------------------------------


def described(platform: str, version: str, number: int, name: str) -> Any:
    return types.SimpleNamespace(
        platform=platform,
        platform_version=version,
        platform_number=number,
        name=name,
        kind="GPU",
        driver="5.1",
        version="OpenCL 1.2",
    )


def test_a_device_that_two_loaders_name_is_listed_once() -> None:
    twins = [described("Maker", "1", 0, "chip"), described("Maker", "1", 0, "chip")]
    again = [described("Maker", "1", 1, "chip"), described("Maker", "1", 1, "chip")]
    newer, other = described("Maker", "2", 2, "chip"), described("Maker", "1", 1, "another chip")
    assert runtimes._distinct([*twins, *again, other, newer]) == [*twins, other, newer]
