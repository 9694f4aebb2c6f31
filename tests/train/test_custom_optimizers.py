"""Optimisers written for TensorFlow 1.15 train: their hooks are called, with what they expect.

The values are those of TensorFlow's reference variables after three steps of the same programs.
"""

from __future__ import annotations

import pathlib
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import flowcore as fc

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import custom_optimizers

MAKE: dict[str, Callable[[], Any]] = {
    "sign": lambda: custom_optimizers.sign_optimizer(fc)(),
    "lazy": lambda: custom_optimizers.lazy_adam(fc)(0.1),
    "counting": lambda: custom_optimizers.counting_optimizer(fc)(0.1),
    "decaying sign": lambda: custom_optimizers.decaying(fc, custom_optimizers.sign_optimizer(fc))(),
    "decaying Adam": lambda: custom_optimizers.decaying(fc, fc.train.AdamOptimizer)(0.1),
    "decaying momentum": lambda: custom_optimizers.decaying(fc, fc.train.MomentumOptimizer)(0.1, 0.9),
    "decaying Adagrad": lambda: custom_optimizers.decaying(fc, fc.train.AdagradOptimizer)(0.1),
}
DENSE = {
    "sign": [[0.7, -1.7], [2.7, 0.2], [-0.7, 1.7]],
    "lazy": [[0.70246, -1.70054], [2.70042, 0.21979], [-0.70116, 1.70074]],
    "counting": [[0.41083, -2.37917], [2.27083, -0.05417], [-1.44917, 1.34083]],
    "decaying sign": [[0.4851, -1.2141], [1.9431, 0.1206], [-0.4851, 1.2141]],
    "decaying Adam": [[0.49134, -1.21603], [1.94535, 0.15587], [-0.48761, 1.217]],
    "decaying momentum": [[0.19372, 0.21121], [0.18205, 0.19663], [0.20538, 0.18788]],
    "decaying Adagrad": [[0.57285, -1.28705], [2.01739, 0.25725], [-0.56056, 1.29091]],
}
SPARSE = {
    "sign": [[1.0, -2.0], [2.7, 0.2], [-0.7, 1.7]],
    "lazy": [[1.0, -2.0], [2.70042, 0.21979], [-0.70116, 1.70074]],
    "decaying sign": [[0.729, -1.458], [1.9431, 0.3006], [-0.4851, 1.2141]],
    "decaying Adam": [[0.729, -1.458], [1.94535, 0.15587], [-0.48761, 1.217]],
    "decaying momentum": [[0.729, -1.458], [-1.11884, 0.0913], [0.20538, 0.18788]],
    "decaying Adagrad": [[0.729, -1.458], [2.01724, 0.24962], [-0.56056, 1.29091]],
}


@pytest.mark.parametrize("kind", DENSE)
def test_whole_gradients(kind: str) -> None:
    found = custom_optimizers.train(fc, MAKE[kind](), sparse=False, steps=3)
    np.testing.assert_allclose(found, DENSE[kind], atol=1e-5)


@pytest.mark.parametrize("kind", SPARSE)
def test_gradients_of_rows_that_repeat(kind: str) -> None:
    found = custom_optimizers.train(fc, MAKE[kind](), sparse=True, steps=3)
    np.testing.assert_allclose(found, SPARSE[kind], atol=1e-5)


def test_rows_without_a_hook_for_them_say_what_to_do() -> None:
    with pytest.raises(NotImplementedError, match=r"no sparse update; make the gradient of 'v:0' dense"):
        custom_optimizers.train(fc, MAKE["counting"](), sparse=True, steps=1)


def test_an_optimizer_without_an_update_names_the_hooks() -> None:
    v = fc.Variable(1.0)
    with pytest.raises(NotImplementedError, match="neither _resource_apply_dense"):
        fc.train.Optimizer(False, "empty").minimize(v * v)


