"""Large values that change hands between host and device without a copy: who may write to them, who
keeps them, and where they end.
"""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import flowcore as fc
from flowcore import _buffer
from flowcore.opencl import _opencl, runtimes
from flowcore.runtime import devices, opencl_devices

N = 1 << 17  # floats: twice the least size that changes hands


class Shared:
    """A device of a test's own, and what it did since it was last asked."""

    def __init__(self, runtime: runtimes.Runtime, **claims: Any) -> None:
        self.device = opencl_devices.open_opencl(runtime, 300 + len(devices.all_devices()), **claims)
        devices.register(self.device)
        self.name = f"/gpu:{self.device.index}"
        self.before = self.counts()

    def counts(self) -> dict[str, int]:
        gc.collect()
        return _opencl.counters(self.device.capsule)

    def done(self) -> tuple[int, int]:
        """(values that changed hands, values copied) since the last call."""
        before, self.before = self.before, self.counts()
        return self.before["shared"] - before["shared"], self.before["copies"] - before["copies"]


_RUNTIMES = list(
    {r.platform: r for r in reversed(runtimes.runtimes()) if r.problem is None and r.share_alignment}.values()
)
_PLACES = [(r, as_gpu) for r in _RUNTIMES for as_gpu in (False, True)]


@pytest.fixture(scope="module", params=_PLACES, ids=lambda p: p[0].platform + " as a GPU" * p[1])
def place(request: pytest.FixtureRequest) -> Iterator[Shared]:
    """Each runtime whose device shares the host's memory, as the processor that it is and as if it
    were a GPU.
    """
    runtime, as_gpu = request.param
    shared = Shared(runtime, **({"is_cpu": False} if as_gpu else {}))
    yield shared
    devices.unregister(shared.device)


def value(i: float) -> np.ndarray:
    return np.arange(N, dtype=np.float32) * i


def test_a_large_value_goes_to_the_host_and_back_without_a_copy(place: Shared) -> None:
    with fc.Graph().as_default():
        x = fc.placeholder(fc.float32, [N])
        with fc.device(place.name):
            y = x * 2.0
        with fc.device("/cpu:0"):
            z = fc.tanh(y) * y
        with fc.device(place.name):
            w = z + x
        with fc.Session() as sess:
            call = sess.make_callable(w, [x])
            expected = np.tanh(2 * value(1e-5)) * 2 * value(1e-5) + value(1e-5)
            for _ in range(3):
                np.testing.assert_allclose(call(value(1e-5)), expected, rtol=1e-5)
                assert place.done() in ((3, 1), (3, 2))  # y, z and w; x, and at first the constant


def test_a_value_that_others_use_is_copied(place: Shared) -> None:
    with fc.Graph().as_default(), fc.device(place.name):
        v = fc.Variable(value(1))
        with fc.Session() as sess:
            sess.run(v.initializer)
            place.done()
            before = sess.run(v)
            assert place.done() == (0, 1)
            sess.run(v.assign_add(value(1)))
            np.testing.assert_array_equal(before, value(1))
            before[:] = 7
            np.testing.assert_array_equal(sess.run(v), value(2))


def test_a_small_value_and_a_part_of_a_large_one_are_copied(place: Shared) -> None:
    with fc.Graph().as_default(), fc.device(place.name):
        x = fc.placeholder(fc.float32, [None])
        y = -x
        small, part = -y, fc.strided_slice(y, [0], [N])
        with fc.Session() as sess:
            np.testing.assert_array_equal(sess.run(small, {x: np.ones(1000)}), np.ones(1000))
            np.testing.assert_array_equal(sess.run(part, {x: np.ones(4 * N)}), -np.ones(N))
            assert place.done()[0] == 0


def test_a_fetched_value_is_the_callers_for_as_long_as_it_likes(place: Shared) -> None:
    live = place.counts()["bytes_live"]
    with fc.Graph().as_default(), fc.device(place.name):
        x = fc.placeholder(fc.float32, [N])
        y = fc.square(x) + x
        with fc.Session() as sess:
            kept = [sess.run(y, {x: value(i)}) for i in range(8)]
            assert place.done()[0] == 8
            assert all(a.flags.writeable for a in kept)
            kept[3][:] = -1
            again = sess.run(y, {x: value(4)})
    assert place.counts()["bytes_live"] == live
    for i, a in enumerate(kept):
        np.testing.assert_array_equal(
            a, np.full(N, -1, np.float32) if i == 3 else np.square(value(i)) + value(i)
        )
    np.testing.assert_array_equal(again, kept[4])
    idle = place.counts()["bytes_idle"]
    del kept, a, again
    assert place.counts()["bytes_idle"] >= idle + 9 * 4 * N


