"""One scalar op, fed and fetched."""

import numpy as np


def prepare(tf, config, call):
    x = tf.placeholder(tf.float32, [])
    y = x + 1.0
    sess = tf.Session(config=config)
    value = np.float32(1)
    if call == "run":

        def run(calls):
            for _ in range(calls):
                sess.run(y, {x: value})

    else:
        made = sess.make_callable(y, [x])

        def run(calls):
            for _ in range(calls):
                made(value)

    return run
