"""The same first weights and examples for every side."""

import itertools

import numpy as np


def layers(sizes):
    rng = np.random.default_rng(0)
    return [
        (rng.normal(size=(m, n), scale=m**-0.5).astype(np.float32), np.zeros(n, np.float32))
        for m, n in itertools.pairwise(sizes)
    ]


def examples(sizes, batch):
    rng = np.random.default_rng(1)
    return rng.normal(size=(batch, sizes[0])).astype(np.float32), rng.integers(0, sizes[-1], batch).astype(
        np.int32
    )
