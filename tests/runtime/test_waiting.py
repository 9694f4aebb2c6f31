"""Which ops could end a wait. What programs that wait say is in tests/train/test_hangs.py."""

from __future__ import annotations

import flowcore as fc
from flowcore import _engine
from flowcore.config import Settings
from flowcore.runtime.calls import Body
from flowcore.runtime.devices import HOST
from flowcore.runtime.handles import ResourceKey
from flowcore.runtime.plan import CompiledPlan, PlanSettings, compile_body
from flowcore.runtime.resources import ResourceManager
from flowcore.runtime.visible_devices import VisibleDevices
from flowcore.runtime.waiting import _has_server, _servers

SETTINGS = PlanSettings(_engine.Pool(1), ResourceManager(), VisibleDevices(Settings()))


def planned(target: fc.Operation, path: tuple[str, ...] = ()) -> CompiledPlan:
    return compile_body(SETTINGS, Body({}, [], [target], {}, paths={target.graph: path}), [])


def names(ops: list[fc.Operation]) -> list[str]:
    return [op.name for op in ops]


def test_a_queue_of_a_function_is_served_on_its_own_path() -> None:
    queue = fc.FIFOQueue(4, fc.float32, shapes=[[]], name="q")
    put = queue.enqueue(1.0, name="put")
    plans = {path: planned(put, path) for path in ((), ("one",), ("two",))}
    for path, plan in plans.items():
        assert list(plan.queues) == [ResourceKey(b"", b"q", path)]
        for other in plans:
            served = names(_servers(plan, "room", ResourceKey(b"", b"q", other)))
            assert served == (["put"] if other == path else [])
        assert _servers(plan, "elements", ResourceKey(b"", b"q", path)) == []


def test_what_bodies_hold_serves_too() -> None:
    queue = fc.FIFOQueue(4, fc.float32, shapes=[[]], name="q")
    inner, outer = (fc.placeholder(fc.bool, []) for _ in range(2))

    def take() -> fc.Tensor:
        return fc.cond(inner, queue.dequeue, lambda: 2.0)

    result = fc.cond(outer, take, lambda: 1.0)
    key = ResourceKey(b"", b"q")
    plan = compile_body(SETTINGS, Body({inner: HOST, outer: HOST}, [result], [], {}), [HOST])
    assert len(_servers(plan, "elements", key)) == 1
    assert _has_server(fc.get_default_graph(), "elements", key)
    assert not _has_server(fc.get_default_graph(), "room", key)
    assert not _has_server(fc.get_default_graph(), "elements", ResourceKey(b"", b"another"))
