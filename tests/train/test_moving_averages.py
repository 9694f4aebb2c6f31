"""Moving averages: values, names as in TensorFlow 1.15, errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import flowcore as fc
from flowcore.train.moving_averages import assign_moving_average

EMA = fc.train.ExponentialMovingAverage


def initialised() -> fc.Session:
    sess = fc.Session()
    sess.run(fc.global_variables_initializer())
    return sess


@pytest.mark.parametrize("use_resource", [False, True])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_the_average_of_a_variable_begins_with_its_value(dtype: Any, use_resource: bool) -> None:
    start = np.array([1.0, -2.0], dtype)
    v = fc.Variable(start, name="v", use_resource=use_resource)
    average = EMA(0.75)
    update = average.apply([v])
    shadow = average.average(v)
    assert shadow is not None
    assert isinstance(shadow, type(v))
    assert (shadow.name, shadow.dtype.base_dtype) == ("v/ExponentialMovingAverage:0", v.dtype.base_dtype)
    wanted = start.copy()
    with initialised() as sess:
        np.testing.assert_array_equal(sess.run(shadow), start)
        for value in (5.0, 3.0, 1.0):
            sess.run(v.assign([value, value]))
            sess.run(update)
            wanted -= (wanted - dtype(value)) * dtype(0.25)
            np.testing.assert_array_equal(sess.run(shadow), wanted)


def test_the_average_of_a_tensor_begins_with_zeros_which_may_be_divided_out() -> None:
    x = fc.placeholder(fc.float32, [2], name="x")
    plain, debiased = EMA(0.9), EMA(0.9, zero_debias=True, name="Debiased")
    updates = [plain.apply([x]), debiased.apply([x])]
    averages = [plain.average(x), debiased.average(x)]
    values, total = [np.array([k, -k], np.float32) for k in (1, 2, 4)], np.zeros(2)
    with initialised() as sess:
        for step, value in enumerate(values, 1):
            sess.run(updates, {x: value})
            total = 0.9 * total + 0.1 * value
            first, second = sess.run(averages)
            np.testing.assert_allclose(first, total, rtol=1e-5)
            np.testing.assert_allclose(second, total / (1 - 0.9**step), rtol=1e-5)
    assert [v.op.name for v in fc.global_variables()] == [
        "x/ExponentialMovingAverage",
        "x/Debiased",
        "x/Debiased/biased",
        "x/Debiased/local_step",
    ]
    assert not fc.trainable_variables()
    assert not fc.moving_average_variables()


def test_early_averages_move_faster_with_num_updates() -> None:
    steps = fc.Variable(3, trainable=False)
    v = fc.Variable(1.0)
    average = EMA(0.99, num_updates=steps)
    update = average.apply([v])
    with initialised() as sess:
        sess.run(v.assign(2.0))
        sess.run(update)
        np.testing.assert_allclose(sess.run(average.average(v)), 1 + (1 - 4 / 13), rtol=1e-6)


def test_nodes_are_those_of_1_15() -> None:
    v, w = fc.Variable([1.0], name="v"), fc.Variable([2.0], name="w", trainable=False)
    average = EMA(0.9)
    update = average.apply()
    scope = "ExponentialMovingAverage/AssignMovingAvg"
    made = [op for op in v.graph.get_operations() if op.name.startswith("ExponentialMovingAverage")]
    assert [(op.type, op.name) for op in made] == [
        ("Const", "ExponentialMovingAverage/decay"),
        ("Const", f"{scope}/sub/x"),
        ("Sub", f"{scope}/sub"),
        ("Sub", f"{scope}/sub_1"),
        ("Mul", f"{scope}/mul"),
        ("AssignSub", scope),
        ("NoOp", "ExponentialMovingAverage"),
    ]
    assert update is made[-1]
    assert fc.moving_average_variables() == [v]
    assert average.average(w) is None
    assert average.average_name(v) == "v/ExponentialMovingAverage"
    assert average.average_name(w) == "w/ExponentialMovingAverage"
    assert average.variables_to_restore() == {"v/ExponentialMovingAverage": v, "w": w}
    assert average.name == "ExponentialMovingAverage"
    assert repr(average) == (
        "<flowcore.train.ExponentialMovingAverage 'ExponentialMovingAverage' decay=0.9 of 1 values>"
    )


def test_an_average_made_in_a_branch_lies_outside() -> None:
    v = fc.Variable(1.0)
    average = EMA(0.5)

    def moved() -> Any:
        with fc.control_dependencies([average.apply([v])]):
            return fc.constant(1)

    chosen = fc.placeholder(fc.bool, [])
    done = fc.cond(chosen, moved, lambda: fc.constant(0))
    shadow = average.average(v)
    assert shadow is not None
    assert shadow.graph is v.graph
    with initialised() as sess:
        sess.run(v.assign(3.0))
        assert sess.run([done, shadow.read_value()], {chosen: False}) == [0, 1.0]
        sess.run(done, {chosen: True})
        assert sess.run(shadow) == 2.0


def test_bad_arguments() -> None:
    v = fc.Variable(1.0, name="v")
    average = EMA(0.9)
    average.apply([v])
    with pytest.raises(ValueError, match="Moving average already computed for: v:0"):
        average.apply([v])
    with pytest.raises(TypeError, match="must be half, float, or double: n:0"):
        average.apply([fc.Variable(1, name="n")])
    with pytest.raises(TypeError, match="var_list must hold Variables and Tensors, found"):
        average.apply([1.0])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="needs its shape"):
        average.apply([fc.placeholder(fc.float32)])
    with pytest.raises(TypeError, match="zero_debias"):
        EMA(0.9, zero_debias=3)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="variable must be a Variable"):
        assign_moving_average(3.0, 1.0, 0.9)  # type: ignore[arg-type]
