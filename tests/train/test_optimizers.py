"""Optimisers: each step equals the formula in NumPy, dense and sparse; slots, errors."""

from __future__ import annotations

import numpy as np
import pytest

import flowcore as fc
from flowcore.graph.apply import apply

START = np.array([[1.0, -2.0], [0.5, 3.0], [2.0, 2.0]])


def momentum(nesterov: bool):
    def step(w, g, s):
        s["m"] = s.get("m", 0) * 0.9 + g
        return w - 0.1 * (g + 0.9 * s["m"] if nesterov else s["m"])

    return step


def adam(w, g, s):
    s["t"] = s.get("t", 0) + 1
    s["m"] = 0.9 * s.get("m", 0) + 0.1 * g
    s["v"] = 0.999 * s.get("v", 0) + 0.001 * g * g
    return w - 0.1 * np.sqrt(1 - 0.999 ** s["t"]) / (1 - 0.9 ** s["t"]) * s["m"] / (np.sqrt(s["v"]) + 1e-8)


def adagrad(w, g, s):
    s["a"] = s.get("a", 0.1) + g * g
    return w - 0.1 * g / np.sqrt(s["a"])


def rmsprop(w, g, s):
    s["a"] = 0.9 * s.get("a", 1.0) + 0.1 * g * g
    return w - 0.1 * g / np.sqrt(s["a"] + 1e-10)


