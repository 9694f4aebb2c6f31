"""What the texts of OpenCL programs are made of: the kernel files, the element types and the
formulas of elementwise.def.

Owns: what a dtype is in OpenCL C, and what the formulas' names mean there. Must never import programs.
"""

from __future__ import annotations

import functools
import pathlib
import re
from typing import NamedTuple

#: dtype -> (stored type, type of computation, load, store), `p[i]` where load and store are None.
TYPES: dict[str, tuple[str, str, str | None, str | None]] = {
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

#: The functions that formulas name, as FC_SQRT and FC_EXP: those that IEEE 754 defines to the last
#: bit, and those that are our own for float (functions.def).
EXACT = ("fabs", "sqrt", "floor", "ceil", "rint", "fma")
OWN = (
    *(
        "exp",
        "expm1",
        "log",
        "log1p",
        "sin",
        "cos",
        "tan",
        "asin",
        "acos",
        "atan",
        "atan2",
        "sinh",
        "cosh",
        "tanh",
        "asinh",
        "acosh",
        "atanh",
    ),
    *("erf", "erfc", "pow", "fmod", "floormod"),
)

CLASSES = {
    "FLOAT": {"float16", "bfloat16", "float32", "float64"},
    "SIGNED": {"int8", "int16", "int32", "int64"},
    "UNSIGNED": {"uint8", "uint16", "uint32", "uint64"},
    "BOOL": {"bool"},
}
CLASSES["INT"] = CLASSES["SIGNED"] | CLASSES["UNSIGNED"]


@functools.cache
def kernel_text(name: str) -> str:
    import importlib.resources

    # a source tree that was built in place; installed, it is a package
    in_place = pathlib.Path(__file__).parents[2] / "opencl_kernels"
    folder = in_place if in_place.is_dir() else importlib.resources.files("flowcore.opencl_kernels")
    text = folder.joinpath(name).read_text(encoding="utf-8")
    # some runtimes reject include paths with blanks
    return re.sub(r'^#include "(.*)"$', lambda match: kernel_text(match[1]), text, flags=re.M)


class Formula(NamedTuple):
    """A line of elementwise.def for one class of types."""

    expression: str
    refuses: str | None  # of y, where it is CHECKED


@functools.cache
def formulas() -> dict[tuple[str, str], Formula]:
    """(op, class) -> formula, from elementwise.def."""
    result = {}
    lines = re.sub(r"\n[ \t]+", " ", kernel_text("elementwise.def"))  # an indented line goes on
    for kind, rest in re.findall(r"^(UNARY|TEST|BINARY|COMPARE|CHECKED)\((.*)\)$", lines, re.M):
        op, cls, expression = (part.strip() for part in rest.split(",", 2))
        refuses = None
        if kind == "CHECKED":  # op, class, bad(y), message, f(x, y); a message that is a string has no comma
            refuses, _, expression = expression.split(",", 2)
        result[op, cls] = Formula(expression.strip(), refuses)
    return result


def formula_for(op: str, dtype: str) -> Formula:
    """The formula of `op` for elements of `dtype`. Raises KeyError."""
    for (name, cls), formula in formulas().items():
        if name == op and dtype in CLASSES.get(cls, ()):
            return formula
    raise KeyError(f"elementwise.def has no formula for {op} of {dtype}")


def type_macros(name: str, dtype: str) -> str:
    stored, computed, load, store = TYPES[dtype]
    lowest, highest = _RANGES.get(computed, ("0", "0"))
    return (
        f"#define {name} {stored}\n#define {name}_C {computed}\n#define LOAD_{name}(p, i)"
        f" {load or '(p)[i]'}\n#define STORE_{name}(p, i, v) {store or f'(p)[i] = ({stored})(v)'}\n#define"
        f" {name}_FLOATING {int(dtype in CLASSES['FLOAT'])}\n#define {name}_LOWEST {lowest}\n#define"
        f" {name}_HIGHEST {highest}\n"
    )


def cast_macro(source_type: str, target: str) -> str:
    """The macro CAST: towards zero, NaN to 0, what does not fit to the nearest limit; integers
    wrap; to bool: not zero.
    """
    if target == "bool":
        return "#define CAST(v) ((v) != 0)\n"
    computed = TYPES[target][1]
    from_float = source_type in CLASSES["FLOAT"]
    if from_float and target in CLASSES["INT"]:
        return f"#define CAST(v) ((v) != (v) ? ({computed})0 : convert_{computed}_sat_rtz(v))\n"
    return f"#define CAST(v) (({computed})(v))\n"


FLOORMOD = """static inline double floormod(double x, double y) {
    double r = fmod(x, y);
    return r != 0.0 && (r < 0.0) != (y < 0.0) ? r + y : r;
}
"""
INTEGER = """#define FC_IABS(x) (T_C)abs(x)
static inline ulong fc_ipow(ulong x, ulong y) {
    ulong r = 1;
    for (; y; y >>= 1, x *= x)
        if (y & 1) r *= x;
    return r;
}
#define FC_IPOW(x, y) (T_C)fc_ipow((ulong)(x), (ulong)(y))
"""


def function_names(double: bool) -> str:
    """What formulas of one type of computation call: FC_SQRT, FC_EXP ... and literals."""
    names = [f"#define FC_{name.upper()} {name}\n" for name in EXACT]
    names += [f"#define FC_{name.upper()} {name if double else f'fc_{name}_f'}\n" for name in OWN]
    return "".join(names) + f"#define F(x) {'x' if double else 'x##f'}\n"


def formula_source(op: str, dtype: str, name: str) -> str:
    """The formula as a function of x and y, both T_C. A y that it refuses gives any result."""
    formula = formula_for(op, dtype)
    safe = f"y = {formula.refuses} ? (T_C)1 : y; " if formula.refuses else ""
    return f"static inline R_C {name}(T_C x, T_C y) {{ {safe}return {formula.expression}; }}\n"
