"""The ops of checkpoints: what is saved comes back; what cannot be saved leaves what was there."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
import threading
from typing import Any

import numpy as np
import pytest

import flowcore as fc
from flowcore.graph.apply import apply

NUMBERS = [
    fc.float16, fc.float32, fc.float64, fc.int8, fc.uint8, fc.int16, fc.uint16, fc.int32, fc.uint32,
    fc.int64, fc.uint64, fc.bool, fc.complex64, fc.complex128,
]  # fmt: skip
FULL = np.arange(70, dtype=np.float32).reshape(10, 7)


def save(sess: fc.Session, prefix: Any, values: dict[str, Any], slices: list[str] | None = None) -> None:
    tensors = [fc.convert_to_tensor(v) for v in values.values()]
    names = [name.partition("#")[0] for name in values]
    sess.run(apply("SaveV2", str(prefix), names, slices or [""] * len(names), tensors))


def restore(
    sess: fc.Session, prefix: Any, names: list[str], dtypes: list[Any], slices: list[str] | None = None
) -> Any:
    tensors = apply("RestoreV2", str(prefix), names, slices or [""] * len(names), dtypes=dtypes)
    return sess.run(tensors)


def listing(folder: pathlib.Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


@pytest.mark.parametrize("shape", [(), (3,), (2, 5), (0, 4), (1, 2, 1, 2, 1, 2, 1, 2), (2,) * 12])
def test_values_come_back_in_every_dtype(tmp_path: pathlib.Path, shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    values: dict[str, Any] = {t.name: (rng.normal(size=shape) * 50).astype(t.as_numpy_dtype) for t in NUMBERS}
    texts = np.empty(shape, object)
    for at in np.ndindex(shape):
        texts[at] = b"\0\xff" * int(rng.integers(0, 30))
    values["text"] = fc.constant(texts, dtype=fc.string)
    with fc.Session() as sess:
        save(sess, tmp_path / "m", values)
        assert listing(tmp_path) == ["m.data-00000-of-00001", "m.index"]
        found = restore(sess, tmp_path / "m", list(values), [*NUMBERS, fc.string])
    for (name, value), got in zip(values.items(), found, strict=True):
        wanted = texts if name == "text" else value
        assert np.shape(got) == shape
        np.testing.assert_array_equal(got, wanted[()] if shape == () else wanted, name)


def test_bfloat16_comes_back(tmp_path: pathlib.Path) -> None:
    ml_dtypes = pytest.importorskip("ml_dtypes")
    value = np.array([1.5, -2.0], ml_dtypes.bfloat16)
    with fc.Session() as sess:
        save(sess, tmp_path / "m", {"x": value})
        np.testing.assert_array_equal(restore(sess, tmp_path / "m", ["x"], [fc.bfloat16])[0], value)


def test_large_tensors_come_back(tmp_path: pathlib.Path) -> None:
    """Of many pieces, the last one not whole."""
    value = np.random.default_rng(1).integers(0, 255, (70 << 20) + 123, np.uint8)
    texts = np.array([b"x" * 300_000, b"", b"y" * 2_000_000], object)
    with fc.Session() as sess:
        save(sess, tmp_path / "m", {"x": value, "t": texts})
        x, t = restore(sess, tmp_path / "m", ["x", "t"], [fc.uint8, fc.string])
    np.testing.assert_array_equal(x, value)
    np.testing.assert_array_equal(t, texts)


def test_parts_of_a_tensor(tmp_path: pathlib.Path) -> None:
    whole = {"p#0": FULL[:4], "p#1": FULL[4:, :3], "p#2": FULL[4:, 3:], "q": FULL}
    slices = ["10 7 0,4:-", "10 7 4,6:0,3", "10 7 4,6:3,4", ""]
    with fc.Session() as sess:
        save(sess, tmp_path / "m", whole, slices)
        for name in "pq":
            got = restore(
                sess, tmp_path / "m", [name] * 3, [fc.float32] * 3, ["", "10 7 2,5:1,4", "10 7 -:6,1"]
            )
            np.testing.assert_array_equal(got[0], FULL)
            np.testing.assert_array_equal(got[1], FULL[2:7, 1:5])
            np.testing.assert_array_equal(got[2], FULL[:, 6:])
        texts = np.array([[b"a", b"b"], [b"c", b"d"]], object)
        save(sess, tmp_path / "t", {"t#0": texts[:, :1], "t#1": texts[:, 1:]}, ["2 2 -:0,1", "2 2 -:1,1"])
        np.testing.assert_array_equal(restore(sess, tmp_path / "t", ["t"], [fc.string])[0], texts)
        save(sess, tmp_path / "h", {"p": FULL[:4]}, ["10 7 0,4:-"])
        np.testing.assert_array_equal(
            restore(sess, tmp_path / "h", ["p"], [fc.float32], ["10 7 1,2:-"])[0], FULL[1:3]
        )
        with pytest.raises(fc.errors.DataLossError, match="28 of its elements"):
            restore(sess, tmp_path / "h", ["p"], [fc.float32])


@pytest.mark.parametrize(
    "text",
    ["10 7", "10 7 ", "7 0,4,", "7 -:-:-", "10 7 8,4:-", "10 7 0,0:-", "x", "10 7 -1,2:-", f"{10**20} -"],
)  # fmt: skip
def test_what_is_no_part_is_refused(tmp_path: pathlib.Path, text: str) -> None:
    with fc.Session() as sess:
        with pytest.raises(fc.errors.InvalidArgumentError, match="is no part of a tensor"):
            save(sess, tmp_path / "m", {"p": FULL}, [text])
        assert listing(tmp_path) == []
        save(sess, tmp_path / "m", {"p": FULL})
        with pytest.raises(fc.errors.InvalidArgumentError, match="is no part of a tensor"):
            restore(sess, tmp_path / "m", ["p"], [fc.float32], [text])


def test_one_tensor_is_restored(tmp_path: pathlib.Path) -> None:
    with fc.Session() as sess:
        save(sess, tmp_path / "m", {"p": FULL})
        np.testing.assert_array_equal(
            sess.run(apply("Restore", str(tmp_path / "m"), "p", dt=fc.float32)), FULL
        )
        part = apply("RestoreSlice", str(tmp_path / "m"), "p", "10 7 -:1,2", dt=fc.float32)
        np.testing.assert_array_equal(sess.run(part), FULL[:, 1:3])


def test_version_1_is_not_written(tmp_path: pathlib.Path) -> None:
    with fc.Session() as sess:
        for op in (
            apply("Save", str(tmp_path / "m"), ["p"], [fc.constant(FULL)]),
            apply("SaveSlices", str(tmp_path / "m"), ["p"], [""], [fc.constant(FULL)]),
        ):
            with pytest.raises(fc.errors.UnimplementedError, match="save with SaveV2"):
                sess.run(op)


def test_names_of_shards() -> None:
    with fc.Session() as sess:
        assert sess.run(apply("ShardedFilename", "a", 3, 17)) == b"a-00003-of-00017"
        assert sess.run(apply("ShardedFilespec", "a", 17)) == b"a-?????-of-00017"


def test_bundles_are_merged(tmp_path: pathlib.Path) -> None:
    parts = [str(tmp_path / "m_temp" / f"part-{i:05d}-of-00002") for i in range(2)]
    with fc.Session() as sess:
        for turn in range(3):
            save(sess, parts[0], {"a": FULL + turn, "p": FULL[:4]}, ["", "10 7 0,4:-"])
            save(sess, parts[1], {"b": fc.constant(turn), "p": FULL[4:]}, ["", "10 7 4,6:-"])
            sess.run(apply("MergeV2Checkpoints", parts, str(tmp_path / "m")))
            assert listing(tmp_path) == ["m.data-00000-of-00002", "m.data-00001-of-00002", "m.index"]
            a, b, p = restore(sess, tmp_path / "m", ["a", "b", "p"], [fc.float32, fc.int32, fc.float32])
            np.testing.assert_array_equal(a, FULL + turn)
            assert b == turn
            np.testing.assert_array_equal(p, FULL)
        save(sess, tmp_path / "m", {"a": FULL})  # another number of files takes its place
        assert listing(tmp_path) == ["m.data-00000-of-00001", "m.index"]
        np.testing.assert_array_equal(restore(sess, tmp_path / "m", ["a"], [fc.float32])[0], FULL)
        for i in (0, 1):
            save(sess, parts[i], {"a": FULL})
        with pytest.raises(fc.errors.InvalidArgumentError, match="have tensor 'a'"):
            sess.run(apply("MergeV2Checkpoints", parts, str(tmp_path / "n")))


def test_all_missing_tensors_are_named(tmp_path: pathlib.Path) -> None:
    with fc.Session() as sess:
        save(sess, tmp_path / "m", {"a": FULL})
        with pytest.raises(fc.errors.NotFoundError, match=r"no tensor 'b', 'c' .2 of 3 names"):
            restore(sess, tmp_path / "m", ["b", "a", "c"], [fc.float32] * 3)
        with pytest.raises(fc.errors.NotFoundError, match="there is no checkpoint"):
            restore(sess, tmp_path / "n", ["a"], [fc.float32])
        with pytest.raises(
            fc.errors.InvalidArgumentError, match=r"wanted as int32, and .* has it as float32"
        ):
            restore(sess, tmp_path / "m", ["a"], [fc.int32])


@pytest.mark.parametrize(
    ("values", "slices", "expected"),
    [
        ({"a#0": FULL, "a#1": FULL}, None, "'a' is given twice"),
        ({"": FULL}, None, "neither empty"),
        ({"a": FULL}, ["10 7 0,4:-"], "not that of its part"),
        ({"a#0": FULL[:4], "a#1": FULL[:5]}, ["10 7 0,4:-", "9 7 4,5:-"], "disagree"),
    ],
)
def test_what_cannot_be_saved_is_refused(
    tmp_path: pathlib.Path, values: dict[str, Any], slices: list[str] | None, expected: str
) -> None:
    with fc.Session() as sess, pytest.raises(fc.errors.InvalidArgumentError, match=expected):
        save(sess, tmp_path / "m", values, slices)
    assert listing(tmp_path) == []


def test_folders_are_made_and_refused(tmp_path: pathlib.Path) -> None:
    with fc.Session() as sess:
        save(sess, tmp_path / "x" / "y" / "m", {"a": FULL})
        assert listing(tmp_path / "x" / "y") == ["m.data-00000-of-00001", "m.index"]
        (tmp_path / "file").write_text("")
        with pytest.raises(fc.errors.OpError, match=r"cannot make folder|Not a directory"):
            save(sess, tmp_path / "file" / "m", {"a": FULL})
        for name in ("", "a\0b", "x" * 5000):
            with pytest.raises(fc.errors.InvalidArgumentError, match="name of a checkpoint"):
                save(sess, name, {"a": FULL})


LIMITED = """
import resource, sys, numpy as np, flowcore as fc
from flowcore.graph.apply import apply
prefix = sys.argv[1]
with fc.Session() as sess:
    sess.run(apply("SaveV2", prefix, ["a"], [""], [fc.constant(1.0)]))
    resource.setrlimit(resource.RLIMIT_FSIZE, (100000, 100000))
    try:
        sess.run(apply("SaveV2", prefix, ["a"], [""], [fc.zeros([1000000])]))
    except fc.errors.ResourceExhaustedError as error:
        print(error)
    print(sess.run(apply("RestoreV2", prefix, ["a"], [""], dtypes=[fc.float32])))
