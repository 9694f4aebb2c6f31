"""The product in NumPy."""

import numpy as np


def prepare(n):
    rng = np.random.default_rng(0)
    a, b = (rng.normal(size=(n, n)).astype(np.float32) for _ in range(2))
    out = np.empty((n, n), np.float32)

    def run(calls):
        for _ in range(calls):
            np.matmul(a, b, out=out)

    return run
