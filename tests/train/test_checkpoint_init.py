"""Initial values from checkpoints."""

from __future__ import annotations

import pathlib
import re
from typing import Any

import numpy as np
import pytest

import flowcore as fc


@pytest.fixture
def path(tmp_path: pathlib.Path) -> str:
    """A checkpoint with one/a, one/b, step."""
    with fc.Graph().as_default(), fc.Session() as sess:
        fc.Variable([1.0, 2.0], name="one/a")
        fc.Variable([[3.0]], name="one/b")
        fc.Variable(4, name="step")
        sess.run(fc.global_variables_initializer())
        return str(fc.train.Saver().save(sess, tmp_path / "m"))


def initialized(*variables: fc.Variable) -> list[Any]:
    with fc.Session() as sess:
        sess.run(fc.global_variables_initializer())
        return [np.asarray(v).tolist() for v in sess.run(variables)]


@pytest.mark.parametrize("use_resource", [False, True])
def test_variables_names_and_scopes(path: str, use_resource: bool) -> None:
    with fc.variable_scope("two", use_resource=use_resource):
        a, b = fc.get_variable("a", [2]), fc.get_variable("b", [1, 1])
    step = fc.get_variable("count", [], fc.int32, use_resource=use_resource)
    fc.train.init_from_checkpoint(path, {"one/": "two/", "step": "count"})
    assert initialized(a, b, step) == [[1.0, 2.0], [[3.0]], 4]
    with fc.Graph().as_default():
        other = fc.Variable([0.0, 0.0], use_resource=use_resource)
        fc.train.init_from_checkpoint(path, {"one/a": other})
        assert initialized(other) == [[1.0, 2.0]]
    with fc.Graph().as_default():
        b = fc.get_variable("one/b", [1, 1])
        fc.train.init_from_checkpoint(path, {"/": "/"})
        assert initialized(b) == [[[3.0]]]


def test_parts_take_their_part(path: str) -> None:
    part = fc.get_variable("x", [1])
    part._set_save_slice_info(fc.Variable.SaveSliceInfo("one/a", [2], [1], [1]))
    fc.train.init_from_checkpoint(path, {"one/a": [part]})
    assert initialized(part) == [[2.0]]


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ({"one/c": "a"}, "Tensor one/c (for variable a) is not found; did you mean 'one/b' or 'one/a'?"),
        ({"one/b": "a"}, "Shape of variable a ([2]) doesn't match with shape of tensor one/b"),
        ({"step": "a"}, "Tensor step is int32, and variable a float32"),
        ({"one/a": "b"}, "no variable 'b'"),
        ({"one": "two/"}, "a scope goes to a scope"),
        ({"two/": "/"}, "Tensor two/a (for variable a) is not found"),
    ],
)
def test_what_does_not_fit_is_named(path: str, entries: dict[str, str], expected: str) -> None:
    a = fc.get_variable("a", [2])
    with pytest.raises(ValueError, match=re.escape(expected)):
        fc.train.init_from_checkpoint(path, entries)
    assert a.initializer.name == "a/Assign"


def test_warm_start(path: str) -> None:
    a, c = fc.get_variable("one/a", [2]), fc.get_variable("c", [1, 1])
    fc.train.warm_start(path, var_name_to_prev_var_name={"c": "one/b"})
    assert initialized(a, c) == [[1.0, 2.0], [[3.0]]]
    step = fc.get_variable("step", [], fc.int32, trainable=False)
    fc.train.warm_start(path, ["st.*"])
    assert initialized(step) == [4]
    fc.train.warm_start(path, [step])
    with pytest.raises(ValueError, match="not warm-started"):
        fc.train.warm_start(path, "one", var_name_to_prev_var_name={"c": "one/b"})
    with pytest.raises(ValueError, match="no regular expression"):
        fc.train.warm_start(path, "(")
    with pytest.raises(NotImplementedError, match="vocabularies"):
        fc.train.warm_start(path, var_name_to_vocab_info={"c": 1})
