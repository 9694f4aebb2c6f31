"""Derivatives of ops that call bodies: of a branch a branch, of a loop a loop that runs backwards.

A gradient's body is made beside the body that it belongs to, its `forward`. What it needs of the values
computed there, the node that calls gives out: a branch as one output more; a loop as a list of the value of
each turn, which is one loop variable more. So nothing is computed twice. A plan that does not read such
outputs leaves them out. Shapes and sizes are taken in the forward body, so that no value is kept for its
shape alone.

Must never import train or runtime; gradients.py, which imports it, passes `differentiate`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import Any

from flowcore import dtypes
from flowcore.graph.apply import apply
from flowcore.graph.conversion import convert_to_tensor
from flowcore.graph.func_graph import (
    FuncGraph,
    calls_itself,
    local_name,
    needed_by,
    share_captures,
    waited_for,
)
from flowcore.graph.graph import Graph, get_default_graph
from flowcore.graph.op_def import get_op_def
from flowcore.graph.operation import IndexedSlices, Operation, Tensor
from flowcore.graph.scopes import control_dependencies, name_scope
from flowcore.ops import list_ops
from flowcore.ops.filling import zeros_like
from flowcore.ops.functional_ops import apply_call, types_of
from flowcore.ops.joining import concat
from flowcore.ops.state_ops import value_shape, zeros_for
from flowcore.recursive_gradients import gradients_of_recursion

__all__ = ["gradients_of_call"]

#: (ys, xs, gradients of ys) -> gradients of xs, or None where there is none.
Differentiate = Callable[[Sequence[Tensor], Sequence[Tensor], Sequence[Any]], list[Any]]


def gradients_of_call(
    op: Operation, incoming: Sequence[Any], wanted: Sequence[bool], differentiate: Differentiate
) -> list[Any]:
    """The gradients with respect to the inputs of an op that calls bodies, those `wanted`.

    `incoming`: one for each output, or None.
    """
    dense = [convert_to_tensor(g) if isinstance(g, IndexedSlices) else g for g in incoming]
    if op._op_def.calls[0] == "while":
        return _LoopGradient(op, dense, wanted, differentiate).gradients()
    return _branch_gradients(op, dense, wanted, differentiate)


# ---- bodies of gradients -------------------------------------------------------------------------


class _GradientBody(FuncGraph):
    """A body beside a forward body, whose tensors it may use: `expose` gives a tensor of the surrounding
    graph for one of those, or one of this body.
    """

    def __init__(
        self, path: str, outer: Graph, forward: FuncGraph, expose: Callable[[_GradientBody, Tensor], Tensor]
    ) -> None:
        super().__init__(path, outer)
        self._forward = forward
        self._expose = expose
        #: of operations of the forward body that are waited for here: a value that comes behind each
        self._done: dict[Operation, Tensor] = {}

    def _reaches(self, other: Graph) -> bool:
        return self._forward.stands_for(other) or super()._reaches(other)

    def _import(self, tensor: Tensor, user: str) -> Tensor:
        tensor = self._forward.copy_of(tensor)
        found = self.captures.get(tensor)
        if found is not None:
            return found
        if tensor._op._graph is not self._forward:
            return super()._import(tensor, user)
        op = tensor._op
        if op._type == "Const":
            found = self.create_op(
                "Const", [], name=local_name(op._name), attrs=dict(op._attrs), op_def=op._op_def
            )._outputs[0]
        else:
            found = self._expose(self, tensor)
            if found._op._graph is not self:
                found = super()._import(found, user)
        self.captures[tensor] = found
        return found

    def _waited_for(self, op: Operation) -> Operation | None:
        """An operation of the forward body is done when a value that it gives out behind it is there."""
        op = self._forward.copy_of(op)
        if op._graph is not self._forward:
            return super()._waited_for(op)
        if op not in self._done:
            with self._forward.building(), control_dependencies([op]):
                self._done[op] = apply("Identity", convert_to_tensor(True))
        return self._import(self._done[op], op._name)._op

    def forget_unused(self) -> None:
        """Leaves out what is captured and no result needs: else it would be computed, or kept, around."""
        needed = needed_by(self.outputs)
        for argument in [t for t in self.captured if t._op not in needed]:
            del self.captured[argument]
            self.inputs.remove(argument)
            self.captures = {t: inside for t, inside in self.captures.items() if inside is not argument}

    def create_op(self, op_type: str, inputs: Sequence[Tensor], *args: Any, **kwargs: Any) -> Operation:
        """As Graph.create_op; what reads shapes of the forward body's values is made there."""
        if inputs and all([t._op._graph is self._forward for t in inputs]):
            if get_op_def(op_type).from_shapes:
                return self._in_forward(op_type, inputs, *args, **kwargs)
            if op_type == "ZerosLike" and inputs[0]._dtype is not dtypes.variant:
                with self.as_default():
                    zero = apply("Cast", convert_to_tensor(0), DstT=inputs[0]._dtype)
                    filled: Operation = apply("Fill", apply("Shape", inputs[0]), zero)._op
                filled._outputs[0]._shape = inputs[0]._shape
                return filled
        return super().create_op(op_type, inputs, *args, **kwargs)

    def _in_forward(self, op_type: str, inputs: Sequence[Tensor], *args: Any, **kwargs: Any) -> Operation:
        kwargs["name"] = None
        with self._forward.building():
            made = self._forward.create_op(op_type, inputs, *args, **kwargs)
        return self.create_op("Identity" if len(made._outputs) == 1 else "IdentityN", made._outputs)


