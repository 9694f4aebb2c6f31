"""OpenCL programs: from opencl_kernels/ and build options to a built program.

Owns: composing source text, building it, and saying what went wrong. A program is asked for by file name and options, words like
"T=float32 R=bool FORMULA=Less": `FORMULA` picks a line of elementwise.def, a dtype name makes an element type, anything else is a macro. A fused
program, several lines of elementwise.def in one, is written out in the options: see `Step`.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.resources
import os
import pathlib
import re
import tempfile
import threading
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

__all__ = ["Programs", "Step", "cache_folder", "fused_program", "source"]

#: dtype -> (stored type, type of computation, load, store), `p[i]` where load and store are None.
_TYPES: dict[str, tuple[str, str, str | None, str | None]] = {
    "float32": ("float", "float", None, None),
    "float64": ("double", "double", None, None),
    "float16": ("half", "float", "vload_half(i, p)", "vstore_half(v, i, p)"),
    "bfloat16": ("ushort", "float", "fc_from_bfloat16((p)[i])", "(p)[i] = fc_to_bfloat16(v)"),
    "int8": ("char", "char", None, None),
    "uint8": ("uchar", "uchar", None, None),
    "int16": ("short", "short", None, None),
    "uint16": ("ushort", "ushort", None, None),
    "int32": ("int", "int", None, None),
    "uint32": ("uint", "uint", None, None),
    "int64": ("long", "long", None, None),
    "uint64": ("ulong", "ulong", None, None),
    "bool": ("uchar", "uchar", None, None),
    "item16": ("ulong2", "ulong2", None, None),
}

#: Type of computation -> its least and its greatest value.
_RANGES = {
    "float": ("-INFINITY", "INFINITY"),
    "double": ("-INFINITY", "INFINITY"),
    "char": ("CHAR_MIN", "CHAR_MAX"),
    "short": ("SHRT_MIN", "SHRT_MAX"),
    "int": ("INT_MIN", "INT_MAX"),
    "long": ("LONG_MIN", "LONG_MAX"),
    "uchar": ("0", "UCHAR_MAX"),
    "ushort": ("0", "USHRT_MAX"),
    "uint": ("0", "UINT_MAX"),
    "ulong": ("0", "ULONG_MAX"),
}

#: The functions that formulas name, as FC_SQRT and FC_EXP: those that IEEE 754 defines to the last bit, and those that are our own for float (functions.def).
_EXACT = ("fabs", "sqrt", "floor", "ceil", "rint", "fma")
_OWN = (
    *("exp", "expm1", "log", "log1p", "sin", "cos", "tan", "asin", "acos", "atan", "atan2", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh"),
    *("erf", "erfc", "pow", "fmod", "floormod"),
)

_CLASSES = {
    "FLOAT": {"float16", "bfloat16", "float32", "float64"},
    "SIGNED": {"int8", "int16", "int32", "int64"},
    "UNSIGNED": {"uint8", "uint16", "uint32", "uint64"},
    "BOOL": {"bool"},
}
_CLASSES["INT"] = _CLASSES["SIGNED"] | _CLASSES["UNSIGNED"]


@functools.cache
def _text(name: str) -> str:
    in_place = pathlib.Path(__file__).parents[2] / "opencl_kernels"  # a source tree that was built in place; installed, it is a package
    folder = in_place if in_place.is_dir() else importlib.resources.files("flowcore.opencl_kernels")
    text = folder.joinpath(name).read_text(encoding="utf-8")
    return re.sub(r'^#include "(.*)"$', lambda match: _text(match[1]), text, flags=re.M)  # some runtimes reject include paths with blanks


class Formula(NamedTuple):
    """A line of elementwise.def for one class of types."""

    expression: str
    refuses: str | None  # of y, where it is CHECKED


@functools.cache
def formulas() -> dict[tuple[str, str], Formula]:
    """(op, class) -> formula, from elementwise.def."""
    result = {}
    for kind, rest in re.findall(r"^(UNARY|TEST|BINARY|COMPARE|CHECKED)\((.*)\)$", _text("elementwise.def"), re.M):
        op, cls, expression = (part.strip() for part in rest.split(",", 2))
        refuses = None
        if kind == "CHECKED":  # op, class, bad(y), message, f(x, y); a message that is a string has no comma
            refuses, _, expression = expression.split(",", 2)
        result[op, cls] = Formula(expression.strip(), refuses)
    return result


def formula_for(op: str, dtype: str) -> Formula:
    """The formula of `op` for elements of `dtype`. Raises KeyError."""
    for (name, cls), formula in formulas().items():
        if name == op and dtype in _CLASSES.get(cls, ()):
            return formula
    raise KeyError(f"elementwise.def has no formula for {op} of {dtype}")


def _type_macros(name: str, dtype: str) -> str:
    stored, computed, load, store = _TYPES[dtype]
    lowest, highest = _RANGES.get(computed, ("0", "0"))
    return (
        f"#define {name} {stored}\n#define {name}_C {computed}\n"
        f"#define LOAD_{name}(p, i) {load or '(p)[i]'}\n#define STORE_{name}(p, i, v) {store or f'(p)[i] = ({stored})(v)'}\n"
        f"#define {name}_FLOATING {int(dtype in _CLASSES['FLOAT'])}\n#define {name}_LOWEST {lowest}\n#define {name}_HIGHEST {highest}\n"
    )


def _cast(source_type: str, target: str) -> str:
    """The macro CAST: towards zero, NaN to 0, what does not fit to the nearest limit; integers wrap; to bool: not zero."""
    if target == "bool":
        return "#define CAST(v) ((v) != 0)\n"
    computed = _TYPES[target][1]
    from_float = source_type in _CLASSES["FLOAT"]
    if from_float and target in _CLASSES["INT"]:
        return f"#define CAST(v) ((v) != (v) ? ({computed})0 : convert_{computed}_sat_rtz(v))\n"
    return f"#define CAST(v) (({computed})(v))\n"


_FLOORMOD = """static inline double floormod(double x, double y) {
    double r = fmod(x, y);
    return r != 0.0 && (r < 0.0) != (y < 0.0) ? r + y : r;
}
"""
_INTEGER = """#define FC_IABS(x) (T_C)abs(x)
static inline ulong fc_ipow(ulong x, ulong y) {
    ulong r = 1;
    for (; y; y >>= 1, x *= x)
        if (y & 1) r *= x;
    return r;
}
#define FC_IPOW(x, y) (T_C)fc_ipow((ulong)(x), (ulong)(y))
"""


def _function_names(double: bool) -> str:
    """What formulas of one type of computation call: FC_SQRT, FC_EXP ... and literals."""
    names = [f"#define FC_{name.upper()} {name}\n" for name in _EXACT]
    names += [f"#define FC_{name.upper()} {name if double else f'fc_{name}_f'}\n" for name in _OWN]
    return "".join(names) + f"#define F(x) {'x' if double else 'x##f'}\n"


def formula_source(op: str, dtype: str, name: str) -> str:
    """The formula as a function of x and y, both T_C. A y that it refuses gives any result."""
    formula = formula_for(op, dtype)
    safe = f"y = {formula.refuses} ? (T_C)1 : y; " if formula.refuses else ""
    return f"static inline R_C {name}(T_C x, T_C y) {{ {safe}return {formula.expression}; }}\n"


def source(file: str, options: str) -> str:
    """The whole text of a program. Raises KeyError for an unknown formula, FileNotFoundError for an unknown file."""
    words = dict(word.split("=", 1) for word in options.split())
    if "FUSED" in words:
        return _fused_source(words["FUSED"], words["ACCESS"], int(words["AXES"])) + _text(file + ".cl")
    types = {name: value for name, value in words.items() if value in _TYPES}
    used = {_TYPES[dtype][1] for dtype in types.values()}
    parts = ["#pragma OPENCL EXTENSION cl_khr_fp64 : enable\n"] if "double" in used else []
    parts += [_text("prelude.cl")]
    parts += [_type_macros(name, dtype) for name, dtype in types.items()]
    parts += [f"#define {name} {value}\n" for name, value in words.items() if name not in types and name != "FORMULA"]
    if used & {"float", "double"}:
        double = "double" in used
        parts += [_text("functions.def")]
        parts += [_function_names(double)]
        parts += [_FLOORMOD] if double else []
    if "T" in types and "R" in types:
        parts += [_cast(types["T"], types["R"])]
    if "FORMULA" in words:
        refuses = formula_for(words["FORMULA"], types["T"]).refuses
        parts += [_INTEGER] if types["T"] in _CLASSES["INT"] else []
        parts += [formula_source(words["FORMULA"], types["T"], "formula"), "#define FORMULA(x, y) formula(x, y)\n"]
        parts += [f"#define REFUSES(y) ({refuses})\n"] if refuses else []
    return "".join(parts) + _text(file + ".cl")


class Step(NamedTuple):
    """An op of a fused program: a formula of elementwise.def or Cast, from elements of `dtype` to one of `result`.

    Operands are "i0", "i1" ... (inputs) and "t0", "t1" ... (what earlier steps yielded). The last step's is the output.
    """

    op: str
    dtype: str
    result: str
    operands: tuple[str, ...]

    def __str__(self) -> str:
        return ",".join((self.op, self.dtype, self.result, *self.operands))


def fused_program(inputs: Sequence[str], steps: Sequence[Step]) -> str:
    """The option FUSED: the dtypes of the inputs, then the steps: "float32,float32;Mul,float32,float32,i0,i1;Tanh,float32,float32,t0"."""
    return ";".join((",".join(inputs), *map(str, steps)))


def _parse_fused(program: str) -> tuple[list[str], list[Step]]:
    inputs, *steps = (part.split(",") for part in program.split(";"))
    return inputs, [Step(op, dtype, result, tuple(operands)) for op, dtype, result, *operands in steps]


#: How a value is kept between two steps, where its type of computation holds more than what would be stored.
_ROUND = {"float16": "fc_as_float16({})", "bfloat16": "fc_from_bfloat16(fc_to_bfloat16({}))"}


def _step_source(step: Step, name: str) -> str:
    """The step as a function of x and y."""
    types = "#undef T_C\n#undef R_C\n#undef CAST\n" + f"#define T_C {_TYPES[step.dtype][1]}\n#define R_C {_TYPES[step.result][1]}\n"
    if step.op != "Cast":
        return types + formula_source(step.op, step.dtype, name)
    return types + _cast(step.dtype, step.result) + f"static inline R_C {name}(T_C x, T_C y) {{ return CAST(x); }}\n"


def _fused_source(program: str, access: str, axes: int) -> str:
    """All that fused.cl needs. `access`, a letter to an input, says how its element is found; `axes` counts the output's."""
    inputs, steps = _parse_fused(program)
    dtypes = {*inputs, *(dtype for step in steps for dtype in (step.dtype, step.result))}
    floating = {_TYPES[dtype][1] for dtype in dtypes} & {"float", "double"}
    parts = ["#pragma OPENCL EXTENSION cl_khr_fp64 : enable\n"] if "double" in floating else []
    parts += [_text("prelude.cl"), _type_macros("R", steps[-1].result)]
    parts += [_type_macros(f"I{i}", dtype) for i, dtype in enumerate(inputs)]
    parts += [_text("functions.def")] if floating else []
    parts += [_INTEGER] if dtypes & _CLASSES["INT"] else []
    functions = {computed: "" for computed in ("float", "double")}
    for k, step in enumerate(steps):
        computed = "double" if step.dtype == "float64" else "float"
        functions[computed] += _step_source(step, f"step{k}")
    undefined = "".join(f"#undef FC_{name.upper()}\n" for name in (*_EXACT, *_OWN)) + "#undef F\n"
    parts += [_function_names(double=False), functions["float"]]
    parts += [_FLOORMOD, undefined, _function_names(double=True), functions["double"]] if "double" in floating else []
    names = [f"i{i}" for i in range(len(inputs))]
    parts += [f"static inline {_TYPES[steps[-1].result][1]} value({', '.join(f'I{i}_C {name}' for i, name in enumerate(names))}) {{\n"]
    parts += [*(_step_call(k, steps, dict(zip(names, names, strict=True))) for k in range(len(steps))), f"return t{len(steps) - 1};\n}}\n"]
    loads = {name: f"LOAD_I{i}(in{i}, {_ELEMENT[letter].format(i=i)})" for i, (name, letter) in enumerate(zip(names, access, strict=True))}
    parts += [f"#define VALUE value({', '.join(loads.values())})\n", _stages_source(steps, loads)]
    parts += [f"#define INPUTS {', '.join(f'__global const I{i} *in{i}, long in{i}_at' for i in range(len(inputs)))}\n"]
    parts += [f"#define BEGIN_INPUTS {' '.join(f'in{i} += in{i}_at;' for i in range(len(inputs)))}\n"]
    return "".join(parts) + _rows_source([i for i, letter in enumerate(access) if letter in "rc"], axes)


