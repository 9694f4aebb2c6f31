"""The coordinator of threads: what ends them, which exception comes out of join, and who is still there."""

from __future__ import annotations

import gc
import sys
import threading

import pytest

import flowcore as fc


def failing(coord: fc.train.Coordinator, error: BaseException) -> threading.Thread:
    def work() -> None:
        with coord.stop_on_exception():
            raise error

    thread = threading.Thread(target=work)
    thread.start()
    return thread


def test_the_first_exception_comes_out_of_join_with_its_traceback() -> None:
    coord = fc.train.Coordinator()
    failing(coord, ValueError("first")).join()
    failing(coord, KeyError("second")).join()
    with pytest.raises(ValueError, match="first") as caught:
        coord.join()
    assert "work" in [frame.name for frame in caught.traceback]
    with pytest.raises(ValueError, match="first"):
        coord.raise_requested_exception()


def test_the_end_of_the_input_is_no_failure() -> None:
    coord = fc.train.Coordinator()
    coord.join([failing(coord, fc.errors.OutOfRangeError(None, None, "the end"))])
    assert coord.joined
    mine = fc.train.Coordinator(clean_stop_exception_types=(KeyError,))
    mine.join([failing(mine, KeyError("wanted"))])
    with pytest.raises(fc.errors.OutOfRangeError):
        mine.clear_stop()
        mine.join([failing(mine, fc.errors.OutOfRangeError(None, None, "not wanted here"))])


def test_join_waits_for_registered_and_given_threads() -> None:
    coord = fc.train.Coordinator()
    ended: list[int] = []
    threads = [
        threading.Thread(target=lambda i=i: (coord.wait_for_stop(), ended.append(i))) for i in range(3)
    ]
    coord.register_thread(threads[0])
    for thread in threads:
        thread.start()
    threading.Timer(0.05, coord.request_stop).start()
    coord.join(threads[1:])
    assert sorted(ended) == [0, 1, 2]
    assert "joined, 0 threads alive" in repr(coord)


def test_threads_that_go_on_after_the_grace_period_are_named() -> None:
    coord, go = fc.train.Coordinator(), threading.Event()
    thread = threading.Thread(target=go.wait, name="stubborn")
    thread.start()
    try:
        coord.request_stop()
        with pytest.raises(RuntimeError, match=r"still running after 0.05 s: stubborn"):
            coord.join([thread], stop_grace_period_secs=0.05)
        coord.clear_stop()
        coord.request_stop()
        coord.join([thread], stop_grace_period_secs=0.05, ignore_live_threads=True)
    finally:
        go.set()
        thread.join()


def test_an_exception_after_join_is_raised_where_it_is_given() -> None:
    coord = fc.train.Coordinator()
    coord.request_stop()
    coord.join()
    with pytest.raises(ValueError, match="late"):
        coord.request_stop(ValueError("late"))
    coord.request_stop(fc.errors.OutOfRangeError(None, None, "a clean one is not"))


def test_stop_is_asked_for_once_and_callbacks_run_once() -> None:
    coord, calls = fc.train.Coordinator(), []
    coord.call_on_stop(lambda: calls.append("before"))
    coord.request_stop()
    coord.request_stop()
    coord.call_on_stop(lambda: calls.append("after"))
    assert calls == ["before", "after"]
    assert coord.should_stop()
    coord.clear_stop()
    assert not coord.should_stop()


def test_the_triple_of_exc_info_is_an_exception() -> None:
    coord = fc.train.Coordinator()
    try:
        raise ValueError("told")
    except ValueError:
        coord.request_stop(sys.exc_info())  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="told"):
        coord.join()
    for wrong in (3, (1, 2), (None, 3, None)):
        with pytest.raises(TypeError, match="ex must be an exception or the triple"):
            fc.train.Coordinator().request_stop(wrong)  # type: ignore[arg-type]


def test_an_exception_that_is_never_raised_is_told_at_the_end(capfd: pytest.CaptureFixture[str]) -> None:
    coord = fc.train.Coordinator()
    failing(coord, ValueError("unheard")).join()
    del coord
    gc.collect()
    assert "ValueError: unheard" in capfd.readouterr().err


def test_waiting_has_a_limit() -> None:
    coord = fc.train.Coordinator()
    assert coord.wait_for_stop(0.01) is False
    coord.request_stop()
    assert coord.wait_for_stop() is True
    with pytest.raises(ValueError, match="timeout must be a number of seconds"):
        coord.wait_for_stop(float("nan"))
