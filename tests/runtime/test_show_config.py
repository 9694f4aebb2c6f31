"""What goes into bug reports: all devices, those that no program has opened yet and those that cannot be
used too.
"""

from __future__ import annotations

import re

import pytest

import flowcore as fc
from flowcore.runtime import show_config


def test_every_device_has_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    fc.show_config()
    lines = capsys.readouterr().out.splitlines()
    assert re.match(r"flowcore \S+, NumPy \S+, Python \S+ on ", lines[0])
    assert re.match(r"threads: \d+; byte order: (little|big)$", lines[1])
    assert lines[2].startswith("matrix products: {'name': ")
    found = fc.list_devices()
    assert len(lines) == 3 + len(found)
    for line, device in zip(lines[3:], found, strict=True):
        assert line.startswith("not usable: " if device.problem else f"{device.name}: ")
        assert device.description in line


def test_a_device_that_cannot_be_used_says_why(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = fc.DeviceDescription("", "GPU", "Ancient", platform="Maker", problem="no OpenCL 1.2")
    good = fc.DeviceDescription("/device:GPU:0", "GPU", "Modern", platform="Maker", driver="7")
    monkeypatch.setattr(show_config, "list_devices", lambda: [good, broken])
    fc.show_config()
    assert capsys.readouterr().out.splitlines()[3:] == [
        "/device:GPU:0: Modern, Maker, driver 7",
        "not usable: Ancient, Maker: no OpenCL 1.2",
    ]
