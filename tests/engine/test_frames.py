"""Bodies that nodes call: branches, loops, calls; values, errors, traces, cancels and memory."""

from __future__ import annotations

import gc
import pathlib
import signal
import sys
import threading
import time

import numpy as np
import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import nested

from flowcore import _buffer, _engine
from flowcore._engine import Ahead, Call, Node, Plan, Pool

INT64 = 9


def number(value: int) -> np.ndarray:
    return np.array(value, np.int64)


def op(name: str, *slots: int, out: int) -> Node:
    return Node(name.lower(), nested.kernel(name), slots, (out,))


def counting(pool: Pool, turns: int, body: list[Node] | None = None) -> Call:
    """A loop over one number that counts up to `turns`."""
    condition = Plan(pool, [op("Less", 0, 1, out=2)], 3, [0], [2], {1: number(turns)}, body=True)
    nodes = [op("Add", 0, 1, out=2), op("Less", 2, 3, out=4), *(body or [])]
    constants = {1: number(1), 3: number(turns)}
    return Call("while", [condition, Plan(pool, nodes, 6, [0], [4, 2], constants, body=True)], [0])


def calling(call: Call, pool: Pool, inputs: int = 1, outputs: int = 1) -> Plan:
    slots = tuple(range(inputs + outputs))
    node = Node("outer", call, slots[:inputs], slots[inputs:])
    return Plan(pool, [node], inputs + outputs, range(inputs), slots[inputs:], {})


@pytest.mark.parametrize("threads", [1, 2, 8])
@pytest.mark.parametrize("turns", [0, 1, 2, 1000])
def test_a_loop_counts(threads: int, turns: int) -> None:
    pool = Pool(threads)
    plan = calling(counting(pool, turns), pool)
    for _ in range(3):
        assert plan.run([number(0)]) == [turns]
    assert plan.run([number(5000)]) == [5000]


def test_a_turn_may_pass_its_arguments_on_in_another_order() -> None:
    pool = Pool(1)
    condition = Plan(pool, [op("Less", 3, 2, out=4)], 5, [0, 1, 2], [4], {3: number(0)}, body=True)
    nodes = [op("Sub", 2, 3, out=4), op("Less", 5, 4, out=6)]
    constants = {3: number(1), 5: number(0)}
    turn = Plan(pool, nodes, 7, [0, 1, 2], [6, 1, 0, 4], constants, body=True)
    plan = calling(Call("while", [condition, turn], [0, 1, 2]), pool, 3, 3)
    rows = [np.arange(3), np.arange(4)]
    for turns in range(4):
        first, second, left = plan.run([*rows, number(turns)])
        assert left == 0
        np.testing.assert_array_equal(first, rows[turns % 2])
        np.testing.assert_array_equal(second, rows[1 - turns % 2])


def test_what_a_turn_holds_stays_and_comes_out() -> None:
    pool = Pool(2)
    condition = Plan(pool, [op("Less", 0, 1, out=2)], 3, [0, 1], [2], {}, body=True)
    nodes = [op("Add", 0, 2, out=3), op("Less", 3, 1, out=4)]
    turn = Plan(pool, nodes, 5, [0, 1], [4, 3], {2: number(1)}, body=True, held=[1])
    plan = calling(Call("while", [condition, turn], [0]), pool, 2, 2)
    assert plan.run([number(0), number(7)]) == [7, 7]
    assert plan.run([number(9), number(7)]) == [9, 7]


def test_a_turn_changes_its_state_in_place() -> None:
    pool = Pool(1)
    plan = calling(counting(pool, 10_000), pool)
    plan.run([number(0)])
    before = _engine.live_counts()["bytes"]
    _buffer._fail_allocations(1 << 40)
    plan.run([number(0)])
    assert _buffer._fail_allocations(0) < 10_100  # the condition's value is new, the number is not
    assert _engine.live_counts()["bytes"] == before


