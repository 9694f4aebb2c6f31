"""Which resources an op works on: found from the graph, through whatever hands their handles on."""

from __future__ import annotations

import flowcore as fc
from flowcore.runtime.handles import ResourceKey, key_of, origins, printable, resource_keys


def test_a_handle_is_followed_through_what_passes_it_on() -> None:
    q = fc.FIFOQueue(1, fc.int32, name="q")
    passed = fc.identity(fc.identity(q.queue_ref))
    assert origins(q.queue_ref) == origins(passed) == {q.queue_ref}


def test_a_choice_may_be_any_of_its_inputs() -> None:
    queues = [fc.FIFOQueue(1, fc.int32) for _ in range(3)]
    chosen = fc.QueueBase.from_list(fc.placeholder(fc.int32, []), queues)
    assert origins(chosen.queue_ref) == {q.queue_ref for q in queues}
    assert resource_keys(chosen.dequeue().op) == {
        key_of(q.queue_ref.op, q.queue_ref.op.attrs) for q in queues
    }


def test_what_comes_from_outside_cannot_be_traced_unless_it_is_an_argument() -> None:
    handle = fc.placeholder(fc.resource, [])
    assert origins(handle) is None
    assert origins(fc.identity(handle)) is None
    assert origins(fc.identity(handle), arguments={handle}) == {handle}
    assert resource_keys(fc.get_default_graph().create_op("QueueSizeV2", [handle])) is None


def test_a_plan_may_say_what_an_op_reads() -> None:
    first, second = (fc.FIFOQueue(1, fc.int32).queue_ref for _ in range(2))
    passed = fc.identity(first)
    assert origins(passed, lambda op: [second]) == {second}


def test_a_shared_name_is_the_key_and_the_same_on_every_path() -> None:
    own, shared = fc.FIFOQueue(1, fc.int32, name="own"), fc.FIFOQueue(1, fc.int32, shared_name="all")
    keys = [key_of(q.queue_ref.op, q.queue_ref.op.attrs, ("call", "inner")) for q in (own, shared)]
    assert keys == [ResourceKey(b"", b"own", ("call", "inner")), ResourceKey(b"", b"all", ())]
    assert keys[0].shown == "call/inner/own"


def test_only_the_wanted_inputs_count() -> None:
    reader, names = fc.IdentityReader(name="reader"), fc.FIFOQueue(1, fc.string, name="names")
    read = reader.read(names).key.op
    assert {key.name for key in resource_keys(read) or ()} == {b"reader", b"names"}
    assert {key.name for key in resource_keys(read, [1]) or ()} == {b"names"}
    assert resource_keys(fc.add(1, 2).op) == frozenset()


def test_names_are_shown_whatever_bytes_they_hold() -> None:
    assert printable(b"a\0b\xff") == "a\\0b\\xff"