def _step_call(k: int, steps: Sequence[Step], elsewhere: Mapping[str, str]) -> str:
    """Step k as the variable t<k>. `elsewhere`: operands that are no such variables."""
    step = steps[k]
    x, y = (elsewhere.get(operand, operand) for operand in (step.operands[0], step.operands[-1]))
    rounding = _ROUND.get(step.result, "{}") if k < len(steps) - 1 else "{}"
    return f"const {_TYPES[step.result][1]} t{k} = {rounding.format(f'step{k}({x}, {y})')}; "


def _stages_source(steps: Sequence[Step], loads: Mapping[str, str]) -> str:
    """ARRAYS and STAGES, loops over the BLOCK elements from k0 on with at most one of our own functions in each; nothing where one loop would do.

    A processor overlaps the rounds of a short loop, and not those of a long one: three hyperbolic tangents took 1.6 times as long in one.
    """
    heavy = [step.op != "Cast" and _calls_own(step) for step in steps]
    stage = [max(sum(heavy[: k + 1]) - 1, 0) for k in range(len(steps))]
    if not stage[-1]:
        return ""
    kept = {int(x[1:]) for step, own in zip(steps, stage, strict=True) for x in step.operands if x[0] == "t" and stage[int(x[1:])] < own}
    loops = []
    for number in range(stage[-1] + 1):
        elsewhere = {**loads, **{f"t{k}": f"b{k}[j]" for k in kept if stage[k] < number}}
        body = "".join(_step_call(k, steps, elsewhere) + (f"b{k}[j] = t{k}; " if k in kept else "") for k in range(len(steps)) if stage[k] == number)
        body += f"STORE_R(out, i, t{len(steps) - 1});" if number == stage[-1] else ""
        loops.append(f"for (size_t j = 0; j < BLOCK; j++) {{ const size_t k = k0 + j, i = row_at + k; {body} }}")
    arrays = " ".join(f"{_TYPES[steps[k].result][1]} b{k}[BLOCK];" for k in sorted(kept))
    return f"#define BLOCK 64\n#define ARRAYS {arrays}\n#define STAGES {' '.join(loops)}\n"


