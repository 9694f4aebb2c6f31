"""Samples of the ops in flowcore/ops/functions.py."""

from __future__ import annotations

import numpy as np
import scipy.special

from samples import COMPLEX, REAL, SIGNED, Sample, binary, unary


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


SAMPLES: dict[str, list[Sample]] = {
    "Sqrt": unary(np.sqrt),
    "Rsqrt": unary(lambda x: 1 / np.sqrt(x)),
    "Exp": unary(np.exp, SIGNED),
    "Expm1": unary(np.expm1, SIGNED),
    "Log": unary(np.log),
    "Log1p": unary(np.log1p),
    "Sin": unary(np.sin, SIGNED),
    "Cos": unary(np.cos, SIGNED),
    "Tan": unary(np.tan, REAL),
    "Asin": unary(np.arcsin),
    "Acos": unary(np.arccos),
    "Atan": unary(np.arctan),
    "Sinh": unary(np.sinh),
    "Cosh": unary(np.cosh),
    "Asinh": unary(np.arcsinh),
    "Acosh": unary(np.arccosh, REAL + 1),
    "Atanh": unary(np.arctanh),
    "Tanh": unary(np.tanh, SIGNED),
    "Sigmoid": unary(sigmoid, SIGNED),
    "Erf": unary(scipy.special.erf, SIGNED),
    "Erfc": unary(scipy.special.erfc, SIGNED),
    "Angle": [Sample([COMPLEX], np.angle, {"Tout": "float64"})],
    "Pow": [
        *binary(np.power, tolerance=3),
        Sample([np.array([2, 3]), np.array([5, 0])], np.power, dtypes=("int32", "int64")),
    ],
    "Atan2": binary(np.arctan2),
    "SqrtGrad": [Sample([REAL, SIGNED], lambda y, dy: dy * 0.5 / y)],
    "RsqrtGrad": [Sample([REAL, SIGNED], lambda y, dy: dy * -0.5 * y**3)],
    "TanhGrad": [Sample([REAL, SIGNED], lambda y, dy: dy * (1 - y * y))],
    "SigmoidGrad": [Sample([REAL, SIGNED], lambda y, dy: dy * y * (1 - y))],
}
