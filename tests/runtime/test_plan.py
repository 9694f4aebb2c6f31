"""Plans as compositions of passes: of a signature, and of what lies between any tensors."""

from __future__ import annotations

import numpy as np
import pytest

import flowcore as fc
from flowcore import _engine
from flowcore.config import OptimizerOptions
from flowcore.runtime.devices import HOST
from flowcore.runtime.plan import PlanSettings, compile_body
from flowcore.runtime.resources import ResourceManager
from flowcore.runtime.visible_devices import VisibleDevices

OFF = OptimizerOptions(opt_level=OptimizerOptions.L0)


def settings(**changes: object) -> PlanSettings:
    made = PlanSettings(_engine.Pool(1), ResourceManager(), VisibleDevices(fc.ConfigProto()))
    return made._replace(**changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("options", [OFF, OptimizerOptions()])
def test_a_body_takes_its_arguments_in_order_and_gives_its_results_in_order(
    options: OptimizerOptions,
) -> None:
    a, b = fc.placeholder(fc.float32, [2], name="a"), fc.placeholder(fc.float32, [2], name="b")
    with fc.device("/cpu:0"):
        total, twice = a - b, b * 2.0
    plan = compile_body(settings(options=options), {b: HOST, a: HOST}, [twice, total, a], [None, HOST, None])
    assert plan.result_devices == [HOST] * 3
    values = plan.engine.run([np.array([1, 2], np.float32), np.array([5, 7], np.float32)])
    np.testing.assert_array_equal(values, [[2, 4], [4, 5], [5, 7]])


def test_a_placeholder_that_is_no_argument_is_refused() -> None:
    a, b = fc.placeholder(fc.float32, [2], name="a"), fc.placeholder(fc.float32, [2], name="b")
    with pytest.raises(fc.errors.InvalidArgumentError, match="feed a value for placeholder tensor 'b'"):
        compile_body(settings(), {a: HOST}, [a + b], [None])


def test_a_target_of_a_body_runs_for_its_own_sake() -> None:
    v = fc.Variable(1.0, use_resource=True)
    amount = fc.placeholder(fc.float32, [], name="amount")
    with fc.device("/cpu:0"):
        start, more = v.initializer, v.assign_add(amount, read_value=False)
        value = v.read_value()
    shared = settings()
    compile_body(shared, {}, [], [], [start]).engine.run([])
    compile_body(shared, {amount: HOST}, [], [], [more]).engine.run([np.array(3, np.float32)])
    assert compile_body(shared, {}, [value], [None]).engine.run([]) == [4.0]
