"""Saver: what is saved comes back, which checkpoints are kept, and what differs is named."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
import textwrap
from typing import Any

import numpy as np
import pytest

import flowcore as fc


def listing(folder: pathlib.Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


def two_variables() -> tuple[fc.Variable, fc.Variable]:
    a = fc.Variable([1.0, 2.0], name="a")
    return a, fc.get_variable("scope/b", initializer=np.arange(6).reshape(2, 3), use_resource=True)


@pytest.mark.parametrize("sharded", [False, True])
@pytest.mark.parametrize("background", [False, True])
def test_values_come_back(tmp_path: pathlib.Path, sharded: bool, background: bool) -> None:
    a, b = two_variables()
    saver = fc.train.Saver(sharded=sharded, background=background)
    with fc.Session() as sess:
        sess.run(fc.global_variables_initializer())
        path = saver.save(sess, tmp_path / "model", global_step=7)
        sess.run([a.assign([0.0, 0.0]), b.assign(np.zeros([2, 3], np.int64))])
        saver.wait()
        assert path == str(tmp_path / "model-7")
        assert listing(tmp_path) == ["checkpoint", "model-7.data-00000-of-00001", "model-7.index"]
        saver.restore(sess, path)
        np.testing.assert_array_equal(sess.run(a), [1, 2])
        np.testing.assert_array_equal(sess.run(b), np.arange(6).reshape(2, 3))
    with fc.Session() as sess:  # where no initializer has run
        saver.restore(sess, path)
        np.testing.assert_array_equal(sess.run(a), [1, 2])


def test_nodes_are_named_as_in_tensorflow() -> None:
    fc.Variable([1.0, 2.0], name="a")
    fc.get_variable("b", [2], use_resource=True)
    saver = fc.train.Saver()
    nodes = {
        op.name: (op.type, [t.name for t in op.inputs], [c.name for c in op.control_inputs])
        for op in fc.get_default_graph().get_operations()
        if op.name.startswith("save")
    }
    names = ["save/Const:0", "save/SaveV2/tensor_names:0", "save/SaveV2/shape_and_slices:0"]
    restored = ["save/Const:0", "save/RestoreV2/tensor_names:0", "save/RestoreV2/shape_and_slices:0"]
    assert nodes == {
        "save/filename/input": ("Const", [], []),
        "save/filename": ("PlaceholderWithDefault", ["save/filename/input:0"], []),
        "save/Const": ("PlaceholderWithDefault", ["save/filename:0"], []),
        "save/SaveV2/tensor_names": ("Const", [], []),
        "save/SaveV2/shape_and_slices": ("Const", [], []),
        "save/SaveV2": ("SaveV2", [*names, "a:0", "b/Read/ReadVariableOp:0"], []),
        "save/control_dependency": ("Identity", ["save/Const:0"], ["save/SaveV2"]),
        "save/RestoreV2/tensor_names": ("Const", [], []),
        "save/RestoreV2/shape_and_slices": ("Const", [], []),
        "save/RestoreV2": ("RestoreV2", restored, []),
        "save/Assign": ("Assign", ["a:0", "save/RestoreV2:0"], []),
        "save/Identity": ("Identity", ["save/RestoreV2:1"], []),
        "save/AssignVariableOp": ("AssignVariableOp", ["b:0", "save/Identity:0"], []),
        "save/restore_all": ("NoOp", [], ["save/Assign", "save/AssignVariableOp"]),
    }
    definition = saver.saver_def
    assert definition.filename_tensor_name == "save/Const:0"
    assert definition.save_tensor_name == "save/control_dependency:0"
    assert definition.restore_op_name == "save/restore_all"
    assert (definition.max_to_keep, definition.version) == (5, 2)


def test_a_saver_of_a_definition_uses_its_nodes(tmp_path: pathlib.Path) -> None:
    a, _ = two_variables()
    definition = fc.train.Saver(max_to_keep=2).to_proto()
    count = len(fc.get_default_graph().get_operations())
    saver = fc.train.Saver.from_proto(definition)
    assert len(fc.get_default_graph().get_operations()) == count
    with fc.Session() as sess:
        sess.run(fc.global_variables_initializer())
        for step in range(3):
            path = saver.save(sess, tmp_path / "m", global_step=step)
        assert saver.last_checkpoints == [str(tmp_path / f"m-{i}") for i in (1, 2)]
        sess.run(a.assign([5.0, 5.0]))
        saver.restore(sess, path)
        np.testing.assert_array_equal(sess.run(a), [1, 2])
    assert fc.train.Saver(saver_def=definition).to_proto("elsewhere") is None


def test_old_checkpoints_are_removed_and_the_newest_is_named(tmp_path: pathlib.Path) -> None:
    two_variables()
    step = fc.train.get_or_create_global_step()
    saver = fc.train.Saver(max_to_keep=2, pad_step_number=True)
    with fc.Session() as sess:
        sess.run(fc.global_variables_initializer())
        for _ in range(4):
            sess.run(step.assign_add(1))
            path = saver.save(sess, tmp_path / "model", global_step=step)
    kept = [str(tmp_path / f"model-{i:08d}") for i in (3, 4)]
    assert saver.last_checkpoints == kept
    assert fc.train.latest_checkpoint(tmp_path) == path == kept[1]
    assert len(listing(tmp_path)) == 5
    state = fc.train.get_checkpoint_state(tmp_path)
    assert state is not None
    assert list(state.all_model_checkpoint_paths) == kept
    other = fc.train.Saver(max_to_keep=2)
    other.recover_last_checkpoints([*kept, str(tmp_path / "gone")])
    assert other.last_checkpoints == kept
    with fc.Session() as sess:
        other.restore(sess, path)
        other.save(sess, tmp_path / "model", global_step=9)
    assert not fc.train.checkpoint_exists(kept[0])


def test_one_in_some_hours_is_kept_for_good(tmp_path: pathlib.Path) -> None:
    two_variables()
    saver = fc.train.Saver(max_to_keep=1, keep_checkpoint_every_n_hours=0.0)
    with fc.Session() as sess:
        sess.run(fc.global_variables_initializer())
        paths = [saver.save(sess, tmp_path / "m", global_step=i) for i in range(3)]
    assert all(fc.train.checkpoint_exists(p) for p in paths)
    assert saver.last_checkpoints == [paths[2]]


def test_all_are_kept_without_a_limit(tmp_path: pathlib.Path) -> None:
    two_variables()
    saver = fc.train.Saver(max_to_keep=None)
    with fc.Session() as sess:
        sess.run(fc.global_variables_initializer())
        paths = [saver.save(sess, tmp_path / "m", global_step=i) for i in range(8)]
    assert all(fc.train.checkpoint_exists(p) for p in paths)
    assert fc.train.latest_checkpoint(tmp_path) == paths[-1]


def test_a_folder_with_relative_paths_may_be_moved(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    two_variables()
    with fc.Session() as sess:
        sess.run(fc.global_variables_initializer())
        fc.train.Saver(save_relative_paths=True).save(sess, tmp_path / "x" / "m", global_step=1)
        (tmp_path / "x").rename(tmp_path / "y")
        assert fc.train.latest_checkpoint(tmp_path / "y") == str(tmp_path / "y" / "m-1")
        monkeypatch.chdir(tmp_path)
        assert fc.train.Saver().save(sess, "z/m", global_step=1) == "z/m-1"
        assert (tmp_path / "z" / "checkpoint").read_text().startswith('model_checkpoint_path: "m-1"\n')
        assert fc.train.latest_checkpoint("z") == "z/m-1"


def test_names_of_a_checkpoint_may_be_chosen(tmp_path: pathlib.Path) -> None:
    a, b = two_variables()
    with fc.Session() as sess:
        sess.run(fc.global_variables_initializer())
        path = fc.train.Saver({"first": a, "second": b}).save(sess, tmp_path / "m")
        assert fc.train.list_variables(path) == [("first", [2]), ("second", [2, 3])]
        path = fc.train.Saver([b]).save(sess, tmp_path / "n")
        assert fc.train.list_variables(path) == [("scope/b", [2, 3])]


def parts() -> list[fc.Variable]:
    found = []
    for i, (at, n) in enumerate([(0, 3), (3, 1)]):
        part = fc.get_variable(f"w/part_{i}", initializer=np.full([n, 2], i, np.float32))
        part._set_save_slice_info(fc.Variable.SaveSliceInfo("w", [4, 2], [at, 0], [n, 2]))
        found.append(part)
    return found


def test_parts_of_a_tensor_are_kept_as_one(tmp_path: pathlib.Path) -> None:
    variables = parts()
    with fc.Session() as sess:
        sess.run(fc.global_variables_initializer())
        path = fc.train.Saver().save(sess, tmp_path / "m")
        assert path == fc.train.Saver({"w": variables}).save(sess, tmp_path / "m")
        assert fc.train.list_variables(path) == [("w", [4, 2])]
        np.testing.assert_array_equal(fc.train.load_variable(path, "w")[:, 0], [0, 0, 0, 1])
    with fc.Graph().as_default(), fc.Session() as sess:
        whole = fc.get_variable("w", [4, 2])
        fc.train.Saver().restore(sess, path)
        np.testing.assert_array_equal(sess.run(whole)[:, 0], [0, 0, 0, 1])
    with pytest.raises(ValueError, match="Slices must all be from the same tensor"):
        fc.train.Saver({"v": variables})


def test_another_shape_may_be_asked_for(tmp_path: pathlib.Path) -> None:
    fc.get_variable("w", initializer=np.arange(6.0))
    with fc.Session() as sess:
        sess.run(fc.global_variables_initializer())
        path = fc.train.Saver().save(sess, tmp_path / "m")
    with fc.Graph().as_default(), fc.Session() as sess:
        w = fc.get_variable("w", [2, 3], fc.float64)
        fc.train.Saver(reshape=True).restore(sess, path)
        np.testing.assert_array_equal(sess.run(w), np.arange(6.0).reshape(2, 3))


def test_everything_that_does_not_fit_is_named(tmp_path: pathlib.Path) -> None:
    two_variables()
    fc.get_variable("dense/kernel", [2])
    with fc.Session() as sess:
        sess.run(fc.global_variables_initializer())
        path = fc.train.Saver().save(sess, tmp_path / "m")
    with fc.Graph().as_default(), fc.Session() as sess:
        fc.Variable([1.0, 2.0, 3.0], name="a")
        fc.get_variable("dense/kernels", [2])
        fc.get_variable("other", [2])
        saver = fc.train.Saver()
        with pytest.raises(fc.errors.NotFoundError) as caught:
            saver.restore(sess, path)
        text = str(caught.value)
        assert "'a' has shape [3] here and [2] there" in text
        assert "'dense/kernels' is missing; did you mean 'dense/kernel'?" in text
        assert "'other' is missing" in text
    with fc.Graph().as_default(), fc.Session() as sess:
        fc.Variable([1, 2], name="a")
        fc.get_variable("scope/b", [3, 2], fc.int64, use_resource=True)
        with pytest.raises(fc.errors.InvalidArgumentError) as caught:
            fc.train.Saver().restore(sess, path)
        assert "'a' is int32 here and float32 there" in str(caught.value)
        assert "'scope/b' has shape [3, 2] here and [2, 3] there" in str(caught.value)
    with fc.Graph().as_default(), fc.Session() as sess:
        fc.Variable([1.0, 2.0, 3.0], name="a")
        with pytest.raises(fc.errors.InvalidArgumentError, match=r"'a' has shape \[3\] here and \[2\] there"):
            fc.train.Saver().restore(sess, path)


def test_arguments_that_do_not_fit_are_refused(tmp_path: pathlib.Path) -> None:
    with pytest.raises(ValueError, match="No variables to save"):
        fc.train.Saver()
    with fc.Session() as sess:
        empty = fc.train.Saver(allow_empty=True)
        assert empty.save(sess, tmp_path / "m") is None
        empty.restore(sess, "nothing")
    a, b = two_variables()
    for wrong, error, expected in [
        ([a, a], ValueError, "the same name: a"),
        ({"x": a, "y": a}, ValueError, "restored with two names"),
        ([a, 3], TypeError, "is not a Variable: found 3"),
        ({"x": 3}, TypeError, "is not a Variable"),
        ({"x": [a]}, ValueError, "is a whole variable"),
        (3, TypeError, "var_list must be a list"),
        ({1: a}, TypeError, "each key of var_list"),
    ]:
        with pytest.raises(error, match=expected):
            fc.train.Saver(wrong)
    with pytest.raises(ValueError, match="version 1 of checkpoints is read"):
        fc.train.Saver(write_version=1)
    with pytest.raises(RuntimeError, match="defer_build"):
        fc.train.Saver(defer_build=True).saver_def  # noqa: B018
    saver = fc.train.Saver()
    with fc.Session() as sess:
        with pytest.raises(fc.errors.FailedPreconditionError, match="has no value yet"):
            saver.save(sess, tmp_path / "m")
        assert listing(tmp_path) == []
        sess.run(fc.global_variables_initializer())
        with pytest.raises(ValueError, match="must not contain path"):
            saver.save(sess, tmp_path / "m", latest_filename="x/y")
        with pytest.raises(ValueError, match="collides"):
            saver.save(sess, tmp_path / "checkpoint")
        with pytest.raises(ValueError, match="not a valid checkpoint"):
            saver.restore(sess, tmp_path / "nothing")
        with pytest.raises(TypeError, match="sess must be"):
            saver.save(3, tmp_path / "m")  # type: ignore[arg-type]
    assert b.dtype is fc.int64


def test_an_error_in_the_background_is_told(tmp_path: pathlib.Path) -> None:
    two_variables()
    saver = fc.train.Saver(background=True)
    (tmp_path / "file").write_text("")
    with fc.Session() as sess:
        sess.run(fc.global_variables_initializer())
        saver.save(sess, tmp_path / "file" / "m")
        with pytest.raises(fc.errors.OpError, match="cannot create"):
            saver.wait()
        path = saver.save(sess, tmp_path / "m")
    saver.wait()  # after the session is closed
    assert fc.train.checkpoint_exists(path)


def test_saving_does_not_load_protobuf(tmp_path: pathlib.Path) -> None:
    program = textwrap.dedent("""
        import sys
        import flowcore as fc
        v = fc.Variable(1.0)
        saver = fc.train.Saver()
        with fc.Session() as sess:
            sess.run(v.initializer)
            saver.restore(sess, saver.save(sess, sys.argv[1] + "/m"))
        assert fc.train.latest_checkpoint(sys.argv[1])
        print([name for name in sys.modules if name.startswith("google")])
    """)
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


def test_what_a_killed_process_left_is_removed(tmp_path: pathlib.Path) -> None:
    two_variables()
    process = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True
    )
    gone = int(process.stdout)
    left = [f"m-3.index.part-{gone}-1", f"m-3.data-00000-of-00001.part-{gone}-12"]
    others = [f"n-3.index.part-{gone}-1", f"m-3.index.part-{os.getpid()}-1", f"m-3.txt.part-{gone}-1"]
    for name in [*left, *others]:
        (tmp_path / name).write_text("")
    with fc.Session() as sess:
        sess.run(fc.global_variables_initializer())
        fc.train.Saver().save(sess, tmp_path / "m", global_step=4)
    found = listing(tmp_path)
    assert not set(left) & set(found)
    assert set(others) <= set(found)


TENSORFLOW = os.environ.get("FLOWCORE_TENSORFLOW", sys.executable)

THERE = """
import sys
import numpy as np
import tensorflow.compat.v1 as tf
tf.disable_v2_behavior()
ours, theirs = sys.argv[1:]
reader = tf.train.NewCheckpointReader(ours)
values = {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}
with tf.Session() as sess:
    names = sorted(values)
    tensors = [tf.constant(values[n], dtype=reader.get_variable_to_dtype_map()[n]) for n in names]
    whole = values["whole"]
    parts = [whole[:1], whole[1:]]
    sess.run(tf.raw_ops.SaveV2(
        prefix=theirs, tensor_names=names + ["p", "p"],
        shape_and_slices=[""] * len(names) + ["4 3 0,1:-", "4 3 1,3:0,3"], tensors=tensors + parts))
