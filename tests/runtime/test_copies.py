"""The copies between memories that a plan needs: of what, where, once each, and none too many."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import flowcore as fc
from flowcore.graph.apply import apply
from flowcore.ops import list_ops as lists
from flowcore.runtime.calls import Body, Calls
from flowcore.runtime.copies import Copy, insert_copies, readers_of_arguments
from flowcore.runtime.devices import HOST
from flowcore.runtime.passes import PlanGraph


class Other:
    """A device of its own memory, whose kernels want nothing on the host."""

    is_host = False

    def __init__(self, name: str) -> None:
        self.name = name

    def kernel_for(self, op: fc.Operation) -> Any:
        return None


A, B = Other("/device:A:0"), Other("/device:B:0")


def copied(
    fetches: Sequence[fc.Tensor],
    placed: Mapping[Any, Any],
    arguments: Mapping[fc.Tensor, Any] | None = None,
    wanted: Sequence[Any] | None = None,
) -> tuple[list[str], list[Any]]:
    """All steps, copies as "tensor>device", and where the results lie."""
    arguments = arguments or {}
    graph = PlanGraph(fetches, (), arguments)
    wanted = [HOST] * len(fetches) if wanted is None else wanted
    moved = insert_copies(graph, placed, arguments, wanted, Calls(graph, None, Body({}, [], [], {})))
    steps = [
        f"{s.tensor.op.name}>{s.device.name.split(':')[1]}" if isinstance(s, Copy) else s.name
        for s in moved.steps
    ]
    return steps, [moved.memory.get(value, HOST) for value in moved.results]


def test_a_plan_of_the_host_alone_has_none() -> None:
    x = fc.placeholder(fc.float32, [2], name="x")
    assert copied([fc.negative(x, name="y")], {}, {x: HOST}) == (["y"], [HOST])


def test_a_value_is_copied_once_for_all_its_readers_on_a_device() -> None:
    x = fc.placeholder(fc.float32, [2], name="x")
    a, b = fc.negative(x, name="a"), fc.exp(x, name="b")
    steps, _ = copied([a, b, a], {a.op: A, b.op: A}, {x: HOST})
    assert steps == ["x>A", "a", "b", "a>CPU", "b>CPU"]


def test_two_devices_meet_in_the_memory_of_the_host() -> None:
    x = fc.placeholder(fc.float32, [2], name="x")
    a = fc.negative(x, name="a")
    b = fc.exp(a, name="b")
    steps, _ = copied([a, b], {a.op: A, b.op: B}, {x: HOST})
    assert steps == ["x>A", "a", "a>CPU", "a>B", "b", "b>CPU"]


def test_arguments_and_results_may_lie_on_a_device() -> None:
    x = fc.placeholder(fc.float32, [2], name="x")
    y = fc.negative(x, name="y")
    z = fc.exp(x, name="z")
    assert copied([y, z], {y.op: A}, {x: A}, [None, None]) == (["x>CPU", "z", "y"], [A, HOST])
    assert copied([y, z], {y.op: A}, {x: A}, [HOST, A])[0] == ["x>CPU", "z", "y", "y>CPU", "z>A"]
    assert copied([x], {}, {x: A}, [None]) == ([], [A])
    assert copied([x], {}, {x: HOST}, [A]) == (["x>A"], [A])


def test_constants_and_handles_lie_on_the_host_wherever_they_are_placed() -> None:
    c = fc.constant([1.0], name="c")
    y = fc.negative(c, name="y")
    handle = apply("VarHandleOp", dtype=fc.float32, shape=[1], name="v")
    read = apply("ReadVariableOp", handle, dtype=fc.float32, name="read")
    assert copied([y], {c.op: A, y.op: A})[0] == ["c", "c>A", "y", "y>CPU"]
    assert copied([read], {handle.op: A, read.op: A}, None, [None]) == (["v", "read"], [A])
    assert copied([read], {read.op: A}, {handle: A}, [None]) == (["read"], [A])


def test_a_fed_tensor_stays_where_it_was_fed_though_its_op_runs() -> None:
    x = fc.placeholder(fc.float32, [4], name="x")
    left, right = fc.split(x, 2, name="s")
    steps, _ = copied([left, right], {left.op: A}, {x: A, left: HOST}, [None, None])
    assert steps[-1] == "s"
    assert not [s for s in steps if s.startswith("s>")]


def test_a_list_that_holds_nothing_is_at_home_everywhere() -> None:
    x = fc.placeholder(fc.float32, [2], name="x")
    empty = lists.tensor_list_reserve([2], 3, fc.float32, name="empty")
    grown = lists.tensor_list_push_back(empty, x, name="grown")
    more = lists.tensor_list_push_back(grown, x, name="more")
    read = lists.tensor_list_length(more, name="read")
    steps, _ = copied([read], {grown.op: A, more.op: B}, {x: HOST})
    assert [s for s in steps if ">" in s] == ["x>A", "grown>CPU", "grown>B", "x>B", "more>CPU"]


def test_what_reads_an_argument_on_one_device_alone_is_told() -> None:
    def readers(fetches: Sequence[fc.Tensor], placed: Mapping[Any, Any]) -> dict[str, Any]:
        graph = PlanGraph(fetches, (), arguments)
        calls = Calls(graph, None, Body({}, [], [], {}))
        moved = insert_copies(graph, placed, arguments, [None] * len(fetches), calls)
        return {t.op.name: d for t, d in readers_of_arguments(graph, moved, arguments).items()}

    x, y = fc.placeholder(fc.float32, [2], name="x"), fc.placeholder(fc.float32, [2], name="y")
    arguments = {x: HOST, y: A}
    a, b, c = fc.negative(x), fc.exp(x), fc.negative(y)
    assert readers([a, b, c], {}) == {}
    assert readers([a, c], {a.op: A, c.op: A}) == {"x": A}
    assert readers([a, b], {a.op: A}) == {"x": HOST}  # the host reads it too
    assert readers([a, b], {a.op: A, b.op: B}) == {"x": HOST}
    assert readers([a, x], {a.op: A}) == {"x": HOST}
    assert readers([a, apply("Shape", x)], {a.op: A}) == {"x": A}  # nothing of its elements
