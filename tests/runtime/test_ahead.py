"""Which part of a loop's turns may run ahead of the turns before."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import flowcore as fc
from flowcore.graph.operation import Operation
from flowcore.runtime.ahead import Part, part_ahead

ROW = np.ones(5, np.float32)


def part_of(loop: Any) -> Part | None:
    """Of the loop that an array or tensor comes from, where all of its results are needed."""
    tensor = loop.flow if isinstance(loop, fc.TensorArray) else loop
    op: Operation = tensor.op
    condition, turn = op._bodies()
    invariant = {i for i, (a, r) in enumerate(zip(turn.inputs, turn.outputs, strict=True)) if a is r}
    carried = [i for i in range(len(turn.inputs)) if i not in invariant]
    known = {
        body.inputs[i]: op.inputs[i]
        for body in (condition, turn)
        for i in invariant
        if op.inputs[i].op.type == "Const"
    }
    return part_ahead(condition, turn, carried, known)


def written_in_turns(value: Callable[[Any], Any], limit: Any = 4, step: int = 1) -> Any:
    """A loop that writes what a function makes of the turn's number."""
    array = fc.TensorArray(fc.float32, limit)
    _, array = fc.while_loop(
        lambda i, _: i < limit, lambda i, a: (i + step, a.write(i, value(i))), (0, array)
    )
    return array


def scaled(i: Any) -> Any:
    return fc.cast(i, fc.float32) * ROW


def types_ahead(part: Part) -> set[str]:
    return {t.op.type for t in part.results}


def test_what_depends_on_the_number_of_the_turn_runs_ahead() -> None:
    part = part_of(written_in_turns(scaled))
    assert part is not None
    assert "Mul" in types_ahead(part)
    assert part.limit_known
    assert part.limit == 4
    n = fc.placeholder(fc.int32, [])
    part = part_of(written_in_turns(scaled, n))
    assert part is not None
    assert not part.limit_known
    rows = fc.map_fn(lambda row: fc.matmul([row], fc.ones([5, 2]))[0], fc.ones([3, 5]))
    part = part_of(rows.op.inputs[0])
    assert part is not None


def test_branches_loops_and_calls_of_a_turn_run_ahead_with_it() -> None:
    @fc.Defun(fc.float32)
    def double(x: Any) -> Any:
        return x * 2.0

    for nested in (
        lambda i: fc.cond(i > 1, lambda: scaled(i), lambda: -scaled(i)),
        lambda i: fc.while_loop(lambda j, _: j < i, lambda j, x: (j + 1, x * x), (0, scaled(i)))[1],
        lambda i: double(scaled(i)),
    ):
        part = part_of(written_in_turns(nested))
        assert part is not None
        assert types_ahead(part) & {"StatelessIf", "StatelessWhile", "PartitionedCall"}


def test_what_has_an_effect_or_a_state_keeps_its_order() -> None:
    queue = fc.FIFOQueue(9, fc.float32, shapes=[[5]])
    variable = fc.Variable(ROW, use_resource=True)
    reference = fc.Variable(ROW)

    @fc.Defun(fc.float32)
    def counts(x: Any) -> Any:
        return x + fc.assign_add(variable, x)

    for ordered in (
        lambda i: fc.Print(scaled(i), [i]),
        lambda i: fc.random_normal([5]) + scaled(i),
        lambda i: queue.dequeue() + scaled(i),
        lambda i: fc.py_func(lambda j: ROW * j, [i], fc.float32),
        lambda i: scaled(i) + fc.assign_add(variable, ROW),
        lambda i: scaled(i) + fc.assign_add(reference, ROW),
        lambda i: counts(scaled(i)),
        lambda i: fc.cond(i > 1, lambda: counts(scaled(i)), lambda: scaled(i)),
    ):
        assert part_of(written_in_turns(ordered)) is None


@pytest.mark.parametrize("use_resource", [False, True])
def test_a_variable_that_no_turn_writes_may_be_read_ahead(use_resource: bool) -> None:
    variable = fc.Variable(ROW, use_resource=use_resource)
    assert part_of(written_in_turns(lambda i: scaled(i) * variable)) is not None


def test_loops_whose_turns_need_the_ones_before_stay_whole() -> None:
    assert part_of(fc.while_loop(lambda i, x: i < 9, lambda i, x: (i + 1, x * ROW), (0, ROW))[1]) is None
    assert part_of(fc.scan(lambda s, x: s * x, fc.ones([3, 5])).op.inputs[0]) is None
    assert part_of(written_in_turns(scaled, step=2)) is None
    array = fc.TensorArray(fc.float32, 9)
    grows = fc.while_loop(
        lambda i, n, a: i < n, lambda i, n, a: (i + 1, n - 1, a.write(i, scaled(i))), (0, 9, array)
    )
    assert part_of(grows[2]) is None


def test_what_is_not_worth_a_frame_stays_where_it_is() -> None:
    assert part_of(written_in_turns(lambda i: fc.cast(i, fc.float32) + 1.0)) is None
    assert part_of(fc.map_fn(lambda x: x * x, fc.ones([3])).op.inputs[0]) is None
