"""Devices as sessions see them: finding, choosing, placing, limits of memory, programs on disk, faults."""

from __future__ import annotations

import gc
import os
import pathlib
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import flowcore as fc
from flowcore.graph.apply import apply
from flowcore.opencl import _opencl, programs, runtimes
from flowcore.runtime import devices, opencl_devices, visible_devices

ENVIRONMENT = {**os.environ, "FLOWCORE_CACHE": "none"}


def opened(place: Any) -> opencl_devices.OpenCLDevice:
    index = int(place.name.rpartition(":")[2])
    return next(d for d in devices.all_devices() if d.type == opencl_devices.OPENCL and d.index == index)


def run_script(script: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        env=ENVIRONMENT | environment,
        timeout=100,
    )


# ---- finding and choosing ----------------------------------------


def test_every_device_says_what_it_is_and_what_flowcore_does_there(device: Any) -> None:
    described = [
        d for d in fc.list_devices() if d.name.endswith(device.name.partition(":")[2]) and "GPU" in d.name
    ]
    assert described
    assert described[0].memory > 0
    assert described[0].max_group > 0
    assert described[0].platform
    assert any("kernels for" in remark for remark in described[0].remarks)
    assert fc.list_devices()[0].name == "/device:CPU:0"


def test_opencl_is_another_name_for_the_same_device(device: Any) -> None:
    for name in (device.name, device.name.replace("gpu", "opencl"), device.name.replace("gpu", "device:GPU")):
        with fc.Graph().as_default(), fc.device(name), fc.Session() as sess:
            metadata = fc.RunMetadata()
            sess.run(
                fc.constant([1.0]) + 1.0,
                options=fc.RunOptions(trace_level=fc.RunOptions.FULL_TRACE),
                run_metadata=metadata,
            )
            assert {s.device for s in fc.timeline.node_stats(metadata) if s.op.startswith("Add")} == {
                opened(device).name
            }


def test_without_opencl_everything_else_works_and_the_error_says_why() -> None:
    done = run_script(
        """
        import flowcore as fc
        x = fc.constant([1.0, 2.0]) * 2.0
        with fc.device("/gpu:0"):
            y = x + 1.0
        with fc.Session() as sess:
            print(sess.run(x))
            try:
                sess.run(y)
            except fc.errors.InvalidArgumentError as error:
                print(error)
        with fc.Session(config=fc.ConfigProto(allow_soft_placement=True)) as sess:
            print(sess.run(y))
        """,
        FLOWCORE_OPENCL="none",
    )
    assert done.returncode == 0, done.stderr
    assert "[2. 4.]" in done.stdout
    assert "[3. 5.]" in done.stdout
    assert "FLOWCORE_OPENCL=none hides all OpenCL devices" in done.stdout


def test_a_session_sees_as_many_devices_as_it_is_allowed(device: Any) -> None:
    with fc.Graph().as_default(), fc.device(device.name):
        x = fc.constant(1.0) + 1.0
        with (
            fc.Session(config=fc.ConfigProto(device_count={"GPU": 0})) as sess,
            pytest.raises(fc.errors.InvalidArgumentError, match="device_count"),
        ):
            sess.run(x)
        with fc.Session(config=fc.ConfigProto(device_count={"GPU": 0}, allow_soft_placement=True)) as sess:
            assert sess.run(x) == 2.0


def test_the_list_of_visible_devices_renumbers_them(another: opencl_devices.OpenCLDevice) -> None:
    options = fc.GPUOptions(visible_device_list=str(another.index))
    with (
        fc.Graph().as_default(),
        fc.device("/gpu:0"),
        fc.Session(config=fc.ConfigProto(gpu_options=options)) as sess,
    ):
        before = _opencl.counters(another.capsule)["launches"]
        assert sess.run(fc.constant([1.0]) + 1.0) == 2.0
        assert _opencl.counters(another.capsule)["launches"] > before
    with pytest.raises(ValueError, match="visible_device_list"):
        fc.Session(config=fc.ConfigProto(gpu_options=fc.GPUOptions(visible_device_list="first")))
    with pytest.raises(ValueError, match="memory_fraction"):
        fc.Session(config=fc.ConfigProto(gpu_options=fc.GPUOptions(per_process_gpu_memory_fraction=1.5)))


# ---- placement ----------------------------------------


def placed(capfd: pytest.CaptureFixture[str]) -> dict[str, str]:
    lines = [line.split(": ") for line in capfd.readouterr().err.splitlines() if line.count(": ") >= 2]
    return {name: device for name, _, device in (line[:3] for line in lines)}


