"""Scopes whose context managers the program drops, uses twice, or decorates functions with."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import flowcore as fc
from flowcore.graph.lasting import lasting

#: Enters a scope without keeping its object -> what a node made afterwards shows of it.
DROPPED: dict[str, tuple[Callable[[], Any], Callable[[fc.Operation], bool]]] = {
    "variable_scope": (
        lambda: fc.variable_scope("a").__enter__(),
        lambda op: op.name == "a/node" and fc.get_variable("v", []).op.name == "a/v",
    ),
    "variable_op_scope": (
        lambda: fc.variable_op_scope([], "a").__enter__(),
        lambda op: fc.get_variable("v", []).op.name == "a/v",
    ),
    "name_scope": (lambda: fc.name_scope("a").__enter__(), lambda op: op.name == "a/node"),
    "op_scope": (lambda: fc.op_scope([], "a").__enter__(), lambda op: op.name == "a/node"),
    "device": (lambda: fc.device("/cpu:0").__enter__(), lambda op: op.device == "/device:CPU:0"),
    "control_dependencies": (
        lambda: fc.control_dependencies([fc.no_op(name="first")]).__enter__(),
        lambda op: [c.name for c in op.control_inputs] == ["first"],
    ),
    "colocate_with": (
        lambda: fc.colocate_with(fc.no_op(name="first")).__enter__(),
        lambda op: op.colocation_groups() == [b"loc:@first"],
    ),
    "gradient_override_map": (
        lambda: fc.get_default_graph().gradient_override_map({"NoOp": "Mine"}).__enter__(),
        lambda op: op.get_attr("_gradient_op_type") == "Mine",
    ),
    "as_default": (
        lambda: fc.Graph().as_default().__enter__(),
        lambda op: len(op.graph.get_operations()) == 1,
    ),
    "Session": (lambda: fc.Session().__enter__(), lambda op: fc.get_default_session() is not None),
}


@pytest.mark.parametrize("name", DROPPED)
def test_a_dropped_scope_stays_open(name: str) -> None:
    """In a thread of its own, whose scopes end with it."""
    found: list[bool] = []

    def program() -> None:
        fc.Graph().as_default().__enter__()
        fc.no_op(name="other")
        DROPPED[name][0]()
        gc.collect()
        found.append(DROPPED[name][1](fc.no_op(name="node")))
        session = fc.get_default_session()
        if session is not None:
            session.close()

    thread = threading.Thread(target=program)
    thread.start()
    thread.join()
    assert found == [True]


def test_a_program_that_ends_inside_scopes_says_nothing() -> None:
    program = """
import flowcore as fc
fc.variable_scope("a").__enter__()
fc.Graph().as_default().__enter__()
fc.name_scope("b").__enter__()
fc.device("/cpu:0").__enter__()
print(fc.no_op().name, fc.no_op().device)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("b/NoOp /device:CPU:0\n", "")


def test_an_exception_inside_goes_on_and_the_scope_ends() -> None:
    with pytest.raises(KeyError, match="inside"), fc.name_scope("a"):
        raise KeyError("inside")
    assert fc.get_default_graph().get_name_scope() == ""


@lasting
def noted(log: list[str], word: str) -> Iterator[str]:
    log.append(f"+{word}")
    try:
        yield word
    finally:
        log.append(f"-{word}")


def test_one_object_may_be_entered_inside_itself_and_again() -> None:
    log: list[str] = []
    scope = noted(log, "a")
    with scope as outer, scope as inner:
        assert (outer, inner, log) == ("a", "a", ["+a", "+a"])
    with scope:
        pass
    assert log == ["+a", "+a", "-a", "-a", "+a", "-a"]


def test_a_decorated_function_runs_inside_in_every_thread() -> None:
    barrier = threading.Barrier(4, timeout=20)
    names: list[str] = []
    graph = fc.Graph()

    @graph.name_scope("part/")
    def make(number: int) -> None:
        barrier.wait()
        with graph.as_default():
            names.append(fc.no_op(name=f"n{number}").name)
        barrier.wait()

    threads = [threading.Thread(target=make, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(names) == [f"part/n{i}" for i in range(4)]
    assert graph.get_name_scope() == ""
