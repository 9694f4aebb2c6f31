"""Methods of Variable as TensorFlow 1.15 has them."""

from __future__ import annotations

import operator
from collections.abc import Callable
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


@pytest.mark.parametrize("use_resource", [False, True])
def test_what_cannot_be_added_to_is_refused_when_the_node_is_made(use_resource: bool) -> None:
    for value in ([True], ["a"]):
        v = fc.Variable(value, use_resource=use_resource)
        before = len([op for op in v.graph.get_operations() if op.type.startswith("Assign")])
        for update in (v.assign_add, v.assign_sub, lambda x, v=v: fc.assign_add(v, x)):
            with pytest.raises(
                TypeError, match=r"Assign(Add|Sub)(VariableOp)? does not take dtype (bool|string)"
            ):
                update(value)
        assert len([op for op in v.graph.get_operations() if op.type.startswith("Assign")]) == before


@pytest.mark.parametrize("updates", [1.0, [1.0]])
def test_a_scalar_has_no_rows_to_scatter_to(updates: Any) -> None:
    v = fc.Variable(1.0, name="v")
    for scatter in (fc.scatter_add, fc.scatter_update, fc.scatter_max):
        with pytest.raises(ValueError, match="Variable 'v' is a scalar, which has no rows"):
            scatter(v, [0], updates)
    with pytest.raises(ValueError, match="Variable 'v' is a scalar"):
        v.scatter_sub(fc.IndexedSlices([1.0], fc.placeholder(fc.int32)))


def test_a_tensor_or_variable_of_another_dtype_is_a_type_error() -> None:
    v = fc.Variable(1, name="v")
    for value in (fc.constant(1.0), fc.Variable(1.0), 1.5):
        for update in (v.assign, v.assign_add, v.assign_sub):
            with pytest.raises(TypeError, match="int32"):
                update(value)


def test_use_locking_is_a_bool() -> None:
    v, rows = fc.Variable([1.0]), fc.IndexedSlices([1.0], [0])
    for update in (v.assign, v.assign_add, v.assign_sub):
        with pytest.raises(TypeError, match="use_locking must be True or False, found 'x'"):
            update([1.0], use_locking="x")
        assert update([1.0], use_locking=True).shape.as_list() == [1]
    for kind in SCATTERS:
        with pytest.raises(TypeError, match="use_locking must be True or False, found 'x'"):
            getattr(v, f"scatter_{kind}")(rows, use_locking="x")
        with pytest.raises(TypeError, match="use_locking must be True or False, found 'x'"):
            getattr(fc, f"scatter_{kind}")(v, [0], [1.0], use_locking="x")
    for assign in (fc.assign, fc.assign_add, fc.assign_sub):
        with pytest.raises(TypeError, match="use_locking must be True or False, found 'x'"):
            assign(v, [1.0], use_locking="x")
        assign(v, [1.0], use_locking=None)
    with pytest.raises(TypeError, match="validate_shape must be True or False"):
        fc.assign(v, [1.0], validate_shape="x")


def test_an_initial_value_has_a_known_shape_unless_the_variable_may_change_its_own() -> None:
    for i, shape in enumerate((None, [None], [2, None])):
        unknown = fc.placeholder(fc.float32, shape)
        with pytest.raises(
            ValueError, match=r"the shape of initial_value .* must be known.*validate_shape=False"
        ):
            fc.Variable(unknown)
        with pytest.raises(ValueError, match="must be known"):
            fc.get_variable(f"v{i}", initializer=unknown)
        assert fc.Variable(unknown, validate_shape=False).shape.ndims is None
        assert fc.Variable(unknown, use_resource=True).shape.ndims == (None if shape is None else len(shape))
        assert fc.Variable(
            unknown, shape=[2, 3] if shape and len(shape) == 2 else [2]
        ).shape.is_fully_defined()
    with pytest.raises(TypeError, match="validate_shape must be True or False, found 'x'"):
        fc.Variable(1.0, validate_shape="x", shape=[])


def test_initialized_value_is_the_value_once_there_is_one() -> None:
    v = fc.Variable(fc.random_uniform([]))
    w = fc.Variable(v.initialized_value() * 2.0)
    current = v.initialized_value()
    _, total = fc.while_loop(
        lambda i, t: i < 3, lambda i, t: (i + 1, t + v.initialized_value()), [0, fc.constant(0.0)]
    )
    with fc.Session() as sess:
        first = sess.run(total)
        assert 0.0 <= first <= 3.0
        sess.run([v.initializer, w.initializer])
        assert sess.run(w) == 2.0 * sess.run(v)
        sess.run(v.assign(5.0))
        assert sess.run([current, total]) == [5.0, 15.0]
        sess.run(w.initializer)
        assert sess.run(w) == 10.0


def _reading_new(make: Callable[[], Any]) -> fc.Tensor:
    return fc.cond(fc.constant(True), lambda: make() + 1.0, lambda: fc.constant(0.0))


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: fc.Variable(2.0), "cond/Variable:0"),
        (lambda: fc.Variable(lambda: fc.ones([]) * 2.0, name="v"), "cond/v:0"),
        (lambda: fc.get_variable("w", [], initializer=fc.constant_initializer(2.0)), "w:0"),
        (lambda: fc.get_variable("w", initializer=2.0), "w:0"),
    ],
)
def test_variables_made_in_a_branch_lie_outside(make: Callable[[], Any], name: str) -> None:
    y = _reading_new(make)
    (v,) = fc.global_variables()
    assert (v.name, v.graph) == (name, y.graph)
    assert fc.trainable_variables() == [v]
    with fc.Session() as sess:
        sess.run(fc.global_variables_initializer())
        assert sess.run([y, fc.gradients(y, v)[0]]) == [3.0, 1.0]


def test_variables_made_in_loops_and_branches_in_them_keep_scopes_and_devices() -> None:
    def branch() -> fc.Tensor:
        with fc.name_scope("inner"), fc.device("/cpu:0"):
            return fc.Variable(1.0, name="v").value()

    def body(i: fc.Tensor, x: fc.Tensor) -> Any:
        return i + 1, x + fc.cond(i > 0, branch, lambda: fc.constant(0.0))

    _, y = fc.while_loop(lambda i, x: i < 3, body, [0, fc.constant(0.0)])
    (v,) = fc.global_variables()
    assert (v.name, v.device) == ("while/cond/inner/v:0", "/device:CPU:0")
    assert fc.constant(1.0, name="after").name == "after:0"
    with fc.Session() as sess:
        sess.run(v.initializer)
        assert sess.run(y) == 2.0
        sess.run(v.assign(10.0))
        assert sess.run(y) == 20.0


def test_an_initial_value_that_lies_inside_a_body_is_refused() -> None:
    with pytest.raises(ValueError, match=r"'cond/Variable' is tensor 'cond/true/zeros:0'.*use a lambda"):
        _reading_new(lambda: fc.Variable(fc.zeros([])))
    with pytest.raises(ValueError, match=r"lies inside 'while/body'.*use a lambda"):
        fc.while_loop(lambda x: x < 3.0, lambda x: x + fc.Variable(lambda: x), [fc.constant(0.0)])
    assert fc.global_variables() == []
