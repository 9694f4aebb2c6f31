"""Samples of the ops in flowcore/ops/shape_ops.py."""

from __future__ import annotations

import numpy as np

from samples import I32, REAL, Sample, unary

SAMPLES: dict[str, list[Sample]] = {
    "Shape": unary(lambda x: np.array(x.shape)),
    "ShapeN": [Sample([[REAL, REAL]], lambda xs: [np.array(x.shape) for x in xs])],
    "Size": unary(lambda x: np.array(x.size)),
    "Rank": unary(lambda x: np.array(x.ndim)),
    "Reshape": [Sample([REAL, np.array([2, -1], I32)], lambda x, s: x.reshape(s))],
    "ExpandDims": [Sample([REAL, np.array(-1, I32)], lambda x, a: np.expand_dims(x, a))],
    "Squeeze": [
        Sample([REAL[:, None, :, None]], lambda x: x.squeeze(1), {"squeeze_dims": [1]}),
        Sample([REAL[None]], np.squeeze),
    ],
    "BroadcastTo": [Sample([REAL[:, None], np.array([2, 3, 5, 4], I32)], lambda x, s: np.broadcast_to(x, s))],
    "BroadcastGradientArgs": [
        Sample([np.array([2, 1, 3], I32), np.array([4, 3], I32)], lambda a, b: [[1], [0]])
    ],
}