def test_variables_and_queues_of_the_host_keep_what_a_device_computed(place: Shared) -> None:
    with fc.Graph().as_default():
        x = fc.placeholder(fc.float32, [N])
        with fc.device(place.name):
            y, z = x * 2.0, x * 3.0
        with fc.device("/cpu:0"):
            v = fc.Variable(np.zeros(N, np.float32))
            queue = fc.FIFOQueue(10, fc.float32, [N])
            store, put, get = v.assign(y), queue.enqueue(z), queue.dequeue()
            more = v.assign_add(x)
        with fc.Session() as sess:
            sess.run(v.initializer)
            place.done()
            for i in range(3):
                sess.run([store.op, put], {x: value(i)})
                sess.run(more.op, {x: value(1)})
                assert place.done()[0] == 2
            np.testing.assert_array_equal(sess.run(v), value(5))
            for i in range(3):
                np.testing.assert_array_equal(sess.run(get), value(3 * i))


def test_a_part_that_the_host_hands_back_is_where_it_was(place: Shared) -> None:
    with fc.Graph().as_default():
        x = fc.placeholder(fc.float32, [N])
        with fc.device(place.name):
            y = -x
            most = fc.strided_slice(y, [1000], [N])  # in y's block
        with fc.device("/cpu:0"):
            queue = fc.FIFOQueue(10, fc.float32, [N - 1000])
            put, get = queue.enqueue(most), queue.dequeue()
        with fc.device(place.name):
            z = get * 2.0
        with fc.Session() as sess:
            sess.run(put, {x: value(1)})
            place.done()
            np.testing.assert_array_equal(sess.run(z), value(-2)[1000:])
            assert place.done()[0] == 2


def test_a_variable_of_the_device_keeps_and_changes_what_the_host_computed(place: Shared) -> None:
    with fc.Graph().as_default():
        x = fc.placeholder(fc.float32, [N])
        with fc.device("/cpu:0"):
            y = x * 2.0
        with fc.device(place.name):
            v = fc.Variable(np.zeros(N, np.float32))
            store, more = v.assign(y), v.assign_add(fc.ones([N]))
        with fc.Session() as sess:
            sess.run(v.initializer)
            place.done()
            sess.run(store.op, {x: value(1)})
            assert place.done()[0] == 1
            fetched = sess.run(y, {x: value(2)})
            sess.run(more.op)
            np.testing.assert_array_equal(fetched, value(4))
            np.testing.assert_array_equal(sess.run(v), value(2) + 1)
            sess.run(store.op, {x: value(3)})
            np.testing.assert_array_equal(sess.run(v), value(6))


def test_a_value_goes_from_device_to_device_without_a_copy(place: Shared) -> None:
    others = [Shared(r) for r in _RUNTIMES]
    try:
        for other in others:
            with fc.Graph().as_default():
                x = fc.placeholder(fc.float32, [N])
                y = x
                for there in (place, other, place, other):
                    with fc.device(there.name):
                        y = fc.square(y) + 1.0
                with fc.Session() as sess:
                    expected = value(1e-6)
                    for _ in range(4):
                        expected = np.square(expected) + 1
                    place.done()
                    np.testing.assert_allclose(sess.run(y, {x: value(1e-6)}), expected, rtol=1e-6)
                    assert place.done()[0] == 3  # lent twice, taken once
                    assert other.done()[0] == 4  # taken twice, lent twice
    finally:
        for other in others:
            devices.unregister(other.device)


@pytest.mark.parametrize("count", [1, 2, 8])
def test_nobody_writes_to_what_another_still_reads(place: Shared, count: int) -> None:
    """Values wander between host and device through nodes that work in place, several steps at
    once; all memory is back at the end.
    """
    gc.collect()
    live, blocks = place.counts()["bytes_live"], _buffer.live_counts()["buffers"]
    wrong: list[str] = []
    with fc.Graph().as_default():
        x = fc.placeholder(fc.float32, [N])
        with fc.device(place.name):
            a = x * 2.0
            b = -a
        with fc.device("/cpu:0"):
            c = b * 2.0  # of b, in place or not
            d = a * 3.0
        with fc.device(place.name):
            e = d * 2.0 + 1.0
            f = fc.identity(d) * 2.0
        with fc.device("/cpu:0"):
            g = f * -2.0
        config = fc.ConfigProto(inter_op_parallelism_threads=count, use_per_session_threads=True)
        with fc.Session(config=config) as sess:
            call = sess.make_callable([c, e, d, g], [x])

            def work(seed: int, call: Any = call) -> None:
                kept = []
                for i in range(25):
                    v = value(seed + 10 * i)
                    kept.append((v, call(v)))
                    kept[-1][1][1][:5] = 0  # the caller's own
                for v, results in kept:
                    for name, got, want in zip(
                        "cedg", results, (-4 * v, 12 * v + 1, 6 * v, -24 * v), strict=True
                    ):
                        wrong.extend([name] * (not np.array_equal(got[5:], want[5:])))

            threads = [threading.Thread(target=work, args=(i,)) for i in range(count)]
            for t in threads:
                t.start()
            for t in threads:
                t.join()
    assert not wrong
    assert place.done()[0] > 0
    del sess, call, work
    assert place.counts()["bytes_live"] == live
    assert _buffer.live_counts()["buffers"] <= blocks


