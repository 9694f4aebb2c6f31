"""Attributes are converted and bounded in one place, before anything is made of them."""

from __future__ import annotations

import tracemalloc
from typing import Any

import pytest

import flowcore as fc
from flowcore.graph import op_def
from flowcore.graph.apply import apply
from flowcore.graph.op_def import MAX_OUTPUTS, parse_attr
from flowcore.kernels import RESOURCE_FACTORIES


@pytest.mark.parametrize(
    "make",
    [
        lambda n: fc.unstack(fc.placeholder(fc.float32), num=n),
        lambda n: fc.split(fc.placeholder(fc.float32), n),
        lambda n: fc.split(fc.placeholder(fc.float32), fc.placeholder(fc.int32, [None]), num=n),
    ],
    ids=["unstack", "split", "split by sizes"],
)
@pytest.mark.parametrize("count", [MAX_OUTPUTS + 1, 2**31 - 1, 2**63 - 1, 2**63, 2**100])
def test_a_number_of_outputs_is_checked_before_they_are_made(make: object, count: int) -> None:
    with fc.Graph().as_default():
        tracemalloc.start()
        with pytest.raises(ValueError, match=r"Attribute 'num(_split)?' of (Unpack|Split|SplitV)"):
            make(count)  # type: ignore[operator]
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 10e6


def test_attributes_must_fit_64_bits() -> None:
    with pytest.raises(
        ValueError, match=r"Attribute 'capacity' of FIFOQueueV2: .* from -9223372036854775808"
    ):
        parse_attr("capacity: int").check("FIFOQueueV2", 2**63)
    with pytest.raises(ValueError, match="capacity must be from -9223372036854775808"):
        fc.FIFOQueue(2**63, fc.float32)
    with pytest.raises(ValueError, match="Attribute 'a' of Op: the value is too large for a float"):
        parse_attr("a: float").check("Op", 10**400)


@pytest.mark.parametrize(
    "make", [fc.placeholder, lambda t, s: fc.FIFOQueue(3, t, [s])], ids=["placeholder", "queue"]
)
def test_a_shape_has_at_most_as_many_dimensions_as_a_tensor(make: object) -> None:
    with pytest.raises(
        ValueError, match=r"Attribute 'shapes?' of .*: A tensor has at most 64 dimensions, found 20000"
    ):
        make(fc.float32, [1] * 20000)  # type: ignore[operator]


def test_a_result_of_too_many_dimensions_is_refused_where_the_node_is_made() -> None:
    with pytest.raises(ValueError, match=r"at most 64 dimensions, found 65 .*ExpandDims"):
        fc.expand_dims(fc.placeholder(fc.float32, [1] * 64), 0)


def test_bytes_that_are_no_utf8_stay_bytes_from_the_graph_to_the_kernel(
    capfd: pytest.CaptureFixture[str],
) -> None:
    attr = parse_attr("a: string")
    assert attr.check("Op", b"\xff\0") == b"\xff\0"
    assert attr.check("Op", "\udcff") == b"\xff"
    assert attr.check("Op", b"text\0") == "text\0"
    with pytest.raises(ValueError, match="Attribute 'a' of Op: the value holds a lone surrogate"):
        attr.check("Op", "\ud800")
    with fc.Graph().as_default(), fc.Session() as sess:
        sess.run(fc.Print(fc.constant(1), [], message=b"\xff\0x"))
        assert capfd.readouterr().err == "\ufffd\0x\n"


def test_names_that_differ_behind_a_nul_or_in_bytes_are_different_resources() -> None:
    with fc.Graph().as_default(), fc.Session() as sess:
        names = [b"a\0b", b"a\0c", b"a\xff", b"a\0b"]
        queues = [fc.FIFOQueue(3, fc.float32, shared_name=name) for name in names]
        sess.run(queues[0].enqueue(1.0))
        assert sess.run([q.size() for q in queues]) == [1, 0, 0, 1]
        sess.run(queues[0].close())
        with pytest.raises(fc.errors.CancelledError, match=r"FIFOQueue 'a\\0b' is closed"):
            sess.run(queues[3].enqueue(1.0))