def test_a_branch_is_chosen_by_what_is_true() -> None:
    pool = Pool(1)
    bodies = [
        Plan(pool, [], 2, [0], [1], {1: np.array(text, object)}, body=True) for text in ("else", "then")
    ]
    plan = calling(Call("if", bodies), pool, 2)
    for value, chosen in (
        (np.array(True), "then"),
        (np.array(False), "else"),
        (np.array(3, np.int32), "then"),
        (np.array(0, np.int64), "else"),
        (np.array(-0.0, np.float32), "else"),
        (np.array(1e-300), "then"),
        (np.array("", object), "else"),
        (np.array("x", object), "then"),
        (np.array([], np.int32), "else"),
        (np.array([0], np.int32), "then"),
    ):
        assert plan.run([value, number(0)])[0].item() == chosen.encode(), value


def test_a_case_takes_its_last_branch_where_there_is_none_of_that_number() -> None:
    pool = Pool(1)
    bodies = [Plan(pool, [], 1, [], [0], {0: number(i)}, body=True) for i in range(3)]
    plan = calling(Call("case", bodies), pool, 1)
    assert [int(plan.run([np.array(i, np.int32)])[0]) for i in (-1, 0, 1, 2, 3)] == [2, 0, 1, 2, 2]
    with pytest.raises(_engine.StepError, match="scalar of int32") as failure:
        plan.run([number(1)])
    assert (failure.value.code, failure.value.node, failure.value.path) == (3, 0, ())


def sum_up_to(pool: Pool) -> Plan:
    """f(n) = n + f(n - 1), f(0) = 0: a body that calls itself."""
    function = Plan.__new__(Plan)
    zero = Plan(pool, [], 1, [0], [0], {}, body=True)
    nodes = [op("Sub", 0, 1, out=2), Node("f", Call("call", [function]), (2,), (3,)), op("Add", 0, 3, out=4)]
    more = Plan(pool, nodes, 5, [0], [4], {1: number(1)}, body=True)
    choice = Node("choice", Call("if", [zero, more]), (2, 0), (3,))
    function.__init__(pool, [op("Less", 1, 0, out=2), choice], 4, [0], [3], {1: number(0)}, body=True)
    return function


