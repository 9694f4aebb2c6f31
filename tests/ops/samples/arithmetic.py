"""Samples of the ops in flowcore/ops/arithmetic.py."""

from __future__ import annotations

import numpy as np

from samples import APART, COMPLEX, REAL, SIGNED, Sample, binary, integer, unary

SAMPLES: dict[str, list[Sample]] = {
    "Neg": unary(np.negative)
    + [Sample([np.arange(6).reshape(2, 3)], np.negative, dtypes=("int32", "int64"))],
    "Abs": unary(np.abs, APART),
    "Sign": unary(np.sign, APART),
    "Square": unary(np.square),
    "Inv": unary(np.reciprocal),
    "Reciprocal": unary(np.reciprocal),
    "Floor": unary(np.floor, APART),
    "Ceil": unary(np.ceil, APART),
    "Rint": unary(np.rint, APART),
    "Round": unary(np.rint, APART),
    "ComplexAbs": [Sample([COMPLEX], np.abs, {"Tout": "float64"})],
    "Add": [*binary(np.add), integer(np.add)],
    "AddV2": [*binary(np.add), integer(np.add)],
    "Sub": [
        *binary(np.subtract),
        Sample([np.arange(3), np.array([5, 1, 1])], np.subtract, dtypes=("int32", "int64", "int8")),
    ],
    "Mul": [*binary(np.multiply), integer(np.multiply), Sample([COMPLEX, COMPLEX[0]], np.multiply)],
    "Div": [*binary(np.divide), integer(lambda x, y: x // y)],
    "RealDiv": binary(np.divide),
    "DivNoNan": [*binary(np.divide), Sample([COMPLEX, COMPLEX[0]], np.divide)],
    "Xdivy": [*binary(np.divide), Sample([COMPLEX, COMPLEX[0]], np.divide)],
    "MulNoNan": [*binary(np.multiply), Sample([COMPLEX, COMPLEX[0]], np.multiply)],
    "FloorDiv": [
        integer(np.floor_divide),
        Sample(
            [np.array([-7, 7, -8]), np.array([2, -2, 4])], np.floor_divide, dtypes=("int32", "int64", "int8")
        ),
    ],
    "FloorMod": [
        *binary(np.mod, REAL + 0.05, REAL[::-1] * 0.31 + 0.3, second=False),
        integer(np.mod),
        Sample([np.array([-7, 7, -8]), np.array([2, -2, 5])], np.mod, dtypes=("int32", "int64", "int8")),
    ],
    "Mod": [integer(np.fmod), Sample([np.array([-7, 7]), np.array([2, -2])], np.fmod, dtypes=("int32",))],
    "TruncateMod": [integer(np.fmod)],
    "TruncateDiv": [
        integer(lambda x, y: x // y),
        Sample([np.array([-7, 7]), np.array([2, -2])], lambda x, y: np.trunc(x / y), dtypes=("int32",)),
    ],
    "SquaredDifference": binary(lambda x, y: (x - y) ** 2),
    "InvGrad": [Sample([REAL, SIGNED], lambda y, dy: -dy * y * y)],
    "ReciprocalGrad": [Sample([REAL, SIGNED], lambda y, dy: -dy * y * y)],
    "AddN": [Sample([[REAL, SIGNED, REAL]], lambda xs: sum(xs))],
}