def _open(graph: Graph) -> contextlib.AbstractContextManager[Any]:
    """Makes a graph the default, also a body that is closed."""
    return graph.building() if isinstance(graph, FuncGraph) else graph.as_default()


def _passed(op: Operation, body: FuncGraph, tensor: Tensor, first: int) -> Tensor | None:
    """What a node passes for an argument of a body; None for what is no argument."""
    for i, argument in enumerate(body.inputs):
        if argument is tensor:
            return op._inputs[first + i]
    return None


# ---- branches ------------------------------------------------------------------------------------


def _branch_gradients(
    op: Operation, incoming: Sequence[Any], wanted: Sequence[bool], differentiate: Differentiate
) -> list[Any]:
    """By a node that calls the gradient of the branch that ran."""
    kind, *names = op._op_def.calls
    if kind == "call" and calls_itself(op):
        return gradients_of_recursion(op, incoming, wanted, differentiate)
    first = 0 if kind == "call" else 1
    bodies = op._bodies()
    targets = [i for i, want in enumerate(wanted[first:]) if want]
    count = len(incoming)
    with name_scope(local_name(op._name)) as scope:
        made: list[_GradientBody] = []
        found: list[list[Any]] = []
        for k, body in enumerate(bodies):
            inside = _GradientBody(
                f"{scope}{local_name(body.path)}",
                get_default_graph(),
                body,
                lambda _, t, k=k: _expose_of_branch(op, bodies, k, first, t),  # type: ignore[misc]
            )
            ys = body.outputs[:count]
            with inside.building():
                given = [(y, g) for y, g in zip(ys, incoming, strict=True) if g is not None]
                xs = [body.inputs[i] for i in targets]
                found.append(
                    differentiate([y for y, _ in given], xs, [inside.own(g, "gradient") for _, g in given])
                )
            made.append(inside)
        kept = [n for n in range(len(targets)) if any(f[n] is not None for f in found)]
        sparse = [n for n in kept if all(f[n] is None or isinstance(f[n], IndexedSlices) for f in found)]
        for body, inside, gs in zip(bodies, made, found, strict=True):
            with inside.building():
                inside.outputs = [
                    inside.own(part, "gradient")
                    for n in kept
                    for part in _parts(gs[n], body.inputs[targets[n]], n in sparse, [f[n] for f in found])
                ]
            inside.forget_unused()
        outputs = _call_again(op, kind, names, made, first, scope)
    result: list[Any] = [None] * len(wanted)
    at = 0
    for n in kept:
        if n in sparse:
            result[first + targets[n]] = IndexedSlices(
                outputs[at], outputs[at + 1], value_shape(op._inputs[first + targets[n]])
            )
            at += 2
        else:
            result[first + targets[n]] = outputs[at]
            at += 1
    return result


