"""Samples of the ops in flowcore/ops/comparison.py."""

from __future__ import annotations

import numpy as np

from samples import APART, REAL, SIGNED, Sample, binary, integer, unary

SAMPLES: dict[str, list[Sample]] = {
    "Invert": [Sample([np.arange(6)], np.invert, dtypes=("int32", "int64", "int8"))],
    "LogicalNot": [Sample([np.array([True, False])], np.logical_not, dtypes=("bool",))],
    "IsNan": unary(np.isnan, np.array([1, np.nan, np.inf])),
    "IsInf": unary(np.isinf, np.array([1, np.nan, -np.inf])),
    "IsFinite": unary(np.isfinite, np.array([1, np.nan, -np.inf])),
    "Maximum": binary(np.maximum),
    "Minimum": binary(np.minimum),
    "BitwiseAnd": [integer(np.bitwise_and)],
    "BitwiseOr": [integer(np.bitwise_or)],
    "BitwiseXor": [integer(np.bitwise_xor)],
    "Equal": [integer(np.equal), *binary(np.equal)],
    "NotEqual": [integer(np.not_equal)],
    "Less": [integer(np.less), *binary(np.less)],
    "LessEqual": [integer(np.less_equal)],
    "Greater": [integer(np.greater)],
    "GreaterEqual": [integer(np.greater_equal)],
    "LogicalAnd": [Sample([np.array([True, False]), np.array([[True], [False]])], np.logical_and)],
    "LogicalOr": [Sample([np.array([True, False]), np.array([[True], [False]])], np.logical_or)],
    "Select": [
        Sample([np.array([[True], [False]]) & np.ones((2, 3), bool), APART, APART[::-1]], np.where),
        Sample([np.array(True), REAL, SIGNED], np.where),
    ],
    "SelectV2": [Sample([np.array([True, False, True]), APART, APART[:1]], np.where)],
    "CheckNumerics": unary(lambda x: x, attrs={"message": "bad"}),
}
