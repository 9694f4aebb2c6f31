"""Methods of Variable as TensorFlow 1.15 has them."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
import pytest

import flowcore as fc

START = [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]
SCATTERS = {
    "update": [[9.0, 9.0], [3.0, 4.0], [2.0, 4.0]],
    "add": [[10.0, 11.0], [3.0, 4.0], [7.0, 10.0]],
    "sub": [[-8.0, -7.0], [3.0, 4.0], [3.0, 2.0]],
    "mul": [[9.0, 18.0], [3.0, 4.0], [10.0, 24.0]],
    "div": [[1 / 9, 2 / 9], [3.0, 4.0], [2.5, 1.5]],
    "min": [[1.0, 2.0], [3.0, 4.0], [2.0, 4.0]],
    "max": [[9.0, 9.0], [3.0, 4.0], [5.0, 6.0]],
}


@pytest.mark.parametrize("kind", SCATTERS)
def test_scatters_take_slices_and_return_the_value_afterwards(kind: str) -> None:
    v = fc.Variable(START)
    scatter = getattr(v, f"scatter_{kind}")
    after = scatter(fc.IndexedSlices(fc.constant([[9.0, 9.0], [2.0, 4.0]]), fc.constant([0, 2])), name="s")
    with fc.Session() as sess:
        sess.run(v.initializer)
        np.testing.assert_allclose(sess.run(after), SCATTERS[kind], rtol=1e-6)
        np.testing.assert_allclose(sess.run(v), SCATTERS[kind], rtol=1e-6)
    with pytest.raises(TypeError, match="sparse_delta"):
        scatter(fc.constant(1.0))


def test_set_shape_adds_knowledge_and_refuses_contradictions() -> None:
    v = fc.Variable([1.0])
    assert v.set_shape([1]) is None
    with pytest.raises(ValueError, match=f"Variable '{v.name}'"):
        v.set_shape([2])
    unknown = fc.Variable(fc.placeholder_with_default([1.0, 2.0], None), validate_shape=False)
    assert unknown.shape.ndims is None
    unknown.set_shape([None])
    assert unknown.get_shape().as_list() == [None]
    assert (unknown * 2.0).shape.as_list() == [None]
    unknown.set_shape([2])
    assert unknown.value().shape.as_list() == [2]
    with fc.Session() as sess:
        sess.run(unknown.initializer)
        assert sess.run(unknown * 2.0).tolist() == [2.0, 4.0]


@pytest.mark.parametrize(
    ("name", "instead"),
    [
        ("iadd", "assign_add"),
        ("isub", "assign_sub"),
        ("imul", "assign"),
        ("itruediv", "assign"),
        ("ifloordiv", "assign"),
        ("ipow", "assign"),
    ],
)
def test_operators_in_place_would_lose_the_variable_and_are_refused(name: str, instead: str) -> None:
    v: Any = fc.Variable(1.0, name="v")
    with pytest.raises(
        RuntimeError, match=rf"'v:0': .*would not change the variable; use variable\.{instead}"
    ):
        getattr(operator, name)(v, 2.0)
