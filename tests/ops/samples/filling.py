"""Samples of the ops in flowcore/ops/filling.py."""

from __future__ import annotations

import numpy as np

from samples import I32, INTS, Sample, unary

SAMPLES: dict[str, list[Sample]] = {
    "Fill": [Sample([np.array([2, 3], I32), np.array(4.5)], lambda d, v: np.full(d, v))],
    "ZerosLike": unary(np.zeros_like),
    "OnesLike": [*unary(np.ones_like), Sample([np.arange(4)], np.ones_like, dtypes=INTS)],
    "Range": [
        Sample([np.array(2, I32), np.array(11, I32), np.array(3, I32)], lambda a, b, d: np.arange(2, 11, 3)),
        Sample(
            [np.array(3.0), np.array(0.0), np.array(-0.5)],
            lambda a, b, d: np.arange(3, 0, -0.5),
            dtypes=("float64", "float32"),
        ),
    ],
    "LinSpace": [
        Sample(
            [np.array(1.0), np.array(2.0), np.array(5, I32)],
            lambda a, b, n: np.linspace(1, 2, 5),
            dtypes=("float64", "float32"),
        )
    ],
}
