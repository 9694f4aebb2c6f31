"""100 MB negated in NumPy."""

import numpy as np


def prepare():
    value = np.ones(25_000_000, np.float32)

    def run(calls):
        for _ in range(calls):
            np.negative(value)

    return run
