"""Samples of every op, one file per module of flowcore.ops, found by its name.

A sample is (arrays, attributes, reference): the op is applied to the arrays, and the reference, a
NumPy function of them, says what must come out. A file has SAMPLES, by op type, and TESTED_BY: tests,
by file and name, and the ops that they stand in for, which need a session's state, files, threads,
randomness or a reference of their own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

rng = np.random.default_rng(0)
REAL = rng.uniform(0.2, 0.9, (3, 4))
SIGNED = rng.uniform(-2, 2, (3, 4))
APART = np.array([[-1.7, -0.4, 0.6], [1.3, -2.2, 2.6]])  # away from kinks at whole and half numbers
COMPLEX = REAL + 1j * SIGNED
I32 = np.int32


@dataclass
class Sample:
    inputs: list[Any]
    reference: Any = None
    attrs: dict[str, Any] = field(default_factory=dict)
    dtypes: tuple[str, ...] = ("float64", "float32", "float16")  # of the floating inputs
    tolerance: float = 1.0
    second: bool = True
    differentiated: int | None = None  # so many of its outputs are; None: all
    least_rank: int = 0  # of the first input
    elementwise: bool = True  # several inputs are taken element by element


INTS = ("int32", "int64", "int8", "uint8")
FLOATS = ("float64", "float32", "float16")


def unary(reference: Any, x: np.ndarray = REAL, **options: Any) -> list[Sample]:
    return [Sample([x], reference, **options)]


def binary(reference: Any, x: np.ndarray = REAL, y: np.ndarray | None = None, **options: Any) -> list[Sample]:
    y = REAL[::-1].copy() * 1.3 if y is None else y
    return [
        Sample([x, y], reference, **options),
        Sample([x, y[:1]], reference, **options),
        Sample([x[0, 0], y], reference, **options),
    ]


def integer(reference: Any) -> Sample:
    return Sample([np.array([[7, 8, 9], [1, 2, 3]]), np.array([2, 3, 5])], reference, dtypes=INTS)


def softmax(x: np.ndarray) -> np.ndarray:
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)
