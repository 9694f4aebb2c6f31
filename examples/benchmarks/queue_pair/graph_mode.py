"""An enqueue and a dequeue, one run each."""

import numpy as np

UNIT = "us a pair"


def prepare(tf):
    queue = tf.FIFOQueue(10, tf.float32, [[]])
    x = tf.placeholder(tf.float32, [])
    sess = tf.Session()
    put, take = sess.make_callable(queue.enqueue(x), [x]), sess.make_callable(queue.dequeue())
    value = np.float32(1)

    def run(n):
        for _ in range(n):
            put(value)
            take()

    return run, 200, 1e6
