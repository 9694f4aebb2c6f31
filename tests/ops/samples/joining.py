"""Samples of the ops in flowcore/ops/joining.py."""

from __future__ import annotations

import numpy as np

from samples import I32, REAL, SIGNED, Sample

SAMPLES: dict[str, list[Sample]] = {
    "ConcatV2": [Sample([[REAL, SIGNED[:, :2]], np.array(1, I32)], lambda xs, a: np.concatenate(xs, a))],
    "Concat": [Sample([np.array(0, I32), [REAL, SIGNED]], lambda a, xs: np.concatenate(xs, a))],
    "ConcatOffset": [
        Sample(
            [np.array(0, I32), [np.array([2, 3], I32), np.array([5, 3], I32)]], lambda a, s: [[0, 0], [2, 0]]
        )
    ],
    "Split": [Sample([np.array(1, I32), REAL], lambda a, x: np.split(x, 2, a), {"num_split": 2})],
    "SplitV": [
        Sample(
            [REAL, np.array([1, 3], I32), np.array(1, I32)],
            lambda x, s, a: np.split(x, [1], a),
            {"num_split": 2},
        )
    ],
    "Pack": [Sample([[REAL, SIGNED]], lambda xs: np.stack(xs, 1), {"axis": 1})],
    "Unpack": [Sample([REAL], lambda x: list(x.T), {"num": 4, "axis": 1})],
}
