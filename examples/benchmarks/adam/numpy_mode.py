"""The update in NumPy, in place with two arrays to work in."""

import numpy as np


def prepare(n):
    rng = np.random.default_rng(0)
    p, g = (rng.normal(size=n).astype(np.float32) for _ in range(2))
    m, v, a, b = (np.zeros(n, np.float32) for _ in range(4))
    t = 0

    def run(calls):
        nonlocal t
        for _ in range(calls):
            t += 1
            np.multiply(m, 0.9, out=m)
            np.add(m, np.multiply(g, 0.1, out=a), out=m)
            np.multiply(v, 0.999, out=v)
            np.add(v, np.multiply(np.multiply(g, g, out=a), 0.001, out=a), out=v)
            np.add(np.sqrt(v, out=a), 1e-8, out=a)
            rate = 1e-3 * (1 - 0.999**t) ** 0.5 / (1 - 0.9**t)
            np.subtract(p, np.divide(np.multiply(m, rate, out=b), a, out=a), out=p)

    return run