def test_a_map_that_fails_is_an_error_of_its_node(place: Shared) -> None:
    live = place.counts()["bytes_live"]
    with fc.Graph().as_default():
        with fc.device("/cpu:0"):
            x = fc.Variable(value(1))
        with fc.device(place.name):
            y = -(x * 2.0)
        with fc.Session() as sess:
            sess.run(x.initializer)
            sess.run(y)
            place.done()
            _opencl.fail_next_copy(-5)  # no other copy is waited for
            with pytest.raises(fc.errors.UnavailableError, match="CL_OUT_OF_RESOURCES"):
                sess.run(y)
            assert place.done()[0] == 1
            np.testing.assert_array_equal(sess.run(y), value(-2))
    del sess
    assert place.counts()["bytes_live"] == live


def test_nothing_is_shared_where_memory_is_apart_or_simulated() -> None:
    assert all(r.share_alignment == 0 for r in runtimes.runtimes() if r.is_simulator)
    if not _RUNTIMES:
        pytest.skip("no device shares the host's memory")
    apart = Shared(_RUNTIMES[0], share_alignment=0)
    try:
        with fc.Graph().as_default(), fc.device(apart.name), fc.Session() as sess:
            x = fc.placeholder(fc.float32, [N])
            np.testing.assert_array_equal(sess.run(-x, {x: value(1)}), value(-1))
        assert apart.done() == (0, 2)
    finally:
        devices.unregister(apart.device)


def test_copies_between_memories_go_through_a_few_pinned_blocks() -> None:
    if not _RUNTIMES:
        pytest.skip("no device shares the host's memory")
    apart = Shared(_RUNTIMES[0], share_alignment=0)
    try:
        with fc.Graph().as_default():
            x = fc.placeholder(fc.float32, [None])
            with fc.device("/cpu:0"):
                h = x * 3.0
            with fc.device(apart.name):
                y, z = x * 2.0, h + 1.0
            config = fc.ConfigProto(inter_op_parallelism_threads=4, use_per_session_threads=True)
            wrong: list[int] = []
            with fc.Session(config=config) as sess:
                call = sess.make_callable([y, z], [x])
                call(np.ones(4 * N, np.float32))
                assert apart.counts()["pinned"] <= 2  # of the constants

                def work(seed: int) -> None:
                    a = np.empty(30_000, np.float32)
                    for i in range(50):
                        a[:] = seed + i
                        doubled, more = call(a)
                        a[:] = -1
                        wrong.extend(
                            [i]
                            * (
                                not (doubled == 2.0 * (seed + i)).all()
                                or not (more == 3.0 * (seed + i) + 1).all()
                            )
                        )

                threads = [threading.Thread(target=work, args=(100 * i,)) for i in range(8)]
                for t in threads:
                    t.start()
                for t in threads:
                    t.join()
                assert not wrong
                assert 1 <= apart.counts()["pinned"] <= 16
                assert apart.done()[0] == 0
                apart.device.limit_memory(
                    (apart.counts()["bytes_live"] + apart.counts()["bytes_idle"])
                    / apart.device.runtime.memory
                )
                # of a size that no idle block has, and too large for pinned ones
                call(np.ones(N + 1000, np.float32))
                assert apart.counts()["pinned"] == 0
                apart.device.limit_memory(1.0)
                assert call(np.ones(3, np.float32))[0].tolist() == [2.0, 2.0, 2.0]
    finally:
        devices.unregister(apart.device)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_forked_child_may_drop_what_its_parent_fetched() -> None:
    script = """
        import os
        import numpy as np
        import flowcore as fc
        with fc.device("/gpu:0"):
            y = fc.placeholder(fc.float32, [1 << 17], name="x") * 2.0
        with fc.Session() as sess:
            a = sess.run(y, {"x:0": np.ones(1 << 17)})
            pid = os.fork()
            if pid == 0:
                total = a.sum()
                del a
                os._exit(int(total != 1 << 18))
            print("child:", os.waitpid(pid, 0)[1], "parent:", a.sum() + sess.run(y, {"x:0": a}).sum())
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        env=os.environ | {"FLOWCORE_CACHE": "none"},
        timeout=100,
    )
    if "does not have" in done.stderr:
        pytest.skip("no OpenCL device")
    assert "child: 0 parent: 786432.0" in done.stdout, done.stderr