CASES = {
    "gradient descent": (lambda: fc.train.GradientDescentOptimizer(0.1), lambda w, g, s: w - 0.1 * g),
    "momentum": (lambda: fc.train.MomentumOptimizer(0.1, 0.9), momentum(False)),
    "nesterov": (lambda: fc.train.MomentumOptimizer(0.1, 0.9, use_nesterov=True), momentum(True)),
    "adam": (lambda: fc.train.AdamOptimizer(0.1), adam),
    "adagrad": (lambda: fc.train.AdagradOptimizer(0.1), adagrad),
    "rmsprop": (lambda: fc.train.RMSPropOptimizer(0.1), rmsprop),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_dense_steps_follow_the_formula(name: str, dtype: str) -> None:
    make, formula = CASES[name]
    w = fc.Variable(START.astype(dtype))
    loss = fc.reduce_sum(w * w * w)
    step = make().minimize(loss)
    expected, state = START.copy(), {}
    with fc.Session() as sess:
        sess.run(fc.global_variables_initializer())
        for _ in range(4):
            sess.run(step)
            expected = formula(expected, 3 * expected**2, state)
            # Adam's powers are float32
            np.testing.assert_allclose(sess.run(w), expected, rtol=2e-4 if dtype == "float32" else 1e-5)


@pytest.mark.parametrize("name", ["gradient descent", "momentum", "adagrad", "adam"])
def test_sparse_steps_add_repeated_rows_and_leave_others(name: str) -> None:
    make, formula = CASES[name]
    w = fc.Variable(START)
    loss = fc.reduce_sum(fc.gather(w, [2, 0, 2]) * [[1.0], [2.0], [3.0]])
    step = make().minimize(loss)
    rows, gradient = [0, 2], np.array([[2.0, 2.0], [4.0, 4.0]])
    expected = START.copy()
    expected[rows] = formula(START[rows], gradient, {})
    with fc.Session() as sess:
        sess.run(fc.global_variables_initializer())
        sess.run(step)
        np.testing.assert_allclose(sess.run(w), expected, rtol=1e-6)


def test_the_global_step_counts_and_slots_can_be_read() -> None:
    w = fc.Variable([1.0])
    counter = fc.train.create_global_step()
    optimizer = fc.train.MomentumOptimizer(0.1, 0.9)
    step = optimizer.minimize(fc.reduce_sum(w), global_step=counter)
    assert optimizer.get_slot_names() == ["momentum"]
    with fc.Session() as sess:
        sess.run(fc.global_variables_initializer())
        for _ in range(3):
            sess.run(step)
        assert sess.run(counter) == 3
        np.testing.assert_allclose(sess.run(optimizer.get_slot(w, "momentum")), [1 + 0.9 + 0.81], rtol=1e-6)


def test_what_cannot_be_optimised_is_refused_with_names() -> None:
    w, other = fc.Variable(1.0, name="w"), fc.Variable(1.0, name="other")
    optimizer = fc.train.GradientDescentOptimizer(0.1)
    with pytest.raises(ValueError, match=r"nothing to minimize.*other:0"):
        optimizer.minimize(w * 2.0, var_list=[other])
    with pytest.raises(ValueError, match="Invalid type int32"):
        optimizer.minimize(fc.constant(1))
    with pytest.raises(TypeError, match="not a Variable"):
        optimizer.minimize(w * 2.0, var_list=[fc.constant(1.0)])
    with fc.Graph().as_default(), pytest.raises(ValueError, match="no trainable variable"):
        optimizer.minimize(fc.constant(1.0))


@pytest.mark.parametrize("threads", [1, 2, 8])
def test_training_gives_the_same_bits_for_any_number_of_threads(threads: int) -> None:
    fc.set_random_seed(7)
    x = fc.random_normal([256, 64])
    w1, w2 = fc.Variable(fc.random_normal([64, 512])), fc.Variable(fc.random_normal([512, 1]))
    loss = fc.reduce_mean(fc.square(fc.matmul(fc.nn.dropout(fc.tanh(fc.matmul(x, w1)), rate=0.3), w2)))
    step = fc.train.AdamOptimizer(0.01).minimize(loss)
    with fc.Session(config=fc.ConfigProto(inter_op_parallelism_threads=threads)) as sess:
        sess.run(fc.global_variables_initializer())
        losses = [sess.run([loss, step])[0] for _ in range(5)]
    RESULTS.setdefault("losses", losses)
    assert losses == RESULTS["losses"]


RESULTS: dict[str, list[np.float32]] = {}


@pytest.mark.parametrize("name", [*CASES, "sparse adam", "sparse adagrad", "sparse momentum"])
def test_half_precision_without_a_gradient_stays_where_it_is(name: str) -> None:
    make = CASES[name.removeprefix("sparse ")][0]
    w = fc.Variable(np.float16([[1.0, -2.0], [3.0, 4.0]]))
    zeros = fc.placeholder(fc.float16, [2, 2])
    gradient = fc.IndexedSlices(zeros, fc.constant([1, 0])) if name.startswith("sparse") else zeros
    step = make().apply_gradients([(gradient, w)])
    with fc.Session() as sess:
        sess.run(fc.global_variables_initializer())
        for _ in range(200):  # the second moment of RMSProp decays to nothing
            sess.run(step, {zeros: np.zeros((2, 2))})
        assert sess.run(w).tolist() == [[1.0, -2.0], [3.0, 4.0]]
        for _ in range(5):  # gradients whose squares are nothing in half precision
            sess.run(step, {zeros: np.full((2, 2), 1e-4)})
        after = sess.run(w)
        assert np.isfinite(after).all()
        assert np.abs(after - np.float16([[1.0, -2.0], [3.0, 4.0]])).max() < 2.0


def test_gradients_of_another_shape_are_refused() -> None:
    w = fc.Variable(np.zeros((2, 3), np.float32), name="w")
    unknown = fc.placeholder(fc.float32)
    for make, _ in CASES.values():
        for wrong in (fc.ones([3]), fc.ones([1, 3]), fc.ones([])):
            with pytest.raises(ValueError, match=r"gradient for variable 'w.*has shape .*\(2, 3\)"):
                make().apply_gradients([(wrong, w)])
        rows = fc.IndexedSlices(fc.ones([1, 2]), fc.constant([0]))
        with pytest.raises(ValueError, match=r"gradient for variable 'w.*has rows"):
            make().apply_gradients([(rows, w)])
        step = make().apply_gradients([(unknown, w)])
        with fc.Session() as sess:
            sess.run(fc.global_variables_initializer())
            with pytest.raises(fc.errors.InvalidArgumentError, match="'w' has shape"):
                sess.run(step, {unknown: np.ones(3)})


@pytest.mark.parametrize("kind", ["", "Resource"])
def test_update_ops_check_their_arguments(kind: str) -> None:
    w = fc.Variable(np.zeros((2, 3), np.float32), use_resource=kind == "Resource")
    slot = fc.Variable(np.zeros((3, 2), np.float32), use_resource=kind == "Resource")
    w, slot = w._variable, slot._variable
    ones = fc.ones([2, 3])
    with pytest.raises(ValueError, match="accum must have the variable's shape"):
        apply(f"{kind}ApplyAdagrad", w, slot, 0.1, ones)
    with pytest.raises(ValueError, match="delta must have the variable's shape"):
        apply(f"{kind}ApplyGradientDescent", w, 0.1, fc.ones([3]))
    with pytest.raises(ValueError, match=r"rank 0|scalar"):
        apply(f"{kind}ApplyGradientDescent", w, [0.1], ones)
    with pytest.raises(ValueError, match="grad must have the shape of indices"):
        apply(f"{kind}SparseApplyAdagrad", w, w, 0.1, ones, [0])
