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
from flowcore.ops import list_ops as lists
from flowcore.runtime import copies, devices, place

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
    assert {n.device for n in fc.timeline.node_stats(metadata)} >= {"/device:FAKE:0"}


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
        assert "/device:FAKE:0" in {n.device for n in fc.timeline.node_stats(metadata) if n.op == op_type}


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


# ---- lists: the host keeps the table, the device the elements ----

FAKE = "/device:FAKE:0"
BETWEEN = ("_HostToDevice", "_DeviceToHost", "_ListToDevice", "_ListToHost")


def crossings(session: fc.Session, fetches: Any, feeds: Any) -> tuple[Any, list[str]]:
    metadata = fc.RunMetadata()
    values = session.run(fetches, feeds, fc.RunOptions(trace_level=3), metadata)
    return values, sorted(n.name for n in fc.timeline.node_stats(metadata) if n.name.endswith(BETWEEN))


def every_list_op(x: fc.Tensor) -> list[fc.Tensor]:
    """All ops on lists, of what -x makes of three rows of two."""
    y = -x
    rows = lists.tensor_list_from_tensor(y, [2])
    grown = lists.empty_tensor_list([2], fc.float32)
    for i in range(2):
        grown = lists.tensor_list_push_back(grown, lists.tensor_list_get_item(rows, i, fc.float32, [2]))
    shorter, last = lists.tensor_list_pop_back(grown, fc.float32, [2])
    gaps = lists.tensor_list_set_item(lists.tensor_list_reserve([2], 4, fc.float32), 2, last)
    scattered = lists.tensor_list_scatter(y, [3, 0, 1], [2])
    split = lists.tensor_list_split(y, [None, 2], [2, 1])
    into = lists.tensor_list_scatter_into(gaps, y, [0, 1, 3])
    parts = lists.tensor_list_split_into(lists.tensor_list_reserve([None, 2], 2, fc.float32), y, [1, 2])
    resized = lists.tensor_list_resize(rows, 4)
    doubled = apply("AddN", [scattered, gaps, into])
    nothing = apply("ZerosLike", rows)

    def all_of(flow: fc.Tensor) -> fc.Tensor:
        return lists.tensor_list_stack(flow, fc.float32, element_shape=[2])

    return [
        *[all_of(flow) for flow in (rows, grown, shorter, gaps, scattered, into, resized, doubled, nothing)],
        last,
        lists.tensor_list_get_item(gaps, 1, fc.float32, [2]),  # not written
        lists.tensor_list_gather(scattered, [1, 2, 0, 2], fc.float32, [2]),
        lists.tensor_list_concat(split, fc.float32, [None, 2])[0],
        lists.tensor_list_concat(parts, fc.float32, [None, 2])[0],
        lists.tensor_list_get_item(split, 0, fc.float32, [2, 2]),
    ]


def test_lists_keep_their_elements_there(fake: ModuleType) -> None:
    x = fc.placeholder(fc.float32, [3, 2])
    with fc.device("/device:CPU:0"):
        here = every_list_op(x)
    with fc.device(FAKE):
        there = every_list_op(x)
        facts = lists.tensor_list_from_tensor(-x, [2])
        facts = [lists.tensor_list_length(facts), lists.tensor_list_element_shape(facts)]
    rows = np.arange(6, dtype=np.float32).reshape(3, 2) + 1
    with fc.Session() as session:
        expected = session.run(here, {x: rows})
        found, copies = crossings(session, there, {x: rows})
        for e, f in zip(expected, found, strict=True):
            np.testing.assert_array_equal(f, e)
        assert len(copies) == 1 + len(there)  # what is fed and fetched
        length, shape = session.run(facts, {x: rows})
        assert (length, shape.tolist()) == (3, [2])
    assert settled(fake)["live"] == 0


