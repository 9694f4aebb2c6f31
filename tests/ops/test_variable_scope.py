"""Variables by name: which are shared, what they are called, what they start with, and which
mistakes are refused.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import flowcore as fc


def test_names_come_from_variable_scopes_and_ops_are_named_by_name_scopes() -> None:
    with fc.variable_scope("foo") as scope:
        x = fc.get_variable("x", [2, 3])
        with fc.name_scope("n"), fc.variable_scope("bar"):
            w, c = fc.get_variable("w", [2]), fc.constant(1)
    with fc.variable_scope(scope):
        again = fc.constant(1)
    assert (x.name, w.name, c.name, again.name) == (
        "foo/x:0",
        "foo/bar/w:0",
        "foo/n/bar/Const:0",
        "foo_1/Const:0",
    )
    assert (scope.name, scope.original_name_scope) == ("foo", "foo/")
    assert x.initial_value.name == "foo/x/Initializer/random_uniform:0"
    with fc.variable_scope("a", auxiliary_name_scope=False):
        assert (fc.get_variable("x", []).name, fc.constant(1).name) == ("a/x:0", "Const:0")


def test_sharing_asks_for_reuse() -> None:
    with fc.variable_scope("a") as scope:
        x = fc.get_variable("x", [2])
        with pytest.raises(ValueError, match=r"a/x already exists.*reuse"):
            fc.get_variable("x", [2])
    with fc.variable_scope("a", reuse=True), fc.variable_scope("", reuse=False) as inner:
        assert inner.reuse is True
    with fc.variable_scope(scope, reuse=True):
        assert fc.get_variable("x") is x
        with pytest.raises(ValueError, match="no variable a/y"):
            fc.get_variable("y", [2])
        with pytest.raises(ValueError, match=r"has shape \(2,\).*shape \(3,\)"):
            fc.get_variable("x", [3])
        with pytest.raises(ValueError, match="is float32, but dtype int32"):
            fc.get_variable("x", [2], fc.int32)
    with fc.variable_scope("a", reuse=fc.AUTO_REUSE):
        assert fc.get_variable("x", [2]) is x
        assert fc.get_variable("y", [2]) is fc.get_variable("y", [2])
    with fc.variable_scope("a"):
        fc.get_variable_scope().reuse_variables()
        assert fc.get_variable("x") is x


def test_default_names_are_made_unique_among_their_siblings() -> None:
    names = []
    for _ in range(2):
        with fc.variable_scope(None, "layer") as outer:
            for _ in range(2):
                with fc.variable_scope(None, "part") as inner:
                    names.append(inner.name)
        names.append(outer.name)
    assert names == ["layer/part", "layer/part_1", "layer", "layer_1/part", "layer_1/part_1", "layer_1"]


def test_settings_are_inherited_and_can_be_overridden() -> None:
    with fc.variable_scope(
        "a", initializer=fc.ones_initializer(), regularizer=fc.reduce_sum, dtype=fc.float64
    ):
        x = fc.get_variable("x", [2])
        with fc.variable_scope("b", initializer=fc.constant_initializer(5.0), regularizer=fc.no_regularizer):
            y = fc.get_variable("y", [2])
    assert x.dtype == y.dtype == fc.as_dtype("float64_ref")
    losses = fc.get_collection(fc.GraphKeys.REGULARIZATION_LOSSES)
    assert [t.name for t in losses] == ["a/x/Regularizer/Sum:0"]
    with fc.Session() as sess:
        sess.run(fc.global_variables_initializer())
        assert sess.run([x, y, losses[0]])[0].tolist() == [1, 1]
        assert sess.run(y).tolist() == [5, 5]
        assert sess.run(losses[0]) == 2


def test_collections_of_a_scope_hold_its_own_variables() -> None:
    with fc.variable_scope("a") as scope:
        x = fc.get_variable("x", [])
        frozen = fc.get_variable("frozen", [], trainable=False)
        local = fc.get_local_variable("count", [], fc.int64)
    fc.get_variable("ab", [])
    assert scope.global_variables() == [x, frozen]
    assert scope.trainable_variables() == [x]
    assert scope.local_variables() == fc.local_variables() == [local]


def test_custom_getters_are_called_from_the_inside_out() -> None:
    def renamed(getter: Callable[..., Any], name: str, *args: Any, **kwargs: Any) -> Any:
        return getter(f"{name}_inner", *args, **kwargs)

    def doubled(getter: Callable[..., Any], name: str, *args: Any, **kwargs: Any) -> Any:
        return getter(f"{name}_outer", *args, **kwargs) * 2.0

    with fc.variable_scope("a", custom_getter=doubled), fc.variable_scope("b", custom_getter=renamed):
        value = fc.get_variable("x", initializer=3.0)
    assert [v.name for v in fc.global_variables()] == ["a/b/x_inner_outer:0"]
    with fc.Session() as sess:
        sess.run(fc.global_variables_initializer())
        assert sess.run(value) == 6


def test_constraints_reach_the_optimiser() -> None:
    w = fc.get_variable("w", initializer=[1.0, -1.0], constraint=lambda v: fc.maximum(v, 0.0))
    step = fc.train.GradientDescentOptimizer(0.5).minimize(fc.reduce_sum(w))
    with fc.Session() as sess:
        sess.run(fc.global_variables_initializer())
        sess.run(step)
        assert sess.run(w).tolist() == [0.5, 0.0]


def test_first_values_may_be_functions_classes_or_values() -> None:
    made = [
        fc.get_variable("a", initializer=3),
        fc.get_variable("b", initializer=np.ones(2)),
        fc.get_variable("c", initializer=fc.constant([1, 2])),
        fc.get_variable("d", initializer=lambda: fc.zeros([2, 2])),
        fc.get_variable("e", [2], initializer=fc.zeros_initializer),
        fc.get_variable("f", [2], fc.string),
        fc.get_variable(
            "g", [2], initializer=lambda shape, dtype, partition_info: fc.fill(shape, fc.constant(7, dtype))
        ),
    ]
    assert [v.dtype.base_dtype.name for v in made] == [
        "int32",
        "float64",
        "int32",
        "float32",
        "float32",
        "string",
        "float32",
    ]
    with fc.Session() as sess:
        sess.run(fc.global_variables_initializer())
        assert [v.tolist() for v in sess.run(made)] == [
            3,
            [1, 1],
            [1, 2],
            [[0, 0], [0, 0]],
            [0, 0],
            [b"", b""],
            [7, 7],
        ]


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: fc.get_variable("x", [None, 1]), ValueError, "fully defined"),
        (lambda: fc.get_variable("x"), ValueError, "fully defined"),
        (lambda: fc.get_variable("x", [1], initializer=[3.0]), ValueError, "leave shape out"),
        (
            lambda: fc.get_variable("x", dtype=fc.int32, initializer=3.5),
            ValueError,
            "float32, but dtype says int32",
        ),
        (
            lambda: fc.get_variable("x", [1], fc.complex64),
            ValueError,
            "variable x needs an initializer: complex64",
        ),
        (lambda: fc.get_variable("x", [4], partitioner=lambda **_: [2]), NotImplementedError, "partition"),
        (lambda: fc.get_variable(""), ValueError, "empty"),
        (lambda: fc.variable_scope(3), TypeError, "string or VariableScope"),
        (lambda: fc.variable_scope(None), TypeError, "needs name_or_scope"),
        (lambda: fc.variable_scope(None, "d", reuse=True), ValueError, "name_or_scope is missing"),
        (lambda: fc.variable_scope("a", reuse="yes"), ValueError, "reuse must be"),
    ],
)
def test_mistakes_are_refused(make: Callable[[], Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        make()
    assert not fc.global_variables()


def test_scopes_belong_to_their_thread_and_variables_to_the_graph() -> None:
    graph = fc.get_default_graph()
    seen: list[Any] = []

    def other() -> None:
        with graph.as_default(), fc.variable_scope("b", reuse=fc.AUTO_REUSE) as scope:
            seen.append(scope.name)
            seen.append(fc.get_variable("x", [1]))

    with fc.variable_scope("a"):
        for _ in range(2):
            thread = threading.Thread(target=other)
            thread.start()
            thread.join()
    assert (seen[0], seen[2]) == ("b", "b")
    assert seen[1] is seen[3]
    with fc.Graph().as_default():
        assert fc.get_variable_scope().name == ""
        assert fc.get_variable("x", [1]).name == "x:0"
    assert fc.get_default_graph().get_all_collection_keys() == ["variables", "trainable_variables"]


# ---- initializers ----------------------------------------


def test_constants_fill_in_order_and_repeat_the_last() -> None:
    with fc.Session() as sess:
        assert sess.run(fc.constant_initializer([1, 2, 3])([2, 3])).tolist() == [[1, 2, 3], [3, 3, 3]]
        assert sess.run(fc.constant_initializer(4)([2], fc.int32)).tolist() == [4, 4]
        assert sess.run(fc.constant_initializer([])([0, 2])).shape == (0, 2)
        assert sess.run(fc.zeros_initializer()([])) == 0
    with pytest.raises(ValueError, match="3 values are more than the 2"):
        fc.constant_initializer([1, 2, 3])([2])
    with pytest.raises(ValueError, match="no value"):
        fc.constant_initializer([])([2])
    with pytest.raises(TypeError, match="shape"):
        fc.constant_initializer([1, 2], verify_shape=True)([1, 2])
    with pytest.raises(TypeError, match="must be a number"):
        fc.constant_initializer({})


@pytest.mark.parametrize(
    ("make", "variance", "limit"),
    [
        (lambda: fc.glorot_uniform_initializer(seed=1), 2 / (450 + 360), (6 / 810) ** 0.5),
        (lambda: fc.glorot_normal_initializer(seed=1), 2 / (450 + 360), 2 * (2 / 810) ** 0.5 / 0.8796),
        (
            lambda: fc.variance_scaling_initializer(2.0, "fan_out", "untruncated_normal", seed=1),
            2 / 360,
            np.inf,
        ),
        (lambda: fc.variance_scaling_initializer(seed=1), 1 / 450, 2 / 450**0.5 / 0.8796),
        (lambda: fc.uniform_unit_scaling_initializer(seed=1), 1 / 450, (3 / 450) ** 0.5),
        (lambda: fc.random_normal_initializer(0.0, 3.0, seed=1), 9, np.inf),
        (lambda: fc.truncated_normal_initializer(0.0, 3.0, seed=1), 9 * 0.8796**2, 6),
        (lambda: fc.random_uniform_initializer(-2, 2, seed=1), 16 / 12, 2),
    ],
)
def test_random_values_have_their_variance(make: Callable[[], Any], variance: float, limit: float) -> None:
    initializer = make()
    values = initializer([3, 3, 50, 40])
    with fc.Session() as sess:
        array = sess.run(values)
    assert array.shape == (3, 3, 50, 40)
    assert abs(array.mean()) < 4 * (variance / array.size) ** 0.5
    assert abs(array.var() / variance - 1) < 0.05
    assert np.abs(array).max() <= limit * 1.001
    twin = type(initializer).from_config(initializer.get_config())
    assert twin.get_config() == initializer.get_config()


def test_scales_need_a_whole_shape_and_sensible_settings() -> None:
    with pytest.raises(ValueError, match="fully defined"):
        fc.glorot_uniform_initializer()([None, 3])
    for settings, words in (
        ({"scale": 0.0}, "scale"),
        ({"mode": "fan"}, "mode"),
        ({"distribution": "flat"}, "distribution"),
        ({"dtype": fc.int32}, "floating"),
    ):
        with pytest.raises(ValueError, match=words):
            fc.variance_scaling_initializer(**settings)


@pytest.mark.parametrize("wrong", [{"name": 5}, {"name": None}, {"name_scope": 5}])
def test_names_of_a_scope_made_by_hand_are_text(wrong: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match=f"{next(iter(wrong))} must be a str, found"):
        fc.VariableScope(False, **wrong)


def test_what_is_called_later_is_checked_at_once() -> None:
    for name in ("custom_getter", "regularizer", "constraint"):
        for make in (
            lambda **k: fc.VariableScope(False, **k),
            lambda **k: fc.variable_scope("a", **k),
            lambda **k: fc.get_variable("x", [], **k),
        ):
            with pytest.raises(TypeError, match=f"{name} must be a function, found 3"):
                make(**{name: 3})
    for name in ("custom_getter", "regularizer"):
        with pytest.raises(TypeError, match=f"{name} must be a function, found 3"):
            getattr(fc.VariableScope(False), f"set_{name}")(3)
