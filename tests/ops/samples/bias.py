"""Samples of the ops in flowcore/ops/bias.py."""

from __future__ import annotations

import numpy as np

from samples import REAL, SIGNED, Sample

SAMPLES: dict[str, list[Sample]] = {
    "BiasAdd": [Sample([REAL, SIGNED[0]], np.add)],
    "BiasAddGrad": [Sample([REAL], lambda x: x.sum(0), tolerance=3)],
}
