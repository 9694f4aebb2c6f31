"""What a resource handle stands for: found from the graph, where planning or a warning has to know it.

A handle is made by a handle op (VarHandleOp, FIFOQueueV2 ...) and may reach its user through ops that pass
values on, or choose among several. Must never import a session, a plan or the engine: it
sees ops only.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from typing import Any

from flowcore import dtypes, kernels
from flowcore.arguments import as_bytes
from flowcore.graph.operation import Operation, Tensor

#: Container and name under which a session keeps a resource.
ResourceKey = tuple[bytes, bytes]

#: Ops whose output may be any of these inputs; a slice for those that choose among several.
_PASSING = {
    "Identity": slice(0, 1),
    "StopGradient": slice(0, 1),
    "PreventGradient": slice(0, 1),
    "Snapshot": slice(0, 1),
    "Print": slice(0, 1),
    "Switch": slice(0, 1),
    "RefSwitch": slice(0, 1),
    "Enter": slice(0, 1),
    "Exit": slice(0, 1),
    "NextIteration": slice(0, 1),
    "Merge": slice(0, None),
    "RefSelect": slice(1, None),
}


def key_of(op: Operation, attrs: Mapping[str, Any]) -> ResourceKey:
    """Container and name under which a resource is kept."""
    name = as_bytes(attrs.get("shared_name") or op.name, "shared_name")
    return as_bytes(attrs.get("container") or "", "container"), name


def printable(name: bytes) -> str:
    """A name as messages show it: C text ends at a NUL, and bytes need not be UTF-8."""
    return name.decode("utf-8", "backslashreplace").replace("\0", "\\0")


def is_prefilled(op: Operation) -> bool:
    """Whether the value of `op` is known when a plan is made, so that it is no node: a constant or a
    handle.
    """
    return op._type == "Const" or (
        op._type in kernels.RESOURCE_FACTORIES and op._outputs[0]._dtype is dtypes.resource
    )


def passes_on(op_type: str) -> bool:
    """Whether ops of this type hand a handle on, and do nothing with what it stands for."""
    return op_type in _PASSING or op_type == "IdentityN"


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
        op = tensor.op
        inputs = op.inputs if inputs_of is None else inputs_of(op)
        if tensor in arguments or op.type in kernels.RESOURCE_FACTORIES:
            found.add(tensor)
        elif op.type == "IdentityN":
            left.append(inputs[tensor.value_index])
        elif op.type in _PASSING:
            left += inputs[_PASSING[op.type]]
        else:
            return None
    return frozenset(found)


def handles(op: Operation) -> list[Tensor]:
    """The handles that an op works on. A reader takes its work from the queue, which comes last."""
    found = [t for t in op.inputs if t.dtype is dtypes.resource]
    return found[-1:] if op.type == "ReaderReadV2" else found


def resource_keys(op: Operation) -> frozenset[ResourceKey] | None:
    """The names of all resources that an op may work on; None where a handle cannot be traced."""
    keys: set[ResourceKey] = set()
    for tensor in handles(op):
        made = origins(tensor)
        if made is None:
            return None
        keys.update(key_of(origin.op, origin.op.attrs) for origin in made)
    return frozenset(keys)
