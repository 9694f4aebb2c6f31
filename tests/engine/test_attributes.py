"""Attributes of every kind reach a kernel as they are."""

from __future__ import annotations

import gc
import importlib.util
import pathlib
import subprocess
import sysconfig
from typing import Any

import numpy as np
import pytest

import flowcore as fc
from flowcore import _engine
from flowcore.runtime.packing import packed
from flowcore.shape import TensorShape

HERE = pathlib.Path(__file__).resolve().parent


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> _engine.Kernel:
    library = tmp_path_factory.mktemp("attributes") / f"attributes{sysconfig.get_config_var('EXT_SUFFIX')}"
    include = ["-I", sysconfig.get_paths()["include"]]
    source = str(HERE / "attributes.c")
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", *include, source, "-o", str(library)], check=True)
    spec = importlib.util.spec_from_file_location("attributes", library)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    (found,) = _engine.load_kernels(module.KERNELS)
    return found


def written(kernel: _engine.Kernel, *attrs: Any) -> str:
    node = _engine.Node("n", kernel, (), (0,), attrs=attrs)
    plan = _engine.Plan(_engine.Pool(1), [node], 1, (), [0], {})
    (text,) = plan.run([])
    return bytes(text).decode()


def test_lists_of_text_shapes_types_and_tensors(kernel: _engine.Kernel) -> None:
    values = (
        ["é", b"\xff\0", ""],
        [TensorShape([2, None]), TensorShape(None), TensorShape([])],
        [fc.float32, fc.variant],
        [np.array([1.5, 2.5], np.float32), np.array(3, np.float32)],
        "body",
    )
    gc.collect()
    before = _engine.live_counts()["buffers"]
    assert written(kernel, *map(packed, values)) == (
        "2:c3a900 2:ff0000 0:00 | 2(2,-1,) -1() 0() | 1 21 | float32[2] 1.5 2.5 float32[] 3 | body 4"
    )
    gc.collect()
    assert _engine.live_counts()["buffers"] == before  # they went with the plan


def test_a_single_tensor_and_empty_lists(kernel: _engine.Kernel) -> None:
    tensor = np.zeros((0, 2), np.float32)
    assert written(kernel, [], (), [], tensor, b"") == "| | | float32[0, 2] |  0"


@pytest.mark.parametrize("wrong", [[1, "a"], [object()], object(), [[1], 2]])
def test_what_is_no_attribute_is_refused(kernel: _engine.Kernel, wrong: Any) -> None:
    with pytest.raises(TypeError, match="attribute strings of node 'n' cannot be packed"):
        written(kernel, wrong, [], [], [], "")
