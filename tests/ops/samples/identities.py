"""Samples of the ops in flowcore/ops/identities.py."""

from __future__ import annotations

import numpy as np

from samples import REAL, SIGNED, Sample, unary

SAMPLES: dict[str, list[Sample]] = {
    "Identity": unary(lambda x: x),
    "Snapshot": unary(lambda x: x),
    "IdentityN": [Sample([[REAL, SIGNED]], lambda xs: xs)],
    "StopGradient": unary(lambda x: x),
    "PreventGradient": unary(lambda x: x, differentiated=0),
    "Bitcast": [
        Sample(
            [np.array([1.0, -2.0], np.float32)],
            lambda x: x.view(np.int32),
            {"type": "int32"},
            dtypes=("float32",),
        )
    ],
}
