"""Samples of the ops in flowcore/ops/statistics.py."""

from __future__ import annotations

import numpy as np

from samples import I32, Sample, unary

SAMPLES: dict[str, list[Sample]] = {
    "L2Loss": unary(lambda x: (x * x).sum() / 2, tolerance=3),
    "InTopK": [
        Sample(
            [np.array([[1, 3, 2], [5, 4, 3]], np.float32), np.array([2, 2], I32)],
            lambda p, t: [True, False],
            {"k": 2},
            dtypes=("float32",),
        )
    ],
    "InTopKV2": [
        Sample(
            [np.array([[1, 3, 2], [5, 4, 3]], np.float32), np.array([2, 2], I32), np.array(2, I32)],
            lambda p, t, k: [True, False],
            dtypes=("float32",),
        )
    ],
}
