"""What a resource handle stands for: found from the graph, where planning or a warning has to know it.

A handle is made by a handle op (VarHandleOp, FIFOQueueV2 ...) and may reach its user through ops that pass
values on, or choose among several. Must never import a session, a plan or the engine: it
sees ops only.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from flowcore import dtypes
from flowcore.arguments import as_bytes
from flowcore.graph.graph import Graph
from flowcore.graph.operation import Operation, Tensor

#: The names of the calls that lead to the body of a function, from the outermost on; () at the top.
Path = tuple[str, ...]


class ResourceKey(NamedTuple):
    """Under what a session keeps the state of a node."""

    container: bytes
    name: bytes
    path: Path = ()

    @property
    def shown(self) -> str:
        """As messages show it, with its path: "call/node"."""
        return "/".join([*self.path, printable(self.name)])


def key_of(op: Operation, attrs: Mapping[str, Any], path: Path = ()) -> ResourceKey:
    """The key of the state of `op`, which stands in the body that `path` leads to: a shared name is
    the same on all paths.
    """
    shared = attrs.get("shared_name")
    name = as_bytes(shared or op.name, "shared_name")
    return ResourceKey(as_bytes(attrs.get("container") or "", "container"), name, () if shared else path)


def printable(name: bytes) -> str:
    """A name as messages show it: C text ends at a NUL, and bytes need not be UTF-8."""
    return name.decode("utf-8", "backslashreplace").replace("\0", "\\0")


def is_prefilled(op: Operation) -> bool:
    """Whether the value of `op` is known when a plan is made, so that it is no node: a constant or a
    handle.
    """
    return op._type == "Const" or op._op_def.makes_handle


def used(op: Operation, kinds: Mapping[str, str], wanted: str = "") -> list[int]:
    """Which inputs of `op` lead to resources that are among `kinds`, its `reads` or `writes`, and of
    the wanted kind, if that is given.
    """
    return [
        i
        for name, kind in kinds.items()
        if wanted in ("", kind)
        for i in op._op_def.inputs_of(name, op._attrs)
    ]


def origins(
    tensor: Tensor,
    inputs_of: Callable[[Operation], Sequence[Tensor]] | None = None,
    arguments: Container[Tensor] = (),
) -> frozenset[Tensor] | None:
    """The handles, as their ops make them, which `tensor` may be at run time; None where that cannot
    be traced.

    Args:
      tensor: of dtype resource.
      inputs_of: what an op reads, where a plan has changed that.
      arguments: tensors whose values come from outside, which are origins too.
    """
    found: set[Tensor] = set()
    seen: set[Tensor] = set()
    left = [tensor]
    while left:
        tensor = left.pop()
        if tensor in seen:
            continue
        seen.add(tensor)
        op, declared = tensor._op, tensor._op._op_def
        outer = op._graph._captured_tensor(tensor)
        if outer is not None and tensor not in arguments:
            left.append(outer)
        elif tensor in arguments or declared.makes_handle:
            found.add(tensor)
        elif declared.passes:
            left += _passed(tensor, op._inputs if inputs_of is None else inputs_of(op))
        else:
            return None
    return frozenset(found)


def _passed(tensor: Tensor, inputs: Sequence[Tensor]) -> list[Tensor]:
    """The inputs that `tensor` may be, an output of an op that passes some on."""
    op, declared = tensor._op, tensor._op._op_def
    found: list[Tensor] = []
    for name in declared.passes:
        which = declared.inputs_of(name, op._attrs)
        if len(which) == len(op._outputs) > 1:
            which = which[tensor._value_index : tensor._value_index + 1]
        found += [inputs[i] for i in which]
    return found


def resource_keys(
    op: Operation, which: Iterable[int] | None = None, paths: Mapping[Graph, Path] | None = None
) -> frozenset[ResourceKey] | None:
    """The keys of all resources that an op may work on; None where a handle cannot be traced.

    `which`: only those behind these inputs. `paths`: the calls that lead to each graph; none to one that
    is not named.
    """
    keys: set[ResourceKey] = set()
    tensors = op._inputs if which is None else [op._inputs[i] for i in which]
    for tensor in tensors:
        if tensor._dtype is dtypes.resource:
            made = origins(tensor)
            if made is None:
                return None
            for origin in made:
                path = paths.get(origin.graph, ()) if paths else ()
                keys.add(key_of(origin.op, origin.op.attrs, path))
    return frozenset(keys)
