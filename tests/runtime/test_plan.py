"""Plans as compositions of passes: of a signature, and of what lies between any tensors."""

from __future__ import annotations

import gc
import tracemalloc

import numpy as np
import pytest

import flowcore as fc
from flowcore import _engine
from flowcore.config import PASSES, Settings
from flowcore.graph.apply import apply
from flowcore.runtime.calls import Body
from flowcore.runtime.devices import HOST
from flowcore.runtime.plan import CompiledPlan, PlanSettings, compile_body, compile_plan
from flowcore.runtime.resources import ResourceManager
from flowcore.runtime.visible_devices import VisibleDevices

OFF = fc.OptimizerOptions(opt_level=fc.OptimizerOptions.L0)


def settings(**changes: object) -> PlanSettings:
    made = PlanSettings(_engine.Pool(1), ResourceManager(), VisibleDevices(Settings()))
    return made._replace(**changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("passes", [frozenset(), PASSES])
def test_a_body_takes_its_arguments_in_order_and_gives_its_results_in_order(
    passes: frozenset[str],
) -> None:
    a, b = fc.placeholder(fc.float32, [2], name="a"), fc.placeholder(fc.float32, [2], name="b")
    with fc.device("/cpu:0"):
        total, twice = a - b, b * 2.0
    plan = compile_body(
        settings(passes=passes), Body({b: HOST, a: HOST}, [twice, total, a], [], {}), [None, HOST, None]
    )
    assert plan.result_devices == [HOST] * 3
    call = _engine.Node("call", _engine.Call("call", [plan.engine]), (0, 1), (2, 3, 4))
    caller = _engine.Plan(plan.engine.pool, [call], 5, [0, 1], [2, 3, 4], {})
    values = caller.run([np.array([1, 2], np.float32), np.array([5, 7], np.float32)])
    np.testing.assert_array_equal(values, [[2, 4], [4, 5], [5, 7]])


def test_a_placeholder_that_is_no_argument_is_refused() -> None:
    a, b = fc.placeholder(fc.float32, [2], name="a"), fc.placeholder(fc.float32, [2], name="b")
    with pytest.raises(fc.errors.InvalidArgumentError, match="feed a value for placeholder tensor 'b'"):
        compile_body(settings(), Body({a: HOST}, [a + b], [], {}), [None])


def test_a_target_of_a_body_runs_for_its_own_sake() -> None:
    v = fc.Variable(1.0, use_resource=True)
    amount = fc.placeholder(fc.float32, [], name="amount")
    with fc.device("/cpu:0"):
        start, more = v.initializer, v.assign_add(amount, read_value=False)
        value = v.read_value()
    shared = settings()
    compile_plan(shared, [], [start], []).engine.run([])
    compile_plan(shared, [], [more], [amount]).engine.run([np.array(3, np.float32)])
    assert compile_plan(shared, [value], [], []).engine.run([]) == [4.0]


# ---- states by path ----------------------------------------


def planned(
    shared: PlanSettings, results: list[fc.Tensor], targets: list[fc.Operation], path: tuple[str, ...]
) -> CompiledPlan:
    """A plan of what the default graph would be as a body that is called on a path."""
    body = Body({}, results, targets, {}, paths={fc.get_default_graph(): path})
    return compile_body(shared, body, [HOST] * len(results), is_called=False)


def test_a_body_has_states_of_its_own_on_each_path() -> None:
    with fc.device("/cpu:0"):
        draw = fc.random_uniform([4], seed=7)
        queue = fc.FIFOQueue(8, fc.float32, shapes=[[]], name="mine")
        put, size = queue.enqueue(1.0), queue.size()
    shared = settings()

    def on(path: tuple[str, ...]) -> list[np.ndarray]:
        planned(shared, [], [put], path).engine.run([])
        return planned(shared, [draw, size], [], path).engine.run([])

    first, _ = on(("one",))
    found = {path: on(path) for path in ((), ("two",), ("one", "deeper"))}
    for numbers, count in found.values():
        np.testing.assert_array_equal(numbers, first)  # the first of the same seed, each time
        assert count == 1
    again, count = on(("one",))
    assert not np.array_equal(again, first)  # goes on where this path had been
    assert count == 2


def test_a_path_and_a_name_with_slashes_are_two_things() -> None:
    inner, outer = fc.FIFOQueue(8, fc.float32, name="mine"), fc.FIFOQueue(8, fc.int8, name="call/mine")
    shared = settings()
    planned(shared, [inner.size()], [], ("call",))
    assert planned(shared, [outer.size()], [], ()).engine.run([]) == [0]


def test_a_shared_name_is_shared_by_all_paths() -> None:
    queue = fc.FIFOQueue(8, fc.float32, shapes=[[]], shared_name="ours", name="mine")
    with fc.device("/cpu:0"):
        put, size = queue.enqueue(1.0), queue.size()
    shared = settings()
    for path in ((), ("one",), ("two",)):
        planned(shared, [], [put], path).engine.run([])
    assert planned(shared, [size], [], ("three",)).engine.run([]) == [3]


def test_a_python_kernel_counts_on_each_path_for_itself(capsys: pytest.CaptureFixture[str]) -> None:
    with fc.device("/cpu:0"):
        shown = fc.Print(fc.constant(1.0), [], "shown", first_n=1)
    shared = settings()
    for path in (("one",), ("two",), ("one",)):
        planned(shared, [shown], [], path).engine.run([])
    assert capsys.readouterr().err.count("shown") == 2


def test_messages_about_states_name_the_path() -> None:
    shared = settings()
    wrong = apply("FIFOQueueV2", component_types=[fc.int8] * 2, shapes=[fc.TensorShape([2])], name="mine")
    with pytest.raises(
        fc.errors.InvalidArgumentError, match=r"node 'call/mine' \(FIFOQueueV2\) cannot be made"
    ):
        planned(shared, [apply("QueueSizeV2", wrong)], [], ("call",))
    ours = [
        fc.FIFOQueue(8, kind, shared_name="ours", name=f"q{i}")
        for i, kind in enumerate((fc.int8, fc.float32))
    ]
    planned(shared, [ours[0].size()], [], ("one",))
    with pytest.raises(
        fc.errors.InvalidArgumentError, match=r"node 'two/q1' .*shares the name 'ours' .*node 'one/q0' "
    ):
        planned(shared, [ours[1].size()], [], ("two",))
    named = fc.FIFOQueue(8, fc.int8, name="closed")
    path = ("one", "deep")
    planned(shared, [], [named.close()], path).engine.run([])
    with pytest.raises(_engine.StepError, match="'one/deep/closed'"):
        planned(shared, [named.dequeue()], [], path).engine.run([])


@pytest.mark.parametrize(("options", "at_peak"), [(OFF, 250), (fc.OptimizerOptions(), 320)])
def test_a_node_takes_little_memory_while_it_is_planned_and_after(
    options: fc.OptimizerOptions, at_peak: int
) -> None:
    count = 10_000
    x = y = fc.placeholder(fc.float32, [])
    for _ in range(count):
        y = fc.add(x, y)
    config = fc.ConfigProto(graph_options=fc.GraphOptions(optimizer_options=options))
    with fc.Session(config=config) as sess:
        sess.make_callable(x, [x])  # what is made once is there
        gc.collect()
        tracemalloc.start()
        call = sess.make_callable(y, [x])
        left, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert call(2.0) == 2.0 + 2.0 * count
    assert left / count < 25
    assert peak / count < at_peak


def test_planning_leaves_frozen_what_the_program_froze() -> None:
    gc.freeze()
    try:
        frozen = gc.get_freeze_count()
        fc.Session().run(fc.constant(1.0) + 1.0)
        assert frozen > 0
        assert gc.get_freeze_count() > frozen * 0.9
    finally:
        gc.unfreeze()
    fc.Session().run(fc.constant(2.0) + 1.0)
    assert gc.get_freeze_count() == 0
