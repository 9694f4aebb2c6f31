"""Nodes that call bodies: which arguments and results a plan needs, on which devices, and the bodies' plans.

A body is planned for the node that calls it: constants and handles that the node passes become part of the
body's plan, what no result needs is left out, and the values of a loop lie where its turns compute them.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from flowcore import _engine, dtypes
from flowcore.graph.func_graph import FuncGraph, calls_itself
from flowcore.graph.graph import Graph
from flowcore.graph.operation import Operation, Tensor
from flowcore.runtime.ahead import Part, part_ahead
from flowcore.runtime.devices import HOST, Device
from flowcore.runtime.handles import Path, is_prefilled
from flowcore.runtime.passes import PlanGraph

if TYPE_CHECKING:
    from flowcore.runtime.plan import CompiledPlan

__all__ = ["Body", "Call", "Calls", "is_few_numbers"]


class Call(NamedTuple):
    """A planned node: what it reads (places among the op's inputs, and devices), what it yields (places
    among the outputs, and devices), which outputs are one of the inputs (places), and its bodies.
    """

    kernel: _engine.Call
    inputs: list[int]
    argument_devices: list[Device]
    outputs: list[int]
    result_devices: list[Device]
    same: dict[int, int]
    bodies: list[CompiledPlan]


class Body(NamedTuple):
    """What is to be planned as one body: results of several graphs where these are composed.

    `known`: what stands for some tensors from the start. `held`: arguments that a turn leaves as they are.
    `paths`: for each graph the names of the calls that lead to it: on each path, nodes have a state of their
    own; () where a graph is not named. `engine`: the plan to make, where others refer to it already.
    `around`: the functions around that call themselves, by their bodies, each with a call of it inside.
    """

    arguments: Mapping[Tensor, Device]
    results: Sequence[Tensor]
    targets: Sequence[Operation]
    known: Mapping[Tensor, Tensor]
    held: Sequence[int] = ()
    paths: Mapping[Graph, Path] = {}
    engine: _engine.Plan | None = None
    around: Mapping[Graph, Call] = {}


#: Plans a body, with the devices in whose memory its results are to be (None: where they are computed).
CompileBody = Callable[[Body, Sequence["Device | None"]], "CompiledPlan"]


class Calls:
    """The nodes of one plan that call bodies, each planned when it is first asked for."""

    def __init__(self, graph: PlanGraph, compile_body: CompileBody, body: Body) -> None:
        self._graph = graph
        self._compile = compile_body
        self._paths = body.paths
        self._around = body.around
        self._planned: dict[Operation, Call] = {}
        self._read: set[Tensor] | None = None

    def of(self, op: Operation, devices: Mapping[Any, Device]) -> Call | None:
        """How `op` is run, whose inputs lie in the memory of these devices (else on the host); None for an op
        that calls nothing.
        """
        if not op._op_def.calls:
            return None
        found = self._planned.get(op) or self._around.get(op._bodies()[0])
        if found is None:
            inputs, fed = self._graph.inputs(op), self._graph.fed
            known = {t for t in inputs if _is_known(t) and t not in fed}
            plan = _plan_of(op)
            compile_body = functools.partial(self._compile_on, self._paths_of(op))
            found = plan(op, inputs, devices, known, self._outputs_read(op), compile_body).call()
            self._planned[op] = found
        return found

    def _paths_of(self, op: Operation) -> dict[Graph, Path]:
        """A function may be called from several places; a branch or a turn has one, and its name says it."""
        path = self._paths.get(op._graph, ())
        if op._op_def.calls[0] == "call":
            path = (*path, op._name)
        return {**self._paths, **dict.fromkeys(op._bodies(), path)}

    def _compile_on(
        self, paths: dict[Graph, Path], body: Body, wanted: Sequence[Device | None]
    ) -> CompiledPlan:
        around = {**self._around, **body.around}
        return self._compile(body._replace(paths=paths, around=around), wanted)

    def planned(self) -> list[Call]:
        """All that were asked for."""
        return list(self._planned.values())

    def _outputs_read(self, op: Operation) -> list[int]:
        """The outputs that bodies have to compute. Where an op is run, or waited for, by itself, all but
        those that are there for gradients.
        """
        if self._read is None:
            graph = self._graph
            self._read = set(graph.fetches)
            awaited = [graph.running(target) for target in graph.targets]
            for reader in graph.ops:
                self._read.update(graph.inputs(reader))
                awaited += [graph.running(control) for control in reader._control_inputs]
            self._read.update([t for waited in awaited for t in _own_outputs(waited)])
        return [i for i, t in enumerate(op._outputs) if t in self._read]


def _own_outputs(op: Operation) -> Sequence[Tensor]:
    """The outputs without those that gradients have added."""
    return op._outputs[: op._bodies()[-1].own_outputs] if op._op_def.calls else op._outputs


def _plan_of(op: Operation) -> type[_BranchPlan]:
    """How the bodies of an op are planned."""
    if op._op_def.calls[0] == "while":
        return _LoopPlan
    return _RecursivePlan if op._op_def.calls[0] == "call" and calls_itself(op) else _BranchPlan


def _is_known(tensor: Tensor) -> bool:
    """Whether what a tensor will be is known when a plan is made, and waits for nothing that runs."""
    op = tensor._op
    return is_prefilled(op) and not (op._type == "Const" and op._control_inputs)


def _reached(
    results: Iterable[Tensor], targets: Iterable[Operation], known: Mapping[Tensor, Tensor]
) -> set[Tensor]:
    """All tensors that some need, themselves included."""
    found: set[Tensor] = set()
    ops: set[Operation] = set()
    left = [*results]
    waiting = [*targets]
    while left or waiting:
        if left:
            tensor = left.pop()
            tensor = known.get(tensor, tensor)
            found.add(tensor)
            op = tensor._op
        else:
            op = waiting.pop()
            found.update(op._outputs)  # an argument may be waited for, and not read
        if op not in ops:
            ops.add(op)
            left += op._inputs
            waiting += op._control_inputs
    return found


def _common(devices: Iterable[Device]) -> Device:
    """Where a value lies that is computed in several places: on a device if one of them is."""
    return next((device for device in devices if device is not HOST), HOST)


def is_few_numbers(tensor: Tensor) -> bool:
    """Whether a tensor is known to be no more than a few whole numbers or truth values: what decides and
    counts, indices, shapes. In bodies these stay on the host, where such values are wanted in the end, so
    that no turn reads one back.
    """
    few = tensor._shape.num_elements()
    return few is not None and few <= 16 and (tensor._dtype.is_integer or tensor._dtype.is_bool)


class _BranchPlan:
    """Of a call, or of branches one of which is called."""

    def __init__(
        self,
        op: Operation,
        inputs: Sequence[Tensor],
        devices: Mapping[Tensor, Device],
        known: Collection[Tensor],
        outputs: list[int],
        compile_body: CompileBody,
    ) -> None:
        self.op, self.inputs, self.devices, self.known, self.outputs = op, inputs, devices, known, outputs
        self.compile = compile_body
        self.kind = op._op_def.calls[0]

    def call(self) -> Call:
        first = 0 if self.kind == "call" else 1
        passed = self.inputs[first:]
        graphs = self.op._bodies()
        known = [{a: t for a, t in zip(g.inputs, passed, strict=True) if t in self.known} for g in graphs]
        needed = [
            _reached([graph.outputs[i] for i in self.outputs], graph.control_outputs, values)
            for graph, values in zip(graphs, known, strict=True)
        ]
        used = [{i for i, a in enumerate(g.inputs) if a in n} for g, n in zip(graphs, needed, strict=True)]
        places = sorted(set().union(*used))
        given = {i: self.devices.get(passed[i], HOST) for i in places}
        while True:
            bodies = [
                Body(
                    {graph.inputs[i]: device for i, device in given.items()},
                    [graph.outputs[i] for i in self.outputs],
                    graph.control_outputs,
                    values,
                )
                for graph, values in zip(graphs, known, strict=True)
            ]
            plans, devices = self._planned(bodies)
            moved = self._passed_elsewhere(graphs, used, plans) if self.op._graph.path else {}
            if not moved:
                break
            given.update(moved)
        kernel = _engine.Call(self.kind, [plan.engine for plan in plans])
        read = [*range(first), *[i + first for i in places]]
        return Call(kernel, read, [*[HOST] * first, *given.values()], self.outputs, devices, {}, plans)

    def _passed_elsewhere(
        self, graphs: Sequence[FuncGraph], used: Sequence[set[int]], plans: Sequence[CompiledPlan]
    ) -> dict[int, Device]:
        """The arguments on the host that all bodies that use them read on one device: within a loop they are
        passed there, and so copied once.
        """
        found: dict[int, set[Device]] = {}
        for graph, places, plan in zip(graphs, used, plans, strict=True):
            for i in places:
                found.setdefault(i, set()).add(plan.readers.get(graph.inputs[i], HOST))
        return {i: there.pop() for i, there in found.items() if len(there) == 1 and HOST not in there}

    def _planned(self, bodies: Sequence[Body]) -> tuple[list[CompiledPlan], list[Device]]:
        """Plans whose results lie in the same places."""
        anywhere = [None] * len(self.outputs)
        plans = [self.compile(body, anywhere) for body in bodies]
        devices = [_common(found) for found in zip(*[p.result_devices for p in plans])]
        for i, plan in enumerate(plans):
            if plan.result_devices != devices:
                plans[i] = self.compile(bodies[i], devices)
        return plans, devices


class _RecursivePlan(_BranchPlan):
    """Of a function that calls itself: one plan, which the calls inside refer to.

    All calls pass the same: every argument, but for what is captured and known; and they yield all results.
    Values are passed on the host.
    """

    def call(self) -> Call:
        (function,) = self.op._bodies()
        known = {
            a: t
            for a, t in zip(function.inputs, self.inputs, strict=True)
            if t in self.known and function._captured_tensor(a) is not None
        }
        places = [i for i, a in enumerate(function.inputs) if a not in known]
        passed = {function.inputs[i]: self._device(self.inputs[i]) for i in places}
        outputs = list(range(len(self.op._outputs)))
        results: list[Device] = [HOST] * len(outputs)
        engine = _engine.Plan.__new__(_engine.Plan)
        kernel = _engine.Call("call", [engine])
        again = Call(kernel, places, [*passed.values()], outputs, results, {}, [])
        body = Body(
            passed,
            function.outputs,
            function.control_outputs,
            known,
            engine=engine,
            around={function: again},
        )
        return again._replace(bodies=[self.compile(body, results)])

    def _device(self, tensor: Tensor) -> Device:
        return self.devices.get(tensor, HOST) if tensor._dtype is dtypes.resource else HOST


class _LoopPlan(_BranchPlan):
    """Of a loop: the condition by itself, and a turn with the condition for the next one behind it; also the
    part of a turn that runs ahead, if there is one (ahead.py).
    """

    def call(self) -> Call:
        condition, turn = self.op._bodies()
        invariant = {i for i, (a, r) in enumerate(zip(turn.inputs, turn.outputs, strict=True)) if a is r}
        fixed = {i for i in invariant if self.inputs[i] in self.known}
        places = self._needed(condition, turn, fixed)
        carried = [i for i in places if i not in invariant]
        devices = {
            i: HOST if is_few_numbers(turn.inputs[i]) else self.devices.get(self.inputs[i], HOST)
            for i in places
        }
        known = {graph.inputs[i]: self.inputs[i] for i in fixed for graph in (condition, turn)}
        whole = _Turn(condition, turn, places, carried, known)
        wherever: list[Device | None] = [HOST, *[None] * len(carried)]
        while True:
            plan = self.compile(whole.body(devices), wherever)
            found = {
                i: _common([devices[i], d]) for i, d in zip(carried, plan.result_devices[1:], strict=True)
            }
            for i in places:
                if i in invariant and not plan.readers.get(turn.inputs[i], HOST).is_host:
                    found[i] = plan.readers[turn.inputs[i]]
            if all(devices[i] is device for i, device in found.items()):
                break
            devices.update(found)
        results = [HOST, *[devices[i] for i in carried]]
        if plan.result_devices != results:
            plan = self.compile(whole.body(devices), results)
        first = Body(
            {condition.inputs[i]: devices[i] for i in places},
            condition.outputs,
            condition.control_outputs,
            known,
        )
        plans = [self.compile(first, [HOST]), plan]
        part = self._part_ahead(whole, devices)
        if part is not None:
            plans += self._in_two(whole, part, devices, results)
        kernel = _engine.Call(
            "while",
            [p.engine for p in plans],
            [places.index(i) for i in carried],
            None if part is None else self._ahead(part, places),
        )
        passed = [devices[i] for i in places]
        same = {i: i for i in self.outputs if i in invariant}
        return Call(kernel, places, passed, places, passed, same, plans)

    def _part_ahead(self, whole: _Turn, devices: Mapping[int, Device]) -> Part | None:
        """What may run ahead, where the loop allows turns at once, and counts on the host."""
        if self.op._attrs["parallel_iterations"] == 1:
            return None
        part = part_ahead(whole.condition, whole.turn, whole.carried, whole.known)
        if part is None or devices[part.counter] is not HOST:
            return None
        return part if part.limit_known or devices[part.limit] is HOST else None

    def _in_two(
        self, whole: _Turn, part: Part, devices: Mapping[int, Device], results: Sequence[Device]
    ) -> list[CompiledPlan]:
        """What a turn does in order, and the part that may run ahead."""
        arguments = {whole.turn.inputs[i]: devices[i] for i in part.reads}
        held = [k for k, i in enumerate(part.reads) if i != part.counter]
        body = Body(arguments, part.results, (), whole.known, held)
        ahead = self.compile(body, [None] * len(part.results))
        given = dict(zip(part.results, ahead.result_devices, strict=True))
        return [self.compile(whole.body(devices, given), results), ahead]

    def _ahead(self, part: Part, places: Sequence[int]) -> _engine.Ahead:
        return _engine.Ahead(
            self.op._attrs["parallel_iterations"],
            [places.index(i) for i in part.reads],
            places.index(part.counter),
            self.inputs[part.counter]._dtype.as_datatype_enum,
            part.limit if part.limit_known else places.index(part.limit),
            part.limit_known,
        )

    def _needed(self, condition: FuncGraph, turn: FuncGraph, fixed: set[int]) -> list[int]:
        """The arguments without which the condition, or an output that is read, could not be computed."""
        needed = {i for i in self.outputs if turn.inputs[i] is not turn.outputs[i]}
        while True:
            results = [*condition.outputs, *[turn.outputs[i] for i in needed]]
            reached = _reached(results, [*turn.control_outputs, *condition.control_outputs], {})
            more = needed | {
                i
                for i, (a, b) in enumerate(zip(condition.inputs, turn.inputs))
                if a in reached or b in reached
            }
            if more == needed:
                return sorted(needed - fixed)
            needed = more


class _Turn(NamedTuple):
    """A turn, then the condition on what it yields."""

    condition: FuncGraph
    turn: FuncGraph
    places: Sequence[int]
    carried: Sequence[int]
    known: Mapping[Tensor, Tensor]

    def body(self, devices: Mapping[int, Device], given: Mapping[Tensor, Device] | None = None) -> Body:
        """`given`: what has run ahead, with the devices where it lies."""
        condition, turn = self.condition, self.turn
        joined = dict(self.known)
        for argument, result in zip(condition.inputs, turn.outputs, strict=True):
            joined.setdefault(argument, self.known.get(result, result))
        return Body(
            {**{turn.inputs[i]: devices[i] for i in self.places}, **(given or {})},
            [*condition.outputs, *[turn.outputs[i] for i in self.carried]],
            [*turn.control_outputs, *condition.control_outputs],
            joined,
            [k for k, i in enumerate(self.places) if i not in self.carried],
        )
