"""Parallel loops of the engine: who helps with them."""

from __future__ import annotations

import importlib.util
import pathlib
import subprocess
import sysconfig

from flowcore import _engine

HERE = pathlib.Path(__file__).resolve().parent


def test_a_thread_that_is_free_later_helps_with_a_loop_that_began_without_it(tmp_path: pathlib.Path) -> None:
    library = tmp_path / f"late_help{sysconfig.get_config_var('EXT_SUFFIX')}"
    subprocess.run(
        [
            "cc",
            "-shared",
            "-fPIC",
            "-O1",
            "-I",
            sysconfig.get_paths()["include"],
            str(HERE / "late_help.c"),
            "-o",
            str(library),
        ],
        check=True,
    )
    spec = importlib.util.spec_from_file_location("late_help", library)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    (loop,) = _engine.load_kernels(module.KERNELS)
    plan = _engine.Plan(
        _engine.Pool(2), [_engine.Node("loop", loop), _engine.Node("hold", module.hold)], 0, [], [], {}
    )
    plan.run([])
    here, elsewhere = module.pieces()
    assert here + elsewhere == 40
    assert elsewhere > 0
