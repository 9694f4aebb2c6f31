"""100 MB fed, negated and fetched."""

import numpy as np

UNIT = "ms"


def prepare(tf):
    x = tf.placeholder(tf.float32, [25_000_000])
    call = tf.Session().make_callable(-x, [x])
    value = np.ones(25_000_000, np.float32)

    def run(n):
        for _ in range(n):
            call(value)

    return run, 2, 1e3
