"""The short benchmark runs, and its figures are times and rates."""

from __future__ import annotations

import math

import pytest

from flowcore import __main__ as command
from flowcore import bench


def test_every_line_is_measured() -> None:
    lines = list(bench.measure(budget=0.002))
    assert len(lines) == len(bench.LINES)
    for line in lines:
        assert math.isfinite(line.flowcore)
        assert line.flowcore > 0
        assert line.numpy is None or line.numpy > 0


def test_a_ratio_below_one_says_that_flowcore_is_faster() -> None:
    assert bench.Line("", "us", 1.0, 2.0).ratio() == 0.5
    assert bench.Line("", "GB/s", 4.0, 2.0, better="more").ratio() == 0.5
    assert bench.Line("", "us", 1.0, None).ratio() is None


def test_the_command_prints_a_table(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["flowcore", "bench", "--seconds", "0.002"])
    command.main()
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == 1 + len(bench.LINES)
    assert "NumPy" in printed[0]
