"""Queues, runners and the coordinator together: every element once, every end told, every exception
brought home.
"""

from __future__ import annotations

import pathlib
import threading
import time
import traceback

import numpy as np
import pytest

import flowcore as fc


def drain(sess: fc.Session, fetch: object, limit: int = 10_000) -> list[object]:
    got = []
    for _ in range(limit):
        try:
            got.append(sess.run(fetch))
        except fc.errors.OutOfRangeError:
            return got
    raise AssertionError("the queue never ended")


def start(sess: fc.Session) -> tuple[fc.train.Coordinator, list[threading.Thread]]:
    sess.run([fc.global_variables_initializer(), fc.local_variables_initializer()])
    coord = fc.train.Coordinator()
    return coord, fc.train.start_queue_runners(sess, coord)


@pytest.mark.parametrize("threads", [1, 2, 8])
@pytest.mark.parametrize("shuffle", [False, True])
def test_each_epoch_holds_each_element_once(threads: int, shuffle: bool) -> None:
    item = fc.train.range_input_producer(50, num_epochs=3, shuffle=shuffle, seed=3).dequeue()
    with fc.Session(config=fc.ConfigProto(inter_op_parallelism_threads=threads)) as sess:
        coord, runners = start(sess)
        got = drain(sess, item)
        coord.request_stop()
        coord.join(runners)
    epochs = [got[i : i + 50] for i in range(0, 150, 50)]
    assert len(got) == 150
    for epoch in epochs:
        assert sorted(epoch) == list(range(50))
    assert (epochs[0] == list(range(50))) is not shuffle
    assert not shuffle or epochs[0] != epochs[1]


@pytest.mark.parametrize("smaller", [False, True])
def test_batches_keep_components_together(smaller: bool) -> None:
    i = fc.train.range_input_producer(25, num_epochs=1).dequeue()
    batch = fc.train.batch(
        [i, fc.cast(i, fc.float32) / 2, fc.stack([i, i])], 4, num_threads=3, allow_smaller_final_batch=smaller
    )
    with fc.Session() as sess:
        coord, runners = start(sess)
        got = drain(sess, batch)
        coord.request_stop()
        coord.join(runners)
    seen = np.concatenate([b[0] for b in got])
    assert sorted(seen) == list(range(25)) if smaller else len(seen) == 24
    assert [b[0].shape[0] for b in got][-1] == (1 if smaller else 4)
    for number, half, pair in got:
        np.testing.assert_array_equal(half, number / 2)
        np.testing.assert_array_equal(pair, np.stack([number, number], 1))


def test_shuffle_batch_mixes_and_loses_nothing() -> None:
    rows = fc.train.slice_input_producer([np.arange(200), np.arange(200) * 2.0], num_epochs=1, shuffle=False)
    numbers, doubles = fc.train.shuffle_batch(rows, 10, 100, 50, seed=1)
    with fc.Session() as sess:
        coord, runners = start(sess)
        got = drain(sess, [numbers, doubles])
        coord.request_stop()
        coord.join(runners)
    order = np.concatenate([n for n, _ in got])
    assert sorted(order) == list(range(200))
    assert np.mean(np.abs(np.diff(order))) > 10
    np.testing.assert_array_equal(np.concatenate([d for _, d in got]), order * 2)


def test_an_exception_of_a_runner_reaches_the_thread_that_joins_with_its_cause() -> None:
    def broken(x: np.ndarray) -> np.ndarray:
        if x == 3:
            raise ValueError("bad item 3")
        return x

    item = fc.train.range_input_producer(10, shuffle=False).dequeue()
    checked = fc.py_func(broken, [item], fc.int32)
    checked.set_shape([])
    batch = fc.train.batch(checked, 2)
    with fc.Session() as sess:
        coord, runners = start(sess)
        with pytest.raises(fc.errors.InvalidArgumentError, match="bad item 3"):
            for _ in range(10):
                sess.run(batch)
        with pytest.raises(fc.errors.InvalidArgumentError, match="bad item 3") as caught:
            coord.join(runners, stop_grace_period_secs=5)
    assert isinstance(caught.value.__cause__, ValueError)
    assert "in broken" in "".join(traceback.format_exception(caught.value))


