"""The texts of fused programs: several lines of elementwise.def in one kernel,
opencl_kernels/fused.cl, or fused_reduce.cl where they end in a reduction.

Owns: how such a program is written in build options, and what these files are built with. Which ops
go together is said in flowcore/runtime.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from flowcore.opencl.formulas import (
    CLASSES,
    EXACT,
    FLOORMOD,
    INTEGER,
    OWN,
    TYPES,
    cast_macro,
    formula_for,
    formula_source,
    function_names,
    kernel_text,
    type_macros,
)

__all__ = ["Step", "fused_program", "fused_source"]


class Step(NamedTuple):
    """A step of a fused program: a formula of elementwise.def, Cast or SelectV2, from elements of
    `dtype` to one of `result`.

    Operands are "i0", "i1" ... (inputs) and "t0", "t1" ... (what earlier steps yielded). The last
    step's is the output.
    """

    op: str
    dtype: str
    result: str
    operands: tuple[str, ...]

    def __str__(self) -> str:
        return ",".join((self.op, self.dtype, self.result, *self.operands))


def fused_program(inputs: Sequence[str], steps: Sequence[Step]) -> str:
    """The option FUSED: the dtypes of the inputs, then the steps:
    "float32,float32;Mul,float32,float32,i0,i1;Tanh,float32,float32,t0".
    """
    return ";".join((",".join(inputs), *map(str, steps)))


def _parse_fused(program: str) -> tuple[list[str], list[Step]]:
    inputs, *steps = (part.split(",") for part in program.split(";"))
    return inputs, [Step(op, dtype, result, tuple(operands)) for op, dtype, result, *operands in steps]


#: How a value is kept between two steps, where its type of computation holds more than what would be stored.
_ROUND = {"float16": "fc_as_float16({})", "bfloat16": "fc_from_bfloat16(fc_to_bfloat16({}))"}


def _step_source(step: Step, name: str) -> str:
    """The step as a function of x and y."""
    types = (
        "#undef T_C\n#undef R_C\n#undef CAST\n"
        + f"#define T_C {TYPES[step.dtype][1]}\n#define R_C {TYPES[step.result][1]}\n"
    )
    if step.op == "SelectV2":
        return types + f"static inline R_C {name}(uchar c, T_C x, T_C y) {{ return c ? x : y; }}\n"
    if step.op != "Cast":
        return types + formula_source(step.op, step.dtype, name)
    return (
        types
        + cast_macro(step.dtype, step.result)
        + f"static inline R_C {name}(T_C x, T_C y) {{ return CAST(x); }}\n"
    )


def fused_source(program: str, access: str, axes: int, result: str = "") -> str:
    """All that fused.cl needs. `access`, a letter to an input, says how its element is found;
    `axes` counts the output's.

    With `result`, the dtype that a reduction of the values is stored as, all that fused_reduce.cl needs.
    """
    inputs, steps = _parse_fused(program)
    value = steps[-1].result
    dtypes = {*inputs, *(dtype for step in steps for dtype in (step.dtype, step.result))}
    floating = {TYPES[dtype][1] for dtype in dtypes} & {"float", "double"}
    parts = ["#pragma OPENCL EXTENSION cl_khr_fp64 : enable\n"] if "double" in floating else []
    parts += [kernel_text("prelude.cl"), type_macros("R", result or value)]
    parts += [type_macros(f"I{i}", dtype) for i, dtype in enumerate(inputs)]
    parts += [kernel_text("functions.def"), "#define STEPS FC_WIDEST\n"] if floating else ["#define STEPS\n"]
    parts += [INTEGER] if dtypes & CLASSES["INT"] else []
    functions = {computed: "" for computed in ("float", "double")}
    for k, step in enumerate(steps):
        computed = "double" if step.dtype == "float64" else "float"
        functions[computed] += _step_source(step, f"step{k}")
    undefined = "".join(f"#undef FC_{name.upper()}\n" for name in (*EXACT, *OWN)) + "#undef F\n"
    parts += [function_names(double=False), functions["float"]]
    parts += (
        [FLOORMOD, undefined, function_names(double=True), functions["double"]]
        if "double" in floating
        else []
    )
    names = [f"i{i}" for i in range(len(inputs))]
    parts += ["#undef T_C\n", type_macros("T", value)] if result else []
    parts += [
        f"static inline {TYPES[value][1]}"
        f" value({', '.join(f'I{i}_C {name}' for i, name in enumerate(names))}) {{\n"
    ]
    rounded = len(steps) - (not result)  # what is stored is rounded there
    parts += [
        *(_step_call(k, steps, dict(zip(names, names, strict=True)), k < rounded) for k in range(len(steps))),
        f"return t{len(steps) - 1};\n}}\n",
    ]
    loads = {
        name: f"LOAD_I{i}(in{i}, {_ELEMENT[letter].format(i=i)})"
        for i, (name, letter) in enumerate(zip(names, access, strict=True))
    }
    parts += [
        f"#define VALUE value({', '.join(loads.values())})\n",
        _stages_source(steps, loads, bool(result)),
    ]
    parts += [
        "#define INPUTS"
        f" {', '.join(f'__global const I{i} *in{i}, long in{i}_at' for i in range(len(inputs)))}\n"
    ]
    parts += [f"#define BEGIN_INPUTS {' '.join(f'in{i} += in{i}_at;' for i in range(len(inputs)))}\n"]
    return "".join(parts) + _rows_source([i for i, letter in enumerate(access) if letter in "rc"], axes)


def _step_call(k: int, steps: Sequence[Step], elsewhere: Mapping[str, str], rounds: bool) -> str:
    """Step k as the variable t<k>, rounded to what its type would store or not.

    `elsewhere`: operands that are no such variables.
    """
    step = steps[k]
    operands = step.operands if len(step.operands) > 1 else step.operands * 2
    arguments = ", ".join(elsewhere.get(operand, operand) for operand in operands)
    rounding = _ROUND.get(step.result, "{}") if rounds else "{}"
    return f"const {TYPES[step.result][1]} t{k} = {rounding.format(f'step{k}({arguments})')}; "


def _stages_source(steps: Sequence[Step], loads: Mapping[str, str], reduces: bool) -> str:
    """ARRAYS and STAGES, loops over the BLOCK elements from k0 on with at most one of our own
    functions in each; nothing where one loop would do, but for reductions.

    A processor overlaps the rounds of a short loop, and not those of a long one: three hyperbolic
    tangents took 1.6 times as long in one.
    """
    heavy = [step.op not in ("Cast", "SelectV2") and _calls_own(step) for step in steps]
    stage = [max(sum(heavy[: k + 1]) - 1, 0) for k in range(len(steps))]
    if not stage[-1] and not reduces:
        return ""
    rounded = len(steps) - (not reduces)
    kept = {
        int(x[1:])
        for step, own in zip(steps, stage, strict=True)
        for x in step.operands
        if x[0] == "t" and stage[int(x[1:])] < own
    }
    loops = []
    for number in range(stage[-1] + 1):
        elsewhere = {**loads, **{f"t{k}": f"b{k}[j]" for k in kept if stage[k] < number}}
        body = "".join(
            _step_call(k, steps, elsewhere, k < rounded) + (f"b{k}[j] = t{k}; " if k in kept else "")
            for k in range(len(steps))
            if stage[k] == number
        )
        if number == stage[-1]:
            body += (
                f"JOIN(T_C, running[j], t{len(steps) - 1});"
                if reduces
                else f"STORE_R(out, i, t{len(steps) - 1});"
            )
        loops.append(
            f"STEPS for (size_t j = 0; j < BLOCK; j++) {{ const size_t k = k0 + j, i = row_at + k; {body} }}"
        )
    arrays = " ".join(f"{TYPES[steps[k].result][1]} b{k}[BLOCK];" for k in sorted(kept))
    return f"#define BLOCK 64\n#define ARRAYS {arrays}\n#define STAGES {' '.join(loops)}\n"


def _calls_own(step: Step) -> bool:
    expression = formula_for(step.op, step.dtype).expression
    return TYPES[step.dtype][1] == "float" and any(f"FC_{name.upper()}(" in expression for name in OWN)


#: Letter of ACCESS -> the index of an input's element: f: that of the output; s: of a single
#: element; r, c: in a row of a broadcast input.
_ELEMENT = {"f": "i", "s": "0", "r": "row{i} + k", "c": "row{i}"}


def _rows_source(walked: Sequence[int], axes: int) -> str:
    """Where a row of the output, along the innermost of `axes` axes, begins in the inputs that are
    broadcast along some axes. Without such, all is one row.
    """
    if not walked:
        return "#define AXES\n#define ROW_SIZE (size_t)n\n#define ROW_OF(i) 0\n#define FIND_ROW(row)\n"
    outer = range(axes - 1)
    arguments = [f", long size{d}, long by{d}" for d in range(1, axes)] + [
        f", long step{i}_{d}" for i in walked for d in outer
    ]
    steps = "".join(
        f"above = fc_quotient(rest, size{d}, by{d}); coordinate = rest - above * (size_t)size{d}; rest ="
        f" above;{_moves(walked, 'coordinate', d)}"
        for d in reversed(outer[1:])
    )
    begins = ", ".join(f"row{i} = 0" for i in walked)
    return (
        f"#define AXES {''.join(arguments)}\n#define ROW_SIZE (size_t)size{axes - 1}\n#define ROW_OF(i)"
        f" fc_quotient(i, size{axes - 1}, by{axes - 1})\n#define FIND_ROW(row) size_t rest = (row), above ="
        f" 0, coordinate = 0, {begins}; {steps}{_moves(walked, 'rest', 0)}\n"
    )


def _moves(walked: Sequence[int], coordinate: str, axis: int) -> str:
    return "".join(f" row{i} += {coordinate} * (size_t)step{i}_{axis};" for i in walked)
