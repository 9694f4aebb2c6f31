"""OpenCL programs: from opencl_kernels/ and build options to a built program.

Owns: composing source text, building it, and saying what went wrong. A program is asked for by file name and options, words like
"T=float32 R=bool FORMULA=Less": `FORMULA` picks a line of elementwise.def, a dtype name makes an element type, anything else is a macro.
"""

from __future__ import annotations

import functools
import importlib.resources
import pathlib
import re
import threading
import warnings
from typing import Any

__all__ = ["Programs", "source"]

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

#: The functions that formulas name, for each type of computation. Those of float are our own where functions.def has them.
_BUILT_IN = {
    "FABS": "fabs",
    "SQRT": "sqrt",
    "EXP": "exp",
    "EXPM1": "expm1",
    "LOG": "log",
    "LOG1P": "log1p",
    "SIN": "sin",
    "COS": "cos",
    "TAN": "tan",
    "ASIN": "asin",
    "ACOS": "acos",
    "ATAN": "atan",
    "SINH": "sinh",
    "COSH": "cosh",
    "ASINH": "asinh",
    "ACOSH": "acosh",
    "ATANH": "atanh",
    "TANH": "tanh",
    "FLOOR": "floor",
    "CEIL": "ceil",
    "RINT": "rint",
    "ERF": "erf",
    "ERFC": "erfc",
    "FMOD": "fmod",
    "POW": "pow",
    "ATAN2": "atan2",
    "FMA": "fma",
}
_OWN_FLOAT = {"EXP": "fc_exp_f", "EXPM1": "fc_expm1_f", "LOG": "fc_log_f", "LOG1P": "fc_log1p_f", "TANH": "fc_tanh_f"}

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


@functools.cache
def formulas() -> dict[tuple[str, str], str]:
    """(op, class) -> expression, from elementwise.def."""
    result = {}
    for kind, rest in re.findall(r"^(UNARY|TEST|BINARY|COMPARE|CHECKED)\((.*)\)$", _text("elementwise.def"), re.M):
        op, cls, expression = (part.strip() for part in rest.split(",", 2))
        if kind == "CHECKED":  # op, class, bad(y), message, f(x, y); a message that is a string has no comma
            _, _, expression = expression.split(",", 2)
        result[op, cls] = expression.strip()
    return result


def formula_for(op: str, dtype: str) -> str:
    """The expression of `op` for elements of `dtype`. Raises KeyError."""
    for (name, cls), expression in formulas().items():
        if name == op and dtype in _CLASSES.get(cls, ()):
            return expression
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


def source(file: str, options: str) -> str:
    """The whole text of a program. Raises KeyError for an unknown formula, FileNotFoundError for an unknown file."""
    words = dict(word.split("=", 1) for word in options.split())
    types = {name: value for name, value in words.items() if value in _TYPES}
    used = {_TYPES[dtype][1] for dtype in types.values()}
    parts = ["#pragma OPENCL EXTENSION cl_khr_fp64 : enable\n"] if "double" in used else []
    parts += [_text("prelude.cl")]
    parts += [_type_macros(name, dtype) for name, dtype in types.items()]
    parts += [f"#define {name} {value}\n" for name, value in words.items() if name not in types and name != "FORMULA"]
    if used & {"float", "double"}:
        own = {} if "double" in used else _OWN_FLOAT
        parts += [_text("functions.def")]
        parts += [f"#define FC_{name} {own.get(name, function)}\n" for name, function in _BUILT_IN.items()]
        literal = "x" if "double" in used else "x##f"
        parts += [f"#define F(x) {literal}\n"]
    if "T" in types and "R" in types:
        parts += [_cast(types["T"], types["R"])]
    if "FORMULA" in words:
        expression = formula_for(words["FORMULA"], types["T"])
        if "FC_FLOORMOD" in expression:
            parts += [_FLOORMOD]
        if "FC_IPOW" in expression:
            parts += [_IPOW]
        parts += [f"static inline R_C formula(T_C x, T_C y) {{ return {expression}; }}\n#define FORMULA(x, y) formula(x, y)\n"]
    return "".join(parts) + _text(file + ".cl")


_FLOORMOD = """static inline T_C fc_floormod(T_C x, T_C y) {
    T_C r = fmod(x, y);
    return r != F(0.0) && (r < F(0.0)) != (y < F(0.0)) ? r + y : r;
}
#define FC_FLOORMOD fc_floormod
"""
_IPOW = """static inline T_C fc_ipow(T_C x, T_C y) {
    T_C r = 1;
    for (; y; y >>= 1, x *= x)
        if (y & 1) r *= x;
    return r;
}
#define FC_IPOW fc_ipow
"""


class Programs:
    """The programs of one device. `build` is what the launchers call, from any thread."""

    def __init__(self, context: Any, device: Any, flags: str) -> None:
        self.context = context
        self.device = device
        self.flags = flags
        self._built: dict[tuple[str, str], Any] = {}
        self._lock = threading.Lock()

    def build(self, file: str, options: str) -> int:
        """The address of the built program. Raises RuntimeError with the compiler's log."""
        import pyopencl

        with self._lock:
            program = self._built.get((file, options))
            if program is None:
                program = pyopencl.Program(self.context, source(file, options))
                try:
                    with warnings.catch_warnings():
                        warnings.simplefilter("ignore")  # remarks of the compiler
                        program = program.build(self.flags, devices=[self.device])
                except pyopencl.RuntimeError as error:
                    raise RuntimeError(f"{self.device.name} could not build {file}.cl with {options!r}:\n{str(error).strip()}") from None
                self._built[file, options] = program
        return program.int_ptr
