"""Fused nodes of the CPU: what kernels/elementwise/fused.c reads.

Owns: which loop runs a step or reduces what they yield, and where in working memory its value lies.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

from flowcore import kernels
from flowcore.dtypes import DType, resource, string
from flowcore.runtime.fused_steps import CAST, CHOOSE, MOST_INPUTS, MOST_STEPS, Reduction, Step, packed_steps

__all__ = ["CpuFusion"]

#: Loops that are no lines of elementwise.def. Numbers as in fused.c.
_NUMBERS = {CAST: -1, CHOOSE: -2}


class CpuFusion:
    """All that elementwise.def has for a dtype, casts and choices."""

    most_inputs = MOST_INPUTS
    most_steps = MOST_STEPS

    def computes(self, step: Step) -> bool:
        return _loop(step.formula, step.dtype) is not None

    def reduces(self, op_type: str, dtype: DType) -> bool:
        return _row_loops(op_type, dtype) != 0

    def attributes(
        self, inputs: Sequence[DType], steps: Sequence[Step], reduction: Reduction | None
    ) -> tuple[object, ...]:
        places = _places(len(inputs), steps)
        code = [max(places) + 1, max([dtype.size for dtype in {*inputs, *[step.result for step in steps]}])]
        for step, place in zip(steps, places, strict=True):
            code += _loop_and_types(step.formula, step.dtype, step.result)
            code.append(place)
        attributes = [dtype.as_datatype_enum for dtype in inputs], packed_steps(steps), code
        if reduction is None:
            return attributes
        return *attributes, [
            _row_loops(reduction.op_type, reduction.dtype),
            reduction.op,
            reduction.keep_dims,
            *reduction.axes,
        ]


@functools.cache
def _loop(formula: str, dtype: DType) -> int | None:
    if formula in _NUMBERS:
        return _NUMBERS[formula] if dtype not in (string, resource) else None
    number = kernels.find_formula(formula, dtype.as_datatype_enum)
    return number if number >= 0 else None


@functools.cache
def _row_loops(op_type: str, dtype: DType) -> int:
    return kernels.find_row_loops(op_type, dtype.as_datatype_enum)


@functools.cache
def _loop_and_types(formula: str, dtype: DType, result: DType) -> tuple[int, int, int]:
    loop = _loop(formula, dtype)
    assert loop is not None
    return loop, dtype.as_datatype_enum, result.as_datatype_enum


def _places(n_inputs: int, steps: Sequence[Step]) -> list[int]:
    """A place in working memory for each step's value, from its step to its last reader. The last
    value is the output and has none.

    A step may write where it has read, if the elements are as long. The walk is backwards, so that
    it meets a value's last reader first.
    """
    places = [-1] * len(steps)
    free: list[int] = []
    used = 0
    for k in range(len(steps) - 1, -1, -1):
        step, place = steps[k], places[k]
        for value in step.operands:
            read = value - n_inputs
            if read < 0 or places[read] >= 0:
                continue
            if place >= 0 and steps[read].result.size == step.result.size:
                places[read], place = place, -1
            elif free:
                places[read] = free.pop()
            else:
                places[read] = used
                used += 1
        if place >= 0:
            free.append(place)
    return places
