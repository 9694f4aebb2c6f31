"""One scalar op, fed and fetched through make_callable."""

import numpy as np

UNIT = "us a call"


def prepare(tf):
    x = tf.placeholder(tf.float32, [])
    y = x + 1.0
    sess = tf.Session()
    call = sess.make_callable(y, [x])
    value = np.float32(1)

    def run(n):
        for _ in range(n):
            call(value)

    return run, 500, 1e6