def _calls_own(step: Step) -> bool:
    expression = formula_for(step.op, step.dtype).expression
    return _TYPES[step.dtype][1] == "float" and any(f"FC_{name.upper()}(" in expression for name in _OWN)


#: Letter of ACCESS -> the index of an input's element: f: that of the output; s: of a single element; r, c: in a row of a broadcast input.
_ELEMENT = {"f": "i", "s": "0", "r": "row{i} + k", "c": "row{i}"}


def _rows_source(walked: Sequence[int], axes: int) -> str:
    """Where a row of the output, along the innermost of `axes` axes, begins in the inputs that are broadcast along some axes. Without such, all is one row."""
    if not walked:
        return "#define AXES\n#define ROW_SIZE (size_t)n\n#define FIND_ROW(row)\n"
    outer = range(axes - 1)
    arguments = [f", long size{d}" for d in range(1, axes)] + [f", long step{i}_{d}" for i in walked for d in outer]
    steps = "".join(f"coordinate = rest % (size_t)size{d}; rest /= (size_t)size{d};" + _moves(walked, "coordinate", d) for d in reversed(outer[1:]))
    return (
        f"#define AXES {''.join(arguments)}\n#define ROW_SIZE (size_t)size{axes - 1}\n"
        f"#define FIND_ROW(row) size_t rest = (row), coordinate = 0, {', '.join(f'row{i} = 0' for i in walked)}; {steps}{_moves(walked, 'rest', 0)}\n"
    )


