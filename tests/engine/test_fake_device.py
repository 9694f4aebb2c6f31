"""A device with its own memory, asynchronous launches and copies runs the same plans as the CPU."""

from __future__ import annotations

import gc
import importlib.util
import pathlib
import pkgutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np
import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "ops"))
import samples

import flowcore as fc
from flowcore import _engine, kernels
from flowcore.graph.apply import apply
from flowcore.runtime import devices

HERE = pathlib.Path(__file__).resolve().parent

SAMPLES = {
    op: found
    for info in pkgutil.iter_modules(samples.__path__)
    for op, found in getattr(importlib.import_module(f"samples.{info.name}"), "SAMPLES", {}).items()
}


@pytest.fixture(scope="module")
def fake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    library = tmp_path_factory.mktemp("fake") / f"fake_device{sysconfig.get_config_var('EXT_SUFFIX')}"
    include = sysconfig.get_paths()["include"]
    subprocess.run(
        [
            "cc",
            "-shared",
            "-fPIC",
            "-O1",
            "-I",
            include,
            str(HERE / "fake_device.c"),
            "-o",
            str(library),
            "-lpthread",
        ],
        check=True,
    )
    spec = importlib.util.spec_from_file_location("fake_device", library)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    device = devices.make_device("FAKE", 0, module.KERNELS, _engine.Device(module.device()))
    devices.register(device)
    yield module
    devices.unregister(device)


def settled(fake: ModuleType) -> dict[str, int]:
    """The counters once the device has freed all that it held."""
    for _ in range(200):
        if fake.counters()["live"] == 0:
            break
        time.sleep(0.01)
    return fake.counters()


@pytest.mark.parametrize("threads", [1, 2, 8])
def test_the_same_graph_gives_the_same_values_on_both(fake: ModuleType, threads: int) -> None:
    x = fc.placeholder(fc.float32, [100, 100])

    def model() -> fc.Tensor:
        y = x
        for _ in range(20):
            y = -(y + x)
        return fc.reshape(y, [50, 200])

    on_cpu = model()
    with fc.device("/device:FAKE:0"):
        on_device = model()
    data = np.random.default_rng(0).normal(size=(100, 100)).astype(np.float32)
    before = settled(fake)
    with fc.Session(config=fc.ConfigProto(inter_op_parallelism_threads=threads)) as sess:
        expected, found = sess.run([on_cpu, on_device], {x: data})
        np.testing.assert_array_equal(found, expected)
        metadata = fc.RunMetadata()
        sess.run(on_device, {x: data}, fc.RunOptions(trace_level=3), metadata)
    after = settled(fake)
    assert after["launches"] - before["launches"] == 80
    assert after["copies"] - before["copies"] == 4  # x in once and the result out once, per run
    assert after["live"] == 0
    assert {n.device for n in metadata.node_stats} >= {"/device:FAKE:0"}


def test_launches_run_ahead_of_the_device(fake: ModuleType) -> None:
    fake.set_delay(2000)
    try:
        x = fc.placeholder(fc.float32, [4])
        with fc.device("/device:FAKE:0"):
            y = x
            for _ in range(30):
                y = -y
        with fc.Session() as sess:
            np.testing.assert_array_equal(sess.run(y, {x: [1, 2, 3, 4]}), [1, 2, 3, 4])
        assert settled(fake)["deepest"] > 5
    finally:
        fake.set_delay(0)


def test_values_move_between_the_devices_once_each(fake: ModuleType) -> None:
    x = fc.placeholder(fc.float32, [3])
    with fc.device("/device:FAKE:0"):
        a = -x
    b = fc.exp(a)  # no kernel there: on the CPU
    c = fc.square(a)
    with fc.device("/device:FAKE:0"):
        d = b + c
    before = settled(fake)
    with fc.Session() as sess:
        value = sess.run(d, {x: [1, 2, 3]})
    v = -np.array([1, 2, 3], np.float32)
    np.testing.assert_allclose(value, np.exp(v) + v * v, rtol=1e-6)
    # x in; a out, once for both readers; b and c in; d out
    assert settled(fake)["copies"] - before["copies"] == 5


def test_a_missing_kernel_is_an_error_unless_placement_is_soft(fake: ModuleType) -> None:
    with fc.device("/device:FAKE:0"):
        y = fc.exp(fc.constant([1.0]))
    with (
        fc.Session() as sess,
        pytest.raises(
            fc.errors.InvalidArgumentError, match=r"no kernel on /device:FAKE:0.*allow_soft_placement"
        ),
    ):
        sess.run(y)
    with fc.Session(config=fc.ConfigProto(allow_soft_placement=True)) as sess:
        np.testing.assert_allclose(sess.run(y), [np.e], rtol=1e-6)


