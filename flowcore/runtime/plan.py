"""From a graph, fetches and feeds to a plan of the engine, by passes, each in a file of its own: prune
(passes/plan_graph.py), optimise (passes), place, copies, lower, fuse. Here they are strung together.

Nothing here runs a node, but for the constants that are folded.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from flowcore import _engine, errors
from flowcore.config import PASSES
from flowcore.graph.operation import Operation, Tensor
from flowcore.runtime.calls import Body, Calls
from flowcore.runtime.copies import insert_copies, readers_of_arguments
from flowcore.runtime.devices import HOST, Device
from flowcore.runtime.fuse import fuse
from flowcore.runtime.handles import ResourceKey
from flowcore.runtime.lower import lower
from flowcore.runtime.passes import Failed, PlanGraph, optimise
from flowcore.runtime.passes.list_order import order_reads_of_lists
from flowcore.runtime.passes.plan_graph import rewrite
from flowcore.runtime.passes.references import resolve_references
from flowcore.runtime.place import place
from flowcore.runtime.plan_node import PlanNode
from flowcore.runtime.plan_nodes import PlanNodes
from flowcore.runtime.resources import ResourceManager, RunnerFailure
from flowcore.runtime.visible_devices import VisibleDevices

__all__ = ["CompiledPlan", "PlanSettings", "compile_body", "compile_plan"]


class PlanSettings(NamedTuple):
    """What all plans of a session have in common."""

    pool: _engine.Pool
    resources: ResourceManager
    visible: VisibleDevices
    soft_placement: bool = False
    passes: frozenset[str] = PASSES
    deterministic: bool = False


@dataclass(eq=False, repr=False)
class CompiledPlan(PlanNodes):
    """An engine plan with what the session needs around it."""

    engine: _engine.Plan = field(kw_only=True)
    queues: dict[ResourceKey, _engine.Resource] = field(default_factory=dict)
    #: of the session's queues, filled while it runs: see ResourceManager
    failures: Mapping[ResourceKey, RunnerFailure] = field(default_factory=dict)
    #: in whose memory the results lie
    result_devices: list[Device] = field(default_factory=list)
    #: of a body's arguments on the host, the devices that read them: see copies.readers_of_arguments
    readers: dict[Tensor, Device] = field(default_factory=dict)
    #: the plans of bodies that its nodes call
    called: list[CompiledPlan] = field(default_factory=list)

    @property
    def may_wait(self) -> bool:
        """True when a node of it may wait for a queue."""
        return bool(self.queues)

    def placements(self) -> list[tuple[Operation, str]]:
        """Every op that runs, and the name of its device."""
        return [
            (op, self.device(i))
            for i, last in enumerate(self.ops)
            for op in self.fused.get(i, (last,))
            if op is not None
        ]


def _where(op: Operation | None) -> str:
    place = op.created_at if op is not None else ""
    return f"; created at {place}" if place else ""


def _refuse_placeholder(op: Operation) -> None:
    tensor = op._outputs[0]
    raise errors.InvalidArgumentError(
        None,
        op,
        f"You must feed a value for placeholder tensor '{op.name}' with dtype {tensor.dtype.name} and shape"
        f" {tensor.shape}; the fetches depend on it and feed_dict does not have it{_where(op)}",
    )


def compile_plan(
    settings: PlanSettings, fetches: Sequence[Tensor], targets: Sequence[Operation], feeds: Sequence[Tensor]
) -> CompiledPlan:
    """Plans one signature. Feeds and fetches keep their order; the values of `run` are by these
    positions, and on the host.

    Raises InvalidArgumentError for an unfed placeholder, an unknown device or a missing kernel.
    """
    whole = Body(dict.fromkeys(feeds, HOST), fetches, targets, {})
    return compile_body(settings, whole, [HOST] * len(fetches), is_called=False)


def compile_body(
    settings: PlanSettings, body: Body, wanted: Sequence[Device | None], is_called: bool = True
) -> CompiledPlan:
    """Plans what lies between some tensors and others.

    Args:
      settings: the session's.
      body: arguments, results and what stands for tensors that are known. An argument comes with the
        device in whose memory it is; a handle with the one where the resource lives.
      wanted: for each result the device in whose memory it is to be; None: where it is computed.
      is_called: whether nodes of other plans call it, and no session runs it.

    Raises InvalidArgumentError for a placeholder that is no argument, an unknown device or a missing
    kernel.
    """
    arguments = body.arguments

    def evaluate(tensors: Sequence[Tensor]) -> list[np.ndarray]:
        part = Body({}, tensors, (), body.known)
        plain = settings._replace(passes=frozenset())
        plan = compile_body(plain, part, [HOST] * len(tensors), is_called=False)
        try:
            return plan.engine.run([])
        except _engine.StepError as error:
            raise Failed(plan.ops[error.node] if error.node >= 0 else None) from None

    pool, resources, visible, soft, passes, deterministic = settings
    graph = PlanGraph(body.results, body.targets, arguments)
    known = resolve_references(graph, body.known)
    if known:
        rewrite(graph, known=known)
    for op in graph.ops:
        if op._type == "Placeholder":
            _refuse_placeholder(op)
    optimise(graph, passes, evaluate)
    order_reads_of_lists(graph)
    calls = Calls(graph, functools.partial(compile_body, settings), body)
    placed = place(graph, arguments, visible, soft, calls, wanted)
    moved = insert_copies(graph, placed, arguments, wanted, calls)
    lowered = lower(graph, moved, placed, arguments, resources, deterministic, calls, body.paths)
    nodes = lowered.nodes
    if "elementwise_fusion" in passes:
        nodes = fuse(nodes, lowered.results, lowered.constants)
    engine = body.engine or _engine.Plan.__new__(_engine.Plan)
    engine.__init__(  # type: ignore[misc]
        pool,
        nodes,
        lowered.slots,
        range(len(arguments)),
        lowered.results,
        lowered.constants,
        is_called,
        body.held,
    )
    devices = [moved.memory.get(value, HOST) for value in moved.results]
    plan = _described(engine, graph, nodes, lowered.queues, resources, devices)
    plan.paths = body.paths
    plan.called = [called for call in calls.planned() for called in call.bodies]
    for called in plan.called:
        plan.queues.update(called.queues)
    if is_called:
        plan.readers = readers_of_arguments(graph, moved, arguments)
        engine.about = PlanNodes(plan.ops, plan.own_names, plan.elsewhere, plan.fused, paths=body.paths)
    return plan


def _described(
    engine: _engine.Plan,
    graph: PlanGraph,
    nodes: Sequence[PlanNode],
    queues: dict[ResourceKey, _engine.Resource],
    resources: ResourceManager,
    result_devices: list[Device],
) -> CompiledPlan:
    """A plan in terms of the user's ops."""
    original = graph.originals.get
    ops = [original(n.op, n.op) if n.op is not None else None for n in nodes]
    own_names = {i: n.name for i, (n, op) in enumerate(zip(nodes, ops)) if op is None or n.name != op._name}
    elsewhere = {i: n.device.name for i, n in enumerate(nodes) if n.device is not HOST}
    fused = {i: tuple([original(op, op) for op in n.fused]) for i, n in enumerate(nodes) if n.fused}
    return CompiledPlan(
        ops, own_names, elsewhere, fused, queues, resources.failures, result_devices, engine=engine
    )
