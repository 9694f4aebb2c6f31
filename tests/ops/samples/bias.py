"""Samples of the ops in flowcore/ops/bias.py."""

from __future__ import annotations

import numpy as np

from samples import REAL, SIGNED, Sample

SAMPLES: dict[str, list[Sample]] = {
    "BiasAdd": [Sample([REAL, SIGNED[0]], np.add, elementwise=False)],
    "BiasAddGrad": [Sample([REAL], lambda x: x.reshape(-1, x.shape[-1]).sum(0), tolerance=3, least_rank=2)],
}
