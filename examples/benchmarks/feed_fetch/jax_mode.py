"""100 MB negated by JAX, from a NumPy array and back."""

import jax
import numpy as np


def prepare():
    value = np.ones(25_000_000, np.float32)
    negate = jax.jit(lambda x: -x)

    def run(calls):
        for _ in range(calls):
            np.asarray(negate(value))

    return run