def _expose_of_branch(
    op: Operation, bodies: Sequence[FuncGraph], k: int, first: int, tensor: Tensor
) -> Tensor:
    """A tensor of branch k as an output of the node that calls; other branches yield a stand-in."""
    body = bodies[k]
    passed = _passed(op, body, tensor, first)
    if passed is not None:
        return passed
    _catch_up(op, body)
    for i, output in enumerate(body.outputs):
        if output is tensor:
            return op._outputs[i]
    for other in bodies:
        if other is not body:
            with other.building():
                stand_in = apply("FakeParam", dtype=tensor._dtype, shape=tensor._shape)
                other.give_out(stand_in)
    body.give_out(tensor)
    added = op._add_outputs([tensor._dtype], {"Tout": [*op._attrs["Tout"], tensor._dtype]})
    added[0]._shape = tensor._shape
    return added[0]


def _catch_up(op: Operation, body: FuncGraph) -> None:
    """Gives a call the outputs that the gradients of other calls have added to the body."""
    more = body.outputs[len(op._outputs) :]
    if more:
        types = types_of(more)
        added = op._add_outputs(types, {"Tout": [*op._attrs["Tout"], *types]})
        for new, inside in zip(added, more, strict=True):
            new._shape = inside._shape


def _parts(gradient: Any, x: Tensor, sparse: bool, all_found: Sequence[Any]) -> list[Tensor]:
    """The tensors of one branch's gradient with respect to x, zeros where it has none."""
    if sparse:
        if gradient is not None:
            return [gradient.values, gradient.indices]
        other = next(f for f in all_found if f is not None)
        row = value_shape(x)[1:]
        empty = apply("Fill", concat([[0], row], 0), apply("Cast", 0, DstT=other.values.dtype))
        return [empty, apply("Fill", [0], apply("Cast", 0, DstT=other.indices.dtype))]
    if gradient is not None:
        return [convert_to_tensor(gradient)]
    return [zeros_for(x, next(f.dtype for f in all_found if f is not None))]


def _call_again(
    op: Operation, kind: str, names: Sequence[str], made: Sequence[_GradientBody], first: int, scope: str
) -> list[Tensor]:
    """The node that calls the gradients' bodies as `op` calls its own."""
    passed = share_captures(made, 0)
    attrs: dict[str, Any] = {"Tout": types_of(made[0].outputs), "name": scope}
    with control_dependencies(waited_for(made)):
        if kind == "call":
            return apply_call("StatefulPartitionedCall", passed, bodies=made, f=made[0], **attrs)
        if kind == "case":
            attrs["branches"] = list(made)
        else:
            attrs.update(zip(names, made, strict=True))
        op_type = {"if": "If", "case": "Case"}[kind]
        return apply_call(op_type, op._inputs[0], passed, bodies=made, **attrs)


# ---- loops ---------------------------------------------------------------------------------------