def test_a_stop_ends_runners_that_wait_for_room() -> None:
    fc.train.range_input_producer(10)
    with fc.Session() as sess:
        coord, runners = start(sess)
        time.sleep(0.1)
        begin = time.monotonic()
        coord.request_stop()
        coord.join(runners, stop_grace_period_secs=5)
        assert time.monotonic() - begin < 2
        assert not any(t.is_alive() for t in runners)


def test_join_names_threads_that_do_not_stop() -> None:
    coord = fc.train.Coordinator()
    release = threading.Event()
    thread = threading.Thread(target=release.wait, name="stubborn")
    thread.start()
    coord.register_thread(thread)
    coord.request_stop()
    with pytest.raises(RuntimeError, match="stubborn"):
        coord.join(stop_grace_period_secs=0.1)
    release.set()
    thread.join()


def test_the_first_exception_wins_and_clean_ends_are_silent() -> None:
    coord = fc.train.Coordinator()
    with coord.stop_on_exception():
        raise fc.errors.OutOfRangeError(None, None, "the end")
    assert coord.should_stop()
    coord.join()
    coord = fc.train.Coordinator()
    for text in ("first", "second"):
        with coord.stop_on_exception():
            raise KeyError(text)
    with pytest.raises(KeyError, match="first"):
        coord.join()


def test_producers_check_their_arguments() -> None:
    with pytest.raises(ValueError, match="at least one string"):
        fc.train.string_input_producer([])
    with pytest.raises(ValueError, match="num_epochs"):
        fc.train.range_input_producer(3, num_epochs=0)
    with pytest.raises(ValueError, match="fully defined"):
        fc.train.batch(fc.placeholder(fc.float32, [None]), 2)
    with pytest.raises(ValueError, match="No default session"):
        fc.train.start_queue_runners()


def test_files_are_read_through_a_queue_of_names(tmp_path: object) -> None:
    for i in range(6):
        with open(f"{tmp_path}/{i}.txt", "wb") as file:
            file.write(b"x" * i)
    names = fc.train.string_input_producer([f"{tmp_path}/{i}.txt" for i in range(6)], num_epochs=1)
    reader = fc.WholeFileReader()
    record = reader.read(names)
    with fc.Session() as sess:
        coord, runners = start(sess)
        got = drain(sess, [record.key, record.value])
        assert sess.run([reader.num_records_produced(), reader.num_work_units_completed()]) == [6, 6]
        coord.request_stop()
        coord.join(runners)
    assert sorted((k.decode()[-5], v) for k, v in got) == [(str(i), b"x" * i) for i in range(6)]


def test_a_reader_of_names_starts_anew_after_a_reset() -> None:
    queue = fc.FIFOQueue(4, fc.string, shapes=[[]])
    reader = fc.IdentityReader()
    record = reader.read(queue)
    counts = [reader.num_records_produced(), reader.num_work_units_completed()]
    with fc.Session() as sess:
        sess.run(queue.enqueue_many([["a", "b", "c"]]))
        assert sess.run([record.key, record.value]) == [b"a", b"a"]
        assert sess.run([record.key, record.value]) == [b"b", b"b"]
        assert sess.run(counts) == [2, 2]
        sess.run(reader.reset())
        assert sess.run(counts) == [0, 0]
        assert sess.run(record.value) == b"c"
        assert sess.run(counts) == [1, 1]


def test_files_are_found_by_pattern(tmp_path: pathlib.Path) -> None:
    for name in ("b.txt", "a.txt", "a.png"):
        (tmp_path / name).write_bytes(b"")
    with fc.Session() as sess:
        found = sess.run(fc.matching_files(f"{tmp_path}/*.txt"))
        assert found.tolist() == [str(tmp_path / name).encode() for name in ("a.txt", "b.txt")]
        both = sess.run(fc.matching_files([f"{tmp_path}/a.p*", f"{tmp_path}/b.*"]))
        assert both.tolist() == [str(tmp_path / name).encode() for name in ("a.png", "b.txt")]
        assert sess.run(fc.matching_files(f"{tmp_path}/none*")).shape == (0,)


def test_a_missing_file_is_named() -> None:
    with fc.Session() as sess, pytest.raises(fc.errors.NotFoundError, match=r"/no/such/file; No such file"):
        sess.run(fc.read_file("/no/such/file"))
