"""Samples of the ops in flowcore/ops/reductions.py."""

from __future__ import annotations

import numpy as np

from samples import I32, REAL, Sample

rng = np.random.default_rng(0)

SAMPLES: dict[str, list[Sample]] = {
    "Sum": [
        Sample(
            [rng.normal(size=(2, 3, 4)), np.array(a, I32)],
            lambda x, a: x.sum(tuple(np.ravel(a)), keepdims=True),
            {"keep_dims": True},
        )
        for a in ([0, 2], [1], [-1])
    ],
    "Mean": [
        Sample([REAL, np.array([0], I32)], lambda x, a: x.mean(0)),
        Sample([REAL, np.array([0, 1], I32)], lambda x, a: x.mean()),
    ],
    "Prod": [
        Sample([REAL, np.array([0], I32)], lambda x, a: x.prod(0), tolerance=4),
        Sample([REAL, np.array([1], I32)], lambda x, a: x.prod(1), tolerance=4),
    ],
    "Max": [Sample([REAL, np.array([1], I32)], lambda x, a: x.max(1))],
    "Min": [Sample([REAL, np.array([0, 1], I32)], lambda x, a: x.min())],
    "All": [Sample([REAL > 0.5, np.array([1], I32)], lambda x, a: x.all(1))],
    "Any": [Sample([REAL > 0.5, np.array([0], I32)], lambda x, a: x.any(0))],
    "ArgMax": [Sample([REAL, np.array(1, I32)], lambda x, a: x.argmax(1))],
    "ArgMin": [Sample([REAL, np.array(0, I32)], lambda x, a: x.argmin(0))],
    "Cumsum": [
        Sample([REAL, np.array(1, I32)], lambda x, a: x.cumsum(1)),
        Sample(
            [REAL, np.array(0, I32)],
            lambda x, a: x[::-1].cumsum(0)[::-1] - x,
            {"exclusive": True, "reverse": True},
        ),
    ],
    "Cumprod": [Sample([REAL, np.array(1, I32)], lambda x, a: x.cumprod(1), tolerance=3)],
}
