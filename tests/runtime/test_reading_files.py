"""Files and named pipes are read on threads of their own: a wait for one can be left by every way out of a
run, keeps no other step, and loses no element.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import signal
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import flowcore as fc
from flowcore import _buffer, _engine, _reader

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")


@pytest.fixture
def pipe(tmp_path: pathlib.Path) -> str:
    path = str(tmp_path / "pipe")
    os.mkfifo(path)
    return path


@pytest.fixture
def sess() -> Iterator[fc.Session]:
    with fc.Session() as session:
        yield session


def within(ms: int) -> fc.RunOptions:
    return fc.RunOptions(timeout_in_ms=ms)


def until(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@contextlib.contextmanager
def writing(path: str, data: bytes, after: float = 0.1) -> Iterator[None]:
    """Another thread that opens the pipe for writing after a while."""

    def write() -> None:
        time.sleep(after)
        with open(path, "wb") as f:
            f.write(data)

    thread = threading.Thread(target=write)
    thread.start()
    yield
    thread.join()


class Reader:
    """A whole-file reader and the queue that it takes names from."""

    def __init__(self) -> None:
        self.queue = fc.FIFOQueue(8, fc.string, shapes=[[]])
        self.reader = fc.WholeFileReader()
        self.name = fc.placeholder(fc.string, [])
        self.put = self.queue.enqueue(self.name)
        self.record = self.reader.read(self.queue)
        self.size = self.queue.size()


# ---- what is read ----------------------------------------


@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 1_000_001, 3_000_001])
def test_a_file_of_any_size(sess: fc.Session, tmp_path: pathlib.Path, size: int) -> None:
    data = np.random.default_rng(size).bytes(size)
    (tmp_path / "f").write_bytes(data)
    assert sess.run(fc.read_file(str(tmp_path / "f"))) == data


def test_a_file_whose_size_is_not_known(sess: fc.Session) -> None:
    if not os.path.exists("/proc/self/status"):
        pytest.skip("needs /proc")
    assert b"Name:" in sess.run(fc.read_file("/proc/self/status"))


def test_a_pipe_is_read_to_its_end(sess: fc.Session, pipe: str) -> None:
    data = bytes(range(256)) * 2000  # more than a pipe holds
    with writing(pipe, data):
        assert sess.run(fc.read_file(pipe), options=within(20_000)) == data


@pytest.mark.parametrize("path", ["/dev/zero", "/"])
def test_what_has_no_end_or_is_no_file_is_refused(sess: fc.Session, path: str) -> None:
    with pytest.raises(fc.errors.InvalidArgumentError, match=f"{path} is not a regular file or a pipe"):
        sess.run(fc.read_file(path))


def test_many_files_at_once(sess: fc.Session, tmp_path: pathlib.Path) -> None:
    paths = [tmp_path / str(i) for i in range(200)]
    for i, path in enumerate(paths):
        path.write_bytes(str(i).encode())
    found = sess.run([fc.read_file(str(p)) for p in paths])
    assert found == [str(i).encode() for i in range(200)]


def test_waits_for_pipes_keep_no_file_waiting(sess: fc.Session, tmp_path: pathlib.Path) -> None:
    pipes = [str(tmp_path / f"pipe{i}") for i in range(40)]  # more than threads that read at once
    for path in pipes:
        os.mkfifo(path)
    (tmp_path / "f").write_bytes(b"x")
    waiting = [fc.read_file(p) for p in pipes]
    file = fc.read_file(str(tmp_path / "f"))
    failures: list[BaseException] = []

    def wait() -> None:
        try:
            sess.run(waiting)
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    until(lambda: len(_reader.reading()) == 40)
    assert sess.run(file, options=within(20_000)) == b"x"
    sess.close()
    thread.join(20)
    assert not thread.is_alive()
    assert isinstance(failures[0], fc.errors.CancelledError)


# ---- ways out ----------------------------------------


def test_read_file_obeys_its_time_limit(sess: fc.Session, pipe: str) -> None:
    start = time.monotonic()
    with pytest.raises(fc.errors.DeadlineExceededError):
        sess.run(fc.read_file(pipe), options=within(100))
    assert time.monotonic() - start < 5


def test_what_was_given_up_takes_nothing_from_the_pipe(sess: fc.Session, pipe: str) -> None:
    read = fc.read_file(pipe)
    for _ in range(3):
        with pytest.raises(fc.errors.DeadlineExceededError):
            sess.run(read, options=within(50))
    with writing(pipe, b"whole", after=0.3):
        assert sess.run(read, options=within(20_000)) == b"whole"


def test_closing_the_session_ends_a_reading(pipe: str) -> None:
    sess = fc.Session()
    threading.Timer(0.2, sess.close).start()
    with pytest.raises(fc.errors.CancelledError):
        sess.run(fc.read_file(pipe))


def test_ctrl_c_ends_a_reading(sess: fc.Session, pipe: str) -> None:
    read = fc.read_file(pipe)
    threading.Timer(0.2, signal.raise_signal, [signal.SIGINT]).start()
    with pytest.raises(KeyboardInterrupt):
        sess.run(read)


def test_a_failure_elsewhere_in_the_step_ends_a_reading(sess: fc.Session, pipe: str) -> None:
    x = fc.placeholder(fc.float32)
    with pytest.raises(fc.errors.InvalidArgumentError):
        sess.run([fc.read_file(pipe), fc.reshape(x, [3])], {x: np.zeros(2)})


# ---- readers ----------------------------------------


def test_an_enqueue_does_not_wait_for_the_file(sess: fc.Session, pipe: str) -> None:
    r = Reader()
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(sess.run(r.record)))
    thread.start()
    until(lambda: any(s.plan.engine.waiting() for s in sess._signatures.values()))
    start = time.monotonic()
    sess.run(r.put, {r.name: pipe}, options=within(1000))
    assert time.monotonic() - start < 1
    with writing(pipe, b"record"):
        thread.join(20)
    assert found == [(pipe.encode(), b"record")]
    assert sess.run([r.reader.num_records_produced(), r.size]) == [1, 0]


@pytest.mark.parametrize("waits_first", [False, True])
@pytest.mark.parametrize("way_out", ["time limit", "close of a plan"])
def test_a_name_that_was_not_read_returns_to_the_front(
    sess: fc.Session, pipe: str, waits_first: bool, way_out: str
) -> None:
    r = Reader()
    failures: list[BaseException] = []

    def read() -> None:
        try:
            sess.run(r.record, options=within(300) if way_out == "time limit" else None)
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=read)
    if waits_first:
        thread.start()
        until(lambda: any(s.plan.engine.waiting() for s in sess._signatures.values()))
    sess.run(r.put, {r.name: pipe})
    sess.run(r.put, {r.name: "second"})
    if not waits_first:
        thread.start()
    if way_out != "time limit":
        until(_reader.reading)
        for signature in sess._signatures.values():
            signature.plan.engine.cancel()
    thread.join(20)
    kind = fc.errors.DeadlineExceededError if way_out == "time limit" else fc.errors.CancelledError
    assert [type(f) for f in failures] == [kind]
    assert sess.run(r.reader.num_records_produced()) == 0
    assert [sess.run(r.queue.dequeue()) for _ in range(2)] == [pipe.encode(), b"second"]


def test_a_full_queue_takes_a_name_back(sess: fc.Session, pipe: str) -> None:
    r = Reader()
    sess.run(r.put, {r.name: pipe})

    def read() -> None:
        with pytest.raises(fc.errors.CancelledError):
            sess.run(r.record)

    thread = threading.Thread(target=read)
    thread.start()
    until(_reader.reading)
    for i in range(8):
        sess.run(r.put, {r.name: str(i)})
    for signature in sess._signatures.values():
        signature.plan.engine.cancel()
    thread.join(20)
    assert sess.run(r.size) == 9
    assert [sess.run(r.queue.dequeue()) for _ in range(9)] == [pipe.encode(), *(b"%d" % i for i in range(8))]


def test_names_are_read_once_each_under_cancels(sess: fc.Session, tmp_path: pathlib.Path) -> None:
    r = Reader()
    paths = [tmp_path / str(i) for i in range(200)]
    for path in paths:
        path.write_bytes(path.name.encode())
    found: list[tuple[bytes, bytes]] = []
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            with contextlib.suppress(fc.errors.CancelledError, fc.errors.DeadlineExceededError):
                found.append(tuple(sess.run(r.record, options=within(200))))

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    for i, path in enumerate(paths):
        sess.run(r.put, {r.name: str(path)})
        if i % 10 == 0:
            for signature in list(sess._signatures.values()):
                if signature.fetches.targets == []:
                    signature.plan.engine.cancel()
    until(lambda: len(found) >= len(paths))
    stop.set()
    for thread in threads:
        thread.join(20)
    assert sorted(found) == sorted((str(p).encode(), p.name.encode()) for p in paths)


def test_an_identity_reader_gives_whole_names(sess: fc.Session) -> None:
    queue = fc.FIFOQueue(8, fc.string, shapes=[[]])
    record = fc.IdentityReader().read(queue)
    sess.run(queue.enqueue(b"a\0b"))
    assert sess.run(record) == (b"a\0b", b"a\0b")


@pytest.mark.parametrize("n", range(1, 15))
def test_without_memory_a_name_is_kept(sess: fc.Session, tmp_path: pathlib.Path, n: int) -> None:
    r = Reader()
    (tmp_path / "f").write_bytes(b"x" * 5000)
    sess.run(r.put, {r.name: str(tmp_path / "f")})
    sess.run(r.size)
    before = _engine.live_counts()["tokens"]
    _buffer._fail_allocations(n, 1 << 40)
    try:
        with pytest.raises((fc.errors.ResourceExhaustedError, MemoryError)):
            sess.run(r.record)
    except pytest.fail.Exception:
        assert _buffer._fail_allocations(0) < n  # all went well: there are fewer allocations than that
        return
    finally:
        _buffer._fail_allocations(0)
    assert _engine.live_counts()["tokens"] == before
    assert sess.run(r.record)[1] == b"x" * 5000
