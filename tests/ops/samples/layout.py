"""Samples of the ops in flowcore/ops/layout.py."""

from __future__ import annotations

import numpy as np

from samples import COMPLEX, I32, REAL, Sample

rng = np.random.default_rng(0)

SAMPLES: dict[str, list[Sample]] = {
    "Transpose": [
        Sample([rng.normal(size=(2, 3, 4)), np.array(p, I32)], np.transpose)
        for p in ([2, 0, 1], [0, 2, 1], [0, 1, 2])
    ],
    "ConjugateTranspose": [Sample([COMPLEX, np.array([1, 0], I32)], lambda x, p: x.T.conj())],
    "InvertPermutation": [Sample([np.array([2, 0, 1], I32)], np.argsort)],
    "Tile": [Sample([REAL, np.array([2, 1], I32)], np.tile), Sample([REAL, np.array([2, 3], I32)], np.tile)],
    "Pad": [Sample([REAL, np.array([[1, 0], [0, 2]], I32)], lambda x, p: np.pad(x, p))],
    "PadV2": [
        Sample(
            [REAL, np.array([[1, 0], [0, 2]], I32), np.array(7.0)],
            lambda x, p, v: np.pad(x, p, constant_values=v),
            second=False,
        )
    ],
    "ReverseV2": [Sample([REAL, np.array([1], I32)], lambda x, a: x[:, ::-1])],
}
