"""The graphs with minimum and maximum in turn."""

import itertools

import numpy as np
import shapes


def prepare(tf, config, shape, nodes):
    graph = tf.Graph()
    with graph.as_default():
        x = tf.placeholder(tf.float32, [])
        root = tf.identity(x)
        made = []
        for (a, b), op in zip(
            shapes.inputs(shape, nodes).tolist(), itertools.cycle((tf.minimum, tf.maximum))
        ):
            made.append(op(made[a] if a >= 0 else root, made[b] if b >= 0 else root))
        leaves = made if shape == "fan" else made[-shapes.WINDOW :]
        call = tf.Session(config=config).make_callable(tf.group(*leaves), [x])
    value = np.float32(1)

    def run(calls):
        for _ in range(calls):
            call(value)

    return run