def test_of_both_kinds_of_hooks_that_of_the_most_derived_class_counts() -> None:
    called = []

    class Base(fc.train.Optimizer):
        def _resource_apply_dense(self, grad: fc.Tensor, handle: fc.Variable) -> Any:
            called.append("resource")
            return handle.assign_sub(grad)

    class Derived(Base):
        def _apply_dense(self, grad: fc.Tensor, var: fc.Variable) -> Any:
            called.append("reference")
            return super()._resource_apply_dense(grad, var)

    class Both(Derived):
        def _apply_dense(self, grad: fc.Tensor, var: fc.Variable) -> Any:
            called.append("both, reference")
            return var.assign_sub(grad)

        def _resource_apply_dense(self, grad: fc.Tensor, handle: fc.Variable) -> Any:
            called.append("both")
            return handle.assign_sub(grad)

    for use_resource in (False, True):
        called.clear()
        v = fc.Variable(1.0, use_resource=use_resource)
        for cls in (Base, Derived, Both):
            cls(False, "o").minimize(v * v, var_list=[v])
        last = "both" if use_resource else "both, reference"  # the variable's own kind
        assert called == ["resource", "reference", "resource", last]


def test_slots_and_other_variables_are_found_again() -> None:
    a, b = fc.Variable(1.0, name="b"), fc.Variable(1.0, name="a")
    adam = fc.train.AdamOptimizer()
    with pytest.raises(RuntimeError, match="'Adam' has no accumulators before"):
        adam._get_beta_accumulators()
    adam.minimize(a * b)
    names = ["a/Adam:0", "a/Adam_1:0", "b/Adam:0", "b/Adam_1:0", "beta1_power:0", "beta2_power:0"]
    assert [v.name for v in adam.variables()] == names
    assert [v.name for v in adam._get_beta_accumulators()] == names[4:]
    assert adam._slot_dict("m") == {a: adam.get_slot(a, "m"), b: adam.get_slot(b, "m")}
    assert adam._create_non_slot_variable(5.0, "beta1_power", a) is adam._get_beta_accumulators()[0]
    fc.train.AdamOptimizer().minimize(a * a)
    assert [v.name for v in fc.global_variables()][-4:] == [
        "beta1_power_1:0",
        "beta2_power_1:0",
        "b/Adam_2:0",
        "b/Adam_3:0",
    ]
    with fc.Graph().as_default():
        assert adam.variables() == []


@pytest.mark.parametrize("use_resource", [False, True])
def test_updates_are_named_after_their_variable(use_resource: bool) -> None:
    v = fc.get_variable("a/w", initializer=1.0, use_resource=use_resource)
    fc.train.GradientDescentOptimizer(0.1).minimize(v * v)
    names = [op.name for op in fc.get_default_graph().get_operations() if "update" in op.name]
    kind = "Resource" if use_resource else ""
    assert names == [f"GradientDescent/update_a/w/{kind}ApplyGradientDescent"]


def test_hyper_parameters_may_be_functions() -> None:
    for make in (
        lambda rate: fc.train.GradientDescentOptimizer(rate),
        lambda rate: fc.train.MomentumOptimizer(rate, lambda: 0.0),
        lambda rate: fc.train.AdamOptimizer(rate, beta1=lambda: 0.9),
        lambda rate: fc.train.RMSPropOptimizer(rate, decay=lambda: 0.9),
        lambda rate: fc.train.AdagradOptimizer(rate),
    ):
        results = []
        for rate in (0.1, lambda: 0.1):
            with fc.Graph().as_default():
                results.append(custom_optimizers.train(fc, make(rate), sparse=False, steps=2))
        np.testing.assert_array_equal(*results)


def test_a_pair_the_wrong_way_round_says_so() -> None:
    v = fc.Variable(1.0)
    with pytest.raises(TypeError, match=r"pairs \(gradient, variable\); this one is the other way round"):
        fc.train.GradientDescentOptimizer(0.1).apply_gradients([(v, fc.constant(1.0))])
