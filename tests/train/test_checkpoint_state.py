"""The file `checkpoint` and the files of checkpoints."""

from __future__ import annotations

import pathlib
import random
import threading

import pytest

import flowcore as fc
from flowcore.train.checkpoint_state import State, format_state, parse_state


def test_states_are_written_and_read() -> None:
    state = State("a b-1", ("x\n\"\\'\x80é", "a b-1"), (1.5, 2e9), 0.25)
    assert parse_state(format_state(state)) == state
    assert parse_state(b"") == State()


def test_other_forms_of_the_text_are_read() -> None:
    text = rb"""
        # a comment
        model_checkpoint_path: 'x' "y\x41\101\n", all_model_checkpoint_paths:"1";
        all_model_checkpoint_paths : "2"  last_preserved_timestamp: 1.5e3
    """
    assert parse_state(text) == State("xyAA\n", ("1", "2"), (), 1500.0)


@pytest.mark.parametrize(
    "data",
    [
        b'other: "x"',
        b"model_checkpoint_path: 3",
        b'model_checkpoint_path: "x',
        b'last_preserved_timestamp: "x"',
        b"last_preserved_timestamp: x",
        b'"x"',
        b"{}",
        b"\0",
    ],
)
def test_what_is_no_state_is_refused(data: bytes, tmp_path: pathlib.Path) -> None:
    with pytest.raises(ValueError):
        parse_state(data)
    (tmp_path / "checkpoint").write_bytes(data)
    with pytest.warns(UserWarning, match="is passed over"):
        assert fc.train.latest_checkpoint(tmp_path) is None


def test_any_bytes_give_a_state_or_a_value_error() -> None:
    rng = random.Random(0)
    good = format_state(State("a", ("b", "a"), (1.0, 2.0), 3.0))
    for _ in range(3000):
        data = bytearray(good)
        for _ in range(rng.randint(1, 4)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        try:
            parse_state(bytes(data))
        except ValueError:
            pass


def test_a_folder_tells_its_checkpoints(tmp_path: pathlib.Path) -> None:
    assert fc.train.latest_checkpoint(tmp_path) is None
    assert fc.train.get_checkpoint_state(tmp_path) is None
    fc.train.update_checkpoint_state(tmp_path, tmp_path / "m-2", [tmp_path / "m-1"], "other", [1.0, 2.0], 0.5)
    state = fc.train.get_checkpoint_state(tmp_path, "other")
    assert state is not None
    assert state.model_checkpoint_path == str(tmp_path / "m-2")
    assert list(state.all_model_checkpoint_paths) == [str(tmp_path / "m-1"), str(tmp_path / "m-2")]
    assert list(state.all_model_checkpoint_timestamps) == [1.0, 2.0]
    assert state.last_preserved_timestamp == 0.5
    with pytest.warns(UserWarning, match="which is not there"):
        assert fc.train.latest_checkpoint(tmp_path, "other") is None
    (tmp_path / "m-2.index").write_text("")
    assert fc.train.latest_checkpoint(tmp_path, "other") == str(tmp_path / "m-2")
    with pytest.raises(ValueError, match="1 entries for 2"):
        fc.train.update_checkpoint_state(tmp_path, "b", ["a"], all_model_checkpoint_timestamps=[1.0])
    with pytest.raises(ValueError, match="has the name of the file"):
        fc.train.update_checkpoint_state("x", "x/checkpoint")


def test_files_of_a_checkpoint_are_found_and_removed(tmp_path: pathlib.Path) -> None:
    prefix = tmp_path / "m[1]-1"
    names = ["index", "data-00000-of-00002", "data-00001-of-00002", "meta"]
    for name in names:
        (tmp_path / f"m[1]-1.{name}").write_text("")
        (tmp_path / f"m1-1.{name}").write_text("")
    assert fc.train.checkpoint_exists(prefix)
    assert len(fc.train.get_checkpoint_mtimes([prefix, tmp_path / "none"])) == 1
    fc.train.remove_checkpoint(prefix)
    assert not fc.train.checkpoint_exists(prefix)
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(f"m1-1.{name}" for name in names)


def test_new_checkpoints_are_waited_for(tmp_path: pathlib.Path) -> None:
    def write() -> None:
        for i in range(3):
            (tmp_path / f"m-{i}.index").write_text("")
            fc.train.update_checkpoint_state(tmp_path, tmp_path / f"m-{i}")
            written.wait(10)
            written.clear()

    written = threading.Event()
    writer = threading.Thread(target=write)
    writer.start()
    found = []
    for path in fc.train.checkpoints_iterator(tmp_path, timeout=1.0, timeout_fn=lambda: len(found) == 3):
        found.append(path)
        written.set()
    writer.join()
    assert found == [str(tmp_path / f"m-{i}") for i in range(3)]
