"""The plainest way to run a plan: one node after the other, in topological order, with NumPy. What
the engine must agree with.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

FUNCTIONS = {
    "Reshape": lambda x, shape: x.reshape(shape),
    "BiasAdd": lambda x, b: x + b,
    "Identity": lambda x: x,
    "GatherV2": lambda x, i, axis: x.take(i, int(axis)),
}


class Failed(Exception):
    """A node failed."""


def interpret(
    nodes: Sequence[tuple[str, tuple[int, ...], int]], values: Mapping[int, np.ndarray]
) -> dict[int, np.ndarray]:
    """Runs (op, input slots, output slot) triples, which stand in topological order. Raises Failed."""
    slots = dict(values)
    for op, inputs, output in nodes:
        try:
            slots[output] = FUNCTIONS[op](*(slots[i] for i in inputs))
        except (IndexError, ValueError) as error:
            raise Failed(str(error)) from None
    return slots
