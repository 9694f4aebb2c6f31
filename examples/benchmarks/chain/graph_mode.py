"""A chain of 1,000 scalar ops that cannot be folded."""

import numpy as np

UNIT = "ns a node"


def prepare(tf):
    x = tf.placeholder(tf.float32, [])
    y = x
    for _ in range(1000):
        y = tf.negative(y)
    call = tf.Session().make_callable(y, [x])
    value = np.float32(1)

    def run(n):
        for _ in range(n):
            call(value)

    return run, 10, 1e6
