"""Samples of the ops in flowcore/ops/casts.py."""

from __future__ import annotations

import numpy as np

from samples import APART, COMPLEX, REAL, SIGNED, Sample

SAMPLES: dict[str, list[Sample]] = {
    "Conj": [Sample([COMPLEX], np.conj)],
    "Real": [Sample([COMPLEX], np.real, {"Tout": "float64"})],
    "Imag": [Sample([COMPLEX], np.imag, {"Tout": "float64"})],
    "Complex": [Sample([REAL, SIGNED], lambda a, b: a + 1j * b, {"Tout": "complex128"}, dtypes=("float64",))],
    "Cast": [
        Sample([APART], lambda x: x.astype(np.int32), {"DstT": "int32"}),
        Sample([APART], lambda x: x.astype(np.float64), {"DstT": "float64"}, tolerance=1000),
        Sample(
            [np.array([1e30, -1e30, np.nan])],
            lambda x: np.array([2**31 - 1, -(2**31), 0]),
            {"DstT": "int32"},
            dtypes=("float64", "float32"),
        ),
    ],
}
