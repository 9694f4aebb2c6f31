"""Samples of the ops in flowcore/ops/cross_entropy.py."""

from __future__ import annotations

import numpy as np

from samples import I32, REAL, SIGNED, Sample, softmax

SAMPLES: dict[str, list[Sample]] = {
    "SoftmaxCrossEntropyWithLogits": [
        Sample(
            [SIGNED, softmax(REAL)],
            lambda x, y: [-(y * np.log(softmax(x))).sum(-1), softmax(x) - y],
            tolerance=4,
            differentiated=1,
            elementwise=False,
        )
    ],
    "SparseSoftmaxCrossEntropyWithLogits": [
        Sample(
            [SIGNED, np.array([0, 3, 1], I32)],
            lambda x, y: [-np.log(softmax(x))[range(3), y], softmax(x) - np.eye(4)[y]],
            tolerance=4,
            differentiated=1,
        )
    ],
}
