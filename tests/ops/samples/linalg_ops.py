"""Samples of the ops in flowcore/ops/linalg_ops.py."""

from __future__ import annotations

import numpy as np

from samples import REAL, SIGNED, Sample

rng = np.random.default_rng(0)

SAMPLES: dict[str, list[Sample]] = {
    "MatMul": [
        Sample(
            [a, b],
            lambda a, b, ta=ta, tb=tb: (a.T if ta else a) @ (b.T if tb else b),
            {"transpose_a": ta, "transpose_b": tb},
            tolerance=4,
            elementwise=False,
        )
        for ta, tb, a, b in (
            (False, False, REAL, SIGNED.T.copy()),
            (True, False, REAL, SIGNED),
            (False, True, REAL, SIGNED),
            (True, True, REAL, SIGNED.T.copy()),
        )
    ],
    "BatchMatMul": [
        Sample(
            [rng.normal(size=(2, 3, 4)), rng.normal(size=(2, 4, 5))],
            np.matmul,
            tolerance=8,
            elementwise=False,
        )
    ],
    "BatchMatMulV2": [
        Sample(
            [rng.normal(size=(2, 3, 4)), rng.normal(size=(4, 5))], np.matmul, tolerance=8, elementwise=False
        ),
        Sample(
            [rng.normal(size=(2, 4, 3)), rng.normal(size=(1, 5, 4))],
            lambda a, b: a.swapaxes(1, 2) @ b.swapaxes(1, 2),
            {"adj_x": True, "adj_y": True},
            tolerance=8,
        ),
    ],
}
