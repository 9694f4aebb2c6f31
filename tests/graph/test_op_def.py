"""Attributes are converted and bounded in one place, before anything is made of them."""

from __future__ import annotations

import tracemalloc

import pytest

import flowcore as fc
from flowcore.graph.op_def import MAX_OUTPUTS, parse_attr


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
        ValueError, match=r"Attribute 'shapes?' of .*: A tensor has at most 8 dimensions, found 20000"
    ):
        make(fc.float32, [1] * 20000)  # type: ignore[operator]


def test_a_result_of_too_many_dimensions_is_refused_where_the_node_is_made() -> None:
    with pytest.raises(ValueError, match=r"at most 8 dimensions, found 9 .*ExpandDims"):
        fc.expand_dims(fc.placeholder(fc.float32, [1] * 8), 0)


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