def test_errors_and_timeouts_there_leave_nothing_behind(fake: ModuleType) -> None:
    x = fc.placeholder(fc.float32)
    with fc.device("/device:FAKE:0"):
        bad = x + fc.constant([1.0, 2.0])
        slow = -fc.identity(x)
    after = fc.square(slow)
    with fc.Session(config=fc.ConfigProto(allow_soft_placement=True)) as sess:
        with pytest.raises(fc.errors.InvalidArgumentError, match="equal shapes"):
            sess.run(bad, {x: [1, 2, 3]})
        np.testing.assert_array_equal(sess.run(bad, {x: [1, 2]}), [2, 4])
        fake.set_delay(200_000)
        try:
            with pytest.raises(fc.errors.DeadlineExceededError):
                sess.run(after, {x: [1.0]}, fc.RunOptions(timeout_in_ms=20))
        finally:
            fake.set_delay(0)
        assert sess.run(after, {x: [3.0]}) == [9.0]
    assert settled(fake)["live"] == 0


# ---- FC_ANY_DEVICE: the host's kernel serves, and follows no address ----

ANY_DEVICE_KERNELS = {k.op for k in _engine.load_kernels(kernels.CAPSULES) if k.flags & devices.ANY_DEVICE}
#: Ops with the flag that have no sample of values: what they do is tested below, or there is no value.
WITHOUT_SAMPLES = {
    "AssignVariableOp",
    "BroadcastGradientArgs",
    "ConcatOffset",
    "FakeParam",
    "NoOp",
    "PlaceholderWithDefault",
    "ReadVariableOp",
    "VarIsInitializedOp",
    "VariableShape",
    "_AssignAnyShape",
}


def test_every_kernel_with_the_flag_is_tested_here() -> None:
    sampled = {op for op in ANY_DEVICE_KERNELS if SAMPLES.get(op)}
    assert sampled | WITHOUT_SAMPLES == ANY_DEVICE_KERNELS


@pytest.mark.parametrize("op_type", sorted(ANY_DEVICE_KERNELS - WITHOUT_SAMPLES))
def test_a_kernel_for_any_device_follows_no_address_of_this_one(fake: ModuleType, op_type: str) -> None:
    for sample in SAMPLES[op_type]:
        with fc.Graph().as_default():
            fed: dict[fc.Tensor, np.ndarray] = {}

            def placed(x: Any, fed: dict[fc.Tensor, np.ndarray] = fed) -> Any:
                if isinstance(x, list):
                    return [placed(v) for v in x]
                array = np.asarray(x, np.float32) if np.asarray(x).dtype.kind == "f" else np.asarray(x)
                tensor = fc.placeholder(array.dtype, array.shape)
                fed[tensor] = array
                return tensor

            inputs = [placed(x) for x in sample.inputs]
            outputs = []
            for device in ("/device:CPU:0", "/device:FAKE:0"):
                with fc.device(device):
                    made = apply(op_type, *inputs, **sample.attrs)
                    outputs.append(list(made) if isinstance(made, (list, tuple)) else [made])
            options = fc.OptimizerOptions(opt_level=fc.OptimizerOptions.L0)
            config = fc.ConfigProto(graph_options=fc.GraphOptions(optimizer_options=options))
            metadata = fc.RunMetadata()
            with fc.Session(config=config) as sess:
                expected, found = sess.run(outputs, fed, fc.RunOptions(trace_level=3), metadata)
        for e, f in zip(expected, found, strict=True):
            np.testing.assert_array_equal(f, e)
        assert "/device:FAKE:0" in {n.device for n in metadata.node_stats if n.op == op_type}


def test_a_variable_there_is_assigned_read_and_described_by_the_host(fake: ModuleType) -> None:
    with fc.device("/device:FAKE:0"):
        handle = apply("VarHandleOp", dtype=fc.float32, shape=[2, 3])
        assign = apply("AssignVariableOp", handle, fc.placeholder_with_default(np.ones((2, 3), "f"), [2, 3]))
        read = apply("ReadVariableOp", handle, dtype=fc.float32)
        shape, made = apply("VariableShape", handle), apply("VarIsInitializedOp", handle)
    with fc.Session() as sess:
        assert not sess.run(made)
        sess.run(assign)
        assert sess.run(made)
        np.testing.assert_array_equal(sess.run(read), np.ones((2, 3)))
        np.testing.assert_array_equal(sess.run(shape), [2, 3])
    del sess
    gc.collect()
    assert settled(fake)["live"] == 0