class _LoopGradient:
    """The loop that runs backwards through a loop's turns, while it is made.

    Its variables: how many turns are left; the gradients of the forward loop's variables; for what turns
    share, the sum so far, or lists of rows where gradients are sparse; and the lists of values that forward
    turns have kept, each shorter by one after a turn.
    """

    def __init__(
        self, op: Operation, incoming: Sequence[Any], wanted: Sequence[bool], differentiate: Differentiate
    ) -> None:
        self.op, self.incoming, self.wanted, self.differentiate = op, incoming, wanted, differentiate
        self.condition: FuncGraph = op._attrs["cond"]
        self.turn: FuncGraph = op._attrs["body"]
        self.outer = get_default_graph()
        count = len(incoming)
        self.shared = [i for i in range(count) if self.turn.outputs[i] is self.turn.inputs[i]]
        self.count = count
        #: What the new loop begins with, for each variable.
        self.variables: list[Tensor] = []
        #: Lists that a turn takes from, and what it leaves of them.
        self.kept: list[tuple[Tensor, Tensor]] = []

    def _active(self) -> list[int]:
        """The variables whose gradient is not zero in some turn."""
        active = [i for i in range(self.count) if self.incoming[i] is not None]
        while True:
            reached = _sources_of([self.turn.outputs[i] for i in active])
            more = [
                i
                for i in range(self.count)
                if i in active or (self.turn.inputs[i] in reached and self.turn.inputs[i]._dtype in TRAINABLE)
            ]
            if len(more) == len(active):
                return active
            active = more

    def gradients(self) -> list[Any]:
        """One for each input of the op, as it was when its outputs were given out."""
        active = self._active()
        state = [i for i in active if i not in self.shared]
        shared = [i for i in active if i in self.shared and self.wanted[i]]
        with name_scope(local_name(self.op._name)) as scope:
            turns = self._turns()
            self.body = _GradientBody(scope + "body", self.outer, self.turn, self._expose)
            with self.body.building():
                left = self._add_variable(turns, "turns")
            for i in state:
                self._add_state(i)
            arguments = list(self.body.inputs)
            with self.body.building():
                gradients = self.differentiate(
                    [self.turn.outputs[i] for i in state],
                    [self.turn.inputs[i] for i in [*state, *shared]],
                    arguments[1:],
                )
                following = [apply("Sub", left, 1)]
                for argument, g in zip(arguments[1:], gradients, strict=False):
                    following.append(zeros_like(argument) if g is None else convert_to_tensor(g))
                sums = [self._sum(i, g) for i, g in zip(shared, gradients[len(state) :], strict=True)]
            outputs = self._finish(scope, arguments, following, sums)
        result: list[Any] = [None] * len(self.wanted)
        for i, g in zip(state, outputs[1:], strict=False):
            result[i] = g if self.wanted[i] else None
        at = 1 + len(state)
        for i, parts in zip(shared, sums, strict=True):
            taken, at = outputs[at : at + len(parts)], at + len(parts)
            result[i] = self._total(i, parts, taken)
        return result

    def _turns(self) -> Tensor:
        """How many turns the forward loop has run: one variable more of it."""
        if self.turn.turns_at is None:
            self.turn.turns_at = self._add_forward(
                lambda: convert_to_tensor(0), lambda counted: apply("Add", counted, 1), "turns"
            )
        return self.op._outputs[self.turn.turns_at]

    def _add_forward(
        self, start: Callable[[], Tensor], following: Callable[[Tensor], Tensor], name: str
    ) -> int:
        """Gives the forward loop one variable more. Returns its place."""
        with _open(self.op._graph), self.op._graph._all_scopes_left():
            first = start()
        inside: list[Tensor] = []
        for body in (self.condition, self.turn):
            with body.building():
                inside.append(body.add_argument(first._dtype, first._shape, name))
                if body is self.turn:
                    body.give_out(following(inside[-1]))
        types = [*self.op._attrs["T"], first._dtype]
        (added,) = self.op._add_outputs([first._dtype], {"T": types}, [first])
        added._shape = first._shape
        return len(self.turn.inputs) - 1

    def _add_variable(self, first: Tensor, name: str) -> Tensor:
        self.variables.append(first)
        return self.body.add_argument(first._dtype, first._shape, name)

    def _add_state(self, i: int) -> None:
        """The gradient of a variable, behind the last turn."""
        g = self.incoming[i]
        if g is None:
            g = zeros_like(self.op._outputs[i])
        with self.body.building():
            argument = self._add_variable(g, f"d{local_name(self.turn.inputs[i]._op._name)}")
        argument._shape = self.turn.outputs[i]._shape

    def _sum(self, i: int, g: Any) -> list[tuple[Tensor, Tensor]]:
        """What a turn adds to the gradient of what turns share: (variable, its next value) pairs."""
        if g is None:
            return []
        if isinstance(g, IndexedSlices):
            return [self._collected(part, name) for part, name in ((g.values, "rows"), (g.indices, "places"))]
        with self.outer.as_default():
            first = self.incoming[i]
            if first is None:
                first = zeros_for(self.op._inputs[i], g._dtype)
        argument = self._add_variable(first, f"sum_{local_name(self.turn.inputs[i]._op._name)}")
        return [(argument, apply("AddN", [argument, self.body.own(g, "gradient")]))]

    def _collected(self, part: Tensor, name: str) -> tuple[Tensor, Tensor]:
        """A list of what each turn yields."""
        with self.outer.as_default():
            first = list_ops.empty_tensor_list(list_ops.any_rows(part.shape), part._dtype)
        argument = self._add_variable(first, name)
        return argument, list_ops.tensor_list_push_back(argument, self.body.own(part, "gradient"))

    def _total(self, i: int, parts: Sequence[Any], taken: Sequence[Tensor]) -> Any:
        if not parts:
            return self.incoming[i]
        if len(parts) == 1:
            return taken[0]
        x = self.op._inputs[i]
        rows, places = [following._op._inputs[1] for _, following in parts]
        row: Any = list_ops.any_rows(rows.shape)
        if not rows.shape[1:].is_fully_defined():  # of a loop without a turn nothing else tells it
            row = concat([[-1], value_shape(x)[1:]], 0)
        values, _ = list_ops.tensor_list_concat(taken[0], rows._dtype, row)
        indices, _ = list_ops.tensor_list_concat(taken[1], places._dtype, [None])
        slices = IndexedSlices(values, indices, value_shape(x))
        if self.incoming[i] is None:
            return slices
        return apply("AddN", [self.incoming[i], convert_to_tensor(slices)])

    def _expose(self, body: _GradientBody, tensor: Tensor) -> Tensor:
        """A value of the forward turn: what turns share as the node passes it, else from a list that the
        forward loop has kept, whose last element this turn takes.
        """
        for i in range(len(self.turn.inputs)):
            if self.turn.inputs[i] is tensor and self.turn.outputs[i] is tensor:
                return self.op._inputs[i]
        if tensor._dtype is dtypes.resource:
            raise NotImplementedError(
                f"loop '{self.op._name}' changes the handle '{tensor.name}' from turn to turn, and no"
                " gradient goes through such a handle; use variables from outside"
            )
        kept = self.turn.kept_at
        if tensor not in kept:
            kept[tensor] = self._add_forward(
                lambda: list_ops.empty_tensor_list(None, tensor._dtype),  # a branch's stand-in has no shape
                lambda handle: list_ops.tensor_list_push_back(handle, tensor),
                f"kept_{local_name(tensor._op._name)}",
            )
        handle = self._add_variable(self.op._outputs[kept[tensor]], f"kept_{local_name(tensor._op._name)}")
        with self.body.building():
            shorter, value = list_ops.tensor_list_pop_back(handle, tensor._dtype)
        value._shape = tensor._shape
        self.kept.append((handle, shorter))
        return value

    def _finish(
        self,
        scope: str,
        arguments: Sequence[Tensor],
        following: Sequence[Tensor],
        sums: Sequence[Sequence[tuple[Tensor, Tensor]]],
    ) -> list[Tensor]:
        """Makes the node, its variables in the order: turns, states, sums, lists. Returns its outputs."""
        body = self.body
        first_of = dict(zip([t for t in body.inputs if t not in body.captured], self.variables, strict=True))
        pairs = [*zip(arguments, following, strict=True), *[p for s in sums for p in s]]
        with body.building():
            body.outputs = [body.own(value, "gradient") for _, value in pairs]
        needed = needed_by(body.outputs)
        pairs += [(handle, shorter) for handle, shorter in self.kept if handle._op in needed]
        body.outputs = outputs = [body.own(value, "gradient") for _, value in pairs]
        body.forget_unused()
        captured = [t for t in body.inputs if t in body.captured]
        body.inputs = [*[argument for argument, _ in pairs], *captured]
        body.outputs = outputs
        count = len(pairs)
        condition = FuncGraph(scope + "cond", self.outer)
        for argument, _ in pairs:
            condition.add_argument(argument._dtype, argument._shape, local_name(argument._op._name))
        with condition.building():
            condition.outputs = [apply("Less", 0, condition.inputs[0])]
        passed = share_captures([condition, body], count)
        body.outputs = [*outputs, *body.inputs[count:]]
        with control_dependencies(waited_for([body])):
            return apply_call(
                "While",
                [*[first_of[argument] for argument, _ in pairs], *passed],
                bodies=[condition, body],
                cond=condition,
                body=body,
                name=scope,
            )


#: Types that gradients flow through: whatever comes after an integer, a truth value or a text does
#: not depend on xs in a differentiable way.
TRAINABLE = frozenset(
    kind
    for t in dtypes.ALL
    if t.is_floating or t.is_complex or t in (dtypes.resource, dtypes.variant)
    for kind in (t, t._as_ref)
)


def _sources_of(ys: Sequence[Tensor]) -> set[Tensor]:
    """The tensors without inputs that ys depend on through trainable types."""
    found: set[Tensor] = set()
    seen: set[Operation] = set()
    left = list(ys)
    while left:
        tensor = left.pop()
        if tensor._dtype not in TRAINABLE:
            continue
        op = tensor._op
        if not op._inputs:
            found.add(tensor)
        elif op not in seen:
            seen.add(op)
            left += op._inputs
    return found