"""


def tensorflow_is_there() -> bool:
    command = [TENSORFLOW, "-c", "import importlib.util as u; exit(u.find_spec('tensorflow') is None)"]
    return subprocess.run(command, check=False).returncode == 0


@pytest.mark.timeout(300)
def test_tensorflow_reads_and_is_read(tmp_path: pathlib.Path) -> None:
    """Each reads what the other wrote: all dtypes, scalars, no elements, strings, parts of tensors."""
    if not tensorflow_is_there():
        pytest.skip("there is no TensorFlow here; FLOWCORE_TENSORFLOW names a Python that has it")
    rng = np.random.default_rng(0)
    values: dict[str, Any] = {"whole": np.arange(12.0).reshape(4, 3)}
    names = (
        "float16 float32 float64 int8 uint8 int16 uint16 int32 uint32 int64 uint64 bool complex64 complex128"
    )
    for dtype in names.split():
        for i, shape in enumerate([(), (3,), (2, 2), (0, 4)]):
            values[f"{dtype}/{i}"] = (rng.normal(size=shape) * 50).astype(dtype)
    values["text"] = np.array([b"", b"x" * 300, b"\0\xff"], object)
    with fc.Session() as sess:
        for name, value in values.items():
            fc.Variable(value, name=name)
        sess.run(fc.global_variables_initializer())
        ours = fc.train.Saver().save(sess, tmp_path / "ours")
    theirs = str(tmp_path / "theirs")
    subprocess.run([TENSORFLOW, "-c", THERE, str(ours), theirs], check=True, capture_output=True)
    reader = fc.train.NewCheckpointReader(theirs)
    assert sorted(reader.tensors) == sorted([*values, "p"])
    for name, value in values.items():
        found = reader.get_tensor(name)
        assert np.shape(found) == np.shape(value)
        np.testing.assert_array_equal(found, value)
        assert reader.tensors[name].dtype == ("string" if name == "text" else value.dtype.name)
    np.testing.assert_array_equal(reader.get_tensor("p"), values["whole"])
