"""A random graph of 10,000 additions of scalars."""

import numpy as np

UNIT = "ns a node"


def prepare(tf):
    rng = np.random.default_rng(0)
    x = tf.placeholder(tf.float32, [])
    nodes = [x * 0.5]
    for _ in range(10_000):
        a, b = (nodes[rng.integers(max(0, len(nodes) - 100), len(nodes))] for _ in range(2))
        nodes.append(tf.minimum(a, b))
    call = tf.Session().make_callable(tf.add_n(nodes[-20:]), [x])
    value = np.float32(1)

    def run(n):
        for _ in range(n):
            call(value)

    return run, 3, 1e5