def _moves(walked: Sequence[int], coordinate: str, axis: int) -> str:
    return "".join(f" row{i} += {coordinate} * (size_t)step{i}_{axis};" for i in walked)


class Programs:
    """The programs of one device. `build` is what the launchers call, from any thread."""

    def __init__(self, context: Any, device: Any, flags: str) -> None:
        self.context = context
        self.device = device
        self.flags = flags
        self.compiled = 0
        self._built: dict[tuple[str, str], Any] = {}
        self._lock = threading.Lock()

    def build(self, file: str, options: str) -> int:
        """The address of the built program. Raises RuntimeError with the compiler's log."""
        with self._lock:
            program = self._built.get((file, options))
            if program is None:
                program = self._built[file, options] = self._load_or_compile(file, options)
        return program.int_ptr

    def _load_or_compile(self, file: str, options: str) -> Any:
        import pyopencl as cl
        from pyopencl.characterize import has_src_build_cache

        text = source(file, options)
        stored = None if has_src_build_cache(self.device) else self._cache_file(text)
        if stored is not None:
            try:
                return _built(cl.Program(self.context, [self.device], [stored.read_bytes()]), self.flags, self.device)
            except (OSError, cl.Error):
                pass  # not there, or of another version of the driver
        try:
            program = compiled(self.context, self.device, self.flags, text)
        except cl.RuntimeError as error:
            raise RuntimeError(f"{self.device.name} could not build {file}.cl with {options!r}:\n{str(error).strip()}") from None
        self.compiled += 1
        if stored is not None:
            _store(stored, program.get_info(cl.program_info.BINARIES)[0])
        return program

    def _cache_file(self, text: str) -> pathlib.Path | None:
        folder = cache_folder()
        device = self.device
        parts = (device.platform.name, device.platform.version, device.name, device.version, device.driver_version, self.flags, text)
        return folder / f"{hashlib.sha256(chr(0).join(parts).encode()).hexdigest()}.bin" if folder is not None else None


def compiled(context: Any, device: Any, flags: str, text: str) -> Any:
    """A program built from source, by no cache of pyopencl's: that one stays locked for ever when a process dies in it."""
    import pyopencl as cl

    program = cl.Program(context, text)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _ = program.int_ptr  # the program itself exists now, and the cache is left alone
    return _built(program, flags, device)


def _built(program: Any, flags: str, device: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # remarks of the compiler
        return program.build(flags, devices=[device])


def cache_folder() -> pathlib.Path | None:
    """Where built programs are kept between processes: FLOWCORE_CACHE ("none": nowhere), else the user's cache folder."""
    choice = os.environ.get("FLOWCORE_CACHE", "")
    if choice.lower() == "none":
        return None
    if choice:
        return pathlib.Path(choice)
    try:
        return pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "flowcore"
    except RuntimeError:  # no home
        return None


def _store(path: pathlib.Path, binary: bytes) -> None:
    """Other processes see the whole file or none. A folder that cannot be written to keeps nothing."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(binary)
            os.replace(name, path)
        except OSError:
            os.unlink(name)
    except OSError:
        pass
