"""References to variables become handles: the first pass, which every plan with a reference goes through.

In the graph a variable is a reference, as in TensorFlow 1.15: ops change it in place and give it on, and
an op that wants a value reads it when it runs. A plan knows handles only, so that there is one kernel for
both. Each op on references is replaced by its resource form (`resource_form` of its declaration), and

- a reference becomes a handle and the ops that must be done before it may be used: the output of an Assign
  is the variable's handle, behind the assignment;
- an op that uses a reference as a value reads it by a ReadVariableOp of its own, behind all that the op
  itself waits for. An Identity is that read;
- "v/read", the Identity that is made with a variable, is one read for all that use it, but for ops behind a
  write of the variable: these read it again, as in TensorFlow, where they share the variable's memory;
- a node that calls bodies passes the handle where a body has captured a reference.

A reference that is fed has the fed value where it is read, and remains the variable where it is changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from flowcore.graph.func_graph import is_shared_read
from flowcore.graph.op_def import get_op_def
from flowcore.graph.operation import Operation, Tensor
from flowcore.runtime.passes.plan_graph import PlanGraph

__all__ = ["resolve_references"]


class _Reference(NamedTuple):
    """The handle of a variable, and what must be done before it is used."""

    handle: Tensor
    after: tuple[Operation, ...] = ()


def resolve_references(graph: PlanGraph, known: Mapping[Tensor, Tensor]) -> Mapping[Tensor, Tensor]:
    """Leaves no reference in a plan. `known`: what stands for arguments of a body, handles for references.
    Returns what stands for these then.
    """
    if not any([op._op_def.resource_form for op in graph.ops]) and not any(
        [tensor._dtype._is_ref_dtype for tensor in (*known, *graph.fed, *graph.fetches)]
    ):
        return known
    resolving = _Resolving(graph, known)
    for op in graph.ops:
        resolving.resolve(op)
    graph.fetches = [resolving.value(t, t._op, ()) for t in graph.fetches]
    graph.prune()
    return {argument: resolving.resolved(tensor) for argument, tensor in known.items()}


class _Resolving:
    """What the ops before have become."""

    def __init__(self, graph: PlanGraph, known: Mapping[Tensor, Tensor]) -> None:
        self._graph = graph
        self._known = known
        self._references: dict[Tensor, _Reference] = {}
        self._values: dict[Tensor, Tensor] = {}
        #: The reads that are made with variables, and the variables' handles.
        self._shared_reads: dict[Tensor, Tensor] = {}
        #: Of ops behind a write, or that write: the handles of the variables that are written.
        self._written: dict[Operation, frozenset[Tensor]] = {}

    def resolve(self, op: Operation) -> None:
        """Finds what does the work of an op whose inputs are resolved already."""
        inputs = op._inputs
        if self._written:
            before = self._written_before(op)
            if before:
                self._written[op] = before
        if op._op_def.resource_form:
            self._replace(op)
        elif any([t._dtype._is_ref_dtype for t in inputs]):
            if op._op_def.calls:
                self._call(op)
            elif op._type == "Identity" and inputs[0] not in self._graph.fed:
                read = self._read(op, self._reference(inputs[0]), op._control_inputs, op._outputs[0])
                self._graph.replace(op, read)
                self._set_value(op, read)
                if is_shared_read(op):
                    self._shared_reads[op._outputs[0]] = read._inputs[0]
            else:
                self._stand_in(op, self._inputs_by_value(op), op._control_inputs)
        elif not self._values.keys().isdisjoint(inputs):
            if op in self._written:
                self._graph.changed_inputs[op] = self._inputs_by_value(op)
            else:
                self._graph.changed_inputs[op] = tuple(map(self._values.get, inputs, inputs))

    def resolved(self, tensor: Tensor) -> Tensor:
        """What has taken the place of a tensor, if anything."""
        return self._values.get(tensor, tensor)

    def _written_before(self, op: Operation) -> frozenset[Tensor]:
        """The variables that what `op` depends on has written."""
        found = [self._written[t._op] for t in op._inputs if t._op in self._written]
        found += [self._written[c] for c in op._control_inputs if c in self._written]
        return found[0].union(*found[1:]) if found else frozenset()

    def _writes(self, op: Operation, handles: list[Tensor]) -> None:
        if handles:
            self._written[op] = self._written.get(op, frozenset()).union(handles)

    def _set_value(self, op: Operation, new: Operation) -> None:
        if op._outputs[0] not in self._graph.fed:
            self._values[op._outputs[0]] = new._outputs[0]

    def _reference(self, tensor: Tensor) -> _Reference:
        """What a reference has become. One that is fed or known may come from an op that never runs."""
        found = self._references.get(tensor)
        if found is None:
            op = tensor._op
            if tensor in self._known:
                found = _Reference(self._known[tensor])
            elif op._inputs:  # its outputs are fed: the variable itself remains
                found = _Reference(self._reference(op._inputs[0]).handle)
            else:
                found = _Reference(_resource_form(op, (), ())._outputs[0])
            self._references[tensor] = found
        return found

    def _replace(self, op: Operation) -> None:
        """Has the resource form do the work of an op on references."""
        if not op._inputs:
            new = _resource_form(op, (), op._control_inputs)
            self._references[op._outputs[0]] = _Reference(new._outputs[0])
            self._graph.replace(op, new)
            return
        found = [self._reference(t) if _is_used(op, i) else None for i, t in enumerate(op._inputs)]
        after = dict.fromkeys(done for r in found if r is not None for done in r.after)
        controls = tuple(dict.fromkeys((*op._control_inputs, *after)))
        passed = op._op_def.passes
        inputs: tuple[Tensor, ...] = ()
        if not passed:
            values = self._inputs_by_value(op)
            inputs = tuple([v if r is None else r.handle for v, r in zip(values, found, strict=True)])
        if op._op_def.writes:
            self._writes(op, [r.handle for r in found if r is not None])
        new = _resource_form(op, inputs, controls)
        self._graph.replace(op, new)
        if op._outputs[0]._dtype._is_ref_dtype:
            first = found[0]
            assert first is not None
            after_all = (new,) if not passed or controls else ()
            self._references[op._outputs[0]] = _Reference(first.handle, after_all)
        else:
            self._set_value(op, new)

    def _call(self, op: Operation) -> None:
        """Bodies get handles for what they captured, and values for what they are passed."""
        controls = dict.fromkeys(op._control_inputs)
        inputs = []
        for i, tensor in enumerate(op._inputs):
            if _is_captured(op, i):
                reference = self._reference(tensor)
                controls.update(dict.fromkeys(reference.after))
                inputs.append(reference.handle)
                self._writes(op, [reference.handle])  # as far as is known here
            else:
                inputs.append(self.value(tensor, op, op._control_inputs))
        self._stand_in(op, tuple(inputs), tuple(controls))

    def _stand_in(self, op: Operation, inputs: tuple[Tensor, ...], controls: tuple[Operation, ...]) -> None:
        """Has the same op on other inputs do the work, so that nobody after this meets a reference."""
        new = op._detached(inputs, controls)
        self._graph.replace(op, new)
        for old, output in zip(op._outputs, new._outputs, strict=True):
            if old not in self._graph.fed:
                self._values[old] = output

    def _inputs_by_value(self, op: Operation) -> tuple[Tensor, ...]:
        """What an op takes as values, which is read when all else is there; references that it uses as
        such are left to the caller.
        """
        values = [i for i, t in enumerate(op._inputs) if not _is_used(op, i)]
        read = {i for i in values if self._is_read(op._inputs[i], op)}
        awaited: list[Operation] = []
        if read:
            fed, running = self._graph.fed, self._graph.running
            others = [t._op for i, t in enumerate(op._inputs) if i not in read and t not in fed]
            awaited = [running(o) for o in others if o._inputs or o._control_inputs]
            for i in read:
                if op._inputs[i]._dtype._is_ref_dtype:
                    awaited += self._reference(op._inputs[i]).after
        controls = (*op._control_inputs, *awaited)
        return tuple([self.value(t, op, controls) if i in values else t for i, t in enumerate(op._inputs)])

    def _is_read(self, tensor: Tensor, reader: Operation) -> bool:
        """Whether an op reads a variable by itself to get a value."""
        if tensor in self._graph.fed:
            return False
        handle = self._shared_reads.get(tensor)
        return tensor._dtype._is_ref_dtype or (
            handle is not None and handle in self._written.get(reader, frozenset())
        )

    def value(self, tensor: Tensor, reader: Operation, controls: tuple[Operation, ...]) -> Tensor:
        """What stands for a tensor that `reader` takes as a value."""
        if not self._is_read(tensor, reader):
            return self._values.get(tensor, tensor)
        shared = self._shared_reads.get(tensor)
        reference = self._reference(tensor) if shared is None else _Reference(shared)
        read = self._read(tensor._op, reference, controls, tensor)
        if reader is not tensor._op:
            read._name = f"{reader._name}/{tensor._op._name}"
        self._graph.originals.setdefault(read, tensor._op)
        return read._outputs[0]

    def _read(
        self, op: Operation, reference: _Reference, controls: tuple[Operation, ...], value: Tensor
    ) -> Operation:
        """A read of a variable that stands for `op`, and for its output `value`."""
        dtype = value._dtype._base
        read = Operation(
            op._graph, get_op_def("ReadVariableOp"), op._name, (reference.handle,), {"dtype": dtype}, [dtype]
        )
        read._stand_for(op, tuple(dict.fromkeys((*controls, *reference.after))))
        read._outputs[0]._shape = value._shape
        return read


def _is_used(op: Operation, i: int) -> bool:
    """Whether an op on references takes its input as one."""
    return bool(op._op_def.resource_form) and op._op_def.input_arg[i].is_ref


def _is_captured(op: Operation, i: int) -> bool:
    """Whether an input of a node that calls bodies is a reference in these too."""
    if not op._inputs[i]._dtype._is_ref_dtype:
        return False
    first = op._op_def.calls[1]
    bodies: Any = op._attrs[first]
    body = bodies[0] if isinstance(bodies, list) else bodies
    place = i - (len(op._inputs) - len(body.inputs))  # negative: what chooses the body
    return place >= 0 and body.inputs[place]._dtype._is_ref_dtype


def _resource_form(op: Operation, inputs: tuple[Tensor, ...], controls: tuple[Operation, ...]) -> Operation:
    """The op outside the graph that does the work of `op` on handles."""
    given = op._attrs
    any_shape = op._type == "Assign" and not given["validate_shape"]
    form = get_op_def("_AssignAnyShape" if any_shape else op._op_def.resource_form)
    attrs = {}
    for name, attr in form.attr.items():
        source = name if name in given else {"dtype": "T", "T": "dtype"}.get(name, "")
        attrs[name] = given.get(source, attr.default)
    made = Operation(op._graph, form, op._name, inputs, attrs, form.output_types(attrs))
    made._stand_for(op, controls)
    for output in made._outputs:
        output._shape = op._outputs[0]._shape
    return made