@pytest.mark.parametrize("threads", [1, 2])
def test_a_body_may_call_itself(threads: int) -> None:
    gc.collect()
    before = _engine.live_counts()
    pool = Pool(threads)
    plan = calling(Call("call", [sum_up_to(pool)]), pool)
    for n in (0, 1, 1000, 10_000):
        assert plan.run([number(n)]) == [n * (n + 1) // 2]
    assert _engine.live_counts()["frames"] - before["frames"] < 300  # of a deep call not all are kept
    with pytest.raises(_engine.StepError, match="nested more than 100000 deep") as failure:
        plan.run([number(1_000_000)])
    assert failure.value.code == 8
    assert failure.value.depth == 100_000
    assert len(failure.value.path) == 32
    assert plan.run([number(3)]) == [6]
    del plan, failure  # which names the body
    gc.collect()
    after = _engine.live_counts()
    assert {k: after[k] for k in ("frames", "plans", "steps", "tokens")} == {
        k: before[k] for k in ("frames", "plans", "steps", "tokens")
    }


def failing(value: np.ndarray) -> np.ndarray:
    if value == 3:
        raise ValueError("three")
    return value


def test_a_failure_names_its_plan_and_the_turn() -> None:
    pool = Pool(1)
    loop = counting(pool, 10, [Node("check", failing, (0,), (5,), output_dtypes=(INT64,))])
    inner = Plan(pool, [Node("w", loop, (0,), (1,))], 2, [0], [1], {}, body=True)
    plan = calling(Call("call", [inner]), pool)
    with pytest.raises(_engine.StepError, match="three") as failure:
        plan.run([number(0)])
    error = failure.value
    assert error.plan is loop.bodies[1]
    assert (error.node, error.path, error.depth) == (2, ((plan, 0, 0), (inner, 0, 3)), 2)
    assert isinstance(error.cause, ValueError)


def test_a_trace_has_what_ran_inside_with_its_turn() -> None:
    pool = Pool(1)
    loop = counting(pool, 3)
    trace: list[_engine.Event] = []
    plan = calling(loop, pool)
    plan.run([number(0)], 0, trace)
    condition, turn = loop.bodies
    found = [(owner, node, path) for owner, node, start, end, thread, path in trace]
    assert found == [
        (condition, 0, ((plan, 0, 0),)),
        *[(turn, node, ((plan, 0, i),)) for i in range(3) for node in (0, 1)],
        (plan, 0, ()),
    ]
    assert all(start <= end for _, _, start, end, _, _ in trace)
    whole = trace[-1]
    assert all(whole[2] <= event[2] and event[3] <= whole[3] for event in trace)


@pytest.mark.parametrize("threads", [1, 2, 8])
def test_an_endless_loop_ends_by_cancel_time_limit_and_signal(threads: int) -> None:
    pool = Pool(threads)
    plan = calling(counting(pool, 2**62), pool)
    begin = time.monotonic()
    with pytest.raises(_engine.StepError) as failure:
        plan.run([number(0)], 50)
    assert failure.value.code == 4
    timer = threading.Timer(0.05, plan.cancel, ["enough"])
    timer.start()
    with pytest.raises(_engine.StepError, match="enough") as failure:
        plan.run([number(0)])
    assert failure.value.code == 1

    def handler(signum: int, frame: object) -> None:
        raise KeyboardInterrupt

    old = signal.signal(signal.SIGALRM, handler)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        with pytest.raises(KeyboardInterrupt):
            plan.run([number(0)])
    finally:
        signal.signal(signal.SIGALRM, old)
    assert time.monotonic() - begin < 10
    assert plan.run([number(2**62 - 5)]) == [2**62]


def test_a_loop_lets_other_threads_of_python_run() -> None:
    pool = Pool(1)
    plan = calling(counting(pool, 2**62), pool)
    plan.run([number(2**62 - 1)])
    seen: list[int] = []

    def other() -> None:
        for i in range(100):
            seen.append(i)
            time.sleep(0)
        plan.cancel("done")

    thread = threading.Thread(target=other)
    thread.start()
    with pytest.raises(_engine.StepError, match="done"):
        plan.run([number(0)], 10_000)
    thread.join()
    assert len(seen) == 100


def test_what_waits_inside_is_told() -> None:
    pool = Pool(1)
    from flowcore import _fifo

    queue = _engine.Resource(
        _fifo.create_FIFOQueueV2("q", {"component_types": [9], "shapes": [[]], "capacity": 1})
    )
    take = Node("take", nested.kernel("QueueDequeueV2"), (0,), (1,), attrs=([9],), output_dtypes=(9,))
    body = Plan(pool, [take], 2, [], [1], {0: queue}, body=True)
    plan = calling(Call("call", [body]), pool, 0)
    found: list[object] = []
    limit = threading.Timer(0.05, lambda: (found.extend(plan.waiting()), plan.cancel()))
    limit.start()
    with pytest.raises(_engine.StepError):
        plan.run([])
    assert found == [(body, 0)]


def test_a_body_is_not_run_by_itself() -> None:
    body = Plan(Pool(1), [], 1, [0], [0], {}, body=True)
    with pytest.raises(ValueError, match="by the nodes that call it"):
        body.run([number(0)])
    with pytest.raises(ValueError, match="a call is one of call, if, case, while"):
        Call("unless", [body])


@pytest.mark.stress
@pytest.mark.parametrize("threads", [1, 2, 8])
def test_nested_calls_equal_the_interpreter_under_fire(threads: int) -> None:
    gc.collect()
    before = _engine.live_counts()
    ended, ahead = nested.run_nested(threads, 25, interrupts=True)
    assert ended > 50
    assert ahead > 5
    nested.run_waiting_loops(threads, 8)
    gc.collect()
    after = _engine.live_counts()
    for what in ("buffers", "arenas", "variants", "plans", "steps", "frames", "running_steps", "tokens"):
        assert after[what] == before[what], (what, before, after)


class Busy:
    """A Python kernel that takes a while, fails for one number, and knows how many ran at once."""

    def __init__(self, fails_at: int = -1) -> None:
        self.fails_at = fails_at
        self.running = self.most = 0
        self.lock = threading.Lock()

    def __call__(self, x: np.ndarray) -> np.ndarray:
        with self.lock:
            self.running += 1
            self.most = max(self.most, self.running)
        time.sleep(0.001)
        with self.lock:
            self.running -= 1
        if x == self.fails_at:
            raise ValueError("not this one")
        return x * x


def sum_of_squares(pool: Pool, busy: Busy, window: int, limit: int | None = None) -> Plan:
    """A loop (sum, counter, limit) whose turns add the square of the counter, which may run ahead."""
    square = Node("square", busy, (0,), (1,), output_dtypes=(INT64,))
    whole = [
        Node("square", busy, (1,), (4,), output_dtypes=(INT64,)),
        op("Add", 0, 4, out=5),
        op("Add", 1, 3, out=6),
        op("Less", 6, 2, out=7),
    ]
    rest = [op("Add", 0, 3, out=5), op("Add", 1, 4, out=6), op("Less", 6, 2, out=7)]
    bodies = [
        Plan(pool, [op("Less", 1, 2, out=3)], 4, [0, 1, 2], [3], {}, body=True),
        Plan(pool, whole, 8, [0, 1, 2], [7, 5, 6], {3: number(1)}, body=True, held=[2]),
        Plan(pool, rest, 8, [0, 1, 2, 3], [7, 5, 6], {4: number(1)}, body=True, held=[2]),
        Plan(pool, [square], 2, [0], [1], {}, body=True),
    ]
    known = limit is not None
    ahead = Ahead(window, [1], 1, INT64, limit if known else 2, known)
    return calling(Call("while", bodies, [0, 1], ahead), pool, 3, 3)


@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize(("threads", "window"), [(1, 3), (2, 1), (2, 10), (8, 3)])
def test_turns_run_at_once_up_to_the_window(threads: int, window: int, known: bool) -> None:
    for limit in (0, 1, 4, 5, 6, 40):
        busy = Busy()
        plan = sum_of_squares(Pool(threads), busy, window, limit if known else None)
        for first in (0, 2):
            total, last, _ = plan.run([number(0), number(first), number(limit)])
            assert total == sum(n * n for n in range(first, limit))
            assert last == max(first, limit)
        assert busy.most <= min(threads, window)
        assert busy.most > 1 or min(threads, window) == 1 or limit < 7


@pytest.mark.parametrize("threads", [1, 2, 8])
def test_a_turn_that_fails_ahead_of_others_is_named_and_leaves_nothing(threads: int) -> None:
    gc.collect()
    before = _engine.live_counts()
    plan = sum_of_squares(Pool(threads), Busy(fails_at=17), 5)
    for _ in range(3):
        with pytest.raises(_engine.StepError, match="not this one") as caught:
            plan.run([number(0), number(0), number(40)])
        assert [turn for _, _, turn in caught.value.path] == [17]
    assert plan.run([number(0), number(20), number(22)])[0] == 20 * 20 + 21 * 21
    with pytest.raises(_engine.StepError, match="longer than its time limit"):
        plan.run([number(0), number(100), number(2**62)], 20)
    del plan, caught
    gc.collect()
    assert _engine.live_counts() == {**_engine.live_counts(), **{k: before[k] for k in ("frames", "buffers")}}


def test_a_counter_that_lies_is_an_error() -> None:
    plan = sum_of_squares(Pool(2), Busy(), 4, limit=12)
    for _ in range(2):
        with pytest.raises(_engine.StepError, match="more turns than its counter says"):
            plan.run([number(0), number(0), number(40)])
    plan = sum_of_squares(Pool(2), Busy(), 4, limit=6)
    with pytest.raises(_engine.StepError, match="more turns than its counter says"):
        plan.run([number(0), number(0), number(40)])


def test_a_short_run_with_a_branch_may_keep_the_gil_and_a_loop_may_not() -> None:
    """A branch that is taken late, with a loop in it, lets other threads go on."""
    pool = Pool(1)
    loop = Node("loop", counting(pool, 2**62), (0,), (1,))
    bodies = [
        Plan(pool, [op("Add", 0, 1, out=2)], 3, [0], [2], {1: number(1)}, body=True),
        Plan(pool, [loop], 2, [0], [1], {}, body=True),
    ]
    plan = calling(Call("if", bodies), pool, 2)
    for _ in range(100):
        assert plan.run([np.array(False), number(1)]) == [2]
    timer = threading.Timer(0.05, plan.cancel, ["enough"])
    timer.start()
    with pytest.raises(_engine.StepError, match="enough"):
        plan.run([np.array(True), number(1)], 20_000)
