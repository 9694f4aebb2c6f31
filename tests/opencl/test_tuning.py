"""Measured tiles: kept between processes, refused where no kernel has them, and never a different result."""

from __future__ import annotations

import pathlib
from typing import Any

import numpy as np
import pytest

import flowcore as fc
from flowcore.__main__ import tune
from flowcore.opencl import _opencl, tuning
from flowcore.runtime import opencl_devices


def test_every_candidate_multiplies_alike(another: opencl_devices.OpenCLDevice) -> None:
    a, b = (
        np.random.default_rng(0).standard_normal((37, 50)).astype(np.float32),
        np.random.default_rng(1).standard_normal((50, 131)).astype(np.float32),
    )
    with fc.Graph().as_default(), fc.device(another.name), fc.Session() as sess:
        product = fc.matmul(a, b)
        for tiles in tuning.candidates(True, another.runtime.max_group):
            _opencl.set_tiles(another.capsule, *tiles)
            np.testing.assert_allclose(sess.run(product), a @ b, rtol=1e-4, atol=1e-4)
    _opencl.set_tiles(another.capsule, 0, 0, 0)


def test_tiles_that_no_kernel_has_are_refused(another: opencl_devices.OpenCLDevice) -> None:
    for tiles in ((17, 0, 0), (-1, 0, 0), (0, 3, 0), (0, 0, 12)):
        with pytest.raises(ValueError, match="no kernel has tiles"):
            _opencl.set_tiles(another.capsule, *tiles)


def test_the_choice_is_kept_and_a_damaged_file_holds_none(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLOWCORE_CACHE", str(tmp_path))
    assert tuning.load("a device") == tuning.Tiles()
    tuning.store("a device", tuning.Tiles(5, 4))
    tuning.store("another", tuning.Tiles(side=8))
    assert tuning.load("a device") == tuning.Tiles(5, 4)
    assert tuning.load("another") == tuning.Tiles(side=8)
    kept = tuning.store("a device", tuning.Tiles(6, 4))
    assert kept is not None
    kept.write_text("5 4 0")
    assert tuning.load("a device") == tuning.Tiles()
    assert tuning.load("another") == tuning.Tiles(side=8)
    monkeypatch.setenv("FLOWCORE_CACHE", "none")
    assert tuning.store("a device", tuning.Tiles(5, 4)) is None


def test_tuning_measures_all_and_uses_the_best(
    another: opencl_devices.OpenCLDevice, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setenv("FLOWCORE_CACHE", str(tmp_path))
    monkeypatch.setattr("flowcore.__main__.product_rate", lambda device, m, k, n: next(rates))
    count = len(tuning.candidates(another.runtime.kind == "CPU", another.runtime.max_group))
    rates = iter(np.repeat([*range(1, count), 0.5], 3).tolist())
    best = tune(another)
    assert best == tuning.candidates(another.runtime.kind == "CPU", another.runtime.max_group)[count - 2]
    assert tuning.load(another.runtime.identity) == best
    assert capsys.readouterr().out.count("GFLOP/s") == count
    _opencl.set_tiles(another.capsule, 0, 0, 0)
