"""Samples of the ops in flowcore/ops/gathering.py."""

from __future__ import annotations

import numpy as np

from samples import I32, INTS, REAL, Sample

SAMPLES: dict[str, list[Sample]] = {
    "GatherV2": [
        Sample([REAL, np.array([[2, 0], [0, 1]], I32), np.array(0, I32)], lambda x, i, a: x[i]),
        Sample([REAL, np.array([3, 0, 3], I32), np.array(1, I32)], lambda x, i, a: x[:, i]),
    ],
    "Gather": [Sample([REAL, np.array([2, 2], I32)], lambda x, i: x[i])],
    "UnsortedSegmentSum": [
        Sample(
            [REAL, np.array([1, 0, 1], I32), np.array(3, I32)],
            lambda x, i, n: np.array([x[1], x[0] + x[2], x[0] * 0]),
        )
    ],
    "OneHot": [
        Sample(
            [np.array([1, 3, -1], I32), np.array(3, I32), np.array(5.0), np.array(2.0)],
            lambda i, d, a, b: np.where(i[:, None] == np.arange(3), a, b),
        )
    ],
    "Unique": [Sample([np.array([3, 1, 3, 2, 1])], lambda x: [[3, 1, 2], [0, 1, 0, 2, 1]], dtypes=INTS)],
}
