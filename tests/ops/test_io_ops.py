"""Files: names are taken whole."""

from __future__ import annotations

import os
import pathlib

import pytest

import flowcore as fc


@pytest.fixture
def sess() -> object:
    with fc.Graph().as_default(), fc.Session() as session:
        yield session


def test_a_file_name_is_not_cut_at_a_nul(sess: fc.Session, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"content")
    name = fc.placeholder(fc.string, [])
    assert sess.run(fc.read_file(name), {name: str(path)}) == b"content"
    with pytest.raises(fc.errors.InvalidArgumentError, match="a file name cannot hold a NUL byte"):
        sess.run(fc.read_file(name), {name: f"{path}\0b"})
    with pytest.raises(fc.errors.InvalidArgumentError, match="a file pattern cannot hold a NUL byte"):
        sess.run(fc.matching_files(name), {name: f"{path}\0*"})


def test_a_file_name_need_not_be_utf8(sess: fc.Session, tmp_path: pathlib.Path) -> None:
    path = os.fsencode(tmp_path) + b"/\xff"
    with open(path, "wb") as file:
        file.write(b"content")
    assert sess.run(fc.read_file(path)) == b"content"
    assert sess.run(fc.read_file(os.fsdecode(path))) == b"content"
    assert sess.run(fc.matching_files(os.fsdecode(tmp_path) + "/*")).tolist() == [path]


def test_readers_keep_every_byte_of_a_work_item(sess: fc.Session, tmp_path: pathlib.Path) -> None:
    queue = fc.FIFOQueue(3, fc.string)
    sess.run(queue.enqueue(b"a\0\xff"))
    assert sess.run(fc.IdentityReader().read(queue)) == (b"a\0\xff", b"a\0\xff")
    (tmp_path / "a").write_bytes(b"content")
    sess.run(queue.enqueue(f"{tmp_path}/a\0b"))
    with pytest.raises(fc.errors.InvalidArgumentError, match="a file name cannot hold a NUL byte"):
        sess.run(fc.WholeFileReader().read(queue))
