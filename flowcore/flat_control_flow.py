"""Old control flow made functional: loops of Enter, Merge, Switch, NextIteration and Exit become While nodes,
branches of Switch and Merge become If nodes, on the nodes of a GraphDef, before operations are made.

What a Merge or an Exit was called is an Identity of the same name afterwards. What lies inside a branch or a
loop is reached by its name no more. Must never import ops.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from flowcore import protos
from flowcore.dtypes import DType, as_dtype
from flowcore.graph.node_defs import attr_from_message
from flowcore.graph.op_def import get_op_def, is_registered

if TYPE_CHECKING:
    from flowcore.protos import NodeDef

__all__ = ["FlatBody", "functional"]

_ENTER, _EXIT = ("Enter", "RefEnter"), ("Exit", "RefExit")
_MERGE, _SWITCH, _NEXT = ("Merge", "RefMerge"), ("Switch", "RefSwitch"), ("NextIteration", "RefNextIteration")
_ALL = {*_ENTER, *_EXIT, *_MERGE, *_SWITCH, *_NEXT, "LoopCond"}

#: Where something runs: predicates and which way they went, outermost first.
Branch = tuple[tuple[str, bool], ...]


class FlatBody:
    """A body: its nodes name arguments, and each other, as the nodes of a graph do."""

    def __init__(self, name: str, arguments: list[tuple[str, DType]]) -> None:
        self.name = name
        self.arguments = arguments
        self.nodes: list[NodeDef] = []
        self.results: list[str] = []


def functional(nodes: Sequence[NodeDef]) -> tuple[list[NodeDef], dict[str, FlatBody]]:
    """Nodes without old control flow that do the same, and the bodies that they run, by name.

    Raises ValueError for loops and branches that are not built as TensorFlow builds them.
    """
    if not any(node.op in _ALL for node in nodes):
        return list(nodes), {}
    loops = _Loops([_copy(node) for node in nodes])
    loops.collapse()
    bodies = loops.bodies
    found = _Branches(loops.nodes, {}, bodies, "").collapsed()
    for body in list(loops.bodies.values()):
        arguments = dict(body.arguments)
        body.nodes = _Branches({n.name: n for n in body.nodes}, arguments, bodies, body.name).collapsed()
    return found, bodies


def _copy(node: NodeDef) -> NodeDef:
    made = protos.NodeDef()
    made.CopyFrom(node)
    return made


def _split(reference: str) -> tuple[str, int]:
    name, _, index = reference.removeprefix("^").partition(":")
    return name, int(index) if index.isdecimal() else 0


def _full(reference: str) -> str:
    name, index = _split(reference)
    return f"{name}:{index}"


def _data(node: NodeDef) -> list[str]:
    return [name for name in node.input if not name.startswith("^")]


def _controls(node: NodeDef) -> list[str]:
    return [name for name in node.input if name.startswith("^")]


def _input(node: NodeDef, index: int) -> str:
    data = _data(node)
    if index >= len(data):
        raise ValueError(f"node '{node.name}' ({node.op}) has {len(data)} inputs")
    return data[index]


def _identity(name: str, source: str, dtype: int, controls: Iterable[str] = ()) -> NodeDef:
    made = protos.NodeDef(name=name, op="Identity", input=[source, *controls])
    made.attr["T"].type = dtype  # type: ignore[assignment]
    return made


def _unused(name: str, *taken: Mapping[str, Any]) -> str:
    number, found = 1, name
    while any(found in names for names in taken):
        found = f"{name}_{number}"
        number += 1
    return found


def _closure(
    wanted: Iterable[str], nodes: Mapping[str, NodeDef], rename: Callable[[str], str | None]
) -> list[NodeDef]:
    """Copies of the nodes that references need, up to those for which `rename` gives another name.

    It gives "" for a control input that is left out, and None for what is copied.
    """
    copies: dict[str, NodeDef] = {}
    left = list(wanted)
    while left:
        reference = left.pop()
        name = _split(reference)[0]
        if name in copies or rename(reference) is not None:
            continue
        if name not in nodes:
            raise ValueError(f"there is no node '{name}', which a branch or a loop needs")
        copy = copies[name] = _copy(nodes[name])
        del copy.input[:]
        for source in nodes[name].input:
            other = rename(source)
            if other is None:
                left.append(source)
                copy.input.append(source)
            elif other:
                copy.input.append(other)
    return list(copies.values())


class _Loops:
    """The frames of a graph, collapsed from the innermost on."""

    def __init__(self, nodes: Sequence[NodeDef]) -> None:
        self.nodes = {node.name: node for node in nodes}
        self.bodies: dict[str, FlatBody] = {}
        #: What any body may have a copy of.
        self._constants = {n.name: n for n in nodes if n.op == "Const" and not n.input}
        self._frames = self._found_frames()

    def _found_frames(self) -> dict[str, tuple[str, ...]]:
        """The frame of each node: names of loops, outermost first."""
        readers: dict[str, list[str]] = {}
        for node in self.nodes.values():
            for source in node.input:
                readers.setdefault(_split(source)[0], []).append(node.name)
        frames: dict[str, tuple[str, ...]] = {}
        left = [name for name, node in self.nodes.items() if not node.input or node.op in _ENTER]
        for name in left:
            frames[name] = ()
        steps = 0
        while left:
            steps += 1
            name = left.pop()
            node, frame = self.nodes[name], frames[name]
            if node.op in _ENTER:
                frame = (*frame, node.attr["frame_name"].s.decode(errors="replace"))
            elif node.op in _EXIT:
                frame = frame[:-1]
            if len(frame) > 32 or steps > 64 * len(self.nodes):
                raise ValueError(f"loops around node '{name}' nest without end")
            for reader in readers.get(name, ()):
                if reader not in frames or len(frame) > len(frames[reader]):
                    frames[reader] = frame
                    left.append(reader)
        return frames  # of an Enter and an Exit that which they read from

    def collapse(self) -> None:
        inside = {
            (*self._frames.get(n.name, ()), n.attr["frame_name"].s.decode(errors="replace"))
            for n in self.nodes.values()
            if n.op in _ENTER
        }
        for frame in sorted(inside, key=len, reverse=True):
            self._collapse(frame)
        for node in self.nodes.values():
            if node.op in (*_ENTER, *_EXIT, *_NEXT, "LoopCond"):
                raise ValueError(f"node '{node.name}' ({node.op}) belongs to no loop")

    def _collapse(self, frame: tuple[str, ...]) -> None:
        members = {
            name: node
            for name, node in self.nodes.items()
            if (node.op not in _ENTER and self._frames.get(name) == frame)
            or (
                node.op in _ENTER
                and (*self._frames.get(name, ()), node.attr["frame_name"].s.decode(errors="replace")) == frame
            )
        }
        path = frame[-1]
        conditions = [n for n in members.values() if n.op == "LoopCond"]
        if len(conditions) != 1:
            raise ValueError(f"loop '{path}' has {len(conditions)} conditions, and must have one")
        variables: list[tuple[NodeDef, NodeDef, NodeDef]] = []  # Enter, Merge, NextIteration
        for node in members.values():
            if node.op in _MERGE and len(_data(node)) == 2:
                first, second = (members.get(_split(s)[0]) for s in _data(node))
                if first is not None and second is not None and first.op in _ENTER and second.op in _NEXT:
                    variables.append((first, node, second))
        entered = {enter.name for enter, _, _ in variables}
        constants = [n for n in members.values() if n.op in _ENTER and n.name not in entered]
        names = [_unused(f"arg_{i}", members) for i in range(len(variables) + len(constants))]
        inside: dict[str, str] = {}
        place = {merge.name: i for i, (_, merge, _) in enumerate(variables)}
        for i, (_, merge, _) in enumerate(variables):
            inside[f"{merge.name}:0"] = names[i]
        for i, enter in enumerate(constants, len(variables)):
            inside[f"{enter.name}:0"] = names[i]
        exits: dict[int, list[NodeDef]] = {}
        switches: dict[str, int] = {}
        for node in members.values():
            if node.op in _SWITCH and _split(_input(node, 1))[0] == conditions[0].name:
                source = _split(_input(node, 0))[0]
                if source not in place:
                    raise ValueError(f"node '{node.name}' of loop '{path}' switches no variable of the loop")
                switches[node.name] = place[source]
                inside[f"{node.name}:1"] = names[place[source]]
        for node in members.values():
            if node.op in _EXIT:
                switch = _split(_input(node, 0))[0]
                if switch not in switches:
                    raise ValueError(
                        f"node '{node.name}' leaves loop '{path}', and is given no variable of it"
                    )
                exits.setdefault(switches[switch], []).append(node)
        skipped = {*entered, *place, *switches, conditions[0].name, *(c.name for c in constants)}
        skipped |= {following.name for _, _, following in variables}

        def rename(reference: str) -> str | None:
            if reference.startswith("^"):
                return "" if _split(reference)[0] in skipped else None
            return inside.get(_full(reference))

        enters = [*(enter for enter, _, _ in variables), *constants]
        types = [enter.attr["T"].type for enter in enters]
        arguments = [(name, as_dtype(t)._base) for name, t in zip(names, types, strict=True)]
        condition = self._body(f"{path}/cond", arguments, members, rename, [conditions[0]])
        body = self._body(f"{path}/body", arguments, members, rename, [n for _, _, n in variables])
        body.results += names[len(variables) :]
        loop = protos.NodeDef(name=_unused(f"{path}/While", self.nodes), op="While")
        loop.input.extend(_input(enter, 0) for enter in enters)
        loop.input.extend(dict.fromkeys(c for enter in enters for c in _controls(enter)))
        loop.attr["T"].list.type.extend(t._enum for _, t in arguments)  # type: ignore[misc]
        loop.attr["cond"].func.name, loop.attr["body"].func.name = condition.name, body.name
        loop.attr["parallel_iterations"].i = enters[0].attr["parallel_iterations"].i or 10
        for name in members:
            del self.nodes[name]
        self.nodes[loop.name] = loop
        self._frames[loop.name] = frame[:-1]
        for i, leaving in exits.items():
            for node in leaving:
                made = _identity(node.name, f"{loop.name}:{i}", arguments[i][1]._enum, _outer(node, members))
                self.nodes[node.name] = made
                self._frames[node.name] = frame[:-1]

    def _body(
        self,
        name: str,
        arguments: Sequence[tuple[str, DType]],
        members: Mapping[str, NodeDef],
        rename: Callable[[str], str | None],
        ends: Sequence[NodeDef],
    ) -> FlatBody:
        """A body whose results are what the nodes at its end are given."""
        body = FlatBody(_unused(name, self.bodies), list(arguments))
        wanted = [source for node in ends for source in node.input]
        body.nodes = _closure(wanted, {**self._constants, **members}, rename)
        for node in ends:
            source = _input(node, 0)
            waited = [c for c in _controls(node) if rename(c) is None]
            dtype = node.attr["T"].type if "T" in node.attr else 10
            body.nodes.append(
                _identity(node.name, rename(source) or source, as_dtype(dtype)._base._enum, waited)
            )
            body.results.append(node.name)
        self.bodies[body.name] = body
        return body


def _outer(node: NodeDef, members: Mapping[str, NodeDef]) -> list[str]:
    return [c for c in _controls(node) if _split(c)[0] not in members]


class _Branches:
    """The branches among the nodes of a graph or a body, which have no loops any more."""

    def __init__(
        self,
        nodes: dict[str, NodeDef],
        arguments: Mapping[str, DType],
        bodies: dict[str, FlatBody],
        path: str,
    ) -> None:
        self._nodes = nodes
        self._arguments = arguments
        self._bodies = bodies
        self._path = path
        self._where: dict[str, Branch] = {}
        self._merges: dict[tuple[Branch, str, str], list[NodeDef]] = {}
        self._copied: dict[str, str] = {}  # a node with an effect -> the If that has it

    def collapsed(self) -> list[NodeDef]:
        if any(node.op in (*_SWITCH, *_MERGE) for node in self._nodes.values()):
            self._wait_for_what_is_switched()
            for name in self._in_order():
                self._where[name] = self._found(self._nodes[name])
            for key in sorted(self._merges, key=lambda key: len(key[0]), reverse=True):
                self._collapse(*key)
            self._nodes = {
                name: node
                for name, node in self._nodes.items()
                if not self._where[name] and node.op not in _SWITCH
            }
        return list(self._nodes.values())

    def _wait_for_what_is_switched(self) -> None:
        """Who waits for a Switch waits for the value that it is given: the Switch goes."""
        for node in list(self._nodes.values()):
            for i, source in enumerate(node.input):
                switch = self._nodes.get(_split(source)[0])
                if source.startswith("^") and switch is not None and switch.op in _SWITCH:
                    name = f"{switch.name}/value"
                    dtype = as_dtype(switch.attr["T"].type)._base._enum
                    self._nodes.setdefault(name, _identity(name, _input(switch, 0), dtype))
                    node.input[i] = f"^{name}"

    def _in_order(self) -> list[str]:
        done: dict[str, None] = {}
        for first in self._nodes:
            left = [(first, iter(self._nodes[first].input))] if first not in done else []
            open_names = {first}
            while left:
                name, more = left[-1]
                following = next(
                    (n for s in more if (n := _split(s)[0]) not in done and n in self._nodes), None
                )
                if following is None:
                    left.pop()
                    open_names.discard(name)
                    done[name] = None
                elif following in open_names:
                    raise ValueError(f"graph_def has a cycle through nodes '{name}' and '{following}'")
                else:
                    open_names.add(following)
                    left.append((following, iter(self._nodes[following].input)))
        return list(done)

    def _root(self, reference: str) -> str:
        """A predicate, through nodes that only pass it."""
        name, index = _split(reference)
        node = self._nodes.get(name)
        while node is not None and node.op == "Identity" and not _controls(node):
            name, index = _split(_input(node, 0))
            node = self._nodes.get(name)
        return f"{name}:{index}"

    def _of(self, reference: str) -> Branch:
        """Where a reference has a value."""
        name, index = _split(reference)
        node = self._nodes.get(name)
        if node is None:  # an argument, or what is not there, which is found later
            return ()
        where = self._where[name]
        if node.op in _SWITCH and not reference.startswith("^"):
            return (*where, (self._root(_input(node, 1)), index == 1))
        return where

    def _found(self, node: NodeDef) -> Branch:
        if node.op in _MERGE:
            return self._merged(node)
        longest: Branch = ()
        for source in node.input:
            where = self._of(source)
            shorter, longer = sorted((longest, where), key=len)
            if longer[: len(shorter)] != shorter:
                raise ValueError(f"node '{node.name}' ({node.op}) has inputs of both branches of a condition")
            longest = longer
        return longest

    def _merged(self, node: NodeDef) -> Branch:
        places = [self._of(source) for source in _data(node)]
        if len(places) != 2 or not all(places):
            raise ValueError(f"node '{node.name}' ({node.op}) does not join two branches of one condition")
        (*around, (pred, first)), (*other, (other_pred, second)) = places
        if around != other or pred != other_pred or first == second:
            raise ValueError(f"node '{node.name}' ({node.op}) does not join two branches of one condition")
        scope = node.name.rpartition("/")[0]
        self._merges.setdefault((tuple(around), pred, scope), []).append(node)
        return tuple(around)

    def _collapse(self, around: Branch, pred: str, scope: str) -> None:
        """Makes one If of the Merges of a condition in a scope."""
        merges = self._merges[around, pred, scope]
        name = _unused(f"{scope}/If" if scope else "If", self._nodes)
        captured: dict[str, str] = {}  # reference outside -> argument
        waited: dict[str, None] = {}
        results: dict[bool, list[str]] = {True: [], False: []}
        for merge in merges:
            for source in _data(merge):
                results[self._of(source)[-1][1]].append(source)
            waited.update(dict.fromkeys(_controls(merge)))
        bodies: list[FlatBody] = []
        for way in (True, False):
            branch = (*around, (pred, way))
            body = FlatBody(
                _unused(f"{self._path and self._path + '/'}{name}/{way}".lower(), self._bodies), []
            )

            def rename(reference: str, branch: Branch = branch) -> str | None:
                return self._renamed(reference, branch, captured, waited)

            body.nodes = _closure(results[way], self._nodes, rename)
            for i, source in enumerate(results[way]):
                dtype = merges[i].attr["T"].type
                result = _unused(f"result_{i}", {n.name: n for n in body.nodes})
                body.nodes.append(_identity(result, rename(source) or source, as_dtype(dtype)._base._enum))
                body.results.append(result)
            for node in body.nodes:
                self._check_once(node, name)
            self._bodies[body.name] = body
            bodies.append(body)
        arguments = [(argument, self._dtype(reference)) for reference, argument in captured.items()]
        for body in bodies:
            body.arguments = list(arguments)
        made = protos.NodeDef(name=name, op="If", input=[pred, *captured, *waited])
        made.attr["Tcond"].type = 10  # type: ignore[assignment]
        made.attr["Tin"].list.type.extend(t._enum for _, t in arguments)  # type: ignore[misc]
        made.attr["Tout"].list.type.extend(as_dtype(m.attr["T"].type)._base._enum for m in merges)  # type: ignore[misc]
        made.attr["then_branch"].func.name, made.attr["else_branch"].func.name = (b.name for b in bodies)
        self._nodes[name], self._where[name] = made, around
        for i, merge in enumerate(merges):
            self._check_index_unread(merge)
            kind = as_dtype(merge.attr["T"].type)._base._enum
            self._nodes[merge.name] = _identity(merge.name, f"{name}:{i}", kind)

    def _renamed(
        self, reference: str, branch: Branch, captured: dict[str, str], waited: dict[str, None]
    ) -> str | None:
        """What a reference is called inside a branch; None: it lies there too."""
        name, _ = _split(reference)
        node = self._nodes.get(name)
        if reference.startswith("^"):
            if self._of(reference)[: len(branch)] == branch:
                return None
            if node is not None and node.op not in _SWITCH:
                waited[reference] = None
            return ""
        if node is not None and node.op in _SWITCH and self._of(reference) == branch:
            reference = _input(node, 0)
        elif self._of(reference)[: len(branch)] == branch:
            return None
        return captured.setdefault(_full(reference), f"captured_{len(captured)}")

    def _check_once(self, node: NodeDef, name: str) -> None:
        """Raises ValueError for a node with an effect that two If nodes would run."""
        if not is_registered(node.op) or not get_op_def(node.op).is_stateful:
            return
        first = self._copied.setdefault(node.name, name)
        if first != name:
            raise ValueError(
                f"node '{node.name}' ({node.op}) is needed by two conditions, '{first}' and '{name}', which"
                " would both run it; keep its value in the first"
            )

    def _check_index_unread(self, merge: NodeDef) -> None:
        for node in self._nodes.values():
            if f"{merge.name}:1" in node.input:
                raise ValueError(
                    f"node '{node.name}' ({node.op}) reads which input of '{merge.name}' (Merge) came,"
                    " which is not known of a function's results"
                )

    def _dtype(self, reference: str) -> DType:
        """The dtype of what a branch reads from outside."""
        name, index = _split(reference)
        if name in self._arguments:
            return self._arguments[name]
        node = self._nodes.get(name)
        if node is None:
            raise ValueError(f"there is no node '{name}', which a branch needs")
        if node.op in (*_SWITCH, *_MERGE):
            return as_dtype(node.attr["T"].type)._base
        op_def = get_op_def(node.op)
        attrs: dict[str, Any] = {}
        for key, attr in op_def.attr.items():
            if key in node.attr and attr.kind not in ("func", "list(func)"):
                attrs[key] = attr_from_message(attr, node.attr[key], lambda _: None)
            elif attr.has_default:
                attrs[key] = attr.default
        try:
            return op_def.output_types(attrs)[index]._base
        except (IndexError, KeyError):
            raise ValueError(
                f"a branch reads {reference!r}, and node '{name}' ({node.op}) has no such output"
            ) from None
