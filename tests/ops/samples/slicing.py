"""Samples of the ops in flowcore/ops/slicing.py."""

from __future__ import annotations

import numpy as np

from samples import I32, REAL, Sample

SAMPLES: dict[str, list[Sample]] = {
    "Slice": [Sample([REAL, np.array([1, 0], I32), np.array([-1, 2], I32)], lambda x, b, s: x[1:, :2])],
    "StridedSlice": [
        Sample(
            [REAL, np.array([0, 3], I32), np.array([3, 0], I32), np.array([2, -2], I32)],
            lambda x, b, e, s: x[0:3:2, 3:0:-2],
        ),
        Sample(
            [REAL, np.array([1], I32), np.array([2], I32), np.array([1], I32)],
            lambda x, b, e, s: x[1],
            {"shrink_axis_mask": 1},
        ),
    ],
    "StridedSliceGrad": [
        Sample(
            [
                np.array([3, 4], I32),
                np.array([0, 1], I32),
                np.array([3, 4], I32),
                np.array([2, 2], I32),
                REAL[:2, :2],
            ],
            lambda n, b, e, s, dy: np.array(
                [[0, dy[0, 0], 0, dy[0, 1]], [0] * 4, [0, dy[1, 0], 0, dy[1, 1]]]
            ),
        )
    ],
}
