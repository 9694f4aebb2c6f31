"""Ten elementwise ops, fed and fetched."""

import numpy as np
from formula import ten


def prepare(tf, config):
    x = tf.placeholder(tf.float32, [1_000_000])
    call = tf.Session(config=config).make_callable(ten(tf, x), [x])
    value = np.random.default_rng(0).normal(size=1_000_000).astype(np.float32)

    def run(calls):
        for _ in range(calls):
            call(value)

    return run