def test_nodes_that_ask_for_nothing_stay_on_the_cpu_where_it_is_the_only_opencl_device(
    capfd: pytest.CaptureFixture[str],
) -> None:
    if any(d.preferred for d in devices.all_devices()):
        pytest.skip("there is a GPU")
    with fc.Graph().as_default(), fc.Session(config=fc.ConfigProto(log_device_placement=True)) as sess:
        sess.run(fc.matmul(fc.random_normal([8, 8]), fc.ones([8, 8]), name="product"))
    assert placed(capfd)["product"] == "/device:CPU:0"


def test_automatic_placement_computes_on_the_gpu_and_keeps_integers_and_rates_on_the_host(
    another: opencl_devices.OpenCLDevice, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(visible_devices.VisibleDevices, "preferred", another)
    with fc.Graph().as_default():
        x = fc.placeholder(fc.float32, [None, 4], name="x")
        w = fc.Variable(fc.ones([4, 3]), name="w")
        step = fc.Variable(0, dtype=fc.int64, trainable=False, name="step")
        rate = fc.train.exponential_decay(0.1, step, 10, 0.5, name="rate")
        y = fc.reshape(fc.matmul(x, w, name="product"), [fc.shape(x)[0] * 3], name="flat")
        train = fc.train.MomentumOptimizer(rate, 0.9).minimize(fc.reduce_sum(y), global_step=step)
        with fc.Session(config=fc.ConfigProto(log_device_placement=True)) as sess:
            sess.run(fc.global_variables_initializer())
            for _ in range(3):
                sess.run(train, {x: np.ones((2, 4), np.float32)})
            value = sess.run(w)
    where = placed(capfd)
    assert {where[n] for n in ("product", "flat", "w/Assign", "Momentum/update_w/ApplyMomentum")} == {
        another.name
    }
    assert {where[n] for n in ("rate", "step/Assign", "Momentum")} == {"/device:CPU:0"}
    expected, moved = 1.0, 0.0
    for i in range(3):
        moved = 0.9 * moved + 2.0
        expected -= 0.1 * 0.5 ** (i / 10) * moved
    np.testing.assert_allclose(value, np.full((4, 3), expected), rtol=1e-5)


def test_soft_placement_falls_back_and_the_log_says_so(
    device: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    with fc.Graph().as_default(), fc.device(device.name):
        x = fc.real(fc.complex(fc.constant([1.0]), fc.constant([2.0])), name="part")
        with (
            fc.Session() as sess,
            pytest.raises(fc.errors.InvalidArgumentError, match="no kernel on /device:GPU"),
        ):
            sess.run(x)
        with fc.Session(config=fc.ConfigProto(allow_soft_placement=True, log_device_placement=True)) as sess:
            assert sess.run(x) == 1.0
    assert "cannot run it" in capfd.readouterr().err


def test_slots_live_with_their_variable(device: Any) -> None:
    with fc.Graph().as_default():
        with fc.device(device.name):
            w = fc.Variable([1.0, 2.0])
        optimizer = fc.train.AdamOptimizer(0.1)
        train = optimizer.minimize(fc.reduce_sum(fc.square(w)))
        assert {optimizer.get_slot(w, name).device for name in optimizer.get_slot_names()} == {w.device}
        with fc.Session() as sess:
            sess.run(fc.global_variables_initializer())
            sess.run(train)
            np.testing.assert_allclose(sess.run(w), [0.9, 1.9], rtol=1e-5)


def test_an_update_of_variables_on_two_devices_is_refused(device: Any) -> None:
    with fc.Graph().as_default():
        with fc.device(device.name):
            w = fc.Variable([1.0, 2.0], name="here", use_resource=True)
        with fc.device("/cpu:0"):
            slot = fc.Variable([0.0, 0.0], name="there", use_resource=True)
        update = apply("ResourceApplyMomentum", w.handle, slot.handle, 0.1, [1.0, 1.0], 0.9, T=fc.float32)
        with fc.Session() as sess:
            sess.run(fc.global_variables_initializer())
            with pytest.raises(
                fc.errors.InvalidArgumentError,
                match=r"'here' on /device:GPU.* and on 'there' on /device:CPU:0",
            ):
                sess.run(update)


def test_a_handle_may_reach_the_device_by_any_way(device: Any) -> None:
    with fc.Graph().as_default():
        with fc.device(device.name):
            v, w = (fc.Variable(x, use_resource=True) for x in ([1.0, 2.0], [3.0, 4.0]))
            passed = apply("ReadVariableOp", fc.identity(v.handle), dtype=fc.float32) * 2.0
            index = fc.placeholder(fc.int32, [])
            handle = apply("RefSelect", index, [v.handle, fc.identity(w.handle)])
            chosen = apply("ReadVariableOp", handle, dtype=fc.float32) * 2.0
        with fc.Session() as sess:
            sess.run(fc.global_variables_initializer())
            np.testing.assert_array_equal(sess.run(passed), [2, 4])
            for i, expected in enumerate(([2, 4], [6, 8])):
                np.testing.assert_array_equal(sess.run(chosen, {index: i}), expected)


def test_a_handle_of_the_device_that_cannot_be_traced_is_refused(device: Any) -> None:
    with fc.device(device.name):
        handle = fc.Variable([1.0, 2.0], use_resource=True).handle
        start = apply("AssignVariableOp", handle, [1.0, 2.0])
    read = apply("ReadVariableOp", fc.reshape(handle, []), dtype=fc.float32)
    with fc.Session() as sess:
        sess.run(start)
        with pytest.raises(fc.errors.InvalidArgumentError, match=r"has its value on .* and is used on"):
            sess.run(read)


def test_a_variable_shared_by_name_cannot_be_used_on_two_devices(device: Any) -> None:
    with fc.Graph().as_default():
        with fc.device(device.name):
            w = fc.Variable([1.0, 2.0], name="shared")
        with fc.device("/cpu:0"):
            read = apply(
                "ReadVariableOp",
                apply("VarHandleOp", dtype=fc.float32, shape=[2], shared_name="shared"),
                dtype=fc.float32,
            )
        with fc.Session() as sess:
            sess.run(w.initializer)
            with pytest.raises(fc.errors.InvalidArgumentError, match="has its value on /device:GPU"):
                sess.run(read)


# ---- copies ----------------------------------------


def test_a_value_is_copied_once_per_device_and_a_constant_once_per_plan(
    another: opencl_devices.OpenCLDevice,
) -> None:
    with fc.Graph().as_default(), fc.device(another.name):
        x = fc.placeholder(fc.float32, [4])
        y = fc.add_n([x * fc.constant([1.0, 2.0, 3.0, 4.0]), fc.square(x), x])
        with fc.Session() as sess:
            call = sess.make_callable(y, [x])
            counts = []
            for _ in range(3):
                before = _opencl.counters(another.capsule)["copies"]
                np.testing.assert_array_equal(call(np.ones(4, np.float32)), [3, 4, 5, 6])
                counts.append(_opencl.counters(another.capsule)["copies"] - before)
    assert counts == [3, 2, 2]  # x and y each time, the constant at first


def test_two_devices_work_in_one_graph(device: Any) -> None:
    with fc.Graph().as_default():
        x = fc.constant(np.arange(6, dtype=np.float32).reshape(2, 3))
        with fc.device(device.name):
            a = fc.matmul(x, x, transpose_b=True)
        with fc.device("/cpu:0"):
            b = a + 1.0
        with fc.device(device.name):
            c = fc.reduce_sum(b * a)
        with fc.Session() as sess:
            plain = np.arange(6, dtype=np.float32).reshape(2, 3)
            product = plain @ plain.T
            assert sess.run(c) == ((product + 1) * product).sum()


def test_many_threads_run_steps_on_one_device(device: Any) -> None:
    with fc.Graph().as_default(), fc.device(device.name):
        x = fc.placeholder(fc.float32, [5])
        y = fc.reduce_sum(fc.tanh(x) * x) + fc.reduce_max(x)
        for count in (1, 2, 8):
            with fc.Session(
                config=fc.ConfigProto(inter_op_parallelism_threads=count, use_per_session_threads=True)
            ) as sess:
                call = sess.make_callable(y, [x])
                wrong: list[int] = []

                def work(seed: int, call: Any = call, wrong: list[int] = wrong) -> None:
                    v = np.full(5, seed, np.float32)
                    expected = call(v)
                    wrong.extend(i for i in range(3 if device.is_slow else 30) if call(v) != expected)

                threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
                for t in threads:
                    t.start()
                for t in threads:
                    t.join()
                assert not wrong


# ---- memory ----------------------------------------


def test_memory_is_reused_and_given_back(another: opencl_devices.OpenCLDevice) -> None:
    with fc.Graph().as_default(), fc.device(another.name):
        x = fc.placeholder(fc.float32, [None])
        y = fc.reduce_sum(fc.square(x) + x * 2.0)
        with fc.Session() as sess:
            for _ in range(5):
                sess.run(y, {x: np.ones(1000, np.float32)})
            kept = _opencl.counters(another.capsule)["bytes_idle"]
            for _ in range(20):
                sess.run(y, {x: np.ones(1000, np.float32)})
            assert _opencl.counters(another.capsule)["bytes_idle"] == kept
    # constants, until their plans are collected
    assert _opencl.counters(another.capsule)["bytes_live"] <= 4096


def test_small_tensors_share_buffers_of_the_driver_and_give_them_back_under_pressure(
    another: opencl_devices.OpenCLDevice,
) -> None:

    def counts() -> dict[str, int]:
        gc.collect()
        return _opencl.counters(another.capsule)

    before = counts()
    with fc.Graph().as_default(), fc.device(another.name), fc.Session() as sess:
        variables = [fc.Variable(fc.fill([1 + 37 * i], float(i))) for i in range(200)]  # 4 bytes to 29 KiB
        sess.run(fc.global_variables_initializer())
        sess.run([v.assign_add(fc.ones_like(v)) for v in variables])
        for i, value in enumerate(sess.run(variables)):
            np.testing.assert_array_equal(value, np.full(1 + 37 * i, i + 1.0, np.float32))
        during = counts()
        assert during["bytes_live"] - before["bytes_live"] > 3e6
        assert during["buffers"] - before["buffers"] < 50
    with fc.Graph().as_default(), fc.device(another.name), fc.Session() as sess:
        large = 1 << 24
        another.limit_memory((counts()["bytes_live"] + 1.1 * large) / another.runtime.memory)
        try:
            assert sess.run(fc.reduce_max(fc.fill([large // 4], 2.0))) == 2.0
        finally:
            another.limit_memory(1.0)
        after = counts()
    assert after["buffers"] < during["buffers"]
    assert after["bytes_live"] + after["bytes_idle"] < before["bytes_live"] + 1.1 * large


def test_running_out_of_memory_names_the_largest_tensors_and_the_session_goes_on(
    another: opencl_devices.OpenCLDevice,
) -> None:
    fraction = 40e6 / another.runtime.memory
    config = fc.ConfigProto(gpu_options=fc.GPUOptions(per_process_gpu_memory_fraction=fraction))
    try:
        with fc.Graph().as_default(), fc.device(another.name), fc.Session(config=config) as sess:
            big = fc.Variable(fc.ones([1 << 22]), name="big_table")
            sess.run(big.initializer)
            with pytest.raises(fc.errors.ResourceExhaustedError) as caught:
                sess.run(fc.reduce_sum(fc.tile(fc.reshape(big, [1, -1]), [4, 1])))
            assert "big_table" in str(caught.value)
            assert "16777216" in str(caught.value)
            assert "Largest tensors" in str(caught.value)
            assert sess.run(fc.reduce_sum(big)) == 1 << 22
    finally:
        another.limit_memory(1.0)


@pytest.mark.parametrize("what", ["frame", "filter gradient", "panels"])
def test_running_out_of_working_memory_leaves_the_inputs_alone(
    another: opencl_devices.OpenCLDevice, what: str
) -> None:
    side = 1024
    with fc.Graph().as_default(), fc.device(another.name), fc.Session() as sess:
        image, filters = fc.Variable(fc.ones([1, side, side, 1])), fc.Variable(fc.ones([3, 3, 1, 1]))
        matrix = fc.reshape(image, [side, side])
        y = fc.nn.conv2d(image, filters, strides=[1, 1, 1, 1], padding="SAME")
        op = {
            "frame": y,
            "filter gradient": fc.gradients(y, filters, grad_ys=image)[0],
            "panels": fc.matmul(matrix, matrix),
        }[what]
        run, total = sess.make_callable(fc.reduce_sum(op)), sess.make_callable(fc.reduce_sum(image))
        sess.run(fc.global_variables_initializer())
        refused, results = 0, []
        live = _opencl.counters(another.capsule)["bytes_live"]
        for halves in (*range(1, 48), 100, 400):
            another.limit_memory((live + halves * 2**19) / another.runtime.memory)
            try:
                results.append((run(), _opencl.counters(another.capsule)["bytes_live"]))
            except fc.errors.ResourceExhaustedError:
                refused += 1
            finally:
                another.limit_memory(1.0)
            assert total() == side * side
        assert refused > 0
        assert len(set(results)) == 1


# ---- programs ----------------------------------------


def test_a_program_that_does_not_build_shows_its_log_and_name(
    device: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        programs,
        "source",
        lambda file, options: "__kernel void broken(__global float *x) { x[0] = nonsense; }",
    )
    with fc.Graph().as_default(), fc.device(device.name), fc.Session() as sess:
        x = fc.constant(np.ones((3, 7), np.uint16))
        with pytest.raises(fc.errors.InternalError, match=r"could not build .*\.cl with[\s\S]*nonsense"):
            sess.run(fc.cumprod(x, axis=1, reverse=True))


def test_programs_are_kept_on_disk_whole_or_not_at_all(tmp_path: pathlib.Path) -> None:
    found = [r for r in runtimes.runtimes() if r.problem is None and not r.is_simulator]
    keepers = ("Portable Computing Language", "NVIDIA CUDA")
    intel = next((r for r in found if r.platform not in keepers), None)
    if intel is None:
        pytest.skip("every runtime here keeps its own programs")
    script = """
        import numpy as np
        import flowcore as fc
        with fc.device("/gpu:0"):
            y = fc.reduce_sum(fc.tanh(fc.constant(np.ones(100, np.float32))))
        with fc.Session() as sess:
            print(sess.run(y))
    """
    environment = {"FLOWCORE_CACHE": str(tmp_path / "cache"), "FLOWCORE_OPENCL": intel.platform}
    results: list[str] = []
    threads = [
        threading.Thread(target=lambda: results.append(run_script(script, **environment).stdout))
        for _ in range(2)
    ]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(results) == 2
    assert results[0] == results[1] != ""
    files = sorted((tmp_path / "cache").iterdir())
    assert files
    assert all(f.suffix == ".bin" for f in files)
    files[0].write_bytes(files[0].read_bytes()[:4096] + bytes(4096))
    assert run_script(script, **environment).stdout == results[0]


def test_a_folder_that_cannot_be_written_to_keeps_nothing(
    another: opencl_devices.OpenCLDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLOWCORE_CACHE", "/proc/nowhere")
    with fc.Graph().as_default(), fc.device(another.name), fc.Session() as sess:
        assert sess.run(fc.cumsum(fc.constant(np.ones((2, 3), np.int16)), axis=1, exclusive=True)).sum() == 6
    monkeypatch.setenv("FLOWCORE_CACHE", "none")
    assert programs.cache_folder() is None


# ---- faults ----------------------------------------


def _keep_busy(sess: fc.Session, large: bool = False) -> Callable[..., object]:
    """A call that takes the device four seconds.

    `large`: for a value that changes hands without a copy where host and device have one memory.
    """
    ones, n, took = fc.ones([1000, 1000]), 1, 0.0
    while took < 0.05:  # a GPU takes longer to answer than to multiply
        n *= 4
        x = ones
        for _ in range(n):
            x = fc.matmul(x, ones)
        some = sess.make_callable(fc.reduce_sum(x))
        some()
        begin = time.perf_counter()
        some()
        took = time.perf_counter() - begin
    for _ in range(int(max(4 * n / took, 20)) - n):
        x = fc.matmul(x, ones)
    return sess.make_callable(x if large else fc.reduce_sum(x), accept_options=True)


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timers")
@pytest.mark.parametrize("threads", [1, 4])
def test_ctrl_c_gets_through_while_the_device_is_busy(
    another: opencl_devices.OpenCLDevice, threads: int
) -> None:
    config = fc.ConfigProto(inter_op_parallelism_threads=threads, use_per_session_threads=True)
    with fc.Graph().as_default(), fc.device(another.name), fc.Session(config=config) as sess:
        long = _keep_busy(sess)
        old = signal.signal(signal.SIGALRM, signal.default_int_handler)
        begin = time.perf_counter()
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.3)
            with pytest.raises(KeyboardInterrupt):
                long()
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, old)
        left = time.perf_counter()
        assert sess.run(fc.constant([1.0]) + 1.0) == 2.0  # after what was still in the queue
        assert left - begin < 2


@pytest.mark.parametrize(("threads", "large"), [(1, False), (4, False), (1, True), (4, True)])
def test_a_time_limit_leaves_a_busy_device_behind(
    another: opencl_devices.OpenCLDevice, threads: int, large: bool
) -> None:
    live = _opencl.counters(another.capsule)["bytes_live"]
    config = fc.ConfigProto(inter_op_parallelism_threads=threads, use_per_session_threads=True)
    with fc.Graph().as_default(), fc.device(another.name), fc.Session(config=config) as sess:
        long = _keep_busy(sess, large)
        begin = time.perf_counter()
        with pytest.raises(fc.errors.DeadlineExceededError, match="time limit"):
            long(options=fc.RunOptions(timeout_in_ms=300))
        left = time.perf_counter()
        assert sess.run(fc.constant([1.0]) + 1.0) == 2.0
        assert left - begin < 2
    del sess, long
    gc.collect()
    assert _opencl.counters(another.capsule)["bytes_live"] <= live + 4096


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_forked_child_gets_an_error_and_does_not_hang() -> None:
    done = run_script(
        """
        import os, sys
        import flowcore as fc
        with fc.device("/gpu:0"):
            y = fc.reduce_sum(fc.constant([1.0, 2.0]) * 2.0)
        sess = fc.Session(config=fc.ConfigProto(allow_soft_placement=True))
        sess.run(y)
        pid = os.fork()
        if pid == 0:
            try:
                sess.run(y)
            except RuntimeError as error:
                print("refused:", error, flush=True)
            os._exit(0)
        os.waitpid(pid, 0)
        """
    )
    assert "refused:" in done.stdout, done.stderr


def test_a_device_that_fails_in_mid_step_is_an_error_of_that_step() -> None:
    """The runtime's event reports a failure: what a lost context looks like from here."""
    done = run_script(
        """
        import ctypes, sys
        import numpy as np
        import flowcore as fc
        from flowcore.opencl import _opencl, runtimes
        if not [r for r in runtimes.runtimes() if not r.problem]:
            print("UNAVAILABLE")
            sys.exit()
        with fc.device("/gpu:0"):
            x = fc.placeholder(fc.float32, [3])
            y = x + 1.0
        with fc.Session() as sess:
            sess.run(y, {x: np.ones(3)})
            _opencl.fail_next_copy(-36)  # CL_INVALID_COMMAND_QUEUE
            try:
                sess.run(y, {x: np.ones(3)})
            except fc.errors.UnavailableError as error:
                print("UNAVAILABLE", error)
            print(sess.run(y, {x: np.ones(3)}))
        """
    )
    assert "UNAVAILABLE" in done.stdout, done.stderr


# ---- two devices at once ----------------------------------------


@pytest.mark.parametrize("split", ["model", "batch"])
def test_training_split_between_two_devices_gives_the_weights_of_one(device: Any, split: str) -> None:
    x, y = (
        np.random.default_rng(0).standard_normal((8, 5)).astype(np.float32),
        np.random.default_rng(1).standard_normal((8, 2)).astype(np.float32),
    )

    def train(first: str, second: str, halves: bool) -> list[np.ndarray]:
        with fc.Graph().as_default():
            with fc.device(first):
                w = fc.Variable(np.full((5, 3), 0.1, np.float32) + np.arange(3, dtype=np.float32))
            with fc.device(first if halves else second):
                v = fc.Variable(np.full((3, 2), 0.2, np.float32) * np.arange(2, dtype=np.float32))
            gradients = []
            for place, rows in (
                ((first, slice(0, 4)), (second, slice(4, 8))) if halves else ((second, slice(0, 8)),)
            ):
                with fc.device(first if not halves else place):
                    h = fc.tanh(fc.matmul(fc.constant(x[rows]), w))
                with fc.device(place):
                    loss = fc.reduce_mean(fc.square(fc.matmul(h, v) - fc.constant(y[rows])))
                    gradients.append(fc.gradients(loss, [w, v]))
            with fc.device(first):
                means = [fc.add_n(list(g)) * (1.0 / len(g)) for g in zip(*gradients, strict=True)]
            step = fc.train.GradientDescentOptimizer(0.1).apply_gradients(
                list(zip(means, [w, v], strict=True))
            )
            with fc.Session() as sess:
                sess.run(fc.global_variables_initializer())
                for _ in range(3):
                    sess.run(step)
                return sess.run([w, v])

    for host, split_values in zip(
        train("/cpu:0", "/cpu:0", False), train(device.name, "/cpu:0", split == "batch"), strict=True
    ):
        np.testing.assert_allclose(split_values, host, rtol=2e-5, atol=1e-6)