@pytest.mark.parametrize("threads", [1, 2])
def test_a_list_moves_as_a_whole(fake: ModuleType, threads: int) -> None:
    """To the host and back: elements that are not written, and lists in a list."""
    x = fc.placeholder(fc.float32, [3, 2])
    with fc.device(FAKE):
        rows = lists.tensor_list_resize(lists.tensor_list_from_tensor(-x, [2]), 5)
        one = lists.tensor_list_set_item(lists.tensor_list_reserve([3, 2], 3, fc.float32), 1, -x)
        outer = lists.empty_tensor_list(None, fc.variant)
        for flow in (rows, one):
            outer = lists.tensor_list_push_back(outer, flow)
        empty = apply("ZerosLike", outer)
    queue = fc.FIFOQueue(1, [fc.variant], shapes=[[]])  # where lists lie on the host
    enqueue, on_host = queue.enqueue(outer), queue.dequeue()
    with fc.device(FAKE):
        back = apply("AddN", [on_host, empty])
        inner = [lists.tensor_list_get_item(back, i, fc.variant, []) for i in range(2)]
        again = lists.tensor_list_stack(inner[0], fc.float32, element_shape=[2])
        item = lists.tensor_list_get_item(inner[1], 1, fc.float32, [3, 2])
        total = -lists.tensor_list_get_item(inner[1], 0, fc.float32, [3, 2])
    data = np.arange(6, dtype=np.float32).reshape(3, 2)
    with fc.Session(config=fc.ConfigProto(inter_op_parallelism_threads=threads)) as session:
        assert crossings(session, enqueue, {x: data})[1] == [
            "Placeholder/_HostToDevice",
            "TensorListPushBack_1/_ListToHost",
        ]
        (a, b, c), copies = crossings(session, [again, item, total], {x: data})
        assert "fifo_queue_Dequeue/_ListToDevice" in copies
        np.testing.assert_array_equal(a, [*-data, [0, 0], [0, 0]])
        np.testing.assert_array_equal(b, -data)
        np.testing.assert_array_equal(c, np.zeros((3, 2)))
    assert settled(fake)["live"] == 0


def test_a_run_that_ends_while_a_list_moves_leaves_nothing(fake: ModuleType) -> None:
    x = fc.placeholder(fc.float32, [3, 2])
    with fc.device(FAKE):
        rows = lists.tensor_list_from_tensor(-x, [2])
    queue = fc.FIFOQueue(4, [fc.variant], shapes=[[]])
    moved = queue.enqueue(rows)
    data = np.ones((3, 2), np.float32)
    with fc.Session() as session:
        fake.set_delay(20_000)
        try:
            with pytest.raises(fc.errors.DeadlineExceededError):
                session.run(moved, {x: data}, fc.RunOptions(timeout_in_ms=60))
        finally:
            fake.set_delay(0)
        assert session.run(queue.size()) == 0
        session.run(moved, {x: data})
        assert session.run(queue.size()) == 1
    assert settled(fake)["live"] == 0


def _rows(x: fc.Tensor, place: str) -> fc.Tensor:
    with fc.device(place):
        return lists.tensor_list_from_tensor(fc.identity(x), [2])


READS = {
    "read": lambda rows: lists.tensor_list_get_item(rows, 1, fc.float32, [2]),
    "pop": lambda rows: lists.tensor_list_pop_back(rows, fc.float32, [2])[1],
    "gather": lambda rows: lists.tensor_list_gather(rows, [1], fc.float32, [2]),
    "concat": lambda rows: lists.tensor_list_concat(
        lists.tensor_list_set_item(rows, 0, fc.ones([2])), fc.float32, [2]
    )[0],
    "stack": lambda rows: lists.tensor_list_stack(rows, fc.float32, element_shape=[2]),
    "add": lambda rows: READS["stack"](apply("AddN", [rows, rows])),
}


@pytest.mark.parametrize("op", READS)
@pytest.mark.parametrize("where", [FAKE, "/device:CPU:0"])
def test_an_element_in_another_memory_is_refused(
    fake: ModuleType, where: str, op: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever planning has done: here it takes any list for one without elements."""
    x = fc.placeholder(fc.float32, [3, 2])
    rows = _rows(x, where)
    used = READS[op](rows)
    wrong = devices.HOST if where == FAKE else devices.find("FAKE", 0)
    place_of = place.device_for

    def elsewhere(op: fc.Operation, *args: Any) -> devices.Device:
        is_read = rows in op.inputs or op is used.op
        return wrong if is_read else place_of(op, *args)

    monkeypatch.setattr(copies, "_is_at_home_anywhere", lambda t: t.dtype is fc.variant)
    monkeypatch.setattr(place, "device_for", elsewhere)
    with (
        fc.Session() as session,
        pytest.raises(fc.errors.InvalidArgumentError, match=r"element \d of the list lies on /device:"),
    ):
        session.run(used, {x: np.ones((3, 2), np.float32)})
    assert settled(fake)["live"] == 0
