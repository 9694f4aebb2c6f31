"""Fused nodes of OpenCL devices: the program that opencl/fused_text.py writes out, and what
opencl/fused.c checks.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

from flowcore.dtypes import DType
from flowcore.opencl import fused_text
from flowcore.opencl.formulas import TYPES, formula_for
from flowcore.runtime.fused_steps import CAST, CHOOSE, Reduction, Step, packed_steps

__all__ = ["OpenCLFusion"]


class OpenCLFusion:
    """What elementwise.def has for a dtype and accepts all values, casts and choices."""

    most_inputs = 8  # FC_MAX_INPUTS of kernels/_walk.h
    most_steps = 32  # the build options hold the program (ocl_begin of opencl/device.c)

    def computes(self, step: Step) -> bool:
        return _is_known(step.formula, step.dtype.name, step.result.name)

    def reduces(self, op_type: str, dtype: DType) -> bool:
        if op_type == "Mean" and not dtype.is_floating:  # a kernel of its own
            return False
        return dtype.name in TYPES and dtype.name != "bool"

    def attributes(
        self, inputs: Sequence[DType], steps: Sequence[Step], reduction: Reduction | None
    ) -> tuple[object, ...]:
        names = [f"i{i}" for i in range(len(inputs))] + [f"t{k}" for k in range(len(steps))]
        text = [
            fused_text.Step(s.formula, s.dtype.name, s.result.name, tuple(names[v] for v in s.operands))
            for s in steps
        ]
        program = fused_text.fused_program([dtype.name for dtype in inputs], text)
        attributes = (
            program,
            [dtype.as_datatype_enum for dtype in (*inputs, steps[-1].result)],
            packed_steps(steps),
        )
        if reduction is None:
            return attributes
        is_mean = reduction.op_type == "Mean"
        return (
            *attributes,
            [reduction.op, reduction.keep_dims, *reduction.axes],
            "Sum" if is_mean else reduction.op_type,
            is_mean,
        )


@functools.cache
def _is_known(formula: str, dtype: str, result: str) -> bool:
    if formula in (CAST, CHOOSE):
        return dtype in TYPES and result in TYPES
    try:
        return formula_for(formula, dtype).refuses is None
    except KeyError:
        return False
