"""A fan: 1,000 nodes read one value, one op waits for all."""

import numpy as np

UNIT = "ns a node"


def prepare(tf):
    x = tf.placeholder(tf.float32, [])
    root = tf.identity(x)
    done = tf.group(*[tf.negative(root) for _ in range(1000)])
    call = tf.Session().make_callable(done, [x])
    value = np.float32(1)

    def run(n):
        for _ in range(n):
            call(value)

    return run, 10, 1e6
