"""Checks a graph before it is planned: what building cannot have produced must not reach the engine.

Incremental: each operation is looked at once. Raises GraphError, which names the node, what was
expected and what was found.
"""

from __future__ import annotations

from collections.abc import Sequence

from flowcore.dtypes import DType
from flowcore.graph.graph import Graph
from flowcore.graph.operation import Operation, Tensor

__all__ = ["GraphError", "Verifier"]


class GraphError(ValueError):
    """The graph breaks a rule of the model."""


class Verifier:
    """Verifies one graph, again and again as it grows."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._version = 0
        self._edits = 0

    def verify(self) -> None:
        """Checks what came since the last call. Raises GraphError."""
        graph = self._graph
        if graph.version == self._version and graph.edits == self._edits:
            return
        version, edits = graph.version, graph.edits
        if edits != self._edits:
            self._version = 0
        added = graph.operations_since(self._version)[: version - self._version]
        self._check(added)
        # only an edited graph can have a cycle: a new node's inputs are older than itself
        if edits != self._edits:
            check_acyclic(graph.operations_since(0)[:version])
        self._version, self._edits = version, edits

    def _check(self, added: Sequence[Operation]) -> None:
        graph = self._graph
        by_name = graph._by_name
        for op in added:
            if by_name.get(op._name) is not op:
                _fail(op, "another operation has the same name")
            op_def, attrs, inputs = op._op_def, op._attrs, op._inputs
            if not op_def.attr.keys() <= attrs.keys():
                _fail(op, f"attribute '{next(name for name in op_def.attr if name not in attrs)}' is missing")
            expected = op_def.input_types(attrs)
            if len(expected) != len(inputs):
                _fail(op, f"expected {len(expected)} inputs, found {len(inputs)}")
            for tensor, dtype in zip(inputs, expected):
                if type(tensor) is Tensor and (tensor._dtype is dtype or tensor._dtype._base is dtype):
                    maker = tensor._op
                    if by_name.get(maker._name) is maker and maker._outputs[tensor._value_index] is tensor:
                        continue
                self._refuse_input(op, tensor, dtype)
            for control in op._control_inputs:
                if control.graph is not graph:
                    _fail(op, f"control input '{control.name}' belongs to another graph")

    def _refuse_input(self, op: Operation, tensor: Tensor, dtype: DType) -> None:
        """Says what is wrong with an input that `_check` does not let pass."""
        i = [t is tensor for t in op._inputs].index(True)
        if not isinstance(tensor, Tensor):
            _fail(op, f"input {i} is no Tensor but {tensor!r}")
        if tensor._op._graph is not self._graph:
            _fail(op, f"input {i}, '{tensor.name}', belongs to another graph")
        if tensor._dtype is not dtype and tensor._dtype._base is not dtype:
            _fail(op, f"input {i}, '{tensor.name}', is {tensor.dtype.name} where {dtype.name} is expected")
        _fail(op, f"input {i}, '{tensor.name}', dangles: its operation is not in the graph")


def check_acyclic(ops: list[Operation]) -> None:
    """Raises GraphError for a cycle, naming a node on it."""
    waiting = {op: len(op._inputs) + len(op._control_inputs) for op in ops}
    readers: dict[Operation, list[Operation]] = {op: [] for op in ops}
    for op in ops:
        for before in [t.op for t in op._inputs] + list(op._control_inputs):
            if before in readers:
                readers[before].append(op)
            else:
                waiting[op] -= 1
    ready = [op for op, count in waiting.items() if count == 0]
    done = 0
    while ready:
        op = ready.pop()
        done += 1
        for reader in readers[op]:
            waiting[reader] -= 1
            if waiting[reader] == 0:
                ready.append(reader)
    if done < len(ops):
        on_cycle = next(op for op, count in waiting.items() if count > 0)
        _fail(on_cycle, "it depends on itself: the graph has a cycle")


def _fail(op: Operation, problem: str) -> None:
    where = f"; created at {op.created_at}" if op.created_at else ""
    raise GraphError(f"node '{op.name}' ({op.type}): {problem}{where}")