"""


def test_a_full_disk_leaves_what_was_there(tmp_path: pathlib.Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(tmp_path / "m")],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"FLOWCORE_OPENCL": "none"},  # whose compilers write files, too
    )
    assert "what was there before is unchanged" in done.stdout
    assert done.stdout.endswith("[np.float32(1.0)]\n")
    assert listing(tmp_path) == ["m.data-00000-of-00001", "m.index"]


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write anywhere")
def test_a_folder_that_may_not_be_written(tmp_path: pathlib.Path) -> None:
    tmp_path.chmod(0o500)
    with fc.Session() as sess, pytest.raises(fc.errors.PermissionDeniedError, match="cannot create"):
        save(sess, tmp_path / "m", {"a": FULL})


def test_a_time_limit_ends_a_save(tmp_path: pathlib.Path) -> None:
    with fc.Graph().as_default(), fc.Session() as sess:
        value = fc.placeholder(fc.uint8, [None])
        op = apply("SaveV2", str(tmp_path / "m"), ["a"], [""], [value])
        with pytest.raises(fc.errors.DeadlineExceededError):
            sess.run(op, {value: np.zeros(1 << 30, np.uint8)}, options=fc.RunOptions(timeout_in_ms=20))
    assert listing(tmp_path) == []


def test_many_threads_save_and_restore(tmp_path: pathlib.Path) -> None:
    """Each finds a whole checkpoint under a name that another one writes."""
    errors: list[BaseException] = []
    with fc.Graph().as_default(), fc.Session() as sess:
        value = fc.placeholder(fc.float32, [1000])
        op = apply("SaveV2", str(tmp_path / "m"), ["a", "b"], ["", ""], [value, value])
        read = apply("RestoreV2", str(tmp_path / "m"), ["a", "b"], ["", ""], dtypes=[fc.float32] * 2)
        sess.run(op, {value: np.zeros(1000)})

        def write() -> None:
            try:
                for i in range(20):
                    sess.run(op, {value: np.full(1000, i)})
            except BaseException as error:
                errors.append(error)

        thread = threading.Thread(target=write)
        thread.start()
        seen = 0
        while thread.is_alive():
            try:
                a, b = sess.run(read)
                seen += 1
                assert (a == a[0]).all()
                np.testing.assert_array_equal(a, b)
            except (fc.errors.DataLossError, fc.errors.NotFoundError):
                pass  # the files were replaced between the look at the index and the data: told, not mixed
        thread.join()
    assert not errors
    assert seen
