"""100 MB fed, negated and fetched."""

import numpy as np


def prepare(tf, config):
    x = tf.placeholder(tf.float32, [25_000_000])
    call = tf.Session(config=config).make_callable(-x, [x])
    value = np.ones(25_000_000, np.float32)

    def run(calls):
        for _ in range(calls):
            call(value)

    return run
