"""What a checkpoint says without a graph."""

from __future__ import annotations

import pathlib
import sys

import numpy as np
import pytest

import flowcore as fc

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import checkpoint_files as files

VALUES = {"a/b": np.arange(6.0).reshape(2, 3), "c": np.array(3), "e": np.zeros([0, 2], np.float32)}


def test_tensors_are_listed_and_read(tmp_path: pathlib.Path) -> None:
    files.write_bundle(tmp_path / "m", VALUES)
    reader = fc.train.load_checkpoint(tmp_path / "m")
    assert reader.version == 2
    assert reader.get_variable_to_shape_map() == {"a/b": [2, 3], "c": [], "e": [0, 2]}
    assert reader.get_variable_to_dtype_map() == {"a/b": fc.float64, "c": fc.int64, "e": fc.float32}
    assert reader.has_tensor("c")
    assert not reader.has_tensor("d")
    for name, value in VALUES.items():
        found = reader.get_tensor(name)
        np.testing.assert_array_equal(found, value)
        assert found.dtype == value.dtype
    assert isinstance(reader.get_tensor("c"), np.int64)
    assert fc.train.load_variable(tmp_path / "m", "c:0") == 3
    assert reader.debug_string().splitlines()[0] == b"a/b (DT_FLOAT64) [2, 3]"
    with pytest.raises(fc.errors.NotFoundError, match="no tensor 'a/c'; did you mean 'a/b'"):
        reader.get_tensor("a/c")


def test_texts_are_read(tmp_path: pathlib.Path) -> None:
    fc.Variable(np.array([[b"x", b""]], object), name="t")
    fc.Variable(b"scalar", name="s")
    with fc.Session() as sess:
        sess.run(fc.global_variables_initializer())
        path = fc.train.Saver().save(sess, tmp_path / "m")
    assert fc.train.load_variable(tmp_path, "t").tolist() == [[b"x", b""]]
    assert fc.train.load_variable(path, "s") == b"scalar"


def test_a_folder_without_a_checkpoint_is_told(tmp_path: pathlib.Path) -> None:
    with pytest.raises(ValueError, match="Couldn't find 'checkpoint' file"):
        fc.train.load_checkpoint(tmp_path)
    with pytest.raises(fc.errors.NotFoundError, match="there is no checkpoint"):
        fc.train.NewCheckpointReader(str(tmp_path / "m"))
    (tmp_path / "m.index").write_bytes(b"x" * 100)
    with pytest.raises(
        fc.errors.DataLossError, match=r"m.index is damaged at offset 92: this is no sorted table"
    ):
        fc.train.NewCheckpointReader(str(tmp_path / "m"))


def test_a_dtype_that_is_not_there_is_named(tmp_path: pathlib.Path) -> None:
    entries = {b"": files.HEADER, b"q": files.entry(11, [1], 0, b"\0")}
    (tmp_path / "m.index").write_bytes(files.table(entries))
    reader = fc.train.NewCheckpointReader(tmp_path / "m")
    assert reader.get_variable_to_dtype_map() == {"q": "qint8"}
    with pytest.raises(fc.errors.UnimplementedError, match="is of qint8"):
        reader.get_tensor("q")