# ---- facts ----------------------------------------


@pytest.fixture
def own_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(op_def, "_registry", dict(op_def._registry))


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"reads": {"handel": "variable"}, "passes": ["handle"]}, "it has no input 'handel'"),
        ({"writes": {"handle": "table"}}, "'handle' leads to a table, which is none of .*'queue'"),
        ({}, "what it does with the handle 'handle' is not said by reads, writes or passes"),
        ({"passes": ["handle"], "makes": "counter"}, "it makes a counter, which is none of"),
        ({"writes": {"handle": "queue"}, "waits": ("handle", "luck")}, "it waits for .*'luck'.*'room'"),
        ({"reads": {"handle": "queue"}, "waits": ("handle", "room")}, "no input that it writes"),
        ({"reads": {"handle": "queue"}, "outputs": ["same: resource"]}, "whose handle its output is"),
        ({"reads": {"handle": "queue"}, "commutative": True}, "it is commutative with 1 inputs"),
    ],
)
@pytest.mark.usefixtures("own_registry")
def test_a_declaration_that_contradicts_itself_is_refused(facts: dict[str, Any], message: str) -> None:
    op_def.register("Wrong", inputs=["handle: resource"], shape=None, grad=None, **facts)
    with pytest.raises(ValueError, match=f"the declaration of Wrong is wrong: .*{message}"):
        op_def.get_op_def("Wrong")


@pytest.mark.usefixtures("own_registry")
def test_what_uses_or_makes_a_state_is_stateful() -> None:
    for name, facts in {
        "Made": {"outputs": ["handle: resource"], "makes": "queue"},
        "Read": {"inputs": ["handle: resource"], "reads": {"handle": "queue"}},
        "Written": {"inputs": ["handle: resource"], "writes": {"handle": "queue"}},
        "Drawn": {"outputs": ["number: float32"], "makes": "rng"},
    }.items():
        op_def.register(name, shape=None, grad=None, **facts)  # type: ignore[arg-type]
        assert op_def.get_op_def(name).is_stateful
    op_def.register("Passed", inputs=["a: resource"], passes=["a"], shape=None, grad=None)
    assert not op_def.get_op_def("Passed").is_stateful


def test_each_state_that_an_op_makes_has_its_factory_and_each_factory_its_op() -> None:
    assert {name for name, d in op_def.registered_ops().items() if d.makes} == set(RESOURCE_FACTORIES)


def test_an_argument_is_found_among_the_inputs_of_lists() -> None:
    declared = op_def.get_op_def("Print")
    assert declared.inputs_of("input", {"U": [fc.int8] * 3}) == range(1)
    assert declared.inputs_of("data", {"U": [fc.int8] * 3}) == range(1, 4)
    assert op_def.get_op_def("RefSelect").inputs_of("inputs", {"N": 2}) == range(1, 3)
    with pytest.raises(ValueError, match="Print has no input 'date'"):
        declared.inputs_of("date", {"U": []})


@pytest.mark.parametrize(
    ("op_type", "function"),
    [(n, "cond") for n in ("Switch", "Merge", "RefSwitch", "RefMerge")]
    + [(f"{ref}{n}", "while_loop") for n in ("Enter", "Exit", "NextIteration") for ref in ("", "Ref")]
    + [("LoopCond", "while_loop")],
)
def test_flat_control_flow_says_what_to_build_instead(op_type: str, function: str) -> None:
    x = fc.constant(True)
    message = rf"'{op_type}' by hand.*importing.*functional form; use flowcore\.{function}$"
    with pytest.raises(ValueError, match=message):
        fc.get_default_graph().create_op(op_type, [x, x])
    with pytest.raises(ValueError, match=message):
        apply(op_type, x, x)
    assert callable(getattr(fc, function))
